%% Runs the steps of a workload (eslaver_test_workload) on a master, as fast as it takes them.
-module(eslaver_test_workload_runner).

-export([run/2, replies/2, commands/1, scripts/1, version/1, keys/1]).
-export_type([step/0, action/0, env/0, result/0]).

-type command() :: [eslaver_test_command_words:arg()].
-type action() ::
    single()
    | {transaction, [{same | non_neg_integer(), single()}]}
    %% What another client waits with, what ends that, and a command in the same transaction.
    | {blocked, command(), command(), command()}
    | {sleep, Milliseconds :: pos_integer()}
    %% Has the master evict some keys.
    | evict
    | {fault, atom()}.
-type single() ::
    {command, command()}
    %% Commands made by a script, or by a function.
    | {script | function, [command()]}.
-type step() :: {Db :: non_neg_integer(), action()}.

%% `fault`: makes one happen, and gives the client for what follows.
-type env() :: #{
    client := eslaver_test_client:client(),
    fault => fun((atom(), eslaver_test_client:client()) -> eslaver_test_client:client())
}.

%% How many commands the master took, by name, and refused.
-type result() :: #{client := eslaver_test_client:client(), counts := counts()}.
-type counts() :: #{binary() => {Taken :: non_neg_integer(), Refused :: non_neg_integer()}}.

-define(BATCH, 500).
-define(WAIT, 100).
-define(LOOKS, 10).

%% ARGV has commands, each as the count of its words and these words.
-define(SCRIPT, <<
    "local i = 1 "
    "while i <= #ARGV do "
    "local n = tonumber(ARGV[i]) "
    "redis.pcall(unpack(ARGV, i + 1, i + n)) "
    "i = i + n + 1 "
    "end "
    "return 1"
>>).
-define(LIBRARY, <<
    "#!lua name=eslaver\n"
    "redis.register_function('run', function(keys, args) "
    "local i = 1 "
    "while i <= #args do "
    "local n = tonumber(args[i]) "
    "redis.pcall(unpack(args, i + 1, i + n)) "
    "i = i + n + 1 "
    "end "
    "return 1 end)"
>>).

%% The names of a server's commands, in capitals.
-spec commands(eslaver_test_client:client()) -> [string()].
commands(Client) ->
    [
        string:uppercase(binary_to_list(Name))
     || [Name | _] <- eslaver_test_client:ok(Client, ["COMMAND"])
    ].

%% What of scripts a server sends on by their effects, not as they are.
-spec scripts(eslaver_test_client:client()) -> [script | function].
scripts(Client) ->
    [script || effects(Client) =/= none] ++
        [
            function
         || not is_error(
                eslaver_test_client:command(Client, ["FUNCTION", "LOAD", "REPLACE", ?LIBRARY])
            )
        ].

%% From 5.0 on always, in 3.2 when a script says so. Redis 6.2.14 corrupts its memory when a command
%% fails in a script in some ways (XREADGROUP and XCLAIM of no group do), so it gets none.
effects(Client) ->
    case version(Client) of
        [6, 2 | _] -> none;
        [Major | _] when Major >= 5 -> <<>>;
        [Major, Minor | _] when {Major, Minor} >= {3, 2} -> <<"redis.replicate_commands() ">>;
        _ -> none
    end.

-spec version(eslaver_test_client:client()) -> [integer()].
version(Client) ->
    Text = eslaver_test_client:info(Client, "redis_version"),
    [binary_to_integer(Part) || Part <- binary:split(Text, <<".">>, [global])].

is_error({error, _}) -> true;
is_error(_) -> false.

%% The answer to each of these steps, which are commands.
-spec replies([step()], eslaver_test_client:client()) -> [eslaver_test_client:reply()].
replies(Steps, Client) ->
    [
        begin
            _ = eslaver_test_client:ok(Client, ["SELECT", Db]),
            eslaver_test_client:command(Client, resolve(Command, Client))
        end
     || {Db, {command, Command}} <- Steps
    ].

%% The keys that a step names, and whatever else it says.
-spec keys(step()) -> [binary()].
keys({_Db, Action}) ->
    [
        Word
     || Command <- named(Action),
        Arg <- tl(Command),
        Word <- [
            case Arg of
                {dump, Key} -> Key;
                _ -> Arg
            end
        ],
        is_binary(Word)
    ].

named({command, Command}) -> [Command];
named({transaction, Actions}) -> [Command || {_, Action} <- Actions, Command <- named(Action)];
named({Kind, Commands}) when Kind =:= script; Kind =:= function -> Commands;
named({blocked, Waiting, Then, Also}) -> [Waiting, Then, Also];
named(_) -> [].

-spec run([step()], env()) -> result().
run(Steps, #{client := Client} = Env) ->
    State = #{
        env => Env,
        client => Client,
        effects => effects(Client),
        db => none,
        batch => [],
        size => 0,
        counts => #{}
    },
    #{client := Last, counts := Counts} = sent(lists:foldl(fun step/2, State, Steps)),
    #{client => Last, counts => Counts}.

step({Db, Action}, State) ->
    Ready =
        #{client := Client} =
        case needs_dump(Action) of
            true -> sent(selected(Db, State));
            false -> State
        end,
    #{size := Size} = Next = do(resolved(Action, Client), Db, Ready),
    case Size >= ?BATCH of
        true -> sent(Next);
        false -> Next
    end.

do({transaction, Actions}, Db, State) ->
    Begun = put_command([<<"MULTI">>], selected(Db, State)),
    put_command([<<"EXEC">>], lists:foldl(fun queued/2, Begun, Actions));
