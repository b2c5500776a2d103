%% The clusters of the suites in this folder (eslaver_test_cluster), by themselves, and what judges
%% mirrors of them: without these none of the others says anything.
-module(eslaver_test_cluster_SUITE).

-include_lib("common_test/include/ct.hrl").
-include_lib("stdlib/include/assert.hrl").

-import(eslaver_test_cluster, [start/1, stop/1, settled/1, masters/1, owner/2, contents/1]).
-import(eslaver_test_cluster_moves, [move/6, begin_move/6, finish/1, cancel/1]).

-compile([export_all, nowarn_export_all]).

suite() ->
    [{timetrap, {minutes, 3}}].

all() ->
    eslaver_test_groups:all(groups()).

%% All versions for what is most unlike from one to the next.
groups() ->
    Own = [readers, subscriber, late_link],
    Others = eslaver_test_groups:cases(?MODULE) -- Own,
    [{own, [parallel], Own} | eslaver_test_cluster_cases:groups(Others, [moves, told])].

init_per_group(own, Config) ->
    [{server, #{server => eslaver_test_servers:own()}} | Config];
init_per_group(Name, Config) ->
    eslaver_test_groups:server(Name, Config).

end_per_group(_Name, _Config) ->
    ok.

%% To and fro while writers write, by each way that there is; some moves are taken back.
moves(Config) ->
    Seed = eslaver_test_env:seed(),
    _ = rand:seed(exsss, Seed),
    Server = server(Config),
    Cluster = start(#{server => Server, failovers => false}),
    [One, Other | _] = masters(Cluster),
    Writers = eslaver_test_cluster_writers:start(Cluster, Seed),
    lists:foreach(
        fun(Way) ->
            Slots = [{0, 39}, {100, 109}],
            Begun = eslaver_test_cluster_writers:count(Writers),
            Took = eslaver_test_wait:took(fun() ->
                ok = move(Cluster, Slots, One, Other, Way, #{pause => 2}),
                ?assertEqual(Other, owner(Cluster, 0)),
                ok = move(Cluster, Slots, Other, One, Way, #{pause => 2})
            end),
            ?assertEqual(One, owner(Cluster, 0)),
            Half = begin_move(Cluster, Slots, One, Other, Way, #{
                pause => 2,
                slow => 20_000,
                hold => fun(Fun) -> eslaver_test_cluster_writers:hold(Writers, Fun) end
            }),
            Outcome = cancel(Half),
            ?assertEqual({Way, canceled}, {Way, Outcome}),
            ?assertEqual(One, owner(Cluster, 0)),
            completed = finish(begin_move(Cluster, Slots, One, Other, Way, #{})),
            ?assertEqual(Other, owner(Cluster, 109)),
            ok = settled(Cluster),
            ok = move(Cluster, Slots, Other, One, Way, #{}),
            Writes = eslaver_test_cluster_writers:count(Writers) - Begun,
            ct:pal("~p: to and fro in ~b ms, ~b writes in all", [Way, Took, Writes]),
            ?assert(Writes > 50)
        end,
        eslaver_test_cluster:ways(Server)
    ),
    Notes = eslaver_test_cluster_writers:stop(Writers),
    ok = settled(Cluster),
    ?assertEqual([], eslaver_test_cluster_notes:wrong(Notes, contents(Cluster), exact)),
    stop(Cluster).

%% What a replica of each master is told while no slot moves is what the writers wrote, in each
%% version's form.
told(Config) ->
    Seed = eslaver_test_env:seed(),
    Cluster = start(#{server => server(Config)}),
    Writers = eslaver_test_cluster_writers:start(Cluster, Seed),
    Table = ets:new(?FUNCTION_NAME, [public, ordered_set]),
    Log = eslaver_test_cluster_log:args(#{table => Table}),
    Replicas = [told_by(Master, Table) || Master <- masters(Cluster)],
    ok = timer:sleep(3000),
    Notes = eslaver_test_cluster_writers:stop(Writers),
    _ = [
        true = eslaver_test_wait:until(fun() -> eslaver_test_cluster_log:has(Log, Mark) end)
     || Mark <- eslaver_test_cluster_followers:marks(Cluster)
    ],
    Contents = contents(Cluster),
    ?assertEqual([], eslaver_test_cluster_log:wrong(Log, Notes, Contents, #{})),
    [{Order, Last} | _] = [
        Entry
     || {_, {stream, <<"rpush">>, _, _}} = Entry <- eslaver_test_cluster_log:entries(Log)
    ],
    true = ets:delete(Table, Order),
    {stream, _, [Key | _], _} = Last,
    ?assertMatch([{Key, _}], eslaver_test_cluster_log:wrong(Log, Notes, Contents, #{})),
    _ = [ok = eslaver:stop(Replica) || Replica <- Replicas],
    stop(Cluster).

told_by(Master, Table) ->
    Target = eslaver_test_replica:target(Master),
    Shard = integer_to_binary(eslaver_test_master:port(Master)),
    {ok, State} = eslaver_test_cluster_handler:init(#{table => Table}),
    {ok, Replica} = eslaver:start_link(Target#{
        events => full,
        callback => fun(Event) ->
            {ok, _} = eslaver_test_cluster_handler:handle_event(in_shard(Shard, Event), State),
            ok
        end
    }),
    ok = eslaver:await(Replica, loaded, 30_000),
    Replica.

in_shard(Shard, {stream, Name, Args, Meta}) ->
    {stream, Name, Args, Meta#{shard => Shard, origin => user}};
in_shard(_Shard, Event) ->
    Event.

%% A master hands over, is killed, or hangs; then it is a replica.
failovers(Config) ->
    Seed = eslaver_test_env:seed(),
    Cluster = start(#{server => server(Config)}),
    Writers = eslaver_test_cluster_writers:start(Cluster, Seed),
    lists:foreach(
        fun({Way, Number}) ->
            Old = lists:nth(Number, masters(Cluster)),
            Self = self(),
            Took = eslaver_test_wait:took(fun() ->
                Self ! {new, eslaver_test_cluster_shards:fail_over(Cluster, Old, Way)}
            end),
            New =
                receive
                    {new, Node} -> Node
                end,
            ?assertNotEqual(Old, New),
            ok = eslaver_test_cluster_shards:back(Way, Old),
            ok = settled(Cluster),
            ?assertEqual(New, eslaver_test_cluster_shards:master_of(Cluster, Old)),
            ct:pal("~p: failed over in ~b ms", [Way, Took])
        end,
        [{command, 1}, {kill, 2}, {pause, 3}]
    ),
    Notes = eslaver_test_cluster_writers:stop(Writers),
    ?assertEqual([], eslaver_test_cluster_notes:wrong(Notes, contents(Cluster), losses)),
    stop(Cluster).

%% A fourth shard comes, gets slots, and goes with the last of them.
shards(Config) ->
    Seed = eslaver_test_env:seed(),
    Server = server(Config),
    Cluster = start(#{server => Server, failovers => false}),
    Writers = eslaver_test_cluster_writers:start(Cluster, Seed),
    [Old | _] = masters(Cluster),
    lists:foreach(
        fun(Way) ->
            New = eslaver_test_cluster_shards:add(Cluster),
            ?assertEqual(4, length(masters(Cluster))),
            {First, _} = lists:last(eslaver_test_cluster:slots(Cluster, Old)),
            Slots = [{First, First + 19}, {First + 30, First + 39}],
            ok = move(Cluster, Slots, Old, New, Way, #{}),
            ?assertEqual(New, owner(Cluster, First + 35)),
            ok = settled(Cluster),
            ok = eslaver_test_cluster_shards:remove(Cluster, New, Way, #{}),
            ?assertEqual(6, length(eslaver_test_cluster:nodes(Cluster)))
        end,
        eslaver_test_cluster:ways(Server)
    ),
    Notes = eslaver_test_cluster_writers:stop(Writers),
    ?assertEqual([], eslaver_test_cluster_notes:wrong(Notes, contents(Cluster), exact)),
    stop(Cluster).

%% All of it at random, in any order.
chance(Config) ->
    Seed = eslaver_test_env:seed(),
    _ = rand:seed(exsss, Seed),
    Server = server(Config),
    Cluster = start(#{server => Server}),
    Writers = eslaver_test_cluster_writers:start(Cluster, Seed),
    Context = #{
        cluster => Cluster,
        ways => eslaver_test_cluster:ways(Server),
        proxies => none,
        writers => Writers,
        events => [move, move, move, back, hand_over, kill, restart, shard]
    },
    Until = erlang:monotonic_time(millisecond) + eslaver_test_cluster:soak(5000),
    Report = eslaver_test_cluster_chance:run(Context, Until, #{}),
    Notes = eslaver_test_cluster_writers:stop(Writers),
    ok = settled(Cluster),
    ct:pal("~p", [Report]),
    ?assertEqual([], eslaver_test_cluster_notes:wrong(Notes, contents(Cluster), losses)),
    stop(Cluster).

%% What readers of a mirror find: nothing while only writers write, and what is done behind their
%% backs.
readers(Config) ->
    {Cluster, Writers} = mirrored(?FUNCTION_NAME, Config),
    Start = fun() -> eslaver_test_cluster_readers:start(?FUNCTION_NAME, Writers, #{}) end,
    Readers = Start(),
    ok = timer:sleep(1000),
    ?assertMatch(#{reads := Reads, wrong := []} when Reads > 1000, stopped(Readers)),
    _ = eslaver_test_cluster_writers:stop(Writers),
    [Missing, Back, Changed] =
        [hd(eslaver_test_cluster_writers:keys(Kind, Writers)) || Kind <- [l, h, s]],
    [Node] = eslaver_test_cluster:nodes(Cluster),
    lists:foreach(
        fun({Command, Expected}) ->
            Again = Start(),
            Report = fun() -> eslaver_test_cluster_readers:report(Again) end,
            %% each key is likely to have been read
            true = eslaver_test_wait:until(fun() -> maps:get(reads, Report()) > 8000 end),
            _ = eslaver_test_cluster:ask(Node, Command),
            true = eslaver_test_wait:until(fun() ->
                lists:any(Expected, maps:get(wrong, Report()))
            end),
            stopped(Again)
        end,
        [
            {["HSET", Back, "n", 0], fun(W) -> element(1, W) =:= back end},
            {["SET", Changed, 0], fun(W) -> element(1, W) =:= changed end},
            {["DEL", Missing], fun(W) -> element(1, W) =:= missing end},
            {["PING"], fun(W) -> element(1, W) =:= keys end},
            {["PING"], fun(W) -> element(1, W) =:= scan end},
            {["FLUSHALL"], fun(W) -> element(1, W) =:= dbsize end}
        ]
    ),
    ok = eslaver_mirror:stop(?FUNCTION_NAME),
    stop(Cluster).

stopped(Readers) ->
    eslaver_test_cluster_readers:stop(Readers).

%% What a subscriber must not be told.
subscriber(Config) ->
    {Cluster, Writers} = mirrored(?FUNCTION_NAME, Config),
    Start = fun() -> eslaver_test_cluster_news:start(?FUNCTION_NAME) end,
    First = Start(),
    ok = timer:sleep(1000),
    Second = Start(),
    Notes = eslaver_test_cluster_writers:stop(Writers),
    [Node] = eslaver_test_cluster:nodes(Cluster),
    Still = hd(eslaver_test_cluster_writers:keys(s, Writers)),
    Wrong = fun(Subscriber) ->
        ok = timer:sleep(200),
        eslaver_test_cluster_news:wrong(eslaver_test_cluster_news:stop(Subscriber), Notes)
    end,
    ?assertEqual([], Wrong(First)),
    _ = eslaver_test_cluster:ask(Node, ["DEL", Still]),
    ?assertEqual([{told, Still, 1, {written, 0}}], Wrong(Second)),
    ok = eslaver_mirror:stop(?FUNCTION_NAME),
    stop(Cluster).

%% Only the links of replicas are late.
late_link(Config) ->
    Cluster = start(#{server => server(Config), masters => 1, replicas => 0}),
    [Node] = eslaver_test_cluster:nodes(Cluster),
    Proxies = eslaver_test_cluster_proxies:start(),
    Addresses = eslaver_test_cluster_proxies:addresses(Proxies),
    {tcp, Host, Port} = Addresses({tcp, "127.0.0.1", eslaver_test_cluster:port(Cluster, Node)}),
    {Host, Port} = Addresses({Host, eslaver_test_cluster:port(Cluster, Node)}),
    {Replica, Collector} = eslaver_test_replica:start(Port),
    _ = eslaver_test_replica:loaded({Replica, Collector}),
    Client = eslaver_test_client:connect(Port),
    Mark = fun() ->
        eslaver_test_wait:took(fun() -> eslaver_test_replica:mark(Client, Collector) end)
    end,
    Ping = fun() ->
        eslaver_test_wait:took(fun() -> eslaver_test_client:ok(Client, ["PING"]) end)
    end,
    Proxy = eslaver_test_cluster_proxies:of_node(Proxies, Cluster, Node),
    ok = eslaver_test_proxy:late(Proxy, 200),
    ?assert(lists:min([Mark() || _ <- [1, 2, 3]]) >= 200),
    ?assert(lists:min([Ping() || _ <- [1, 2, 3]]) < 200),
    ok = eslaver_test_proxy:flow(Proxy),
    _ = Mark(),
    ?assert(lists:min([Mark() || _ <- [1, 2, 3]]) < 200),
    ok = eslaver_test_cluster_proxies:cut(Proxies, Cluster, Node),
    Again = eslaver_test_client:connect(Port),
    _ = eslaver_test_replica:mark(Again, Collector),
    ok = eslaver:stop(Replica),
    stop(Cluster).

%% A cluster of one node, and a mirror of that.
mirrored(Name, Context) ->
    Cluster = start(#{server => server(Context), masters => 1, replicas => 0}),
    Writers = eslaver_test_cluster_writers:start(Cluster, eslaver_test_env:seed()),
    [Node] = eslaver_test_cluster:nodes(Cluster),
    {ok, _} = eslaver_mirror:start_link((eslaver_test_replica:target(Node))#{name => Name}),
    ok = eslaver_mirror:await(Name, loaded, 30_000),
    {Cluster, Writers}.

server(Context) ->
    maps:get(server, ?config(server, Context)).
