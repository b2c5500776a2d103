%% @doc Checks the arguments of reads of sorted sets. Invalid ones raise `badarg'.
%% @private
-module(eslaver_mirror_zset_arguments).

-export([range/3, bounds/3, combination/2, flag/2, limit/1, cursor/1]).

-type by() :: index | score | lex.
-type part() :: none | {Offset :: integer(), Count :: integer()}.

%% @doc What a range is by, whether it begins with the highest member, its limit, and whether scores
%% are wanted.
-spec range(term(), term(), map() | eslaver_types:keywords()) ->
    {by(), boolean(), part(), boolean()}.
range(Start, Stop, Options) when Options =:= #{}, is_integer(Start), is_integer(Stop) ->
    {index, false, none, false};
range(Start, Stop, Options) ->
    Given = eslaver_mirror_arguments:options(
        #{
            by => fun(By) -> lists:member(By, [index, score, lex]) end,
            rev => fun is_boolean/1,
            limit => fun is_part/1,
            with_scores => fun is_boolean/1
        },
        Options
    ),
    By = maps:get(by, Given, index),
    ok = bounds(By, Start, Stop),
    _ = is_map_key(limit, Given) andalso By =:= index andalso
        eslaver_mirror_arguments:invalid(limit),
    Rev = maps:get(rev, Given, false),
    {By, Rev, maps:get(limit, Given, none), maps:get(with_scores, Given, false)}.

is_part({Offset, Count}) -> is_integer(Offset) andalso is_integer(Count);
is_part(_) -> false.

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
-spec combination(pos_integer(), map() | eslaver_types:keywords()) ->
    {none | [number() | inf | '-inf'], sum | min | max | count, boolean()}.
combination(Number, Options) ->
    Given = eslaver_mirror_arguments:options(
        #{
            weights => fun(Weights) -> are_weights(Weights, Number) end,
            aggregate => fun(How) -> lists:member(How, [sum, min, max, count]) end,
            with_scores => fun is_boolean/1
        },
        Options
    ),
    {
        maps:get(weights, Given, none),
        maps:get(aggregate, Given, sum),
        maps:get(with_scores, Given, false)
    }.

are_weights(Weights, Number) when length(Weights) =:= Number ->
    lists:foreach(fun score/1, Weights) =:= ok;
are_weights(_, _) ->
    false.

%% @doc The value of the only option, a boolean.
-spec flag(atom(), map() | eslaver_types:keywords()) -> boolean().
flag(Name, Options) ->
    maps:get(Name, eslaver_mirror_arguments:options(#{Name => fun is_boolean/1}, Options), false).

%% @doc How far members are counted: 0 if there is no limit.
-spec limit(map() | eslaver_types:keywords()) -> non_neg_integer().
limit(Options) ->
    Check = fun(Limit) -> is_integer(Limit) andalso Limit >= 0 end,
    maps:get(limit, eslaver_mirror_arguments:options(#{limit => Check}, Options), 0).

%% @doc Checks a cursor of `zscan'.
-spec cursor(term()) -> ok.
cursor(0) -> ok;
cursor({Score, Member}) when is_binary(Member) -> score(Score);
cursor(_) -> error(badarg).
