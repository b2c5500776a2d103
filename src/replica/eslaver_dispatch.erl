%% @doc Gives events to the callback, a stride at a time, so that {@link eslaver_server} can look at
%% its mailbox and tell the master how far it has come, however slow the callback is.
%%
%% A stride is one event at first, and grows while the callback is quick: then looking at the clock
%% costs next to nothing.
%% @private
-module(eslaver_dispatch).

-export([new/4, all/2, run/2, hear/2, answer/3, demand/2, is_monitor/2, close/2, hand/1]).
-export_type([dispatch/0, failure/0, ended/0, settings/0]).

%% A stride is doubled while it takes less than the first time, and a turn ends after the second.
%% Both in microseconds.
-define(QUICK, 100).
-define(TURN, 10000).
-define(LONGEST, 4).

-record(dispatch, {
    callback :: eslaver_callback:callback(),
    stride = 1 :: pos_integer(),
    telemetry :: none | eslaver_telemetry:telemetry(),
    skips :: eslaver_skips:skips(),
    %% Whether failures may show keys and values.
    log_data :: boolean(),
    last = eslaver_in_hand:none() :: eslaver_in_hand:last(),
    hand = eslaver_in_hand:new() :: eslaver_in_hand:hand(),
    %% With telemetry: the batch in hand, its events that are handled, and the time they took.
    span = none :: none | eslaver_telemetry:span(),
    handled = 0 :: non_neg_integer(),
    spent = 0 :: non_neg_integer()
}).

-opaque dispatch() :: #dispatch{}.

-type failure() :: #{
    event := binary(), class := throw | error | exit, reason := term(), stacktrace := list()
}.
%% What a callback raised, and the event, shortened, or the name of the handler's function.

-type settings() :: #{
    callback := undefined | eslaver_callback:spec(),
    mailbox_limit := pos_integer() | infinity,
    on_error := eslaver_skips:spec(),
    log_data := boolean(),
    atom() => term()
}.
%% Options of a replica.

