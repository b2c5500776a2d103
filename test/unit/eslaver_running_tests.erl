%% Each call of a replica or a mirror that does not run says so.
-module(eslaver_running_tests).

-include_lib("eunit/include/eunit.hrl").

-define(TOKEN, {offset, 1}).

replicas_test_() ->
    {Pid, Monitor} = spawn_monitor(fun() -> ok end),
    receive
        {'DOWN', Monitor, process, Pid, normal} -> ok
    end,
    [
        ?_assertEqual({error, not_running}, apply(eslaver, Name, [Replica | Args]))
     || Replica <- [none, {global, none}, Pid],
        {Name, Args} <- [
            {info, []},
            {position, []},
            {await, [loaded, 10]},
            {await, [?TOKEN, 10]},
            {call, [request]},
            {call, [request, 10]},
            {continue, []},
            {demand, [1]},
            {refresh, []},
            {subscribe, [#{keys => <<"*">>}]},
            {unsubscribe, [make_ref()]}
        ]
    ] ++ [?_assertEqual({error, not_running}, eslaver:call({none, <<"shard">>}, request))].

%% Nor is one of a node that cannot be reached.
other_nodes_test_() ->
    Replica = {none, 'none@nowhere.invalid'},
    [
        ?_assertEqual({error, not_running}, eslaver:info(Replica)),
        ?_assertMatch({error, #{state := not_running}}, eslaver:health(Replica))
    ].

mirrors_test_() ->
    [
        ?_assertEqual({error, not_running}, apply(eslaver_mirror, Name, [none | Args]))
     || {Name, Args} <- [
            {stop, []},
            {info, []},
            {status, []},
            {functions, []},
            {await, [loaded, 10]},
            {await, [?TOKEN, 10]},
            {subscribe, [#{keys => <<"*">>}]},
            {unsubscribe, [make_ref()]},
            {save, ["file"]},
            {read, [fun() -> eslaver_mirror:get(none, <<"k">>) end]}
        ]
    ].

%% One that ends while it is asked; others' failures, and limits of time, are the caller's.
ends_test_() ->
    Server = fun(End) ->
        spawn(fun() ->
            receive
                {'$gen_call', _From, _Request} -> End()
            end
        end)
    end,
    Ends = fun(Reason) -> Server(fun() -> exit(Reason) end) end,
    Ask = fun(Pid) -> eslaver_running:ask(fun gen_server:call/3, [Pid, question, 1000]) end,
    [
        [
            ?_assertEqual({error, not_running}, eslaver_running:call(Ends(Reason), question, 1000))
         || Reason <- [normal, shutdown, killed, {shutdown, why}]
        ],
        [
            ?_assertEqual({error, not_running}, Ask(Ends(Reason)))
         || Reason <- [normal, failed, {failed, why}]
        ],
        ?_assertExit({failed, _}, eslaver_running:call(Ends(failed), question, 1000)),
        ?_assertExit(
            {timeout, _},
            eslaver_running:call(Server(fun() -> timer:sleep(infinity) end), question, 10)
        ),
        ?_assertExit({calling_self, _}, Ask(self()))
    ].
