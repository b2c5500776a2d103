%% @doc Checks the options of reads of strings. Invalid ones raise `badarg'.
%% @private
-module(eslaver_mirror_string_arguments).

-export([unit/1, lcs/1]).

-type lcs_options() :: eslaver_mirror_types:lcs_options().

%% @doc What indexes count.
-spec unit(eslaver_mirror_types:options(#{unit => byte | bit})) -> byte | bit.
unit(Options) ->
    Check = fun(Unit) -> Unit =:= byte orelse Unit =:= bit end,
    maps:get(unit, eslaver_mirror_arguments:options(#{unit => Check}, Options), byte).

%% @doc What is wanted of a subsequence. As in Redis, not both its length and its places; without
%% places the other options have no effect.
-spec lcs(lcs_options()) -> text | len | {idx, Least :: integer(), WithLength :: boolean()}.
lcs(Options) ->
    Given = eslaver_mirror_arguments:options(
        #{
            len => fun is_boolean/1,
            idx => fun is_boolean/1,
            min_match_len => fun is_integer/1,
            with_match_len => fun is_boolean/1
        },
        Options
    ),
    case {maps:get(len, Given, false), maps:get(idx, Given, false)} of
        {true, true} -> eslaver_mirror_arguments:invalid(len);
        {true, false} -> len;
        {false, true} -> places(Given);
        {false, false} -> text
    end.

places(Given) ->
    {idx, maps:get(min_match_len, Given, 0), maps:get(with_match_len, Given, false)}.
