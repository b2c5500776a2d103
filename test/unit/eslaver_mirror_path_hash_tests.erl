%% Path hashes of a mirror, of Valkey 9.2. There is no such server at hand: what commands do was
%% read in its sources and tests.
-module(eslaver_mirror_path_hash_tests).

-include_lib("eunit/include/eunit.hrl").

-define(KEY, <<"tree">>).

path_hash_test_() ->
    eslaver_test_keyspace:tests(?MODULE, [
        {"fields of a path", fun fields/1},
        {"paths that end", fun deleted/1},
        {"prefixes", fun prefixes/1},
        {"a scan", fun scan/1},
        {"another type", fun wrong_type/1}
    ]).

run(Mirror, Commands) ->
    eslaver_test_keyspace:run_all(Mirror, Commands).

fields(Mirror) ->
    run(Mirror, [
        ["phset", ?KEY, "path", "FIELDS", 2, "f1", "v1", "f2", "v2"],
        ["phset", ?KEY, "path", "fnx", "fields", 1, "f3", "v3"],
        ["phset", ?KEY, "path", "FXX", "FIELDS", 1, "f1", "new"],
        ["phset", ?KEY, "path", "FIELDS", 2, "twice", "first", "twice", "last"],
        ["phmset", ?KEY, "other", "FIELDS", 2, "f1", "x", "fields", "y", "", "fields", 1, "f", "z"]
    ]),
    ?assertEqual(path_hash, eslaver_mirror:type(?MODULE, ?KEY)),
    ?assertEqual(3, eslaver_mirror:phcard(?MODULE, ?KEY)),
    ?assertEqual(
        #{
            <<"f1">> => <<"new">>,
            <<"f2">> => <<"v2">>,
            <<"f3">> => <<"v3">>,
            <<"twice">> => <<"last">>
        },
        eslaver_mirror:phgetall(?MODULE, ?KEY, <<"path">>)
    ),
    ?assertEqual(<<"y">>, eslaver_mirror:phget(?MODULE, ?KEY, <<"other">>, <<"fields">>)),
    ?assertEqual(<<"z">>, eslaver_mirror:phget(?MODULE, ?KEY, <<>>, <<"f">>)),
    ?assertEqual(
        [<<"x">>, undefined],
        eslaver_mirror:phmget(?MODULE, ?KEY, <<"other">>, [<<"f1">>, <<"f2">>])
    ),
    ?assertEqual([undefined], eslaver_mirror:phmget(?MODULE, <<"none">>, <<"p">>, [<<"f">>])),
    ?assertEqual(undefined, eslaver_mirror:phget(?MODULE, ?KEY, <<"none">>, <<"f">>)),
    ?assertEqual(#{}, eslaver_mirror:phgetall(?MODULE, ?KEY, <<"none">>)),
    ?assertEqual(
        [true, false, true],
        [eslaver_mirror:phexists(?MODULE, ?KEY, Path) || Path <- [<<"path">>, <<"pat">>, <<>>]]
    ),
    ?assertNot(eslaver_mirror:phexists(?MODULE, <<"none">>, <<>>)),
    ?assertEqual(0, eslaver_mirror:phcard(?MODULE, <<"none">>)).

%% Without its last path the key is still there.
deleted(Mirror) ->
    Paths = ["a", "ab", "abc", "ac", "b"],
    run(Mirror, [["phset", ?KEY, Path, "FIELDS", 1, "f", Path] || Path <- Paths]),
    run(Mirror, [["phset", ?KEY, "a", "FIELDS", 1, "g", "1"], ["phdel", ?KEY, "a", "x", "f", "x"]]),
    ?assertEqual(#{<<"g">> => <<"1">>}, eslaver_mirror:phgetall(?MODULE, ?KEY, <<"a">>)),
    run(Mirror, [["phdel", ?KEY, "a", "g"]]),
    ?assertEqual([<<"ab">>, <<"abc">>, <<"ac">>, <<"b">>], paths()),
    run(Mirror, [["phdelprefix", ?KEY, "ab"]]),
    ?assertEqual([<<"ac">>, <<"b">>], paths()),
    run(Mirror, [["phdel", ?KEY, "b"], ["phdel", ?KEY, "b"], ["phdelprefix", ?KEY, ""]]),
    ?assertEqual(0, eslaver_mirror:phcard(?MODULE, ?KEY)),
    ?assertEqual(path_hash, eslaver_mirror:type(?MODULE, ?KEY)),
    %% of a key that is gone a master replicates none
    ?assertError(_, run(Mirror, [["phdel", "none", "a"]])).

paths() ->
    {0, Paths} = eslaver_mirror:phscan(?MODULE, ?KEY, 0, #{count => 1000}),
    ?assertEqual(length(Paths), eslaver_mirror:phcard(?MODULE, ?KEY)),
    Paths.

prefixes(Mirror) ->
    Deep = <<0, "a", 0, 255>>,
    run(Mirror, [
        ["phset", ?KEY, Path, "FIELDS", 1, "f", "v"]
     || Path <- ["", "a", "ab", "abc", "abcd", <<0>>, <<0, "a">>, Deep, <<0, "b">>]
    ]),
    Prefixes = fun(Query, Options) ->
        [byte_size(P) || P <- eslaver_mirror:phprefixes(?MODULE, ?KEY, Query, Options)]
    end,
    ?assertEqual([0, 1, 2, 3, 4], Prefixes(<<"abcde">>, #{})),
    ?assertEqual([2, 3], Prefixes(<<"abcde">>, #{count => 2, maxlen => 3})),
    ?assertEqual([0], Prefixes(<<"zzz">>, #{maxlen => 0})),
    ?assertEqual([0, 1, 2, 4], Prefixes(<<Deep/binary, "z">>, #{})),
    ?assertEqual(
        [<<>>, <<"a">>, <<"ab">>], eslaver_mirror:phprefixes(?MODULE, ?KEY, <<"abx">>)
    ),
    ?assertEqual(<<"abcd">>, eslaver_mirror:phlongest(?MODULE, ?KEY, <<"abcdzz">>)),
    ?assertEqual(<<>>, eslaver_mirror:phlongest(?MODULE, ?KEY, <<"zz">>)),
    run(Mirror, [["phdel", ?KEY, ""]]),
    ?assertEqual(undefined, eslaver_mirror:phlongest(?MODULE, ?KEY, <<"zz">>)),
    ?assertEqual(undefined, eslaver_mirror:phlongest(?MODULE, <<"none">>, <<"zz">>)),
    ?assertEqual([], eslaver_mirror:phprefixes(?MODULE, <<"none">>, <<"zz">>)),
    [
        ?assertError(badarg, eslaver_mirror:phprefixes(?MODULE, ?KEY, <<"a">>, Options))
     || Options <- [#{count => 0}, #{maxlen => -1}, #{prefix => <<>>}]
    ].

scan(Mirror) ->
    Paths = lists:sort([<<"p", (integer_to_binary(N))/binary>> || N <- lists:seq(1, 50)]),
    run(Mirror, [["phset", ?KEY, Path, "FIELDS", 1, "f", "v"] || Path <- ["q", "" | Paths]]),
    ?assertEqual(Paths, scanned(#{prefix => <<"p">>, count => 7}, 0, [])),
    ?assertEqual(Paths, scanned(#{prefix => <<"p">>, count => 50}, 0, [])),
    ?assertEqual([<<>> | Paths] ++ [<<"q">>], scanned(#{}, 0, [])),
    ?assertEqual({0, []}, eslaver_mirror:phscan(?MODULE, ?KEY, 0, #{prefix => <<"x">>})),
    ?assertEqual({0, []}, eslaver_mirror:phscan(?MODULE, <<"none">>, 0)),
    ?assertError(badarg, eslaver_mirror:phscan(?MODULE, ?KEY, 0, #{count => 0})).

scanned(Options, Cursor, Found) ->
    case eslaver_mirror:phscan(?MODULE, ?KEY, Cursor, Options) of
        {0, Paths} -> Found ++ Paths;
        {Next, Paths} -> scanned(Options, Next, Found ++ Paths)
    end.

wrong_type(Mirror) ->
    run(Mirror, [["set", ?KEY, "x"]]),
    ?assertEqual({error, wrongtype}, eslaver_mirror:phcard(?MODULE, ?KEY)),
    ?assertEqual({error, wrongtype}, eslaver_mirror:phgetall(?MODULE, ?KEY, <<>>)),
    ?assertError(_, run(Mirror, [["phset", ?KEY, "p", "FIELDS", 1, "f", "v"]])).
