%% A callback that blocks for longer than the master's repl-timeout, before a lot of data: the link
%% lives, nothing is lost, and memory stays small. Each replica is in an operating-system process of
%% its own. ESLAVER_LONG=1 makes them block for a minute.
-module(eslaver_blocked_callback_SUITE).

-include_lib("common_test/include/ct.hrl").
-include_lib("stdlib/include/assert.hrl").

-compile([export_all, nowarn_export_all]).

-define(KEYS, 200_000).
-define(SIZE, 1000).
-define(MB, 1_000_000).
%% Of the whole operating-system process; the data is 200 MB.
-define(MOST_MEMORY, 170 * ?MB).

suite() ->
    [{timetrap, {minutes, 4}}].

all() ->
    case eslaver_test_node:has_proc() of
        true -> [{group, blocked}];
        false -> []
    end.

groups() ->
    [{blocked, [parallel], eslaver_test_groups:cases(?MODULE)}].

block() ->
    case eslaver_test_env:is_long() of
        true -> 60_000;
        false -> 25_000
    end.

master(Settings) ->
    eslaver_test_master:start_own(
        [
            {"repl-timeout", "10"},
            {"repl-ping-replica-period", "2"},
            {"rdbcompression", "no"},
            {"client-output-buffer-limit", ["replica", "0", "0", "0"]}
        ] ++ Settings
    ).

populated(Settings) ->
    Master = master(Settings),
    Client = eslaver_test_client:connect(Master),
    <<"OK">> = eslaver_test_client:ok(Client, ["DEBUG", "POPULATE", ?KEYS, "k", ?SIZE]),
    {Master, Client}.

%% The snapshot leaves the master at the speed of the socket, whatever the callback does, and is
%% read back from the file.
load_with_file(Config) ->
    Dir = filename:join(?config(priv_dir, Config), "load_with_file"),
    ok = file:make_dir(Dir),
    Dump = filename:join(Dir, "dump.rdb"),
    {Master, Client} = populated([]),
    {Node, Proxy} = replica(Master, Dump, 5000),
    ok = await_block(Node),
    true = eslaver_test_wait:until(fun() -> is_online(Client) end, 20_000),
    ?assertEqual(<<"0">>, eslaver_test_client:info(Client, "rdb_bgsave_in_progress")),
    ?assert(eslaver_test_proxy:passed(Proxy, down) > ?KEYS * ?SIZE),
    %% All this while it blocked; and what is not complete has no name yet.
    ?assertMatch({5000, _, true}, eslaver_test_node:counted(Node)),
    ?assertNot(filelib:is_file(Dump)),
    ok = stays_online(Node, Client),
    %% It has its name once it is on the disk, which the node has to live for.
    true = eslaver_test_wait:until(fun() -> filelib:is_file(Dump) end, 120_000),
    done(Node, Proxy, Client),
    ?assertEqual({ok, ["dump.rdb"]}, file:list_dir(Dir)),
    ?assert(filelib:file_size(Dump) > ?KEYS * ?SIZE).

%% The master is held back, and keeps the link: it sends its file, as with diskless replication it
%% is the one that loses patience with a socket that takes nothing.
load_without_file(_Config) ->
    {Master, Client} = populated([{"repl-diskless-sync", "no"}]),
    {Node, Proxy} = replica(Master, undefined, 5000),
    ok = await_block(Node),
    Held = fun() -> eslaver_test_proxy:passed(Proxy, down) end,
    ok = while_blocked(Node, fun() ->
        ?assert(Held() < ?KEYS * ?SIZE div 2),
        ?assertMatch({match, _}, re:run(slave(Client), "state=send_bulk"))
    end),
    done(Node, Proxy, Client).

%% Writes go on while the callback blocks.
stream(_Config) ->
    Master = master([]),
    Client = eslaver_test_client:connect(Master),
    {Node, Proxy} = replica(Master, undefined, 5000),
    true = eslaver_test_wait:until(fun() -> is_online(Client) end),
    Writer = eslaver_test_client:connect(Master),
    _ = [
        eslaver_test_client:pipeline(Writer, [
            ["SET", ["k:", integer_to_list(N)], eslaver_test_dataset:bytes(?SIZE, N)]
         || N <- lists:seq(From, From + 999)
        ])
     || From <- lists:seq(1, ?KEYS, 1000)
    ],
    ok = await_block(Node),
    ok = stays_online(Node, Client),
    done(Node, Proxy, Client).

replica(Master, Dump, At) ->
    Proxy = eslaver_test_proxy:start(Master),
    Node = eslaver_test_node:start(),
    Target = eslaver_test_replica:target(eslaver_test_proxy:port(Proxy)),
    _ = eslaver_test_node:replica(Node, Target#{
        dbfilename => Dump, callback => {eslaver_test_node, count, [At, block()]}
    }),
    {Node, Proxy}.

await_block(Node) ->
    true = eslaver_test_wait:until(fun() ->
        {_, _, Sleeps} = eslaver_test_node:counted(Node),
        Sleeps
    end),
    ok.

slave(Client) ->
    case eslaver_test_client:info(Client, "slave0") of
        none -> <<"none">>;
        Line -> Line
    end.

is_online(Client) ->
    string:find(slave(Client), "state=online") =/= nomatch.

%% The master hears of the replica all the while: `lag` is the time since it last did.
stays_online(Node, Client) ->
    while_blocked(Node, fun() ->
        {match, [Lag]} = re:run(
            slave(Client), "state=online.*lag=([0-9]+)", [{capture, [1], list}]
        ),
        ?assert(list_to_integer(Lag) < 8)
    end).

while_blocked(Node, Check) ->
    case eslaver_test_node:counted(Node) of
        {_, _, true} ->
            _ = Check(),
            timer:sleep(500),
            while_blocked(Node, Check);
        _ ->
            ok
    end.

%% Everything has come, in one connection, and within bounds.
done(Node, Proxy, Client) ->
    true = eslaver_test_wait:until(
        fun() -> element(1, eslaver_test_node:counted(Node)) >= ?KEYS end, 120_000
    ),
    ?assertEqual({?KEYS, ?KEYS * ?SIZE, false}, eslaver_test_node:counted(Node)),
    true = eslaver_test_wait:until(fun() -> is_online(Client) end),
    ?assertEqual(1, eslaver_test_proxy:connections(Proxy)),
    Peak = eslaver_test_node:peak_memory(eslaver_test_node:os_pid(Node)),
    ct:pal("peak memory: ~b MB", [Peak div ?MB]),
    ?assert(Peak < ?MOST_MEMORY),
    eslaver_test_node:stop(Node).
