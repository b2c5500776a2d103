%% A fake master that does what it is told: it serves recorded snapshots, broken ones, or nonsense,
%% and remembers what the replica has said.
%%
%% It is started with a list of scripts: one for each connection, the last for all that follow.
-module(eslaver_test_fake_master).

-export([start/1, start/2, stop/1, port/1, commands/1, connections/1, send/2, drop/1]).
-export([full_resync/1, full_resync/2, full_resync_marked/1, replid/0]).

-export_type([script/0]).

%% `greeting` is sent as soon as a replica connects; `replies` to commands, by upper-case name
%% (+PONG, +OK otherwise), where `close` closes the connection; `then` says what follows the reply
%% to PSYNC.
-type script() :: #{
    greeting => iodata(),
    replies => #{binary() => iodata() | close},
    psync => iodata(),
    then => keep | close
}.
-type fake() :: pid().

-define(TIMEOUT, 10_000).
-define(REPLID, <<"0123456789abcdef0123456789abcdef01234567">>).

%% Ends with the process that started it.
-spec start([script(), ...]) -> fake().
start(Scripts) ->
    start({127, 0, 0, 1}, Scripts).

%% The same at an address of its own, such as that of a unix socket, of which there can be any
%% number.
-spec start(inet:socket_address(), [script(), ...]) -> fake().
start(Address, Scripts) ->
    Owner = self(),
    Fake = spawn(fun() -> init(Owner, Address, Scripts) end),
    receive
        {Fake, ready} -> Fake
    after ?TIMEOUT -> error(fake_master_does_not_start)
    end.

-spec stop(fake()) -> ok.
stop(Fake) -> call(Fake, stop).

-spec port(fake()) -> inet:port_number().
port(Fake) -> call(Fake, port).

%% What was received: the connection's number, from 1, and the command.
-spec commands(fake()) -> [{pos_integer(), [binary()]}].
commands(Fake) -> call(Fake, commands).

%% How many connections there have been.
-spec connections(fake()) -> non_neg_integer().
connections(Fake) -> call(Fake, connections).

%% To the newest connection.
-spec send(fake(), iodata()) -> ok.
send(Fake, Bytes) -> call(Fake, {send, Bytes}).

%% Closes the newest connection.
-spec drop(fake()) -> ok.
drop(Fake) -> call(Fake, drop).

-spec replid() -> binary().
replid() -> ?REPLID.

%% The answer to PSYNC, with this snapshot.
-spec full_resync(iodata()) -> iodata().
full_resync(Snapshot) ->
    full_resync(iolist_size(Snapshot), Snapshot).

%% The same with another length than the true one.
-spec full_resync(non_neg_integer(), iodata()) -> iodata().
full_resync(Length, Snapshot) ->
    ["+FULLRESYNC ", ?REPLID, " 1000\r\n$", integer_to_list(Length), "\r\n", Snapshot].

-spec full_resync_marked(iodata()) -> iodata().
full_resync_marked(Snapshot) ->
    Mark = binary:copy(<<"0123456789">>, 4),
    ["+FULLRESYNC ", ?REPLID, " 1000\r\n$EOF:", Mark, "\r\n", Snapshot, Mark].

call(Fake, Request) ->
    Ref = erlang:monitor(process, Fake),
    Fake ! {call, self(), Ref, Request},
    receive
        {Ref, Reply} ->
            erlang:demonitor(Ref, [flush]),
            Reply;
        {'DOWN', Ref, process, Fake, Reason} ->
            error({fake_master_is_gone, Reason})
    after ?TIMEOUT ->
        error({fake_master_timeout, Request})
    end.

init(Owner, Address, Scripts) ->
    Ref = erlang:monitor(process, Owner),
    {ok, Listener} = gen_tcp:listen(0, [binary, {active, false}, {ifaddr, Address}]),
    Self = self(),
    _ = spawn_link(fun() -> accept(Self, Listener) end),
    Owner ! {Self, ready},
    loop(#{
        owner => Ref,
        listener => Listener,
        scripts => Scripts,
        commands => [],
        count => 0,
        last => none
    }).

accept(Fake, Listener) ->
    {ok, Socket} = gen_tcp:accept(Listener),
    ok = gen_tcp:controlling_process(Socket, Fake),
    Fake ! {accepted, Socket},
    accept(Fake, Listener).

