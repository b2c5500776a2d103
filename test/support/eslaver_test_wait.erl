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
    poll(Condition, erlang:monotonic_time(millisecond) + Timeout).

poll(Condition, Deadline) ->
    case Condition() of
        false ->
            case erlang:monotonic_time(millisecond) < Deadline of
                true ->
                    timer:sleep(?STEP),
                    poll(Condition, Deadline);
                false ->
                    error({condition_not_met, Condition})
            end;
        Result ->
            Result
    end.

%% Calls the function until both values that it returns are equal. The error shows the last ones.
-spec equal(fun(() -> {Value :: term(), Expected :: term()}), timeout()) -> ok.
equal(Values, Timeout) ->
    poll_equal(Values, erlang:monotonic_time(millisecond) + Timeout).

poll_equal(Values, Deadline) ->
    case Values() of
        {Same, Same} ->
            ok;
        {Value, Expected} ->
            case erlang:monotonic_time(millisecond) < Deadline of
                true ->
                    timer:sleep(?STEP),
                    poll_equal(Values, Deadline);
                false ->
                    error({not_equal, Value, Expected})
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
