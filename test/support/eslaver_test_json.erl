%% A strict reader of JSON, which OTP 25 has none of. It raises where the text is wrong.
-module(eslaver_test_json).

-export([decode/1]).
-export_type([json/0]).

-type json() :: null | boolean() | number() | binary() | [json()] | #{binary() => json()}.

-spec decode(binary()) -> json().
decode(Text) ->
    {Value, <<>>} = value(Text),
    Value.

value(<<"null", Rest/binary>>) -> {null, Rest};
value(<<"true", Rest/binary>>) -> {true, Rest};
value(<<"false", Rest/binary>>) -> {false, Rest};
value(<<"\"", Rest/binary>>) -> string(Rest, <<>>);
value(<<"[]", Rest/binary>>) -> {[], Rest};
value(<<"[", Rest/binary>>) -> list(Rest, []);
value(<<"{}", Rest/binary>>) -> {#{}, Rest};
value(<<"{", Rest/binary>>) -> object(Rest, #{});
value(Text) -> number(Text).

list(Text, Before) ->
    case value(Text) of
        {Value, <<",", Rest/binary>>} -> list(Rest, [Value | Before]);
        {Value, <<"]", Rest/binary>>} -> {lists:reverse([Value | Before]), Rest}
    end.

object(<<"\"", Text/binary>>, Members) ->
    {Key, <<":", Rest/binary>>} = string(Text, <<>>),
    false = is_map_key(Key, Members),
    case value(Rest) of
        {Value, <<",", More/binary>>} -> object(More, Members#{Key => Value});
        {Value, <<"}", More/binary>>} -> {Members#{Key => Value}, More}
    end.

string(<<"\"", Rest/binary>>, String) ->
    {String, Rest};
string(<<"\\u", Hex:4/binary, Rest/binary>>, String) ->
    string(Rest, <<String/binary, (binary_to_integer(Hex, 16))/utf8>>);
string(<<"\\", Char, Rest/binary>>, String) when Char =:= $"; Char =:= $\\ ->
    string(Rest, <<String/binary, Char>>);
string(<<Char/utf8, Rest/binary>>, String) when Char >= $\s, Char =/= $\\ ->
    string(Rest, <<String/binary, Char/utf8>>).

number(Text) ->
    Form = "\\A-?(0|[1-9][0-9]*)(\\.[0-9]+)?([eE][+-]?[0-9]+)?",
    {match, [{0, Length} | Parts]} = re:run(Text, Form),
    <<Number:Length/binary, Rest/binary>> = Text,
    case Parts of
        [_Whole] -> {binary_to_integer(Number), Rest};
        _ -> {real(Number), Rest}
    end.

real(Number) ->
    case binary:match(Number, <<".">>) of
        nomatch -> binary_to_float(re:replace(Number, "[eE]", ".0e", [{return, binary}]));
        _ -> binary_to_float(Number)
    end.
