%% Passwords, users and TLS of Sentinels and of the servers they name, and what an error says.
-module(eslaver_sentinel_access_SUITE).

-include_lib("common_test/include/ct.hrl").
-include_lib("stdlib/include/assert.hrl").

-import(eslaver_test_sentinels, [servers/1, sentinels/1, port/2]).
-import(eslaver_test_failover, [fail_over/2, followed/2, ended/2]).

-compile([export_all, nowarn_export_all]).

-define(M, mirror_with_access).
-define(PASSWORDS, #{password => "of-servers", sentinel_password => "of-sentinels"}).

suite() ->
    [{timetrap, {minutes, 5}}, {ct_hooks, [eslaver_test_log_hook, {eslaver_test_mirror_hook, ?M}]}].

all() ->
    eslaver_test_groups:all(groups()).

groups() ->
    Own = [with_tls, as_url, pointed_at_a_sentinel],
    Cases = eslaver_test_groups:cases(?MODULE) -- Own,
    [{own, [], Own} | eslaver_test_groups:per_server(eslaver_test_failover:chosen(1), Cases)].

init_per_group(own, Config) ->
    [{server, #{server => eslaver_test_servers:own()}} | Config];
init_per_group(Name, Config) ->
    eslaver_test_groups:server(Name, Config).

end_per_group(_Name, _Config) ->
    ok.

passwords(Config) ->
    Lab = eslaver_test_sentinels:start(?PASSWORDS#{server => server(Config)}),
    fails_over(Lab, #{}).

%% Users who may do no more than they need, at the servers and at the Sentinels; replicas are
%% followed and watched by them, too.
users(Config) ->
    Lab = eslaver_test_sentinels:start(?PASSWORDS#{server => server(Config)}),
    _ = [
        begin
            <<"OK">> = allow(Lab, Server, "follower", [
                "+psync", "+replconf", "+ping", "+role", "+info"
            ]),
            <<"OK">> = eslaver_test_sentinels:ask(Lab, Server, ["ACL", "SAVE"])
        end
     || Server <- servers(Lab)
    ],
    _ = [
        <<"OK">> = allow(Lab, Sentinel, "watcher", [
            "&*",
            "+subscribe",
            "+ping",
            "+sentinel|master",
            "+sentinel|get-master-addr-by-name",
            "+sentinel|replicas",
            "+sentinel|sentinels"
        ])
     || Sentinel <- sentinels(Lab)
    ],
    fails_over(Lab, #{
        master_user => "follower",
        master_auth => "of-follower",
        sentinel_user => "watcher",
        sentinel_auth => "of-watcher",
        client_name => undefined,
        read_from => prefer_replica
    }).

allow(Lab, Where, User, Rules) ->
    Set = ["ACL", "SETUSER", User, "reset", "on", ">of-" ++ User | Rules],
    eslaver_test_sentinels:ask(Lab, Where, Set).

%% What is wrong is said: at the servers, or at the Sentinels.
wrong_words(Config) ->
    Lab = eslaver_test_sentinels:start(?PASSWORDS#{server => server(Config)}),
    Target = eslaver_test_sentinels:target(Lab),
    ok = fails(Target#{master_auth => "wr0ng"}, wrong_password, "WRONGPASS"),
    ok = fails(maps:remove(master_auth, Target), password_needed, "NOAUTH"),
    ok = fails(Target#{sentinel_auth => "wr0ng"}, sentinel_auth, "password"),
    ok = fails(maps:remove(sentinel_auth, Target), sentinel_auth, "set sentinel_auth"),
    ok = fails(Target#{master_name => "them"}, sentinel_unknown_master, "master_name"),
    ?assertNot(eslaver_test_log:contains("wr0ng")),
    eslaver_test_sentinels:stop(Lab).

with_tls(Config) ->
    case eslaver_test_certificates:missing(server(Config)) of
        none ->
            Tls = eslaver_test_certificates:make(?config(priv_dir, Config)),
            Lab = eslaver_test_sentinels:start(?PASSWORDS#{server => server(Config), tls => Tls}),
            fails_over(Lab, #{read_from => prefer_replica});
        Missing ->
            {skip, Missing}
    end.

as_url(Config) ->
    Lab = eslaver_test_sentinels:start(#{server => server(Config), password => "of%servers"}),
    Hosts = ["127.0.0.1:" ++ integer_to_list(port(Lab, Sentinel)) || Sentinel <- sentinels(Lab)],
    Url = "redis+sentinel://:of%25servers@" ++ lists:join(",", Hosts) ++ "/it",
    ok = eslaver_test_followers:era(eslaver_test_failover:connect(Lab), 1),
    Options = #{master_url => lists:flatten(Url), dbfilename => undefined},
    fails_over_with(Lab, eslaver_test_followers:start(?M, Options)).

%% Whoever takes a Sentinel for a master is told what to write.
pointed_at_a_sentinel(Config) ->
    Lab = eslaver_test_sentinels:start(#{server => server(Config), replicas => 0, sentinels => 1}),
    [Sentinel] = sentinels(Lab),
    Target = eslaver_test_replica:target(Sentinel),
    ok = fails(Target, sentinel, "Sentinel.*sentinels.*master_name"),
    eslaver_test_sentinels:stop(Lab).

fails(Options, Reason, Regex) ->
    eslaver_test_connection:fails(Options#{client_name => undefined}, Reason, Regex).

fails_over(Lab, Options) ->
    fails_over_with(Lab, eslaver_test_failover:follow(?M, Lab, Options)).

fails_over_with(Lab, Followers) ->
    {Old, _} = fail_over(kill, Lab),
    ok = followed(Lab, Followers),
    ok = eslaver_test_master:restart_empty(Old),
    ended(Lab, Followers).

server(Config) ->
    maps:get(server, ?config(server, Config)).
