%% @doc Strings in a mirror: the value is in the key's row, except a large one that has been written
%% in place (`SETBIT', `APPEND' ...): it is in chunks, so that the next such write costs one chunk.
%%
%% A chunk's row may be short or missing: the rest is zeros. So a bitmap with one bit far away takes
%% little room.
%% @private
-module(eslaver_mirror_string).

-behaviour(eslaver_mirror_type).

-export([load/3, copy/2, discard/3]).
-export([own/1, value/2, take/2, size/1, read/4, fold/6, write/4, grow/3, range/4, indexes/3]).
-export_type([body/0]).

-type body() ::
    binary() | {chunked, eslaver_mirror_store:id(), Size :: non_neg_integer()}.
-type store() :: eslaver_mirror_store:store().

-define(CHUNK, 4096).
%% A value of at most this size is kept as one binary, even when written in place.
-define(WHOLE, 32768).

%% @doc See {@link eslaver_mirror_type}.
-spec load(store(), binary(), map()) -> body().
load(_Store, Value, _Meta) ->
    own(Value).

%% @doc See {@link eslaver_mirror_type}.
-spec copy(store(), body()) -> body().
copy(Store, Body) ->
    value(Store, Body).

%% @doc See {@link eslaver_mirror_type}.
-spec discard(store(), body(), pos_integer()) -> done | {more, body()}.
discard(_Store, Body, _Limit) when is_binary(Body) ->
    done;
discard(#{chunks := Chunks}, {chunked, Id, Size}, Limit) ->
    Count = chunks(Size),
    Left = max(0, Count - Limit),
    lists:foreach(fun(N) -> ets:delete(Chunks, {Id, N}) end, lists:seq(Left, Count - 1)),
    case Left of
        0 -> done;
        _ -> {more, {chunked, Id, Left * ?CHUNK}}
    end.

%% @doc A copy if the binary would keep a larger one alive.
-spec own(binary()) -> binary().
own(Binary) ->
    case binary:referenced_byte_size(Binary) > byte_size(Binary) of
        true -> binary:copy(Binary);
        false -> Binary
    end.

%% @doc The whole string.
-spec value(store(), body()) -> binary().
value(_Store, Body) when is_binary(Body) -> Body;
value(Store, {chunked, _, Size} = Body) -> read(Store, Body, 0, Size).

%% @doc The whole string; its chunks are discarded.
-spec take(store(), body()) -> binary().
take(_Store, Body) when is_binary(Body) ->
    Body;
take(Store, {chunked, _, Size} = Body) ->
    Value = value(Store, Body),
    done = discard(Store, Body, Size),
    Value.

%% @doc The length in bytes.
-spec size(body()) -> non_neg_integer().
size(Body) when is_binary(Body) -> byte_size(Body);
size({chunked, _, Size}) -> Size.

%% @doc `Length' bytes from an offset on; bytes past the end are zeros.
-spec read(store(), body(), non_neg_integer(), non_neg_integer()) -> binary().
read(Store, Body, Offset, Length) ->
    Pieces = fold(Store, Body, Offset, Length, fun piece/4, []),
    iolist_to_binary(lists:reverse(Pieces)).

piece(_Offset, Length, Bytes, Pieces) ->
    [zeros(Length - byte_size(Bytes)), Bytes | Pieces].

%% @doc Folds over bytes from an offset on, in pieces: `Length' bytes at `Offset', which are `Bytes'
%% followed by zeros.
-spec fold(
    store(),
    body(),
    non_neg_integer(),
    non_neg_integer(),
    fun((Offset :: non_neg_integer(), Length :: pos_integer(), Bytes :: binary(), Acc) -> Acc),
    Acc
) -> Acc.
fold(_Store, _Body, _Offset, 0, _Fun, Acc) ->
    Acc;
fold(_Store, Body, Offset, Length, Fun, Acc) when is_binary(Body) ->
    Fun(Offset, Length, slice(Body, Offset, Length), Acc);
fold(#{chunks := Chunks} = Store, {chunked, Id, _} = Body, Offset, Length, Fun, Acc) ->
    At = Offset rem ?CHUNK,
    Here = min(?CHUNK - At, Length),
    Bytes = slice(chunk(Chunks, Id, Offset div ?CHUNK), At, Here),
    fold(Store, Body, Offset + Here, Length - Here, Fun, Fun(Offset, Here, Bytes, Acc)).

slice(Binary, Offset, _Length) when Offset >= byte_size(Binary) ->
    <<>>;
slice(Binary, Offset, Length) ->
    binary:part(Binary, Offset, min(Length, byte_size(Binary) - Offset)).

%% @doc Writes bytes at an offset; the string grows if necessary.
-spec write(store(), body(), non_neg_integer(), binary()) -> body().
write(_Store, Body, Offset, Bytes) when
    is_binary(Body), byte_size(Body) =< ?WHOLE, Offset + byte_size(Bytes) =< ?WHOLE
->
    overlay(Body, Offset, Bytes);
write(Store, Body, Offset, Bytes) ->
    {chunked, Id, _} = Grown = grown(chunked(Store, Body), Offset + byte_size(Bytes)),
    write_chunks(Store, Id, Offset, Bytes),
    Grown.

%% @doc Grows the string to at least `Size' bytes.
-spec grow(store(), body(), non_neg_integer()) -> body().
grow(_Store, Body, Size) when is_binary(Body), byte_size(Body) >= Size -> Body;
grow(_Store, Body, Size) when is_binary(Body), Size =< ?WHOLE -> overlay(Body, Size, <<>>);
grow(Store, Body, Size) -> grown(chunked(Store, Body), Size).

grown({chunked, Id, Old}, Size) ->
    {chunked, Id, max(Old, Size)}.

chunked(Store, Body) when is_binary(Body) ->
    Id = eslaver_mirror_store:id(),
    write_chunks(Store, Id, 0, Body),
    {chunked, Id, byte_size(Body)};
chunked(_Store, Body) ->
    Body.

write_chunks(_Store, _Id, _Offset, <<>>) ->
    ok;
write_chunks(#{chunks := Chunks} = Store, Id, Offset, Bytes) ->
    N = Offset div ?CHUNK,
    At = Offset rem ?CHUNK,
    Here = min(?CHUNK - At, byte_size(Bytes)),
    <<Part:Here/binary, Rest/binary>> = Bytes,
    true = ets:insert(Chunks, {{Id, N}, overlay(chunk(Chunks, Id, N), At, Part)}),
    write_chunks(Store, Id, Offset + Here, Rest).

overlay(Old, Offset, Bytes) ->
    End = Offset + byte_size(Bytes),
    iolist_to_binary(
        case Old of
            <<Head:Offset/binary, _/binary>> when byte_size(Old) =< End -> [Head, Bytes];
            <<Head:Offset/binary, _/binary>> -> [Head, Bytes, slice(Old, End, byte_size(Old))];
            _ -> [Old, zeros(Offset - byte_size(Old)), Bytes]
        end
    ).

chunk(Chunks, Id, N) ->
    case ets:lookup(Chunks, {Id, N}) of
        [{_, Bytes}] -> Bytes;
        [] -> <<>>
    end.

chunks(Size) ->
    (Size + ?CHUNK - 1) div ?CHUNK.

zeros(0) -> <<>>;
zeros(Count) -> <<0:Count/unit:8>>.

%% @doc The bytes from one index to another, inclusive; negative indexes count from the end.
-spec range(store(), body(), integer(), integer()) -> binary().
range(_Store, _Body, Start, End) when Start < 0, End < 0, Start > End ->
    <<>>;
range(Store, Body, Start, End) ->
    case indexes(Start, End, ?MODULE:size(Body)) of
        {First, Last} when First =< Last -> own(read(Store, Body, First, Last - First + 1));
        _ -> <<>>
    end.

%% @doc The first and the last index of a range within `Size' items; the range is empty if the first
%% is greater. As on the server, an index before the beginning counts as the beginning, at both
%% ends.
-spec indexes(integer(), integer(), non_neg_integer()) -> {integer(), integer()}.
indexes(Start, End, Size) ->
    {index(Start, Size), min(Size - 1, index(End, Size))}.

index(Index, Size) when Index < 0 -> max(0, Size + Index);
index(Index, _Size) -> Index.
