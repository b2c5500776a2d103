%% @doc Checks the arguments of reads of streams. Invalid ones raise `badarg'.
%% @private
-module(eslaver_mirror_stream_arguments).

-export([bound/1, is_count/1, count/1, streams/1, info/1, filter/1]).
-export_type([bound/0, after_ids/0, stream/0, full_stream/0, group/0, consumer/0, summary/0]).
-export_type([filter/0]).

-type bound() :: '-' | '+' | binary() | {exclusive, binary()}.
%% An id of an entry as `<<"1526919030474-55">>'; the part from the dash on may be left out.

-type after_ids() :: #{Key :: binary() => Id :: binary()} | [{Key :: binary(), Id :: binary()}].
%% Streams, and the ids that their entries are to come after.

-type entry() :: {binary(), [{binary(), binary()}]}.

-type stream() :: #{
    length := non_neg_integer(),
    last_generated_id := binary(),
    max_deleted_entry_id := binary(),
    entries_added := non_neg_integer(),
    recorded_first_entry_id := binary(),
    groups := non_neg_integer(),
    first_entry := entry() | undefined,
    last_entry := entry() | undefined,
    idmp_duration := pos_integer(),
    idmp_maxsize := pos_integer(),
    pids_tracked := non_neg_integer(),
    iids_tracked := non_neg_integer(),
    iids_added := non_neg_integer(),
    iids_duplicates := non_neg_integer()
}.

-type full_stream() :: #{
    length := non_neg_integer(),
    last_generated_id := binary(),
    max_deleted_entry_id := binary(),
    entries_added := non_neg_integer(),
    recorded_first_entry_id := binary(),
    entries := [entry()],
    groups := [full_group()],
    idmp_duration := pos_integer(),
    idmp_maxsize := pos_integer(),
    pids_tracked := non_neg_integer(),
    iids_tracked := non_neg_integer(),
    iids_added := non_neg_integer(),
    iids_duplicates := non_neg_integer()
}.

-type full_group() :: #{
    name := binary(),
    last_delivered_id := binary(),
    entries_read := non_neg_integer() | undefined,
    lag := integer() | undefined,
    pel_count := non_neg_integer(),
    nacked_count := non_neg_integer(),
    pending := [
        {Id :: binary(), Consumer :: binary(), DeliveredAt :: integer(), Deliveries :: integer()}
    ],
    consumers := [full_consumer()]
}.
%% Times are in ms since the epoch.

-type full_consumer() :: #{
    name := binary(),
    seen_time := integer(),
    active_time := integer() | undefined,
    pel_count := non_neg_integer(),
    pending := [{Id :: binary(), DeliveredAt :: integer(), Deliveries :: integer()}]
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
%% Times are in ms.

-type summary() :: {
    Count :: non_neg_integer(),
    First :: binary() | undefined,
    Last :: binary() | undefined,
    [{Consumer :: binary(), Count :: pos_integer()}]
}.

-type filter() :: eslaver_mirror_arguments:options(#{
    consumer => binary(), idle => non_neg_integer()
}).

-define(MAX, 16#FFFFFFFFFFFFFFFF).

%% @doc Checks a bound of a range.
-spec bound(term()) -> ok.
bound('-') -> ok;
bound('+') -> ok;
bound({exclusive, Id}) -> id(Id);
bound(Id) -> id(Id).

id(Id) when is_binary(Id) -> lists:foreach(fun number/1, binary:split(Id, <<"-">>));
id(_) -> error(badarg).

number(Digits) ->
    case binary_to_integer(Digits) of
        Number when Number >= 0, Number =< ?MAX -> ok;
        _ -> error(badarg)
    end.

%% @doc Whether it is a greatest number of entries.
-spec is_count(term()) -> boolean().
is_count(Count) -> Count =:= infinity orelse is_integer(Count).

%% @doc How many entries are wanted at most.
-spec count(eslaver_mirror_arguments:options(#{count => integer() | infinity})) ->
    integer() | infinity.
count(Options) ->
    Given = eslaver_mirror_arguments:options(#{count => fun is_count/1}, Options),
    maps:get(count, Given, infinity).

%% @doc The keys of streams, and the ids.
-spec streams(after_ids()) -> {[binary(), ...], [binary(), ...]}.
streams(Streams) when is_map(Streams) ->
    streams(maps:to_list(Streams));
streams([_ | _] = Streams) ->
    ok = pairs(Streams),
    lists:unzip(Streams);
streams(_) ->
    error(badarg).

pairs([]) ->
    ok;
pairs([{_Key, Id} | More]) ->
    ok = id(Id),
    pairs(More);
pairs(_) ->
    error(badarg).

%% @doc Whether all of a stream is wanted, and how many entries.
-spec info(map() | eslaver_input:keywords()) -> short | {full, non_neg_integer()}.
info(Options) ->
    Given = eslaver_mirror_arguments:options(
        #{
            full => fun is_boolean/1,
            count => fun(Count) -> is_integer(Count) andalso Count >= 0 end
        },
        Options
    ),
    case Given of
        #{full := true} -> {full, maps:get(count, Given, 10)};
        #{count := _} -> eslaver_mirror_arguments:invalid(count);
        #{} -> short
    end.

%% @doc The options of `xpending' as a list.
-spec filter(filter()) -> [{consumer, binary()} | {idle, non_neg_integer()}].
filter(Options) ->
    Given = eslaver_mirror_arguments:options(
        #{
            consumer => fun is_binary/1,
            idle => fun(Ms) -> is_integer(Ms) andalso Ms >= 0 end
        },
        Options
    ),
    maps:to_list(Given).
