#!/usr/bin/env escript
%% How fast reads of a mirror are, compared with requests to a Redis over loopback; how fast the
%% mirror follows its master; and how much memory it takes. ERL_LIBS names where eslaver is built,
%% the argument the report to write. `make bench` calls it.
-mode(compile).

-define(STRINGS, 100_000).
-define(HASHES, 10_000).
-define(MEMBERS, 100_000).
%% Each read is measured ?RUNS times for ?SPAN ms; the median counts.
-define(RUNS, 5).
-define(SPAN, 700).
-define(WRITES, 300_000).
-define(BATCH, 1000).

main([File]) ->
    ok = logger:set_primary_config(level, error),
    {Server, Port, Dir} = start_server(),
    Name = bench_mirror,
    try
        {ok, _} = eslaver_mirror:start_link(#{
            name => Name, master_host => "127.0.0.1", master_port => Port
        }),
        ok = eslaver_mirror:await(Name, loaded, 10_000),
        Parts = [reads(Name, Port), writes(Name, Port), memory(Name, Port)],
        Text = [head(Port), Parts],
        io:put_chars(Text),
        ok = file:write_file(File, Text)
    after
        port_close(Server),
        file:del_dir_r(Dir)
    end.

head(Port) ->
    Client = connect(Port),
    Info = ask(Client, ["INFO", "server"]),
    {match, [Version]} = re:run(Info, "redis_version:(\\S+)", [{capture, [1], binary}]),
    [
        "# The mirror: reads, writes, memory\n\n",
        io_lib:format(
            "Redis ~s, OTP ~s, ~b schedulers; made by `make bench`.~n",
            [Version, erlang:system_info(otp_release), erlang:system_info(schedulers_online)]
        )
    ].

%% Reads: the same read from the mirror, and as a request to the master.

reads(Name, Port) ->
    Client = connect(Port),
    load(Client, [["SET", key("s", N), value(N)] || N <- lists:seq(1, ?STRINGS)]),
    load(Client, [["HSET", key("h", N) | fields(10)] || N <- lists:seq(1, ?HASHES)]),
    load(Client, [["ZADD", "z", N * 0.5, key("m", N)] || N <- lists:seq(1, ?MEMBERS)]),
    caught_up(Name, Client),
    Many = max(4, erlang:system_info(schedulers_online)),
    Cases = [
        {"`get`", fun() -> eslaver_mirror:get(Name, any("s", ?STRINGS)) end, fun(C) ->
            ask(C, ["GET", any("s", ?STRINGS)])
        end},
        {"`hget`", fun() -> eslaver_mirror:hget(Name, any("h", ?HASHES), any("f", 10)) end,
         fun(C) ->
            ask(C, ["HGET", any("h", ?HASHES), any("f", 10)])
        end},
        {"`zrange` of 10",
            fun() ->
                From = rand:uniform(?MEMBERS - 10),
                eslaver_mirror:zrange(Name, <<"z">>, From, From + 9)
            end,
            fun(C) ->
                From = rand:uniform(?MEMBERS - 10),
                ask(C, ["ZRANGE", "z", From, From + 9])
            end}
    ],
    [
        io_lib:format(
            "~n## Reads per second~n~n| | mirror, 1 process | mirror, ~b processes | "
            "client, 1 connection | client, ~b connections |~n|---|---|---|---|---|~n",
            [Many, Many]
        )
        | [
            row(What, [
                rate(fun() -> none end, fun(none) -> Mirror() end, 1),
                rate(fun() -> none end, fun(none) -> Mirror() end, Many),
                rate(fun() -> connect(Port) end, Redis, 1),
                rate(fun() -> connect(Port) end, Redis, Many)
            ])
         || {What, Mirror, Redis} <- Cases
        ]
    ].

