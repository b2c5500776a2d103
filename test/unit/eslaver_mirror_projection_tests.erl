-module(eslaver_mirror_projection_tests).

-include_lib("eunit/include/eunit.hrl").

-export([row/2, row/3]).

row(Key, Value) -> {Key, Value}.

row(Kind, Key, Value) -> {{Kind, Key}, Value}.

good() ->
    #{keys => "user:*", type => hash, table => free_name, map => {?MODULE, row}}.

accepted_test_() ->
    [
        ?_assertMatch({ok, [_]}, eslaver_mirror_projection:parse([maps:merge(good(), More)]))
     || More <- [
            #{},
            #{keys => <<"a*">>},
            #{keys => ["a*", <<"b*">>]},
            #{db => 3},
            #{map => fun(_, _) -> skip end},
            #{map => {?MODULE, row, [kind]}}
        ]
    ] ++ [?_assertEqual({ok, []}, eslaver_mirror_projection:parse([]))].

refused_test_() ->
    [
        ?_assertEqual(
            {error, {invalid_option, {project, Key}, Told}},
            eslaver_mirror_projection:parse([maps:merge(good(), #{Key => Value})])
        )
     || {Key, Value, Told} <- [
            {keys, [], []},
            {keys, 1, 1},
            {type, module, module},
            {type, "hash", "hash"},
            {db, -1, -1},
            {dbs, [0], [0]},
            {map, {?MODULE, nothing}, {?MODULE, nothing}},
            {map, {?MODULE, row, [a, b]}, {?MODULE, row, [a, b]}},
            {map, ?MODULE, ?MODULE},
            {table, "name", {"name", not_a_table}},
            {table, undefined, {undefined, not_a_table}}
        ]
    ] ++
        [
            ?_assertEqual(
                {error, {invalid_option, {project, Key}, missing}},
                eslaver_mirror_projection:parse([maps:remove(Key, good())])
            )
         || Key <- maps:keys(good())
        ] ++
        [
            ?_assertEqual(
                {error, {invalid_option, project, Value}}, eslaver_mirror_projection:parse(Value)
            )
         || Value <- [good(), all, [good() | tail]]
        ] ++
        [
            ?_assertEqual(
                {error, {invalid_option, {project, table}, {free_name, used_twice}}},
                eslaver_mirror_projection:parse([good(), good()])
            ),
            ?_assertEqual(
                {error, {invalid_option, {project, declaration}, users}},
                eslaver_mirror_projection:parse([users])
            )
        ].

%% A fun of another arity cannot be compared with one like it.
wrong_arity_test() ->
    Map = fun(_Key) -> skip end,
    ?assertEqual(
        {error, {invalid_option, {project, map}, Map}},
        eslaver_mirror_projection:parse([(good())#{map => Map}])
    ).

tables_test() ->
    Table = fun(Options) -> ets:new(of_test, Options) end,
    Bag = Table([bag, public]),
    Private = Table([private]),
    Protected = Table([protected]),
    Gone = Table([public]),
    true = ets:delete(Gone),
    Parsed = fun(Of) -> eslaver_mirror_projection:parse([(good())#{table => Of}]) end,
    [
        ?assertEqual({error, {invalid_option, {project, table}, {Of, Why}}}, Parsed(Of))
     || {Of, Why} <- [
            {Bag, not_a_set},
            {Private, not_public},
            {Protected, not_public},
            {Gone, not_a_table},
            {make_ref(), not_a_table}
        ]
    ],
    [
        ?assertMatch({ok, [_]}, Parsed(Table(Options)))
     || Options <- [[public], [public, ordered_set, {keypos, 2}]]
    ].

%% The option is checked where the others are.
option_test() ->
    ?assertEqual(
        {error, {invalid_option, {project, type}, bag}},
        eslaver_mirror:start_link(#{project => [(good())#{type => bag}]})
    ).

rows_test_() ->
    Rows = fun(Map, KeyPos) ->
        {ok, [Projection]} = eslaver_mirror_projection:parse([(good())#{map => Map}]),
        eslaver_mirror_projection:rows(<<"k">>, v, KeyPos, Projection)
    end,
    Gives = fun(Term, KeyPos) -> Rows(fun(_, _) -> Term end, KeyPos) end,
    [
        ?_assertEqual({ok, [{<<"k">>, v}]}, Rows({?MODULE, row}, 1)),
        ?_assertEqual({ok, [{{kind, <<"k">>}, v}]}, Rows({?MODULE, row, [kind]}, 1)),
        ?_assertEqual({ok, []}, Gives(skip, 1)),
        ?_assertEqual({ok, []}, Gives([], 1)),
        ?_assertEqual({ok, [{a}, {b}]}, Gives([{a}, {b}], 1)),
        ?_assertEqual({failed, error, bad_row, []}, Gives({a}, 2)),
        ?_assertEqual({failed, error, bad_row, []}, Gives([{a, b}, {a}], 2)),
        ?_assertEqual({failed, error, bad_row, []}, Gives(ok, 1)),
        ?_assertMatch({failed, error, _, _}, Gives([{a} | b], 1)),
        ?_assertMatch({failed, exit, because, _}, Rows(fun(_, _) -> exit(because) end, 1))
    ].

failures_are_counted_test() ->
    {ok, [Projection]} = eslaver_mirror_projection:parse([good()]),
    ?assertEqual(first, eslaver_mirror_projection:failed(Projection)),
    ?assertEqual(again, eslaver_mirror_projection:failed(Projection)),
    {_Table, Info} = eslaver_mirror_projection:info(eslaver_mirror_projection:shown(Projection)),
    ?assertEqual(#{rows => 0, failures => 2}, Info).
