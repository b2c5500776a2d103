%% @doc Key notifications: who wants to be told of which keys, and what there is to tell.
%%
%% It is pure: {@link eslaver_server} gives it the events that have been handled, with their marks,
%% and gets messages to send. What a transaction changes is told when its `EXEC' has been handled.
%% @private
-module(eslaver_subscriptions).

-export([new/0, told/2, call/3, unsubscribe/2, down/2]).
-export([handled/4, applied/3, loaded/2, restarted/1, send/1]).
-export_type([subscriptions/0, message/0, notice/0, request/0]).

-record(subscription, {
    monitor :: reference(),
    filter :: eslaver_filter:filter()
}).

-record(notify, {
    subscriptions = #{} :: #{reference() => #subscription{}},
    %% What the transaction in hand has changed, the last first.
    pending = [] :: [change()],
    %% What the master has told of its commands.
    told :: eslaver_nif:commands() | undefined
}).

-opaque subscriptions() :: #notify{}.

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
-type request() :: {subscribe, reference(), eslaver_filter:filter()} | {unsubscribe, reference()}.

%% @doc No subscriptions.
-spec new() -> subscriptions().
new() ->
    #notify{}.

%% @doc What the master of the link that is up has told of its commands.
-spec told(eslaver_nif:commands() | undefined, subscriptions()) -> subscriptions().
told(Told, Notify) ->
    Notify#notify{told = Told}.

%% @doc What a process asks for, under a reference of its own.
-spec call(request(), pid(), subscriptions()) -> subscriptions().
call({subscribe, Ref, Filter}, Pid, #notify{subscriptions = Subscriptions} = Notify) ->
    New = #subscription{monitor = monitor(process, Pid), filter = Filter},
    Notify#notify{subscriptions = Subscriptions#{Ref => New}};
call({unsubscribe, Ref}, _Pid, Notify) ->
    unsubscribe(Ref, Notify).

%% @doc Ends a subscription, if there is one under this reference.
-spec unsubscribe(reference(), subscriptions()) -> subscriptions().
unsubscribe(Ref, #notify{subscriptions = Subscriptions} = Notify) ->
    case Subscriptions of
        #{Ref := #subscription{monitor = Monitor}} ->
            true = demonitor(Monitor, [flush]),
            without(Ref, Notify);
        #{} ->
            Notify
    end.

%% @doc A monitored process is gone, which may be a subscriber.
-spec down(reference(), subscriptions()) -> subscriptions().
down(Monitor, #notify{subscriptions = Subscriptions} = Notify) ->
    Gone = [Ref || {Ref, #subscription{monitor = M}} <- maps:to_list(Subscriptions), M =:= Monitor],
    lists:foldl(fun without/2, Notify, Gone).

without(Ref, #notify{subscriptions = Subscriptions, pending = Pending} = Notify) ->
    Notify#notify{
        subscriptions = maps:remove(Ref, Subscriptions),
        pending = [Change || Change <- Pending, element(1, Change) =/= Ref]
    }.

%% @doc `Count' events of a batch have been handled. Those of a snapshot have no marks.
-spec handled(non_neg_integer() | all, [term()], eslaver_position:marks(), subscriptions()) ->
    {[message()], subscriptions()}.
handled(_Count, _Events, <<>>, Notify) ->
    {[], Notify};
handled(_Count, _Events, _Marks, #notify{subscriptions = None} = Notify) when None =:= #{} ->
    {[], Notify};
handled(all, Events, Marks, Notify) ->
    notices(Events, Marks, Notify, []);
handled(Count, Events, Marks, Notify) ->
    notices(lists:sublist(Events, Count), Marks, Notify, []).

notices([], _Marks, Notify, Messages) ->
    {lists:reverse(Messages), Notify};
notices([Event | Events], Marks, #notify{pending = Pending} = Notify, Messages) ->
    {Offset, Db, InTransaction} = eslaver_position:mark(Marks),
    {Name, Args} = command(Event),
    Rest = eslaver_position:skip(1, Marks),
    case Name of
        <<"discard">> ->
            notices(Events, Rest, Notify#notify{pending = []}, Messages);
        _ when InTransaction ->
            Changed = changes(Name, Args, Db, Notify) ++ Pending,
            notices(Events, Rest, Notify#notify{pending = Changed}, Messages);
        _ ->
            Changed = changes(Name, Args, Db, Notify) ++ Pending,
            Now = [message(Change, Offset) || Change <- Changed],
            notices(Events, Rest, Notify#notify{pending = []}, Now ++ Messages)
    end.

%% @doc The same for commands that belong together: one, or those of a transaction.
-spec applied([{Name :: binary(), Args :: [binary()], Db}], Offset, subscriptions()) ->
    [message()]
when
    Db :: non_neg_integer(), Offset :: non_neg_integer().
applied(_Commands, _Offset, #notify{subscriptions = None}) when None =:= #{} ->
    [];
applied(Commands, Offset, Notify) ->
    [
        message(Change, Offset)
     || {Name, Args, Db} <- Commands, Change <- lists:reverse(changes(Name, Args, Db, Notify))
    ].

command({stream, Name, Args, _Meta}) -> {Name, Args};
command({stream, Name, Args}) -> {list_to_binary(Name), Args}.

message({Ref, Tag, Name, What, Db}, Offset) ->
    {eslaver, Ref, {Tag, Name, What, #{db => Db, offset => Offset}}}.

%% @doc A snapshot has been handled: any key may be another than it was.
-spec loaded(eslaver:position() | map(), subscriptions()) -> [message()].
loaded(#{offset := Offset, db := Db}, #notify{subscriptions = Subscriptions}) ->
    [
        message({Ref, keys, resync, all, Db}, Offset)
     || Ref <- maps:keys(Subscriptions)
    ].

%% @doc A snapshot begins, and the transaction in hand never ends.
-spec restarted(subscriptions()) -> subscriptions().
restarted(Notify) ->
    Notify#notify{pending = []}.

%% @doc Sends the messages, to the references, which are aliases of the subscribers until they end
%% the subscriptions.
-spec send([message()]) -> ok.
send(Messages) ->
    lists:foreach(fun({eslaver, Ref, _} = Message) -> Ref ! Message end, Messages).

%% What a command changes, for each who wants to know, the last first.
changes(Name, Args, Db, #notify{subscriptions = Subscriptions, told = Told}) ->
    Wanting = [
        {Ref, Filter}
     || {Ref, #subscription{filter = Filter}} <- maps:to_list(Subscriptions),
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
