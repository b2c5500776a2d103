%% Neither crash reports nor warnings of a mirror show its data.
-module(eslaver_mirror_reports_SUITE).

-include_lib("stdlib/include/assert.hrl").

-compile([export_all, nowarn_export_all]).

-define(M, mirror_of_reports).
-define(TIMEOUT, 30_000).

suite() ->
    [
        {timetrap, {minutes, 3}},
        {ct_hooks, [eslaver_test_log_hook, {eslaver_test_mirror_hook, ?M}]}
    ].

all() ->
    eslaver_test_groups:cases(?MODULE).

%% Why ever a mirror ends, neither its report nor its exit reason has keys or values.
reports_tell_no_data(_Config) ->
    #{client := Client} = Started = eslaver_test_proxied_mirror:start(?M, #{}),
    _ = eslaver_test_client:ok(Client, ["SET", "secret-key", "secret-value"]),
    ok = eslaver_test_proxied_mirror:caught_up(?M, Client),
    ok = eslaver_test_log:clear(),
    Crash = fun(Mirror) ->
        {ok, _} = eslaver_mirror:subscribe(?M, #{}),
        ok = break(Mirror),
        ?assertEqual(nomatch, found(sys:get_status(Mirror))),
        _ = eslaver_test_client:ok(Client, ["SET", "secret-key", "secret-value"])
    end,
    ?assertEqual(nomatch, found(reasons(Crash))),
    ?assertMatch([_ | _], eslaver_test_log:await("mirror_failed")),
    ok = eslaver_test_proxied_mirror:attach(?M, Started),
    Kill = fun(Mirror) ->
        %% with events on their way
        {ok, _} = eslaver_mirror:subscribe(?M, #{}),
        ok = sys:suspend(Mirror),
        _ = eslaver_test_client:ok(Client, ["SET", "secret-key", "secret-value"]),
        true = eslaver_test_wait:until(fun() ->
            process_info(Mirror, message_queue_len) =/= {message_queue_len, 0}
        end),
        true = exit(Mirror, kill)
    end,
    ?assertEqual(nomatch, found(reasons(Kill))),
    ?assertNot(eslaver_test_log:contains("secret")).

%% Why a mirror and its replica end.
reasons(End) ->
    Mirror = whereis(?M),
    Monitors = [monitor(process, Pid) || Pid <- [Mirror, eslaver_test_proxied_mirror:replica(?M)]],
    _ = End(Mirror),
    [reason(Monitor) || Monitor <- Monitors].

%% Gives it a state with which it cannot tell anybody of anything.
break(Mirror) ->
    eslaver_test_replica:replace_in_state(Mirror, {subscriptions, "secret-state"}).

found(Term) ->
    string:find(io_lib:format("~0tp", [Term]), "secret").

%% Neither has the warning about a command that cannot be applied, as its list is missing or is a
%% string.
warnings_tell_no_data(_Config) ->
    Empty = <<"REDIS0009", 16#FF, 0:64>>,
    Psync = eslaver_test_fake_master:full_resync(Empty),
    Fake = eslaver_test_fake_master:start([#{psync => Psync}]),
    ok = eslaver_test_proxied_mirror:attach(?M, eslaver_test_fake_master:port(Fake)),
    ok = eslaver_test_log:clear(),
    lists:foreach(
        fun(Command) -> ok = eslaver_test_fake_master:send(Fake, resp(Command)) end,
        [
            ["LPOP", "secret-missing"],
            ["SET", "secret-key", "secret-value"],
            ["RPUSH", "secret-key", "secret-element"],
            ["INCRBY", "secret-number", "secret-amount"],
            ["SET", "end", "end"]
        ]
    ),
    true = eslaver_test_wait:until(fun() -> eslaver_mirror:get(?M, <<"end">>) =:= <<"end">> end),
    ?assertEqual(
        #{<<"lpop">> => 1, <<"rpush">> => 1, <<"incrby">> => 1},
        maps:get(unapplied, eslaver_mirror:info(?M))
    ),
    %% the mirror logs after it has counted
    true = eslaver_test_wait:until(fun() ->
        length(eslaver_test_log:matches("cannot mirror")) =:= 3
    end),
    ?assertNot(eslaver_test_log:contains("secret")),
    ok = eslaver_mirror:stop(?M),
    eslaver_test_fake_master:stop(Fake).

resp(Words) ->
    [
        io_lib:format("*~b\r\n", [length(Words)])
        | [io_lib:format("$~b\r\n~s\r\n", [length(Word), Word]) || Word <- Words]
    ].

reason(Monitor) ->
    receive
        {'DOWN', Monitor, process, _, Reason} -> Reason
    after ?TIMEOUT -> error(does_not_end)
    end.
