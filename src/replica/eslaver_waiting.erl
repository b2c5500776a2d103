%% @doc Calls that are answered once the first snapshot has been handled, and are forgotten when
%% their caller has given up or ended. {@link await/2} runs in the caller, the rest in the server.
%% @private
-module(eslaver_waiting).

-export([await/2]).
-export([new/0, add/3, remove/2, down/2, reply/2]).
-export_type([waiting/0]).

-record(waiting, {
    calls = #{} :: #{Monitor :: reference() => {Id :: reference(), gen_server:from()}},
    monitors = #{} :: #{Id :: reference() => Monitor :: reference()}
}).

-opaque waiting() :: #waiting{}.

%% @doc Calls a server with `{await, loaded, Id}'. After a timeout it sends a cast `{given_up, Id}'.
-spec await(eslaver:replica(), timeout()) -> ok | {error, timeout}.
await(Server, Timeout) ->
    Id = make_ref(),
    try
        gen_server:call(Server, {await, loaded, Id}, Timeout)
    catch
        exit:{timeout, _} ->
            ok = gen_server:cast(Server, {given_up, Id}),
            {error, timeout}
    end.

%% @doc No calls.
-spec new() -> waiting().
new() ->
    #waiting{}.

%% @doc Adds a call.
-spec add(reference(), gen_server:from(), waiting()) -> waiting().
add(Id, {Pid, _} = From, #waiting{calls = Calls, monitors = Monitors}) ->
    Monitor = monitor(process, Pid),
    #waiting{calls = Calls#{Monitor => {Id, From}}, monitors = Monitors#{Id => Monitor}}.

%% @doc Removes the call of a caller that has given up.
-spec remove(reference(), waiting()) -> waiting().
remove(Id, #waiting{monitors = Monitors} = Waiting) ->
    case Monitors of
        #{Id := Monitor} ->
            true = demonitor(Monitor, [flush]),
            down(Monitor, Waiting);
        #{} ->
            Waiting
    end.

%% @doc Removes the call of a caller that has ended, if the monitor is that of one.
-spec down(reference(), waiting()) -> waiting().
down(Monitor, #waiting{calls = Calls, monitors = Monitors} = Waiting) ->
    case maps:take(Monitor, Calls) of
        {{Id, _From}, Rest} -> #waiting{calls = Rest, monitors = maps:remove(Id, Monitors)};
        error -> Waiting
    end.

%% @doc Answers all calls.
-spec reply(term(), waiting()) -> waiting().
reply(Answer, #waiting{calls = Calls}) ->
    maps:foreach(
        fun(Monitor, {_Id, From}) ->
            true = demonitor(Monitor, [flush]),
            gen_server:reply(From, Answer)
        end,
        Calls
    ),
    new().
