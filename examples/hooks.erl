%% Prints what a replica says of itself until Enter is pressed, by way of hooks.
%%
%%     ERL_LIBS=_build/default/lib escript examples/hooks.erl [Port]
%%
%% Hooks are called as telemetry calls its handlers. With telemetry among your dependencies the
%% bridge is
%%
%%     eslaver:start_link(#{hooks => fun telemetry:execute/3, ...})
%%
%% and your handlers are attached to the events by `telemetry:attach_many/4', as ever.
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
