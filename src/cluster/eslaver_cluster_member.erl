%% @doc A shard as {@link eslaver_cluster} knows it: its nodes, what its master has told of itself,
%% and the processes that ask and follow it.
%% @private
-module(eslaver_cluster_member).

-export([new/3, changed/3, with_asker/2, checked/2, told/4, choice/2, started/3, running/2]).
-export([leaving/1, stopping/2, why_stopping/1, unfollowed/1, finish/2, stop/1, ask/2, inject/2]).
-export([child/1, of_child/2, number/1, number/2, id/2, process/1, context/1, view/1, shown/1]).
-export([is_known/1, is_new/1, is_followed/1, is_leaving/1, is_complete/2, is_unclear/3]).
-export([followed_slots/1, of_asker/2, of_number/2, id_of/2, processes/1, process_of/2]).
-export_type([member/0, shown/0]).

-record(member, {
    %% The ids and the addresses of its nodes, which can be reached from here.
    master :: {eslaver_cluster_nodes:id(), eslaver_nif:address()},
    replicas :: [{eslaver_cluster_nodes:id(), eslaver_nif:address()}],
    epoch :: non_neg_integer(),
    slots :: eslaver_cluster_nodes:ranges(),
    asker :: pid(),
    %% What it is called here: unknown before its master has answered.
    id :: undefined | binary(),
    replids = [] :: [binary()],
    state = asked :: asked | unwanted | followed | leaving | {stopping, gone | unfollowed},
    number :: undefined | eslaver_nif:shard(),
    %% Its process, as the supervisor knows it.
    child :: undefined | eslaver_cluster_sup:shard(),
    process :: undefined | pid()
}).

-opaque member() :: #member{}.

-type name() :: eslaver_cluster_topology:name().
-type reach() :: fun((eslaver_nif:address()) -> eslaver_nif:address()).

%% @doc A shard that has been seen for the first time.
-spec new(eslaver_cluster_topology:shard(), reach(), eslaver_source_chooser:access()) -> member().
new(#{master := Master, replicas := Replicas}, Reach, Access) ->
    #{epoch := Epoch, slots := Slots} = Master,
    {_, Address} = Known = node_of(Master, Reach),
    {ok, Asker} = eslaver_cluster_asker:start_link(Address, Access),
    #member{
        master = Known,
        replicas = [node_of(Replica, Reach) || Replica <- Replicas],
        epoch = Epoch,
        slots = Slots,
        asker = Asker
    }.

