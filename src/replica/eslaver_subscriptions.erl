%% @doc Key notifications: who subscribes to which keys, and what there is to tell.
%%
%% {@link subscribe/2} and {@link unsubscribe/2} run in the subscriber, the rest in the server,
%% which passes on what comes as `{eslaver_subscriptions, Request}'. It gives the events that have
%% been handled, with their offsets, and gets messages to send. What a transaction changes is told
%% when its `EXEC' has been handled.
%% @private
-module(eslaver_subscriptions).

-export([subscribe/2, unsubscribe/2]).
-export([new/0, is_none/1, told/2, call/3, cast/2, down/2]).
-export([handled/4, applied/3, loaded/2, restarted/1, send/1]).
-export_type([subscriptions/0, message/0, notice/0, call/0, cast/0]).

-record(subscription, {
    monitor :: reference(),
    filter :: eslaver_filter:filter()
}).

-record(subscriptions, {
    by_ref = #{} :: #{reference() => #subscription{}},
    %% What the transaction in hand has changed, the last first.
    pending = [] :: [change()],
    %% What the master has told of its commands.
    told :: eslaver_nif:commands() | undefined
}).

-opaque subscriptions() :: #subscriptions{}.

-type meta() :: #{db := non_neg_integer(), offset := non_neg_integer()}.

-type notice() ::
    {key, Command :: binary(), Key :: binary(), meta()}
    | {keys, Command :: binary() | resync, which(), meta()}.

-type which() ::
    all
    | {db, non_neg_integer()}
    | {swap, non_neg_integer(), non_neg_integer()}
    | {slots, [{First :: 0..16383, Last :: 0..16383}]}
    | unknown.

-type change() :: {reference(), key | keys, binary(), binary() | which(), Db :: integer()}.
-type message() :: {eslaver, reference(), notice()}.

-type call() :: {subscribe, reference(), eslaver_filter:filter()} | cast().
-type cast() :: {unsubscribe, reference()}.

%% @doc Subscribes the calling process. The reference also monitors the server.
-spec subscribe(eslaver_name:replica(), eslaver_filter:filter()) -> {ok, reference()}.
subscribe(Server, Filter) ->
    %% What comes of a call that times out is dropped with the alias.
    Ref = erlang:monitor(process, eslaver_name:target(Server), [{alias, demonitor}]),
    try gen_server:call(Server, {?MODULE, {subscribe, Ref, Filter}}) of
        ok -> {ok, Ref}
    catch
        Class:Reason:Stack ->
            _ = erlang:demonitor(Ref, [flush]),
            ok = gen_server:cast(Server, {?MODULE, {unsubscribe, Ref}}),
            ok = flush(Ref),
            erlang:raise(Class, Reason, Stack)
    end.

%% @doc Ends a subscription of the calling process, and takes out of its mailbox what has come.
-spec unsubscribe(eslaver_name:replica(), reference()) -> ok.
unsubscribe(Server, Ref) ->
    _ = erlang:demonitor(Ref, [flush]),
    try
        gen_server:call(Server, {?MODULE, {unsubscribe, Ref}})
    after
        flush(Ref)
    end.

flush(Ref) ->
    receive
        {eslaver, Ref, _} -> flush(Ref)
    after 0 -> ok
    end.

%% @doc No subscriptions.
-spec new() -> subscriptions().
new() ->
    #subscriptions{}.

