-module(eslaver_cluster_rounds_tests).

-include_lib("eunit/include/eunit.hrl").

%% Three shards, x, y and z, whose masters have these names, too.
-define(NAMES, [<<"x">>, <<"y">>, <<"z">>]).

%% What routes have, unless a test says otherwise.
facts() -> facts(#{<<"x">> => [{0, 99}], <<"y">> => [{100, 199}], <<"z">> => []}).

facts(Owned) ->
    #{
        owned => fun(Name) -> maps:get(Name, Owned) end,
        shard_of => fun(Id) ->
            case lists:member(Id, ?NAMES) of
                true -> {ok, Id};
                false -> error
            end
        end,
        shards => ?NAMES,
        hold => fun(_) -> none end
    }.

%% The same where streams are held.
holding(Holds) -> (facts())#{hold := fun(Name) -> maps:get(Name, Holds, none) end}.

%% What the master of x tells, between two offsets.
told(From, To, Slots) -> told(From, To, Slots, []).

told(From, To, Slots, Migrating) -> told(<<"x">>, 1, From, To, Slots, Migrating, []).

told(Id, Epoch, From, To, Slots, Migrating, Importing) ->
    Self = (node_of(Id, Epoch, Slots))#{
        self := true, migrating := Migrating, importing := Importing
    },
    Others = [node_of(Other, 1, []) || Other <- ?NAMES, Other =/= Id],
    {ok, #{
        replids => [<<"r">>], from => From, to => To, self => Self, nodes => [Self | Others],
        shard_id => undefined
    }}.

node_of(Id, Epoch, Slots) ->
    #{
        id => Id,
        self => false,
        address => {tcp, Id, 1},
        role => master,
        master => undefined,
        failed => false,
        epoch => Epoch,
        slots => Slots,
        migrating => [],
        importing => []
    }.

answered(Name, Number, Answer, Rounds) ->
    eslaver_cluster_rounds:answered(Name, Number, Answer, facts(), Rounds).

