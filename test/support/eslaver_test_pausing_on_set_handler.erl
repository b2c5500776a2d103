%% A handler that pauses behind the first SET of a key, and tells a process.
-module(eslaver_test_pausing_on_set_handler).
-behaviour(eslaver_handler).

-export([init/1, handle_event/2]).

-spec init({Key :: binary(), pid()}) -> {ok, {binary(), pid()}}.
init(Where) -> {ok, Where}.

-spec handle_event(eslaver:event(), {binary(), pid()} | done) -> eslaver_handler:result().
handle_event({stream, "set", [Key | _]}, {Key, Pid}) ->
    Pid ! paused,
    {pause, done};
handle_event(_Event, State) ->
    {ok, State}.
