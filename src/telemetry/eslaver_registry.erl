%% @doc The replicas, mirrors and clusters that run on this node: what metrics are told of, and
%% gauges.
%%
%% Each adds itself when it starts, and is gone when its process ends, however that ends. What feeds
%% a mirror or is part of a cluster is not added. One process keeps them all: the first one starts
%% it, and it ends with the last. It also has each report its gauge from time to time, in a process
%% of its own, so that a handler of its events that hangs holds up nothing here.
%% @private
-module(eslaver_registry).
-behaviour(gen_server).

-export([add/3, all/0]).
-export([init/1, handle_call/3, handle_cast/2, handle_info/2, code_change/3, format_status/1]).

%% How often joining is tried while the process ends and another starts.
-define(TRIES, 20).

-record(running, {
    entry :: eslaver_rows:entry(),
    gauge :: none | eslaver_gauge:gauge(),
    %% The process that reports the gauge, until it ends.
    reporter :: undefined | pid()
}).

-record(state, {
    table :: ets:table(),
    running = #{} :: #{pid() => #running{}}
}).

%% @doc Adds the calling process, which is called this, with its options about telemetry.
-spec add(eslaver_rows:kind(), Name :: term(), eslaver_gauge:options()) -> ok.
add(Kind, Name, Options) ->
    Entry = #{pid => self(), kind => Kind, name => Name},
    add(#running{entry = Entry, gauge = eslaver_gauge:new(Name, Options)}, ?TRIES).

add(Running, Tries) ->
    _ = gen_server:start({local, ?MODULE}, ?MODULE, [], []),
    try
        gen_server:call(?MODULE, {add, Running}, infinity)
    catch
        %% it has just ended with its last one, or was killed
        exit:{Reason, {gen_server, call, _}} when
            Tries > 0, Reason =:= noproc orelse Reason =:= normal orelse Reason =:= killed
        ->
            add(Running, Tries - 1)
    end.

%% @doc All that run, by kind and name.
-spec all() -> [eslaver_rows:entry()].
all() ->
    try
        Running = [Entry || {_Pid, Entry} <- ets:tab2list(?MODULE)],
        Keyed = [{Kind, Name, Entry} || #{kind := Kind, name := Name} = Entry <- Running],
        [Entry || {_, _, Entry} <- lists:sort(Keyed)]
    catch
        %% there is no table where nothing runs
        error:badarg -> []
    end.

%% @private
-spec init([]) -> {ok, #state{}}.
init([]) ->
    %% an application that stops ends all processes that have its group leader
    true = group_leader(whereis(init), self()),
    {ok, #state{table = ets:new(?MODULE, [named_table, {read_concurrency, true}])}}.

%% @private
-spec handle_call({add, #running{}} | term(), gen_server:from(), #state{}) ->
    {reply, ok | {error, unknown_request}, #state{}}.
handle_call({add, #running{entry = #{pid := Pid} = Entry} = Added}, _From, State) ->
    #state{table = Table, running = Running} = State,
    _ = monitor(process, Pid),
    true = ets:insert(Table, {Pid, Entry}),
    ok = timed(Added),
    {reply, ok, State#state{running = Running#{Pid => Added}}};
handle_call(_Request, _From, State) ->
    {reply, {error, unknown_request}, State}.

timed(#running{gauge = none}) ->
    ok;
timed(#running{gauge = Gauge, entry = #{pid := Pid}}) ->
    _ = erlang:send_after(eslaver_gauge:every(Gauge), self(), {gauge, Pid}),
    ok.

%% @private
-spec handle_cast(term(), #state{}) -> {noreply, #state{}}.
handle_cast(_Request, State) ->
    {noreply, State}.

%% @private
-spec handle_info(term(), #state{}) -> {noreply, #state{}} | {stop, normal, #state{}}.
handle_info({gauge, Pid}, #state{running = Running} = State) ->
    case Running of
        #{Pid := One} ->
            ok = timed(One),
            {noreply, State#state{running = Running#{Pid := reporting(One)}}};
        #{} ->
            {noreply, State}
    end;
handle_info({'DOWN', _, process, Pid, _}, #state{running = Running} = State) when
    is_map_key(Pid, Running)
->
    true = ets:delete(State#state.table, Pid),
    {#running{reporter = Reporter}, Left} = maps:take(Pid, Running),
    %% it may hang
    _ = [exit(Reporter, kill) || is_pid(Reporter)],
    case map_size(Left) of
        0 -> {stop, normal, State#state{running = Left}};
        _ -> {noreply, State#state{running = Left}}
    end;
handle_info({'DOWN', _, process, Reporter, _}, #state{running = Running} = State) ->
    Ended = fun
        (_Pid, #running{reporter = One} = Was) when One =:= Reporter ->
            Was#running{reporter = undefined};
        (_Pid, Other) ->
            Other
    end,
    {noreply, State#state{running = maps:map(Ended, Running)}};
handle_info(_Message, State) ->
    {noreply, State}.

%% One at a time.
reporting(#running{reporter = undefined, gauge = Gauge, entry = Entry} = Running) ->
    {Reporter, _} = spawn_monitor(fun() -> eslaver_gauge:report(Entry, Gauge) end),
    Running#running{reporter = Reporter};
reporting(Running) ->
    Running.

%% @private
-spec code_change(term(), #state{}, term()) -> {ok, #state{}}.
code_change(_Old, State, _Extra) ->
    {ok, State}.

%% @private
-spec format_status(gen_server:format_status()) -> gen_server:format_status().
format_status(Status) ->
    eslaver_status:short(
        fun(#state{running = Running}) -> #{running => maps:keys(Running)} end, Status
    ).
