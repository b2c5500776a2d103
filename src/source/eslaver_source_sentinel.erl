%% @doc A source that Sentinels name: the master of a group, or one of its replicas.
%%
%% The watcher of the group ({@link eslaver_sentinel_group}) tells of the master and the replicas.
%% What is known is kept while no Sentinel is in reach, and across the end of a watcher.
%% @private
-module(eslaver_source_sentinel).
-behaviour(eslaver_source_kind).

-export([new/3, find/2, handle/3, refused/3, look/3, shown/1, close/1]).
-export_type([sentinel/0]).

%% The pause before a watcher that has failed is replaced, in ms.
-define(REJOIN, 200).

-record(sentinel, {
    group :: eslaver_sentinel_group:group(),
    read_from :: eslaver_source_kind:read_from(),
    access :: eslaver_source_chooser:access(),
    %% The watcher, what it tells under, and its monitor.
    watcher :: undefined | pid(),
    ref :: reference(),
    monitor :: undefined | reference(),
    view :: undefined | eslaver_sentinel_group:view(),
    %% Whether the server waits for an address.
    asked = false :: boolean(),
    %% The address that the server got last.
    found :: undefined | eslaver_nif:address(),
    %% The decision instead of which the master's own master was found.
    passed_by :: undefined | eslaver_sentinel_vote:opinion(),
    %% A replica is being chosen, instead of this address if there is another.
    chooser ::
        undefined | {eslaver_source_chooser:chooser(), Instead :: eslaver_nif:address() | none}
}).

-opaque sentinel() :: #sentinel{}.

%% @doc Follows a group, for the calling process.
-spec new(eslaver_sentinel_group:group(), eslaver_source_kind:read_from(), Access) ->
    sentinel()
when
    Access :: eslaver_source_chooser:access().
new(Group, ReadFrom, Access) ->
    joined(#sentinel{
        group = Group, read_from = ReadFrom, access = Access, ref = erlang:make_ref()
    }).

