#!/usr/bin/env escript
%% A replica at work, from the first byte to a clean stop: `make demo`.
%% The master is a throw-away server (tools/master.sh).
-mode(compile).

%% The master's data before the replica starts.
-define(DATA, [
    "SET motto 'it moves'",
    "SET answer 42",
    "SET session token EX 3600",
    "RPUSH queue first 2 third",
    "SADD colours red green blue",
    "SADD primes 2 3 5 7",
    "ZADD heights 8848.86 Everest 8611 K2",
    "HSET user:1 name Ada born 1815",
    "XADD log 1-1 level info",
    "XADD log 2-1 level error",
    "XGROUP CREATE log readers 0",
    "SELECT 1",
    "SET other database"
]).
-define(LOADED, [
    <<"motto">>,
    <<"answer">>,
    <<"session">>,
    <<"queue">>,
    <<"colours">>,
    <<"primes">>,
    <<"heights">>,
    <<"user:1">>,
    <<"log">>,
    <<"other">>
]).

%% Writes while the replica is connected.
-define(WRITES, [
    "SET motto changed",
    "HSET user:1 died 1852",
    "LPUSH queue zeroth",
    "MULTI",
    "SET a 1",
    "SET b 2",
    "EXEC",
    "DEL motto"
]).
-define(STREAMED, ["set", "hset", "lpush", "multi", "set", "set", "exec", "del"]).

main([]) ->
    {Master, Port} = start_master(),
    {ok, Client} = gen_tcp:connect("127.0.0.1", Port, [binary, {active, false}]),
    heading("A master on port ~b is given", [Port]),
    write(Client, ?DATA),

    heading("eslaver:start(normal, Callback): the snapshot", []),
    Self = self(),
    Callback = fun(Event) ->
        print(Event),
        Self ! Event
    end,
    ok = application:load(eslaver),
    ok = application:set_env(eslaver, master_port, Port),
    {ok, Supervisor} = eslaver:start(normal, Callback),
    expect_load(?LOADED),

    heading("Writes to the master, and the stream", []),
    write(Client, ["SELECT 0" | ?WRITES]),
    expect_stream(?STREAMED),

    heading("Stopped", []),
    unlink(Supervisor),
    exit(Supervisor, shutdown),
    await_exit(Supervisor),
    port_close(Master),
    io:format("  all ~b keys and ~b commands came~n", [length(?LOADED), length(?STREAMED)]).

start_master() ->
    Script = filename:join(filename:dirname(escript:script_name()), "../tools/master.sh"),
    Master = open_port({spawn_executable, Script}, [{line, 80}, exit_status]),
    receive
        {Master, {data, {eol, Port}}} -> {Master, list_to_integer(Port)};
        {Master, {exit_status, _}} -> fail("no master could be started", [])
    after 30000 -> fail("the master was not ready in 30 s", [])
    end.

%% Redis also accepts a command as a plain line. Each reply here fits into one segment.
write(Client, Commands) ->
    lists:foreach(
        fun(Command) ->
            io:format("  master> ~s~n", [Command]),
            ok = gen_tcp:send(Client, [Command, "\r\n"]),
            case gen_tcp:recv(Client, 0, 30000) of
                {ok, <<"-", Reason/binary>>} -> fail("~s: ~s", [Command, Reason]);
                {ok, _} -> ok
            end
        end,
        Commands
    ).

expect_load(Keys) ->
    receive
        {loading, eof} when Keys =:= [] -> ok;
        {loading, eof} -> fail("the snapshot ended without ~p", [Keys]);
        {loading, _, Key, _} -> expect_load(lists:delete(Key, Keys))
    after 30000 -> fail("the snapshot did not end in 30 s", [])
    end.

%% The commands come in this order, perhaps with SELECT, PING and REPLCONF in between.
expect_stream([]) ->
    ok;
expect_stream([Name | Names]) ->
    receive
        {stream, Name, _} ->
            expect_stream(Names);
        {stream, Other, _} when Other =:= "select"; Other =:= "ping"; Other =:= "replconf" ->
            expect_stream([Name | Names]);
        {stream, Other, _} ->
            fail("~s came in the place of ~s", [Other, Name])
    after 30000 -> fail("~s did not come in 30 s", [Name])
    end.

await_exit(Pid) ->
    Monitor = monitor(process, Pid),
    receive
        {'DOWN', Monitor, process, Pid, _} -> ok
    after 30000 -> fail("the supervisor did not stop in 30 s", [])
    end.

heading(Format, Args) -> io:format("~n== " ++ Format ++ "~n", Args).

print(Event) -> io:format("  ~0p~n", [Event]).

fail(Format, Args) ->
    io:format(standard_error, "~ndemo: " ++ Format ++ "~n", Args),
    halt(1).
