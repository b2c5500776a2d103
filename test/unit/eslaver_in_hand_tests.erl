%% What the callback has in hand, as others see it.
-module(eslaver_in_hand_tests).

-include_lib("eunit/include/eunit.hrl").

seen(Events) ->
    Hand = eslaver_in_hand:new(),
    ok = eslaver_in_hand:begins(erlang:monotonic_time(microsecond) - 5000, Hand),
    _ = lists:foldl(
        fun(Event, Last) -> eslaver_in_hand:takes(Event, Last, Hand) end,
        eslaver_in_hand:none(),
        Events
    ),
    #{event := #{type := Type, db := Db, for := For}} = eslaver_in_hand:info(Hand),
    ?assert(For >= 5),
    ok = eslaver_in_hand:done(Hand),
    ?assertMatch(#{event := undefined}, eslaver_in_hand:info(Hand)),
    {Type, Db}.

events_test_() ->
    [
        {lists:flatten(io_lib:format("~0tp", [Event])), ?_assertEqual(Seen, seen([Event]))}
     || {Event, Seen} <- [
            {{stream, "set", [<<"key">>]}, {<<"set">>, undefined}},
            {{stream, <<"set">>, [<<"key">>], #{db => 3}}, {<<"set">>, 3}},
            {{loading, string, <<"key">>, <<"value">>}, {string, undefined}},
            {{loading, vectorset, <<"key">>, [], #{db => 0}}, {vectorset, 0}},
            {{loading, aux, <<"name">>, <<"value">>, #{}}, {aux, undefined}},
            {{loading, start, #{}}, {start, undefined}},
            {{loading, eof}, {eof, undefined}},
            {{link, up, #{}}, {link, undefined}},
            {{slots, moved, #{}}, {slots, undefined}},
            {[{stream, "set", []}], {batch, undefined}},
            {message, {message, undefined}},
            {call, {call, undefined}},
            {anything, {other, undefined}}
        ]
    ].

%% Names of all lengths, of which the last bytes of very long ones are left out.
names_test() ->
    Letters = <<"abcdefghijklmnopqrstuvwxyz">>,
    [
        ?assertEqual(
            {binary:part(Letters, 0, min(Length, 21)), 1},
            seen([{stream, binary:part(Letters, 0, Length), [], #{db => 1}}])
        )
     || Length <- lists:seq(1, 26)
    ].

%% What is seen is the last event, however much it is like the one before.
last_test_() ->
    Full = fun(Name, Db) -> {stream, Name, [], #{db => Db}} end,
    [
        ?_assertEqual({<<"del">>, 1}, seen([Full(<<"set">>, 1), Full(<<"del">>, 1)])),
        ?_assertEqual({<<"set">>, 2}, seen([Full(<<"set">>, 1), Full(<<"set">>, 2)])),
        ?_assertEqual({<<"set">>, 2}, seen([Full(<<"zremrangebyscore">>, 2), Full(<<"set">>, 2)])),
        ?_assertEqual(
            {set, undefined}, seen([{stream, "set", []}, {loading, set, <<"key">>, []}])
        )
    ].

skipped_test() ->
    Hand = eslaver_in_hand:new(),
    ?assertMatch(#{skipped := 0}, eslaver_in_hand:info(Hand)),
    ok = eslaver_in_hand:skipped(7, Hand),
    ?assertMatch(#{skipped := 7}, eslaver_in_hand:info(Hand)).