do({blocked, Waiting, Then, Also}, Db, State) ->
    Sent = sent(put_command([<<"DEL">>, lists:nth(2, Then)], selected(Db, State))),
    Other = waiting(Waiting, Db, Sent),
    Served = lists:foldl(fun put_command/2, Sent, [[<<"MULTI">>], Then, Also, [<<"EXEC">>]]),
    served(Other, Waiting, sent(Served));
do({sleep, Milliseconds}, _Db, State) ->
    Sent = sent(State),
    timer:sleep(Milliseconds),
    Sent;
do(evict, Db, State) ->
    evict(sent(selected(Db, State)));
do({fault, What}, _Db, #{env := #{fault := Fault}} = State) ->
    #{client := Client} = Sent = sent(State),
    Sent#{client := Fault(What, Client), db := none};
do(Single, Db, State) ->
    put_command(single(Single, State), selected(Db, State)).

queued({same, Single}, State) -> put_command(single(Single, State), State);
queued({Db, Single}, State) -> do(Single, Db, State).

single({command, Command}, _State) ->
    Command;
single({script, Commands}, #{effects := Effects}) when is_binary(Effects) ->
    [<<"EVAL">>, <<Effects/binary, ?SCRIPT/binary>>, <<"0">> | packed(Commands)];
single({function, Commands}, _State) ->
    [<<"FCALL">>, <<"run">>, <<"0">> | packed(Commands)].

packed(Commands) ->
    lists:append([[integer_to_binary(length(Command)) | Command] || Command <- Commands]).

%% Another client, which waits.
waiting(Command, Db, #{client := Client}) ->
    {ok, {_, Port}} = inet:peername(Client),
    Other = eslaver_test_client:connect(Port),
    _ = eslaver_test_client:ok(Other, ["SELECT", Db]),
    ok = eslaver_test_client:send(Other, Command),
    _ = lists:any(fun(_) -> is_one_blocked(Client) end, lists:seq(1, ?LOOKS)),
    Other.

%% Not so if there was something to take at once, or the key is of another kind.
is_one_blocked(Client) ->
    eslaver_test_client:info(Client, "blocked_clients") =/= <<"0">>.

%% If nothing was written, it may wait forever: then it is closed.
served(Other, [Name | _], State) ->
    Reply = eslaver_test_client:reply(Other, ?WAIT),
    ok = eslaver_test_client:close(Other),
    counted(Name, Reply, State).

%% The master is given less memory than it has in use, for one command.
evict(#{client := Client} = State) ->
    Used = binary_to_integer(eslaver_test_client:info(Client, "used_memory")),
    Limit = fun(Bytes) -> eslaver_test_client:ok(Client, ["CONFIG", "SET", "maxmemory", Bytes]) end,
    _ = eslaver_test_client:ok(Client, ["CONFIG", "SET", "maxmemory-policy", "allkeys-random"]),
    _ = Limit(Used - 10_000),
    _ = eslaver_test_client:command(Client, ["SET", "evict", "1"]),
    _ = Limit(0),
    State.

%% Arguments that are known only now.

needs_dump(Action) ->
    lists:any(fun(Command) -> lists:keymember(dump, 1, Command) end, named(Action)).

resolved({command, Command}, Client) ->
    {command, resolve(Command, Client)};
resolved({transaction, Actions}, Client) ->
    {transaction, [{Db, resolved(Action, Client)} || {Db, Action} <- Actions]};
resolved({Kind, Commands}, Client) when Kind =:= script; Kind =:= function ->
    {Kind, [resolve(Command, Client) || Command <- Commands]};
resolved({blocked, Waiting, Then, Also}, Client) ->
    {blocked, resolve(Waiting, Client), resolve(Then, Client), resolve(Also, Client)};
resolved(Other, _Client) ->
    Other.

resolve(Command, Client) ->
    [resolve_one(Arg, Client) || Arg <- Command].

resolve_one({at, ms, Milliseconds}, _Client) ->
    integer_to_binary(erlang:system_time(millisecond) + Milliseconds);
resolve_one({at, s, Milliseconds}, _Client) ->
    integer_to_binary((erlang:system_time(millisecond) + Milliseconds) div 1000);
resolve_one({dump, Key}, Client) ->
    case eslaver_test_client:ok(Client, ["DUMP", Key]) of
        null -> <<"no such key">>;
        Payload -> Payload
    end;
resolve_one(Arg, _Client) ->
    Arg.

%% Commands are gathered, and sent together.

selected(Db, #{db := Db} = State) ->
    State;
selected(Db, State) ->
    put_command([<<"SELECT">>, integer_to_binary(Db)], State#{db := Db}).

put_command(Command, #{batch := Batch, size := Size} = State) ->
    State#{batch := [Command | Batch], size := Size + 1}.

sent(#{client := Client, batch := Batch} = State) ->
    Commands = lists:reverse(Batch),
    Replies = eslaver_test_client:pipeline(Client, Commands),
    lists:foldl(
        fun({[Name | _], Reply}, Acc) -> counted(Name, Reply, Acc) end,
        State#{batch := [], size := 0},
        lists:zip(Commands, Replies)
    ).

counted(_Name, <<"QUEUED">>, State) ->
    State;
counted(Name, Reply, #{counts := Counts} = State) ->
    {Taken, Refused} = maps:get(Name, Counts, {0, 0}),
    Now =
        case is_error(Reply) of
            true -> {Taken, Refused + 1};
            false -> {Taken + 1, Refused}
        end,
    State#{counts := Counts#{Name => Now}}.
