%% Key notifications, and the table of commands behind them, against every master at hand.
-module(eslaver_subscriptions_SUITE).

-include_lib("common_test/include/ct.hrl").
-include_lib("stdlib/include/assert.hrl").

-compile([export_all, nowarn_export_all]).

%% What a server knows no keyspace event for; those before 6.0 know none for others, too.
-define(SILENT, [
    "PFMERGE",
    "XACK",
    "XREADGROUP",
    "XCLAIM",
    "XAUTOCLAIM",
    "XGROUP",
    "XCFGSET",
    "EVAL",
    "XACKDEL",
    "XNACK",
    "VADD",
    "VREM",
    "VSETATTR"
]).

suite() ->
    [{timetrap, {minutes, 3}}].

all() ->
    eslaver_test_groups:all(groups()).

%% Each case has a master of its own.
groups() ->
    eslaver_test_groups:per_server(
        eslaver_test_servers:available(), [parallel], eslaver_test_groups:cases(?MODULE)
    ).

init_per_group(Name, Config) ->
    eslaver_test_groups:server(Name, Config).

end_per_group(_Name, _Config) ->
    ok.

init_per_testcase(_Case, Config) ->
    #{server := Server} = ?config(server, Config),
    Master = eslaver_test_master:start(#{
        server => Server, config => [{"notify-keyspace-events", "KEA"}]
    }),
    [{master, Master}, {client, eslaver_test_client:connect(Master)} | Config].

