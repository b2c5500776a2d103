%% Random workloads: everything that can be written to a master, by a seed. A workload is a list of
%% steps for eslaver_test_workload_runner, so that any part of it can be run again.
-module(eslaver_test_workload).

-export([taken/1, steps/3]).
-export_type([taken/0, options/0]).

%% The forms that a server takes, by weight.
-type taken() :: #{
    writes := [{pos_integer(), [eslaver_test_command_grammar:form()]}],
    blocking := [{pos_integer(), eslaver_test_command_grammar:form(), pos_integer(), string()}],
    scripts := [script | function]
}.

%% `faults`: what else may happen, once in a thousand steps. With them there are only commands of
%% which replicas come out as the master does: else there would be no telling whose data is right
%% after a full sync or a failover of the replica.
-type options() :: #{
    faults => [atom()],
    evictions => boolean()
}.

-define(ROUNDS, 12).
-define(DBS, [0, 0, 0, 0, 0, 0, 1, 1, 2, 3]).
%% A form that got nothing but such answers is not one of this server's.
-define(UNKNOWN,
    "unknown|syntax|wrong number|unsupported|not supported|not allowed|invalid stream id|"
    "not a valid float|must be"
).

%% Asks the server for its commands, and tries each form. Its data are gone after that.
-spec taken(eslaver_test_client:client()) -> taken().
taken(Client) ->
    Names = eslaver_test_workload_runner:commands(Client),
    Version = eslaver_test_workload_runner:version(Client),
    Known = fun(Form) ->
        lists:member(eslaver_test_command_grammar:first(Form), Names) andalso
            eslaver_test_command_forms:is_certain(Form, Version)
    end,
    Writes = [
        {Weight, [
            Form
         || Text <- Texts, Form <- eslaver_test_command_grammar:forms(Text), Known(Form)
        ]}
     || {Weight, Texts} <- eslaver_test_command_forms:writes()
    ],
    Forms = [Form || {_, Group} <- Writes, Form <- Group],
    ok = eslaver_test_command_words:seed(tried),
    Answers = lists:append([try_all(Forms, Client) || _ <- lists:seq(1, ?ROUNDS)]),
    Good = sets:from_list([Form || {Form, Answer} <- Answers, not is_refusal(Answer)]),
    _ = eslaver_test_client:ok(Client, ["FLUSHALL"]),
    #{
        writes => [
            {Weight, Left}
         || {Weight, Group} <- Writes,
            [_ | _] = Left <- [[Form || Form <- Group, sets:is_element(Form, Good)]]
        ],
        blocking => [
            {Weight, Form, Position, Then}
         || {Weight, Text, Position, Then} <- eslaver_test_command_forms:blocking(),
            Form <- eslaver_test_command_grammar:forms(Text),
            Known(Form)
        ],
        scripts => eslaver_test_workload_runner:scripts(Client)
    }.

try_all(Forms, Client) ->
    Steps = [{0, {command, command(Form)}} || Form <- Forms],
    lists:zip(Forms, eslaver_test_workload_runner:replies(Steps, Client)).

is_refusal({error, Text}) ->
    re:run(Text, ?UNKNOWN, [caseless, {capture, none}]) =:= match;
is_refusal(_) ->
    false.

%% `Count` steps. The same seed gives the same steps for servers that take the same commands.
-spec steps(non_neg_integer(), taken(), options()) -> [eslaver_test_workload_runner:step()].
steps(Count, Taken, #{faults := [_ | _]} = Options) ->
    all_steps(Count, faithful(Taken), Options);
steps(Count, Taken, Options) ->
    all_steps(Count, Taken, Options).

faithful(#{writes := Writes, blocking := Blocking} = Taken) ->
    Is = fun eslaver_test_command_forms:is_faithful/1,
    Taken#{
        writes := [
            {Weight, Left}
         || {Weight, Forms} <- Writes, [_ | _] = Left <- [lists:filter(Is, Forms)]
        ],
        blocking := [Each || {_, Form, _, _} = Each <- Blocking, Is(Form)]
    }.

all_steps(Count, Taken, Options) ->
    [step(Taken, Options) || _ <- lists:seq(1, Count)].

step(Taken, Options) ->
    {eslaver_test_command_words:any(?DBS), action(rand:uniform(20_000), Taken, Options)}.

action(1, _Taken, _Options) ->
    {command, [<<"FLUSHALL">>]};
action(N, _Taken, _Options) when N < 5 ->
    {command, [<<"FLUSHDB">>]};
action(N, _Taken, #{evictions := true}) when N < 10 ->
    evict;
action(N, _Taken, _Options) when N < 16 ->
    {sleep, rand:uniform(100)};
action(N, #{blocking := [_ | _] = Blocking} = Taken, _Options) when N < 100 ->
    {_, Form, Position, Then} = weighted(Blocking),
    Waiting = command(Form),
    [Then1 | _] = [command(Chosen) || Chosen <- shuffled(eslaver_test_command_grammar:forms(Then))],
    {blocked, Waiting, with_key(lists:nth(Position, Waiting), Then1), some_command(Taken)};
action(N, Taken, _Options) when N < 500 ->
    {transaction, [
        {eslaver_test_command_words:any([same, same, same, 0, 1]), queued(rand:uniform(500), Taken)}
     || _ <- lists:seq(1, rand:uniform(8))
    ]};
action(N, Taken, _Options) when N < 800 ->
    single(1, Taken);
action(N, _Taken, #{faults := [_ | _] = Faults}) when N < 820 ->
    {fault, eslaver_test_command_words:any(Faults)};
action(_, Taken, _Options) ->
    single(2, Taken).

queued(1, _Taken) -> {command, [<<"FLUSHALL">>]};
queued(2, _Taken) -> {command, [<<"FLUSHDB">>]};
queued(_, Taken) -> single(rand:uniform(10), Taken).

single(1, #{scripts := [_ | _] = Scripts} = Taken) ->
    Commands = [some_command(Taken) || _ <- lists:seq(1, rand:uniform(4))],
    {eslaver_test_command_words:any(Scripts), lists:filter(fun is_safe_in_script/1, Commands)};
single(_, Taken) ->
    {command, some_command(Taken)}.

%% Redis 3.2.6 crashes after SPOP with a count in a script.
is_safe_in_script([<<"SPOP">>, _, _]) -> false;
is_safe_in_script(_) -> true.

some_command(#{writes := Writes}) ->
    {_, Forms} = weighted(Writes),
    command(eslaver_test_command_words:any(Forms)).

command(Form) ->
    eslaver_test_command_grammar:fill(Form, fun eslaver_test_command_words:make/1).

with_key(Key, [Name, _ | Args]) ->
    [Name, Key | Args].

weighted(Items) ->
    Total = lists:sum([element(1, Item) || Item <- Items]),
    weighted(rand:uniform(Total), Items).

weighted(N, [Item | _]) when N =< element(1, Item) -> Item;
weighted(N, [Item | Items]) -> weighted(N - element(1, Item), Items).

shuffled(Items) ->
    [Item || {_, Item} <- lists:sort([{rand:uniform(), Item} || Item <- Items])].
