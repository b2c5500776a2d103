%% Filters: what passes is what there was without the rest, and the position moves all the same.
%% Against every master at hand.
-module(eslaver_filter_SUITE).

-include_lib("common_test/include/ct.hrl").
-include_lib("stdlib/include/assert.hrl").

-compile([export_all, nowarn_export_all]).

suite() ->
    [{timetrap, {minutes, 3}}].

all() ->
    alone() ++ eslaver_test_groups:all(groups()).

%% Each case has a master of its own.
groups() ->
    Cases = eslaver_test_groups:cases(?MODULE) -- alone(),
    eslaver_test_groups:per_server(eslaver_test_servers:available(), [parallel], Cases).

%% Cases that need no server of each version.
alone() ->
    [bad_options, within_a_transaction].

init_per_group(Name, Config) ->
    eslaver_test_groups:server(Name, Config).

end_per_group(_Name, _Config) ->
    ok.

init_per_testcase(Case, Config) ->
    case lists:member(Case, alone()) of
        true -> Config;
        false -> with_master(Config)
    end.

with_master(Context) ->
    #{server := Server} = ?config(server, Context),
    Master = eslaver_test_master:start(#{server => Server}),
    [{master, Master}, {client, eslaver_test_client:connect(Master)} | Context].

bad_options(_Config) ->
    [
        ?assertEqual(
            {error, {invalid_option, filter, Filter}}, eslaver:start_link(#{filter => Filter})
        )
     || Filter <- [[keys], #{keys => 1}, #{types => [text]}, #{dbs => [-1]}, #{key => <<"a">>}]
    ],
    ok.

%% A link that is lost within a transaction of which nothing has passed goes on before its MULTI,
%% for it may pass yet; if it has passed, the link goes on behind what has been handled.
within_a_transaction(_Config) ->
    Snapshot = eslaver_test_master:snapshot(eslaver_test_master:start_own()),
    Continue = #{psync => <<"+CONTINUE\r\n">>},
    Script = #{psync => eslaver_test_fake_master:full_resync(Snapshot)},
    Multi = line(["MULTI"]),
    Unwanted = line(["SET", "b", "1"]),
    Wanted = line(["SET", "a", "1"]),
    Exec = line(["EXEC"]),
    Passed = [{"multi", []}, {"select", [<<"0">>]}, {"set", [<<"a">>, <<"1">>]}],
    lists:foreach(
        fun({First, Handled, Second, Expected}) ->
            Fake = eslaver_test_fake_master:start([Script, Continue]),
            Options = #{filter => #{keys => "a", commands => [set]}},
            {Replica, Collector} =
                Both = eslaver_test_replica:start(eslaver_test_fake_master:port(Fake), Options),
            _ = eslaver_test_replica:loaded(Both),
            ok = eslaver_test_fake_master:send(Fake, First),
            At = 1000 + iolist_size(Handled),
            eslaver_test_wait:until(fun() -> maps:get(offset, eslaver:info(Replica)) =:= At end),
            ok = eslaver_test_fake_master:drop(Fake),
            eslaver_test_wait:until(fun() ->
                maps:get(state, eslaver:info(Replica)) =:= streaming andalso
                    eslaver_test_fake_master:connections(Fake) =:= 2
            end),
            Asked = [
                Offset
             || {2, [Psync, _, Offset]} <- eslaver_test_fake_master:commands(Fake),
                string:uppercase(Psync) =:= <<"PSYNC">>
            ],
            ?assertEqual([integer_to_binary(At + 1)], Asked),
            ok = eslaver_test_fake_master:send(Fake, Second),
            End = At + iolist_size(Second),
            eslaver_test_wait:until(fun() -> maps:get(offset, eslaver:info(Replica)) =:= End end),
            ?assertEqual(Expected, [
                {Name, Args}
             || {stream, Name, Args} <- eslaver_test_collector:events(Collector)
            ]),
            ok = eslaver:stop(Replica)
        end,
        [
            {[Multi, Unwanted], [], [Multi, Unwanted, Wanted, Exec], Passed ++ [{"exec", []}]},
            {[Multi, Unwanted], [], [Multi, Unwanted, Exec], []},
            {
                [Unwanted, Multi, Unwanted, Wanted],
                [Unwanted, Multi, Unwanted, Wanted],
                [Unwanted, Exec],
                Passed ++ [{"exec", []}]
            }
        ]
    ).

line(Words) ->
    [
        ["*", integer_to_list(length(Words)), "\r\n"]
        | [["$", integer_to_list(length(Word)), "\r\n", Word, "\r\n"] || Word <- Words]
    ].

%% Our globs, and what KEYS gives; others for each server.
globs(Config) ->
    #{client := Client, server := #{name := Name}} = maps:from_list(Config),
    _ = rand:seed(exsss, {eslaver_test_env:seed(), erlang:phash2(Name), 0}),
    Keys = lists:usort([chance(1, 5, "aab-[]^*?\\") || _ <- lists:seq(1, 400)]),
    _ = eslaver_test_client:pipeline(Client, [["SET", Key, "x"] || Key <- Keys]),
    Patterns = [P || _ <- lists:seq(1, 400), P <- [chance(1, 7, "aab--[[]]^*?\\")], is_plain(P)],
    Answers = eslaver_test_client:pipeline(Client, [["KEYS", Pattern] || Pattern <- Patterns]),
    Differ = [
        {Pattern, {ours_only, Ours -- Theirs}, {theirs_only, Theirs -- Ours}}
     || {Pattern, Answer} <- lists:zip(Patterns, Answers),
        Theirs <- [lists:sort(Answer)],
        Ours <- [[Key || Key <- Keys, eslaver_nif:glob(Pattern, Key)]],
        Ours =/= Theirs
    ],
    ?assertEqual([], Differ).

%% The first versions read beyond a pattern that ends within a class.
is_plain(Pattern) ->
    case re:run(Pattern, "\\[") of
        nomatch -> true;
        {match, _} -> binary:last(Pattern) =:= $]
    end.

chance(Least, Most, Alphabet) ->
    Length = Least + rand:uniform(Most - Least + 1) - 1,
    list_to_binary([
        lists:nth(rand:uniform(length(Alphabet)), Alphabet)
     || _ <- lists:seq(1, Length)
    ]).

%% Every type in every encoding, in two dbs.
snapshot(Config) ->
    Client = ?config(client, Config),
    #{made := Made} = eslaver_test_dataset:fill(Client),
    ?assert(length(Made) > 10),
    _ = eslaver_test_client:ok(Client, ["SELECT", "3"]),
    _ = eslaver_test_client:ok(Client, ["SET", "string:three", "x"]),
    _ = eslaver_test_client:ok(Client, ["RPUSH", "list:three", "x"]),
    All = keys(Config, #{}),
    ?assert(length(All) > 20),
    [
        begin
            Expected = [Event || {loading, T, K, _, #{db := D}} = Event <- All, Wanted(T, K, D)],
            ?assertEqual({Filter, Expected}, {Filter, keys(Config, #{filter => Filter})})
        end
     || {Filter, Wanted} <- [
            {#{dbs => [3]}, fun(_, _, Db) -> Db =:= 3 end},
            {#{types => [list, zset]}, fun(T, _, _) -> T =:= list orelse T =:= zset end},
            {#{types => [hash], dbs => [0]}, fun(T, _, Db) -> T =:= hash andalso Db =:= 0 end},
            {#{types => []}, fun(_, _, _) -> false end},
            {#{keys => "*s*"}, fun(_, K, _) -> binary:match(K, <<"s">>) =/= nomatch end},
            {#{keys => [<<"*:three">>]}, fun(_, K, _) -> re:run(K, ":three$") =/= nomatch end},
            {#{commands => []}, fun(_, _, _) -> true end}
        ]
    ],
    ok.

keys(Config, Options) ->
    {Replica, _} =
        Both = eslaver_test_replica:start(?config(master, Config), Options#{events => full}),
    Events = eslaver_test_replica:loaded(Both),
    Keys = [E || {loading, Type, _, _, _} = E <- Events, Type =/= aux, Type =/= function],
    [Count] = [Count || {loading, eof, #{keys := Count}} <- Events],
    ?assertEqual(length(Keys), Count),
    ok = eslaver:stop(Replica),
    lists:sort(Keys).

%% A random stream, with transactions and two dbs: what passes is what a replica without the
%% filter has, less what is not wanted.
stream(Config) ->
    Cases = [
        {#{keys => "k[12]"}, fun(Name, Args, _) ->
            keyless(Name) orelse lists:member(<<"k1">>, Args) orelse lists:member(<<"k2">>, Args)
        end},
        {#{commands => ["SET", mset]}, fun(Name, _, _) ->
            Name =:= <<"set">> orelse Name =:= <<"mset">>
        end},
        {#{dbs => [3], commands => [set, del, mset]}, fun(Name, _, Db) ->
            not keyless(Name) andalso Db =:= 3
        end},
        {#{keys => []}, fun(Name, _, _) -> keyless(Name) end}
    ],
    Whole = eslaver_test_replica:start(?config(master, Config), #{events => full}),
    Others = [
        eslaver_test_replica:start(?config(master, Config), #{events => full, filter => Filter})
     || {Filter, _} <- Cases
    ],
    [_ = eslaver_test_replica:loaded(Both) || Both <- [Whole | Others]],
    write(Config),
    Everything = events(Config, Whole),
    lists:foreach(
        fun({{Filter, Wanted}, Both}) ->
            Expected = passed(Everything, Wanted),
            ?assertEqual({Filter, length(Expected)}, {Filter, length(events(Config, Both))}),
            ?assertEqual({Filter, Expected}, {Filter, events(Config, Both)})
        end,
        lists:zip(Cases, Others)
    ).

keyless(Name) -> lists:member(Name, [<<"ping">>, <<"publish">>, <<"replconf">>]).

write(Context) ->
    Client = ?config(client, Context),
    _ = rand:seed(exsss, eslaver_test_env:seed()),
    Key = fun() -> "k" ++ integer_to_list(rand:uniform(4)) end,
    One = fun() ->
        case rand:uniform(5) of
            1 -> ["SELECT", lists:nth(rand:uniform(2), ["0", "3"])];
            2 -> ["DEL", Key()];
            3 -> ["MSET", Key(), "1", Key(), "2"];
            4 -> ["PUBLISH", "channel", "x"];
            5 -> ["SET", Key(), "v"]
        end
    end,
    Commands = [
        case rand:uniform(3) of
            1 -> [["MULTI"]] ++ [One() || _ <- lists:seq(1, rand:uniform(4))] ++ [["EXEC"]];
            _ -> [One()]
        end
     || _ <- lists:seq(1, 400)
    ],
    _ = eslaver_test_client:pipeline(Client, lists:append(Commands)),
    ok.

%% All that has come, when all has.
events(Config, {Replica, Collector}) ->
    Offset = binary_to_integer(
        eslaver_test_client:info(?config(client, Config), "master_repl_offset")
    ),
    eslaver_test_wait:until(fun() ->
        #{offset := Handled} = eslaver:info(Replica),
        Handled >= Offset
    end),
    [
        Event
     || Event <- eslaver_test_collector:events(Collector),
        element(1, Event) =:= stream,
        not lists:member(element(2, Event), [<<"ping">>, <<"replconf">>])
    ].

%% The same by hand. With full events no SELECT passes.
passed(Events, Wanted) ->
    Frames = [<<"multi">>, <<"exec">>, <<"select">>],
    lists:append([
        case
            [
                Event
             || {stream, Name, Args, #{db := Db}} = Event <- Group,
                not lists:member(Name, Frames),
                Wanted(Name, Args, Db)
            ]
        of
            [] ->
                [];
            [First | _] = Left when tl(Group) =/= [] ->
                [multi(First, Group)] ++ Left ++ [lists:last(Group)];
            Left ->
                Left
        end
     || Group <- groups_of(Events)
    ]).

%% MULTI comes right before the first that passes: with its db, and the offset before it.
multi(First, Group) ->
    {Before, _} = lists:splitwith(fun(Event) -> Event =/= First end, Group),
    {stream, _, _, #{db := Db}} = First,
    {stream, _, _, #{offset := Offset}} = lists:last(Before),
    {stream, <<"multi">>, [], #{db => Db, offset => Offset}}.

groups_of([]) ->
    [];
groups_of([{stream, <<"multi">>, _, _} | _] = Events) ->
    {Inner, [Exec | Rest]} = lists:splitwith(fun(E) -> element(2, E) =/= <<"exec">> end, Events),
    [Inner ++ [Exec] | groups_of(Rest)];
groups_of([Event | Rest]) ->
    [[Event] | groups_of(Rest)].

%% In classic events SELECT leads to the db of each: by them every write is in its place.
classic_stream(Config) ->
    Whole = eslaver_test_replica:start(?config(master, Config), #{events => full}),
    Filter = #{keys => "k1"},
    Some = eslaver_test_replica:start(?config(master, Config), #{filter => Filter}),
    [_ = eslaver_test_replica:loaded(Both) || Both <- [Whole, Some]],
    write(Config),
    Expected = [
        {Db, Name, Args}
     || {stream, Name, Args, #{db := Db}} <- events(Config, Whole),
        lists:member(Name, [<<"set">>, <<"mset">>, <<"del">>]),
        lists:member(<<"k1">>, Args)
    ],
    {Found, _} = lists:mapfoldl(
        fun
            ({stream, "select", [Db]}, _) -> {none, binary_to_integer(Db)};
            ({stream, Name, Args}, Db) -> {{Db, list_to_binary(Name), Args}, Db}
        end,
        unknown,
        events(Config, Some)
    ),
    Keyed = [
        F
     || {_, Name, _} = F <- Found, lists:member(Name, [<<"set">>, <<"mset">>, <<"del">>])
    ],
    ?assertEqual(Expected, Keyed),
    %% and no SELECT except for those
    Selects = [select || {stream, "select", _} <- events(Config, Some)],
    ?assert(length(Selects) =< length(Keyed)).

%% Nothing passes, and the master is told how far we are.
all_passed_over(Config) ->
    Client = ?config(client, Config),
    _ = eslaver_test_client:pipeline(Client, [["SET", N, "x"] || N <- lists:seq(1, 5000)]),
    Filter = #{keys => [], commands => []},
    {Replica, Collector} =
        Both = eslaver_test_replica:start(?config(master, Config), #{filter => Filter}),
    ?assertEqual([{loading, eof}], eslaver_test_replica:loaded(Both)),
    Value = binary:copy(<<"x">>, 1000),
    _ = eslaver_test_client:pipeline(Client, [["SET", N, Value] || N <- lists:seq(1, 5000)]),
    case eslaver_test_client:command(Client, ["WAIT", 1, 20_000]) of
        {error, _} -> ok;
        Count -> ?assertEqual(1, Count)
    end,
    Offset = binary_to_integer(eslaver_test_client:info(Client, "master_repl_offset")),
    eslaver_test_wait:until(fun() -> maps:get(offset, eslaver:position(Replica)) >= Offset end),
    %% within a transaction, too
    _ = eslaver_test_client:pipeline(
        Client, [["MULTI"]] ++ [["SET", N, Value] || N <- lists:seq(1, 1000)] ++ [["EXEC"]]
    ),
    eslaver_test_wait:until(fun() ->
        maps:get(offset, eslaver:position(Replica)) >= Offset + 1_000_000
    end),
    #{commands := Commands, keys := 0} = eslaver:info(Replica),
    ?assert(Commands >= 6000),
    ?assertEqual([{loading, eof}], eslaver_test_collector:events(Collector)).
