%% @doc The gauge event of telemetry: how a replica, a mirror or a cluster is, from time to time.
%% {@link eslaver_registry} has the timer.
%% @private
-module(eslaver_gauge).

-export([new/2, every/1, report/2]).
-export_type([gauge/0, options/0]).

-record(gauge, {
    every :: pos_integer(),
    telemetry :: eslaver_telemetry:telemetry()
}).

-opaque gauge() :: #gauge{}.

-type options() :: #{
    telemetry := eslaver_telemetry:spec(), telemetry_every := pos_integer() | infinity, _ => _
}.

%% What is measured, and what only says more.
-define(MEASURED, [lag, master_lag, behind_for, keys, memory, queue, events_per_second]).
-define(ABOUT, [kind, shard, state, status]).

%% @doc The gauge of what is called this, unless none is wanted.
-spec new(Name :: term(), options()) -> none | gauge().
new(_Name, #{telemetry_every := infinity}) ->
    none;
new(Name, #{telemetry := Spec, telemetry_every := Every}) ->
    case eslaver_telemetry:new(Spec, #{replica => Name}) of
        none -> none;
        Telemetry -> #gauge{every = Every, telemetry = Telemetry}
    end.

%% @doc How often to report, in ms.
-spec every(gauge()) -> pos_integer().
every(#gauge{every = Every}) -> Every.

%% @doc Reports one event, and for a cluster one for each shard as well. If nothing is shown, the
%% state is `unknown'.
-spec report(eslaver_rows:entry(), gauge()) -> ok.
report(Entry, #gauge{telemetry = Telemetry}) ->
    lists:foreach(
        fun(Row) -> eslaver_telemetry:gauge(measured(Row), about(Row), Telemetry) end,
        eslaver_rows:read(Entry)
    ).

measured(Row) ->
    maps:filtermap(fun number/2, maps:with(?MEASURED, Row)).

number(behind_for, Ms) when is_integer(Ms) ->
    {true, erlang:convert_time_unit(Ms, millisecond, native)};
number(_Key, Value) ->
    is_number(Value).

about(Row) ->
    maps:filter(fun(_Key, Value) -> Value =/= undefined end, maps:with(?ABOUT, Row)).