joined(#sentinel{group = Group} = Sentinel) ->
    {Watcher, Ref} = eslaver_sentinels:join(Group, decided(Sentinel)),
    Monitor = erlang:monitor(process, Watcher),
    Joined = Sentinel#sentinel{watcher = Watcher, ref = Ref, monitor = Monitor},
    _ = Joined#sentinel.asked andalso ask(Joined),
    Joined.

decided(#sentinel{view = undefined}) -> undefined;
decided(#sentinel{view = #{decided := Decided}}) -> Decided.

%% @doc The address of the master, or of a replica.
-spec find(eslaver_source_kind:need(), sentinel()) ->
    {found, eslaver_nif:address(), sentinel()} | {asked, sentinel()}.
find(Need, #sentinel{read_from = ReadFrom} = Sentinel) ->
    case {decided(Sentinel), ReadFrom} of
        {undefined, _} ->
            ok = ask(Sentinel),
            {asked, Sentinel#sentinel{asked = true}};
        {{Master, _}, master} ->
            ok = hurry(Sentinel),
            {found, Master, found(Master, Sentinel)};
        {_, _} ->
            ok = hurry(Sentinel),
            {asked, choosing(Need, none, Sentinel#sentinel{asked = true})}
    end.

found(Address, Sentinel) ->
    Sentinel#sentinel{found = Address, passed_by = undefined, asked = false}.

ask(#sentinel{watcher = undefined}) -> ok;
ask(#sentinel{watcher = Watcher, ref = Ref}) -> eslaver_sentinel_group:ask(Ref, Watcher).

%% The Sentinels may know more by now.
hurry(#sentinel{watcher = undefined}) -> ok;
hurry(#sentinel{watcher = Watcher}) -> eslaver_sentinel_group:hurry(Watcher).

choosing(#{position := Position}, Instead, #sentinel{access = Access} = Sentinel) ->
    #{replicas := Replicas} = Sentinel#sentinel.view,
    Free = stopped(Sentinel),
    Chooser = eslaver_source_chooser:start(Replicas -- [Instead], Position, Access),
    Free#sentinel{chooser = {Chooser, Instead}}.

stopped(#sentinel{chooser = undefined} = Sentinel) ->
    Sentinel;
stopped(#sentinel{chooser = {Chooser, _}} = Sentinel) ->
    ok = eslaver_source_chooser:stop(Chooser),
    Sentinel#sentinel{chooser = undefined}.

%% @doc Reads a message of the server's mailbox.
-spec handle(Message :: term(), eslaver_source_kind:need(), sentinel()) ->
    {eslaver_source_kind:news(), sentinel()}.
handle({eslaver_source, Ref, {view, View}}, Need, #sentinel{ref = Ref} = Sentinel) ->
    viewed(Need, decided(Sentinel), Sentinel#sentinel{view = View});
handle({eslaver_source, Pid, {chosen, Choice}}, _Need, Sentinel) ->
    case Sentinel of
        #sentinel{chooser = {{Pid, _}, Instead}} -> chosen(Choice, Instead, stopped(Sentinel));
        #sentinel{} -> {nothing, Sentinel}
    end;
handle({eslaver_source, Ref, join}, _Need, #sentinel{ref = Ref} = Sentinel) ->
    {nothing, joined(Sentinel)};
handle({'DOWN', Monitor, process, _, _}, _Need, #sentinel{monitor = Monitor} = Sentinel) ->
    Ref = erlang:make_ref(),
    _ = erlang:send_after(?REJOIN, self(), {eslaver_source, Ref, join}),
    {nothing, Sentinel#sentinel{watcher = undefined, ref = Ref, monitor = undefined}};
handle({'DOWN', Monitor, process, _, _}, _Need, Sentinel) ->
    case Sentinel of
        #sentinel{chooser = {{_, Monitor}, Instead}} ->
            chosen({none, <<"no replica could be chosen">>}, Instead, stopped(Sentinel));
        #sentinel{} ->
            {nothing, Sentinel}
    end;
handle(_Message, _Need, Sentinel) ->
    {nothing, Sentinel}.

viewed(_Need, _Before, #sentinel{view = #{decided := undefined, error := undefined}} = Sentinel) ->
    {nothing, Sentinel};
viewed(_Need, _Before, #sentinel{view = #{decided := undefined, error := Error}} = Sentinel) ->
    case Sentinel of
        #sentinel{asked = true} -> none(Error, Sentinel);
        #sentinel{} -> {nothing, Sentinel}
    end;
viewed(
    _Need, _, #sentinel{view = #{decided := {Master, _} = Decided}, read_from = master} = Sentinel
) ->
    case Sentinel of
        #sentinel{asked = true} -> {{found, Master}, found(Master, Sentinel)};
        #sentinel{found = undefined} -> {nothing, Sentinel};
        #sentinel{found = Master} -> {nothing, Sentinel};
        #sentinel{passed_by = Decided} -> {nothing, Sentinel};
        #sentinel{} -> {{moved, Master}, found(Master, Sentinel)}
    end;
viewed(Need, _Before, #sentinel{asked = true, chooser = undefined} = Sentinel) ->
    {nothing, choosing(Need, none, Sentinel)};
viewed(Need, {Former, _}, #sentinel{asked = false, found = Former} = Sentinel) when
    Sentinel#sentinel.chooser =:= undefined
->
    %% the master was followed, for want of a replica
    case decided(Sentinel) of
        {Former, _} -> {nothing, Sentinel};
        _ -> {nothing, choosing(Need, Former, Sentinel)}
    end;
viewed(_Need, _Before, Sentinel) ->
    {nothing, Sentinel}.

none({Reason, Text}, Sentinel) ->
    {{none, Reason, Text}, Sentinel#sentinel{asked = false}}.

%% The server waits for an address, or follows a node that is no good source any more.
chosen({ok, Address}, none, Sentinel) ->
    {{found, Address}, found(Address, Sentinel)};
chosen({ok, Address}, _Instead, Sentinel) ->
    {{moved, Address}, found(Address, Sentinel)};
chosen({none, _}, Instead, #sentinel{read_from = prefer_replica} = Sentinel) ->
    {Master, _} = decided(Sentinel),
    case Instead of
        Master -> {nothing, Sentinel};
        none -> {{found, Master}, found(Master, Sentinel)};
        _ -> {{moved, Master}, found(Master, Sentinel)}
    end;
chosen({none, Text}, none, Sentinel) ->
    none({no_replica, Text}, Sentinel);
chosen({none, _}, _Instead, Sentinel) ->
    {nothing, Sentinel}.

%% @doc Sentinels do not know of `FAILOVER' and `REPLICAOF' at first: the master that they name has
%% become a replica, and names its own. Otherwise they have to learn more.
-spec refused(replica | master, eslaver_source_kind:peer(), sentinel()) ->
    {found, eslaver_nif:address(), sentinel()} | {again, sentinel()}.
refused(
    replica, #{master := {Host, Port}}, #sentinel{read_from = master, found = Found} = Sentinel
) ->
    ok = hurry(Sentinel),
    case decided(Sentinel) of
        {Found, _} = Decided ->
            Address = {tcp, Host, Port},
            Next = found(Address, Sentinel),
            {found, Address, Next#sentinel{passed_by = Decided}};
        _ ->
            {again, Sentinel}
    end;
refused(_Reason, _Peer, Sentinel) ->
    ok = hurry(Sentinel),
    {again, Sentinel}.

%% @doc The node that is followed is no good source any more: looks for another one.
-spec look(eslaver_source_kind:need(), Followed :: eslaver_nif:address(), sentinel()) -> sentinel().
look(Need, Followed, #sentinel{asked = false, chooser = undefined} = Sentinel) ->
    choosing(Need, Followed, Sentinel);
look(_Need, _Followed, Sentinel) ->
    Sentinel.

%% @doc The group, for people.
-spec shown(sentinel()) -> binary().
shown(#sentinel{group = Group}) -> eslaver_sentinel_group:shown(Group).

%% @doc It is followed no longer.
-spec close(sentinel()) -> ok.
close(#sentinel{monitor = Monitor, ref = Ref} = Sentinel) ->
    _ = stopped(Sentinel),
    _ = Monitor =:= undefined orelse erlang:demonitor(Monitor, [flush]),
    eslaver_sentinels:leave(Ref).
