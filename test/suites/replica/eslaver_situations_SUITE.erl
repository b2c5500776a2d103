%% What an operator has to tell apart, from `info', `health' and the log alone: what it is, since
%% when, and what to do. Each is brought about with a real server.
-module(eslaver_situations_SUITE).

-include_lib("common_test/include/ct.hrl").
-include_lib("stdlib/include/assert.hrl").

-compile([export_all, nowarn_export_all]).

-define(TIMEOUT, 30_000).
-define(NAME, situations).
-define(MIRROR, mirror_of_suite).

suite() ->
    [{timetrap, {minutes, 1}}, {ct_hooks, [eslaver_test_log_hook]}].

all() ->
    eslaver_test_groups:cases(?MODULE).

init_per_testcase(_Case, Config) ->
    _ = process_flag(trap_exit, true),
    Config.

%% A callback may still hang.
end_per_testcase(_Case, _Config) ->
    lists:foreach(fun killed/1, [Pid || Name <- [?NAME, ?MIRROR], Pid <- [whereis(Name)]]).

killed(undefined) ->
    ok;
killed(Pid) ->
    Monitor = monitor(process, Pid),
    true = exit(Pid, kill),
    receive
        {'DOWN', Monitor, process, _, _} -> ok
    end.

master_down(_Config) ->
    Master = eslaver_test_master:start_own(),
    ok = streaming(Master, #{empty_master_delay => 0}),
    Healthy = eslaver:info(?NAME),
    ?assertMatch(#{last_error := undefined, next_try_in := undefined}, Healthy),
    ?assertEqual(ok, eslaver:health(?NAME)),
    Before = erlang:system_time(millisecond),
    ok = eslaver_test_master:kill(Master),
    Down = until(fun
        (#{state := waiting, last_error := #{reason := cannot_connect}} = Info) -> Info;
        (_) -> false
    end),
    ?assertMatch(
        #{next_try_in := In, lag := undefined, event := undefined} when is_integer(In), Down
    ),
    #{since := Since, last_error := #{at := At}, behind_for := BehindFor} = Down,
    ?assert(Since >= Before andalso At >= Before),
    ?assert(BehindFor > 0 andalso BehindFor =< erlang:system_time(millisecond) - Before + 100),
    {error, #{text := Text}} = eslaver:health(?NAME),
    tells(Text, "no link to .*\\(cannot_connect\\).*refused.*check that the master runs"),
    %% it is down since it went down, however often it has been tried
    Again = until(fun
        (#{state := waiting, reconnects := N} = Info) when N > 4 -> Info;
        (_) -> false
    end),
    ?assertMatch(#{since := Since}, Again),
    logged(Master, "link is down \\(closed\\)"),
    logged(Master, "no link \\(cannot_connect\\): .*refused"),
    %% healed
    ok = eslaver_test_master:restart(Master),
    Healed = until(fun
        (#{state := streaming} = Info) -> Info;
        (_) -> false
    end),
    ?assertMatch(
        #{last_error := undefined, next_try_in := undefined, reconnects := N} when N > 0, Healed
    ),
    ?assert(maps:get(since, Healed) >= Since),
    ?assertEqual(ok, eslaver:health(?NAME)),
    pal(Down).

wrong_password(_Config) ->
    Master = eslaver_test_master:start_own([{"requirepass", "right"}]),
    ok = start(Master, #{master_auth => "wrong"}),
    Refused = until(fun
        (#{last_error := #{reason := wrong_password}, state := waiting} = Info) -> Info;
        (_) -> false
    end),
    ?assertMatch(#{full_syncs := 0, offset := undefined}, Refused),
    {error, #{state := waiting, since := Since, text := Text}} = eslaver:health(?NAME),
    ?assert(Since =< erlang:system_time(millisecond)),
    tells(Text, "\\(wrong_password\\).*rejects.*set the options master_auth and master_user"),
    logged(Master, "no link \\(wrong_password\\): the master rejects this user and password"),
    pal(Refused).

master_loading(_Config) ->
    Filled = eslaver_test_master:start_own(),
    Client = eslaver_test_client:connect(Filled),
    _ = [
        eslaver_test_client:ok(Client, ["SET", ["key:", integer_to_list(N)], "value"])
     || N <- lists:seq(1, 500)
    ],
    Snapshot = eslaver_test_master:snapshot(Filled),
    ok = eslaver_test_master:stop(Filled),
    Master = eslaver_test_master:start(#{
        server => eslaver_test_servers:own(),
        config => [{"key-load-delay", "20000"}, {"loading-process-events-interval-bytes", "1024"}],
        files => [{"dump.rdb", Snapshot}],
        wait => answer
    }),
    ok = start(Master, #{}),
    Loading = until(fun
        (#{last_error := #{reason := loading}} = Info) -> Info;
        (_) -> false
    end),
    {error, #{text := Text}} = eslaver:health(?NAME),
    tells(Text, "\\(loading\\): the master is loading its data.*will be followed once"),
    logged(Master, "no link \\(loading\\): the master is loading its data"),
    ok = eslaver:await(?NAME, loaded, ?TIMEOUT),
    ?assertMatch(#{last_error := undefined, keys := 500}, eslaver:info(?NAME)),
    pal(Loading).

callback_lagging(_Config) ->
    Master = eslaver_test_master:start_own(),
    Client = eslaver_test_client:connect(Master),
    ok = streaming(Master, #{callback => hangs_at_append(), warn_lag => 100_000}),
    _ = eslaver_test_client:ok(Client, ["APPEND", "secret_key", "secret_value"]),
    Replica = hanging(),
    Value = binary:copy(<<"secret_value">>, 1000),
    _ = [eslaver_test_client:ok(Client, ["SET", "secret_key", Value]) || _ <- lists:seq(1, 200)],
    Lagging = until(fun
        (#{lagging := true} = Info) -> Info;
        (_) -> false
    end),
    ?assertMatch(
        #{
            state := streaming,
            last_error := undefined,
            event := #{type := <<"append">>, db := undefined, for := For},
            behind_for := BehindFor
        } when For > 0 andalso BehindFor >= 1000,
        Lagging
    ),
    {error, #{state := lagging, since := Since, text := Text}} = eslaver:health(?NAME),
    ?assert(erlang:system_time(millisecond) - Since >= 1000),
    tells(Text, "not everything has been handled for .*bytes are unhandled.*append in hand"),
    _ = eslaver_test_log:await("append in hand"),
    logged(Master, "[0-9]+ bytes are not handled, .* for [0-9]+ ms; .*append in hand"),
    ok = go_on(Replica),
    true = eslaver_test_wait:until(fun() -> eslaver:health(?NAME) =:= ok end),
    _ = eslaver_test_log:await("caught up"),
    _ = until(fun
        (#{lag := 0, behind_for := 0, event := undefined} = Info) -> Info;
        (_) -> false
    end),
    ?assertNot(eslaver_test_log:contains("secret_")),
    pal(Lagging).

backlog_lost(_Config) ->
    Master = eslaver_test_master:start_own([{"repl-backlog-size", "16384"}]),
    Client = eslaver_test_client:connect(Master),
    Proxy = eslaver_test_proxy:start(Master),
    ok = streaming(eslaver_test_proxy:port(Proxy), #{}),
    ok = eslaver_test_proxy:target(Proxy, none),
    ok = eslaver_test_proxy:cut(Proxy),
    _ = until(fun
        (#{state := waiting} = Info) -> Info;
        (_) -> false
    end),
    Value = binary:copy(<<"x">>, 1000),
    _ = [eslaver_test_client:ok(Client, ["SET", "key", Value]) || _ <- lists:seq(1, 100)],
    Before = erlang:system_time(millisecond),
    ok = eslaver_test_proxy:target(Proxy, Master),
    Lost = until(fun
        (#{state := streaming, full_syncs := 2} = Info) -> Info;
        (_) -> false
    end),
    ?assertMatch(
        #{partial_syncs := 0, last_sync := #{resync := full, why := backlog, at := At}} when
            At >= Before,
        Lost
    ),
    [Line] = eslaver_test_log:await("full sync instead of resuming"),
    tells(Line, "warning.*no longer has what follows: raise its repl-backlog-size"),
    pal(Lost).

%% The master has granted a snapshot, and takes its time to make it.
master_prepares(_Config) ->
    Master = eslaver_test_master:start_own([
        {"repl-diskless-sync", "no"}, {"rdb-key-save-delay", "10000"}
    ]),
    Client = eslaver_test_client:connect(Master),
    _ = [
        eslaver_test_client:ok(Client, ["SET", ["key:", integer_to_list(N)], "value"])
     || N <- lists:seq(1, 200)
    ],
    ok = start(Master, #{}),
    Waiting = until(fun
        (#{state := waiting_for_snapshot} = Info) -> Info;
        (_) -> false
    end),
    ?assertMatch(#{full_syncs := 0, last_error := undefined, next_try_in := undefined}, Waiting),
    {error, #{state := waiting_for_snapshot, text := Text}} = eslaver:health(?NAME),
    tells(Text, "the master prepares the snapshot"),
    ok = eslaver:await(?NAME, loaded, ?TIMEOUT),
    ?assertMatch(#{full_syncs := 1, keys := 200}, eslaver:info(?NAME)).

%% What has arrived and is not handled counts, wherever it is on its way.
lag_is_exact(_Config) ->
    Fake = eslaver_test_scripted_stream:fake(),
    ok = start(eslaver_test_fake_master:port(Fake), #{callback => hangs_at_append()}),
    ok = eslaver:await(?NAME, loaded, ?TIMEOUT),
    Append = eslaver_test_scripted_stream:send(Fake, ["APPEND key value"]),
    Replica = hanging(),
    ?assertMatch(#{lag := Append}, eslaver:info(?NAME)),
    Set = eslaver_test_scripted_stream:command(["SET", "key", binary:copy(<<"x">>, 1000)]),
    ok = eslaver_test_fake_master:send(Fake, binary:copy(Set, 600)),
    Lag = Append + 600 * byte_size(Set),
    _ = until(fun
        (#{lag := L} = Info) when L =:= Lag -> Info;
        (_) -> false
    end),
    ok = go_on(Replica),
    _ = until(fun
        (#{lag := 0, behind_for := 0} = Info) -> Info;
        (_) -> false
    end).

%% The master tells what it still has to send, while the callback hangs.
master_offset(_Config) ->
    Master = eslaver_test_master:start_own([{"requirepass", "right"}]),
    Client = eslaver_test_client:connect(Master),
    _ = eslaver_test_client:ok(Client, ["AUTH", "right"]),
    Options = #{master_offset_every => 50, master_auth => "right", warn_lag => infinity},
    ok = streaming(Master, Options#{callback => hangs_at_append()}),
    _ = until(fun
        (#{master_lag := Lag} = Info) when Lag =:= 0 -> Info;
        (_) -> false
    end),
    _ = eslaver_test_client:ok(Client, ["APPEND", "key", "value"]),
    Replica = hanging(),
    Value = binary:copy(<<"x">>, 20_000),
    _ = [eslaver_test_client:ok(Client, ["SET", "key", Value]) || _ <- lists:seq(1, 1000)],
    Behind = until(fun
        (#{master_lag := Lag} = Info) when Lag > 20_000_000 -> Info;
        (_) -> false
    end),
    ?assertMatch(#{lag := Lag, master_lag := Told} when Lag >= Told, Behind),
    ok = go_on(Replica),
    _ = until(fun
        (#{master_lag := 0, behind_for := 0} = Info) -> Info;
        (_) -> false
    end),
    ?assertEqual([], eslaver_test_log:matches("cannot ask the master")).

%% A mirror that has had something unapplied for too long is stale, and fresh again.
mirror_is_late(_Config) ->
    Master = eslaver_test_master:start_own(),
    Client = eslaver_test_client:connect(Master),
    Options = (eslaver_test_replica:target(Master))#{
        name => ?MIRROR,
        callback => hangs_at_append(),
        fresh_within => 500,
        serve_stale_data => false
    },
    {ok, _} = eslaver_mirror:start_link(Options),
    ok = eslaver_mirror:await(?MIRROR, loaded, ?TIMEOUT),
    true = eslaver_test_wait:until(fun() -> eslaver_mirror:status(?MIRROR) =:= fresh end),
    ?assertEqual(ok, eslaver_mirror:health(?MIRROR)),
    _ = eslaver_test_client:ok(Client, ["APPEND", "key", "value"]),
    Replica = hanging(),
    %% the callback holds the mirror back once some megabytes are on the way
    Value = binary:copy(<<"x">>, 10_000),
    _ = [eslaver_test_client:ok(Client, ["SET", "key", Value]) || _ <- lists:seq(1, 1000)],
    true = eslaver_test_wait:until(fun() -> eslaver_mirror:status(?MIRROR) =:= stale end),
    ?assertEqual({error, stale}, eslaver_mirror:get(?MIRROR, <<"key">>)),
    #{lag := Lag, behind_for := BehindFor, stale_for := StaleFor, replica := Held} =
        eslaver_mirror:info(?MIRROR),
    ?assert(Lag > 0 andalso BehindFor >= 500 andalso StaleFor =< BehindFor),
    ?assertMatch(#{state := streaming, event := #{type := <<"append">>}}, Held),
    {error, #{state := stale, text := Text}} = eslaver_mirror:health(?MIRROR),
    tells(Text, "not everything has been handled for .*unhandled"),
    ok = go_on(Replica),
    true = eslaver_test_wait:until(fun() -> eslaver_mirror:status(?MIRROR) =:= fresh end),
    ?assertEqual(ok, eslaver_mirror:health(?MIRROR)),
    ?assertEqual(Value, eslaver_mirror:get(?MIRROR, <<"key">>)).

not_running(_Config) ->
    ?assertMatch({error, #{state := not_running}}, eslaver:health(no_such_replica)),
    ?assertMatch({error, #{state := not_running}}, eslaver_mirror:health(no_such_mirror)).

%% Neither keys nor values are logged unless the option says so.
log_data(_Config) ->
    Failed = fun(LogData) ->
        Master = eslaver_test_master:start_own(),
        Client = eslaver_test_client:connect(Master),
        Raises = fun
            ({stream, "set", [_, Value]}) -> error({unexpected, Value});
            (_) -> ok
        end,
        ok = streaming(Master, #{callback => Raises, log_data => LogData}),
        Monitor = monitor(process, ?NAME),
        _ = eslaver_test_client:ok(Client, ["SET", "secret_key", "secret_value"]),
        receive
            {'DOWN', Monitor, process, _, _} -> ok
        after ?TIMEOUT -> error(does_not_end)
        end
    end,
    ok = Failed(false),
    [Line] = eslaver_test_log:await("replica situations.*the callback raised"),
    tells(Line, "error:unexpected at event \\{stream,\"set\"\\}, [0-9]+ bytes"),
    ?assertNot(eslaver_test_log:contains("secret_")),
    ok = Failed(true),
    ?assertMatch([_], eslaver_test_log:await("the callback raised.*secret_value")).

%% Helpers

%% A callback that hangs at an `APPEND' until it is told to go on.
hangs_at_append() ->
    Test = self(),
    fun
        ({stream, "append", _}) ->
            Test ! {hangs, self()},
            receive
                {Test, go_on} -> ok
            end;
        (_) ->
            ok
    end.

hanging() ->
    receive
        {hangs, Replica} -> Replica
    after ?TIMEOUT -> error(does_not_hang)
    end.

go_on(Replica) ->
    Replica ! {self(), go_on},
    ok.

start(Master, Options) ->
    Given = maps:merge(#{name => ?NAME, callback => fun(_) -> ok end}, Options),
    {ok, _} = eslaver:start_link(maps:merge(eslaver_test_replica:target(Master), Given)),
    ok.

streaming(Master, Options) ->
    ok = start(Master, Options),
    ok = eslaver:await(?NAME, loaded, ?TIMEOUT),
    _ = until(fun
        (#{state := streaming, behind_for := 0} = Info) -> Info;
        (_) -> false
    end),
    ok.

until(Select) ->
    eslaver_test_wait:until(fun() -> Select(eslaver:info(?NAME)) end).

tells(Text, Regex) ->
    ?assertMatch({match, _}, {re:run(Text, Regex, [caseless, dotall, {capture, none}]), Text}).

%% In one line of its log, with its name and its master's address.
logged(Master, Regex) ->
    Address = "127.0.0.1:" ++ integer_to_list(eslaver_test_master:port(Master)),
    Lines = eslaver_test_log:await("replica situations, master " ++ Address ++ ": " ++ Regex),
    ?assertMatch([_ | _], Lines),
    ct:pal("~ts", [hd(Lines)]).

pal(Info) ->
    ct:pal("~p", [Info]).
