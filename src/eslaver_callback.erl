%% @doc Callbacks: what is one, how it is called, and whether it can take more. Used by
%% {@link eslaver_options} and {@link eslaver_server}.
%% @private
-module(eslaver_callback).

-export([check/1, new/1, is_ready/1, is_monitor/2, handle/2]).
-export_type([spec/0, callback/0]).

%% A receiver with more messages than this gets no more until it has caught up.
-define(WATERMARK, 1000).

-type spec() ::
    fun((Event :: term()) -> term())
    | {module(), Function :: atom()}
    | {module(), Function :: atom(), Args :: [term()]}
    | pid()
    | atom()
    | [].
%% What a user names. With `Args' the event is appended; a registered name is looked up for each
%% event; `[]' prints each event.

-record(callback, {
    %% What an event is given to.
    function :: fun((term()) -> term()),
    %% The process that gets the events as messages, where that is what happens.
    receiver = none :: none | pid() | atom(),
    monitor :: undefined | reference()
}).

-opaque callback() :: #callback{}.

%% @doc Whether this can be a callback.
-spec check(term()) -> boolean().
check(Fun) when is_function(Fun) -> is_function(Fun, 1);
check({M, F}) -> is_atom(M) andalso is_atom(F);
check({M, F, A}) -> is_atom(M) andalso is_atom(F) andalso is_list(A);
check(undefined) -> false;
check(Other) -> is_pid(Other) orelse is_atom(Other) orelse Other =:= [].

%% @doc A callback ready for use. Its process, if it has one, is monitored by the caller.
-spec new(spec()) -> callback().
new(Fun) when is_function(Fun, 1) ->
    #callback{function = Fun};
new({M, F}) ->
    #callback{function = fun M:F/1};
new({M, F, A}) ->
    #callback{function = fun(Event) -> apply(M, F, A ++ [Event]) end};
new([]) ->
    #callback{function = fun(Event) -> io:format("eslaver -> ~p~n", [Event]) end};
new(Pid) when is_pid(Pid) ->
    Monitor = monitor(process, Pid),
    #callback{function = fun(Event) -> Pid ! Event end, receiver = Pid, monitor = Monitor};
new(Name) when is_atom(Name) ->
    #callback{function = fun(Event) -> Name ! Event end, receiver = Name}.

%% @doc Whether a receiver has caught up. One on another node is held back by the distribution.
-spec is_ready(callback()) -> boolean().
is_ready(#callback{receiver = none}) ->
    true;
is_ready(#callback{receiver = Name}) when is_atom(Name) ->
    is_caught_up(whereis(Name));
is_ready(#callback{receiver = Pid}) ->
    is_caught_up(Pid).

is_caught_up(Pid) when is_pid(Pid), node(Pid) =:= node() ->
    case process_info(Pid, message_queue_len) of
        {message_queue_len, Length} -> Length < ?WATERMARK;
        undefined -> true
    end;
is_caught_up(_) ->
    true.

%% @doc Whether a monitor is the one of the callback's process; users' code has its own.
-spec is_monitor(reference(), callback()) -> boolean().
is_monitor(Monitor, #callback{monitor = Own}) -> Monitor =:= Own.

%% @doc Gives it one event.
-spec handle(callback(), term()) -> ok | {raised, throw | error | exit, term(), list()}.
handle(#callback{function = Function}, Event) ->
    try Function(Event) of
        _ -> ok
    catch
        Class:Reason:Stack -> {raised, Class, Reason, Stack}
    end.
