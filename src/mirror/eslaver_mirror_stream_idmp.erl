%% @doc What a stream of Redis 8.6 records of producers that may send an entry twice: how many of
%% their ids it keeps, and how many entries were new or duplicates. The master tells which is which,
%% so only numbers are kept, and no ids.
%%
%% In the table of groups such an id has two rows: as an entry pending for a consumer in a group
%% `idmp' (no real group has an atom as its name), and by time, for no consumer. So the oldest of a
%% producer and the oldest of all are found.
%% @private
-module(eslaver_mirror_stream_idmp).

-export([new/0, load/3, configure/4, record/4, duplicate/1, info/3]).
-export_type([state/0]).

-type store() :: eslaver_mirror_store:store().
-type id() :: eslaver_mirror_store:id().
-type entry_id() :: eslaver_mirror_stream_id:id().

-type state() :: {
    Seconds :: pos_integer(),
    MaxSize :: pos_integer(),
    Added :: non_neg_integer(),
    Duplicates :: non_neg_integer()
}.
%% `Seconds': how long an id is kept; `MaxSize': how many ids of each producer are kept.

%% A server's defaults. Masters do not replicate the configuration.
-define(SECONDS, 100).
-define(MAX_SIZE, 100).

-spec new() -> state().
new() ->
    {?SECONDS, ?MAX_SIZE, 0, 0}.

%% @doc The state from a snapshot, if it has one.
-spec load(store(), id(), map() | undefined) -> state().
load(_Store, _Id, undefined) ->
    new();
load(Store, Id, #{duration := Seconds, maxsize := MaxSize, producers := Producers} = Value) ->
    #{iids_added := Added, iids_duplicates := Duplicates} = Value,
    State = {Seconds, MaxSize, 0, Duplicates},
    lists:foreach(
        fun({Producer, EntryId}) ->
            record(Store, Id, {Producer, eslaver_mirror_stream_id:parse(EntryId)}, State)
        end,
        [{Name, EntryId} || #{id := Name, iids := Ids} <- Producers, {_, EntryId} <- Ids]
    ),
    setelement(3, State, Added).

%% @doc Changes the limits and forgets all ids.
-spec configure(store(), id(), #{seconds => pos_integer(), max_size => pos_integer()}, state()) ->
    state().
configure(#{groups := Groups}, Id, Options, {Seconds, MaxSize, Added, Duplicates}) ->
    lists:foreach(
        fun(Pattern) -> true = ets:match_delete(Groups, Pattern) end,
        [{{Id, idmp, '_'}, '_', '_', '_'}, {{Id, idmp, '_', '_', '_'}}]
    ),
    {maps:get(seconds, Options, Seconds), maps:get(max_size, Options, MaxSize), Added, Duplicates}.

%% @doc Records the id of a new entry of a producer.
-spec record(store(), id(), {Producer :: binary(), entry_id()}, state()) -> state().
record(#{groups := Groups}, Id, {Producer, {Ms, Seq}}, {Seconds, MaxSize, Added, Duplicates}) ->
    forget_before(Groups, Id, Ms - Seconds * 1000),
    Key = {Id, idmp, Producer},
    case ets:insert_new(Groups, {{Id, idmp, Producer, Ms, Seq}}) of
        true ->
            true = ets:insert(Groups, {{Id, idmp, Ms, Seq, Producer}}),
            case ets:update_counter(Groups, Key, {4, 1}, {Key, none, none, 0}) of
                More when More > MaxSize ->
                    Oldest = ets:next(Groups, {Id, idmp, Producer, -1, 0}),
                    {Id, idmp, Producer, OldMs, OldSeq} = Oldest,
                    forget(Groups, Id, Producer, {OldMs, OldSeq});
                _ ->
                    ok
            end,
            {Seconds, MaxSize, Added + 1, Duplicates};
        false ->
            {Seconds, MaxSize, Added, Duplicates}
    end.

%% Numbers sort before binaries, so the rows by time come before those of a producer.
forget_before(Groups, Id, Time) ->
    case ets:next(Groups, {Id, idmp, -1, 0, <<>>}) of
        {Id, idmp, Ms, Seq, Producer} when is_integer(Ms), Ms < Time ->
            forget(Groups, Id, Producer, {Ms, Seq}),
            forget_before(Groups, Id, Time);
        _ ->
            ok
    end.

forget(Groups, Id, Producer, {Ms, Seq}) ->
    true = ets:delete(Groups, {Id, idmp, Producer, Ms, Seq}),
    true = ets:delete(Groups, {Id, idmp, Ms, Seq, Producer}),
    Key = {Id, idmp, Producer},
    case ets:update_counter(Groups, Key, {4, -1}) of
        0 -> ets:delete(Groups, Key);
        _ -> true
    end.

%% @doc Counts a duplicate.
-spec duplicate(state()) -> state().
duplicate({Seconds, MaxSize, Added, Duplicates}) ->
    {Seconds, MaxSize, Added, Duplicates + 1}.

%% @doc As in `XINFO'. Expired ids are left out, though a master may still have them.
-spec info(store(), id(), state()) -> map().
info(#{groups := Groups}, Id, {Seconds, MaxSize, Added, Duplicates}) ->
    Oldest = erlang:system_time(millisecond) - Seconds * 1000,
    Pattern = {{Id, idmp, '$1', '_', '$2'}},
    IsKept = [{is_integer, '$1'}, {'>=', '$1', Oldest}],
    Producers = ets:select(Groups, [{Pattern, IsKept, ['$2']}]),
    #{
        idmp_duration => Seconds,
        idmp_maxsize => MaxSize,
        pids_tracked => length(lists:usort(Producers)),
        iids_tracked => length(Producers),
        iids_added => Added,
        iids_duplicates => Duplicates
    }.
