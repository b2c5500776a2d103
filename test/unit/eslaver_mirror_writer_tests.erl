-module(eslaver_mirror_writer_tests).

-include_lib("eunit/include/eunit.hrl").

%% A mirror of the test's own, to which it gives the events.
with_writer(Test) ->
    {ok, Options} = eslaver_mirror_options:parse(#{name => ?MODULE}),
    Writer = eslaver_mirror_writer:new(Options),
    try
        Test(loaded(Writer, []))
    after
        eslaver_mirror_writer:close(Writer)
    end.

loaded(Writer, Values) ->
    {[{loaded, _}], Loaded} = eslaver_mirror_writer:handle(
        [{loading, start, #{replid => <<"id">>, offset => 100, bytes => 1, source => master}}] ++
            Values ++ [{loading, eof, #{keys => length(Values), bytes => 1, db => 0}}],
        Writer
    ),
    Loaded.

command(Line, Offset) ->
    [Name | Args] = [list_to_binary(Word) || Word <- string:lexemes(Line, " ")],
    {stream, Name, Args, #{db => 0, offset => Offset}}.

value_of(Key) -> eslaver_mirror:get(?MODULE, Key).

down() -> {link, down, #{reason => closed, text => <<>>}}.
up() -> {link, up, #{resync => partial, replid => <<"id">>, offset => 120, master => <<>>}}.

%% The replica goes on within the transaction, and tells nothing of it twice.
cut_within_a_transaction_test() ->
    with_writer(fun(Writer) ->
        {[], Cut} = eslaver_mirror_writer:handle(
            [command("multi", 110), command("set a 1", 120), down()], Writer
        ),
        ?assertEqual(stale, eslaver_mirror:status(?MODULE)),
        ?assertEqual(undefined, value_of(<<"a">>)),
        {News, Whole} = eslaver_mirror_writer:handle(
            [up(), command("set b 2", 130), command("exec", 140)], Cut
        ),
        Commands = [{<<"set">>, [<<"a">>, <<"1">>], 0}, {<<"set">>, [<<"b">>, <<"2">>], 0}],
        ?assertEqual([{applied, Commands, 140}], News),
        ?assertEqual({<<"1">>, <<"2">>}, {value_of(<<"a">>), value_of(<<"b">>)}),
        ?assertMatch(#{offset := 140}, eslaver_mirror_writer:position(Whole))
    end).

%% A new replica goes on from before the transaction.
replica_lost_within_a_transaction_test() ->
    with_writer(fun(Writer) ->
        {[], Open} = eslaver_mirror_writer:handle(
            [command("multi", 110), command("set a 1", 120)], Writer
        ),
        ?assertMatch(#{offset := 100}, eslaver_mirror_writer:position(Open)),
        Lost = eslaver_mirror_writer:broken(Open),
        {[{applied, [_], 120}], _} = eslaver_mirror_writer:handle(
            [up(), command("set c 3", 120)], Lost
        ),
        ?assertEqual({undefined, <<"3">>}, {value_of(<<"a">>), value_of(<<"c">>)})
    end).

%% Redis 3.2 writes a script's effects as a transaction, also within one. It is as for a replica,
%% for which MULTI within MULTI is an error.
transaction_within_a_transaction_test() ->
    with_writer(fun(Writer) ->
        {[], Inner} = eslaver_mirror_writer:handle(
            [command(Line, 110) || Line <- ["multi", "set a 1", "multi", "set b 1"]], Writer
        ),
        Commands = [{<<"set">>, [<<"a">>, <<"1">>], 0}, {<<"set">>, [<<"b">>, <<"1">>], 0}],
        {News, Outer} = eslaver_mirror_writer:handle(
            [command("exec", 120), command("set c 1", 130), command("exec", 140)], Inner
        ),
        ?assertMatch([{applied, Commands, 120}, {applied, [_], 130}], News),
        ?assertEqual([<<"1">>, <<"1">>, <<"1">>], [
            value_of(Key)
         || Key <- [<<"a">>, <<"b">>, <<"c">>]
        ]),
        ?assertMatch(#{offset := 140}, eslaver_mirror_writer:position(Outer))
    end).

%% A half of a snapshot is of no use, and the old data stays.
cut_within_a_snapshot_test() ->
    with_writer(fun(Writer) ->
        {_, Written} = eslaver_mirror_writer:handle([command("set a 1", 110)], Writer),
        Value = {loading, string, <<"a">>, <<"2">>, #{db => 0}},
        {[], Half} = eslaver_mirror_writer:handle(
            [{loading, start, #{replid => <<"new">>, offset => 5}}, Value, down()], Written
        ),
        ?assertEqual(<<"1">>, value_of(<<"a">>)),
        ?assertMatch(#{replid := <<"id">>, offset := 110}, eslaver_mirror_writer:position(Half)),
        _ = loaded(Half, [Value]),
        ?assertEqual({<<"2">>, fresh}, {value_of(<<"a">>), eslaver_mirror:status(?MODULE)})
    end).

%% What is not known, and what needs what is not here, leaves its keys unknown, and no others.
unknown_test() ->
    with_writer(fun(Writer) ->
        {_, Next} = eslaver_mirror_writer:handle(
            [
                command("set a 1", 110),
                command("json.set b $ 1", 120),
                command("sunionstore d b", 130),
                command("lpop nothing", 140),
                command("rename b c", 150)
            ],
            Writer
        ),
        ?assertEqual(
            [<<"1">>, undefined, {error, unknown}, {error, unknown}],
            [value_of(Key) || Key <- [<<"a">>, <<"b">>, <<"c">>, <<"d">>]]
        ),
        ?assertMatch(
            #{unapplied := #{<<"json.set">> := 1, <<"sunionstore">> := 1, <<"lpop">> := 1}},
            eslaver_mirror_writer:info(Next)
        ),
        {_, _} = eslaver_mirror_writer:handle(
            [command("set c 1", 160), command("del d", 170)], Next
        ),
        ?assertEqual({<<"1">>, undefined}, {value_of(<<"c">>), value_of(<<"d">>)})
    end).

%% Which functions there are is not known any more, until a snapshot tells.
failed_function_test() ->
    with_writer(fun(Writer) ->
        {_, Next} = eslaver_mirror_writer:handle([command("function load nonsense", 110)], Writer),
        ?assertMatch(
            #{incomplete := true, status := stale, unapplied := #{<<"function">> := 1}},
            eslaver_mirror_writer:info(Next)
        ),
        ?assert(eslaver_mirror_writer:needs_resync(Next)),
        Again = loaded(Next, []),
        ?assertNot(eslaver_mirror_writer:needs_resync(Again)),
        ?assertMatch(#{incomplete := false, status := fresh}, eslaver_mirror_writer:info(Again))
    end).

%% None is needed of a replica that asks for one by itself.
resync_under_way_test() ->
    with_writer(fun(Writer) ->
        {_, Lost} = eslaver_mirror_writer:handle([command("eval x 0", 110)], Writer),
        ?assert(eslaver_mirror_writer:needs_resync(Lost)),
        {[], Begun} = eslaver_mirror_writer:handle(
            [{loading, start, #{replid => <<"id">>, offset => 200}}], Lost
        ),
        ?assertNot(eslaver_mirror_writer:needs_resync(Begun)),
        {[], Cut} = eslaver_mirror_writer:handle([down()], Begun),
        ?assertNot(eslaver_mirror_writer:needs_resync(Cut)),
        ?assertNot(eslaver_mirror_writer:needs_resync(eslaver_mirror_writer:broken(Lost)))
    end).
