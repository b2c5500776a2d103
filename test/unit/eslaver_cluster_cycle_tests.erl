-module(eslaver_cluster_cycle_tests).

-include_lib("eunit/include/eunit.hrl").

find_test_() ->
    [
        ?_assertEqual([], eslaver_cluster_cycle:find(#{})),
        ?_assertEqual([], eslaver_cluster_cycle:find(#{a => [b, c], b => [c]})),
        ?_assertEqual([{a, a}], eslaver_cluster_cycle:find(#{a => [a]})),
        ?_assertEqual([{a, b}, {b, a}], eslaver_cluster_cycle:find(#{a => [b], b => [a]})),
        ?_assertEqual(
            [{b, c}, {c, d}, {d, b}],
            eslaver_cluster_cycle:find(#{a => [b], b => [e, c], c => [d], d => [e, b]})
        )
    ].
