%% A replica stops promptly in every phase, and however it ends, nothing of it stays. And it goes on
%% when its code is loaded anew.
-module(eslaver_stop_SUITE).

-include_lib("common_test/include/ct.hrl").
-include_lib("stdlib/include/assert.hrl").

-compile([export_all, nowarn_export_all]).

%% How long a stop may take, in ms. The requirement is a second.
-define(PROMPT, 1000).

suite() ->
    [{timetrap, {minutes, 3}}, {ct_hooks, [eslaver_test_log_hook]}].

all() ->
    eslaver_test_groups:cases(?MODULE).

stops(Phase, Replica) ->
    {links, Links} = process_info(Replica, links),
    Took = eslaver_test_wait:took(fun() -> ok = eslaver:stop(Replica) end),
    ct:pal("stopped while ~s: ~b ms", [Phase, Took]),
    ?assert(Took < ?PROMPT),
    %% With its processes.
    true = eslaver_test_wait:until(fun() ->
        not lists:any(fun is_process_alive/1, [Pid || Pid <- Links, is_pid(Pid), Pid =/= self()])
    end),
    %% With its thread, except one that the system keeps while it looks up a name.
    Phase =:= "resolving" orelse eslaver_test_wait:until(fun() -> io_threads() =:= 0 end),
    ok.

io_threads() ->
    length([
        Comm
     || File <- filelib:wildcard("/proc/self/task/*/comm"),
        {ok, Comm} <- [file:read_file(File)],
        Comm =:= <<"eslaver_io\n">>
    ]).

