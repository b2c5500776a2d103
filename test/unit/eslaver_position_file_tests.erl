%% The position in a file: what is written is read, and what is damaged is not.
-module(eslaver_position_file_tests).

-include_lib("eunit/include/eunit.hrl").

position() ->
    #{
        replid => <<"0123456789012345678901234567890123456789">>, offset => 12345, db => 3
    }.

path() ->
    Name = "eslaver_resume_" ++ integer_to_list(erlang:unique_integer([positive])),
    list_to_binary(filename:join("/tmp", Name ++ "_" ++ os:getpid())).

%% A folder of its own, which is removed.
with_folder(Test) ->
    Folder = path(),
    ok = file:make_dir(Folder),
    try
        Test(Folder)
    after
        ok = file:del_dir_r(Folder)
    end.

start_link(Path) ->
    eslaver_position_writer:start_link({eslaver_position_file, Path}).

with_writer(Test) ->
    Path = path(),
    {ok, Writer} = start_link(Path),
    try
        Test(Path, Writer)
    after
        _ = is_process_alive(Writer) andalso eslaver_position_writer:stop(Writer),
        _ = file:delete(Path),
        _ = file:delete(<<Path/binary, ".lock">>)
    end.

saved(Writer) ->
    receive
        {eslaver_position_writer, Writer, Result} -> Result
    after 5000 -> nothing
    end.

is_read_as_it_was_written_test() ->
    with_writer(fun(Path, Writer) ->
        ok = eslaver_position_writer:save(Writer, position()),
        ?assertEqual({saved, position()}, saved(Writer)),
        ?assertEqual({ok, position()}, eslaver_position_file:read(Path))
    end).

