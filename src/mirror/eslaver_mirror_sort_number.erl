%% @doc Which texts servers accept as numbers when they sort, which has changed several times.
%% @private
-module(eslaver_mirror_sort_number).

-export([dialect/1, parse/2]).
-export_type([dialect/0]).

-type dialect() :: any | of_server().
%% `any' accepts what any server accepts, for commands that have succeeded on the master.

-type of_server() :: c | fast_float | ffc | redis_8_10.

%% `zero_byte': reads up to a zero byte; `tiny': nonzero numbers that become zero; `huge': numbers
%% that become infinite.
-define(TAKES, #{
    any => [zero_byte, nothing, space, hexadecimal, huge, tiny, subnormal],
    c => [zero_byte, nothing, space, hexadecimal],
    fast_float => [zero_byte, nothing, huge, tiny, subnormal],
    ffc => [zero_byte, subnormal],
    redis_8_10 => [hexadecimal, subnormal]
}).

-define(LEAST_NORMAL, 2.2250738585072014e-308).

%% @doc How a server reads numbers.
-spec dialect(eslaver_mirror_store:server()) -> of_server().
dialect({_, unknown}) -> c;
dialect({valkey, Version}) when Version >= {9, 1} -> ffc;
dialect({redis, Version}) when Version >= {8, 10} -> redis_8_10;
dialect({redis, Version}) when Version >= {8, 0} -> fast_float;
dialect(_) -> c.

%% @doc The number in a text, or `error'.
-spec parse(dialect(), binary()) -> {ok, eslaver_mirror_score:score()} | error.
parse(Dialect, Text) ->
    Takes = maps:get(Dialect, ?TAKES),
    Number = up_to_zero(Text, Takes),
    try eslaver_mirror_score:parse(Number) of
        Score ->
            case lists:all(fun(Kind) -> lists:member(Kind, Takes) end, kinds(Number, Score)) of
                true -> {ok, Score};
                false -> error
            end
    catch
        error:_ -> error
    end.

up_to_zero(Text, Takes) ->
    case lists:member(zero_byte, Takes) of
        true -> hd(binary:split(Text, <<0>>));
        false -> Text
    end.

%% The kinds of a text that not all servers accept.
kinds(<<>>, _Score) -> [nothing];
kinds(<<Space, _/binary>>, _Score) when Space =:= $\s; Space >= $\t, Space =< $\r -> [space];
kinds(Text, Score) -> [hexadecimal || is_hexadecimal(Text)] ++ size(Text, Score).

is_hexadecimal(<<Sign, Digits/binary>>) when Sign =:= $-; Sign =:= $+ -> is_hexadecimal(Digits);
is_hexadecimal(<<$0, X, _/binary>>) -> X =:= $x orelse X =:= $X;
is_hexadecimal(_) -> false.

size(Text, Score) when is_float(Score) ->
    Size = abs(Score),
    [tiny || Size == 0.0, matches(Text, "^[-+]?(0[xX])?[0.]*[1-9a-fA-F]")] ++
        [subnormal || Size > 0.0, Size < ?LEAST_NORMAL];
size(Text, _Infinite) ->
    [huge || matches(Text, "[0-9]")].

matches(Text, Regex) ->
    re:run(Text, Regex, [{capture, none}]) =:= match.
