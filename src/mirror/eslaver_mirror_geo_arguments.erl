%% @doc Checks the arguments of reads of positions. Invalid ones raise `badarg'.
%% @private
-module(eslaver_mirror_geo_arguments).

-export([unit/1, search/1]).
-export_type([unit/0, shape/0, options/0, answer/0]).

-type position() :: {Longitude :: number(), Latitude :: number()}.
-type unit() :: m | km | ft | mi.
-type shape() ::
    {radius, Radius :: number(), unit()}
    | {box, Width :: number(), Height :: number(), unit()}
    | {polygon, [position()]}.
-type place() :: {member, binary()} | {lonlat, Longitude :: number(), Latitude :: number()}.
-type order() :: asc | desc | none.
-type count() :: pos_integer() | {pos_integer(), any}.

-type options() :: #{
    from => place(),
    by := shape(),
    order => order(),
    count => count(),
    with => [coord | dist | hash]
}.

-type answer() :: [binary()] | [{binary(), #{coord | dist | hash => term()}}].

%% @doc Checks a unit.
-spec unit(term()) -> ok.
unit(Unit) ->
    _ = is_unit(Unit) orelse error(badarg),
    ok.

%% @doc The options of a search, with those that are not given.
-spec search(options()) ->
    {none | place(), shape(), order(), infinity | count(), [coord | dist | hash]}.
search(#{by := By} = Options) when map_size(Options) =< 5 ->
    All = maps:merge(#{from => none, order => none, count => infinity, with => []}, Options),
    #{from := From, order := Order, count := Count, with := With} = All,
    Checks = [
        map_size(All) =:= 5,
        is_place(From, By),
        lists:member(Order, [asc, desc, none]),
        is_count(Count),
        is_list(With) andalso With -- [coord, dist, hash] =:= []
    ],
    case lists:all(fun(Check) -> Check end, Checks) of
        true -> {From, By, Order, Count, With};
        false -> error(badarg)
    end;
search(_) ->
    error(badarg).

is_place(none, {polygon, [_, _, _ | _] = Corners}) -> lists:all(fun is_position/1, Corners);
is_place(_, {polygon, _}) -> false;
is_place(From, Shape) -> is_center(From) andalso is_shape(Shape).

is_center({member, Member}) -> is_binary(Member);
is_center({lonlat, Longitude, Latitude}) -> is_position({Longitude, Latitude});
is_center(_) -> false.

is_position({Longitude, Latitude}) when is_number(Longitude), is_number(Latitude) ->
    abs(Longitude) =< 180 andalso abs(Latitude) =< 85.05112878;
is_position(_) ->
    false.

is_shape({radius, Radius, Unit}) when is_number(Radius), Radius >= 0 -> is_unit(Unit);
is_shape({box, W, H, Unit}) when is_number(W), is_number(H), W >= 0, H >= 0 -> is_unit(Unit);
is_shape(_) -> false.

is_unit(Unit) -> lists:member(Unit, [m, km, ft, mi]).

is_count(infinity) -> true;
is_count({Count, any}) -> is_integer(Count) andalso Count > 0;
is_count(Count) -> is_integer(Count) andalso Count > 0.
