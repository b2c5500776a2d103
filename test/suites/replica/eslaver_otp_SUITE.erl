%% What is expected of a process of OTP, of replicas and mirrors alike: a call that its caller has
%% given up leaves nothing behind, and a linked process that ends normally is no reason to end.
-module(eslaver_otp_SUITE).

-include_lib("common_test/include/ct.hrl").
-include_lib("stdlib/include/assert.hrl").

-compile([export_all, nowarn_export_all]).

-define(AWAITS, 2000).

suite() ->
    [{timetrap, {minutes, 2}}].

all() ->
    eslaver_test_groups:all(groups()).

groups() ->
    Cases = eslaver_test_groups:cases(?MODULE),
    [{replica, Cases}, {mirror, Cases}].

init_per_group(replica, Config) -> [{module, eslaver}, {name, {name, {local, tried}}} | Config];
init_per_group(mirror, Config) -> [{module, eslaver_mirror}, {name, {name, tried}} | Config].

end_per_group(_Group, _Config) ->
    ok.

await_that_timed_out(Config) ->
    Module = start(nowhere(), Config),
    Before = size_of(tried),
    _ = [
        ?assertEqual({error, timeout}, Module:await(tried, loaded, 0))
     || _ <- lists:seq(1, ?AWAITS)
    ],
    ?assert(size_of(tried) - Before < ?AWAITS),
    %% It monitors the code server for a moment when it loads a module.
    true = eslaver_test_wait:until(fun() -> monitored() =:= [] end),
    Module:stop(tried).

await_whose_caller_has_ended(Config) ->
    Module = start(nowhere(), Config),
    Before = size_of(tried),
    Callers = [spawn(Module, await, [tried, loaded, infinity]) || _ <- lists:seq(1, ?AWAITS)],
    true = eslaver_test_wait:until(fun() -> length(monitored()) =:= ?AWAITS end),
    _ = [exit(Caller, kill) || Caller <- Callers],
    true = eslaver_test_wait:until(fun() -> monitored() =:= [] end),
    ?assert(size_of(tried) - Before < ?AWAITS),
    Module:stop(tried).

monitored() ->
    {monitors, Monitored} = process_info(whereis(tried), monitors),
    Monitored.

await_is_answered(Config) ->
    Module = start(eslaver_test_replica:target(eslaver_test_master:start_own()), Config),
    ?assertEqual(
        [ok, ok, ok],
        eslaver_test_parallel:map(
            fun(Timeout) -> Module:await(tried, loaded, Timeout) end, [30_000, 30_001, infinity]
        )
    ),
    ?assertEqual(ok, Module:await(tried, loaded, 5000)),
    ?assertEqual([], monitored()),
    Module:stop(tried).

