%% @doc TLS for control connections: the option `tls' for OTP's `ssl', which is started when it is
%% first needed. It accepts the certificates that a link accepts.
%% @private
-module(eslaver_control_tls).

-export([secure/4]).

-include_lib("public_key/include/public_key.hrl").

%% @doc Begins a session on an open socket, with the server called `Host' unless the options name it
%% otherwise. After an error the socket is of no more use.
-spec secure(gen_tcp:socket(), Host :: binary(), eslaver_nif:tls(), LimitMs :: pos_integer()) ->
    {ok, ssl:sslsocket()} | {error, Text :: binary()}.
secure(Socket, Host, Tls, Limit) ->
    case application:ensure_all_started(ssl) of
        {ok, _} -> started(Socket, Host, Tls, Limit);
        {error, _} -> {error, <<"TLS to it needs OTP's application ssl: add it to the release">>}
    end.

started(Socket, Host, Tls, Limit) ->
    case options(Host, Tls) of
        {ok, Options} ->
            case ssl:connect(Socket, Options, Limit) of
                {ok, Secure} -> {ok, Secure};
                {error, Reason} -> {error, explained(Reason)}
            end;
        {error, _} = Error ->
            Error
    end.

options(Host, #{server_name := Given, verify := Verify} = Tls) ->
    Name =
        case Given of
            undefined -> binary_to_list(Host);
            _ -> binary_to_list(Given)
        end,
    Common = [{log_level, none}, {server_name_indication, Name} | own(Tls)],
    case Verify of
        false -> {ok, [{verify, verify_none} | Common]};
        _ -> verified(Verify, trusted(Tls), Common)
    end.

own(#{certfile := undefined}) -> [];
own(#{certfile := Certificate, keyfile := Key}) -> [{certfile, Certificate}, {keyfile, Key}].

verified(Verify, {ok, Trusted}, Common) ->
    {ok, [
        {verify, verify_peer},
        {cacerts, Trusted},
        {verify_fun, {fun check/3, Trusted}},
        {partial_chain, fun(Chain) -> anchor(Chain, Trusted) end},
        {customize_hostname_check, names(Verify)}
        | Common
    ]};
verified(_Verify, {error, _} = Error, _Common) ->
    Error.

%% The certificates of the file, or without one those that the system trusts.
trusted(#{cacertfile := undefined}) ->
    try public_key:cacerts_get() of
        Certificates -> {ok, [Der || #cert{der = Der} <- Certificates]}
    catch
        _:_ -> {error, <<"this system has no trusted certificates: set cacertfile">>}
    end;
trusted(#{cacertfile := File}) ->
    Shown = eslaver_log:path(File),
    case file:read_file_info(File) of
        {ok, Info} when element(3, Info) =:= regular ->
            read(Shown, file:read_file(File));
        {ok, _} ->
            {error, eslaver_text:format("cannot read ~ts: it is not a regular file", [Shown])};
        {error, Reason} ->
            read(Shown, {error, Reason})
    end.

read(Shown, {ok, Text}) ->
    case [Der || {'Certificate', Der, not_encrypted} <- decoded(Text)] of
        [] -> {error, eslaver_text:format("~ts holds no certificate", [Shown])};
        Certificates -> {ok, Certificates}
    end;
read(Shown, {error, Reason}) ->
    {error, eslaver_text:format("cannot read ~ts: ~ts", [Shown, file:format_error(Reason)])}.

decoded(Text) ->
    try
        public_key:pem_decode(Text)
    catch
        _:_ -> []
    end.

%% A trusted certificate may be the server's own, whoever signed it.
anchor(Chain, Trusted) ->
    case [Der || Der <- Chain, lists:member(Der, Trusted)] of
        [Der | _] -> {trusted_ca, Der};
        [] -> unknown_ca
    end.

check(Certificate, {bad_cert, Reason}, Trusted) when
    Reason =:= selfsigned_peer; Reason =:= unknown_ca
->
    Der = public_key:pkix_encode('OTPCertificate', Certificate, otp),
    case lists:member(Der, Trusted) of
        true -> {valid, Trusted};
        false -> {fail, {bad_cert, Reason}}
    end;
check(_Certificate, {bad_cert, Reason}, _Trusted) ->
    {fail, {bad_cert, Reason}};
check(_Certificate, {extension, _}, Trusted) ->
    {unknown, Trusted};
check(_Certificate, _Valid, Trusted) ->
    {valid, Trusted}.

%% A name counts only where it is a subjectAltName, as with a link.
names(true) ->
    Https = public_key:pkix_verify_hostname_match_fun(https),
    Match = fun
        (_Reference, {cn, _}) -> false;
        (Reference, Presented) -> Https(Reference, Presented)
    end,
    [{match_fun, Match}];
names(chain) ->
    [{fail_callback, fun(_Certificate) -> true end}].

explained({tls_alert, {Alert, Text}}) ->
    eslaver_text:format("TLS: ~ts~ts", [string:trim(Text), remedy(Alert)]);
explained({options, _}) ->
    <<"TLS: the certificate or key of the options cannot be used">>;
explained(Reason) ->
    Hint = "if the port does not use TLS, leave the option out",
    eslaver_text:format("TLS: ~ts; ~ts", [eslaver_text:socket_error(Reason), Hint]).

remedy(unknown_ca) ->
    "; cacertfile must hold the certificate, not expired, of an authority that signed it";
remedy(handshake_failure) ->
    "; set server_name to a name that its certificate has, or verify => chain to accept any";
remedy(_Alert) ->
    "".
