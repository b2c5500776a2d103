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
    format_status/1
]).

%% A stride is doubled while it takes less than the first time, and the server looks at its mailbox
%% after the second. Both in microseconds.
-define(QUICK, 100).
-define(TURN, 10000).
-define(LONGEST_STRIDE, 16).
%% How soon a receiver that had too many messages is looked at again, in ms.
-define(HELD, 5).
%% What a report shows of an event, in characters.
-define(EVENT_SHOWN, 500).

-record(state, {
    options :: eslaver_options:options(),
    callback :: eslaver_callback:callback(),
    phase = connecting :: connecting | loading | streaming | waiting,
    %% The process and the handle of the link, while there is one.
    link :: undefined | {pid(), eslaver_nif:link()},
    %% What the link has sent and has not been handled.
    queue = queue:new() :: queue:queue(),
    %% Whether a message to go on with the queue is on its way.
    working = false :: boolean(),
    stride = 1 :: pos_integer(),
    %% Where the handled events end; undefined until a snapshot has been loaded.
    place :: undefined | eslaver_place:place(),
    %% Who writes the position to the disk, whether it is at it, and the position it was given last.
    writer :: undefined | pid(),
    saving = false :: boolean(),
    saved :: undefined | eslaver:position(),
    save_error :: term(),
    %% The replication id and address of the master that the link is to.
    replid :: undefined | binary(),
    master :: undefined | binary(),
    load = #{} :: map(),
    waiting = [] :: [gen_server:from()],
    loaded = false :: boolean(),
    backoff = eslaver_backoff:new() :: eslaver_backoff:backoff(),
    reconnects = 0 :: non_neg_integer(),
    last_error :: undefined | #{reason := atom(), text := binary()},
    %% Commands of links before this one.
    commands = 0 :: non_neg_integer()
}).

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

%% A larger first heap saves a fifth of the time at full speed.
start_options() ->
    [{spawn_opt, [{min_heap_size, 75000}]}].

started(ignore) -> {error, ignore};
started(Result) -> Result.

%% gen_server

