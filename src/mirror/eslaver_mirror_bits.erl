%% @doc Strings of a mirror as arrays of bits, and as arrays of small integers (`BITFIELD').
%% @private
-module(eslaver_mirror_bits).

-export([get/3, set/4, count/3, position/4, combine/3, field/1, fields/3]).
-export_type([range/0, field/0, change/0, overflow/0]).

-type range() :: all | {Start :: integer(), End :: integer() | open, byte | bit}.
%% From one index to another, inclusive; negative indexes count from the end.

-type field() :: {i | u, Bits :: pos_integer(), Offset :: non_neg_integer()}.
%% A signed or unsigned integer: its bits, and the bit it begins at.

-type change() ::
    {get, field()}
    | {set, field(), integer(), overflow()}
    | {incrby, field(), integer(), overflow()}.
-type overflow() :: wrap | sat | fail.

-type store() :: eslaver_mirror_store:store().
-type body() :: eslaver_mirror_string:body().

%% Bits of a word that is a small integer. The bytes after the last word are taken one by one.
-define(WORD, 56).
-define(PIECE, 16384).

%% @doc The bit at an offset.
-spec get(store(), body(), non_neg_integer()) -> 0 | 1.
get(Store, Body, Offset) ->
    read(Store, Body, {u, 1, Offset}).

%% @doc Sets or clears the bit at an offset.
-spec set(store(), body(), non_neg_integer(), 0 | 1) -> body().
set(Store, Body, Offset, Bit) ->
    write(Store, Body, {u, 1, Offset}, Bit).

%% @doc The number of bits set in a range.
-spec count(store(), body(), range()) -> non_neg_integer().
count(_Store, _Body, {Start, End, _Unit}) when Start < 0, End < 0, Start > End ->
    0;
count(Store, Body, Range) ->
    case bits(Range, eslaver_mirror_string:size(Body)) of
        {First, Last} when First =< Last ->
            From = First div 8,
            Before = eslaver_mirror_string:read(Store, Body, From, 1),
            After = eslaver_mirror_string:read(Store, Body, Last div 8, 1),
            Outside =
                ones_of(Before, 0, First rem 8) + ones_of(After, Last rem 8 + 1, 7 - Last rem 8),
            Add = fun(_Offset, _Length, Bytes, Sum) -> ones(Bytes, Sum) end,
            eslaver_mirror_string:fold(Store, Body, From, Last div 8 - From + 1, Add, -Outside);
        _ ->
            0
    end.

ones_of(Byte, Skip, Bits) ->
    <<_:Skip, Value:Bits, _/bits>> = Byte,
    ones(<<Value>>, 0).

%% Takes integers of 7 bytes and adds up the bits of each in parallel.
ones(<<Word:?WORD, Rest/binary>>, Sum) ->
    Pairs = Word - ((Word bsr 1) band 16#55555555555555),
    Nibbles = (Pairs band 16#33333333333333) + ((Pairs bsr 2) band 16#33333333333333),
    Bytes = (Nibbles + (Nibbles bsr 4)) band 16#0F0F0F0F0F0F0F,
    ones(Rest, Sum + Bytes rem 255);
ones(<<>>, Sum) ->
    Sum;
ones(Rest, Sum) ->
    Missing = ?WORD - bit_size(Rest),
    ones(<<Rest/binary, 0:Missing>>, Sum).

%% First and last bit of a range.
bits(all, Size) ->
    {0, Size * 8 - 1};
bits({Start, open, byte}, Size) ->
    bits({Start, Size - 1, byte}, Size);
bits({Start, End, byte}, Size) ->
    {First, Last} = eslaver_mirror_string:indexes(Start, End, Size),
    {First * 8, Last * 8 + 7};
bits({Start, End, bit}, Size) ->
    eslaver_mirror_string:indexes(Start, End, Size * 8).

%% @doc The position of the first bit of a range that equals `Bit', or -1. The bit after a string's
%% last one counts as clear, unless the range has an end.
-spec position(store(), body(), 0 | 1, range()) -> integer().
position(Store, Body, Bit, Range) ->
    Size = eslaver_mirror_string:size(Body),
    case bits(Range, Size) of
        {First, Last} when First =< Last ->
            From = First div 8,
            Length = Last div 8 - From + 1,
            case search(Store, Body, Bit, From, Length, First) of
                At when is_integer(At), At =< Last -> At;
                _ when Bit =:= 0, Range =:= all -> Size * 8;
                _ when Bit =:= 0, element(2, Range) =:= open -> Size * 8;
                _ -> -1
            end;
        _ ->
            -1
    end.

search(Store, Body, Bit, From, Length, First) ->
    Find = fun(Offset, Here, Bytes, none) ->
        Skip = max(0, First - Offset * 8),
        scan(Bit, tail(Bytes, Skip), Offset * 8 + Skip, Here * 8 - Skip)
    end,
    try
        eslaver_mirror_string:fold(Store, Body, From, Length, Find, none)
    catch
        throw:{found, At} -> At
    end.

tail(<<>>, _Skip) ->
    <<>>;
tail(Bytes, Skip) ->
    <<_:Skip, Tail/bits>> = Bytes,
    Tail.

scan(0, <<16#FFFFFFFFFFFFFF:?WORD, Rest/bits>>, At, Length) ->
    scan(0, Rest, At + ?WORD, Length - ?WORD);
scan(1, <<0:?WORD, Rest/bits>>, At, Length) ->
    scan(1, Rest, At + ?WORD, Length - ?WORD);
scan(Bit, <<Bit:1, _/bits>>, At, _Length) ->
    throw({found, At});
scan(Bit, <<_:1, Rest/bits>>, At, Length) ->
    scan(Bit, Rest, At + 1, Length - 1);
scan(0, <<>>, At, Length) when Length > 0 ->
    throw({found, At});
scan(_Bit, <<>>, _At, _Length) ->
    none.

%% @doc The result of `BITOP'. Shorter strings are padded with zeros.
-spec combine(store(), Operation :: binary(), [body()]) -> binary().
combine(Store, Operation, Bodies) ->
    Size = lists:max([eslaver_mirror_string:size(Body) || Body <- Bodies]),
    Operate = operation(Operation),
    iolist_to_binary(
        [piece(Store, Operate, Bodies, At, Size) || At <- lists:seq(0, Size - 1, ?PIECE)]
    ).

piece(Store, Operate, Bodies, At, Size) ->
    Length = min(?PIECE, Size - At),
    Bits = Length * 8,
    Numbers = [
        binary:decode_unsigned(eslaver_mirror_string:read(Store, Body, At, Length))
     || Body <- Bodies
    ],
    <<(Operate(Numbers)):Bits>>.

%% Works on integers and keeps the last bits. All higher bits of a negative one are set.
operation(<<"and">>) -> fun([First | More]) -> fold(fun erlang:'band'/2, First, More) end;
operation(<<"or">>) -> fun any/1;
operation(<<"xor">>) -> fun(Numbers) -> fold(fun erlang:'bxor'/2, 0, Numbers) end;
operation(<<"not">>) -> fun([Number]) -> bnot Number end;
operation(<<"diff">>) -> fun([First | More]) -> First band bnot any(More) end;
operation(<<"diff1">>) -> fun([First | More]) -> any(More) band bnot First end;
operation(<<"andor">>) -> fun([First | More]) -> First band any(More) end;
operation(<<"one">>) -> fun(Numbers) -> one(Numbers, 0, 0) end.

any(Numbers) ->
    fold(fun erlang:'bor'/2, 0, Numbers).

fold(Fun, First, More) ->
    lists:foldl(Fun, First, More).

one([], Once, Often) -> Once band bnot Often;
one([Number | More], Once, Often) -> one(More, Once bor Number, Often bor (Once band Number)).

%% @doc Raises `badarg' unless the argument is a field; unsigned ones have up to 63 bits.
-spec field(field()) -> field().
field({i, Bits, Offset} = Field) when Bits >= 1, Bits =< 64, is_integer(Offset), Offset >= 0 ->
    Field;
field({u, Bits, Offset} = Field) when Bits >= 1, Bits =< 63, is_integer(Offset), Offset >= 0 ->
    Field;
field(Other) ->
    error(badarg, [Other]).

%% @doc Applies `BITFIELD': the answer of each operation, `undefined' if it failed, and the new
%% string.
-spec fields(store(), body(), [change()]) -> {[integer() | undefined], body()}.
fields(Store, Body, Changes) ->
    Ends = [Offset + Bits || {_, {_, Bits, Offset}, _, _} <- Changes],
    Grown = eslaver_mirror_string:grow(Store, Body, (lists:max([0 | Ends]) + 7) div 8),
    lists:mapfoldl(fun(Change, Now) -> field(Store, Now, Change) end, Grown, Changes).

field(Store, Body, {get, Field}) ->
    {read(Store, Body, Field), Body};
field(Store, Body, {set, {Sign, Bits, _} = Field, Value, Overflow}) ->
    Old = read(Store, Body, Field),
    case overflow(Overflow, Sign, Bits, unsigned(Sign, Value)) of
        fail -> {undefined, Body};
        New -> {Old, write(Store, Body, Field, New)}
    end;
field(Store, Body, {incrby, {Sign, Bits, _} = Field, By, Overflow}) ->
    case overflow(Overflow, Sign, Bits, read(Store, Body, Field) + By) of
        fail -> {undefined, Body};
        New -> {New, write(Store, Body, Field, New)}
    end.

%% Servers read the value for an unsigned field as 64 bits without a sign.
unsigned(i, Value) -> Value;
unsigned(u, Value) -> Value band 16#FFFFFFFFFFFFFFFF.

%% Handles a value that may not fit.
overflow(Overflow, Sign, Bits, Value) ->
    {Min, Max} = limits(Sign, Bits),
    case Overflow of
        _ when Value >= Min, Value =< Max -> Value;
        fail -> fail;
        sat -> max(Min, min(Max, Value));
        wrap -> integer(Sign, <<Value:Bits>>, Bits)
    end.

limits(u, Bits) -> {0, (1 bsl Bits) - 1};
limits(i, Bits) -> {-(1 bsl (Bits - 1)), (1 bsl (Bits - 1)) - 1}.

integer(Sign, Bitstring, Bits) ->
    case {Sign, Bitstring} of
        {u, <<Value:Bits/unsigned>>} -> Value;
        {i, <<Value:Bits/signed>>} -> Value
    end.

read(Store, Body, {Sign, Bits, Offset}) ->
    {_Before, Value, _After} = bytes(Store, Body, Bits, Offset),
    integer(Sign, Value, Bits).

write(Store, Body, {_Sign, Bits, Offset}, Value) ->
    {Before, _Old, After} = bytes(Store, Body, Bits, Offset),
    Bytes = <<Before/bits, Value:Bits, After/bits>>,
    eslaver_mirror_string:write(Store, Body, Offset div 8, Bytes).

%% The bytes that hold a field: the bits before it, the field, and the bits after it.
bytes(Store, Body, Bits, Offset) ->
    Skip = Offset rem 8,
    Bytes = eslaver_mirror_string:read(Store, Body, Offset div 8, (Skip + Bits + 7) div 8),
    <<Before:Skip/bits, Field:Bits/bits, After/bits>> = Bytes,
    {Before, Field, After}.
