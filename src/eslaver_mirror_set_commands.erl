%% @doc Applies the commands that write sets. Used by the table of {@link eslaver_mirror_commands}.
%% @private
-module(eslaver_mirror_set_commands).

-behaviour(eslaver_mirror_commands).

-export([commands/0, apply/3]).

%% @private
-spec commands() -> [binary()].
commands() ->
    [
        <<"sadd">>,
        <<"srem">>,
        <<"spop">>,
        <<"smove">>,
        <<"sinterstore">>,
        <<"sunionstore">>,
        <<"sdiffstore">>
    ].

%% @private
-spec apply(binary(), [binary()], eslaver_mirror_type:ctx()) -> ok.
apply(<<"sadd">>, [Key | Members], Ctx) ->
    add(Ctx, Key, Members);
apply(<<"srem">>, [Key | Members], Ctx) ->
    remove(Ctx, Key, Members);
apply(<<"smove">>, [Key, Key, _Member], Ctx) ->
    _ = eslaver_mirror_keys:body(Ctx, Key, set),
    ok;
apply(<<"smove">>, [From, To, Member], Ctx) ->
    remove(Ctx, From, [Member]),
    add(Ctx, To, [Member]);
apply(<<"sinterstore">>, [To | Keys], #{store := Store} = Ctx) ->
    store(Ctx, To, eslaver_mirror_set:intersection(Store, bodies_to_missing(Ctx, Keys), 0));
apply(<<"sunionstore">>, [To | Keys], #{store := Store} = Ctx) ->
    store(Ctx, To, eslaver_mirror_set:union(Store, bodies(Ctx, Keys)));
apply(<<"sdiffstore">>, [To | Keys], #{store := Store} = Ctx) ->
    store(Ctx, To, eslaver_mirror_set:difference(Store, bodies(Ctx, Keys)));
apply(<<"spop">>, [Key, Count], #{store := Store} = Ctx) ->
    %% Which members a master has popped it says by SREM; only of all of them there is no doubt.
    true = binary_to_integer(Count) >= eslaver_mirror_set:size(Store, body(Ctx, Key)),
    _ = eslaver_mirror_keys:delete(Ctx, Key),
    ok.

add(#{store := Store} = Ctx, Key, Members) ->
    eslaver_mirror_keys:change(Ctx, Key, set, fun eslaver_mirror_set:new/0, fun(Body) ->
        eslaver_mirror_set:add(Store, Body, Members)
    end).

remove(#{store := Store} = Ctx, Key, Members) ->
    eslaver_mirror_keys:change(Ctx, Key, set, fun eslaver_mirror_set:new/0, fun(Body) ->
        eslaver_mirror_set:remove(Store, Body, Members)
    end).

%% The sets up to the first that is not there. Servers before 7.0 look at no key behind it, which
%% may be of another type.
bodies_to_missing(_Ctx, []) ->
    [];
bodies_to_missing(Ctx, [Key | Keys]) ->
    case body(Ctx, Key) of
        none -> [none];
        Body -> [Body | bodies_to_missing(Ctx, Keys)]
    end.

bodies(Ctx, Keys) ->
    [body(Ctx, Key) || Key <- Keys].

body(Ctx, Key) ->
    eslaver_mirror_keys:body(Ctx, Key, set).

%% The result has rows of its own, so it may go where one of its sources is.
store(#{store := Store} = Ctx, To, Members) ->
    eslaver_mirror_keys:put(Ctx, To, set, eslaver_mirror_set:from_list(Store, Members), infinity).
