%% @doc Copies the rows of one value, and removes them in steps.
%% @private
-module(eslaver_mirror_rows).

-export([copy/3, discard/3]).

-define(CHUNK, 1000).

%% @doc Removes at most `Limit' of the rows that match a pattern, whose first element is the key.
%% Returns whether there are more.
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

%% @doc Copies the rows that match a pattern within the table, each changed by `Make'.
-spec copy(ets:tid(), ets:match_pattern(), fun((tuple()) -> tuple())) -> ok.
copy(Table, Pattern, Make) ->
    copy(Table, ets:select(Table, [{Pattern, [], ['$_']}], ?CHUNK), Make, []).

%% All rows are read before the first copy is written, so that no copy is copied.
copy(Table, '$end_of_table', _Make, Chunks) ->
    lists:foreach(fun(Rows) -> true = ets:insert(Table, Rows) end, Chunks);
copy(Table, {Rows, Continuation}, Make, Chunks) ->
    copy(Table, ets:select(Continuation), Make, [[Make(Row) || Row <- Rows] | Chunks]).
