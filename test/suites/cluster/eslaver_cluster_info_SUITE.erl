%% The info and the health of a cluster: while a callback hangs, and after a move was given up.
-module(eslaver_cluster_info_SUITE).

-include_lib("common_test/include/ct.hrl").
-include_lib("stdlib/include/assert.hrl").

-compile([export_all, nowarn_export_all]).

-define(TIMEOUT, 30_000).
-define(NAME, cluster_info).

suite() ->
    [{timetrap, {minutes, 2}}, {ct_hooks, [eslaver_test_log_hook]}].

all() ->
    eslaver_test_groups:cases(?MODULE).

one_shard_hangs(_Config) ->
    _ = process_flag(trap_exit, true),
    Cluster = eslaver_test_cluster:start(#{server => eslaver_test_servers:own()}),
    Test = self(),
    Hangs = fun
        ({stream, <<"append">>, _, #{shard := Shard}}) ->
            Test ! {hangs, self(), Shard},
            receive
                {Test, go_on} -> ok
            end;
        (_) ->
            ok
    end,
    {ok, Process} = eslaver:start_link(#{
        cluster => eslaver_test_cluster:seeds(Cluster),
        name => ?NAME,
        callback => Hangs,
        events => full,
        warn_lag => 1000
    }),
    ok = eslaver:await(?NAME, loaded, ?TIMEOUT),
    true = eslaver_test_wait:until(fun() -> eslaver:health(?NAME) =:= ok end),
    #{state := streaming, shards := Shards} = eslaver:info(?NAME),
    Masters = eslaver_test_cluster:masters(Cluster),
    ?assertEqual(length(Masters), map_size(Shards)),
    [Node | _] = Masters,
    Key = eslaver_test_cluster_followers:key(<<"key">>, eslaver_test_cluster:slots(Cluster, Node)),
    _ = eslaver_test_cluster:ask(Node, ["APPEND", Key, binary:copy(<<"x">>, 2000)]),
    {Replica, Shard} =
        receive
            {hangs, Pid, Id} -> {Pid, Id}
        after ?TIMEOUT -> error(does_not_hang)
        end,
    %% the cluster's own process is not asked either
    ok = sys:suspend(Process),
    {error, Why} = eslaver_test_wait:until(fun() ->
        Health = eslaver:health(?NAME),
        Health =/= ok andalso Health
    end),
    #{state := lagging, text := Text} = Why,
    ?assertMatch(<<"shard ", Shard:(byte_size(Shard))/binary, ": not everything", _/binary>>, Text),
    #{shards := Hanging, lag := Lag, behind_for := BehindFor} = eslaver:info(?NAME),
    ?assert(Lag > 2000 andalso BehindFor >= 1000),
    {#{event := Event, lagging := true}, Others} = maps:take(Shard, Hanging),
    ?assertMatch(#{type := <<"append">>, db := 0}, Event),
    _ = [?assertMatch(#{event := undefined, lagging := false}, O) || O <- maps:values(Others)],
    ok = sys:resume(Process),
    Logged = "replica cluster_info, shard " ++ binary_to_list(Shard) ++ ", master .*append",
    _ = eslaver_test_log:await(Logged),
    Replica ! {self(), go_on},
    true = eslaver_test_wait:until(fun() -> eslaver:health(?NAME) =:= ok end),
    ok = eslaver:stop(?NAME),
    eslaver_test_cluster:stop(Cluster).

%% Nothing else is written: no stream makes the cluster ask the slot's owner.
a_move_is_given_up(_Config) ->
    Cluster = eslaver_test_cluster:start(#{server => eslaver_test_servers:own()}),
    {ok, _} = eslaver:start_link(#{
        cluster => eslaver_test_cluster:seeds(Cluster), name => ?NAME, callback => self()
    }),
    ok = eslaver:await(?NAME, loaded, ?TIMEOUT),
    [From, To | _] = eslaver_test_cluster:masters(Cluster),
    [{Slot, _} | _] = eslaver_test_cluster:slots(Cluster, From),
    Slots = [{Slot, Slot}],
    Keys = [eslaver_test_cluster_followers:key(<<"key">>, Slots) || _ <- [1, 2]],
    _ = [<<"OK">> = eslaver_test_cluster:ask(From, ["SET", Key, "x"]) || Key <- Keys],
    Move = eslaver_test_cluster_moves:begin_move(Cluster, Slots, From, To, classic, #{}),
    true = eslaver_test_wait:until(fun() -> moving() =:= 1 end),
    _ = eslaver_test_cluster_moves:cancel(Move),
    true = eslaver_test_wait:until(fun() -> moving() =:= 0 end),
    ok = eslaver:stop(?NAME),
    eslaver_test_cluster:stop(Cluster).

moving() ->
    #{moving := Moving} = eslaver:info(?NAME),
    Moving.
