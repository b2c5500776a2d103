%% @doc Key notifications: who subscribes to which keys, and what there is to tell.
%%
%% {@link subscribe/2} and {@link unsubscribe/2} run in the subscriber, the rest in the server,
%% which passes on each `{eslaver_subscriptions, Request}'. It gets messages to send: for
%% the events that have been handled, with their offsets, or for what a keyspace tells. What a
%% transaction changes is told when its `EXEC' has been handled.
%%
%% Who wants a change is found by the native half: subscribers are ids there.
%% @private
-module(eslaver_subscriptions).

-export([subscribe/2, unsubscribe/2]).
-export([new/0, interests/1, requests/1, told/2, call/3, cast/2, down/2]).
-export([handled/4, messages/2, loaded/2, restarted/1, send/1]).
-export_type([subscriptions/0, message/0, notice/0, call/0, cast/0]).

-record(subscriptions, {
    %% Who wants which changes, by ids, which are never used again.
    interests :: eslaver_nif:interests(),
    next = 1 :: eslaver_nif:interest(),
    by_id = #{} :: #{eslaver_nif:interest() => reference()},
    by_ref = #{} :: #{reference() => {eslaver_nif:interest(), size(), Monitor :: reference()}},
    %% What subscribers have asked for.
    requests = #{} :: #{reference() => {call(), pid()}},
    by_monitor = #{} :: #{reference() => reference()},
    %% Whether a transaction is in hand, what it has changed, the last first, and who has subscribed
    %% since it began.
    open = false :: boolean(),
    pending = [] :: [{Command :: binary(), eslaver_nif:interesting()}],
    late = [] :: [eslaver_nif:interest()],
    %% What the master has told of its commands.
    told :: eslaver_nif:commands() | undefined
}).

-opaque subscriptions() :: #subscriptions{}.

-type size() :: small | large.
%% Filters of many patterns are handled on a dirty scheduler.
-define(MANY, 1000).

-type notice() :: eslaver_types:notice().
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
    #subscriptions{interests = eslaver_nif:interests_new()}.

