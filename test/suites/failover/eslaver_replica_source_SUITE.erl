%% Replicas as sources (`read_from`): which one is followed, and what happens when it loses its own
%% master, is stopped, or is promoted.
-module(eslaver_replica_source_SUITE).

-include_lib("common_test/include/ct.hrl").
-include_lib("stdlib/include/assert.hrl").

-import(eslaver_test_sentinels, [master/1, replicas/1, server/2]).
-import(eslaver_test_failover, [fail_over/2, followed/2, lose_links/2, set_masterauth/3]).
-import(eslaver_test_failover, [ended/2, ended/3]).
-import(eslaver_test_wait, [until/2]).

-compile([export_all, nowarn_export_all]).

-define(M, mirror_of_a_replica).
-define(PASSWORDS, #{password => "of-servers", sentinel_password => "of-sentinels"}).
%% For what takes two seconds at most, unless the machine is busy.
-define(SOON, 15_000).

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

%% The snapshot is the work of a replica, not of the master, and so is the stream.
spares_the_master(Config) ->
    Lab = eslaver_test_sentinels:start(#{server => server(Config)}),
    Before = forks(Lab),
    Followers = eslaver_test_failover:follow(?M, Lab, #{read_from => replica}),
    ok = followed(Lab, Followers),
    ?assert(lists:sum(maps:values(Before)) < lists:sum(maps:values(forks(Lab)))),
    Master = master(Lab),
    ?assertEqual(maps:get(Master, Before), maps:get(Master, forks(Lab))),
    ?assertEqual(<<"2">>, eslaver_test_sentinels:field(Lab, Master, "connected_slaves")),
    ?assertMatch(
        [#{role := replica, master_link := up}, #{role := replica, master_link := up}],
        eslaver_test_followers:infos(Followers)
    ),
    ?assertEqual([], lists:usort(sources(Lab, Followers)) -- replicas(Lab)),
    ended(Lab, Followers).

%% One that is cut off from the master is left for another.
loses_its_master(Config) ->
    {Lab, Followers} = started(?PASSWORDS, prefer_replica, Config),
    [_, Lost] = sources(Lab, Followers),
    ok = set_masterauth(Lab, Lost, "wrong"),
    ok = lose_links(Lab, master(Lab)),
    ok = left(Lab, Followers, Lost),
    ok = followed(Lab, Followers),
    ?assertEqual([], lists:usort(sources(Lab, Followers)) -- replicas(Lab)),
    ok = set_masterauth(Lab, Lost, "of-servers"),
    ended(Lab, Followers).

%% Without another replica the master is followed, if that will do.
loses_its_master_alone(Config) ->
    {Lab, Followers} = started(?PASSWORDS#{replicas => 1}, prefer_replica, Config),
    [Lost] = replicas(Lab),
    ok = set_masterauth(Lab, Lost, "wrong"),
    ok = lose_links(Lab, master(Lab)),
    ok = left(Lab, Followers, Lost),
    ok = followed(Lab, Followers),
    ?assertMatch([#{role := master}, #{role := master}], eslaver_test_followers:infos(Followers)),
    ok = set_masterauth(Lab, Lost, "of-servers"),
    ended(Lab, Followers).

%% If it will not, the data stays as it is, and is stale, though the replica's link is up.
stale_without_its_master(Config) ->
    {Lab, Followers} = started(?PASSWORDS#{replicas => 1}, replica, Config),
    [Replica] = replicas(Lab),
    ok = set_masterauth(Lab, Replica, "wrong"),
    ok = lose_links(Lab, master(Lab)),
    ok = stale(),
    Links = eslaver_test_followers:links(Followers),
    ok = eslaver_test_followers:era(eslaver_test_failover:connect(Lab), 10),
    timer:sleep(3000),
    Seen = {eslaver_mirror:status(?M), eslaver_mirror:get(?M, <<"0:era">>)},
    ?assertEqual({stale, <<"1">>}, Seen),
    ?assertMatch(
        [#{role := replica, master_link := down}, #{role := replica, master_link := down}],
        eslaver_test_followers:infos(Followers)
    ),
    ?assertEqual(Links, eslaver_test_followers:links(Followers)),
    ok = set_masterauth(Lab, Replica, "of-servers"),
    _ = eslaver_test_followers:await_era(Followers, 10),
    ended(Lab, Followers).

killed(Config) ->
    gone(fun eslaver_test_master:kill/1, fun eslaver_test_master:restart_empty/1, Config).

%% It hangs, and its connections stay.
paused(Config) ->
    gone(fun eslaver_test_master:pause/1, fun eslaver_test_master:continue/1, Config).

gone(Stop, Start, Config) ->
    {Lab, Followers} = started(#{}, replica, Config),
    [_, Gone] = sources(Lab, Followers),
    ok = Stop(Gone),
    ok = left(Lab, Followers, Gone),
    ok = followed(Lab, Followers),
    ?assertEqual([], lists:usort(sources(Lab, Followers)) -- replicas(Lab)),
    ok = Start(Gone),
    ended(Lab, Followers).

%% The source becomes the master: where a replica is wanted, it is left for the old master, which
%% is one now. If that has begun anew, its history is not known any more.
promoted(Config) ->
    {Lab, Followers} = started(#{replicas => 1}, replica, Config),
    [Source] = replicas(Lab),
    {Old, _} = fail_over(sentinel, Lab),
    ?assertEqual(Source, master(Lab)),
    ok = left(Lab, Followers, Source),
    ok = followed(Lab, Followers),
    ?assertEqual([Old, Old], sources(Lab, Followers)),
    ended(Lab, Followers, [diverged, failover]).

%% Where one is only preferred, the new master will do.
promoted_and_followed(Config) ->
    {Lab, Followers} = started(#{replicas => 1}, prefer_replica, Config),
    {Old, _} = fail_over(kill, Lab),
    ok = followed(Lab, Followers),
    ?assertMatch([#{role := master}, #{role := master}], eslaver_test_followers:infos(Followers)),
    ok = eslaver_test_master:restart_empty(Old),
    ended(Lab, Followers).

%% The master is lost, and another replica is promoted: the source gets a new master, and stays.
fails_over_behind_it(Config) ->
    {Lab, Followers} = started(#{}, prefer_replica, Config),
    {Old, _} = fail_over(kill, Lab),
    ok = followed(Lab, Followers),
    ok = eslaver_test_master:restart_empty(Old),
    ended(Lab, Followers).

started(Options, ReadFrom, Config) ->
    Lab = eslaver_test_sentinels:start(Options#{server => server(Config)}),
    Followers = eslaver_test_failover:follow(?M, Lab, #{read_from => ReadFrom}),
    Roles = [Role || #{role := Role} <- eslaver_test_followers:infos(Followers)],
    ?assertEqual([replica, replica], Roles),
    {Lab, Followers}.

server(Config) ->
    maps:get(server, ?config(server, Config)).

%% The servers that both follow now, or had last.
sources(Lab, Followers) ->
    [
        server(Lab, binary_to_integer(lists:last(binary:split(Source, <<":">>, [global]))))
     || #{source := Source} <- eslaver_test_followers:infos(Followers)
    ].

%% Nobody follows this server, and the mirror is fresh.
left(Lab, Followers, Server) ->
    true = until(
        fun() ->
            not lists:member(Server, sources(Lab, Followers)) andalso
                eslaver_mirror:status(?M) =:= fresh
        end,
        ?SOON
    ),
    ok.

stale() ->
    Took = eslaver_test_wait:took(fun() ->
        true = until(fun() -> eslaver_mirror:status(?M) =:= stale end, ?SOON)
    end),
    ct:pal("stale after ~b ms", [Took]).

forks(Lab) ->
    maps:from_list([
        {Server, binary_to_integer(eslaver_test_sentinels:field(Lab, Server, "total_forks"))}
     || Server <- eslaver_test_sentinels:servers(Lab)
    ]).
