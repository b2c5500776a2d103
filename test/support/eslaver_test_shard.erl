%% A cluster of one shard, a master and its replica, on free loopback ports.
-module(eslaver_test_shard).

-export([start/1]).

-define(SLOTS, 16_384).

%% Ends with the process that starts it.
-spec start(file:filename()) -> {Master, Replica} when
    Master :: eslaver_test_master:master(), Replica :: eslaver_test_master:master().
start(Server) ->
    Nodes = [Master, Replica] = [start_node(Server) || _ <- [1, 2]],
    [OfMaster, OfReplica] = Clients = [eslaver_test_client:connect(Node) || Node <- Nodes],
    <<"OK">> = eslaver_test_client:ok(OfMaster, ["CLUSTER", "ADDSLOTSRANGE", 0, ?SLOTS - 1]),
    [_, Bus] = eslaver_test_client:ok(OfMaster, ["CONFIG", "GET", "cluster-port"]),
    Port = eslaver_test_master:port(Master),
    <<"OK">> = eslaver_test_client:ok(OfReplica, ["CLUSTER", "MEET", "127.0.0.1", Port, Bus]),
    Id = eslaver_test_client:ok(OfMaster, ["CLUSTER", "MYID"]),
    true = eslaver_test_wait:until(fun() ->
        <<"OK">> =:= eslaver_test_client:command(OfReplica, ["CLUSTER", "REPLICATE", Id])
    end),
    true = eslaver_test_wait:until(fun() ->
        lists:all(fun is_ok/1, Clients) andalso
            eslaver_test_client:info(OfReplica, "master_link_status") =:= <<"up">>
    end),
    _ = [ok = eslaver_test_client:close(Client) || Client <- Clients],
    {Master, Replica}.

start_node(Server) ->
    eslaver_test_master:start(#{
        server => Server,
        config => [
            {"cluster-enabled", "yes"},
            {"cluster-port", free_port},
            {"cluster-node-timeout", "5000"},
            {"repl-diskless-sync", "yes"}
        ]
    }).

is_ok(Client) ->
    Info = eslaver_test_client:ok(Client, ["CLUSTER", "INFO"]),
    Knows = fun(Words) -> binary:match(Info, Words) =/= nomatch end,
    Knows(<<"cluster_state:ok">>) andalso Knows(<<"cluster_known_nodes:2">>).
