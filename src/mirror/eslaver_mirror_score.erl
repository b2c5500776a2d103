%% @doc Scores of sorted sets: doubles. Erlang has no infinite ones, so in the tables infinity is an
%% atom, which sorts after all numbers, and minus infinity is an integer below all floats; scores
%% compare as any terms. Minus zero is stored as zero: both are equal, and servers themselves do not
%% always keep the sign.
%% @private
-module(eslaver_mirror_score).

-export([parse/1, from_term/1, to_term/1, add/2, multiply/2, weighted/3, combine/3, number/1]).
-export_type([score/0, public/0, aggregate/0]).

-type score() :: float() | inf | integer().
%% As stored in the tables. Minus infinity is the only integer.

-type public() :: float() | inf | '-inf'.
%% As in answers to readers.

-type aggregate() :: sum | min | max | count.
%% How the scores of one member are combined. `count' adds up the weights of the sets that have the
%% member.

-define(MINUS_INF, -(1 bsl 1024)).

%% @doc Parses a score, or a bound of scores, as servers do with `strtod': decimal or hexadecimal,
%% with or without an exponent, infinite if it is too large. An empty text is zero.
-spec parse(binary()) -> score().
parse(<<$-, Digits/binary>>) -> negative(unsigned(Digits));
parse(<<$+, Digits/binary>>) -> unsigned(Digits);
parse(<<Space, Rest/binary>>) when Space =:= $\s; Space >= $\t, Space =< $\r -> parse(Rest);
parse(<<>>) -> 0.0;
parse(Digits) -> unsigned(Digits).

negative(inf) -> ?MINUS_INF;
negative(Score) -> plain(-Score).

plain(Float) -> Float + 0.0.

unsigned(<<$0, X, Digits/binary>>) when X =:= $x; X =:= $X -> hexadecimal(Digits);
unsigned(<<C, _/binary>> = Digits) when C >= $0, C =< $9; C =:= $. -> decimal(Digits);
unsigned(Word) -> infinite(string:lowercase(Word)).

infinite(<<"inf">>) -> inf;
infinite(<<"infinity">>) -> inf.

%% A double represents every integer of up to 15 digits exactly.
decimal(Text) ->
    case whole(Text) of
        {Whole, <<>>} when byte_size(Whole) =< 15 ->
            float(binary_to_integer(Whole));
        {Whole, <<$., Rest/binary>>} ->
            case whole(Rest) of
                {Decimals, <<>>} when Whole =/= <<>>, Decimals =/= <<>> -> binary_to_float(Text);
                Parts -> decimal(Whole, Parts)
            end;
        {Whole, Rest} ->
            decimal(Whole, {<<>>, Rest})
    end.

decimal(Whole, {Decimals, Rest}) when Whole =/= <<>>; Decimals =/= <<>> ->
    Exponent = exponent($e, Rest),
    Text = [$0, Whole, $., Decimals, $0, $e, integer_to_binary(Exponent)],
    try
        binary_to_float(iolist_to_binary(Text))
    catch
        error:badarg when Exponent > -byte_size(Whole) -> inf
    end.

whole(Text) ->
    Size = digits(Text, 0),
    split_binary(Text, Size).

digits(Text, Size) ->
    case Text of
        <<_:Size/binary, C, _/binary>> when C >= $0, C =< $9 -> digits(Text, Size + 1);
        _ -> Size
    end.

exponent(_Letter, <<>>) -> 0;
exponent(Letter, <<C, Exponent/binary>>) when C bor 32 =:= Letter -> binary_to_integer(Exponent).

%% The digits are bits, so the number is exact as long as they fit into a double.
hexadecimal(Text) ->
    {match, [Whole, Digits, Rest]} = re:run(
        Text,
        "^([0-9a-f]*)\\.?([0-9a-f]*)(.*)$",
        [caseless, dotall, {capture, all_but_first, binary}]
    ),
    Mantissa = binary_to_integer(<<Whole/binary, Digits/binary>>, 16),
    true = Mantissa < 1 bsl 53,
    scale(float(Mantissa), exponent($p, Rest) - 4 * byte_size(Digits)).

scale(Float, Power) when is_float(Float), Float > 0, Power > 1000 ->
    scale(times(Float, math:pow(2, 1000)), Power - 1000);
scale(Float, Power) when is_float(Float), Float > 0, Power < -1000 ->
    scale(times(Float, math:pow(2, -1000)), Power + 1000);
scale(Float, Power) when is_float(Float), Float > 0 ->
    times(Float, math:pow(2, Power));
scale(ZeroOrInf, _Power) ->
    ZeroOrInf.

%% @doc The score for a user's term. Raises `badarg' for an invalid one.
-spec from_term(number() | inf | '-inf') -> score().
from_term(inf) -> inf;
from_term('-inf') -> ?MINUS_INF;
from_term(Number) when is_number(Number) -> plain(float(Number));
from_term(_) -> error(badarg).

%% @doc The score as in answers to users.
-spec to_term(score()) -> public().
to_term(?MINUS_INF) -> '-inf';
to_term(Score) -> Score.

%% @doc The sum of two scores.
-spec add(score(), score()) -> score() | nan.
add(A, B) when is_float(A), is_float(B) ->
    try
        plain(A + B)
    catch
        error:badarith when A > 0 -> inf;
        error:badarith -> ?MINUS_INF
    end;
add(A, B) when is_float(B); A =:= B -> A;
add(A, B) when is_float(A) -> B;
add(_, _) ->
    nan.

%% @doc The product of two scores.
-spec multiply(score(), score()) -> score() | nan.
multiply(A, B) when is_float(A), is_float(B) -> times(A, B);
multiply(A, B) -> infinity(sign(A) * sign(B)).

times(A, B) ->
    try
        plain(A * B)
    catch
        error:badarith when (A < 0) =:= (B < 0) -> inf;
        error:badarith -> ?MINUS_INF
    end.

infinity(1) -> inf;
infinity(-1) -> ?MINUS_INF;
infinity(0) -> nan.

sign(Score) when Score > 0 -> 1;
sign(Score) when Score < 0 -> -1;
sign(_Zero) -> 0.

%% @doc A score with a weight applied.
-spec weighted(aggregate(), Weight :: score(), score()) -> score() | nan.
weighted(count, Weight, _Score) -> Weight;
weighted(_, Weight, Score) -> multiply(Weight, Score).

%% @doc Combines the scores of one member in two sorted sets by `AGGREGATE'. NaN makes a sum zero;
%% `min' and `max' ignore it.
-spec combine(aggregate(), score(), score() | nan) -> score().
combine(sum, _, nan) -> 0.0;
combine(sum, A, B) -> number(add(A, B));
combine(count, A, B) -> number(add(A, B));
combine(_, A, nan) -> A;
combine(min, A, B) -> min(A, B);
combine(max, A, B) -> max(A, B).

%% @doc Zero for NaN.
-spec number(score() | nan) -> score().
number(nan) -> 0.0;
number(Score) -> Score.
