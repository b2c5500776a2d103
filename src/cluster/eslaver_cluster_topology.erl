%% @doc The nodes of a cluster, as several of them tell over time, and which of them make up a
%% shard. It is pure.
%%
%% A view from before a failover is ignored: in it a master has slots that another one is known to
%% have since a later epoch. A node that is missing in several views in a row has been forgotten. A
%% shard is known again after a failover: its new master was a replica of the last one. It is named
%% after the master that was seen first. A master that has failed over calls itself master for a
%% moment when it returns: without slots it is no shard unless it stays that. With slots that its
%% heir did not get it is a shard of its own.
%%
%% A master that has failed and been replaced has no say: what it claimed last may be known here,
%% but not to its heir.
%% @private
-module(eslaver_cluster_topology).

-export([new/0, seen/3, shards/1, shard_of/2, addresses/1]).
-export_type([topology/0, name/0, shard/0]).

-type name() :: eslaver_cluster_nodes:id().

-type shard() :: #{
    master := eslaver_cluster_nodes:cluster_node(),
    replicas := [eslaver_cluster_nodes:cluster_node()]
}.

%% In how many views in a row a node has to be missing, or a former replica to be a master without
%% slots.
-define(VIEWS, 3).

-record(topology, {
    nodes = #{} :: #{eslaver_cluster_nodes:id() => eslaver_cluster_nodes:cluster_node()},
    %% In how many views in a row nodes were missing.
    missing = #{} :: #{eslaver_cluster_nodes:id() => pos_integer()},
    %% Which shards masters are the heads of, by their ids.
    names = #{} :: #{eslaver_cluster_nodes:id() => name()},
    %% Which master has taken over each name last.
    heirs = #{} :: #{name() => eslaver_cluster_nodes:id()},
    %% Masters without slots that were replicas: of which master, and in how many views since.
    doubted = #{} :: #{eslaver_cluster_nodes:id() => {eslaver_cluster_nodes:id(), pos_integer()}}
}).

-opaque topology() :: #topology{}.

%% @doc No nodes.
-spec new() -> topology().
new() -> #topology{}.

