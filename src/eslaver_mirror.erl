%% @doc A whole Redis dataset in ETS: a replica whose data any process of the node reads, by Redis'
%% own commands, without a message to any other.
-module(eslaver_mirror).

-export([read/2]).
-export_type([mirror/0, failure/0]).

%% Keys.

%% Strings.
-export([get/2, mget/2, strlen/2, getrange/4, substr/4, lcs/3, lcs_len/3]).
-export([getbit/3, bitcount/2, bitcount/4, bitcount/5]).
-export([bitpos/3, bitpos/4, bitpos/5, bitpos/6, bitfield_ro/3]).
-export([pfcount/2]).

%% Lists.

%% Sets.

%% Sorted sets.

%% Geo.

%% Hashes.

%% Streams.

-type mirror() :: eslaver_mirror_view:mirror().
%% The name of a mirror, for its db 0, or `{Name, Db}'.

-type failure() :: eslaver_mirror_view:failure().

-type key() :: binary().

%% @doc Runs a fun whose reads of this mirror are all of one moment: between two commands, and
%% between two transactions, of the master. It may be run more than once, so it should do no more
%% than read.
-spec read(mirror(), fun(() -> Result)) -> Result.
read(Mirror, Fun) ->
    eslaver_mirror_view:transaction(Mirror, Fun).

%% Keys.
%% ------------------------------------------------------------------------------------------------

%% Strings.
%% ------------------------------------------------------------------------------------------------

%% @doc The value of a string.
-spec get(mirror(), key()) -> binary() | undefined | failure().
get(Mirror, Key) ->
    eslaver_mirror_view:read(Mirror, Key, string, undefined, fun eslaver_mirror_string:value/2).

%% @doc The values of strings, `undefined' for a key that is not there or is of another type.
-spec mget(mirror(), [key()]) -> [binary() | undefined] | failure().
mget(Mirror, Keys) ->
    eslaver_mirror_view:rows(Mirror, Keys, fun(Store, Rows) ->
        [mget_one(Store, Row) || Row <- Rows]
    end).

mget_one(Store, {_, string, Body, _}) -> eslaver_mirror_string:value(Store, Body);
mget_one(_Store, _) -> undefined.

%% @doc The length of a string, 0 if it is not there.
-spec strlen(mirror(), key()) -> non_neg_integer() | failure().
strlen(Mirror, Key) ->
    string(Mirror, Key, fun(_Store, Body) -> eslaver_mirror_string:size(Body) end).

%% @doc The bytes of a string from one index to another, both in; negative ones count from the end.
-spec getrange(mirror(), key(), integer(), integer()) -> binary() | failure().
getrange(Mirror, Key, Start, End) when is_integer(Start), is_integer(End) ->
    string(Mirror, Key, fun(Store, Body) ->
        eslaver_mirror_string:range(Store, Body, Start, End)
    end).

%% @doc The old name of {@link getrange/4}.
-spec substr(mirror(), key(), integer(), integer()) -> binary() | failure().
substr(Mirror, Key, Start, End) ->
    getrange(Mirror, Key, Start, End).

%% @doc The longest common subsequence of two strings, in time and memory of the product of their
%% lengths, as on the server.
-spec lcs(mirror(), key(), key()) -> binary() | failure().
lcs(Mirror, One, Other) ->
    two(Mirror, One, Other, fun eslaver_mirror_lcs:sequence/2).

%% @doc The length of it, which takes far less memory.
-spec lcs_len(mirror(), key(), key()) -> non_neg_integer() | failure().
lcs_len(Mirror, One, Other) ->
    two(Mirror, One, Other, fun eslaver_mirror_lcs:size/2).

%% @doc The bit at an offset, 0 where nothing is.
-spec getbit(mirror(), key(), non_neg_integer()) -> 0 | 1 | failure().
getbit(Mirror, Key, Offset) when is_integer(Offset), Offset >= 0 ->
    string(Mirror, Key, fun(Store, Body) -> eslaver_mirror_bits:get(Store, Body, Offset) end).

%% @doc How many bits of a string are set.
-spec bitcount(mirror(), key()) -> non_neg_integer() | failure().
bitcount(Mirror, Key) ->
    count(Mirror, Key, all).

%% @doc The same of its bytes from one index to another, both in; negative ones count from the end.
-spec bitcount(mirror(), key(), integer(), integer()) -> non_neg_integer() | failure().
bitcount(Mirror, Key, Start, End) ->
    bitcount(Mirror, Key, Start, End, byte).

%% @doc The same with indexes of bytes or of bits.
-spec bitcount(mirror(), key(), integer(), integer(), byte | bit) ->
    non_neg_integer() | failure().
