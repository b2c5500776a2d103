%% @doc The option `telemetry': where a replica reports what it does, as events of the library
%% telemetry. That is no dependency: any function with the arguments of `telemetry:execute/3' will
%% do.
%%
%% The guide on monitoring lists the events with their measurements and metadata. All but gauges
%% are reported in the replica's process. An exception of the function does no harm, and is logged
%% once.
%% @private
-module(eslaver_telemetry).

-export([check/1, new/2, report/3, reconnect/4]).
-export([callback_starts/1, callback_stops/3, callback_raises/3, gauge/3]).
-export([library/3]).
-export_type([spec/0, who/0, telemetry/0, span/0]).

-type spec() :: eslaver_types:telemetry().

-type who() :: #{replica := term(), shard => binary()}.
%% What users know it by, in the metadata of all its events.

%% What the times belong to.
-define(RAISED, 1).
-define(LINK, 2).
-define(LOAD, 3).

-record(telemetry, {
    function :: fun(([atom()], map(), map()) -> term()),
    who :: who(),
    %% Whether the function has raised, and since when there is a link, and a load: 0 without one.
    begun :: atomics:atomics_ref()
}).

-opaque telemetry() :: #telemetry{}.

-opaque span() :: {Context :: reference(), Start :: integer()}.
%% A call of the callback that has been reported as begun.

%% @doc Whether a term is a valid value of the option.
-spec check(term()) -> boolean().
check(undefined) -> true;
check(Use) when is_boolean(Use) -> true;
check({Module, Function}) -> eslaver_callback:is_exported(Module, Function, 3);
check(Module) when is_atom(Module) -> eslaver_callback:is_exported(Module, execute, 3);
check(Function) -> eslaver_callback:is_callable(Function, 3).

%% @doc Of the replica, mirror, cluster or shard that is called this.
-spec new(spec(), who()) -> none | telemetry().
new(None, _Who) when None =:= undefined; None =:= false ->
    none;
new(true, Who) ->
    case code:ensure_loaded(telemetry) of
        {module, _} -> new(fun ?MODULE:library/3, Who);
        {error, _} -> none
    end;
new(Module, Who) when is_atom(Module) ->
    new({Module, execute}, Who);
new({Module, Function}, Who) ->
    new(fun Module:Function/3, Who);
new(Function, Who) ->
    #telemetry{function = Function, who = Who, begun = atomics:new(3, [])}.

%% @private It warns of each event while it is not started, and may be started after us.
-spec library([atom()], map(), map()) -> ok.
library(Event, Measured, About) ->
    case whereis(telemetry_sup) of
        undefined ->
            ok;
        _ ->
            %% no call that xref would look for
            Library = telemetry,
            Library:execute(Event, Measured, About)
    end.

%% @doc Reports what is also logged, if there is an event for it.
-spec report(atom(), map(), none | telemetry()) -> ok.
report(_What, _Report, none) ->
    ok;
