%% A master's own history: a plain replica which writes down every command of the stream and the
%% offset behind it. It shares no code with the product, so that both cannot be wrong in the same
%% way.
-module(eslaver_test_stream_recorder).

-export([start/1, stop/1, history/1, await/2]).

-export_type([command/0, entry/0]).

-type command() :: [binary()].
%% The name is in lower case.
-type entry() :: {OffsetBehind :: non_neg_integer(), command()}.

-define(TIMEOUT, 30_000).

%% To be started before what is to be seen is written. It ends with the process that started it.
-spec start(pid() | inet:port_number()) -> pid().
start(Master) when is_pid(Master) ->
    start(eslaver_test_master:port(Master));
start(Port) ->
    Owner = self(),
    Tap = spawn(fun() -> init(Owner, Port) end),
    receive
        {Tap, ready} -> Tap
    after ?TIMEOUT -> error(tap_does_not_start)
    end.

-spec stop(pid()) -> ok.
stop(Tap) -> call(Tap, stop).

%% Every command since the start, in order.
-spec history(pid()) -> [entry()].
history(Tap) -> call(Tap, history).

%% Waits until this command has come.
-spec await(pid(), command()) -> ok.
await(Tap, Command) ->
    true = eslaver_test_wait:until(fun() -> call(Tap, {has, Command}) end),
    ok.

call(Tap, Request) ->
    Ref = erlang:monitor(process, Tap),
    Tap ! {call, self(), Ref, Request},
    receive
        {Ref, Reply} ->
            erlang:demonitor(Ref, [flush]),
            Reply;
        {'DOWN', Ref, process, Tap, Reason} ->
            error({tap_is_gone, Reason})
    after ?TIMEOUT -> error(tap_does_not_answer)
    end.

init(Owner, Port) ->
    Ref = erlang:monitor(process, Owner),
    {ok, Socket} = gen_tcp:connect({127, 0, 0, 1}, Port, [binary, {active, false}], ?TIMEOUT),
    ok = gen_tcp:send(Socket, "PSYNC ? -1\r\n"),
    {<<"+FULLRESYNC ", _:40/binary, " ", Offset/binary>>, Rest} = line(Socket, <<>>),
    {<<"$", Size/binary>>, Begun} = line(Socket, Rest),
    Buffer = skip(Socket, binary_to_integer(Size), Begun),
    Owner ! {self(), ready},
    {ok, _} = timer:send_interval(1000, acknowledge),
    ok = inet:setopts(Socket, [{active, once}]),
    loop(
        parse(#{
            owner => Ref,
            socket => Socket,
            buffer => Buffer,
            offset => binary_to_integer(Offset),
            history => []
        })
    ).

line(Socket, <<"\n", Buffer/binary>>) ->
    line(Socket, Buffer);
line(Socket, Buffer) ->
    case binary:split(Buffer, <<"\r\n">>) of
        [Line, Rest] -> {Line, Rest};
        [_] -> line(Socket, <<Buffer/binary, (more(Socket))/binary>>)
    end.

skip(_Socket, Size, Buffer) when byte_size(Buffer) >= Size ->
    binary:part(Buffer, Size, byte_size(Buffer) - Size);
skip(Socket, Size, Buffer) ->
    skip(Socket, Size - byte_size(Buffer), more(Socket)).

more(Socket) ->
    {ok, Bytes} = gen_tcp:recv(Socket, 0, ?TIMEOUT),
    Bytes.

loop(#{owner := Owner, socket := Socket, buffer := Buffer, offset := Offset} = State) ->
    receive
        {tcp, Socket, Bytes} ->
            ok = inet:setopts(Socket, [{active, once}]),
            loop(parse(State#{buffer := <<Buffer/binary, Bytes/binary>>}));
        {tcp_closed, Socket} ->
            loop(State#{socket := closed});
        acknowledge when Socket =/= closed ->
            _ = gen_tcp:send(Socket, ["REPLCONF ACK ", integer_to_list(Offset), "\r\n"]),
            loop(State);
        {call, From, Ref, stop} ->
            From ! {Ref, ok};
        {call, From, Ref, history} ->
            From ! {Ref, lists:reverse(maps:get(history, State))},
            loop(State);
        {call, From, Ref, {has, Command}} ->
            From ! {Ref, lists:keymember(Command, 2, maps:get(history, State))},
            loop(State);
        {'DOWN', Owner, process, _, _} ->
            ok
    end.

parse(#{buffer := Buffer, offset := Offset, history := History} = State) ->
    case command(Buffer) of
        more ->
            State;
        {[Name | Args], Rest} ->
            Behind = Offset + byte_size(Buffer) - byte_size(Rest),
            Command = [string:lowercase(Name) | Args],
            parse(State#{
                buffer := Rest, offset := Behind, history := [{Behind, Command} | History]
            })
    end.

command(<<"*", Buffer/binary>>) ->
    case number(Buffer) of
        more -> more;
        {Count, Rest} -> arguments(Count, Rest, [])
    end;
command(<<>>) ->
    more.

arguments(0, Rest, Args) ->
    {lists:reverse(Args), Rest};
arguments(Count, <<"$", Buffer/binary>>, Args) ->
    case number(Buffer) of
        {Size, Body} when byte_size(Body) >= Size + 2 ->
            <<Arg:Size/binary, "\r\n", Rest/binary>> = Body,
            arguments(Count - 1, Rest, [binary:copy(Arg) | Args]);
        _ ->
            more
    end;
arguments(_Count, <<>>, _Args) ->
    more.

number(Buffer) ->
    case binary:split(Buffer, <<"\r\n">>) of
        [Digits, Rest] -> {binary_to_integer(Digits), Rest};
        [_] -> more
    end.
