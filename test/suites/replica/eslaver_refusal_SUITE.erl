%% Masters that refuse, and masters that send nonsense: the log says what and where, info shows it,
%% a new try comes, the node lives, nothing broken is delivered as if it were whole, and the
%% password is shown nowhere.
-module(eslaver_refusal_SUITE).

-include_lib("common_test/include/ct.hrl").
-include_lib("stdlib/include/assert.hrl").

-compile([export_all, nowarn_export_all]).

-define(PASSWORD, "s3cret-of-this-suite").

suite() ->
    [{timetrap, {minutes, 3}}, {ct_hooks, [eslaver_test_log_hook]}].

%% They wait for other tries most of the time.
all() ->
    [{group, masters}].

groups() ->
    [{masters, [parallel], eslaver_test_groups:cases(?MODULE)}].

%% A recorded snapshot, not too big, and what is in it.
init_per_suite(Config) ->
    Master = eslaver_test_master:start_own(),
    Client = eslaver_test_client:connect(Master),
    _ = [
        eslaver_test_client:ok(Client, Command)
     || N <- lists:seq(1, 20),
        Key <- [["0:", integer_to_list(N)]],
        Command <- [
            ["SET", [Key, ":s"], binary:copy(<<"text ">>, N * 20)],
            ["RPUSH", [Key, ":l"] | lists:seq(1, N)],
            ["SADD", [Key, ":i"] | lists:seq(1, N)],
            ["HSET", [Key, ":h"], "field", "value", "n", N],
            ["ZADD", [Key, ":z"], "0.1", "a", N, "b"],
            ["XADD", [Key, ":x"], "1-1", "f", "v"]
        ]
    ],
    Truth = eslaver_test_master_data:read(Client),
    Snapshot = eslaver_test_master:snapshot(Master),
    ok = eslaver_test_master:stop(Master),
    [{snapshot, Snapshot}, {truth, Truth} | Config].

end_per_suite(_Config) ->
    ok.

%% Passwords.

