-module(eslaver_prometheus_tests).

-include_lib("eunit/include/eunit.hrl").

text_test() ->
    ?assertEqual(
        <<
            "# HELP lag Bytes.\n"
            "# TYPE lag gauge\n"
            "lag{name=\"a\"} 1\n"
            "lag{name=\"b\"} 0.25\n"
        >>,
        eslaver_prometheus:text([
            {"none", gauge, "Nothing.", []},
            {"lag", gauge, "Bytes.", [{[{name, <<"b">>}], 0.25}, {[{name, <<"a">>}], 1}]}
        ])
    ).

nothing_test() ->
    ?assertEqual(<<>>, eslaver_prometheus:text([])).

%% What means something there, in a label and in the help, is read back as it was.
escapes_test() ->
    Odd = <<"a\\b\"c\nd{e}=,é \\n"/utf8>>,
    Text = eslaver_prometheus:text([{"x", gauge, "One \\ \n \" é.", [{[{name, Odd}], 1}]}]),
    ?assertEqual(
        #{
            <<"x">> => #{
                help => <<"One \\ \n \" é."/utf8>>,
                type => gauge,
                samples => #{#{<<"name">> => Odd} => 1}
            }
        },
        eslaver_test_prometheus:parse(Text)
    ).

%% Text that is not UTF-8, as of a damaged node's id, breaks no other sample.
no_utf8_test() ->
    Samples = [{[{shard, <<"a", 255>>}], 1}],
    Text = eslaver_prometheus:text([{"x", gauge, "X.", Samples}]),
    ?assertMatch(
        #{<<"x">> := #{samples := #{#{<<"shard">> => <<"aÿ"/utf8>>} := 1}}},
        eslaver_test_prometheus:parse(Text)
    ).

duplicates_test() ->
    Samples = [{[{name, <<"a">>}], 1}, {[{name, <<"b">>}], 2}, {[{name, <<"a">>}], 3}],
    #{<<"x">> := #{samples := Read}} =
        eslaver_test_prometheus:parse(eslaver_prometheus:text([{"x", gauge, "X.", Samples}])),
    ?assertEqual(#{#{<<"name">> => <<"a">>} => 1, #{<<"name">> => <<"b">>} => 2}, Read).

numbers_test() ->
    lists:foreach(
        fun(Number) ->
            Text = eslaver_prometheus:text([{"x", gauge, "X.", [{[], Number}]}]),
            ?assertEqual(
                Number,
                eslaver_test_prometheus:value(<<"x">>, #{}, eslaver_test_prometheus:parse(Text))
            )
        end,
        [0, -1, 1 bsl 62, 0.001, 1.0e-7, 123456789.5, 1.5e300]
    ).

%% The parser that the tests rely on.
strict_parser_test_() ->
    [
        ?_assertError(_, eslaver_test_prometheus:parse(Bad))
     || Bad <- [
            <<>>,
            <<"x 1\n">>,
            <<"# HELP x X.\n# TYPE x gauge\nx 1">>,
            <<"# HELP x X.\n# TYPE x gauge\n">>,
            <<"# HELP x X.\n# TYPE x thing\nx 1\n">>,
            <<"# HELP x X.\n# TYPE x counter\nx 1\n">>,
            <<"# HELP x X.\n# TYPE x gauge\ny 1\n">>,
            <<"# HELP x X.\n# TYPE x gauge\nx 1\nx 2\n">>,
            <<"# HELP x X.\n# TYPE x gauge\nx one\n">>,
            <<"# HELP x X.\n# TYPE x gauge\nx{a=\"\\t\"} 1\n">>,
            <<"# HELP x X.\n# TYPE x gauge\nx{a=\"1\",a=\"1\"} 1\n">>,
            <<"# HELP x X.\n# TYPE x gauge\nx{a-b=\"1\"} 1\n">>,
            <<"# HELP x X.\n# TYPE x gauge\nx{a=\"", 255, "\"} 1\n">>,
            <<"# HELP x X.\n# TYPE x gauge\nx 1\n# HELP x X.\n# TYPE x gauge\nx{a=\"b\"} 1\n">>
        ]
    ].
