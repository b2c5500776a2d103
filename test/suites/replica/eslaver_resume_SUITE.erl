%% Going on where an earlier life of the replica stopped: from a position that the user has kept,
%% and from one on disk, also after kill -9 at any moment.
-module(eslaver_resume_SUITE).

-include_lib("common_test/include/ct.hrl").
-include_lib("stdlib/include/assert.hrl").

-compile([export_all, nowarn_export_all]).

-define(ROUNDS, 20).
%% For how long before a kill commands may have been handled and come again, in ms.
-define(TAIL, 3000).

suite() ->
    [{timetrap, {minutes, 4}}, {ct_hooks, [eslaver_test_log_hook]}].

all() ->
    eslaver_test_groups:cases(?MODULE).

init_per_testcase(Case, Config) ->
    Dir = filename:join(?config(priv_dir, Config), atom_to_list(Case)),
    ok = file:make_dir(Dir),
    Master = eslaver_test_master:start_own([{"repl-backlog-size", "256mb"}]),
    Client = eslaver_test_client:connect(Master),
    [
        {master, Master},
        {client, Client},
        {dir, Dir},
        {file, filename:join(list_to_binary(Dir), "position")}
        | Config
    ].

%% Lives that end by kill -9 while writes go on. Each goes on from the position in the file, and
%% what all of them have handled is the master's history, with nothing but a short tail handled
%% twice.
kill_rounds(Config) ->
    Seed = eslaver_test_env:seed(),
    _ = rand:seed(exsss, Seed),
    Client = ?config(client, Config),
    Tap = eslaver_test_stream_recorder:start(?config(master, Config)),
    First = begin_life(1, Config),
    true = eslaver_test_wait:until(fun() ->
        [] =/= [eof || {loading, eof} <- written(1, Config)]
    end),
    Begin = unique(Client, "0:begin"),
    Writers = eslaver_test_writers:start(?config(master, Config), Seed, #{pause => 3}),
    Positions = lives(1, First, Config),
    _ = eslaver_test_writers:stop(Writers),
    End = unique(Client, "0:end"),
    Last = begin_life(?ROUNDS + 1, Config),
    true = eslaver_test_wait:until(fun() ->
        lists:member({stream, "set", tl(End)}, written(?ROUNDS + 1, Config))
    end),
    ok = eslaver_test_node:stop(Last),
    ok = eslaver_test_stream_recorder:await(Tap, End),
    History = eslaver_test_stream_recorder:history(Tap),
    Begun = lists:dropwhile(fun({_, Command}) -> Command =/= Begin end, History),
    Results = [
        check_life(Life, Position, Begin, Begun, History, Config)
     || {Life, Position} <- lists:zip(lists:seq(1, ?ROUNDS + 1), [none | Positions])
    ],
    ct:pal("~b rounds; commands handled twice, and ms: ~p", [?ROUNDS, tails(Results)]).

begin_life(Life, Config) ->
    Node = eslaver_test_node:start(),
    Target = eslaver_test_replica:target(?config(master, Config)),
    _ = eslaver_test_node:replica(Node, Target#{
        callback => {eslaver_test_node, keep, [events_file(Life, Config)]},
        resume => {file, ?config(file, Config)}
    }),
    Node.

events_file(Life, Config) ->
    filename:join(?config(dir, Config), "events-" ++ integer_to_list(Life)).

written(Life, Config) ->
    eslaver_test_node:written(events_file(Life, Config)).

%% The positions that the lives after the first went on from.
lives(Life, _Node, _Config) when Life > ?ROUNDS ->
    [];
lives(Life, Node, Config) ->
    %% Something has been handled, and then it ends at any moment.
    true = eslaver_test_wait:until(fun() ->
        length([stream || {stream, "set", _} <- written(Life, Config)]) > 5
    end),
    timer:sleep(rand:uniform(400)),
    ok = eslaver_test_node:kill(Node),
    {ok, Position} = eslaver_position_file:read(?config(file, Config)),
    Next =
        case Life of
            ?ROUNDS -> none;
            _ -> begin_life(Life + 1, Config)
        end,
    [Position | lives(Life + 1, Next, Config)].

