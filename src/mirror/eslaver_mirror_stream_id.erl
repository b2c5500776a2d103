%% @doc Ids of stream entries: two numbers in the tables, and their text.
%% @private
-module(eslaver_mirror_stream_id).

-export([parse/1, format/1, next/1, bound/2]).
-export_type([id/0, bound/0]).

-type id() :: {Ms :: non_neg_integer(), Seq :: non_neg_integer()}.

-type bound() :: '-' | '+' | binary() | {exclusive, binary()}.
%% An end of a range: the least or greatest id, or a given one, included or not; its second number
%% may be left out.

-define(MAX, 16#FFFFFFFFFFFFFFFF).

%% @doc Parses the id of a command.
-spec parse(binary()) -> id().
parse(Text) ->
    parse(Text, 0).

%% @doc The same, with a default for a missing second number.
-spec parse(binary(), non_neg_integer()) -> id().
parse(Text, Missing) ->
    case binary:split(Text, <<"-">>) of
        [Ms] -> {number(Ms), Missing};
        [Ms, Seq] -> {number(Ms), number(Seq)}
    end.

number(Text) ->
    case binary_to_integer(Text) of
        Number when Number >= 0, Number =< ?MAX -> Number
    end.

-spec format(id()) -> binary().
format({Ms, Seq}) ->
    <<(integer_to_binary(Ms))/binary, "-", (integer_to_binary(Seq))/binary>>.

%% @doc The next greater id, or `none' after the greatest.
-spec next(id()) -> id() | none.
next({?MAX, ?MAX}) -> none;
next({Ms, ?MAX}) -> {Ms + 1, 0};
next({Ms, Seq}) -> {Ms, Seq + 1}.

-spec previous(id()) -> id() | none.
previous({0, 0}) -> none;
previous({Ms, 0}) -> {Ms - 1, ?MAX};
previous({Ms, Seq}) -> {Ms, Seq - 1}.

%% @doc The first or last id of a range, or `none' if the range is empty.
-spec bound(lower | upper, bound()) -> id() | none.
bound(_, '-') -> {0, 0};
bound(_, '+') -> {?MAX, ?MAX};
bound(lower, {exclusive, Text}) -> next(given(Text, 0));
bound(upper, {exclusive, Text}) -> previous(given(Text, ?MAX));
bound(lower, Text) -> given(Text, 0);
bound(upper, Text) -> given(Text, ?MAX).

given(Text, Missing) when is_binary(Text) ->
    try
        parse(Text, Missing)
    catch
        error:_ -> error(badarg)
    end;
given(_Text, _Missing) ->
    error(badarg).
