%% @doc Callbacks: which terms are valid, how they are called, and whether they can take more
%% events.
%% @private
-module(eslaver_callback).

-export([check/1, is_exported/3, is_callable/2]).
-export([new/3, takes_batches/1, readiness/1, demand/2]).
-export([is_monitor/2, handle/2, hear/2, answer/3, close/2]).
-export([is_handler/1]).
-export_type([spec/0, callback/0, result/0, answered/0, raised/0]).

-type spec() :: eslaver_types:callback().
%% A callback as the user gives it. With `Args' the event is appended; a handler is a module of the
%% behaviour {@link eslaver_handler}; a process gets as many events as its demand, and more when it
%% asks; a registered name is looked up for each event; `[]' prints each event.

%% What a handler may return.
-define(RESULTS,
    "{ok, State}, {pause, State}, {pause, Milliseconds, State} or {stop, Reason, State}"
).
-define(OF_MESSAGES, "{continue, State}, " ?RESULTS).
-define(OF_CALLS, "{reply, Reply, State}, {stop, Reason, Reply, State}, " ?OF_MESSAGES).

-record(function, {call :: fun((term()) -> term())}).

-record(receiver, {
    process :: pid() | atom(),
    monitor :: undefined | reference(),
    %% The number of events that it still accepts.
    demand = infinity :: non_neg_integer() | infinity,
    %% At this number of messages in its mailbox it gets no more until it has caught up.
    limit :: pos_integer() | infinity
}).

-record(handler, {
    module :: module(),
    function :: handle_event | handle_batch,
    %% Whether it takes messages of other processes, and calls.
    hears :: boolean(),
    answers :: boolean(),
    state :: term()
}).

-opaque callback() :: #function{} | #receiver{} | #handler{} | none.

-type result() ::
    ok
    | {ok | {pause, timeout()} | {stop, term()}, callback()}
    | raised().
%% `ok' alone leaves the callback unchanged.

-type answered() :: result() | {continue, callback()}.
%% Messages and calls may also end a pause.

-type raised() :: {raised, throw | error | exit, Reason :: term(), Stack :: list()}.

%% @doc Whether a term is a valid callback.
-spec check(term()) -> boolean().
check(Fun) when is_function(Fun) ->
    is_callable(Fun, 1);
check({handler, Module, _Args}) ->
    is_handler(Module);
check({Pid, #{demand := Demand} = More}) ->
    is_pid(Pid) andalso is_integer(Demand) andalso Demand >= 0 andalso map_size(More) =:= 1;
check({M, F}) ->
    is_exported(M, F, 1);
check({M, F, A}) when length(A) < 255 ->
    is_exported(M, F, length(A) + 1);
check(undefined) ->
    false;
check(Name) when is_atom(Name) ->
    whereis(Name) =/= undefined orelse not is_handler(Name);
check(Other) ->
    is_pid(Other) orelse Other =:= [].

%% @doc Whether a module is a handler. A module alone, where `{handler, Module, Args}' is meant,
%% would otherwise count as the name of a process.
-spec is_handler(term()) -> boolean().
is_handler(Module) ->
    Inits = [is_exported(Module, init, Arity) || Arity <- [1, 2]],
    lists:member(true, Inits) andalso handles(Module) =/= nothing.

%% @doc Whether a module exports a function. Loads the module.
-spec is_exported(term(), term(), arity()) -> boolean().
is_exported(Module, Name, Arity) when is_atom(Module), is_atom(Name) ->
    _ = code:ensure_loaded(Module),
    erlang:function_exported(Module, Name, Arity);
is_exported(_Module, _Name, _Arity) ->
    false.

