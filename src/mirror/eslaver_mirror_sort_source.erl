%% @doc The values of a mirror that `SORT' takes elements from.
%% @private
-module(eslaver_mirror_sort_source).

-export([new/2]).

%% @doc The elements of a key's row, as a source to sort.
-spec new(eslaver_mirror_store:store(), eslaver_mirror_store:row() | none) ->
    eslaver_mirror_sort:source() | wrongtype.
new(_Store, none) ->
    {list, 0, fun(_Start, 0, _Order) -> [] end};
new(Store, {_, list, Body, _}) ->
    Size = eslaver_mirror_list:length(Store, Body),
    {list, Size, fun
        (_Start, 0, _Order) ->
            [];
        (Start, Count, desc) ->
            From = Size - Start - Count,
            lists:reverse(eslaver_mirror_list:range(Store, Body, From, From + Count - 1));
        (Start, Count, asc) ->
            eslaver_mirror_list:range(Store, Body, Start, Start + Count - 1)
    end};
new(Store, {_, set, Body, _}) ->
    Size = eslaver_mirror_set:size(Store, Body),
    {set, Size, fun(0, _All, asc) -> eslaver_mirror_set:members(Store, Body) end};
new(Store, {_, zset, Body, _}) ->
    Size = eslaver_mirror_zset:size(Store, Body),
    {zset, Size, fun(Start, Count, Order) -> members(Store, Body, Size, Start, Count, Order) end};
new(_Store, _) ->
    wrongtype.

members(Store, Body, Size, Start, Count, Order) ->
    {Span, Way} =
        case Order of
            asc -> {{Start, Count}, forward};
            desc -> {{Size - Start - Count, Count}, backward}
        end,
    [Member || {Member, _Score} <- eslaver_mirror_zset:range(Store, Body, Span, Way)].
