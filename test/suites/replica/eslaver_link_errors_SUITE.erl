%% Trouble after the handshake, and what must come of it: streams that cannot be read, links that
%% wait for credit, users' code that leaves things behind, a disk that fills up.
-module(eslaver_link_errors_SUITE).

-include_lib("common_test/include/ct.hrl").
-include_lib("stdlib/include/assert.hrl").

-compile([export_all, nowarn_export_all]).

suite() ->
    [{timetrap, {minutes, 2}}, {ct_hooks, [eslaver_test_log_hook]}].

all() ->
    [{group, waiting} | eslaver_test_groups:cases(?MODULE) -- waiting()].

groups() ->
    [{waiting, [parallel], waiting()}].

%% Cases that do little but wait, and look at nothing that others have a part in.
waiting() ->
    [
        bad_select,
        long_name,
        unreadable_stream_leads_to_a_full_sync,
        what_came_before_the_end,
        lost_before_the_stream_goes_on
    ].

%% The db it would have chosen is not known, so nothing after it may be delivered.
bad_select(_Config) ->
    not_read(
        ["*2\r\n$6\r\nSELECT\r\n$2\r\nzz\r\n", set("wrongdb")],
        "byte 30 of the command stream.*after SELECT"
    ).

%% A name is a list of characters in classic events: 16 times its size.
long_name(_Config) ->
    Name = binary:copy(<<"x">>, 1000000),
    not_read(
        ["*1\r\n$1000000\r\n", Name, "\r\n", set("after")],
        "byte 30 of the command stream.*name of 1000000 bytes"
    ).

not_read(Nonsense, Regex) ->
    Fake = fake(),
    {Replica, Collector} = Both = eslaver_test_replica:start(eslaver_test_fake_master:port(Fake)),
    _ = eslaver_test_replica:loaded(Both),
    ok = eslaver_test_fake_master:send(Fake, [set("good"), Nonsense]),
    true = eslaver_test_wait:until(fun() -> eslaver_test_fake_master:connections(Fake) >= 2 end),
    Keys = [Key || {stream, "set", [Key, _]} <- eslaver_test_collector:events(Collector)],
    ?assertEqual([<<"good">>], Keys),
    ?assertMatch([_ | _], eslaver_test_log:await(Regex)),
    ok = eslaver:stop(Replica).

%% From the same place the same would come again, for ever.
unreadable_stream_leads_to_a_full_sync(_Config) ->
    Fake = fake(),
    {Replica, _} = Both = eslaver_test_replica:start(eslaver_test_fake_master:port(Fake)),
    _ = eslaver_test_replica:loaded(Both),
    ok = eslaver_test_fake_master:send(Fake, [set("good"), "nonsense\r\n"]),
    Asked = eslaver_test_wait:until(fun() ->
        case [Args || {2, [<<"PSYNC">> | Args]} <- eslaver_test_fake_master:commands(Fake)] of
            [] -> false;
            [Args] -> Args
        end
    end),
    ?assertEqual([<<"?">>, <<"-1">>], Asked),
    ok = eslaver:stop(Replica).

a_million_arguments(_Config) ->
    Master = eslaver_test_master:start_own(),
    Client = eslaver_test_client:connect(Master),
    {Replica, Collector} = Both = eslaver_test_replica:start(Master),
    _ = eslaver_test_replica:loaded(Both),
    Members = [integer_to_binary(N) || N <- lists:seq(1, 1100000)],
    1100000 = eslaver_test_client:ok(Client, ["SADD", "many" | Members]),
    {stream, "sadd", [_ | Args]} = eslaver_test_collector:await(
        Collector,
        fun
            ({stream, "sadd", _}) -> true;
            (_) -> false
        end
    ),
    ?assertEqual(Members, Args),
    ok = eslaver:stop(Replica).

