%% A callback that raises, and a replica that fails by itself: what is reported, and what follows.
-module(eslaver_crash_SUITE).

-include_lib("common_test/include/ct.hrl").
-include_lib("stdlib/include/assert.hrl").

-compile([export_all, nowarn_export_all]).

suite() ->
    [{timetrap, {minutes, 1}}, {ct_hooks, [eslaver_test_log_hook]}].

all() ->
    eslaver_test_groups:cases(?MODULE).

init_per_testcase(_Case, Config) ->
    Master = eslaver_test_master:start_own(),
    Client = eslaver_test_client:connect(Master),
    <<"OK">> = eslaver_test_client:ok(Client, ["SET", "k", binary:copy(<<"value">>, 200_000)]),
    [{master, Master}, {client, Client} | Config].

%% supervisor callback
-spec init({non_neg_integer(), list()}) -> {ok, tuple()}.
init({Intensity, Children}) ->
    {ok, {#{intensity => Intensity, period => 60}, Children}}.

in_the_load(Config) ->
    raises(Config, fun
        ({loading, string, <<"k">>, _}) -> true;
        (_) -> false
    end).

in_the_stream(Config) ->
    raises(Config, fun
        ({stream, "set", [<<"bad">> | _]}) -> true;
        (_) -> false
    end).

at_the_end_of_the_load(Config) ->
    raises(Config, fun(Event) -> Event =:= {loading, eof} end).

%% Each way to raise, once; the supervisor starts the replica again, and it loads anew.
raises(Config, IsBad) ->
    _ = [raises(Config, IsBad, Class) || Class <- [error, throw, exit]],
    ok.

raises(Config, IsBad, Class) ->
    ok = eslaver_test_log:clear(),
    Self = self(),
    Left = counters:new(1, []),
    Callback = fun(Event) ->
        Self ! Event,
        case IsBad(Event) andalso counters:get(Left, 1) of
            0 ->
                ok = counters:add(Left, 1, 1),
                erlang:raise(Class, {this_event, is_bad}, [{where, it_was, 1, []}]);
            _ ->
                ok
        end
    end,
    {ok, Top} = supervised(options(Config, Callback), 3),
    Client = ?config(client, Config),
    Big = binary:copy(<<"x">>, 1_000_000),
    %% The one that is not to raise in the load is given time for it.
    _ = IsBad({loading, eof}) orelse IsBad({loading, string, <<"k">>, <<>>}) orelse loads(Top),
    <<"OK">> = eslaver_test_client:ok(Client, ["SET", "bad", Big]),
    [Sentence | _] = eslaver_test_log:await("callback raised"),
    %% The event, though not all of it, the class, and the reason.
    ?assertMatch({match, _}, re:run(Sentence, atom_to_list(Class) ++ ":\\{this_event,is_bad\\}")),
    ?assertMatch({match, _}, re:run(Sentence, "at event \\{(loading|stream),")),
    ?assert(length(Sentence) < 1000),
    %% The report of the process, with the stack.
    [Crash | _] = eslaver_test_log:await("Generic server.*callback_failed.*it_was"),
    ?assert(length(Crash) < 20_000),
    _ = [?assert(length(Text) < 100_000) || Text <- eslaver_test_log:texts()],
    %% It may be the one that has not ended yet.
    true = eslaver_test_wait:until(fun() -> counters:get(Left, 1) =:= 1 andalso is_there(Top) end),
    end_tree(Top).

loads(Top) ->
    {ok, Replica} = child(Top),
    ok = eslaver:await(Replica, loaded, 30_000).

is_there(Top) ->
    {ok, Replica} = child(Top),
    try
        ok = eslaver:await(Replica, loaded, 1000),
        maps:get(state, eslaver:info(Replica)) =:= streaming
    catch
        _:_ -> false
    end.

%% A callback that raises whatever happens ends in its supervisor giving up, which is a supervisor's
%% affair; nothing stays.
too_often(Config) ->
    process_flag(trap_exit, true),
    {ok, Top} = supervised(options(Config, fun(_) -> error(always) end), 1),
    receive
        {'EXIT', Top, shutdown} -> ok
    after 30_000 -> error(does_not_give_up)
    end,
    Client = ?config(client, Config),
    true = eslaver_test_wait:until(fun() ->
        eslaver_test_client:info(Client, "connected_slaves") =:= <<"0">>
    end),
    %% Nor is it remembered that it has failed.
    true = eslaver_test_wait:until(fun() -> whereis(eslaver_restarts) =:= undefined end),
    ok.

%% A callback that raises in the snapshot does not have the master write one after the other: the
%% pauses grow, and `info' tells why there are any. Seven would come here without them.
pauses_grow(Config) ->
    process_flag(trap_exit, true),
    Client = ?config(client, Config),
    Syncs = fun() ->
        binary_to_integer(eslaver_test_client:info(Client, "sync_full"))
    end,
    Before = Syncs(),
    Callback = fun
        ({loading, string, _, _}) ->
            timer:sleep(500),
            error({some_key, "some_value"});
        (_) ->
            ok
    end,
    {ok, Top} = supervised(options(Config, Callback), 1000),
    timer:sleep(4000),
    ?assertEqual(2, Syncs() - Before),
    {ok, Replica} = child(Top),
    #{restarts := 2, state := waiting, last_error := #{reason := callback_failed, text := Text}} =
        eslaver:info(Replica),
    ?assertMatch({match, _}, re:run(Text, "raised error:some_key in .*eslaver_crash_SUITE")),
    ?assertEqual(nomatch, string:find(Text, "some_value")),
    Told = eslaver_test_log:await("started anew after failure 2 .*callback raised"),
    ?assertMatch([_ | _], Told),
    %% Another supervisor's replica does not wait for that.
    {ok, Other} = supervised((options(Config, fun(_) -> ok end))#{name := {local, another}}, 1),
    ok = eslaver:await(another, loaded, 3000),
    ?assertMatch(#{restarts := 0, skipped := 0}, eslaver:info(another)),
    end_tree(Other),
    end_tree(Top).

%% With a position there is no snapshot to spare: the event comes again soon.
pauses_with_a_position(Config) ->
    process_flag(trap_exit, true),
    Client = ?config(client, Config),
    Self = self(),
    Position = filename:join(?config(priv_dir, Config), "position"),
    Callback = fun
        ({stream, "set", [<<"bad">> | _]}) ->
            Self ! failing,
            error(no);
        (_) ->
            ok
    end,
    {ok, Top} = supervised((options(Config, Callback))#{resume => {file, Position}}, 1000),
    loads(Top),
    true = eslaver_test_wait:until(fun() -> filelib:is_regular(Position) end),
    <<"OK">> = eslaver_test_client:ok(Client, ["SET", "bad", "x"]),
    _ = [
        receive
            failing -> ok
        after 3000 -> error({not_again, N})
        end
     || N <- lists:seq(1, 4)
    ],
    end_tree(Top).

%% What fails in the replica itself is reported without the keys and values at hand.
by_itself(Config) ->
    process_flag(trap_exit, true),
    {ok, Replica} = eslaver:start_link(options(Config, fun(_) -> ok end)),
    ok = eslaver:await(Replica, loaded, 30_000),
    _ = sys:replace_state(Replica, fun break/1),
    Secrets = ["the_key", "the_value"],
    <<"OK">> = eslaver_test_client:ok(?config(client, Config), ["SET" | Secrets]),
    Reason =
        receive
            {'EXIT', Replica, Why} -> Why
        end,
    ?assertMatch(
        {replica_failed, error, {function_clause, [{eslaver_listeners, _, _} | _]}}, Reason
    ),
    _ = eslaver_test_log:await("Generic server.*replica_failed"),
    Said = io_lib:format("~p ~p", [Reason, eslaver_test_log:texts()]),
    ?assertEqual([], [Secret || Secret <- Secrets, string:find(Said, Secret) =/= nomatch]).

%% Something that only a bug could do.
break(State) ->
    list_to_tuple([
        case is_tuple(Field) andalso element(1, Field) =:= listeners of
            true -> broken;
            false -> Field
        end
     || Field <- tuple_to_list(State)
    ]).

options(Config, Callback) ->
    Target = eslaver_test_replica:target(?config(master, Config)),
    Target#{
        callback => Callback,
        log_data => true,
        name => {local, eslaver_crash_suite_replica}
    }.

supervised(Options, Intensity) ->
    supervisor:start_link(?MODULE, {Intensity, [eslaver:child_spec(Options)]}).

child(Top) ->
    Pid = eslaver_test_wait:until(fun() ->
        case supervisor:which_children(Top) of
            [{_, Child, _, _}] when is_pid(Child) -> Child;
            _ -> false
        end
    end),
    {ok, Pid}.

end_tree(Top) ->
    true = unlink(Top),
    Ref = erlang:monitor(process, Top),
    exit(Top, shutdown),
    receive
        {'DOWN', Ref, process, Top, _} -> ok
    after 30_000 -> error(supervisor_does_not_end)
    end.
