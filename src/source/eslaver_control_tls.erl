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
                {ok, Secure} -> named(Secure, reference(Host, Tls), Tls);
                {error, Reason} -> {error, explained(Reason)}
            end;
        {error, _} = Error ->
            Error
    end.

%% A name counts only where it is a subjectAltName, as with a link. It is checked last, the same for
%% all ways to be trusted.
named(Secure, Reference, #{verify := true}) ->
    Wildcards = public_key:pkix_verify_hostname_match_fun(https),
    Match = fun
        (_Reference, {cn, _}) -> false;
        (Given, Presented) -> Wildcards(Given, Presented)
    end,
    IsNamed = fun(Der) ->
        public_key:pkix_verify_hostname(decode(Der), [Reference], [{match_fun, Match}])
    end,
    case ssl:peercert(Secure) of
        {ok, Der} -> named(IsNamed(Der), Secure);
        %% with TLS 1.3 a server refuses our certificate, or that there is none, afterwards
        {error, Reason} -> {error, explained(Reason)}
    end;
named(Secure, _Reference, _Tls) ->
    {ok, Secure}.

named(true, Secure) ->
    {ok, Secure};
named(false, Secure) ->
    _ = ssl:close(Secure),
    {error, <<
        "TLS: the certificate is for another name; "
        "set server_name to one that it has, or verify => chain to accept any"
    >>}.

%% What a certificate has to name.
reference(Host, #{server_name := undefined}) -> reference(binary_to_list(Host));
reference(_Host, #{server_name := Name}) -> reference(binary_to_list(Name)).

reference(Name) ->
    case inet:parse_strict_address(Name) of
        {ok, Ip} -> {ip, Ip};
        {error, einval} -> {dns_id, Name}
    end.

options(Host, #{verify := Verify} = Tls) ->
    case {own(Tls), Verify =:= false orelse trusted(Tls)} of
        {{ok, Own}, true} -> {ok, [{verify, verify_none} | Own] ++ common(reference(Host, Tls))};
        {{ok, Own}, {ok, Trusted}} -> {ok, trust(Trusted) ++ Own ++ common(reference(Host, Tls))};
        {{error, _} = Error, _} -> Error;
        {_, {error, _} = Error} -> Error
    end.

%% Only names of hosts are sent to the server.
common({dns_id, Name}) -> [{log_level, none}, {server_name_indication, Name}];
common({ip, _}) -> [{log_level, none}, {server_name_indication, disable}].

%% `ssl' gets the names of the files, as its supervisor logs what it gets. It would also log the key
%% if it could not read the certificate, so both are read here first.
own(#{certfile := undefined}) ->
    {ok, []};
own(#{certfile := CertFile, keyfile := KeyFile}) ->
    case {certificates(CertFile), key(KeyFile)} of
        {{ok, _}, {ok, _}} -> {ok, [{certfile, CertFile}, {keyfile, KeyFile}]};
        {{error, _} = Error, _} -> Error;
        {_, Error} -> Error
    end.

key(File) ->
    Types = ['RSAPrivateKey', 'DSAPrivateKey', 'ECPrivateKey', 'PrivateKeyInfo'],
    case entries(File) of
        {ok, Entries} ->
            Keys = [
                {Type, Der}
             || {Type, Der, not_encrypted} <- Entries, lists:member(Type, Types)
            ],
            first(Keys, "~ts holds no key without a passphrase", File);
        {error, _} = Error ->
            Error
    end.

first([First | _], _Otherwise, _File) -> {ok, First};
first([], Otherwise, File) -> {error, eslaver_text:format(Otherwise, [eslaver_log:path(File)])}.

trust(Trusted) ->
    Signing = [Der || Der <- Trusted, may_sign(Der)],
    [
        {verify, verify_peer},
        {cacerts, Signing},
        {verify_fun, {fun check/3, Trusted}},
        {partial_chain, fun(Chain) -> anchor(Chain, Trusted, Signing) end},
        {customize_hostname_check, [
            {match_fun, fun(_, _) -> true end}, {fail_callback, fun(_) -> true end}
        ]}
    ].

%% The certificates of the file, or without one those that the system trusts.
trusted(#{cacertfile := undefined}) ->
    try public_key:cacerts_get() of
        Certificates -> {ok, [Der || #cert{der = Der} <- Certificates]}
    catch
        _:_ -> {error, <<"this system has no trusted certificates: set cacertfile">>}
    end;
trusted(#{cacertfile := File}) ->
    certificates(File).

certificates(File) ->
    case entries(File) of
        {ok, Entries} ->
            Found = [Der || {'Certificate', Der, not_encrypted} <- Entries, is_readable(Der)],
            case Found of
                [_ | _] -> {ok, Found};
                [] -> first([], "~ts holds no certificate", File)
            end;
        {error, _} = Error ->
            Error
    end.

%% The parts of a file. No process may ever write to a file that is none.
entries(File) ->
    case file:read_file_info(File, [raw]) of
        {ok, Info} when element(3, Info) =:= regular -> decoded(file:read_file(File), File);
        {ok, _} -> decoded({error, eftype}, File);
        {error, Reason} -> decoded({error, Reason}, File)
    end.

decoded({ok, Text}, _File) ->
    try
        {ok, public_key:pem_decode(Text)}
    catch
        _:_ -> {ok, []}
    end;
decoded({error, Reason}, File) ->
    Words = [eslaver_log:path(File), file:format_error(Reason)],
    {error, eslaver_text:format("cannot read ~ts: ~ts", Words)}.

is_readable(Der) -> decode(Der) =/= error.

decode(Der) ->
    try
        public_key:pkix_decode_cert(Der, otp)
    catch
        _:_ -> error
    end.

%% Whether it may sign others, as OpenSSL decides that: of version 1, if it signed itself; without a
%% word on whether it is an authority's, if its key usage allows it.
may_sign(Der) ->
    #'OTPCertificate'{tbsCertificate = Signed} = Certificate = decode(Der),
    Extensions =
        case Signed#'OTPTBSCertificate'.extensions of
            Listed when is_list(Listed) ->
                maps:from_list([
                    {Id, Value}
                 || #'Extension'{extnID = Id, extnValue = Value} <- Listed
                ]);
            _ ->
                #{}
        end,
    Usage = maps:get(?'id-ce-keyUsage', Extensions, undefined),
    MayUse = Usage =/= undefined andalso lists:member(keyCertSign, Usage),
    case {Signed#'OTPTBSCertificate'.version, Extensions} of
        {v3, #{?'id-ce-basicConstraints' := #'BasicConstraints'{cA = IsAuthority}}} ->
            IsAuthority andalso (MayUse orelse Usage =:= undefined);
        {v3, _} ->
            MayUse;
        _ ->
            public_key:pkix_is_self_signed(Certificate)
    end.

%% The server's own certificate may be trusted, whoever signed it, or one that signed it.
anchor(Chain, Trusted, Signing) ->
    Own = lists:last(Chain),
    case {lists:member(Own, Trusted), [Der || Der <- Chain, lists:member(Der, Signing)]} of
        {true, _} -> {trusted_ca, Own};
        {false, [Der | _]} -> {trusted_ca, Der};
        {false, []} -> unknown_ca
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

explained({tls_alert, {Alert, _}}) when Alert =:= unknown_ca; Alert =:= bad_certificate ->
    <<
        "TLS: the certificate is not trusted; "
        "cacertfile must hold it, or that, not expired, of an authority that signed it"
    >>;
explained({tls_alert, _} = Alert) ->
    eslaver_text:socket_error(Alert);
explained({options, _}) ->
    <<"TLS: the certificate or key of the options cannot be used">>;
explained(Reason) ->
    Hint = "if the port does not use TLS, leave the option out",
    eslaver_text:format("TLS: ~ts; ~ts", [eslaver_text:socket_error(Reason), Hint]).
