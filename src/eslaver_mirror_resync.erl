%% @doc When a mirror may ask for a full resync because of what its master's stream does not tell:
%% the first time at once, then after pauses that double while they follow on each other, so that no
%% stream makes the master write snapshot after snapshot. Used by {@link eslaver_mirror_server}.
%% @private
-module(eslaver_mirror_resync).

-export([new/0, next/2]).
-export_type([resyncs/0]).

%% The pauses, in ms.
-define(SHORTEST, 10000).
-define(LONGEST, 600000).
%% After this number of pauses without a resync they begin anew.
-define(QUIET, 10).

-opaque resyncs() :: none | {Last :: integer(), Pause :: pos_integer()}.

%% @doc There was none.
-spec new() -> resyncs().
new() -> none.

%% @doc How long to wait for the next one, in ms.
-spec next(NowMs :: integer(), resyncs()) -> {non_neg_integer(), resyncs()}.
next(Now, none) ->
    {0, {Now, ?SHORTEST}};
next(Now, {Last, Pause}) when Now - Last > ?QUIET * Pause ->
    next(Now, none);
next(Now, {Last, Pause}) ->
    At = max(Now, Last + Pause),
    {At - Now, {At, min(2 * Pause, ?LONGEST)}}.
