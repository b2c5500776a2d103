%% @doc A handler of telemetry events that logs each as a line: see {@link
%% eslaver:attach_default_logger/1}.
%% @private
-module(eslaver_default_logger).

-export([attach/1, detach/0]).
-export([handle_event/4, format/1]).
-export_type([options/0, error/0]).

-include_lib("kernel/include/logger.hrl").

-define(ID, <<"eslaver-default-logger">>).

%% All but the last are logged by eslaver itself, whoever is attached.
-define(LOGGED_ANYWAY, [
    [link, up],
    [link, down],
    [load, stop],
    [callback, exception],
    [callback, skipped]
]).
-define(OTHERS, [
    [reconnect],
    [load, start],
    [load, exception],
    [callback, start],
    [callback, stop],
    [replica, gauge]
]).
-define(DEFAULT, [
    [reconnect],
    [load, start],
    [load, exception],
    [callback, stop],
    [replica, gauge]
]).

-type options() :: #{
    level => logger:level(),
    events => all | [Event :: [atom()]]
}.

-type error() :: {error, no_telemetry | already_exists | {invalid_option, term(), term()}}.

%% @doc Attaches it.
-spec attach(options()) -> ok | error().
attach(Options) ->
    case checked(maps:to_list(Options), #{level => info, events => prefixed(?DEFAULT)}) of
        {ok, #{level := Level, events := Events}} -> attach(Level, Events);
        {error, _} = Error -> Error
    end.

checked([], Checked) ->
    {ok, Checked};
checked([{events, all} | Rest], Checked) ->
    checked(Rest, Checked#{events := prefixed(?LOGGED_ANYWAY ++ ?OTHERS)});
checked([{events, Events} | Rest], Checked) when is_list(Events) ->
    case Events -- prefixed(?LOGGED_ANYWAY ++ ?OTHERS) of
        [] -> checked(Rest, Checked#{events := Events});
        [Unknown | _] -> wrong(events, Unknown)
    end;
checked([{level, Level} | Rest], Checked) ->
    case lists:member(Level, levels()) of
        true -> checked(Rest, Checked#{level := Level});
        false -> wrong(level, Level)
    end;
checked([{Key, Value} | _], _Checked) ->
    wrong(Key, Value).

wrong(Key, Value) ->
    {error, {invalid_option, {default_logger, Key}, Value}}.

levels() -> [emergency, alert, critical, error, warning, notice, info, debug].

prefixed(Events) -> [[eslaver | Event] || Event <- Events].

attach(Level, Events) ->
    with_library(fun(Library) ->
        Library:attach_many(?ID, Events, fun ?MODULE:handle_event/4, #{level => Level})
    end).

%% @doc Detaches it.
-spec detach() -> ok | {error, no_telemetry | not_found}.
detach() ->
    with_library(fun(Library) -> Library:detach(?ID) end).

%% The library is no dependency.
with_library(Use) ->
    case code:ensure_loaded(telemetry) of
        {module, Library} -> Use(Library);
        {error, _} -> {error, no_telemetry}
    end.

%% @private
-spec handle_event([atom()], map(), map(), #{level := logger:level()}) -> ok.
handle_event([eslaver | Event], Measured, #{replica := Replica} = About, #{level := Level}) ->
    Report = #{
        what => Event,
        replica => Replica,
        measured => Measured,
        about => maps:fold(fun shown/3, #{}, About)
    },
    ?LOG(level(Event, Level), Report, #{
        eslaver => true, replica => Replica, report_cb => fun ?MODULE:format/1
    }).

%% What the callback was given has keys and values, and so may have what it raised.
shown(event, _Event, Shown) ->
    Shown;
shown(reason, Reason, Shown) ->
    Shown#{reason => eslaver_failure:shape(Reason)};
shown(stacktrace, Stack, Shown) ->
    {_, Calls} = eslaver_failure:describe(none, Stack),
    Shown#{calls => Calls};
shown(Key, Value, Shown) ->
    Shown#{Key => Value}.

%% Warnings are for failures, debug messages for events that may come many times a second.
level([load, exception], _Level) -> warning;
level([link, down], _Level) -> warning;
level([callback, exception], _Level) -> error;
level([callback, skipped], _Level) -> warning;
level([callback, _], _Level) -> debug;
level(_Event, Level) -> Level.

%% @private
-spec format(map()) -> {io:format(), [term()]}.
format(#{what := Event, replica := Replica, measured := Measured, about := About}) ->
    {Format, Args} = sentence(Event, Measured, About),
    {"~0tp~ts: " ++ Format, [Replica, shard(About) | Args]}.

shard(#{shard := Id}) -> [", shard ", Id];
shard(#{}) -> [].

sentence([link, up], _Measured, #{resync := Resync, why := Why, master := Master}) ->
    {"link to ~ts is up, ~ts sync (~ts)", [Master, Resync, Why]};
sentence([link, down], Measured, #{reason := Reason, text := Text}) ->
    {"link is down~ts (~ts): ~ts", [took(" after ", Measured), Reason, Text]};
sentence([reconnect], #{delay := Delay, tries := Tries}, #{reason := Reason}) ->
    {"connecting again in ~b ms, try ~b since the start (~ts)", [ms(Delay), Tries, Reason]};
sentence([load, start], _Measured, #{source := Source}) ->
    {"snapshot begins, from the ~ts", [Source]};
sentence([load, stop], #{keys := Keys, bytes := Bytes} = Measured, _About) ->
    {"snapshot loaded, ~b keys, ~b bytes~ts", [Keys, Bytes, took(" in ", Measured)]};
sentence([load, exception], Measured, #{reason := Reason}) ->
    {"snapshot interrupted~ts (~0tp)", [took(" after ", Measured), Reason]};
sentence([callback, start], _Measured, _About) ->
    {"callback begins", []};
sentence([callback, stop], #{events := Events} = Measured, _About) ->
    {"callback has handled ~b events~ts", [Events, took(" in ", Measured)]};
sentence([callback, exception], _Measured, #{kind := Kind, reason := Reason, calls := Calls}) ->
    {"callback raised ~ts:~0tp in ~0tp", [Kind, Reason, Calls]};
sentence([callback, skipped], #{events := Events}, #{kind := Kind, reason := Reason}) ->
    {"callback raised ~ts:~0tp, ~b events skipped", [Kind, Reason, Events]};
sentence([replica, gauge], Measured, #{kind := Kind, state := State} = About) ->
    Status = [[", ", atom_to_list(Status)] || #{status := Status} <- [About]],
    Numbers = [
        io_lib:format(", ~ts ~ts", [Name, measure(Key, Value)])
     || {Key, Name} <- numbers(), #{Key := Value} <- [Measured]
    ],
    {"~ts is ~ts~ts~ts", [Kind, State, Status, Numbers]}.

numbers() ->
    [
        {lag, "lag"},
        {master_lag, "behind the master by"},
        {behind_for, "behind for"},
        {keys, "keys"},
        {memory, "memory"},
        {queue, "queue"},
        {events_per_second, "events per second"}
    ].

measure(behind_for, Time) -> io_lib:format("~b ms", [ms(Time)]);
measure(Key, Bytes) when Key =:= lag; Key =:= master_lag; Key =:= memory ->
    io_lib:format("~b bytes", [Bytes]);
measure(_Key, Float) when is_float(Float) -> io_lib:format("~.1f", [Float]);
measure(_Key, Number) -> integer_to_list(Number).

took(Before, #{duration := Time}) ->
    Us = erlang:convert_time_unit(Time, native, microsecond),
    [Before, io_lib:format("~.3f ms", [Us / 1000])];
took(_Before, _Measured) ->
    [].

ms(Native) -> erlang:convert_time_unit(Native, native, millisecond).
