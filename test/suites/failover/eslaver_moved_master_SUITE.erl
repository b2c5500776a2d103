%% Masters that move without a Sentinel, behind an address that does not: the old master names the
%% new one (`FAILOVER`, `REPLICAOF`, `CLUSTER FAILOVER`), or the address comes to lead elsewhere.
-module(eslaver_moved_master_SUITE).

-include_lib("common_test/include/ct.hrl").
-include_lib("stdlib/include/assert.hrl").

-import(eslaver_test_followers, [era/2, await_era/2, links/1, infos/1]).
-import(eslaver_test_wait, [until/1]).

-compile([export_all, nowarn_export_all]).

-define(M, mirror_of_a_moved_master).
-define(TIMEOUT, 60_000).
-define(WRITERS, 2).
%% In all, between an announced move and the link to the new master, in ms.
-define(PAUSES, 2000).

suite() ->
    [{timetrap, {minutes, 5}}, {ct_hooks, [eslaver_test_log_hook, {eslaver_test_mirror_hook, ?M}]}].

all() ->
    eslaver_test_groups:all(groups()).

groups() ->
    Cases = eslaver_test_groups:cases(?MODULE),
    eslaver_test_groups:per_server(eslaver_test_failover:chosen(1), Cases).

init_per_group(Name, Config) ->
    eslaver_test_groups:server(Name, Config).

end_per_group(_Name, _Config) ->
    ok.

%% Writers go on meanwhile. The master holds them until the other one has all.
failover(Config) ->
    {First, Second} = pair(Config),
    moves(First, Second, #{}, fun() ->
        To = ["FAILOVER", "TO", "127.0.0.1", eslaver_test_master:port(Second)],
        accepted(First, To)
    end).

