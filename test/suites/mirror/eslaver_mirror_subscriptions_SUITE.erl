%% Subscriptions by the thousand, of a mirror and of a plain replica: each is told what its filter
%% by itself would have let through.
-module(eslaver_mirror_subscriptions_SUITE).

-include_lib("stdlib/include/assert.hrl").

-compile([export_all, nowarn_export_all]).

-define(M, mirror_of_suite).
-define(TIMEOUT, 60_000).
-define(MANY, 2000).

suite() ->
    [{timetrap, {minutes, 5}}, {ct_hooks, [{eslaver_test_mirror_hook, ?M}]}].

all() ->
    eslaver_test_groups:cases(?MODULE).

thousands_of_a_mirror(_Config) ->
    Master = eslaver_test_master:start_own(),
    _ = eslaver_test_proxied_mirror:of_master(?M, Master),
    thousands(eslaver_mirror, ?M, Master).

thousands_of_a_replica(_Config) ->
    Master = eslaver_test_master:start_own(),
    {Replica, _} = eslaver_test_replica:start(Master),
    ok = eslaver:await(Replica, loaded, ?TIMEOUT),
    thousands(eslaver, Replica, Master).

%% What the commands change is worked out from the stream that another replica gets.
thousands(Module, Source, Master) ->
    {Recorder, Events} = eslaver_test_replica:start(Master, #{events => full}),
    ok = eslaver:await(Recorder, loaded, ?TIMEOUT),
    Filters = [filter(N) || N <- lists:seq(1, ?MANY)],
    Subscribed = [{subscribe(Module, Source, Filter), Filter} || Filter <- Filters],
    {Kept, Ended} = lists:split(?MANY div 2, Subscribed),
    Client = eslaver_test_client:connect(Master),
    write(Client, 800),
    Last = subscribe(Module, Source, #{keys => <<"mark:*">>}),
    _ = until_marked(Last, eslaver_test_replica:mark(Client, Events)),
    Early = changes(eslaver_test_collector:events(Events)),
    TheyWereTold = told(#{}),
    lists:foreach(fun({Ref, _}) -> ok = Module:unsubscribe(Source, Ref) end, Ended),
    write(Client, 800),
    _ = until_marked(Last, eslaver_test_replica:mark(Client, Events)),
    Late = changes(eslaver_test_collector:events(Events)) -- Early,
    ?assert(length(Early) > 200 andalso length(Late) > 200),
    TheyAreTold = told(#{}),
    ok = compare(Subscribed, Early, TheyWereTold),
    ok = compare(Kept, Late, TheyAreTold),
    ?assertEqual([], [Ref || {Ref, _} <- Ended, is_map_key(Ref, TheyAreTold)]),
    ?assert(map_size(TheyWereTold) > ?MANY div 2).

compare(Subscribed, Changes, Told) ->
    lists:foreach(
        fun({Ref, Filter}) ->
            Parsed = parsed(Filter),
            ?assertEqual(
                {Filter, [Change || Change <- Changes, is_wanted(Change, Parsed)]},
                {Filter, maps:get(Ref, Told, [])}
            )
        end,
        Subscribed
    ).

parsed(Filter) ->
    {ok, Parsed} = eslaver_filter:parse([keys, commands, dbs], Filter),
    Parsed.

subscribe(Module, Source, Filter) ->
    {ok, Ref} = Module:subscribe(Source, Filter),
    Ref.

filter(N) ->
    Number = integer_to_binary(N rem 100),
    Keys = lists:nth(1 + N rem 8, [
        #{keys => <<"user:", Number/binary>>},
        #{keys => <<"user:", (integer_to_binary(N rem 10))/binary, "*">>},
        #{keys => [<<"user:?", Number/binary>>, <<"user:", Number/binary>>]},
        #{keys => <<"*", Number/binary>>},
        #{keys => <<"none:", (integer_to_binary(N))/binary, ":*">>},
        #{keys => []},
        few(N, #{keys => [<<"*">>, <<"user:1">>]}),
        few(N, #{})
    ]),
    Some = [#{}, #{}, #{}, #{commands => [set, del]}, #{commands => []}],
    Commands = lists:nth(1 + N rem 5, Some),
    Dbs = lists:nth(1 + N rem 3, [#{}, #{dbs => [N rem 4]}, #{dbs => [0, 0, 2]}]),
    maps:merge(Keys, maps:merge(Commands, Dbs)).

%% What much passes is wanted by some only.
few(N, Filter) when N < 100 -> Filter;
few(_N, _Filter) -> #{keys => <<"user:7?">>}.

%% Random commands; some of them within transactions.
write(Client, Count) ->
    lists:foreach(
        fun(_) -> eslaver_test_client:pipeline(Client, unit(rand:uniform(4))) end,
        lists:seq(1, Count div 4)
    ).

unit(1) ->
    [["MULTI"]] ++ [command() || _ <- lists:seq(1, rand:uniform(6))] ++ [["EXEC"]];
unit(_) ->
    [command() || _ <- lists:seq(1, 4)].

command() ->
    Key = fun() -> ["user:", integer_to_list(rand:uniform(120))] end,
    Db = fun() -> rand:uniform(4) - 1 end,
    case rand:uniform(40) of
        1 -> ["FLUSHDB"];
        2 -> ["FLUSHALL"];
        3 -> ["SWAPDB", Db(), Db()];
        N when N < 8 -> ["SELECT", Db()];
        N when N < 12 -> ["MOVE", Key(), Db()];
        N when N < 16 -> ["RENAME", Key(), Key()];
        N when N < 20 -> ["DEL", Key(), Key(), Key()];
        N when N < 24 -> ["MSET", Key(), "1", Key(), "2"];
        N when N < 26 -> ["SUNIONSTORE", Key(), "no such", "set"];
        N when N < 28 -> ["PUBLISH", "user:1", "hello"];
        N when N < 30 -> ["EVAL", "return redis.call('SET', KEYS[1], 1)", 1, Key()];
        _ -> ["SET", Key(), "v"]
    end.

%% The changes of a stream in the form of notices: those of a transaction have its offset.
changes(Events) ->
    {Changes, []} = lists:foldl(fun change/2, {[], []}, Events),
    lists:reverse(Changes).

change({stream, <<"multi">>, _, _}, {Changes, []}) ->
    {Changes, [multi]};
change({stream, <<"exec">>, _, #{offset := Offset}}, {Changes, Open}) ->
    {[at(Offset, Change) || Change <- Open, Change =/= multi] ++ Changes, []};
change({stream, Name, Args, Meta}, {Changes, []}) ->
    {lists:reverse(of_command(Name, Args, Meta)) ++ Changes, []};
change({stream, Name, Args, Meta}, {Changes, Open}) ->
    {Changes, lists:reverse(of_command(Name, Args, Meta)) ++ Open};
change(_Other, Acc) ->
    Acc.

at(Offset, {Tag, Name, What, Meta}) -> {Tag, Name, What, Meta#{offset := Offset}}.

of_command(Name, Args, #{db := Selected} = Meta) ->
    case eslaver_nif:keys(Name, Args, undefined) of
        not_a_write ->
            [];
        flushall ->
            [{keys, Name, all, Meta}];
        flushdb ->
            [{keys, Name, {db, Selected}, Meta}];
        {swapdb, One, Other} ->
            [{keys, Name, {swap, One, Other}, Meta}];
        {Changed, _Read} ->
            [
                case Key of
                    {Db, Other} -> {key, Name, Other, Meta#{db := Db}};
                    _ -> {key, Name, Key, Meta}
                end
             || Key <- Changed
            ]
    end.

is_wanted({Tag, Name, What, #{db := Db}}, #{keys := Keys, commands := Commands, dbs := Dbs}) ->
    is_among(Name, Commands) andalso
        case {Tag, What} of
            {key, Key} ->
                is_among(Db, Dbs) andalso
                    (Keys =:= undefined orelse
                        lists:any(fun(Glob) -> eslaver_nif:glob(Glob, Key) end, Keys));
            {keys, all} ->
                true;
            {keys, {swap, One, Other}} ->
                is_among(One, Dbs) orelse is_among(Other, Dbs);
            {keys, _} ->
                is_among(Db, Dbs)
        end.

is_among(_Value, undefined) -> true;
is_among(Value, Wanted) -> lists:member(Value, Wanted).

until_marked(Ref, Mark) ->
    receive
        {eslaver, Ref, {key, _, Mark, _}} -> ok
    after ?TIMEOUT -> error({not_told, Mark})
    end.

%% What has come, by subscription.
told(Told) ->
    receive
        {eslaver, Ref, Notice} -> told(Told#{Ref => [Notice | maps:get(Ref, Told, [])]})
    after 0 -> maps:map(fun(_Ref, Notices) -> lists:reverse(Notices) end, Told)
    end.

%% Whoever subscribes, and then reads, is told of every change behind what it reads. Each subscribes
%% beside a burst of writes; how many these are does not depend on how long it takes to be told.
nothing_between_subscribing_and_reading(_Config) ->
    Master = eslaver_test_master:start_own(),
    #{client := Client} = eslaver_test_proxied_mirror:of_master(?M, Master),
    _ = eslaver_test_client:ok(Client, ["SET", "c", "0"]),
    ok = eslaver_test_proxied_mirror:caught_up(?M, Client),
    Burst = lists:append(
        lists:duplicate(20, [
            ["INCR", "c"], ["MULTI"], ["INCR", "c"], ["SET", "d", "1"], ["EXEC"]
        ])
    ),
    Writer = eslaver_test_client:connect(Master),
    Subscribe = fun(Number) ->
        _ = [ok = eslaver_test_client:send(Writer, Command) || Command <- Burst],
        Ref = subscribe(eslaver_mirror, ?M, #{keys => <<"c">>}),
        At = count(),
        {Ref, At, At < 40 * Number}
    end,
    Subscribed = [Subscribe(Number) || Number <- lists:seq(1, 100)],
    ?assertMatch([_ | _], [Ref || {Ref, _, true} <- Subscribed], "none within a burst"),
    true = eslaver_test_wait:until(fun() -> count() =:= 4000 end),
    %% The notices of a change come in the order of subscriptions, so this one is the last of all.
    {Latest, _, _} = lists:last(Subscribed),
    _ = eslaver_test_client:ok(Client, ["DEL", "c"]),
    receive
        {eslaver, Latest, {key, <<"del">>, <<"c">>, _}} -> ok
    after ?TIMEOUT -> error(not_told)
    end,
    Told = told(#{}),
    [?assert(length(of_ref(Ref, Told)) >= 4000 - At) || {Ref, At, _} <- Subscribed],
    {First, _, _} = hd(Subscribed),
    All = of_ref(First, Told),
    ?assertEqual(All, lists:usort(All)),
    [?assert(lists:suffix(of_ref(Ref, Told), All)) || {Ref, _, _} <- Subscribed],
    ?assert(length(of_ref(Latest, Told)) < length(All)).

count() -> binary_to_integer(eslaver_mirror:get(?M, <<"c">>)).

%% The offsets of what it was told.
of_ref(Ref, Told) ->
    [Offset || {key, <<"incr">>, <<"c">>, #{offset := Offset}} <- maps:get(Ref, Told, [])].

%% Writes these commands again and again, until told to end.
writer(Master, Commands) ->
    spawn_link(fun() -> writes(eslaver_test_client:connect(Master), Commands) end).

writes(Client, Commands) ->
    _ = eslaver_test_client:pipeline(Client, Commands),
    receive
        {stop, Pid} -> Pid ! {stopped, self()}
    after 0 -> writes(Client, Commands)
    end.

ended(Writer) ->
    Writer ! {stop, self()},
    receive
        {stopped, Writer} -> ok
    end.

%% A replica that ends takes no notices along.
replicas_are_killed(_Config) ->
    Master = eslaver_test_master:start(#{
        server => eslaver_test_servers:own(), config => [{"repl-backlog-size", "100mb"}]
    }),
    #{client := Client} = eslaver_test_proxied_mirror:of_master(?M, Master),
    Ref = subscribe(eslaver_mirror, ?M, #{keys => <<"c">>}),
    Writer = writer(Master, [["INCR", "c"] || _ <- lists:seq(1, 200)]),
    lists:foreach(
        fun(_) ->
            ok = timer:sleep(50),
            ok = eslaver_test_proxied_mirror:kill_replica(?M),
            ok = fresh()
        end,
        lists:seq(1, 10)
    ),
    ok = ended(Writer),
    ok = eslaver_test_proxied_mirror:caught_up(?M, Client),
    ?assertEqual(<<"1">>, eslaver_test_client:info(Client, "sync_full")),
    Count = count(),
    Offsets = offsets(Ref, Count),
    ?assertEqual(Offsets, lists:usort(Offsets)),
    ?assertEqual(#{}, told(#{})).

%% The replica and its link are killed while a slice of the link applies a long command. What the
%% slice has applied before and after the kill is told by the next link, and the stream goes on
%% behind it.
a_slice_outlives_its_replica(_Config) ->
    Master = eslaver_test_master:start(#{
        server => eslaver_test_servers:own(), config => [{"repl-backlog-size", "100mb"}]
    }),
    #{client := Client} = eslaver_test_proxied_mirror:of_master(?M, Master),
    Members = 300_000,
    _ = eslaver_test_client:pipeline(Client, [
        ["ZADD", "members" | lists:append([[N, N] || N <- lists:seq(From, From + 999)])]
     || From <- lists:seq(1, Members, 1000)
    ]),
    ok = eslaver_test_proxied_mirror:caught_up(?M, Client),
    Ref = subscribe(eslaver_mirror, ?M, #{keys => [<<"c">>, <<"union*">>]}),
    Increments = [["INCR", "c"] || _ <- lists:seq(1, 20)],
    lists:foreach(
        fun(Round) ->
            Key = <<"union", (integer_to_binary(Round))/binary>>,
            Half = integer_to_binary(40 * Round - 20),
            Killed = spawn_monitor(fun() -> exit(killed_before(Key, Half)) end),
            _ = eslaver_test_client:pipeline(
                Client, Increments ++ [["ZUNIONSTORE", Key, 1, "members"]] ++ Increments
            ),
            ok = reason(Killed),
            ok = fresh(),
            ok = eslaver_test_proxied_mirror:caught_up(?M, Client),
            ?assertEqual({40 * Round, Members}, {count(), eslaver_mirror:zcard(?M, Key)})
        end,
        lists:seq(1, 3)
    ),
    ?assertEqual(<<"1">>, eslaver_test_client:info(Client, "sync_full")),
    Some = lists:duplicate(20, <<"incr">>),
    Round = Some ++ [<<"zunionstore">>] ++ Some,
    Told = [
        {Name, Offset}
     || {key, Name, _, #{offset := Offset}} <- all_told(Ref, 3 * length(Round))
    ],
    ?assertEqual(Round ++ Round ++ Round, [Name || {Name, _} <- Told]),
    Offsets = [Offset || {_, Offset} <- Told],
    ?assertEqual(Offsets, lists:usort(Offsets)),
    ?assertEqual(#{}, told(#{})).

%% The replica is killed when its link has counted to this number and runs a slice, which is to
%% write the key. The link ends then, while that is not done.
killed_before(Key, Number) ->
    Replica = eslaver_test_proxied_mirror:replica(?M),
    {links, Links} = process_info(Replica, links),
    [Link] = [Pid || Pid <- Links, is_pid(Pid), is_link(Pid)],
    Monitor = monitor(process, Link),
    ok = counted_to(Number),
    Doing = process_info(Link, [current_function, status]),
    true = exit(Replica, kill),
    receive
        {'DOWN', Monitor, process, Link, killed} -> ok
    end,
    case {Doing, eslaver_mirror:exists(?M, Key)} of
        {[{current_function, {eslaver_nif, slice, 1}}, {status, running}], false} -> ok;
        TooLate -> TooLate
    end.

counted_to(Number) ->
    case eslaver_mirror:get(?M, <<"c">>) of
        Number ->
            ok;
        _ ->
            ok = timer:sleep(1),
            counted_to(Number)
    end.

is_link(Pid) ->
    {dictionary, Dictionary} = process_info(Pid, dictionary),
    lists:member({'$initial_call', {eslaver_link, init, 1}}, Dictionary).

reason({Pid, Monitor}) ->
    receive
        {'DOWN', Monitor, process, Pid, Reason} -> Reason
    end.

%% Everything that a subscriber is told, this often.
all_told(_Ref, 0) ->
    [];
all_told(Ref, Count) ->
    receive
        {eslaver, Ref, Notice} -> [Notice | all_told(Ref, Count - 1)]
    after ?TIMEOUT -> error({not_told, Count})
    end.

fresh() ->
    true = eslaver_test_wait:until(fun() -> eslaver_mirror:status(?M) =:= fresh end),
    ok.

offsets(_Ref, 0) ->
    [];
offsets(Ref, Count) ->
    receive
        {eslaver, Ref, {key, <<"incr">>, <<"c">>, #{offset := Offset}}} ->
            [Offset | offsets(Ref, Count - 1)]
    after ?TIMEOUT -> error({not_told, Count})
    end.

%% The link waits for a mirror that does not get round to telling, and then goes on.
mirror_is_waited_for(_Config) ->
    Master = eslaver_test_master:start_own(),
    #{client := Client} = eslaver_test_proxied_mirror:of_master(?M, Master),
    Ref = subscribe(eslaver_mirror, ?M, #{keys => <<"k*">>}),
    ok = sys:suspend(?M),
    Count = 100_000,
    _ = eslaver_test_client:pipeline(Client, [["SET", "k", N] || N <- lists:seq(1, Count)]),
    true = eslaver_test_wait:until(fun() -> eslaver_mirror:get(?M, <<"k">>) =/= undefined end),
    %% It is behind by far more than it may be told at once.
    ok = timer:sleep(500),
    ?assert(binary_to_integer(eslaver_mirror:get(?M, <<"k">>)) < Count),
    ok = sys:resume(?M),
    ok = told_of_sets(Ref, Count, 0),
    ?assertEqual(integer_to_binary(Count), eslaver_mirror:get(?M, <<"k">>)).

told_of_sets(_Ref, 0, _Before) ->
    ok;
told_of_sets(Ref, Count, Before) ->
    receive
        {eslaver, Ref, {key, <<"set">>, <<"k">>, #{offset := Offset}}} when Offset > Before ->
            told_of_sets(Ref, Count - 1, Offset)
    after ?TIMEOUT -> error({not_told, Count})
    end.

%% Subscribers that end leave nothing behind.
subscribers_end(_Config) ->
    Master = eslaver_test_master:start_own(),
    #{client := Client} = eslaver_test_proxied_mirror:of_master(?M, Master),
    Self = self(),
    Subscribe = fun() ->
        _ = [subscribe(eslaver_mirror, ?M, #{keys => <<"k*">>}) || _ <- lists:seq(1, 20)],
        Self ! {subscribed, self()},
        receive
            stop -> ok
        end
    end,
    Before = process_info(whereis(?M), [links, monitors]),
    Pids = [spawn_link(Subscribe) || _ <- lists:seq(1, 100)],
    [
        receive
            {subscribed, Pid} -> Pid ! stop
        end
     || Pid <- Pids
    ],
    true = eslaver_test_wait:until(fun() ->
        Before =:= process_info(whereis(?M), [links, monitors])
    end),
    Ref = subscribe(eslaver_mirror, ?M, #{}),
    _ = eslaver_test_client:ok(Client, ["SET", "k", "1"]),
    receive
        {eslaver, Ref, {key, <<"set">>, <<"k">>, _}} -> ok
    end.
