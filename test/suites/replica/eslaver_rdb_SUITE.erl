%% RDB files and DUMP payloads without a replica: for every master at hand, what its file and its
%% payloads hold is what it says itself; and all that can go wrong with both.
-module(eslaver_rdb_SUITE).

-include_lib("common_test/include/ct.hrl").
-include_lib("stdlib/include/assert.hrl").

-compile([export_all, nowarn_export_all]).

suite() ->
    [{timetrap, {minutes, 3}}, {ct_hooks, [eslaver_test_log_hook]}].

all() ->
    (eslaver_test_groups:cases(?MODULE) -- with_each_server()) ++ eslaver_test_groups:all(groups()).

groups() ->
    eslaver_test_groups:per_server(eslaver_test_servers:available(), with_each_server()).

with_each_server() ->
    [fold, dumps, restored].

init_per_group(Name, Config) ->
    eslaver_test_groups:filled_master(Name, Config).

end_per_group(_Name, Config) ->
    eslaver_test_master:stop(?config(master, Config)).

fold(Config) ->
    Client = client(Config),
    Truth = eslaver_test_master_data:read(Client),
    Events = events(saved(Client, ?config(master, Config))),
    ?assert(length(Events) >= map_size(Truth)),
    %% A fold has no event for the end, which the comparison wants.
    Ended = Events ++ [{loading, eof, #{}}],
    ?assertEqual([], eslaver_test_compare:differences(full, Truth, Ended)).

%% What DUMP says of each key decodes to what the load delivers of it.
dumps(Config) ->
    Client = client(Config),
    Loaded = loaded(saved(Client, ?config(master, Config))),
    Wrong = [
        {Key, Expected, Got}
     || Db <- eslaver_test_master_data:databases(Client),
        {Key, Payload} <- dump_all(Client, Db),
        Expected <- [maps:get(Key, Loaded)],
        Got <- [eslaver_rdb:decode_dump(Payload)],
        Got =/= {ok, Expected}
    ],
    ?assertEqual([], [io_lib:format("~0P", [W, 60]) || W <- lists:sublist(Wrong, 3)]).

%% A RESTORE in the stream carries the value, as eslaver_rdb tells it.
restored(Config) ->
    Client = client(Config),
    _ = eslaver_test_client:ok(Client, ["SELECT", 0]),
    _ = eslaver_test_client:ok(Client, ["RPUSH", "0:source", "a", 17]),
    Payload = eslaver_test_client:ok(Client, ["DUMP", "0:source"]),
    {Replica, Collector} = eslaver_test_replica:start(?config(master, Config), #{events => full}),
    ok = eslaver:await(Replica, loaded, 60_000),
    _ = eslaver_test_client:ok(Client, ["RESTORE", "0:target", 0, Payload]),
    {stream, _, [<<"0:target">>, _Ttl, Sent | _], _} =
        eslaver_test_collector:await(Collector, fun(Event) ->
            element(1, Event) =:= stream andalso element(2, Event) =:= <<"restore">>
        end),
    ?assertEqual({ok, {list, [<<"a">>, <<"17">>], #{}}}, eslaver_rdb:decode_dump(Sent)),
    _ = eslaver_test_client:ok(Client, ["DEL", "0:source", "0:target"]),
    eslaver:stop(Replica).

%% A checksum of 0 stands for none: Redis 8.6 takes such a payload, and so do we.
checksum_zero(_Config) ->
    _ = [
        begin
            Master = eslaver_test_master:start(#{server => Server}),
            Client = eslaver_test_client:connect(Master),
            _ = eslaver_test_client:ok(Client, ["SET", "k", "v"]),
            Good = eslaver_test_client:ok(Client, ["DUMP", "k"]),
            Zero = <<(binary:part(Good, 0, byte_size(Good) - 8))/binary, 0:64>>,
            _ =
                case eslaver_test_client:command(Client, ["RESTORE", "k2", 0, Zero]) of
                    <<"OK">> -> ?assert(Family =:= redis andalso Version >= {8, 4, 0});
                    {error, <<"ERR DUMP payload", _/binary>>} -> ok
                end,
            ?assertEqual({ok, {string, <<"v">>, #{}}}, eslaver_rdb:decode_dump(Zero)),
            ok = eslaver_test_master:stop(Master)
        end
     || #{server := Server, family := Family, version := Version} <- eslaver_test_servers:spread()
    ],
    ok.

%% A name that many entries of a stream share is told with each of them, so that a few bytes stand
%% for many. No stream of a server comes near what is too many.
shared_names(_Config) ->
    Stream = fun(Name, Count) ->
        eslaver_rdb:decode_dump(
            eslaver_test_rdb_encoder:payload(eslaver_test_rdb_encoder:stream_of(Name, Count))
        )
    end,
    Name = binary:copy(<<"n">>, 16_500),
    {error, Text} = Stream(binary:copy(<<"n">>, 1_000_000), 1000),
    {match, _} = re:run(Text, "shared names expand to too many bytes at byte"),
    {ok, {stream, #{entries := Entries}, _}} = Stream(Name, 400),
    ?assertEqual(400, length([Id || {Id, [{N, <<"v">>}]} <- Entries, N =:= Name])),
    ok.

bad_payloads(_Config) ->
    Client = eslaver_test_client:connect(eslaver_test_master:start_own()),
    _ = eslaver_test_client:ok(Client, ["RPUSH", "k" | lists:seq(1, 50)]),
    Good = eslaver_test_client:ok(Client, ["DUMP", "k"]),
    {ok, {list, _, _}} = eslaver_rdb:decode_dump(Good),
    Cut = [binary:part(Good, 0, Size) || Size <- lists:seq(0, byte_size(Good) - 1)],
    Flipped = [
        <<Before/binary, (Byte bxor 16), After/binary>>
     || At <- lists:seq(0, byte_size(Good) - 1),
        <<Before:At/binary, Byte, After/binary>> <- [Good]
    ],
    _ = [
        begin
            {error, Text} = eslaver_rdb:decode_dump(Bad),
            ?assertMatch({match, _}, re:run(Text, " at byte [0-9]+ of the payload"))
        end
     || Bad <- Cut ++ Flipped ++ [<<Good/binary, 0>>]
    ],
    ?assertError(function_clause, eslaver_rdb:decode_dump(not_a_binary)),
    ok.

%% Servers do not look at what follows the end.
followed(Config) ->
    {ok, Bytes} = file:read_file(big_file(Config)),
    File = filename:join(?config(priv_dir, Config), "followed.rdb"),
    Count = fun(_, N) -> N + 1 end,
    {ok, Expected} = eslaver_rdb:fold(big_file(Config), Count, 0),
    _ = [
        begin
            ok = file:write_file(File, [Bytes, More]),
            ?assertEqual({ok, Expected}, eslaver_rdb:fold(File, Count, 0))
        end
     || More <- ["x", binary:copy(<<255>>, 1_000_000)]
    ],
    ok.

%% The text says whose it is, and what is known.
too_new(Config) ->
    File = filename:join(?config(priv_dir, Config), "new.rdb"),
    Version = <<250, 9, "redis-ver", 6, "9.12.3">>,
    _ = [
        begin
            ok = file:write_file(File, Bytes),
            {error, #{reason := unsupported, text := Text}} =
                eslaver_rdb:fold(File, fun(_, _) -> error(delivered) end, []),
            _ = [
                ?assertMatch({match, _}, re:run(Text, Part))
             || Part <- [What, "at byte [0-9]+", "Redis 9.12.3 wrote it", "Valkey up to"]
            ]
        end
     || {Bytes, What} <- [
            {<<"REDIS0099", Version/binary, 255, 0:64>>, "RDB version 99 of Redis"},
            {<<"REDIS0017", Version/binary, 77, 1, "k">>, "RDB type or opcode 77"}
        ]
    ],
    ok.

%% KeyDB's scheduled scripts are left out, and one warning says so.
cron(Config) ->
    Cron = <<64, 4, "cron", 8, "return 1", 1:64/little, 1000:64/little, 1, 1, "k", 0>>,
    Bytes = <<"REDIS0009", Cron/binary, 0, 1, "a", 1, "1", Cron/binary, 255, 0:64>>,
    File = filename:join(?config(priv_dir, Config), "cron.rdb"),
    ok = file:write_file(File, Bytes),
    Fold = eslaver_rdb:fold(File, fun(Event, Events) -> [Event | Events] end, []),
    ?assertEqual({ok, [{loading, string, <<"a">>, <<"1">>, #{db => 0}}]}, Fold),
    ?assertMatch([_], eslaver_test_log:await("KEYDB.CRON")),
    ?assertMatch([_], [left_out || Text <- eslaver_test_log:texts(), is_marked(Text)]),
    ok = eslaver_test_log:clear(),
    #{ended := loaded} = eslaver_test_hostile_master:serve(
        load, eslaver_test_fake_master:full_resync(Bytes)
    ),
    ?assertMatch([_], eslaver_test_log:await("KEYDB.CRON")).

is_marked(Text) ->
    re:run(Text, "KEYDB.CRON.*eslaver => true", [dotall, {capture, none}]) =:= match.

%% Types that no server at hand writes, in files made by hand: as events of a file, and of a link
%% with a filter of each type.
no_server_at_hand(Config) ->
    Later = 1_700_000_000_000,
    Listed = [35, 6, "listed", <<Later:64/little>>, 3, 1, 1, "a", 0, 1, "b", 6, 1, "c"],
    Entries = <<16#81, "x", 2, 0, 1, 7, 1, 16#f4, Later:64/little, 9>>,
    Listpack = <<(byte_size(Entries) + 7):32/little, 4:16/little, Entries/binary, 255>>,
    Packed = [34, 6, "packed", <<Later:64/little>>, byte_size(Listpack), Listpack],
    Gcra = [33, 1, "g", 129, <<(1 bsl 40):64>>],
    Redis = ["REDIS0017", Listed, Packed, Gcra, 255, <<0:64>>],
    Paths = [2, "/a", 2, 1, "f", 1, "v", 1, "g", 0, 2, "/b", 1, 1, "f", 192, 7],
    Valkey = ["VALKEY081", 23, 1, "p", 2, Paths, 255, <<0:64>>],
    Db = #{db => 0},
    Sets = [
        {loading, set, <<"listed">>, [<<"a">>, <<"b">>, <<"c">>], Db#{
            member_expire_at => [{<<"a">>, Later}, {<<"c">>, Later + 5}]
        }},
        {loading, set, <<"packed">>, [<<"x">>, <<"7">>], Db#{
            member_expire_at => [{<<"7">>, Later}]
        }}
    ],
    Limiter = {loading, gcra, <<"g">>, 1 bsl 40, Db},
    PathHash =
        {loading, path_hash, <<"p">>,
            [
                {<<"/a">>, [{<<"f">>, <<"v">>}, {<<"g">>, <<>>}]},
                {<<"/b">>, [{<<"f">>, <<"7">>}]}
            ],
            Db},
    File = filename:join(?config(priv_dir, Config), "newest.rdb"),
    _ = [
        begin
            ok = file:write_file(File, Bytes),
            ?assertEqual(Expected, events(File)),
            _ = [
                ?assertEqual(
                    [Event || {_, Type, _, _, _} = Event <- Expected, Type =:= Wanted],
                    linked(Bytes, Wanted)
                )
             || Wanted <- [set, gcra, path_hash, string]
            ]
        end
     || {Bytes, Expected} <- [{Redis, Sets ++ [Limiter]}, {Valkey, [PathHash]}]
    ],
    ok.

%% The keys of this type that a replica is told of.
linked(Snapshot, Type) ->
    Psync = eslaver_test_fake_master:full_resync(Snapshot),
    Options = #{filter => #{types => [Type]}},
    #{ended := loaded, events := Events} = eslaver_test_hostile_master:serve(load, Psync, Options),
    eslaver_test_hostile_master:keys(Events).

%% Nothing is delivered of a file that is not sound to its end.
bad_files(Config) ->
    Good = big_file(Config),
    {ok, Bytes} = file:read_file(Good),
    Size = byte_size(Bytes),
    <<Before:(Size - 100)/binary, Byte, After/binary>> = Bytes,
    Middle = Size div 2,
    <<Half:Middle/binary, _/binary>> = Bytes,
    Bad = filename:join(?config(priv_dir, Config), "bad.rdb"),
    _ = [
        begin
            ok = file:write_file(Bad, Wrong),
            {error, #{reason := bad_snapshot, text := Text}} =
                eslaver_rdb:fold(Bad, fun(_, _) -> error(delivered) end, []),
            ?assertMatch({match, _}, re:run(Text, "at byte [0-9]+ of the snapshot"))
        end
     || Wrong <- [
            <<>>,
            <<"REDIS">>,
            <<Before/binary, (Byte bxor 1), After/binary>>,
            Half
        ]
    ],
    No = fun(_, _) -> error(delivered) end,
    Fifo = filename:join(?config(priv_dir, Config), "fifo.rdb"),
    "" = os:cmd("mkfifo '" ++ Fifo ++ "'"),
    _ = [
        begin
            {error, #{reason := bad_file, text := Text}} = eslaver_rdb:fold(File, No, []),
            ?assertMatch({match, _}, re:run(Text, Why))
        end
     || {File, Why} <- [
            {Fifo, "fifo.rdb: it is a FIFO, not a regular file"},
            {"/dev/null", "it is a device"},
            {?config(priv_dir, Config), "it is a directory"}
        ]
    ],
    Missing = filename:join(?config(priv_dir, Config), "missing.rdb"),
    _ = [
        ?assertMatch({error, #{reason := bad_file, text := <<_, _/binary>>}}, Result)
     || Result <- [
            eslaver_rdb:fold(Missing, No, []),
            eslaver_rdb:fold([$a, {}], No, []),
            eslaver_rdb:fold(<<255>>, No, [])
        ]
    ],
    %% Each form of a name.
    Count = fun(_, N) -> N + 1 end,
    {ok, N} = eslaver_rdb:fold(Good, Count, 0),
    ?assertEqual({ok, N}, eslaver_rdb:fold(list_to_binary(Good), Count, 0)),
    ?assertEqual({ok, N}, eslaver_rdb:fold([Good], Count, 0)),
    %% one that is no text, by way of a link
    Odd = iolist_to_binary([Good, 255]),
    ok = file:make_symlink(Good, Odd),
    ?assertEqual({ok, N}, eslaver_rdb:fold(Odd, Count, 0)).

%% What the fun raises comes out, and neither process, thread nor message is left.
raises(Config) ->
    File = big_file(Config),
    Before = left(),
    _ = [
        ?assertException(
            Class, enough, eslaver_rdb:fold(File, fun(_, N) -> stop_at(Class, N) end, 0)
        )
     || Class <- [throw, error, exit], _ <- lists:seq(1, 10)
    ],
    ?assertEqual([], messages()),
    nothing_left(Before).

stop_at(Class, 500) -> erlang:raise(Class, enough, []);
stop_at(_Class, N) -> N + 1.

caller_dies(Config) ->
    File = big_file(Config),
    Before = left(),
    Self = self(),
    Callers = [
        spawn(fun() ->
            eslaver_rdb:fold(
                File,
                fun(_, _) ->
                    Self ! {self(), folds},
                    timer:sleep(infinity)
                end,
                []
            )
        end)
     || _ <- lists:seq(1, 10)
    ],
    _ = [
        receive
            {Caller, folds} -> exit(Caller, kill)
        end
     || Caller <- Callers
    ],
    nothing_left(Before).

%% One that traps exits has no messages of ours afterwards, however the fold ended.
trap_exit(Config) ->
    File = big_file(Config),
    process_flag(trap_exit, true),
    self() ! mine,
    {ok, _} = eslaver_rdb:fold(File, fun(_, N) -> N + 1 end, 0),
    ?assertThrow(enough, eslaver_rdb:fold(File, fun(_, N) -> stop_at(throw, N) end, 0)),
    {error, _} = eslaver_rdb:fold("/", fun(_, N) -> N end, 0),
    {error, _} = eslaver_rdb:fold(<<255>>, fun(_, N) -> N end, 0),
    ?assertEqual([mine], messages()).

%% However slow the fun is, little is decoded ahead of it.
bounded(Config) ->
    File = big_file(Config),
    Look = fun(_, {N, Most}) ->
        N rem 1000 =:= 0 andalso timer:sleep(1),
        {message_queue_len, Waiting} = process_info(self(), message_queue_len),
        {N + 1, max(Most, Waiting)}
    end,
    {ok, {Count, Most}} = eslaver_rdb:fold(File, Look, {0, 0}),
    ?assert(Count > 50_000),
    ct:log("~b batches at most were waiting", [Most]),
    ?assert(Most =< 10).

messages() ->
    {messages, Messages} = process_info(self(), messages),
    Messages.

%% Links have a thread each, and Linux shows them by name.
nothing_left(Before) ->
    true = eslaver_test_wait:until(fun() -> left() =:= Before end),
    ok.

left() ->
    Links = [
        Pid
     || Pid <- processes(),
        {dictionary, Dictionary} <- [process_info(Pid, dictionary)],
        {'$initial_call', {eslaver_link, _, _}} <- Dictionary
    ],
    Comms = filelib:wildcard("/proc/self/task/*/comm"),
    Threads = [Comm || Comm <- Comms, file:read_file(Comm) =:= {ok, <<"eslaver_io\n">>}],
    {Links, length(Threads)}.

%% 10 MB, more than can be under way at once.
big_file(Context) ->
    File = filename:join(?config(priv_dir, Context), "big.rdb"),
    case filelib:is_file(File) of
        true ->
            File;
        false ->
            Master = eslaver_test_master:start_own(),
            Client = eslaver_test_client:connect(Master),
            _ = eslaver_test_client:ok(Client, ["DEBUG", "POPULATE", 100_000, "k", 100]),
            {ok, _} = file:copy(saved(Client, Master), File),
            ok = eslaver_test_master:stop(Master),
            File
    end.

saved(Client, Master) ->
    <<"OK">> = eslaver_test_client:ok(Client, ["SAVE"]),
    filename:join(eslaver_test_master:dir(Master), "dump.rdb").

client(Context) ->
    eslaver_test_client:connect(?config(master, Context)).

events(File) ->
    {ok, Events} = eslaver_rdb:fold(File, fun(Event, Events) -> [Event | Events] end, []),
    lists:reverse(Events).

%% What decode_dump/1 is to say of each key.
loaded(File) ->
    maps:from_list([
        {Key, {Type, Value, maps:with([field_expire_at, member_expire_at, next_index], Meta)}}
     || {loading, Type, Key, Value, Meta} <- events(File), Type =/= aux, Type =/= function
    ]).

dump_all(Client, Db) ->
    _ = eslaver_test_client:ok(Client, ["SELECT", Db]),
    Keys = eslaver_test_client:ok(Client, ["KEYS", "*"]),
    lists:zip(Keys, eslaver_test_client:pipeline(Client, [["DUMP", Key] || Key <- Keys])).
