%% @doc Carries out what {@link eslaver_cluster_rounds} decides, and looks up the facts that it
%% decides by: in the native cluster, and among the members.
%% @private
-module(eslaver_cluster_effects).

-export([run/2, facts/1, hold/2, held_at/2, owned/2]).
-export_type([context/0]).

-type name() :: eslaver_cluster_topology:name().

-type context() :: #{
    native := eslaver_nif:cluster(),
    members := #{name() => eslaver_cluster_member:member()},
    topology := eslaver_cluster_topology:topology(),
    %% Under which name this is logged.
    replica := eslaver_name:name(),
    %% How long deletions may wait, in ms.
    limit := pos_integer(),
    %% Tells of slots that have moved.
    announce := fun((moves()) -> ok)
}.
-type moves() :: [{eslaver_cluster_nodes:ranges(), eslaver_nif:shard() | undefined, term()}].

%% How long to wait before a question without an answer is asked again, in ms.
-define(RETRY, 50).

%% @doc Whether slots have moved by it. The calling process gets `{limit, Name, Id}' and `{retry,
%% Name}', for {@link eslaver_cluster_rounds:over/4} and {@link eslaver_cluster_rounds:retry/2}.
-spec run({[eslaver_cluster_rounds:effect()], eslaver_cluster_rounds:rounds()}, context()) ->
    {boolean(), eslaver_cluster_rounds:rounds()}.
run({Effects, Rounds}, Context) ->
    lists:foldl(
        fun(Effect, {Moved, Before}) ->
            {More, After} = effect(Effect, Before, Context),
            {Moved or More, After}
        end,
        {false, Rounds},
        Effects
    ).

effect({ask, Name, Number}, Rounds, #{members := Members}) ->
    _ = [eslaver_cluster_member:ask(Number, Member) || #{Name := Member} <- [Members]],
    {false, Rounds};
effect({limit, Name, Id}, Rounds, #{limit := Limit}) ->
    _ = erlang:send_after(Limit, self(), {limit, Name, Id}),
    {false, Rounds};
effect({retry, Name}, Rounds, _Context) ->
    _ = erlang:send_after(?RETRY, self(), {retry, Name}),
    {false, Rounds};
effect({late, Name, Others}, Rounds, #{replica := Own, limit := Limit, members := Members}) ->
    ok = eslaver_log:report(warning, migration_late, #{
        replica => eslaver_name:replica(Own),
        shard => eslaver_cluster_member:id(Name, Members),
        others => [eslaver_cluster_member:id(Other, Members) || Other <- Others],
        limit => Limit
    }),
    {false, Rounds};
effect(Effect, Rounds, #{members := Members} = Context) ->
    case eslaver_cluster_member:number(element(2, Effect), Members) of
        undefined -> {false, Rounds};
        Number -> native(Effect, Number, Rounds, Context)
    end.

native({await, Name, Offset}, Number, Rounds, #{native := Native} = Context) ->
    case eslaver_nif:cluster_await(Native, Number, Offset) of
        reached -> run(eslaver_cluster_rounds:passed(Name, Offset, Rounds), Context);
        waiting -> {false, Rounds}
    end;
native({commit, _Name, Commit}, Number, Rounds, #{native := Native, announce := Announce}) ->
    Moves = eslaver_nif:cluster_commit(Native, Number, Commit),
    ok = Announce(Moves),
    {Moves =/= [], Rounds};
native({clear, _Name, Offset}, Number, Rounds, #{native := Native}) ->
    ok = eslaver_nif:cluster_clear(Native, Number, Offset),
    {false, Rounds}.

%% @doc What rounds are decided by.
-spec facts(context()) -> eslaver_cluster_rounds:facts().
facts(#{native := Native, topology := Topology, members := Members} = Context) ->
    Followed = maps:filter(fun(_, One) -> eslaver_cluster_member:is_followed(One) end, Members),
    #{
        owned => fun(Name) -> owned(maps:get(Name, Members), Native) end,
        shard_of => fun(Id) ->
            case eslaver_cluster_topology:shard_of(Id, Topology) of
                {ok, Name} when is_map_key(Name, Followed) -> {ok, Name};
                _ -> error
            end
        end,
        shards => [
            Name
         || {Name, One} <- maps:to_list(Followed), not eslaver_cluster_member:is_leaving(One)
        ],
        hold => fun(Name) -> hold(Name, Context) end
    }.

%% @doc What the stream of a shard waits for.
-spec hold(name(), context()) -> eslaver_cluster_rounds:hold().
hold(Name, #{members := Members} = Context) ->
    case routed(Name, Context) of
        #{held := Kind, held_behind := Behind, waits_for := Other} when
            Kind =/= false, Behind =/= undefined
        ->
            {Kind, Behind, eslaver_cluster_member:of_number(Other, Members)};
        #{} ->
            none
    end.

%% @doc Where the stream of a shard waits, or 0.
-spec held_at(name(), context()) -> non_neg_integer().
held_at(Name, Context) ->
    case routed(Name, Context) of
        #{held_at := At} when is_integer(At) -> At;
        #{} -> 0
    end.

routed(Name, #{members := Members, native := Native}) ->
    #{shards := Shards} = eslaver_nif:cluster_info(Native),
    maps:get(eslaver_cluster_member:number(Name, Members), Shards, #{}).

%% @doc The slots that routes have for a shard.
-spec owned(eslaver_cluster_member:member(), eslaver_nif:cluster()) ->
    eslaver_cluster_nodes:ranges().
owned(Member, Native) ->
    Number = eslaver_cluster_member:number(Member),
    case eslaver_nif:cluster_info(Native) of
        #{shards := #{Number := #{slots := Slots}}} -> Slots;
        #{} -> []
    end.
