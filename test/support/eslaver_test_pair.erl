%% Two servers, the second a replica of the first, and a proxy to the one that consumers follow: a
%% failover behind a fixed address.
-module(eslaver_test_pair).

-export([start/1, port/1, clients/1, isolate/1, lead/2, promote/1, in_step/1]).
-export_type([pair/0]).

-opaque pair() :: #{
    first := eslaver_test_master:master(),
    second := eslaver_test_master:master(),
    proxy := eslaver_test_proxy:proxy(),
    clients := {eslaver_test_client:client(), eslaver_test_client:client()}
}.

-spec start(eslaver_test_servers:server()) -> pair().
start(#{server := Path}) ->
    First = eslaver_test_master:start(#{server => Path}),
    Second = eslaver_test_master:start(#{server => Path}),
    Clients = {eslaver_test_client:connect(First), eslaver_test_client:connect(Second)},
    Of = ["REPLICAOF", "127.0.0.1", eslaver_test_master:port(First)],
    <<"OK">> = eslaver_test_client:ok(element(2, Clients), Of),
    Pair = #{
        first => First,
        second => Second,
        proxy => eslaver_test_proxy:start(First),
        clients => Clients
    },
    true = eslaver_test_wait:until(fun() ->
        eslaver_test_client:info(element(2, Clients), "master_link_status") =:= <<"up">>
    end),
    ok = in_step(Pair),
    Pair.

%% Where consumers connect to.
-spec port(pair()) -> inet:port_number().
port(#{proxy := Proxy}) -> eslaver_test_proxy:port(Proxy).

-spec clients(pair()) -> {eslaver_test_client:client(), eslaver_test_client:client()}.
clients(#{clients := Clients}) -> Clients.

%% The second has all writes of the first.
-spec in_step(pair()) -> ok.
in_step(#{clients := {First, Second}}) ->
    Offset = offset(First),
    true = eslaver_test_wait:until(fun() -> offset(Second) >= Offset end),
    ok.

offset(Client) ->
    binary_to_integer(eslaver_test_client:info(Client, "master_repl_offset")).

%% Consumers lose the server that they follow, and reach none.
-spec isolate(pair()) -> ok.
isolate(#{proxy := Proxy}) ->
    ok = eslaver_test_proxy:target(Proxy, none),
    eslaver_test_proxy:cut(Proxy).

%% They are led to this one.
-spec lead(first | second, pair()) -> ok.
lead(Which, #{proxy := Proxy} = Pair) ->
    #{Which := Server} = Pair,
    ok = eslaver_test_proxy:target(Proxy, Server),
    eslaver_test_proxy:cut(Proxy).

%% The second becomes a master, with what it has.
-spec promote(pair()) -> ok.
promote(#{clients := {_, Second}}) ->
    <<"OK">> = eslaver_test_client:ok(Second, ["REPLICAOF", "NO", "ONE"]),
    ok.
