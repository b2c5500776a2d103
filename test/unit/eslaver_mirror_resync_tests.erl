-module(eslaver_mirror_resync_tests).

-include_lib("eunit/include/eunit.hrl").

pauses(Times) ->
    New = eslaver_mirror_resync:new(),
    {Pauses, _} = lists:mapfoldl(fun eslaver_mirror_resync:next/2, New, Times),
    Pauses.

pauses_test_() ->
    [
        ?_assertEqual([0], pauses([5])),
        ?_assertEqual([0, 10000, 30000, 70000], pauses([0, 0, 0, 0])),
        ?_assertEqual([0, 9000, 0], pauses([0, 1000, 40000])),
        ?_assertEqual([0, 0, 0], pauses([0, 100001, 300001])),
        ?_assert(lists:all(fun(Gap) -> Gap =< 600000 end, gaps(pauses(lists:duplicate(20, 0))))),
        ?_assertEqual(600000, lists:last(gaps(pauses(lists:duplicate(20, 0)))))
    ].

shorter_pauses_test() ->
    New = eslaver_mirror_resync:new(100),
    {Pauses, _} = lists:mapfoldl(fun eslaver_mirror_resync:next/2, New, [0, 0, 0]),
    ?assertEqual([0, 100, 300], Pauses).

gaps([First | Rest] = Times) ->
    lists:zipwith(fun(Later, Earlier) -> Later - Earlier end, Rest, lists:droplast(Times)) ++
        [First || Rest =:= []].
