%% A handler that takes batches, and sends each to a process.
-module(eslaver_test_batch_handler).
-behaviour(eslaver_handler).

-export([init/1, handle_batch/2, terminate/2]).

-spec init(pid()) -> {ok, pid()}.
init(Pid) -> {ok, Pid}.

-spec handle_batch([eslaver:event(), ...], pid()) -> eslaver_handler:result().
handle_batch(Events, Pid) ->
    Pid ! {batch, Events},
    case lists:keyfind("pause", 2, Events) of
        {stream, "pause", [Time]} -> {pause, binary_to_integer(Time), Pid};
        false -> {ok, Pid}
    end.

-spec terminate(term(), pid()) -> ok.
terminate(Reason, Pid) ->
    Pid ! {terminated, Reason},
    ok.
