%% @doc What a replica is doing, and how each message of its links changes that. It is pure:
%% {@link eslaver_server} passes the messages in, and carries out the effects that come out.
%%
%% The state is a phase, of the link to the master, and a turn, of the messages of links:
%%
%% ```
%% phase        what happens                                  next phase
%% connecting   the master begins a snapshot                  loading
%%              the master continues the stream               streaming
%%              the master cannot be reached, or refuses      waiting
%% loading      the callback has handled the whole snapshot   streaming
%%              the link is lost                              waiting
%% streaming    the link is lost                              waiting
%% waiting      the pause before the next try ends            connecting
%%
%% turn         messages of links                             next turn
%% ready        are handled as they arrive                    scheduled when a turn is over,
%%                                                            paused when the callback wants it
%% scheduled    queue until the server's message for it        ready
%% paused       queue until `continue' or `demand'            scheduled
%% '''
%%
%% A message takes two steps: {@link arrived/3} gives the events for the callback, and
%% {@link handled/3} follows when it has handled them. Both give effects, in their order.
%% @private
-module(eslaver_session).

-export([new/4, waiting/1, connecting/1, connecting/2, confirms_empty/1, arrived/3, handled/3]).
-export([is_ready/1, postponed/2, continued/1, work/2]).
-export([placed/4, advance/2, behind/3, position/1, reach/1]).
-export([phase/1, master/1, peer/1, watched/2, info/1]).
-export_type([session/0, phase/0, message/0, effect/0, turn_number/0]).

%% The pause before a receiver with too many messages is tried again, in ms.
-define(HELD, 5).

-type phase() :: connecting | loading | streaming | waiting.
-type turn() :: ready | {scheduled, turn_number()} | paused.
-type turn_number() :: non_neg_integer().
%% Tells the message that a turn waits for from that of an earlier one.

-record(session, {
    phase = connecting :: phase(),
    turn = ready :: turn(),
    turns = 0 :: turn_number(),
    %% Whether the RDB file of an earlier run may still stand in for the master.
    stand_in :: boolean(),
    %% Where the handled events end; undefined until a snapshot has been loaded.
    position :: undefined | eslaver_position:position(),
    %% Of all masters so far.
    histories = eslaver_histories:new() :: eslaver_histories:histories(),
    %% Where that of the keyspace ends, and whether it has keys, if there is one.
    applied :: undefined | eslaver_position:safe(),
    has_keys :: undefined | boolean(),
    %% The address of the latest attempt.
    source :: undefined | binary(),
    %% The replication id and the address of the master, as the options and then links tell them.
    replid :: undefined | binary(),
    master :: binary(),
    %% The address of the latest link that was up.
    followed :: undefined | binary(),
    %% What the node at the other end of the link has told of itself.
    peer = #{} :: eslaver_source:peer(),
    %% Whether that node has granted a snapshot, which has not begun.
    granted = false :: boolean(),
    %% The syncs that have begun.
    syncs = #{full => 0, partial => 0} :: #{eslaver_retry:resync() => non_neg_integer()},
    last_sync :: undefined | #{resync := eslaver_retry:resync(), why := eslaver_why:why(), at := _},
    looks :: eslaver_empty_master:looks(),
    %% Whether a snapshot has been handled.
    loaded = false :: boolean()
}).

-opaque session() :: #session{}.

-type message() ::
    {peer | granted | full | partial | loaded | left_out | refused | lost, News :: map()}
    | {closed, Reason :: atom(), Text :: binary(), Heals :: boolean()}.
%% What a link sends, except batches.

-type effect() ::
    {log, logger:level(), What :: atom(), Report :: map()}
    | {down, eslaver_retry:error(), Heals :: boolean(), WasUp :: boolean()}
    | {up, eslaver_retry:resync()}
    %% A node has told of itself, and a sync with it may follow.
    | {met, eslaver_source:peer()}
    | {load, eslaver_progress:load()}
    %% The RDB file of an earlier run.
    | open_file
    | close_file
    %% A snapshot begins: the position on disk and the subscribers' open transaction are void.
    | forget
    %% Pass on what the master has told of its commands.
    | learn
    %% Tell the observer of the keyspace.
    | {observe, eslaver_events:news()}
    %% Notify all subscribers that any key may have changed.
    | {notify, News :: map()}
    | answer_waiting
    | credit
    | {work_after, Ms :: non_neg_integer(), turn_number()}.

%% @doc At the start, with the position that an earlier life left. `StandIn' is the option
%% `load_dump', and `Delay' is `empty_master_delay'.
-spec new(eslaver_position:safe() | none, Master, StandIn, Delay) -> session() when
    Master :: binary(), StandIn :: boolean(), Delay :: non_neg_integer().
new(none, Master, StandIn, Delay) ->
    #session{master = Master, stand_in = StandIn, looks = eslaver_empty_master:new(Delay)};
new(#{replid := Replid} = Safe, Master, StandIn, Delay) ->
    Session = new(none, Master, StandIn, Delay),
    Session#session{replid = Replid, position = eslaver_position:resumed(Safe)}.

%% @doc The first try is to wait, as an earlier life has failed.
-spec waiting(session()) -> session().
waiting(Session) ->
    Session#session{phase = waiting}.

%% @doc An address to connect to is being looked for.
-spec connecting(session()) -> session().
connecting(Session) ->
    Session#session{phase = connecting, peer = #{}, granted = false}.

%% @doc A link to this address is being made.
-spec connecting(Source :: binary(), session()) -> session().
connecting(Source, Session) ->
    (connecting(Session))#session{source = Source}.

%% @doc Whether that link is to refuse a master that has lost its data: there is some here, and it
%% is not known yet whether the master stays without.
-spec confirms_empty(session()) -> boolean().
confirms_empty(#session{source = Source, looks = Looks} = Session) ->
    has_data(Session) andalso
        eslaver_empty_master:is_refused(Source, eslaver_clock:now_ms(), Looks).

has_data(#session{has_keys = undefined, loaded = Loaded, position = Position}) ->
    Loaded orelse Position =/= undefined;
has_data(#session{has_keys = HasKeys}) ->
    HasKeys.

%% @doc A message has reached the head of the queue: effects, and then events, in their full shape.
-spec arrived(eslaver_links:source(), message(), session()) ->
    {[effect()], [eslaver_events:event()], session()}.
arrived(master, {full, News}, Session) ->
    #{replid := Replid, bytes := Bytes} = News,
    #{position := Asked} = Before = before(Session),
    Why = eslaver_why:full(Before, Session#session.peer, News),
    About = #{why => Why, role => role(Session)},
    Report = About#{resync => full, replid => Replid, asked => Asked},
    {
        [
            close_file,
            forget,
            {load, {started, Bytes}},
            {log, eslaver_why:level(Why), link_up, Report},
            learn
        ],
        eslaver_events:full(master, maps:merge(News, About)),
        up(About#{resync => full}, News, Session#session{
            phase = loading, position = undefined, replid = Replid
        })
    };
arrived(master, {partial, News}, #session{position = Before} = Session) ->
    #{replid := New, offset := Offset} = News,
    Why = eslaver_why:partial(before(Session), News),
    About = #{why => Why, role => role(Session)},
    Position = eslaver_position:continued(New, Before),
    #{replid := Replid} = eslaver_position:safe(Position),
    Report = About#{resync => partial, offset => Offset, replid => Replid},
    From = eslaver_position:safe(Before),
    {
        [
            close_file,
            {log, eslaver_why:level(Why), link_up, Report},
            learn,
            {observe, {mirror, continued, #{replid => Replid, from => From}}}
        ],
        eslaver_events:partial(Replid, maps:merge(News, About)),
        up(About#{resync => partial}, News, Session#session{
            position = Position,
            histories = eslaver_histories:continued(Replid, From, Session#session.histories),
            replid = Replid
        })
    };
arrived(master, {peer, Peer}, #session{looks = Looks, histories = Histories} = Session) ->
    Next =
        case Peer of
            #{keys := 0} -> Looks;
            _ -> eslaver_empty_master:forget(Looks)
        end,
    {
        [{met, Peer}, {observe, {mirror, told, Peer}}],
        [],
        Session#session{
            peer = Peer, looks = Next, histories = eslaver_histories:told(Peer, Histories)
        }
    };
arrived(master, {granted, _}, Session) ->
    {[], [], Session#session{granted = true}};
arrived(file, {full, News}, Session) ->
    #{bytes := Bytes, master := File} = News,
    Effects = [{log, notice, replay, #{file => File}}, {load, {started, Bytes}}],
    {Effects, eslaver_events:full(file, News), Session};
arrived(master, {loaded, News}, #session{histories = Histories} = Session) ->
    Begun = eslaver_histories:begun(eslaver_position:safe(position(News, Session)), Histories),
    {[], eslaver_events:loaded(News), Session#session{histories = Begun}};
arrived(file, {loaded, News}, Session) ->
    {[], eslaver_events:loaded(News), Session};
arrived(_Source, {Tag, News}, Session) when Tag =:= refused; Tag =:= lost ->
    {[{observe, {mirror, Tag, News}}], [], Session};
arrived(_Source, {left_out, #{text := Text}}, Session) ->
    {[{log, warning, left_out, #{text => Text}}], [], Session};
arrived(master, {closed, Reason, Text, _}, #session{phase = Phase} = Session) when
    Phase =/= connecting
->
    {[], eslaver_events:down(failure(Reason, Text)), Session};
arrived(_Source, {closed, _, _, _}, Session) ->
    {[], [], Session}.

%% What there was before the link.
before(#session{position = Position, applied = Applied} = Session) ->
    #{
        position => eslaver_position:earlier(Position, Applied),
        loaded => Session#session.loaded orelse Session#session.has_keys =:= true,
        empty => Session#session.has_keys =:= false,
        replid => Session#session.replid,
        master => Session#session.followed
    }.

up(#{resync := Resync, why := Why}, #{master := Master}, Session) ->
    #session{looks = Looks, syncs = Syncs} = Session,
    Session#session{
        granted = false,
        syncs = maps:update_with(Resync, fun(Count) -> Count + 1 end, Syncs),
        last_sync = #{resync => Resync, why => Why, at => erlang:system_time(millisecond)},
        stand_in = false,
        master = Master,
        followed = Master,
        looks = eslaver_empty_master:forget(Looks)
    }.

role(#session{peer = Peer}) -> maps:get(role, Peer, unknown).

%% @doc The callback has handled the events of a message.
-spec handled(eslaver_links:source(), message(), session()) -> {[effect()], session()}.
handled(master, {loaded, News}, Session) ->
    {
        [{load, {finished, News}}, {notify, News}, {up, full}, answer_waiting, credit],
        Session#session{phase = streaming, loaded = true, position = position(News, Session)}
    };
handled(master, {partial, _}, Session) ->
    {[{up, partial}, answer_waiting, credit], Session#session{phase = streaming, loaded = true}};
handled(master, {closed, Reason, Text, Heals}, Session) ->
    lost(failure(Reason, Text), Heals, looked(Reason, Session));
handled(file, {loaded, News}, Session) ->
    {[{load, {finished, News}}, answer_waiting], Session#session{loaded = true}};
handled(file, {closed, Reason, Text, _}, Session) ->
    Failed = [{log, warning, replay_failed, #{text => Text}} || Reason =/= finished],
    {Failed ++ [{load, abandoned}, close_file], Session};
handled(_Source, _Message, Session) ->
    {[], Session}.

%% Behind a snapshot.
position(#{offset := Offset, db := Db}, #session{replid = Replid}) ->
    eslaver_position:new(Replid, Offset, Db).

looked(empty_master, #session{source = Source, looks = Looks} = Session) ->
    Session#session{looks = eslaver_empty_master:seen(Source, eslaver_clock:now_ms(), Looks)};
looked(Reason, #session{looks = Looks} = Session) when Reason =:= replica; Reason =:= master ->
    Session#session{looks = eslaver_empty_master:forget(Looks)};
looked(_Reason, Session) ->
    Session.

failure(Reason, Text) ->
    #{reason => Reason, text => Text}.

lost(#{reason := Reason} = Error, Heals, #session{phase = Phase, position = Position} = Session) ->
    {File, Next} = stand_in(Session#session{
        phase = waiting, position = eslaver_position:lost(Reason, Position)
    }),
    Down = {down, Error, Heals, Phase =/= connecting},
    {[Down] ++ [{load, abandoned} || Phase =:= loading] ++ File, Next}.

stand_in(#session{stand_in = true, loaded = false, position = undefined} = Session) ->
    {[open_file], Session#session{stand_in = false}};
stand_in(Session) ->
    {[], Session#session{stand_in = false}}.

%% @doc Whether a message that arrives is to be handled at once.
-spec is_ready(session()) -> boolean().
is_ready(#session{turn = Turn}) -> Turn =:= ready.

%% @doc The rest of the queue has to wait: until the mailbox has been looked at (`turn'), until the
%% callback's process has caught up (`held'), or because the callback wants a pause.
-spec postponed(turn | held | {pause, timeout()}, session()) -> {[effect()], session()}.
postponed({pause, infinity}, Session) -> {[], Session#session{turn = paused}};
postponed({pause, Time}, #session{turns = Turns} = Session) ->
    Number = Turns + 1,
    {[{work_after, Time, Number}], Session#session{turn = {scheduled, Number}, turns = Number}};
postponed(held, Session) -> postponed({pause, ?HELD}, Session);
postponed(turn, Session) -> postponed({pause, 0}, Session).

%% @doc The callback no longer holds the stream.
-spec continued(session()) -> {[effect()], session()}.
continued(#session{turn = paused} = Session) -> postponed(turn, Session);
continued(Session) -> {[], Session}.

%% @doc The message for a turn has arrived: whether to continue with the queue.
-spec work(turn_number(), session()) -> {boolean(), session()}.
work(Number, #session{turn = {scheduled, Number}} = Session) ->
    {true, Session#session{turn = ready}};
work(_Number, Session) ->
    {false, Session}.

%% @doc The link also fills a keyspace: what has been applied to that ends here, and whether it has
%% keys. Without a callback, what has been handled ends there, too, unless it is known better.
-spec placed(eslaver_position:safe() | undefined, HasKeys, HasCallback, session()) -> session() when
    HasKeys :: boolean(), HasCallback :: boolean().
placed(Applied, HasKeys, HasCallback, Session) ->
    placed(Applied, HasCallback, Session#session{applied = Applied, has_keys = HasKeys}).

placed(undefined, _HasCallback, Session) ->
    Session#session{position = undefined};
placed(Applied, false, Session) ->
    Session#session{position = eslaver_position:resumed(Applied)};
placed(_Applied, true, Session) ->
    Session.

%% @doc A batch has been handled.
-spec advance(eslaver_position:batch_end() | undefined, session()) -> session().
advance(End, #session{position = Position} = Session) ->
    Session#session{position = eslaver_position:advance(End, Position)}.

%% @doc `Count' events of a batch have been handled.
-spec behind(non_neg_integer(), eslaver_position:offsets(), session()) -> session().
behind(Count, Offsets, #session{position = Position} = Session) ->
    Session#session{position = eslaver_position:behind(Count, Offsets, Position)}.

%% @doc Where the handled events end.
-spec position(session()) -> eslaver_position:position() | undefined.
position(#session{position = Position}) -> Position.

%% @doc Where they end between two transactions, and what is known of histories.
-spec reach(session()) -> eslaver_waiting:reach().
reach(#session{position = Position, histories = Histories}) ->
    {eslaver_position:safe(Position), Histories}.

%% @doc The phase of the link to the master.
-spec phase(session()) -> phase().
phase(#session{phase = Phase}) -> Phase.

%% @doc The address of the master, for people.
-spec master(session()) -> binary().
master(#session{master = Master}) -> Master.

%% @doc What the node at the other end of the latest link has told of itself.
-spec peer(session()) -> eslaver_source:peer().
peer(#session{peer = Peer}) -> Peer.

%% @doc What has changed of that node.
-spec watched(eslaver_source:peer(), session()) -> session().
watched(Changes, #session{peer = Peer} = Session) ->
    Session#session{peer = maps:merge(Peer, Changes)}.

%% @doc For `info'.
-spec info(session()) -> map().
info(#session{turn = Turn, master = Master, replid = Replid, syncs = Syncs} = Session) ->
    #{full := Full, partial := Partial} = Syncs,
    maps:merge(node_of(Session), #{
        state => state(Session),
        paused => Turn =:= paused,
        full_syncs => Full,
        partial_syncs => Partial,
        last_sync => Session#session.last_sync,
        source => Session#session.source,
        master => Master,
        replid => Replid
    }).

state(#session{phase = connecting, granted = true}) -> waiting_for_snapshot;
state(#session{phase = Phase}) -> Phase.

%% The node that is followed.
node_of(#session{phase = Phase, peer = Peer} = Session) when
    Phase =:= loading; Phase =:= streaming
->
    #{
        role => role(Session),
        master_link => maps:get(master_link, Peer, undefined),
        master_version => maps:get(version, Peer, undefined)
    };
node_of(_Session) ->
    #{role => undefined, master_link => undefined, master_version => undefined}.
