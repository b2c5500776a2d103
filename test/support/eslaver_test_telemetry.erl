%% A stand-in for the library telemetry, which tests cannot count on to be there: a module of its
%% name with the calls that are used of it, which keeps what it is told. It is made when asked for,
%% as a node that has it behaves differently.
-module(eslaver_test_telemetry).

-export([load/0, unload/0, start/0, stop/1, executed/0, attached/0]).
-export([execute/3, attach_many/4, detach/1]).

-define(LIBRARY, telemetry).
-define(TABLE, ?MODULE).

%% From now on the node has the library, which is not started.
-spec load() -> ok.
load() ->
    Calls = [{execute, 3}, {attach_many, 4}, {detach, 1}],
    Forms =
        [{attribute, 1, module, ?LIBRARY}, {attribute, 1, export, Calls}] ++
            [forward(Name, Arity) || {Name, Arity} <- Calls],
    {ok, ?LIBRARY, Code} = compile:forms(Forms),
    {module, ?LIBRARY} = code:load_binary(?LIBRARY, "telemetry.erl", Code),
    Self = self(),
    Keeper = spawn(fun() ->
        ?TABLE = ets:new(?TABLE, [named_table, public, ordered_set]),
        Self ! {self(), ready},
        receive
            unload -> ok
        end
    end),
    receive
        {Keeper, ready} -> ok
    end,
    persistent_term:put(?MODULE, Keeper).

forward(Name, Arity) ->
    Args = [{var, 1, list_to_atom("A" ++ integer_to_list(N))} || N <- lists:seq(1, Arity)],
    Call = {call, 1, {remote, 1, {atom, 1, ?MODULE}, {atom, 1, Name}}, Args},
    {function, 1, Name, Arity, [{clause, 1, Args, [], [Call]}]}.

%% The node does not have it any more.
-spec unload() -> ok.
unload() ->
    case persistent_term:get(?MODULE, none) of
        none ->
            ok;
        Keeper ->
            true = code:delete(?LIBRARY),
            _ = code:purge(?LIBRARY),
            Monitor = monitor(process, Keeper),
            Keeper ! unload,
            receive
                {'DOWN', Monitor, process, _, _} -> ok
            end,
            _ = persistent_term:erase(?MODULE),
            ok
    end.

%% Starts it: its supervisor is registered.
-spec start() -> pid().
start() ->
    Self = self(),
    Pid = spawn(fun() ->
        true = register(telemetry_sup, self()),
        Self ! {self(), started},
        receive
            stop -> ok
        end
    end),
    receive
        {Pid, started} -> Pid
    end.

-spec stop(pid()) -> ok.
stop(Pid) ->
    Monitor = monitor(process, Pid),
    Pid ! stop,
    receive
        {'DOWN', Monitor, process, _, _} -> ok
    end.

%% The events, in order.
-spec executed() -> [{[atom()], map(), map()}].
executed() ->
    [Event || {N, Event} <- ets:tab2list(?TABLE), is_integer(N)].

-spec attached() -> [{Id :: binary(), [[atom()]], fun(), term()}].
attached() ->
    [Handler || {{handler, _}, Handler} <- ets:tab2list(?TABLE)].

%% The library's calls

-spec execute([atom()], map(), map()) -> ok.
execute(Event, Measured, About) ->
    Number = erlang:unique_integer([monotonic, positive]),
    true = ets:insert(?TABLE, {Number, {Event, Measured, About}}),
    lists:foreach(
        fun({_, Events, Handle, Config}) ->
            _ = lists:member(Event, Events) andalso Handle(Event, Measured, About, Config)
        end,
        attached()
    ).

-spec attach_many(binary(), [[atom()]], fun(), term()) -> ok | {error, already_exists}.
attach_many(Id, Events, Handle, Config) ->
    case ets:insert_new(?TABLE, {{handler, Id}, {Id, Events, Handle, Config}}) of
        true -> ok;
        false -> {error, already_exists}
    end.

-spec detach(binary()) -> ok | {error, not_found}.
detach(Id) ->
    case ets:take(?TABLE, {handler, Id}) of
        [_] -> ok;
        [] -> {error, not_found}
    end.
