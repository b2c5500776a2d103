%% @doc What a replica's events say of the keyspace that it fills. It is pure.
%%
%% The events are those of links and of snapshots, and what could not be applied.
%% @private
-module(eslaver_mirror_news).

-export([of_events/1]).
-export_type([news/0]).

-type news() ::
    %% A snapshot begins; it can be read.
    loading
    | loaded
    %% The stream goes on.
    | up
    %% A command cannot be applied.
    | {refused, Command :: binary(), Reason :: binary()}
    %% Only a full resync tells what the master has.
    | lost
    %% What is to be known of histories: see {@link eslaver_histories}.
    | {told, eslaver_source:peer()}
    | {continued, Replid :: binary(), From :: eslaver_position:safe()}.

%% @doc What events say, in their order.
-spec of_events([term()]) -> [news()].
of_events(Events) ->
    lists:flatmap(fun event/1, Events).

event({loading, start, _}) ->
    [loading];
event({loading, eof, _}) ->
    [loaded];
event({link, up, #{resync := partial}}) ->
    [up];
event({link, up, #{resync := full}}) ->
    [];
event({link, down, _Why}) ->
    [];
event({mirror, refused, #{command := Command, reason := Reason}}) ->
    [{refused, Command, Reason}];
event({mirror, lost, _}) ->
    [lost];
event({mirror, told, Peer}) ->
    [{told, Peer}];
event({mirror, continued, #{replid := Replid, from := From}}) ->
    [{continued, Replid, From}].
