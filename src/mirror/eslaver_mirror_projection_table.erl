%% @doc The ETS table of a projection, and which of its rows belong to which key. The rows of a
%% change are put in at once; only then those that are gone are deleted, one by one.
%% @private
-module(eslaver_mirror_projection_table).

-export([check/1, open/1, keypos/1, change/2, renew/1, add/2, renewed/1]).
-export_type([table/0, renewal/0]).

%% How often a table is looked at that a mirror has, and how long to wait in between, in ms.
-define(CHECKS, 50).
-define(PAUSE, 20).

-record(table, {
    rows :: ets:table(),
    type :: set | ordered_set,
    keypos :: pos_integer(),
    %% `{Key, RowKeys}': the keys of the rows that a key has.
    index :: ets:table(),
    %% Whether it has been complete before: rows that stay are never missing from then on.
    is_filled = false :: boolean()
}).

-record(renewal, {
    table :: #table{},
    index :: ets:table(),
    %% The keys of the rows that stay or are new, as `{RowKey}'.
    present :: ets:table(),
    %% The new rows, for a table that has been complete before.
    rows = [] :: [tuple()]
}).

-opaque table() :: #table{}.
-opaque renewal() :: #renewal{}.

-type change() :: {Key :: binary(), [tuple()]}.
%% All rows of a key.

%% @doc Whether this table can have a projection. A name that is free can.
-spec check(term()) ->
    ok | {error, not_a_table | not_a_set | not_public}.
check(Table) ->
    check(Table, ?CHECKS).

check(Table, Left) when is_atom(Table), Table =/= undefined; is_reference(Table) ->
    case {info(Table, type), info(Table, protection)} of
        {undefined, _} when is_atom(Table) -> ok;
        {undefined, _} -> {error, not_a_table};
        {Type, _} when Type =/= set, Type =/= ordered_set -> {error, not_a_set};
        {_, public} -> ok;
        {_, _} -> recheck(is_of_a_mirror(info(Table, owner)), Table, Left)
    end;
check(_Table, _Left) ->
    {error, not_a_table}.

%% That of a mirror which has just been killed goes in a moment.
recheck(true, Table, Left) when Left > 0 ->
    ok = timer:sleep(?PAUSE),
    check(Table, Left - 1);
recheck(_, _Table, _Left) ->
    {error, not_public}.

is_of_a_mirror(undefined) ->
    true;
is_of_a_mirror(Owner) ->
    not is_process_alive(Owner) orelse
        proc_lib:translate_initial_call(Owner) =:= {eslaver_mirror_projector, init, 1}.

%% Some references are of no table.
info(Table, Item) ->
    try
        ets:info(Table, Item)
    catch
        error:badarg -> undefined
    end.

%% @doc The table, which is made if there is none of this name. It then belongs to the caller.
-spec open(atom() | ets:tid()) -> table().
open(Table) ->
    Rows =
        case ets:info(Table, type) of
            undefined -> ets:new(Table, [named_table, protected, {read_concurrency, true}]);
            _ -> Table
        end,
    #table{
        rows = Rows,
        type = ets:info(Rows, type),
        keypos = ets:info(Rows, keypos),
        index = new_index()
    }.

new_index() ->
    ets:new(?MODULE, [private]).

%% Keys that are equal in the table are equal here.
new_keys(#table{type = Type}) ->
    ets:new(?MODULE, [private, Type]).

-spec keypos(table()) -> pos_integer().
keypos(#table{keypos = KeyPos}) ->
    KeyPos.

%% @doc Puts the rows of some keys in the place of those that they had.
-spec change([change()], table()) -> ok.
change(Changes, #table{rows = Rows, index = Index} = Table) ->
    Former = lists:append([former(Key, Index) || {Key, _} <- Changes]),
    true = ets:insert(Rows, lists:append([New || {_, New} <- Changes])),
    Present = new_keys(Table),
    lists:foreach(fun(Change) -> note(Change, Index, Present, Table) end, Changes),
    _ = [ets:delete(Rows, RowKey) || RowKey <- Former, not ets:member(Present, RowKey)],
    true = ets:delete(Present),
    ok.

former(Key, Index) ->
    case ets:lookup(Index, Key) of
        [{Key, RowKeys}] -> RowKeys;
        [] -> []
    end.

%% Which rows a key has from now on.
note({Key, []}, Index, _Present, _Table) ->
    true = ets:delete(Index, Key);
note({Key, Rows}, Index, Present, #table{keypos = KeyPos}) ->
    RowKeys = [element(KeyPos, Row) || Row <- Rows],
    true = ets:insert(Present, [{RowKey} || RowKey <- RowKeys]),
    true = ets:insert(Index, {Key, RowKeys}).

%% @doc Begins to put in the rows of all keys, which {@link add/2} is given, in the place of what
%% there is.
-spec renew(table()) -> renewal().
renew(Table) ->
    #renewal{table = Table, index = new_index(), present = new_keys(Table)}.

%% @doc Adds the rows of some keys. Those that are in the table as they are need nothing.
-spec add([change()], renewal()) -> renewal().
add(Changes, #renewal{table = Table, index = Index, present = Present} = Renewal) ->
    lists:foreach(fun(Change) -> note(Change, Index, Present, Table) end, Changes),
    New = [Row || {_, Rows} <- Changes, Row <- Rows, not is_there(Row, Table)],
    case Table of
        #table{is_filled = true} ->
            Renewal#renewal{rows = lists:reverse(New, Renewal#renewal.rows)};
        #table{rows = Rows} ->
            true = ets:insert(Rows, New),
            Renewal
    end.

is_there(Row, #table{rows = Rows, keypos = KeyPos}) ->
    ets:lookup(Rows, element(KeyPos, Row)) =:= [Row].

%% @doc All keys have been added: the new rows come in, then those that are gone are deleted.
-spec renewed(renewal()) -> table().
renewed(#renewal{table = #table{rows = Rows} = Table, present = Present} = Renewal) ->
    true = ets:insert(Rows, lists:reverse(Renewal#renewal.rows)),
    true = ets:safe_fixtable(Rows, true),
    ok = sweep(ets:first(Rows), Rows, Present),
    true = ets:safe_fixtable(Rows, false),
    true = ets:delete(Present),
    true = ets:delete(Table#table.index),
    Table#table{index = Renewal#renewal.index, is_filled = true}.

sweep('$end_of_table', _Rows, _Present) ->
    ok;
sweep(RowKey, Rows, Present) ->
    _ = ets:member(Present, RowKey) orelse ets:delete(Rows, RowKey),
    sweep(ets:next(Rows, RowKey), Rows, Present).
