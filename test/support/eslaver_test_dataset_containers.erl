%% Lists, sets, sorted sets and hashes for eslaver_test_dataset, on both sides of every threshold
%% at which a server changes their encoding; the thresholds are asked of the server.
-module(eslaver_test_dataset_containers).

-export([items/0]).

-import(eslaver_test_dataset, [run/2, key/2, config/3, bytes/2, number_edges/0]).

%% The most arguments of a command here.
-define(CHUNK, 1000).

-spec items() -> [eslaver_test_dataset:item()].
items() ->
    [
        {lists_small, fun lists_small/1},
        {lists_big, fun lists_big/1},
        {lists_threshold, fun lists_threshold/1},
        {lists_huge_elements, fun lists_huge_elements/1},
        {lists_compressed, fun lists_compressed/1},
        {lists_plain_nodes, fun lists_plain_nodes/1},
        {sets, fun sets/1},
        {sets_big, fun sets_big/1},
        {zsets_small, fun zsets_small/1},
        {zsets_big, fun zsets_big/1},
        {geo, fun geo/1},
        {hashes_small, fun hashes_small/1},
        {hashes_big, fun hashes_big/1},
        {hash_field_expiry_small, fun hash_field_expiry_small/1},
        {hash_field_expiry_big, fun hash_field_expiry_big/1},
        {hashes_by_template, fun hashes_by_template/1},
        {arrays, fun arrays/1}
    ].

%% Elements whose encodings in a ziplist or listpack differ: every width of integer, short,
%% middling and long strings, strings that look like numbers.
mixed() ->
    [integer_to_binary(N) || N <- number_edges()] ++
        [bytes(Size, Size) || Size <- [0, 1, 5, 62, 63, 64]] ++
        [<<"-0">>, <<"00">>, <<"+7">>, <<"1.5">>, <<"9223372036854775808">>, <<0, 13, 10, 255>>].

lists_small(Context) ->
    push(Context, "list:one", [<<>>]),
    push(Context, "list:small", [<<"a">>, <<"1">>, <<>>, <<"b">>]),
    push(Context, "list:mixed", mixed()).

lists_big(Context) ->
    push(Context, "list:big", [<<"element ", (integer_to_binary(N))/binary>> || N <- seq(20_000)]),
    push(Context, "list:numbers", numbers(20_000)),
    push(Context, "list:widths", [bytes(N rem 300, N) || N <- seq(2_000)]).

lists_threshold(Context) ->
    Entries = config(Context, ["list-max-ziplist-entries"], 512),
    Value = config(Context, ["list-max-ziplist-value"], 64),
    push(Context, "list:at", numbers(Entries)),
    push(Context, "list:past", numbers(Entries + 1)),
    push(Context, "list:value-at", [bytes(Value, 1)]),
    push(Context, "list:value-past", [bytes(Value + 1, 1)]).

lists_huge_elements(Context) ->
    Huge = [bytes(Size, Size) || Size <- [4_095, 4_096, 4_097, 8_180, 8_192, 16_384, 300_000]],
    push(Context, "list:huge", [<<"1">> | Huge] ++ [<<"last">>]).

lists_compressed(Context) ->
    Elements = [binary:copy(integer_to_binary(N), 20) || N <- seq(3_000)],
    _ = [
        begin
            run(Context, ["CONFIG", "SET", "list-compress-depth", Depth]),
            push(Context, ["list:depth:", integer_to_list(Depth)], Elements)
        end
     || Depth <- [1, 2, 0]
    ],
    run(Context, ["CONFIG", "SET", "list-max-ziplist-size", 3]),
    push(Context, "list:nodes-of-three", mixed()),
    run(Context, ["CONFIG", "SET", "list-max-ziplist-size", -2]).

%% From Redis 7 on an element can be a node of its own, whatever its size if so told.
lists_plain_nodes(Context) ->
    run(Context, ["DEBUG", "QUICKLIST-PACKED-THRESHOLD", "100b"]),
    Plain = [bytes(Size, Size) || Size <- [10, 99, 100, 101, 500, 3, 20_000]],
    push(Context, "list:plain", Plain ++ [binary:copy(<<"z">>, 5_000), <<"42">>]),
    run(Context, ["DEBUG", "QUICKLIST-PACKED-THRESHOLD", "0"]).

