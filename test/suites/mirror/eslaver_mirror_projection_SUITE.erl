%% Projections: rows of ETS tables that a mirror keeps in step with its master.
-module(eslaver_mirror_projection_SUITE).

-include_lib("stdlib/include/assert.hrl").

-compile([export_all, nowarn_export_all]).

-define(M, mirror_of_projections).
-define(TABLE, rows_of_projection).
-define(OTHER, rows_of_other_projection).
-define(TIMEOUT, 30_000).
-define(ACCOUNTS, 20).

suite() ->
    [
        {timetrap, {minutes, 5}},
        {ct_hooks, [eslaver_test_log_hook, {eslaver_test_mirror_hook, ?M}]}
    ].

all() ->
    eslaver_test_groups:cases(?MODULE).

%% ------------------------------------------------------------------------------------------------

%% Whoever has waited for the mirror finds all rows, and no others.
rows_are_there_once_loaded(_Config) ->
    Master = eslaver_test_master:start(#{server => eslaver_test_servers:own()}),
    Client = eslaver_test_client:connect(Master),
    Values = [{key(N), integer_to_binary(N)} || N <- lists:seq(1, 5000)],
    _ = eslaver_test_client:ok(Client, ["MSET" | lists:append([[K, V] || {K, V} <- Values])]),
    _ = eslaver_test_client:pipeline(Client, [
        ["RPUSH", "k:list", "a"], ["SET", "other", "1"], ["SELECT", "1"], ["SET", "k:db1", "1"]
    ]),
    Slow = fun(Key, Value) ->
        _ = (Key =:= <<"k:1">>) andalso timer:sleep(300),
        {Key, Value}
    end,
    ok = eslaver_test_proxied_mirror:attach(
        ?M, eslaver_test_master:port(Master), #{project => [strings(#{map => Slow})]}
    ),
    ?assertEqual(lists:sort(Values), content(?TABLE)),
    ?assertMatch(
        #{projections := #{?TABLE := #{rows := 5000, failures := 0}}}, eslaver_mirror:info(?M)
    ).

%% A change that the master says is acknowledged, or that a notification tells of, has its rows.
rows_come_before_their_news(_Config) ->
    Slow = fun(Key, Value) ->
        timer:sleep(20),
        {Key, Value}
    end,
    #{client := Client} = started(#{project => [strings(#{map => Slow})]}),
    {ok, Ref} = eslaver_mirror:subscribe(?M, #{keys => "k:*"}),
    lists:foreach(
        fun(N) ->
            Value = integer_to_binary(N),
            _ = eslaver_test_client:ok(Client, ["SET", "k:1", Value]),
            case N rem 2 of
                0 ->
                    ok = acknowledged(Client);
                1 ->
                    receive
                        {eslaver, Ref, {key, <<"set">>, _, _}} -> ok
                    after ?TIMEOUT -> error(no_notification)
                    end
            end,
            ?assertEqual([{<<"k:1">>, Value}], content(?TABLE)),
            _ = flushed(Ref)
        end,
        lists:seq(1, 20)
    ).

flushed(Ref) ->
    receive
        {eslaver, Ref, _} -> flushed(Ref)
    after 0 -> ok
    end.

%% Money moves between accounts, each transfer a transaction: the sum is always the same, whatever
%% happens to the link and the replica.
transfers_appear_whole(_Config) ->
    Map = fun(Key, Value) -> {Key, binary_to_integer(Value)} end,
    #{client := Client} =
        Started = started(#{project => [strings(#{map => Map})]}, fun(Client) ->
            [
                eslaver_test_client:ok(Client, ["SET", key(N), "1000"])
             || N <- lists:seq(1, ?ACCOUNTS)
            ]
        end),
    Reads = counters:new(1, []),
    Readers = [spawn_monitor(fun() -> read_sums(Reads) end) || _ <- [1, 2]],
    Faults = [none, kill, none, cut, outrun, none, kill, outrun, cut, none],
    lists:foreach(
        fun(Fault) ->
            Before = counters:get(Reads, 1),
            ok = transfer(Client, 300),
            ok = fault(Fault, Started),
            ok = transfer(Client, 300),
            ok = eslaver_test_proxied_mirror:caught_up(?M, Client),
            true = eslaver_test_wait:until(fun() -> counters:get(Reads, 1) > Before + 10 end)
        end,
        Faults
    ),
    ok = lists:foreach(fun stopped/1, Readers),
    ok = acknowledged(Client),
    ?assertEqual(folded(?M, string, Map), content(?TABLE)).

transfer(Client, Count) ->
    Commands = [
        Command
     || _ <- lists:seq(1, Count),
        {From, To, Amount} <- [{account(), account(), rand:uniform(100)}],
        Command <- [["MULTI"], ["DECRBY", From, Amount], ["INCRBY", To, Amount], ["EXEC"]]
    ],
    _ = eslaver_test_client:pipeline(Client, Commands),
    ok.

account() ->
    key(rand:uniform(?ACCOUNTS)).

read_sums(Reads) ->
    Amounts = ets:select(?TABLE, [{{'_', '$1'}, [], ['$1']}]),
    ?assertEqual({?ACCOUNTS, ?ACCOUNTS * 1000}, {length(Amounts), lists:sum(Amounts)}),
    ok = counters:add(Reads, 1, 1),
    receive
        stop -> ok
    after 0 -> read_sums(Reads)
    end.

fault(none, _Started) ->
    ok;
fault(kill, _Started) ->
    eslaver_test_proxied_mirror:kill_replica(?M);
fault(cut, #{proxy := Proxy}) ->
    eslaver_test_proxy:cut(Proxy);
%% The master has more than it keeps for a partial resync.
fault(outrun, #{proxy := Proxy, master := Master, client := Client}) ->
    ok = eslaver_test_proxy:target(Proxy, none),
    ok = eslaver_test_proxy:cut(Proxy),
    ok = transfer(Client, 500),
    eslaver_test_proxy:target(Proxy, Master).

%% However slow the map is: the stream does not go on between the keys of a transaction.
the_stream_waits_for_the_rows(_Config) ->
    Map = fun(Key, Value) ->
        timer:sleep(1),
        {Key, Value}
    end,
    Set = fun(N) -> ["MSET", "k:1", N, "k:2", N, "k:3", N] end,
    #{client := Client} = started(#{project => [strings(#{map => Map})]}, fun(Client) ->
        eslaver_test_client:ok(Client, Set(0))
    end),
    Reader = spawn_monitor(fun() -> read_equal(3) end),
    _ = eslaver_test_client:pipeline(Client, [Set(N) || N <- lists:seq(1, 30_000)]),
    ok = acknowledged(Client),
    ok = stopped(Reader),
    ?assertEqual([{key(N), <<"30000">>} || N <- [1, 2, 3]], content(?TABLE)).

%% Several rows of one key change together.
rows_of_a_key_appear_whole(_Config) ->
    Fields = ["f1", "f2", "f3"],
    Set = fun(Client, Value) ->
        eslaver_test_client:ok(Client, ["HSET", "h:1" | [Word || F <- Fields, Word <- [F, Value]]])
    end,
    #{client := Client} = started(#{project => [hashes(#{})]}, fun(Client) -> Set(Client, 0) end),
    Reader = spawn_monitor(fun() -> read_equal(length(Fields)) end),
    _ = [Set(Client, N) || N <- lists:seq(1, 1000)],
    ok = acknowledged(Client),
    ok = stopped(Reader),
    ?assertEqual(
        [{{<<"h:1">>, list_to_binary(F)}, <<"1000">>} || F <- Fields], content(?TABLE)
    ).

read_equal(Count) ->
    Values = ets:select(?TABLE, [{{'_', '$1'}, [], ['$1']}]),
    ?assertMatch({Count, [_]}, {length(Values), lists:usort(Values)}),
    receive
        stop -> ok
    after 0 -> read_equal(Count)
    end.

stopped({Pid, Monitor}) ->
    Pid ! stop,
    receive
        {'DOWN', Monitor, process, Pid, Reason} -> ?assertEqual(normal, Reason)
    end.

%% Whatever changes keys, on unlike servers: in the end the rows are those that a fold gives.
rows_equal_a_fold(_Config) ->
    [ok = equal_a_fold(Server) || Server <- eslaver_test_servers:spread()],
    ok.

equal_a_fold(#{server := Server, version := Version}) ->
    Table = ets:new(?OTHER, [named_table, public, ordered_set, {keypos, 2}]),
    Mapped = #{
        {string, 0} => fun(Key, Value) -> {Key, Value} end,
        {hash, 0} => fun fields/2,
        {list, 1} => fun(Key, Elements) -> [{list, Key, Elements}] end
    },
    Of = fun(Type, Db, Rows) ->
        #{keys => "k:*", type => Type, db => Db, table => Rows, map => map_get({Type, Db}, Mapped)}
    end,
    Tables = #{{string, 0} => strings_of_all, {hash, 0} => hashes_of_all, {list, 1} => ?OTHER},
    Projections = [Of(Type, Db, Rows) || {{Type, Db}, Rows} <- maps:to_list(Tables)],
    Started = eslaver_test_proxied_mirror:start(
        ?M, #{server => Server}, #{project => Projections}
    ),
    #{client := Client, master := Master} = Started,
    Commands = commands(Version),
    lists:foreach(
        fun(Round) ->
            _ = eslaver_test_client:pipeline(
                Client, lists:append([unit(Commands) || _ <- lists:seq(1, 150)])
            ),
            _ = Round rem 3 =:= 0 andalso fault(fault_of(Round), Started),
            ok = eslaver_test_proxied_mirror:caught_up(?M, Client),
            %% keys that have expired have rows until the master removes them
            maps:foreach(
                fun({Type, Db} = Which, Rows) ->
                    Map = map_get(Which, Mapped),
                    eslaver_test_wait:until(fun() ->
                        content(Rows) =:= folded({?M, Db}, Type, Map)
                    end)
                end,
                Tables
            )
        end,
        lists:seq(1, 30)
    ),
    ?assertMatch(#{unapplied := None} when None =:= #{}, eslaver_mirror:info(?M)),
    ok = eslaver_mirror:stop(?M),
    ok = eslaver_test_master:stop(Master),
    true = ets:delete(Table),
    ok.

fault_of(Round) -> lists:nth(1 + Round div 3 rem 3, [kill, cut, outrun]).

unit(Commands) ->
    Some = [Command() || Command <- [any(Commands) || _ <- lists:seq(1, rand:uniform(4))]],
    case rand:uniform(3) of
        1 -> [["MULTI"]] ++ Some ++ [["EXEC"]];
        _ -> Some
    end.

commands(Version) ->
    Key = fun() -> key(rand:uniform(12)) end,
    Value = fun() -> rand:uniform(1000) end,
    Field = fun() -> any(["f1", "f2", "f3"]) end,
    [fun() -> ["SELECT", any([0, 0, 1])] end || _ <- [1, 2]] ++
        [
            fun() -> ["SET", Key(), Value()] end,
            fun() -> ["SET", Key(), Value()] end,
            fun() -> ["MSET", Key(), Value(), Key(), Value()] end,
            fun() -> ["APPEND", Key(), Value()] end,
            fun() -> ["HSET", Key(), Field(), Value()] end,
            fun() -> ["HSET", Key(), Field(), Value()] end,
            fun() -> ["HDEL", Key(), Field()] end,
            fun() -> ["RPUSH", Key(), Value(), Value()] end,
            fun() -> ["LPOP", Key()] end,
            fun() -> ["RPOPLPUSH", Key(), Key()] end,
            fun() -> ["DEL", Key(), Key(), Key()] end,
            fun() -> ["DEL", Key(), Key(), Key()] end,
            fun() -> ["RENAME", Key(), Key()] end,
            fun() -> ["MOVE", Key(), any([0, 1])] end,
            fun() -> ["PEXPIRE", Key(), rand:uniform(50)] end,
            fun() -> ["PERSIST", Key()] end,
            fun() -> ["SORT", Key(), "BY", "nosort", "STORE", Key()] end,
            fun() -> any([["FLUSHDB"], ["PING"], ["PING"], ["PING"], ["PING"]]) end,
            fun() -> any([["FLUSHALL"], ["PING"], ["PING"], ["PING"], ["PING"]]) end
        ] ++
        [fun() -> any([["SWAPDB", 0, 1], ["PING"]]) end || Version >= {4, 0, 0}] ++
        [fun() -> ["COPY", Key(), Key(), "DB", any([0, 1])] end || Version >= {6, 2, 0}].

any(List) ->
    lists:nth(rand:uniform(length(List)), List).

%% With a full resync, rows that stay are never missing, and those that are gone go.
rows_that_stay_are_never_missing(_Config) ->
    #{client := Client} =
        Started = started(#{project => [strings(#{})]}, fun(Client) ->
            eslaver_test_client:ok(Client, ["MSET", "k:1", "stays", "k:2", "goes"])
        end),
    Reader = spawn_monitor(fun read_stays/0),
    {ok, Ref} = eslaver_mirror:subscribe(?M, #{keys => "none"}),
    #{proxy := Proxy, master := Master} = Started,
    Large = binary:copy(<<"x">>, 200_000),
    lists:foreach(
        fun(Round) ->
            ok = eslaver_test_proxy:target(Proxy, none),
            ok = eslaver_test_proxy:cut(Proxy),
            {Comes, Goes} =
                case Round rem 2 of
                    0 -> {"k:2", "k:3"};
                    1 -> {"k:3", "k:2"}
                end,
            _ = eslaver_test_client:pipeline(Client, [
                ["SET", "large", Large], ["DEL", "large"], ["SET", Comes, "new"], ["DEL", Goes]
            ]),
            ok = eslaver_test_proxy:target(Proxy, Master),
            receive
                {eslaver, Ref, {keys, resync, all, _}} -> ok
            after ?TIMEOUT -> error(no_full_resync)
            end,
            ?assertEqual(
                [{<<"k:1">>, <<"stays">>}, {list_to_binary(Comes), <<"new">>}], content(?TABLE)
            )
        end,
        lists:seq(1, 6)
    ),
    ok = stopped(Reader).

read_stays() ->
    ?assertEqual([{<<"k:1">>, <<"stays">>}], ets:lookup(?TABLE, <<"k:1">>)),
    receive
        stop -> ok
    after 0 -> read_stays()
    end.

%% While the data is too old to be read, the rows stay; what had been applied is in them.
rows_stay_while_the_link_is_down(_Config) ->
    Options = #{project => [strings(#{})], serve_stale_data => false},
    #{client := Client, proxy := Proxy, master := Master} = started(Options),
    _ = eslaver_test_client:ok(Client, ["SET", "k:1", "1"]),
    ok = acknowledged(Client),
    ok = eslaver_test_proxy:target(Proxy, none),
    ok = eslaver_test_proxy:cut(Proxy),
    true = eslaver_test_wait:until(fun() -> eslaver_mirror:status(?M) =:= stale end),
    ?assertEqual({error, stale}, eslaver_mirror:get(?M, <<"k:1">>)),
    ?assertEqual([{<<"k:1">>, <<"1">>}], content(?TABLE)),
    _ = eslaver_test_client:ok(Client, ["SET", "k:1", "2"]),
    ok = eslaver_test_proxy:target(Proxy, Master),
    ok = eslaver_test_proxied_mirror:caught_up(?M, Client),
    ok = acknowledged(Client),
    ?assertEqual([{<<"k:1">>, <<"2">>}], content(?TABLE)).

%% A map that fails costs its key's rows, and nothing else. It is logged once, without the data.
a_map_that_fails_costs_its_rows(_Config) ->
    Map = fun(Key, Value) ->
        case Value of
            <<"raise", _/binary>> -> error({secret, Key, Value});
            <<"throw", _/binary>> -> throw(Value);
            <<"exit", _/binary>> -> exit(Value);
            <<"nothing", _/binary>> -> ok;
            <<"bad", _/binary>> -> [{Key, Value}, {}];
            <<"list", _/binary>> -> [{Key, Value} | end_of_list];
            <<"skip", _/binary>> -> skip;
            _ -> {Key, Value}
        end
    end,
    #{client := Client} = started(#{project => [strings(#{map => Map})]}),
    ok = eslaver_test_log:clear(),
    Bad = ["raise", "throw", "exit", "nothing", "bad", "list"],
    lists:foreach(
        fun(Value) ->
            _ = eslaver_test_client:ok(Client, ["MSET", "k:1", "good", "k:2", "good"]),
            _ = eslaver_test_client:ok(Client, ["SET", "k:1", Value ++ "-secret-value"]),
            ok = acknowledged(Client),
            ?assertEqual([{<<"k:2">>, <<"good">>}], content(?TABLE), Value)
        end,
        ["skip" | Bad]
    ),
    ?assertMatch(
        #{projections := #{?TABLE := #{rows := 1, failures := Failures}}} when
            Failures =:= length(Bad),
        eslaver_mirror:info(?M)
    ),
    ?assertMatch([_], eslaver_test_log:await("projection's map")),
    ?assertNot(eslaver_test_log:contains("secret-value")),
    ?assertNot(eslaver_test_log:contains("k:1")).

%% A table of the user outlives the mirror, and holds what the next one has.
tables_of_the_user_outlive_the_mirror(_Config) ->
    Table = ets:new(of_user, [public]),
    true = ets:insert(Table, {<<"foreign">>, 1}),
    Options = #{project => [strings(#{table => Table})]},
    #{client := Client} =
        Started = started(Options, fun(Client) ->
            eslaver_test_client:ok(Client, ["MSET", "k:1", "1", "k:2", "2"])
        end),
    ?assertEqual([{<<"k:1">>, <<"1">>}, {<<"k:2">>, <<"2">>}], content(Table)),
    ok = eslaver_mirror:stop(?M),
    _ = eslaver_test_client:ok(Client, ["DEL", "k:1"]),
    ?assertEqual(2, length(content(Table))),
    #{proxy := Proxy} = Started,
    ok = eslaver_test_proxied_mirror:attach(?M, eslaver_test_proxy:port(Proxy), Options),
    ?assertEqual([{<<"k:2">>, <<"2">>}], content(Table)).

%% One that the mirror has made does not.
own_tables_end_with_the_mirror(_Config) ->
    #{client := Client} = started(#{project => [strings(#{})]}),
    ?assertEqual(protected, ets:info(?TABLE, protection)),
    ?assertEqual(set, ets:info(?TABLE, type)),
    ?assert(ets:info(?TABLE, read_concurrency)),
    _ = eslaver_test_client:ok(Client, ["SET", "k:1", "1"]),
    ok = acknowledged(Client),
    ok = eslaver_mirror:stop(?M),
    ?assertEqual(undefined, ets:whereis(?TABLE)).

%% One that is killed can be started anew at once.
a_killed_mirror_starts_anew(_Config) ->
    Options = #{project => [strings(#{})]},
    #{client := Client, proxy := Proxy} = started(Options),
    _ = eslaver_test_client:ok(Client, ["SET", "k:1", "1"]),
    Port = eslaver_test_proxy:port(Proxy),
    lists:foreach(
        fun(_) ->
            Mirror = whereis(?M),
            true = unlink(Mirror),
            Monitor = monitor(process, Mirror),
            true = exit(Mirror, kill),
            receive
                {'DOWN', Monitor, process, Mirror, killed} -> ok
            end,
            ok = eslaver_test_proxied_mirror:attach(?M, Port, Options),
            ?assertEqual([{<<"k:1">>, <<"1">>}], content(?TABLE))
        end,
        lists:seq(1, 10)
    ).

%% Two mirrors cannot have one table.
tables_of_other_mirrors_are_refused(_Config) ->
    #{proxy := Proxy} = started(#{project => [strings(#{})]}),
    Target = eslaver_test_replica:target(eslaver_test_proxy:port(Proxy)),
    ?assertEqual(
        {error, {invalid_option, {project, table}, {?TABLE, not_public}}},
        eslaver_mirror:start_link(Target#{name => other_mirror, project => [strings(#{})]})
    ).

%% Whoever deletes the table ends the mirror, and its report shows no data.
a_table_that_is_gone_ends_the_mirror(_Config) ->
    Table = ets:new(of_user, [public]),
    #{client := Client} = started(#{project => [strings(#{table => Table})]}),
    Monitor = monitor(process, ?M),
    true = unlink(whereis(?M)),
    true = ets:delete(Table),
    _ = eslaver_test_client:ok(Client, ["SET", "secret-key", "v", "EX", "100"]),
    _ = eslaver_test_client:ok(Client, ["SET", "k:1", "secret-value"]),
    receive
        {'DOWN', Monitor, process, _, Reason} ->
            ?assertMatch({projection_failed, error, {badarg, _}}, Reason)
    end,
    ?assertNot(eslaver_test_log:contains("secret-value")).

%% ------------------------------------------------------------------------------------------------

started(Options) ->
    started(Options, fun(_Client) -> ok end).

%% A mirror of a master that has been filled.
started(Options, Fill) ->
    Config = [{"repl-backlog-size", "16384"}],
    Server = eslaver_test_servers:own(),
    Master = eslaver_test_master:start(#{server => Server, config => Config}),
    Client = eslaver_test_client:connect(Master),
    _ = Fill(Client),
    Proxy = eslaver_test_proxy:start(Master),
    ok = eslaver_test_proxied_mirror:attach(?M, eslaver_test_proxy:port(Proxy), Options),
    #{master => Master, client => Client, proxy => Proxy}.

strings(More) ->
    Map = fun(Key, Value) -> {Key, Value} end,
    maps:merge(#{keys => "k:*", type => string, table => ?TABLE, map => Map}, More).

hashes(More) ->
    maps:merge(#{keys => "h:*", type => hash, table => ?TABLE, map => {?MODULE, fields}}, More).

fields(Key, Fields) ->
    [{{Key, Field}, Value} || {Field, Value} <- maps:to_list(Fields)].

key(N) ->
    <<"k:", (integer_to_binary(N))/binary>>.

content(Table) ->
    lists:sort(ets:tab2list(Table)).

%% What the rows should be.
folded(Mirror, Type, Map) ->
    Rows = fun(Key, {_Type, Value}, Acc) ->
        case Map(Key, Value) of
            New when is_list(New) -> New ++ Acc;
            New -> [New | Acc]
        end
    end,
    lists:sort(eslaver_mirror:fold(Mirror, Rows, [], #{match => <<"k:*">>, type => Type})).

%% Waits until the mirror has acknowledged all that this client has written.
acknowledged(Client) ->
    ?assertEqual(1, eslaver_test_client:ok(Client, ["WAIT", 1, ?TIMEOUT])),
    ok.
