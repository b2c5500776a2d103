%% Strings and their bits, small ones and chunked ones, against plain binaries.
-module(eslaver_mirror_string_tests).

-include_lib("eunit/include/eunit.hrl").

writes_test_() ->
    [{integer_to_list(Seed), fun() -> writes(Seed) end} || Seed <- lists:seq(1, 20)].

writes(Seed) ->
    _ = rand:seed(exsss, {Seed, 2, 3}),
    Store = eslaver_mirror_store:new([]),
    {Body, Binary} = lists:foldl(
        fun(_, {Body, Binary}) ->
            Offset = rand:uniform(element(rand:uniform(3), {100, 10_000, 60_000})) - 1,
            Bytes = rand:bytes(rand:uniform(element(rand:uniform(3), {3, 300, 9000}))),
            {eslaver_mirror_string:write(Store, Body, Offset, Bytes), put_at(Binary, Offset, Bytes)}
        end,
        {<<>>, <<>>},
        lists:seq(1, 20)
    ),
    ?assertEqual(byte_size(Binary), eslaver_mirror_string:size(Body)),
    ?assertEqual(Binary, eslaver_mirror_string:value(Store, Body)),
    ?assertEqual(Binary, eslaver_mirror_string:copy(Store, Body)),
    lists:foreach(fun(_) -> reads(Store, Body, Binary) end, lists:seq(1, 30)),
    ?assertEqual(done, discarded(Store, eslaver_mirror_string:discard(Store, Body, 3))),
    ?assertEqual(0, ets:info(maps:get(chunks, Store), size)),
    eslaver_mirror_store:delete(Store, here).

discarded(Store, {more, Body}) ->
    discarded(Store, eslaver_mirror_string:discard(Store, Body, 3));
discarded(_Store, done) ->
    done.

put_at(Binary, Offset, Bytes) ->
    Missing = max(0, Offset + byte_size(Bytes) - byte_size(Binary)),
    Size = byte_size(Bytes),
    <<Head:Offset/binary, _:Size/binary, Tail/binary>> = <<Binary/binary, 0:Missing/unit:8>>,
    <<Head/binary, Bytes/binary, Tail/binary>>.

reads(Store, Body, Binary) ->
    Size = byte_size(Binary),
    First = rand:uniform(Size) - 1,
    Last = First + rand:uniform(Size - First) - 1,
    Part = binary:part(Binary, First, Last - First + 1),
    ?assertEqual(Part, eslaver_mirror_string:range(Store, Body, First, Last)),
    ?assertEqual(Part, eslaver_mirror_string:range(Store, Body, First - Size, Last - Size)),
    Ones = length([1 || <<1:1>> <= Part]),
    ?assertEqual(Ones, eslaver_mirror_bits:count(Store, Body, {First, Last, byte})),
    Bits = {FirstBit, LastBit} = {First * 8 + rand:uniform(8) - 1, Last * 8 + 7},
    ?assertEqual(
        length([1 || N <- lists:seq(FirstBit, LastBit), bit(Binary, N) =:= 1]),
        eslaver_mirror_bits:count(Store, Body, {FirstBit, LastBit, bit})
    ),
    lists:foreach(
        fun(Bit) ->
            ?assertEqual(
                position(Binary, Bit, Bits),
                eslaver_mirror_bits:position(Store, Body, Bit, {FirstBit, LastBit, bit})
            )
        end,
        [0, 1]
    ),
    ?assertEqual(bit(Binary, FirstBit), eslaver_mirror_bits:get(Store, Body, FirstBit)).

bit(Binary, N) ->
    <<_:N, Bit:1, _/bits>> = Binary,
    Bit.

position(_Binary, _Bit, {First, Last}) when First > Last -> -1;
position(Binary, Bit, {First, Last}) ->
    case bit(Binary, First) of
        Bit -> First;
        _ -> position(Binary, Bit, {First + 1, Last})
    end.

%% A far bit takes one chunk.
sparse_test() ->
    Store = eslaver_mirror_store:new([]),
    Body = eslaver_mirror_bits:set(Store, <<>>, 1 bsl 31, 1),
    ?assertEqual((1 bsl 28) + 1, eslaver_mirror_string:size(Body)),
    ?assertEqual(1, ets:info(maps:get(chunks, Store), size)),
    ?assertEqual(1 bsl 31, eslaver_mirror_bits:position(Store, Body, 1, all)),
    ?assertEqual(0, eslaver_mirror_bits:position(Store, Body, 0, all)),
    eslaver_mirror_store:delete(Store, here).

