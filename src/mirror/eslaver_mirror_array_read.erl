%% @doc Reads of arrays.
%% @private
-module(eslaver_mirror_array_read).

-export([check_index/1, check_indexes/1, check_bound/1]).
-export([get_many/3, range/4, scan/4, last/4, info/2]).
-export([predicates/1, grep/5, operation/1, aggregate/5]).
-export_type([info/0, bound/0, grep_options/0, operation/0, plan/0]).

-type store() :: eslaver_mirror_store:store().
-type body() :: eslaver_mirror_array:body() | none.
-type index() :: eslaver_mirror_array:index().

-type info() :: #{
    count := pos_integer(),
    length := pos_integer(),
    next_insert_index := non_neg_integer()
}.
%% The reply of `ARINFO', except how the server stores the array. As there, `next_insert_index' is 0
%% if no index is left.

-type bound() :: '-' | '+' | index().
%% The first index, the last, or this.

-type grep_options() :: #{
    exact => [binary()],
    match => [binary()],
    glob => [binary()],
    combine => 'or' | 'and',
    nocase => boolean(),
    limit => pos_integer(),
    with_values => boolean()
}.
%% Texts that an element equals, contains, or matches: one of them, or all (`combine').

-type operation() :: sum | min | max | 'and' | 'or' | 'xor' | used | {match, binary()}.

-opaque plan() :: {fun((binary()) -> boolean()), Limit :: pos_integer() | infinity, boolean()}.

%% The most positions that a server returns.
-define(MOST, 1_000_000).
%% The first Redis whose ARLASTITEMS goes back from the last element by the whole count.
-define(WHOLE_TAIL, {8, 12}).
-define(MAX_INDEX, 16#FFFFFFFFFFFFFFFE).
-define(INT64(N), (N >= -(1 bsl 63) andalso N < 1 bsl 63)).

%% @doc Raises `badarg' unless the argument is an index.
-spec check_index(term()) -> ok.
check_index(Index) when is_integer(Index), Index >= 0, Index =< ?MAX_INDEX -> ok;
check_index(_) -> error(badarg).

%% @doc Raises `badarg' unless the argument is a list of indexes.
-spec check_indexes(term()) -> ok.
check_indexes([]) ->
    ok;
check_indexes([Index | More]) ->
    ok = check_index(Index),
    check_indexes(More);
check_indexes(_) ->
    error(badarg).

%% @doc Raises `badarg' unless the argument is a bound.
-spec check_bound(term()) -> ok.
check_bound(Bound) when Bound =:= '-'; Bound =:= '+' -> ok;
check_bound(Index) -> check_index(Index).

-spec get_many(store(), body(), [index()]) -> [binary() | undefined].
get_many(_Store, none, Indexes) ->
    [undefined || _ <- Indexes];
get_many(Store, Body, Indexes) ->
    [eslaver_mirror_array:get(Store, Body, Index) || Index <- Indexes].

%% @doc Every position from one index to the other, forward or backward.
-spec range(store(), body(), index(), index()) ->
    [binary() | undefined] | {error, range_too_large}.
range(_Store, _Body, From, To) when abs(From - To) >= ?MOST ->
    {error, range_too_large};
range(Store, Body, From, To) when From =< To ->
    get_many(Store, Body, lists:seq(From, To));
range(Store, Body, From, To) ->
    get_many(Store, Body, lists:seq(From, To, -1)).

%% @doc The elements from one index to the other, at most `Limit'.
-spec scan(store(), body(), {index(), index()}, pos_integer() | infinity) ->
    [{index(), binary()}].
scan(Store, Body, Range, Limit) ->
    found(Store, Body, fun(_) -> true end, Range, Limit).

found(_Store, none, _Is, _Range, _Limit) ->
    [];
found(Store, Body, Is, Range, Limit) ->
    {_, Found} = eslaver_mirror_array:fold(
        Store,
        Body,
        fun(Index, Element, {Left, Found}) ->
            case Is(Element) of
                true when Left =:= 1 -> {stop, {0, [{Index, Element} | Found]}};
                true -> {go_on, {less(Left), [{Index, Element} | Found]}};
                false -> {go_on, {Left, Found}}
            end
        end,
        {Limit, []},
        Range
    ),
    lists:reverse(Found).

less(infinity) -> infinity;
less(Limit) -> Limit - 1.

%% @doc The positions up to the element inserted last; with `rev' backward from there.
-spec last(store(), body(), Count :: integer(), Rev :: boolean()) ->
    [binary() | undefined] | {error, range_too_large}.
last(_Store, none, _Count, _Rev) ->
    [];
last(Store, Body, Wanted, Rev) ->
    Length = eslaver_mirror_array:length(Store, Body),
    Elements = eslaver_mirror_array:count(Store, Body),
    {Newest, Most} = tail(Store, eslaver_mirror_array:cursor(Body), Length, Elements),
    Count = max(0, min(Wanted, Most)),
    case Count > ?MOST andalso Count > Elements of
        true ->
            {error, range_too_large};
        false ->
            Back = get_many(Store, Body, back(Newest, Length, Count)),
            case Rev of
                true -> Back;
                false -> lists:reverse(Back)
            end
    end.

%% The last position, and how many positions at most. Before Redis 8.12 the last position is the
%% cursor, even after all elements, and there are no more positions than elements.
tail(Store, Cursor, Length, Elements) ->
    Last = Length - 1,
    case eslaver_mirror_store:version(Store) of
        {_, _} = Version when Version >= ?WHOLE_TAIL -> {min(at(Cursor, Last), Last), Length};
        _ -> {at(Cursor, Last), Elements}
    end.

at(none, Last) -> Last;
at(Cursor, _Last) -> Cursor.

back(_Index, _Length, 0) -> [];
back(0, Length, Count) -> [0 | back(Length - 1, Length, Count - 1)];
back(Index, Length, Count) -> [Index | back(Index - 1, Length, Count - 1)].

-spec info(store(), eslaver_mirror_array:body()) -> info().
info(Store, Body) ->
    #{
        count => eslaver_mirror_array:count(Store, Body),
        length => eslaver_mirror_array:length(Store, Body),
        next_insert_index =>
            case eslaver_mirror_array:next_index(Body) of
                undefined -> 0;
                Index -> Index
            end
    }.

