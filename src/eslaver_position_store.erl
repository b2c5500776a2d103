%% @doc Where positions are kept, other than in files: a module of this behaviour, named as
%% `resume => {Module, Args}'. For consumers that store positions with their data.
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
%% Both are called in a process of their own, which lives as long as the replica and traps exits. A
%% store that is slow or fails does not stop the stream.
-module(eslaver_position_store).

-export_type([where/0]).

-type where() :: eslaver_shard:where().
%% Whose position it is: `#{}' for one master, `#{shard => ShardId, replids => [Replid]}' in a
%% cluster, where each shard has a position. After a failover a shard may have another id; then the
%% position of its earlier id is the one whose `replid' is among `replids', the ids of the history
%% of the shard's master, the newest first.

-callback load(where(), Args :: term()) -> {ok, eslaver:position()} | none | {error, term()}.
%% Called at each start of the replica: what was saved last. What is no position counts as none, and
%% so does a failure: it is logged, and the next sync is full.

-callback save(where(), eslaver:position() | none, Args :: term()) -> ok | {error, term()}.
%% All up to this position has been handled. Called for one position after the other, not for all:
%% while a call takes its time, and for 100 ms, only the newest waits. `ok' says that a restart
%% would resume there, which `WAITAOF' on the master counts. The first failure is logged, and the
%% first after a success. With `none' a snapshot begins, and waits for this call: what was stored
%% before is void.
