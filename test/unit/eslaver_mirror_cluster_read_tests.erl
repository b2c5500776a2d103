%% Reads of a cluster's mirror: of the keyspaces of three shards, by the routes of slots.
-module(eslaver_mirror_cluster_read_tests).

-include_lib("eunit/include/eunit.hrl").

-define(M, ?MODULE).
-define(ALL, {0, 16383}).
%% Their slots.
-define(A, 15495).
-define(B, 3300).
-define(FOO, 12182).

read_test_() ->
    {foreach, fun start/0, fun stop/1, [
        {with, [Test]}
     || Test <- [
            fun slots/1,
            fun by_slot/1,
            fun shards_have_no_names/1,
            fun several_keys/1,
            fun objects/1,
            fun cursors/1,
            fun nil/1,
            fun whole/1,
            fun unfinished_import/1,
            fun key_by_key/1,
            fun not_served/1,
            fun loading_shard/1,
            fun status/1,
            fun status_of_expected_slots/1,
            fun stale_shard/1,
            fun one_slot/1,
            fun any_slot/1,
            fun moved_slot/1,
            fun moved_meanwhile/1,
            fun crossslot/1,
            fun replaced_cluster/1,
            fun scan_beside_a_move/1,
            fun notices_go_to_the_listener/1,
            fun a_shard_ends/1,
            fun closed/1
        ]
    ]}.

%% Shards 0 and 1 have a half of the slots each, shard 2 has none.
start() ->
    Cluster = eslaver_nif:cluster_new(?M, undefined),
    Shards = maps:from_list([{Shard, shard(Cluster, Shard, true)} || Shard <- [0, 1, 2]]),
    ok = eslaver_nif:cluster_route(Cluster, {0, 8191}, 0, undefined),
    ok = eslaver_nif:cluster_route(Cluster, {8192, 16383}, 1, undefined),
    #{cluster => Cluster, shards => Shards}.

stop(#{cluster := Cluster, shards := Shards}) ->
    ok = eslaver_nif:cluster_close(Cluster),
    maps:foreach(fun(_, Keyspace) -> ok = eslaver_nif:keyspace_close(Keyspace) end, Shards).

shard(Cluster, Shard, ServesStale) ->
    Keyspace = empty(Cluster, Shard, ServesStale),
    ok = eslaver_test_keyspace:load(Keyspace),
    Keyspace.

empty(Cluster, Shard, ServesStale) ->
    Interests = eslaver_nif:interests_new(),
    Where = {Cluster, Shard},
    keyspace_new(Where, Interests, self(), ServesStale).

keyspace_new(Where, Interests, Listener, ServesStale) ->
    eslaver_nif:keyspace_new(Where, Interests, Listener, #{
        serves_stale => ServesStale,
        missing => undefined,
        in_place => false,
        max_memory => undefined,
        fresh_within => undefined
    }).

