%% @doc Calls to a cluster that its shards answer: a question to all of them, whose answers are put
%% together, and waits for what one of them or all of them will have.
%%
%% The caller's call is answered later; the cluster's process passes on all messages that it does
%% not know to {@link handle/2}.
%% @private
-module(eslaver_cluster_calls).

-export([new/0, gather/5, await/4, shard_started/3, shard_gone/2]).
-export([give_up/2, handle/2, timeout/2, followed/3]).
-export_type([calls/0]).

%% How long answers are waited for, in ms.
-define(PATIENCE, 1000).

-type name() :: eslaver_cluster_topology:name().
-type answers() :: #{name() => term()}.

-record(gathering, {
    missing :: [name()],
    answers = #{} :: answers(),
    done :: fun((answers()) -> term())
}).

-record(waiting, {
    from :: gen_server:from(),
    goal :: eslaver_waiting:goal(),
    monitor :: reference()
}).

-record(calls, {
    gatherings = #{} :: #{reference() => #gathering{}},
    waiting = #{} :: #{Id :: reference() => #waiting{}},
    requests = gen_server:reqids_new() :: gen_server:request_id_collection(),
    %% The shards that are followed, and whether more may be found.
    followed = [] :: [name()],
    complete = false :: boolean(),
    %% The shards that have had a snapshot.
    loaded = #{} :: #{name() => true | (Asked :: pid())}
}).

-opaque calls() :: #calls{}.

%% @doc No calls.
-spec new() -> calls().
new() -> #calls{}.