%% @doc Whether a fun takes this number of arguments. `fun Module:Name/Arity' may name a function
%% that is missing.
-spec is_callable(term(), arity()) -> boolean().
is_callable(Fun, Arity) when is_function(Fun, Arity) ->
    case erlang:fun_info(Fun, type) of
        {type, external} ->
            {module, Module} = erlang:fun_info(Fun, module),
            {name, Name} = erlang:fun_info(Fun, name),
            is_exported(Module, Name, Arity);
        {type, local} ->
            true
    end;
is_callable(_Fun, _Arity) ->
    false.

handles(Module) ->
    Exported = [
        Function
     || Function <- [handle_batch, handle_event], erlang:function_exported(Module, Function, 2)
    ],
    hd(Exported ++ [nothing]).

%% @doc Prepares a callback for use by the calling process, with a limit for a receiver's mailbox,
%% and what a handler is told. Without one, nobody gets the events.
-spec new(undefined | spec(), pos_integer() | infinity, eslaver_shard:context()) ->
    {ok, callback()} | {stop, term()} | raised().
new(undefined, _Limit, _Context) ->
    {ok, none};
new({handler, Module, Args}, _Limit, Context) ->
    handler(Module, Args, Context);
new({Pid, #{demand := Demand}}, Limit, Context) ->
    {ok, Receiver} = new(Pid, Limit, Context),
    {ok, Receiver#receiver{demand = Demand}};
new(Pid, Limit, _Context) when is_pid(Pid) ->
    {ok, #receiver{process = Pid, monitor = monitor(process, Pid), limit = Limit}};
new(Name, Limit, _Context) when is_atom(Name) ->
    {ok, #receiver{process = Name, limit = Limit}};
new(Fun, _Limit, _Context) when is_function(Fun, 1) ->
    {ok, #function{call = Fun}};
new({M, F}, _Limit, _Context) ->
    {ok, #function{call = fun M:F/1}};
new({M, F, A}, _Limit, _Context) ->
    {ok, #function{call = fun(Event) -> apply(M, F, A ++ [Event]) end}};
new([], _Limit, _Context) ->
    {ok, #function{call = fun(Event) -> io:format("eslaver -> ~p~n", [Event]) end}}.

handler(Module, Args, Context) ->
    Given =
        case is_exported(Module, init, 2) of
            true -> [Args, Context];
            false -> [Args]
        end,
    try apply(Module, init, Given) of
        {ok, State} ->
            {ok, #handler{
                module = Module,
                function = handles(Module),
                hears = is_exported(Module, handle_info, 2),
                answers = is_exported(Module, handle_call, 3),
                state = State
            }};
        {stop, Reason} ->
            {stop, Reason};
        Other ->
            Init = {Module, init, length(Given)},
            {stop, bad_return(Init, Other, "{ok, State} or {stop, Reason}")}
    catch
        Class:Reason:Stack -> {raised, Class, Reason, Stack}
    end.

%% @doc Whether it takes lists of events instead of single ones.
-spec takes_batches(callback()) -> boolean().
takes_batches(#handler{function = handle_batch}) -> true;
takes_batches(none) -> true;
takes_batches(_) -> false.

%% @doc Whether it takes an event now (`ready'), when its mailbox has fewer messages (`held'), or
%% when it has asked for more (`passive'). The distribution holds back receivers on other nodes.
-spec readiness(callback()) -> ready | held | passive.
readiness(#receiver{demand = 0}) ->
    passive;
readiness(#receiver{limit = infinity}) ->
    ready;
readiness(#receiver{process = Name, limit = Limit}) when is_atom(Name) ->
    fill(whereis(Name), Limit);
readiness(#receiver{process = Pid, limit = Limit}) ->
    fill(Pid, Limit);
readiness(_) ->
    ready.

fill(Pid, Limit) when is_pid(Pid), node(Pid) =:= node() ->
    case process_info(Pid, message_queue_len) of
        {message_queue_len, Length} when Length >= Limit -> held;
        _ -> ready
    end;
fill(_, _Limit) ->
    ready.

%% @doc Adds `More' to the demand of the receiver.
-spec demand(pos_integer(), callback()) -> {ok, callback()} | {error, no_demand}.
demand(More, #receiver{demand = Demand} = Receiver) when is_integer(Demand) ->
    {ok, Receiver#receiver{demand = Demand + More}};
demand(_More, _) ->
    {error, no_demand}.

%% @doc Whether a monitor is that of the callback's process; users' code may have its own.
-spec is_monitor(reference(), callback()) -> boolean().
is_monitor(Monitor, #receiver{monitor = Own}) -> Monitor =:= Own;
is_monitor(_Monitor, _) -> false.

%% @doc Calls it with one event, or with a list of events if it takes batches.
-spec handle(term(), callback()) -> result().
handle(_Event, none) ->
    ok;
handle(Event, #function{call = Call}) ->
    try Call(Event) of
        _ -> ok
    catch
        Class:Reason:Stack -> {raised, Class, Reason, Stack}
    end;
handle(Event, #receiver{process = Process, demand = Demand} = Receiver) ->
    try Process ! Event of
        _ -> sent(Demand, Receiver)
    catch
        Class:Reason:Stack -> {raised, Class, Reason, Stack}
    end;
handle(Event, #handler{module = Module, function = Function, state = State} = Handler) ->
    try Module:Function(Event, State) of
        {ok, State} -> ok;
        Result -> result(Result, {Module, Function, 2}, ?RESULTS, Handler)
    catch
        Class:Reason:Stack -> {raised, Class, Reason, Stack}
    end.

%% @doc Gives it a message that is for no other part of the replica.
-spec hear(term(), callback()) -> answered().
hear(Message, #handler{module = Module, hears = true, state = State} = Handler) ->
    try
        answered(Module:handle_info(Message, State), handle_info, 2, ?OF_MESSAGES, Handler)
    catch
        Class:Reason:Stack -> {raised, Class, Reason, Stack}
    end;
hear(_Message, _Other) ->
    ok.

%% @doc Has it answer a call, now or later.
-spec answer(term(), gen_server:from(), callback()) -> answered().
answer(Request, From, #handler{module = Module, answers = true, state = State} = Handler) ->
    try Module:handle_call(Request, From, State) of
        {reply, Reply, New} ->
            gen_server:reply(From, Reply),
            {ok, Handler#handler{state = New}};
        {stop, Reason, Reply, New} ->
            gen_server:reply(From, Reply),
            {{stop, Reason}, Handler#handler{state = New}};
        Result ->
            answered(Result, handle_call, 3, ?OF_CALLS, Handler)
    catch
        Class:Reason:Stack -> {raised, Class, Reason, Stack}
    end;
answer(_Request, From, _Other) ->
    gen_server:reply(From, {error, no_handle_call}),
    ok.

answered({continue, New}, _Name, _Arity, _Expected, Handler) ->
    {continue, Handler#handler{state = New}};
answered(Result, Name, Arity, Expected, #handler{module = Module} = Handler) ->
    result(Result, {Module, Name, Arity}, Expected, Handler).

result({ok, New}, _Function, _Expected, Handler) ->
    {ok, Handler#handler{state = New}};
result({pause, New}, _Function, _Expected, Handler) ->
    {{pause, infinity}, Handler#handler{state = New}};
result({pause, Time, New}, _Function, _Expected, Handler) when is_integer(Time), Time >= 0 ->
    {{pause, Time}, Handler#handler{state = New}};
result({stop, Reason, New}, _Function, _Expected, Handler) ->
    {{stop, Reason}, Handler#handler{state = New}};
result(Other, Function, Expected, _Handler) ->
    {raised, error, bad_return(Function, Other, Expected), []}.

%% As with `{active, N}' of gen_tcp, the receiver gets a message when its demand is used up. News of
%% the link, such as a snapshot's end, may exceed the demand.
sent(infinity, _Receiver) ->
    ok;
sent(Demand, Receiver) when Demand > 1 ->
    {ok, Receiver#receiver{demand = Demand - 1}};
sent(_Demand, #receiver{process = Process} = Receiver) ->
    Process ! {eslaver_passive, self()},
    {{pause, infinity}, Receiver#receiver{demand = 0}}.

bad_return(Function, Returned, Expected) ->
    {bad_return, #{function => Function, returned => Returned, expected => Expected}}.

%% @doc Ends it when the replica stops.
-spec close(term(), callback()) -> ok | raised().
close(Why, #handler{module = Module, state = State}) ->
    try
        _ = erlang:function_exported(Module, terminate, 2) andalso Module:terminate(Why, State),
        ok
    catch
        Class:Reason:Stack -> {raised, Class, Reason, Stack}
    end;
close(_Reason, _) ->
    ok.
