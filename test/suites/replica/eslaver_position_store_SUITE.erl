%% Positions that a consumer stores itself: with its data, so that nothing is lost or doubled,
%% whatever ends the node; and in stores that are slow, or fail.
-module(eslaver_position_store_SUITE).

-include_lib("common_test/include/ct.hrl").
-include_lib("stdlib/include/assert.hrl").

-compile([export_all, nowarn_export_all]).

-define(ROUNDS, 20).
-define(STORE, eslaver_test_position_store).

suite() ->
    [{timetrap, {minutes, 4}}, {ct_hooks, [eslaver_test_log_hook]}].

all() ->
    eslaver_test_groups:cases(?MODULE).

init_per_testcase(Case, Config) ->
    Dir = filename:join(?config(priv_dir, Config), atom_to_list(Case)),
    ok = file:make_dir(Dir),
    Master = eslaver_test_master:start_own([{"repl-backlog-size", "256mb"}]),
    Client = eslaver_test_client:connect(Master),
    Table = ets:new(store, [public]),
    true = ets:insert(Table, {behaviour, good}),
    [
        {master, Master},
        {client, Client},
        {table, Table},
        {file, filename:join(Dir, "sink")}
        | Config
    ].

%% Lives that end by kill -9 while writes go on, also of transactions and in several dbs. What they
%% have stored together is the master's history, each command once.
once_and_only_once(Config) ->
    Seed = eslaver_test_env:seed(),
    _ = rand:seed(exsss, Seed),
    Client = ?config(client, Config),
    Tap = eslaver_test_stream_recorder:start(?config(master, Config)),
    First = begin_life(Config),
    true = eslaver_test_wait:until(fun() ->
        [] =/= [eof || {loading, eof, _} <- stored(Config)]
    end),
    [_, BeginKey, _] = Begin = unique(Client, "0:begin"),
    Writers = eslaver_test_writers:start(?config(master, Config), Seed, #{pause => 1}),
    Last = lists:foldl(fun(_, Node) -> next_life(Node, Config) end, First, lists:seq(1, ?ROUNDS)),
    _ = eslaver_test_writers:stop(Writers),
    [_, EndKey, _] = End = unique(Client, "0:end"),
    true = eslaver_test_wait:until(fun() -> has(EndKey, Config) end),
    ok = eslaver_test_node:stop(Last),
    ok = eslaver_test_stream_recorder:await(Tap, End),
    History = [Command || {_, Command} <- eslaver_test_stream_recorder:history(Tap)],
    Events = stored(Config),
    Stored = [[Name | Args] || {stream, Name, Args, _} <- Events],
    ?assertEqual(behind(Begin, History), behind(Begin, Stored)),
    ?assert(has(BeginKey, Config)),
    %% One snapshot, and each life after the first went on where that had ended.
    Ups = [Resync || {link, up, #{resync := Resync}} <- Events],
    ?assertEqual([full | lists:duplicate(?ROUNDS, partial)], Ups),
    ct:pal("~b rounds, ~b commands", [?ROUNDS, length(Stored)]).

begin_life(Context) ->
    Node = eslaver_test_node:start(),
    Target = eslaver_test_replica:target(?config(master, Context)),
    File = ?config(file, Context),
    _ = eslaver_test_node:replica(Node, Target#{
        events => full,
        callback => {handler, eslaver_test_sink, File},
        resume => {eslaver_test_sink, File}
    }),
    Node.

%% Ends at any moment after something more has been stored.
next_life(Node, Config) ->
    Before = filelib:file_size(?config(file, Config)),
    true = eslaver_test_wait:until(fun() ->
        filelib:file_size(?config(file, Config)) > Before + 500
    end),
    timer:sleep(rand:uniform(200)),
    ok = eslaver_test_node:kill(Node),
    begin_life(Config).

stored(Context) ->
    eslaver_test_sink:stored(?config(file, Context)).

has(Key, Context) ->
    [] =/= [Key || {stream, <<"set">>, [Set | _], _} <- stored(Context), Set =:= Key].

%% From a command on, to the last one that is not the master's own.
behind(Begin, Commands) ->
    Begun = lists:dropwhile(fun(Command) -> Command =/= Begin end, Commands),
    [Command || [Name | _] = Command <- Begun, Name =/= <<"ping">>].

unique(Client, Key) ->
    Value = integer_to_binary(erlang:unique_integer([positive])),
    <<"OK">> = eslaver_test_client:ok(Client, ["SELECT", 0]),
    <<"OK">> = eslaver_test_client:ok(Client, ["SET", Key, Value]),
    [<<"set">>, list_to_binary(Key), Value].

%% What is saved in a life is where the next one goes on, and a snapshot makes it void.
goes_on(Config) ->
    {Replica, Collector} = Both = replica(Config),
    _ = eslaver_test_replica:loaded(Both),
    _ = mark(Config, Collector),
    ok = stop(Replica),
    [{position, Position}] = ets:lookup(?config(table, Config), position),
    [{load, #{}}, {save, #{}, none} | Saved] = calls(),
    ?assertEqual({save, #{}, Position}, lists:last(Saved)),
    {Again, Next} = replica(Config),
    ok = eslaver:await(Again, loaded, 30_000),
    Key = mark(Config, Next),
    Events = eslaver_test_collector:events(Next),
    ?assertEqual([], [Event || Event <- Events, element(1, Event) =:= loading]),
    ?assertMatch([Key], [Set || {stream, "set", [Set | _]} <- Events]),
    stop(Again).

%% The stream goes on, and what is saved is the newest. WAITAOF counts no more than that.
a_slow_store(Config) ->
    Client = ?config(client, Config),
    {Replica, Collector} = Both = replica(Config),
    _ = eslaver_test_replica:loaded(Both),
    behaves({sleep, 1000}, Config),
    Begin = erlang:monotonic_time(millisecond),
    _ = [mark(Config, Collector) || _ <- lists:seq(1, 50)],
    ?assertEqual(1, eslaver_test_client:ok(Client, ["WAIT", 1, 5000])),
    ?assert(erlang:monotonic_time(millisecond) - Begin < 900),
    behaves(good, Config),
    #{offset := Offset} = eslaver:position(Replica),
    true = eslaver_test_wait:until(fun() ->
        case saved(Config) of
            #{offset := Saved} -> Saved >= Offset;
            none -> false
        end
    end),
    ?assert(length(calls()) < 20),
    stop(Replica).

%% Logged once, and again after it has been well; the stream goes on all the while.
a_failing_store(Config) ->
    {Replica, Collector} = Both = replica(Config),
    _ = eslaver_test_replica:loaded(Both),
    _ = [fails(Collector, Config) || _ <- [1, 2]],
    ok = stop(Replica).

fails(Collector, Config) ->
    ok = eslaver_test_log:clear(),
    Before = saved(Config),
    behaves({raise, error, no_connection}, Config),
    _ = mark(Config, Collector),
    Logged = fun() ->
        eslaver_test_log:matches("cannot save the position in the store .*error:no_connection")
    end,
    true = eslaver_test_wait:until(fun() -> Logged() =/= [] end),
    _ = calls(),
    _ = mark(Config, Collector),
    _ = [asked() || _ <- [1, 2, 3]],
    ?assertMatch([_], Logged()),
    behaves(good, Config),
    true = eslaver_test_wait:until(fun() ->
        _ = mark(Config, Collector),
        saved(Config) =/= Before andalso saved(Config) =/= none
    end).

saved(Context) ->
    proplists:get_value(position, ets:tab2list(?config(table, Context)), none).

%% The store is asked again.
asked() ->
    receive
        {?STORE, {save, _, #{}}} -> ok
    after 30_000 -> error(not_asked)
    end.

%% Counts as none: the next sync is full, and says why.
bad_positions(Config) ->
    Table = [
        {{return, {error, no_connection}}, "no_connection"},
        {{return, {ok, #{offset => 1}}}, "load/2 has returned what is no position"},
        {{raise, exit, no_connection}, "load/2 raised exit:no_connection"}
    ],
    lists:foreach(
        fun({Behaviour, Text}) ->
            ok = eslaver_test_log:clear(),
            behaves(Behaviour, Config),
            {Replica, _} = Both = replica(Config),
            behaves(good, Config),
            ?assert(lists:member({loading, eof}, eslaver_test_replica:loaded(Both))),
            Place = "cannot use the position in the store " ++ atom_to_list(?STORE),
            ?assertMatch([_], eslaver_test_log:await(Place ++ " \\(" ++ Text)),
            ok = stop(Replica)
        end,
        Table
    ).

%% A store that takes its process along takes the replica along, too, which says so.
ends_its_process(Config) ->
    _ = process_flag(trap_exit, true),
    {Replica, Collector} = Both = replica(Config),
    _ = eslaver_test_replica:loaded(Both),
    behaves(kill, Config),
    _ = eslaver_test_client:ok(?config(client, Config), ["SET", "k", "v"]),
    receive
        {'EXIT', Replica, Reason} -> ?assertMatch({resume_down, _, killed}, Reason)
    end,
    ?assert(is_process_alive(Collector)).

not_a_store(Config) ->
    Target = eslaver_test_replica:target(?config(master, Config)),
    _ = [
        ?assertEqual(
            {error, {invalid_option, resume, Store}}, eslaver:start_link(Target#{resume => Store})
        )
     || Store <- [{lists, []}, {no_such_module, []}, {"m", []}]
    ],
    ok.

replica(Context) ->
    _ = calls(),
    eslaver_test_replica:start(?config(master, Context), #{
        resume => {?STORE, {self(), ?config(table, Context)}}
    }).

stop(Replica) ->
    eslaver:stop(Replica).

behaves(Behaviour, Context) ->
    true = ets:insert(?config(table, Context), {behaviour, Behaviour}).

calls() ->
    receive
        {?STORE, Call} -> [Call | calls()]
    after 0 -> []
    end.

mark(Context, Collector) ->
    eslaver_test_replica:mark(?config(client, Context), Collector).
