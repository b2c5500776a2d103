%% @doc The keys of a mirror, as its writer sees them: whether their time has passed does not matter
%% to it, since the master says when a key is gone.
%% @private
-module(eslaver_mirror_keys).

-export([find/2, body/3, existing/3, first/3]).
-export([change/5, settle/3, update/3, put/4, put/5, delete/2, forget/2, expire/3]).
-export([load/3, flush/2, forget_value/2, suspect/2, unsure/2, collect/2]).

%% Rows of a value that are removed with its key. The rest of a larger one goes later.
-define(AT_ONCE, 128).
%% Arguments of a command that are looked at as keys, how large one is, and the keys of a mirror of
%% which it is not known whether they are there: with more, only a full resync helps.
-define(ARGUMENTS, 1000).
-define(LARGE, 65536).
-define(UNSURE, 10000).

-type ctx() :: eslaver_mirror_type:ctx().
-type body() :: eslaver_mirror_type:body().
-type type() :: eslaver_mirror_store:type().

%% @doc A key's row.
-spec find(ctx(), binary()) -> eslaver_mirror_store:row() | none.
find(#{keys := Keys}, Key) ->
    case ets:lookup(Keys, Key) of
        [Row] -> Row;
        [] -> none
    end.

%% @doc The body of a key that has this type, or is not there. With another type it raises.
-spec body(ctx(), binary(), type()) -> body() | none.
body(Ctx, Key, Type) ->
    case find(Ctx, Key) of
        none -> none;
        {_, Type, Body, _} -> Body;
        {_, Other, _, _} -> error({not_as_expected, Key, Other})
    end.

%% @doc The body of a key that must be there, with this type.
-spec existing(ctx(), binary(), type()) -> body().
existing(Ctx, Key, Type) ->
    case body(Ctx, Key, Type) of
        none -> error({not_as_expected, Key, none});
        Body -> Body
    end.

%% @doc The first of some keys that is there, as one must be.
-spec first(ctx(), [binary()], type()) -> {Key :: binary(), body()}.
first(Ctx, [Key | Keys], Type) ->
    case body(Ctx, Key, Type) of
        none -> first(Ctx, Keys, Type);
        Body -> {Key, Body}
    end.

%% @doc Another body for a key that is there, or none, with which it is there no more.
-spec settle(ctx(), binary(), body() | empty) -> ok.
settle(#{keys := Keys}, Key, empty) -> remove(Keys, Key);
settle(Ctx, Key, Body) -> update(Ctx, Key, Body).

%% @doc Has a key's value changed by `Change', which gets the body that is there, or that which
%% `New' makes, and gives the next, or `empty' where no element is left. The key's time stays.
-spec change(ctx(), binary(), type(), New :: fun(() -> body()), fun((body()) -> body() | empty)) ->
    ok.
change(#{keys := Keys} = Ctx, Key, Type, New, Change) ->
    case body(Ctx, Key, Type) of
        none ->
            case Change(New()) of
                empty -> ok;
                Body -> insert(Keys, {Key, Type, Body, infinity})
            end;
        Old ->
            case Change(Old) of
                Old -> ok;
                Body -> settle(Ctx, Key, Body)
            end
    end.

%% @doc Another body for a key that is there.
-spec update(ctx(), binary(), body()) -> ok.
update(#{keys := Keys}, Key, Body) ->
    true = ets:update_element(Keys, Key, {3, Body}),
    ok.

%% @doc A value for a key, whatever it had, with no time to live.
-spec put(ctx(), binary(), type() | unknown, body()) -> ok.
put(Ctx, Key, Type, Body) ->
    put(Ctx, Key, Type, Body, infinity).

%% @doc A value for a key, whatever it had, which lives to `ExpireAt'.
-spec put(ctx(), binary(), type() | unknown, body() | empty, integer() | infinity) -> ok.
put(Ctx, Key, _Type, empty, _ExpireAt) ->
    _ = delete(Ctx, Key),
    ok;
put(#{keys := Keys} = Ctx, Key, Type, Body, ExpireAt) ->
    Old = find(Ctx, Key),
    insert(Keys, {Key, Type, Body, ExpireAt}),
    discard(Ctx, Old).

%% @doc Removes a key and its value: whether there was one.
-spec delete(ctx(), binary()) -> boolean().
delete(#{keys := Keys} = Ctx, Key) ->
    case find(Ctx, Key) of
        none ->
            false;
        Old ->
            remove(Keys, Key),
            discard(Ctx, Old),
            true
    end.

%% @doc Removes a key, but not its value: another has it now.
-spec forget(ctx(), binary()) -> ok.
forget(#{keys := Keys}, Key) ->
    remove(Keys, Key).

%% @doc When a key that is there will have lived.
-spec expire(ctx(), binary(), integer() | infinity) -> ok.
expire(#{keys := Keys}, Key, ExpireAt) ->
    true = ets:update_element(Keys, Key, {4, ExpireAt}),
    ok.

%% @doc A value of a snapshot.
-spec load(eslaver_mirror_store:store(), Db :: non_neg_integer(), {
    eslaver_rdb:type(), Key :: binary(), Value :: term(), Meta :: map()
}) -> ok.
load(Store, Db, {Given, Key, Value, Meta}) ->
    Type = eslaver_mirror_type:of_value(Given, Value),
    case eslaver_mirror_type:load(Type, Store, Value, Meta) of
        empty ->
            ok;
        Body ->
            ExpireAt = maps:get(expire_at, Meta, infinity),
            insert(eslaver_mirror_store:keys(Db, Store), {Key, Type, Body, ExpireAt})
    end.

%% @doc The store without the keys of this db. What they had is removed later.
-spec flush(Db :: non_neg_integer(), eslaver_mirror_store:store()) -> eslaver_mirror_store:store().
flush(Db, Store) ->
    {Old, Flushed} = eslaver_mirror_store:without_keys(Db, Store),
    keep(Store, eslaver_mirror_store:id(), keys, Old),
    true = ets:match_delete(maps:get(unsure, Store), {{Old, '_'}}),
    Flushed.

%% @doc Whatever a key has, it is not known any more.
-spec forget_value(ctx(), binary()) -> ok.
forget_value(Ctx, Key) ->
    put(Ctx, Key, unknown, undefined).

%% @doc Any of these may be a key that has been changed, or made. `none' is the answer where no key
%% is among them, or they are too many to remember. Those that were not there are not listed, nor
%% counted, as long as nothing shows that they are.
-spec suspect(ctx(), [binary()]) -> ok | none.
suspect(#{store := #{unsure := Unsure}} = Ctx, Args) ->
    {There, Others} = lists:partition(fun(Arg) -> is_there(find(Ctx, Arg)) end, Args),
    ok = lists:foreach(fun(Key) -> forget_value(Ctx, Key) end, There),
    Fit =
        length(Others) =< ?ARGUMENTS andalso
            length(Others) + ets:info(Unsure, size) =< ?UNSURE andalso
            lists:all(fun(Arg) -> byte_size(Arg) =< ?LARGE end, Others),
    ok = lists:foreach(fun(Arg) -> doubt(Ctx, Arg) end, [Arg || Fit, Arg <- Others]),
    case There =/= [] andalso Fit of
        true -> ok;
        false -> none
    end.

is_there(none) -> false;
is_there({_, unknown, unsure, _}) -> false;
is_there(_) -> true.

%% For a reader of the db as a whole its time has passed.
doubt(#{keys := Keys, store := #{unsure := Unsure}}, Key) ->
    insert(Keys, {Key, unknown, unsure, 0}),
    insert(Unsure, {{Keys, Key}}).

%% @doc How many rows of a table are of keys of which it is not known whether they are there.
-spec unsure(eslaver_mirror_store:store(), ets:tid()) -> non_neg_integer().
unsure(#{unsure := Unsure}, Keys) ->
    case ets:info(Unsure, size) of
        0 ->
            0;
        _ ->
            Doubted = ets:match(Unsure, {{Keys, '$1'}}),
            length([Key || [Key] <- Doubted, [{_, unknown, unsure, 0}] <- [ets:lookup(Keys, Key)]])
    end.

insert(Keys, Row) ->
    true = ets:insert(Keys, Row),
    ok.

remove(Keys, Key) ->
    true = ets:delete(Keys, Key),
    ok.

discard(_Ctx, none) ->
    ok;
discard(#{store := Store}, {_, Type, Body, _}) ->
    case eslaver_mirror_type:discard(Type, Store, Body, ?AT_ONCE) of
        done -> ok;
        {more, Rest} -> keep(Store, eslaver_mirror_store:id(), Type, Rest)
    end.

%% @doc Removes about `Limit' rows of the values that are out of reach: whether there are more.
-spec collect(eslaver_mirror_store:store(), pos_integer()) -> done | more.
collect(#{garbage := Garbage} = Store, Limit) ->
    case ets:first(Garbage) of
        '$end_of_table' ->
            done;
        Id ->
            [{Id, Type, Body}] = ets:lookup(Garbage, Id),
            case collect(Type, Store, Body, Limit) of
                done -> remove(Garbage, Id);
                {more, Rest} -> keep(Store, Id, Type, Rest)
            end,
            more
    end.

collect(keys, Store, Keys, Limit) ->
    case ets:select(Keys, [{'_', [], ['$_']}], Limit) of
        '$end_of_table' ->
            true = ets:delete(Keys),
            done;
        {Rows, _More} ->
            lists:foreach(
                fun({Key, _, _, _} = Row) ->
                    remove(Keys, Key),
                    discard(#{store => Store}, Row)
                end,
                Rows
            ),
            {more, Keys}
    end;
collect(Type, Store, Body, Limit) ->
    eslaver_mirror_type:discard(Type, Store, Body, Limit).

keep(#{garbage := Garbage}, Id, Type, Body) ->
    insert(Garbage, {Id, Type, Body}).
