%% @doc The replies of `XINFO' and `XPENDING'.
%% @private
-module(eslaver_mirror_stream_info).

-export([stream/2, groups/2, consumers/3, pending/3, pending/4, check_filter/1]).
-export_type([stream/0, group/0, consumer/0, summary/0, filter/0]).

-type store() :: eslaver_mirror_store:store().
-type body() :: eslaver_mirror_stream:body().
-type entry_id() :: eslaver_mirror_stream_id:id().

%% The first Redis whose lag is right even after trimming. The atom of an unknown version is less
%% than a tuple.
-define(EXACT_LAG, {8, 0}).

-type stream() :: #{
    length := non_neg_integer(),
    last_generated_id := binary(),
    max_deleted_entry_id := binary(),
    entries_added := non_neg_integer(),
    recorded_first_entry_id := binary(),
    groups := non_neg_integer(),
    first_entry := {binary(), eslaver_mirror_stream_entries:fields()} | undefined,
    last_entry := {binary(), eslaver_mirror_stream_entries:fields()} | undefined,
    idmp_duration := pos_integer(),
    idmp_maxsize := pos_integer(),
    pids_tracked := non_neg_integer(),
    iids_tracked := non_neg_integer(),
    iids_added := non_neg_integer(),
    iids_duplicates := non_neg_integer()
}.

-type group() :: #{
    name := binary(),
    consumers := non_neg_integer(),
    pending := non_neg_integer(),
    nacked := non_neg_integer(),
    last_delivered_id := binary(),
    entries_read := non_neg_integer() | undefined,
    lag := integer() | undefined
}.

-type consumer() :: #{
    name := binary(),
    pending := non_neg_integer(),
    idle := non_neg_integer(),
    inactive := non_neg_integer() | undefined
}.

-type summary() :: {
    Count :: non_neg_integer(),
    First :: binary() | undefined,
    Last :: binary() | undefined,
    [{Consumer :: binary(), Count :: pos_integer()}]
}.

-type filter() :: #{consumer => binary(), min_idle => non_neg_integer()}.

-spec stream(store(), body()) -> stream().
stream(Store, #{id := Id, idmp := Idmp} = Body) ->
    #{length := Length, last_id := Last, max_deleted_id := Deleted, entries_added := Added} = Body,
    First = eslaver_mirror_stream_entries:first(Store, Id),
    maps:merge(eslaver_mirror_stream_idmp:info(Store, Id, Idmp), #{
        length => Length,
        last_generated_id => eslaver_mirror_stream_id:format(Last),
        max_deleted_entry_id => eslaver_mirror_stream_id:format(Deleted),
        entries_added => Added,
        recorded_first_entry_id =>
            case First of
                none -> <<"0-0">>;
                _ -> eslaver_mirror_stream_id:format(First)
            end,
        groups => length(eslaver_mirror_stream_groups:all(Store, Id)),
        first_entry => entry(Store, Id, First),
        last_entry => entry(Store, Id, eslaver_mirror_stream_entries:last(Store, Id))
    }).

entry(_Store, _Id, none) ->
    undefined;
entry(Store, Id, EntryId) ->
    {EntryId, Fields} = eslaver_mirror_stream_entries:find(Store, Id, EntryId),
    {eslaver_mirror_stream_id:format(EntryId), Fields}.

-spec groups(store(), body()) -> [group()].
groups(Store, #{id := Id} = Body) ->
    [
        #{
            name => Name,
            consumers => length(Consumers),
            pending => Pending,
            nacked => Pending - lists:sum([Owned || {_, _, _, Owned} <- Consumers]),
            last_delivered_id => eslaver_mirror_stream_id:format(Last),
            entries_read => Read,
            lag => lag(Store, Body, Last, Read)
        }
     || {Name, Last, Read, Pending} <- eslaver_mirror_stream_groups:all(Store, Id),
        Consumers <- [eslaver_mirror_stream_groups:consumers(Store, Id, Name)]
    ].

