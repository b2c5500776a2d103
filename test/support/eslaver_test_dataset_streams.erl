%% Streams for eslaver_test_dataset: entries, deletions, trims, groups, consumers and what is
%% pending with them, in as many shapes as the server's version knows.
-module(eslaver_test_dataset_streams).

-export([items/0]).

-import(eslaver_test_dataset, [run/2, key/2, bytes/2]).

-spec items() -> [eslaver_test_dataset:item()].
items() ->
    [
        {stream_plain, fun plain/1},
        {stream_ids, fun ids/1},
        {stream_deleted, fun deleted/1},
        {stream_trimmed, fun trimmed/1},
        {stream_empty, fun empty/1},
        {stream_groups, fun groups/1},
        {stream_claimed, fun claimed/1},
        {stream_consumers, fun consumers/1},
        {stream_entries_read, fun entries_read/1},
        {stream_big, fun big/1},
        {stream_idempotent, fun idempotent/1},
        {stream_given_back, fun given_back/1}
    ].

%% Entries which share the fields of the first of their node are stored without them.
plain(Context) ->
    Key = key(Context, "stream:plain"),
    run(Context, ["XADD", Key, "1526919030474-55", "a", "1", "b", "two"]),
    run(Context, ["XADD", Key, "1526919030474-56", "a", "", "b", bytes(300, 1)]),
    run(Context, ["XADD", Key, "1526919030475-0", "a", "1"]),
    run(Context, ["XADD", Key, "1526919030476-0", "c", <<0, 13, 10, 255>>, "", "-12345678901"]),
    run(Context, ["XADD", Key, "1526919030476-1", "a", "9223372036854775807", "b", "-1"]).

ids(Context) ->
    Key = key(Context, "stream:ids"),
    Last = "18446744073709551615-18446744073709551614",
    _ = [
        run(Context, ["XADD", Key, Id, "f", "v"])
     || Id <- ["0-1", "0-18446744073709551615", "1-0", "18446744073709551614-7", Last]
    ],
    ok.

deleted(Context) ->
    Key = key(Context, "stream:deleted"),
    add(Context, Key, 10),
    _ = [run(Context, ["XDEL", Key, id(N)]) || N <- [1, 5, 10]],
    ok.

trimmed(Context) ->
    Key = key(Context, "stream:trimmed"),
    add(Context, Key, 500),
    run(Context, ["XTRIM", Key, "MAXLEN", 7]).

empty(Context) ->
    NoEntries = key(Context, "stream:emptied"),
    add(Context, NoEntries, 3),
    _ = [run(Context, ["XDEL", NoEntries, id(N)]) || N <- [1, 2, 3]],
    Key = key(Context, "stream:never-filled"),
    run(Context, ["XGROUP", "CREATE", Key, "group", "$", "MKSTREAM"]),
    run(Context, ["XGROUP", "CREATE", NoEntries, "late", "0"]).

groups(Context) ->
    Key = key(Context, "stream:groups"),
    add(Context, Key, 40),
    _ = [
        run(Context, ["XGROUP", "CREATE", Key, Group, From])
     || {Group, From} <- [{"all", "0"}, {"end", "$"}, {<<"binary", 0, 255>>, id(20)}, {"", "0"}]
    ],
    read(Context, Key, "all", "alice", 10),
    read(Context, Key, "all", <<"bob", 0, 255>>, 5),
    read(Context, Key, "all", "alice", 1),
    _ = [run(Context, ["XACK", Key, "all", id(N)]) || N <- [1, 3, 12]],
    %% Pending entries which are no longer in the stream.
    run(Context, ["XDEL", Key, id(2), id(13)]),
    read(Context, Key, <<"binary", 0, 255>>, "carol", 100),
    read(Context, Key, "", "", 2).

