%% How eslaver is started and stopped, as its README shows it and as users of the original did:
%% every kind of callback, the application environment, one server, many servers, and what is
%% refused.
-module(eslaver_start_SUITE).

-include_lib("common_test/include/ct.hrl").
-include_lib("stdlib/include/assert.hrl").

-export([all/0, suite/0, init_per_testcase/2, end_per_testcase/2]).
-export([
    callback_fun/1,
    callback_mf/1,
    callback_mfa/1,
    callback_self/1,
    callback_registered/1,
    callback_prints/1,
    env_atoms/1,
    env_strings/1,
    application_starts/1,
    server_start_0/1,
    server_start_1/1,
    no_master_in_reach/1,
    link_that_never_was/1,
    master_comes_later/1,
    invalid_options/1,
    invalid_environment/1,
    two_replicas/1,
    registered_name/1,
    child_of_a_supervisor/1,
    callback_raises/1
]).
%% Callbacks.
-export([on_event/1, on_event/2]).
-export([init/1]).

-define(NAME, eslaver_start_SUITE_receiver).

-spec suite() -> list().
suite() ->
    [{timetrap, {minutes, 2}}].

-spec all() -> list().
all() ->
    [
        callback_fun,
        callback_mf,
        callback_mfa,
        callback_self,
        callback_registered,
        callback_prints,
        env_atoms,
        env_strings,
        application_starts,
        server_start_0,
        server_start_1,
        no_master_in_reach,
        link_that_never_was,
        master_comes_later,
        invalid_options,
        invalid_environment,
        two_replicas,
        registered_name,
        child_of_a_supervisor,
        callback_raises
    ].

%% A master with one key, and an environment with nothing in it.
-spec init_per_testcase(atom(), list()) -> list().
init_per_testcase(_Case, Config) ->
    _ = application:load(eslaver),
    clean_environment(),
    Master = eslaver_test_master:start_own(),
    Client = eslaver_test_client:connect(Master),
    <<"OK">> = eslaver_test_client:ok(Client, ["SET", "k", "v"]),
    Dump = filename:join(?config(priv_dir, Config), "dump.rdb"),
    [{master, Master}, {client, Client}, {dump, Dump} | Config].

-spec end_per_testcase(atom(), list()) -> ok.
end_per_testcase(_Case, _Config) ->
    _ = application:stop(eslaver),
    clean_environment().

clean_environment() ->
    _ = [application:unset_env(eslaver, Key) || {Key, _} <- application:get_all_env(eslaver)],
    ok.

%% Callbacks.

-spec callback_fun(list()) -> ok.
callback_fun(Config) ->
    Self = self(),
    delivers(Config, fun(Event) -> Self ! Event end).

-spec callback_mf(list()) -> ok.
callback_mf(Config) ->
    true = register(?NAME, self()),
    delivers(Config, {?MODULE, on_event}).

-spec callback_mfa(list()) -> ok.
callback_mfa(Config) ->
    delivers(Config, {?MODULE, on_event, [self()]}).

-spec callback_self(list()) -> ok.
callback_self(Config) ->
    delivers(Config, self()).

-spec callback_registered(list()) -> ok.
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

got_load_and_write(Config) ->
    ?assertEqual({loading, string, <<"k">>, <<"v">>}, event(loading)),
    ?assertEqual({loading, eof}, event(loading)),
    _ = eslaver_test_client:ok(?config(client, Config), ["SET", "after", "x"]),
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

-spec callback_prints(list()) -> ok.
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

-spec env_atoms(list()) -> ok.
env_atoms(Config) ->
    set_environment(Config, fun(Key) -> Key end),
    started_by_environment(Config).

%% As the README of the original has it.
-spec env_strings(list()) -> ok.
env_strings(Config) ->
    set_environment(Config, fun atom_to_list/1),
    started_by_environment(Config).

started_by_environment(Config) ->
    {ok, Supervisor} = eslaver:start(normal, self()),
    got_load_and_write(Config),
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
-spec application_starts(list()) -> ok.
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

