%% What nodes tell of themselves, by real servers: which are followed, why a link is up, and what
%% becomes of a master that has lost its data.
-module(eslaver_roles_SUITE).

-include_lib("stdlib/include/assert.hrl").

-compile([export_all, nowarn_export_all]).

%% Long enough that nothing in a case waits for it.
-define(FOREVER, 600_000).

suite() ->
    [{timetrap, {minutes, 3}}, {ct_hooks, [eslaver_test_log_hook]}].

all() ->
    eslaver_test_groups:cases(?MODULE).

%% Each case, with all of these at the same time.
each(Case) ->
    Servers = eslaver_test_servers:lines([{redis, {7, 0}}, {redis, {8, 10}}, {valkey, {9, 1}}]),
    _ = eslaver_test_parallel:map(Case, Servers),
    ok.

%% Roles

%% A replica, for whoever reads from masters, is no more than a way to its master.
pointed_at_a_replica(_Config) ->
    each(fun(Server) ->
        {Master, Other} = pair(Server),
        lists:foreach(
            fun({Options, Role, Node, Link}) ->
                Self = self(),
                Hooks = fun(Event, _Measured, About) -> Self ! {hook, Event, About} end,
                {Replica, Collector} = follow(Other, Options#{hooks => Hooks}),
                ?assertMatch(
                    #{why := first, resync := full, role := Role}, link_up(1, Collector)
                ),
                ok = eslaver:await(Replica, loaded, 30_000),
                Address = address(Node),
                ?assertMatch(
                    #{role := Role, source := Address, master := Address, master_link := Link},
                    eslaver:info(Replica)
                ),
                receive
                    {hook, [eslaver, link, up], About} ->
                        ?assertMatch(#{why := first, role := Role}, About)
                after 0 -> error(no_hook)
                end,
                ok = eslaver:stop(Replica)
            end,
            [
                {#{}, master, Master, undefined},
                {#{read_from => master}, master, Master, undefined},
                {#{read_from => prefer_replica}, replica, Other, up},
                {#{read_from => replica}, replica, Other, up}
            ]
        )
    end).

%% It is said once, and followed as soon as it is a replica.
pointed_at_a_master(_Config) ->
    each(fun(Server) ->
        Master = start(Server),
        {Any, OfAny} = follow(Master, #{read_from => prefer_replica}),
        ?assertMatch(#{why := first, role := master}, link_up(1, OfAny)),
        ok = eslaver:stop(Any),
        {Replica, Collector} = follow(Master, #{read_from => replica}),
        true = eslaver_test_wait:until(fun() ->
            maps:get(reconnects, eslaver:info(Replica)) > 3
        end),
        #{last_error := #{text := Text}} = Info = eslaver:info(Replica),
        ?assertMatch(#{last_error := #{reason := master}, role := undefined}, Info),
        ?assertMatch({match, _}, re:run(Text, "read_from is replica.*prefer_replica")),
        ?assertEqual(1, times(Master, "no link \\(master\\)")),
        ?assertEqual([], eslaver_test_collector:events(Collector)),
        ok = replicate(Master, start(Server)),
        ?assertMatch(#{why := first, role := replica}, link_up(1, Collector)),
        eslaver:stop(Replica)
    end).

%% The replica's own master cannot be reached: both are tried again and again.
replica_of_nobody(_Config) ->
    each(fun(Server) ->
        Node = start(Server),
        Client = eslaver_test_client:connect(Node),
        <<"OK">> = eslaver_test_client:ok(Client, ["REPLICAOF", "127.0.0.1", "1"]),
        {Replica, Collector} = follow(Node, #{}),
        true = eslaver_test_wait:until(fun() ->
            #{reconnects := Tries} = eslaver:info(Replica),
            Tries > 8
        end),
        ?assertMatch(
            #{last_error := #{reason := Reason}} when
                Reason =:= replica orelse Reason =:= cannot_connect,
            eslaver:info(Replica)
        ),
        %% each is said once, however often it comes
        ?assertEqual(1, times(Node, "the master is now 127.0.0.1:1;")),
        ?assertEqual(1, times(Node, "no link \\(cannot_connect\\)")),
        <<"OK">> = eslaver_test_client:ok(Client, ["REPLICAOF", "NO", "ONE"]),
        Address = address(Node),
        ?assertMatch(#{why := first, role := master, master := Address}, link_up(1, Collector)),
        eslaver:stop(Replica)
    end).

%% While it is followed, a master becomes a replica, of a node that has its history; and that one
%% the replica of another, which has not.
demoted(_Config) ->
    each(fun(Server) ->
        {Old, New} = pair(Server),
        Other = start(Server),
        ok = set(Other, "other", "there"),
        {Replica, Collector} = follow(Old, #{empty_master_delay => ?FOREVER}),
        ok = eslaver:await(Replica, loaded, 30_000),
        ok = promote(Old, New),
        ok = replicate(Old, New),
        {Promoted, Another} = {address(New), address(Other)},
        ?assertMatch(
            #{why := failover, resync := partial, role := master, master := Promoted},
            link_up(2, Collector)
        ),
        ?assertMatch(#{source := Promoted, role := master}, eslaver:info(Replica)),
        ok = set(New, "k", "v2"),
        _ = await_set(Collector, <<"k">>, <<"v2">>),
        ok = replicate(New, Other),
        ?assertMatch(
            #{why := failover, resync := full, role := master, master := Another},
            link_up(3, Collector)
        ),
        _ = eslaver_test_collector:await(Collector, fun(Event) ->
            element(1, Event) =:= loading andalso element(3, Event) =:= <<"other">>
        end),
        ?assertEqual(0, times(Other, "lost its data|lacks events")),
        eslaver:stop(Replica)
    end).

%% One replica is left for another, which has not got yet what was handled: a moment later it has.
behind(_Config) ->
    each(fun(Server) ->
        {Master, Ahead} = pair(Server),
        Late = start(Server),
        Between = eslaver_test_proxy:start(Master),
        ok = replicate(Late, port(Between)),
        Options = #{read_from => replica},
        #{replica := Replica, proxy := Proxy, collector := Collector} =
            Followed = behind_proxy(Ahead, Options),
        ok = eslaver_test_proxy:stall(Between),
        ok = set(Master, "k", "late"),
        _ = await_set(Collector, <<"k">>, <<"late">>),
        ok = eslaver_test_proxy:target(Proxy, Late),
        ok = eslaver_test_proxy:cut(Proxy),
        true = eslaver_test_wait:until(fun() ->
            case eslaver:info(Replica) of
                #{last_error := #{reason := behind}} -> true;
                _ -> false
            end
        end),
        ok = eslaver_test_proxy:flow(Between),
        ?assertMatch(
            #{why := reconnect, resync := partial, role := replica}, link_up(2, Collector)
        ),
        ok = stop(Followed),
        eslaver_test_proxy:stop(Between)
    end).

%% A node that may not be asked is followed, whatever it is.
not_told(_Config) ->
    each(fun(#{server := Path} = Server) ->
        User = ["ACL", "SETUSER", "repl", "on", ">x", "+psync", "+replconf", "+ping"],
        Master = start(Server),
        Client = eslaver_test_client:connect(Master),
        <<"OK">> = eslaver_test_client:ok(Client, User),
        ok = unknown(Master, #{master_user => "repl", master_auth => "x"}, unknown),
        Renamed = fun(Commands) ->
            Config = [{"rename-command", [Command, ""]} || Command <- Commands],
            eslaver_test_master:start(#{server => Path, config => Config})
        end,
        ok = unknown(Renamed(["ROLE", "INFO"]), #{}, unknown),
        ok = unknown(Renamed(["INFO"]), #{}, master),
        {Replica, Collector} = follow(Renamed(["ROLE"]), #{}),
        ?assertMatch(#{why := first, role := master}, link_up(1, Collector)),
        eslaver:stop(Replica)
    end).

%% Without `INFO' nobody knows whether it has lost its data.
unknown(Master, Options, Role) ->
    {Replica, Collector} = follow(Master, Options#{empty_master_delay => ?FOREVER}),
    ?assertMatch(#{why := first, role := Role}, link_up(1, Collector)),
    ok = eslaver:await(Replica, loaded, 30_000),
    ?assertMatch(#{role := Role, master_link := undefined}, eslaver:info(Replica)),
    ok = another_history(Master),
    ?assertMatch(#{why := unknown, resync := full, role := Role}, link_up(2, Collector)),
    eslaver:stop(Replica).

%% A server, or a proxy before it, that closes the connection at a question is not asked it again.
closes_at_a_question(_Config) ->
    Snapshot = eslaver_test_fake_master:full_resync(<<"REDIS0009", 255, 0:64>>),
    Questions = [<<"ROLE">>, <<"INFO">>, <<"COMMAND">>],
    _ = eslaver_test_parallel:map(
        fun(Closing) ->
            Replies = maps:from_list([{Question, close} || Question <- Closing]),
            Fake = eslaver_test_fake_master:start([#{psync => Snapshot, replies => Replies}]),
            Both = eslaver_test_replica:start(eslaver_test_fake_master:port(Fake)),
            _ = eslaver_test_replica:loaded(Both),
            Asked = [
                {Number, Name}
             || {Number, [Name]} <- eslaver_test_fake_master:commands(Fake),
                lists:member(Name, Questions)
            ],
            Last = 1 + length(Closing),
            ?assertEqual(Last, eslaver_test_fake_master:connections(Fake)),
            ?assertEqual(Questions -- Closing, [Name || {Number, Name} <- Asked, Number =:= Last]),
            ok = eslaver:stop(element(1, Both)),
            eslaver_test_fake_master:stop(Fake)
        end,
        [[], [<<"ROLE">>], [<<"INFO">>], [<<"COMMAND">>], [<<"ROLE">>, <<"INFO">>], Questions]
    ),
    ok.

%% Why a link is up

why_reconnect(_Config) ->
    each(fun(Server) ->
        #{proxy := Proxy, collector := Collector} = Followed = behind_proxy(start(Server)),
        ok = eslaver_test_proxy:cut(Proxy),
        ?assertMatch(
            #{why := reconnect, resync := partial, role := master}, link_up(2, Collector)
        ),
        stop(Followed)
    end).

%% The master no longer has what came meanwhile: even if nothing is left of its data, it is the
%% history that is known.
why_backlog(_Config) ->
    each(fun(#{server := Path}) ->
        Config = [{"repl-backlog-size", "16kb"}],
        Master = eslaver_test_master:start(#{server => Path, config => Config}),
        #{proxy := Proxy, collector := Collector} = Followed = behind_proxy(Master),
        lists:foreach(
            fun({Number, Last}) ->
                ok = meanwhile(Proxy, Master, fun(Client) ->
                    Set = ["SET", "k", binary:copy(<<"x">>, 4096)],
                    _ = eslaver_test_client:pipeline(Client, lists:duplicate(50, Set)),
                    <<"OK">> = eslaver_test_client:ok(Client, Last)
                end),
                ?assertMatch(
                    #{why := backlog, resync := full, role := master}, link_up(Number, Collector)
                )
            end,
            [{2, ["SET", "k", "v"]}, {3, ["FLUSHALL"]}]
        ),
        ?assertMatch(
            2, times(Proxy, "full sync instead of resuming at offset [0-9]+ \\(.*no longer has")
        ),
        stop(Followed)
    end).

%% All keys are gone, by a command that arrives: that is no loss.
why_reconnect_after_flushall(_Config) ->
    each(fun(#{name := Name} = Server) ->
        Master = start(Server),
        ok = set(Master, "k", "v"),
        Mirror = mirror(Name, "flushed"),
        Proxy = eslaver_test_proxy:start(Master),
        Collector = mirrored(Mirror, Proxy, #{empty_master_delay => ?FOREVER}),
        ok = meanwhile(Proxy, Master, fun(Client) ->
            <<"OK">> = eslaver_test_client:ok(Client, ["FLUSHALL"])
        end),
        ?assertMatch(#{why := reconnect, resync := partial}, link_up(2, Collector)),
        true = eslaver_test_wait:until(fun() -> content(Mirror) =:= {fresh, undefined} end),
        eslaver_mirror:stop(Mirror)
    end).

%% The id of a history that shares nothing with the one before, at the same address.
why_restarted(_Config) ->
    each(fun(Server) ->
        Master = start(Server),
        ok = set(Master, "k", "v"),
        #{collector := Collector} = Followed = behind_proxy(Master),
        ok = another_history(Master),
        ?assertMatch(#{why := restarted, resync := full, role := master}, link_up(2, Collector)),
        stop(Followed)
    end).

%% The address stays, and a server that was promoted answers there.
why_failover(_Config) ->
    each(fun(Server) ->
        {Old, New} = pair(Server),
        #{proxy := Proxy, collector := Collector} = Followed = behind_proxy(Old),
        ok = promote(Old, New),
        ok = eslaver_test_proxy:target(Proxy, New),
        ok = eslaver_test_proxy:cut(Proxy),
        ?assertMatch(#{why := failover, resync := partial, role := master}, link_up(2, Collector)),
        ?assertEqual(1, times(Proxy, "resumes at offset [0-9]+, at another node")),
        stop(Followed)
    end).

%% The server that was promoted lacks what has been handled.
why_diverged(_Config) ->
    each(fun(#{server := Path} = Server) ->
        Old = start(Server),
        Between = eslaver_test_proxy:start(Old),
        New = eslaver_test_master:start(#{server => Path}),
        ok = replicate(New, eslaver_test_proxy:port(Between)),
        #{proxy := Proxy, collector := Collector} = Followed = behind_proxy(Old),
        ok = set(Old, "k", "v1"),
        _ = await_set(Collector, <<"k">>, <<"v1">>),
        true = eslaver_test_wait:until(fun() -> get(New, "k") =:= <<"v1">> end),
        ok = eslaver_test_proxy:target(Between, none),
        ok = eslaver_test_proxy:cut(Between),
        ok = set(Old, "k", "v2"),
        _ = await_set(Collector, <<"k">>, <<"v2">>),
        ok = eslaver_test_master:kill(Old),
        ok = replicate(New, none),
        ok = eslaver_test_proxy:target(Proxy, New),
        ?assertMatch(#{why := diverged, resync := full, role := master}, link_up(2, Collector)),
        ?assertEqual(1, times(Proxy, "full sync .*\\(.*lacks events.*handled")),
        _ = eslaver_test_collector:await(Collector, fun(Event) ->
            case Event of
                {loading, string, <<"k">>, <<"v1">>, _} -> true;
                _ -> false
            end
        end),
        stop(Followed)
    end).

why_no_psync(_Config) ->
    each(fun(#{server := Path}) ->
        Config = [{"rename-command", ["PSYNC", ""]}],
        Master = eslaver_test_master:start(#{server => Path, config => Config}),
        ok = set(Master, "k", "v"),
        #{proxy := Proxy, collector := Collector} = Followed = behind_proxy(Master),
        ?assertMatch(#{why := first, resync := full, role := master}, link_up(1, Collector)),
        ok = eslaver_test_proxy:cut(Proxy),
        ?assertMatch(#{why := no_psync, resync := full, role := master}, link_up(2, Collector)),
        stop(Followed)
    end).

%% What cannot be read would come again from the same position.
why_no_position(_Config) ->
    Snapshot = eslaver_test_fake_master:full_resync(<<"REDIS0009", 255, 0:64>>),
    Fake = eslaver_test_fake_master:start([#{psync => Snapshot}]),
    {Replica, Collector} = follow(eslaver_test_fake_master:port(Fake), #{}),
    ok = eslaver:await(Replica, loaded, 30_000),
    ok = eslaver_test_fake_master:send(Fake, "*nonsense\r\n"),
    ?assertMatch(#{why := no_position, resync := full, role := unknown}, link_up(2, Collector)),
    eslaver:stop(Replica).

%% Masters without their data

%% The old data can be read until a second look.
empty_master(_Config) ->
    each(fun(#{name := Name} = Server) ->
        Delay = 2000,
        Mirror = mirror(Name, "emptied"),
        Master = start(Server),
        ok = set(Master, "k", "v"),
        Collector = mirrored(Mirror, Master, #{empty_master_delay => Delay}),
        ok = eslaver_test_master:kill(Master),
        true = eslaver_test_wait:until(fun() -> content(Mirror) =:= {stale, <<"v">>} end),
        Restarted = erlang:monotonic_time(millisecond),
        ok = eslaver_test_master:restart(Master),
        true = eslaver_test_wait:until(fun() ->
            case content(Mirror) of
                {stale, <<"v">>} -> false;
                {fresh, undefined} -> true
            end
        end),
        ?assert(erlang:monotonic_time(millisecond) - Restarted >= Delay),
        ?assertMatch(#{why := empty_master, resync := full, role := master}, link_up(2, Collector)),
        ?assertEqual(1, times(Master, "no link \\(empty_master\\).*empty_master_delay")),
        ?assertEqual(1, times(Master, "full sync .*\\(the master has lost its data")),
        eslaver_mirror:stop(Mirror)
    end).

empty_master_at_once(_Config) ->
    each(fun(Server) ->
        Master = start(Server),
        ok = set(Master, "k", "v"),
        {Replica, Collector} = follow(Master, #{empty_master_delay => 0}),
        ok = eslaver:await(Replica, loaded, 30_000),
        ok = eslaver_test_master:restart(Master),
        ?assertMatch(#{why := empty_master, resync := full, role := master}, link_up(2, Collector)),
        ?assertEqual(0, times(Master, "no link \\(empty_master\\)")),
        eslaver:stop(Replica)
    end).

%% Another node is found to be the master before the second look.
empty_master_is_replaced(_Config) ->
    each(fun(#{name := Name} = Server) ->
        {Old, New} = pair(Server),
        Mirror = mirror(Name, "kept"),
        Proxy = eslaver_test_proxy:start(Old),
        Collector = mirrored(Mirror, Proxy, #{empty_master_delay => ?FOREVER}),
        ok = promote(Old, New),
        ok = eslaver_test_master:restart(Old),
        ok = refused_as_empty(Mirror),
        ?assertEqual({stale, <<"v">>}, content(Mirror)),
        ok = eslaver_test_proxy:target(Proxy, New),
        ?assertMatch(#{why := failover, resync := partial}, link_up(2, Collector)),
        true = eslaver_test_wait:until(fun() -> content(Mirror) =:= {fresh, <<"v">>} end),
        eslaver_mirror:stop(Mirror)
    end).

%% It is filled again, by whomever.
empty_master_has_keys(_Config) ->
    each(fun(#{name := Name} = Server) ->
        Mirror = mirror(Name, "filled"),
        Master = start(Server),
        ok = set(Master, "k", "v"),
        Collector = mirrored(Mirror, Master, #{empty_master_delay => ?FOREVER}),
        ok = eslaver_test_master:restart(Master),
        ok = refused_as_empty(Mirror),
        ok = set(Master, "k", "new"),
        ?assertMatch(#{why := restarted, resync := full}, link_up(2, Collector)),
        true = eslaver_test_wait:until(fun() -> content(Mirror) =:= {fresh, <<"new">>} end),
        eslaver_mirror:stop(Mirror)
    end).

%% Where there is nothing, nothing is lost.
empty_master_of_an_empty_mirror(_Config) ->
    each(fun(#{name := Name} = Server) ->
        Mirror = mirror(Name, "void"),
        Master = start(Server),
        Collector = mirrored(Mirror, Master, #{empty_master_delay => ?FOREVER}),
        ok = eslaver_test_master:restart(Master),
        ?assertMatch(#{resync := full}, link_up(2, Collector)),
        true = eslaver_test_wait:until(fun() -> content(Mirror) =:= {fresh, undefined} end),
        ?assertEqual(0, times(Master, "no link \\(empty_master\\)")),
        eslaver_mirror:stop(Mirror)
    end).

%% Helpers

start(#{server := Path}) ->
    eslaver_test_master:start(#{server => Path}).

%% A master with a key, and a replica that has it.
pair(Server) ->
    {Master, Replica} = {start(Server), start(Server)},
    ok = set(Master, "k", "v"),
    ok = replicate(Replica, Master),
    true = eslaver_test_wait:until(fun() -> get(Replica, "k") =:= <<"v">> end),
    {Master, Replica}.

%% Returns once it is linked to that master, or is a master itself.
replicate(Node, Master) ->
    Client = eslaver_test_client:connect(Node),
    {To, Info, Value} =
        case Master of
            none -> {["NO", "ONE"], "role", <<"master">>};
            Port when is_integer(Port) -> {["127.0.0.1", Port], "master_link_status", <<"up">>};
            _ -> {["127.0.0.1", port(Master)], "master_link_status", <<"up">>}
        end,
    <<"OK">> = eslaver_test_client:ok(Client, ["REPLICAOF" | To]),
    true = eslaver_test_wait:until(fun() -> eslaver_test_client:info(Client, Info) =:= Value end),
    eslaver_test_client:close(Client).

%% The replica has all that its master has, and becomes a master, with a write of its own.
promote(Old, New) ->
    {OldClient, NewClient} = {eslaver_test_client:connect(Old), eslaver_test_client:connect(New)},
    Offset = fun(Client) -> eslaver_test_client:info(Client, "master_repl_offset") end,
    true = eslaver_test_wait:until(fun() -> Offset(OldClient) =:= Offset(NewClient) end),
    ok = replicate(New, none),
    set(New, "promoted", "yes").

%% The master forgets which history its data is of, and drops its replicas.
another_history(Master) ->
    Client = eslaver_test_client:connect(Master),
    <<"OK">> = eslaver_test_client:ok(Client, ["DEBUG", "CHANGE-REPL-ID"]),
    _ = eslaver_test_client:ok(Client, ["CLIENT", "KILL", "TYPE", "slave"]),
    eslaver_test_client:close(Client).

%% Something happens at the master while there is no link to it.
meanwhile(Proxy, Master, Happens) ->
    ok = eslaver_test_proxy:target(Proxy, none),
    ok = eslaver_test_proxy:cut(Proxy),
    Client = eslaver_test_client:connect(Master),
    true = eslaver_test_wait:until(fun() ->
        eslaver_test_client:info(Client, "connected_slaves") =:= <<"0">>
    end),
    _ = Happens(Client),
    ok = eslaver_test_client:close(Client),
    eslaver_test_proxy:target(Proxy, Master).

set(Node, Key, Value) ->
    Client = eslaver_test_client:connect(Node),
    <<"OK">> = eslaver_test_client:ok(Client, ["SET", Key, Value]),
    eslaver_test_client:close(Client).

get(Node, Key) ->
    Client = eslaver_test_client:connect(Node),
    Value = eslaver_test_client:ok(Client, ["GET", Key]),
    ok = eslaver_test_client:close(Client),
    Value.

follow(Node, Options) ->
    eslaver_test_replica:start(Node, Options#{events => full}).

behind_proxy(Node) ->
    behind_proxy(Node, #{}).

behind_proxy(Node, Given) ->
    Proxy = eslaver_test_proxy:start(Node),
    Options = maps:merge(#{empty_master_delay => ?FOREVER}, Given),
    {Replica, Collector} = follow(eslaver_test_proxy:port(Proxy), Options),
    ok = eslaver:await(Replica, loaded, 30_000),
    #{replica => Replica, collector => Collector, proxy => Proxy}.

stop(#{replica := Replica, proxy := Proxy}) ->
    ok = eslaver:stop(Replica),
    eslaver_test_proxy:stop(Proxy).

mirror(Name, Case) ->
    list_to_atom(lists:concat([Name, "_", Case])).

%% A mirror that has loaded, and the collector of the events of a callback beside it.
mirrored(Mirror, Node, Options) ->
    Collector = eslaver_test_collector:start(),
    Target = eslaver_test_replica:target(port(Node)),
    {ok, _} = eslaver_mirror:start_link(
        maps:merge(Target#{name => Mirror, callback => Collector, events => full}, Options)
    ),
    ok = eslaver_mirror:await(Mirror, loaded, 30_000),
    _ = link_up(1, Collector),
    Collector.

content(Mirror) ->
    {eslaver_mirror:status(Mirror), eslaver_mirror:get(Mirror, <<"k">>)}.

refused_as_empty(Mirror) ->
    true = eslaver_test_wait:until(fun() ->
        case eslaver_mirror:info(Mirror) of
            #{replica := #{last_error := #{reason := empty_master}}} -> true;
            _ -> false
        end
    end),
    ok.

%% What a link said of itself when it came up, by its number.
link_up(Number, Collector) ->
    eslaver_test_wait:until(fun() ->
        Ups = [Up || {link, up, Up} <- eslaver_test_collector:events(Collector)],
        length(Ups) >= Number andalso lists:nth(Number, Ups)
    end).

await_set(Collector, Key, Value) ->
    eslaver_test_collector:await(Collector, fun(Event) ->
        case Event of
            {stream, <<"set">>, [Key, Value], _} -> true;
            _ -> false
        end
    end).

%% How often something was said of the master at this address.
times(Node, Regex) ->
    Said = ["master ", re:replace(address(Node), "\\.", "\\\\.", [global]), ": .*", Regex],
    length(eslaver_test_log:matches(lists:flatten(io_lib:format("~ts", [Said])))).

address(Node) ->
    iolist_to_binary(["127.0.0.1:", integer_to_list(port(Node))]).

port(Port) when is_integer(Port) -> Port;
port(Proxy) when is_map(Proxy) -> eslaver_test_proxy:port(Proxy);
port(Master) when is_pid(Master) -> eslaver_test_master:port(Master).
