%% @doc One replica: it has a link to its master, gives every event to the callback, knows the
%% position whose events have been handled, and starts the link anew when it is lost.
%%
%% User code runs here and nowhere else. What the link sends is queued and worked off in strides, so
%% that calls are answered between two events even when callbacks are slow.
%%
%% {@link eslaver} is the way in; `start/0,1' and `stop/0' are those of the original.
-module(eslaver_server).
-behaviour(gen_server).

-export([start/0, start/1, stop/0]).
-export([start_link/1]).
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

%% How soon a receiver that had too many messages is looked at again, in ms.
-define(HELD, 5).
%% What a batch weighs, in bytes, whose memory is given back as soon as it has been handled.
-define(LARGE, 4_000_000).

-record(state, {
    options :: eslaver_options:options(),
    dispatch :: eslaver_dispatch:dispatch(),
    %% The link to the master: its process and its handle, while there is one, and how far it is.
    link :: undefined | {pid(), eslaver_nif:link()},
    phase = connecting :: connecting | loading | streaming | waiting,
    %% The same for the dump file of an earlier run, which is delivered at most once.
    replay :: never | later | {pid(), eslaver_nif:link()},
    %% What links have sent and has not been handled.
    queue = queue:new() :: queue:queue({eslaver_nif:link(), term()}),
    %% Whether a message to go on with the queue is on its way.
    working = false :: boolean(),
    %% Whether the callback holds the stream until it is told to go on.
    paused = false :: boolean(),
    %% Where the handled events end; undefined until a snapshot has been loaded.
    place :: undefined | eslaver_position:place(),
    keeper = none :: eslaver_position_keeper:keeper(),
    notify = eslaver_subscriptions:new() :: eslaver_subscriptions:subscriptions(),
    %% The replication id and address of the master that the link is to.
    replid :: undefined | binary(),
    master :: undefined | binary(),
    load = eslaver_progress:none() :: eslaver_progress:load(),
    loaded = false :: boolean(),
    %% Who waits for the first snapshot.
    waiting = eslaver_waiting:new() :: eslaver_waiting:waiting(),
    retry = eslaver_retry:new() :: eslaver_retry:retry(),
    %% Commands of links before this one.
    commands = 0 :: non_neg_integer(),
    hooks :: none | eslaver_hooks:hooks()
}).

%% A large batch has been handled: its memory is to be given back, and credit given for it then.
-type handled() :: {handled, eslaver_nif:link(), Weight :: pos_integer()}.

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

