%% Handlers, `eslaver_handler', against a real server: state, batches, pauses, and how they end.
-module(eslaver_handler_SUITE).

-include_lib("common_test/include/ct.hrl").
-include_lib("stdlib/include/assert.hrl").

-compile([export_all, nowarn_export_all]).

-define(HANDLER, eslaver_test_reporting_handler).

suite() ->
    [{timetrap, {minutes, 1}}, {ct_hooks, [eslaver_test_log_hook]}].

all() ->
    eslaver_test_groups:cases(?MODULE).

init_per_testcase(_Case, Config) ->
    process_flag(trap_exit, true),
    Master = eslaver_test_master:start_own(),
    [{master, Master}, {client, eslaver_test_client:connect(Master)} | Config].

keeps_state(Config) ->
    write(Config, ["SET", "k", "v"]),
    Replica = start(Config, 0),
    ok = eslaver:await(Replica, loaded, 30_000),
    write(Config, ["SET", "l", "w"]),
    handled({loading, string, <<"k">>, <<"v">>}, 0),
    handled({loading, eof}, 1),
    {stream, "select", [<<"0">>]} = handled(2),
    handled({stream, "set", [<<"l">>, <<"w">>]}, 3),
    eslaver:stop(Replica).

%% As many at once as there are, in order, and none twice.
gets_batches(Config) ->
    Client = ?config(client, Config),
    _ = eslaver_test_client:ok(Client, ["DEBUG", "POPULATE", 5000, "k"]),
    {ok, Replica} = eslaver:start_link(
        options(Config, {handler, eslaver_test_batch_handler, self()})
    ),
    ok = eslaver:await(Replica, loaded, 30_000),
    _ = eslaver_test_client:pipeline(Client, [["SET", "n", N] || N <- lists:seq(1, 5000)]),
    Batches = batches(<<"5000">>),
    Events = lists:append(Batches),
    ?assertEqual(5000, length([K || {loading, string, K, _} <- Events])),
    Written = [binary_to_integer(N) || {stream, "set", [<<"n">>, N]} <- Events],
    ?assertEqual(lists:seq(1, 5000), Written),
    ?assert(length(Batches) < length(Events) div 10),
    ok = eslaver:stop(Replica),
    receive
        {terminated, normal} -> ok
    end.

batches(Last) ->
    receive
        {batch, Events} ->
            case lists:last(Events) of
                {stream, "set", [<<"n">>, Last]} -> [Events];
                _ -> [Events | batches(Last)]
            end
    after 30_000 -> error(no_batch)
    end.

%% Nothing is handled, and so nothing acknowledged, but the link is up and calls are answered.
pause_until_continue(Config) ->
    Client = ?config(client, Config),
    Replica = start(Config, 0),
    handled({loading, eof}, 0),
    ask(Config, pause),
    _ = asked(),
    %% The event that paused has been handled.
    ?assertEqual(1, eslaver_test_client:ok(Client, ["WAIT", 1, 5000])),
    write(Config, ["SET", "k", "v"]),
    ?assertEqual(0, eslaver_test_client:ok(Client, ["WAIT", 1, 1500])),
    not_handled({stream, "set", [<<"k">>, <<"v">>]}),
    ?assertMatch(<<"ip=", _/binary>>, eslaver_test_client:info(Client, "slave0")),
    ?assertNotEqual(
        nomatch, binary:match(eslaver_test_client:info(Client, "slave0"), <<"state=online">>)
    ),
    ?assertMatch(#{state := streaming, reconnects := 0}, eslaver:info(Replica)),
    ok = eslaver:continue(Replica),
    until_handled({stream, "set", [<<"k">>, <<"v">>]}),
    ?assertEqual(1, eslaver_test_client:ok(Client, ["WAIT", 1, 5000])),
    %% One too many does nothing.
    ok = eslaver:continue(Replica),
    eslaver:stop(Replica).

pause_for_a_time(Config) ->
    Replica = start(Config, 0),
    handled({loading, eof}, 0),
    ask(Config, {pause, 700}),
    _ = asked(),
    Before = erlang:monotonic_time(millisecond),
    write(Config, ["SET", "k", "v"]),
    until_handled({stream, "set", [<<"k">>, <<"v">>]}),
    Took = erlang:monotonic_time(millisecond) - Before,
    ct:log("~b ms", [Took]),
    ?assert(Took >= 500),
    eslaver:stop(Replica).

pause_in_the_snapshot(Config) ->
    _ = eslaver_test_client:ok(?config(client, Config), ["DEBUG", "POPULATE", 2000, "k"]),
    {ok, Replica} = eslaver:start_link(
        options(Config, {handler, eslaver_test_pausing_handler, self()})
    ),
    receive
        {paused, Replica, _} -> ok
    end,
    timer:sleep(300),
    ?assertEqual({error, timeout}, eslaver:await(Replica, loaded, 100)),
    ?assertMatch(#{state := loading}, eslaver:info(Replica)),
    ok = eslaver:continue(Replica),
    ok = eslaver:await(Replica, loaded, 30_000),
    eslaver:stop(Replica).

stops(Config) ->
    Replica = start(Config, 0),
    handled({loading, eof}, 0),
    ask(Config, {stop, enough}),
    Count = asked(),
    receive
        {terminated, enough, Ended} -> ?assertEqual(Count + 1, Ended)
    end,
    receive
        {'EXIT', Replica, enough} -> ok
    end.

refuses(Config) ->
    Start = fun(Args) ->
        eslaver:start_link(options(Config, {handler, ?HANDLER, {self(), Args}}))
    end,
    ?assertEqual({error, full}, Start({refuse, full})),
    {error, {bad_return, Bad}} = Start({return, nonsense}),
    ?assertMatch(
        #{
            function := {?HANDLER, init, 1},
            returned := nonsense,
            expected := "{ok, State} or {stop, Reason}"
        },
        Bad
    ).

%% A handler that fails to start is a replica that does not, and one that fails to end does not hide
%% why the replica ended.
raises_at_its_ends(Config) ->
    Start = fun(Args) ->
        Nowhere = (options(Config, {handler, ?HANDLER, {self(), Args}}))#{
            master_host => {local, "/no/such/socket"}
        },
        eslaver:start_link(maps:remove(master_port, Nowhere))
    end,
    {error, {callback_failed, Failure}} = Start({raise, no}),
    ?assertMatch(
        #{event := <<"init">>, class := error, reason := no, stacktrace := [_ | _]}, Failure
    ),
    {ok, Replica} = Start({return, {ok, {raise, no}}}),
    true = exit(Replica, enough),
    receive
        {'EXIT', Replica, Reason} -> ?assertEqual(enough, Reason)
    end,
    ?assertMatch([_], eslaver_test_log:await("callback raised error:no at event terminate")),
    ok.

bad_return(Config) ->
    Replica = start(Config, 0),
    handled({loading, eof}, 0),
    ask(Config, {return, nonsense}),
    receive
        {'EXIT', Replica, {callback_failed, #{reason := {bad_return, Bad}}}} ->
            #{function := {?HANDLER, handle_event, 2}, returned := hidden} = Bad,
            #{expected := "{ok, State}, {pause, State}" ++ _} = Bad
    end,
    ?assertMatch([_ | _], eslaver_test_log:await("bad_return.*expected")),
    ?assertNot(eslaver_test_log:contains("nonsense")),
    ok.

not_a_handler(Config) ->
    _ = [
        ?assertEqual(
            {error, {invalid_option, callback, Handler}},
            eslaver:start_link(options(Config, Handler))
        )
     || Handler <- [{handler, lists, []}, {handler, no_such_module, []}, {handler, "m", []}]
    ],
    ok.

terminates(Config) ->
    Replica = start(Config, 0),
    handled({loading, eof}, 0),
    ok = eslaver:stop(Replica),
    receive
        {terminated, normal, 1} -> ok
    end,
    Other = start(Config, 7),
    handled({loading, eof}, 7),
    exit(Other, shutdown),
    receive
        {terminated, shutdown, 8} -> ok
    end.

is_told_its_shard(Config) ->
    Handler = {handler, eslaver_test_context_handler, self()},
    {ok, One} = eslaver:start_link(options(Config, Handler)),
    ?assertEqual(#{}, context()),
    ok = eslaver:stop(One),
    {ok, Options} = eslaver_options:parse(options(Config, Handler)),
    Shard = #{id => <<"ab">>, slots => [{0, 5}], replids => [<<"r">>], cluster => make_ref()},
    {ok, Other} = eslaver_server:start_link(Options#{shard => Shard}),
    ?assertEqual(#{shard => #{id => <<"ab">>, slots => [{0, 5}]}}, context()),
    eslaver:stop(Other).

context() ->
    receive
        {context, Context} -> Context
    after 30_000 -> error(no_context)
    end.

%% An event from elsewhere waits behind what has come before, and has the full shape.
events_from_elsewhere(Config) ->
    Moved = {slots, moved, #{ranges => [{0, 5}], from => <<"ab">>, to => <<"cd">>}},
    ?assertEqual([before, Moved, behind], around(Moved, full, Config)),
    ?assertEqual([before, behind], around(Moved, classic, Config)).

around(Event, Shape, Config) ->
    Handler = {handler, eslaver_test_context_handler, self()},
    {ok, Replica} = eslaver:start_link((options(Config, Handler))#{events => Shape}),
    ok = eslaver:await(Replica, loaded, 30_000),
    write(Config, ["SET", "pause", "1"]),
    _ = until(<<"pause">>),
    Queued = queued(Replica),
    write(Config, ["SET", "before", "1"]),
    true = eslaver_test_wait:until(fun() -> queued(Replica) > Queued end),
    ok = eslaver_server:inject(Replica, Event),
    ok = eslaver:continue(Replica),
    write(Config, ["SET", "behind", "1"]),
    Events = until(<<"behind">>),
    ok = eslaver:stop(Replica),
    lists:append([shown(Got) || Got <- Events]).

%% In a replica that is paused.
queued(Replica) ->
    #{queue := Queued} = eslaver_replica:status(sys:get_state(Replica)),
    Queued.

%% The events up to the one that sets this key.
until(Key) ->
    receive
        {event, {stream, _, [Key | _]} = Last} -> [Last];
        {event, {stream, _, [Key | _], _} = Last} -> [Last];
        {event, Event} -> [Event | until(Key)]
    after 30_000 -> error({not_handled, Key})
    end.

shown({stream, _, [<<"before">>, _ | _]}) -> [before];
shown({stream, _, [<<"before">>, _ | _], _}) -> [before];
shown({stream, _, [<<"behind">>, _ | _]}) -> [behind];
shown({stream, _, [<<"behind">>, _ | _], _}) -> [behind];
shown({slots, _, _} = Event) -> [Event];
shown(_Other) -> [].

start(Config, State) ->
    {ok, Replica} = eslaver:start_link(options(Config, {handler, ?HANDLER, {self(), State}})),
    Replica.

options(Config, Callback) ->
    (eslaver_test_replica:target(?config(master, Config)))#{callback => Callback}.

write(Config, Command) ->
    _ = eslaver_test_client:ok(?config(client, Config), Command),
    ok.

%% The handler is to return this.
ask(Config, Answer) ->
    write(Config, ["SET", "ask", term_to_binary(Answer)]).

asked() ->
    receive
        {handled, {stream, "set", [<<"ask">>, _]}, Count} -> Count
    after 30_000 -> error(not_asked)
    end.

handled(Event, Count) ->
    ?assertEqual(Event, handled(Count)).

handled(Count) ->
    receive
        {handled, Event, Count} -> Event
    after 30_000 -> error({not_handled, Count})
    end.

until_handled(Event) ->
    receive
        {handled, Event, _} -> ok
    after 30_000 -> error({not_handled, Event})
    end.

not_handled(Event) ->
    receive
        {handled, Event, _} -> error({handled, Event})
    after 0 -> ok
    end.
