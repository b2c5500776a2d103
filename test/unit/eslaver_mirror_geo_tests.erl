-module(eslaver_mirror_geo_tests).

-include_lib("eunit/include/eunit.hrl").

%% As a real server has them.
score_test_() ->
    [
        [
            ?_assertEqual(Score, eslaver_mirror_geo:encode(Position)),
            ?_assertEqual(Decoded, eslaver_mirror_geo:decode(Score)),
            ?_assertEqual(Hash, eslaver_mirror_geo:hash(Score))
        ]
     || {Position, Score, Decoded, Hash} <- [
            {
                {13.361389, 38.115556},
                3479099956230698,
                {13.361389338970184, 38.1155563954963},
                <<"sqc8b49rny0">>
            },
            {
                {15.087269, 37.502669},
                3479447370796909,
                {15.087267458438873, 37.50266842333162},
                <<"sqdtr74hyu0">>
            }
        ]
    ].

distance_test() ->
    Meters = eslaver_mirror_geo:distance({13.361389338970184, 38.1155563954963}, {
        15.087267458438873, 37.50266842333162
    }),
    ?assertEqual("166274.1516", float_to_list(Meters, [{decimals, 4}])).

%% What is in a place is in its areas, and none of those overlap.
areas_test_() ->
    [{integer_to_list(Seed), fun() -> areas(Seed) end} || Seed <- lists:seq(1, 20)].

areas(Seed) ->
    _ = rand:seed(exsss, {Seed, 5, 5}),
    Center = {Longitude, Latitude} = {between(-100, 100), between(-60, 60)},
    Size = math:pow(10, between(0, 6)),
    Corner = fun() -> {Longitude + between(-9, 9), Latitude + between(-9, 9)} end,
    lists:foreach(
        fun(Place) ->
            Areas = lists:sort(eslaver_mirror_geo:areas(Place)),
            ?assert(is_apart(Areas)),
            lists:foreach(fun(_) -> found(Place, Center, Size, Areas) end, lists:seq(1, 500))
        end,
        [
            eslaver_mirror_geo:place(Center, {radius, Size, m}),
            eslaver_mirror_geo:place(Center, {box, Size, Size / 3, m}),
            eslaver_mirror_geo:place(undefined, {polygon, [Corner(), Corner(), Corner()]})
        ]
    ).

found(Place, {Longitude, Latitude}, Size, Areas) ->
    Near = min(20.0, Size / 40_000),
    Position = {Longitude + between(-Near, Near), Latitude + between(-Near, Near)},
    Score = eslaver_mirror_geo:encode(Position),
    IsInArea = lists:any(fun({Min, Below}) -> Score >= Min andalso Score < Below end, Areas),
    case eslaver_mirror_geo:distance_within(Place, eslaver_mirror_geo:decode(Score)) of
        outside -> ok;
        _ -> ?assert(IsInArea)
    end.

is_apart([{_, Below}, {Min, _} = Next | More]) -> Below =< Min andalso is_apart([Next | More]);
is_apart([_]) -> true.

between(Low, High) ->
    Low + rand:uniform() * (High - Low).
