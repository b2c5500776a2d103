%% @doc Sorted sets in a mirror: a row with the score of each member, and a tree of all members in
%% order.
%% @private
-module(eslaver_mirror_zset).

-behaviour(eslaver_mirror_type).

-export([load/3, copy/2, discard/3]).
-export([new/0, from_list/2, put/4, remove/3, remove_span/3]).
-export([size/2, score/3, public_score/3, scores/3, rank/4, range/4, random/2, random/3, scan/3]).
-export([fold/5, rank_of/3, to_term/1]).
-export_type([zset_body/0, entry/0, member/0]).

-type zset_body() :: eslaver_mirror_tree:tree().
-type store() :: eslaver_mirror_store:store().
-type member() :: binary().
-type score() :: eslaver_mirror_score:score().
-type public() :: eslaver_mirror_score:public().

-type entry() :: {score(), member()}.
%% An item of the tree, which is in the order of these terms.

%% For the behaviour.

%% @private
-spec load(store(), [{member(), public()}], map()) -> zset_body() | empty.
load(Store, Members, _Meta) ->
    from_list(Store, [
        {eslaver_mirror_score:from_term(Score), Member}
     || {Member, Score} <- Members
    ]).

%% @doc A sorted set of these entries, which must have different members.
-spec from_list(store(), [entry()]) -> zset_body() | empty.
from_list(#{nodes := Nodes, scores := Scores}, Entries) ->
    Zset = eslaver_mirror_tree:from_list(Nodes, ordered, lists:sort(Entries)),
    ok = put_scores(Scores, eslaver_mirror_tree:id(Zset), Entries),
    or_empty(Zset).

%% @private
-spec copy(store(), zset_body()) -> zset_body().
copy(#{nodes := Nodes, scores := Scores}, Zset) ->
    Each = fun(Id, Entries) -> put_scores(Scores, Id, tuple_to_list(Entries)) end,
    eslaver_mirror_tree:copy(Nodes, Each, Zset).

put_scores(Scores, Id, Entries) ->
    lists:foreach(
        fun({Score, Member}) -> true = ets:insert(Scores, {{Id, Member}, Score}) end, Entries
    ).

%% @private
-spec discard(store(), zset_body() | eslaver_mirror_tree:rest(), pos_integer()) ->
    done | {more, eslaver_mirror_tree:rest()}.
discard(#{nodes := Nodes, scores := Scores}, Zset, Limit) ->
    Id = eslaver_mirror_tree:id(Zset),
    Each = fun(Entries) ->
        ok = forget(Scores, Id, tuple_to_list(Entries)),
        tuple_size(Entries)
    end,
    eslaver_mirror_tree:discard(Nodes, Each, Limit, Zset).

forget(Scores, Id, Entries) ->
    lists:foreach(fun({_, Member}) -> true = ets:delete(Scores, {Id, Member}) end, Entries).

or_empty(Zset) ->
    case eslaver_mirror_tree:size(Zset) of
        0 -> empty;
        _ -> Zset
    end.

%% Writing.

%% @doc An empty sorted set.
-spec new() -> zset_body().
new() ->
    eslaver_mirror_tree:new(ordered).

%% @doc Sets the score of a new or existing member.
-spec put(store(), zset_body(), member(), score()) -> zset_body().
put(#{scores := Scores, nodes := Nodes} = Store, Zset, Member, Score) ->
    Entry = {Score, Member},
    case score(Store, Zset, Member) of
        undefined ->
            true = ets:insert(Scores, {{eslaver_mirror_tree:id(Zset), Member}, Score}),
            eslaver_mirror_tree:insert(Nodes, below(Entry), Entry, Zset);
        Score ->
            Zset;
        Old ->
            true = ets:insert(Scores, {{eslaver_mirror_tree:id(Zset), Member}, Score}),
            eslaver_mirror_tree:move(Nodes, below({Old, Member}), below(Entry), Entry, Zset)
    end.

below(Entry) ->
    fun(Other) -> Other < Entry end.

%% @doc Removes members; some may be missing.
-spec remove(store(), zset_body(), [member()]) -> zset_body() | empty.
remove(#{scores := Scores, nodes := Nodes}, Zset, Members) ->
    Id = eslaver_mirror_tree:id(Zset),
    Remove = fun(Member, Next) ->
        case ets:take(Scores, {Id, Member}) of
            [{_, Score}] -> eslaver_mirror_tree:delete(Nodes, below({Score, Member}), Next);
            [] -> Next
        end
    end,
    or_empty(lists:foldl(Remove, Zset, Members)).

%% @doc Removes the members at these positions.
-spec remove_span(store(), zset_body(), eslaver_mirror_tree:span()) -> zset_body() | empty.
remove_span(_Store, Zset, {_, 0}) ->
    Zset;
remove_span(#{scores := Scores, nodes := Nodes}, Zset, Span) ->
    Id = eslaver_mirror_tree:id(Zset),
    Forget = fun({_, Member}, ok) ->
        true = ets:delete(Scores, {Id, Member}),
        ok
    end,
    ok = eslaver_mirror_tree:fold(Nodes, Forget, ok, Span, forward, Zset),
    or_empty(eslaver_mirror_tree:delete(Nodes, [Span], Zset)).

%% Reading.

%% @doc ZCARD.
-spec size(store(), zset_body()) -> non_neg_integer().
size(_Store, Zset) ->
    eslaver_mirror_tree:size(Zset).

%% @doc The score of a member, as stored in the tables.
-spec score(store(), zset_body(), member()) -> score() | undefined.
score(#{scores := Scores}, Zset, Member) ->
    case ets:lookup(Scores, {eslaver_mirror_tree:id(Zset), Member}) of
        [{_, Score}] -> Score;
        [] -> undefined
    end.

%% @doc ZMSCORE.
-spec scores(store(), zset_body() | none, [member()]) -> [public() | undefined].
scores(_Store, none, Members) ->
    [undefined || _ <- Members];
scores(Store, Zset, Members) ->
    [public_score(Store, Zset, Member) || Member <- Members].

%% @doc ZSCORE.
-spec public_score(store(), zset_body(), member()) -> public() | undefined.
public_score(Store, Zset, Member) ->
    case score(Store, Zset, Member) of
        undefined -> undefined;
        Score -> eslaver_mirror_score:to_term(Score)
    end.

%% @doc The rank of a member, from the lowest or from the highest score on, and its score.
-spec rank(store(), zset_body(), member(), forward | backward) ->
    {non_neg_integer(), public()} | undefined.
rank(#{nodes := Nodes} = Store, Zset, Member, Way) ->
    case score(Store, Zset, Member) of
        undefined ->
            undefined;
        Score ->
            Rank = eslaver_mirror_tree:rank(Nodes, below({Score, Member}), Zset),
            {
                case Way of
                    forward -> Rank;
                    backward -> eslaver_mirror_tree:size(Zset) - 1 - Rank
                end,
                eslaver_mirror_score:to_term(Score)
            }
    end.

%% @doc The number of members before a place in the order.
-spec rank_of(store(), zset_body(), fun((entry()) -> boolean())) -> non_neg_integer().
rank_of(#{nodes := Nodes}, Zset, Below) ->
    eslaver_mirror_tree:rank(Nodes, Below, Zset).

%% @doc The members at these positions.
-spec range(store(), zset_body(), eslaver_mirror_tree:span(), forward | backward) ->
    [{member(), public()}].
range(Store, Zset, Span, Way) ->
    Back =
        case Way of
            forward -> backward;
            backward -> forward
        end,
    fold(Store, Zset, fun(Entry, Members) -> [to_term(Entry) | Members] end, [], {Span, Back}).

%% @doc Folds over the entries at these positions, from the lowest or from the highest on.
-spec fold(
    store(),
    zset_body(),
    fun((entry(), Acc) -> Acc),
    Acc,
    {eslaver_mirror_tree:span(), forward | backward}
) -> Acc.
fold(#{nodes := Nodes}, Zset, Fun, Acc, {Span, Way}) ->
    eslaver_mirror_tree:fold(Nodes, Fun, Acc, Span, Way, Zset).

%% @doc An entry as in answers to users.
-spec to_term(entry()) -> {member(), public()}.
to_term({Score, Member}) ->
    {Member, eslaver_mirror_score:to_term(Score)}.

%% @doc A random member, and its score.
-spec random(store(), zset_body()) -> {member(), public()}.
random(#{nodes := Nodes}, Zset) ->
    Index = rand:uniform(eslaver_mirror_tree:size(Zset)) - 1,
    to_term(eslaver_mirror_tree:nth(Nodes, Index, Zset)).

%% @doc `Count' different random members; with a negative count, `-Count' members that may repeat.
-spec random(store(), zset_body(), integer()) -> [{member(), public()}].
random(Store, Zset, Count) when Count < 0 ->
    [random(Store, Zset) || _ <- lists:seq(1, -Count)];
random(#{nodes := Nodes} = Store, Zset, Count) ->
    case eslaver_mirror_tree:size(Zset) of
        Size when Count * 3 >= Size ->
            Members = range(Store, Zset, {0, Size}, forward),
            Mixed = lists:sort([{rand:uniform(), Member} || Member <- Members]),
            lists:sublist([Member || {_, Member} <- Mixed], Count);
        Size ->
            Chosen = maps:keys(choose(Size, Count, #{})),
            [to_term(eslaver_mirror_tree:nth(Nodes, Index, Zset)) || Index <- Chosen]
    end.

choose(_Size, Count, Chosen) when map_size(Chosen) =:= Count ->
    Chosen;
choose(Size, Count, Chosen) ->
    choose(Size, Count, Chosen#{rand:uniform(Size) - 1 => chosen}).

%% @doc `Count' members after the cursor's own, and the next cursor, 0 at the end.
-spec scan(store(), zset_body(), {Cursor :: 0 | {public(), member()}, Count :: pos_integer()}) ->
    {0 | {public(), member()}, [{member(), public()}]}.
scan(Store, Zset, {Cursor, Count}) ->
    From =
        case Cursor of
            0 ->
                0;
            {Score, Last} ->
                Entry = {eslaver_mirror_score:from_term(Score), Last},
                rank_of(Store, Zset, fun(Other) -> Other =< Entry end)
        end,
    Members = range(Store, Zset, {From, Count}, forward),
    case From + Count < eslaver_mirror_tree:size(Zset) andalso Members of
        [_ | _] ->
            {Member, At} = lists:last(Members),
            {{At, Member}, Members};
        _ ->
            {0, Members}
    end.
