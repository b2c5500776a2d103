%% @doc Removes the keys of slots that a Redis Cluster has moved to another node.
%% @private
-module(eslaver_mirror_slots).

-export([delete/2, slot/1]).

-define(SLOTS, 16384).

%% @doc Removes the keys of these slots.
-spec delete([{First :: 0..16383, Last :: 0..16383}], eslaver_mirror_type:ctx()) -> ok.
delete(Ranges, #{keys := Keys} = Ctx) ->
    Gone = [
        Key
     || [Key] <- ets:match(Keys, {'$1', '_', '_', '_'}),
        Slot <- [slot(Key)],
        lists:any(fun({First, Last}) -> Slot >= First andalso Slot =< Last end, Ranges)
    ],
    lists:foreach(fun(Key) -> eslaver_mirror_keys:delete(Ctx, Key) end, Gone).

%% @doc The slot of a key: a CRC-16 (XMODEM) of the text in its first braces, or else of the whole
%% key.
-spec slot(binary()) -> 0..16383.
slot(Key) ->
    crc16(hashed(Key), 0) rem ?SLOTS.

hashed(Key) ->
    case binary:split(Key, <<"{">>) of
        [_, Behind] ->
            case binary:split(Behind, <<"}">>) of
                [<<_, _/binary>> = Tag, _] -> Tag;
                _ -> Key
            end;
        _ ->
            Key
    end.

crc16(<<Byte, Rest/binary>>, Crc) -> crc16(Rest, bits(8, Crc bxor (Byte bsl 8)));
crc16(<<>>, Crc) -> Crc.

bits(0, Crc) -> Crc;
bits(N, Crc) when Crc band 16#8000 =/= 0 -> bits(N - 1, ((Crc bsl 1) bxor 16#1021) band 16#FFFF);
bits(N, Crc) -> bits(N - 1, (Crc bsl 1) band 16#FFFF).
