%% What a mirror tells of whole values, compared with every server at hand that knows the command:
%% payloads that it restores, digests, the names of modules' types, common subsequences, scans and
%% all of a stream.
-module(eslaver_mirror_objects_SUITE).

-include_lib("stdlib/include/assert.hrl").

-compile([export_all, nowarn_export_all]).

%% How a server stores a stream, and what not all masters tell their replicas.
-define(OWN, [<<"radix-tree-keys">>, <<"radix-tree-nodes">>, <<"entries-read">>, <<"lag">>]).
-define(COUNTS, [entries_read, lag]).

suite() ->
    [{timetrap, {minutes, 5}}].

all() ->
    eslaver_test_groups:cases(?MODULE).

%% The server has the same value under another name when it has restored the payload.
dumps_are_restored(_Config) ->
    each_server(fun(Mirror, Client) ->
        _ = [ask(Client, Command) || Command <- values()],
        ok = eslaver_test_proxied_mirror:caught_up(Mirror, Client),
        Keys = lists:sort(eslaver_mirror:keys(Mirror, <<"*">>)),
        ct:log("~p", [Keys]),
        [
            begin
                Payload = eslaver_mirror:dump(Mirror, Key),
                Restored = ask(Client, ["RESTORE", [Key, ":restored"], 0, Payload]),
                ?assertEqual({Key, <<"OK">>}, {Key, Restored})
            end
         || Key <- Keys
        ],
        ok = eslaver_test_proxied_mirror:caught_up(Mirror, Client),
        [
            ?assertEqual(
                {Key, value(Mirror, Key)}, {Key, value(Mirror, <<Key/binary, ":restored">>)}
            )
         || Key <- Keys
        ],
        ?assertEqual(undefined, eslaver_mirror:dump(Mirror, <<"missing">>))
    end).

%% Servers before those of a type refuse its commands.
values() ->
    Numbers = [integer_to_list(N) || N <- lists:seq(1, 3000)],
    Pairs = lists:append([[N, ["m", N]] || N <- Numbers]),
    Far = "4000000000000",
    [
        ["SET", "empty", ""],
        ["SET", "number", "-1234567"],
        ["SET", "text", "some text"],
        ["SET", "long", binary:copy(<<"0123456789">>, 20_000)],
        ["SET", "expiring", "v", "PX", "100000000"],
        ["RPUSH", "list", "a", "1", ""],
        ["RPUSH", "longlist" | Numbers],
        ["SADD", "ints", "1", "-5", "70000"],
        ["SADD", "set", "a", "b"],
        ["SADD", "largeset" | Pairs],
        ["ZADD", "zset", "1", "a", "-2.5", "b", "+inf", "c"],
        ["ZADD", "largezset" | Pairs],
        ["HSET", "hash", "f", "v"],
        ["HMSET", "hash", "f", "v", "1", "2"],
        ["HMSET", "largehash" | Pairs],
        ["HMSET", "ttlhash", "f", "v", "g", "w"],
        ["HPEXPIREAT", "ttlhash", Far, "FIELDS", "1", "f"],
        ["PFADD", "hll", "a", "b", "c"],
        ["XADD", "stream", "1-1", "f", "v"],
        ["XADD", "stream", "2-1", "g", "w", "h", "x"],
        ["XADD", "stream", "3-1", "f", "v"],
        ["XDEL", "stream", "2-1"],
        ["XGROUP", "CREATE", "stream", "group", "0"],
        ["XREADGROUP", "GROUP", "group", "consumer", "COUNT", "1", "STREAMS", "stream", ">"],
        ["ARSET", "array", "3", "a", "b"],
        ["ARINSERT", "array", "c"],
        ["VADD", "vectors", "VALUES", "2", "1", "0.5", "a"],
        ["VADD", "vectors", "VALUES", "2", "-1", "2", "b"],
        ["VSETATTR", "vectors", "a", "{\"n\": 1}"]
    ].