%% Calls per second of `Processes' processes together: the median of several runs.
rate(Prepare, Call, Processes) ->
    Rates = [rate_once(Prepare, Call, Processes) || _ <- lists:seq(1, ?RUNS)],
    lists:nth(?RUNS div 2 + 1, lists:sort(Rates)).

rate_once(Prepare, Call, Processes) ->
    Self = self(),
    Workers = [
        spawn_link(fun() ->
            With = Prepare(),
            Self ! {self(), ready},
            receive
                go -> ok
            end,
            Start = erlang:monotonic_time(microsecond),
            Count = calls(Call, With, Start + ?SPAN * 1000, 0),
            Self ! {self(), Count / (erlang:monotonic_time(microsecond) - Start) * 1.0e6}
        end)
     || _ <- lists:seq(1, Processes)
    ],
    [
        receive
            {Worker, ready} -> ok
        end
     || Worker <- Workers
    ],
    [Worker ! go || Worker <- Workers],
    lists:sum([
        receive
            {Worker, Rate} -> Rate
        end
     || Worker <- Workers
    ]).

calls(Call, With, End, Count) ->
    _ = [Call(With) || _ <- lists:seq(1, 20)],
    case erlang:monotonic_time(microsecond) < End of
        true -> calls(Call, With, End, Count + 20);
        false -> Count + 20
    end.

%% Writes: pipelined to the master as fast as it accepts them, until the mirror has them.

writes(Name, Port) ->
    Client = connect(Port),
    Cases = [
        {"`SET`", fun(N) -> ["SET", any("s", ?STRINGS), value(N)] end},
        {"`INCR`", fun(_) -> ["INCR", any("c", 1000)] end},
        {"`HSET`", fun(N) -> ["HSET", any("h", ?HASHES), any("f", 10), value(N)] end},
        {"`RPUSH`, `LPOP`", fun
            (N) when N rem 2 =:= 0 -> ["RPUSH", any("l", 1000), value(N)];
            (_) -> ["LPOP", any("l", 1000)]
        end},
        {"`SADD`", fun(_) -> ["SADD", any("t", 1000), any("m", 100)] end},
        {"`ZADD`", fun(N) -> ["ZADD", "z", N, any("m", ?MEMBERS)] end},
        {"`XADD`", fun(N) -> ["XADD", any("x", 100), "*", "f", value(N)] end}
    ],
    [
        "\n## Writes per second\n\n| | master took | mirror had applied |\n|---|---|---|\n"
        | [writes_of(What, Command, Name, Client) || {What, Command} <- Cases]
    ].

writes_of(What, Command, Name, Client) ->
    Batches = [
        [encode(Command(N)) || N <- lists:seq(From, From + ?BATCH - 1)]
     || From <- lists:seq(1, ?WRITES, ?BATCH)
    ],
    Start = erlang:monotonic_time(microsecond),
    Reader = reader(Client, ?WRITES),
    [ok = gen_tcp:send(Client, Batch) || Batch <- Batches],
    Taken = read_all(Reader),
    caught_up(Name, Client),
    Applied = erlang:monotonic_time(microsecond),
    row(What, [?WRITES / (Taken - Start) * 1.0e6, ?WRITES / (Applied - Start) * 1.0e6]).

%% Memory of `Count' keys: the growth that the master reports, and that of the mirror's tables.

memory(Name, Port) ->
    Client = connect(Port),
    Cases = [
        {"string of 20 bytes", 50_000, fun(K, N) -> [["SET", K, value(N)]] end},
        {"string of 1,000 bytes", 5_000, fun(K, _) -> [["SET", K, binary:copy(<<"v">>, 1000)]] end},
        {"hash of 10 fields", 10_000, fun(K, _) -> [["HSET", K | fields(10)]] end},
        {"hash of 1,000 fields", 100, fun(K, _) -> [["HSET", K | fields(1000)]] end},
        {"list of 100", 1_000, fun(K, _) -> [["RPUSH", K | elements(100)]] end},
        {"set of 100", 1_000, fun(K, _) -> [["SADD", K | elements(100)]] end},
        {"sorted set of 100", 1_000, fun(K, _) -> [["ZADD", K | scored(100)]] end},
        {"sorted set of 10,000", 10, fun(K, _) -> [["ZADD", K | scored(10_000)]] end},
        {"stream of 100", 500, fun(K, _) -> [["XADD", K, "*", "f", E] || E <- elements(100)] end}
    ],
    [
        "\n## Bytes for each key\n\n| | master | mirror |\n|---|---|---|\n"
        | [memory_of(Case, Name, Client) || Case <- Cases]
    ].

memory_of({What, Count, Commands}, Name, Client) ->
    _ = ask(Client, ["FLUSHALL"]),
    caught_up(Name, Client),
    Before = {used(Client), held(Name)},
    load(Client, lists:append([Commands(key("k", N), N) || N <- lists:seq(1, Count)])),
    caught_up(Name, Client),
    {Master, Mirror} = {used(Client) - element(1, Before), held(Name) - element(2, Before)},
    row(What, [Master / Count, Mirror / Count]).

used(Client) ->
    %% The replication backlog is full by now, and client output buffers are nearly empty.
    timer:sleep(1000),
    Info = ask(Client, ["INFO", "memory"]),
    {match, [Bytes]} = re:run(Info, "used_memory:(\\d+)", [{capture, [1], binary}]),
    binary_to_integer(Bytes).

%% The tables, and the larger binaries they refer to; no process holds any others.
held(Name) ->
    _ = [erlang:garbage_collect(Process) || Process <- processes()],
    maps:get(memory, eslaver_mirror:info(Name)) + erlang:memory(binary).

%% The data.

