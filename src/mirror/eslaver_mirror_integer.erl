%% @doc Integers as servers read them from a value.
%% @private
-module(eslaver_mirror_integer).

-export([parse/1]).

%% @doc Masters before 3.2 read up to the first zero byte, and read an empty text as 0; later ones
%% reject such values.
-spec parse(binary()) -> integer().
parse(Text) ->
    case binary:split(Text, <<0>>) of
        [<<>> | _] -> 0;
        [Digits | _] -> binary_to_integer(Digits)
    end.
