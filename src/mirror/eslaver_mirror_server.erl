%% @doc The process of a mirror. It owns the tables and is the only one to write them, starts the
%% replica that feeds it, and restarts the replica from the position of the tables.
%% @private
-module(eslaver_mirror_server).
-behaviour(gen_server).

-export([start_link/1, info/1, functions/1, hand_over/2]).
-export([init/1, handle_call/3, handle_cast/2, handle_info/2, terminate/2]).
-export([code_change/3, format_status/1]).

-record(state, {
    writer :: eslaver_mirror_writer:writer(),
    name :: atom(),
    %% Starts a replica.
    start :: fun((eslaver_callback:spec(), undefined | eslaver:position()) -> term()),
    replica :: undefined | pid(),
    backoff = eslaver_backoff:new() :: eslaver_backoff:backoff(),
    waiting = eslaver_waiting:new() :: eslaver_waiting:waiting(),
    subscriptions = eslaver_subscriptions:new() :: eslaver_subscriptions:subscriptions(),
    %% Readers during whose reads nothing may be written.
    holds = eslaver_mirror_holds:new() :: eslaver_mirror_holds:holds(),
    %% The batch that waits for these readers.
    held = none :: none | {gen_server:from(), [eslaver:full_event()]},
    %% Requests to the replica without an answer yet.
    asked = gen_server:reqids_new() :: gen_server:request_id_collection(),
    %% Callers that wait for the replica's part of the info.
    informing = [] :: [gen_server:from()],
    %% The timer after which they get the info without it.
    inform :: undefined | reference(),
    %% When the data became stale, in ms of monotonic time.
    stale_since :: undefined | integer(),
    restarts = 0 :: non_neg_integer(),
    %% Why the last start of a replica failed.
    start_error :: undefined | term(),
    %% When the next full resync may start, and its timer.
    resyncs = eslaver_mirror_resync:new() :: eslaver_mirror_resync:resyncs(),
    resync :: undefined | reference(),
    collecting = false :: boolean()
}).

%% How long a replica may take to end, in ms.
-define(SHUTDOWN, 5000).
%% How often the replica is asked for its position, in ms: commands that a filter drops move it
%% without an event.
-define(POSITION, 1000).
%% How long to wait for the replica's part of the info, in ms.
-define(INFORM, 1000).

