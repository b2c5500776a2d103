%% @doc The process of a replica, and the calls of the original eslaver. New code uses
%% {@link eslaver}.
%%
%% It has a link to its master, gives every event to the callback, knows the position whose events
%% have been handled, and starts the link again when it is lost. User code runs here and nowhere
%% else.
-module(eslaver_server).
-behaviour(gen_server).

-export([start/0, start/1, stop/0]).
-export([start_link/1, info/1, look/1, position/1, demand/2, continue/1]).
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
-spec start(eslaver_types:callback()) -> {ok, pid()} | {error, term()}.
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
    case once_started(look(Replica), Replica) of
        {ok, Info} -> Info;
        _ -> exit({noproc, {gen_server, call, [Replica, info]}})
    end.

once_started(starting, Replica) ->
    %% it answers any request then
    _ = gen_server:call(Replica, started),
    look(Replica);
once_started(Seen, _Replica) ->
    Seen.

%% @private
-spec look(eslaver_name:replica()) -> {ok, map()} | starting | none.
look(Replica) ->
    eslaver_board:look(eslaver_name:pid(Replica)).

%% @private
-spec position(eslaver_name:replica()) -> eslaver_position:safe() | undefined.
position(Replica) ->
    gen_server:call(Replica, position).

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
            {ok, eslaver_replica:shown(Replica), {continue, {connect, Pause}}};
        {stop, _} = Stop ->
            Stop
    end.

%% Mirrors and clusters tell of what they consist of.
registered(#{observer := _}) -> ok;
registered(#{shard := _}) -> ok;
registered(#{name := Name} = Options) ->
    eslaver_registry:add(replica, eslaver_name:replica(Name), Options).

%% @private
-spec handle_continue(
    {connect, non_neg_integer()} | eslaver_replica:handled(), eslaver_replica:replica()
) ->
    eslaver_replica:next().
handle_continue(Message, Replica) ->
    guarded(fun() -> shown(continued(Message, Replica)) end).

continued({connect, Pause}, Replica) ->
    eslaver_replica:connect(Pause, Replica);
continued({handled, Source, Weight}, Replica) ->
    true = erlang:garbage_collect(),
    eslaver_replica:credited(Source, Weight, Replica).

%% @private
-spec handle_call(term(), gen_server:from(), Replica) ->
    {reply, term(), Replica} | eslaver_replica:next()
when
    Replica :: eslaver_replica:replica().
handle_call(Request, From, Replica) ->
    guarded(fun() ->
        case called(Request, From, Replica) of
            {reply, Reply, Next} -> {reply, Reply, eslaver_replica:shown(Next)};
            Next -> shown(Next)
        end
    end).

called(position, _From, Replica) ->
    {reply, eslaver_replica:position(Replica), Replica};
called(continue, _From, Replica) ->
    {reply, ok, eslaver_replica:continued(Replica)};
called({demand, More}, _From, Replica) ->
    {Reply, Next} = eslaver_replica:demand(More, Replica),
    {reply, Reply, Next};
called({eslaver_call, Request}, From, Replica) ->
    eslaver_replica:answer(Request, From, Replica);
called({Of, _} = Request, From, Replica) when ?IS_LISTENER(Of) ->
    {noreply, eslaver_replica:call(Request, From, Replica)};
called(refresh, _From, Replica) ->
    {reply, {error, no_cluster}, Replica};
called(Request, _From, Replica) ->
    {reply, {error, {unknown_request, Request}}, Replica}.

%% @private
-spec handle_cast(term(), eslaver_replica:replica()) -> eslaver_replica:next().
handle_cast({inject, Event}, Replica) ->
    guarded(fun() -> shown(eslaver_replica:inject(Event, Replica)) end);
handle_cast({Of, _} = Request, Replica) when ?IS_LISTENER(Of) ->
    {noreply, guarded(fun() -> eslaver_replica:cast(Request, Replica) end)};
handle_cast(_Request, Replica) ->
    {noreply, Replica}.

%% @private
-spec handle_info(term(), eslaver_replica:replica()) -> eslaver_replica:next().
handle_info(Message, Replica) ->
    guarded(fun() -> shown(heard(Message, Replica)) end).

heard({eslaver_link, Pid, Message}, Replica) ->
    eslaver_replica:arrived(Pid, Message, Replica);
heard({eslaver_replica, work, Turn}, Replica) ->
    eslaver_replica:resume_work(Turn, Replica);
heard({eslaver_replica, connect}, Replica) ->
    eslaver_replica:reconnect(Replica);
heard({eslaver_rdb_file, Text}, Replica) ->
    ok = eslaver_replica:not_filed(Text, Replica),
    {noreply, Replica};
heard({eslaver_position_writer, _Writer, Said}, Replica) ->
    {noreply, eslaver_replica:said(Said, Replica)};
heard({timeout, Timer, eslaver_progress}, Replica) ->
    {noreply, eslaver_replica:progressed(Timer, Replica)};
heard({'DOWN', _, _, _, _} = Down, Replica) ->
    eslaver_replica:down(Down, Replica);
heard({'EXIT', Pid, Reason}, Replica) ->
    eslaver_replica:ended(Pid, Reason, Replica);
heard({eslaver_source, _, _} = Message, Replica) ->
    eslaver_replica:sourced(Message, Replica);
heard(Message, Replica) ->
    eslaver_replica:hear(Message, Replica).

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

%% Whatever has changed is to be seen by others.
shown({noreply, Replica}) -> {noreply, eslaver_replica:shown(Replica)};
shown({noreply, Replica, Then}) -> {noreply, eslaver_replica:shown(Replica), Then};
shown({stop, Reason, Replica}) -> {stop, Reason, eslaver_replica:shown(Replica)}.

%% The state has events and what the handler keeps.
guarded(Fun) ->
    eslaver_failure:guarded(replica_failed, Fun).

%% @private The queue may hold megabytes, and so may the last message, which may also have keys and
%% values if it is for the handler.
-spec format_status(gen_server:format_status()) -> gen_server:format_status().
format_status(Status) ->
    eslaver_status:short(fun eslaver_replica:status/1, Status).
