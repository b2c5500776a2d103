%% Fills a master with every type in every encoding its version has. What a version does not know
%% is found out by trying, and reported as skipped. This module drives, and makes strings and
%% keys; the containers are in eslaver_test_dataset_containers, the streams in
%% eslaver_test_dataset_streams.
%%
%% Keys begin with their database's number, so that they are unique across databases, as classic
%% events name none.
-module(eslaver_test_dataset).

-export([fill/1, encodings/1]).
-export([run/2, key/2, config/3, bytes/2, number_edges/0]).

-export_type([context/0, item/0]).

%% What an item is given: the client, already in the item's database, and that database.
-type context() :: #{client := eslaver_test_client:client(), db := non_neg_integer()}.
%% Throws {skip, Why} where the master lacks the means.
-type item() :: {atom(), fun((context()) -> term())}.

%% Gives the names of what was made and what was not.
-spec fill(eslaver_test_client:client()) -> #{made := [atom()], skipped := [{atom(), term()}]}.
fill(Client) ->
    _ = eslaver_test_client:ok(Client, ["FLUSHALL"]),
    Results =
        [make(Client, 0, Item) || Item <- all_items()] ++
            [make(Client, Db, Item) || Db <- [1, 9, 15], Item <- few_items()],
    #{
        made => [Name || {made, Name} <- Results],
        skipped => [{Name, Why} || {skipped, Name, Why} <- Results]
    }.

all_items() ->
    items() ++ eslaver_test_dataset_containers:items() ++ eslaver_test_dataset_streams:items().

few_items() ->
    [{Name, Make} || {Name, Make} <- all_items(), lists:member(Name, few())].

few() ->
    [integers, binaries, expiries, lists_small, sets, zsets_small, hashes_small, stream_plain].

