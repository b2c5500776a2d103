%% A handler that is told more than its arguments. It sends a process that, and every event; it
%% pauses when the key `pause' is set.
-module(eslaver_test_context_handler).
-behaviour(eslaver_handler).

-export([init/1, init/2, handle_event/2]).

%% Not called, as there is another.
-spec init(term()) -> no_return().
init(_Pid) ->
    error(init_1).

-spec init(pid(), eslaver_handler:context()) -> {ok, pid()}.
init(Pid, Context) ->
    Pid ! {context, Context},
    {ok, Pid}.

-spec handle_event(eslaver:event(), pid()) -> eslaver_handler:result().
handle_event({stream, "set", [<<"pause">>, _]} = Event, Pid) ->
    Pid ! {event, Event},
    {pause, Pid};
handle_event({stream, <<"set">>, [<<"pause">>, _], _Meta} = Event, Pid) ->
    Pid ! {event, Event},
    {pause, Pid};
handle_event(Event, Pid) ->
    Pid ! {event, Event},
    {ok, Pid}.
