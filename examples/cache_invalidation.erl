%% A cache of values read from a master. Entries are removed when their keys change there, until
%% Enter is pressed. A process subscribes to key notifications.
%%
%%     ERL_LIBS=_build/default/lib escript examples/cache_invalidation.erl [Port]
%%
%% In this way a program can cache what it computes from some keys until one of them changes.
-module(cache_invalidation).
-mode(compile).
-export([main/1]).

main([]) ->
    main(["6379"]);
main([Port]) ->
    ?MODULE = ets:new(?MODULE, [named_table, public, {read_concurrency, true}]),
    {ok, Replica} = eslaver:start_link(#{
        master_port => list_to_integer(Port),
        callback => fun(_Event) -> ok end
    }),
    ok = eslaver:await(Replica, loaded, 60000),
    true = ets:insert(?MODULE, [{<<"user:1">>, "Ada"}, {<<"user:2">>, "Charles"}]),
    Invalidator = spawn_link(fun() ->
        {ok, Ref} = eslaver:subscribe(Replica, #{keys => <<"user:*">>}),
        show(),
        invalidate(Ref)
    end),
    _ = io:get_line(""),
    unlink(Invalidator),
    exit(Invalidator, kill),
    eslaver:stop(Replica).

invalidate(Ref) ->
    receive
        {eslaver, Ref, {key, _Command, Key, _Where}} ->
            true = ets:delete(?MODULE, Key);
        {eslaver, Ref, {keys, _Command, _AllOrSome, _Where}} ->
            %% any key may have changed
            true = ets:delete_all_objects(?MODULE)
    end,
    show(),
    invalidate(Ref).

show() ->
    io:format("cached: ~0p~n", [lists:sort([Key || {Key, _} <- ets:tab2list(?MODULE)])]).
