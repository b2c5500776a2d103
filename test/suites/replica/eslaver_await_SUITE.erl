%% Writes that are waited for until the callback has handled them, by the token that their client
%% gets from the master.
-module(eslaver_await_SUITE).

-include_lib("common_test/include/ct.hrl").
-include_lib("stdlib/include/assert.hrl").

-compile([export_all, nowarn_export_all]).

-define(TIMEOUT, 30_000).
%% Long enough to see that nothing is answered.
-define(SHORT, 200).
-define(WRITES, 300).

suite() ->
    [{timetrap, {minutes, 3}}, {ct_hooks, [eslaver_test_log_hook]}].

all() ->
    Alone = eslaver_test_groups:cases(?MODULE) -- on_each(),
    Alone ++ eslaver_test_groups:all(groups()).

groups() ->
    eslaver_test_groups:per_server(eslaver_test_servers:spread(), on_each()).

on_each() ->
    [handled, write_survives_a_failover, write_is_lost_in_a_failover].

init_per_group(Name, Config) ->
    eslaver_test_groups:server(Name, Config).

end_per_group(_Name, _Config) ->
    ok.

init_per_testcase(_Case, Config) ->
    Table = ets:new(handled, [public]),
    case ?config(server, Config) of
        undefined ->
            [{table, Table}, {server, #{server => eslaver_test_servers:own()}} | Config];
        _ ->
            [{table, Table} | Config]
    end.

%% Several clients, beside a replica whose callback takes its time.
handled(Config) ->
    Master = master(Config),
    Replica = replica(eslaver_test_master:port(Master), Config),
    Late = eslaver_test_parallel:map(
        fun(Key) ->
            Client = eslaver_test_client:connect(Master),
            [
                write_and_look(Key, integer_to_binary(N), Client, Replica, Config)
             || N <- lists:seq(1, ?WRITES)
            ]
        end,
        [<<"a">>, <<"b">>, <<"c">>]
    ),
    %% else all had been handled without waiting
    ?assert(lists:member(true, lists:append(Late))).

write_and_look(Key, Value, Client, Replica, Config) ->
    <<"OK">> = eslaver_test_client:ok(Client, ["SET", Key, Value]),
    Token = token(Client),
    Late = value(Key, Config) =/= Value,
    ?assertEqual(ok, eslaver:await(Replica, Token, ?TIMEOUT)),
    ?assertEqual(Value, value(Key, Config)),
    Late.

%% Nothing of a transaction counts as handled before its `exec' is.
transactions(Config) ->
    Master = master(Config),
    Client = eslaver_test_client:connect(Master),
    Replica = started(eslaver_test_master:port(Master), #{
        callback => {handler, eslaver_test_pausing_on_set_handler, {<<"pause">>, self()}}
    }),
    _ = eslaver_test_client:pipeline(Client, [
        ["SET", "before", "1"]
    ]),
    Before = token(Client),
    _ = eslaver_test_client:pipeline(Client, [
        ["MULTI"], ["SET", "first", "1"], ["SET", "pause", "1"], ["SET", "last", "1"], ["EXEC"]
    ]),
    {offset, Replid, Offset} = After = token(Client),
    receive
        paused -> ok
    after ?TIMEOUT -> error(not_paused)
    end,
    ?assertEqual(ok, eslaver:await(Replica, Before, ?TIMEOUT)),
    {offset, Replid, First} = Before,
    %% behind `multi' and the first command
    Within = {offset, Replid, First + (Offset - First) div 2},
    ?assertEqual({error, timeout}, eslaver:await(Replica, Within, ?SHORT)),
    Waiting = waiting(Replica, After),
    ok = eslaver:continue(Replica),
    ?assertEqual(ok, answer(Waiting)),
    ?assertEqual(ok, eslaver:await(Replica, Within, ?TIMEOUT)).

%% Of a batch that is held in its middle, what has been handled counts.
pauses(Config) ->
    Master = master(Config),
    Client = eslaver_test_client:connect(Master),
    Replica = started(eslaver_test_master:port(Master), #{
        callback => {handler, eslaver_test_pausing_on_set_handler, {<<"pause">>, self()}}
    }),
    Tokens = [
        begin
            <<"OK">> = eslaver_test_client:ok(Client, ["SET", Key, "1"]),
            token(Client)
        end
     || Key <- ["a", "pause", "b"]
    ],
    [Before, At, Behind] = [waiting(Replica, Token) || Token <- Tokens],
    ?assertEqual([ok, ok], [answer(Before), answer(At)]),
    ?assertEqual(none, answer(Behind, ?SHORT)),
    ok = eslaver:continue(Replica),
    ?assertEqual(ok, answer(Behind)).

%% What an earlier life has handled needs no master.
resumed(Config) ->
    Master = master(Config),
    Client = eslaver_test_client:connect(Master),
    Port = eslaver_test_master:port(Master),
    First = replica(Port, Config),
    <<"OK">> = eslaver_test_client:ok(Client, ["SET", "k", "1"]),
    {offset, Replid, Offset} = Token = token(Client),
    ?assertEqual(ok, eslaver:await(First, Token, ?TIMEOUT)),
    Position = eslaver:position(First),
    ok = eslaver:stop(First),
    ok = eslaver_test_master:kill(Master),
    {ok, Second} = eslaver:start_link((eslaver_test_replica:target(Port))#{
        callback => fun(_) -> ok end, resume => Position
    }),
    ?assertEqual(ok, eslaver:await(Second, Token, ?TIMEOUT)),
    ?assertEqual({error, timeout}, eslaver:await(Second, {offset, Replid, Offset + 1}, ?SHORT)),
    ?assertEqual({error, timeout}, eslaver:await(Second, loaded, ?SHORT)).

