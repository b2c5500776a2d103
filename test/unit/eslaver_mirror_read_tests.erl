%% Reads of a keyspace: short and long ones, and several of one moment.
-module(eslaver_mirror_read_tests).

-include_lib("eunit/include/eunit.hrl").

-define(M, ?MODULE).

read_test_() ->
    eslaver_test_keyspace:tests(?M, [
        {"what takes long is answered, too", fun long/1},
        {"a question of many keys", fun many_keys/1},
        {"numbers beyond 64 bits", fun large_numbers/1},
        {"a transaction sees one moment", fun one_moment/1},
        {"whatever changes is noticed", fun changes/1},
        {"nothing else is", fun no_changes/1},
        {"an exception of another moment counts for nothing", fun exceptions/1},
        {"a scan within a transaction", fun scan_in_transaction/1},
        {"a scan of keys that are replaced", fun replaced/1},
        {"what there is, by type", fun info/1},
        {"what is no query", fun no_query/1}
    ]).

run(Mirror, Commands) ->
    eslaver_test_keyspace:run_all(Mirror, Commands).

%% About a second of work for one that must take no more than a millisecond.
long(Mirror) ->
    Numbers = [integer_to_binary(N) || N <- lists:seq(1, 100_000)],
    run(Mirror, [["sadd", "s" | Numbers], ["set", "long", binary:copy(<<"x">>, 5_000_000)]]),
    run(Mirror, [["mset" | lists:append([[["k", N], N] || N <- Numbers])]]),
    ?assertEqual(lists:sort(Numbers), lists:sort(eslaver_mirror:smembers(?M, <<"s">>))),
    ?assertEqual(5_000_000, byte_size(eslaver_mirror:get(?M, <<"long">>))),
    ?assertEqual(100_000, length(eslaver_mirror:keys(?M, <<"k*">>))),
    ?assertEqual(takes_long, eslaver_nif:keyspace_read(?M, 0, {smembers, <<"s">>})),
    ?assertEqual(takes_long, eslaver_nif:keyspace_read(?M, 0, {keys, <<"k*">>})).

many_keys(Mirror) ->
    run(Mirror, [["set", "a", "1"]]),
    Keys = lists:duplicate(10_000, <<"a">>),
    ?assertEqual(lists:duplicate(10_000, <<"1">>), eslaver_mirror:mget(?M, Keys)).

