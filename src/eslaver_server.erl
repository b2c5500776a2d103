%% @doc One replica, as a process: it has a link to its master, gives every event to the callback,
%% knows the position whose events have been handled, and starts the link again when it is lost.
%%
%% User code runs here and nowhere else. What is done with each message is told in
%% {@link eslaver_replica}.
%%
%% {@link eslaver} is the way in; `start/0,1' and `stop/0' are those of the original.
-module(eslaver_server).
-behaviour(gen_server).

-export([start/0, start/1, stop/0]).
-export([start_link/1, info/1, position/1, request/3, demand/2, continue/1]).
-export([inject/2]).
-export([
    init/1,
    handle_call/3,
    handle_cast/2,
    handle_info/2,
    handle_continue/2,
    terminate/2,
    code_change/3,
    format_status/1
]).

-define(IS_LISTENER(Of), (Of =:= eslaver_subscriptions orelse Of =:= eslaver_waiting)).

%% Calls of the original

%% @doc Starts a replica that prints each event, with the options of the application environment.
-spec start() -> {ok, pid()} | {error, term()}.
start() ->
    start([]).

%% @doc Starts a replica, linked to the caller and not supervised, with the options of the
%% application environment. It is registered as `eslaver_server'.
-spec start(eslaver_callback:spec()) -> {ok, pid()} | {error, term()}.
start(Callback) ->
    case eslaver_environment:options(Callback) of
        {ok, #{source := {cluster, _}}} -> eslaver_advice:error(cluster, one_server);
        {ok, Options} -> start_link(Options);
        {error, _} = Error -> Error
    end.

%% @doc Stops the replica that is registered as `eslaver_server'.
-spec stop() -> ok.
stop() ->
    gen_server:stop(?MODULE).

%% Calls of eslaver

%% @private
-spec start_link(eslaver_options:options()) -> {ok, pid()} | {error, term()}.
start_link(Options) ->
    case eslaver_nif:check() of
        ok -> started(linked(Options));
        {error, _} = Error -> Error
    end.

