%% @doc Places in a master's stream, as {@link eslaver_server} keeps them: where the handled events
%% end, and the last place before that which lies outside a transaction.
%%
%% Within one life of the server the stream goes on from the first, so that no event comes twice.
%% What outlives it, and what the master is told, is the second, as with a real replica.
%% @private
-module(eslaver_position).

-export([is_position/1, new/3, resumed/1, continued/2, advance/2, behind/3, mark/1, skip/2]).
-export([info/2, lost/2, why_full/2, safe_offset/1, position/1, link/1]).
-export_type([place/0, mark/0, marks/0]).

-record(place, {
    %% Unknown where the master knows no PSYNC.
    replid :: undefined | binary(),
    offset :: non_neg_integer(),
    db :: non_neg_integer(),
    in_transaction = false :: boolean(),
    safe_offset :: non_neg_integer(),
    safe_db :: non_neg_integer()
}).

-opaque place() :: #place{}.

-type mark() ::
    {
        Offset :: non_neg_integer(),
        Db :: non_neg_integer(),
        InTransaction :: boolean(),
        SafeOffset :: non_neg_integer(),
        SafeDb :: non_neg_integer()
    }.
%% What the link says of the place behind a batch.

-type marks() :: binary().
%% The same for each event of a batch, in 12 bytes each: offset, whether within a transaction, db.
%% Empty for the events of a snapshot.

-define(MARK, 12).

%% @doc Whether this can be a position: an id of 40 letters and digits, and numbers that a master
%% can count to. It is asked for what follows the offset.
-spec is_position(term()) -> boolean().
is_position(#{replid := <<_:40/binary>> = Replid, offset := Offset, db := Db} = Position) ->
    map_size(Position) =:= 3 andalso is_below(Offset, 1 bsl 63 - 1) andalso
        is_below(Db, 1 bsl 31) andalso lists:all(fun is_alphanumeric/1, binary_to_list(Replid));
is_position(_) ->
    false.

is_alphanumeric(Byte) ->
    (Byte >= $0 andalso Byte =< $9) orelse (Byte >= $a andalso Byte =< $z) orelse
        (Byte >= $A andalso Byte =< $Z).

is_below(Number, Bound) -> is_integer(Number) andalso Number >= 0 andalso Number < Bound.

%% @doc Behind a snapshot.
-spec new(undefined | binary(), non_neg_integer(), non_neg_integer()) -> place().
new(Replid, Offset, Db) ->
    #place{replid = Replid, offset = Offset, db = Db, safe_offset = Offset, safe_db = Db}.

%% @doc Where an earlier life ended.
-spec resumed(eslaver:position()) -> place().
resumed(#{replid := Replid, offset := Offset, db := Db}) ->
    new(Replid, Offset, Db).

%% @doc The stream goes on, under a new id if there is one.
-spec continued(undefined | binary(), place()) -> place().
continued(undefined, Place) -> Place;
continued(Replid, Place) -> Place#place{replid = Replid}.

%% @doc Behind a batch. One of a snapshot leads nowhere.
-spec advance(mark() | undefined, Place) -> Place when Place :: place() | undefined.
advance(undefined, Place) ->
    Place;
advance({Offset, Db, InTransaction, SafeOffset, SafeDb}, Place) ->
    Place#place{
        offset = Offset,
        db = Db,
        in_transaction = InTransaction,
        safe_offset = SafeOffset,
        safe_db = SafeDb
    }.

%% @doc Behind `Count' events of a batch.
-spec behind(non_neg_integer(), marks(), Place) -> Place when Place :: place() | undefined.
behind(_Count, <<>>, Place) ->
    Place;
behind(0, _Marks, Place) ->
    Place;
behind(Count, Marks, Place) ->
    {Offset, Db, InTransaction} = mark(Count - 1, Marks),
    Here = Place#place{offset = Offset, db = Db, in_transaction = InTransaction},
    safe(Count, Marks, Here).

%% The last event that was not within a transaction moves the safe place.
safe(0, _Marks, Place) ->
    Place;
safe(Count, Marks, Place) ->
    case mark(Count - 1, Marks) of
        {Offset, Db, false} -> Place#place{safe_offset = Offset, safe_db = Db};
        {_, _, true} -> safe(Count - 1, Marks, Place)
    end.

mark(Index, Marks) ->
    <<Offset:64, InTransaction:1, Db:31>> = binary:part(Marks, Index * ?MARK, ?MARK),
    {Offset, Db, InTransaction =:= 1}.

%% @doc The first of these marks: offset, db, whether within a transaction.
-spec mark(marks()) -> {non_neg_integer(), non_neg_integer(), boolean()}.
mark(Marks) ->
    mark(0, Marks).

%% @doc The marks without those of `Count' events.
-spec skip(non_neg_integer(), marks()) -> marks().
skip(_Count, <<>>) ->
    <<>>;
skip(Count, Marks) ->
    binary:part(Marks, Count * ?MARK, byte_size(Marks) - Count * ?MARK).

%% @doc The place to go on from after a link is lost. What could not be read would come again from
%% the same place: only a snapshot leads past it.
-spec lost(Reason :: atom(), place() | undefined) -> place() | undefined.
lost(bad_stream, _Place) -> undefined;
lost(_Reason, Place) -> Place.

%% @doc Why a master begins with a snapshot, there being this place, and perhaps a snapshot before.
-spec why_full(place() | undefined, Loaded :: boolean()) -> binary().
why_full(undefined, false) ->
    <<"the first one">>;
why_full(undefined, true) ->
    <<"there is no position to go on from">>;
why_full(#place{replid = undefined}, _Loaded) ->
    <<"the master knows no PSYNC">>;
why_full(#place{offset = Offset}, _Loaded) ->
    iolist_to_binary(io_lib:format("the master cannot go on from offset ~b", [Offset])).

%% @doc For `info': where it is, and how many bytes further the decoder is.
-spec info(non_neg_integer(), place() | undefined) -> map().
info(_Decoded, undefined) ->
    #{offset => undefined, db => undefined, lag => undefined};
info(Decoded, #place{offset = Offset, db = Db}) ->
    #{offset => Offset, db => Db, lag => max(Decoded - Offset, 0)}.

%% @doc What the master may be told.
-spec safe_offset(place()) -> non_neg_integer().
safe_offset(#place{safe_offset = Offset}) -> Offset.

%% @doc What a user may keep, unless the master gave no id to go on by.
-spec position(place() | undefined) -> eslaver:position() | undefined.
position(undefined) ->
    undefined;
position(#place{replid = undefined}) ->
    undefined;
position(#place{replid = Replid, safe_offset = Offset, safe_db = Db}) ->
    #{replid => Replid, offset => Offset, db => Db}.

%% @doc What a link is told to go on from.
-spec link(place() | undefined) -> eslaver_nif:resume() | undefined.
link(undefined) ->
    undefined;
link(#place{replid = undefined}) ->
    undefined;
link(#place{} = Place) ->
    #{
        replid => Place#place.replid,
        offset => Place#place.offset,
        db => Place#place.db,
        in_transaction => Place#place.in_transaction,
        safe_offset => Place#place.safe_offset,
        safe_db => Place#place.safe_db
    }.
