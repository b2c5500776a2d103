%% @doc A cluster, as one replica or one mirror. It follows every shard, routes slots to shards, and
%% answers calls for all of them.
%%
%% Each shard is followed by a process of its own, an {@link eslaver_server} or an {@link
%% eslaver_mirror_server}; {@link eslaver_cluster_sup} has the tree. Which nodes make up a shard is
%% known by {@link eslaver_cluster_topology}; who is asked what, and when deletions may pass, by
%% {@link eslaver_cluster_rounds}. Here both meet the native cluster, which has the routes.
%% @private
-module(eslaver_cluster).
-behaviour(gen_server).

-export([start_link/1, refresh/1]).
-export([init/1, handle_call/3, handle_cast/2, handle_info/2, terminate/2, code_change/3]).
-export([format_status/1]).
-export_type([config/0, context/0]).

-type name() :: eslaver_cluster_topology:name().

-type context() :: #{
    id := binary(),
    slots := eslaver_cluster_nodes:ranges(),
    master := eslaver_nif:address(),
    cluster := eslaver_nif:cluster(),
    number := eslaver_nif:shard(),
    membership := eslaver_cluster_shard:membership(),
    %% The history of the master, and the one before.
    replids := [binary()],
    subscriptions := eslaver_subscriptions:subscriptions()
}.
%% What the process of a shard is started with.

-type config() :: #{
    name := eslaver_name:name(),
    %% Under which name readers find it, if it is a mirror.
    mirror := atom() | undefined,
    %% What these get for what is missing.
    missing := undefined | nil,
    seeds := [eslaver_nif:address(), ...],
    addresses := fun((eslaver_nif:address()) -> eslaver_nif:address()),
    shards := all | fun((eslaver_cluster_shard:shard()) -> boolean()),
    migration_wait := pos_integer(),
    access := eslaver_source_chooser:access(),
    telemetry := eslaver_gauge:options(),
    %% Starts the process of a shard.
    start := fun((context()) -> {ok, pid()} | {error, term()})
}.

-record(state, {
    config :: config(),
    native :: eslaver_nif:cluster(),
    supervisor :: pid(),
    topology = eslaver_cluster_topology:new() :: eslaver_cluster_topology:topology(),
    members = #{} :: #{name() => eslaver_cluster_member:member()},
    rounds = eslaver_cluster_rounds:new() :: eslaver_cluster_rounds:rounds(),
    calls = eslaver_cluster_calls:new() :: eslaver_cluster_calls:calls(),
    subscriptions = eslaver_subscriptions:new() :: eslaver_subscriptions:subscriptions(),
    views = eslaver_cluster_views:new() :: eslaver_cluster_views:views(),
    holds = eslaver_mirror_holds:new() :: eslaver_mirror_holds:holds(),
    board = eslaver_board:new(eslaver_cluster_info) :: eslaver_board:board(),
    %% What the processes of shards are started with, by the shards' names.
    contexts = ets:new(?MODULE, [protected]) :: ets:table(),
    %% Why no node could be asked last, and what was logged of that last.
    error :: undefined | eslaver_control:error(),
    warned :: undefined | eslaver_control:error()
}).

%% The pause before a process that asks and has failed is replaced, in ms.
-define(PAUSE, 1000).
%% How often it is looked whether slots have left a shard that is gone, in ms, and how many times.
-define(LEAVING, 50).
-define(MOST_LEAVING, 200).

%% @doc Starts to follow a cluster, registered under its name.
-spec start_link(config()) -> gen_server:start_ret().
start_link(Config) ->
    case eslaver_nif:check() of
        ok -> linked(Config);
        {error, _} = Error -> Error
    end.

