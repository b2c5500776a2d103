-module(eslaver_rows_tests).

-include_lib("eunit/include/eunit.hrl").

-define(PARTS, #{state => streaming, lag => 7, keys => 5, bytes => 100}).

replica_test() ->
    [#{queue := Queue} = Row] = rows(replica, ?PARTS),
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
    [Row] = rows(mirror, #{status => fresh, keys => 2, memory => 9, lag => 8, replica => ?PARTS}),
    ?assertMatch(
        #{kind := mirror, up := true, state := streaming, status := fresh, keys := 2}, Row
    ),
    ?assertMatch(#{snapshot_keys := 5, memory := 9, lag := 8}, Row),
    [Without] = rows(mirror, #{status => stale, keys => 2, replica => undefined}),
    ?assertMatch(#{up := true, state := unknown, status := stale, keys := 2}, Without),
    ?assertNot(is_map_key(replica, Without)).

cluster_test() ->
    Shards = #{<<"b">> => ?PARTS, <<"a">> => #{status => fresh, keys => 2, replica => ?PARTS}},
    [Whole | Rest] = rows(cluster, #{lag => 7, slots => 16384, shards => Shards}),
    ?assertMatch(#{kind := cluster, name := one, shards := 2, slots := 16384, lag := 7}, Whole),
    ?assertMatch(
        [
            #{kind := shard, name := one, shard := <<"a">>, keys := 2, snapshot_keys := 5},
            #{kind := shard, name := one, shard := <<"b">>, state := streaming}
        ],
        Rest
    ).

%% A process that shows nothing, and one that has just ended.
silent_test() ->
    Silent = #{kind => replica, name => one, up => false, state => unknown},
    Pid = eslaver_test_board:start(#{}, fun() -> ok end),
    ok = eslaver_test_board:stop(Pid),
    ?assertEqual([Silent#{queue => undefined}], eslaver_rows:read(entry(replica, Pid))),
    [Row] = eslaver_rows:read(entry(replica, self())),
    ?assertEqual(Silent, maps:remove(queue, Row)).

rows(Kind, Info) ->
    Pid = eslaver_test_board:start(Info, fun() -> ok end),
    Rows = eslaver_rows:read(entry(Kind, Pid)),
    ok = eslaver_test_board:stop(Pid),
    Rows.

entry(Kind, Pid) ->
    #{pid => Pid, kind => Kind, name => one}.
