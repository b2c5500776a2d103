%% What a replica is doing: a table of messages of its links, and of its turns.
-module(eslaver_session_tests).

-include_lib("eunit/include/eunit.hrl").

-define(REPLID, <<"0123456789012345678901234567890123456789">>).
-define(FULL, #{replid => ?REPLID, offset => 100, bytes => 9, master => <<"host:1">>}).
-define(LOADED, #{keys => 1, bytes => 9, offset => 100, db => 2}).
-define(CLOSED(Reason), {closed, Reason, <<"text">>, true}).

new(StandIn) ->
    eslaver_session:new(none, <<"given:1">>, StandIn).

%% What comes of messages: the names of the effects of both steps, and how many events there were.
message(Source, Message, {_, _, Session}) ->
    {Before, Events, Arrived} = eslaver_session:arrived(Source, Message, Session),
    {After, Handled} = eslaver_session:handled(Source, Message, Arrived),
    {[name(Effect) || Effect <- Before ++ After], length(Events), Handled}.

name(Effect) when is_atom(Effect) -> Effect;
name({log, _Level, What, _Report}) -> {log, What};
name(Effect) -> element(1, Effect).

messages(Session, Messages) ->
    lists:foldl(
        fun({Source, Message}, State) -> message(Source, Message, State) end,
        {[], 0, Session},
        Messages
    ).

messages_test_() ->
    Loading = [{master, {full, ?FULL}}],
    Streaming = Loading ++ [{master, {loaded, ?LOADED}}],
    %% messages, the effects of the last one, how many events it gives, and the phase behind it
    Table = [
        {Loading, [close_file, forget, load_started, {log, link_up}, learn], 1, loading},
        {Streaming, [load_finished, notify, up, answer_waiting, credit], 1, streaming},
        {[{master, ?CLOSED(cannot_connect)}], [down], 0, waiting},
        {Loading ++ [{master, ?CLOSED(closed)}], [down, load_abandoned], 1, waiting},
        {Streaming ++ [{master, ?CLOSED(closed)}], [down], 1, waiting},
        {Streaming ++ [{master, {left_out, #{text => <<>>}}}], [{log, left_out}], 0, streaming},
        {[{file, ?CLOSED(finished)}], [load_abandoned, close_file], 0, connecting},
        {
            [{file, ?CLOSED(bad_snapshot)}],
            [{log, replay_failed}, load_abandoned, close_file],
            0,
            connecting
        }
    ],
    [
        ?_test(begin
            {Found, Count, Session} = messages(new(false), Messages),
            ?assertEqual({Effects, Phase}, {Found, eslaver_session:phase(Session)}),
            ?assertEqual(Events > 0, Count > 0)
        end)
     || {Messages, Effects, Events, Phase} <- Table
    ].

position_is_that_of_the_snapshot_test() ->
    {_, _, Session} = messages(new(false), [
        {master, {full, ?FULL}}, {master, {loaded, ?LOADED}}
    ]),
    Safe = eslaver_position:safe(eslaver_session:position(Session)),
    ?assertEqual(#{replid => ?REPLID, offset => 100, db => 2}, Safe).

a_position_survives_a_lost_link_but_no_new_snapshot_test() ->
    Safe = #{replid => ?REPLID, offset => 7, db => 1},
    Session = eslaver_session:new(Safe, <<"given:1">>, false),
    {_, _, Lost} = messages(Session, [{master, ?CLOSED(closed)}]),
    ?assertEqual(Safe, eslaver_position:safe(eslaver_session:position(Lost))),
    {_, _, Anew} = messages(Lost, [{master, {full, ?FULL}}]),
    ?assertEqual(undefined, eslaver_session:position(Anew)).

%% The RDB file of an earlier run stands in once, and only before anything else has been loaded.
file_stands_in_test_() ->
    Opened = fun(StandIn, Messages) ->
        {Effects, _, _} = messages(new(StandIn), Messages),
        lists:member(open_file, Effects)
    end,
    Lost = {master, ?CLOSED(cannot_connect)},
    [
        ?_assert(Opened(true, [Lost])),
        ?_assertNot(Opened(false, [Lost])),
        ?_assertNot(Opened(true, [Lost, Lost])),
        ?_assertNot(Opened(true, [{master, {full, ?FULL}}, Lost]))
    ].

turns_test() ->
    Ready = new(false),
    ?assert(eslaver_session:is_ready(Ready)),
    {[{work_after, 0}], Scheduled} = eslaver_session:postponed(turn, Ready),
    ?assertNot(eslaver_session:is_ready(Scheduled)),
    ?assertMatch({[], _}, eslaver_session:continued(Scheduled)),
    {true, Again} = eslaver_session:work(Scheduled),
    ?assert(eslaver_session:is_ready(Again)),
    %% a message `work' of a turn that is over
    ?assertMatch({false, _}, eslaver_session:work(Again)),
    {[], Paused} = eslaver_session:postponed({pause, infinity}, Again),
    ?assertMatch(#{paused := true}, eslaver_session:info(Paused)),
    ?assertMatch({false, _}, eslaver_session:work(Paused)),
    ?assertMatch({[{work_after, 0}], _}, eslaver_session:continued(Paused)),
    ?assertMatch({[{work_after, 5}], _}, eslaver_session:postponed(held, Ready)),
    ?assertMatch({[{work_after, 20}], _}, eslaver_session:postponed({pause, 20}, Ready)).
