%% Looks at a mirror every few milliseconds: its status and the number that a key has. What it has
%% seen is kept as the changes of both.
-module(eslaver_test_sampler).

-export([start/2, stop/1, changes/1]).

-export_type([change/0]).

%% `At` in ms of the monotonic clock. The number is `none` where the key is missing.
-type change() :: {At :: integer(), eslaver_mirror_types:status(), integer() | none}.

-define(TIMEOUT, 10_000).
-define(PERIOD, 3).

%% It has looked once when this returns, and ends with the process that started it.
-spec start(Mirror :: atom(), Key :: binary()) -> pid().
start(Mirror, Key) ->
    Owner = self(),
    First = changed(look(Mirror, Key), []),
    spawn(fun() -> loop(erlang:monitor(process, Owner), Mirror, Key, First) end).

%% What it has seen.
-spec stop(pid()) -> [change()].
stop(Sampler) -> call(Sampler, stop).

%% What it has seen so far.
-spec changes(pid()) -> [change()].
changes(Sampler) -> call(Sampler, changes).

call(Sampler, Request) ->
    Ref = erlang:monitor(process, Sampler),
    Sampler ! {Request, self(), Ref},
    receive
        {Ref, Changes} ->
            erlang:demonitor(Ref, [flush]),
            Changes;
        {'DOWN', Ref, process, Sampler, Reason} ->
            error({sampler_is_gone, Reason})
    after ?TIMEOUT -> error(sampler_does_not_answer)
    end.

loop(Owner, Mirror, Key, Changes) ->
    receive
        {stop, From, Ref} ->
            From ! {Ref, lists:reverse(Changes)};
        {changes, From, Ref} ->
            From ! {Ref, lists:reverse(Changes)},
            loop(Owner, Mirror, Key, Changes);
        {'DOWN', Owner, process, _, _} ->
            ok
    after ?PERIOD -> loop(Owner, Mirror, Key, changed(look(Mirror, Key), Changes))
    end.

%% The status belongs to the number if it is the same before and after.
look(Mirror, Key) ->
    Before = eslaver_mirror:status(Mirror),
    Number = eslaver_mirror:get(Mirror, Key),
    case eslaver_mirror:status(Mirror) of
        Before when is_atom(Before) -> {Before, number(Number)};
        _ -> unclear
    end.

number(Number) when is_binary(Number) -> binary_to_integer(Number);
number(_Missing) -> none.

changed(unclear, Changes) ->
    Changes;
changed({Status, Number}, [{_, Status, Number} | _] = Changes) ->
    Changes;
changed({Status, Number}, Changes) ->
    [{erlang:monotonic_time(millisecond), Status, Number} | Changes].
