%% @doc Who waits for whom, in a circle.
%% @private
-module(eslaver_cluster_cycle).

-export([find/1]).

%% @doc The waits of one circle, if there is one.
-spec find(#{Name => [Name]}) -> [{Name, Name}].
find(Waits) ->
    find(maps:keys(Waits), Waits).

find([], _Waits) ->
    [];
find([Name | Names], Waits) ->
    case way([Name], Name, Waits, #{}) of
        {found, Cycle} -> Cycle;
        {none, _Seen} -> find(Names, Waits)
    end.

%% A way back to the first name, by names that have not been tried.
way([Name | _] = Path, First, Waits, Seen) ->
    lists:foldl(
        fun
            (_Next, {found, _} = Found) ->
                Found;
            (Next, {none, _}) when Next =:= First ->
                {found, pairs(lists:reverse([Next | Path]))};
            (Next, {none, Tried}) when is_map_key(Next, Tried) ->
                {none, Tried};
            (Next, {none, Tried}) ->
                way([Next | Path], First, Waits, Tried#{Next => true})
        end,
        {none, Seen},
        maps:get(Name, Waits, [])
    ).

pairs([From, To | Rest]) -> [{From, To} | pairs([To | Rest])];
pairs([_Last]) -> [].
