%% Hashes of a mirror: what commands do to fields and their times to live, and what is shown of
%% expired fields.
-module(eslaver_mirror_hash_tests).

-include_lib("eunit/include/eunit.hrl").

-define(KEY, <<"h">>).
-define(STEPS, 3000).
%% Times to come, and one that has passed, in ms.
-define(LATER, 99_999_999_999_000).
-define(LATEST, 99_999_999_999_999).
-define(PAST, 1000).

hash_test_() ->
    eslaver_test_keyspace:tests(?MODULE, [
        {"commands", fun commands/1},
        {"relative times", fun relative/1},
        {"expired", fun expired/1},
        {"model", fun model/1}
    ]).

%% Each on a hash of `a', `b' that lives to LATER, and `c', an 80-bit float among them.
commands(Mirror) ->
    [
        begin
            _ = eslaver_test_keyspace:run_all(Mirror, [
                [<<"del">>, ?KEY],
                [<<"hset">>, ?KEY, <<"a">>, 1, <<"b">>, 2, <<"c">>, <<"0.1">>],
                [<<"hpexpireat">>, ?KEY, ?LATER, <<"FIELDS">>, 1, <<"b">>],
                [Name, ?KEY | Args]
            ]),
            ?assertEqual({Name, Args, Expected}, {Name, Args, content()})
        end
     || {Name, Args, Changes} <- [
            {<<"hset">>, [<<"b">>, 7, <<"d">>, 8], [
                {<<"b">>, <<"7">>, infinity}, {<<"d">>, <<"8">>, infinity}
            ]},
            {<<"hmset">>, [<<"b">>, 7], [{<<"b">>, <<"7">>, infinity}]},
            {<<"hsetnx">>, [<<"d">>, 7], [{<<"d">>, <<"7">>, infinity}]},
            {<<"hdel">>, [<<"b">>, <<"x">>], [{<<"b">>, gone}]},
            {<<"hgetdel">>, [<<"FIELDS">>, 2, <<"a">>, <<"b">>], [
                {<<"a">>, gone}, {<<"b">>, gone}
            ]},
            {<<"hincrby">>, [<<"b">>, -5], [{<<"b">>, <<"-3">>, ?LATER}]},
            {<<"hincrby">>, [<<"d">>, 5], [{<<"d">>, <<"5">>, infinity}]},
            {<<"hincrbyfloat">>, [<<"c">>, <<"0.2">>], [{<<"c">>, <<"0.3">>, infinity}]},
            {<<"hpersist">>, [<<"FIELDS">>, 2, <<"a">>, <<"b">>], [{<<"b">>, <<"2">>, infinity}]},
            {<<"hgetex">>, [<<"PERSIST">>, <<"FIELDS">>, 1, <<"b">>], [
                {<<"b">>, <<"2">>, infinity}
            ]},
            {<<"hgetex">>, [<<"FIELDS">>, 1, <<"b">>], []},
            {<<"hgetex">>, [<<"PXAT">>, ?LATEST, <<"FIELDS">>, 1, <<"a">>], [
                {<<"a">>, <<"1">>, ?LATEST}
            ]},
            {<<"hexpireat">>, [?LATER div 1000, <<"FIELDS">>, 1, <<"a">>], [
                {<<"a">>, <<"1">>, ?LATER}
            ]},
            {<<"hpexpireat">>, [?LATEST, <<"NX">>, <<"FIELDS">>, 3, <<"a">>, <<"b">>, <<"x">>], [
                {<<"a">>, <<"1">>, ?LATEST}
            ]},
            {<<"hpexpireat">>, [?LATEST, <<"xx">>, <<"fields">>, 2, <<"a">>, <<"b">>], [
                {<<"b">>, <<"2">>, ?LATEST}
            ]},
            {<<"hpexpireat">>, [?LATEST, <<"GT">>, <<"FIELDS">>, 2, <<"a">>, <<"b">>], [
                {<<"b">>, <<"2">>, ?LATEST}
            ]},
            {<<"hpexpireat">>, [?LATEST, <<"LT">>, <<"FIELDS">>, 2, <<"a">>, <<"b">>], [
                {<<"a">>, <<"1">>, ?LATEST}
            ]},
            {<<"hsetex">>, [<<"FXX">>, <<"KEEPTTL">>, <<"FIELDS">>, 1, <<"b">>, 7], [
                {<<"b">>, <<"7">>, ?LATER}
            ]},
            {<<"hsetex">>, [<<"FIELDS">>, 1, <<"b">>, 7], [{<<"b">>, <<"7">>, infinity}]},
            {<<"hsetex">>, [<<"EXAT">>, ?LATER div 1000, <<"FIELDS">>, 1, <<"FNX">>, 7], [
                {<<"FNX">>, <<"7">>, ?LATER}
            ]},
            {<<"hpexpireat">>, [?PAST, <<"FIELDS">>, 1, <<"b">>], [{<<"b">>, gone}]}
        ],
        Expected <- [changed(Changes)]
    ].

