%% @doc How a replica, a mirror or a cluster is, as flat rows: one for itself, and one for each
%% shard of a cluster. Gauges, metrics and dashboards show these.
%% @private
-module(eslaver_rows).

-export([read/1]).
-export_type([entry/0, kind/0, row/0]).

-type kind() :: replica | mirror | cluster.

-type entry() :: #{pid := pid(), kind := kind(), name := term()}.
%% One that runs.

-type row() :: #{
    kind := kind() | shard,
    name := term(),
    %% Whether it shows how it is.
    up := boolean(),
    state := atom(),
    %% Of a shard.
    shard => binary(),
    %% The rest is what there is of `info'.
    atom() => term()
}.

%% @doc What one shows, which it is not asked for: one that hangs holds up nothing.
-spec read(entry()) -> [row(), ...].
read(#{pid := Pid} = Entry) ->
    try eslaver_board:read(Pid) of
        {ok, Info} -> answered(Entry, Info);
        none -> [silent(Entry)]
    catch
        %% it is about to end
        _:_ -> [silent(Entry)]
    end.

silent(Entry) ->
    (about(Entry))#{up => false, state => unknown}.

about(#{pid := Pid} = Entry) ->
    (maps:with([kind, name], Entry))#{queue => queue(Pid)}.

%% Messages that its process has not taken yet.
queue(Pid) ->
    case process_info(Pid, message_queue_len) of
        {message_queue_len, Length} -> Length;
        undefined -> undefined
    end.

answered(#{kind := cluster, name := Name} = Entry, #{shards := Shards} = Info) ->
    Whole = maps:remove(shards, Info),
    [
        row(about(Entry), Whole#{shards => map_size(Shards)})
        | [
            row(#{kind => shard, name => Name, shard => Id}, Shard)
         || {Id, Shard} <- lists:sort(maps:to_list(Shards))
        ]
    ];
answered(Entry, Info) ->
    [row(about(Entry), Info)].

%% A mirror tells of its replica apart.
row(About, #{replica := #{} = Replica} = Info) ->
    joined(About, [of_replica(Replica), defined(maps:remove(replica, Info))]);
row(#{kind := Kind} = About, Info) when Kind =:= replica; Kind =:= shard ->
    joined(About, [of_replica(Info)]);
row(About, Info) ->
    joined(About, [defined(Info)]).

joined(About, Parts) ->
    lists:foldl(fun(Part, Row) -> maps:merge(Row, Part) end, #{state => unknown}, Parts ++ [
        About#{up => true}
    ]).

%% Its keys and bytes are those of a snapshot.
of_replica(Info) ->
    maps:fold(fun(Key, Value, Acc) -> Acc#{snapshot(Key) => Value} end, #{}, Info).

snapshot(keys) -> snapshot_keys;
snapshot(bytes) -> snapshot_bytes;
snapshot(Key) -> Key.

defined(Info) ->
    maps:filter(fun(_Key, Value) -> Value =/= undefined end, Info).