%% All of a value, with the times of a hash's fields, and without what payloads of old versions do
%% not tell of a stream's groups.
value(Mirror, Key) ->
    Each = fun
        (Found, Value, none) when Found =:= Key -> Value;
        (_Other, _Value, Acc) -> Acc
    end,
    case eslaver_mirror:fold(Mirror, Each, none, #{match => Key}) of
        {hash, Fields} = Value ->
            {Value, eslaver_mirror:hpexpiretime(Mirror, Key, lists:sort(maps:keys(Fields)))};
        {stream, _} = Value ->
            Kept = [name, consumers, pending, nacked, last_delivered_id],
            Groups = [maps:with(Kept, One) || One <- eslaver_mirror:xinfo_groups(Mirror, Key)],
            {Value, Groups, pending(Mirror, Key)};
        Value ->
            Value
    end.

pending(Mirror, Key) ->
    [
        {Id, Consumer, Deliveries}
     || #{name := Group} <- eslaver_mirror:xinfo_groups(Mirror, Key),
        {Id, Consumer, _Idle, Deliveries} <-
            eslaver_mirror:xpending(Mirror, Key, Group, '-', '+', infinity)
    ].

%% XXH3 goes another way for each of these lengths.
digests(_Config) ->
    Lengths = [0, 1, 3, 4, 8, 9, 16, 17, 128, 129, 240, 241, 1024, 1025, 32_768, 32_769, 200_000],
    each_that_knows("DIGEST", fun(Mirror, Client) ->
        Bytes = << <<(N * 7 rem 251)>> || N <- lists:seq(1, 200_000)>>,
        Keys = [integer_to_binary(Length) || Length <- Lengths],
        _ = [
            ask(Client, ["SET", Key, binary:part(Bytes, 0, binary_to_integer(Key))])
         || Key <- Keys
        ],
        _ = ask(Client, ["SADD", "set", "a"]),
        ok = eslaver_test_proxied_mirror:caught_up(Mirror, Client),
        [
            ?assertEqual(
                {Key, ask(Client, ["DIGEST", Key])}, {Key, eslaver_mirror:digest(Mirror, Key)}
            )
         || Key <- Keys
        ],
        ?assertEqual(undefined, eslaver_mirror:digest(Mirror, <<"missing">>)),
        ?assertEqual({error, wrongtype}, eslaver_mirror:digest(Mirror, <<"set">>))
    end).

subsequences(_Config) ->
    Alphabet = <<"ab">>,
    Text = fun() ->
        << <<(binary:at(Alphabet, rand:uniform(2) - 1))>> || _ <- lists:seq(1, rand:uniform(40))>>
    end,
    each_that_knows("LCS", fun(Mirror, Client) ->
        lists:foreach(
            fun(_) ->
                {One, Other} = {Text(), Text()},
                _ = ask(Client, ["MSET", "a", One, "b", Other]),
                ok = eslaver_test_proxied_mirror:caught_up(Mirror, Client),
                [
                    ?assertEqual(
                        {One, Other, Least, matches(ask(Client, ["LCS", "a", "b", "IDX" | Words]))},
                        {One, Other, Least, eslaver_mirror:lcs(Mirror, <<"a">>, <<"b">>, Options)}
                    )
                 || Least <- [-1, 0, 1, 2, 4],
                    {Words, Options} <- [
                        {["MINMATCHLEN", Least], [idx, {min_match_len, Least}]},
                        {
                            ["WITHMATCHLEN", "MINMATCHLEN", Least],
                            #{idx => true, with_match_len => true, min_match_len => Least}
                        }
                    ]
                ]
            end,
            lists:seq(1, 20)
        ),
        ?assertEqual(
            #{matches => [], len => 0}, eslaver_mirror:lcs(Mirror, <<"x">>, <<"y">>, [idx])
        )
    end).

matches([<<"matches">>, Matches, <<"len">>, Length]) ->
    Tuple = fun
        (Range) when is_list(Range) -> list_to_tuple(Range);
        (Len) -> Len
    end,
    #{matches => [list_to_tuple(lists:map(Tuple, Match)) || Match <- Matches], len => Length}.

%% With the fields that the server knows, except how it stores the stream.
full_streams(_Config) ->
    each_server(fun(Mirror, Client) ->
        case ask(Client, ["XADD", "s", "1-1", "f", "v"]) of
            <<"1-1">> -> full_stream(Mirror, Client);
            {error, _} -> ct:log("~p has no streams", [Mirror])
        end
    end).

full_stream(Mirror, Client) ->
    Ids = [[integer_to_list(N), "-0"] || N <- lists:seq(2, 20)],
    _ = [ask(Client, ["XADD", "s", Id, "f", "v"]) || Id <- Ids],
    _ = [ask(Client, ["XGROUP", "CREATE", "s", Group, "0"]) || Group <- ["g", "h", "none"]],
    Read = fun(Group, Consumer, Count) ->
        Words = ["COUNT", Count, "STREAMS", "s", ">"],
        ask(Client, ["XREADGROUP", "GROUP", Group, Consumer | Words])
    end,
    _ = [Read("g", Consumer, 6) || Consumer <- ["c", "d"]],
    _ = Read("h", "c", 100),
    _ = ask(Client, ["XACK", "s", "g", "1-1"]),
    _ = ask(Client, ["XNACK", "s", "g", "FAIL", "IDS", 1, "3-0"]),
    _ = ask(Client, ["XDEL", "s", "5-0", "12-0"]),
    ok = eslaver_test_proxied_mirror:caught_up(Mirror, Client),
    [
        case fields(ask(Client, ["XINFO", "STREAM", "s", "FULL" | Words])) of
            {error, _} ->
                ct:log("~p has no XINFO STREAM FULL", [Mirror]);
            Theirs ->
                Ours = eslaver_mirror:xinfo_stream(Mirror, <<"s">>, [full | Options]),
                Groups = eslaver_mirror:xinfo_groups(Mirror, <<"s">>),
                ?assertEqual({Words, Theirs}, {Words, alike(Theirs, Ours)}),
                ?assertEqual(
                    [maps:with(?COUNTS, One) || One <- Groups],
                    [maps:with(?COUNTS, One) || One <- maps:get(groups, Ours)]
                )
        end
     || {Words, Options} <- [
            {[], []},
            {["COUNT", 0], [{count, 0}]},
            {["COUNT", 3], [{count, 3}]},
            {["COUNT", 500], [{count, 500}]}
        ]
    ],
    ?assertEqual(undefined, eslaver_mirror:xinfo_stream(Mirror, <<"x">>, #{full => true})).

%% The reply as maps and tuples.
fields({error, _} = Error) ->
    Error;
fields([Name | _] = Flat) when is_binary(Name) ->
    Fields = maps:without(?OWN, maps:from_list(pairs(Flat))),
    maps:from_list([{key(Key), field(Key, Value)} || {Key, Value} <- maps:to_list(Fields)]).

key(Name) ->
    binary_to_atom(binary:replace(Name, <<"-">>, <<"_">>, [global])).

field(<<"entries">>, Entries) -> [{Id, pairs(Fields)} || [Id, Fields] <- Entries];
field(<<"groups">>, Groups) -> lists:map(fun fields/1, Groups);
field(<<"consumers">>, Consumers) -> lists:map(fun fields/1, Consumers);
field(<<"pending">>, Pending) -> lists:map(fun list_to_tuple/1, Pending);
field(_Key, null) -> undefined;
field(_Key, Value) -> Value.

pairs([A, B | Rest]) -> [{A, B} | pairs(Rest)];
pairs([]) -> [].

%% The mirror's answer with what the server has, too, and its times where they are about the same:
%% those of reads are not replicated, but the time of the master's clock is near.
alike(Theirs, Ours) when is_map(Theirs), is_map(Ours) ->
    Known = maps:with(maps:keys(Theirs), Ours),
    maps:map(fun(Key, Value) -> alike(maps:get(Key, Theirs), Value) end, Known);
alike([_ | _] = Theirs, Ours) when length(Theirs) =:= length(Ours) ->
    [alike(One, Other) || {One, Other} <- lists:zip(Theirs, Ours)];
alike(Theirs, Ours) when tuple_size(Theirs) =:= tuple_size(Ours) ->
    list_to_tuple(alike(tuple_to_list(Theirs), tuple_to_list(Ours)));
alike(Theirs, Ours) when
    is_integer(Theirs), is_integer(Ours), Theirs > 1_000_000_000_000, abs(Theirs - Ours) < 5000
->
    Theirs;
alike(_Theirs, Ours) ->
    Ours.

%% A module's type has the name that the server tells.
types_of_modules(_Config) ->
    Commands = [
        ["JSON.SET", "json", "$", "{\"a\": 1}"],
        ["BF.ADD", "bloom", "a"],
        ["TS.ADD", "series", "1", "1"],
        ["SET", "string", "s"]
    ],
    eslaver_test_mirrored_servers:with_modules(types, Commands, fun(Mirror, Client) ->
        Keys = lists:sort(eslaver_mirror:keys(Mirror, <<"*">>)),
        Types = [{Key, ask(Client, ["TYPE", Key])} || Key <- Keys],
        ct:log("~p", [Types]),
        lists:foreach(
            fun({Key, Type}) ->
                module_type(Mirror, Key, Type, eslaver_mirror:type(Mirror, Key))
            end,
            Types
        )
    end).

module_type(Mirror, Key, Name, {module, Name}) ->
    [
        ?assertEqual({0, Keys}, all_keys(Mirror, Options))
     || {Options, Keys} <- [
            {#{type => {module, Name}}, [Key]},
            {#{type => module, match => Key}, [Key]},
            {#{type => {module, <<"NoModule1">>}}, []}
        ]
    ],
    Fold = fun(_Key, Value, Acc) -> [Value | Acc] end,
    ?assertEqual(
        [{{module, Name}, undefined}],
        eslaver_mirror:fold(Mirror, Fold, [], #{type => {module, Name}})
    );
module_type(_Mirror, _Key, Name, Type) ->
    ?assertEqual(Name, atom_to_binary(Type)).

all_keys(Mirror, Options) ->
    eslaver_mirror:scan(Mirror, 0, Options#{count => 1_000_000}).

%% A scan finds all that exists all the while, though the master writes.
scans(_Config) ->
    Stay = [iolist_to_binary(["stay:", integer_to_list(N)]) || N <- lists:seq(1, 3000)],
    Compare = fun(Mirror, Client) ->
        _ = eslaver_test_client:pipeline(Client, [["SET", Key, "v"] || Key <- Stay]),
        ok = eslaver_test_proxied_mirror:caught_up(Mirror, Client),
        Meanwhile = fun(Page) ->
            _ = ask(Client, ["SET", ["new:", integer_to_list(Page)], "v"]),
            _ = ask(Client, ["DEL", ["new:", integer_to_list(Page div 2)]]),
            _ = ask(Client, ["RPUSH", "list", "v"])
        end,
        Found = pages(Mirror, 0, Meanwhile, 1),
        ?assertEqual([], Stay -- Found),
        ?assertEqual([], Found -- lists:usort(Found))
    end,
    each_server(Compare, eslaver_test_servers:spread()).

pages(Mirror, Cursor, Meanwhile, Page) ->
    case eslaver_mirror:scan(Mirror, Cursor, #{match => <<"stay:*">>, count => 50}) of
        {0, Keys} ->
            Keys;
        {Next, Keys} ->
            Meanwhile(Page),
            Keys ++ pages(Mirror, Next, Meanwhile, Page + 1)
    end.

each_server(Compare) ->
    eslaver_test_mirrored_servers:each(objects, Compare).

each_server(Compare, Servers) ->
    eslaver_test_mirrored_servers:each(objects, Compare, Servers).

each_that_knows(Command, Compare) ->
    each_server(fun(Mirror, Client) ->
        case eslaver_test_mirrored_servers:is_known(Client, Command) of
            true -> Compare(Mirror, Client);
            false -> ct:log("~p has no ~s", [Mirror, Command])
        end
    end).

ask(Client, Command) ->
    eslaver_test_client:command(Client, Command).
