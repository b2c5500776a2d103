%% @doc Applies the commands that write arrays, which masters replicate verbatim.
%% @private
-module(eslaver_mirror_array_commands).

-behaviour(eslaver_mirror_commands).

-export([commands/0, apply/3]).

%% @private
-spec commands() -> [binary()].
commands() ->
    [
        <<"arset">>,
        <<"armset">>,
        <<"arinsert">>,
        <<"arring">>,
        <<"ardel">>,
        <<"ardelrange">>,
        <<"arseek">>
    ].

%% @private
-spec apply(binary(), [binary()], eslaver_mirror_type:ctx()) -> ok.
apply(<<"arset">>, [Key, Start | Elements], Ctx) ->
    First = index(Start),
    Last = First + length(Elements) - 1,
    set(Ctx, Key, lists:zip(lists:seq(First, Last), Elements));
apply(<<"armset">>, [Key | Pairs], Ctx) ->
    set(Ctx, Key, pairs(Pairs));
apply(<<"arinsert">>, [Key | Elements], Ctx) ->
    change(Ctx, Key, fun(Store, Body) -> eslaver_mirror_array:insert(Store, Body, Elements) end);
apply(<<"arring">>, [Key, Size | Elements], Ctx) ->
    change(Ctx, Key, fun(Store, Body) ->
        eslaver_mirror_array:ring(Store, Body, binary_to_integer(Size), Elements)
    end);
apply(<<"ardel">>, [Key | Indexes], Ctx) ->
    existing(Ctx, Key, fun(Store, Body) ->
        eslaver_mirror_array:delete(Store, Body, [index(Index) || Index <- Indexes])
    end);
apply(<<"ardelrange">>, [Key | Bounds], Ctx) ->
    existing(Ctx, Key, fun(Store, Body) -> delete_ranges(Store, Body, Bounds) end);
apply(<<"arseek">>, [Key, Index], Ctx) ->
    existing(Ctx, Key, fun(_Store, Body) -> eslaver_mirror_array:seek(Body, index(Index)) end).

set(Ctx, Key, Elements) ->
    change(Ctx, Key, fun(Store, Body) -> eslaver_mirror_array:set(Store, Body, Elements) end).

change(#{store := Store} = Ctx, Key, Change) ->
    eslaver_mirror_keys:change(Ctx, Key, array, fun eslaver_mirror_array:new/0, fun(Body) ->
        Change(Store, Body)
    end).

existing(#{store := Store} = Ctx, Key, Change) ->
    Body = eslaver_mirror_keys:existing(Ctx, Key, array),
    eslaver_mirror_keys:settle(Ctx, Key, Change(Store, Body)).

delete_ranges(_Store, empty, _Bounds) ->
    empty;
delete_ranges(_Store, Body, []) ->
    Body;
delete_ranges(Store, Body, [One, Other | Bounds]) ->
    [Low, High] = lists:sort([index(One), index(Other)]),
    delete_ranges(Store, eslaver_mirror_array:delete_range(Store, Body, Low, High), Bounds).

pairs([]) -> [];
pairs([Index, Element | Rest]) -> [{index(Index), Element} | pairs(Rest)].

index(Text) ->
    binary_to_integer(Text).
