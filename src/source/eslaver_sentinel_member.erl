%% @doc One Sentinel, as the watcher of a group sees it: over one connection it is asked each
%% second, over another it tells of elections, and then it is asked at once.
%%
%% {@link eslaver_sentinel_group} starts and links it, and gets all that it learns. It waits for its
%% Sentinel where nobody waits for it, so a Sentinel that hangs holds up nothing else. The group
%% ends it by an exit signal, which ends its connections.
%% @private
-module(eslaver_sentinel_member).
-behaviour(gen_server).

-export([start_link/2, ask/1]).
-export([init/1, handle_call/3, handle_cast/2, handle_info/2, handle_continue/2, code_change/3]).
-export([format_status/1]).
-export_type([news/0]).

%% How long connecting and an answer may take, in ms.
-define(CONNECT_LIMIT, 3000).
-define(ANSWER_LIMIT, 2000).
%% The pause between polls, and after a failure, and the least pause when asked to hurry, in ms.
-define(PAUSE, 1000).
-define(RETRY, 500).
-define(LEAST, 100).

-type news() ::
    {said, Id :: term(), eslaver_sentinel_answers:report()}
    | {failed, eslaver_control:error()}.
%% What the group gets, as `{eslaver_sentinel_member, Pid, News}'. The id tells whether two
%% addresses are those of one Sentinel.

-record(state, {
    group :: pid(),
    name :: binary(),
    target :: eslaver_control:target(),
    id :: term(),
    %% The connections for questions and for events.
    asked :: undefined | eslaver_control:control(),
    heard :: undefined | eslaver_control:control(),
    replicas = eslaver_sentinel_answers:replicas() :: eslaver_sentinel_answers:replicas(),
    timer :: reference(),
    %% When the last poll ended.
    polled :: integer()
}).

%% @doc Starts to watch the Sentinel at an address, for the calling process.
-spec start_link(Name :: binary(), eslaver_control:target()) -> {ok, pid()}.
start_link(Name, Target) ->
    {ok, _} = gen_server:start_link(?MODULE, {self(), Name, Target}, []).

%% @doc Asks the Sentinel soon, not just when it is its time.
-spec ask(pid()) -> ok.
ask(Member) ->
    gen_server:cast(Member, ask).

%% @private
-spec init({pid(), binary(), eslaver_control:target()}) -> {ok, #state{}, {continue, poll}}.
init({Group, Name, Target}) ->
    Now = eslaver_clock:now_ms(),
    Timer = make_ref(),
    State = #state{group = Group, name = Name, target = Target, timer = Timer, polled = Now},
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
-spec handle_cast(ask, #state{}) -> {noreply, #state{}}.
handle_cast(ask, State) ->
    {noreply, soon(State)}.

%% @private
-spec handle_info(term(), #state{}) -> {noreply, #state{}}.
handle_info({timeout, Timer, poll}, #state{timer = Timer} = State) ->
    {noreply, polled(State)};
handle_info(_Message, #state{heard = undefined} = State) ->
    {noreply, State};
handle_info(Message, #state{heard = Heard} = State) ->
    case eslaver_control:received(Message, Heard) of
        {ok, _Events, Next} -> {noreply, soon(listening(Next, State))};
        {error, _} -> {noreply, soon(State#state{heard = undefined})};
        other -> {noreply, State}
    end.

%% @private
-spec code_change(term(), #state{}, term()) -> {ok, #state{}}.
code_change(_Old, State, _Extra) ->
    {ok, State}.

% @private
-spec format_status(gen_server:format_status()) -> gen_server:format_status().
format_status(Status) ->
    eslaver_status:short(fun(#state{name = Name}) -> #{group => Name} end, Status).

soon(#state{polled = Polled} = State) ->
    poll_after(max(?LEAST - (eslaver_clock:now_ms() - Polled), 0), State).

poll_after(Pause, #state{timer = Timer} = State) ->
    _ = erlang:cancel_timer(Timer),
    State#state{timer = erlang:start_timer(Pause, self(), poll)}.

polled(#state{group = Group} = State) ->
    {News, Next} = eslaver_failure:guarded(sentinel_failed, fun() -> poll(State) end),
    Group ! {?MODULE, self(), News},
    {Pause, Last} =
        case News of
            {said, _, _} -> {?PAUSE, subscribed(Next)};
            {failed, _} -> {?RETRY, Next}
        end,
    poll_after(Pause, Last#state{polled = eslaver_clock:now_ms()}).

poll(#state{asked = undefined, target = Target} = State) ->
    case eslaver_control:connect(Target, ?CONNECT_LIMIT) of
        {ok, Control} -> identify(State#state{asked = Control});
        {error, Error} -> {failed(Error, State), State}
    end;
poll(#state{asked = Control, name = Name, replicas = Word} = State) ->
    Questions = eslaver_sentinel_answers:questions(Name, Word),
    case eslaver_control:call(Questions, ?ANSWER_LIMIT, Control) of
        {ok, Answers, Next} ->
            Asked = State#state{
                asked = Next, replicas = eslaver_sentinel_answers:replicas(Answers, Word)
            },
            answered(eslaver_sentinel_answers:read(Name, Answers), Asked);
        {error, Error} ->
            {failed(Error, State), lost(State)}
    end.

%% Sentinels before Redis 6.2 do not tell their id, and a user may not be allowed to ask for it.
identify(#state{asked = Control} = State) ->
    case eslaver_control:call([[<<"SENTINEL">>, <<"MYID">>]], ?ANSWER_LIMIT, Control) of
        {ok, [Id], Next} when is_binary(Id) ->
            poll(State#state{asked = Next, id = Id});
        {ok, [_], Next} ->
            poll(State#state{asked = Next, id = eslaver_control:peer(Next)});
        {error, Error} ->
            {failed(Error, State), lost(State)}
    end.

%% Nobody would notice that the connection for events leads nowhere, too.
lost(#state{heard = Heard} = State) ->
    _ = Heard =:= undefined orelse eslaver_control:close(Heard),
    State#state{asked = undefined, heard = undefined}.

%% Where events are not allowed, or the connection for them fails, there are still the polls.
subscribed(#state{heard = undefined, target = Target} = State) ->
    case eslaver_control:connect(Target, ?CONNECT_LIMIT) of
        {ok, Control} -> subscribe(Control, State);
        {error, _} -> State
    end;
subscribed(State) ->
    State.

subscribe(Control, State) ->
    Channels = eslaver_sentinel_answers:channels(),
    Commands = [[<<"SUBSCRIBE">>, Channel] || Channel <- Channels],
    case eslaver_control:call(Commands, ?ANSWER_LIMIT, Control) of
        {ok, _, Next} -> listening(Next, State);
        {error, _} -> State
    end.

listening(Control, State) ->
    case eslaver_control:listen(Control) of
        ok -> State#state{heard = Control};
        {error, _} -> State#state{heard = undefined}
    end.

answered({ok, Report}, #state{id = Id} = State) -> {{said, Id, Report}, State};
answered({error, Error}, State) -> {failed(Error, State), State}.

failed({Reason, Text}, #state{target = #{address := Address}}) ->
    Where = eslaver_log:address(Address),
    {failed, {reason(Reason), eslaver_text:format("Sentinel ~ts: ~ts", [Where, Text])}}.

reason(auth) ->
    sentinel_auth;
reason(Reason) when Reason =:= unreachable; Reason =:= closed; Reason =:= timeout ->
    sentinel_unreachable;
reason(malformed) ->
    not_a_sentinel;
reason(Reason) ->
    Reason.
