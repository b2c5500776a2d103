%% @doc The keys of a mirror, as its writer sees them: expired keys exist until the master removes
%% them.
%% @private
-module(eslaver_mirror_keys).

-export([find/2, body/3, existing/3, first/3]).
-export([change/5, settle/3, update/3, put/4, put/5, delete/2, forget/2, expire/3]).
-export([load/3, flush/2, forget_value/2, suspect/2, unsure/2, collect/2]).

%% Rows of a value that are removed with its key. Further rows are removed later.
-define(AT_ONCE, 128).
%% Limits on what may be keys: the arguments of one command, the size of each, and all keys of a
%% mirror that may or may not exist. Beyond these only a full resync helps.
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

%% @doc The body of a key, `none' if the key is missing. It raises if the key has another type.
-spec body(ctx(), binary(), type()) -> body() | none.
body(Ctx, Key, Type) ->
    case find(Ctx, Key) of
        none -> none;
        {_, Type, Body, _} -> Body;
        {_, Other, _, _} -> error({not_as_expected, Key, Other})
    end.

%% @doc The body of a key. It raises if the key is missing or has another type.
-spec existing(ctx(), binary(), type()) -> body().
existing(Ctx, Key, Type) ->
    case body(Ctx, Key, Type) of
        none -> error({not_as_expected, Key, none});
        Body -> Body
    end.

%% @doc The first existing key of several. It raises if there is none.
-spec first(ctx(), [binary()], type()) -> {Key :: binary(), body()}.
first(Ctx, [Key | Keys], Type) ->
    case body(Ctx, Key, Type) of
        none -> first(Ctx, Keys, Type);
        Body -> {Key, Body}
    end.

%% @doc Replaces the body of an existing key, or removes the key if the body is `empty'.
-spec settle(ctx(), binary(), body() | empty) -> ok.
settle(#{keys := Keys}, Key, empty) -> remove(Keys, Key);
settle(Ctx, Key, Body) -> update(Ctx, Key, Body).

%% @doc Changes a key's value by `Change', which gets the body (made by `New' if the key is missing)
%% and returns the next one, or `empty'. The key's expiry stays.
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

%% @doc Replaces the body of an existing key.
-spec update(ctx(), binary(), body()) -> ok.
update(#{keys := Keys}, Key, Body) ->
    true = ets:update_element(Keys, Key, {3, Body}),
    ok.

%% @doc Sets a key, which does not expire. Any old value is discarded.
-spec put(ctx(), binary(), type() | unknown, body()) -> ok.
put(Ctx, Key, Type, Body) ->
    put(Ctx, Key, Type, Body, infinity).

%% @doc Sets a key, which expires at `ExpireAt'. Any old value is discarded.
-spec put(ctx(), binary(), type() | unknown, body() | empty, integer() | infinity) -> ok.
put(Ctx, Key, _Type, empty, _ExpireAt) ->
    _ = delete(Ctx, Key),
    ok;
put(#{keys := Keys} = Ctx, Key, Type, Body, ExpireAt) ->
    Old = find(Ctx, Key),
    insert(Keys, {Key, Type, Body, ExpireAt}),
    discard(Ctx, Old).

%% @doc Removes a key and its value. Returns whether the key existed.
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

%% @doc Removes a key, but not its value, which another key has now.
-spec forget(ctx(), binary()) -> ok.
forget(#{keys := Keys}, Key) ->
    remove(Keys, Key).

%% @doc Sets the expiry of an existing key.
-spec expire(ctx(), binary(), integer() | infinity) -> ok.
expire(#{keys := Keys}, Key, ExpireAt) ->
    true = ets:update_element(Keys, Key, {4, ExpireAt}),
    ok.

%% @doc Loads a value of a snapshot.
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

%% @doc Removes the keys of a db. Their values are removed later.
-spec flush(Db :: non_neg_integer(), eslaver_mirror_store:store()) -> eslaver_mirror_store:store().
flush(Db, Store) ->
    {Old, Flushed} = eslaver_mirror_store:without_keys(Db, Store),
    keep(Store, eslaver_mirror_store:id(), keys, Old),
    true = ets:match_delete(maps:get(unsure, Store), {{Old, '_'}}),
    Flushed.

%% @doc Marks the value of a key as unknown.
-spec forget_value(ctx(), binary()) -> ok.
forget_value(Ctx, Key) ->
    put(Ctx, Key, unknown, undefined).

%% @doc Handles arguments any of which may be a changed or new key: marks existing keys as unknown,
%% and remembers the others as keys that may or may not exist; those are neither listed nor counted
%% until something shows that they exist. Returns `none' if no argument is an existing key, or if
%% there are too many to remember.
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

%% The key counts as expired for reads of the whole db.
doubt(#{keys := Keys, store := #{unsure := Unsure}}, Key) ->
    insert(Keys, {Key, unknown, unsure, 0}),
    insert(Unsure, {{Keys, Key}}).

%% @doc The number of rows of keys that may or may not exist.
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

%% @doc Removes about `Limit' rows of discarded values. Returns whether there are more.
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
