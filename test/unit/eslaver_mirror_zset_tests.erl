%% What differs between servers or is refused, and is therefore beyond what can be compared with
%% one.
-module(eslaver_mirror_zset_tests).

-include_lib("eunit/include/eunit.hrl").

-define(MIRROR, ?MODULE).
-define(KEY, <<"key">>).

mirror_test_() ->
    {foreach, local, fun start/0, fun eslaver_test_keyspace:close/1, [
        fun(Mirror) -> {Name, fun() -> Test(Mirror) end} end
     || {Name, Test} <- [
            {"a range of names is removed where scores are equal", fun names/1},
            {"and where they differ, but names are in order", fun names_in_order/1},
            {"or not at all where that depends on the server", fun uncertain/1},
            {"a negative offset depends on the server", fun offset/1},
            {"a sum that is no number is none of a master's", fun no_number/1},
            {"infinite scores are ordered and copied", fun infinite/1},
            {"a scan finds what keeps its score", fun scan/1},
            {"options that are none", fun options/1}
        ]
    ]}.

start() ->
    eslaver_test_keyspace:new(?MIRROR).

run(Mirror, Commands) ->
    eslaver_test_keyspace:run_all(Mirror, Commands).

members() ->
    eslaver_mirror:zrange(?MIRROR, ?KEY, 0, -1).

names(Mirror) ->
    run(Mirror, [
        ["zadd", ?KEY, "0", "a", "0", "b", "0", "c", "0", "d"],
        ["zremrangebylex", ?KEY, "(a", "[c"]
    ]),
    ?assertEqual([<<"a">>, <<"d">>], members()).

names_in_order(Mirror) ->
    run(Mirror, [
        ["zadd", ?KEY, "1", "a", "2", "b", "3", "c", "4", "d"],
        ["zremrangebylex", ?KEY, "[b", "(d"]
    ]),
    ?assertEqual([<<"a">>, <<"d">>], members()).

uncertain(Mirror) ->
    run(Mirror, [["zadd", ?KEY, "1", "c", "2", "a", "3", "b"]]),
    ?assertError(_, run(Mirror, [["zrangestore", "to", ?KEY, "[b", "[c", "bylex"]])),
    ?assertEqual([<<"c">>, <<"a">>, <<"b">>], members()),
    ?assertError(_, run(Mirror, [["zremrangebylex", ?KEY, "[b", "[c"]])),
    ?assertEqual({error, unknown}, members()).

offset(Mirror) ->
    run(Mirror, [["zadd", ?KEY, "1", "a", "2", "b"]]),
    Store = ["zrangestore", "to", ?KEY, "1", "2", "byscore", "limit", "-1", "1"],
    ?assertError(_, run(Mirror, [Store])),
    run(Mirror, [["zrangestore", ?KEY, ?KEY, "3", "4", "byscore", "limit", "-1", "1"]]),
    ?assertEqual(0, eslaver_mirror:zcard(?MIRROR, ?KEY)).

no_number(Mirror) ->
    run(Mirror, [["zadd", ?KEY, "inf", "a"]]),
    ?assertError(_, run(Mirror, [["zincrby", ?KEY, "-inf", "a"]])),
    ?assertEqual({error, unknown}, eslaver_mirror:zscore(?MIRROR, ?KEY, <<"a">>)).

infinite(Mirror) ->
    Members = [{<<"low">>, '-inf'}, {<<"a">>, -1.0e308}, {<<"b">>, 1.0e308}, {<<"top">>, inf}],
    run(Mirror, [
        ["zadd", ?KEY, "inf", "top", "1e308", "b", "-1e308", "a", "-inf", "low"],
        ["copy", ?KEY, "copy"]
    ]),
    run(Mirror, [["zrem", ?KEY, "low", "top"]]),
    ?assertEqual([<<"a">>, <<"b">>], members()),
    Scores = #{with_scores => true},
    ?assertEqual(Members, eslaver_mirror:zrange(?MIRROR, <<"copy">>, 0, -1, Scores)),
    ?assertEqual(
        [<<"low">>, <<"a">>, <<"b">>],
        eslaver_mirror:zrangebyscore(?MIRROR, <<"copy">>, '-inf', {exclusive, inf})
    ),
    ?assertEqual(3, eslaver_mirror:zcount(?MIRROR, <<"copy">>, {exclusive, '-inf'}, inf)).

scan(Mirror) ->
    Many = lists:append([
        [integer_to_binary(N rem 7), integer_to_binary(N)]
     || N <- lists:seq(1, 100)
    ]),
    run(Mirror, [["zadd", ?KEY | Many]]),
    {Cursor, First} = eslaver_mirror:zscan(?MIRROR, ?KEY, 0, #{count => 30}),
    {Gone, _} = lists:last(First),
    run(Mirror, [["zrem", ?KEY, Gone], ["zadd", ?KEY, "0", "new"]]),
    {Next, Second} = eslaver_mirror:zscan(?MIRROR, ?KEY, Cursor, #{count => 30}),
    {0, Last} = eslaver_mirror:zscan(?MIRROR, ?KEY, Next, #{count => 50}),
    ?assertEqual(100, length(lists:usort(First ++ Second ++ Last))).

options(_Mirror) ->
    [
        ?assertError(badarg, Call())
     || Call <- [
            fun() -> eslaver_mirror:zrange(?MIRROR, ?KEY, a, b) end,
            fun() -> eslaver_mirror:zrange(?MIRROR, ?KEY, 0, 1, #{rev => yes}) end,
            fun() -> eslaver_mirror:zrange(?MIRROR, ?KEY, 0, 1, #{limit => {0, 1}}) end,
            fun() -> eslaver_mirror:zrange(?MIRROR, ?KEY, 0, 1, #{withscores => true}) end,
            fun() -> eslaver_mirror:zrangebyscore(?MIRROR, ?KEY, 0, nan) end,
            fun() -> eslaver_mirror:zrangebylex(?MIRROR, ?KEY, <<"a">>, '+') end,
            fun() -> eslaver_mirror:zunion(?MIRROR, [?KEY], #{weights => [1, 2]}) end,
            fun() -> eslaver_mirror:zunion(?MIRROR, [?KEY], #{aggregate => avg}) end,
            fun() -> eslaver_mirror:zscan(?MIRROR, ?KEY, -1) end,
            fun() -> eslaver_mirror:lpos(?MIRROR, ?KEY, <<"a">>, #{rank => 0}) end
        ]
    ].
