%% Reads of keys of any type, scans with a cursor, and what stands for what is missing.
-module(eslaver_mirror_keys_tests).

-include_lib("eunit/include/eunit.hrl").

-define(M, ?MODULE).

keys_test_() ->
    eslaver_test_keyspace:tests(?M, [
        {"exists", fun existing/1},
        {"scan", fun scanned/1},
        {"scan with options", fun selected/1},
        {"scan across writes", fun written_meanwhile/1},
        {"scan across a snapshot", fun loaded_meanwhile/1},
        {"scan across a flush", fun flushed_meanwhile/1},
        {"dump", fun dumped/1},
        {"encoding", fun encodings/1},
        {"memory", fun memory/1},
        {"xread of several streams", fun streams/1},
        {"unknown", fun unknown/1}
    ]).

existing(Mirror) ->
    run(Mirror, [["mset", "a", 1, "b", 2], ["hset", "h", "f", "v"]]),
    [
        begin
            ?assertEqual(2, eslaver_mirror:Name(?M, [<<"a">>, <<"x">>, <<"h">>])),
            ?assertEqual(3, eslaver_mirror:Name(?M, [<<"a">>, <<"a">>, <<"b">>])),
            ?assertEqual(0, eslaver_mirror:Name(?M, [<<"x">>])),
            ?assertEqual(0, eslaver_mirror:Name({?M, 1}, [<<"a">>])),
            ?assertEqual(true, eslaver_mirror:Name(?M, <<"a">>)),
            ?assertEqual(false, eslaver_mirror:Name(?M, <<"x">>))
        end
     || Name <- [exists, touch]
    ].

