%% What a replica takes for a lost master, and what it does not: silence, pings and newlines in
%% every step of a link.
-module(eslaver_liveness_SUITE).

-include_lib("stdlib/include/assert.hrl").

-compile([export_all, nowarn_export_all]).

%% What a master is asked of itself, in one go with what it is told.
-define(QUESTIONS, [<<"ROLE">>, <<"INFO">>, <<"COMMAND">>]).
suite() ->
    [{timetrap, {minutes, 3}}, {ct_hooks, [eslaver_test_log_hook]}].

all() ->
    [{group, noticed}].

groups() ->
    [{noticed, [parallel], eslaver_test_groups:cases(?MODULE)}].

%% A master that is there and says nothing, and then goes on.
stopped_master(_Config) ->
    Master = eslaver_test_master:start_own([{"repl-ping-replica-period", "1"}]),
    Client = eslaver_test_client:connect(Master),
    {Replica, Collector} =
        Both = eslaver_test_replica:start(Master, #{repl_timeout => 3000}),
    _ = eslaver_test_replica:loaded(Both),
    ok = eslaver_test_master:pause(Master),
    Took = eslaver_test_wait:took(fun() -> error_of(Replica, timeout) end),
    ?assert(Took < 10_000),
    #{last_error := #{text := Text}} = eslaver:info(Replica),
    ?assertEqual(<<"the master has been silent for 3 s">>, Text),
    ok = eslaver_test_master:continue(Master),
    _ = eslaver_test_replica:mark(Client, Collector),
    ?assertEqual(
        1, length([eof || {loading, eof} <- eslaver_test_collector:events(Collector)])
    ),
    eslaver:stop(Replica).

%% One that has nothing to say but its pings is kept.
idle_master(_Config) ->
    Master = eslaver_test_master:start_own([{"repl-ping-replica-period", "1"}]),
    {Replica, Collector} = Both = eslaver_test_replica:start(Master, #{repl_timeout => 3000}),
    _ = eslaver_test_replica:loaded(Both),
    true = eslaver_test_wait:until(fun() ->
        length([ping || {stream, "ping", _} <- eslaver_test_collector:events(Collector)]) >= 6
    end),
    ?assertMatch(#{reconnects := 0, state := streaming}, eslaver:info(Replica)),
    eslaver:stop(Replica).

cannot_connect(_Config) ->
    {Port, Sockets} = eslaver_test_full_port:open(),
    {Replica, _} = eslaver_test_replica:start(Port, #{connect_timeout => 700}),
    Took = eslaver_test_wait:took(fun() -> error_of(Replica, cannot_connect) end),
    ?assert(Took < 5_000),
    ok = eslaver:stop(Replica),
    eslaver_test_full_port:close(Sockets).

%% It accepts, and that is all.
silent_peer(_Config) ->
    {ok, Listener} = gen_tcp:listen(0, [{ip, {127, 0, 0, 1}}]),
    {ok, Port} = inet:port(Listener),
    {Replica, _} = eslaver_test_replica:start(Port, #{repl_timeout => 1000}),
    Took = eslaver_test_wait:took(fun() -> error_of(Replica, timeout) end),
    ?assert(Took < 5_000),
    #{last_error := #{text := Text}} = eslaver:info(Replica),
    ?assertEqual(<<"no answer to PING within 1 s">>, Text),
    ok = eslaver:stop(Replica),
    gen_tcp:close(Listener).

silent_at_each_step(_Config) ->
    _ = eslaver_test_parallel:map(
        fun({Step, Script}) ->
            Fake = eslaver_test_fake_master:start([Script]),
            {Replica, _} = eslaver_test_replica:start(
                eslaver_test_fake_master:port(Fake), #{repl_timeout => 1000, master_auth => "x"}
            ),
            #{text := Text} = error_of(Replica, timeout),
            ?assertMatch({Step, {match, _}}, {Step, re:run(Text, Step)}),
            ok = eslaver:stop(Replica)
        end,
        [
            {"AUTH", silent([<<"AUTH">>, <<"CLIENT">>, <<"REPLCONF">> | ?QUESTIONS])},
            {"CLIENT SETNAME", silent([<<"CLIENT">>, <<"REPLCONF">> | ?QUESTIONS])},
            {"REPLCONF listening-port", silent([<<"REPLCONF">> | ?QUESTIONS])},
            {"PSYNC", #{psync => <<>>, then => keep}},
            {"silent", #{psync => eslaver_test_fake_master:full_resync(1000, <<"REDIS0011">>)}}
        ]
    ),
    ok.

%% These commands are sent together: who does not answer one answers none behind it.
silent(Commands) ->
    replies(<<>>, Commands).

replies(Reply, Commands) ->
    #{replies => maps:from_list([{Command, Reply} || Command <- Commands])}.

%% They are a sign of life only from a master that keeps the answer to PSYNC back.
newlines_at_each_step(_Config) ->
    Steps = [
        {"PING", replies(<<"\n">>, [<<"PING">>])},
        {"AUTH", replies(<<"\n">>, [<<"AUTH">>, <<"CLIENT">>, <<"REPLCONF">> | ?QUESTIONS])},
        {"REPLCONF", replies(<<"\n">>, [<<"REPLCONF">> | ?QUESTIONS])}
    ],
    %% now and then, and as fast as they are taken
    Ways = [{<<"\n">>, 100}, {binary:copy(<<"\n">>, 100_000), 0}],
    _ = eslaver_test_parallel:map(
        fun({{Step, Script}, {Bytes, Pause}}) ->
            Fake = eslaver_test_fake_master:start([Script]),
            {Replica, _} = eslaver_test_replica:start(
                eslaver_test_fake_master:port(Fake), #{repl_timeout => 1000, master_auth => "x"}
            ),
            true = eslaver_test_wait:until(fun() ->
                eslaver_test_fake_master:connections(Fake) > 0
            end),
            Sender = spawn_link(fun() -> repeat(Fake, Bytes, Pause) end),
            #{text := Text} = error_of(Replica, timeout),
            ?assertMatch({Step, {match, _}}, {Step, re:run(Text, "no answer to " ++ Step)}),
            ok = eslaver:stop(Replica),
            true = unlink(Sender),
            exit(Sender, kill)
        end,
        [{Step, Way} || Step <- Steps, Way <- Ways]
    ),
    ok.

%% For as long as they come, even longer than any silence may last.
newlines_before_the_snapshot(_Config) ->
    Snapshot = iolist_to_binary(eslaver_test_fake_master:full_resync(<<"REDIS0009", 255, 0:64>>)),
    {match, [{Answer, _}]} = re:run(Snapshot, "\\$"),
    <<Line:Answer/binary, Rest/binary>> = Snapshot,
    Fake = eslaver_test_fake_master:start([#{psync => <<"\n">>}]),
    Port = eslaver_test_fake_master:port(Fake),
    {Replica, _} = Both = eslaver_test_replica:start(Port, #{repl_timeout => 1000}),
    true = eslaver_test_wait:until(fun() ->
        [p || {_, [<<"PSYNC">> | _]} <- eslaver_test_fake_master:commands(Fake)] =/= []
    end),
    _ = [
        begin
            _ = [newline(Fake, 200) || _ <- lists:seq(1, 10)],
            ok = eslaver_test_fake_master:send(Fake, Part)
        end
     || Part <- [Line, Rest]
    ],
    ?assertEqual([{loading, eof}], eslaver_test_replica:loaded(Both)),
    ?assertEqual(1, eslaver_test_fake_master:connections(Fake)),
    eslaver:stop(Replica).

newline(Fake, Pause) ->
    ok = eslaver_test_fake_master:send(Fake, <<"\n">>),
    timer:sleep(Pause).

repeat(Fake, Bytes, Pause) ->
    _ = eslaver_test_fake_master:send(Fake, Bytes),
    timer:sleep(Pause),
    repeat(Fake, Bytes, Pause).

%% localhost is ::1 and 127.0.0.1 here, and a master may be at either.
name_with_several_addresses(_Config) ->
    case {inet:getaddrs("localhost", inet), inet:getaddrs("localhost", inet6)} of
        {{ok, [{127, 0, 0, 1} | _]}, {ok, [{0, 0, 0, 0, 0, 0, 0, 1} | _]}} ->
            _ = [
                begin
                    Master = eslaver_test_master:start_own([{"bind", Bind}]),
                    {Replica, _} =
                        Both = eslaver_test_replica:start(Master, #{master_host => "localhost"}),
                    _ = eslaver_test_replica:loaded(Both),
                    #{master := Address} = eslaver:info(Replica),
                    ct:log("~s", [Address]),
                    ok = eslaver:stop(Replica)
                end
             || Bind <- ["127.0.0.1", ["127.0.0.1", "::1"]]
            ],
            ok;
        Other ->
            {skip, Other}
    end.

error_of(Replica, Reason) ->
    eslaver_test_wait:until(fun() ->
        case eslaver:info(Replica) of
            #{last_error := #{reason := Reason} = Error} -> Error;
            _ -> false
        end
    end).