%% @doc Parses the options of `ARGREP'. Raises `badarg' for invalid ones.
-spec predicates(map()) -> plan().
predicates(Options) ->
    Texts = fun(Texts) -> eslaver_mirror_arguments:binaries(Texts) =:= ok end,
    ok = eslaver_mirror_arguments:options(
        #{
            exact => Texts,
            match => Texts,
            glob => Texts,
            combine => fun(How) -> How =:= 'or' orelse How =:= 'and' end,
            nocase => fun is_boolean/1,
            limit => fun(Limit) -> is_integer(Limit) andalso Limit > 0 end,
            with_values => fun is_boolean/1
        },
        Options
    ),
    NoCase = maps:get(nocase, Options, false),
    Tests = [
        test(Kind, Text, NoCase)
     || Kind <- [exact, match, glob], Text <- maps:get(Kind, Options, [])
    ],
    _ = Tests =/= [] orelse error(badarg),
    Is = combined_tests(maps:get(combine, Options, 'or'), Tests),
    {Is, maps:get(limit, Options, infinity), maps:get(with_values, Options, false)}.

combined_tests('or', Tests) ->
    fun(Element) -> lists:any(fun(Test) -> Test(Element) end, Tests) end;
combined_tests('and', Tests) ->
    fun(Element) -> lists:all(fun(Test) -> Test(Element) end, Tests) end.

test(Kind, Text, NoCase) ->
    Fold =
        case NoCase of
            true -> fun eslaver_text:lower/1;
            false -> fun(Bytes) -> Bytes end
        end,
    Wanted = Fold(Text),
    case Kind of
        exact -> fun(Element) -> Fold(Element) =:= Wanted end;
        match when Text =:= <<>> -> fun(_Element) -> true end;
        match -> fun(Element) -> binary:match(Fold(Element), Wanted) =/= nomatch end;
        glob -> fun(Element) -> eslaver_keys:matches(Wanted, Fold(Element)) end
    end.

