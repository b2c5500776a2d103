%% @doc The longest common subsequence of two binaries, for `LCS'.
%% @private
-module(eslaver_mirror_lcs).

-export([sequence/2, size/2]).

%% The size in bytes of the largest table of a server with default settings, and of each number in
%% it.
-define(LARGEST, 536_870_912).
-define(NUMBER, 4).

%% @doc The longest common subsequence; of several with the same length, the one that the server
%% finds.
-spec sequence(binary(), binary()) -> binary() | {error, too_large}.
sequence(A, B) ->
    case is_small(A, B) of
        true ->
            Bytes = binary_to_list(B),
            First = first_row(Bytes),
            {_, Rows} = lists:foldl(
                fun(Byte, {Above, Rows}) ->
                    Row = row(Byte, Bytes, Above),
                    {Row, [packed(Row) | Rows]}
                end,
                {First, [packed(First)]},
                binary_to_list(A)
            ),
            back(Rows, lists:reverse(binary_to_list(A)), B, byte_size(B), []);
        false ->
            {error, too_large}
    end.

%% @doc The length of the longest common subsequence.
-spec size(binary(), binary()) -> non_neg_integer() | {error, too_large}.
size(A, B) ->
    case is_small(A, B) of
        true ->
            Bytes = binary_to_list(B),
            Step = fun(Byte, Row) -> row(Byte, Bytes, Row) end,
            lists:last(lists:foldl(Step, first_row(Bytes), binary_to_list(A)));
        false ->
            {error, too_large}
    end.

is_small(A, B) ->
    (byte_size(A) + 1) * (byte_size(B) + 1) * ?NUMBER =< ?LARGEST.

packed(Row) ->
    <<<<Length:?NUMBER/unit:8>> || Length <- Row>>.

number(At, Row) ->
    <<Length:?NUMBER/unit:8>> = binary:part(Row, At * ?NUMBER, ?NUMBER),
    Length.

%% For each prefix of B, a row has the length of its longest common subsequence with one prefix of
%% A.
first_row(Bytes) ->
    [0 | [0 || _ <- Bytes]].

row(Byte, Bytes, [_ | Above]) ->
    [0 | row(Byte, Bytes, 0, Above, 0)].

row(_Byte, [], _Diagonal, [], _Left) ->
    [];
row(Byte, [Byte | Bytes], Diagonal, [Next | Above], _Left) ->
    [Diagonal + 1 | row(Byte, Bytes, Next, Above, Diagonal + 1)];
row(Byte, [_ | Bytes], _Diagonal, [Next | Above], Left) ->
    Best = max(Next, Left),
    [Best | row(Byte, Bytes, Next, Above, Best)].

%% Goes from both ends to the front; `At' is the length of the rest of B.
back(_Rows, [], _B, _At, Found) ->
    list_to_binary(Found);
back(_Rows, _A, _B, 0, Found) ->
    list_to_binary(Found);
back([Row, Above | _] = Rows, [Byte | Rest] = A, B, At, Found) ->
    case binary:at(B, At - 1) of
        Byte ->
            back(tl(Rows), Rest, B, At - 1, [Byte | Found]);
        _ ->
            case number(At, Above) > number(At - 1, Row) of
                true -> back(tl(Rows), Rest, B, At, Found);
                false -> back(Rows, A, B, At - 1, Found)
            end
    end.
