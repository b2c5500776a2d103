%% @doc A replica's parts, and how they work together: its links, the queue of what these have sent,
%% the callback, the position whose events have been handled, and who listens.
%%
%% {@link eslaver_server} is the process, and passes in what it is sent and asked. What the link
%% sends is queued and worked off in strides, so that calls are answered between two events even
%% when callbacks are slow. What a message of a link changes, and when messages have to wait, is up
%% to {@link eslaver_session}.
%% @private
-module(eslaver_replica).

-export([start/1, stop/2, connect/2, reconnect/1]).
-export([arrived/3, inject/2, resume_work/2, credited/3, continued/1, demand/2]).
-export([answer/3, hear/2]).
-export([ended/3, down/2, sourced/2, said/2, not_filed/2, progressed/2]).
-export([call/3, cast/2]).
-export([shown/1, status/1, position/1]).
-export_type([replica/0, next/0, handled/0]).

%% What a batch weighs, in bytes, whose memory is given back as soon as it has been handled.
-define(LARGE, 4_000_000).

-record(replica, {
    options :: eslaver_options:options(),
    dispatch :: eslaver_dispatch:dispatch(),
    observer = none :: eslaver_observer:observer(),
    reconnect :: eslaver_reconnect:reconnect(),
    session :: eslaver_session:session(),
    links = eslaver_links:new() :: eslaver_links:links(),
    %% What has not been handled: messages of links, and events from elsewhere.
    queue = queue:new() :: queue:queue({pid(), message()} | {injected, eslaver_events:event()}),
    keeper = none :: eslaver_position_keeper:keeper(),
    listeners = eslaver_listeners:new() :: eslaver_listeners:listeners(),
    reports :: eslaver_reports:reports(),
    facts :: eslaver_facts:facts(),
    %% What failures are remembered by.
    key :: eslaver_restarts:key()
}).

-type message() :: eslaver_link:batch() | eslaver_session:message().
%% What a link sends.

%% A large batch has been handled: its memory is to be given back, and credit given for it then.
-type handled() :: {handled, eslaver_links:source(), Weight :: pos_integer()}.

-opaque replica() :: #replica{}.

-type next() ::
    {noreply, replica()} | {noreply, replica(), {continue, handled()}} | {stop, term(), replica()}.

%% @doc At the start of the process, which traps exits. {@link connect/2} is to follow, with the
%% pause in ms.
-spec start(eslaver_options:options()) -> {ok, replica(), Pause} | {stop, term()} when
    Pause :: non_neg_integer().
