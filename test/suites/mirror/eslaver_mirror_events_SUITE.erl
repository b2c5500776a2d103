%% A mirror whose link has a callback, too: one replication, two places in it. The events must be
%% the master's own history, each once, as those of a replica without a mirror, and the mirror's
%% data must be the master's: whatever happens to links and replicas.
-module(eslaver_mirror_events_SUITE).

-include_lib("common_test/include/ct.hrl").
-include_lib("stdlib/include/assert.hrl").

-import(eslaver_test_proxied_mirror, [lab/1]).

-compile([export_all, nowarn_export_all]).

-define(M, mirror_with_events).
-define(TIMEOUT, 30_000).
-define(CUTS, 40).

suite() ->
    [{timetrap, {minutes, 3}}, {ct_hooks, [eslaver_test_log_hook, {eslaver_test_mirror_hook, ?M}]}].

all() ->
    eslaver_test_groups:cases(?MODULE).

init_per_testcase(_Case, Config) ->
    [{seed, eslaver_test_env:seed()} | Config].

%% The link is cut anywhere, and within transactions: there the mirror is before what the callback
%% has handled.
cuts(Config) ->
    Long = fun() -> {3000, #{kinds => [1, 2], pause => 5}} end,
    Any = fun() -> {20_000, #{}} end,
    _ = [cuts(Config, Bytes, Writers) || Choose <- [Long, Any], {Bytes, Writers} <- [Choose()]],
    ok.

cuts(Config, Bytes, Kinds) ->
    #{master := Master, client := Client, proxy := Proxy} = Lab = lab(#{}),
    Tap = eslaver_test_stream_recorder:start(Master),
    Collector = mirror(Lab, #{}),
    Begin = mark(Client, <<"0:begin">>),
    Writers = eslaver_test_writers:start(Master, ?config(seed, Config), Kinds),
    ok = cut(?CUTS, Bytes, Proxy),
    _ = eslaver_test_writers:stop(Writers),
    End = mark(Client, <<"0:end">>),
    ok = await_command(Collector, End),
    ok = eslaver_test_stream_recorder:await(Tap, End),
    Events = eslaver_test_collector:events(Collector),
    History = [Command || {_, Command} <- eslaver_test_stream_recorder:history(Tap)],
    same(between(Begin, End, History), between(Begin, End, commands(Events))),
    ?assertEqual(1, length([eof || {loading, eof} <- Events])),
    ok = agree(Client, Events),
    ?assertMatch(#{restarts := 0}, eslaver_mirror:info(?M)),
    eslaver_mirror:stop(?M).

cut(0, _Bytes, _Proxy) ->
    ok;
cut(Count, Bytes, Proxy) ->
    Before = eslaver_test_proxy:cuts(Proxy),
    Manner = lists:nth(rand:uniform(2), [eof, reset]),
    ok = eslaver_test_proxy:cut_after(Proxy, down, rand:uniform(Bytes), Manner),
    true = eslaver_test_wait:until(fun() -> eslaver_test_proxy:cuts(Proxy) > Before end),
    cut(Count - 1, Bytes, Proxy).

%% More is written than the master keeps: both begin anew.
full_resync(Config) ->
    #{master := Master, client := Client, proxy := Proxy} = Lab = lab(#{backlog => "16kb"}),
    Collector = mirror(Lab, #{}),
    Writers = eslaver_test_writers:start(Master, ?config(seed, Config), #{pause => 0}),
    _ = [outrun(Round, Writers, Master, Proxy, Collector) || Round <- lists:seq(1, 4)],
    _ = eslaver_test_writers:stop(Writers),
    ok = await_command(Collector, mark(Client, <<"0:end">>)),
    Events = eslaver_test_collector:events(Collector),
    ?assertEqual(5, length([eof || {loading, eof} <- Events])),
    agree(Client, Events).

outrun(Round, Writers, Master, Proxy, Collector) ->
    ok = eslaver_test_proxy:target(Proxy, none),
    ok = eslaver_test_proxy:cut(Proxy),
    Count = eslaver_test_writers:count(Writers),
    true = eslaver_test_wait:until(fun() -> eslaver_test_writers:count(Writers) > Count + 500 end),
    ok = eslaver_test_proxy:target(Proxy, Master),
    true = eslaver_test_wait:until(fun() ->
        Events = eslaver_test_collector:events(Collector),
        length([eof || {loading, eof} <- Events]) > Round
    end).

%% Without `resume' nobody knows where a killed replica was: the events begin anew, as in a plain
%% replica that its supervisor starts again. The old data is readable all the while.
killed(Config) ->
    #{master := Master, client := Client} = Lab = lab(#{}),
    Collector = mirror(Lab, #{}),
    Kept = mark(Client, <<"0:kept">>),
    ok = await_command(Collector, Kept),
    Reader = reader(),
    Writers = eslaver_test_writers:start(Master, ?config(seed, Config)),
    _ = [kill(Lab) || _ <- lists:seq(1, 5)],
    _ = eslaver_test_writers:stop(Writers),
    ok = await_command(Collector, mark(Client, <<"0:end">>)),
    Events = eslaver_test_collector:events(Collector),
    ?assertEqual(6, length([eof || {loading, eof} <- Events])),
    ?assertMatch(#{restarts := 5}, eslaver_mirror:info(?M)),
    ok = agree(Client, Events),
    ?assertEqual([], stop_reader(Reader)).

kill(#{client := Client}) ->
    timer:sleep(rand:uniform(200)),
    Full = sync_full(Client),
    Replica = eslaver_test_proxied_mirror:replica(?M),
    true = exit(Replica, kill),
    true = eslaver_test_wait:until(fun() ->
        sync_full(Client) > Full andalso eslaver_mirror:status(?M) =:= fresh
    end).

sync_full(Client) ->
    binary_to_integer(eslaver_test_client:info(Client, "sync_full")).

reader() ->
    spawn_link(fun() -> read_kept([]) end).

%% What it read but the key that nobody changes.
read_kept(Wrong) ->
    Now =
        case eslaver_mirror:exists(?M, <<"0:kept">>) of
            true -> Wrong;
            Other -> [Other | Wrong]
        end,
    receive
        {stop, From} -> From ! {self(), Now}
    after 1 -> read_kept(Now)
    end.

stop_reader(Reader) ->
    Reader ! {stop, self()},
    receive
        {Reader, Wrong} -> Wrong
    end.

%% With `resume' the next replica goes on where the file says, at most a little before what had been
%% handled, while the keyspace is further: it applies nothing twice, and none of both misses
%% anything.
killed_with_resume(Config) ->
    #{master := Master, client := Client} = Lab = lab(#{}),
    Tap = eslaver_test_stream_recorder:start(Master),
    File = filename:join(?config(priv_dir, Config), "killed_with_resume"),
    Collector = mirror(Lab, #{events => full, resume => {file, File}}),
    Begin = mark(Client, <<"0:begin">>),
    Writers = eslaver_test_writers:start(Master, ?config(seed, Config)),
    _ = [kill_quickly() || _ <- lists:seq(1, 10)],
    _ = eslaver_test_writers:stop(Writers),
    End = mark(Client, <<"0:end">>),
    ok = await_command(Collector, End),
    ok = eslaver_test_stream_recorder:await(Tap, End),
    Events = eslaver_test_collector:events(Collector),
    ?assertEqual(1, length([eof || {loading, eof, _} <- Events])),
    {Once, Again} = once(Events),
    ct:pal("~b events, ~b of them again", [length(Events), Again]),
    History = [Command || {_, Command} <- eslaver_test_stream_recorder:history(Tap)],
    same(between(Begin, End, History), between(Begin, End, commands(Once))),
    ?assertMatch(
        #{restarts := 10, unapplied := Nothing} when Nothing =:= #{}, eslaver_mirror:info(?M)
    ),
    same_data(Client).

kill_quickly() ->
    timer:sleep(rand:uniform(250)),
    Replica = eslaver_test_proxied_mirror:replica(?M),
    true = exit(Replica, kill),
    true = eslaver_test_wait:until(fun() ->
        maps:get(state, maps:get(replica, eslaver_mirror:info(?M)), none) =:= streaming
    end).

%% The commands whose offset is new, and how many are not. They begin again outside transactions.
once(Events) ->
    {Once, _, Again} = lists:foldl(fun once/2, {[], 0, 0}, Events),
    {lists:reverse(Once), Again}.

once({stream, _, _, #{offset := Offset}} = Event, {Once, Last, Again}) when Offset > Last ->
    {[Event | Once], Offset, Again};
once({stream, _, _, _}, {Once, Last, Again}) ->
    {Once, Last, Again + 1};
once(_Other, Acc) ->
    Acc.

%% All of it, in any order: cuts, kills, callbacks that raise, and more written than the master
%% keeps.
troubles(Config) ->
    #{master := Master, client := Client} = Lab = lab(#{backlog => "256kb"}),
    File = filename:join(?config(priv_dir, Config), "troubles"),
    Collector = eslaver_test_collector:start(),
    Raise = atomics:new(1, []),
    Callback = fun(Event) ->
        Collector ! Event,
        atomics:exchange(Raise, 1, 0) =:= 0 orelse error(raised)
    end,
    ok = start(Lab, #{callback => Callback, events => full, resume => {file, File}}),
    Seed = ?config(seed, Config),
    _ = rand:seed(exsss, Seed),
    Writers = eslaver_test_writers:start(Master, Seed),
    %% After more than one failure the replica waits for seconds.
    Kinds = [any_of([cut, cut, kill, outrun]) || _ <- lists:seq(1, 25)],
    ct:pal("~p", [Kinds]),
    Last = [outrun, kill, cut, raise, kill, cut],
    _ = [trouble(Kind, Raise, Lab) || Kind <- Kinds ++ Last],
    _ = eslaver_test_writers:stop(Writers),
    %% Else the mark may come by a snapshot.
    ok = eslaver_test_proxied_mirror:caught_up(?M, Client),
    ok = await_command(Collector, mark(Client, <<"0:end">>)),
    Events = eslaver_test_collector:events(Collector),
    ?assert(length([start || {loading, start, _} <- Events]) > 1),
    agree(Client, classic(Events)).

any_of(List) -> lists:nth(rand:uniform(length(List)), List).

trouble(cut, _Raise, #{proxy := Proxy}) ->
    cut(1, 20_000, Proxy);
trouble(kill, _Raise, _Lab) ->
    eslaver_test_proxied_mirror:kill_replica(?M),
    timer:sleep(rand:uniform(300));
trouble(raise, Raise, _Lab) ->
    ok = atomics:put(Raise, 1, 1),
    true = eslaver_test_wait:until(fun() -> atomics:get(Raise, 1) =:= 0 end);
trouble(outrun, _Raise, #{proxy := Proxy, master := Master, client := Client}) ->
    ok = eslaver_test_proxy:target(Proxy, none),
    ok = eslaver_test_proxy:cut(Proxy),
    Value = binary:copy(<<"x">>, 10_000),
    _ = eslaver_test_client:pipeline(
        Client, [["SELECT", 0] | [["SET", "0:large", Value] || _ <- lists:seq(1, 40)]]
    ),
    ok = eslaver_test_proxy:target(Proxy, Master),
    timer:sleep(rand:uniform(300)).

%% Each once, since the last snapshot began.
classic(Events) ->
    {Once, _} = lists:foldl(fun classic/2, {[], 0}, Events),
    lists:reverse(Once).

classic({loading, start, #{offset := Offset}}, _) ->
    {[], Offset};
classic({loading, eof, _}, {Once, Last}) ->
    {[{loading, eof} | Once], Last};
classic({loading, Type, Key, Value, #{db := _}}, {Once, Last}) ->
    {[{loading, Type, Key, Value} | Once], Last};
classic({stream, Name, Args, #{offset := Offset}}, {Once, Last}) when Offset > Last ->
    {[{stream, binary_to_list(Name), Args} | Once], Offset};
classic(_Other, Acc) ->
    Acc.

%% As a node that was killed: the mirror has no data, so that both begin anew, whatever is in the
%% file.
restarted(Config) ->
    #{client := Client} = Lab = lab(#{}),
    File = filename:join(?config(priv_dir, Config), "restarted"),
    Options = #{events => full, resume => {file, File}},
    Collector = mirror(Lab, Options),
    ok = await_command(Collector, mark(Client, <<"0:before">>)),
    true = eslaver_test_wait:until(fun() -> filelib:is_regular(File) end),
    ok = kill_mirror(),
    _ = mark(Client, <<"0:between">>),
    Next = mirror(Lab, Options),
    ok = await_command(Next, mark(Client, <<"0:end">>)),
    Loaded = [
        Key
     || {loading, string, Key, _, _} <- eslaver_test_collector:events(Next)
    ],
    ?assertEqual([<<"0:before">>, <<"0:between">>], lists:sort(Loaded)),
    same_data(Client).

%% Its replica may be within the callback.
kill_mirror() ->
    Pids = [whereis(?M), eslaver_test_proxied_mirror:replica(?M)],
    Killed = [{monitor(process, Pid), exit(Pid, kill)} || Pid <- Pids],
    lists:foreach(
        fun({Monitor, true}) ->
            receive
                {'DOWN', Monitor, process, _, _} -> ok
            end
        end,
        Killed
    ).

%% The data and the callback's position are both on the disk: both go on from there, whichever is
%% further, and neither gets anything twice.
restarted_with_data(Config) ->
    #{client := Client} = Lab = lab(#{}),
    File = fun(Name) ->
        unicode:characters_to_binary(filename:join(?config(priv_dir, Config), Name))
    end,
    {Position, Saved} = {File("position_of_data"), File("data.rdb")},
    Options = #{
        events => full,
        resume => {file, Position},
        persist => #{file => Saved, interval => infinity}
    },
    First = mirror(Lab, Options),
    ?assertEqual(10, length(counted(First, Client))),
    Full = sync_full(Client),
    %% Orderly: both are where the mirror stopped.
    ok = eslaver_mirror:stop(?M),
    Missed = increments(10),
    _ = eslaver_test_client:pipeline(Client, Missed),
    Second = mirror(Lab, Options),
    ?assertEqual(20, length(counted(Second, Client))),
    ?assertEqual(30, count()),
    %% The callback is further.
    ok = eslaver_mirror:save(?M, Saved),
    _ = counted(Second, Client),
    #{offset := Handled} = eslaver_mirror:info(?M),
    true = eslaver_test_wait:until(fun() ->
        {ok, #{offset := Kept}} = eslaver_position_file:read(Position),
        Kept >= Handled
    end),
    ok = kill_mirror(),
    Third = mirror(Lab, Options),
    ?assertEqual(10, length(counted(Third, Client))),
    ?assertEqual(50, count()),
    %% The data is further: what is told again is not applied again.
    ok = eslaver_mirror:stop(?M),
    Callback = fun(_Event) -> timer:sleep(infinity) end,
    ok = start(Lab, Options#{callback => Callback}),
    _ = eslaver_test_client:pipeline(Client, increments(10)),
    true = eslaver_test_wait:until(fun() -> count() =:= 60 end),
    ok = eslaver_mirror:save(?M, Saved),
    ok = kill_mirror(),
    Last = mirror(Lab, Options),
    ?assertEqual(20, length(counted(Last, Client))),
    ?assertEqual(70, count()),
    ?assertEqual(Full, sync_full(Client)),
    same_data(Client).

increments(Count) ->
    [["SELECT", 0] | [["INCR", "0:count"] || _ <- lists:seq(1, Count)]].

count() ->
    binary_to_integer(eslaver_mirror:get(?M, <<"0:count">>)).

%% Ten more: what the collector has been told of them and of those before, each once, without a
%% snapshot.
counted(Collector, Client) ->
    _ = eslaver_test_client:pipeline(Client, increments(10)),
    ok = await_command(Collector, mark(Client, <<"0:counted">>)),
    Events = eslaver_test_collector:events(Collector),
    Offsets = [Offset || {stream, <<"incr">>, _, #{offset := Offset}} <- Events],
    ?assertEqual(Offsets, lists:usort(Offsets)),
    Offsets.

%% Where both are at two places, only a master that keeps its id has both for sure.
parted(_Config) ->
    Full = eslaver_test_fake_master:full_resync(<<"REDIS0009", 255, 0:64>>),
    Other = binary:copy(<<"a">>, 40),
    Fake = eslaver_test_fake_master:start([
        #{psync => Full},
        #{psync => "+CONTINUE\r\n"},
        #{psync => ["+CONTINUE ", Other, "\r\n"]},
        #{psync => Full}
    ]),
    Collector = mirror(eslaver_test_fake_master:port(Fake), #{events => full}),
    Rest = ["SET b 1", "EXEC", "SET c 1"],
    _ = eslaver_test_scripted_stream:send(Fake, ["SELECT 0", "MULTI", "SET a 1"]),
    ok = eslaver_test_scripted_stream:await(Collector, <<"a">>),
    ?assertEqual(undefined, eslaver_mirror:get(?M, <<"a">>)),
    %% The same id: the mirror gets all of the transaction, the callback what it lacks.
    ok = eslaver_test_fake_master:drop(Fake),
    ok = connections(2, Fake),
    _ = eslaver_test_scripted_stream:send(Fake, ["MULTI", "SET a 1" | Rest]),
    ok = eslaver_test_scripted_stream:await(Collector, <<"c">>),
    ?assertEqual([<<"1">>, <<"1">>, <<"1">>], eslaver_mirror:mget(?M, [<<"a">>, <<"b">>, <<"c">>])),
    Expected = [<<"select">>, <<"multi">>, <<"set">>, <<"set">>, <<"exec">>, <<"set">>],
    ?assertEqual(Expected, eslaver_test_scripted_stream:names(Collector)),
    %% Another id, which may have another end of the transaction.
    _ = eslaver_test_scripted_stream:send(Fake, ["MULTI", "SET d 1"]),
    ok = eslaver_test_scripted_stream:await(Collector, <<"d">>),
    ok = eslaver_test_fake_master:drop(Fake),
    ok = connections(4, Fake),
    _ = eslaver_test_collector:await(Collector, fun
        ({link, up, #{resync := full}}) -> false;
        ({loading, eof, _}) -> false;
        (Event) -> element(1, Event) =:= loading
    end),
    Asked = [
        Args
     || {Number, [<<"PSYNC">> | Args]} <- eslaver_test_fake_master:commands(Fake), Number > 1
    ],
    ?assertMatch([[_, <<"1024">>], [_, _], [<<"?">>, <<"-1">>]], Asked),
    true = eslaver_test_wait:until(fun() -> eslaver_mirror:dbsize(?M) =:= 0 end),
    ?assertMatch([_ | _], eslaver_test_log:await("goes on under another id")).

connections(Count, Fake) ->
    true = eslaver_test_wait:until(fun() ->
        Psyncs = [N || {N, [<<"PSYNC">> | _]} <- eslaver_test_fake_master:commands(Fake)],
        length(Psyncs) >= Count
    end),
    true = eslaver_test_wait:until(fun() -> eslaver_mirror:status(?M) =:= fresh end),
    ok.

%% A snapshot of every type comes as it does to a replica without a mirror, and is the same data.
snapshot(_Config) ->
    _ = eslaver_test_parallel:map(fun snapshot_of/1, eslaver_test_servers:spread()),
    ok.

snapshot_of(#{server := Server, name := Name}) ->
    Master = eslaver_test_master:start(#{server => Server}),
    Client = eslaver_test_client:connect(Master),
    _ = eslaver_test_dataset:fill(Client),
    Mirror = list_to_atom("both_" ++ atom_to_list(Name)),
    Target = eslaver_test_replica:target(Master),
    Loads = [
        begin
            {Replica, Plain} = eslaver_test_replica:start(Master, #{events => Form}),
            Collector = eslaver_test_collector:start(),
            {ok, _} = eslaver_mirror:start_link(Target#{
                name => Mirror, callback => Collector, events => Form
            }),
            ok = eslaver_mirror:await(Mirror, loaded, ?TIMEOUT),
            Both = [sorted(eslaver_test_replica:loaded({Replica, Plain})), sorted(load(Collector))],
            %% Times pass between two looks.
            true = eslaver_test_wait:until(fun() -> differences(Client, Mirror) =:= [] end),
            ok = eslaver:stop(Replica),
            ok = eslaver_mirror:stop(Mirror),
            Both
        end
     || Form <- [classic, full]
    ],
    _ = [?assertEqual({Name, Plain}, {Name, Both}) || [Plain, Both] <- Loads],
    ok.

differences(Client, Mirror) ->
    Expected = eslaver_test_content:of_server(Client),
    ?assert(map_size(Expected) > 0),
    Got = eslaver_test_content:of_mirror(Mirror, lists:seq(0, 15)),
    eslaver_test_content:differences(Expected, Got).

load(Collector) ->
    _ = eslaver_test_collector:await(Collector, fun(Event) ->
        element(1, Event) =:= loading andalso element(2, Event) =:= eof
    end),
    eslaver_test_collector:events(Collector).

%% Two snapshots have their keys in other orders, and clocks go on.
sorted(Events) ->
    lists:sort([Event || Event <- Events, is_of_key(Event)]).

is_of_key({loading, aux, _, _, _}) -> false;
is_of_key({loading, _, _, _}) -> true;
is_of_key({loading, _, _, _, _}) -> true;
is_of_key(_) -> false.

%% Tools

%% The collector of the events of a mirror that has loaded.
mirror(Lab, Options) ->
    Collector = eslaver_test_collector:start(),
    ok = start(Lab, Options#{callback => Collector}),
    Collector.

start(Lab, Options) ->
    eslaver_test_proxied_mirror:attach(?M, Lab, Options).

mark(Client, Key) ->
    Value = integer_to_binary(erlang:unique_integer([positive])),
    [_, _] = eslaver_test_client:pipeline(Client, [["SELECT", 0], ["SET", Key, Value]]),
    [<<"set">>, Key, Value].

await_command(Collector, [Name, Key, Value]) ->
    Classic = {stream, binary_to_list(Name), [Key, Value]},
    _ = eslaver_test_collector:await(Collector, fun
        ({stream, N, Args, _Meta}) -> {N, Args} =:= {Name, [Key, Value]};
        (Event) -> Event =:= Classic
    end),
    ok.

commands(Events) ->
    [command(Event) || Event <- Events, element(1, Event) =:= stream].

command({stream, Name, Args, _Meta}) -> [Name | Args];
command({stream, Name, Args}) -> [list_to_binary(Name) | Args].

between(Begin, End, History) ->
    Begun = lists:dropwhile(fun(Command) -> Command =/= Begin end, History),
    {Before, [Last | _]} = lists:splitwith(fun(Command) -> Command =/= End end, Begun),
    Before ++ [Last].

same(Expected, Got) ->
    ?assertEqual({0, []}, first_difference(0, Expected, Got)).

first_difference(_At, [], []) -> {0, []};
first_difference(At, [Same | As], [Same | Bs]) -> first_difference(At + 1, As, Bs);
first_difference(At, As, Bs) -> {At, {lists:sublist(As, 4), lists:sublist(Bs, 4)}}.

%% The events, the mirror and the master are of one mind.
agree(Client, Events) ->
    Truth = eslaver_test_master_data:read(Client),
    Data = eslaver_test_event_replay:events(Events),
    ?assertEqual([], eslaver_test_event_replay:differences(Truth, Data)),
    same_data(Client).

same_data(Client) ->
    ok = eslaver_test_proxied_mirror:caught_up(?M, Client),
    ?assertEqual([], differences(Client, ?M)),
    ok.