-spec grep(store(), body(), bound(), bound(), plan()) -> [index()] | [{index(), binary()}].
grep(_Store, none, _From, _To, _Plan) ->
    [];
grep(Store, Body, From, To, {Is, Limit, WithValues}) ->
    Last = eslaver_mirror_array:length(Store, Body) - 1,
    Found = found(Store, Body, Is, {place(From, Last), place(To, Last)}, Limit),
    case WithValues of
        true -> Found;
        false -> [Index || {Index, _} <- Found]
    end.

place('-', _Last) -> 0;
place('+', Last) -> Last;
place(Index, _Last) -> Index.

%% @doc Raises `badarg' unless the argument is an operation.
-spec operation(term()) -> operation().
operation(Operation) when
    Operation =:= sum;
    Operation =:= min;
    Operation =:= max;
    Operation =:= 'and';
    Operation =:= 'or';
    Operation =:= 'xor';
    Operation =:= used
->
    Operation;
operation({match, Text} = Operation) when is_binary(Text) ->
    Operation;
operation(_) ->
    error(badarg).

%% @doc The result of `AROP'. Elements that are not numbers are left out. Sums, minima and maxima
%% are integers if all numbers are; servers add floats with more digits.
-spec aggregate(store(), body(), index(), index(), operation()) ->
    integer() | eslaver_mirror_score:public() | undefined.
aggregate(Store, Body, From, To, used) ->
    length(scan(Store, Body, {From, To}, infinity));
aggregate(Store, Body, From, To, {match, Text}) ->
    length(found(Store, Body, fun(Element) -> Element =:= Text end, {From, To}, infinity));
aggregate(Store, Body, From, To, Operation) ->
    Numbers = [
        Number
     || {_, Element} <- scan(Store, Body, {From, To}, infinity), Number <- number(Element)
    ],
    case {lists:member(Operation, [sum, min, max]), lists:all(fun is_integer/1, Numbers)} of
        {true, true} ->
            combined(Operation, Numbers);
        {true, false} ->
            scored(combined(Operation, [score(Number) || Number <- Numbers]));
        {false, _} ->
            combined(Operation, [whole(Number) || Number <- Numbers, ?INT64(whole(Number))])
    end.

%% An integer as servers write it, or else whatever `strtold' accepts.
number(<<>>) ->
    [];
number(<<Space, _/binary>>) when Space =:= $\s; Space >= $\t, Space =< $\r ->
    [];
number(Text) ->
    try
        case integer(Text) of
            Integer when ?INT64(Integer) -> [Integer];
            _ -> [{score, eslaver_mirror_score:parse(Text)}]
        end
    catch
        error:_ -> []
    end.

integer(Text) ->
    case re:run(Text, "^(0|-?[1-9][0-9]*)$", [dollar_endonly, {capture, none}]) of
        match -> binary_to_integer(Text);
        nomatch -> none
    end.

score({score, Score}) -> Score;
score(Integer) -> float(Integer).

scored(undefined) -> undefined;
scored(nan) -> undefined;
scored(Score) -> eslaver_mirror_score:to_term(Score).

%% A number truncated to an integer; for an infinite one, an integer out of every range.
whole({score, Float}) when is_float(Float) -> trunc(Float);
whole({score, _Infinite}) -> 1 bsl 64;
whole(Integer) -> Integer.

combined(_Operation, []) ->
    undefined;
combined(Operation, [First | Others]) ->
    lists:foldl(fun(Number, Acc) -> combine(Operation, Acc, Number) end, First, Others).

combine('and', One, Other) -> One band Other;
combine('or', One, Other) -> One bor Other;
combine('xor', One, Other) -> One bxor Other;
combine(min, One, Other) -> min(One, Other);
combine(max, One, Other) -> max(One, Other);
combine(sum, nan, _Other) -> nan;
combine(sum, One, Other) when is_integer(One), is_integer(Other) -> One + Other;
combine(sum, One, Other) -> eslaver_mirror_score:add(One, Other).
