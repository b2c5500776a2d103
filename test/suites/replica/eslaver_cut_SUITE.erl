%% Links that break, at any byte. The events must be the master's own history, as a plain replica
%% writes it down beside: none lost, none twice, in order.
-module(eslaver_cut_SUITE).

-include_lib("common_test/include/ct.hrl").
-include_lib("stdlib/include/assert.hrl").

-compile([export_all, nowarn_export_all]).

%% Cuts of the stream for each server, of which there are up to four; never fewer than these in all.
-define(CUTS, 320).

suite() ->
    [{timetrap, {minutes, 4}}, {ct_hooks, [eslaver_test_log_hook]}].

all() ->
    eslaver_test_groups:cases(?MODULE).

init_per_testcase(_Case, Config) ->
    [{seed, eslaver_test_env:seed()} | Config].

%% The stream

anywhere(Config) ->
    Servers = eslaver_test_servers:spread(),
    Each = (?CUTS + length(Servers) - 1) div length(Servers),
    cuts(Servers, Each, fun any_cut/0, #{}, Config).

%% Every write is part of a transaction, and long ones are cut in their middle.
in_transactions(Config) ->
    Cut = fun() -> {down, rand:uniform(3000), manner()} end,
    cuts(eslaver_test_servers:spread(), 15, Cut, #{kinds => [1, 2], pause => 5}, Config).

any_cut() ->
    case rand:uniform(20) of
        %% In the answers of the handshake, and in what is sent to the master.
        1 -> {down, rand:uniform(150), manner()};
        N when N =< 3 -> {up, rand:uniform(200), manner()};
        _ -> {down, rand:uniform(20_000), manner()}
    end.

manner() ->
    case rand:uniform(2) of
        1 -> eof;
        2 -> reset
    end.

cuts(Servers, Count, Cut, Writers, Config) ->
    Seed = ?config(seed, Config),
    Results = eslaver_test_parallel:map(
        fun({Number, Server}) -> cut_stream(Server, Seed + Number, Count, Cut, Writers) end,
        lists:zip(lists:seq(1, length(Servers)), Servers)
    ),
    ct:pal("cuts, reconnects, events: ~p", [Results]),
    ok.

cut_stream(#{server := Server, name := Name}, Seed, Count, Cut, WriterOptions) ->
    _ = rand:seed(exsss, Seed),
    Master = eslaver_test_master:start(#{
        server => Server, config => [{"repl-backlog-size", "256mb"}]
    }),
    Client = eslaver_test_client:connect(Master),
    Tap = eslaver_test_stream_recorder:start(Master),
    Proxy = eslaver_test_proxy:start(Master),
    {Replica, Collector} = Both = eslaver_test_replica:start(eslaver_test_proxy:port(Proxy)),
    [{loading, eof}] = eslaver_test_replica:loaded(Both),
    Begin = mark(Client, "0:begin"),
    Writers = eslaver_test_writers:start(Master, Seed, WriterOptions),
    Positions = [cut_once(Proxy, Cut(), Replica) || _ <- lists:seq(1, Count)],
    Cuts = eslaver_test_proxy:cuts(Proxy),
    _ = eslaver_test_writers:stop(Writers),
    End = mark(Client, "0:end"),
    await_command(Collector, End),
    ok = eslaver_test_stream_recorder:await(Tap, End),
    Events = eslaver_test_collector:events(Collector),
    History = between(Begin, End, eslaver_test_stream_recorder:history(Tap)),
    same(Name, [Command || {_, Command} <- History], between(Begin, End, with_offsets(Events))),
    ?assertEqual(1, length([eof || {loading, eof} <- Events])),
    Syncs = eslaver_test_log:await(shown(Proxy) ++ ": link is up, full sync"),
    ?assertEqual(1, length(Syncs)),
    %% Where to go on from is never within a transaction, and has the right database.
    Safe = safe_places(eslaver_test_stream_recorder:history(Tap)),
    ?assertEqual([], [
        {Name, Offset, Db}
     || #{offset := Offset, db := Db} <- lists:usort(Positions),
        is_map_key(Offset, Safe),
        maps:get(Offset, Safe) =/= Db
    ]),
    ?assertEqual([], [
        {Name, inside, Offset}
     || #{offset := Offset} <- lists:usort(Positions), is_inside(Offset, History, Safe)
    ]),
    Truth = eslaver_test_master_data:read(Client),
    ?assertEqual(
        [], eslaver_test_event_replay:differences(Truth, eslaver_test_event_replay:events(Events))
    ),
    #{reconnects := Reconnects} = eslaver:info(Replica),
    ok = eslaver:stop(Replica),
    ?assert(Cuts >= Count),
    {Name, Cuts, Reconnects, length(Events)}.

%% Begins with the connection that is there, or with the next one.
cut_once(Proxy, {Direction, Bytes, Manner}, Replica) ->
    Before = eslaver_test_proxy:cuts(Proxy),
    ok = eslaver_test_proxy:cut_after(Proxy, Direction, Bytes, Manner),
    Wanted =
        case Direction of
            down ->
                Before + 1;
            up ->
                ok = eslaver_test_proxy:cut(Proxy),
                Before + 2
        end,
    true = eslaver_test_wait:until(fun() -> eslaver_test_proxy:cuts(Proxy) >= Wanted end),
    eslaver:position(Replica).

mark(Client, Key) ->
    Value = integer_to_binary(erlang:unique_integer([positive])),
    [_, _] = eslaver_test_client:pipeline(Client, [["SELECT", 0], ["SET", Key, Value]]),
    [<<"set">>, list_to_binary(Key), Value].

await_command(Collector, [<<"set">>, Key, Value]) ->
    eslaver_test_collector:await(Collector, fun(Event) ->
        Event =:= {stream, "set", [Key, Value]}
    end).

with_offsets(Events) ->
    [{none, Command} || Command <- eslaver_test_event_replay:commands(Events)].

%% From the one command to the other.
between(Begin, End, History) ->
    Begun = lists:dropwhile(fun({_, Command}) -> Command =/= Begin end, History),
    {Before, [Last | _]} = lists:splitwith(fun({_, Command}) -> Command =/= End end, Begun),
    Before ++ [Last].

same(Name, Expected, Got) ->
    Commands = [Command || {_, Command} <- Got],
    case first_difference(0, Expected, Commands) of
        none ->
            ok;
        {At, A, B} ->
            error(
                {Name, history_differs, At, {expected, A}, {got, B}, length(Expected), length(Got)}
            )
    end.

first_difference(_At, [], []) -> none;
first_difference(At, [Same | As], [Same | Bs]) -> first_difference(At + 1, As, Bs);
first_difference(At, As, Bs) -> {At, lists:sublist(As, 4), lists:sublist(Bs, 4)}.

%% The offsets behind a command that is outside a transaction or ends one, with the database that is
%% selected there.
safe_places(History) ->
    {Places, _, _} = lists:foldl(fun safe_place/2, {#{}, unknown, false}, History),
    maps:filter(fun(_, Db) -> Db =/= unknown end, Places).

safe_place({Offset, [<<"select">>, Db]}, {Places, _, Inside}) ->
    place(Offset, {Places, binary_to_integer(Db), Inside});
safe_place({_, [<<"multi">>]}, {Places, Db, false}) ->
    {Places, Db, true};
safe_place({Offset, [<<"exec">>]}, {Places, Db, true}) ->
    place(Offset, {Places, Db, false});
safe_place({Offset, _}, State) ->
    place(Offset, State).

place(Offset, {Places, Db, false}) -> {Places#{Offset => Db}, Db, false};
place(_Offset, State) -> State.

is_inside(Offset, History, Safe) ->
    lists:keymember(Offset, 1, History) andalso not is_map_key(Offset, Safe).

shown(Proxy) ->
    "127\\.0\\.0\\.1:" ++ integer_to_list(eslaver_test_proxy:port(Proxy)).

%% The snapshot

%% Several replicas of each server, whose snapshot is cut again and again: it starts over, and the
%% result is right.
in_the_snapshot(Config) ->
    Seed = ?config(seed, Config),
    Servers = eslaver_test_servers:spread(),
    Dir = ?config(priv_dir, Config),
    Cuts = eslaver_test_parallel:map(
        fun({Number, Server}) -> cut_snapshots(Server, Seed + Number, Dir) end,
        lists:zip(lists:seq(1, length(Servers)), Servers)
    ),
    ct:pal("cuts within snapshots: ~p", [Cuts]),
    ok.

cut_snapshots(#{server := Server, name := Name}, Seed, Dir) ->
    Master = eslaver_test_master:start(#{
        server => Server, config => [{"repl-backlog-size", "256mb"}]
    }),
    Client = eslaver_test_client:connect(Master),
    _ = rand:seed(exsss, Seed),
    _ = eslaver_test_client:pipeline(Client, [
        ["SET", ["0:k:", integer_to_list(N)], eslaver_test_dataset:bytes(400, N)]
     || N <- lists:seq(1, 3000)
    ]),
    Writers = eslaver_test_writers:start(Master, Seed, #{deletes => false, pause => 10}),
    Replicas = [cut_replica(Name, Number, Master, Dir) || Number <- lists:seq(1, 4)],
    Cuts = eslaver_test_parallel:map(fun cut_snapshot/1, [
        {Proxy, Both, Seed * 10 + Number}
     || {Number, Proxy, Both, _} <- Replicas
    ]),
    _ = eslaver_test_writers:stop(Writers),
    End = mark(Client, "0:end"),
    Truth = eslaver_test_master_data:read(Client),
    _ = [
        begin
            await_command(Collector, End),
            Events = eslaver_test_collector:events(Collector),
            ?assertEqual(1, length([eof || {loading, eof} <- Events])),
            Data = eslaver_test_event_replay:events(Events),
            ?assertEqual([], eslaver_test_event_replay:differences(Truth, Data)),
            Kept = [File || File <- filelib:wildcard(filename:join(Own, "{*,.e*}")), Own =/= none],
            ?assertEqual([filename:join(Own, "dump.rdb") || Own =/= none], Kept),
            ok = eslaver:stop(Replica)
        end
     || {_, _, {Replica, Collector}, Own} <- Replicas
    ],
    {Name, lists:sum(Cuts)}.

%% Every other one keeps its snapshot.
cut_replica(Name, Number, Master, Dir) ->
    Own =
        case Number rem 2 of
            0 -> none;
            1 -> filename:join(Dir, [Name, $_, integer_to_list(Number)])
        end,
    Dump =
        case Own of
            none ->
                undefined;
            _ ->
                ok = file:make_dir(Own),
                filename:join(Own, "dump.rdb")
        end,
    Proxy = eslaver_test_proxy:start(Master),
    %% The first connection is not to get anywhere before the cut is set.
    ok = eslaver_test_proxy:stall(Proxy),
    Both = eslaver_test_replica:start(eslaver_test_proxy:port(Proxy), #{dbfilename => Dump}),
    {Number, Proxy, Both, Own}.

cut_snapshot({Proxy, {Replica, _}, Seed}) ->
    _ = rand:seed(exsss, Seed),
    Cuts = lists:seq(1, 3),
    _ = [
        begin
            ok = eslaver_test_proxy:cut_after(Proxy, down, 500 + rand:uniform(1_200_000), manner()),
            ok = eslaver_test_proxy:flow(Proxy),
            true = eslaver_test_wait:until(fun() -> eslaver_test_proxy:cuts(Proxy) >= Cut end),
            ?assertEqual({error, timeout}, eslaver:await(Replica, loaded, 0))
        end
     || Cut <- Cuts
    ],
    ok = eslaver:await(Replica, loaded, 30_000),
    length(Cuts).

%% The master no longer has what it wrote while the link was down: a full sync, which is logged.
backlog_lost(Config) ->
    _ = eslaver_test_parallel:map(
        fun(#{server := Server}) -> lose_backlog(Server, ?config(seed, Config)) end,
        eslaver_test_servers:spread()
    ),
    ok.

lose_backlog(Server, Seed) ->
    Master = eslaver_test_master:start(#{
        server => Server, config => [{"repl-backlog-size", "16kb"}]
    }),
    Client = eslaver_test_client:connect(Master),
    Proxy = eslaver_test_proxy:start(Master),
    {Replica, Collector} = Both = eslaver_test_replica:start(eslaver_test_proxy:port(Proxy)),
    _ = eslaver_test_replica:loaded(Both),
    _ = await_command(Collector, mark(Client, "0:begin")),
    ok = eslaver_test_proxy:target(Proxy, none),
    ok = eslaver_test_proxy:cut(Proxy),
    true = eslaver_test_wait:until(fun() ->
        eslaver_test_client:info(Client, "connected_slaves") =:= <<"0">>
    end),
    Writers = eslaver_test_writers:start(Master, Seed, #{pause => 0}),
    true = eslaver_test_wait:until(fun() -> eslaver_test_writers:count(Writers) > 1000 end),
    _ = eslaver_test_writers:stop(Writers),
    ok = eslaver_test_proxy:target(Proxy, Master),
    true = eslaver_test_wait:until(fun() ->
        length([eof || {loading, eof} <- eslaver_test_collector:events(Collector)]) =:= 2
    end),
    _ = await_command(Collector, mark(Client, "0:end")),
    ?assertMatch(
        [_],
        eslaver_test_log:await(
            shown(Proxy) ++
                ": link is up, full sync instead of resuming at offset [0-9]+ \\(.*no longer has"
        )
    ),
    Data = eslaver_test_event_replay:events(eslaver_test_collector:events(Collector)),
    ?assertEqual(
        [], eslaver_test_event_replay:differences(eslaver_test_master_data:read(Client), Data)
    ),
    eslaver:stop(Replica).

%% Failover

%% A real replica becomes the master, and the stream goes on under its id.
promoted_replica(Config) ->
    promoted(Config, fun(Old, _New) -> Old end, #{}).

%% The same, where it was our master all along.
promoted_in_a_chain(Config) ->
    promoted(Config, fun(_Old, New) -> New end, #{read_from => prefer_replica}).

promoted(Config, First, Options) ->
    Seed = ?config(seed, Config),
    _ = eslaver_test_parallel:map(
        fun(#{server := Server}) -> promote(Server, Seed, First, Options) end,
        eslaver_test_servers:spread()
    ),
    ok.

promote(Server, Seed, First, Options) ->
    {Old, New, NewClient} = pair(Server),
    OldClient = eslaver_test_client:connect(Old),
    Proxy = eslaver_test_proxy:start(First(Old, New)),
    {Replica, Collector} =
        Both = eslaver_test_replica:start(eslaver_test_proxy:port(Proxy), Options),
    _ = eslaver_test_replica:loaded(Both),
    #{replid := Replid} = eslaver:info(Replica),
    Writers = eslaver_test_writers:start(Old, Seed),
    true = eslaver_test_wait:until(fun() -> eslaver_test_writers:count(Writers) > 300 end),
    Before = eslaver_test_writers:stop(Writers),
    true = eslaver_test_wait:until(fun() -> reached(OldClient, NewClient) end),
    ok = eslaver_test_master:kill(Old),
    <<"OK">> = eslaver_test_client:ok(NewClient, ["REPLICAOF", "NO", "ONE"]),
    ok = eslaver_test_proxy:target(Proxy, New),
    ok = eslaver_test_proxy:cut(Proxy),
    Later = eslaver_test_writers:start(New, Seed + 1),
    true = eslaver_test_wait:until(fun() -> eslaver_test_writers:count(Later) > 300 end),
    After = eslaver_test_writers:stop(Later),
    _ = await_command(Collector, mark(NewClient, "0:end")),
    Events = eslaver_test_collector:events(Collector),
    _ = [
        ?assertEqual(
            lists:seq(1, N) ++ lists:seq(1, M), eslaver_test_writers:counts(Writer, Events)
        )
     || {Writer, N, M} <- lists:zip3(lists:seq(1, length(Before)), Before, After)
    ],
    goes_on_under_a_new_id(Proxy, Replica, Replid, NewClient),
    Data = eslaver_test_event_replay:events(Events),
    ?assertEqual(
        [], eslaver_test_event_replay:differences(eslaver_test_master_data:read(NewClient), Data)
    ),
    eslaver:stop(Replica).

%% Writers go on meanwhile, at whichever server takes them.
failover_command(Config) ->
    Seed = ?config(seed, Config),
    _ = eslaver_test_parallel:map(
        fun(#{server := Server}) -> fail_over(Server, Seed) end, eslaver_test_servers:spread()
    ),
    ok.

fail_over(Server, Seed) ->
    {Old, New, NewClient} = pair(Server),
    OldClient = eslaver_test_client:connect(Old),
    Ports = {eslaver_test_master:port(Old), eslaver_test_master:port(New)},
    Where = atomics:new(1, []),
    ok = atomics:put(Where, 1, 1),
    Proxy = eslaver_test_proxy:start(Old),
    {Replica, Collector} = Both = eslaver_test_replica:start(eslaver_test_proxy:port(Proxy)),
    _ = eslaver_test_replica:loaded(Both),
    #{replid := Replid} = eslaver:info(Replica),
    Writers = eslaver_test_writers:start(fun() -> element(atomics:get(Where, 1), Ports) end, Seed),
    true = eslaver_test_wait:until(fun() -> eslaver_test_writers:count(Writers) > 300 end),
    %% Without a name it might be us whom the master asks to take over, and then waits for.
    To = ["FAILOVER", "TO", "127.0.0.1", element(2, Ports)],
    true = eslaver_test_wait:until(fun() ->
        eslaver_test_client:command(OldClient, To) =:= <<"OK">>
    end),
    true = eslaver_test_wait:until(fun() ->
        eslaver_test_client:info(NewClient, "role") =:= <<"master">>
    end),
    ok = atomics:put(Where, 1, 2),
    ok = eslaver_test_proxy:target(Proxy, New),
    ok = eslaver_test_proxy:cut(Proxy),
    Count = eslaver_test_writers:count(Writers),
    true = eslaver_test_wait:until(fun() -> eslaver_test_writers:count(Writers) > Count + 600 end),
    Counts = eslaver_test_writers:stop(Writers),
    _ = await_command(Collector, mark(NewClient, "0:end")),
    Events = eslaver_test_collector:events(Collector),
    %% Those that nobody took are missing; of the others none comes twice.
    _ = [
        begin
            Got = eslaver_test_writers:counts(Writer, Events),
            ?assertEqual(lists:usort(Got), Got),
            ?assertEqual(N, lists:last(Got))
        end
     || {Writer, N} <- lists:zip(lists:seq(1, length(Counts)), Counts)
    ],
    goes_on_under_a_new_id(Proxy, Replica, Replid, NewClient),
    Data = eslaver_test_event_replay:events(Events),
    ?assertEqual(
        [], eslaver_test_event_replay:differences(eslaver_test_master_data:read(NewClient), Data)
    ),
    eslaver:stop(Replica).

pair(Server) ->
    Old = eslaver_test_master:start(#{server => Server}),
    Of = ["127.0.0.1", integer_to_list(eslaver_test_master:port(Old))],
    New = eslaver_test_master:start(#{server => Server, config => [{"replicaof", Of}]}),
    NewClient = eslaver_test_client:connect(New),
    true = eslaver_test_wait:until(fun() ->
        eslaver_test_client:info(NewClient, "master_link_status") =:= <<"up">>
    end),
    {Old, New, NewClient}.

reached(OldClient, NewClient) ->
    eslaver_test_client:info(OldClient, "master_repl_offset") =:=
        eslaver_test_client:info(NewClient, "master_repl_offset").

goes_on_under_a_new_id(Proxy, Replica, Replid, NewClient) ->
    #{replid := Now} = eslaver:info(Replica),
    ?assertNotEqual(Replid, Now),
    ?assertEqual(eslaver_test_client:info(NewClient, "master_replid"), Now),
    ?assertMatch(#{replid := Now}, eslaver:position(Replica)),
    ?assertMatch([_], eslaver_test_log:await(shown(Proxy) ++ ": link is up, full sync")),
    ?assertMatch(
        [_ | _], eslaver_test_log:await(shown(Proxy) ++ ": link is up, the stream resumes")
    ).
