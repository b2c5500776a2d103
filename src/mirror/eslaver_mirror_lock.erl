%% @doc How any process reads a mirror's tables while one process writes them: a sequence lock.
%%
%% Keys are hashed to stripes. Each stripe has a version, which is odd while one of its keys is
%% being written. A reader reads the version, then the data, then the version again, and retries if
%% it has changed. Readers do not block each other, nor the writer, except one that has retried
%% `?TRIES' times. A second version covers writes to all keys. A reader finds versions and tables by
%% the mirror's name in a persistent term, so it sends no message.
%% @private
-module(eslaver_mirror_lock).

-export([new/1, publish/2, withdraw/1, status/1, status/2, close/1, writing/3]).
-export([read/3, transaction/2, state/1]).
-export_type([lock/0, status/0, failure/0]).

-type failure() :: {error, not_running | loading | stale}.
%% Why a read has no answer.

-type status() :: loading | fresh | stale.

-record(lock, {
    name :: atom(),
    writer :: pid(),
    store :: undefined | eslaver_mirror_store:store(),
    %% Unique to this publication among all of this node, also those of earlier mirrors.
    edition :: pos_integer(),
    %% The version for all keys, and the newest edition with the status.
    control :: atomics:atomics_ref(),
    %% A version for each stripe.
    stripes :: atomics:atomics_ref(),
    serve_stale :: boolean()
}).

-opaque lock() :: #lock{}.

-define(TERM(Name), {?MODULE, Name}).
-define(ALL, 1).
-define(NEWEST, 2).
-define(STRIPES, 4096).
%% A transaction of `?MANY' keys or more is written as if it touched all keys.
-define(MANY, 1024).
%% After this number of tries a reader asks the writer to pause.
-define(TRIES, 20).

%% What a process in a transaction has read so far: the edition (or why there was none) and the
%% versions. And what it throws when these have changed.
-define(SEEN(Name), {?MODULE, seen, Name}).
-define(CHANGED(Name), {?MODULE, changed, Name}).

-define(LOADING, 0).
-define(FRESH, 1).
-define(STALE, 2).

%% For the writer.

