%% @doc The watcher of a group of Sentinels: which master they name, and which replicas it has.
%%
%% One for all replicas of the node that follow the group; {@link eslaver_sentinels} starts it and
%% tells it of its users. It has a process for each Sentinel ({@link eslaver_sentinel_member}),
%% those of the options and those that the Sentinels tell of, and decides with {@link
%% eslaver_sentinel_vote}. Users get `{eslaver_source, Ref, {view, View}}'.
%% @private
-module(eslaver_sentinel_group).
-behaviour(gen_server).

-export([start_link/1, subscribe/4, unsubscribe/2, ask/2, hurry/1]).
-export([shown/1, is_same/2]).
-export([init/1, handle_call/3, handle_cast/2, handle_info/2, terminate/2, code_change/3]).
-export([format_status/1]).
-export_type([group/0, view/0]).

%% The most Sentinels of a group. More than a handful is a mistake, or an attack.
-define(MAX_MEMBERS, 50).
%% How often the vote is told of time, in ms.
-define(TICK, 250).
%% The pause before a member whose process failed is started again, in ms.
-define(RESTART, 1000).

-type group() :: #{
    name := binary(),
    sentinels := [eslaver_nif:address(), ...],
    user := binary() | undefined,
    password := eslaver_control:secret(),
    tls := undefined | eslaver_nif:tls()
}.
%% The options of a group.

-type view() :: eslaver_source_watcher:view().

-record(member, {
    %% None while a failed process is about to be replaced.
    pid :: pid() | undefined,
    %% What it told of itself when it was last in reach.
    id :: term(),
    %% What it said last, or why not.
    news :: undefined | eslaver_sentinel_member:news(),
    %% What was last logged of it.
    warned :: undefined | atom()
}).

-record(state, {
    group :: group(),
    users = #{} :: #{reference() => pid()},
    %% Users that wait for an answer.
    asking = [] :: [reference()],
    members = #{} :: #{eslaver_nif:address() => #member{}},
    vote :: eslaver_sentinel_vote:vote(),
    %% What users have been told.
    told :: undefined | view()
}).

%% @doc Starts the watcher of a group, for the calling process.
-spec start_link(group()) -> {ok, pid()}.
start_link(Group) ->
    {ok, _} = gen_server:start_link(?MODULE, Group, []).

%% @doc A user begins, who has seen this decision already.
-spec subscribe(pid(), reference(), eslaver_sentinel_vote:opinion() | undefined, pid()) -> ok.
subscribe(User, Ref, Seen, Watcher) ->
    gen_server:cast(Watcher, {subscribe, User, Ref, Seen}).

%% @doc A user ends.
-spec unsubscribe(reference(), pid()) -> ok.
unsubscribe(Ref, Watcher) ->
    gen_server:cast(Watcher, {unsubscribe, Ref}).

%% @doc Has a user told of the master once there is a decision, or of why there is none.
-spec ask(reference(), pid()) -> ok.
ask(Ref, Watcher) ->
    gen_server:cast(Watcher, {ask, Ref}).

%% @doc The master cannot be reached, or is none: asks all Sentinels at once.
-spec hurry(pid()) -> ok.
hurry(Watcher) ->
    gen_server:cast(Watcher, hurry).

%% @doc The group, for people.
-spec shown(group()) -> binary().
shown(#{name := Name, sentinels := Sentinels}) ->
    Listed = lists:join(", ", [eslaver_log:address(Sentinel) || Sentinel <- Sentinels]),
    eslaver_text:format("~ts (Sentinels ~ts)", [Name, Listed]).

%% @doc Whether two are the same group, with the same rights.
-spec is_same(group(), group()) -> boolean().
is_same(#{password := First} = One, #{password := Second} = Other) ->
    maps:remove(password, One) =:= maps:remove(password, Other) andalso First() =:= Second().

%% @private
-spec init(group()) -> {ok, #state{}}.
init(#{sentinels := Sentinels} = Group) ->
    %% a member that fails must not end the others
    _ = process_flag(trap_exit, true),
    _ = erlang:send_after(?TICK, self(), tick),
    State = #state{group = Group, vote = eslaver_sentinel_vote:new()},
    {ok, with_members(Sentinels, State)}.

%% @private
-spec handle_call(term(), gen_server:from(), #state{}) -> {reply, term(), #state{}}.
handle_call(_Request, _From, State) ->
    {reply, {error, unknown_request}, State}.

%% @private
-spec handle_cast(Request, #state{}) -> {noreply, #state{}} when
    Request ::
        {subscribe, pid(), reference(), eslaver_sentinel_vote:opinion() | undefined}
        | {unsubscribe | ask, reference()}
        | hurry.
handle_cast({subscribe, User, Ref, Seen}, #state{users = Users, vote = Vote} = State) ->
    Next = State#state{
        users = Users#{Ref => User}, vote = eslaver_sentinel_vote:seen(Seen, Vote)
    },
    ok = tell([Ref], view(Next), Next),
    {noreply, told(Next)};
handle_cast({unsubscribe, Ref}, #state{users = Users, asking = Asking} = State) ->
    {noreply, State#state{users = maps:remove(Ref, Users), asking = lists:delete(Ref, Asking)}};
handle_cast({ask, Ref}, #state{asking = Asking} = State) ->
    {noreply, told(State#state{asking = [Ref | Asking]})};
handle_cast(hurry, #state{members = Members} = State) ->
    _ = [
        ok = eslaver_sentinel_member:ask(Pid)
     || #member{pid = Pid} <- maps:values(Members), is_pid(Pid)
    ],
    {noreply, State}.

%% @private
-spec handle_info(term(), #state{}) -> {noreply, #state{}}.
handle_info({eslaver_sentinel_member, Pid, News}, State) ->
    case address(Pid, State) of
        {ok, Address} -> {noreply, told(heard(Address, News, State))};
        error -> {noreply, State}
    end;
handle_info(tick, #state{vote = Vote} = State) ->
    _ = erlang:send_after(?TICK, self(), tick),
    {noreply, told(State#state{vote = eslaver_sentinel_vote:at(eslaver_clock:now_ms(), Vote)})};
handle_info({'EXIT', Pid, _Reason}, State) ->
    case address(Pid, State) of
        {ok, Address} ->
            _ = erlang:send_after(?RESTART, self(), {restart, Address}),
            Where = eslaver_log:address(Address),
            Text = eslaver_text:format("Sentinel ~ts: its watcher failed", [Where]),
            {noreply, told(failed(Address, {sentinel_failed, Text}, State))};
        error ->
            {noreply, State}
    end;
handle_info({restart, Address}, #state{members = Members} = State) ->
    case Members of
        #{Address := #member{pid = undefined} = Member} ->
            #member{pid = Pid} = started(Address, State),
            {noreply, State#state{members = Members#{Address := Member#member{pid = Pid}}}};
        #{} ->
            {noreply, State}
    end;
handle_info(_Message, State) ->
    {noreply, State}.

%% @private
-spec terminate(term(), #state{}) -> ok.
terminate(_Reason, #state{members = Members}) ->
    _ = [exit(Pid, shutdown) || #member{pid = Pid} <- maps:values(Members), is_pid(Pid)],
    ok.

%% @private
-spec code_change(term(), #state{}, term()) -> {ok, #state{}}.
code_change(_Old, State, _Extra) ->
    {ok, State}.

% @private
-spec format_status(gen_server:format_status()) -> gen_server:format_status().
format_status(Status) ->
    eslaver_status:short(fun(#state{group = #{name := Name}}) -> #{group => Name} end, Status).

%% Members

heard(Address, News, #state{members = Members} = State) ->
    #{Address := Member} = Members,
    Known = Member#member{news = News, id = id(News, Member)},
    Next = refreshed(State#state{members = Members#{Address := Known}}),
    voted(Address, News, Next).

failed(Address, Error, #state{members = Members} = State) ->
    #{Address := Member} = Members,
    Gone = State#state{members = Members#{Address := Member#member{pid = undefined}}},
    heard(Address, {failed, Error}, Gone).

id({said, Id, _Report}, _Member) -> Id;
id({failed, _}, #member{id = Id}) -> Id.

%% The Sentinels of the options, those that are in reach, and the others that these tell of. After a
%% `SENTINEL RESET' they tell of nobody for a while. While none is in reach, those that are known
%% stay.
refreshed(#state{group = #{sentinels := Own}, members = Members} = State) ->
    Reached = [
        {Id, Address}
     || {Address, #member{id = Id, news = {said, _, _}}} <- maps:to_list(maps:without(Own, Members))
    ],
    Told = [Others || #member{news = {said, _, #{sentinels := Others}}} <- maps:values(Members)],
    Ids = [Id || #member{id = Id} <- maps:values(maps:with(Own, Members)), Id =/= undefined],
    Tried = [] =:= [Address || Address <- Own, is_untried(maps:get(Address, Members))],
    case {Told, Tried} of
        {[_ | _], true} ->
            %% the same Sentinel may be known by a name in the options
            Others = [
                Address
             || {Id, Address} <- lists:append([Reached | Told]), not lists:member(Id, Ids)
            ],
            with_members(lists:sublist(Own ++ lists:usort(Others) -- Own, ?MAX_MEMBERS), State);
        _ ->
            State
    end.

is_untried(#member{news = News}) -> News =:= undefined.

with_members(Addresses, #state{members = Members} = State) ->
    Gone = maps:without(Addresses, Members),
    _ = [stop(Pid) || #member{pid = Pid} <- maps:values(Gone), is_pid(Pid)],
    New = [Address || Address <- Addresses, not is_map_key(Address, Members)],
    Started = maps:from_list([{Address, started(Address, State)} || Address <- New]),
    State#state{members = maps:merge(maps:with(Addresses, Members), Started)}.

stop(Pid) ->
    true = unlink(Pid),
    true = exit(Pid, shutdown).

started(Address, #state{group = #{name := Name} = Group}) ->
    Target = (maps:with([user, password, tls], Group))#{address => Address},
    {ok, Pid} = eslaver_sentinel_member:start_link(Name, Target),
    #member{pid = Pid}.

voted(Address, News, #state{members = Members, vote = Vote} = State) ->
    Now = eslaver_clock:now_ms(),
    Keys = [key(One, Member) || {One, Member} <- maps:to_list(Members)],
    Known = eslaver_sentinel_vote:known(lists:usort(Keys), Now, Vote),
    Next =
        case {Members, News} of
            {#{Address := Member}, {said, _, #{master := Master, epoch := Epoch}}} ->
                eslaver_sentinel_vote:said(key(Address, Member), {Master, Epoch}, Now, Known);
            {#{Address := Member}, {failed, _}} ->
                eslaver_sentinel_vote:silent(key(Address, Member), Now, Known);
            _ ->
                Known
        end,
    State#state{vote = Next}.

%% A Sentinel that is known by two addresses has one voice.
key(Address, #member{id = undefined}) -> Address;
key(_Address, #member{id = Id}) -> Id.

address(Pid, #state{members = Members}) ->
    case [Address || {Address, #member{pid = One}} <- maps:to_list(Members), One =:= Pid] of
        [Address] -> {ok, Address};
        [] -> error
    end.

%% What users are told

told(#state{told = Told, users = Users} = State) ->
    View = view(State),
    case is_news(View, Told) of
        true -> ok = tell(maps:keys(Users), View, State);
        false -> ok
    end,
    answered(View, warned(View, State#state{told = View})).

is_news(_View, undefined) ->
    true;
is_news(#{decided := New, replicas := Up}, #{decided := Old, replicas := Before}) ->
    {New, Up} =/= {Old, Before}.

answered(#{decided := undefined, error := undefined}, State) ->
    State;
answered(View, #state{asking = Asking} = State) ->
    ok = tell(Asking, View, State),
    State#state{asking = []}.

tell(Refs, View, #state{users = Users}) ->
    _ = [User ! {eslaver_source, Ref, {view, View}} || Ref <- Refs, #{Ref := User} <- [Users]],
    ok.

view(#state{members = Members, vote = Vote} = State) ->
    case eslaver_sentinel_vote:decided(Vote) of
        undefined ->
            #{decided => undefined, replicas => [], nodes => any, error => failure(State)};
        {Master, _} = Decided ->
            Agreeing = eslaver_sentinel_vote:agreeing(Vote),
            Up = [
                Replicas
             || {Address, #member{news = {said, _, #{replicas := Replicas}}} = Member} <-
                    maps:to_list(Members),
                lists:member(key(Address, Member), Agreeing)
            ],
            Replicas = lists:usort(lists:append(Up)) -- [Master],
            #{decided => Decided, replicas => Replicas, nodes => any, error => undefined}
    end.

%% Why no Sentinel names a master: the reason that helps most, and what each says.
failure(#state{members = Members}) ->
    All = [News || {_, #member{news = News}} <- lists:sort(maps:to_list(Members))],
    case [Error || {failed, Error} <- All] of
        Errors when length(Errors) =:= length(All) ->
            {_, Reason} = lists:min([{rank(Reason), Reason} || {Reason, _} <- Errors]),
            Texts = lists:join("; ", [Text || {_, Text} <- Errors]),
            {Reason, unicode:characters_to_binary(Texts)};
        _ ->
            undefined
    end.

rank(Reason) ->
    Mistakes = [sentinel_unknown_master, sentinel_auth, not_a_sentinel, sentinel_refused],
    case lists:splitwith(fun(One) -> One =/= Reason end, Mistakes) of
        {Before, [_ | _]} -> length(Before);
        {All, []} -> length(All) + 1
    end.

%% A mistake in what some Sentinels are told, or in what they know: without a decision, users learn
%% of it as the reason.
warned(#{decided := undefined}, State) ->
    State;
warned(_View, #state{members = Members, group = Group} = State) ->
    State#state{members = maps:map(fun(_, Member) -> warned_of(Member, Group) end, Members)}.

warned_of(#member{news = {failed, {Reason, Text}}, warned = Warned} = Member, Group) when
    Reason =/= sentinel_unreachable, Reason =/= Warned
->
    #{name := Name} = Group,
    ok = eslaver_log:report(warning, sentinel_failed, #{
        replica => Name, master => Name, reason => Reason, text => Text
    }),
    Member#member{warned = Reason};
warned_of(Member, _Group) ->
    Member.
