%% @doc A client of a server's unix socket, which waits for each reply. No value here has a line
%% break.
-module(eslaver_bench_client).

-export([connect/1, ask/2]).

-type reply() :: binary() | undefined | [reply()].

-spec connect(file:name_all()) -> gen_tcp:socket().
connect(Path) ->
    Options = [binary, {active, false}, {packet, line}, {buffer, 65_536}],
    {ok, Socket} = gen_tcp:connect({local, Path}, 0, Options),
    Socket.

%% @doc The reply to one command.
-spec ask(gen_tcp:socket(), [binary()]) -> reply().
ask(Socket, Command) ->
    ok = gen_tcp:send(Socket, encode(Command)),
    reply(Socket).

encode(Command) ->
    [$*, integer_to_list(length(Command)), "\r\n" | [bulk(Word) || Word <- Command]].

bulk(Word) -> [$$, integer_to_list(byte_size(Word)), "\r\n", Word, "\r\n"].

reply(Socket) ->
    case line(Socket) of
        <<"$-1">> -> undefined;
        <<"$", _/binary>> -> line(Socket);
        <<"*", Count/binary>> -> [reply(Socket) || _ <- lists:seq(1, binary_to_integer(Count))];
        <<Sign, Line/binary>> when Sign =/= $- -> Line
    end.

line(Socket) ->
    {ok, Line} = gen_tcp:recv(Socket, 0),
    binary:part(Line, 0, byte_size(Line) - 2).
