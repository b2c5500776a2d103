%% The environment of the application: what of it makes a replica.
-module(eslaver_environment_tests).

-include_lib("eunit/include/eunit.hrl").

environment_test_() ->
    {foreach, fun() -> ok = application:load(eslaver) end,
        fun(_) -> ok = application:unload(eslaver) end, [
            fun atom_keys/0,
            fun string_keys/0,
            fun unknown_string_key/0,
            fun callback_of_the_environment/0,
            fun nothing_set/0,
            fun something_set/0
        ]}.

atom_keys() ->
    ok = application:set_env(eslaver, master_port, 6380),
    ?assertMatch({ok, #{source := {fixed, {tcp, _, 6380}}}}, eslaver_environment:options([])).

string_keys() ->
    ok = application:set_env(eslaver, "master_host", "192.168.0.1"),
    ok = application:set_env(eslaver, "master_port", 6380),
    {ok, #{source := {fixed, Address}}} = eslaver_environment:options([]),
    ?assertEqual({tcp, <<"192.168.0.1">>, 6380}, Address).

unknown_string_key() ->
    ok = application:set_env(eslaver, "master_prot", 6380),
    Expected = {error, {invalid_option, "master_prot", 6380}},
    ?assertEqual(Expected, eslaver_environment:options([])).

callback_of_the_environment() ->
    ok = application:set_env(eslaver, callback, {erlang, display}),
    ?assertMatch({ok, #{callback := {erlang, display}}}, eslaver_environment:options([])),
    ?assertMatch({ok, #{callback := {io, write}}}, eslaver_environment:options({io, write})).

%% What an application has that only depends on this one.
nothing_set() ->
    ?assertEqual(none, eslaver_environment:replica()),
    ok = application:set_env(eslaver, included_applications, []),
    ?assertEqual(none, eslaver_environment:replica()).

%% A key that is misspelt must not count for nothing.
something_set() ->
    ok = application:set_env(eslaver, "sentinals", ["a"]),
    Error = {error, {invalid_option, "sentinals", hidden}},
    ?assertEqual(Error, eslaver_environment:replica()),
    ok = application:unset_env(eslaver, "sentinals"),
    ok = application:set_env(eslaver, "master_port", 6380),
    ?assertMatch(
        {ok, #{name := {local, eslaver_server}, source := {fixed, {tcp, _, 6380}}}},
        eslaver_environment:replica()
    ).
