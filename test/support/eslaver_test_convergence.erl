%% Whether a replica is what its master is: random workloads (eslaver_test_workload) are run on a
%% master, and whenever it is quiet all of the replica's content is compared with the master's. What
%% differs is reported with the fewest commands that lead to it.
%%
%% The servers have commands of which their own replicas come out otherwise than the master (XADD
%% with MINID ~, BITFIELD with OVERFLOW FAIL and more, by version). So a real replica is the
%% referee: what is not as the master has it must be as that replica has it, since it got the same
%% commands.
-module(eslaver_test_convergence).

-export([run/2, replay/2, remaining/2, format/1]).
-export_type([subject/0, options/0, report/0]).

%% `caught_up`: whether it has all up to there. `content`: what it holds.
-type replica() :: #{
    caught_up := fun(({Replid :: binary(), Offset :: integer()}) -> boolean()),
    content := fun(() -> eslaver_test_content:content())
}.
%% What is compared with its master. `fault`: as of eslaver_test_workload_runner.
-type subject() :: #{
    %% To the current master.
    connect := fun(() -> eslaver_test_client:client()),
    replica := replica(),
    referee := replica() | none,
    fault => fun((atom(), eslaver_test_client:client()) -> eslaver_test_client:client()),
    %% Counts of what went wrong, which must not change.
    trouble := fun(() -> #{term() => non_neg_integer()})
}.
-type options() :: #{
    seed := integer(),
    steps := pos_integer(),
    %% Steps from one comparison to the next.
    every := pos_integer(),
    workload => eslaver_test_workload:options()
}.
-type report() :: #{
    seed := integer(),
    step := non_neg_integer(),
    differences := [term()],
    %% Those of the steps that touched such a key, the last of them.
    last := [{pos_integer(), eslaver_test_workload_runner:step()}],
    %% The fewest steps that make it happen again; `none` if it does not.
    steps := [eslaver_test_workload_runner:step()] | none
}.

-define(TIMEOUT, 60_000).
%% How long a difference must last; and how long when the steps are reduced.
-define(PATIENCE, 3000).
-define(SHORT_PATIENCE, 300).
-define(LAST, 15).
-define(SHOWN, 5).
-define(WIDTH, 500).