%% Each shard's slots are committed, for epoch 1.
begun() ->
    lists:foldl(
        fun({Name, Slots}, Acc) ->
            {[{ask, Name, Number}], Asked} = eslaver_cluster_rounds:look(Name, Acc),
            Answer = told(Name, 1, 10, 10, Slots, [], []),
            {_, Told} = answered(Name, Number, Answer, Asked),
            {[{commit, Name, #{owned := Slots}}], Next} = eslaver_cluster_rounds:passed(
                Name, 10, Told
            ),
            Next
        end,
        eslaver_cluster_rounds:new(),
        [{<<"x">>, [{0, 99}]}, {<<"y">>, [{100, 199}]}, {<<"z">>, []}]
    ).

%% A round for x has begun, with this question.
held() ->
    {[{ask, <<"x">>, Number}, {limit, <<"x">>, Id}], Rounds} =
        eslaver_cluster_rounds:held(<<"x">>, none, begun()),
    {Number, Id, Rounds}.

clears(Effects) -> [{Name, Offset} || {clear, Name, Offset} <- Effects].
asks(Effects) -> [Name || {ask, Name, _} <- Effects].

what_a_master_tells_is_committed_once_it_has_been_handled_test() ->
    {[{ask, <<"x">>, N}], Asked} = eslaver_cluster_rounds:look(
        <<"x">>, eslaver_cluster_rounds:new()
    ),
    {[First, {await, <<"x">>, 20}], Told} = answered(<<"x">>, N, told(10, 20, [{0, 99}]), Asked),
    %% slots that no other shard has are its own at once
    ?assertMatch({commit, <<"x">>, #{epoch := 0, owned := [{0, 99}], importing := []}}, First),
    ?assertEqual({[{await, <<"x">>, 20}], Told}, eslaver_cluster_rounds:passed(<<"x">>, 19, Told)),
    ?assertEqual({[{await, <<"x">>, 20}], Told}, eslaver_cluster_rounds:again(<<"x">>, Told)),
    {[{commit, <<"x">>, Commit}], Done} = eslaver_cluster_rounds:passed(<<"x">>, 20, Told),
    ?assertEqual(
        #{
            node => <<"x">>,
            epoch => 1,
            owned => [{0, 99}],
            importing => [],
            from => 10,
            to => 20
        },
        Commit
    ),
    ?assertEqual({[], Done}, eslaver_cluster_rounds:again(<<"x">>, Done)).

%% Of a slot that another shard claims with the same epoch it must be said twice that it is not its
%% own, though its stream stands still.
the_same_is_committed_again_where_routes_are_not_like_that_test() ->
    Say = fun(Owned) ->
        Facts = facts(#{<<"x">> => Owned, <<"y">> => [], <<"z">> => []}),
        {Effects, _} = eslaver_cluster_rounds:answered(
            <<"x">>, 100, told(<<"x">>, 1, 10, 10, [{0, 99}], [], []), Facts, begun()
        ),
        Effects
    end,
    ?assertEqual([], Say([{0, 99}])),
    ?assertEqual([{await, <<"x">>, 10}], Say([{0, 100}])),
    ?assertEqual([{await, <<"x">>, 10}], Say([])).

a_node_that_is_a_replica_commits_nothing_test() ->
    {[{ask, <<"x">>, N}], Asked} = eslaver_cluster_rounds:look(
        <<"x">>, eslaver_cluster_rounds:new()
    ),
    {ok, #{self := Self} = Told} = told(10, 20, []),
    ?assertMatch({[], _}, answered(<<"x">>, N, {ok, Told#{self := Self#{role := replica}}}, Asked)).

deletions_of_users_pass_after_one_question_test() ->
    {N, _, Held} = held(),
    {Effects, Done} = answered(<<"x">>, N, told(60, 70, [{0, 99}]), Held),
    ?assertEqual([{<<"x">>, 60}], clears(Effects)),
    ?assertEqual([], asks(Effects)),
    %% and the next one begins a round of its own
    ?assertMatch(
        {[{ask, <<"x">>, _}, {limit, _, _}], _}, eslaver_cluster_rounds:held(<<"x">>, none, Done)
    ).

an_answer_from_before_does_not_count_test() ->
    {N, _, Held} = held(),
    {Effects, _} = answered(<<"x">>, N - 1, told(60, 70, [{0, 99}]), Held),
    ?assertEqual([], clears(Effects)).

%% Slots move one by one: to another shard, or they have gone there.
deletions_wait_for_the_shard_that_slots_move_to_test_() ->
    Lost = fun(N, Rounds) ->
        {ok, #{nodes := [Self | _]} = Told} = told(60, 70, [{0, 50}]),
        Nodes = [Self, node_of(<<"y">>, 2, [{51, 199}]), node_of(<<"z">>, 1, [])],
        answered(<<"x">>, N, {ok, Told#{nodes := Nodes}}, Rounds)
    end,
    Moving = fun(N, Rounds) ->
        answered(<<"x">>, N, told(60, 70, [{0, 99}], [{7, <<"y">>}]), Rounds)
    end,
    [
        {Title, fun() ->
            {N, _, Held} = held(),
            {Effects, Waits} = Answer(N, Held),
            ?assertEqual([], clears(Effects)),
            [{ask, <<"y">>, M}] = [Ask || {ask, _, _} = Ask <- Effects],
            {More, Behind} = answered(
                <<"y">>, M, told(<<"y">>, 1, 300, 310, [{100, 199}], [], []), Waits
            ),
            ?assertEqual([], clears(More)),
            ?assert(lists:member({await, <<"y">>, 310}, More)),
            {Last, _} = eslaver_cluster_rounds:passed(<<"y">>, 310, Behind),
            ?assertEqual([{<<"x">>, 60}], clears(Last))
        end}
     || {Title, Answer} <- [{"moving", Moving}, {"moved", Lost}]
    ].

%% What the target has is read from there before the source's deletions are seen.
commits_come_before_clearance_test() ->
    {N, _, Held} = held(),
    {Effects, Waits} = answered(<<"x">>, N, told(60, 70, [{0, 99}], [{7, <<"y">>}]), Held),
    [{ask, <<"y">>, M}] = [Ask || {ask, _, _} = Ask <- Effects],
    {_, Behind} = answered(
        <<"y">>, M, told(<<"y">>, 1, 300, 310, [{100, 199}], [], [{7, <<"x">>}]), Waits
    ),
    {Last, _} = eslaver_cluster_rounds:passed(<<"y">>, 310, Behind),
    ?assertMatch([{commit, <<"y">>, #{importing := [{7, 7}]}}, {clear, <<"x">>, 60}], Last).

%% Slots may have gone and come back: all that could have them are waited for.
with_another_epoch_all_are_waited_for_test() ->
    {N, _, Held} = held(),
    {Effects, Waits} = answered(
        <<"x">>, N, told(<<"x">>, 5, 60, 70, [{0, 99}], [], []), Held
    ),
    ?assertEqual([], clears(Effects)),
    ?assertEqual([<<"y">>, <<"z">>], lists:sort(asks(Effects))),
    %% shards that are followed no longer are not
    {_, Without} = eslaver_cluster_rounds:remove(<<"y">>, Waits),
    {Last, Done} = eslaver_cluster_rounds:remove(<<"z">>, Without),
    ?assertEqual([{<<"x">>, 60}], clears(Last)),
    %% once that has been seen to, it is as before
    {[{ask, <<"x">>, Next}, _], Again} = eslaver_cluster_rounds:held(<<"x">>, none, Done),
    {After, _} = answered(<<"x">>, Next, told(<<"x">>, 5, 80, 80, [{0, 99}], [], []), Again),
    ?assertEqual([{<<"x">>, 80}], clears(After)).

%% Another question may tell of the epoch first.
an_epoch_counts_until_the_end_of_a_round_test() ->
    {[{ask, <<"x">>, L}], Looked} = eslaver_cluster_rounds:look(<<"x">>, begun()),
    {_, Seen} = answered(<<"x">>, L, told(<<"x">>, 5, 40, 40, [{0, 99}], [], []), Looked),
    {[{ask, <<"x">>, N}, _], Held} = eslaver_cluster_rounds:held(<<"x">>, none, Seen),
    {Effects, _} = answered(<<"x">>, N, told(<<"x">>, 5, 60, 70, [{0, 99}], [], []), Held),
    ?assertEqual([<<"y">>, <<"z">>], lists:sort(asks(Effects))).

nodes_that_are_not_followed_are_not_waited_for_test() ->
    {N, _, Held} = held(),
    {Effects, _} = answered(
        <<"x">>, N, told(60, 70, [{0, 99}], [{7, <<"stranger">>}]), Held
    ),
    ?assertEqual([{<<"x">>, 60}], clears(Effects)).

a_master_that_does_not_answer_is_asked_again_test() ->
    {N, _, Held} = held(),
    Error = {error, {timeout, <<"it does not answer">>}},
    {[{retry, <<"x">>}], Waits} = answered(<<"x">>, N, Error, Held),
    {[{ask, <<"x">>, M}], Asked} = eslaver_cluster_rounds:retry(<<"x">>, Waits),
    {Effects, Done} = answered(<<"x">>, M, told(60, 70, [{0, 99}]), Asked),
    ?assertEqual([{<<"x">>, 60}], clears(Effects)),
    ?assertEqual({[], Done}, eslaver_cluster_rounds:retry(<<"x">>, Done)).

%% Deletions pass when the limit is reached, at least the one that is held.
a_round_has_a_limit_test() ->
    {N, Id, Held} = held(),
    {Effects, Done} = eslaver_cluster_rounds:over(<<"x">>, Id, 50, Held),
    ?assertEqual([{late, <<"x">>, [<<"x">>]}, {clear, <<"x">>, 51}], Effects),
    ?assertEqual({[], Done}, eslaver_cluster_rounds:over(<<"x">>, Id, 50, Done)),
    {_, Waits} = answered(<<"x">>, N, told(60, 70, [{0, 99}], [{7, <<"y">>}]), Held),
    ?assertMatch(
        {[{late, _, [<<"y">>]}, {clear, <<"x">>, 60}], _},
        eslaver_cluster_rounds:over(<<"x">>, Id, 50, Waits)
    ).

a_shard_that_is_held_again_has_one_round_test() ->
    {_, _, Held} = held(),
    ?assertEqual({[], Held}, eslaver_cluster_rounds:held(<<"x">>, none, Held)).

%% A stream may wait for another one as their order is not that of what has happened.
the_order_of_streams_is_waited_for_test() ->
    {N, _, Held} = held(),
    Facts = holding(#{<<"x">> => {order, 50, {ok, <<"z">>}}}),
    Answer = told(60, 70, [{0, 99}]),
    {Effects, _} = eslaver_cluster_rounds:answered(<<"x">>, N, Answer, Facts, Held),
    ?assertEqual([], clears(Effects)),
    ?assertEqual([<<"z">>], asks(Effects)).

%% Behind a snapshot nothing is handled before readers get it, and that may wait for others.
only_deletions_wait_for_what_comes_behind_a_snapshot_test_() ->
    Snapshot = {snapshot, 0, error},
    Cleared = fun(Hold, When) ->
        {N, _, Held} = held(),
        Holds = #{<<"x">> => Hold},
        Own = told(60, 70, [{0, 99}]),
        {Asked, Waits} = eslaver_cluster_rounds:answered(<<"x">>, N, Own, holding(Holds), Held),
        [{ask, <<"z">>, M}] = [Ask || {ask, _, _} = Ask <- Asked],
        Other = told(<<"z">>, 1, 300, 310, [], [], []),
        Seen =
            case When of
                before -> holding(Holds#{<<"z">> => Snapshot});
                later -> holding(Holds)
            end,
        {First, Told} = eslaver_cluster_rounds:answered(<<"z">>, M, Other, Seen, Waits),
        {Then, _} = eslaver_cluster_rounds:held(<<"z">>, Snapshot, Told),
        case When of
            before -> clears(First);
            later -> clears(Then)
        end
    end,
    [
        ?_assertEqual({Kind, When, Clears}, {Kind, When, Cleared({Kind, 50, {ok, <<"z">>}}, When)})
     || {Kind, Clears} <- [{import, [{<<"x">>, 60}]}, {order, [{<<"x">>, 60}]}, {deletion, []}],
        When <- [before, later]
    ].

%% Of a stream that is held itself, what comes before that is enough for an import.
an_import_waits_for_what_comes_before_a_deletion_test() ->
    {N, _, Held} = held(),
    Import = {import, 50, {ok, <<"z">>}},
    Own = told(60, 70, [{0, 99}]),
    {Asked, Waits} = eslaver_cluster_rounds:answered(
        <<"x">>, N, Own, holding(#{<<"x">> => Import}), Held
    ),
    [{ask, <<"z">>, M}] = [Ask || {ask, _, _} = Ask <- Asked],
    Other = told(<<"z">>, 1, 300, 310, [], [], []),
    Deletion = {deletion, 290, error},
    %% whether it is held before it answers, or after that
    {Before, _} = eslaver_cluster_rounds:answered(
        <<"z">>, M, Other, holding(#{<<"x">> => Import, <<"z">> => Deletion}), Waits
    ),
    ?assert(lists:member({await, <<"z">>, 290}, Before)),
    {_, Behind} = eslaver_cluster_rounds:answered(
        <<"z">>, M, Other, holding(#{<<"x">> => Import}), Waits
    ),
    {After, Freed} = eslaver_cluster_rounds:held(<<"z">>, Deletion, Behind),
    ?assert(lists:member({await, <<"z">>, 290}, After)),
    {Last, _} = eslaver_cluster_rounds:passed(<<"z">>, 290, Freed),
    ?assertEqual([{<<"x">>, 60}], clears(Last)).

%% Writes of a key that has moved come after its deletion where it was.
a_deletion_does_not_wait_for_what_waits_for_it_test() ->
    {N, _, Held} = held(),
    Order = {order, 290, {ok, <<"x">>}},
    Own = told(60, 70, [{0, 99}], [{7, <<"y">>}]),
    {Before, _} = eslaver_cluster_rounds:answered(
        <<"x">>, N, Own, holding(#{<<"y">> => Order}), Held
    ),
    ?assertEqual([{<<"x">>, 60}], clears(Before)),
    {_, Waits} = answered(<<"x">>, N, Own, Held),
    {After, _} = eslaver_cluster_rounds:held(<<"y">>, Order, Waits),
    ?assertEqual([{<<"x">>, 60}], clears(After)).

%% What a master says may be what its stream waits for.
what_is_said_of_a_held_shard_is_committed_at_once_test() ->
    {N, _, Held} = held(),
    {Effects, _} = answered(<<"x">>, N, told(60, 70, [{0, 99}]), Held),
    ?assertMatch([{commit, <<"x">>, #{from := 60}} | _], Effects).

a_shard_that_is_gone_has_no_round_test() ->
    {_, Id, Held} = held(),
    {[], Gone} = eslaver_cluster_rounds:remove(<<"x">>, Held),
    ?assertEqual({[], Gone}, eslaver_cluster_rounds:over(<<"x">>, Id, 50, Gone)).

%% What an earlier round has waited for says nothing to a later one.
a_round_ends_by_its_own_goals_test() ->
    {N, Id, Held} = held(),
    Moving = told(60, 70, [{0, 99}], [{7, <<"y">>}]),
    {First, Waits} = answered(<<"x">>, N, Moving, Held),
    [{ask, <<"y">>, M}] = [Ask || {ask, _, _} = Ask <- First],
    {_, Behind} = answered(<<"y">>, M, told(<<"y">>, 1, 300, 310, [], [], []), Waits),
    {_, Over} = eslaver_cluster_rounds:over(<<"x">>, Id, 50, Behind),
    {[{ask, <<"x">>, N2}, _], Again} = eslaver_cluster_rounds:held(<<"x">>, none, Over),
    {Second, Waits2} = answered(<<"x">>, N2, Moving, Again),
    [{ask, <<"y">>, M2}] = [Ask || {ask, _, _} = Ask <- Second],
    {_, Behind2} = answered(<<"y">>, M2, told(<<"y">>, 1, 500, 510, [], [], []), Waits2),
    {Early, Still} = eslaver_cluster_rounds:passed(<<"y">>, 310, Behind2),
    ?assertEqual([], clears(Early)),
    {Late, _} = eslaver_cluster_rounds:passed(<<"y">>, 510, Still),
    ?assertEqual([{<<"x">>, 60}], clears(Late)).

%% x and y hold deletions, which wait for each other.
knot(Epochs, Migrating) ->
    Facts = holding(#{
        <<"x">> => {deletion, 50, error}, <<"y">> => {deletion, 150, error}
    }),
    Answered = fun(Name, Number, Answer, {Effects, Acc}) ->
        {More, Next} = eslaver_cluster_rounds:answered(Name, Number, Answer, Facts, Acc),
        {Effects ++ More, Next}
    end,
    Said = fun(<<"x">> = Name, {From, To}) ->
        told(Name, maps:get(Name, Epochs), From, To, [{0, 99}], maps:get(Name, Migrating, []), []);
    (<<"y">> = Name, {From, To}) ->
        Away = maps:get(Name, Migrating, []),
        told(Name, maps:get(Name, Epochs), From, To, [{100, 199}], Away, []);
    (<<"z">> = Name, {From, To}) ->
        told(Name, 1, From, To, [], [], [])
    end,
    {[{ask, <<"x">>, X}, _], One} = eslaver_cluster_rounds:held(
        <<"x">>, {deletion, 50, error}, begun()
    ),
    {[{ask, <<"y">>, Y}, _], Two} = eslaver_cluster_rounds:held(
        <<"y">>, {deletion, 150, error}, One
    ),
    First = Answered(<<"x">>, X, Said(<<"x">>, {60, 70}), {[], Two}),
    {Asked, Three} = Answered(<<"y">>, Y, Said(<<"y">>, {160, 170}), First),
    Questions = lists:usort([{Name, Number} || {ask, Name, Number} <- Asked]),
    {Effects, Last} = lists:foldl(
        fun({Name, Number}, Acc) ->
            All = #{<<"x">> => {80, 90}, <<"y">> => {180, 190}, <<"z">> => {5, 5}},
            Where = maps:get(Name, All),
            Answered(Name, Number, Said(Name, Where), Acc)
        end,
        {[], Three},
        Questions
    ),
    {More, _} = eslaver_cluster_rounds:passed(<<"z">>, 5, Last),
    clears(Effects ++ More).

%% One of them passes: the one that only may have lost slots, then the one that has waited longer.
deletions_do_not_wait_for_each_other_test_() ->
    Y = [{7, <<"y">>}],
    X = [{107, <<"x">>}],
    [
        ?_assertEqual([{<<"x">>, 60}], knot(#{<<"x">> => 1, <<"y">> => 1}, #{
            <<"x">> => Y, <<"y">> => X
        })),
        ?_assertEqual([{<<"y">>, 160}], knot(#{<<"x">> => 1, <<"y">> => 2}, #{<<"x">> => Y})),
        ?_assertEqual([{<<"x">>, 60}], knot(#{<<"x">> => 2, <<"y">> => 1}, #{<<"y">> => X}))
    ].

%% x held a write for its order, until y was handled up to the key's deletion. Now it holds it for
%% an import, and y holds a deletion whose slots move to x.
what_becomes_an_import_is_not_waited_for_in_a_circle_test() ->
    Order = #{<<"x">> => {order, 50, {ok, <<"y">>}}},
    Import = #{<<"x">> => {import, 50, {ok, <<"y">>}}, <<"y">> => {deletion, 150, error}},
    %% What is held is known from then on, and the last question that each shard was asked.
    Steps = [
        {Order, {held, <<"x">>}, [<<"x">>]},
        {Order, {answers, <<"x">>}, [<<"y">>]},
        {Order, {answers, <<"y">>}, []},
        {Import, {held, <<"y">>}, [<<"y">>]},
        {Import, {answers, <<"y">>}, [<<"x">>]},
        {Import, {answers, <<"x">>}, []},
        {Import, {held, <<"x">>}, [<<"x">>]},
        {Import, {answers, <<"x">>}, [<<"y">>]},
        {Import, {answers, <<"y">>}, []}
    ],
    Told = #{
        <<"x">> => told(60, 70, [{0, 99}]),
        <<"y">> => told(<<"y">>, 1, 160, 170, [{100, 199}], [{107, <<"x">>}], [])
    },
    {Last, _, Rounds} = lists:foldl(
        fun({Holds, {What, Name}, Asked}, {_, Numbers, Before}) ->
            {Effects, After} =
                case What of
                    held ->
                        eslaver_cluster_rounds:held(Name, maps:get(Name, Holds), Before);
                    answers ->
                        #{Name := Number} = Numbers,
                        #{Name := Answer} = Told,
                        eslaver_cluster_rounds:answered(
                            Name, Number, Answer, holding(Holds), Before
                        )
                end,
            ?assertEqual(Asked, asks(Effects)),
            New = maps:from_list([{One, Number} || {ask, One, Number} <- Effects]),
            {Effects, maps:merge(Numbers, New), After}
        end,
        {[], #{}, begun()},
        Steps
    ),
    ?assert(lists:member({await, <<"y">>, 150}, Last)),
    {Cleared, _} = eslaver_cluster_rounds:passed(<<"y">>, 150, Rounds),
    ?assertEqual([{<<"x">>, 60}], clears(Cleared)).

%% Another key may come from another shard.
a_hold_that_waits_for_another_shard_asks_that_test() ->
    {[{ask, <<"x">>, X}, _], One} = eslaver_cluster_rounds:held(
        <<"x">>, {order, 50, {ok, <<"y">>}}, begun()
    ),
    Facts = holding(#{<<"x">> => {order, 50, {ok, <<"y">>}}}),
    {_, Two} = eslaver_cluster_rounds:answered(
        <<"x">>, X, told(60, 70, [{0, 99}]), Facts, One
    ),
    ?assertMatch({[], _}, eslaver_cluster_rounds:held(<<"x">>, {order, 50, {ok, <<"y">>}}, Two)),
    ?assertMatch(
        {[{ask, <<"x">>, _}, {limit, <<"x">>, _}], _},
        eslaver_cluster_rounds:held(<<"x">>, {order, 50, {ok, <<"z">>}}, Two)
    ).

%% What its epoch may hide is waited for once.
a_limit_is_reached_once_for_an_epoch_test() ->
    {N, Id, Held} = held(),
    Answer = told(<<"x">>, 2, 60, 70, [{0, 99}], [], []),
    {Asked, Waits} = answered(<<"x">>, N, Answer, Held),
    ?assertEqual([<<"y">>, <<"z">>], asks(Asked)),
    {_, Over} = eslaver_cluster_rounds:over(<<"x">>, Id, 50, Waits),
    {[{ask, <<"x">>, M}, _], Again} = eslaver_cluster_rounds:held(<<"x">>, none, Over),
    {Effects, _} = answered(<<"x">>, M, Answer, Again),
    ?assertEqual([{<<"x">>, 60}], clears(Effects)).

%% Nobody waits for a shard that cannot be asked any more.
a_shard_that_has_left_is_not_waited_for_test() ->
    {N, _, Held} = held(),
    {_, Waits} = answered(<<"x">>, N, told(60, 70, [{0, 99}], [{7, <<"y">>}]), Held),
    {Effects, _} = eslaver_cluster_rounds:unreachable(<<"y">>, Waits),
    ?assertEqual([{<<"x">>, 60}], clears(Effects)).