%% What was large and is a number now leaves nothing behind.
take_test() ->
    Store = eslaver_mirror_store:new([]),
    Value = <<"12", 0:40_000/unit:8>>,
    Body = eslaver_mirror_string:write(Store, <<>>, 0, Value),
    ?assertEqual(Value, eslaver_mirror_string:take(Store, Body)),
    ?assertEqual(0, ets:info(maps:get(chunks, Store), size)),
    eslaver_mirror_store:delete(Store, here).

behind_the_end_test_() ->
    [
        ?_assertEqual(Position, eslaver_mirror_bits:position(#{}, <<255, 255>>, Bit, Range))
     || {Bit, Range, Position} <- [
            {0, all, 16},
            {0, {1, open, byte}, 16},
            {0, {0, 1, byte}, -1},
            {0, {0, 15, bit}, -1},
            {1, {2, open, byte}, -1},
            {1, {-1, open, byte}, 8}
        ]
    ].

combine_test_() ->
    [
        ?_assertEqual(Result, eslaver_mirror_bits:combine(#{}, Operation, Strings))
     || {Operation, Strings, Result} <- [
            {<<"and">>, [<<"ab">>, <<"c">>], <<"a", 0>>},
            {<<"or">>, [<<"ab">>, <<"c">>], <<"cb">>},
            {<<"xor">>, [<<"ab">>, <<"c">>], <<2, "b">>},
            {<<"not">>, [<<0, 255, 15>>], <<255, 0, 240>>},
            {<<"diff">>, [<<7>>, <<1>>, <<2, 1>>], <<4, 0>>},
            {<<"diff1">>, [<<7>>, <<9>>, <<2, 1>>], <<8, 1>>},
            {<<"andor">>, [<<7>>, <<1>>, <<8, 1>>], <<1, 0>>},
            {<<"one">>, [<<3>>, <<1>>, <<9, 1>>], <<10, 1>>},
            {<<"or">>, [<<>>, <<>>], <<>>}
        ]
    ].

%% What a field is set to or grows by, its type, and what becomes of that.
overflow_test_() ->
    [
        ?_assertEqual(
            {Answers, Bytes}, eslaver_mirror_bits:fields(#{}, <<>>, [{Kind, Field, Value, How}])
        )
     || {Kind, Field, Value, How, Answers, Bytes} <- [
            {set, {u, 8, 0}, 255, wrap, [0], <<255>>},
            {set, {u, 8, 0}, 257, wrap, [0], <<1>>},
            {set, {u, 8, 0}, 257, sat, [0], <<255>>},
            {set, {u, 8, 0}, -1, sat, [0], <<255>>},
            {set, {u, 8, 0}, -1, wrap, [0], <<255>>},
            {set, {u, 8, 0}, 257, fail, [undefined], <<0>>},
            {set, {i, 8, 0}, 128, wrap, [0], <<128>>},
            {set, {i, 8, 0}, 128, sat, [0], <<127>>},
            {set, {i, 8, 0}, -200, sat, [0], <<128>>},
            {incrby, {u, 4, 4}, -1, wrap, [15], <<15>>},
            {incrby, {u, 4, 4}, -1, sat, [0], <<0>>},
            {incrby, {i, 5, 3}, -16, wrap, [-16], <<16>>},
            {incrby, {i, 5, 3}, -17, wrap, [15], <<15>>},
            {incrby, {i, 5, 3}, 17, fail, [undefined], <<0>>},
            {incrby, {i, 64, 0}, (1 bsl 63) - 1, wrap, [(1 bsl 63) - 1], <<127, -1:56>>}
        ]
    ].

lcs_test_() ->
    [
        ?_assertEqual(
            {Common, byte_size(Common)},
            {eslaver_mirror_lcs:sequence(A, B), eslaver_mirror_lcs:size(A, B)}
        )
     || {A, B, Common} <- [
            {<<"ohmytext">>, <<"mynewtext">>, <<"mytext">>},
            {<<>>, <<"a">>, <<>>},
            {<<"ab">>, <<"ba">>, <<"b">>},
            {<<"abc">>, <<"abc">>, <<"abc">>}
        ]
    ].
