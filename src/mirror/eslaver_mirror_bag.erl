%% @doc What sets and hashes have in common: elements in no order that a user knows, in an
%% ordered_set, each keyed `{Id, Hash, Element}'. `Hash' is the element's own, of 32 bits, so a
%% random number finds a random element, and a hash is a cursor that stays right while elements come
%% and go.
%% @private
-module(eslaver_mirror_bag).

-export([key/2, from/4, sample/4, some/2, shuffle/1]).
-export_type([key/0]).

-type id() :: eslaver_mirror_store:id().
-type key() :: {id(), Hash :: non_neg_integer(), Element :: binary()}.

-define(HASHES, (1 bsl 32)).
%% A cell is a range of hashes with `?MEAN' elements on average.
-define(MEAN, 4).
%% More elements are in about one cell of a million.
-define(MOST, 16).
%% Where elements are being removed none may be left to be found.
-define(TRIES, 1000).

%% @doc The key of an element.
-spec key(id(), binary()) -> key().
key(Id, Element) ->
    {Id, erlang:phash2(Element, ?HASHES), Element}.

%% @doc About `Count' keys from those with this hash on, and the hash to go on from, or 0 when there
%% are no more. Elements with one hash are given together.
-spec from(ets:tid(), id(), Hash :: non_neg_integer(), Count :: pos_integer()) ->
    {Next :: non_neg_integer(), [key()]}.
from(Table, Id, Hash, Count) ->
    from(Table, Id, next(Table, Id, {Id, Hash, 0}), Count, none, []).

from(_Table, _Id, none, _Count, _Last, Keys) ->
    {0, Keys};
from(_Table, _Id, {_, Hash, _}, Count, Last, Keys) when Count =< 0, Hash =/= Last ->
    {Hash, Keys};
from(Table, Id, {_, Hash, _} = Key, Count, _Last, Keys) ->
    from(Table, Id, next(Table, Id, Key), Count - 1, Hash, [Key | Keys]).

%% A key that is less than those with its hash has a number for its element.
next(Table, Id, Key) ->
    case ets:next(Table, Key) of
        {Id, _, _} = Next -> Next;
        _ -> none
    end.

%% @doc A random one of `Size' elements. All have the same chance, except those of cells with more
%% than 16 elements. Cells have the same chance, and one of k elements is taken with the
%% chance k/16.
-spec random(ets:tid(), id(), Size :: pos_integer()) -> key().
random(Table, Id, Size) when Size =< ?MOST ->
    {_, Keys} = from(Table, Id, 0, Size),
    pick(Keys);
random(Table, Id, Size) ->
    random(Table, Id, Size div ?MEAN, ?TRIES).

random(Table, Id, Cells, Tries) when Tries > 0 ->
    Cell = rand:uniform(Cells) - 1,
    Keys = cell(Table, Id, {Id, edge(Cell, Cells), 0}, edge(Cell + 1, Cells), []),
    case rand:uniform(?MOST) =< length(Keys) of
        true -> pick(Keys);
        false -> random(Table, Id, Cells, Tries - 1)
    end.

edge(Cell, Cells) ->
    Cell * ?HASHES div Cells.

cell(Table, Id, Key, High, Keys) ->
    case next(Table, Id, Key) of
        {_, Hash, _} = Next when Hash < High -> cell(Table, Id, Next, High, [Next | Keys]);
        _ -> Keys
    end.

pick(Keys) ->
    lists:nth(rand:uniform(length(Keys)), Keys).

%% @doc `Count' different random elements of `Size', or all if there are no more; with a negative
%% count any may come again.
-spec sample(ets:tid(), id(), Size :: pos_integer(), Count :: integer()) -> [key()].
sample(Table, Id, Size, Count) when Count < 0 ->
    [random(Table, Id, Size) || _ <- lists:seq(1, -Count)];
sample(Table, Id, Size, Count) when Count * 3 < Size ->
    distinct(Table, Id, Size, Count, Count * ?TRIES, #{});
sample(Table, Id, Size, Count) ->
    {_, Keys} = from(Table, Id, 0, Size),
    lists:sublist(shuffle(Keys), Count).

distinct(_Table, _Id, _Size, Count, _Tries, Keys) when map_size(Keys) =:= Count ->
    maps:keys(Keys);
distinct(Table, Id, Size, Count, Tries, Keys) when Tries > 0 ->
    distinct(Table, Id, Size, Count, Tries - 1, Keys#{random(Table, Id, Size) => []}).

%% @doc These in any order.
-spec shuffle([Element]) -> [Element].
shuffle(List) ->
    [Element || {_, Element} <- lists:sort([{rand:uniform(), Each} || Each <- List])].

%% @doc `Count' different random elements of a list, or any with a negative count.
-spec some([Element], Count :: integer()) -> [Element].
some([], _Count) ->
    [];
some(List, Count) when Count < 0 ->
    [lists:nth(rand:uniform(length(List)), List) || _ <- lists:seq(1, -Count)];
some(List, Count) ->
    lists:sublist(shuffle(List), Count).