%% @doc Which changes are wanted, now and later.
-spec interests(subscriptions()) -> eslaver_nif:interests().
interests(#subscriptions{interests = Interests}) ->
    Interests.

%% @doc What subscribers have asked for, so that others can be asked, too.
-spec requests(subscriptions()) -> [{call(), pid()}].
requests(#subscriptions{requests = Requests}) ->
    maps:values(Requests).

%% @doc What the master of the link that is up has told of its commands.
-spec told(eslaver_nif:commands() | undefined, subscriptions()) -> subscriptions().
told(Told, Subscriptions) ->
    Subscriptions#subscriptions{told = Told}.

%% @doc What a process asks for.
-spec call(call(), pid(), subscriptions()) -> subscriptions().
call({subscribe, Ref, Filter}, Pid, #subscriptions{interests = Interests, next = Id} = Before) ->
    Monitor = monitor(process, Pid),
    Size = size_of(Filter),
    ok = add(Size, Interests, Id, Filter),
    #subscriptions{by_id = ById, by_ref = ByRef, by_monitor = ByMonitor} = Before,
    Before#subscriptions{
        next = Id + 1,
        by_id = ById#{Id => Ref},
        by_ref = ByRef#{Ref => {Id, Size, Monitor}},
        by_monitor = ByMonitor#{Monitor => Ref},
        requests = (Before#subscriptions.requests)#{Ref => {{subscribe, Ref, Filter}, Pid}},
        late = [Id || Before#subscriptions.open] ++ Before#subscriptions.late
    };
call({unsubscribe, _} = Request, _Pid, Subscriptions) ->
    cast(Request, Subscriptions).

%% @doc Ends a subscription, if there is one under this reference.
-spec cast(cast(), subscriptions()) -> subscriptions().
cast({unsubscribe, Ref}, #subscriptions{interests = Interests, by_ref = ByRef} = Subscriptions) ->
    case maps:take(Ref, ByRef) of
        {{Id, Size, Monitor}, Rest} ->
            true = demonitor(Monitor, [flush]),
            ok = remove(Size, Interests, Id),
            Subscriptions#subscriptions{
                by_id = maps:remove(Id, Subscriptions#subscriptions.by_id),
                by_ref = Rest,
                requests = maps:remove(Ref, Subscriptions#subscriptions.requests),
                by_monitor = maps:remove(Monitor, Subscriptions#subscriptions.by_monitor)
            };
        error ->
            Subscriptions
    end.

size_of(#{keys := Keys}) when length(Keys) > ?MANY -> large;
size_of(_Filter) -> small.

add(large, Interests, Id, Filter) ->
    eslaver_nif:interests_add_dirty(Interests, Id, Filter);
add(small, Interests, Id, Filter) ->
    case eslaver_nif:interests_add(Interests, Id, Filter) of
        busy -> add(large, Interests, Id, Filter);
        ok -> ok
    end.

remove(large, Interests, Id) ->
    eslaver_nif:interests_remove_dirty(Interests, Id);
remove(small, Interests, Id) ->
    case eslaver_nif:interests_remove(Interests, Id) of
        busy -> remove(large, Interests, Id);
        ok -> ok
    end.

%% @doc A monitored process has ended, perhaps a subscriber.
-spec down(reference(), subscriptions()) -> subscriptions().
down(Monitor, #subscriptions{by_monitor = ByMonitor} = Subscriptions) ->
    case ByMonitor of
        #{Monitor := Ref} -> cast({unsubscribe, Ref}, Subscriptions);
        #{} -> Subscriptions
    end.

%% @doc `Count' events of a batch have been handled. Those of a snapshot have no offsets.
-spec handled(non_neg_integer() | all, [term()], eslaver_position:offsets(), subscriptions()) ->
    {[message()], subscriptions()}.
handled(_Count, _Events, <<>>, Subscriptions) ->
    {[], Subscriptions};
handled(0, _Events, _Offsets, Subscriptions) ->
    {[], Subscriptions};
handled(Count, _Events, Offsets, #subscriptions{by_id = ById} = Subscriptions) when
    map_size(ById) =:= 0
->
    Open = eslaver_position:is_open(Count, Offsets),
    {[], Subscriptions#subscriptions{open = Open, pending = [], late = []}};
handled(all, Events, Offsets, Subscriptions) ->
    notices(Events, Offsets, Subscriptions, []);
handled(Count, Events, Offsets, Subscriptions) ->
    notices(lists:sublist(Events, Count), Offsets, Subscriptions, []).

notices([], _Offsets, Subscriptions, Messages) ->
    {lists:reverse(Messages), Subscriptions};
notices([Event | Events], Offsets, #subscriptions{pending = Pending} = Subscriptions, Messages) ->
    {Offset, Db, Open} = eslaver_position:first(Offsets),
    {Name, Args} = command(Event),
    Changes = changes(eslaver_position:origin(Offsets), Name, Args, Db, Subscriptions),
    Rest = eslaver_position:skip(1, Offsets),
    Closed = Subscriptions#subscriptions{open = Open, pending = [], late = []},
    case Name of
        <<"discard">> ->
            notices(Events, Rest, Closed, Messages);
        _ when Open ->
            Changed = Changes ++ Pending,
            Opened = Subscriptions#subscriptions{open = true, pending = Changed},
            notices(Events, Rest, Opened, Messages);
        _ ->
            Changed = Changes ++ Pending ++ missed(Db, Subscriptions),
            Told = lists:foldr(
                fun(Change, Acc) -> told(Change, Offset, Subscriptions, Acc) end,
                Messages,
                Changed
            ),
            notices(Events, Rest, Closed, Told)
    end.

command({stream, Name, Args, _Meta}) -> {Name, Args};
command({stream, Name, Args}) -> {list_to_binary(Name), Args}.

%% What a command changes, the last first. Nobody is told of keys that a cluster moves.
changes(migration, _Name, _Args, _Db, _Subscriptions) ->
    [];
changes(user, Name, Args, Db, #subscriptions{interests = Interests, told = Told}) ->
    Found =
        case eslaver_nif:interests_of(Interests, Name, Args, Db, Told) of
            takes_long -> eslaver_nif:interests_of_dirty(Interests, Name, Args, Db, Told);
            Changes -> Changes
        end,
    lists:foldl(fun(Change, Acc) -> [{Name, Change} | Acc] end, [], Found).

%% Who has subscribed within a transaction does not know which keys it had changed by then.
missed(_Db, #subscriptions{late = []}) -> [];
missed(Db, #subscriptions{late = Late}) -> [{<<"exec">>, {Late, keys, unknown, Db}}].

told({Name, {Ids, Tag, What, Db}}, Offset, Subscriptions, Messages) ->
    Notice = {Tag, Name, What, #{db => Db, offset => Offset}},
    to(Ids, Notice, Subscriptions, Messages).

%% @doc What a keyspace tells.
-spec messages([{[eslaver_nif:interest()] | all, notice()}], subscriptions()) -> [message()].
messages(Notices, Subscriptions) ->
    lists:foldr(fun({Ids, Notice}, Acc) -> to(Ids, Notice, Subscriptions, Acc) end, [], Notices).

%% A subscription may have ended meanwhile.
to(all, Notice, #subscriptions{by_ref = ByRef}, Messages) ->
    [{eslaver, Ref, Notice} || Ref <- maps:keys(ByRef)] ++ Messages;
to(Ids, Notice, #subscriptions{by_id = ById}, Messages) ->
    [{eslaver, Ref, Notice} || Id <- Ids, #{Id := Ref} <- [ById]] ++ Messages.

%% @doc A snapshot has been handled: any key may have changed.
-spec loaded(#{offset := non_neg_integer(), db := non_neg_integer(), _ => _}, subscriptions()) ->
    [message()].
loaded(#{offset := Offset, db := Db}, Subscriptions) ->
    to(all, {keys, resync, all, #{db => Db, offset => Offset}}, Subscriptions, []).

%% @doc A snapshot begins, and the transaction in hand never ends.
-spec restarted(subscriptions()) -> subscriptions().
restarted(Subscriptions) ->
    Subscriptions#subscriptions{open = false, pending = [], late = []}.

%% @doc Sends the messages, to the references, which are aliases of the subscribers until they end
%% the subscriptions.
-spec send([message()]) -> ok.
send(Messages) ->
    lists:foreach(fun({eslaver, Ref, _} = Message) -> Ref ! Message end, Messages).
