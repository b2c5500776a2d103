%% Sets of a mirror: against ordsets, and random members.
-module(eslaver_mirror_set_tests).

-include_lib("eunit/include/eunit.hrl").

-define(STEPS, 3000).
-define(KEYS, [<<"a">>, <<"b">>, <<"c">>]).

set_test_() ->
    eslaver_test_keyspace:tests(?MODULE, [
        {"model", fun model/1},
        {"chance", fun chance/1},
        {"scan", fun scan/1},
        {"spop", fun spop/1}
    ]).

%% Random commands do to a mirror what they do to ordsets.
model(Mirror) ->
    Seed = eslaver_test_env:seed(),
    _ = rand:seed(exsss, Seed),
    Empty = maps:from_list([{Key, []} || Key <- ?KEYS]),
    {_, Sets} = lists:foldl(
        fun(_, Acc) -> step(Acc, Seed) end, {Mirror, Empty}, lists:seq(1, ?STEPS)
    ),
    [A, B, C] = [maps:get(Key, Sets) || Key <- ?KEYS],
    ?assertEqual(ordsets:intersection([A, B, C]), sorted(sinter, ?KEYS)),
    ?assertEqual(ordsets:union([A, B, C]), sorted(sunion, ?KEYS)),
    ?assertEqual(ordsets:subtract(A, ordsets:union(B, C)), sorted(sdiff, ?KEYS)),
    Common = length(ordsets:intersection(A, B)),
    ?assertEqual(Common, eslaver_mirror:sintercard(?MODULE, [<<"a">>, <<"b">>])),
    ?assertEqual(
        min(1, Common), eslaver_mirror:sintercard(?MODULE, [<<"a">>, <<"b">>], #{limit => 1})
    ),
    ?assertEqual([], eslaver_mirror:sinter(?MODULE, [<<"a">>, <<"none">>])),
    ?assertEqual([true || _ <- A], eslaver_mirror:smismember(?MODULE, <<"a">>, A)).

step({Mirror, Model}, Seed) ->
    Command = command(Model),
    Next = eslaver_test_keyspace:run_all(Mirror, [Command]),
    After = expected(Command, Model),
    Found = maps:from_list([{Key, sorted(smembers, Key)} || Key <- ?KEYS]),
    ?assertEqual({Seed, Command, After}, {Seed, Command, Found}),
    [
        ?assertEqual(length(maps:get(Key, After)), eslaver_mirror:scard(?MODULE, Key))
     || Key <- ?KEYS
    ],
    {Next, After}.

sorted(Function, Arg) ->
    lists:sort(eslaver_mirror:Function(?MODULE, Arg)).

command(Model) ->
    Key = one(?KEYS),
    case {rand:uniform(8), maps:get(Key, Model)} of
        {N, _} when N < 4 -> [<<"sadd">>, Key | some()];
        {N, _} when N < 6 -> [<<"srem">>, Key | some()];
        {6, [_ | _] = Members} ->
            [<<"smove">>, Key, one(?KEYS), one(Members)];
        {7, _} ->
            [<<"del">>, Key];
        _ ->
            [
                one([<<"sinterstore">>, <<"sunionstore">>, <<"sdiffstore">>]),
                Key,
                one(?KEYS),
                one(?KEYS)
            ]
    end.

some() -> [integer_to_binary(rand:uniform(12)) || _ <- lists:seq(1, rand:uniform(5))].

one(List) -> lists:nth(rand:uniform(length(List)), List).

expected([<<"sadd">>, Key | Members], Sets) ->
    Sets#{Key => ordsets:union(maps:get(Key, Sets), ordsets:from_list(Members))};
expected([<<"srem">>, Key | Members], Sets) ->
    Sets#{Key => ordsets:subtract(maps:get(Key, Sets), ordsets:from_list(Members))};
expected([<<"smove">>, From, To, Member], Sets) ->
    expected([<<"sadd">>, To, Member], expected([<<"srem">>, From, Member], Sets));
expected([<<"sinterstore">>, To, A, B], Sets) ->
    Sets#{To => ordsets:intersection(maps:get(A, Sets), maps:get(B, Sets))};
expected([<<"sunionstore">>, To, A, B], Sets) ->
    Sets#{To => ordsets:union(maps:get(A, Sets), maps:get(B, Sets))};
expected([<<"sdiffstore">>, To, A, B], Sets) ->
    Sets#{To => ordsets:subtract(maps:get(A, Sets), maps:get(B, Sets))};
expected([<<"del">>, Key], Sets) ->
    Sets#{Key => []}.

%% Every member is drawn about as often as any other. A hundred draws of each are expected; that one
%% has less than 50 or more than 160 happens, with the right chances, to one run in millions.
chance(Mirror) ->
    Members = numbers(200),
    _ = eslaver_test_keyspace:run_all(Mirror, [[<<"sadd">>, <<"a">> | Members]]),
    Draws = eslaver_mirror:srandmember(?MODULE, <<"a">>, -100 * length(Members)),
    Counts = lists:foldl(
        fun(Draw, Acc) -> maps:update_with(Draw, fun(N) -> N + 1 end, 1, Acc) end, #{}, Draws
    ),
    ?assertEqual(lists:sort(Members), lists:sort(maps:keys(Counts))),
    ?assert(lists:min(maps:values(Counts)) > 50),
    ?assert(lists:max(maps:values(Counts)) < 160),
    [
        ?assertEqual(min(Count, 200), length(lists:usort(drawn(Count))))
     || Count <- [0, 1, 50, 66, 67, 199, 200, 500]
    ],
    ?assertEqual(undefined, eslaver_mirror:srandmember(?MODULE, <<"none">>)),
    ?assertEqual([], eslaver_mirror:srandmember(?MODULE, <<"none">>, -3)).

drawn(Count) ->
    Drawn = eslaver_mirror:srandmember(?MODULE, <<"a">>, Count),
    ?assertEqual(length(Drawn), length(lists:usort(Drawn))),
    Drawn.

%% A scan finds what is there all the while, though others come and go between its steps.
scan(Mirror) ->
    Stay = numbers(300),
    Go = [<<"go", N/binary>> || N <- numbers(300)],
    _ = eslaver_test_keyspace:run_all(Mirror, [[<<"sadd">>, <<"a">> | Stay ++ Go]]),
    Found = scan(Mirror, 0, Go, []),
    ?assertEqual([], Stay -- Found),
    ?assertEqual(length(Found), length(lists:usort(Found))),
    Options = #{match => <<"1?">>, count => 1000},
    {0, Matching} = eslaver_mirror:sscan(?MODULE, <<"a">>, 0, Options),
    ?assertEqual([integer_to_binary(N) || N <- lists:seq(10, 19)], lists:sort(Matching)),
    ?assertError(badarg, eslaver_mirror:sscan(?MODULE, <<"a">>, 0, #{count => 0})).

scan(Mirror, Cursor, Go, Found) ->
    {Next, Some} = eslaver_mirror:sscan(?MODULE, <<"a">>, Cursor),
    {Gone, Left} = lists:split(min(5, length(Go)), Go),
    _ = eslaver_test_keyspace:run_all(Mirror, [[<<"srem">>, <<"a">> | Gone] || Gone =/= []]),
    case Next of
        0 -> Some ++ Found;
        _ -> scan(Mirror, Next, Left, Some ++ Found)
    end.

%% Of which members have been popped there is no doubt only when it is all of them.
spop(Mirror) ->
    Filled = eslaver_test_keyspace:run_all(Mirror, [[<<"sadd">>, <<"a">>, <<"1">>, <<"2">>]]),
    Copied = eslaver_test_keyspace:run_all(Filled, [[<<"copy">>, <<"a">>, <<"b">>]]),
    ?assertError(_, eslaver_test_keyspace:run_all(Copied, [[<<"spop">>, <<"a">>, 1]])),
    ?assertEqual({error, unknown}, eslaver_mirror:smembers(?MODULE, <<"a">>)),
    _ = eslaver_test_keyspace:run_all(Copied, [[<<"spop">>, <<"b">>, 2]]),
    ?assertEqual([], eslaver_mirror:smembers(?MODULE, <<"b">>)).

numbers(Count) -> [integer_to_binary(N) || N <- lists:seq(1, Count)].