the_newest_wins_test() ->
    with_writer(fun(Path, Writer) ->
        [
            eslaver_position_writer:save(Writer, (position())#{offset := N})
         || N <- lists:seq(1, 1000)
        ],
        ok = eslaver_position_writer:stop(Writer),
        ?assertMatch({ok, #{offset := 1000}}, eslaver_position_file:read(Path)),
        Writes = writes(Writer),
        ?assert(length(Writes) < 100),
        ?assertMatch({saved, #{offset := 1000}}, lists:last(Writes))
    end).

writes(Writer) ->
    receive
        {eslaver_position_writer, Writer, Result} -> [Result | writes(Writer)]
    after 0 -> []
    end.

no_file_is_none_test() ->
    ?assertEqual(none, eslaver_position_file:read(path())).

is_gone_when_forgotten_test() ->
    with_writer(fun(Path, Writer) ->
        ok = eslaver_position_writer:save(Writer, position()),
        ok = eslaver_position_writer:save(Writer, (position())#{offset := 1}),
        ok = eslaver_position_writer:forget(Writer),
        ok = eslaver_position_writer:forget(Writer),
        ok = eslaver_position_writer:stop(Writer),
        ?assertEqual(none, eslaver_position_file:read(Path))
    end).

every_damage_is_noticed_test() ->
    with_writer(fun(Path, Writer) ->
        ok = eslaver_position_writer:save(Writer, position()),
        {saved, _} = saved(Writer),
        {ok, Good} = file:read_file(Path),
        Last = byte_size(Good) - 1,
        Damaged =
            [binary:part(Good, 0, N) || N <- lists:seq(0, Last - 1)] ++
                [flip(Good, N) || N <- lists:seq(0, Last - 1)],
        [
            begin
                ok = file:write_file(Path, Bytes),
                ?assertMatch({error, _}, eslaver_position_file:read(Path))
            end
         || Bytes <- Damaged
        ]
    end).

flip(Bytes, At) ->
    <<Before:At/binary, Byte, After/binary>> = Bytes,
    <<Before/binary, (Byte bxor 1), After/binary>>.

what_no_master_counts_to_is_damage_test_() ->
    Bodies = [
        "0123456789012345678901234567890123456789 x 0",
        "0123456789012345678901234567890123456789 -1 0",
        "0123456789012345678901234567890123456789 9223372036854775808 0",
        "short 1 0",
        "01234567890123456789012345678901234567\x{e9} 1 0",
        "012345678901234567890123456789012345678- 1 0",
        "0123456789012345678901234567890123456789 1"
    ],
    [
        ?_test(begin
            Path = path(),
            Body = iolist_to_binary(["eslaver position 1\n", Line, "\n"]),
            ok = file:write_file(Path, [Body, integer_to_binary(erlang:crc32(Body)), "\n"]),
            ?assertEqual({error, <<"it contains no position">>}, eslaver_position_file:read(Path)),
            ok = file:delete(Path)
        end)
     || Line <- Bodies
    ].

a_failure_is_told_test() ->
    with_folder(fun(Folder) ->
        Path = <<Folder/binary, "/no/position">>,
        Missing = <<"No such file or directory (os error 2)">>,
        {ok, Writer} = start_link(Path),
        ?assertEqual({not_locked, Missing}, saved(Writer)),
        ok = eslaver_position_writer:save(Writer, position()),
        ?assertEqual({failed, Missing}, saved(Writer)),
        %% The folder is there by now, and another is the first to use it.
        ok = file:make_dir(filename:dirname(Path)),
        {ok, First} = start_link(Path),
        ok = eslaver_position_writer:save(Writer, position()),
        ?assertEqual({failed, <<"another replica uses this file">>}, saved(Writer)),
        ?assertEqual(
            {error, <<"another replica uses this file">>},
            eslaver_position_writer:forget(Writer)
        ),
        ok = eslaver_position_writer:stop(First),
        ok = eslaver_position_writer:save(Writer, position()),
        ?assertEqual({saved, position()}, saved(Writer)),
        ok = eslaver_position_writer:stop(Writer)
    end).

a_path_of_any_bytes_test() ->
    with_folder(fun(Folder) ->
        Path = <<Folder/binary, "/", 255, 10>>,
        {ok, Writer} = start_link(Path),
        ok = eslaver_position_writer:save(Writer, position()),
        ?assertEqual({saved, position()}, saved(Writer)),
        ok = eslaver_position_writer:stop(Writer),
        ?assertEqual({ok, position()}, eslaver_position_file:read(Path))
    end).

%% Nothing but the position's own names is touched, and a link is not followed.
links_are_left_alone_test() ->
    with_folder(fun(Folder) ->
        Path = <<Folder/binary, "/position">>,
        Target = <<Folder/binary, "/target">>,
        ok = file:write_file(Target, "precious"),
        Links = [<<Path/binary, End/binary>> || End <- [<<>>, <<".tmp">>, <<".lock">>]],
        [ok = file:make_symlink(Target, Link) || Link <- Links],
        ?assertMatch(
            {error, <<"it is a symbolic link", _/binary>>}, eslaver_position_file:read(Path)
        ),
        {ok, Writer} = start_link(Path),
        ?assertMatch({not_locked, <<_, _/binary>>}, saved(Writer)),
        ok = eslaver_position_writer:save(Writer, position()),
        ?assertEqual({saved, position()}, saved(Writer)),
        ok = eslaver_position_writer:stop(Writer),
        ?assertEqual({ok, position()}, eslaver_position_file:read(Path)),
        ?assertEqual({ok, <<"precious">>}, file:read_file(Target)),
        {ok, Names} = file:list_dir(Folder),
        ?assertEqual(
            ["position", "position.lock", "position.tmp", "target"], lists:sort(Names)
        )
    end).

what_is_no_file_is_left_alone_test_() ->
    [
        ?_test(
            with_folder(fun(Folder) ->
                Path = <<Folder/binary, "/position">>,
                [] = os:cmd(binary_to_list(<<Command/binary, " ", Path/binary>>)),
                {error, Text} = eslaver_position_file:read(Path),
                ?assertNotEqual(nomatch, string:find(Text, "not a regular file")),
                {ok, Writer} = start_link(Path),
                ok = eslaver_position_writer:save(Writer, position()),
                ?assertEqual({failed, Text}, saved(Writer)),
                ok = eslaver_position_writer:stop(Writer),
                ?assertEqual({error, Text}, eslaver_position_file:read(Path))
            end)
        )
     || Command <- [<<"mkfifo">>, <<"mkdir">>]
    ].

%% Whoever may write to the folder must not choose where a replica goes on.
of_another_user_test() ->
    with_folder(fun(Folder) ->
        Path = <<Folder/binary, "/position">>,
        {ok, Writer} = start_link(Path),
        ok = eslaver_position_writer:save(Writer, position()),
        {saved, _} = saved(Writer),
        ok = eslaver_position_writer:stop(Writer),
        case file:change_owner(Path, 65534) of
            ok ->
                ?assertMatch(
                    {error, <<"it belongs to user 65534", _/binary>>},
                    eslaver_position_file:read(Path)
                );
            {error, eperm} ->
                %% only the superuser can give a file away
                ok
        end
    end).

%% Others wait some seconds for a file, as who was killed may still write, and then give up.
one_at_a_time_test_() ->
    {timeout, 60, fun() ->
        with_writer(fun(Path, Writer) ->
            ?assertEqual({error, locked}, refused(Path)),
            ok = eslaver_position_writer:save(Writer, position()),
            ?assertEqual({saved, position()}, saved(Writer)),
            _ = spawn_link(fun() ->
                timer:sleep(200),
                eslaver_position_writer:stop(Writer)
            end),
            {ok, Next} = start_link(Path),
            ?assertNot(is_process_alive(Writer)),
            true = unlink(Next),
            true = exit(Next, kill),
            {ok, Last} = start_link(Path),
            ok = eslaver_position_writer:stop(Last)
        end)
    end}.

%% The caller is linked to what does not start.
refused(Path) ->
    Self = self(),
    _ = spawn(fun() ->
        process_flag(trap_exit, true),
        Self ! {refused, start_link(Path)}
    end),
    receive
        {refused, Result} -> Result
    end.
