%% The option `on_error': events for which the callback raises are skipped, counted, and told of
%% without keys and values.
-module(eslaver_skip_SUITE).

-include_lib("common_test/include/ct.hrl").
-include_lib("stdlib/include/assert.hrl").

-compile([export_all, nowarn_export_all]).

-define(TIMEOUT, 30_000).

suite() ->
    [{timetrap, {minutes, 1}}, {ct_hooks, [eslaver_test_log_hook]}].

all() ->
    eslaver_test_groups:cases(?MODULE).

init_per_testcase(_Case, Config) ->
    process_flag(trap_exit, true),
    Master = eslaver_test_master:start_own(),
    Client = eslaver_test_client:connect(Master),
    <<"OK">> = eslaver_test_client:ok(Client, ["SET", "bad_key", "bad_value"]),
    [{master, Master}, {client, Client} | Config].

%% In the snapshot and in the stream; the rest comes, is acknowledged, and nothing is told of
%% values.
skipped(Config) ->
    {Replica, _} = start(Config, {skip, true}),
    ?assertMatch(#{skipped := 1, restarts := 0}, eslaver:info(Replica)),
    _ = [set(Config, Key) || Key <- ["bad_key", "good", "bad_key", "bad_key", "good"]],
    ?assertEqual([<<"good">>, <<"good">>], [handled(), handled()]),
    ?assertEqual(1, eslaver_test_client:ok(?config(client, Config), ["WAIT", 1, ?TIMEOUT])),
    ?assertMatch(#{skipped := 4, state := streaming}, eslaver:info(Replica)),
    %% Logged where their number doubles.
    Told = eslaver_test_log:await("the callback raised error:no at .*which is skipped", 3),
    ?assertEqual(3, length(Told)),
    ?assertMatch([_], eslaver_test_log:await("\\{stream,\"set\"\\}.*skipped so far: 4")),
    ?assertMatch([_], eslaver_test_log:await("\\{loading,string\\}.*skipped so far: 1")),
    ?assertNot(eslaver_test_log:contains("bad_")),
    hooks(4),
    ok = eslaver:stop(Replica).

hooks(Count) ->
    Hooks = [
        receive
            {hook, [eslaver, callback, skipped], #{events := 1}, About} -> About
        after ?TIMEOUT -> error(no_hook)
        end
     || _ <- lists:seq(1, Count)
    ],
    ?assertMatch([#{event := {loading, string}, reason := no, kind := error} | _], Hooks),
    ?assertEqual(nomatch, string:find(io_lib:format("~p", [Hooks]), "bad_")).

silent(Config) ->
    {Replica, _} = start(Config, {skip, false}),
    set(Config, "bad_key"),
    set(Config, "good"),
    ?assertEqual(<<"good">>, handled()),
    ?assertMatch(#{skipped := 2}, eslaver:info(Replica)),
    ?assertEqual([], eslaver_test_log:matches("skipped")),
    ok = eslaver:stop(Replica).

%% What is skipped can be kept elsewhere.
told(Config) ->
    Self = self(),
    Keep = fun(Event, {Class, Reason, [_ | _]}) -> Self ! {kept, Event, Class, Reason} end,
    {Replica, _} = start(Config, {skip, Keep}),
    Snapshot = {loading, string, <<"bad_key">>, <<"bad_value">>},
    ?assertEqual({Snapshot, error, {no, Snapshot}}, kept()),
    set(Config, "bad_key"),
    Written = {stream, "set", [<<"bad_key">>, <<"x">>]},
    ?assertEqual({Written, error, {no, Written}}, kept()),
    ?assertEqual([], eslaver_test_log:matches("skipped")),
    ok = eslaver:stop(Replica).

kept() ->
    receive
        {kept, Event, Class, Reason} -> {Event, Class, Reason}
    after ?TIMEOUT -> error(not_kept)
    end.

%% If it cannot be kept it must not be lost.
told_in_vain(Config) ->
    {ok, Replica} = eslaver:start_link(
        options(Config, {skip, fun(_Event, _Raised) -> error(full) end})
    ),
    receive
        {'EXIT', Replica, {callback_failed, Failure}} ->
            ?assertMatch(#{class := error, reason := full}, Failure)
    after ?TIMEOUT -> error(it_goes_on)
    end.

%% Of a batch all, as nobody knows how far the handler has come; its state stays what it was.
batches(_Config) ->
    OnError = {skip, fun(Events, _) -> self() ! {kept, Events} end},
    {ok, Dispatch} = eslaver_dispatch:new(
        #{
            callback => {handler, eslaver_test_batch_handler, self()},
            mailbox_limit => 1000,
            on_error => OnError,
            log_data => false
        },
        #{},
        me,
        none
    ),
    %% a list that `lists:keyfind' does not take, within a pause that is none
    Bad = [1, {stream, "pause", [<<"x">>]}],
    {done, Next} = eslaver_dispatch:run(Bad, Dispatch),
    ?assertMatch(#{skipped := 2}, eslaver_in_hand:info(eslaver_dispatch:hand(Next))),
    receive
        {kept, Events} -> ?assertEqual(Bad, Events)
    end,
    {done, Last} = eslaver_dispatch:run([1, 2, 3], Next),
    ?assertMatch(#{skipped := 2}, eslaver_in_hand:info(eslaver_dispatch:hand(Last))).

%% The events that are skipped change the mirror all the same.
of_a_mirror(Config) ->
    Options = (options(Config, {skip, true}))#{name => skipping},
    {ok, _} = eslaver_mirror:start_link(Options),
    ok = eslaver_mirror:await(skipping, loaded, ?TIMEOUT),
    set(Config, "bad_key"),
    set(Config, "good"),
    ?assertEqual(<<"good">>, handled()),
    ?assertEqual(<<"x">>, eslaver_mirror:get(skipping, <<"bad_key">>)),
    ?assertMatch(#{replica := #{skipped := 2}, restarts := 0}, eslaver_mirror:info(skipping)),
    ok = eslaver_mirror:stop(skipping).

refused(Config) ->
    _ = [
        ?assertEqual(
            {error, {invalid_option, on_error, Bad}}, eslaver:start_link(options(Config, Bad))
        )
     || Bad <- [skip, {skip, yes}, {skip, fun(_) -> ok end}, {skip, fun no_module:f/2}, restart]
    ].

start(Config, OnError) ->
    {ok, Replica} = eslaver:start_link(options(Config, OnError)),
    ok = eslaver:await(Replica, loaded, ?TIMEOUT),
    {Replica, OnError}.

options(Config, OnError) ->
    Self = self(),
    Named = is_tuple(OnError) andalso is_function(element(2, OnError)),
    Callback = fun
        ({stream, "set", [<<"good">> | _]}) ->
            Self ! {handled, <<"good">>};
        (Event) when element(3, Event) =:= <<"bad_key">> ->
            error(raised(Named, Event));
        ({stream, "set", [<<"bad_key">> | _]} = Event) ->
            error(raised(Named, Event));
        (_) ->
            ok
    end,
    (eslaver_test_replica:target(?config(master, Config)))#{
        callback => Callback,
        on_error => OnError,
        hooks => fun(Event, Measured, About) -> Self ! {hook, Event, Measured, About} end
    }.

%% With the event in it, as a function clause has it.
raised(true, Event) -> {no, Event};
raised(false, Event) -> {no, element(size(Event), Event)}.

handled() ->
    receive
        {handled, Key} -> Key
    after ?TIMEOUT -> error(not_handled)
    end.

set(Config, Key) ->
    <<"OK">> = eslaver_test_client:ok(?config(client, Config), ["SET", Key, "x"]).
