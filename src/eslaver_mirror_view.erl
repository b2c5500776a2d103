%% @doc How any process reads a mirror's tables while one process writes them, and what it can rely
%% on: a read sees its keys as they are between two commands, and between two transactions.
%%
%% It is a sequence lock. Keys fall by hash into stripes, each with a version, which is odd while one
%% of its keys is being written. A reader looks at the version, reads, and looks again: if it is
%% another, it reads anew. No reader ever holds the writer up, and no lock is taken. A second version
%% is for what touches all keys. A reader finds tables and versions by the mirror's name in a
%% persistent term, so no message is sent either. Used by {@link eslaver_mirror} to read, and by
%% {@link eslaver_mirror_server} to write.
%% @private
-module(eslaver_mirror_view).

-export([new/1, publish/2, status/1, status/2, close/1, writing/3]).
-export([read/5, bodies/4, row/3, rows/3, db/3, transaction/2, state/1]).
-export_type([view/0, mirror/0, failure/0, status/0]).

-type mirror() :: atom() | {atom(), Db :: non_neg_integer()}.
%% A mirror's name, for db 0 or another.

-type failure() :: {error, not_running | loading | stale | wrongtype | unknown}.
%% Why a read has no answer.

-type status() :: loading | fresh | stale.

-record(view, {
    name :: atom(),
    writer :: pid(),
    store :: undefined | eslaver_mirror_store:store(),
    %% Which publication this is.
    edition = 0 :: non_neg_integer(),
    %% One version of all keys, the status, and the newest edition.
    control :: atomics:atomics_ref(),
    %% A version for each stripe.
    stripes :: atomics:atomics_ref(),
    serve_stale :: boolean()
}).

-opaque view() :: #view{}.

-define(TERM(Name), {?MODULE, Name}).
-define(ALL, 1).
-define(STATUS, 2).
-define(EDITION, 3).
-define(STRIPES, 4096).
%% A transaction of so many keys, or more, is written as if it touched all.
-define(MANY, 1024).
%% A reader that has had to begin anew so often has the writer hold still.
-define(TRIES, 20).

%% What a process in a transaction has read so far, and what it throws when that has changed.
-define(SEEN(Name), {?MODULE, seen, Name}).
-define(CHANGED(Name), {?MODULE, changed, Name}).

-define(LOADING, 0).
-define(FRESH, 1).
-define(STALE, 2).

%% For the writer.

