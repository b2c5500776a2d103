%% A bad network: a TCP proxy between a replica and its master. It cuts connections after a number
%% of bytes, stalls, trickles, and leads elsewhere when told to. It never changes what it passes on.
%%
%% `down` is from the master to the replica, `up` the other way.
-module(eslaver_test_proxy).

-export([start/1, stop/1, port/1, target/2]).
-export([cut/1, cut_after/4, stall/1, trickle/2, late/2, flow/1]).
-export([cuts/1, connections/1, passed/2]).

-export_type([proxy/0, direction/0, manner/0]).

-opaque proxy() :: #{process := pid(), port := inet:port_number(), table := ets:table()}.
-type direction() :: down | up.
%% `eof`: what has been passed on arrives, and then the end. `reset`: some of it may not.
-type manner() :: eof | reset.
-type target() :: inet:port_number() | none.

-define(TIMEOUT, 10_000).
-define(STEP, 5).

%% To a port of the loopback interface; `none` closes every connection at once. It ends with the
%% process that started it.
-spec start(target() | pid()) -> proxy().
start(Master) when is_pid(Master) ->
    start(eslaver_test_master:port(Master));
start(Target) ->
    Owner = self(),
    Process = spawn(fun() -> init(Owner, Target) end),
    receive
        {Process, Port, Table} -> #{process => Process, port => Port, table => Table}
    after ?TIMEOUT -> error(proxy_does_not_start)
    end.

