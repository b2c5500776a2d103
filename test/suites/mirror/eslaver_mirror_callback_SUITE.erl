%% The callback of a mirror: what it can read, what it holds back, and what becomes of the mirror
%% when it raises, pauses, or ends.
-module(eslaver_mirror_callback_SUITE).

-include_lib("common_test/include/ct.hrl").
-include_lib("stdlib/include/assert.hrl").

-import(eslaver_test_proxied_mirror, [lab/1]).

-compile([export_all, nowarn_export_all]).

-define(M, mirror_with_callback).
-define(TIMEOUT, 30_000).
%% What the keyspace may be ahead of the callback: the batches that are under way, the one that is
%% being filled, and what the events of both are in the stream.
-define(WINDOW, 4 * 1024 * 1024).

suite() ->
    [{timetrap, {minutes, 3}}, {ct_hooks, [eslaver_test_log_hook, {eslaver_test_mirror_hook, ?M}]}].

all() ->
    eslaver_test_groups:cases(?MODULE).

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
    ?assertMatch([_, _, _], eslaver_test_log:await("callback raised error:bad at event", 3)).

%% It raises in the snapshot, whenever that comes: the master is not to write one after the other.
raises_in_the_load(_Config) ->
    #{client := Client, master := Master} = lab(#{}),
    _ = eslaver_test_client:ok(Client, ["SET", "bad", "1"]),
    Callback = fun
        ({loading, string, _, _}) -> error(bad);
        (_) -> ok
    end,
    Options = eslaver_test_replica:target(Master),
    {ok, _} = eslaver_mirror:start_link(Options#{name => ?M, callback => Callback}),
    true = eslaver_test_wait:until(fun() -> sync_full(Client) =:= 2 end),
    timer:sleep(3000),
    ?assertEqual(2, sync_full(Client)),
    true = eslaver_test_wait:until(fun() ->
        case eslaver_mirror:info(?M) of
            #{replica := #{state := waiting, restarts := 2} = Info} ->
                maps:get(reason, maps:get(last_error, Info)) =:= callback_failed;
            #{} ->
                false
        end
    end).

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
    ?assertMatch([_], eslaver_test_log:await("the mirror goes on without it")).

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
    ?assertMatch([_], eslaver_test_log:await("cannot start the replica .*not_yet")).

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
    Last = {stream, "set", [<<"a3">>, <<"1">>]},
    _ = eslaver_test_collector:await(Collector, fun(Event) -> Event =:= Last end),
    ?assertEqual(
        [
            {loading, string, <<"a1">>, <<"1">>},
            {loading, eof},
            {stream, "multi", []},
            {stream, "select", [<<"0">>]},
            {stream, "set", [<<"a2">>, <<"1">>]},
            {stream, "exec", []},
            Last
        ],
        eslaver_test_collector:events(Collector)
    ),
    ?assertEqual([<<"a1">>, <<"a2">>, <<"a3">>], lists:sort(eslaver_mirror:keys(?M, <<"*">>))).

%% Tools

%% The collector of the events of a mirror that has loaded.
mirror(Lab, Options) ->
    Collector = eslaver_test_collector:start(),
    ok = start(Lab, Options#{callback => Collector}),
    Collector.

start(Lab, Options) ->
    eslaver_test_proxied_mirror:attach(?M, Lab, Options).

sync_full(Client) ->
    binary_to_integer(eslaver_test_client:info(Client, "sync_full")).
