%% With a real sentinel: it must never take the replica for one that could become a master, and when
%% it makes another server the master, the stream goes on from there.
-module(eslaver_sentinel_SUITE).

-include_lib("common_test/include/ct.hrl").
-include_lib("stdlib/include/assert.hrl").

-compile([export_all, nowarn_export_all]).

suite() ->
    [{timetrap, {minutes, 2}}, {ct_hooks, [eslaver_test_log_hook]}].

all() ->
    eslaver_test_groups:cases(?MODULE).

%% A master, a sentinel, and eslaver behind a proxy.
init_per_testcase(_Case, Config) ->
    Server = eslaver_test_servers:own(),
    Master = eslaver_test_master:start_own(),
    Port = integer_to_list(eslaver_test_master:port(Master)),
    Sentinel = eslaver_test_master:start(#{
        server => Server,
        sentinel => [
            ["sentinel monitor it 127.0.0.1 ", Port, " 1\n"],
            "sentinel down-after-milliseconds it 1500\n",
            "sentinel failover-timeout it 6000\n"
        ]
    }),
    [{server, Server}, {master, Master}, {port, Port}, {sentinel, Sentinel} | Config].

promotes_the_real_one(Config) ->
    Master = ?config(master, Config),
    Other = eslaver_test_master:start(#{
        server => ?config(server, Config),
        config => [{"replicaof", ["127.0.0.1", ?config(port, Config)]}]
    }),
    Proxy = eslaver_test_proxy:start(Master),
    {Replica, Collector} = Both = eslaver_test_replica:start(eslaver_test_proxy:port(Proxy)),
    _ = eslaver_test_replica:loaded(Both),
    Client = eslaver_test_client:connect(Master),
    _ = eslaver_test_replica:mark(Client, Collector),
    Asked = eslaver_test_client:connect(?config(sentinel, Config)),
    true = eslaver_test_wait:until(fun() -> lists:member(port(Other), ports_up(Asked)) end),
    ?assertEqual([port(Other)], ports_up(Asked)),
    ?assertEqual(2, eslaver_test_client:ok(Client, ["WAIT", 2, 0])),
    ok = eslaver_test_master:kill(Master),
    true = eslaver_test_wait:until(fun() -> master_port(Asked) =:= port(Other) end, 60_000),
    OtherClient = eslaver_test_client:connect(Other),
    true = eslaver_test_wait:until(fun() ->
        eslaver_test_client:info(OtherClient, "role") =:= <<"master">>
    end),
    ok = eslaver_test_proxy:target(Proxy, Other),
    _ = eslaver_test_replica:mark(OtherClient, Collector),
    ?assertEqual(1, length([eof || {loading, eof} <- eslaver_test_collector:events(Collector)])),
    ?assertMatch([_ | _], eslaver_test_log:await("link is up, the stream resumes at offset")),
    eslaver:stop(Replica).

%% With nobody else left the sentinel would rather have no master.
never_a_candidate(Config) ->
    Master = ?config(master, Config),
    {Replica, _} = Both = eslaver_test_replica:start(Master),
    _ = eslaver_test_replica:loaded(Both),
    Asked = eslaver_test_client:connect(?config(sentinel, Config)),
    Sentinel = eslaver_test_master:log(?config(sentinel, Config)),
    ?assertMatch({match, _}, re:run(Sentinel, "\\+monitor master it")),
    ok = eslaver_test_master:kill(Master),
    true = eslaver_test_wait:until(
        fun() ->
            Log = eslaver_test_master:log(?config(sentinel, Config)),
            re:run(Log, "failover-abort-no-good-slave") =/= nomatch
        end,
        60_000
    ),
    ct:log("~s", [eslaver_test_master:log(?config(sentinel, Config))]),
    ?assertEqual(list_to_binary(?config(port, Config)), master_port(Asked)),
    ?assertEqual([], ports_up(Asked)),
    eslaver:stop(Replica).

port(Master) ->
    integer_to_binary(eslaver_test_master:port(Master)).

master_port(Asked) ->
    [_, Port] = eslaver_test_client:ok(Asked, ["SENTINEL", "get-master-addr-by-name", "it"]),
    Port.

%% The replicas that it is in contact with, by their ports.
ports_up(Asked) ->
    [
        maps:get(<<"port">>, Replica)
     || Flat <- eslaver_test_client:ok(Asked, ["SENTINEL", "replicas", "it"]),
        Replica <- [to_map(Flat)],
        maps:get(<<"flags">>, Replica) =:= <<"slave">>
    ].

to_map([]) -> #{};
to_map([Key, Value | Rest]) -> (to_map(Rest))#{Key => Value}.
