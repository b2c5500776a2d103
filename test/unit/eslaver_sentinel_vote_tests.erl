%% Which master is believed: a table of what Sentinels say one after the other, and properties of
%% anything that they may say.
-module(eslaver_sentinel_vote_tests).

-include_lib("eunit/include/eunit.hrl").

%% Each step is at a time in ms. Sentinels are atoms; masters, too.
decided_test_() ->
    Trio = {0, known, [s1, s2, s3]},
    Table = [
        {"nobody has spoken", [Trio], undefined},
        {"one of three alone", [Trio, {1, s1, {a, 1}}], undefined},
        {"a majority", [Trio, {1, s1, {a, 1}}, {2, s2, {a, 1}}], {a, 1}},
        {"all others have been tried", [Trio, {1, s2, no}, {1, s3, no}, {2, s1, {a, 1}}], {a, 1}},
        {"one, and then the others fail", [Trio, {1, s1, {a, 1}}, {2, s2, no}, {9, s3, no}],
            {a, 1}},
        {"the others hang for a moment", [Trio, {1, s1, {a, 1}}, {500, tick}], undefined},
        {"the others hang", [Trio, {1, s1, {a, 1}}, {501, tick}], {a, 1}},
        {"the one that spoke is lost first", [Trio, {1, s1, {a, 1}}, {2, s1, no}, {501, tick}],
            undefined},
        {"only one is known", [{0, known, [s1]}, {1, s1, {a, 0}}], {a, 0}},
        {"a stranger", [Trio, {1, s9, {a, 1}}, {2, s8, {a, 1}}, {900, tick}], undefined},
        {"the first two disagree", [Trio, {1, s1, {a, 0}}, {2, s2, {b, 1}}], {b, 1}},
        {"an election", agreed(a, 1) ++ [{9, s2, {b, 2}}], {b, 2}},
        {"the others follow", agreed(a, 1) ++ [{9, s2, {b, 2}}, {10, s1, {a, 1}}], {b, 2}},
        {"the same master again", agreed(a, 1) ++ [{9, s2, {a, 2}}], {a, 2}},
        {"two elections", agreed(a, 1) ++ [{9, s2, {b, 2}}, {9, s1, {c, 3}}], {c, 3}},
        {"partitioned with an old view",
            agreed(a, 1) ++ [{9, s1, {b, 2}}, {9, s2, {b, 2}}, {10, s1, no}, {10, s2, no}] ++
                [{T, s3, {a, 1}} || T <- lists:seq(1000, 60_000, 1000)],
            {b, 2}},
        {"all are lost", agreed(a, 1) ++ [{9, S, no} || S <- [s1, s2, s3]], {a, 1}},
        {"one says another under the same epoch", agreed(a, 1) ++ [{9, s2, {b, 1}}], {a, 1}},
        {"most say another under the same epoch",
            agreed(a, 1) ++ [{9, s2, {b, 1}}, {9, s3, {b, 1}}], {b, 1}},
        {"most of those in reach do", agreed(a, 1) ++ [{8, s1, no}, {8, s3, no}, {9, s2, {b, 1}}],
            {a, 1}},
        {"set up anew", agreed(a, 5) ++ anew(1000, 0) ++ anew(10_999, 0), {a, 5}},
        {"set up anew for ten seconds", agreed(a, 5) ++ anew(1000, 0) ++ anew(11_001, 0), {b, 0}},
        {"set up anew, and then interrupted",
            agreed(a, 5) ++ anew(1000, 0) ++ [{5000, s1, {a, 5}}, {5001, s2, {a, 5}}] ++
                anew(6000, 0) ++ anew(11_001, 0),
            {a, 5}},
        {"set up anew twice", agreed(a, 5) ++ anew(1000, 0) ++ anew(6000, 1) ++ anew(11_002, 1),
            {a, 5}},
        {"one alone cannot set it up anew",
            agreed(a, 5) ++ [{9, s2, no}, {9, s3, no}, {9, s1, {b, 0}}, {60_000, tick}], {a, 5}},
        {"the others have been removed",
            agreed(a, 5) ++ [{8, known, [s1]}, {9, s1, {b, 0}}, {10_010, tick}], {b, 0}},
        {"two of five are no majority",
            agreed(a, 1) ++
                [{8, known, [s1, s2, s3, s4, s5]}, {9, s4, {b, 1}}, {9, s5, {b, 1}}],
            {a, 1}},
        {"three of five are",
            agreed(a, 1) ++
                [
                    {8, known, [s1, s2, s3, s4, s5]},
                    {9, s4, {b, 1}},
                    {9, s5, {b, 1}},
                    {9, s1, {b, 1}}
                ],
            {b, 1}},
        {"an earlier vote", [{0, seen, {a, 3}}, Trio, {1, s1, {b, 2}}, {1, s2, {b, 2}}], {a, 3}},
        {"an earlier vote and an election", [{0, seen, {a, 3}}, Trio, {1, s1, {b, 4}}], {b, 4}},
        {"an earlier vote of another user", agreed(a, 1) ++ [{9, seen, {b, 2}}], {b, 2}},
        {"an old vote of another user", agreed(a, 2) ++ [{9, seen, {b, 1}}], {a, 2}},
        {"no vote of another user", agreed(a, 2) ++ [{9, seen, undefined}], {a, 2}}
    ],
    [
        {What, ?_assertEqual(Decided, eslaver_sentinel_vote:decided(run(Steps)))}
     || {What, Steps, Decided} <- Table
    ].

