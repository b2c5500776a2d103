%% @doc One replica: it has a link to its master, gives every event to the callback, knows the
%% position whose events have been handled, and starts the link again when it is lost.
%%
%% User code runs here and nowhere else. What the link sends is queued and worked off in strides, so
%% that calls are answered between two events even when callbacks are slow. What a message of a link
%% changes, and when messages have to wait, is up to {@link eslaver_session}.
%%
%% {@link eslaver} is the way in; `start/0,1' and `stop/0' are those of the original.
-module(eslaver_server).
-behaviour(gen_server).

-export([start/0, start/1, stop/0]).
-export([start_link/1, info/1, position/1, request/3, demand/2, continue/1]).
-export([
    init/1,
    handle_call/3,
    handle_cast/2,
    handle_info/2,
    handle_continue/2,
    terminate/2,
    code_change/3,
    format_status/1
]).

%% What a batch weighs, in bytes, whose memory is given back as soon as it has been handled.
-define(LARGE, 4_000_000).

-record(state, {
    options :: eslaver_options:options(),
    dispatch :: eslaver_dispatch:dispatch(),
    observer = none :: eslaver_observer:observer(),
    reconnect :: eslaver_reconnect:reconnect(),
    session :: eslaver_session:session(),
    links = eslaver_links:new() :: eslaver_links:links(),
    %% Messages of links that have not been handled.
    queue = queue:new() :: queue:queue({pid(), batch() | eslaver_session:message()}),
    keeper = none :: eslaver_position_keeper:keeper(),
    subscriptions = eslaver_subscriptions:new() :: eslaver_subscriptions:subscriptions(),
    progress = eslaver_progress:none() :: eslaver_progress:progress(),
    %% Who waits for the first snapshot, or for a write.
    waiting = eslaver_waiting:new() :: eslaver_waiting:waiting(),
    hooks :: none | eslaver_hooks:hooks()
}).

-type batch() :: {
    batch,
    Weight :: non_neg_integer(),
    Events :: [term()],
    eslaver_position:offsets(),
    eslaver_position:batch_end() | undefined
}.

%% A large batch has been handled: its memory is to be given back, and credit given for it then.
-type handled() :: {handled, eslaver_links:source(), Weight :: pos_integer()}.

