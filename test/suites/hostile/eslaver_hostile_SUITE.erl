%% Everything that can go wrong, repeatedly, at random and at once, in one node: nothing of it stays
%% there. It takes some seconds, or ten minutes with ESLAVER_LONG. ESLAVER_SEED repeats the random
%% choices, except for their timing.
-module(eslaver_hostile_SUITE).

-include_lib("common_test/include/ct.hrl").
-include_lib("stdlib/include/assert.hrl").

-compile([export_all, nowarn_export_all]).

-define(WORKERS, 4).
%% What one call into the node lasts, in ms.
-define(TURN, 4000).
%% What a node may have more than before, in bytes.
-define(MEMORY, 64_000_000).

suite() ->
    [{timetrap, {minutes, 30}}].

all() ->
    [nothing_stays || eslaver_test_node:has_proc()].

nothing_stays(Config) ->
    Turns =
        case eslaver_test_env:is_long() of
            true -> 160;
            false -> 2
        end,
    Seed = eslaver_test_env:seed(),
    Server = eslaver_test_servers:own(),
    {Family, Version} = {eslaver_test_servers:family(Server), eslaver_test_servers:version(Server)},
    Material = eslaver_test_recording:record(#{
        name => own, server => Server, family => Family, version => Version, modules => []
    }),
    Master = eslaver_test_master:start_own([{"repl-diskless-sync-delay", "0"}]),
    Real = eslaver_test_replica:target(Master),
    Node = eslaver_test_node:start(),
    ok = eslaver_test_node:call(Node, logger, set_primary_config, [level, none]),
    Given = Material#{real => Real, dir => ?config(priv_dir, Config)},
    Turn = fun(Number) ->
        eslaver_test_node:call(Node, ?MODULE, work, [Given, Seed, Number, ?TURN])
    end,
    _ = Turn(0),
    {Done, #{counts := Counts, memory := {Had, Has, Peak}}} =
        eslaver_test_node:flat(Node, fun() -> [Turn(Number) || Number <- lists:seq(1, Turns)] end),
    All = lists:foldl(fun sum/2, #{}, Done),
    ct:pal("~p~n~p~nbytes: ~b, then ~b, at most ~b", [All, Counts, Had, Has, Peak]),
    ?assert(Has - Had < ?MEMORY),
    ?assert(Peak - Had < 3 * ?MEMORY),
    %% each has been done, and the node goes on as if nothing had been
    ?assertEqual(lists:sort([What || {What, _} <- deeds()]), lists:sort(maps:keys(All))),
    ok = good_sync_in(Node, Material),
    eslaver_test_node:stop(Node).

sum(Counts, Sum) ->
    maps:merge_with(fun(_, A, B) -> A + B end, Counts, Sum).

good_sync_in(Node, #{snapshot := Snapshot, keys := Keys}) ->
    Psync = eslaver_test_fake_master:full_resync(Snapshot),
    #{ended := loaded, events := Events} =
        eslaver_test_node:call(Node, eslaver_test_hostile_master, serve, [load, Psync]),
    ?assertEqual(Keys, eslaver_test_hostile_master:keys(Events)).

%% In the node

%% How often each was done.
-spec work(map(), integer(), non_neg_integer(), pos_integer()) -> #{atom() => pos_integer()}.
work(Given, Seed, Turn, Time) ->
    Deadline = erlang:monotonic_time(millisecond) + Time,
    Counts = eslaver_test_parallel:map(
        fun(Worker) ->
            _ = rand:seed(exsss, {Seed, Turn, Worker}),
            process_flag(trap_exit, true),
            %% each at least once, in the first turns
            lists:foldl(
                fun sum/2, #{}, [do(Deed, Given) || Deed <- share(Worker)] ++ more(Given, Deadline)
            )
        end,
        lists:seq(1, ?WORKERS)
    ),
    lists:foldl(fun sum/2, #{}, Counts).

share(Worker) ->
    [
        Deed
     || {Number, Deed} <- lists:enumerate(deeds()), Number rem ?WORKERS =:= Worker rem ?WORKERS
    ].

more(Given, Deadline) ->
    case erlang:monotonic_time(millisecond) < Deadline of
        true -> [do(one_of(deeds()), Given) | more(Given, Deadline)];
        false -> []
    end.

one_of(List) ->
    lists:nth(rand:uniform(length(List)), List).

do({What, Deed}, Given) ->
    _ = Deed(Given),
    flush(),
    #{What => 1}.

flush() ->
    receive
        _ -> flush()
    after 0 -> ok
    end.

deeds() ->
    [
        {damaged_snapshot, fun damaged_snapshot/1},
        {damaged_stream, fun damaged_stream/1},
        {damaged_file, fun damaged_file/1},
        {damaged_payload, fun damaged_payload/1},
        {strange_names, fun strange_names/1},
        {strange_answers, fun strange_answers/1},
        {bad_options, fun bad_options/1},
        {no_master, fun no_master/1},
        {raising_callback, fun raising_callback/1},
        {killed_link, fun killed_link/1},
        {killed_server, fun killed_server/1},
        {stopped_at_once, fun stopped_at_once/1},
        {dead_subscriber, fun dead_subscriber/1},
        {dead_owner, fun dead_owner/1},
        {real_master, fun real_master/1}
    ].

damaged_snapshot(#{snapshot := Snapshot, names := Names}) ->
    #{bytes := Bytes} = eslaver_test_mutation:mutate(Snapshot, Names),
    #{ended := Ended} = eslaver_test_hostile_master:serve(
        load, eslaver_test_fake_master:full_resync(Bytes)
    ),
    Allowed = [loaded || not eslaver_test_mutation:is_damaged(Snapshot, Bytes)],
    true = lists:member(Ended, [bad_snapshot, unsupported | Allowed]).

damaged_stream(#{snapshot := Snapshot, stream := Stream}) ->
    #{bytes := Bytes} = eslaver_test_mutation:mutate(Stream, []),
    eslaver_test_hostile_master:serve(stream, [
        eslaver_test_fake_master:full_resync(Snapshot), Bytes
    ]).

damaged_file(#{snapshot := Snapshot, names := Names, dir := Dir}) ->
    #{bytes := Bytes} = eslaver_test_mutation:mutate(Snapshot, Names),
    File = filename:join(Dir, [integer_to_list(rand:uniform(1 bsl 60)), ".rdb"]),
    ok = file:write_file(File, Bytes),
    case eslaver_rdb:fold(File, fun(_, Acc) -> Acc end, none) of
        {error, #{reason := Reason}} when Reason =:= bad_snapshot; Reason =:= unsupported -> ok;
        {ok, none} -> false = eslaver_test_mutation:is_damaged(Snapshot, Bytes)
    end,
    ok = file:write_file(File, Snapshot),
    {caught, stop} =
        try
            eslaver_rdb:fold(File, fun(_, _) -> throw(stop) end, none)
        catch
            Thrown -> {caught, Thrown}
        end,
    file:delete(File).

damaged_payload(#{snapshot := Snapshot}) ->
    From = rand:uniform(byte_size(Snapshot)) - 1,
    Size = min(rand:uniform(200), byte_size(Snapshot) - From),
    eslaver_rdb:decode_dump(<<(binary:part(Snapshot, From, Size))/binary, 11:16/little, 0:64>>).

%% Of commands, of types, of functions, of consumers: none becomes an atom.
strange_names(_Given) ->
    Word = fun() -> base64:encode(rand:bytes(12)) end,
    Commands = [
        ["*2\r\n$16\r\n", Word(), "\r\n$16\r\n", Word(), "\r\n"]
     || _ <- lists:seq(1, 200)
    ],
    Fields = [[250, 16, Word(), 16, Word()] || _ <- lists:seq(1, 50)],
    Function = [245, 64, 40, "#!lua name=", Word(), "\n", binary:copy(<<"x">>, 12)],
    Snapshot = [
        "REDIS0013", Fields, Function, <<7, 1, "k", (rand:bytes(9))/binary>>, 255, <<0:64>>
    ],
    _ = eslaver_test_hostile_master:serve(load, eslaver_test_fake_master:full_resync(Snapshot)),
    Psync = [eslaver_test_fake_master:full_resync(["REDIS0013", 255, <<0:64>>]), Commands],
    #{events := Events} = eslaver_test_hostile_master:serve(stream, Psync),
    200 = length([Command || {stream, Command, _, _} <- Events]).

strange_answers(_Given) ->
    Script = one_of([
        #{greeting => rand:bytes(5000)},
        #{greeting => binary:copy(<<"x">>, 100_000)},
        #{greeting => "-DENIED go away\r\n"},
        #{replies => #{<<"AUTH">> => "-WRONGPASS no\r\n"}},
        #{replies => #{<<"PING">> => "-LOADING wait\r\n"}},
        #{psync => rand:bytes(100)},
        #{psync => "-NOMASTERLINK no\r\n"},
        #{psync => "", then => close},
        #{psync => "+FULLRESYNC x\r\n"},
        #{psync => "+CONTINUE\r\n"}
    ]),
    eslaver_test_hostile_master:with_fake(Script, fun(Target) ->
        {ok, Replica} = eslaver:start_link(Target#{
            master_auth => "wrong", repl_timeout => 300, callback => {erlang, is_tuple}
        }),
        _ = eslaver_test_wait:until(fun() ->
            maps:get(last_error, eslaver:info(Replica)) =/= undefined
        end),
        eslaver:stop(Replica)
    end).

bad_options(_Given) ->
    {error, _} = eslaver:start_link(#{base64:encode(rand:bytes(9)) => 1}),
    {error, _} = eslaver:start_link(#{master_port => rand:uniform(99) * 65536}).

no_master(_Given) ->
    {ok, Replica} = eslaver:start_link(#{
        master_host => {local, "/no/such/socket"}, dbfilename => undefined
    }),
    _ = eslaver_test_wait:until(fun() ->
        maps:get(last_error, eslaver:info(Replica)) =/= undefined
    end),
    eslaver:stop(Replica).

raising_callback(Given) ->
    with_replica({?MODULE, raise}, Given, fun gone/1).

-spec raise(term()) -> no_return().
raise(Event) ->
    error({no, Event}).

killed_link(Given) ->
    with_replica({erlang, is_tuple}, Given, fun(Replica) ->
        {links, Links} = process_info(Replica, links),
        _ = [exit(Pid, kill) || Pid <- Links, is_pid(Pid), Pid =/= self()],
        eslaver:stop(Replica)
    end).

killed_server(Given) ->
    with_replica({erlang, is_tuple}, Given, fun(Replica) ->
        _ = rand:uniform(2) =:= 1 andalso eslaver:await(Replica, loaded, 5000),
        exit(Replica, kill),
        gone(Replica)
    end).

stopped_at_once(Given) ->
    with_replica({erlang, is_tuple}, Given, fun eslaver:stop/1).

dead_subscriber(Given) ->
    with_replica({erlang, is_tuple}, Given, fun(Replica) ->
        {Pid, Ref} = spawn_monitor(fun() -> {ok, _} = eslaver:subscribe(Replica, #{}) end),
        receive
            {'DOWN', Ref, process, Pid, normal} -> ok
        end,
        eslaver:stop(Replica)
    end).

dead_owner(#{snapshot := Snapshot}) ->
    Script = #{psync => eslaver_test_fake_master:full_resync(Snapshot)},
    eslaver_test_hostile_master:with_fake(Script, fun(Target) ->
        {Pid, Ref} = spawn_monitor(fun() ->
            {ok, Replica} = eslaver:start_link(Target#{callback => {erlang, is_tuple}}),
            exit({started, Replica})
        end),
        receive
            {'DOWN', Ref, process, Pid, {started, Replica}} -> gone(Replica)
        end
    end).

real_master(#{real := Real}) ->
    {ok, Replica} = eslaver:start_link(Real#{callback => {erlang, is_tuple}}),
    ok = eslaver:await(Replica, loaded, 30_000),
    eslaver:stop(Replica).

with_replica(Callback, #{snapshot := Snapshot, stream := Stream}, Fun) ->
    Script = #{psync => [eslaver_test_fake_master:full_resync(Snapshot), Stream]},
    eslaver_test_hostile_master:with_fake(Script, fun(Target) ->
        {ok, Replica} = eslaver:start_link(Target#{callback => Callback}),
        Fun(Replica)
    end).

gone(Replica) ->
    Ref = monitor(process, Replica),
    receive
        {'DOWN', Ref, process, Replica, _} -> ok
    end.
