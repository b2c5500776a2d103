%% @doc The arithmetic of `INCRBYFLOAT' and `HINCRBYFLOAT', which servers on x86 do with 80-bit
%% floats. Masters replicate its result, so this is for the rare command that arrives verbatim, from
%% a module.
%% @private
-module(eslaver_mirror_float).

-export([add/2]).

%% The bits of an 80-bit float's mantissa, and the decimals of a result.
-define(MANTISSA, 64).
-define(DECIMALS, 17).

%% @doc The sum of two numbers in decimal, as the server writes it.
-spec add(binary(), binary()) -> binary().
add(A, B) ->
    {Numerator, Denominator} = plus(parse(A), parse(B)),
    write(rounded(Numerator, Denominator)).

plus({N1, D1}, {N2, D2}) ->
    {N1 * D2 + N2 * D1, D1 * D2}.

%% A float is an exact fraction, of two integers.
parse(Text) ->
    {match, [Sign, Whole, Decimals, Exponent]} = re:run(
        Text,
        "^([-+]?)([0-9]*)\\.?([0-9]*)(?:[eE]([-+]?[0-9]{1,4}))?$",
        [{capture, [1, 2, 3, 4], binary}, dollar_endonly]
    ),
    Digits = sign(Sign) * binary_to_integer(<<Whole/binary, Decimals/binary>>),
    case exponent(Exponent) - byte_size(Decimals) of
        Power when Power >= 0 -> rounded(Digits * power(Power), 1);
        Power -> rounded(Digits, power(-Power))
    end.

sign(<<"-">>) -> -1;
sign(_) -> 1.

exponent(<<>>) -> 0;
exponent(Exponent) -> binary_to_integer(Exponent).

power(N) ->
    binary_to_integer(<<"1", (binary:copy(<<"0">>, N))/binary>>).

%% The nearest fraction with a mantissa of `?MANTISSA' bits.
rounded(N, D) when N < 0 ->
    {Positive, Denominator} = rounded(-N, D),
    {-Positive, Denominator};
rounded(0, _D) ->
    {0, 1};
rounded(N, D) ->
    rounded(N, D, bits(N) - bits(D) - ?MANTISSA).

rounded(N, D, Shift) ->
    Numerator = N bsl max(0, -Shift),
    Denominator = D bsl max(0, Shift),
    case Numerator div Denominator < 1 bsl ?MANTISSA of
        true -> {nearest(Numerator, Denominator) bsl max(0, Shift), 1 bsl max(0, -Shift)};
        false -> rounded(N, D, Shift + 1)
    end.

bits(N) ->
    length(integer_to_list(N, 2)).

%% The nearest integer; of two equally near ones, the even one.
nearest(N, D) ->
    Floor = N div D,
    case 2 * (N - Floor * D) of
        Twice when Twice > D -> Floor + 1;
        D -> Floor + Floor band 1;
        _ -> Floor
    end.

write({N, D}) when N < 0 ->
    case write({-N, D}) of
        <<"0">> -> <<"0">>;
        Text -> <<"-", Text/binary>>
    end;
write({N, D}) ->
    Unit = power(?DECIMALS),
    Scaled = nearest(N * Unit, D),
    Decimals = string:pad(integer_to_list(Scaled rem Unit), ?DECIMALS, leading, $0),
    case string:trim(Decimals, trailing, "0") of
        "" -> integer_to_binary(Scaled div Unit);
        Left -> iolist_to_binary([integer_to_list(Scaled div Unit), ".", Left])
    end.
