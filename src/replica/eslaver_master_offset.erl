%% @doc The option `master_offset_every': asks the master over a second connection how far it has
%% got, as only it knows what it has not sent yet. {@link eslaver_server} starts a process for that.
%% It ends with the replica, which does without it if it fails.
%% @private
-module(eslaver_master_offset).
-behaviour(gen_server).

-export([start/2]).
-export([init/1, handle_call/3, handle_cast/2, handle_info/2, code_change/3, format_status/1]).

-record(state, {
    replica :: pid(),
    %% What the replica is called.
    label :: term(),
    %% The pause between two questions, and the limit for an answer, in ms.
    every :: pos_integer(),
    limit :: pos_integer(),
    access :: #{user := _, password := _, tls := _},
    control :: undefined | {eslaver_nif:address(), eslaver_control:control()},
    %% What was logged last.
    warned :: undefined | eslaver_control:error()
}).

%% @doc Asks the master of the calling process, a replica that is called this, if the options say
%% so.
-spec start(eslaver_options:options(), Label :: term()) -> ok.
start(#{master_offset_every := undefined}, _Label) ->
    ok;
start(#{master_offset_every := Every, connect_timeout := Limit} = Options, Label) ->
    Access = maps:with([user, password, tls], Options),
    {ok, _} = gen_server:start(?MODULE, {self(), Label, Every, Limit, Access}, []),
    ok.

%% @private
-spec init({pid(), term(), pos_integer(), pos_integer(), map()}) -> {ok, #state{}}.
init({Replica, Label, Every, Limit, Access}) ->
    _ = monitor(process, Replica),
    State = #state{
        replica = Replica, label = Label, every = Every, limit = Limit, access = Access
    },
    {ok, again(State)}.

again(#state{every = Every} = State) ->
    _ = erlang:send_after(Every, self(), ask),
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
handle_info(ask, #state{replica = Replica} = State) ->
    Link =
        case eslaver_board:facts(Replica) of
            {ok, Facts} -> eslaver_facts:link(Facts);
            none -> none
        end,
    {noreply, again(asked(Link, State))};
handle_info({'DOWN', _, process, Replica, _}, #state{replica = Replica} = State) ->
    {stop, normal, State};
handle_info(_Message, State) ->
    {noreply, State}.

asked(none, State) ->
    closed(State);
asked({ok, Address, Replid, Backlogs}, State) ->
    %% so that what is answered counts for no later link, which may have another history
    Tickets = [{Backlog, element(1, eslaver_nif:backlog_info(Backlog))} || Backlog <- Backlogs],
    case ask(Address, State) of
        {ok, #{replid := Replid, offset := Offset}, Next} when is_integer(Offset) ->
            _ = [
                ok = eslaver_nif:backlog_know(Backlog, Ticket, Offset)
             || {Backlog, Ticket} <- Tickets
            ],
            Next#state{warned = undefined};
        {ok, _OfAnotherHistory, Next} ->
            Next;
        {error, Error, Next} ->
            warned(Error, Next)
    end.

ask(Address, State) ->
    case connected(Address, State) of
        {ok, #state{control = {_, Control}, limit = Limit} = Next} ->
            case eslaver_control:call([eslaver_replication_info:question()], Limit, Control) of
                {ok, [Reply], Open} -> read(Reply, Next#state{control = {Address, Open}});
                {error, Error} -> {error, Error, Next#state{control = undefined}}
            end;
        {error, Error} ->
            {error, Error, State#state{control = undefined}}
    end.

read(Reply, State) ->
    case eslaver_replication_info:read(Reply) of
        {ok, Facts} -> {ok, Facts, State};
        {error, Text} -> {error, {refused, Text}, State}
    end.

connected(Address, #state{control = {Address, _}} = State) ->
    {ok, State};
connected(Address, State) ->
    #state{access = Access, limit = Limit} = Closed = closed(State),
    case eslaver_control:connect(Access#{address => Address}, Limit) of
        {ok, Control} -> {ok, Closed#state{control = {Address, Control}}};
        {error, _} = Error -> Error
    end.

closed(#state{control = undefined} = State) ->
    State;
closed(#state{control = {_, Control}} = State) ->
    ok = eslaver_control:close(Control),
    State#state{control = undefined}.

%% The same is logged once.
warned(Error, #state{warned = Error} = State) ->
    State;
warned({Reason, Text} = Error, #state{label = Label} = State) ->
    ok = eslaver_log:report(warning, master_offset_unknown, #{
        replica => Label, reason => Reason, text => Text
    }),
    State#state{warned = Error}.

%% @private
-spec code_change(term(), #state{}, term()) -> {ok, #state{}}.
code_change(_Old, State, _Extra) ->
    {ok, State}.

%% @private
-spec format_status(gen_server:format_status()) -> gen_server:format_status().
format_status(Status) ->
    eslaver_status:short(fun(#state{label = Label}) -> #{replica => Label} end, Status).