bitcount(Mirror, Key, Start, End, Unit) when
    is_integer(Start), is_integer(End), Unit =:= byte orelse Unit =:= bit
->
    count(Mirror, Key, {Start, End, Unit}).

count(Mirror, Key, Range) ->
    string(Mirror, Key, fun(Store, Body) -> eslaver_mirror_bits:count(Store, Body, Range) end).

%% @doc The first bit of a string that is so, or -1. The bit behind a string is clear.
-spec bitpos(mirror(), key(), 0 | 1) -> integer() | failure().
bitpos(Mirror, Key, Bit) ->
    position(Mirror, Key, Bit, all).

%% @doc The same from an index of bytes on.
-spec bitpos(mirror(), key(), 0 | 1, integer()) -> integer() | failure().
bitpos(Mirror, Key, Bit, Start) when is_integer(Start) ->
    position(Mirror, Key, Bit, {Start, open, byte}).

%% @doc The same from one index of bytes to another, both in, and there only.
-spec bitpos(mirror(), key(), 0 | 1, integer(), integer()) -> integer() | failure().
bitpos(Mirror, Key, Bit, Start, End) ->
    bitpos(Mirror, Key, Bit, Start, End, byte).

%% @doc The same with indexes of bytes or of bits.
-spec bitpos(mirror(), key(), 0 | 1, integer(), integer(), byte | bit) -> integer() | failure().
bitpos(Mirror, Key, Bit, Start, End, Unit) when
    is_integer(Start), is_integer(End), Unit =:= byte orelse Unit =:= bit
->
    position(Mirror, Key, Bit, {Start, End, Unit}).

position(Mirror, Key, Bit, Range) when Bit =:= 0; Bit =:= 1 ->
    eslaver_mirror_view:read(Mirror, Key, string, -Bit, fun(Store, Body) ->
        eslaver_mirror_bits:position(Store, Body, Bit, Range)
    end).

%% @doc Integers within a string: `{u, 8, 16}' is the unsigned one of 8 bits that begins at bit 16,
%% `{i, 5, 0}' a signed one of 5.
-spec bitfield_ro(mirror(), key(), [{i | u, Bits :: 1..64, Offset :: non_neg_integer()}]) ->
    [integer()] | failure().
bitfield_ro(Mirror, Key, Fields) ->
    Changes = [{get, eslaver_mirror_bits:field(Field)} || Field <- Fields],
    string(Mirror, Key, fun(Store, Body) ->
        {Values, _} = eslaver_mirror_bits:fields(Store, Body, Changes),
        Values
    end).

%% @doc How many different elements a HyperLogLog has been given, or several together, by its
%% estimate. A key that is not there counts none.
-spec pfcount(mirror(), key() | [key()]) -> non_neg_integer() | failure().
pfcount(Mirror, Key) when is_binary(Key) ->
    pfcount(Mirror, [Key]);
pfcount(Mirror, Keys) ->
    strings(Mirror, Keys, fun(Values) ->
        eslaver_mirror_hll:count([Value || Value <- Values, Value =/= undefined])
    end).

%% What is read of a string; one that is not there is as an empty one.
string(Mirror, Key, Fun) ->
    eslaver_mirror_view:row(Mirror, Key, fun
        (Store, {_, string, Body, _}) -> Fun(Store, Body);
        (Store, none) -> Fun(Store, <<>>);
        (_Store, _) -> {error, wrongtype}
    end).


two(Mirror, One, Other, Fun) ->
    strings(Mirror, [One, Other], fun(Values) ->
        [A, B] = [or_empty(Value) || Value <- Values],
        Fun(A, B)
    end).

or_empty(undefined) -> <<>>;
or_empty(Value) -> Value.

%% What is read of the values of several keys, `undefined' for one that is not there.
strings(Mirror, Keys, Fun) ->
    eslaver_mirror_view:rows(Mirror, Keys, fun(Store, Rows) ->
        case [Row || {_, Type, _, _} = Row <- Rows, Type =/= string] of
            [] -> Fun([mget_one(Store, Row) || Row <- Rows]);
            _ -> {error, wrongtype}
        end
    end).

%% Lists.
%% ------------------------------------------------------------------------------------------------

%% Sets.
%% ------------------------------------------------------------------------------------------------

%% Sorted sets.
%% ------------------------------------------------------------------------------------------------

%% Geo.
%% ------------------------------------------------------------------------------------------------

%% Hashes.
%% ------------------------------------------------------------------------------------------------

%% Streams.
%% ------------------------------------------------------------------------------------------------