changed(Changes) ->
    Start = [
        {<<"a">>, <<"1">>, infinity}, {<<"b">>, <<"2">>, ?LATER}, {<<"c">>, <<"0.1">>, infinity}
    ],
    Kept = [Field || Field <- Start, not lists:keymember(element(1, Field), 1, Changes)],
    lists:sort(Kept ++ [Field || {_, _, _} = Field <- Changes]).

content() ->
    Pairs = lists:sort(maps:to_list(eslaver_mirror:hgetall(?MODULE, ?KEY))),
    {Fields, Values} = lists:unzip(Pairs),
    ?assertEqual(length(Pairs), eslaver_mirror:hlen(?MODULE, ?KEY)),
    ?assertEqual(Values, eslaver_mirror:hmget(?MODULE, ?KEY, Fields)),
    ?assertEqual(Fields, lists:sort(eslaver_mirror:hkeys(?MODULE, ?KEY))),
    ?assertEqual(lists:sort(Values), lists:sort(eslaver_mirror:hvals(?MODULE, ?KEY))),
    lists:zip3(Fields, Values, eslaver_mirror:hpexpiretime(?MODULE, ?KEY, Fields)).

%% As masters before these commands were replicated as absolute times would send them.
relative(Mirror) ->
    Future = ?LATER - 5000,
    lists:foldl(
        fun(Command, Acc) -> eslaver_test_keyspace:run(Acc, Command, Future) end,
        Mirror,
        [
            [<<"hset">>, ?KEY, <<"a">>, <<"1">>, <<"b">>, <<"2">>],
            [<<"hexpire">>, ?KEY, <<"5">>, <<"FIELDS">>, <<"1">>, <<"a">>],
            [<<"hpexpire">>, ?KEY, <<"5">>, <<"FIELDS">>, <<"1">>, <<"b">>],
            [<<"hsetex">>, ?KEY, <<"PX">>, <<"7">>, <<"FIELDS">>, <<"1">>, <<"c">>, <<"3">>]
        ]
    ),
    Times = eslaver_mirror:hpexpiretime(?MODULE, ?KEY, [<<"a">>, <<"b">>, <<"c">>]),
    ?assertEqual([?LATER, Future + 5, Future + 7], Times).

