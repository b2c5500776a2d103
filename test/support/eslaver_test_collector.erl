%% A process that keeps every message it is sent, in order: the pid callback of the suites.
-module(eslaver_test_collector).

-export([start/0, events/1, await/2, clear/1]).

-define(TIMEOUT, 60_000).

%% Ends with the process that started it.
-spec start() -> pid().
start() ->
    Owner = self(),
    spawn(fun() ->
        Ref = erlang:monitor(process, Owner),
        loop(#{owner => Ref, events => [], waiters => []})
    end).

-spec events(pid()) -> [term()].
events(Collector) ->
    call(Collector, events, ?TIMEOUT).

-spec clear(pid()) -> ok.
clear(Collector) ->
    call(Collector, clear, ?TIMEOUT).

%% The first event, come or to come, for which this is true.
-spec await(pid(), fun((term()) -> boolean())) -> term().
await(Collector, Wanted) ->
    try
        call(Collector, {await, Wanted}, ?TIMEOUT)
    catch
        error:{collector_timeout, _} ->
            Last = lists:nthtail(max(0, length(events(Collector)) - 5), events(Collector)),
            Shown = lists:flatten(io_lib:format("~0P", [Last, 30])),
            error({event_does_not_come, {last_events, Shown}})
    end.

call(Collector, Request, Timeout) ->
    Ref = erlang:monitor(process, Collector),
    Collector ! {?MODULE, self(), Ref, Request},
    receive
        {Ref, Reply} ->
            erlang:demonitor(Ref, [flush]),
            Reply;
        {'DOWN', Ref, process, Collector, Reason} ->
            error({collector_is_gone, Reason})
    after Timeout ->
        erlang:demonitor(Ref, [flush]),
        error({collector_timeout, Request})
    end.

loop(#{owner := Owner, events := Events, waiters := Waiters} = State) ->
    receive
        {?MODULE, From, Ref, events} ->
            From ! {Ref, lists:reverse(Events)},
            loop(State);
        {?MODULE, From, Ref, clear} ->
            From ! {Ref, ok},
            loop(State#{events := []});
        {?MODULE, From, Ref, {await, Wanted}} ->
            case [Event || Event <- lists:reverse(Events), Wanted(Event)] of
                [Event | _] ->
                    From ! {Ref, Event},
                    loop(State);
                [] ->
                    loop(State#{waiters := [{From, Ref, Wanted} | Waiters]})
            end;
        {'DOWN', Owner, process, _, _} ->
            ok;
        Event ->
            Done = [Waiter || {_, _, Wanted} = Waiter <- Waiters, Wanted(Event)],
            _ = [From ! {Ref, Event} || {From, Ref, _} <- Done],
            loop(State#{events := [Event | Events], waiters := Waiters -- Done})
    end.
