%% @doc The snapshot being loaded, or loaded last: how much of it there is, and how fast it comes.
%% Used by {@link eslaver_server}.
%% @private
-module(eslaver_load).

-export([none/0, start/1, finish/2, info/2]).
-export_type([load/0]).

-record(load, {
    %% Not known where the master marks the end instead.
    total :: undefined | non_neg_integer(),
    started :: integer(),
    bytes = 0 :: non_neg_integer(),
    keys = 0 :: non_neg_integer(),
    finished = false :: boolean()
}).

-opaque load() :: none | #load{}.

-spec none() -> load().
none() -> none.

%% @doc One begins, of so many bytes if that is known.
-spec start(undefined | non_neg_integer()) -> load().
start(Total) ->
    #load{total = Total, started = now_ms()}.

%% @doc It has been handled; it took so many seconds.
-spec finish(#{bytes := non_neg_integer(), keys := non_neg_integer(), _ => _}, load()) ->
    {float(), load()}.
finish(#{bytes := Bytes, keys := Keys}, #load{started = Started} = Load) ->
    {(now_ms() - Started) / 1000, Load#load{bytes = Bytes, keys = Keys, finished = true}}.

%% @doc For `info', with what the link has counted so far: bytes and keys.
-spec info({non_neg_integer(), non_neg_integer()}, load()) -> map().
info(_Counted, none) ->
    #{bytes => 0, keys => 0};
info(_Counted, #load{finished = true, bytes = Bytes, keys = Keys}) ->
    #{bytes => Bytes, keys => Keys};
info({Bytes, Keys}, #load{total = Total, started = Started}) ->
    Rate = #{bytes_per_second => Bytes * 1000 div max(now_ms() - Started, 1)},
    Progress =
        case Total of
            undefined -> Rate;
            _ -> Rate#{percent => Bytes * 100 div max(Total, 1), total => Total}
        end,
    #{bytes => Bytes, keys => Keys, progress => Progress}.

now_ms() ->
    erlang:monotonic_time(millisecond).
