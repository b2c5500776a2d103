%% A source that Sentinels name, with real groups: who is found, when it moves, and what a source
%% says where there is nobody to be found. The cases ask a source themselves, as a replica's server
%% does.
-module(eslaver_sentinel_source_SUITE).

-include_lib("common_test/include/ct.hrl").
-include_lib("stdlib/include/assert.hrl").

-import(eslaver_test_sentinels, [
    start/1, servers/1, sentinels/1, server/2, port/2, connect/2, master/1, replicas/1, target/1
]).
-import(eslaver_test_sentinels, [elected/1, views/1, await_election/2, settled/1]).

-compile([export_all, nowarn_export_all]).

-define(PASSWORDS, #{password => "of-servers", sentinel_password => "of-sentinels"}).
-define(NO_NEED, #{position => undefined}).
-define(TIMEOUT, 30_000).

suite() ->
    [{timetrap, {minutes, 3}}, {ct_hooks, [eslaver_test_log_hook]}].

all() ->
    eslaver_test_groups:all(groups()).

groups() ->
    Each = [elections, partitioned, replica_is_found],
    [{own, [], eslaver_test_groups:cases(?MODULE) -- Each}] ++
        eslaver_test_groups:per_server(eslaver_test_failover:chosen(2), Each).

init_per_group(own, Config) ->
    [{server, #{server => eslaver_test_servers:own()}} | Config];
init_per_group(Name, Config) ->
    eslaver_test_groups:server(Name, Config).

end_per_group(_Name, _Config) ->
    ok.

%% Nothing of a case is left behind: no watcher.
end_per_testcase(_Case, _Config) ->
    true = eslaver_test_wait:until(fun() -> whereis(eslaver_sentinels) =:= undefined end),
    ok.

%% The master

%% By each of the ways. It moves as soon as a Sentinel knows, and once for each.
elections(Config) ->
    Lab = start(#{server => server(Config)}),
    {found, Port, Source} = found(source(target(Lab))),
    ?assertEqual(port(Lab, master(Lab)), Port),
    Last = lists:foldl(fun(Way, Before) -> elected_by(Way, Lab, Before) end, Source, [
        sentinel, kill, pause
    ]),
    ?assertEqual({nothing, 1500}, {element(1, news(Last, 1500)), 1500}),
    stop(Last, Lab).

elected_by(Way, Lab, Source) ->
    Before = elected(Lab),
    Old = master(Lab),
    Back =
        case Way of
            sentinel ->
                ok = eslaver_test_sentinels:fail_over(Lab),
                fun(_) -> ok end;
            kill ->
                ok = eslaver_test_master:kill(Old),
                fun eslaver_test_master:restart/1;
            pause ->
                ok = eslaver_test_master:pause(Old),
                fun eslaver_test_master:continue/1
        end,
    {_, Port, At} = await_election(Lab, Before),
    {{moved, {tcp, <<"127.0.0.1">>, To}}, Next} = news(Source, ?TIMEOUT),
    ct:pal("~p: told ~b ms after the election", [Way, now_ms() - At]),
    ?assertEqual(Port, To),
    ok = Back(Old),
    ok = settled(Lab),
    Next.

%% Of a Sentinel that was cut off, with the old view, only that view is in reach; then all are back.
partitioned(Config) ->
    Lab = start(?PASSWORDS#{server => server(Config)}),
    [Alone | Others] = sentinels(Lab),
    {found, Old, Source} = found(source(target(Lab))),
    Before = elected(Lab),
    ok = eslaver_test_sentinels:partition(Lab, Alone),
    OldMaster = master(Lab),
    ok = eslaver_test_master:kill(OldMaster),
    {_, New, _} = await_election(Lab, Before),
    {{moved, {tcp, _, New}}, Moved} = news(Source, ?TIMEOUT),
    ok = eslaver_test_master:restart(OldMaster),
    _ = [ok = eslaver_test_master:pause(Sentinel) || Sentinel <- Others],
    ?assertMatch({_, Old}, maps:get(Alone, views(Lab))),
    {nothing, Kept} = news(Moved, 5000),
    {found, New, Again} = found(Kept),
    _ = [ok = eslaver_test_master:continue(Sentinel) || Sentinel <- Others],
    ok = eslaver_test_sentinels:heal(Lab, Alone),
    ok = settled(Lab),
    {nothing, Last} = news(Again, 2000),
    stop(Last, Lab).

%% Its view is old from the start: nobody waits for the others for long, but once they are in reach
%% they are believed.
old_view_first(Config) ->
    Lab = start(?PASSWORDS#{server => server(Config)}),
    [Alone | Others] = sentinels(Lab),
    Before = elected(Lab),
    {_, Old, _} = Before,
    ok = eslaver_test_sentinels:partition(Lab, Alone),
    ok = eslaver_test_master:kill(master(Lab)),
    {_, New, _} = await_election(Lab, Before),
    _ = [ok = eslaver_test_master:pause(Sentinel) || Sentinel <- Others],
    {found, Old, Source} = found(source(target(Lab))),
    _ = [ok = eslaver_test_master:continue(Sentinel) || Sentinel <- Others],
    {{moved, {tcp, _, New}}, Moved} = news(Source, ?TIMEOUT),
    stop(Moved, Lab).

%% A Sentinel that hangs delays nothing.
hanging(Config) ->
    Lab = start(#{server => server(Config), sentinels => 5}),
    [First, Second | _] = sentinels(Lab),
    _ = [ok = eslaver_test_master:pause(Sentinel) || Sentinel <- [First, Second]],
    Begun = now_ms(),
    {found, _, Source} = found(source(target(Lab))),
    ?assert(now_ms() - Begun < 1500),
    Before = elected(Lab),
    ok = eslaver_test_master:kill(master(Lab)),
    {_, New, At} = await_election(Lab, Before),
    {{moved, {tcp, _, New}}, Moved} = news(Source, ?TIMEOUT),
    ?assert(now_ms() - At < 1500),
    _ = [ok = eslaver_test_master:continue(Sentinel) || Sentinel <- [First, Second]],
    stop(Moved, Lab).

%% Without any Sentinel in reach the last master that was known is it.
all_lost(Config) ->
    Lab = start(#{server => server(Config)}),
    {found, Port, Source} = found(source(target(Lab))),
    _ = [ok = eslaver_test_master:kill(Sentinel) || Sentinel <- sentinels(Lab)],
    {nothing, Kept} = news(Source, 3000),
    {found, Port, Last} = found(Kept),
    _ = [ok = eslaver_test_master:restart(Sentinel) || Sentinel <- sentinels(Lab)],
    ok = settled(Lab),
    Before = elected(Lab),
    ok = eslaver_test_sentinels:fail_over(Lab),
    {_, New, _} = await_election(Lab, Before),
    {{moved, {tcp, _, New}}, Moved} = news(Last, ?TIMEOUT),
    stop(Moved, Lab).

%% One Sentinel is enough to know the others; those that are gone are forgotten.
come_and_go(Config) ->
    Lab = start(#{server => server(Config)}),
    [First, Second, Third] = sentinels(Lab),
    #{sentinels := [Own | _]} = Target = target(Lab),
    {found, _, Source} = found(source(Target#{sentinels := [Own]})),
    ok = are_known(Lab, [First, Second, Third]),
    Fourth = eslaver_test_sentinels:add_sentinel(Lab),
    ok = are_known(Lab, [First, Second, Third, Fourth]),
    ok = eslaver_test_sentinels:remove_sentinel(Lab, Second),
    ok = are_known(Lab, [First, Third, Fourth]),
    ok = eslaver_test_master:kill(First),
    Before = elected(Lab),
    ok = eslaver_test_master:kill(master(Lab)),
    {_, New, _} = await_election(Lab, Before),
    {{moved, {tcp, _, New}}, Moved} = news(Source, ?TIMEOUT),
    stop(Moved, Lab).

%% Sentinels that have been reset know of each other again only after a while. If the one of the
%% options is lost meanwhile, the others are asked still.
forgotten(Config) ->
    Periods = #{"info-period" => 1000, "publish-period" => 6000},
    Lab = start(#{server => server(Config), periods => Periods}),
    [First | Others] = All = sentinels(Lab),
    #{sentinels := [Own | _]} = Target = target(Lab),
    {found, _, Source} = found(source(Target#{sentinels := [Own]})),
    ok = are_known(Lab, All),
    Command = ["SENTINEL", "RESET", "*"],
    _ = [1 = eslaver_test_sentinels:ask(Lab, Sentinel, Command) || Sentinel <- All],
    %% All of them have been asked since.
    {nothing, Later} = news(Source, 2500),
    ok = eslaver_test_master:kill(First),
    Before = elected(Lab),
    {nothing, Known} = news(Later, 2500),
    ok = are_known(Lab, All),
    true = eslaver_test_wait:until(fun() -> know_replicas(Lab, Others) end),
    ok = eslaver_test_master:kill(master(Lab)),
    {_, New, _} = await_election(Lab, Before),
    {{moved, {tcp, _, New}}, Moved} = news(Known, ?TIMEOUT),
    stop(Moved, Lab).

know_replicas(Lab, Sentinels) ->
    lists:all(
        fun(Sentinel) ->
            Command = ["SENTINEL", "REPLICAS", "it"],
            2 =:= length(eslaver_test_sentinels:ask(Lab, Sentinel, Command))
        end,
        Sentinels
    ).

%% By another name in the options it is the same Sentinel, asked by one connection and counted once.
other_names(Config) ->
    Lab = start(#{server => server(Config)}),
    Ports = [port(Lab, Sentinel) || Sentinel <- sentinels(Lab)],
    Named = [{"localhost", Port} || Port <- Ports],
    {found, _, Source} = found(source((target(Lab))#{sentinels => Named})),
    {nothing, Later} = news(Source, 2500),
    ?assertEqual([{<<"localhost">>, Port} || Port <- lists:sort(Ports)], watched()),
    stop(Later, Lab).

%% With passwords, users and TLS

passwords(Config) ->
    Lab = start(?PASSWORDS#{server => server(Config)}),
    {found, Port, Source} = found(source(target(Lab))),
    ?assertEqual(port(Lab, master(Lab)), Port),
    ok = eslaver_source:close(Source),
    Without = maps:remove(sentinel_auth, target(Lab)),
    {none, sentinel_auth, Text} = found(source(Without)),
    ?assertMatch({match, _}, re:run(Text, "set sentinel_auth")),
    Wrong = (target(Lab))#{sentinel_auth => "wr0ng"},
    {none, sentinel_auth, Other} = found(source(Wrong)),
    ?assertMatch({match, _}, re:run(Other, "password|WRONGPASS")),
    ?assertEqual(nomatch, re:run(Other, "wr0ng")),
    ?assertNot(eslaver_test_log:contains("wr0ng")),
    eslaver_test_sentinels:stop(Lab).

%% A user that may do what the documentation of Redis advises for clients of Sentinels.
user(Config) ->
    Rules = [
        "user watcher on >s3cret resetchannels &* -@all +auth +subscribe +ping +role ",
        "+sentinel|master +sentinel|get-master-addr-by-name +sentinel|replicas ",
        "+sentinel|sentinels +sentinel|myid\n"
    ],
    Lab = start(#{server => server(Config), sentinel_config => Rules}),
    Options = (target(Lab))#{sentinel_user => "watcher", sentinel_auth => "s3cret"},
    {found, _, Source} = found(source(Options)),
    Before = elected(Lab),
    ok = eslaver_test_sentinels:fail_over(Lab),
    {_, New, _} = await_election(Lab, Before),
    {{moved, {tcp, _, New}}, Moved} = news(Source, ?TIMEOUT),
    ?assertEqual([], denied(Lab)),
    stop(Moved, Lab).

%% What users were not allowed to do.
denied(Lab) ->
    lists:append([
        eslaver_test_client:ok(connect(Lab, Sentinel), ["ACL", "LOG"])
     || Sentinel <- sentinels(Lab)
    ]).

with_tls(Config) ->
    case eslaver_test_certificates:missing(server(Config)) of
        none ->
            Dir = filename:join(?config(priv_dir, Config), "tls"),
            ok = file:make_dir(Dir),
            Tls = eslaver_test_certificates:make(Dir),
            Lab = start(?PASSWORDS#{server => server(Config), tls => Tls}),
            {found, Port, Source} = found(source(target(Lab))),
            ?assertEqual(port(Lab, master(Lab)), Port),
            Before = elected(Lab),
            ok = eslaver_test_sentinels:fail_over(Lab),
            {_, New, _} = await_election(Lab, Before),
            {{moved, {tcp, _, New}}, Moved} = news(Source, ?TIMEOUT),
            ok = eslaver_source:close(Moved),
            Plain = maps:remove(sentinel_tls, target(Lab)),
            {none, Reason, _} = found(source(Plain)),
            ?assert(lists:member(Reason, [not_a_sentinel, sentinel_unreachable])),
            eslaver_test_sentinels:stop(Lab);
        Missing ->
            {skip, Missing}
    end.

%% What is wrong

unknown_name(Config) ->
    Lab = start(#{server => server(Config)}),
    {none, sentinel_unknown_master, Text} = found(source((target(Lab))#{master_name := "no"})),
    ?assertMatch({match, _}, re:run(Text, "no master called no: set master_name")),
    eslaver_test_sentinels:stop(Lab).

a_server(Config) ->
    Lab = start(#{server => server(Config)}),
    Wrong = [{"127.0.0.1", port(Lab, Server)} || Server <- servers(Lab)],
    {none, not_a_sentinel, Text} = found(source((target(Lab))#{sentinels := Wrong})),
    ?assertMatch({match, _}, re:run(Text, "it is not a Sentinel")),
    eslaver_test_sentinels:stop(Lab).

nobody(_Config) ->
    {ok, Socket} = gen_tcp:listen(0, [{ip, {127, 0, 0, 1}}]),
    {ok, Port} = inet:port(Socket),
    ok = gen_tcp:close(Socket),
    Target = #{sentinels => [{"127.0.0.1", Port}, "no.such.host.invalid"], master_name => "it"},
    {none, sentinel_unreachable, Text} = found(source(Target)),
    Expected = "cannot connect to .*refused.*; .*cannot resolve no.such.host.invalid",
    ?assertMatch({match, _}, re:run(Text, Expected)).

%% One of three has another password: it is said once, and the others are asked.
one_is_wrong(Config) ->
    Lab = start(#{server => server(Config)}),
    [Wrong | _] = sentinels(Lab),
    Client = connect(Lab, Wrong),
    <<"OK">> = eslaver_test_client:ok(Client, ["ACL", "SETUSER", "default", "-sentinel"]),
    {found, _, Source} = found(source(target(Lab))),
    {nothing, Last} = news(Source, 3500),
    ?assertMatch([_], eslaver_test_log:await("asking without one of its Sentinels")),
    stop(Last, Lab).

%% Sharing a watcher

shared(Config) ->
    Lab = start(#{server => server(Config)}),
    Target = target(Lab),
    {found, Port, One} = found(source(Target)),
    #{sentinels := Listed} = Target,
    {Other, Told} = user_process(Target#{sentinels := lists:reverse(Listed)}),
    ?assertMatch({found, Port}, Told),
    ?assertEqual(1, length(groups_watched())),
    {found, Port, Third} = found(source(Target#{sentinels := tl(Listed)})),
    ?assertEqual(2, length(groups_watched())),
    ok = eslaver_source:close(Third),
    true = eslaver_test_wait:until(fun() -> length(groups_watched()) =:= 1 end),
    ok = eslaver_source:close(One),
    {nothing, _} = news(One, 1000),
    ?assertEqual(1, length(groups_watched())),
    Registry = whereis(eslaver_sentinels),
    Monitor = erlang:monitor(process, Registry),
    %% it has the monitor once it answers
    _ = sys:get_state(Registry),
    true = unlink(Other),
    exit(Other, kill),
    receive
        {'DOWN', Monitor, process, Registry, Reason} -> ?assertEqual(normal, Reason)
    after ?TIMEOUT -> error(still_there)
    end,
    true = eslaver_test_wait:until(fun() -> no_clients(Lab) end),
    eslaver_test_sentinels:stop(Lab).

%% A source of another process, which then does nothing but live.
user_process(Target) ->
    Self = self(),
    Pid = spawn_link(fun() ->
        {found, Port, Source} = found(source(Target)),
        Self ! {self(), {found, Port}},
        receive
            never -> Source
        end
    end),
    receive
        {Pid, Told} -> {Pid, Told}
    end.

%% Whoever is killed is replaced, and what was known is not forgotten: the old view of a Sentinel
%% that is the only one in reach is not believed by the next watcher.
watcher_killed(Config) ->
    Lab = start(?PASSWORDS#{server => server(Config)}),
    [Alone | Others] = sentinels(Lab),
    {found, Old, Source} = found(source(target(Lab))),
    Before = elected(Lab),
    ok = eslaver_test_sentinels:partition(Lab, Alone),
    ok = eslaver_test_master:kill(master(Lab)),
    {_, New, _} = await_election(Lab, Before),
    {{moved, {tcp, _, New}}, Moved} = news(Source, ?TIMEOUT),
    ?assertNotEqual(Old, New),
    _ = [ok = eslaver_test_master:pause(Sentinel) || Sentinel <- Others],
    Kept = lists:foldl(
        fun(Who, Known) ->
            [Pid] = [Who() || true],
            exit(Pid, kill),
            {nothing, Same} = news(Known, 2500),
            ?assert(is_pid(Who()) andalso Who() =/= Pid),
            {found, New, Next} = found(Same),
            Next
        end,
        Moved,
        [fun watcher/0, fun() -> whereis(eslaver_sentinels) end, fun() -> hd(members()) end]
    ),
    _ = [ok = eslaver_test_master:continue(Sentinel) || Sentinel <- Others],
    stop(Kept, Lab).

%% A whole replica, whose server uses the source: the stream goes on at the new master.
replica_follows(Config) ->
    Lab = start(#{server => server(Config)}),
    Collector = eslaver_test_collector:start(),
    {ok, Replica} = eslaver:start_link((target(Lab))#{callback => Collector}),
    _ = eslaver_test_replica:loaded({Replica, Collector}),
    Client = connect(Lab, master(Lab)),
    _ = eslaver_test_replica:mark(Client, Collector),
    %% its two replicas, and ours
    3 = eslaver_test_client:ok(Client, ["WAIT", 3, 0]),
    Before = elected(Lab),
    ok = eslaver_test_master:kill(master(Lab)),
    {_, _, At} = await_election(Lab, Before),
    _ = eslaver_test_replica:mark(connect(Lab, master(Lab)), Collector),
    ct:pal("~b ms after the election", [now_ms() - At]),
    ?assertEqual(1, length([eof || {loading, eof} <- eslaver_test_collector:events(Collector)])),
    ?assertMatch([_ | _], eslaver_test_log:await("link is up, the stream resumes at offset")),
    ok = eslaver:stop(Replica),
    eslaver_test_sentinels:stop(Lab).

%% What is wrong with the options of Sentinels is the last error, and is logged once.
replica_is_told(Config) ->
    Lab = start(#{server => server(Config)}),
    Collector = eslaver_test_collector:start(),
    Options = (target(Lab))#{master_name := "no", callback => Collector},
    {ok, Replica} = eslaver:start_link(Options),
    #{reconnects := Tries, last_error := Error} = eslaver_test_wait:until(fun() ->
        case eslaver:info(Replica) of
            #{reconnects := Tries} = Info when Tries > 2 -> Info;
            _ -> false
        end
    end),
    ?assertMatch({_, #{reason := sentinel_unknown_master}}, {Tries, Error}),
    ?assertMatch([_], eslaver_test_log:await("no master called no")),
    ok = eslaver:stop(Replica),
    eslaver_test_sentinels:stop(Lab).

%% Replicas

replica_is_found(Config) ->
    Lab = start(#{server => server(Config)}),
    {found, Port, Source} = found(source((target(Lab))#{read_from => replica})),
    ?assert(lists:member(server(Lab, Port), replicas(Lab))),
    Followed = eslaver_source:met(#{role => replica}, Source),
    {{watched, #{role := replica, master_link := up}}, Watched} = news(Followed, ?TIMEOUT),
    {nothing, Quiet} = news(Watched, 1500),
    ok = eslaver_test_master:pause(server(Lab, Port)),
    Begun = now_ms(),
    {{watched, #{master_link := down}}, Lost} = news(Quiet, ?TIMEOUT),
    ?assert(now_ms() - Begun < 2000),
    {{moved, {tcp, _, Other}}, Moved} = news(Lost, ?TIMEOUT),
    ?assertEqual([Port], [port(Lab, R) || R <- replicas(Lab)] -- [Other]),
    ok = eslaver_test_master:continue(server(Lab, Port)),
    stop(Moved, Lab).

%% None that does not answer, nor one that is behind what there is.
fit_to_follow(Config) ->
    Lab = start(#{server => server(Config)}),
    [Hanging, Good] = replicas(Lab),
    Client = connect(Lab, master(Lab)),
    [<<"master">>, Offset, _] = eslaver_test_client:ok(Client, ["ROLE"]),
    Position = #{
        replid => eslaver_test_client:info(Client, "master_replid"), offset => Offset, db => 0
    },
    ok = eslaver_test_master:pause(Hanging),
    Begun = now_ms(),
    {found, Port, Source} = found(
        #{position => Position}, source((target(Lab))#{read_from => replica})
    ),
    ?assertEqual(port(Lab, Good), Port),
    ?assert(now_ms() - Begun < 1500),
    ok = eslaver_test_master:continue(Hanging),
    Beyond = #{position => Position#{offset := Offset + 1_000_000}},
    {none, no_replica, Text} = found(Beyond, Source),
    ?assertMatch({match, _}, re:run(Text, "it is behind what this node has")),
    eslaver_test_sentinels:stop(Lab).

%% A replica without its own master is left for one that has it; without another it is kept.
cut_off(Config) ->
    Lab = start(#{server => server(Config)}),
    {found, Port, Source} = found(source((target(Lab))#{read_from => replica})),
    Followed = eslaver_source:met(#{role => replica}, Source),
    {{watched, #{master_link := up}}, Watched} = news(Followed, ?TIMEOUT),
    Replica = server(Lab, Port),
    [Other] = replicas(Lab) -- [Replica],
    <<"OK">> = eslaver_test_client:ok(connect(Lab, Replica), ["REPLICAOF", "127.0.0.1", "1"]),
    {{watched, #{role := replica, master_link := down}}, Lost} = news(Watched, 2000),
    {{moved, {tcp, _, To}}, Moved} = news(Lost, ?TIMEOUT),
    ?assertEqual(port(Lab, Other), To),
    stop(Moved, Lab).

%% Without replicas there is the master, or nobody.
no_replicas(Config) ->
    Lab = start(#{server => server(Config), replicas => 0}),
    Master = port(Lab, master(Lab)),
    {none, no_replica, Text} = found(source((target(Lab))#{read_from => replica})),
    ?assertMatch({match, _}, re:run(Text, "no replica that is up")),
    {found, Master, Source} = found(source((target(Lab))#{read_from => prefer_replica})),
    stop(Source, Lab).

%% A source, as a server uses it

server(Context) ->
    #{server := Server} = ?config(server, Context),
    Server.

source(Target) ->
    {ok, #{source := Spec} = Options} = eslaver_options:parse(Target),
    eslaver_source:new(Spec, Options).

found(Source) ->
    found(?NO_NEED, Source).

%% The port. A source that finds nobody is closed.
found(Need, Source) ->
    case eslaver_source:find(Need, Source) of
        {found, {tcp, _, Port}, Next} ->
            {found, Port, Next};
        {asked, Next} ->
            case news(Next, ?TIMEOUT) of
                {{found, {tcp, _, Port}}, Last} ->
                    {found, Port, Last};
                {{none, Reason, Text}, Last} ->
                    ct:pal("~p: ~ts", [Reason, Text]),
                    ok = eslaver_source:close(Last),
                    {none, Reason, Text}
            end
    end.

%% What it tells by itself.
news(Source, Timeout) ->
    Deadline = now_ms() + Timeout,
    receive
        Message ->
            case eslaver_source:handle(Message, ?NO_NEED, Source) of
                {nothing, Next} -> news(Next, max(Deadline - now_ms(), 0));
                {News, Next} -> {News, Next}
            end
    after Timeout -> {nothing, Source}
    end.

stop(Source, Lab) ->
    ok = eslaver_source:close(Source),
    eslaver_test_sentinels:stop(Lab).

now_ms() -> erlang:monotonic_time(millisecond).

%% The processes behind it

groups_watched() ->
    {links, Links} = process_info(whereis(eslaver_sentinels), links),
    Links.

watcher() ->
    case whereis(eslaver_sentinels) of
        undefined ->
            undefined;
        _ ->
            [Watcher] = groups_watched(),
            Watcher
    end.

members() ->
    {links, Links} = process_info(watcher(), links),
    lists:delete(whereis(eslaver_sentinels), Links).

%% The Sentinels that are watched, by their addresses.
watched() ->
    Targets = [element(4, sys:get_state(Member)) || Member <- members()],
    lists:sort([{Host, Port} || #{address := {tcp, Host, Port}} <- Targets]).

are_known(Lab, Sentinels) ->
    Expected = lists:sort([port(Lab, Sentinel) || Sentinel <- Sentinels]),
    true = eslaver_test_wait:until(fun() ->
        lists:sort([Port || {_, Port} <- watched()]) =:= Expected
    end),
    ok.

%% Whether no client that subscribes is left.
no_clients(Lab) ->
    lists:all(
        fun(Sentinel) ->
            Client = connect(Lab, Sentinel),
            List = eslaver_test_client:ok(Client, ["CLIENT", "LIST"]),
            ok = eslaver_test_client:close(Client),
            string:find(List, "cmd=subscribe") =:= nomatch
        end,
        sentinels(Lab)
    ).