%% How many commands of each name the master took, and how many it refused; or what differs.
-spec run(subject(), options()) ->
    {ok, #{binary() => {non_neg_integer(), non_neg_integer()}}} | {differs, report()}.
run(Subject, #{seed := Seed, steps := Count} = Options) ->
    #{connect := Connect} = Subject,
    Client = Connect(),
    Taken = eslaver_test_workload:taken(Client),
    ok = eslaver_test_command_words:seed(Seed),
    Steps = eslaver_test_workload:steps(Count, Taken, maps:get(workload, Options, #{})),
    run(Steps, 0, #{}, Steps, Subject#{master => Client}, Options).

run([], _At, Counts, _All, #{master := Client}, _Options) ->
    ok = eslaver_test_client:close(Client),
    {ok, Counts};
run(Steps, At, Counts, All, Subject, #{every := Every} = Options) ->
    {Now, Later} = lists:split(min(Every, length(Steps)), Steps),
    case steps(Now, Subject, ?PATIENCE) of
        {[], Next, More} ->
            run(Later, At + length(Now), added(Counts, More), All, Next, Options);
        {Differences, Next, _} ->
            Done = lists:sublist(All, At + length(Now)),
            {differs, report(Differences, Done, Next, Options)}
    end.

added(Counts, More) ->
    maps:fold(
        fun(Name, {A, B}, Acc) ->
            maps:update_with(Name, fun({C, D}) -> {A + C, B + D} end, {A, B}, Acc)
        end,
        Counts,
        More
    ).

%% What differs after them, and the subject and the counts after them.
steps(Steps, #{master := Client, trouble := Trouble} = Subject, Patience) ->
    Before = Trouble(),
    #{client := Last, counts := Counts} =
        eslaver_test_workload_runner:run(Steps, (maps:with([fault], Subject))#{client => Client}),
    Next = Subject#{master := Last},
    Differences = settled(Next, Patience),
    {Differences ++ news(Before, Trouble()), Next, Counts}.

news(Before, After) ->
    [
        {trouble, What, Count}
     || {What, Count} <- maps:to_list(After), maps:get(What, Before, 0) < Count
    ].

%% Runs these steps on an empty master: what differs then.
-spec replay(subject(), [eslaver_test_workload_runner:step()]) -> [term()].
replay(#{connect := Connect} = Subject, Steps) ->
    Client = Connect(),
    _ = eslaver_test_client:ok(Client, ["FLUSHALL"]),
    _ = eslaver_test_workload_runner:scripts(Client),
    {Differences, #{master := Last}, _} =
        steps(Steps, Subject#{master => Client}, ?SHORT_PATIENCE),
    ok = eslaver_test_client:close(Last),
    Differences.

%% What differs when all that was written has arrived.
settled(#{master := Client, replica := Replica, referee := Referee} = Subject, Patience) ->
    %% A restarted master takes another id with its first replica.
    lists:foreach(
        fun(#{caught_up := CaughtUp}) ->
            true = eslaver_test_wait:until(fun() -> CaughtUp(place(Client)) end, ?TIMEOUT)
        end,
        [Replica | [Referee || Referee =/= none]]
    ),
    remaining(fun() -> differences(Subject) end, Patience).

%% Where the master is. The first versions have one id for all purposes.
place(Client) ->
    Replid =
        case eslaver_test_client:info(Client, "master_replid") of
            none -> eslaver_test_client:info(Client, "run_id");
            Id -> Id
        end,
    {Replid, binary_to_integer(eslaver_test_client:info(Client, "master_repl_offset"))}.

differences(#{master := Client, replica := #{content := Content}} = Subject) ->
    Got = Content(),
    Expected = disputed(Got, eslaver_test_content:of_server(Client), Subject),
    case eslaver_test_content:differences(Expected, Got) of
        [] ->
            Digest = eslaver_test_content:digest(Expected),
            Digest = eslaver_test_content:digest(eslaver_test_content:alike(Expected, Got)),
            [];
        Differences ->
            Differences
    end.

%% The differences that are still there after `Patience` ms, in two looks. Between two reads of a
%% key that make one look, it may expire, and a look may take longer than all of `Patience`.
-spec remaining(fun(() -> [Difference]), Patience :: non_neg_integer()) -> [Difference] when
    Difference :: eslaver_test_content:difference().
remaining(Look, Patience) ->
    remaining(Look, Look(), erlang:monotonic_time(millisecond) + Patience).

remaining(_Look, [], _Deadline) ->
    [];
remaining(Look, Before, Deadline) ->
    timer:sleep(50),
    Now = Look(),
    case erlang:monotonic_time(millisecond) < Deadline of
        true ->
            remaining(Look, Now, Deadline);
        false ->
            [Difference || {Place, _, _} = Difference <- Now, lists:keymember(Place, 1, Before)]
    end.

%% What the master has, but where its own replica has something else, and so have we: that.
disputed(_Got, Expected, #{referee := none}) ->
    Expected;
disputed(Got, Expected, #{referee := #{content := Content}}) ->
    case eslaver_test_content:differences(Expected, Got) of
        [] ->
            Expected;
        Differences ->
            Replica = Content(),
            Places = [Place || {Place, _, _} <- Differences],
            maps:merge(maps:without(Places, Expected), maps:with(Places, Replica))
    end.

%% What led to it.

report(Differences, Done, Subject, #{seed := Seed}) ->
    Touched = [
        {Number, Step}
     || {Number, Step} <- lists:enumerate(Done), touches(Step, concerned(Differences))
    ],
    #{
        seed => Seed,
        step => length(Done),
        differences => Differences,
        last => lists:nthtail(max(0, length(Touched) - ?LAST), Touched),
        steps => fewest(Done, Differences, Subject)
    }.

%% The keys that differ.
concerned(Differences) ->
    lists:usort([what(Difference) || {{_Db, _Key}, _, _} = Difference <- Differences]).

what({{_Db, Key}, _Expected, _Got}) -> Key;
what({trouble, What, _Count}) -> {trouble, What}.

touches({_Db, {command, [<<"FLUSH", _/binary>>]}}, _Keys) ->
    true;
touches({_Db, {command, [<<"SWAPDB">> | _]}}, _Keys) ->
    true;
touches({_Db, {fault, _}}, _Keys) ->
    true;
touches(Step, Keys) ->
    lists:any(fun(Word) -> lists:member(Word, Keys) end, eslaver_test_workload_runner:keys(Step)).

%% The steps that touch the keys that differ may be enough. What differs must be one of the same.
fewest(Done, Differences, Subject) ->
    What = [what(Difference) || Difference <- Differences],
    Fails = fun(Steps) ->
        lists:any(fun(Other) -> lists:member(what(Other), What) end, replay(Subject, Steps))
    end,
    Near = [Step || Step <- Done, touches(Step, concerned(Differences))],
    case [Steps || Steps <- [Near, Done], Fails(Steps)] of
        [Steps | _] -> simpler([], minimal(Steps, 2, Fails), Fails);
        [] -> none
    end.

%% Zeller's delta debugging: leaves out one of `Parts` at a time.
minimal(Steps, Parts, _Fails) when length(Steps) < 2; Parts > 2 * length(Steps) ->
    Steps;
minimal(Steps, Parts, Fails) ->
    Size = max(1, length(Steps) div Parts),
    case without_one_part([], Steps, Size, Fails) of
        {found, Fewer} -> minimal(Fewer, max(2, Parts - 1), Fails);
        none when Size =:= 1 -> Steps;
        none -> minimal(Steps, Parts * 2, Fails)
    end.

without_one_part(_Before, [], _Size, _Fails) ->
    none;
without_one_part(Before, Steps, Size, Fails) ->
    {Part, After} = lists:split(min(Size, length(Steps)), Steps),
    case Fails(Before ++ After) of
        true -> {found, Before ++ After};
        false -> without_one_part(Before ++ Part, After, Size, Fails)
    end.

%% Fewer commands within a step.
simpler(Before, [], _Fails) ->
    lists:reverse(Before);
simpler(Before, [{Db, {Kind, Commands}} | After], Fails) when
    Kind =:= transaction; Kind =:= script; Kind =:= function
->
    With = fun(Some) -> lists:reverse(Before, [{Db, {Kind, Some}} | After]) end,
    Fewest = minimal(Commands, 2, fun(Some) -> Fails(With(Some)) end),
    simpler([{Db, {Kind, Fewest}} | Before], After, Fails);
simpler(Before, [Step | After], Fails) ->
    simpler([Step | Before], After, Fails).

%% For people: what `steps` says can be given to replay/2.
-spec format(report()) -> iodata().
format(#{seed := Seed, step := At, differences := Differences, last := Last, steps := Steps}) ->
    [
        io_lib:format("ESLAVER_SEED=~b: after ~b steps ~b differences~n", [
            Seed, At, length(Differences)
        ]),
        [format_one(Difference) || Difference <- lists:sublist(Differences, ?SHOWN)],
        "the last steps with these keys:\n",
        [io_lib:format("~b: ~s~n", [Number, shorten(Step)]) || {Number, Step} <- Last],
        io_lib:format("again with:~n~tp.~n", [Steps])
    ].

format_one({Place, Expected, Got}) ->
    [
        io_lib:format("~tp~n", [Place])
        | [
            io_lib:format("  ~0tp~n    expected ~s~n    got      ~s~n", [
                lists:reverse(Path), shorten(One), shorten(Other)
            ])
         || {Path, One, Other} <- lists:sublist(apart(Expected, Got, []), ?SHOWN)
        ]
    ];
format_one(Other) ->
    [shorten(Other), $\n].

%% Where two terms are not the same.
apart(Same, Same, _Path) ->
    [];
apart(#{} = One, #{} = Other, Path) ->
    lists:append([
        apart(maps:get(Key, One, none), maps:get(Key, Other, none), [Key | Path])
     || Key <- lists:usort(maps:keys(One) ++ maps:keys(Other))
    ]);
apart([_ | _] = One, [_ | _] = Other, Path) when length(One) =:= length(Other) ->
    lists:append([
        apart(A, B, [Number | Path])
     || {Number, {A, B}} <- lists:enumerate(lists:zip(One, Other))
    ]);
apart(One, Other, Path) ->
    [{Path, One, Other}].

shorten(Term) ->
    lists:sublist(lists:flatten(io_lib:format("~0tP", [Term, 60])), ?WIDTH).
