%% Commands that the table does not have: what masters tell of their keys, and that no answer, or a
%% strange one, costs the link. Commands of the table are hidden for that.
-module(eslaver_learned_SUITE).

-include_lib("common_test/include/ct.hrl").
-include_lib("stdlib/include/assert.hrl").

-compile([export_all, nowarn_export_all]).

-define(M, mirror_of_learned).
-define(TIMEOUT, 10_000).

suite() ->
    [{timetrap, {minutes, 3}}, {ct_hooks, [eslaver_test_log_hook, {eslaver_test_mirror_hook, ?M}]}].

all() ->
    [{group, each} | eslaver_test_groups:cases(?MODULE) -- [as_the_table]].

groups() ->
    Groups = eslaver_test_groups:per_server(eslaver_test_servers:available(), [as_the_table]),
    [{each, [], eslaver_test_groups:all(Groups)} | Groups].

init_per_group(each, Config) -> Config;
init_per_group(Name, Config) -> eslaver_test_groups:server(Name, Config).

end_per_group(_Name, _Config) ->
    ok.

%% With its own commands taken out of the table a server tells the same keys as the table, or that
%% it cannot tell them without being asked each time.
as_the_table(Config) ->
    case ?config(server, Config) of
        #{version := Version} when Version < {5, 0, 0} -> {skip, "it tells too few keys of some"};
        About -> as_the_table_of(About)
    end.

