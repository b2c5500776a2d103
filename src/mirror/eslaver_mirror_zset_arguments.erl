%% @doc Checks the arguments of reads of sorted sets. Invalid ones raise `badarg'.
%% @private
-module(eslaver_mirror_zset_arguments).

-export([range/3, bounds/3, combination/2, with_scores/1, cursor/1]).

-type by() :: index | score | lex.
-type limit() :: none | {Offset :: integer(), Count :: integer()}.

%% @doc What a range is by, whether it begins with the highest member, its limit, and whether scores
%% are wanted.
-spec range(term(), term(), map()) -> {by(), boolean(), limit(), boolean()}.
range(Start, Stop, Options) when Options =:= #{}, is_integer(Start), is_integer(Stop) ->
    {index, false, none, false};
range(Start, Stop, Options) when is_map(Options) ->
    {By, Rest} = option(by, index, Options),
    {Rev, Others} = option(rev, false, Rest),
    {Limit, Last} = option(limit, none, Others),
    _ = is_boolean(Rev) orelse error(badarg),
    ok = bounds(By, Start, Stop),
    {By, Rev, limit(By, Limit), with_scores(Last)};
range(_Start, _Stop, _NoMap) ->
    error(badarg).

option(Name, Default, Options) ->
    {maps:get(Name, Options, Default), maps:remove(Name, Options)}.

limit(_By, none) ->
    none;
limit(By, {Offset, Count}) when By =/= index, is_integer(Offset), is_integer(Count) ->
    {Offset, Count};
limit(_By, _) ->
    error(badarg).

%% @doc Checks the bounds of a range.
-spec bounds(by(), term(), term()) -> ok.
bounds(index, Start, Stop) when is_integer(Start), is_integer(Stop) ->
    ok;
bounds(score, Low, High) ->
    ok = score_bound(Low),
    score_bound(High);
bounds(lex, Low, High) ->
    ok = lex_bound(Low),
    lex_bound(High);
bounds(_, _, _) ->
    error(badarg).

score_bound({exclusive, Score}) -> score(Score);
score_bound(Score) -> score(Score).

score(inf) ->
    ok;
score('-inf') ->
    ok;
score(Number) when is_number(Number) ->
    %% an integer may be too large for a float
    _ = float(Number),
    ok;
score(_) ->
    error(badarg).

lex_bound('-') -> ok;
lex_bound('+') -> ok;
lex_bound({inclusive, Member}) when is_binary(Member) -> ok;
lex_bound({exclusive, Member}) when is_binary(Member) -> ok;
lex_bound(_) -> error(badarg).

%% @doc The options of a combination of this number of sorted sets: weights, aggregate, and whether
%% scores are wanted.
-spec combination(pos_integer(), map()) ->
    {none | [number() | inf | '-inf'], sum | min | max | count, boolean()}.
combination(Number, Options) when is_map(Options) ->
    {Weights, Rest} = option(weights, none, Options),
    {Aggregate, Last} = option(aggregate, sum, Rest),
    ok = weights(Weights, Number),
    _ = lists:member(Aggregate, [sum, min, max, count]) orelse error(badarg),
    {Weights, Aggregate, with_scores(Last)};
combination(_Number, _NoMap) ->
    error(badarg).

weights(none, _Number) -> ok;
weights(Weights, Number) when length(Weights) =:= Number -> lists:foreach(fun score/1, Weights);
weights(_, _) -> error(badarg).

%% @doc Whether scores are wanted, if the options hold nothing else.
-spec with_scores(map()) -> boolean().
with_scores(#{with_scores := With} = Options) when map_size(Options) =:= 1, is_boolean(With) ->
    With;
with_scores(Options) when Options =:= #{} ->
    false;
with_scores(_) ->
    error(badarg).

%% @doc Checks a cursor of `zscan'.
-spec cursor(term()) -> ok.
cursor(0) -> ok;
cursor({Score, Member}) when is_binary(Member) -> score(Score);
cursor(_) -> error(badarg).