-spec server_start_0(list()) -> ok.
server_start_0(Config) ->
    set_environment(Config, fun(Key) -> Key end),
    ok = application:set_env(eslaver, callback, self()),
    {ok, Server} = eslaver_server:start(),
    got_load_and_write(Config),
    stops(Server).

-spec server_start_1(list()) -> ok.
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

%% Masters that are not there.

-spec no_master_in_reach(list()) -> ok.
no_master_in_reach(Config) ->
    ok = eslaver_test_master:kill(?config(master, Config)),
    {Replica, Collector} = eslaver_test_replica:start(target_of(Config)),
    ?assertMatch({error, _}, eslaver:await(Replica, loaded, 100)),
    #{} = eslaver_test_wait:until(fun() -> with_error(eslaver:info(Replica)) end),
    ?assertEqual([], eslaver_test_collector:events(Collector)),
    ?assert(is_process_alive(Replica)),
    eslaver:stop(Replica).

%% What was never up is not told to be down, whatever it fails of, here of a host that only a bug
%% could let through.
-spec link_that_never_was(list()) -> ok.
link_that_never_was(Config) ->
    ok = eslaver_test_log:start(),
    Self = self(),
    {ok, Replica} = eslaver:start_link((target(Config))#{
        events => full,
        callback => Self,
        hooks => fun(Event, _, _) -> Self ! {hook, Event} end
    }),
    ok = eslaver:await(Replica, loaded, 30_000),
    Broken = fun
        (#{address := _} = Options) -> Options#{address := {tcp, <<255>>, 1}};
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
    ?assertMatch([_], eslaver_test_log:matches("link is down")),
    ?assertMatch([_], eslaver_test_log:matches("no link \\(open\\)")),
    eslaver_test_log:stop().

messages() ->
    receive
        Message -> [Message | messages()]
    after 0 -> []
    end.

-spec master_comes_later(list()) -> ok.
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

-spec invalid_options(list()) -> ok.
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

-spec invalid_environment(list()) -> ok.
invalid_environment(Config) ->
    set_environment(Config, fun(Key) -> Key end),
    ok = application:set_env(eslaver, master_port, "6379"),
    ?assertEqual(
        {error, {invalid_option, master_port, "6379"}}, eslaver_server:start(self())
    ),
    ?assertMatch({error, _}, eslaver:start(normal, self())),
    ok.

%% Several.

-spec two_replicas(list()) -> ok.
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

-spec registered_name(list()) -> ok.
registered_name(Config) ->
    {Replica, _} =
        Both = eslaver_test_replica:start(?config(master, Config), #{name => {local, ?NAME}}),
    _ = eslaver_test_replica:loaded(Both),
    ?assertEqual(Replica, whereis(?NAME)),
    ?assertMatch(#{}, eslaver:info(?NAME)),
    ok = eslaver:stop(?NAME),
    ?assertEqual(undefined, whereis(?NAME)).

-spec child_of_a_supervisor(list()) -> ok.
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
-spec callback_raises(list()) -> ok.
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
    ok = eslaver_test_log:start(),
    _ = eslaver_test_client:ok(?config(client, Config), ["SET", "bad", "x"]),
    receive
        {'DOWN', Ref, process, Server, Reason} -> ct:log("~p", [Reason])
    after 30_000 -> error(server_survives)
    end,
    Keys = [<<"after">>, <<"bad">>, <<"k">>],
    ?assertEqual(Keys, lists:sort([element(3, event(loading)) || _ <- Keys])),
    ?assertEqual({loading, eof}, event(loading)),
    ?assertNotEqual(Server, server(Supervisor)),
    %% The report names the event and the reason.
    ?assertMatch([_ | _], eslaver_test_log:matches("bad.*this_event_is_too_much|too_much.*bad")),
    ok = eslaver_test_log:stop(),
    end_tree(Supervisor).

server(Supervisor) ->
    eslaver_test_wait:until(fun() ->
        case [Pid || {_, Pid, _, _} <- supervisor:which_children(Supervisor), is_pid(Pid)] of
            [Pid] -> Pid;
            [] -> false
        end
    end).

target(Config) ->
    eslaver_test_replica:target(?config(master, Config)).

target_of(Config) ->
    eslaver_test_master:port(?config(master, Config)).
