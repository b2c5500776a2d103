%% A handler that pauses at the first event, which it sends to a process.
-module(eslaver_test_pausing_handler).
-behaviour(eslaver_handler).

-export([init/1, handle_event/2]).

-spec init(pid()) -> {ok, pid() | done}.
init(Pid) -> {ok, Pid}.

-spec handle_event(eslaver:event(), pid() | done) -> eslaver_handler:result().
handle_event(_Event, done) ->
    {ok, done};
handle_event(Event, Pid) ->
    Pid ! {paused, self(), Event},
    {pause, done}.
