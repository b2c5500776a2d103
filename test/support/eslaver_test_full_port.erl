%% A port where connecting never ends: nobody accepts, and the queue is full.
-module(eslaver_test_full_port).

-export([open/0, close/1]).

-spec open() -> {inet:port_number(), [gen_tcp:socket()]}.
open() ->
    {ok, Listener} = gen_tcp:listen(0, [{ip, {127, 0, 0, 1}}, {backlog, 0}]),
    {ok, Port} = inet:port(Listener),
    {Port, [Listener | fill(Port, 20)]}.

fill(Port, Left) when Left > 0 ->
    case gen_tcp:connect({127, 0, 0, 1}, Port, [], 300) of
        {ok, Socket} -> [Socket | fill(Port, Left - 1)];
        {error, timeout} -> []
    end.

-spec close([gen_tcp:socket()]) -> ok.
close(Sockets) ->
    lists:foreach(fun gen_tcp:close/1, Sockets).
