-module(eslaver_mirror_sort_tests).

-include_lib("eunit/include/eunit.hrl").

-define(LIST, [<<"10">>, <<"9">>, <<"2.5">>, <<"9">>]).

pattern_test_() ->
    [
        ?_assertEqual(Parsed, eslaver_mirror_sort:pattern(Pattern))
     || {Pattern, Parsed} <- [
            {<<"#">>, self},
            {<<"w">>, nothing},
            {<<"w_*">>, {<<"w_">>, <<>>, value}},
            {<<"*_w*">>, {<<>>, <<"_w*">>, value}},
            {<<"h_*->f">>, {<<"h_">>, <<>>, <<"f">>}},
            {<<"h_*x->f->g">>, {<<"h_">>, <<"x">>, <<"f->g">>}},
            {<<"a->*->">>, {<<"a->">>, <<"->">>, value}}
        ]
    ].

order_test_() ->
    [
        ?_assertEqual(Sorted, run(list, ?LIST, Options))
     || {Options, Sorted} <- [
            {#{}, [<<"2.5">>, <<"9">>, <<"9">>, <<"10">>]},
            {#{order => desc}, [<<"10">>, <<"9">>, <<"9">>, <<"2.5">>]},
            {#{alpha => true}, [<<"10">>, <<"2.5">>, <<"9">>, <<"9">>]},
            {#{by => nothing}, ?LIST},
            {#{by => nothing, order => desc, limit => {1, 2}}, [<<"2.5">>, <<"9">>]},
            {#{limit => {1, 2}}, [<<"9">>, <<"9">>]},
            {#{limit => {-3, 1}}, [<<"2.5">>]},
            {#{limit => {4, 1}}, []},
            {#{limit => {3, -1}}, [<<"10">>]},
            {#{limit => {0, 0}}, []},
            {#{by => {<<"w_">>, <<>>, value}}, [<<"2.5">>, <<"9">>, <<"9">>, <<"10">>]},
            {#{get => [self, {<<"w_">>, <<>>, value}, nothing], limit => {2, 2}}, [
                <<"9">>,
                <<"-1">>,
                undefined,
                <<"10">>,
                undefined,
                undefined
            ]}
        ]
    ].

%% What the server leaves open is not stored.
open_test_() ->
    Open = #{by => {<<"none_">>, <<>>, value}, alpha => true, certain => true},
    [
        ?_assertError(undefined_order, run(list, ?LIST, Open)),
        ?_assertEqual([<<"9">>, <<"9">>], run(list, [<<"9">>, <<"9">>], Open)),
        ?_assertEqual(
            [<<"a">>, <<"b">>], run(set, [<<"b">>, <<"a">>], #{by => nothing, certain => true})
        ),
        ?_assertError({not_a_number, <<"x">>}, run(list, [<<"x">>], #{}))
    ].

run(Type, Elements, Options) ->
    Fetch = fun
        (Start, Count, asc) -> lists:sublist(Elements, Start + 1, Count);
        (Start, Count, desc) -> lists:sublist(lists:reverse(Elements), Start + 1, Count)
    end,
    Lookup = fun
        (<<"w_9">>, value) -> <<"-1">>;
        (<<"w_2.5">>, value) -> <<"-2">>;
        (_, _) -> undefined
    end,
    Source = {Type, length(Elements), Fetch},
    eslaver_mirror_sort:run(Source, maps:merge(eslaver_mirror_sort:new(), Options), Lookup).
