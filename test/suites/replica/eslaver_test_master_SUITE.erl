%% A test of the tests: a server that was started is not mistaken for another at its port.
%% No product code runs here.
-module(eslaver_test_master_SUITE).

-include_lib("common_test/include/ct.hrl").
-include_lib("stdlib/include/assert.hrl").

-compile([export_all, nowarn_export_all]).

suite() ->
    [{timetrap, {minutes, 1}}].

all() ->
    eslaver_test_groups:all(groups()).

groups() ->
    eslaver_test_groups:per_server(eslaver_test_servers:available(), [
        port_is_taken, port_is_taken_meanwhile
    ]).

init_per_group(Name, Config) ->
    eslaver_test_groups:server(Name, Config).

end_per_group(_Name, _Config) ->
    ok.

port_is_taken(Config) ->
    #{server := Server} = ?config(server, Config),
    First = eslaver_test_master:start(#{server => Server}),
    Options = #{server => Server, port => eslaver_test_master:port(First)},
    ?assertError({badmatch, {error, _}}, eslaver_test_master:start(Options)),
    ok = eslaver_test_master:stop(First).

%% A server that was killed is to come back where there is another now.
port_is_taken_meanwhile(Config) ->
    #{server := Server} = ?config(server, Config),
    First = eslaver_test_master:start(#{server => Server}),
    ok = eslaver_test_master:kill(First),
    Options = #{server => Server, port => eslaver_test_master:port(First)},
    Second = eslaver_test_master:start(Options),
    ?assertExit({{{badmatch, {error, _}}, _}, _}, eslaver_test_master:restart(First)),
    ok = eslaver_test_master:stop(Second).
