%% @doc Checks the arguments of reads of streams. Invalid ones raise `badarg'.
%% @private
-module(eslaver_mirror_stream_arguments).

-export([bound/1, count/1, filter/1]).
-export_type([bound/0, stream/0, group/0, consumer/0, summary/0, filter/0]).

-type bound() :: '-' | '+' | binary() | {exclusive, binary()}.
%% An id of an entry as `<<"1526919030474-55">>'; the part from the dash on may be left out.

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

-type filter() :: #{consumer => binary(), min_idle => non_neg_integer()}.

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

%% @doc Checks how many entries are wanted at most.
-spec count(term()) -> ok.
count(infinity) -> ok;
count(Count) when is_integer(Count) -> ok;
count(_) -> error(badarg).

%% @doc The options of `xpending' as a list.
-spec filter(filter()) -> [{consumer, binary()} | {min_idle, non_neg_integer()}].
filter(Filter) ->
    ok = eslaver_mirror_arguments:options(
        #{
            consumer => fun is_binary/1,
            min_idle => fun(Ms) -> is_integer(Ms) andalso Ms >= 0 end
        },
        Filter
    ),
    maps:to_list(Filter).
