%% A hundred replicas in one node, which has other things to do, too.
-module(eslaver_many_SUITE).

-include_lib("common_test/include/ct.hrl").
-include_lib("stdlib/include/assert.hrl").

-export([all/0, suite/0]).
-export([hundred/1]).
%% Called in the node.
-export([inventory/0, how_long/0]).

-define(COUNT, 100).

-spec suite() -> list().
suite() ->
    [{timetrap, {minutes, 3}}].

-spec all() -> list().
all() ->
    [hundred || eslaver_test_node:has_proc()].

-spec hundred(list()) -> ok.
hundred(_Config) ->
    Master = eslaver_test_lib:own_master([{"repl-backlog-size", "64mb"}]),
    Client = eslaver_test_client:connect(Master),
    <<"OK">> = eslaver_test_client:ok(Client, ["DEBUG", "POPULATE", 500, "k", 100]),
    Node = eslaver_test_node:start(),
    ok = eslaver_test_node:call(Node, logger, set_primary_config, [level, warning]),
    OsPid = eslaver_test_node:os_pid(Node),
    Options = (eslaver_test_lib:target(Master))#{callback => {erlang, is_tuple}},
    One = eslaver_test_node:replica(Node, Options),
    ok = eslaver_test_node:call(Node, eslaver, await, [One, loaded, 30_000]),
    ok = eslaver_test_node:call(Node, eslaver, stop, [One]),
    Before = inventory(Node),
    Replicas = [eslaver_test_node:replica(Node, Options) || _ <- lists:seq(1, ?COUNT)],
    true = eslaver_test_lib:until(fun() -> online(Client) =:= ?COUNT end, 60_000),
    %% With nothing to do they cost next to nothing: less than a quarter of one core.
    Idle = busy(OsPid, 4000),
    ct:pal("~b replicas, idle: ~.2f of a core", [?COUNT, Idle]),
    ?assert(Idle < 0.25),
    %% The node does all else while they have work to do.
    Writers = eslaver_test_writer:start(Master, 1, #{pause => 10, writers => 1}),
    Times = [eslaver_test_node:call(Node, ?MODULE, how_long, []) || _ <- lists:seq(1, 10)],
    ct:pal("a file read, and garbage collected everywhere: ~p ms", [Times]),
    ?assert(lists:max([Time || {Read, Collect} <- Times, Time <- [Read, Collect]]) < 2000),
    _ = eslaver_test_writer:stop(Writers),
    %% Each has handled all of it.
    Offset = binary_to_integer(eslaver_test_lib:info(Client, "master_repl_offset")),
    _ = [
        eslaver_test_lib:until(fun() ->
            #{offset := At} = eslaver_test_node:call(Node, eslaver, info, [Replica]),
            At >= Offset
        end)
     || Replica <- Replicas
    ],
    ?assertEqual(?COUNT, online(Client)),
    _ = [ok = eslaver_test_node:call(Node, eslaver, stop, [Replica]) || Replica <- Replicas],
    true = eslaver_test_lib:until(fun() ->
        After = inventory(Node),
        lists:all(fun({Had, Has}) -> Has =< Had end, lists:zip(Before, After))
    end),
    ct:pal("threads, descriptors, processes, ports: ~p, then ~p", [Before, inventory(Node)]),
    ?assertEqual(0, online(Client)),
    eslaver_test_node:stop(Node).

online(Client) ->
    Info = eslaver_test_client:ok(Client, ["INFO", "replication"]),
    case re:run(Info, "state=online", [global]) of
        {match, Found} -> length(Found);
        nomatch -> 0
    end.

%% The share of one core that it takes.
busy(OsPid, Time) ->
    Before = eslaver_test_node:cpu_time(OsPid),
    timer:sleep(Time),
    (eslaver_test_node:cpu_time(OsPid) - Before) * 10 / Time.

inventory(Node) ->
    eslaver_test_node:call(Node, ?MODULE, inventory, []).

-spec inventory() -> [non_neg_integer()].
inventory() ->
    _ = [erlang:garbage_collect(Pid) || Pid <- processes()],
    Self = eslaver_test_node:os_pid(self),
    [
        eslaver_test_node:threads(Self),
        eslaver_test_node:descriptors(Self),
        erlang:system_info(process_count),
        erlang:system_info(port_count)
    ].

%% In ms.
-spec how_long() -> {non_neg_integer(), non_neg_integer()}.
how_long() ->
    {Read, {ok, _}} = timer:tc(file, read_file, [code:which(?MODULE)]),
    {Collect, _} = timer:tc(fun() -> [erlang:garbage_collect(Pid) || Pid <- processes()] end),
    {Read div 1000, Collect div 1000}.
