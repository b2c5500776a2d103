%% What misleads a replica of a group with Sentinels: an old master that comes back, Sentinels that
%% disagree, are cut off with an old view, or are gone, and a promoted server that lacks what was
%% already delivered.
-module(eslaver_old_views_SUITE).

-include_lib("common_test/include/ct.hrl").
-include_lib("stdlib/include/assert.hrl").

-import(eslaver_test_sentinels, [master/1, replicas/1, sentinels/1, settled/1, await/1]).
-import(eslaver_test_failover, [fail_over/2, connect/1, followed/2, set_masterauth/3, ended/2]).
-import(eslaver_test_followers, [links/1]).

-compile([export_all, nowarn_export_all]).

-define(M, mirror_of_old_views).
-define(PASSWORDS, #{password => "of-servers", sentinel_password => "of-sentinels"}).

suite() ->
    [{timetrap, {minutes, 5}}, {ct_hooks, [eslaver_test_log_hook, {eslaver_test_mirror_hook, ?M}]}].

all() ->
    eslaver_test_groups:all(groups()).

groups() ->
    Cases = eslaver_test_groups:cases(?MODULE),
    eslaver_test_groups:per_server(eslaver_test_failover:chosen(1), Cases).

init_per_group(Name, Config) ->
    eslaver_test_groups:server(Name, Config).

end_per_group(_Name, _Config) ->
    ok.

%% Sentinels take seconds to make it a replica. Until then it says that it is a master.
old_master_back_empty(Config) ->
    {Lab, Followers} = started(#{periods => #{"tilt-period" => 2000}}, Config),
    {Old, _} = fail_over(kill, Lab),
    ok = followed(Lab, Followers),
    ok = eslaver_test_master:restart_empty(Old),
    ?assertEqual(<<"master">>, role(Lab, Old)),
    ok = cut(Lab, Followers),
    ok = demoted(Lab, Old),
    ended(Lab, Followers).

%% It has a snapshot of then. One of the Sentinels still takes it for the master.
old_master_back_while_sentinels_disagree(Config) ->
    {Lab, Followers} = started(?PASSWORDS, Config),
    [Alone | Others] = sentinels(Lab),
    ok = eslaver_test_sentinels:partition(Lab, Alone),
    ok = saved(Lab, master(Lab)),
    {Old, _} = fail_over(kill, Lab),
    ok = followed(Lab, Followers),
    ok = eslaver_test_master:restart(Old),
    ok = cut(Lab, Followers),
    ?assertMatch([_, _], lists:usort(maps:values(eslaver_test_sentinels:views(Lab)))),
    %% One that starts now knows nothing of earlier epochs.
    Late = eslaver_test_failover:follow(late_mirror, Lab, #{}),
    ok = eslaver_test_followers:check(Late, connect(Lab), 0),
    ok = eslaver_test_followers:stop(Late),
    ok = demoted(Lab, Old),
    ok = eslaver_test_sentinels:heal(Lab, Alone),
    ?assertEqual(2, length(Others)),
    ended(Lab, Followers).

%% Only the Sentinel with the old view is in reach, and the old master is back with its snapshot.
only_an_old_view_is_left(Config) ->
    {Lab, Followers} = started(?PASSWORDS, Config),
    [Alone | Others] = sentinels(Lab),
    ok = eslaver_test_sentinels:partition(Lab, Alone),
    ok = saved(Lab, master(Lab)),
    {Old, _} = fail_over(kill, Lab),
    ok = followed(Lab, Followers),
    _ = [ok = eslaver_test_master:kill(Other) || Other <- Others],
    ok = eslaver_test_master:restart(Old),
    ok = cut(Lab, Followers),
    ok = followed(Lab, Followers),
    ?assertEqual(<<"master">>, role(Lab, Old)),
    _ = [ok = eslaver_test_sentinels:restart_sentinel(Lab, Other) || Other <- Others],
    ok = demoted(Lab, Old),
    ok = eslaver_test_sentinels:heal(Lab, Alone),
    ended(Lab, Followers).

%% The link that there is stays, and a link that is lost is made anew where the master was.
no_sentinel_is_left(Config) ->
    {Lab, Followers} = started(#{}, Config),
    _ = [ok = eslaver_test_master:kill(Sentinel) || Sentinel <- sentinels(Lab)],
    ?assertMatch([[_], [_]], links(Followers)),
    ok = followed(Lab, Followers),
    ?assertMatch([[_], [_]], links(Followers)),
    ok = cut(Lab, Followers),
    ok = followed(Lab, Followers),
    ?assertEqual([partial], lists:usort([Resync || [_ | L] <- links(Followers), {Resync, _} <- L])),
    _ = [ok = eslaver_test_sentinels:restart_sentinel(Lab, S) || S <- sentinels(Lab)],
    ok = settled(Lab),
    {_, _} = fail_over(sentinel, Lab),
    ok = followed(Lab, Followers),
    ended(Lab, Followers).

%% Nobody who starts with Sentinels that are all gone, and then come back, is stuck.
sentinels_come_late(Config) ->
    Lab = eslaver_test_sentinels:start(#{server => server(Config)}),
    Target = eslaver_test_sentinels:target(Lab),
    _ = [ok = eslaver_test_master:kill(Sentinel) || Sentinel <- sentinels(Lab)],
    {ok, Mirror} = eslaver_mirror:start_link(Target#{name => ?M}),
    ?assertEqual({error, timeout}, eslaver_mirror:await(?M, loaded, 500)),
    _ = [ok = eslaver_test_sentinels:restart_sentinel(Lab, S) || S <- sentinels(Lab)],
    ok = eslaver_mirror:await(?M, loaded, 60_000),
    ?assert(is_process_alive(Mirror)),
    eslaver_test_sentinels:stop(Lab).

%% The promoted server never got what had been delivered already.
promoted_behind(Config) ->
    {Lab, Followers} = started(?PASSWORDS, Config),
    Replicas = replicas(Lab),
    _ = [ok = set_masterauth(Lab, Replica, "wrong") || Replica <- Replicas],
    ok = eslaver_test_followers:cut(Followers, connect(Lab)),
    Up = fun(Replica) -> eslaver_test_sentinels:field(Lab, Replica, "master_link_status") end,
    true = await(fun() -> [<<"down">>] =:= lists:usort([Up(R) || R <- Replicas]) end),
    ok = eslaver_test_followers:write(Followers, connect(Lab), "0:lost"),
    {Old, _} = fail_over(kill, Lab),
    _ = [ok = set_masterauth(Lab, Replica, "of-servers") || Replica <- Replicas],
    ok = followed(Lab, Followers),
    ?assertEqual([{full, diverged}, {full, diverged}], [lists:last(L) || L <- links(Followers)]),
    ?assertEqual(undefined, eslaver_mirror:get(?M, <<"0:lost">>)),
    Warned = eslaver_test_log:await("link is up, full sync.*lacks|diverged", 2),
    ?assertMatch([_, _], Warned),
    ok = eslaver_test_master:restart_empty(Old),
    ended(Lab, Followers).

%% All Sentinels are replaced, one after the other, and then there is a failover.
sentinels_come_and_go(Config) ->
    {Lab, Followers} = started(#{}, Config),
    _ = [
        begin
            _ = eslaver_test_sentinels:add_sentinel(Lab),
            ok = settled(Lab),
            ok = eslaver_test_sentinels:remove_sentinel(Lab, Sentinel),
            ok = settled(Lab),
            %% A look at the list of Sentinels takes a second.
            timer:sleep(1500)
        end
     || Sentinel <- sentinels(Lab)
    ],
    {Old, _} = fail_over(pause, Lab),
    ok = followed(Lab, Followers),
    ok = eslaver_test_master:continue(Old),
    ended(Lab, Followers).

started(Options, Config) ->
    Lab = eslaver_test_sentinels:start(Options#{server => server(Config)}),
    {Lab, eslaver_test_failover:follow(?M, Lab, #{})}.

server(Config) ->
    maps:get(server, ?config(server, Config)).

%% The link to the master is cut, again and again: each time there might be a wrong one.
cut(Lab, Followers) ->
    lists:foreach(
        fun(_) ->
            ok = eslaver_test_followers:cut(Followers, connect(Lab)),
            timer:sleep(300)
        end,
        lists:seq(1, 5)
    ).

%% It may be busy with the snapshot of a replica.
saved(Lab, Server) ->
    true = await(fun() -> eslaver_test_sentinels:ask(Lab, Server, ["SAVE"]) =:= <<"OK">> end),
    ok.

demoted(Lab, Server) ->
    true = await(fun() -> role(Lab, Server) =:= <<"slave">> end),
    ok.

role(Lab, Server) -> eslaver_test_sentinels:field(Lab, Server, "role").
