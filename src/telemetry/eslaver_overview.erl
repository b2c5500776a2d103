%% @doc All that runs on this node, as the rows of {@link eslaver_rows}.
%% @private
-module(eslaver_overview).

-export([rows/1]).
-export([asked/1]).

%% @doc What answers within this time, in ms, and what does not.
-spec rows(timeout()) -> [eslaver_rows:row()].
rows(Timeout) ->
    %% one that hangs holds up no other
    Asked = [
        {Entry, spawn_monitor(?MODULE, asked, [Entry])}
     || Entry <- eslaver_registry:all()
    ],
    Deadline = erlang:monotonic_time(millisecond) + Timeout,
    lists:append([answer(Entry, Asker, Deadline) || {Entry, Asker} <- Asked]).

%% @private Its exit reason is the answer, so none comes too late.
-spec asked(eslaver_rows:entry()) -> no_return().
asked(Entry) ->
    exit({?MODULE, eslaver_rows:ask(Entry)}).

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
