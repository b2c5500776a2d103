%% @doc A connection over which a server or a Sentinel is asked about itself, by the process that
%% opens it.
%%
%% All waits have limits. Errors are a reason and a text for people. The password stays in its fun
%% except while it is sent, and no error repeats it.
%% @private
-module(eslaver_control).

-export([connect/2, call/3, listen/1, received/2, peer/1, close/1]).
-export([shown/1]).
-export_type([control/0, target/0, secret/0, error/0]).

%% The most characters of a server's words that are shown.
-define(MAX_SHOWN, 200).

-type secret() :: fun(() -> binary() | undefined).
%% In a fun, since the term that contains it may be printed.

-type target() :: #{
    address := eslaver_nif:address(),
    user := binary() | undefined,
    password := secret(),
    tls := undefined | eslaver_nif:tls()
}.
%% Where to connect, and as whom.

-type error() :: {Reason :: atom(), Text :: binary()}.

-record(control, {
    transport :: gen_tcp | ssl,
    socket :: gen_tcp:socket() | ssl:sslsocket(),
    reader = eslaver_resp:new() :: eslaver_resp:reader()
}).

-opaque control() :: #control{}.

%% @doc Connects and authenticates, within this time. Whoever listens to what arrives unasked calls
%% {@link listen/1}.
-spec connect(target(), LimitMs :: pos_integer()) -> {ok, control()} | {error, error()}.
connect(#{address := Address, tls := Tls} = Target, Limit) ->
    Deadline = eslaver_clock:now_ms() + Limit,
    case eslaver_control_socket:open(Address, Tls, Deadline) of
        {ok, Transport, Socket} ->
            greet(Target, Deadline, #control{transport = Transport, socket = Socket});
        {error, Text} ->
            {error, {unreachable, Text}}
    end.

greet(#{user := User, password := Password}, Deadline, Control) ->
    case auth(User, Password()) of
        none -> {ok, Control};
        Command -> authenticate(Command, Deadline, Control)
    end.

auth(undefined, undefined) -> none;
auth(undefined, Password) -> [<<"AUTH">>, Password];
auth(User, undefined) -> [<<"AUTH">>, User, <<>>];
auth(User, Password) -> [<<"AUTH">>, User, Password].

authenticate(Command, Deadline, Control) ->
    case call([Command], max(Deadline - eslaver_clock:now_ms(), 1), Control) of
        {ok, [{error, Text}], _} ->
            ok = close(Control),
            {error, {auth, without(lists:last(Command), Text)}};
        {ok, [_], Next} ->
            {ok, Next};
        {error, _} = Error ->
            Error
    end.

%% A server that does not know `AUTH' repeats what it was sent.
without(Secret, Text) ->
    [Words | _] = binary:split(Text, <<", with args beginning with">>),
    case Secret of
        <<>> -> shown(Words);
        _ -> shown(binary:replace(Words, Secret, <<"***">>, [global]))
    end.

%% @doc Sends commands in one piece and waits for their answers. After an error the connection is
%% closed.
-spec call([[binary()]], LimitMs :: pos_integer(), control()) ->
    {ok, [eslaver_resp:reply()], control()} | {error, error()}.
call(Commands, Limit, #control{transport = Transport, socket = Socket} = Control) ->
    Deadline = eslaver_clock:now_ms() + Limit,
    case Transport:send(Socket, lists:map(fun eslaver_resp:request/1, Commands)) of
        ok -> answers(length(Commands), [], Deadline, Control);
        {error, Reason} -> failed(Reason, Control)
    end.

answers(0, Answers, _Deadline, Control) ->
    {ok, Answers, Control};
answers(Missing, Before, Deadline, #control{transport = Transport, socket = Socket} = Control) when
    Missing > 0
->
    case Transport:recv(Socket, 0, max(Deadline - eslaver_clock:now_ms(), 0)) of
        {ok, Bytes} ->
            case eslaver_resp:feed(Bytes, Control#control.reader) of
                {ok, Answers, Reader} ->
                    Left = Missing - length(Answers),
                    answers(Left, Before ++ Answers, Deadline, Control#control{reader = Reader});
                {error, Reason} ->
                    failed(Reason, Control)
            end;
        {error, Reason} ->
            failed(Reason, Control)
    end;
answers(_TooMany, _Answers, _Deadline, Control) ->
    failed(malformed, Control).

%% @doc Has what arrives sent to the calling process, once; {@link received/2} reads it. No more
%% commands can be sent then.
-spec listen(control()) -> ok | {error, error()}.
listen(#control{transport = gen_tcp, socket = Socket} = Control) ->
    listening(inet:setopts(Socket, [{active, once}]), Control);
listen(#control{transport = ssl, socket = Socket} = Control) ->
    listening(ssl:setopts(Socket, [{active, once}]), Control).

listening(ok, _Control) -> ok;
listening({error, Reason}, Control) -> failed(Reason, Control).

%% @doc Reads a message that {@link listen/1} has asked for.
-spec received(Message :: term(), control()) ->
    {ok, [eslaver_resp:reply()], control()} | {error, error()} | other.
received({Tag, Socket, Bytes}, #control{socket = Socket, reader = Reader} = Control) when
    Tag =:= tcp; Tag =:= ssl
->
    case eslaver_resp:feed(Bytes, Reader) of
        {ok, Replies, Next} -> {ok, Replies, Control#control{reader = Next}};
        {error, Reason} -> failed(Reason, Control)
    end;
received({Tag, Socket}, #control{socket = Socket} = Control) when
    Tag =:= tcp_closed; Tag =:= ssl_closed
->
    failed(closed, Control);
received({Tag, Socket, Reason}, #control{socket = Socket} = Control) when
    Tag =:= tcp_error; Tag =:= ssl_error
->
    failed(Reason, Control);
received(_Message, _Control) ->
    other.

failed(closed, #control{transport = gen_tcp} = Control) ->
    ok = close(Control),
    {error, {closed, <<"it closed the connection; if it uses TLS, set the option for that">>}};
failed(Reason, Control) ->
    ok = close(Control),
    {error, explained(Reason)}.

explained(closed) -> {closed, <<"it closed the connection">>};
explained(timeout) -> {timeout, <<"it does not answer">>};
explained(malformed) -> {malformed, <<"its answer is not in the protocol of Redis">>};
explained(too_long) -> {malformed, <<"its answer is too long">>};
explained(Reason) -> {closed, eslaver_text:socket_error(Reason)}.

%% @doc The address at the other end.
-spec peer(control()) -> {ok, eslaver_nif:address()} | error.
peer(#control{transport = Transport, socket = Socket}) ->
    Peer =
        case Transport of
            gen_tcp -> inet:peername(Socket);
            ssl -> ssl:peername(Socket)
        end,
    case Peer of
        {ok, {Ip, Port}} when is_tuple(Ip) -> {ok, {tcp, list_to_binary(inet:ntoa(Ip)), Port}};
        _ -> error
    end.

%% @doc Closes the connection.
-spec close(control()) -> ok.
close(#control{transport = Transport, socket = Socket}) ->
    _ = Transport:close(Socket),
    ok.

%% @doc A server's words for people: short, and without control characters.
-spec shown(binary()) -> binary().
shown(Text) ->
    Characters = unicode:characters_to_list(eslaver_log:path(Text)),
    Short = lists:sublist(Characters, ?MAX_SHOWN),
    eslaver_text:format("~ts", [[visible(One) || One <- Short]]).

visible(Character) when Character < $\s; Character =:= 127 -> $?;
visible(Character) -> Character.
