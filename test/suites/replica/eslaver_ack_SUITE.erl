%% What a master is told of the replica: an acknowledgement means that the callback has returned.
-module(eslaver_ack_SUITE).

-include_lib("common_test/include/ct.hrl").
-include_lib("stdlib/include/assert.hrl").

-compile([export_all, nowarn_export_all]).

suite() ->
    [{timetrap, {minutes, 2}}].

all() ->
    eslaver_test_groups:all(groups()).

groups() ->
    eslaver_test_groups:per_server(
        eslaver_test_servers:spread(), [parallel], eslaver_test_groups:cases(?MODULE)
    ).

init_per_group(Name, Config) ->
    eslaver_test_groups:server(Name, Config).

end_per_group(_Name, _Config) ->
    ok.

init_per_testcase(Case, Config) ->
    #{server := Server} = ?config(server, Config),
    Own =
        case Case of
            counts_for_min_replicas -> [{"min-replicas-to-write", "1"}];
            _ -> []
        end,
    Master = eslaver_test_master:start(#{server => Server, config => Own}),
    [{master, Master}, {client, eslaver_test_client:connect(Master)} | Config].

end_per_testcase(_Case, Config) ->
    eslaver_test_master:stop(?config(master, Config)).

%% WAIT takes as long as the callback does.
slow_callback(Config) ->
    Replica = replica(Config, fun
        ({stream, "set", [<<"slow">> | _]}) -> timer:sleep(2000);
        (_) -> ok
    end),
    Client = ?config(client, Config),
    Begun = erlang:monotonic_time(millisecond),
    <<"OK">> = eslaver_test_client:ok(Client, ["SET", "slow", "x"]),
    ?assertEqual(1, eslaver_test_client:ok(Client, ["WAIT", 1, 0])),
    Took = erlang:monotonic_time(millisecond) - Begun,
    ct:log("~b ms", [Took]),
    ?assert(Took >= 1990 andalso Took < 10_000),
    eslaver:stop(Replica).

%% As long as the callback has not returned, nothing of it is acknowledged.
blocked_callback(Config) ->
    Self = self(),
    Replica = replica(Config, fun
        ({stream, "set", [<<"blocked">> | _]}) ->
            Self ! {blocked, self()},
            receive
                go_on -> ok
            end;
        (_) ->
            ok
    end),
    Client = ?config(client, Config),
    <<"OK">> = eslaver_test_client:ok(Client, ["SET", "before", "x"]),
    ?assertEqual(1, eslaver_test_client:ok(Client, ["WAIT", 1, 0])),
    <<"OK">> = eslaver_test_client:ok(Client, ["SET", "blocked", "x"]),
    receive
        {blocked, Replica} -> ok
    after 30_000 -> error(event_does_not_come)
    end,
    ?assertEqual(0, eslaver_test_client:ok(Client, ["WAIT", 1, 1500])),
    Replica ! go_on,
    ?assertEqual(1, eslaver_test_client:ok(Client, ["WAIT", 1, 0])),
    eslaver:stop(Replica).

%% A request for an acknowledgement does not wait for the next heartbeat, a second later.
at_once(Config) ->
    Replica = replica(Config, fun(_) -> ok end),
    Client = ?config(client, Config),
    Begun = erlang:monotonic_time(millisecond),
    _ = [
        begin
            <<"OK">> = eslaver_test_client:ok(Client, ["SET", "k", N]),
            1 = eslaver_test_client:ok(Client, ["WAIT", 1, 0])
        end
     || N <- lists:seq(1, 20)
    ],
    Took = erlang:monotonic_time(millisecond) - Begun,
    ct:log("~b ms", [Took]),
    ?assert(Took < 5_000),
    eslaver:stop(Replica).

%% A transaction is acknowledged when the callback has had its EXEC.
in_a_transaction(Config) ->
    Self = self(),
    Replica = replica(Config, fun
        %% Long enough for the master to be told, if it were to be.
        ({stream, "set", _}) ->
            timer:sleep(20);
        ({stream, "exec", []}) ->
            Self ! {blocked, self()},
            receive
                go_on -> ok
            end;
        (_) ->
            ok
    end),
    Client = ?config(client, Config),
    <<"OK">> = eslaver_test_client:ok(Client, ["SET", "before", "x"]),
    ?assertEqual(1, eslaver_test_client:ok(Client, ["WAIT", 1, 0])),
    Before = binary_to_integer(eslaver_test_client:info(Client, "master_repl_offset")),
    Commands = [["MULTI"], ["SET", "a", 1], ["SET", "b", 2], ["EXEC"]],
    _ = eslaver_test_client:pipeline(Client, Commands),
    receive
        {blocked, Replica} -> ok
    after 30_000 -> error(event_does_not_come)
    end,
    ?assertEqual(0, eslaver_test_client:ok(Client, ["WAIT", 1, 1500])),
    %% Nothing of it, except a PING that may have come before.
    Line = eslaver_test_client:info(Client, "slave0"),
    {match, [Told]} = re:run(Line, "offset=([0-9]+)", [{capture, [1], list}]),
    ?assert(list_to_integer(Told) =< Before + 14),
    Replica ! go_on,
    ?assertEqual(1, eslaver_test_client:ok(Client, ["WAIT", 1, 0])),
    eslaver:stop(Replica).

%% With the position kept on disk, WAITAOF counts this replica.
durable(Config) ->
    case knows_waitaof(Config) of
        false ->
            {skip, "the server has no WAITAOF"};
        true ->
            #{name := Name} = ?config(server, Config),
            File = filename:join(?config(priv_dir, Config), [Name, ".position"]),
            Self = self(),
            Callback = fun
                ({stream, "set", [<<"blocked">> | _]}) ->
                    Self ! {blocked, self()},
                    receive
                        go_on -> ok
                    end;
                (_) ->
                    ok
            end,
            Replica = replica(Config, Callback, #{resume => {file, File}}),
            Client = ?config(client, Config),
            <<"OK">> = eslaver_test_client:ok(Client, ["SET", "k", "x"]),
            ?assertMatch([_, 1], eslaver_test_client:ok(Client, ["WAITAOF", 0, 1, 20_000])),
            %% What was counted is in the file.
            {ok, Kept} = file:read_file(File),
            [_, _, _, _, Offset | _] = string:lexemes(Kept, " \n"),
            ?assert(binary_to_integer(Offset) > 0),
            <<"OK">> = eslaver_test_client:ok(Client, ["SET", "blocked", "x"]),
            receive
                {blocked, Replica} -> ok
            after 30_000 -> error(event_does_not_come)
            end,
            ?assertMatch([_, 0], eslaver_test_client:ok(Client, ["WAITAOF", 0, 1, 1500])),
            Replica ! go_on,
            ?assertMatch([_, 1], eslaver_test_client:ok(Client, ["WAITAOF", 0, 1, 20_000])),
            eslaver:stop(Replica)
    end.

%% With a store of positions, WAITAOF counts what that has taken.
durable_in_a_store(Config) ->
    case knows_waitaof(Config) of
        false ->
            {skip, "the server has no WAITAOF"};
        true ->
            Table = ets:new(store, [public]),
            true = ets:insert(Table, {behaviour, good}),
            Replica = replica(Config, fun(_) -> ok end, #{
                resume => {eslaver_test_position_store, {self(), Table}}
            }),
            Client = ?config(client, Config),
            <<"OK">> = eslaver_test_client:ok(Client, ["SET", "k", "x"]),
            ?assertMatch([_, 1], eslaver_test_client:ok(Client, ["WAITAOF", 0, 1, 20_000])),
            ?assertMatch([{position, #{}}], ets:lookup(Table, position)),
            true = ets:insert(Table, {behaviour, {return, {error, full}}}),
            <<"OK">> = eslaver_test_client:ok(Client, ["SET", "k", "y"]),
            ?assertEqual(1, eslaver_test_client:ok(Client, ["WAIT", 1, 20_000])),
            ?assertMatch([_, 0], eslaver_test_client:ok(Client, ["WAITAOF", 0, 1, 1500])),
            true = ets:insert(Table, {behaviour, good}),
            ?assertMatch([_, 1], eslaver_test_client:ok(Client, ["WAITAOF", 0, 1, 20_000])),
            eslaver:stop(Replica)
    end.

not_durable(Config) ->
    case knows_waitaof(Config) of
        false ->
            {skip, "the server has no WAITAOF"};
        true ->
            Replica = replica(Config, fun(_) -> ok end),
            Client = ?config(client, Config),
            <<"OK">> = eslaver_test_client:ok(Client, ["SET", "k", "x"]),
            ?assertEqual(1, eslaver_test_client:ok(Client, ["WAIT", 1, 0])),
            ?assertMatch([_, 0], eslaver_test_client:ok(Client, ["WAITAOF", 0, 1, 2000])),
            eslaver:stop(Replica)
    end.

knows_waitaof(Context) ->
    case ?config(server, Context) of
        #{family := redis, version := Version} -> Version >= {7, 2, 0};
        #{family := valkey} -> true
    end.

%% INFO and ROLE of the master have the offset that it is at itself.
offset_when_idle(Config) ->
    Replica = replica(Config, fun(_) -> ok end),
    Client = ?config(client, Config),
    Commands = [["SET", ["k", integer_to_list(N)], N] || N <- lists:seq(1, 1000)],
    _ = eslaver_test_client:pipeline(Client, Commands),
    Offset = eslaver_test_wait:until(fun() ->
        At = eslaver_test_client:info(Client, "master_repl_offset"),
        Line = eslaver_test_client:info(Client, "slave0"),
        string:find(Line, <<"offset=", At/binary, ",">>) =/= nomatch andalso binary_to_integer(At)
    end),
    ?assert(Offset > 30_000),
    ?assertMatch(#{offset := At, lag := 0} when At >= Offset, eslaver:info(Replica)),
    #{replid := Replid} = eslaver:info(Replica),
    ?assertEqual(eslaver_test_client:info(Client, "master_replid"), Replid),
    eslaver:stop(Replica).

counts_for_min_replicas(Config) ->
    Client = ?config(client, Config),
    Write = fun() -> eslaver_test_client:command(Client, ["SET", "k", "x"]) end,
    ?assertMatch({error, <<"NOREPLICAS", _/binary>>}, Write()),
    Replica = replica(Config, fun(_) -> ok end),
    true = eslaver_test_wait:until(fun() -> Write() =:= <<"OK">> end),
    ok = eslaver:stop(Replica),
    true = eslaver_test_wait:until(fun() -> Write() =/= <<"OK">> end),
    ok.

role_and_client_list(Config) ->
    Announced = #{announce_port => 7777, announce_ip => "10.1.2.3"},
    Replica = replica(Config, fun(_) -> ok end, Announced),
    Client = ?config(client, Config),
    ?assertMatch(
        [<<"master">>, _, [[<<"10.1.2.3">>, <<"7777">>, _]]],
        eslaver_test_client:ok(Client, ["ROLE"])
    ),
    ?assertMatch(
        <<"ip=10.1.2.3,port=7777,state=online", _/binary>>,
        eslaver_test_client:info(Client, "slave0")
    ),
    List = eslaver_test_client:ok(Client, ["CLIENT", "LIST", "TYPE", "replica"]),
    ?assertMatch([_], string:lexemes(List, "\n")),
    ?assertMatch({match, _}, re:run(List, "flags=S .*cmd=replconf")),
    eslaver:stop(Replica).

replica(Config, Callback) ->
    replica(Config, Callback, #{}).

%% Online, as the master sees it.
replica(Config, Callback, Options) ->
    Target = eslaver_test_replica:target(?config(master, Config)),
    {ok, Replica} = eslaver:start_link(maps:merge(Target#{callback => Callback}, Options)),
    ok = eslaver:await(Replica, loaded, 30_000),
    true = eslaver_test_wait:until(fun() ->
        Line = eslaver_test_client:info(?config(client, Config), "slave0"),
        Line =/= none andalso string:find(Line, "state=online") =/= nomatch
    end),
    Replica.
