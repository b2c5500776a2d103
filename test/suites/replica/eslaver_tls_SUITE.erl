%% Links by TLS: which certificates are trusted, and what an error says.
-module(eslaver_tls_SUITE).

-include_lib("common_test/include/ct.hrl").
-include_lib("stdlib/include/assert.hrl").

-import(eslaver_test_certificates, [authority/2, certificate/3, certificate/4, openssl/2]).
-import(eslaver_test_connection, [works/2, works/3, fails/3]).

-compile([export_all, nowarn_export_all]).

suite() ->
    [{timetrap, {minutes, 2}}, {ct_hooks, [eslaver_test_log_hook]}].

all() ->
    [{group, tls}].

groups() ->
    [{tls, [parallel], eslaver_test_groups:cases(?MODULE)}].

%% Certificates for today: one authority, a server at this machine, one by another name, a client,
%% and an authority that nobody knows.
init_per_group(tls, Config) ->
    case eslaver_test_certificates:missing(eslaver_test_servers:own()) of
        none ->
            Dir = filename:join(?config(priv_dir, Config), "tls"),
            ok = file:make_dir(Dir),
            _ = [authority(Dir, Name) || Name <- ["ca", "other"]],
            certificate(Dir, "server", "DNS:localhost,IP:127.0.0.1"),
            certificate(Dir, "named", "DNS:master.example.net"),
            certificate(Dir, "client", "DNS:client"),
            _ = [self_signed(Dir, Name) || Name <- ["self", "self-too"]],
            unnamed(Dir),
            signed_by(Dir, "v3", "below-v3"),
            late_authority(Dir),
            signed_by(Dir, "late-ca", "below-late"),
            ok = file:make_dir(filename:join(Dir, "forged")),
            authority(filename:join(Dir, "forged"), "ca"),
            [{tls, Dir} | Config];
        Why ->
            {skip, Why}
    end.

end_per_group(tls, _Config) ->
    ok.

signed_by(Dir, Authority, Name) ->
    certificate(Dir, Authority, Name, "DNS:localhost,IP:127.0.0.1").

%% An authority of yesterday.
late_authority(Dir) ->
    ok = file:write_file(filename:join(Dir, "late-ca.ext"), "basicConstraints=critical,CA:TRUE\n"),
    openssl(Dir, [
        "req -newkey rsa:2048 -nodes -subj /CN=late-ca -keyout late-ca.key -out late-ca.csr && ",
        "openssl x509 -req -days -1 -signkey late-ca.key -extfile late-ca.ext ",
        "-in late-ca.csr -out late-ca.crt"
    ]).

%% As people make them: an authority that nobody has signed, and that is the server itself.
self_signed(Dir, Name) ->
    openssl(Dir, [
        "req -x509 -newkey rsa:2048 -nodes -days 2 -subj /CN=localhost ",
        "-addext subjectAltName=DNS:localhost,IP:127.0.0.1 -keyout ",
        Name,
        ".key -out ",
        Name,
        ".crt"
    ]).

%% What names its host in its subject only: without extensions, with some, and of yesterday.
unnamed(Dir) ->
    ok = file:write_file(filename:join(Dir, "v3.ext"), "basicConstraints=CA:FALSE\n"),
    Request = "req -newkey rsa:2048 -nodes -subj /CN=localhost -keyout localhost.key ",
    openssl(Dir, [Request, "-out localhost.csr"]),
    lists:foreach(
        fun({Name, Args}) ->
            Sign = "x509 -req -CA ca.crt -CAkey ca.key -CAcreateserial -in localhost.csr -out ",
            openssl(Dir, [Sign, Name, ".crt ", Args]),
            Key = filename:join(Dir, Name ++ ".key"),
            {ok, _} = file:copy(filename:join(Dir, "localhost.key"), Key)
        end,
        [{"v1", "-days 2"}, {"v3", "-days 2 -extfile v3.ext"}, {"late", "-days -1"}]
    ).

file(Config, Name) ->
    filename:join(?config(tls, Config), Name).

%% A master with a port for TLS.
tls_master(Config, Certificate, Clients) ->
    tls_master(Config, Certificate, Clients, []).

tls_master(Config, Certificate, Clients, More) ->
    Master = eslaver_test_master:start_own([
        {"tls-port", free_port},
        {"tls-cert-file", file(Config, Certificate ++ ".crt")},
        {"tls-key-file", file(Config, Certificate ++ ".key")},
        {"tls-ca-cert-file", file(Config, "ca.crt")},
        {"tls-auth-clients", Clients}
        | More
    ]),
    Client = eslaver_test_client:connect(Master),
    [_, Port] = eslaver_test_client:ok(Client, ["CONFIG", "GET", "tls-port"]),
    {Master, binary_to_integer(Port)}.

