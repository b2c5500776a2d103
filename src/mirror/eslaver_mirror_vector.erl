%% @doc The vectors of vector sets: as servers keep them, and as servers return them. Servers
%% calculate with floats of 32 bits, so each step is rounded to these; the steps are in the order of
%% servers on x86.
%% @private
-module(eslaver_mirror_vector).

-export([from_blob/1, from_numbers/1, rows/2, hadamard/2, multiply/2]).
-export([bytes/2, keep/2, restore/3]).
-export_type([vector/0, matrix/0, quantization/0, kept/0]).

-type vector() :: [float()].
-type matrix() :: [vector()].
-type quantization() :: f32 | int8 | bin.
-type kept() :: {Vector :: binary(), L2 :: float(), Range :: float()}.

%% @doc Parses little-endian floats of 32 bits.
-spec from_blob(binary()) -> vector().
from_blob(Blob) ->
    Vector = [Float || <<Float:32/little-float>> <= Blob],
    true = 4 * length(Vector) =:= byte_size(Blob),
    Vector.

-spec from_numbers([binary()]) -> vector().
from_numbers(Numbers) ->
    [f32(eslaver_mirror_score:parse(Number)) || Number <- Numbers].

%% @doc Parses the rows of a matrix with this number of columns.
-spec rows(binary(), Columns :: pos_integer()) -> matrix().
rows(Blob, Columns) ->
    Size = 4 * Columns,
    [from_blob(Row) || <<Row:Size/binary>> <= Blob].

%% @doc The matrix with which servers reduce vectors.
-spec hadamard(Rows :: pos_integer(), Columns :: pos_integer()) -> matrix().
hadamard(Rows, Columns) ->
    Scale = f32(1 / math:sqrt(Columns)),
    [[sign(I band J) * Scale || J <- lists:seq(0, Columns - 1)] || I <- lists:seq(0, Rows - 1)].

sign(N) ->
    case ones(N, 0) rem 2 of
        0 -> 1;
        1 -> -1
    end.

ones(0, Count) -> Count;
ones(N, Count) -> ones(N bsr 1, Count + N band 1).

-spec multiply(matrix(), vector()) -> vector().
multiply(Matrix, Vector) ->
    [product(Row, Vector, 0.0) || Row <- Matrix].

product([A | As], [B | Bs], Sum) -> product(As, Bs, f32(Sum + f32(A * B)));
product([], [], Sum) -> Sum.

%% @doc The number of bytes in which a server keeps a vector.
-spec bytes(quantization(), Dimension :: pos_integer()) -> pos_integer().
bytes(f32, Dimension) -> 4 * Dimension;
bytes(int8, Dimension) -> Dimension;
bytes(bin, Dimension) -> (Dimension + 63) div 64 * 8.

%% @doc A vector as a server keeps it: normalized and quantized.
-spec keep(quantization(), vector()) -> kept().
keep(Quantization, Vector) ->
    case f32(math:sqrt(squares(Vector, 0.0))) of
        Zero when Zero == 0 -> quantized(Quantization, Vector, 1.0);
        L2 -> quantized(Quantization, [f32(X / L2) || X <- Vector], L2)
    end.

%% Four at a time.
squares([A, B, C, D | Rest], Sum) ->
    Four = f32(f32(f32(square(A) + square(B)) + square(C)) + square(D)),
    squares(Rest, f32(Sum + Four));
squares(Rest, Sum) ->
    lists:foldl(fun(X, Acc) -> f32(Acc + square(X)) end, Sum, Rest).

square(X) -> f32(X * X).

quantized(f32, Vector, L2) ->
    {<<<<X:32/little-float>> || X <- Vector>>, L2, 0.0};
quantized(bin, Vector, L2) ->
    {bits(Vector), L2, 0.0};
quantized(int8, Vector, L2) ->
    case lists:max([abs(X) || X <- Vector]) of
        Zero when Zero == 0 ->
            {<<<<0>> || _ <- Vector>>, L2, 0.0};
        Range ->
            Scale = f32(127 / Range),
            {<<<<(round(f32(X * Scale))):8>> || X <- Vector>>, L2, Range}
    end.

%% Words of 64 bits, the lowest bit first.
bits([]) ->
    <<>>;
bits(Vector) ->
    {Word, Rest} = lists:split(min(64, length(Vector)), Vector),
    Bits = lists:foldr(fun(X, Acc) -> Acc bsl 1 bor bit(X) end, 0, Word),
    <<Bits:64/little, (bits(Rest))/binary>>.

bit(X) when X > 0 -> 1;
bit(_) -> 0.

%% @doc A vector as a server returns it.
-spec restore(quantization(), Dimension :: pos_integer(), kept()) -> vector().
restore(f32, _Dimension, {Vector, L2, _Range}) ->
    [f32(X * L2) || <<X:32/little-float>> <= Vector];
restore(int8, _Dimension, {Vector, L2, Range}) ->
    [f32(f32(f32(X * Range) / 127) * L2) || <<X:8/signed>> <= Vector];
restore(bin, Dimension, {Vector, _L2, _Range}) ->
    Signs = [side(Bit) || <<Word:64/little>> <= Vector, <<Bit:1>> <= reversed(Word)],
    lists:sublist(Signs, Dimension).

%% Its lowest bit first.
reversed(Word) ->
    <<<<((Word bsr Bit) band 1):1>> || Bit <- lists:seq(0, 63)>>.

side(1) -> 1.0;
side(0) -> -1.0.

%% The nearest float of 32 bits.
f32(Number) ->
    <<Float:32/float>> = <<Number:32/float>>,
    Float.
