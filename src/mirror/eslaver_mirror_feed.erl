%% @doc The handler through which a replica feeds its mirror: a batch of events counts as handled
%% when the mirror has applied it.
%% @private
-module(eslaver_mirror_feed).
-behaviour(eslaver_handler).

-export([init/1, handle_batch/2]).

%% @doc Keeps the mirror to feed as its state.
-spec init(pid()) -> {ok, pid()}.
init(Mirror) ->
    {ok, Mirror}.

%% @doc Hands a batch over. It stops if the mirror ends. The failed call's reason contains the
%% events, and must not reach any report.
-spec handle_batch([eslaver:event() | eslaver_events:commands(), ...], pid()) ->
    eslaver_handler:result(pid()).
handle_batch(Events, Mirror) ->
    try gen_server:call(Mirror, {events, self(), Events}, infinity) of
        ok -> {ok, Mirror};
        stop -> {stop, shutdown, Mirror}
    catch
        exit:_ -> {stop, shutdown, Mirror}
    end.
