%% @doc Which replication histories share which part: whether data of one history holds a write that
%% a token of another one names. It is pure.
%%
%% A replication id names a history: all writes up to any offset of it. A server that is promoted
%% begins a new history with a new id; up to some offset that is the old one, its parent. So
%% histories form a tree, of which links show parts: what a link tells is where a history leaves its
%% parent, exactly or at least.
%% @private
-module(eslaver_histories).

-export([new/0, told/2, begun/2, continued/3, find/3]).
-export_type([histories/0, found/0]).

%% The most histories whose origin is kept: those learned last.
-define(KEPT, 32).

-type id() :: binary().

-type offset() :: non_neg_integer().

-type shared() :: {AtLeast :: offset() | infinity, AtMost :: offset() | infinity}.
%% Up to which offset two histories are the same.

-type origin() ::
    {id(), shared()}
    %% It has no parent.
    | none.

%% Where histories come from, the last learned first.
-type origins() :: [{id(), origin()}].

-record(histories, {
    origins = [] :: origins(),
    %% What a node has told of itself that is not followed yet: its history is the next one,
    %% perhaps.
    told = #{} :: eslaver_source:peer()
}).

-opaque histories() :: #histories{}.

-type found() ::
    %% The write is in the history, at the same offset.
    shared
    %% It is not.
    | diverged
    %% It is not known.
    | unknown.

%% @doc No histories.
-spec new() -> histories().
new() -> #histories{}.

%% @doc What a node has told of itself, before it sends anything of its history.
-spec told(eslaver_source:peer(), histories()) -> histories().
told(Peer, Histories) ->
    Histories#histories{told = Peer}.

%% @doc What has been told counts: the data is that of the node, up to this position at least.
-spec begun(eslaver_position:safe() | undefined, histories()) -> histories().
begun(#{replid := Id, offset := Offset}, #histories{told = Told} = Histories) ->
    learned(first(Id, Offset, Told), followed(Histories));
begun(undefined, Histories) ->
    followed(Histories).

%% For its first replica a master begins a new history. It is told as none that has left another,
%% but it has all of the one before, which ends there.
first(Id, Offset, #{role := master, replid := Before, backlog_first := undefined}) when
    is_binary(Before), Before =/= Id
->
    {Id, {Before, {Offset, Offset}}};
first(_Id, _Offset, _Told) ->
    nothing.

%% @doc What has been told counts: the node's history continues that of a position, beyond it.
-spec continued(id(), From :: eslaver_position:safe(), histories()) -> histories().
continued(Id, #{replid := Id}, Histories) ->
    followed(Histories);
continued(Id, #{replid := Parent, offset := Offset}, Histories) ->
    learned({Id, {Parent, {Offset, infinity}}}, followed(Histories)).

followed(#histories{told = Told} = Histories) ->
    learned(origin(Told), Histories#histories{told = #{}}).

origin(#{replid := Id, replid2 := Parent, second_offset := Second} = Peer) when
    is_binary(Id), is_binary(Parent), Parent =/= Id, is_integer(Second), Second > 0
->
    {Id, {Parent, left(Peer, Second - 1)}};
origin(#{role := master, replid := Id, replid2 := undefined}) when is_binary(Id) ->
    {Id, none};
origin(_Peer) ->
    nothing.

%% A replica that was told of the new id had then less of the old history than the promoted master.
left(#{role := master}, Offset) -> {Offset, Offset};
left(_Peer, Offset) -> {Offset, infinity}.

learned(nothing, Histories) ->
    Histories;
learned({Id, Origin}, #histories{origins = Origins} = Histories) ->
    Learned =
        case lists:keytake(Id, 1, Origins) of
            {value, {Id, Before}, Others} -> add(Id, both(Before, Origin), Others);
            false -> add(Id, Origin, Origins)
        end,
    Histories#histories{origins = Learned}.

%% Servers do not tell of circles. If one does, what it told before is not relied upon.
add(Id, {Parent, _} = Origin, Origins) ->
    case lists:keymember(Id, 1, line(Parent, Origins)) of
        true -> [{Id, Origin}];
        false -> lists:sublist([{Id, Origin} | Origins], ?KEPT)
    end;
add(Id, Origin, Origins) ->
    lists:sublist([{Id, Origin} | Origins], ?KEPT).

both({Parent, {AtLeast1, AtMost1}}, {Parent, {AtLeast2, AtMost2}}) ->
    {Parent, {max(AtLeast1, AtLeast2), min(AtMost1, AtMost2)}};
both({_, _} = Before, none) ->
    Before;
both(_Before, Later) ->
    Later.

%% @doc Whether the history of this id holds the write at this offset of another one.
-spec find({id(), offset()}, In :: id(), histories()) -> found().
find({Id, _Offset}, Id, _Histories) ->
    shared;
find({Id, Offset}, In, #histories{origins = Origins}) ->
    {Of, Line} = {line(Id, Origins), line(In, Origins)},
    {AtLeast, AtMost} =
        case common(Of, Line) of
            none -> {-1, max(at_most(Of, Origins), at_most(Line, Origins))};
            Shared -> Shared
        end,
    case Offset of
        _ when Offset =< AtLeast -> shared;
        _ when Offset > AtMost -> diverged;
        _ -> unknown
    end.

%% A history and all its known ancestors, each with what it shares with the first one.
line(Id, Origins) ->
    line(Id, {infinity, infinity}, Origins).

line(Id, Shared, Origins) ->
    case lists:keyfind(Id, 1, Origins) of
        {Id, {Parent, Left}} -> [{Id, Shared} | line(Parent, least(Shared, Left), Origins)];
        _ -> [{Id, Shared}]
    end.

%% What the first of two lines share: up to where they leave the ancestor that both have.
common([{Id, Shared} | Older], Line) ->
    case lists:keyfind(Id, 1, Line) of
        {Id, Other} -> least(Shared, Other);
        false -> common(Older, Line)
    end;
common([], _Line) ->
    none.

least({AtLeast1, AtMost1}, {AtLeast2, AtMost2}) ->
    {min(AtLeast1, AtLeast2), min(AtMost1, AtMost2)}.

%% What a history can share with one whose line does not meet its own, if the other may descend from
%% it, and its line from the other.
at_most(Line, Origins) ->
    {Oldest, {_, AtMost}} = lists:last(Line),
    case lists:keyfind(Oldest, 1, Origins) of
        {Oldest, none} -> -1;
        _ -> AtMost
    end.
