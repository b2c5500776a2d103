%% @doc A source that a watcher names: the master of a group of Sentinels or of a cluster's shard,
%% or one of its replicas.
%%
%% The watcher ({@link eslaver_source_watcher}) tells of the master and the replicas. What is known
%% is kept while it knows nothing, and across its end.
%% @private
-module(eslaver_source_named).
-behaviour(eslaver_source_kind).

-export([new/3, find/2, handle/3, refused/3, node_at/2, look/3, shown/1, close/1]).
-export_type([named/0]).

%% The pause before a watcher that has failed is replaced, in ms.
-define(REJOIN, 200).

-record(named, {
    %% The kind of watcher, and what it watches.
    watches :: module(),
    group :: eslaver_source_watcher:group(),
    read_from :: eslaver_source_kind:read_from(),
    access :: eslaver_source_chooser:access(),
    %% The watcher, what it tells under, and its monitor.
    watcher :: undefined | pid(),
    ref :: reference(),
    monitor :: undefined | reference(),
    view :: undefined | eslaver_source_watcher:view(),
    %% Whether the server waits for an address.
    asked = false :: boolean(),
    %% The address that the server got last.
    found :: undefined | eslaver_nif:address(),
    %% The decision instead of which the master's own master was found.
    passed_by :: undefined | eslaver_source_watcher:decision(),
    %% A replica is being chosen, instead of this address if there is another.
    chooser ::
        undefined | {eslaver_source_chooser:chooser(), Instead :: eslaver_nif:address() | none}
}).

-opaque named() :: #named{}.

%% @doc Follows a group, for the calling process.
-spec new({module(), eslaver_source_watcher:group()}, eslaver_source_kind:read_from(), Access) ->
    named()
when
    Access :: eslaver_source_chooser:access().
new({Watches, Group}, ReadFrom, Access) ->
    joined(#named{
        watches = Watches,
        group = Group,
        read_from = ReadFrom,
        access = Access,
        ref = erlang:make_ref()
    }).

