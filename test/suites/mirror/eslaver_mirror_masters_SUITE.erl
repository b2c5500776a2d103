%% The mirror of masters that are unlike most: with what they send, or with what they do not know.
-module(eslaver_mirror_masters_SUITE).

-include_lib("stdlib/include/assert.hrl").

-compile([export_all, nowarn_export_all]).

-define(M, mirror_of_suite).
-define(TIMEOUT, 30_000).

suite() ->
    [{timetrap, {minutes, 3}}, {ct_hooks, [eslaver_test_log_hook, {eslaver_test_mirror_hook, ?M}]}].

all() ->
    eslaver_test_groups:cases(?MODULE).

%% Commands that put other tables in place of those there are, before and behind other writes.
flushes_within_transactions(_Config) ->
    Differ = eslaver_test_parallel:map(fun flushes_of/1, eslaver_test_servers:spread()),
    ?assertEqual([], lists:append(Differ)).

flushes_of(#{name := Name} = Server) ->
    {Subject, Running} = eslaver_test_mirrored_master:start(Server),
    Mirror = whereis(eslaver_test_mirrored_master:mirror(Running)),
    Differ = [
        {Name, Flush, Differences}
     || Flush <- flushes(),
        Step <- [flushing_transaction(Flush) | [flushing_script(Flush) || runs_scripts(Server)]],
        Differences <- [eslaver_test_convergence:replay(Subject, [filled(0), filled(1), Step])],
        Differences =/= []
    ],
    ?assertEqual(Mirror, whereis(eslaver_test_mirrored_master:mirror(Running))),
    ok = eslaver_test_mirrored_master:stop(Running),
    Differ.

flushes() ->
    [
        [["FLUSHALL"]],
        [["FLUSHDB"]],
        [["SWAPDB", "0", "2"]],
        [["SWAPDB", "0", "1"]],
        [["MOVE", "b", "3"]],
        [["FLUSHALL"], ["SWAPDB", "0", "3"]],
        [["SWAPDB", "0", "1"], ["FLUSHDB"], ["FLUSHALL"]],
        [["FLUSHDB"], ["FLUSHDB"]],
        [["FLUSHALL"], ["SELECT", "3"], ["SET", "d", "1"], ["SELECT", "0"]]
    ].

filled(Db) ->
    {Db, {command, words(["MSET", "a", "0", "b", "0"])}}.

%% The transaction begins in a db that has not been used.
flushing_transaction(Flush) ->
    Commands = [["SET", "a", "1"], ["RPUSH", "l", "1"]] ++ Flush ++ behind(),
    {0, {transaction, [{same, {command, words(Command)}} || Command <- Commands]}}.

flushing_script(Flush) ->
    Commands = [["SET", "a", "1"]] ++ Flush ++ behind(),
    {0, {script, [words(Command) || Command <- Commands]}}.

behind() ->
    [["SET", "b", "2"], ["HSET", "h", "f", "v"], ["APPEND", "b", "3"], ["SADD", "s", "m"]].

words(Command) ->
    [list_to_binary(Word) || Word <- Command].

%% From 7.0 on their scripts are sent as what they did, whatever they did before.
runs_scripts(#{version := Version}) ->
    Version >= {7, 0, 0}.

no_reader_sees_half_of_a_flush(_Config) ->
    #{client := Client} = started(#{}),
    _ = eslaver_test_client:ok(Client, ["MSET", "a", "0", "b", "0"]),
    ok = caught_up(Client),
    Stop = atomics:new(1, []),
    Reads = [
        fun() ->
            [Same, Same] = eslaver_mirror:read(?M, fun() ->
                [eslaver_mirror:get(?M, Key) || Key <- [<<"a">>, <<"b">>]]
            end),
            true = is_binary(Same)
        end,
        fun() ->
            [Same, Same] = eslaver_mirror:mget(?M, [<<"a">>, <<"b">>]),
            true = is_binary(Same)
        end,
        fun() -> 2 = eslaver_mirror:dbsize(?M) end,
        fun() -> [<<"a">>, <<"b">>] = lists:sort(eslaver_mirror:keys(?M, <<"*">>)) end
    ],
    Readers = [spawn_monitor(fun() -> read_while(Stop, Read) end) || Read <- Reads],
    Kinds = [["FLUSHALL"], ["FLUSHDB"], ["SWAPDB", "0", "1"]],
    Commands = [
        Command
     || N <- lists:seq(1, 300),
        Kind <- Kinds,
        Command <- [["MULTI"], Kind, ["SET", "a", N], ["SET", "b", N], ["EXEC"]]
    ],
    [] = [Error || {error, _} = Error <- eslaver_test_client:pipeline(Client, Commands)],
    ok = caught_up(Client),
    ok = atomics:put(Stop, 1, 1),
    [
        receive
            {'DOWN', Monitor, process, Pid, Reason} -> ?assertEqual(normal, Reason)
        end
     || {Pid, Monitor} <- Readers
    ],
    ok.

read_while(Stop, Read) ->
    case atomics:get(Stop, 1) of
        1 ->
            ok;
        0 ->
            _ = Read(),
            read_while(Stop, Read)
    end.

functions_are_flushed_within_a_transaction(_Config) ->
    #{client := Client} = started(#{}),
    Library = "#!lua name=lib\nredis.register_function('f', function() return 1 end)",
    _ = eslaver_test_client:pipeline(Client, [
        ["MULTI"],
        ["FUNCTION", "LOAD", Library],
        ["SET", "a", "1"],
        ["FUNCTION", "FLUSH"],
        ["FLUSHALL"],
        ["SET", "a", "2"],
        ["EXEC"]
    ]),
    ok = caught_up(Client),
    ?assertEqual(<<"2">>, eslaver_mirror:get(?M, <<"a">>)),
    ?assertEqual(#{}, eslaver_mirror:functions(?M)).

%% There are no offsets then: what is written is followed, and only a lost link costs a full sync.
no_psync(_Config) ->
    Config = [{"rename-command", ["PSYNC", ""]}],
    #{client := Client, proxy := Proxy, master := Master} =
        started(#{}, Config),
    Full = eslaver_test_client:info(Client, "sync_full"),
    Mirror = whereis(?M),
    lists:foreach(
        fun(N) ->
            _ = eslaver_test_client:ok(Client, ["SET", "k", N]),
            ok = shows(<<"k">>, integer_to_binary(N))
        end,
        lists:seq(1, 20)
    ),
    ?assertMatch(#{status := fresh, replid := undefined, restarts := 0}, eslaver_mirror:info(?M)),
    ?assertEqual(Full, eslaver_test_client:info(Client, "sync_full")),
    ok = eslaver_test_proxy:target(Proxy, none),
    ok = eslaver_test_proxy:cut(Proxy),
    true = eslaver_test_wait:until(fun() -> eslaver_mirror:status(?M) =:= stale end),
    ?assertEqual(<<"20">>, eslaver_mirror:get(?M, <<"k">>)),
    _ = eslaver_test_client:ok(Client, ["SET", "k", "missed"]),
    ok = eslaver_test_proxy:target(Proxy, Master),
    ok = shows(<<"k">>, <<"missed">>),
    ok = eslaver_test_proxied_mirror:kill_replica(?M),
    _ = eslaver_test_client:ok(Client, ["SET", "k", "missed again"]),
    ok = shows(<<"k">>, <<"missed again">>),
    ?assertEqual(
        binary_to_integer(Full) + 2, number(eslaver_test_client:info(Client, "sync_full"))
    ),
    ?assertEqual(Mirror, whereis(?M)).

%% What needs a full resync gets one, and whoever has subscribed is told.
no_psync_and_a_subscriber(_Config) ->
    Config = [{"rename-command", ["PSYNC", ""]}],
    Options = #{filter => #{dbs => [0]}},
    #{client := Client} = started(Options, Config),
    {ok, Ref} = eslaver_mirror:subscribe(?M, #{}),
    _ = eslaver_test_client:ok(Client, ["SET", "k", "1"]),
    receive
        {eslaver, Ref, {key, <<"set">>, <<"k">>, #{db := 0}}} -> ok
    after ?TIMEOUT -> error(not_told)
    end,
    _ = eslaver_test_client:pipeline(Client, [
        ["SELECT", "5"], ["SET", "k", "of 5"], ["SWAPDB", "0", "5"], ["SELECT", "0"]
    ]),
    receive
        {eslaver, Ref, {keys, resync, all, #{db := _, offset := _}}} -> ok
    after ?TIMEOUT -> error(not_told_of_the_resync)
    end,
    ok = shows(<<"k">>, <<"of 5">>).

number(Text) -> binary_to_integer(Text).

shows(Key, Value) ->
    true = eslaver_test_wait:until(fun() -> eslaver_mirror:get(?M, Key) =:= Value end),
    ok.

%% The version that a snapshot tells may be any text, and a number.
any_version(_Config) ->
    Versions = [
        string("unstable"),
        string("7"),
        string(""),
        string("df-v1.21.2"),
        string("7.x"),
        string("99999999999999999999.1"),
        string(<<255, 0, 254>>),
        %% 7, as an integer of 8 bits
        <<16#C0, 7>>
    ],
    lists:foreach(fun loads/1, Versions).

loads(Version) ->
    Snapshot = [
        <<"REDIS0009", 16#FA>>,
        string("redis-ver"),
        Version,
        <<16#FE, 0, 0>>,
        string("k"),
        string("v"),
        <<16#FF, 0:64>>
    ],
    Fake = eslaver_test_fake_master:start([
        #{psync => eslaver_test_fake_master:full_resync(Snapshot)}
    ]),
    Target = eslaver_test_replica:target(eslaver_test_fake_master:port(Fake)),
    {ok, _} = eslaver_mirror:start_link(Target#{name => ?M}),
    ok = eslaver_mirror:await(?M, loaded, ?TIMEOUT),
    ?assertEqual(<<"v">>, eslaver_mirror:get(?M, <<"k">>)),
    ok = eslaver_test_fake_master:send(Fake, "*3\r\n$3\r\nSET\r\n$1\r\nk\r\n$1\r\nw\r\n"),
    ok = shows(<<"k">>, <<"w">>),
    ok = eslaver_mirror:stop(?M),
    eslaver_test_fake_master:stop(Fake).

string(Text) ->
    Bytes = iolist_to_binary(Text),
    <<(byte_size(Bytes)), Bytes/binary>>.

%% What passes no filter moves the position all the same: a new replica goes on from there, also
%% when the master has long forgotten what was before.
position_with_a_filter(_Config) ->
    %% pings pass every filter
    Config = [{"repl-ping-replica-period", "3600"}],
    Filter = #{filter => #{keys => <<"no:*">>}},
    #{client := Client} = started(Filter, Config),
    Full = eslaver_test_client:info(Client, "sync_full"),
    Value = binary:copy(<<"x">>, 1000),
    _ = eslaver_test_client:pipeline(
        Client, [["SET", ["other:", integer_to_list(N)], Value] || N <- lists:seq(1, 100)]
    ),
    ok = caught_up(Client),
    ok = eslaver_test_proxied_mirror:kill_replica(?M),
    _ = eslaver_test_client:ok(Client, ["SET", "no:1", "1"]),
    ok = shows(<<"no:1">>, <<"1">>),
    ?assertMatch(#{restarts := 1, keys := 1}, eslaver_mirror:info(?M)),
    ?assertEqual(Full, eslaver_test_client:info(Client, "sync_full")).

started(Options) ->
    started(Options, []).

started(Options, Config) ->
    OfMaster = #{server => eslaver_test_servers:own(), config => Config},
    eslaver_test_proxied_mirror:start(?M, OfMaster, Options).

caught_up(Client) ->
    eslaver_test_proxied_mirror:caught_up(?M, Client).
