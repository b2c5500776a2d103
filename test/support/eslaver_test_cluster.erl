%% A real cluster: three masters, each with a replica, on free loopback ports, which begin as
%% members of it and fail over within seconds.
%%
%% A node is a server of eslaver_test_master, which kills, restarts, pauses and continues it. Slots
%% move with eslaver_test_cluster_moves; shards come and go, and fail over, with
%% eslaver_test_cluster_shards.
-module(eslaver_test_cluster).

-export([start/1, stop/1, versions/0, chosen/0, ways/1, soak/1]).
-export([add_node/1, remove_node/2, options/1]).
-export([nodes/1, alive/1, masters/1, replicas/2, seeds/1]).
-export([port/2, id/2, shard/2, node_of/2, ask/2, try_ask/2, view/1, own/1]).
-export([owner/2, owners/1, slots/2, slot/1, contents/1, settled/1, await/1]).

-export_type([cluster/0, options/0, node_/0]).

-opaque cluster() :: #{options := options(), table := ets:table()}.
%% `masters`, `replicas`: how many masters, and how many replicas each has.
%% `timeout`: `cluster-node-timeout`.
%% `failovers`: whether a replica takes over from a master that is slow or gone (the default).
%% `config`: more of it, as for eslaver_test_master.
-type options() :: #{
    server := file:filename(),
    masters => pos_integer(),
    replicas => non_neg_integer(),
    timeout => pos_integer(),
    failovers => boolean(),
    config => [{string(), term()}]
}.
-type node_() :: eslaver_test_master:master().

-define(SLOTS, 16_384).
-define(TRIES, 5).
-define(TIMEOUT, 60_000).
%% Of a node that may be paused.
-define(ANSWER, 3000).
%% Ports below those that clients are given, as the bus has a port of its own 10,000 above.
-define(PORTS, {10_100, 21_900}).
-define(BUS, 10_000).

%% Those that the cluster suites are for: the newest of each line at hand.
-spec versions() -> [eslaver_test_servers:server()].
versions() ->
    eslaver_test_servers:lines([
        {redis, {5, 0}},
        {redis, {7, 0}},
        {redis, {8, 6}},
        {redis, {8, 10}},
        {valkey, {8, 1}},
        {valkey, {9, 1}}
    ]).

%% Those that a run is for where all take too long: with ESLAVER_SOAK all, otherwise the oldest and
%% the newest.
-spec chosen() -> [eslaver_test_servers:server()].
chosen() ->
    case {eslaver_test_failover:is_long(), versions()} of
        {false, [First, _, _ | _] = Versions} -> [First, lists:last(Versions)];
        {_, Versions} -> Versions
    end.

%% How long chance goes on, in ms: this long, or of the seconds of ESLAVER_SOAK the share that each
%% version has.
-spec soak(pos_integer()) -> pos_integer().
soak(Short) ->
    case os:getenv("ESLAVER_SOAK", "") of
        "" -> Short;
        Seconds -> 1000 * list_to_integer(Seconds) div length(versions())
    end.

%% How slots move there: key by key, or all at once.
-spec ways(file:filename()) -> [classic | atomic].
ways(Server) ->
    case {eslaver_test_servers:family(Server), eslaver_test_servers:version(Server)} of
        {redis, Version} when Version >= {8, 4, 0} -> [classic, atomic];
        {valkey, Version} when Version >= {9, 0, 0} -> [classic, atomic];
        _ -> [classic]
    end.

%% Ends with the process that starts it. When it returns, all agree and each replica follows.
-spec start(options()) -> cluster().
start(Given) ->
    Defaults = #{masters => 3, replicas => 1, timeout => 2000, failovers => true, config => []},
    Options = maps:merge(Defaults, Given),
    Table = ets:new(?MODULE, [public, ordered_set]),
    Cluster = #{options => Options, table => Table},
    ok = start_members(Cluster, ?TRIES),
    ok = settled(Cluster),
    Cluster.

