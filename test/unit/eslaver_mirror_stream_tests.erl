%% Streams of a mirror: commands as masters replicate them, and those they do not, by what reads
%% give. What they gave was seen with real masters.
-module(eslaver_mirror_stream_tests).

-include_lib("eunit/include/eunit.hrl").

-define(KEY, <<"s">>).

stream_test_() ->
    eslaver_test_keyspace:tests(?MODULE, [
        {"entries", {8, 6}, fun entries/1},
        {"trimming", {8, 6}, fun trimming/1},
        {"what is pending ends with an entry, or not", {8, 6}, fun policies/1},
        {"groups", {8, 6}, fun groups/1},
        {"an entry that is gone is claimed, 6.2", {6, 2}, fun gone_claimed/1},
        {"an entry that is gone is claimed, 7.0", {7, 0}, fun gone_released/1},
        {"read and claimed as a client does", {8, 6}, fun verbatim/1},
        {"lag", {8, 0}, fun lag/1},
        {"lag of Valkey", {7, 2}, fun lag_of_valkey/1},
        {"producers", {8, 6}, fun producers/1}
    ]).

run(Mirror, Commands) ->
    eslaver_test_keyspace:run_all(Mirror, [
        string:lexemes(Command, " ")
     || Command <- Commands
    ]).

filled(Mirror) ->
    run(Mirror, ["xadd s 1-1 a 1 b 2", "xadd s 1-2 a 3", "xadd s 5 a 4", "xadd s 7-0 a 5"]).

ids(Entries) -> [Id || {Id, _} <- Entries].

