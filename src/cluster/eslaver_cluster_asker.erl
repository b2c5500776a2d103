%% @doc Asks the master of a shard about itself, over a connection of its own. Answers come to the
%% process that starts it as `{eslaver_cluster_asker, Pid, Number, Answer}'.
%%
%% All questions that are there when it begins to ask get one answer, with the highest of their
%% numbers. Long answers are asked for less often, as they cost the master time.
%% @private
-module(eslaver_cluster_asker).
-behaviour(gen_server).

-export([start_link/2, aim/2, ask/2, stop/1]).
-export([init/1, handle_call/3, handle_cast/2, handle_info/2, code_change/3, format_status/1]).
-export_type([answer/0, told/0]).

%% How long connecting and an answer may take, in ms.
-define(CONNECT_LIMIT, 1000).
-define(ANSWER_LIMIT, 1000).
%% The pause after an answer, in ms for each of this number of bytes.
-define(BYTES_A_MS, 20000).
-define(LONGEST_PAUSE, 20).

-type told() :: #{
    %% The history of the master, and the one before.
    replids := [binary()],
    %% Its offset before and after the nodes were told.
    from := non_neg_integer(),
    to := non_neg_integer(),
    self := eslaver_cluster_nodes:cluster_node(),
    nodes := [eslaver_cluster_nodes:cluster_node()],
    %% Of servers that know them.
    shard_id := binary() | undefined
}.

-type answer() :: {ok, told()} | {error, eslaver_control:error()}.

-record(state, {
    user :: pid(),
    access :: eslaver_source_chooser:access(),
    address :: eslaver_nif:address() | undefined,
    control :: undefined | eslaver_control:control()
}).

%% @doc Starts to ask the node at an address.
-spec start_link(eslaver_nif:address(), eslaver_source_chooser:access()) -> {ok, pid()}.
start_link(Address, Access) ->
    {ok, _} = gen_server:start_link(?MODULE, {self(), Address, Access}, []).

%% @doc The master is at another address.
-spec aim(eslaver_nif:address(), pid()) -> ok.
aim(Address, Asker) ->
    gen_server:cast(Asker, {aim, Address}).

%% @doc Asks. The answer has this number, or that of a later question.
-spec ask(pos_integer(), pid()) -> ok.
ask(Number, Asker) ->
    gen_server:cast(Asker, {ask, Number}).

%% @doc Ends it.
-spec stop(pid()) -> ok.
stop(Asker) ->
    true = unlink(Asker),
    true = exit(Asker, shutdown),
    receive
        {'EXIT', Asker, _} -> ok
    after 0 -> ok
    end.

%% @private
-spec init({pid(), eslaver_nif:address(), eslaver_source_chooser:access()}) -> {ok, #state{}}.
init({User, Address, Access}) ->
    {ok, #state{user = User, address = Address, access = Access}}.

%% @private
-spec handle_call(term(), gen_server:from(), #state{}) -> {reply, term(), #state{}}.
handle_call(_Request, _From, State) ->
    {reply, {error, unknown_request}, State}.

%% @private
-spec handle_cast({aim, eslaver_nif:address()} | {ask, pos_integer()}, #state{}) ->
    {noreply, #state{}}.
handle_cast({aim, Address}, #state{address = Address} = State) ->
    {noreply, State};
handle_cast({aim, Address}, State) ->
    {noreply, (closed(State))#state{address = Address}};
handle_cast({ask, Number}, #state{user = User} = State) ->
    Last = last(Number),
    {Answer, Next} = eslaver_failure:guarded(asker_failed, fun() -> asked(State) end),
    User ! {?MODULE, self(), Last, Answer},
    ok = pause(Answer),
    {noreply, Next}.

%% What is asked behind a change of the address is asked there.
last(Number) ->
    receive
        {'$gen_cast', {ask, Later}} -> last(max(Number, Later));
        {'$gen_cast', {aim, _}} = Aim ->
            self() ! Aim,
            Number
    after 0 -> Number
    end.

pause({ok, #{nodes := Nodes}}) ->
    %% a line has about 150 bytes
    timer:sleep(min(length(Nodes) * 150 div ?BYTES_A_MS, ?LONGEST_PAUSE));
pause({error, _}) ->
    ok.

%% @private
-spec handle_info(term(), #state{}) -> {noreply, #state{}}.
handle_info(_Message, State) ->
    {noreply, State}.

%% @private
-spec code_change(term(), #state{}, term()) -> {ok, #state{}}.
code_change(_Old, State, _Extra) ->
    {ok, State}.

% @private
-spec format_status(gen_server:format_status()) -> gen_server:format_status().
format_status(Status) ->
    eslaver_status:short(fun(#state{user = User}) -> #{cluster => User} end, Status).

closed(#state{control = undefined} = State) ->
    State;
closed(#state{control = Control} = State) ->
    ok = eslaver_control:close(Control),
    State#state{control = undefined}.

%% A connection that was closed says little: the server may have closed it as idle.
asked(#state{control = undefined} = State) ->
    connected(State);
asked(State) ->
    case questioned(State) of
        {{error, {closed, _}}, Next} -> connected(Next);
        Answered -> Answered
    end.

connected(#state{address = Address, access = Access} = State) ->
    case eslaver_control:connect(Access#{address => Address}, ?CONNECT_LIMIT) of
        {ok, Control} -> questioned(State#state{control = Control});
        {error, _} = Error -> {Error, State}
    end.

questioned(#state{control = Control, address = Address} = State) ->
    Info = eslaver_replication_info:question(),
    Questions = [Info, eslaver_cluster_nodes:question(), [<<"CLUSTER">>, <<"MYSHARDID">>], Info],
    case eslaver_control:call(Questions, ?ANSWER_LIMIT, Control) of
        {ok, [Before, Nodes, ShardId, After], Next} ->
            {read(Before, Nodes, ShardId, After, Address), State#state{control = Next}};
        {error, _} = Error ->
            {Error, State#state{control = undefined}}
    end.

read(Before, Nodes, ShardId, After, Address) ->
    [First, Last] = [eslaver_replication_info:read(Info) || Info <- [Before, After]],
    case {First, eslaver_cluster_nodes:read(Nodes, Address), Last} of
        {
            {ok, #{replid := Id, offset := From}},
            {ok, View},
            {ok, #{replid := Id, offset := To}}
        } when is_integer(From), is_integer(To), is_binary(Id) ->
            told(#{from => From, to => To, nodes => View}, After, ShardId);
        {{error, Text}, _, _} ->
            {error, {refused, Text}};
        {_, {error, _} = Error, _} ->
            Error;
        _ ->
            {error, {malformed, <<"it does not tell its history">>}}
    end.

told(#{nodes := Nodes} = Told, After, ShardId) ->
    {ok, #{replid := Id, replid2 := Former}} = eslaver_replication_info:read(After),
    case eslaver_cluster_nodes:self(Nodes) of
        {ok, Self} ->
            {ok, Told#{
                self => Self,
                replids => [Id | [Former || Former =/= undefined]],
                shard_id => shard_id(ShardId)
            }};
        error ->
            {error, {malformed, <<"it does not tell which node it is">>}}
    end.

shard_id(<<Id:40/binary>>) -> Id;
shard_id(_Unknown) -> undefined.
