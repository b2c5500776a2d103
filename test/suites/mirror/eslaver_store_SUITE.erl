%% The native keyspace holds what its master holds, by the word of the master's own version. Random
%% commands run on a master that writes an append-only file. The crate's example `replay' applies
%% that file, and saves an RDB file; a new server loads it. It then holds the same as the master,
%% which has started again from its append-only file, key by key and by DEBUG DIGEST.
%%
%% ESLAVER_SEED repeats the random choices, and ESLAVER_LONG makes them many more.
-module(eslaver_store_SUITE).

-include_lib("common_test/include/ct.hrl").
-include_lib("stdlib/include/assert.hrl").

-compile([export_all, nowarn_export_all]).

-define(STEPS, 5_000).
-define(LONG, 50_000).

suite() ->
    [{timetrap, {minutes, 10}}].

all() ->
    eslaver_test_groups:all(groups()).

groups() ->
    eslaver_test_groups:per_server(eslaver_test_servers:available(), [same_data]).

init_per_suite(Config) ->
    ok = eslaver_test_crates:build("eslaver_store", "replay"),
    Config.

end_per_suite(_Config) ->
    ok.

init_per_group(Name, Config) ->
    eslaver_test_groups:server(Name, Config).

end_per_group(_Name, _Config) ->
    ok.

same_data(Config) ->
    #{server := Server, name := Name} = Description = ?config(server, Config),
    Dir = filename:join(?config(priv_dir, Config), ["store_", Name]),
    ok = file:make_dir(Dir),
    Seed = eslaver_test_env:seed(),
    Appends = [
        {"appendonly", "yes"}, {"appendfsync", "no"}, {"auto-aof-rewrite-percentage", "0"}
    ],
    Master = eslaver_test_master:start(#{server => Server, config => Appends}),
    ok = write(Master, eslaver_test_lasting:taken(Description), Seed),
    Files = copied(Master, Dir),
    ok = eslaver_test_master:restart(Master),
    {ok, Said} = eslaver_test_crates:run("replay", Files ++ [dialect(Description)]),
    ct:pal("~s: ~ts", [Name, Said]),

    {ok, Saved} = file:read_file(lists:last(Files)),
    Loaded = eslaver_test_master:start(#{server => Server, files => [{"dump.rdb", Saved}]}),
    Clients = [Client, LoadedClient] = [eslaver_test_client:connect(M) || M <- [Master, Loaded]],
    Content = eslaver_test_content:of_server(Client),
    ?assert(map_size(Content) > 50),
    LoadedContent = eslaver_test_content:of_server(LoadedClient),
    Differences = eslaver_test_content:differences(Content, LoadedContent),
    ?assertEqual([], [shown(D) || D <- lists:sublist(Differences, 10)]),
    Digest = fun(Of) -> eslaver_test_lasting:digest(Of, Description) end,
    ?assertEqual(Digest(Client), Digest(LoadedClient)),
    _ = [eslaver_test_client:close(C) || C <- Clients],
    _ = [eslaver_test_master:stop(M) || M <- [Master, Loaded]],
    ok.

shown(Difference) ->
    lists:flatten(io_lib:format("~0P", [Difference, 100])).

%% An empty snapshot, which tells the server's version, and random commands.
write(Master, Taken, Seed) ->
    Client = eslaver_test_client:connect(Master),
    _ = eslaver_test_workload_runner:scripts(Client),
    <<"OK">> = eslaver_test_client:ok(Client, ["SAVE"]),
    ok = eslaver_test_command_words:seed(Seed),
    Count =
        case eslaver_test_env:is_long() of
            true -> ?LONG;
            false -> ?STEPS
        end,
    ok = eslaver_test_lasting:run(Count, Taken, Client),
    eslaver_test_client:close(Client).

%% The snapshot and the append-only file of a master, and where the example is to write to.
copied(Master, Dir) ->
    Of = eslaver_test_master:dir(Master),
    Appended = lists:append([
        filelib:wildcard(filename:join(Of, Pattern))
     || Pattern <- ["appendonlydir/*.incr.aof", "appendonly.aof"]
    ]),
    Commands = [file:read_file(File) || File <- lists:sort(Appended)],
    Files =
        [Snapshot, Stream | _] = [
            filename:join(Dir, Name)
         || Name <- ["snapshot.rdb", "stream.resp", "written.rdb"]
        ],
    {ok, _} = file:copy(filename:join(Of, "dump.rdb"), Snapshot),
    ok = file:write_file(Stream, [Bytes || {ok, Bytes} <- Commands]),
    Files.

dialect(#{family := Family, version := {Major, Minor, _}}) ->
    lists:flatten(io_lib:format("~s-~b.~b", [Family, Major, Minor])).
