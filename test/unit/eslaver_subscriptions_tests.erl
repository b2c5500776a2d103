-module(eslaver_subscriptions_tests).

-include_lib("eunit/include/eunit.hrl").

%% Events with the position behind each, as a batch has them: {Event, Offset, InTransaction, Db}.
handled(Events, Subscriptions) ->
    handled(all, Events, Subscriptions).

handled(Count, Events, Subscriptions) ->
    Offsets = <<<<Offset:64, (bit(In)):1, Db:31>> || {_, Offset, In, Db} <- Events>>,
    Only = [Event || {Event, _, _, _} <- Events],
    eslaver_subscriptions:handled(Count, Only, Offsets, Subscriptions).

bit(true) -> 1;
bit(false) -> 0.

subscribed(Filter) ->
    subscribed(Filter, eslaver_subscriptions:new()).

subscribed(Filter, Subscriptions) ->
    Ref = make_ref(),
    {ok, Parsed} = eslaver_filter:parse([keys, commands, dbs], Filter),
    {Ref, eslaver_subscriptions:call({subscribe, Ref, Parsed}, self(), Subscriptions)}.

notices({Messages, _}) -> [Notice || {eslaver, _, Notice} <- Messages].

set(Key) -> {stream, "set", [Key, <<"v">>]}.

nobody_test() ->
    Subscriptions = eslaver_subscriptions:new(),
    ?assertEqual({[], Subscriptions}, handled([{set(<<"a">>), 10, false, 0}], Subscriptions)).

