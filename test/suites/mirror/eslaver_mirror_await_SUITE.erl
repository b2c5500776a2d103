%% Reads that wait for a write, by the token that its client gets from the master.
-module(eslaver_mirror_await_SUITE).

-include_lib("common_test/include/ct.hrl").
-include_lib("stdlib/include/assert.hrl").

-compile([export_all, nowarn_export_all]).

-define(M, mirror_of_suite).
-define(TIMEOUT, 30_000).
%% Long enough to see that nothing is answered.
-define(SHORT, 200).
-define(WRITES, 300).
-define(CLIENTS, 4).

suite() ->
    [
        {timetrap, {minutes, 3}},
        {ct_hooks, [eslaver_test_log_hook, {eslaver_test_mirror_hook, ?M}]}
    ].

all() ->
    Alone = eslaver_test_groups:cases(?MODULE) -- on_each(),
    Alone ++ eslaver_test_groups:all(groups()).

groups() ->
    eslaver_test_groups:per_server(eslaver_test_servers:spread(), on_each()).

on_each() ->
    [
        reads_own_writes,
        reads_own_transactions,
        write_survives_a_failover,
        write_is_lost_in_a_failover,
        waits_for_the_next_master,
        begins_anew
    ].

init_per_group(Name, Config) ->
    eslaver_test_groups:server(Name, Config).

end_per_group(_Name, _Config) ->
    ok.