%% @doc Asks all these processes the same, and hands their answers to `Done' when they are there, or
%% those that are after a second.
-spec gather(term(), #{name() => pid()}, Extra :: answers(), fun((answers()) -> term()), calls()) ->
    calls().
gather(Request, Shards, Extra, Done, #calls{} = Calls) ->
    Id = erlang:start_timer(?PATIENCE, self(), ?MODULE),
    Asked = maps:fold(
        fun(Name, Pid, Acc) -> gen_server:send_request(Pid, Request, {Id, Name}, Acc) end,
        Calls#calls.requests,
        Shards
    ),
    Gathering = #gathering{missing = maps:keys(Shards), answers = Extra, done = Done},
    gathered(Id, Gathering, Calls#calls{requests = Asked}).

gathered(Id, #gathering{missing = [], answers = Answers, done = Done}, Calls) ->
    _ = erlang:cancel_timer(Id),
    _ = Done(Answers),
    Calls#calls{gatherings = maps:remove(Id, Calls#calls.gatherings)};
gathered(Id, Gathering, #calls{gatherings = Gatherings} = Calls) ->
    Calls#calls{gatherings = Gatherings#{Id => Gathering}}.

%% @doc The time for answers is over.
-spec timeout(reference(), calls()) -> calls().
timeout(Id, #calls{gatherings = Gatherings} = Calls) ->
    case Gatherings of
        #{Id := Gathering} -> gathered(Id, Gathering#gathering{missing = []}, Calls);
        #{} -> Calls
    end.

%% @doc Waits until all shards have the first snapshot, or one of them a write.
-spec await({await, reference(), eslaver_waiting:goal()}, gen_server:from(), Shards, calls()) ->
    calls()
when
    Shards :: #{name() => pid()}.
await({await, Id, Goal}, {Caller, _} = From, Shards, #calls{waiting = Waiting} = Calls) ->
    Wait = #waiting{from = From, goal = Goal, monitor = monitor(process, Caller)},
    Added = Calls#calls{waiting = Waiting#{Id => Wait}},
    case Goal of
        loaded -> loaded(Id, Added);
        _ -> maps:fold(fun(Name, Pid, Acc) -> ask(Id, Goal, Name, Pid, Acc) end, Added, Shards)
    end.

ask(Id, Goal, Name, Pid, Calls) ->
    request({await, Id, Goal}, Pid, {Id, Name}, Calls).

request(Request, Pid, Label, #calls{requests = Requests} = Calls) ->
    Sent = gen_server:send_request(Pid, {eslaver_waiting, Request}, Label, Requests),
    Calls#calls{requests = Sent}.

%% @doc A shard's process has been started, perhaps anew.
-spec shard_started(name(), pid(), calls()) -> calls().
shard_started(Name, Pid, #calls{waiting = Waiting, loaded = Loaded} = Calls) ->
    %% what an earlier process had is gone
    Marked = Calls#calls{loaded = Loaded#{Name => Pid}},
    Asked = request({await, make_ref(), loaded}, Pid, {{loaded, Pid}, Name}, Marked),
    Goals = maps:filter(fun(_, #waiting{goal = Goal}) -> Goal =/= loaded end, Waiting),
    maps:fold(
        fun(Id, #waiting{goal = Goal}, Acc) -> ask(Id, Goal, Name, Pid, Acc) end, Asked, Goals
    ).

%% @doc A shard is followed no longer.
-spec shard_gone(name(), calls()) -> calls().
shard_gone(Name, #calls{loaded = Loaded} = Calls) ->
    Calls#calls{loaded = maps:remove(Name, Loaded)}.

%% @doc These shards are followed, and whether these are all: before that nothing is loaded.
-spec followed([name()], Complete :: boolean(), calls()) -> calls().
followed(Names, Complete, #calls{followed = Names, complete = Complete} = Calls) ->
    Calls;
followed(Names, Complete, Calls) ->
    all_loaded(Calls#calls{followed = Names, complete = Complete}).

all_loaded(#calls{waiting = Waiting} = Calls) ->
    lists:foldl(fun loaded/2, Calls, maps:keys(Waiting)).

loaded(Id, #calls{waiting = Waiting} = Calls) ->
    case {Waiting, is_loaded(Calls)} of
        {#{Id := #waiting{goal = loaded}}, true} -> answer(Id, ok, Calls);
        _ -> Calls
    end.

is_loaded(#calls{followed = Followed, complete = Complete, loaded = Loaded}) ->
    Complete andalso lists:all(fun(Name) -> maps:get(Name, Loaded, false) =:= true end, Followed).

answer(Id, Answer, #calls{waiting = Waiting} = Calls) ->
    {#waiting{from = From, monitor = Monitor}, Rest} = maps:take(Id, Waiting),
    true = demonitor(Monitor, [flush]),
    ok = gen_server:reply(From, Answer),
    Calls#calls{waiting = Rest}.

%% @doc A caller has given up, or ended (by its monitor). The shards' processes forget it by
%% themselves when the cluster's process ends, or here.
-spec give_up(reference(), calls()) -> {[reference()], calls()}.
give_up(Id, #calls{waiting = Waiting} = Calls) when is_map_key(Id, Waiting) ->
    {#waiting{monitor = Monitor}, Rest} = maps:take(Id, Waiting),
    true = demonitor(Monitor, [flush]),
    {[Id], Calls#calls{waiting = Rest}};
give_up(Monitor, #calls{waiting = Waiting} = Calls) ->
    case [Id || {Id, #waiting{monitor = One}} <- maps:to_list(Waiting), One =:= Monitor] of
        [Id] -> give_up(Id, Calls);
        [] -> {[], Calls}
    end.

%% @doc Reads a message of the process' mailbox, perhaps one for another. Also tells whose waits the
%% other shards may forget.
-spec handle(term(), calls()) -> {handled, [reference()], calls()} | other.
handle(Message, #calls{requests = Requests} = Calls) ->
    case gen_server:check_response(Message, Requests, true) of
        {Response, {Id, Name}, Left} ->
            {Forget, Next} = response(Response, Id, Name, Calls#calls{requests = Left}),
            {handled, Forget, Next};
        _ ->
            other
    end.

response({reply, ok}, {loaded, Pid}, Name, #calls{loaded = Loaded} = Calls) ->
    case Loaded of
        #{Name := Pid} -> {[], all_loaded(Calls#calls{loaded = Loaded#{Name := true}})};
        #{} -> {[], Calls}
    end;
response(Response, Id, Name, #calls{gatherings = Gatherings, waiting = Waiting} = Calls) ->
    case {Gatherings, Waiting, Response} of
        {#{Id := Gathering}, _, _} ->
            {[], gathered(Id, with(Response, Name, Gathering), Calls)};
        {_, #{Id := _}, {reply, Answer}} ->
            {[Id], answer(Id, Answer, Calls)};
        %% a process has ended, and is started anew
        _ ->
            {[], Calls}
    end.

with({reply, Answer}, Name, #gathering{missing = Missing, answers = Answers} = Gathering) ->
    Gathering#gathering{missing = lists:delete(Name, Missing), answers = Answers#{Name => Answer}};
with({error, _}, Name, #gathering{missing = Missing} = Gathering) ->
    Gathering#gathering{missing = lists:delete(Name, Missing)}.
