%% @doc What `info' tells of a cluster. It is pure but for what it asks the native cluster.
%% @private
-module(eslaver_cluster_info).

-export([of_shards/2]).

%% The states of a replica and of a mirror, the worst first.
-define(STATES, [waiting, connecting, loading, streaming]).
-define(STATUSES, [loading, stale, fresh]).

%% @doc Puts together what the processes of the shards tell, by their ids.
-spec of_shards(About, Answers :: #{binary() => map()}) -> map() when
    About :: #{
        native := map(),
        members := #{eslaver_cluster_topology:name() => eslaver_cluster_member:member()},
        error := undefined | eslaver_control:error()
    }.
of_shards(#{native := Native, members := Members, error := Error}, Answers) ->
    #{covered := Covered, shards := Routed} = Native,
    Followed = [One || One <- maps:values(Members), eslaver_cluster_member:is_followed(One)],
    Shards = maps:from_list([shard(Member, Routed, Answers) || Member <- Followed]),
    maps:merge(whole(maps:values(Shards)), #{
        slots => Covered,
        epoch => lists:max([0 | [eslaver_cluster_member:epoch(One) || One <- Followed]]),
        shards => Shards,
        last_error => text(Error)
    }).

text(undefined) -> undefined;
text({Reason, Text}) -> #{reason => Reason, text => Text}.

shard(Member, Routed, Answers) ->
    #{id := Id, master := Master} = eslaver_cluster_member:context(Member),
    Number = eslaver_cluster_member:number(Member),
    #{slots := Slots, importing := Importing} =
        maps:get(Number, Routed, #{slots => [], importing => []}),
    About = #{slots => Slots, importing => Importing, node => eslaver_log:address(Master)},
    {Id, maps:merge(maps:get(Id, Answers, #{}), About)}.

whole(Shards) ->
    Moving = eslaver_cluster_slots:union(lists:append(values(importing, Shards))),
    lists:foldl(fun maps:merge/2, #{}, [
        #{
            lag => lists:max([0 | values(lag, Shards)]),
            moving => eslaver_cluster_slots:count(Moving)
        },
        worst(state, ?STATES, Shards),
        worst(status, ?STATUSES, Shards),
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