sets(Context) ->
    Edges = number_edges(),
    Within = fun(Bits) ->
        [integer_to_binary(N) || N <- Edges, N >= -(1 bsl Bits), N < 1 bsl Bits]
    end,
    _ = [
        add(Context, "SADD", ["set:int", integer_to_list(Bits + 1)], Within(Bits))
     || Bits <- [15, 31, 63]
    ],
    add(Context, "SADD", "set:empty-string", [<<>>]),
    add(Context, "SADD", "set:small", [<<"a">>, <<"b">>, <<"1">>]),
    add(Context, "SADD", "set:mixed", mixed()).

sets_big(Context) ->
    Intset = config(Context, ["set-max-intset-entries"], 512),
    Entries = config(Context, ["set-max-listpack-entries"], 128),
    Value = config(Context, ["set-max-listpack-value"], 64),
    add(Context, "SADD", "set:int-at", numbers(Intset)),
    add(Context, "SADD", "set:int-past", numbers(Intset + 1)),
    add(Context, "SADD", "set:at", [<<"m", N/binary>> || N <- numbers(Entries)]),
    add(Context, "SADD", "set:past", [<<"m", N/binary>> || N <- numbers(Entries + 1)]),
    add(Context, "SADD", "set:value-at", [bytes(Value, 1), <<"x">>]),
    add(Context, "SADD", "set:value-past", [bytes(Value + 1, 1), <<"x">>]),
    add(Context, "SADD", "set:big", [<<"member ", N/binary>> || N <- numbers(10_000)]).

scores() ->
    [
        <<"inf">>,
        <<"-inf">>,
        <<"0">>,
        <<"-0.0">>,
        <<"0.1">>,
        <<"-0.1">>,
        <<"1e308">>,
        <<"-1e308">>,
        <<"5e-324">>,
        <<"2.2250738585072014e-308">>,
        <<"1.7976931348623157e308">>,
        <<"3.0000000000000004">>,
        <<"123456789.123456789">>,
        <<"9007199254740993">>,
        <<"1e17">>,
        <<"-1">>
    ] ++ [integer_to_binary(N) || N <- number_edges()].

zsets_small(Context) ->
    add(Context, "ZADD", "zset:one", [<<"1">>, <<>>]),
    Small = lists:sublist(scored(scores()), 2 * 60),
    add(Context, "ZADD", "zset:small", Small),
    add(Context, "ZADD", "zset:numbers", lists:append([[N, N] || N <- numbers(50)])).

zsets_big(Context) ->
    Entries = config(Context, ["zset-max-listpack-entries", "zset-max-ziplist-entries"], 128),
    Value = config(Context, ["zset-max-listpack-value", "zset-max-ziplist-value"], 64),
    add(Context, "ZADD", "zset:at", scored(numbers(Entries))),
    add(Context, "ZADD", "zset:past", scored(numbers(Entries + 1))),
    add(Context, "ZADD", "zset:value-at", [<<"1.5">>, bytes(Value, 1)]),
    %% Redis 7 knows a zero with a sign only in skiplists.
    Past = [<<"1.5">>, bytes(Value + 1, 1), <<"-0.0">>, <<"minus zero">>],
    add(Context, "ZADD", "zset:value-past", Past),
    add(Context, "ZADD", "zset:skiplist", scored(scores() ++ numbers(5_000))).

scored(Scores) ->
    Members = [<<"member ", N/binary>> || N <- numbers(length(Scores))],
    lists:append([[Score, Member] || {Score, Member} <- lists:zip(Scores, Members)]).

geo(Context) ->
    run(Context, [
        "GEOADD",
        key(Context, "geo"),
        "13.361389",
        "38.115556",
        "Palermo",
        "15.087269",
        "37.502669",
        "Catania"
    ]).

hashes_small(Context) ->
    add(Context, "HMSET", "hash:one", [<<>>, <<>>]),
    add(Context, "HMSET", "hash:small", [<<"f">>, <<"v">>, <<"n">>, <<"12">>, <<"e">>, <<>>]),
    Mixed = mixed(),
    add(Context, "HMSET", "hash:mixed", lists:append([[F, F] || F <- Mixed])),
    add(Context, "HMSET", "hash:binary", [<<0, 255, 13, 10>>, <<10, 13, 255, 0>>]).

hashes_big(Context) ->
    {Entries, Value} = hash_limits(Context),
    add(Context, "HMSET", "hash:at", fields(Entries)),
    add(Context, "HMSET", "hash:past", fields(Entries + 1)),
    add(Context, "HMSET", "hash:value-at", [<<"f">>, bytes(Value, 1)]),
    add(Context, "HMSET", "hash:value-past", [<<"f">>, bytes(Value + 1, 1)]),
    add(Context, "HMSET", "hash:big", fields(10_000)),
    add(Context, "HMSET", "hash:wide", [<<"f">>, binary:copy(<<"wide ">>, 20_000)]).

