%% @doc What a cluster shows of itself ({@link eslaver_board}), and what `info' makes of it, with
%% what the processes of its shards show.
%% @private
-module(eslaver_cluster_info).
-behaviour(eslaver_board).

-export([info/1]).
-export_type([facts/0]).

-type facts() :: #{
    native := eslaver_nif:cluster(),
    members := [eslaver_cluster_member:shown()],
    error := undefined | eslaver_control:error()
}.

%% The states of a replica and of a mirror, the worst first.
-define(STATES, [waiting, connecting, waiting_for_snapshot, loading, streaming]).
-define(STATUSES, [loading, stale, fresh]).

%% @doc The info of these facts.
-spec info(facts()) -> map().
info(#{native := Native, members := Members, error := Error}) ->
    #{covered := Covered, shards := Routed} = eslaver_nif:cluster_info(Native),
    Shards = maps:from_list([shard(Member, Routed) || Member <- Members]),
    maps:merge(whole(maps:values(Shards)), #{
        slots => Covered,
        epoch => lists:max([0 | [Epoch || #{epoch := Epoch} <- Members]]),
        shards => Shards,
        last_error => text(Error)
    }).

text(undefined) -> undefined;
text({Reason, Text}) -> #{reason => Reason, text => Text}.

shard(#{id := Id, number := Number, master := Master, process := Process}, Routed) ->
    #{slots := Slots, importing := Importing} =
        maps:get(Number, Routed, #{slots => [], importing => []}),
    About = #{slots => Slots, importing => Importing, node => eslaver_log:address(Master)},
    {Id, maps:merge(shown(eslaver_board:read(Process)), About)}.

shown({ok, Info}) -> Info;
shown(none) -> #{}.

whole(Shards) ->
    Moving = eslaver_cluster_slots:union(lists:append(values(importing, Shards))),
    lists:foldl(fun maps:merge/2, #{}, [
        #{
            lag => lists:max([0 | values(lag, Shards)]),
            behind_for => lists:max([0 | values(behind_for, Shards)]),
            moving => eslaver_cluster_slots:count(Moving)
        },
        worst(state, ?STATES, Shards),
        worst(status, ?STATUSES, Shards),
        sum(events_per_second, Shards),
        sum(keys, Shards),
        sum(memory, Shards)
    ]).

%% A mirror has no state, and a replica no status. What does not answer is in the worst.
worst(Key, [Worst | _] = Order, Shards) ->
    case {values(Key, Shards), length(Shards)} of
        {[], _} -> #{};
        {Values, Count} when length(Values) < Count -> #{Key => Worst};
        {Values, _} -> #{Key => hd([Value || Value <- Order, lists:member(Value, Values)])}
    end.

sum(Key, Shards) ->
    #{Key => lists:sum(values(Key, Shards))}.

values(Key, Shards) -> [Value || #{Key := Value} <- Shards, Value =/= undefined].
