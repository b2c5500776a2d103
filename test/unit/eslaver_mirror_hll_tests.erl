-module(eslaver_mirror_hll_tests).

-include_lib("eunit/include/eunit.hrl").

-define(NEW, {8, 6}).

%% What GET answers on a real 8.6.2 after these.
golden_test_() ->
    Abc = eslaver_mirror_hll:add([<<"a">>, <<"b">>, <<"c">>], eslaver_mirror_hll:fresh()),
    [
        ?_assertEqual(
            <<"48594C4C01000000000000000000008060F38050B1844BFB80425A">>, hex(Abc)
        ),
        ?_assertEqual(
            <<"48594C4C01000000030000000000000060F38050B1844BFB80425A">>,
            hex(eslaver_mirror_hll:cache(?NEW, Abc))
        ),
        ?_assertEqual(
            <<"48594C4C0100000000000000000000804ADA904C558468CC">>,
            hex(eslaver_mirror_hll:add([<<"xxxxxxxxx">>, <<>>], eslaver_mirror_hll:fresh()))
        )
    ].

%% A sparse one of 500 numbers and a dense one of 4000, and what PFCOUNT answers.
size_test_() ->
    Sparse = eslaver_mirror_hll:add(numbers(1, 500), eslaver_mirror_hll:fresh()),
    Dense = lists:foldl(
        fun(N, Hll) -> eslaver_mirror_hll:add(numbers(N * 200, N * 200 + 199), Hll) end,
        eslaver_mirror_hll:fresh(),
        lists:seq(1, 20)
    ),
    [
        ?_assertEqual({1061, 503}, {byte_size(Sparse), count([Sparse])}),
        ?_assertEqual(<<"96DB66CA63089D7385B7B3585909E4E9A3C38FA1">>, sha(Sparse)),
        ?_assertEqual({12304, 3993}, {byte_size(Dense), count([Dense])}),
        ?_assertEqual(<<"DF0A1D6DE36C9E9FD7D2B1071446E9A7108D6466">>, sha(Dense))
    ].

%% It does not matter for what is in it by which way a HyperLogLog has come to be.
ways_test_() ->
    [{integer_to_list(Seed), fun() -> ways(Seed) end} || Seed <- lists:seq(1, 10)].

ways(Seed) ->
    _ = rand:seed(exsss, {Seed, 1, 1}),
    Size = rand:uniform(3000),
    Elements = [rand:bytes(rand:uniform(20)) || _ <- lists:seq(1, Size)],
    {Some, Others} = lists:split(rand:uniform(Size) - 1, Elements),
    One = eslaver_mirror_hll:add(Some, eslaver_mirror_hll:fresh()),
    Other = eslaver_mirror_hll:add(Others, eslaver_mirror_hll:fresh()),
    All = eslaver_mirror_hll:add(Elements, eslaver_mirror_hll:fresh()),
    Dense = eslaver_mirror_hll:to_dense(All),
    ?assertEqual(Dense, eslaver_mirror_hll:to_dense(eslaver_mirror_hll:add(Others, One))),
    ?assertEqual(Dense, eslaver_mirror_hll:to_dense(eslaver_mirror_hll:merge(?NEW, One, [Other]))),
    ?assertEqual(Dense, eslaver_mirror_hll:merge(unknown, One, [Other])),
    ?assertEqual(count([All]), count([One, Other])),
    ?assertEqual(count([All]), count([Dense])),
    ?assert(abs(count([All]) - Size) =< max(5, Size div 20)).

not_one_test_() ->
    [
        ?_assertEqual({error, wrongtype}, count([Text]))
     || Text <- [<<>>, <<"HYLL">>, <<"HYLL", 0:96>>, binary:copy(<<"x">>, 12304)]
    ].

count(Hlls) ->
    eslaver_mirror_hll:count(?NEW, Hlls).

numbers(From, To) ->
    [integer_to_binary(N) || N <- lists:seq(From, To)].

hex(Binary) ->
    binary:encode_hex(Binary).

sha(Binary) ->
    binary:encode_hex(crypto:hash(sha, Binary)).