hash_limits(Context) ->
    {
        config(Context, ["hash-max-listpack-entries", "hash-max-ziplist-entries"], 512),
        config(Context, ["hash-max-listpack-value", "hash-max-ziplist-value"], 64)
    }.

%% Redis 7.4, Valkey 9: fields with an expiry among fields without.
hash_field_expiry_small(Context) ->
    with_field_expiry(Context, "hash:ttl:small", fields(10), 3),
    with_field_expiry(Context, "hash:ttl:all", fields(5), 5),
    with_field_expiry(Context, "hash:ttl:number", [<<"1">>, <<"2">>, <<"3">>, <<"-4">>], 1).

hash_field_expiry_big(Context) ->
    {Entries, Value} = hash_limits(Context),
    with_field_expiry(Context, "hash:ttl:at", fields(Entries), 7),
    with_field_expiry(Context, "hash:ttl:past", fields(Entries + 1), 7),
    with_field_expiry(Context, "hash:ttl:wide", [<<"f">>, bytes(Value + 1, 1), <<"g">>, <<>>], 1).

%% The first `Count` fields, each with a time of its own.
with_field_expiry(Context, Name, Fields, Count) ->
    Key = key(Context, Name),
    add(Context, "HMSET", Name, Fields),
    _ = [
        run(Context, [
            "HPEXPIREAT",
            Key,
            4_102_444_800_000 + N * N * 1000,
            "FIELDS",
            1,
            lists:nth(2 * N - 1, Fields)
        ])
     || N <- seq(Count)
    ],
    ok.

%% Redis 8.10: hashes that share their field names.
hashes_by_template(Context) ->
    run(Context, ["HIMPORT", "PREPARE", "few", "name", "", <<0, 255>>, "12"]),
    Import = fun(Name, Fields, Values) ->
        run(Context, ["HIMPORT", "SET", key(Context, Name), Fields | Values])
    end,
    _ = [
        Import(["hash:template:", integer_to_list(N)], "few", Values)
     || {N, Values} <- [
            {1, ["a", "1", "", "-0"]},
            {2, [integer_to_list(1 bsl 62), bytes(60, 1), <<>>, "x"]},
            {3, [bytes(1000, 1), bytes(20_000, 2), binary:copy(<<"z">>, 5_000), "x"]}
        ]
    ],
    run(Context, ["HIMPORT", "PREPARE", "many" | numbers(1_000)]),
    Import("hash:template:many", "many", [["value ", N] || N <- numbers(1_000)]),
    %% No longer by template.
    Import("hash:template:changed", "few", ["a", "b", "c", "d"]),
    run(Context, ["HSET", key(Context, "hash:template:changed"), "more", "e"]).

%% Redis 8.8: elements at indices, with gaps.
arrays(Context) ->
    Set = fun(Name, Index, Elements) ->
        run(Context, ["ARSET", key(Context, ["array:", Name]), Index | Elements])
    end,
    Set("mixed", 0, mixed()),
    Set("floats", 3, scores()),
    Set("gaps", 0, ["first"]),
    _ = [Set("gaps", N * N * N, [["e", integer_to_list(N)]]) || N <- seq(2_000)],
    Set("ends", 0, ["first"]),
    Set("ends", (1 bsl 64) - 2, ["last"]),
    Set("big", 0, numbers(5_000)),
    Set("wide", 0, [bytes(N, N) || N <- [6, 7, 8, 100, 20_000]] ++ [binary:copy(<<"z">>, 5_000)]),
    Cursor = key(Context, "array:cursor"),
    run(Context, ["ARINSERT", Cursor, "a", "b"]),
    run(Context, ["ARSEEK", Cursor, 1 bsl 40]),
    run(Context, ["ARINSERT", key(Context, "array:grows"), "a", "b"]).

fields(Count) ->
    lists:append([[<<"field ", N/binary>>, <<"value of ", N/binary>>] || N <- numbers(Count)]).

push(Context, Name, Elements) ->
    add(Context, "RPUSH", Name, Elements).

%% In commands of some thousand arguments.
add(_Context, _Command, _Name, []) ->
    ok;
add(Context, Command, Name, Args) ->
    {Now, Later} = lists:split(min(?CHUNK, length(Args)), Args),
    _ = run(Context, [Command, key(Context, Name) | Now]),
    add(Context, Command, Name, Later).

numbers(Count) ->
    [integer_to_binary(N) || N <- seq(Count)].

seq(Count) ->
    lists:seq(1, Count).
