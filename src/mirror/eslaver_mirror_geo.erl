%% @doc Positions on the earth, as the server keeps them in the scores of sorted sets, and the
%% ranges of scores in which to search for positions near a place.
%%
%% A score is a geohash of 52 bits: bits of the longitude and of the latitude in turn. All
%% calculations are in the server's order, so that floats are equal to the last bit.
%% @private
-module(eslaver_mirror_geo).

-export([encode/1, decode/1, distance/2, haversine/2, hash/1, meters/1, unit/1]).
-export([place/2, is_defined/1, areas/1, distance_within/2]).
-export_type([position/0, unit/0, shape/0, area/0]).

-type position() :: {Longitude :: number(), Latitude :: number()}.
-type unit() :: m | km | ft | mi.
-type shape() ::
    {radius, Radius :: number(), unit()}
    | {box, Width :: number(), Height :: number(), unit()}
    | {polygon, [position()]}.

-type area() :: {Min :: non_neg_integer(), Below :: pos_integer()}.
%% From a score up to another, which is excluded.

-record(place, {
    center :: position(),
    shape :: shape(),
    %% In meters; for a box, and for the box around a polygon, half the diagonal.
    radius :: float(),
    %% West, south, east and north.
    bounds :: {float(), float(), float(), float()}
}).

-opaque place() :: #place{}.
-export_type([place/0]).

-define(STEPS, 26).
-define(MAX_LATITUDE, 85.05112878).
-define(MAX_LONGITUDE, 180.0).
-define(EARTH_RADIUS, 6372797.560856).
%% Half of the equator in the projection.
-define(MERCATOR, 20037726.37).
-define(RADIANS, (3.141592653589793 / 180.0)).
-define(ALPHABET, <<"0123456789bcdefghjkmnpqrstuvwxyz">>).

%% Scores.

%% @doc The score of a position.
-spec encode(position()) -> non_neg_integer().
encode(Position) ->
    encode(Position, ?MAX_LATITUDE, ?STEPS).

encode({Longitude, Latitude}, MaxLatitude, Steps) ->
    X = (Longitude + ?MAX_LONGITUDE) / (?MAX_LONGITUDE + ?MAX_LONGITUDE),
    Y = (Latitude + MaxLatitude) / (MaxLatitude + MaxLatitude),
    Cells = 1 bsl Steps,
    (spread(trunc(X * Cells)) bsl 1) bor spread(trunc(Y * Cells)).

%% @doc The position of a score: the middle of its cell.
-spec decode(number()) -> {float(), float()}.
decode(Score) ->
    {West, South, East, North} = cell({trunc(Score), ?STEPS}),
    {
        framed((West + East) / 2, ?MAX_LONGITUDE),
        framed((South + North) / 2, ?MAX_LATITUDE)
    }.

framed(Degrees, Max) ->
    max(-Max, min(Max, Degrees)).

%% @doc The standard geohash of a score, in 11 characters. Its bounds differ from a score's.
-spec hash(number()) -> binary().
hash(Score) ->
    Bits = encode(decode(Score), 90.0, ?STEPS),
    Characters = <<<<(binary:at(?ALPHABET, N))>> || <<N:5>> <= <<(Bits bsr 2):50>>>>,
    <<Characters/binary, "0">>.

