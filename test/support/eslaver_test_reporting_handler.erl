%% A handler that sends a process everything it is called with. The value of the key `ask' says what
%% it returns. Its state is the number of events.
-module(eslaver_test_reporting_handler).
-behaviour(eslaver_handler).

-export([init/1, handle_event/2, terminate/2]).

-spec init({pid(), term()}) -> {ok, {pid(), non_neg_integer()}} | {stop, term()}.
init({_Pid, {refuse, Reason}}) ->
    {stop, Reason};
init({_Pid, {return, Result}}) ->
    Result;
init({_Pid, {raise, Reason}}) ->
    error(Reason);
init({Pid, State}) ->
    {ok, {Pid, State}}.

-spec handle_event(eslaver:event(), {pid(), non_neg_integer()}) -> eslaver_handler:result().
handle_event({stream, "set", [<<"ask">>, Text]} = Event, {Pid, Count}) ->
    Pid ! {handled, Event, Count},
    answer(binary_to_term(Text), {Pid, Count + 1});
handle_event(Event, {Pid, Count}) ->
    Pid ! {handled, Event, Count},
    {ok, {Pid, Count + 1}}.

answer(pause, State) -> {pause, State};
answer({pause, Time}, State) -> {pause, Time, State};
answer({stop, Reason}, State) -> {stop, Reason, State};
answer({return, Result}, _State) -> Result.

-spec terminate(term(), {pid() | raise, term()}) -> term().
terminate(_Reason, {raise, Reason}) ->
    error(Reason);
terminate(Reason, {Pid, Count}) ->
    Pid ! {terminated, Reason, Count}.
