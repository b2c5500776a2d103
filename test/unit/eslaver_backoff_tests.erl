%% The pauses between tries.
-module(eslaver_backoff_tests).

-include_lib("eunit/include/eunit.hrl").

pauses(Count) ->
    pauses(Count, eslaver_backoff:new()).

pauses(0, _Backoff) ->
    [];
pauses(Count, Backoff) ->
    {Pause, Next} = eslaver_backoff:next(Backoff),
    [Pause | pauses(Count - 1, Next)].

grow_to_a_limit_test() ->
    [First | _] = Pauses = pauses(20),
    ?assert(First > 50 andalso First =< 100),
    ?assert(lists:last(Pauses) > 5000),
    ?assert(lists:max(Pauses) =< 10000).

each_is_longer_than_half_of_the_last_bound_test() ->
    Bounds = [100, 200, 400, 800, 1600, 3200, 6400, 10000, 10000],
    [
        ?assert(Pause > Bound div 2 andalso Pause =< Bound)
     || {Pause, Bound} <- lists:zip(pauses(length(Bounds)), Bounds)
    ].

are_not_the_same_for_everybody_test() ->
    ?assert(length(lists:usort([hd(pauses(1)) || _ <- lists:seq(1, 100)])) > 10).

quick_grows_to_a_second_test() ->
    Bounds = [100, 200, 400, 800, 1000, 1000],
    Last = lists:foldl(
        fun(Bound, Backoff) ->
            {Pause, Next} = eslaver_backoff:quick(Backoff),
            ?assert(Pause > Bound div 2 - 1 andalso Pause =< Bound),
            Next
        end,
        eslaver_backoff:new(),
        Bounds
    ),
    ?assertMatch({Pause, _} when Pause =< 1000, eslaver_backoff:next(Last)),
    %% also after pauses that were long, and will be again
    {_, Long} = eslaver_backoff:slow(),
    {Short, Still} = eslaver_backoff:quick(Long),
    ?assert(Short =< 1000),
    ?assertMatch({Pause, _} when Pause > 5000, eslaver_backoff:next(Still)).

slow_is_long_at_once_test() ->
    {Pause, Next} = eslaver_backoff:slow(),
    ?assert(Pause > 5000 andalso Pause =< 10000),
    {Again, _} = eslaver_backoff:next(Next),
    ?assert(Again > 5000 andalso Again =< 10000).

slowest_grows_to_minutes_test() ->
    Bounds = [10000, 20000, 40000, 80000, 160000, 320000, 600000, 600000],
    lists:foldl(
        fun(Bound, Backoff) ->
            {Pause, Next} = eslaver_backoff:slowest(Backoff),
            ?assert(Pause > Bound div 2 andalso Pause =< Bound),
            Next
        end,
        eslaver_backoff:new(),
        Bounds
    ).

minutes_are_for_what_costs_a_snapshot_alone_test() ->
    {_, One} = eslaver_backoff:slowest(eslaver_backoff:new()),
    {_, Long} = eslaver_backoff:slowest(One),
    {Pause, _} = eslaver_backoff:next(Long),
    ?assert(Pause =< 10000).

%% After failures in a row, each in a life of its own.
restart_test_() ->
    Ranges = [
        {1, false, 50, 100},
        {2, false, 5000, 10000},
        {3, false, 10000, 20000},
        {8, false, 300000, 600000},
        {1000, false, 300000, 600000},
        {1, true, 50, 100},
        {2, true, 100, 200},
        {8, true, 5000, 10000},
        {1000, true, 5000, 10000}
    ],
    [
        ?_assertMatch(
            {_, []},
            {
                {Count, HasPosition},
                [
                    Pause
                 || _ <- lists:seq(1, 100),
                    Pause <- [eslaver_backoff:restart(Count, HasPosition)],
                    Pause =< Least orelse Pause > Most
                ]
            }
        )
     || {Count, HasPosition, Least, Most} <- Ranges
    ].
