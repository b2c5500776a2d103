%% @doc Arrays (Redis 8.8) in a mirror's tables: a row `{{Id, Index}, Element}' for each element, so
%% gaps cost nothing.
%% @private
-module(eslaver_mirror_array).

-behaviour(eslaver_mirror_type).

-export([load/3, copy/2, discard/3]).
-export([new/0, set/3, delete/3, delete_range/4, insert/3, ring/4, seek/2]).
-export([length/2, count/2, get/3, next_index/1, cursor/1, fold/5]).
-export_type([body/0, index/0, cursor/0]).

-type body() :: {eslaver_mirror_store:id(), Count :: non_neg_integer(), cursor()}.
-type cursor() :: index() | none.
%% The index of the element inserted last; `none' if the next one goes to index 0.

-type store() :: eslaver_mirror_store:store().
-type index() :: non_neg_integer().
-type element() :: binary().

-define(MAX_INDEX, 16#FFFFFFFFFFFFFFFE).

%% For the behaviour.

%% @private
-spec load(store(), [{index(), element()}], map()) -> body() | empty.
load(Store, Elements, Meta) ->
    Cursor =
        case Meta of
            #{next_index := Next} -> Next - 1;
            #{} -> none
        end,
    or_empty(set(Store, with_cursor(Cursor, new()), Elements)).

%% @private
-spec copy(store(), body()) -> body().
copy(#{items := Items}, {Id, Count, Cursor}) ->
    New = eslaver_mirror_store:id(),
    Make = fun({{_, Index}, Element}) -> {{New, Index}, Element} end,
    ok = eslaver_mirror_rows:copy(Items, {{Id, '_'}, '_'}, Make),
    {New, Count, Cursor}.

%% @private
-spec discard(store(), body(), pos_integer()) -> done | {more, body()}.
discard(#{items := Items}, {Id, _, _} = Body, Limit) ->
    case eslaver_mirror_rows:discard(Items, {{Id, '_'}, '_'}, Limit) of
        done -> done;
        more -> {more, Body}
    end.

%% For the writer.

%% @doc The body of an empty array.
-spec new() -> body().
new() ->
    {eslaver_mirror_store:id(), 0, none}.

%% @doc Sets elements, one after the other.
-spec set(store(), body(), [{index(), element()}]) -> body().
set(#{items := Items}, Body, Elements) ->
    lists:foldl(fun(Element, Acc) -> set_one(Items, Acc, Element) end, Body, Elements).

set_one(Items, {Id, Count, Cursor}, {Index, Element}) when Index =< ?MAX_INDEX ->
    Row = {{Id, Index}, Element},
    case ets:insert_new(Items, Row) of
        true ->
            {Id, Count + 1, Cursor};
        false ->
            true = ets:insert(Items, Row),
            {Id, Count, Cursor}
    end.

%% @doc Removes the elements at these indexes.
-spec delete(store(), body(), [index()]) -> body() | empty.
delete(#{items := Items}, Body, Indexes) ->
    or_empty(lists:foldl(fun(Index, Acc) -> delete_one(Items, Acc, Index) end, Body, Indexes)).

delete_one(Items, {Id, Count, Cursor} = Body, Index) ->
    case ets:take(Items, {Id, Index}) of
        [_] -> {Id, Count - 1, Cursor};
        [] -> Body
    end.

%% @doc Removes the elements from one index to the other.
-spec delete_range(store(), body(), Low :: index(), High :: index()) -> body() | empty.
delete_range(Store, Body, Low, High) ->
    Indexes = fold(Store, Body, fun(Index, _, Acc) -> {go_on, [Index | Acc]} end, [], {Low, High}),
    delete(Store, Body, Indexes).

or_empty({_, 0, _}) -> empty;
or_empty(Body) -> Body.

%% @doc Inserts elements after the one inserted last.
-spec insert(store(), body(), [element()]) -> body().
insert(Store, {_, _, Cursor} = Body, Elements) ->
    First = after_cursor(Cursor),
    Last = First + erlang:length(Elements) - 1,
    with_cursor(Last, set(Store, Body, lists:zip(lists:seq(First, Last), Elements))).

%% @doc Inserts elements into a ring of `Size'. A ring of another size is first rebuilt from its
%% latest elements.
-spec ring(store(), body(), Size :: pos_integer(), [element()]) -> body().
ring(Store, Body, Size, Elements) ->
    Span = length(Store, Body),
    Resized =
        case kept(Body, Size, Span) of
            none -> Body;
            Kept -> resized(Store, Body, Span, Kept)
        end,
    lists:foldl(
        fun(Element, {_, _, Cursor} = Acc) ->
            Index = after_cursor(Cursor) rem Size,
            with_cursor(Index, set(Store, Acc, [{Index, Element}]))
        end,
        Resized,
        Elements
    ).