%% What a cluster does to move its slots changes no key for its users, in a transaction or not.
nobody_is_told_of_migration_test() ->
    {Ref, Subscriptions} = subscribed(#{}),
    Events = [
        {<<"a">>, migration, 10, false},
        {<<"b">>, user, 20, false},
        {<<"c">>, migration, 30, true},
        {<<"d">>, user, 40, true},
        {<<"e">>, migration, 50, false}
    ],
    Offsets = <<
        <<(bit(Origin =:= migration)):1, Offset:63, (bit(In)):1, 0:31>>
     || {_, Origin, Offset, In} <- Events
    >>,
    Only = [set(Key) || {Key, _, _, _} <- Events],
    {Messages, _} = eslaver_subscriptions:handled(all, Only, Offsets, Subscriptions),
    ?assertEqual(
        [
            {eslaver, Ref, {key, <<"set">>, Key, #{db => 0, offset => Offset}}}
         || {Key, Offset} <- [{<<"b">>, 20}, {<<"d">>, 50}]
        ],
        Messages
    ).

both_forms_test() ->
    {Ref, Subscriptions} = subscribed(#{}),
    Full = {stream, <<"mset">>, [<<"b">>, <<"1">>, <<"c">>, <<"2">>], #{db => 1, offset => 20}},
    Message = fun(Name, Key, Db, Offset) ->
        {eslaver, Ref, {key, Name, Key, #{db => Db, offset => Offset}}}
    end,
    ?assertEqual(
        {
            [
                Message(<<"set">>, <<"a">>, 0, 10),
                Message(<<"mset">>, <<"b">>, 1, 20),
                Message(<<"mset">>, <<"c">>, 1, 20)
            ],
            Subscriptions
        },
        handled([{set(<<"a">>), 10, false, 0}, {Full, 20, false, 1}], Subscriptions)
    ).

snapshot_test() ->
    {_, Subscriptions} = subscribed(#{}),
    Loading = {loading, string, <<"a">>, <<"v">>},
    ?assertEqual(
        {[], Subscriptions}, eslaver_subscriptions:handled(all, [Loading], <<>>, Subscriptions)
    ).

some_of_a_batch_test() ->
    {_, Subscriptions} = subscribed(#{}),
    Events = [{set(<<"a">>), 10, false, 0}, {set(<<"b">>), 20, false, 0}],
    ?assertMatch([{key, _, <<"a">>, _}], notices(handled(1, Events, Subscriptions))),
    ?assertEqual([], notices(handled(0, Events, Subscriptions))).

%% Over several batches, and with what the link has been through in between.
transaction_test() ->
    {_, Subscriptions} = subscribed(#{}),
    {[], Half} = handled(
        [{{stream, "multi", []}, 5, true, 0}, {set(<<"a">>), 10, true, 0}], Subscriptions
    ),
    Rest = [
        {{stream, "select", [<<"3">>]}, 15, true, 3},
        {set(<<"b">>), 20, true, 3},
        {{stream, "exec", []}, 25, false, 3},
        {set(<<"c">>), 30, false, 3}
    ],
    At = fun(Db, Offset) -> #{db => Db, offset => Offset} end,
    {_, Done} = Told = handled(Rest, Half),
    ?assertEqual(
        [
            {key, <<"set">>, <<"a">>, At(0, 25)},
            {key, <<"set">>, <<"b">>, At(3, 25)},
            {key, <<"set">>, <<"c">>, At(3, 30)}
        ],
        notices(Told)
    ),
    ?assertEqual(Subscriptions, Done),
    ?assertMatch([_, _], notices(handled(Rest, eslaver_subscriptions:restarted(Half)))).

without_keys_test_() ->
    {_, All} = subscribed(#{}),
    {_, Third} = subscribed(#{dbs => [3], keys => []}),
    {_, Sets} = subscribed(#{commands => [set]}),
    Told = fun(Name, Args, Subscriptions) ->
        [
            {Tag, Which}
         || {Tag, _, Which, _} <- notices(
                handled([{{stream, Name, Args}, 10, false, 0}], Subscriptions)
            )
        ]
    end,
    [
        ?_assertEqual(Expected, Told(Name, Args, Subscriptions))
     || {Name, Args, Subscriptions, Expected} <- [
            {"flushall", [], All, [{keys, all}]},
            {"flushall", [], Third, [{keys, all}]},
            {"flushall", [], Sets, []},
            {"flushdb", [<<"async">>], All, [{keys, {db, 0}}]},
            {"flushdb", [], Third, []},
            {"swapdb", [<<"3">>, <<"0">>], All, [{keys, {swap, 3, 0}}]},
            {"swapdb", [<<"3">>, <<"0">>], Third, [{keys, {swap, 3, 0}}]},
            {"swapdb", [<<"1">>, <<"0">>], Third, []},
            {"json.set", [<<"a">>, <<"$">>, <<"1">>], All, [{keys, unknown}]},
            {"json.set", [<<"a">>], Third, []},
            {"json.set", [<<"a">>], Sets, []},
            {"trimslots", [], All, [{keys, unknown}]},
            {"ping", [], All, []},
            {"publish", [<<"c">>, <<"m">>], All, []},
            {"function", [<<"flush">>], All, []},
            {"move", [<<"a">>, <<"3">>], All, [{key, <<"a">>}, {key, <<"a">>}]}
        ]
    ].

another_db_test() ->
    {_, Subscriptions} = subscribed(#{dbs => [3]}),
    Copy = {stream, "copy", [<<"a">>, <<"b">>, <<"DB">>, <<"3">>]},
    Move = {stream, "move", [<<"a">>, <<"3">>]},
    ?assertEqual(
        [
            {key, <<"copy">>, <<"b">>, #{db => 3, offset => 10}},
            {key, <<"move">>, <<"a">>, #{db => 3, offset => 20}}
        ],
        notices(handled([{Copy, 10, false, 0}, {Move, 20, false, 0}], Subscriptions))
    ).

filters_test_() ->
    Keys = [<<"user:1">>, <<"user:22">>, <<"x">>],
    Told = fun(Filter) ->
        {_, Subscriptions} = subscribed(Filter),
        [
            K
         || {key, _, K, _} <- notices(
                handled([{{stream, "del", Keys}, 10, false, 0}], Subscriptions)
            )
        ]
    end,
    [
        ?_assertEqual(Expected, Told(Filter))
     || {Filter, Expected} <- [
            {#{}, Keys},
            {#{keys => <<"user:*">>}, [<<"user:1">>, <<"user:22">>]},
            {#{keys => "user:?"}, [<<"user:1">>]},
            {#{keys => [<<"user:?">>, "x"]}, [<<"user:1">>, <<"x">>]},
            {#{keys => []}, []},
            {#{commands => ["DEL"]}, Keys},
            {#{commands => [set]}, []},
            {#{dbs => [0]}, Keys},
            {#{dbs => [1]}, []}
        ]
    ].

several_test() ->
    {One, First} = subscribed(#{keys => "a"}),
    {Other, Both} = subscribed(#{}, First),
    {Messages, _} = handled([{set(<<"a">>), 10, false, 0}, {set(<<"b">>), 20, false, 0}], Both),
    Told = [{Ref, Key} || {eslaver, Ref, {key, _, Key, _}} <- Messages],
    ?assertEqual(
        lists:sort([{One, <<"a">>}, {Other, <<"a">>}, {Other, <<"b">>}]), lists:sort(Told)
    ),
    Left = eslaver_subscriptions:call({unsubscribe, One}, self(), Both),
    ?assertMatch({[{eslaver, Other, _}], _}, handled([{set(<<"a">>), 10, false, 0}], Left)),
    ?assertEqual(Left, eslaver_subscriptions:call({unsubscribe, One}, self(), Left)),
    ?assertEqual(Left, eslaver_subscriptions:down(make_ref(), Left)).

loaded_test() ->
    {Ref, Subscriptions} = subscribed(#{keys => "a"}),
    ?assertEqual(
        [{eslaver, Ref, {keys, resync, all, #{db => 2, offset => 7}}}],
        eslaver_subscriptions:loaded(#{offset => 7, db => 2, keys => 1, bytes => 1}, Subscriptions)
    ).

%% What would take long is looked at elsewhere, with the same result.
large_test() ->
    {_, Subscriptions} = subscribed(#{keys => "*b"}),
    Large = binary:copy(<<"a">>, 100_000),
    Keys = [<<Large/binary, "b">>, Large | [<<"b">> || _ <- lists:seq(1, 2000)]],
    Told = notices(handled([{{stream, "del", Keys}, 10, false, 0}], Subscriptions)),
    ?assertEqual(2001, length(Told)).

parse_test_() ->
    Parse = fun(Filter) -> eslaver_filter:parse([keys, commands, types, dbs, origin], Filter) end,
    None = maps:from_keys([keys, commands, types, dbs, origin], undefined),
    Good = [
        {#{}, None},
        {#{keys => "a*"}, None#{keys := [<<"a*">>]}},
        {#{keys => [<<"a">>, "b", [$c, <<"d">>]]}, None#{keys := [<<"a">>, <<"b">>, <<"cd">>]}},
        {#{keys => <<255>>}, None#{keys := [<<255>>]}},
        {#{commands => [set, "DEL", <<"Incr">>]}, None#{
            commands := [<<"set">>, <<"del">>, <<"incr">>]
        }},
        {#{types => [string, module]}, None#{types := [string, module]}},
        {#{dbs => [0, 15]}, None#{dbs := [0, 15]}},
        {#{origin => user}, None#{origin := user}}
    ],
    Bad = [
        {keys, 1},
        {keys, [1.0]},
        {keys, [a]},
        {keys, [<<"a">> | b]},
        {commands, set},
        {commands, [1]},
        {commands, [""]},
        {types, [text]},
        {types, string},
        {dbs, 0},
        {dbs, [-1]},
        {dbs, [1 bsl 31]},
        {dbs, [a]},
        {origin, migration},
        {other, []}
    ],
    [?_assertEqual({ok, Expected}, Parse(Filter)) || {Filter, Expected} <- Good] ++
        [?_assertEqual({error, Key, Value}, Parse(#{Key => Value})) || {Key, Value} <- Bad] ++
        [
            ?_assertEqual({error, filter, Value}, Parse(Value))
         || Value <- [all, [{dbs, [0]}, {dbs, [1]}], [dbs | dbs]]
        ] ++
        %% As in Elixir.
        [
            ?_assertEqual(Parse(#{keys => "a*", dbs => [0]}), Parse([{keys, "a*"}, {dbs, [0]}])),
            ?_assertEqual(Parse(#{}), Parse([])),
            ?_assertEqual(Parse(#{}), Parse([{keys, nil}, {origin, undefined}]))
        ].

%% What a keyspace tells: it names subscribers by the ids that they got in turn.
messages_test() ->
    {One, First} = subscribed(#{keys => <<"a">>}),
    {Other, Both} = subscribed(#{}, First),
    Meta = #{db => 0, offset => 70},
    Set = fun(Key) -> {key, <<"set">>, Key, Meta} end,
    Resync = {keys, resync, all, Meta},
    Notices = [{[1, 2], Set(<<"a">>)}, {[2], Set(<<"b">>)}, {all, Resync}],
    Told = fun(Ref, Subscriptions) ->
        Messages = eslaver_subscriptions:messages(Notices, Subscriptions),
        [Notice || {eslaver, Of, Notice} <- Messages, Of =:= Ref]
    end,
    ?assertEqual([Set(<<"a">>), Resync], Told(One, Both)),
    ?assertEqual([Set(<<"a">>), Set(<<"b">>), Resync], Told(Other, Both)),
    Left = eslaver_subscriptions:cast({unsubscribe, One}, Both),
    ?assertEqual([], Told(One, Left)),
    ?assertEqual([Set(<<"a">>), Set(<<"b">>), Resync], Told(Other, Left)).

%% Who subscribes within a transaction is told that it may have changed any key before.
within_a_transaction_test() ->
    Multi = [{{stream, "multi", []}, 5, true, 0}, {set(<<"a">>), 10, true, 0}],
    Exec = [{set(<<"b">>), 15, true, 2}, {{stream, "exec", []}, 20, false, 2}],
    At = #{db => 2, offset => 20},
    Unknown = {keys, <<"exec">>, unknown, At},
    {[], Open} = handled(Multi, eslaver_subscriptions:new()),
    {_, Late} = subscribed(#{keys => <<"b">>}, Open),
    {_, Done} = Told = handled(Exec, Late),
    ?assertEqual([Unknown, {key, <<"set">>, <<"b">>, At}], notices(Told)),
    ?assertEqual(
        [{key, <<"set">>, <<"b">>, #{db => 0, offset => 30}}],
        notices(handled([{set(<<"b">>), 30, false, 0}], Done))
    ),
    {_, Another} = subscribed(#{keys => <<"b">>}, Open),
    Discard = [{{stream, "discard", []}, 20, false, 2}],
    {[], Dropped} = handled(Discard, Another),
    ?assertEqual([], notices(handled([{set(<<"a">>), 30, false, 0}], Dropped))),
    {_, Before} = subscribed(#{keys => <<"b">>}),
    {[], Half} = handled(1, Multi, Before),
    {[], Rest} = handled(tl(Multi), Half),
    ?assertEqual([{key, <<"set">>, <<"b">>, At}], notices(handled(Exec, Rest))).

%% Subscriptions go with their processes, and nothing of them is left.
down_test() ->
    Kept = eslaver_subscriptions:new(),
    Interests = eslaver_subscriptions:interests(Kept),
    Wanted = fun() ->
        eslaver_nif:interests_of(Interests, <<"set">>, [<<"a">>, <<"v">>], 0, undefined)
    end,
    Pids = [
        spawn(fun() ->
            receive
                stop -> ok
            end
        end)
     || _ <- lists:seq(1, 10)
    ],
    {ok, Filter} = eslaver_filter:parse([keys], #{keys => <<"a">>}),
    All = lists:foldl(
        fun(Pid, Acc) -> eslaver_subscriptions:call({subscribe, make_ref(), Filter}, Pid, Acc) end,
        Kept,
        Pids
    ),
    ?assertMatch([{[1, 2, 3, 4, 5, 6, 7, 8, 9, 10], key, <<"a">>, 0}], Wanted()),
    lists:foreach(fun(Pid) -> Pid ! stop end, Pids),
    Left = lists:foldl(
        fun(Pid, Acc) ->
            receive
                {'DOWN', Monitor, process, Pid, _} -> eslaver_subscriptions:down(Monitor, Acc)
            end
        end,
        All,
        Pids
    ),
    ?assertEqual([], Wanted()),
    ?assertEqual([], eslaver_subscriptions:loaded(#{offset => 1, db => 0}, Left)).
