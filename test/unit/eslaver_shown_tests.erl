%% What is shown of events and of reasons, with their data and without.
-module(eslaver_shown_tests).

-include_lib("eunit/include/eunit.hrl").

events() ->
    [
        {{stream, "set", [<<"secret">>, <<"secret">>]}, "\\{stream,\"set\"\\}, [0-9]+ bytes"},
        {
            {stream, <<"set">>, [<<"secret">>], #{db => 3}},
            "\\{stream,<<\"set\">>\\} of db 3, [0-9]+ bytes"
        },
        {{loading, hash, <<"secret">>, [<<"secret">>]}, "\\{loading,hash\\}, [0-9]+ bytes"},
        {[{stream, "set", [<<"secret">>]}, {stream, "del", [<<"secret">>]}], "2 events"},
        {init, "init"}
    ].

without_data_test_() ->
    [
        fun() ->
            Shown = eslaver_shown:event(Event, false),
            ?assertMatch({match, _}, re:run(Shown, ["^", Regex, "$"])),
            ?assertEqual(nomatch, string:find(Shown, "secret"))
        end
     || {Event, Regex} <- events()
    ].

with_data_test_() ->
    [
        ?_assertMatch(<<_/binary>>, string:find(eslaver_shown:event(Event, true), "secret"))
     || {Event, _} <- events(), Event =/= init
    ].

reasons_test_() ->
    Huge = {badmatch, lists:seq(1, 10_000)},
    Return = #{function => {m, f, 2}, returned => <<"secret">>, expected => "ok"},
    [
        ?_assertEqual(badmatch, eslaver_shown:reason({badmatch, <<"secret">>}, false)),
        ?_assertEqual(hidden, eslaver_shown:reason(<<"secret">>, false)),
        ?_assertEqual(no, eslaver_shown:reason(no, false)),
        ?_assertEqual(
            {bad_return, Return#{returned := hidden}},
            eslaver_shown:reason({bad_return, Return}, false)
        ),
        ?_assertEqual({badmatch, <<"shown">>}, eslaver_shown:reason({badmatch, <<"shown">>}, true)),
        ?_assert(byte_size(eslaver_shown:reason(Huge, true)) =< 1000)
    ].
