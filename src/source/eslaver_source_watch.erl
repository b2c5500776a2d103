%% @doc Watches a node that a replica follows though it may be a replica itself: such a node sends
%% nothing when it loses its own master, so it is asked twice a second.
%%
%% The process that starts it gets `{eslaver_source, Pid, {polled, State}}' when the state changes,
%% and with each poll while the node is no good source.
%% @private
-module(eslaver_source_watch).
-behaviour(gen_server).

-export([start/2, stop/1]).
-export([init/1, handle_call/3, handle_cast/2, handle_info/2, code_change/3, format_status/1]).
-export_type([watch/0, watched/0]).

%% The pause between polls, and how long connecting and an answer may take, in ms: a loss is told
%% within two seconds.
-define(PAUSE, 500).
-define(CONNECT_LIMIT, 500).
-define(ANSWER_LIMIT, 1000).

-type watch() :: {pid(), Monitor :: reference()}.

-type watched() :: #{role => master | replica, master_link := up | down | undefined}.
%% A node that does not answer tells no role, and counts as one whose link is down.

-record(state, {
    user :: pid(),
    target :: eslaver_control:target(),
    control :: undefined | eslaver_control:control(),
    told :: undefined | watched()
}).

%% @doc Starts to watch the node at an address, for the calling process, which monitors the watch.
-spec start(eslaver_nif:address(), eslaver_source_chooser:access()) -> watch().
start(Address, Access) ->
    {ok, Pid} = gen_server:start(?MODULE, {self(), Access#{address => Address}}, []),
    {Pid, erlang:monitor(process, Pid)}.

%% @doc Ends a watch.
-spec stop(watch()) -> ok.
stop({Pid, Monitor}) ->
    true = erlang:demonitor(Monitor, [flush]),
    true = exit(Pid, shutdown),
    ok.

%% @private
-spec init({pid(), eslaver_control:target()}) -> {ok, #state{}}.
init({User, Target}) ->
    _ = erlang:monitor(process, User),
    _ = erlang:send_after(?PAUSE, self(), poll),
    {ok, #state{user = User, target = Target}}.

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
handle_info(poll, State) ->
    {Watched, Next} = eslaver_failure:guarded(watch_failed, fun() -> poll(State) end),
    _ = erlang:send_after(?PAUSE, self(), poll),
    {noreply, told(Watched, Next)};
handle_info({'DOWN', _, process, User, _}, #state{user = User} = State) ->
    {stop, normal, State};
handle_info(_Message, State) ->
    {noreply, State}.

%% @private
-spec code_change(term(), #state{}, term()) -> {ok, #state{}}.
code_change(_Old, State, _Extra) ->
    {ok, State}.

% @private
-spec format_status(gen_server:format_status()) -> gen_server:format_status().
format_status(Status) ->
    eslaver_status:short(fun(#state{told = Told}) -> #{told => Told} end, Status).

told(#{role := replica, master_link := up} = Same, #state{told = Same} = State) ->
    State;
told(Watched, #state{user = User} = State) ->
    User ! {eslaver_source, self(), {polled, Watched}},
    State#state{told = Watched}.

%% A connection that was closed says little: the server may have closed it as idle.
poll(#state{control = undefined} = State) ->
    connected(State);
poll(State) ->
    case asked(State) of
        {ok, Watched, Next} -> {Watched, Next};
        {error, closed, Next} -> connected(Next);
        {error, _, Next} -> {lost(), Next}
    end.

connected(#state{target = Target} = State) ->
    case eslaver_control:connect(Target, ?CONNECT_LIMIT) of
        {ok, Control} ->
            case asked(State#state{control = Control}) of
                {ok, Watched, Next} -> {Watched, Next};
                {error, _, Next} -> {lost(), Next}
            end;
        {error, _} ->
            {lost(), State}
    end.

asked(#state{control = Control} = State) ->
    Question = eslaver_replication_info:question(),
    case eslaver_control:call([Question], ?ANSWER_LIMIT, Control) of
        {ok, [Answer], Next} -> {ok, watched(Answer), State#state{control = Next}};
        {error, {Reason, _}} -> {error, Reason, State#state{control = undefined}}
    end.

watched(Answer) ->
    case eslaver_replication_info:read(Answer) of
        {ok, Facts} -> maps:with([role, master_link], Facts);
        {error, _} -> lost()
    end.

lost() -> #{master_link => down}.
