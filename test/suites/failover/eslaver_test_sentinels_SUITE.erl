%% The lab of the suites in this folder (eslaver_test_sentinels), by itself: without it none of them
%% says anything.
-module(eslaver_test_sentinels_SUITE).

-include_lib("common_test/include/ct.hrl").
-include_lib("stdlib/include/assert.hrl").

-import(eslaver_test_sentinels, [
    start/1, servers/1, sentinels/1, port/2, connect/2, master/1, replicas/1
]).
-import(eslaver_test_sentinels, [elected/1, views/1, await_election/2, settled/1]).

-compile([export_all, nowarn_export_all]).

-define(PASSWORDS, #{password => "of-servers", sentinel_password => "of-sentinels"}).

suite() ->
    [{timetrap, {minutes, 3}}].

all() ->
    eslaver_test_groups:all(groups()).

groups() ->
    Each = [failovers, partitioned],
    [{own, [], eslaver_test_groups:cases(?MODULE) -- Each}] ++
        eslaver_test_groups:per_server(eslaver_test_failover:chosen(2), Each).

init_per_group(own, Config) ->
    [{server, #{server => eslaver_test_servers:own()}} | Config];
init_per_group(Name, Config) ->
    eslaver_test_groups:server(Name, Config).

end_per_group(_Name, _Config) ->
    ok.

%% By each of the ways. The old master goes on as a replica, and what all had is kept.
failovers(Config) ->
    Lab = start(#{server => server(Config)}),
    ?assertEqual(hd(servers(Lab)), master(Lab)),
    _ = [ok = fails_over(Way, Lab) || Way <- [kill, pause, sentinel]],
    Elections = eslaver_test_sentinels:elections(Lab),
    Epochs = [Epoch || {Epoch, _, _} <- Elections],
    ?assertEqual({4, lists:usort(Epochs)}, {length(Epochs), Epochs}),
    Times = [At || {_, _, At} <- Elections],
    ?assertEqual(lists:sort(Times), Times),
    eslaver_test_sentinels:stop(Lab).

fails_over(Way, Lab) ->
    {_, Port, _} = Before = elected(Lab),
    Old = master(Lab),
    OldClient = connect(Lab, Old),
    <<"OK">> = eslaver_test_client:ok(OldClient, ["SET", Way, "kept"]),
    2 = eslaver_test_client:ok(OldClient, ["WAIT", 2, 0]),
    ok = eslaver_test_client:close(OldClient),
    After =
        case Way of
            kill ->
                ok = eslaver_test_master:kill(Old),
                fun eslaver_test_master:restart_empty/1;
            pause ->
                ok = eslaver_test_master:pause(Old),
                fun eslaver_test_master:continue/1;
            sentinel ->
                ok = eslaver_test_sentinels:fail_over(Lab),
                fun(_) -> ok end
        end,
    {_, Next, _} = await_election(Lab, Before),
    ?assertNotEqual(Port, Next),
    ok = After(Old),
    ok = settled(Lab),
    ?assertEqual({Next, true}, {port(Lab, master(Lab)), lists:member(Old, replicas(Lab))}),
    ?assertEqual([<<"kept">>, <<"kept">>, <<"kept">>], [get(Lab, S, Way) || S <- servers(Lab)]),
    ok.

%% A Sentinel that reaches nobody keeps its old view, also when the old master is back.
partitioned(Config) ->
    Lab = start(?PASSWORDS#{server => server(Config)}),
    [Alone | Others] = sentinels(Lab),
    Before = elected(Lab),
    {Epoch, Port, _} = Before,
    ok = eslaver_test_sentinels:partition(Lab, Alone),
    Old = master(Lab),
    ok = eslaver_test_master:kill(Old),
    {Higher, Next, _} = await_election(Lab, Before),
    Agree = fun() -> lists:usort([maps:get(S, views(Lab)) || S <- Others]) =:= [{Higher, Next}] end,
    true = eslaver_test_wait:until(Agree),
    ok = eslaver_test_master:restart(Old),
    true = eslaver_test_wait:until(fun() -> role(Lab, Old) =:= <<"slave">> end),
    ?assertEqual(#{Alone => {Epoch, Port}}, maps:without(Others, views(Lab))),
    ok = eslaver_test_sentinels:heal(Lab, Alone),
    ok = settled(Lab),
    ?assertEqual({Higher, Next}, maps:get(Alone, views(Lab))),
    eslaver_test_sentinels:stop(Lab).

%% `FAILOVER TO`: the Sentinels hear of it only later, and then they may choose another one.
handed_over(Config) ->
    Lab = start(#{server => server(Config)}),
    [To, _] = replicas(Lab),
    Before = elected(Lab),
    Old = master(Lab),
    ok = eslaver_test_sentinels:hand_over(Lab, To),
    true = eslaver_test_wait:until(fun() ->
        {role(Lab, Old), role(Lab, To)} =:= {<<"slave">>, <<"master">>}
    end),
    ?assertEqual(Before, elected(Lab)),
    {_, Port, _} = await_election(Lab, Before),
    ?assertNotEqual(port(Lab, Old), Port),
    ok = settled(Lab),
    eslaver_test_sentinels:stop(Lab).

%% A server comes back as a master, with what it has saved, or with nothing.
restarted(Config) ->
    Lab = start(#{server => server(Config), sentinels => 1, down_after => 60_000}),
    Master = master(Lab),
    Client = connect(Lab, Master),
    <<"OK">> = eslaver_test_client:ok(Client, ["SET", "k", "saved"]),
    true = eslaver_test_wait:until(fun() ->
        eslaver_test_client:command(Client, ["SAVE"]) =:= <<"OK">>
    end),
    <<"OK">> = eslaver_test_client:ok(Client, ["SET", "k", "lost"]),
    ok = eslaver_test_master:restart(Master),
    ?assertEqual({<<"master">>, <<"saved">>}, {role(Lab, Master), get(Lab, Master, "k")}),
    ok = eslaver_test_master:restart_empty(Master),
    ?assertEqual({<<"master">>, null}, {role(Lab, Master), get(Lab, Master, "k")}),
    [Replica, _] = replicas(Lab),
    ok = eslaver_test_master:restart_empty(Replica),
    ?assertEqual(<<"master">>, role(Lab, Replica)),
    eslaver_test_sentinels:stop(Lab).

%% Sentinels that are added and removed; one that is started again has not forgotten the epoch.
come_and_go(Config) ->
    Lab = start(#{server => server(Config)}),
    Before = elected(Lab),
    ok = eslaver_test_sentinels:fail_over(Lab),
    {Epoch, Port, _} = await_election(Lab, Before),
    ok = settled(Lab),
    [First, Second, Third] = sentinels(Lab),
    Fourth = eslaver_test_sentinels:add_sentinel(Lab),
    ok = settled(Lab),
    ok = eslaver_test_sentinels:remove_sentinel(Lab, First),
    ok = settled(Lab),
    ?assertEqual([Second, Third, Fourth], lists:sort(sentinels(Lab))),
    ok = eslaver_test_master:kill(Second),
    true = eslaver_test_wait:until(fun() -> maps:get(Second, views(Lab)) =:= none end),
    ok = eslaver_test_master:restart(Second),
    ok = settled(Lab),
    ?assertEqual({Epoch, Port}, maps:get(Second, views(Lab))),
    eslaver_test_sentinels:stop(Lab).

with_tls(Config) ->
    case eslaver_test_certificates:missing(server(Config)) of
        none ->
            Dir = ?config(priv_dir, Config),
            Tls = eslaver_test_certificates:make(Dir),
            Lab = start(?PASSWORDS#{server => server(Config), tls => Tls}),
            {_, Port, _} = elected(Lab),
            ?assertNotEqual(Port, eslaver_test_master:port(master(Lab))),
            ok = fails_over(kill, Lab),
            Options = [{cacertfile, maps:get(ca, Tls)}, {verify, verify_peer}],
            {ok, _} = application:ensure_all_started(ssl),
            lists:foreach(
                fun(Each) ->
                    {ok, Socket} = ssl:connect("localhost", port(Lab, Each), Options),
                    ok = ssl:close(Socket)
                end,
                sentinels(Lab) ++ servers(Lab)
            ),
            eslaver_test_sentinels:stop(Lab);
        Why ->
            {skip, Why}
    end.

server(Config) ->
    maps:get(server, ?config(server, Config)).

role(Lab, Server) ->
    eslaver_test_sentinels:field(Lab, Server, "role").

get(Lab, Server, Key) ->
    Client = connect(Lab, Server),
    Value = eslaver_test_client:ok(Client, ["GET", Key]),
    ok = eslaver_test_client:close(Client),
    Value.