entries(Mirror) ->
    filled(Mirror),
    ?assertEqual(
        [{<<"1-1">>, [{<<"a">>, <<"1">>}, {<<"b">>, <<"2">>}]}, {<<"1-2">>, [{<<"a">>, <<"3">>}]}],
        eslaver_mirror:xrange(?MODULE, ?KEY, '-', <<"1">>)
    ),
    [
        ?assertEqual(
            {Start, End, Ids}, {Start, End, ids(eslaver_mirror:xrange(?MODULE, ?KEY, Start, End))}
        )
     || {Start, End, Ids} <- [
            {'-', '+', [<<"1-1">>, <<"1-2">>, <<"5-0">>, <<"7-0">>]},
            {{exclusive, <<"1-1">>}, {exclusive, <<"7">>}, [<<"1-2">>, <<"5-0">>, <<"7-0">>]},
            {{exclusive, <<"1-1">>}, {exclusive, <<"7-0">>}, [<<"1-2">>, <<"5-0">>]},
            {<<"5">>, <<"1">>, []},
            {'-', {exclusive, <<"0-0">>}, []},
            {<<"8">>, '+', []}
        ]
    ],
    ?assertEqual(
        [<<"7-0">>, <<"5-0">>],
        ids(eslaver_mirror:xrevrange(?MODULE, ?KEY, '+', '-', #{count => 2}))
    ),
    [{?KEY, After}] = eslaver_mirror:xread(?MODULE, [{?KEY, <<"1-2">>}], #{count => 1}),
    ?assertEqual([<<"5-0">>], ids(After)),
    ?assertEqual([], eslaver_mirror:xread(?MODULE, #{?KEY => <<"7-0">>})),
    ?assertError(badarg, eslaver_mirror:xrange(?MODULE, ?KEY, <<"x">>, '+')),
    %% What a master cannot have done, or has not said how.
    [
        ?assertError(_, run(Mirror, [Command]))
     || Command <- [
            "xadd s 7-0 a 1", "xadd s * a 1", "xadd s maxlen ~ 1 8-0 a 1", "xtrim n maxlen 1"
        ]
    ].

trimming(Mirror) ->
    [
        begin
            filled(run(Mirror, ["del s"])),
            run(Mirror, [Command]),
            ?assertEqual(
                {Command, Ids}, {Command, ids(eslaver_mirror:xrange(?MODULE, ?KEY, '-', '+'))}
            ),
            ?assertEqual(length(Ids), eslaver_mirror:xlen(?MODULE, ?KEY))
        end
     || {Command, Ids} <- [
            {"xtrim s MAXLEN 2", [<<"5-0">>, <<"7-0">>]},
            {"xtrim s maxlen = 1 LIMIT 100", [<<"7-0">>]},
            {"xtrim s MAXLEN ~ 4", [<<"1-1">>, <<"1-2">>, <<"5-0">>, <<"7-0">>]},
            {"xtrim s MINID 1-2", [<<"1-2">>, <<"5-0">>, <<"7-0">>]},
            {"xtrim s MAXLEN 0", []},
            {"xadd s NOMKSTREAM MAXLEN = 2 8-0 a 1", [<<"7-0">>, <<"8-0">>]},
            {"xadd s MINID = 9 8-0 a 1", []},
            {"xdel s 1-1 5-0 6-0", [<<"1-2">>, <<"7-0">>]}
        ]
    ].

%% In one group the first two are pending and the third was acknowledged, another has read the
%% first.
policies(Mirror) ->
    [
        begin
            filled(run(Mirror, ["del s"])),
            run(Mirror, [
                "xgroup create s g 0",
                "xclaim s g c 0 1-1 TIME 1000 RETRYCOUNT 1 FORCE JUSTID LASTID 7-0",
                "xclaim s g c 0 1-2 TIME 1000 RETRYCOUNT 1 FORCE JUSTID LASTID 7-0",
                "xgroup create s h 5-0",
                Command
            ]),
            Entries = ids(eslaver_mirror:xrange(?MODULE, ?KEY, '-', '+')),
            Pending = eslaver_mirror:xpending(?MODULE, ?KEY, <<"g">>, '-', '+', infinity),
            ?assertEqual(
                {Command, Left, LeftPending}, {Command, Entries, [Id || {Id, _, _, _} <- Pending]}
            )
        end
     || {Command, Left, LeftPending} <- [
            {"xdelex s IDS 2 1-1 5-0", [<<"1-2">>, <<"7-0">>], [<<"1-1">>, <<"1-2">>]},
            {"xdelex s DELREF IDS 1 1-1", [<<"1-2">>, <<"5-0">>, <<"7-0">>], [<<"1-2">>]},
            {"xdelex s ACKED IDS 3 1-1 5-0 7-0", [<<"1-1">>, <<"1-2">>, <<"7-0">>], [
                <<"1-1">>, <<"1-2">>
            ]},
            {"xackdel s g ACKED IDS 2 1-1 5-0", [<<"1-2">>, <<"5-0">>, <<"7-0">>], [<<"1-2">>]},
            {"xackdel s g KEEPREF IDS 1 1-2", [<<"1-1">>, <<"5-0">>, <<"7-0">>], [<<"1-1">>]},
            {"xtrim s MAXLEN 0 ACKED", [<<"1-1">>, <<"1-2">>, <<"7-0">>], [<<"1-1">>, <<"1-2">>]},
            {"xtrim s MAXLEN 1 DELREF", [<<"7-0">>], []},
            {"xack s g 1-1 9-9", [<<"1-1">>, <<"1-2">>, <<"5-0">>, <<"7-0">>], [<<"1-2">>]}
        ]
    ].

groups(Mirror) ->
    filled(Mirror),
    run(Mirror, [
        "xgroup CREATE s g $ ENTRIESREAD 99",
        "xgroup create n g 0 mkstream",
        "xgroup SETID s g 1-2 ENTRIESREAD 2",
        "xgroup CREATECONSUMER s g idle",
        "xclaim s g c 0 1-1 TIME 1000 RETRYCOUNT 3 FORCE JUSTID LASTID 5-0",
        "xclaim s g d 0 1-2 TIME 2000 RETRYCOUNT 1 FORCE JUSTID LASTID 1-0",
        "xclaim s g d 0 1-1 TIME 3000 RETRYCOUNT 4 FORCE JUSTID LASTID 1-0"
    ]),
    ?assertEqual(0, eslaver_mirror:xlen(?MODULE, <<"n">>)),
    ?assertMatch(
        [
            #{
                name := <<"g">>,
                consumers := 3,
                pending := 2,
                last_delivered_id := <<"5-0">>,
                entries_read := 2
            }
        ],
        eslaver_mirror:xinfo_groups(?MODULE, ?KEY)
    ),
    ?assertEqual(
        {2, <<"1-1">>, <<"1-2">>, [{<<"d">>, 2}]}, eslaver_mirror:xpending(?MODULE, ?KEY, <<"g">>)
    ),
    ?assertMatch(
        [{<<"1-1">>, <<"d">>, _, 4}],
        eslaver_mirror:xpending(?MODULE, ?KEY, <<"g">>, '-', '+', 1, #{consumer => <<"d">>})
    ),
    ?assertEqual(
        [], eslaver_mirror:xpending(?MODULE, ?KEY, <<"g">>, '-', '+', 1, #{consumer => <<"c">>})
    ),
    ?assertMatch(
        [
            #{name := <<"c">>, pending := 0},
            #{name := <<"d">>, pending := 2},
            #{name := <<"idle">>, pending := 0, inactive := undefined}
        ],
        eslaver_mirror:xinfo_consumers(?MODULE, ?KEY, <<"g">>)
    ),
    run(Mirror, ["xgroup DELCONSUMER s g d"]),
    ?assertEqual(
        {0, undefined, undefined, []}, eslaver_mirror:xpending(?MODULE, ?KEY, <<"g">>)
    ),
    run(Mirror, ["xgroup DESTROY s g"]),
    ?assertEqual(undefined, eslaver_mirror:xpending(?MODULE, ?KEY, <<"g">>)),
    ?assertEqual(undefined, eslaver_mirror:xinfo_groups(?MODULE, <<"none">>)).

gone_claimed(Mirror) -> gone(Mirror, [{<<"1-1">>, <<"d">>, 2}]).

gone_released(Mirror) -> gone(Mirror, []).

gone(Mirror, Expected) ->
    filled(Mirror),
    run(Mirror, [
        "xgroup create s g 0",
        "xclaim s g c 0 1-1 TIME 1000 RETRYCOUNT 1 FORCE JUSTID LASTID 1-1",
        "xdel s 1-1",
        "xclaim s g d 0 1-1 TIME 2000 RETRYCOUNT 2 FORCE JUSTID LASTID 1-1"
    ]),
    Pending = eslaver_mirror:xpending(?MODULE, ?KEY, <<"g">>, '-', '+', infinity),
    ?assertEqual(Expected, [{Id, Consumer, Count} || {Id, Consumer, _, Count} <- Pending]).

verbatim(Mirror) ->
    filled(Mirror),
    run(Mirror, [
        "xgroup create s g 0",
        "xreadgroup GROUP g c COUNT 2 BLOCK 5 STREAMS s >",
        "xreadgroup GROUP g d NOACK STREAMS s >",
        "xreadgroup GROUP g e STREAMS s 0",
        "xdel s 1-1",
        "xautoclaim s g f 0 0 COUNT 10",
        "xclaim s g c 99999999 1-2"
    ]),
    Pending = eslaver_mirror:xpending(?MODULE, ?KEY, <<"g">>, '-', '+', infinity),
    ?assertMatch([{<<"1-2">>, <<"f">>, _, 2}], Pending),
    ?assertMatch(
        [#{consumers := 4, entries_read := 4, lag := 0, last_delivered_id := <<"7-0">>}],
        eslaver_mirror:xinfo_groups(?MODULE, ?KEY)
    ).

lag(Mirror) -> lag(Mirror, 4).

lag_of_valkey(Mirror) -> lag(Mirror, 3).

%% Of four entries a group has read two, then three; from the middle on nobody knows how many. What
%% a group has read that is said to be before all entries counts only for some.
lag(Mirror, Before) ->
    filled(Mirror),
    run(Mirror, ["xgroup create s g 1-2 ENTRIESREAD 2"]),
    ?assertEqual(2, group_lag()),
    run(Mirror, ["xgroup setid s g 5-0 ENTRIESREAD 3"]),
    ?assertEqual(1, group_lag()),
    run(Mirror, ["xgroup setid s g 1-2"]),
    ?assertEqual(undefined, group_lag()),
    run(Mirror, ["xgroup setid s g 0"]),
    ?assertEqual(4, group_lag()),
    run(Mirror, ["xgroup setid s g 0 ENTRIESREAD 1"]),
    ?assertEqual(Before, group_lag()).

group_lag() ->
    [#{lag := Lag}] = eslaver_mirror:xinfo_groups(?MODULE, ?KEY),
    Lag.

producers(Mirror) ->
    Now = erlang:system_time(millisecond),
    Id = fun(N) -> integer_to_list(Now) ++ "-" ++ integer_to_list(N) end,
    run(Mirror, [
        "xadd s IDMP p a " ++ Id(1) ++ " x 1",
        "xcfgset s IDMP-DURATION 60 IDMP-MAXSIZE 2",
        "xadd s IDMP p a " ++ Id(2) ++ " x 1",
        "xadd s IDMP p b " ++ Id(3) ++ " x 1",
        "xadd s IDMPAUTO p " ++ Id(4) ++ " x 1",
        "xadd s IDMPAUTO q " ++ Id(5) ++ " x 1",
        "xadd s IDMP p b * x 1",
        "xidmprecord s r c " ++ Id(1)
    ]),
    Info = eslaver_mirror:xinfo_stream(?MODULE, ?KEY),
    ?assertMatch(
        #{
            length := 5,
            idmp_duration := 60,
            idmp_maxsize := 2,
            pids_tracked := 3,
            iids_tracked := 4,
            iids_added := 6,
            iids_duplicates := 1
        },
        Info
    ).