%% Prints a leaderboard from a mirror each time it changes on the master, until Enter is pressed.
%%
%%     ERL_LIBS=_build/default/lib escript examples/mirror.erl [Port]
%%
%% The mirror keeps the whole dataset in memory. Any process reads it with calls named after Redis'
%% commands, without sending a message.
-module(mirror).
-mode(compile).
-export([main/1]).

main([]) ->
    main(["6379"]);
main([Port]) ->
    {ok, _} = eslaver_mirror:start_link(#{master_port => list_to_integer(Port)}),
    ok = eslaver_mirror:await(eslaver_mirror, loaded, 60000),
    Shower = spawn_link(fun() ->
        {ok, _} = eslaver_mirror:subscribe(eslaver_mirror, #{keys => <<"scores">>}),
        loop()
    end),
    _ = io:get_line(""),
    unlink(Shower),
    exit(Shower, kill),
    eslaver_mirror:stop(eslaver_mirror).

loop() ->
    Best = eslaver_mirror:zrange(eslaver_mirror, <<"scores">>, 0, 2, #{rev => true}),
    io:format("best: ~0p~n", [[{Name, name_of(Name)} || Name <- Best]]),
    receive
        {eslaver, _Ref, _Change} -> loop()
    end.

name_of(Id) ->
    eslaver_mirror:hget(eslaver_mirror, <<"user:", Id/binary>>, <<"name">>).
