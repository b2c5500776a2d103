%% @doc The snapshot being loaded, or loaded last: how much of it there is, and how fast it comes.
%% @private
-module(eslaver_progress).

-export([none/0, start/1, start/2, finish/2, abandon/1, report/3, info/2]).
-export_type([progress/0, load/0]).

-type load() :: {started, Bytes :: undefined | non_neg_integer()} | {finished, map()} | abandoned.
%% What becomes of a snapshot.

%% How often the log says how far a long load is, in ms.
-define(EVERY, 30000).

-record(progress, {
    %% Unknown if the master marks the end instead.
    total :: undefined | non_neg_integer(),
    started :: integer(),
    bytes = 0 :: non_neg_integer(),
    keys = 0 :: non_neg_integer(),
    finished = false :: boolean(),
    %% How often to say how far it is, in ms.
    every :: pos_integer(),
    timer :: reference()
}).

-opaque progress() :: none | #progress{}.

-spec none() -> progress().
none() -> none.

%% @doc A load begins, of `Total' bytes if that is known.
-spec start(undefined | non_neg_integer()) -> progress().
start(Total) ->
    start(Total, ?EVERY).

%% @doc The same, and every `Every' ms the calling process gets `{timeout, Timer,
%% eslaver_progress}', for {@link report/3}.
-spec start(undefined | non_neg_integer(), pos_integer()) -> progress().
start(Total, Every) ->
    #progress{total = Total, started = eslaver_clock:now_ms(), every = Every, timer = timer(Every)}.

timer(Every) ->
    erlang:start_timer(Every, self(), eslaver_progress).

%% @doc It has been handled: the seconds it took.
-spec finish(#{bytes := non_neg_integer(), keys := non_neg_integer(), _ => _}, progress()) ->
    {float(), progress()}.
finish(#{bytes := Bytes, keys := Keys}, #progress{started = Started} = Progress) ->
    Seconds = (eslaver_clock:now_ms() - Started) / 1000,
    {Seconds, Progress#progress{bytes = Bytes, keys = Keys, finished = true}}.

%% @doc The load is interrupted, unless all of it has been handled.
-spec abandon(progress()) -> progress().
abandon(#progress{finished = true} = Progress) -> Progress;
abandon(_Progress) -> none.

%% @doc How far it is, for the log, unless the timer is an earlier load's.
-spec report(reference(), {non_neg_integer(), non_neg_integer()}, progress()) ->
    {map() | none, progress()}.
report(Timer, Counted, #progress{timer = Timer, finished = false, every = Every} = Progress) ->
    #{progress := Rate} = Info = info(Counted, Progress),
    {maps:merge(Rate, maps:remove(progress, Info)), Progress#progress{timer = timer(Every)}};
report(_Timer, _Counted, Progress) ->
    {none, Progress}.

%% @doc For `info', with what the link has counted so far: bytes and keys.
-spec info({non_neg_integer(), non_neg_integer()}, progress()) -> map().
info(_Counted, none) ->
    #{bytes => 0, keys => 0};
info(_Counted, #progress{finished = true, bytes = Bytes, keys = Keys}) ->
    #{bytes => Bytes, keys => Keys};
info({Bytes, Keys}, #progress{total = Total, started = Started}) ->
    Took = max(eslaver_clock:now_ms() - Started, 1),
    Rate = #{
        bytes_per_second => Bytes * 1000 div Took, keys_per_second => Keys * 1000 div Took
    },
    Known =
        case Total of
            undefined -> Rate;
            _ -> Rate#{percent => Bytes * 100 div max(Total, 1), total => Total}
        end,
    #{bytes => Bytes, keys => Keys, progress => Known}.
