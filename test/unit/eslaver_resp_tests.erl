%% The reader of replies: a table, each whole and then byte by byte, and any bytes at all.
-module(eslaver_resp_tests).

-include_lib("eunit/include/eunit.hrl").

read_test_() ->
    Long = binary:copy(<<"x">>, 100_000),
    Table = [
        {<<>>, []},
        {<<"+OK\r\n">>, [<<"OK">>]},
        {<<"+\r\n">>, [<<>>]},
        {<<"-ERR no\r\n">>, [{error, <<"ERR no">>}]},
        {<<":0\r\n:-12\r\n:9223372036854775807\r\n">>, [0, -12, 9223372036854775807]},
        {<<"$0\r\n\r\n$3\r\na\r\n\r\n">>, [<<>>, <<"a\r\n">>]},
        {<<"$-1\r\n*-1\r\n">>, [null, null]},
        {<<"*0\r\n">>, [[]]},
        {<<"*2\r\n*0\r\n*1\r\n:1\r\n+a\r\n">>, [[[], [1]], <<"a">>]},
        {<<"*3\r\n$1\r\na\r\n$-1\r\n-b\r\n">>, [[<<"a">>, null, {error, <<"b">>}]]},
        {<<"*1\r\n*1\r\n*1\r\n*1\r\n*1\r\n*1\r\n*1\r\n*0\r\n">>, [[[[[[[[[]]]]]]]]]},
        {<<"$100000\r\n", Long/binary, "\r\n">>, [Long]}
    ],
    [
        [?_assertEqual({Bytes, Replies}, {Bytes, whole(Bytes)}) || {Bytes, Replies} <- Table],
        [
            ?_assertEqual({Bytes, Replies}, {Bytes, pieces(Bytes, 1)})
         || {Bytes, Replies} <- Table, byte_size(Bytes) < 1000
        ],
        [?_assertEqual(Replies, pieces(Bytes, 997)) || {Bytes, Replies} <- Table]
    ].

rejected_test_() ->
    Deep = binary:copy(<<"*1\r\n">>, 9),
    Huge = integer_to_binary(eslaver_resp:max_bytes() + 1),
    Line = binary:copy(<<"x">>, 5000),
    Table = [
        {<<"HTTP/1.1 400\r\n">>, malformed},
        {<<21, 3, 3, 0, 2, 2, 40, "\r\n">>, malformed},
        {<<":\r\n">>, malformed},
        {<<":-\r\n">>, malformed},
        {<<":+1\r\n">>, malformed},
        {<<":1a\r\n">>, malformed},
        {<<":10000000000000000000\r\n">>, malformed},
        {<<"$-2\r\n">>, malformed},
        {<<"$\r\n">>, malformed},
        {<<"$1\r\nab\r\n">>, malformed},
        {<<"*-2\r\n">>, malformed},
        {<<"*x\r\n">>, malformed},
        {<<"%1\r\n">>, malformed},
        {<<"$", Huge/binary, "\r\n">>, too_long},
        {Deep, too_long},
        {<<"+", Line/binary>>, too_long}
    ],
    [
        [?_assertEqual({Bytes, {error, Why}}, {Bytes, whole(Bytes)}) || {Bytes, Why} <- Table],
        [?_assertEqual({Bytes, {error, Why}}, {Bytes, pieces(Bytes, 1)}) || {Bytes, Why} <- Table]
    ].

%% However a reply is cut into arrays and strings, it takes no more than its limit.
bounded_test_() ->
    Strings = ["$60000\r\n", binary:copy(<<"x">>, 60_000), "\r\n"],
    Endless = fun(Piece) -> {<<"*2000000\r\n">>, iolist_to_binary(Piece)} end,
    [
        ?_test(begin
            {ok, [], Reader} = eslaver_resp:feed(First, eslaver_resp:new()),
            ?assertEqual({error, too_long}, fed(Piece, 0, Reader))
        end)
     || {First, Piece} <- [
            Endless(Strings),
            Endless(binary:copy(<<":1\r\n">>, 10_000)),
            Endless(binary:copy(<<"*0\r\n">>, 10_000)),
            {<<"$4000000\r\n">>, binary:copy(<<"x">>, 70_000)}
        ]
    ].