joined(#named{watches = Watches, group = Group} = Named) ->
    {Watcher, Ref} = Watches:join(Group, decided(Named)),
    Monitor = erlang:monitor(process, Watcher),
    Joined = Named#named{watcher = Watcher, ref = Ref, monitor = Monitor},
    _ = Joined#named.asked andalso ask(Joined),
    Joined.

decided(#named{view = undefined}) -> undefined;
decided(#named{view = #{decided := Decided}}) -> Decided.

%% @doc The address of the master, or of a replica.
-spec find(eslaver_source_kind:need(), named()) ->
    {found, eslaver_nif:address(), named()} | {asked, named()}.
find(Need, #named{read_from = ReadFrom} = Named) ->
    case {decided(Named), ReadFrom} of
        {undefined, _} ->
            ok = ask(Named),
            {asked, Named#named{asked = true}};
        {{Master, _}, master} ->
            ok = hurry(Named),
            {found, Master, found(Master, Named)};
        {_, _} ->
            ok = hurry(Named),
            {asked, choosing(Need, none, Named#named{asked = true})}
    end.

found(Address, Named) ->
    Named#named{found = Address, passed_by = undefined, asked = false}.

ask(#named{watcher = undefined}) -> ok;
ask(#named{watches = Watches, watcher = Watcher, ref = Ref}) -> Watches:ask(Ref, Watcher).

%% The watcher may know more by now.
hurry(#named{watcher = undefined}) -> ok;
hurry(#named{watches = Watches, watcher = Watcher}) -> Watches:hurry(Watcher).

choosing(#{position := Position}, Instead, #named{access = Access} = Named) ->
    #{replicas := Replicas} = Named#named.view,
    Free = stopped(Named),
    Chooser = eslaver_source_chooser:start(Replicas -- [Instead], Position, Access),
    Free#named{chooser = {Chooser, Instead}}.

stopped(#named{chooser = undefined} = Named) ->
    Named;
stopped(#named{chooser = {Chooser, _}} = Named) ->
    ok = eslaver_source_chooser:stop(Chooser),
    Named#named{chooser = undefined}.

%% @doc Reads a message of the server's mailbox.
-spec handle(Message :: term(), eslaver_source_kind:need(), named()) ->
    {eslaver_source_kind:news(), named()}.
handle({eslaver_source, Ref, {view, View}}, Need, #named{ref = Ref} = Named) ->
    viewed(Need, decided(Named), Named#named{view = View});
handle({eslaver_source, Pid, {chosen, Choice}}, _Need, Named) ->
    case Named of
        #named{chooser = {{Pid, _}, Instead}} -> chosen(Choice, Instead, stopped(Named));
        #named{} -> {nothing, Named}
    end;
handle({eslaver_source, Ref, join}, _Need, #named{ref = Ref} = Named) ->
    {nothing, joined(Named)};
handle({'DOWN', Monitor, process, _, _}, _Need, #named{monitor = Monitor} = Named) ->
    Ref = erlang:make_ref(),
    _ = erlang:send_after(?REJOIN, self(), {eslaver_source, Ref, join}),
    {nothing, Named#named{watcher = undefined, ref = Ref, monitor = undefined}};
handle({'DOWN', Monitor, process, _, _}, _Need, Named) ->
    case Named of
        #named{chooser = {{_, Monitor}, Instead}} ->
            chosen({none, <<"no replica could be chosen">>}, Instead, stopped(Named));
        #named{} ->
            {nothing, Named}
    end;
handle(_Message, _Need, Named) ->
    {nothing, Named}.

viewed(_Need, _Before, #named{view = #{decided := undefined, error := undefined}} = Named) ->
    {nothing, Named};
viewed(_Need, _Before, #named{view = #{decided := undefined, error := Error}} = Named) ->
    case Named of
        #named{asked = true} -> none(Error, Named);
        #named{} -> {nothing, Named}
    end;
viewed(
    _Need, _, #named{view = #{decided := {Master, _} = Decided}, read_from = master} = Named
) ->
    case Named of
        #named{asked = true} -> {{found, Master}, found(Master, Named)};
        #named{found = undefined} -> {nothing, Named};
        #named{found = Master} -> {nothing, Named#named{passed_by = undefined}};
        #named{passed_by = Decided} -> {nothing, Named};
        #named{} -> {{moved, Master}, found(Master, Named)}
    end;
viewed(Need, _Before, #named{asked = true, chooser = undefined} = Named) ->
    {nothing, choosing(Need, none, Named)};
viewed(Need, {Former, _}, #named{asked = false, found = Former} = Named) when
    Named#named.chooser =:= undefined
->
    %% the master was followed, for want of a replica
    case decided(Named) of
        {Former, _} -> {nothing, Named};
        _ -> {nothing, choosing(Need, Former, Named)}
    end;
viewed(_Need, _Before, Named) ->
    {nothing, Named}.

none({Reason, Text}, Named) ->
    {{none, Reason, Text}, Named#named{asked = false}}.

%% The server waits for an address, or follows a node that is no good source any more.
chosen({ok, Address}, none, Named) ->
    {{found, Address}, found(Address, Named)};
chosen({ok, Address}, _Instead, Named) ->
    {{moved, Address}, found(Address, Named)};
chosen({none, _}, Instead, #named{read_from = prefer_replica} = Named) ->
    {Master, _} = decided(Named),
    case Instead of
        Master -> {nothing, Named};
        none -> {{found, Master}, found(Master, Named)};
        _ -> {{moved, Master}, found(Master, Named)}
    end;
chosen({none, Text}, none, Named) ->
    none({no_replica, Text}, Named);
chosen({none, _}, _Instead, Named) ->
    {nothing, Named}.

%% @doc A watcher may not know of a failover yet: the master that it names has become a replica, and
%% names its own. That is followed if it may be in the group. Otherwise the watcher has to learn
%% more.
-spec refused(replica | master, eslaver_source_kind:peer(), named()) ->
    {found, eslaver_nif:address(), named()} | {again, named()}.
refused(
    replica, #{master := {Host, Port}}, #named{read_from = master, found = Found} = Named
) ->
    ok = hurry(Named),
    Address = {tcp, Host, Port},
    case {decided(Named), is_in_group(Address, Named)} of
        {{Found, _} = Decided, true} ->
            Next = found(Address, Named),
            {found, Address, Next#named{passed_by = Decided}};
        _ ->
            {again, Named}
    end;
refused(_Reason, _Peer, Named) ->
    ok = hurry(Named),
    {again, Named}.

is_in_group(_Address, #named{view = #{nodes := any}}) -> true;
is_in_group(Address, #named{view = #{nodes := Nodes}}) -> is_map_key(Address, Nodes).

%% @doc The id of the node that is expected at an address, if nodes have ids.
-spec node_at(eslaver_nif:address(), named()) -> binary() | undefined.
node_at(Address, #named{view = #{nodes := #{} = Nodes}}) -> maps:get(Address, Nodes, undefined);
node_at(_Address, _Named) -> undefined.

%% @doc The node that is followed is no good source any more: looks for another one.
-spec look(eslaver_source_kind:need(), Followed :: eslaver_nif:address(), named()) -> named().
look(Need, Followed, #named{asked = false, chooser = undefined} = Named) ->
    choosing(Need, Followed, Named);
look(_Need, _Followed, Named) ->
    Named.

%% @doc The group, for people.
-spec shown(named()) -> binary().
shown(#named{watches = Watches, group = Group}) -> Watches:shown(Group).

%% @doc It is followed no longer.
-spec close(named()) -> ok.
close(#named{watches = Watches, watcher = Watcher, monitor = Monitor, ref = Ref} = Named) ->
    _ = stopped(Named),
    _ = Monitor =:= undefined orelse erlang:demonitor(Monitor, [flush]),
    Watches:leave(Ref, Watcher).
