-module(eslaver_cluster_topology_tests).

-include_lib("eunit/include/eunit.hrl").

%% A node by its letter, of which the address is made.
master(Id, Epoch, Slots) -> (node_of(Id, Epoch))#{slots := Slots}.

replica(Id, Master, Epoch) -> (node_of(Id, Epoch))#{role := replica, master := Master}.

node_of(Id, Epoch) ->
    #{
        id => Id,
        self => false,
        address => {tcp, Id, 7000},
        role => master,
        master => undefined,
        failed => false,
        epoch => Epoch,
        slots => [],
        migrating => [],
        importing => []
    }.

failed(Node) -> Node#{failed := true}.

%% Two shards, each of a master and a replica.
begun() ->
    [
        master(<<"a">>, 1, [{0, 8191}]),
        master(<<"b">>, 2, [{8192, 16383}]),
        replica(<<"c">>, <<"a">>, 1),
        replica(<<"d">>, <<"b">>, 2)
    ].

seen(Views) ->
    lists:foldl(
        fun(View, Topology) -> eslaver_cluster_topology:seen(View, in_turn, Topology) end,
        eslaver_cluster_topology:new(),
        Views
    ).

%% The names of the shards, with their masters and replicas.
shards(Views) ->
    [
        {Name, Id, [One || #{id := One} <- lists:sort(Replicas)]}
     || {Name, #{master := #{id := Id}, replicas := Replicas}} <-
            lists:sort(maps:to_list(eslaver_cluster_topology:shards(seen(Views))))
    ].

shards_are_named_after_their_first_masters_test() ->
    ?assertEqual(
        [{<<"a">>, <<"a">>, [<<"c">>]}, {<<"b">>, <<"b">>, [<<"d">>]}], shards([begun()])
    ).

%% `CLUSTER FAILOVER': both change places at once.
promoted() ->
    [
        replica(<<"a">>, <<"c">>, 3),
        master(<<"b">>, 2, [{8192, 16383}]),
        master(<<"c">>, 3, [{0, 8191}]),
        replica(<<"d">>, <<"b">>, 2)
    ].

a_shard_keeps_its_name_when_a_replica_is_promoted_test() ->
    ?assertEqual(
        [{<<"a">>, <<"c">>, [<<"a">>]}, {<<"b">>, <<"b">>, [<<"d">>]}],
        shards([begun(), promoted()])
    ).

a_view_from_before_changes_nothing_test() ->
    ?assertEqual(shards([begun(), promoted()]), shards([begun(), promoted(), begun()])).

and_it_keeps_it_when_they_change_back_test() ->
    Back = [
        master(<<"a">>, 4, [{0, 8191}]),
        master(<<"b">>, 2, [{8192, 16383}]),
        replica(<<"c">>, <<"a">>, 4),
        replica(<<"d">>, <<"b">>, 2)
    ],
    ?assertEqual(shards([begun()]), shards([begun(), promoted(), Back])).

%% The master that has failed is listed as one until it returns.
a_failed_master_is_replaced_test() ->
    Down = [
        failed(master(<<"a">>, 1, [])),
        master(<<"b">>, 2, [{8192, 16383}]),
        master(<<"c">>, 3, [{0, 8191}]),
        replica(<<"d">>, <<"b">>, 2)
    ],
    ?assertEqual(
        [{<<"a">>, <<"c">>, []}, {<<"b">>, <<"b">>, [<<"d">>]}], shards([begun(), Down])
    ),
    ?assertEqual(
        [{<<"a">>, <<"c">>, [<<"a">>]}, {<<"b">>, <<"b">>, [<<"d">>]}],
        shards([begun(), Down, promoted()])
    ).

a_master_that_has_failed_stays_until_there_is_another_test() ->
    [A | Others] = begun(),
    ?assertEqual(
        [{<<"a">>, <<"a">>, [<<"c">>]}, {<<"b">>, <<"b">>, [<<"d">>]}],
        shards([begun(), [failed(A) | Others]])
    ).

a_master_without_slots_is_a_shard_test() ->
    ?assertMatch(
        [{<<"a">>, _, _}, {<<"b">>, _, _}, {<<"e">>, <<"e">>, []}],
        shards([begun() ++ [master(<<"e">>, 0, [])]])
    ).

%% Its last slot has left: it becomes a replica of the shard that has it now.
a_master_that_joins_another_shard_ends_its_own_test() ->
    Joined = [
        master(<<"a">>, 5, [{0, 16383}]),
        replica(<<"b">>, <<"a">>, 5),
        replica(<<"c">>, <<"a">>, 5),
        replica(<<"d">>, <<"a">>, 5)
    ],
    ?assertEqual(
        [{<<"a">>, <<"a">>, [<<"b">>, <<"c">>, <<"d">>]}], shards([begun(), Joined])
    ).

%% It has been replaced while it was down, and does not know yet.
a_master_that_returns_is_no_shard_at_once_test() ->
    Again = [
        master(<<"a">>, 4, [{0, 8191}]),
        master(<<"b">>, 2, [{8192, 16383}]),
        replica(<<"c">>, <<"a">>, 4),
        replica(<<"d">>, <<"b">>, 2)
    ],
    [A, B, _, D] = Again,
    View = [A, B, master(<<"c">>, 3, []), D],
    Since = fun(Views) -> shards([begun(), promoted(), Again] ++ Views) end,
    Known = [{<<"a">>, <<"a">>, [<<"c">>]}, {<<"b">>, <<"b">>, [<<"d">>]}],
    Alone = [{<<"a">>, <<"a">>, []}, {<<"b">>, <<"b">>, [<<"d">>]}],
    ?assertEqual(Known, Since([])),
    ?assertEqual(Alone, Since([View])),
    ?assertEqual(Alone, Since([View, View])),
    ?assertEqual(Known, Since([View, View, Again])),
    %% if it stays that, slots are to come
    ?assertEqual(Alone ++ [{<<"c">>, <<"c">>, []}], Since([View, View, View])).

%% Nodes hear of a new replica one after the other, and of its master perhaps later.
a_new_replica_is_no_shard_where_it_is_still_a_master_test() ->
    New = master(<<"e">>, 0, []),
    Seen = shards([begun(), [New | begun()], [New, replica(<<"f">>, <<"e">>, 0) | begun()]]),
    ?assertMatch([_, _, {<<"e">>, <<"e">>, [<<"f">>]}], Seen),
    lists:foreach(
        fun(Master) ->
            As = [New, replica(<<"f">>, Master, 0) | begun()],
            Still = [New, master(<<"f">>, 0, []) | begun()],
            Views = [begun(), [New | begun()], As, Still, As, Still, As],
            ?assertEqual(
                [{<<"a">>, <<"a">>}, {<<"b">>, <<"b">>}, {<<"e">>, <<"e">>}],
                [{Name, Id} || {Name, Id, _} <- shards(Views)]
            ),
            ?assertEqual(
                [{<<"a">>, <<"a">>}, {<<"b">>, <<"b">>}, {<<"e">>, <<"e">>}],
                [{Name, Id} || {Name, Id, _} <- shards(Views ++ [Still, Still])]
            )
        end,
        [<<"e">>, undefined]
    ).

%% It has lost its slots to its replica, and does not know yet that it is no master any more.
a_master_that_has_lost_its_slots_has_lost_the_name_test() ->
    [_, B, _, D] = begun(),
    View = [master(<<"a">>, 1, []), B, master(<<"c">>, 3, [{0, 8191}]), D],
    ?assertEqual(
        [{<<"a">>, <<"c">>, []}, {<<"b">>, <<"b">>, [<<"d">>]}], shards([begun(), View])
    ).

%% Its heir did not know of the slots that had moved to it just before.
a_master_that_returns_with_slots_is_a_shard_of_its_own_test() ->
    [_, B, _, D] = begun(),
    Moved = [master(<<"a">>, 4, [{0, 8192}]), B#{slots := [{8193, 16383}]} | tl(tl(begun()))],
    Heir = master(<<"c">>, 5, [{0, 8191}]),
    Down = [failed(master(<<"a">>, 4, [{8192, 8192}])), B, Heir, D],
    Back = [master(<<"a">>, 4, [{8192, 8192}]), B#{slots := [{8193, 16383}]}, Heir, D],
    Parted = [
        {<<"a">>, <<"c">>, []}, {<<"b">>, <<"b">>, [<<"d">>]}, {<<"c">>, <<"a">>, []}
    ],
    ?assertEqual(lists:droplast(Parted), shards([begun(), Moved, Down])),
    lists:foreach(
        fun(Views) -> ?assertEqual(Parted, shards([begun() | Views])) end,
        [[Moved, Down, Back], [Down, Back], [Back], [Moved, Back, Back]]
    ),
    %% also when it has taken a later epoch
    Later = [master(<<"a">>, 7, [{8192, 8193}]), B#{slots := [{8194, 16383}]}, Heir, D],
    ?assertEqual(Parted, shards([begun(), Moved, Down, Later])),
    %% one of two with the same epoch will take a later one, and perhaps the other's slots
    Same = [master(<<"a">>, 5, [{8192, 8192}]), B#{slots := [{8193, 16383}]}, Heir, D],
    ?assertEqual(lists:droplast(Parted), shards([begun(), Moved, Down, Same])),
    %% what it has left moves away
    Gone = [
        replica(<<"a">>, <<"c">>, 6),
        B#{slots := [{8193, 16383}]},
        master(<<"c">>, 6, [{0, 8192}]),
        D
    ],
    ?assertEqual(
        [{<<"a">>, <<"c">>, [<<"a">>]}, {<<"b">>, <<"b">>, [<<"d">>]}],
        shards([begun(), Moved, Down, Back, Gone])
    ).

%% A master that the cluster had forgotten returns, and gets slots.
a_name_that_is_in_use_is_given_to_nobody_else_test() ->
    [B, C, D] = Without = promoted() -- [hd(promoted())],
    Since = fun(A) -> shards([begun(), promoted(), Without, Without, Without, [A | Without]]) end,
    Shards = [{<<"a">>, <<"c">>, []}, {<<"b">>, <<"b">>, [<<"d">>]}, {<<"c">>, <<"a">>, []}],
    [?assertEqual(Shards, Since(master(<<"a">>, Epoch, []))) || Epoch <- [0, 3, 6]],
    Moved = [master(<<"a">>, 6, [{0, 0}]), B, C#{slots := [{1, 8191}]}, D],
    ?assertEqual(Shards, shards([begun(), promoted(), Without, Without, Without, Moved])).

%% Also when the heir is down, and the other master is not: nobody has taken its slots over.
a_shard_stays_with_its_heir_test() ->
    [_, B, C, D] = begun(),
    Heir = master(<<"c">>, 5, [{0, 8191}]),
    Down = [failed(master(<<"a">>, 4, [])), B, Heir, D],
    [
        ?assertMatch(
            [{<<"a">>, <<"c">>, []}, {<<"b">>, <<"b">>, [<<"d">>]} | _],
            shards([[master(<<"a">>, 4, [{0, 8191}]), B, C, D], Down, View])
        )
     || View <- [
            [master(<<"a">>, 4, [{8192, 8192}]), B#{slots := [{8193, 16383}]}, failed(Heir), D],
            [master(<<"a">>, 4, []), B, failed(Heir), D],
            [master(<<"a">>, 7, []), B, Heir, D]
        ]
    ].

%% A replica has been made an empty master, and gets slots of the master that it had.
a_master_that_gives_slots_to_its_former_replica_keeps_the_name_test() ->
    [A, B, _, D] = begun(),
    Empty = [A, B, master(<<"c">>, 0, []), D],
    Moved = [A#{slots := [{1, 8191}]}, B, master(<<"c">>, 7, [{0, 0}]), D],
    [
        ?assertEqual(
            [{<<"a">>, <<"a">>, []}, {<<"b">>, <<"b">>, [<<"d">>]}, {<<"c">>, <<"c">>, []}],
            shards([begun() | Views])
        )
     || Views <- [[Moved], [Empty, Moved]]
    ].

%% It took epochs of its own just before it failed, and told none of the others.
an_heir_may_have_no_later_epoch_than_the_master_that_has_failed_test() ->
    [_, B, C, D] = begun(),
    lists:foreach(
        fun(Epoch) ->
            Moved = [master(<<"a">>, Epoch, [{0, 8192}]), B#{slots := [{8193, 16383}]}, C, D],
            Down = [failed(master(<<"a">>, 1, [])), B, master(<<"c">>, 4, [{0, 8191}]), D],
            ?assertEqual(
                [{<<"a">>, <<"c">>, []}, {<<"b">>, <<"b">>, [<<"d">>]}],
                shards([begun(), Moved, Down])
            )
        end,
        [3, 4, 5, 6]
    ).

%% Nodes that were paused, or cut off, may have seen others fail before that.
a_view_from_before_a_promotion_changes_nothing_test() ->
    [A, B, C, D] = begun(),
    Heir = master(<<"c">>, 5, [{0, 8191}]),
    Down = [failed(master(<<"a">>, 4, [])), B, Heir, D],
    Back = [master(<<"a">>, 4, [{8192, 8192}]), B#{slots := [{8193, 16383}]}, Heir, D],
    [
        ?assertEqual(shards([begun() | Views]), shards([begun()] ++ Views ++ [Old | More]))
     || Views <- [[Down], [promoted()], [Down, Back]],
        Old <- [
            [failed(A), B, C, D],
            [A, B, failed(C), D],
            [failed(A), failed(B), failed(C), D]
        ],
        More <- [[], [lists:last(Views)]]
    ].

%% A promotion may be seen before its slots.
a_master_whose_slots_are_seen_later_keeps_the_name_test() ->
    First = [master(<<"c">>, 3, []) | lists:delete(replica(<<"c">>, <<"a">>, 1), begun())],
    ?assertEqual(
        [{<<"a">>, <<"a">>, []}, {<<"b">>, <<"b">>, [<<"d">>]}], shards([begun(), First])
    ),
    ?assertEqual(
        [{<<"a">>, <<"c">>, [<<"a">>]}, {<<"b">>, <<"b">>, [<<"d">>]}],
        shards([begun(), First, promoted()])
    ).

%% A replica that moves to a shard whose master has a lower epoch is no old view.
a_replica_may_move_test() ->
    Moved = [
        master(<<"a">>, 1, [{0, 8191}]),
        master(<<"b">>, 2, [{8192, 16383}]),
        replica(<<"c">>, <<"a">>, 1),
        replica(<<"d">>, <<"a">>, 1)
    ],
    ?assertMatch([{<<"a">>, _, [<<"c">>, <<"d">>]}, {<<"b">>, _, []}], shards([begun(), Moved])).

a_node_is_forgotten_when_it_is_missing_for_some_time_test() ->
    [_, _, C, D] = begun(),
    Less = [master(<<"a">>, 6, [{0, 16383}]), C, D#{master := <<"a">>}],
    ?assertMatch([{<<"a">>, _, _}, {<<"b">>, _, _}], shards([begun(), Less, Less])),
    ?assertMatch([{<<"a">>, _, _}], shards([begun(), Less, Less, Less])),
    ?assertMatch(
        [{<<"a">>, _, _}, {<<"b">>, _, _}],
        shards([begun(), Less, Less, begun() -- [hd(begun())] ++ [hd(Less)], Less])
    ).

%% What a shard's master says when it is asked about itself may be said several times in a row.
a_view_of_a_node_that_is_not_asked_in_turn_forgets_nobody_test() ->
    [_, _, C, D] = begun(),
    Less = [master(<<"a">>, 6, [{0, 16383}]), C, D#{master := <<"a">>}],
    Topology = lists:foldl(
        fun(View, Acc) -> eslaver_cluster_topology:seen(View, other, Acc) end,
        seen([begun()]),
        [Less, Less, Less, Less]
    ),
    ?assert(is_map_key(<<"b">>, eslaver_cluster_topology:shards(Topology))).

%% The old master still has its epoch, and the new one is its replica.
a_view_from_before_a_kill_changes_nothing_test() ->
    Down = [
        failed(master(<<"a">>, 1, [])),
        master(<<"b">>, 2, [{8192, 16383}]),
        master(<<"c">>, 3, [{0, 8191}]),
        replica(<<"d">>, <<"b">>, 2)
    ],
    ?assertEqual(shards([begun(), Down]), shards([begun(), Down, begun()])).

%% After `CLUSTER RESET' a replica is a master with an epoch of its own.
a_replica_may_become_a_master_with_a_lower_epoch_test() ->
    [A, B, C, _] = begun(),
    Alone = [A, B, C, master(<<"d">>, 0, [])],
    Later = [A, (B)#{epoch := 5}, C, master(<<"d">>, 0, [])],
    ?assertMatch(
        [{<<"a">>, _, _}, {<<"b">>, <<"b">>, []}, {<<"d">>, <<"d">>, []}],
        shards([begun(), Alone, Later, Later])
    ).

%% One that has just joined knows itself only.
a_view_of_few_nodes_forgets_nobody_test() ->
    Alone = [master(<<"e">>, 0, [])],
    ?assertMatch(
        [{<<"a">>, _, _}, {<<"b">>, _, _}, {<<"e">>, _, _}],
        shards([begun(), Alone, Alone, Alone, Alone])
    ).

nodes_are_found_in_their_shards_test() ->
    Topology = seen([begun()]),
    Find = fun(Id) -> eslaver_cluster_topology:shard_of(Id, Topology) end,
    ?assertEqual({ok, <<"a">>}, Find(<<"a">>)),
    ?assertEqual({ok, <<"b">>}, Find(<<"d">>)),
    ?assertEqual(error, Find(<<"x">>)).

nodes_that_are_down_are_not_asked_test() ->
    [A | Others] = begun(),
    ?assertEqual(
        [{tcp, <<"b">>, 7000}, {tcp, <<"c">>, 7000}, {tcp, <<"d">>, 7000}],
        eslaver_cluster_topology:addresses(seen([[failed(A) | Others]]))
    ).
