%% @doc Calls that are answered once a server has the first snapshot, or a write, and are forgotten
%% when their caller has given up or ended. {@link await/3} runs in the caller, the rest in the
%% server, which passes requests on: calls and casts of the form `{eslaver_waiting, Request}'.
%%
%% While nobody waits for a write, progress costs a comparison. Of those who wait only the first in
%% the order of offsets is looked at.
%% @private
-module(eslaver_waiting).

-export([await/3]).
-export([new/0, call/4, cast/2, down/2, loaded/2, reached/2, next/1]).
-export_type([waiting/0, goal/0, reach/0, call/0, cast/0]).

-type goal() :: loaded | eslaver_token:write().

-type reach() :: {eslaver_position:safe() | undefined, eslaver_histories:histories()}.
%% Up to where the server has the writes, if it knows, and which histories it has known.

-record(call, {
    id :: reference(),
    from :: gen_server:from(),
    goal :: goal(),
    %% The offset that it waits for, if nothing else can be the answer.
    at :: undefined | non_neg_integer()
}).

-record(waiting, {
    %% Whether there has been a snapshot.
    loaded = false :: boolean(),
    calls = #{} :: #{Monitor :: reference() => #call{}},
    monitors = #{} :: #{Id :: reference() => Monitor :: reference()},
    %% Those that wait for an offset of this history, and the least of these.
    replid :: undefined | binary(),
    ordered = gb_sets:empty() :: gb_sets:set({non_neg_integer(), Monitor :: reference()}),
    next = infinity :: non_neg_integer() | infinity
}).

-opaque waiting() :: #waiting{}.

-opaque call() :: {await, reference(), goal()}.
-opaque cast() :: {give_up, reference()}.

%% @doc Waits for a server to have the first snapshot, or a write.
-spec await(eslaver_name:replica(), goal(), timeout()) ->
    ok | {error, timeout | diverged | which_shard}.
await(Server, Goal, Timeout) ->
    Id = make_ref(),
    try
        gen_server:call(Server, {?MODULE, {await, Id, Goal}}, Timeout)
    catch
        exit:{timeout, _} ->
            ok = gen_server:cast(Server, {?MODULE, {give_up, Id}}),
            {error, timeout}
    end.

%% @doc No calls yet.
-spec new() -> waiting().
new() ->
    #waiting{}.

%% @doc Adds a call, or answers it.
-spec call(call(), gen_server:from(), reach(), waiting()) -> waiting().
call({await, Id, Goal}, {Pid, _} = From, Reach, Waiting) ->
    Call = #call{id = Id, from = From, goal = goal(Goal, Reach)},
    #waiting{calls = Calls, monitors = Monitors} = In = within(Reach, Waiting),
    case state(Call, Reach, In) of
        {answer, Answer} ->
            ok = gen_server:reply(From, Answer),
            In;
        State ->
            Monitor = monitor(process, Pid),
            Added = In#waiting{
                calls = Calls#{Monitor => Call}, monitors = Monitors#{Id => Monitor}
            },
            ordered(State, Monitor, Call, Added)
    end.

within({Place, _}, #waiting{replid = undefined} = Waiting) ->
    Waiting#waiting{replid = replid(Place)};
within(_Reach, Waiting) ->
    Waiting.

%% @doc Removes the call of a caller that has given up.
-spec cast(cast(), waiting()) -> waiting().
cast({give_up, Id}, #waiting{monitors = Monitors} = Waiting) when is_map_key(Id, Monitors) ->
    #{Id := Monitor} = Monitors,
    removed(Monitor, Waiting);
cast({give_up, _Id}, Waiting) ->
    Waiting.

%% @doc Removes the call of a caller that has ended, if the monitor is that of one.
-spec down(reference(), waiting()) -> waiting().
down(Monitor, #waiting{calls = Calls} = Waiting) when is_map_key(Monitor, Calls) ->
    removed(Monitor, Waiting);
down(_Monitor, Waiting) ->
    Waiting.

removed(Monitor, #waiting{calls = Calls, monitors = Monitors, ordered = Ordered} = Waiting) ->
    true = demonitor(Monitor, [flush]),
    {#call{id = Id, at = At}, Rest} = maps:take(Monitor, Calls),
    with_next(Waiting#waiting{
        calls = Rest,
        monitors = maps:remove(Id, Monitors),
        ordered = gb_sets:delete_any({At, Monitor}, Ordered)
    }).

%% @doc There is a snapshot, or the stream goes on: the history and the position may be others.
-spec loaded(reach(), waiting()) -> waiting().
loaded({Place, _} = Reach, #waiting{calls = Calls} = Waiting) ->
    Unordered = Waiting#waiting{
        loaded = true, replid = replid(Place), ordered = gb_sets:empty(), next = infinity
    },
    maps:fold(
        fun(Monitor, #call{goal = Goal} = Before, Acc) ->
            Call = Before#call{goal = goal(Goal, Reach), at = undefined},
            case state(Call, Reach, Acc) of
                {answer, Answer} -> answered(Answer, Monitor, Acc);
                State -> ordered(State, Monitor, Call, Acc)
            end
        end,
        Unordered,
        Calls
    ).

replid(#{replid := Replid}) -> Replid;
replid(undefined) -> undefined.

%% @doc The server has all writes up to this offset of the history that it follows.
-spec reached(non_neg_integer() | undefined, waiting()) -> waiting().
reached(Offset, #waiting{next = Next} = Waiting) when
    is_integer(Next), is_integer(Offset), Offset >= Next
->
    {Next, Monitor} = gb_sets:smallest(Waiting#waiting.ordered),
    reached(Offset, answered(ok, Monitor, Waiting));
reached(_Offset, Waiting) ->
    Waiting.

%% @doc What is waited for next: an offset of this history.
-spec next(waiting()) -> {Replid :: binary(), non_neg_integer()} | none.
next(#waiting{next = infinity}) -> none;
next(#waiting{replid = Replid, next = Offset}) -> {Replid, Offset}.

%% A write of the history that is followed now, or of the next one if there is none.
goal({any, Offset}, {#{replid := Replid}, _Histories}) -> {Replid, Offset};
goal(Goal, _Reach) -> Goal.

%% What a call can be answered, or the offset that it waits for. Of a place in another history than
%% the last one the news has yet to come.
state(#call{goal = loaded}, _Reach, #waiting{loaded = true}) ->
    {answer, ok};
state(
    #call{goal = {Replid, Offset}}, {#{replid := In} = Place, Histories}, #waiting{replid = In}
) when is_binary(Replid) ->
    case {eslaver_histories:find({Replid, Offset}, In, Histories), Place} of
        {shared, #{offset := Has}} when Has >= Offset -> {answer, ok};
        {shared, _} -> {at, Offset};
        {diverged, _} -> {answer, {error, diverged}};
        {unknown, _} -> waits
    end;
state(_Call, _Reach, _Waiting) ->
    waits.

ordered({at, Offset}, Monitor, Call, #waiting{calls = Calls, ordered = Ordered} = Waiting) ->
    with_next(Waiting#waiting{
        calls = Calls#{Monitor := Call#call{at = Offset}},
        ordered = gb_sets:add({Offset, Monitor}, Ordered)
    });
ordered(waits, Monitor, Call, #waiting{calls = Calls} = Waiting) ->
    Waiting#waiting{calls = Calls#{Monitor := Call}}.

answered(Answer, Monitor, #waiting{calls = Calls} = Waiting) ->
    #{Monitor := #call{from = From}} = Calls,
    ok = gen_server:reply(From, Answer),
    removed(Monitor, Waiting).

with_next(#waiting{ordered = Ordered} = Waiting) ->
    case gb_sets:is_empty(Ordered) of
        true -> Waiting#waiting{next = infinity};
        false -> Waiting#waiting{next = element(1, gb_sets:smallest(Ordered))}
    end.
