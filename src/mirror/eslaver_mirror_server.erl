%% @doc The process of a mirror. It owns the keyspace, starts the replica whose link fills it, and
%% starts another one from where the keyspace stands. What is applied does not pass through here;
%% the keyspace tells of changes that somebody has subscribed to, as `{eslaver_keyspace, Weight,
%% Notices, Keyspace}', and of writes that somebody waits for, as `{eslaver_keyspace, reached}'.
%% @private
-module(eslaver_mirror_server).
-behaviour(gen_server).

-export([start_link/1, functions/1, save/2]).
-export([init/1, handle_call/3, handle_cast/2, handle_info/2, terminate/2]).
-export([code_change/3, format_status/1]).

-record(state, {
    keyspace :: eslaver_nif:keyspace(),
    %% What it is called in logs.
    label :: term(),
    %% Starts a replica.
    start :: eslaver_mirror_options:start(),
    %% Whether the user's callback, if there is one, still takes events.
    callback = given :: given | none,
    replica :: undefined | {pid(), StartedAt :: integer()},
    projections :: [eslaver_mirror_projection:projection()],
    %% Keeps them.
    projector :: undefined | pid(),
    persist :: eslaver_mirror_persist:persist(),
    backoff = eslaver_backoff:new() :: eslaver_backoff:backoff(),
    waiting = eslaver_waiting:new() :: eslaver_waiting:waiting(),
    %% What is known of the histories of its masters.
    histories = eslaver_histories:new() :: eslaver_histories:histories(),
    subscriptions :: eslaver_subscriptions:subscriptions(),
    %% Readers during whose reads nothing may be written.
    holds = eslaver_mirror_holds:new() :: eslaver_mirror_holds:holds(),
    board = eslaver_board:new(eslaver_mirror_facts) :: eslaver_board:board(),
    %% Requests without an answer yet.
    asked = gen_server:reqids_new() :: gen_server:request_id_collection(),
    restarts = 0 :: non_neg_integer(),
    %% Why the last start of a replica failed.
    start_error :: undefined | term(),
    %% Whether only a full resync tells what the master has, and whether the replica asks for one by
    %% itself, as it has no position to go on from.
    lost = false :: boolean(),
    renewing = true :: boolean(),
    %% When the next full resync may start, and its timer.
    resyncs = eslaver_mirror_resync:new() :: eslaver_mirror_resync:resyncs(),
    resync :: undefined | reference()
}).

%% A replica that ended by itself after this time may be started anew without delay, in ms.
-define(STEADY, 10000).
%% How long a replica may take to end, in ms.
-define(SHUTDOWN, 5000).

%% @doc Starts a mirror, registered under its name. That of a cluster's shard has no name of its
%% own: the cluster's process has that.
-spec start_link(eslaver_mirror_options:options()) -> gen_server:start_ret().
start_link(Options) ->
    case eslaver_nif:check() of
        ok -> linked(Options);
        {error, _} = Error -> Error
    end.

