%% A master, a mirror of it behind a bad network, and a replica of the master's own kind, for
%% eslaver_test_convergence; and what may go wrong with them.
-module(eslaver_test_mirrored_master).

-export([start/1, stop/1, faults/1, mirror/1, clients/1, snapshot/1]).
-export_type([running/0]).

-opaque running() :: #{
    subject := eslaver_test_convergence:subject(),
    servers := {eslaver_test_master:master(), eslaver_test_master:master()},
    proxy := eslaver_test_proxy:proxy(),
    mirror := atom()
}.

-define(TIMEOUT, 30_000).
-define(PATIENCE, 5000).
%% Those that the workloads use.
-define(DBS, [0, 1, 2, 3]).
%% Small enough to be outrun.
-define(BACKLOG, 65_536).

-spec start(eslaver_test_servers:server()) -> {eslaver_test_convergence:subject(), running()}.
start(#{server := Path, name := Name, version := Version}) ->
    Backlog = [{"repl-backlog-size", integer_to_list(?BACKLOG)}],
    First = eslaver_test_master:start(#{server => Path, config => Backlog}),
    Second = eslaver_test_master:start(#{server => Path, config => Backlog}),
    ok = follow(Second, First, Version),
    Proxy = eslaver_test_proxy:start(First),
    Mirror = list_to_atom(atom_to_list(Name) ++ "_mirror"),
    Target = eslaver_test_replica:target(eslaver_test_proxy:port(Proxy)),
    {ok, _} = eslaver_mirror:start_link(Target#{name => Mirror}),
    ok = eslaver_mirror:await(Mirror, loaded, ?TIMEOUT),
    Servers = {First, Second},
    Which = atomics:new(1, []),
    ok = atomics:put(Which, 1, 1),
    Subject = #{
        connect => fun() -> connect(Servers, atomics:get(Which, 1)) end,
        replica => #{
            caught_up => fun(Place) -> has_mirror(Mirror, Place) end,
            content => fun() -> eslaver_test_content:of_mirror(Mirror, ?DBS) end
        },
        referee => #{
            caught_up => fun(Place) -> as_replica(Servers, Which, fun(C) -> has(C, Place) end) end,
            content => fun() ->
                as_replica(Servers, Which, fun eslaver_test_content:of_server/1)
            end
        },
        trouble => fun() -> maps:get(unapplied, eslaver_mirror:info(Mirror)) end,
        fault => fun(Fault, Client) ->
            fault(Fault, Client, #{
                servers => Servers, which => Which, proxy => Proxy, mirror => Mirror
            })
        end
    },
    {Subject, #{servers => Servers, proxy => Proxy, mirror => Mirror}}.

-spec stop(running()) -> ok.
stop(#{servers := {First, Second}, proxy := Proxy, mirror := Mirror}) ->
    ok = eslaver_mirror:stop(Mirror),
    ok = eslaver_test_proxy:stop(Proxy),
    ok = eslaver_test_master:stop(Second),
    eslaver_test_master:stop(First).

-spec mirror(running()) -> atom().
mirror(#{mirror := Mirror}) -> Mirror.

%% To its first master, and to the replica of that.
-spec clients(running()) -> [eslaver_test_client:client()].
clients(#{servers := {First, Second}}) ->
    [eslaver_test_client:connect(Server) || Server <- [First, Second]].

%% The types that another mirror finds in a snapshot of the first master, and what it has otherwise
%% than the master.
-spec snapshot(running()) -> {[atom()], [eslaver_test_content:difference()]}.
snapshot(#{servers := {First, _}, mirror := Mirror}) ->
    Name = list_to_atom(atom_to_list(Mirror) ++ "_of_snapshot"),
    Target = eslaver_test_replica:target(eslaver_test_master:port(First)),
    {ok, _} = eslaver_mirror:start_link(Target#{name => Name}),
    ok = eslaver_mirror:await(Name, loaded, ?TIMEOUT),
    Client = eslaver_test_client:connect(First),
    Differences = fun() ->
        eslaver_test_content:differences(
            eslaver_test_content:of_server(Client), eslaver_test_content:of_mirror(Name, ?DBS)
        )
    end,
    Left = eslaver_test_convergence:remaining(Differences, ?PATIENCE),
    Content = eslaver_test_content:of_mirror(Name, ?DBS),
    ok = eslaver_test_client:close(Client),
    ok = eslaver_mirror:stop(Name),
    {lists:usort([Type || #{type := Type} <- maps:values(Content)]), Left}.

%% Not by its configuration, which would hold after a restart, also as the master.
follow(Server, Master, Version) ->
    Client = eslaver_test_client:connect(Server),
    Of = ["127.0.0.1", eslaver_test_master:port(Master)],
    <<"OK">> = eslaver_test_client:ok(Client, [replica_of(Version) | Of]),
    eslaver_test_client:close(Client).

replica_of(Version) when Version < {5, 0, 0} -> "SLAVEOF";
replica_of(_) -> "REPLICAOF".

has_mirror(Mirror, {Replid, Offset}) ->
    case eslaver_mirror:info(Mirror) of
        #{status := fresh, replid := Replid, offset := Has} -> Has >= Offset;
        _ -> false
    end.

has(Client, {_Replid, Offset}) ->
    eslaver_test_client:info(Client, "master_link_status") =:= <<"up">> andalso
        binary_to_integer(eslaver_test_client:info(Client, "slave_repl_offset")) >= Offset.

connect(Servers, Which) ->
    eslaver_test_client:connect(element(Which, Servers)).

%% Asks the server that is not the master now.
as_replica(Servers, Which, Ask) ->
    Client = connect(Servers, 3 - atomics:get(Which, 1)),
    try
        Ask(Client)
    after
        eslaver_test_client:close(Client)
    end.

%% What can happen with this server.
-spec faults(eslaver_test_servers:server()) -> [atom()].
faults(#{version := Version}) ->
    [cut, cut, cut_later, cut_later, outrun, kill_replica, restart] ++
        [failover || Version >= {6, 2, 0}].

%% The connection is cut: now, or in the middle of later data.
fault(cut, Client, #{proxy := Proxy}) ->
    ok = eslaver_test_proxy:cut(Proxy),
    Client;
fault(cut_later, Client, #{proxy := Proxy}) ->
    Manner = eslaver_test_command_words:any([eof, reset]),
    ok = eslaver_test_proxy:cut_after(Proxy, down, rand:uniform(20_000), Manner),
    Client;
%% Meanwhile more is written than the master keeps.
fault(outrun, Client, #{proxy := Proxy, servers := Servers, which := Which}) ->
    ok = eslaver_test_proxy:target(Proxy, none),
    ok = eslaver_test_proxy:cut(Proxy),
    Value = binary:copy(<<"x">>, ?BACKLOG div 8),
    _ = eslaver_test_client:pipeline(Client, [["SET", "outrun", Value] || _ <- lists:seq(1, 20)]),
    _ = eslaver_test_client:ok(Client, ["DEL", "outrun"]),
    ok = eslaver_test_proxy:target(Proxy, element(atomics:get(Which, 1), Servers)),
    Client;
fault(kill_replica, Client, #{mirror := Mirror}) ->
    ok = eslaver_test_proxied_mirror:kill_replica(Mirror),
    Client;
fault(restart, Client, #{servers := Servers, which := Which}) ->
    Master = element(atomics:get(Which, 1), Servers),
    %% It may be saving for a replica now.
    true = eslaver_test_wait:until(fun() ->
        eslaver_test_client:command(Client, ["SAVE"]) =:= <<"OK">>
    end),
    ok = eslaver_test_client:close(Client),
    ok = eslaver_test_master:restart(Master),
    eslaver_test_client:connect(Master);
fault(failover, Client, #{proxy := Proxy, servers := Servers, which := Which}) ->
    New = 3 - atomics:get(Which, 1),
    Next = element(New, Servers),
    NextClient = eslaver_test_client:connect(Next),
    To = ["FAILOVER", "TO", "127.0.0.1", eslaver_test_master:port(Next)],
    true = eslaver_test_wait:until(
        fun() -> eslaver_test_client:command(Client, To) =:= <<"OK">> end, ?TIMEOUT
    ),
    lists:foreach(
        fun({Of, Role}) ->
            true = eslaver_test_wait:until(
                fun() -> eslaver_test_client:info(Of, "role") =:= Role end, ?TIMEOUT
            )
        end,
        [{NextClient, <<"master">>}, {Client, <<"slave">>}]
    ),
    ok = atomics:put(Which, 1, New),
    ok = eslaver_test_proxy:target(Proxy, Next),
    ok = eslaver_test_proxy:cut(Proxy),
    ok = eslaver_test_client:close(Client),
    NextClient.
