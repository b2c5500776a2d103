%% @doc Vector sets in a mirror's tables: a row `{{Id, Element}, Vector, L2, Range, Attribute}' for
%% each element, with the vector as the server keeps it. The graph that servers use for similarity
%% search is left out.
%% @private
-module(eslaver_mirror_vectorset).

-behaviour(eslaver_mirror_type).

-export([load/3, copy/2, discard/3]).
-export([new/1, put/5, remove/3, set_attribute/4, project/2]).
-export([size/2, dimension/2, is_member/3, attribute/3, vector/3, raw/3, info/2]).
-export([range/3, random/3]).
-export_type([body/0, projection/0, bound/0, raw/0, info/0]).

-type body() :: #{
    id := eslaver_mirror_store:id(),
    size := non_neg_integer(),
    %% The number of elements with an attribute.
    attributes := non_neg_integer(),
    dimension := pos_integer(),
    quantization := eslaver_mirror_vector:quantization(),
    %% The number of links of a node in the server's graph.
    m := pos_integer(),
    projection := projection()
}.

-type projection() :: none | {InputDimension :: pos_integer(), eslaver_mirror_vector:matrix()}.
%% How vectors are reduced.

-type bound() :: '-' | '+' | {inclusive | exclusive, binary()}.

-type raw() :: {
    eslaver_mirror_vector:quantization(), Vector :: binary(), L2 :: float(), Range :: float()
}.
%% The vector as the server keeps it. The range is 0.0 unless the quantization is `int8'.

-type info() :: #{
    quant_type := eslaver_mirror_vector:quantization(),
    hnsw_m := pos_integer(),
    vector_dim := pos_integer(),
    projection_input_dim := non_neg_integer(),
    size := non_neg_integer(),
    attributes_count := non_neg_integer()
}.

-type store() :: eslaver_mirror_store:store().
-type element() :: binary().

-define(HAS_PROJECTION, 1).
-define(HAS_ATTRIBUTES, 2).
-define(DEFAULT_M, 16).

%% For the behaviour.

%% @private
-spec load(store(), {binary(), 0, Fields :: [{atom(), term()}]}, map()) -> body() | empty.
load(Store, {_Name, _Version, Tagged}, _Meta) ->
    [Dimension, Count, Config, Flags | Fields] = [Field || {_Type, Field} <- Tagged],
    {Projection, Elements} = load_projection(Flags band ?HAS_PROJECTION, Dimension, Fields),
    Body = new(#{
        dimension => Dimension,
        quantization => quantization(Config band 16#FF),
        m =>
            case (Config bsr 8) band 16#FFFF of
                0 -> ?DEFAULT_M;
                M -> M
            end,
        projection => Projection
    }),
    or_empty(load_elements(Store, Body, Flags band ?HAS_ATTRIBUTES, Count, Elements)).

quantization(0) -> f32;
quantization(1) -> int8;
quantization(2) -> bin.

load_projection(0, _Dimension, Fields) ->
    {none, Fields};
load_projection(_, Dimension, [InputDimension, Matrix | Fields]) when
    byte_size(Matrix) =:= 4 * InputDimension * Dimension
->
    {{InputDimension, eslaver_mirror_vector:rows(Matrix, InputDimension)}, Fields}.

load_elements(_Store, Body, _HasAttributes, 0, []) ->
    Body;
load_elements(Store, Body, HasAttributes, Count, [Element | Fields]) when Count > 0 ->
    {Attribute, [Vector, ParamCount | Rest]} = load_attribute(HasAttributes, Fields),
    {Params, Others} = lists:split(ParamCount, Rest),
    Next = put(Store, Body, Element, loaded(Body, Vector, lists:last(Params)), Attribute),
    load_elements(Store, Next, HasAttributes, Count - 1, Others).

%% The two floats come after the links of the graph. If the first one is not used, it may be
%% anything.
loaded(#{quantization := Quantization, dimension := Dimension}, Vector, Floats) ->
    true = byte_size(Vector) =:= eslaver_mirror_vector:bytes(Quantization, Dimension),
    <<Range:4/binary, L2:32/float>> = <<Floats:64>>,
    {Vector, L2, range(Quantization, Range)}.

range(int8, <<Range:32/float>>) -> Range;
range(_Quantization, _Unused) -> 0.0.

load_attribute(0, Fields) -> {none, Fields};
load_attribute(_, [<<>> | Fields]) -> {none, Fields};
load_attribute(_, [Attribute | Fields]) -> {Attribute, Fields}.

or_empty(#{size := 0}) -> empty;
or_empty(Body) -> Body.

%% @private
-spec copy(store(), body()) -> body().
copy(#{items := Items}, #{id := Id} = Body) ->
    New = eslaver_mirror_store:id(),
    Make = fun(Row) -> setelement(1, Row, {New, element(2, element(1, Row))}) end,
    ok = eslaver_mirror_rows:copy(Items, {{Id, '_'}, '_', '_', '_', '_'}, Make),
    Body#{id := New}.

%% @private
-spec discard(store(), body(), pos_integer()) -> done | {more, body()}.
discard(#{items := Items}, #{id := Id} = Body, Limit) ->
    case eslaver_mirror_rows:discard(Items, {{Id, '_'}, '_', '_', '_', '_'}, Limit) of
        done -> done;
        more -> {more, Body}
    end.

%% For the writer.

%% @doc The body of an empty vector set.
-spec new(map()) -> body().
new(#{dimension := _, quantization := _, m := _, projection := _} = Kind) ->
    Kind#{id => eslaver_mirror_store:id(), size => 0, attributes => 0}.

%% @doc Adds an element. It raises if the element exists.
-spec put(store(), body(), element(), eslaver_mirror_vector:kept(), binary() | none) -> body().
put(#{items := Items}, #{id := Id} = Body, Element, {Vector, L2, Range}, Attribute) ->
    #{size := Size, attributes := Attributes} = Body,
    true = ets:insert_new(Items, {{Id, Element}, Vector, L2, Range, Attribute}),
    Body#{size := Size + 1, attributes := Attributes + counted(Attribute)}.

counted(none) -> 0;
counted(_) -> 1.

%% @doc Removes an existing element.
-spec remove(store(), body(), element()) -> body() | empty.
remove(#{items := Items}, #{id := Id, size := Size, attributes := Attributes} = Body, Element) ->
    [{_, _, _, _, Attribute}] = ets:take(Items, {Id, Element}),
    or_empty(Body#{size := Size - 1, attributes := Attributes - counted(Attribute)}).

%% @doc Replaces the attribute of an existing element.
-spec set_attribute(store(), body(), element(), binary() | none) -> body().
set_attribute(#{items := Items}, #{id := Id, attributes := Attributes} = Body, Element, New) ->
    Old = ets:lookup_element(Items, {Id, Element}, 5),
    true = ets:update_element(Items, {Id, Element}, {5, New}),
    Body#{attributes := Attributes + counted(New) - counted(Old)}.

%% @doc A vector in the form in which the set stores it.
-spec project(body(), eslaver_mirror_vector:vector()) -> eslaver_mirror_vector:kept().
project(#{projection := none} = Body, Vector) ->
    kept(Body, Vector);
project(#{projection := {_, Matrix}} = Body, Vector) ->
    kept(Body, eslaver_mirror_vector:multiply(Matrix, Vector)).

kept(#{quantization := Quantization, dimension := Dimension}, Vector) when
    length(Vector) =:= Dimension
->
    eslaver_mirror_vector:keep(Quantization, Vector).

%% For readers.

-spec size(store(), body()) -> non_neg_integer().
size(_Store, #{size := Size}) ->
    Size.

-spec dimension(store(), body()) -> pos_integer().
dimension(_Store, #{dimension := Dimension}) ->
    Dimension.

-spec is_member(store(), body(), element()) -> boolean().
is_member(#{items := Items}, #{id := Id}, Element) ->
    ets:member(Items, {Id, Element}).

-spec attribute(store(), body(), element()) -> binary() | undefined.
attribute(#{items := Items}, #{id := Id}, Element) ->
    case ets:lookup(Items, {Id, Element}) of
        [{_, _, _, _, Attribute}] when Attribute =/= none -> Attribute;
        _ -> undefined
    end.

%% @doc An element's vector, as exact as the server keeps it.
-spec vector(store(), body(), element()) -> [float()] | undefined.
vector(Store, #{dimension := Dimension} = Body, Element) ->
    case raw(Store, Body, Element) of
        undefined ->
            undefined;
        {Quantization, Vector, L2, Range} ->
            eslaver_mirror_vector:restore(Quantization, Dimension, {Vector, L2, Range})
    end.

-spec raw(store(), body(), element()) -> raw() | undefined.
raw(#{items := Items}, #{id := Id, quantization := Quantization}, Element) ->
    case ets:lookup(Items, {Id, Element}) of
        [{_, Vector, L2, Range, _}] -> {Quantization, Vector, L2, Range};
        [] -> undefined
    end.

-spec info(store(), body()) -> info().
info(_Store, #{projection := Projection} = Body) ->
    #{quantization := Quantization, m := M, dimension := Dimension} = Body,
    #{size := Size, attributes := Attributes} = Body,
    #{
        quant_type => Quantization,
        hnsw_m => M,
        vector_dim => Dimension,
        projection_input_dim =>
            case Projection of
                none -> 0;
                {InputDimension, _} -> InputDimension
            end,
        size => Size,
        attributes_count => Attributes
    }.

%% @doc The elements between two bounds in the order of their bytes, at most `Count'.
-spec range(store(), body(), {bound(), bound(), Count :: non_neg_integer() | infinity}) ->
    [element()].