-type ended() :: {stop, term(), Count :: non_neg_integer(), dispatch()} | {failed, failure()}.
%% No more events: the callback wants to end behind `Count', or has raised.

%% @doc Whether a monitor is the one of the callback's process.
-spec is_monitor(reference(), dispatch()) -> boolean().
is_monitor(Monitor, #dispatch{callback = Callback}) ->
    eslaver_callback:is_monitor(Monitor, Callback).

%% @doc To the callback of these options, with what a handler is told, and what a replica is called.
-spec new(settings(), eslaver_shard:context(), Label :: term(), Telemetry) ->
    {ok, dispatch()} | {stop, term()}
when
    Telemetry :: none | eslaver_telemetry:telemetry().
new(#{callback := undefined} = Settings, Context, Label, Telemetry) when Telemetry =/= none ->
    %% a mirror without a callback: there are no calls to report
    new(Settings, Context, Label, none);
new(Settings, Context, Label, Telemetry) ->
    #{callback := Spec, mailbox_limit := Limit, on_error := OnError, log_data := Data} = Settings,
    case eslaver_callback:new(Spec, Limit, Context) of
        {ok, Callback} ->
            Skips = eslaver_skips:new(OnError, Label, Telemetry),
            {ok, #dispatch{
                callback = Callback, telemetry = Telemetry, skips = Skips, log_data = Data
            }};
        {raised, Class, Reason, Stack} ->
            %% there are no keys or values yet
            {stop, {callback_failed, failure(init, {Class, Reason, Stack}, true)}};
        Stop ->
            Stop
    end.

%% @doc The callback's process will take `More' events more.
-spec demand(pos_integer(), dispatch()) -> {ok, dispatch()} | {error, no_demand}.
demand(More, #dispatch{callback = Callback} = Dispatch) ->
    case eslaver_callback:demand(More, Callback) of
        {ok, Next} -> {ok, Dispatch#dispatch{callback = Next}};
        Error -> Error
    end.

%% @doc The replica ends in an orderly way.
-spec close(term(), dispatch()) -> ok | {failed, failure()}.
close(Why, #dispatch{callback = Callback} = Dispatch) ->
    case eslaver_callback:close(Why, Callback) of
        ok -> ok;
        Raised -> failed(terminate, Raised, Dispatch#dispatch{span = none})
    end.

%% @doc Gives it all these events, and then perhaps a pause.
-spec all([term()], dispatch()) -> {done | {pause, timeout()}, dispatch()} | ended().
all([], Dispatch) ->
    {done, Dispatch};
all(Events, Dispatch) ->
    put_down(spanned(Events, begun(Dispatch)), Dispatch).

spanned(Events, Dispatch) ->
    Start = erlang:monotonic_time(),
    case all(Events, done, Dispatch) of
        {failed, _} = Failed ->
            Failed;
        {stop, Reason, Count, Next} ->
            {stop, Reason, Count, measured(length(Events), since(Start), Next)};
        {Then, Next} ->
            {Then, measured(length(Events), since(Start), Next)}
    end.

%% The callback has nothing in hand any more.
put_down(Result, #dispatch{hand = Hand}) ->
    ok = eslaver_in_hand:done(Hand),
    Result.

all([], Then, Dispatch) ->
    {Then, Dispatch};
all([Event | Events], Then, #dispatch{hand = Hand} = Dispatch) ->
    ok = eslaver_in_hand:begins(now_us(), Hand),
    case give(Event, Dispatch) of
        {ok, Next} -> all(Events, Then, Next);
        {{pause, _} = Pause, Next} -> all(Events, Pause, Next);
        {{stop, Reason}, Next} -> {stop, Reason, 0, Next};
        Failed -> Failed
    end.

%% An event, to a callback that may take lists of them.
give(Event, #dispatch{callback = Callback} = Dispatch) ->
    case eslaver_callback:takes_batches(Callback) of
        true -> one([Event], Dispatch);
        false -> one(Event, Dispatch)
    end.

one(Event, #dispatch{hand = Hand, last = Last} = Dispatch) ->
    case eslaver_in_hand:takes(Event, Last, Hand) of
        Last -> handle(Event, Dispatch);
        Next -> handle(Event, Dispatch#dispatch{last = Next})
    end.

handle(Event, #dispatch{callback = Callback} = Dispatch) ->
    case eslaver_callback:handle(Event, Callback) of
        ok -> {ok, Dispatch};
        {raised, _, _, _} = Raised -> skipped(Event, Raised, Dispatch);
        {Then, Next} -> {Then, Dispatch#dispatch{callback = Next}}
    end.

skipped(Event, Raised, #dispatch{skips = Skips, hand = Hand} = Dispatch) ->
    case eslaver_skips:add(Event, Raised, Skips) of
        {ok, Next} ->
            ok = eslaver_in_hand:skipped(eslaver_skips:count(Next), Hand),
            {ok, Dispatch#dispatch{skips = Next}};
        Again ->
            failed(Event, Again, Dispatch)
    end.

failed(What, {raised, Class, Reason, Stack}, Dispatch) ->
    #dispatch{telemetry = Telemetry, span = Span, log_data = Data} = Dispatch,
    Failure = failure(What, {Class, Reason, Stack}, Data),
    ok = eslaver_telemetry:callback_raises(Span, Failure, Telemetry),
    {failed, Failure}.

%% @doc Gives it a message of another process, out of turn.
-spec hear(term(), dispatch()) ->
    {done | continue | {pause, timeout()}, dispatch()} | ended().
hear(Message, #dispatch{callback = Callback} = Dispatch) ->
    Busy = picked_up(message, Dispatch),
    put_down(heard(handle_info, eslaver_callback:hear(Message, Callback), Busy), Dispatch).

picked_up(What, #dispatch{hand = Hand, last = Last} = Dispatch) ->
    ok = eslaver_in_hand:begins(now_us(), Hand),
    Dispatch#dispatch{last = eslaver_in_hand:takes(What, Last, Hand)}.

%% @doc Has it answer a call, out of turn.
-spec answer(term(), gen_server:from(), dispatch()) ->
    {done | continue | {pause, timeout()}, dispatch()} | ended().
answer(Request, From, #dispatch{callback = Callback} = Dispatch) ->
    Busy = picked_up(call, Dispatch),
    Answer = eslaver_callback:answer(Request, From, Callback),
    put_down(heard(handle_call, Answer, Busy), Dispatch).

%% The message may have keys and values, so a failure names the function instead.
heard(_Function, ok, Dispatch) ->
    {done, Dispatch};
heard(Function, {raised, _, _, _} = Raised, Dispatch) ->
    failed(Function, Raised, Dispatch#dispatch{span = none});
heard(_Function, {Then, Callback}, Dispatch) ->
    Next = Dispatch#dispatch{callback = Callback},
    case Then of
        ok -> {done, Next};
        {stop, Reason} -> {stop, Reason, 0, Next};
        _ -> {Then, Next}
    end.

%% @doc What the callback has in hand, and how many events have been skipped.
-spec hand(dispatch()) -> eslaver_in_hand:hand().
hand(#dispatch{hand = Hand}) -> Hand.

%% @doc Gives it events until they end (`done'), the turn does (`turn'), its process has too many
%% messages (`held'), or it wants a pause; then with those that are left, and the number of those
%% that are not.
-spec run([term(), ...], dispatch()) ->
    {done, dispatch()}
    | {turn | held | {pause, timeout()}, Left :: [term()], Count :: pos_integer() | 0, dispatch()}
    | ended().
run(Events, Dispatch) ->
    put_down(measured(Events, begun(Dispatch)), Dispatch).

measured(Events, #dispatch{telemetry = none} = Dispatch) ->
    turn(Events, Dispatch);
measured(Events, #dispatch{handled = Before, spent = Spent} = Dispatch) ->
    Start = erlang:monotonic_time(),
    Result = turn(Events, Dispatch),
    Time = Spent + since(Start),
    case Result of
        {done, Next} ->
            {done, measured(Before + length(Events), Time, Next)};
        {stop, Reason, Count, Next} ->
            {stop, Reason, Count, measured(Before + Count, Time, Next)};
        {Why, [], Count, Next} ->
            {Why, [], Count, measured(Before + Count, Time, Next)};
        {Why, Left, Count, Next} ->
            {Why, Left, Count, Next#dispatch{handled = Before + Count, spent = Time}};
        {failed, _} = Failed ->
            Failed
    end.

%% A batch takes several turns.
begun(#dispatch{telemetry = Telemetry, span = none} = Dispatch) when Telemetry =/= none ->
    Dispatch#dispatch{span = eslaver_telemetry:callback_starts(Telemetry)};
begun(Dispatch) ->
    Dispatch.

measured(_Events, _Time, #dispatch{telemetry = none} = Dispatch) ->
    Dispatch;
measured(Events, Time, #dispatch{telemetry = Telemetry, span = Span} = Dispatch) ->
    ok = eslaver_telemetry:callback_stops(Span, #{events => Events, duration => Time}, Telemetry),
    Dispatch#dispatch{span = none, handled = 0, spent = 0}.

since(Start) -> erlang:monotonic_time() - Start.

turn(Events, #dispatch{callback = Callback} = Dispatch) ->
    case eslaver_callback:takes_batches(Callback) of
        true -> batch(Events, Dispatch);
        false -> run(Events, 0, now_us(), Dispatch)
    end.

batch(Events, #dispatch{hand = Hand} = Dispatch) ->
    ok = eslaver_in_hand:begins(now_us(), Hand),
    case one(Events, Dispatch) of
        {ok, Next} -> {done, Next};
        {{pause, _} = Pause, Next} -> {Pause, [], length(Events), Next};
        {{stop, Reason}, Next} -> {stop, Reason, length(Events), Next};
        Failed -> Failed
    end.

run(Events, Count, Now, Dispatch) ->
    run(Events, Count, Now, Now + ?TURN, Dispatch).

run([], _Count, _Now, _End, Dispatch) ->
    {done, Dispatch};
run(Events, Count, Now, End, Dispatch) when Now >= End ->
    {turn, Events, Count, Dispatch};
run(Events, Count, Now, End, #dispatch{callback = Callback, stride = Stride} = Dispatch) ->
    case eslaver_callback:readiness(Callback) of
        held ->
            {held, Events, Count, Dispatch};
        passive ->
            {{pause, infinity}, Events, Count, Dispatch};
        ready ->
            ok = eslaver_in_hand:begins(Now, Dispatch#dispatch.hand),
            case stride(Events, Stride, Count, Dispatch) of
                {ok, Left, Done, Next} ->
                    After = now_us(),
                    Longer = Next#dispatch{stride = next(After - Now, Stride)},
                    run(Left, Done, After, End, Longer);
                Other ->
                    Other
            end
    end.

stride([Event | Left], Stride, Count, Dispatch) when Stride > 0 ->
    case one(Event, Dispatch) of
        {ok, Next} -> stride(Left, Stride - 1, Count + 1, Next);
        {{pause, _} = Pause, Next} -> {Pause, Left, Count + 1, Next};
        {{stop, Reason}, Next} -> {stop, Reason, Count + 1, Next};
        Failed -> Failed
    end;
stride(Left, _Stride, Count, Dispatch) ->
    {ok, Left, Count, Dispatch}.

next(Took, Stride) when Took < ?QUICK -> min(Stride * 2, ?LONGEST);
next(_Took, _Stride) -> 1.

now_us() ->
    erlang:monotonic_time(microsecond).

%% A badmatch or a function clause holds the event itself.
failure(Event, {Class, Reason, Stack}, Data) ->
    #{
        event => eslaver_shown:event(Event, Data),
        class => Class,
        reason => eslaver_shown:reason(Reason, Data),
        stacktrace => [without_arguments(Call) || Call <- Stack]
    }.

without_arguments({Module, Function, Arguments, Where}) when is_list(Arguments) ->
    {Module, Function, length(Arguments), Where};
without_arguments(Call) ->
    Call.
