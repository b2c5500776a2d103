%% @doc A counted B+-tree whose nodes are rows of a table: a sequence of items of any length. Items
%% are read, inserted and removed by position in O(log n), and, if the items are in the order of
%% Erlang's terms, also by their place in that order. Lists and sorted sets are made of it.
%%
%% A leaf is `{{Id, N}, Items}', an inner node `{{Id, N}, Children, Uppers, Count1, Count2, ...}',
%% so that a count can be updated in place. In an ordered tree `Uppers' are items that are not less
%% than any item below the same child, and less than all to the right of it; the last one is never
%% read. A removed node's number is never used again, so a reader always finishes, even while the
%% tree changes.
%% @private
-module(eslaver_mirror_tree).

-export([new/1, from_list/3, id/1, size/1]).
-export([nth/3, rank/3, span/3, fold/6, range/4]).
-export([insert/4, push/4, replace/4, delete/3, move/5]).
-export([copy/3, discard/4]).
-export_type([tree/0, item/0, below/0, span/0, rest/0]).

-record(tree, {
    id :: eslaver_mirror_store:id(),
    %% Whether items are in order, and found by it.
    kind :: sequence | ordered,
    size = 0 :: non_neg_integer(),
    %% The number of inner nodes above each leaf.
    height = 0 :: non_neg_integer(),
    root = 0 :: non_neg_integer(),
    %% The number of the next new node.
    next = 1 :: pos_integer()
}).

-opaque tree() :: #tree{}.

-type item() :: term().

-type below() :: fun((item()) -> boolean()).
%% A place in the order: true for all items before it, false for all after it.

-type span() :: {From :: non_neg_integer(), Count :: non_neg_integer()}.
%% Items by position, from 0 on.

-opaque rest() :: {rest, eslaver_mirror_store:id(), [{Height :: non_neg_integer(), pos_integer()}]}.
%% Nodes still to be discarded.

-type where() :: {at, non_neg_integer()} | below().
-type entry() :: {Child :: pos_integer(), Count :: pos_integer(), Upper :: item()}.

-define(LEAF, 32).
-define(INNER, 32).
%% Nodes of at most `?SMALL' are merged when together at most `?MERGED'.
-define(SMALL, 10).
-define(MERGED, 24).
-define(ALL, (1 bsl 58)).
%% The positions of the children, the uppers and the counts in an inner node.
-define(CHILDREN, 2).
-define(UPPERS, 3).
-define(COUNT(I), (3 + I)).

%% Whole trees.

%% @doc An empty tree.
-spec new(sequence | ordered) -> tree().
new(Kind) ->
    #tree{id = eslaver_mirror_store:id(), kind = Kind}.

%% @doc A tree of these items, with full nodes, in O(n).
-spec from_list(ets:tid(), sequence | ordered, [item()]) -> tree().
from_list(Nodes, Kind, Items) ->
    push(Nodes, back, Items, new(Kind)).

