%% Positions of shards in a directory: which file is whose, also when shards have other ids.
-module(eslaver_position_dir_tests).

-include_lib("eunit/include/eunit.hrl").

-define(A, <<"aaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaa">>).
-define(B, <<"bbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbb">>).
-define(C, <<"cccccccccccccccccccccccccccccccccccccccc">>).

replid(N) ->
    list_to_binary(io_lib:format("~40.10.0b", [N])).

position(Replid, Offset) ->
    #{replid => replid(Replid), offset => Offset, db => 0}.

with_dir(Test) ->
    Name = "eslaver_positions_" ++ integer_to_list(erlang:unique_integer([positive])),
    Dir = list_to_binary(filename:join("/tmp", Name ++ "_" ++ os:getpid())),
    try
        Test(Dir)
    after
        ok = file:del_dir_r(Dir)
    end.

path(Dir, Id) ->
    filename:join(Dir, <<Id/binary, ".position">>).

%% As a replica leaves it.
write(Dir, Id, Position) ->
    ok = filelib:ensure_dir(path(Dir, Id)),
    {ok, Writer} = eslaver_position_writer:start_link({eslaver_position_file, path(Dir, Id)}),
    ok = eslaver_position_writer:save(Writer, Position),
    eslaver_position_writer:stop(Writer).

%% The positions that there are.
read(Dir) ->
    {ok, Names} = file:list_dir(Dir),
    maps:from_list([
        {list_to_binary(filename:rootname(Name)), Position}
     || Name <- Names,
        filename:extension(Name) =:= ".position",
        {ok, Position} <- [eslaver_position_file:read(filename:join(Dir, list_to_binary(Name)))]
    ]).

open(Dir, Id, Replids) ->
    Ids = [replid(N) || N <- Replids],
    ?assertEqual({ok, {file, path(Dir, Id)}}, eslaver_position_dir:open(Dir, Id, Ids)),
    read(Dir).

