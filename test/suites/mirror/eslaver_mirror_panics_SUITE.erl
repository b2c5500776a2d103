%% A panic in the native keyspace: nobody reads half of a change, the mirror resyncs by itself, and
%% the node lives. Tests ask for such panics; nothing else makes any.
-module(eslaver_mirror_panics_SUITE).

-include_lib("stdlib/include/assert.hrl").

-compile([export_all, nowarn_export_all]).

-define(M, mirror_of_panics).
-define(READERS, 3).
-define(NO_DATA, [{error, loading}, {error, stale}]).

suite() ->
    [{timetrap, {minutes, 3}}, {ct_hooks, [eslaver_test_log_hook, {eslaver_test_mirror_hook, ?M}]}].

all() ->
    eslaver_test_groups:cases(?MODULE).

%% The value of a key is spoiled when the panic comes.
within_a_command(_Config) ->
    #{client := Client} = Started = started(["MSET", "secret-a", "1", "secret-b", "1"]),
    ok = faulty(<<"append">>, Started),
    Seen = seen_while(Client, [["APPEND", "secret-a", "-secret"]]),
    ?assertEqual([], Seen -- [values("1", "1"), values("1-secret", "1") | ?NO_DATA]),
    ?assertEqual(values("1-secret", "1"), both()),
    ok = told_once("write/fault\\.rs").

%% Its first command is applied, and the locks are held.
within_a_transaction(_Config) ->
    #{client := Client} = Started = started(["MSET", "secret-a", "1", "secret-b", "1"]),
    ok = faulty(<<"append">>, Started),
    Seen = seen_while(Client, [
        ["MULTI"],
        ["SET", "secret-a", "2"],
        ["APPEND", "secret-b", "2"],
        ["SET", "secret-c", "2"],
        ["EXEC"]
    ]),
    ?assertEqual([], Seen -- [values("1", "1"), values("2", "12") | ?NO_DATA]),
    ?assertEqual(values("2", "12"), both()),
    ?assertEqual(<<"2">>, eslaver_mirror:get(?M, <<"secret-c">>)),
    ok = told_once("write/fault\\.rs").

%% All databases are withheld from readers when it comes.
within_a_flush(_Config) ->
    #{client := Client} = Started = started(["MSET", "secret-a", "1", "secret-b", "1"]),
    ok = faulty(<<"append">>, Started),
    Seen = seen_while(Client, [
        ["MULTI"],
        ["FLUSHALL"],
        ["SET", "secret-a", "2"],
        ["APPEND", "secret-a", "3"],
        ["SET", "secret-b", "2"],
        ["EXEC"]
    ]),
    ?assertEqual([], Seen -- [values("1", "1"), values("23", "2") | ?NO_DATA]),
    ?assertEqual(values("23", "2"), both()),
    ok = told_once("write/fault\\.rs").

%% Readers keep what was loaded before.
within_a_load(_Config) ->
    #{client := Client, proxy := Proxy, master := Master} =
        started(["MSET", "secret-a", "1", "secret-b", "1", "secret-c", "1"]),
    ok = unlinked(Proxy),
    _ = eslaver_test_client:ok(Client, ["MSET", "secret-a", "2", "secret-b", "2"]),
    %% More than the master keeps.
    _ = eslaver_test_client:ok(Client, ["SET", "secret-d", binary:copy(<<"x">>, 100_000)]),
    ok = eslaver_nif:keyspace_fail_load(?M, 3),
    Seen = seen(fun() ->
        ok = eslaver_test_proxy:target(Proxy, Master),
        eslaver_test_proxied_mirror:caught_up(?M, Client)
    end),
    ?assertEqual([], Seen -- [values("1", "1"), values("2", "2")]),
    ?assertEqual(values("2", "2"), both()),
    ok = told_once("link/intake\\.rs").

