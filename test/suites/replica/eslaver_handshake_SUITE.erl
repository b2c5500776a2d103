%% From PING to the answer of PSYNC with real masters, and with fakes for what no real one at hand
%% says: what they are told, what they may refuse, and what is said of those that are no masters.
-module(eslaver_handshake_SUITE).

-include_lib("common_test/include/ct.hrl").
-include_lib("stdlib/include/assert.hrl").

-compile([export_all, nowarn_export_all]).

suite() ->
    [{timetrap, {minutes, 2}}, {ct_hooks, [eslaver_test_log_hook]}].

all() ->
    eslaver_test_groups:cases(?MODULE).

%% PSYNC refused

sync_after_refused_psync(_Config) ->
    Snapshot = <<"REDIS0006", 254, 0, 0, 1, "k", 1, "v", 255, 0:64>>,
    Refusals = [
        "-ERR unknown command 'PSYNC'",
        "-ERR command `psync` disabled",
        "-ERR unsupported command: psync",
        "-ERR wrong number of arguments for 'psync' command",
        "-NOPERM this user has no permissions to run the 'psync' command",
        "+WHATEVER"
    ],
    _ = eslaver_test_parallel:map(
        fun(Refusal) ->
            Sync = ["\n\n$", integer_to_list(byte_size(Snapshot)), "\r\n", Snapshot],
            Set = <<"*3\r\n$3\r\nset\r\n$1\r\na\r\n$1\r\nb\r\n">>,
            Fake = eslaver_test_fake_master:start([
                #{psync => [Refusal, "\r\n"], replies => #{<<"SYNC">> => [Sync, Set]}}
            ]),
            {Replica, Collector} =
                Both = eslaver_test_replica:start(eslaver_test_fake_master:port(Fake)),
            Events = eslaver_test_replica:loaded(Both),
            ?assertMatch([{loading, string, <<"k">>, <<"v">>}, {loading, eof} | _], Events),
            _ = eslaver_test_collector:await(Collector, fun(Event) ->
                Event =:= {stream, "set", [<<"a">>, <<"b">>]}
            end),
            Names = [
                string:uppercase(Name)
             || {1, [Name | _]} <- eslaver_test_fake_master:commands(Fake)
            ],
            ?assertEqual([<<"PSYNC">>, <<"SYNC">>], lists:nthtail(length(Names) - 2, Names)),
            eslaver:stop(Replica)
        end,
        Refusals
    ),
    ok.

no_sync_when_it_passes(_Config) ->
    Refusals = [
        {"-NOMASTERLINK Can't SYNC while not connected with my master", no_master_link},
        {"-LOADING Redis is loading the dataset in memory", loading},
        {"-MASTERDOWN Link with MASTER is down", master_down},
        {"-BUSY Redis is busy running a script.", busy},
        {"-CLUSTERDOWN The cluster is down", cluster_down}
    ],
    _ = eslaver_test_parallel:map(
        fun({Refusal, Reason}) ->
            Fake = eslaver_test_fake_master:start([#{psync => [Refusal, "\r\n"]}]),
            {Replica, _} = eslaver_test_replica:start(eslaver_test_fake_master:port(Fake)),
            ?assertMatch(#{reason := Reason}, last_error(Replica)),
            ?assertEqual([], [
                C
             || {_, [<<"SYNC">>]} = C <- eslaver_test_fake_master:commands(Fake)
            ]),
            eslaver:stop(Replica)
        end,
        Refusals
    ),
    ok.

%% Both answers are shown, and the remedy.
both_refused(_Config) ->
    Fake = eslaver_test_fake_master:start([
        #{
            psync => <<"-ERR command `psync` is not for you\r\n">>,
            replies => #{<<"SYNC">> => <<"-ERR nor is `sync`\r\n">>}
        }
    ]),
    fails(eslaver_test_fake_master:port(Fake), #{}, no_sync, [
        "PSYNC with 'ERR command `psync` is not for you'",
        "SYNC with 'ERR nor is `sync`'",
        "psync_command"
    ]),
    fails(eslaver_test_fake_master:port(Fake), #{psync_command => "hidden-psync"}, no_sync, [
        "hidden-psync with"
    ]).

