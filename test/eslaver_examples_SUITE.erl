%% Runs each example as its README says, against a real server, and looks at what it prints.
-module(eslaver_examples_SUITE).

-export([all/0, suite/0, init_per_testcase/2, end_per_testcase/2]).
-export([print_events/1, ets_cache/1]).

suite() -> [{timetrap, {minutes, 2}}].

all() -> [print_events, ets_cache].

init_per_testcase(_Case, Config) ->
    Master = open_port({spawn_executable, file("tools/master.sh")}, [{line, 80}]),
    Port = next_line(Master),
    {ok, Client} =
        gen_tcp:connect("127.0.0.1", list_to_integer(Port), [binary, {active, false}]),
    [{master, Master}, {port, Port}, {client, Client} | Config].

end_per_testcase(_Case, Config) ->
    gen_tcp:close(proplists:get_value(client, Config)),
    true = port_close(proplists:get_value(master, Config)).

print_events(Config) ->
    write(Config, ["SET fruit apple", "HSET user name Ada"]),
    Example = start("print_events.erl", Config),
    Loaded = lines_until(Example, "{loading,eof}"),
    true = lists:member("{loading,string,<<\"fruit\">>,<<\"apple\">>}", Loaded),
    true = lists:member("{loading,hash,<<\"user\">>,[<<\"name\">>,<<\"Ada\">>]}", Loaded),
    write(Config, ["DEL fruit"]),
    _ = lines_until(Example, "{stream,\"del\",[<<\"fruit\">>]}"),
    end_of(Example).

ets_cache(Config) ->
    write(Config, ["SET fruit apple", "HSET user name Ada", "RPUSH queue 1"]),
    Example = start("ets_cache.erl", Config),
    _ = lines_until(Example, "loaded 2 keys"),
    Steps = [
        {"SET fruit pear", "fruit: <<\"pear\">>"},
        {"HSET user born 1815",
            "user: #{<<\"born\">> => <<\"1815\">>,<<\"name\">> => <<\"Ada\">>}"},
        {"HDEL user name", "user: #{<<\"born\">> => <<\"1815\">>}"},
        {"HDEL user born", "user: gone"},
        {"MSET a 1", "a: <<\"1\">>"},
        {"DEL fruit", "fruit: gone"},
        {"FLUSHALL", "all gone"}
    ],
    lists:foreach(
        fun({Command, Line}) ->
            write(Config, [Command]),
            Line = next_line(Example)
        end,
        Steps
    ),
    end_of(Example).

start(Name, Config) ->
    open_port({spawn_executable, os:find_executable("escript")}, [
        {args, [file("examples/" ++ Name), proplists:get_value(port, Config)]},
        {env, [
            {"ERL_LIBS", filename:dirname(code:lib_dir(eslaver))},
            {"ERL_FLAGS", "-kernel logger_level warning"}
        ]},
        {line, 1000},
        exit_status
    ]).

%% It ends when Enter is pressed.
end_of(Example) ->
    true = port_command(Example, "\n"),
    receive
        {Example, {exit_status, Status}} -> 0 = Status
    after 30000 -> ct:fail("the example did not end")
    end.

lines_until(Example, Last) ->
    case next_line(Example) of
        Last -> [Last];
        Line -> [Line | lines_until(Example, Last)]
    end.

next_line(Port) ->
    receive
        {Port, {data, {eol, Line}}} -> Line;
        {Port, {exit_status, Status}} -> ct:fail("it ended with ~b", [Status])
    after 30000 -> ct:fail("no line came")
    end.

%% Redis takes a command as a plain line, too.
write(Config, Commands) ->
    Client = proplists:get_value(client, Config),
    lists:foreach(
        fun(Command) ->
            ok = gen_tcp:send(Client, [Command, "\r\n"]),
            {ok, <<First, _/binary>>} = gen_tcp:recv(Client, 0, 30000),
            true = First =/= $-
        end,
        Commands
    ).

%% rebar3 links the sources into its build directory.
file(Name) ->
    Root = os:cmd("cd -P '" ++ code:lib_dir(eslaver) ++ "/src/..' && pwd"),
    filename:join(string:trim(Root), Name).