loop(#{owner := Owner, listener := Listener, count := Count, last := Last} = State) ->
    receive
        {call, From, Ref, stop} ->
            From ! {Ref, ok},
            exit(shutdown);
        {call, From, Ref, Request} ->
            From ! {Ref, answer(Request, State)},
            loop(State);
        {'DOWN', Owner, process, _, _} ->
            exit(shutdown);
        {accepted, Socket} ->
            [Script | Later] = maps:get(scripts, State),
            Self = self(),
            Number = Count + 1,
            Connection = spawn_link(fun() -> connection(Self, Number, Script) end),
            ok = gen_tcp:controlling_process(Socket, Connection),
            Connection ! {socket, Socket},
            Left =
                case Later of
                    [] -> [Script];
                    _ -> Later
                end,
            loop(State#{scripts := Left, count := Number, last := Socket});
        {command, Number, Command} ->
            Commands = maps:get(commands, State),
            loop(State#{commands := [{Number, Command} | Commands]});
        _Other when is_port(Listener); Last =:= none ->
            loop(State)
    end.

answer(port, #{listener := Listener}) ->
    {ok, Port} = inet:port(Listener),
    Port;
answer(commands, #{commands := Commands}) ->
    lists:reverse(Commands);
answer(connections, #{count := Count}) ->
    Count;
answer({send, Bytes}, #{last := Socket}) ->
    gen_tcp:send(Socket, Bytes);
answer(drop, #{last := Socket}) ->
    gen_tcp:shutdown(Socket, read_write).

%% One connection.

connection(Fake, Number, Script) ->
    receive
        {socket, Socket} ->
            _ = gen_tcp:send(Socket, maps:get(greeting, Script, <<>>)),
            serve(Fake, Number, Script, Socket, <<>>)
    end.

serve(Fake, Number, Script, Socket, Buffer) ->
    case request(Buffer) of
        more ->
            case gen_tcp:recv(Socket, 0) of
                {ok, Data} ->
                    serve(Fake, Number, Script, Socket, <<Buffer/binary, Data/binary>>);
                {error, _} ->
                    ok
            end;
        {Command, Rest} ->
            Fake ! {command, Number, Command},
            case reply(Command, Script, Socket) of
                keep ->
                    serve(Fake, Number, Script, Socket, Rest);
                close ->
                    gen_tcp:shutdown(Socket, write),
                    gen_tcp:close(Socket)
            end
    end.

reply([], _Script, _Socket) ->
    keep;
reply([Name | Args], Script, Socket) ->
    Replies = maps:get(replies, Script, #{}),
    case string:uppercase(Name) of
        <<"PSYNC">> ->
            _ = gen_tcp:send(Socket, maps:get(psync, Script, <<"-ERR no snapshot\r\n">>)),
            maps:get(then, Script, keep);
        <<"REPLCONF">> when hd(Args) =:= <<"ACK">> ->
            keep;
        Upper ->
            Default =
                case Upper of
                    <<"PING">> -> <<"+PONG\r\n">>;
                    _ -> <<"+OK\r\n">>
                end,
            case maps:get(Upper, Replies, Default) of
                close ->
                    close;
                Reply ->
                    _ = gen_tcp:send(Socket, Reply),
                    keep
            end
    end.

%% A RESP array of bulk strings; an empty or an inline line.
request(Buffer) ->
    case line(Buffer) of
        more ->
            more;
        {<<"*", Count/binary>>, Rest} ->
            bulks(binary_to_integer(Count), Rest, []);
        {Inline, Rest} ->
            {string:lexemes(Inline, " "), Rest}
    end.

bulks(0, Rest, Args) ->
    {lists:reverse(Args), Rest};
bulks(Count, Buffer, Args) ->
    case line(Buffer) of
        {<<"$", Size/binary>>, Rest} ->
            Length = binary_to_integer(Size),
            case Rest of
                <<Arg:Length/binary, "\r\n", Later/binary>> ->
                    bulks(Count - 1, Later, [Arg | Args]);
                _ ->
                    more
            end;
        more ->
            more
    end.

line(Buffer) ->
    case binary:split(Buffer, <<"\n">>) of
        [Line, Rest] -> {string:trim(Line, trailing, "\r"), Rest};
        [_] -> more
    end.
