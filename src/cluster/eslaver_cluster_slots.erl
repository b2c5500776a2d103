%% @doc Ranges of slots. It is pure.
%% @private
-module(eslaver_cluster_slots).

-export([subtract/2, overlap/2, count/1, union/1]).

-type ranges() :: eslaver_cluster_nodes:ranges().

%% @doc The slots of the first that are not among the others.
-spec subtract(ranges(), ranges()) -> ranges().
subtract(Ranges, Others) ->
    lists:foldl(
        fun(Other, Left) -> lists:append([without(Range, Other) || Range <- Left]) end,
        Ranges,
        Others
    ).

without({First, Last}, {From, To}) when To < First; From > Last -> [{First, Last}];
without({First, Last}, {From, To}) ->
    [{First, From - 1} || First < From] ++ [{To + 1, Last} || Last > To].

%% @doc Whether they have slots in common.
-spec overlap(ranges(), ranges()) -> boolean().
overlap(Ranges, Others) ->
    lists:any(
        fun({First, Last}) ->
            lists:any(fun({From, To}) -> To >= First andalso From =< Last end, Others)
        end,
        Ranges
    ).

%% @doc How many slots there are in ranges that do not overlap.
-spec count(ranges()) -> non_neg_integer().
count(Ranges) -> count(Ranges, 0).

count([], Sum) -> Sum;
count([{First, Last} | Rest], Sum) when is_integer(First), is_integer(Last), Last >= First ->
    count(Rest, Sum + Last - First + 1).

%% @doc The same slots in the fewest ranges, in order.
-spec union(ranges()) -> ranges().
union(Ranges) -> joined(lists:sort(Ranges)).

joined([{First, Last}, {From, To} | Rest]) when From =< Last + 1 ->
    joined([{First, max(Last, To)} | Rest]);
joined([Range | Rest]) ->
    [Range | joined(Rest)];
joined([]) ->
    [].
