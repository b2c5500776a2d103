%% What writers of a test cluster noted (eslaver_test_cluster_writers) beside what the cluster has.
-module(eslaver_test_cluster_notes).

-export([wrong/3]).
-export_type([notes/0]).

-type notes() :: #{Key :: binary() => [eslaver_test_cluster_writers:note()]}.
%% `exact`: all that was acknowledged is there. `losses`: a failover may have lost some.
-type strictness() :: exact | losses.

%% What the contents of the cluster, or of a mirror of it, have otherwise than was noted.
-spec wrong(notes(), eslaver_test_content:content(), strictness()) -> [{binary(), term()}].
wrong(Notes, Contents, Strictness) ->
    Keys = [Key || {_Db, Key} <- maps:keys(Contents)],
    [{Key, unasked} || Key <- Keys, not is_map_key(Key, Notes), is_ours(Key)] ++
        [
            {Key, Why}
         || {Key, Done} <- maps:to_list(Notes),
            Why <- [judged(Key, Done, maps:get({0, Key}, Contents, none), Strictness)],
            Why =/= ok
        ].

is_ours(Key) ->
    eslaver_test_cluster_writers:parse(Key) =/= other.

judged(Key, Done, Item, Strictness) ->
    Has = value(Item),
    case is_possible(eslaver_test_cluster_writers:parse(Key), Has, Done, Strictness) of
        true -> ok;
        false -> {Has, lists:nthtail(max(0, length(Done) - 10), Done)}
    end.

%% What a key has, as a number or numbers.
value(none) -> none;
value(#{type := string, value := Value}) -> binary_to_integer(Value);
value(#{type := list, value := Values}) -> [binary_to_integer(Value) || Value <- Values];
value(#{type := hash, value := [{<<"n">>, Value}]}) -> binary_to_integer(Value).

is_possible(c, none, _Done, _) ->
    false;
is_possible(c, Count, Done, Strictness) ->
    Least = length([Number || {Number, acknowledged} <- Done]),
    Count =< length(Done) andalso (Count >= Least orelse Strictness =:= losses);
is_possible(Kind, none, _Done, losses) when Kind =/= c ->
    true;
is_possible(Kind, Numbers, Done, Strictness) when Kind =:= l; Kind =:= t ->
    is_list(Numbers) andalso is_part(Numbers, Done, Strictness);
is_possible(x, Number, Done, _) ->
    Number =:= none orelse lists:keymember(Number, 1, Done);
is_possible(_Kind, Has, Done, losses) ->
    Has =:= none orelse lists:keymember(Has, 1, Done);
is_possible(_Kind, Has, Done, exact) ->
    lists:member(Has, last(lists:reverse(Done))).

%% What was done last; if that is unknown, also what was done before.
last([{Wrote, acknowledged} | _]) -> [left(Wrote)];
last([{Wrote, unknown} | Before]) -> [left(Wrote) | last(Before)];
last([]) -> [none].

left(deleted) -> none;
left(Number) -> Number.

%% These numbers in order, and nothing else.
is_part([], Done, exact) -> [Number || {Number, acknowledged} <- Done] =:= [];
is_part([], _Done, losses) -> true;
is_part([Number | Numbers], [{Number, _} | Done], Strictness) -> is_part(Numbers, Done, Strictness);
is_part(Numbers, [{_, unknown} | Done], Strictness) -> is_part(Numbers, Done, Strictness);
is_part(Numbers, [{_, acknowledged} | Done], losses) -> is_part(Numbers, Done, losses);
is_part(_, _, _) -> false.