large_numbers(Mirror) ->
    run(Mirror, [["rpush", "l", "a", "b"], ["arset", "array", 16#FFFFFFFFFFFFFFFE, "z"]]),
    Huge = 1 bsl 80,
    ?assertEqual([<<"a">>, <<"b">>], eslaver_mirror:lrange(?M, <<"l">>, -Huge, Huge)),
    ?assertEqual(undefined, eslaver_mirror:lindex(?M, <<"l">>, Huge)),
    ?assertEqual(<<"z">>, eslaver_mirror:arget(?M, <<"array">>, 16#FFFFFFFFFFFFFFFE)),
    ?assertEqual(undefined, eslaver_mirror:get({?M, Huge}, <<"l">>)).

%% Applies `Between' between two reads, the first time only; how often the fun ran, and its result.
twice(Mirror, First, Between, Last) ->
    Runs = counters:new(1, []),
    Result = eslaver_mirror:read(?M, fun() ->
        ok = counters:add(Runs, 1, 1),
        One = First(),
        _ = counters:get(Runs, 1) =:= 1 andalso run(Mirror, Between),
        {One, Last()}
    end),
    {counters:get(Runs, 1), Result}.

get_fun(Key) -> fun() -> eslaver_mirror:get(?M, Key) end.

one_moment(Mirror) ->
    run(Mirror, [["mset", "a", "1", "b", "1"]]),
    Both = [["mset", "a", "2", "b", "2"]],
    ?assertEqual(
        {2, {<<"2">>, <<"2">>}}, twice(Mirror, get_fun(<<"a">>), Both, get_fun(<<"b">>))
    ).

changes(Mirror) ->
    lists:foreach(
        fun({Read, Change}) ->
            run(Mirror, [["flushall"], ["set", "a", "1"], ["zadd", "z", 1, "a"]]),
            ?assertMatch({Change, {2, _}}, {Change, twice(Mirror, Read, [Change], Read)})
        end,
        [
            {get_fun(<<"a">>), ["set", "a", "2"]},
            {get_fun(<<"a">>), ["del", "a"]},
            {get_fun(<<"missing">>), ["set", "missing", "1"]},
            {get_fun(<<"a">>), ["flushall"]},
            {get_fun(<<"a">>), ["swapdb", 0, 1]},
            {fun() -> eslaver_mirror:get({?M, 5}, <<"a">>) end, ["move", "a", 5]},
            {fun() -> eslaver_mirror:zscore(?M, <<"z">>, <<"a">>) end, ["zadd", "z", 2, "a"]},
            {fun() -> eslaver_mirror:sort_ro(?M, <<"z">>, #{by => <<"w_*">>, alpha => true}) end, [
                "set", "w_a", "1"
            ]}
        ]
    ).

no_changes(Mirror) ->
    run(Mirror, [["set", "a", "1"]]),
    Keys = [["set", ["other", integer_to_list(N)], "1"] || N <- lists:seq(1, 5)],
    Read = get_fun(<<"a">>),
    {Runs, {<<"1">>, <<"1">>}} = twice(Mirror, Read, Keys, Read),
    %% another key may share a lock
    ?assert(Runs =< 2),
    ?assertEqual(nothing, eslaver_mirror:read(?M, fun() -> nothing end)),
    ?assertEqual(<<"1">>, eslaver_mirror:read(?M, fun() -> eslaver_mirror:read(?M, Read) end)).

exceptions(Mirror) ->
    run(Mirror, [["set", "a", "1"]]),
    Last = fun() ->
        case eslaver_mirror:get(?M, <<"b">>) of
            undefined -> error(undefined);
            Value -> Value
        end
    end,
    Get = get_fun(<<"a">>),
    ?assertError(undefined, eslaver_mirror:read(?M, Last)),
    Change = [["set", "a", "2"], ["del", "b"]],
    ?assertError(undefined, twice(Mirror, Get, Change, Last)),
    run(Mirror, [["set", "b", "1"]]),
    ?assertEqual({1, {<<"2">>, <<"1">>}}, twice(Mirror, Get, [], Last)),
    ?assertEqual(undefined, get({eslaver_mirror_read, session, ?M})).

scan_in_transaction(Mirror) ->
    run(Mirror, [["set", ["k", integer_to_list(N)], "1"] || N <- lists:seq(1, 2000)]),
    Count = fun() -> eslaver_mirror:fold_keys(?M, fun(_, Sum) -> Sum + 1 end, 0) end,
    ?assertEqual(2000, Count()),
    ?assertEqual({1, {2000, 2000}}, twice(Mirror, Count, [["set", "k1", "2"]], Count)),
    ?assertEqual({2, {0, 0}}, twice(Mirror, Count, [["flushall"]], Count)).

%% Only what becomes of its own keys is of matter to a scan.
replaced(Mirror) ->
    Keys = [["set", ["k", integer_to_list(N)], "1"] || N <- lists:seq(1, 2000)],
    Scan = fun(When, Commands) ->
        run(Mirror, Keys),
        Meanwhile = fun(_Key, Count) ->
            _ = Count =:= When andalso run(Mirror, Commands),
            Count + 1
        end,
        eslaver_mirror:fold_keys(?M, Meanwhile, 1)
    end,
    [
        ?assertEqual({Commands, When, Result}, {Commands, When, Scan(When, Commands)})
     || {Commands, Result} <- [
            {[["flushdb"]], {error, replaced}},
            {[["flushall"]], {error, replaced}},
            {[["swapdb", 0, 1]], {error, replaced}},
            {[["swapdb", 1, 2]], 2001},
            {[["swapdb", 0, 1], ["swapdb", 0, 1]], 2001}
        ],
        When <- [1, 1000, 2000]
    ].

info(#{keyspace := Keyspace} = Mirror) ->
    run(Mirror, [["set", "a", binary:copy(<<"x">>, 1000)], ["rpush", "l", "a"]]),
    #{keys := 2, memory := Memory, types := Types} = eslaver_nif:keyspace_info(Keyspace),
    #{string := #{keys := 1, bytes := Bytes}, list := #{keys := 1}} = Types,
    ?assert(Bytes > 1000 andalso Bytes < 1100),
    ?assert(Memory > Bytes),
    run(Mirror, [["flushall"]]),
    ?assertMatch(
        #{keys := 0, types := None} when None =:= #{}, eslaver_nif:keyspace_info(Keyspace)
    ).

no_query(_Mirror) ->
    [
        ?assertError(badarg, eslaver_nif:keyspace_read(?M, 0, Query))
     || Query <- [
            {},
            get,
            {get},
            {get, a},
            {get, self()},
            {no_such_query, <<"a">>},
            {mget, [[[[[[<<"a">>]]]]]]},
            {mget, [<<"a">> | <<"b">>]}
        ]
    ].
