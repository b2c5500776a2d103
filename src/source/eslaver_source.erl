%% @doc Where a replica finds its master. The server asks before each connect, and follows what the
%% source says without being asked.
%%
%% A source is of one of these kinds:
%%
%% ```
%% fixed      the address of the options, or that of the master which a replica there names
%% sentinel   the master, or a replica, that Sentinels name
%% shard      the master, or a replica, of a cluster's shard
%% '''
%%
%% What processes behind a source tell comes to the server's mailbox; {@link handle/3} reads it.
%% @private
-module(eslaver_source).

-export([new/2, find/2, handle/3, refused/3, met/2, node_at/2, shown/1, close/1]).
-export([is_cut_off/1]).
-export_type([source/0, spec/0, settings/0, read_from/0, need/0, news/0, peer/0]).

-type spec() ::
    {fixed, eslaver_nif:address()}
    | {sentinel, eslaver_sentinel_group:group()}
    | {shard, eslaver_cluster_shard:membership()}.
%% The options that say where the master is.

-type read_from() :: eslaver_source_kind:read_from().
-type need() :: eslaver_source_kind:need().
-type news() :: eslaver_source_kind:news().
-type peer() :: eslaver_source_kind:peer().

-type settings() :: #{
    read_from := read_from(),
    user := binary() | undefined,
    password := eslaver_control:secret(),
    tls := undefined | eslaver_nif:tls(),
    atom() => term()
}.
%% What to follow, and how to get in there.

-record(source, {
    %% The module of the kind ({@link eslaver_source_kind}), and its state.
    kind :: module(),
    state :: term(),
    read_from :: read_from(),
    access :: eslaver_source_chooser:access(),
    %% The address that the server got last.
    address :: undefined | eslaver_nif:address(),
    %% The watch of a replica that is followed, and what it told last.
    watch :: undefined | eslaver_source_watch:watch(),
    watched :: undefined | peer()
}).

-opaque source() :: #source{}.

%% @doc A source for the calling process.
-spec new(spec(), settings()) -> source().
new(Spec, #{read_from := ReadFrom} = Settings) ->
    Access = maps:with([user, password, tls], Settings),
    {Kind, State} =
        case Spec of
            {fixed, Address} -> {eslaver_source_fixed, eslaver_source_fixed:new(Address)};
            {sentinel, Group} -> named({eslaver_sentinels, Group}, ReadFrom, Access);
            {shard, Shard} -> named({eslaver_cluster_shard, Shard}, ReadFrom, Access)
        end,
    #source{kind = Kind, state = State, read_from = ReadFrom, access = Access}.

named(Watched, ReadFrom, Access) ->
    {eslaver_source_named, eslaver_source_named:new(Watched, ReadFrom, Access)}.

%% @doc The address to connect to, or `asked': then {@link handle/3} gives the answer later.
-spec find(need(), source()) -> {found, eslaver_nif:address(), source()} | {asked, source()}.
find(Need, #source{kind = Kind, state = State} = Source) ->
    Free = unwatched(Source),
    case Kind:find(Need, State) of
        {found, Address, Next} -> {found, Address, Free#source{state = Next, address = Address}};
        {asked, Next} -> {asked, Free#source{state = Next}}
    end.

%% @doc Reads a message of the server's mailbox.
-spec handle(Message :: term(), need(), source()) -> {news(), source()}.
handle({eslaver_source, Pid, {polled, Told}}, Need, #source{watch = {Pid, _}} = Source) ->
    polled(Told, Need, Source);
handle({'DOWN', Monitor, process, Pid, _}, _Need, #source{watch = {Pid, Monitor}} = Source) ->
    {nothing, watching(Source#source{watch = undefined})};
handle(Message, Need, #source{kind = Kind, state = State} = Source) ->
    {News, Next} = Kind:handle(Message, Need, State),
    {News, addressed(News, Source#source{state = Next})}.

addressed({found, Address}, Source) -> Source#source{address = Address};
addressed({moved, Address}, Source) -> unwatched(Source#source{address = Address});
addressed(_News, Source) -> Source.

polled(Told, Need, #source{watched = Before} = Source) ->
    Next = look(Told, Need, Source#source{watched = Told}),
    case Told of
        Before -> {nothing, Next};
        _ -> {{watched, Told}, Next}
    end.

look(#{role := replica, master_link := up}, _Need, Source) ->
    Source;
look(#{role := master}, _Need, #source{read_from = prefer_replica} = Source) ->
    Source;
look(_Told, Need, #source{kind = Kind, state = State, address = Address} = Source) ->
    Source#source{state = Kind:look(Need, Address, State)}.

%% @doc The node at the address found is not what is wanted: a replica, or a master. Either there is
%% another address to try at once, or the source has to be asked again after a pause.
-spec refused(Reason :: replica | master, peer(), source()) ->
    {found, eslaver_nif:address(), source()} | {again, source()}.
refused(Reason, Peer, #source{kind = Kind, state = State} = Source) ->
    case Kind:refused(Reason, Peer, State) of
        {found, Address, Next} -> {found, Address, Source#source{state = Next, address = Address}};
        {again, Next} -> {again, Source#source{state = Next}}
    end.

%% @doc This node is what is wanted, and is followed from now on until {@link find/2} is called. A
%% replica is watched, as it says nothing of the link to its own master by itself.
-spec met(peer(), source()) -> source().
met(#{role := replica}, #source{read_from = ReadFrom} = Source) when ReadFrom =/= master ->
    watching(unwatched(Source));
met(_Peer, Source) ->
    unwatched(Source).

watching(#source{address = Address, access = Access} = Source) ->
    Source#source{watch = eslaver_source_watch:start(Address, Access)}.

unwatched(#source{watch = undefined} = Source) ->
    Source;
unwatched(#source{watch = Watch} = Source) ->
    ok = eslaver_source_watch:stop(Watch),
    Source#source{watch = undefined, watched = undefined}.

%% @doc Whether a node is a replica without its own master, so that it may lack what that has.
-spec is_cut_off(peer()) -> boolean().
is_cut_off(#{role := replica, master_link := Link}) -> Link =/= up;
is_cut_off(_Peer) -> false.

%% @doc The id of the node that is expected at an address, if nodes have ids.
-spec node_at(eslaver_nif:address(), source()) -> binary() | undefined.
node_at(Address, #source{kind = Kind, state = State}) -> Kind:node_at(Address, State).

%% @doc The source for people, before there is a link.
-spec shown(source()) -> binary().
shown(#source{kind = Kind, state = State}) -> Kind:shown(State).

%% @doc The server needs it no more.
-spec close(source()) -> ok.
close(#source{kind = Kind, state = State} = Source) ->
    _ = unwatched(Source),
    Kind:close(State).
