%% The mirror with real masters: what it knows, what readers can rely on, and what it survives.
%% Whether its data is right: eslaver_mirror_equal_SUITE.
-module(eslaver_mirror_SUITE).

-include_lib("common_test/include/ct.hrl").
-include_lib("stdlib/include/assert.hrl").

-compile([export_all, nowarn_export_all]).

%% What the process of the mirror does itself, as it is about all keys or none; MIGRATE and scripts
%% of old masters, which come as they are, are no matter of a table either.
-define(OWN, [
    <<"cluster">>,
    <<"eval">>,
    <<"flushall">>,
    <<"flushdb">>,
    <<"function">>,
    <<"swapdb">>,
    <<"trimslots">>
]).
%% PFCOUNT and PFDEBUG change how a HyperLogLog is stored, and are never sent to replicas. HIMPORT
%% is sent as RESTORE, INCREX as SET.
-define(NEVER_SENT, [<<"himport">>, <<"increx">>, <<"pfcount">>, <<"pfdebug">>]).

-define(M, mirror_of_suite).
-define(TIMEOUT, 30_000).
-define(ACCOUNTS, [<<"account:", (integer_to_binary(N))/binary>> || N <- lists:seq(1, 20)]).

suite() ->
    [{timetrap, {minutes, 3}}, {ct_hooks, [eslaver_test_log_hook, {eslaver_test_mirror_hook, ?M}]}].

all() ->
    eslaver_test_groups:cases(?MODULE).

%% A new server with a new command: it is to be mirrored, and to be in the workloads.
every_write_is_known(_Config) ->
    Tables = [
        {Name, table(Server)}
     || #{name := Name, server := Server} <- eslaver_test_servers:available()
    ],
    Mirrored = eslaver_nif:keyspace_commands() ++ ?OWN ++ ?NEVER_SENT,
    Written = [
        list_to_binary(string:lowercase(Name))
     || Name <- eslaver_test_command_forms:names()
    ],
    [?assert(length(Table) > 60) || {_, Table} <- Tables],
    ?assertEqual([], [{Name, Rest} || {Name, T} <- Tables, [_ | _] = Rest <- [T -- Mirrored]]),
    ?assertEqual([], [{Name, Rest} || {Name, T} <- Tables, [_ | _] = Rest <- [T -- Written]]).

