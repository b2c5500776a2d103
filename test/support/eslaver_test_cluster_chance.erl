%% What may happen to a test cluster and to the links to it, at random by the calling process's
%% numbers: moves of slots, also such that are taken back, cut and late links, failovers, restarts,
%% shards that come and go.
-module(eslaver_test_cluster_chance).

-export([run/3, slots/2]).
-export_type([event/0, context/0, report/0]).

-type event() :: move | back | cut | late | hand_over | kill | restart | shard.
-type context() :: #{
    cluster := eslaver_test_cluster:cluster(),
    ways := [eslaver_test_cluster_moves:way()],
    proxies := none | eslaver_test_cluster_proxies:proxies(),
    writers := eslaver_test_cluster_writers:writers(),
    follower => eslaver_test_cluster_followers:follower(),
    %% Each as often as it is listed.
    events := [event()]
}.
%% How often each happened, and how many slots moved, by each way.
-type report() :: #{event() | {slots, eslaver_test_cluster_moves:way()} => pos_integer()}.

-define(CLASSIC, 6).
-define(ATOMIC, 150).
-define(LATE, 50).

%% Until this time, of the monotonic clock in ms, but each of the events once at least.
-spec run(context(), Until :: integer(), report()) -> report().
run(#{events := Events} = Context, Until, Report) ->
    Missing = [Event || Event <- lists:usort(Events), not is_map_key(Event, Report)],
    case {Missing, erlang:monotonic_time(millisecond) < Until} of
        {[], false} ->
            calm(Context),
            Report;
        {[_ | _], false} ->
            run(Context, Until, happen(any(Missing), Context, Report));
        {_, true} ->
            run(Context, Until, happen(any(Events), Context, Report))
    end.

%% No link is late any more.
calm(#{proxies := none}) ->
    ok;
calm(#{cluster := Cluster, proxies := Proxies}) ->
    lists:foreach(
        fun(Node) ->
            eslaver_test_proxy:flow(eslaver_test_cluster_proxies:of_node(Proxies, Cluster, Node))
        end,
        eslaver_test_cluster:nodes(Cluster)
    ).

happen(Event, Context, Report) ->
    ok = ct:log("~ts", [Event]),
    Happened = counted(Event, 1, event(Event, Context, Report)),
    ok = ct:log("~ts is over", [Event]),
    ok = known(Context),
    ok = ct:log("~ts is known", [Event]),
    Happened.

known(#{follower := Follower, cluster := Cluster}) ->
    eslaver_test_cluster_followers:knows(Follower, Cluster);
known(#{}) ->
    ok.

counted(What, Count, Report) ->
    maps:update_with(What, fun(Before) -> Before + Count end, Count, Report).

event(move, #{cluster := Cluster, ways := Ways}, Report) ->
    [From, To | _] = shuffled(owners(Cluster)),
    Way = any(Ways),
    Slots = slots(eslaver_test_cluster:slots(Cluster, From), most(Way)),
    ok = eslaver_test_cluster_moves:move(Cluster, Slots, From, To, Way, #{pause => pause()}),
    counted({slots, Way}, length(eslaver_test_cluster_nodes:numbers(Slots)), Report);
event(back, #{cluster := Cluster, ways := Ways, writers := Writers}, Report) ->
    [From, To | _] = shuffled(owners(Cluster)),
    Way = any(Ways),
    Slots = slots(eslaver_test_cluster:slots(Cluster, From), most(Way)),
    Begun = eslaver_test_cluster_moves:begin_move(Cluster, Slots, From, To, Way, #{
        pause => pause(),
        part => rand:uniform(101) - 1,
        slow => 2000,
        hold => fun(Fun) -> eslaver_test_cluster_writers:hold(Writers, Fun) end
    }),
    ok = timer:sleep(rand:uniform(50)),
    case eslaver_test_cluster_moves:cancel(Begun) of
        completed ->
            counted({slots, Way}, length(eslaver_test_cluster_nodes:numbers(Slots)), Report);
        _ ->
            Report
    end;
event(cut, #{cluster := Cluster, proxies := Proxies}, Report) ->
    Node = any(eslaver_test_cluster:masters(Cluster)),
    ok = eslaver_test_cluster_proxies:cut(Proxies, Cluster, Node),
    Report;
event(late, #{cluster := Cluster, proxies := Proxies} = Context, Report) ->
    ok = calm(Context),
    Node = any(eslaver_test_cluster:masters(Cluster)),
    Proxy = eslaver_test_cluster_proxies:of_node(Proxies, Cluster, Node),
    ok = eslaver_test_proxy:late(Proxy, ?LATE),
    Report;
event(hand_over, #{cluster := Cluster}, Report) ->
    Old = any(owners(Cluster)),
    _ = eslaver_test_cluster_shards:fail_over(Cluster, Old, command),
    ok = eslaver_test_cluster:settled(Cluster),
    Report;
event(kill, #{cluster := Cluster}, Report) ->
    Old = any(owners(Cluster)),
    _ = eslaver_test_cluster_shards:fail_over(Cluster, Old, kill),
    ok = eslaver_test_cluster_shards:back(kill, Old),
    ok = eslaver_test_cluster:settled(Cluster),
    Report;
%% Of a replica.
event(restart, #{cluster := Cluster}, Report) ->
    Node = any(eslaver_test_cluster:nodes(Cluster) -- eslaver_test_cluster:masters(Cluster)),
    ok = eslaver_test_master:kill(Node),
    ok = eslaver_test_master:restart(Node),
    ok = eslaver_test_cluster:settled(Cluster),
    Report;
event(shard, #{cluster := Cluster, ways := Ways}, Report) ->
    Way = any(Ways),
    New = eslaver_test_cluster_shards:add(Cluster),
    From = any(owners(Cluster)),
    Slots = slots(eslaver_test_cluster:slots(Cluster, From), most(Way)),
    ok = eslaver_test_cluster_moves:move(Cluster, Slots, From, New, Way, #{pause => pause()}),
    ok = eslaver_test_cluster:settled(Cluster),
    ok = eslaver_test_cluster_shards:remove(Cluster, New, Way, #{pause => pause()}),
    counted({slots, Way}, 2 * length(eslaver_test_cluster_nodes:numbers(Slots)), Report).

%% The masters that have slots.
owners(Cluster) ->
    [Node || {_, Node, [_ | _]} <- eslaver_test_cluster:owners(Cluster)].

most(classic) -> ?CLASSIC;
most(atomic) -> ?ATOMIC.

pause() ->
    any([0, 1, 5]).

%% Some of these slots, in one or two ranges; at most this many, and never all.
-spec slots([eslaver_test_cluster_nodes:range()], pos_integer()) ->
    [eslaver_test_cluster_nodes:range()].
slots(Ranges, Most) ->
    {First, Last} = any([Range || {A, B} = Range <- Ranges, B - A > 8]),
    Size = rand:uniform(min(Most, (Last - First) div 2)),
    At = First + rand:uniform(Last - First - Size) - 1,
    case Size > 3 andalso rand:uniform(2) of
        1 -> [{At, At}, {At + 2, At + Size - 1}];
        _ -> [{At, At + Size - 1}]
    end.

shuffled(List) ->
    [Item || {_, Item} <- lists:sort([{rand:uniform(), Item} || Item <- List])].

any(List) ->
    lists:nth(rand:uniform(length(List)), List).
