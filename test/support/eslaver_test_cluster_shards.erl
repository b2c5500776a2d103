%% Shards of a test cluster that come, go and fail over.
-module(eslaver_test_cluster_shards).

-export([add/1, remove/4, fail_over/3, back/2, master_of/2]).
-export_type([way/0]).

%% `command`: `CLUSTER FAILOVER` at a replica, by which nothing is lost. `kill`, `pause`: of the
%% master; it is left so, until back/2.
-type way() :: command | kill | pause.

%% A master without slots, and its replica, which all know.
-spec add(eslaver_test_cluster:cluster()) -> eslaver_test_cluster:node_().
add(Cluster) ->
    Known = eslaver_test_cluster:alive(Cluster),
    New = [Master, Replica] = [eslaver_test_cluster:add_node(Cluster) || _ <- [1, 2]],
    _ = [
        <<"OK">> = eslaver_test_cluster:ask(Node, [
            "CLUSTER", "MEET", "127.0.0.1", eslaver_test_cluster:port(Cluster, Other)
        ])
     || Node <- New, Other <- Known
    ],
    <<"OK">> = eslaver_test_cluster:ask(Replica, [
        "CLUSTER", "MEET", "127.0.0.1", eslaver_test_cluster:port(Cluster, Master)
    ]),
    Id = eslaver_test_cluster:id(Cluster, Master),
    true = eslaver_test_cluster:await(fun() ->
        eslaver_test_cluster:try_ask(Replica, ["CLUSTER", "REPLICATE", Id]) =:= <<"OK">>
    end),
    ok = eslaver_test_cluster:settled(Cluster),
    Master.

%% All slots of a master go to the others; then it and its replicas end, and are forgotten. In
%% between, they may have become replicas of another.
-spec remove(
    eslaver_test_cluster:cluster(),
    eslaver_test_cluster:node_(),
    eslaver_test_cluster_moves:way(),
    eslaver_test_cluster_moves:options()
) -> ok.
remove(Cluster, Master, Way, Options) ->
    Nodes = [Master | eslaver_test_cluster:replicas(Cluster, Master)],
    ok = spread(Cluster, Master, Way, Options),
    ok = eslaver_test_cluster:settled(Cluster),
    Ids = [eslaver_test_cluster:id(Cluster, Node) || Node <- Nodes],
    _ = [ok = eslaver_test_cluster:remove_node(Cluster, Node) || Node <- Nodes],
    _ = [
        true = eslaver_test_cluster:await(fun() -> forgets(Node, Id) end)
     || Node <- eslaver_test_cluster:alive(Cluster), Id <- Ids
    ],
    eslaver_test_cluster:settled(Cluster).

forgets(Node, Id) ->
    case eslaver_test_cluster:try_ask(Node, ["CLUSTER", "FORGET", Id]) of
        <<"OK">> -> true;
        {error, <<"ERR Unknown node", _/binary>>} -> true;
        {error, _} -> false
    end.

spread(Cluster, Master, Way, Options) ->
    Others = eslaver_test_cluster:masters(Cluster) -- [Master],
    Ranges = eslaver_test_cluster:slots(Cluster, Master),
    lists:foreach(
        fun({Range, To}) ->
            ok = eslaver_test_cluster_moves:move(Cluster, [Range], Master, To, Way, Options)
        end,
        dealt(Ranges, Others)
    ).

dealt(Ranges, Others) ->
    Count = length(Others),
    [{Range, lists:nth(1 + N rem Count, Others)} || {N, Range} <- lists:enumerate(Ranges)].

%% One of the master's replicas is master now, as all others that run say. It must know of all slots
%% before: the old master would keep those that it does not.
-spec fail_over(eslaver_test_cluster:cluster(), eslaver_test_cluster:node_(), way()) ->
    eslaver_test_cluster:node_().
fail_over(Cluster, Master, Way) ->
    ok = eslaver_test_cluster_moves:known_to_all(Cluster),
    [Replica | _] = Replicas = eslaver_test_cluster:replicas(Cluster, Master),
    ok =
        case Way of
            command -> hand_over(Replica);
            kill -> eslaver_test_master:kill(Master);
            pause -> eslaver_test_master:pause(Master)
        end,
    New = eslaver_test_cluster:await(fun() ->
        case [Node || Node <- Replicas, is_master(Node)] of
            [Node | _] -> Node;
            [] -> false
        end
    end),
    Id = eslaver_test_cluster:id(Cluster, New),
    Others = eslaver_test_cluster:alive(Cluster) -- [Master],
    true = eslaver_test_cluster:await(fun() ->
        lists:all(
            fun(Other) ->
                [] =/=
                    [of_new || #{id := Of, slots := [_ | _]} <- view(Other), Of =:= Id]
            end,
            Others
        )
    end),
    New.

view(Node) ->
    eslaver_test_cluster:view(Node).

%% It may be refused while the link is young.
hand_over(Replica) ->
    true = eslaver_test_cluster:await(fun() ->
        is_master(Replica) orelse
            begin
                _ = eslaver_test_cluster:try_ask(Replica, ["CLUSTER", "FAILOVER"]),
                timer:sleep(500),
                is_master(Replica)
            end
    end),
    ok.

is_master(Node) ->
    #{master := Master} = eslaver_test_cluster:own(Node),
    Master =:= none.

%% The old master comes back, and becomes a replica.
-spec back(way(), eslaver_test_cluster:node_()) -> ok.
back(command, _Old) -> ok;
back(kill, Old) -> eslaver_test_master:restart(Old);
back(pause, Old) -> eslaver_test_master:continue(Old).

%% The master that a node follows, or itself.
-spec master_of(eslaver_test_cluster:cluster(), eslaver_test_cluster:node_()) ->
    eslaver_test_cluster:node_().
master_of(Cluster, Node) ->
    case eslaver_test_cluster:own(Node) of
        #{master := none} -> Node;
        #{master := Id} -> eslaver_test_cluster:node_of(Cluster, Id)
    end.
