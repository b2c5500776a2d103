%% Folds over keys with their values.
-module(eslaver_mirror_fold_tests).

-include_lib("eunit/include/eunit.hrl").

-define(M, ?MODULE).

fold_test_() ->
    eslaver_test_keyspace:tests(?M, [
        {"values are what the reads of their types give", fun values/1},
        {"only keys that match, and of a type", fun selected/1},
        {"values that are read long", fun large/1},
        {"each key once", fun many/1},
        {"expired keys are missing", fun expired/1},
        {"keys that change meanwhile", fun changes/1},
        {"keys that are replaced meanwhile", fun replaced/1},
        {"a fold within a transaction", fun in_transaction/1},
        {"keys that are unknown", fun unknown/1},
        {"what the fun raises", fun raised/1},
        {"arguments", fun arguments/1}
    ]).

values(Mirror) ->
    run(Mirror, [
        ["set", "string", "v"],
        ["rpush", "list", "a", "b", "a"],
        ["sadd", "set", "a", "b"],
        ["zadd", "zset", 1, "a", "2.5", "b"],
        ["hset", "hash", "f", "1", "g", "2"],
        ["xadd", "stream", "1-1", "f", "v", "g", "w"],
        ["arset", "array", 3, "x"],
        ["vadd", "vectorset", "VALUES", 2, 1, "2.5", "a"]
    ]),
    ?assertEqual(
        #{
            <<"string">> => {string, <<"v">>},
            <<"list">> => {list, eslaver_mirror:lrange(?M, <<"list">>, 0, -1)},
            <<"set">> => {set, eslaver_mirror:smembers(?M, <<"set">>)},
            <<"zset">> =>
                {zset, eslaver_mirror:zrange(?M, <<"zset">>, 0, -1, #{with_scores => true})},
            <<"hash">> => {hash, eslaver_mirror:hgetall(?M, <<"hash">>)},
            <<"stream">> => {stream, eslaver_mirror:xrange(?M, <<"stream">>, '-', '+')},
            <<"array">> => {array, [{3, <<"x">>}]},
            <<"vectorset">> => {vectorset, [<<"a">>]}
        },
        folded(?M, #{})
    ).

selected(Mirror) ->
    run(Mirror, [
        ["mset", "a1", 1, "a2", 2, "b1", 3],
        ["hset", "a3", "f", "v"],
        ["select", 1],
        ["set", "a4", 4]
    ]),
    Keys = fun(Of, Options) -> lists:sort(maps:keys(folded(Of, Options))) end,
    ?assertEqual([<<"a1">>, <<"a2">>, <<"a3">>], Keys(?M, #{match => <<"a*">>})),
    ?assertEqual([<<"a1">>, <<"a2">>, <<"b1">>], Keys(?M, #{type => string})),
    ?assertEqual([<<"a3">>], Keys(?M, #{match => <<"a*">>, type => hash})),
    ?assertEqual([<<"a4">>], Keys({?M, 1}, #{})),
    ?assertEqual([], Keys({?M, 2}, #{})).

large(Mirror) ->
    Numbers = [integer_to_binary(N) || N <- lists:seq(1, 100_000)],
    Long = binary:copy(<<"x">>, 5_000_000),
    run(Mirror, [["rpush", "l" | Numbers], ["set", "long", Long]]),
    ?assertEqual(takes_long, eslaver_nif:keyspace_read(?M, 0, {value, <<"l">>, any})),
    ?assertEqual(
        #{<<"l">> => {list, Numbers}, <<"long">> => {string, Long}}, folded(?M, #{})
    ).

many(Mirror) ->
    Pairs = [{integer_to_binary(N), integer_to_binary(N * N)} || N <- lists:seq(1, 20_000)],
    run(Mirror, [["mset" | lists:append([[K, V] || {K, V} <- Pairs])]]),
    Found = eslaver_mirror:fold(?M, fun(Key, {string, V}, Acc) -> [{Key, V} | Acc] end, []),
    ?assertEqual(lists:sort(Pairs), lists:sort(Found)).

expired(Mirror) ->
    Soon = erlang:system_time(millisecond) + 200,
    run(Mirror, [["set", "a", 1], ["set", "b", 2], ["pexpireat", "a", Soon]]),
    ?assertEqual(2, map_size(folded(?M, #{}))),
    timer:sleep(250),
    ?assertEqual([<<"b">>], maps:keys(folded(?M, #{}))).

%% One that is deleted, or of another type now, is not visited; one that is added may be.
changes(Mirror) ->
    Keys = [integer_to_binary(N) || N <- lists:seq(1, 5000)],
    run(Mirror, [["mset" | lists:append([[Key, 1] || Key <- Keys])]]),
    Change = fun(Key, {string, Value}, Seen) ->
        _ =
            map_size(Seen) =:= 0 andalso
                run(Mirror, [
                    ["del" | lists:seq(1, 1000)],
                    ["del", 1001],
                    ["hset", 1001, "f", "v"],
                    ["set", 1002, 2],
                    ["set", Key, 3]
                ]),
        ?assertNot(is_map_key(Key, Seen)),
        Seen#{Key => Value}
    end,
    Seen = eslaver_mirror:fold(?M, Change, #{}, #{type => string}),
    Stay = [integer_to_binary(N) || N <- lists:seq(1003, 5000)],
    ?assertEqual([], Stay -- maps:keys(Seen)),
    Gone = maps:with([integer_to_binary(N) || N <- lists:seq(1, 1001)], Seen),
    ?assert(map_size(Gone) =< 1).

replaced(Mirror) ->
    Keys = lists:append([[N, N] || N <- lists:seq(1, 5000)]),
    Replace = fun(How) ->
        run(Mirror, [["mset" | Keys]]),
        fun(_Key, {string, _}, Count) ->
            _ = Count =:= 10 andalso How(),
            Count + 1
        end
    end,
    Flush = fun() -> run(Mirror, [["flushall"]]) end,
    ?assertEqual({error, replaced}, eslaver_mirror:fold(?M, Replace(Flush), 0)),
    Close = fun() -> eslaver_test_keyspace:close(Mirror) end,
    ?assertEqual({error, not_running}, eslaver_mirror:fold(?M, Replace(Close), 0)).

%% All values are of one moment: it is run anew until they are.
in_transaction(Mirror) ->
    run(Mirror, [["mset", "a", 1, "b", 1]]),
    Runs = counters:new(1, []),
    Values = eslaver_mirror:read(?M, fun() ->
        ok = counters:add(Runs, 1, 1),
        eslaver_mirror:fold(
            ?M,
            fun(_Key, {string, Value}, Acc) ->
                _ =
                    Acc =:= [] andalso counters:get(Runs, 1) =:= 1 andalso
                        run(Mirror, [["mset", "a", 2, "b", 2]]),
                [Value | Acc]
            end,
            []
        )
    end),
    ?assertEqual({2, [<<"2">>, <<"2">>]}, {counters:get(Runs, 1), Values}).

unknown(#{keyspace := Keyspace} = Mirror) ->
    run(Mirror, [["mset", "a", 1, "b", 2]]),
    [_] = eslaver_nif:keyspace_apply(Keyspace, 0, [[<<"no-command">>, <<"a">>]], 0),
    ?assertEqual(
        #{<<"a">> => {unknown, undefined}, <<"b">> => {string, <<"2">>}}, folded(?M, #{})
    ),
    ?assertEqual(#{<<"b">> => {string, <<"2">>}}, folded(?M, #{type => string})).

raised(Mirror) ->
    run(Mirror, [["set", "a", 1]]),
    ?assertThrow(mine, eslaver_mirror:fold(?M, fun(_, _, _) -> throw(mine) end, 0)),
    ?assertError(mine, eslaver_mirror:fold(?M, fun(_, _, _) -> error(mine) end, 0)).

arguments(_Mirror) ->
    Fun = fun(_, _, Acc) -> Acc end,
    [
        ?assertError(badarg, eslaver_mirror:fold(Of, Each, 0, Options))
     || {Of, Options, Each} <- [
            {?M, #{match => "*"}, Fun},
            {?M, #{type => strign}, Fun},
            {?M, #{count => 1}, Fun},
            {?M, [match], Fun},
            {?M, #{}, fun(_, Acc) -> Acc end},
            {"m", #{}, Fun}
        ]
    ],
    ?assertEqual({error, not_running}, eslaver_mirror:fold(no_mirror, Fun, 0)).

folded(Of, Options) ->
    eslaver_mirror:fold(Of, fun(Key, Value, Acc) -> Acc#{Key => Value} end, #{}, Options).

run(Mirror, Commands) ->
    eslaver_test_keyspace:run_all(Mirror, Commands).
