%% Handlers that hear messages and answer calls, of a replica, of a mirror, and of a cluster's
%% shard.
-module(eslaver_calls_SUITE).

-include_lib("common_test/include/ct.hrl").
-include_lib("stdlib/include/assert.hrl").

-compile([export_all, nowarn_export_all]).

-define(HANDLER, eslaver_test_calling_handler).
-define(TIMEOUT, 30_000).

suite() ->
    [{timetrap, {minutes, 1}}, {ct_hooks, [eslaver_test_log_hook]}].

all() ->
    eslaver_test_groups:cases(?MODULE).

init_per_testcase(_Case, Config) ->
    process_flag(trap_exit, true),
    Master = eslaver_test_master:start_own(),
    [{master, Master}, {client, eslaver_test_client:connect(Master)} | Config].

%% A timer flushes what few events have brought, which no other event would.
timed_flush(Config) ->
    Replica = start(Config),
    Replica ! {flush_after, 200},
    set(Config, <<"a">>),
    set(Config, <<"b">>),
    ?assertEqual([<<"a">>, <<"b">>], flushed()),
    Replica ! flush,
    ?assertEqual([], flushed()).

calls(Config) ->
    Replica = start(Config),
    set(Config, <<"a">>),
    _ = eslaver_test_client:ok(?config(client, Config), ["WAIT", 1, ?TIMEOUT]),
    ?assertEqual([<<"a">>], eslaver:call(Replica, keys)),
    ?assertEqual(it_is_later, eslaver:call(Replica, {later, 200}, ?TIMEOUT)),
    ?assertExit({timeout, _}, eslaver:call(Replica, {later, 200}, 10)),
    ?assertEqual(stopping, eslaver:call(Replica, {stop, enough})),
    ?assertEqual(enough, ended(Replica)).

%% A stream that is held holds neither calls nor messages, and goes on when one of them says so.
while_it_pauses(Config) ->
    Replica = start(Config),
    lists:foreach(
        fun(Continue) ->
            set(Config, <<"pause">>),
            true = eslaver_test_wait:until(fun() -> maps:get(paused, eslaver:info(Replica)) end),
            set(Config, <<"behind">>),
            Replica ! flush,
            ?assertEqual([], flushed()),
            ?assertEqual([], eslaver:call(Replica, keys)),
            Continue(),
            [<<"behind">>] = eslaver_test_wait:until(fun() ->
                Keys = eslaver:call(Replica, keys),
                Keys =/= [] andalso Keys
            end),
            Replica ! flush,
            ?assertEqual([<<"behind">>], flushed())
        end,
        [
            fun() -> Replica ! continue end,
            fun() -> ok = eslaver:call(Replica, continue) end,
            fun() -> ok = eslaver:continue(Replica) end
        ]
    ),
    %% A message may begin a pause, too.
    Replica ! {pause, 500},
    Before = erlang:monotonic_time(millisecond),
    set(Config, <<"late">>),
    _ = eslaver_test_client:ok(?config(client, Config), ["WAIT", 1, ?TIMEOUT]),
    ?assert(erlang:monotonic_time(millisecond) - Before >= 400),
    ?assertEqual([<<"late">>], eslaver:call(Replica, keys)).

