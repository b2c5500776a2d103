%% Real snapshots and real streams of commands, damaged at random, served to a running node. With
%% its checksum no damaged snapshot is ever loaded; whatever comes, what stood before the damage is
%% delivered as it was, the error names a byte, the node lives and a good sync works at once.
%%
%% ESLAVER_SEED repeats a run; with ESLAVER_LONG there are some thousand rounds more.
-module(eslaver_mutation_SUITE).

-include_lib("common_test/include/ct.hrl").
-include_lib("stdlib/include/assert.hrl").

-compile([export_all, nowarn_export_all]).

%% Rounds of a call into the node.
-define(CHUNK, 60).
-define(PROCESSES, 6).
%% After how many bad syncs a good one comes.
-define(GOOD_AFTER, 10).
%% What a node may have more than before, in bytes.
-define(MEMORY, 48_000_000).

suite() ->
    [{timetrap, {hours, 1}}].

all() ->
    [as_a_real_server] ++
        [Case || eslaver_test_node:has_proc(), Case <- [snapshots, unchecked_snapshots, streams]].

init_per_suite(Config) ->
    [
        {seed, eslaver_test_env:seed()},
        {materials, eslaver_test_parallel:map(fun eslaver_test_recording:record/1, servers())}
        | Config
    ].

end_per_suite(_Config) ->
    ok.

