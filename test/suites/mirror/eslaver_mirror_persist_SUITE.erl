%% A mirror saves itself: servers of its master's version load the files, and a mirror that begins
%% with one needs no full sync.
%%
%% ESLAVER_SEED repeats the random choices, and ESLAVER_LONG makes them many more.
-module(eslaver_mirror_persist_SUITE).

-include_lib("common_test/include/ct.hrl").
-include_lib("stdlib/include/assert.hrl").

-compile([export_all, nowarn_export_all]).

-define(M, mirror_of_suite).
-define(TIMEOUT, 30_000).
-define(STEPS, 2_000).
-define(LONG, 20_000).
-define(DBS, lists:seq(0, 15)).
%% Keys that are always set together.
-define(TWINS, ["twin:" ++ integer_to_list(N) || N <- lists:seq(1, 20)]).

suite() ->
    [
        {timetrap, {minutes, 10}},
        {ct_hooks, [eslaver_test_log_hook, {eslaver_test_mirror_hook, ?M}]}
    ].

all() ->
    Alone = eslaver_test_groups:cases(?MODULE) -- [servers_load_it],
    Alone ++ eslaver_test_groups:all(groups()).

groups() ->
    eslaver_test_groups:per_server(eslaver_test_servers:available(), [servers_load_it]).

init_per_group(Name, Config) ->
    eslaver_test_groups:server(Name, Config).

end_per_group(_Name, _Config) ->
    ok.

