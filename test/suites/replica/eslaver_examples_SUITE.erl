%% Runs each example as its README says, against a real server, and looks at what it prints.
-module(eslaver_examples_SUITE).

-compile([export_all, nowarn_export_all]).

suite() -> [{timetrap, {minutes, 2}}].

all() -> eslaver_test_groups:cases(?MODULE).

init_per_testcase(_Case, Config) ->
    Master = open_port({spawn_executable, file("tools/master.sh")}, [{line, 80}]),
    Port = next_line(Master),
    {ok, Client} =
        gen_tcp:connect("127.0.0.1", list_to_integer(Port), [binary, {active, false}]),
    [{master, Master}, {port, Port}, {client, Client} | Config].

end_per_testcase(_Case, Config) ->
    gen_tcp:close(proplists:get_value(client, Config)),
    true = port_close(proplists:get_value(master, Config)).

mirror(Config) ->
    write(Config, ["ZADD scores 3 a 1 b 4 c 2 d", "HSET user:c name Ada"]),
    Example = start("mirror.erl", Config),
    _ = lines_until(
        Example, "best: [{<<\"c\">>,<<\"Ada\">>},{<<\"a\">>,undefined},{<<\"d\">>,undefined}]"
    ),
    write(Config, ["ZREM scores a d"]),
    "best: [{<<\"c\">>,<<\"Ada\">>},{<<\"b\">>,undefined}]" = next_line(Example),
    end_of(Example).

projection(Config) ->
    write(Config, ["HSET user:1 name Ada born 1815", "HSET user:2 name Grace born 1906"]),
    Example = start("projection.erl", Config),
    _ = lines_until(Example, "born before 1900: [<<\"Ada\">>]"),
    write(Config, ["HSET user:3 name Charles born 1791"]),
    "born before 1900: [<<\"Ada\">>,<<\"Charles\">>]" = next_line(Example),
    write(Config, ["DEL user:1"]),
    "born before 1900: [<<\"Charles\">>]" = next_line(Example),
    end_of(Example).

new_leader(Config) ->
    write(Config, ["ZADD scores 3 a 1 b", "HSET user:b name Ada"]),
    Example = start("new_leader.erl", Config),
    _ = lines_until(Example, "leader: {<<\"a\">>,undefined}"),
    write(Config, ["ZADD scores 2 b", "SET other 1", "ZINCRBY scores 2 b"]),
    "leader: {<<\"b\">>,<<\"Ada\">>}" = next_line(Example),
    end_of(Example).

