%% @doc Limits how often a mirror asks for a full resync because its master's stream left something
%% open: the first time at once, then after pauses that double while resyncs follow each other. So
%% no stream makes the master write snapshot after snapshot.
%% @private
-module(eslaver_mirror_resync).

-export([new/0, new/1, next/2]).
-export_type([resyncs/0]).

%% The pauses, in ms.
-define(SHORTEST, 10000).
-define(LONGEST, 600000).
%% After this number of pauses without a resync, pauses start from the shortest again.
-define(QUIET, 10).

-record(resyncs, {
    shortest :: pos_integer(),
    last = none :: none | {At :: integer(), Pause :: pos_integer()}
}).

-opaque resyncs() :: #resyncs{}.

%% @doc There was no resync yet.
-spec new() -> resyncs().
new() -> new(?SHORTEST).

%% @doc The same with a first pause of this length, in ms.
-spec new(Shortest :: pos_integer()) -> resyncs().
new(Shortest) -> #resyncs{shortest = Shortest}.

%% @doc How long to wait before the next resync, in ms.
-spec next(NowMs :: integer(), resyncs()) -> {non_neg_integer(), resyncs()}.
next(Now, #resyncs{shortest = Shortest, last = none} = Resyncs) ->
    {0, Resyncs#resyncs{last = {Now, Shortest}}};
next(Now, #resyncs{last = {Last, Pause}} = Resyncs) when Now - Last > ?QUIET * Pause ->
    next(Now, Resyncs#resyncs{last = none});
next(Now, #resyncs{last = {Last, Pause}} = Resyncs) ->
    At = max(Now, Last + Pause),
    {At - Now, Resyncs#resyncs{last = {At, min(2 * Pause, ?LONGEST)}}}.
