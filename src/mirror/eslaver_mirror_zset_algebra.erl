%% @doc Unions, intersections and differences of sorted sets and of sets, whose members all have the
%% score 1. Scores are combined in the same order as on servers, since sums of floats depend on it.
%% @private
-module(eslaver_mirror_zset_algebra).

-export([sources/1, union/3, intersection/3, difference/2, count_common/3]).
-export_type([source/0, options/0]).

-type source() :: {zset, eslaver_mirror_zset:zset_body()} | {set, eslaver_mirror_set:body()} | none.
%% A key's value, `none' if the key is missing.

-type options() :: #{
    weights => [eslaver_mirror_score:score()],
    aggregate => eslaver_mirror_score:aggregate()
}.

-type store() :: eslaver_mirror_store:store().
-type entry() :: eslaver_mirror_zset:entry().

%% @doc The values of keys, if all are sets or sorted sets.
-spec sources([eslaver_mirror_store:row() | none]) -> {ok, [source()]} | {error, wrongtype}.
sources(Rows) ->
    case lists:all(fun is_source/1, Rows) of
        true -> {ok, [source(Row) || Row <- Rows]};
        false -> {error, wrongtype}
    end.

is_source(none) -> true;
is_source({_, Type, _, _}) -> Type =:= zset orelse Type =:= set.

source(none) -> none;
source({_, Type, Body, _}) -> {Type, Body}.

%% @doc The members that any source has, in no order.
-spec union(store(), [source(), ...], options()) -> [entry()].
union(Store, Sources, Options) ->
    How = maps:get(aggregate, Options, sum),
    AddAll = fun({Source, Weight}, Sofar) ->
        fold(Store, Source, fun(Entry, Scores) -> add(How, Weight, Entry, Scores) end, Sofar)
    end,
    Scores = lists:foldl(AddAll, #{}, by_size(Store, Sources, Options)),
    [{Score, Member} || {Member, Score} <- maps:to_list(Scores)].

add(How, Weight, {Score, Member}, Scores) ->
    Weighted = eslaver_mirror_score:number(eslaver_mirror_score:weighted(How, Weight, Score)),
    case Scores of
        #{Member := Before} ->
            Scores#{Member => eslaver_mirror_score:combine(How, Before, Weighted)};
        #{} ->
            Scores#{Member => Weighted}
    end.

%% @doc The members that all sources have, in no order.
-spec intersection(store(), [source(), ...], options()) -> [entry()].
intersection(Store, Sources, Options) ->
    How = maps:get(aggregate, Options, sum),
    [{Smallest, Weight} | Others] = by_size(Store, Sources, Options),
    Keep = fun({Score, Member}, Common) ->
        First = eslaver_mirror_score:number(eslaver_mirror_score:weighted(How, Weight, Score)),
        case combined(Store, How, Member, First, Others) of
            none -> Common;
            Combined -> [{Combined, Member} | Common]
        end
    end,
    fold(Store, Smallest, Keep, []).

combined(_Store, _How, _Member, Score, []) ->
    Score;
combined(Store, How, Member, Score, [{Source, Weight} | Others]) ->
    case find(Store, Source, Member) of
        undefined ->
            none;
        Other ->
            Weighted = eslaver_mirror_score:weighted(How, Weight, Other),
            Both = eslaver_mirror_score:combine(How, Score, Weighted),
            combined(Store, How, Member, Both, Others)
    end.

%% @doc The members that the first source has and no other, in no order.
-spec difference(store(), [source(), ...]) -> [entry()].
difference(Store, [First | Others]) ->
    Keep = fun({_, Member} = Entry, Kept) ->
        case lists:any(fun(Other) -> find(Store, Other, Member) =/= undefined end, Others) of
            true -> Kept;
            false -> [Entry | Kept]
        end
    end,
    fold(Store, First, Keep, []).

%% @doc The number of members that all sources have, at most `Limit' unless that is 0.
-spec count_common(store(), [source(), ...], Limit :: non_neg_integer()) -> non_neg_integer().
count_common(Store, Sources, Limit) ->
    case length(intersection(Store, Sources, #{})) of
        Count when Limit > 0 -> min(Count, Limit);
        Count -> Count
    end.

%% Sources with their weights, the smallest first.
by_size(Store, Sources, Options) ->
    Weights = maps:get(weights, Options, [1.0 || _ <- Sources]),
    Sized = [
        {size(Store, Source), Source, Weight}
     || {Source, Weight} <- lists:zip(Sources, Weights)
    ],
    [{Source, Weight} || {_, Source, Weight} <- lists:keysort(1, Sized)].

size(_Store, none) -> 0;
size(Store, {zset, Zset}) -> eslaver_mirror_zset:size(Store, Zset);
size(Store, {set, Set}) -> eslaver_mirror_set:size(Store, Set).

fold(_Store, none, _Fun, Acc) ->
    Acc;
fold(Store, {zset, Zset}, Fun, Acc) ->
    All = {{0, eslaver_mirror_zset:size(Store, Zset)}, forward},
    eslaver_mirror_zset:fold(Store, Zset, Fun, Acc, All);
fold(Store, {set, Set}, Fun, Acc) ->
    eslaver_mirror_set:fold(Store, Set, fun(Member, Sofar) -> Fun({1.0, Member}, Sofar) end, Acc).

find(_Store, none, _Member) ->
    undefined;
find(Store, {zset, Zset}, Member) ->
    eslaver_mirror_zset:score(Store, Zset, Member);
find(Store, {set, Set}, Member) ->
    case eslaver_mirror_set:is_member(Store, Set, Member) of
        true -> 1.0;
        false -> undefined
    end.
