%% @doc Applies the commands that write strings, except those of bits and HyperLogLogs.
%%
%% It ignores the conditions of `SET ... NX', `DELEX ... IFEQ' and the like: masters replicate such
%% a command only if they were met.
%% @private
-module(eslaver_mirror_string_commands).

-behaviour(eslaver_mirror_commands).

-export([commands/0, apply/3]).

-import(eslaver_mirror_string, [own/1]).

%% @doc See {@link eslaver_mirror_commands}.
-spec commands() -> [binary()].
commands() ->
    [
        <<"set">>,
        <<"setnx">>,
        <<"setex">>,
        <<"psetex">>,
        <<"getset">>,
        <<"getdel">>,
        <<"getex">>,
        <<"delex">>,
        <<"delifeq">>,
        <<"mset">>,
        <<"msetnx">>,
        <<"msetex">>,
        <<"append">>,
        <<"setrange">>,
        <<"incr">>,
        <<"decr">>,
        <<"incrby">>,
        <<"decrby">>,
        <<"incrbyfloat">>
    ].

%% @doc See {@link eslaver_mirror_commands}.
-spec apply(binary(), [binary()], eslaver_mirror_type:ctx()) -> ok.
apply(<<"set">>, [Key, Value], Ctx) ->
    put(Ctx, Key, Value, infinity);
apply(<<"set">>, [Key, Value | Options], Ctx) ->
    put(Ctx, Key, Value, expiry(Options, infinity, Ctx));
apply(<<"incr">>, [Key], Ctx) ->
    add(Ctx, Key, 1);
apply(<<"incrby">>, [Key, By], Ctx) ->
    add(Ctx, Key, binary_to_integer(By));
apply(<<"decr">>, [Key], Ctx) ->
    add(Ctx, Key, -1);
apply(<<"decrby">>, [Key, By], Ctx) ->
    add(Ctx, Key, -binary_to_integer(By));
apply(<<"incrbyfloat">>, [Key, By], Ctx) ->
    number(Ctx, Key, fun(Old) -> eslaver_mirror_float:add(Old, By) end);
apply(<<"append">>, [Key, Value], #{store := Store} = Ctx) ->
    change(Ctx, Key, fun(Body) ->
        eslaver_mirror_string:write(Store, Body, eslaver_mirror_string:size(Body), Value)
    end);
apply(<<"setrange">>, [_Key, _Offset, <<>>], _Ctx) ->
    ok;
apply(<<"setrange">>, [Key, Offset, Value], #{store := Store} = Ctx) ->
    change(Ctx, Key, fun(Body) ->
        eslaver_mirror_string:write(Store, Body, binary_to_integer(Offset), Value)
    end);
apply(<<"setex">>, [Key, Seconds, Value], Ctx) ->
    put(Ctx, Key, Value, expiry([<<"EX">>, Seconds], infinity, Ctx));
apply(<<"psetex">>, [Key, Ms, Value], Ctx) ->
    put(Ctx, Key, Value, expiry([<<"PX">>, Ms], infinity, Ctx));
apply(Set, [Key, Value], Ctx) when Set =:= <<"setnx">>; Set =:= <<"getset">> ->
    put(Ctx, Key, Value, infinity);
apply(MSet, Pairs, Ctx) when MSet =:= <<"mset">>; MSet =:= <<"msetnx">> ->
    put_all(Pairs, infinity, Ctx);
apply(<<"msetex">>, [Count | Rest], Ctx) ->
    {Pairs, Options} = lists:split(2 * binary_to_integer(Count), Rest),
    put_all(Pairs, expiry(Options, infinity, Ctx), Ctx);
apply(<<"getex">>, [_Key], _Ctx) ->
    ok;
apply(<<"getex">>, [Key | Options], Ctx) ->
    eslaver_mirror_keys:expire(Ctx, Key, expiry(Options, infinity, Ctx));
apply(Delete, [Key | _Condition], Ctx) when
    Delete =:= <<"getdel">>; Delete =:= <<"delex">>; Delete =:= <<"delifeq">>
->
    _ = eslaver_mirror_keys:delete(Ctx, Key),
    ok.

put(Ctx, Key, Value, keep) ->
    ExpireAt =
        case eslaver_mirror_keys:find(Ctx, Key) of
            {_, _, _, Kept} -> Kept;
            none -> infinity
        end,
    put(Ctx, Key, Value, ExpireAt);
put(Ctx, Key, Value, ExpireAt) ->
    eslaver_mirror_keys:put(Ctx, Key, string, own(Value), ExpireAt).

put_all([], _ExpireAt, _Ctx) ->
    ok;
put_all([Key, Value | Rest], ExpireAt, Ctx) ->
    put(Ctx, Key, Value, ExpireAt),
    put_all(Rest, ExpireAt, Ctx).

add(Ctx, Key, By) ->
    number(Ctx, Key, fun(Old) -> integer_to_binary(eslaver_mirror_integer:parse(Old) + By) end).

number(#{store := Store} = Ctx, Key, Change) ->
    eslaver_mirror_keys:change(Ctx, Key, string, fun() -> <<"0">> end, fun(Body) ->
        Change(eslaver_mirror_string:take(Store, Body))
    end).

change(Ctx, Key, Change) ->
    eslaver_mirror_keys:change(Ctx, Key, string, fun() -> <<>> end, Change).

%% The expiry that the options of SET, MSETEX or GETEX give; `keep' leaves it unchanged.
expiry([], ExpireAt, _Ctx) ->
    ExpireAt;
expiry([Option | Rest], ExpireAt, #{now := Now} = Ctx) ->
    case {string:lowercase(Option), Rest} of
        {<<"pxat">>, [At | More]} ->
            expiry(More, binary_to_integer(At), Ctx);
        {<<"exat">>, [At | More]} ->
            expiry(More, binary_to_integer(At) * 1000, Ctx);
        {<<"px">>, [Ms | More]} ->
            expiry(More, Now + binary_to_integer(Ms), Ctx);
        {<<"ex">>, [Seconds | More]} ->
            expiry(More, Now + binary_to_integer(Seconds) * 1000, Ctx);
        {<<"keepttl">>, _} ->
            expiry(Rest, keep, Ctx);
        {<<"persist">>, _} ->
            expiry(Rest, infinity, Ctx);
        {<<"if", _/binary>>, [_Condition | More]} ->
            expiry(More, ExpireAt, Ctx);
        {Flag, _} when Flag =:= <<"nx">>; Flag =:= <<"xx">>; Flag =:= <<"get">> ->
            expiry(Rest, ExpireAt, Ctx)
    end.
