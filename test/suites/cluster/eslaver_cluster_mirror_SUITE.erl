%% A mirror of a cluster: while its slots and its shards move, reads find every key, each once, and
%% nothing goes back; subscribers are told of what was written, and of slots that moved. Then the
%% mirror is as the cluster, key by key.
%%
%% What runs with which version, and what repeats it: as in eslaver_cluster_SUITE.
-module(eslaver_cluster_mirror_SUITE).

-include_lib("common_test/include/ct.hrl").
-include_lib("stdlib/include/assert.hrl").

-import(eslaver_test_cluster, [masters/1]).
-import(eslaver_test_cluster_cases, [start/4, finish/2, happen/3]).
-import(eslaver_test_cluster_moves, [move/6]).

-compile([export_all, nowarn_export_all]).

-define(TIMEOUT, 30_000).
%% What failovers lose.
-define(LOSSES, #{losses => true, reasons => [diverged]}).

suite() ->
    [{timetrap, {minutes, 30}}, {ct_hooks, [eslaver_test_log_hook]}].

all() ->
    eslaver_test_groups:all(groups()).

groups() ->
    eslaver_test_cluster_cases:groups(eslaver_test_groups:cases(?MODULE), [moves]).

init_per_group(Name, Config) ->
    eslaver_test_groups:server(Name, Config).

end_per_group(_Name, _Config) ->
    ok.

%% To and fro by each way, with one notice for each slot and move.
moves(Config) ->
    #{cluster := Cluster, ways := Ways} = Setting = start(mirror, ?FUNCTION_NAME, Config, #{}),
    [One, Other | _] = masters(Cluster),
    {First, _} = hd(eslaver_test_cluster:slots(Cluster, One)),
    Slots = [{First, First + 19}, {First + 25, First + 29}],
    Name = ?FUNCTION_NAME,
    Moves = lists:append([[{Way, One, Other}, {Way, Other, One}] || Way <- Ways]),
    lists:foreach(
        fun({Way, From, To}) ->
            Old = shard(Name, First),
            ok = move(Cluster, Slots, From, To, Way, #{pause => 2}),
            true = eslaver_test_wait:until(
                fun() ->
                    Now = lists:usort([shard(Name, Slot) || Slot <- numbers(Slots)]),
                    length(Now) =:= 1 andalso not lists:member(hd(Now), [Old, none])
                end,
                ?TIMEOUT
            )
        end,
        Moves
    ),
    ok = eslaver_test_cluster_followers:caught_up(maps:get(follower, Setting), Cluster),
    Last = shard(Name, First),
    Told = eslaver_test_cluster_news:moved(finish(Setting, moves)),
    ?assertEqual(
        maps:from_keys(numbers(Slots), {length(Moves), Last}), maps:with(numbers(Slots), Told)
    ).

numbers(Ranges) ->
    eslaver_test_cluster_nodes:numbers(Ranges).

%% The shard that a slot belongs to, as the mirror tells it.
shard(Name, Slot) ->
    #{shards := Shards} = eslaver_mirror:info(Name),
    Owners = [
        Id
     || {Id, #{slots := Ranges}} <- maps:to_list(Shards),
        eslaver_test_cluster_nodes:in(Slot, Ranges)
    ],
    case Owners of
        [Id] -> Id;
        _ -> none
    end.

at_random(Config) ->
    Setting = start(mirror, ?FUNCTION_NAME, Config, #{}),
    finish(Setting, happen([move, move, back], 5000, Setting)).

%% Half of the keys are at each side for a while: all can be read.
half_done(Config) ->
    #{cluster := Cluster, writers := Writers} =
        Setting = start(mirror, ?FUNCTION_NAME, Config, #{}),
    [One, Other | _] = masters(Cluster),
    {First, _} = hd(eslaver_test_cluster:slots(Cluster, One)),
    Options = #{
        part => 50,
        hold => fun(Fun) -> eslaver_test_cluster_writers:hold(Writers, Fun) end
    },
    lists:foreach(
        fun(End) ->
            Half = eslaver_test_cluster_moves:begin_move(
                Cluster, [{First, First + 9}], One, Other, classic, Options
            ),
            ok = timer:sleep(1500),
            _ = eslaver_test_cluster_moves:End(Half)
        end,
        [cancel, finish]
    ),
    finish(Setting, half_done).

%% A source writes to slots that are another's already: the write is lost, for all who follow.
too_late(Config) ->
    eslaver_test_cluster_cases:too_late(mirror, ?FUNCTION_NAME, Config, ?LOSSES).

late(Config) ->
    #{cluster := Cluster, ways := Ways, follower := Follower} =
        Setting = start(mirror, ?FUNCTION_NAME, Config, #{}),
    Proxies = eslaver_test_cluster_followers:proxies(Follower),
    [One, Other | _] = masters(Cluster),
    lists:foreach(
        fun({Way, Late}) ->
            Proxy = eslaver_test_cluster_proxies:of_node(Proxies, Cluster, Late),
            ok = eslaver_test_proxy:late(Proxy, 50),
            {First, _} = hd(eslaver_test_cluster:slots(Cluster, One)),
            Slots = [{First, First + 19}],
            ok = move(Cluster, Slots, One, Other, Way, #{}),
            ok = move(Cluster, Slots, Other, One, Way, #{}),
            eslaver_test_proxy:flow(Proxy)
        end,
        [{Way, Late} || Way <- Ways, Late <- [One, Other]]
    ),
    finish(Setting, late).

cuts(Config) ->
    Setting = start(mirror, ?FUNCTION_NAME, Config, #{}),
    ok = eslaver_test_cluster_cases:tokens(Setting),
    finish(Setting, happen([move, cut, cut, back], 4000, Setting)).

shards(Config) ->
    Setting = start(mirror, ?FUNCTION_NAME, Config, #{}),
    finish(Setting, happen([shard], 0, Setting)).

failovers(Config) ->
    Setting = start(mirror, ?FUNCTION_NAME, Config, ?LOSSES),
    finish(Setting, happen([hand_over, kill, move], 0, Setting)).

restarts(Config) ->
    Setting = start(mirror, ?FUNCTION_NAME, Config, #{read_from => prefer_replica}),
    finish(Setting, happen([restart, move], 0, Setting)).

%% All of it, in any order.
chance(Config) ->
    Setting = start(mirror, ?FUNCTION_NAME, Config, ?LOSSES),
    Events = [move, move, move, move, back, cut, late, hand_over, kill, restart, shard],
    finish(Setting, happen(Events, eslaver_test_cluster:soak(1000), Setting)).
