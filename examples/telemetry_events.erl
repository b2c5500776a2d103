%% Prints what a replica reports as telemetry, until Enter is pressed.
%%
%%     ERL_LIBS=_build/default/lib escript examples/telemetry_events.erl [Port]
%%
%% With the library telemetry in the node nothing has to be set: attach your handlers with
%% `telemetry:attach_many/4' as usual, or have the events logged, one line each, by
%% `eslaver:attach_default_logger()'. Without it, a function gets them, as here.
-module(telemetry_events).
-mode(compile).
-export([main/1]).

main([]) ->
    main(["6379"]);
main([Port]) ->
    {ok, Replica} = eslaver:start_link(#{
        master_port => list_to_integer(Port),
        callback => fun(_Event) -> ok end,
        telemetry => fun print/3,
        telemetry_every => 1000
    }),
    _ = io:get_line(""),
    eslaver:stop(Replica).

print([eslaver, load, stop], #{keys := Keys, duration := Duration}, #{master := Master}) ->
    Seconds = Duration / erlang:convert_time_unit(1, second, native),
    io:format("~b keys of ~ts loaded in ~.3f s~n", [Keys, Master, Seconds]);
print([eslaver, callback, start], _Measurements, _Metadata) ->
    ok;
print([eslaver, callback, stop], #{events := Events}, _Metadata) ->
    io:format("~b events handled~n", [Events]);
print([eslaver, replica, gauge], Measurements, #{state := State}) ->
    io:format("~s, ~b bytes to be handled~n", [State, maps:get(lag, Measurements, 0)]);
print(Event, _Measurements, _Metadata) ->
    io:format("~p~n", [Event]).