%% @private
-spec start_link(eslaver_options:options()) -> {ok, pid()} | {error, term()}.
start_link(#{name := undefined} = Options) ->
    started(gen_server:start_link(?MODULE, Options, start_options()));
start_link(#{name := Name} = Options) ->
    started(gen_server:start_link(Name, ?MODULE, Options, start_options())).

%% Of what waits in the mailbox, megabytes in all, no collection is to make a copy.
start_options() ->
    [{spawn_opt, [{min_heap_size, 10000}, {message_queue_data, off_heap}]}].

started(ignore) -> {error, ignore};
started(Result) -> Result.

%% gen_server

%% @private
-spec init(eslaver_options:options()) -> {ok, #state{}, {continue, connect}} | {stop, term()}.
init(#{callback := Callback, mailbox_limit := Limit} = Options) ->
    process_flag(trap_exit, true),
    Hooks = eslaver_hooks:new(Options),
    case eslaver_position_keeper:open(maps:get(resume, Options)) of
        {ok, Position, Keeper} ->
            case eslaver_dispatch:new(Callback, Limit, Hooks) of
                {ok, Dispatch} ->
                    {ok, new(Dispatch, Hooks, Position, Keeper, Options), {continue, connect}};
                {stop, Reason} ->
                    ok = eslaver_position_keeper:close(undefined, Keeper),
                    {stop, Reason}
            end;
        {error, Reason} ->
            {stop, Reason}
    end.

new(Dispatch, Hooks, Position, Keeper, #{load_dump := LoadDump} = Options) ->
    State = #state{
        options = Options,
        dispatch = Dispatch,
        hooks = Hooks,
        keeper = Keeper,
        replay = maps:get(LoadDump, #{true => later, false => never})
    },
    resumed(Position, State).

resumed(none, State) ->
    State;
resumed({bad, Failure}, State) ->
    log(warning, bad_position, Failure, State),
    State;
resumed(#{replid := Replid} = Position, State) ->
    State#state{replid = Replid, place = eslaver_position:resumed(Position)}.

%% @private
-spec handle_continue(connect | handled(), #state{}) ->
    {noreply, #state{}} | {noreply, #state{}, {continue, handled()}} | {stop, term(), #state{}}.
handle_continue(connect, State) ->
    connect(State);
handle_continue({handled, Handle, Weight}, State) ->
    true = erlang:garbage_collect(),
    guarded(fun() -> work(credit(Handle, Weight, State)) end).

%% @private
-spec handle_call(term(), gen_server:from(), #state{}) ->
    {reply, term(), #state{}} | {noreply, #state{}}.
handle_call(info, _From, State) ->
    {reply, info(State), State};
handle_call(position, _From, State) ->
    {reply, position(State), State};
handle_call({notify, Request}, {Pid, _}, #state{notify = Notify} = State) ->
    {reply, ok, State#state{notify = eslaver_subscriptions:call(Request, Pid, Notify)}};
handle_call(continue, _From, State) ->
    {reply, ok, continue(State)};
handle_call({demand, More}, _From, #state{dispatch = Dispatch} = State) ->
    case eslaver_dispatch:demand(More, Dispatch) of
        {ok, Next} -> {reply, ok, continue(State#state{dispatch = Next})};
        {error, _} = Error -> {reply, Error, State}
    end;
handle_call({await, loaded, _Id}, _From, #state{loaded = true} = State) ->
    {reply, ok, State};
handle_call({await, loaded, Id}, From, #state{waiting = Waiting} = State) ->
    {noreply, State#state{waiting = eslaver_waiting:add(Id, From, Waiting)}};
handle_call(Request, _From, State) ->
    {reply, {error, {unknown_request, Request}}, State}.

%% @private
-spec handle_cast(term(), #state{}) -> {noreply, #state{}}.
handle_cast({given_up, Id}, #state{waiting = Waiting} = State) ->
    {noreply, State#state{waiting = eslaver_waiting:remove(Id, Waiting)}};
handle_cast({notify, {unsubscribe, Ref}}, #state{notify = Notify} = State) ->
    {noreply, State#state{notify = eslaver_subscriptions:unsubscribe(Ref, Notify)}};
handle_cast(_Request, State) ->
    {noreply, State}.

%% @private
-spec handle_info(term(), #state{}) ->
    {noreply, #state{}} | {noreply, #state{}, {continue, handled()}} | {stop, term(), #state{}}.
handle_info({eslaver_link, Pid, Message}, State) ->
    guarded(fun() -> enqueue(Pid, Message, State) end);
handle_info(work, #state{paused = true} = State) ->
    {noreply, State};
handle_info(work, State) ->
    guarded(fun() -> work(State#state{working = false}) end);
handle_info(connect, #state{link = undefined} = State) ->
    connect(State);
handle_info({eslaver_rdb_file, Text}, State) ->
    log(warning, dump_failed, #{text => Text}, State),
    {noreply, State};
handle_info({eslaver_position_file, _Writer, Said}, State) ->
    {noreply, said(Said, State)};
handle_info({timeout, Timer, load}, #state{load = Load} = State) ->
    {Report, Next} = eslaver_progress:progress(Timer, loaded_so_far(State), Load),
    _ = Report =:= none orelse log(info, loading, Report, State),
    {noreply, State#state{load = Next}};
handle_info({'DOWN', Monitor, process, Pid, Reason}, #state{dispatch = Dispatch} = State) ->
    case eslaver_dispatch:is_monitor(Monitor, Dispatch) of
        true -> {stop, {callback_down, Pid, Reason}, State};
        false -> {noreply, down(Monitor, State)}
    end;
handle_info({'EXIT', Pid, Reason}, State) ->
    ended(Pid, Reason, State);
handle_info(_Message, State) ->
    {noreply, State}.

%% A linked process has ended: the one that keeps the position, a link, or a user's. That a user's
%% ends normally is no reason to end, nor that a link does, which has said why.
ended(Pid, Reason, #state{keeper = Keeper} = State) ->
    case {eslaver_position_keeper:is_writer(Pid, Keeper), source(Pid, State)} of
        {true, none} ->
            {stop, {resume_down, Pid, Reason}, State};
        {false, _} when Reason =:= normal ->
            {noreply, State};
        {false, none} ->
            {stop, Reason, State};
        {false, _} ->
            Text = text("its process ended: ~0P", [Reason, 10]),
            enqueue(Pid, {closed, link_exit, Text, true}, State)
    end.

%% @private
-spec terminate(term(), #state{}) -> ok.
terminate(Reason, #state{link = Link, replay = Replay} = State) ->
    #state{keeper = Keeper, dispatch = Dispatch} = State,
    _ = [ok = eslaver_link:stop(Pid, Handle) || {Pid, Handle} <- [Link, Replay]],
    ok = eslaver_link:flush(),
    ok = eslaver_position_keeper:close(position(State), Keeper),
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
        (info(State))#{queue => queue:len(Queue)}
    catch
        _:_ -> hidden
    end;
shorten(message, {eslaver_link, _, Message}) ->
    {eslaver_link, element(1, Message)};
shorten(log, _Log) ->
    [];
shorten(_Key, Value) ->
    Value.

%% Links

connect(#state{options = #{address := Address} = Options, place = Place} = State) ->
    case eslaver_link:start_link(Address, Place, Options) of
        {ok, Link} ->
            {noreply, State#state{link = Link, phase = connecting}};
        {error, {nif_not_loaded, _} = Reason} ->
            {stop, Reason, State};
        {error, Reason} ->
            Never = State#state{phase = connecting},
            {noreply, link_down(open, words(Reason), true, Never)}
    end.

link_down(Reason, Text, Heals, #state{phase = Phase} = State) ->
    Error = #{reason => Reason, text => Text},
    WasUp = Phase =/= connecting,
    {Pause, Level, Next} = eslaver_retry:down(Error, Heals, WasUp, moved(State)),
    case {Level, WasUp} of
        {quiet, _} -> ok;
        {_, true} -> log(Level, link_down, Error, State);
        {_, false} -> log(Level, no_link, Error, State)
    end,
    _ = erlang:send_after(Pause, self(), connect),
    ok = eslaver_hooks:reconnect(Pause, Next, master(State), State#state.hooks),
    replay(State#state{
        link = undefined,
        phase = waiting,
        load = interrupted(State),
        place = eslaver_position:lost(Reason, State#state.place),
        commands = commands(State),
        retry = Next
    }).

%% Whether the stream went on while the link was up.
moved(#state{retry = Retry} = State) ->
    case counters(State) of
        {_, _, 0, _} -> Retry;
        _ -> eslaver_retry:moved(Retry)
    end.

interrupted(#state{phase = loading, load = Load}) -> eslaver_progress:abandon(Load);
interrupted(#state{load = Load}) -> Load.

%% The dump file of an earlier run stands in for a master that is not in reach at the start.
replay(#state{replay = later, loaded = false, place = undefined} = State) ->
    #state{options = #{dbfilename := File} = Options} = State,
    case eslaver_link:start_link({own_file, File}, undefined, Options#{dbfilename := undefined}) of
        {ok, Link} ->
            State#state{replay = Link};
        {error, Reason} ->
            log(warning, replay_failed, #{text => words(Reason)}, State),
            State#state{replay = never}
    end;
replay(#state{replay = later} = State) ->
    State#state{replay = never};
replay(State) ->
    State.

%% The master is there: what the file says is void, and none of it comes any more.
end_replay(#state{replay = Replay} = State) ->
    _ = [ok = eslaver_nif:close(Handle) || {_Pid, Handle} <- [Replay]],
    State#state{replay = never}.

log(Level, What, Report, #state{options = #{name := Name}, hooks = Hooks} = State) ->
    Full = Report#{replica => eslaver_log:replica(Name), master => master(State)},
    ok = eslaver_log:report(Level, What, Full),
    eslaver_hooks:report(What, Full, Hooks).

%% What links send

source(Pid, #state{link = {Pid, Handle}}) -> Handle;
source(Pid, #state{replay = {Pid, Handle}}) -> Handle;
source(_Pid, _State) -> none.

enqueue(Pid, Message, #state{queue = Queue} = State) ->
    case source(Pid, State) of
        none ->
            {noreply, State};
        Handle ->
            Queued = State#state{queue = queue:in({Handle, Message}, Queue)},
            work_unless_working(Queued)
    end.

work_unless_working(#state{working = true} = State) -> {noreply, State};
work_unless_working(State) -> work(State).

work(#state{queue = Queue} = State) ->
    case queue:out(Queue) of
        {empty, _} ->
            {noreply, State};
        {{value, {Handle, Message}}, Rest} ->
            case is_current(Handle, State) of
                true -> work(Handle, Message, State#state{queue = Rest});
                false -> work(State#state{queue = Rest})
            end
    end.

%% What a link sent that has been given up since is of no interest.
is_current(Handle, #state{link = {_, Handle}}) -> true;
is_current(Handle, #state{replay = {_, Handle}}) -> true;
is_current(_Handle, _State) -> false.

work(Handle, {batch, Weight, [], _Marks, Mark}, State) ->
    work(credit(Handle, Weight, advance(Mark, State)));
work(Handle, {batch, Weight, Events, Marks, Mark}, #state{dispatch = Dispatch} = State) ->
    case eslaver_dispatch:run(Events, Dispatch) of
        {done, Next} ->
            Done = advance(Mark, notified(all, Events, Marks, State#state{dispatch = Next})),
            handled(Handle, Weight, Done);
        {failed, Failure} ->
            failed(Failure, State);
        {stop, Reason, Count, Next} ->
            Told = notified(Count, Events, Marks, State#state{dispatch = Next}),
            {stop, Reason, behind(Count, Marks, Told)};
        {Pause, Left, Count, Next} ->
            Told = notified(Count, Events, Marks, State#state{dispatch = Next}),
            Paused = behind(Count, Marks, Told),
            Rest = {batch, Weight, Left, eslaver_position:skip(Count, Marks), Mark},
            #state{queue = Queue} = Given = credit(Handle, 0, Paused),
            later(Pause, Given#state{queue = queue:in_r({Handle, Rest}, Queue)})
    end;
work(Handle, {loaded, News}, State) ->
    tell(eslaver_events:loaded(shape(State), News), State, fun(Told) ->
        loaded(Handle, News, Told)
    end);
work(Handle, {full, News}, #state{replay = {_, Handle}} = State) ->
    log(notice, replay, #{file => maps:get(master, News)}, State),
    tell(eslaver_events:full(shape(State), file, News), State, fun(Told) ->
        Told#state{load = eslaver_progress:start(maps:get(bytes, News))}
    end);
work(Handle, {closed, Tag, Text, _Heals}, #state{replay = {_, Handle}} = State) ->
    _ = Tag =:= finished orelse log(warning, replay_failed, #{text => Text}, State),
    work(State#state{replay = never, load = eslaver_progress:abandon(State#state.load)});
work(Handle, {full, #{replid := Replid} = News}, State) ->
    Alone = forget(end_replay(State)),
    Up = Alone#state{
        phase = loading,
        replid = Replid,
        place = undefined,
        notify = eslaver_subscriptions:restarted(Alone#state.notify),
        master = maps:get(master, News),
        load = eslaver_progress:start(maps:get(bytes, News))
    },
    Why = eslaver_position:why_full(State#state.place, State#state.loaded),
    log(notice, link_up, #{resync => full, why => Why, replid => Replid}, Up),
    {Learned, Ready} = commands(Handle, Up),
    Events = Learned ++ eslaver_events:full(shape(Up), master, News),
    tell(Events, Ready, fun(Told) -> Told end);
work(Handle, {partial, #{replid := New, offset := Offset, master := Master} = News}, State) ->
    Place = eslaver_position:continued(New, State#state.place),
    #{replid := Replid} = eslaver_position:position(Place),
    Up = (end_replay(State))#state{replid = Replid, place = Place, master = Master},
    log(notice, link_up, #{resync => partial, offset => Offset, replid => Replid}, Up),
    {Learned, Ready} = commands(Handle, Up),
    Events = Learned ++ eslaver_events:partial(shape(Up), Replid, News),
    tell(Events, Ready, fun(Told) -> credit(Handle, 0, up(partial, Told)) end);
work(_Handle, {left_out, #{text := Text}}, State) ->
    log(warning, left_out, #{text => Text}, State),
    work(State);
work(_Handle, {closed, Tag, Text, Heals}, #state{phase = Phase} = State) ->
    Error = #{reason => Tag, text => Text},
    Events = [
        Event
     || Phase =/= connecting, Event <- eslaver_events:down(shape(State), Error)
    ],
    tell(Events, State, fun(Told) -> link_down(Tag, Text, Heals, Told) end).

%% A heap that has grown for a large value would be kept, and be there beside that of the next,
%% which comes with the credit. Only outside of this call does the caller hold the batch no longer.
handled(Handle, Weight, State) when Weight > ?LARGE ->
    {noreply, State, {continue, {handled, Handle, Weight}}};
handled(Handle, Weight, State) ->
    work(credit(Handle, Weight, State)).

%% Gives the callback events that are not of a batch, does what they tell of, and goes on.
tell(Events, #state{dispatch = Dispatch} = State, Happen) ->
    case eslaver_dispatch:all(Events, Dispatch) of
        {done, Next} -> work_unless_working(Happen(State#state{dispatch = Next}));
        {{pause, _} = Pause, Next} -> later(Pause, Happen(State#state{dispatch = Next}));
        {stop, Reason, _Count, Next} -> {stop, Reason, State#state{dispatch = Next}};
        {failed, Failure} -> failed(Failure, State)
    end.

shape(#state{options = #{events := Shape}}) -> Shape.

%% What the master has told of its commands is for the notices, and for callbacks that take it.
commands(Handle, #state{notify = Notify, dispatch = Dispatch} = State) ->
    Told = eslaver_nif:commands(Handle),
    Next = State#state{notify = eslaver_subscriptions:told(Told, Notify)},
    {eslaver_dispatch:commands(Told, Dispatch), Next}.

continue(#state{paused = true} = State) ->
    self() ! work,
    State#state{paused = false};
continue(State) ->
    State.

later(turn, State) ->
    self() ! work,
    {noreply, State#state{working = true}};
later({pause, infinity}, State) ->
    {noreply, State#state{working = true, paused = true}};
later({pause, Time}, State) ->
    _ = erlang:send_after(Time, self(), work),
    {noreply, State#state{working = true}};
later(held, State) ->
    later({pause, ?HELD}, State).

failed(Failure, State) ->
    log(error, callback_failed, Failure, State),
    {stop, {callback_failed, Failure}, State}.

loaded(Handle, #{keys := Keys, bytes := Bytes} = News, #state{load = Load} = State) ->
    {Seconds, Done} = eslaver_progress:finish(News, Load),
    log(notice, loaded, #{keys => Keys, bytes => Bytes, seconds => Seconds}, State),
    Loaded = State#state{load = Done},
    case Loaded of
        #state{replay = {_, Handle}} ->
            ready(Loaded);
        #state{replid = Replid} ->
            #{offset := Offset, db := Db} = News,
            ok = eslaver_subscriptions:send(eslaver_subscriptions:loaded(News, State#state.notify)),
            credit(Handle, 0, up(full, Loaded#state{place = eslaver_position:new(Replid, Offset, Db)}))
    end.

%% The stream flows.
up(Resync, #state{retry = Retry} = State) ->
    ready(State#state{phase = streaming, retry = eslaver_retry:up(Resync, Retry)}).

ready(#state{waiting = Waiting} = State) ->
    State#state{loaded = true, waiting = eslaver_waiting:reply(ok, Waiting)}.

%% A subscriber or one who waits has ended.
down(Monitor, #state{notify = Notify, waiting = Waiting} = State) ->
    State#state{
        notify = eslaver_subscriptions:down(Monitor, Notify),
        waiting = eslaver_waiting:down(Monitor, Waiting)
    }.

%% How far events have been handled

advance(Mark, #state{place = Place} = State) ->
    State#state{place = eslaver_position:advance(Mark, Place)}.

behind(Count, Marks, #state{place = Place} = State) ->
    State#state{place = eslaver_position:behind(Count, Marks, Place)}.

%% Subscribers are told of keys once the callback has handled what changed them.
notified(Count, Events, Marks, #state{notify = Notify} = State) ->
    {Messages, Next} = eslaver_subscriptions:handled(Count, Events, Marks, Notify),
    ok = eslaver_subscriptions:send(Messages),
    State#state{notify = Next}.

%% The link may send as much again, the master may be told, and the position may be kept.
credit(Handle, Weight, #state{place = Place, link = {_, Handle}} = State) when
    Place =/= undefined
->
    ok = eslaver_nif:credit(Handle, Weight, eslaver_position:safe_offset(Place)),
    keep(State);
credit(Handle, Weight, State) ->
    ok = eslaver_nif:credit(Handle, Weight, undefined),
    State.

keep(#state{keeper = Keeper} = State) ->
    State#state{keeper = eslaver_position_keeper:keep(position(State), Keeper)}.

said(Said, #state{keeper = Keeper, link = Link, phase = Phase} = State) ->
    {News, Next} = eslaver_position_keeper:said(Said, Keeper),
    case {News, Link} of
        {{durable, Offset}, {_, Handle}} when Phase =:= streaming ->
            ok = eslaver_nif:durable(Handle, Offset);
        {{failed, Failure}, _} ->
            log(warning, position_not_kept, Failure, State);
        {{not_locked, Failure}, _} ->
            log(warning, position_not_locked, Failure, State);
        _ ->
            ok
    end,
    keep(State#state{keeper = Next}).

forget(#state{keeper = Keeper} = State) ->
    {Result, Next} = eslaver_position_keeper:forget(Keeper),
    case Result of
        ok -> ok;
        {failed, Failure} -> log(warning, position_not_kept, Failure, State)
    end,
    State#state{keeper = Next}.

position(#state{place = Place}) -> eslaver_position:position(Place).

%% Info

info(#state{phase = Phase, load = Load, place = Place} = State) ->
    {_, _, _, Decoded} = counters(State),
    Info = #{
        state => Phase,
        master => master(State),
        replid => State#state.replid,
        commands => commands(State),
        paused => State#state.paused
    },
    More = [
        eslaver_progress:info(loaded_so_far(State), Load),
        eslaver_position:info(Decoded, Place),
        eslaver_retry:info(State#state.retry)
    ],
    lists:foldl(fun maps:merge/2, Info, More).

%% Bytes and keys of the load that is under way, be it of a file.
loaded_so_far(#state{replay = {_, Link}}) ->
    {Bytes, Keys, _, _} = eslaver_nif:counters(Link),
    {Bytes, Keys};
loaded_so_far(State) ->
    {Bytes, Keys, _, _} = counters(State),
    {Bytes, Keys}.

counters(#state{link = {_, Link}}) -> eslaver_nif:counters(Link);
counters(#state{link = undefined}) -> {0, 0, 0, 0}.

commands(#state{commands = Before} = State) ->
    {_, _, Commands, _} = counters(State),
    Before + Commands.

master(#state{master = Master}) when is_binary(Master) -> Master;
master(#state{options = #{address := {tcp, Host, Port}}}) -> text("~ts:~b", [Host, Port]);
master(#state{options = #{address := {local, Path}}}) -> eslaver_log:path(Path).

words(Text) when is_binary(Text) -> Text;
words(Reason) -> text("~0tp", [Reason]).

text(Format, Args) ->
    unicode:characters_to_binary(io_lib:format(Format, Args)).
