%% What the core crate writes, real servers load: each master's RDB file is decoded and written
%% again by the crate's example `rewrite', and a new server of the same version starts with it. It
%% then holds the same, by DEBUG DIGEST and by what it answers for each key.
-module(eslaver_rdb_write_SUITE).

-include_lib("common_test/include/ct.hrl").
-include_lib("stdlib/include/assert.hrl").

-compile([export_all, nowarn_export_all]).

%% DEBUG DIGEST walks through an array's gaps, too.
-define(DIGESTED_ARRAY, 1_000_000).

suite() ->
    [{timetrap, {minutes, 3}}].

all() ->
    eslaver_test_groups:all(groups()).

groups() ->
    eslaver_test_groups:per_server(eslaver_test_servers:available(), [same_data]).

init_per_suite(Config) ->
    ok = eslaver_test_crates:build("eslaver_core", "rewrite"),
    Config.

end_per_suite(_Config) ->
    ok.

init_per_group(Name, Config) ->
    eslaver_test_groups:server(Name, Config).

end_per_group(_Name, _Config) ->
    ok.

same_data(Config) ->
    #{server := Server, modules := Modules, version := Version} = ?config(server, Config),
    Options = #{server => Server, modules => Modules},
    Master = eslaver_test_master:start(Options),
    Client = eslaver_test_client:connect(Master),
    _ = eslaver_test_dataset:fill(Client),
    expiring_fields(Client),
    _ = eslaver_test_client:ok(Client, ["SAVE"]),
    Saved = filename:join(eslaver_test_master:dir(Master), "dump.rdb"),
    {ok, Written} = rewritten(Saved, ?config(priv_dir, Config)),

    Checks = [{"sanitize-dump-payload", "yes"} || Version >= {6, 2, 0}],
    Loaded = eslaver_test_master:start(Options#{
        files => [{"dump.rdb", Written}], config => Checks
    }),
    LoadedClient = eslaver_test_client:connect(Loaded),
    Data = data(Client),
    ?assert(map_size(Data) > 500),
    LoadedData = data(LoadedClient),
    ?assertEqual([], different(Data, LoadedData)),
    ?assertEqual(functions(Client), functions(LoadedClient)),
    ?assertEqual(digest(Client), digest(LoadedClient)),
    _ = [eslaver_test_client:close(C) || C <- [Client, LoadedClient]],
    _ = [eslaver_test_master:stop(M) || M <- [Master, Loaded]],
    ok.

%% Fields that expire within few fields and many, and first, last or never (Redis 7.4, Valkey 9).
expiring_fields(Client) ->
    _ = eslaver_test_client:ok(Client, ["SELECT", 0]),
    _ = [
        begin
            Key = ["0:expiring:", integer_to_list(Count)],
            Fields = [["field ", integer_to_list(N)] || N <- lists:seq(1, Count)],
            Pairs = lists:append([[Field, "value"] || Field <- Fields]),
            _ = eslaver_test_client:ok(Client, ["HMSET", Key | Pairs]),
            %% an error where fields cannot expire
            [
                eslaver_test_client:command(
                    Client, ["HPEXPIREAT", Key, 4_102_444_800_000 - N, "FIELDS", 1, Field]
                )
             || {N, Field} <- lists:zip(lists:seq(1, Count), Fields), N rem 2 =:= 1
            ]
        end
     || Count <- [1, 5, 700]
    ],
    ok.

rewritten(File, Dir) ->
    Target = filename:join(Dir, "written.rdb"),
    {ok, <<>>} = eslaver_test_crates:run("rewrite", [File, Target]),
    file:read_file(Target).

%% What a server says of all its keys, with what has no order sorted, and without what passes by.
data(Client) ->
    maps:map(fun(_Key, Item) -> comparable(Item) end, eslaver_test_master_data:read(Client)).

comparable(#{type := Type, value := Elements} = Item) when
    is_list(Elements), (Type =:= set orelse Type =:= hash)
->
    Times = maps:get(field_expire_at, Item, []),
    lasting(Item#{value := lists:sort(Elements), field_expire_at => lists:sort(Times)});
comparable(Item) ->
    lasting(Item).

%% Servers before Redis 7 say only how much time is left.
lasting(#{ttl := Left} = Item) when Left > 0 -> Item#{ttl := some};
lasting(Item) -> Item.

different(Data, LoadedData) ->
    Keys = lists:usort(maps:keys(Data) ++ maps:keys(LoadedData)),
    Different = [
        {Key, Value, Loaded}
     || Key <- Keys,
        Value <- [maps:get(Key, Data, missing)],
        Loaded <- [maps:get(Key, LoadedData, missing)],
        Value =/= Loaded
    ],
    [lists:flatten(io_lib:format("~0P", [D, 80])) || D <- lists:sublist(Different, 3)].

functions(Client) ->
    eslaver_test_client:command(Client, ["FUNCTION", "DUMP"]).

%% To be asked once the data was read: before Redis 4.0 a server that still makes room for more keys
%% crashes at it, and each read brings that forward.
digest(Client) ->
    delete_wide_arrays(Client),
    eslaver_test_client:ok(Client, ["DEBUG", "DIGEST"]).

%% The digest would take hours over their gaps.
delete_wide_arrays(Client) ->
    [
        begin
            _ = eslaver_test_client:ok(Client, ["SELECT", Db]),
            eslaver_test_client:ok(Client, ["DEL", Key])
        end
     || {Key, #{type := array, db := Db, value := Elements}} <- maps:to_list(data(Client)),
        element(1, lists:last(Elements)) > ?DIGESTED_ARRAY
    ].
