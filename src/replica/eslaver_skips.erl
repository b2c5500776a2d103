%% @doc The option `on_error': what becomes of events for which the callback raises an exception.
%% They end the replica, or are skipped and counted.
%% @private
-module(eslaver_skips).

-export([check/1, new/3, add/3, count/1]).
-export_type([spec/0, skips/0]).

-type spec() :: eslaver_types:on_error().

-record(skips, {
    spec :: spec(),
    label :: term(),
    telemetry :: none | eslaver_telemetry:telemetry(),
    count = 0 :: non_neg_integer()
}).

-opaque skips() :: #skips{}.

%% @doc Whether a term is a valid value of the option.
-spec check(term()) -> boolean().
check(stop) -> true;
check({skip, Log}) -> is_boolean(Log) orelse eslaver_callback:is_callable(Log, 2);
check(_Other) -> false.

%% @doc None so far, of a replica that is called this.
-spec new(spec(), Label :: term(), none | eslaver_telemetry:telemetry()) -> skips().
new(Spec, Label, Telemetry) ->
    #skips{spec = Spec, label = Label, telemetry = Telemetry}.

%% @doc Skips an event, or a list of events, unless the exception is to end the replica.
-spec add(term(), eslaver_callback:raised(), skips()) -> {ok, skips()} | eslaver_callback:raised().
add(_Event, Raised, #skips{spec = stop}) ->
    Raised;
add(Event, {raised, Class, Reason, Stack}, #skips{spec = {skip, Log}, count = Count} = Skips) ->
    Skipped = skipped(Event),
    ok = report(Event, Skipped, Class, eslaver_failure:describe(Reason, Stack), Skips),
    Next = {ok, Skips#skips{count = Count + Skipped}},
    case is_function(Log) of
        true -> told(fun() -> Log(Event, {Class, Reason, Stack}) end, Next);
        false -> Next
    end.

%% If the fun fails, too, the event would be lost.
told(Tell, Next) ->
    try Tell() of
        _ -> Next
    catch
        Class:Reason:Stack -> {raised, Class, Reason, Stack}
    end.

skipped(Events) when is_list(Events) -> length(Events);
skipped(_Event) -> 1.

%% Each time that their number has doubled: a callback may fail for every event there is.
report(Event, Skipped, Class, {Shape, Calls}, #skips{spec = {skip, Log}, count = Count} = Skips) ->
    #skips{label = Label, telemetry = Telemetry} = Skips,
    Report = #{
        replica => Label,
        event => eslaver_shown:kind(Event),
        skipped => Count + Skipped,
        class => Class,
        reason => Shape,
        calls => Calls
    },
    _ = [
        eslaver_log:report(warning, callback_skipped, Report)
     || Log =:= true, doublings(Count) =/= doublings(Count + Skipped)
    ],
    eslaver_telemetry:report(callback_skipped, Report#{events => Skipped}, Telemetry).

doublings(0) -> 0;
doublings(Count) -> 1 + doublings(Count bsr 1).

%% @doc How many there are.
-spec count(skips()) -> non_neg_integer().
count(#skips{count = Count}) -> Count.
