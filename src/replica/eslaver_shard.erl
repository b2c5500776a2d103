%% @doc The shard of a cluster that a replica replicates, as the cluster tells it: what of it users
%% are told.
%% @private
-module(eslaver_shard).

-export([context/1, where/1, events/1]).
-export_type([shard/0, context/0, where/0]).

-type shard() :: #{id := binary(), replids => [binary()], atom() => term()}.
%% `replids' are those of its master: of its history, and of the one that this continues.

-type context() :: #{shard => #{id := binary(), atom() => term()}}.
%% For a handler. Empty for one master.

-type where() :: #{shard => binary(), replids => [binary()]}.
%% For a store of positions. Empty for one master.

%% @doc For a handler.
-spec context(undefined | shard()) -> context().
context(undefined) -> #{};
context(Shard) -> #{shard => maps:with([id, slots, master, replicas], Shard)}.

%% @doc For a store of positions.
-spec where(undefined | shard()) -> where().
where(undefined) -> #{};
where(#{id := Id} = Shard) -> #{shard => Id, replids => maps:get(replids, Shard, [])}.

%% @doc What the callback of a replica with these options gets before all else.
-spec events(#{shard => shard(), atom() => term()}) -> [eslaver_events:event()].
events(#{shard := #{id := Id} = Shard}) ->
    [{shard, up, (maps:with([slots, master], Shard))#{shard => Id}}];
events(#{}) ->
    [].