init_per_testcase(_Case, Config) ->
    case ?config(server, Config) of
        undefined -> [{server, #{server => eslaver_test_servers:own()}} | Config];
        _ -> Config
    end.

%% What clients write

%% Several clients, each with a key of its own, beside a writer at full speed.
reads_own_writes(Config) ->
    Master = master(Config),
    ok = eslaver_test_proxied_mirror:attach(?M, eslaver_test_master:port(Master)),
    Noise = noise(Master),
    Late = eslaver_test_parallel:map(
        fun(Client) -> write_and_read(Client, Master) end, lists:seq(1, ?CLIENTS)
    ),
    ok = quiet(Noise),
    %% else the reads would have been right without waiting
    ?assert(lists:sum(Late) > 0).

write_and_read(Number, Master) ->
    Client = eslaver_test_client:connect(Master),
    Key = <<"own:", (integer_to_binary(Number))/binary>>,
    lists:sum([write_and_read(Key, integer_to_binary(N), Client) || N <- lists:seq(1, ?WRITES)]).

write_and_read(Key, Value, Client) ->
    <<"OK">> = eslaver_test_client:ok(Client, ["SET", Key, Value]),
    Token = token(Client),
    Late = eslaver_mirror:get(?M, Key) =/= Value,
    ?assertEqual(ok, eslaver_mirror:await(?M, Token, ?TIMEOUT)),
    ?assertEqual(Value, eslaver_mirror:get(?M, Key)),
    case Late of
        true -> 1;
        false -> 0
    end.

%% Of a transaction everything can be read, whether it is large or small.
reads_own_transactions(Config) ->
    Master = master(Config),
    ok = eslaver_test_proxied_mirror:attach(?M, eslaver_test_master:port(Master)),
    Noise = noise(Master),
    Client = eslaver_test_client:connect(Master),
    lists:foreach(
        fun(N) ->
            Value = integer_to_binary(N),
            Keys = [<<"t:", (integer_to_binary(K))/binary>> || K <- lists:seq(1, size_of(N))],
            Sets = [["SET", Key, Value] || Key <- Keys],
            _ = eslaver_test_client:pipeline(Client, [["MULTI"]] ++ Sets ++ [["EXEC"]]),
            ?assertEqual(ok, eslaver_mirror:await(?M, token(Client), ?TIMEOUT)),
            ?assertEqual([Value], lists:usort(eslaver_mirror:mget(?M, Keys)))
        end,
        lists:seq(1, 60)
    ),
    quiet(Noise).

size_of(N) when N rem 20 =:= 0 -> 5000;
size_of(_N) -> 3.

%% A server before Redis 4 tells of no history, and ROLE never does.
tokens_without_an_id(_Config) ->
    [#{server := Oldest} | _] = lists:sort(
        fun(#{version := A}, #{version := B}) -> A =< B end, eslaver_test_servers:available()
    ),
    Master = eslaver_test_master:start(#{server => Oldest}),
    ok = eslaver_test_proxied_mirror:attach(?M, eslaver_test_master:port(Master)),
    Client = eslaver_test_client:connect(Master),
    lists:foreach(
        fun(N) ->
            Value = integer_to_binary(N),
            <<"OK">> = eslaver_test_client:ok(Client, ["SET", "k", Value]),
            [<<"master">>, Offset | _] = eslaver_test_client:ok(Client, ["ROLE"]),
            ?assertEqual(ok, eslaver_mirror:await(?M, {offset, Offset}, ?TIMEOUT)),
            ?assertEqual(Value, eslaver_mirror:get(?M, <<"k">>))
        end,
        lists:seq(1, ?WRITES)
    ).

%% Beside a callback what can be read counts, not what that has handled.
does_not_wait_for_a_callback(Config) ->
    Master = master(Config),
    Test = self(),
    Slow = fun
        ({stream, "set", [<<"slow">> | _]}) ->
            Test ! {slow, self()},
            receive
                go_on -> ok
            end;
        (_Event) ->
            ok
    end,
    ok = eslaver_test_proxied_mirror:attach(?M, eslaver_test_master:port(Master), #{
        callback => Slow
    }),
    Client = eslaver_test_client:connect(Master),
    <<"OK">> = eslaver_test_client:ok(Client, ["SET", "slow", "1"]),
    Token = token(Client),
    ?assertEqual(ok, eslaver_mirror:await(?M, Token, ?TIMEOUT)),
    ?assertEqual(<<"1">>, eslaver_mirror:get(?M, <<"slow">>)),
    receive
        {slow, Replica} ->
            ?assertEqual({error, timeout}, eslaver:await(Replica, Token, ?SHORT)),
            Replica ! go_on,
            ?assertEqual(ok, eslaver:await(Replica, Token, ?TIMEOUT))
    after ?TIMEOUT -> error(callback_not_called)
    end.

%% Rows of projections count.
waits_for_rows(Config) ->
    Master = master(Config),
    Slow = fun(Key, Value) ->
        timer:sleep(20),
        {Key, Value}
    end,
    Projection = #{keys => <<"row:*">>, type => string, table => rows_of_await, map => Slow},
    ok = eslaver_test_proxied_mirror:attach(?M, eslaver_test_master:port(Master), #{
        project => [Projection]
    }),
    Client = eslaver_test_client:connect(Master),
    lists:foreach(
        fun(N) ->
            Value = integer_to_binary(N),
            <<"OK">> = eslaver_test_client:ok(Client, ["SET", "row:1", Value]),
            Token = token(Client),
            %% the data is there before the row is
            _ =
                N rem 2 =:= 0 andalso
                    eslaver_test_wait:until(fun() ->
                        eslaver_mirror:get(?M, <<"row:1">>) =:= Value
                    end),
            ?assertEqual(ok, eslaver_mirror:await(?M, Token, ?TIMEOUT)),
            ?assertEqual([{<<"row:1">>, Value}], ets:lookup(rows_of_await, <<"row:1">>))
        end,
        lists:seq(1, 20)
    ).

%% A swap with a db that is not mirrored leaves the data incomplete: what was written before it can
%% only be read after the full resync for it.
waits_while_data_is_incomplete(Config) ->
    Master = master(Config),
    ok = eslaver_test_proxied_mirror:attach(?M, eslaver_test_master:port(Master), #{
        filter => #{dbs => [0]}
    }),
    Client = eslaver_test_client:connect(Master),
    _ = eslaver_test_client:pipeline(Client, [
        ["SELECT", "1"], ["SET", "k", "swapped"], ["SWAPDB", "0", "1"]
    ]),
    ?assertEqual(ok, eslaver_mirror:await(?M, token(Client), ?TIMEOUT)),
    ?assertEqual(<<"swapped">>, eslaver_mirror:get(?M, <<"k">>)).

%% Masters that change

%% What the promoted server has of the old history can be read, under the old token.
write_survives_a_failover(Config) ->
    Pair = eslaver_test_pair:start(?config(server, Config)),
    {First, _} = eslaver_test_pair:clients(Pair),
    ok = eslaver_test_proxied_mirror:attach(?M, eslaver_test_pair:port(Pair)),
    ok = eslaver_test_pair:isolate(Pair),
    <<"OK">> = eslaver_test_client:ok(First, ["SET", "k", "1"]),
    {offset, _, Offset} = Token = token(First),
    Waiting = waiting(?M, Token),
    Short = waiting(?M, {offset, Offset}),
    ok = eslaver_test_pair:in_step(Pair),
    ok = eslaver_test_pair:promote(Pair),
    ?assertEqual({error, timeout}, eslaver_mirror:await(?M, Token, ?SHORT)),
    ok = eslaver_test_pair:lead(second, Pair),
    ?assertEqual([{ok, <<"1">>}, {ok, <<"1">>}], [answer(Pid) || Pid <- [Waiting, Short]]),
    ?assertEqual(ok, eslaver_mirror:await(?M, Token, ?TIMEOUT)).

%% What only the old master had is lost; what it wrote before is not.
write_is_lost_in_a_failover(Config) ->
    Pair = eslaver_test_pair:start(?config(server, Config)),
    {First, Second} = eslaver_test_pair:clients(Pair),
    ok = eslaver_test_proxied_mirror:attach(?M, eslaver_test_pair:port(Pair)),
    <<"OK">> = eslaver_test_client:ok(First, ["SET", "k", "kept"]),
    Kept = token(First),
    ok = eslaver_test_pair:in_step(Pair),
    ?assertEqual(ok, eslaver_mirror:await(?M, Kept, ?TIMEOUT)),
    ok = eslaver_test_pair:isolate(Pair),
    ok = eslaver_test_pair:promote(Pair),
    <<"OK">> = eslaver_test_client:ok(First, ["SET", "k", "lost"]),
    Lost = token(First),
    Waiting = waiting(?M, Lost),
    ok = eslaver_test_pair:lead(second, Pair),
    ?assertEqual({{error, diverged}, <<"kept">>}, answer(Waiting)),
    ?assertEqual({error, diverged}, eslaver_mirror:await(?M, Lost, ?TIMEOUT)),
    ?assertEqual(ok, eslaver_mirror:await(?M, Kept, ?TIMEOUT)),
    <<"OK">> = eslaver_test_client:ok(Second, ["SET", "k", "next"]),
    ?assertEqual(ok, eslaver_mirror:await(?M, token(Second), ?TIMEOUT)),
    ?assertEqual(<<"next">>, eslaver_mirror:get(?M, <<"k">>)).

%% A client that learned of the new master earlier than the mirror has a token of a history that the
%% mirror does not know yet.
waits_for_the_next_master(Config) ->
    Pair = eslaver_test_pair:start(?config(server, Config)),
    {_, Second} = eslaver_test_pair:clients(Pair),
    ok = eslaver_test_proxied_mirror:attach(?M, eslaver_test_pair:port(Pair)),
    ok = eslaver_test_pair:promote(Pair),
    <<"OK">> = eslaver_test_client:ok(Second, ["SET", "k", "next"]),
    Waiting = waiting(?M, token(Second)),
    ?assertEqual({error, timeout}, eslaver_mirror:await(?M, token(Second), ?SHORT)),
    ok = eslaver_test_pair:lead(second, Pair),
    ?assertEqual({ok, <<"next">>}, answer(Waiting)).

%% A master that has lost all begins a history that has nothing of the old one.
begins_anew(Config) ->
    Master = master(Config),
    ok = eslaver_test_proxied_mirror:attach(?M, eslaver_test_master:port(Master), #{
        empty_master_delay => 0
    }),
    Before = eslaver_test_client:connect(Master),
    <<"OK">> = eslaver_test_client:ok(Before, ["SET", "k", "1"]),
    Old = {offset, Replid, Offset} = token(Before),
    ?assertEqual(ok, eslaver_mirror:await(?M, Old, ?TIMEOUT)),
    Waiting = waiting(?M, {offset, Replid, Offset + 1000}),
    ok = eslaver_test_master:restart(Master),
    Client = eslaver_test_client:connect(Master),
    <<"OK">> = eslaver_test_client:ok(Client, ["SET", "k", "2"]),
    ?assertMatch({{error, diverged}, _}, answer(Waiting)),
    ?assertEqual({error, diverged}, eslaver_mirror:await(?M, Old, ?TIMEOUT)),
    <<"OK">> = eslaver_test_client:ok(Client, ["SET", "k", "3"]),
    ?assertEqual(ok, eslaver_mirror:await(?M, token(Client), ?TIMEOUT)),
    ?assertEqual(<<"3">>, eslaver_mirror:get(?M, <<"k">>)).

