%% @doc Calls that are answered once the first snapshot has been handled, and are forgotten when
%% their caller has given up or ended. {@link await/2} runs in the caller, the rest in the server,
%% which passes on what comes as `{eslaver_waiting, Request}'.
%% @private
-module(eslaver_waiting).

-export([await/2]).
-export([new/0, call/3, cast/2, down/2, loaded/1]).
-export_type([waiting/0, call/0, cast/0]).

-record(waiting, {
    calls = #{} :: #{Monitor :: reference() => {Id :: reference(), gen_server:from()}},
    monitors = #{} :: #{Id :: reference() => Monitor :: reference()}
}).

-opaque waiting() :: loaded | #waiting{}.

-opaque call() :: {await, reference()}.
-opaque cast() :: {give_up, reference()}.

%% @doc Waits for a server to handle the first snapshot.
-spec await(eslaver_name:replica(), timeout()) -> ok | {error, timeout}.
await(Server, Timeout) ->
    Id = make_ref(),
    try
        gen_server:call(Server, {?MODULE, {await, Id}}, Timeout)
    catch
        exit:{timeout, _} ->
            ok = gen_server:cast(Server, {?MODULE, {give_up, Id}}),
            {error, timeout}
    end.

%% @doc No calls yet.
-spec new() -> waiting().
new() ->
    #waiting{}.

%% @doc Adds a call, or answers it if the snapshot has been handled.
-spec call(call(), gen_server:from(), waiting()) -> waiting().
call({await, _Id}, From, loaded) ->
    ok = gen_server:reply(From, ok),
    loaded;
call({await, Id}, {Pid, _} = From, #waiting{calls = Calls, monitors = Monitors}) ->
    Monitor = monitor(process, Pid),
    #waiting{calls = Calls#{Monitor => {Id, From}}, monitors = Monitors#{Id => Monitor}}.

%% @doc Removes the call of a caller that has given up.
-spec cast(cast(), waiting()) -> waiting().
cast({give_up, Id}, #waiting{monitors = Monitors} = Waiting) when is_map_key(Id, Monitors) ->
    #{Id := Monitor} = Monitors,
    true = demonitor(Monitor, [flush]),
    down(Monitor, Waiting);
cast({give_up, _Id}, Waiting) ->
    Waiting.

%% @doc Removes the call of a caller that has ended, if the monitor is that of one.
-spec down(reference(), waiting()) -> waiting().
down(_Monitor, loaded) ->
    loaded;
down(Monitor, #waiting{calls = Calls, monitors = Monitors} = Waiting) ->
    case maps:take(Monitor, Calls) of
        {{Id, _From}, Rest} -> #waiting{calls = Rest, monitors = maps:remove(Id, Monitors)};
        error -> Waiting
    end.

%% @doc The snapshot has been handled: answers all calls, and later ones at once.
-spec loaded(waiting()) -> waiting().
loaded(loaded) ->
    loaded;
loaded(#waiting{calls = Calls}) ->
    maps:foreach(
        fun(Monitor, {_Id, From}) ->
            true = demonitor(Monitor, [flush]),
            gen_server:reply(From, ok)
        end,
        Calls
    ),
    loaded.
