%% What runs on this node, as metrics: replicas, mirrors and clusters, each while it runs.
-module(eslaver_metrics_SUITE).

-include_lib("stdlib/include/assert.hrl").

-compile([export_all, nowarn_export_all]).

-import(eslaver_test_prometheus, [value/3]).

-define(TIMEOUT, 30_000).

suite() -> [{timetrap, {minutes, 2}}].

all() -> eslaver_test_groups:cases(?MODULE).

init_per_testcase(_Case, Config) ->
    _ = process_flag(trap_exit, true),
    %% others may have left some that are about to end
    ok = running([]),
    Config.

%% One of each kind, also while they do not answer. All have the labels that tell them apart.
all_kinds(Config) ->
    Master = eslaver_test_master:start_own(),
    Client = eslaver_test_client:connect(Master),
    _ = eslaver_test_client:ok(Client, ["SET", "k", "v"]),
    Target = eslaver_test_replica:target(Master),
    {ok, Replica} = eslaver:start_link(Target#{callback => fun(_) -> ok end}),
    {ok, Mirror} = eslaver_mirror:start_link(
        (maps:remove(dbfilename, Target))#{name => 'mirror "é"'}
    ),
    ok = eslaver:await(Replica, loaded, ?TIMEOUT),
    ok = eslaver_mirror:await('mirror "é"', loaded, ?TIMEOUT),
    Cluster = eslaver_test_cluster:start(#{server => eslaver_test_servers:own()}),
    Seeds = #{cluster => eslaver_test_cluster:seeds(Cluster)},
    {ok, Followed} = eslaver:start_link(Seeds#{
        name => {local, all_shards}, callback => fun(_) -> ok end
    }),
    Self = self(),
    {ok, Mirrored} = eslaver_mirror:start_link(Seeds#{
        name => mirrored_shards,
        telemetry => fun(Event, _Measured, About) -> Self ! {told, Event, About} end,
        telemetry_every => 100
    }),
    ok = eslaver:await(all_shards, loaded, ?TIMEOUT),
    ok = eslaver_mirror:await(mirrored_shards, loaded, ?TIMEOUT),
    ok = running([Replica, Mirror, Followed, Mirrored]),
    Text = eslaver_metrics:prometheus(),
    ok = read_by_python(Text, Config),
    Metrics = eslaver_test_prometheus:parse(Text),
    Pid = list_to_binary(pid_to_list(Replica)),
    OfReplica = #{<<"kind">> => <<"replica">>, <<"name">> => Pid},
    OfMirror = #{<<"kind">> => <<"mirror">>, <<"name">> => <<"mirror \"é\""/utf8>>},
    ?assertEqual(1, value(<<"eslaver_up">>, OfReplica, Metrics)),
    InState = fun(State) ->
        value(<<"eslaver_state">>, OfReplica#{<<"state">> => State}, Metrics)
    end,
    ?assertEqual({1, 0}, {InState(<<"streaming">>), InState(<<"loading">>)}),
    ?assertEqual(0, value(<<"eslaver_lagging">>, OfReplica, Metrics)),
    ?assertEqual(none, value(<<"eslaver_keys">>, OfReplica, Metrics)),
    ?assertEqual(1, value(<<"eslaver_snapshot_keys">>, OfReplica, Metrics)),
    ?assertEqual(1, value(<<"eslaver_keys">>, OfMirror, Metrics)),
    ?assertEqual(1, value(<<"eslaver_status">>, OfMirror#{<<"status">> => <<"fresh">>}, Metrics)),
    ?assert(value(<<"eslaver_memory_bytes">>, OfMirror, Metrics) > 0),
    Nodes = eslaver_test_cluster:masters(Cluster),
    Ids = [eslaver_test_cluster:shard(Cluster, Node) || Node <- Nodes],
    _ = [
        #{replica := mirrored_shards} = told(Event, Id)
     || Id <- Ids, Event <- [[eslaver, link, up], [eslaver, load, stop], [eslaver, replica, gauge]]
    ],
    _ = [
        begin
            Whole = #{<<"kind">> => <<"cluster">>, <<"name">> => Name},
            ?assertEqual(1, value(<<"eslaver_up">>, Whole, Metrics)),
            ?assertEqual(length(Ids), value(<<"eslaver_cluster_shards">>, Whole, Metrics)),
            ?assertEqual(16384, value(<<"eslaver_cluster_slots">>, Whole, Metrics)),
            %% so that a sum counts each shard once
            ?assertEqual(none, value(<<"eslaver_lag_bytes">>, Whole, Metrics)),
            [
                ?assertEqual(0, value(<<"eslaver_reconnects_total">>, Shard, Metrics))
             || Id <- Ids,
                Shard <- [Whole#{<<"kind">> := <<"shard">>, <<"shard">> => Id}]
            ]
        end
     || Name <- [<<"all_shards">>, <<"mirrored_shards">>]
    ],
    %% none of them is asked
    Suspended = [Replica, Mirror, Followed, Mirrored],
    ok = lists:foreach(fun sys:suspend/1, Suspended),
    ?assertEqual(
        maps:keys(Metrics), maps:keys(eslaver_test_prometheus:parse(eslaver_metrics:prometheus()))
    ),
    ok = lists:foreach(fun sys:resume/1, Suspended),
    ok = eslaver:stop(all_shards),
    ok = eslaver_mirror:stop(mirrored_shards),
    ok = running([Replica, Mirror]),
    ok = eslaver:stop(Replica),
    ok = eslaver_mirror:stop('mirror "é"'),
    ok = running([]),
    eslaver_test_cluster:stop(Cluster).

told(Event, Id) ->
    receive
        {told, Event, #{shard := Id} = About} -> About
    after ?TIMEOUT -> error({not_told, Event, Id})
    end.

%% Of one that is killed nothing stays, nor of a supervisor's that is started anew; what keeps them
%% ends with the last one, and is there again for the next, wherever it was killed.
nothing_stays(_Config) ->
    Target = eslaver_test_replica:target(eslaver_test_master:start_own()),
    Start = fun() ->
        {ok, Pid} = eslaver:start_link(Target#{callback => fun(_) -> ok end}),
        Pid
    end,
    {One, Other} = {Start(), Start()},
    ok = running([One, Other]),
    ok = kill(One),
    ok = running([Other]),
    Keeper = whereis(eslaver_registry),
    ok = kill(Other),
    ok = running([]),
    true = eslaver_test_wait:until(fun() -> not is_process_alive(Keeper) end, ?TIMEOUT),
    ?assertEqual(undefined, ets:info(eslaver_registry, size)),
    ?assertEqual(
        [<<"eslaver_build_info">>],
        maps:keys(eslaver_test_prometheus:parse(eslaver_metrics:prometheus()))
    ),
    Many = eslaver_test_parallel:map(
        fun(_) ->
            Pid = Start(),
            true = unlink(Pid),
            Pid
        end,
        lists:seq(1, 20)
    ),
    ok = running(Many),
    _ = [ok = eslaver:stop(Pid) || Pid <- Many],
    ok = running([]).

kill(Pid) ->
    true = exit(Pid, kill),
    receive
        {'EXIT', Pid, killed} -> ok
    end.

%% These, and no others.
running(Pids) ->
    true = eslaver_test_wait:until(
        fun() ->
            lists:sort([Pid || #{pid := Pid} <- eslaver_registry:all()]) =:= lists:sort(Pids)
        end,
        ?TIMEOUT
    ),
    ok.

%% What Prometheus' own library for Python makes of it, where that is installed.
read_by_python(Text, Config) ->
    File = filename:join(proplists:get_value(priv_dir, Config), "metrics"),
    ok = file:write_file(File, Text),
    Program =
        "import sys; from prometheus_client.parser import text_string_to_metric_families as read;"
        "text = open(sys.argv[1], encoding='utf-8').read();"
        "print(sum(len(family.samples) for family in read(text)))",
    Lines = binary:split(Text, <<"\n">>, [global]),
    Samples = length([Line || <<First, _/binary>> = Line <- Lines, First =/= $#]),
    case [Python || Python <- pythons(), has_parser(Python)] of
        [Python | _] ->
            ?assertEqual(
                integer_to_list(Samples),
                string:trim(os:cmd(Python ++ " -c \"" ++ Program ++ "\" '" ++ File ++ "'"))
            );
        [] ->
            ct:comment("without prometheus_client for Python")
    end,
    ok.

pythons() ->
    ["/usr/bin/python3", "python3"].

has_parser(Python) ->
    "found" =:= string:trim(
        os:cmd(Python ++ " -c 'import prometheus_client.parser; print(\"found\")' 2>&1")
    ).
