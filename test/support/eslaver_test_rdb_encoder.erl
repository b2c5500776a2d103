%% Writes RDB values, dumps and files by hand, right or wrong as the caller wants them. It shares no
%% code with the product.
-module(eslaver_test_rdb_encoder).

-export([payload/1, file/2, stream_of/2, stream/2, entries/0]).
-export([len/1, str/1, lzf/2, double/1, ms/1, intset/1, lp/1, raw_lp/2, zl/1, raw_zl/3]).

-export_type([body/0]).

%% An RDB type, and the value's bytes.
-type body() :: {byte(), iodata()}.

-define(ID(Ms), (<<(Ms):64, 0:64>>)).

%% The dump of a value, of the first RDB version that has its type.
-spec payload(body()) -> binary().
payload({Type, Value}) ->
    with_checksum([Type, Value, <<(version(Type)):16/little>>]).

version(22) -> 80;
version(26) -> 13;
version(Type) when Type >= 27, Type =< 33 -> 15;
version(Type) when Type =:= 24; Type =:= 25 -> 12;
version(_) -> 9.

%% An RDB file of these keys.
-spec file(binary(), iodata()) -> binary().
file(Magic, Body) ->
    with_checksum([Magic, Body, 255]).

with_checksum(Data) ->
    Bytes = iolist_to_binary(Data),
    <<Bytes/binary, (crc64(Bytes)):64/little>>.

%% CRC-64 with Jones' polynomial, its bits reflected, as `redis-server` computes it.
crc64(Bytes) ->
    lists:foldl(fun crc64/2, 0, binary_to_list(Bytes)).

crc64(Byte, Crc) ->
    lists:foldl(
        fun
            (_, C) when C band 1 =:= 1 -> (C bsr 1) bxor 16#95ac9329ac4bc9b5;
            (_, C) -> C bsr 1
        end,
        Crc bxor Byte,
        lists:seq(1, 8)
    ).

-spec len(non_neg_integer()) -> binary().
len(N) when N < 64 -> <<N>>;
len(N) when N < 16384 -> <<1:2, N:14>>;
len(N) -> <<16#80, N:32>>.

-spec str(iodata()) -> iodata().
str(Text) ->
    Bytes = iolist_to_binary(Text),
    [len(byte_size(Bytes)), Bytes].