stop_while_resolving(_Config) ->
    {Replica, _} = eslaver_test_replica:start(6379, #{master_host => "no-such-host.invalid"}),
    #{state := _} = eslaver:info(Replica),
    stops("resolving", Replica),
    %% The look-up ends at some time.
    eslaver_test_wait:until(fun() -> io_threads() =:= 0 end, 60_000),
    ok.

stop_while_connecting(_Config) ->
    {Port, Sockets} = eslaver_test_full_port:open(),
    {Replica, _} = eslaver_test_replica:start(Port),
    #{state := connecting} = eslaver:info(Replica),
    stops("connecting", Replica),
    eslaver_test_full_port:close(Sockets).

stop_in_the_handshake(_Config) ->
    Fake = eslaver_test_fake_master:start([#{replies => #{<<"REPLCONF">> => <<>>}}]),
    {Replica, _} = eslaver_test_replica:start(eslaver_test_fake_master:port(Fake)),
    true = eslaver_test_wait:until(fun() ->
        length(eslaver_test_fake_master:commands(Fake)) >= 2
    end),
    stops("shaking hands", Replica).

stop_waiting_for_the_snapshot(_Config) ->
    Fake = eslaver_test_fake_master:start([#{psync => <<"\n\n">>}]),
    {Replica, _} = eslaver_test_replica:start(eslaver_test_fake_master:port(Fake)),
    true = eslaver_test_wait:until(fun() ->
        [psync || {_, [<<"PSYNC">> | _]} <- eslaver_test_fake_master:commands(Fake)] =/= []
    end),
    stops("waiting for the snapshot", Replica).

%% Its temporary file is removed, too, where it has a name.
stop_while_loading(Config) ->
    Dir = filename:join(?config(priv_dir, Config), "stop_while_loading"),
    ok = file:make_dir(Dir),
    Master = populated(),
    Proxy = eslaver_test_proxy:start(Master),
    ok = eslaver_test_proxy:trickle(Proxy, 2000),
    {Replica, _} = eslaver_test_replica:start(
        eslaver_test_proxy:port(Proxy), #{dbfilename => filename:join(Dir, "dump.rdb")}
    ),
    true = eslaver_test_wait:until(fun() ->
        case eslaver:info(Replica) of
            #{state := loading, keys := Keys} -> Keys > 100;
            #{} -> false
        end
    end),
    stops("loading", Replica),
    ?assertEqual({ok, []}, file:list_dir(Dir)).

stop_while_streaming(_Config) ->
    Master = eslaver_test_master:start_own(),
    {Replica, _} = Both = eslaver_test_replica:start(Master),
    _ = eslaver_test_replica:loaded(Both),
    Writers = eslaver_test_writers:start(Master, 1, #{pause => 0}),
    true = eslaver_test_wait:until(fun() -> eslaver_test_writers:count(Writers) > 300 end),
    stops("streaming", Replica),
    _ = eslaver_test_writers:stop(Writers),
    ok.

%% Queued events are dropped.
stop_with_much_to_do(_Config) ->
    Master = populated(),
    Self = self(),
    {Replica, _} = eslaver_test_replica:start(Master, #{
        callback => fun(Event) ->
            Self ! Event,
            timer:sleep(50)
        end
    }),
    _ = [
        receive
            {loading, string, _, _} -> ok
        after 30_000 -> error(no_event)
        end
     || _ <- lists:seq(1, 10)
    ],
    %% By now the link has sent as much as it may, and waits for credit.
    stops("much was to be done", Replica).

stop_with_a_stopped_master(_Config) ->
    Master = eslaver_test_master:start_own(),
    {Replica, _} = Both = eslaver_test_replica:start(Master),
    _ = eslaver_test_replica:loaded(Both),
    ok = eslaver_test_master:pause(Master),
    stops("the master is stopped", Replica),
    eslaver_test_master:continue(Master).

stop_between_tries(_Config) ->
    {ok, Listener} = gen_tcp:listen(0, [{ip, {127, 0, 0, 1}}]),
    {ok, Port} = inet:port(Listener),
    ok = gen_tcp:close(Listener),
    {Replica, _} = eslaver_test_replica:start(Port),
    true = eslaver_test_wait:until(fun() ->
        #{state := State, reconnects := Count} = eslaver:info(Replica),
        State =:= waiting andalso Count > 2
    end),
    stops("waiting for the next try", Replica).

populated() ->
    Master = eslaver_test_master:start_own([{"rdbcompression", "no"}]),
    Client = eslaver_test_client:connect(Master),
    <<"OK">> = eslaver_test_client:ok(Client, ["DEBUG", "POPULATE", 20_000, "k", 500]),
    ok = eslaver_test_client:close(Client),
    Master.

leaves_nothing(Config) ->
    case eslaver_test_node:has_proc() of
        false -> {skip, "there is no /proc"};
        true -> start_and_end(Config)
    end.

start_and_end(Context) ->
    Seed = eslaver_test_env:seed(),
    Rounds =
        case eslaver_test_env:is_long() of
            true -> 1000;
            false -> 200
        end,
    Dir = filename:join(?config(priv_dir, Context), "leaves_nothing"),
    ok = file:make_dir(Dir),
    Master = populated(),
    Options = (eslaver_test_replica:target(Master))#{
        dbfilename => filename:join(Dir, "dump.rdb"), callback => {erlang, is_tuple}
    },
    %% In a node where nothing else comes and goes.
    Node = eslaver_test_node:start(),
    ok = eslaver_test_node:call(Node, logger, set_primary_config, [level, none]),
    {Before, After} = eslaver_test_node:call(Node, ?MODULE, rounds, [Options, Seed, Rounds, Dir]),
    ct:pal("~b rounds: before ~p, after ~p", [Rounds, Before, After]),
    ?assertEqual([], [
        {What, Count, Left}
     || {What, Count} <- maps:to_list(Before),
        Left <- [maps:get(What, After)],
        Left > Count
    ]),
    eslaver_test_node:stop(Node).

-spec rounds(map(), integer(), pos_integer(), file:filename()) -> {map(), map()}.
rounds(Options, Seed, Rounds, Dir) ->
    _ = rand:seed(exsss, Seed),
    _ = [start_and_end(Options, Ending) || Ending <- [stop, kill, supervisor]],
    ok = file:write_file(filename:join(Dir, "dump.rdb"), <<>>),
    true = eslaver_test_wait:until(fun() -> io_threads() =:= 0 end),
    Before = inventory(Dir),
    _ = [start_and_end(Options, any([stop, kill, supervisor])) || _ <- lists:seq(1, Rounds)],
    try
        eslaver_test_wait:until(fun() -> not_more(inventory(Dir), Before) end, 20_000)
    catch
        error:_ -> ok
    end,
    {Before, inventory(Dir)}.

start_and_end(Options, Ending) ->
    process_flag(trap_exit, true),
    {ok, Top} =
        case Ending of
            supervisor -> supervisor:start_link(?MODULE, [eslaver:child_spec(Options)]);
            _ -> eslaver:start_link(Options)
        end,
    _ = any([true, false]) andalso timer:sleep(rand:uniform(60)),
    case Ending of
        stop -> ok = eslaver:stop(Top);
        kill -> exit(Top, kill);
        supervisor -> exit(Top, shutdown)
    end,
    receive
        {'EXIT', Top, _} -> ok
    after 10_000 -> error({does_not_end, Ending})
    end.

any(List) ->
    lists:nth(rand:uniform(length(List)), List).

inventory(Dir) ->
    _ = erlang:garbage_collect(),
    Self = eslaver_test_node:os_pid(self),
    {ok, Files} = file:list_dir(Dir),
    #{
        threads => eslaver_test_node:threads(Self),
        descriptors => eslaver_test_node:descriptors(Self),
        processes => erlang:system_info(process_count),
        ports => erlang:system_info(port_count),
        files => length(Files),
        io_threads => io_threads()
    }.

%% Others in this node may have less than before.
not_more(After, Before) ->
    lists:all(fun({What, Count}) -> Count =< maps:get(What, Before) end, maps:to_list(After)).

%% supervisor callback
-spec init(list()) -> {ok, tuple()}.
init(Children) ->
    {ok, {#{intensity => 10, period => 1}, Children}}.

%% New code while it runs: what is in use goes on. Old code that is purged takes its processes
%% along, as ever in Erlang: then the supervisor starts the replica anew, and nothing stays.
code_is_loaded(_Config) ->
    process_flag(trap_exit, true),
    Master = eslaver_test_master:start_own([{"repl-backlog-size", "64mb"}]),
    Client = eslaver_test_client:connect(Master),
    Collector = eslaver_test_collector:start(),
    Options = (eslaver_test_replica:target(Master))#{callback => Collector},
    {ok, Top} = supervisor:start_link(?MODULE, [eslaver:child_spec(Options)]),
    [{_, Replica, _, _}] = supervisor:which_children(Top),
    ok = eslaver:await(Replica, loaded, 30_000),
    Writers = eslaver_test_writers:start(Master, 1),
    _ = application:load(eslaver),
    {ok, Modules} = application:get_key(eslaver, modules),
    Own = [Module || Module <- Modules, Module =/= eslaver_nif],
    _ = [true = code:soft_purge(Module) || Module <- Own],
    _ = [{module, Module} = code:load_file(Module) || Module <- Own],
    %% A native library cannot be replaced: that is refused, and does no harm.
    ?assertMatch({error, _}, code:load_file(eslaver_nif)),
    _ = eslaver_test_replica:mark(Client, Collector),
    ?assertMatch([{_, Replica, _, _}], supervisor:which_children(Top)),
    ?assertMatch(#{state := streaming, reconnects := 0}, eslaver:info(Replica)),
    _ = [code:purge(Module) || Module <- Own],
    _ = [{module, Module} = code:load_file(Module) || Module <- Own],
    _ = [code:purge(Module) || Module <- Own],
    _ = eslaver_test_replica:mark(Client, Collector),
    _ = eslaver_test_writers:stop(Writers),
    exit(Top, shutdown),
    receive
        {'EXIT', Top, _} -> ok
    after 10_000 -> error(does_not_end)
    end,
    0 = eslaver_test_wait:until(fun() -> io_threads() =:= 0 andalso 0 end),
    ok.
