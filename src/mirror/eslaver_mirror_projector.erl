%% @doc The process that keeps the projections of a mirror.
%%
%% The link calls it after each slice that has changed keys of a projection, and then waits: so all
%% that is read here is as at one place in the stream, between two transactions. The rows of these
%% keys are replaced, and the link goes on. Key notifications, acknowledgements and the end of a
%% snapshot are told after that.
%% @private
-module(eslaver_mirror_projector).
-behaviour(gen_server).

-export([start_link/3, request/3, stop/1]).
-export([init/1, handle_call/3, handle_cast/2, handle_info/2]).
-export([code_change/3, format_status/1]).

-record(kept, {
    projection :: eslaver_mirror_projection:projection(),
    table :: eslaver_mirror_projection_table:table()
}).

-record(state, {
    name :: atom(),
    keyspace :: eslaver_nif:keyspace(),
    kept :: [#kept{}]
}).

%% About how many keys are looked for at a time.
-define(KEYS, 500).
-define(TRIES, 20).
%% How long it may take to end, in ms. It only does more than wait while a `map' runs.
-define(SHUTDOWN, 5000).

%% @doc Starts it, linked to the caller.
-spec start_link(Mirror :: atom(), eslaver_nif:keyspace(), Projections) ->
    gen_server:start_ret()
when
    Projections :: [eslaver_mirror_projection:projection(), ...].
start_link(Name, Keyspace, Projections) ->
    gen_server:start_link(?MODULE, {Name, Keyspace, Projections}, []).

%% @doc Requests an answer, `ok', once the tables have what the keyspace has now.
-spec request(Label, pid(), gen_server:request_id_collection()) ->
    gen_server:request_id_collection()
when
    Label :: term().
request(Label, Projector, Requests) ->
    gen_server:send_request(Projector, settle, Label, Requests).

%% @doc Stops it. The tables that it made are gone.
-spec stop(pid()) -> ok.
stop(Projector) ->
    Monitor = monitor(process, Projector),
    true = exit(Projector, shutdown),
    receive
        {'DOWN', Monitor, process, _, _} -> ok
    after ?SHUTDOWN ->
        true = demonitor(Monitor, [flush]),
        true = exit(Projector, kill),
        ok
    end.

-spec init({atom(), eslaver_nif:keyspace(), [eslaver_mirror_projection:projection(), ...]}) ->
    {ok, #state{}}.
init({Name, Keyspace, Projections}) ->
    ok = eslaver_nif:keyspace_project(
        Keyspace, [eslaver_mirror_projection:interest(Projection) || Projection <- Projections]
    ),
    {ok, #state{name = Name, keyspace = Keyspace, kept = [kept(P) || P <- Projections]}}.

kept(Projection) ->
    Table = eslaver_mirror_projection:table(Projection),
    #kept{projection = Projection, table = eslaver_mirror_projection_table:open(Table)}.

-spec handle_call(term(), gen_server:from(), #state{}) -> {reply, term(), #state{}}.
handle_call(settle, _From, State) ->
    {reply, ok, guarded(State)};
handle_call(_Request, _From, State) ->
    {reply, {error, unknown_request}, State}.

-spec handle_cast(term(), #state{}) -> {noreply, #state{}}.
handle_cast(_Request, State) ->
    {noreply, State}.

-spec handle_info(term(), #state{}) -> {noreply, #state{}}.
handle_info({eslaver_nif, changed}, State) ->
    {noreply, guarded(State)};
handle_info(_Message, State) ->
    {noreply, State}.

-spec code_change(term(), #state{}, term()) -> {ok, #state{}}.
code_change(_Old, State, _Extra) ->
    {ok, State}.

%% @doc Hides what funs have in them, and messages that are not its own.
-spec format_status(gen_server:format_status()) -> gen_server:format_status().
format_status(Status) ->
    eslaver_status:short(fun(#state{name = Name}) -> #{mirror => Name} end, Status).

%% What has changed.

guarded(State) ->
    eslaver_failure:guarded(projection_failed, fun() -> settled(State) end).

settled(#state{keyspace = Keyspace, kept = Kept} = State) ->
    Changes = eslaver_nif:projections_changed(Keyspace),
    Next = [taken_in(Changed, One, State) || {Changed, One} <- lists:zip(Changes, Kept)],
    ok = eslaver_nif:projections_settled(Keyspace),
    State#state{kept = Next}.

%% While there is no data, the rows stay as they were: a snapshot will come.
taken_in([], Kept, _State) ->
    Kept;
taken_in(Changed, Kept, State) ->
    try
        renewed_or_changed(Changed, Kept, State)
    catch
        throw:{?MODULE, no_data} -> Kept
    end.

renewed_or_changed(all, #kept{projection = Projection, table = Table} = Kept, State) ->
    {_Db, Globs} = eslaver_mirror_projection:interest(Projection),
    _ = read({dbsize}, Projection, State),
    Renewal = lists:foldl(
        fun(Glob, Begun) -> pages(0, Glob, Begun, Kept, State) end,
        eslaver_mirror_projection_table:renew(Table),
        Globs
    ),
    Renewed = eslaver_mirror_projection_table:renewed(Renewal),
    true = garbage_collect(),
    Kept#kept{table = Renewed};
renewed_or_changed(Keys, #kept{table = Table} = Kept, State) ->
    ok = eslaver_mirror_projection_table:change(rows(Keys, Kept, State), Table),
    Kept.

pages(Cursor, Glob, Renewal, #kept{projection = Projection} = Kept, State) ->
    Type = eslaver_mirror_projection:type(Projection),
    {Next, Keys} = read({scan, Cursor, Glob, Type, ?KEYS}, Projection, State),
    Added = eslaver_mirror_projection_table:add(rows(Keys, Kept, State), Renewal),
    case Next of
        0 -> Added;
        _ -> pages(Next, Glob, Added, Kept, State)
    end.

rows(Keys, Kept, State) ->
    [{Key, rows_of(Key, Kept, State)} || Key <- Keys].

%% A key that is unknown has none.
rows_of(Key, #kept{projection = Projection, table = Table}, State) ->
    Type = eslaver_mirror_projection:type(Projection),
    KeyPos = eslaver_mirror_projection_table:keypos(Table),
    case read({value, Key, Type}, Projection, State) of
        Missing when is_atom(Missing) ->
            [];
        {error, unknown} ->
            [];
        {Type, Value} ->
            case eslaver_mirror_projection:rows(Key, Value, KeyPos, Projection) of
                {ok, Rows} ->
                    Rows;
                {failed, Class, Reason, Stack} ->
                    ok = failed(Class, Reason, Stack, Projection, State),
                    []
            end
    end.

%% The first failure is logged, without the key and the value.
failed(Class, Reason, Stack, Projection, #state{name = Name}) ->
    case eslaver_mirror_projection:failed(Projection) of
        first ->
            {Shape, Calls} = eslaver_failure:describe(Reason, Stack),
            eslaver_log:report(warning, projection_failed, #{
                replica => Name,
                table => eslaver_mirror_projection:table(Projection),
                class => Class,
                reason => Shape,
                calls => Calls
            });
        again ->
            ok
    end.

read(Query, Projection, #state{keyspace = Keyspace}) ->
    {Db, _Globs} = eslaver_mirror_projection:interest(Projection),
    case read(Keyspace, Db, Query, ?TRIES) of
        {error, loading} -> throw({?MODULE, no_data});
        Answer -> Answer
    end.

read(Keyspace, Db, Query, Tries) ->
    case eslaver_nif:projections_read(Keyspace, Db, Query) of
        busy when Tries > 0 ->
            true = erlang:yield(),
            read(Keyspace, Db, Query, Tries - 1);
        Unanswered when Unanswered =:= busy; Unanswered =:= takes_long ->
            read_dirty(Keyspace, Db, Query);
        Answer ->
            Answer
    end.

read_dirty(Keyspace, Db, Query) ->
    case eslaver_nif:projections_read_dirty(Keyspace, Db, Query) of
        busy -> read_dirty(Keyspace, Db, Query);
        Answer -> Answer
    end.
