%% @doc The handler by which a mirror's replica feeds it: each batch of events counts as handled
%% when the mirror has applied it.
%% @private
-module(eslaver_mirror_feed).
-behaviour(eslaver_handler).

-export([init/1, handle_batch/2]).

%% @doc Feeds this mirror.
-spec init(pid()) -> {ok, pid()}.
init(Mirror) ->
    {ok, Mirror}.

%% @doc Hands a batch over. A mirror that ends takes no more.
-spec handle_batch([eslaver:event() | eslaver_events:commands(), ...], pid()) ->
    eslaver_handler:result(pid()).
handle_batch(Events, Mirror) ->
    case eslaver_mirror_server:hand_over(Mirror, Events) of
        ok -> {ok, Mirror};
        stop -> {stop, shutdown, Mirror}
    end.
