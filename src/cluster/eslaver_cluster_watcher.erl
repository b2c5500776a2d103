%% @doc Asks one node of a cluster after the other which nodes there are, one a second, or at once
%% when there is news. The process that starts it gets `{eslaver_cluster_watcher, Pid, News}'.
%% @private
-module(eslaver_cluster_watcher).
-behaviour(gen_server).

-export([start_link/3, known/2, hurry/1]).
-export([init/1, handle_call/3, handle_cast/2, handle_info/2, handle_continue/2, code_change/3]).
-export([format_status/1]).
-export_type([news/0]).

%% How long connecting and an answer may take, in ms.
-define(CONNECT_LIMIT, 1000).
-define(ANSWER_LIMIT, 1000).
%% The pause between polls, after a failure, and the least one when asked to hurry, in ms.
-define(PAUSE, 1000).
-define(RETRY, 200).
-define(LEAST, 20).

-type news() :: {seen, [eslaver_cluster_nodes:cluster_node()]} | {failed, eslaver_control:error()}.

-record(state, {
    user :: pid(),
    seeds :: [eslaver_nif:address(), ...],
    access :: eslaver_source_chooser:access(),
    %% Whom to ask next, in this order, and then again from the first of the known.
    next :: [eslaver_nif:address()],
    known = [] :: [eslaver_nif:address()],
    timer :: reference(),
    polled :: integer()
}).

%% @doc Starts to ask, for `User'.
-spec start_link(pid(), [eslaver_nif:address(), ...], eslaver_source_chooser:access()) ->
    {ok, pid()}.
start_link(User, Seeds, Access) ->
    {ok, _} = gen_server:start_link(?MODULE, {User, Seeds, Access}, []).

%% @doc These are the nodes that may be asked.
-spec known([eslaver_nif:address()], pid()) -> ok.
known(Addresses, Watcher) ->
    gen_server:cast(Watcher, {known, Addresses}).

%% @doc Asks soon, not just when it is time.
-spec hurry(pid()) -> ok.
hurry(Watcher) ->
    gen_server:cast(Watcher, hurry).

%% @private
-spec init({pid(), [eslaver_nif:address(), ...], eslaver_source_chooser:access()}) ->
    {ok, #state{}, {continue, poll}}.
init({User, Seeds, Access}) ->
    Now = eslaver_clock:now_ms(),
    State = #state{
        user = User, seeds = Seeds, access = Access, next = Seeds, timer = make_ref(), polled = Now
    },
    {ok, State, {continue, poll}}.

%% @private
-spec handle_continue(poll, #state{}) -> {noreply, #state{}}.
handle_continue(poll, State) ->
    {noreply, polled(State)}.

%% @private
-spec handle_call(term(), gen_server:from(), #state{}) -> {reply, term(), #state{}}.
handle_call(_Request, _From, State) ->
    {reply, {error, unknown_request}, State}.

%% @private
-spec handle_cast({known, [eslaver_nif:address()]} | hurry, #state{}) -> {noreply, #state{}}.
handle_cast({known, Addresses}, State) ->
    {noreply, State#state{known = Addresses}};
handle_cast(hurry, #state{polled = Polled} = State) ->
    {noreply, poll_after(max(?LEAST - (eslaver_clock:now_ms() - Polled), 0), State)}.

%% @private
-spec handle_info(term(), #state{}) -> {noreply, #state{}}.
handle_info({timeout, Timer, poll}, #state{timer = Timer} = State) ->
    {noreply, polled(State)};
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

poll_after(Pause, #state{timer = Timer} = State) ->
    _ = erlang:cancel_timer(Timer),
    State#state{timer = erlang:start_timer(Pause, self(), poll)}.

polled(#state{user = User} = State) ->
    {Address, Next} = turn(State),
    News = eslaver_failure:guarded(watcher_failed, fun() -> ask(Address, State) end),
    User ! {?MODULE, self(), News},
    Pause =
        case News of
            {seen, _} -> ?PAUSE;
            {failed, _} -> ?RETRY
        end,
    poll_after(Pause, Next#state{polled = eslaver_clock:now_ms()}).

%% Seeds come behind all that are known: they may be names for what is known by address.
turn(#state{next = [Address | Next]} = State) ->
    {Address, State#state{next = Next}};
turn(#state{next = [], known = Known, seeds = Seeds} = State) ->
    turn(State#state{next = Known ++ [Seed || Seed <- Seeds, not lists:member(Seed, Known)]}).

ask(Address, #state{access = Access}) ->
    Result =
        case eslaver_control:connect(Access#{address => Address}, ?CONNECT_LIMIT) of
            {ok, Control} -> listed(Address, Control);
            {error, _} = Error -> Error
        end,
    case Result of
        {ok, Nodes} ->
            {seen, Nodes};
        {error, {Reason, Text}} ->
            Where = eslaver_log:address(Address),
            {failed, {Reason, eslaver_text:format("node ~ts: ~ts", [Where, Text])}}
    end.

listed(Address, Control) ->
    case eslaver_control:call([eslaver_cluster_nodes:question()], ?ANSWER_LIMIT, Control) of
        {ok, [Answer], Open} ->
            ok = eslaver_control:close(Open),
            eslaver_cluster_nodes:read(Answer, Address);
        {error, _} = Error ->
            Error
    end.
