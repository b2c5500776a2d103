%% @doc Elements of sets and hashes, in no order that a user knows: an ordered_set with the keys
%% `{Id, Hash, Element}'. `Hash' is the element's own, of 32 bits. So a random number finds a random
%% element, and a hash is a cursor that stays valid while elements are added and removed.
%% @private
-module(eslaver_mirror_bag).

-export([key/2, from/4, sample/4, some/2, shuffle/1]).
-export_type([key/0]).

-type id() :: eslaver_mirror_store:id().
-type key() :: {id(), Hash :: non_neg_integer(), Element :: binary()}.

-define(HASHES, (1 bsl 32)).
%% A cell is a range of hashes with `?MEAN' elements on average.
-define(MEAN, 4).
%% About one cell in a million has more elements.
-define(MOST, 16).
%% Limited, since elements that are being removed may leave nothing to find.
-define(TRIES, 1000).

%% @doc The key of an element.
-spec key(id(), binary()) -> key().
key(Id, Element) ->
    {Id, erlang:phash2(Element, ?HASHES), Element}.

%% @doc About `Count' keys from a hash on, and the hash to go on from, or 0 at the end. Elements
%% with the same hash come together.
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

%% A key with a number as its element sorts before all keys with the same hash.
next(Table, Id, Key) ->
    case ets:next(Table, Key) of
        {Id, _, _} = Next -> Next;
        _ -> none
    end.

%% @doc A random element of `Size'. Each is equally likely, except in cells with more than 16
%% elements: cells are equally likely, and one with k elements is taken with probability k/16.
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

%% @doc `Count' different random elements of `Size', or all if there are fewer; with a negative
%% count, `-Count' elements that may repeat.
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

%% @doc A list in random order.
-spec shuffle([Element]) -> [Element].
shuffle(List) ->
    [Element || {_, Element} <- lists:sort([{rand:uniform(), Each} || Each <- List])].

%% @doc `Count' different random elements of a list; with a negative count, `-Count' that may
%% repeat.
-spec some([Element], Count :: integer()) -> [Element].
some([], _Count) ->
    [];
some(List, Count) when Count < 0 ->
    [lists:nth(rand:uniform(length(List)), List) || _ <- lists:seq(1, -Count)];
some(List, Count) ->
    lists:sublist(shuffle(List), Count).
