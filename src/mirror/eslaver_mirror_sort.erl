%% @doc `SORT', given functions that fetch the elements and look up values.
%% @private
-module(eslaver_mirror_sort).

-export([new/0, by/1, pattern/1, run/3]).
-export_type([options/0, pattern/0, source/0, lookup/0]).

-type pattern() ::
    self
    | nothing
    | {Before :: binary(), Behind :: binary(), Field :: binary() | value}.
%% The element itself; nothing, for a pattern without `*'; or a key made from the element, and its
%% value or a field of it.

-type options() :: #{
    by := pattern(),
    get := [pattern()],
    limit := {Start :: integer(), Count :: integer()},
    order := asc | desc,
    alpha := boolean(),
    %% Whether the result must be the same on every machine.
    certain := boolean(),
    %% Which texts are numbers.
    numbers := eslaver_mirror_sort_number:dialect()
}.

-type source() :: {
    list | set | zset,
    Size :: non_neg_integer(),
    fun((Start :: non_neg_integer(), Count :: non_neg_integer(), asc | desc) -> [binary()])
}.
%% A container of elements, and a fun that fetches a range of them in the container's own order,
%% counted from its beginning or its end.

-type lookup() :: fun((Key :: binary(), Field :: binary() | value) -> binary() | undefined).

%% @doc The default options.
-spec new() -> options().
new() ->
    #{
        by => self,
        get => [],
        limit => {0, -1},
        order => asc,
        alpha => false,
        certain => false,
        numbers => any
    }.

%% @doc Parses a pattern.
-spec pattern(binary()) -> pattern().
pattern(<<"#">>) ->
    self;
pattern(Pattern) ->
    case binary:split(Pattern, <<"*">>) of
        [Before, Rest] ->
            case binary:split(Rest, <<"->">>) of
                [Behind, Field] when Field =/= <<>> -> {Before, Behind, Field};
                _ -> {Before, Rest, value}
            end;
        [_] ->
            nothing
    end.

%% @doc Parses a pattern to sort by. One without `*' leaves the elements in their order.
-spec by(binary()) -> nothing | {binary(), binary(), Field :: binary() | value}.
by(Pattern) ->
    case pattern(Pattern) of
        self -> nothing;
        Parsed -> Parsed
    end.

%% @doc The sorted elements, or the values of the `get' patterns for each, `undefined' for missing
%% ones. It raises `{not_a_number, Value}', and `undefined_order' if the result must be certain but
%% is not.
-spec run(source(), options(), lookup()) -> [binary() | undefined].
run({Type, Size, Fetch} = Source, #{limit := Limit} = Options, Lookup) ->
    {Start, Count} = window(Limit, Size),
    Elements =
        case rank_by(Type, Options) of
            nothing when Type =:= set -> lists:sublist(Fetch(0, Size, asc), Start + 1, Count);
            nothing -> Fetch(Start, Count, maps:get(order, Options));
            By -> ranked(Source, By, Options, Lookup, {Start, Count})
        end,
    got(Elements, maps:get(get, Options), Lookup).

%% For a result that must be certain, servers sort a set anyway.
rank_by(set, #{by := nothing, certain := true}) -> alpha;
rank_by(_Type, #{by := self, alpha := true}) -> alpha;
rank_by(_Type, #{by := self}) -> number;
rank_by(_Type, #{by := nothing}) -> nothing;
rank_by(_Type, #{by := Pattern, alpha := true}) -> {alpha, Pattern};
rank_by(_Type, #{by := Pattern}) -> {number, Pattern}.

window({Start, Count}, Size) ->
    First = min(max(Start, 0), Size),
    case Count < 0 of
        true -> {First, Size - First};
        false -> {First, min(Count, Size - First)}
    end.

ranked({_, Size, Fetch}, By, Options, Lookup, {Start, Count}) ->
    #{order := Order, certain := Certain, numbers := Dialect} = Options,
    Ranked = lists:sort([
        {rank(By, Element, Lookup, Dialect), Element}
     || Element <- Fetch(0, Size, asc)
    ]),
    Sorted =
        case Order of
            asc -> Ranked;
            desc -> lists:reverse(Ranked)
        end,
    case By of
        {alpha, _} when Certain ->
            From = max(0, Start - 1),
            settled(lists:sublist(Sorted, From + 1, Start - From + Count + 1));
        _ ->
            ok
    end,
    [Element || {_, Element} <- lists:sublist(Sorted, Start + 1, Count)].

%% Elements with the same number are ordered by themselves; among texts, elements without a value
%% come first.
rank(alpha, _Element, _Lookup, _Dialect) ->
    same;
rank(number, Element, _Lookup, Dialect) ->
    number(Element, Dialect);
rank({alpha, Pattern}, Element, Lookup, _Dialect) ->
    case value(Pattern, Element, Lookup) of
        undefined -> none;
        Text -> Text
    end;
rank({number, Pattern}, Element, Lookup, Dialect) ->
    case value(Pattern, Element, Lookup) of
        undefined -> 0.0;
        Text -> number(Text, Dialect)
    end.

number(Text, Dialect) ->
    case eslaver_mirror_sort_number:parse(Dialect, Text) of
        {ok, Number} -> Number;
        error -> error({not_a_number, Text})
    end.

%% The order of equal texts depends on the server's library.
settled([{Rank, One}, {Rank, Other} | _]) when One =/= Other -> error(undefined_order);
settled([_ | Rest]) -> settled(Rest);
settled([]) -> ok.

got(Elements, [], _Lookup) ->
    Elements;
got(Elements, Patterns, Lookup) ->
    [value(Pattern, Element, Lookup) || Element <- Elements, Pattern <- Patterns].

value(self, Element, _Lookup) ->
    Element;
value(nothing, _Element, _Lookup) ->
    undefined;
value({Before, Behind, Field}, Element, Lookup) ->
    Lookup(<<Before/binary, Element/binary, Behind/binary>>, Field).
