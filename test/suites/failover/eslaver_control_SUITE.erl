%% Control connections (eslaver_control) to real servers, and to what is none: the certificates that
%% they trust are those that a link trusts (eslaver_tls_SUITE), every wait ends, and no secret gets
%% into an error or a log.
-module(eslaver_control_SUITE).

-include_lib("common_test/include/ct.hrl").
-include_lib("stdlib/include/assert.hrl").

-compile([export_all, nowarn_export_all]).

-define(LIMIT, 3000).
-define(PASSWORD, "s3cret/of:this@suite").

suite() ->
    [{timetrap, {minutes, 5}}, {ct_hooks, [eslaver_test_log_hook]}].

all() ->
    eslaver_test_groups:cases(?MODULE).

%% No case may have its secret logged.
end_per_testcase(_Case, _Config) ->
    ?assertNot(eslaver_test_log:contains(?PASSWORD)).

ways(_Config) ->
    Master = eslaver_test_master:start(#{
        server => eslaver_test_servers:own(),
        unix_socket => true,
        config => [{"bind", ["127.0.0.1", "::1"]}]
    }),
    Port = eslaver_test_master:port(Master),
    Socket = list_to_binary(eslaver_test_master:socket(Master)),
    [
        ?assertEqual({Address, ok}, {Address, ping(target(Address))})
     || Address <- [
            {tcp, <<"127.0.0.1">>, Port},
            {tcp, <<"localhost">>, Port},
            {tcp, <<"::1">>, Port},
            {tcp, <<"::ffff:127.0.0.1">>, Port},
            {local, Socket}
        ]
    ].

%% A link-local address needs its zone.
zones(_Config) ->
    Zoned = fun(Zone) -> connect(target({tcp, <<"fe80::1%", Zone/binary>>, 1})) end,
    {error, {unreachable, Unknown}} = Zoned(<<"no-such-zone">>),
    ?assertMatch({match, _}, re:run(Unknown, "cannot resolve fe80::1%no-such-zone:1: ")),
    [
        ?assertMatch({Zone, {error, {unreachable, <<"cannot connect to ", _/binary>>}}}, {
            Zone, Zoned(Zone)
        })
     || Zone <- [<<"lo">>, <<"1">>]
    ].