scanned(Mirror) ->
    Keys = filled(Mirror, 10_000),
    ?assertEqual(Keys, lists:sort(pages(#{}))),
    ?assertEqual(Keys, lists:sort(pages([{count, 1}]))),
    ?assertMatch({0, [_ | _]}, eslaver_mirror:scan(?M, 0, #{count => 1_000_000})),
    ?assertEqual({0, []}, eslaver_mirror:scan(?M, 1_000_000)),
    ?assertEqual({0, []}, eslaver_mirror:scan({?M, 3}, 0, #{count => 1_000_000})).

selected(Mirror) ->
    run(Mirror, [["mset", "a1", 1, "a2", 2, "b1", 3], ["hset", "a3", "f", "v"]]),
    ?assertEqual([<<"a1">>, <<"a2">>, <<"a3">>], lists:sort(pages(#{match => <<"a*">>}))),
    ?assertEqual([<<"a3">>], pages([{type, hash}])),
    ?assertEqual([], pages(#{type => {module, <<"Some-Type">>}})),
    ?assertEqual([<<"a1">>, <<"a2">>], lists:sort(pages([{match, <<"a*">>}, {type, string}]))).

written_meanwhile(Mirror) ->
    Keys = filled(Mirror, 5000),
    Found = pages(0, #{count => 100}, fun(Page) ->
        New = [["new", integer_to_list(Page), "-", integer_to_list(N)] || N <- lists:seq(1, 200)],
        run(Mirror, [["set", Key, 1] || Key <- New]),
        run(Mirror, [["rpush", "list", Page], ["set", hd(Keys), Page]])
    end),
    ?assertEqual([], Keys -- Found),
    ?assertEqual(length(Found), length(lists:usort(Found))).

%% Each page is of another store.
loaded_meanwhile(#{keyspace := Keyspace}) ->
    Strings = [{<<"k", (integer_to_binary(N))/binary>>, <<"v">>} || N <- lists:seq(1, 5000)],
    Load = fun(_Page) ->
        Order = [String || {_, String} <- lists:sort([{rand:uniform(), One} || One <- Strings])],
        ok = eslaver_test_keyspace:load(Keyspace, Order)
    end,
    Load(0),
    Found = pages(0, #{count => 500}, Load),
    ?assertEqual(lists:sort([Key || {Key, _} <- Strings]), lists:sort(Found)).

flushed_meanwhile(Mirror) ->
    _ = filled(Mirror, 2000),
    {Next, _} = eslaver_mirror:scan(?M, 0, #{count => 100}),
    ?assert(Next > 0),
    run(Mirror, [["flushall"]]),
    ?assertEqual([], pages(Next, #{}, fun(_) -> ok end)).

dumped(Mirror) ->
    run(Mirror, [
        ["set", "string", "value"],
        ["rpush", "list", "a", "1"],
        ["rpush", "long" | lists:seq(1, 5000)],
        ["hset", "hash", "f", "v"]
    ]),
    Decoded = fun(Key) ->
        {ok, {Type, Value, _Meta}} = eslaver_rdb:decode_dump(eslaver_mirror:dump(?M, Key)),
        {Type, Value}
    end,
    ?assertEqual({string, <<"value">>}, Decoded(<<"string">>)),
    ?assertEqual({list, [<<"a">>, <<"1">>]}, Decoded(<<"list">>)),
    ?assertEqual({list, [integer_to_binary(N) || N <- lists:seq(1, 5000)]}, Decoded(<<"long">>)),
    ?assertEqual({hash, [{<<"f">>, <<"v">>}]}, Decoded(<<"hash">>)),
    ?assertEqual(undefined, eslaver_mirror:dump(?M, <<"missing">>)).

encodings(Mirror) ->
    Many = lists:seq(1, 3000),
    run(Mirror, [
        ["set", "string", 1],
        ["set", "long", binary:copy(<<"x">>, 100_000)],
        ["sadd", "ints", 1, 2],
        ["sadd", "set", "a"],
        ["sadd", "members" | [["m", integer_to_list(N)] || N <- Many]],
        ["rpush", "list" | Many],
        ["zadd", "zset" | lists:append([[N, N] || N <- Many])]
    ]),
    ?assertEqual(
        [packed, chunks, ints, packed, table, tree, tree, undefined],
        [
            eslaver_mirror:object_encoding(?M, Key)
         || Key <- [
                <<"string">>,
                <<"long">>,
                <<"ints">>,
                <<"set">>,
                <<"members">>,
                <<"list">>,
                <<"zset">>,
                <<"missing">>
            ]
        ]
    ).

%% What is asked of the allocator is nearly all that it gives.
memory(#{keyspace := Keyspace} = Mirror) ->
    Keys = filled(Mirror, 1000),
    run(Mirror, [["set", "long", binary:copy(<<"x">>, 1_000_000)]]),
    Long = eslaver_mirror:memory_usage(?M, <<"long">>),
    ?assert(Long > 1_000_000 andalso Long < 1_100_000),
    Sum = Long + lists:sum([eslaver_mirror:memory_usage(?M, Key) || Key <- Keys]),
    #{types := #{string := #{bytes := Bytes}}} = eslaver_nif:keyspace_info(Keyspace),
    ?assert(Sum =< Bytes andalso Sum > Bytes * 0.8),
    ?assertEqual(undefined, eslaver_mirror:memory_usage(?M, <<"missing">>)).

%% Of one moment, in the order of the question, without those that have nothing.
streams(Mirror) ->
    run(Mirror, [
        ["xadd", "a", "1-1", "f", "1"],
        ["xadd", "a", "2-1", "f", "2"],
        ["xadd", "b", "5-0", "g", "3"],
        ["set", "string", "v"]
    ]),
    Two = {<<"2-1">>, [{<<"f">>, <<"2">>}]},
    Five = {<<"5-0">>, [{<<"g">>, <<"3">>}]},
    ?assertEqual(
        [{<<"b">>, [Five]}, {<<"a">>, [Two]}],
        eslaver_mirror:xread(?M, [{<<"b">>, <<"0">>}, {<<"x">>, <<"0">>}, {<<"a">>, <<"1-1">>}])
    ),
    ?assertEqual(
        [{<<"a">>, [Two]}], eslaver_mirror:xread(?M, #{<<"a">> => <<"1-1">>, <<"b">> => <<"5-0">>})
    ),
    ?assertMatch(
        [{_, [{<<"1-1">>, _}]}], eslaver_mirror:xread(?M, [{<<"a">>, <<"0">>}], [{count, 1}])
    ),
    Last = <<"18446744073709551615-18446744073709551615">>,
    ?assertEqual([], eslaver_mirror:xread(?M, [{<<"a">>, Last}])),
    ?assertEqual(
        {error, wrongtype}, eslaver_mirror:xread(?M, [{<<"a">>, <<"0">>}, {<<"string">>, <<"0">>}])
    ).

unknown(#{keyspace := Keyspace} = Mirror) ->
    run(Mirror, [["mset", "a", 1, "b", 2]]),
    [_] = eslaver_nif:keyspace_apply(Keyspace, 0, [[<<"no-command">>, <<"a">>]], 0),
    [
        ?assertEqual({Name, {error, unknown}}, {Name, eslaver_mirror:Name(?M, <<"a">>)})
     || Name <- [exists, type, ttl, dump, object_encoding, memory_usage, digest]
    ],
    ?assertEqual({error, unknown}, eslaver_mirror:exists(?M, [<<"b">>, <<"a">>])).

filled(Mirror, Count) ->
    Keys = [<<"k", (integer_to_binary(N))/binary>> || N <- lists:seq(1, Count)],
    run(Mirror, [["mset" | lists:append([[Key, 1] || Key <- Keys])]]),
    lists:sort(Keys).

pages(Options) ->
    pages(0, Options, fun(_Page) -> ok end).

pages(Cursor, Options, Between) ->
    pages(Cursor, Options, Between, 1).

pages(Cursor, Options, Between, Page) ->
    case eslaver_mirror:scan(?M, Cursor, Options) of
        {0, Keys} ->
            Keys;
        {Next, Keys} ->
            Between(Page),
            Keys ++ pages(Next, Options, Between, Page + 1)
    end.

run(Mirror, Commands) ->
    eslaver_test_keyspace:run_all(Mirror, Commands).

%% In every kind of answer.
nil_test() ->
    Mirror = eslaver_test_keyspace:new_with_nil(?M),
    run(Mirror, [
        ["set", "a", 1],
        ["hset", "h", "f", "v"],
        ["zadd", "z", 1, "m"],
        ["geoadd", "g", 15, 37, "m"],
        ["xadd", "s", "1-1", "f", "v"],
        ["xdel", "s", "1-1"],
        ["arset", "array", 3, "v"]
    ]),
    [
        ?assertEqual({Name, Args, Answer}, {Name, Args, apply(eslaver_mirror, Name, [?M | Args])})
     || {Name, Args, Answer} <- [
            {get, [<<"x">>], nil},
            {mget, [[<<"a">>, <<"x">>]], [<<"1">>, nil]},
            {type, [<<"x">>], none},
            {ttl, [<<"x">>], nil},
            {ttl, [<<"a">>], infinity},
            {dump, [<<"x">>], nil},
            {hget, [<<"h">>, <<"x">>], nil},
            {hmget, [<<"h">>, [<<"x">>, <<"f">>]], [nil, <<"v">>]},
            {httl, [<<"h">>, [<<"x">>, <<"f">>]], [nil, infinity]},
            {sttl, [<<"x">>, [<<"m">>]], [nil]},
            {zscore, [<<"z">>, <<"x">>], nil},
            {zmscore, [<<"z">>, [<<"m">>, <<"x">>]], [1.0, nil]},
            {zrank, [<<"z">>, <<"x">>, [with_score]], nil},
            {geohash, [<<"g">>, [<<"x">>]], [nil]},
            {lpos, [<<"l">>, <<"x">>], nil},
            {argetrange, [<<"array">>, 2, 3], [nil, <<"v">>]},
            {sort_ro, [<<"z">>, #{alpha => true, get => [<<"x_*">>]}], [nil]},
            {xinfo_groups, [<<"x">>], nil}
        ]
    ],
    ?assertMatch(
        #{first_entry := nil, last_entry := nil}, eslaver_mirror:xinfo_stream(?M, <<"s">>)
    ),
    ?assertEqual(nil, eslaver_mirror:randomkey({?M, 1})),
    ?assertEqual(nil, eslaver_mirror:read(?M, fun() -> eslaver_mirror:get(?M, <<"x">>) end)),
    #{keyspace := Keyspace} = Mirror,
    [_] = eslaver_nif:keyspace_apply(Keyspace, 0, [[<<"no-command">>, <<"a">>]], 0),
    Fold = fun(Key, Value, Acc) -> Acc#{Key => Value} end,
    ?assertMatch(#{<<"a">> := {unknown, nil}}, eslaver_mirror:fold(?M, Fold, #{})),
    eslaver_test_keyspace:close(Mirror).
