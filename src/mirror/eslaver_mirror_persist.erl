%% @doc A mirror as a file: saves, one after another, and the data that the mirror begins with.
%%
%% The native half saves and restores, and tells when it is done; the server of the mirror passes on
%% its messages, `{eslaver_nif, saved | restored, Result}', and the timer's. With option `persist'
%% the mirror saves its data every `interval' if it has changed, and when it stops.
%% @private
-module(eslaver_mirror_persist).

-export([new/3, is_restoring/1, restored/2, save/3, saved/2, answered/1, tick/2, stop/1, info/1]).
-export_type([persist/0, options/0, reason/0]).

-type options() :: #{
    %% The file of option `persist'.
    file := binary() | undefined,
    %% In ms.
    interval := pos_integer() | infinity,
    %% What the filter lets pass. Data of another scope is no use.
    scope := binary()
}.

-type reason() :: loading | incomplete | not_running | binary().
%% There is no data yet; only a full resync tells what the master has; the mirror has stopped; or
%% what is wrong with the file.

-type result() :: {ok, map()} | {error, reason()}.

-record(persist, {
    keyspace :: eslaver_nif:keyspace(),
    name :: atom(),
    options :: options(),
    restoring :: boolean(),
    %% The file that is being saved, and who waits for it; `timer' does not.
    running = none :: none | job(),
    %% What is to be saved then, the next last.
    queue = [] :: [job()],
    timer :: undefined | reference(),
    %% How often the data had changed when the file of option `persist' was saved.
    kept = 0 :: non_neg_integer(),
    restored :: undefined | map(),
    last :: undefined | map(),
    %% To be sent once the info shows what they are about.
    answers = [] :: [{gen_server:from(), ok | {error, reason()}}],
    %% Why the last save failed: the same error is logged once.
    failure :: undefined | reason()
}).

-opaque persist() :: #persist{}.

-type job() :: {File :: binary(), [gen_server:from()]}.

