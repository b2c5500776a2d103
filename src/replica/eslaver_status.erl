%% @doc What `sys:get_status/1' and crash reports show of our processes: little, and nothing of the
%% master's data.
%% @private
-module(eslaver_status).

-export([short/2]).

%% @doc For `format_status': the state as `Show' gives it, and of messages only their shape. The log
%% of the module `sys' would have them all.
-spec short(fun((State :: term()) -> term()), gen_server:format_status()) ->
    gen_server:format_status().
short(Show, Status) ->
    maps:map(fun(Key, Value) -> shown(Key, Value, Show) end, Status).

%% A process may fail because its state is none.
shown(state, State, Show) ->
    try
        Show(State)
    catch
        _:_ -> hidden
    end;
shown(message, Message, _Show) ->
    eslaver_failure:shape(Message);
shown(log, _Log, _Show) ->
    [];
shown(_Key, Value, _Show) ->
    Value.
