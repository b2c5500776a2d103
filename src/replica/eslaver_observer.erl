%% @doc The mirror, as its replica sees it: a process that learns what becomes of the link and of
%% snapshots, in the form of full events, whatever the callback gets.
%%
%% A call returns when the mirror has handled it, or has ended: then the replica is about to.
%% @private
-module(eslaver_observer).

-export([news/2]).
-export_type([observer/0]).

-type observer() :: none | #{process := pid(), keyspace := eslaver_nif:keyspace()}.

%% @doc Of the link, of a snapshot, or of the keyspace.
-spec news([eslaver_events:news()], observer()) -> ok.
news([], _Observer) -> ok;
news(_Events, none) -> ok;
news(Events, #{process := Process}) -> call(Events, Process).

%% The reason of a failed call has the events, and must be in no report.
call([], _Process) ->
    ok;
call(Events, Process) ->
    try
        gen_server:call(Process, {events, self(), Events}, infinity)
    catch
        exit:_ -> ok
    end.
