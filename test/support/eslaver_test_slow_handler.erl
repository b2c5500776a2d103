%% A handler that takes until it is told to go on to start.
-module(eslaver_test_slow_handler).
-behaviour(eslaver_handler).

-export([init/1, handle_event/2]).

-spec init(pid()) -> {ok, []}.
init(Pid) ->
    Pid ! {starts, self()},
    receive
        go_on -> {ok, []}
    end.

-spec handle_event(eslaver:event(), []) -> eslaver_handler:result().
handle_event(_Event, State) -> {ok, State}.