key(Kind, N) -> <<(list_to_binary(Kind))/binary, $:, (integer_to_binary(N))/binary>>.
any(Kind, Count) -> key(Kind, rand:uniform(Count)).
value(N) -> iolist_to_binary(io_lib:format("value-~14..0b", [N])).
elements(Count) -> [key("element", N) || N <- lists:seq(1, Count)].
fields(Count) -> lists:append([[key("f", N), value(N)] || N <- lists:seq(1, Count)]).
scored(Count) -> lists:append([[N, key("m", N)] || N <- lists:seq(1, Count)]).

row(What, Numbers) ->
    ["| ", What, [[" | ", number(round(Number))] || Number <- Numbers], " |\n"].

number(Number) when Number < 1000 -> integer_to_list(Number);
number(Number) -> [number(Number div 1000), io_lib:format(",~3..0b", [Number rem 1000])].

%% A server that ends with this process.

start_server() ->
    {ok, Free} = gen_tcp:listen(0, [{ip, {127, 0, 0, 1}}]),
    {ok, Port} = inet:port(Free),
    ok = gen_tcp:close(Free),
    Dir = filename:join("/tmp", "eslaver-bench-" ++ os:getpid()),
    ok = file:make_dir(Dir),
    Path = os:getenv("REDIS_SERVER", os:find_executable("redis-server")),
    Shell = "\"$@\" >/dev/null 2>&1 & pid=$!; cat >/dev/null; kill -9 $pid",
    Options = ["--port", integer_to_list(Port), "--save", "", "--dir", Dir],
    Server = open_port({spawn_executable, "/bin/sh"}, [
        {args, ["-c", Shell, "server", Path | Options]}
    ]),
    ready(Port, 100),
    {Server, Port, Dir}.

ready(Port, Tries) when Tries > 0 ->
    case gen_tcp:connect({127, 0, 0, 1}, Port, []) of
        {ok, Socket} ->
            gen_tcp:close(Socket);
        {error, _} ->
            timer:sleep(50),
            ready(Port, Tries - 1)
    end.

caught_up(Name, Client) ->
    Info = ask(Client, ["INFO", "replication"]),
    {match, [Sent]} = re:run(Info, "master_repl_offset:(\\d+)", [{capture, [1], binary}]),
    until(fun() -> maps:get(offset, eslaver_mirror:info(Name)) >= binary_to_integer(Sent) end).

until(Condition) ->
    case Condition() of
        true ->
            ok;
        false ->
            timer:sleep(1),
            until(Condition)
    end.

%% A client that reads replies by lines, since no value here contains a line break.

connect(Port) ->
    Options = [binary, {active, false}, {packet, line}, {nodelay, true}, {buffer, 65_536}],
    {ok, Client} = gen_tcp:connect({127, 0, 0, 1}, Port, Options),
    Client.

ask(Client, Command) ->
    ok = gen_tcp:send(Client, encode(Command)),
    answer(Client).

answer(Client) ->
    case gen_tcp:recv(Client, 0) of
        {ok, <<"$-1\r\n">>} ->
            null;
        {ok, <<"$", Size/binary>>} ->
            text(Client, number_of(Size) + 2, <<>>);
        {ok, <<"*", Count/binary>>} ->
            [answer(Client) || _ <- lists:seq(1, number_of(Count))];
        {ok, <<Sign, Line/binary>>} when Sign =/= $- ->
            Line
    end.

text(_Client, Size, Text) when byte_size(Text) >= Size ->
    binary:part(Text, 0, Size - 2);
text(Client, Size, Text) ->
    {ok, Line} = gen_tcp:recv(Client, 0),
    text(Client, Size, <<Text/binary, Line/binary>>).

number_of(Line) -> binary_to_integer(binary:part(Line, 0, byte_size(Line) - 2)).

load(Client, Commands) ->
    Reader = reader(Client, length(Commands)),
    ok = gen_tcp:send(Client, [encode(Command) || Command <- Commands]),
    read_all(Reader).

%% Reads `Count' replies while more requests are sent.
reader(Client, Count) ->
    Self = self(),
    spawn_link(fun() ->
        _ = [answer(Client) || _ <- lists:seq(1, Count)],
        Self ! {self(), erlang:monotonic_time(microsecond)}
    end).

read_all(Reader) ->
    receive
        {Reader, Time} -> Time
    end.

encode(Command) ->
    [$*, integer_to_list(length(Command)), "\r\n" | [bulk(Word) || Word <- Command]].

bulk(Word) when is_integer(Word) -> bulk(integer_to_binary(Word));
bulk(Word) when is_float(Word) -> bulk(float_to_binary(Word, [{decimals, 6}, compact]));
bulk(Word) -> [$$, integer_to_list(iolist_size(Word)), "\r\n", Word, "\r\n"].