linked(#{name := undefined} = Options) ->
    gen_server:start_link(?MODULE, Options, start_options());
linked(#{name := Name} = Options) ->
    gen_server:start_link(Name, ?MODULE, Options, start_options()).

%% The mailbox may hold megabytes, which no collection is to copy.
start_options() ->
    [{spawn_opt, [{min_heap_size, 10000}, {message_queue_data, off_heap}]}].

started(ignore) -> {error, ignore};
started(Result) -> Result.

%% @private
-spec info(eslaver_name:replica()) -> map().
info(Replica) ->
    gen_server:call(Replica, info).

%% @private
-spec position(eslaver_name:replica()) -> eslaver_position:safe() | undefined.
position(Replica) ->
    gen_server:call(Replica, position).

%% @private Asks without waiting. The response comes under the question as its label.
-spec request(Question, eslaver_name:replica(), Requests) -> Requests when
    Question :: info | position, Requests :: gen_server:request_id_collection().
request(Question, Replica, Requests) ->
    gen_server:send_request(Replica, Question, Question, Requests).

%% @private
-spec demand(eslaver_name:replica(), pos_integer()) -> ok | {error, no_demand}.
demand(Replica, More) ->
    gen_server:call(Replica, {demand, More}, infinity).

%% @private
-spec continue(eslaver_name:replica()) -> ok.
continue(Replica) ->
    gen_server:call(Replica, continue, infinity).

%% @private Gives the callback this event, in its full shape, behind all that has come before; one
%% that wants classic events does not get it.
-spec inject(eslaver_name:replica(), eslaver_events:event()) -> ok.
inject(Replica, Event) ->
    gen_server:cast(Replica, {inject, Event}).

%% gen_server

%% @private
-spec init(eslaver_options:options()) ->
    {ok, eslaver_replica:replica(), {continue, {connect, non_neg_integer()}}} | {stop, term()}.
init(Options) ->
    process_flag(trap_exit, true),
    case eslaver_replica:start(Options) of
        {ok, Replica, Pause} ->
            ok = registered(Options),
            {ok, Replica, {continue, {connect, Pause}}};
        {stop, _} = Stop ->
            Stop
    end.

%% Mirrors and clusters tell of what they consist of.
registered(#{observer := _}) ->
    ok;
registered(#{shard := _}) ->
    ok;
registered(#{name := Name} = Options) ->
    eslaver_registry:add(replica, eslaver_name:replica(Name), {?MODULE, info, [self()]}, Options).

%% @private
-spec handle_continue(
    {connect, non_neg_integer()} | eslaver_replica:handled(), eslaver_replica:replica()
) ->
    eslaver_replica:next().
handle_continue({connect, Pause}, Replica) ->
    guarded(fun() -> eslaver_replica:connect(Pause, Replica) end);
handle_continue({handled, Source, Weight}, Replica) ->
    true = erlang:garbage_collect(),
    guarded(fun() -> eslaver_replica:credited(Source, Weight, Replica) end).

%% @private
-spec handle_call(term(), gen_server:from(), Replica) ->
    {reply, term(), Replica} | eslaver_replica:next()
when
    Replica :: eslaver_replica:replica().
handle_call(info, _From, Replica) ->
    {reply, guarded(fun() -> eslaver_replica:info(Replica) end), Replica};
handle_call(position, _From, Replica) ->
    {reply, guarded(fun() -> eslaver_replica:position(Replica) end), Replica};
handle_call(continue, _From, Replica) ->
    {reply, ok, guarded(fun() -> eslaver_replica:continued(Replica) end)};
handle_call({demand, More}, _From, Replica) ->
    {Reply, Next} = guarded(fun() -> eslaver_replica:demand(More, Replica) end),
    {reply, Reply, Next};
handle_call({eslaver_call, Request}, From, Replica) ->
    guarded(fun() -> eslaver_replica:answer(Request, From, Replica) end);
handle_call({Of, _} = Request, From, Replica) when ?IS_LISTENER(Of) ->
    {noreply, guarded(fun() -> eslaver_replica:call(Request, From, Replica) end)};
handle_call(Request, _From, Replica) ->
    {reply, {error, {unknown_request, Request}}, Replica}.

%% @private
-spec handle_cast(term(), eslaver_replica:replica()) -> eslaver_replica:next().
handle_cast({inject, Event}, Replica) ->
    guarded(fun() -> eslaver_replica:inject(Event, Replica) end);
handle_cast({Of, _} = Request, Replica) when ?IS_LISTENER(Of) ->
    {noreply, guarded(fun() -> eslaver_replica:cast(Request, Replica) end)};
handle_cast(_Request, Replica) ->
    {noreply, Replica}.

%% @private
-spec handle_info(term(), eslaver_replica:replica()) -> eslaver_replica:next().
handle_info({eslaver_link, Pid, Message}, Replica) ->
    guarded(fun() -> eslaver_replica:arrived(Pid, Message, Replica) end);
handle_info({eslaver_replica, work, Turn}, Replica) ->
    guarded(fun() -> eslaver_replica:resume_work(Turn, Replica) end);
handle_info({eslaver_replica, connect}, Replica) ->
    guarded(fun() -> eslaver_replica:reconnect(Replica) end);
handle_info({eslaver_rdb_file, Text}, Replica) ->
    ok = guarded(fun() -> eslaver_replica:not_filed(Text, Replica) end),
    {noreply, Replica};
handle_info({eslaver_position_writer, _Writer, Said}, Replica) ->
    {noreply, guarded(fun() -> eslaver_replica:said(Said, Replica) end)};
handle_info({timeout, Timer, eslaver_progress}, Replica) ->
    {noreply, guarded(fun() -> eslaver_replica:progressed(Timer, Replica) end)};
handle_info({'DOWN', _, _, _, _} = Down, Replica) ->
    guarded(fun() -> eslaver_replica:down(Down, Replica) end);
handle_info({'EXIT', Pid, Reason}, Replica) ->
    guarded(fun() -> eslaver_replica:ended(Pid, Reason, Replica) end);
handle_info({eslaver_source, _, _} = Message, Replica) ->
    guarded(fun() -> eslaver_replica:sourced(Message, Replica) end);
handle_info(Message, Replica) ->
    guarded(fun() -> eslaver_replica:hear(Message, Replica) end).

%% @private The mailbox may have messages for the handler.
-spec terminate(term(), eslaver_replica:replica()) -> ok.
terminate(Reason, Replica) ->
    try
        guarded(fun() -> eslaver_replica:stop(Reason, Replica) end)
    after
        eslaver_status:drop_messages()
    end.

%% @private
-spec code_change(term(), Replica, term()) -> {ok, Replica} when
    Replica :: eslaver_replica:replica().
code_change(_Old, Replica, _Extra) ->
    {ok, Replica}.

%% The state has events and what the handler keeps.
guarded(Fun) ->
    eslaver_failure:guarded(replica_failed, Fun).

%% @private The queue may hold megabytes, and so may the last message, which may also have keys and
%% values if it is for the handler.
-spec format_status(gen_server:format_status()) -> gen_server:format_status().
format_status(Status) ->
    eslaver_status:short(fun eslaver_replica:status/1, Status).
