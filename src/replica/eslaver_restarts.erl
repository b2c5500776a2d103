%% @doc Remembers why replicas have failed, beyond the life of their processes: a supervisor starts
%% each anew at once, and it is to make its master write a snapshot again only after a pause that
%% grows, and to say in `info' what has gone wrong.
%%
%% A failure is remembered as long as the process lives that has started the replica, a supervisor
%% as a rule. One process of the node keeps them all. It is started by the first failure, and ends
%% with the last.
%% @private
-module(eslaver_restarts).
-behaviour(gen_server).

-export([key/1, last/1, ended/3]).
-export([add/3]).
-export([init/1, handle_call/3, handle_cast/2, handle_info/2, code_change/3, format_status/1]).
-export_type([key/0, failed/0]).

%% A replica that had its data for this long, in ms, and for longer than it had to wait before, has
%% not failed in the same way again.
-define(STEADY, 10000).

-type parent() :: pid() | atom().

-opaque key() :: {parent(), Hash :: non_neg_integer()}.
%% A replica, in all its lives.

-type error() :: #{reason := atom(), text := binary()}.

-type failed() :: #{
    error := error(),
    %% All failures, and those in a row.
    count := pos_integer(),
    in_a_row := pos_integer(),
    %% When the last was, in ms.
    at := integer()
}.

-record(state, {
    failed = #{} :: #{key() => failed()},
    monitors = #{} :: #{reference() => parent()}
}).

%% @doc Of the calling process, a replica with these options.
-spec key(#{name := term(), source := term(), atom() => term()}) -> key().
key(#{name := Name, source := Source} = Options) ->
    [Parent | _] = get('$ancestors'),
    {Parent, erlang:phash2({Name, Source, maps:get(label, Options, undefined)})}.

%% @doc How a replica has failed before.
-spec last(key()) -> none | failed().
last(Key) ->
    try
        gen_server:call(?MODULE, {last, Key})
    catch
        exit:_ -> none
    end.

%% @doc A replica ends for this reason, perhaps a failure. `Steady' is for how many ms it had its
%% data.
-spec ended(Reason :: term(), Steady :: non_neg_integer(), key()) -> ok.
ended(Reason, _Steady, _Key) when Reason =:= normal; Reason =:= shutdown ->
    ok;
ended({shutdown, _}, _Steady, _Key) ->
    ok;
ended({callback_failed, #{class := Class, reason := Reason, stacktrace := Stack}}, Steady, Key) ->
    {Shape, Calls} = eslaver_failure:describe(Reason, Stack),
    Text = eslaver_text:format("the callback raised ~ts:~0tp in ~0tp", [Class, Shape, Calls]),
    add(#{reason => callback_failed, text => Text}, Steady, Key);
ended(Reason, Steady, Key) ->
    Text = eslaver_text:format("the replica ended: ~0tp", [eslaver_failure:shape(Reason)]),
    add(#{reason => replica_failed, text => Text}, Steady, Key).

%% @doc A replica fails.
-spec add(error(), Steady :: non_neg_integer(), key()) -> ok.
add(Error, Steady, Key) ->
    _ = gen_server:start({local, ?MODULE}, ?MODULE, [], []),
    try
        gen_server:call(?MODULE, {add, Error, Steady, Key})
    catch
        %% it has just ended
        exit:{noproc, _} -> add(Error, Steady, Key);
        exit:{normal, _} -> add(Error, Steady, Key);
        exit:_ -> ok
    end.

%% @private
-spec init([]) -> {ok, #state{}}.
init([]) ->
    {ok, #state{}}.

%% @private
-spec handle_call({last, key()} | {add, _, _, key()}, gen_server:from(), #state{}) ->
    {reply, none | failed() | ok, #state{}}.
handle_call({last, Key}, _From, #state{failed = Failed} = State) ->
    {reply, maps:get(Key, Failed, none), State};
handle_call({add, Error, Steady, {Parent, _} = Key}, _From, #state{failed = Failed} = State) ->
    Next = added(Error, Steady, eslaver_clock:now_ms(), maps:get(Key, Failed, none)),
    {reply, ok, monitored(Parent, State#state{failed = Failed#{Key => Next}})}.

added(Error, _Steady, Now, none) ->
    #{error => Error, count => 1, in_a_row => 1, at => Now};
added(Error, Steady, Now, #{count := Count, in_a_row := InARow, at := At}) ->
    Waited = Now - At - Steady,
    Next =
        case Steady > max(?STEADY, Waited) of
            true -> 1;
            false -> InARow + 1
        end,
    #{error => Error, count => Count + 1, in_a_row => Next, at => Now}.

monitored(Parent, #state{monitors = Monitors} = State) ->
    case lists:member(Parent, maps:values(Monitors)) of
        true -> State;
        false -> State#state{monitors = Monitors#{monitor(process, Parent) => Parent}}
    end.

%% @private
-spec handle_cast(term(), #state{}) -> {noreply, #state{}}.
handle_cast(_Request, State) ->
    {noreply, State}.

%% @private
-spec handle_info(term(), #state{}) -> {noreply, #state{}} | {stop, normal, #state{}}.
handle_info({'DOWN', Monitor, process, _, _}, #state{failed = Failed, monitors = Monitors}) ->
    {Parent, Others} = maps:take(Monitor, Monitors),
    Left = maps:filter(fun({Of, _}, _) -> Of =/= Parent end, Failed),
    State = #state{failed = Left, monitors = Others},
    case map_size(Others) of
        0 -> {stop, normal, State};
        _ -> {noreply, State}
    end;
handle_info(_Message, State) ->
    {noreply, State}.

%% @private
-spec code_change(term(), #state{}, term()) -> {ok, #state{}}.
code_change(_Old, State, _Extra) ->
    {ok, State}.

% @private
-spec format_status(gen_server:format_status()) -> gen_server:format_status().
format_status(Status) ->
    eslaver_status:short(
        fun(#state{failed = Failed}) -> #{failed => map_size(Failed)} end, Status
    ).