-type next() ::
    {noreply, #state{}} | {noreply, #state{}, {continue, handled()}} | {stop, term(), #state{}}.

%% Calls of the original

%% @doc Starts a replica that prints each event, with the options of the application environment.
-spec start() -> {ok, pid()} | {error, term()}.
start() ->
    start([]).

%% @doc Starts a replica, linked to the caller and not supervised, with the options of the
%% application environment. It is registered as `eslaver_server'.
-spec start(eslaver_callback:spec()) -> {ok, pid()} | {error, term()}.
start(Callback) ->
    case eslaver_options:from_environment(Callback) of
        {ok, Options} -> start_link(registered(Options));
        Error -> Error
    end.

%% @doc Stops the replica that is registered as `eslaver_server'.
-spec stop() -> ok.
stop() ->
    gen_server:stop(?MODULE).

registered(#{name := undefined} = Options) -> Options#{name := {local, ?MODULE}};
registered(Options) -> Options.

%% Calls of eslaver

%% @private
-spec start_link(eslaver_options:options()) -> {ok, pid()} | {error, term()}.
start_link(#{name := undefined} = Options) ->
    started(gen_server:start_link(?MODULE, Options, start_options()));
start_link(#{name := Name} = Options) ->
    started(gen_server:start_link(Name, ?MODULE, Options, start_options())).

%% The mailbox may hold megabytes, which no collection is to copy.
start_options() ->
    [{spawn_opt, [{min_heap_size, 10000}, {message_queue_data, off_heap}]}].

started(ignore) -> {error, ignore};
started(Result) -> Result.

%% @private
-spec info(eslaver_name:replica()) -> map().
info(Replica) ->
    gen_server:call(Replica, info).

%% @private
-spec position(eslaver_name:replica()) -> eslaver_position:safe() | undefined.
position(Replica) ->
    gen_server:call(Replica, position).

%% @private Asks without waiting. The response comes under the question as its label.
-spec request(Question, eslaver_name:replica(), Requests) -> Requests when
    Question :: info | position, Requests :: gen_server:request_id_collection().
request(Question, Replica, Requests) ->
    gen_server:send_request(Replica, Question, Question, Requests).

%% @private
-spec demand(eslaver_name:replica(), pos_integer()) -> ok | {error, no_demand}.
demand(Replica, More) ->
    gen_server:call(Replica, {demand, More}, infinity).

%% @private
-spec continue(eslaver_name:replica()) -> ok.
continue(Replica) ->
    gen_server:call(Replica, continue, infinity).

%% gen_server

%% @private
-spec init(eslaver_options:options()) -> {ok, #state{}, {continue, connect}} | {stop, term()}.
init(#{callback := Callback, mailbox_limit := Limit, hooks := Hooks, name := Name} = Options) ->
    process_flag(trap_exit, true),
    Own = eslaver_hooks:new(Hooks, Name),
    case eslaver_position_keeper:open(maps:get(resume, Options)) of
        {ok, Position, Keeper} ->
            case eslaver_dispatch:new(Callback, Limit, Own) of
                {ok, Dispatch} ->
                    {ok, new(Dispatch, Own, Position, Keeper, Options), {continue, connect}};
                {stop, Reason} ->
                    ok = eslaver_position_keeper:close(undefined, Keeper),
                    {stop, Reason}
            end;
        {error, Reason} ->
            {stop, Reason}
    end.

new(Dispatch, Hooks, {bad, Failure}, Keeper, Options) ->
    State = new(Dispatch, Hooks, none, Keeper, Options),
    log(warning, bad_position, Failure, State),
    State;
new(Dispatch, Hooks, Position, Keeper, Options) ->
    #{source := Spec, load_dump := StandIn, empty_master_delay := Delay} = Options,
    Reconnect = eslaver_reconnect:new(Spec, Options),
    #state{
        options = Options,
        dispatch = Dispatch,
        observer = maps:get(observer, Options, none),
        reconnect = Reconnect,
        session = eslaver_session:new(Position, eslaver_reconnect:shown(Reconnect), StandIn, Delay),
        keeper = Keeper,
        hooks = Hooks
    }.

%% @private
-spec handle_continue(connect | handled(), #state{}) -> next().
handle_continue(connect, State) ->
    connect(State);
handle_continue({handled, Source, Weight}, State) ->
    true = erlang:garbage_collect(),
    guarded(fun() -> work(credit(Source, Weight, State)) end).

%% @private
-spec handle_call(term(), gen_server:from(), #state{}) ->
    {reply, term(), #state{}} | {noreply, #state{}}.
handle_call(info, _From, State) ->
    {reply, info_of(State), State};
handle_call(position, _From, State) ->
    {reply, safe_position(State), State};
handle_call(continue, _From, State) ->
    {reply, ok, continued(State)};
handle_call({demand, More}, _From, #state{dispatch = Dispatch} = State) ->
    case eslaver_dispatch:demand(More, Dispatch) of
        {ok, Next} -> {reply, ok, continued(State#state{dispatch = Next})};
        {error, _} = Error -> {reply, Error, State}
    end;
handle_call({eslaver_subscriptions, Request}, {Pid, _}, State) ->
    Next = eslaver_subscriptions:call(Request, Pid, State#state.subscriptions),
    {reply, ok, State#state{subscriptions = Next}};
handle_call({eslaver_waiting, Request}, From, #state{session = Session} = State) ->
    Reach = eslaver_session:reach(Session),
    Waiting = eslaver_waiting:call(Request, From, Reach, State#state.waiting),
    {noreply, State#state{waiting = Waiting}};
handle_call(Request, _From, State) ->
    {reply, {error, {unknown_request, Request}}, State}.

%% @private
-spec handle_cast(term(), #state{}) -> {noreply, #state{}}.
handle_cast({eslaver_subscriptions, Request}, #state{subscriptions = Subscriptions} = State) ->
    {noreply, State#state{subscriptions = eslaver_subscriptions:cast(Request, Subscriptions)}};
handle_cast({eslaver_waiting, Request}, #state{waiting = Waiting} = State) ->
    {noreply, State#state{waiting = eslaver_waiting:cast(Request, Waiting)}};
handle_cast(_Request, State) ->
    {noreply, State}.

%% @private
-spec handle_info(term(), #state{}) -> next().
handle_info({eslaver_link, Pid, Message}, State) ->
    guarded(fun() -> enqueue(Pid, Message, State) end);
handle_info(work, #state{session = Session} = State) ->
    case eslaver_session:work(Session) of
        {true, Next} -> guarded(fun() -> work(State#state{session = Next}) end);
        {false, _} -> {noreply, State}
    end;
handle_info(connect, #state{session = Session} = State) ->
    case eslaver_session:phase(Session) of
        waiting -> connect(State);
        _ -> {noreply, State}
    end;
handle_info({eslaver_rdb_file, Text}, State) ->
    log(warning, rdb_file_failed, #{text => Text}, State),
    {noreply, State};
handle_info({eslaver_position_file, _Writer, Said}, State) ->
    {noreply, said(Said, State)};
handle_info({timeout, Timer, progress}, #state{progress = Progress, links = Links} = State) ->
    {Report, Next} = eslaver_progress:report(Timer, eslaver_links:loading(Links), Progress),
    _ = Report =:= none orelse log(info, loading, Report, State),
    {noreply, State#state{progress = Next}};
handle_info({'DOWN', Monitor, _, Pid, Reason} = Down, #state{dispatch = Dispatch} = State) ->
    case eslaver_dispatch:is_monitor(Monitor, Dispatch) of
        true -> {stop, {callback_down, Pid, Reason}, State};
        false -> sourced(Down, down(Monitor, State))
    end;
handle_info({'EXIT', Pid, Reason}, State) ->
    ended(Pid, Reason, State);
handle_info(Message, State) ->
    sourced(Message, State).

%% A linked process has ended: the one that keeps the position, a link, or a user's. The normal end
%% of a user's process is no reason to end, nor is that of a link, which has said why.
ended(Pid, Reason, #state{keeper = Keeper, links = Links} = State) ->
    case {eslaver_position_keeper:is_writer(Pid, Keeper), eslaver_links:source(Pid, Links)} of
        {true, none} ->
            {stop, {resume_down, Pid, Reason}, State};
        {false, _} when Reason =:= normal ->
            {noreply, State};
        {false, none} ->
            {stop, Reason, State};
        {false, _} ->
            Text = eslaver_text:format("its process ended: ~0P", [Reason, 10]),
            enqueue(Pid, {closed, link_exit, Text, true}, State)
    end.

%% A subscriber or one who waits has ended.
down(Monitor, #state{subscriptions = Subscriptions, waiting = Waiting} = State) ->
    State#state{
        subscriptions = eslaver_subscriptions:down(Monitor, Subscriptions),
        waiting = eslaver_waiting:down(Monitor, Waiting)
    }.

%% @private
-spec terminate(term(), #state{}) -> ok.
terminate(Reason, #state{links = Links, keeper = Keeper, dispatch = Dispatch} = State) ->
    ok = eslaver_links:stop(Links),
    ok = eslaver_reconnect:close(State#state.reconnect),
    ok = eslaver_position_keeper:close(safe_position(State), Keeper),
    case eslaver_dispatch:close(Reason, Dispatch) of
        ok -> ok;
        {failed, Failure} -> log(error, callback_failed, Failure, State)
    end.

%% @private
-spec code_change(term(), #state{}, term()) -> {ok, #state{}}.
code_change(_Old, State, _Extra) ->
    {ok, State}.

guarded(Fun) ->
    eslaver_failure:guarded(replica_failed, Fun).

%% @private The queue may hold megabytes, and so may the last message.
-spec format_status(gen_server:format_status()) -> gen_server:format_status().
format_status(Status) ->
    maps:map(fun shorten/2, Status).

shorten(state, #state{queue = Queue} = State) ->
    try
        (info_of(State))#{queue => queue:len(Queue)}
    catch
        _:_ -> hidden
    end;
shorten(message, {eslaver_link, _, Message}) ->
    {eslaver_link, element(1, Message)};
shorten(log, _Log) ->
    [];
shorten(_Key, Value) ->
    Value.

%% What links send

enqueue(Pid, Message, #state{queue = Queue, links = Links} = State) ->
    case eslaver_links:source(Pid, Links) of
        none -> {noreply, State};
        _ -> work_if_ready(State#state{queue = queue:in({Pid, Message}, Queue)})
    end.

work_if_ready(#state{session = Session} = State) ->
    case eslaver_session:is_ready(Session) of
        true -> work(State);
        false -> {noreply, State}
    end.

%% What a link sent before it was given up is dropped.
work(#state{queue = Queue, links = Links} = State) ->
    case queue:out(Queue) of
        {empty, _} ->
            {noreply, State};
        {{value, {Pid, Message}}, Rest} ->
            Next = State#state{queue = Rest},
            case {eslaver_links:source(Pid, Links), Message} of
                {none, _} -> work(Next);
                {Source, {batch, _, _, _, _}} -> batch(Source, Pid, Message, Next);
                {Source, _} -> transition(Source, Message, Next)
            end
    end.

batch(Source, _Pid, {batch, Weight, [], _Offsets, End}, State) ->
    work(credit(Source, Weight, advance(End, State)));
batch(Source, Pid, {batch, Weight, Events, Offsets, End}, #state{dispatch = Dispatch} = State) ->
    case eslaver_dispatch:run(Events, Dispatch) of
        {done, Next} ->
            Done = advance(End, notified(all, Events, Offsets, State#state{dispatch = Next})),
            handled(Source, Weight, Done);
        {failed, Failure} ->
            failed(Failure, State);
        {stop, Reason, Count, Next} ->
            {stop, Reason, behind(Count, Events, Offsets, State#state{dispatch = Next})};
        {Pause, Left, Count, Next} ->
            Behind = behind(Count, Events, Offsets, State#state{dispatch = Next}),
            Rest = {batch, Weight, Left, eslaver_position:skip(Count, Offsets), End},
            #state{queue = Queue} = Given = credit(Source, 0, Behind),
            postponed(Pause, Given#state{queue = queue:in_r({Pid, Rest}, Queue)})
    end.

%% A heap that has grown for a large value would be kept, beside that of the next value, which comes
%% with the credit. Only outside of this call does the caller hold the batch no longer.
handled(Source, Weight, State) when Weight > ?LARGE ->
    {noreply, State, {continue, {handled, Source, Weight}}};
handled(Source, Weight, State) ->
    work(credit(Source, Weight, State)).

advance(End, #state{session = Session} = State) ->
    reached(State#state{session = eslaver_session:advance(End, Session)}).

behind(Count, Events, Offsets, State) ->
    #state{session = Session} = Notified = notified(Count, Events, Offsets, State),
    reached(Notified#state{session = eslaver_session:behind(Count, Offsets, Session)}).

reached(#state{session = Session, waiting = Waiting} = State) ->
    Offset = eslaver_position:safe_offset(eslaver_session:position(Session)),
    State#state{waiting = eslaver_waiting:reached(Offset, Waiting)}.

%% Subscribers are told of keys once the callback has handled what changed them.
notified(Count, Events, Offsets, #state{subscriptions = Subscriptions} = State) ->
    {Messages, Next} = eslaver_subscriptions:handled(Count, Events, Offsets, Subscriptions),
    ok = eslaver_subscriptions:send(Messages),
    State#state{subscriptions = Next}.

postponed(Why, #state{session = Session} = State) ->
    {noreply, effects(eslaver_session:postponed(Why, Session), State)}.

continued(#state{session = Session} = State) ->
    effects(eslaver_session:continued(Session), State).

failed(Failure, State) ->
    log(error, callback_failed, Failure, State),
    {stop, {callback_failed, Failure}, State}.

%% Transitions of the session

connect(#state{reconnect = Reconnect} = State) ->
    case eslaver_reconnect:next(need(State), Reconnect) of
        {connect, Address, Next} -> connect(Address, State#state{reconnect = Next});
        {asked, Next} -> {noreply, connecting(State#state{reconnect = Next})}
    end.

connect(Address, #state{links = Links} = State) ->
    {Placed, Before} = placed(State),
    Session = eslaver_session:connecting(eslaver_log:address(Address), Before),
    Connecting = State#state{session = Session},
    Options = Placed#{confirm_empty => eslaver_session:confirms_empty(Session)},
    case eslaver_links:open_master(Address, eslaver_session:position(Session), Options, Links) of
        {ok, Next} ->
            {noreply, Connecting#state{links = Next}};
        {error, {nif_not_loaded, _} = Reason} ->
            {stop, Reason, State};
        {error, Reason} ->
            transition(master, {closed, open, words(Reason), true}, Connecting)
    end.

connecting(#state{session = Session} = State) ->
    State#state{session = eslaver_session:connecting(Session)}.

%% What the source has to say of the master.
sourced(Message, #state{reconnect = Reconnect} = State) ->
    {News, Next} = eslaver_reconnect:heard(Message, need(State), Reconnect),
    news(News, State#state{reconnect = Next}).

need(State) -> #{position => safe_position(State)}.

news(nothing, State) ->
    {noreply, State};
news({found, Address}, State) ->
    connect(Address, State);
news({none, Reason, Text}, State) ->
    transition(master, {closed, Reason, Text, true}, State);
news({watched, Changes}, #state{session = Session} = State) ->
    Next = eslaver_session:watched(Changes, Session),
    ok = eslaver_observer:followed(eslaver_session:peer(Next), State#state.observer),
    {noreply, State#state{session = Next}};
news({moved, Address}, #state{links = Links, session = Session} = State) ->
    case {eslaver_links:leave(Address, Links), eslaver_session:phase(Session)} of
        {left, _} -> {noreply, left(Address, State)};
        {none, waiting} -> connect(left(Address, State));
        %% it is there, or the source has been asked, and answers
        _ -> {noreply, State}
    end.

left(Address, #state{reconnect = Reconnect} = State) ->
    State#state{reconnect = eslaver_reconnect:leave(Address, Reconnect)}.

%% The link to a master, and where its keyspace stands, if it fills one.
placed(#state{options = Options, session = Session, observer = Observer}) ->
    HasCallback = maps:get(callback, Options) =/= undefined,
    case eslaver_observer:detached(Observer, HasCallback) of
        none ->
            {Options, Session};
        {Filled, Position, HasKeys} ->
            Placed = eslaver_session:placed(Position, HasKeys, HasCallback, Session),
            {Options#{keyspace => Filled}, Placed}
    end.

%% A link that the server has left for another address says only that it was stopped.
transition(master, {closed, stopped, Text, Heals}, #state{reconnect = Reconnect} = State) ->
    case eslaver_reconnect:left_for(Reconnect) of
        undefined ->
            passed(master, {closed, stopped, Text, Heals}, State);
        Address ->
            Moved = eslaver_text:format("left for ~ts", [eslaver_log:address(Address)]),
            passed(master, {closed, moved, Moved, Heals}, State)
    end;
transition(Source, Message, State) ->
    passed(Source, Message, State).

passed(Source, Message, #state{session = Session} = State) ->
    {Effects, Events, Next} = eslaver_session:arrived(Source, Message, Session),
    Arrived = effects({Effects, Next}, State),
    #state{dispatch = Dispatch, observer = Observer, options = #{events := Shape}} = Arrived,
    ok = eslaver_observer:news(Events, Observer),
    case eslaver_dispatch:all(eslaver_events:shaped(Shape, Events), Dispatch) of
        {done, Done} ->
            work_if_ready(told(Source, Message, Arrived#state{dispatch = Done}));
        {{pause, _} = Pause, Done} ->
            postponed(Pause, told(Source, Message, Arrived#state{dispatch = Done}));
        {stop, Reason, _Count, Done} ->
            {stop, Reason, Arrived#state{dispatch = Done}};
        {failed, Failure} ->
            failed(Failure, Arrived)
    end.

told(Source, Message, #state{session = Session} = State) ->
    effects(eslaver_session:handled(Source, Message, Session), State).

effects({Effects, Session}, State) ->
    lists:foldl(fun effect/2, State#state{session = Session}, Effects).

-spec effect(eslaver_session:effect(), #state{}) -> #state{}.
effect({log, Level, What, Report}, State) ->
    log(Level, What, Report, State),
    State;
effect({work_after, 0}, State) ->
    self() ! work,
    State;
effect({work_after, Time}, State) ->
    _ = erlang:send_after(Time, self(), work),
    State;
effect({up, Resync}, #state{reconnect = Reconnect} = State) ->
    State#state{reconnect = eslaver_reconnect:up(Resync, Reconnect)};
effect({down, Error, Heals, WasUp}, State) ->
    lost(Error, Heals, WasUp, State);
effect({met, Peer}, #state{reconnect = Reconnect, observer = Observer} = State) ->
    ok = eslaver_observer:followed(Peer, Observer),
    State#state{reconnect = eslaver_reconnect:met(Peer, Reconnect)};
effect({load_started, Bytes}, State) ->
    State#state{progress = eslaver_progress:start(Bytes)};
effect({load_finished, #{keys := Keys, bytes := Bytes} = News}, State) ->
    {Seconds, Next} = eslaver_progress:finish(News, State#state.progress),
    log(notice, loaded, #{keys => Keys, bytes => Bytes, seconds => Seconds}, State),
    State#state{progress = Next};
effect(load_abandoned, #state{progress = Progress} = State) ->
    State#state{progress = eslaver_progress:abandon(Progress)};
effect(open_file, #state{options = Options, links = Links} = State) ->
    case eslaver_links:open_file(Options, Links) of
        {ok, Next} ->
            State#state{links = Next};
        {error, Reason} ->
            log(warning, replay_failed, #{text => words(Reason)}, State),
            State
    end;
effect(close_file, #state{links = Links} = State) ->
    State#state{links = eslaver_links:close_file(Links)};
effect(forget, #state{subscriptions = Subscriptions} = State) ->
    forgotten(State#state{subscriptions = eslaver_subscriptions:restarted(Subscriptions)});
effect(learn, #state{links = Links, subscriptions = Subscriptions} = State) ->
    Told = eslaver_links:told(Links),
    State#state{subscriptions = eslaver_subscriptions:told(Told, Subscriptions)};
effect({observe, News}, #state{observer = Observer} = State) ->
    ok = eslaver_observer:news([News], Observer),
    State;
effect({notify, News}, #state{subscriptions = Subscriptions} = State) ->
    ok = eslaver_subscriptions:send(eslaver_subscriptions:loaded(News, Subscriptions)),
    State;
effect(answer_waiting, #state{session = Session, waiting = Waiting} = State) ->
    Reach = eslaver_session:reach(Session),
    State#state{waiting = eslaver_waiting:loaded(Reach, Waiting)};
effect(credit, State) ->
    credit(master, 0, State).

lost(Error, Heals, WasUp, #state{links = Links, session = Session} = State) ->
    Peer = eslaver_session:peer(Session),
    {Pause, Report, Next} = eslaver_reconnect:down({Error, Heals}, WasUp, Peer, moved(State)),
    case Report of
        quiet -> ok;
        {Level, What, Why} -> log(Level, What, Why, State)
    end,
    _ = erlang:send_after(Pause, self(), connect),
    ok = eslaver_hooks:reconnect(
        Pause, eslaver_reconnect:info(Next), master(State), State#state.hooks
    ),
    State#state{links = eslaver_links:lost(Links), reconnect = Next}.

moved(#state{links = Links, reconnect = Reconnect}) ->
    case eslaver_links:has_moved(Links) of
        true -> eslaver_reconnect:moved(Reconnect);
        false -> Reconnect
    end.

%% How far events have been handled

%% The link may send as much again; the master may be told the position, and it may be kept.
credit(Source, Weight, #state{session = Session, links = Links} = State) ->
    case {Source, eslaver_session:position(Session)} of
        {master, Position} when Position =/= undefined ->
            Offset = eslaver_position:safe_offset(Position),
            ok = eslaver_links:credit(master, Weight, Offset, Links),
            keep(State);
        _ ->
            ok = eslaver_links:credit(Source, Weight, undefined, Links),
            State
    end.

keep(#state{keeper = Keeper} = State) ->
    State#state{keeper = eslaver_position_keeper:keep(safe_position(State), Keeper)}.

said(Said, #state{keeper = Keeper, links = Links, session = Session} = State) ->
    {News, Next} = eslaver_position_keeper:said(Said, Keeper),
    case {News, eslaver_session:phase(Session)} of
        {{durable, Offset}, streaming} -> ok = eslaver_links:durable(Offset, Links);
        {{failed, Failure}, _} -> log(warning, position_not_kept, Failure, State);
        {{not_locked, Failure}, _} -> log(warning, position_not_locked, Failure, State);
        _ -> ok
    end,
    keep(State#state{keeper = Next}).

forgotten(#state{keeper = Keeper} = State) ->
    {Result, Next} = eslaver_position_keeper:forget(Keeper),
    _ = [log(warning, position_not_kept, Failure, State) || {failed, Failure} <- [Result]],
    State#state{keeper = Next}.

safe_position(#state{session = Session}) ->
    eslaver_position:safe(eslaver_session:position(Session)).

%% What it shows

info_of(#state{session = Session, links = Links, progress = Progress} = State) ->
    Parts = [
        #{commands => eslaver_links:commands(Links)},
        eslaver_session:info(Session),
        eslaver_progress:info(eslaver_links:loading(Links), Progress),
        eslaver_position:info(eslaver_links:decoded(Links), eslaver_session:position(Session)),
        eslaver_reconnect:info(State#state.reconnect)
    ],
    lists:foldl(fun maps:merge/2, #{}, Parts).

log(Level, What, Report, #state{options = #{name := Name}, hooks = Hooks} = State) ->
    Full = Report#{replica => eslaver_name:replica(Name), master => master(State)},
    ok = eslaver_log:report(Level, What, Full),
    eslaver_hooks:report(What, Full, Hooks).

master(#state{session = Session}) -> eslaver_session:master(Session).

words(Text) when is_binary(Text) -> Text;
words(Reason) -> eslaver_text:format("~0tp", [Reason]).
