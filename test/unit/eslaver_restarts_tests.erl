%% What is remembered of replicas that have failed, and for how long.
-module(eslaver_restarts_tests).

-include_lib("eunit/include/eunit.hrl").

-define(ERROR(Text), #{reason => callback_failed, text => Text}).

%% Has a process run this as a replica that another has started, and both end.
as_replica(Fun) ->
    {Pid, Monitor} = spawn_monitor(fun() ->
        {ok, Replica} = proc_lib:start_link(erlang, apply, [
            fun() ->
                ok = proc_lib:init_ack({ok, self()}),
                Fun()
            end,
            []
        ]),
        Ended = monitor(process, Replica),
        receive
            {'DOWN', Ended, process, _, _} -> ok
        end
    end),
    receive
        {'DOWN', Monitor, process, Pid, Reason} -> ?assertEqual(normal, Reason)
    end.

key(Name) ->
    eslaver_restarts:key(#{name => Name, source => {fixed, somewhere}}).

forgotten() ->
    eslaver_test_wait:until(fun() -> whereis(eslaver_restarts) =:= undefined end).

counts_test() ->
    true = forgotten(),
    as_replica(fun() ->
        Key = key({local, a}),
        ?assertEqual(none, eslaver_restarts:last(Key)),
        ok = eslaver_restarts:add(?ERROR(<<"1">>), 0, Key),
        ?assertMatch(#{count := 1, in_a_row := 1}, eslaver_restarts:last(Key)),
        ok = eslaver_restarts:add(?ERROR(<<"2">>), 10000, Key),
        ?assertMatch(#{count := 2, in_a_row := 2}, eslaver_restarts:last(Key)),
        %% it had its data for a time
        ok = eslaver_restarts:add(?ERROR(<<"3">>), 10001, Key),
        ?assertMatch(
            #{count := 3, in_a_row := 1, error := #{text := <<"3">>}}, eslaver_restarts:last(Key)
        ),
        ?assertEqual(none, eslaver_restarts:last(key({local, b})))
    end),
    %% all of it ends with the process that has started it
    true = forgotten().

%% Another process that starts the same replica begins anew, and forgets only its own.
of_other_parents_test() ->
    true = forgotten(),
    as_replica(fun() ->
        Key = key(undefined),
        ok = eslaver_restarts:add(?ERROR(<<"mine">>), 0, Key),
        as_replica(fun() ->
            ?assertEqual(none, eslaver_restarts:last(key(undefined))),
            ok = eslaver_restarts:add(?ERROR(<<"other">>), 0, key(undefined))
        end),
        ?assertMatch(#{count := 1}, eslaver_restarts:last(Key))
    end),
    true = forgotten().

ends_test_() ->
    Raised = fun(Reason) ->
        Stack = [{m, f, [<<"a_key">>], []}, {n, g, 2, []}],
        {callback_failed, #{class => error, reason => Reason, stacktrace => Stack, event => <<>>}}
    end,
    Table = [
        {normal, none},
        {shutdown, none},
        {{shutdown, moved}, none},
        {Raised({badmatch, <<"a_key">>}),
            "the callback raised error:badmatch in \\[{m,f,1},{n,g,2}\\]"},
        {enough, "the replica ended: enough"},
        {{replica_failed, error, {function_clause, []}}, "ended: {replica_failed,error}"}
    ],
    [
        ?_test(
            as_replica(fun() ->
                Key = key(undefined),
                ok = eslaver_restarts:ended(Reason, 0, Key),
                case {Told, eslaver_restarts:last(Key)} of
                    {none, Last} -> ?assertEqual(none, Last);
                    {_, #{error := #{text := Text}}} -> ?assertMatch({match, _}, re:run(Text, Told))
                end
            end)
        )
     || {Reason, Told} <- Table
    ].
