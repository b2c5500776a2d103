%% @doc The events that the native decoder does not make: a link comes up or goes down, a snapshot
%% begins or ends. Of these, classic events have only the last.
%% @private
-module(eslaver_events).

-export([full/2, partial/2, loaded/1, down/1]).
-export([shaped/2]).
-export_type([shape/0, event/0, news/0]).

-type shape() :: classic | full.

-type event() ::
    {link, up | down, map()}
    | {loading, start | eof, map()}
    %% Of a cluster.
    | {slots, moved, map()}
    | {shard, up | gone, map()}.
%% In the full shape.

-type news() ::
    event()
    %% A command cannot be applied to the keyspace; only a full resync tells what it has to have;
    %% what a node has told of itself; the history `replid' continues that of the position `from'.
    | {mirror, refused | lost | told | continued, map()}.
%% What there is for an observer.

%% @doc A master, or the RDB file of an earlier run, begins a snapshot.
-spec full(master | file, map()) -> [event()].
full(Source, #{replid := Replid, offset := Offset, bytes := Bytes, master := Master} = News) ->
    Start = #{replid => Replid, offset => Offset, bytes => Bytes, source => Source},
    Up = #{resync => full, replid => Replid, offset => Offset, master => Master},
    [{link, up, about(News, Up)} || Source =:= master] ++ [{loading, start, Start}].

%% @doc The stream continues.
-spec partial(Replid :: binary(), map()) -> [event()].
partial(Replid, #{offset := Offset, master := Master} = News) ->
    Up = #{resync => partial, replid => Replid, offset => Offset, master => Master},
    [{link, up, about(News, Up)}].

%% Why the link is up, and the role of the node.
about(News, Up) ->
    maps:merge(Up, maps:with([why, role], News)).

%% @doc A snapshot has ended.
-spec loaded(map()) -> [event()].
loaded(News) ->
    [{loading, eof, maps:with([keys, bytes, db], News)}].

%% @doc A link that was up is lost.
-spec down(map()) -> [event()].
down(Error) ->
    [{link, down, Error}].

%% @doc These events, in the shape that the callback wants.
-spec shaped(shape(), [event()]) -> [event() | {loading, eof}].
shaped(full, Events) -> Events;
shaped(classic, Events) -> [{loading, eof} || {loading, eof, _} <- Events].
