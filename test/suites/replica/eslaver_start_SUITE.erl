%% How eslaver is started and stopped, as its guides show it and as users of the original did:
%% every kind of callback, the application environment, one server, many servers, and what is
%% refused.
-module(eslaver_start_SUITE).

-include_lib("common_test/include/ct.hrl").
-include_lib("stdlib/include/assert.hrl").

-compile([export_all, nowarn_export_all]).

-define(NAME, eslaver_start_SUITE_receiver).

suite() ->
    [{timetrap, {minutes, 2}}, {ct_hooks, [eslaver_test_log_hook]}].

all() ->
    eslaver_test_groups:cases(?MODULE).

%% A master with one key, and an environment with nothing in it.
init_per_testcase(_Case, Config) ->
    _ = application:load(eslaver),
    clean_environment(),
    Master = eslaver_test_master:start_own(),
    Client = eslaver_test_client:connect(Master),
    <<"OK">> = eslaver_test_client:ok(Client, ["SET", "k", "v"]),
    Dump = filename:join(?config(priv_dir, Config), "dump.rdb"),
    [{master, Master}, {client, Client}, {dump, Dump} | Config].

end_per_testcase(_Case, _Config) ->
    _ = application:stop(eslaver),
    clean_environment().

clean_environment() ->
    _ = [application:unset_env(eslaver, Key) || {Key, _} <- application:get_all_env(eslaver)],
    ok.

%% Callbacks.

callback_fun(Config) ->
    Self = self(),
    delivers(Config, fun(Event) -> Self ! Event end).

callback_mf(Config) ->
    true = register(?NAME, self()),
    delivers(Config, {?MODULE, on_event}).

callback_mfa(Config) ->
    delivers(Config, {?MODULE, on_event, [self()]}).

callback_self(Config) ->
    delivers(Config, self()).

callback_registered(Config) ->
    true = register(?NAME, self()),
    delivers(Config, ?NAME).

-spec on_event(term()) -> term().
on_event(Event) ->
    ?NAME ! Event.

-spec on_event(pid(), term()) -> term().
on_event(Receiver, Event) ->
    Receiver ! Event.

