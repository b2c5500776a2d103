%% Waiting for a condition or a process, and how long a call takes.
-module(eslaver_test_wait).

-export([until/1, until/2, equal/2, blocked/1, took/1]).

-define(TIMEOUT, 30_000).
-define(STEP, 20).

%% Calls the function until it returns anything except `false', and returns that.
-spec until(fun(() -> false | Result)) -> Result.
until(Condition) ->
    until(Condition, ?TIMEOUT).

-spec until(fun(() -> false | Result), timeout()) -> Result.
until(Condition, Timeout) ->
    poll(
        fun() ->
            case Condition() of
                false -> {again, {condition_not_met, Condition}};
                Result -> {done, Result}
            end
        end,
        erlang:monotonic_time(millisecond) + Timeout
    ).

%% Calls the function until both values that it returns are equal. The error shows the last ones.
-spec equal(fun(() -> {Value :: term(), Expected :: term()}), timeout()) -> ok.
equal(Values, Timeout) ->
    poll(
        fun() ->
            case Values() of
                {Same, Same} -> {done, ok};
                {Value, Expected} -> {again, {not_equal, Value, Expected}}
            end
        end,
        erlang:monotonic_time(millisecond) + Timeout
    ).

poll(Try, Deadline) ->
    case Try() of
        {done, Result} ->
            Result;
        {again, Error} ->
            case erlang:monotonic_time(millisecond) < Deadline of
                true ->
                    timer:sleep(?STEP),
                    poll(Try, Deadline);
                false ->
                    error(Error)
            end
    end.

%% Returns when the process waits for a message, or has ended.
-spec blocked(pid()) -> ok.
blocked(Pid) ->
    case process_info(Pid, status) of
        {status, Status} when Status =:= running; Status =:= runnable ->
            true = erlang:yield(),
            blocked(Pid);
        _ ->
            ok
    end.

%% The time that a call takes, in ms.
-spec took(fun(() -> term())) -> integer().
took(Fun) ->
    Begun = erlang:monotonic_time(millisecond),
    _ = Fun(),
    erlang:monotonic_time(millisecond) - Begun.
