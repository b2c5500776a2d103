%% What follows the snapshot: commands in order and complete, acknowledgements, and what becomes of
%% both when the link is cut or the master is restarted. Against every available master.
-module(eslaver_stream_SUITE).

-include_lib("common_test/include/ct.hrl").
-include_lib("stdlib/include/assert.hrl").

-compile([export_all, nowarn_export_all]).

suite() ->
    [{timetrap, {minutes, 3}}].

all() ->
    alone() ++ eslaver_test_groups:all(groups()).

%% Each case has a master of its own.
groups() ->
    Cases = eslaver_test_groups:cases(?MODULE) -- alone(),
    eslaver_test_groups:per_server(eslaver_test_servers:available(), [parallel], Cases).

%% Cases that need no server of each version.
alone() ->
    [getack, getack_split].

init_per_group(Name, Config) ->
    eslaver_test_groups:server(Name, Config).

end_per_group(_Name, _Config) ->
    ok.

%% Every case has a master of its own, and a replica that has loaded.
init_per_testcase(Case, Config) ->
    case lists:member(Case, alone()) of
        true -> Config;
        false -> with_master(Config)
    end.

with_master(Context) ->
    #{server := Server} = ?config(server, Context),
    Master = eslaver_test_master:start(#{server => Server}),
    Client = eslaver_test_client:connect(Master),
    {Replica, Collector} = Both =
        eslaver_test_replica:start(Master, #{empty_master_delay => 0}),
    _ = eslaver_test_replica:loaded(Both),
    _ = eslaver_test_replica:mark(Client, Collector),
    ok = eslaver_test_collector:clear(Collector),
    [{master, Master}, {client, Client}, {replica, Replica}, {collector, Collector} | Context].

%% Commands a master passes on as they were sent, to several databases.
commands_in_order(Config) ->
    Every = <<<<Byte>> || Byte <- lists:seq(0, 255)>>,
    Plain = [
        [<<"set">>, <<"a">>, <<"1">>],
        [<<"SET">>, <<"binary", 0, 13, 10, 255>>, Every],
        [<<"sEt">>, <<>>, <<>>],
        [<<"append">>, <<"a">>, <<"23">>],
        [<<"incr">>, <<"a">>],
        [<<"incrby">>, <<"a">>, <<"-9223372036854775807">>],
        [<<"setrange">>, <<"r">>, <<"5">>, <<"x">>],
        [<<"setbit">>, <<"bit">>, <<"7">>, <<"1">>],
        [<<"mset">>, <<"m1">>, <<"1">>, <<"m2">>, <<"2">>],
        [<<"rpush">>, <<"l">>, <<"1">>, <<"b">>, <<>>],
        [<<"lpush">>, <<"l">>, <<"0">>],
        [<<"lset">>, <<"l">>, <<"0">>, <<"zero">>],
        [<<"ltrim">>, <<"l">>, <<"0">>, <<"2">>],
        [<<"sadd">>, <<"s">>, <<"x">>, <<"y">>],
        [<<"srem">>, <<"s">>, <<"x">>],
        [<<"sunionstore">>, <<"u">>, <<"s">>, <<"none">>],
        [<<"zadd">>, <<"z">>, <<"1.5">>, <<"m">>, <<"-inf">>, <<"n">>],
        [<<"zincrby">>, <<"z">>, <<"2">>, <<"m">>],
        [<<"hset">>, <<"h">>, <<"f">>, <<"v">>],
        [<<"hmset">>, <<"h">>, <<"g">>, Every, <<>>, <<"e">>],
        [<<"hdel">>, <<"h">>, <<"f">>],
        [<<"pfadd">>, <<"hll">>, <<"a">>],
        [<<"rename">>, <<"m1">>, <<"m3">>],
        [<<"del">>, <<"m2">>, <<"m3">>]
    ],
    Streams = [
        [<<"xadd">>, <<"st">>, <<"1-1">>, <<"f">>, Every],
        [<<"xgroup">>, <<"create">>, <<"st">>, <<"g">>, <<"0">>],
        [<<"xdel">>, <<"st">>, <<"1-1">>]
    ],
    Numbers = [[<<"rpush">>, <<"n">>, integer_to_binary(N)] || N <- lists:seq(1, 5_000)],
    #{version := Version} = ?config(server, Config),
    Sent =
        [{0, C} || C <- Plain] ++
            [{3, C} || Version >= {5, 0, 0}, C <- Streams] ++
            [{3, C} || C <- Plain] ++
            [{N rem 5, [<<"set">>, <<"d">>, integer_to_binary(N)]} || N <- lists:seq(1, 50)] ++
            [{15, C} || C <- Numbers],
    Client = ?config(client, Config),
    Replies = eslaver_test_client:pipeline(
        Client, lists:append([[["SELECT", Db], Command] || {Db, Command} <- Sent])
    ),
    ?assertEqual([], [Error || {error, _} = Error <- Replies]),
    Expected = [{Db, string:lowercase(Name), Args} || {Db, [Name | Args]} <- Sent],
    assert_same(Expected, writes(Config)).

transactions(Config) ->
    Client = ?config(client, Config),
    Queued = [[<<"set">>, <<"t1">>, <<"x">>], [<<"rpush">>, <<"t2">>, <<"y">>, <<>>]],
    _ = eslaver_test_client:pipeline(Client, [["MULTI"]] ++ Queued ++ [["EXEC"]]),
    _ = eslaver_test_client:pipeline(Client, [["MULTI"], ["SET", "never", "x"], ["DISCARD"]]),
    Names = [Name || {_, Name, _} <- writes(Config)],
    ?assertEqual([<<"multi">>, <<"set">>, <<"rpush">>, <<"exec">>], Names).

%% From Redis 5 on a script arrives as what it did, before that as itself.
scripts(Config) ->
    Client = ?config(client, Config),
    Script = <<"redis.call('set', KEYS[1], ARGV[1]); redis.call('rpush', KEYS[2], 'a', 'b')">>,
    Call = [<<"EVAL">>, Script, <<"2">>, <<"k1">>, <<"k2">>, <<"v", 0, 255>>],
    _ = eslaver_test_client:ok(Client, Call),
    Writes = [{Name, Args} || {_, Name, Args} <- writes(Config)],
    case ?config(server, Config) of
        #{version := Version} when Version >= {5, 0, 0} ->
            ?assertEqual(
                [
                    {<<"multi">>, []},
                    {<<"set">>, [<<"k1">>, <<"v", 0, 255>>]},
                    {<<"rpush">>, [<<"k2">>, <<"a">>, <<"b">>]},
                    {<<"exec">>, []}
                ],
                Writes
            );
        #{} ->
            ?assert(lists:member({<<"eval">>, tl(Call)}, Writes))
    end.

%% A master passes expiries on, and says when a key has expired.
expiries(Config) ->
    Client = ?config(client, Config),
    Commands = [
        ["SET", "e", "v"], ["EXPIRE", "e", 1000], ["PERSIST", "e"], ["SET", "p", "v", "PX", 1]
    ],
    [_, _, _, _] = eslaver_test_client:pipeline(Client, Commands),
    %% It is gone when the master says so, not before.
    true = eslaver_test_wait:until(fun() ->
        eslaver_test_client:ok(Client, ["GET", "p"]) =:= null
    end),
    Writes = [{Name, Args} || {_, Name, Args} <- writes(Config)],
    ct:log("~p", [Writes]),
    [{<<"set">>, _}, {Expire, [<<"e">>, _]}, {<<"persist">>, [<<"e">>]} | _] = Writes,
    %% Before Redis 7 it comes as it was sent.
    ?assert(lists:member(Expire, [<<"pexpireat">>, <<"expire">>])),
    {Gone, [<<"p">>]} = lists:last(Writes),
    ?assert(lists:member(Gone, [<<"del">>, <<"unlink">>])).

big_argument(Config) ->
    Client = ?config(client, Config),
    Big = eslaver_test_dataset:bytes(5_000_000, 1),
    _ = eslaver_test_client:pipeline(Client, [["SET", "big", Big], ["SET", "after", "x"]]),
    [{_, <<"set">>, [<<"big">>, Got]}, {_, <<"set">>, [<<"after">>, <<"x">>]}] = writes(Config),
    ?assert(Big =:= Got).

%% The master lists us as online, and at its own offset when nothing goes on.
online_and_acknowledged(Config) ->
    Client = ?config(client, Config),
    _ = eslaver_test_client:pipeline(Client, [["SET", "k", N] || N <- lists:seq(1, 1000)]),
    true = eslaver_test_wait:until(fun() ->
        Info = replication(Client),
        Slave = maps:get(<<"slave0">>, Info, <<>>),
        Offset = maps:get(<<"master_repl_offset">>, Info),
        re:run(Slave, "state=online") =/= nomatch andalso
            re:run(Slave, <<"offset=", Offset/binary, ",">>) =/= nomatch
    end),
    #{} = eslaver:info(?config(replica, Config)),
    ok.

wait_counts_us(Config) ->
    Client = ?config(client, Config),
    Waits = [
        begin
            _ = eslaver_test_client:ok(Client, ["SET", "k", N]),
            Reply = eslaver_test_client:command(Client, ["WAIT", 1, 20_000]),
            %% Acknowledged is handled: the event has been sent on already.
            Key = integer_to_binary(N),
            {Reply,
                Reply =/= 1 orelse
                    lists:member({stream, "set", [<<"k">>, Key]}, events(Config))}
        end
     || N <- lists:seq(1, 20)
    ],
    case lists:usort(Waits) of
        [{1, true}] -> ok;
        [{{error, Unknown}, true}] -> {skip, Unknown}
    end.

%% The link is cut again and again while writes go on: nothing is lost, nothing comes twice, and
%% no second snapshot is needed.
link_cut(Config) ->
    Client = ?config(client, Config),
    Full = stat(Client, <<"sync_full">>),
    lists:foreach(
        fun(Round) ->
            Before = stat(Client, <<"sync_partial_ok">>),
            Write = fun(From, To) ->
                _ = eslaver_test_client:pipeline(
                    Client, [["RPUSH", "n", Round * 1000 + N] || N <- lists:seq(From, To)]
                )
            end,
            Write(1, 300),
            Killed = eslaver_test_client:ok(Client, ["CLIENT", "KILL", "TYPE", "slave"]),
            ?assertEqual(1, Killed),
            Write(301, 400),
            true = eslaver_test_wait:until(fun() ->
                stat(Client, <<"sync_partial_ok">>) > Before
            end)
        end,
        [1, 2, 3]
    ),
    Expected = [integer_to_binary(R * 1000 + N) || R <- [1, 2, 3], N <- lists:seq(1, 400)],
    ?assertEqual(Expected, [N || {_, <<"rpush">>, [<<"n">>, N]} <- writes(Config)]),
    ?assertEqual(Full, stat(Client, <<"sync_full">>)),
    ?assertEqual([], [Event || {loading, _} = Event <- events(Config)]).

%% A new master knows nothing of our position: everything is loaded again.
master_restarted(Config) ->
    Master = ?config(master, Config),
    Collector = ?config(collector, Config),
    ok = eslaver_test_master:restart(Master),
    Client = eslaver_test_client:connect(Master),
    {loading, eof} = eslaver_test_collector:await(Collector, fun(E) -> E =:= {loading, eof} end),
    _ = eslaver_test_client:ok(Client, ["SELECT", 7]),
    _ = eslaver_test_client:ok(Client, ["SET", "again", "x"]),
    _ = eslaver_test_replica:mark(Client, Collector),
    ?assertMatch(
        [{7, <<"set">>, [<<"again">>, <<"x">>]}, {7, <<"set">>, _}],
        by_db(events(Config))
    ).

%% A master that stops for a moment is not lost.
master_paused(Config) ->
    Master = ?config(master, Config),
    ok = eslaver_test_master:pause(Master),
    #{} = eslaver:info(?config(replica, Config)),
    ok = eslaver_test_master:continue(Master),
    _ = eslaver_test_client:ok(?config(client, Config), ["SET", "k", "v"]),
    ?assertEqual([{0, <<"set">>, [<<"k">>, <<"v">>]}], writes(Config)).

%% The offset we acknowledge is counted from the one of +FULLRESYNC.
getack(_Config) ->
    Set = <<"*3\r\n$3\r\nSET\r\n$1\r\nk\r\n$1\r\nv\r\n">>,
    answers([Set], byte_size(Set)).

%% The same, with every byte sent on its own, and a line's end for a value.
getack_split(_Config) ->
    Set = <<"*3\r\n$3\r\nSET\r\n$1\r\nk\r\n$2\r\n\r\n\r\n">>,
    answers([<<Byte>> || <<Byte>> <= Set], byte_size(Set)).

answers(Pieces, Size) ->
    {ok, Snapshot} = empty_snapshot(),
    Fake = eslaver_test_fake_master:start([
        #{psync => eslaver_test_fake_master:full_resync(Snapshot)}
    ]),
    {Replica, _} = Both = eslaver_test_replica:start(eslaver_test_fake_master:port(Fake)),
    _ = eslaver_test_replica:loaded(Both),
    _ = [ok = eslaver_test_fake_master:send(Fake, Piece) || Piece <- Pieces],
    GetAck = <<"*3\r\n$8\r\nREPLCONF\r\n$6\r\nGETACK\r\n$1\r\n*\r\n">>,
    lists:foreach(
        fun(N) ->
            ok = eslaver_test_fake_master:send(Fake, GetAck),
            %% That before GETACK, or, when it has been handled as well, that behind it.
            Before = 1000 + Size + N * byte_size(GetAck),
            Right = [integer_to_binary(O) || O <- [Before, Before + byte_size(GetAck)]],
            Acks = fun() ->
                [O || {1, [_, <<"ACK">>, O | _]} <- eslaver_test_fake_master:commands(Fake)]
            end,
            try
                eslaver_test_wait:until(fun() -> Acks() -- (Acks() -- Right) =/= [] end)
            catch
                error:{condition_not_met, _} -> error({no_ack, Right, lists:usort(Acks())})
            end
        end,
        [0, 1, 2]
    ),
    ok = eslaver:stop(Replica).

empty_snapshot() ->
    {ok, eslaver_test_master:snapshot(eslaver_test_master:start_own())}.

%% Helpers.

events(Context) ->
    eslaver_test_collector:events(?config(collector, Context)).

%% The writes until now with the database each went to, without the one that ends them.
writes(Context) ->
    Mark = eslaver_test_replica:mark(?config(client, Context), ?config(collector, Context)),
    [{Db, Name, Args} || {Db, Name, Args} <- by_db(events(Context)), hd(Args ++ [x]) =/= Mark].

by_db(Events) ->
    {Writes, _} = lists:foldl(
        fun
            ({stream, "select", [Db]}, {Writes, _}) ->
                {Writes, binary_to_integer(Db)};
            ({stream, "ping", _}, Acc) ->
                Acc;
            ({stream, "replconf", _}, Acc) ->
                Acc;
            ({stream, Name, Args}, {Writes, Db}) ->
                {[{Db, list_to_binary(Name), Args} | Writes], Db};
            (_, Acc) ->
                Acc
        end,
        {[], 0},
        Events
    ),
    lists:reverse(Writes).

%% Without printing thousands of commands where one differs.
assert_same([A | As], [B | Bs]) when A =:= B ->
    assert_same(As, Bs);
assert_same(Expected, Got) ->
    ?assertEqual(
        {length(Expected), lists:sublist(Expected, 3)}, {length(Got), lists:sublist(Got, 3)}
    ),
    ok.

replication(Client) ->
    fields(eslaver_test_client:ok(Client, ["INFO", "replication"])).

stat(Client, Name) ->
    binary_to_integer(maps:get(Name, fields(eslaver_test_client:ok(Client, ["INFO", "stats"])))).

fields(Info) ->
    maps:from_list([
        {Key, Value}
     || Line <- binary:split(Info, <<"\r\n">>, [global]),
        [Key, Value] <- [binary:split(Line, <<":">>)]
    ]).
