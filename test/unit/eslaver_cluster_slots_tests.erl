-module(eslaver_cluster_slots_tests).

-include_lib("eunit/include/eunit.hrl").

subtract_test_() ->
    [
        ?_assertEqual(Left, eslaver_cluster_slots:subtract(Ranges, Others))
     || {Ranges, Others, Left} <- [
            {[], [{0, 5}], []},
            {[{0, 5}], [], [{0, 5}]},
            {[{0, 5}], [{0, 5}], []},
            {[{0, 5}], [{6, 9}], [{0, 5}]},
            {[{3, 5}], [{0, 2}], [{3, 5}]},
            {[{0, 9}], [{3, 5}], [{0, 2}, {6, 9}]},
            {[{0, 9}], [{0, 5}], [{6, 9}]},
            {[{0, 9}], [{5, 20}], [{0, 4}]},
            {[{0, 9}], [{2, 2}, {4, 4}], [{0, 1}, {3, 3}, {5, 9}]}
        ]
    ].

overlap_test_() ->
    [
        ?_assertEqual(Expected, eslaver_cluster_slots:overlap(Ranges, Others))
     || {Ranges, Others, Expected} <- [
            {[], [{0, 1}], false},
            {[{0, 1}], [{1, 2}], true},
            {[{0, 1}], [{2, 3}], false},
            {[{0, 1}, {7, 9}], [{8, 8}], true}
        ]
    ].

union_test_() ->
    [
        ?_assertEqual(Expected, eslaver_cluster_slots:union(Ranges))
     || {Ranges, Expected} <- [
            {[], []},
            {[{3, 4}, {0, 1}], [{0, 1}, {3, 4}]},
            {[{2, 4}, {0, 1}], [{0, 4}]},
            {[{0, 9}, {3, 4}, {10, 10}], [{0, 10}]}
        ]
    ].

count_test() ->
    ?assertEqual(0, eslaver_cluster_slots:count([])),
    ?assertEqual(8, eslaver_cluster_slots:count([{0, 5}, {8, 9}])).
