%% The position on disk, as the server knows it: what is given, said, and forgotten.
-module(eslaver_position_keeper_tests).

-include_lib("eunit/include/eunit.hrl").

position(Offset) ->
    #{replid => <<"0123456789012345678901234567890123456789">>, offset => Offset, db => 0}.

%% Tests share a process, and a writer may have spoken at its end.
flush() ->
    receive
        {eslaver_position_writer, _Writer, _Said} -> flush()
    after 0 -> ok
    end.

with_keeper(Test) ->
    flush(),
    Name = "eslaver_keeper_" ++ integer_to_list(erlang:unique_integer([positive])),
    Path = list_to_binary(filename:join("/tmp", Name ++ "_" ++ os:getpid())),
    {ok, none, Keeper} = eslaver_position_keeper:open({file, Path}, #{}),
    try
        Test(Path, Keeper)
    after
        _ = file:delete(Path),
        _ = file:delete(<<Path/binary, ".lock">>)
    end.

said(Keeper) ->
    receive
        {eslaver_position_writer, _Writer, Said} -> eslaver_position_keeper:said(Said, Keeper)
    after 5000 -> nothing
    end.

what_is_kept_becomes_durable_test() ->
    with_keeper(fun(Path, Keeper) ->
        {News, Next} = said(eslaver_position_keeper:keep(position(1), Keeper)),
        ?assertEqual({durable, 1}, News),
        ok = eslaver_position_keeper:close(position(2), Next),
        {ok, Position, Again} = eslaver_position_keeper:open({file, Path}, #{}),
        ?assertEqual(position(2), Position),
        ok = eslaver_position_keeper:close(undefined, Again)
    end).

goes_on_after_it_has_forgotten_test() ->
    with_keeper(fun(_Path, Keeper) ->
        {{durable, 1}, First} = said(eslaver_position_keeper:keep(position(1), Keeper)),
        %% the writer rests now, so this one is still on its way
        Busy = eslaver_position_keeper:keep(position(2), First),
        {ok, Forgot} = eslaver_position_keeper:forget(Busy),
        {News, Next} = said(eslaver_position_keeper:keep(position(3), Forgot)),
        ?assertEqual({durable, 3}, News),
        ok = eslaver_position_keeper:close(undefined, Next)
    end).

what_was_forgotten_does_not_count_test() ->
    with_keeper(fun(_Path, Keeper) ->
        Busy = eslaver_position_keeper:keep(position(1), Keeper),
        {ok, Forgot} = eslaver_position_keeper:forget(Busy),
        {News, Next} = said(Forgot),
        ?assertEqual(nothing_new, News),
        ok = eslaver_position_keeper:close(undefined, Next)
    end).

a_failure_is_told_once_test() ->
    flush(),
    Path = <<"/no/such/directory/position">>,
    {ok, none, Keeper} = eslaver_position_keeper:open({file, Path}, #{}),
    Failure = #{path => Path, text => <<"No such file or directory (os error 2)">>},
    ?assertEqual({{not_locked, Failure}, Keeper}, said(Keeper)),
    {News, Next} = said(eslaver_position_keeper:keep(position(1), Keeper)),
    ?assertEqual({failed, Failure}, News),
    {Again, Last} = said(eslaver_position_keeper:keep(position(2), Next)),
    ?assertEqual(nothing_new, Again),
    ok = eslaver_position_keeper:close(undefined, Last).

a_writer_that_is_gone_test() ->
    with_keeper(fun(_Path, Keeper) ->
        {links, Links} = process_info(self(), links),
        [Writer] = [Pid || Pid <- Links, eslaver_position_keeper:is_writer(Pid, Keeper)],
        true = unlink(Writer),
        Monitor = monitor(process, Writer),
        true = exit(Writer, kill),
        receive
            {'DOWN', Monitor, process, Writer, killed} -> ok
        end,
        Busy = eslaver_position_keeper:keep(position(1), Keeper),
        {Result, Forgot} = eslaver_position_keeper:forget(Busy),
        ?assertMatch({failed, #{text := <<"its writer has stopped">>}}, Result),
        ?assertEqual(ok, eslaver_position_keeper:close(position(2), Forgot))
    end).

without_a_file_there_is_nothing_to_do_test() ->
    {ok, none, Keeper} = eslaver_position_keeper:open(undefined, #{}),
    ?assertEqual(Keeper, eslaver_position_keeper:keep(position(1), Keeper)),
    ?assertEqual({ok, Keeper}, eslaver_position_keeper:forget(Keeper)),
    ?assertEqual({ok, position(1), Keeper}, eslaver_position_keeper:open(position(1), #{})),
    ?assertNot(eslaver_position_keeper:is_writer(self(), Keeper)),
    ok = eslaver_position_keeper:close(position(1), Keeper).
