%% A hundred replicas in one node, which has other things to do, too; and one that is started and
%% stopped a thousand times. Nothing stays of them.
-module(eslaver_leak_SUITE).

-include_lib("common_test/include/ct.hrl").
-include_lib("stdlib/include/assert.hrl").

-compile([export_all, nowarn_export_all]).

-define(COUNT, 100).
%% Processes that start and stop replicas beside each other.
-define(STARTERS, 4).

suite() ->
    [{timetrap, {minutes, 3}}].

all() ->
    [Case || eslaver_test_node:has_proc(), Case <- [hundred, a_thousand_starts]].

hundred(_Config) ->
    Master = eslaver_test_master:start_own([{"repl-backlog-size", "64mb"}]),
    Client = eslaver_test_client:connect(Master),
    <<"OK">> = eslaver_test_client:ok(Client, ["DEBUG", "POPULATE", 500, "k", 100]),
    Node = eslaver_test_node:start(),
    ok = eslaver_test_node:call(Node, logger, set_primary_config, [level, warning]),
    Options = (eslaver_test_replica:target(Master))#{callback => {erlang, is_tuple}},
    One = eslaver_test_node:replica(Node, Options),
    ok = eslaver_test_node:call(Node, eslaver, await, [One, loaded, 30_000]),
    ok = eslaver_test_node:call(Node, eslaver, stop, [One]),
    _ = eslaver_test_node:call(Node, ?MODULE, how_long, []),
    {_, Growth} = eslaver_test_node:flat(Node, fun() -> at_work(Node, Master, Client, Options) end),
    ct:pal("~p", [Growth]),
    ?assertEqual(0, online(Client)),
    eslaver_test_node:stop(Node).

at_work(Node, Master, Client, Options) ->
    Replicas = [eslaver_test_node:replica(Node, Options) || _ <- lists:seq(1, ?COUNT)],
    true = eslaver_test_wait:until(fun() -> online(Client) =:= ?COUNT end, 60_000),
    %% With nothing to do they cost next to nothing: less than a quarter of one core.
    Idle = busy(eslaver_test_node:os_pid(Node), 4000),
    ct:pal("~b replicas, idle: ~.2f of a core", [?COUNT, Idle]),
    ?assert(Idle < 0.25),
    %% The node does all else while they have work to do.
    Writers = eslaver_test_writers:start(Master, 1, #{pause => 10, writers => 1}),
    Times = [eslaver_test_node:call(Node, ?MODULE, how_long, []) || _ <- lists:seq(1, 10)],
    ct:pal("a file read, and garbage collected everywhere: ~p ms", [Times]),
    ?assert(lists:max([Time || {Read, Collect} <- Times, Time <- [Read, Collect]]) < 2000),
    _ = eslaver_test_writers:stop(Writers),
    %% Each has handled all of it.
    Offset = binary_to_integer(eslaver_test_client:info(Client, "master_repl_offset")),
    _ = [
        eslaver_test_wait:until(fun() ->
            #{offset := At} = eslaver_test_node:call(Node, eslaver, info, [Replica]),
            At >= Offset
        end)
     || Replica <- Replicas
    ],
    ?assertEqual(?COUNT, online(Client)),
    _ = [ok = eslaver_test_node:call(Node, eslaver, stop, [Replica]) || Replica <- Replicas].

online(Client) ->
    Info = eslaver_test_client:ok(Client, ["INFO", "replication"]),
    case re:run(Info, "state=online", [global]) of
        {match, Found} -> length(Found);
        nomatch -> 0
    end.

%% Memory, too: what the first rounds leave to the allocators, the last ones do with.
a_thousand_starts(_Config) ->
    Value = eslaver_test_dataset:bytes(1000, 1),
    Keys = [<<0, 5, N:40, 1:2, 1000:14, Value/binary>> || N <- lists:seq(1, 50)],
    Snapshot = iolist_to_binary(["REDIS0009", 254, 0, Keys, 255, <<0:64>>]),
    Fake = eslaver_test_fake_master:start([
        #{psync => eslaver_test_fake_master:full_resync(Snapshot)}
    ]),
    Port = eslaver_test_fake_master:port(Fake),
    Node = eslaver_test_node:start(),
    Rounds = fun(Count) ->
        Start = erlang:monotonic_time(millisecond),
        Each = [Port, Count div ?STARTERS],
        Call = fun(_) -> eslaver_test_node:call(Node, ?MODULE, rounds, Each) end,
        _ = [ok = Done || Done <- eslaver_test_parallel:map(Call, lists:seq(1, ?STARTERS))],
        erlang:monotonic_time(millisecond) - Start
    end,
    _ = Rounds(100),
    {Took, #{memory := {Had, Has, Peak}} = Growth} =
        eslaver_test_node:flat(Node, fun() -> Rounds(1000) end),
    ct:pal("a thousand starts in ~b ms: ~p", [Took, Growth]),
    ?assert(Has - Had < 16_000_000),
    ?assert(Peak - Had < 32_000_000),
    ok = eslaver_test_fake_master:stop(Fake),
    eslaver_test_node:stop(Node).

-spec rounds(inet:port_number(), non_neg_integer()) -> ok.
rounds(_Port, 0) ->
    ok;
rounds(Port, Count) ->
    Options = (eslaver_test_replica:target(Port))#{callback => {erlang, is_tuple}},
    {ok, Replica} = eslaver:start_link(Options),
    ok = eslaver:await(Replica, loaded, 10_000),
    #{keys := 50} = eslaver:info(Replica),
    ok = eslaver:stop(Replica),
    rounds(Port, Count - 1).

%% The share of one core that it takes.
busy(OsPid, Time) ->
    Before = eslaver_test_node:cpu_time(OsPid),
    timer:sleep(Time),
    (eslaver_test_node:cpu_time(OsPid) - Before) * 10 / Time.

%% In ms.
-spec how_long() -> {non_neg_integer(), non_neg_integer()}.
how_long() ->
    {Read, {ok, _}} = timer:tc(file, read_file, [code:which(?MODULE)]),
    {Collect, _} = timer:tc(fun() -> [erlang:garbage_collect(Pid) || Pid <- processes()] end),
    {Read div 1000, Collect div 1000}.