%% @doc Starts a mirror, registered under its name.
-spec start_link(eslaver_mirror_options:options()) -> gen_server:start_ret().
start_link(#{name := Name} = Options) ->
    gen_server:start_link({local, Name}, ?MODULE, Options, []).

%% @doc What a mirror has.
-spec info(atom()) -> map().
info(Name) ->
    gen_server:call(Name, info).

%% @doc The libraries of functions that the master has.
-spec functions(atom()) -> #{Library :: binary() => Code :: binary()}.
functions(Name) ->
    gen_server:call(Name, functions).

%% @doc Hands events over from the calling replica, and waits until the mirror has applied them.
%% With `stop' it takes no more. The failed call's reason has the events, and must be in no report.
-spec hand_over(pid(), [eslaver:event() | eslaver_events:commands(), ...]) -> ok | stop.
hand_over(Mirror, Events) ->
    try
        gen_server:call(Mirror, {events, self(), Events}, infinity)
    catch
        exit:_ -> stop
    end.

-spec init(eslaver_mirror_options:options()) -> {ok, #state{}} | {stop, term()}.
init(#{name := Name, start := Start, filter := Filter} = Options) ->
    _ = process_flag(trap_exit, true),
    case Start(feed(), undefined) of
        {ok, Replica} ->
            _ = Filter =:= undefined orelse erlang:send_after(?POSITION, self(), position),
            {ok, #state{
                writer = eslaver_mirror_writer:new(Options),
                name = Name,
                start = Start,
                replica = Replica,
                stale_since = eslaver_clock:now_ms()
            }};
        {error, Reason} ->
            {stop, Reason}
    end.

feed() ->
    {handler, eslaver_mirror_feed, self()}.

-spec handle_call(term(), gen_server:from(), #state{}) ->
    {reply, term(), #state{}} | {noreply, #state{}}.
handle_call({events, Replica, Events}, From, #state{replica = Replica} = State) ->
    case eslaver_mirror_holds:is_none(State#state.holds) of
        true -> {noreply, guarded(fun() -> handled(From, Events, State) end)};
        false -> {noreply, informed(#{}, State#state{held = {From, Events}})}
    end;
handle_call({events, _Former, _Events}, _From, State) ->
    {reply, stop, State};
handle_call({eslaver_mirror_holds, Request}, {Reader, _}, #state{holds = Holds} = State) ->
    {Answer, Next} = eslaver_mirror_holds:call(Request, Reader, Holds),
    {reply, Answer, State#state{holds = Next}};
handle_call({eslaver_waiting, Request}, From, #state{waiting = Waiting} = State) ->
    {noreply, State#state{waiting = eslaver_waiting:call(Request, From, Waiting)}};
handle_call({eslaver_subscriptions, Request}, {Pid, _}, State) ->
    Next = eslaver_subscriptions:call(Request, Pid, State#state.subscriptions),
    {reply, ok, State#state{subscriptions = Next}};
handle_call(functions, _From, #state{writer = Writer} = State) ->
    {reply, eslaver_mirror_writer:functions(Writer), State};
%% A replica whose batch is held cannot answer.
handle_call(info, From, #state{replica = Replica, held = Held, informing = Others} = State) ->
    Waiting = State#state{informing = [From | Others]},
    case Replica =/= undefined andalso Held =:= none of
        true -> {noreply, ask(info, timed(Waiting))};
        false -> {noreply, informed(#{}, Waiting)}
    end;
handle_call(_Unknown, _From, State) ->
    {reply, {error, unknown_request}, State}.

-spec handle_cast(term(), #state{}) -> {noreply, #state{}}.
handle_cast({eslaver_mirror_holds, Request}, #state{holds = Holds} = State) ->
    {noreply, released(State#state{holds = eslaver_mirror_holds:cast(Request, Holds)})};
handle_cast({eslaver_waiting, Request}, #state{waiting = Waiting} = State) ->
    {noreply, State#state{waiting = eslaver_waiting:cast(Request, Waiting)}};
handle_cast({eslaver_subscriptions, Request}, #state{subscriptions = Subscriptions} = State) ->
    {noreply, State#state{subscriptions = eslaver_subscriptions:cast(Request, Subscriptions)}};
handle_cast(_Unknown, State) ->
    {noreply, State}.

-spec handle_info(term(), #state{}) -> {noreply, #state{}} | {stop, term(), #state{}}.
handle_info({'EXIT', Replica, _Reason}, #state{replica = Replica} = State) ->
    {noreply, later(broken(State))};
handle_info({'EXIT', _Pid, normal}, State) ->
    {noreply, State};
handle_info({'EXIT', _Pid, Reason}, State) ->
    {stop, Reason, State};
handle_info(start, State) ->
    {noreply, started(State)};
handle_info({timeout, Timer, resync}, #state{resync = Timer, writer = Writer} = State) ->
    %% The timer stays set until the replica has ended, so that no other is started meanwhile.
    case eslaver_mirror_writer:needs_resync(Writer) of
        true -> {noreply, restarted(State)};
        false -> {noreply, State#state{resync = undefined}}
    end;
handle_info({timeout, Timer, inform}, #state{inform = Timer} = State) ->
    {noreply, informed(#{}, State)};
handle_info(collect, State) ->
    {noreply, guarded(fun() -> collect(State#state{collecting = false}) end)};
handle_info(position, #state{replica = Replica} = State) ->
    _ = erlang:send_after(?POSITION, self(), position),
    case Replica of
        undefined -> {noreply, State};
        _ -> {noreply, ask(position, State)}
    end;
handle_info(Message, #state{asked = Asked} = State) ->
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

-spec terminate(term(), #state{}) -> ok.
terminate(_Reason, #state{writer = Writer, replica = Replica, held = Held}) ->
    _ = guarded(fun() ->
        ok = refuse(Held),
        ok = eslaver_mirror_writer:close(Writer),
        ok = ended(Replica),
        ok = refuse_events()
    end),
    ok.

-spec code_change(term(), #state{}, term()) -> {ok, #state{}}.
code_change(_Old, State, _Extra) ->
    {ok, State}.

refuse(none) -> ok;
refuse({From, _Events}) -> gen_server:reply(From, stop).

%% A replica that is handing over a batch ends by the answer.
ended(undefined) ->
    ok;
ended(Replica) ->
    Monitor = monitor(process, Replica),
    true = exit(Replica, shutdown),
    ended(Replica, Monitor).

ended(Replica, Monitor) ->
    receive
        {'DOWN', Monitor, process, _, _} ->
            ok;
        {'$gen_call', From, {events, _, _}} ->
            gen_server:reply(From, stop),
            ended(Replica, Monitor)
    after ?SHUTDOWN ->
        true = exit(Replica, kill),
        ok
    end.

%% Keeps events out of reports, which show the mailbox.
refuse_events() ->
    receive
        {'$gen_call', From, {events, _, _}} ->
            gen_server:reply(From, stop),
            refuse_events()
    after 0 -> ok
    end.

%% @doc Hides keys, values and the code of functions.
-spec format_status(gen_server:format_status()) -> gen_server:format_status().
format_status(Status) ->
    maps:map(fun shorten/2, Status).

shorten(state, State) ->
    try
        info_of(State)
    catch
        _:_ -> hidden
    end;
shorten(message, Message) ->
    eslaver_failure:shape(Message);
shorten(reason, Reason) ->
    Reason;
shorten(log, _Log) ->
    [].

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
            collect(resync(aged(Applied)))
    catch
        Class:Reason:Stack ->
            gen_server:reply(From, stop),
            erlang:raise(Class, Reason, Stack)
    end.

applied(Events, #state{writer = Writer} = State) ->
    {News, Next} = eslaver_mirror_writer:handle(Events, Writer),
    lists:foldl(fun news/2, State#state{writer = Next}, News).

%% What the stream left open only a snapshot can tell; but the master must not make many, whatever
%% it sends.
resync(#state{writer = Writer, resync = undefined, resyncs = Resyncs} = State) ->
    case eslaver_mirror_writer:needs_resync(Writer) of
        true ->
            {Pause, Next} = eslaver_mirror_resync:next(eslaver_clock:now_ms(), Resyncs),
            Timer = erlang:start_timer(Pause, self(), resync),
            State#state{resync = Timer, resyncs = Next};
        false ->
            State
    end;
resync(State) ->
    State.

restarted(#state{replica = Replica} = State) ->
    true = exit(Replica, kill),
    State.

news({applied, Commands, Offset}, #state{subscriptions = Subscriptions} = State) ->
    ok = eslaver_subscriptions:send(eslaver_subscriptions:applied(Commands, Offset, Subscriptions)),
    State#state{backoff = eslaver_backoff:new()};
news({loaded, News}, #state{subscriptions = Subscriptions, waiting = Waiting} = State) ->
    ok = eslaver_subscriptions:send(eslaver_subscriptions:loaded(News, Subscriptions)),
    State#state{
        waiting = eslaver_waiting:loaded(Waiting),
        backoff = eslaver_backoff:new()
    };
news({told, Told}, #state{subscriptions = Subscriptions} = State) ->
    State#state{subscriptions = eslaver_subscriptions:told(Told, Subscriptions)}.

aged(#state{writer = Writer, stale_since = Since} = State) ->
    case {eslaver_mirror_writer:status(Writer), Since} of
        {fresh, _} -> State#state{stale_since = undefined};
        {_, undefined} -> State#state{stale_since = eslaver_clock:now_ms()};
        {_, _} -> State
    end.

collect(#state{collecting = true} = State) ->
    State;
collect(#state{writer = Writer} = State) ->
    case eslaver_mirror_writer:collect(Writer) of
        done ->
            State;
        more ->
            self() ! collect,
            State#state{collecting = true}
    end.

%% The replica.

broken(#state{writer = Writer} = State) ->
    aged(State#state{
        writer = eslaver_mirror_writer:broken(Writer),
        replica = undefined,
        held = none,
        resync = undefined
    }).

later(#state{backoff = Backoff, restarts = Restarts} = State) ->
    {Pause, Next} = eslaver_backoff:next(Backoff),
    _ = erlang:send_after(Pause, self(), start),
    State#state{backoff = Next, restarts = Restarts + 1}.

started(#state{start = Start, writer = Writer} = State) ->
    case Start(feed(), eslaver_mirror_writer:position(Writer)) of
        {ok, Replica} -> State#state{replica = Replica, start_error = undefined};
        {error, Reason} -> later(not_started(Reason, State))
    end.

%% The same error is logged once.
not_started(Reason, #state{start_error = Reason} = State) ->
    State;
not_started(Reason, #state{name = Name} = State) ->
    ok = eslaver_log:report(warning, not_started, #{replica => Name, reason => Reason}),
    State#state{start_error = Reason}.

%% Sends no request while the same one has no answer yet.
ask(What, #state{replica = Replica, asked = Asked} = State) ->
    case lists:keymember(What, 2, gen_server:reqids_to_list(Asked)) of
        true -> State;
        false -> State#state{asked = eslaver_server:request(What, Replica, Asked)}
    end.

timed(#state{inform = undefined} = State) ->
    State#state{inform = erlang:start_timer(?INFORM, self(), inform)};
timed(State) ->
    State.

answered(info, {reply, Info}, State) ->
    informed(Info, State);
answered(info, {error, _Gone}, State) ->
    informed(#{}, State);
answered(position, {reply, Position}, #state{writer = Writer} = State) ->
    State#state{writer = eslaver_mirror_writer:passed(Position, Writer)};
answered(position, {error, _Gone}, State) ->
    State.

informed(Replica, #state{informing = Informing, inform = Timer} = State) ->
    _ = Timer =:= undefined orelse erlang:cancel_timer(Timer),
    Info = (info_of(State))#{replica => Replica, lag => maps:get(lag, Replica, undefined)},
    lists:foreach(fun(From) -> gen_server:reply(From, Info) end, Informing),
    State#state{informing = [], inform = undefined}.

released(#state{holds = Holds, held = Held} = State) ->
    case {eslaver_mirror_holds:is_none(Holds), Held} of
        {true, {From, Events}} ->
            guarded(fun() -> handled(From, Events, State#state{held = none}) end);
        _ ->
            State
    end.

info_of(#state{writer = Writer, restarts = Restarts, stale_since = Since} = State) ->
    maps:merge(eslaver_mirror_writer:info(Writer), #{
        restarts => Restarts,
        start_error => State#state.start_error,
        stale_for => age(Since)
    }).

age(undefined) -> 0;
age(Since) -> eslaver_clock:now_ms() - Since.