%% @doc A view for the calling process to write, with nothing in it.
-spec new(#{name := atom(), serve_stale_data := boolean()}) -> view().
new(#{name := Name, serve_stale_data := ServeStale}) ->
    View = #view{
        name = Name,
        writer = self(),
        control = atomics:new(3, []),
        stripes = atomics:new(?STRIPES, []),
        serve_stale = ServeStale
    },
    persistent_term:put(?TERM(Name), View),
    View.

%% @doc Has readers find other tables, all at once.
-spec publish(eslaver_mirror_store:store(), view()) -> view().
publish(Store, #view{name = Name, edition = Edition, control = Control} = View) ->
    Next = View#view{store = Store, edition = Edition + 1},
    persistent_term:put(?TERM(Name), Next),
    ok = atomics:put(Control, ?EDITION, Edition + 1),
    Next.

%% @doc What readers are told of the data's age.
-spec status(status(), view()) -> ok.
status(loading, #view{control = Control}) -> atomics:put(Control, ?STATUS, ?LOADING);
status(fresh, #view{control = Control}) -> atomics:put(Control, ?STATUS, ?FRESH);
status(stale, #view{control = Control}) -> atomics:put(Control, ?STATUS, ?STALE).

%% @doc What they are told.
-spec status(view()) -> status().
status(#view{control = Control}) -> told(atomics:get(Control, ?STATUS)).

%% @doc No reader finds it any more.
-spec close(view()) -> ok.
close(#view{name = Name}) ->
    _ = persistent_term:erase(?TERM(Name)),
    ok.

%% @doc Runs what writes these keys, or all. Readers of them see either what was before, or all of it.
-spec writing([binary()] | all, fun(() -> Result), view()) -> Result.
writing([Key], Fun, #view{stripes = Stripes}) ->
    Stripe = stripe(Key),
    ok = atomics:add(Stripes, Stripe, 1),
    try
        Fun()
    after
        atomics:add(Stripes, Stripe, 1)
    end;
writing(Keys, Fun, #view{stripes = Versions}) when is_list(Keys), length(Keys) < ?MANY ->
    Stripes = lists:usort([stripe(Key) || Key <- Keys]),
    bump(Versions, Stripes),
    try
        Fun()
    after
        bump(Versions, Stripes)
    end;
writing(_Many, Fun, #view{control = Control}) ->
    ok = atomics:add(Control, ?ALL, 1),
    try
        Fun()
    after
        atomics:add(Control, ?ALL, 1)
    end.

bump(Versions, Stripes) ->
    lists:foreach(fun(Stripe) -> atomics:add(Versions, Stripe, 1) end, Stripes).

%% For readers.

%% @doc What is read of the value of a key of this type, by a fun that gets the tables and the key's
%% body. It may be run more than once. `Default' is for a key that is not there.
-spec read(
    mirror(),
    binary(),
    eslaver_mirror_store:type(),
    Default,
    fun((eslaver_mirror_store:store(), eslaver_mirror_type:body()) -> Result)
) -> Result | Default | failure().
read(Mirror, Key, Type, Default, Fun) ->
    row(Mirror, Key, fun
        (Store, {_, Found, Body, _}) when Found =:= Type -> Fun(Store, Body);
        (_Store, none) -> Default;
        (_Store, _) -> {error, wrongtype}
    end).

%% @doc What is read of the values of several keys of this type, as they are at one moment, by a fun
%% that gets their bodies, or `none' for keys that are not there.
-spec bodies(
    mirror(),
    [binary()],
    eslaver_mirror_store:type(),
    fun((eslaver_mirror_store:store(), [eslaver_mirror_type:body() | none]) -> Result)
) -> Result | failure().
bodies(Mirror, Keys, Type, Fun) ->
    rows(Mirror, Keys, fun(Store, Rows) ->
        case lists:all(fun(Row) -> Row =:= none orelse element(2, Row) =:= Type end, Rows) of
            true -> Fun(Store, [body(Row) || Row <- Rows]);
            false -> {error, wrongtype}
        end
    end).

body(none) -> none;
body({_, _, Body, _}) -> Body.

%% @doc The same of whatever row a key has, or `none'; it has none when its time has passed.
-spec row(
    mirror(),
    binary(),
    fun((eslaver_mirror_store:store(), eslaver_mirror_store:row() | none) -> Result)
) -> Result | failure().
row(Mirror, Key, Fun) ->
    rows(Mirror, [Key], fun(Store, [Row]) -> Fun(Store, Row) end).

%% @doc The same of several keys, as they are at one moment. Where one is `unknown', all fail.
-spec rows(
    mirror(),
    [binary()],
    fun((eslaver_mirror_store:store(), [eslaver_mirror_store:row() | none]) -> Result)
) -> Result | failure().
rows(Mirror, Keys, Fun) ->
    {Name, Db} = db_of(Mirror),
    Stripes = lists:usort([stripe(Key) || Key <- Keys]),
    stable(Name, Stripes, fun(Store) ->
        Rows = look_up(eslaver_mirror_store:keys(Db, Store), Keys),
        case lists:keymember(unknown, 2, [Row || Row <- Rows, Row =/= none]) of
            true -> {error, unknown};
            false -> Fun(Store, Rows)
        end
    end).

look_up(none, Keys) ->
    [none || _ <- Keys];
look_up(Table, Keys) ->
    [look_up_one(Table, Key) || Key <- Keys].

look_up_one(Table, Key) ->
    case ets:lookup(Table, Key) of
        [] ->
            none;
        [{_, _, _, infinity} = Row] ->
            Row;
        [{_, _, _, ExpireAt} = Row] ->
            case ExpireAt > erlang:system_time(millisecond) of
                true -> Row;
                false -> none
            end
    end.

%% @doc What is read of a db as a whole, by a fun that gets the table of its keys, or `none'. It is
%% not held against single keys that change meanwhile.
-spec db(mirror(), Empty, fun((eslaver_mirror_store:store(), ets:tid()) -> Result)) ->
    Result | Empty | failure().
db(Mirror, Empty, Fun) ->
    {Name, Db} = db_of(Mirror),
    stable(Name, [], fun(Store) ->
        case eslaver_mirror_store:keys(Db, Store) of
            none -> Empty;
            Table -> Fun(Store, Table)
        end
    end).

%% @doc Runs a fun whose reads of this mirror are all of one moment. It may be run more than once.
-spec transaction(mirror(), fun(() -> Result)) -> Result.
transaction(Mirror, Fun) ->
    {Name, _Db} = db_of(Mirror),
    case get(?SEEN(Name)) of
        undefined -> optimistic(Name, Fun, 1);
        _Nested -> Fun()
    end.

%% @doc How old the data is.
-spec state(mirror()) -> status() | not_running.
state(Mirror) ->
    {Name, _Db} = db_of(Mirror),
    case persistent_term:get(?TERM(Name), undefined) of
        undefined ->
            not_running;
        #view{writer = Writer, control = Control} ->
            case is_process_alive(Writer) of
                true -> told(atomics:get(Control, ?STATUS));
                false -> not_running
            end
    end.

told(?LOADING) -> loading;
told(?FRESH) -> fresh;
told(?STALE) -> stale.

db_of({Name, Db}) when is_atom(Name), is_integer(Db), Db >= 0 -> {Name, Db};
db_of(Name) when is_atom(Name) -> {Name, 0}.

stripe(Key) ->
    erlang:phash2(Key, ?STRIPES) + 1.

stable(Name, Stripes, Fun) ->
    attempt(Name, Stripes, Fun, 1).

attempt(Name, Stripes, Fun, Try) ->
    case find(Name) of
        #view{store = Store} = View ->
            Before = versions(View, Stripes),
            case is_quiet(Before) of
                true ->
                    try Fun(Store) of
                        Result ->
                            case versions(View, Stripes) =:= Before of
                                true -> seen(Name, Stripes, Before, Result);
                                false -> again(View, Stripes, Fun, Try)
                            end
                    catch
                        Class:Reason:Stack ->
                            case versions(View, Stripes) =:= Before andalso is_running(View) of
                                true -> erlang:raise(Class, Reason, Stack);
                                false -> again(View, Stripes, Fun, Try)
                            end
                    end;
                false ->
                    again(View, Stripes, Fun, Try)
            end;
        {error, _} = Error ->
            Error
    end.

find(Name) ->
    case persistent_term:get(?TERM(Name), undefined) of
        undefined ->
            {error, not_running};
        #view{control = Control, serve_stale = ServeStale} = View ->
            case atomics:get(Control, ?STATUS) of
                ?LOADING -> gone_or(loading, View);
                ?STALE when not ServeStale -> gone_or(stale, View);
                _ -> View
            end
    end.

gone_or(Reason, View) ->
    case is_running(View) of
        true -> {error, Reason};
        false -> {error, not_running}
    end.

is_running(#view{writer = Writer}) ->
    is_process_alive(Writer).

%% The first is that of all keys, so that what is written to all shows in any read. A view that is
%% not the newest has none that could be right.
versions(#view{control = Control, stripes = Versions, edition = Edition}, Stripes) ->
    All = atomics:get(Control, ?ALL),
    case atomics:get(Control, ?EDITION) of
        Edition -> [All | [atomics:get(Versions, Stripe) || Stripe <- Stripes]];
        _Newer -> [newer]
    end.

is_quiet([newer]) -> false;
is_quiet(Versions) -> lists:all(fun(Version) -> Version band 1 =:= 0 end, Versions).

%% What keeps a reader from its answer is over in microseconds, but for a large transaction or a
%% value that is written all the time.
again(#view{name = Name} = View, Stripes, Fun, Try) when Try < ?TRIES ->
    case is_running(View) of
        true ->
            pause(Try),
            attempt(Name, Stripes, Fun, Try + 1);
        false ->
            {error, not_running}
    end;
again(#view{name = Name} = View, Stripes, Fun, _Try) ->
    case hold(View) of
        {ok, Hold} ->
            try
                attempt(Name, Stripes, Fun, 1)
            after
                release(Hold)
            end;
        {error, _} = Error ->
            Error
    end.

pause(Try) when Try < ?TRIES div 2 -> erlang:yield();
pause(_Try) -> timer:sleep(1).

%% Within a transaction all that has been read must stay as it was to its end.
seen(Name, Stripes, Versions, Result) ->
    case get(?SEEN(Name)) of
        undefined ->
            Result;
        Seen ->
            seen(Name, lists:zip([all | Stripes], Versions), Seen),
            Result
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

optimistic(Name, Fun, Try) when Try < ?TRIES ->
    case once(Name, Fun) of
        {done, Result} ->
            Result;
        changed ->
            pause(Try),
            optimistic(Name, Fun, Try + 1)
    end;
optimistic(Name, Fun, _Try) ->
    case find(Name) of
        #view{} = View -> held(hold(View), Name, Fun);
        {error, _} -> Fun()
    end.

held({ok, Hold}, Name, Fun) ->
    try once(Name, Fun) of
        {done, Result} -> Result
    after
        release(Hold)
    end;
held({error, _}, _Name, Fun) ->
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
    Seen = get(?SEEN(Name)),
    case persistent_term:get(?TERM(Name), undefined) of
        #view{} = View when map_size(Seen) > 0 ->
            {Stripes, Versions} = lists:unzip(maps:to_list(maps:remove(all, Seen))),
            versions(View, Stripes) =:= [maps:get(all, Seen) | Versions];
        _ ->
            true
    end.

%% The writer holds still until it is released, or this process ends.
hold(#view{writer = Writer}) ->
    try
        {ok, {Writer, gen_server:call(Writer, hold, infinity)}}
    catch
        exit:_ -> {error, not_running}
    end.

release({Writer, Hold}) ->
    gen_server:cast(Writer, {release, Hold}).