%% @private
-spec init(eslaver_options:options()) -> {ok, #state{}, {continue, connect}}.
init(#{callback := Callback} = Options) ->
    process_flag(trap_exit, true),
    State = #state{options = Options, callback = eslaver_callback:new(Callback)},
    {ok, start_resume(State), {continue, connect}}.

%% @private
-spec handle_continue(connect, #state{}) -> {noreply, #state{}} | {stop, term(), #state{}}.
handle_continue(connect, State) ->
    connect(State).

%% @private
-spec handle_call(term(), gen_server:from(), #state{}) ->
    {reply, term(), #state{}} | {noreply, #state{}}.
handle_call(info, _From, State) ->
    {reply, info(State), State};
handle_call(position, _From, State) ->
    {reply, position(State), State};
handle_call({await, loaded}, _From, #state{loaded = true} = State) ->
    {reply, ok, State};
handle_call({await, loaded}, From, #state{waiting = Waiting} = State) ->
    {noreply, State#state{waiting = [From | Waiting]}};
handle_call(Request, _From, State) ->
    {reply, {error, {unknown_request, Request}}, State}.

%% @private
-spec handle_cast(term(), #state{}) -> {noreply, #state{}}.
handle_cast(_Request, State) ->
    {noreply, State}.

%% @private
-spec handle_info(term(), #state{}) -> {noreply, #state{}} | {stop, term(), #state{}}.
handle_info({eslaver_link, Pid, Message}, #state{link = {Pid, _}} = State) ->
    enqueue(Message, State);
handle_info({'EXIT', Pid, Reason}, #state{link = {Pid, _}} = State) when Reason =/= normal ->
    enqueue({closed, link_exit, text("the link's process ended: ~0P", [Reason, 10]), true}, State);
handle_info(work, State) ->
    work(State#state{working = false});
handle_info(connect, #state{link = undefined} = State) ->
    connect(State);
handle_info({eslaver_resume, _Writer, Result}, State) ->
    {noreply, saved(Result, State)};
handle_info({'DOWN', _Monitor, process, Pid, Reason}, State) ->
    {stop, {callback_down, Pid, Reason}, State};
handle_info({'EXIT', _Pid, normal}, State) ->
    {noreply, State};
handle_info({'EXIT', _Pid, Reason}, State) ->
    {stop, Reason, State};
handle_info(_Message, State) ->
    {noreply, State}.

%% @private
-spec terminate(term(), #state{}) -> ok.
terminate(_Reason, #state{link = undefined} = State) ->
    stop_resume(State);
terminate(_Reason, #state{link = {_, Link}} = State) ->
    ok = eslaver_nif:close(Link),
    stop_resume(State).

%% @private The queue may hold megabytes, and so may the last message.
-spec format_status(gen_server:format_status()) -> gen_server:format_status().
format_status(Status) ->
    maps:map(fun shorten/2, Status).

shorten(state, #state{queue = Queue} = State) ->
    (info(State))#{queue => queue:len(Queue)};
shorten(message, {eslaver_link, _, Message}) ->
    {eslaver_link, element(1, Message)};
shorten(log, _Log) ->
    [];
shorten(_Key, Value) ->
    Value.

%% The link

connect(#state{options = Options} = State) ->
    Config = maps:with([address, user, announce_ip, dump, connect_timeout, repl_timeout], Options),
    Link = Config#{
        password => undefined,
        listening_port => maps:get(announce_port, Options),
        resume => resume(State),
        server => self()
    },
    case eslaver_link:start_link(Link, maps:get(password, Options)) of
        {ok, Pid, Handle} ->
            {noreply, State#state{link = {Pid, Handle}, phase = connecting}};
        {error, {nif_not_loaded, _} = Reason} ->
            {stop, Reason, State};
        {error, Reason} ->
            {noreply, link_down(open, text("~0tp", [Reason]), true, State)}
    end.

resume(#state{place = undefined}) -> undefined;
resume(#state{place = Place}) -> eslaver_place:link(Place).

link_down(Reason, Text, Heals, #state{backoff = Backoff} = State) ->
    Error = #{reason => Reason, text => Text},
    log_down(Error, State),
    {Pause, Next} = eslaver_backoff:next(
        case Heals of
            true -> Backoff;
            false -> eslaver_backoff:slow(Backoff)
        end
    ),
    _ = erlang:send_after(Pause, self(), connect),
    State#state{
        link = undefined,
        phase = waiting,
        load = #{},
        commands = commands(State),
        backoff = Next,
        reconnects = State#state.reconnects + 1,
        last_error = Error
    }.

%% What goes on being wrong is said once.
log_down(Error, #state{phase = connecting, last_error = Error}) ->
    ok;
log_down(Error, #state{phase = connecting} = State) ->
    log(warning, no_link, Error, State);
log_down(#{reason := Reason} = Error, State) when
    Reason =:= closed; Reason =:= timeout; Reason =:= io_error
->
    log(notice, link_down, Error, State);
log_down(Error, State) ->
    log(error, link_down, Error, State).

log(Level, What, Report, State) ->
    eslaver_log:report(Level, What, Report#{master => master(State)}).

%% Events

enqueue(Message, #state{queue = Queue} = State) ->
    Queued = State#state{queue = queue:in(Message, Queue)},
    case State#state.working of
        true -> {noreply, Queued};
        false -> work(Queued)
    end.

work(#state{queue = Queue} = State) ->
    case queue:out(Queue) of
        {empty, _} -> {noreply, State};
        {{value, Message}, Rest} -> work(Message, State#state{queue = Rest})
    end.

work({batch, Weight, Events, Marks, Mark}, State) ->
    Deadline = erlang:monotonic_time(microsecond) + ?TURN,
    case run(Events, 0, Deadline, State) of
        {done, Done} ->
            work(credit(Weight, Mark, Done));
        {Pause, Left, Count, Paused} when Pause =:= turn; Pause =:= held ->
            Next = progress(Count, Marks, Paused),
            later(Pause, requeue({batch, Weight, Left, skip(Count, Marks), Mark}, Next));
        {failed, Event, Class, Reason, Stack} ->
            failed(Event, Class, Reason, Stack, State)
    end;
work({full, #{replid := Replid, bytes := Bytes} = News}, State) ->
    Why = why(State),
    ok = forget(State),
    Up = State#state{
        phase = loading,
        replid = Replid,
        place = undefined,
        master = maps:get(master, News),
        load = #{bytes => Bytes, started => erlang:monotonic_time(millisecond)}
    },
    log(notice, link_up, #{resync => full, why => Why, replid => Replid}, Up),
    work(Up);
work({partial, #{replid := New, offset := Offset, master := Master}}, State) ->
    #state{replid = Old, place = Place, waiting = Waiting} = State,
    Replid = defined(New, Old),
    Up = State#state{
        phase = streaming,
        replid = Replid,
        place = eslaver_place:continued(New, Place),
        master = Master,
        backoff = eslaver_backoff:new(),
        loaded = true,
        waiting = []
    },
    log(notice, link_up, #{resync => partial, offset => Offset, replid => Replid}, Up),
    answer(Waiting),
    work(save(Up));
work({loaded, News}, #state{callback = Callback} = State) ->
    case eslaver_callback:handle(Callback, {loading, eof}) of
        ok -> work(loaded(News, State));
        {raised, Class, Reason, Stack} -> failed({loading, eof}, Class, Reason, Stack, State)
    end;
work({dump_failed, #{text := Text}}, State) ->
    log(warning, dump_failed, #{text => Text}, State),
    work(State);
work({closed, Tag, Text, Heals}, State) ->
    {noreply, link_down(Tag, Text, Heals, State)}.

%% Gives events to the callback until they end, the turn does, or the receiver has too many.
run([], _Count, _Deadline, State) ->
    {done, State};
run(Events, Count, Deadline, #state{callback = Callback, stride = Stride} = State) ->
    Ready = eslaver_callback:is_ready(Callback),
    Before = erlang:monotonic_time(microsecond),
    case Ready andalso Before < Deadline andalso stride(Events, Callback, Stride) of
        false when Ready ->
            {turn, Events, Count, State};
        false ->
            {held, Events, Count, State};
        {ok, Left} ->
            Took = erlang:monotonic_time(microsecond) - Before,
            run(Left, Count + Stride, Deadline, State#state{stride = next_stride(Took, Stride)});
        Failed ->
            Failed
    end.

stride(Left, _Callback, 0) ->
    {ok, Left};
stride([], _Callback, _Stride) ->
    {ok, []};
stride([Event | Left], Callback, Stride) ->
    case eslaver_callback:handle(Callback, Event) of
        ok -> stride(Left, Callback, Stride - 1);
        {raised, Class, Reason, Stack} -> {failed, Event, Class, Reason, Stack}
    end.

next_stride(Took, Stride) when Took < ?QUICK -> min(Stride * 2, ?LONGEST_STRIDE);
next_stride(_Took, _Stride) -> 1.

requeue(Message, #state{queue = Queue} = State) ->
    State#state{queue = queue:in_r(Message, Queue)}.

later(turn, State) ->
    self() ! work,
    {noreply, State#state{working = true}};
later(held, State) ->
    _ = erlang:send_after(?HELD, self(), work),
    {noreply, State#state{working = true}}.

failed(Event, Class, Reason, Stack, State) ->
    Shown = shown(Event),
    log(error, callback_failed, #{event => Shown, class => Class, error => Reason}, State),
    Failure = #{event => Shown, class => Class, reason => Reason, stacktrace => Stack},
    {stop, {callback_failed, Failure}, State}.

shown(Event) ->
    string:slice(text("~0tP", [Event, 30]), 0, ?EVENT_SHOWN).

%% Places

%% A batch is done: the link may send as much again, and the master may be told.
credit(Weight, undefined, State) ->
    credit(Weight, State);
credit(Weight, Mark, #state{place = Place} = State) ->
    credit(Weight, State#state{place = eslaver_place:advance(Mark, Place)}).

%% Some of a batch is done.
progress(Count, Marks, #state{place = Place} = State) when Marks =/= <<>> ->
    credit(0, State#state{place = eslaver_place:behind(Count, Marks, Place)});
progress(_Count, <<>>, State) ->
    State.

credit(Weight, #state{link = {_, Link}, place = undefined} = State) ->
    ok = eslaver_nif:credit(Link, Weight, undefined),
    State;
credit(Weight, #state{link = {_, Link}, place = Place} = State) ->
    ok = eslaver_nif:credit(Link, Weight, eslaver_place:safe_offset(Place)),
    save(State).

loaded(#{offset := Offset, db := Db, keys := Keys, bytes := Bytes}, State) ->
    #state{replid = Replid, waiting = Waiting, load = Load} = State,
    Took = erlang:monotonic_time(millisecond) - maps:get(started, Load),
    log(notice, loaded, #{keys => Keys, bytes => Bytes, seconds => Took / 1000}, State),
    answer(Waiting),
    Place = eslaver_place:new(Replid, Offset, Db),
    credit(0, State#state{
        phase = streaming,
        loaded = true,
        waiting = [],
        backoff = eslaver_backoff:new(),
        place = Place
    }).

answer(Waiting) ->
    lists:foreach(fun(From) -> gen_server:reply(From, ok) end, Waiting).

why(#state{place = undefined, loaded = false}) ->
    <<"the first one">>;
why(#state{place = undefined}) ->
    <<"the last one did not come to its end">>;
why(#state{place = Place}) ->
    case eslaver_place:link(Place) of
        undefined -> <<"the master knows no PSYNC">>;
        #{offset := Offset} -> text("the master cannot go on from offset ~b", [Offset])
    end.

defined(undefined, Default) -> Default;
defined(Value, _Default) -> Value.

skip(_Count, <<>>) -> <<>>;
skip(Count, Marks) -> eslaver_place:skip(Count, Marks).

%% The position on disk

%% Reads the position that an earlier life left, and has the next ones written.
start_resume(#state{options = #{resume := undefined}} = State) ->
    State;
start_resume(#state{options = #{resume := {file, Path}}} = State) ->
    {ok, Writer} = eslaver_resume:start_link(Path),
    Keeping = State#state{writer = Writer},
    case eslaver_resume:read(Path) of
        {ok, Position} ->
            resumed(Position, Keeping);
        none ->
            Keeping;
        {error, Reason} ->
            log(warning, bad_position, #{path => Path, reason => Reason}, Keeping),
            Keeping
    end;
start_resume(#state{options = #{resume := Position}} = State) ->
    resumed(Position, State).

resumed(#{replid := Replid} = Position, State) ->
    State#state{replid = Replid, place = eslaver_place:resumed(Position)}.

%% One position at a time is on its way to the disk, and then the newest.
save(#state{writer = undefined} = State) ->
    State;
save(#state{saving = true} = State) ->
    State;
save(#state{writer = Writer, place = Place} = State) ->
    case eslaver_place:position(Place) of
        Position when Position =:= undefined; Position =:= State#state.saved ->
            State;
        Position ->
            ok = eslaver_resume:save(Writer, Position),
            State#state{saving = true, saved = Position}
    end.

saved({saved, Offset}, #state{link = {_, Link}, phase = streaming} = State) ->
    ok = eslaver_nif:durable(Link, Offset),
    save(State#state{saving = false, save_error = undefined});
saved({saved, _Offset}, State) ->
    State#state{saving = false, save_error = undefined};
saved({failed, Reason}, #state{save_error = Reason} = State) ->
    State#state{saving = false};
saved({failed, Reason}, #state{options = #{resume := {file, Path}}} = State) ->
    log(warning, position_not_saved, #{path => Path, reason => Reason}, State),
    State#state{saving = false, save_error = Reason}.

%% Before a new snapshot is handed out: what comes of it must not be mistaken for what was before.
forget(#state{writer = undefined}) -> ok;
forget(#state{writer = Writer}) -> eslaver_resume:forget(Writer).

%% The last position goes to the disk before the server ends.
stop_resume(#state{writer = undefined}) ->
    ok;
stop_resume(#state{writer = Writer, place = Place}) ->
    case Place =/= undefined andalso eslaver_place:position(Place) of
        #{} = Position -> ok = eslaver_resume:save(Writer, Position);
        _ -> ok
    end,
    eslaver_resume:stop(Writer).

%% Info

position(#state{place = undefined}) -> undefined;
position(#state{place = Place}) -> eslaver_place:position(Place).

info(#state{phase = Phase, load = Load} = State) ->
    {Bytes, Keys, _, Decoded} = counters(State),
    Info = #{
        state => Phase,
        master => master(State),
        replid => State#state.replid,
        keys => Keys,
        bytes => Bytes,
        commands => commands(State),
        reconnects => State#state.reconnects,
        last_error => State#state.last_error
    },
    maps:merge(maps:merge(Info, progress_info(Phase, Load, Bytes)), place_info(Decoded, State)).

progress_info(loading, #{bytes := Total, started := Started}, Bytes) ->
    Took = erlang:monotonic_time(millisecond) - Started,
    Rate = #{bytes_per_second => Bytes * 1000 div max(Took, 1)},
    case Total of
        undefined -> #{progress => Rate};
        _ -> #{progress => Rate#{percent => Bytes * 100 div max(Total, 1), total => Total}}
    end;
progress_info(_Phase, _Load, _Bytes) ->
    #{}.

place_info(_Decoded, #state{place = undefined}) ->
    #{offset => undefined, db => undefined, lag => undefined};
place_info(Decoded, #state{place = Place}) ->
    Offset = eslaver_place:offset(Place),
    #{offset => Offset, db => eslaver_place:db(Place), lag => max(Decoded - Offset, 0)}.

counters(#state{link = {_, Link}}) -> eslaver_nif:counters(Link);
counters(#state{link = undefined}) -> {0, 0, 0, 0}.

commands(#state{commands = Before} = State) ->
    {_, _, Commands, _} = counters(State),
    Before + Commands.

master(#state{master = Master}) when is_binary(Master) ->
    Master;
master(#state{options = #{address := {tcp, Host, Port}}}) ->
    iolist_to_binary([Host, $:, integer_to_list(Port)]);
master(#state{options = #{address := {local, Path}}}) ->
    Path.

text(Format, Args) ->
    unicode:characters_to_binary(io_lib:format(Format, Args)).