write_survives_a_failover(Config) ->
    Pair = eslaver_test_pair:start(?config(server, Config)),
    {First, _} = eslaver_test_pair:clients(Pair),
    Replica = replica(eslaver_test_pair:port(Pair), Config),
    ok = eslaver_test_pair:isolate(Pair),
    <<"OK">> = eslaver_test_client:ok(First, ["SET", "k", "1"]),
    Token = token(First),
    Waiting = waiting(Replica, Token),
    ok = eslaver_test_pair:in_step(Pair),
    ok = eslaver_test_pair:promote(Pair),
    ?assertEqual({error, timeout}, eslaver:await(Replica, Token, ?SHORT)),
    ok = eslaver_test_pair:lead(second, Pair),
    ?assertEqual(ok, answer(Waiting)),
    ?assertEqual(<<"1">>, value(<<"k">>, Config)).

write_is_lost_in_a_failover(Config) ->
    Pair = eslaver_test_pair:start(?config(server, Config)),
    {First, Second} = eslaver_test_pair:clients(Pair),
    Replica = replica(eslaver_test_pair:port(Pair), Config),
    ok = eslaver_test_pair:isolate(Pair),
    ok = eslaver_test_pair:promote(Pair),
    <<"OK">> = eslaver_test_client:ok(First, ["SET", "k", "lost"]),
    Waiting = waiting(Replica, token(First)),
    ok = eslaver_test_pair:lead(second, Pair),
    ?assertEqual({error, diverged}, answer(Waiting)),
    <<"OK">> = eslaver_test_client:ok(Second, ["SET", "k", "next"]),
    ?assertEqual(ok, eslaver:await(Replica, token(Second), ?TIMEOUT)),
    ?assertEqual(<<"next">>, value(<<"k">>, Config)).

%% Nothing is left of those who have given up or ended.
forgets_who_does_not_wait(Config) ->
    Replica = replica(eslaver_test_master:port(master(Config)), Config),
    Far = [{offset, 1_000_000_000 + N} || N <- lists:seq(1, 200)],
    Monitors = monitors(Replica),
    Killed = [waiting(Replica, Token) || Token <- Far],
    Late = eslaver_test_parallel:map(
        fun(Token) -> eslaver:await(Replica, Token, ?SHORT) end, Far
    ),
    ?assertEqual([{error, timeout}], lists:usort(Late)),
    true = eslaver_test_wait:until(fun() ->
        monitors(Replica) =:= Monitors + length(Killed)
    end),
    _ = [exit(Pid, kill) || Pid <- Killed],
    true = eslaver_test_wait:until(fun() -> monitors(Replica) =:= Monitors end).

monitors(Replica) ->
    {monitors, Monitors} = process_info(Replica, monitors),
    length(Monitors).

misuse(Config) ->
    Replica = replica(eslaver_test_master:port(master(Config)), Config),
    _ = [
        ?assertError(badarg, eslaver:await(Replica, Token, ?SHORT))
     || Token <- [{offset, <<"short">>, 1}, {offset, -1}, {offset, <<"1">>}, later]
    ],
    ?assertError(badarg, eslaver:token(<<"# Server\r\n">>)).

%% Helpers

master(Context) ->
    #{server := Path} = ?config(server, Context),
    eslaver_test_master:start(#{server => Path}).

%% Its callback notes the last value of each key, and is slow at times.
replica(Port, Config) ->
    Table = ?config(table, Config),
    started(Port, #{
        callback => fun
            ({stream, "set", [Key, Value]}) ->
                _ = erlang:phash2(Value, 10) =:= 0 andalso timer:sleep(2),
                ets:insert(Table, {Key, Value});
            (_Event) ->
                ok
        end
    }).

started(Port, Options) ->
    {ok, Replica} = eslaver:start_link(
        maps:merge(eslaver_test_replica:target(Port), Options)
    ),
    ok = eslaver:await(Replica, loaded, ?TIMEOUT),
    Replica.

value(Key, Config) ->
    case ets:lookup(?config(table, Config), Key) of
        [{Key, Value}] -> Value;
        [] -> none
    end.

token(Client) ->
    eslaver:token(eslaver_test_client:ok(Client, ["INFO", "replication"])).

waiting(Replica, Token) ->
    Test = self(),
    Pid = spawn(fun() -> Test ! {self(), eslaver:await(Replica, Token, ?TIMEOUT)} end),
    ok = eslaver_test_wait:blocked(Pid),
    Pid.

answer(Pid) ->
    case answer(Pid, ?TIMEOUT) of
        none -> error(no_answer);
        Answer -> Answer
    end.

answer(Pid, Timeout) ->
    receive
        {Pid, Answer} -> Answer
    after Timeout -> none
    end.
