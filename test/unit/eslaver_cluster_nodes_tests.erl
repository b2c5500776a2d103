-module(eslaver_cluster_nodes_tests).

-include_lib("eunit/include/eunit.hrl").

-define(ASKED, {tcp, <<"10.0.0.1">>, 7000}).

%% As servers tell them: Redis 5.0, Redis 8.6 and Valkey 9.1.
lines() ->
    [
        "a 127.0.0.1:7001@17001 myself,master - 0 1700000000000 3 connected 0-5460 "
        "[93->-b] [77-<-c]",
        "b 127.0.0.1:7002@17002 master - 0 1700000000000 2 connected 5461 5463-10922",
        "c :0@0 master,noaddr - 1700000000000 1700000000000 1 disconnected",
        "d 127.0.0.1:7004@17004,host.example slave a 0 1700000000000 3 connected",
        "e 127.0.0.1:7005@17005,,tls-port=0,shard-id=x master,fail - 1 2 9 disconnected "
        "10923-16383",
        "f ::1:7006@17006 master,fail? - 1 2 0 connected",
        "g ?:7007@17007,seven.example master - 1 2 0 connected",
        "h 127.0.0.1:7008@17008 handshake - 1 0 0 disconnected"
    ].

read(Lines) ->
    eslaver_cluster_nodes:read(iolist_to_binary(lists:join("\n", Lines)), ?ASKED).

nodes_are_read_test() ->
    {ok, Nodes} = read(lines()),
    ?assertEqual(
        [<<"a">>, <<"b">>, <<"c">>, <<"d">>, <<"e">>, <<"f">>, <<"g">>],
        [Id || #{id := Id} <- Nodes]
    ),
    [A, B, C, D, E, F, G] = Nodes,
    ?assertMatch(
        #{
            self := true,
            role := master,
            master := undefined,
            epoch := 3,
            failed := false,
            address := {tcp, <<"127.0.0.1">>, 7001},
            slots := [{0, 5460}],
            migrating := [{93, <<"b">>}],
            importing := [{77, <<"c">>}]
        },
        A
    ),
    ?assertMatch(#{self := false, slots := [{5461, 5461}, {5463, 10922}]}, B),
    ?assertMatch(#{address := undefined, slots := []}, C),
    ?assertMatch(#{role := replica, master := <<"a">>}, D),
    ?assertMatch(#{address := {tcp, <<"127.0.0.1">>, 7004}}, D),
    ?assertMatch(#{failed := true, address := {tcp, <<"127.0.0.1">>, 7005}}, E),
    ?assertMatch(#{failed := false, address := {tcp, <<"::1">>, 7006}}, F),
    ?assertMatch(#{address := {tcp, <<"seven.example">>, 7007}}, G),
    ?assertEqual({ok, A}, eslaver_cluster_nodes:self(Nodes)).

lines_may_end_in_either_way_test() ->
    Text = iolist_to_binary([[Line, "\r\n"] || Line <- lines()]),
    ?assertEqual(read(lines()), eslaver_cluster_nodes:read(Text, ?ASKED)).

%% A node that nobody has met yet does not know its own host.
a_node_without_an_address_is_where_it_was_asked_test() ->
    {ok, [Node]} = read(["a :7001@17001 myself,master - 0 0 0 connected"]),
    ?assertMatch(#{address := ?ASKED}, Node).

the_first_servers_of_clusters_have_no_bus_port_test() ->
    {ok, [Node]} = read(["a 127.0.0.1:7001 master - 0 0 0 connected 0-16383"]),
    ?assertMatch(#{address := {tcp, <<"127.0.0.1">>, 7001}}, Node).

what_cannot_be_read_is_an_error_test_() ->
    [
        ?_assertMatch({error, {malformed, _}}, read([Line]))
     || Line <- [
            "a",
            "a 127.0.0.1:7001@17001 master - 0 0 many connected",
            "a 127.0.0.1 master - 0 0 0 connected",
            "a 127.0.0.1:7001@17001 master - 0 0 0 connected 0-16384",
            "a 127.0.0.1:7001@17001 master - 0 0 0 connected [93]",
            "a 127.0.0.1:7001@17001 master - 0 0 0 connected x-y"
        ]
    ].

refusals_say_what_to_do_test() ->
    Disabled = {error, <<"ERR This instance has cluster support disabled">>},
    {error, {not_a_cluster, Text}} = eslaver_cluster_nodes:read(Disabled, ?ASKED),
    ?assertNotEqual(nomatch, binary:match(Text, <<"master_host">>)),
    Denied = {error, <<"NOPERM no permissions">>},
    {error, {refused, Words}} = eslaver_cluster_nodes:read(Denied, ?ASKED),
    ?assertNotEqual(nomatch, binary:match(Words, <<"NOPERM">>)).

nobody_may_be_oneself_test() ->
    ?assertEqual(error, eslaver_cluster_nodes:self([])).
