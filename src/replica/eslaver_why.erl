%% @doc Why a link begins with a snapshot, or with the stream: a comparison of what there was before
%% with what the node tells of itself. It is pure.
%% @private
-module(eslaver_why).

-export([full/3, partial/2, level/1]).
-export_type([why/0, partial/0, full/0, before/0]).

-type why() :: eslaver_types:why().

-type partial() :: eslaver_types:continued().

-type full() :: eslaver_types:snapshot().

-type before() :: #{
    %% The position that the link asked to go on from.
    position := eslaver_position:place() | undefined,
    %% Whether there has been a snapshot.
    loaded := boolean(),
    %% Whether it is known that there was no key, which nobody can have lost.
    empty := boolean(),
    %% Of the latest link that was up: the id of its stream, and the address of its master.
    replid := binary() | undefined,
    master := binary() | undefined
}.
%% What there was before.

-type link() :: #{replid := binary() | undefined, master := binary(), _ => _}.
%% The link that is up: the id of its stream, if that is another one or a snapshot follows, and the
%% address of its master.

%% @doc A snapshot follows.
-spec full(before(), eslaver_source:peer(), link()) -> full().
full(#{position := undefined, loaded := false}, _Peer, _Link) ->
    first;
full(_Before, _Peer, #{replid := undefined}) ->
    no_psync;
full(#{position := undefined, replid := Replid} = Before, Peer, _Link) ->
    case has_lost(Before, Peer) andalso is_other(Replid, Peer) of
        true -> empty_master;
        false -> no_position
    end;
full(#{position := {undefined, _Offset}}, _Peer, _Link) ->
    no_psync;
full(#{position := Position} = Before, Peer, Link) ->
    case {history(Position, Peer), has_lost(Before, Peer)} of
        {unknown, _} -> unknown;
        {shared, _} -> backlog;
        {_, true} -> empty_master;
        {parted, false} -> diverged;
        {other, false} -> other(Before, Link)
    end.

other(#{master := Former}, #{master := Master}) when Former =/= undefined, Former =/= Master ->
    failover;
other(_Before, _Link) ->
    restarted.

%% @doc The stream goes on from the position.
-spec partial(before(), link()) -> partial().
partial(#{position := {Replid, _}}, #{replid := New}) when New =/= undefined, New =/= Replid ->
    failover;
partial(#{master := Former}, #{master := Master}) when Former =/= undefined, Former =/= Master ->
    failover;
partial(_Before, _Link) ->
    reconnect.

%% Whether the node's history has all up to this position, lacks some of it, or is another one.
history({Replid, Offset}, #{replid := Replid, offset := End}) when is_integer(End), End < Offset ->
    parted;
history({Replid, _Offset}, #{replid := Replid}) ->
    shared;
history({Replid, Offset}, #{replid2 := Replid, second_offset := Parting}) when
    is_integer(Parting)
->
    case Offset < Parting of
        true -> shared;
        false -> parted
    end;
history(_Position, #{replid := Other}) when is_binary(Other) ->
    other;
history(_Position, _Peer) ->
    unknown.

is_other(Replid, #{replid := Other} = Peer) when is_binary(Other) ->
    Replid =/= Other andalso Replid =/= maps:get(replid2, Peer, undefined);
is_other(_Replid, _Peer) ->
    false.

has_lost(#{empty := Empty}, Peer) ->
    not Empty andalso maps:get(keys, Peer, undefined) =:= 0.

%% @doc The level to log it at: a warning where the master has lost data, or has too small a
%% backlog.
-spec level(why()) -> logger:level().
level(backlog) -> warning;
level(diverged) -> warning;
level(empty_master) -> warning;
level(_Why) -> notice.