%% @doc A node has told which nodes there are. Only views of nodes that are asked in turn count
%% where others are missing.
-spec seen([eslaver_cluster_nodes:cluster_node()], in_turn | other, topology()) -> topology().
seen(View, Counts, #topology{nodes = Before} = Topology) ->
    Told = maps:from_list([{Id, Node} || #{id := Id} = Node <- View]),
    case is_older(Told, Before) of
        true -> Topology;
        false -> parted(named(doubted(taken(Told, Counts, Topology), Counts, Before), Before))
    end.

%% A master that claims slots which another is known to have since a later epoch, or is known with a
%% later one itself.
is_older(Told, Before) ->
    Changed = [Node || {Id, Node} <- maps:to_list(Told), maps:get(Id, Before, none) =/= Node],
    Replaced = [Id || Id <- maps:keys(Before), is_replaced(Id, Told, Before)],
    Others = maps:without(Replaced, Before),
    lists:any(fun(Node) -> is_outdated(Node, Others) end, Changed).

%% Whether a view tells that a master has failed, and that another one, with a later epoch, has
%% slots of it.
is_replaced(Id, Told, Before) ->
    case {Told, Before} of
        {#{Id := #{role := master, failed := true, epoch := Last}}, #{Id := #{slots := Had}}} ->
            lists:any(
                fun(#{role := Role, epoch := Epoch, slots := Slots}) ->
                    Role =:= master andalso Epoch > Last andalso
                        eslaver_cluster_slots:overlap(Slots, Had)
                end,
                maps:values(Told)
            );
        _ ->
            false
    end.

is_outdated(#{role := replica}, _Before) ->
    false;
is_outdated(#{id := Id, epoch := Epoch, slots := Slots}, Before) ->
    case Before of
        #{Id := #{role := master, epoch := Known}} when Epoch < Known ->
            true;
        #{} ->
            lists:any(
                fun(#{role := Role, epoch := Known, slots := Has}) ->
                    Role =:= master andalso Epoch < Known andalso
                        eslaver_cluster_slots:overlap(Slots, Has)
                end,
                maps:values(maps:remove(Id, Before))
            )
    end.

%% A node that has just joined knows few others.
taken(Told, Counts, #topology{nodes = Before, missing = Missing} = Topology) ->
    Updated = maps:map(fun(Id, Node) -> with_moves(Node, maps:get(Id, Before, none)) end, Told),
    Absent = maps:keys(maps:without(maps:keys(Told), Before)),
    case Counts =:= other orelse 2 * length(Absent) > map_size(Before) of
        true ->
            Topology#topology{nodes = maps:merge(Before, Updated)};
        false ->
            Times = maps:from_list([{Id, maps:get(Id, Missing, 0) + 1} || Id <- Absent]),
            {Stay, Forgotten} = lists:partition(
                fun(Id) -> maps:get(Id, Times) < ?VIEWS end, Absent
            ),
            Topology#topology{
                nodes = maps:merge(maps:with(Stay, Before), Updated),
                missing = maps:without(Forgotten, Times)
            }
    end.

%% Only the node itself tells what moves.
with_moves(#{self := false} = Node, #{migrating := Out, importing := In}) ->
    Node#{migrating := Out, importing := In};
with_moves(Node, _Before) ->
    Node.

doubted(#topology{nodes = Nodes, names = Names, doubted = Known} = Topology, Counts, Before) ->
    Masters = [
        Id
     || #{id := Id} = Node <- maps:values(Nodes), is_head(Node), not is_map_key(Id, Names)
    ],
    Doubted = [
        {Id, doubt(Known, Id, Former, Counts)}
     || Id <- Masters, Former <- former(Id, Before, Known)
    ],
    Topology#topology{doubted = maps:from_list(Doubted)}.

former(Id, Before, Known) ->
    case {Known, Before} of
        {#{Id := {Former, _}}, _} -> [Former];
        {_, #{Id := #{role := replica, master := Former}}} -> [Former];
        _ -> []
    end.

doubt(Known, Id, Former, Counts) ->
    case Known of
        #{Id := {_, Views}} when Counts =:= in_turn -> {Former, Views + 1};
        #{Id := Doubt} -> Doubt;
        #{} -> {Former, 1}
    end.

named(#topology{nodes = Nodes, names = Names} = Topology, Before) ->
    Masters = [Id || #{id := Id} = Node <- maps:values(Nodes), is_head(Node)],
    New = lists:sort([Id || Id <- Masters, not is_map_key(Id, Names)]),
    Staying = Topology#topology{names = maps:with(Masters, Names)},
    #topology{names = Named, heirs = Heirs, doubted = Doubted} =
        Last = lists:foldl(
            fun(Id, Acc) ->
                case name(Id, Names, Before, Acc) of
                    {inherited, Name} -> inherits(Id, Name, Acc);
                    own -> takes(Id, unused([Id], Acc), Acc);
                    none -> Acc
                end
            end,
            Staying,
            New
        ),
    Last#topology{
        heirs = maps:with(maps:values(Named), Heirs),
        doubted = maps:without(maps:keys(Named), Doubted)
    }.

takes(Id, Name, #topology{names = Names} = Topology) ->
    Topology#topology{names = Names#{Id => Name}}.

inherits(Id, Name, #topology{heirs = Heirs} = Topology) ->
    takes(Id, Name, Topology#topology{heirs = Heirs#{Name => Id}}).

%% A master without slots that has never had any is one, too: imports begin before ownership.
is_head(#{role := Role, address := Address}) -> Role =:= master andalso Address =/= undefined.

%% The name goes over from a master to its replica, unless it is still in use.
name(Id, Names, Before, #topology{nodes = Nodes, doubted = Doubted} = Topology) ->
    case Doubted of
        #{Id := {Former, Views}} ->
            #{Id := #{slots := Slots}} = Nodes,
            case free_name(Former, Slots, Names, Before, Topology) of
                {ok, Name} -> {inherited, Name};
                error when Slots =:= [], Views < ?VIEWS -> none;
                error -> own
            end;
        #{} ->
            own
    end.

%% Of the shard of its former master, which some views do not know.
free_name(Former, Slots, Names, Before, #topology{nodes = Nodes, names = Taken}) ->
    case Names of
        #{Former := Name} ->
            InUse = lists:member(Name, maps:values(Taken)),
            case InUse andalso not has_lost(Former, Slots, Before, Nodes) of
                true -> error;
                false -> {ok, Name}
            end;
        #{} ->
            error
    end.

%% Whether a master is none any more, or has lost its slots to another that has these: perhaps not
%% all.
has_lost(Id, Slots, Before, Nodes) ->
    case Nodes of
        #{Id := #{role := master, failed := false, slots := Has}} ->
            #{slots := Had} = maps:get(Id, Before, maps:get(Id, Nodes)),
            Slots =/= [] andalso (Has =:= [] orelse is_most_of(Slots, Had));
        #{} ->
            true
    end.

is_most_of(Slots, Had) ->
    Left = eslaver_cluster_slots:subtract(Had, Slots),
    2 * eslaver_cluster_slots:count(Left) < eslaver_cluster_slots:count(Had).

%% A master may have been replaced by one of its replicas that did not know of all its slots: it
%% keeps those, and leaves the name to its heir.
parted(Topology) ->
    Parted = [
        {Id, Head}
     || [#{id := Head, epoch := Last} | Others] <- maps:values(namesakes(Topology)),
        #{id := Id, failed := false, slots := [_ | _], epoch := Epoch} <- Others,
        Epoch =/= Last
    ],
    lists:foldl(
        fun({Id, Head}, Acc) -> takes(Id, unused([Id, Head], Acc), Acc) end, Topology, Parted
    ).

%% A master's own id may be the name that its heir has.
unused(Wanted, #topology{nodes = Nodes, names = Names}) ->
    Used = maps:values(Names),
    [Unused | _] = [Id || Id <- Wanted ++ maps:keys(Nodes), not lists:member(Id, Used)],
    Unused.

%% The masters of each name, the one that it belongs to first: of those with slots the heir,
%% whatever has become of the others. Of two with the same epoch the one with the lesser id will
%% take a later one.
namesakes(#topology{nodes = Nodes, names = Names, heirs = Heirs}) ->
    Ranked = [
        {Name, {{Slots =:= [], Id =/= maps:get(Name, Heirs, none), Failed, -Epoch, Id}, Master}}
     || {Id, Name} <- maps:to_list(Names),
        #{failed := Failed, epoch := Epoch, slots := Slots} = Master <- [maps:get(Id, Nodes)]
    ],
    maps:map(
        fun(_, Masters) -> [Master || {_, Master} <- lists:sort(Masters)] end,
        maps:groups_from_list(fun({Name, _}) -> Name end, fun({_, Master}) -> Master end, Ranked)
    ).

%% @doc The shards. A shard whose master has failed keeps it until there is another.
-spec shards(topology()) -> #{name() => shard()}.
shards(#topology{nodes = Nodes} = Topology) ->
    maps:map(
        fun(_Name, [#{id := Id} = Master | _]) ->
            #{master => Master, replicas => replicas(Id, Nodes)}
        end,
        namesakes(Topology)
    ).

replicas(Id, Nodes) ->
    [
        Node
     || #{role := replica, master := Master, failed := false, address := Address} = Node <-
            maps:values(Nodes),
        Master =:= Id,
        Address =/= undefined
    ].

%% @doc The shard that a node is in.
-spec shard_of(eslaver_cluster_nodes:id(), topology()) -> {ok, name()} | error.
shard_of(Id, #topology{nodes = Nodes, names = Names}) ->
    case {Names, Nodes} of
        {#{Id := Name}, _} -> {ok, Name};
        {_, #{Id := #{master := Master}}} when is_map_key(Master, Names) ->
            {ok, maps:get(Master, Names)};
        _ -> error
    end.

%% @doc Whom to ask next: all nodes that may answer.
-spec addresses(topology()) -> [eslaver_nif:address()].
addresses(#topology{nodes = Nodes}) ->
    lists:sort([
        Address
     || #{failed := false, address := Address} <- maps:values(Nodes), Address =/= undefined
    ]).
