%% @doc Which members of a sorted set lie in a range, by index, score or name.
%% @private
-module(eslaver_mirror_zset_range).

-export([parse/4, from_terms/4, span/3, select/3, is_certain/3]).
-export_type([range/0, by/0, way/0, limit/0, bound/1]).

-type by() :: index | score | lex.

-type bound(What) :: {inclusive | exclusive, What} | lowest | highest.

-type range() ::
    {index, integer(), integer()}
    | {score, bound(eslaver_mirror_score:score()), bound(eslaver_mirror_score:score())}
    | {lex, bound(binary()), bound(binary())}.
%% From a lower bound to an upper one. Members with equal scores are ordered by name.

-type way() :: forward | backward.
%% From the lowest member on, or from the highest.

-type limit() :: none | {Offset :: integer(), Count :: integer()}.

-type store() :: eslaver_mirror_store:store().
-type zset() :: eslaver_mirror_zset:zset_body().
-type span() :: eslaver_mirror_tree:span().

%% @doc The positions of a range's members.
-spec span(store(), zset(), range()) -> span().
span(_Store, Zset, {index, Start, Stop}) ->
    eslaver_mirror_tree:span(Start, Stop, Zset);
span(Store, Zset, {By, Low, High}) ->
    From = before(Store, Zset, By, Low),
    To = before(Store, Zset, By, beyond(High)),
    {From, max(To - From, 0)}.

%% The bound from which on members are outside the range.
beyond({inclusive, What}) -> {exclusive, What};
beyond({exclusive, What}) -> {inclusive, What};
beyond(End) -> End.

%% The number of members below a bound.
before(_Store, _Zset, _By, lowest) ->
    0;
before(Store, Zset, _By, highest) ->
    eslaver_mirror_zset:size(Store, Zset);
before(Store, Zset, score, {inclusive, Score}) ->
    eslaver_mirror_zset:rank_of(Store, Zset, fun({Other, _}) -> Other < Score end);
before(Store, Zset, score, {exclusive, Score}) ->
    eslaver_mirror_zset:rank_of(Store, Zset, fun({Other, _}) -> Other =< Score end);
before(Store, Zset, lex, {inclusive, Member}) ->
    eslaver_mirror_zset:rank_of(Store, Zset, fun({_, Other}) -> Other < Member end);
before(Store, Zset, lex, {exclusive, Member}) ->
    eslaver_mirror_zset:rank_of(Store, Zset, fun({_, Other}) -> Other =< Member end).

%% @doc The positions of what `REV' and `LIMIT' leave of a range. Going backward, indexes and
%% offsets count from the highest member on.
-spec select(store(), zset(), {range(), way(), limit()}) -> span().
select(Store, Zset, {{index, _, _} = Range, backward, Limit}) ->
    {From, Count} = span(Store, Zset, Range),
    Size = eslaver_mirror_zset:size(Store, Zset),
    limit({Size - From - Count, Count}, backward, Limit);
select(Store, Zset, {Range, Way, Limit}) ->
    limit(span(Store, Zset, Range), Way, Limit).

limit(Span, _Way, none) ->
    Span;
limit({From, _}, _Way, {Offset, _}) when Offset < 0 ->
    {From, 0};
limit({From, Count}, Way, {Offset, Most}) ->
    Left = max(Count - Offset, 0),
    Taken =
        case Most < 0 of
            true -> Left;
            false -> min(Most, Left)
        end,
    case Way of
        forward -> {From + Offset, Taken};
        backward -> {From + Left - Taken, Taken}
    end.

%% @doc Whether a server's selection is well defined. If scores differ, names are not in order, and
%% what a server finds by name depends on how it stores the members, unless those in the range stand
%% together, with all lower names before and all higher ones after them. The effect of a negative
%% offset depends on the same.
-spec is_certain(store(), zset(), {range(), way(), limit()}) -> boolean().
is_certain(Store, Zset, {Range, _Way, {Offset, _}}) when Offset < 0 ->
    {_From, Count} = span(Store, Zset, Range),
    Count =:= 0 andalso is_certain_range(Store, Zset, Range);
is_certain(Store, Zset, {Range, _Way, _Limit}) ->
    is_certain_range(Store, Zset, Range).

is_certain_range(Store, Zset, {lex, Low, High} = Range) ->
    Size = eslaver_mirror_zset:size(Store, Zset),
    End = fun(Way) -> hd(eslaver_mirror_zset:range(Store, Zset, end_of(Way, Size), forward)) end,
    {_, Lowest} = End(forward),
    {_, Highest} = End(backward),
    Lowest == Highest orelse stand_together(Store, Zset, {0, Size}, {Low, High}, Range);
is_certain_range(_Store, _Zset, _Range) ->
    true.

end_of(forward, _Size) -> {0, 1};
end_of(backward, Size) -> {Size - 1, 1}.

stand_together(Store, Zset, All, {Low, High}, Range) ->
    {From, Count} = span(Store, Zset, Range),
    Upper = beyond(High),
    InOrder = fun({_, Member}, {At, Certain}) ->
        Right =
            is_below(Member, Low) =:= (At < From) andalso
                is_below(Member, Upper) =:= (At < From + Count),
        {At + 1, Certain andalso Right}
    end,
    {_, Certain} = eslaver_mirror_zset:fold(Store, Zset, InOrder, {0, true}, {All, forward}),
    Certain.

is_below(_Member, lowest) -> false;
is_below(_Member, highest) -> true;
is_below(Member, {inclusive, Bound}) -> Member < Bound;
is_below(Member, {exclusive, Bound}) -> Member =< Bound.

%% @doc Parses the range of a command. Going backward, the upper bound comes first.
-spec parse(by(), way(), binary(), binary()) -> range().
parse(index, _Way, Start, Stop) -> {index, binary_to_integer(Start), binary_to_integer(Stop)};
parse(By, backward, High, Low) -> parse(By, forward, Low, High);
parse(score, forward, Low, High) -> {score, parse_score(Low), parse_score(High)};
parse(lex, forward, Low, High) -> {lex, parse_lex(Low), parse_lex(High)}.

parse_score(<<$(, Score/binary>>) -> {exclusive, eslaver_mirror_score:parse(Score)};
parse_score(Score) -> {inclusive, eslaver_mirror_score:parse(Score)}.

parse_lex(<<$->>) -> lowest;
parse_lex(<<$+>>) -> highest;
parse_lex(<<$(, Member/binary>>) -> {exclusive, Member};
parse_lex(<<$[, Member/binary>>) -> {inclusive, Member}.

%% @doc Parses the range of a read. Raises `badarg' for an invalid one.
-spec from_terms(by(), way(), term(), term()) -> range().
from_terms(index, _Way, Start, Stop) when is_integer(Start), is_integer(Stop) ->
    {index, Start, Stop};
from_terms(By, backward, High, Low) when By =/= index -> from_terms(By, forward, Low, High);
from_terms(score, forward, Low, High) ->
    {score, score_bound(Low), score_bound(High)};
from_terms(lex, forward, Low, High) ->
    {lex, lex_bound(Low), lex_bound(High)};
from_terms(_, _, _, _) ->
    error(badarg).

score_bound({exclusive, Score}) -> {exclusive, eslaver_mirror_score:from_term(Score)};
score_bound(Score) -> {inclusive, eslaver_mirror_score:from_term(Score)}.

lex_bound('-') ->
    lowest;
lex_bound('+') ->
    highest;
lex_bound({Kind, Member}) when is_binary(Member), (Kind =:= inclusive orelse Kind =:= exclusive) ->
    {Kind, Member};
lex_bound(_) ->
    error(badarg).
