%% A process that shows an info as a replica, a mirror or a cluster does.
-module(eslaver_test_board).
-behaviour(eslaver_board).

-export([start/2, stop/1]).
-export([info/1]).

%% It is linked to the caller, and has called this first.
-spec start(map(), fun(() -> term())) -> pid().
start(Info, First) ->
    Self = self(),
    Pid = spawn_link(fun() ->
        _ = First(),
        _ = eslaver_board:show(Info, eslaver_board:new(?MODULE)),
        Self ! {self(), shown},
        receive
            stop -> ok
        end
    end),
    receive
        {Pid, shown} -> Pid
    end.

-spec stop(pid()) -> ok.
stop(Pid) ->
    Monitor = monitor(process, Pid),
    Pid ! stop,
    receive
        {'DOWN', Monitor, process, _, _} -> ok
    end.

-spec info(map()) -> map().
info(Info) -> Info.