%% Another process may take a port before the server does: then all begin again.
start_members(#{options := Options, table := Table} = Cluster, Tries) ->
    #{server := Server, masters := Masters, replicas := Replicas} = Options,
    Count = Masters * (1 + Replicas),
    Ports = ports(Count),
    Members = [
        #{
            number => Number,
            id => new_id(),
            port => Port,
            master => master_of(Number, Masters),
            slots => share(Number, Masters)
        }
     || {Number, Port} <- lists:enumerate(Ports)
    ],
    Version = eslaver_test_servers:version(Server),
    Owner = self(),
    Started = eslaver_test_parallel:map(
        fun(#{number := Number, port := Port}) ->
            File = eslaver_test_cluster_nodes:file(Number, Members, Version),
            start_node(Options, Port, [{"nodes.conf", File}], Owner)
        end,
        Members
    ),
    case [Node || {ok, Node} <- Started] of
        Nodes when length(Nodes) =:= Count ->
            _ = [
                register_node(Table, Node, Port, list_to_binary(Id))
             || {Node, #{port := Port, id := Id}} <- lists:zip(Nodes, Members)
            ],
            ok;
        Nodes when Tries > 1 ->
            _ = [ok = eslaver_test_master:stop(Node) || Node <- Nodes],
            start_members(Cluster, Tries - 1)
    end.

start_node(#{server := Server, config := Config} = Options, Port, Files, Owner) ->
    #{timeout := Timeout, failovers := Failovers} = Options,
    Defaults = [
        {"cluster-enabled", "yes"},
        {"cluster-config-file", "nodes.conf"},
        {"cluster-node-timeout", integer_to_list(Timeout)},
        {"cluster-require-full-coverage", "no"},
        %% Replicas stay where they are, unless their master loses its last slot.
        {"cluster-migration-barrier", "100"},
        {"cluster-replica-validity-factor", "0"},
        {"cluster-replica-no-failover", yes_or_no(not Failovers)},
        {"repl-diskless-sync", "yes"},
        {"repl-ping-replica-period", "1"},
        {"repl-backlog-size", "64mb"}
    ],
    try
        {ok,
            eslaver_test_master:start(#{
                server => Server,
                port => Port,
                files => Files,
                config => Defaults ++ Config,
                owner => Owner
            })}
    catch
        error:{badmatch, {error, _}} -> error
    end.

yes_or_no(true) -> "yes";
yes_or_no(false) -> "no".

master_of(Number, Masters) when Number =< Masters -> none;
master_of(Number, Masters) -> (Number - 1) rem Masters + 1.

share(Number, Masters) when Number =< Masters ->
    [{(Number - 1) * ?SLOTS div Masters, Number * ?SLOTS div Masters - 1}];
share(_Number, _Masters) ->
    [].

register_node(Table, Node, Port, Id) ->
    true = ets:insert(Table, {erlang:unique_integer([monotonic]), Node, Port, Id}).

new_id() ->
    lists:flatten([io_lib:format("~2.16.0b", [Byte]) || <<Byte>> <= crypto:strong_rand_bytes(20)]).

ports(Count) ->
    ports(Count, []).

ports(0, Ports) ->
    Ports;
ports(Count, Ports) ->
    {First, Last} = ?PORTS,
    <<Random:32>> = crypto:strong_rand_bytes(4),
    Port = First + Random rem (Last - First),
    case is_new(Port) andalso is_free(Port) andalso is_free(Port + ?BUS) of
        true ->
            ok = persistent_term:put({?MODULE, Port}, taken),
            ports(Count - 1, [Port | Ports]);
        false ->
            ports(Count, Ports)
    end.

%% A port of a node that has been killed stays that of its cluster, whose nodes and clients look for
%% it there.
is_new(Port) -> persistent_term:get({?MODULE, Port}, new) =:= new.

is_free(Port) ->
    case gen_tcp:listen(Port, [{ip, {127, 0, 0, 1}}, {reuseaddr, true}]) of
        {ok, Socket} -> gen_tcp:close(Socket) =:= ok;
        {error, _} -> false
    end.

-spec stop(cluster()) -> ok.
stop(#{table := Table} = Cluster) ->
    _ = eslaver_test_parallel:map(fun eslaver_test_master:stop/1, ?MODULE:nodes(Cluster)),
    true = ets:delete(Table),
    ok.

-spec options(cluster()) -> options().
options(#{options := Options}) -> Options.

%% Another node, which knows none of the others.
-spec add_node(cluster()) -> node_().
add_node(#{options := Options, table := Table} = Cluster) ->
    [Port] = ports(1),
    case start_node(Options, Port, [], self()) of
        {ok, Node} ->
            Id = ask(Node, ["CLUSTER", "MYID"]),
            true = register_node(Table, Node, Port, Id),
            Node;
        error ->
            add_node(Cluster)
    end.

%% Stops it; the others are not told.
-spec remove_node(cluster(), node_()) -> ok.
remove_node(#{table := Table}, Node) ->
    ok = eslaver_test_master:stop(Node),
    true = ets:match_delete(Table, {'_', Node, '_', '_'}),
    ok.

%% All nodes, also those that were killed, in the order in which they came.
-spec nodes(cluster()) -> [node_()].
nodes(#{table := Table}) ->
    [Node || {_, Node, _, _} <- ets:tab2list(Table)].

%% Those whose processes run.
-spec alive(cluster()) -> [node_()].
alive(Cluster) ->
    [Node || Node <- ?MODULE:nodes(Cluster), eslaver_test_master:os_pid(Node) =/= undefined].

%% Those that say that they are masters, with slots or without.
-spec masters(cluster()) -> [node_()].
masters(Cluster) ->
    [Node || {Node, #{master := none}} <- owns(Cluster)].

%% Those that say that they follow this one.
-spec replicas(cluster(), node_()) -> [node_()].
replicas(Cluster, Master) ->
    Id = id(Cluster, Master),
    [Node || {Node, #{master := Of}} <- owns(Cluster), Of =:= Id].

%% For the option `cluster` of a replica.
-spec seeds(cluster()) -> [{string(), inet:port_number()}].
seeds(#{table := Table}) ->
    [{"127.0.0.1", Port} || {_, _, Port, _} <- ets:tab2list(Table)].

-spec port(cluster(), node_()) -> inet:port_number().
port(#{table := Table}, Node) ->
    [[Port]] = ets:match(Table, {'_', Node, '$1', '_'}),
    Port.

-spec id(cluster(), node_()) -> binary().
id(#{table := Table}, Node) ->
    [[Id]] = ets:match(Table, {'_', Node, '_', '$1'}),
    Id.

%% The id of the shard of one of the first masters.
-spec shard(cluster(), node_()) -> binary().
shard(#{options := #{server := Server}} = Cluster, Node) ->
    Version = eslaver_test_servers:version(Server),
    eslaver_test_cluster_nodes:shard(id(Cluster, Node), Version).

%% By its id or its port.
-spec node_of(cluster(), binary() | inet:port_number()) -> node_().
node_of(#{table := Table}, Which) ->
    [Node] = [
        Node
     || {_, Node, Port, Id} <- ets:tab2list(Table), Id =:= Which orelse Port =:= Which
    ],
    Node.

%% A command that must not fail, by a connection of its own.
-spec ask(node_(), [term()]) -> eslaver_test_client:reply().
ask(Node, Command) ->
    case try_ask(Node, Command, ?TIMEOUT) of
        {error, Reason} -> error({command_failed, Command, Reason});
        Reply -> Reply
    end.

%% A command to a node that may refuse it, hang or be down.
-spec try_ask(node_(), [term()]) -> eslaver_test_client:reply() | {error, term()}.
try_ask(Node, Command) ->
    try_ask(Node, Command, ?ANSWER).

try_ask(Node, Command, Timeout) ->
    try
        Client = eslaver_test_client:connect(Node),
        try
            eslaver_test_client:command(Client, Command, Timeout)
        after
            eslaver_test_client:close(Client)
        end
    catch
        error:Reason -> {error, Reason}
    end.

%% What a node says of all.
-spec view(node_()) -> [eslaver_test_cluster_nodes:line()].
view(Node) ->
    eslaver_test_cluster_nodes:parse(ask(Node, ["CLUSTER", "NODES"])).

%% What a node says of itself.
-spec own(node_()) -> eslaver_test_cluster_nodes:line().
own(Node) ->
    eslaver_test_cluster_nodes:myself(view(Node)).

owns(Cluster) ->
    [
        {Node, eslaver_test_cluster_nodes:myself(eslaver_test_cluster_nodes:parse(Text))}
     || Node <- alive(Cluster),
        Text <- [try_ask(Node, ["CLUSTER", "NODES"])],
        is_binary(Text)
    ].

%% The node that says so itself, with the highest epoch.
-spec owner(cluster(), 0..16383) -> node_().
owner(Cluster, Slot) ->
    Claims = [
        {Epoch, Node}
     || {Epoch, Node, Ranges} <- owners(Cluster), eslaver_test_cluster_nodes:in(Slot, Ranges)
    ],
    {_, Owner} = lists:max(Claims),
    Owner.

%% What each master claims, with its epoch.
-spec owners(cluster()) -> [{non_neg_integer(), node_(), [eslaver_test_cluster_nodes:range()]}].
owners(Cluster) ->
    [
        {Epoch, Node, Slots}
     || {Node, #{master := none, epoch := Epoch, slots := Slots}} <- owns(Cluster)
    ].

-spec slots(cluster(), node_()) -> [eslaver_test_cluster_nodes:range()].
slots(Cluster, Node) ->
    lists:append([Slots || {_, Of, Slots} <- owners(Cluster), Of =:= Node]).

%% The slot of a key: CRC-16 (XMODEM) of what stands in its first braces, if that is anything.
-spec slot(binary()) -> 0..16383.
slot(Key) ->
    crc16(hashed(Key), 0) rem ?SLOTS.

hashed(Key) ->
    case binary:split(Key, <<"{">>) of
        [_, Rest] ->
            case binary:split(Rest, <<"}">>) of
                [Tag, _] when Tag =/= <<>> -> Tag;
                _ -> Key
            end;
        [_] ->
            Key
    end.

crc16(<<>>, Crc) -> Crc;
crc16(<<Byte, Rest/binary>>, Crc) -> crc16(Rest, shifted(8, Crc bxor (Byte bsl 8))).

shifted(0, Crc) ->
    Crc;
shifted(N, Crc) when Crc band 16#8000 =/= 0 ->
    shifted(N - 1, ((Crc bsl 1) bxor 16#1021) band 16#FFFF);
shifted(N, Crc) ->
    shifted(N - 1, Crc bsl 1).

%% Every key that is in a slot of its owner, with its value. At rest that is all that there is.
-spec contents(cluster()) -> eslaver_test_content:content().
contents(Cluster) ->
    maps:from_list(
        lists:append(
            eslaver_test_parallel:map(
                fun({_, Node, Ranges}) -> owned(Node, Ranges) end,
                [Owner || {_, _, [_ | _]} = Owner <- owners(Cluster)]
            )
        )
    ).

owned(Node, Ranges) ->
    Client = eslaver_test_client:connect(Node),
    Content = eslaver_test_content:of_server(Client),
    ok = eslaver_test_client:close(Client),
    Slots = maps:from_keys(eslaver_test_cluster_nodes:numbers(Ranges), owned),
    [
        {{Db, Key}, Item}
     || {{Db, Key}, Item} <- maps:to_list(Content), is_map_key(slot(Key), Slots)
    ].

%% Waits until all nodes that run agree who owns what, no slot moves, and each replica follows.
-spec settled(cluster()) -> ok.
settled(Cluster) ->
    true = await(fun() -> is_settled(Cluster) end),
    ok.

is_settled(#{table := Table} = Cluster) ->
    Alive = alive(Cluster),
    Ids = [Id || {_, Node, _, Id} <- ets:tab2list(Table), lists:member(Node, Alive)],
    Views = [view(Node) || Node <- Alive],
    length(lists:usort([eslaver_test_cluster_nodes:owners(View) || View <- Views])) =:= 1 andalso
        length(lists:usort([roles(View, Ids) || View <- Views])) =:= 1 andalso
        lists:all(fun(View) -> is_calm(View, Ids) end, Views) andalso
        lists:all(fun is_ready/1, Alive).

%% Who follows whom.
roles(View, Ids) ->
    lists:sort([{Id, Master} || #{id := Id, master := Master} <- View, lists:member(Id, Ids)]).

is_calm(View, Ids) ->
    Known = [Id || #{id := Id} <- View],
    Ids -- Known =:= [] andalso
        lists:all(
            fun(#{id := Id, flags := Flags, link := Link, moving := Moving}) ->
                not lists:member(Id, Ids) orelse
                    (Moving =:= [] andalso (Link =:= <<"connected">>) andalso
                        Flags -- [<<"fail?">>, <<"fail">>, <<"handshake">>, <<"noaddr">>] =:= Flags)
            end,
            View
        ) andalso covered(View) =:= ?SLOTS.

covered(View) ->
    lists:sum([Last - First + 1 || {{First, Last}, _} <- eslaver_test_cluster_nodes:owners(View)]).

is_ready(Node) ->
    Info = ask(Node, ["CLUSTER", "INFO"]),
    Replication = ask(Node, ["INFO", "replication"]),
    binary:match(Info, <<"cluster_state:ok">>) =/= nomatch andalso
        binary:match(Replication, <<"master_link_status:down">>) =:= nomatch.

%% As eslaver_test_wait:until/1, where nodes may be down, close connections, or take too long.
-spec await(fun(() -> false | Result)) -> Result.
await(Condition) ->
    eslaver_test_wait:until(
        fun() ->
            try
                Condition()
            catch
                error:_ -> false
            end
        end,
        ?TIMEOUT
    ).
