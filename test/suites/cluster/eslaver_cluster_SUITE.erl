%% A replica of a cluster: while its slots and its shards move, its handlers are told of each write
%% once, and in order for each key.
%%
%% All cases run with the oldest and the newest version, and moves with each. With ESLAVER_SOAK
%% (`make soak`) all run with each, and chance takes that many seconds in all. ESLAVER_SEED repeats
%% the random choices.
-module(eslaver_cluster_SUITE).

-include_lib("common_test/include/ct.hrl").
-include_lib("stdlib/include/assert.hrl").

-import(eslaver_test_cluster, [masters/1, settled/1]).
-import(eslaver_test_cluster_cases, [start/4, finish/2, happen/3, server/1]).
-import(eslaver_test_cluster_moves, [move/6]).

-compile([export_all, nowarn_export_all]).

-define(TIMEOUT, 30_000).
%% What failovers lose.
-define(LOSSES, #{losses => true, reasons => [diverged]}).

suite() ->
    [{timetrap, {minutes, 30}}, {ct_hooks, [eslaver_test_log_hook]}].

all() ->
    eslaver_test_groups:all(groups()).

groups() ->
    eslaver_test_cluster_cases:groups(eslaver_test_groups:cases(?MODULE), [moves]).

init_per_group(Name, Config) ->
    eslaver_test_groups:server(Name, Config).

end_per_group(_Name, _Config) ->
    ok.

%% To and fro by each way. Each move is told once for each slot.
moves(Config) ->
    #{cluster := Cluster, ways := Ways, follower := Follower} =
        Setting = start(replica, ?FUNCTION_NAME, Config, #{}),
    [One, Other | _] = masters(Cluster),
    Log = eslaver_test_cluster_followers:log(Follower),
    lists:foreach(
        fun({Way, From, To}) ->
            Before = told(Log),
            {First, _} = hd(eslaver_test_cluster:slots(Cluster, From)),
            Slots = [{First, First + 19}, {First + 25, First + 29}],
            Old = shard(?FUNCTION_NAME, First),
            ok = move(Cluster, Slots, From, To, Way, #{pause => 2}),
            New = eslaver_test_wait:until(
                fun() ->
                    case lists:usort([shard(?FUNCTION_NAME, S) || S <- numbers(Slots)]) of
                        [Old] -> false;
                        [Shard] when Shard =/= none -> Shard;
                        _ -> false
                    end
                end,
                ?TIMEOUT
            ),
            true = eslaver_test_wait:until(fun() -> length(told(Log)) >= length(Before) + 25 end),
            ?assertEqual(
                [{Slot, New} || Slot <- numbers(Slots)], lists:sort(told(Log) -- Before)
            )
        end,
        lists:append([[{Way, One, Other}, {Way, Other, One}] || Way <- Ways])
    ),
    Report = happen([move, move, back], 2000, Setting),
    finish(Setting, Report).

%% Each slot that was told of, with the shard that it moved to.
told(Log) ->
    [
        {Slot, To}
     || #{ranges := Ranges, to := To} <- eslaver_test_cluster_log:moved(Log),
        Slot <- numbers(Ranges)
    ].

numbers(Ranges) ->
    eslaver_test_cluster_nodes:numbers(Ranges).

%% The shard that a slot belongs to, as the replica tells it.
shard(Name, Slot) ->
    #{shards := Shards} = eslaver:info(Name),
    Owners = [
        Id
     || {Id, #{slots := Ranges}} <- maps:to_list(Shards),
        eslaver_test_cluster_nodes:in(Slot, Ranges)
    ],
    case Owners of
        [Id] -> Id;
        _ -> none
    end.

%% A source writes to slots that are another's already: the write is lost, for all who follow.
too_late(Config) ->
    eslaver_test_cluster_cases:too_late(replica, ?FUNCTION_NAME, Config, ?LOSSES).

%% What comes from one side is late: from the source of a move, then from its target.
late(Config) ->
    #{cluster := Cluster, ways := Ways, follower := Follower} =
        Setting = start(replica, ?FUNCTION_NAME, Config, #{}),
    Proxies = eslaver_test_cluster_followers:proxies(Follower),
    [One, Other | _] = masters(Cluster),
    lists:foreach(
        fun({Way, Late}) ->
            Proxy = eslaver_test_cluster_proxies:of_node(Proxies, Cluster, Late),
            ok = eslaver_test_proxy:late(Proxy, 50),
            {First, _} = hd(eslaver_test_cluster:slots(Cluster, One)),
            Slots = [{First, First + 19}],
            ok = move(Cluster, Slots, One, Other, Way, #{}),
            ok = move(Cluster, Slots, Other, One, Way, #{}),
            eslaver_test_proxy:flow(Proxy)
        end,
        [{Way, Late} || Way <- Ways, Late <- [One, Other]]
    ),
    finish(Setting, late).

cuts(Config) ->
    Setting = start(replica, ?FUNCTION_NAME, Config, #{}),
    ok = eslaver_test_cluster_cases:tokens(Setting),
    finish(Setting, happen([move, cut, cut, back], 4000, Setting)).

%% The events of a shard begin when it comes, and end when it is gone.
shards(Config) ->
    #{follower := Follower} = Setting = start(replica, ?FUNCTION_NAME, Config, #{}),
    Report = happen([shard], 0, Setting),
    Log = eslaver_test_cluster_followers:log(Follower),
    %% the new shard's replica is a master at first, too
    true = eslaver_test_wait:until(
        fun() -> length(told(up, Log)) - length(told(gone, Log)) =:= 3 end, ?TIMEOUT
    ),
    Gone = [_ | _] = told(gone, Log),
    ?assertEqual(lists:usort(Gone), lists:sort(Gone)),
    ?assertEqual([], lists:usort(Gone) -- told(up, Log)),
    ?assert(lists:all(fun(Shard) -> eslaver_test_cluster_log:ends_with_gone(Log, Shard) end, Gone)),
    finish(Setting, Report).

told(What, Log) -> [Shard || {One, Shard} <- eslaver_test_cluster_log:shards(Log), One =:= What].

failovers(Config) ->
    Setting = start(replica, ?FUNCTION_NAME, Config, ?LOSSES),
    finish(Setting, happen([hand_over, kill, move], 0, Setting)).

restarts(Config) ->
    Setting = start(replica, ?FUNCTION_NAME, Config, #{read_from => prefer_replica}),
    finish(Setting, happen([restart, move], 0, Setting)).

%% The node is killed while slots move, and goes on where it was: nothing is missing.
resumes(Config) ->
    Seed = eslaver_test_env:seed(),
    _ = rand:seed(exsss, Seed),
    Server = server(Config),
    Cluster = eslaver_test_cluster:start(#{server => Server}),
    Writers = eslaver_test_cluster_writers:start(Cluster, Seed),
    #{name := Version} = ?config(server, Config),
    Dir = filename:join(?config(priv_dir, Config), atom_to_list(Version)),
    [Kept, Resume] = [filename:join(Dir, Name) || Name <- ["kept", "resume"]],
    _ = [ok = filelib:ensure_path(Path) || Path <- [Kept, Resume]],
    Options = (eslaver_test_cluster_followers:options(Cluster, none))#{
        name => {local, ?FUNCTION_NAME},
        callback => {handler, eslaver_test_cluster_handler, #{dir => Kept}},
        events => full,
        resume => {file, Resume}
    },
    Mover = mover(Cluster, eslaver_test_cluster:ways(Server)),
    ok = lists:foreach(
        fun(_) ->
            Node = resumed(Options),
            ok = timer:sleep(500 + rand:uniform(1000)),
            ok = eslaver_test_node:kill(Node)
        end,
        [1, 2, 3]
    ),
    Moved = stop(Mover),
    Node = resumed(Options),
    Notes = eslaver_test_cluster_writers:stop(Writers),
    ok = settled(Cluster),
    Log = eslaver_test_cluster_log:args(#{dir => Kept}),
    lists:foreach(
        fun(Mark) ->
            Has = fun() -> eslaver_test_cluster_log:has(Log, Mark) end,
            true = eslaver_test_wait:until(Has, ?TIMEOUT)
        end,
        eslaver_test_cluster_followers:marks(Cluster)
    ),
    ok = eslaver_test_node:stop(Node),
    Wrong = eslaver_test_cluster_log:wrong(
        Log, Notes, eslaver_test_cluster:contents(Cluster), #{again => true}
    ),
    ?assertEqual([], lists:sublist(Wrong, 5)),
    ?assertEqual([], [Why || {full, Why} <- eslaver_test_cluster_log:links(Log), Why =/= first]),
    ct:pal("~b slots moved, ~b events", [Moved, length(eslaver_test_cluster_log:entries(Log))]),
    ?assert(Moved > 0),
    eslaver_test_cluster:stop(Cluster).

resumed(#{name := {local, Name}} = Options) ->
    Node = eslaver_test_node:start(),
    _ = eslaver_test_node:replica(Node, Options),
    ok = eslaver_test_node:call(Node, eslaver, await, [Name, loaded, ?TIMEOUT]),
    Node.

%% Moves slots until it is stopped.
mover(Cluster, Ways) ->
    Seed = rand:uniform(1_000_000),
    spawn_link(fun() ->
        _ = rand:seed(exsss, Seed),
        mover(Cluster, Ways, 0)
    end).

mover(Cluster, Ways, Moved) ->
    receive
        {stop, From} -> From ! {self(), Moved}
    after 0 ->
        Masters = lists:sort([{rand:uniform(), Master} || Master <- masters(Cluster)]),
        [{_, From}, {_, To} | _] = Masters,
        Slots = eslaver_test_cluster_chance:slots(eslaver_test_cluster:slots(Cluster, From), 6),
        Way = lists:nth(rand:uniform(length(Ways)), Ways),
        ok = move(Cluster, Slots, From, To, Way, #{pause => 3}),
        mover(Cluster, Ways, Moved + length(numbers(Slots)))
    end.

stop(Mover) ->
    Mover ! {stop, self()},
    receive
        {Mover, Moved} -> Moved
    after ?TIMEOUT -> error(mover_does_not_stop)
    end.

%% From Valkey 8 on, a move waits until all replicas have acknowledged what came before. One whose
%% callback is stuck may acknowledge what it has received.
stuck(Config) ->
    Server = server(Config),
    case {eslaver_test_servers:family(Server), eslaver_test_servers:version(Server)} of
        {valkey, Version} when Version >= {8, 0, 0} ->
            ?assertMatch({error, <<"NOREPLICAS", _/binary>>}, while_stuck(handled, Config)),
            ?assertEqual(<<"OK">>, while_stuck(received, Config));
        _ ->
            {skip, "this server waits for nobody"}
    end.

while_stuck(Acknowledge, Context) ->
    Name = list_to_atom("stuck_" ++ atom_to_list(Acknowledge)),
    #{cluster := Cluster, follower := Follower} =
        Setting = start(replica, Name, Context, #{acknowledge => Acknowledge}),
    [One, Other | _] = masters(Cluster),
    Log = eslaver_test_cluster_followers:log(Follower),
    ok = eslaver_test_cluster_log:stick(Log),
    %% Long enough for writes to wait in each shard.
    ok = timer:sleep(1000),
    {First, _} = hd(eslaver_test_cluster:slots(Cluster, One)),
    Client = eslaver_test_client:connect(One),
    Command = ["CLUSTER", "SETSLOT", First, "MIGRATING", eslaver_test_cluster:id(Cluster, Other)],
    Reply = eslaver_test_client:command(Client, Command),
    ok = eslaver_test_cluster_log:release(Log),
    true = eslaver_test_wait:until(fun() ->
        Stable = ["CLUSTER", "SETSLOT", First, "STABLE"],
        eslaver_test_client:command(Client, Stable) =:= <<"OK">>
    end),
    ok = eslaver_test_client:close(Client),
    _ = finish(Setting, Acknowledge),
    Reply.

%% All of it, in any order.
chance(Config) ->
    Setting = start(replica, ?FUNCTION_NAME, Config, ?LOSSES),
    Events = [move, move, move, move, back, cut, late, hand_over, kill, restart, shard],
    finish(Setting, happen(Events, eslaver_test_cluster:soak(1000), Setting)).