the_directory_is_made_test() ->
    with_dir(fun(Dir) -> ?assertEqual(#{}, open(Dir, ?A, [1])) end).

cases_test_() ->
    Table = [
        {"its own", #{?A => {1, 10}}, [1, 0], #{?A => {1, 10}}},
        {"its own of another history", #{?A => {9, 10}}, [1, 0], #{?A => {9, 10}}},
        {"another's of another history", #{?B => {9, 10}}, [1, 0], #{?B => {9, 10}}},
        {"of an earlier id", #{?B => {1, 10}}, [1, 0], #{?A => {1, 10}}},
        {"of an earlier id and history", #{?B => {0, 10}}, [1, 0], #{?A => {0, 10}}},
        {"further than its own", #{?A => {1, 10}, ?B => {1, 11}}, [1, 0], #{?A => {1, 11}}},
        {"behind its own", #{?A => {1, 10}, ?B => {1, 9}}, [1, 0], #{?A => {1, 10}}},
        {"as far as its own", #{?A => {1, 10}, ?B => {1, 10}}, [1, 0], #{?A => {1, 10}}},
        {"of a later history", #{?A => {0, 20}, ?B => {1, 10}}, [1, 0], #{
            ?A => {1, 10}, ?B => {0, 20}
        }},
        {"instead of another's", #{?A => {9, 20}, ?B => {0, 10}}, [1, 0], #{
            ?A => {0, 10}, ?B => {9, 20}
        }},
        {"beside an earlier one", #{?A => {1, 10}, ?B => {0, 20}}, [1, 0], #{
            ?A => {1, 10}, ?B => {0, 20}
        }},
        {"the newest of two", #{?B => {1, 10}, ?C => {1, 11}}, [1, 0], #{?A => {1, 11}}},
        {"beside another's", #{?B => {1, 10}, ?C => {2, 11}}, [1, 0], #{
            ?A => {1, 10}, ?C => {2, 11}
        }},
        {"with no ids", #{?B => {1, 10}}, [], #{?B => {1, 10}}}
    ],
    [
        {Title, fun() ->
            with_dir(fun(Dir) ->
                maps:foreach(fun(Id, {R, O}) -> write(Dir, Id, position(R, O)) end, Before),
                Expected = maps:map(fun(_Id, {R, O}) -> position(R, O) end, After),
                ?assertEqual(Expected, open(Dir, ?A, Replids)),
                %% and once more
                ?assertEqual(Expected, open(Dir, ?A, Replids))
            end)
        end}
     || {Title, Before, Replids, After} <- Table
    ].

%% A master and the replica that has replaced it are both shards, and have each other's ids now. The
%% heir's history continues the master's, which a restart of that has ended, or not.
two_shards_with_each_others_ids_test_() ->
    [
        fun() ->
            with_dir(fun(Dir) ->
                write(Dir, ?A, position(2, 20)),
                write(Dir, ?B, position(Former, 30)),
                Both = #{?A => position(Former, 30), ?B => position(2, 20)},
                _ = [open(Dir, Id, Replids) || {Id, Replids} <- Order],
                ?assertEqual(Both, read(Dir))
            end)
        end
     || Former <- [1, 3],
        Order <- [
            [{?A, [Former]}, {?B, [2, 1]}],
            [{?B, [2, 1]}, {?A, [Former]}]
        ]
    ].

%% What a replica uses at this moment stays, and so does what is nobody's position.
what_is_used_stays_test_() ->
    {timeout, 60, fun() ->
        with_dir(fun(Dir) ->
            write(Dir, ?B, position(1, 10)),
            {ok, Lock} = eslaver_position_file:lock(path(Dir, ?B)),
            ?assertEqual(#{?B => position(1, 10)}, open(Dir, ?A, [1])),
            ok = eslaver_position_file:unlock(Lock),
            {ok, Own} = eslaver_position_file:lock(path(Dir, ?A)),
            ?assertEqual(#{?B => position(1, 10)}, open(Dir, ?A, [1])),
            ok = eslaver_position_file:unlock(Own),
            ?assertEqual(#{?A => position(1, 10)}, open(Dir, ?A, [1]))
        end)
    end}.

other_files_are_left_alone_test() ->
    with_dir(fun(Dir) ->
        write(Dir, ?B, position(1, 10)),
        {ok, Good} = file:read_file(path(Dir, ?B)),
        Others = [<<"position">>, <<".position">>, <<"users.position">>, <<?B/binary, ".tmp">>],
        [ok = file:write_file(filename:join(Dir, Name), Good) || Name <- Others],
        ok = file:make_symlink(path(Dir, ?B), path(Dir, ?C)),
        ok = file:write_file(path(Dir, <<"dd">>), "damaged"),
        #{?A := Position} = open(Dir, ?A, [1]),
        ?assertEqual(position(1, 10), Position),
        [?assertEqual({ok, Good}, file:read_file(filename:join(Dir, Name))) || Name <- Others],
        ?assertMatch({ok, _}, file:read_link(path(Dir, ?C))),
        ?assertEqual({ok, <<"damaged">>}, file:read_file(path(Dir, <<"dd">>)))
    end).

%% An id becomes the name of a file.
only_ids_are_taken_test_() ->
    Bad = [<<>>, <<"..">>, <<"../a">>, <<"a/b">>, <<"a.b">>, <<"A">>, <<"g">>, <<0>>, <<255>>] ++
        [binary:copy(<<"a">>, 129)],
    [
        ?_assertEqual({error, {bad_shard_id, Id}}, eslaver_position_dir:open(<<"/tmp">>, Id, []))
     || Id <- Bad
    ].

%% Shards that start one after the other, under any ids, with failovers between: each has the
%% position that its history had, and no two have the same.
shards_keep_their_positions_test_() ->
    {timeout, 60, fun() ->
        _ = rand:seed(exsss, 16),
        [with_dir(fun(Dir) -> lives(Dir, 12, shards()) end) || _ <- lists:seq(1, 20)]
    end}.

%% Each has an id and two histories, of which the second is the earlier one.
shards() ->
    [{N, {id(), {N, 1000 + N}}} || N <- lists:seq(1, 4)].

id() ->
    list_to_binary(io_lib:format("~40.16.0b", [rand:uniform(1 bsl 62)])).

lives(_Dir, 0, _Shards) ->
    ok;
lives(Dir, Left, Shards) ->
    Next = [{N, failover(Shard)} || {N, Shard} <- Shards],
    [
        begin
            Expected =
                case Left of
                    12 -> #{};
                    _ -> #{Id => handled(N, Left + 1)}
                end,
            All = open(Dir, Id, [R, Earlier]),
            ?assertEqual(Expected, maps:with([Id], at_offsets(All)))
        end
     || {N, {Id, {R, Earlier}}} <- Next
    ],
    [write(Dir, Id, position(R, offset(N, Left))) || {N, {Id, {R, _}}} <- Next],
    ?assertEqual(length(Next), map_size(read(Dir))),
    lives(Dir, Left - 1, Next).

%% Another id, another history, or both, or none of it.
failover({Id, {R, Earlier}}) ->
    Ids = [Id, id()],
    Histories = [{R, Earlier}, {rand:uniform(1 bsl 60), R}],
    {lists:nth(rand:uniform(2), Ids), lists:nth(rand:uniform(2), Histories)}.

offset(N, Left) -> N * 1000 + 100 - Left.

handled(N, Left) -> offset(N, Left).

at_offsets(All) ->
    maps:map(fun(_Id, #{offset := Offset}) -> Offset end, All).

%% Of any positions, the one that is taken is as new as any, and all others are superseded.
choose_test() ->
    _ = rand:seed(exsss, 17),
    [choose() || _ <- lists:seq(1, 5000)].

choose() ->
    Replids = [replid(N) || N <- lists:seq(1, 2)],
    Any = fun() -> position(rand:uniform(2), rand:uniform(5)) end,
    Own = [{own, Any()} || rand:uniform(2) =:= 1],
    Others = [{N, Any()} || N <- lists:seq(1, rand:uniform(4) - 1)],
    {Taken, Superseded} = eslaver_position_dir:choose(Own, Others, Replids),
    Ids = [Id || {Id, _} <- Others],
    ?assertEqual(lists:sort(Ids), lists:sort([Id || Id <- [Taken], Id =/= none] ++ Superseded)),
    %% The first history is the latest.
    Newer = fun({_, #{replid := R1, offset := O1}}, {_, #{replid := R2, offset := O2}}) ->
        R1 < R2 orelse (R1 =:= R2 andalso O1 > O2)
    end,
    case {Taken, Own} of
        {none, []} ->
            ?assertEqual([], Others);
        {none, [Kept]} ->
            ?assertNot(lists:any(fun(Other) -> Newer(Other, Kept) end, Others));
        {_, _} ->
            Best = {Taken, proplists:get_value(Taken, Others)},
            ?assertNot(lists:any(fun(Other) -> Newer(Other, Best) end, Own ++ Others)),
            ?assert(lists:all(fun(Kept) -> Newer(Best, Kept) end, Own))
    end.

%% Killed at any moment: the position is there, under one of its names, and found again.
killed_test_() ->
    {timeout, 60, fun() ->
        with_dir(fun(Dir) ->
            write(Dir, ?B, position(1, 10)),
            write(Dir, ?C, position(1, 9)),
            Rounds = [killed(Dir, N) || N <- lists:seq(1, 200)],
            ?assertEqual(200, length(Rounds))
        end)
    end}.

%% The shard has another id in each round.
killed(Dir, N) ->
    Id = list_to_binary(io_lib:format("~40.16.0b", [N])),
    {Pid, Monitor} = spawn_monitor(fun() ->
        eslaver_position_dir:open(Dir, Id, [replid(1)])
    end),
    wait(rand:uniform(300)),
    true = exit(Pid, kill),
    receive
        {'DOWN', Monitor, process, Pid, _} -> ok
    end,
    ?assertEqual([10], [O || #{offset := O} <- maps:values(read(Dir)), O > 9]),
    Again = list_to_binary(io_lib:format("~40.16.0b", [N + 1000])),
    ?assertEqual(#{Again => position(1, 10)}, open(Dir, Again, [1])).

%% In microseconds, which no timer can.
wait(Time) ->
    wait_until(erlang:monotonic_time(microsecond) + Time).

wait_until(End) ->
    case erlang:monotonic_time(microsecond) < End of
        true -> wait_until(End);
        false -> ok
    end.
