%% @doc Which replication histories share which part: whether data of one history holds a write that
%% a token of another one names. It is pure.
%%
%% A replication id names a history: all writes up to any offset of it. A server that is promoted
%% begins a new history with a new id; up to some offset that is the old one, its parent. So
%% histories form a tree, of which links show parts: what a link tells is where a history leaves its
%% parent, exactly or at least.
%% @private
-module(eslaver_histories).

-export([new/0, followed/4, find/3]).
-export_type([histories/0, found/0]).

%% The most histories that are kept, those learned last.
-define(KEPT, 32).
%% What servers give as the id of a parent if there is none.
-define(NO_ID, <<"0000000000000000000000000000000000000000">>).

-type id() :: binary().

-type offset() :: non_neg_integer().

-type shared() :: {AtLeast :: offset() | infinity, AtMost :: offset() | infinity}.
%% Up to which offset two histories are the same.

-type origin() ::
    {id(), shared()}
    %% It has no parent.
    | none
    %% It is not known.
    | unknown.

%% The histories, the last learned first.
-opaque histories() :: [{id(), origin()}].

-type found() ::
    %% The write is in the history, at the same offset.
    shared
    %% It is not, and will not be.
    | diverged
    %% It is not known.
    | unknown.

%% @doc No histories.
-spec new() -> histories().
new() -> [].

%% @doc A history is followed, and the node that it comes from has told this of itself, perhaps
%% nothing. With a partial resync it continues the history of `From', beyond that position.
-spec followed(id(), From, Peer, histories()) -> histories() when
    From :: eslaver_position:safe() | undefined, Peer :: eslaver_source:peer().
followed(Id, From, Peer, Histories) ->
    told(Id, Peer, continued(Id, From, learn(Id, unknown, Histories))).

continued(Id, #{replid := Parent, offset := Offset}, Histories) when Parent =/= Id ->
    learn(Id, {Parent, {Offset, infinity}}, learn(Parent, unknown, Histories));
continued(_Id, _From, Histories) ->
    Histories.

%% What the node said before it was asked for the stream may be of another history by now.
told(Id, #{replid := Id, replid2 := Parent, second_offset := Second} = Peer, Histories) when
    is_binary(Parent), Parent =/= ?NO_ID, Parent =/= Id, is_integer(Second), Second > 0
->
    learn(Id, {Parent, left(Peer, Second - 1)}, learn(Parent, unknown, Histories));
told(Id, #{replid := Id, role := master}, Histories) ->
    learn(Id, none, Histories);
told(_Id, _Peer, Histories) ->
    Histories.

%% A replica that was told of the new id had then less of the old history than the promoted master.
left(#{role := master}, Offset) -> {Offset, Offset};
left(_Peer, Offset) -> {Offset, infinity}.

learn(Id, Origin, Histories) ->
    case lists:keytake(Id, 1, Histories) of
        {value, {Id, Before}, Others} -> add(Id, both(Before, Origin), Others);
        false -> add(Id, Origin, Histories)
    end.

%% Servers do not tell of circles. If one does, what it told before is not relied upon.
add(Id, {Parent, _} = Origin, Histories) ->
    case lists:keymember(Id, 1, line(Parent, Histories)) of
        true -> [{Id, Origin}];
        false -> lists:sublist([{Id, Origin} | Histories], ?KEPT)
    end;
add(Id, Origin, Histories) ->
    lists:sublist([{Id, Origin} | Histories], ?KEPT).

both({Parent, {AtLeast1, AtMost1}}, {Parent, {AtLeast2, AtMost2}}) ->
    {Parent, {max(AtLeast1, AtLeast2), min(AtMost1, AtMost2)}};
both({_, _} = Before, Later) when Later =:= unknown; Later =:= none ->
    Before;
both(none, unknown) ->
    none;
both(_Before, Later) ->
    Later.

%% @doc Whether the history of this id holds the write at this offset of another one.
-spec find({id(), offset()}, In :: id(), histories()) -> found().
find({Id, _Offset}, Id, _Histories) ->
    shared;
find({Id, Offset}, In, Histories) ->
    {Of, Line} = {line(Id, Histories), line(In, Histories)},
    {AtLeast, AtMost} =
        case common(Of, Line) of
            none -> {0, max(at_most(Of, Histories), at_most(Line, Histories))};
            Shared -> Shared
        end,
    case Offset of
        _ when Offset =< AtLeast -> shared;
        _ when Offset > AtMost -> diverged;
        _ -> unknown
    end.

%% A history and all its known ancestors, each with what it shares with the first one.
line(Id, Histories) ->
    line(Id, {infinity, infinity}, Histories).

line(Id, Shared, Histories) ->
    case lists:keyfind(Id, 1, Histories) of
        {Id, {Parent, Left}} -> [{Id, Shared} | line(Parent, least(Shared, Left), Histories)];
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
at_most(Line, Histories) ->
    {Oldest, {_, AtMost}} = lists:last(Line),
    case lists:keyfind(Oldest, 1, Histories) of
        {Oldest, none} -> 0;
        _ -> AtMost
    end.
