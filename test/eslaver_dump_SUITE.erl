%% The snapshot on disk: byte for byte what the master sent, whole or not at all, and never a
%% reason to lose a load.
-module(eslaver_dump_SUITE).

-include_lib("common_test/include/ct.hrl").
-include_lib("stdlib/include/assert.hrl").
-include_lib("kernel/include/file.hrl").

-export([all/0, suite/0, init_per_testcase/2, end_per_testcase/2]).
-export([
    same_as_the_masters_file/1,
    same_as_sent/1,
    same_as_sent_with_mark/1,
    checked_by_redis/1,
    broken_is_not_kept/1,
    not_kept/1,
    directory_is_missing/1,
    directory_in_place_of_the_file/1,
    symbolic_link/1,
    not_for_others/1
]).

-spec suite() -> list().
suite() ->
    [{timetrap, {minutes, 2}}].

-spec all() -> list().
all() ->
    [
        same_as_the_masters_file,
        same_as_sent,
        same_as_sent_with_mark,
        checked_by_redis,
        broken_is_not_kept,
        not_kept,
        directory_is_missing,
        directory_in_place_of_the_file,
        symbolic_link,
        not_for_others
    ].

%% A filled master, its snapshot, and an empty directory.
-spec init_per_testcase(atom(), list()) -> list().
init_per_testcase(Case, Config) ->
    Master = eslaver_test_lib:own_master(),
    Client = eslaver_test_client:connect(Master),
    _ = eslaver_test_dataset:fill(Client),
    ok = eslaver_test_client:close(Client),
    Dir = filename:join(?config(priv_dir, Config), atom_to_list(Case)),
    ok = file:make_dir(Dir),
    ok = eslaver_test_log:start(),
    [{master, Master}, {dir, Dir}, {dump, filename:join(Dir, "dump.rdb")} | Config].

-spec end_per_testcase(atom(), list()) -> ok.
end_per_testcase(_Case, _Config) ->
    eslaver_test_log:stop().

%% From a disk-based master: its file went over the wire as it is.
-spec same_as_the_masters_file(list()) -> ok.
same_as_the_masters_file(Config) ->
    Master = ?config(master, Config),
    Client = eslaver_test_client:connect(Master),
    <<"OK">> = eslaver_test_client:ok(Client, ["CONFIG", "SET", "repl-diskless-sync", "no"]),
    load(Config, Master),
    {ok, Sent} = file:read_file(filename:join(eslaver_test_master:dir(Master), "dump.rdb")),
    same(Sent, ?config(dump, Config)),
    only_the_dump(Config).

