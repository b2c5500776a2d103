%% Health, from an info: what is wrong, since when, and what to do.
-module(eslaver_health_tests).

-include_lib("eunit/include/eunit.hrl").

-define(SINCE, 1_700_000_000_000).

info(More) ->
    maps:merge(
        #{
            state => streaming,
            since => ?SINCE,
            lag => 0,
            behind_for => 0,
            lagging => false,
            event => undefined,
            source => <<"there:6379">>,
            master => <<"there:6379">>,
            next_try_in => undefined,
            last_error => undefined,
            last_sync => #{resync => full, why => first, at => ?SINCE},
            keys => 5
        },
        More
    ).

mirror(More) ->
    maps:merge(
        #{
            status => stale,
            stale_for => 7000,
            behind_for => 0,
            lag => 0,
            incomplete => false,
            start_error => undefined,
            replica => info(#{})
        },
        More
    ).

failed(Reason, Text) ->
    #{reason => Reason, text => Text, at => ?SINCE}.

waiting(Reason, Text) ->
    info(#{state => waiting, last_error => failed(Reason, Text), next_try_in => 400}).

ok_test_() ->
    [
        ?_assertEqual(ok, eslaver_health:check(info(#{}))),
        ?_assertEqual(ok, eslaver_health:check(mirror(#{status => fresh}))),
        ?_assertEqual(ok, eslaver_health:check(#{shards => #{<<"a">> => info(#{})}}))
    ].

replica_test_() ->
    Lagging = info(#{
        lagging => true,
        lag => 5000000,
        behind_for => 4000,
        event => #{type => <<"set">>, db => 0, for => 3900}
    }),
    [
        wrong(waiting, "no link to there:6379 \\(cannot_connect\\): refused; check that the master "
            "runs.*next attempt in 400 ms", waiting(cannot_connect, <<"refused">>)),
        wrong(waiting, "wrong_password.*set the options master_auth and master_user",
            waiting(wrong_password, <<"no">>)),
        wrong(waiting, "loading.*once it has loaded", waiting(loading, <<"LOADING">>)),
        wrong(waiting, "closed.*network", waiting(closed, <<"it is gone">>)),
        wrong(connecting, "connecting to there", info(#{state => connecting})),
        wrong(waiting_for_snapshot, "prepares", info(#{state => waiting_for_snapshot})),
        wrong(loading, "being loaded, 5 keys", info(#{state => loading})),
        wrong(loading, "being loaded, 40 %", info(#{
            state => loading, progress => #{percent => 40}
        })),
        wrong(loading, "raise its repl-backlog-size", info(#{
            state => loading, last_sync => #{resync => full, why => backlog, at => ?SINCE}
        })),
        wrong(lagging, "for 4000 ms, 5000000 bytes are unhandled; .* set in hand for 3900 ms",
            Lagging)
    ].

mirror_test_() ->
    [
        wrong(stale, "no link", mirror(#{replica => waiting(closed, <<"gone">>)})),
        wrong(loading, "being loaded", mirror(#{
            status => loading, replica => info(#{state => loading})
        })),
        wrong(stale, "for 9000 ms, 10 bytes", mirror(#{behind_for => 9000, lag => 10})),
        wrong(stale, "full sync is awaited", mirror(#{incomplete => true})),
        wrong(stale, "lost its own master", mirror(#{replica => info(#{master_link => down})})),
        wrong(stale, "cannot be started: no", mirror(#{replica => #{}, start_error => no})),
        wrong(stale, "is being started", mirror(#{replica => #{}}))
    ].

cluster_test_() ->
    Empty = #{slots => [], importing => [], node => <<"there">>},
    [
        wrong(connecting, "being asked", #{shards => #{}, last_error => undefined}),
        wrong(connecting, "refused; check that the nodes", #{
            shards => #{}, last_error => #{reason => unreachable, text => <<"refused">>}
        }),
        wrong(waiting, "^shard b: no link", #{
            shards => #{<<"a">> => info(#{}), <<"b">> => waiting(closed, <<"gone">>)}
        }),
        wrong(connecting, "^shard a: .*started", #{shards => #{<<"a">> => Empty}}),
        wrong(loading, "no shard serves", #{
            shards => #{<<"a">> => mirror(#{status => fresh})}, status => loading
        })
    ].

wrong(State, Regex, Info) ->
    {Regex, fun() ->
        {error, #{state := Found, since := Since, text := Text}} = eslaver_health:check(Info),
        ?assertEqual(State, Found),
        ?assert(Since =< erlang:system_time(millisecond)),
        ?assertMatch({match, _}, re:run(Text, Regex, [dotall]))
    end}.
