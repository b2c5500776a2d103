%% @doc Writes a mirror's tables: applies a replica's full events to them.
%%
%% A snapshot is loaded into tables of its own, which are published when it is complete. The
%% stream's commands are applied one by one, those of a transaction together. If a command cannot be
%% applied, its keys are marked as unknown.
%% @private
-module(eslaver_mirror_writer).

-export([new/1, handle/2, broken/1, position/1, passed/2, needs_resync/1]).
-export([collect/1, status/1, info/1, functions/1, close/1]).
-export_type([writer/0, news/0]).

-record(writer, {
    lock :: eslaver_mirror_lock:lock(),
    options :: eslaver_mirror_options:options(),
    commands = eslaver_mirror_commands:all() :: #{binary() => module()},
    store :: undefined | eslaver_mirror_store:store(),
    %% The tables of a snapshot that is being loaded.
    next :: undefined | eslaver_mirror_store:store(),
    functions = #{} :: #{Library :: binary() => Code :: binary()},
    next_functions = #{} :: #{binary() => binary()},
    next_position :: undefined | {Replid :: binary(), Offset :: non_neg_integer()},
    %% The commands since MULTI, the last first.
    transaction = none :: none | [command()],
    %% Undefined before the first snapshot, and if the master does not support PSYNC.
    replid :: undefined | binary(),
    %% Whether the mirror needs a full resync; until then the data counts as stale.
    lost = false :: boolean(),
    %% Whether the replica has no position to resume from: until its snapshot is loaded it requests
    %% one by itself, whatever happens to its link.
    without_position = true :: boolean(),
    %% The commands that the master has described.
    told :: undefined | eslaver_nif:commands(),
    %% The offset and the db after everything applied.
    offset = 0 :: non_neg_integer(),
    db = 0 :: non_neg_integer(),
    %% How often each command could not be applied.
    failed = #{} :: #{binary() => pos_integer()}
}).

-opaque writer() :: #writer{}.

-type command() :: {Name :: binary(), Args :: [binary()], Db :: non_neg_integer()}.