node_of(#{id := Id, address := Address}, Reach) -> {Id, Reach(Address)}.

%% @doc The shard, as it has been seen last.
-spec changed(eslaver_cluster_topology:shard(), reach(), member()) -> member().
changed(#{master := Master, replicas := Replicas}, Reach, #member{asker = Asker} = Member) ->
    #{epoch := Epoch, slots := Slots} = Master,
    {_, Address} = Known = node_of(Master, Reach),
    ok = eslaver_cluster_asker:aim(Address, Asker),
    Returned =
        case Member of
            #member{state = leaving} -> Member#member{state = followed};
            #member{} -> Member
        end,
    Returned#member{
        master = Known,
        replicas = [node_of(Replica, Reach) || Replica <- Replicas],
        epoch = Epoch,
        slots = Slots
    }.

%% @doc The process that asks has failed: another takes its place.
-spec with_asker(eslaver_source_chooser:access(), member()) -> member().
with_asker(Access, #member{master = {_, Address}} = Member) ->
    {ok, Asker} = eslaver_cluster_asker:start_link(Address, Access),
    Member#member{asker = Asker}.

%% @doc The answer, if it comes from its master or one of its replicas: the address may be another
%% node's by now.
-spec checked(eslaver_cluster_asker:answer(), member()) -> eslaver_cluster_asker:answer().
checked({ok, #{self := #{id := Id}}} = Answer, #member{master = Master, replicas = Replicas}) ->
    case lists:keymember(Id, 1, [Master | Replicas]) of
        true -> Answer;
        false -> {error, {other_node, <<"another node has its address">>}}
    end;
checked({error, _} = Error, _Member) ->
    Error.

%% @doc Its master has answered, or not. A shard whose master is a replica by now does not become
%% known.
-spec told(eslaver_cluster_asker:answer(), name(), #{name() => member()}, member()) -> member().
told({ok, #{replids := Replids, self := #{role := Role}} = Told}, Name, Members, Member) ->
    Known = Member#member{replids = Replids},
    case Member of
        #member{id = undefined} when Role =:= master ->
            Known#member{id = new_id(Told, Name, Members)};
        #member{} ->
            Known
    end;
told({error, _}, _Name, _Members, Member) ->
    Member.

%% A master and the replica that has replaced it may both have slots, and tell the same shard id.
new_id(#{shard_id := ShardId, self := #{id := Node}}, Name, Members) ->
    Others = maps:values(maps:remove(Name, Members)),
    free_id([Id || Id <- [ShardId, Node, Name], Id =/= undefined], Others).

%% The id of a shard that is leaving is free, and so is its position, when its process has ended.
free_id([Id | More], Others) ->
    case [Other || #member{id = Of} = Other <- Others, Of =:= Id] of
        [] ->
            Id;
        Same ->
            case lists:any(fun is_leaving/1, Same) of
                true -> undefined;
                false -> free_id(More, Others)
            end
    end;
free_id([], _Others) ->
    undefined.

%% @doc What is to become of a shard whose id is known.
-spec choice(all | fun((eslaver_cluster_shard:shard()) -> boolean()), member()) ->
    start | stop | leave_out | stay.
choice(_Wanted, #member{state = leaving}) ->
    stay;
choice(_Wanted, #member{state = {stopping, _}}) ->
    stay;
choice(Wanted, #member{state = State} = Member) ->
    case {State, is_wanted(Wanted, Member)} of
        {followed, false} -> stop;
        {asked, false} -> leave_out;
        {Other, true} when Other =/= followed -> start;
        _ -> stay
    end.

is_wanted(all, _Member) -> true;
is_wanted(Wanted, #member{id = Id, state = State} = Member) ->
    try
        Wanted(shard(Member)) =:= true
    catch
        Class:Reason:Stack ->
            {Described, _} = eslaver_failure:describe(Reason, Stack),
            ok = eslaver_log:report(warning, shards_failed, #{
                replica => Id, class => Class, reason => Described
            }),
            %% what was decided before stays
            State =:= followed
    end.

shard(#member{id = Id, slots = Slots, master = {_, Master}, replicas = Replicas}) ->
    #{
        id => Id,
        slots => Slots,
        master => Master,
        replicas => [Address || {_, Address} <- Replicas]
    }.

%% @doc Its process is being started, under this number.
-spec started(eslaver_nif:shard(), eslaver_cluster_sup:shard(), member()) -> member().
started(Number, Child, Member) ->
    Member#member{state = followed, number = Number, child = Child}.

%% @doc Its process runs.
-spec running(pid(), member()) -> member().
running(Process, Member) -> Member#member{process = Process}.

%% @doc The cluster does not have it any more.
-spec leaving(member()) -> member().
leaving(Member) -> Member#member{state = leaving}.

%% @doc Its process is being stopped.
-spec stopping(gone | unfollowed, member()) -> member().
stopping(Why, Member) -> Member#member{state = {stopping, Why}}.

%% @doc Why its process is being stopped, if it is.
-spec why_stopping(member()) -> gone | unfollowed | undefined.
why_stopping(#member{state = {stopping, Why}}) -> Why;
why_stopping(#member{}) -> undefined.

%% @doc It is not wanted here.
-spec unfollowed(member()) -> member().
unfollowed(Member) ->
    Member#member{
        state = unwanted, number = undefined, child = undefined, process = undefined
    }.

%% @doc Tells the callback of this shard's process that no more comes, before that is stopped.
-spec finish(Id :: binary(), Process :: pid()) -> ok.
finish(Id, Process) ->
    ok = eslaver_server:inject(Process, {shard, gone, #{shard => Id}}),
    %% when it answers this, it has handled what came before, unless it is held up
    try gen_server:call(Process, position, 1000) of
        _ -> ok
    catch
        exit:_ -> ok
    end.

%% @doc Ends the process that asks.
-spec stop(member()) -> ok.
stop(#member{asker = Asker}) -> eslaver_cluster_asker:stop(Asker).

%% @doc Asks its master.
-spec ask(pos_integer(), member()) -> ok.
ask(Number, #member{asker = Asker}) -> eslaver_cluster_asker:ask(Number, Asker).

%% @doc Gives its callback an event.
-spec inject(tuple(), member()) -> ok.
inject(_Event, #member{process = undefined}) -> ok;
inject(Event, #member{process = Process}) -> eslaver_server:inject(Process, Event).

%% @doc Its process, as the supervisor knows it.
-spec child(member()) -> eslaver_cluster_sup:shard() | undefined.
child(#member{child = Child}) -> Child.

%% @doc The member whose process this is, unless it has another one by now.
-spec of_child(eslaver_cluster_sup:shard(), #{name() => member()}) -> {ok, name()} | error.
of_child({Name, _} = Child, Members) ->
    case Members of
        #{Name := #member{child = Child}} -> {ok, Name};
        #{} -> error
    end.

%% @doc Its number in the native cluster.
-spec number(member()) -> eslaver_nif:shard() | undefined.
number(#member{number = Number}) -> Number.

%% @doc The number of the member of this name, if there is one.
-spec number(name(), #{name() => member()}) -> eslaver_nif:shard() | undefined.
number(Name, Members) ->
    case Members of
        #{Name := Member} -> number(Member);
        #{} -> undefined
    end.

%% @doc The id of the shard of this name; its name, if it is no member.
-spec id(name(), #{name() => member()}) -> binary() | undefined.
id(Name, Members) ->
    case Members of
        #{Name := #member{id = Id}} -> Id;
        #{} -> Name
    end.

%% @doc The process that follows it.
-spec process(member()) -> pid() | undefined.
process(#member{process = Process}) -> Process.

%% @doc What its process has to know of it.
-spec context(member()) -> map().
context(#member{id = Id, slots = Slots, master = {_, Master}, replids = Replids}) ->
    #{id => Id, slots => Slots, master => Master, replids => Replids}.

-type shown() :: #{
    id := binary(),
    number := eslaver_nif:shard() | undefined,
    epoch := non_neg_integer(),
    master := eslaver_nif:address(),
    process := pid() | undefined
}.
%% What is shown of a shard that is followed.

%% @doc The shards that are followed, for `info'.
-spec shown(#{name() => member()}) -> [shown()].
shown(Members) ->
    [
        #{id => Id, number => Number, epoch => Epoch, master => Master, process => Process}
     || #member{id = Id, number = Number, epoch = Epoch, master = {_, Master}, process = Process} =
            Member <- maps:values(Members),
        is_followed(Member)
    ].

%% @doc What replicas that have joined it are told.
-spec view(member()) -> eslaver_source_watcher:view().
view(#member{master = {Id, Master}, epoch = Epoch, replicas = Replicas}) ->
    #{
        decided => {Master, {Id, Epoch}},
        replicas => [Address || {_, Address} <- Replicas],
        nodes => maps:from_list([{Address, Node} || {Node, Address} <- [{Id, Master} | Replicas]]),
        error => undefined
    }.

%% @doc Whether its master has answered.
-spec is_known(member()) -> boolean().
is_known(#member{id = Id}) -> Id =/= undefined.

%% @doc Whether its id is known, but it has not been chosen or left out yet.
-spec is_new(member()) -> boolean().
is_new(#member{id = Id, state = State}) -> Id =/= undefined andalso State =:= asked.

%% @doc Whether it is followed.
-spec is_followed(member()) -> boolean().
is_followed(#member{state = {stopping, _}}) -> true;
is_followed(#member{state = State}) -> State =:= followed orelse State =:= leaving.

%% @doc Whether it is followed no longer once it has come to its end.
-spec is_leaving(member()) -> boolean().
is_leaving(#member{state = {stopping, _}}) -> true;
is_leaving(#member{state = State}) -> State =:= leaving.

%% @doc Whether the decision to follow it has been made, and routes lead to it if it has slots.
-spec is_complete(member(), eslaver_nif:cluster()) -> boolean().
is_complete(#member{state = asked, slots = Slots}, _Native) ->
    Slots =:= [];
is_complete(#member{state = followed, number = Number, slots = [_ | _]}, Native) ->
    case eslaver_nif:cluster_info(Native) of
        #{shards := #{Number := #{slots := [_ | _]}}} -> true;
        #{} -> false
    end;
is_complete(_Member, _Native) ->
    true.

%% @doc Whether its master must be asked without a cause in a view or a stream: its id is not known
%% yet, routes do not give it the slots that others say it has, or a move that concerns it may have
%% been given up.
-spec is_unclear(member(), Routed, Moving :: eslaver_cluster_nodes:ranges()) -> boolean() when
    Routed :: #{eslaver_nif:shard() => map()}.
is_unclear(#member{id = undefined}, _Routed, _Moving) ->
    true;
is_unclear(#member{number = Number, state = State, slots = Seen}, Routed, Moving) ->
    case Routed of
        #{Number := #{slots := Slots, importing := Importing}} ->
            Importing =/= [] orelse eslaver_cluster_slots:overlap(Slots, Moving) orelse
                (State =:= followed andalso lists:sort(Seen) =/= lists:sort(Slots));
        #{} ->
            false
    end.

%% @doc The slots of all shards that are followed.
-spec followed_slots(#{name() => member()}) -> eslaver_cluster_nodes:ranges().
followed_slots(Members) ->
    Followed = [Slots || #member{slots = Slots} = One <- maps:values(Members), is_followed(One)],
    eslaver_cluster_slots:union(lists:append(Followed)).

%% @doc The shard that this process asks for.
-spec of_asker(pid(), #{name() => member()}) -> {ok, name()} | error.
of_asker(Asker, Members) ->
    find(fun(#member{asker = One}) -> One =:= Asker end, Members).

%% @doc The shard that has this number.
-spec of_number(eslaver_nif:shard() | undefined, #{name() => member()}) -> {ok, name()} | error.
of_number(undefined, _Members) ->
    error;
of_number(Number, Members) ->
    find(fun(#member{number = One}) -> One =:= Number end, Members).

find(Is, Members) ->
    case [Name || {Name, Member} <- maps:to_list(Members), Is(Member)] of
        [Name | _] -> {ok, Name};
        [] -> error
    end.

%% @doc The id of the shard that has this number.
-spec id_of(eslaver_nif:shard() | undefined, #{name() => member()}) -> binary() | undefined.
id_of(Number, Members) ->
    case of_number(Number, Members) of
        {ok, Name} -> (maps:get(Name, Members))#member.id;
        error -> undefined
    end.

%% @doc The process that follows the shard of this id.
-spec process_of(binary(), #{name() => member()}) -> {ok, pid()} | {error, no_shard}.
process_of(Id, Members) ->
    Followed = maps:values(Members),
    case [Process || #member{id = Own, process = Process} <- Followed, Own =:= Id] of
        [Process] when is_pid(Process) -> {ok, Process};
        _ -> {error, no_shard}
    end.

%% @doc All processes that follow a shard.
-spec processes(#{name() => member()}) -> [pid()].
processes(Members) ->
    [Process || #member{process = Process} <- maps:values(Members), is_pid(Process)].
