%% @doc All that runs on this node, as the rows of {@link eslaver_rows}.
%% @private
-module(eslaver_overview).

-export([rows/1]).

%% @doc What answers within this time, in ms, and what does not.
-spec rows(timeout()) -> [eslaver_rows:row()].
rows(Timeout) ->
    Asked = [{Entry, asking(Entry)} || Entry <- eslaver_registry:all()],
    Deadline = erlang:monotonic_time(millisecond) + Timeout,
    lists:append([answer(Entry, Asker, Deadline) || {Entry, Asker} <- Asked]).

%% One that hangs holds up no other.
asking(Entry) ->
    spawn_monitor(fun() -> exit({?MODULE, eslaver_rows:ask(Entry)}) end).

answer(Entry, {Pid, Monitor}, Deadline) ->
    Left = max(Deadline - erlang:monotonic_time(millisecond), 0),
    receive
        {'DOWN', Monitor, process, Pid, {?MODULE, Rows}} -> Rows;
        {'DOWN', Monitor, process, Pid, _} -> [eslaver_rows:silent(Entry)]
    after Left ->
        true = demonitor(Monitor, [flush]),
        true = exit(Pid, kill),
        [eslaver_rows:silent(Entry)]
    end.
