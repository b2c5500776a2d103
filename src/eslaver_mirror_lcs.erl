%% @doc The longest common subsequence of two binaries, for `LCS'. Used by {@link eslaver_mirror}.
%% @private
-module(eslaver_mirror_lcs).

-export([sequence/2, size/2]).

%% @doc The one that the server finds among several of the same length.
-spec sequence(binary(), binary()) -> binary().
sequence(A, B) ->
    Bytes = binary_to_list(B),
    Rows = lists:foldl(
        fun(Byte, [Row | _] = Rows) -> [row(Byte, Bytes, Row) | Rows] end,
        [first_row(Bytes)],
        binary_to_list(A)
    ),
    Tuples = [list_to_tuple(Row) || Row <- Rows],
    back(Tuples, lists:reverse(binary_to_list(A)), B, byte_size(B), []).

%% @doc How long it is.
-spec size(binary(), binary()) -> non_neg_integer().
size(A, B) ->
    Bytes = binary_to_list(B),
    Step = fun(Byte, Row) -> row(Byte, Bytes, Row) end,
    lists:last(lists:foldl(Step, first_row(Bytes), binary_to_list(A))).

%% A row has, for each prefix of B, the length it has in common with one prefix of A.
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

%% From the ends of both to the front; At is how much is left of B.
back(_Rows, [], _B, _At, Found) ->
    list_to_binary(Found);
back(_Rows, _A, _B, 0, Found) ->
    list_to_binary(Found);
back([Row, Above | _] = Rows, [Byte | Rest] = A, B, At, Found) ->
    case binary:at(B, At - 1) of
        Byte -> back(tl(Rows), Rest, B, At - 1, [Byte | Found]);
        _ when element(At + 1, Above) > element(At, Row) -> back(tl(Rows), Rest, B, At, Found);
        _ -> back(Rows, A, B, At - 1, Found)
    end.