claimed(Context) ->
    Key = key(Context, "stream:claimed"),
    add(Context, Key, 6),
    run(Context, ["XGROUP", "CREATE", Key, "g", "0"]),
    read(Context, Key, "g", "first", 6),
    run(Context, ["XCLAIM", Key, "g", "second", 0, id(1), id(2)]),
    run(Context, ["XCLAIM", Key, "g", "third", 0, id(2), "RETRYCOUNT", 70_000]),
    run(Context, ["XCLAIM", Key, "g", "third", 0, id(4), "TIME", 1_526_919_030_474]),
    run(Context, ["XREADGROUP", "GROUP", "g", "first", "STREAMS", Key, "0"]).

%% Redis 6.2: a consumer which never read.
consumers(Context) ->
    Key = key(Context, "stream:consumers"),
    add(Context, Key, 2),
    run(Context, ["XGROUP", "CREATE", Key, "g", "0"]),
    read(Context, Key, "g", "reader", 2),
    run(Context, ["XACK", Key, "g", id(1), id(2)]),
    run(Context, ["XGROUP", "CREATECONSUMER", Key, "g", "idle"]).

%% Redis 7: the group's count of entries read, known, told and lost.
entries_read(Context) ->
    Key = key(Context, "stream:entries-read"),
    add(Context, Key, 20),
    run(Context, ["XGROUP", "CREATE", Key, "told", id(5), "ENTRIESREAD", 5]),
    run(Context, ["XGROUP", "CREATE", Key, "lost", id(7)]),
    run(Context, ["XDEL", Key, id(15)]),
    read(Context, Key, "lost", "c", 1),
    run(Context, ["XSETID", Key, "99-0", "ENTRIESADDED", 1000, "MAXDELETEDID", "50-1"]).

%% Many nodes, by count and by size.
big(Context) ->
    Key = key(Context, "stream:big"),
    add(Context, Key, 3_000),
    run(Context, ["XGROUP", "CREATE", Key, "g", "0"]),
    read(Context, Key, "g", "c", 2_000),
    Wide = key(Context, "stream:wide"),
    _ = [run(Context, ["XADD", Wide, id(N), "f", bytes(1_500, N)]) || N <- lists:seq(1, 60)],
    run(Context, ["XADD", Wide, id(61), "compresses", binary:copy(<<"well ">>, 4_000)]).

%% Redis 8.6: the master remembers which producer has sent what.
idempotent(Context) ->
    Key = key(Context, "stream:idempotent"),
    #{client := Client} = Context,
    First = ["XADD", Key, "IDMP", "producer-1", "message-1", "*", "f", "v1"],
    %% Others take IDMP for an id.
    case eslaver_test_client:command(Client, First) of
        {error, Why} -> throw({skip, Why});
        _ -> ok
    end,
    run(Context, ["XADD", Key, "IDMP", "producer-1", "message-2", "*", "f", "v2"]),
    run(Context, ["XADD", Key, "IDMP", "producer-1", "message-2", "*", "f", "v2"]),
    run(Context, ["XADD", Key, "IDMPAUTO", <<"producer", 0, 255>>, "*", "f", "v3"]),
    run(Context, ["XGROUP", "CREATE", Key, "g", "0"]),
    read(Context, Key, "g", "c", 2).

%% Redis 8.8: consumers give entries back, to be delivered next or last.
given_back(Context) ->
    Key = key(Context, "stream:given-back"),
    add(Context, Key, 6),
    run(Context, ["XGROUP", "CREATE", Key, "g", "0"]),
    read(Context, Key, "g", "c", 6),
    run(Context, ["XNACK", Key, "g", "FAIL", "IDS", 2, id(5), id(2)]),
    run(Context, ["XNACK", Key, "g", "SILENT", "IDS", 1, id(3)]),
    run(Context, ["XNACK", Key, "g", "FATAL", "IDS", 1, id(6)]).

add(Context, Key, Count) ->
    _ = [
        run(Context, ["XADD", Key, id(N), "number", N, "name", ["entry ", integer_to_list(N)]])
     || N <- lists:seq(1, Count)
    ],
    ok.

id(N) ->
    iolist_to_binary([integer_to_list(N), "-1"]).

read(Context, Key, Group, Consumer, Count) ->
    run(Context, ["XREADGROUP", "GROUP", Group, Consumer, "COUNT", Count, "STREAMS", Key, ">"]).
