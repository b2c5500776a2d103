%% @doc A cluster's shard, as others know it: what users are told of it, and how a replica of it
%% joins it, to be told where it is. These calls go to the process of the cluster ({@link
%% eslaver_cluster}).
%% @private
-module(eslaver_cluster_shard).
-behaviour(eslaver_source_watcher).

-export([join/2, ask/2, hurry/1, leave/2, shown/1]).
-export_type([shard/0, membership/0]).

-type shard() :: #{
    id := binary(),
    slots := eslaver_cluster_nodes:ranges(),
    master := eslaver_nif:address(),
    replicas := [eslaver_nif:address()]
}.
%% A shard, as the option `shards' is asked about it.

-type membership() :: #{
    cluster := pid(),
    shard := eslaver_cluster_topology:name(),
    id := binary(),
    seeds := [eslaver_nif:address()]
}.
%% What a replica of a shard joins.

%% @doc Has the calling process told of a shard.
-spec join(membership(), term()) -> {pid(), reference()}.
join(#{cluster := Cluster, shard := Name}, _Seen) ->
    Ref = make_ref(),
    ok = gen_server:cast(Cluster, {join, self(), Ref, Name}),
    {Cluster, Ref}.

%% @doc Has it told of the shard's nodes, or of why there are none.
-spec ask(reference(), pid()) -> ok.
ask(Ref, Cluster) -> gen_server:cast(Cluster, {ask, Ref}).

%% @doc Has the nodes of the cluster asked at once.
-spec hurry(pid()) -> ok.
hurry(Cluster) -> gen_server:cast(Cluster, hurry).

%% @doc The calling process is not to be told any more.
-spec leave(reference(), pid() | undefined) -> ok.
leave(_Ref, undefined) -> ok;
leave(Ref, Cluster) -> gen_server:cast(Cluster, {leave, Ref}).

%% @doc The shard, for people.
-spec shown(membership()) -> binary().
shown(#{id := Id, seeds := Seeds}) ->
    Listed = lists:join(", ", [eslaver_log:address(Seed) || Seed <- Seeds]),
    eslaver_text:format("shard ~ts (cluster ~ts)", [Id, Listed]).
