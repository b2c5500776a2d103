%% Which ids shards get, and when their masters are asked again.
-module(eslaver_cluster_member_tests).

-include_lib("eunit/include/eunit.hrl").

-define(SHARD, <<"the shard's id">>).
-define(SLOTS, [{0, 8191}]).

member() ->
    Node = #{id => <<"a">>, address => {tcp, <<"a">>, 7000}, epoch => 1, slots => ?SLOTS},
    Access = #{},
    eslaver_cluster_member:new(
        #{master => Node, replicas => []}, fun(Address) -> Address end, Access
    ).

answer(Role, Node, ShardId) ->
    {ok, #{replids => [<<"history">>], shard_id => ShardId, self => #{id => Node, role => Role}}}.

%% A member after its master's answer, among others with these ids.
told(Answer, Others) ->
    Members = maps:from_list([{Id, told(answer(master, Id, Id), [])} || Id <- Others]),
    told(Answer, Members, member()).

told(Answer, Members, Member) ->
    eslaver_cluster_member:told(Answer, <<"name">>, Members, Member).

id(Member) ->
    eslaver_cluster_member:id(<<"name">>, #{<<"name">> => Member}).

a_shard_has_the_first_of_its_ids_that_no_other_has_test() ->
    [
        ?assertEqual(Id, id(told(answer(master, <<"a">>, ShardId), Others)))
     || {ShardId, Others, Id} <- [
            {?SHARD, [], ?SHARD},
            {?SHARD, [?SHARD], <<"a">>},
            {?SHARD, [?SHARD, <<"a">>], <<"name">>},
            {undefined, [], <<"a">>},
            {undefined, [<<"a">>], <<"name">>}
        ]
    ].

%% It is the same shard, with another master. Its position is still in use.
a_shard_waits_for_one_of_its_id_that_is_leaving_test() ->
    Known = told(answer(master, <<"b">>, ?SHARD), []),
    Answer = answer(master, <<"a">>, ?SHARD),
    [
        begin
            Told = told(Answer, #{<<"other">> => Leaving}, member()),
            ?assertNot(eslaver_cluster_member:is_known(Told)),
            ?assertEqual(?SHARD, id(told(Answer, #{}, Told)))
        end
     || Leaving <- [
            eslaver_cluster_member:leaving(Known), eslaver_cluster_member:stopping(gone, Known)
        ]
    ].

a_shard_keeps_its_id_test() ->
    Known = told(answer(master, <<"a">>, ?SHARD), []),
    [
        ?assertEqual(?SHARD, id(told(Answer, #{}, Known)))
     || Answer <- [
            answer(master, <<"b">>, <<"other">>),
            answer(replica, <<"a">>, <<"other">>),
            {error, {closed, <<>>}}
        ]
    ].

%% What others say of it is out of date.
a_shard_whose_master_is_a_replica_is_not_followed_test() ->
    Asked = told(answer(replica, <<"a">>, ?SHARD), []),
    ?assertNot(eslaver_cluster_member:is_known(Asked)),
    ?assert(eslaver_cluster_member:is_unclear(Asked, #{}, [])),
    ?assertEqual(?SHARD, id(told(answer(master, <<"a">>, ?SHARD), #{}, Asked))).

a_shard_is_unclear_until_it_has_the_slots_that_others_see_test() ->
    Known = told(answer(master, <<"a">>, ?SHARD), []),
    Followed = eslaver_cluster_member:started(7, {<<"name">>, 1}, Known),
    [
        ?assertEqual(
            IsUnclear,
            eslaver_cluster_member:is_unclear(
                Followed, #{7 => #{slots => Slots, importing => Importing}}, Moving
            )
        )
     || {Slots, Importing, Moving, IsUnclear} <- [
            {?SLOTS, [], [], false},
            {?SLOTS, [], [{9000, 9000}], false},
            {?SLOTS, [], [{8191, 8191}], true},
            {?SLOTS, [{9000, 9000}], [], true},
            {[], [], [], true},
            {[{0, 8192}], [], [], true}
        ]
    ],
    ?assertNot(eslaver_cluster_member:is_unclear(Followed, #{}, [])),
    ?assertNot(eslaver_cluster_member:is_unclear(Known, #{}, [])).