linked(#{name := undefined} = Config) ->
    gen_server:start_link(?MODULE, Config, []);
linked(#{name := Name} = Config) ->
    gen_server:start_link(Name, ?MODULE, Config, []).

%% @doc Looks at the nodes at once, and asks anew which shards to follow.
-spec refresh(eslaver_name:replica()) -> ok | {error, no_cluster}.
refresh(Cluster) ->
    gen_server:call(Cluster, refresh, infinity).

%% gen_server

%% @private
-spec init(config()) -> {ok, #state{}}.
init(#{seeds := Seeds, access := Access, mirror := Mirror, missing := Missing} = Config) ->
    _ = process_flag(trap_exit, true),
    Native = eslaver_nif:cluster_new(Mirror, Missing),
    {ok, Supervisor} = eslaver_cluster_sup:start_link([self(), Seeds, Access]),
    #{name := Name, telemetry := Telemetry} = Config,
    ok = eslaver_registry:add(cluster, eslaver_name:replica(Name), Telemetry),
    {ok, shown(#state{config = Config, native = Native, supervisor = Supervisor})}.

%% @private
-spec handle_call(term(), gen_server:from(), #state{}) ->
    {reply, term(), #state{}} | {noreply, #state{}}.
handle_call(Request, From, State) ->
    case called(Request, From, State) of
        {reply, Reply, Next} -> {reply, Reply, shown(Next)};
        {noreply, Next} -> {noreply, shown(Next)}
    end.

called(position, From, State) ->
    {noreply, gathered(position, From, fun(Answers) -> Answers end, State)};
called(functions, From, State) ->
    Union = fun(Answers) ->
        lists:foldl(fun maps:merge/2, #{}, [One || #{} = One <- maps:values(Answers)])
    end,
    {noreply, gathered(functions, From, Union, State)};
called(refresh, _From, State) ->
    {reply, ok, chosen(hurried(State))};
called(continue, From, State) ->
    {noreply, gathered(continue, From, fun(_Answers) -> ok end, State)};
called({demand, _} = Request, From, State) ->
    {noreply, gathered(Request, From, fun first_error/1, State)};
called({process, Id}, _From, #state{members = Members} = State) ->
    {reply, eslaver_cluster_member:process_of(Id, Members), State};
called({eslaver_call, _Request}, _From, State) ->
    {reply, {error, which_shard}, State};
called({save, _File}, _From, State) ->
    {reply, {error, <<"a mirror of a cluster cannot be saved">>}, State};
%% An offset alone is one of any shard's stream.
called({eslaver_waiting, {await, _Id, {any, _Offset}}}, _From, State) ->
    {reply, {error, which_shard}, State};
called({eslaver_waiting, Request}, From, #state{calls = Calls} = State) ->
    Processes = processes(State),
    {noreply, State#state{calls = eslaver_cluster_calls:await(Request, From, Processes, Calls)}};
called({eslaver_subscriptions, Request}, {Pid, _}, #state{subscriptions = Before} = State) ->
    Next = State#state{subscriptions = eslaver_subscriptions:call(Request, Pid, Before)},
    {reply, ok, forwarded({eslaver_subscriptions, Request, Pid}, Next)};
called({eslaver_mirror_holds, Request}, {Reader, _}, #state{holds = Holds} = State) ->
    {Answer, Next} = eslaver_mirror_holds:call(Request, Reader, Holds),
    _ = eslaver_mirror_holds:is_none(Holds) andalso
        each_keyspace(fun eslaver_nif:keyspace_hold/1, State),
    {reply, Answer, State#state{holds = Next}};
called(_Request, _From, State) ->
    {reply, {error, unknown_request}, State}.

first_error(Answers) ->
    hd([Error || {error, _} = Error <- maps:values(Answers)] ++ [ok]).

%% @private
-spec handle_cast(term(), #state{}) -> {noreply, #state{}}.
handle_cast(Request, State) ->
    {noreply, Next} = told(Request, State),
    {noreply, shown(Next)}.

told({join, User, Ref, Name}, #state{views = Views} = State) ->
    Next = eslaver_cluster_views:join({User, Ref}, Name, view_of(State), Views),
    {noreply, State#state{views = Next}};
told({ask, Ref}, #state{views = Views} = State) ->
    {noreply, State#state{views = eslaver_cluster_views:ask(Ref, view_of(State), Views)}};
told({leave, Ref}, #state{views = Views} = State) ->
    {noreply, State#state{views = eslaver_cluster_views:leave(Ref, Views)}};
told(hurry, State) ->
    {noreply, hurried(State)};
told({eslaver_waiting, {give_up, Id}}, #state{calls = Calls} = State) ->
    {Forget, Next} = eslaver_cluster_calls:give_up(Id, Calls),
    {noreply, forgotten(Forget, State#state{calls = Next})};
told({eslaver_subscriptions, Request}, #state{subscriptions = Before} = State) ->
    Next = State#state{subscriptions = eslaver_subscriptions:cast(Request, Before)},
    {noreply, forwarded({eslaver_subscriptions, Request, self()}, Next)};
told({eslaver_mirror_holds, Request}, #state{holds = Holds} = State) ->
    {noreply, released(State#state{holds = eslaver_mirror_holds:cast(Request, Holds)})};
told(_Request, State) ->
    {noreply, State}.

%% @private
-spec handle_info(term(), #state{}) -> {noreply, #state{}} | {stop, term(), #state{}}.
handle_info(Message, State) ->
    case heard(Message, State) of
        {noreply, Next} -> {noreply, shown(Next)};
        {stop, Reason, Next} -> {stop, Reason, Next}
    end.

heard({eslaver_keyspace, Weight, Notices, Keyspace}, #state{subscriptions = Who} = State) ->
    ok = eslaver_failure:guarded(cluster_failed, fun() ->
        ok = eslaver_subscriptions:send(eslaver_subscriptions:messages(Notices, Who)),
        eslaver_nif:keyspace_notified(Keyspace, Weight)
    end),
    {noreply, State};
heard({eslaver_cluster, held, Number}, State) ->
    {noreply, of_number(Number, fun(Name) -> held(Name, State) end, State)};
heard({eslaver_cluster, reached, Number}, State) ->
    {noreply, of_number(Number, fun(Name) -> reached(Name, State) end, State)};
heard({eslaver_cluster, marked, Number}, State) ->
    {noreply, of_number(Number, fun(Name) -> looked(Name, hurried(State)) end, State)};
heard({eslaver_cluster, moved, Moves}, State) ->
    ok = announce(Moves, State),
    {noreply, hurried(completed(State))};
heard({eslaver_cluster_watcher, _Pid, {seen, Nodes}}, State) ->
    {noreply, cleared_up(seen(Nodes, in_turn, State#state{error = undefined}))};
heard({eslaver_cluster_watcher, _Pid, {failed, Error}}, State) ->
    {noreply, answered(failed(Error, State))};
heard({eslaver_cluster_asker, Asker, Number, Answer}, #state{members = Members} = State) ->
    case eslaver_cluster_member:of_asker(Asker, Members) of
        {ok, Name} -> {noreply, answered(Name, Number, Answer, State)};
        error -> {noreply, State}
    end;
heard({eslaver_cluster_sup, Child, What}, #state{members = Members} = State) ->
    case {eslaver_cluster_member:of_child(Child, Members), What} of
        {{ok, Name}, {error, Reason}} ->
            Id = eslaver_cluster_member:id(Name, Members),
            {stop, {shard_not_started, Id, Reason}, State};
        {{ok, Name}, stopped} ->
            {noreply, stopped(Name, State)};
        {{ok, Name}, Pid} ->
            {noreply, shard_started(Name, Pid, State)};
        {error, Pid} when is_pid(Pid) ->
            %% it has been removed while its process started
            ok = stop(Child, State),
            {noreply, State};
        {error, _} ->
            {noreply, State}
    end;
heard({timeout, Id, eslaver_cluster_calls}, #state{calls = Calls} = State) ->
    {noreply, State#state{calls = eslaver_cluster_calls:timeout(Id, Calls)}};
heard({limit, Name, Id}, #state{rounds = Rounds} = State) ->
    At = eslaver_cluster_effects:held_at(Name, context(State)),
    Over = eslaver_cluster_rounds:over(Name, Id, At, Rounds),
    {noreply, effects(Over, State)};
heard({retry, Name}, #state{rounds = Rounds} = State) ->
    {noreply, effects(eslaver_cluster_rounds:retry(Name, Rounds), State)};
heard({asker_failed, Name}, State) ->
    {noreply, asker_failed(Name, State)};
heard({leaving, Name, Times}, State) ->
    {noreply, leaving(Name, Times, State)};
heard({'EXIT', Supervisor, Reason}, #state{supervisor = Supervisor} = State) ->
    {stop, Reason, State};
heard({'EXIT', _Pid, normal}, State) ->
    {noreply, State};
heard({'EXIT', Pid, Reason}, #state{members = Members} = State) ->
    case eslaver_cluster_member:of_asker(Pid, Members) of
        {ok, Name} ->
            _ = erlang:send_after(?PAUSE, self(), {asker_failed, Name}),
            {noreply, State};
        error -> {stop, Reason, State}
    end;
heard(Message, #state{calls = Calls} = State) ->
    case {eslaver_cluster_calls:handle(Message, Calls), Message} of
        {{handled, Forget, Next}, _} ->
            {noreply, forgotten(Forget, State#state{calls = Next})};
        {other, {'DOWN', Monitor, process, _, _}} ->
            {noreply, down(Monitor, State)};
        {other, _} ->
            {noreply, State}
    end.

%% @private
-spec terminate(term(), #state{}) -> ok.
terminate(_Reason, #state{native = Native, supervisor = Supervisor}) ->
    Monitor = monitor(process, Supervisor),
    true = exit(Supervisor, shutdown),
    receive
        {'DOWN', Monitor, process, _, _} -> ok
    end,
    ok = eslaver_nif:cluster_close(Native),
    eslaver_status:drop_messages().

%% @private
-spec code_change(term(), #state{}, term()) -> {ok, #state{}}.
code_change(_Old, State, _Extra) ->
    {ok, State}.

%% @private
-spec format_status(gen_server:format_status()) -> gen_server:format_status().
format_status(Status) ->
    eslaver_status:short(
        fun(#state{members = Members}) -> #{shards => maps:keys(Members)} end, Status
    ).

%% Nodes

seen(Nodes, Counts, #state{topology = Before} = State) ->
    case eslaver_cluster_topology:seen(Nodes, Counts, Before) of
        Before -> answered(State);
        Topology -> changed(State#state{topology = Topology})
    end.

%% Asks the masters of which neither views nor streams tell enough.
cleared_up(#state{native = Native, members = Members} = State) ->
    #{shards := Routed} = eslaver_nif:cluster_info(Native),
    Moving = lists:append([Importing || #{importing := Importing} <- maps:values(Routed)]),
    Unclear = maps:filter(
        fun(_, Member) -> eslaver_cluster_member:is_unclear(Member, Routed, Moving) end, Members
    ),
    lists:foldl(fun looked/2, State, maps:keys(Unclear)).

changed(#state{topology = Topology, config = #{addresses := Reach}} = State) ->
    Known = [Reach(Address) || Address <- eslaver_cluster_topology:addresses(Topology)],
    ok = to_watcher(fun(Watcher) -> eslaver_cluster_watcher:known(Known, Watcher) end, State),
    Shards = eslaver_cluster_topology:shards(Topology),
    Next = maps:fold(fun(Name, Shard, Acc) -> member(Name, Shard, Acc) end, State, Shards),
    Gone = maps:keys(maps:without(maps:keys(Shards), Next#state.members)),
    viewed(completed(lists:foldl(fun gone/2, Next, Gone))).

%% Replicas are told of their shards.
viewed(#state{views = Views} = State) ->
    State#state{views = eslaver_cluster_views:changed(view_of(State), Views)}.

answered(#state{views = Views} = State) ->
    State#state{views = eslaver_cluster_views:answer(view_of(State), Views)}.

view_of(#state{members = Members, error = Error}) ->
    fun(Name) ->
        case Members of
            #{Name := Member} -> eslaver_cluster_member:view(Member);
            #{} -> #{decided => undefined, replicas => [], nodes => #{}, error => Error}
        end
    end.

hurried(State) ->
    ok = to_watcher(fun eslaver_cluster_watcher:hurry/1, State),
    State.

to_watcher(Call, #state{supervisor = Supervisor}) ->
    case eslaver_cluster_sup:watcher(Supervisor) of
        {ok, Watcher} -> Call(Watcher);
        error -> ok
    end.

%% The same is logged once: a node that is down may stay among the seeds.
failed(Error, #state{warned = Error} = State) ->
    State#state{error = Error};
failed({Reason, Text} = Error, #state{config = #{name := Name}} = State) ->
    ok = eslaver_log:report(warning, cluster_unseen, #{
        replica => eslaver_name:replica(Name), reason => Reason, text => Text
    }),
    State#state{error = Error, warned = Error}.

%% Members: a shard that is known is asked first, as its answer tells its id and its history.

member(Name, Shard, #state{members = Members, config = Config} = State) ->
    #{addresses := Reach, access := Access} = Config,
    case Members of
        #{Name := Member} ->
            case eslaver_cluster_member:changed(Shard, Reach, Member) of
                Member -> State;
                Next -> looked(Name, described(Name, State#state{members = Members#{Name := Next}}))
            end;
        #{} ->
            Member = eslaver_cluster_member:new(Shard, Reach, Access),
            looked(Name, State#state{members = Members#{Name => Member}})
    end.

looked(Name, #state{rounds = Rounds} = State) ->
    effects(eslaver_cluster_rounds:look(Name, Rounds), State).

asker_failed(Name, #state{members = Members, config = #{access := Access}} = State) ->
    case Members of
        #{Name := Member} ->
            Next = eslaver_cluster_member:with_asker(Access, Member),
            looked(Name, State#state{members = Members#{Name := Next}});
        #{} ->
            State
    end.

answered(Name, Number, Answer, #state{members = Members, rounds = Rounds} = State) ->
    #{Name := Member} = Members,
    Checked = eslaver_cluster_member:checked(Answer, Member),
    Told = eslaver_cluster_member:told(Checked, Name, Members, Member),
    Known = described(Name, State#state{members = Members#{Name := Told}}),
    Started = choice(Name, Told, Known),
    Leaving = eslaver_cluster_member:is_leaving(Member),
    Result =
        case {eslaver_cluster_member:number(Name, Started#state.members), Checked} of
            {undefined, _} ->
                {[], Rounds};
            {_, {error, _}} when Leaving ->
                eslaver_cluster_rounds:unreachable(Name, Rounds);
            _ ->
                Facts = eslaver_cluster_effects:facts(context(Started)),
                eslaver_cluster_rounds:answered(Name, Number, Checked, Facts, Rounds)
        end,
    Next = effects(Result, Started),
    case Checked of
        {ok, #{nodes := Nodes}} -> seen(Nodes, other, Next);
        {error, _} -> Next
    end.

%% Starts the shards that are to be followed, and stops those that are not.
chosen(#state{members = Members} = State) ->
    Known = maps:filter(fun(_, One) -> eslaver_cluster_member:is_known(One) end, Members),
    maps:fold(fun choose/3, State, Known).

%% A shard is chosen when its id is known.
choice(Name, Member, State) ->
    case eslaver_cluster_member:is_new(Member) of
        true -> choose(Name, Member, State);
        false -> State
    end.

choose(Name, Member, #state{config = #{shards := Wanted}, members = Members} = State) ->
    case eslaver_cluster_member:choice(Wanted, Member) of
        start ->
            start(Name, Member, State);
        stop ->
            removed(Name, unfollowed, State);
        leave_out ->
            Out = eslaver_cluster_member:unfollowed(Member),
            completed(State#state{members = Members#{Name := Out}});
        stay ->
            State
    end.

start(Name, Member, #state{native = Native, members = Members, config = Config} = State) ->
    #{seeds := Seeds, start := Start} = Config,
    #{id := Id} = eslaver_cluster_member:context(Member),
    Number = eslaver_nif:cluster_add(Native, Id),
    Fixed = #{
        cluster => Native,
        number => Number,
        membership => #{cluster => self(), shard => Name, id => Id, seeds => Seeds},
        subscriptions => State#state.subscriptions
    },
    Child = {Name, erlang:unique_integer([monotonic])},
    Started = eslaver_cluster_member:started(Number, Child, Member),
    Next = described(Name, State#state{members = Members#{Name := Started}}),
    Contexts = Next#state.contexts,
    Begin = fun() -> Start(maps:merge(Fixed, ets:lookup_element(Contexts, Name, 2))) end,
    ok = eslaver_cluster_sup:start_shard(Child, Begin, State#state.supervisor),
    Next.

%% A process that is started anew finds what is known of its shard by then.
described(Name, #state{members = Members, contexts = Contexts} = State) ->
    #{Name := Member} = Members,
    true = ets:insert(Contexts, {Name, eslaver_cluster_member:context(Member)}),
    State.

shard_started(Name, Pid, #state{members = Members, calls = Calls} = State) ->
    #{Name := Member} = Members,
    Next = State#state{
        members = Members#{Name := eslaver_cluster_member:running(Pid, Member)},
        calls = eslaver_cluster_calls:shard_started(Name, Pid, Calls)
    },
    looked(Name, subscribed(Pid, Next)).

%% A mirror's keyspaces tell all subscribers; the others have to be known by each process.
subscribed(Pid, #state{config = #{mirror := undefined}, subscriptions = Who} = State) ->
    _ = [
        gen_server:cast(Pid, {eslaver_subscriptions, Request, Subscriber})
     || {Request, Subscriber} <- eslaver_subscriptions:requests(Who)
    ],
    State;
subscribed(_Pid, State) ->
    State.

forwarded(Request, #state{config = #{mirror := undefined}, members = Members} = State) ->
    _ = [gen_server:cast(Pid, Request) || Pid <- eslaver_cluster_member:processes(Members)],
    State;
forwarded(_Request, State) ->
    State.

%% The slots of a shard that is gone may not have been seen in their new place yet.
gone(Name, #state{members = Members} = State) ->
    #{Name := Member} = Members,
    case {eslaver_cluster_member:number(Member), eslaver_cluster_member:is_leaving(Member)} of
        {undefined, _} ->
            ended(Name, gone, State);
        {_, true} ->
            State;
        {_, false} ->
            Left = eslaver_cluster_member:leaving(Member),
            leaving(Name, ?MOST_LEAVING, State#state{members = Members#{Name := Left}})
    end.

leaving(Name, Times, #state{members = Members, native = Native} = State) ->
    case Members of
        #{Name := Member} ->
            Leaves =
                eslaver_cluster_member:is_leaving(Member) andalso
                    eslaver_cluster_member:why_stopping(Member) =:= undefined,
            case {Leaves, Times, eslaver_cluster_effects:owned(Member, Native)} of
                {false, _, _} ->
                    State;
                {true, More, [_ | _]} when More > 0 ->
                    _ = erlang:send_after(?LEAVING, self(), {leaving, Name, More - 1}),
                    lists:foldl(fun looked/2, State, maps:keys(Members));
                {true, _, _} ->
                    removed(Name, gone, State)
            end;
        #{} ->
            State
    end.

removed(Name, Why, #state{members = Members} = State) ->
    #{Name := Member} = Members,
    ok = stop(eslaver_cluster_member:child(Member), State),
    State#state{members = Members#{Name := eslaver_cluster_member:stopping(Why, Member)}}.

%% Its process may still be starting: then only its supervisor knows it.
stop({Name, _} = Child, #state{contexts = Contexts, supervisor = Supervisor}) ->
    #{id := Id} = ets:lookup_element(Contexts, Name, 2),
    Finish = fun(Process) -> eslaver_cluster_member:finish(Id, Process) end,
    eslaver_cluster_sup:stop_shard(Child, Finish, Supervisor).

stopped(Name, #state{members = Members} = State) ->
    case [eslaver_cluster_member:why_stopping(One) || #{Name := One} <- [Members]] of
        [Why] when Why =/= undefined -> ended(Name, Why, State);
        _ -> State
    end.

%% It may have come back meanwhile, or have gone.
ended(Name, Why, #state{members = Members, native = Native, topology = Topology} = State) ->
    {Member, Others} = maps:take(Name, Members),
    Removed = eslaver_cluster_rounds:remove(Name, State#state.rounds),
    ok = unrouted(eslaver_cluster_member:number(Member), Native),
    Calls = eslaver_cluster_calls:shard_gone(Name, State#state.calls),
    Without = fun(Left) ->
        completed(effects(Removed, State#state{members = Left, calls = Calls}))
    end,
    case {Why, eslaver_cluster_topology:shards(Topology)} of
        {unfollowed, #{Name := _}} ->
            chosen(Without(Others#{Name => eslaver_cluster_member:unfollowed(Member)}));
        {_, Shards} ->
            ok = eslaver_cluster_member:stop(Member),
            maps:fold(fun member/3, Without(Others), maps:with([Name], Shards))
    end.

unrouted(undefined, _Native) -> ok;
unrouted(Number, Native) -> eslaver_nif:cluster_remove(Native, Number).

%% Rounds

of_number(Number, Fun, #state{members = Members} = State) ->
    case eslaver_cluster_member:of_number(Number, Members) of
        {ok, Name} -> Fun(Name);
        error -> State
    end.

held(Name, #state{rounds = Rounds} = State) ->
    Hold = eslaver_cluster_effects:hold(Name, context(State)),
    effects(eslaver_cluster_rounds:held(Name, Hold, Rounds), State).

%% What was awaited is awaited again, and is there.
reached(Name, #state{rounds = Rounds} = State) ->
    effects(eslaver_cluster_rounds:again(Name, Rounds), State).

effects(Result, State) ->
    {Moved, Rounds} = eslaver_cluster_effects:run(Result, context(State)),
    Next = State#state{rounds = Rounds},
    case Moved of
        true -> completed(Next);
        false -> Next
    end.

context(#state{native = Native, members = Members, topology = Topology, config = Config} = State) ->
    #{name := Own, migration_wait := Limit} = Config,
    #{
        native => Native,
        members => Members,
        topology => Topology,
        replica => Own,
        limit => Limit,
        announce => fun(Moves) -> announce(Moves, State) end
    }.

%% Slots that had no shard before have not moved.
announce(Moves, #state{members = Members, subscriptions = Who}) ->
    Id = fun(Number) -> eslaver_cluster_member:id_of(Number, Members) end,
    lists:foreach(
        fun({Ranges, From, To}) ->
            News = {slots, moved, #{ranges => Ranges, from => Id(From), to => Id(To)}},
            ok = eslaver_subscriptions:send(eslaver_subscriptions:messages([{all, News}], Who)),
            case eslaver_cluster_member:of_number(To, Members) of
                {ok, Name} -> eslaver_cluster_member:inject(News, maps:get(Name, Members));
                error -> ok
            end
        end,
        [Move || {_, From, _} = Move <- Moves, From =/= undefined]
    ).

%% Whether all that is followed has its slots.
completed(#state{members = Members, native = Native, calls = Calls} = State) ->
    ok = expected(State),
    Complete =
        map_size(Members) > 0 andalso
            lists:all(
                fun(Member) -> eslaver_cluster_member:is_complete(Member, Native) end,
                maps:values(Members)
            ),
    Followed = maps:filter(fun(_, One) -> eslaver_cluster_member:is_followed(One) end, Members),
    State#state{calls = eslaver_cluster_calls:followed(maps:keys(Followed), Complete, Calls)}.

%% Which slots a mirror should have.
expected(#state{config = #{shards := all}}) ->
    ok;
expected(#state{members = Members, native = Native}) ->
    eslaver_nif:cluster_expect(Native, eslaver_cluster_member:followed_slots(Members)).

%% Calls

gathered(Request, From, Put, #state{members = Members, calls = Calls} = State) ->
    Done = fun(Answers) ->
        ById = maps:fold(
            fun(Name, Answer, Acc) ->
                Acc#{eslaver_cluster_member:id(Name, Members) => Answer}
            end,
            #{},
            Answers
        ),
        gen_server:reply(From, Put(ById))
    end,
    State#state{
        calls = eslaver_cluster_calls:gather(Request, processes(State), #{}, Done, Calls)
    }.

processes(#state{members = Members}) ->
    maps:filtermap(
        fun(_, Member) ->
            case eslaver_cluster_member:process(Member) of
                undefined -> false;
                Pid -> {true, Pid}
            end
        end,
        Members
    ).

forgotten(Ids, #state{members = Members} = State) ->
    _ = [
        gen_server:cast(Pid, {eslaver_waiting, {give_up, Id}})
     || Id <- Ids, Pid <- eslaver_cluster_member:processes(Members)
    ],
    State.

down(Monitor, #state{views = Views, calls = Calls, subscriptions = Who, holds = Holds} = State) ->
    {Forget, Next} = eslaver_cluster_calls:give_up(Monitor, Calls),
    Forgotten = forgotten(Forget, State#state{
        views = eslaver_cluster_views:down(Monitor, Views),
        calls = Next,
        subscriptions = eslaver_subscriptions:down(Monitor, Who),
        holds = eslaver_mirror_holds:down(Monitor, Holds)
    }),
    released(Forgotten).

%% Whatever has changed is to be seen by others.
shown(#state{native = Native, members = Members, error = Error, board = Board} = State) ->
    Shown = eslaver_cluster_member:shown(Members),
    Facts = #{native => Native, members => Shown, error => Error},
    State#state{board = eslaver_board:show(Facts, Board)}.

released(#state{holds = Holds} = State) ->
    _ = eslaver_mirror_holds:is_none(Holds) andalso
        each_keyspace(fun eslaver_nif:keyspace_release/1, State),
    State.

each_keyspace(Call, #state{native = Native}) ->
    lists:foreach(Call, eslaver_nif:cluster_keyspaces(Native)).