linked(#{where := _} = Options) ->
    gen_server:start_link(?MODULE, Options, []);
linked(#{name := Name} = Options) ->
    gen_server:start_link({local, Name}, ?MODULE, Options, []).

%% @doc The libraries of functions that the master has.
-spec functions(atom()) -> #{Library :: binary() => Code :: binary()}.
functions(Name) ->
    gen_server:call(Name, functions).

%% @doc Saves what a mirror has in a file.
-spec save(atom(), File :: binary()) -> ok | {error, eslaver_mirror_persist:reason()}.
save(Name, File) ->
    gen_server:call(Name, {save, File}, infinity).

-spec init(eslaver_mirror_options:options()) -> {ok, #state{}} | {stop, term()}.
init(#{name := Name, start := Start, project := Projections} = Options) ->
    _ = process_flag(trap_exit, true),
    #{serve_stale_data := ServeStale, full_resync := Way, persist := Persist} = Options,
    #{max_memory := MaxMemory, missing := Missing} = Options,
    Subscriptions = eslaver_subscriptions:new(),
    Where = maps:get(where, Options, Name),
    Interests = maps:get(interests, Options, eslaver_subscriptions:interests(Subscriptions)),
    Listener = maps:get(listener, Options, self()),
    Keyspace = eslaver_nif:keyspace_new(
        Where, Interests, Listener, #{
            serves_stale => ServeStale,
            missing => Missing,
            in_place => Way =:= in_place,
            max_memory => MaxMemory,
            fresh_within => maps:get(fresh_within, Options)
        }
    ),
    Projector = projector(Name, Keyspace, Projections),
    First = #state{
        keyspace = Keyspace,
        label = maps:get(label, Options, Name),
        start = Start,
        projections = Projections,
        projector = Projector,
        persist = eslaver_mirror_persist:new(Keyspace, Name, Persist),
        subscriptions = Subscriptions
    },
    case first(shown(First)) of
        {ok, State} ->
            ok = registered(Options),
            {ok, shown(State)};
        {error, Reason} ->
            ok = eslaver_nif:keyspace_close(Keyspace),
            ok = stop_projector(Projector),
            {stop, Reason}
    end.

%% A cluster tells of its shards.
registered(#{where := _}) ->
    ok;
registered(#{name := Name, replica := Replica}) ->
    eslaver_registry:add(mirror, Name, Replica).

projector(_Name, _Keyspace, []) ->
    undefined;
projector(Name, Keyspace, Projections) ->
    {ok, Projector} = eslaver_mirror_projector:start_link(Name, Keyspace, Projections),
    Projector.

stop_projector(undefined) -> ok;
stop_projector(Projector) -> eslaver_mirror_projector:stop(Projector).

%% A link that began before the data is restored would ask for all of it.
first(#state{persist = Persist} = State) ->
    case eslaver_mirror_persist:is_restoring(Persist) of
        true -> {ok, State};
        false -> started(State)
    end.

-spec handle_call(term(), gen_server:from(), #state{}) ->
    {reply, term(), #state{}} | {noreply, #state{}}.
handle_call(Request, From, State) ->
    case called(Request, From, State) of
        {reply, Reply, Next} -> {reply, Reply, shown(Next)};
        {noreply, Next} -> {noreply, shown(Next)}
    end.

called({events, Replica, Events}, From, #state{replica = {Replica, _}} = State) ->
    {noreply, guarded(fun() -> handled(From, Events, State) end)};
called({events, _Former, _Events}, _From, State) ->
    {reply, ok, State};
called({eslaver_mirror_holds, Request}, {Reader, _}, #state{holds = Holds} = State) ->
    {Answer, Next} = eslaver_mirror_holds:call(Request, Reader, Holds),
    _ = eslaver_mirror_holds:is_none(Holds) andalso eslaver_nif:keyspace_hold(State#state.keyspace),
    {reply, Answer, State#state{holds = Next}};
called({eslaver_waiting, Request}, From, #state{waiting = Waiting} = State) ->
    Next = eslaver_waiting:call(Request, From, reach(State), Waiting),
    {noreply, awaited(State#state{waiting = Next})};
called({eslaver_subscriptions, Request}, {Pid, _}, State) ->
    Next = eslaver_subscriptions:call(Request, Pid, State#state.subscriptions),
    {reply, ok, State#state{subscriptions = Next}};
called({eslaver_call, _}, _From, #state{replica = undefined} = State) ->
    {reply, {error, restarting}, State};
called({eslaver_call, _} = Call, From, #state{replica = {Replica, _}} = State) ->
    Asked = gen_server:send_request(Replica, Call, {called, From}, State#state.asked),
    {noreply, State#state{asked = Asked}};
called({save, File}, From, #state{persist = Persist} = State) ->
    {noreply, State#state{persist = eslaver_mirror_persist:save(File, From, Persist)}};
called(position, _From, #state{keyspace = Keyspace} = State) ->
    {reply, eslaver_nif:keyspace_reached(Keyspace), State};
called(functions, _From, #state{keyspace = Keyspace} = State) ->
    {reply, eslaver_nif:keyspace_functions(Keyspace), State};
called(refresh, _From, State) ->
    {reply, {error, no_cluster}, State};
called(_Unknown, _From, State) ->
    {reply, {error, unknown_request}, State}.

-spec handle_cast(term(), #state{}) -> {noreply, #state{}}.
handle_cast({inject, Event}, #state{callback = Callback, replica = Replica} = State) ->
    _ = [ok = eslaver_server:inject(Pid, Event) || {Pid, _} <- [Replica], Callback =:= given],
    {noreply, State};
handle_cast({eslaver_mirror_holds, Request}, #state{holds = Holds} = State) ->
    {noreply, released(State#state{holds = eslaver_mirror_holds:cast(Request, Holds)})};
handle_cast({eslaver_waiting, Request}, #state{waiting = Waiting} = State) ->
    {noreply, State#state{waiting = eslaver_waiting:cast(Request, Waiting)}};
handle_cast({eslaver_subscriptions, Request}, #state{subscriptions = Subscriptions} = State) ->
    {noreply, State#state{subscriptions = eslaver_subscriptions:cast(Request, Subscriptions)}};
handle_cast(_Unknown, State) ->
    {noreply, State}.

-spec handle_info(term(), #state{}) -> {noreply, #state{}} | {stop, term(), #state{}}.
handle_info(Message, State) ->
    case heard(Message, State) of
        {noreply, Next} -> {noreply, shown(Next)};
        {stop, Reason, Next} -> {stop, Reason, Next}
    end.

heard({eslaver_keyspace, Weight, Notices, _Own}, State) ->
    {noreply, guarded(fun() -> notified(Weight, Notices, State) end)};
heard({eslaver_keyspace, reached}, State) ->
    {noreply, awaited(State)};
heard({'EXIT', Replica, Reason}, #state{replica = {Replica, _}} = State) ->
    {noreply, later(broken(ended(Reason, State)))};
heard({'EXIT', _Pid, Reason}, #state{start_error = Error} = State) when
    Reason =:= normal; Reason =:= Error
->
    {noreply, State};
heard({'EXIT', _Pid, Reason}, State) ->
    {stop, Reason, State};
heard(start, State) ->
    case started(State) of
        {ok, Next} -> {noreply, Next};
        {error, Reason} -> {noreply, later(not_started(Reason, State))}
    end;
heard({timeout, Timer, resync}, #state{resync = Timer} = State) ->
    %% The timer stays set until the replica has ended, so that no other is started meanwhile.
    case needs_resync(State) of
        true -> {noreply, restarted(State)};
        false -> {noreply, State#state{resync = undefined}}
    end;
heard({timeout, Timer, persist}, #state{persist = Persist} = State) ->
    {noreply, State#state{persist = eslaver_mirror_persist:tick(Timer, Persist)}};
heard({eslaver_nif, saved, Result}, #state{persist = Persist} = State) ->
    {noreply, State#state{persist = eslaver_mirror_persist:saved(Result, Persist)}};
heard({eslaver_nif, restored, Result}, #state{persist = Persist} = State) ->
    {Place, Next} = eslaver_mirror_persist:restored(Result, Persist),
    heard(start, restored(Place, shown(State#state{persist = Next})));
heard(Message, #state{asked = Asked} = State) ->
    case {gen_server:check_response(Message, Asked, true), Message} of
        {{Answer, What, Rest}, _} ->
            {noreply, answered(What, Answer, State#state{asked = Rest})};
        {_, {'DOWN', Monitor, process, _, _}} ->
            {noreply, released(down(Monitor, State))};
        {_, _Other} ->
            {noreply, State}
    end.

down(Monitor, #state{subscriptions = Subscriptions} = State) ->
    State#state{
        subscriptions = eslaver_subscriptions:down(Monitor, Subscriptions),
        waiting = eslaver_waiting:down(Monitor, State#state.waiting),
        holds = eslaver_mirror_holds:down(Monitor, State#state.holds)
    }.

%% The link may have the mirror tell as much again.
notified(Weight, Notices, #state{keyspace = Keyspace, subscriptions = Subscriptions} = State) ->
    ok = eslaver_subscriptions:send(eslaver_subscriptions:messages(Notices, Subscriptions)),
    ok = eslaver_nif:keyspace_notified(Keyspace, Weight),
    State.

-spec terminate(term(), #state{}) -> ok.
terminate(Reason, #state{keyspace = Keyspace, replica = Replica, persist = Persist} = State) ->
    try
        guarded(fun() ->
            ok = eslaver_nif:keyspace_release(Keyspace),
            ok = stopped(Replica),
            ok = stop_projector(State#state.projector),
            _ = eslaver_nif:keyspace_detach(Keyspace),
            ok = refuse_events(),
            _ = is_orderly(Reason) andalso eslaver_mirror_persist:stop(Persist),
            eslaver_nif:keyspace_close(Keyspace)
        end)
    after
        eslaver_status:drop_messages()
    end.

is_orderly({shutdown, _}) -> true;
is_orderly(Reason) -> Reason =:= normal orelse Reason =:= shutdown.

-spec code_change(term(), #state{}, term()) -> {ok, #state{}}.
code_change(_Old, State, _Extra) ->
    {ok, State}.

%% A replica that waits for an answer gets one. Its callback may still read.
stopped(undefined) ->
    ok;
stopped({Replica, _}) ->
    Monitor = monitor(process, Replica),
    true = exit(Replica, shutdown),
    stopped(Replica, Monitor).

stopped(Replica, Monitor) ->
    receive
        {'DOWN', Monitor, process, _, _} ->
            ok;
        {'$gen_call', From, {events, _, _}} ->
            gen_server:reply(From, ok),
            stopped(Replica, Monitor)
    after ?SHUTDOWN ->
        true = exit(Replica, kill),
        ok
    end.

%% Keeps events and notices out of reports, which show the mailbox.
refuse_events() ->
    receive
        {'$gen_call', From, {events, _, _}} ->
            gen_server:reply(From, ok),
            refuse_events();
        {eslaver_keyspace, _, _, _} ->
            refuse_events()
    after 0 -> ok
    end.

%% @doc Hides keys, values and the code of functions.
-spec format_status(gen_server:format_status()) -> gen_server:format_status().
format_status(Status) ->
    eslaver_status:short(fun(#state{board = Board}) -> eslaver_board:own(Board) end, Status).

%% An exception and the arguments in its stack may contain keys and values. The exit reason, which
%% goes to linked processes and into reports, contains neither.
guarded(Fun) ->
    eslaver_failure:guarded(mirror_failed, Fun).

%% Events.

%% Without an answer the replica could not end, and would have to be killed.
handled(From, Events, State) ->
    try applied(Events, State) of
        Applied ->
            gen_server:reply(From, ok),
            resync(Applied)
    catch
        Class:Reason:Stack ->
            gen_server:reply(From, ok),
            erlang:raise(Class, Reason, Stack)
    end.

applied(Events, State) ->
    lists:foldl(fun news/2, State, eslaver_mirror_news:of_events(Events)).

%% What the stream left open only a snapshot can tell; but the master must not make many, whatever
%% it sends.
resync(#state{resync = undefined, resyncs = Resyncs} = State) ->
    case needs_resync(State) of
        true ->
            {Pause, Next} = eslaver_mirror_resync:next(eslaver_clock:now_ms(), Resyncs),
            Timer = erlang:start_timer(Pause, self(), resync),
            State#state{resync = Timer, resyncs = Next};
        false ->
            State
    end;
resync(State) ->
    State.

needs_resync(#state{lost = Lost, renewing = Renewing}) ->
    Lost andalso not Renewing.

restarted(#state{replica = {Replica, _}} = State) ->
    true = exit(Replica, shutdown),
    State.

news(loaded, State) ->
    {Place, Histories} = reach(State),
    Begun = eslaver_histories:begun(Place, Histories),
    readable(State#state{histories = Begun, lost = false, renewing = false});
news(loading, State) ->
    State#state{renewing = true};
news(up, State) ->
    %% The replica that loaded the snapshot may have ended before it could say so.
    readable(State#state{renewing = false});
news({told, Peer}, #state{histories = Histories} = State) ->
    State#state{histories = eslaver_histories:told(Peer, Histories)};
news({continued, Replid, From}, #state{histories = Histories} = State) ->
    State#state{histories = eslaver_histories:continued(Replid, From, Histories)};
news(lost, State) ->
    State#state{lost = true};
news({refused, Command, Reason}, #state{label = Label} = State) ->
    Report = #{replica => Label, command => Command, reason => Reason},
    ok = eslaver_log:report(warning, not_mirrored, Report),
    State.

%% Those who wait.

readable(#state{waiting = Waiting} = State) ->
    awaited(State#state{waiting = eslaver_waiting:loaded(reach(State), Waiting)}).

reach(#state{keyspace = Keyspace, histories = Histories}) ->
    {eslaver_nif:keyspace_reached(Keyspace), Histories}.

%% Answers those whose writes can be read, and has the keyspace tell when that of the next one can.
awaited(#state{keyspace = Keyspace, waiting = Waiting} = State) ->
    case eslaver_waiting:next(Waiting) of
        none ->
            State;
        {Replid, Offset} ->
            case eslaver_nif:keyspace_await(Keyspace, Replid, Offset) of
                waiting ->
                    State;
                Reached ->
                    awaited(State#state{waiting = eslaver_waiting:reached(Reached, Waiting)})
            end
    end.

%% The replica.

%% A replica that ends by itself would soon do so again, unless it had been at work for a while.
ended(Reason, #state{replica = {_, StartedAt}} = State) ->
    Steady = eslaver_clock:now_ms() - StartedAt > ?STEADY,
    case Steady orelse Reason =:= killed orelse Reason =:= shutdown of
        true -> without_callback(Reason, State#state{backoff = eslaver_backoff:new()});
        false -> without_callback(Reason, State)
    end.

%% The process that got the events has ended. The data is needed all the same.
without_callback({callback_down, _Pid, Reason}, #state{label = Label} = State) ->
    Report = #{replica => Label, reason => eslaver_failure:shape(Reason)},
    ok = eslaver_log:report(warning, callback_gone, Report),
    State#state{callback = none};
without_callback(_Reason, State) ->
    State.

restored(none, State) ->
    State;
restored(_Place, #state{projector = undefined} = State) ->
    news(loaded, State);
restored(_Place, #state{projector = Projector, asked = Asked} = State) ->
    State#state{asked = eslaver_mirror_projector:request(restored, Projector, Asked)}.

%% What it has put into the keyspace stays; a slice that still runs is waited for.
broken(#state{keyspace = Keyspace} = State) ->
    _ = eslaver_nif:keyspace_detach(Keyspace),
    _ = State#state.lost andalso eslaver_nif:keyspace_forget(Keyspace),
    State#state{
        replica = undefined,
        resync = undefined,
        renewing = State#state.lost
    }.

later(#state{backoff = Backoff, restarts = Restarts} = State) ->
    {Pause, Next} = eslaver_backoff:next(Backoff),
    _ = erlang:send_after(Pause, self(), start),
    State#state{backoff = Next, restarts = Restarts + 1}.

started(#state{start = Start, keyspace = Keyspace, callback = Callback} = State) ->
    Observer = #{process => self(), keyspace => Keyspace},
    case Start(Callback, Observer, fun eslaver_mirror_options:unchanged/1) of
        {ok, Replica} ->
            Started = {Replica, eslaver_clock:now_ms()},
            {ok, State#state{replica = Started, start_error = undefined}};
        {error, _} = Error ->
            Error
    end.

%% The same error is logged once.
not_started(Reason, #state{start_error = Reason} = State) ->
    State;
not_started(Reason, #state{label = Label} = State) ->
    ok = eslaver_log:report(warning, not_started, #{replica => Label, reason => Reason}),
    State#state{start_error = Reason}.

answered(restored, {reply, ok}, State) ->
    news(loaded, State);
answered(restored, {error, _Gone}, State) ->
    State;
answered({called, From}, {reply, Reply}, State) ->
    gen_server:reply(From, Reply),
    State;
answered({called, From}, {error, _Gone}, State) ->
    gen_server:reply(From, {error, restarting}),
    State.

released(#state{holds = Holds, keyspace = Keyspace} = State) ->
    _ = eslaver_mirror_holds:is_none(Holds) andalso eslaver_nif:keyspace_release(Keyspace),
    State.

%% Whatever has changed is to be seen by others.
shown(#state{keyspace = Keyspace, replica = Replica, board = Board} = State) ->
    Facts = #{
        keyspace => Keyspace,
        persist => eslaver_mirror_persist:info(State#state.persist),
        restarts => State#state.restarts,
        projections => [eslaver_mirror_projection:shown(P) || P <- State#state.projections],
        start_error => State#state.start_error,
        replica => hd([Pid || {Pid, _} <- [Replica]] ++ [undefined])
    },
    Shown = State#state{board = eslaver_board:show(Facts, Board)},
    Shown#state{persist = eslaver_mirror_persist:answered(State#state.persist)}.
