%% Failovers of a group that Sentinels watch (eslaver_test_sentinels), for the suites about them.
-module(eslaver_test_failover).

-export([servers/0]).

%% The newest of each line at hand that the failover suites are for.
-spec servers() -> [eslaver_test_servers:server()].
servers() ->
    eslaver_test_servers:lines([
        {redis, {7, 0}}, {redis, {8, 6}}, {redis, {8, 10}}, {valkey, {9, 1}}
    ]).
