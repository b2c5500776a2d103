%% A Common Test hook for suites that look at what is logged: it keeps the log (eslaver_test_log) as
%% long as the suite runs. Each case begins with an empty one, except where cases run in parallel.
-module(eslaver_test_log_hook).

-export([init/2, pre_init_per_testcase/4, terminate/1]).

-spec init(term(), term()) -> {ok, []}.
init(_Id, _Options) ->
    ok = eslaver_test_log:start(),
    {ok, []}.

-spec pre_init_per_testcase(module(), atom(), list(), []) -> {list(), []}.
pre_init_per_testcase(_Suite, _Case, Config, State) ->
    Group = proplists:get_value(tc_group_properties, Config, []),
    _ = proplists:get_bool(parallel, Group) orelse eslaver_test_log:clear(),
    {Config, State}.

-spec terminate([]) -> ok.
terminate(_State) ->
    eslaver_test_log:stop().
