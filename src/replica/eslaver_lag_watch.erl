%% @doc Warns when a replica is far behind, with a process of its own: a callback that hangs holds
%% up the replica's. {@link eslaver_server} starts it. It ends with the replica, which does without
%% it if it fails.
%% @private
-module(eslaver_lag_watch).
-behaviour(gen_server).

-export([start/2]).
-export([init/1, handle_call/3, handle_cast/2, handle_info/2, code_change/3, format_status/1]).

%% How often it looks, in ms.
-define(EVERY, 1000).

-record(state, {
    replica :: pid(),
    %% What the replica is called.
    label :: term(),
    limit :: pos_integer(),
    %% Whether it has warned, and the replica has not caught up since.
    warned = false :: boolean()
}).

%% @doc Watches the calling process, a replica that is called this, if there is a limit: a number of
%% bytes.
-spec start(pos_integer() | infinity, Label :: term()) -> ok.
start(infinity, _Label) ->
    ok;
start(Limit, Label) ->
    {ok, _} = gen_server:start(?MODULE, {self(), Label, Limit}, []),
    ok.

%% @private
-spec init({pid(), term(), pos_integer()}) -> {ok, #state{}}.
init({Replica, Label, Limit}) ->
    _ = monitor(process, Replica),
    {ok, again(#state{replica = Replica, label = Label, limit = Limit})}.

again(State) ->
    _ = erlang:send_after(?EVERY, self(), look),
    State.

%% @private
-spec handle_call(term(), gen_server:from(), #state{}) -> {reply, term(), #state{}}.
handle_call(_Request, _From, State) ->
    {reply, {error, unknown_request}, State}.

%% @private
-spec handle_cast(term(), #state{}) -> {noreply, #state{}}.
handle_cast(_Request, State) ->
    {noreply, State}.

%% @private
-spec handle_info(term(), #state{}) -> {noreply, #state{}} | {stop, normal, #state{}}.
handle_info(look, #state{replica = Replica} = State) ->
    case eslaver_board:read(Replica) of
        {ok, Info} -> {noreply, again(looked(Info, State))};
        none -> {noreply, again(State)}
    end;
handle_info({'DOWN', _, process, Replica, _}, #state{replica = Replica} = State) ->
    {stop, normal, State};
handle_info(_Message, State) ->
    {noreply, State}.

looked(#{lagging := true} = Info, #state{warned = false} = State) ->
    ok = report(warning, lagging, Info, State),
    State#state{warned = true};
looked(#{lag := Lag} = Info, #state{warned = true, limit = Limit} = State) when
    is_integer(Lag), Lag * 2 < Limit
->
    ok = report(notice, caught_up, Info, State),
    State#state{warned = false};
looked(_Info, State) ->
    State.

report(Level, What, Info, #state{label = Label}) ->
    Report = maps:with([lag, behind_for, event, master], Info),
    eslaver_log:report(Level, What, Report#{replica => Label}).

%% @private
-spec code_change(term(), #state{}, term()) -> {ok, #state{}}.
code_change(_Old, State, _Extra) ->
    {ok, State}.

%% @private
-spec format_status(gen_server:format_status()) -> gen_server:format_status().
format_status(Status) ->
    eslaver_status:short(fun(#state{label = Label}) -> #{replica => Label} end, Status).