as_the_table_of(#{server := Server, version := Version}) ->
    Master = eslaver_test_master:start(#{server => Server}),
    Client = eslaver_test_client:connect(Master),
    %% servers do not call EVAL a write, and take XREADGROUP for a read, which only moves the group
    Names =
        [Name || {Name, own} <- eslaver_test_write_commands:of_server(Client)] --
            [<<"eval">>, <<"xreadgroup">>],
    Told = told(Master, #{hidden_commands => Names}),
    Tried = [
        {Command, Table, Learned}
     || {_, Command, _} <- eslaver_test_write_commands:all(),
        lists:member(eslaver_test_write_commands:name(Command), Names),
        [Name | Args] <- [words(Command)],
        Lower <- [list_to_binary(string:lowercase(Name))],
        Table <- [keys(Lower, Args, undefined)],
        Learned <- [keys(Lower, Args, Told)]
    ],
    ct:log("~b commands, ~b told by the server", [length(Tried), length(told_of(Tried))]),
    Differ = [Each || {_, T, L} = Each <- Tried, L =/= unknown, not agree(Version, T, L)],
    ?assertEqual([], Differ),
    ?assert(length(told_of(Tried)) * 10 > length(Tried) * 7).

told_of(Tried) -> [Command || {Command, _, Learned} <- Tried, Learned =/= unknown].

%% Servers before 7.0 do not tell which keys change, and none tells of other dbs, of keys that only
%% scripts know, or that all keys of a db change: a write that names no key changes some.
agree(_Version, Same, Same) ->
    true;
agree(_Version, {Changed, _Read}, unnamed) when is_list(Changed) -> Changed =:= [];
agree(_Version, _All, unnamed) ->
    true;
agree(Version, {Changed, Read}, Told) when Version < {7, 0, 0}, is_tuple(Told) ->
    {All, []} = Told,
    lists:usort(without_dbs(Changed ++ Read)) -- lists:usort(All) =:= [];
agree(_Version, {Changed, Read}, {ToldChanged, ToldRead}) ->
    lists:usort(without_dbs(Changed)) =:= lists:usort(ToldChanged) andalso
        lists:usort(Read) -- lists:usort(ToldRead) =:= [];
agree(_Version, unnamed, {[], []}) ->
    true;
agree(_Version, _Others, _Told) ->
    false.

without_dbs(Keys) ->
    [
        case Key of
            {_Db, Other} -> Other;
            _ -> Key
        end
     || Key <- Keys
    ].

keys(Name, Args, Told) ->
    eslaver_nif:keys(Name, [iolist_to_binary(Arg) || Arg <- Args], Told).

words(Command) -> eslaver_test_write_commands:words(Command).

%% What a link learns.
told(Master, More) ->
    {ok, #{source := {fixed, Address}} = Options} = eslaver_options:parse(options(Master)),
    {ok, {Pid, Link}} = eslaver_link:start_link(Address, undefined, maps:merge(Options, More)),
    receive
        {eslaver_link, Pid, {full, _}} -> ok
    after ?TIMEOUT -> error(no_link)
    end,
    Told = eslaver_nif:commands(Link),
    ok = eslaver_link:stop(Pid, Link),
    Told.

options(Master) ->
    (eslaver_test_replica:target(Master))#{dbfilename => undefined}.

%% LMOVEM and MSETEX, hidden, in a filter and in key notifications.
two_lists(_Config) ->
    case [S || #{family := redis, version := V, server := S} <- servers(), V >= {8, 10, 0}] of
        [] -> {skip, "no Redis 8.10"};
        [Server | _] -> two_lists_of(Server)
    end.

two_lists_of(Server) ->
    Master = eslaver_test_master:start(#{server => Server}),
    Client = eslaver_test_client:connect(Master),
    Hidden = [<<"lmovem">>, <<"msetex">>],
    {Replica, Events} = replica(Master, Hidden, #{filter => #{keys => <<"b*">>}}),
    {ok, Ref} = eslaver:subscribe(Replica, #{keys => [<<"a*">>, <<"b*">>, <<"2">>]}),
    _ = eslaver_test_client:ok(Client, ["RPUSH", "a", "1", "2", "3"]),
    How = ["LEFT", "RIGHT", "EXACTLY", "1", "OBO"],
    _ = eslaver_test_client:ok(Client, ["LMOVEM", "a", "x" | How]),
    _ = eslaver_test_client:ok(Client, ["LMOVEM", "a", "b" | How]),
    _ = eslaver_test_client:ok(Client, ["MSETEX", "2", "c", "1", "b2", "b", "EX", "1000"]),
    _ = eslaver_test_client:ok(Client, ["MSETEX", "1", "c", "b", "EX", "1000"]),
    _ = eslaver_test_client:ok(Client, ["SET", "b-last", "1"]),
    ?assertEqual(
        [{<<"lmovem">>, <<"a">>}, {<<"lmovem">>, <<"b">>}, {<<"msetex">>, <<"b2">>}],
        notices(Ref, <<"b-last">>)
    ),
    Names = [Name || {stream, Name, _, _} <- eslaver_test_collector:events(Events)],
    ?assertEqual([<<"lmovem">>, <<"msetex">>, <<"set">>], Names -- [<<"ping">>]),
    stop(Replica).

%% Keys with a step of three, of a module; those of an index's name are none.
documents(_Config) ->
    case with_modules() of
        none -> {skip, "no server with modules"};
        {Server, Modules} -> documents_of(Server, Modules)
    end.

documents_of(Server, Modules) ->
    Master = eslaver_test_master:start(#{server => Server, modules => Modules}),
    Client = eslaver_test_client:connect(Master),
    Filter = #{keys => [<<"b">>, <<"end">>]},
    {Replica, Events} = replica(Master, [<<"json.mset">>], #{filter => Filter}),
    {ok, Ref} = eslaver:subscribe(Replica, #{}),
    _ = eslaver_test_client:ok(Client, ["JSON.MSET", "a", "$", "1", "b", "$", "2"]),
    _ = eslaver_test_client:ok(Client, ["JSON.MSET", "a", "$", "3", "c", "$", "4"]),
    _ = eslaver_test_client:ok(Client, ["SET", "end", "1"]),
    ?assertEqual([{<<"json.mset">>, <<"a">>}, {<<"json.mset">>, <<"b">>}], notices(Ref, <<"end">>)),
    Names = [Name || {stream, Name, _, _} <- eslaver_test_collector:events(Events)],
    ?assertEqual([<<"json.mset">>, <<"set">>], Names -- [<<"ping">>]),
    stop(Replica).

%% A mirror marks the keys that a master tells of, and no others.
mirrored(_Config) ->
    case with_modules() of
        none -> {skip, "no server with modules"};
        {Server, Modules} -> mirrored_of(Server, Modules)
    end.

mirrored_of(Server, Modules) ->
    Master = eslaver_test_master:start(#{server => Server, modules => Modules}),
    Client = eslaver_test_client:connect(Master),
    Ok = fun(Words) -> eslaver_test_client:ok(Client, Words) end,
    _ = [Ok(["SET", Key, "1"]) || Key <- ["a", "b", "$", "2"]],
    ok = mirror(Master, [<<"json.mset">>, <<"append">>]),
    {ok, Ref} = eslaver_mirror:subscribe(?M, #{}),
    _ = Ok(["DEL", "a"]),
    _ = Ok(["JSON.MSET", "a", "$", "1", "c", "$", "2"]),
    _ = Ok(["APPEND", "b", "2"]),
    _ = Ok(["FT.CREATE", "idx", "ON", "HASH", "PREFIX", "1", "d:", "SCHEMA", "t", "TEXT"]),
    _ = Ok(["JSON.SET", "j", "$", "{}"]),
    _ = Ok(["JSON.DEL", "j"]),
    _ = Ok(["SET", "end", "1"]),
    ?assertEqual(
        [
            {<<"del">>, <<"a">>},
            {<<"json.mset">>, <<"a">>},
            {<<"json.mset">>, <<"c">>},
            {<<"append">>, <<"b">>},
            {<<"json.set">>, <<"j">>},
            {<<"json.del">>, <<"j">>}
        ],
        notices(Ref, <<"end">>)
    ),
    ?assertEqual(
        [{error, unknown}, {error, unknown}, <<"12">>, <<"1">>, <<"1">>, undefined, undefined],
        [
            eslaver_mirror:get(?M, Key)
         || Key <- [<<"a">>, <<"c">>, <<"b">>, <<"$">>, <<"2">>, <<"idx">>, <<"j">>]
        ]
    ),
    ?assertEqual(
        lists:sort([<<"a">>, <<"c">>, <<"b">>, <<"$">>, <<"2">>, <<"end">>]),
        lists:sort(eslaver_mirror:keys(?M, <<"*">>))
    ),
    ?assertEqual(Ok(["DBSIZE"]), eslaver_mirror:dbsize(?M)),
    ?assertEqual(fresh, eslaver_mirror:status(?M)),
    ?assertMatch(#{incomplete := false}, eslaver_mirror:info(?M)).

%% A write that names no key changes some all the same: of old masters and of new ones.
names_no_key(_Config) ->
    Servers = [S || #{version := V} = S <- eslaver_test_servers:spread(), V >= {3, 0, 0}],
    lists:foreach(fun names_no_key_of/1, Servers).

names_no_key_of(#{server := Server}) ->
    Master = eslaver_test_master:start(#{server => Server}),
    Client = eslaver_test_client:connect(Master),
    _ = eslaver_test_client:ok(Client, ["SET", "a", "1"]),
    Hidden = [<<"flushall">>, <<"flushdb">>],
    {Replica, _} = replica(Master, Hidden, #{}),
    {ok, Ref} = eslaver:subscribe(Replica, #{}),
    ok = mirror(Master, Hidden),
    ?assertEqual(<<"1">>, eslaver_mirror:get(?M, <<"a">>)),
    _ = eslaver_test_client:ok(Client, ["FLUSHALL"]),
    _ = eslaver_test_client:ok(Client, ["SET", "end", "1"]),
    ?assertMatch([{keys, <<"flushall">>, unknown, _}], notices(Ref, <<"end">>)),
    true = eslaver_test_wait:until(fun() ->
        eslaver_mirror:status(?M) =:= fresh andalso eslaver_mirror:keys(?M, <<"*">>) =:= [<<"end">>]
    end),
    ok = eslaver_mirror:stop(?M),
    stop(Replica).

%% Without the right to ask there is a link all the same.
not_permitted(_Config) ->
    case [S || #{version := V, server := S} <- servers(), V >= {6, 0, 0}] of
        [] -> {skip, "no server with ACLs"};
        [Server | _] -> not_permitted_by(Server)
    end.

not_permitted_by(Server) ->
    Master = eslaver_test_master:start(#{server => Server}),
    Client = eslaver_test_client:connect(Master),
    Rules = ["on", ">secret", "+psync", "+replconf", "+ping"],
    _ = eslaver_test_client:ok(Client, ["ACL", "SETUSER", "replica" | Rules]),
    {Replica, Events} = replica(Master, [<<"append">>], #{
        master_user => "replica", master_auth => "secret", filter => #{keys => <<"a">>}
    }),
    _ = eslaver_test_client:ok(Client, ["APPEND", "b", "a"]),
    _ = eslaver_test_client:ok(Client, ["APPEND", "b", "c"]),
    _ = eslaver_test_client:ok(Client, ["SET", "a", "1"]),
    true = eslaver_test_wait:until(fun() ->
        [Args || {stream, <<"set">>, Args, _} <- eslaver_test_collector:events(Events)] =/= []
    end),
    %% any argument may be the key
    ?assertEqual(
        [[<<"b">>, <<"a">>]],
        [Args || {stream, <<"append">>, Args, _} <- eslaver_test_collector:events(Events)]
    ),
    stop(Replica).

%% An answer that is none, or too large, costs a second connection, on which nothing is asked.
strange_answers(_Config) ->
    Snapshot = eslaver_test_fake_master:full_resync(<<"REDIS0009", 255, 0:64>>),
    Told = fun(Answer) ->
        Script = #{psync => Snapshot, replies => #{<<"COMMAND">> => Answer}},
        Fake = eslaver_test_fake_master:start([Script]),
        {Replica, _} = replica(eslaver_test_fake_master:port(Fake), [], #{}),
        Asked = [Number || {Number, [<<"COMMAND">>]} <- eslaver_test_fake_master:commands(Fake)],
        Connections = eslaver_test_fake_master:connections(Fake),
        stop(Replica),
        eslaver_test_fake_master:stop(Fake),
        {Connections, Asked}
    end,
    Fine = [
        <<"+OK\r\n">>,
        <<"-ERR unknown command\r\n">>,
        <<":7\r\n">>,
        <<"*0\r\n">>,
        <<"*-1\r\n">>,
        [<<"*3\r\n">>, lists:duplicate(3, <<"*2\r\n$1\r\na\r\n:1\r\n">>)]
    ],
    [?assertEqual({1, [1]}, Told(Answer)) || Answer <- Fine],
    Strange = [
        <<"hello\r\n">>,
        <<"*-7\r\n">>,
        <<"*2\r\n$1\r\nab\r\n">>,
        <<"$2000000000\r\n">>,
        binary:copy(<<"*1\r\n">>, 100),
        [<<"*2000000000\r\n">>, binary:copy(<<":1\r\n">>, 2000000)]
    ],
    [?assertEqual({2, [1]}, Told(Answer)) || Answer <- Strange],
    ok.

%% So does none within the time that every answer has, or a link that ends there.
no_answer(_Config) ->
    Snapshot = eslaver_test_fake_master:full_resync(<<"REDIS0009", 255, 0:64>>),
    Mute = #{psync => Snapshot, replies => #{<<"COMMAND">> => <<>>}},
    Begun = #{psync => Snapshot, replies => #{<<"COMMAND">> => <<"*2\r\n:1\r\n">>}},
    [
        begin
            Fake = eslaver_test_fake_master:start([Script]),
            {Replica, _} = replica(eslaver_test_fake_master:port(Fake), [], #{repl_timeout => 500}),
            ?assertEqual(2, eslaver_test_fake_master:connections(Fake)),
            ?assertMatch(#{reconnects := 0}, eslaver:info(Replica)),
            stop(Replica)
        end
     || Script <- [Mute, Begun]
    ],
    ok.

%% What one master tells is of no use for another.
masters_do_not_mix(_Config) ->
    case [S || #{version := V, server := S} <- servers(), V >= {3, 0, 0}] of
        [] ->
            {skip, "no server"};
        [Server | _] ->
            Master = eslaver_test_master:start(#{server => Server}),
            One = told(Master, #{hidden_commands => [<<"append">>]}),
            ?assertEqual({[<<"k">>], []}, eslaver_nif:keys(<<"append">>, [<<"k">>, <<"v">>], One)),
            Fake = eslaver_test_fake_master:start([
                #{psync => eslaver_test_fake_master:full_resync(<<"REDIS0009", 255, 0:64>>)}
            ]),
            Other = told(eslaver_test_fake_master:port(Fake), #{hidden_commands => [<<"append">>]}),
            ?assertEqual(unknown, eslaver_nif:keys(<<"append">>, [<<"k">>, <<"v">>], Other)),
            Plain = told(eslaver_test_fake_master:port(Fake), #{}),
            ?assertEqual(undefined, Plain)
    end.

%% Helpers

servers() -> eslaver_test_servers:available().

with_modules() ->
    Found = [
        {Server, Modules}
     || #{server := Server, modules := [_ | _] = Modules} <- servers(),
        length([M || M <- Modules, re:run(M, "rejson|redisearch") =/= nomatch]) =:= 2
    ],
    case Found of
        [] -> none;
        [One | _] -> One
    end.

replica(Target, Hidden, More) ->
    Events = eslaver_test_collector:start(),
    {ok, Options} = eslaver_options:parse(
        maps:merge((options(Target))#{events => full, callback => Events}, More)
    ),
    {ok, Replica} = eslaver_server:start_link(Options#{hidden_commands => Hidden}),
    ok = eslaver:await(Replica, loaded, ?TIMEOUT),
    {Replica, Events}.

mirror(Master, Hidden) ->
    {ok, Options} = eslaver_mirror_options:parse((options(Master))#{name => ?M}),
    {ok, _} = eslaver_mirror_server:start_link(Options#{
        start := fun(given, Observer, _Unchanged) ->
            Plain = (options(Master))#{callback => [], events => full},
            {ok, Parsed} = eslaver_options:parse(Plain),
            eslaver_server:start_link(Parsed#{
                callback => undefined, observer => Observer, hidden_commands => Hidden
            })
        end
    }),
    eslaver_mirror:await(?M, loaded, ?TIMEOUT).

stop(Replica) ->
    true = unlink(Replica),
    eslaver:stop(Replica).

%% The keys told of, up to that of the last SET.
notices(Ref, Last) ->
    receive
        {eslaver, Ref, {key, <<"set">>, Last, _}} -> [];
        {eslaver, Ref, {key, Name, Key, _}} -> [{Name, Key} | notices(Ref, Last)];
        {eslaver, Ref, Other} -> [Other | notices(Ref, Last)]
    after ?TIMEOUT -> [no_more]
    end.
