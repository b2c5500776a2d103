%% A mirror whose link has a callback, too: one replication, two places in it. The events must be
%% the master's own history, each once, as those of a replica without a mirror; the mirror's data
%% must be the master's; and an event's effect must be readable when the event is handled.
-module(eslaver_mirror_callback_SUITE).

-include_lib("common_test/include/ct.hrl").
-include_lib("stdlib/include/assert.hrl").

-compile([export_all, nowarn_export_all]).

-define(M, mirror_with_callback).
-define(TIMEOUT, 30_000).
-define(CUTS, 40).
%% What the keyspace may be ahead of the callback: the batches that are under way, the one that is
%% being filled, and what the events of both are in the stream.
-define(WINDOW, 4 * 1024 * 1024).

suite() ->
    [{timetrap, {minutes, 3}}, {ct_hooks, [eslaver_test_log_hook, {eslaver_test_mirror_hook, ?M}]}].

all() ->
    eslaver_test_groups:cases(?MODULE).

init_per_testcase(_Case, Config) ->
    [{seed, eslaver_test_env:seed()} | Config].

%% Both get everything, once

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
    Kinds = [any_of([cut, cut, kill, raise, outrun]) || _ <- lists:seq(1, 25)],
    ct:pal("~p", [Kinds]),
    Last = [outrun, kill, cut, raise, kill, cut],
    _ = [trouble(Kind, Raise, Lab) || Kind <- Kinds ++ Last],
    _ = eslaver_test_writers:stop(Writers),
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
    Mirror = whereis(?M),
    Monitor = monitor(process, Mirror),
    true = exit(Mirror, kill),
    receive
        {'DOWN', Monitor, process, _, _} -> ok
    end,
    _ = mark(Client, <<"0:between">>),
    Next = mirror(Lab, Options),
    ok = await_command(Next, mark(Client, <<"0:end">>)),
    Loaded = [
        Key
     || {loading, string, Key, _, _} <- eslaver_test_collector:events(Next)
    ],
    ?assertEqual([<<"0:before">>, <<"0:between">>], lists:sort(Loaded)),
    same_data(Client).

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
    Collector = mirror(#{port => eslaver_test_fake_master:port(Fake)}, #{events => full}),
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
    ?assertMatch([_ | _], eslaver_test_log:matches("goes on under another id")).

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

%% What the callback can read

%% Of the stream at least the event's effect. Of a snapshot what there was before, until its end.
reads_in_the_callback(_Config) ->
    #{client := Client, proxy := Proxy, master := Master} = Lab = lab(#{backlog => "16kb"}),
    _ = eslaver_test_client:ok(Client, ["SET", "old", "1"]),
    Self = self(),
    Callback = fun(Event) -> Self ! {read(Event), Event} end,
    ok = start(Lab, #{callback => Callback}),
    ?assertEqual([{{error, loading}, {loading, string, <<"old">>, <<"1">>}}], reads(1)),
    ?assertEqual([{<<"1">>, {loading, eof}}], reads(1)),
    _ = eslaver_test_client:pipeline(Client, [["INCR", "n"] || _ <- lists:seq(1, 5000)]),
    Incremented = [
        binary_to_integer(Read)
     || {Read, _} <- reads(5000, fun({stream, Name, _}) -> Name =:= "incr" end)
    ],
    ?assertEqual([], [
        {N, Read}
     || {N, Read} <- lists:enumerate(Incremented), Read < N orelse Read > 5000
    ]),
    %% Another snapshot.
    ok = eslaver_test_proxy:target(Proxy, none),
    ok = eslaver_test_proxy:cut(Proxy),
    _ = eslaver_test_client:ok(Client, ["SET", "old", "2"]),
    Large = binary:copy(<<"x">>, 8192),
    _ = eslaver_test_client:pipeline(Client, [["SET", "large", Large] || _ <- lists:seq(1, 20)]),
    ok = eslaver_test_proxy:target(Proxy, Master),
    [{<<"1">>, {loading, string, <<"old">>, <<"2">>}}] =
        reads(1, fun(Event) ->
            element(1, Event) =:= loading andalso element(3, Event) =:= <<"old">>
        end),
    [{<<"2">>, {loading, eof}}] = reads(1, fun(Event) -> Event =:= {loading, eof} end),
    ok.

read({stream, "incr", [Key]}) -> eslaver_mirror:get(?M, Key);
read(_) -> eslaver_mirror:get(?M, <<"old">>).

reads(Count) ->
    reads(Count, fun(Event) -> element(1, Event) =:= loading end).

reads(0, _Wanted) ->
    [];
reads(Count, Wanted) ->
    receive
        {_, Event} = Read when is_tuple(Event) ->
            case Wanted(Event) of
                true -> [Read | reads(Count - 1, Wanted)];
                false -> reads(Count, Wanted)
            end
    after ?TIMEOUT -> [no_more]
    end.

%% Subscribers are told of what can be read, however far the callback has come.
subscribers(_Config) ->
    #{client := Client} = Lab = lab(#{}),
    Self = self(),
    ok = start(Lab, #{callback => fun(Event) -> Self ! {callback, Event} end}),
    {ok, Ref} = eslaver_mirror:subscribe(?M, #{keys => <<"a*">>}),
    _ = eslaver_test_client:pipeline(Client, [
        ["SET", "b", 1], ["MULTI"], ["SET", "a1", 1], ["INCR", "a2"], ["EXEC"], ["DEL", "a1"]
    ]),
    Messages = messages_until(fun(Message) ->
        case Message of
            {eslaver, _, {key, <<"del">>, _, _}} -> true;
            _ -> false
        end
    end),
    ?assertEqual(
        [{<<"set">>, <<"a1">>}, {<<"incr">>, <<"a2">>}, {<<"del">>, <<"a1">>}],
        [{Name, Key} || {eslaver, R, {key, Name, Key, #{db := 0}}} <- Messages, R =:= Ref]
    ).

messages_until(Last) ->
    receive
        Message ->
            case Last(Message) of
                true -> [Message];
                false -> [Message | messages_until(Last)]
            end
    after ?TIMEOUT -> [no_more]
    end.

%% A callback that is slow, or pauses, holds the keyspace back: it is ahead by no more than what may
%% be under way, and is stale while the link is down.
slow_callback(_Config) ->
    #{client := Client, proxy := Proxy, master := Master} = Lab = lab(#{}),
    Self = self(),
    Callback = fun
        ({stream, "set", [<<"wait">>, _]}) ->
            Self ! {waiting, self()},
            receive
                go_on -> ok
            end;
        (_) ->
            ok
    end,
    ok = start(Lab, #{callback => Callback}),
    _ = eslaver_test_client:ok(Client, ["SET", "wait", "1"]),
    Replica =
        receive
            {waiting, Pid} -> Pid
        end,
    ?assertEqual(<<"1">>, eslaver_mirror:get(?M, <<"wait">>)),
    Value = binary:copy(<<"x">>, 10_000),
    _ = eslaver_test_client:pipeline(Client, [
        ["SET", ["k", integer_to_list(N)], Value]
     || N <- lists:seq(1, 2000)
    ]),
    Applied = fun() -> maps:get(keys, eslaver_mirror:info(?M)) end,
    Stands = settled(Applied),
    ?assert(Stands * byte_size(Value) < ?WINDOW),
    ?assertEqual(fresh, eslaver_mirror:status(?M)),
    %% Nobody but the link knows that it is lost.
    ok = eslaver_test_proxy:target(Proxy, none),
    ok = eslaver_test_proxy:cut(Proxy),
    Replica ! go_on,
    true = eslaver_test_wait:until(fun() -> eslaver_mirror:status(?M) =:= stale end),
    ok = eslaver_test_proxy:target(Proxy, Master),
    ok = eslaver_test_proxied_mirror:caught_up(?M, Client),
    ?assertEqual(2001, Applied()),
    %% It is handled, too, and acknowledged.
    _ = eslaver_test_client:ok(Client, ["SET", "k", "1"]),
    ?assertEqual(1, eslaver_test_client:ok(Client, ["WAIT", 1, 10_000])).

settled(Look) ->
    Before = Look(),
    timer:sleep(300),
    case Look() of
        Before -> Before;
        _ -> settled(Look)
    end.

%% The master is told what has been handled, however far the keyspace is.
acknowledged(_Config) ->
    #{client := Client} = Lab = lab(#{}),
    Self = self(),
    Callback = fun
        ({stream, "set", [<<"wait">>, _]}) ->
            Self ! {waiting, self()},
            receive
                go_on -> ok
            end;
        (_) ->
            ok
    end,
    ok = start(Lab, #{callback => Callback}),
    _ = eslaver_test_client:ok(Client, ["SET", "wait", "1"]),
    ?assertEqual(0, eslaver_test_client:ok(Client, ["WAIT", 1, 500])),
    ?assertEqual(<<"1">>, eslaver_mirror:get(?M, <<"wait">>)),
    receive
        {waiting, Replica} -> Replica ! go_on
    end,
    ?assertEqual(1, eslaver_test_client:ok(Client, ["WAIT", 1, 10_000])).

%% What a callback does to the mirror

%% It raises: its replica ends and another is started, with pauses that grow. The mirror stays.
raises(Config) ->
    #{client := Client} = Lab = lab(#{}),
    Self = self(),
    Fails = counters:new(1, []),
    ok = counters:add(Fails, 1, 3),
    Callback = fun(Event) ->
        Self ! {callback, Event},
        case Event of
            {stream, "set", [<<"bad">>, _]} ->
                counters:sub(Fails, 1, 1),
                counters:get(Fails, 1) < 0 orelse error(bad);
            _ ->
                ok
        end
    end,
    File = filename:join(?config(priv_dir, Config), "raises"),
    ok = start(Lab, #{callback => Callback, resume => {file, File}}),
    Mirror = whereis(?M),
    _ = eslaver_test_client:pipeline(Client, [["SET", "kept", 1], ["SET", "bad", 1]]),
    true = eslaver_test_wait:until(fun() -> counters:get(Fails, 1) < 0 end),
    ?assertEqual([<<"1">>, <<"1">>], eslaver_mirror:mget(?M, [<<"kept">>, <<"bad">>])),
    _ = eslaver_test_client:ok(Client, ["INCR", "after"]),
    _ = messages_until(fun(M) -> M =:= {callback, {stream, "incr", [<<"after">>]}} end),
    ?assertEqual(Mirror, whereis(?M)),
    ?assertMatch(#{restarts := 3, status := fresh}, eslaver_mirror:info(?M)),
    ?assertEqual(<<"1">>, eslaver_mirror:get(?M, <<"after">>)),
    ?assertEqual(1, sync_full(Client)),
    ?assertMatch([_, _, _], eslaver_test_log:matches("callback raised error:bad")).

%% The process ends that gets the events.
process_ends(_Config) ->
    #{client := Client} = Lab = lab(#{}),
    Collector = mirror(Lab, #{}),
    Full = sync_full(Client),
    true = exit(Collector, kill),
    true = eslaver_test_wait:until(fun() ->
        maps:get(restarts, eslaver_mirror:info(?M)) =:= 1
    end),
    _ = eslaver_test_client:ok(Client, ["SET", "k", "v"]),
    ok = eslaver_test_proxied_mirror:caught_up(?M, Client),
    ?assertEqual(<<"v">>, eslaver_mirror:get(?M, <<"k">>)),
    ?assertMatch(#{restarts := 1}, eslaver_mirror:info(?M)),
    ?assertEqual(Full, sync_full(Client)),
    ?assertMatch([_], eslaver_test_log:matches("the mirror goes on without it")).

%% A handler is told of the end, and can read until then. It keeps its state between events, and it
%% may pause.
handler(_Config) ->
    #{client := Client} = Lab = lab(#{}),
    ok = start(Lab, #{callback => {handler, ?MODULE, self()}, events => full}),
    receive
        {handler, Replica} -> ok
    end,
    _ = eslaver_test_client:pipeline(Client, [["SET", "pause", 1], ["SET", "k", 1]]),
    ok = got(<<"pause">>),
    receive
        {got, _} = Early -> error(Early)
    after 200 -> ok
    end,
    ?assertMatch(#{replica := #{paused := true}}, eslaver_mirror:info(?M)),
    ok = eslaver:continue(Replica),
    ok = got(<<"k">>),
    ok = eslaver_mirror:stop(?M),
    receive
        {ended, Reason, Handled, Value} ->
            ?assertEqual({shutdown, 2, <<"1">>}, {Reason, Handled, Value})
    after ?TIMEOUT -> error(not_told)
    end.

got(Key) ->
    receive
        {got, Key} -> ok
    after ?TIMEOUT -> error({missing, Key})
    end.

%% It wants to end, and does not want to begin again at first: it is started until it does.
handler_stops(_Config) ->
    #{client := Client} = Lab = lab(#{}),
    Inits = counters:new(1, []),
    ok = start(Lab, #{callback => {handler, ?MODULE, {self(), Inits}}, events => full}),
    Mirror = whereis(?M),
    _ = eslaver_test_client:ok(Client, ["SET", "k", "1"]),
    _ = eslaver_test_client:ok(Client, ["SET", "stop", "1"]),
    receive
        {ended, enough, 2, <<"1">>} -> ok
    after ?TIMEOUT -> error(not_told)
    end,
    true = eslaver_test_wait:until(fun() -> counters:get(Inits, 1) =:= 3 end),
    true = eslaver_test_wait:until(fun() -> eslaver_mirror:status(?M) =:= fresh end),
    ?assertEqual(Mirror, whereis(?M)),
    ?assertEqual([<<"1">>, <<"1">>], eslaver_mirror:mget(?M, [<<"k">>, <<"stop">>])),
    ?assertMatch(#{restarts := 2, start_error := undefined}, eslaver_mirror:info(?M)),
    ?assertMatch([_], eslaver_test_log:matches("cannot start the replica .*not_yet")).

%% eslaver_handler
init({Test, Inits}) ->
    ok = counters:add(Inits, 1, 1),
    case counters:get(Inits, 1) of
        2 -> {stop, not_yet};
        _ -> init(Test)
    end;
init(Test) ->
    Test ! {handler, self()},
    {ok, {Test, 0}}.

handle_event({stream, <<"set">>, [Key | _], _}, {Test, Handled}) ->
    Test ! {got, Key},
    case Key of
        <<"pause">> -> {pause, {Test, Handled + 1}};
        <<"stop">> -> {stop, enough, {Test, Handled + 1}};
        _ -> {ok, {Test, Handled + 1}}
    end;
handle_event(_Event, State) ->
    {ok, State}.

terminate(Reason, {Test, Handled}) ->
    Test ! {ended, Reason, Handled, eslaver_mirror:get(?M, <<"k">>)}.

%% A command that only a snapshot tells the effect of: the callback is not cut off in an event, and
%% begins anew, too.
lost(_Config) ->
    case [S || #{version := V, server := S} <- eslaver_test_servers:available(), V < {5, 0, 0}] of
        [] -> {skip, no_old_server};
        [Server | _] -> lost_of(Server)
    end.

lost_of(Server) ->
    #{client := Client} = Lab = lab(#{server => Server}),
    ok = start(Lab, #{callback => {handler, ?MODULE, self()}, events => full}),
    _ = eslaver_test_client:ok(Client, ["SET", "k", "1"]),
    ok = got(<<"k">>),
    _ = eslaver_test_client:ok(Client, ["EVAL", "return redis.call('incr', 'k')", "0"]),
    receive
        {ended, shutdown, 1, _} -> ok
    after ?TIMEOUT -> error(not_told)
    end,
    true = eslaver_test_wait:until(fun() -> eslaver_mirror:get(?M, <<"k">>) =:= <<"2">> end),
    ?assertMatch(#{status := fresh, restarts := 1}, eslaver_mirror:info(?M)).

%% Both have the same filter.
filter(_Config) ->
    #{client := Client} = Lab = lab(#{}),
    _ = eslaver_test_client:pipeline(Client, [["SET", "a1", 1], ["SET", "b1", 1]]),
    Collector = mirror(Lab, #{filter => #{keys => <<"a*">>}}),
    _ = eslaver_test_client:pipeline(Client, [
        ["SET", "b2", 1], ["MULTI"], ["SET", "a2", 1], ["SET", "b3", 1], ["EXEC"], ["SET", "a3", 1]
    ]),
    ok = await_command(Collector, [<<"set">>, <<"a3">>, <<"1">>]),
    ?assertEqual(
        [
            {loading, string, <<"a1">>, <<"1">>},
            {loading, eof},
            {stream, "multi", []},
            {stream, "select", [<<"0">>]},
            {stream, "set", [<<"a2">>, <<"1">>]},
            {stream, "exec", []},
            {stream, "set", [<<"a3">>, <<"1">>]}
        ],
        eslaver_test_collector:events(Collector)
    ),
    ?assertEqual([<<"a1">>, <<"a2">>, <<"a3">>], lists:sort(eslaver_mirror:keys(?M, <<"*">>))).

%% Tools

lab(Options) ->
    Config = [{"repl-backlog-size", maps:get(backlog, Options, "256mb")}],
    Server = maps:get(server, Options, eslaver_test_servers:own()),
    Master = eslaver_test_master:start(#{server => Server, config => Config}),
    Proxy = eslaver_test_proxy:start(Master),
    #{
        master => Master,
        client => eslaver_test_client:connect(Master),
        proxy => Proxy,
        port => eslaver_test_proxy:port(Proxy)
    }.

%% The collector of the events of a mirror that has loaded.
mirror(Lab, Options) ->
    Collector = eslaver_test_collector:start(),
    ok = start(Lab, Options#{callback => Collector}),
    Collector.

start(#{port := Port}, Options) ->
    Target = eslaver_test_replica:target(Port),
    {ok, _} = eslaver_mirror:start_link(maps:merge(Target#{name => ?M}, Options)),
    eslaver_mirror:await(?M, loaded, ?TIMEOUT).

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
