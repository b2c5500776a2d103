%% A store of positions in an ETS table, whose row `behaviour' says what it does. It sends a process
%% what it is asked for.
-module(eslaver_test_position_store).
-behaviour(eslaver_position_store).

-export([load/2, save/3]).

-spec load(eslaver_position_store:where(), tuple()) -> term().
load(Where, Args) ->
    {Owner, Table} = told(Args),
    Owner ! {?MODULE, {load, Where}},
    behave(Table, fun() ->
        case ets:lookup(Table, position) of
            [{position, #{} = Position}] -> {ok, Position};
            _ -> none
        end
    end).

-spec save(eslaver_position_store:where(), eslaver:position() | none, tuple()) -> term().
save(Where, Position, Args) ->
    {Owner, Table} = told(Args),
    Owner ! {?MODULE, {save, Where, Position}},
    behave(Table, fun() ->
        true = ets:insert(Table, {position, Position}),
        ok
    end).

told(Args) ->
    {element(1, Args), element(2, Args)}.

behave(Table, Good) ->
    case ets:lookup(Table, behaviour) of
        [{behaviour, good}] ->
            Good();
        [{behaviour, {sleep, Time}}] ->
            timer:sleep(Time),
            Good();
        [{behaviour, {link, Reason}}] ->
            Pid = spawn_link(fun() -> exit(Reason) end),
            Monitor = monitor(process, Pid),
            receive
                {'DOWN', Monitor, process, Pid, _} -> Good()
            end;
        [{behaviour, kill}] ->
            exit(self(), kill);
        [{behaviour, {return, Result}}] ->
            Result;
        [{behaviour, {raise, Class, Reason}}] ->
            erlang:raise(Class, Reason, [])
    end.
