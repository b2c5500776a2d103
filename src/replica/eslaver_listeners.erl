%% @doc Who is told of what a replica has handled: the subscribers, and those who wait for the first
%% snapshot or for a write.
%%
%% {@link eslaver_replica} keeps them. What is asked of them comes as a message, tagged with the
%% module that asks.
%% @private
-module(eslaver_listeners).

-export([new/0, call/4, cast/2, down/2]).
-export([told/2, restarted/1, handled/4, reached/2, loaded/2, answered/2]).
-export_type([listeners/0, request/0]).

-record(listeners, {
    subscriptions = eslaver_subscriptions:new() :: eslaver_subscriptions:subscriptions(),
    waiting = eslaver_waiting:new() :: eslaver_waiting:waiting()
}).

-opaque listeners() :: #listeners{}.

-type request() :: {eslaver_subscriptions | eslaver_waiting, term()}.

%% @doc Nobody.
-spec new() -> listeners().
new() -> #listeners{}.

%% @doc Somebody calls. The reply may come later.
-spec call(request(), gen_server:from(), eslaver_waiting:reach(), listeners()) -> listeners().
call({eslaver_subscriptions, Request}, {Pid, _} = From, _Reach, Listeners) ->
    Next = eslaver_subscriptions:call(Request, Pid, Listeners#listeners.subscriptions),
    ok = gen_server:reply(From, ok),
    Listeners#listeners{subscriptions = Next};
call({eslaver_waiting, Request}, From, Reach, #listeners{waiting = Waiting} = Listeners) ->
    Listeners#listeners{waiting = eslaver_waiting:call(Request, From, Reach, Waiting)}.

%% @doc Somebody asks without waiting.
-spec cast(request(), listeners()) -> listeners().
cast({eslaver_subscriptions, Request}, #listeners{subscriptions = Subscriptions} = Listeners) ->
    Listeners#listeners{subscriptions = eslaver_subscriptions:cast(Request, Subscriptions)};
cast({eslaver_waiting, Request}, #listeners{waiting = Waiting} = Listeners) ->
    Listeners#listeners{waiting = eslaver_waiting:cast(Request, Waiting)}.

%% @doc A process has ended that is monitored so, perhaps one of them.
-spec down(reference(), listeners()) -> listeners().
down(Monitor, #listeners{subscriptions = Subscriptions, waiting = Waiting}) ->
    #listeners{
        subscriptions = eslaver_subscriptions:down(Monitor, Subscriptions),
        waiting = eslaver_waiting:down(Monitor, Waiting)
    }.

%% @doc What the master has told of its commands.
-spec told(eslaver_nif:commands() | undefined, listeners()) -> listeners().
told(Told, #listeners{subscriptions = Subscriptions} = Listeners) ->
    Listeners#listeners{subscriptions = eslaver_subscriptions:told(Told, Subscriptions)}.

%% @doc A snapshot begins.
-spec restarted(listeners()) -> listeners().
restarted(#listeners{subscriptions = Subscriptions} = Listeners) ->
    Listeners#listeners{subscriptions = eslaver_subscriptions:restarted(Subscriptions)}.

%% @doc The callback has handled `Count' of these events, or all. Subscribers are told of the keys
%% that have changed.
-spec handled(pos_integer() | all, [term()], eslaver_position:offsets(), listeners()) ->
    listeners().
handled(Count, Events, Offsets, #listeners{subscriptions = Subscriptions} = Listeners) ->
    {Messages, Next} = eslaver_subscriptions:handled(Count, Events, Offsets, Subscriptions),
    ok = eslaver_subscriptions:send(Messages),
    Listeners#listeners{subscriptions = Next}.

%% @doc All up to this offset has been handled.
-spec reached(non_neg_integer() | undefined, listeners()) -> listeners().
reached(Offset, #listeners{waiting = Waiting} = Listeners) ->
    Listeners#listeners{waiting = eslaver_waiting:reached(Offset, Waiting)}.

%% @doc A snapshot has been handled. Subscribers are told that any key may have changed.
-spec loaded(map(), listeners()) -> ok.
loaded(News, #listeners{subscriptions = Subscriptions}) ->
    eslaver_subscriptions:send(eslaver_subscriptions:loaded(News, Subscriptions)).

%% @doc There is data: whoever waits for it is answered.
-spec answered(eslaver_waiting:reach(), listeners()) -> listeners().
answered(Reach, #listeners{waiting = Waiting} = Listeners) ->
    Listeners#listeners{waiting = eslaver_waiting:loaded(Reach, Waiting)}.
