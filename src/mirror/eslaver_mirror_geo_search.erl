%% @doc Reads of the positions in a sorted set: those of given members, or those near a place.
%% @private
-module(eslaver_mirror_geo_search).

-export([positions/3, distance/5, hashes/3, options/1, query/3, search/4, sort/2]).
-export_type([options/0, answer/0, hit/0, order/0]).

-type options() :: #{
    from => {member, binary()} | {lonlat, Longitude :: number(), Latitude :: number()},
    by := eslaver_mirror_geo:shape(),
    order => order(),
    count => pos_integer() | {pos_integer(), any},
    with => [coord | dist | hash]
}.
%% The place to search, as in `GEOSEARCH'; a polygon has no `from'. With a count but no order the
%% nearest come, with `any' the first ones found.

-type answer() :: [binary()] | [{binary(), #{coord | dist | hash => term()}}].
%% Members, each with what `with' asks for: its position as `{Longitude, Latitude}', its distance in
%% the unit of the shape (meters for a polygon), and its score.

-type hit() :: {
    binary(), Score :: float(), Meters :: float(), eslaver_mirror_geo:position()
}.
-type order() :: asc | desc | none.

-type store() :: eslaver_mirror_store:store().
-type zset() :: eslaver_mirror_zset:zset_body().

%% @doc The positions of members.
-spec positions(store(), zset(), [binary()]) -> [eslaver_mirror_geo:position() | undefined].
positions(Store, Zset, Members) ->
    [position(Store, Zset, Member) || Member <- Members].

position(Store, Zset, Member) ->
    of_score(Store, Zset, Member, fun eslaver_mirror_geo:decode/1).

of_score(Store, Zset, Member, Fun) ->
    case eslaver_mirror_zset:score(Store, Zset, Member) of
        Score when is_float(Score) -> Fun(Score);
        _InfiniteOrNone -> undefined
    end.

%% @doc The distance of two members.
-spec distance(store(), zset(), binary(), binary(), eslaver_mirror_geo:unit()) ->
    float() | undefined.
distance(Store, Zset, One, Other, Unit) ->
    case positions(Store, Zset, [One, Other]) of
        [A, B] when A =/= undefined, B =/= undefined ->
            eslaver_mirror_geo:distance(A, B) / eslaver_mirror_geo:meters(Unit);
        _ ->
            undefined
    end.

%% @doc The geohashes of members.
-spec hashes(store(), zset(), [binary()]) -> [binary() | undefined].
hashes(Store, Zset, Members) ->
    [of_score(Store, Zset, Member, fun eslaver_mirror_geo:hash/1) || Member <- Members].

%% @doc Checks the options. Raises `badarg' for invalid ones.
-spec options(options()) -> options().
options(#{by := By} = Options) when map_size(Options) =< 5 ->
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
        true -> All;
        false -> error(badarg, [Options])
    end;
options(Options) ->
    error(badarg, [Options]).

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
is_count({Count, any}) -> is_count(Count);
is_count(Count) -> is_integer(Count) andalso Count > 0.

%% @doc The answer to a search with these {@link options/1}.
-spec query(store(), zset(), options()) -> answer() | {error, no_member}.
query(Store, Zset, #{from := From, by := By, order := Order, count := Count, with := With}) ->
    case center(Store, Zset, From) of
        {error, _} = Error ->
            Error;
        Center ->
            Place = eslaver_mirror_geo:place(Center, By),
            Hits = limit(search(Store, Zset, Place, most(Count)), Order, Count),
            [shown(Hit, By, With) || Hit <- Hits]
    end.

center(_Store, _Zset, none) ->
    undefined;
center(_Store, _Zset, {lonlat, Longitude, Latitude}) ->
    {Longitude, Latitude};
center(Store, Zset, {member, Member}) ->
    case position(Store, Zset, Member) of
        undefined -> {error, no_member};
        Position -> Position
    end.

most({Count, any}) -> Count;
most(_) -> infinity.

shown({Member, _, _, _}, _By, []) ->
    Member;
shown({Member, Score, Meters, Position}, By, With) ->
    All = #{
        coord => Position,
        dist => Meters / eslaver_mirror_geo:meters(eslaver_mirror_geo:unit(By)),
        hash => trunc(Score)
    },
    {Member, maps:with(With, All)}.

%% @doc The members in a place, in the order in which the server finds them: all, or at most `Most'.
-spec search(store(), zset(), eslaver_mirror_geo:place(), pos_integer() | infinity) -> [hit()].
search(Store, Zset, Place, Most) ->
    Look = fun(Entry, Found) -> look(Entry, Found, Place, Most) end,
    {_, Hits} =
        try
            lists:foldl(
                fun(Area, Found) ->
                    eslaver_mirror_zset:fold(
                        Store, Zset, Look, Found, {span(Store, Zset, Area), forward}
                    )
                end,
                {0, []},
                eslaver_mirror_geo:areas(Place)
            )
        catch
            throw:{enough, Found} -> Found
        end,
    lists:reverse(Hits).

look({Score, Member}, {Count, Hits} = Found, Place, Most) ->
    Position = eslaver_mirror_geo:decode(Score),
    case eslaver_mirror_geo:distance_within(Place, Position) of
        outside ->
            Found;
        Meters when Count + 1 =:= Most ->
            throw({enough, {Most, [{Member, Score, Meters, Position} | Hits]}});
        Meters ->
            {Count + 1, [{Member, Score, Meters, Position} | Hits]}
    end.

span(Store, Zset, {Min, Below}) ->
    Range = {score, {inclusive, float(Min)}, {exclusive, float(Below)}},
    eslaver_mirror_zset_range:span(Store, Zset, Range).

limit(Hits, Order, {_, any}) -> sort(Hits, Order);
limit(Hits, Order, infinity) -> sort(Hits, Order);
limit(Hits, none, Count) -> limit(Hits, asc, Count);
limit(Hits, Order, Count) -> lists:sublist(sort(Hits, Order), Count).

%% @doc Sorts hits. The order of hits at the same distance is undefined.
-spec sort([hit()], order()) -> [hit()].
sort(Hits, none) -> Hits;
sort(Hits, asc) -> lists:keysort(3, Hits);
sort(Hits, desc) -> lists:reverse(lists:keysort(3, Hits)).
