%% What a link takes is given back when it ends, whoever still holds its handle: descriptors, memory
%% and threads. Nobody collects garbage here for that to happen.
-module(eslaver_release_SUITE).

-include_lib("stdlib/include/assert.hrl").

-compile([export_all, nowarn_export_all]).

-define(MB, 1_000_000).
%% More than the random growth of a node.
-define(LOST, 40).

suite() ->
    [{timetrap, {minutes, 3}}].

all() ->
    Counted = [lost_links, few_descriptors, no_descriptors, half_a_value],
    [Case || eslaver_test_node:has_proc(), Case <- Counted] ++
        [killed_within_a_value, ended_handle, closed_while_it_starves].

lost_links(_Config) ->
    {Node, Fake, _Replica} = replica_of(lossy()),
    Before = descriptors(Node),
    lost(Fake),
    %% that of one link at the most, which has an epoll, a waker and a socket
    ?assert(descriptors(Node) =< Before + 3),
    ?assert(eslaver_test_node:call(Node, eslaver_nif, links, []) =< 1),
    ok = eslaver_test_node:stop(Node).

%% There is room for a few links, but not for all that are lost.
few_descriptors(_Config) ->
    limited(fun(Limit) ->
        {Node, Fake, Replica} = replica_of(lossy()),
        ok = Limit(Node, descriptors(Node) + 10),
        lost(Fake),
        ?assertMatch(#{last_error := #{reason := closed}}, info(Node, Replica)),
        ok = eslaver_test_node:stop(Node)
    end).

%% Others of the node have taken all there are. With the first that are free again the link heals.
no_descriptors(_Config) ->
    limited(fun(Limit) ->
        Snapshot = eslaver_test_fake_master:full_resync(empty()),
        {Node, Fake, Replica} = replica_of([#{psync => Snapshot}]),
        %% without those of the link, as there is no room for the next
        ok = Limit(Node, descriptors(Node) - 3),
        ok = eslaver_test_fake_master:drop(Fake),
        true = eslaver_test_wait:until(fun() ->
            case info(Node, Replica) of
                #{last_error := #{reason := open, text := Text}} ->
                    string:find(Text, "Too many open files") =/= nomatch;
                #{} ->
                    false
            end
        end),
        ok = Limit(Node, 1000),
        true = eslaver_test_wait:until(fun() ->
            maps:get(state, info(Node, Replica)) =:= streaming
        end),
        ok = eslaver_test_node:stop(Node)
    end).

%% Half of a value has come when the link is lost, and no other comes.
half_a_value(_Config) ->
    Half = binary:copy(<<"x">>, 100 * ?MB),
    Claim = <<0, 1, "k", 128, (200 * ?MB):32>>,
    Values = #{
        snapshot => [eslaver_test_fake_master:full_resync(300 * ?MB, ["REDIS0009", Claim]), Half],
        stream => [
            eslaver_test_fake_master:full_resync(empty()),
            ["*1\r\n$", integer_to_list(200 * ?MB), "\r\n"],
            Half
        ]
    },
    maps:foreach(
        fun(Where, Psync) ->
            Refusal = #{psync => "-LOADING\r\n"},
            Node = node_of_ours(),
            OsPid = eslaver_test_node:os_pid(Node),
            Before = eslaver_test_node:memory(OsPid),
            Scripts = [#{psync => Psync, then => close}, Refusal],
            eslaver_test_hostile_master:with_fake(Scripts, fun(Target) ->
                Replica = eslaver_test_node:replica(Node, Target#{callback => {erlang, is_tuple}}),
                true = eslaver_test_wait:until(fun() ->
                    maps:get(reconnects, info(Node, Replica)) > 1
                end),
                %% All of it had come, though the node may have given back a little of its own.
                Peak = eslaver_test_node:peak_memory(OsPid),
                ?assert(Peak > Before + 90 * ?MB, {Where, Before, Peak}),
                After = eslaver_test_node:memory(OsPid),
                ?assert(After < Before + 50 * ?MB, {Where, Before, After})
            end),
            ok = eslaver_test_node:stop(Node)
        end,
        Values
    ).

%% The process has ended, and can free nothing.
killed_within_a_value(_Config) ->
    Before = eslaver_nif:links(),
    Part = eslaver_test_fake_master:full_resync(1000, ["REDIS0009", <<0, 1, "k", 100, "half">>]),
    {Pid, Link} = link_to([#{psync => Part}]),
    Came = fun() -> element(1, eslaver_nif:counters(Link)) > 9 end,
    true = eslaver_test_wait:until(Came),
    ?assertEqual(Before + 1, eslaver_nif:links()),
    true = unlink(Pid),
    true = exit(Pid, kill),
    released(Before, Link).

%% The handle answers as before, and does nothing.
ended_handle(_Config) ->
    Before = eslaver_nif:links(),
    Bytes = ["REDIS0009", <<0, 1, "k", 1, "v", 255, 0:64>>],
    Snapshot = eslaver_test_fake_master:full_resync(Bytes),
    Stream = ["*1\r\n$4\r\nPING\r\n", "*1\r\n$4\r\nPING\r\n"],
    {Pid, Link} = link_to([#{psync => [Snapshot, Stream], then => close}]),
    receive
        {eslaver_link, Pid, {closed, closed, _, true}} -> ok
    end,
    released(Before, Link),
    Counters = {23, 1, 2, 1028},
    ?assertEqual(Counters, eslaver_nif:counters(Link)),
    ok = eslaver_nif:credit(Link, 1, 2000),
    ok = eslaver_nif:credit(Link, 0, undefined),
    ok = eslaver_nif:durable(Link, 2000),
    ok = eslaver_nif:close(Link),
    ?assertMatch({closed, stopped, _, _}, eslaver_nif:slice(Link)),
    ?assertEqual(Counters, eslaver_nif:counters(Link)),
    ?assertEqual(Before, eslaver_nif:links()).

%% It waits for credit, with much to send still, and the thread that would wake it has ended.
closed_while_it_starves(_Config) ->
    Before = eslaver_nif:links(),
    Command = ["*2\r\n$1\r\nc\r\n$100000\r\n", <<0:800_000>>, "\r\n"],
    Commands = lists:duplicate(40, Command),
    Psync = [eslaver_test_fake_master:full_resync(empty()), Commands],
    {Pid, Link} = link_to([#{psync => Psync, then => close}]),
    _ = settled(fun() -> {eslaver_nif:counters(Link), process_info(Pid, status)} end),
    ?assertEqual({status, waiting}, process_info(Pid, status)),
    Monitor = monitor(process, Pid),
    ok = eslaver_nif:close(Link),
    receive
        {'DOWN', Monitor, process, Pid, normal} -> ok
    after 10_000 -> error(it_waits_still)
    end,
    released(Before, Link).

settled(Number) ->
    Before = Number(),
    timer:sleep(500),
    case Number() of
        Before -> Before;
        _ -> settled(Number)
    end.

%% The handle is held still.
released(Before, Link) ->
    true = eslaver_test_wait:until(fun() -> eslaver_nif:links() =:= Before end),
    {_, _, _, _} = eslaver_nif:counters(Link),
    ok.

%% A link whose server is the caller.
link_to(Scripts) ->
    Fake = eslaver_test_fake_master:start(Scripts),
    {ok, #{source := {fixed, Address}} = Options} = eslaver_options:parse(target(Fake)),
    {ok, Both} = eslaver_link:start_link(Address, undefined, Options),
    Both.

%% A node with a replica that is up.
replica_of(Scripts) ->
    Fake = eslaver_test_fake_master:start(Scripts),
    Node = node_of_ours(),
    Replica = eslaver_test_node:replica(Node, target(Fake)),
    ok = eslaver_test_node:call(Node, eslaver, await, [Replica, loaded, 30_000]),
    {Node, Fake, Replica}.

%% All its code is loaded: it takes memory, and there may be no descriptors for it later.
node_of_ours() ->
    Node = eslaver_test_node:start(),
    ok = eslaver_test_node:call(Node, logger, set_primary_config, [level, none]),
    _ = [
        begin
            _ = eslaver_test_node:call(Node, application, load, [App]),
            {ok, Modules} = eslaver_test_node:call(Node, application, get_key, [App, modules]),
            ok = eslaver_test_node:call(Node, code, ensure_modules_loaded, [Modules])
        end
     || App <- [kernel, stdlib, eslaver]
    ],
    Node.

target(Fake) ->
    (eslaver_test_replica:target(eslaver_test_fake_master:port(Fake)))#{
        callback => {erlang, is_tuple}
    }.

%% A master that goes on each time, for a moment. In that the server's heap is collected more than
%% once, so that what it holds then becomes old, and is not collected again soon.
lossy() ->
    Set = ["*3\r\n$3\r\nSET\r\n$1\r\na\r\n$50\r\n", binary:copy(<<"1">>, 50), "\r\n"],
    Commands = iolist_to_binary(lists:duplicate(20_000, Set)),
    [
        #{psync => eslaver_test_fake_master:full_resync(empty()), then => close},
        #{psync => ["+CONTINUE\r\n", Commands], then => close}
    ].

lost(Fake) ->
    Wanted = eslaver_test_fake_master:connections(Fake) + ?LOST,
    true = eslaver_test_wait:until(fun() ->
        eslaver_test_fake_master:connections(Fake) >= Wanted
    end).

empty() ->
    <<"REDIS0009", 255, 0:64>>.

info(Node, Replica) ->
    eslaver_test_node:call(Node, eslaver, info, [Replica]).

descriptors(Node) ->
    eslaver_test_node:descriptors(eslaver_test_node:os_pid(Node)).

%% Calls this with what sets how many descriptors a node may have.
limited(Work) ->
    case os:find_executable("prlimit") of
        false ->
            {skip, "there is no prlimit to limit descriptors with"};
        Prlimit ->
            Work(fun(Node, Most) ->
                OsPid = eslaver_test_node:os_pid(Node),
                Command = io_lib:format("'~s' --pid ~b --nofile=~b:1000", [Prlimit, OsPid, Most]),
                "" = os:cmd(Command),
                ok
            end)
    end.
