%% @doc What follows when the callback has handled events: the position moves on, subscribers are
%% told, and those who wait for it are answered.
%% @private
-module(eslaver_handled).

-export([events/4, count/2]).

%% @doc The callback has handled `Count' events of a batch, or all.
-spec events(
    non_neg_integer() | all,
    eslaver_link:batch(),
    eslaver_session:session(),
    eslaver_listeners:listeners()
) -> {eslaver_session:session(), eslaver_listeners:listeners()}.
events(all, {batch, _, [], _, End}, Session, Listeners) ->
    reached(eslaver_session:advance(End, Session), Listeners);
events(all, {batch, _, Events, Offsets, End}, Session, Listeners) ->
    Told = eslaver_listeners:handled(all, Events, Offsets, Listeners),
    reached(eslaver_session:advance(End, Session), Told);
events(Count, {batch, _, Events, Offsets, _End}, Session, Listeners) ->
    Told = eslaver_listeners:handled(Count, Events, Offsets, Listeners),
    reached(eslaver_session:behind(Count, Offsets, Session), Told).

%% @doc How many events `Count' stands for.
-spec count(non_neg_integer() | all, eslaver_link:batch()) -> non_neg_integer().
count(all, {batch, _, Events, _, _}) -> length(Events);
count(Count, _Batch) -> Count.

reached(Session, Listeners) ->
    Offset = eslaver_position:safe_offset(eslaver_session:position(Session)),
    {Session, eslaver_listeners:reached(Offset, Listeners)}.
