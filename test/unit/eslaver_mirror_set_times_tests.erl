%% Sets whose members expire, of Redis 8.12 and Valkey 9.2. There is no such server at hand: what
%% commands do, and as what they are replicated, was read in the servers' sources.
-module(eslaver_mirror_set_times_tests).

-include_lib("eunit/include/eunit.hrl").

-define(KEY, <<"s">>).
-define(STEPS, 3000).
%% Times to come, and one that has passed, in ms.
-define(LATER, 99_999_999_999_000).
-define(LATEST, 99_999_999_999_999).
-define(PAST, 1000).
-define(REDIS, {8, 12}).
-define(VALKEY, {valkey, {9, 2}}).

set_times_test_() ->
    eslaver_test_keyspace:tests(?MODULE, [
        {"commands", ?REDIS, fun commands/1},
        {"relative times", ?REDIS, fun relative/1},
        {"expired members are not shown", ?REDIS, fun expired/1},
        {"a source with expired members", ?REDIS, fun uncertain/1},
        {"times as they are read", ?REDIS, fun reads/1},
        {"a member moves, Valkey", ?VALKEY, fun moved/1},
        {"a member moves, Redis", ?REDIS, fun moved_or_not/1},
        {"model", ?REDIS, fun model/1}
    ]).

run(Mirror, Commands) ->
    eslaver_test_keyspace:run_all(Mirror, Commands).

%% Each on a set of `a', and `b' that lives to LATER.
commands(Mirror) ->
    [
        begin
            run(Mirror, [
                ["del", ?KEY],
                ["sadd", ?KEY, "a", "b"],
                ["spexpireat", ?KEY, ?LATER, "MEMBERS", 1, "b"],
                [Name, ?KEY | Args]
            ]),
            ?assertEqual({Name, Args, Expected}, {Name, Args, content()})
        end
     || {Name, Args, Expected} <- [
            {"sadd", ["b", "c"], #{<<"a">> => infinity, <<"b">> => ?LATER, <<"c">> => infinity}},
            {"srem", ["b", "x"], #{<<"a">> => infinity}},
            {"srem", ["a", "b"], #{}},
            {"saddex", ["PXAT", ?LATEST, "MEMBERS", 2, "a", "c"], #{
                <<"a">> => ?LATEST, <<"b">> => ?LATER, <<"c">> => ?LATEST
            }},
            {"saddex", ["MXX", "PXAT", ?LATEST, "MEMBERS", 1, "a"], #{
                <<"a">> => ?LATEST, <<"b">> => ?LATER
            }},
            {"saddex", ["members", 1, "b", "exat", ?LATER div 1000], #{
                <<"a">> => infinity, <<"b">> => ?LATER
            }},
            {"saddex", ["KEEPTTL", "MEMBERS", 2, "b", "c"], #{
                <<"a">> => infinity, <<"b">> => ?LATER, <<"c">> => infinity
            }},
            {"saddex", ["MNX", "MEMBERS", 1, "members"], #{
                <<"a">> => infinity, <<"b">> => ?LATER, <<"members">> => infinity
            }},
            {"saddex", ["MEMBERS", 1, "b"], #{<<"a">> => infinity, <<"b">> => infinity}},
            {"sexpireat", [?LATER div 1000, "MEMBERS", 1, "a"], #{
                <<"a">> => ?LATER, <<"b">> => ?LATER
            }},
            {"spexpireat", [?LATEST, "NX", "MEMBERS", 3, "a", "b", "x"], #{
                <<"a">> => ?LATEST, <<"b">> => ?LATER
            }},
            {"spexpireat", [?LATEST, "MEMBERS", 2, "a", "b", "XX"], #{
                <<"a">> => infinity, <<"b">> => ?LATEST
            }},
            {"spexpireat", [?LATEST, "gt", "members", 2, "a", "b"], #{
                <<"a">> => infinity, <<"b">> => ?LATEST
            }},
            {"spexpireat", [?LATER - 1, "LT", "MEMBERS", 2, "a", "b"], #{
                <<"a">> => ?LATER - 1, <<"b">> => ?LATER - 1
            }},
            {"spersist", ["MEMBERS", 2, "a", "b"], #{<<"a">> => infinity, <<"b">> => infinity}},
            {"spexpireat", [?PAST, "MEMBERS", 1, "b"], #{<<"a">> => infinity}}
        ]
    ],
    %% of a set that is gone
    run(Mirror, [["del", ?KEY], ["spexpireat", ?KEY, ?LATER, "MEMBERS", 1, "b"]]),
    ?assertNot(eslaver_mirror:exists(?MODULE, ?KEY)).

content() ->
    content(?KEY).