-spec same_as_sent(list()) -> ok.
same_as_sent(Config) ->
    Snapshot = eslaver_test_lib:snapshot(?config(master, Config)),
    load(Config, fake([#{psync => eslaver_test_fake:full_resync(Snapshot)}])),
    same(Snapshot, ?config(dump, Config)),
    only_the_dump(Config).

-spec same_as_sent_with_mark(list()) -> ok.
same_as_sent_with_mark(Config) ->
    Snapshot = eslaver_test_lib:snapshot(?config(master, Config)),
    ok = file:write_file(?config(dump, Config), "what was here before"),
    load(Config, fake([#{psync => eslaver_test_fake:full_resync_marked(Snapshot)}])),
    same(Snapshot, ?config(dump, Config)),
    only_the_dump(Config).

-spec checked_by_redis(list()) -> ok | {skip, term()}.
checked_by_redis(Config) ->
    case os:find_executable("redis-check-rdb") of
        false ->
            {skip, no_redis_check_rdb};
        Check ->
            load(Config, ?config(master, Config)),
            Said = os:cmd("'" ++ Check ++ "' '" ++ ?config(dump, Config) ++ "'"),
            ?assertNotEqual(nomatch, string:find(Said, "RDB looks OK"))
    end.

%% A snapshot with a wrong checksum leaves the file of before where it is.
-spec broken_is_not_kept(list()) -> ok.
broken_is_not_kept(Config) ->
    Snapshot = eslaver_test_lib:snapshot(?config(master, Config)),
    Size = byte_size(Snapshot) - 1,
    <<Body:Size/binary, Last>> = Snapshot,
    Broken = eslaver_test_fake:full_resync(<<Body/binary, (Last bxor 1)>>),
    ok = file:write_file(?config(dump, Config), "what was here before"),
    Fake = eslaver_test_fake:start([#{psync => Broken}]),
    {Replica, _} = eslaver_test_lib:replica(
        eslaver_test_fake:port(Fake), #{dbfilename => ?config(dump, Config)}
    ),
    true = eslaver_test_lib:until(fun() -> eslaver_test_fake:connections(Fake) >= 2 end),
    ok = eslaver:stop(Replica),
    same(<<"what was here before">>, ?config(dump, Config)),
    only_the_dump(Config).

-spec not_kept(list()) -> ok.
not_kept(Config) ->
    load(Config, ?config(master, Config), undefined),
    ?assertEqual({ok, []}, file:list_dir(?config(dir, Config))).

%% Also root cannot write there.
-spec directory_is_missing(list()) -> ok.
directory_is_missing(Config) ->
    load(Config, ?config(master, Config), filename:join([?config(dir, Config), "no", "dump.rdb"])),
    warned(),
    ?assertEqual({ok, []}, file:list_dir(?config(dir, Config))).

-spec directory_in_place_of_the_file(list()) -> ok.
directory_in_place_of_the_file(Config) ->
    ok = file:make_dir(?config(dump, Config)),
    load(Config, ?config(master, Config)),
    warned(),
    ?assertEqual({ok, []}, file:list_dir(?config(dump, Config))),
    only_the_dump(Config).

%% What a link points to is not touched, whoever has put it there.
-spec symbolic_link(list()) -> ok.
symbolic_link(Config) ->
    Other = filename:join(?config(priv_dir, Config), "not_to_be_touched"),
    ok = file:write_file(Other, "not to be touched"),
    ok = file:make_symlink(Other, ?config(dump, Config)),
    load(Config, ?config(master, Config)),
    same(<<"not to be touched">>, Other),
    only_the_dump(Config),
    %% Either the link was replaced by the snapshot, or it was left, with a warning.
    case file:read_link_info(?config(dump, Config)) of
        {ok, #file_info{type = regular}} -> ok;
        {ok, #file_info{type = symlink}} -> warned()
    end.

%% It holds all the master's data.
-spec not_for_others(list()) -> ok.
not_for_others(Config) ->
    load(Config, ?config(master, Config)),
    Dump = ?config(dump, Config),
    eslaver_test_lib:until(fun() -> filelib:is_regular(Dump) end),
    {ok, #file_info{mode = Mode}} = file:read_file_info(Dump),
    ?assertEqual(0, Mode band 8#022).

load(Config, Master) ->
    load(Config, Master, ?config(dump, Config)).

load(_Config, Master, Dump) ->
    Target =
        case Master of
            {fake, Fake} -> eslaver_test_fake:port(Fake);
            _ -> Master
        end,
    {Replica, _} = Both = eslaver_test_lib:replica(Target, #{dbfilename => Dump}),
    ?assert(length(eslaver_test_lib:loaded(Both)) > 700),
    true = Dump =:= undefined orelse eslaver_test_lib:until(fun() -> is_dealt_with(Dump) end),
    ok = eslaver:stop(Replica).

%% The file gets its name, or a warning comes, when the disk has it: some time after the load.
is_dealt_with(Dump) ->
    case file:read_link_info(Dump) of
        {ok, #file_info{type = regular}} -> true;
        _ -> eslaver_test_log:matches("dump\\.rdb") =/= []
    end.

fake(Scripts) ->
    {fake, eslaver_test_fake:start(Scripts)}.

same(Bytes, File) ->
    {ok, Found} = file:read_file(File),
    ?assertEqual(byte_size(Bytes), byte_size(Found)),
    ?assertEqual(byte_size(Bytes), binary:longest_common_prefix([Bytes, Found])).

only_the_dump(Config) ->
    ?assertEqual({ok, ["dump.rdb"]}, file:list_dir(?config(dir, Config))).

warned() ->
    ?assertMatch([_ | _], eslaver_test_log:matches("dump\\.rdb")).
