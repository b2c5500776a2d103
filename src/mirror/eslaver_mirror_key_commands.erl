%% @doc Applies the commands for keys of any type.
%% @private
-module(eslaver_mirror_key_commands).
-behaviour(eslaver_mirror_commands).

-export([commands/0, apply/3]).

-import(eslaver_mirror_keys, [find/2, put/5, delete/2, forget/2, forget_value/2, expire/3]).

%% @doc See {@link eslaver_mirror_commands}.
-spec commands() -> [binary()].
commands() ->
    [
        <<"copy">>,
        <<"del">>,
        <<"expire">>,
        <<"expireat">>,
        <<"migrate">>,
        <<"move">>,
        <<"persist">>,
        <<"pexpire">>,
        <<"pexpireat">>,
        <<"rename">>,
        <<"renamenx">>,
        <<"restore">>,
        <<"restore-asking">>,
        <<"unlink">>
    ].

%% @doc See {@link eslaver_mirror_commands}.
-spec apply(binary(), [binary()], eslaver_mirror_type:ctx()) -> ok.
apply(<<"del">>, Keys, Ctx) -> delete_all(Keys, Ctx);
apply(<<"unlink">>, Keys, Ctx) -> delete_all(Keys, Ctx);
apply(<<"expire">>, Args, #{now := Now} = Ctx) -> expire(Args, 1000, Now, Ctx);
apply(<<"pexpire">>, Args, #{now := Now} = Ctx) -> expire(Args, 1, Now, Ctx);
apply(<<"expireat">>, Args, Ctx) -> expire(Args, 1000, 0, Ctx);
apply(<<"pexpireat">>, Args, Ctx) -> expire(Args, 1, 0, Ctx);
apply(<<"persist">>, [Key], Ctx) -> expire(Ctx, Key, infinity);
apply(<<"rename">>, [From, To], Ctx) -> rename(From, To, Ctx);
apply(<<"renamenx">>, [From, To], Ctx) -> rename(From, To, Ctx);
apply(<<"move">>, [Key, Db], Ctx) -> move(Key, in_db(Db, Ctx), Ctx);
apply(<<"copy">>, [From, To | Options], Ctx) -> copy(From, To, target(Options, Ctx), Ctx);
apply(<<"restore">>, Args, Ctx) -> restore(Args, Ctx);
apply(<<"restore-asking">>, Args, Ctx) -> restore(Args, Ctx);
apply(<<"migrate">>, Args, Ctx) -> migrate(Args, Ctx).

delete_all(Keys, Ctx) ->
    lists:foreach(fun(Key) -> delete(Ctx, Key) end, Keys).

%% Times are given in `Unit' ms, from `Base' on.
expire([Key, Time | Options], Unit, Base, Ctx) ->
    At = Base + binary_to_integer(Time) * Unit,
    {_, _, _, Old} = find(Ctx, Key),
    case lists:all(fun(Option) -> holds(string:uppercase(Option), At, Old) end, Options) of
        true -> expire(Ctx, Key, At);
        false -> ok
    end.

%% A key that does not expire counts as expiring last.
holds(<<"NX">>, _At, Old) -> Old =:= infinity;
holds(<<"XX">>, _At, Old) -> Old =/= infinity;
holds(<<"GT">>, At, Old) -> At > Old;
holds(<<"LT">>, At, Old) -> At < Old.

%% The row of a key that the command has read. The command has succeeded, so the key exists; a doubt
%% whether it does ends here.
source(Ctx, Key) ->
    case find(Ctx, Key) of
        {Key, unknown, unsure, _} ->
            ok = forget_value(Ctx, Key),
            find(Ctx, Key);
        {Key, _, _, _} = Row ->
            Row
    end.

rename(Same, Same, Ctx) ->
    _ = source(Ctx, Same),
    ok;
rename(From, To, Ctx) ->
    {From, Type, Body, ExpireAt} = source(Ctx, From),
    ok = forget(Ctx, From),
    put(Ctx, To, Type, Body, ExpireAt).

%% Before 3.0 MOVE dropped the expiry, and servers before 3.2 do not send their version.
move(Key, To, #{store := Store} = Ctx) ->
    {Key, Type, Body, ExpireAt} = source(Ctx, Key),
    true = ExpireAt =:= infinity orelse eslaver_mirror_store:version(Store) =/= unknown,
    ok = forget(Ctx, Key),
    put(To, Key, Type, Body, ExpireAt).

copy(From, To, Target, #{store := Store} = Ctx) ->
    {From, Type, Body, ExpireAt} = source(Ctx, From),
    put(Target, To, Type, eslaver_mirror_type:copy(Type, Store, Body), ExpireAt).

target([], Ctx) ->
    Ctx;
target([Option | Options], Ctx) ->
    case string:uppercase(Option) of
        <<"REPLACE">> -> target(Options, Ctx);
        <<"DB">> -> target(tl(Options), in_db(hd(Options), Ctx))
    end.

in_db(Number, #{store := #{dbs := Dbs}} = Ctx) ->
    Db = binary_to_integer(Number),
    #{Db := Keys} = Dbs,
    Ctx#{db := Db, keys := Keys}.

restore([Key, Ttl, Payload | Options], #{store := Store} = Ctx) ->
    {ok, {Given, Value, Meta}} = eslaver_rdb:decode_dump(Payload),
    Type = eslaver_mirror_type:of_value(Given, Value),
    Body = eslaver_mirror_type:load(Type, Store, Value, Meta),
    put(Ctx, Key, Type, Body, lives_to(binary_to_integer(Ttl), Options, Ctx)).

lives_to(0, _Options, _Ctx) ->
    infinity;
lives_to(Ttl, Options, #{now := Now}) ->
    case lists:member(<<"ABSTTL">>, [string:uppercase(Option) || Option <- Options]) of
        true -> Ttl;
        false -> Now + Ttl
    end.

%% Masters replicate MIGRATE as `DEL'. This applies a MIGRATE that arrives verbatim; with `COPY' it
%% writes no key.
migrate(Args, Ctx) ->
    {Changed, _Read} = eslaver_keys:of_command(<<"migrate">>, Args, undefined),
    delete_all(Changed, Ctx).