failover(_Config) ->
    Lab = eslaver_test_sentinels:start(#{server => eslaver_test_servers:own(), replicas => 1}),
    [First, Second] = [address(Lab, Server) || Server <- eslaver_test_sentinels:servers(Lab)],
    Client = eslaver_test_sentinels:connect(Lab, eslaver_test_sentinels:master(Lab)),
    <<"OK">> = eslaver_test_client:ok(Client, ["SET", "fruit", "apple"]),
    [Sentinel | _] = eslaver_test_sentinels:sentinels(Lab),
    Port = integer_to_list(eslaver_test_sentinels:port(Lab, Sentinel)),
    Example = run(os:find_executable("escript"), [file("examples/failover.erl"), "it", Port]),
    _ = lines_until(Example, First ++ ": full sync (first)"),
    ok = eslaver_test_sentinels:fail_over(Lab),
    %% The first master takes writes until it learns that it is none, if only those of Sentinels.
    Brought = line_of(Example, Second ++ ": "),
    true = lists:member(Brought, ["partial sync (failover)", "full sync (diverged)"]),
    end_of(Example),
    eslaver_test_sentinels:stop(Lab).

address(Lab, Server) ->
    "127.0.0.1:" ++ integer_to_list(eslaver_test_sentinels:port(Lab, Server)).

print_events(Config) ->
    write(Config, ["SET fruit apple", "HSET user name Ada"]),
    Example = start("print_events.erl", Config),
    Loaded = lines_until(Example, "{loading,eof}"),
    true = lists:member("{loading,string,<<\"fruit\">>,<<\"apple\">>}", Loaded),
    true = lists:member("{loading,hash,<<\"user\">>,[<<\"name\">>,<<\"Ada\">>]}", Loaded),
    write(Config, ["DEL fruit"]),
    _ = lines_until(Example, "{stream,\"del\",[<<\"fruit\">>]}"),
    end_of(Example).

cache_invalidation(Config) ->
    Example = start("cache_invalidation.erl", Config),
    _ = lines_until(Example, "cached: [<<\"user:1\">>,<<\"user:2\">>]"),
    write(Config, ["SET other 1", "HSET user:2 name Babbage"]),
    "cached: [<<\"user:1\">>]" = next_line(Example),
    write(Config, ["FLUSHALL"]),
    "cached: []" = next_line(Example),
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

%% What WAIT counts is in the file.
bulk_sink(Config) ->
    File = filename:join(proplists:get_value(priv_dir, Config), "events"),
    write(Config, ["SET fruit apple"]),
    Example = start("bulk_sink.erl", [File], Config),
    _ = lines_until(Example, "loaded"),
    write(Config, ["MSET a 1 b 2", "SELECT 3", "LPUSH queue x", "WAIT 1 0"]),
    {ok, Events} = file:consult(File),
    [{link, up, #{resync := full}}, {loading, start, #{}} | _] = Events,
    [_] = [Value || {loading, string, <<"fruit">>, Value = <<"apple">>, #{db := 0}} <- Events],
    [#{db := 0}] = [M || {stream, <<"mset">>, [<<"a">>, <<"1">> | _], M} <- Events],
    [#{db := 3}] = [M || {stream, <<"lpush">>, [<<"queue">>, <<"x">>], M} <- Events],
    end_of(Example).

%% Who replicates which shard: all members agree, evenly, and one that comes or goes moves no shards
%% but its own.
cluster_members(_Config) ->
    {ok, Module, Code} = compile:file(file("examples/cluster_members.erl"), [binary]),
    {module, Module} = code:load_binary(Module, "cluster_members.erl", Code),
    Shards = [list_to_binary(io_lib:format("~40.16.0b", [N])) || N <- lists:seq(1, 1000)],
    Members = [a@host, b@host, c@host, d@host],
    Owners = fun(Of) -> [Module:owner(Shard, Of) || Shard <- Shards] end,
    All = Owners(Members),
    All = Owners(lists:reverse(Members)),
    [a@host] = lists:usort(Owners([a@host])),
    _ = [
        begin
            Share = length([Owner || Owner <- All, Owner =:= Member]),
            true = Share > 200 andalso Share < 300,
            %% it goes, or comes
            Without = Owners(lists:delete(Member, Members)),
            [] = [{Was, Is} || {Was, Is} <- lists:zip(All, Without), Was =/= Is, Was =/= Member],
            false = lists:member(Member, Without)
        end
     || Member <- Members
    ],
    true = code:delete(Module).

telemetry_events(Config) ->
    write(Config, ["SET fruit apple"]),
    Example = start("telemetry_events.erl", Config),
    "[eslaver,link,up]" = next_line(Example),
    "[eslaver,load,start]" = next_line(Example),
    _ = line_of(Example, "1 events handled"),
    _ = line_of(Example, "1 keys of 127.0.0.1:"),
    write(Config, ["SET fruit pear"]),
    true = lists:suffix(" events handled", next_line(Example)),
    _ = line_of(Example, "streaming, 0 bytes to be handled"),
    end_of(Example).

%% Compiled as rebar3 would, and started as a release does it.
otp_app(Config) ->
    Dir = filename:join(proplists:get_value(priv_dir, Config), "directory"),
    ok = file:make_dir(Dir),
    Source = file("examples/otp_app/src"),
    {ok, _} = file:copy(
        filename:join(Source, "directory.app.src"), filename:join(Dir, "directory.app")
    ),
    _ = [
        {ok, _} = compile:file(File, [{outdir, Dir}, warnings_as_errors, return_errors])
     || File <- filelib:wildcard(filename:join(Source, "*.erl"))
    ],
    write(Config, ["HSET user:1 name Ada", "HSET other:1 a b"]),
    Main =
        "{ok, _} = application:ensure_all_started(directory), ok = directory:await(60000),"
        "Show = fun() -> io:format(\"~0p~n\", [[directory:lookup(<<N>>) || N <- \"12\"]]) end,"
        "Show(), _ = io:get_line(\"\"), Show(), _ = io:get_line(\"\"),"
        "ok = application:stop(directory), halt().",
    Replica = "#{master_host=>\"127.0.0.1\",master_port=>" ++ port(Config) ++ "}",
    Args = ["-noshell", "-pa", Dir, "-directory", "replica", Replica, "-eval", Main],
    Example = run(os:find_executable("erl"), Args),
    "[{ok,#{<<\"name\">> => <<\"Ada\">>}},error]" = next_line(Example),
    write(Config, ["HSET user:2 name Bob born 1815", "HDEL user:2 born", "DEL user:1", "WAIT 1 0"]),
    true = port_command(Example, "\n"),
    "[error,{ok,#{<<\"name\">> => <<\"Bob\">>}}]" = next_line(Example),
    end_of(Example).

elixir(Config) ->
    case os:find_executable("elixir") of
        false ->
            {skip, no_elixir};
        Elixir ->
            write(Config, ["SET fruit apple"]),
            Example = run(Elixir, [file("examples/replica.exs"), port(Config)]),
            _ = lines_until(Example, "loaded 1 keys"),
            write(Config, ["SET fruit pear", "SET fruit plum", "SELECT 2", "SADD s a"]),
            _ = lines_until(Example, "set in db 0: 2"),
            _ = lines_until(Example, "sadd in db 2: 1"),
            end_of(Example)
    end.

%% It has a master of its own, and checks itself.
demo(_Config) ->
    Example = run(os:find_executable("escript"), [file("examples/demo.escript")]),
    _ = lines_until(Example, "  all 10 keys and 8 commands came"),
    receive
        {Example, {exit_status, Status}} -> 0 = Status
    after 30000 -> ct:fail("the demo did not end")
    end.

%% Each example is in their README, and run by a suite.
none_left_out(_Config) ->
    {ok, Readme} = file:read_file(file("examples/README.md")),
    Suites = [
        element(2, {ok, _} = file:read_file(Suite))
     || Suite <- filelib:wildcard(file("test/suites/*/*_SUITE.erl"))
    ],
    {ok, Names} = file:list_dir(file("examples")),
    Examples = [
        Name
     || Name <- Names, Name =/= "README.md", filename:extension(Name) =/= ".beam"
    ],
    true = length(Examples) > 10,
    Missing = fun(Texts) ->
        [Name || Name <- Examples, lists:all(fun(Text) -> lacks(Text, Name) end, Texts)]
    end,
    {[], []} = {Missing([Readme]), Missing(Suites)}.

lacks(Text, Name) ->
    binary:match(Text, list_to_binary(Name)) =:= nomatch.

start(Name, Config) ->
    start(Name, [], Config).

start(Name, Args, Config) ->
    run(os:find_executable("escript"), [file("examples/" ++ Name) | Args ++ [port(Config)]]).

port(Context) ->
    proplists:get_value(port, Context).

run(Program, Args) ->
    open_port({spawn_executable, Program}, [
        {args, Args},
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

line_of(Example, Prefix) ->
    case string:prefix(next_line(Example), Prefix) of
        nomatch -> line_of(Example, Prefix);
        Rest -> Rest
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