%% There and back: the configured address is tried first again.
failover_and_back(Config) ->
    {First, Second} = pair(Config),
    Followers = follow(First, #{}),
    lists:foreach(
        fun({Number, From, To}) ->
            ok = accepted(From, ["FAILOVER", "TO", "127.0.0.1", eslaver_test_master:port(To)]),
            true = until(fun() -> {role(From), role(To)} =:= {<<"slave">>, <<"master">>} end),
            true = until(fun() -> info(From, "master_link_status") =:= <<"up">> end),
            ok = era(connect(To), Number),
            _ = await_era(Followers, Number),
            ?assertEqual([source(To), source(To)], [S || #{source := S} <- infos(Followers)])
        end,
        [{2, First, Second}, {3, Second, First}, {4, First, Second}]
    ),
    ok = eslaver_test_followers:check(Followers, connect(Second), 0),
    eslaver_test_followers:stop(Followers).

%% By hand, with writers who stop for it.
replicaof(Config) ->
    {First, Second} = pair(Config),
    Followers = follow(First, #{}),
    ok = in_step(First, Second),
    ok = accepted(Second, ["REPLICAOF", "NO", "ONE"]),
    ok = accepted(First, ["REPLICAOF", "127.0.0.1", eslaver_test_master:port(Second)]),
    ok = era(connect(Second), 2),
    _ = await_era(Followers, 2),
    ok = announced(Followers),
    ok = eslaver_test_followers:check(Followers, connect(Second), 0),
    eslaver_test_followers:stop(Followers).

cluster_failover(Config) ->
    {First, Second} = eslaver_test_shard:start(server(Config)),
    %% A cluster has one database, and transactions of one slot only.
    moves(First, Second, #{dbs => [0], kinds => [3, 5]}, fun() ->
        accepted(Second, ["CLUSTER", "FAILOVER"])
    end).

moves(First, Second, OfWriters, Move) ->
    Followers = follow(First, #{}),
    Where = atomics:new(1, []),
    Ports = {eslaver_test_master:port(First), eslaver_test_master:port(Second)},
    Writers = eslaver_test_writers:start(
        fun() -> element(1 + atomics:get(Where, 1), Ports) end,
        eslaver_test_env:seed(),
        OfWriters#{writers => ?WRITERS, pause => 10, deletes => false, timeout => 500}
    ),
    true = until(fun() -> eslaver_test_writers:count(Writers) > 50 end),
    ok = Move(),
    true = until(fun() -> role(Second) =:= <<"master">> end),
    ok = atomics:put(Where, 1, 1),
    ok = era(connect(Second), 2),
    _ = await_era(Followers, 2),
    Count = eslaver_test_writers:count(Writers),
    true = until(fun() -> eslaver_test_writers:count(Writers) > Count + 50 end),
    _ = eslaver_test_writers:stop(Writers),
    ?assertEqual([source(Second), source(Second)], [S || #{source := S} <- infos(Followers)]),
    ok = announced(Followers),
    ok = eslaver_test_followers:check(Followers, connect(Second), ?WRITERS),
    ?assertMatch([[_, {partial, failover}], [_, {partial, failover}]], links(Followers)),
    eslaver_test_followers:stop(Followers).

%% A name or a virtual address: the old master is gone, and another one answers there.
address_moves(Config) ->
    {First, Second} = pair(Config),
    Proxy = eslaver_test_proxy:start(First),
    Followers = follow(eslaver_test_proxy:port(Proxy), First, #{}),
    ok = in_step(First, Second),
    ok = eslaver_test_master:kill(First),
    ok = eslaver_test_proxy:target(Proxy, none),
    ok = accepted(Second, ["REPLICAOF", "NO", "ONE"]),
    ok = eslaver_test_proxy:target(Proxy, Second),
    ok = era(connect(Second), 2),
    _ = await_era(Followers, 2),
    ok = eslaver_test_followers:check(Followers, connect(Second), 0),
    ?assertMatch([[_, {partial, failover}], [_, {partial, failover}]], links(Followers)),
    eslaver_test_followers:stop(Followers).

%% It moves before the server behind it is promoted: the replica there is not followed, but left for
%% its master as long as that lives.
address_moves_first(Config) ->
    {First, Second} = pair(Config),
    Proxy = eslaver_test_proxy:start(First),
    Followers = follow(eslaver_test_proxy:port(Proxy), First, #{}),
    ok = eslaver_test_proxy:target(Proxy, Second),
    ok = eslaver_test_proxy:cut(Proxy),
    ok = era(connect(First), 2),
    _ = await_era(Followers, 2),
    ?assertEqual([source(First), source(First)], [S || #{source := S} <- infos(Followers)]),
    ok = in_step(First, Second),
    ok = eslaver_test_master:kill(First),
    ok = stale(),
    ok = accepted(Second, ["REPLICAOF", "NO", "ONE"]),
    ok = era(connect(Second), 3),
    _ = await_era(Followers, 3),
    ok = eslaver_test_followers:check(Followers, connect(Second), 0),
    eslaver_test_followers:stop(Followers).

%% A replica whose master is gone is no master: the data stays stale, and nothing is lost.
only_a_replica_is_left(Config) ->
    {First, Second} = pair(Config),
    Followers = follow(Second, First, #{}),
    ?assertMatch([#{role := master}, #{role := master}], infos(Followers)),
    ok = in_step(First, Second),
    ok = eslaver_test_master:kill(First),
    ok = stale(),
    timer:sleep(2000),
    Era = eslaver_mirror:get(?M, <<"0:era">>),
    ?assertEqual({stale, <<"1">>}, {eslaver_mirror:status(?M), Era}),
    ok = accepted(Second, ["REPLICAOF", "NO", "ONE"]),
    ok = era(connect(Second), 2),
    _ = await_era(Followers, 2),
    ok = eslaver_test_followers:check(Followers, connect(Second), 0),
    eslaver_test_followers:stop(Followers).

%% Chained on purpose, and told of what the replica itself has lost.
chained(Config) ->
    {First, Second} = pair(Config),
    Followers = follow(Second, First, #{read_from => prefer_replica}),
    Up = #{role => replica, master_link => up, source => source(Second)},
    ?assertEqual([Up, Up], [maps:with(maps:keys(Up), Info) || Info <- infos(Followers)]),
    ?assertEqual(<<"1">>, info(First, "connected_slaves")),
    ok = eslaver_test_master:kill(First),
    ok = stale(),
    ok = accepted(Second, ["REPLICAOF", "NO", "ONE"]),
    ok = era(connect(Second), 2),
    _ = await_era(Followers, 2),
    ok = eslaver_test_followers:check(Followers, connect(Second), 0),
    ?assertMatch([[_, {partial, failover}], [_, {partial, failover}]], links(Followers)),
    eslaver_test_followers:stop(Followers).

%% At its address an emptied master comes back: the old data stays for a while, as stale, and then
%% the master is believed.
comes_back_empty(Config) ->
    First = eslaver_test_master:start(#{server => server(Config)}),
    Followers = follow(First, #{empty_master_delay => 3000}),
    ok = eslaver_test_master:restart_empty(First),
    Back = erlang:monotonic_time(millisecond),
    At = until(fun() ->
        case [At || {At, fresh, none} <- eslaver_test_followers:changes(Followers)] of
            [Once | _] -> Once;
            [] -> false
        end
    end),
    ?assert(At - Back >= 2000),
    Changes = eslaver_test_followers:changes(Followers),
    ?assertMatch([{_, fresh, 1}, {_, stale, 1} | _], Changes),
    true = until(fun() -> [2, 2] =:= [length(L) || L <- links(Followers)] end),
    Whys = [lists:last(L) || L <- links(Followers)],
    ?assertEqual([{full, empty_master}, {full, empty_master}], Whys),
    ?assertMatch([_, _], eslaver_test_log:await("WARNING.*link is up, full sync", 2)),
    eslaver_test_followers:stop(Followers).

%% It has its data again before it is believed.
comes_back_empty_at_first(Config) ->
    First = eslaver_test_master:start(#{server => server(Config)}),
    Followers = follow(First, #{empty_master_delay => 60_000}),
    Snapshot = eslaver_test_master:snapshot(First),
    ok = eslaver_test_master:restart_empty(First),
    true = until(fun() ->
        [empty_master] =:= lists:usort([R || #{last_error := #{reason := R}} <- infos(Followers)])
    end),
    File = filename:join(eslaver_test_master:dir(First), "dump.rdb"),
    ok = eslaver_test_master:kill(First),
    ok = file:write_file(File, Snapshot),
    ok = eslaver_test_master:restart(First),
    ok = era(connect(First), 2),
    _ = await_era(Followers, 2),
    Changes = eslaver_test_followers:changes(Followers),
    ?assertEqual([], [Change || {_, _, none} = Change <- Changes]),
    eslaver_test_followers:stop(Followers).

%% A master and its replica.
pair(Config) ->
    First = eslaver_test_master:start(#{server => server(Config)}),
    Second = eslaver_test_master:start(#{server => server(Config)}),
    ok = accepted(Second, ["REPLICAOF", "127.0.0.1", eslaver_test_master:port(First)]),
    true = until(fun() -> info(Second, "master_link_status") =:= <<"up">> end),
    {First, Second}.

server(Config) ->
    maps:get(server, ?config(server, Config)).

follow(Master, Options) ->
    follow(Master, Master, Options).

%% At this address, where this is the master.
follow(At, Master, Options) ->
    ok = era(connect(Master), 1),
    Target = eslaver_test_replica:target(At),
    eslaver_test_followers:start(?M, maps:merge(Target, Options)).

connect(Server) ->
    fun() -> eslaver_test_client:connect(Server) end.

%% A move that the old master has told of takes no long pauses.
announced(Followers) ->
    Pauses = eslaver_test_followers:delays(Followers),
    ct:pal("~p", [Pauses]),
    ?assertEqual([], [L || L <- Pauses, lists:sum([Ms || {Ms, _} <- L]) > ?PAUSES]),
    ok.

stale() ->
    true = until(fun() -> eslaver_mirror:status(?M) =:= stale end),
    ok.

in_step(First, Second) ->
    Offset = info(First, "master_repl_offset"),
    true = until(fun() ->
        binary_to_integer(info(Second, "slave_repl_offset")) >= binary_to_integer(Offset)
    end),
    ok.

role(Server) -> info(Server, "role").

info(Server, Field) ->
    with(Server, fun(Client) -> eslaver_test_client:info(Client, Field) end).

accepted(Server, Command) ->
    true = until(fun() ->
        <<"OK">> =:= with(Server, fun(Client) -> eslaver_test_client:command(Client, Command) end)
    end),
    ok.

with(Server, Fun) ->
    Client = eslaver_test_client:connect(Server),
    Result = Fun(Client),
    ok = eslaver_test_client:close(Client),
    Result.

source(Server) ->
    iolist_to_binary(["127.0.0.1:", integer_to_list(eslaver_test_master:port(Server))]).