%% @doc Whether nobody has subscribed.
-spec is_none(subscriptions()) -> boolean().
is_none(#subscriptions{by_ref = ByRef}) ->
    map_size(ByRef) =:= 0.

%% @doc What the master of the link that is up has told of its commands.
-spec told(eslaver_nif:commands() | undefined, subscriptions()) -> subscriptions().
told(Told, Subscriptions) ->
    Subscriptions#subscriptions{told = Told}.

%% @doc What a process asks for.
-spec call(call(), pid(), subscriptions()) -> subscriptions().
call({subscribe, Ref, Filter}, Pid, #subscriptions{by_ref = ByRef} = Subscriptions) ->
    New = #subscription{monitor = monitor(process, Pid), filter = Filter},
    Subscriptions#subscriptions{by_ref = ByRef#{Ref => New}};
call({unsubscribe, _} = Request, _Pid, Subscriptions) ->
    cast(Request, Subscriptions).

%% @doc Ends a subscription, if there is one under this reference.
-spec cast(cast(), subscriptions()) -> subscriptions().
cast({unsubscribe, Ref}, #subscriptions{by_ref = ByRef} = Subscriptions) ->
    case ByRef of
        #{Ref := #subscription{monitor = Monitor}} ->
            true = demonitor(Monitor, [flush]),
            without(Ref, Subscriptions);
        #{} ->
            Subscriptions
    end.

%% @doc A monitored process has ended, perhaps a subscriber.
-spec down(reference(), subscriptions()) -> subscriptions().
down(Monitor, #subscriptions{by_ref = ByRef} = Subscriptions) ->
    Gone = [Ref || {Ref, #subscription{monitor = M}} <- maps:to_list(ByRef), M =:= Monitor],
    lists:foldl(fun without/2, Subscriptions, Gone).

without(Ref, #subscriptions{by_ref = ByRef, pending = Pending} = Subscriptions) ->
    Subscriptions#subscriptions{
        by_ref = maps:remove(Ref, ByRef),
        pending = [Change || Change <- Pending, element(1, Change) =/= Ref]
    }.

%% @doc `Count' events of a batch have been handled. Those of a snapshot have no offsets.
-spec handled(non_neg_integer() | all, [term()], eslaver_position:offsets(), subscriptions()) ->
    {[message()], subscriptions()}.
handled(_Count, _Events, <<>>, Subscriptions) ->
    {[], Subscriptions};
handled(_Count, _Events, _Offsets, #subscriptions{by_ref = ByRef} = Subscriptions) when
    map_size(ByRef) =:= 0
->
    {[], Subscriptions};
handled(all, Events, Offsets, Subscriptions) ->
    notices(Events, Offsets, Subscriptions, []);
handled(Count, Events, Offsets, Subscriptions) ->
    notices(lists:sublist(Events, Count), Offsets, Subscriptions, []).

notices([], _Offsets, Subscriptions, Messages) ->
    {lists:reverse(Messages), Subscriptions};
notices([Event | Events], Offsets, #subscriptions{pending = Pending} = Subscriptions, Messages) ->
    {Offset, Db, InTransaction} = eslaver_position:first(Offsets),
    {Name, Args} = command(Event),
    Rest = eslaver_position:skip(1, Offsets),
    case Name of
        <<"discard">> ->
            notices(Events, Rest, Subscriptions#subscriptions{pending = []}, Messages);
        _ when InTransaction ->
            Changed = changes(Name, Args, Db, Subscriptions) ++ Pending,
            notices(Events, Rest, Subscriptions#subscriptions{pending = Changed}, Messages);
        _ ->
            Changed = changes(Name, Args, Db, Subscriptions) ++ Pending,
            Now = [message(Change, Offset) || Change <- Changed],
            notices(Events, Rest, Subscriptions#subscriptions{pending = []}, Now ++ Messages)
    end.

%% @doc The same for commands that belong together: one, or those of a transaction.
-spec applied([{Name :: binary(), Args :: [binary()], Db}], Offset, subscriptions()) ->
    [message()]
when
    Db :: non_neg_integer(), Offset :: non_neg_integer().
applied(_Commands, _Offset, #subscriptions{by_ref = ByRef}) when map_size(ByRef) =:= 0 ->
    [];
applied(Commands, Offset, Subscriptions) ->
    [
        message(Change, Offset)
     || {Name, Args, Db} <- Commands,
        Change <- lists:reverse(changes(Name, Args, Db, Subscriptions))
    ].

command({stream, Name, Args, _Meta}) -> {Name, Args};
command({stream, Name, Args}) -> {list_to_binary(Name), Args}.

message({Ref, Tag, Name, What, Db}, Offset) ->
    {eslaver, Ref, {Tag, Name, What, #{db => Db, offset => Offset}}}.

%% @doc A snapshot has been handled: any key may have changed.
-spec loaded(#{offset := non_neg_integer(), db := non_neg_integer(), _ => _}, subscriptions()) ->
    [message()].
loaded(#{offset := Offset, db := Db}, #subscriptions{by_ref = ByRef}) ->
    [
        message({Ref, keys, resync, all, Db}, Offset)
     || Ref <- maps:keys(ByRef)
    ].

%% @doc A snapshot begins, and the transaction in hand never ends.
-spec restarted(subscriptions()) -> subscriptions().
restarted(Subscriptions) ->
    Subscriptions#subscriptions{pending = []}.

%% @doc Sends the messages, to the references, which are aliases of the subscribers until they end
%% the subscriptions.
-spec send([message()]) -> ok.
send(Messages) ->
    lists:foreach(fun({eslaver, Ref, _} = Message) -> Ref ! Message end, Messages).

%% What a command changes, for each subscriber to it, the last first.
changes(Name, Args, Db, #subscriptions{by_ref = ByRef, told = Told}) ->
    Wanting = [
        {Ref, Filter}
     || {Ref, #subscription{filter = Filter}} <- maps:to_list(ByRef),
        is_among(Name, commands, Filter)
    ],
    case Wanting of
        [] ->
            [];
        _ ->
            lists:foldl(
                fun(Change, Acc) -> each(Change, Name, Wanting, Acc) end,
                [],
                written(Name, Args, Db, Told)
            )
    end.

written(Name, Args, Db, Told) ->
    case eslaver_keys:of_command(Name, Args, Told) of
        not_a_write -> [];
        flushall -> [{keys, all, Db}];
        flushdb -> [{keys, {db, Db}, Db}];
        {swapdb, One, Other} -> [{keys, {swap, One, Other}, Db}];
        {slots, Ranges} -> [{keys, {slots, Ranges}, Db}];
        unnamed -> [{keys, unknown, Db}];
        unknown -> [{keys, unknown, Db}];
        {Changed, _Read} -> [in_db(Key, Db) || Key <- Changed]
    end.

in_db({Db, Key}, _Selected) -> {key, Key, Db};
in_db(Key, Selected) -> {key, Key, Selected}.

each({Tag, What, Db}, Name, Wanting, Changes) ->
    lists:foldl(
        fun({Ref, Filter}, Acc) ->
            case wants(Tag, What, Db, Filter) of
                true -> [{Ref, Tag, Name, What, Db} | Acc];
                false -> Acc
            end
        end,
        Changes,
        Wanting
    ).

wants(key, Key, Db, Filter) -> is_among(Db, dbs, Filter) andalso matches(Key, Filter);
wants(keys, all, _Db, _Filter) -> true;
wants(keys, {slots, _}, _Db, _Filter) -> true;
wants(keys, {swap, A, B}, _, Filter) -> is_among(A, dbs, Filter) orelse is_among(B, dbs, Filter);
wants(keys, _Which, Db, Filter) -> is_among(Db, dbs, Filter).

is_among(Value, Key, Filter) ->
    case Filter of
        #{Key := undefined} -> true;
        #{Key := Wanted} -> lists:member(Value, Wanted)
    end.

matches(_Key, #{keys := undefined}) ->
    true;
matches(Key, #{keys := Globs}) ->
    lists:any(fun(Glob) -> eslaver_keys:matches(Glob, Key) end, Globs).
