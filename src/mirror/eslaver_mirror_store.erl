%% @doc The ETS tables of a mirror: one generation of them, which a full resync replaces as a whole.
%%
%% Each db has a table of its keys, `{Key, Type, Body, ExpireAt}'. A string's body is its value. Any
%% other body refers to its elements by an id that no other value has ever had. So `RENAME', `MOVE'
%% and `SWAPDB' move one row, and a discarded value is unreachable at once, even if its elements are
%% removed later.
%% @private
-module(eslaver_mirror_store).

-export([new/1, empty/1, with_version/2, version/1, with_server/2, server/1, delete/2]).
-export([with_db/2, swap_dbs/3, without_keys/2, keys/2, exists/1, id/0, memory/1]).
-export_type([store/0, id/0, type/0, row/0, version/0, server/0]).

-type id() :: pos_integer().
-type type() :: eslaver_rdb:type() | array | gcra | path_hash | vectorset.

-type row() :: {
    Key :: binary(), type() | unknown, Body :: term(), ExpireAt :: integer() | infinity
}.
%% `ExpireAt' is Unix time in ms.

-type store() :: #{
    %% The keys' table of each db that has been used.
    dbs := #{non_neg_integer() => ets:tid()},
    %% ordered_set, `{{Id, Hash, Field}, Value, ExpireAt}': fields of hashes.
    hashes := ets:tid(),
    %% ordered_set, `{{Id, Hash, Member}}' or `{{Id, Hash, Member}, ExpireAt}': members of sets.
    sets := ets:tid(),
    %% set, `{{Id, Member}, Score}': members of sorted sets.
    scores := ets:tid(),
    %% set, `{{Id, Node}, ...}': the trees of lists and of sorted sets.
    nodes := ets:tid(),
    %% set, `{{Id, N}, Binary}': the pieces of large strings that are written in place.
    chunks := ets:tid(),
    %% ordered_set, `{{Id, Ms, Seq}, Fields}': entries of streams.
    entries := ets:tid(),
    %% ordered_set: consumer groups of streams.
    groups := ets:tid(),
    %% set, `{{Keys, Key}}': keys that may or may not exist.
    unsure := ets:tid(),
    %% ordered_set, `{{Id, Index | Path | Element}, ...}': of arrays, path hashes and vector sets.
    items := ets:tid(),
    %% set, `{Id, Type, Body}': discarded values whose elements are still to be removed.
    garbage := ets:tid(),
    %% The master's version, or that of the Redis whose commands a Valkey implements: the same
    %% command does not always do the same, nor the same data give the same answer.
    redis_version := version(),
    %% The master itself: answers to reads of Valkey follow no version of Redis.
    server := server(),
    %% The options of the tables.
    options := [term()]
}.

-type version() :: {Major :: non_neg_integer(), Minor :: non_neg_integer()} | unknown.
-type server() :: {redis | valkey, version()}.

-define(ELEMENTS, [
    {hashes, ordered_set},
    {sets, ordered_set},
    {scores, set},
    {nodes, set},
    {chunks, set},
    {entries, ordered_set},
    {groups, ordered_set},
    {unsure, set},
    {items, ordered_set},
    {garbage, set}
]).

%% @doc Empty tables with these options of ETS, owned by the caller.
-spec new(TableOptions :: [term()]) -> store().
new(Options) ->
    Tables = [{Name, table(Name, Kind, Options)} || {Name, Kind} <- ?ELEMENTS],
    (maps:from_list(Tables))#{
        dbs => #{}, redis_version => unknown, server => {redis, unknown}, options => Options
    }.

table(Name, Kind, Options) ->
    ets:new(list_to_atom("eslaver_mirror_" ++ atom_to_list(Name)), [Kind, protected | Options]).

%% @doc Empty tables with the same options and dbs: more commands of a transaction may follow.
-spec empty(store()) -> store().
empty(#{options := Options, dbs := Dbs} = Store) ->
    New = maps:merge(new(Options), maps:with([redis_version, server], Store)),
    lists:foldl(fun with_db/2, New, maps:keys(Dbs)).

%% @doc Sets the version that commands follow.
-spec with_version(version(), store()) -> store().
with_version(Version, Store) ->
    Store#{redis_version := Version}.

%% @doc The version that commands follow.
-spec version(store()) -> version().
version(#{redis_version := Version}) ->
    Version.

%% @doc Sets the master's own name and version.
-spec with_server(server(), store()) -> store().
with_server(Server, Store) ->
    Store#{server := Server}.

%% @doc The master's own name and version.
-spec server(store()) -> server().
server(#{server := Server}) ->
    Server.

%% @doc Deletes the tables, including those of keys. The time grows with their size; it is spent in
%% this process (`here') or in another one (`elsewhere').
-spec delete(store(), here | elsewhere) -> ok.
delete(Store, here) ->
    lists:foreach(fun ets:delete/1, tables(Store));
