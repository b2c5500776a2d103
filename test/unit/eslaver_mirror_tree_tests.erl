%% The tree against lists: random changes, each compared whole, and the tree's own rules checked.
-module(eslaver_mirror_tree_tests).

-include_lib("eunit/include/eunit.hrl").

-define(RUNS, 10).
-define(STEPS, 300).

sequence_test_() ->
    {timeout, 120, fun() -> repeat(fun sequence/0) end}.

ordered_test_() ->
    {timeout, 120, fun() -> repeat(fun ordered/0) end}.

repeat(Run) ->
    lists:foreach(
        fun(_) ->
            Seed = rand:uniform(1 bsl 40),
            _ = rand:seed(exsss, Seed),
            try
                Run()
            catch
                Class:Reason:Stack ->
                    ?debugFmt("seed ~b", [Seed]),
                    erlang:raise(Class, Reason, Stack)
            end
        end,
        lists:seq(1, ?RUNS)
    ).

sequence() ->
    Nodes = ets:new(nodes, [set]),
    Items = some(0),
    Tree = eslaver_mirror_tree:from_list(Nodes, sequence, Items),
    steps(fun sequence_step/3, Nodes, ?STEPS, {Items, Tree}).

ordered() ->
    Nodes = ets:new(nodes, [set]),
    Items = lists:usort(some(0)),
    Tree = eslaver_mirror_tree:from_list(Nodes, ordered, Items),
    steps(fun ordered_step/3, Nodes, ?STEPS, {Items, Tree}).

%% Sizes go up and down: for a while more is put in, then more taken out.
steps(_Step, Nodes, 0, {Items, Tree}) ->
    Copied = eslaver_mirror_tree:copy(Nodes, fun(_, _) -> ok end, Tree),
    same(Nodes, Items, Copied),
    discard(Nodes, Tree),
    same(Nodes, Items, Copied),
    discard(Nodes, Copied),
    ?assertEqual([], ets:tab2list(Nodes));
steps(Step, Nodes, Left, State) ->
    {Items, Tree} = Step(Nodes, (Left div 60) rem 2 =:= 0, State),
    same(Nodes, Items, Tree),
    steps(Step, Nodes, Left - 1, {Items, Tree}).

discard(Nodes, Tree) ->
    Rows = ets:info(Nodes, size),
    case eslaver_mirror_tree:discard(Nodes, fun(_) -> 0 end, 5, Tree) of
        done ->
            ok;
        {more, Rest} ->
            ?assertEqual(5, Rows - ets:info(Nodes, size)),
            discard(Nodes, Rest)
    end.

sequence_step(Nodes, Grows, {Items, Tree}) ->
    Size = length(Items),
    At = rand:uniform(Size + 1) - 1,
    case {rand:uniform(8), Grows} of
        {1, _} when Size > 0 ->
            Index = rand:uniform(Size) - 1,
            {Before, [_ | After]} = lists:split(Index, Items),
            ok = eslaver_mirror_tree:replace(Nodes, Index, new, Tree),
            {Before ++ [new | After], Tree};
        {2, _} ->
            spans(Nodes, {Items, Tree});
        {3, _} ->
            Some = some(At),
            {lists:reverse(Some) ++ Items, eslaver_mirror_tree:push(Nodes, front, Some, Tree)};
        {4, _} ->
            Some = some(At),
            {Items ++ Some, eslaver_mirror_tree:push(Nodes, back, Some, Tree)};
        {_, true} ->
            insert_often(Nodes, rand:uniform(40), At, {Items, Tree});
        {_, false} ->
            delete_often(Nodes, rand:uniform(40), {Items, Tree})
    end.

insert_often(_Nodes, 0, _At, State) ->
    State;
insert_often(Nodes, Times, At, {Items, Tree}) ->
    {Before, After} = lists:split(At, Items),
    New = {new, Times},
    Next = eslaver_mirror_tree:insert(Nodes, {at, At}, New, Tree),
    insert_often(Nodes, Times - 1, At, {Before ++ [New | After], Next}).

delete_often(_Nodes, Times, {Items, _} = State) when Times =:= 0; Items =:= [] ->
    State;
delete_often(Nodes, Times, {Items, Tree}) ->
    At = rand:uniform(length(Items)) - 1,
    {Before, [_ | After]} = lists:split(At, Items),
    Next = eslaver_mirror_tree:delete(Nodes, [{At, 1}], Tree),
    delete_often(Nodes, Times - 1, {Before ++ After, Next}).