-type news() ::
    {loaded, #{offset := non_neg_integer(), db := non_neg_integer()}}
    | {told, eslaver_nif:commands() | undefined}
    | {applied, [command()], Offset :: non_neg_integer()}.
%% What has become visible, and the commands that the master has described, by which its keys are
%% found.

%% Rows of discarded values to remove after each batch.
-define(COLLECT, 4096).

%% @doc A writer without data.
-spec new(eslaver_mirror_options:options()) -> writer().
new(Options) ->
    Lock = eslaver_mirror_lock:new(maps:with([name, serve_stale_data], Options)),
    #writer{lock = Lock, options = Options}.

%% @doc Applies events. Returns what becomes visible, in order.
-spec handle([eslaver:full_event() | eslaver_events:commands()], writer()) -> {[news()], writer()}.
handle(Events, Writer) ->
    handle(Events, Writer, []).

handle([], Writer, News) ->
    {lists:reverse(News), Writer};
handle([Event | Events], Writer, News) ->
    case event(Event, Writer) of
        {New, Next} -> handle(Events, Next, [New | News]);
        Next -> handle(Events, Next, News)
    end.

event({stream, <<"multi">>, _, _Meta}, #writer{transaction = none} = Writer) ->
    %% the offset stays: a new replica must resume before the transaction
    Writer#writer{transaction = []};
event({stream, <<"multi">>, _, _Meta}, Writer) ->
    %% Redis 3.2 replicates a script within a transaction with a second MULTI. For replicas the
    %% transaction ends at the first EXEC.
    Writer;
event({stream, <<"exec">>, _, Meta}, #writer{transaction = none} = Writer) ->
    %% The transaction ended before (see above), or had no MULTI: Redis 3.2 leaves it out if only
    %% PFCOUNT changed anything.
    moved(Meta, Writer);
event({stream, <<"exec">>, _, Meta}, #writer{transaction = Commands} = Writer) ->
    Next = moved(Meta, Writer#writer{transaction = none}),
    apply_all(lists:reverse(Commands), Next);
event({stream, <<"discard">>, _, Meta}, Writer) ->
    %% No master sends DISCARD; real replicas drop the transaction.
    moved(Meta, Writer#writer{transaction = none});
event({stream, Name, Args, #{db := Db} = Meta}, #writer{transaction = none} = Writer) ->
    apply_all([{Name, Args, Db}], moved(Meta, Writer));
event({stream, Name, Args, #{db := Db}}, #writer{transaction = Commands} = Writer) ->
    Writer#writer{transaction = [{Name, Args, Db} | Commands]};
event({loading, start, #{replid := Replid, offset := Offset}}, Writer) ->
    started(Writer#writer{
        next_position = {Replid, Offset}, transaction = none, without_position = true
    });
event({loading, aux, Name, Value, _Meta}, #writer{next = Next} = Writer) ->
    Writer#writer{next = eslaver_mirror_version:with_aux(Name, Value, Next)};
event({loading, function, Library, Code, _Meta}, #writer{next_functions = Functions} = Writer) ->
    Writer#writer{next_functions = Functions#{Library => Code}};
event({loading, Type, Key, Value, #{db := Db} = Meta}, #writer{next = Next} = Writer) ->
    Store = eslaver_mirror_store:with_db(Db, Next),
    load({Type, Key, Value, Meta}, Writer#writer{next = Store});
event({loading, eof, Meta}, Writer) ->
    #writer{offset = Offset, db = Db} = Loaded = loaded(Meta, Writer),
    {{loaded, #{offset => Offset, db => Db}}, Loaded};
event({link, commands, Told}, Writer) ->
    {{told, Told}, Writer#writer{told = Told}};
event({link, up, #{resync := partial, replid := Replid}}, #writer{lost = true} = Writer) ->
    Writer#writer{replid = Replid};
event({link, up, #{resync := partial, replid := Replid}}, #writer{lock = Lock} = Writer) ->
    ok = eslaver_mirror_lock:status(fresh, Lock),
    Writer#writer{replid = Replid};
event({link, up, #{resync := full}}, Writer) ->
    Writer;
event({link, down, _Why}, #writer{lock = Lock, store = Store} = Writer) ->
    %% the replica resumes where it was, even within a transaction, or starts over
    ok = eslaver_mirror_lock:status(age(Store), Lock),
    without_next(Writer).

load({_Type, Key, _Value, #{db := Db}} = Entry, #writer{next = Store} = Writer) ->
    try eslaver_mirror_keys:load(Store, Db, Entry) of
        ok -> Writer
    catch
        _Class:Reason:Stack ->
            ok = eslaver_mirror_keys:forget_value(ctx(Db, Store), Key),
            counted(<<"loading">>, eslaver_failure:describe(Reason, Stack), Writer)
    end.

moved(#{offset := Offset, db := Db}, Writer) ->
    Writer#writer{offset = Offset, db = Db}.

%% Snapshots.

started(#writer{options = #{full_resync := in_place}, store = Store} = Writer) when
    Store =/= undefined
->
    Withdrawn = eslaver_mirror_lock:withdraw(Writer#writer.lock),
    ok = eslaver_mirror_store:delete(Store, elsewhere),
    started(Writer#writer{store = undefined, lock = Withdrawn});
started(#writer{options = #{table := Table}} = Writer) ->
    Clean = without_next(Writer),
    Clean#writer{next = eslaver_mirror_store:new(Table)}.

loaded(Meta, #writer{lock = Lock, next = Next, store = Old} = Writer) ->
    #writer{next_functions = Functions, next_position = {Replid, Offset}} = Writer,
    Published = eslaver_mirror_lock:publish(Next, Lock),
    ok = eslaver_mirror_lock:status(fresh, Published),
    ok = delete(Old),
    Writer#writer{
        lock = Published,
        store = Next,
        next = undefined,
        functions = Functions,
        next_functions = #{},
        replid = Replid,
        lost = false,
        without_position = false,
        offset = Offset,
        db = maps:get(db, Meta)
    }.

delete(undefined) -> ok;
delete(Store) -> eslaver_mirror_store:delete(Store, elsewhere).

without_next(#writer{next = Next} = Writer) ->
    ok = delete(Next),
    Writer#writer{next = undefined, next_functions = #{}}.

%% @doc The replica has ended: an incomplete snapshot or transaction will come again. The next
%% replica resumes at {@link position/1}.
-spec broken(writer()) -> writer().
broken(#writer{lock = Lock, store = Store} = Writer) ->
    ok = eslaver_mirror_lock:status(age(Store), Lock),
    without_next(Writer#writer{
        transaction = none, without_position = position(Writer) =:= undefined
    }).

age(undefined) -> loading;
age(_Store) -> stale.

%% @doc The position to resume from, `undefined' if the mirror needs a full resync.
-spec position(writer()) -> undefined | eslaver:position().
position(#writer{store = Store, replid = Replid, lost = Lost}) when
    Store =:= undefined; Replid =:= undefined; Lost
->
    undefined;
position(#writer{replid = Replid, offset = Offset, db = Db}) ->
    #{replid => Replid, offset => Offset, db => Db}.

%% @doc The replica has handled everything up to this position: it was applied, or the filter
%% dropped it.
-spec passed(undefined | eslaver:position(), writer()) -> writer().
passed(#{replid := Replid, offset := Offset, db := Db}, #writer{replid = Replid} = Writer) when
    Offset > Writer#writer.offset
->
    Writer#writer{offset = Offset, db = Db};
passed(_Earlier, Writer) ->
    Writer.

%% Commands.

apply_all(Commands, Writer) ->
    Known = [{Command, keys(Command, Writer)} || Command <- Commands],
    case [Each || {_, Keys} = Each <- Known, Keys =/= not_a_write] of
        [] -> Writer;
        Writes -> write(Writes, Writer)
    end.

keys({Name, Args, _Db}, #writer{told = Told}) ->
    eslaver_keys:of_command(Name, Args, Told).

write(Writes, Writer) ->
    #writer{lock = Lock, offset = Offset} = Ready = with_dbs(Writes, Writer),
    Next = eslaver_mirror_lock:writing(
        locks(Writes), fun() -> lists:foldl(fun write_one/2, Ready, Writes) end, Lock
    ),
    {{applied, [Command || {Command, _} <- Writes], Offset}, Next}.

%% The table of each db is published before a command can need it.
with_dbs(Writes, #writer{store = Store, lock = Lock} = Writer) ->
    case lists:foldl(fun with_db/2, Store, Writes) of
        Store -> Writer;
        More -> Writer#writer{store = More, lock = eslaver_mirror_lock:publish(More, Lock)}
    end.

with_db({{_Name, _Args, Db}, Keys}, Store) ->
    Others =
        case Keys of
            {swapdb, One, Other} -> [One, Other];
            {Changed, _Read} when is_list(Changed) -> [Another || {Another, _Key} <- Changed];
            _ -> []
        end,
    lists:foldl(fun eslaver_mirror_store:with_db/2, Store, [Db | Others]).

%% The keys that change together for readers.
locks(Writes) ->
    case lists:all(fun({_, Keys}) -> has_keys(Keys) end, Writes) of
        true -> [key(Key) || {_, {Changed, _Read}} <- Writes, Key <- Changed];
        false -> all
    end.

has_keys({Changed, _Read}) -> is_list(Changed);
has_keys(_Others) -> false.

key({_Db, Key}) -> Key;
key(Key) -> Key.

write_one({Command, Keys}, Writer) ->
    try
        apply_one(Command, Keys, Writer)
    catch
        _Class:Reason:Stack ->
            failed(Command, Keys, eslaver_failure:describe(Reason, Stack), Writer)
    end.

apply_one(_Command, flushall, Writer) ->
    #writer{lock = Lock, store = Store} = Writer,
    Empty = eslaver_mirror_store:empty(Store),
    Published = eslaver_mirror_lock:publish(Empty, Lock),
    ok = delete(Store),
    Writer#writer{store = Empty, lock = Published};
apply_one({_Name, _Args, Db}, flushdb, #writer{store = Store} = Writer) ->
    published(eslaver_mirror_keys:flush(Db, Store), Writer);
apply_one(_Command, {swapdb, One, Other}, #writer{store = Store, options = Options} = Writer) ->
    #{filter := Filter} = Options,
    case eslaver_mirror_filter:has_dbs([One, Other], Filter) of
        true -> published(eslaver_mirror_store:swap_dbs(One, Other, Store), Writer);
        false -> lost(Writer)
    end;
apply_one(_Command, {slots, Ranges}, #writer{store = #{dbs := Dbs} = Store} = Writer) ->
    lists:foreach(
        fun(Db) -> eslaver_mirror_slots:delete(Ranges, ctx(Db, Store)) end, maps:keys(Dbs)
    ),
    Writer;
apply_one({<<"function">>, Args, _Db}, _Keys, #writer{functions = Functions} = Writer) ->
    Writer#writer{functions = eslaver_mirror_functions:change(Args, Functions)};
apply_one({Name, _Args, _Db}, {[], _Read}, #writer{commands = Commands} = Writer) when
    not is_map_key(Name, Commands)
->
    %% The command concerns something other than keys, such as an index.
    Writer;
apply_one({Name, Args, Db}, Keys, Writer) ->
    #writer{commands = Commands, store = Store, options = #{filter := Filter}} = Writer,
    Ctx = ctx(Db, Store),
    Apply =
        case Commands of
            #{Name := Module} -> fun() -> Module:apply(Name, Args, Ctx) end;
            #{} -> error(unknown_command)
        end,
    case eslaver_mirror_filter:scope({Name, Args, Db}, Keys, Filter) of
        whole -> Apply();
        {all_but, Unwanted} -> apply_partly(Apply, Unwanted, Ctx);
        inputs_missing -> error(inputs_missing)
    end,
    Writer.

%% Keys that are not mirrored are removed after the command.
apply_partly(Apply, Unwanted, Ctx) ->
    try
        Apply()
    after
        lists:foreach(
            fun(Key) -> in_db(Key, Ctx, fun eslaver_mirror_keys:delete/2) end, Unwanted
        )
    end.

published(Store, #writer{lock = Lock} = Writer) ->
    Writer#writer{store = Store, lock = eslaver_mirror_lock:publish(Store, Lock)}.

ctx(Db, #{dbs := Dbs} = Store) ->
    #{Db := Keys} = Dbs,
    #{keys => Keys, db => Db, now => erlang:system_time(millisecond), store => Store}.

in_db({Db, Key}, #{store := Store}, Fun) -> Fun(ctx(Db, Store), Key);
in_db(Key, Ctx, Fun) -> Fun(Ctx, Key).

%% Marks keys as unknown rather than show wrong values.
failed({Name, _, _} = Command, Keys, Why, Writer) ->
    unknown(Command, Keys, counted(Name, Why, Writer)).

counted(Name, Why, #writer{failed = Failed, options = Options} = Writer) ->
    ok = tell(Name, Why, maps:get(name, Options), Failed),
    Writer#writer{failed = maps:update_with(Name, fun(Count) -> Count + 1 end, 1, Failed)}.

tell(Name, _Why, _Mirror, Failed) when is_map_key(Name, Failed) ->
    ok;
tell(Name, Why, Mirror, _Failed) ->
    eslaver_log:report(warning, not_mirrored, #{replica => Mirror, command => Name, reason => Why}).

unknown({<<"function">>, _Args, _Db}, _Keys, Writer) ->
    %% it names no key, and only a snapshot tells which functions there are
    lost(Writer);
unknown({_Name, _Args, Db}, {Changed, _Read}, #writer{store = Store} = Writer) ->
    Ctx = ctx(Db, Store),
    lists:foreach(
        fun(Key) -> in_db(Key, Ctx, fun eslaver_mirror_keys:forget_value/2) end,
        wanted(Changed, Db, Writer)
    ),
    Writer;
unknown({_Name, Args, Db}, unknown, #writer{store = Store} = Writer) ->
    %% Any argument may be a key.
    case eslaver_mirror_keys:suspect(ctx(Db, Store), wanted(Args, Db, Writer)) of
        ok -> Writer;
        none -> lost(Writer)
    end;
unknown(_Command, _Keys, Writer) ->
    lost(Writer).

wanted(Keys, Db, #writer{options = #{filter := Filter}}) ->
    [Key || Key <- Keys, eslaver_mirror_filter:is_wanted(Key, Db, Filter)].

%% From now on the mirror needs a full resync.
lost(#writer{lock = Lock} = Writer) ->
    ok = eslaver_mirror_lock:status(stale, Lock),
    Writer#writer{lost = true}.

%% @doc Whether the mirror needs a full resync that the replica will not request by itself.
-spec needs_resync(writer()) -> boolean().
needs_resync(#writer{lost = Lost, without_position = WithoutPosition}) ->
    Lost andalso not WithoutPosition.

%% @doc Removes some discarded values. Returns whether there are more.
-spec collect(writer()) -> done | more.
collect(#writer{store = undefined}) -> done;
collect(#writer{store = Store}) -> eslaver_mirror_keys:collect(Store, ?COLLECT).

%% @doc The status of the data.
-spec status(writer()) -> eslaver_mirror_lock:status().
status(#writer{lock = Lock}) ->
    eslaver_mirror_lock:status(Lock).

%% @doc Sizes, position and failures, for `eslaver_mirror:info/1'.
-spec info(writer()) -> map().
info(#writer{store = Store, failed = Failed, functions = Functions, replid = Replid} = Writer) ->
    maps:merge(sizes(Store), #{
        replid => Replid,
        offset => Writer#writer.offset,
        db => Writer#writer.db,
        functions => maps:size(Functions),
        unapplied => Failed,
        incomplete => Writer#writer.lost,
        status => status(Writer)
    }).

sizes(undefined) ->
    #{keys => 0, memory => 0};
sizes(#{dbs := Dbs} = Store) ->
    Keys = lists:sum([
        ets:info(Table, size) - eslaver_mirror_keys:unsure(Store, Table)
     || Table <- maps:values(Dbs)
    ]),
    #{keys => Keys, memory => eslaver_mirror_store:memory(Store)}.

%% @doc The libraries of functions.
-spec functions(writer()) -> #{Library :: binary() => Code :: binary()}.
functions(#writer{functions = Functions}) ->
    Functions.

%% @doc Removes the mirror's lock. Readers no longer find it.
-spec close(writer()) -> ok.
close(#writer{lock = Lock}) ->
    eslaver_mirror_lock:close(Lock).
