%% @doc Where a replica finds its master. The server asks before each connect, and follows what the
%% source says without being asked.
%%
%% A source is of one of these kinds:
%%
%% ```
%% fixed      the address of the options, or that of the master which a replica there names
%% '''
%%
%% What processes behind a source tell comes to the server's mailbox; {@link handle/2} reads it.
%% @private
-module(eslaver_source).

-export([new/1, find/2, handle/2, refused/3, met/2, shown/1, close/1]).
-export([is_cut_off/1]).
-export_type([source/0, spec/0, need/0, news/0, peer/0]).

-type spec() :: {fixed, eslaver_nif:address()}.
%% The options that say where the master is.

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
    %% The answer to {@link find/2}.
    {found, eslaver_nif:address()}
    | {none, Text :: binary()}
    %% Unasked: the master is elsewhere.
    | {moved, eslaver_nif:address()}
    %% Of the node that is followed, what has changed: its role, or the link to its own master.
    | {watched, peer()}
    %% Nothing for the server.
    | nothing.

-opaque source() :: {fixed, eslaver_source_fixed:fixed()}.

%% @doc A source for the calling process.
-spec new(spec()) -> source().
new({fixed, Address}) -> {fixed, eslaver_source_fixed:new(Address)}.

%% @doc The address to connect to, or `asked': then {@link handle/2} gives the answer later.
-spec find(need(), source()) -> {found, eslaver_nif:address(), source()} | {asked, source()}.
find(_Need, {fixed, Fixed}) ->
    {Address, Next} = eslaver_source_fixed:find(Fixed),
    {found, Address, {fixed, Next}}.

%% @doc Reads a message of the server's mailbox.
-spec handle(Message :: term(), source()) -> {news(), source()}.
handle(_Message, {fixed, _} = Source) ->
    {nothing, Source}.

%% @doc The node at the address found is not what is wanted: a replica, or a master. Either there is
%% another address to try at once, or the source has to be asked again after a pause.
-spec refused(Reason :: replica | master, peer(), source()) ->
    {found, eslaver_nif:address(), source()} | {again, source()}.
refused(Reason, Peer, {fixed, Fixed}) ->
    case eslaver_source_fixed:refused(Reason, Peer, Fixed) of
        {found, Address, Next} -> {found, Address, {fixed, Next}};
        {again, Next} -> {again, {fixed, Next}}
    end.

%% @doc This node is what is wanted, and is followed from now on until {@link find/2} is called. A
%% replica is watched, as it says nothing of the link to its own master by itself.
-spec met(peer(), source()) -> source().
met(_Peer, Source) -> Source.

%% @doc Whether a node is a replica without its own master, so that it may lack what that has.
-spec is_cut_off(peer()) -> boolean().
is_cut_off(#{role := replica, master_link := Link}) -> Link =/= up;
is_cut_off(_Peer) -> false.

%% @doc The source for people, before there is a link.
-spec shown(source()) -> binary().
shown({fixed, Fixed}) -> eslaver_source_fixed:shown(Fixed).

%% @doc The server needs it no more.
-spec close(source()) -> ok.
close({fixed, _}) -> ok.
