%% @doc Ids of stream entries, which lie in the tables as two numbers, and how they are written.
%% @private
-module(eslaver_mirror_stream_id).

-export([parse/1, format/1, next/1, bound/2]).
-export_type([id/0, bound/0]).

-type id() :: {Ms :: non_neg_integer(), Seq :: non_neg_integer()}.

-type bound() :: '-' | '+' | binary() | {exclusive, binary()}.
%% The end of a range: the first or last there is, or an id, of which the second number may be left
%% out, included or not.

-define(MAX, 16#FFFFFFFFFFFFFFFF).

%% @doc An id as a command has it.
-spec parse(binary()) -> id().
parse(Text) ->
    parse(Text, 0).

%% @doc The same with what a missing second number stands for.
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

%% @doc The id behind this, or `none' behind the last.
-spec next(id()) -> id() | none.
next({?MAX, ?MAX}) -> none;
next({Ms, ?MAX}) -> {Ms + 1, 0};
next({Ms, Seq}) -> {Ms, Seq + 1}.

-spec previous(id()) -> id() | none.
previous({0, 0}) -> none;
previous({Ms, 0}) -> {Ms - 1, ?MAX};
previous({Ms, Seq}) -> {Ms, Seq - 1}.

%% @doc The first or last id of a range, or `none' where it is empty.
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
