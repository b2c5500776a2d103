%% The newest types and commands of a mirror, beyond what random commands show of them on a server:
%% values of snapshots, what reads make of wrong arguments, and the rows that are left. What Redis
%% 8.12 has in addition (ZMOVE, ARLASTITEMS over gaps), and GCRA, was read in its sources: there is
%% no such server at hand.
-module(eslaver_mirror_newer_tests).

-include_lib("eunit/include/eunit.hrl").

-define(KEY, <<"k">>).
-define(LAST, 16#FFFFFFFFFFFFFFFE).

newer_test_() ->
    eslaver_test_mirror_tables:tests(?MODULE, [
        {"an array of a snapshot", {8, 10}, fun array_loaded/1},
        {"the last of an array, 8.10", {8, 10}, fun last_8_10/1},
        {"the last of an array, 8.12", {8, 12}, fun last_8_12/1},
        {"arguments of reads of arrays", {8, 10}, fun array_arguments/1},
        {"a vector set of a snapshot", {8, 10}, fun vector_set_loaded/1},
        {"a vector set that is damaged", {8, 10}, fun vector_set_damaged/1},
        {"a vector that is replaced", {8, 10}, fun vector_replaced/1},
        {"rows of arrays and vector sets", {8, 10}, fun rows/1},
        {"what was given back, of a snapshot", {8, 10}, fun given_back/1},
        {"members of sorted sets that move", {8, 12}, fun moved/1},
        {"a rate limit", {8, 12}, fun rate_limit/1}
    ]).

run(Mirror, Commands) ->
    eslaver_test_mirror_tables:run_all(Mirror, Commands).

%% Arrays.

array_loaded(Mirror) ->
    Elements = [{0, <<"a">>}, {7, <<"1.5">>}, {?LAST, <<"z">>}, {7, <<"twice">>}],
    ok = eslaver_test_mirror_tables:load(Mirror, array, ?KEY, Elements, #{next_index => 8}),
    ?assertEqual(array, eslaver_mirror:type(?MODULE, ?KEY)),
    ?assertEqual(
        [{0, <<"a">>}, {7, <<"twice">>}, {?LAST, <<"z">>}],
        eslaver_mirror:arscan(?MODULE, ?KEY, 0, ?LAST)
    ),
    ?assertEqual(8, eslaver_mirror:arnext(?MODULE, ?KEY)),
    ?assertEqual(
        #{count => 3, length => ?LAST + 1, next_insert_index => 8},
        eslaver_mirror:arinfo(?MODULE, ?KEY)
    ),
    run(Mirror, [["arinsert", ?KEY, "b"]]),
    ?assertEqual(<<"b">>, eslaver_mirror:arget(?MODULE, ?KEY, 8)),
    ok = eslaver_test_mirror_tables:load(Mirror, array, ?KEY, [{3, <<"a">>}], #{}),
    ?assertEqual(0, eslaver_mirror:arnext(?MODULE, ?KEY)),
    ok = eslaver_test_mirror_tables:load(Mirror, array, ?KEY, [{3, <<"a">>}], #{
        next_index => ?LAST + 1
    }),
    ?assertEqual(undefined, eslaver_mirror:arnext(?MODULE, ?KEY)),
    ?assertMatch(#{next_insert_index := 0}, eslaver_mirror:arinfo(?MODULE, ?KEY)).

%% Of indexes 0, 1 and 5, with the cursor behind.
tail(Mirror) ->
    run(Mirror, [["armset", ?KEY, 0, "a", 1, "b", 5, "c"], ["arseek", ?KEY, 10]]),
    [
        eslaver_mirror:arlastitems(?MODULE, ?KEY, Count, Options)
     || {Count, Options} <- [{2, #{}}, {100, #{rev => true}}, {0, #{}}, {-1, #{}}]
    ].

last_8_10(Mirror) ->
    Nothing = [undefined, undefined, undefined],
    ?assertEqual([tl(Nothing), Nothing, [], []], tail(Mirror)),
    run(Mirror, [["arseek", ?KEY, 0]]),
    ?assertEqual(
        [undefined, undefined, <<"c">>], eslaver_mirror:arlastitems(?MODULE, ?KEY, 100)
    ).

last_8_12(Mirror) ->
    All = [<<"c">>, undefined, undefined, undefined, <<"b">>, <<"a">>],
    ?assertEqual([[undefined, <<"c">>], All, [], []], tail(Mirror)),
    run(Mirror, [["arseek", ?KEY, 2]]),
    ?assertEqual([<<"c">>, <<"a">>, <<"b">>], eslaver_mirror:arlastitems(?MODULE, ?KEY, 3)),
    run(Mirror, [["arset", ?KEY, ?LAST, "z"]]),
    ?assertEqual(
        {error, range_too_large}, eslaver_mirror:arlastitems(?MODULE, ?KEY, 1_000_001)
    ).

array_arguments(Mirror) ->
    run(Mirror, [["arset", ?KEY, 0, "Ab", "b", "3", "4.5"], ["set", "string", "x"]]),
    M = ?MODULE,
    [
        ?assertError(badarg, Read())
     || Read <- [
            fun() -> eslaver_mirror:arget(M, ?KEY, -1) end,
            fun() -> eslaver_mirror:arget(M, ?KEY, ?LAST + 1) end,
            fun() -> eslaver_mirror:arget(M, ?KEY, <<"0">>) end,
            fun() -> eslaver_mirror:armget(M, ?KEY, [0, last]) end,
            fun() -> eslaver_mirror:argetrange(M, ?KEY, 0, -1) end,
            fun() -> eslaver_mirror:arlastitems(M, ?KEY, 1, #{reverse => true}) end,
            fun() -> eslaver_mirror:argrep(M, ?KEY, '-', '+', #{}) end,
            fun() -> eslaver_mirror:argrep(M, ?KEY, '-', last, #{exact => [<<"a">>]}) end,
            fun() -> eslaver_mirror:argrep(M, ?KEY, '-', '+', #{exact => [a]}) end,
            fun() -> eslaver_mirror:argrep(M, ?KEY, '-', '+', #{exact => [<<>>], limit => 0}) end,
            fun() -> eslaver_mirror:argrep(M, ?KEY, '-', '+', #{re => [<<"a">>]}) end,
            fun() -> eslaver_mirror:arop(M, ?KEY, 0, 1, mean) end
        ]
    ],
    ?assertEqual(
        {error, range_too_large}, eslaver_mirror:argetrange(M, ?KEY, 0, 1_000_000)
    ),
    ?assertEqual(1_000_000, length(eslaver_mirror:argetrange(M, <<"none">>, 1, 1_000_000))),
    Grep = #{exact => [<<"AB">>], match => [<<"B">>], combine => 'and', nocase => true},
    ?assertEqual([0], eslaver_mirror:argrep(M, ?KEY, '-', '+', Grep)),
    ?assertEqual([], eslaver_mirror:argrep(M, <<"none">>, '-', '+', Grep)),
    ?assertEqual(
        [7.5, 3.0, 4.5, 4, 7, 3, undefined],
        [
            eslaver_mirror:arop(M, ?KEY, From, To, Operation)
         || {From, To, Operation} <- [
                {0, 3, sum},
                {2, 3, min},
                {0, 3, max},
                {0, 3, used},
                {0, 3, 'or'},
                {2, 0, sum},
                {0, 1, sum}
            ]
        ]
    ),
    ?assertEqual(undefined, eslaver_mirror:arop(M, <<"none">>, 0, 1, sum)),
    ?assertEqual(0, eslaver_mirror:arop(M, <<"none">>, 0, 1, used)),
    ?assertEqual(
        [undefined, 0, 0, undefined, []],
        [
            eslaver_mirror:arget(M, <<"none">>, 1),
            eslaver_mirror:arlen(M, <<"none">>),
            eslaver_mirror:arnext(M, <<"none">>),
            eslaver_mirror:arinfo(M, <<"none">>),
            eslaver_mirror:arlastitems(M, <<"none">>, 3)
        ]
    ),
    ?assertEqual({error, wrongtype}, eslaver_mirror:arget(M, <<"string">>, 1)),
    ?assertEqual({error, wrongtype}, eslaver_mirror:armget(M, <<"string">>, [1])).

%% Vector sets.

%% As Redis 8.6 has written them: of 8 bits with an attribute and one link, and with a projection.
vector_set_loaded(Mirror) ->
    Bytes = [
        {uint, 3},
        {uint, 2},
        {uint, 4097},
        {uint, 2},
        {string, <<"b">>},
        {string, <<>>},
        {string, <<42, 171, 127>>},
        {uint, 7},
        {uint, 2},
        {uint, 16777216},
        {uint, 1},
        {uint, 32},
        {uint, 1},
        {uint, 4545018561101299712},
        {uint, 4561374231437211473},
        {string, <<"a">>},
        {string, <<"zz">>},
        {string, <<42, 85, 127>>},
        {uint, 7},
        {uint, 1},
        {uint, 16777216},
        {uint, 1},
        {uint, 32},
        {uint, 2},
        {uint, 4545018561101299712},
        {uint, 4561374231437211473}
    ],
    ok = eslaver_test_mirror_tables:load(Mirror, module, ?KEY, {<<"vectorset">>, 0, Bytes}, #{}),
    ?assertEqual(vectorset, eslaver_mirror:type(?MODULE, ?KEY)),
    ?assertEqual([<<"a">>, <<"b">>], eslaver_mirror:vrange(?MODULE, ?KEY, '-', '+')),
    ?assertEqual(<<"zz">>, eslaver_mirror:vgetattr(?MODULE, ?KEY, <<"a">>)),
    ?assertEqual(undefined, eslaver_mirror:vgetattr(?MODULE, ?KEY, <<"b">>)),
    %% the same as of the vectors themselves
    run(Mirror, [
        ["vadd", "v", "VALUES", 3, 1, 2, 3, "a", "SETATTR", "zz"],
        ["vadd", "v", "VALUES", 3, 1, -2, 3, "b"]
    ]),
    [
        ?assertEqual(Read(<<"v">>), Read(?KEY))
     || Read <- [
            fun(Key) -> eslaver_mirror:vemb(?MODULE, Key, <<"a">>, raw) end,
            fun(Key) -> eslaver_mirror:vemb(?MODULE, Key, <<"b">>) end,
            fun(Key) -> eslaver_mirror:vinfo(?MODULE, Key) end
        ]
    ],
    Row = <<58, 205, 19, 63>>,
    Minus = <<58, 205, 19, 191>>,
    Reduced = [
        {uint, 2},
        {uint, 1},
        {uint, 4096},
        {uint, 1},
        {uint, 3},
        {string, <<Row/binary, Row/binary, Row/binary, Row/binary, Minus/binary, Row/binary>>},
        {string, <<"b">>},
        {string, <<155, 232, 161, 62, 232, 220, 114, 63>>},
        {uint, 2},
        {uint, 1},
        {uint, 1080668649}
    ],
    ok = eslaver_test_mirror_tables:load(
        Mirror, module, <<"r">>, {<<"vectorset">>, 0, Reduced}, #{}
    ),
    run(Mirror, [
        ["vadd", "r", "REDUCE", 2, "VALUES", 3, 1, -2, 3, "c", "NOQUANT"],
        ["vadd", "s", "REDUCE", 2, "VALUES", 3, 1, -2, 3, "b", "NOQUANT"]
    ]),
    Vector = eslaver_mirror:vemb(?MODULE, <<"s">>, <<"b">>),
    ?assertEqual(
        [Vector, Vector], [eslaver_mirror:vemb(?MODULE, <<"r">>, E) || E <- [<<"b">>, <<"c">>]]
    ),
    ?assertMatch(
        #{projection_input_dim := 3, vector_dim := 2, quant_type := f32, hnsw_m := 16},
        eslaver_mirror:vinfo(?MODULE, <<"r">>)
    ).

vector_set_damaged(Mirror) ->
    Load = fun(Fields) ->
        eslaver_test_mirror_tables:load(Mirror, module, ?KEY, {<<"vectorset">>, 0, Fields}, #{})
    end,
    Element = [{string, <<"b">>}, {string, <<1, 2, 3>>}, {uint, 1}, {uint, 0}],
    Head = [{uint, 3}, {uint, 1}, {uint, 4097}, {uint, 0}],
    ok = Load(Head ++ Element),
    [
        ?assertError(_, Load(Fields))
     || Fields <- [
            [],
            Head,
            Head ++ Element ++ Element,
            [{uint, 3}, {uint, 2}, {uint, 4097}, {uint, 0} | Element ++ Element],
            [{uint, 3}, {uint, 1}, {uint, 4099}, {uint, 0} | Element],
            [{uint, 3}, {uint, 1}, {uint, 4097}, {uint, 1}, {uint, 5}, {string, <<1>>} | Element],
            Head ++ [{string, <<"b">>}, {string, <<1, 2>>}, {uint, 1}, {uint, 0}]
        ]
    ],
    %% of a version that is not known: as any module's value
    ok = eslaver_test_mirror_tables:load(Mirror, module, ?KEY, {<<"vectorset">>, 1, []}, #{}),
    ?assertEqual(module, eslaver_mirror:type(?MODULE, ?KEY)).

%% A master sends no new vector of an element; if one comes, it is taken, as a replica does.
vector_replaced(Mirror) ->
    run(Mirror, [
        ["vadd", ?KEY, "VALUES", 2, 3, 4, "a", "NOQUANT", "SETATTR", "x"],
        ["vadd", ?KEY, "VALUES", 2, 6, 8, "a", "NOQUANT"]
    ]),
    ?assertEqual({f32, 10.0}, kind_and_length()),
    ?assertEqual(<<"x">>, eslaver_mirror:vgetattr(?MODULE, ?KEY, <<"a">>)),
    run(Mirror, [["vadd", ?KEY, "VALUES", 2, 3, 4, "a", "NOQUANT", "SETATTR", ""]]),
    ?assertEqual({f32, 5.0}, kind_and_length()),
    ?assertMatch(#{size := 1, attributes_count := 0}, eslaver_mirror:vinfo(?MODULE, ?KEY)),
    %% to a new element a master gives an empty attribute, if it is told to
    run(Mirror, [["vadd", ?KEY, "VALUES", 2, 3, 4, "b", "NOQUANT", "SETATTR", ""]]),
    ?assertEqual(<<>>, eslaver_mirror:vgetattr(?MODULE, ?KEY, <<"b">>)),
    ?assertMatch(#{size := 2, attributes_count := 1}, eslaver_mirror:vinfo(?MODULE, ?KEY)),
    run(Mirror, [["vrem", ?KEY, "b"]]),
    ?assertError(_, run(Mirror, [["vadd", ?KEY, "VALUES", 3, 3, 4, 5, "b", "NOQUANT"]])),
    ?assertError(_, run(Mirror, [["vadd", ?KEY, "FP32", <<1, 2, 3>>, "b", "NOQUANT"]])),
    run(Mirror, [["vrem", ?KEY, "a"]]),
    ?assertNot(eslaver_mirror:exists(?MODULE, ?KEY)),
    ?assertEqual(
        [0, undefined, undefined, false, undefined, undefined, [], undefined, []],
        [
            eslaver_mirror:vcard(?MODULE, ?KEY),
            eslaver_mirror:vdim(?MODULE, ?KEY),
            eslaver_mirror:vinfo(?MODULE, ?KEY),
            eslaver_mirror:vismember(?MODULE, ?KEY, <<"a">>),
            eslaver_mirror:vgetattr(?MODULE, ?KEY, <<"a">>),
            eslaver_mirror:vemb(?MODULE, ?KEY, <<"a">>),
            eslaver_mirror:vrange(?MODULE, ?KEY, '-', '+'),
            eslaver_mirror:vrandmember(?MODULE, ?KEY),
            eslaver_mirror:vrandmember(?MODULE, ?KEY, 3)
        ]
    ).

kind_and_length() ->
    {Kind, _, L2, _} = eslaver_mirror:vemb(?MODULE, ?KEY, <<"a">>, raw),
    {Kind, L2}.

rows(#{store := #{items := Items} = Store} = Mirror) ->
    Numbers = lists:seq(1, 300),
    run(Mirror, [["arset", "a", 5 | [integer_to_list(N) || N <- Numbers]]]),
    run(Mirror, [["arring", "a", 50, "x"]]),
    ?assertEqual(50, eslaver_mirror:arcount(?MODULE, <<"a">>)),
    ?assertEqual(50, ets:info(Items, size)),
    run(Mirror, [["vadd", "v", "VALUES", 2, N, 1, ["e", integer_to_list(N)]] || N <- Numbers]),
    run(Mirror, [["copy", Key, [Key, "2"]] || Key <- ["a", "v"]]),
    ?assertEqual(
        eslaver_mirror:arscan(?MODULE, <<"a">>, 0, ?LAST),
        eslaver_mirror:arscan(?MODULE, <<"a2">>, 0, ?LAST)
    ),
    ?assertEqual(
        eslaver_mirror:vrange(?MODULE, <<"v">>, '-', '+'),
        eslaver_mirror:vrange(?MODULE, <<"v2">>, '-', '+')
    ),
    ?assertEqual(300, length(lists:usort(eslaver_mirror:vrandmember(?MODULE, <<"v">>, 1000)))),
    ?assertEqual(7, length(lists:usort(eslaver_mirror:vrandmember(?MODULE, <<"v">>, 7)))),
    ?assertEqual(1000, length(eslaver_mirror:vrandmember(?MODULE, <<"v">>, -1000))),
    ?assert(is_binary(eslaver_mirror:vrandmember(?MODULE, <<"v">>))),
    run(Mirror, [["del", "a", "a2", "v", "v2"]]),
    ok = collect(Store),
    ?assertEqual([], ets:tab2list(Items)).

collect(Store) ->
    case eslaver_mirror_keys:collect(Store, 100) of
        done -> ok;
        more -> collect(Store)
    end.

%% Streams.

given_back(Mirror) ->
    Now = erlang:system_time(millisecond),
    Value = #{
        entries => [{<<"1-1">>, [{<<"f">>, <<"v">>}]}, {<<"2-1">>, [{<<"f">>, <<"v">>}]}],
        last_id => <<"2-1">>,
        first_id => <<"1-1">>,
        max_deleted_id => <<"0-0">>,
        entries_added => 2,
        groups => [
            #{
                name => <<"g">>,
                last_id => <<"2-1">>,
                entries_read => 2,
                nack => [<<"2-1">>],
                pending => [
                    #{id => <<"1-1">>, consumer => <<"c">>, delivered_at => Now, deliveries => 1},
                    #{id => <<"2-1">>, delivered_at => 0, deliveries => 3}
                ],
                consumers => [#{name => <<"c">>, seen_at => Now, active_at => Now}]
            }
        ]
    },
    ok = eslaver_test_mirror_tables:load(Mirror, stream, ?KEY, Value, #{}),
    Pending = fun(Filter) ->
        [
            {Id, Consumer, Idle < 0, Count}
         || {Id, Consumer, Idle, Count} <- eslaver_mirror:xpending(
                ?MODULE, ?KEY, <<"g">>, '-', '+', 10, Filter
            )
        ]
    end,
    Nacked = {<<"2-1">>, <<>>, true, 3},
    ?assertEqual([{<<"1-1">>, <<"c">>, false, 1}, Nacked], Pending(#{})),
    ?assertEqual([Nacked], Pending(#{min_idle => 1_000_000_000})),
    ?assertEqual(
        {2, <<"1-1">>, <<"2-1">>, [{<<"c">>, 1}]}, eslaver_mirror:xpending(?MODULE, ?KEY, <<"g">>)
    ),
    ?assertMatch([#{pending := 2, nacked := 1}], eslaver_mirror:xinfo_groups(?MODULE, ?KEY)),
    run(Mirror, [["xclaim", ?KEY, "g", "d", 0, "2-1", "RETRYCOUNT", 4, "FORCE", "JUSTID"]]),
    ?assertMatch([#{pending := 2, nacked := 0}], eslaver_mirror:xinfo_groups(?MODULE, ?KEY)),
    run(Mirror, [
        ["xnack", ?KEY, "g", "SILENT", "IDS", 2, "1-1", "2-1"],
        ["xgroup", "delconsumer", ?KEY, "g", "d"]
    ]),
    ?assertEqual([{<<"1-1">>, <<>>, true, 0}, Nacked], Pending(#{})),
    run(Mirror, [["xack", ?KEY, "g", "1-1"], ["xdelex", ?KEY, "DELREF", "IDS", 1, "2-1"]]),
    ?assertMatch([#{pending := 0, nacked := 0}], eslaver_mirror:xinfo_groups(?MODULE, ?KEY)).

%% Redis 8.12.

moved(Mirror) ->
    run(Mirror, [
        ["zadd", ?KEY, 1, "a", 2, "b", 3, "c", 4, "d"],
        ["zadd", "to", 9, "b"],
        ["zmove", ?KEY, "to", "MIN"],
        ["bzmove", ?KEY, "new", "max", 0],
        ["zmovemember", ?KEY, "to", "b"],
        ["zmove", ?KEY, ?KEY, "MIN"]
    ]),
    Members = fun(Key) -> eslaver_mirror:zrange(?MODULE, Key, 0, -1, #{with_scores => true}) end,
    ?assertEqual([{<<"a">>, 1.0}, {<<"b">>, 2.0}], Members(<<"to">>)),
    ?assertEqual([{<<"d">>, 4.0}], Members(<<"new">>)),
    ?assertEqual([{<<"c">>, 3.0}], Members(?KEY)),
    run(Mirror, [["zmove", ?KEY, "new", "MAX"]]),
    ?assertNot(eslaver_mirror:exists(?MODULE, ?KEY)),
    ?assertError(_, run(Mirror, [["zmovemember", "to", "new", "x"]])),
    ?assertError(_, run(Mirror, [["zmove", "none", "new", "MIN"]])).

rate_limit(Mirror) ->
    At = (erlang:system_time(millisecond) + 100_000) * 1000 + 7,
    run(Mirror, [["gcrasetvalue", ?KEY, At]]),
    ?assertEqual(gcra, eslaver_mirror:type(?MODULE, ?KEY)),
    ?assertEqual(At, eslaver_mirror:gcra(?MODULE, ?KEY)),
    ?assertEqual(At div 1000, eslaver_mirror:pexpiretime(?MODULE, ?KEY)),
    ?assertEqual({error, wrongtype}, eslaver_mirror:get(?MODULE, ?KEY)),
    ok = eslaver_test_mirror_tables:load(Mirror, gcra, <<"g">>, 5, #{}),
    run(Mirror, [["copy", "g", "h"], ["del", "g"]]),
    ?assertEqual(5, eslaver_mirror:gcra(?MODULE, <<"h">>)),
    ?assertEqual(undefined, eslaver_mirror:gcra(?MODULE, <<"g">>)).
