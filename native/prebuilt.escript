#!/usr/bin/env escript
%% Installs a library that is built already as priv/eslaver_nif.so. native/build.sh calls this.
%%
%% native/prebuilt.sha256 says where the libraries of this version are and what their checksums are.
%% It is part of a release's package, so a library is as trustworthy as the source beside it. What
%% has another checksum is thrown away before anything can load it.
%%
%% ESLAVER_PREBUILT_URL names another place, such as a mirror of your own or a file:// folder.
%% ESLAVER_PREBUILT_TARGET names another machine. HTTPS_PROXY, HTTP_PROXY, NO_PROXY and
%% SSL_CERT_FILE mean what they mean to other programs.
-mode(compile).

-define(SUMS, "native/prebuilt.sha256").
-define(LIBRARY, "priv/eslaver_nif.so").
-define(BUILD, "install Rust (https://rustup.rs) and unset ESLAVER_PREBUILT to build it").

main([]) ->
    try
        needs([crypto]),
        Name = library_name(version(), target()),
        {Url, Sums} = read_sums(),
        install(Name, Url, Sums)
    catch
        throw:{failed, Sentence} ->
            io:format(standard_error, "eslaver: ~ts.~n", [Sentence]),
            halt(1)
    end.

install(Name, Url, Sums) ->
    Sum =
        case Sums of
            #{Name := Known} -> Known;
            #{} -> fail("there is no prebuilt library ~ts; " ?BUILD, [Name])
        end,
    case file:read_file(?LIBRARY) of
        {ok, Installed} ->
            sum(Installed) =:= Sum orelse install_new(Name, Url, Sum);
        {error, _} ->
            install_new(Name, Url, Sum)
    end.

install_new(Name, Url, Sum) ->
    From = string:trim(Url, trailing, "/") ++ "/" ++ Name,
    io:format("eslaver: fetching the prebuilt library ~ts~n", [From]),
    Library = fetch(From),
    sum(Library) =:= Sum orelse
        fail(
            "~ts is not the library of this release: its SHA-256 is ~ts, not ~ts. "
            "It was not installed; try again, or "
            ?BUILD,
            [From, sum(Library), Sum]
        ),
    %% Never written in place: an Erlang node may have the old file mapped.
    New = ?LIBRARY ++ "." ++ os:getpid(),
    Steps = [
        fun() -> filelib:ensure_dir(?LIBRARY) end,
        fun() -> file:write_file(New, Library) end,
        fun() -> file:rename(New, ?LIBRARY) end
    ],
    case in_turn(Steps) of
        ok ->
            ok;
        {error, Reason} ->
            _ = file:delete(New),
            fail("~ts cannot be written: ~ts", [?LIBRARY, file:format_error(Reason)])
    end.

in_turn([]) ->
    ok;
in_turn([Step | Steps]) ->
    case Step() of
        ok -> in_turn(Steps);
        {error, _} = Error -> Error
    end.

sum(Bytes) ->
    string:lowercase(binary_to_list(binary:encode_hex(crypto:hash(sha256, Bytes)))).

%% The release: its version, its libraries, where they are.

version() ->
    {ok, [{application, eslaver, Keys}]} = file:consult("src/eslaver.app.src"),
    proplists:get_value(vsn, Keys).

library_name(Version, Target) ->
    "eslaver_nif-" ++ Version ++ "-" ++ Target ++ ".so".