content(Key) ->
    Members = eslaver_mirror:smembers(?MODULE, Key),
    ?assertEqual(length(Members), eslaver_mirror:scard(?MODULE, Key)),
    maps:from_list(lists:zip(Members, eslaver_mirror:spexpiretime(?MODULE, Key, Members))).

relative(Mirror) ->
    Now = 50_000_000_000_000,
    Run = fun(Command) ->
        eslaver_test_keyspace:run(Mirror, [iolist_to_binary(Word) || Word <- Command], Now)
    end,
    Run(["saddex", ?KEY, "EX", "100", "MEMBERS", "1", "a"]),
    Run(["saddex", ?KEY, "PX", "100", "MEMBERS", "1", "b"]),
    Run(["sadd", ?KEY, "c", "d"]),
    Run(["sexpire", ?KEY, "200", "MEMBERS", "1", "c"]),
    Run(["spexpire", ?KEY, "200", "MEMBERS", "1", "d"]),
    ?assertEqual(
        #{
            <<"a">> => Now + 100_000,
            <<"b">> => Now + 100,
            <<"c">> => Now + 200_000,
            <<"d">> => Now + 200
        },
        content()
    ).

expired(Mirror) ->
    run(Mirror, [
        ["sadd", ?KEY, "a", "b", "c"],
        ["sadd", "other", "a", "b", "c"],
        ["spexpireat", ?KEY, ?PAST, "MEMBERS", 2, "a", "b"]
    ]),
    Keys = [?KEY, <<"other">>],
    ?assertEqual([<<"c">>], eslaver_mirror:smembers(?MODULE, ?KEY)),
    ?assertEqual(1, eslaver_mirror:scard(?MODULE, ?KEY)),
    ?assertEqual(
        [false, true], eslaver_mirror:smismember(?MODULE, ?KEY, [<<"a">>, <<"c">>])
    ),
    ?assertEqual([<<"c">>], eslaver_mirror:sinter(?MODULE, lists:reverse(Keys))),
    ?assertEqual(1, eslaver_mirror:sintercard(?MODULE, Keys)),
    ?assertEqual(3, eslaver_mirror:sunioncard(?MODULE, Keys)),
    ?assertEqual(2, eslaver_mirror:sunioncard(?MODULE, Keys, #{limit => 2})),
    ?assertEqual(0, eslaver_mirror:sdiffcard(?MODULE, Keys)),
    ?assertEqual(2, eslaver_mirror:sdiffcard(?MODULE, lists:reverse(Keys))),
    ?assertEqual(1, eslaver_mirror:sdiffcard(?MODULE, lists:reverse(Keys), #{limit => 1})),
    ?assertEqual({0, [<<"c">>]}, eslaver_mirror:sscan(?MODULE, ?KEY, 0)),
    ?assertEqual(<<"c">>, eslaver_mirror:srandmember(?MODULE, ?KEY)),
    ?assertEqual([<<"c">>], eslaver_mirror:srandmember(?MODULE, ?KEY, 5)),
    ?assertEqual([<<"c">>, <<"c">>], eslaver_mirror:srandmember(?MODULE, ?KEY, -2)),
    ?assertEqual([<<"c">>], eslaver_mirror:sort_ro(?MODULE, ?KEY, #{alpha => true})),
    %% the master has the last word
    run(Mirror, [["srem", ?KEY, "a", "b", "c"]]),
    ?assertNot(eslaver_mirror:exists(?MODULE, ?KEY)),
    run(Mirror, [["sadd", ?KEY, "a"], ["spexpireat", ?KEY, ?PAST, "MEMBERS", 1, "a"]]),
    ?assertEqual(undefined, eslaver_mirror:srandmember(?MODULE, ?KEY)),
    ?assert(eslaver_mirror:exists(?MODULE, ?KEY)).

%% Which of its members a master has seen when it stored a result nobody else knows.
uncertain(Mirror) ->
    run(Mirror, [
        ["sadd", ?KEY, "1", "2"],
        ["sadd", "other", "2"],
        ["spexpireat", ?KEY, ?LATER, "MEMBERS", 1, "1"],
        ["sunionstore", "d", ?KEY, "other"]
    ]),
    ?assertEqual(#{<<"1">> => infinity, <<"2">> => infinity}, content(<<"d">>)),
    %% a master's clock may be somewhat ahead
    Soon = erlang:system_time(millisecond) + 900,
    [
        begin
            run(Mirror, [
                ["del", ?KEY, "d"],
                ["sadd", ?KEY, "1", "2"],
                ["spexpireat", ?KEY, At, "MEMBERS", 1, "1"]
            ]),
            ?assertError(_, run(Mirror, [Command]))
        end
     || At <- [?PAST, Soon],
        Command <- [
            ["sunionstore", "d", "other", ?KEY],
            ["sinterstore", "d", "other", ?KEY],
            ["sdiffstore", "d", "other", ?KEY],
            ["zunionstore", "d", 2, "other", ?KEY],
            ["sort", ?KEY, "store", "d"],
            ["spop", ?KEY, 2]
        ]
    ].

reads(Mirror) ->
    Now = erlang:system_time(millisecond),
    run(Mirror, [
        ["sadd", ?KEY, "a", "b"], ["spexpireat", ?KEY, Now + 100_500, "MEMBERS", 1, "b"]
    ]),
    Members = [<<"a">>, <<"b">>, <<"x">>],
    [infinity, Seconds, undefined] = eslaver_mirror:sttl(?MODULE, ?KEY, Members),
    ?assert(Seconds > 90 andalso Seconds =< 101),
    [infinity, Ms, undefined] = eslaver_mirror:spttl(?MODULE, ?KEY, Members),
    ?assert(Ms > 90_000 andalso Ms =< 100_500),
    ?assertEqual(
        [infinity, (Now + 101_499) div 1000, undefined],
        eslaver_mirror:sexpiretime(?MODULE, ?KEY, Members)
    ),
    ?assertEqual([undefined], eslaver_mirror:sttl(?MODULE, <<"none">>, [<<"a">>])),
    run(Mirror, [["set", "string", "x"]]),
    ?assertEqual({error, wrongtype}, eslaver_mirror:sttl(?MODULE, <<"string">>, [<<"a">>])).

moved(Mirror) ->
    run(Mirror, [
        ["saddex", ?KEY, "PXAT", ?LATER, "MEMBERS", 1, "a"],
        ["saddex", "other", "PXAT", ?LATEST, "MEMBERS", 2, "a", "c"],
        ["sadd", ?KEY, "b", "c"],
        ["smove", ?KEY, "other", "a"],
        ["smove", ?KEY, "other", "b"],
        ["smove", ?KEY, "other", "c"]
    ]),
    ?assertEqual(
        #{<<"a">> => ?LATER, <<"b">> => infinity, <<"c">> => infinity}, content(<<"other">>)
    ),
    ?assertNot(eslaver_mirror:exists(?MODULE, ?KEY)).

moved_or_not(Mirror) ->
    run(Mirror, [
        ["saddex", ?KEY, "PXAT", ?LATER, "MEMBERS", 1, "a"],
        ["sadd", ?KEY, "b"],
        ["smove", ?KEY, "other", "b"]
    ]),
    ?assertEqual(#{<<"b">> => infinity}, content(<<"other">>)),
    ?assertError(_, run(Mirror, [["smove", ?KEY, "other", "a"]])).

%% Random commands do to a mirror what they do to a map.
model(Mirror) ->
    Seed = eslaver_test_env:seed(),
    _ = rand:seed(exsss, Seed),
    _ = lists:foldl(fun(_, Model) -> step(Mirror, Model, Seed) end, #{}, lists:seq(1, ?STEPS)),
    ok.

step(Mirror, Model, Seed) ->
    {Command, Next} = change(rand:uniform(6), some(), Model),
    run(Mirror, [Command]),
    ?assertEqual({Seed, Command, Next}, {Seed, Command, content()}),
    Next.

some() -> lists:usort([integer_to_binary(rand:uniform(20)) || _ <- lists:seq(1, rand:uniform(4))]).

change(1, Members, Model) ->
    {["sadd", ?KEY | Members], maps:merge(maps:from_keys(Members, infinity), Model)};
change(2, Members, Model) ->
    {["srem", ?KEY | Members], maps:without(Members, Model)};
change(3, Members, Model) ->
    At = ?LATER + rand:uniform(1000),
    {
        ["saddex", ?KEY, "PXAT", At, "MEMBERS", length(Members) | Members],
        maps:merge(Model, maps:from_keys(Members, At))
    };
change(4, Members, Model) ->
    {
        ["spersist", ?KEY, "MEMBERS", length(Members) | Members],
        maps:merge(Model, maps:from_keys(there(Members, Model), infinity))
    };
change(5, Members, Model) ->
    {
        ["saddex", ?KEY, "MEMBERS", length(Members) | Members],
        maps:merge(Model, maps:from_keys(Members, infinity))
    };
change(6, Members, Model) ->
    At = ?LATER + rand:uniform(1000),
    {
        ["spexpireat", ?KEY, At, "MEMBERS", length(Members) | Members],
        maps:merge(Model, maps:from_keys(there(Members, Model), At))
    }.

there(Members, Model) -> [Member || Member <- Members, is_map_key(Member, Model)].