passwords(_Config) ->
    Master = eslaver_test_master:start_own([{"requirepass", ?PASSWORD}]),
    Client = eslaver_test_client:connect(Master),
    <<"OK">> = eslaver_test_client:ok(Client, ["AUTH", ?PASSWORD]),
    Users = ["ACL", "SETUSER", "u", "on", ">" ++ ?PASSWORD, "+ping"],
    <<"OK">> = eslaver_test_client:ok(Client, Users),
    Target = target(Master),
    ?assertEqual(ok, ping(Target#{password := secret()})),
    ?assertEqual(ok, ping(Target#{user := <<"u">>, password := secret()})),
    {error, {auth, <<"WRONGPASS ", _/binary>>}} = connect(Target#{
        user := <<"v">>, password := secret()
    }),
    {ok, Control} = connect(Target),
    {ok, [{error, <<"NOAUTH ", _/binary>>}], _} = call([<<"PING">>], Control).

%% A server that does not know the command repeats what it was sent.
renamed_auth(_Config) ->
    Master = eslaver_test_master:start_own([{"rename-command", ["AUTH", "other"]}]),
    {error, {auth, Text}} = connect((target(Master))#{password := secret()}),
    ?assertEqual(nomatch, string:find(Text, ?PASSWORD)),
    ?assertMatch({match, _}, re:run(Text, "unknown command")).

%% What never ends, is silent, or is no server: each wait has its limit, and each error its words.
no_servers(_Config) ->
    {Full, Sockets} = eslaver_test_full_port:open(),
    {error, {unreachable, Timeout}} = within(800, fun() -> connect(target(Full), 300) end),
    ?assertMatch({match, _}, re:run(Timeout, "no answer in time")),
    ok = eslaver_test_full_port:close(Sockets),
    {ok, Silent} = gen_tcp:listen(0, [{ip, {127, 0, 0, 1}}]),
    {ok, Port} = inet:port(Silent),
    {error, {timeout, _}} = within(800, fun() -> ping(target(Port), 300) end),
    {error, {timeout, _}} = within(800, fun() ->
        connect((target(Port))#{password := secret()}, 300)
    end),
    Table = [
        {<<"HTTP/1.1 400 Bad Request\r\n\r\n">>, malformed, "not in the protocol"},
        {<<"+PONG\r\n+PONG\r\n">>, malformed, "not in the protocol"},
        {<<"$99999999999\r\n">>, malformed, "too long"},
        {<<>>, closed, "closed the connection"}
    ],
    [
        ?assertMatch(
            {Answer, Reason, {match, _}},
            {Answer, element(1, Error), re:run(element(2, Error), Words)}
        )
     || {Answer, Reason, Words} <- Table, {error, Error} <- [ping(target(answering(Answer)))]
    ].

%% It answers with these bytes, whatever it is sent, and closes the connection.
answering(Bytes) ->
    {ok, Listener} = gen_tcp:listen(0, [binary, {active, false}, {ip, {127, 0, 0, 1}}]),
    _ = spawn_link(fun() ->
        {ok, Socket} = gen_tcp:accept(Listener),
        {ok, _} = gen_tcp:recv(Socket, 0),
        ok = gen_tcp:send(Socket, Bytes),
        ok = gen_tcp:close(Socket)
    end),
    ok = gen_tcp:controlling_process(Listener, whereis(init)),
    {ok, Port} = inet:port(Listener),
    Port.

within(Most, Fun) ->
    Self = self(),
    Took = eslaver_test_wait:took(fun() -> Self ! {result, Fun()} end),
    ?assert(Took < Most),
    receive
        {result, Result} -> Result
    end.

%% What is sent unasked arrives as messages, once for each time that it is listened.
subscribed(_Config) ->
    Master = eslaver_test_master:start_own(),
    {ok, Control} = connect(target(Master)),
    {ok, [[<<"subscribe">>, <<"c">>, 1]], Subscribed} = call([<<"SUBSCRIBE">>, <<"c">>], Control),
    ok = eslaver_control:listen(Subscribed),
    Client = eslaver_test_client:connect(Master),
    1 = eslaver_test_client:ok(Client, ["PUBLISH", "c", "m"]),
    {ok, [[<<"message">>, <<"c">>, <<"m">>]], Next} = received(Subscribed),
    ?assertEqual(other, eslaver_control:received({tcp, make_ref(), <<>>}, Next)),
    ok = eslaver_control:listen(Next),
    ok = eslaver_test_master:kill(Master),
    ?assertMatch({error, {closed, _}}, received(Next)).

received(Control) ->
    receive
        Message -> eslaver_control:received(Message, Control)
    after 10_000 -> error(nothing_received)
    end.

%% Whom a connection trusts: as a link does.
certificates(Config) ->
    Table = [
        {"server", #{cacertfile => "ca"}, ok},
        {"server", #{cacertfile => "ca", verify => chain}, ok},
        {"server", #{cacertfile => "ca", server_name => <<"localhost">>}, ok},
        {"server", #{cacertfile => "ca", server_name => <<"127.0.0.1">>}, ok},
        {"server", #{cacertfile => "ca", server_name => <<"127.0.0.2">>}, "another name"},
        {"server", #{cacertfile => "ca", server_name => <<"x.example.net">>}, "another name"},
        {"server", #{cacertfile => "ca", server_name => <<"x.net">>, verify => chain}, ok},
        {"server", #{cacertfile => "other"}, "not trusted"},
        {"server", #{cacertfile => "other", verify => chain}, "not trusted"},
        {"server", #{cacertfile => "forged/ca"}, "not trusted"},
        {"server", #{}, "not trusted|no trusted certificates"},
        {"server", #{verify => false}, ok},
        {"server", #{cacertfile => "server"}, ok},
        {"server", #{cacertfile => "server", server_name => <<"x.net">>}, "another name"},
        {"server", #{cacertfile => "server", server_name => <<"x.net">>, verify => chain}, ok},
        {"named", #{cacertfile => "ca"}, "another name"},
        {"named", #{cacertfile => "ca", server_name => <<"master.example.net">>}, ok},
        {"wildcard", #{cacertfile => "ca", server_name => <<"a.example.net">>}, ok},
        {"wildcard", #{cacertfile => "ca", server_name => <<"a.b.example.net">>}, "another name"},
        {"self", #{cacertfile => "self"}, ok},
        {"self", #{cacertfile => "self", server_name => <<"x.net">>}, "another name"},
        {"self", #{cacertfile => "self-too"}, "not trusted"},
        {"self", #{cacertfile => "ca"}, "not trusted"},
        {"late", #{cacertfile => "ca", verify => chain}, "expired"},
        {"late", #{cacertfile => "late", verify => chain}, "expired"},
        {"late", #{verify => false}, ok},
        {"below-late", #{cacertfile => "late-ca", verify => chain}, "expired"},
        {"below-late", #{cacertfile => "below-late"}, ok},
        {"v3", #{cacertfile => "ca"}, "another name"},
        {"v3", #{cacertfile => "ca", verify => chain}, ok},
        {"v3", #{cacertfile => "v3", verify => chain}, ok},
        {"v3", #{cacertfile => "other", verify => chain}, "not trusted"},
        {"below-v3", #{cacertfile => "v3"}, "not trusted"},
        {"below-v3", #{cacertfile => "v3", verify => chain}, "not trusted"},
        {"v1", #{cacertfile => "ca"}, "another name"},
        {"v1", #{cacertfile => "ca", verify => chain}, ok},
        {"v1", #{cacertfile => "v1", verify => chain}, ok},
        {"v1", #{cacertfile => "other", verify => chain}, "not trusted"},
        {"v1", #{cacertfile => "forged/ca", verify => chain}, "not trusted"}
    ],
    with_certificates(Config, fun(Dir) ->
        [
            begin
                Target = tls_target(Dir, Certificate, "no", [{"tls-protocols", Protocol}]),
                [
                    ?assertEqual(
                        {Protocol, Certificate, Tls, ok},
                        {Protocol, Certificate, Tls, verdict(Target, tls(Dir, Tls), Expected)}
                    )
                 || {Of, Tls, Expected} <- Table, Of =:= Certificate
                ]
            end
         || Protocol <- ["TLSv1.2", "TLSv1.3"],
            Certificate <- lists:usort([Of || {Of, _, _} <- Table])
        ]
    end).

client_certificates(Config) ->
    with_certificates(Config, fun(Dir) ->
        Target = tls_target(Dir, "server", "yes", []),
        Own = fun(Certificate, Key) ->
            #{cacertfile => "ca", certfile => Certificate, keyfile => Key}
        end,
        Fifo = filename:join(Dir, "fifo.crt"),
        "" = os:cmd("mkfifo '" ++ Fifo ++ "'"),
        Table = [
            {Own("client", "client.key"), ok},
            {#{cacertfile => "ca"}, "certificate|closed"},
            {Own("missing", "client.key"), "cannot read .*/missing.crt: no such file"},
            {Own("client", "missing.key"), "cannot read .*/missing.key: no such file"},
            {Own("client.key", "client.key"), "client.key holds no certificate"},
            {Own("client", "client.crt"), "client.crt holds no key"},
            {Own("fifo", "client.key"), "cannot read .*/fifo.crt"},
            {#{cacertfile => "missing"}, "cannot read .*/missing.crt: no such file"},
            {#{cacertfile => "client.key"}, "client.key holds no certificate"},
            {#{cacertfile => "fifo"}, "cannot read .*/fifo.crt"}
        ],
        [
            ?assertEqual({Tls, ok}, {Tls, verdict(Target, tls(Dir, Tls), Expected)})
         || {Tls, Expected} <- Table
        ],
        %% ssl says nothing of it, above all no key
        ?assertEqual([], eslaver_test_log:matches("ALERT|PrivateKey|terminating"))
    end).

%% TLS where there is none, and none where there is.
wrong_ports(Config) ->
    with_certificates(Config, fun(Dir) ->
        #{address := Address} = Target = tls_target(Dir, "server", "no", []),
        {error, {Reason, _}} = ping(Target#{address := Address}),
        ?assert(lists:member(Reason, [malformed, closed, timeout])),
        Plain = target(eslaver_test_master:start_own()),
        {error, {unreachable, Text}} = connect(Plain#{tls := tls(Dir, #{verify => false})}),
        ?assertMatch({match, _}, re:run(Text, "TLS: "))
    end).

with_certificates(Context, Fun) ->
    case eslaver_test_certificates:missing(eslaver_test_servers:own()) of
        none ->
            Name = "tls-" ++ integer_to_list(erlang:unique_integer([positive])),
            Dir = filename:join(?config(priv_dir, Context), Name),
            ok = file:make_dir(Dir),
            ok = eslaver_test_certificates:kinds(Dir),
            _ = Fun(Dir),
            ok;
        Why ->
            {skip, Why}
    end.

tls_target(Dir, Certificate, Clients, More) ->
    File = fun(Name) -> filename:join(Dir, Name) end,
    Master = eslaver_test_master:start_own([
        {"tls-port", free_port},
        {"tls-cert-file", File(Certificate ++ ".crt")},
        {"tls-key-file", File(Certificate ++ ".key")},
        {"tls-ca-cert-file", File("ca.crt")},
        {"tls-auth-clients", Clients}
        | More
    ]),
    Client = eslaver_test_client:connect(Master),
    [_, Port] = eslaver_test_client:ok(Client, ["CONFIG", "GET", "tls-port"]),
    target(binary_to_integer(Port)).

%% The names of files become paths.
tls(Dir, Given) ->
    Path = fun(Name) ->
        Full =
            case filename:extension(Name) of
                "" -> Name ++ ".crt";
                _ -> Name
            end,
        list_to_binary(filename:join(Dir, Full))
    end,
    Files = maps:map(fun(_, Name) -> Path(Name) end, maps:without([server_name, verify], Given)),
    Nothing = maps:from_list([
        {Key, undefined}
     || Key <- [cacertfile, certfile, keyfile, server_name]
    ]),
    maps:merge(maps:merge(Nothing#{verify => true}, Given), Files).

verdict(Target, Tls, ok) ->
    ping(Target#{tls := Tls});
verdict(Target, Tls, Words) ->
    case ping(Target#{tls := Tls}) of
        {error, {_, Text}} ->
            case re:run(Text, Words) of
                {match, _} -> ok;
                nomatch -> {says, Text}
            end;
        ok ->
            trusted
    end.

secret() ->
    fun() -> list_to_binary(?PASSWORD) end.

target({_, _, _} = Address) -> target_at(Address);
target({local, _} = Address) -> target_at(Address);
target(Master) when is_pid(Master) -> target(eslaver_test_master:port(Master));
target(Port) -> target_at({tcp, <<"127.0.0.1">>, Port}).

target_at(Address) ->
    #{address => Address, user => undefined, password => fun() -> undefined end, tls => undefined}.

connect(Target) ->
    connect(Target, ?LIMIT).

connect(Target, Limit) ->
    eslaver_control:connect(Target, Limit).

call(Command, Control) ->
    eslaver_control:call([Command], ?LIMIT, Control).

ping(Target) ->
    ping(Target, ?LIMIT).

ping(Target, Limit) ->
    case connect(Target, Limit) of
        {ok, Control} ->
            case eslaver_control:call([[<<"PING">>]], Limit, Control) of
                {ok, [<<"PONG">>], Open} -> eslaver_control:close(Open);
                {error, _} = Error -> Error
            end;
        {error, _} = Error ->
            Error
    end.
