%% Work done by several processes at once.
-module(eslaver_test_parallel).

-export([map/2]).

%% Calls the function for each item, each in a process of its own. Returns the results in order.
-spec map(fun((Item) -> Result), [Item]) -> [Result].
map(Fun, Items) ->
    Self = self(),
    Running = [
        spawn_monitor(fun() ->
            Result = Fun(Item),
            Self ! {self(), Result}
        end)
     || Item <- Items
    ],
    [
        receive
            {Pid, Result} ->
                true = erlang:demonitor(Ref, [flush]),
                Result;
            {'DOWN', Ref, process, Pid, Reason} ->
                error({one_of_several, Reason})
        end
     || {Pid, Ref} <- Running
    ].