table(Server) ->
    Master = eslaver_test_master:start(#{server => Server}),
    Client = eslaver_test_client:connect(Master),
    Names = [Name || {Name, own} <- eslaver_test_write_commands:of_server(Client)],
    ok = eslaver_test_master:stop(Master),
    Names.

%% One of each, by itself.
every_write(_Config) ->
    Differ = eslaver_test_parallel:map(fun every_write_of/1, eslaver_test_servers:spread()),
    ?assertEqual([], lists:append(Differ)).

every_write_of(#{name := Name} = Server) ->
    {Subject, Running} = eslaver_test_mirrored_master:start(Server),
    #{connect := Connect} = Subject,
    Client = Connect(),
    Known = [Command || {Command, own} <- eslaver_test_write_commands:of_server(Client)],
    Differ = [
        {Name, Command, Differences}
     || {Before, Command, _} <- eslaver_test_write_commands:all(),
        lists:member(eslaver_test_write_commands:name(Command), Known),
        Differences <- [
            eslaver_test_convergence:replay(Subject, [step(C) || C <- Before ++ [Command]])
        ],
        Differences =/= []
    ],
    ok = eslaver_test_mirrored_master:stop(Running),
    Differ.

step(Command) ->
    {0,
        {command, [
            case Word of
                "<dump:k>" -> {dump, <<"k">>};
                _ -> list_to_binary(Word)
            end
         || Word <- eslaver_test_write_commands:words(Command)
        ]}}.

%% What a module's command makes of a key nobody knows but the module.
commands_of_modules(_Config) ->
    Found = [
        {Server, Module}
     || #{server := Server, modules := Modules} <- eslaver_test_servers:available(),
        Module <- Modules,
        string:find(Module, "redisbloom") =/= nomatch
    ],
    case Found of
        [] -> {skip, no_server_with_redisbloom};
        [{Server, Module} | _] -> commands_of_module(Server, Module)
    end.

commands_of_module(Server, Module) ->
    #{client := Client} = eslaver_test_proxied_mirror:start(
        ?M, #{server => Server, modules => [Module]}, #{}
    ),
    ok = eslaver_test_log:clear(),
    _ = eslaver_test_client:ok(Client, ["SET", "v", "x"]),
    _ = eslaver_test_client:ok(Client, ["SET", "w", "x"]),
    _ = eslaver_test_client:ok(Client, ["DEL", "v"]),
    [
        _ = eslaver_test_client:ok(Client, ["BF.ADD", "v", Element])
     || Element <- ["a", "b", "c"]
    ],
    ok = caught_up(Client),
    ?assertEqual({error, unknown}, eslaver_mirror:get(?M, <<"v">>)),
    ?assertEqual({error, unknown}, eslaver_mirror:exists(?M, <<"v">>)),
    ?assertEqual(<<"x">>, eslaver_mirror:get(?M, <<"w">>)),
    ?assertMatch(#{unapplied := #{<<"bf.add">> := 3}}, eslaver_mirror:info(?M)),
    ?assertMatch([_], eslaver_test_log:await("cannot mirror")),
    _ = eslaver_test_client:ok(Client, ["SET", "v", "known again"]),
    ok = caught_up(Client),
    ?assertEqual(<<"known again">>, eslaver_mirror:get(?M, <<"v">>)).

%% Servers before 5.0 send a script, not what it did: the keys it names are not known any more.
scripts_of_old_masters(_Config) ->
    case old_servers() of
        [] -> {skip, no_old_server};
        [Server | _] -> scripts_of(Server)
    end.

old_servers() ->
    [
        Server
     || #{version := Version, server := Server} <- eslaver_test_servers:available(),
        Version < {5, 0, 0}
    ].

scripts_of(Server) ->
    #{client := Client} = started(Server, #{}),
    _ = eslaver_test_client:ok(Client, ["MSET", "a", "1", "b", "2"]),
    Script = "return redis.call('incr', KEYS[1])",
    _ = eslaver_test_client:ok(Client, ["EVAL", Script, "1", "a"]),
    ok = caught_up(Client),
    ?assertEqual({error, unknown}, eslaver_mirror:get(?M, <<"a">>)),
    ?assertEqual(<<"2">>, eslaver_mirror:get(?M, <<"b">>)),
    _ = eslaver_test_client:ok(Client, ["DEL", "a"]),
    ok = caught_up(Client),
    ?assertEqual(undefined, eslaver_mirror:get(?M, <<"a">>)).

%% Of one that names no keys only a snapshot tells what it did.
scripts_without_keys(_Config) ->
    case old_servers() of
        [] -> {skip, no_old_server};
        Servers -> lists:foreach(fun script_without_keys_of/1, Servers)
    end.

script_without_keys_of(Server) ->
    #{client := Client} = started(Server, #{}),
    _ = eslaver_test_client:ok(Client, ["MSET", "a", "1", "b", "2"]),
    ok = caught_up(Client),
    Full = binary_to_integer(eslaver_test_client:info(Client, "sync_full")),
    _ = eslaver_test_client:ok(Client, ["EVAL", "return redis.call('incr', 'b')", "0"]),
    true = eslaver_test_wait:until(fun() -> eslaver_mirror:get(?M, <<"b">>) =:= <<"3">> end),
    ?assertMatch(
        #{status := fresh, incomplete := false, restarts := 1, unapplied := #{<<"eval">> := 1}},
        eslaver_mirror:info(?M)
    ),
    ?assertEqual(Full + 1, binary_to_integer(eslaver_test_client:info(Client, "sync_full"))),
    eslaver_mirror:stop(?M).

%% Redis 3.2 sends EXEC without MULTI where PFCOUNT was all that changed something.
transactions_of_old_masters(_Config) ->
    case old_servers() of
        [] -> {skip, no_old_server};
        Servers -> lists:foreach(fun transactions_of/1, Servers)
    end.

transactions_of(Server) ->
    #{client := Client} = started(Server, #{}),
    Mirror = whereis(?M),
    _ = eslaver_test_client:pipeline(Client, [
        ["PFADD", "h", "a", "b"],
        ["MULTI"],
        ["PFCOUNT", "h"],
        ["EXEC"],
        ["SET", "k", "v"]
    ]),
    ok = caught_up(Client),
    ?assertEqual(<<"v">>, eslaver_mirror:get(?M, <<"k">>)),
    ?assertEqual(2, eslaver_mirror:pfcount(?M, <<"h">>)),
    ?assertEqual(Mirror, whereis(?M)),
    eslaver_mirror:stop(?M).

%% Money is moved between accounts, of several types, and never made or lost.
transactions_are_whole(_Config) ->
    #{client := Client} = started(#{}),
    Total = 100 * length(?ACCOUNTS),
    _ = eslaver_test_client:pipeline(
        Client, [["SET", Account, 100] || Account <- ?ACCOUNTS] ++ [["HSET", "h", "moved", 0]]
    ),
    ok = caught_up(Client),
    Stop = atomics:new(1, []),
    Together = fun() -> sum([eslaver_mirror:get(?M, Account) || Account <- ?ACCOUNTS]) end,
    Readers = [
        spawn_monitor(fun() -> exit({read, read_while(Stop, Read, 0)}) end)
     || Read <- [
            fun() -> Total = eslaver_mirror:read(?M, Together) end,
            fun() -> Total = sum(eslaver_mirror:mget(?M, ?ACCOUNTS)) end,
            fun() -> ok = eslaver_mirror:read(?M, fun moves_are_listed/0) end
        ]
    ],
    lists:foreach(fun(_) -> transfers(Client) end, lists:seq(1, 30)),
    ok = caught_up(Client),
    ok = atomics:put(Stop, 1, 1),
    [
        receive
            {'DOWN', Monitor, process, Pid, Reason} ->
                ?assertMatch({read, Count} when Count > 50, Reason)
        end
     || {Pid, Monitor} <- Readers
    ],
    ok.

sum(Values) -> lists:sum([binary_to_integer(Value) || Value <- Values]).

%% What one transaction says in a hash and in a list is the same.
moves_are_listed() ->
    Moved = binary_to_integer(eslaver_mirror:hget(?M, <<"h">>, <<"moved">>)),
    Moved = eslaver_mirror:llen(?M, <<"l">>),
    ok.

read_while(Stop, Read, Count) ->
    case atomics:get(Stop, 1) of
        1 ->
            Count;
        0 ->
            _ = Read(),
            read_while(Stop, Read, Count + 1)
    end.

transfers(Client) ->
    Commands = lists:append([
        [
            ["MULTI"],
            ["DECRBY", any(?ACCOUNTS), Amount],
            ["HINCRBY", "h", "moved", 1],
            ["INCRBY", any(?ACCOUNTS), Amount],
            ["RPUSH", "l", Amount],
            ["EXEC"]
        ]
     || _ <- lists:seq(1, 100), Amount <- [rand:uniform(50)]
    ]),
    [] = [Error || {error, _} = Error <- eslaver_test_client:pipeline(Client, Commands)],
    ok.

any(List) -> lists:nth(rand:uniform(length(List)), List).

%% While another snapshot is loaded, the old data is there; then all of the new, at once.
resync_beside(_Config) ->
    #{client := Client, proxy := Proxy} = Started = started(#{}),
    ok = fill(Client, <<"old">>),
    ok = outrun(Client, <<"new">>, Started),
    Seen = seen_while_loading(Client, Proxy),
    ?assertEqual([{stale, <<"old">>, <<"old">>}, {fresh, <<"new">>, <<"new">>}], Seen).

%% With `in_place' there is nothing meanwhile.
resync_in_place(_Config) ->
    #{client := Client, proxy := Proxy} = Started = started(#{full_resync => in_place}),
    ok = fill(Client, <<"old">>),
    ok = outrun(Client, <<"new">>, Started),
    Loading = {error, loading},
    ?assertEqual(
        [
            {stale, <<"old">>, <<"old">>},
            {loading, Loading, Loading},
            {fresh, <<"new">>, <<"new">>}
        ],
        seen_while_loading(Client, Proxy)
    ).

fill(Client, Value) ->
    _ = eslaver_test_client:pipeline(Client, [
        ["SET", ["filled:", integer_to_list(N)], rand:bytes(100)]
     || N <- lists:seq(1, 1000)
    ]),
    _ = eslaver_test_client:ok(Client, ["MSET", "first", Value, "last", Value]),
    caught_up(Client).

%% More is written than the master keeps, while the mirror is away; what it then gets is slow.
outrun(Client, Value, #{proxy := Proxy, master := Master}) ->
    ok = eslaver_test_proxy:target(Proxy, none),
    ok = eslaver_test_proxy:cut(Proxy),
    Big = binary:copy(<<"x">>, 10_000),
    _ = eslaver_test_client:pipeline(Client, [["SET", "big", Big] || _ <- lists:seq(1, 20)]),
    _ = eslaver_test_client:ok(Client, ["MSET", "first", Value, "last", Value]),
    ok = eslaver_test_proxy:trickle(Proxy, 100),
    true = eslaver_test_wait:until(fun() -> eslaver_mirror:status(?M) =:= stale end),
    eslaver_test_proxy:target(Proxy, Master).

%% The states that readers are in, one after another.
seen_while_loading(Client, Proxy) ->
    Seen = seen_until_fresh([]),
    ok = eslaver_test_proxy:flow(Proxy),
    ok = caught_up(Client),
    Seen.

seen_until_fresh(Seen) ->
    Before = eslaver_mirror:status(?M),
    {One, Other} = eslaver_mirror:read(?M, fun() ->
        {eslaver_mirror:get(?M, <<"first">>), eslaver_mirror:get(?M, <<"last">>)}
    end),
    Status = eslaver_mirror:status(?M),
    Next =
        case Seen of
            _ when Before =/= Status -> Seen;
            [{Status, One, Other} | _] -> Seen;
            _ -> [{Status, One, Other} | Seen]
        end,
    case Status of
        fresh when Before =:= fresh -> lists:reverse(Next);
        _ -> seen_until_fresh(Next)
    end.

%% The tables are another process': they are read on, and the next replica goes on from there.
replica_is_killed(_Config) ->
    #{client := Client} = started(#{}),
    ok = fill(Client, <<"1">>),
    Full = eslaver_test_client:info(Client, "sync_full"),
    Reader = spawn_link(fun Read() ->
        <<"1">> = eslaver_mirror:get(?M, <<"first">>),
        Read()
    end),
    ok = eslaver_test_proxied_mirror:kill_replica(?M),
    _ = eslaver_test_client:ok(Client, ["SET", "last", "2"]),
    ok = caught_up(Client),
    true = unlink(Reader),
    true = exit(Reader, kill),
    ?assertEqual(<<"2">>, eslaver_mirror:get(?M, <<"last">>)),
    ?assertMatch(#{restarts := 1}, eslaver_mirror:info(?M)),
    ?assertEqual(Full, eslaver_test_client:info(Client, "sync_full")),
    receive
        {'EXIT', Reader, Reason} when Reason =/= killed -> error({reader, Reason})
    after 0 -> ok
    end.

%% Reads go on, unless that is not wanted.
link_is_down(_Config) ->
    [
        link_is_down_with(Serve, Answer)
     || {Serve, Answer} <- [{true, <<"1">>}, {false, {error, stale}}]
    ],
    ok.

link_is_down_with(Serve, Answer) ->
    #{client := Client, proxy := Proxy, master := Master} = started(#{serve_stale_data => Serve}),
    ok = fill(Client, <<"1">>),
    ?assertEqual(fresh, eslaver_mirror:status(?M)),
    ok = eslaver_test_proxy:target(Proxy, none),
    ok = eslaver_test_proxy:cut(Proxy),
    true = eslaver_test_wait:until(fun() -> eslaver_mirror:status(?M) =:= stale end),
    ?assertEqual(Answer, eslaver_mirror:get(?M, <<"first">>)),
    ?assertEqual(Answer, eslaver_mirror:read(?M, fun() -> eslaver_mirror:get(?M, <<"first">>) end)),
    true = eslaver_test_wait:until(fun() -> maps:get(stale_for, eslaver_mirror:info(?M)) > 0 end),
    _ = eslaver_test_client:ok(Client, ["SET", "first", "2"]),
    ok = eslaver_test_proxy:target(Proxy, Master),
    ok = caught_up(Client),
    ?assertEqual(<<"2">>, eslaver_mirror:get(?M, <<"first">>)),
    eslaver_mirror:stop(?M).

%% No mirror, no data yet, another type, and what is no option.
no_answer(_Config) ->
    Reads = [
        fun() -> eslaver_mirror:get(?M, <<"k">>) end,
        fun() -> eslaver_mirror:hgetall({?M, 3}, <<"k">>) end,
        fun() -> eslaver_mirror:keys(?M, <<"*">>) end,
        fun() -> eslaver_mirror:dbsize(?M) end,
        fun() -> eslaver_mirror:zrange(?M, <<"k">>, 0, -1) end,
        fun() ->
            eslaver_mirror:read(?M, fun() -> eslaver_mirror:mget(?M, [<<"a">>, <<"b">>]) end)
        end
    ],
    ?assertEqual([{error, not_running}], lists:usort([Read() || Read <- Reads])),
    ?assertEqual({error, not_running}, eslaver_mirror:status(?M)),
    ?assertEqual({error, not_running}, eslaver_mirror:info(?M)),
    ?assertEqual(
        {error, {invalid_option, full_resync, never}},
        eslaver_mirror:start_link(#{full_resync => never})
    ),
    {ok, Nobody} = gen_tcp:listen(0, [{ip, {127, 0, 0, 1}}]),
    {ok, Port} = inet:port(Nobody),
    {ok, _} = eslaver_mirror:start_link((eslaver_test_replica:target(Port))#{name => ?M}),
    ?assertEqual([{error, loading}], lists:usort([Read() || Read <- Reads])),
    ?assertEqual({error, timeout}, eslaver_mirror:await(?M, loaded, 10)),
    ok = eslaver_mirror:stop(?M),
    #{client := Client} = started(#{}),
    _ = eslaver_test_client:ok(Client, ["SET", "k", "v"]),
    ok = caught_up(Client),
    ?assertEqual({error, wrongtype}, eslaver_mirror:hgetall(?M, <<"k">>)),
    ?assertEqual(#{}, eslaver_mirror:hgetall({?M, 3}, <<"k">>)),
    ?assertError(badarg, eslaver_mirror:zrange(?M, <<"k">>, 0, -1, #{no_such => option})).

%% What is missing is `nil' for who asks for it, also where a callback reads.
missing_is_nil(_Config) ->
    Test = self(),
    Callback = fun
        ({stream, <<"set">>, [Key | _], _Meta}) ->
            Test ! {Key, eslaver_mirror:mget(?M, [Key, <<"x">>])};
        (_Other) ->
            ok
    end,
    #{client := Client} = started(#{undefined => nil, callback => Callback, events => full}),
    _ = eslaver_test_client:ok(Client, ["SET", "k", "v"]),
    receive
        {<<"k">>, Values} -> ?assertEqual([<<"v">>, nil], Values)
    after 10_000 -> ct:fail(no_event)
    end,
    ?assertEqual(nil, eslaver_mirror:get(?M, <<"x">>)),
    ?assertEqual(none, eslaver_mirror:type(?M, <<"x">>)).

%% Two mirrors and a replica under one supervisor are told apart by their names.
one_supervisor(_Config) ->
    {ok, Nobody} = gen_tcp:listen(0, [{ip, {127, 0, 0, 1}}]),
    {ok, Port} = inet:port(Nobody),
    Target = eslaver_test_replica:target(Port),
    Specs = [
        eslaver_mirror:child_spec(Target#{name => one}),
        eslaver_mirror:child_spec(Target#{name => {local, other}}),
        eslaver:child_spec(Target#{name => {local, third}, callback => fun(_Event) -> ok end})
    ],
    {ok, Supervisor} = supervisor:start_link(?MODULE, Specs),
    ?assertEqual(
        [one, other, third],
        lists:sort([Id || {Id, Pid, _, _} <- supervisor:which_children(Supervisor), is_pid(Pid)])
    ),
    ?assertEqual([loading, loading], [eslaver_mirror:status(Name) || Name <- [one, other]]),
    ok = gen_server:stop(Supervisor),
    ?assertEqual({error, not_running}, eslaver_mirror:status(one)),
    ok = gen_tcp:close(Nobody).

init(Specs) ->
    {ok, {#{}, Specs}}.

%% Who is told of a key finds what it is now.
told_after_the_change(_Config) ->
    #{client := Client} = started(#{}),
    {ok, Ref} = eslaver_mirror:subscribe(?M, #{keys => <<"k">>}),
    lists:foreach(
        fun(Number) ->
            _ = eslaver_test_client:ok(Client, ["SET", "k", Number]),
            receive
                {eslaver, Ref, {key, <<"set">>, <<"k">>, _}} -> ok
            after ?TIMEOUT -> error(not_told)
            end,
            ?assertEqual(integer_to_binary(Number), eslaver_mirror:get(?M, <<"k">>))
        end,
        lists:seq(1, 100)
    ).

started(Options) ->
    eslaver_test_proxied_mirror:start(?M, Options).

started(Server, Options) ->
    eslaver_test_proxied_mirror:start(?M, #{server => Server}, Options).

caught_up(Client) ->
    eslaver_test_proxied_mirror:caught_up(?M, Client).
