%% A recording of a real server, to be damaged: its snapshot, its stream of commands, and what is in
%% both.
-module(eslaver_test_recording).

-include_lib("stdlib/include/assert.hrl").

-export([record/1]).

-export_type([recording/0]).

%% `names` are where the keys have their names, `keys` the events of a good load, and each of
%% `commands` comes with where it ends.
-type recording() :: #{
    name := atom(),
    server := file:filename(),
    version := tuple(),
    snapshot := binary(),
    keys := [tuple()],
    names := [{pos_integer(), pos_integer()}],
    stream := binary(),
    commands := [{pos_integer(), [binary()]}]
}.

-spec record(eslaver_test_servers:server()) -> recording().
record(#{server := Server, name := Name, version := Version}) ->
    Master = eslaver_test_master:start(#{server => Server}),
    Client = eslaver_test_client:connect(Master),
    Written = [Command || Command <- writes(), ok =:= write(Client, Command)],
    ?assert(length(Written) > 25),
    Snapshot = eslaver_test_master:snapshot(Master),
    Tap = eslaver_test_stream_recorder:start(Master),
    _ = [write(Client, Command) || Command <- writes()],
    _ = eslaver_test_client:ok(Client, ["SET", "the", "end"]),
    ok = eslaver_test_stream_recorder:await(Tap, [<<"set">>, <<"the">>, <<"end">>]),
    History = eslaver_test_stream_recorder:history(Tap),
    ok = eslaver_test_stream_recorder:stop(Tap),
    ok = eslaver_test_client:close(Client),
    ok = eslaver_test_master:stop(Master),
    Psync = eslaver_test_fake_master:full_resync(Snapshot),
    #{ended := loaded, events := Events} = eslaver_test_hostile_master:serve(load, Psync),
    Keys = eslaver_test_hostile_master:keys(Events),
    Stream = iolist_to_binary([encoded(Command) || {_, Command} <- History]),
    {Last, _} = lists:last(History),
    From = Last - byte_size(Stream),
    [{First, Begins} | _] = History,
    ?assertEqual(First - From, iolist_size(encoded(Begins))),
    #{
        name => Name,
        server => Server,
        version => Version,
        snapshot => Snapshot,
        keys => Keys,
        names => eslaver_test_mutation:names(Snapshot, [Key || {_, _, Key, _, _} <- Keys]),
        stream => Stream,
        commands => [{Behind - From, Command} || {Behind, Command} <- History]
    }.

encoded(Words) ->
    [
        io_lib:format("*~b\r\n", [length(Words)])
        | [[io_lib:format("$~b\r\n", [byte_size(Word)]), Word, "\r\n"] || Word <- Words]
    ].

%% Not every version knows every command.
write(Client, Command) ->
    case eslaver_test_client:command(Client, Command) of
        {error, _} -> unknown;
        _ -> ok
    end.

%% Every type in its small and its large encodings, in two databases.
writes() ->
    [Command || Db <- [0, 3], Command <- [["SELECT", Db] | writes(integer_to_list(Db))]].

writes(Db) ->
    Key = fun(Name) -> ["key:", Db, ":", Name] end,
    Text = binary:copy(<<"compressible ">>, 40),
    Random = eslaver_test_dataset:bytes(300, 1),
    Many = [integer_to_binary(N) || N <- lists:seq(1, 150)],
    Wide = [binary:copy(N, 30) || N <- lists:sublist(Many, 20)],
    Pairs = lists:append([[N, N] || N <- Many]),
    [
        ["SET", Key("string"), "short"],
        ["SET", Key("number"), 12345],
        ["SET", Key("text"), Text],
        ["SET", Key("random"), Random],
        ["SET", Key("expires"), "x", "PX", "4000000000000"],
        ["RPUSH", Key("list"), 1, -2, 300, 70000, "word", Random],
        ["RPUSH", Key("list:many") | Many ++ Wide],
        ["RPUSH", Key("list:text"), Text, Text],
        ["SADD", Key("set:ints") | Many],
        ["SADD", Key("set:words"), "a", "b", 17, "c"],
        ["SADD", Key("set:wide"), Random | Wide],
        ["ZADD", Key("zset"), "1.5", "a", "-2", "b", "+inf", "c", "3", 17],
        ["ZADD", Key("zset:wide"), 1, Random, 2, "b", "0.1", "c"],
        ["HSET", Key("hash"), "field", "value", "n", 17, "text", "some more"],
        ["HSET", Key("hash:wide"), "field", Random, Random, "value", "c", Text],
        ["HSET", Key("hash:many") | Pairs],
        ["HMSET", Key("hash:old"), "field", "value", "n", 17],
        ["HPEXPIRE", Key("hash:old"), "4000000000000", "FIELDS", 1, "n"],
        ["PFADD", Key("hll"), "a", "b", "c"],
        ["XADD", Key("stream"), "1-1", "f", "v", "g", Random],
        ["XADD", Key("stream"), "1-2", "f", "w", "g", 17],
        ["XADD", Key("stream"), "2-0", "other", "field"],
        ["XGROUP", "CREATE", Key("stream"), "group", 0],
        ["XREADGROUP", "GROUP", "group", "one", "COUNT", 2, "STREAMS", Key("stream"), ">"],
        ["XREADGROUP", "GROUP", "group", "two", "STREAMS", Key("stream"), ">"],
        ["XDEL", Key("stream"), "1-2"],
        [
            "FUNCTION",
            "LOAD",
            "REPLACE",
            [
                "#!lua name=lib\nredis.register_function('f', function(k) return 1 end)"
            ]
        ],
        ["MULTI"],
        ["SET", Key("in:multi"), "1"],
        ["INCR", Key("in:multi")],
        ["EXEC"]
    ].
