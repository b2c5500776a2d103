%% What Sentinels answer, in the forms of several versions, and what does not come from one.
-module(eslaver_sentinel_answers_tests).

-include_lib("eunit/include/eunit.hrl").

read(Answers) -> eslaver_sentinel_answers:read(<<"it">>, Answers).

master(Epoch) -> [<<"name">>, <<"it">>, <<"ip">>, <<"10.0.0.9">>, <<"config-epoch">>, Epoch].

known() -> [master(<<"7">>), [<<"10.0.0.1">>, <<"6379">>], [], []].

report_test() ->
    Sentinel = fun(Id, Ip) ->
        [<<"name">>, Id, <<"ip">>, Ip, <<"port">>, <<"26379">>, <<"runid">>, Id]
    end,
    Answers = [
        master(<<"7">>),
        [<<"redis-1.local">>, <<"6379">>],
        [
            Sentinel(<<"id1">>, <<"10.0.0.2">>),
            Sentinel(<<"id2">>, <<"::1">>),
            Sentinel(<<"id3">>, <<>>)
        ],
        []
    ],
    ?assertEqual(
        {ok, #{
            master => {tcp, <<"redis-1.local">>, 6379},
            epoch => 7,
            sentinels => [
                {<<"id1">>, {tcp, <<"10.0.0.2">>, 26379}}, {<<"id2">>, {tcp, <<"::1">>, 26379}}
            ],
            replicas => []
        }},
        read(Answers)
    ).

replicas_test_() ->
    Table = [
        {<<"slave">>, <<"ok">>, true},
        {<<"slave,reconf_done">>, <<"ok">>, true},
        {<<"s_down,slave">>, <<"ok">>, false},
        {<<"o_down,slave">>, <<"ok">>, false},
        {<<"slave,disconnected">>, <<"ok">>, false},
        {<<"slave">>, <<"err">>, false}
    ],
    [
        ?_test(begin
            Replica = [
                <<"ip">>,
                <<"::1">>,
                <<"port">>,
                <<"1">>,
                <<"flags">>,
                Flags,
                <<"master-link-status">>,
                Link
            ],
            [Master, Address, Sentinels, _] = known(),
            {ok, #{replicas := Found}} = read([Master, Address, Sentinels, [Replica]]),
            ?assertEqual([{tcp, <<"::1">>, 1} || IsUp], Found)
        end)
     || {Flags, Link, IsUp} <- Table
    ].

%% A user may be allowed less than all.
partial_test() ->
    [Master, Address, _, _] = known(),
    No = {error, <<"NOPERM this user has no permissions">>},
    ?assertMatch({ok, #{sentinels := [], replicas := []}}, read([Master, Address, No, No])).

refused_test_() ->
    [Master, Address, Sentinels, Replicas] = known(),
    Error = fun(Text) -> [{error, Text}, {error, Text}, {error, Text}, {error, Text}] end,
    Table = [
        {Error(<<"ERR No such master with that name">>), sentinel_unknown_master, "called it:"},
        {[Master, null, Sentinels, Replicas], sentinel_unknown_master, "master_name"},
        {Error(<<"NOAUTH Authentication required.">>), sentinel_auth, "sentinel_auth"},
        {Error(<<"NOPERM no permissions to run 'sentinel'">>), sentinel_auth, "may not"},
        {
            Error(<<"ERR unknown command 'SENTINEL', with args beginning with: ">>),
            not_a_sentinel,
            "not a Sentinel"
        },
        {Error(<<"ERR unknown command `SENTINEL`">>), not_a_sentinel, "not a Sentinel"},
        {Error(<<"ERR This instance has cluster support disabled">>), sentinel_refused, "cluster"},
        {Error(<<"LOADING Redis is loading\n">>), sentinel_refused, "loading\\?"},
        {[Master, {error, <<"ERR what">>}, Sentinels, Replicas], sentinel_refused, "what"},
        {[[], Address, Sentinels, Replicas], sentinel_refused, "none of a Sentinel"},
        {[master(<<"-1">>), Address, Sentinels, Replicas], sentinel_refused, "none"},
        {[master(<<"x">>), Address, Sentinels, Replicas], sentinel_refused, "none"},
        {[Master, [<<"a b">>, <<"1">>], Sentinels, Replicas], sentinel_refused, "none"},
        {[Master, [<<"a">>, <<"0">>], Sentinels, Replicas], sentinel_refused, "none"},
        {[Master, [<<"a">>, <<"65536">>], Sentinels, Replicas], sentinel_refused, "none"},
        {[Master, [<<"a">>], Sentinels, Replicas], sentinel_refused, "none"},
        {[<<"OK">>, <<"OK">>, <<"OK">>, <<"OK">>], sentinel_refused, "none"}
    ],
    [
        ?_test(begin
            {error, {Was, Text}} = read(Answers),
            ?assertEqual({Answers, Reason}, {Answers, Was}),
            ?assertMatch({match, _}, re:run(Text, Regex))
        end)
     || {Answers, Reason, Regex} <- Table
    ].

%% Before Redis 5 replicas have another name.
replicas_by_name_test_() ->
    Old = {error, <<"ERR Unknown sentinel subcommand 'REPLICAS'">>},
    Asked = eslaver_sentinel_answers:replicas(),
    [
        ?_assertEqual(<<"REPLICAS">>, Asked),
        ?_assertEqual(Asked, eslaver_sentinel_answers:replicas(known(), Asked)),
        ?_assertEqual(<<"SLAVES">>, eslaver_sentinel_answers:replicas([1, 2, 3, Old], Asked)),
        ?_assertEqual(<<"SLAVES">>, eslaver_sentinel_answers:replicas(known(), <<"SLAVES">>))
    ].

%% Whatever the answers are, they are a report or an error.
any_answers_test() ->
    _ = rand:seed(exsss, 5),
    [
        begin
            Answers = [mutated(Answer) || Answer <- known()],
            case read(Answers) of
                {ok, #{master := {tcp, _, _}, epoch := Epoch}} -> ?assert(is_integer(Epoch));
                {error, {Reason, Text}} -> ?assert(is_atom(Reason) andalso is_binary(Text))
            end
        end
     || _ <- lists:seq(1, 20_000)
    ].

mutated(Answer) ->
    case rand:uniform(6) of
        1 -> any_of([null, 0, <<>>, <<255>>, {error, <<>>}, [], [[]], [[null]], [<<"ip">>]]);
        2 when is_list(Answer) -> [mutated(Part) || Part <- Answer];
        3 when is_list(Answer), Answer =/= [] -> tl(Answer);
        4 when is_list(Answer) -> [any_of([<<"ip">>, <<"flags">>, null, []]) | Answer];
        _ -> Answer
    end.

any_of(List) -> lists:nth(rand:uniform(length(List)), List).
