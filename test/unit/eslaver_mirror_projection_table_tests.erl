%% Tables of projections against a model: the rows of each key.
-module(eslaver_mirror_projection_table_tests).

-include_lib("eunit/include/eunit.hrl").

-define(ROUNDS, 500).

rows_are_those_of_the_model_test_() ->
    [
        {lists:flatten(io_lib:format("~p", [Options])), fun() -> random(Options) end}
     || Options <- [[set], [ordered_set], [set, {keypos, 2}], [ordered_set, {keypos, 2}]]
    ].

random(Options) ->
    Rows = ets:new(rows, [public | Options]),
    _ = rand:seed(exsss, {1, 2, length(Options)}),
    %% It is no one's but the projection's from the first renewal on.
    true = ets:insert(Rows, {foreign, foreign}),
    Table = renewed(#{}, eslaver_mirror_projection_table:open(Rows)),
    ?assertEqual([], ets:tab2list(Rows)),
    lists:foldl(fun(_, State) -> step(Rows, State) end, {#{}, Table}, lists:seq(1, ?ROUNDS)).

step(Rows, {Model, Table}) ->
    Changes = maps:to_list(maps:from_list([change() || _ <- lists:seq(1, rand:uniform(6))])),
    Next = maps:filter(
        fun(_, New) -> New =/= [] end, maps:merge(Model, maps:from_list(Changes))
    ),
    Changed =
        case rand:uniform(5) of
            1 ->
                renewed(Next, Table);
            _ ->
                ok = eslaver_mirror_projection_table:change(Changes, Table),
                Table
        end,
    ?assertEqual(lists:sort(lists:append(maps:values(Next))), lists:sort(ets:tab2list(Rows))),
    {Next, Changed}.

%% Up to three rows, among them one whose table key is the key itself.
change() ->
    Key = rand:uniform(8),
    Rows = [{{Key, N}, {Key, N}, rand:uniform(2)} || N <- lists:seq(1, rand:uniform(4) - 1)],
    case rand:uniform(2) of
        1 -> {Key, Rows};
        2 -> {Key, [{Key, Key, rand:uniform(2)} | Rows]}
    end.

%% In pages.
renewed(Model, Table) ->
    {Some, Others} = lists:split(map_size(Model) div 2, maps:to_list(Model)),
    Begun = eslaver_mirror_projection_table:renew(Table),
    Half = eslaver_mirror_projection_table:add(Some, Begun),
    eslaver_mirror_projection_table:renewed(eslaver_mirror_projection_table:add(Others, Half)).

%% A row that another key has from now on is not deleted with the first.
rows_move_between_keys_test() ->
    {Rows, Table} = opened([set]),
    ok = eslaver_mirror_projection_table:change([{a, [{id, 1}]}], Table),
    ok = eslaver_mirror_projection_table:change([{a, []}, {b, [{id, 2}]}], Table),
    ?assertEqual([{id, 2}], ets:tab2list(Rows)),
    ok = eslaver_mirror_projection_table:change([{a, [{id, 3}]}, {b, []}], Table),
    ?assertEqual([{id, 3}], ets:tab2list(Rows)).

%% 1 and 1.0 are one key of an ordered set, and two of a set.
equal_keys_test() ->
    Changed = fun(Type) ->
        {Rows, Table} = opened([Type]),
        ok = eslaver_mirror_projection_table:change([{a, [{1, x}]}], Table),
        ok = eslaver_mirror_projection_table:change([{a, [{1.0, y}]}], Table),
        ets:tab2list(Rows)
    end,
    ?assertEqual([{1.0, y}], Changed(set)),
    ?assertEqual([{1.0, y}], Changed(ordered_set)).

%% What is renewed appears at once, and what stays is never missing.
renewals_are_one_change_test() ->
    {Rows, Table} = opened([set]),
    Model = fun(N) -> #{key => [{stays, 1}, {one, N}], other => [{other, N}]} end,
    First = renewed(Model(0), Table),
    Reader = spawn_monitor(fun() -> read(Rows) end),
    lists:foldl(fun(N, T) -> renewed(Model(N), T) end, First, lists:seq(1, 2000)),
    {Pid, Monitor} = Reader,
    Pid ! stop,
    receive
        {'DOWN', Monitor, process, Pid, Reason} -> ?assertEqual(normal, Reason)
    end.

read(Rows) ->
    ?assertMatch([{one, N}, {other, N}, {stays, 1}], lists:sort(ets:tab2list(Rows))),
    receive
        stop -> ok
    after 0 -> read(Rows)
    end.

opened(Options) ->
    Rows = ets:new(rows, [public | Options]),
    {Rows, eslaver_mirror_projection_table:open(Rows)}.
