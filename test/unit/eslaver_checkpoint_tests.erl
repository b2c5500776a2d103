%% Checkpoints: what can be stored with which position, for each piece of a stream.
-module(eslaver_checkpoint_tests).

-include_lib("eunit/include/eunit.hrl").

-define(R1, <<"0000000000000000000000000000000000000001">>).
-define(R2, <<"0000000000000000000000000000000000000002">>).

at(Replid, Offset, Db) ->
    #{replid => Replid, offset => Offset, db => Db}.

command(Name, Offset, Db) ->
    {stream, Name, [], #{db => Db, offset => Offset}}.

set(Offset) -> command(<<"set">>, Offset, 0).
multi(Offset) -> command(<<"multi">>, Offset, 0).
exec(Offset) -> command(<<"exec">>, Offset, 0).

full(Replid, Offset) ->
    [
        {link, up, #{resync => full, replid => Replid, offset => Offset}},
        {loading, start, #{source => master, replid => Replid, offset => Offset}}
    ].

partial(Replid) -> {link, up, #{resync => partial, replid => Replid, offset => 1}}.

down() -> {link, down, #{reason => closed, text => <<>>}}.

eof(Db) -> {loading, eof, #{keys => 1, bytes => 1, db => Db}}.

key() -> {loading, string, <<"k">>, <<"v">>, #{db => 0}}.

%% Where the stored position is first, the events, how many of them can be stored, and the position.
table() ->
    From = at(?R1, 10, 0),
    [
        {none, [], 0, none},
        {From, [], 0, From},
        {From, [set(11), set(12)], 2, at(?R1, 12, 0)},
        {From, [set(11), command(<<"select">>, 12, 3)], 2, at(?R1, 12, 3)},
        {From, [set(11), multi(12), set(13)], 1, at(?R1, 11, 0)},
        {From, [set(11), multi(12), set(13), exec(14)], 4, at(?R1, 14, 0)},
        {From, [multi(12), set(13), command(<<"discard">>, 14, 0)], 3, at(?R1, 14, 0)},
        {From, [multi(12), multi(13), exec(14), set(15)], 4, at(?R1, 15, 0)},
        {From, [multi(12), down(), partial(?R1), set(13)], 0, From},
        {From, [multi(12), down(), partial(?R1), set(13), exec(14)], 5, at(?R1, 14, 0)},
        {From, [down(), partial(?R2)], 2, at(?R2, 10, 0)},
        {From, [partial(undefined), set(11)], 2, at(?R1, 11, 0)},
        {From, full(?R2, 50), 2, none},
        {From, full(?R2, 50) ++ [key()], 3, none},
        {From, full(?R2, 50) ++ [key(), eof(3)], 4, at(?R2, 50, 3)},
        {none, full(?R2, 50) ++ [eof(0), set(51)], 4, at(?R2, 51, 0)},
        {none, full(undefined, 0) ++ [eof(0), set(51)], 4, none},
        {none, [{loading, start, #{source => file, replid => ?R2, offset => 50}}, eof(0)], 2, none},
        %% several commands that come as one
        {From, [set(10), set(10)], 0, From},
        {From, [set(10), set(10), set(20)], 3, at(?R1, 20, 0)},
        {From, [{slots, moved, #{}}, set(11)], 2, at(?R1, 11, 0)},
        {From, [multi(11), {shard, gone, #{}}], 0, From}
    ].

all_at_once_test_() ->
    [
        ?_assertEqual({lists:sublist(Events, Count), After}, added([Events], Before))
     || {Before, Events, Count, After} <- table()
    ].

%% However the events are cut into batches.
in_two_batches_test_() ->
    [
        ?_assertEqual(
            {lists:sublist(Events, Count), After},
            added(tuple_to_list(lists:split(At, Events)), Before)
        )
     || {Before, Events, Count, After} <- table(), At <- lists:seq(0, length(Events))
    ].

added(Batches, Before) ->
    {Whole, Last} = lists:mapfoldl(
        fun eslaver_checkpoint:add/2, eslaver_checkpoint:new(Before), Batches
    ),
    {lists:append(Whole), eslaver_checkpoint:position(Last)}.

%% Half a transaction that no snapshot has the rest of is never stored.
a_snapshot_ends_a_transaction_test() ->
    Before = [multi(12), set(13), down()],
    After = full(?R2, 50) ++ [key(), eof(0), set(51)],
    ?assertEqual({After, at(?R2, 51, 0)}, added([Before, After], at(?R1, 10, 0))),
    ?assertEqual({After, at(?R2, 51, 0)}, added([Before ++ After], at(?R1, 10, 0))).

%% Wherever the node ends, what was stored and what comes behind the stored position is all of the
%% stream, each once.
ends_anywhere_test() ->
    _ = rand:seed(exsss, 18),
    [ends_anywhere() || _ <- lists:seq(1, 2000)].

ends_anywhere() ->
    Stream = stream(20, 10, []),
    From = at(?R1, 10, 0),
    {Stored, At} = added(batches(lists:sublist(Stream, rand:uniform(20))), From),
    #{offset := Offset} = At,
    Rest = [Event || {stream, _, _, #{offset := Behind}} = Event <- Stream, Behind > Offset],
    ?assertEqual(Stream, Stored ++ Rest).

stream(0, _Offset, Events) ->
    lists:reverse(Events);
stream(Left, Offset, Events) ->
    Name = lists:nth(rand:uniform(4), [<<"multi">>, <<"exec">>, <<"set">>, <<"del">>]),
    stream(Left - 1, Offset + 5, [command(Name, Offset + 5, rand:uniform(3)) | Events]).

batches([]) ->
    [];
batches(Events) ->
    {Batch, Rest} = lists:split(rand:uniform(length(Events)), Events),
    [Batch | batches(Rest)].
