%% Users by id. Each is a hash of the master, `user:ID', and can be read here without a request.
-module(directory).
-behaviour(eslaver_handler).

-export([await/1, lookup/1]).
-export([new_table/0]).
-export([init/1, handle_event/2]).

%% Waits until the users are loaded.
await(Timeout) ->
    eslaver:await(directory_replica, loaded, Timeout).

lookup(Id) ->
    case ets:lookup(?MODULE, <<"user:", Id/binary>>) of
        [{_, User}] -> {ok, User};
        [] -> error
    end.

%% The supervisor creates the table, so that it outlives the replica.
new_table() ->
    ets:new(?MODULE, [named_table, public, {read_concurrency, true}]).

init(Table) ->
    {ok, Table}.

%% The snapshot, for which the table is emptied.
handle_event({loading, start, _}, Table) ->
    ets:delete_all_objects(Table),
    {ok, Table};
handle_event({loading, hash, Key, Fields, #{db := 0}}, Table) ->
    put(Key, maps:from_list(Fields), Table);
%% The writes after it.
handle_event({stream, <<"hset">>, [Key | FieldsAndValues], #{db := 0}}, Table) ->
    put(Key, maps:merge(known(Key, Table), fields(FieldsAndValues)), Table);
handle_event({stream, <<"hdel">>, [Key | Fields], #{db := 0}}, Table) ->
    put(Key, maps:without(Fields, known(Key, Table)), Table);
handle_event({stream, Delete, Keys, #{db := 0}}, Table) when
    Delete =:= <<"del">>; Delete =:= <<"unlink">>
->
    lists:foreach(fun(Key) -> ets:delete(Table, Key) end, Keys),
    {ok, Table};
%% Other commands that change a hash (HINCRBY, RENAME, FLUSHALL ...) are left out for brevity.
handle_event(_Event, Table) ->
    {ok, Table}.

put(<<"user:", _/binary>> = Key, User, Table) when map_size(User) > 0 ->
    ets:insert(Table, {Key, User}),
    {ok, Table};
put(Key, _User, Table) ->
    ets:delete(Table, Key),
    {ok, Table}.

known(Key, Table) ->
    case ets:lookup(Table, Key) of
        [{_, User}] -> User;
        [] -> #{}
    end.

fields([Field, Value | Rest]) -> (fields(Rest))#{Field => Value};
fields([]) -> #{}.