make(Client, Db, {Name, Make}) ->
    _ = eslaver_test_client:ok(Client, ["SELECT", Db]),
    try Make(#{client => Client, db => Db}) of
        _ -> {made, Name}
    catch
        throw:{skip, Why} -> {skipped, Name, Why}
    end.

%% How many keys have which encoding: {Type, Encoding}.
-spec encodings(eslaver_test_client:client()) -> #{{binary(), binary()} => pos_integer()}.
encodings(Client) ->
    Pairs = lists:append([
        begin
            _ = eslaver_test_client:ok(Client, ["SELECT", Db]),
            Keys = eslaver_test_client:ok(Client, ["KEYS", "*"]),
            Types = eslaver_test_client:pipeline(Client, [["TYPE", Key] || Key <- Keys]),
            Ask = [["OBJECT", "ENCODING", Key] || Key <- Keys],
            lists:zip(Types, eslaver_test_client:pipeline(Client, Ask))
        end
     || Db <- eslaver_test_master_data:databases(Client)
    ]),
    lists:foldl(
        fun(Pair, Counts) -> maps:update_with(Pair, fun(N) -> N + 1 end, 1, Counts) end, #{}, Pairs
    ).

%% For the items.

%% Runs a command; what the master does not know skips the item, any other error is one of ours.
-spec run(context(), [term()]) -> eslaver_test_client:reply().
run(#{client := Client}, Command) ->
    case eslaver_test_client:command(Client, Command) of
        {error, Reason} ->
            case re:run(Reason, "unknown|not allowed|wrong number|syntax|[Uu]nsupported", []) of
                {match, _} -> throw({skip, string:slice(Reason, 0, 60)});
                nomatch -> error({dataset, Command, Reason})
            end;
        Reply ->
            Reply
    end.

-spec key(context(), iodata()) -> binary().
key(#{db := Db}, Name) ->
    iolist_to_binary([integer_to_list(Db), $:, Name]).

%% The value of the first of these parameters which the master has.
-spec config(context(), [string()], Default) -> integer() | Default.
config(_Context, [], Default) ->
    Default;
config(#{client := Client} = Context, [Name | Names], Default) ->
    case eslaver_test_client:command(Client, ["CONFIG", "GET", Name]) of
        [_, Value] -> binary_to_integer(Value);
        _ -> config(Context, Names, Default)
    end.

%% Bytes that cannot be compressed, the same for the same seed.
-spec bytes(non_neg_integer(), integer()) -> binary().
bytes(Size, Seed) ->
    {Bytes, _} = rand:bytes_s(Size, rand:seed_s(exsss, Seed)),
    Bytes.

%% Where integer encodings end and begin: of strings, lists, intsets, listpacks and ziplists.
-spec number_edges() -> [integer()].
number_edges() ->
    lists:usort(
        [
            Sign * (1 bsl Bits) + Near
         || Bits <- [0, 2, 3, 4, 6, 7, 8, 12, 13, 15, 16, 23, 24, 31, 32, 62],
            Sign <- [-1, 1],
            Near <- [-2, -1, 0, 1, 2]
        ] ++ [(1 bsl 63) - 2, (1 bsl 63) - 1, -(1 bsl 63), -(1 bsl 63) + 1]
    ).

%% Strings, keys, expiries, and what is not a key's value.

items() ->
    [
        {integers, fun integers/1},
        {not_integers, fun not_integers/1},
        {binaries, fun binaries/1},
        {compressible, fun compressible/1},
        {lengths, fun lengths/1},
        {odd_keys, fun odd_keys/1},
        {expiries, fun expiries/1},
        {bitmaps, fun bitmaps/1},
        {hyperloglog_sparse, fun hyperloglog_sparse/1},
        {hyperloglog_dense, fun hyperloglog_dense/1},
        {functions, fun functions/1},
        {json, fun json/1},
        {bloom, fun bloom/1},
        {time_series, fun time_series/1},
        {vector_set, fun vector_set/1}
    ].

integers(Context) ->
    set_all(Context, "int", [integer_to_binary(N) || N <- number_edges()]).

%% Look like numbers, are none; and numbers past 64 bits.
not_integers(Context) ->
    set_all(Context, "notint", [
        <<"-0">>,
        <<"007">>,
        <<"+1">>,
        <<" 1">>,
        <<"1 ">>,
        <<"1.0">>,
        <<"-">>,
        <<"1e3">>,
        integer_to_binary(1 bsl 63),
        integer_to_binary(-(1 bsl 63) - 1),
        integer_to_binary(1 bsl 64)
    ]).

binaries(Context) ->
    set_all(Context, "bin", [
        <<>>,
        <<0>>,
        <<<<Byte>> || Byte <- lists:seq(0, 255)>>,
        <<"\r\n">>,
        <<255, 254, 253>>
    ]).

compressible(Context) ->
    set_all(Context, "lzf", [
        binary:copy(<<"a">>, 400),
        binary:copy(<<"abcdefgh">>, 50),
        binary:copy(<<"twenty thousand bytes ">>, 910),
        binary:copy(<<0>>, 20_000),
        binary:copy(<<"one megabyte, which compresses well. ">>, 28_340),
        %% Back references as far as they go, with noise between.
        iolist_to_binary([[bytes(100, 1), bytes(8_000, N)] || N <- lists:seq(2, 20)]),
        bytes(1_048_576, 3)
    ]).

%% Around the steps of the length encoding (6, 14 bits), of embedded strings, and of compression.
lengths(Context) ->
    Sizes = [1, 19, 20, 21, 22, 39, 40, 44, 45, 62, 63, 64, 65, 16_382, 16_383, 16_384, 65_536],
    set_all(Context, "len", [bytes(Size, Size) || Size <- Sizes]).

odd_keys(Context) ->
    Keys = [
        key(Context, <<"binary", 0, 255, 13, 10, 128>>),
        key(Context, [<<"long">>, binary:copy(<<"k">>, 70_000)]),
        key(Context, [<<"63">>, binary:copy(<<"k">>, 59)]),
        key(Context, [<<"64">>, binary:copy(<<"k">>, 60)]),
        %% A key which is a number is stored as one.
        <<"12345">>,
        <<"-1">>,
        <<"9223372036854775807">>
    ],
    _ = [
        run(Context, ["SET", Key, <<"value of ", (integer_to_binary(byte_size(Key)))/binary>>])
     || Key <- [<<>> | Keys]
    ].

expiries(Context) ->
    _ = [
        begin
            Key = key(Context, ["ttl:", integer_to_list(When)]),
            run(Context, ["SET", Key, "x"]),
            run(Context, ["PEXPIREAT", Key, When])
        end
     || When <- [4_102_444_800_000, 4_102_444_800_001, 32_503_680_000_123]
    ],
    run(Context, ["RPUSH", key(Context, "ttl:list"), "a", "1"]),
    run(Context, ["EXPIREAT", key(Context, "ttl:list"), 4_102_444_800]).

bitmaps(Context) ->
    run(Context, ["SETBIT", key(Context, "bits:near"), 7, 1]),
    run(Context, ["SETBIT", key(Context, "bits:far"), 800_001, 1]).

hyperloglog_sparse(Context) ->
    run(Context, ["PFADD", key(Context, "hll:empty")]),
    run(Context, ["PFADD", key(Context, "hll:sparse"), "a", "b", "c"]).

hyperloglog_dense(Context) ->
    Elements = [integer_to_list(N) || N <- lists:seq(1, 5_000)],
    run(Context, ["PFADD", key(Context, "hll:dense") | Elements]).

functions(Context) ->
    Code =
        "#!lua name=eslaver_test\n"
        "redis.register_function('answer', function(keys, args) return 42 end)\n",
    run(Context, ["FUNCTION", "LOAD", "REPLACE", Code]).

json(Context) ->
    run(Context, ["JSON.SET", key(Context, "json"), "$", "{\"a\":[1,2.5,null,\"x\"],\"b\":{}}"]).

bloom(Context) ->
    run(Context, ["BF.ADD", key(Context, "bloom"), "x"]),
    run(Context, ["CF.ADD", key(Context, "cuckoo"), "x"]),
    run(Context, ["CMS.INITBYDIM", key(Context, "cms"), 10, 2]),
    run(Context, ["TOPK.RESERVE", key(Context, "topk"), 5]),
    run(Context, ["TDIGEST.CREATE", key(Context, "tdigest")]).

time_series(Context) ->
    run(Context, ["TS.ADD", key(Context, "ts"), 1_700_000_000_000, "1.5", "LABELS", "a", "b"]),
    run(Context, ["TS.ADD", key(Context, "ts"), 1_700_000_001_000, "-0.25"]).

vector_set(Context) ->
    run(Context, ["VADD", key(Context, "vset"), "VALUES", 3, "0.1", "1.2", "-0.5", "element"]).

set_all(Context, Prefix, Values) ->
    Numbered = lists:zip(lists:seq(1, length(Values)), Values),
    _ = [
        run(Context, ["SET", key(Context, [Prefix, $:, integer_to_list(N)]), Value])
     || {N, Value} <- Numbered
    ],
    ok.
