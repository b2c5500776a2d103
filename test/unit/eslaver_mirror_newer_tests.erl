%% The newest types and commands of a mirror, beyond what random commands show of them on a server:
%% values of snapshots, what reads make of wrong arguments, and the rows that are left. What Redis
%% 8.12 has in addition (ZMOVE, ARLASTITEMS over gaps), and GCRA, was read in its sources: there is
%% no such server at hand.
-module(eslaver_mirror_newer_tests).

-include_lib("eunit/include/eunit.hrl").

-define(KEY, <<"k">>).
-define(LAST, 16#FFFFFFFFFFFFFFFE).

newer_test_() ->
    eslaver_test_keyspace:tests(?MODULE, [
        {"the last of an array, 8.10", {8, 10}, fun last_8_10/1},
        {"the last of an array, 8.12", {8, 12}, fun last_8_12/1},
        {"arguments of reads of arrays", {8, 10}, fun array_arguments/1},
        {"a vector that is replaced", {8, 10}, fun vector_replaced/1},
        {"members of sorted sets that move", {8, 12}, fun moved/1},
        {"a rate limit", {8, 12}, fun rate_limit/1}
    ]).

run(Mirror, Commands) ->
    eslaver_test_keyspace:run_all(Mirror, Commands).

%% Arrays.

%% Of indexes 0, 1 and 5, with the cursor behind.
tail(Mirror) ->
    run(Mirror, [["armset", ?KEY, 0, "a", 1, "b", 5, "c"], ["arseek", ?KEY, 10]]),
    [
        eslaver_mirror:arlastitems(?MODULE, ?KEY, Count, Options)
     || {Count, Options} <- [{2, #{}}, {100, #{rev => true}}, {0, #{}}, {-1, #{}}]
    ].

last_8_10(Mirror) ->
    Nothing = [undefined, undefined, undefined],
    ?assertEqual([tl(Nothing), Nothing, [], []], tail(Mirror)),
    run(Mirror, [["arseek", ?KEY, 0]]),
    ?assertEqual(
        [undefined, undefined, <<"c">>], eslaver_mirror:arlastitems(?MODULE, ?KEY, 100)
    ).

last_8_12(Mirror) ->
    All = [<<"c">>, undefined, undefined, undefined, <<"b">>, <<"a">>],
    ?assertEqual([[undefined, <<"c">>], All, [], []], tail(Mirror)),
    run(Mirror, [["arseek", ?KEY, 2]]),
    ?assertEqual([<<"c">>, <<"a">>, <<"b">>], eslaver_mirror:arlastitems(?MODULE, ?KEY, 3)),
    run(Mirror, [["arset", ?KEY, ?LAST, "z"]]),
    ?assertEqual(
        {error, range_too_large}, eslaver_mirror:arlastitems(?MODULE, ?KEY, 1_000_001)
    ).

array_arguments(Mirror) ->
    run(Mirror, [["arset", ?KEY, 0, "Ab", "b", "3", "4.5"], ["set", "string", "x"]]),
    M = ?MODULE,
    [
        ?assertError(badarg, Read())
     || Read <- [
            fun() -> eslaver_mirror:arget(M, ?KEY, -1) end,
            fun() -> eslaver_mirror:arget(M, ?KEY, ?LAST + 1) end,
            fun() -> eslaver_mirror:arget(M, ?KEY, <<"0">>) end,
            fun() -> eslaver_mirror:armget(M, ?KEY, [0, last]) end,
            fun() -> eslaver_mirror:argetrange(M, ?KEY, 0, -1) end,
            fun() -> eslaver_mirror:arlastitems(M, ?KEY, 1, #{reverse => true}) end,
            fun() -> eslaver_mirror:argrep(M, ?KEY, '-', '+', #{}) end,
            fun() -> eslaver_mirror:argrep(M, ?KEY, '-', last, #{exact => [<<"a">>]}) end,
            fun() -> eslaver_mirror:argrep(M, ?KEY, '-', '+', #{exact => [a]}) end,
            fun() -> eslaver_mirror:argrep(M, ?KEY, '-', '+', #{exact => [<<>>], limit => 0}) end,
            fun() -> eslaver_mirror:argrep(M, ?KEY, '-', '+', #{re => [<<"a">>]}) end,
            fun() -> eslaver_mirror:arop(M, ?KEY, 0, 1, mean) end
        ]
    ],
    ?assertEqual(
        {error, range_too_large}, eslaver_mirror:argetrange(M, ?KEY, 0, 1_000_000)
    ),
    ?assertEqual(1_000_000, length(eslaver_mirror:argetrange(M, <<"none">>, 1, 1_000_000))),
    Grep = #{exact => [<<"AB">>], match => [<<"B">>], combine => 'and', nocase => true},
    ?assertEqual([0], eslaver_mirror:argrep(M, ?KEY, '-', '+', Grep)),
    ?assertEqual([], eslaver_mirror:argrep(M, <<"none">>, '-', '+', Grep)),
    ?assertEqual(
        [7.5, 3.0, 4.5, 4, 7, 3, undefined],
        [
            eslaver_mirror:arop(M, ?KEY, From, To, Operation)
         || {From, To, Operation} <- [
                {0, 3, sum},
                {2, 3, min},
                {0, 3, max},
                {0, 3, used},
                {0, 3, 'or'},
                {2, 0, sum},
                {0, 1, sum}
            ]
        ]
    ),
    ?assertEqual(undefined, eslaver_mirror:arop(M, <<"none">>, 0, 1, sum)),
    ?assertEqual(0, eslaver_mirror:arop(M, <<"none">>, 0, 1, used)),
    ?assertEqual(
        [undefined, 0, 0, undefined, []],
        [
            eslaver_mirror:arget(M, <<"none">>, 1),
            eslaver_mirror:arlen(M, <<"none">>),
            eslaver_mirror:arnext(M, <<"none">>),
            eslaver_mirror:arinfo(M, <<"none">>),
            eslaver_mirror:arlastitems(M, <<"none">>, 3)
        ]
    ),
    ?assertEqual({error, wrongtype}, eslaver_mirror:arget(M, <<"string">>, 1)),
    ?assertEqual({error, wrongtype}, eslaver_mirror:armget(M, <<"string">>, [1])).

%% Vector sets.

%% A master sends no new vector of an element; if one comes, it is taken, as a replica does.
vector_replaced(Mirror) ->
    run(Mirror, [
        ["vadd", ?KEY, "VALUES", 2, 3, 4, "a", "NOQUANT", "SETATTR", "x"],
        ["vadd", ?KEY, "VALUES", 2, 6, 8, "a", "NOQUANT"]
    ]),
    ?assertEqual({f32, 10.0}, kind_and_length()),
    ?assertEqual(<<"x">>, eslaver_mirror:vgetattr(?MODULE, ?KEY, <<"a">>)),
    run(Mirror, [["vadd", ?KEY, "VALUES", 2, 3, 4, "a", "NOQUANT", "SETATTR", ""]]),
    ?assertEqual({f32, 5.0}, kind_and_length()),
    ?assertMatch(#{size := 1, attributes_count := 0}, eslaver_mirror:vinfo(?MODULE, ?KEY)),
    %% to a new element a master gives an empty attribute, if it is told to
    run(Mirror, [["vadd", ?KEY, "VALUES", 2, 3, 4, "b", "NOQUANT", "SETATTR", ""]]),
    ?assertEqual(<<>>, eslaver_mirror:vgetattr(?MODULE, ?KEY, <<"b">>)),
    ?assertMatch(#{size := 2, attributes_count := 1}, eslaver_mirror:vinfo(?MODULE, ?KEY)),
    run(Mirror, [["copy", ?KEY, "one"], ["copy", ?KEY, "other"]]),
    ?assertError(_, run(Mirror, [["vadd", "one", "VALUES", 3, 3, 4, 5, "c", "NOQUANT"]])),
    ?assertError(_, run(Mirror, [["vadd", "other", "FP32", <<1, 2, 3>>, "c", "NOQUANT"]])),
    ?assertEqual({error, unknown}, eslaver_mirror:vcard(?MODULE, <<"one">>)),
    run(Mirror, [["vrem", ?KEY, "b"], ["vrem", ?KEY, "a"]]),
    ?assertNot(eslaver_mirror:exists(?MODULE, ?KEY)),
    ?assertEqual(
        [0, undefined, undefined, false, undefined, undefined, [], undefined, []],
        [
            eslaver_mirror:vcard(?MODULE, ?KEY),
            eslaver_mirror:vdim(?MODULE, ?KEY),
            eslaver_mirror:vinfo(?MODULE, ?KEY),
            eslaver_mirror:vismember(?MODULE, ?KEY, <<"a">>),
            eslaver_mirror:vgetattr(?MODULE, ?KEY, <<"a">>),
            eslaver_mirror:vemb(?MODULE, ?KEY, <<"a">>),
            eslaver_mirror:vrange(?MODULE, ?KEY, '-', '+'),
            eslaver_mirror:vrandmember(?MODULE, ?KEY),
            eslaver_mirror:vrandmember(?MODULE, ?KEY, 3)
        ]
    ).

kind_and_length() ->
    {Kind, _, L2, _} = eslaver_mirror:vemb(?MODULE, ?KEY, <<"a">>, #{raw => true}),
    {Kind, L2}.

%% Redis 8.12.

moved(Mirror) ->
    run(Mirror, [
        ["zadd", ?KEY, 1, "a", 2, "b", 3, "c", 4, "d"],
        ["zadd", "to", 9, "b"],
        ["zmove", ?KEY, "to", "MIN"],
        ["bzmove", ?KEY, "new", "max", 0],
        ["zmovemember", ?KEY, "to", "b"],
        ["zmove", ?KEY, ?KEY, "MIN"]
    ]),
    Members = fun(Key) -> eslaver_mirror:zrange(?MODULE, Key, 0, -1, #{with_scores => true}) end,
    ?assertEqual([{<<"a">>, 1.0}, {<<"b">>, 2.0}], Members(<<"to">>)),
    ?assertEqual([{<<"d">>, 4.0}], Members(<<"new">>)),
    ?assertEqual([{<<"c">>, 3.0}], Members(?KEY)),
    run(Mirror, [["zmove", ?KEY, "new", "MAX"]]),
    ?assertNot(eslaver_mirror:exists(?MODULE, ?KEY)),
    ?assertError(_, run(Mirror, [["zmovemember", "to", "new", "x"]])),
    ?assertError(_, run(Mirror, [["zmove", "none", "new", "MIN"]])).

rate_limit(Mirror) ->
    At = (erlang:system_time(millisecond) + 100_000) * 1000 + 7,
    run(Mirror, [["gcrasetvalue", ?KEY, At]]),
    ?assertEqual(gcra, eslaver_mirror:type(?MODULE, ?KEY)),
    ?assertEqual(At, eslaver_mirror:gcra(?MODULE, ?KEY)),
    ?assertEqual(At div 1000, eslaver_mirror:pexpiretime(?MODULE, ?KEY)),
    ?assertEqual({error, wrongtype}, eslaver_mirror:get(?MODULE, ?KEY)),
    run(Mirror, [["copy", ?KEY, "h"], ["del", ?KEY]]),
    ?assertEqual(At, eslaver_mirror:gcra(?MODULE, <<"h">>)),
    ?assertEqual(undefined, eslaver_mirror:gcra(?MODULE, ?KEY)).
