%% @doc How a mirror applies the commands that write positions, which are the scores of sorted sets,
%% or store those found near a place.
%% @private
-module(eslaver_mirror_geo_commands).

-behaviour(eslaver_mirror_commands).

-export([commands/0, apply/3]).

-record(search, {
    center :: undefined | eslaver_mirror_geo:position() | {member, binary()},
    shape :: undefined | eslaver_mirror_geo:shape(),
    order = none :: eslaver_mirror_geo_search:order(),
    count = infinity :: pos_integer() | infinity,
    any = false :: boolean(),
    %% Where the result goes, which GEOSEARCHSTORE has before its options.
    target :: undefined | {before, binary()} | binary(),
    stored = hash :: hash | distance
}).

%% @doc As {@link eslaver_mirror_commands} has it.
-spec commands() -> [binary()].
commands() ->
    [<<"geoadd">>, <<"georadius">>, <<"georadiusbymember">>, <<"geosearchstore">>].

%% @doc As {@link eslaver_mirror_commands} has it.
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

%% Without a target it is only a read.
radius(Ctx, Key, Options, Search) ->
    case options(Options, Search) of
        #search{target = undefined} -> ok;
        Parsed -> store(Ctx, Key, Parsed)
    end.

%% Arguments of GEOADD as those of ZADD.
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
    Found =
        case eslaver_mirror_keys:body(Ctx, Key, zset) of
            none -> [];
            Zset -> found(Store, Zset, Search)
        end,
    Body = eslaver_mirror_zset:from_list(Store, [entry(Hit, Search) || Hit <- Found]),
    eslaver_mirror_keys:put(Ctx, Target, zset, Body, infinity).

found(Store, Zset, #search{shape = Shape, order = Order, count = Count, any = Any} = Search) ->
    Place = eslaver_mirror_geo:place(center(Store, Zset, Search), Shape),
    case Any of
        true ->
            eslaver_mirror_geo_search:search(Store, Zset, Place, Count);
        false ->
            Hits = eslaver_mirror_geo_search:search(Store, Zset, Place, infinity),
            nearest(eslaver_mirror_geo_search:sort(Hits, default(Order)), Count)
    end.

%% With a count it is the nearest that are stored; without one the order does not matter.
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

entry({Member, Score, _, _}, #search{stored = hash}) ->
    {Score, Member};
entry({Member, _, Meters, _}, #search{stored = distance, shape = Shape}) ->
    {Meters / eslaver_mirror_geo:meters(eslaver_mirror_geo:unit(Shape)), Member}.
