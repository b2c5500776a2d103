-module(eslaver_cluster_sup_tests).

-include_lib("eunit/include/eunit.hrl").

%% With a supervisor whose watcher finds nobody.
with(Test) ->
    Access = #{user => undefined, password => fun() -> undefined end, tls => undefined},
    _ = process_flag(trap_exit, true),
    ok = flushed(),
    {ok, Supervisor} = eslaver_cluster_sup:start_link([
        self(), [{tcp, <<"127.0.0.1">>, 1}], Access
    ]),
    try
        Test(Supervisor)
    after
        true = unlink(Supervisor),
        ok = gen_server:stop(Supervisor)
    end.

shard(Name) -> {Name, erlang:unique_integer([monotonic])}.

start() ->
    {ok, proc_lib:spawn_link(fun() -> timer:sleep(infinity) end)}.

started(Shard, Supervisor) ->
    ok = eslaver_cluster_sup:start_shard(Shard, fun start/0, Supervisor),
    told(Shard).

stopped(Shard, Supervisor) ->
    ok = eslaver_cluster_sup:stop_shard(Shard, fun(_) -> ok end, Supervisor),
    told(Shard).

told(Shard) ->
    receive
        {eslaver_cluster_sup, Shard, What} -> What
    after 5000 -> timeout
    end.

%% Waits for as many of the processes that start and stop shards to end.
finished(0) ->
    ok;
finished(More) ->
    receive
        {'EXIT', _, normal} -> finished(More - 1)
    after 5000 -> timeout
    end.

flushed() ->
    receive
        {'EXIT', _, _} -> flushed()
    after 0 -> ok
    end.

a_shard_starts_and_stops_test() ->
    with(fun(Supervisor) ->
        Shard = shard(name),
        Pid = started(Shard, Supervisor),
        ?assert(is_process_alive(Pid)),
        ?assertEqual(stopped, stopped(Shard, Supervisor)),
        ?assertNot(is_process_alive(Pid)),
        %% twice does no harm
        ?assertEqual(stopped, stopped(Shard, Supervisor))
    end).

%% It has left, and comes back while it is still being stopped.
a_shard_that_comes_back_is_another_test() ->
    with(fun(Supervisor) ->
        [Before, After] = [shard(name) || _ <- "12"],
        Other = shard(other),
        One = started(Before, Supervisor),
        Kept = started(Other, Supervisor),
        Two = started(After, Supervisor),
        ?assertNot(is_process_alive(One)),
        ?assert(is_process_alive(Two)),
        %% the end of the first one comes too late
        ?assertEqual(stopped, stopped(Before, Supervisor)),
        ?assert(is_process_alive(Two)),
        ?assert(is_process_alive(Kept))
    end).

%% Its start has been delayed.
a_shard_that_has_come_back_is_not_ended_test() ->
    with(fun(Supervisor) ->
        [Before, After] = [shard(name) || _ <- "12"],
        Pid = started(After, Supervisor),
        ok = eslaver_cluster_sup:start_shard(Before, fun start/0, Supervisor),
        ?assertEqual(ok, finished(2)),
        ?assert(is_process_alive(Pid))
    end).

%% What is done before its end is not left out.
a_shard_is_stopped_while_it_starts_test() ->
    with(fun(Supervisor) ->
        Shard = shard(name),
        Self = self(),
        Start = fun() ->
            Self ! {starting, self()},
            receive
                go -> start()
            end
        end,
        Before = fun(Pid) ->
            Self ! {before, Pid, is_process_alive(Pid)},
            ok
        end,
        ok = eslaver_cluster_sup:start_shard(Shard, Start, Supervisor),
        Starting =
            receive
                {starting, Process} -> Process
            end,
        ok = eslaver_cluster_sup:stop_shard(Shard, Before, Supervisor),
        Starting ! go,
        Pid = told(Shard),
        ?assertEqual(stopped, told(Shard)),
        receive
            {before, Stopped, WasAlive} -> ?assertEqual({Pid, true}, {Stopped, WasAlive})
        after 0 -> error(not_called)
        end,
        ?assertNot(is_process_alive(Pid))
    end).

%% In any order, as often as it happens to be.
starts_and_stops_at_once_test() ->
    with(fun(Supervisor) ->
        Shards = [shard(name) || _ <- lists:seq(1, 50)],
        lists:foreach(
            fun(Shard) ->
                ok = eslaver_cluster_sup:stop_shard(Shard, fun(_) -> ok end, Supervisor),
                ok = eslaver_cluster_sup:start_shard(Shard, fun start/0, Supervisor),
                ok = eslaver_cluster_sup:stop_shard(Shard, fun(_) -> ok end, Supervisor)
            end,
            Shards
        ),
        Last = shard(name),
        Pid = started(Last, Supervisor),
        ?assertEqual(ok, finished(3 * length(Shards) + 1)),
        ?assertEqual([], lists:filter(fun has_failed/1, Shards)),
        ?assert(is_process_alive(Pid))
    end).

has_failed(Shard) ->
    receive
        {eslaver_cluster_sup, Shard, {error, _}} -> true
    after 0 -> false
    end.

a_shard_that_cannot_start_is_told_of_test() ->
    with(fun(Supervisor) ->
        Shard = shard(name),
        Start = fun() -> {error, no} end,
        ok = eslaver_cluster_sup:start_shard(Shard, Start, Supervisor),
        ?assertMatch({error, {no, _Child}}, told(Shard))
    end).
