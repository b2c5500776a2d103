-module(eslaver_mirror_filter_tests).

-include_lib("eunit/include/eunit.hrl").

scope_test_() ->
    {ok, Filter} = eslaver_filter:parse([keys, dbs], #{keys => <<"in:*">>, dbs => [0, 1]}),
    [
        ?_assertEqual({Line, Expected}, {Line, scope(Line, Filter)})
     || {Line, Expected} <- [
            {"set in:a 1", whole},
            {"del in:a in:b", whole},
            {"del in:a out", {all_but, [<<"out">>]}},
            {"mset in:a 1 out 2", {all_but, [<<"out">>]}},
            {"rename in:a out", {all_but, [<<"out">>]}},
            {"rename out in:a", {all_but, [<<"out">>]}},
            {"move in:a 1", whole},
            {"move in:a 2", {all_but, [{2, <<"in:a">>}]}},
            {"sunionstore in:a in:b in:c", whole},
            {"sunionstore in:a in:b out", inputs_missing},
            {"copy out in:a", inputs_missing},
            {"sort in:a store in:b", whole},
            {"sort in:a by w_* store in:b", inputs_missing},
            {"function flush", whole}
        ]
    ].

no_filter_test() ->
    ?assertEqual(whole, scope("sunionstore a b c", undefined)).

dbs_only_test() ->
    {ok, Filter} = eslaver_filter:parse([keys, dbs], #{dbs => [0]}),
    ?assertEqual(whole, scope("sort a by w_* store b", Filter)),
    ?assert(eslaver_mirror_filter:has_dbs([0], Filter)),
    ?assertNot(eslaver_mirror_filter:has_dbs([0, 1], Filter)).

scope(Line, Filter) ->
    [Name | Args] = [list_to_binary(Word) || Word <- string:lexemes(Line, " ")],
    Keys = eslaver_keys:of_command(Name, Args, undefined),
    eslaver_mirror_filter:scope({Name, Args, 0}, Keys, Filter).
