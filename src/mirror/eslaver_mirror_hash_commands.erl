%% @doc Applies the commands that write hashes, and the expiry of their fields.
%%
%% Like a real replica it sets expiry times in the past, and does not check whether a field has
%% expired: the master removes expired fields by `HDEL'. It checks `NX', `XX', `GT' and `LT', since
%% some masters send fields that do not meet them; conditions of a whole command (`FNX', `FXX') were
%% met.
%% @private
-module(eslaver_mirror_hash_commands).

-behaviour(eslaver_mirror_commands).

-import(eslaver_mirror_timed, [at/3, option/4]).

-export([commands/0, apply/3]).

%% @private
-spec commands() -> [binary()].
commands() ->
    [
        <<"hset">>,
        <<"hmset">>,
        <<"hsetnx">>,
        <<"hdel">>,
        <<"hincrby">>,
        <<"hincrbyfloat">>,
        <<"hexpire">>,
        <<"hpexpire">>,
        <<"hexpireat">>,
        <<"hpexpireat">>,
        <<"hpersist">>,
        <<"hgetdel">>,
        <<"hgetex">>,
        <<"hsetex">>
    ].

%% @private
-spec apply(binary(), [binary()], eslaver_mirror_type:ctx()) -> ok.
apply(<<"hset">>, [Key | Pairs], Ctx) ->
    set(Ctx, Key, Pairs, infinity);
apply(<<"hmset">>, [Key | Pairs], Ctx) ->
    set(Ctx, Key, Pairs, infinity);
apply(<<"hsetnx">>, [Key, Field, Value], Ctx) ->
    set(Ctx, Key, [Field, Value], infinity);
apply(<<"hdel">>, [Key | Fields], Ctx) ->
    remove(Ctx, Key, Fields);
apply(<<"hincrby">>, [Key, Field, By], Ctx) ->
    increment(Ctx, Key, Field, fun(Value) ->
        integer_to_binary(eslaver_mirror_integer:parse(Value) + binary_to_integer(By))
    end);
apply(<<"hincrbyfloat">>, [Key, Field, By], Ctx) ->
    increment(Ctx, Key, Field, fun(Value) -> eslaver_mirror_float:add(Value, By) end);
apply(<<"hexpire">>, [Key, Seconds | Rest], #{now := Now} = Ctx) ->
    expire(Ctx, Key, at(<<"ex">>, Seconds, Now), Rest);
apply(<<"hpexpire">>, [Key, Ms | Rest], #{now := Now} = Ctx) ->
    expire(Ctx, Key, at(<<"px">>, Ms, Now), Rest);
apply(<<"hexpireat">>, [Key, Seconds | Rest], #{now := Now} = Ctx) ->
    expire(Ctx, Key, at(<<"exat">>, Seconds, Now), Rest);
apply(<<"hpexpireat">>, [Key, Ms | Rest], #{now := Now} = Ctx) ->
    expire(Ctx, Key, at(<<"pxat">>, Ms, Now), Rest);
apply(<<"hpersist">>, [Key | Rest], Ctx) ->
    expire(Ctx, Key, infinity, Rest);
apply(<<"hgetdel">>, [Key | Rest], Ctx) ->
    {#{}, Fields} = options(Rest, Ctx),
    remove(Ctx, Key, Fields);
apply(<<"hgetex">>, [Key | Rest], Ctx) ->
    case options(Rest, Ctx) of
        {#{expiry := Expiry}, Fields} -> expire_fields(Ctx, Key, Expiry, Fields, always);
        {#{}, _Fields} -> ok
    end;
apply(<<"hsetex">>, [Key | Rest], Ctx) ->
    {Options, Pairs} = options(Rest, Ctx),
    set(Ctx, Key, Pairs, maps:get(expiry, Options, infinity)).

set(#{store := Store} = Ctx, Key, Pairs, Expiry) ->
    change(Ctx, Key, fun(Body) -> eslaver_mirror_hash:set(Store, Body, pairs(Pairs), Expiry) end).

pairs([]) -> [];
pairs([Field, Value | Rest]) -> [{Field, Value} | pairs(Rest)].

remove(#{store := Store} = Ctx, Key, Fields) ->
    change(Ctx, Key, fun(Body) -> eslaver_mirror_hash:remove(Store, Body, Fields) end).

increment(#{store := Store} = Ctx, Key, Field, Next) ->
    change(Ctx, Key, fun(Body) ->
        Value =
            case eslaver_mirror_hash:find(Store, Body, Field) of
                none -> <<"0">>;
                There -> There
            end,
        eslaver_mirror_hash:set(Store, Body, [{Field, Next(Value)}], keep)
    end).

expire(Ctx, Key, Expiry, Rest) ->
    {Options, Fields} = options(Rest, Ctx),
    expire_fields(Ctx, Key, Expiry, Fields, maps:get(condition, Options, always)).

expire_fields(#{store := Store} = Ctx, Key, Expiry, Fields, Condition) ->
    case eslaver_mirror_keys:body(Ctx, Key, hash) of
        none ->
            ok;
        Body ->
            After = eslaver_mirror_hash:expire(Store, Body, Fields, Expiry, Condition),
            eslaver_mirror_keys:update(Ctx, Key, After)
    end.

change(Ctx, Key, Change) ->
    eslaver_mirror_keys:change(Ctx, Key, hash, fun eslaver_mirror_hash:new/0, Change).

%% The options before FIELDS, and the fields.
options(Args, Ctx) ->
    options(Args, Ctx, #{}).

options([Name | Args], Ctx, Options) ->
    case {string:lowercase(Name), Args} of
        {<<"fields">>, [Count | Fields]} ->
            true = length(Fields) rem binary_to_integer(Count) =:= 0,
            {Options, Fields};
        {Met, _} when Met =:= <<"fnx">>; Met =:= <<"fxx">> ->
            options(Args, Ctx, Options);
        {<<"persist">>, _} ->
            options(Args, Ctx, Options#{expiry => infinity});
        {Option, _} ->
            {Next, Rest} = option(Option, Args, maps:get(now, Ctx), Options),
            options(Rest, Ctx, Next)
    end.
