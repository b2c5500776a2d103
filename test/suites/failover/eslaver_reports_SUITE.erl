%% What `sys:get_status' shows of each of our processes, and what reports show of those that crash:
%% little, and none of the keys and values that pass through them.
-module(eslaver_reports_SUITE).

-include_lib("common_test/include/ct.hrl").
-include_lib("stdlib/include/assert.hrl").

-compile([export_all, nowarn_export_all]).

-define(TIMEOUT, 30_000).
%% In each key and value.
-define(SECRET, "secret").
%% The most characters of a status.
-define(SHORT, 4000).

suite() ->
    [{timetrap, {minutes, 3}}, {ct_hooks, [eslaver_test_log_hook]}].

all() ->
    eslaver_test_groups:cases(?MODULE).

init_per_testcase(_Case, Config) ->
    _ = process_flag(trap_exit, true),
    Config.

%% Of each module of ours that is a server there is a process at work, with data in its hands.
status_of_each_process(Config) ->
    Master = eslaver_test_master:start_own(),
    Client = eslaver_test_client:connect(Master),
    Target = eslaver_test_replica:target(Master),
    [ok = write(Client, "loaded " ++ integer_to_list(N)) || N <- lists:seq(1, 10)],
    %% one that has failed before, so that failures are remembered
    {ok, Failed} = eslaver:start_link(Target#{callback => fun(_) -> exit(no) end}),
    receive
        {'EXIT', Failed, {callback_failed, _}} -> ok
    end,
    Paused = paused(Target, Config),
    {ok, _} = eslaver_mirror:start_link(
        (maps:remove(dbfilename, Target))#{
            name => mirror_of_reports,
            callback => fun(_) -> ok end,
            project => [projection()]
        }
    ),
    Lab = eslaver_test_sentinels:start(#{server => eslaver_test_servers:own(), replicas => 1}),
    {ok, OfGroup} = eslaver:start_link((eslaver_test_sentinels:target(Lab))#{
        callback => fun(_) -> ok end, read_from => replica, master_offset_every => 100
    }),
    Cluster = eslaver_test_cluster:start(#{server => eslaver_test_servers:own()}),
    {ok, OfCluster} = eslaver:start_link(#{
        cluster => eslaver_test_cluster:seeds(Cluster), callback => fun(_) -> ok end
    }),
    ok = eslaver_mirror:await(mirror_of_reports, loaded, ?TIMEOUT),
    {ok, _} = eslaver_mirror:subscribe(mirror_of_reports, #{}),
    ok = eslaver:await(OfGroup, loaded, ?TIMEOUT),
    ok = eslaver:await(OfCluster, loaded, ?TIMEOUT),
    [ok = write(Client, "written " ++ integer_to_list(N)) || N <- lists:seq(1, 100)],
    ok = holds_data(Paused),
    Statuses = [{Module, status(Pid)} || {Module, Pid} <- processes_of_ours()],
    ?assertEqual(servers(), lists:usort([Module || {Module, _} <- Statuses])),
    _ = [
        begin
            ?assertEqual({Module, nomatch}, {Module, string:find(Status, ?SECRET)}),
            ?assert(length(Status) < ?SHORT, {Module, length(Status), Status})
        end
     || {Module, Status} <- Statuses
    ],
    ok = eslaver:stop(OfCluster),
    ok = eslaver:stop(OfGroup),
    ok = eslaver_mirror:stop(mirror_of_reports),
    ok = eslaver:stop(Paused),
    eslaver_test_cluster:stop(Cluster),
    eslaver_test_sentinels:stop(Lab).

%% A replica that keeps its position, with events in its queue.
paused(Target, Config) ->
    File = filename:join(?config(priv_dir, Config), "position"),
    {ok, Replica} = eslaver:start_link(Target#{
        callback => {handler, eslaver_test_pausing_handler, self()}, resume => {file, File}
    }),
    receive
        {paused, _, _} -> Replica
    after ?TIMEOUT -> error(not_paused)
    end.

%% Events wait in its state.
holds_data(Replica) ->
    true = eslaver_test_wait:until(
        fun() -> string:find(shown(sys:get_state(Replica)), ?SECRET) =/= nomatch end, ?TIMEOUT
    ),
    ok.

projection() ->
    #{
        table => rows_of_reports,
        keys => <<"*">>,
        type => string,
        map => fun(Key, Value) -> {Key, Value} end
    }.

write(Client, Text) ->
    Value = ?SECRET ++ " value " ++ Text,
    <<"OK">> = eslaver_test_client:ok(Client, ["SET", ?SECRET ++ " key " ++ Text, Value]),
    ok.

%% Whatever ends a replica whose queue is full of events and whose mailbox has messages for the
%% handler: an error of ours in any of its calls.
crash_of_a_replica(_Config) ->
    Target = eslaver_test_replica:target(eslaver_test_master:start_own()),
    Master = maps:get(master_port, Target),
    Client = eslaver_test_client:connect(Master),
    [ok = write(Client, "loaded " ++ integer_to_list(N)) || N <- lists:seq(1, 10)],
    lists:foreach(
        fun(Provoke) ->
            ok = eslaver_test_log:clear(),
            {ok, Replica} = eslaver:start_link(Target#{
                callback => {handler, eslaver_test_pausing_handler, self()}
            }),
            receive
                {paused, _, _} -> ok
            after ?TIMEOUT -> error(not_paused)
            end,
            ok = holds_data(Replica),
            ok = eslaver_test_replica:replace_in_state(Replica, {session, ?SECRET}),
            ok = sys:suspend(Replica),
            Provoke(Replica),
            Replica ! {for_the_handler, ?SECRET},
            ok = sys:resume(Replica),
            Reason =
                receive
                    {'EXIT', Replica, Why} -> Why
                after ?TIMEOUT -> error({does_not_end, Provoke})
                end,
            ?assertEqual(nomatch, string:find(shown(Reason), ?SECRET)),
            ?assertMatch([_ | _], eslaver_test_log:await("replica_failed")),
            ?assertNot(eslaver_test_log:contains(?SECRET))
        end,
        [
            fun(Replica) -> gen_server:send_request(Replica, position) end,
            fun(Replica) -> Replica ! {eslaver_replica, connect} end
        ]
    ).

%% A cluster ends while there are notices in its mailbox.
crash_of_a_cluster(_Config) ->
    Cluster = eslaver_test_cluster:start(#{server => eslaver_test_servers:own()}),
    {ok, Mirror} = eslaver_mirror:start_link(#{
        name => cluster_of_reports, cluster => eslaver_test_cluster:seeds(Cluster)
    }),
    ok = eslaver_mirror:await(cluster_of_reports, loaded, ?TIMEOUT),
    ok = eslaver_test_log:clear(),
    ok = sys:suspend(Mirror),
    {links, Links} = process_info(Mirror, links),
    [Supervisor] = [Pid || Pid <- Links, is_pid(Pid), is_supervisor(Pid)],
    true = exit(Supervisor, kill),
    true = eslaver_test_wait:until(
        fun() ->
            {messages, Messages} = process_info(Mirror, messages),
            lists:keymember(Supervisor, 2, Messages)
        end,
        ?TIMEOUT
    ),
    Mirror ! {eslaver_keyspace, 1, [{?SECRET, set}], make_ref()},
    ok = sys:resume(Mirror),
    receive
        {'EXIT', Mirror, Reason} -> ?assertEqual(nomatch, string:find(shown(Reason), ?SECRET))
    after ?TIMEOUT -> error(does_not_end)
    end,
    ?assertMatch([_ | _], eslaver_test_log:await("crash|CRASH|terminating")),
    ?assertNot(eslaver_test_log:contains(?SECRET)),
    eslaver_test_cluster:stop(Cluster).

is_supervisor(Pid) ->
    proc_lib:translate_initial_call(Pid) =:= {supervisor, eslaver_cluster_sup, 1}.

%% The modules of the application that are servers.
servers() ->
    Beams = filelib:wildcard("eslaver*.beam", filename:dirname(code:which(eslaver))),
    [
        Module
     || Beam <- lists:sort(Beams),
        Module <- [list_to_atom(filename:basename(Beam, ".beam"))],
        {behaviour, Behaviours} <- Module:module_info(attributes),
        lists:member(gen_server, Behaviours)
    ].

processes_of_ours() ->
    Servers = servers(),
    [
        {Module, Pid}
     || Pid <- processes(),
        {Module, init, 1} <- [proc_lib:translate_initial_call(Pid)],
        lists:member(Module, Servers)
    ].

%% As a shell prints it.
status(Pid) ->
    shown(sys:get_status(Pid)).

shown(Term) ->
    lists:flatten(io_lib:format("~0tp", [Term])).
