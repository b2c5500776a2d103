%% @doc Applies the commands that write HyperLogLogs, which are small strings.
%% @private
-module(eslaver_mirror_hll_commands).

-behaviour(eslaver_mirror_commands).

-export([commands/0, apply/3]).

%% @doc See {@link eslaver_mirror_commands}.
-spec commands() -> [binary()].
commands() ->
    [<<"pfadd">>, <<"pfmerge">>, <<"pfcount">>, <<"pfdebug">>].

%% @doc See {@link eslaver_mirror_commands}.
-spec apply(binary(), [binary()], eslaver_mirror_type:ctx()) -> ok.
apply(<<"pfadd">>, [Key | Elements], Ctx) ->
    eslaver_mirror_keys:change(Ctx, Key, string, fun eslaver_mirror_hll:fresh/0, fun(Body) ->
        eslaver_mirror_hll:add(Elements, value(Ctx, Body))
    end);
apply(<<"pfmerge">>, [Target | Sources], #{store := Store} = Ctx) ->
    Version = eslaver_mirror_store:version(Store),
    Hlls = [value(Ctx, Body) || Key <- Sources, Body <- [body(Ctx, Key)], Body =/= none],
    eslaver_mirror_keys:change(Ctx, Target, string, fun eslaver_mirror_hll:new/0, fun(Body) ->
        eslaver_mirror_hll:merge(Version, value(Ctx, Body), Hlls)
    end);
%% Masters send PFCOUNT of one key when they have written the count into the value.
apply(<<"pfcount">>, [Key], #{store := Store} = Ctx) ->
    Version = eslaver_mirror_store:version(Store),
    change(Ctx, Key, fun(Hll) -> eslaver_mirror_hll:cache(Version, Hll) end);
apply(<<"pfcount">>, [_, _ | _], _Ctx) ->
    ok;
apply(<<"pfdebug">>, [Operation, Key], Ctx) ->
    case string:lowercase(Operation) of
        Dense when Dense =:= <<"todense">>; Dense =:= <<"getreg">> ->
            change(Ctx, Key, fun eslaver_mirror_hll:to_dense/1);
        _ ->
            ok
    end.

change(Ctx, Key, Change) ->
    Body = body(Ctx, Key),
    eslaver_mirror_keys:update(Ctx, Key, Change(value(Ctx, Body))).

body(Ctx, Key) ->
    eslaver_mirror_keys:body(Ctx, Key, string).

value(#{store := Store}, Body) ->
    eslaver_mirror_string:value(Store, Body).
