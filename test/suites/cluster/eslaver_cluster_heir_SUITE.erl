%% A master fails right after slots have moved to it: the replica that takes its place does not know
%% of them. When it returns it is a master of these, and its heir of all the others.
%%
%% Valkey tells replicas before it takes a slot.
-module(eslaver_cluster_heir_SUITE).

-include_lib("common_test/include/ct.hrl").
-include_lib("stdlib/include/assert.hrl").

-import(eslaver_test_cluster, [ask/2, await/1]).

-compile([export_all, nowarn_export_all]).

suite() ->
    [{timetrap, {minutes, 5}}, {ct_hooks, [eslaver_test_log_hook]}].

all() ->
    eslaver_test_groups:all(groups()).

groups() ->
    Servers = [Server || #{family := redis} = Server <- eslaver_test_cluster:versions()],
    eslaver_test_groups:per_server(Servers, [parallel], eslaver_test_groups:cases(?MODULE)).

init_per_group(Name, Config) ->
    eslaver_test_groups:server(Name, Config).

end_per_group(_Name, _Config) ->
    ok.

replica(Config) -> followed(replica, ?FUNCTION_NAME, Config).

mirror(Config) -> followed(mirror, ?FUNCTION_NAME, Config).

%% In the end the last slot moves away, and the shard with it.
followed(Kind, Name, Context) ->
    Cluster = eslaver_test_cluster:start(#{server => eslaver_test_cluster_cases:server(Context)}),
    Follower = eslaver_test_cluster_followers:Kind(Name, Cluster, #{}),
    {Slot, From, Master} = parted(Cluster, Follower),
    ok = eslaver_test_cluster_moves:move(Cluster, [{Slot, Slot}], Master, From, classic),
    ok = known(Follower, Cluster),
    ok = eslaver_test_cluster_followers:stop(Follower),
    eslaver_test_cluster:stop(Cluster).

%% Both shards go on where they were, whatever they were called before.
resumes(Config) ->
    #{name := Version} = ?config(server, Config),
    Dir = filename:join(?config(priv_dir, Config), atom_to_list(Version)),
    ok = filelib:ensure_path(Dir),
    Cluster = eslaver_test_cluster:start(#{server => eslaver_test_cluster_cases:server(Config)}),
    Start = fun() ->
        Options = #{resume => {file, Dir}},
        eslaver_test_cluster_followers:replica(?FUNCTION_NAME, Cluster, Options)
    end,
    First = Start(),
    _ = parted(Cluster, First),
    Last = lists:foldl(
        fun(_, Before) ->
            ok = eslaver_test_cluster_followers:stop(Before),
            Next = Start(),
            ok = known(Next, Cluster),
            #{shards := Shards} = eslaver:info(?FUNCTION_NAME),
            Counts = [Count || #{full_syncs := Count} <- maps:values(Shards)],
            ?assertEqual([0, 0, 0, 0], Counts),
            Next
        end,
        First,
        [1, 2, 3]
    ),
    ok = eslaver_test_cluster_followers:stop(Last),
    eslaver_test_cluster:stop(Cluster).

%% A slot that has moved, from its former master, and the master that has kept only this.
parted(Cluster, Follower) ->
    [From, Master | _] = eslaver_test_cluster:masters(Cluster),
    [Heir] = eslaver_test_cluster:replicas(Cluster, Master),
    {Slot, _} = hd(eslaver_test_cluster:slots(Cluster, From)),
    ok = has_last_epoch(Master, Cluster),
    ok = takes_and_ends(Master, Slot, From, Cluster),
    true = await(fun() -> lists:member(Heir, eslaver_test_cluster:masters(Cluster)) end),
    ok = known(Follower, Cluster),
    ok = eslaver_test_master:restart(Master),
    true = await(fun() -> eslaver_test_cluster:owner(Cluster, Slot) =:= Master end),
    ok = eslaver_test_cluster:settled(Cluster),
    ?assertEqual([{Slot, Slot}], eslaver_test_cluster:slots(Cluster, Master)),
    ok = known(Follower, Cluster),
    {Slot, From, Master}.

%% So that its claims count later, and its heir's more.
has_last_epoch(Master, Cluster) ->
    _ = ask(Master, ["CLUSTER", "BUMPEPOCH"]),
    eslaver_test_cluster_moves:known_to_all(Cluster).

%% All at once: it tells nobody.
takes_and_ends(Master, Slot, From, Cluster) ->
    [Own, Source] = [eslaver_test_cluster:id(Cluster, Node) || Node <- [Master, From]],
    Client = eslaver_test_client:connect(Master),
    Commands = [
        ["CLUSTER", "SETSLOT", Slot, "IMPORTING", Source],
        ["CLUSTER", "SETSLOT", Slot, "NODE", Own],
        ["CLUSTER", "SAVECONFIG"],
        shutdown(eslaver_test_cluster:options(Cluster))
    ],
    ?assertError(
        {master_does_not_answer, closed}, eslaver_test_client:pipeline(Client, Commands)
    ),
    ok = eslaver_test_client:close(Client),
    true = await(fun() -> eslaver_test_master:os_pid(Master) =:= undefined end),
    ok.

shutdown(#{server := Server}) ->
    case eslaver_test_servers:version(Server) of
        Version when Version >= {7, 0, 0} -> ["SHUTDOWN", "NOSAVE", "NOW", "FORCE"];
        _ -> ["SHUTDOWN", "NOSAVE"]
    end.

%% It has what is written to each master from now on.
known(Follower, Cluster) ->
    ok = eslaver_test_cluster_followers:knows(Follower, Cluster),
    eslaver_test_cluster_followers:caught_up(Follower, Cluster).
