%% @doc Time for measuring how long something takes, whatever is done to the system's clock.
%% @private
-module(eslaver_clock).

-export([now_ms/0]).

%% @doc Monotonic time in ms. Only differences of it mean anything.
-spec now_ms() -> integer().
now_ms() ->
    erlang:monotonic_time(millisecond).