%% How many of the latest elements a rebuilt ring keeps.
kept(_Body, _Size, 0) -> none;
kept(_Body, Size, Span) when Size < Span -> Size;
kept({_, _, Cursor}, Size, Span) when Size > Span, Cursor =/= none, Cursor + 1 < Span -> Span;
kept(_Body, _Size, _Span) -> none.

resized(Store, {_, _, Cursor} = Body, Span, Kept) ->
    Latest =
        case Cursor of
            none -> Span - 1;
            _ -> Cursor rem Span
        end,
    Elements = latest(Store, Body, Latest, Span, Kept, []),
    #{items := Items} = Store,
    {Id, _, _} = Body,
    true = ets:match_delete(Items, {{Id, '_'}, '_'}),
    insert_all(Store, {Id, 0, none}, Elements).

insert_all(_Store, Body, []) -> Body;
insert_all(Store, Body, Elements) -> insert(Store, Body, Elements).

%% The elements back to the first gap, the oldest first.
latest(_Store, _Body, _Index, _Span, 0, Found) ->
    Found;
latest(Store, Body, Index, Span, Left, Found) ->
    case get(Store, Body, Index) of
        undefined ->
            Found;
        Element ->
            Previous = (Index + Span - 1) rem Span,
            latest(Store, Body, Previous, Span, Left - 1, [Element | Found])
    end.

%% @doc Sets the index at which the next element is inserted.
-spec seek(body(), index()) -> body().
seek(Body, 0) -> with_cursor(none, Body);
seek(Body, Index) -> with_cursor(Index - 1, Body).

with_cursor(Cursor, {Id, Count, _}) ->
    {Id, Count, Cursor}.

after_cursor(none) -> 0;
after_cursor(Cursor) when is_integer(Cursor) -> Cursor + 1.

%% For readers.

%% @doc The greatest index of an element, plus one.
-spec length(store(), body()) -> non_neg_integer().
length(#{items := Items}, {Id, _, _}) ->
    %% An atom is greater than any number.
    case ets:prev(Items, {Id, infinity}) of
        {Id, Index} when is_integer(Index) -> Index + 1;
        _ -> 0
    end.

%% @doc The number of elements.
-spec count(store(), body()) -> non_neg_integer().
count(_Store, {_, Count, _}) ->
    Count.

-spec get(store(), body(), index()) -> element() | undefined.
get(#{items := Items}, {Id, _, _}, Index) ->
    case ets:lookup(Items, {Id, Index}) of
        [{_, Element}] -> Element;
        [] -> undefined
    end.

%% @doc The index at which the next element is inserted; `undefined' if no index is left.
-spec next_index(body()) -> index() | undefined.
next_index({_, _, ?MAX_INDEX}) -> undefined;
next_index({_, _, Cursor}) -> after_cursor(Cursor).

%% @doc See {@link cursor()}.
-spec cursor(body()) -> cursor().
cursor({_, _, Cursor}) ->
    Cursor.

%% @doc Folds over the elements from one index to the other, forward or backward, until the fun
%% returns `stop'.
-spec fold(
    store(),
    body(),
    fun((index(), element(), Acc) -> {go_on | stop, Acc}),
    Acc,
    {From :: index(), To :: index()}
) -> Acc.
fold(#{items := Items}, {Id, _, _}, Fun, Acc, {From, To}) when From =< To ->
    Step = fun(Key) -> ets:next(Items, Key) end,
    fold(Items, Id, Fun, Acc, Step, Step({Id, From - 1}), fun(Index) -> Index =< To end);
fold(#{items := Items}, {Id, _, _}, Fun, Acc, {From, To}) ->
    Step = fun(Key) -> ets:prev(Items, Key) end,
    fold(Items, Id, Fun, Acc, Step, Step({Id, From + 1}), fun(Index) -> Index >= To end).

fold(Items, Id, Fun, Acc, Step, {Id, Index} = Key, IsWithin) ->
    case IsWithin(Index) andalso ets:lookup(Items, Key) of
        [{_, Element}] ->
            case Fun(Index, Element, Acc) of
                {go_on, Next} -> fold(Items, Id, Fun, Next, Step, Step(Key), IsWithin);
                {stop, Last} -> Last
            end;
        _ ->
            Acc
    end;
fold(_Items, _Id, _Fun, Acc, _Step, _OtherKey, _IsWithin) ->
    Acc.
