%% @doc The mirror, as its replica sees it: a process that learns what becomes of the link and of
%% snapshots, in the form of full events, whatever the callback gets.
%%
%% A call returns when the mirror has handled it, or has ended: then the replica is about to.
%% @private
-module(eslaver_observer).

-export([news/2, detached/2, followed/2]).
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

%% @doc Ends the turn of the link that fills the keyspace. Tells what the next link gets, where the
%% keyspace stands, and whether it has keys.
-spec detached(observer(), HasCallback :: boolean()) ->
    none
    | {eslaver_nif:filled(), eslaver_nif:place() | undefined, HasKeys :: boolean() | undefined}.
detached(none, _HasCallback) ->
    none;
detached(#{keyspace := Keyspace}, HasCallback) ->
    {Ticket, Position, HasKeys} = eslaver_nif:keyspace_detach(Keyspace),
    {#{keyspace => Keyspace, ticket => Ticket, events => HasCallback}, Position, HasKeys}.

%% @doc This node is followed. The data is stale while it may lack what its own master has.
-spec followed(eslaver_source:peer(), observer()) -> ok.
followed(_Peer, none) ->
    ok;
followed(Peer, #{keyspace := Keyspace}) ->
    eslaver_nif:keyspace_cut_off(Keyspace, eslaver_source:is_cut_off(Peer)).
