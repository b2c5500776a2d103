%% What a suite is made of: its cases, and groups that run the same cases with each of several
%% servers.
-module(eslaver_test_groups).

-export([cases/1, per_server/2, per_server/3, all/1, server/2, filled_master/2]).

%% The test cases of a suite in its order: the functions whose one parameter is called `Config'. A
%% helper with the same parameter alone calls it `Context'.
-spec cases(module()) -> [atom()].
cases(Suite) ->
    {ok, {Suite, [{abstract_code, {raw_abstract_v1, Forms}}]}} =
        beam_lib:chunks(code:which(Suite), [abstract_code]),
    [Name || {function, _, Name, 1, [Clause | _]} <- Forms, takes_config(Clause), is_case(Name)].

takes_config({clause, _, [{var, _, Name}], _, _}) -> Name =:= 'Config' orelse Name =:= '_Config';
takes_config(_) -> false.

is_case(Name) ->
    not lists:member(Name, [init_per_suite, end_per_suite]).

-spec per_server([eslaver_test_servers:server()], [atom()]) -> [ct_suite:ct_group_def()].
per_server(Servers, Cases) ->
    per_server(Servers, [], Cases).

%% A group of these cases for each server, with its name.
-spec per_server([eslaver_test_servers:server()], list(), [atom()]) -> [ct_suite:ct_group_def()].
per_server(Servers, Properties, Cases) ->
    [{Name, Properties, Cases} || #{name := Name} <- Servers].

%% For all/0: these groups, each once.
-spec all([ct_suite:ct_group_def()]) -> [{group, atom()}].
all(Groups) ->
    [{group, element(1, Group)} || Group <- Groups].

%% For init_per_group/2: the group's server, as `server' in Config.
-spec server(atom(), list()) -> list().
server(Name, Config) ->
    [{server, eslaver_test_servers:by_name(Name)} | Config].

%% For init_per_group/2: a master of the group's server with every type of value, as `master' in
%% Config. The suite stops it.
-spec filled_master(atom(), list()) -> list().
filled_master(Name, Config) ->
    #{server := Server, modules := Modules} = Found = eslaver_test_servers:by_name(Name),
    Master = eslaver_test_master:start(#{server => Server, modules => Modules, owner => none}),
    Client = eslaver_test_client:connect(Master),
    #{skipped := Skipped} = eslaver_test_dataset:fill(Client),
    ct:log("~p~nskipped:~n~p", [Found, Skipped]),
    ok = eslaver_test_client:close(Client),
    [{master, Master} | Config].
