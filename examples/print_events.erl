%% Prints every event of a master until Enter is pressed. The callback is a fun.
%%
%%     ERL_LIBS=_build/default/lib escript examples/print_events.erl [Port]
-module(print_events).
-mode(compile).
-export([main/1]).

main([]) ->
    main(["6379"]);
main([Port]) ->
    Print = fun(Event) -> io:format("~p~n", [Event]) end,
    {ok, Replica} = eslaver:start_link(#{
        master_port => list_to_integer(Port),
        callback => Print
    }),
    _ = io:get_line(""),
    eslaver:stop(Replica).