%% Each item is removed or stays, in runs of about this length.
spans(Nodes, {Items, Tree}) ->
    Run = lists:nth(rand:uniform(3), [1, 20, 300]),
    Gone = gone(Run, Items, rand:uniform(2) =:= 1),
    Spans = [Span || {_, Count} = Span <- as_spans(Gone, 0, []), Count > 0],
    Kept = [Item || {Item, false} <- lists:zip(Items, Gone)],
    {Kept, eslaver_mirror_tree:delete(Nodes, Spans, Tree)}.

gone(_Run, [], _Now) ->
    [];
gone(Run, [_ | Items], Now) ->
    [Now | gone(Run, Items, (rand:uniform(Run) =:= 1) xor Now)].

as_spans([], _At, Spans) ->
    lists:reverse(Spans);
as_spans([true | Gone], At, [{From, Count} | Spans]) when From + Count =:= At ->
    as_spans(Gone, At + 1, [{From, Count + 1} | Spans]);
as_spans([true | Gone], At, Spans) ->
    as_spans(Gone, At + 1, [{At, 1} | Spans]);
as_spans([false | Gone], At, Spans) ->
    as_spans(Gone, At + 1, Spans).

ordered_step(Nodes, Grows, State) ->
    case {rand:uniform(8), Grows} of
        {1, _} -> spans(Nodes, State);
        {2, _} -> move_often(Nodes, rand:uniform(20), State);
        {_, true} -> put_often(Nodes, rand:uniform(40), State);
        {_, false} -> take_often(Nodes, rand:uniform(40), State)
    end.

put_often(_Nodes, 0, State) ->
    State;
put_often(Nodes, Times, {Items, Tree}) ->
    Item = item(),
    case ordsets:is_element(Item, Items) of
        true ->
            put_often(Nodes, Times - 1, {Items, Tree});
        false ->
            Next = eslaver_mirror_tree:insert(Nodes, below(Item), Item, Tree),
            put_often(Nodes, Times - 1, {ordsets:add_element(Item, Items), Next})
    end.

take_often(_Nodes, Times, {Items, _} = State) when Times =:= 0; Items =:= [] ->
    State;
take_often(Nodes, Times, {Items, Tree}) ->
    Item = lists:nth(rand:uniform(length(Items)), Items),
    Next = eslaver_mirror_tree:delete(Nodes, below(Item), Tree),
    take_often(Nodes, Times - 1, {ordsets:del_element(Item, Items), Next}).

move_often(_Nodes, Times, {Items, _} = State) when Times =:= 0; Items =:= [] ->
    State;
move_often(Nodes, Times, {Items, Tree}) ->
    Old = lists:nth(rand:uniform(length(Items)), Items),
    New = near(Old),
    case ordsets:is_element(New, Items) of
        true ->
            move_often(Nodes, Times - 1, {Items, Tree});
        false ->
            Next = eslaver_mirror_tree:move(Nodes, below(Old), below(New), New, Tree),
            Moved = ordsets:add_element(New, ordsets:del_element(Old, Items)),
            move_often(Nodes, Times - 1, {Moved, Next})
    end.

below(Item) -> fun(Other) -> Other < Item end.

item() -> rand:uniform(100_000).

near(Item) -> Item + rand:uniform(lists:nth(rand:uniform(2), [50, 50_000])) - 25.

some(From) ->
    Most = lists:nth(rand:uniform(3), [2, 100, 2_000]),
    [From + N || N <- lists:seq(1, rand:uniform(Most) - 1)].

%% What is read of the tree is what is in the list.
same(Nodes, Items, Tree) ->
    Size = length(Items),
    ?assertEqual(Size, eslaver_mirror_tree:size(Tree)),
    ?assertEqual(Items, eslaver_mirror_tree:range(Nodes, {0, Size}, forward, Tree)),
    From = rand:uniform(Size + 1) - 1,
    Count = rand:uniform(50),
    Some = lists:sublist(lists:nthtail(From, Items), Count),
    ?assertEqual(Some, eslaver_mirror_tree:range(Nodes, {From, Count}, forward, Tree)),
    ?assertEqual(
        lists:reverse(Some), eslaver_mirror_tree:range(Nodes, {From, Count}, backward, Tree)
    ),
    check(Nodes, Tree),
    case Some of
        [Item | _] ->
            ?assertEqual(Item, eslaver_mirror_tree:nth(Nodes, From, Tree)),
            rank(Nodes, Item, From, Tree);
        [] ->
            ok
    end.

