%% Loads: what is said of one while it goes on.
-module(eslaver_progress_tests).

-include_lib("eunit/include/eunit.hrl").

timer() ->
    receive
        {timeout, Timer, eslaver_progress} -> Timer
    after 5000 -> error(no_timer)
    end.

says_how_far_it_is_test() ->
    Load = eslaver_progress:start(1000, 10),
    {Said, Next} = eslaver_progress:report(timer(), {250, 7}, Load),
    ?assertMatch(
        #{
            percent := 25,
            total := 1000,
            bytes := 250,
            keys := 7,
            keys_per_second := _,
            bytes_per_second := _
        },
        Said
    ),
    %% And again, until it is done.
    {#{percent := 50}, Last} = eslaver_progress:report(timer(), {500, 9}, Next),
    Timer = timer(),
    {_, Done} = eslaver_progress:finish(#{bytes => 1000, keys => 10}, Last),
    ?assertMatch({none, _}, eslaver_progress:report(Timer, {1000, 10}, Done)).

no_size_no_percent_test() ->
    Load = eslaver_progress:start(undefined, 10),
    {Said, _} = eslaver_progress:report(timer(), {250, 7}, Load),
    ?assertNot(is_map_key(percent, Said)).

not_by_the_timer_of_another_test() ->
    _ = eslaver_progress:start(1000, 10),
    ?assertMatch(
        {none, _}, eslaver_progress:report(timer(), {1, 1}, eslaver_progress:start(1000, 10))
    ),
    ?assertMatch(
        {none, _}, eslaver_progress:report(make_ref(), {1, 1}, eslaver_progress:none())
    ).

sentences_test_() ->
    Counted = #{keys => 3, bytes => 4, keys_per_second => 5, replica => r, master => "m"},
    Of = "eslaver, replica r, master m: ",
    [
        ?_assertEqual(Of ++ Text, lists:flatten(io_lib:format(Format, Args)))
     || {Report, Text} <- [
            {#{percent => 42}, "snapshot loading, 42 %, 3 keys, 5 keys/s"},
            {#{}, "snapshot loading, 4 bytes, 3 keys, 5 keys/s"}
        ],
        {Format, Args} <- [
            eslaver_log:format(maps:merge(Counted, Report#{what => loading}))
        ]
    ].
