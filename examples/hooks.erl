%% Prints what a replica reports through hooks, until Enter is pressed.
%%
%%     ERL_LIBS=_build/default/lib escript examples/hooks.erl [Port]
%%
%% A hook has the arguments of `telemetry:execute/3'. With telemetry among your dependencies use
%%
%%     eslaver:start_link(#{hooks => fun telemetry:execute/3, ...})
%%
%% and attach your handlers with `telemetry:attach_many/4' as usual.
-module(hooks).
-mode(compile).
-export([main/1]).

main([]) ->
    main(["6379"]);
main([Port]) ->
    {ok, Replica} = eslaver:start_link(#{
        master_port => list_to_integer(Port),
        callback => fun(_Event) -> ok end,
        hooks => fun print/3
    }),
    _ = io:get_line(""),
    eslaver:stop(Replica).

print([eslaver, load, stop], #{keys := Keys, duration := Duration}, #{master := Master}) ->
    Seconds = Duration / erlang:convert_time_unit(1, second, native),
    io:format("~b keys of ~ts loaded in ~.3f s~n", [Keys, Master, Seconds]);
print([eslaver, batch, handled], #{events := Events}, _Metadata) ->
    io:format("~b events handled~n", [Events]);
print(Event, _Measurements, _Metadata) ->
    io:format("~p~n", [Event]).