%% The answer is what is told, not that the master then closed the connection.
refused_and_closed(_Config) ->
    Fake = eslaver_test_fake_master:start([
        #{psync => <<"-ERR we do not do that\r\n">>, then => close}
    ]),
    fails(eslaver_test_fake_master:port(Fake), #{}, error, ["PSYNC", "we do not do that"]).

psync_taken_away(_Config) ->
    Master = eslaver_test_master:start_own([{"rename-command", ["PSYNC", ""]}]),
    streams(Master, #{}).

%% A server takes its PSYNC, by another name, for SYNC.
psync_renamed(_Config) ->
    Master = eslaver_test_master:start_own([
        {"rename-command", ["PSYNC", "secret-psync"]}, {"rename-command", ["SYNC", ""]}
    ]),
    ok = streams(Master, #{psync_command => "secret-psync"}),
    fails(eslaver_test_master:port(Master), #{}, no_sync, ["set the option psync_command"]).

psync_not_permitted(_Config) ->
    Master = eslaver_test_master:start_own(),
    Client = eslaver_test_client:connect(Master),
    User = ["ACL", "SETUSER", "old", "on", ">x", "+sync", "+replconf", "+ping"],
    <<"OK">> = eslaver_test_client:ok(Client, User),
    ok = streams(Master, #{master_user => "old", master_auth => "x"}),
    <<"OK">> = eslaver_test_client:ok(Client, ["ACL", "SETUSER", "old", "-sync"]),
    fails(
        eslaver_test_master:port(Master),
        #{master_user => "old", master_auth => "x"},
        no_permission,
        ["NOPERM.*psync", "NOPERM.*'sync'", "\\+psync \\+replconf \\+ping"]
    ).

%% CLIENT

%% Who we are in the list of every server.
client_list(_Config) ->
    _ = eslaver_test_parallel:map(fun client_list_of/1, eslaver_test_servers:spread()),
    ok.

client_list_of(#{server := Server, name := Name, family := Family, version := Version}) ->
    Master = eslaver_test_master:start(#{server => Server}),
    Client = eslaver_test_client:connect(Master),
    Lib =
        case Family =:= valkey orelse Version >= {7, 2, 0} of
            true -> version();
            false -> none
        end,
    Cases = [
        {#{}, <<"eslaver">>},
        {
            #{name => {global, {users, Name}}},
            <<"eslaver:{users,", (atom_to_binary(Name))/binary, "}">>
        },
        {#{client_name => "mine"}, <<"mine">>},
        {#{client_name => undefined}, <<>>}
    ],
    lists:foreach(
        fun({Options, Expected}) ->
            {Replica, _} = Both = eslaver_test_replica:start(Master, Options),
            _ = eslaver_test_replica:loaded(Both),
            [Line] = replicas(Client),
            ct:log("~ts", [Line]),
            ?assertEqual(Expected, field("name", Line)),
            _ = [?assertEqual(<<"eslaver">>, field("lib-name", Line)) || Lib =/= none],
            _ = [?assertEqual(Lib, field("lib-ver", Line)) || Lib =/= none],
            ok = eslaver:stop(Replica),
            eslaver_test_wait:until(fun() -> replicas(Client) =:= [] end)
        end,
        Cases
    ).

version() ->
    _ = application:load(eslaver),
    {ok, Version} = application:get_key(eslaver, vsn),
    list_to_binary(Version).

replicas(Client) ->
    Lines = string:lexemes(eslaver_test_client:ok(Client, ["CLIENT", "LIST"]), "\r\n"),
    [Line || Line <- Lines, string:find(field("flags", Line), "S") =/= nomatch].

field(Name, Line) ->
    {match, [Value]} = re:run(Line, [" ", Name, "=(\\S*)"], [{capture, [1], binary}]),
    Value.

client_taken_away(_Config) ->
    Master = eslaver_test_master:start_own([{"rename-command", ["CLIENT", ""]}]),
    streams(Master, #{}).

%% No masters, and masters in trouble

sentinel(_Config) ->
    Sentinel = eslaver_test_master:start(#{
        server => eslaver_test_servers:own(),
        sentinel => <<"sentinel monitor it 127.0.0.1 1 1\n">>
    }),
    Port = eslaver_test_master:port(Sentinel),
    Says = ["Sentinel", "sentinels", "master_name", "monitors it"],
    ok = fails(Port, #{}, sentinel, Says),
    %% the password is the master's
    fails(Port, #{master_auth => "x"}, sentinel, Says).

%% A node of a cluster that is down replicates all the same.
cluster_without_slots(_Config) ->
    Master = eslaver_test_master:start_own([{"cluster-enabled", "yes"}]),
    Client = eslaver_test_client:connect(Master),
    Info = eslaver_test_client:ok(Client, ["CLUSTER", "INFO"]),
    ?assertMatch({match, _}, re:run(Info, "cluster_state:fail")),
    {Replica, _} = Both = eslaver_test_replica:start(Master),
    ?assertMatch([{loading, eof} | _], eslaver_test_replica:loaded(Both)),
    eslaver:stop(Replica).

%% A sign of life is not enough where an answer is due.
endless_newlines(_Config) ->
    Fake = eslaver_test_fake_master:start([#{replies => #{<<"PING">> => <<>>}}]),
    {Replica, _} =
        eslaver_test_replica:start(eslaver_test_fake_master:port(Fake), #{repl_timeout => 700}),
    Flood = spawn_link(fun() -> flood(Fake) end),
    Error = last_error(Replica),
    ?assertMatch(#{reason := timeout, text := <<"no answer to PING", _/binary>>}, Error),
    true = unlink(Flood),
    exit(Flood, kill),
    eslaver:stop(Replica).

flood(Fake) ->
    _ =
        eslaver_test_fake_master:connections(Fake) > 0 andalso
            eslaver_test_fake_master:send(Fake, "\n"),
    timer:sleep(50),
    flood(Fake).

%% Compression

%% The fake is on this machine.
compression_asked_for(_Config) ->
    Asked = fun(Options) ->
        Fake = eslaver_test_fake_master:start([#{}]),
        {Replica, _} = eslaver_test_replica:start(eslaver_test_fake_master:port(Fake), Options),
        #{} = last_error(Replica),
        ok = eslaver:stop(Replica),
        Commands = eslaver_test_fake_master:commands(Fake),
        lists:usort([Args || {_, [<<"REPLCONF">>, <<"rdb-no-compress">> | Args]} <- Commands])
    end,
    ?assertEqual([[<<"1">>]], Asked(#{rdb_compression => false})),
    ?assertEqual([[<<"1">>]], Asked(#{})),
    ?assertEqual([], Asked(#{rdb_compression => true})).

%% Servers since Redis 8.6 do what they are asked.
compression_of_a_snapshot(_Config) ->
    Able = [
        Server
     || #{server := Server, family := redis, version := Version} <-
            eslaver_test_servers:available(),
        Version >= {8, 6, 0}
    ],
    case Able of
        [] ->
            {skip, "no Redis 8.6 or later is at hand"};
        _ ->
            Master = eslaver_test_master:start(#{server => lists:last(Able)}),
            Client = eslaver_test_client:connect(Master),
            _ = eslaver_test_client:ok(Client, ["SET", "k", binary:copy(<<"a">>, 1_000_000)]),
            Bytes = fun(Options) ->
                {Replica, _} = Both = eslaver_test_replica:start(Master, Options),
                [{loading, string, <<"k">>, <<"aaa", _/binary>>} | _] =
                    eslaver_test_replica:loaded(Both),
                #{bytes := Bytes} = eslaver:info(Replica),
                ok = eslaver:stop(Replica),
                Bytes
            end,
            ?assert(Bytes(#{rdb_compression => true}) < 100_000),
            ?assert(Bytes(#{rdb_compression => false}) > 1_000_000)
    end.

%% The newest version whose snapshots can be read.
announced_version(_Config) ->
    Fake = eslaver_test_fake_master:start([#{}]),
    {Replica, _} = eslaver_test_replica:start(eslaver_test_fake_master:port(Fake)),
    #{} = last_error(Replica),
    ok = eslaver:stop(Replica),
    Commands = eslaver_test_fake_master:commands(Fake),
    Sent = [Version || {_, [<<"REPLCONF">>, <<"version">>, Version]} <- Commands],
    ?assertEqual([<<"9.2.0">>], lists:usort(Sent)).

%% Valkey chooses the format by it: without it, that of Redis 7.2.
format_of_a_snapshot(_Config) ->
    Able = [
        Server
     || #{server := Server, family := valkey, version := V} <- eslaver_test_servers:available(),
        V >= {9, 1, 0}
    ],
    case Able of
        [] ->
            {skip, "no Valkey 9.1 or later is at hand"};
        [Server | _] ->
            Master = eslaver_test_master:start(#{server => Server}),
            File = filename:join(eslaver_test_master:dir(Master), "kept.rdb"),
            {Replica, _} = Both = eslaver_test_replica:start(Master, #{dbfilename => File}),
            _ = eslaver_test_replica:loaded(Both),
            true = eslaver_test_wait:until(fun() -> filelib:is_file(File) end),
            {ok, <<Magic:9/binary, _/binary>>} = file:read_file(File),
            ok = eslaver:stop(Replica),
            ?assertEqual(<<"VALKEY080">>, Magic)
    end.

%% The load comes, and the stream.
streams(Master, Options) ->
    Client = eslaver_test_client:connect(Master),
    _ = eslaver_test_client:ok(Client, ["SET", "k", "v"]),
    {Replica, Collector} = Both = eslaver_test_replica:start(Master, Options),
    ?assert(lists:member({loading, string, <<"k">>, <<"v">>}, eslaver_test_replica:loaded(Both))),
    _ = [eslaver_test_replica:mark(Client, Collector) || _ <- lists:seq(1, 3)],
    eslaver:stop(Replica).

%% The reason is told, with words for all of these.
fails(Port, Options, Reason, Regexes) ->
    {Replica, Collector} = eslaver_test_replica:start(Port, Options),
    #{text := Text} = Error = last_error(Replica),
    ct:pal("~ts", [Text]),
    ?assertMatch(#{reason := Reason}, Error),
    _ = [?assertMatch({match, _}, re:run(Text, Regex)) || Regex <- Regexes],
    ?assertEqual([], eslaver_test_collector:events(Collector)),
    eslaver:stop(Replica).

last_error(Replica) ->
    eslaver_test_wait:until(fun() ->
        case eslaver:info(Replica) of
            #{last_error := undefined} -> false;
            #{last_error := Error} -> Error
        end
    end).
