%% A proxy (eslaver_test_proxy) in front of each node of a test cluster, also of those that come
%% later: for the option `addresses`.
-module(eslaver_test_cluster_proxies).

-export([start/0, addresses/1, of_node/3, cut/3]).
-export_type([proxies/0]).

-opaque proxies() :: pid().

-define(TIMEOUT, 10_000).

%% They end with the process that started them.
-spec start() -> proxies().
start() ->
    Owner = self(),
    spawn(fun() -> loop(erlang:monitor(process, Owner), #{}) end).

%% The address of the proxy that leads to an address.
-spec addresses(proxies()) -> fun((Address) -> Address) when
    Address :: {Host :: term(), inet:port_number()} | {tcp, Host :: term(), inet:port_number()}.
addresses(Proxies) ->
    fun
        ({tcp, Host, Port}) -> {tcp, Host, eslaver_test_proxy:port(proxy(Proxies, Port))};
        ({Host, Port}) -> {Host, eslaver_test_proxy:port(proxy(Proxies, Port))}
    end.

-spec of_node(proxies(), eslaver_test_cluster:cluster(), eslaver_test_cluster:node_()) ->
    eslaver_test_proxy:proxy().
of_node(Proxies, Cluster, Node) ->
    proxy(Proxies, eslaver_test_cluster:port(Cluster, Node)).

%% Cuts all connections to a node.
-spec cut(proxies(), eslaver_test_cluster:cluster(), eslaver_test_cluster:node_()) -> ok.
cut(Proxies, Cluster, Node) ->
    eslaver_test_proxy:cut(of_node(Proxies, Cluster, Node)).

proxy(Proxies, Port) ->
    Ref = erlang:monitor(process, Proxies),
    Proxies ! {proxy, Port, self(), Ref},
    receive
        {Ref, Proxy} ->
            erlang:demonitor(Ref, [flush]),
            Proxy;
        {'DOWN', Ref, process, Proxies, Reason} ->
            error({proxies_are_gone, Reason})
    after ?TIMEOUT -> error(no_proxy)
    end.

loop(Owner, Known) ->
    receive
        {proxy, Port, From, Ref} ->
            Proxy =
                case Known of
                    #{Port := Old} -> Old;
                    #{} -> eslaver_test_proxy:start(Port)
                end,
            From ! {Ref, Proxy},
            loop(Owner, Known#{Port => Proxy});
        {'DOWN', Owner, process, _, _} ->
            ok
    end.
