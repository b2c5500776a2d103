%% @doc Positions in a master's stream, as {@link eslaver_server} keeps them: where the handled
%% events end, and the last position before that outside a transaction, the safe one.
%%
%% Within one life of the server the stream continues from the first, so that no event comes twice.
%% The safe one is what outlives the server, and what the master is told, as with a real replica.
%% @private
-module(eslaver_position).

-export([is_safe/1, is_replid/1, is_offset/1]).
-export([new/3, resumed/1, continued/2, advance/2, behind/3]).
-export([first/1, origin/1, is_open/2, skip/2]).
-export([here/1, lost/2, earlier/2, safe_offset/1, safe/1, link/1]).
-export_type([position/0, safe/0, place/0, batch_end/0, offsets/0]).

-record(position, {
    %% Unknown where the master does not support PSYNC.
    replid :: undefined | binary(),
    offset :: non_neg_integer(),
    db :: non_neg_integer(),
    in_transaction = false :: boolean(),
    safe_offset :: non_neg_integer(),
    safe_db :: non_neg_integer()
}).

-opaque position() :: #position{}.

-type safe() :: eslaver_nif:place().
%% A position between two transactions, to resume from.

-type place() :: {Replid :: undefined | binary(), Offset :: non_neg_integer()}.
%% A place in a master's stream.

-type batch_end() ::
    {
        Offset :: non_neg_integer(),
        Db :: non_neg_integer(),
        InTransaction :: boolean(),
        SafeOffset :: non_neg_integer(),
        SafeDb :: non_neg_integer()
    }.
%% The position behind a batch, as the link sends it.

-type offsets() :: binary().
%% The position behind each event of a batch, packed as `native/eslaver_nif/src/terms/offsets.rs'
%% describes. Empty for the events of a snapshot.

-define(BYTES, 12).

%% @doc Whether this can be a position to resume from.
-spec is_safe(term()) -> boolean().
is_safe(#{replid := Replid, offset := Offset, db := Db} = Position) ->
    map_size(Position) =:= 3 andalso is_replid(Replid) andalso is_offset(Offset) andalso
        is_below(Db, 1 bsl 31);
is_safe(_) ->
    false.

%% @doc Whether this can be the id of a history: 40 letters and digits.
-spec is_replid(term()) -> boolean().
is_replid(<<_:40/binary>> = Replid) -> lists:all(fun is_alphanumeric/1, binary_to_list(Replid));
is_replid(_) -> false.

is_alphanumeric(Byte) ->
    (Byte >= $0 andalso Byte =< $9) orelse (Byte >= $a andalso Byte =< $z) orelse
        (Byte >= $A andalso Byte =< $Z).

%% @doc Whether this can be an offset: a number that a master can count to, also by one more, as it
%% is asked for what follows the offset.
-spec is_offset(term()) -> boolean().
is_offset(Offset) -> is_below(Offset, 1 bsl 63 - 1).

is_below(Number, Bound) -> is_integer(Number) andalso Number >= 0 andalso Number < Bound.

%% @doc Behind a snapshot.
-spec new(undefined | binary(), non_neg_integer(), non_neg_integer()) -> position().
new(Replid, Offset, Db) ->
    #position{replid = Replid, offset = Offset, db = Db, safe_offset = Offset, safe_db = Db}.

%% @doc Where an earlier life ended.
-spec resumed(safe()) -> position().
resumed(#{replid := Replid, offset := Offset, db := Db}) ->
    new(Replid, Offset, Db).

%% @doc The stream continues, under a new id if there is one.
-spec continued(undefined | binary(), position()) -> position().
continued(undefined, Position) -> Position;
continued(Replid, Position) -> Position#position{replid = Replid}.

%% @doc Behind a batch. One of a snapshot leads nowhere.
-spec advance(batch_end() | undefined, Position) -> Position when
    Position :: position() | undefined.
advance(undefined, Position) ->
    Position;
advance({Offset, Db, InTransaction, SafeOffset, SafeDb}, Position) ->
    Position#position{
        offset = Offset,
        db = Db,
        in_transaction = InTransaction,
        safe_offset = SafeOffset,
        safe_db = SafeDb
    }.

%% @doc Behind `Count' events of a batch.
-spec behind(non_neg_integer(), offsets(), Position) -> Position when
    Position :: position() | undefined.
behind(_Count, <<>>, Position) ->
    Position;
