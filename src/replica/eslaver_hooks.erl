%% @doc Hooks: a fun that a replica calls to report what it does, with the arguments of
%% `telemetry:execute/3'.
%%
%% ```
%% eslaver:start_link(#{hooks => fun telemetry:execute/3, ...})
%% '''
%%
%% The README lists the events with their measurements and metadata. The fun runs in the replica's
%% process. Exceptions do no harm, and are logged once.
%% @private
-module(eslaver_hooks).

-export([check/1, new/2, report/3, reconnect/4, handled/3]).
-export_type([spec/0, hooks/0]).

-type spec() :: eslaver_types:hooks().

-record(hooks, {
    function :: fun(([atom()], map(), map()) -> term()),
    replica :: term(),
    %% Whether the fun has raised an exception.
    raised :: atomics:atomics_ref()
}).

-opaque hooks() :: #hooks{}.

%% @doc Whether a term is a valid value of the option.
-spec check(term()) -> boolean().
check(undefined) -> true;
check({Module, Function}) -> eslaver_callback:is_exported(Module, Function, 3);
check(Function) -> eslaver_callback:is_callable(Function, 3).

%% @doc Hooks of a replica, which is called this.
-spec new(spec(), Label :: term()) -> none | hooks().
new(undefined, _Label) ->
    none;
new({Module, Function}, Label) ->
    new(fun Module:Function/3, Label);
new(Function, Label) ->
    #hooks{
        function = Function,
        replica = Label,
        raised = atomics:new(1, [])
    }.

%% @doc Passes a report that is also logged to the hooks.
-spec report(atom(), map(), none | hooks()) -> ok.
report(_What, _Report, none) ->
    ok;
report(link_up, #{resync := full} = Report, Hooks) ->
    tell([link, up], #{}, [resync, why, role, replid], Report, Hooks),
    tell([load, start], now_too(), [], Report#{source => master}, Hooks);
report(link_up, Report, Hooks) ->
    tell([link, up], #{}, [resync, why, role, offset, replid], Report, Hooks);
report(link_down, Report, Hooks) ->
    tell([link, down], #{}, [reason, text], Report, Hooks);
report(replay, Report, Hooks) ->
    tell([load, start], now_too(), [], Report#{source => file}, Hooks);
report(loaded, #{seconds := Seconds} = Report, Hooks) ->
    Duration = erlang:convert_time_unit(round(Seconds * 1000), millisecond, native),
    Measured = (maps:with([keys, bytes], Report))#{duration => Duration},
    tell([load, stop], Measured, [], Report, Hooks);
report(callback_failed, Report, Hooks) ->
    tell([callback, failed], #{}, [event, class, reason, stacktrace], Report, Hooks);
report(callback_skipped, Report, Hooks) ->
    Measured = maps:with([events], Report),
    tell([callback, skipped], Measured, [event, class, reason], Report, Hooks);
report(_What, _Report, _Hooks) ->
    ok.

%% @doc There is no link; the next attempt is in `Delay' ms.
-spec reconnect(non_neg_integer(), Info, binary(), none | hooks()) -> ok when
    Info :: #{reconnects := non_neg_integer(), last_error := eslaver_retry:dated(), _ => _}.
reconnect(_Delay, _Info, _Master, none) ->
    ok;
reconnect(Delay, #{reconnects := Tries, last_error := Error}, Master, Hooks) ->
    Native = erlang:convert_time_unit(Delay, millisecond, native),
    Measured = #{delay => Native, tries => Tries},
    tell([reconnect], Measured, [reason, text], Error#{master => Master}, Hooks).

%% @doc The callback has handled a batch.
-spec handled(Events :: pos_integer(), Duration :: integer(), hooks()) -> ok.
handled(Events, Duration, Hooks) ->
    tell([batch, handled], #{events => Events, duration => Duration}, [], #{}, Hooks).

now_too() ->
    #{system_time => erlang:system_time()}.

tell(Event, Measured, Keys, Report, #hooks{function = Function, replica = Replica} = Hooks) ->
    About = maps:with([master, source | Keys], Report),
    try
        _ = Function([eslaver | Event], Measured, About#{replica => Replica}),
        ok
    catch
        Class:Reason:Stack -> raised({Class, Reason, Stack}, Event, Hooks)
    end.

raised({Class, Reason, Stack}, Event, #hooks{raised = Raised, replica = Replica}) ->
    case atomics:exchange(Raised, 1, 1) of
        0 ->
            eslaver_log:report(warning, hook_failed, #{
                replica => Replica,
                event => Event,
                class => Class,
                reason => Reason,
                stacktrace => Stack
            });
        1 ->
            ok
    end.
