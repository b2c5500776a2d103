%% @doc What `sys:get_status/1' and crash reports show of our processes: little, and nothing of the
%% master's data.
%%
%% A crash report is made of the exit reason, the dictionary and the mailbox, which `format_status'
%% has no part in: so exit reasons come from {@link eslaver_failure:guarded/2}, and a process drops
%% its mailbox when it ends.
%% @private
-module(eslaver_status).

-export([short/2, drop_messages/0]).

%% @doc For `format_status': the state as `Show' gives it, and of messages only their shape. The log
%% of the module `sys' would have them all. A reason that an exception left has the arguments of
%% calls, among them the state.
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
shown(reason, {Reason, [{_, _, _, _} | _] = Stack}, _Show) ->
    eslaver_failure:describe(Reason, Stack);
shown(log, _Log, _Show) ->
    [];
shown(_Key, Value, _Show) ->
    Value.

%% @doc Drops all messages of the calling process, which ends.
-spec drop_messages() -> ok.
drop_messages() ->
    receive
        _ -> drop_messages()
    after 0 -> ok
    end.