%% Each line is a checksum and a name, as sha256sum writes them; the first is `# URL'.
read_sums() ->
    case file:read_file(?SUMS) of
        {ok, Text} ->
            Lines = [string:lexemes(L, " ") || L <- string:lexemes(binary_to_list(Text), "\r\n")],
            Sums = maps:from_list([{Name, Sum} || [Sum, Name] <- Lines, Sum =/= "#"]),
            {os:getenv("ESLAVER_PREBUILT_URL", hd([U || ["#", U] <- Lines ++ [["#", ""]]])), Sums};
        {error, _} ->
            fail(
                "only the package of a release knows the checksums of prebuilt libraries, and this "
                "is none; take eslaver from hex.pm, or "
                ?BUILD,
                []
            )
    end.

target() ->
    case os:getenv("ESLAVER_PREBUILT_TARGET", "") of
        "" -> target(erlang:system_info(system_architecture));
        Target -> Target
    end.

%% As in x86_64-pc-linux-gnu, x86_64-alpine-linux-musl, aarch64-apple-darwin24.1.0.
target(Architecture) ->
    [Cpu | Rest] = string:lexemes(Architecture, "-"),
    Has = fun(Word) -> lists:any(fun(Part) -> lists:prefix(Word, Part) end, Rest) end,
    System =
        case {Has("darwin"), Has("linux"), Has("musl")} of
            {true, _, _} -> "macos";
            {_, true, true} -> "linux-musl";
            {_, true, false} -> "linux-gnu";
            _ -> lists:flatten(lists:join("-", Rest))
        end,
    cpu(Cpu) ++ "-" ++ System.

cpu("amd64") -> "x86_64";
cpu("arm64") -> "aarch64";
cpu(Cpu) -> Cpu.

%% Fetching.

fetch("file://" ++ Path = Url) ->
    case file:read_file(uri_string:percent_decode(Path)) of
        {ok, Bytes} -> Bytes;
        {error, Reason} -> fail_to_fetch(Url, file:format_error(Reason))
    end;
fetch(Url) ->
    Scheme =
        case uri_string:parse(Url) of
            #{scheme := S, host := [_ | _]} when S =:= "https"; S =:= "http" -> S;
            _ -> fail("~ts is no address of a file, of http or of https", [Url])
        end,
    needs([inets | [ssl || Scheme =:= "https"]]),
    set_proxies(),
    Options = [{connect_timeout, 15000}, {timeout, 300000} | tls(Scheme)],
    Request = {Url, [{"user-agent", "eslaver"}]},
    case httpc:request(get, Request, Options, [{body_format, binary}]) of
        {ok, {{_, 200, _}, _, Bytes}} -> Bytes;
        {ok, {{_, Code, Text}, _, _}} -> fail_to_fetch(Url, [integer_to_list(Code), " ", Text]);
        {error, Reason} -> fail_to_fetch(Url, reason(Reason))
    end.

tls("http") ->
    [];
tls("https") ->
    Authorities =
        case os:getenv("SSL_CERT_FILE", "") of
            "" -> {cacerts, system_authorities()};
            File -> {cacertfile, File}
        end,
    Names = public_key:pkix_verify_hostname_match_fun(https),
    [
        {ssl, [
            {verify, verify_peer},
            Authorities,
            {customize_hostname_check, [{match_fun, Names}]},
            %% Our own sentence tells what was wrong.
            {log_level, none}
        ]}
    ].

system_authorities() ->
    try
        public_key:cacerts_get()
    catch
        error:_ ->
            fail(
                "this system has no certificates of authorities: install its ca-certificates, or "
                "name a file of them in SSL_CERT_FILE",
                []
            )
    end.

set_proxies() ->
    Without = string:lexemes(first_env(["no_proxy", "NO_PROXY"]), ", "),
    Proxies = [
        {Key, {{Host, maps:get(port, Parts, 80)}, Without}}
     || {Key, Names} <- [
            {proxy, ["http_proxy", "HTTP_PROXY"]}, {https_proxy, ["https_proxy", "HTTPS_PROXY"]}
        ],
        #{host := [_ | _] = Host} = Parts <- [uri_string:parse(first_env(Names))]
    ],
    ok = httpc:set_options(Proxies).

first_env(Names) ->
    hd([Value || Name <- Names, (Value = os:getenv(Name, "")) =/= ""] ++ [""]).

%% Debian has an Erlang without these.
needs(Apps) ->
    [
        fail("a prebuilt library needs OTP's ~s, which is missing; add it, or " ?BUILD, [App])
     || App <- Apps, element(1, application:ensure_all_started(App)) =/= ok
    ].

reason({failed_connect, Tried}) ->
    case [Why || {_, _, Why} <- Tried] of
        [Why | _] -> ["no connection: ", reason(Why)];
        [] -> "no connection"
    end;
reason({tls_alert, {Alert, _}}) ->
    ["TLS: ", string:replace(atom_to_list(Alert), "_", " ", all)];
reason(Posix) when is_atom(Posix) ->
    case inet:format_error(Posix) of
        "unknown POSIX error" ++ _ -> atom_to_list(Posix);
        Text -> Text
    end;
reason(Other) ->
    one_line(io_lib:format("~0tp", [Other])).

one_line(Text) ->
    lists:join(" ", string:lexemes(unicode:characters_to_list(Text), " \r\n\t")).

-spec fail_to_fetch(string(), iodata()) -> no_return().
fail_to_fetch(Url, Why) ->
    fail("~ts cannot be fetched: ~ts; try again, or " ?BUILD, [Url, Why]).

-spec fail(string(), [term()]) -> no_return().
fail(Format, Args) ->
    throw({failed, io_lib:format(Format, Args)}).