%% The reader alone gets an exception. Its locks are free, and whatever it has read is still known.
within_a_read(_Config) ->
    #{client := Client} = started(["MSET", "secret-a", "1", "secret-b", "1"]),
    Fault = {fault, <<"secret-a">>},
    Session = eslaver_nif:session_new(?M, false),
    Reads = [
        fun() -> eslaver_mirror_read:ask(?M, Fault) end,
        fun() -> eslaver_nif:keyspace_read_dirty(?M, 0, Fault) end,
        fun() -> eslaver_nif:session_read(Session, 0, Fault) end,
        fun() -> eslaver_nif:session_read_dirty(Session, 0, Fault) end,
        fun() -> eslaver_mirror:read(?M, fun() -> eslaver_mirror_read:ask(?M, Fault) end) end
    ],
    [?assertError(nif_panicked, Read()) || Read <- Reads, _ <- lists:seq(1, 3)],
    <<"1">> = eslaver_nif:session_read(Session, 0, {get, <<"secret-b">>}),
    ?assert(eslaver_nif:session_unchanged(Session)),
    _ = eslaver_test_client:ok(Client, ["SET", "secret-a", "2"]),
    ok = eslaver_test_proxied_mirror:caught_up(?M, Client),
    ?assertNot(eslaver_nif:session_unchanged(Session)),
    ?assertEqual(values("2", "1"), both()),
    ?assertMatch(#{status := fresh, restarts := 0}, eslaver_mirror:info(?M)).

%% A mirror that has loaded these words' keys.
started(Command) ->
    Started = #{client := Client} = eslaver_test_proxied_mirror:start(?M, #{}),
    _ = eslaver_test_client:ok(Client, Command),
    ok = eslaver_test_proxied_mirror:caught_up(?M, Client),
    Started.

%% From the next link on, this command panics, once.
faulty(Command, #{proxy := Proxy, master := Master, client := Client}) ->
    ok = unlinked(Proxy),
    ok = eslaver_nif:keyspace_fail_command(?M, Command),
    ok = eslaver_test_proxy:target(Proxy, Master),
    ok = eslaver_test_proxied_mirror:caught_up(?M, Client),
    eslaver_test_log:clear().

unlinked(Proxy) ->
    ok = eslaver_test_proxy:target(Proxy, none),
    ok = eslaver_test_proxy:cut(Proxy),
    true = eslaver_test_wait:until(fun() -> eslaver_mirror:status(?M) =:= stale end),
    ok.

%% All that readers see while these commands make it panic, until a full resync has made it good.
seen_while(Client, Commands) ->
    Full = full_resyncs(Client),
    Seen = seen(fun() ->
        [] = [Error || {error, _} = Error <- eslaver_test_client:pipeline(Client, Commands)],
        true = eslaver_test_wait:until(fun() -> full_resyncs(Client) > Full end),
        eslaver_test_proxied_mirror:caught_up(?M, Client)
    end),
    ?assertEqual(Full + 1, full_resyncs(Client)),
    ?assert(lists:member({error, loading}, Seen)),
    Seen.

full_resyncs(Client) ->
    binary_to_integer(eslaver_test_client:info(Client, "sync_full")).

%% The different results of reads while this is done.
seen(Do) ->
    Stop = atomics:new(1, []),
    Together = fun() ->
        Get = fun(Key) -> eslaver_mirror:get(?M, Key) end,
        case eslaver_mirror:read(?M, fun() -> [Get(<<"secret-a">>), Get(<<"secret-b">>)] end) of
            [{error, Why}, {error, Why}] -> {error, Why};
            Values -> Values
        end
    end,
    Readers = [
        spawn_monitor(fun() -> exit({seen, read_while(Stop, Read, [])}) end)
     || Read <- [fun both/0, Together], _ <- lists:seq(1, ?READERS)
    ],
    ok = Do(),
    ok = atomics:put(Stop, 1, 1),
    lists:umerge([
        receive
            {'DOWN', Monitor, process, Pid, {seen, Seen}} -> Seen
        end
     || {Pid, Monitor} <- Readers
    ]).

read_while(Stop, Read, Seen) ->
    case atomics:get(Stop, 1) of
        1 -> Seen;
        0 -> read_while(Stop, Read, lists:umerge([Read()], Seen))
    end.

both() ->
    eslaver_mirror:mget(?M, [<<"secret-a">>, <<"secret-b">>]).

values(One, Other) ->
    [list_to_binary(One), list_to_binary(Other)].

%% The log says where it came from, once, and has neither keys nor values.
told_once(Place) ->
    ?assertMatch([_], eslaver_test_log:await("link.*panicked at [^ ]*" ++ Place ++ ":[0-9]+")),
    ?assertNot(eslaver_test_log:contains("secret")),
    ?assertMatch(#{restarts := 0, status := fresh}, eslaver_mirror:info(?M)),
    ok.
