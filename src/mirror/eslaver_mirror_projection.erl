%% @doc Projections: keys of a mirror that are kept as rows of an ETS table. This is what the user
%% declares of one, and what its `map' makes of a key; {@link eslaver_mirror_projector} keeps them.
%% @private
-module(eslaver_mirror_projection).

-export([parse/1, interest/1, type/1, table/1, rows/4, failed/1, shown/1, info/1]).
-export_type([projection/0, shown/0]).

-type map_function() :: eslaver_mirror_types:map_function().

-type type() :: eslaver_mirror_types:projected_type().

-record(projection, {
    keys :: [binary(), ...],
    type :: type(),
    table :: atom() | ets:tid(),
    map :: map_function(),
    db = 0 :: non_neg_integer(),
    %% How often `map' has failed.
    failures :: counters:counters_ref()
}).

-opaque projection() :: #projection{}.

-define(KEYS, [keys, type, table, map]).
-define(TYPES, [string, list, set, zset, hash, stream, array, gcra, path_hash, vectorset]).
-define(DBS, (1 bsl 31)).

%% @doc Checks the value of the option `project'.
-spec parse(term()) -> {ok, [projection()]} | {error, {invalid_option, term(), term()}}.
parse(Declared) when is_list(Declared) ->
    try [projection(One) || One <- Declared] of
        Projections ->
            Tables = [Table || #projection{table = Table} <- Projections],
            case Tables -- lists:usort(Tables) of
                [] -> {ok, Projections};
                [Twice | _] -> invalid({project, table}, {Twice, used_twice})
            end
    catch
        throw:{?MODULE, Key, Value} -> invalid({project, Key}, Value);
        %% a list that does not end as one
        error:_ -> invalid(project, Declared)
    end;
parse(Declared) ->
    invalid(project, Declared).

invalid(Key, Value) ->
    {error, {invalid_option, Key, Value}}.

projection(Declared) when is_map(Declared) ->
    Missing = [Key || Key <- ?KEYS, not is_map_key(Key, Declared)],
    _ = [refuse(Key, missing) || Key <- Missing],
    #{keys := Keys, type := Type, table := Table, map := Map, db := Db} =
        maps:map(fun value/2, maps:merge(#{db => 0}, Declared)),
    #projection{
        keys = Keys, type = Type, table = Table, map = Map, db = Db, failures = counters:new(1, [])
    };
projection(Declared) ->
    case eslaver_option_map:from(Declared) of
        {ok, Map} -> projection(Map);
        _ -> throw({?MODULE, declaration, Declared})
    end.

%% The value of an option, if it is valid.
value(keys, Globs) ->
    case eslaver_filter:parse([keys], #{keys => Globs}) of
        {ok, #{keys := [_ | _] = Keys}} -> Keys;
        _ -> refuse(keys, Globs)
    end;
value(type, Type) ->
    _ = lists:member(Type, ?TYPES) orelse refuse(type, Type),
    Type;
value(db, Db) ->
    _ = (is_integer(Db) andalso Db >= 0 andalso Db < ?DBS) orelse refuse(db, Db),
    Db;
value(map, Map) ->
    _ = is_map_function(Map) orelse refuse(map, Map),
    Map;
value(table, Table) ->
    case eslaver_mirror_projection_table:check(Table) of
        ok -> Table;
        {error, Why} -> refuse(table, {Table, Why})
    end;
value(Key, Value) ->
    refuse(Key, Value).

-spec refuse(term(), term()) -> no_return().
refuse(Key, Value) ->
    throw({?MODULE, Key, Value}).

is_map_function({Module, Name}) ->
    eslaver_callback:is_exported(Module, Name, 2);
is_map_function({Module, Name, Args}) when length(Args) < 254 ->
    eslaver_callback:is_exported(Module, Name, length(Args) + 2);
is_map_function(Fun) ->
    eslaver_callback:is_callable(Fun, 2).

%% @doc The keys whose changes it needs.
-spec interest(projection()) -> {Db :: non_neg_integer(), Globs :: [binary(), ...]}.
interest(#projection{db = Db, keys = Keys}) ->
    {Db, Keys}.

%% @doc The type of these keys: those of another have no rows.
-spec type(projection()) -> type().
type(#projection{type = Type}) ->
    Type.

-spec table(projection()) -> atom() | ets:tid().
table(#projection{table = Table}) ->
    Table.

%% @doc The rows of a key, for a table with this position of keys.
-spec rows(Key :: binary(), Value :: term(), KeyPos :: pos_integer(), projection()) ->
    {ok, [tuple()]} | {failed, Class :: atom(), Reason :: term(), Stack :: list()}.
rows(Key, Value, KeyPos, #projection{map = Map}) ->
    try
        checked(mapped(Map, Key, Value), KeyPos)
    catch
        Class:Reason:Stack -> {failed, Class, Reason, Stack}
    end.

checked(skip, _KeyPos) ->
    {ok, []};
checked(Row, KeyPos) when not is_list(Row) ->
    checked([Row], KeyPos);
checked(Rows, KeyPos) ->
    case lists:all(fun(Row) -> is_row(Row, KeyPos) end, Rows) of
        true -> {ok, Rows};
        false -> {failed, error, bad_row, []}
    end.

mapped({Module, Name}, Key, Value) -> Module:Name(Key, Value);
mapped({Module, Name, Args}, Key, Value) -> apply(Module, Name, Args ++ [Key, Value]);
mapped(Map, Key, Value) -> Map(Key, Value).

is_row(Row, KeyPos) ->
    is_tuple(Row) andalso tuple_size(Row) >= KeyPos.

%% @doc Counts that its `map' has failed. Tells whether it was the first time.
-spec failed(projection()) -> first | again.
failed(#projection{failures = Failures}) ->
    ok = counters:add(Failures, 1, 1),
    case counters:get(Failures, 1) of
        1 -> first;
        _ -> again
    end.

-type shown() :: {atom() | ets:tid(), counters:counters_ref()}.
%% What is shown of a projection.

%% @doc What others need for an info.
-spec shown(projection()) -> shown().
shown(#projection{table = Table, failures = Failures}) -> {Table, Failures}.

%% @doc For `eslaver_mirror:info/1': by its table.
-spec info(shown()) ->
    {atom() | ets:tid(), #{rows := non_neg_integer(), failures := non_neg_integer()}}.
info({Table, Failures}) ->
    Rows =
        case ets:info(Table, size) of
            undefined -> 0;
            Size -> Size
        end,
    {Table, #{rows => Rows, failures => counters:get(Failures, 1)}}.
