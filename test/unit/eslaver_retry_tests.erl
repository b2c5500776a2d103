%% When to try again, and how loud: a table of what went wrong.
-module(eslaver_retry_tests).

-include_lib("eunit/include/eunit.hrl").

wrong(Reason) ->
    #{reason => Reason, text => <<"text">>}.

levels_test_() ->
    %% reason, whether the link was up, level at first, and again
    Table = [
        {cannot_connect, false, warning, quiet},
        {wrong_password, false, warning, quiet},
        {replica, false, warning, quiet},
        {master, false, warning, quiet},
        {behind, false, notice, quiet},
        {empty_master, false, warning, quiet},
        {closed, true, notice, notice},
        {timeout, true, notice, notice},
        {io_error, true, notice, notice},
        {bad_snapshot, true, error, error}
    ],
    [
        ?_test(begin
            {_, First, Next} = eslaver_retry:down(wrong(Reason), true, WasUp, eslaver_retry:new()),
            {_, Again, _} = eslaver_retry:down(wrong(Reason), true, WasUp, Next),
            ?assertEqual({At, Then}, {First, Again})
        end)
     || {Reason, WasUp, At, Then} <- Table
    ].

another_error_is_said_test() ->
    {_, warning, One} = eslaver_retry:down(wrong(a), true, false, eslaver_retry:new()),
    ?assertMatch({_, warning, _}, eslaver_retry:down(wrong(b), true, false, One)).

%% As where one address leads to another, and neither to a link.
errors_in_turn_are_said_once_test() ->
    Down = fun(Error, {_, Before}) ->
        {_, Level, After} = eslaver_retry:down(Error, true, false, Before),
        {Level, After}
    end,
    One = Down(wrong(a), {none, eslaver_retry:new()}),
    Two = Down(wrong(b), One),
    ?assertMatch([{warning, _}, {warning, _}], [One, Two]),
    Three = Down(wrong(a), Two),
    Four = {_, Retry} = Down(wrong(b), Three),
    ?assertMatch([{quiet, _}, {quiet, _}], [Three, Four]),
    ?assertMatch({warning, _}, Down(wrong(a), {none, eslaver_retry:up(partial, Retry)})),
    %% an error that keeps coming back is told once, whatever others come between
    Many = lists:foldl(
        fun(N, State) -> Down(wrong(a), Down(wrong({b, N}), State)) end,
        Four,
        lists:seq(1, 100)
    ),
    ?assertMatch({quiet, _}, Many).

pauses(Count, Retry) ->
    {Pauses, Last} = lists:mapfoldl(
        fun(_, Before) ->
            {Pause, _, After} = eslaver_retry:down(wrong(a), true, false, Before),
            {Pause, After}
        end,
        Retry,
        lists:seq(1, Count)
    ),
    {lists:last(Pauses), Last}.

pauses_grow_until_the_stream_goes_on_test_() ->
    {Long, Retry} = pauses(10, eslaver_retry:new()),
    Up = fun(Resync) -> eslaver_retry:up(Resync, Retry) end,
    Pause = fun(Before) -> element(1, eslaver_retry:down(wrong(a), true, true, Before)) end,
    [
        ?_assert(Long > 2000),
        ?_assert(Pause(eslaver_retry:moved(Up(partial))) =< 100),
        %% nothing came but that the master goes on
        ?_assert(Pause(Up(partial)) > 2000),
        %% it cost the master a snapshot
        ?_assert(Pause(Up(full)) > 2000),
        ?_assert(Pause(eslaver_retry:moved(Up(full))) > 2000),
        %% of a link before this one
        ?_assert(Pause(eslaver_retry:moved(Retry)) > 2000)
    ].

%% Another node may be found at any time.
a_node_that_is_not_wanted_is_left_for_a_second_at_most_test_() ->
    {_, Retry} = pauses(10, eslaver_retry:new()),
    [
        ?_assertMatch(
            {Pause, _, _} when Pause =< 1000, eslaver_retry:down(wrong(Reason), true, false, Retry)
        )
     || Reason <- [replica, master, behind, empty_master]
    ].

what_does_not_heal_is_slow_at_once_test() ->
    {Pause, _, _} = eslaver_retry:down(wrong(a), false, false, eslaver_retry:new()),
    ?assert(Pause > 2000).

a_snapshot_that_cannot_be_loaded_is_asked_for_ever_more_rarely_test() ->
    Down = fun(Reason, Before) ->
        {Pause, _, After} = eslaver_retry:down(wrong(Reason), false, true, Before),
        {Pause, After}
    end,
    [
        begin
            {[First | Pauses], Last} = lists:mapfoldl(
                fun(_, Before) -> Down(Reason, Before) end,
                eslaver_retry:new(),
                lists:seq(1, 8)
            ),
            ?assert(First =< 10000),
            ?assert(lists:last(Pauses) > 5 * 60000),
            ?assert(element(1, Down(wrong_password, Last)) =< 10000)
        end
     || Reason <- [unsupported, bad_snapshot, max_memory, panicked]
    ].

info_test() ->
    {_, Retry} = pauses(3, eslaver_retry:new()),
    ?assertMatch(#{reconnects := 3, restarts := 0}, eslaver_retry:info(Retry)),
    ?assertEqual({wrong(a), now}, last_error(Retry)),
    %% it has healed
    ?assertMatch(#{last_error := undefined}, eslaver_retry:info(eslaver_retry:up(full, Retry))).

%% The error, and whether it is of now or of 5 s ago.
last_error(Retry) ->
    #{last_error := #{at := At} = Error} = eslaver_retry:info(Retry),
    Ago = erlang:system_time(millisecond) - At,
    When =
        case Ago >= 5000 of
            true when Ago < 100_000 -> before;
            false when Ago >= 0 -> now
        end,
    {maps:remove(at, Error), When}.

%% What an earlier life of the replica has failed of is told until there is another error, or a
%% link.
failed_before_test() ->
    At = eslaver_clock:now_ms() - 5000,
    Failed = #{error => wrong(b), count => 7, in_a_row => 2, at => At},
    Retry = eslaver_retry:failed(Failed, eslaver_retry:new()),
    ?assertMatch(#{reconnects := 0, restarts := 7}, eslaver_retry:info(Retry)),
    ?assertEqual({wrong(b), before}, last_error(Retry)),
    ?assertMatch(#{last_error := undefined}, eslaver_retry:info(eslaver_retry:up(full, Retry))),
    {_, Next} = pauses(1, Retry),
    ?assertMatch(#{restarts := 7, last_error := #{reason := a}}, eslaver_retry:info(Next)).
