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

%% Stores

store(Behaviour) ->
    flush(),
    _ = calls(),
    Table = ets:new(store, [public]),
    true = ets:insert(Table, {behaviour, Behaviour}),
    {store, eslaver_test_position_store, {self(), Table}}.

now_behaves({store, _, {_, Table}}, Behaviour) ->
    true = ets:insert(Table, {behaviour, Behaviour}).

%% What the store was asked for.
calls() ->
    receive
        {eslaver_test_position_store, Call} -> [Call | calls()]
    after 0 -> []
    end.

a_store_is_told_whose_position_it_is_test() ->
    Where = #{shard => <<"ab">>, replids => [<<"r">>]},
    Store = store(good),
    {ok, none, Keeper} = eslaver_position_keeper:open(Store, Where),
    {{durable, 1}, Next} = said(eslaver_position_keeper:keep(position(1), Keeper)),
    {ok, Forgot} = eslaver_position_keeper:forget(Next),
    ok = eslaver_position_keeper:close(position(2), Forgot),
    Saved = [position(1), none, position(2)],
    ?assertEqual([{load, Where} | [{save, Where, Position} || Position <- Saved]], calls()),
    {ok, Last, Again} = eslaver_position_keeper:open(Store, Where),
    ?assertEqual(position(2), Last),
    ok = eslaver_position_keeper:close(undefined, Again).

%% One at a time, the newest next.
a_slow_store_gets_the_newest_test() ->
    {ok, none, Keeper} = eslaver_position_keeper:open(store({sleep, 300}), #{}),
    Before = eslaver_clock:now_ms(),
    Busy = lists:foldl(
        fun(N, Given) -> eslaver_position_keeper:keep(position(N), Given) end,
        Keeper,
        lists:seq(1, 100)
    ),
    ?assert(eslaver_clock:now_ms() - Before < 200),
    {{durable, 1}, First} = said(Busy),
    {{durable, 101}, Next} = said(eslaver_position_keeper:keep(position(101), First)),
    ok = eslaver_position_keeper:close(undefined, Next),
    ?assertEqual(
        [{load, #{}}, {save, #{}, position(1)}, {save, #{}, position(101)}], calls()
    ).

failures_of_a_store_test_() ->
    Table = [
        {{return, {error, no_connection}}, "no_connection"},
        {{return, done}, "save/3 must return ok or {error, Reason}"},
        {{raise, error, lost}, "save/3 raised error:lost"},
        {{raise, throw, lost}, "save/3 raised throw:lost"},
        {{raise, exit, lost}, "save/3 raised exit:lost"}
    ],
    [?_test(fails_once(Behaviour, Text)) || {Behaviour, Text} <- Table].

%% Another failure, as one text differs from the next, is not told; the first after a success is.
fails_once(Behaviour, Text) ->
    Store = store(good),
    {ok, none, Keeper} = eslaver_position_keeper:open(Store, #{}),
    now_behaves(Store, Behaviour),
    Failure = #{store => eslaver_test_position_store, text => list_to_binary(Text)},
    {News, Next} = said(eslaver_position_keeper:keep(position(1), Keeper)),
    ?assertEqual({failed, Failure}, News),
    now_behaves(Store, {return, {error, another}}),
    {nothing_new, Still} = said(eslaver_position_keeper:keep(position(1), Next)),
    now_behaves(Store, good),
    {{durable, 2}, Well} = said(eslaver_position_keeper:keep(position(2), Still)),
    now_behaves(Store, Behaviour),
    {{failed, Failure}, Last} = said(eslaver_position_keeper:keep(position(3), Well)),
    {{failed, Failure}, _} = eslaver_position_keeper:forget(Last),
    now_behaves(Store, good),
    ok = eslaver_position_keeper:close(position(4), Last),
    {ok, Position, Again} = eslaver_position_keeper:open(Store, #{}),
    ?assertEqual(position(4), Position),
    ok = eslaver_position_keeper:close(undefined, Again).

bad_positions_of_a_store_test_() ->
    NoPosition = <<"load/2 has returned what is no position">>,
    Table = [
        {{return, {error, no_connection}}, <<"no_connection">>},
        {{return, position(1)}, <<"load/2 must return {ok, Position}, none or {error, Reason}">>},
        {{return, {ok, #{offset => 1}}}, NoPosition},
        {{return, {ok, (position(1))#{offset := -1}}}, NoPosition},
        {{raise, error, lost}, <<"load/2 raised error:lost">>}
    ],
    [
        ?_test(begin
            Store = store(Behaviour),
            {ok, Bad, Keeper} = eslaver_position_keeper:open(Store, #{}),
            ?assertEqual(
                {bad, #{store => eslaver_test_position_store, text => Text}}, Bad
            ),
            now_behaves(Store, good),
            ok = eslaver_position_keeper:close(position(1), Keeper)
        end)
     || {Behaviour, Text} <- Table
    ].

%% A process that a store is linked to, as a connection, may end.
links_of_a_store_may_end_test() ->
    Store = store(good),
    {ok, none, Keeper} = eslaver_position_keeper:open(Store, #{}),
    now_behaves(Store, {link, lost}),
    {{durable, 1}, Next} = said(eslaver_position_keeper:keep(position(1), Keeper)),
    now_behaves(Store, good),
    {{durable, 2}, Last} = said(eslaver_position_keeper:keep(position(2), Next)),
    ok = eslaver_position_keeper:close(undefined, Last).

%% No report shows what a store was given.
arguments_of_a_store_are_hidden_test() ->
    {store, Module, {Pid, Table}} = store(good),
    Store = {store, Module, {Pid, Table, "hunter2"}},
    {ok, none, Keeper} = eslaver_position_keeper:open(Store, #{}),
    {links, Links} = process_info(self(), links),
    [Writer] = [Pid2 || Pid2 <- Links, eslaver_position_keeper:is_writer(Pid2, Keeper)],
    Status = io_lib:format("~p", [sys:get_status(Writer)]),
    ?assertEqual(nomatch, string:find(Status, "hunter2")),
    ok = eslaver_position_keeper:close(undefined, Keeper).
