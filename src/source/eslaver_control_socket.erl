%% @doc Sockets of control connections: from an address to an open socket, with TLS if wanted.
%% @private
-module(eslaver_control_socket).

-export([open/3]).
-export_type([transport/0, socket/0]).

%% How long a write may wait for a peer that does not read, in ms.
-define(SEND_TIMEOUT, 1000).

-type transport() :: gen_tcp | ssl.
-type socket() :: gen_tcp:socket() | ssl:sslsocket().

%% @doc Opens a socket until `Deadline'. A name is resolved anew each time, and all its addresses
%% are tried, each for its share of the time.
-spec open(eslaver_nif:address(), undefined | eslaver_nif:tls(), Deadline :: integer()) ->
    {ok, transport(), socket()} | {error, Text :: binary()}.
open(Address, Tls, Deadline) ->
    case addresses(Address) of
        {ok, Addresses} -> connected(try_all(Addresses, Deadline), Address, Tls, Deadline);
        {error, Reason} -> {error, cannot("resolve", Address, Reason)}
    end.

addresses({tcp, Host, Port}) ->
    [Bare | Zone] = binary:split(Host, <<"%">>),
    case inet:parse_strict_address(binary_to_list(Bare)) of
        {ok, Ip} -> scoped(Zone, address(Ip, Port));
        {error, einval} -> resolved(unicode:characters_to_list(Host), Port)
    end;
addresses({_Local, Path}) ->
    {ok, [#{family => local, path => Path}]}.

address(Ip, Port) when tuple_size(Ip) =:= 4 -> #{family => inet, addr => Ip, port => Port};
address(Ip, Port) -> #{family => inet6, addr => Ip, port => Port}.

%% The zone of a link-local address, by name or number.
scoped([], Address) ->
    {ok, [Address]};
scoped([Zone], Address) ->
    case net:if_name2index(binary_to_list(Zone)) of
        {ok, Index} -> {ok, [Address#{scope_id => Index}]};
        {error, _} -> numbered(string:to_integer(Zone), Address)
    end.

numbered({Index, <<>>}, Address) when Index >= 0 -> {ok, [Address#{scope_id => Index}]};
numbered(_, _Address) -> {error, nxdomain}.

resolved(Name, Port) ->
    Found = [inet:getaddrs(Name, Family) || Family <- [inet, inet6]],
    case {lists:append([Ips || {ok, Ips} <- Found]), Found} of
        {[], [Error, _]} -> Error;
        {Ips, _} -> {ok, [address(Ip, Port) || Ip <- Ips]}
    end.

try_all([Address | Others], Deadline) ->
    Share = max(left(Deadline) div (length(Others) + 1), 1),
    Options = [
        binary,
        {active, false},
        {nodelay, maps:get(family, Address) =/= local},
        {keepalive, true},
        {send_timeout, ?SEND_TIMEOUT},
        {send_timeout_close, true}
    ],
    case {gen_tcp:connect(Address, Options, Share), Others} of
        {{ok, Socket}, _} -> {ok, Socket};
        {{error, Reason}, []} -> {error, Reason};
        {{error, _}, _} -> try_all(Others, Deadline)
    end.

connected({ok, Socket}, _Address, undefined, _Deadline) ->
    {ok, gen_tcp, Socket};
connected({ok, Socket}, {tcp, Host, _}, Tls, Deadline) ->
    case eslaver_control_tls:secure(Socket, Host, Tls, max(left(Deadline), 1)) of
        {ok, Secure} ->
            {ok, ssl, Secure};
        {error, _} = Error ->
            ok = gen_tcp:close(Socket),
            Error
    end;
connected({error, Reason}, Address, _Tls, _Deadline) ->
    {error, cannot("connect to", Address, Reason)}.

left(Deadline) -> Deadline - eslaver_clock:now_ms().

cannot(What, Address, Reason) ->
    eslaver_text:format("cannot ~ts ~ts: ~ts", [
        What, eslaver_log:address(Address), eslaver_text:socket_error(Reason)
    ]).
