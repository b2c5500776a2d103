%% @doc A store of positions: a module of this behaviour, named as `resume => {Module, Args}'. For
%% consumers that keep positions in a database or with their data.
%%
%% ```
%% -module(positions).
%% -behaviour(eslaver_position_store).
%% -export([load/2, save/3]).
%%
%% load(_Where, Table) ->
%%     case ets:lookup(Table, position) of
%%         [{position, none}] -> none;
%%         [{position, Position}] -> {ok, Position};
%%         [] -> none
%%     end.
%%
%% save(_Where, Position, Table) ->
%%     true = ets:insert(Table, {position, Position}),
%%     ok.
%% '''
%%
%% Both functions run in a process of their own, which lives as long as the replica and traps exits.
%% A slow or failing store does not stop the stream.
-module(eslaver_position_store).

-export_type([where/0]).

-type where() :: eslaver_types:where().
%% Whose position it is: `#{}' for one master, `#{shard => ShardId, replids => [Replid]}' in a
%% cluster, where each shard has a position. After a failover a shard may have another id: its
%% position is then the one whose `replid' is among `replids', the ids of its history, the newest
%% first.

-callback load(where(), Args :: term()) -> {ok, eslaver:position()} | none | {error, term()}.
%% Called at each start of the replica, to return what was saved last. If it fails or returns no
%% position, that is logged, and the next sync is full.

-callback save(where(), eslaver:position() | none, Args :: term()) -> ok | {error, term()}.
%% All events up to this position have been handled. Called with one position at a time, at most
%% every 100 ms, and always with the newest. `ok' means that a restart would resume there: `WAITAOF'
%% on the master counts it. The first failure is logged, and the first after a success. With `none'
%% a snapshot begins, and waits for this call: what was stored before is void.