tls_with_ca(Config) ->
    {Master, Port} = tls_master(Config, "server", "no"),
    Tls = #{cacertfile => file(Config, "ca.crt")},
    ok = works(Master, #{master_port => Port, tls => Tls}),
    ok = works(Master, #{master_host => "localhost", master_port => Port, tls => Tls}),
    Url = "rediss://localhost:" ++ integer_to_list(Port),
    works(Master, #{master_url => Url, tls => Tls}).

tls_client_certificate(Config) ->
    {Master, Port} = tls_master(Config, "server", "yes"),
    works(Master, #{
        master_port => Port,
        tls => #{
            cacertfile => file(Config, "ca.crt"),
            certfile => file(Config, "client.crt"),
            keyfile => file(Config, "client.key")
        }
    }).

tls_without_client_certificate(Config) ->
    {_, Port} = tls_master(Config, "server", "yes"),
    Tls = #{cacertfile => file(Config, "ca.crt")},
    fails(#{master_port => Port, tls => Tls}, tls, "certificate").

tls_wrong_ca(Config) ->
    {_, Port} = tls_master(Config, "server", "no"),
    Tls = #{cacertfile => file(Config, "other.crt")},
    fails(#{master_port => Port, tls => Tls}, tls, "certificate.*(issuer|signature)").

tls_wrong_name(Config) ->
    {_, Port} = tls_master(Config, "named", "no"),
    Tls = #{cacertfile => file(Config, "ca.crt")},
    fails(#{master_port => Port, tls => Tls}, tls, "certificate.*name").

tls_server_name(Config) ->
    {Master, Port} = tls_master(Config, "named", "no"),
    Tls = #{cacertfile => file(Config, "ca.crt"), server_name => "master.example.net"},
    ok = works(Master, #{master_port => Port, tls => Tls}),
    fails(#{master_port => Port, tls => Tls#{server_name => "localhost"}}, tls, "name").

tls_unverified(Config) ->
    {Master, Port} = tls_master(Config, "named", "no"),
    works(Master, #{master_port => Port, tls => #{verify => false}}).

%% An authority of ours is none that the system trusts.
tls_system_trust(Config) ->
    {_, Port} = tls_master(Config, "server", "no"),
    fails(#{master_port => Port, tls => true}, tls, "certificate|cacertfile").

%% No process writes to it, so reading it would never end.
tls_file_is_a_fifo(Config) ->
    {_, Port} = tls_master(Config, "server", "no"),
    Fifo = file(Config, "fifo.crt"),
    "" = os:cmd("mkfifo '" ++ Fifo ++ "'"),
    Tls = [
        #{cacertfile => Fifo},
        #{verify => false, certfile => Fifo, keyfile => file(Config, "client.key")},
        #{verify => false, certfile => file(Config, "client.crt"), keyfile => Fifo}
    ],
    _ = [ok = fails(#{master_port => Port, tls => T}, tls, "fifo.crt.*a FIFO") || T <- Tls],
    ok.

%% A certificate is trusted only if the file has it byte for byte, also if it is an authority's.
tls_self_signed(Config) ->
    {Master, Port} = tls_master(Config, "self", "no"),
    Trusting = fun(Name) -> #{master_port => Port, tls => #{cacertfile => file(Config, Name)}} end,
    ok = works(Master, Trusting("self.crt")),
    #{tls := Tls} = Both = Trusting("self.crt"),
    ok = works(Master, Both#{tls := Tls#{verify => chain}}),
    Other = Both#{tls := Tls#{server_name => "other.example.net"}},
    ok = fails(Other, tls, "name.*verify => chain"),
    ok = fails(Trusting("self-too.crt"), tls, "certificate"),
    fails(Trusting("ca.crt"), tls, "itself into cacertfile").

tls_expired(Config) ->
    {Master, Port} = tls_master(Config, "late", "no"),
    Options = #{cacertfile => file(Config, "ca.crt")},
    Itself = #{cacertfile => file(Config, "late.crt")},
    _ = [
        ok = fails(#{master_port => Port, tls => Tls#{verify => Verify}}, tls, "expired")
     || Tls <- [Options, Itself], Verify <- [true, chain]
    ],
    works(Master, #{master_port => Port, tls => Options#{verify => false}}).

%% A certificate that is trusted itself vouches for no others, unless it is an authority's.
tls_pinned_is_no_authority(Config) ->
    {_, Port} = tls_master(Config, "below-v3", "no"),
    Tls = #{cacertfile => file(Config, "v3.crt")},
    _ = [
        ok = fails(#{master_port => Port, tls => Tls#{verify => V}}, tls, "UnknownIssuer")
     || V <- [true, chain]
    ],
    {Master, Pinned} = tls_master(Config, "v3", "no"),
    works(Master, #{master_port => Pinned, tls => Tls#{verify => chain}}).

tls_expired_authority(Config) ->
    {Master, Port} = tls_master(Config, "below-late", "no"),
    Tls = #{cacertfile => file(Config, "late-ca.crt")},
    _ = [
        ok = fails(#{master_port => Port, tls => Tls#{verify => V}}, tls, "UnknownIssuer.*expired")
     || V <- [true, chain]
    ],
    works(Master, #{master_port => Port, tls => #{cacertfile => file(Config, "below-late.crt")}}).

%% X.509 v1, over each version of TLS.
tls_without_extensions(Config) ->
    case is_plain(Config) of
        true ->
            _ = [
                tls_without_extensions(Config, Protocol)
             || Protocol <- ["TLSv1.2", "TLSv1.3"]
            ],
            ok;
        false ->
            {skip, "this openssl makes no X.509 v1"}
    end.

is_plain(Context) ->
    Text = os:cmd(["openssl x509 -noout -text -in '", file(Context, "v1.crt"), "'"]),
    string:find(Text, "Version: 1 ") =/= nomatch.

tls_without_extensions(Config, Protocol) ->
    {Master, Port} = tls_master(Config, "v1", "no", [{"tls-protocols", Protocol}]),
    Trusting = fun(Name, Verify) ->
        Tls = #{cacertfile => file(Config, Name), verify => Verify},
        #{master_port => Port, tls => Tls}
    end,
    ok = works(Master, Trusting("ca.crt", chain)),
    ok = works(Master, Trusting("v1.crt", chain)),
    ok = works(Master, Trusting("ca.crt", false)),
    ok = fails(Trusting("ca.crt", true), tls, "names no host.*verify => chain"),
    fails(Trusting("other.crt", chain), tls, "UnknownIssuer.*cacertfile").

%% By an authority of the same name and another key, or by one that is none.
tls_without_extensions_forged(Config) ->
    case is_plain(Config) of
        true ->
            {_, Port} = tls_master(Config, "v1", "no"),
            Tls = #{cacertfile => file(Config, "forged/ca.crt"), verify => chain},
            ok = fails(#{master_port => Port, tls => Tls}, tls, "BadSignature"),
            Dir = ?config(tls, Config),
            openssl(Dir, [
                "req -newkey rsa:2048 -nodes -subj /CN=localhost -keyout below.key ",
                "-out below.csr && openssl x509 -req -days 2 -CA v3.crt -CAkey v3.key ",
                "-CAcreateserial -in below.csr -out below.crt"
            ]),
            {_, Below} = tls_master(Config, "below", "no"),
            Server = #{cacertfile => file(Config, "v3.crt"), verify => chain},
            fails(#{master_port => Below, tls => Server}, tls, "UnknownIssuer");
        false ->
            {skip, "this openssl makes no X.509 v1"}
    end.

tls_without_names(Config) ->
    {Master, Port} = tls_master(Config, "v3", "no"),
    Tls = #{cacertfile => file(Config, "ca.crt")},
    ok = fails(#{master_port => Port, tls => Tls}, tls, "names no host.*verify => chain"),
    ok = works(Master, #{master_port => Port, tls => Tls#{verify => chain}}),
    Other = #{cacertfile => file(Config, "other.crt"), verify => chain},
    fails(#{master_port => Port, tls => Other}, tls, "UnknownIssuer").

tls_to_a_plain_port(Config) ->
    Master = eslaver_test_master:start_own(),
    Target = eslaver_test_replica:target(Master),
    Tls = #{cacertfile => file(Config, "ca.crt")},
    %% Such a master waits for the rest of a line, in silence.
    ok = fails(Target#{tls => Tls}, tls, "does not speak TLS.*tls to false"),
    Fake = eslaver_test_fake_master:start([#{greeting => <<"-DENIED not from there\r\n">>}]),
    Port = eslaver_test_fake_master:port(Fake),
    ok = fails(Target#{master_port => Port, tls => Tls}, tls, "does not speak TLS"),
    Closing = closing_port(),
    fails(Target#{master_port => Closing, tls => Tls}, closed, "leave the option tls out").

%% The error does not suggest TLS where that is set already, or is impossible.
closed_without_a_word(Config) ->
    Name = "eslaver-closing-" ++ os:getpid(),
    Path = filename:join(os:getenv("TMPDIR", "/tmp"), Name),
    _ = closing({local, Path}),
    ok = fails(#{master_host => {local, Path}}, closed, "before it sent anything$"),
    ok = file:delete(Path),
    {ok, _} = application:ensure_all_started(ssl),
    {ok, Listener} = ssl:listen(0, [
        {certfile, file(Config, "server.crt")},
        {keyfile, file(Config, "server.key")},
        {ip, {127, 0, 0, 1}},
        {active, false}
    ]),
    _ = spawn_link(fun() ->
        {ok, Begun} = ssl:transport_accept(Listener),
        {ok, Socket} = ssl:handshake(Begun),
        {ok, _} = ssl:recv(Socket, 0),
        ok = ssl:close(Socket),
        timer:sleep(infinity)
    end),
    {ok, {_, Port}} = ssl:sockname(Listener),
    Tls = #{cacertfile => file(Config, "ca.crt")},
    fails(#{master_port => Port, tls => Tls}, closed, "before it sent anything$").

closing_port() ->
    {ok, Port} = inet:port(closing({127, 0, 0, 1})),
    Port.

%% It closes the connection when it receives something.
closing(Address) ->
    {ok, Listener} = gen_tcp:listen(0, [binary, {active, false}, {ip, Address}]),
    _ = spawn_link(fun() ->
        {ok, Socket} = gen_tcp:accept(Listener),
        {ok, _} = gen_tcp:recv(Socket, 0),
        ok = gen_tcp:close(Socket),
        timer:sleep(infinity)
    end),
    Listener.

plain_to_a_tls_port(Config) ->
    {_, Port} = tls_master(Config, "server", "no"),
    ok = fails(#{master_port => Port}, closed, "set the option tls"),
    %% the alert of a server that says more than Redis does
    Fake = eslaver_test_fake_master:start([#{greeting => <<21, 3, 1, 0, 2, 2, 10>>}]),
    fails(#{master_port => eslaver_test_fake_master:port(Fake)}, tls, "set the option tls").

tls_files_missing(Config) ->
    {_, Port} = tls_master(Config, "server", "no"),
    Ca = file(Config, "ca.crt"),
    ok = fails(#{master_port => Port, tls => #{cacertfile => "/no/ca.crt"}}, tls, "/no/ca.crt"),
    Key = file(Config, "client.key"),
    fails(
        #{
            master_port => Port,
            tls => #{cacertfile => Ca, certfile => "/no/client.crt", keyfile => Key}
        },
        tls,
        "/no/client.crt"
    ).

%% Links that break go on as without TLS.
tls_cuts(Config) ->
    {Master, Port} = tls_master(Config, "server", "no"),
    Client = eslaver_test_client:connect(Master),
    <<"OK">> = eslaver_test_client:ok(Client, ["CONFIG", "SET", "repl-backlog-size", "64mb"]),
    Tap = eslaver_test_stream_recorder:start(Master),
    Proxy = eslaver_test_proxy:start(Port),
    {Replica, Collector} =
        Both = eslaver_test_replica:start(
            eslaver_test_proxy:port(Proxy), #{tls => #{cacertfile => file(Config, "ca.crt")}}
        ),
    _ = eslaver_test_replica:loaded(Both),
    #{offset := Offset} = eslaver:info(Replica),
    Writers = eslaver_test_writers:start(Master, 1),
    _ = [
        begin
            ok = eslaver_test_proxy:cut_after(Proxy, down, 500 + rand:uniform(30_000), eof),
            eslaver_test_wait:until(fun() -> eslaver_test_proxy:cuts(Proxy) >= Cut end)
        end
     || Cut <- lists:seq(1, 15)
    ],
    _ = eslaver_test_writers:stop(Writers),
    Key = eslaver_test_replica:mark(Client, Collector),
    ok = eslaver_test_stream_recorder:await(Tap, [<<"set">>, Key, <<"x">>]),
    Got = eslaver_test_event_replay:commands(eslaver_test_collector:events(Collector)),
    Expected = [Command || {At, Command} <- eslaver_test_stream_recorder:history(Tap), At > Offset],
    ?assertEqual(length(Expected), length(Got)),
    ?assert(Expected =:= Got),
    eslaver:stop(Replica).