%% A new server with a new command: `tools/commands.py' has to be run again.
every_write_is_known(Config) ->
    Names = [Name || {Name, true} <- maps:to_list(writes(?config(client, Config)))],
    ?assert(length(Names) > 60),
    Unknown = [Name || Name <- Names, eslaver_nif:keys(Name, [], undefined) =:= unknown],
    ?assertEqual([], Unknown),
    Tried = [
        eslaver_test_write_commands:name(Command)
     || {_, Command, _} <- eslaver_test_write_commands:all()
    ],
    ?assertEqual([], (Names -- Tried) -- eslaver_test_write_commands:not_run()).

%% Servers since 7.0 say which keys of a command are changed, those before only which are keys, and
%% the first of them not even that in all cases.
keys_as_the_server_tells(Config) ->
    case ?config(server, Config) of
        #{version := Version} when Version < {5, 0, 0} -> {skip, Version};
        _ -> compare_keys(Config)
    end.

compare_keys(Context) ->
    Client = ?config(client, Context),
    Known = writes(Client),
    Differ = [
        {Command, Ours, Theirs}
     || {_, Command, _} <- eslaver_test_write_commands:all(),
        is_map_key(eslaver_test_write_commands:name(Command), Known),
        {Ours, Theirs} <- [told(Client, words(Client, Command))],
        not agree(Ours, Theirs)
    ],
    ?assertEqual([], Differ).

agree(Keys, {all, All}) -> Keys -- All =:= [];
agree(Keys, {changed, Changed}) -> Keys =:= Changed.

told(Client, [Name | Args] = Words) ->
    Lower = list_to_binary(string:lowercase(Name)),
    {Written, _Read} = eslaver_nif:keys(Lower, binaries(Args), undefined),
    Ours = lists:usort([
        case Key of
            {_Db, Other} -> Other;
            _ -> Key
        end
     || Key <- Written
    ]),
    case eslaver_test_client:command(Client, ["COMMAND", "GETKEYSANDFLAGS" | Words]) of
        %% the server takes it for a read, which only moves the group
        _ when Name =:= "XREADGROUP" ->
            {Ours, {changed, Ours}};
        {error, _} ->
            {Ours, {all, eslaver_test_client:ok(Client, ["COMMAND", "GETKEYS" | Words])}};
        Keys ->
            Changes = [<<"RW">>, <<"OW">>, <<"RM">>],
            Changed = [Key || [Key, Flags] <- Keys, Flag <- Flags, lists:member(Flag, Changes)],
            {Ours, {changed, lists:usort(Changed)}}
    end.

binaries(Words) ->
    [iolist_to_binary(Word) || Word <- Words].

%% Each write is made; we tell of the keys it changes, and so does the server.
changed_keys(Config) ->
    Client = ?config(client, Config),
    Known = writes(Client),
    Events = eslaver_test_client:connect(?config(master, Config)),
    _ = eslaver_test_client:command(Events, ["PSUBSCRIBE", "__keyspace@*__:*"]),
    {Replica, _} = eslaver_test_replica:start(?config(master, Config), #{events => shape(Config)}),
    ok = eslaver:await(Replica, loaded, 10_000),
    {ok, Ref} = eslaver:subscribe(Replica, #{}),
    #{version := Version} = ?config(server, Config),
    Differ = [
        {Command, [{expected, Expected}, {ours, Ours}, {theirs, Theirs}]}
     || {Before, Command, Changed} <- eslaver_test_write_commands:all(),
        is_map_key(eslaver_test_write_commands:name(Command), Known),
        Expected <- [lists:sort([expected(Key) || Key <- Changed])],
        {Ours, Theirs} <- [written(Client, Events, Ref, Before, Command)],
        Ours =/= Expected orelse Theirs -- Expected =/= [] orelse
            (Version >= {6, 0, 0} andalso not is_silent(Command) andalso Theirs =/= Expected)
    ],
    ?assertEqual([], Differ).

%% Both forms of events are tried, each with half of the masters.
shape(Context) ->
    #{name := Name} = ?config(server, Context),
    lists:nth(1 + erlang:phash2(Name, 2), [classic, full]).

expected({Db, Key}) -> {Db, list_to_binary(Key)};
expected(Key) -> {0, list_to_binary(Key)}.

is_silent(Command) ->
    lists:member(hd(eslaver_test_write_commands:words(Command)), ?SILENT).

written(Client, Events, Ref, Before, Command) ->
    _ = eslaver_test_client:ok(Client, ["FLUSHALL"]),
    case
        [E || C <- Before, {error, E} <- [eslaver_test_client:command(Client, words(Client, C))]]
    of
        [] ->
            Words = words(Client, Command),
            _ = until_mark(Client, Events, Ref),
            case eslaver_test_client:command(Client, Words) of
                {error, _} = Error ->
                    case eslaver_test_write_commands:is_newer_form(Command) of
                        true -> refused;
                        false -> {Error, Error}
                    end;
                _ ->
                    until_mark(Client, Events, Ref)
            end;
        Errors ->
            {Errors, Errors}
    end.

words(Client, Command) ->
    [
        case Word of
            "<dump:k>" ->
                case eslaver_test_client:ok(Client, ["DUMP", "k"]) of
                    null -> <<"x">>;
                    Dump -> Dump
                end;
            _ ->
                Word
        end
     || Word <- eslaver_test_write_commands:words(Command)
    ].

%% The keys until a write of ours: as we are told, and as the server tells.
until_mark(Client, Events, Ref) ->
    Mark = "mark" ++ integer_to_list(erlang:unique_integer([positive])),
    _ = eslaver_test_client:ok(Client, ["SET", Mark, "x"]),
    Key = list_to_binary(Mark),
    {lists:usort(ours(Ref, Key, [])), lists:usort(theirs(Events, Key, <<>>))}.

ours(Ref, Mark, Keys) ->
    receive
        {eslaver, Ref, {key, <<"set">>, Mark, _}} -> Keys;
        {eslaver, Ref, {key, _, Key, #{db := Db}}} -> ours(Ref, Mark, [{Db, Key} | Keys]);
        {eslaver, Ref, {keys, <<"flushall">>, all, _}} -> ours(Ref, Mark, Keys)
    after 10_000 -> error({not_notified, Mark, Keys})
    end.

theirs(Events, Mark, Buffer) ->
    {match, Found} =
        case
            re:run(Buffer, "__keyspace@(\\d+)__:(\\w+)\r\n", [global, {capture, [1, 2], binary}])
        of
            nomatch -> {match, []};
            Match -> Match
        end,
    Keys = [{binary_to_integer(Db), Key} || [Db, Key] <- Found],
    case lists:keymember(Mark, 2, Keys) of
        true ->
            lists:keydelete(Mark, 2, [K || {_, Name} = K <- Keys, not is_mark(Name, Mark)]);
        false ->
            {ok, More} = gen_tcp:recv(Events, 0, 10_000),
            theirs(Events, Mark, <<Buffer/binary, More/binary>>)
    end.

is_mark(<<"mark", _/binary>> = Name, Mark) -> Name =/= Mark;
is_mark(_, _) -> false.

%% All keys of a transaction come when it ends, with its offset, each with its own db.
transactions(Config) ->
    Client = ?config(client, Config),
    {Replica, Ref} = subscribed(Config, #{}),
    _ = eslaver_test_client:pipeline(Client, [
        ["MULTI"],
        ["MSET", "a", "1", "b", "2"],
        ["SELECT", "3"],
        ["SET", "c", "3"],
        ["EXEC"],
        ["SELECT", "0"],
        ["SET", "d", "4"]
    ]),
    [A, B, C, D] = take(Ref, 4),
    ?assertMatch({key, <<"mset">>, <<"a">>, #{db := 0}}, A),
    ?assertMatch({key, <<"mset">>, <<"b">>, #{db := 0}}, B),
    ?assertMatch({key, <<"set">>, <<"c">>, #{db := 3}}, C),
    ?assertMatch({key, <<"set">>, <<"d">>, #{db := 0}}, D),
    [Offset, Offset, Offset, After] = [O || {_, _, _, #{offset := O}} <- [A, B, C, D]],
    ?assert(After > Offset),
    #{offset := Handled} = eslaver:position(Replica),
    ?assert(Handled >= After).

%% What changes keys without naming them.
without_keys(Config) ->
    Client = ?config(client, Config),
    {_, Ref} = subscribed(Config, #{keys => "nothing"}),
    _ = eslaver_test_client:pipeline(Client, [
        ["SET", "a", "1"], ["FLUSHALL"], ["SELECT", "3"], ["SET", "a", "1"], ["FLUSHDB"]
    ]),
    [{keys, <<"flushall">>, all, _}, Flushed] = take(Ref, 2),
    ?assertMatch({keys, <<"flushdb">>, {db, 3}, #{db := 3, offset := _}}, Flushed),
    _ = eslaver_test_client:ok(Client, ["SET", "a", "1"]),
    case eslaver_test_client:command(Client, ["SWAPDB", "3", "4"]) of
        <<"OK">> -> ?assertMatch([{keys, <<"swapdb">>, {swap, 3, 4}, _}], take(Ref, 1));
        {error, _} -> ok
    end.

%% Globs, commands and dbs; two subscribers are told of their own.
chosen(Config) ->
    Client = ?config(client, Config),
    Filter = #{keys => [<<"user:*">>, "x?"], commands => [set, "DEL"]},
    {Replica, Users} = subscribed(Config, Filter),
    {ok, Third} = eslaver:subscribe(Replica, #{dbs => [3], keys => <<"user:*">>}),
    _ = eslaver_test_client:pipeline(Client, [
        ["MSET", "user:1", "1", "other", "2"],
        ["SET", "user:2", "1"],
        ["SET", "other", "1"],
        ["DEL", "other", "xy", "user:1", "xyz"],
        ["SELECT", "3"],
        ["SET", "user:3", "1"],
        ["SET", "other", "1"]
    ]),
    [
        {key, <<"set">>, <<"user:2">>, _},
        {key, <<"del">>, <<"xy">>, _},
        {key, <<"del">>, <<"user:1">>, _},
        {key, <<"set">>, <<"user:3">>, #{db := 3}}
    ] = take(Users, 4),
    [{key, <<"set">>, <<"user:3">>, #{db := 3}}] = take(Third, 1),
    [
        ?assertEqual(
            {error, {invalid_option, Key, Value}}, eslaver:subscribe(Replica, #{Key => Value})
        )
     || {Key, Value} <- [{keys, 1}, {commands, set}, {dbs, [-1]}, {types, [hash]}, {x, y}]
    ],
    ok.

%% Who is told of a key finds what the callback has made of it.
after_the_callback(Config) ->
    Table = ets:new(cache, [public]),
    Options = #{
        callback => fun
            ({stream, "set", [Key, Value]}) -> ets:insert(Table, {Key, Value});
            (_) -> ok
        end
    },
    {_, Ref} = subscribed(Config, #{}, Options),
    Client = ?config(client, Config),
    lists:foreach(
        fun(N) ->
            _ = eslaver_test_client:ok(Client, ["SET", "k", N]),
            [{key, <<"set">>, <<"k">>, _}] = take(Ref, 1),
            ?assertEqual([{<<"k">>, integer_to_binary(N)}], ets:lookup(Table, <<"k">>))
        end,
        lists:seq(1, 20)
    ).

%% By unsubscribing, with the subscriber, and with the replica.
ends(Config) ->
    Client = ?config(client, Config),
    {Replica, Ref} = subscribed(Config, #{}),
    {ok, Ref2} = eslaver:subscribe(Replica, #{}),
    Self = self(),
    {Pid, Monitor} = spawn_monitor(fun() -> Self ! eslaver:subscribe(Replica, #{}) end),
    receive
        {'DOWN', Monitor, process, Pid, normal} -> ok
    end,
    receive
        {ok, _} -> ok
    end,
    _ = eslaver_test_client:ok(Client, ["SET", "a", "1"]),
    [_] = take(Ref2, 1),
    ok = eslaver:unsubscribe(Replica, Ref),
    ok = eslaver:unsubscribe(Replica, Ref),
    _ = eslaver_test_client:ok(Client, ["SET", "a", "2"]),
    [_] = take(Ref2, 1),
    receive
        {eslaver, Ref, _} = Message -> error({unexpected, Message})
    after 0 -> ok
    end,
    ok = eslaver:stop(Replica),
    receive
        {'DOWN', Ref2, process, Replica, _} -> ok
    after 5000 -> error(not_told)
    end.

%% A snapshot may have changed any key.
snapshot_again(Config) ->
    Options = #{events => shape(Config), empty_master_delay => 0},
    {_, Ref} = subscribed(Config, #{keys => <<"a">>}, Options),
    ok = eslaver_test_master:restart(?config(master, Config)),
    [{keys, resync, all, #{db := 0, offset := _}}] = take(Ref, 1),
    ok.

subscribed(Config, Filter) ->
    subscribed(Config, Filter, #{events => shape(Config)}).

subscribed(Config, Filter, Options) ->
    {Replica, _} = eslaver_test_replica:start(?config(master, Config), Options),
    ok = eslaver:await(Replica, loaded, 10_000),
    {ok, Ref} = eslaver:subscribe(Replica, Filter),
    {Replica, Ref}.

take(_Ref, 0) ->
    [];
take(Ref, Count) ->
    receive
        {eslaver, Ref, Notice} -> [Notice | take(Ref, Count - 1)]
    after 20_000 -> error({notices_missing, Count})
    end.

%% The write commands of a server, and scripts, without those of modules.
writes(Client) ->
    maps:from_list([{Name, true} || {Name, own} <- eslaver_test_write_commands:of_server(Client)]).