%% The load and a write reach this process.
delivers(Config, Callback) ->
    {ok, Replica} = eslaver:start_link((target(Config))#{callback => Callback}),
    got_load_and_write(Config),
    eslaver:stop(Replica).

got_load_and_write(Context) ->
    ?assertEqual({loading, string, <<"k">>, <<"v">>}, event(loading)),
    ?assertEqual({loading, eof}, event(loading)),
    _ = eslaver_test_client:ok(?config(client, Context), ["SET", "after", "x"]),
    ?assertEqual({stream, "set", [<<"after">>, <<"x">>]}, write()),
    ok.

event(Kind) ->
    receive
        Event when element(1, Event) =:= Kind -> Event
    after 30_000 -> error({no_event, Kind, process_info(self(), messages)})
    end.

write() ->
    case event(stream) of
        {stream, Name, _} when Name =:= "select"; Name =:= "ping" -> write();
        Event -> Event
    end.

callback_prints(Config) ->
    Leader = group_leader(),
    Capture = eslaver_test_io_capture:start(),
    true = group_leader(Capture, self()),
    {ok, Replica} = eslaver:start_link((target(Config))#{callback => []}),
    true = group_leader(Leader, self()),
    true = eslaver_test_wait:until(fun() ->
        Text = eslaver_test_io_capture:text(Capture),
        string:find(Text, "<<\"k\">>") =/= nomatch andalso string:find(Text, "eof") =/= nomatch
    end),
    eslaver:stop(Replica).

%% Environment.

env_atoms(Config) ->
    set_environment(Config, fun(Key) -> Key end),
    started_by_environment(Config).

%% As the README of the original has it.
env_strings(Config) ->
    set_environment(Config, fun atom_to_list/1),
    started_by_environment(Config).

started_by_environment(Context) ->
    {ok, Supervisor} = eslaver:start(normal, self()),
    got_load_and_write(Context),
    end_tree(Supervisor).

set_environment(Config, Name) ->
    _ = [
        ok = application:set_env(eslaver, Name(Key), Value)
     || {Key, Value} <- maps:to_list((target(Config))#{dbfilename => ?config(dump, Config)})
    ],
    ok.

end_tree(Supervisor) ->
    true = unlink(Supervisor),
    Ref = erlang:monitor(process, Supervisor),
    true = exit(Supervisor, shutdown),
    receive
        {'DOWN', Ref, process, Supervisor, _} -> ok
    after 30_000 -> error(supervisor_does_not_stop)
    end.

%% Without a callback every event is printed; with one in the environment it is called.
application_starts(Config) ->
    set_environment(Config, fun(Key) -> Key end),
    ok = application:set_env(eslaver, callback, self()),
    {ok, Started} = application:ensure_all_started(eslaver),
    ?assert(lists:member(eslaver, Started)),
    got_load_and_write(Config),
    ok = application:stop(eslaver),
    ok = application:unset_env(eslaver, callback),
    {ok, _} = application:ensure_all_started(eslaver),
    ok = application:stop(eslaver).

%% To depend on eslaver starts no replica, and connects to nothing.
application_alone(_Config) ->
    Links = eslaver_nif:links(),
    ok = application:start(eslaver),
    ?assertEqual([], supervisor:which_children(eslaver_sup)),
    ?assertEqual({undefined, Links}, {whereis(eslaver_server), eslaver_nif:links()}),
    ok = application:stop(eslaver).

%% The original's call, with the application started already, as that of another application may be.
start_in_the_application(Config) ->
    ok = application:start(eslaver),
    set_environment(Config, fun(Key) -> Key end),
    {ok, Supervisor} = eslaver:start(normal, self()),
    ?assertEqual(whereis(eslaver_sup), Supervisor),
    got_load_and_write(Config),
    ?assertEqual({error, {already_started, Supervisor}}, eslaver:start(normal, self())),
    Monitor = monitor(process, eslaver_server),
    ok = application:stop(eslaver),
    receive
        {'DOWN', Monitor, process, _, Reason} -> ?assertEqual(shutdown, Reason)
    after 30_000 -> error(replica_outlives_the_application)
    end.

%% Where the application has not been started, the supervisor is the caller's.
start_without_the_application(Config) ->
    set_environment(Config, fun(Key) -> Key end),
    {ok, Supervisor} = eslaver:start(normal, self()),
    ?assert(lists:member(Supervisor, element(2, process_info(self(), links)))),
    ?assertEqual({error, {already_started, Supervisor}}, eslaver:start(normal, self())),
    end_tree(Supervisor).

server_start_0(Config) ->
    set_environment(Config, fun(Key) -> Key end),
    ok = application:set_env(eslaver, callback, self()),
    {ok, Server} = eslaver_server:start(),
    got_load_and_write(Config),
    stops(Server).

server_start_1(Config) ->
    set_environment(Config, fun atom_to_list/1),
    {ok, Server} = eslaver_server:start({?MODULE, on_event, [self()]}),
    ?assert(lists:member(Server, element(2, process_info(self(), links)))),
    got_load_and_write(Config),
    stops(Server).

stops(Server) ->
    Ref = erlang:monitor(process, Server),
    ok = eslaver_server:stop(),
    receive
        {'DOWN', Ref, process, Server, Reason} -> ?assertEqual(normal, Reason)
    after 30_000 -> error(server_does_not_stop)
    end,
    ok.

%% Missing masters.

no_master_in_reach(Config) ->
    ok = eslaver_test_master:kill(?config(master, Config)),
    {Replica, Collector} = eslaver_test_replica:start(target_of(Config)),
    ?assertMatch({error, _}, eslaver:await(Replica, loaded, 100)),
    #{} = eslaver_test_wait:until(fun() -> with_error(eslaver:info(Replica)) end),
    ?assertEqual([], eslaver_test_collector:events(Collector)),
    ?assert(is_process_alive(Replica)),
    eslaver:stop(Replica).

%% A link that was never up is not reported as down, why ever it fails: here for a host that only a
%% bug could let through.
link_that_never_was(Config) ->
    Self = self(),
    {ok, Replica} = eslaver:start_link((target(Config))#{
        events => full,
        callback => Self,
        hooks => fun(Event, _, _) -> Self ! {hook, Event} end
    }),
    ok = eslaver:await(Replica, loaded, 30_000),
    {ok, Options} = eslaver_options:parse(target(Config)),
    Nowhere = eslaver_reconnect:new({fixed, {tcp, <<255>>, 1}}, Options),
    Broken = fun
        (Field) when element(1, Field) =:= element(1, Nowhere) -> Nowhere;
        (Field) -> Field
    end,
    _ = sys:replace_state(Replica, fun(State) ->
        list_to_tuple([Broken(Field) || Field <- tuple_to_list(State)])
    end),
    ok = eslaver_test_master:kill(?config(master, Config)),
    _ = eslaver_test_wait:until(fun() -> maps:get(reconnects, eslaver:info(Replica)) > 4 end),
    ok = eslaver:stop(Replica),
    Messages = messages(),
    ?assertEqual(
        {[up, down], [up, down]},
        {[What || {link, What, _} <- Messages], [What || {hook, [_, link, What]} <- Messages]}
    ),
    ?assertMatch([_], eslaver_test_log:await("link is down")),
    ?assertMatch([_], eslaver_test_log:await("no link \\(open\\)")).

messages() ->
    receive
        Message -> [Message | messages()]
    after 0 -> []
    end.

master_comes_later(Config) ->
    Target = target_of(Config),
    ok = eslaver_test_master:kill(?config(master, Config)),
    {Replica, _} = Both = eslaver_test_replica:start(Target),
    #{} = eslaver_test_wait:until(fun() -> with_error(eslaver:info(Replica)) end),
    ok = eslaver_test_master:restart(?config(master, Config)),
    ?assertEqual([{loading, eof}], eslaver_test_replica:loaded(Both)),
    eslaver:stop(Replica).

with_error(#{last_error := Error} = Info) when Error =/= undefined, Error =/= none -> Info;
with_error(_Info) -> false.

%% What is refused.

invalid_options(Config) ->
    Target = target(Config),
    Invalid = [
        {callback, 17},
        {callback, fun() -> ok end},
        {callback, {?MODULE, "on_event"}},
        {callback, {?MODULE, on_event, not_a_list}},
        {master_port, 0},
        {master_port, 65_536},
        {master_port, "6379"},
        {master_port, -1},
        {master_host, 17},
        {master_host, {300, 0, 0, 1}},
        {events, some},
        {load_dump, maybe_so},
        {dbfilename, 17},
        {tls, maybe_so},
        {announce_port, 65_536},
        {resume, 17},
        {filter, 17},
        {name, 17},
        {no_such_option, 1},
        {"no_such_option", 1}
    ],
    Wrong = [
        {Key, Value, Got}
     || {Key, Value} <- Invalid,
        Got <- [eslaver:start_link(maps:merge(Target#{callback => self()}, #{Key => Value}))],
        Got =/= {error, {invalid_option, Key, Value}}
    ],
    ?assertEqual([], Wrong),
    %% What may be a password is not said back.
    lists:foreach(
        fun({Key, Value}) ->
            Options = maps:merge(#{callback => self()}, #{Key => Value}),
            {error, {invalid_option, Key, Shown}} = eslaver:start_link(Options),
            ?assertNotEqual(Value, Shown)
        end,
        [{master_auth, 17}, {master_url, "http://me:secret@localhost"}]
    ).

invalid_environment(Config) ->
    set_environment(Config, fun(Key) -> Key end),
    ok = application:set_env(eslaver, master_port, "6379"),
    ?assertEqual(
        {error, {invalid_option, master_port, "6379"}}, eslaver_server:start(self())
    ),
    ?assertMatch({error, _}, eslaver:start(normal, self())),
    ?assertMatch({error, {{invalid_option, _, _}, _}}, application:start(eslaver)),
    _ = [application:unset_env(eslaver, Key) || Key <- [master_host, master_port, dbfilename]],
    ok = application:set_env(eslaver, cluster, ["127.0.0.1"]),
    ?assertMatch({error, {invalid_option, cluster, _}}, eslaver_server:start(self())).

%% Several.

two_replicas(Config) ->
    Other = eslaver_test_master:start_own(),
    OtherClient = eslaver_test_client:connect(Other),
    <<"OK">> = eslaver_test_client:ok(OtherClient, ["SET", "other", "w"]),
    {A, CollectorA} = BothA = eslaver_test_replica:start(?config(master, Config)),
    {B, CollectorB} = BothB = eslaver_test_replica:start(Other),
    ?assertEqual(
        [{loading, string, <<"k">>, <<"v">>}, {loading, eof}], eslaver_test_replica:loaded(BothA)
    ),
    ?assertEqual(
        [{loading, string, <<"other">>, <<"w">>}, {loading, eof}],
        eslaver_test_replica:loaded(BothB)
    ),
    ok = eslaver:stop(A),
    _ = eslaver_test_replica:mark(OtherClient, CollectorB),
    ?assertEqual(2, length(eslaver_test_collector:events(CollectorA))),
    ok = eslaver:stop(B).

registered_name(Config) ->
    {Replica, _} =
        Both = eslaver_test_replica:start(?config(master, Config), #{name => {local, ?NAME}}),
    _ = eslaver_test_replica:loaded(Both),
    ?assertEqual(Replica, whereis(?NAME)),
    ?assertMatch(#{}, eslaver:info(?NAME)),
    ok = eslaver:stop(?NAME),
    ?assertEqual(undefined, whereis(?NAME)).

child_of_a_supervisor(Config) ->
    Options = (target(Config))#{callback => self()},
    {ok, Supervisor} = supervisor:start_link(?MODULE, [eslaver:child_spec(Options)]),
    got_load_and_write(Config),
    [{_, Replica, _, _}] = supervisor:which_children(Supervisor),
    Ref = erlang:monitor(process, Replica),
    ok = end_tree(Supervisor),
    receive
        {'DOWN', Ref, process, Replica, _} -> ok
    after 30_000 -> error(replica_outlives_its_supervisor)
    end.

%% supervisor callback
-spec init(list()) -> {ok, tuple()}.
init(Children) ->
    {ok, {#{}, Children}}.

%% The server ends, and its supervisor starts another, which loads anew.
callback_raises(Config) ->
    set_environment(Config, fun(Key) -> Key end),
    Self = self(),
    {ok, Supervisor} = eslaver:start(normal, fun
        ({stream, "set", [<<"bad">> | _]}) -> error(this_event_is_too_much);
        (Event) -> Self ! Event
    end),
    got_load_and_write(Config),
    Server = server(Supervisor),
    Ref = erlang:monitor(process, Server),
    _ = eslaver_test_client:ok(?config(client, Config), ["SET", "bad", "x"]),
    receive
        {'DOWN', Ref, process, Server, Reason} -> ct:log("~p", [Reason])
    after 30_000 -> error(server_survives)
    end,
    Keys = [<<"after">>, <<"bad">>, <<"k">>],
    ?assertEqual(Keys, lists:sort([element(3, event(loading)) || _ <- Keys])),
    ?assertEqual({loading, eof}, event(loading)),
    ?assertNotEqual(Server, server(Supervisor)),
    %% The report names the kind of the event and the reason, but not the key.
    Regex = "raised error:this_event_is_too_much at event {stream,\"set\"}, [0-9]+ bytes",
    ?assertMatch([_], eslaver_test_log:await(Regex)),
    ?assertNot(eslaver_test_log:contains("<<\"bad\">>")),
    end_tree(Supervisor).

server(Supervisor) ->
    eslaver_test_wait:until(fun() ->
        case [Pid || {_, Pid, _, _} <- supervisor:which_children(Supervisor), is_pid(Pid)] of
            [Pid] -> Pid;
            [] -> false
        end
    end).

target(Context) ->
    eslaver_test_replica:target(?config(master, Context)).

target_of(Context) ->
    eslaver_test_master:port(?config(master, Context)).
