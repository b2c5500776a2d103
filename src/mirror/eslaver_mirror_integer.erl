%% @doc Integers as servers read them from a value.
%% @private
-module(eslaver_mirror_integer).

-export([parse/1]).

%% @doc Masters before 3.2 read up to a byte that is 0, and nothing as 0; later ones let no such
%% value pass.
-spec parse(binary()) -> integer().
parse(Text) ->
    case binary:split(Text, <<0>>) of
        [<<>> | _] -> 0;
        [Digits | _] -> binary_to_integer(Digits)
    end.
