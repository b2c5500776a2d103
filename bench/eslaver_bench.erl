%% @doc A node with replicas, to be measured from outside: `erl -noshell -run eslaver_bench'.
%%
%% It prints `ready' when all code is loaded, and then executes each line of its standard input, an
%% Erlang term. It ends with its input. `bench/candidates.py' starts it.
-module(eslaver_bench).

-export([start/0]).

-spec start() -> no_return().
start() ->
    ok = application:load(eslaver),
    {ok, Modules} = application:get_key(eslaver, modules),
    ok = code:ensure_modules_loaded(Modules),
    ok = logger:set_primary_config(level, error),
    io:put_chars("ready\n"),
    loop().

-spec loop() -> no_return().
loop() ->
    case io:read("") of
        {ok, Request} ->
            io:put_chars([answer(Request), $\n]),
            loop();
        eof ->
            halt(0)
    end.

%% Starts a replica with a callback of this kind, and answers when the snapshot has been handled.
answer({sync, Kind, Options}) ->
    Count = counters:new(1, []),
    {ok, _} = eslaver:start_link(options(Options#{callback => callback(Kind, self(), Count)})),
    receive
        loaded -> io_lib:format("loaded ~b", [counters:get(Count, 1)])
    end;
%% Starts `Number' replicas, and answers when each has its snapshot.
answer({links, Number, Options}) ->
    Replicas = [
        Replica
     || _ <- lists:seq(1, Number),
        {ok, Replica} <- [eslaver:start_link(options(Options#{callback => fun(_) -> ok end}))]
    ],
    [ok = eslaver:await(Replica, loaded, infinity) || Replica <- Replicas],
    "loaded";
%% A request about a mirror.
answer({mirror, Request}) ->
    eslaver_bench_mirror:answer(Request);
%% When each `SET latency' was handled, in ns of the system's clock.
answer(times) ->
    Times = [Time || {_, Time} <- lists:sort(ets:tab2list(times))],
    lists:join($\s, [integer_to_list(Time) || Time <- Times]).

options(Options) ->
    maps:merge(#{dbfilename => undefined}, Options).

callback(count, Main, Count) ->
    fun
        ({loading, eof}) -> Main ! loaded;
        (_Event) -> counters:add(Count, 1, 1)
    end;
callback(pid, Main, Count) ->
    spawn_link(fun() -> receive_all(Main, Count) end);
callback(ets, Main, Count) ->
    Table = ets:new(keys, [public]),
    fun
        ({loading, eof}) ->
            ok = counters:put(Count, 1, ets:info(Table, size)),
            Main ! loaded;
        ({loading, _Type, Key, Value}) ->
            ets:insert(Table, {Key, Value});
        (_Command) ->
            ok
    end;
callback(times, Main, _Count) ->
    times = ets:new(times, [public, named_table]),
    fun
        ({loading, eof}) ->
            Main ! loaded;
        ({stream, "set", [<<"latency">>, Number]}) ->
            ets:insert(times, {binary_to_integer(Number), os:system_time(nanosecond)});
        (_Event) ->
            ok
    end.

receive_all(Main, Count) ->
    receive
        {loading, eof} -> Main ! loaded;
        _Event -> counters:add(Count, 1, 1)
    end,
    receive_all(Main, Count).