delete(Store, elsewhere) ->
    Pid = spawn(fun() -> take_over(Store) end),
    lists:foreach(fun(Table) -> true = ets:give_away(Table, Pid, delete) end, tables(Store)).

take_over(Store) ->
    lists:foreach(
        fun(Table) ->
            receive
                {'ETS-TRANSFER', Table, _From, delete} -> ets:delete(Table)
            end
        end,
        tables(Store)
    ).

tables(#{dbs := Dbs, garbage := Garbage} = Store) ->
    Flushed = [Keys || [Keys] <- ets:match(Garbage, {'_', keys, '$1'})],
    maps:values(Dbs) ++ Flushed ++ [maps:get(Name, Store) || {Name, _} <- ?ELEMENTS].

%% @doc Adds a table for a db, if it has none.
-spec with_db(non_neg_integer(), store()) -> store().
with_db(Db, #{dbs := Dbs} = Store) when is_map_key(Db, Dbs) ->
    Store;
with_db(Db, #{dbs := Dbs, options := Options} = Store) ->
    Store#{dbs => Dbs#{Db => table(keys, set, Options)}}.

%% @doc Exchanges the keys of two dbs.
-spec swap_dbs(non_neg_integer(), non_neg_integer(), store()) -> store().
swap_dbs(One, Other, Store) ->
    #{dbs := #{One := A, Other := B} = Dbs} = Both = with_db(One, with_db(Other, Store)),
    Both#{dbs => Dbs#{One => B, Other => A}}.

%% @doc Replaces the table of a db's keys by an empty one, and returns the old one.
-spec without_keys(non_neg_integer(), store()) -> {ets:tid(), store()}.
without_keys(Db, #{dbs := Dbs} = Store) ->
    {Old, Others} = maps:take(Db, Dbs),
    {Old, with_db(Db, Store#{dbs => Others})}.

%% @doc The table of a db's keys.
-spec keys(non_neg_integer(), store()) -> ets:tid() | none.
keys(Db, #{dbs := Dbs}) ->
    case Dbs of
        #{Db := Keys} -> Keys;
        #{} -> none
    end.

%% @doc Whether the tables still exist: they end with their owner.
-spec exists(store()) -> boolean().
exists(#{garbage := Garbage}) ->
    ets:info(Garbage, size) =/= undefined.

%% @doc A new id for a value's elements.
-spec id() -> id().
id() ->
    erlang:unique_integer([positive, monotonic]).

%% @doc The memory of the tables in bytes, without binaries of over 64 bytes.
-spec memory(store()) -> non_neg_integer().
memory(Store) ->
    words(tables(Store)) * erlang:system_info(wordsize).

words([]) ->
    0;
words([Table | Tables]) ->
    case ets:info(Table, memory) of
        Words when is_integer(Words) -> Words + words(Tables);
        undefined -> words(Tables)
    end.
