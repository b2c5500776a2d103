%% The mirror's data is its master's: random workloads against real servers
%% (eslaver_test_convergence), with and without a bad network, restarts and failovers; and what is
%% read of it.
%%
%% ESLAVER_SEED repeats the random choices, except for their timing. ESLAVER_LONG runs more than a
%% million commands, with every available master.
-module(eslaver_mirror_equal_SUITE).

-include_lib("stdlib/include/assert.hrl").

-compile([export_all, nowarn_export_all]).

suite() ->
    [{timetrap, {minutes, 60}}, {ct_hooks, [eslaver_test_log_hook]}].

all() ->
    eslaver_test_groups:cases(?MODULE).

%% A mirror that shows some lists wrong is found out, with the fewest commands that show it.
differences_are_found(_Config) ->
    {Subject, Running} = eslaver_test_mirrored_master:start(hd(eslaver_test_servers:spread())),
    #{replica := #{content := Content} = Replica} = Subject,
    Wrong = Subject#{replica := Replica#{content := fun() -> maps:map(fun spoil/2, Content()) end}},
    Options = #{seed => eslaver_test_env:seed(), steps => 2000, every => 1000},
    {differs, #{steps := Steps} = Report} = eslaver_test_convergence:run(Wrong, Options),
    ?assert(is_binary(iolist_to_binary(eslaver_test_convergence:format(Report)))),
    ?assertMatch([_ | _], Steps),
    ?assert(length(Steps) =< 6),
    ?assertMatch([_ | _], eslaver_test_convergence:replay(Wrong, Steps)),
    ?assertEqual([], eslaver_test_convergence:replay(Subject, Steps)),
    eslaver_test_mirrored_master:stop(Running).

spoil(_Place, #{type := list, value := [First, Second, Third, _ | Rest]} = Item) ->
    Item#{value := [First, Second, Third | Rest]};
spoil(_Place, Item) ->
    Item.

equal(_Config) ->
    Total = run(fun(_) -> #{evictions => true} end, {5_000, 20_000}),
    ?assert(Total > 1_000_000 orelse not eslaver_test_env:is_long()).

%% Links are cut, more is written than the master keeps, replicas are killed, masters start anew,
%% and swap roles.
equal_in_trouble(_Config) ->
    _ = run(
        fun(Server) ->
            #{evictions => true, faults => eslaver_test_mirrored_master:faults(Server)}
        end,
        {2_000, 10_000}
    ),
    ok.

%% A snapshot of all that random commands have made is loaded as the master has it.
snapshots(_Config) ->
    Seed = eslaver_test_env:seed(),
    Differences = each_server(fun(#{name := Name} = Server) ->
        {Subject, Running} = eslaver_test_mirrored_master:start(Server),
        Steps = steps({2_000, 10_000}),
        {ok, _} = eslaver_test_convergence:run(Subject, #{
            seed => Seed, steps => Steps, every => Steps
        }),
        {Types, Left} = eslaver_test_mirrored_master:snapshot(Running),
        ok = eslaver_test_mirrored_master:stop(Running),
        ?assertEqual([], types(Server) -- Types),
        [{Name, Difference} || Difference <- lists:sublist(Left, 5)]
    end),
    ?assertEqual([], lists:append(Differences)).

types(#{family := redis, version := Version}) when Version >= {8, 10, 0} ->
    [array, hash, list, set, stream, string, vectorset, zset];
types(_) ->
    [hash, list, set, string, zset].

%% What is read is what the master answers. Commands that no master at hand knows are left out.
reads(_Config) ->
    Seed = eslaver_test_env:seed(),
    Results = each_server(fun(Server) ->
        {Subject, Running} = eslaver_test_mirrored_master:start(Server),
        Options = #{seed => Seed, steps => steps({3_000, 10_000}), every => 1_000},
        {ok, _} = eslaver_test_convergence:run(Subject, Options),
        Result = eslaver_test_mirror_reads:differences(
            eslaver_test_mirrored_master:mirror(Running),
            eslaver_test_mirrored_master:clients(Running),
            steps({3_000, 20_000})
        ),
        ok = eslaver_test_mirrored_master:stop(Running),
        Result
    end),
    {Differences, Known, Answered} = lists:unzip3(Results),
    ct:log("no master at hand knows ~0p", [
        eslaver_test_mirror_reads:commands() -- lists:append(Known)
    ]),
    ?assertEqual([], lists:sublist(lists:append(Differences), 10)),
    ?assertEqual([], lists:usort(lists:append(Known)) -- lists:append(Answered)).

steps({Short, Long}) ->
    case eslaver_test_env:is_long() of
        true -> Long;
        false -> Short
    end.

each_server(Fun) ->
    case eslaver_test_env:is_long() of
        true -> [Fun(Server) || Server <- eslaver_test_servers:available()];
        false -> eslaver_test_parallel:map(Fun, eslaver_test_servers:spread())
    end.

%% How many commands the masters have taken.
run(Workload, Steps) ->
    Seed = eslaver_test_env:seed(),
    Seeds =
        case eslaver_test_env:is_long() of
            true -> lists:seq(Seed, Seed + 3);
            false -> [Seed]
        end,
    Counts = each_server(fun(#{name := Name} = Server) ->
        Taken = [run_one(Server, Each, Workload(Server), steps(Steps)) || Each <- Seeds],
        ct:pal("~s: ~b commands", [Name, lists:sum(Taken)]),
        lists:sum(Taken)
    end),
    lists:sum(Counts).

run_one(Server, Seed, Workload, Steps) ->
    process_flag(trap_exit, true),
    {Subject, Running} = eslaver_test_mirrored_master:start(Server),
    Options = #{seed => Seed, steps => Steps, every => 500, workload => Workload},
    Result = eslaver_test_convergence:run(Subject, Options),
    ok = eslaver_test_mirrored_master:stop(Running),
    case Result of
        {ok, Counts} ->
            lists:sum([Taken || {Taken, _Refused} <- maps:values(Counts)]);
        {differs, Report} ->
            ct:pal("~s: ~ts", [maps:get(name, Server), eslaver_test_convergence:format(Report)]),
            error({differs, maps:with([seed, steps], Report)})
    end.
