%% Failovers by Sentinels under writers, one after the other: a replica and a mirror follow, and
%% have what the surviving history holds, each of it once.
%%
%% Each way of failing over once, with two servers; with ESLAVER_SOAK (`make soak`) 20 failovers at
%% random with each. ESLAVER_SEED repeats the random choices.
-module(eslaver_failover_SUITE).

-include_lib("common_test/include/ct.hrl").
-include_lib("stdlib/include/assert.hrl").

-compile([export_all, nowarn_export_all]).

-define(M, mirror_of_failovers).
-define(LONG, 20).
-define(WRITERS, 2).
%% From an election until its first write can be read, in ms. It is a bound for a busy machine: the
%% log has the median and the maximum.
-define(BOUND, 15_000).

suite() ->
    [
        {timetrap, {minutes, 30}},
        {ct_hooks, [eslaver_test_log_hook, {eslaver_test_mirror_hook, ?M}]}
    ].

all() ->
    eslaver_test_groups:all(groups()).

groups() ->
    Cases = eslaver_test_groups:cases(?MODULE),
    eslaver_test_groups:per_server(eslaver_test_failover:chosen(2), Cases).

init_per_group(Name, Config) ->
    eslaver_test_groups:server(Name, Config).

end_per_group(_Name, _Config) ->
    ok.

under_writers(Config) ->
    #{server := Server, name := Name} = ?config(server, Config),
    Seed = eslaver_test_env:seed(),
    _ = rand:seed(exsss, Seed),
    Lab = eslaver_test_sentinels:start(#{server => Server}),
    Target = eslaver_test_sentinels:target(Lab),
    Followers = eslaver_test_followers:start(?M, Target),
    Elected = fun() ->
        {_, Port, _} = eslaver_test_sentinels:elected(Lab),
        Port
    end,
    Writers = eslaver_test_writers:start(Elected, Seed, #{
        writers => ?WRITERS, pause => 10, deletes => false, timeout => 500
    }),
    Times = [{Way, fail_over(Way, Lab, Followers, Writers)} || Way <- ways()],
    _ = eslaver_test_writers:stop(Writers),
    Sorted = lists:sort([Ms || {_, Ms} <- Times]),
    ct:pal("~p: new writes are read after an election: median ~b ms, maximum ~b ms~n~p~n~p", [
        Name,
        lists:nth((length(Sorted) + 1) div 2, Sorted),
        lists:last(Sorted),
        Times,
        eslaver_test_followers:links(Followers)
    ]),
    Connect = eslaver_test_failover:connect(Lab),
    %% A master that Sentinels replace while it runs takes writes until it learns of that.
    ok = eslaver_test_followers:check(Followers, Connect, ?WRITERS, [diverged]),
    ?assert(lists:last(Sorted) < ?BOUND),
    ok = eslaver_test_followers:stop(Followers),
    eslaver_test_sentinels:stop(Lab).

%% Each of them at least once.
ways() ->
    Each = eslaver_test_failover:ways(),
    case eslaver_test_failover:is_long() of
        false -> Each;
        true -> Each ++ [any(Each) || _ <- lists:seq(length(Each) + 1, ?LONG)]
    end.

%% The time from the election until its first write can be read.
fail_over(Way, Lab, Followers, Writers) ->
    Count = eslaver_test_writers:count(Writers),
    true = eslaver_test_wait:until(fun() -> eslaver_test_writers:count(Writers) > Count + 20 end),
    Era = eslaver_test_followers:next_era(Followers),
    {Old, {_, _, At}} = eslaver_test_failover:fail_over(Way, Lab),
    ok = eslaver_test_followers:era(eslaver_test_failover:connect(Lab), Era),
    Seen = eslaver_test_followers:await_era(Followers, Era),
    ok = timer:sleep(rand:uniform(1000)),
    ok = eslaver_test_failover:back(Way, Old),
    ok = eslaver_test_sentinels:settled(Lab),
    Seen - At.

any(List) ->
    lists:nth(rand:uniform(length(List)), List).
