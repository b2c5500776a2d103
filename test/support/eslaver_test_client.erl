%% A small RESP2 client with which the suites fill and question a master. It shares no code with
%% the product, so that both cannot be wrong in the same way.
-module(eslaver_test_client).

-export([connect/1, close/1, command/2, command/3, ok/2, pipeline/2, pipeline/3, info/2]).
-export([send/2, reply/2]).

-export_type([client/0, reply/0]).

-type client() :: gen_tcp:socket().
-type arg() :: iodata() | integer() | atom().
-type reply() :: binary() | integer() | null | {error, binary()} | [reply()].

-define(TIMEOUT, 30_000).
%% How many commands are sent before their replies are read.
-define(CHUNK, 500).

%% A port on the loopback interface, a unix socket, or a server of eslaver_test_master.
-spec connect(inet:port_number() | {local, file:filename()} | pid()) -> client().
connect(Master) when is_pid(Master) ->
    connect(eslaver_test_master:port(Master));
connect({local, _} = Address) ->
    connect(Address, 0);
connect(Port) ->
    connect({127, 0, 0, 1}, Port).

connect(Address, Port) ->
    Options = [binary, {active, false}, {nodelay, Port =/= 0}, {buffer, 65_536}],
    {ok, Client} = gen_tcp:connect(Address, Port, Options, ?TIMEOUT),
    Client.

-spec close(client()) -> ok.
close(Client) ->
    gen_tcp:close(Client).

-spec command(client(), [arg()]) -> reply().
command(Client, Args) ->
    command(Client, Args, ?TIMEOUT).

-spec command(client(), [arg()], timeout()) -> reply().
command(Client, Args, Timeout) ->
    ok = gen_tcp:send(Client, encode(Args)),
    {Reply, <<>>} = reply(<<>>, Client, Timeout),
    Reply.

%% A command that must not fail.
-spec ok(client(), [arg()]) -> reply().
ok(Client, Args) ->
    case command(Client, Args) of
        {error, Reason} -> error({command_failed, shorten(Args), Reason});
        Reply -> Reply
    end.

%% A field of the INFO of a server.
-spec info(client(), string()) -> binary() | none.
info(Client, Field) ->
    Text = ok(Client, ["INFO"]),
    Regex = ["^", Field, ":(.*?)\\r?$"],
    case re:run(Text, Regex, [multiline, {capture, [1], binary}]) of
        {match, [Value]} -> Value;
        nomatch -> none
    end.

-spec pipeline(client(), [[arg()]]) -> [reply()].
pipeline(Client, Commands) ->
    pipeline(Client, Commands, ?TIMEOUT).

-spec pipeline(client(), [[arg()]], timeout()) -> [reply()].
pipeline(_Client, [], _Timeout) ->
    [];
pipeline(Client, Commands, Timeout) ->
    {Now, Later} = lists:split(min(?CHUNK, length(Commands)), Commands),
    ok = gen_tcp:send(Client, [encode(Args) || Args <- Now]),
    {Replies, <<>>} = replies(length(Now), <<>>, Client, Timeout, []),
    Replies ++ pipeline(Client, Later, Timeout).

%% A command whose reply is waited for later, if at all.
-spec send(client(), [arg()]) -> ok.
send(Client, Args) ->
    ok = gen_tcp:send(Client, encode(Args)).

%% The reply to a command that was sent, if there is one.
-spec reply(client(), timeout()) -> reply() | {error, none}.
reply(Client, Timeout) ->
    try reply(<<>>, Client, Timeout) of
        {Reply, <<>>} -> Reply
    catch
        error:{master_does_not_answer, timeout} -> {error, none}
    end.

encode(Args) ->
    Items = [bulk(Arg) || Arg <- Args],
    [$*, integer_to_list(length(Args)), "\r\n" | Items].

bulk(Arg) when is_integer(Arg) -> bulk(integer_to_binary(Arg));
bulk(Arg) when is_atom(Arg) -> bulk(atom_to_binary(Arg));
bulk(Arg) -> [$$, integer_to_list(iolist_size(Arg)), "\r\n", Arg, "\r\n"].

%% Reading: what has been received and not yet used is passed along.

reply(Buffer, Client, Timeout) ->
    case line(Buffer, Client, Timeout) of
        {<<"+", Text/binary>>, Rest} ->
            {Text, Rest};
        {<<"-", Text/binary>>, Rest} ->
            {{error, Text}, Rest};
        {<<":", Number/binary>>, Rest} ->
            {binary_to_integer(Number), Rest};
        {<<"$-1">>, Rest} ->
            {null, Rest};
        {<<"*-1">>, Rest} ->
            {null, Rest};
        {<<"$", Size/binary>>, Rest} ->
            bulk_reply(binary_to_integer(Size), Rest, Client, Timeout);
        {<<"*", Count/binary>>, Rest} ->
            replies(binary_to_integer(Count), Rest, Client, Timeout, [])
    end.

replies(0, Buffer, _Client, _Timeout, Replies) ->
    {lists:reverse(Replies), Buffer};
replies(Count, Buffer, Client, Timeout, Replies) ->
    {Reply, Rest} = reply(Buffer, Client, Timeout),
    replies(Count - 1, Rest, Client, Timeout, [Reply | Replies]).

bulk_reply(Size, Buffer, Client, Timeout) ->
    Missing = Size + 2 - byte_size(Buffer),
    <<Data:Size/binary, "\r\n", Rest/binary>> =
        case Missing > 0 of
            true -> <<Buffer/binary, (recv(Client, Missing, Timeout))/binary>>;
            false -> Buffer
        end,
    {binary:copy(Data), Rest}.

line(Buffer, Client, Timeout) ->
    case binary:split(Buffer, <<"\r\n">>) of
        [Line, Rest] -> {Line, Rest};
        [_] -> line(<<Buffer/binary, (recv(Client, 0, Timeout))/binary>>, Client, Timeout)
    end.

recv(Client, Size, Timeout) ->
    case gen_tcp:recv(Client, Size, Timeout) of
        {ok, Data} -> Data;
        {error, Reason} -> error({master_does_not_answer, Reason})
    end.

shorten(Args) ->
    [
        case is_binary(Arg) andalso byte_size(Arg) > 40 of
            true -> binary:part(Arg, 0, 40);
            false -> Arg
        end
     || Arg <- lists:sublist(Args, 6)
    ].
