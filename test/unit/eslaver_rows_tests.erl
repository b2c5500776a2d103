-module(eslaver_rows_tests).

-include_lib("eunit/include/eunit.hrl").

-define(PARTS, #{state => streaming, lag => 7, keys => 5, bytes => 100}).

replica_test() ->
    [#{queue := Queue} = Row] = ask(replica, ?PARTS),
    ?assert(is_integer(Queue)),
    ?assertEqual(
        [
            #{
                kind => replica,
                name => one,
                up => true,
                state => streaming,
                lag => 7,
                snapshot_keys => 5,
                snapshot_bytes => 100
            }
        ],
        [maps:remove(queue, Row)]
    ).

%% Its own keys are those of its data; its replica may be gone for now.
mirror_test() ->
    [Row] = ask(mirror, #{status => fresh, keys => 2, memory => 9, lag => 8, replica => ?PARTS}),
    ?assertMatch(
        #{kind := mirror, up := true, state := streaming, status := fresh, keys := 2}, Row
    ),
    ?assertMatch(#{snapshot_keys := 5, memory := 9, lag := 8}, Row),
    [Without] = ask(mirror, #{status => stale, keys => 2, replica => undefined}),
    ?assertMatch(#{up := true, state := unknown, status := stale, keys := 2}, Without),
    ?assertNot(is_map_key(replica, Without)).

cluster_test() ->
    Shards = #{<<"b">> => ?PARTS, <<"a">> => #{status => fresh, keys => 2, replica => ?PARTS}},
    [Whole | Rest] = ask(cluster, #{lag => 7, slots => 16384, shards => Shards}),
    ?assertMatch(#{kind := cluster, name := one, shards := 2, slots := 16384, lag := 7}, Whole),
    ?assertMatch(
        [
            #{kind := shard, name := one, shard := <<"a">>, keys := 2, snapshot_keys := 5},
            #{kind := shard, name := one, shard := <<"b">>, state := streaming}
        ],
        Rest
    ).

%% Whatever comes instead of an answer.
silent_test_() ->
    Silent = [#{kind => replica, name => one, up => false, state => unknown}],
    [
        ?_assertEqual(
            Silent, [maps:remove(queue, Row) || Row <- eslaver_rows:ask(entry(replica, Call))]
        )
     || Call <- [
            {erlang, error, [no]},
            {erlang, exit, [noproc]},
            {erlang, hd, [[{error, not_running}]]}
        ]
    ].

%% A process that has just ended.
ended_test() ->
    {Pid, Monitor} = spawn_monitor(fun() -> ok end),
    receive
        {'DOWN', Monitor, process, Pid, _} -> ok
    end,
    ?assertMatch(
        [#{up := false, queue := undefined}],
        eslaver_rows:ask((entry(mirror, {erlang, error, [no]}))#{pid := Pid})
    ).

ask(Kind, Info) ->
    eslaver_rows:ask(entry(Kind, {erlang, hd, [[Info]]})).

entry(Kind, Call) ->
    #{pid => self(), kind => Kind, name => one, info => Call}.
