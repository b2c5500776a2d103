%% Follows the master of a group of Sentinels, and prints where it is and the result of each
%% failover, until Enter is pressed. The mirror can be read all the time.
%%
%%     ERL_LIBS=_build/default/lib escript examples/failover.erl mymaster [SentinelPort]
-module(failover).
-mode(compile).
-export([main/1]).

main([Name]) ->
    main([Name, "26379"]);
main([Name, Port]) ->
    {ok, _} = eslaver_mirror:start_link(#{
        name => game,
        sentinels => [{"127.0.0.1", list_to_integer(Port)}],
        master_name => Name,
        events => full,
        callback => fun handle/1
    }),
    _ = io:get_line(""),
    eslaver_mirror:stop(game).

handle({link, up, #{master := Master, resync := Resync, why := Why}}) ->
    io:format("~ts: ~s sync (~s)~n", [Master, Resync, Why]);
handle({link, down, #{reason := Reason}}) ->
    io:format("no link (~s), the data is ~s~n", [Reason, eslaver_mirror:status(game)]);
handle(_Event) ->
    ok.