%% @doc Begins to restore the data, if option `persist' names a file.
-spec new(eslaver_nif:keyspace(), Name :: atom(), options()) -> persist().
new(Keyspace, Name, #{file := File, scope := Scope} = Options) ->
    Persist = #persist{
        keyspace = Keyspace, name = Name, options = Options, restoring = File =/= undefined
    },
    case File =/= undefined andalso eslaver_nif:keyspace_restore(Keyspace, File, Scope) of
        {error, Reason} -> not_restored(Reason, Persist);
        _ -> Persist
    end.

%% @doc Whether the data is still being restored. Until then no link may begin.
-spec is_restoring(persist()) -> boolean().
is_restoring(#persist{restoring = Restoring}) ->
    Restoring.

%% @doc The data has been restored, or not. Tells where in the stream it stands.
-spec restored(none | result(), persist()) ->
    {none | #{offset := non_neg_integer(), db := non_neg_integer()}, persist()}.
restored({ok, #{keys := Keys, bytes := Bytes, duration := Ms} = Done}, Persist) ->
    #{changes := Changes, offset := Offset, db := Db} = Done,
    ok = report(notice, restored, #{keys => Keys, bytes => Bytes, seconds => Ms / 1000}, Persist),
    Info = #{keys => Keys, bytes => Bytes, duration => Ms},
    Restored = Persist#persist{restoring = false, restored = Info, kept = Changes},
    {#{offset => Offset, db => Db}, timed(Restored)};
restored({error, Reason}, Persist) ->
    {none, timed(not_restored(Reason, Persist))};
restored(none, Persist) ->
    {none, timed(Persist#persist{restoring = false})}.

not_restored(Reason, Persist) ->
    ok = report(warning, not_restored, #{text => text(Reason)}, Persist),
    Persist#persist{restoring = false, restored = #{error => Reason}}.

%% @doc Saves the data as it is now, or when the save ends that is on. The caller gets an answer.
-spec save(File :: binary(), gen_server:from(), persist()) -> persist().
save(File, From, Persist) ->
    next(queued(File, [From], Persist)).

%% A save that is on began too early for those who come now; the next one serves them all.
queued(File, Froms, #persist{queue = Queue} = Persist) ->
    Next =
        case lists:keytake(File, 1, Queue) of
            {value, {File, Others}, Rest} -> [{File, Froms ++ Others} | Rest];
            false -> [{File, Froms} | Queue]
        end,
    Persist#persist{queue = Next}.

next(#persist{running = none, queue = [_ | _] = Queue} = Persist) ->
    {File, _} = Job = lists:last(Queue),
    #persist{keyspace = Keyspace, options = #{scope := Scope}} = Persist,
    Running = Persist#persist{running = Job, queue = lists:droplast(Queue)},
    case eslaver_nif:keyspace_save(Keyspace, File, Scope) of
        ok -> Running;
        {error, _} = Error -> saved(Error, Running)
    end;
next(Persist) ->
    Persist.

%% @doc A save has ended: {@link answered/1} tells those who wait for it.
-spec saved(result(), persist()) -> persist().
saved(Result, #persist{running = {File, Froms}} = Persist) ->
    Answer =
        case Result of
            {ok, _} -> ok;
            {error, _} -> Result
        end,
    Answers = [{From, Answer} || From <- Froms] ++ Persist#persist.answers,
    next(timed(told(File, Result, Persist#persist{running = none, answers = Answers}))).

%% @doc Answers those who have waited for saves that have ended.
-spec answered(persist()) -> persist().
answered(#persist{answers = Answers} = Persist) ->
    lists:foreach(fun({From, Answer}) -> gen_server:reply(From, Answer) end, Answers),
    Persist#persist{answers = []}.

told(File, Result, Persist) ->
    Time = erlang:system_time(millisecond),
    Last = outcome(Result, #{file => File, time => Time}),
    noted(File, Result, logged(File, Result, Persist#persist{last = Last})).

outcome({ok, Done}, Last) ->
    maps:merge(Last, maps:with([keys, bytes, unknown, duration], Done));
outcome({error, Reason}, Last) ->
    Last#{error => Reason}.

noted(File, {ok, #{changes := Changes}}, #persist{options = #{file := File}} = Persist) ->
    Persist#persist{kept = Changes};
noted(_File, _Result, Persist) ->
    Persist.

logged(_File, {ok, _}, Persist) ->
    Persist#persist{failure = undefined};
logged(_File, {error, Reason}, #persist{failure = Reason} = Persist) ->
    Persist;
logged(File, {error, Reason}, Persist) ->
    ok = report(warning, not_saved, #{text => text(Reason)}, File, Persist),
    Persist#persist{failure = Reason}.

%% @doc The interval is over.
-spec tick(reference(), persist()) -> persist().
tick(Timer, #persist{timer = Timer, options = #{file := File}} = Persist) ->
    Idle = Persist#persist{timer = undefined},
    case has_changed(Persist) of
        true -> next(queued(File, [], Idle));
        false -> timed(Idle)
    end;
tick(_Timer, Persist) ->
    Persist.

%% Without data there is nothing to keep, and what is incomplete is not to be kept.
has_changed(#persist{keyspace = Keyspace, name = Name, kept = Kept}) ->
    eslaver_nif:keyspace_changes(Keyspace) > Kept andalso
        eslaver_nif:keyspace_status(Name) =/= loading.

timed(#persist{options = #{file := <<_/binary>>, interval := Interval}} = Persist) when
    is_integer(Interval), Persist#persist.timer =:= undefined, Persist#persist.running =:= none
->
    Persist#persist{timer = erlang:start_timer(Interval, self(), persist)};
timed(Persist) ->
    Persist.

%% @doc Saves what has changed, and waits for that. Nothing may be written any more.
-spec stop(persist()) -> ok.
stop(#persist{restoring = true}) ->
    ok;
stop(#persist{options = #{file := File}} = Persist) ->
    Idle = waited(Persist#persist{queue = []}),
    case File =/= undefined andalso has_changed(Idle) of
        true ->
            _ = waited(next(queued(File, [], Idle))),
            ok;
        false ->
            ok
    end.

waited(#persist{running = none} = Persist) ->
    answered(Persist);
waited(Persist) ->
    receive
        {eslaver_nif, saved, Result} -> waited(saved(Result, Persist))
    end.

%% @doc For the mirror's info.
-spec info(persist()) -> map().
info(#persist{running = Running, last = Last, restored = Restored}) ->
    #{saving => Running =/= none, last_save => Last, restored => Restored}.

report(Level, What, Report, #persist{options = #{file := File}} = Persist) ->
    report(Level, What, Report, File, Persist).

report(Level, What, Report, File, #persist{name = Name}) ->
    eslaver_log:report(Level, What, Report#{replica => Name, path => eslaver_log:path(File)}).

text(loading) -> <<"there is no data yet">>;
text(incomplete) -> <<"the data is incomplete until the next full sync">>;
text(not_running) -> <<"the mirror has stopped">>;
text(Text) when is_binary(Text) -> Text.
