%% Positions: a table of what moves what.
-module(eslaver_position_tests).

-include_lib("eunit/include/eunit.hrl").

offsets(List) ->
    <<<<Offset:64, Within:1, Db:31>> || {Offset, Within, Db} <- List>>.

start() ->
    eslaver_position:new(<<"id">>, 100, 2).

shown(Position) ->
    {Offset, Db} = eslaver_position:here(Position),
    {Offset, Db, eslaver_position:safe_offset(Position)}.

behind_test_() ->
    %% SELECT 3, MULTI, SET, EXEC, SELECT 0, MULTI, SELECT 5
    Offsets = offsets([
        {110, 0, 3}, {120, 1, 3}, {130, 1, 3}, {140, 0, 3}, {150, 0, 0}, {160, 1, 0}, {170, 1, 5}
    ]),
    Table = [
        {0, {100, 2, 100}},
        {1, {110, 3, 110}},
        {2, {120, 3, 110}},
        {3, {130, 3, 110}},
        {4, {140, 3, 140}},
        {5, {150, 0, 150}},
        {6, {160, 0, 150}},
        {7, {170, 5, 150}}
    ],
    [
        [
            ?_assertEqual(Expected, shown(eslaver_position:behind(Count, Offsets, start()))),
            ?_assertEqual(Expected, shown(in_two_steps(Count, Offsets)))
        ]
     || {Count, Expected} <- Table
    ].

in_two_steps(Count, Offsets) ->
    First = Count div 2,
    Position = eslaver_position:behind(First, Offsets, start()),
    eslaver_position:behind(Count - First, eslaver_position:skip(First, Offsets), Position).

the_safe_position_is_what_outlives_test() ->
    Position = eslaver_position:advance({170, 5, true, 150, 0}, start()),
    ?assertEqual(
        #{replid => <<"id">>, offset => 150, db => 0}, eslaver_position:safe(Position)
    ),
    ?assertEqual(
        #{
            replid => <<"id">>,
            offset => 170,
            db => 5,
            in_transaction => true,
            safe_offset => 150,
            safe_db => 0
        },
        eslaver_position:link(Position)
    ).

a_new_id_changes_nothing_else_test() ->
    Position = eslaver_position:continued(<<"new">>, start()),
    ?assertMatch(#{replid := <<"new">>, offset := 100}, eslaver_position:safe(Position)),
    ?assertEqual(Position, eslaver_position:continued(undefined, Position)).

without_an_id_there_is_nothing_to_go_on_from_test() ->
    Position = eslaver_position:new(undefined, 0, 0),
    ?assertEqual(undefined, eslaver_position:safe(Position)),
    ?assertEqual(undefined, eslaver_position:link(Position)).

is_what_was_kept_test() ->
    Position = #{replid => <<"id">>, offset => 7, db => 1},
    ?assertEqual(Position, eslaver_position:safe(eslaver_position:resumed(Position))).

an_event_is_of_a_user_or_of_migration_test() ->
    User = <<100:64, 0:1, 0:31>>,
    Migration = <<1:1, 117:63, 1:1, 3:31>>,
    Offsets = <<User/binary, Migration/binary>>,
    ?assertEqual(user, eslaver_position:origin(Offsets)),
    Rest = eslaver_position:skip(1, Offsets),
    ?assertEqual(migration, eslaver_position:origin(Rest)),
    %% the position is read as ever
    ?assertEqual({117, 3, true}, eslaver_position:first(Rest)).
