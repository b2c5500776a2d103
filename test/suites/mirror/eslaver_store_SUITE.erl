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

%% Words of commands that are left out; see eslaver_test_command_forms. Redis 8 ends when it finds
%% VADD with CAS in an append-only file.
-define(LEFT_OUT, ["CAS"]).
-define(STEPS, 5_000).
-define(LONG, 50_000).
%% What expires within so many ms does not last until the end.
-define(SOON, 600_000).
-define(PATIENCE, 20_000).
%% DEBUG DIGEST walks through an array's gaps, too.
-define(DIGESTED_ARRAY, 1_000_000).
-define(DBS, [0, 1, 2, 3]).

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
    Dir = filename:join(?config(priv_dir, Config), Name),
    ok = file:make_dir(Dir),
    Seed = eslaver_test_env:seed(),
    Appends = [
        {"appendonly", "yes"}, {"appendfsync", "no"}, {"auto-aof-rewrite-percentage", "0"}
    ],
    Master = eslaver_test_master:start(#{server => Server, config => Appends}),
    ok = write(Master, taken(Description), Seed),
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
    ?assertEqual(digest(Client, Description), digest(LoadedClient, Description)),
    _ = [eslaver_test_client:close(C) || C <- Clients],
    _ = [eslaver_test_master:stop(M) || M <- [Master, Loaded]],
    ok.

shown(Difference) ->
    lists:flatten(io_lib:format("~0P", [Difference, 100])).

%% What the server takes. It is tried on another one: the append-only file has no more commands than
%% are to be applied.
taken(#{server := Server}) ->
    Tried = eslaver_test_master:start(#{server => Server}),
    Client = eslaver_test_client:connect(Tried),
    Taken = used(eslaver_test_workload:taken(Client)),
    ok = eslaver_test_client:close(Client),
    ok = eslaver_test_master:stop(Tried),
    Taken.

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
    {First, Last} = lists:split(
        Count div 2, eslaver_test_workload:steps(Count, Taken, #{evictions => true})
    ),
    Steps = First ++ lists:filter(fun keeps_keys/1, Last),
    #{client := Client} = eslaver_test_workload_runner:run(Steps, #{client => Client}),
    true = eslaver_test_wait:until(fun() -> is_lasting(Client) end, ?PATIENCE),
    eslaver_test_client:close(Client).

%% Something is to be there at the end.
keeps_keys(Step) ->
    binary:match(term_to_binary(Step), <<"FLUSH">>) =:= nomatch.

%% The forms that are used.
used(#{writes := Writes, blocking := Blocking} = Taken) ->
    Taken#{
        writes := [
            {Weight, Left}
         || {Weight, Forms} <- Writes,
            [_ | _] = Left <- [lists:filter(fun(Form) -> is_used(Form) end, Forms)]
        ],
        blocking := [Each || {_, Form, _, Then} = Each <- Blocking, is_used([Then | Form])]
    }.

is_used(Form) ->
    lists:all(fun(Item) -> is_used_item(Item) end, Form).

is_used_item({many, Form}) ->
    is_used(Form);
is_used_item(Text) ->
    not lists:any(fun(Word) -> lists:member(Word, ?LEFT_OUT) end, string:lexemes(Text, " ")).

%% Deletes what expires soon: whether the server has nothing left that does, seen or unseen.
is_lasting(Client) ->
    [] =:= [passing || Db <- ?DBS, not is_lasting(Client, Db)].

is_lasting(Client, Db) ->
    %% Keys may go while they are asked for.
    try eslaver_test_master_data:read_db(Client, Db) of
        Items -> is_lasting(Client, Db, Items)
    catch
        error:{command_failed, _, _} -> false
    end.

is_lasting(Client, Db, Items) ->
    _ = eslaver_test_client:ok(Client, ["SELECT", Db]),
    Passing = [Key || {Key, Item} <- Items, is_passing(Item)],
    _ = eslaver_test_client:pipeline(Client, [["DEL", Key] || Key <- Passing]),
    Passing =:= [] andalso eslaver_test_client:ok(Client, ["DBSIZE"]) =:= length(Items).

is_passing(#{expires := true, ttl := Left}) when Left < ?SOON ->
    true;
is_passing(#{field_expire_at := Times}) ->
    Soon = erlang:system_time(millisecond) + ?SOON,
    lists:any(fun({_Field, At}) -> At < Soon end, Times);
is_passing(#{type := {module, <<"none">>}}) ->
    true;
is_passing(_) ->
    false.

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

%% To be asked once the data was read: before Redis 4.0 a server that still makes room for more keys
%% crashes at it, and each read brings that forward.
digest(Client, Description) ->
    delete_wide_arrays(Client),
    _ = [remove_zeros(Client) || may_lose_signs(Description)],
    eslaver_test_client:ok(Client, ["DEBUG", "DIGEST"]).

%% The digest would take hours over their gaps.
delete_wide_arrays(Client) ->
    [
        begin
            _ = eslaver_test_client:ok(Client, ["SELECT", Db]),
            eslaver_test_client:ok(Client, ["DEL", Key])
        end
     || Db <- ?DBS,
        {Key, #{type := array, value := Elements}} <- eslaver_test_master_data:read_db(Client, Db),
        element(1, lists:last(Elements)) > ?DIGESTED_ARRAY
    ].

%% From 7.0 on, a sorted set that has always been small loses the signs of zeros, and one that was
%% large keeps them. What it was, the store does not know.
may_lose_signs(#{family := redis, version := {Major, _, _}}) -> Major >= 7;
may_lose_signs(_Description) -> true.

remove_zeros(Client) ->
    [
        begin
            _ = eslaver_test_client:ok(Client, ["SELECT", Db]),
            eslaver_test_client:ok(Client, ["ZREMRANGEBYSCORE", Key, 0, 0])
        end
     || Db <- ?DBS,
        {Key, #{type := zset}} <- eslaver_test_master_data:read_db(Client, Db)
    ].
