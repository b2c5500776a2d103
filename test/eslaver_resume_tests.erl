%% The position in a file: what is written is read, and what is damaged is not.
-module(eslaver_resume_tests).

-include_lib("eunit/include/eunit.hrl").

position() ->
    #{
        replid => <<"0123456789012345678901234567890123456789">>, offset => 12345, db => 3
    }.

path() ->
    Name = "eslaver_resume_" ++ integer_to_list(erlang:unique_integer([positive])),
    filename:join("/tmp", Name ++ "_" ++ os:getpid()).

with_writer(Test) ->
    Path = path(),
    {ok, Writer} = eslaver_resume:start_link(Path),
    try
        Test(Path, Writer)
    after
        _ = is_process_alive(Writer) andalso eslaver_resume:stop(Writer),
        _ = file:delete(Path)
    end.

saved(Writer) ->
    receive
        {eslaver_resume, Writer, Result} -> Result
    after 5000 -> nothing
    end.

is_read_as_it_was_written_test() ->
    with_writer(fun(Path, Writer) ->
        ok = eslaver_resume:save(Writer, position()),
        ?assertEqual({saved, position()}, saved(Writer)),
        ?assertEqual({ok, position()}, eslaver_resume:read(Path))
    end).

the_newest_wins_test() ->
    with_writer(fun(Path, Writer) ->
        [eslaver_resume:save(Writer, (position())#{offset := N}) || N <- lists:seq(1, 1000)],
        ok = eslaver_resume:stop(Writer),
        ?assertMatch({ok, #{offset := 1000}}, eslaver_resume:read(Path)),
        Writes = writes(Writer),
        ?assert(length(Writes) < 100),
        ?assertMatch({saved, #{offset := 1000}}, lists:last(Writes))
    end).

writes(Writer) ->
    receive
        {eslaver_resume, Writer, Result} -> [Result | writes(Writer)]
    after 0 -> []
    end.

no_file_is_none_test() ->
    ?assertEqual(none, eslaver_resume:read(path())).

is_gone_when_forgotten_test() ->
    with_writer(fun(Path, Writer) ->
        ok = eslaver_resume:save(Writer, position()),
        ok = eslaver_resume:save(Writer, (position())#{offset := 1}),
        ok = eslaver_resume:forget(Writer),
        ok = eslaver_resume:forget(Writer),
        ok = eslaver_resume:stop(Writer),
        ?assertEqual(none, eslaver_resume:read(Path))
    end).

every_damage_is_noticed_test() ->
    with_writer(fun(Path, Writer) ->
        ok = eslaver_resume:save(Writer, position()),
        {saved, _} = saved(Writer),
        {ok, Good} = file:read_file(Path),
        Last = byte_size(Good) - 1,
        Damaged =
            [binary:part(Good, 0, N) || N <- lists:seq(0, Last - 1)] ++
                [flip(Good, N) || N <- lists:seq(0, Last - 1)],
        [
            begin
                ok = file:write_file(Path, Bytes),
                ?assertMatch({error, _}, eslaver_resume:read(Path))
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
        "0123456789012345678901234567890123456789 1"
    ],
    [
        ?_test(begin
            Path = path(),
            Body = iolist_to_binary(["eslaver position 1\n", Line, "\n"]),
            ok = file:write_file(Path, [Body, integer_to_binary(erlang:crc32(Body)), "\n"]),
            ?assertEqual({error, not_a_position}, eslaver_resume:read(Path)),
            ok = file:delete(Path)
        end)
     || Line <- Bodies
    ].

a_failure_is_told_test() ->
    {ok, Writer} = eslaver_resume:start_link("/no/such/directory/position"),
    ok = eslaver_resume:save(Writer, position()),
    ?assertEqual({failed, enoent}, saved(Writer)),
    ok = eslaver_resume:stop(Writer).