%% The bounds of a cell, given `Steps' bits of each coordinate.
cell({Bits, Steps}) ->
    X = gather(Bits bsr 1),
    Y = gather(Bits),
    {
        edge(X, Steps, ?MAX_LONGITUDE),
        edge(Y, Steps, ?MAX_LATITUDE),
        edge(X + 1, Steps, ?MAX_LONGITUDE),
        edge(Y + 1, Steps, ?MAX_LATITUDE)
    }.

edge(N, Steps, Max) ->
    -Max + N * 1.0 / (1 bsl Steps) * (Max + Max).

%% Moves each bit to twice its position, and back.
spread(N) ->
    A = (N bor (N bsl 16)) band 16#0000FFFF0000FFFF,
    B = (A bor (A bsl 8)) band 16#00FF00FF00FF00FF,
    C = (B bor (B bsl 4)) band 16#0F0F0F0F0F0F0F0F,
    D = (C bor (C bsl 2)) band 16#3333333333333333,
    (D bor (D bsl 1)) band 16#5555555555555555.

gather(N) ->
    A = N band 16#5555555555555555,
    B = (A bor (A bsr 1)) band 16#3333333333333333,
    C = (B bor (B bsr 2)) band 16#0F0F0F0F0F0F0F0F,
    D = (C bor (C bsr 4)) band 16#00FF00FF00FF00FF,
    E = (D bor (D bsr 8)) band 16#0000FFFF0000FFFF,
    (E bor (E bsr 16)) band 16#FFFFFFFF.

%% Distances.

%% @doc The length of a unit in meters.
-spec meters(unit()) -> float().
meters(m) -> 1.0;
meters(km) -> 1000.0;
meters(ft) -> 0.3048;
meters(mi) -> 1609.34.

%% @doc The unit of distances in a shape.
-spec unit(shape()) -> unit().
unit({radius, _, Unit}) -> Unit;
unit({box, _, _, Unit}) -> Unit;
unit({polygon, _}) -> m.

%% @doc The distance of two positions, in meters.
-spec distance(position(), position()) -> float().
distance({Longitude1, Latitude1} = One, {Longitude2, Latitude2} = Other) ->
    case math:sin((radians(Longitude2) - radians(Longitude1)) / 2) == 0 of
        true -> north_distance(Latitude1, Latitude2);
        false -> haversine(One, Other)
    end.

%% @doc The distance by the one formula of old servers. It may differ in the last bits.
-spec haversine(position(), position()) -> float().
haversine({Longitude1, Latitude1}, {Longitude2, Latitude2}) ->
    V = math:sin((radians(Longitude2) - radians(Longitude1)) / 2),
    A = radians(Latitude1),
    B = radians(Latitude2),
    U = math:sin((B - A) / 2),
    2.0 * ?EARTH_RADIUS * math:asin(math:sqrt(U * U + math:cos(A) * math:cos(B) * V * V)).

north_distance(Latitude1, Latitude2) ->
    ?EARTH_RADIUS * abs(radians(Latitude2) - radians(Latitude1)).

radians(Degrees) -> Degrees * ?RADIANS.
degrees(Radians) -> Radians / ?RADIANS.

%% Searching.

%% @doc The area to search: a shape around a position. A polygon's position is made from its
%% corners.
-spec place(position() | undefined, shape()) -> place().
place(Center, {radius, Radius, Unit} = Shape) ->
    Meters = Radius * meters(Unit),
    #place{
        center = Center, shape = Shape, radius = Meters, bounds = bounds(Center, Meters, Meters)
    };
place(Center, {box, Width, Height, Unit} = Shape) ->
    Half = math:sqrt((Width / 2) * (Width / 2) + (Height / 2) * (Height / 2)),
    Bounds = bounds(Center, meters(Unit) * (Width / 2), meters(Unit) * (Height / 2)),
    #place{center = Center, shape = Shape, radius = Half * meters(Unit), bounds = Bounds};
place(undefined, {polygon, Corners} = Shape) ->
    {Longitudes, Latitudes} = lists:unzip(Corners),
    West = lists:min([?MAX_LONGITUDE | Longitudes]),
    East = lists:max([-?MAX_LONGITUDE | Longitudes]),
    South = lists:min([?MAX_LATITUDE | Latitudes]),
    North = lists:max([-?MAX_LATITUDE | Latitudes]),
    Center = centroid(Corners),
    Radius = lists:max([
        distance(Center, Corner)
     || Corner <- [{West, North}, {East, North}, {West, South}, {East, South}]
    ]),
    #place{center = Center, shape = Shape, radius = Radius, bounds = {West, South, East, North}}.

%% The bounds of a shape with these distances from its center to its edges. It is widest on the side
%% of the pole.
bounds({Longitude, Latitude}, Width, Height) ->
    Up = degrees(Height / ?EARTH_RADIUS),
    Pole =
        case Latitude < 0 of
            true -> Latitude - Up;
            false -> Latitude + Up
        end,
    Aside = degrees(Width / ?EARTH_RADIUS / math:cos(radians(Pole))),
    {Longitude - Aside, Latitude - Up, Longitude + Aside, Latitude + Up}.

centroid(Corners) ->
    {X, Y, Z} = lists:foldl(
        fun({Longitude, Latitude}, {X, Y, Z}) ->
            A = radians(Longitude),
            B = radians(Latitude),
            {
                X + math:cos(B) * math:cos(A),
                Y + math:cos(B) * math:sin(A),
                Z + math:sin(B)
            }
        end,
        {0.0, 0.0, 0.0},
        Corners
    ),
    {degrees(math:atan2(Y, X)), degrees(math:atan2(Z, math:sqrt(X * X + Y * Y)))}.

%% @doc Whether a server's search of this place has a defined result: a polygon's center may be so
%% near to a pole that the server has no cell for it, and searches anywhere.
-spec is_defined(place()) -> boolean().
is_defined(#place{center = {_, Latitude}}) ->
    abs(Latitude) =< ?MAX_LATITUDE.

%% @doc The ranges of scores that contain all of this place: the cell of its center and the
%% neighbours of that cell, in the order in which the server searches them.
-spec areas(place()) -> [area()].
areas(#place{center = {_, Latitude}}) when abs(Latitude) > ?MAX_LATITUDE ->
    [{0, 1 bsl (2 * ?STEPS + 2)}];
areas(#place{center = {_, Latitude}, radius = Radius} = Place) ->
    Estimated = steps(Radius, Latitude),
    Steps =
        case Estimated > 1 andalso not is_covered(Place, Estimated) of
            true -> Estimated - 1;
            false -> Estimated
        end,
    [area(Cell) || Cell <- distinct(useful(Place, center_cell(Place, Steps)))].

area({Bits, Steps}) ->
    Shift = 2 * (?STEPS - Steps),
    {Bits bsl Shift, (Bits + 1) bsl Shift}.

steps(Radius, _Latitude) when Radius == 0 ->
    ?STEPS;
steps(Radius, Latitude) ->
    Wider =
        if
            Latitude > 80; Latitude < -80 -> 2;
            Latitude > 66; Latitude < -66 -> 1;
            true -> 0
        end,
    max(1, min(?STEPS, doublings(Radius, 1) - 2 - Wider)).

doublings(Radius, Step) when Radius < ?MERCATOR -> doublings(Radius * 2, Step + 1);
doublings(_Radius, Step) -> Step.

center_cell(#place{center = Center}, Steps) ->
    {encode(Center, ?MAX_LATITUDE, Steps), Steps}.

%% Whether the neighbours cover the whole place.
is_covered(#place{bounds = {West, South, East, North}} = Place, Steps) ->
    Center = center_cell(Place, Steps),
    {_, _, _, Northmost} = cell(move(Center, 0, 1)),
    {_, Southmost, _, _} = cell(move(Center, 0, -1)),
    {_, _, Eastmost, _} = cell(move(Center, 1, 0)),
    {Westmost, _, _, _} = cell(move(Center, -1, 0)),
    Northmost >= North andalso Southmost =< South andalso
        Eastmost >= East andalso Westmost =< West.

%% The cell and those neighbours that the place reaches into.
useful(#place{bounds = {West, South, East, North}}, {_, Steps} = Center) ->
    {CellWest, CellSouth, CellEast, CellNorth} = cell(Center),
    Few = Steps < 2,
    Is = fun
        (1, _) -> Few orelse CellEast =< East;
        (-1, _) -> Few orelse CellWest >= West;
        (0, 1) -> Few orelse CellNorth =< North;
        (0, -1) -> Few orelse CellSouth >= South;
        (0, 0) -> true
    end,
    Ways = [{0, 0}, {0, 1}, {0, -1}, {1, 0}, {-1, 0}, {1, 1}, {-1, 1}, {1, -1}, {-1, -1}],
    [move(Center, X, Y) || {X, Y} <- Ways, Is(X, 0) andalso Is(0, Y)].

%% With cells as large as continents, neighbours may be the same.
distinct([Cell, Cell | Cells]) -> distinct([Cell | Cells]);
distinct([Cell | Cells]) -> [Cell | distinct(Cells)];
distinct([]) -> [].

%% The neighbour at these steps to the east and to the north.
move({Bits, Steps}, EastBy, NorthBy) ->
    X = step(gather(Bits bsr 1), EastBy, Steps),
    Y = step(gather(Bits), NorthBy, Steps),
    {(spread(X) bsl 1) bor spread(Y), Steps}.

%% The first one follows the last.
step(N, 0, _Steps) -> N;
step(N, By, Steps) -> (N + By) band ((1 bsl Steps) - 1).

%% @doc The distance in meters of a position from the center of a place that contains it.
-spec distance_within(place(), position()) -> float() | outside.
distance_within(#place{center = Center, shape = {radius, _, _}, radius = Radius}, Position) ->
    case distance(Center, Position) of
        Distance when Distance > Radius -> outside;
        Distance -> Distance
    end;
distance_within(#place{center = Center, shape = {box, Width, Height, Unit}}, Position) ->
    {CenterLongitude, CenterLatitude} = Center,
    {_, Latitude} = Position,
    Meters = meters(Unit),
    case
        north_distance(Latitude, CenterLatitude) > Height * Meters / 2 orelse
            distance(Position, {CenterLongitude, Latitude}) > Width * Meters / 2
    of
        true -> outside;
        false -> distance(Center, Position)
    end;
distance_within(#place{center = Center, shape = {polygon, Corners}}, Position) ->
    case is_inside(Corners, Position) of
        true -> distance(Center, Position);
        false -> outside
    end.

%% Whether a line from the position to the east crosses an odd number of edges.
is_inside(Corners, Position) ->
    Edges = lists:zip(Corners, [lists:last(Corners) | lists:droplast(Corners)]),
    length([Edge || Edge <- Edges, crosses(Edge, Position)]) rem 2 =:= 1.

crosses({{X1, Y1}, {X2, Y2}}, {X, Y}) ->
    (Y1 > Y) =/= (Y2 > Y) andalso X < (X2 - X1) * (Y - Y1) / (Y2 - Y1) + X1.