%% The oldest has encodings that the others have given up.
servers() ->
    Oldest = lists:min([Version || #{version := Version} <- eslaver_test_servers:available()]),
    [
        Server
     || #{version := Version} = Server <- eslaver_test_servers:available(),
        Version =:= Oldest orelse lists:member(Server, eslaver_test_servers:spread())
    ].

%% With the checksum that it came with.
snapshots(Config) ->
    _ = hostile(snapshot, 200, Config),
    ok.

%% Without one: what it would have found has to be found by looking, or is not damage to the form.
unchecked_snapshots(Config) ->
    #{loaded := Loaded} = hostile(unchecked, 200, Config),
    ?assert(Loaded > 0),
    ok.

%% What is loaded without a checksum is what a real server makes of the same bytes, unless that one
%% refuses them: for a function that does not compile, or what else it does not only read.
as_a_real_server(Config) ->
    Seed = ?config(seed, Config),
    Count = rounds(150),
    Verdicts = eslaver_test_parallel:map(
        fun(Material) -> {maps:get(name, Material), verdicts(Material, Seed, Count)} end,
        [
            Material
         || #{version := Version} = Material <- ?config(materials, Config), Version >= {6, 0, 0}
        ]
    ),
    ct:pal("~p", [[{Name, maps:map(fun(_, Of) -> length(Of) end, By)} || {Name, By} <- Verdicts]]),
    ?assertEqual([], [{Name, hd(Of)} || {Name, #{different := Of}} <- Verdicts], {seed, Seed}),
    ?assertNotEqual([], [same || {_, #{same := _}} <- Verdicts]),
    ok.

verdicts(#{server := Server} = Material, Seed, Count) ->
    Master = eslaver_test_master:start(#{server => Server, config => [{"appendonly", "no"}]}),
    File = filename:join(eslaver_test_master:dir(Master), "dump.rdb"),
    Found = [
        {Verdict, {Number, What}}
     || Number <- lists:seq(1, Count),
        #{what := What, bytes := Bytes} <- [seeded(Seed, Number, unchecked, Material)],
        ok =:= file:write_file(File, Bytes),
        {ok, Events} <- [eslaver_rdb:fold(File, fun(Event, Acc) -> [Event | Acc] end, [])],
        Verdict <- [verdict(Master, File, lists:reverse(Events), Material)]
    ],
    ok = eslaver_test_master:stop(Master),
    maps:groups_from_list(
        fun
            ({{different, _}, _}) -> different;
            ({Verdict, _}) -> Verdict
        end,
        Found
    ).

verdict(Master, File, Events, #{snapshot := Snapshot}) ->
    Client = eslaver_test_client:connect(Master),
    try
        <<"OK">> = eslaver_test_client:ok(Client, ["DEBUG", "RELOAD", "NOSAVE"]),
        Truth = eslaver_test_master_data:read(Client),
        Lasting = [Event || Event <- Events, not is_expired(Event)],
        Gone = [Key || {loading, _, Key, _, _} <- Events -- Lasting],
        Whole = Lasting ++ [{loading, eof, #{}}],
        case eslaver_test_compare:differences(full, maps:without(Gone, Truth), Whole) of
            [] -> same;
            [Difference | _] -> {different, Difference}
        end
    catch
        _:_ ->
            ok = file:write_file(File, Snapshot),
            ok = eslaver_test_master:kill(Master),
            ok = eslaver_test_master:restart(Master),
            refused
    after
        eslaver_test_client:close(Client)
    end.

%% What a replica has and a master has no longer.
is_expired({loading, _, _, _, Meta}) ->
    Fields = [At || {_, At} <- maps:get(field_expire_at, Meta, [])],
    lists:min([maps:get(expire_at, Meta, infinity) | Fields]) < erlang:system_time(millisecond).

streams(Config) ->
    _ = hostile(stream, 150, Config),
    ok.

hostile(Kind, Rounds, Config) ->
    Count = rounds(Rounds),
    Seed = ?config(seed, Config),
    Node = eslaver_test_node:start(),
    ok = eslaver_test_node:call(Node, logger, set_primary_config, [level, none]),
    Run = fun(Material, Numbers) ->
        eslaver_test_node:call(Node, ?MODULE, rounds, [Kind, Material, Seed, Numbers])
    end,
    Materials = ?config(materials, Config),
    _ = [Run(Material, [0]) || Material <- Materials],
    {Results, #{counts := Counts, memory := {Had, Has, Peak}}} =
        eslaver_test_node:flat(Node, fun() ->
            Ended = [
                {Name, Result}
             || #{name := Name} = Material <- Materials,
                Numbers <- chunks(lists:seq(1, Count)),
                Result <- Run(Material, Numbers)
            ],
            Wrong = [Result || {_, {wrong, _}} = Result <- Ended],
            ?assertEqual([], lists:sublist(Wrong, 3), {seed, Seed, length(Wrong)}),
            Ended
        end),
    ok = eslaver_test_node:stop(Node),
    Ends = lists:foldl(
        fun({_, End}, So) -> maps:update_with(End, fun(N) -> N + 1 end, 1, So) end,
        #{loaded => 0},
        Results
    ),
    ct:pal("~p: ~b rounds, ~p~n~p~nbytes: ~b, then ~b, at most ~b", [
        Kind, length(Results), Ends, Counts, Had, Has, Peak
    ]),
    ?assert(Has - Had < ?MEMORY),
    ?assert(Peak - Had < 2 * ?MEMORY),
    Ends.

rounds(Count) ->
    case eslaver_test_env:is_long() of
        true -> Count * 20;
        false -> Count
    end.

chunks(Numbers) when length(Numbers) =< ?CHUNK -> [Numbers];
chunks(Numbers) ->
    {Some, Rest} = lists:split(?CHUNK, Numbers),
    [Some | chunks(Rest)].

%% In the node

%% What became of each round: how it ended, or what is wrong with that.
-spec rounds(snapshot | unchecked | stream, map(), integer(), [non_neg_integer()]) -> [term()].
rounds(Kind, Material, Seed, Numbers) ->
    eslaver_test_hostile_master:parallel(
        ?PROCESSES, fun(Number) -> round(Kind, Material, Seed, Number) end, Numbers
    ).

round(Kind, Material, Seed, Number) ->
    #{what := What, at := At} = Mutation = seeded(Seed, Number, Kind, Material),
    Outcome = outcome(Kind, Material, Mutation),
    Problems =
        problems(Kind, Material, Mutation, Outcome) ++
            [good_sync_fails || Number rem ?GOOD_AFTER =:= 0, not is_good(Material)],
    case Problems of
        [] ->
            maps:get(ended, Outcome);
        _ ->
            Shown = lists:flatten(io_lib:format("~0P", [Outcome, 60])),
            {wrong, {Problems, {round, Number}, {What, at, At}, Shown}}
    end.

seeded(Seed, Number, Kind, Material) ->
    _ = rand:seed(exsss, {Seed, Number, erlang:phash2(Kind)}),
    mutation(Kind, Material).

mutation(snapshot, #{snapshot := Snapshot, names := Names}) ->
    eslaver_test_mutation:mutate(Snapshot, Names);
mutation(unchecked, #{snapshot := Snapshot, names := Names}) ->
    Body = byte_size(Snapshot) - 8,
    Unchecked = <<(binary:part(Snapshot, 0, Body))/binary, 0:64>>,
    eslaver_test_mutation:mutate(Unchecked, Names);
mutation(stream, #{stream := Stream}) ->
    eslaver_test_mutation:mutate(Stream, []).

outcome(stream, #{snapshot := Snapshot}, #{bytes := Bytes}) ->
    Psync = [eslaver_test_fake_master:full_resync(Snapshot), Bytes],
    eslaver_test_hostile_master:serve(stream, Psync);
outcome(_, _Material, #{bytes := Bytes}) ->
    Psync =
        case rand:uniform(2) of
            1 -> eslaver_test_fake_master:full_resync(Bytes);
            2 -> eslaver_test_fake_master:full_resync_marked(Bytes)
        end,
    eslaver_test_hostile_master:serve(load, Psync).

is_good(#{snapshot := Snapshot, keys := Keys}) ->
    Psync = eslaver_test_fake_master:full_resync(Snapshot),
    #{ended := Ended, events := Events} = eslaver_test_hostile_master:serve(load, Psync),
    Ended =:= loaded andalso eslaver_test_hostile_master:keys(Events) =:= Keys.

problems(stream, #{commands := Commands}, #{at := At, bytes := Bytes}, Outcome) ->
    #{ended := Ended, text := Text, events := Events} = Outcome,
    Told = [{maps:get(offset, Meta) - 1000, [Name | Args]} || {stream, Name, Args, Meta} <- Events],
    Sound = [Command || {Behind, _} = Command <- Commands, Behind =< At],
    Begins = lists:max([0 | [Behind || {Behind, _} <- Sound]]),
    [
        Problem
     || {Problem, true} <- [
            {what_came_before_is_not_as_it_was, not lists:prefix(Sound, Told)},
            {more_than_has_come, lists:any(fun({To, _}) -> To > byte_size(Bytes) end, Told)},
            {no_end, not lists:member(Ended, [closed, bad_stream])},
            {no_byte_named, Ended =:= bad_stream andalso not names_byte(Text, Begins, Bytes)}
        ]
    ];
problems(Kind, Material, #{at := At, bytes := Bytes}, Outcome) ->
    #{snapshot := Snapshot, keys := Keys, names := Names} = Material,
    #{ended := Ended, text := Text, events := Events} = Outcome,
    %% the last name that is sound, and the keys before it, which are whole
    Before = [Position || {Position, Size} <- Names, Position + Size =< At],
    Sound = lists:sublist(Keys, max(0, length(Before) - 1)),
    Begins = lists:max([2 | Before]) - 2,
    [
        Problem
     || {Problem, true} <- [
            {what_came_before_is_not_as_it_was,
                not lists:prefix(Sound, eslaver_test_hostile_master:keys(Events))},
            {loaded,
                Ended =:= loaded andalso Kind =:= snapshot andalso
                    eslaver_test_mutation:is_damaged(Snapshot, Bytes)},
            {no_end, not lists:member(Ended, [loaded, bad_snapshot, unsupported])},
            {no_byte_named, Ended =/= loaded andalso not names_byte(Text, Begins, Bytes)}
        ]
    ].

%% A byte from the damaged element on, up to the end of what has come.
names_byte(Text, Begins, Bytes) ->
    case re:run(Text, "byte ([0-9]+) of the (snapshot|command stream)", [{capture, [1], binary}]) of
        {match, [Digits]} ->
            Byte = binary_to_integer(Digits),
            Byte >= Begins andalso Byte =< byte_size(Bytes);
        nomatch ->
            false
    end.
