%% @doc The events that the native decoder does not make: a link comes up or goes down, a snapshot
%% begins or ends. Of these, classic events have only the last.
%% @private
-module(eslaver_events).

-export([full/3, partial/3, loaded/2, down/2]).

-export_type([commands/0]).

-type shape() :: classic | full.

-type commands() :: {link, commands, eslaver_nif:commands() | undefined}.
%% Comes before a link is up, to those who take it.

%% @doc A master, or the RDB file of an earlier run, begins a snapshot.
-spec full(shape(), master | file, map()) -> [term()].
full(classic, _Source, _News) ->
    [];
full(full, Source, #{replid := Replid, offset := Offset, bytes := Bytes, master := Master}) ->
    Start = #{replid => Replid, offset => Offset, bytes => Bytes, source => Source},
    Up = #{resync => full, replid => Replid, offset => Offset, master => Master},
    [{link, up, Up} || Source =:= master] ++ [{loading, start, Start}].

%% @doc The stream continues.
-spec partial(shape(), Replid :: binary(), map()) -> [term()].
partial(classic, _Replid, _News) ->
    [];
partial(full, Replid, #{offset := Offset, master := Master}) ->
    [{link, up, #{resync => partial, replid => Replid, offset => Offset, master => Master}}].

%% @doc A snapshot has ended.
-spec loaded(shape(), map()) -> [term()].
loaded(classic, _News) ->
    [{loading, eof}];
loaded(full, News) ->
    [{loading, eof, maps:with([keys, bytes, db], News)}].

%% @doc A link that was up is lost.
-spec down(shape(), map()) -> [term()].
down(classic, _Error) ->
    [];
down(full, Error) ->
    [{link, down, Error}].