-spec lzf(binary(), non_neg_integer()) -> iodata().
lzf(Compressed, Claimed) when Claimed < 64 ->
    [16#c3, len(byte_size(Compressed)), len(Claimed), Compressed];
lzf(Compressed, Claimed) ->
    [16#c3, len(byte_size(Compressed)), <<16#81, Claimed:64>>, Compressed].

-spec double(float()) -> binary().
double(Score) -> <<Score:64/float-little>>.

-spec ms(integer()) -> binary().
ms(Time) -> <<Time:64/little>>.

-spec intset([integer()]) -> binary().
intset(Values) ->
    <<2:32/little, (length(Values)):32/little, <<<<V:16/little>> || V <- Values>>/binary>>.

-spec lp([integer() | binary()]) -> binary().
lp(Entries) ->
    raw_lp(length(Entries), <<<<(lp_entry(Entry))/binary>> || Entry <- Entries>>).

-spec raw_lp(non_neg_integer(), binary()) -> binary().
raw_lp(Count, Body) -> <<(byte_size(Body) + 7):32/little, Count:16/little, Body/binary, 255>>.

lp_entry(N) when is_integer(N), N >= 0, N < 128 -> <<N, 1>>;
lp_entry(N) when is_integer(N) -> <<16#f4, N:64/little, 9>>;
lp_entry(Text) when byte_size(Text) < 64 ->
    <<2:2, (byte_size(Text)):6, Text/binary, (byte_size(Text) + 1)>>.

-spec zl([integer() | binary()]) -> binary().
zl(Entries) ->
    {Body, Last, _} = lists:foldl(
        fun(Entry, {Done, _, Previous}) ->
            Bytes = <<Previous, (zl_entry(Entry))/binary>>,
            {<<Done/binary, Bytes/binary>>, byte_size(Done), byte_size(Bytes)}
        end,
        {<<>>, 0, 0},
        Entries
    ),
    raw_zl(length(Entries), Last, Body).

-spec raw_zl(non_neg_integer(), non_neg_integer(), binary()) -> binary().
raw_zl(Count, Last, Body) ->
    Size = byte_size(Body) + 11,
    <<Size:32/little, (Last + 10):32/little, Count:16/little, Body/binary, 255>>.

zl_entry(N) when is_integer(N), N >= 0, N =< 12 -> <<(16#f1 + N)>>;
zl_entry(Text) when byte_size(Text) < 64 -> <<0:2, (byte_size(Text)):6, Text/binary>>.

%% A stream of one node of two entries, unless `Given` says otherwise.
-spec stream(byte(), map()) -> iodata().
stream(Type, Given) ->
    Default = #{
        nodes => [{?ID(1), entries()}],
        length => 2,
        last => 2,
        groups => [],
        group_count => length(maps:get(groups, Given, [])),
        producers => [["i"]]
    },
    #{nodes := Nodes, length := Length, last := Last, groups := Groups} =
        All = maps:merge(Default, Given),
    [
        [len(length(Nodes)), [[str(Id), str(Node)] || {Id, Node} <- Nodes]],
        [len(Length), len(Last), len(0)],
        [[len(1), len(0), len(0), len(0), len(2)] || Type >= 19],
        len(maps:get(group_count, All)),
        [group(Type, Group) || Group <- Groups],
        [producers(maps:get(producers, All)) || Type >= 26]
    ].

%% Redis 8.6: what it remembers of producers named p, each by the ids it has used.
producers(Producers) ->
    [
        [len(100), len(100), len(length(Producers))],
        [
            [str("p"), len(length(Ids)), [[str(Id), len(1), len(0)] || Id <- Ids]]
         || Ids <- Producers
        ],
        [len(1), len(0)]
    ].

%% Ids 1-0 and 2-0, in a node that begins at 1-0.
-spec entries() -> binary().
entries() ->
    lp([2, 0, 1, <<"f">>, 0, 2, 0, 0, <<"v">>, 4, 2, 1, 0, <<"v">>, 4]).

%% Not damaged: entries that all have one field, of this name (of 16,384 bytes to 2 MB).
-spec stream_of(binary(), pos_integer()) -> body().
stream_of(Name, Count) ->
    Size = byte_size(Name) + 5,
    Back = <<(Size bsr 14), 1:1, (Size bsr 7):7, 1:1, Size:7>>,
    Field = <<16#f0, (byte_size(Name)):32/little, Name/binary, Back/binary>>,
    Entries = [lp_entry(N) || Seq <- lists:seq(1, Count), N <- [2, 0, Seq, <<"v">>, 4]],
    Body = iolist_to_binary([lp_entry(Count), <<0, 1, 1, 1>>, Field, <<0, 1>>, Entries]),
    Node = raw_lp(16#ffff, Body),
    {15, stream(15, #{nodes => [{?ID(1), Node}], length => Count})}.

group(Type, #{pending := Pending, consumers := Consumers} = Group) ->
    [
        [str("g"), len(maps:get(last, Group, 2)), len(0), [len(2) || Type >= 19]],
        [len(length(Pending)), [[?ID(Id), ms(1000), len(1)] || Id <- Pending]],
        len(length(Consumers)),
        [
            [
                str(Name),
                ms(1000),
                [ms(1000) || Type >= 21],
                len(length(Own)),
                [?ID(Id) || Id <- Own]
            ]
         || {Name, Own} <- Consumers
        ],
        [
            [len(length(GivenBack)), [?ID(Id) || Id <- GivenBack]]
         || Type >= 27, GivenBack <- [maps:get(given_back, Group, [])]
        ]
    ].
