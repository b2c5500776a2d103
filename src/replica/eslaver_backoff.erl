%% @doc Pauses between attempts to reach a master. They grow, with jitter, so that many replicas of
%% a lost master do not reconnect at the same moment.
%% @private
-module(eslaver_backoff).

-export([new/0, next/1, quick/1, slow/0, slowest/1, restart/2]).
-export_type([backoff/0]).

-define(FIRST, 100).
-define(QUICK, 1000).
-define(LONGEST, 10000).
-define(SLOWEST, 600000).

-opaque backoff() :: pos_integer().

%% @doc Before the first failure.
-spec new() -> backoff().
new() -> ?FIRST.

%% @doc The next pause in ms: between half of a time that doubles up to ten seconds, and all of it.
-spec next(backoff()) -> {pos_integer(), backoff()}.
next(Longest) ->
    next(min(Longest, ?LONGEST), ?LONGEST).

%% @doc The pause if a node can be reached, but is not the one that is looked for: soon another may
%% be, and each attempt costs little. It grows up to a second; pauses after failures stay as long as
%% they are.
-spec quick(backoff()) -> {pos_integer(), backoff()}.
quick(Longest) ->
    {Pause, Next} = next(min(Longest, ?QUICK), ?QUICK),
    {Pause, max(Longest, Next)}.

%% @doc The pause after a failure that will not heal by itself: long from the start.
-spec slow() -> {pos_integer(), backoff()}.
slow() ->
    next(?LONGEST, ?LONGEST).

%% @doc The pause if each attempt costs the master a snapshot: it grows up to ten minutes.
-spec slowest(backoff()) -> {pos_integer(), backoff()}.
slowest(Longest) ->
    next(max(Longest, ?LONGEST), ?SLOWEST).

%% @doc The pause after this many failures in a row, each in a life of its own. The first costs next
%% to nothing; then those without a position, which begin with a snapshot, are held back as above.
-spec restart(pos_integer(), HasPosition :: boolean()) -> pos_integer().
restart(1, _HasPosition) ->
    {Pause, _} = next(new()),
    Pause;
restart(Count, true) ->
    {Pause, _} = next(doubled(?FIRST, Count - 1, ?LONGEST)),
    Pause;
restart(Count, false) ->
    {Pause, _} = next(doubled(?LONGEST, Count - 2, ?SLOWEST), ?SLOWEST),
    Pause.

doubled(First, Times, Most) -> min(First bsl min(Times, 20), Most).

next(Longest, Most) ->
    {Longest div 2 + rand:uniform(Longest div 2), min(Longest * 2, Most)}.