%% @doc A lock without tables, to be written by the calling process.
-spec new(#{name := atom(), serve_stale_data := boolean()}) -> lock().
new(#{name := Name, serve_stale_data := ServeStale}) ->
    Lock = #lock{
        name = Name,
        writer = self(),
        edition = edition(),
        control = atomics:new(2, []),
        stripes = atomics:new(?STRIPES, []),
        serve_stale = ServeStale
    },
    ok = status(loading, Lock),
    persistent_term:put(?TERM(Name), Lock),
    Lock.

edition() ->
    erlang:unique_integer([positive, monotonic]).

%% @doc Publishes new tables to readers, all at once.
-spec publish(eslaver_mirror_store:store(), lock()) -> lock().
publish(Store, #lock{name = Name, control = Control} = Lock) ->
    Edition = edition(),
    Next = Lock#lock{store = Store, edition = Edition},
    persistent_term:put(?TERM(Name), Next),
    Status = atomics:get(Control, ?NEWEST) band 3,
    ok = atomics:put(Control, ?NEWEST, newest(Edition, Status)),
    Next.

%% @doc Withdraws the tables: readers get `{error, loading}' until new ones are published.
-spec withdraw(lock()) -> lock().
withdraw(#lock{name = Name} = Lock) ->
    Next = Lock#lock{store = undefined, edition = edition()},
    ok = status(loading, Next),
    persistent_term:put(?TERM(Name), Next),
    Next.

newest(Edition, Status) ->
    Edition bsl 2 bor Status.

%% @doc Sets the status that readers see.
-spec status(status(), lock()) -> ok.
status(Status, #lock{control = Control, edition = Edition}) ->
    atomics:put(Control, ?NEWEST, newest(Edition, number(Status))).

number(loading) -> ?LOADING;
number(fresh) -> ?FRESH;
number(stale) -> ?STALE.

%% @doc The status that readers see.
-spec status(lock()) -> status().
status(#lock{control = Control}) -> told(atomics:get(Control, ?NEWEST) band 3).

%% @doc Removes the lock. Readers no longer find it.
-spec close(lock()) -> ok.
close(#lock{name = Name}) ->
    _ = persistent_term:erase(?TERM(Name)),
    ok.

%% @doc Runs a fun that writes these keys, or any keys. Readers of these see all of its changes or
%% none.
-spec writing([binary()] | all, fun(() -> Result), lock()) -> Result.
writing([Key], Fun, #lock{stripes = Stripes}) ->
    Stripe = stripe(Key),
    ok = atomics:add(Stripes, Stripe, 1),
    try
        Fun()
    after
        atomics:add(Stripes, Stripe, 1)
    end;
writing(Keys, Fun, #lock{stripes = Versions}) when is_list(Keys), length(Keys) < ?MANY ->
    Stripes = lists:usort([stripe(Key) || Key <- Keys]),
    bump(Versions, Stripes),
    try
        Fun()
    after
        bump(Versions, Stripes)
    end;
writing(_Many, Fun, #lock{control = Control}) ->
    ok = atomics:add(Control, ?ALL, 1),
    try
        Fun()
    after
        atomics:add(Control, ?ALL, 1)
    end.

bump(Versions, Stripes) ->
    lists:foreach(fun(Stripe) -> atomics:add(Versions, Stripe, 1) end, Stripes).

%% For readers.

%% @doc Runs a fun that reads these keys as they are at one moment. Without keys, only writes to all
%% keys make it run again. The fun gets the tables, and may run more than once.
-spec read(atom(), [binary()], fun((eslaver_mirror_store:store()) -> Result)) ->
    Result | failure().
read(Name, [Key], Fun) ->
    attempt(Name, [stripe(Key)], Fun, 1);
read(Name, Keys, Fun) ->
    attempt(Name, lists:usort([stripe(Key) || Key <- Keys]), Fun, 1).

stripe(Key) ->
    erlang:phash2(Key, ?STRIPES) + 1.

%% @doc Runs a fun whose reads of this mirror all see one moment. It may run more than once.
-spec transaction(atom(), fun(() -> Result)) -> Result.
transaction(Name, Fun) ->
    case get(?SEEN(Name)) of
        undefined -> optimistic(Name, Fun, 1);
        _Nested -> Fun()
    end.

%% @doc The status of the data.
-spec state(atom()) -> status() | not_running.
state(Name) ->
    case persistent_term:get(?TERM(Name), undefined) of
        undefined ->
            not_running;
        #lock{writer = Writer, control = Control} ->
            case is_process_alive(Writer) of
                true -> told(atomics:get(Control, ?NEWEST) band 3);
                false -> not_running
            end
    end.

told(?LOADING) -> loading;
told(?FRESH) -> fresh;
told(?STALE) -> stale.

attempt(Name, Stripes, Fun, Try) ->
    case find(Name) of
        #lock{store = Store} = Lock ->
            Before = versions(Lock, Stripes),
            case is_quiet(Before) of
                true ->
                    try Fun(Store) of
                        Result ->
                            case versions(Lock, Stripes) =:= Before of
                                true -> seen(Lock, Stripes, Before, Result);
                                false -> again(Lock, Stripes, Fun, Try)
                            end
                    catch
                        Class:Reason:Stack ->
                            case versions(Lock, Stripes) =:= Before andalso is_running(Lock) of
                                true -> erlang:raise(Class, Reason, Stack);
                                false -> again(Lock, Stripes, Fun, Try)
                            end
                    end;
                false ->
                    again(Lock, Stripes, Fun, Try)
            end;
        {error, _} = Error ->
            failed(Name, Error)
    end.

find(Name) ->
    case persistent_term:get(?TERM(Name), undefined) of
        undefined ->
            {error, not_running};
        #lock{control = Control, serve_stale = ServeStale} = Lock ->
            case atomics:get(Control, ?NEWEST) band 3 of
                ?LOADING -> gone_or(loading, Lock);
                ?STALE when not ServeStale -> gone_or(stale, Lock);
                _ -> Lock
            end
    end.

gone_or(Reason, Lock) ->
    case is_running(Lock) of
        true -> {error, Reason};
        false -> {error, not_running}
    end.

is_running(#lock{writer = Writer}) ->
    is_process_alive(Writer).

%% The first version is the one for all keys, so that every read notices writes to all keys. A lock
%% that is not the newest has no valid versions.
versions(#lock{control = Control, stripes = Versions, edition = Edition}, Stripes) ->
    case atomics:get(Control, ?NEWEST) bsr 2 of
        Edition -> [atomics:get(Control, ?ALL) | versions_of(Stripes, Versions)];
        _Newer -> newer
    end.

versions_of([Stripe], Versions) -> [atomics:get(Versions, Stripe)];
versions_of(Stripes, Versions) -> [atomics:get(Versions, Stripe) || Stripe <- Stripes].

is_quiet(newer) -> false;
is_quiet(Versions) -> are_even(Versions).

are_even([]) -> true;
are_even([Version | Versions]) -> Version band 1 =:= 0 andalso are_even(Versions).

%% A write delays a reader for microseconds only, except a large transaction or a value that is
%% written all the time.
again(#lock{name = Name} = Lock, Stripes, Fun, Try) when Try < ?TRIES ->
    case is_running(Lock) of
        true ->
            pause(Try),
            attempt(Name, Stripes, Fun, Try + 1);
        false ->
            failed(Name, {error, not_running})
    end;
again(#lock{name = Name} = Lock, Stripes, Fun, _Try) ->
    case hold(Lock) of
        {ok, Hold} ->
            try
                attempt(Name, Stripes, Fun, 1)
            after
                eslaver_mirror_holds:release(Hold)
            end;
        {error, _} = Error ->
            failed(Name, Error)
    end.

pause(Try) when Try < ?TRIES div 2 -> erlang:yield();
pause(_Try) -> timer:sleep(1).

%% Everything read in a transaction must stay the same until its end, also that there was nothing to
%% read.
seen(#lock{name = Name, edition = Edition}, Stripes, Versions, Result) ->
    case get(?SEEN(Name)) of
        undefined ->
            Result;
        Seen ->
            seen(Name, [{edition, Edition} | lists:zip([all | Stripes], Versions)], Seen),
            Result
    end.

failed(Name, Error) ->
    case get(?SEEN(Name)) of
        undefined ->
            Error;
        Seen ->
            seen(Name, [{edition, Error}], Seen),
            Error
    end.

seen(Name, News, Seen) ->
    Same = fun({What, Version}) -> maps:get(What, Seen, Version) =:= Version end,
    case lists:all(Same, News) of
        true ->
            put(?SEEN(Name), maps:merge(Seen, maps:from_list(News))),
            ok;
        false ->
            throw(?CHANGED(Name))
    end.

optimistic(Name, Fun, Try) ->
    case once(Name, Fun) of
        {done, Result} ->
            Result;
        changed when Try < ?TRIES ->
            pause(Try),
            optimistic(Name, Fun, Try + 1);
        changed ->
            patient(Name, Fun)
    end.

%% The mirror may end while it pauses, and another may take its place.
patient(Name, Fun) ->
    case held(find(Name), fun() -> once(Name, Fun) end) of
        {done, Result} -> Result;
        changed -> optimistic(Name, Fun, ?TRIES div 2)
    end.

held(#lock{} = Lock, Fun) ->
    case hold(Lock) of
        {ok, Hold} ->
            try
                Fun()
            after
                eslaver_mirror_holds:release(Hold)
            end;
        {error, _} ->
            Fun()
    end;
held({error, _}, Fun) ->
    Fun().

once(Name, Fun) ->
    _ = put(?SEEN(Name), #{}),
    try Fun() of
        Result ->
            case is_unchanged(Name) of
                true -> {done, Result};
                false -> changed
            end
    catch
        throw:?CHANGED(Name) ->
            changed;
        Class:Reason:Stack ->
            case is_unchanged(Name) of
                true -> erlang:raise(Class, Reason, Stack);
                false -> changed
            end
    after
        erase(?SEEN(Name))
    end.

is_unchanged(Name) ->
    case get(?SEEN(Name)) of
        #{edition := {error, _} = Error} ->
            found(find(Name)) =:= Error;
        #{edition := Edition, all := All} = Seen ->
            {Stripes, Versions} = lists:unzip(maps:to_list(maps:without([edition, all], Seen))),
            case persistent_term:get(?TERM(Name), undefined) of
                #lock{edition = Edition} = Lock -> versions(Lock, Stripes) =:= [All | Versions];
                _ -> false
            end;
        #{} ->
            true
    end.

%% A killed mirror's lock is found until another mirror takes the name.
found(#lock{} = Lock) -> gone_or(running, Lock);
found({error, _} = Error) -> Error.

%% The writer pauses until it is released, or until this process ends.
hold(#lock{writer = Writer}) ->
    try
        {ok, eslaver_mirror_holds:hold(Writer)}
    catch
        exit:_ -> {error, not_running}
    end.
