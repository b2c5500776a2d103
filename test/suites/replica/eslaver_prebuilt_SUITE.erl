%% Prebuilt libraries: what native/build.sh fetches and installs, from a server on loopback, and
%% what it says where it cannot. It runs in a folder that has a release's files and no sources.
-module(eslaver_prebuilt_SUITE).

-include_lib("stdlib/include/assert.hrl").

-compile([export_all, nowarn_export_all]).

-define(LIBRARY, <<"not a library, but nobody loads it here">>).
-define(TARGET, "x86_64-linux-gnu").

suite() ->
    [{timetrap, {minutes, 1}}].

all() ->
    eslaver_test_groups:cases(?MODULE).

init_per_suite(Config) ->
    {ok, Inets} = application:ensure_all_started(inets),
    {ok, Ssl} = application:ensure_all_started(ssl),
    [{started, Inets ++ Ssl} | Config].

end_per_suite(Config) ->
    [ok = application:stop(App) || App <- lists:reverse(proplists:get_value(started, Config))].

%% A package, and a server that has its library.
init_per_testcase(Case, Config) ->
    Root = filename:join(proplists:get_value(priv_dir, Config), atom_to_list(Case)),
    Package = filename:join(Root, "package"),
    Served = filename:join(Root, "served"),
    ok = filelib:ensure_dir(filename:join(Served, "x")),
    Files = [
        "Cargo.toml",
        "native/build.sh",
        "native/cargo.sh",
        "native/library.sh",
        "native/prebuilt.escript",
        "src/eslaver.app.src"
    ],
    lists:foreach(
        fun(Name) ->
            To = filename:join(Package, Name),
            ok = filelib:ensure_dir(To),
            {ok, _} = file:copy(source(Name), To),
            ok = file:change_mode(To, 8#755)
        end,
        Files
    ),
    ok = file:write_file(filename:join(Served, library_name(?TARGET)), ?LIBRARY),
    {Server, Port} = serve(Served, ip_comm),
    Url = "http://127.0.0.1:" ++ integer_to_list(Port),
    Context = [
        {root, Root}, {package, Package}, {served, Served}, {server, Server}, {url, Url} | Config
    ],
    ok = write_sums(Context, Url, ?LIBRARY),
    Context.

end_per_testcase(_Case, Config) ->
    _ = inets:stop(httpd, proplists:get_value(server, Config)).

%% What is installed is not fetched again, so the server may be gone.
fetched_once(Config) ->
    {0, Said} = build(Config, []),
    ?assertNotEqual(nomatch, string:find(Said, library_name(?TARGET))),
    ?assertEqual({ok, ?LIBRARY}, installed(Config)),
    ok = inets:stop(httpd, proplists:get_value(server, Config)),
    ?assertEqual({0, ""}, build(Config, [])),
    ?assertEqual({ok, ["eslaver_nif.so"]}, file:list_dir(filename:dirname(priv(Config)))).

%% What an older release has left there gives way.
replaced(Config) ->
    ok = filelib:ensure_dir(priv(Config)),
    ok = file:write_file(priv(Config), "an older one"),
    {0, _} = build(Config, []),
    ?assertEqual({ok, ?LIBRARY}, installed(Config)).

%% As hosts of releases do.
redirected(Config) ->
    {ok, Listener} = gen_tcp:listen(0, [binary, {ip, {127, 0, 0, 1}}, {active, false}]),
    {ok, Port} = inet:port(Listener),
    There = proplists:get_value(url, Config) ++ "/" ++ library_name(?TARGET),
    _ = spawn_link(fun() ->
        {ok, Socket} = gen_tcp:accept(Listener),
        {ok, _} = gen_tcp:recv(Socket, 0),
        Reply = ["HTTP/1.1 302 Found\r\nlocation: ", There, "\r\ncontent-length: 0\r\n\r\n"],
        ok = gen_tcp:send(Socket, Reply),
        {error, closed} = gen_tcp:recv(Socket, 0)
    end),
    {0, _} = build(Config, [
        {"ESLAVER_PREBUILT_URL", "http://127.0.0.1:" ++ integer_to_list(Port)}
    ]),
    ?assertEqual({ok, ?LIBRARY}, installed(Config)).

from_a_folder(Config) ->
    Folder = "file://" ++ proplists:get_value(served, Config),
    {0, _} = build(Config, [{"ESLAVER_PREBUILT_URL", Folder}]),
    ?assertEqual({ok, ?LIBRARY}, installed(Config)).

wrong_checksum(Config) ->
    ok = write_sums(Config, proplists:get_value(url, Config), <<"another">>),
    refused(Config, [], "is not the library of this release: its SHA-256 is ").

%% The older one stays, too.
damaged(Config) ->
    Damaged = binary:part(?LIBRARY, 0, byte_size(?LIBRARY) - 1),
    File = filename:join(proplists:get_value(served, Config), library_name(?TARGET)),
    ok = file:write_file(File, Damaged),
    refused(Config, [], "is not the library of this release: its SHA-256 is "),
    ok = filelib:ensure_dir(priv(Config)),
    ok = file:write_file(priv(Config), "an older one"),
    {1, _} = build(Config, []),
    ?assertEqual({ok, <<"an older one">>}, installed(Config)).

no_such_target(Config) ->
    refused(
        Config,
        [{"ESLAVER_PREBUILT_TARGET", "riscv64-linux-gnu"}],
        "there is no prebuilt library " ++ library_name("riscv64-linux-gnu")
    ).

no_connection(Config) ->
    ok = inets:stop(httpd, proplists:get_value(server, Config)),
    refused(Config, [], "cannot be fetched: no connection: connection refused").

not_found(Config) ->
    ok = file:delete(filename:join(proplists:get_value(served, Config), library_name(?TARGET))),
    refused(Config, [], "cannot be fetched: 404 ").

no_address(Config) ->
    refused(Config, [{"ESLAVER_PREBUILT_URL", "/tmp"}], "is no address of a file, of http or").

%% A checkout knows no checksums, so it trusts nothing.
no_release(Config) ->
    ok = file:delete(sums(Config)),
    refused(Config, [], "only the package of a release knows the checksums").

no_such_value(Config) ->
    refused(Config, [{"ESLAVER_PREBUILT", "yes"}], "ESLAVER_PREBUILT is 'yes', but can only be").

%% Unasked, in a release and without Rust only.
without_rust(Config) ->
    NoRust = [{"ESLAVER_PREBUILT", ""}, {"PATH", without_rust_in_path(Config)}],
    {0, Said} = build(Config, NoRust),
    ?assertMatch("eslaver: Rust is missing" ++ _, Said),
    ?assertEqual({ok, ?LIBRARY}, installed(Config)),
    ok = file:delete(priv(Config)),
    refused(Config, [{"ESLAVER_PREBUILT", "0"} | tl(NoRust)], "Rust is missing: install it with"),
    ok = file:delete(sums(Config)),
    refused(Config, NoRust, "Rust is missing: install it with").

%% Too old a Rust is none.
old_rust(Config) ->
    Folder = filename:join(proplists:get_value(root, Config), "old"),
    Rustc = filename:join(Folder, "rustc"),
    ok = filelib:ensure_dir(Rustc),
    Env = [{"ESLAVER_PREBUILT", "0"}, {"PATH", Folder ++ ":" ++ os:getenv("PATH")}],
    {ok, Toml} = file:read_file(source("Cargo.toml")),
    {match, [Minor]} = re:run(Toml, "rust-version = \"1\\.([0-9]+)\"", [
        {capture, all_but_first, list}
    ]),
    Before = integer_to_list(list_to_integer(Minor) - 1),
    lists:foreach(
        fun({Version, Expected}) ->
            ok = file:write_file(Rustc, ["#!/bin/sh\necho 'rustc ", Version, " (1234567)'\n"]),
            ok = file:change_mode(Rustc, 8#755),
            {1, Said} = build(Config, Env),
            ?assertEqual(Expected, string:find(Said, "or later is needed") =/= nomatch)
        end,
        [
            {"1.9.0", true},
            {"1." ++ Before ++ ".2", true},
            {"1." ++ Minor ++ ".0", false},
            {"2.0.0-beta.1", false}
        ]
    ).

%% Unasked, Rust comes first. It finds no sources here.
with_rust(Config) ->
    {1, Said} = build(Config, [{"ESLAVER_PREBUILT", ""}]),
    ?assertNotEqual(nomatch, string:find(Said, "the NIF could not be built")),
    ?assertEqual({error, enoent}, installed(Config)).

https(Config) ->
    case os:find_executable("openssl") of
        false ->
            {skip, "there is no openssl"};
        _ ->
            Root = proplists:get_value(root, Config),
            #{ca := Authority} = eslaver_test_certificates:make(Root),
            ok = eslaver_test_certificates:certificate(Root, "named", "DNS:example.net"),
            Known = [{"SSL_CERT_FILE", Authority}],
            with_tls(Config, "named", fun() ->
                refused(Config, Known, "no connection: TLS: handshake failure")
            end),
            with_tls(Config, "server", fun() ->
                refused(Config, [], "no connection: TLS: unknown ca"),
                {0, _} = build(Config, Known),
                ?assertEqual({ok, ?LIBRARY}, installed(Config))
            end)
    end.

with_tls(Context, Name, Fun) ->
    File = filename:join(proplists:get_value(root, Context), Name),
    Tls = [{certfile, File ++ ".crt"}, {keyfile, File ++ ".key"}],
    {Server, Port} = serve(proplists:get_value(served, Context), {ssl, Tls}),
    ok = write_sums(Context, "https://localhost:" ++ integer_to_list(Port), ?LIBRARY),
    Fun(),
    ok = inets:stop(httpd, Server).

%% One sentence, and nothing to load.
refused(Context, Env, Expected) ->
    {1, Said} = build(Context, Env),
    Sentences = [
        Line
     || Line <- string:lexemes(Said, "\n"),
        string:find(Line, "fetching the prebuilt") =:= nomatch
    ],
    [Sentence] = Sentences,
    ?assertMatch("eslaver: " ++ _, Sentence),
    ?assertEqual($., lists:last(Sentence)),
    ct:log("~ts", [Sentence]),
    ?assertNotEqual(nomatch, string:find(Sentence, Expected)),
    ?assertEqual({error, enoent}, installed(Context)),
    ?assertEqual([], filelib:wildcard(priv(Context) ++ "*")).

%% What the script answers and says, of both outputs.
build(Context, Env) ->
    Unset = [{Name, false} || Name <- ["http_proxy", "HTTP_PROXY", "https_proxy", "HTTPS_PROXY"]],
    Given = [{"ESLAVER_PREBUILT", "1"}, {"ESLAVER_PREBUILT_TARGET", ?TARGET}],
    Port = open_port(
        {spawn_executable, filename:join(proplists:get_value(package, Context), "native/build.sh")},
        [{env, Unset ++ Given ++ Env}, stderr_to_stdout, exit_status, stream]
    ),
    said(Port, []).

said(Port, Said) ->
    receive
        {Port, {data, Data}} -> said(Port, [Said, Data]);
        {Port, {exit_status, Status}} -> {Status, lists:flatten(Said)}
    end.

serve(Folder, Socket) ->
    {ok, Server} = inets:start(httpd, [
        {bind_address, {127, 0, 0, 1}},
        {port, 0},
        {server_name, "localhost"},
        {server_root, Folder},
        {document_root, Folder},
        {socket_type, Socket},
        {modules, [mod_get]}
    ]),
    [{port, Port}] = httpd:info(Server, [port]),
    {Server, Port}.

write_sums(Context, Url, Library) ->
    Sum = string:lowercase(binary:encode_hex(crypto:hash(sha256, Library))),
    file:write_file(sums(Context), ["# ", Url, "\n", Sum, "  ", library_name(?TARGET), "\n"]).

library_name(Target) ->
    {ok, [{application, eslaver, Keys}]} = file:consult(source("src/eslaver.app.src")),
    "eslaver_nif-" ++ proplists:get_value(vsn, Keys) ++ "-" ++ Target ++ ".so".

%% A folder with links to all programs but those of Rust.
without_rust_in_path(Context) ->
    Folder = filename:join(proplists:get_value(root, Context), "bin"),
    ok = file:make_dir(Folder),
    [
        file:make_symlink(Program, filename:join(Folder, filename:basename(Program)))
     || Part <- string:lexemes(os:getenv("PATH"), ":"),
        Program <- filelib:wildcard(filename:join(Part, "*")),
        string:prefix(filename:basename(Program), "cargo") =:= nomatch,
        string:prefix(filename:basename(Program), "rust") =:= nomatch
    ],
    Folder.

sums(Context) ->
    filename:join(proplists:get_value(package, Context), "native/prebuilt.sha256").

priv(Context) ->
    filename:join(proplists:get_value(package, Context), "priv/eslaver_nif.so").

installed(Context) ->
    file:read_file(priv(Context)).

%% rebar3 links the sources into its build directory.
source(Name) ->
    Root = os:cmd("cd -P '" ++ code:lib_dir(eslaver) ++ "/src/..' && pwd"),
    filename:join(string:trim(Root), Name).
