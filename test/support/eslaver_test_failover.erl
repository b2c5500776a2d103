%% Failovers of a group that Sentinels watch (eslaver_test_sentinels), for the suites about them.
-module(eslaver_test_failover).

-export([servers/0, chosen/1, is_long/0]).
-export([ways/0, fail_over/2, back/2]).
-export([follow/3, connect/1, followed/2, lose_links/2, set_masterauth/3, ended/2, ended/3]).

-export_type([way/0]).

%% `kill`: of the master, which comes back empty. `pause`: of the master, which comes back as it
%% was. `sentinel`: `SENTINEL FAILOVER`. `command`: `FAILOVER TO`, of which no Sentinel is told:
%% when they find out, they may promote yet another server.
-type way() :: kill | pause | sentinel | command.

%% The newest of each line at hand that the failover suites are for.
-spec servers() -> [eslaver_test_servers:server()].
servers() ->
    eslaver_test_servers:lines([
        {redis, {7, 0}}, {redis, {8, 6}}, {redis, {8, 10}}, {valkey, {9, 1}}
    ]).

%% Those that a run is for: with ESLAVER_SOAK all, otherwise this number of them, unlike each other.
-spec chosen(1 | 2) -> [eslaver_test_servers:server()].
chosen(Count) ->
    Servers = servers(),
    case {is_long(), Count} of
        {true, _} -> Servers;
        {false, 1} -> lists:sublist(lists:reverse(Servers), 1);
        {false, 2} -> lists:usort(lists:sublist(Servers, 1) ++ [lists:last(Servers)])
    end.

-spec is_long() -> boolean().
is_long() ->
    os:getenv("ESLAVER_SOAK", "") =/= "".

-spec ways() -> [way()].
ways() -> [kill, pause, sentinel, command].

%% Another master is elected. The old one, if it was killed or paused, is left so.
-spec fail_over(way(), eslaver_test_sentinels:lab()) ->
    {Old :: eslaver_test_master:master(), eslaver_test_sentinel_watch:election()}.
fail_over(Way, Lab) ->
    Before = eslaver_test_sentinels:elected(Lab),
    Old = eslaver_test_sentinels:master(Lab),
    ok =
        case Way of
            kill ->
                eslaver_test_master:kill(Old);
            pause ->
                eslaver_test_master:pause(Old);
            sentinel ->
                eslaver_test_sentinels:fail_over(Lab);
            command ->
                eslaver_test_sentinels:hand_over(Lab, hd(eslaver_test_sentinels:replicas(Lab)))
        end,
    {Old, eslaver_test_sentinels:await_election(Lab, Before)}.

%% The old master comes back.
-spec back(way(), eslaver_test_master:master()) -> ok.
back(kill, Old) -> eslaver_test_master:restart_empty(Old);
back(pause, Old) -> eslaver_test_master:continue(Old);
back(_Way, _Old) -> ok.

%% Both kinds of followers, with these options more. There has been an era.
-spec follow(Mirror :: atom(), eslaver_test_sentinels:lab(), map()) ->
    eslaver_test_followers:followers().
follow(Mirror, Lab, Options) ->
    Master = eslaver_test_sentinels:master(Lab),
    Replicas = length(eslaver_test_sentinels:replicas(Lab)),
    _ = eslaver_test_sentinels:ask(Lab, Master, ["SET", "0:era", 1, "NX"]),
    _ = eslaver_test_sentinels:ask(Lab, Master, ["WAIT", Replicas, 5000]),
    Target = eslaver_test_sentinels:target(Lab),
    eslaver_test_followers:start(Mirror, maps:merge(Target, Options)).

%% For eslaver_test_followers: connects to the master that is elected then.
-spec connect(eslaver_test_sentinels:lab()) -> eslaver_test_followers:connect().
connect(Lab) ->
    fun() -> eslaver_test_sentinels:connect(Lab, eslaver_test_sentinels:master(Lab)) end.

%% A first write of the master that is elected now is there.
-spec followed(eslaver_test_sentinels:lab(), eslaver_test_followers:followers()) -> ok.
followed(Lab, Followers) ->
    Era = eslaver_test_followers:next_era(Followers),
    ok = eslaver_test_followers:era(connect(Lab), Era),
    _ = eslaver_test_followers:await_era(Followers, Era),
    ok.

%% A server has the links of all its replicas cut.
-spec lose_links(eslaver_test_sentinels:lab(), eslaver_test_master:master()) -> ok.
lose_links(Lab, Master) ->
    _ = eslaver_test_sentinels:ask(Lab, Master, ["CLIENT", "KILL", "TYPE", "replica"]),
    ok.

%% The password by which a server gets in at its master: with a wrong one it stays away.
-spec set_masterauth(eslaver_test_sentinels:lab(), eslaver_test_master:master(), string()) -> ok.
set_masterauth(Lab, Server, Password) ->
    Command = ["CONFIG", "SET", "masterauth", Password],
    true = eslaver_test_sentinels:await(fun() ->
        eslaver_test_sentinels:ask(Lab, Server, Command) =:= <<"OK">>
    end),
    ok.

-spec ended(eslaver_test_sentinels:lab(), eslaver_test_followers:followers()) -> ok.
ended(Lab, Followers) ->
    ended(Lab, Followers, [diverged]).

%% All is as it must be at the end. There were no needless full syncs, except for these reasons.
-spec ended(eslaver_test_sentinels:lab(), eslaver_test_followers:followers(), [atom()]) -> ok.
ended(Lab, Followers, Reasons) ->
    ok = eslaver_test_sentinels:settled(Lab),
    ok = eslaver_test_followers:check(Followers, connect(Lab), 0, Reasons),
    ok = eslaver_test_followers:stop(Followers),
    eslaver_test_sentinels:stop(Lab).