rank(Nodes, Item, Rank, {tree, _, ordered, _, _, _, _} = Tree) ->
    ?assertEqual(Rank, eslaver_mirror_tree:rank(Nodes, below(Item), Tree)),
    After = fun(Other) -> Other =< Item end,
    ?assertEqual(Rank + 1, eslaver_mirror_tree:rank(Nodes, After, Tree));
rank(_Nodes, _Item, _Rank, _Sequence) ->
    ok.

%% The tree's own rules, by its rows: counts are those of the children, no item is on the wrong side
%% of an upper, no node is empty or too full, and neighbours have enough to keep the tree low.
check(Nodes, {tree, Id, Kind, Size, Height, Root, _Next}) ->
    Rows = maps:from_list([
        {N, Row}
     || Row <- ets:tab2list(Nodes), {I, N} <- [element(1, Row)], I =:= Id
    ]),
    case Size of
        0 ->
            ?assertEqual(0, map_size(Rows));
        _ ->
            {Size, Numbers} = check(Height, Root, {none, none}, Kind, Rows),
            ?assertEqual(lists:sort(maps:keys(Rows)), lists:sort(Numbers)),
            ?assert(Height =:= 0 orelse length(children(Root, Rows)) > 1),
            ?assert(Height =< 2 + math:log(Size) / math:log(6))
    end.

check(0, N, {Low, High}, Kind, Rows) ->
    {_, Items} = maps:get(N, Rows),
    ?assert(tuple_size(Items) > 0 andalso tuple_size(Items) =< 32),
    List = tuple_to_list(Items),
    case Kind of
        ordered ->
            ?assert(Low =:= none orelse hd(List) > Low),
            ?assert(High =:= none orelse lists:last(List) =< High);
        sequence ->
            ok
    end,
    {tuple_size(Items), [N]};
check(Height, N, {Low, High}, Kind, Rows) ->
    [_, Children, Uppers | Counts] = tuple_to_list(maps:get(N, Rows)),
    ?assert(tuple_size(Children) > 0 andalso tuple_size(Children) =< 32),
    Inside = lists:droplast(tuple_to_list(Uppers)),
    Bounds = lists:zip([Low | Inside], Inside ++ [High]),
    Checked = [
        check(Height - 1, Child, Bound, Kind, Rows)
     || {Child, Bound} <- lists:zip(tuple_to_list(Children), Bounds)
    ],
    ?assertEqual(Counts, [Count || {Count, _} <- Checked]),
    {lists:sum(Counts), [N | lists:append([Numbers || {_, Numbers} <- Checked])]}.

children(N, Rows) ->
    tuple_to_list(element(2, maps:get(N, Rows))).

%% What is loaded, or grows at an end, has full nodes.
full_test() ->
    Nodes = ets:new(nodes, [set]),
    Items = lists:seq(1, 32 * 100),
    Loaded = eslaver_mirror_tree:from_list(Nodes, sequence, Items),
    ?assertEqual(100, leaves(Nodes)),
    true = ets:delete_all_objects(Nodes),
    Grown = lists:foldl(
        fun(Item, Tree) -> eslaver_mirror_tree:push(Nodes, back, [Item], Tree) end,
        eslaver_mirror_tree:new(sequence),
        Items
    ),
    ?assertEqual(100, leaves(Nodes)),
    true = ets:delete_all_objects(Nodes),
    _ = lists:foldl(
        fun(Item, Tree) -> eslaver_mirror_tree:push(Nodes, front, [Item], Tree) end,
        eslaver_mirror_tree:new(sequence),
        Items
    ),
    ?assertEqual(100, leaves(Nodes)),
    ?assertEqual(
        eslaver_mirror_tree:size(Loaded), eslaver_mirror_tree:size(Grown)
    ).

leaves(Nodes) ->
    length([Row || Row <- ets:tab2list(Nodes), tuple_size(Row) =:= 2]).

%% Whatever is taken out of a large tree, what stays is in few nodes.
fill_test() ->
    Nodes = ets:new(nodes, [set]),
    Tree = eslaver_mirror_tree:from_list(Nodes, sequence, lists:seq(1, 20_000)),
    Left = lists:foldl(
        fun(Size, T) -> eslaver_mirror_tree:delete(Nodes, [{rand:uniform(Size) - 1, 1}], T) end,
        Tree,
        lists:seq(20_000, 1_001, -1)
    ),
    check(Nodes, Left),
    ?assert(leaves(Nodes) =< 1_000 div 5).
