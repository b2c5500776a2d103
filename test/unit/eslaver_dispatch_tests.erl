%% Dispatching, and handlers: what each result of a handler comes to, event by event and in batches.
-module(eslaver_dispatch_tests).
-behaviour(eslaver_handler).

-include_lib("eunit/include/eunit.hrl").

-export([init/1, handle_event/2, terminate/2]).

%% This module as a handler: its state is the list of events so far, and an event may say what to
%% return.
init({stop, Reason}) -> {stop, Reason};
init(nonsense) -> nonsense;
init(Args) -> {ok, Args}.

handle_event({return, Result}, _State) -> Result;
handle_event({returns, Fun}, State) -> Fun(State);
handle_event(Event, State) -> {ok, [Event | State]}.

terminate(Reason, {tell, Pid}) -> Pid ! {terminated, Reason};
terminate(_Reason, _State) -> ok.

new(Spec) ->
    {ok, Dispatch} = started(Spec),
    Dispatch.

started(Spec) ->
    Settings = #{callback => Spec, mailbox_limit => 1000, on_error => stop, log_data => true},
    eslaver_dispatch:new(Settings, #{}, me, none).

handler() ->
    new({handler, ?MODULE, []}).

%% However many turns it takes: on a busy machine each may end early.
run(Events, Dispatch) ->
    run(Events, 0, Dispatch).

run(Events, Before, Dispatch) ->
    case eslaver_dispatch:run(Events, Dispatch) of
        {turn, Left, Count, Next} -> run(Left, Before + Count, Next);
        {Why, LeftOrReason, Count, Next} -> {Why, LeftOrReason, Before + Count, Next};
        Other -> Other
    end.

state(Dispatch) ->
    Self = self(),
    Show = fun(State) ->
        Self ! {state, State},
        {ok, State}
    end,
    {done, _} = run([{returns, Show}], Dispatch),
    receive
        {state, State} -> lists:reverse(State)
    end.

events_come_in_order_test() ->
    Events = lists:seq(1, 1000),
    {done, Done} = run(Events, handler()),
    ?assertEqual(Events, state(Done)).

results_test_() ->
    Pause = {return, {pause, [p]}},
    Timed = {return, {pause, 50, [p]}},
    Stop = {return, {stop, why, [s]}},
    [
        ?_assertMatch(
            {{pause, infinity}, [2, 3], 2, _}, run([1, Pause, 2, 3], handler())
        ),
        ?_assertMatch({{pause, 50}, [], 1, _}, run([Timed], handler())),
        ?_assertMatch({stop, why, 2, _}, run([1, Stop, 2], handler())),
        ?_assertMatch({{pause, infinity}, _}, eslaver_dispatch:all([1, Pause, 2], handler())),
        ?_assertMatch({stop, why, _, _}, eslaver_dispatch:all([1, Stop, 2], handler()))
    ].

a_pause_keeps_the_state_test() ->
    {{pause, _}, Left, 2, Paused} = run([1, {return, {pause, [p]}}, 2], handler()),
    {done, Done} = run(Left, Paused),
    ?assertEqual([p, 2], state(Done)).

nonsense_is_told_test() ->
    {failed, Failure} = run([{return, nonsense}], handler()),
    ?assertMatch(
        #{
            class := error,
            reason :=
                {bad_return, #{
                    function := {?MODULE, handle_event, 2},
                    returned := nonsense,
                    expected := "{ok, State}" ++ _
                }}
        },
        Failure
    ),
    Bad = {return, {pause, -1, []}},
    ?assertMatch({failed, #{reason := {bad_return, _}}}, run([Bad], handler())).

init_may_refuse_test() ->
    Refusing = {handler, ?MODULE, {stop, why}},
    ?assertEqual({stop, why}, started(Refusing)),
    Talking = {handler, ?MODULE, nonsense},
    ?assertMatch({stop, {bad_return, _}}, started(Talking)).

ends_in_order_test() ->
    ok = eslaver_dispatch:close(why, new({handler, ?MODULE, {tell, self()}})),
    receive
        {terminated, Reason} -> ?assertEqual(why, Reason)
    after 1000 -> error(not_told)
    end.

what_is_no_handler_is_refused_test_() ->
    [
        ?_assertNot(eslaver_callback:check({handler, Module, []}))
     || Module <- [no_such_module, lists, "lists"]
    ] ++ [?_assert(eslaver_callback:check({handler, ?MODULE, []}))].

batches_come_whole_test() ->
    Dispatch = new({handler, eslaver_test_batch_handler, self()}),
    Events = lists:seq(1, 100),
    {done, _} = run(Events, Dispatch),
    ?assertEqual(
        {batch, Events},
        receive
            {batch, _} = Batch -> Batch
        after 1000 -> nothing
        end
    ),
    Pause = [1, {stream, "pause", [<<"7">>]}],
    ?assertMatch({{pause, 7}, [], 2, _}, run(Pause, Dispatch)),
    ?assertMatch({done, _}, eslaver_dispatch:all([1, 2], Dispatch)),
    ok = eslaver_dispatch:close(normal, Dispatch).

a_turn_ends_test() ->
    Slow = fun(_) -> timer:sleep(20) end,
    ?assertMatch({turn, [2, 3], 1, _}, eslaver_dispatch:run([1, 2, 3], new(Slow))).

a_full_mailbox_holds_test() ->
    Receiver = spawn(fun() ->
        receive
            stop -> ok
        end
    end),
    {held, Left, Count, _} = run(lists:seq(1, 5000), new(Receiver)),
    ?assert(Count >= 1000 andalso Count < 1100),
    ?assertEqual(5000, Count + length(Left)),
    Receiver ! stop.

a_demand_is_met_and_no_more_test() ->
    Dispatch = new({self(), #{demand => 3}}),
    {{pause, infinity}, [4, 5, 6], 3, Met} = run(lists:seq(1, 6), Dispatch),
    ?assertEqual([1, 2, 3, {eslaver_passive, self()}], received(4)),
    ?assertMatch({{pause, infinity}, [4], 0, _}, run([4], Met)),
    {ok, More} = eslaver_dispatch:demand(2, Met),
    {{pause, infinity}, [6], 2, _} = run([4, 5, 6], More),
    ?assertEqual([4, 5, {eslaver_passive, self()}], received(3)),
    ?assertEqual({error, no_demand}, eslaver_dispatch:demand(1, new(self()))).

received(Count) ->
    [
        receive
            Message when is_integer(Message) -> Message;
            {eslaver_passive, _} = Message -> Message
        after 1000 -> nothing
        end
     || _ <- lists:seq(1, Count)
    ].

a_failure_is_small_test() ->
    Large = binary:copy(<<"x">>, 1000000),
    Fails = fun(only_this) -> ok end,
    {failed, Failure} = run([{event, Large}], new(Fails)),
    ?assert(erlang:external_size(Failure) < 5000),
    Matches = fun(Event) -> nothing = Event end,
    {failed, Other} = run([{event, Large}], new(Matches)),
    ?assert(erlang:external_size(Other) < 5000).
