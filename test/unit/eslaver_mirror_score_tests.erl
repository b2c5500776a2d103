%% Scores as servers read them, and their arithmetic, which no Erlang float has.
-module(eslaver_mirror_score_tests).

-include_lib("eunit/include/eunit.hrl").

-import(eslaver_mirror_score, [parse/1, from_term/1, to_term/1, combine/3]).

parse_test_() ->
    [
        {Text, ?_assertEqual(Score, to_term(parse(list_to_binary(Text))))}
     || {Text, Score} <- [
            {"0", 0.0},
            {"-0", 0.0},
            {"3", 3.0},
            {"+3", 3.0},
            {"-3.5", -3.5},
            {".5", 0.5},
            {"5.", 5.0},
            {"1e3", 1000.0},
            {"1E+3", 1000.0},
            {"-.5e-3", -0.0005},
            {"9007199254740993", 9007199254740992.0},
            {"0.30000000000000004", 0.30000000000000004},
            {"12345678901234567890123456789012345678901234567890", 1.2345678901234567e49},
            {"1.7976931348623157e308", 1.7976931348623157e308},
            {"1e400", inf},
            {"-1e400", '-inf'},
            {"1.7976931348623159e308", inf},
            {"1e-400", 0.0},
            {"5e-324", 5.0e-324},
            {"inf", inf},
            {"+inf", inf},
            {"-INF", '-inf'},
            {"Infinity", inf},
            {"0x1p3", 8.0},
            {"0X10", 16.0},
            {"-0x.8", -0.5},
            {"0x1.8p-1074", 1.0e-323},
            {"0x1p1024", inf},
            {"", 0.0},
            {" 7", 7.0}
        ]
    ].

%% What is no number raises, since a master that had it has not succeeded.
no_number_test_() ->
    [
        {Text, ?_assertError(_, parse(list_to_binary(Text)))}
     || Text <- ["nan", "infi", "1e", "1e+", "1d", "0x", ".", "1_0", "5 ", "--1"]
    ].

%% The order of terms is that of scores.
order_test() ->
    Scores = ['-inf', -1.7976931348623157e308, -1.0, 0.0, 5.0e-324, 1.7976931348623157e308, inf],
    Inside = [from_term(Score) || Score <- Scores],
    ?assertEqual(Inside, lists:sort(Inside)),
    ?assertEqual(Scores, [to_term(Score) || Score <- lists:sort(lists:reverse(Inside))]).

arithmetic_test_() ->
    Terms = fun
        (nan) -> nan;
        (Score) -> to_term(Score)
    end,
    Of = fun(Fun, A, B) -> Terms(Fun(from_term(A), from_term(B))) end,
    Max = 1.7976931348623157e308,
    [
        ?_assertEqual(0.30000000000000004, Of(fun eslaver_mirror_score:add/2, 0.1, 0.2)),
        ?_assertEqual(inf, Of(fun eslaver_mirror_score:add/2, Max, Max)),
        ?_assertEqual('-inf', Of(fun eslaver_mirror_score:add/2, -Max, -Max)),
        ?_assertEqual(inf, Of(fun eslaver_mirror_score:add/2, inf, -Max)),
        ?_assertEqual('-inf', Of(fun eslaver_mirror_score:add/2, 1.0, '-inf')),
        ?_assertEqual(inf, Of(fun eslaver_mirror_score:add/2, inf, inf)),
        ?_assertEqual(nan, Of(fun eslaver_mirror_score:add/2, inf, '-inf')),
        ?_assertEqual(inf, Of(fun eslaver_mirror_score:multiply/2, -Max, -2)),
        ?_assertEqual('-inf', Of(fun eslaver_mirror_score:multiply/2, inf, -2)),
        ?_assertEqual(inf, Of(fun eslaver_mirror_score:multiply/2, '-inf', '-inf')),
        ?_assertEqual(nan, Of(fun eslaver_mirror_score:multiply/2, 0, '-inf')),
        ?_assertEqual(0.0, combine(sum, from_term(inf), from_term('-inf'))),
        ?_assertEqual(0.0, combine(sum, 5.0, nan)),
        ?_assertEqual(5.0, combine(max, 5.0, nan)),
        ?_assertEqual(inf, combine(max, 5.0, inf)),
        ?_assertEqual(5.0, combine(min, 5.0, inf))
    ].
