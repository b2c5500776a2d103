%% @doc Applies the commands that write positions, which are the scores of sorted sets, or store
%% those found near a place. The distances of `STOREDIST' are as exact as the mathematical libraries
%% of the two machines agree: they may differ in the last bits.
%% @private
-module(eslaver_mirror_geo_commands).

-behaviour(eslaver_mirror_commands).

-export([commands/0, apply/3]).

%% The versions from which on positions are kept within the map, and the distance on one meridian
%% has a simpler formula; some of 7.0 have that, too. All masters with these commands send their
%% version.
-define(FRAMED, {6, 0}).
-define(SOME_SIMPLER, {7, 0}).
-define(SIMPLER, {7, 2}).

-record(search, {
    center :: undefined | eslaver_mirror_geo:position() | {member, binary()},
    shape :: undefined | eslaver_mirror_geo:shape(),
    order = none :: eslaver_mirror_geo_search:order(),
    count = infinity :: pos_integer() | infinity,
    any = false :: boolean(),
    %% The key for the result, which GEOSEARCHSTORE has before its options.
    target :: undefined | {before, binary()} | binary(),
    stored = hash :: hash | distance
}).

%% @doc See {@link eslaver_mirror_commands}.
-spec commands() -> [binary()].
commands() ->
    [<<"geoadd">>, <<"georadius">>, <<"georadiusbymember">>, <<"geosearchstore">>].

%% @doc See {@link eslaver_mirror_commands}.
-spec apply(binary(), [binary()], eslaver_mirror_type:ctx()) -> ok.
apply(<<"geoadd">>, [Key | Args], Ctx) ->
    eslaver_mirror_zset_commands:apply(<<"zadd">>, [Key | scores(Args)], Ctx);
apply(<<"georadius">>, [Key, Longitude, Latitude, Radius, Unit | Options], Ctx) ->
    Center = position(Longitude, Latitude),
    radius(Ctx, Key, Options, #search{center = Center, shape = shape(Radius, Unit)});
apply(<<"georadiusbymember">>, [Key, Member, Radius, Unit | Options], Ctx) ->
    radius(Ctx, Key, Options, #search{center = {member, Member}, shape = shape(Radius, Unit)});
apply(<<"geosearchstore">>, [Target, Key | Options], Ctx) ->
    store(Ctx, Key, options(Options, #search{target = {before, Target}})).

%% Without a target the command only reads.
radius(Ctx, Key, Options, Search) ->
    case options(Options, Search) of
        #search{target = undefined} -> ok;
        Parsed -> store(Ctx, Key, Parsed)
    end.

%% Converts the arguments of GEOADD to those of ZADD.
scores([Longitude, Latitude, Member | More] = Args) ->
    case string:lowercase(Longitude) of
        Flag when Flag =:= <<"nx">>; Flag =:= <<"xx">>; Flag =:= <<"ch">> ->
            [Flag | scores(tl(Args))];
        _ ->
            Score = eslaver_mirror_geo:encode(position(Longitude, Latitude)),
            [integer_to_binary(Score), Member | scores(More)]
    end;
scores([]) ->
    [].

position(Longitude, Latitude) ->
    {number(Longitude), number(Latitude)}.

number(Text) ->
    Number = eslaver_mirror_score:parse(Text),
    true = is_float(Number),
    Number.

shape(Radius, Unit) ->
    {radius, number(Radius), unit(Unit)}.

unit(Unit) ->
    case string:lowercase(Unit) of
        <<"m">> -> m;
        <<"km">> -> km;
        <<"ft">> -> ft;
        <<"mi">> -> mi
    end.

options([], Search) ->
    Search;
options([Name | Args], Search) ->
    case {string:lowercase(Name), Args} of
        {<<"asc">>, More} ->
            options(More, Search#search{order = asc});
        {<<"desc">>, More} ->
            options(More, Search#search{order = desc});
        {<<"any">>, More} ->
            options(More, Search#search{any = true});
        {<<"count">>, [Count | More]} ->
            options(More, Search#search{count = binary_to_integer(Count)});
        {<<"store">>, [Target | More]} ->
            options(More, Search#search{target = Target, stored = hash});
        {<<"storedist">>, More} when is_tuple(Search#search.target) ->
            options(More, Search#search{stored = distance});
        {<<"storedist">>, [Target | More]} ->
            options(More, Search#search{target = Target, stored = distance});
        {<<"frommember">>, [Member | More]} ->
            options(More, Search#search{center = {member, Member}});
        {<<"fromlonlat">>, [Longitude, Latitude | More]} ->
            options(More, Search#search{center = position(Longitude, Latitude)});
        {<<"byradius">>, [Radius, Unit | More]} ->
            options(More, Search#search{shape = shape(Radius, Unit)});
        {<<"bybox">>, [Width, Height, Unit | More]} ->
            options(More, Search#search{shape = {box, number(Width), number(Height), unit(Unit)}});
        {<<"bypolygon">>, [Count | More]} ->
            {Corners, Rest} = lists:split(2 * binary_to_integer(Count), More),
            options(Rest, Search#search{shape = {polygon, corners(Corners)}});
        {<<"with", _/binary>>, More} ->
            options(More, Search)
    end.

corners([Longitude, Latitude | More]) -> [position(Longitude, Latitude) | corners(More)];
corners([]) -> [].

store(Ctx, Key, #search{target = {before, Target}} = Search) ->
    store(Ctx, Key, Search#search{target = Target});
store(#{store := Store} = Ctx, Key, #search{target = Target} = Search) ->
    Entries =
        case eslaver_mirror_keys:body(Ctx, Key, zset) of
            none -> [];
            Zset -> entries(Store, Zset, Search#search{center = center(Store, Zset, Search)})
        end,
    Body = eslaver_mirror_zset:from_list(Store, Entries),
    eslaver_mirror_keys:put(Ctx, Target, zset, Body, infinity).

entries(Store, Zset, #search{center = Center} = Search) ->
    Version = eslaver_mirror_store:version(Store),
    Hits = found(Store, Zset, Search),
    true = Version >= ?FRAMED orelse not lists:any(fun is_on_edge/1, [Center | positions(Hits)]),
    [entry(Hit, Search, Version) || Hit <- Hits].

positions(Hits) ->
    [Position || {_, _, _, Position} <- Hits].

%% Servers up to 5.0 take a position on the edge of the map for one a little beyond it.
is_on_edge({Longitude, Latitude}) -> abs(Longitude) >= 180.0 orelse abs(Latitude) >= 85.05112878;
is_on_edge(undefined) -> false.

found(Store, Zset, #search{center = Center, shape = Shape} = Search) ->
    Place = eslaver_mirror_geo:place(Center, Shape),
    true = eslaver_mirror_geo:is_defined(Place),
    case Search of
        #search{any = true, count = Count} ->
            eslaver_mirror_geo_search:search(Store, Zset, Place, Count);
        #search{any = false, count = Count, order = Order} ->
            Hits = eslaver_mirror_geo_search:search(Store, Zset, Place, infinity),
            nearest(eslaver_mirror_geo_search:sort(Hits, default(Order)), Count)
    end.

%% With a count the nearest are stored; without one the order does not matter.
default(none) -> asc;
default(Order) -> Order.

%% Which of two at the same distance a server stores depends on how its library sorts.
nearest(Hits, Count) when Count =:= infinity; length(Hits) =< Count ->
    Hits;
nearest(Hits, Count) ->
    {Stored, [{_, _, Next, _} | _]} = lists:split(Count, Hits),
    {_, _, Last, _} = lists:last(Stored),
    true = Last /= Next,
    Stored.

center(_Store, _Zset, #search{shape = {polygon, _}}) ->
    undefined;
center(Store, Zset, #search{center = {member, Member}}) ->
    [{_, _} = Position] = eslaver_mirror_geo_search:positions(Store, Zset, [Member]),
    Position;
center(_Store, _Zset, #search{center = {_, _} = Position}) ->
    Position.

entry({Member, Score, _, _}, #search{stored = hash}, _Version) ->
    {Score, Member};
entry({Member, _, Simpler, Position}, #search{center = Center, shape = Shape}, Version) ->
    Meters = meters(Version, Simpler, eslaver_mirror_geo:haversine(Center, Position)),
    {Meters / eslaver_mirror_geo:meters(eslaver_mirror_geo:unit(Shape)), Member}.

meters(Version, Simpler, _) when Version >= ?SIMPLER -> Simpler;
meters(Version, _, General) when Version < ?SOME_SIMPLER -> General;
meters(_Version, Either, General) when Either == General -> Either.
