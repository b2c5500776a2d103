%% Readers of a mirror that ends, is killed, restarts, loses its replica or holds still for them:
%% they get what is of one moment of one mirror, or an error.
-module(eslaver_mirror_readers_SUITE).

-include_lib("stdlib/include/assert.hrl").

-compile([export_all, nowarn_export_all]).

-define(M, mirror_of_suite).
-define(TIMEOUT, 30_000).

suite() ->
    [{timetrap, {minutes, 3}}, {ct_hooks, [eslaver_test_log_hook, {eslaver_test_mirror_hook, ?M}]}].

all() ->
    eslaver_test_groups:cases(?MODULE).

%% A master with a proxy before it. Each case starts its mirror.
init_per_testcase(_Case, Config) ->
    Master = eslaver_test_master:start(#{server => eslaver_test_servers:own(), owner => none}),
    Client = eslaver_test_client:connect(Master),
    _ = eslaver_test_client:ok(Client, ["MSET", "a", "1", "b", "1"]),
    ok = eslaver_test_client:close(Client),
    [{master, Master} | Config].

end_per_testcase(_Case, Config) ->
    eslaver_test_master:stop(proplists:get_value(master, Config)).

%% Another mirror of the name, whose tables are written as often as those of the first.
generations_are_not_mixed(Config) ->
    #{client := Client} = Started = started(Config),
    Runs = counters:new(1, []),
    Read = fun() ->
        ok = counters:add(Runs, 1, 1),
        One = eslaver_mirror:get(?M, <<"a">>),
        ok = first_time(Runs, fun() ->
            ok = eslaver_mirror:stop(?M),
            _ = eslaver_test_client:ok(Client, ["MSET", "a", "2", "b", "2"]),
            ok = start_mirror(Started)
        end),
        {One, eslaver_mirror:get(?M, <<"b">>)}
    end,
    ?assertEqual({<<"2">>, <<"2">>}, eslaver_mirror:read(?M, Read)),
    ?assertEqual(2, counters:get(Runs, 1)).

first_time(Runs, Do) ->
    case counters:get(Runs, 1) of
        1 -> outside(Do);
        _ -> ok
    end.

%% The result in another process.
outside(Do) ->
    {Pid, Monitor} = spawn_monitor(fun() ->
        process_flag(trap_exit, true),
        Result = Do(),
        %% what it has started is not to end with it
        exit_later({did, Result})
    end),
    receive
        {'DOWN', Monitor, process, Pid, {did, Result}} -> Result;
        {'DOWN', Monitor, process, Pid, Reason} -> error(Reason)
    end.

exit_later(Result) ->
    {links, Links} = process_info(self(), links),
    lists:foreach(fun(Link) -> unlink(Link) end, Links),
    exit(Result).

%% One key is answered, the next is not, as the mirror has ended between them.
failures_and_values_are_not_mixed(Config) ->
    Started = started(Config),
    Runs = counters:new(1, []),
    Read = fun(Between) ->
        fun() ->
            ok = counters:add(Runs, 1, 1),
            One = eslaver_mirror:get(?M, <<"a">>),
            ok = first_time(Runs, Between),
            {One, eslaver_mirror:get(?M, <<"b">>)}
        end
    end,
    None = {error, not_running},
    ?assertEqual({None, None}, eslaver_mirror:read(?M, Read(fun() -> eslaver_mirror:stop(?M) end))),
    ok = counters:put(Runs, 1, 0),
    ?assertEqual(
        {<<"1">>, <<"1">>},
        eslaver_mirror:read(?M, Read(fun() -> start_mirror(Started) end))
    ).

%% What is read while the mirror holds still stays, whatever happens to the link.
replica_ends_while_held(Config) ->
    #{client := Client} = Started = started(Config),
    Kill = fun() ->
        ok = eslaver_test_proxied_mirror:kill_replica(?M),
        true = eslaver_test_wait:until(fun() -> eslaver_mirror:status(?M) =:= stale end),
        ok
    end,
    {Old, New} = held(Started, Kill),
    ?assertEqual(Old, New),
    ok = caught_up(Client).

link_drops_while_held(Config) ->
    #{client := Client, proxy := Proxy, master := Master} = Started = started(Config),
    Drop = fun() ->
        ok = eslaver_test_proxy:target(Proxy, none),
        ok = eslaver_test_proxy:cut(Proxy)
    end,
    {Old, New} = held(Started, Drop),
    ?assertEqual(Old, New),
    ok = eslaver_test_proxy:target(Proxy, Master),
    ok = caught_up(Client).

%% It reads the new mirror's data.
mirror_is_killed_while_held(Config) ->
    Started = started(Config),
    Kill = fun() ->
        true = exit(whereis(?M), kill),
        true = eslaver_test_wait:until(fun() -> whereis(?M) =:= undefined end),
        ok = start_mirror(Started)
    end,
    {Old, New} = held(Started, Kill),
    ?assertEqual(Old, New).

%% A replica whose link waits for a reader ends by itself: it is not killed.
mirror_is_stopped_while_held(Config) ->
    #{client := Client} = started(Config),
    Monitor = monitor(process, eslaver_test_proxied_mirror:replica(?M)),
    _Hold = eslaver_mirror_holds:hold(?M),
    _ = eslaver_test_client:ok(Client, ["SET", "a", "2"]),
    true = waits_for(self()),
    ok = eslaver_mirror:stop(?M),
    ?assertEqual(shutdown, reason(Monitor)).

%% Neither is the replica of a mirror that fails while it tells subscribers.
mirror_fails(Config) ->
    #{client := Client} = started(Config),
    Monitors = [
        monitor(process, Pid)
     || Pid <- [whereis(?M), eslaver_test_proxied_mirror:replica(?M)]
    ],
    {ok, _} = eslaver_mirror:subscribe(?M, #{}),
    ok = eslaver_test_replica:replace_in_state(?M, {subscriptions, broken}),
    _ = eslaver_test_client:ok(Client, ["SET", "a", "2"]),
    ?assertMatch([{mirror_failed, error, _}, shutdown], [reason(Monitor) || Monitor <- Monitors]).

%% What keeps a replica from being started again is logged once, and shown as long as it does.
replica_cannot_be_started(Config) ->
    Target = eslaver_test_replica:target(proplists:get_value(master, Config)),
    Broken = atomics:new(1, []),
    Password = fun() ->
        0 = atomics:get(Broken, 1),
        undefined
    end,
    {ok, _} = eslaver_mirror:start_link(Target#{name => ?M, master_auth => Password}),
    ok = eslaver_mirror:await(?M, loaded, ?TIMEOUT),
    ?assertMatch(#{start_error := undefined}, eslaver_mirror:info(?M)),
    ok = eslaver_test_log:clear(),
    ok = atomics:put(Broken, 1, 1),
    ok = eslaver_test_proxied_mirror:kill_replica(?M),
    true = eslaver_test_wait:until(fun() -> maps:get(restarts, eslaver_mirror:info(?M)) > 3 end),
    ?assertMatch(
        #{start_error := {invalid_option, master_auth, hidden}, status := stale},
        eslaver_mirror:info(?M)
    ),
    ?assertMatch([_], eslaver_test_log:await("mirror_of_suite.*cannot start the replica")),
    ok = atomics:put(Broken, 1, 0),
    true = eslaver_test_wait:until(fun() -> eslaver_mirror:status(?M) =:= fresh end),
    ?assertMatch(#{start_error := undefined}, eslaver_mirror:info(?M)).

reason(Monitor) ->
    receive
        {'DOWN', Monitor, process, _, Reason} -> Reason
    after ?TIMEOUT -> error(does_not_end)
    end.

%% A replica whose link waits for a reader tells its state.
info_while_held(Config) ->
    #{client := Client} = Started = started(Config),
    ok = streams(),
    Infos = fun() ->
        Since = erlang:monotonic_time(millisecond),
        Infos = [eslaver_mirror:info(?M) || _ <- lists:seq(1, 3)],
        %% gen_server's own time-out
        ?assert(erlang:monotonic_time(millisecond) - Since < 5000),
        [?assertMatch(#{status := fresh, replica := #{state := streaming}}, I) || I <- Infos],
        ok
    end,
    {Same, Same} = held(Started, Infos),
    ok = caught_up(Client),
    ?assertMatch(#{replica := #{state := streaming}, lag := 0}, eslaver_mirror:info(?M)).

streams() ->
    true = eslaver_test_wait:until(fun() ->
        #{status := Status, replica := #{state := State}} = eslaver_mirror:info(?M),
        {Status, State} =:= {fresh, streaming}
    end),
    ok.

%% Nor does a replica or a mirror that does nothing.
info_of_a_busy_replica(Config) ->
    _ = started(Config),
    ok = streams(),
    Replica = eslaver_test_proxied_mirror:replica(?M),
    [ok = sys:suspend(Process) || Process <- [Replica, ?M]],
    ?assertMatch(
        #{status := fresh, replica := #{state := streaming}, lag := 0}, eslaver_mirror:info(?M)
    ),
    ?assertMatch(#{state := streaming, lag := 0, event := undefined}, eslaver:info(Replica)),
    ?assertEqual(ok, eslaver_mirror:health(?M)),
    [ok = sys:resume(Process) || Process <- [Replica, ?M]].

%% Writes a key as long as the reader gets another one for it, which is until the mirror holds
%% still; then does that, and reads the key again.
held(#{client := Client}, Do) ->
    Runs = counters:new(1, []),
    Done = counters:new(1, []),
    Reader = self(),
    eslaver_mirror:read(?M, fun() ->
        ok = counters:add(Runs, 1, 1),
        Old = eslaver_mirror:get(?M, <<"a">>),
        Next = integer_to_binary(1000 + counters:get(Runs, 1)),
        _ =
            counters:get(Done, 1) =:= 0 andalso
                outside(fun() ->
                    _ = eslaver_test_client:ok(Client, ["SET", "a", Next]),
                    case eslaver_test_wait:until(fun() -> shows_or_waits(Next, Reader) end) of
                        shows ->
                            ok;
                        waits ->
                            ok = counters:add(Done, 1, 1),
                            Do()
                    end
                end),
        {Old, eslaver_mirror:get(?M, <<"a">>)}
    end).

shows_or_waits(Value, Reader) ->
    case eslaver_mirror:get(?M, <<"a">>) of
        Value -> shows;
        _ -> waits_for(Reader) andalso waits
    end.

%% The mirror holds still for this reader.
waits_for(Reader) ->
    {monitors, Monitors} = process_info(whereis(?M), monitors),
    lists:member({process, Reader}, Monitors).

%% A mirror under a supervisor that is killed: there is data, or an error.
killed_and_started_again(Config) ->
    Started = started(Config),
    Stop = atomics:new(1, []),
    Reads = [
        fun() -> eslaver_mirror:get(?M, <<"a">>) end,
        fun() -> eslaver_mirror:mget(?M, [<<"a">>, <<"b">>]) end,
        fun() -> eslaver_mirror:dbsize(?M) end,
        fun() -> eslaver_mirror:get({?M, 7}, <<"a">>) end,
        fun() -> eslaver_mirror:dbsize({?M, 7}) end,
        fun() -> eslaver_mirror:keys(?M, <<"a">>) end,
        fun() -> eslaver_mirror:exists(?M, <<"b">>) end
    ],
    Readers = [
        spawn_monitor(fun() -> exit(read_while(Stop, Read, [])) end)
     || Read <- Reads
    ],
    lists:foreach(
        fun(_) ->
            true = exit(whereis(?M), kill),
            true = eslaver_test_wait:until(fun() -> whereis(?M) =:= undefined end),
            ok = start_mirror(Started)
        end,
        lists:seq(1, 10)
    ),
    true = exit(whereis(?M), kill),
    true = eslaver_test_wait:until(fun() -> whereis(?M) =:= undefined end),
    Last = [eslaver_mirror:get(?M, <<"a">>), eslaver_mirror:get({?M, 7}, <<"a">>)],
    ?assertEqual([{error, not_running}, {error, not_running}], Last),
    ?assertEqual({error, not_running}, eslaver_mirror:dbsize(?M)),
    ?assertEqual(
        [{error, not_running}, {error, not_running}],
        eslaver_mirror:read(?M, fun() -> [eslaver_mirror:get(?M, K) || K <- [<<"a">>, <<"b">>]] end)
    ),
    ?assertEqual({error, not_running}, eslaver_mirror:status(?M)),
    ok = atomics:put(Stop, 1, 1),
    Seen = [
        receive
            {'DOWN', Monitor, process, Pid, Results} -> Results
        end
     || {Pid, Monitor} <- Readers
    ],
    Whole = [<<"1">>, [<<"1">>, <<"1">>], 2, undefined, 0, [<<"a">>], true],
    ?assertEqual([], [
        {Expected, Wrong}
     || {Expected, Results} <- lists:zip(Whole, Seen),
        [_ | _] = Wrong <- [Results -- [Expected, {error, not_running}, {error, loading}]]
    ]).

%% The different results.
read_while(Stop, Read, Results) ->
    case atomics:get(Stop, 1) of
        1 ->
            Results;
        0 ->
            read_while(Stop, Read, lists:usort([Read() | Results]))
    end.

%% A scan whose keys are removed meanwhile does not end as if it were complete.
scan_of_what_is_flushed(Config) ->
    #{client := Client} = started(Config),
    Names = [["many:", integer_to_list(N)] || N <- lists:seq(1, 2000)],
    [
        begin
            _ = eslaver_test_client:pipeline(Client, [["SET", Name, "v"] || Name <- Names]),
            ok = caught_up(Client),
            Meanwhile = fun
                (_Key, 0) ->
                    _ = eslaver_test_client:ok(Client, Flush),
                    ok = caught_up(Client),
                    true = eslaver_test_wait:until(fun() -> eslaver_mirror:dbsize(?M) < 2000 end),
                    1;
                (_Key, Count) ->
                    Count + 1
            end,
            ?assertEqual(
                {Flush, {error, replaced}},
                {Flush, eslaver_mirror:fold_keys(?M, Meanwhile, 0, #{match => <<"many:*">>})}
            )
        end
     || Flush <- [["FLUSHDB"], ["SWAPDB", "0", "1"], ["FLUSHALL"]]
    ],
    _ = eslaver_test_client:pipeline(Client, [["SET", Name, "v"] || Name <- Names]),
    ok = caught_up(Client),
    Count = fun(_Key, Count) -> Count + 1 end,
    ?assertEqual(2000, eslaver_mirror:fold_keys(?M, Count, 0, #{match => <<"many:*">>})).

%% It ends with its mirror: soon after it has begun, or when all keys have been seen.
scan_of_a_mirror_that_ends(Config) ->
    #{client := Client} = Started = started(Config),
    Names = [["many:", integer_to_list(N)] || N <- lists:seq(1, 2000)],
    _ = eslaver_test_client:pipeline(Client, [["SET", Name, "v"] || Name <- Names]),
    ok = caught_up(Client),
    Kill = fun() ->
        true = exit(whereis(?M), kill),
        true = eslaver_test_wait:until(fun() -> whereis(?M) =:= undefined end)
    end,
    Stop = fun() -> ok = eslaver_mirror:stop(?M) end,
    [
        begin
            Meanwhile = fun(_Key, Count) ->
                _ = Count =:= At andalso outside(End),
                Count + 1
            end,
            ?assertEqual(
                {At, {error, not_running}},
                {At, eslaver_mirror:fold_keys(?M, Meanwhile, 1, #{match => <<"many:*">>})}
            ),
            ok = start_mirror(Started)
        end
     || {End, At} <- [{Kill, 1}, {Stop, 1}, {Stop, 2000}]
    ],
    Again = fun(_Key, Count) ->
        _ =
            Count =:= 1 andalso
                outside(fun() ->
                    true = Kill(),
                    start_mirror(Started)
                end),
        Count + 1
    end,
    ?assertEqual({error, replaced}, eslaver_mirror:fold_keys(?M, Again, 1)).

%% Unknown requests do no harm.
unknown_requests(Config) ->
    _ = started(Config),
    Mirror = whereis(?M),
    ?assertEqual({error, unknown_request}, gen_server:call(?M, {no, such, request})),
    ok = gen_server:cast(?M, {no, such, request}),
    ?M ! {no, such, message},
    ?assertMatch(#{status := fresh}, eslaver_mirror:info(?M)),
    ?assertEqual(Mirror, whereis(?M)).

started(Context) ->
    eslaver_test_proxied_mirror:of_master(?M, proplists:get_value(master, Context)).

start_mirror(Started) ->
    eslaver_test_proxied_mirror:attach(?M, Started).

caught_up(Client) ->
    eslaver_test_proxied_mirror:caught_up(?M, Client).