fed(Piece, Count, Reader) ->
    case eslaver_resp:feed(Piece, Reader) of
        {ok, [], Next} ->
            ?assert(Count * byte_size(Piece) =< eslaver_resp:max_bytes()),
            fed(Piece, Count + 1, Next);
        {ok, [_ | _], _} ->
            {error, accepted};
        %% the string ends without its line end
        {error, malformed} ->
            {error, too_long};
        Error ->
            Error
    end.

%% What is written is read, in pieces of any size.
any_replies_test() ->
    _ = rand:seed(exsss, 7),
    [
        begin
            Replies = [reply(3) || _ <- lists:seq(1, rand:uniform(5))],
            Bytes = iolist_to_binary(lists:map(fun written/1, Replies)),
            ?assertEqual(Replies, whole(Bytes)),
            ?assertEqual(Replies, pieces(Bytes, 1)),
            ?assertEqual(Replies, pieces(Bytes, rand:uniform(20)))
        end
     || _ <- lists:seq(1, 500)
    ].

%% Whatever the bytes are, they are read or rejected, whole as in pieces.
any_bytes_test() ->
    _ = rand:seed(exsss, 8),
    Pieces =
        {<<"*">>, <<"$">>, <<":">>, <<"+">>, <<"-">>, <<"1">>, <<"2">>, <<"\r\n">>, <<0>>, <<"a">>},
    [
        begin
            Chosen = [
                element(rand:uniform(tuple_size(Pieces)), Pieces)
             || _ <- lists:seq(1, rand:uniform(30))
            ],
            Bytes = iolist_to_binary(Chosen),
            ?assertEqual({Bytes, whole(Bytes)}, {Bytes, pieces(Bytes, 1)})
        end
     || _ <- lists:seq(1, 20_000)
    ].

request_test_() ->
    Table = [
        {[<<"PING">>], <<"*1\r\n$4\r\nPING\r\n">>},
        {[<<"AUTH">>, <<>>, <<"a\r\n">>], <<"*3\r\n$4\r\nAUTH\r\n$0\r\n\r\n$3\r\na\r\n\r\n">>}
    ],
    [
        ?_assertEqual(Bytes, iolist_to_binary(eslaver_resp:request(Words)))
     || {Words, Bytes} <- Table
    ].

whole(Bytes) -> pieces(Bytes, max(byte_size(Bytes), 1)).

pieces(Bytes, Size) -> pieces(Bytes, Size, [], eslaver_resp:new()).

pieces(<<>>, _Size, Before, _Reader) ->
    Before;
pieces(Bytes, Size, Before, Reader) ->
    Taken = min(Size, byte_size(Bytes)),
    <<Piece:Taken/binary, Rest/binary>> = Bytes,
    case eslaver_resp:feed(Piece, Reader) of
        {ok, Replies, Next} -> pieces(Rest, Size, Before ++ Replies, Next);
        {error, _} = Error -> Error
    end.

reply(0) ->
    case rand:uniform(4) of
        1 -> rand:uniform(1_000_000) - 500_000;
        2 -> null;
        3 -> {error, word()};
        4 -> rand:bytes(rand:uniform(30) - 1)
    end;
reply(Depth) ->
    case rand:uniform(3) of
        1 -> [reply(Depth - 1) || _ <- lists:seq(1, rand:uniform(4) - 1)];
        _ -> reply(0)
    end.

word() -> binary:part(<<"ERR something is wrong">>, 0, rand:uniform(22)).

written(Number) when is_integer(Number) -> [":", integer_to_list(Number), "\r\n"];
written(null) ->
    "$-1\r\n";
written({error, Text}) ->
    ["-", Text, "\r\n"];
written(Text) when is_binary(Text) ->
    ["$", integer_to_list(byte_size(Text)), "\r\n", Text, "\r\n"];
written(Replies) ->
    ["*", integer_to_list(length(Replies)), "\r\n" | lists:map(fun written/1, Replies)].