report(link_up, #{resync := Resync} = Report, Telemetry) ->
    Keys = [resync, why, role, replid | [offset || Resync =:= partial]],
    tell([link, up], began(?LINK, Telemetry), shown(Keys, Report), Telemetry),
    case Resync of
        full -> load_starts(Report#{source => master}, Telemetry);
        partial -> ok
    end;
report(link_down, Report, Telemetry) ->
    tell([link, down], ended(?LINK, Telemetry), shown([reason, text], Report), Telemetry),
    load_fails(Report#{kind => exit}, Telemetry);
report(replay, Report, Telemetry) ->
    load_starts(Report#{source => file}, Telemetry);
report(replay_failed, Report, Telemetry) ->
    load_fails(Report#{kind => exit, reason => replay_failed}, Telemetry);
report(loaded, Report, Telemetry) ->
    About = maps:merge(shown([], Report), context(?LOAD, Telemetry)),
    Measured = maps:merge(maps:with([keys, bytes], Report), ended(?LOAD, Telemetry)),
    tell([load, stop], Measured, About, Telemetry);
report(callback_failed, #{class := Kind} = Report, Telemetry) ->
    load_fails(Report#{kind => Kind}, Telemetry);
report(callback_skipped, #{class := Kind} = Report, Telemetry) ->
    About = shown([event, kind, reason], Report#{kind => Kind}),
    tell([callback, skipped], maps:with([events], Report), About, Telemetry);
report(_What, _Report, _Telemetry) ->
    ok.

load_starts(Report, Telemetry) ->
    ok = load_fails(Report#{kind => exit, reason => superseded}, Telemetry),
    Measured = began(?LOAD, Telemetry),
    About = maps:merge(shown([source], Report), context(?LOAD, Telemetry)),
    tell([load, start], Measured, About, Telemetry).

%% The load that has begun, if one has.
load_fails(Report, #telemetry{begun = Begun} = Telemetry) ->
    case atomics:get(Begun, ?LOAD) of
        0 ->
            ok;
        _ ->
            Failure = maps:merge(#{stacktrace => []}, Report),
            Known = shown([kind, reason, text, stacktrace], Failure),
            About = maps:merge(Known, context(?LOAD, Telemetry)),
            tell([load, exception], ended(?LOAD, Telemetry), About, Telemetry)
    end.

shown(Keys, Report) -> maps:with([master | Keys], Report).

began(What, #telemetry{begun = Begun}) ->
    Now = erlang:monotonic_time(),
    ok = atomics:put(Begun, What, Now),
    #{monotonic_time => Now}.

ended(What, #telemetry{begun = Begun}) ->
    case atomics:exchange(Begun, What, 0) of
        0 -> #{};
        Start -> since(Start)
    end.

since(Start) ->
    Now = erlang:monotonic_time(),
    #{monotonic_time => Now, duration => Now - Start}.

%% The replica has one at a time.
context(What, #telemetry{begun = Begun, who = Who}) ->
    #{telemetry_span_context => {Who, What, atomics:get(Begun, What)}}.

%% @doc There is no link; the next attempt is in `Delay' ms.
-spec reconnect(non_neg_integer(), Info, binary(), none | telemetry()) -> ok when
    Info :: #{reconnects := non_neg_integer(), last_error := eslaver_retry:dated(), _ => _}.
reconnect(_Delay, _Info, _Master, none) ->
    ok;
reconnect(Delay, #{reconnects := Tries, last_error := Error}, Master, Telemetry) ->
    Native = erlang:convert_time_unit(Delay, millisecond, native),
    About = (maps:with([reason, text], Error))#{master => Master},
    tell([reconnect], #{delay => Native, tries => Tries}, About, Telemetry).

%% @doc The callback gets events.
-spec callback_starts(telemetry()) -> span().
callback_starts(Telemetry) ->
    Context = make_ref(),
    Now = erlang:monotonic_time(),
    About = #{telemetry_span_context => Context},
    ok = tell([callback, start], #{monotonic_time => Now}, About, Telemetry),
    {Context, Now}.

%% @doc It has handled them. That may have taken it less time than has passed.
-spec callback_stops(span(), #{events := non_neg_integer(), duration := integer()}, telemetry()) ->
    ok.
callback_stops({Context, _Start}, Measured, Telemetry) ->
    tell([callback, stop], Measured, #{telemetry_span_context => Context}, Telemetry).

%% @doc It has raised. Without a span it was called for something else than events.
-spec callback_raises(span() | none, Failure, none | telemetry()) -> ok when
    Failure :: #{class := throw | error | exit, reason := term(), stacktrace := list(), _ => _}.
callback_raises(_Span, _Failure, none) ->
    ok;
callback_raises(none, Failure, Telemetry) ->
    callback_raises({make_ref(), erlang:monotonic_time()}, Failure, Telemetry);
callback_raises({Context, Start}, #{class := Kind} = Failure, Telemetry) ->
    Shown = maps:with([event, reason, stacktrace], Failure),
    About = Shown#{kind => Kind, telemetry_span_context => Context},
    tell([callback, exception], since(Start), About, Telemetry).

%% @doc How a replica, a mirror, a cluster or one of its shards is.
-spec gauge(Measured :: map(), About :: map(), telemetry()) -> ok.
gauge(Measured, About, Telemetry) ->
    tell([replica, gauge], Measured, About, Telemetry).

tell(Event, Measured, About, #telemetry{function = Function, who = Who} = Telemetry) ->
    Now = #{monotonic_time => erlang:monotonic_time(), system_time => erlang:system_time()},
    try
        _ = Function([eslaver | Event], maps:merge(Now, Measured), maps:merge(About, Who)),
        ok
    catch
        Class:Reason:Stack -> raised({Class, Reason, Stack}, Event, Telemetry)
    end.

%% What it was given may have come from the callback.
raised({Class, Reason, Stack}, Event, #telemetry{begun = Begun, who = #{replica := Replica}}) ->
    case atomics:exchange(Begun, ?RAISED, 1) of
        0 ->
            {Shape, Calls} = eslaver_failure:describe(Reason, Stack),
            eslaver_log:report(warning, telemetry_failed, #{
                replica => Replica,
                event => [eslaver | Event],
                class => Class,
                reason => Shape,
                calls => Calls
            });
        _ ->
            ok
    end.
