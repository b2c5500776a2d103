%% @doc What every kind of source does for {@link eslaver_source}, each for the process that made
%% it.
%% @private
-module(eslaver_source_kind).

-export_type([read_from/0, need/0, news/0, peer/0]).

-type read_from() :: master | replica | prefer_replica.
%% What to follow.

-type need() :: #{position := eslaver_position:safe() | undefined}.
%% What the node has to have: it should not be behind this position.

-type peer() :: #{
    role => master | replica | unknown,
    %% Of a replica: its own master, and the link to that.
    master => undefined | {Host :: binary(), inet:port_number()},
    master_link => undefined | up | down,
    atom() => term()
}.
%% What a node has told of itself.

-type news() ::
    %% The answer to {@link eslaver_source:find/2}.
    {found, eslaver_nif:address()}
    | {none, Reason :: atom(), Text :: binary()}
    %% Unasked: the master is elsewhere.
    | {moved, eslaver_nif:address()}
    %% Of the node that is followed, what has changed: its role, or the link to its own master.
    | {watched, peer()}
    %% Nothing for the server.
    | nothing.

%% The address to connect to, or `asked': then a message brings it.
-callback find(need(), State) -> {found, eslaver_nif:address(), State} | {asked, State}.

%% A message of the process' mailbox, perhaps one for another.
-callback handle(Message :: term(), need(), State) -> {news(), State}.

%% The node found is not what is wanted. There may be another to try at once.
-callback refused(replica | master, peer(), State) ->
    {found, eslaver_nif:address(), State} | {again, State}.

%% The id of the node that is expected at an address, if nodes have ids.
-callback node_at(eslaver_nif:address(), State :: term()) -> binary() | undefined.

%% The replica that is followed has lost its own master: if there is another node, `handle' is to
%% say so.
-callback look(need(), Followed :: eslaver_nif:address(), State) -> State.

%% The source for people, before there is a link.
-callback shown(State :: term()) -> binary().

%% It is needed no more.
-callback close(State :: term()) -> ok.
