%% Which replica is chosen: a table of what they say.
-module(eslaver_source_choice_tests).

-include_lib("eunit/include/eunit.hrl").

-define(OURS, <<"aaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaa">>).
-define(OTHER, <<"bbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbb">>).

best_test_() ->
    Position = #{replid => ?OURS, offset => 100, db => 0},
    Promoted = fun(Offset, Left) ->
        {ok, (facts(?OTHER, Offset))#{replid2 := ?OURS, second_offset := Left}}
    end,
    Table = [
        {"none are known", Position, [], none},
        {"the furthest", Position, [{a, up(120)}, {b, up(130)}, {c, up(110)}], b},
        {"none that is behind", Position, [{a, up(99)}, {b, up(100)}], b},
        {"all are behind", Position, [{a, up(99)}, {b, up(50)}], none},
        {"one is behind, one another history", Position, [{a, up(99)}, {b, other(500)}], none},
        {"another history is the last choice", Position, [{a, other(500)}, {b, up(100)}], b},
        {"only another history", Position, [{a, other(5)}, {b, other(7)}], b},
        {"promoted beyond us", Position, [{a, Promoted(150, 101)}, {b, other(900)}], a},
        {"promoted before us", Position, [{a, Promoted(150, 100)}, {b, other(120)}], a},
        {"promoted before us, and less far", Position, [{a, Promoted(150, 100)}, {b, other(900)}],
            b},
        {"promoted beyond us, but behind", Position, [{a, Promoted(90, 101)}], none},
        {"no position", undefined, [{a, up(120)}, {b, other(130)}], b},
        {"no link to its master", Position, [{a, down(900)}, {b, up(100)}], b},
        {"none has a link", undefined, [{a, down(900)}], none},
        {"a master", undefined, [{a, {ok, (facts(?OURS, 900))#{role := master}}}], none},
        {"no answer", Position, [{a, {error, <<"no">>}}, {b, up(100)}], b},
        {"no offset", undefined, [{a, {ok, (facts(?OURS, 1))#{offset := undefined}}}], none}
    ],
    [
        {What, ?_assertEqual(Best, best(Given, Candidates))}
     || {What, Given, Candidates, Best} <- Table
    ].

best(Position, Candidates) ->
    Addressed = [{{tcp, atom_to_binary(Name), 1}, Said} || {Name, Said} <- Candidates],
    case eslaver_source_choice:best(Position, Addressed) of
        {ok, {tcp, Name, 1}} -> binary_to_existing_atom(Name);
        {none, <<_, _/binary>>} -> none
    end.

up(Offset) -> {ok, facts(?OURS, Offset)}.

other(Offset) -> {ok, facts(?OTHER, Offset)}.

down(Offset) -> {ok, (facts(?OURS, Offset))#{master_link := down}}.

facts(Replid, Offset) ->
    #{
        role => replica,
        master_link => up,
        replid => Replid,
        replid2 => undefined,
        offset => Offset,
        second_offset => undefined
    }.

%% Each says why it was not chosen.
none_test() ->
    Candidates = [
        {{tcp, <<"h2">>, 2}, {error, <<"it does not answer">>}}, {{tcp, <<"h1">>, 1}, down(1)}
    ],
    {none, Text} = eslaver_source_choice:best(undefined, Candidates),
    ?assertEqual(
        <<
            "no replica to read from: h1:1: its link to the master is down; "
            "h2:2: it does not answer"
        >>,
        Text
    ).