agreed(Master, Epoch) ->
    [{0, known, [s1, s2, s3]} | [{1, S, {Master, Epoch}} || S <- [s1, s2, s3]]].

anew(At, Epoch) ->
    [{At + N, S, {b, Epoch}} || {N, S} <- [{0, s1}, {1, s2}]].

run(Steps) -> lists:foldl(fun step/2, eslaver_sentinel_vote:new(), Steps).

step({At, known, Sentinels}, Vote) -> eslaver_sentinel_vote:known(Sentinels, At, Vote);
step({_At, seen, Opinion}, Vote) -> eslaver_sentinel_vote:seen(Opinion, Vote);
step({At, tick}, Vote) -> eslaver_sentinel_vote:at(At, Vote);
step({At, Sentinel, no}, Vote) -> eslaver_sentinel_vote:silent(Sentinel, At, Vote);
step({At, Sentinel, Opinion}, Vote) -> eslaver_sentinel_vote:said(Sentinel, Opinion, At, Vote).

agreeing_test() ->
    Vote = run(agreed(a, 1) ++ [{2, s3, {b, 2}}, {3, s1, {b, 2}}]),
    ?assertEqual([s1, s3], lists:sort(eslaver_sentinel_vote:agreeing(Vote))).

%% Whatever is said: the epoch falls only where a majority has said the same for ten seconds, a
%% decision is one that somebody has said, and once there is one there always is.
any_steps_test() ->
    _ = rand:seed(exsss, 3),
    [any_steps(rand:uniform(60)) || _ <- lists:seq(1, 3000)].

any_steps(Count) ->
    Known = [s1, s2, s3, s4, s5],
    Start = step({0, known, lists:sublist(Known, rand:uniform(5))}, eslaver_sentinel_vote:new()),
    any_steps(Count, 0, Known, [], Start).

any_steps(0, _Now, _Known, _Said, _Vote) ->
    ok;
any_steps(Count, Now, Known, Said, Vote) ->
    At = Now + rand:uniform(4000),
    {Next, Words} =
        case rand:uniform(10) of
            1 ->
                {step({At, known, lists:sublist(Known, rand:uniform(5))}, Vote), Said};
            2 ->
                {step({At, tick}, Vote), Said};
            3 ->
                {step({At, any_of(Known), no}, Vote), Said};
            _ ->
                Opinion = {any_of([a, b, c]), rand:uniform(4)},
                {step({At, any_of(Known), Opinion}, Vote), [{At, Opinion} | Said]}
        end,
    Before = eslaver_sentinel_vote:decided(Vote),
    After = eslaver_sentinel_vote:decided(Next),
    case {Before, After} of
        {Same, Same} ->
            ok;
        {_, {_, _}} ->
            ?assert(lists:keymember(After, 2, Words)),
            falls_late(At, Before, After, Words)
    end,
    any_steps(Count - 1, At, Known, Words, Next).

falls_late(At, {_, High}, {_, Low} = After, Words) when Low < High ->
    ?assertMatch([_ | _], [Then || {Then, Opinion} <- Words, Opinion =:= After, At - Then >= 10_000]);
falls_late(_At, _Before, _After, _Words) ->
    ok.

any_of(List) -> lists:nth(rand:uniform(length(List)), List).