%% The process that replicates may end meanwhile.
survives_the_replica(Config) ->
    Master = master(Config),
    #{client := Client, proxy := Proxy} = eslaver_test_proxied_mirror:of_master(?M, Master),
    ok = eslaver_test_proxy:stall(Proxy),
    <<"OK">> = eslaver_test_client:ok(Client, ["SET", "k", "1"]),
    Waiting = waiting(?M, token(Client)),
    ok = eslaver_test_proxied_mirror:kill_replica(?M),
    ok = eslaver_test_proxy:flow(Proxy),
    ?assertEqual({ok, <<"1">>}, answer(Waiting)).

%% The file of a mirror says how far its data goes, before there is a master again.
answers_from_a_file(Config) ->
    Master = master(Config),
    Persist = #{persist => filename:join(?config(priv_dir, Config), "await.rdb")},
    Port = eslaver_test_master:port(Master),
    ok = eslaver_test_proxied_mirror:attach(?M, Port, Persist),
    Client = eslaver_test_client:connect(Master),
    <<"OK">> = eslaver_test_client:ok(Client, ["SET", "k", "1"]),
    {offset, Replid, Offset} = Token = token(Client),
    ?assertEqual(ok, eslaver_mirror:await(?M, Token, ?TIMEOUT)),
    ok = eslaver_mirror:stop(?M),
    ok = eslaver_test_master:kill(Master),
    ok = eslaver_test_proxied_mirror:attach(?M, Port, Persist),
    ?assertEqual(ok, eslaver_mirror:await(?M, Token, ?TIMEOUT)),
    ?assertEqual(<<"1">>, eslaver_mirror:get(?M, <<"k">>)),
    More = {offset, Replid, Offset + 1},
    ?assertEqual({error, timeout}, eslaver_mirror:await(?M, More, ?SHORT)).

