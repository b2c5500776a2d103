%% `load_dump': the file of an earlier run stands in for a master that is not in reach.
-module(eslaver_load_dump_SUITE).

-include_lib("common_test/include/ct.hrl").
-include_lib("kernel/include/file.hrl").
-include_lib("stdlib/include/assert.hrl").

-compile([export_all, nowarn_export_all]).

suite() ->
    [{timetrap, {minutes, 1}}, {ct_hooks, [eslaver_test_log_hook]}].

all() ->
    eslaver_test_groups:cases(?MODULE).

%% The dump of an earlier run, of a master that is gone.
init_per_testcase(Case, Config) ->
    Dir = filename:join(?config(priv_dir, Config), atom_to_list(Case)),
    ok = file:make_dir(Dir),
    Dump = filename:join(Dir, "dump.rdb"),
    Master = eslaver_test_master:start_own(),
    Client = eslaver_test_client:connect(Master),
    _ = eslaver_test_client:pipeline(Client, [
        ["SET", ["0:k:", integer_to_list(N)], eslaver_test_dataset:bytes(3000, N)]
     || N <- lists:seq(1, 3000)
    ]),
    Truth = eslaver_test_master_data:read(Client),
    {Replica, _} = Both = eslaver_test_replica:start(Master, #{dbfilename => Dump}),
    _ = eslaver_test_replica:loaded(Both),
    Position = eslaver:position(Replica),
    true = eslaver_test_wait:until(fun() -> filelib:is_file(Dump) end),
    ok = eslaver:stop(Replica),
    ok = eslaver_test_master:kill(Master),
    %% What it will have when it is there again.
    persistent_term:put({?MODULE, truth}, Truth),
    [{master, Master}, {dump, Dump}, {position, Position} | Config].

delivered(Config) ->
    {Replica, Collector} = Both = replica(Config, #{load_dump => true}),
    Events = eslaver_test_replica:loaded(Both),
    ?assertEqual([], differences(Events)),
    ?assertEqual(undefined, eslaver:position(Replica)),
    ?assertMatch([_], eslaver_test_log:await("loading the RDB file .*dump\\.rdb")),
    %% Once, however often it is tried.
    tried(Replica, 4),
    ?assertEqual(Events, eslaver_test_collector:events(Collector)),
    eslaver:stop(Replica).

replaced_by_the_first_sync(Config) ->
    {Replica, Collector} = Both = replica(Config, #{load_dump => true}),
    Before = length(eslaver_test_replica:loaded(Both)),
    Client = come_back(Config),
    true = eslaver_test_wait:until(fun() -> ends(Collector) =:= 2 end),
    After = lists:nthtail(Before, eslaver_test_collector:events(Collector)),
    ?assertEqual([{loading, string, <<"new">>, <<"v">>}, {loading, eof}], After),
    _ = eslaver_test_replica:mark(Client, Collector),
    %% The file is that of the sync.
    {ok, Kept} = eslaver_test_wait:until(fun() ->
        case file:read_file(?config(dump, Config)) of
            {ok, Bytes} when byte_size(Bytes) < 1000 -> {ok, Bytes};
            _ -> false
        end
    end),
    ?assertNotEqual(nomatch, binary:match(Kept, <<"new">>)),
    eslaver:stop(Replica).

%% While the file is delivered the master is there again: the rest of the file is void.
ended_by_a_master(Config) ->
    Collector = eslaver_test_collector:start(),
    {Replica, _} = replica(Config, #{
        load_dump => true,
        callback => fun(Event) ->
            Collector ! Event,
            timer:sleep(5)
        end
    }),
    _ = eslaver_test_collector:await(Collector, fun(Event) -> element(1, Event) =:= loading end),
    _ = come_back(Config),
    ok = eslaver:await(Replica, loaded, 30_000),
    true = eslaver_test_wait:until(fun() -> ends(Collector) =:= 1 end),
    Loading = [E || E <- eslaver_test_collector:events(Collector), element(1, E) =:= loading],
    ?assert(length(Loading) < 3000),
    ?assertEqual(
        [{loading, string, <<"new">>, <<"v">>}, {loading, eof}],
        lists:nthtail(length(Loading) - 2, Loading)
    ),
    ?assertMatch(#{offset := _}, eslaver:position(Replica)),
    eslaver:stop(Replica).

not_when_damaged(Config) ->
    {ok, Good} = file:read_file(?config(dump, Config)),
    Size = byte_size(Good),
    Flip = fun(At) ->
        <<Before:At/binary, Byte, After/binary>> = Good,
        <<Before/binary, (Byte bxor 4), After/binary>>
    end,
    lists:foreach(
        fun(Bytes) ->
            ok = file:write_file(?config(dump, Config), Bytes),
            ok = eslaver_test_log:clear(),
            {Replica, Collector} = replica(Config, #{load_dump => true}),
            _ = eslaver_test_log:await("cannot load the RDB file of an earlier run"),
            tried(Replica, 2),
            ?assertEqual([], eslaver_test_collector:events(Collector)),
            ok = eslaver:stop(Replica)
        end,
        [
            <<>>,
            <<"REDIS">>,
            binary:part(Good, 0, Size - 1),
            binary:part(Good, 0, Size div 2),
            Flip(Size - 1),
            Flip(Size div 2),
            eslaver_test_dataset:bytes(10_000, 1)
        ]
    ).

not_when_there_is_none(Config) ->
    ok = file:delete(?config(dump, Config)),
    nothing(Config, #{load_dump => true}).

not_unless_asked(Config) ->
    nothing(Config, #{}).

%% Who goes on from a position has what the file says already, and more.
not_with_a_position(Config) ->
    nothing(Config, #{load_dump => true, resume => ?config(position, Config)}).

nothing(Config, Options) ->
    {Replica, Collector} = replica(Config, Options),
    tried(Replica, 3),
    ?assertEqual([], eslaver_test_collector:events(Collector)),
    eslaver:stop(Replica).

not_with_a_master(Config) ->
    _ = come_back(Config),
    {Replica, _} = Both = replica(Config, #{load_dump => true}),
    ?assertEqual(
        [{loading, string, <<"new">>, <<"v">>}, {loading, eof}], eslaver_test_replica:loaded(Both)
    ),
    eslaver:stop(Replica).

%% A callback may raise here, too.
raises(Config) ->
    process_flag(trap_exit, true),
    {Replica, _} = replica(Config, #{load_dump => true, callback => fun(_) -> error(no) end}),
    receive
        {'EXIT', Replica, {callback_failed, #{reason := no}}} -> ok
    after 30_000 -> error(it_lives)
    end.

%% In a folder like `/tmp' anybody can put a file where the dump is expected.
not_of_another_user(Config) ->
    Dump = ?config(dump, Config),
    {ok, #file_info{uid = Ours}} = file:read_file_info(Dump),
    case file:write_file_info(Dump, #file_info{uid = Ours + 1}) of
        ok ->
            {Replica, Collector} = replica(Config, #{load_dump => true}),
            Why = io_lib:format(
                "cannot load .*dump\\.rdb: it belongs to user ~b, .* as user ~b",
                [Ours + 1, Ours]
            ),
            _ = eslaver_test_log:await(Why),
            ?assertEqual([], eslaver_test_collector:events(Collector)),
            ok = eslaver:stop(Replica),
            %% nor by root, whom the system refuses nothing
            ok = file:write_file_info(Dump, #file_info{uid = Ours}),
            delivered(Config);
        {error, eperm} ->
            {skip, "only root can give a file away"}
    end.

%% Whoever can put a link there chooses what is loaded.
not_by_a_link(Config) ->
    Dump = ?config(dump, Config),
    ok = file:rename(Dump, Dump ++ ".other"),
    ok = file:make_symlink(Dump ++ ".other", Dump),
    of_no_use("it is a symbolic link", Config).

%% It would be waited for until somebody writes to it.
not_of_a_fifo(Config) ->
    Dump = ?config(dump, Config),
    ok = file:delete(Dump),
    "" = os:cmd("mkfifo '" ++ Dump ++ "'"),
    of_no_use("it is a FIFO", Config).

of_no_use(Why, Config) ->
    {Replica, Collector} = replica(Config, #{load_dump => true}),
    _ = eslaver_test_log:await("cannot load .*dump\\.rdb: " ++ Why),
    tried(Replica, 2),
    ?assertEqual([], eslaver_test_collector:events(Collector)),
    eslaver:stop(Replica).

%% `info' tells of the file what it tells of a master's snapshot.
progress(Config) ->
    Callback = {eslaver_test_collector:start(), #{demand => 1000}},
    {Replica, _} = replica(Config, #{load_dump => true, callback => Callback}),
    Size = filelib:file_size(?config(dump, Config)),
    #{progress := #{total := Size}, keys := Keys, bytes := Bytes} = eslaver_test_wait:until(
        fun() ->
            case eslaver:info(Replica) of
                #{progress := #{percent := Percent}} = Info when Percent > 0 -> Info;
                #{} -> false
            end
        end
    ),
    ?assert(Keys >= 1000 andalso Keys < 3000, Keys),
    ?assert(Bytes > 1000 * 3000 andalso Bytes < Size, Bytes),
    ok = eslaver:demand(Replica, 3000),
    ok = eslaver:await(Replica, loaded, 30_000),
    #{keys := 3000, bytes := Size} = Loaded = eslaver:info(Replica),
    ?assertNot(is_map_key(progress, Loaded)),
    eslaver:stop(Replica).

replica(Config, Options) ->
    Dump = ?config(dump, Config),
    eslaver_test_replica:start(
        eslaver_test_master:port(?config(master, Config)),
        maps:merge(#{dbfilename => Dump}, Options)
    ).

%% The master is there again, with another dataset from the start.
come_back(Context) ->
    Other = eslaver_test_master:start_own(),
    Writer = eslaver_test_client:connect(Other),
    <<"OK">> = eslaver_test_client:ok(Writer, ["SET", "new", "v"]),
    <<"OK">> = eslaver_test_client:ok(Writer, ["SAVE"]),
    Master = ?config(master, Context),
    [From, To] = [filename:join(eslaver_test_master:dir(M), "dump.rdb") || M <- [Other, Master]],
    {ok, _} = file:copy(From, To),
    ok = eslaver_test_master:stop(Other),
    ok = eslaver_test_master:restart(Master),
    eslaver_test_client:connect(Master).

tried(Replica, Times) ->
    Tries = fun() -> maps:get(reconnects, eslaver:info(Replica)) end,
    true = eslaver_test_wait:until(fun() -> Tries() >= Times end),
    ok.

ends(Collector) ->
    length([eof || {loading, eof} <- eslaver_test_collector:events(Collector)]).

differences(Events) ->
    eslaver_test_compare:differences(persistent_term:get({?MODULE, truth}), Events).
