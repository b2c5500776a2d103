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

%% How soon a receiver that had too many messages is looked at again, in ms.
-define(HELD, 5).

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
    %% Where the handled events end; undefined until a snapshot has been loaded.
    place :: undefined | eslaver_place:place(),
    keeper = none :: eslaver_keeper:keeper(),
    %% The replication id and address of the master that the link is to.
    replid :: undefined | binary(),
    master :: undefined | binary(),
    %% The snapshot being loaded: its size, where that is known, and when it began.
    load = #{} :: map(),
    loaded = false :: boolean(),
    %% Who waits for the first snapshot.
    waiting = [] :: [gen_server:from()],
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
init(#{callback := Callback, resume := Resume, load_dump := LoadDump} = Options) ->
    process_flag(trap_exit, true),
    {Position, Keeper} = eslaver_keeper:open(Resume),
    State = #state{
        options = Options,
        dispatch = eslaver_dispatch:new(Callback),
        keeper = Keeper,
        replay =
            case LoadDump of
                true -> later;
                false -> never
            end
    },
    {ok, resumed(Position, State), {continue, connect}}.

resumed(none, State) ->
    State;
resumed({bad, Failure}, State) ->
    log(warning, bad_position, Failure, State),
    State;
resumed(#{replid := Replid} = Position, State) ->
    State#state{replid = Replid, place = eslaver_place:resumed(Position)}.

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
handle_info({eslaver_link, Pid, Message}, State) ->
    enqueue(Pid, Message, State);
handle_info(work, State) ->
    work(State#state{working = false});
handle_info(connect, #state{link = undefined} = State) ->
    connect(State);
handle_info({eslaver_resume, _Writer, Said}, State) ->
    {noreply, said(Said, State)};
handle_info({'DOWN', _Monitor, process, Pid, Reason}, State) ->
    {stop, {callback_down, Pid, Reason}, State};
handle_info({'EXIT', _Pid, normal}, State) ->
    {noreply, State};
handle_info({'EXIT', Pid, Reason}, State) ->
    case source(Pid, State) of
        none ->
            {stop, Reason, State};
        _ ->
            enqueue(
                Pid, {closed, link_exit, text("its process ended: ~0P", [Reason, 10]), true}, State
            )
    end;
handle_info(_Message, State) ->
    {noreply, State}.

%% @private
-spec terminate(term(), #state{}) -> ok.
terminate(_Reason, #state{link = Link, replay = Replay, keeper = Keeper} = State) ->
    lists:foreach(fun end_link/1, [Ours || {_Pid, _Handle} = Ours <- [Link, Replay]]),
    eslaver_keeper:close(position(State), Keeper).

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

%% Links

connect(#state{options = #{address := Address}} = State) ->
    case start_link(Address, State) of
        {ok, Link} ->
            {noreply, State#state{link = Link, phase = connecting}};
        {error, {nif_not_loaded, _} = Reason} ->
            {stop, Reason, State};
        {error, Reason} ->
            {noreply, link_down(open, text("~0tp", [Reason]), true, State)}
    end.

start_link(Address, #state{options = Options, place = Place}) ->
    Given = maps:with([user, announce_ip, dump, tls, connect_timeout, repl_timeout], Options),
    Config = Given#{
        address => Address,
        password => undefined,
        listening_port => maps:get(announce_port, Options),
        resume => eslaver_place:link(Place),
        server => self()
    },
    case eslaver_link:start_link(Config, maps:get(password, Options)) of
        {ok, Pid, Handle} -> {ok, {Pid, Handle}};
        {error, _} = Error -> Error
    end.

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
    replay(State#state{
        link = undefined,
        phase = waiting,
        load = #{},
        commands = commands(State),
        backoff = Next,
        reconnects = State#state.reconnects + 1,
        last_error = Error
    }).

%% The dump file of an earlier run stands in for a master that is not in reach at the start.
replay(#state{replay = later, loaded = false, place = undefined} = State) ->
    #state{options = #{dump := Dump} = Options} = State,
    Replay = State#state{options = Options#{dump := undefined}},
    case is_binary(Dump) andalso start_link({file, Dump}, Replay) of
        {ok, Link} -> State#state{replay = Link};
        _ -> State#state{replay = never}
    end;
replay(#state{replay = later} = State) ->
    State#state{replay = never};
replay(State) ->
    State.

%% The master is there: what the file says is void, and none of it comes any more.
end_replay(#state{replay = {_Pid, Handle} = Replay, queue = Queue} = State) ->
    end_link(Replay),
    Rest = queue:filter(fun({From, _}) -> From =/= Handle end, Queue),
    State#state{replay = never, queue = Rest};
end_replay(State) ->
    State#state{replay = never}.

%% A process that waits for credit would wait for ever: nobody gives it any, and an end by `normal'
%% is no reason for it to end.
end_link({Pid, Handle}) ->
    ok = eslaver_nif:close(Handle),
    true = unlink(Pid),
    true = exit(Pid, shutdown),
    ok.

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
            work(Handle, Message, State#state{queue = Rest})
    end.

work(Handle, {batch, Weight, Events, Marks, Mark}, #state{dispatch = Dispatch} = State) ->
    case eslaver_dispatch:run(Events, Dispatch) of
        {done, Next} ->
            Done = advance(Mark, State#state{dispatch = Next}),
            work(credit(Handle, Weight, Done));
        {Pause, Left, Count, Next} when Pause =:= turn; Pause =:= held ->
            Paused = behind(Count, Marks, State#state{dispatch = Next}),
            Rest = {batch, Weight, Left, skip(Count, Marks), Mark},
            later(Pause, requeue(Handle, Rest, credit(Handle, 0, Paused)));
        {failed, Failure} ->
            failed(Failure, State)
    end;
work(Handle, {loaded, News}, #state{dispatch = Dispatch} = State) ->
    case eslaver_dispatch:one({loading, eof}, Dispatch) of
        ok -> work(loaded(Handle, News, State));
        {failed, Failure} -> failed(Failure, State)
    end;
work(Handle, {full, News}, #state{replay = {_, Handle}} = State) ->
    log(notice, replay, #{file => maps:get(master, News)}, State),
    work(State#state{load = load(News)});
work(Handle, {closed, Tag, Text, _Heals}, #state{replay = {_, Handle}} = State) ->
    _ = Tag =:= finished orelse log(warning, replay_failed, #{text => Text}, State),
    work(State#state{replay = never});
work(_Handle, {full, #{replid := Replid} = News}, State) ->
    Why = why(State),
    Alone = end_replay(State),
    forget(Alone),
    Up = Alone#state{
        phase = loading,
        replid = Replid,
        place = undefined,
        master = maps:get(master, News),
        load = load(News)
    },
    log(notice, link_up, #{resync => full, why => Why, replid => Replid}, Up),
    work(Up);
work(Handle, {partial, #{replid := New, offset := Offset, master := Master}}, State) ->
    #state{replid = Old, place = Place} = State,
    Replid = defined(New, Old),
    Up = (end_replay(State))#state{
        replid = Replid, place = eslaver_place:continued(New, Place), master = Master
    },
    log(notice, link_up, #{resync => partial, offset => Offset, replid => Replid}, Up),
    work(credit(Handle, 0, up(Up)));
work(_Handle, {dump_failed, #{text := Text}}, State) ->
    log(warning, dump_failed, #{text => Text}, State),
    work(State);
work(_Handle, {closed, Tag, Text, Heals}, State) ->
    work_unless_working(link_down(Tag, Text, Heals, State)).

requeue(Handle, Message, #state{queue = Queue} = State) ->
    State#state{queue = queue:in_r({Handle, Message}, Queue)}.

later(turn, State) ->
    self() ! work,
    {noreply, State#state{working = true}};
later(held, State) ->
    _ = erlang:send_after(?HELD, self(), work),
    {noreply, State#state{working = true}}.

failed(Failure, State) ->
    log(error, callback_failed, Failure, State),
    {stop, {callback_failed, Failure}, State}.

load(#{bytes := Bytes}) ->
    #{bytes => Bytes, started => erlang:monotonic_time(millisecond)}.

loaded(Handle, #{keys := Keys, bytes := Bytes} = News, #state{load = Load} = State) ->
    Took = erlang:monotonic_time(millisecond) - maps:get(started, Load),
    log(notice, loaded, #{keys => Keys, bytes => Bytes, seconds => Took / 1000}, State),
    case State of
        #state{replay = {_, Handle}} ->
            ready(State);
        #state{replid = Replid} ->
            #{offset := Offset, db := Db} = News,
            Place = eslaver_place:new(Replid, Offset, Db),
            credit(Handle, 0, up(State#state{place = Place}))
    end.

%% The stream flows.
up(State) ->
    ready(State#state{phase = streaming, backoff = eslaver_backoff:new()}).

ready(#state{waiting = Waiting} = State) ->
    lists:foreach(fun(From) -> gen_server:reply(From, ok) end, Waiting),
    State#state{loaded = true, waiting = []}.

why(#state{place = undefined, phase = connecting, reconnects = 0}) ->
    <<"the first one">>;
why(#state{place = undefined}) ->
    <<"there is no position to go on from">>;
why(#state{place = Place}) ->
    case eslaver_place:link(Place) of
        undefined -> <<"the master knows no PSYNC">>;
        #{offset := Offset} -> text("the master cannot go on from offset ~b", [Offset])
    end.

defined(undefined, Default) -> Default;
defined(Value, _Default) -> Value.

%% How far events have been handled

advance(undefined, State) ->
    State;
advance(Mark, #state{place = Place} = State) ->
    State#state{place = eslaver_place:advance(Mark, Place)}.

behind(_Count, <<>>, State) ->
    State;
behind(Count, Marks, #state{place = Place} = State) ->
    State#state{place = eslaver_place:behind(Count, Marks, Place)}.

skip(_Count, <<>>) -> <<>>;
skip(Count, Marks) -> eslaver_place:skip(Count, Marks).

%% The link may send as much again, the master may be told, and the position may be kept.
credit(Handle, Weight, #state{place = Place, link = {_, Handle}} = State) when
    Place =/= undefined
->
    ok = eslaver_nif:credit(Handle, Weight, eslaver_place:safe_offset(Place)),
    keep(State);
credit(Handle, Weight, State) ->
    ok = eslaver_nif:credit(Handle, Weight, undefined),
    State.

keep(#state{keeper = Keeper} = State) ->
    State#state{keeper = eslaver_keeper:keep(position(State), Keeper)}.

said(Said, #state{keeper = Keeper, link = Link, phase = Phase} = State) ->
    {News, Next} = eslaver_keeper:said(Said, Keeper),
    case {News, Link} of
        {{durable, Offset}, {_, Handle}} when Phase =:= streaming ->
            ok = eslaver_nif:durable(Handle, Offset);
        {{failed, Failure}, _} ->
            log(warning, position_not_kept, Failure, State);
        _ ->
            ok
    end,
    keep(State#state{keeper = Next}).

forget(#state{keeper = Keeper} = State) ->
    case eslaver_keeper:forget(Keeper) of
        ok -> ok;
        {error, Failure} -> log(warning, position_not_kept, Failure, State)
    end.

position(#state{place = undefined}) -> undefined;
position(#state{place = Place}) -> eslaver_place:position(Place).

%% Info

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