behind(0, _Offsets, Position) ->
    Position;
behind(Count, Offsets, Position) ->
    {Offset, Db, InTransaction} = at(Count - 1, Offsets),
    Here = Position#position{offset = Offset, db = Db, in_transaction = InTransaction},
    move_safe(Count, Offsets, Here).

%% The last event outside a transaction moves the safe position.
move_safe(0, _Offsets, Position) ->
    Position;
move_safe(Count, Offsets, Position) ->
    case at(Count - 1, Offsets) of
        {Offset, Db, false} -> Position#position{safe_offset = Offset, safe_db = Db};
        {_, _, true} -> move_safe(Count - 1, Offsets, Position)
    end.

at(Index, Offsets) ->
    <<_Migration:1, Offset:63, InTransaction:1, Db:31>> =
        binary:part(Offsets, Index * ?BYTES, ?BYTES),
    {Offset, Db, InTransaction =:= 1}.

%% @doc What the offsets say of the first event: offset, db, whether within a transaction.
-spec first(offsets()) -> {non_neg_integer(), non_neg_integer(), boolean()}.
first(Offsets) ->
    at(0, Offsets).

%% @doc Who has made the first event: a cluster, as it moves its slots, or a user.
-spec origin(offsets()) -> user | migration.
origin(<<0:1, _/bitstring>>) -> user;
origin(<<1:1, _/bitstring>>) -> migration.

%% @doc Whether the position behind the first `Count' events, at least one, or behind `all', is
%% within a transaction.
-spec is_open(pos_integer() | all, offsets()) -> boolean().
is_open(all, Offsets) ->
    is_open(byte_size(Offsets) div ?BYTES, Offsets);
is_open(Count, Offsets) ->
    {_Offset, _Db, InTransaction} = at(Count - 1, Offsets),
    InTransaction.

%% @doc The offsets without those of the first `Count' events.
-spec skip(non_neg_integer(), offsets()) -> offsets().
skip(_Count, <<>>) ->
    <<>>;
skip(Count, Offsets) ->
    binary:part(Offsets, Count * ?BYTES, byte_size(Offsets) - Count * ?BYTES).

%% @doc The position to resume from after a link is lost. What could not be read would come again
%% from the same position: only a snapshot leads past it, as where a callback and its mirror are at
%% two positions of which the master may not know both.
-spec lost(Reason :: atom(), position() | undefined) -> position() | undefined.
lost(Reason, _Position) when Reason =:= bad_stream; Reason =:= parted -> undefined;
lost(_Reason, Position) -> Position.

%% @doc Where a link goes on that must miss nothing behind either: the position, and what has been
%% applied to a keyspace.
-spec earlier(position() | undefined, Applied :: safe() | undefined) -> place() | undefined.
earlier(undefined, _Applied) ->
    undefined;
earlier(#position{offset = Offset}, #{replid := Replid, offset := Applied}) when
    Applied < Offset
->
    {Replid, Applied};
earlier(#position{replid = Replid, offset = Offset}, _Applied) ->
    {Replid, Offset}.

%% @doc The offset and the db, for `info'.
-spec here(position() | undefined) -> {non_neg_integer(), non_neg_integer()} | undefined.
here(undefined) -> undefined;
here(#position{offset = Offset, db = Db}) -> {Offset, Db}.

%% @doc What the master may be told.
-spec safe_offset(position() | undefined) -> non_neg_integer() | undefined.
safe_offset(undefined) -> undefined;
safe_offset(#position{safe_offset = Offset}) -> Offset.

%% @doc What a user may keep, unless the master gave no id to resume by.
-spec safe(position() | undefined) -> safe() | undefined.
safe(undefined) ->
    undefined;
safe(#position{replid = undefined}) ->
    undefined;
safe(#position{replid = Replid, safe_offset = Offset, safe_db = Db}) ->
    #{replid => Replid, offset => Offset, db => Db}.

%% @doc What a link is told to resume from.
-spec link(position() | undefined) -> eslaver_nif:resume() | undefined.
link(undefined) ->
    undefined;
link(#position{replid = undefined}) ->
    undefined;
link(#position{} = Position) ->
    #{
        replid => Position#position.replid,
        offset => Position#position.offset,
        db => Position#position.db,
        in_transaction => Position#position.in_transaction,
        safe_offset => Position#position.safe_offset,
        safe_db => Position#position.safe_db
    }.
