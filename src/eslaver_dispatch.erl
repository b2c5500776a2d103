%% @doc Gives events to the callback, a stride at a time, so that {@link eslaver_server} can look at
%% its mailbox and tell the master how far it has come, however slow the callback is.
%%
%% A stride is one event at first, and grows while the callback is quick: then looking at the clock
%% costs next to nothing.
%% @private
-module(eslaver_dispatch).

-export([new/1, all/2, run/2, is_monitor/2]).
-export_type([dispatch/0, failure/0]).

%% A stride is doubled while it takes less than the first time, and a turn ends after the second.
%% Both in microseconds.
-define(QUICK, 100).
-define(TURN, 10000).
-define(LONGEST, 4).
%% What a report shows of an event, in characters, and how large a reason may be, in bytes.
-define(SHOWN, 500).
-define(LARGE, 2000).

-record(dispatch, {
    callback :: eslaver_callback:callback(),
    stride = 1 :: pos_integer()
}).

-opaque dispatch() :: #dispatch{}.

-type failure() :: #{
    event := binary(), class := throw | error | exit, reason := term(), stacktrace := list()
}.
%% What a callback raised, and the event, shortened.

%% @doc Whether a monitor is the one of the callback's process.
-spec is_monitor(reference(), dispatch()) -> boolean().
is_monitor(Monitor, #dispatch{callback = Callback}) ->
    eslaver_callback:is_monitor(Monitor, Callback).

-spec new(eslaver_callback:spec()) -> dispatch().
new(Callback) ->
    #dispatch{callback = eslaver_callback:new(Callback)}.

%% @doc Gives it all these events.
-spec all([term()], dispatch()) -> ok | {failed, failure()}.
all([], _Dispatch) ->
    ok;
all([Event | Events], Dispatch) ->
    case one(Event, Dispatch) of
        ok -> all(Events, Dispatch);
        Failed -> Failed
    end.

one(Event, #dispatch{callback = Callback}) ->
    case eslaver_callback:handle(Callback, Event) of
        ok -> ok;
        {raised, Class, Reason, Stack} -> {failed, failure(Event, Class, Reason, Stack)}
    end.

%% @doc Gives it events until they end (`done'), the turn does (`turn'), or its process has too many
%% messages (`held'); then with those that are left, and the number of those that are not.
-spec run([term()], dispatch()) ->
    {done, dispatch()}
    | {turn | held, Left :: [term()], Count :: non_neg_integer(), dispatch()}
    | {failed, failure()}.
run(Events, Dispatch) ->
    Now = now_us(),
    run(Events, 0, Now, Now + ?TURN, Dispatch).

run([], _Count, _Now, _End, Dispatch) ->
    {done, Dispatch};
run(Events, Count, Now, End, Dispatch) when Now >= End ->
    {turn, Events, Count, Dispatch};
run(Events, Count, Now, End, #dispatch{callback = Callback, stride = Stride} = Dispatch) ->
    case eslaver_callback:is_ready(Callback) andalso stride(Events, Stride, Dispatch) of
        false ->
            {held, Events, Count, Dispatch};
        {ok, Left} ->
            After = now_us(),
            Next = Dispatch#dispatch{stride = next(After - Now, Stride)},
            run(Left, Count + Stride, After, End, Next);
        Failed ->
            Failed
    end.

stride(Left, 0, _Dispatch) ->
    {ok, Left};
stride([], _Stride, _Dispatch) ->
    {ok, []};
stride([Event | Left], Stride, Dispatch) ->
    case one(Event, Dispatch) of
        ok -> stride(Left, Stride - 1, Dispatch);
        Failed -> Failed
    end.

next(Took, Stride) when Took < ?QUICK -> min(Stride * 2, ?LONGEST);
next(_Took, _Stride) -> 1.

now_us() ->
    erlang:monotonic_time(microsecond).

%% A badmatch or a function clause holds the event itself, which may be as large as a value can be.
failure(Event, Class, Reason, Stack) ->
    #{
        event => shown(Event),
        class => Class,
        reason => small(Reason),
        stacktrace => [without_arguments(Call) || Call <- Stack]
    }.

small(Term) ->
    case erlang:external_size(Term) =< ?LARGE of
        true -> Term;
        false -> shown(Term)
    end.

without_arguments({Module, Function, Arguments, Where}) when is_list(Arguments) ->
    {Module, Function, length(Arguments), Where};
without_arguments(Call) ->
    Call.

shown(Term) ->
    Text = unicode:characters_to_binary(io_lib:format("~0tP", [Term, 30])),
    string:slice(Text, 0, ?SHOWN).
