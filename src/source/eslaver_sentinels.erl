%% @doc The groups of Sentinels that are watched in this node: one watcher for each, whatever number
%% of replicas follow it.
%%
%% Whoever joins a group first starts this process. It is linked to none of its users, so that none
%% of them ends it; it monitors them, ends a group with its last user, and itself with the last
%% group. If it is killed its groups end, too, which their users notice as they monitor the watcher:
%% they join anew.
%% @private
-module(eslaver_sentinels).
-behaviour(gen_server).
-behaviour(eslaver_source_watcher).

-export([join/2, ask/2, hurry/1, leave/2, shown/1]).
-export([init/1, handle_call/3, handle_cast/2, handle_info/2, code_change/3, format_status/1]).

%% How often joining is tried while the process ends and another starts.
-define(TRIES, 20).

-record(state, {
    groups = [] :: [{pid(), eslaver_sentinel_group:group()}],
    %% By their monitors: the watcher and what the user is told under.
    users = #{} :: #{reference() => {Watcher :: pid(), Ref :: reference()}}
}).

%% @doc Has the calling process told of a group, as {@link eslaver_sentinel_group} describes. `Seen'
%% is what an earlier watcher of the group has told.
-spec join(eslaver_sentinel_group:group(), Seen) -> {Watcher :: pid(), reference()} when
    Seen :: eslaver_sentinel_vote:opinion() | undefined.
join(Group, Seen) ->
    join(Group, Seen, ?TRIES).

join(Group, Seen, Tries) ->
    _ = gen_server:start({local, ?MODULE}, ?MODULE, [], []),
    try
        gen_server:call(?MODULE, {join, Group, Seen}, infinity)
    catch
        %% it has just ended with its last group, or was killed
        exit:{Reason, {gen_server, call, _}} when
            Tries > 0, Reason =:= noproc orelse Reason =:= normal orelse Reason =:= killed
        ->
            join(Group, Seen, Tries - 1)
    end.

%% @doc Has the calling process told of the master, or of why there is none.
-spec ask(reference(), pid()) -> ok.
ask(Ref, Watcher) -> eslaver_sentinel_group:ask(Ref, Watcher).

%% @doc Has all Sentinels of the group asked at once.
-spec hurry(pid()) -> ok.
hurry(Watcher) -> eslaver_sentinel_group:hurry(Watcher).

%% @doc The group, for people.
-spec shown(eslaver_sentinel_group:group()) -> binary().
shown(Group) -> eslaver_sentinel_group:shown(Group).

%% @doc The calling process no longer wants to be told under `Ref'.
-spec leave(reference(), pid() | undefined) -> ok.
leave(Ref, _Watcher) ->
    gen_server:cast(?MODULE, {leave, Ref}).

%% @private
-spec init([]) -> {ok, #state{}}.
init([]) ->
    %% a watcher that fails must not end the others
    _ = process_flag(trap_exit, true),
    %% an application that stops ends all processes that have its group leader
    true = group_leader(whereis(init), self()),
    {ok, #state{}}.

%% @private
-spec handle_call(term(), gen_server:from(), #state{}) -> {reply, term(), #state{}}.
handle_call({join, Group, Seen}, {User, _}, State) ->
    {Watcher, #state{users = Users} = Next} = watcher(Group, State),
    Ref = erlang:make_ref(),
    ok = eslaver_sentinel_group:subscribe(User, Ref, Seen, Watcher),
    Monitor = erlang:monitor(process, User),
    {reply, {Watcher, Ref}, Next#state{users = Users#{Monitor => {Watcher, Ref}}}};
handle_call(_Request, _From, State) ->
    {reply, {error, unknown_request}, State}.

watcher(Group, #state{groups = Groups} = State) ->
    case [Pid || {Pid, Known} <- Groups, eslaver_sentinel_group:is_same(Group, Known)] of
        [Watcher] ->
            {Watcher, State};
        [] ->
            {ok, Watcher} = eslaver_sentinel_group:start_link(Group),
            {Watcher, State#state{groups = [{Watcher, Group} | Groups]}}
    end.

%% @private
-spec handle_cast({leave, reference()}, #state{}) -> {noreply, #state{}} | {stop, normal, #state{}}.
handle_cast({leave, Ref}, #state{users = Users} = State) ->
    case [Monitor || {Monitor, {_, Told}} <- maps:to_list(Users), Told =:= Ref] of
        [Monitor] ->
            true = erlang:demonitor(Monitor, [flush]),
            left(Monitor, State);
        [] ->
            {noreply, State}
    end.

%% @private
-spec handle_info(term(), #state{}) -> {noreply, #state{}} | {stop, normal, #state{}}.
handle_info({'DOWN', Monitor, process, _, _}, #state{users = Users} = State) when
    is_map_key(Monitor, Users)
->
    left(Monitor, State);
handle_info({'EXIT', Watcher, _Reason}, #state{groups = Groups, users = Users} = State) ->
    %% its users join again
    Gone = [Monitor || {Monitor, {One, _}} <- maps:to_list(Users), One =:= Watcher],
    _ = [true = erlang:demonitor(Monitor, [flush]) || Monitor <- Gone],
    ended(State#state{
        groups = lists:keydelete(Watcher, 1, Groups), users = maps:without(Gone, Users)
    });
handle_info(_Message, State) ->
    {noreply, State}.

left(Monitor, #state{users = Users, groups = Groups} = State) ->
    {{Watcher, Ref}, Others} = maps:take(Monitor, Users),
    Next = State#state{users = Others},
    case [One || {One, _} <- maps:values(Others), One =:= Watcher] of
        [_ | _] ->
            ok = eslaver_sentinel_group:unsubscribe(Ref, Watcher),
            {noreply, Next};
        [] ->
            true = unlink(Watcher),
            true = exit(Watcher, shutdown),
            ended(Next#state{groups = lists:keydelete(Watcher, 1, Groups)})
    end.

ended(#state{groups = []} = State) -> {stop, normal, State};
ended(State) -> {noreply, State}.

%% @private
-spec code_change(term(), #state{}, term()) -> {ok, #state{}}.
code_change(_Old, State, _Extra) ->
    {ok, State}.

% @private
-spec format_status(gen_server:format_status()) -> gen_server:format_status().
format_status(Status) ->
    eslaver_status:short(fun(#state{users = Users}) -> #{users => map_size(Users)} end, Status).
