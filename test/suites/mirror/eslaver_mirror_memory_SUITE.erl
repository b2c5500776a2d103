%% What a mirror's data takes: counted by the allocator, within `max_memory', and given back.
-module(eslaver_mirror_memory_SUITE).

-include_lib("common_test/include/ct.hrl").
-include_lib("stdlib/include/assert.hrl").

-compile([export_all, nowarn_export_all]).

-define(M, mirror_of_memory_suite).
-define(TIMEOUT, 60_000).
-define(MB, (1 bsl 20)).
-define(LIMIT, (10 * ?MB)).
%% Of each string.
-define(LENGTH, 1000).

suite() ->
    [{timetrap, {minutes, 3}}, {ct_hooks, [eslaver_test_log_hook, {eslaver_test_mirror_hook, ?M}]}].

all() ->
    eslaver_test_groups:cases(?MODULE).

init_per_testcase(_Case, Config) ->
    Backlog = [{"repl-backlog-size", "100mb"}],
    Master = eslaver_test_master:start(#{server => eslaver_test_servers:own(), config => Backlog}),
    [{master, Master}, {client, eslaver_test_client:connect(Master)} | Config].

end_per_testcase(_Case, Config) ->
    eslaver_test_master:stop(proplists:get_value(master, Config)).

%% What is written is counted, by snapshot and by stream; what is removed is given back.
comes_and_goes(Config) ->
    Client = proplists:get_value(client, Config),
    ok = write(Client, 20),
    ok = start(Config, #{}),
    ok = eslaver_mirror:await(?M, loaded, ?TIMEOUT),
    ok = takes(20),
    ok = write(Client, 40),
    ok = caught_up(Client),
    ok = takes(40),
    Before = resident(),
    _ = eslaver_test_client:ok(Client, ["FLUSHALL"]),
    ok = caught_up(Client),
    true = eslaver_test_wait:until(fun() -> memory() < ?MB end),
    ?assertEqual(#{}, maps:get(types, eslaver_mirror:info(?M))),
    ?assert(eslaver_test_wait:until(fun() -> Before - resident() > 20 * ?MB end)).

%% Nothing of a snapshot that is too large stays. When the master has less, that is loaded.
snapshot_is_too_large(Config) ->
    Client = proplists:get_value(client, Config),
    ok = write(Client, 40),
    Before = resident(),
    ok = start(Config, #{max_memory => ?LIMIT}),
    ok = ended(),
    ?assertEqual(loading, eslaver_mirror:status(?M)),
    true = eslaver_test_wait:until(fun() -> memory() < ?MB end),
    ?assert(resident() - Before < 4 * ?LIMIT),
    ok = shrunk(Client).

%% The stream goes as far as the limit. What is there then stays, and can be read.
stream_goes_too_far(Config) ->
    Client = proplists:get_value(client, Config),
    ok = write(Client, 1),
    ok = start(Config, #{max_memory => ?LIMIT}),
    ok = eslaver_mirror:await(?M, loaded, ?TIMEOUT),
    ok = write(Client, 40),
    ok = ended(),
    ?assertEqual(stale, eslaver_mirror:status(?M)),
    %% The next link may be loading meanwhile, which counts as memory, too.
    #{types := #{string := #{bytes := Kept}}} = eslaver_mirror:info(?M),
    ?assert(Kept > ?LIMIT div 2 andalso Kept < ?LIMIT + ?MB),
    ?assertEqual(?LENGTH, eslaver_mirror:strlen(?M, key(1))),
    ok = shrunk(Client).

%% Old data stays while new data that is too large is loaded, and after that.
resync_is_too_large(_Config) ->
    #{client := Client, proxy := Proxy, master := Master} =
        eslaver_test_proxied_mirror:start(?M, #{max_memory => ?LIMIT}),
    ok = write(Client, 5),
    ok = eslaver_test_proxied_mirror:caught_up(?M, Client),
    ok = eslaver_test_proxy:target(Proxy, none),
    ok = eslaver_test_proxy:cut(Proxy),
    ok = write(Client, 40),
    ok = eslaver_test_proxy:target(Proxy, Master),
    ok = ended(),
    ?assertEqual({stale, ?LENGTH}, {eslaver_mirror:status(?M), eslaver_mirror:strlen(?M, key(1))}),
    ?assertEqual(0, eslaver_mirror:strlen(?M, key(30_000))),
    true = eslaver_test_wait:until(fun() -> memory() < ?LIMIT end),
    ok = shrunk(Client).

%% A string is not read to its end if it cannot be kept, whether a snapshot or the stream has it.
string_is_too_large(Config) ->
    Client = proplists:get_value(client, Config),
    _ = eslaver_test_client:ok(Client, ["SET", "string", rand:bytes(200 * ?MB)]),
    Peak = peak_growth(fun() ->
        ok = start(Config, #{max_memory => ?LIMIT}),
        ok = ended()
    end),
    ?assert(Peak < 60 * ?MB).

%% Nothing of a file that is too large stays either. The master's data is tried then.
file_is_too_large(Config) ->
    Client = proplists:get_value(client, Config),
    ok = write(Client, 40),
    Kept = saved("file_is_too_large.rdb", Config),
    Before = resident(),
    ok = start(Config, Kept#{max_memory => ?LIMIT}),
    ok = ended(),
    ?assertMatch(#{restored := #{error := _}}, eslaver_mirror:info(?M)),
    [_] = eslaver_test_log:await("cannot restore the mirror .*more than max_memory"),
    ?assertEqual(loading, eslaver_mirror:status(?M)),
    true = eslaver_test_wait:until(fun() -> memory() < ?MB end),
    ?assert(resident() - Before < 4 * ?LIMIT),
    ok = shrunk(Client).

%% A string that cannot be kept is not read to its end.
string_of_a_file_is_too_large(Config) ->
    Client = proplists:get_value(client, Config),
    _ = eslaver_test_client:ok(Client, ["SET", "string", rand:bytes(200 * ?MB)]),
    Kept = saved("string_of_a_file_is_too_large.rdb", Config),
    _ = eslaver_test_client:ok(Client, ["FLUSHALL"]),
    Peak = peak_growth(fun() ->
        ok = start(Config, Kept#{max_memory => ?LIMIT}),
        true = eslaver_test_wait:until(fun() -> eslaver_mirror:status(?M) =:= fresh end)
    end),
    ?assertMatch(#{restored := #{error := _}, keys := 0}, eslaver_mirror:info(?M)),
    ?assert(Peak < 60 * ?MB).

%% What a file has may stay. The stream that goes on from there ends at the limit, and says so.
file_is_small_enough(Config) ->
    Client = proplists:get_value(client, Config),
    ok = write(Client, 5),
    Kept = saved("file_is_small_enough.rdb", Config),
    ok = write(Client, 40),
    ok = start(Config, Kept#{max_memory => ?LIMIT}),
    ok = ended(),
    ?assertMatch(#{restored := #{keys := 5000}}, eslaver_mirror:info(?M)),
    ?assertEqual(<<"1">>, eslaver_test_client:info(Client, "sync_partial_ok")),
    ?assertEqual({stale, ?LENGTH}, {eslaver_mirror:status(?M), eslaver_mirror:strlen(?M, key(1))}),
    ok = shrunk(Client).

%% Helpers.

%% A mirror without a limit has saved what the master has; the option for one that begins with that.
saved(Name, Config) ->
    File = filename:join(?config(priv_dir, Config), Name),
    Kept = #{persist => #{file => File, interval => infinity}},
    ok = start(Config, Kept),
    ok = eslaver_mirror:await(?M, loaded, ?TIMEOUT),
    ok = eslaver_mirror:stop(?M),
    Kept.

start(Config, Options) ->
    Port = eslaver_test_master:port(proplists:get_value(master, Config)),
    Target = eslaver_test_replica:target(Port),
    {ok, _} = eslaver_mirror:start_link(maps:merge(Target#{name => ?M}, Options)),
    ok.

key(Number) -> <<"filled:", (integer_to_binary(Number))/binary>>.

%% Strings of this many MB in all.
write(Client, Megabytes) ->
    Value = rand:bytes(?LENGTH),
    Commands = [["SET", key(N), Value] || N <- lists:seq(1, Megabytes * 1000)],
    [] = [Error || {error, _} = Error <- eslaver_test_client:pipeline(Client, Commands)],
    ok.

caught_up(Client) ->
    eslaver_test_proxied_mirror:caught_up(?M, Client).

%% Each key and each slot of a table takes a little more than the string.
takes(Megabytes) ->
    Least = Megabytes * 1000 * ?LENGTH,
    #{memory := Memory, types := #{string := #{keys := Keys, bytes := Bytes}}} =
        eslaver_mirror:info(?M),
    ?assertEqual(Megabytes * 1000, Keys),
    ?assert(Bytes > Least andalso Bytes < Memory andalso Memory < 1.25 * Least),
    ok.

memory() -> maps:get(memory, eslaver_mirror:info(?M)).

%% What the node takes more at times, while this runs.
peak_growth(Run) ->
    OsPid = list_to_integer(os:getpid()),
    _ = erlang:garbage_collect(),
    ok = eslaver_test_node:forget_peak(OsPid),
    Before = eslaver_test_node:peak_memory(OsPid),
    _ = Run(),
    eslaver_test_node:peak_memory(OsPid) - Before.

resident() ->
    eslaver_test_node:memory(list_to_integer(os:getpid())).

%% The link has ended because of the limit, and says so.
ended() ->
    true = eslaver_test_wait:until(fun() ->
        case eslaver_mirror:info(?M) of
            #{replica := #{last_error := #{reason := max_memory, text := Text}}} ->
                ?assertMatch({match, _}, re:run(Text, "max_memory, 10\\.0 MB.*raise max_memory")),
                true;
            _ ->
                false
        end
    end),
    ok.

%% The master has less: the next snapshot is loaded.
shrunk(Client) ->
    _ = eslaver_test_client:ok(Client, ["FLUSHALL"]),
    ok = write(Client, 1),
    true = eslaver_test_wait:until(fun() -> eslaver_mirror:status(?M) =:= fresh end, ?TIMEOUT),
    ok = caught_up(Client),
    ?assertEqual({1000, ?LENGTH}, {eslaver_mirror:dbsize(?M), eslaver_mirror:strlen(?M, key(1))}),
    ok.