%% @doc The id of all its rows.
-spec id(tree() | rest()) -> eslaver_mirror_store:id().
id(#tree{id = Id}) -> Id;
id({rest, Id, _Stack}) -> Id.

%% @doc The number of items.
-spec size(tree()) -> non_neg_integer().
size(#tree{size = Size}) -> Size.

%% @doc A copy with a new id; `Each' is called with that id and the items of each leaf.
-spec copy(ets:tid(), fun((eslaver_mirror_store:id(), tuple()) -> ok), tree()) -> tree().
copy(_Nodes, _Each, #tree{size = 0, kind = Kind}) ->
    new(Kind);
copy(Nodes, Each, #tree{root = Root, height = Height} = Tree) ->
    New = Tree#tree{id = eslaver_mirror_store:id()},
    copy_node(Nodes, Each, Height, Root, Tree, New),
    New.

copy_node(Nodes, Each, 0, N, Tree, #tree{id = New} = To) ->
    Items = leaf(Nodes, N, Tree),
    put_leaf(Nodes, N, Items, To),
    Each(New, Items);
copy_node(Nodes, Each, Height, N, Tree, #tree{id = New} = To) ->
    Row = inner(Nodes, N, Tree),
    true = ets:insert(Nodes, setelement(1, Row, {New, N})),
    lists:foreach(
        fun(Child) -> copy_node(Nodes, Each, Height - 1, Child, Tree, To) end,
        tuple_to_list(element(?CHILDREN, Row))
    ).

%% @doc Removes about `Limit' rows of a tree that is no longer in use. `Each' is called with the
%% items of each leaf, and returns how many rows of its own it has removed for them.
-spec discard(ets:tid(), fun((tuple()) -> non_neg_integer()), pos_integer(), tree() | rest()) ->
    done | {more, rest()}.
discard(_Nodes, _Each, _Limit, #tree{size = 0}) ->
    done;
discard(Nodes, Each, Limit, #tree{id = Id, root = Root, height = Height}) ->
    discard(Nodes, Each, Limit, {rest, Id, [{Height, Root}]});
discard(_Nodes, _Each, _Limit, {rest, _Id, []}) ->
    done;
discard(_Nodes, _Each, Limit, {rest, _Id, _Stack} = Rest) when Limit =< 0 ->
    {more, Rest};
discard(Nodes, Each, Limit, {rest, Id, [{0, N} | Stack]}) ->
    [{_, Items}] = ets:take(Nodes, {Id, N}),
    discard(Nodes, Each, Limit - 1 - Each(Items), {rest, Id, Stack});
discard(Nodes, Each, Limit, {rest, Id, [{Height, N} | Stack]}) ->
    [Row] = ets:take(Nodes, {Id, N}),
    Children = [{Height - 1, Child} || Child <- tuple_to_list(element(?CHILDREN, Row))],
    discard(Nodes, Each, Limit - 1, {rest, Id, Children ++ Stack}).

%% Reading.

%% @doc The item at an existing position.
-spec nth(ets:tid(), non_neg_integer(), tree()) -> item().
nth(Nodes, Index, #tree{size = Size} = Tree) when Index >= 0, Index < Size ->
    {_Leaf, Items, Position} = find(Nodes, Index, Tree),
    element(Position, Items).

%% @doc The number of items before a place in the order.
-spec rank(ets:tid(), below(), tree()) -> non_neg_integer().
rank(_Nodes, _Below, #tree{size = 0}) ->
    0;
rank(Nodes, Below, #tree{root = Root, height = Height} = Tree) ->
    rank(Nodes, Below, Height, Root, 0, Tree).

rank(Nodes, Below, 0, N, Before, Tree) ->
    Before + place(Below, leaf(Nodes, N, Tree));
rank(Nodes, Below, Height, N, Before, Tree) ->
    Row = inner(Nodes, N, Tree),
    {I, _} = choose(Below, Row),
    More = sum_counts(1, I, Row, Before),
    rank(Nodes, Below, Height - 1, child(I, Row), More, Tree).

sum_counts(I, I, _Row, Sum) ->
    Sum;
sum_counts(I, To, Row, Sum) ->
    case element(?COUNT(I), Row) of
        Count when is_integer(Count) -> sum_counts(I + 1, To, Row, Sum + Count)
    end.

%% @doc The items between two indexes as in Redis; negative ones count from the end.
-spec span(integer(), integer(), tree()) -> span().
span(Start, Stop, #tree{size = Size}) ->
    From = max(from_start(Start, Size), 0),
    To = min(from_start(Stop, Size), Size - 1),
    {From, max(To - From + 1, 0)}.

from_start(Index, Size) when Index < 0 -> Index + Size;
from_start(Index, _Size) -> Index.

%% @doc Items by position, forward or backward.
-spec range(ets:tid(), span(), forward | backward, tree()) -> [item()].
range(Nodes, Span, forward, Tree) -> fold(Nodes, fun cons/2, [], Span, backward, Tree);
range(Nodes, Span, backward, Tree) -> fold(Nodes, fun cons/2, [], Span, forward, Tree).

cons(Item, Items) -> [Item | Items].

%% @doc Folds over items by position, from the first or from the last of them.
-spec fold(
    ets:tid(), fun((item(), Acc) -> Acc), Acc, span(), forward | backward, tree()
) -> Acc.
fold(_Nodes, _Fun, Acc, {From, Count}, _Way, #tree{size = Size}) when From >= Size; Count =< 0 ->
    Acc;
fold(Nodes, Fun, Acc, {From, Count}, Way, #tree{root = Root, height = Height} = Tree) ->
    fold_node(Nodes, {Fun, From, From + Count, Way}, Height, Root, 0, Acc, Tree).

fold_node(Nodes, {Fun, From, To, Way}, 0, N, Base, Acc, Tree) ->
    Items = leaf(Nodes, N, Tree),
    First = max(From - Base, 0) + 1,
    Last = min(To - Base, tuple_size(Items)),
    case Way of
        forward -> fold_up(Fun, First, Last, Items, Acc);
        backward -> fold_down(Fun, Last, First, Items, Acc)
    end;
fold_node(Nodes, {_, From, To, Way} = What, Height, N, Base, Acc, Tree) ->
    Row = inner(Nodes, N, Tree),
    Children = overlapping(From, To, Base, 1, Row),
    lists:foldl(
        fun({Child, At}, Sofar) ->
            fold_node(Nodes, What, Height - 1, Child, At, Sofar, Tree)
        end,
        Acc,
        case Way of
            forward -> Children;
            backward -> lists:reverse(Children)
        end
    ).

overlapping(_From, To, Base, I, Row) when Base >= To; ?COUNT(I) > tuple_size(Row) ->
    [];
overlapping(From, To, Base, I, Row) ->
    Next = Base + element(?COUNT(I), Row),
    case Next > From of
        true -> [{child(I, Row), Base} | overlapping(From, To, Next, I + 1, Row)];
        false -> overlapping(From, To, Next, I + 1, Row)
    end.

fold_up(_Fun, I, Last, _Items, Acc) when I > Last -> Acc;
fold_up(Fun, I, Last, Items, Acc) -> fold_up(Fun, I + 1, Last, Items, Fun(element(I, Items), Acc)).

fold_down(_Fun, I, First, _Items, Acc) when I < First -> Acc;
fold_down(Fun, I, First, Items, Acc) ->
    fold_down(Fun, I - 1, First, Items, Fun(element(I, Items), Acc)).

%% Inserting.

%% @doc Inserts an item at a position, or at its place in the order.
-spec insert(ets:tid(), where(), item(), tree()) -> tree().
insert(Nodes, Where, Item, Tree) ->
    insert_some(Nodes, Where, [Item], 1, Tree).

%% @doc Pushes items to the front or the back, one after the other: the last one pushed to the front
%% is then the first of all.
-spec push(ets:tid(), front | back, [item()], tree()) -> tree().
push(_Nodes, _End, [], Tree) ->
    Tree;
push(Nodes, End, [_] = Items, Tree) ->
    insert_some(Nodes, end_of(End, Tree), Items, 1, Tree);
push(Nodes, End, Items, Tree) ->
    {Some, Count, Rest} = take(?LEAF, Items),
    Ordered =
        case End of
            front -> lists:reverse(Some);
            back -> Some
        end,
    push(Nodes, End, Rest, insert_some(Nodes, end_of(End, Tree), Ordered, Count, Tree)).

end_of(front, _Tree) -> {at, 0};
end_of(back, #tree{size = Size}) -> {at, Size}.

take(Most, Items) ->
    take(Most, Items, 0, []).

take(Most, [Item | Rest], Count, Taken) when Count < Most ->
    take(Most, Rest, Count + 1, [Item | Taken]);
take(_Most, Rest, Count, Taken) ->
    {lists:reverse(Taken), Count, Rest}.

insert_some(Nodes, _Where, Items, Count, #tree{size = 0, next = N} = Tree) ->
    put_leaf(Nodes, N, list_to_tuple(Items), Tree),
    Tree#tree{size = Count, height = 0, root = N, next = N + 1};
insert_some(Nodes, Where, Items, Count, #tree{size = Size, root = Root, height = Height} = Tree) ->
    case insert_node(Nodes, Height, Root, Where, Items, Count, Tree) of
        {whole, Next} ->
            Next#tree{size = Size + Count};
        {split, Left, Right, #tree{next = N} = Next} ->
            put_inner(Nodes, N, [Left, Right], Next),
            Next#tree{size = Size + Count, height = Height + 1, root = N, next = N + 1}
    end.

%% A full node is split; the left half keeps the number.
-spec insert_node(
    ets:tid(), non_neg_integer(), pos_integer(), where(), [item()], pos_integer(), tree()
) -> {whole, tree()} | {split, entry(), entry(), tree()}.
insert_node(Nodes, 0, N, Where, Items, Count, Tree) ->
    Old = leaf(Nodes, N, Tree),
    At = place(Where, Old),
    case tuple_size(Old) + Count of
        Size when Size =< ?LEAF ->
            put_leaf(Nodes, N, splice(At, Items, Old), Tree),
            {whole, Tree};
        Size ->
            {Before, After} = lists:split(At, tuple_to_list(Old)),
            Cut = cut(At, tuple_size(Old), Size, ?LEAF),
            {Left, Right} = lists:split(Cut, Before ++ Items ++ After),
            #tree{next = New} = Tree,
            put_leaf(Nodes, N, list_to_tuple(Left), Tree),
            put_leaf(Nodes, New, list_to_tuple(Right), Tree),
            {split, {N, Cut, upper(Left, Tree)}, {New, Size - Cut, none}, Tree#tree{next = New + 1}}
    end;
insert_node(Nodes, Height, N, Where, Items, Count, #tree{id = Id} = Tree) ->
    Row = inner(Nodes, N, Tree),
    {I, Within} = choose(Where, Row),
    case insert_node(Nodes, Height - 1, child(I, Row), Within, Items, Count, Tree) of
        {whole, _} = Whole ->
            _ = ets:update_counter(Nodes, {Id, N}, {?COUNT(I), Count}),
            Whole;
        {split, Left, {Right, RightCount, none}, Next} ->
            {Before, [{_, _, Upper} | After]} = lists:split(I - 1, entries(Row)),
            put_entries(Nodes, N, I, Before ++ [Left, {Right, RightCount, Upper} | After], Next)
    end.

%% The new entry is the one after position `I'.
put_entries(Nodes, N, I, Entries, #tree{next = New} = Tree) ->
    case length(Entries) of
        Size when Size =< ?INNER ->
            put_inner(Nodes, N, Entries, Tree),
            {whole, Tree};
        Size ->
            {Left, Right} = lists:split(cut(I - 1, Size - 2, Size, ?INNER), Entries),
            put_inner(Nodes, N, Left, Tree),
            put_inner(Nodes, New, Right, Tree),
            {_, _, Upper} = lists:last(Left),
            {split, {N, count(Left), Upper}, {New, count(Right), none}, Tree#tree{next = New + 1}}
    end.

%% Where a node is split. At the ends of the tree the split leaves full nodes.
cut(Last, Last, _Size, Capacity) -> Capacity;
cut(0, _Last, Size, Capacity) -> Size - Capacity;
cut(_At, _Last, Size, _Capacity) -> Size div 2.

upper(Items, #tree{kind = ordered}) -> lists:last(Items);
upper(_Items, #tree{kind = sequence}) -> none.

splice(At, [Item], Old) ->
    erlang:insert_element(At + 1, Old, Item);
splice(At, Items, Old) ->
    {Before, After} = lists:split(At, tuple_to_list(Old)),
    list_to_tuple(Before ++ Items ++ After).

%% @doc Replaces the item at an existing position.
-spec replace(ets:tid(), non_neg_integer(), item(), tree()) -> ok.
replace(Nodes, Index, Item, #tree{size = Size} = Tree) when Index >= 0, Index < Size ->
    {N, Items, Position} = find(Nodes, Index, Tree),
    put_leaf(Nodes, N, setelement(Position, Items, Item), Tree).

%% @doc Replaces the existing item at one place in the order by one for another place.
-spec move(ets:tid(), below(), below(), item(), tree()) -> tree().
move(Nodes, From, To, Item, #tree{root = Root, height = Height} = Tree) ->
    case move_within(Nodes, From, To, Item, Height, Root, Tree) of
        moved -> Tree;
        elsewhere -> insert(Nodes, To, Item, delete(Nodes, From, Tree))
    end.

move_within(Nodes, From, To, Item, 0, N, Tree) ->
    Items = leaf(Nodes, N, Tree),
    Without = erlang:delete_element(place(From, Items) + 1, Items),
    put_leaf(Nodes, N, splice(place(To, Without), [Item], Without), Tree),
    moved;
move_within(Nodes, From, To, Item, Height, N, Tree) ->
    Row = inner(Nodes, N, Tree),
    case {choose(From, Row), choose(To, Row)} of
        {{I, _}, {I, _}} ->
            move_within(Nodes, From, To, Item, Height - 1, child(I, Row), Tree);
        _ ->
            elsewhere
    end.

%% Removing.

%% @doc Removes the first item at or after a place in the order; or spans of items, which are in
%% order and do not overlap.
-spec delete(ets:tid(), below() | [span()], tree()) -> tree().
delete(_Nodes, [], Tree) ->
    Tree;
delete(Nodes, What, #tree{size = Size, root = Root, height = Height} = Tree) ->
    case delete_node(Nodes, Height, Root, What, 0, Tree) of
        {Size, 0} -> Tree#tree{size = 0, height = 0, root = 0};
        {Removed, _} -> lower(Nodes, Tree#tree{size = Size - Removed})
    end.

%% A root with one child is replaced by the child.
lower(_Nodes, #tree{height = 0} = Tree) ->
    Tree;
lower(Nodes, #tree{root = Root, height = Height} = Tree) ->
    case element(?CHILDREN, inner(Nodes, Root, Tree)) of
        {Child} ->
            remove(Nodes, Root, Tree),
            lower(Nodes, Tree#tree{root = Child, height = Height - 1});
        _ ->
            Tree
    end.

%% How many items were removed, and how many items or children the node has left. A node with none
%% is removed. `Base' is the position of the node's first item.
delete_node(Nodes, 0, N, What, Base, Tree) ->
    Items = leaf(Nodes, N, Tree),
    case without(What, Base, Items) of
        {} ->
            remove(Nodes, N, Tree),
            {tuple_size(Items), 0};
        Left ->
            put_leaf(Nodes, N, Left, Tree),
            {tuple_size(Items) - tuple_size(Left), tuple_size(Left)}
    end;
delete_node(Nodes, Height, N, What, Base, #tree{id = Id} = Tree) ->
    Row = inner(Nodes, N, Tree),
    Touched = [
        {I, delete_child(Nodes, Height - 1, child(I, Row), element(?COUNT(I), Row), Within, Tree)}
     || {I, Within} <- touched(What, Base, Row)
    ],
    case Touched of
        [{I, {Removed, Fill}}] when Fill > ?SMALL ->
            _ = ets:update_counter(Nodes, {Id, N}, {?COUNT(I), -Removed}),
            {Removed, tuple_size(element(?CHILDREN, Row))};
        _ ->
            settle(Nodes, Height, N, Row, Touched, Tree)
    end.

delete_child(Nodes, Height, Child, Count, {[{Base, Count}], Base}, #tree{id = Id}) ->
    done = discard(Nodes, fun(_) -> 0 end, ?ALL, {rest, Id, [{Height, Child}]}),
    {Count, 0};
delete_child(Nodes, Height, Child, _Count, {What, Base}, Tree) ->
    delete_node(Nodes, Height, Child, What, Base, Tree).

%% The children concerned, each with its part of the spans.
touched(Below, Base, Row) when is_function(Below) ->
    {I, _} = choose(Below, Row),
    [{I, {Below, Base}}];
touched(Spans, Base, Row) ->
    touched(Spans, Base, 1, Row).

touched([], _Base, _I, _Row) ->
    [];
touched(_Spans, _Base, I, Row) when ?COUNT(I) > tuple_size(Row) ->
    [];
touched(Spans, Base, I, Row) ->
    Next = Base + element(?COUNT(I), Row),
    case clip(Spans, Next, []) of
        {[], Later} -> touched(Later, Next, I + 1, Row);
        {Here, Later} -> [{I, {Here, Base}} | touched(Later, Next, I + 1, Row)]
    end.

%% Splits spans at a position.
clip([{From, Count} = Span | Rest], End, Before) when From + Count =< End ->
    clip(Rest, End, [Span | Before]);
clip([{From, Count} | Rest], End, Before) when From < End ->
    Here = {From, End - From},
    {lists:reverse(Before, [Here]), [{End, From + Count - End} | Rest]};
clip(Spans, _End, Before) ->
    {lists:reverse(Before), Spans}.

without(Below, _Base, Items) when is_function(Below) ->
    erlang:delete_element(place(Below, Items) + 1, Items);
without([{From, 1}], Base, Items) ->
    erlang:delete_element(From - Base + 1, Items);
without(Spans, Base, Items) ->
    list_to_tuple(skip(Spans, Base, tuple_to_list(Items))).

skip([], _At, Items) ->
    Items;
skip([{From, Count} | Spans], At, Items) ->
    {Kept, Rest} = lists:split(From - At, Items),
    Kept ++ skip(Spans, From + Count, lists:nthtail(Count, Rest)).

%% An inner node after its children have lost items.
settle(Nodes, Height, N, Row, Touched, Tree) ->
    Small = [child(I, Row) || {I, {_, Fill}} <- Touched, Fill =< ?SMALL],
    Left = lessen(1, entries(Row), Touched),
    Entries = merge(Nodes, Height - 1, Small, Left, Tree),
    case Entries of
        [] -> remove(Nodes, N, Tree);
        _ -> put_inner(Nodes, N, Entries, Tree)
    end,
    {lists:sum([Removed || {_, {Removed, _}} <- Touched]), length(Entries)}.

lessen(_I, Entries, []) ->
    Entries;
lessen(I, [_ | Entries], [{I, {_, 0}} | Touched]) ->
    lessen(I + 1, Entries, Touched);
lessen(I, [{Child, Count, Upper} | Entries], [{I, {Removed, _}} | Touched]) ->
    [{Child, Count - Removed, Upper} | lessen(I + 1, Entries, Touched)];
lessen(I, [Entry | Entries], Touched) ->
    [Entry | lessen(I + 1, Entries, Touched)].

merge(Nodes, Height, Small, [{A, _, _} = One, {B, _, _} = Other | Rest], Tree) ->
    IsSmall = lists:member(A, Small) orelse lists:member(B, Small),
    case IsSmall andalso fill(Nodes, Height, One, Tree) + fill(Nodes, Height, Other, Tree) of
        Fill when is_integer(Fill), Fill =< ?MERGED ->
            Both = merge_two(Nodes, Height, One, Other, Tree),
            merge(Nodes, Height, [A | Small], [Both | Rest], Tree);
        _ ->
            [One | merge(Nodes, Height, Small, [Other | Rest], Tree)]
    end;
merge(_Nodes, _Height, _Small, Entries, _Tree) ->
    Entries.

fill(_Nodes, 0, {_, Count, _}, _Tree) -> Count;
fill(Nodes, _, {N, _, _}, #tree{id = Id}) -> tuple_size(ets:lookup_element(Nodes, {Id, N}, 2)).

merge_two(Nodes, Height, {A, CountA, UpperA}, {B, CountB, UpperB}, Tree) ->
    case Height of
        0 ->
            Items = tuple_to_list(leaf(Nodes, A, Tree)) ++ tuple_to_list(leaf(Nodes, B, Tree)),
            put_leaf(Nodes, A, list_to_tuple(Items), Tree);
        _ ->
            {Before, [{Child, Count, _}]} = split_last(entries(inner(Nodes, A, Tree))),
            After = entries(inner(Nodes, B, Tree)),
            put_inner(Nodes, A, Before ++ [{Child, Count, UpperA} | After], Tree)
    end,
    remove(Nodes, B, Tree),
    {A, CountA + CountB, UpperB}.

split_last(Entries) ->
    lists:split(length(Entries) - 1, Entries).

%% Finding.

%% The leaf with the item at a position, and the item's position in it, from 1 on.
find(Nodes, Index, #tree{root = Root, height = Height} = Tree) ->
    find(Nodes, Index + 1, Height, Root, Tree).

find(Nodes, Position, 0, N, Tree) ->
    {N, leaf(Nodes, N, Tree), Position};
find(Nodes, Position, Height, N, Tree) ->
    Row = inner(Nodes, N, Tree),
    {I, {at, Within}} = choose({at, Position}, Row),
    find(Nodes, Within, Height - 1, child(I, Row), Tree).

%% The child that contains a place (the first of two if it lies between them), and the place within
%% it.
choose({at, Position}, Row) ->
    choose_at(1, Position, Row);
choose(Below, Row) ->
    Uppers = element(?UPPERS, Row),
    {search(Below, 1, tuple_size(Uppers), Uppers), Below}.

choose_at(I, Position, Row) ->
    case element(?COUNT(I), Row) of
        Count when Position =< Count; ?COUNT(I) =:= tuple_size(Row) -> {I, {at, Position}};
        Count -> choose_at(I + 1, Position - Count, Row)
    end.

%% The number of items of a leaf before a place.
-spec place(where(), tuple()) -> non_neg_integer().
place({at, Position}, _Items) -> Position;
place(Below, Items) -> search(Below, 1, tuple_size(Items) + 1, Items) - 1.

%% The first position from `Low' on whose element is not below; `High' if all before it are.
-spec search(below(), pos_integer(), pos_integer(), tuple()) -> pos_integer().
search(_Below, Low, High, _Tuple) when Low >= High ->
    High;
search(Below, Low, High, Tuple) ->
    Middle = (Low + High) div 2,
    case Below(element(Middle, Tuple)) of
        true -> search(Below, Middle + 1, High, Tuple);
        false -> search(Below, Low, Middle, Tuple)
    end.

%% Rows.

leaf(Nodes, N, #tree{id = Id}) ->
    [{_, Items}] = ets:lookup(Nodes, {Id, N}),
    Items.

put_leaf(Nodes, N, Items, #tree{id = Id}) ->
    true = ets:insert(Nodes, {{Id, N}, Items}),
    ok.

inner(Nodes, N, #tree{id = Id}) ->
    [Row] = ets:lookup(Nodes, {Id, N}),
    Row.

put_inner(Nodes, N, Entries, #tree{id = Id}) ->
    {Children, Counts, Uppers} = lists:unzip3(Entries),
    Row = [{Id, N}, list_to_tuple(Children), list_to_tuple(Uppers) | Counts],
    true = ets:insert(Nodes, list_to_tuple(Row)),
    ok.

remove(Nodes, N, #tree{id = Id}) ->
    true = ets:delete(Nodes, {Id, N}),
    ok.

child(I, Row) ->
    element(I, element(?CHILDREN, Row)).

entries(Row) ->
    [_Key, Children, Uppers | Counts] = tuple_to_list(Row),
    lists:zip3(tuple_to_list(Children), Counts, tuple_to_list(Uppers)).

count(Entries) ->
    lists:sum([Count || {_, Count, _} <- Entries]).
