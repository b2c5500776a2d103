%% @doc What runs on this node, for monitoring: all replicas, mirrors and clusters, whoever has
%% started them.
%%
%% ```
%% eslaver_metrics:prometheus().
%% '''
%%
%% is the body of the answer to a scrape, of the type
%% `text/plain; version=0.0.4; charset=utf-8'.
-module(eslaver_metrics).

-export([prometheus/0, rows/0, name/1]).
-export_type([row/0]).

-type row() :: eslaver_rows:row().
%% A replica, a mirror, a cluster or one of its shards (`kind'), which is called `name' there, and
%% `shard'. The other keys are those of `info', as far as they are there. `up' is `false', and
%% `state' is `unknown', of one that is about to end. The keys and bytes of the last
%% snapshot are `snapshot_keys' and `snapshot_bytes', as a mirror has `keys' of its own. `queue' is
%% the number of messages that its process has not taken yet.

%% In the order of a replica's life.
-define(STATES, [connecting, waiting, waiting_for_snapshot, loading, streaming]).
-define(STATUSES, [loading, stale, fresh]).

%% @doc All that runs on this node as text that Prometheus can scrape. Labels are `kind', `name',
%% and for the shards of a cluster `shard'; numbers of a cluster are told of its shards, not of the
%% whole as well, so that they can be added up.
-spec prometheus() -> binary().
prometheus() ->
    Rows = rows(),
    eslaver_prometheus:text([
        build_info(eslaver_facts:version())
        | [
            {Name, Type, Help, [Sample || Row <- Rows, Sample <- samples(Of, Row)]}
         || {Name, Type, Help, Of} <- families()
        ]
    ]).

build_info(Version) ->
    Samples = [{[{version, Version}], 1} || Version =/= undefined],
    {"eslaver_build_info", gauge, "1 for the version of eslaver.", Samples}.

%% @doc All that runs on this node, as maps.
-spec rows() -> [row()].
rows() ->
    lists:append([eslaver_rows:read(Entry) || Entry <- eslaver_registry:all()]).

%% @doc The name of a row as text: of a registered process its name, else its pid.
-spec name(row()) -> binary().
name(#{name := Name}) when is_atom(Name) -> atom_to_binary(Name);
name(#{name := Name}) -> eslaver_text:format("~0tp", [Name]).

families() ->
    [
        {"eslaver_up", gauge, "Whether it runs.", fun(#{up := Up}) -> is(Up) end},
        {"eslaver_state", gauge, "What it is doing: 1 for the state it is in.", fun(Row) ->
            one_of(state, ?STATES, Row)
        end},
        {"eslaver_state_since_timestamp_seconds", gauge, "When this state began.", {since, 1000}},
        {"eslaver_status", gauge, "Whether a mirror is up to date: 1 for its status.", fun(Row) ->
            one_of(status, ?STATUSES, Row)
        end},
        {"eslaver_stale_seconds", gauge, "How long the data of a mirror has been stale.",
            {stale_for, 1000}},
        {"eslaver_last_error", gauge, "1 for the reason why the last link failed.",
            fun last_error/1},
        {"eslaver_next_try_seconds", gauge, "Time until the next try to connect.",
            {next_try_in, 1000}},
        {"eslaver_lag_bytes", gauge, "Bytes that have arrived and are not handled.", lag},
        {"eslaver_master_lag_bytes", gauge, "Bytes that the master is ahead of what is handled.",
            master_lag},
        {"eslaver_behind_seconds", gauge, "How long there has been something not handled.",
            {behind_for, 1000}},
        {"eslaver_lagging", gauge, "Whether the lag is above what warn_lag allows.",
            is_so(lagging)},
        {"eslaver_paused", gauge, "Whether the callback holds the stream.", is_so(paused)},
        {"eslaver_queue_messages", gauge, "Messages that its process has not taken.", queue},
        {"eslaver_offset_bytes", gauge, "Offset in the master's stream that is handled.", offset},
        {"eslaver_events_per_second", gauge, "Events handled per second.", events_per_second},
        {"eslaver_commands_total", counter, "Commands of the stream.", commands},
        {"eslaver_skipped_events_total", counter, "Events for which the callback has raised.",
            skipped},
        {"eslaver_unapplied_commands_total", counter, "Commands that could not be mirrored.",
            fun unapplied/1},
        {"eslaver_full_syncs_total", counter, "Full syncs.", full_syncs},
        {"eslaver_partial_syncs_total", counter, "Partial syncs.", partial_syncs},
        {"eslaver_reconnects_total", counter, "Links that were lost or could not be made.",
            reconnects},
        {"eslaver_restarts_total", counter, "Restarts after failures.", restarts},
        {"eslaver_snapshot_keys", gauge, "Keys of the last snapshot.", snapshot_keys},
        {"eslaver_snapshot_bytes", gauge, "Bytes of the last snapshot.", snapshot_bytes},
        {"eslaver_keys", gauge, "Keys of a mirror.", keys},
        {"eslaver_memory_bytes", gauge, "Memory that the data of a mirror takes.", memory},
        {"eslaver_cluster_shards", gauge, "Shards of a cluster that are followed.",
            of_cluster(shards)},
        {"eslaver_cluster_slots", gauge, "Slots of a cluster that are covered.", of_cluster(slots)},
        {"eslaver_cluster_moving_slots", gauge, "Slots of a cluster on their way to another shard.",
            of_cluster(moving)}
    ].

samples(Key, Row) when is_atom(Key) -> samples({Key, 1}, Row);
samples({_Key, _Unit}, #{kind := cluster}) -> [];
samples({Key, Unit}, Row) -> labelled([{[], Value} || Value <- number(Key, Unit, Row)], Row);
samples(Of, Row) -> labelled(Of(Row), Row).

labelled(Samples, #{kind := Kind} = Row) ->
    Shard = [{shard, Id} || #{shard := Id} <- [Row]],
    Own = [{kind, atom_to_binary(Kind)}, {name, name(Row)} | Shard],
    [{Own ++ Labels, Value} || {Labels, Value} <- Samples].

number(Key, Unit, Row) ->
    case Row of
        #{Key := Value} when is_number(Value), Unit =:= 1 -> [Value];
        #{Key := Value} when is_number(Value) -> [Value / Unit];
        #{} -> []
    end.

is_so(Key) ->
    fun
        (#{kind := cluster}) -> [];
        (#{Key := Is}) -> is(Is);
        (_Row) -> []
    end.

is(true) -> [{[], 1}];
is(_) -> [{[], 0}].

%% One that is about to end is in no state that is known.
one_of(Key, Known, Row) ->
    case Row of
        #{Key := Now} ->
            Others = [Now || not lists:member(Now, Known), Now =/= unknown],
            [
                {[{Key, atom_to_binary(One)}], Value}
             || One <- Known ++ Others, {_, Value} <- is(One =:= Now)
            ];
        #{} ->
            []
    end.

last_error(#{last_error := #{reason := Reason}}) -> [{[{reason, atom_to_binary(Reason)}], 1}];
last_error(_Row) -> [].

unapplied(#{unapplied := #{} = Counts}) -> [{[], lists:sum(maps:values(Counts))}];
unapplied(_Row) -> [].

of_cluster(Key) ->
    fun
        (#{kind := cluster} = Row) -> [{[], Value} || Value <- number(Key, 1, Row)];
        (_Row) -> []
    end.
