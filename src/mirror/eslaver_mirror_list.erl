%% @doc Lists in a mirror: a tree of elements by index.
%% @private
-module(eslaver_mirror_list).

-behaviour(eslaver_mirror_type).

-export([load/3, copy/2, discard/3]).
-export([new/0, push/4, pop/4, insert/5, set/4, remove/4, trim/4]).
-export([length/2, range/4, index/3, position/4, check_options/1]).
-export_type([list_body/0, position_options/0]).

-type list_body() :: eslaver_mirror_tree:tree().
-type store() :: eslaver_mirror_store:store().
-type element() :: binary().
-type list_end() :: front | back.

-type position_options() :: #{
    rank => integer(), count => non_neg_integer(), maxlen => non_neg_integer()
}.

%% Elements that a search reads at a time.
-define(PIECE, 1000).

%% For the behaviour.

%% @private
-spec load(store(), [element()], map()) -> list_body() | empty.
load(#{nodes := Nodes}, Elements, _Meta) ->
    or_empty(eslaver_mirror_tree:from_list(Nodes, sequence, Elements)).

%% @private
-spec copy(store(), list_body()) -> list_body().
copy(#{nodes := Nodes}, List) ->
    eslaver_mirror_tree:copy(Nodes, fun(_Id, _Elements) -> ok end, List).

%% @private
-spec discard(store(), list_body() | eslaver_mirror_tree:rest(), pos_integer()) ->
    done | {more, eslaver_mirror_tree:rest()}.
discard(#{nodes := Nodes}, List, Limit) ->
    eslaver_mirror_tree:discard(Nodes, fun(_Elements) -> 0 end, Limit, List).

or_empty(List) ->
    case eslaver_mirror_tree:size(List) of
        0 -> empty;
        _ -> List
    end.

%% Writing.

%% @doc An empty list.
-spec new() -> list_body().
new() ->
    eslaver_mirror_tree:new(sequence).

%% @doc Pushes elements, one after the other.
-spec push(store(), list_body(), list_end(), [element()]) -> list_body().
push(#{nodes := Nodes}, List, End, Elements) ->
    eslaver_mirror_tree:push(Nodes, End, Elements, List).

%% @doc Takes up to `Most' elements from an end, in the order in which they are taken.
-spec pop(store(), list_body(), list_end(), non_neg_integer()) ->
    {[element()], list_body() | empty}.
pop(#{nodes := Nodes}, List, End, Most) ->
    Size = eslaver_mirror_tree:size(List),
    Count = min(Most, Size),
    {Span, Way} =
        case End of
            front -> {{0, Count}, forward};
            back -> {{Size - Count, Count}, backward}
        end,
    Elements = eslaver_mirror_tree:range(Nodes, Span, Way, List),
    {Elements, delete(Nodes, [Span], List)}.

%% @doc Inserts an element next to the first one that equals the pivot. It raises if there is none.
-spec insert(store(), list_body(), 'before' | 'after', Pivot :: element(), element()) ->
    list_body().
insert(#{nodes := Nodes}, List, Side, Pivot, Element) ->
    [At] = find(Nodes, Pivot, forward, 1, all, List),
    Where =
        case Side of
            'before' -> At;
            'after' -> At + 1
        end,
    eslaver_mirror_tree:insert(Nodes, {at, Where}, Element, List).

%% @doc Replaces the element at an existing index.
-spec set(store(), list_body(), integer(), element()) -> ok.
set(#{nodes := Nodes}, List, Index, Element) ->
    {At, 1} = eslaver_mirror_tree:span(Index, Index, List),
    eslaver_mirror_tree:replace(Nodes, At, Element, List).

%% @doc Removes the first `Count' elements equal to `Element', the last ones with a negative count,
%% all with 0.
-spec remove(store(), list_body(), integer(), element()) -> list_body() | empty.
remove(#{nodes := Nodes}, List, Count, Element) ->
    Found =
        if
            Count > 0 -> find(Nodes, Element, forward, Count, all, List);
            Count < 0 -> lists:reverse(find(Nodes, Element, backward, -Count, all, List));
            true -> find(Nodes, Element, forward, all, all, List)
        end,
    delete(Nodes, [{At, 1} || At <- Found], List).

%% @doc Removes all but the elements from one index to another.
-spec trim(store(), list_body(), integer(), integer()) -> list_body() | empty.
trim(#{nodes := Nodes}, List, Start, Stop) ->
    Size = eslaver_mirror_tree:size(List),
    Spans =
        case eslaver_mirror_tree:span(Start, Stop, List) of
            {_, 0} -> [{0, Size}];
            {From, Count} -> [{0, From}, {From + Count, Size - From - Count}]
        end,
    delete(Nodes, Spans, List).

delete(Nodes, Spans, List) ->
    Some = [Span || {_, Count} = Span <- Spans, Count > 0],
    or_empty(eslaver_mirror_tree:delete(Nodes, Some, List)).

%% Reading.

%% @doc LLEN.
-spec length(store(), list_body()) -> non_neg_integer().
length(_Store, List) ->
    eslaver_mirror_tree:size(List).

%% @doc LRANGE.
-spec range(store(), list_body(), integer(), integer()) -> [element()].
range(#{nodes := Nodes}, List, Start, Stop) ->
    eslaver_mirror_tree:range(
        Nodes, eslaver_mirror_tree:span(Start, Stop, List), forward, List
    ).

%% @doc LINDEX.
-spec index(store(), list_body(), integer()) -> element() | undefined.
index(#{nodes := Nodes}, List, Index) ->
    case eslaver_mirror_tree:span(Index, Index, List) of
        {At, 1} -> eslaver_mirror_tree:nth(Nodes, At, List);
        {_, 0} -> undefined
    end.

%% @doc LPOS: an index or `undefined'; with `count' a list of indexes.
-spec position(store(), list_body(), element(), position_options()) ->
    non_neg_integer() | undefined | [non_neg_integer()].
position(#{nodes := Nodes}, List, Element, Options) ->
    Rank = maps:get(rank, Options, 1),
    Way =
        case Rank > 0 of
            true -> forward;
            false -> backward
        end,
    Skip = abs(Rank) - 1,
    Most = limit(maps:get(maxlen, Options, 0)),
    case Options of
        #{count := Count} ->
            Found = find(Nodes, Element, Way, plus(limit(Count), Skip), Most, List),
            lists:nthtail(min(Skip, erlang:length(Found)), Found);
        #{} ->
            case find(Nodes, Element, Way, Skip + 1, Most, List) of
                Found when erlang:length(Found) > Skip -> lists:last(Found);
                _ -> undefined
            end
    end.

%% @doc Raises `badarg' unless the options are valid.
-spec check_options(position_options()) -> ok.
check_options(Options) ->
    Number = fun(Value) -> is_integer(Value) andalso Value >= 0 end,
    eslaver_mirror_arguments:options(
        #{
            rank => fun(Rank) -> is_integer(Rank) andalso Rank =/= 0 end,
            count => Number,
            maxlen => Number
        },
        Options
    ).

limit(0) -> all;
limit(Limit) -> Limit.

plus(all, _) -> all;
plus(Count, More) -> Count + More.

%% The indexes of up to `Want' equal elements among the first `Most', in the order of the search.
-spec find(
    ets:tid(),
    element(),
    forward | backward,
    Want :: all | non_neg_integer(),
    Most :: all | non_neg_integer(),
    list_body()
) -> [non_neg_integer()].
find(Nodes, Element, Way, Want, Most, List) ->
    Size = eslaver_mirror_tree:size(List),
    lists:reverse(find(Nodes, Element, Way, Want, 0, at_most(Most, Size), List, [])).

%% `Done' elements have been searched.
find(_Nodes, _Element, _Way, 0, _Done, _Most, _List, Found) ->
    Found;
find(_Nodes, _Element, _Way, _Want, Most, Most, _List, Found) ->
    Found;
find(Nodes, Element, Way, Want, Done, Most, List, Found) ->
    Count = min(?PIECE, Most - Done),
    Size = eslaver_mirror_tree:size(List),
    {From, Step, First} =
        case Way of
            forward -> {Done, 1, Done};
            backward -> {Size - Done - Count, -1, Size - Done - 1}
        end,
    Elements = eslaver_mirror_tree:range(Nodes, {From, Count}, Way, List),
    {Left, Next} = find_in(Elements, Element, First, Step, Want, Found),
    find(Nodes, Element, Way, Left, Done + Count, Most, List, Next).

at_most(all, Size) -> Size;
at_most(Most, Size) -> min(Most, Size).

find_in(_Elements, _Element, _At, _Step, 0, Found) ->
    {0, Found};
find_in([], _Element, _At, _Step, Want, Found) ->
    {Want, Found};
find_in([Element | Rest], Element, At, Step, Want, Found) ->
    find_in(Rest, Element, At + Step, Step, less(Want), [At | Found]);
find_in([_ | Rest], Element, At, Step, Want, Found) ->
    find_in(Rest, Element, At + Step, Step, Want, Found).

less(all) -> all;
less(Want) -> Want - 1.