start(#{resume := Resume} = Options) ->
    Reports = eslaver_reports:new(Options),
    case eslaver_position_keeper:open(Resume, eslaver_shard:where(Options)) of
        {ok, Position, Keeper} ->
            case eslaver_reports:dispatch(Options, Reports) of
                {ok, Dispatch} ->
                    started(new(Dispatch, Reports, Position, Keeper, Options));
                {stop, Reason} ->
                    ok = eslaver_position_keeper:close(undefined, Keeper),
                    {stop, Reason}
            end;
        {error, Reason} ->
            {stop, Reason}
    end.

started(#replica{key = Key, options = Options, reports = Reports} = Replica) ->
    ok = eslaver_reports:watch(Options, Reports),
    case eslaver_restarts:last(Key) of
        none ->
            {ok, Replica, 0};
        #{in_a_row := InARow, error := Error} = Failed ->
            Pause = eslaver_backoff:restart(InARow, position(Replica) =/= undefined),
            log(notice, restarted, Error#{count => InARow, pause => Pause}, Replica),
            Reconnect = eslaver_reconnect:failed(Failed, Replica#replica.reconnect),
            {ok, Replica#replica{reconnect = Reconnect}, Pause}
    end.

new(Dispatch, Reports, {bad, Failure}, Keeper, Options) ->
    Replica = new(Dispatch, Reports, none, Keeper, Options),
    log(warning, bad_position, Failure, Replica),
    Replica;
new(Dispatch, Reports, Position, Keeper, Options) ->
    #{source := Spec, load_dump := StandIn, empty_master_delay := Delay} = Options,
    Reconnect = eslaver_reconnect:new(Spec, Options),
    #replica{
        options = Options,
        dispatch = Dispatch,
        observer = maps:get(observer, Options, none),
        reconnect = Reconnect,
        session = eslaver_session:new(Position, eslaver_reconnect:name(Reconnect), StandIn, Delay),
        queue = queue:from_list([{injected, Event} || Event <- eslaver_shard:events(Options)]),
        keeper = Keeper,
        reports = Reports,
        facts = eslaver_facts:new(Options, eslaver_dispatch:hand(Dispatch)),
        key = eslaver_restarts:key(Options)
    }.

%% @doc The process ends.
-spec stop(term(), replica()) -> ok.
stop(Reason, #replica{links = Links, keeper = Keeper, dispatch = Dispatch} = Replica) ->
    Steady = eslaver_reconnect:up_for(Replica#replica.reconnect),
    ok = eslaver_restarts:ended(Reason, Steady, Replica#replica.key),
    ok = eslaver_links:stop(Links),
    ok = eslaver_reconnect:close(Replica#replica.reconnect),
    ok = eslaver_position_keeper:close(position(Replica), Keeper),
    case eslaver_dispatch:close(Reason, Dispatch) of
        ok -> ok;
        {failed, Failure} -> log(error, callback_failed, Failure, Replica)
    end.

%% Other processes

%% @doc A listener calls.
-spec call(eslaver_listeners:request(), gen_server:from(), replica()) -> replica().
call(Request, From, #replica{session = Session, listeners = Listeners} = Replica) ->
    Reach = eslaver_session:reach(Session),
    Replica#replica{listeners = eslaver_listeners:call(Request, From, Reach, Listeners)}.

%% @doc A listener asks without waiting.
-spec cast(eslaver_listeners:request(), replica()) -> replica().
cast(Request, #replica{listeners = Listeners} = Replica) ->
    Replica#replica{listeners = eslaver_listeners:cast(Request, Listeners)}.

%% @doc A monitored process has ended: the callback's, a subscriber, one who waits, or the source.
-spec down(Down, replica()) -> next() when
    Down :: {'DOWN', reference(), process, pid() | atom() | {atom(), node()}, term()}.
down({'DOWN', Monitor, _, Pid, Reason} = Down, Replica) ->
    #replica{dispatch = Dispatch, listeners = Listeners} = Replica,
    case eslaver_dispatch:is_monitor(Monitor, Dispatch) of
        true ->
            {stop, {callback_down, Pid, Reason}, Replica};
        false ->
            Without = Replica#replica{listeners = eslaver_listeners:down(Monitor, Listeners)},
            case sourced(Down, Without) of
                {noreply, Replica} -> hear(Down, Replica);
                Next -> Next
            end
    end.

%% @doc A linked process has ended: the one that keeps the position, a link, or a user's. The normal
%% end of a user's process is no reason to end, nor is that of a link, which has said why.
-spec ended(pid(), term(), replica()) -> next().
ended(Pid, Reason, #replica{keeper = Keeper, links = Links} = Replica) ->
    case {eslaver_position_keeper:is_writer(Pid, Keeper), eslaver_links:source(Pid, Links)} of
        {true, none} ->
            {stop, {resume_down, Pid, Reason}, Replica};
        {false, _} when Reason =:= normal ->
            {noreply, Replica};
        {false, none} ->
            {stop, Reason, Replica};
        {false, _} ->
            Text = eslaver_text:format("its process ended: ~0P", [Reason, 10]),
            arrived(Pid, {closed, link_exit, Text, true}, Replica)
    end.

%% What links send

%% @doc A link has sent a message.
-spec arrived(pid(), message(), replica()) -> next().
arrived(Pid, Message, #replica{queue = Queue, links = Links} = Replica) ->
    case eslaver_links:source(Pid, Links) of
        none -> {noreply, Replica};
        _ -> work_if_ready(Replica#replica{queue = queue:in({Pid, Message}, Queue)})
    end.

%% @doc An event in the full shape comes from elsewhere, and waits for its turn.
-spec inject(eslaver_events:event(), replica()) -> next().
inject(Event, #replica{queue = Queue} = Replica) ->
    work_if_ready(Replica#replica{queue = queue:in({injected, Event}, Queue)}).

%% @doc The message for a turn has arrived.
-spec resume_work(eslaver_session:turn_number(), replica()) -> next().
resume_work(Turn, #replica{session = Session} = Replica) ->
    case eslaver_session:work(Turn, Session) of
        {true, Next} -> work(Replica#replica{session = Next});
        {false, _} -> {noreply, Replica}
    end.

work_if_ready(#replica{session = Session} = Replica) ->
    case eslaver_session:is_ready(Session) of
        true -> work(Replica);
        false -> {noreply, Replica}
    end.

%% What a link sent before it was given up is dropped.
work(#replica{queue = Queue, links = Links} = Replica) ->
    case queue:out(Queue) of
        {empty, _} ->
            {noreply, Replica};
        {{value, {injected, Event}}, Rest} ->
            given([Event], fun(Same) -> Same end, Replica#replica{queue = Rest});
        {{value, {Pid, Message}}, Rest} ->
            Next = Replica#replica{queue = Rest},
            case {eslaver_links:source(Pid, Links), Message} of
                {none, _} -> work(Next);
                {Source, {batch, _, _, _, _}} -> batch(Source, Pid, Message, Next);
                {Source, _} -> transition(Source, Message, Next)
            end
    end.

batch(Source, _Pid, {batch, Weight, [], _, _} = Batch, Replica) ->
    work(credit(Source, Weight, moved(all, Batch, Replica)));
batch(Source, Pid, {batch, Weight, Events, Offsets, End} = Batch, Replica) ->
    #replica{dispatch = Dispatch} = Replica,
    case eslaver_dispatch:run(Events, Dispatch) of
        {done, Next} ->
            handled(Source, Weight, moved(all, Batch, Replica#replica{dispatch = Next}));
        {failed, Failure} ->
            failed(Failure, Replica);
        {stop, Reason, Count, Next} ->
            {stop, Reason, moved(Count, Batch, Replica#replica{dispatch = Next})};
        {Pause, Left, Count, Next} ->
            Moved = moved(Count, Batch, Replica#replica{dispatch = Next}),
            Rest = {batch, Weight, Left, eslaver_position:skip(Count, Offsets), End},
            #replica{queue = Queue} = Given = credit(Source, 0, Moved),
            postponed(Pause, Given#replica{queue = queue:in_r({Pid, Rest}, Queue)})
    end.

%% A heap that has grown for a large value would be kept, beside that of the next value, which comes
%% with the credit. Only outside of this call does the caller hold the batch no longer.
handled(Source, Weight, Replica) when Weight > ?LARGE ->
    {noreply, Replica, {continue, {handled, Source, Weight}}};
handled(Source, Weight, Replica) ->
    work(credit(Source, Weight, Replica)).

%% @doc The memory of a large batch has been given back.
-spec credited(eslaver_links:source(), Weight :: pos_integer(), replica()) -> next().
credited(Source, Weight, Replica) ->
    work(credit(Source, Weight, Replica)).

moved(Count, Batch, #replica{session = Session, listeners = Listeners} = Replica) ->
    {Moved, Told} = eslaver_handled:events(Count, Batch, Session, Listeners),
    ok = eslaver_facts:count(eslaver_handled:count(Count, Batch), Replica#replica.facts),
    reached(Replica#replica{session = Moved, listeners = Told}).

reached(#replica{session = Session, facts = Facts} = Replica) ->
    ok = eslaver_facts:reached(eslaver_session:position(Session), Facts),
    Replica.

postponed(Why, #replica{session = Session} = Replica) ->
    {noreply, effects(eslaver_session:postponed(Why, Session), Replica)}.

%% @doc The callback no longer holds the stream.
-spec continued(replica()) -> replica().
continued(#replica{session = Session} = Replica) ->
    effects(eslaver_session:continued(Session), Replica).

%% @doc The callback's process will take `More' events more.
-spec demand(pos_integer(), replica()) -> {ok | {error, no_demand}, replica()}.
demand(More, #replica{dispatch = Dispatch} = Replica) ->
    case eslaver_dispatch:demand(More, Dispatch) of
        {ok, Next} -> {ok, continued(Replica#replica{dispatch = Next})};
        {error, _} = Error -> {Error, Replica}
    end.

%% @doc Another process calls the handler.
-spec answer(term(), gen_server:from(), replica()) -> next().
answer(Request, From, #replica{dispatch = Dispatch} = Replica) ->
    heard(eslaver_dispatch:answer(Request, From, Dispatch), Replica).

%% @doc A message that is for no part of the replica: it is for the handler.
-spec hear(term(), replica()) -> next().
hear(Message, #replica{dispatch = Dispatch} = Replica) ->
    heard(eslaver_dispatch:hear(Message, Dispatch), Replica).

heard({done, Next}, Replica) -> {noreply, Replica#replica{dispatch = Next}};
heard({continue, Next}, Replica) -> {noreply, continued(Replica#replica{dispatch = Next})};
heard({{pause, _} = Pause, Next}, Replica) -> postponed(Pause, Replica#replica{dispatch = Next});
heard({stop, Reason, _, Next}, Replica) -> {stop, Reason, Replica#replica{dispatch = Next}};
heard({failed, Failure}, Replica) -> failed(Failure, Replica).

failed(Failure, Replica) ->
    log(error, callback_failed, Failure, Replica),
    {stop, {callback_failed, Failure}, Replica}.

%% Transitions of the session

%% @doc Looks for a master, and connects to it, perhaps after a pause.
-spec connect(Pause :: non_neg_integer(), replica()) -> next().
connect(0, Replica) ->
    connect(Replica);
connect(Pause, #replica{session = Session} = Replica) ->
    {noreply, retrying(Pause, Replica#replica{session = eslaver_session:waiting(Session)})}.

retrying(Pause, #replica{reconnect = Reconnect} = Replica) ->
    _ = erlang:send_after(Pause, self(), {?MODULE, connect}),
    Replica#replica{reconnect = eslaver_reconnect:waits(Pause, Reconnect)}.

connect(#replica{reconnect = Reconnect} = Replica) ->
    case eslaver_reconnect:next(need(Replica), Reconnect) of
        {connect, Address, Next} -> link(Address, Replica#replica{reconnect = Next});
        {asked, Next} ->
            Connecting = eslaver_session:connecting(Replica#replica.session),
            {noreply, Replica#replica{reconnect = Next, session = Connecting}}
    end.

%% @doc The pause before the next try is over.
-spec reconnect(replica()) -> next().
reconnect(#replica{session = Session} = Replica) ->
    case eslaver_session:phase(Session) of
        waiting -> connect(Replica);
        _ -> {noreply, Replica}
    end.

link(Address, #replica{options = Options, links = Links, session = Now} = Replica) ->
    {Placed, Before} = eslaver_placement:placed(Options, Now, Replica#replica.observer),
    Session = eslaver_session:connecting(eslaver_log:address(Address), Before),
    Connecting = Replica#replica{session = Session},
    Config = Placed#{
        backlog => eslaver_facts:backlog(Replica#replica.facts),
        confirm_empty => eslaver_session:confirms_empty(Session),
        node => eslaver_reconnect:node_at(Address, Replica#replica.reconnect)
    },
    case eslaver_links:open_master(Address, eslaver_session:position(Session), Config, Links) of
        {ok, Next} -> {noreply, Connecting#replica{links = Next}};
        {error, Reason} -> transition(master, {closed, open, Reason, true}, Connecting)
    end.

%% @doc The source may have something to say of the master.
-spec sourced(term(), replica()) -> next().
sourced(Message, #replica{reconnect = Reconnect} = Replica) ->
    {News, Next} = eslaver_reconnect:heard(Message, need(Replica), Reconnect),
    news(News, Replica#replica{reconnect = Next}).

need(Replica) -> #{position => position(Replica)}.

news(nothing, Replica) ->
    {noreply, Replica};
news({found, Address}, Replica) ->
    link(Address, Replica);
news({none, Reason, Text}, Replica) ->
    transition(master, {closed, Reason, Text, true}, Replica);
news({watched, Changes}, #replica{session = Session} = Replica) ->
    Next = eslaver_session:watched(Changes, Session),
    ok = eslaver_observer:followed(eslaver_session:peer(Next), Replica#replica.observer),
    {noreply, Replica#replica{session = Next}};
news({moved, Address}, #replica{links = Links, session = Session} = Replica) ->
    case {eslaver_links:leave(Address, Links), eslaver_session:phase(Session)} of
        {left, _} -> {noreply, left(Address, Replica)};
        {none, waiting} -> connect(left(Address, Replica));
        %% it is there, or the source has been asked, and answers
        _ -> {noreply, Replica}
    end.

left(Address, #replica{reconnect = Reconnect} = Replica) ->
    Replica#replica{reconnect = eslaver_reconnect:leave(Address, Reconnect)}.

transition(master, Message, #replica{reconnect = Reconnect} = Replica) ->
    passed(master, eslaver_reconnect:explained(Message, Reconnect), Replica);
transition(file, Message, Replica) ->
    passed(file, Message, Replica).

passed(Source, Message, #replica{session = Session} = Replica) ->
    {Effects, Events, Next} = eslaver_session:arrived(Source, Message, Session),
    Arrived = effects({Effects, Next}, Replica),
    ok = eslaver_observer:news(Events, Arrived#replica.observer),
    given(Events, fun(Handled) -> told(Source, Message, Handled) end, Arrived).

%% Gives the callback these events, in the shape that it wants, and goes on with the queue.
given(Events, Then, Unshown) ->
    #replica{dispatch = Dispatch, options = #{events := Shape}} = Replica = shown(Unshown),
    case eslaver_dispatch:all(eslaver_events:shaped(Shape, Events), Dispatch) of
        {done, Done} -> work_if_ready(Then(Replica#replica{dispatch = Done}));
        {{pause, _} = Pause, Done} -> postponed(Pause, Then(Replica#replica{dispatch = Done}));
        {stop, Reason, _Count, Done} -> {stop, Reason, Replica#replica{dispatch = Done}};
        {failed, Failure} -> failed(Failure, Replica)
    end.

told(Source, Message, #replica{session = Session} = Replica) ->
    effects(eslaver_session:handled(Source, Message, Session), Replica).

effects({Effects, Session}, Replica) ->
    reached(lists:foldl(fun effect/2, Replica#replica{session = Session}, Effects)).

-spec effect(eslaver_session:effect(), #replica{}) -> #replica{}.
effect({log, Level, What, Report}, Replica) ->
    log(Level, What, Report, Replica),
    Replica;
effect({work_after, 0, Turn}, Replica) ->
    self() ! {?MODULE, work, Turn},
    Replica;
effect({work_after, Time, Turn}, Replica) ->
    _ = erlang:send_after(Time, self(), {?MODULE, work, Turn}),
    Replica;
effect({up, Resync}, #replica{reconnect = Reconnect} = Replica) ->
    Replica#replica{reconnect = eslaver_reconnect:up(Resync, Reconnect)};
effect({down, Error, Heals, WasUp}, Replica) ->
    lost(Error, Heals, WasUp, Replica);
effect({met, Peer}, #replica{reconnect = Reconnect, observer = Observer} = Replica) ->
    ok = eslaver_observer:followed(Peer, Observer),
    Replica#replica{reconnect = eslaver_reconnect:met(Peer, Reconnect)};
effect({load, What}, #replica{reports = Reports} = Replica) ->
    Replica#replica{reports = eslaver_reports:load(What, master(Replica), Reports)};
effect(open_file, #replica{options = Options, links = Links} = Replica) ->
    case eslaver_links:open_file(Options, Links) of
        {ok, Next} -> Replica#replica{links = Next};
        {error, Reason} ->
            log(warning, replay_failed, #{text => Reason}, Replica),
            Replica
    end;
effect(close_file, #replica{links = Links} = Replica) ->
    Replica#replica{links = eslaver_links:close_file(Links)};
effect(forget, #replica{listeners = Listeners} = Replica) ->
    forgotten(Replica#replica{listeners = eslaver_listeners:restarted(Listeners)});
effect(learn, #replica{links = Links, listeners = Listeners} = Replica) ->
    Told = eslaver_links:told(Links),
    Replica#replica{listeners = eslaver_listeners:told(Told, Listeners)};
effect({observe, News}, #replica{observer = Observer} = Replica) ->
    ok = eslaver_observer:news([News], Observer),
    Replica;
effect({notify, News}, #replica{listeners = Listeners} = Replica) ->
    ok = eslaver_listeners:loaded(News, Listeners),
    Replica;
effect(answer_waiting, Replica) ->
    #replica{session = Session, listeners = Listeners} = Shown = shown(Replica),
    Reach = eslaver_session:reach(Session),
    Shown#replica{listeners = eslaver_listeners:answered(Reach, Listeners)};
effect(credit, Replica) ->
    credit(master, 0, Replica).

lost(Error, Heals, WasUp, #replica{links = Links, session = Session} = Replica) ->
    Peer = eslaver_session:peer(Session),
    Before = eslaver_reconnect:moved(eslaver_links:has_moved(Links), Replica#replica.reconnect),
    {Pause, Report, Next} = eslaver_reconnect:down({Error, Heals}, WasUp, Peer, Before),
    case Report of
        quiet -> ok;
        {Level, What, Why} -> log(Level, What, Why, Replica)
    end,
    Info = eslaver_reconnect:info(Next),
    ok = eslaver_reports:reconnecting(Pause, Info, master(Replica), Replica#replica.reports),
    retrying(Pause, Replica#replica{links = eslaver_links:lost(Links), reconnect = Next}).

%% How far events have been handled

%% The link may send as much again; the master may be told the position, and it may be kept.
credit(Source, Weight, #replica{session = Session, links = Links} = Replica) ->
    case {Source, eslaver_session:position(Session)} of
        {master, Position} when Position =/= undefined ->
            Offset = eslaver_position:safe_offset(Position),
            ok = eslaver_links:credit(master, Weight, Offset, Links),
            keep(Replica);
        _ ->
            ok = eslaver_links:credit(Source, Weight, undefined, Links),
            Replica
    end.

keep(#replica{keeper = Keeper} = Replica) ->
    Replica#replica{keeper = eslaver_position_keeper:keep(position(Replica), Keeper)}.

%% @doc What the process says that keeps the position.
-spec said(term(), replica()) -> replica().
said(Said, #replica{keeper = Keeper, links = Links, session = Session} = Replica) ->
    {News, Next} = eslaver_position_keeper:said(Said, Keeper),
    case {News, eslaver_session:phase(Session)} of
        {{durable, Offset}, streaming} -> ok = eslaver_links:durable(Offset, Links);
        _ -> ok = eslaver_reports:kept(News, master(Replica), Replica#replica.reports)
    end,
    keep(Replica#replica{keeper = Next}).

forgotten(#replica{keeper = Keeper} = Replica) ->
    {Result, Next} = eslaver_position_keeper:forget(Keeper),
    ok = eslaver_reports:kept(Result, master(Replica), Replica#replica.reports),
    Replica#replica{keeper = Next}.

%% @doc The last position between two transactions whose events have all been handled.
-spec position(replica()) -> eslaver_position:safe() | undefined.
position(#replica{session = Session}) ->
    eslaver_position:safe(eslaver_session:position(Session)).

%% What it shows

%% @doc Shows how it is to others, for `eslaver:info/1'.
-spec shown(replica()) -> replica().
shown(#replica{session = Session, links = Links, facts = Facts} = Replica) ->
    Loading = eslaver_reports:progress(Replica#replica.reports),
    Reconnect = eslaver_reconnect:shown(Replica#replica.reconnect),
    Replica#replica{facts = eslaver_facts:show(Session, Links, Loading, Reconnect, Facts)}.

%% @doc The info, and how much is queued: that may be megabytes, which no report is to show.
-spec status(replica()) -> map().
status(#replica{queue = Queue, facts = Facts}) ->
    (eslaver_facts:own(Facts))#{queue => queue:len(Queue)}.

%% @doc The snapshot cannot be kept as an RDB file.
-spec not_filed(binary(), replica()) -> ok.
not_filed(Text, Replica) ->
    log(warning, rdb_file_failed, #{text => Text}, Replica).

%% @doc A timer of {@link eslaver_progress}.
-spec progressed(reference(), replica()) -> replica().
progressed(Timer, #replica{reports = Reports, links = Links} = Replica) ->
    Counted = eslaver_links:loading(Links),
    Next = eslaver_reports:load_goes_on(Timer, Counted, master(Replica), Reports),
    Replica#replica{reports = Next}.

log(Level, What, Report, #replica{reports = Reports} = Replica) ->
    eslaver_reports:log(Level, What, Report, master(Replica), Reports).

master(#replica{session = Session}) -> eslaver_session:master(Session).
