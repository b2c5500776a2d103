%% @doc The rows of one value: how they are copied, and how they are removed some at a time.
%% @private
-module(eslaver_mirror_rows).

-export([copy/3, discard/3]).

-define(CHUNK, 1000).

%% @doc Removes at most `Limit' of the rows that match a pattern, whose first element is the key:
%% whether that was all.
-spec discard(ets:tid(), ets:match_pattern(), Limit :: pos_integer()) -> done | more.
discard(Table, Pattern, Limit) ->
    case ets:select(Table, [{Pattern, [], [{element, 1, '$_'}]}], Limit) of
        {Keys, _} ->
            lists:foreach(fun(Key) -> ets:delete(Table, Key) end, Keys),
            case length(Keys) < Limit of
                true -> done;
                false -> more
            end;
        '$end_of_table' ->
            done
    end.

%% @doc Puts what `Make' makes of rows that match a pattern into the same table.
-spec copy(ets:tid(), ets:match_pattern(), fun((tuple()) -> tuple())) -> ok.
copy(Table, Pattern, Make) ->
    copy(Table, ets:select(Table, [{Pattern, [], ['$_']}], ?CHUNK), Make, []).

%% They are read before the first is written, so that none is met again.
copy(Table, '$end_of_table', _Make, Chunks) ->
    lists:foreach(fun(Rows) -> true = ets:insert(Table, Rows) end, Chunks);
copy(Table, {Rows, Continuation}, Make, Chunks) ->
    copy(Table, ets:select(Continuation), Make, [[Make(Row) || Row <- Rows] | Chunks]).
