%% @doc What a replica shows of itself ({@link eslaver_board}), and what `info' makes of it.
%% @private
-module(eslaver_facts).
-behaviour(eslaver_board).

-export([new/2, backlog/1, show/5, reached/2, count/2]).
-export([own/1, info/1, link/1, version/0]).
-export_type([facts/0, lag/0]).

-type lag() :: #{
    lag := undefined | non_neg_integer(),
    behind_for := non_neg_integer(),
    events_per_second := non_neg_integer(),
    master_lag := undefined | non_neg_integer()
}.

-record(facts, {
    board = eslaver_board:new(?MODULE) :: eslaver_board:board(),
    backlog = eslaver_nif:backlog_new() :: eslaver_nif:backlog(),
    %% That of the keyspace, if there is one.
    applied :: undefined | eslaver_nif:backlog(),
    %% Whose lag is shown: without a callback that is the keyspace's.
    behind :: eslaver_nif:backlog(),
    hand :: eslaver_in_hand:hand(),
    %% The bound of the lag, in bytes.
    warn_lag :: pos_integer() | infinity,
    version = version() :: undefined | binary(),
    %% The offset and the db handled, or -1.
    position = atomics:new(2, []) :: atomics:atomics_ref(),
    %% The state, and when it began, in ms since the epoch.
    state :: undefined | atom(),
    since = 0 :: integer()
}).

-opaque facts() :: #facts{}.

-define(NOWHERE, -1).
%% How long a lag has to last to count as one, in ms.
-define(LONG, 1000).

%% @doc Of the calling process, with what its callback has in hand.
-spec new(eslaver_options:options(), eslaver_in_hand:hand()) -> facts().
new(#{callback := Callback, warn_lag := WarnLag} = Options, Hand) ->
    Own = eslaver_nif:backlog_new(),
    Applied =
        case Options of
            #{observer := #{keyspace := Keyspace}} -> eslaver_nif:keyspace_backlog(Keyspace);
            #{} -> undefined
        end,
    Behind =
        case Applied =/= undefined andalso Callback =:= undefined of
            true -> Applied;
            false -> Own
        end,
    Facts = #facts{
        hand = Hand, backlog = Own, applied = Applied, behind = Behind, warn_lag = WarnLag
    },
    ok = reached(undefined, Facts),
    Facts.

%% @doc What its links tell of what arrives.
-spec backlog(facts()) -> eslaver_nif:backlog().
backlog(#facts{backlog = Backlog}) -> Backlog.

%% @doc Shows these parts of the replica.
-spec show(Session, Links, Loading, Reconnect :: map(), facts()) -> facts() when
    Session :: eslaver_session:session(),
    Links :: eslaver_links:links(),
    Loading :: eslaver_progress:progress().
show(Session, Links, Loading, Reconnect, #facts{} = Facts) ->
    Told = eslaver_session:info(Session),
    #facts{since = Since, board = Board, backlog = Own, applied = Applied} = Now =
        current(Told, Facts),
    All = #{
        session => Told#{since => Since, version => Now#facts.version},
        links => Links,
        loading => Loading,
        reconnect => Reconnect,
        behind => Now#facts.behind,
        warn_lag => Now#facts.warn_lag,
        backlogs => [Own | [Applied || Applied =/= undefined]],
        hand => Now#facts.hand,
        position => Now#facts.position
    },
    Now#facts{board = eslaver_board:show(All, Board)}.

%% Attempts and the pauses between them are one: there is no link.
current(#{state := State}, #facts{state = Before} = Facts) ->
    case stage(State) of
        Before -> Facts;
        Stage -> Facts#facts{state = Stage, since = erlang:system_time(millisecond)}
    end.

stage(State) when State =:= connecting; State =:= waiting -> no_link;
stage(State) -> State.

%% @doc Events have been handled up to this position.
-spec reached(eslaver_position:position() | undefined, facts()) -> ok.
reached(Position, #facts{position = Place}) ->
    {Offset, Db} =
        case eslaver_position:here(Position) of
            undefined -> {?NOWHERE, ?NOWHERE};
            Here -> Here
        end,
    ok = atomics:put(Place, 1, Offset),
    atomics:put(Place, 2, Db).

%% @doc Counts events that have been handled.
-spec count(non_neg_integer(), facts()) -> ok.
count(0, _Facts) -> ok;
count(Events, #facts{backlog = Backlog}) -> eslaver_nif:backlog_count(Backlog, Events).

%% @doc The info of what is shown.
-spec own(facts()) -> map().
own(#facts{board = Board}) -> eslaver_board:own(Board).

%% @doc The info of these facts.
-spec info(map()) -> map().
info(#{session := Session, links := Links, loading := Loading, reconnect := Reconnect} = All) ->
    #{behind := Behind, hand := Hand, position := Position} = All,
    {Next, Tries} = maps:take(next_try, Reconnect),
    Lag = lag(Session, Behind),
    lists:foldl(fun maps:merge/2, #{}, [
        #{
            commands => eslaver_links:commands(Links),
            next_try_in => next_try_in(Next),
            lagging => is_lagging(Lag, maps:get(warn_lag, All))
        },
        eslaver_in_hand:info(Hand),
        Session,
        eslaver_progress:info(eslaver_links:loading(Links), Loading),
        position(Position),
        Lag,
        Tries
    ]).

%% Much that has just come is no lag.
is_lagging(#{lag := Lag, behind_for := For}, Limit) when is_integer(Lag), is_integer(Limit) ->
    Lag > Limit andalso For >= ?LONG;
is_lagging(_Lag, _Limit) ->
    false.

next_try_in(undefined) -> undefined;
next_try_in(At) -> max(At - eslaver_clock:now_ms(), 0).

position(Position) ->
    case {atomics:get(Position, 1), atomics:get(Position, 2)} of
        {?NOWHERE, _} -> #{offset => undefined, db => undefined};
        {Offset, Db} -> #{offset => Offset, db => Db}
    end.

%% Without a link nobody knows how much there is.
lag(#{state := streaming}, Backlog) ->
    behind(Backlog);
lag(_Session, Backlog) ->
    (behind(Backlog))#{lag := undefined, master_lag := undefined}.

behind(Backlog) ->
    {_Ticket, Lag, BehindFor, Rate, MasterLag} = eslaver_nif:backlog_info(Backlog),
    #{lag => Lag, behind_for => BehindFor, events_per_second => Rate, master_lag => MasterLag}.

%% @doc The version of eslaver, if its `.app' file can be found. The process that loads applications
%% is asked only if this one has not been loaded: it is busy while others are stopped.
-spec version() -> binary() | undefined.
version() ->
    case known_version() of
        undefined ->
            _ = application:load(eslaver),
            known_version();
        Version ->
            Version
    end.

known_version() ->
    case application:get_key(eslaver, vsn) of
        {ok, Version} -> list_to_binary(Version);
        undefined -> undefined
    end.

%% @doc The link of these facts to a master, if that streams: where it goes, which history it has,
%% and what is to be told of what the master has.
-spec link(map()) ->
    {ok, eslaver_nif:address(), Replid :: binary(), [eslaver_nif:backlog()]} | none.
link(#{session := #{state := streaming, replid := Replid}, links := Links, backlogs := Backlogs}) ->
    case eslaver_links:address(Links) of
        undefined -> none;
        Address -> {ok, Address, Replid, Backlogs}
    end;
link(_Facts) ->
    none.