-spec stop(proxy()) -> ok.
stop(#{process := Process}) ->
    Ref = erlang:monitor(process, Process),
    Process ! stop,
    receive
        {'DOWN', Ref, process, Process, _} -> ok
    after ?TIMEOUT -> error(proxy_does_not_stop)
    end.

-spec port(proxy()) -> inet:port_number().
port(#{port := Port}) -> Port.

%% Where new connections lead.
-spec target(proxy(), target() | pid()) -> ok.
target(Proxy, Master) when is_pid(Master) ->
    target(Proxy, eslaver_test_master:port(Master));
target(#{table := Table}, Target) ->
    put(Table, target, Target).

%% Ends all connections at once.
-spec cut(proxy()) -> ok.
cut(#{table := Table}) ->
    _ = [
        close(From, To, reset)
     || {{connection, _}, From, To} <- ets:match_object(Table, {{connection, '_'}, '_', '_'})
    ],
    true = ets:match_delete(Table, {{connection, '_'}, '_', '_'}),
    count(Table, cuts, 1).

%% Cuts after `Bytes` more in this direction, of this connection or of later ones.
-spec cut_after(proxy(), direction(), non_neg_integer(), manner()) -> ok.
cut_after(#{table := Table}, Direction, Bytes, Manner) ->
    put(Table, {budget, Direction}, {Bytes, Manner}).

%% Passes nothing on until flow/1.
-spec stall(proxy()) -> ok.
stall(Proxy) ->
    stall(Proxy, down),
    stall(Proxy, up).

stall(#{table := Table}, Direction) ->
    put(Table, {pace, Direction}, stalled).

%% Passes `Bytes` to the replica each millisecond.
-spec trickle(proxy(), pos_integer()) -> ok.
trickle(#{table := Table}, Bytes) ->
    put(Table, {pace, down}, Bytes).

%% What comes in the links of replicas arrives this late, in ms, or up to twice that. Other
%% connections are as fast as before.
-spec late(proxy(), pos_integer()) -> ok.
late(#{table := Table}, Ms) ->
    put(Table, {pace, down}, {late, Ms}).

%% As fast as it goes, which is how a proxy begins.
-spec flow(proxy()) -> ok.
flow(#{table := Table}) ->
    put(Table, {pace, down}, free),
    put(Table, {pace, up}, free).

%% How many times a connection was cut.
-spec cuts(proxy()) -> non_neg_integer().
cuts(#{table := Table}) -> get(Table, cuts).

-spec connections(proxy()) -> non_neg_integer().
connections(#{table := Table}) -> get(Table, connections).

%% Bytes passed on in this direction, in all connections.
-spec passed(proxy(), direction()) -> non_neg_integer().
passed(#{table := Table}, Direction) -> get(Table, {passed, Direction}).

get(Table, Key) ->
    ets:lookup_element(Table, Key, 2).

put(Table, Key, Value) ->
    true = ets:insert(Table, {Key, Value}),
    ok.

count(Table, Key, Increment) ->
    _ = ets:update_counter(Table, Key, Increment),
    ok.

%% One process owns the table and knows when to end, one accepts and owns the sockets, and two for
%% each connection pass bytes on.

init(Owner, Target) ->
    Ref = erlang:monitor(process, Owner),
    Table = ets:new(?MODULE, [public, {read_concurrency, true}]),
    true = ets:insert(Table, [
        {target, Target},
        {cuts, 0},
        {connections, 0},
        {{passed, down}, 0},
        {{passed, up}, 0},
        {{pace, down}, free},
        {{pace, up}, free},
        {{budget, down}, none},
        {{budget, up}, none}
    ]),
    Self = self(),
    Acceptor = spawn_link(fun() -> listen(Self, Table) end),
    receive
        {Acceptor, Port} -> Owner ! {self(), Port, Table}
    end,
    receive
        stop -> ok;
        {'DOWN', Ref, process, Owner, _} -> ok
    end,
    exit(shutdown).

listen(Parent, Table) ->
    Options = [binary, {active, false}, {ip, {127, 0, 0, 1}}, {backlog, 256}, {nodelay, true}],
    {ok, Listener} = gen_tcp:listen(0, Options),
    {ok, Port} = inet:port(Listener),
    Parent ! {self(), Port},
    accept(Listener, Table).

accept(Listener, Table) ->
    {ok, Replica} = gen_tcp:accept(Listener),
    count(Table, connections, 1),
    case connect(get(Table, target)) of
        {ok, Master} ->
            Connection = make_ref(),
            true = ets:insert(Table, {{connection, Connection}, Master, Replica}),
            _ = spawn_link(fun() -> pass(Master, Replica, {down, Connection}, Table) end),
            _ = spawn_link(fun() -> pass(Replica, Master, {up, Connection}, Table) end),
            ok;
        {error, _} ->
            gen_tcp:close(Replica)
    end,
    accept(Listener, Table).

connect(none) ->
    {error, econnrefused};
connect(Port) ->
    Options = [binary, {active, false}, {nodelay, true}, {buffer, 65_536}],
    gen_tcp:connect({127, 0, 0, 1}, Port, Options, ?TIMEOUT).

pass(From, To, Way, Table) ->
    try
        copy(From, To, Way, Table)
    catch
        %% The table is missing, as the proxy ends.
        error:badarg -> ok
    end.

copy(From, To, {Direction, _} = Way, Table) ->
    case gen_tcp:recv(From, 0) of
        {ok, Bytes} ->
            ok = note_replica(Bytes, Way, Table),
            case within_budget(Bytes, Direction, Table) of
                {all, Bytes} ->
                    case paced(Bytes, To, Way, Table) of
                        ok -> copy(From, To, Way, Table);
                        {error, _} -> drain(From)
                    end;
                {cut, Before, Manner} ->
                    _ = paced(Before, To, Way, Table),
                    count(Table, cuts, 1),
                    close(From, To, Manner)
            end;
        {error, _} ->
            close(From, To, eof)
    end.

%% Who asks for the stream is a replica.
note_replica(Bytes, {up, Connection}, Table) ->
    case binary:match(Bytes, [<<"PSYNC">>, <<"psync">>]) of
        nomatch -> ok;
        _ -> put(Table, {replica, Connection}, true)
    end;
note_replica(_Bytes, {down, _Connection}, _Table) ->
    ok.

within_budget(Bytes, Direction, Table) ->
    Size = byte_size(Bytes),
    case get(Table, {budget, Direction}) of
        none ->
            {all, Bytes};
        {Budget, Manner} when Size >= Budget ->
            ok = put(Table, {budget, Direction}, none),
            {cut, binary:part(Bytes, 0, Budget), Manner};
        {Budget, Manner} ->
            ok = put(Table, {budget, Direction}, {Budget - Size, Manner}),
            {all, Bytes}
    end.

paced(<<>>, _To, _Way, _Table) ->
    ok;
paced(Bytes, To, {Direction, Connection} = Way, Table) ->
    case get(Table, {pace, Direction}) of
        free ->
            send(Bytes, To, Direction, Table);
        {late, Ms} ->
            _ = [timer:sleep(Ms) || ets:member(Table, {replica, Connection})],
            send(Bytes, To, Direction, Table);
        stalled ->
            timer:sleep(?STEP),
            paced(Bytes, To, Way, Table);
        Pace ->
            Size = min(byte_size(Bytes), Pace),
            <<Now:Size/binary, Later/binary>> = Bytes,
            case send(Now, To, Direction, Table) of
                ok ->
                    timer:sleep(1),
                    paced(Later, To, Way, Table);
                Error ->
                    Error
            end
    end.

send(Bytes, To, Direction, Table) ->
    count(Table, {passed, Direction}, byte_size(Bytes)),
    gen_tcp:send(To, Bytes).

%% A socket with unread bytes is reset when it is closed, and takes along what was sent to it. So
%% the other side is told that nothing follows, and closes.
close(From, To, eof) ->
    _ = gen_tcp:shutdown(To, write),
    gen_tcp:close(From);
close(From, To, reset) ->
    _ = [
        begin
            _ = inet:setopts(Socket, [{linger, {true, 0}}]),
            gen_tcp:close(Socket)
        end
     || Socket <- [To, From]
    ],
    ok.

drain(From) ->
    case gen_tcp:recv(From, 0, 2000) of
        {ok, _} -> drain(From);
        {error, _} -> gen_tcp:close(From)
    end.