%% The offset that a life began at, and those behind each command that it has handled, with the
%% time, by comparing its events with the history.
check_life(1, none, Begin, [{At, _} | _] = Begun, _History, Config) ->
    Own = lists:dropwhile(fun({_, Command}) -> Command =/= Begin end, commands(1, Config)),
    {At, follows(1, Own, Begun, At)};
check_life(Life, #{offset := Offset, db := Db}, _Begin, _Begun, History, Config) ->
    ?assertEqual([], [Event || Event <- written(Life, Config), element(1, Event) =:= loading]),
    {Before, After} = lists:splitwith(fun({At, _}) -> At =< Offset end, History),
    %% Early positions may be the one of the snapshot, which is before all of the history.
    _ = Before =:= [] orelse is_safe(Offset, Db, Before),
    {Offset, follows(Life, commands(Life, Config), After, Offset)}.

%% Between two commands, outside of transactions, in the right database.
is_safe(Offset, Db, Before) ->
    ?assertMatch({Offset, _}, lists:last(Before)),
    Names = [Name || {_, [Name | _]} <- Before],
    Count = fun(Wanted) -> length([Name || Name <- Names, Name =:= Wanted]) end,
    ?assertEqual(Count(<<"multi">>), Count(<<"exec">>)),
    Selected = lists:last([Selected || {_, [<<"select">>, Selected]} <- Before]),
    ?assertEqual(binary_to_integer(Selected), Db).

commands(Life, Config) ->
    [
        {Time, [list_to_binary(Name) | Args]}
     || {Time, {stream, Name, Args}} <- eslaver_test_node:handled(events_file(Life, Config))
    ].

follows(_Life, [], _History, _At) ->
    [];
follows(Life, [{Time, Same} | Own], [{Offset, Same} | History], _) ->
    [{Offset, Time} | follows(Life, Own, History, Offset)];
follows(Life, [{_, Got} | _], [Expected | _], At) ->
    error({life, Life, behind, At, {expected, Expected}, {got, Got}}).

%% Each life begins no later than the one before it ended, and no earlier than with what that one
%% has handled in its last moments. How many commands come again, and for how many ms.
tails([{_, Handled}, {Begin, _} = Next | Rest]) ->
    {Last, Killed} = lists:last(Handled),
    ?assert(Begin =< Last),
    Again = [Time || {Offset, Time} <- Handled, Offset > Begin],
    Took = lists:max([0 | [Killed - Time || Time <- Again]]),
    ?assert(Took < ?TAIL),
    [{length(Again), Took} | tails([Next | Rest])];
tails([_]) ->
    [].

unique(Client, Key) ->
    Value = integer_to_binary(erlang:unique_integer([positive])),
    <<"OK">> = eslaver_test_client:ok(Client, ["SELECT", 0]),
    <<"OK">> = eslaver_test_client:ok(Client, ["SET", Key, Value]),
    [<<"set">>, list_to_binary(Key), Value].

%% A position that the user has kept, with all servers that are unlike.
position_map(_Config) ->
    Seed = eslaver_test_env:seed(),
    _ = eslaver_test_parallel:map(
        fun(Server) -> go_on(Server, Seed) end, eslaver_test_servers:spread()
    ),
    ok.

go_on(#{server := Server}, Seed) ->
    Master = eslaver_test_master:start(#{server => Server}),
    Client = eslaver_test_client:connect(Master),
    Tap = eslaver_test_stream_recorder:start(Master),
    {First, _} = Both = eslaver_test_replica:start(Master),
    _ = eslaver_test_replica:loaded(Both),
    Writers = eslaver_test_writers:start(Master, Seed),
    true = eslaver_test_wait:until(fun() -> eslaver_test_writers:count(Writers) > 200 end),
    #{offset := Offset} = Position = eslaver:position(First),
    ok = eslaver:stop(First),
    true = eslaver_test_wait:until(fun() -> eslaver_test_writers:count(Writers) > 500 end),
    {Second, Collector} = eslaver_test_replica:start(Master, #{resume => Position}),
    ok = eslaver:await(Second, loaded, 30_000),
    _ = eslaver_test_writers:stop(Writers),
    [_, Key, Value] = End = unique(Client, "0:end"),
    _ = eslaver_test_collector:await(Collector, fun(E) -> E =:= {stream, "set", [Key, Value]} end),
    ok = eslaver_test_stream_recorder:await(Tap, End),
    Events = eslaver_test_collector:events(Collector),
    ?assertEqual([], [Event || Event <- Events, element(1, Event) =:= loading]),
    After = [Entry || {At, _} = Entry <- eslaver_test_stream_recorder:history(Tap), At > Offset],
    Own = [{0, Command} || Command <- eslaver_test_event_replay:commands(Events)],
    _ = follows(2, Own, After, Offset),
    eslaver:stop(Second).

position_of_another_master(Config) ->
    Client = ?config(client, Config),
    <<"OK">> = eslaver_test_client:ok(Client, ["SET", "k", "v"]),
    Position = #{replid => binary:copy(<<"ab">>, 20), offset => 1000, db => 3},
    {Replica, _} =
        Both = eslaver_test_replica:start(?config(master, Config), #{resume => Position}),
    ?assertEqual(
        [{loading, string, <<"k">>, <<"v">>}, {loading, eof}], eslaver_test_replica:loaded(Both)
    ),
    ?assertMatch(
        [_ | _],
        eslaver_test_log:await("full sync instead of resuming at offset 1000 \\(.*another history")
    ),
    eslaver:stop(Replica).

%% A stop in order leaves nothing to be handled twice.
written_at_stop(Config) ->
    Client = ?config(client, Config),
    {Replica, Collector} = Both = replica(Config),
    _ = eslaver_test_replica:loaded(Both),
    _ = eslaver_test_replica:mark(Client, Collector),
    Offset = eslaver_test_client:info(Client, "master_repl_offset"),
    true = eslaver_test_wait:until(fun() ->
        integer_to_binary(maps:get(offset, eslaver:info(Replica))) =:= Offset
    end),
    Position = eslaver:position(Replica),
    ok = eslaver:stop(Replica),
    ?assertEqual({ok, Position}, eslaver_position_file:read(?config(file, Config))),
    {ok, Names} = file:list_dir(?config(dir, Config)),
    ?assertEqual(["position", "position.lock"], lists:sort(Names)),
    {Again, Collector2} = replica(Config),
    ok = eslaver:await(Again, loaded, 30_000),
    Key = eslaver_test_replica:mark(Client, Collector2),
    ?assertMatch(
        [Key], [K || {stream, "set", [K | _]} <- eslaver_test_collector:events(Collector2)]
    ),
    eslaver:stop(Again).

damaged_file(Config) ->
    Client = ?config(client, Config),
    <<"OK">> = eslaver_test_client:ok(Client, ["SET", "k", "v"]),
    File = ?config(file, Config),
    {Replica, Collector} = Both = replica(Config),
    _ = eslaver_test_replica:loaded(Both),
    _ = eslaver_test_replica:mark(Client, Collector),
    ok = eslaver:stop(Replica),
    {ok, Good} = file:read_file(File),
    Middle = byte_size(Good) div 2,
    <<Before:Middle/binary, Byte, After/binary>> = Good,
    Damaged = [
        <<>>,
        <<"\n">>,
        <<"what is this">>,
        eslaver_test_dataset:bytes(5000, 1),
        binary:part(Good, 0, Middle),
        binary:part(Good, 0, byte_size(Good) - 3),
        <<Before/binary, (Byte bxor 1), After/binary>>,
        <<Good/binary, Good/binary>>
    ],
    lists:foreach(
        fun(Bytes) ->
            ok = file:write_file(File, Bytes),
            ok = eslaver_test_log:clear(),
            {Again, _} = BothAgain = replica(Config),
            Events = eslaver_test_replica:loaded(BothAgain),
            ?assert(lists:member({loading, string, <<"k">>, <<"v">>}, Events)),
            ?assertMatch([_ | _], eslaver_test_log:await("cannot use the position in ")),
            ok = eslaver:stop(Again),
            ?assertMatch({ok, #{}}, eslaver_position_file:read(File))
        end,
        Damaged
    ).

%% As soon as the first event of a new snapshot is handed out, the old position is void.
removed_before_a_full_sync(Config) ->
    Client = ?config(client, Config),
    <<"OK">> = eslaver_test_client:ok(Client, ["SET", "k", "v"]),
    File = ?config(file, Config),
    {Replica, _} = Both = replica(Config),
    _ = eslaver_test_replica:loaded(Both),
    ok = eslaver:stop(Replica),
    ?assertMatch({ok, #{}}, eslaver_position_file:read(File)),
    %% Another master by now: it has another id.
    ok = eslaver_test_master:restart(?config(master, Config)),
    Anew = eslaver_test_client:connect(?config(master, Config)),
    <<"OK">> = eslaver_test_client:ok(Anew, ["SET", "l", "w"]),
    Self = self(),
    {ok, Again} = eslaver:start_link((target(Config))#{
        callback => fun(Event) ->
            Self ! {Event, filelib:is_file(File)},
            _ = Event =:= {loading, eof} andalso timer:sleep(300)
        end
    }),
    ok = eslaver:await(Again, loaded, 30_000),
    ?assertEqual({{loading, string, <<"l">>, <<"w">>}, false}, next()),
    ?assertEqual({{loading, eof}, false}, next()),
    #{} = eslaver_test_wait:until(fun() ->
        case eslaver_position_file:read(File) of
            {ok, Position} -> Position;
            none -> false
        end
    end),
    eslaver:stop(Again).

next() ->
    receive
        {{_, _, _, _}, _} = Next -> Next;
        {{loading, eof}, _} = Next -> Next
    after 30_000 -> error(no_event)
    end.

%% Said once, and the replica does its work.
cannot_be_written(Config) ->
    Client = ?config(client, Config),
    File = filename:join([?config(dir, Config), "no", "position"]),
    {Replica, Collector} =
        Both = eslaver_test_replica:start(?config(master, Config), #{resume => {file, File}}),
    _ = eslaver_test_replica:loaded(Both),
    _ = eslaver_test_replica:mark(Client, Collector),
    _ = eslaver_test_log:await("cannot save the position in .*No such file"),
    _ = eslaver_test_replica:mark(Client, Collector),
    ?assertMatch([_], eslaver_test_log:await("cannot save the position in .*No such file")),
    ok = file:make_dir(filename:dirname(File)),
    _ = eslaver_test_replica:mark(Client, Collector),
    true = eslaver_test_wait:until(fun() -> filelib:is_file(File) end),
    eslaver:stop(Replica).

%% Two replicas with one file would lose events: the second does not start, in the same node or in
%% another, until the first has ended, however that ends.
used_by_another(Config) ->
    _ = process_flag(trap_exit, true),
    Options = (target(Config))#{callback => {erlang, is_tuple}},
    Refused = {error, {resume_locked, ?config(file, Config)}},
    {ok, First} = eslaver:start_link(Options),
    ok = eslaver:await(First, loaded, 30_000),
    ?assertEqual(Refused, eslaver:start_link(Options)),
    Node = eslaver_test_node:start(),
    ?assertEqual(Refused, eslaver_test_node:call(Node, eslaver, start_link, [Options])),
    true = exit(First, kill),
    There = eslaver_test_node:replica(Node, Options),
    ok = eslaver_test_node:call(Node, eslaver, await, [There, loaded, 30_000]),
    ?assertEqual(Refused, eslaver:start_link(Options)),
    ok = eslaver_test_node:kill(Node),
    {ok, Last} = eslaver:start_link(Options),
    ok = eslaver:await(Last, loaded, 30_000),
    eslaver:stop(Last).

%% The replica ends, and says why; its handler is told, too.
writer_is_killed(Config) ->
    _ = process_flag(trap_exit, true),
    {ok, Replica} = eslaver:start_link((target(Config))#{
        callback => {handler, eslaver_test_reporting_handler, {self(), 0}}
    }),
    ok = eslaver:await(Replica, loaded, 30_000),
    {links, Links} = process_info(Replica, links),
    [Writer] = [
        Pid
     || Pid <- Links,
        is_pid(Pid),
        {eslaver_position_writer, init, 1} =:= proc_lib:translate_initial_call(Pid)
    ],
    true = exit(Writer, kill),
    receive
        {'EXIT', Replica, Reason} -> ?assertEqual({resume_down, Writer, killed}, Reason)
    end,
    receive
        {terminated, Told, _} -> ?assertEqual({resume_down, Writer, killed}, Told)
    end.

replica(Context) ->
    eslaver_test_replica:start(?config(master, Context), #{
        resume => {file, ?config(file, Context)}
    }).

target(Context) ->
    (eslaver_test_replica:target(?config(master, Context)))#{
        resume => {file, ?config(file, Context)}
    }.
