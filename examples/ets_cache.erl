%% Copies a master's strings and hashes to an ETS table, and prints each change, until Enter is
%% pressed. The callback is a module and a function.
%%
%%     ERL_LIBS=_build/default/lib escript examples/ets_cache.erl [Port]
%%
%% A program that needs only some keys' values can read them here in under a microsecond, from any
%% process. It knows the commands below; others (APPEND, INCR, RENAME ...) are left out for brevity.
-module(ets_cache).
-mode(compile).
-export([main/1, start_link/1, handle/1]).

main([]) ->
    main(["6379"]);
main([Port]) ->
    {ok, Replica} = start_link(list_to_integer(Port)),
    ok = eslaver:await(Replica, loaded, 60000),
    io:format("loaded ~b keys~n", [ets:info(?MODULE, size) - 1]),
    _ = io:get_line(""),
    eslaver:stop(Replica).

start_link(Port) ->
    ets:new(?MODULE, [named_table, public, {read_concurrency, true}]),
    ets:insert(?MODULE, {state, loaded}),
    eslaver:start_link(#{
        master_port => Port,
        callback => {?MODULE, handle}
    }).

%% The snapshot. A later one, after a lost link, replaces the whole table.
handle({loading, eof}) ->
    ets:insert(?MODULE, {state, loaded});
handle({loading, Type, Key, Value}) ->
    case ets:lookup(?MODULE, state) of
        [{state, loaded}] -> restart(loading);
        [{state, loading}] -> ok
    end,
    case Type of
        string -> ets:insert(?MODULE, {Key, Value});
        hash -> ets:insert(?MODULE, {Key, fields(Value, #{})});
        _ -> ok
    end;
%% The writes after it.
handle({stream, "set", [Key, Value | _Options]}) ->
    put_value(Key, Value);
handle({stream, "mset", KeysAndValues}) ->
    maps:foreach(fun put_value/2, fields(KeysAndValues, #{}));
handle({stream, "hset", [Key | FieldsAndValues]}) ->
    put_value(Key, fields(FieldsAndValues, hash(Key)));
handle({stream, "hdel", [Key | Fields]}) ->
    case maps:without(Fields, hash(Key)) of
        Empty when Empty =:= #{} -> delete(Key);
        Hash -> put_value(Key, Hash)
    end;
handle({stream, Delete, Keys}) when Delete =:= "del"; Delete =:= "unlink" ->
    lists:foreach(fun delete/1, Keys);
handle({stream, Flush, _}) when Flush =:= "flushall"; Flush =:= "flushdb" ->
    restart(loaded),
    io:format("all gone~n");
handle({stream, _, _}) ->
    ok.

restart(State) ->
    ets:delete_all_objects(?MODULE),
    ets:insert(?MODULE, {state, State}).

put_value(Key, Value) ->
    ets:insert(?MODULE, {Key, Value}),
    io:format("~s: ~p~n", [Key, Value]).

delete(Key) ->
    ets:delete(?MODULE, Key),
    io:format("~s: gone~n", [Key]).

hash(Key) ->
    case ets:lookup(?MODULE, Key) of
        [{_, Hash}] when is_map(Hash) -> Hash;
        _ -> #{}
    end.

fields([Field, Value | Rest], Map) -> fields(Rest, Map#{Field => Value});
fields([], Map) -> Map.
