%% @doc The shard of a cluster that a replica replicates, as the cluster tells it: what of it users
%% are told.
%% @private
-module(eslaver_shard).

-export([context/1, where/1, events/1]).
-export_type([shard/0, context/0, where/0]).

-type shard() :: #{id := binary(), replids => [binary()], atom() => term()}.
%% `replids' are those of its master: of its history, and of the one that this continues.

-type context() :: eslaver_types:context().
%% For a handler. Empty for one master.

-type where() :: eslaver_types:where().
%% For a store of positions. Empty for one master.

%% @doc What the handler of a replica with these options is told.
-spec context(#{shard => shard(), atom() => term()}) -> context().
context(#{shard := Shard}) -> #{shard => maps:with([id, slots, master, replicas], Shard)};
context(#{}) -> #{}.

%% @doc What its store of positions is told.
-spec where(#{shard => shard(), atom() => term()}) -> where().
where(#{shard := #{id := Id} = Shard}) ->
    #{shard => Id, replids => maps:get(replids, Shard, [])};
where(#{}) ->
    #{}.

%% @doc What the callback of a replica with these options gets before all else.
-spec events(#{shard => shard(), atom() => term()}) -> [eslaver_events:event()].
events(#{shard := #{id := Id} = Shard}) ->
    [{shard, up, (maps:with([slots, master], Shard))#{shard => Id}}];
events(#{}) ->
    [].
