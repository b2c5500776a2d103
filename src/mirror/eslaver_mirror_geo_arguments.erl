%% @doc Checks the arguments of reads of positions. Invalid ones raise `badarg'.
%% @private
-module(eslaver_mirror_geo_arguments).

-export([unit/1, search/1]).

-type unit() :: eslaver_mirror_types:distance_unit().
-type shape() :: eslaver_mirror_types:shape().
-type place() :: eslaver_mirror_types:place().
-type order() :: asc | desc | none.
-type count() :: infinity | pos_integer() | {pos_integer(), any}.

-type options() :: eslaver_mirror_types:geosearch_options().

%% @doc The unit of a distance.
-spec unit(eslaver_mirror_types:options(#{unit => unit()})) -> unit().
unit(Options) ->
    maps:get(unit, eslaver_mirror_arguments:options(#{unit => fun is_unit/1}, Options), m).

%% @doc The options of a search, with those that are not given.
-spec search(options()) -> {none | place(), shape(), order(), count(), [coord | dist | hash]}.
search(Options) ->
    Given = eslaver_mirror_arguments:options(
        #{
            from => fun is_center/1,
            by => fun is_shape/1,
            order => fun(Order) -> Order =:= asc orelse Order =:= desc end,
            count => fun eslaver_mirror_arguments:is_count/1,
            any => fun is_boolean/1,
            with_coord => fun is_boolean/1,
            with_dist => fun is_boolean/1,
            with_hash => fun is_boolean/1
        },
        Options
    ),
    From = maps:get(from, Given, none),
    By = maps:get(by, Given, none),
    _ = is_place(From, By) orelse eslaver_mirror_arguments:invalid(from),
    With = [
        What
     || {Name, What} <- [{with_coord, coord}, {with_dist, dist}, {with_hash, hash}],
        maps:get(Name, Given, false)
    ],
    {From, By, maps:get(order, Given, none), count(Given), With}.

count(#{any := true, count := Count}) -> {Count, any};
count(#{any := true}) -> eslaver_mirror_arguments:invalid(any);
count(#{count := Count}) -> Count;
count(_All) -> infinity.

%% A polygon has its own center; other shapes need one.
is_place(From, {polygon, _}) -> From =:= none;
is_place(From, By) -> From =/= none andalso By =/= none.

is_center({member, Member}) -> is_binary(Member);
is_center({lonlat, Longitude, Latitude}) -> is_position({Longitude, Latitude});
is_center(_) -> false.

is_position({Longitude, Latitude}) when is_number(Longitude), is_number(Latitude) ->
    abs(Longitude) =< 180 andalso abs(Latitude) =< 85.05112878;
is_position(_) ->
    false.

is_shape({radius, Radius, Unit}) when is_number(Radius), Radius >= 0 -> is_unit(Unit);
is_shape({box, W, H, Unit}) when is_number(W), is_number(H), W >= 0, H >= 0 -> is_unit(Unit);
is_shape({polygon, [_, _, _ | _] = Corners}) -> lists:all(fun is_position/1, Corners);
is_shape(_) -> false.

is_unit(Unit) -> lists:member(Unit, [m, km, ft, mi]).
