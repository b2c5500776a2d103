%% @doc Reads of a mirror's keys: as they are between two commands, and between two transactions, of
%% the master. Expired keys are missing.
%% @private
-module(eslaver_mirror_view).

-export([read/5, bodies/4, row/3, rows/3, db/3, transaction/2, status/1]).
-export_type([mirror/0, failure/0]).

-type mirror() :: atom() | {atom(), Db :: non_neg_integer()}.
%% A mirror's name, for db 0 or another.

-type failure() :: eslaver_mirror_lock:failure() | {error, wrongtype | unknown}.
%% Why a read has no answer.

%% @doc Reads the value of a key by a fun, which gets the tables and the key's body, and may run
%% more than once. `Default' is the result for a missing key, `{error, wrongtype}' that for a key of
%% another type.
-spec read(
    mirror(),
    binary(),
    eslaver_mirror_store:type(),
    Default,
    fun((eslaver_mirror_store:store(), eslaver_mirror_type:body()) -> Result)
) -> Result | Default | failure().
read(Mirror, Key, Type, Default, Fun) ->
    row(Mirror, Key, fun
        (Store, {_, Found, Body, _}) when Found =:= Type -> Fun(Store, Body);
        (_Store, none) -> Default;
        (_Store, _) -> {error, wrongtype}
    end).

%% @doc Reads the values of several keys of one type as they are at one moment. The fun gets their
%% bodies, `none' for missing keys.
-spec bodies(
    mirror(),
    [binary()],
    eslaver_mirror_store:type(),
    fun((eslaver_mirror_store:store(), [eslaver_mirror_type:body() | none]) -> Result)
) -> Result | failure().
bodies(Mirror, Keys, Type, Fun) ->
    rows(Mirror, Keys, fun(Store, Rows) ->
        case lists:all(fun(Row) -> Row =:= none orelse element(2, Row) =:= Type end, Rows) of
            true -> Fun(Store, [body(Row) || Row <- Rows]);
            false -> {error, wrongtype}
        end
    end).

body(none) -> none;
body({_, _, Body, _}) -> Body.

%% @doc Reads the row of a key of any type; `none' if the key is missing or has expired.
-spec row(
    mirror(),
    binary(),
    fun((eslaver_mirror_store:store(), eslaver_mirror_store:row() | none) -> Result)
) -> Result | failure().
row(Mirror, Key, Fun) ->
    {Name, Db} = db_of(Mirror),
    ok = eslaver_mirror_arguments:binary(Key),
    eslaver_mirror_lock:read(Name, [Key], fun(Store) ->
        case look_up(table(Db, Store), Key) of
            {_, unknown, _, _} -> {error, unknown};
            Row -> Fun(Store, Row)
        end
    end).

%% @doc Reads the rows of several keys as they are at one moment. If one key is `unknown', the whole
%% read fails.
-spec rows(
    mirror(),
    [binary()],
    fun((eslaver_mirror_store:store(), [eslaver_mirror_store:row() | none]) -> Result)
) -> Result | failure().
rows(Mirror, Keys, Fun) ->
    {Name, Db} = db_of(Mirror),
    ok = eslaver_mirror_arguments:binaries(Keys),
    eslaver_mirror_lock:read(Name, Keys, fun(Store) ->
        Table = table(Db, Store),
        Rows = [look_up(Table, Key) || Key <- Keys],
        case lists:keymember(unknown, 2, [Row || Row <- Rows, Row =/= none]) of
            true -> {error, unknown};
            false -> Fun(Store, Rows)
        end
    end).

look_up(none, _Key) ->
    none;
look_up(Table, Key) ->
    case ets:lookup(Table, Key) of
        [] ->
            none;
        [{_, _, _, infinity} = Row] ->
            Row;
        [{_, unknown, unsure, _} = Row] ->
            Row;
        [{_, _, _, ExpireAt} = Row] ->
            case ExpireAt > erlang:system_time(millisecond) of
                true -> Row;
                false -> none
            end
    end.

%% @doc Reads a whole db by a fun that gets the table of its keys; `Empty' is the result if there is
%% none. Not atomic: keys may change during the read.
-spec db(mirror(), Empty, fun((eslaver_mirror_store:store(), ets:tid()) -> Result)) ->
    Result | Empty | failure().
db(Mirror, Empty, Fun) ->
    {Name, Db} = db_of(Mirror),
    eslaver_mirror_lock:read(Name, [], fun(Store) ->
        case table(Db, Store) of
            none -> Empty;
            Table -> Fun(Store, Table)
        end
    end).

%% The missing tables of a killed mirror must not look like empty ones.
table(Db, Store) ->
    case eslaver_mirror_store:keys(Db, Store) of
        none ->
            true = eslaver_mirror_store:exists(Store),
            none;
        Table ->
            Table
    end.

%% @doc Runs a fun whose reads of this mirror all see one moment. It may run more than once.
-spec transaction(mirror(), fun(() -> Result)) -> Result.
transaction(Mirror, Fun) ->
    {Name, _Db} = db_of(Mirror),
    eslaver_mirror_lock:transaction(Name, Fun).

%% @doc The status of the data.
-spec status(mirror()) -> eslaver_mirror_lock:status() | not_running.
status(Mirror) ->
    {Name, _Db} = db_of(Mirror),
    eslaver_mirror_lock:state(Name).

db_of({Name, Db}) when is_atom(Name), is_integer(Db), Db >= 0 -> {Name, Db};
db_of(Name) when is_atom(Name) -> {Name, 0};
db_of(_) -> error(badarg).