%% The server takes it up once the caller has given up. What it tells until it knows that does not
%% arrive.
subscribe_that_timed_out(Config) ->
    Master = eslaver_test_master:start_own(),
    Module = start(eslaver_test_replica:target(Master), Config),
    ok = Module:await(tried, loaded, 30_000),
    ok = sys:suspend(tried),
    ?assertExit({timeout, _}, Module:subscribe(tried, #{})),
    ok = sys:resume(tried),
    {ok, Ref} = Module:subscribe(tried, #{}),
    <<"OK">> = eslaver_test_client:ok(eslaver_test_client:connect(Master), ["SET", "k", "v"]),
    receive
        {eslaver, Ref, {key, <<"set">>, <<"k">>, _}} -> ok
    end,
    ?assertEqual([{process, self()}], monitored()),
    ok = Module:unsubscribe(tried, Ref),
    ?assertEqual([], monitored()),
    receive
        Other -> error({unexpected, Other})
    after 0 -> ok
    end,
    Module:stop(tried).

link_to_a_process_that_ends(Config) ->
    Module = start(nowhere(), Config),
    Pid = whereis(tried),
    {Linked, Monitor} = spawn_monitor(fun() -> link(Pid) end),
    receive
        {'DOWN', Monitor, process, Linked, normal} -> ok
    end,
    ?assertMatch(#{}, Module:info(tried)),
    ?assertEqual(Pid, whereis(tried)),
    Module:stop(tried).

%% All processes, also busy ones, can be suspended, asked for their status and changed to other
%% code.
system_messages(Config) ->
    Master = eslaver_test_master:start_own(),
    File = filename:join(?config(priv_dir, Config), atom_to_list(?config(module, Config))),
    Module = start((eslaver_test_replica:target(Master))#{resume => {file, File}}, Config),
    ok = Module:await(tried, loaded, 30_000),
    Client = eslaver_test_client:connect(Master),
    Processes = linked([whereis(tried)], []),
    ?assertEqual(
        processes_of(Module), lists:usort([element(1, initial_call(Pid)) || Pid <- Processes])
    ),
    lists:foreach(
        fun(Pid) ->
            ok = sys:suspend(Pid),
            ?assertEqual(ok, sys:change_code(Pid, element(1, initial_call(Pid)), "1", [])),
            ?assertMatch({status, Pid, {module, gen_server}, _}, sys:get_status(Pid)),
            ok = sys:resume(Pid),
            Pid ! what_is_this,
            ok = gen_server:cast(Pid, what_is_this),
            ?assertMatch({error, _}, gen_server:call(Pid, what_is_this))
        end,
        Processes
    ),
    <<"OK">> = eslaver_test_client:ok(Client, ["SET", "k", "v"]),
    ?assertEqual(1, eslaver_test_client:ok(Client, ["WAIT", 1, 20_000])),
    ?assertEqual([], [Pid || Pid <- Processes, not is_process_alive(Pid)]),
    Module:stop(tried).

%% Twice, while the old code is removed: who still ran that would be killed.
code_is_loaded_anew(Config) ->
    Master = eslaver_test_master:start_own(),
    File = filename:join(?config(priv_dir, Config), "anew"),
    Module = start((eslaver_test_replica:target(Master))#{resume => {file, File}}, Config),
    ok = Module:await(tried, loaded, 30_000),
    Processes = linked([whereis(tried)], []),
    Client = eslaver_test_client:connect(Master),
    _ = [
        begin
            _ = [{true, {module, M}} = {code:soft_purge(M), code:load_file(M)} || M <- modules()],
            <<"OK">> = eslaver_test_client:ok(Client, ["SET", "k", "v"]),
            ?assertEqual(1, eslaver_test_client:ok(Client, ["WAIT", 1, 20_000]))
        end
     || _ <- [1, 2, 3]
    ],
    ?assertEqual([], [Pid || Pid <- Processes, not is_process_alive(Pid)]),
    Module:stop(tried).

%% The modules that the processes run, except the native library, which cannot be loaded again.
modules() ->
    [
        eslaver_link,
        eslaver_position_file,
        eslaver_position_writer,
        eslaver_server,
        eslaver_replica,
        eslaver_listeners,
        eslaver_mirror_server,
        eslaver_observer,
        eslaver_dispatch,
        eslaver_callback,
        eslaver_session,
        eslaver_links,
        eslaver_position_keeper,
        eslaver_position,
        eslaver_subscriptions,
        eslaver_histories,
        eslaver_waiting
    ].

%% The processes that a server has started, and those that they have.
linked([], Found) ->
    lists:reverse(Found);
linked([Pid | Rest], Found) ->
    {links, Links} = process_info(Pid, links),
    New = [P || P <- Links, is_pid(P), P =/= self(), not lists:member(P, [Pid | Rest ++ Found])],
    linked(Rest ++ New, [Pid | Found]).

initial_call(Pid) ->
    proc_lib:translate_initial_call(Pid).

processes_of(eslaver) -> [eslaver_link, eslaver_position_writer, eslaver_server];
processes_of(eslaver_mirror) -> [eslaver_link, eslaver_mirror_server, eslaver_server].

start(Target, Config) ->
    Module = ?config(module, Config),
    Options = Target#{dbfilename => undefined, callback => fun(_) -> ok end},
    {Key, Name} = ?config(name, Config),
    {ok, _} = Module:start_link(maps:without(not_for(Module), Options#{Key => Name})),
    Module.

not_for(eslaver) -> [];
not_for(eslaver_mirror) -> [callback, resume].

%% An address where nobody listens.
nowhere() ->
    #{master_host => {local, "/no/such/socket"}}.

%% In words.
size_of(Server) ->
    erts_debug:flat_size(sys:get_state(Server)).