run(#{shards := Shards}, Shard, Command) ->
    #{Shard := Keyspace} = Shards,
    Words = [iolist_to_binary(Word) || Word <- Command],
    [] = eslaver_nif:keyspace_apply(Keyspace, 0, [Words], erlang:system_time(millisecond)).

route(#{cluster := Cluster}, Slots, Owner, Other) ->
    ok = eslaver_nif:cluster_route(Cluster, Slots, Owner, Other).

slots(_) ->
    ?assertEqual(?A, eslaver_nif:cluster_slot(<<"a">>)),
    ?assertEqual(?B, eslaver_nif:cluster_slot(<<"x{b}y">>)),
    ?assertEqual(?FOO, eslaver_nif:cluster_slot(<<"foo">>)).

by_slot(C) ->
    run(C, 1, ["set", "a", "1"]),
    run(C, 0, ["rpush", "b", "2", "3"]),
    ?assertEqual(<<"1">>, eslaver_mirror:get(?M, <<"a">>)),
    ?assertEqual([<<"2">>, <<"3">>], eslaver_mirror:lrange(?M, <<"b">>, 0, -1)),
    ?assertEqual({error, wrongtype}, eslaver_mirror:get(?M, <<"b">>)),
    ?assertEqual(undefined, eslaver_mirror:get(?M, <<"foo">>)),
    ?assertEqual(undefined, eslaver_mirror:get({?M, 1}, <<"a">>)).

shards_have_no_names(_) ->
    ?assertEqual({error, not_running}, eslaver_mirror:get(undefined, <<"a">>)),
    ?assertNot(eslaver_nif:keyspace_has(?M, any, 0)).

several_keys(C) ->
    run(C, 1, ["mset", "a", "1", "foo", "2"]),
    run(C, 0, ["set", "b", "3"]),
    Keys = [<<"a">>, <<"b">>, <<"none">>, <<"foo">>],
    ?assertEqual([<<"1">>, <<"3">>, undefined, <<"2">>], eslaver_mirror:mget(?M, Keys)),
    run(C, 1, ["sadd", "{a}s", "1", "2"]),
    run(C, 0, ["sadd", "{b}s", "2", "3"]),
    ?assertEqual([<<"2">>], eslaver_mirror:sinter(?M, [<<"{a}s">>, <<"{b}s">>])).

objects(C) ->
    run(C, 1, ["mset", "a", "1", "foo", "ab"]),
    run(C, 0, ["mset", "b", "3", "{b}x", "ab"]),
    ?assertEqual(3, eslaver_mirror:exists(?M, [<<"a">>, <<"b">>, <<"none">>, <<"a">>])),
    ?assertEqual(
        #{matches => [{{0, 1}, {0, 1}}], len => 2},
        eslaver_mirror:lcs(?M, <<"foo">>, <<"{b}x">>, [idx])
    ),
    Decoded = fun(Key) -> eslaver_rdb:decode_dump(eslaver_mirror:dump(?M, Key)) end,
    [
        ?assertMatch({ok, {string, Value, _}}, Decoded(Key))
     || {Key, Value} <- [{<<"a">>, <<"1">>}, {<<"b">>, <<"3">>}]
    ],
    ?assert(eslaver_mirror:memory_usage(?M, <<"b">>) > 0),
    ?assertEqual(packed, eslaver_mirror:object_encoding(?M, <<"b">>)),
    ?assertEqual(16, byte_size(eslaver_mirror:digest(?M, <<"b">>))),
    run(C, 1, ["xadd", "{a}s", "1-1", "f", "v"]),
    run(C, 0, ["xadd", "{b}s", "2-1", "f", "v"]),
    Streams = [{Key, <<"0">>} || Key <- [<<"{b}s">>, <<"{a}s">>]],
    ?assertMatch([{<<"{b}s">>, [_]}, {<<"{a}s">>, [_]}], eslaver_mirror:xread(?M, Streams)),
    ?assertError(
        crossslot, eslaver_mirror:read(?M, fun() -> eslaver_mirror:xread(?M, Streams) end)
    ).

%% What stays is found, though its slot moves to another shard meanwhile.
cursors(C) ->
    Keys = [<<"k", (integer_to_binary(N))/binary>> || N <- lists:seq(1, 1000)],
    Slot = fun(Key) -> eslaver_nif:cluster_slot(Key) end,
    {Low, High} = lists:partition(fun(Key) -> Slot(Key) < 8192 end, Keys),
    Set = fun(Shard, Of) -> run(C, Shard, ["mset" | lists:append([[Key, "v"] || Key <- Of])]) end,
    Set(0, Low),
    Set(1, High),
    Set(2, Low),
    Move = fun(Next) -> route(C, {0, 8191}, 2 * (Next rem 2), undefined) end,
    Found = cursor_pages(0, Move),
    ?assertEqual(lists:sort(Keys), lists:sort(Found)).

cursor_pages(Cursor, Between) ->
    case eslaver_mirror:scan(?M, Cursor, #{count => 100}) of
        {0, Keys} ->
            Keys;
        {Next, Keys} ->
            Between(Next),
            Keys ++ cursor_pages(Next, Between)
    end.

%% A cluster has its own for what is missing.
nil(_) ->
    Cluster = eslaver_nif:cluster_new(nil_cluster, nil),
    _ = shard(Cluster, 0, true),
    ok = eslaver_nif:cluster_route(Cluster, ?ALL, 0, undefined),
    ?assertEqual(nil, eslaver_mirror:get(nil_cluster, <<"a">>)),
    ?assertEqual([nil, nil], eslaver_mirror:mget(nil_cluster, [<<"a">>, <<"b">>])),
    ?assertEqual(undefined, eslaver_mirror:get(?M, <<"a">>)),
    ok = eslaver_nif:cluster_close(Cluster).

whole(C) ->
    run(C, 1, ["mset", "a", "1", "foo", "2"]),
    run(C, 0, ["set", "b", "3"]),
    ?assertEqual([<<"a">>, <<"b">>, <<"foo">>], keys()),
    ?assertEqual(3, eslaver_mirror:dbsize(?M)),
    ?assertEqual([<<"a">>, <<"b">>, <<"foo">>], scanned()),
    ?assert(lists:member(eslaver_mirror:randomkey(?M), [<<"a">>, <<"b">>, <<"foo">>])),
    Fold = fun(Key, {string, Value}, Acc) -> Acc#{Key => Value} end,
    ?assertEqual(
        #{<<"a">> => <<"1">>, <<"foo">> => <<"2">>, <<"b">> => <<"3">>},
        eslaver_mirror:fold(?M, Fold, #{})
    ).

keys() ->
    lists:sort(eslaver_mirror:keys(?M, <<"*">>)).

scanned() ->
    lists:sort(eslaver_mirror:fold_keys(?M, fun(Key, Acc) -> [Key | Acc] end, [])).

%% What another shard has of a slot is not seen before the slot is its own, and only once then.
unfinished_import(C) ->
    run(C, 1, ["mset", "a", "1", "{a}x", "1"]),
    run(C, 2, ["mset", "a", "2", "{a}x", "2", "{a}y", "2"]),
    ?assertEqual(<<"1">>, eslaver_mirror:get(?M, <<"a">>)),
    ?assertEqual(undefined, eslaver_mirror:get(?M, <<"{a}y">>)),
    ?assertEqual([<<"a">>, <<"{a}x">>], keys()),
    ?assertEqual(2, eslaver_mirror:dbsize(?M)),
    route(C, {?A, ?A}, 2, undefined),
    ?assertEqual(<<"2">>, eslaver_mirror:get(?M, <<"a">>)),
    ?assertEqual([<<"a">>, <<"{a}x">>, <<"{a}y">>], keys()),
    ?assertEqual(3, eslaver_mirror:dbsize(?M)),
    run(C, 1, ["trimslots", "RANGES", "1", integer_to_list(?A), integer_to_list(?A)]),
    ?assertEqual([<<"a">>, <<"{a}x">>, <<"{a}y">>], keys()).

%% While keys are moved one by one, the owner's counts, and then that of the other.
key_by_key(C) ->
    run(C, 1, ["mset", "a", "1", "{a}x", "1"]),
    run(C, 2, ["mset", "a", "2", "{a}y", "2"]),
    route(C, {?A, ?A}, 1, 2),
    ?assertEqual(<<"1">>, eslaver_mirror:get(?M, <<"a">>)),
    ?assertEqual(<<"2">>, eslaver_mirror:get(?M, <<"{a}y">>)),
    Keys = [<<"a">>, <<"{a}x">>, <<"{a}y">>, <<"{a}z">>],
    ?assertEqual([<<"1">>, <<"1">>, <<"2">>, undefined], eslaver_mirror:mget(?M, Keys)),
    ?assertEqual([<<"a">>, <<"{a}x">>, <<"{a}y">>], keys()),
    ?assertEqual(3, eslaver_mirror:dbsize(?M)),
    run(C, 1, ["del", "a"]),
    ?assertEqual(<<"2">>, eslaver_mirror:get(?M, <<"a">>)),
    ?assertEqual(3, eslaver_mirror:dbsize(?M)),
    %% What has expired at the owner is missing there.
    run(C, 1, ["pexpireat", "{a}x", "1"]),
    run(C, 2, ["set", "{a}x", "2"]),
    ?assertEqual(<<"2">>, eslaver_mirror:get(?M, <<"{a}x">>)).

not_served(C) ->
    run(C, 1, ["set", "a", "1"]),
    route(C, {?A, ?A}, undefined, undefined),
    ?assertEqual({error, not_served}, eslaver_mirror:get(?M, <<"a">>)),
    ?assertEqual({error, not_served}, eslaver_mirror:mget(?M, [<<"b">>, <<"a">>])),
    ?assertEqual([], eslaver_mirror:keys(?M, <<"*">>)),
    route(C, ?ALL, undefined, undefined),
    ?assertEqual({error, not_served}, eslaver_mirror:dbsize(?M)),
    ?assertEqual(
        {error, not_served}, eslaver_mirror:fold_keys(?M, fun(K, A) -> [K | A] end, [])
    ).

loading_shard(#{cluster := Cluster} = C) ->
    run(C, 0, ["set", "b", "1"]),
    Empty = empty(Cluster, 1, true),
    ?assertEqual({error, loading}, eslaver_mirror:get(?M, <<"a">>)),
    ?assertEqual(<<"1">>, eslaver_mirror:get(?M, <<"b">>)),
    ?assertEqual({error, loading}, eslaver_mirror:keys(?M, <<"*">>)),
    ok = eslaver_test_keyspace:load(Empty),
    ?assertEqual(undefined, eslaver_mirror:get(?M, <<"a">>)),
    ok = eslaver_nif:keyspace_close(Empty).

status(#{cluster := Cluster} = C) ->
    ?assertEqual(fresh, eslaver_mirror:status(?M)),
    route(C, {7, 7}, undefined, undefined),
    ?assertEqual(loading, eslaver_mirror:status(?M)),
    route(C, {7, 7}, 2, undefined),
    ?assertEqual(fresh, eslaver_mirror:status(?M)),
    #{shards := #{0 := First}} = C,
    {_, _, _} = eslaver_nif:keyspace_detach(First),
    ?assertEqual(stale, eslaver_mirror:status(?M)),
    Empty = empty(Cluster, 2, true),
    ?assertEqual(loading, eslaver_mirror:status(?M)),
    ok = eslaver_nif:keyspace_close(Empty).

status_of_expected_slots(#{cluster := Cluster} = C) ->
    route(C, {100, 16383}, undefined, undefined),
    ?assertEqual(loading, eslaver_mirror:status(?M)),
    ok = eslaver_nif:cluster_expect(Cluster, [{0, 99}]),
    ?assertEqual(fresh, eslaver_mirror:status(?M)),
    ok = eslaver_nif:cluster_expect(Cluster, [{0, 99}, {200, 201}]),
    ?assertEqual(loading, eslaver_mirror:status(?M)).

stale_shard(#{cluster := Cluster} = C) ->
    Strict = shard(Cluster, 1, false),
    ?assertEqual(undefined, eslaver_mirror:get(?M, <<"a">>)),
    {_, _, _} = eslaver_nif:keyspace_detach(Strict),
    ?assertEqual({error, stale}, eslaver_mirror:get(?M, <<"a">>)),
    ?assertEqual(undefined, eslaver_mirror:get(?M, <<"b">>)),
    %% Of a key that the owner has, nothing is asked of another.
    run(C, 0, ["set", "b", "1"]),
    route(C, {?B, ?B}, 0, 1),
    ?assertEqual(<<"1">>, eslaver_mirror:get(?M, <<"b">>)),
    ?assertEqual({error, stale}, eslaver_mirror:get(?M, <<"{b}x">>)),
    ok = eslaver_nif:keyspace_close(Strict).

one_slot(C) ->
    run(C, 1, ["mset", "a", "1", "{a}x", "2"]),
    Both = fun(Key, Other) ->
        fun() -> {eslaver_mirror:get(?M, Key), eslaver_mirror:get(?M, Other)} end
    end,
    ?assertEqual({<<"1">>, <<"2">>}, eslaver_mirror:read(?M, Both(<<"a">>, <<"{a}x">>))),
    ?assertError(crossslot, eslaver_mirror:read(?M, Both(<<"a">>, <<"b">>))),
    ?assertError(crossslot, eslaver_mirror:read(?M, fun() -> eslaver_mirror:dbsize(?M) end)),
    ?assertError(
        crossslot,
        eslaver_mirror:read(?M, fun() -> eslaver_mirror:mget(?M, [<<"a">>, <<"b">>]) end)
    ),
    ?assertError(crossslot, eslaver_mirror:read(?M, fun scanned/0)).

any_slot(C) ->
    run(C, 1, ["set", "a", "1"]),
    run(C, 0, ["set", "b", "2"]),
    Read = fun() ->
        {eslaver_mirror:get(?M, <<"a">>), eslaver_mirror:get(?M, <<"b">>), scanned()}
    end,
    ?assertEqual(
        {<<"1">>, <<"2">>, [<<"a">>, <<"b">>]}, eslaver_mirror:read(?M, Read, #{slots => any})
    ),
    ?assertError(badarg, eslaver_mirror:read(?M, Read, #{slots => some})).

%% How often a fun runs between whose reads something happens, the first time.
runs(Between, Read) ->
    Runs = counters:new(1, []),
    Result = eslaver_mirror:read(?M, fun() ->
        ok = counters:add(Runs, 1, 1),
        First = Read(),
        _ = counters:get(Runs, 1) =:= 1 andalso Between(),
        {First, Read()}
    end),
    {counters:get(Runs, 1), Result}.

moved_slot(C) ->
    run(C, 1, ["set", "a", "1"]),
    run(C, 2, ["set", "a", "2"]),
    Read = fun() -> eslaver_mirror:get(?M, <<"a">>) end,
    Move = fun() -> route(C, {?A, ?A}, 2, undefined) end,
    ?assertEqual({2, {<<"2">>, <<"2">>}}, runs(Move, Read)),
    Other = fun() -> route(C, {?B, ?B}, 2, undefined) end,
    ?assertEqual({1, {<<"2">>, <<"2">>}}, runs(Other, Read)).

%% Also where the key is the same before and after.
moved_meanwhile(C) ->
    Session = eslaver_nif:session_new(?M, false),
    ?assertEqual(undefined, eslaver_nif:session_read(Session, 0, {get, <<"a">>})),
    ?assert(eslaver_nif:session_unchanged(Session)),
    route(C, {?A, ?A}, 2, undefined),
    route(C, {?A, ?A}, 1, undefined),
    ?assertNot(eslaver_nif:session_unchanged(Session)),
    ?assertEqual(changed, eslaver_nif:session_read(Session, 0, {get, <<"a">>})).

crossslot(_) ->
    Session = eslaver_nif:session_new(?M, false),
    ?assertEqual(undefined, eslaver_nif:session_read(Session, 0, {get, <<"a">>})),
    ?assertEqual(crossslot, eslaver_nif:session_read(Session, 0, {get, <<"b">>})),
    ?assertEqual(crossslot, eslaver_nif:session_read_dirty(Session, 0, {dbsize})),
    ?assert(eslaver_nif:session_unchanged(Session)).

replaced_cluster(_) ->
    Session = eslaver_nif:session_new(?M, true),
    ?assertEqual(undefined, eslaver_nif:session_read(Session, 0, {get, <<"a">>})),
    Other = eslaver_nif:cluster_new(?M, undefined),
    ?assertEqual(changed, eslaver_nif:session_read(Session, 0, {get, <<"a">>})),
    ?assertNot(eslaver_nif:session_unchanged(Session)),
    ok = eslaver_nif:cluster_close(Other).

%% A scan goes by slots: a slot that moves is walked where it is, once.
scan_beside_a_move(C) ->
    Keys = [<<"k", (integer_to_binary(N))/binary>> || N <- lists:seq(1, 400)],
    {First, Second} = lists:partition(fun(K) -> eslaver_nif:cluster_slot(K) < 8192 end, Keys),
    run(C, 0, ["mset" | lists:append([[K, "1"] || K <- First])]),
    run(C, 1, ["mset" | lists:append([[K, "1"] || K <- Second])]),
    run(C, 2, ["mset" | lists:append([[K, "1"] || K <- Keys])]),
    Pages = pages(0, fun(Cursor) ->
        Owner = Cursor rem 3,
        route(C, {4000, 8191}, lists:nth(1 + Owner rem 2, [0, 2]), undefined),
        route(C, {8192, 12000}, lists:nth(1 + Owner rem 2, [2, 1]), undefined)
    end),
    ?assertEqual(lists:sort(Keys), lists:sort(Pages)).

pages(Cursor, Between) ->
    case eslaver_nif:keyspace_read(?M, 0, {scan, Cursor, any, any, 7}) of
        {0, Keys} ->
            Keys;
        {Next, Keys} ->
            Between(Next),
            Keys ++ pages(Next, Between)
    end.

notices_go_to_the_listener(#{cluster := Cluster}) ->
    Interests = eslaver_nif:interests_new(),
    {ok, Filter} = eslaver_filter:parse([keys], #{keys => <<"*">>}),
    ok = eslaver_nif:interests_add(Interests, 1, Filter),
    Test = self(),
    Owner = spawn_link(fun() ->
        Where = {Cluster, 3},
        Keyspace = keyspace_new(Where, Interests, Test, true),
        ok = eslaver_test_keyspace:load(Keyspace),
        [] = eslaver_nif:keyspace_apply(Keyspace, 0, [[<<"set">>, <<"a">>, <<"1">>]], 0),
        receive
            stop -> ok
        end
    end),
    receive
        {eslaver_keyspace, Weight, Notices, Keyspace} ->
            ?assertMatch(
                [{_, {keys, resync, all, _}}, {[1], {key, <<"set">>, <<"a">>, _}}], Notices
            ),
            ok = eslaver_nif:keyspace_notified(Keyspace, Weight)
    after 5000 -> error(no_notices)
    end,
    Owner ! stop.

%% Its keyspace is not read any more.
a_shard_ends(#{cluster := Cluster} = C) ->
    Test = self(),
    {Owner, Monitor} = spawn_monitor(fun() ->
        Test ! {shard, shard(Cluster, 5, true)},
        receive
            stop -> ok
        end
    end),
    receive
        {shard, _} -> ok
    end,
    route(C, {?A, ?A}, 5, undefined),
    ?assertEqual(undefined, eslaver_mirror:get(?M, <<"a">>)),
    Owner ! stop,
    receive
        {'DOWN', Monitor, process, _, normal} -> ok
    end,
    ?assertEqual({error, loading}, until_not(undefined, 100)).

until_not(Answer, Tries) ->
    case eslaver_mirror:get(?M, <<"a">>) of
        Answer when Tries > 0 ->
            ok = timer:sleep(10),
            until_not(Answer, Tries - 1);
        Other ->
            Other
    end.

closed(#{cluster := Cluster}) ->
    ok = eslaver_nif:cluster_close(Cluster),
    ?assertEqual({error, not_running}, eslaver_mirror:get(?M, <<"a">>)),
    ?assertEqual({error, not_running}, eslaver_mirror:status(?M)).