%% No read shows an expired field. It comes back with the next write to it.
expired(Mirror) ->
    _ = eslaver_test_keyspace:run_all(Mirror, [
        [<<"hset">>, ?KEY, <<"a">>, 1, <<"b">>, 2, <<"c">>, 3],
        [<<"hpexpireat">>, ?KEY, ?PAST, <<"FIELDS">>, 2, <<"a">>, <<"b">>],
        [<<"hpexpireat">>, ?KEY, ?LATER, <<"FIELDS">>, 1, <<"c">>]
    ]),
    ?assertEqual([{<<"c">>, <<"3">>, ?LATER}], content()),
    ?assertEqual(undefined, eslaver_mirror:hget(?MODULE, ?KEY, <<"a">>)),
    ?assertEqual(false, eslaver_mirror:hexists(?MODULE, ?KEY, <<"a">>)),
    ?assertEqual(0, eslaver_mirror:hstrlen(?MODULE, ?KEY, <<"a">>)),
    ?assertEqual([<<"c">>], eslaver_mirror:hrandfield(?MODULE, ?KEY, 5)),
    ?assertEqual(
        [{<<"c">>, <<"3">>}, {<<"c">>, <<"3">>}],
        eslaver_mirror:hrandfield(?MODULE, ?KEY, -2, [with_values])
    ),
    ?assertEqual({0, [{<<"c">>, <<"3">>}]}, eslaver_mirror:hscan(?MODULE, ?KEY, 0)),
    ?assertEqual(
        [undefined, undefined], eslaver_mirror:httl(?MODULE, ?KEY, [<<"a">>, <<"x">>])
    ),
    ?assertEqual([?LATER div 1000], eslaver_mirror:hexpiretime(?MODULE, ?KEY, [<<"c">>])),
    ?assertEqual([undefined], eslaver_mirror:hpttl(?MODULE, <<"none">>, [<<"c">>])),
    Next = eslaver_test_keyspace:run_all(Mirror, [[<<"hset">>, ?KEY, <<"a">>, 4]]),
    ?assertEqual([{<<"a">>, <<"4">>, infinity}, {<<"c">>, <<"3">>, ?LATER}], content()),
    _ = eslaver_test_keyspace:run_all(Next, [[<<"hdel">>, ?KEY, <<"a">>, <<"b">>, <<"c">>]]),
    ?assertNot(eslaver_mirror:exists(?MODULE, ?KEY)).

%% Random commands do to a mirror what they do to a map; and to copies of it.
model(Mirror) ->
    Seed = eslaver_test_env:seed(),
    _ = rand:seed(exsss, Seed),
    _ = lists:foldl(fun(_, Acc) -> step(Acc, Seed) end, {Mirror, #{}}, lists:seq(1, ?STEPS)),
    _ = eslaver_test_keyspace:run_all(Mirror, [[<<"del">>, ?KEY]]),
    ?assertNot(eslaver_mirror:exists(?MODULE, ?KEY)).

step({Mirror, Model}, Seed) ->
    {Command, Expected} = command(integer_to_binary(rand:uniform(10)), Model),
    Next = eslaver_test_keyspace:run_all(Mirror, [Command]),
    Content = lists:sort([{Field, Value, At} || {Field, {Value, At}} <- maps:to_list(Expected)]),
    ?assertEqual({Seed, Command, Content}, {Seed, Command, content()}),
    {Next, Expected}.

command(Field, Model) ->
    Value = integer_to_binary(rand:uniform(99)),
    At = ?LATER + rand:uniform(3),
    case rand:uniform(6) of
        N when N < 3 ->
            {[<<"hset">>, ?KEY, Field, Value], Model#{Field => {Value, infinity}}};
        3 ->
            {[<<"hdel">>, ?KEY, Field], maps:remove(Field, Model)};
        4 ->
            Set = [<<"hsetex">>, ?KEY, <<"PXAT">>, At, <<"FIELDS">>, 1, Field, Value],
            {Set, Model#{Field => {Value, At}}};
        5 ->
            {[<<"hpexpireat">>, ?KEY, At, <<"FIELDS">>, 1, Field], retimed(Field, At, Model)};
        6 ->
            {[<<"hpersist">>, ?KEY, <<"FIELDS">>, 1, Field], retimed(Field, infinity, Model)}
    end.

retimed(Field, At, Model) ->
    case Model of
        #{Field := {Value, _}} -> Model#{Field := {Value, At}};
        #{} -> Model
    end.
