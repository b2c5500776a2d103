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

%% @doc Hands a batch over. It stops if the mirror ends.
-spec handle_batch([eslaver:event() | eslaver_events:commands(), ...], pid()) ->
    eslaver_handler:result(pid()).
handle_batch(Events, Mirror) ->
    case eslaver_mirror_server:hand_over(Mirror, Events) of
        ok -> {ok, Mirror};
        stop -> {stop, shutdown, Mirror}
    end.