%% How many entries a group still has to read, if that is known.
lag(_Store, #{entries_added := 0}, _Last, _Read) ->
    0;
lag(#{redis_version := Version} = Store, Body, Last, Read) when Version >= ?EXACT_LAG ->
    #{id := Id, max_deleted_id := Deleted, length := Length} = Body,
    case eslaver_mirror_stream_entries:first(Store, Id) of
        none -> 0;
        First when Last < First, Deleted < First -> Length;
        _ -> counted_lag(Store, Body, Last, Read)
    end;
lag(Store, Body, Last, Read) ->
    counted_lag(Store, Body, Last, Read).

counted_lag(Store, #{entries_added := Added} = Body, Last, Read) ->
    case Read =/= undefined andalso not eslaver_mirror_stream:has_deleted_from(Body, Last) of
        true ->
            Added - Read;
        false ->
            case eslaver_mirror_stream:entries_read_to(Store, Body, Last) of
                undefined -> undefined;
                Estimated -> Added - Estimated
            end
    end.

%% @doc The consumers of a group, `undefined' if the group is missing.
-spec consumers(store(), body(), binary()) -> [consumer()] | undefined.
consumers(Store, #{id := Id}, Group) ->
    case eslaver_mirror_stream_groups:group(Store, Id, Group) of
        none ->
            undefined;
        _ ->
            Now = erlang:system_time(millisecond),
            [
                #{
                    name => Name,
                    pending => Pending,
                    idle => max(0, Now - SeenAt),
                    inactive => since(ActiveAt, Now)
                }
             || {Name, SeenAt, ActiveAt, Pending} <-
                    eslaver_mirror_stream_groups:consumers(Store, Id, Group)
            ]
    end.

since(undefined, _Now) -> undefined;
since(At, Now) -> max(0, Now - At).

%% @doc The number of entries pending in a group, in all and for each consumer; `undefined' if the
%% group is missing.
-spec pending(store(), body(), binary()) -> summary() | undefined.
pending(Store, #{id := Id}, Group) ->
    case eslaver_mirror_stream_groups:group(Store, Id, Group) of
        none ->
            undefined;
        {_, _, _, 0} ->
            {0, undefined, undefined, []};
        {_, _, _, Count} ->
            {First, Last} = eslaver_mirror_stream_groups:edges(Store, Id, Group),
            Consumers = [
                {Name, Pending}
             || {Name, _, _, Pending} <- eslaver_mirror_stream_groups:consumers(Store, Id, Group),
                Pending > 0
            ],
            {
                Count,
                eslaver_mirror_stream_id:format(First),
                eslaver_mirror_stream_id:format(Last),
                Consumers
            }
    end.

%% @doc Raises `badarg' unless the filter is valid.
-spec check_filter(filter()) -> ok.
check_filter(Filter) ->
    eslaver_mirror_arguments:options(
        #{
            consumer => fun is_binary/1,
            min_idle => fun(Ms) -> is_integer(Ms) andalso Ms >= 0 end
        },
        Filter
    ).

%% @doc The pending entries in a range.
-spec pending(
    store(),
    body(),
    {Group :: binary(), filter()},
    {From :: entry_id(), To :: entry_id(), Count :: non_neg_integer() | infinity}
) ->
    [{binary(), Consumer :: binary(), Idle :: integer(), Deliveries :: non_neg_integer()}]
    | undefined.
pending(Store, #{id := Id}, {Group, Filter}, {From, To, Count}) ->
    case eslaver_mirror_stream_groups:group(Store, Id, Group) of
        none ->
            undefined;
        _ ->
            Now = erlang:system_time(millisecond),
            MinIdle = maps:get(min_idle, Filter, 0),
            {_, Found} = eslaver_mirror_stream_groups:fold_pending(
                fun
                    (_, {0, _} = Acc) ->
                        {stop, Acc};
                    ({_, _, At, _}, Acc) when MinIdle > 0, Now - At < MinIdle ->
                        {go_on, Acc};
                    ({EntryId, Consumer, At, Deliveries}, {Left, Acc}) ->
                        Name = eslaver_mirror_stream_id:format(EntryId),
                        {Whose, Idle} = owner(Consumer, Now - At),
                        Entry = {Name, Whose, Idle, Deliveries},
                        {go_on, {less(Left), [Entry | Acc]}}
                end,
                {Count, []},
                {Store, Id},
                {Group, maps:get(consumer, Filter, any)},
                {From, To}
            ),
            lists:reverse(Found)
    end.

%% As servers show entries pending for nobody.
owner(nobody, _Idle) -> {<<>>, -1};
owner(Consumer, Idle) -> {Consumer, max(0, Idle)}.

less(infinity) -> infinity;
less(Count) -> Count - 1.
