%% A Common Test hook for suites whose cases start a mirror of a given name: cases trap exits, and a
%% mirror that is still there at the end of a case is stopped.
-module(eslaver_test_mirror_hook).

-export([init/2, pre_init_per_testcase/4, post_end_per_testcase/5]).

-spec init(term(), Mirror :: atom()) -> {ok, atom()}.
init(_Id, Mirror) ->
    {ok, Mirror}.

-spec pre_init_per_testcase(module(), atom(), list(), atom()) -> {list(), atom()}.
pre_init_per_testcase(_Suite, _Case, Config, Mirror) ->
    _ = process_flag(trap_exit, true),
    {Config, Mirror}.

-spec post_end_per_testcase(module(), atom(), list(), Result, atom()) -> {Result, atom()}.
post_end_per_testcase(_Suite, _Case, _Config, Result, Mirror) ->
    _ = is_pid(whereis(Mirror)) andalso eslaver_mirror:stop(Mirror),
    {Result, Mirror}.
