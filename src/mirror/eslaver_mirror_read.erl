%% @doc Reads of a mirror: as its keys are between two commands, and between two transactions, of
%% the master. Expired keys are missing.
%%
%% A read is one call of the native keyspace, which any process finds by the mirror's name. What
%% would take longer than about a millisecond is read on a dirty scheduler, as is what the writer
%% keeps changing.
%% @private
-module(eslaver_mirror_read).

-export([ask/2, transaction/3, within/4, session/1, is_unchanged/1, status/1, db_of/1]).
-export_type([session/0]).

-type mirror() :: eslaver_mirror_types:mirror().

-type failure() :: eslaver_mirror_types:failure().

-type slots() :: eslaver_mirror_types:slots().

-type status() :: eslaver_mirror_types:status().

-opaque session() :: eslaver_nif:session().
%% Reads that are to see one moment.

%% How often a read is tried before it waits on a dirty scheduler.
-define(TRIES, 20).
%% How often a transaction is tried before the writer has to hold still.
-define(ATTEMPTS, 20).

%% Where a process keeps the sessions of its transactions, by mirror, while it has any. Each read
%% asks for them, which costs the least with an atom.
-define(SESSIONS, ?MODULE).
%% What a transaction throws when another moment is seen.
-define(CHANGED(Name), {?MODULE, changed, Name}).

%% @doc The answer to a query, `{Name, Args...}', or why there is none. Invalid arguments raise
%% `badarg', and keys of another slot than the transaction's raise `crossslot'.
-spec ask(mirror(), tuple()) -> term() | failure().
ask(Name, Query) when is_atom(Name) -> ask(Name, 0, Query);
ask({Name, Db}, Query) when is_atom(Name), is_integer(Db), Db >= 0 -> ask(Name, Db, Query);
ask(_, _Query) -> error(badarg).

ask(Name, Db, Query) ->
    case get(?SESSIONS) of
        #{Name := Session} ->
            case within(Session, Db, Query, ?TRIES) of
                changed -> throw(?CHANGED(Name));
                crossslot -> error(crossslot);
                Answer -> Answer
            end;
        _ ->
            alone(Name, Db, Query, ?TRIES)
    end.

alone(Name, Db, Query, Tries) ->
    case eslaver_nif:keyspace_read(Name, Db, Query) of
        busy when Tries > 0 ->
            true = erlang:yield(),
            alone(Name, Db, Query, Tries - 1);
        Unanswered when Unanswered =:= busy; Unanswered =:= takes_long ->
            alone_dirty(Name, Db, Query);
        Answer ->
            Answer
    end.

alone_dirty(Name, Db, Query) ->
    case eslaver_nif:keyspace_read_dirty(Name, Db, Query) of
        busy -> alone_dirty(Name, Db, Query);
        Answer -> Answer
    end.

%% @doc As {@link ask/2}, within a session: `changed' if it is not the moment of the other reads,
%% `crossslot' if it is not of their slot.
-spec within(session(), Db :: non_neg_integer(), tuple(), Tries :: non_neg_integer()) ->
    changed | crossslot | term() | failure().
within(Session, Db, Query, Tries) ->
    case eslaver_nif:session_read(Session, Db, Query) of
        busy when Tries > 0 ->
            true = erlang:yield(),
            within(Session, Db, Query, Tries - 1);
        Unanswered when Unanswered =:= busy; Unanswered =:= takes_long ->
            within_dirty(Session, Db, Query);
        Answer ->
            Answer
    end.

within_dirty(Session, Db, Query) ->
    case eslaver_nif:session_read_dirty(Session, Db, Query) of
        busy -> within_dirty(Session, Db, Query);
        Answer -> Answer
    end.

%% @doc A session of this mirror: that of the transaction in hand, or one of its own.
-spec session(atom()) -> {transaction | own, session()}.
session(Name) ->
    case get(?SESSIONS) of
        #{Name := Session} -> {transaction, Session};
        _ -> {own, eslaver_nif:session_new(Name, true)}
    end.

%% @doc Whether all that was read in the session is still as it was.
-spec is_unchanged(session()) -> boolean().
is_unchanged(Session) ->
    is_unchanged(Session, ?TRIES).

is_unchanged(Session, Tries) ->
    case eslaver_nif:session_unchanged(Session) of
        busy when Tries > 0 ->
            true = erlang:yield(),
            is_unchanged(Session, Tries - 1);
        busy ->
            ok = timer:sleep(1),
            is_unchanged(Session, 0);
        Answer ->
            Answer
    end.

%% @doc Runs a fun whose reads of this mirror all see one moment. It may run more than once. Within
%% another one of this mirror it is a part of that.
-spec transaction(mirror(), slots(), fun(() -> Result)) -> Result.
transaction(Mirror, Slots, Fun) ->
    {Name, _Db} = db_of(Mirror),
    case get(?SESSIONS) of
        #{Name := _} -> Fun();
        _ -> optimistic(Name, Slots, Fun, 1)
    end.

optimistic(Name, Slots, Fun, Try) ->
    case once(Name, Slots, Fun) of
        {done, Result} ->
            Result;
        changed when Try < ?ATTEMPTS ->
            pause(Try),
            optimistic(Name, Slots, Fun, Try + 1);
        changed ->
            patient(Name, Slots, Fun)
    end.

pause(Try) when Try < ?ATTEMPTS div 2 -> erlang:yield();
pause(_Try) -> timer:sleep(1).

%% The writer holds still. The mirror may end meanwhile, and another may take its place.
patient(Name, Slots, Fun) ->
    case held(Name, fun() -> once(Name, Slots, Fun) end) of
        {done, Result} -> Result;
        changed -> optimistic(Name, Slots, Fun, ?ATTEMPTS div 2)
    end.

held(Name, Fun) ->
    case hold(Name) of
        {ok, Hold} ->
            try
                Fun()
            after
                eslaver_mirror_holds:release(Hold)
            end;
        not_running ->
            Fun()
    end.

hold(Name) ->
    try
        {ok, eslaver_mirror_holds:hold(Name)}
    catch
        exit:_ -> not_running
    end.

once(Name, Slots, Fun) ->
    Session = eslaver_nif:session_new(Name, Slots =:= any),
    Others = get(?SESSIONS),
    _ = put(?SESSIONS, with_session(Name, Session, Others)),
    try Fun() of
        Result ->
            case is_unchanged(Session) of
                true -> {done, Result};
                false -> changed
            end
    catch
        throw:?CHANGED(Name) ->
            changed;
        Class:Reason:Stack ->
            case is_unchanged(Session) of
                true -> erlang:raise(Class, Reason, Stack);
                false -> changed
            end
    after
        restore(Others)
    end.

with_session(Name, Session, undefined) -> #{Name => Session};
with_session(Name, Session, Others) -> Others#{Name => Session}.

restore(undefined) -> erase(?SESSIONS);
restore(Others) -> put(?SESSIONS, Others).

%% @doc The status of the data.
-spec status(mirror()) -> status() | {error, not_running}.
status(Mirror) ->
    {Name, _Db} = db_of(Mirror),
    case eslaver_nif:keyspace_status(Name) of
        not_running -> {error, not_running};
        Status -> Status
    end.

%% @doc A mirror's name, and the db.
-spec db_of(mirror()) -> {atom(), non_neg_integer()}.
db_of({Name, Db}) when is_atom(Name), is_integer(Db), Db >= 0 -> {Name, Db};
db_of(Name) when is_atom(Name) -> {Name, 0};
db_of(_) -> error(badarg).