wrong_password(_Config) ->
    Master = eslaver_test_master:start_own([{"requirepass", "another"}]),
    refused(Master, #{master_auth => ?PASSWORD}, "password|WRONGPASS|AUTH").

no_password(_Config) ->
    Master = eslaver_test_master:start_own([{"requirepass", ?PASSWORD}]),
    refused(Master, #{}, "password|NOAUTH|authenticat").

right_password(_Config) ->
    Master = eslaver_test_master:start_own([{"requirepass", ?PASSWORD}]),
    loads(Master, #{master_auth => ?PASSWORD}).

acl_user(_Config) ->
    loads(with_user(["+psync", "+replconf", "+ping"]), #{
        master_user => "reader", master_auth => ?PASSWORD
    }).

%% The message names what the user lacks.
acl_user_without_psync(_Config) ->
    Master = with_user(["+replconf", "+ping"]),
    refused(Master, #{master_user => "reader", master_auth => ?PASSWORD}, "psync").

with_user(Rules) ->
    Master = eslaver_test_master:start_own(),
    Client = eslaver_test_client:connect(Master),
    SetUser = ["ACL", "SETUSER", "reader", "on", [">", ?PASSWORD], "~*"],
    _ = eslaver_test_client:ok(Client, SetUser ++ Rules),
    Master.

loads(Master, Options) ->
    {Replica, _} = Both = eslaver_test_replica:start(Master, Options),
    _ = eslaver_test_replica:loaded(Both),
    secret(Replica),
    eslaver:stop(Replica).

%% Not let in: said in the log and by info, nothing delivered, and the server lives.
refused(Master, Options, Regex) ->
    {Replica, Collector} = eslaver_test_replica:start(Master, Options),
    true = eslaver_test_wait:until(fun() ->
        maps:get(last_error, eslaver:info(Replica)) =/= undefined
    end),
    says(Replica, Regex),
    ?assertEqual([], eslaver_test_collector:events(Collector)),
    ?assertMatch({error, _}, eslaver:await(Replica, loaded, 50)),
    secret(Replica),
    eslaver:stop(Replica).

says(Replica, Regex) ->
    _ = eslaver_test_wait:until(fun() ->
        case logged(Replica, Regex) of
            [] -> false;
            [Line | _] -> ct:log("~ts", [Line])
        end
    end),
    ok.

%% Of this replica's master.
logged(Replica, Regex) ->
    #{master := Master} = eslaver:info(Replica),
    [
        Line
     || Line <- eslaver_test_log:matches(Regex),
        string:find(Line, ["master ", Master, ":"]) =/= nomatch
    ].

secret(Replica) ->
    Shown = [
        eslaver_test_log:texts(),
        io_lib:format("~p ~p", [eslaver:info(Replica), sys:get_status(Replica)])
    ],
    ?assertEqual(nomatch, string:find(lists:flatten(Shown), ?PASSWORD)).

%% Masters that are not ready.

%% A real one, slowed down.
master_is_loading(Config) ->
    Master = eslaver_test_master:start(#{
        server => eslaver_test_servers:own(),
        config => [{"key-load-delay", "10000"}, {"loading-process-events-interval-bytes", "1024"}],
        files => [{"dump.rdb", ?config(snapshot, Config)}],
        wait => answer
    }),
    {Replica, _} = Both = eslaver_test_replica:start(Master),
    ?assertEqual([], differences(Config, eslaver_test_replica:loaded(Both))),
    eslaver:stop(Replica).

says_loading(Config) ->
    Loading = <<"-LOADING Redis is loading the dataset in memory\r\n">>,
    Good = eslaver_test_fake_master:full_resync(?config(snapshot, Config)),
    {ok, _} = recovers(Config, "LOADING", [
        #{replies => #{<<"PING">> => Loading}}, #{psync => Loading}, #{psync => Good}
    ]),
    ok.

refuses_psync(Config) ->
    Good = eslaver_test_fake_master:full_resync(?config(snapshot, Config)),
    {ok, _} = recovers(Config, "NOMASTERLINK", [
        #{psync => <<"-NOMASTERLINK Can't SYNC while not connected with my master\r\n">>},
        #{psync => Good}
    ]),
    ok.

%% Nonsense.

garbage(Config) ->
    {ok, _} = bad_then_good(Config, ".", [
        #{greeting => <<"HTTP/1.1 400 Bad Request\r\nServer: x\r\n\r\n<html></html>">>},
        #{greeting => eslaver_test_dataset:bytes(10_000, 1)},
        #{greeting => binary:copy(<<0>>, 100_000)},
        #{psync => <<"+WHATEVER\r\n">>, then => close},
        #{psync => <<"+FULLRESYNC short 1\r\n">>},
        #{psync => <<"+FULLRESYNC\r\n">>},
        #{psync => <<"+FULLRESYNC ", (eslaver_test_fake_master:replid())/binary, " x\r\n">>},
        #{psync => <<":1\r\n">>}
    ]),
    ok.

silence_and_close(Config) ->
    {ok, _} = bad_then_good(Config, ".", [#{psync => <<>>, then => close}]),
    ok.

%% An endless line must not be kept.
endless_line(Config) ->
    {ok, _} = bad_then_good(Config, ".", [#{greeting => binary:copy(<<"+no end">>, 1_000_000)}]),
    ok.

%% The link is lost inside the snapshot, at many places.
truncated_snapshots(Config) ->
    Snapshot = ?config(snapshot, Config),
    Size = byte_size(Snapshot),
    Cuts = lists:usort([0, 1, 5, 9, 10, Size div 3, Size div 2, Size - 9, Size - 8, Size - 1]),
    {ok, _} = bad_then_good(Config, ".", [
        #{
            psync => eslaver_test_fake_master:full_resync(Size, binary:part(Snapshot, 0, Cut)),
            then => close
        }
     || Cut <- Cuts
    ]),
    ok.

%% One bit is wrong somewhere: the checksum at the latest tells, and no end is delivered.
flipped_bits(Config) ->
    Snapshot = ?config(snapshot, Config),
    Flip = fun(N) ->
        At = (N * 7919) rem (byte_size(Snapshot) - 9) + 9,
        <<Before:At/binary, Byte, After/binary>> = Snapshot,
        <<Before/binary, (Byte bxor (1 bsl (N rem 8))), After/binary>>
    end,
    {ok, _} = bad_then_good(Config, ".", [
        #{psync => eslaver_test_fake_master:full_resync(Flip(N))}
     || N <- lists:seq(1, 24)
    ]),
    ok.

wrong_checksum(Config) ->
    Size = byte_size(?config(snapshot, Config)) - 1,
    <<Body:Size/binary, Last>> = ?config(snapshot, Config),
    Psync = eslaver_test_fake_master:full_resync(<<Body/binary, (Last bxor 255)>>),
    {ok, _} = bad_then_good(Config, "checksum|crc", [#{psync => Psync}]),
    ok.

%% The mark after the snapshot is not the one announced.
wrong_mark(Config) ->
    Answer = iolist_to_binary(
        eslaver_test_fake_master:full_resync_marked(?config(snapshot, Config))
    ),
    Size = byte_size(Answer) - 1,
    <<Body:Size/binary, Last>> = Answer,
    Wrong = <<Body/binary, (Last bxor 1)>>,
    {ok, _} = bad_then_good(Config, "bytes follow", [#{psync => Wrong}]),
    ok.

%% The message names the type and the byte it stands at.
unknown_type(Config) ->
    Good = <<0, 1, "a", 1, "b">>,
    Snapshot = <<"REDIS0009", 254, 0, Good/binary, 200, 1, "c", 1, "d", 255, 0:64>>,
    At = integer_to_list(9 + 2 + byte_size(Good)),
    {ok, Collector} = bad_then_good(
        Config, "200.*\\b" ++ At ++ "\\b|\\b" ++ At ++ "\\b.*200", [
            #{psync => eslaver_test_fake_master:full_resync(Snapshot)}
        ]
    ),
    Keys = [Key || {loading, _, Key, _} <- eslaver_test_collector:events(Collector)],
    ?assertNot(lists:member(<<"c">>, Keys)).

no_snapshot_at_all(Config) ->
    {ok, _} = bad_then_good(Config, ".", [
        #{
            psync => eslaver_test_fake_master:full_resync(
                <<"this is not a snapshot, though as long">>
            )
        },
        #{psync => eslaver_test_fake_master:full_resync(<<"REDIS9999", 255, 0:64>>)},
        #{psync => eslaver_test_fake_master:full_resync(<<>>)},
        #{psync => ["+FULLRESYNC ", eslaver_test_fake_master:replid(), " 1\r\n-ERR no memory\r\n"]},
        #{psync => ["+FULLRESYNC ", eslaver_test_fake_master:replid(), " 1\r\n$what\r\n"]}
    ]),
    ok.

%% Lengths nobody will ever send are announced: nothing is set aside for them.
huge_length(Config) ->
    Huge = <<129, (1 bsl 60):64>>,
    Before = erlang:memory(total),
    {ok, _} = bad_then_good(Config, ".", [
        #{psync => eslaver_test_fake_master:full_resync(Snapshot), then => close}
     || Snapshot <- [
            <<"REDIS0009", 254, 0, 0, 1, "k", Huge/binary, "abc">>,
            <<"REDIS0009", 254, 0, 1, 1, "k", Huge/binary, 1, "a">>,
            <<"REDIS0009", 254, 0, 4, 1, "k", Huge/binary, 1, "a">>,
            <<"REDIS0009", 254, 0, 0, 1, "k", 195, 5, Huge/binary, "abcde">>
        ]
    ]),
    ?assert(erlang:memory(total) - Before < 500_000_000),
    ok.

%% After the load. What came before the nonsense is delivered, nothing of the nonsense.
broken_stream(Config) ->
    Set = <<"*3\r\n$3\r\nSET\r\n$1\r\nk\r\n$1\r\nv\r\n">>,
    Good = eslaver_test_fake_master:full_resync(?config(snapshot, Config)),
    Begun = [
        begin
            Fake = eslaver_test_fake_master:start([#{psync => Good}]),
            Both = eslaver_test_replica:start(eslaver_test_fake_master:port(Fake)),
            _ = eslaver_test_replica:loaded(Both),
            ok = eslaver_test_fake_master:send(Fake, [Set, Nonsense]),
            {Fake, Both}
        end
     || Nonsense <- [
            <<"*3\r\n$3\r\nSET\r\n$1\r\nkk\r\n$1\r\nv\r\n">>,
            <<"*99999999999999999999\r\n">>,
            <<"*1\r\n$-3\r\n">>,
            <<"*2\r\n:1\r\n">>
        ]
    ],
    lists:foreach(
        fun({Fake, {Replica, Collector}}) ->
            true = eslaver_test_wait:until(fun() ->
                eslaver_test_fake_master:connections(Fake) >= 2
            end),
            Stream = [E || {stream, _, _} = E <- eslaver_test_collector:events(Collector)],
            ?assertEqual([{stream, "set", [<<"k">>, <<"v">>]}], Stream),
            says(Replica, "."),
            ok = eslaver:stop(Replica)
        end,
        Begun
    ).

%% The master's own words are shown, and the stream goes on from where it was.
error_in_the_stream(Config) ->
    Set = <<"*3\r\n$3\r\nSET\r\n$1\r\nk\r\n$1\r\nv\r\n">>,
    Good = eslaver_test_fake_master:full_resync(?config(snapshot, Config)),
    Fake = eslaver_test_fake_master:start([#{psync => Good}, #{psync => <<"+CONTINUE\r\n">>}]),
    {Replica, Collector} = Both = eslaver_test_replica:start(eslaver_test_fake_master:port(Fake)),
    _ = eslaver_test_replica:loaded(Both),
    ok = eslaver_test_fake_master:send(Fake, [Set, <<"-ERR your kind is not wanted here\r\n">>]),
    says(Replica, "\\(master_error\\): .*your kind is not wanted here"),
    true = eslaver_test_wait:until(fun() ->
        [C || {2, [<<"PSYNC">> | _] = C} <- eslaver_test_fake_master:commands(Fake)] =/= []
    end),
    Next = integer_to_binary(1000 + byte_size(Set) + 1),
    Id = eslaver_test_fake_master:replid(),
    ?assertEqual(
        [[<<"PSYNC">>, Id, Next]],
        [C || {2, [<<"PSYNC">> | _] = C} <- eslaver_test_fake_master:commands(Fake)]
    ),
    Stream = [E || {stream, _, _} = E <- eslaver_test_collector:events(Collector)],
    ?assertEqual([{stream, "set", [<<"k">>, <<"v">>]}], Stream),
    eslaver:stop(Replica).

%% Each bad script ends in a complaint and a new try, in which a good one is loaded whole; the
%% events of the bad one have no end of their own. All are tried at once, as each takes its time.
bad_then_good(Config, Regex, Bad) ->
    Good = #{psync => eslaver_test_fake_master:full_resync(?config(snapshot, Config))},
    Tries = [begin_try([Script, Good]) || Script <- Bad],
    lists:last([end_try(Config, Regex, Try) || Try <- Tries]).

recovers(Config, Regex, Scripts) ->
    end_try(Config, Regex, begin_try(Scripts)).

begin_try(Scripts) ->
    Fake = eslaver_test_fake_master:start(Scripts),
    {length(Scripts), Fake, eslaver_test_replica:start(eslaver_test_fake_master:port(Fake))}.

end_try(Config, Regex, {Connections, Fake, {Replica, Collector} = Both}) ->
    Events = eslaver_test_replica:loaded(Both),
    ?assertEqual(Connections, eslaver_test_fake_master:connections(Fake)),
    ?assertEqual(1, length([eof || {loading, eof} <- Events])),
    Whole = map_size(?config(truth, Config)) + 1,
    Last = lists:nthtail(max(0, length(Events) - Whole), Events),
    ?assertEqual([], differences(Config, Last)),
    says(Replica, Regex),
    %% all is well again
    ?assertMatch(#{last_error := undefined}, eslaver:info(Replica)),
    ok = eslaver:stop(Replica),
    ok = eslaver_test_fake_master:stop(Fake),
    {ok, Collector}.

differences(Config, Events) ->
    Differences = eslaver_test_compare:differences(?config(truth, Config), Events),
    ct:log("~s", [eslaver_test_compare:format(Differences)]),
    Differences.