range(#{items := Items}, #{id := Id}, {Low, High, Count}) ->
    First =
        case Low of
            '-' -> ets:next(Items, {Id, 0});
            '+' -> none;
            {exclusive, Element} -> ets:next(Items, {Id, Element});
            {inclusive, Element} -> from(Items, {Id, Element})
        end,
    range(Items, Id, High, Count, First).

%% A number is less than any binary.
from(Items, Key) ->
    case ets:member(Items, Key) of
        true -> Key;
        false -> ets:next(Items, Key)
    end.

range(_Items, _Id, _High, 0, _Key) ->
    [];
range(Items, Id, High, Count, {Id, Element} = Key) ->
    case is_within(Element, High) of
        true -> [Element | range(Items, Id, High, less(Count), ets:next(Items, Key))];
        false -> []
    end;
range(_Items, _Id, _High, _Count, _OtherKey) ->
    [].

is_within(_Element, '+') -> true;
is_within(_Element, '-') -> false;
is_within(Element, {inclusive, High}) -> Element =< High;
is_within(Element, {exclusive, High}) -> Element < High.

less(infinity) -> infinity;
less(Count) -> Count - 1.

%% @doc `Count' different random elements; with a negative count, `-Count' elements that may repeat.
-spec random(store(), body() | none, Count :: integer()) -> [element()].
random(_Store, none, _Count) ->
    [];
random(Store, Body, Count) when Count < 0 ->
    Elements = list_to_tuple(range(Store, Body, {'-', '+', infinity})),
    [element(rand:uniform(tuple_size(Elements)), Elements) || _ <- lists:seq(1, -Count)];
random(Store, Body, Count) ->
    lists:sublist(eslaver_mirror_bag:shuffle(range(Store, Body, {'-', '+', infinity})), Count).
