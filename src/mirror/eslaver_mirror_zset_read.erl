%% @doc Checks the options of reads of sorted sets, and shapes their answers.
%% @private
-module(eslaver_mirror_zset_read).

-export([selection/3, range/3, options/2, shape/1, sorted/1, check_cursor/1]).
-export_type([selection/0, shape/0]).

-type store() :: eslaver_mirror_store:store().
-type members() :: [{binary(), eslaver_mirror_score:public()}].

-opaque selection() :: {
    {
        eslaver_mirror_zset_range:range(),
        eslaver_mirror_zset_range:way(),
        eslaver_mirror_zset_range:limit()
    },
    shape()
}.

-type shape() :: fun((members()) -> members() | [binary()]).
%% Keeps the scores or drops them.

%% @doc Parses the arguments of `ZRANGE'.
-spec selection(term(), term(), map()) -> selection().
selection(Start, Stop, Options) when is_map(Options) ->
    {By, Rest} = option(by, index, Options),
    {Rev, Others} = option(rev, false, Rest),
    {Limit, Last} = option(limit, none, Others),
    Way = way(Rev),
    Range = eslaver_mirror_zset_range:from_terms(By, Way, Start, Stop),
    {{Range, Way, limit(By, Limit)}, shape(Last)};
selection(_Start, _Stop, _NoMap) ->
    error(badarg).

option(Name, Default, Options) ->
    {maps:get(Name, Options, Default), maps:remove(Name, Options)}.

way(true) -> backward;
way(false) -> forward;
way(_) -> error(badarg).

limit(_By, none) ->
    none;
limit(By, {Offset, Count}) when By =/= index, is_integer(Offset), is_integer(Count) ->
    {Offset, Count};
limit(_By, _) ->
    error(badarg).

%% @doc The selected members.
-spec range(store(), eslaver_mirror_zset:zset_body(), selection()) -> members() | [binary()].
range(Store, Zset, {{_, Way, _} = Selected, Shape}) ->
    Span = eslaver_mirror_zset_range:select(Store, Zset, Selected),
    Shape(eslaver_mirror_zset:range(Store, Zset, Span, Way)).

%% @doc Parses the options of `ZUNION' and similar commands, given the number of keys.
-spec options(pos_integer(), map()) -> {shape(), eslaver_mirror_zset_algebra:options()}.
options(Number, Options) when is_map(Options) ->
    Parsed = maps:map(
        fun(Name, Value) -> parse(Name, Value, Number) end,
        maps:with([weights, aggregate], Options)
    ),
    {shape(maps:without([weights, aggregate], Options)), Parsed};
options(_Number, _NoMap) ->
    error(badarg).

parse(weights, Weights, Number) when length(Weights) =:= Number ->
    [eslaver_mirror_score:from_term(Weight) || Weight <- Weights];
parse(aggregate, How, _Number) when How =:= sum; How =:= min; How =:= max; How =:= count ->
    How;
parse(_, _, _) ->
    error(badarg).

%% @doc Parses the option `with_scores', the only one allowed here.
-spec shape(map()) -> shape().
shape(#{with_scores := true} = Options) when map_size(Options) =:= 1 ->
    fun(Members) -> Members end;
shape(Options) when Options =:= #{}; Options =:= #{with_scores => false} ->
    fun(Members) -> [Member || {Member, _Score} <- Members] end;
shape(_) ->
    error(badarg).

%% @doc Sorted entries, as in answers to users.
-spec sorted([eslaver_mirror_zset:entry()]) -> members().
sorted(Entries) ->
    [eslaver_mirror_zset:to_term(Entry) || Entry <- lists:sort(Entries)].

%% @doc Raises `badarg' unless the argument is a cursor.
-spec check_cursor(term()) -> ok.
check_cursor(0) ->
    ok;
check_cursor({Score, Member}) when is_binary(Member) ->
    _ = eslaver_mirror_score:from_term(Score),
    ok;
check_cursor(_) ->
    error(badarg).
