%% A logger handler which keeps what is logged, so that suites can look at it.
-module(eslaver_test_log).

-export([start/0, stop/0, clear/0, texts/0, matches/1, await/1, await/2, contains/1]).
-export([log/2]).

%% Everything from debug on is kept, and shown nowhere else than it was before.
-spec start() -> ok.
start() ->
    Self = self(),
    Keeper = spawn(fun() ->
        ?MODULE = ets:new(?MODULE, [named_table, public, ordered_set]),
        Self ! {self(), ready},
        receive
            stop -> ok
        end
    end),
    receive
        {Keeper, ready} -> ok
    end,
    #{level := Level} = logger:get_primary_config(),
    Quiet = [
        {Id, Old}
     || #{id := Id, level := Old} <- logger:get_handler_config(),
        logger:compare_levels(Old, Level) =:= lt
    ],
    _ = [ok = logger:set_handler_config(Id, level, Level) || {Id, _} <- Quiet],
    ok = logger:set_primary_config(level, all),
    persistent_term:put(?MODULE, {Keeper, Level, Quiet}),
    ok = logger:add_handler(?MODULE, ?MODULE, #{level => all}).

-spec stop() -> ok.
stop() ->
    case persistent_term:get(?MODULE, none) of
        {Keeper, Level, Quiet} ->
            _ = logger:remove_handler(?MODULE),
            ok = logger:set_primary_config(level, Level),
            _ = [logger:set_handler_config(Id, level, Old) || {Id, Old} <- Quiet],
            Keeper ! stop,
            _ = persistent_term:erase(?MODULE),
            ok;
        none ->
            ok
    end.

-spec clear() -> ok.
clear() ->
    true = ets:delete_all_objects(?MODULE),
    ok.

%% What was logged, as a terminal would show it, each followed by the raw event.
-spec texts() -> [string()].
texts() ->
    [text(Event) || {_, Event} <- ets:tab2list(?MODULE)].

%% The texts, as shown, which this regular expression matches.
-spec matches(string()) -> [string()].
matches(Regex) ->
    [Text || {_, Event} <- ets:tab2list(?MODULE), Text <- [shown(Event)], found(Regex, Text)].

%% The matching texts, as soon as there is one: a process may log after all else has seen its work.
-spec await(string()) -> [string(), ...].
await(Regex) ->
    await(Regex, 1).

%% As soon as there are this many.
-spec await(string(), pos_integer()) -> [string(), ...].
await(Regex, Count) ->
    eslaver_test_wait:until(fun() ->
        case matches(Regex) of
            Texts when length(Texts) >= Count -> Texts;
            _ -> false
        end
    end).

%% Whether these very characters are anywhere in what was logged, raw events included.
-spec contains(string()) -> boolean().
contains(Characters) ->
    lists:any(fun(Text) -> string:find(Text, Characters) =/= nomatch end, texts()).

found(Regex, Text) ->
    re:run(Text, Regex, [caseless, unicode, dotall]) =/= nomatch.

text(Event) ->
    shown(Event) ++ lists:flatten(io_lib:format("~n~0tp~n", [Event])).

shown(Event) ->
    lists:flatten(logger_formatter:format(Event, #{single_line => false})).

%% The handler itself.
-spec log(logger:log_event(), logger:handler_config()) -> ok.
log(Event, _Config) ->
    try
        true = ets:insert(?MODULE, {erlang:unique_integer([monotonic]), Event}),
        ok
    catch
        error:badarg -> ok
    end.