%% What other parts of a replica are told of stays theirs; what they do not know is the handler's.
messages_of_others(Config) ->
    Replica = start(Config),
    Caller = spawn(fun() ->
        _ = eslaver:call(Replica, monitor),
        {ok, _} = eslaver:subscribe(Replica, #{}),
        timer:sleep(200)
    end),
    receive
        {heard, Down} -> ?assertMatch({'DOWN', _, process, Caller, _}, Down)
    after ?TIMEOUT -> error(not_heard)
    end,
    %% These were names of messages of its own.
    _ = [Replica ! Message || Message <- [work, connect, {timeout, make_ref(), progress}]],
    [work, connect, {timeout, _, progress}] = [
        receive
            {heard, Message} -> Message
        after ?TIMEOUT -> error(not_heard)
        end
     || _ <- [1, 2, 3]
    ],
    receive
        {heard, More} -> error({heard, More})
    after 200 -> ok
    end,
    ?assertMatch(#{state := streaming, reconnects := 0}, eslaver:info(Replica)).

%% What it raises ends the replica, with a report that names the function, and no request.
raises(Config) ->
    Called = start(Config),
    ?assertExit({{callback_failed, _}, _}, eslaver:call(Called, raise)),
    {callback_failed, Failure} = ended(Called),
    ?assertMatch(#{event := <<"handle_call">>, class := error, reason := the_request}, Failure),
    Told = start(Config),
    Told ! {return, nonsense},
    {callback_failed, #{event := <<"handle_info">>, reason := {bad_return, Bad}}} = ended(Told),
    ?assertMatch(#{function := {?HANDLER, handle_info, 2}, returned := hidden}, Bad),
    %% Nor does the report of the process have the message.
    Last = start(Config),
    Last ! {return, "the_value"},
    _ = ended(Last),
    Ended = io_lib:format("Generic server ~p.*Last message.*Reason", [Last]),
    [Report] = eslaver_test_log:await(lists:flatten(Ended)),
    [Before, _] = string:split(Report, "Reason for termination"),
    ?assertEqual(nomatch, string:find(Before, "the_value")).

%% A probe is answered while a handler takes its time to start; who asks for more waits for it.
starts_slowly(Config) ->
    Self = self(),
    Callback = {handler, eslaver_test_slow_handler, Self},
    Options = (target(Config))#{callback => Callback, name => ?FUNCTION_NAME},
    _ = spawn_link(fun() ->
        {ok, _} = eslaver:start_link(Options),
        Self ! started,
        receive
            end_it -> ok
        end
    end),
    Replica =
        receive
            {starts, Pid} -> Pid
        after ?TIMEOUT -> error(does_not_start)
        end,
    ?assertMatch({error, #{state := starting, text := _}}, eslaver:health(?FUNCTION_NAME)),
    ?assertMatch({error, #{state := starting}}, eslaver:health(Replica)),
    _ = spawn_link(fun() -> Self ! {info, eslaver:info(?FUNCTION_NAME)} end),
    receive
        {info, Early} -> error({early, Early})
    after 200 -> Replica ! go_on
    end,
    receive
        {info, Info} -> ?assertMatch(#{state := _, since := _}, Info)
    after ?TIMEOUT -> error(no_info)
    end,
    ok = eslaver:await(?FUNCTION_NAME, loaded, ?TIMEOUT),
    ?assertEqual(ok, eslaver:health(?FUNCTION_NAME)),
    ?assertEqual({error, no_cluster}, eslaver:refresh(?FUNCTION_NAME)),
    ok = eslaver:stop(?FUNCTION_NAME).

%% Callbacks that take no calls say so, and pass over messages.
without(Config) ->
    Self = self(),
    Callbacks = [
        fun(Event) -> Self ! {event, Event} end,
        {handler, eslaver_test_context_handler, self()}
    ],
    lists:foreach(
        fun(Callback) ->
            {ok, Replica} = eslaver:start_link((target(Config))#{callback => Callback}),
            ok = eslaver:await(Replica, loaded, ?TIMEOUT),
            Replica ! a_message,
            ?assertEqual({error, no_handle_call}, eslaver:call(Replica, a_request)),
            ok = eslaver:stop(Replica)
        end,
        Callbacks
    ).

of_a_mirror(Config) ->
    {ok, _} = eslaver_mirror:start_link((target(Config))#{
        name => called, callback => {handler, ?HANDLER, self()}
    }),
    ok = eslaver_mirror:await(called, loaded, ?TIMEOUT),
    Replica = handler(),
    set(Config, <<"a">>),
    Replica ! {flush_after, 100},
    ?assertEqual([<<"a">>], flushed()),
    ?assertEqual([], eslaver:call(called, keys)),
    ?assertEqual(it_is_later, eslaver:call(called, {later, 100})),
    %% It ends while it is called, and is started anew.
    ?assertEqual({error, restarting}, eslaver:call(called, raise)),
    _ = handler(),
    [] = eslaver_test_wait:until(fun() ->
        case eslaver:call(called, keys) of
            {error, restarting} -> false;
            Keys -> Keys
        end
    end),
    ok = eslaver_mirror:stop(called),
    {ok, _} = eslaver_mirror:start_link((target(Config))#{name => called}),
    ?assertEqual({error, no_handle_call}, eslaver:call(called, keys)),
    ok = eslaver_mirror:stop(called).

%% The handlers of shards are called by the ids of those.
of_a_cluster(_Config) ->
    #{server := Server} = lists:last(eslaver_test_cluster:versions()),
    Cluster = eslaver_test_cluster:start(#{server => Server}),
    Options = #{
        cluster => eslaver_test_cluster:seeds(Cluster),
        callback => {handler, ?HANDLER, self()}
    },
    {ok, Replicas} = eslaver:start_link(Options),
    ok = eslaver:await(Replicas, loaded, ?TIMEOUT),
    answer(Replicas),
    ok = eslaver:stop(Replicas),
    {ok, _} = eslaver_mirror:start_link(Options#{name => called}),
    ok = eslaver_mirror:await(called, loaded, ?TIMEOUT),
    answer(called),
    ok = eslaver_mirror:stop(called),
    eslaver_test_cluster:stop(Cluster).

answer(Called) ->
    #{shards := Shards} = eslaver:info(Called),
    ?assertEqual(3, map_size(Shards)),
    _ = [?assertEqual([], eslaver:call({Called, Id}, keys)) || Id <- maps:keys(Shards)],
    ?assertEqual({error, no_shard}, eslaver:call({Called, <<"other">>}, keys)),
    ?assertEqual({error, which_shard}, eslaver:call(Called, keys)).

start(Config) ->
    {ok, Replica} = eslaver:start_link((target(Config))#{callback => {handler, ?HANDLER, self()}}),
    ok = eslaver:await(Replica, loaded, ?TIMEOUT),
    ?assertEqual(Replica, handler()),
    Replica.

handler() ->
    receive
        {handler, Pid} -> Pid
    after ?TIMEOUT -> error(no_handler)
    end.

flushed() ->
    receive
        {flushed, Keys} -> Keys
    after ?TIMEOUT -> error(not_flushed)
    end.

ended(Replica) ->
    receive
        {'EXIT', Replica, Reason} -> Reason
    after ?TIMEOUT -> error(does_not_end)
    end.

set(Config, Key) ->
    <<"OK">> = eslaver_test_client:ok(?config(client, Config), ["SET", Key, "x"]).

target(Config) ->
    eslaver_test_replica:target(?config(master, Config)).