%% Those who wait

%% Nothing is left of those who have given up or ended.
forgets_who_does_not_wait(Config) ->
    Master = master(Config),
    ok = eslaver_test_proxied_mirror:attach(?M, eslaver_test_master:port(Master)),
    Client = eslaver_test_client:connect(Master),
    {offset, Replid, Offset} = token(Client),
    Monitors = monitors(),
    Far = [{offset, Replid, Offset + 1_000_000 + N} || N <- lists:seq(1, 500)],
    Killed = [waiting(?M, Token) || Token <- Far],
    Late = eslaver_test_parallel:map(
        fun(Token) -> eslaver_mirror:await(?M, Token, ?SHORT) end, Far
    ),
    ?assertEqual([{error, timeout}], lists:usort(Late)),
    true = eslaver_test_wait:until(fun() -> monitors() =:= Monitors + length(Killed) end),
    _ = [exit(Pid, kill) || Pid <- Killed],
    true = eslaver_test_wait:until(fun() -> monitors() =:= Monitors end),
    <<"OK">> = eslaver_test_client:ok(Client, ["SET", "k", "1"]),
    ?assertEqual(ok, eslaver_mirror:await(?M, token(Client), ?TIMEOUT)).

monitors() ->
    {monitors, Monitors} = process_info(whereis(?M), monitors),
    length(Monitors).