%% Files that are saved while writes go on hold transactions whole. The last one, once the master is
%% quiet, holds what a replica of its own version has: masters do not send everything.
servers_load_it(Config) ->
    #{server := Server, name := Name} = Description = ?config(server, Config),
    Seed = eslaver_test_env:seed(),
    ok = eslaver_test_command_words:seed(Seed),
    Taken = eslaver_test_lasting:taken(Description),
    Master = eslaver_test_master:start(#{server => Server}),
    Client = eslaver_test_client:connect(Master),
    _ = eslaver_test_workload_runner:scripts(Client),
    Replica = replica_of(Master, Description),
    {ok, _} = eslaver_mirror:start_link((eslaver_test_replica:target(Master))#{name => ?M}),
    ok = eslaver_mirror:await(?M, loaded, ?TIMEOUT),

    Dir = filename:join(?config(priv_dir, Config), ["persist_", Name]),
    ok = file:make_dir(Dir),
    Stop = atomics:new(1, []),
    Twins = spawn_monitor(fun() -> set_twins(eslaver_test_client:connect(Master), Stop, 1) end),
    Saver = spawn_monitor(fun() -> exit({files, save_many(Dir, Stop, 1)}) end),
    ok = eslaver_test_lasting:run(steps(), Taken, Client),
    ok = atomics:put(Stop, 1, 1),
    {twins, Rounds} = reason_of(Twins),
    {files, Files} = reason_of(Saver),
    ct:pal("~s: ~b files beside ~b rounds of twins", [Name, length(Files), Rounds]),
    Few = [lists:nth(N, Files) || N <- lists:usort([1, (length(Files) + 1) div 2, length(Files)])],
    Found = lists:append([twins_of(Server, File) || File <- Few]),
    ?assertEqual([], [Bad || Bad <- Found, length(lists:usort(Bad)) > 1]),
    ?assertNotEqual([], Found),

    ok = eslaver_test_proxied_mirror:caught_up(?M, Client),
    ?assertEqual(#{}, maps:get(unapplied, eslaver_mirror:info(?M))),
    Last = filename:join(Dir, "last.rdb"),
    ok = eslaver_mirror:save(?M, Last),
    Loaded = loading(Server, Last),
    LoadedClient = eslaver_test_client:connect(Loaded),
    ReplicaClient = promoted(Replica, Client, Description),
    Content = eslaver_test_content:of_server(ReplicaClient),
    ?assert(map_size(Content) > 50),
    Differences = eslaver_test_content:differences(
        Content, eslaver_test_content:of_server(LoadedClient)
    ),
    ?assertEqual([], [shown(D) || D <- lists:sublist(Differences, 10)]),
    Clients = [ReplicaClient, LoadedClient],
    [Functions, LoadedFunctions] = [functions(C) || C <- Clients],
    ?assertEqual(Functions, LoadedFunctions),
    [Digest, LoadedDigest] = [eslaver_test_lasting:digest(C, Description) || C <- Clients],
    ?assertEqual(Digest, LoadedDigest),
    ok = eslaver_mirror:stop(?M),
    _ = [eslaver_test_master:stop(M) || M <- [Master, Replica, Loaded]],
    ok.

replica_of(Master, #{server := Server} = Description) ->
    Replica = eslaver_test_master:start(#{server => Server}),
    Client = eslaver_test_client:connect(Replica),
    To = ["127.0.0.1", eslaver_test_master:port(Master)],
    <<"OK">> = eslaver_test_client:ok(Client, [replica_command(Description) | To]),
    true = eslaver_test_wait:until(fun() ->
        eslaver_test_client:info(Client, "master_link_status") =:= <<"up">>
    end),
    ok = eslaver_test_client:close(Client),
    Replica.

%% It has everything that the master has sent.
promoted(Replica, MasterClient, Description) ->
    Sent = binary_to_integer(eslaver_test_client:info(MasterClient, "master_repl_offset")),
    Client = eslaver_test_client:connect(Replica),
    true = eslaver_test_wait:until(fun() ->
        eslaver_test_client:info(Client, "master_link_status") =:= <<"up">> andalso
            binary_to_integer(eslaver_test_client:info(Client, "slave_repl_offset")) >= Sent
    end),
    <<"OK">> = eslaver_test_client:ok(Client, [replica_command(Description), "NO", "ONE"]),
    Client.

replica_command(#{version := Version}) when Version < {5, 0, 0} -> "SLAVEOF";
replica_command(_Description) -> "REPLICAOF".

steps() ->
    case eslaver_test_env:is_long() of
        true -> ?LONG;
        false -> ?STEPS
    end.

set_twins(Client, Stop, Round) ->
    Sets = [["SET", Key, Round] || Key <- ?TWINS],
    _ = eslaver_test_client:pipeline(Client, [["MULTI"]] ++ Sets ++ [["EXEC"]]),
    case atomics:get(Stop, 1) of
        0 ->
            set_twins(Client, Stop, Round + 1);
        1 ->
            _ = eslaver_test_client:ok(Client, ["DEL" | ?TWINS]),
            exit({twins, Round})
    end.

save_many(Dir, Stop, N) ->
    File = filename:join(Dir, integer_to_list(N) ++ ".rdb"),
    ok = eslaver_mirror:save(?M, File),
    case atomics:get(Stop, 1) of
        0 -> [File | save_many(Dir, Stop, N + 1)];
        1 -> [File]
    end.

reason_of({Pid, Monitor}) ->
    receive
        {'DOWN', Monitor, process, Pid, Reason} -> Reason
    end.

%% What the twins are in each db of a file, as far as they are there.
twins_of(Server, File) ->
    Loaded = loading(Server, File),
    Client = eslaver_test_client:connect(Loaded),
    Found = [
        begin
            <<"OK">> = eslaver_test_client:ok(Client, ["SELECT", Db]),
            [Value || <<_/binary>> = Value <- eslaver_test_client:ok(Client, ["MGET" | ?TWINS])]
        end
     || Db <- ?DBS
    ],
    ok = eslaver_test_master:stop(Loaded),
    [Twins || [_ | _] = Twins <- Found].

loading(Server, File) ->
    {ok, Bytes} = file:read_file(File),
    eslaver_test_master:start(#{server => Server, files => [{"dump.rdb", Bytes}]}).

functions(Client) ->
    case eslaver_test_client:command(Client, ["FUNCTION", "LIST", "WITHCODE"]) of
        {error, _} -> none;
        Libraries -> lists:sort([lists:last(Library) || Library <- Libraries])
    end.

shown(Difference) ->
    lists:flatten(io_lib:format("~0P", [Difference, 100])).

%% A mirror that was stopped goes on where it was. What it had can be read before it has a link.
restarts_without_a_full_sync(Config) ->
    Dir = ?config(priv_dir, Config),
    Results = eslaver_test_parallel:map(
        fun(Server) -> restart_of(Server, Dir) end, eslaver_test_servers:spread()
    ),
    ?assertEqual([], lists:append(Results)).

restart_of(#{name := Name, server := Server, version := Version}, Dir) ->
    Mirror = list_to_atom(atom_to_list(Name) ++ "_restarted"),
    Running = eslaver_test_proxied_mirror:start(
        Mirror, #{server => Server}, kept(filename:join(Dir, atom_to_list(Name) ++ ".rdb"))
    ),
    #{client := Client, proxy := Proxy, master := Master} = Running,
    _ = eslaver_test_dataset:fill(Client),
    _ = eslaver_test_client:pipeline(Client, [
        ["SELECT", "3"], ["SET", "counter", "1"], ["SET", "passing", "x", "PX", "500000"]
    ]),
    ok = eslaver_test_proxied_mirror:caught_up(Mirror, Client),
    Functions = eslaver_mirror:functions(Mirror),
    ?assertEqual(Version >= {7, 0, 0}, map_size(Functions) > 0),
    Before = eslaver_test_content:of_mirror(Mirror, ?DBS),
    ok = eslaver_mirror:stop(Mirror),

    _ = [<<"OK">> = eslaver_test_client:ok(Client, ["SELECT", "3"])],
    Increments = [["INCR", "counter"] || _ <- lists:seq(1, 100)],
    _ = eslaver_test_client:pipeline(Client, Increments),
    Full = eslaver_test_client:info(Client, "sync_full"),
    ok = eslaver_test_proxy:target(Proxy, none),
    ok = started(Mirror, Proxy, kept(filename:join(Dir, atom_to_list(Name) ++ ".rdb"))),
    #{keys := Keys} = restored(Mirror),
    ?assert(Keys >= map_size(Before)),
    ?assertEqual(stale, eslaver_mirror:status(Mirror)),
    Restored = eslaver_test_content:of_mirror(Mirror, ?DBS),
    ?assertEqual([], eslaver_test_content:differences(Before, Restored)),
    ?assertEqual(Functions, eslaver_mirror:functions(Mirror)),

    ok = eslaver_test_proxy:target(Proxy, Master),
    ok = eslaver_test_proxied_mirror:caught_up(Mirror, Client),
    ?assertEqual(<<"101">>, eslaver_mirror:get({Mirror, 3}, <<"counter">>)),
    ?assertEqual(Full, eslaver_test_client:info(Client, "sync_full")),
    Differences = eslaver_test_content:differences(
        told(eslaver_test_content:of_server(Client)),
        told(eslaver_test_content:of_mirror(Mirror, ?DBS))
    ),
    ok = eslaver_mirror:stop(Mirror),
    ok = eslaver_test_master:stop(Master),
    [{Name, shown(D)} || D <- lists:sublist(Differences, 5)].

%% Masters do not tell their replicas everything about groups of streams.
told(Content) ->
    maps:filter(fun(_Place, #{type := Type}) -> Type =/= stream end, Content).

%% Only at the end, and when it is asked to.
kept(File) ->
    #{persist => #{file => File, interval => infinity}}.

started(Mirror, Proxy, Options) ->
    eslaver_test_proxied_mirror:attach(Mirror, eslaver_test_proxy:port(Proxy), Options).

%% Who waits for the data finds it in the projections, too: many rows, which take a while.
projections_are_restored(Config) ->
    File = filename:join(?config(priv_dir, Config), "projected.rdb"),
    #{client := Client, proxy := Proxy} = eslaver_test_proxied_mirror:start(?M, kept(File)),
    Count = 20_000,
    _ = eslaver_test_client:pipeline(Client, [["SET", N, N] || N <- lists:seq(1, Count)]),
    ok = eslaver_test_proxied_mirror:caught_up(?M, Client),
    ok = eslaver_mirror:stop(?M),
    ok = eslaver_test_proxy:target(Proxy, none),
    Row = fun(Key, Value) -> {Key, Value} end,
    Projection = #{keys => <<"*">>, type => string, table => eslaver_test_rows, map => Row},
    ok = started(?M, Proxy, (kept(File))#{project => [Projection]}),
    ?assertEqual(stale, eslaver_mirror:status(?M)),
    ?assertEqual(Count, ets:info(eslaver_test_rows, size)),
    ok = eslaver_mirror:stop(?M).

%% What is written after the last save comes from the stream again, nothing twice.
killed_between_saves(Config) ->
    File = filename:join(?config(priv_dir, Config), "killed.rdb"),
    Master = eslaver_test_master:start_own(),
    Client = eslaver_test_client:connect(Master),
    Options = maps:merge((eslaver_test_replica:target(Master))#{name => ?M}, kept(File)),
    Node = eslaver_test_node:start(),
    ok = eslaver_test_node:mirror(Node, Options),
    _ = eslaver_test_client:pipeline(Client, [["INCR", "n"] || _ <- lists:seq(1, 10)]),
    ok = caught_up_there(Node, Client),
    ok = eslaver_test_node:call(Node, eslaver_mirror, save, [?M, File]),
    _ = eslaver_test_client:pipeline(Client, [["INCR", "n"] || _ <- lists:seq(1, 10)]),
    ok = caught_up_there(Node, Client),
    ok = eslaver_test_node:kill(Node),
    _ = eslaver_test_client:pipeline(Client, [["INCR", "n"] || _ <- lists:seq(1, 10)]),
    Full = eslaver_test_client:info(Client, "sync_full"),
    Next = eslaver_test_node:start(),
    ok = eslaver_test_node:mirror(Next, Options),
    ok = caught_up_there(Next, Client),
    ?assertEqual(<<"30">>, eslaver_test_node:call(Next, eslaver_mirror, get, [?M, <<"n">>])),
    ?assertEqual(Full, eslaver_test_client:info(Client, "sync_full")),
    %% Nothing else is left there by the one that was killed.
    ?assertEqual([], filelib:wildcard(filename:join(?config(priv_dir, Config), ".eslaver-*"))),
    ok = eslaver_test_node:stop(Next).

caught_up_there(Node, Client) ->
    Sent = binary_to_integer(eslaver_test_client:info(Client, "master_repl_offset")),
    true = eslaver_test_wait:until(fun() ->
        Info = eslaver_test_node:call(Node, eslaver_mirror, info, [?M]),
        #{status := Status, offset := Offset} = Info,
        Status =:= fresh andalso Offset >= Sent
    end),
    ok.

%% No file that is not as a mirror has saved it is used, not even in part.
bad_files_are_ignored(Config) ->
    File = filename:join(?config(priv_dir, Config), "bad.rdb"),
    #{client := Client, proxy := Proxy, master := Master} =
        eslaver_test_proxied_mirror:start(?M, kept(File)),
    _ = eslaver_test_client:ok(Client, ["MSET", "a", "1", "b", binary:copy(<<"x">>, 1000)]),
    ok = eslaver_test_proxied_mirror:caught_up(?M, Client),
    ok = eslaver_mirror:stop(?M),
    {ok, Good} = file:read_file(File),
    Size = byte_size(Good),
    Bad = [
        {"does not end", binary:part(Good, 0, Size div 2)},
        {"does not end", binary:part(Good, 0, Size - 1)},
        {"does not end", <<>>},
        {"does not end", eslaver_test_master:snapshot(Master)},
        {"checksum", flipped(Good, Size div 2)},
        {"damaged", flipped(Good, Size - 30)},
        {"version", [binary:part(Good, 0, Size - 1), 99]}
    ],
    lists:foreach(fun({Why, Bytes}) -> ignored(Why, File, Bytes, Client, Proxy) end, Bad),
    ok = file:delete(File),
    ok = file:make_dir(File),
    ok = ignored("directory", File, none, Client, Proxy).

%% The data can be read a moment before the info says so.
restored(Mirror) ->
    eslaver_test_wait:until(fun() ->
        case eslaver_mirror:info(Mirror) of
            #{restored := undefined} -> false;
            #{restored := Restored} -> Restored
        end
    end).

flipped(Bytes, At) ->
    <<Head:At/binary, Byte, Tail/binary>> = Bytes,
    <<Head/binary, (Byte bxor 1), Tail/binary>>.

ignored(Why, File, Bytes, Client, Proxy) ->
    _ = Bytes =:= none orelse (ok = file:write_file(File, Bytes)),
    Full = eslaver_test_client:info(Client, "sync_full"),
    ok = eslaver_test_log:clear(),
    ok = started(?M, Proxy, kept(File)),
    ok = eslaver_test_proxied_mirror:caught_up(?M, Client),
    #{error := Reason} = restored(?M),
    ?assertMatch({match, _}, re:run(Reason, Why), {Why, Reason}),
    [_] = eslaver_test_log:await("cannot restore the mirror from .*" ++ Why),
    ?assertEqual(<<"1">>, eslaver_mirror:get(?M, <<"a">>)),
    ?assertNotEqual(Full, eslaver_test_client:info(Client, "sync_full")),
    ok = eslaver_mirror:stop(?M).

%% What the file has is shown, until the other master's data is there.
another_master(Config) ->
    File = filename:join(?config(priv_dir, Config), "another.rdb"),
    #{client := Client, proxy := Proxy} = eslaver_test_proxied_mirror:start(?M, kept(File)),
    _ = eslaver_test_client:ok(Client, ["SET", "a", "1"]),
    ok = eslaver_test_proxied_mirror:caught_up(?M, Client),
    ok = eslaver_mirror:stop(?M),
    Other = eslaver_test_master:start_own(),
    OtherClient = eslaver_test_client:connect(Other),
    _ = eslaver_test_client:ok(OtherClient, ["SET", "b", "2"]),
    ok = eslaver_test_proxy:target(Proxy, none),
    ok = started(?M, Proxy, kept(File)),
    ?assertEqual({stale, <<"1">>}, {eslaver_mirror:status(?M), eslaver_mirror:get(?M, <<"a">>)}),
    ok = eslaver_test_proxy:target(Proxy, Other),
    ok = eslaver_test_proxied_mirror:caught_up(?M, OtherClient),
    ?assertEqual([undefined, <<"2">>], eslaver_mirror:mget(?M, [<<"a">>, <<"b">>])),
    ?assertEqual(<<"1">>, eslaver_test_client:info(OtherClient, "sync_full")).

%% The same filter in another order is the same.
another_filter(Config) ->
    File = filename:join(?config(priv_dir, Config), "filter.rdb"),
    Options = fun(Filter) -> (kept(File))#{filter => Filter} end,
    #{client := Client, proxy := Proxy} =
        eslaver_test_proxied_mirror:start(?M, Options(#{keys => ["a*", "b*"], dbs => [1, 0]})),
    _ = eslaver_test_client:ok(Client, ["MSET", "a", "1", "b", "2", "c", "3"]),
    ok = eslaver_test_proxied_mirror:caught_up(?M, Client),
    Full = fun() -> binary_to_integer(eslaver_test_client:info(Client, "sync_full")) end,
    Had = Full(),
    lists:foreach(
        fun({Filter, Syncs, Keys}) ->
            ok = eslaver_mirror:stop(?M),
            ok = started(?M, Proxy, Options(Filter)),
            ok = eslaver_test_proxied_mirror:caught_up(?M, Client),
            ?assertEqual({Filter, Had + Syncs}, {Filter, Full()}),
            ?assertEqual(Keys, lists:sort(eslaver_mirror:keys(?M, <<"*">>)))
        end,
        [
            {#{keys => ["b*", <<"a*">>], dbs => [0, 1, 1]}, 0, [<<"a">>, <<"b">>]},
            {#{keys => ["b*"], dbs => [0, 1]}, 1, [<<"b">>]},
            {#{keys => ["b*"]}, 2, [<<"b">>]},
            {undefined, 3, [<<"a">>, <<"b">>, <<"c">>]},
            {undefined, 3, [<<"a">>, <<"b">>, <<"c">>]}
        ]
    ).

%% A key that is not known is not known after a restart either; servers do not get it.
unknown_keys_stay_unknown(Config) ->
    File = filename:join(?config(priv_dir, Config), "unknown.rdb"),
    Options = (kept(File))#{filter => #{keys => ["a*"]}},
    #{client := Client, proxy := Proxy} = eslaver_test_proxied_mirror:start(?M, Options),
    _ = eslaver_test_client:ok(Client, ["MSET", "a1", "1", "a2", "2", "b", "3"]),
    _ = eslaver_test_client:ok(Client, ["RENAME", "b", "a1"]),
    ok = eslaver_test_proxied_mirror:caught_up(?M, Client),
    ok = eslaver_mirror:save(?M, File),
    ?assertMatch(#{last_save := #{keys := 1, unknown := 1}}, eslaver_mirror:info(?M)),
    ok = eslaver_mirror:stop(?M),
    ok = eslaver_test_proxy:target(Proxy, none),
    ok = started(?M, Proxy, Options),
    Get = fun() -> [eslaver_mirror:get(?M, Key) || Key <- [<<"a1">>, <<"a2">>]] end,
    ?assertEqual([{error, unknown}, <<"2">>], Get()),
    ok = eslaver_mirror:stop(?M),
    Loaded = loading(eslaver_test_servers:own(), File),
    LoadedClient = eslaver_test_client:connect(Loaded),
    ?assertEqual([<<"a2">>], eslaver_test_client:ok(LoadedClient, ["KEYS", "*"])).

%% By itself only when something has changed, and always at the end.
saves_what_has_changed(Config) ->
    File = filename:join(?config(priv_dir, Config), "interval.rdb"),
    Options = #{persist => #{file => File, interval => 100}},
    #{client := Client} = eslaver_test_proxied_mirror:start(?M, Options),
    Saved = fun() -> maps:get(last_save, eslaver_mirror:info(?M)) end,
    First = eslaver_test_wait:until(fun() -> is_map(Saved()) andalso Saved() end),
    ?assertMatch(#{keys := 0, file := _, bytes := _, duration := _, time := _}, First),
    %% A master's PING changes the position, and no data.
    _ = eslaver_test_client:command(Client, ["CONFIG", "SET", "repl-ping-replica-period", "1"]),
    Offset = fun() -> maps:get(offset, eslaver_mirror:info(?M)) end,
    Before = Offset(),
    true = eslaver_test_wait:until(fun() -> Offset() > Before end),
    timer:sleep(500),
    ?assertEqual(First, Saved()),
    _ = eslaver_test_client:ok(Client, ["SET", "a", "1"]),
    true = eslaver_test_wait:until(fun() -> maps:get(keys, Saved()) =:= 1 end),
    ok = eslaver_mirror:stop(?M),
    ok = file:delete(File),

    #{} = eslaver_test_proxied_mirror:start(?M, #{persist => File}),
    ?assertEqual(undefined, Saved()),
    ok = eslaver_mirror:stop(?M),
    ?assert(filelib:is_regular(File)).

%% What was there stays until there is something better.
full_disk(Config) ->
    Disk = filename:join(?config(priv_dir, Config), "disk"),
    ok = filelib:ensure_dir(filename:join(Disk, "file")),
    case os:cmd("mount -t tmpfs -o size=2m tmpfs '" ++ Disk ++ "' && echo -n mounted") of
        "mounted" ->
            try
                full_disk_at(Disk)
            after
                os:cmd("umount -l '" ++ Disk ++ "'")
            end;
        Why ->
            {skip, {no_tmpfs, Why}}
    end.

full_disk_at(Disk) ->
    File = filename:join(Disk, "kept.rdb"),
    #{client := Client, proxy := Proxy} = eslaver_test_proxied_mirror:start(?M, kept(File)),
    _ = eslaver_test_client:ok(Client, ["SET", "a", "1"]),
    ok = eslaver_test_proxied_mirror:caught_up(?M, Client),
    ok = eslaver_mirror:save(?M, File),
    {ok, Kept} = file:read_file(File),
    _ = eslaver_test_client:ok(Client, ["SET", "big", rand:bytes(4 bsl 20)]),
    ok = eslaver_test_proxied_mirror:caught_up(?M, Client),
    {error, Why} = eslaver_mirror:save(?M, File),
    ?assertMatch({match, _}, re:run(Why, "No space left")),
    ?assertMatch(#{last_save := #{error := Why}, saving := false}, eslaver_mirror:info(?M)),
    ?assertEqual({ok, ["kept.rdb"]}, file:list_dir(Disk)),
    ?assertEqual({ok, Kept}, file:read_file(File)),
    %% The last save fails, too, and the mirror goes on from where the file is, or in full.
    ok = eslaver_mirror:stop(?M),
    ?assertEqual({ok, Kept}, file:read_file(File)),
    ok = started(?M, Proxy, kept(File)),
    ?assertMatch(#{keys := 1}, restored(?M)),
    ok = eslaver_test_proxied_mirror:caught_up(?M, Client),
    ?assertEqual(4 bsl 20, eslaver_mirror:strlen(?M, <<"big">>)).

saves_that_fail(Config) ->
    Dir = ?config(priv_dir, Config),
    ok = file:make_dir(filename:join(Dir, "folder")),
    File = filename:join(Dir, "never.rdb"),
    ?assertError(badarg, eslaver_mirror:save(?M, <<"a", 0>>)),
    ?assertEqual({error, not_running}, eslaver_mirror:save(?M, File)),
    {ok, _} = eslaver_mirror:start_link(
        (eslaver_test_replica:target(free_port()))#{name => ?M}
    ),
    ?assertEqual({error, loading}, eslaver_mirror:save(?M, File)),
    ?assertNot(filelib:is_file(File)),
    ok = eslaver_mirror:stop(?M),
    #{} = eslaver_test_proxied_mirror:start(?M, #{}),
    {error, NoFolder} = eslaver_mirror:save(?M, filename:join([Dir, "missing", "file"])),
    ?assertMatch({match, _}, re:run(NoFolder, "No such file or directory")),
    {error, Folder} = eslaver_mirror:save(?M, filename:join(Dir, "folder")),
    ?assertMatch({match, _}, re:run(Folder, "directory")).

%% A port where nobody listens.
free_port() ->
    {ok, Socket} = gen_tcp:listen(0, []),
    {ok, Port} = inet:port(Socket),
    ok = gen_tcp:close(Socket),
    Port.

%% Each gets what was there when it asked.
many_at_once(Config) ->
    Dir = ?config(priv_dir, Config),
    #{client := Client} = eslaver_test_proxied_mirror:start(?M, #{}),
    Files = [filename:join(Dir, "many" ++ integer_to_list(N)) || N <- lists:seq(1, 3)],
    lists:foreach(
        fun(Round) ->
            _ = eslaver_test_client:ok(Client, ["SET", "round", Round]),
            ok = eslaver_test_proxied_mirror:caught_up(?M, Client),
            Savers = [
                spawn_monitor(fun() -> exit({eslaver_mirror:save(?M, File), File}) end)
             || File <- Files, _ <- lists:seq(1, 5)
            ],
            Done = [reason_of(Saver) || Saver <- Savers],
            ?assertEqual([], [Bad || {Result, _} = Bad <- Done, Result =/= ok])
        end,
        lists:seq(1, 5)
    ),
    Saved = [
        begin
            Loaded = loading(eslaver_test_servers:own(), File),
            LoadedClient = eslaver_test_client:connect(Loaded),
            eslaver_test_client:ok(LoadedClient, ["GET", "round"])
        end
     || File <- Files
    ],
    ?assertEqual([<<"5">>, <<"5">>, <<"5">>], Saved).
