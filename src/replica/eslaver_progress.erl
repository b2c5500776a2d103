%% @doc The snapshot being loaded, or loaded last: how much of it there is, and how fast it comes.
%% Used by {@link eslaver_server}.
%% @private
-module(eslaver_progress).

-export([none/0, start/1, start/2, finish/2, abandon/1, progress/3, info/2]).
-export_type([load/0]).

%% How often the log says how far a long load is, in ms.
-define(EVERY, 30000).

-record(load, {
    %% Not known where the master marks the end instead.
    total :: undefined | non_neg_integer(),
    started :: integer(),
    bytes = 0 :: non_neg_integer(),
    keys = 0 :: non_neg_integer(),
    finished = false :: boolean(),
    %% When to say how far it is.
    every :: pos_integer(),
    timer :: reference()
}).

-opaque load() :: none | #load{}.

-spec none() -> load().
none() -> none.

%% @doc One begins, of `Total' bytes if that is known.
-spec start(undefined | non_neg_integer()) -> load().
start(Total) ->
    start(Total, ?EVERY).

%% @doc The same, and every `Every' ms the calling process gets `{timeout, Timer, load}', for
%% {@link progress/3}.
-spec start(undefined | non_neg_integer(), pos_integer()) -> load().
start(Total, Every) ->
    #load{total = Total, started = now_ms(), every = Every, timer = timer(Every)}.

timer(Every) ->
    erlang:start_timer(Every, self(), load).

%% @doc It has been handled: the seconds it took.
-spec finish(#{bytes := non_neg_integer(), keys := non_neg_integer(), _ => _}, load()) ->
    {float(), load()}.
finish(#{bytes := Bytes, keys := Keys}, #load{started = Started} = Load) ->
    {(now_ms() - Started) / 1000, Load#load{bytes = Bytes, keys = Keys, finished = true}}.

%% @doc It does not go on, if it has not been handled.
-spec abandon(load()) -> load().
abandon(#load{finished = true} = Load) -> Load;
abandon(_Load) -> none.

%% @doc How far it is, for the log, unless the timer is that of a load before.
-spec progress(reference(), {non_neg_integer(), non_neg_integer()}, load()) ->
    {map() | none, load()}.
progress(Timer, Counted, #load{timer = Timer, finished = false, every = Every} = Load) ->
    #{progress := Progress} = Info = info(Counted, Load),
    {maps:merge(Progress, maps:remove(progress, Info)), Load#load{timer = timer(Every)}};
progress(_Timer, _Counted, Load) ->
    {none, Load}.

%% @doc For `info', with what the link has counted so far: bytes and keys.
-spec info({non_neg_integer(), non_neg_integer()}, load()) -> map().
info(_Counted, none) ->
    #{bytes => 0, keys => 0};
info(_Counted, #load{finished = true, bytes = Bytes, keys = Keys}) ->
    #{bytes => Bytes, keys => Keys};
info({Bytes, Keys}, #load{total = Total, started = Started}) ->
    Took = max(now_ms() - Started, 1),
    Rate = #{
        bytes_per_second => Bytes * 1000 div Took, keys_per_second => Keys * 1000 div Took
    },
    Progress =
        case Total of
            undefined -> Rate;
            _ -> Rate#{percent => Bytes * 100 div max(Total, 1), total => Total}
        end,
    #{bytes => Bytes, keys => Keys, progress => Progress}.

now_ms() ->
    erlang:monotonic_time(millisecond).
