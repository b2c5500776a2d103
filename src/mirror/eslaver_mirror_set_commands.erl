%% @doc Applies the commands that write sets.
%% @private
-module(eslaver_mirror_set_commands).

-behaviour(eslaver_mirror_commands).

-import(eslaver_mirror_timed, [at/3, option/4]).

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
        <<"sdiffstore">>,
        <<"saddex">>,
        <<"sexpire">>,
        <<"spexpire">>,
        <<"sexpireat">>,
        <<"spexpireat">>,
        <<"spersist">>
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
    move(Ctx, From, To, Member);
apply(<<"sinterstore">>, [To | Keys], #{store := Store} = Ctx) ->
    store(Ctx, To, eslaver_mirror_set:intersection(Store, bodies_to_missing(Ctx, Keys), 0));
apply(<<"sunionstore">>, [To | Keys], #{store := Store} = Ctx) ->
    store(Ctx, To, eslaver_mirror_set:union(Store, bodies(Ctx, Keys)));
apply(<<"sdiffstore">>, [To | Keys], #{store := Store} = Ctx) ->
    store(Ctx, To, eslaver_mirror_set:difference(Store, bodies(Ctx, Keys)));
apply(<<"spop">>, [Key, Count], #{store := Store} = Ctx) ->
    %% Masters replicate popped members by SREM. A verbatim SPOP is clear only if it takes all
    %% members.
    Set = eslaver_mirror_set:certain(Store, body(Ctx, Key)),
    true = binary_to_integer(Count) >= eslaver_mirror_set:size(Store, Set),
    _ = eslaver_mirror_keys:delete(Ctx, Key),
    ok;
apply(<<"saddex">>, [Key | Args], Ctx) ->
    {Options, Members} = options(Args, Ctx),
    add(Ctx, Key, Members, maps:get(expiry, Options, infinity));
apply(<<"sexpire">>, [Key, Seconds | Args], #{now := Now} = Ctx) ->
    expire(Ctx, Key, at(<<"ex">>, Seconds, Now), Args);
apply(<<"spexpire">>, [Key, Ms | Args], #{now := Now} = Ctx) ->
    expire(Ctx, Key, at(<<"px">>, Ms, Now), Args);
apply(<<"sexpireat">>, [Key, Seconds | Args], #{now := Now} = Ctx) ->
    expire(Ctx, Key, at(<<"exat">>, Seconds, Now), Args);
apply(<<"spexpireat">>, [Key, Ms | Args], #{now := Now} = Ctx) ->
    expire(Ctx, Key, at(<<"pxat">>, Ms, Now), Args);
apply(<<"spersist">>, [Key | Args], Ctx) ->
    expire(Ctx, Key, infinity, Args).

add(Ctx, Key, Members) ->
    add(Ctx, Key, Members, keep).

add(#{store := Store} = Ctx, Key, Members, Expiry) ->
    eslaver_mirror_keys:change(Ctx, Key, set, fun eslaver_mirror_set:new/0, fun(Body) ->
        eslaver_mirror_set:add(Store, Body, Members, Expiry)
    end).

%% On Valkey a member's expiry moves with it. What Redis does is unknown.
move(#{store := Store} = Ctx, From, To, Member) ->
    Expiry = expiry(Ctx, From, Member),
    Old = expiry(Ctx, To, Member),
    Moved =
        case lists:all(fun(At) -> At =:= none orelse At =:= infinity end, [Expiry, Old]) of
            true ->
                keep;
            false ->
                {valkey, _} = eslaver_mirror_store:server(Store),
                Expiry
        end,
    remove(Ctx, From, [Member]),
    add(Ctx, To, [Member], Moved).

expiry(#{store := Store} = Ctx, Key, Member) ->
    case body(Ctx, Key) of
        none -> none;
        Body -> eslaver_mirror_set:expiry(Store, Body, Member)
    end.

expire(#{store := Store} = Ctx, Key, Expiry, Args) ->
    {Options, Members} = options(Args, Ctx),
    Condition = maps:get(condition, Options, always),
    case body(Ctx, Key) of
        none ->
            ok;
        Body ->
            After = eslaver_mirror_set:expire(Store, Body, Members, Expiry, Condition),
            eslaver_mirror_keys:update(Ctx, Key, After)
    end.

%% The options before MEMBERS, and the members. Redis accepts options after them, too.
options(Args, Ctx) ->
    options(Args, Ctx, #{}, []).

options([], _Ctx, Options, Members) ->
    {Options, Members};
options([Name | Args], Ctx, Options, Members) ->
    case {string:lowercase(Name), Args} of
        {<<"members">>, [Count | Rest]} ->
            {Given, Others} = lists:split(binary_to_integer(Count), Rest),
            options(Others, Ctx, Options, Given);
        {Met, _} when Met =:= <<"mnx">>; Met =:= <<"mxx">> ->
            options(Args, Ctx, Options, Members);
        {Option, _} ->
            {Next, Rest} = option(Option, Args, maps:get(now, Ctx), Options),
            options(Rest, Ctx, Next, Members)
    end.

remove(#{store := Store} = Ctx, Key, Members) ->
    eslaver_mirror_keys:change(Ctx, Key, set, fun eslaver_mirror_set:new/0, fun(Body) ->
        eslaver_mirror_set:remove(Store, Body, Members)
    end).

%% The sets up to the first missing one. Servers before 7.0 do not look at later keys, which may be
%% of another type.
bodies_to_missing(_Ctx, []) ->
    [];
bodies_to_missing(Ctx, [Key | Keys]) ->
    case source(Ctx, Key) of
        none -> [none];
        Body -> [Body | bodies_to_missing(Ctx, Keys)]
    end.

bodies(Ctx, Keys) ->
    [source(Ctx, Key) || Key <- Keys].

source(#{store := Store} = Ctx, Key) ->
    case body(Ctx, Key) of
        none -> none;
        Body -> eslaver_mirror_set:certain(Store, Body)
    end.

body(Ctx, Key) ->
    eslaver_mirror_keys:body(Ctx, Key, set).

%% The result has rows of its own, so its key may be one of the sources.
store(#{store := Store} = Ctx, To, Members) ->
    eslaver_mirror_keys:put(Ctx, To, set, eslaver_mirror_set:from_list(Store, Members), infinity).