%% They keep the link alive while a snapshot is awaited, and must not keep it from being stopped.
newlines_for_ever(_Config) ->
    Fake = eslaver_test_fake_master:start([#{psync => "\n"}]),
    {Replica, _} = eslaver_test_replica:start(eslaver_test_fake_master:port(Fake)),
    Psync = fun() ->
        [p || {_, [<<"PSYNC">> | _]} <- eslaver_test_fake_master:commands(Fake)] =/= []
    end,
    true = eslaver_test_wait:until(Psync),
    Flood = binary:copy(<<"\n">>, 1000000),
    Flooder = spawn_link(fun() -> flood(Fake, Flood) end),
    true = eslaver_test_wait:until(fun() -> io_threads() =/= [] end),
    ok = eslaver:stop(Replica),
    true = eslaver_test_wait:until(fun() -> io_threads() =:= [] end),
    unlink(Flooder),
    exit(Flooder, kill),
    ok.

flood(Fake, Bytes) ->
    try
        eslaver_test_fake_master:send(Fake, Bytes)
    catch
        %% the replica has gone
        _:_ -> ok
    end,
    flood(Fake, Bytes).

io_threads() ->
    [
        Task
     || Task <- filelib:wildcard("/proc/self/task/*/comm"),
        {ok, <<"eslaver_io\n">>} <- [file:read_file(Task)]
    ].

%% A master that has ended cannot be told anything any more; what it had sent can still be read.
what_came_before_the_end(_Config) ->
    Count = 3000,
    Empty = eslaver_test_fake_master:full_resync(<<"REDIS0009", 255, 0:64>>),
    Commands = [
        ["*2\r\n$1\r\nc\r\n$1000\r\n", <<N:8000>>, "\r\n"]
     || N <- lists:seq(1, Count)
    ],
    Told = counters:new(1, []),
    Slow = fun
        ({stream, "c", _}) ->
            timer:sleep(1),
            counters:add(Told, 1, 1);
        (_) ->
            ok
    end,
    Script = #{psync => [Empty, Commands], then => close},
    eslaver_test_hostile_master:with_fake(Script, fun(Target) ->
        {ok, Replica} = eslaver:start_link(Target#{callback => Slow}),
        true = eslaver_test_wait:until(fun() ->
            maps:get(state, eslaver:info(Replica)) =:= waiting
        end),
        ?assertEqual(Count, counters:get(Told, 1)),
        eslaver:stop(Replica)
    end).

%% As by a master whose limit for what it has to send is less than that. The pauses before it is
%% tried again grow; not so where commands come each time.
lost_before_the_stream_goes_on(_Config) ->
    Part = "*1\r\n$1000000\r\nhalf of a command",
    [Nothing, Little, Much] = eslaver_test_parallel:map(fun pauses/1, [[], Part, set("k")]),
    [?assert(lists:max(Pauses) > 800, Pauses) || Pauses <- [Nothing, Little]],
    %% the first is that after the full sync
    ?assert(lists:max(tl(Much)) =< 100, Much).

%% The first pauses, in ms.
pauses(Commands) ->
    Self = self(),
    Hooks = fun
        ([eslaver, reconnect], #{delay := Delay}, _) -> Self ! {delay, Delay};
        (_, _, _) -> ok
    end,
    Scripts = [
        #{
            psync => eslaver_test_fake_master:full_resync(<<"REDIS0009", 255, 0:64>>),
            then => close
        },
        #{psync => ["+CONTINUE\r\n", Commands], then => close}
    ],
    eslaver_test_hostile_master:with_fake(Scripts, fun(Target) ->
        {ok, Replica} = eslaver:start_link(Target#{callback => {erlang, is_tuple}, hooks => Hooks}),
        Delays = [
            receive
                {delay, Delay} -> erlang:convert_time_unit(Delay, native, millisecond)
            end
         || _ <- lists:seq(1, 6)
        ],
        ok = eslaver:stop(Replica),
        Delays
    end).

stop_while_the_link_waits_for_credit(_Config) ->
    Master = eslaver_test_master:start_own(),
    Client = eslaver_test_client:connect(Master),
    _ = [
        eslaver_test_client:ok(Client, ["SET", ["key", integer_to_list(N)], <<0:8192>>])
     || N <- lists:seq(1, 5000)
    ],
    Slow = fun(_) -> timer:sleep(1) end,
    {ok, Replica} = eslaver:start_link((eslaver_test_replica:target(Master))#{callback => Slow}),
    Starved = fun() -> lists:any(fun(Link) -> waits(Link) end, links()) end,
    true = eslaver_test_wait:until(Starved),
    ok = eslaver:stop(Replica),
    true = eslaver_test_wait:until(fun() -> links() =:= [] end),
    ok.

links() ->
    [
        Pid
     || Pid <- processes(),
        {eslaver_link, init, _} <- [proc_lib:translate_initial_call(Pid)]
    ].

waits(Link) ->
    {status, waiting} =:= process_info(Link, status).

%% The next one would be in memory beside that which the callback holds.
one_large_value_at_a_time(_Config) ->
    Master = eslaver_test_master:start_own([
        {"rdbcompression", "no"}, {"repl-diskless-sync", "no"}
    ]),
    Client = eslaver_test_client:connect(Master),
    Elements = lists:duplicate(1000, binary:copy(<<"x">>, 1000)),
    Size = 40 * 1000 * 1000,
    Keys = ["one", "other"],
    _ = [
        eslaver_test_client:ok(Client, ["RPUSH", Key | Elements])
     || Key <- Keys, _ <- lists:seq(1, 40)
    ],
    Proxy = eslaver_test_proxy:start(Master),
    Self = self(),
    Holds = fun
        ({loading, list, _, Value}) ->
            Self ! {holds, self(), length(Value)},
            receive
                go_on -> ok
            end;
        (_) ->
            ok
    end,
    Target = eslaver_test_replica:target(eslaver_test_proxy:port(Proxy)),
    {ok, Replica} = eslaver:start_link(Target#{callback => Holds}),
    ok = held(Replica),
    Passed = settled(fun() -> eslaver_test_proxy:passed(Proxy, down) end),
    ?assert(Passed < Size * 7 div 4, Passed),
    Replica ! go_on,
    ok = held(Replica),
    Replica ! go_on,
    ok = eslaver:await(Replica, loaded, 60_000),
    eslaver:stop(Replica).

held(Replica) ->
    receive
        {holds, Replica, Length} -> ?assertEqual(40_000, Length)
    end.

%% What a number is once it does not grow any more.
settled(Number) ->
    Before = Number(),
    timer:sleep(500),
    case Number() of
        Before -> Before;
        _ -> settled(Number)
    end.

%% Users' code runs in the server, and may monitor what it likes.
a_monitor_of_the_callback(_Config) ->
    Master = eslaver_test_master:start_own(),
    Client = eslaver_test_client:connect(Master),
    Self = self(),
    Monitors = fun(Event) ->
        _ = spawn_monitor(fun() -> ok end),
        Self ! Event
    end,
    Target = eslaver_test_replica:target(Master),
    {ok, Replica} = eslaver:start_link(Target#{callback => Monitors}),
    ok = eslaver:await(Replica, loaded, 30000),
    _ = [eslaver_test_client:ok(Client, ["SET", "k", N]) || N <- [1, 2, 3]],
    receive
        {stream, "set", [<<"k">>, <<"3">>]} -> ok
    after 30000 -> error(event_does_not_come)
    end,
    ok = eslaver:stop(Replica).

%% A function clause's report has the arguments, and a badmatch the value: here 20 MB of each.
a_raise_with_a_large_event(_Config) ->
    Master = eslaver_test_master:start_own(),
    Client = eslaver_test_client:connect(Master),
    _ = process_flag(trap_exit, true),
    Raising = [
        fun({loading, eof}) -> ok end,
        fun
            ({loading, eof}) -> ok;
            (Event) -> ok = Event
        end
    ],
    <<"OK">> = eslaver_test_client:ok(Client, ["SET", "big", binary:copy(<<"x">>, 20000000)]),
    _ = [
        begin
            {ok, Replica} = eslaver:start_link(
                (eslaver_test_replica:target(Master))#{callback => Callback, log_data => true}
            ),
            receive
                {'EXIT', Replica, {callback_failed, #{event := Event}} = Reason} ->
                    ?assert(erlang:external_size(Reason) < 10000),
                    ?assertMatch({_, _}, binary:match(Event, <<"big">>))
            after 30000 -> error(server_survives)
            end
        end
     || Callback <- Raising
    ],
    ok.

%% The snapshot's file runs out of room while the rest of it is read back from there; then there is
%% room again. The sync is whole all the same, and no damaged file is left.
full_disk(Config) ->
    Disk = filename:join(?config(priv_dir, Config), "disk"),
    ok = filelib:ensure_dir(filename:join(Disk, "file")),
    case os:cmd("mount -t tmpfs -o size=8m tmpfs '" ++ Disk ++ "' && echo -n mounted") of
        "mounted" ->
            try
                full_disk_at(Disk)
            after
                os:cmd("umount -l '" ++ Disk ++ "'")
            end;
        Why ->
            {skip, "no small file system can be made here: " ++ Why}
    end.

full_disk_at(Disk) ->
    Master = eslaver_test_master:start_own([{"rdbcompression", "no"}]),
    Client = eslaver_test_client:connect(Master),
    Count = 20000,
    _ = [
        eslaver_test_client:ok(Client, ["SET", ["key", integer_to_list(N)], <<N:8192>>])
     || N <- lists:seq(1, Count)
    ],
    Filler = filename:join(Disk, "filler"),
    Dump = filename:join(Disk, "dump.rdb"),
    ok = file:write_file(Filler, <<0:(3 * 8 * 1000000)>>),
    Self = self(),
    Slow = fun(Event) ->
        _ =
            get(going) =:= true orelse
                receive
                    go_on -> put(going, true)
                end,
        Self ! {told, Event}
    end,
    Target = eslaver_test_replica:target(Master),
    {ok, Replica} = eslaver:start_link(Target#{callback => Slow, dbfilename => Dump}),
    %% the link has been refused room by the slow server, and the file by the disk
    true = eslaver_test_wait:until(fun() -> full(Disk) end),
    ok = file:delete(Filler),
    Replica ! go_on,
    Keys = told(#{}),
    ?assertEqual(Count, map_size(Keys)),
    [?assertEqual(<<N:8192>>, Value) || {N, Value} <- maps:to_list(Keys)],
    ?assertMatch([_ | _], eslaver_test_log:await("cannot keep the snapshot")),
    ok = eslaver:stop(Replica),
    {ok, []} = file:list_dir(Disk),
    ok.

full(Disk) ->
    string:trim(os:cmd("df --output=avail '" ++ Disk ++ "' | tail -1")) =:= "0".

told(Keys) ->
    receive
        {told, {loading, string, <<"key", N/binary>>, Value}} ->
            told(Keys#{binary_to_integer(N) => Value});
        {told, {loading, eof}} ->
            Keys
    after 60000 -> error({load_does_not_end, map_size(Keys)})
    end.

fake() ->
    Snapshot = <<"REDIS0009", 255, 0:64>>,
    eslaver_test_fake_master:start([#{psync => eslaver_test_fake_master:full_resync(Snapshot)}]).

set(Key) ->
    io_lib:format("*3\r\n$3\r\nSET\r\n$~b\r\n~s\r\n$1\r\nv\r\n", [length(Key), Key]).