%% Each of many is answered when its own write can be read.
answers_many(Config) ->
    #{client := Client, proxy := Proxy} = eslaver_test_proxied_mirror:of_master(?M, master(Config)),
    %% the stream flows, which is not so before the first acknowledgement
    <<"OK">> = eslaver_test_client:ok(Client, ["SET", "k", "0"]),
    ?assertEqual(ok, eslaver_mirror:await(?M, token(Client), ?TIMEOUT)),
    ok = eslaver_test_proxy:stall(Proxy),
    Commands = [[["SET", "k", N], ["INFO", "replication"]] || N <- lists:seq(1, 1000)],
    Replies = eslaver_test_client:pipeline(Client, lists:append(Commands)),
    Tokens = [eslaver:token(Info) || Info <- Replies, Info =/= <<"OK">>],
    Waiting = [{N, waiting(?M, Token)} || {N, Token} <- lists:enumerate(Tokens)],
    ok = eslaver_test_proxy:trickle(Proxy, 200),
    Read = [{N, answer(Pid)} || {N, Pid} <- Waiting],
    ?assertEqual([], [
        R
     || {N, {Answer, Value}} = R <- Read,
        Answer =/= ok orelse
            binary_to_integer(Value) < N
    ]),
    %% not all at the end
    ?assert(length(lists:usort([Value || {_, {ok, Value}} <- Read])) > 10).

misuse(Config) ->
    ok = eslaver_test_proxied_mirror:attach(?M, eslaver_test_master:port(master(Config))),
    _ = [
        ?assertError(badarg, eslaver_mirror:await(?M, Token, ?SHORT))
     || Token <- [{offset, <<"short">>, 1}, {offset, -1}, {offset, <<"1">>}, later]
    ],
    ?assertEqual({error, timeout}, eslaver_mirror:await(?M, {offset, 1 bsl 40}, 0)),
    ?assertEqual({error, not_running}, eslaver_mirror:await(no_mirror, {offset, 1}, ?SHORT)),
    Waiting = waiting(?M, {offset, 1 bsl 40}),
    ok = eslaver_mirror:stop(?M),
    ?assertMatch({{error, not_running}, _}, answer(Waiting)).

%% Helpers

master(Context) ->
    #{server := Path} = ?config(server, Context),
    eslaver_test_master:start(#{server => Path}).

token(Client) ->
    eslaver:token(eslaver_test_client:ok(Client, ["INFO", "replication"])).

%% A process that waits, and then reads the key k at once.
waiting(Mirror, Token) ->
    Test = self(),
    Pid = spawn(fun() ->
        Answer = eslaver_mirror:await(Mirror, Token, ?TIMEOUT),
        Test ! {self(), {Answer, eslaver_mirror:get(Mirror, <<"k">>)}}
    end),
    ok = eslaver_test_wait:blocked(Pid),
    Pid.

answer(Pid) ->
    receive
        {Pid, Answer} -> Answer
    after ?TIMEOUT -> error(no_answer)
    end.

%% Writes of another client, as many as it can make.
noise(Master) ->
    spawn_monitor(fun() -> make_noise(eslaver_test_client:connect(Master)) end).

make_noise(Client) ->
    _ = eslaver_test_client:pipeline(Client, [
        ["SET", ["noise:", integer_to_list(N)], binary:copy(<<"x">>, 100)]
     || N <- lists:seq(1, 500)
    ]),
    receive
        quiet -> ok
    after 0 -> make_noise(Client)
    end.

quiet({Pid, Monitor}) ->
    Pid ! quiet,
    receive
        {'DOWN', Monitor, process, Pid, Reason} -> ?assertEqual(normal, Reason)
    end.
