%% The snapshot on disk: byte for byte what the master sent, whole or not at all, and never a
%% reason to lose a load.
-module(eslaver_dump_SUITE).

-include_lib("common_test/include/ct.hrl").
-include_lib("stdlib/include/assert.hrl").
-include_lib("kernel/include/file.hrl").

-compile([export_all, nowarn_export_all]).

suite() ->
    [{timetrap, {minutes, 2}}, {ct_hooks, [eslaver_test_log_hook]}].

all() ->
    eslaver_test_groups:cases(?MODULE).

%% A filled master, its snapshot, and an empty directory.
init_per_testcase(Case, Config) ->
    Master = eslaver_test_master:start_own(),
    Client = eslaver_test_client:connect(Master),
    _ = eslaver_test_dataset:fill(Client),
    ok = eslaver_test_client:close(Client),
    Dir = filename:join(?config(priv_dir, Config), atom_to_list(Case)),
    ok = file:make_dir(Dir),
    [{master, Master}, {dir, Dir}, {dump, filename:join(Dir, "dump.rdb")} | Config].

%% From a disk-based master: its file went over the wire as it is.
same_as_the_masters_file(Config) ->
    Master = ?config(master, Config),
    Client = eslaver_test_client:connect(Master),
    <<"OK">> = eslaver_test_client:ok(Client, ["CONFIG", "SET", "repl-diskless-sync", "no"]),
    load(Config, Master),
    {ok, Sent} = file:read_file(filename:join(eslaver_test_master:dir(Master), "dump.rdb")),
    same(Sent, ?config(dump, Config)),
    only_the_dump(Config).

same_as_sent(Config) ->
    Snapshot = eslaver_test_master:snapshot(?config(master, Config)),
    load(Config, fake([#{psync => eslaver_test_fake_master:full_resync(Snapshot)}])),
    same(Snapshot, ?config(dump, Config)),
    only_the_dump(Config).

same_as_sent_with_mark(Config) ->
    Snapshot = eslaver_test_master:snapshot(?config(master, Config)),
    ok = file:write_file(?config(dump, Config), "what was here before"),
    load(Config, fake([#{psync => eslaver_test_fake_master:full_resync_marked(Snapshot)}])),
    same(Snapshot, ?config(dump, Config)),
    only_the_dump(Config).

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
broken_is_not_kept(Config) ->
    Snapshot = eslaver_test_master:snapshot(?config(master, Config)),
    Size = byte_size(Snapshot) - 1,
    <<Body:Size/binary, Last>> = Snapshot,
    Broken = eslaver_test_fake_master:full_resync(<<Body/binary, (Last bxor 1)>>),
    ok = file:write_file(?config(dump, Config), "what was here before"),
    Fake = eslaver_test_fake_master:start([#{psync => Broken}]),
    {Replica, _} = eslaver_test_replica:start(
        eslaver_test_fake_master:port(Fake), #{dbfilename => ?config(dump, Config)}
    ),
    true = eslaver_test_wait:until(fun() -> eslaver_test_fake_master:connections(Fake) >= 2 end),
    ok = eslaver:stop(Replica),
    same(<<"what was here before">>, ?config(dump, Config)),
    only_the_dump(Config).

not_kept(Config) ->
    load(Config, ?config(master, Config), undefined),
    ?assertEqual({ok, []}, file:list_dir(?config(dir, Config))).

%% Also root cannot write there.
directory_is_missing(Config) ->
    load(Config, ?config(master, Config), filename:join([?config(dir, Config), "no", "dump.rdb"])),
    warned(),
    ?assertEqual({ok, []}, file:list_dir(?config(dir, Config))).

directory_in_place_of_the_file(Config) ->
    ok = file:make_dir(?config(dump, Config)),
    load(Config, ?config(master, Config)),
    warned(),
    ?assertEqual({ok, []}, file:list_dir(?config(dump, Config))),
    only_the_dump(Config).

%% What a link points to is not touched, whoever has put it there.
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
not_for_others(Config) ->
    load(Config, ?config(master, Config)),
    Dump = ?config(dump, Config),
    eslaver_test_wait:until(fun() -> filelib:is_regular(Dump) end),
    {ok, #file_info{mode = Mode}} = file:read_file_info(Dump),
    ?assertEqual(0, Mode band 8#022).

%% The master ends with the last byte of the snapshot, long before that has been handled.
link_ends_behind_the_snapshot(Config) ->
    Dump = ?config(dump, Config),
    Snapshot = eslaver_test_master:snapshot(?config(master, Config)),
    lists:foreach(
        fun(Callback) ->
            ending(Snapshot, fun(Target) ->
                {ok, Replica} = eslaver:start_link(Target#{
                    dbfilename => Dump, callback => Callback
                }),
                ok = eslaver:await(Replica, loaded, 30_000),
                true = eslaver_test_wait:until(fun() -> filelib:is_file(Dump) end),
                ok = eslaver:stop(Replica)
            end),
            same(Snapshot, Dump),
            only_the_dump(Config),
            ok = file:delete(Dump)
        end,
        [{erlang, is_tuple}, fun(_) -> timer:sleep(1) end]
    ).

%% The replica is stopped as soon as the snapshot has been handled.
stopped_behind_the_snapshot(Config) ->
    Dump = ?config(dump, Config),
    Snapshot = eslaver_test_master:snapshot(?config(master, Config)),
    Fake = eslaver_test_fake_master:start([
        #{psync => eslaver_test_fake_master:full_resync(Snapshot)}
    ]),
    Both = eslaver_test_replica:start(eslaver_test_fake_master:port(Fake), #{dbfilename => Dump}),
    _ = eslaver_test_replica:loaded(Both),
    ok = eslaver:stop(element(1, Both)),
    true = eslaver_test_wait:until(fun() -> filelib:is_file(Dump) end),
    same(Snapshot, Dump),
    only_the_dump(Config).

%% The folder goes while the snapshot is handled; the link has ended when that is found out.
failure_after_the_links_end(Config) ->
    Dir = filename:join(?config(dir, Config), "goes"),
    ok = file:make_dir(Dir),
    Self = self(),
    Holds = fun(_) ->
        get(going) =:= true orelse
            begin
                Self ! {holds, self()},
                receive
                    go_on -> put(going, true)
                end
            end
    end,
    ending(eslaver_test_master:snapshot(?config(master, Config)), fun(Target) ->
        Dump = filename:join(Dir, "dump.rdb"),
        {ok, Replica} = eslaver:start_link(Target#{dbfilename => Dump, callback => Holds}),
        receive
            {holds, Replica} -> ok
        end,
        ok = file:del_dir(Dir),
        Replica ! go_on,
        ok = eslaver:await(Replica, loaded, 30_000),
        _ = eslaver_test_log:await("dump\\.rdb"),
        ok = eslaver:stop(Replica)
    end).

%% Only there has a file without a name one that it can be linked by.
without_proc(Config) ->
    Unmount = "umount -l /proc",
    case os:cmd("unshare -m sh -c '" ++ Unmount ++ " && echo -n unmounted'") of
        "unmounted" ->
            Snapshot = eslaver_test_master:snapshot(?config(master, Config)),
            Node = eslaver_test_node:start([
                "unshare", "-m", "sh", "-c", Unmount ++ " && exec \"$@\"", "sh"
            ]),
            false = eslaver_test_node:call(Node, eslaver_test_node, has_proc, []),
            Fake = eslaver_test_fake_master:start([
                #{psync => eslaver_test_fake_master:full_resync(Snapshot)}
            ]),
            Target = eslaver_test_replica:target(eslaver_test_fake_master:port(Fake)),
            Dump = ?config(dump, Config),
            _ = eslaver_test_node:replica(Node, Target#{
                dbfilename => Dump, callback => {erlang, is_tuple}
            }),
            true = eslaver_test_wait:until(fun() -> filelib:is_file(Dump) end),
            ok = eslaver_test_node:stop(Node),
            same(Snapshot, Dump),
            only_the_dump(Config);
        Why ->
            {skip, "no file system can be unmounted here: " ++ Why}
    end.

fifo_in_place_of_the_file(Config) ->
    Dump = ?config(dump, Config),
    "" = os:cmd("mkfifo '" ++ Dump ++ "'"),
    load(Config, ?config(master, Config)),
    ?assertMatch([_ | _], eslaver_test_log:await("dump\\.rdb: it is a FIFO")),
    {ok, #file_info{type = other}} = file:read_link_info(Dump),
    only_the_dump(Config).

any_bytes_in_its_name(Config) ->
    Dump = iolist_to_binary([?config(dir, Config), "/", 255, "dump.rdb"]),
    Snapshot = eslaver_test_master:snapshot(?config(master, Config)),
    load(Config, fake([#{psync => eslaver_test_fake_master:full_resync(Snapshot)}]), Dump),
    same(Snapshot, Dump).

%% A master that has nothing more to say than this snapshot.
ending(Snapshot, Work) ->
    Psync = eslaver_test_fake_master:full_resync(Snapshot),
    Scripts = [#{psync => Psync, then => close}, #{psync => "-LOADING\r\n"}],
    eslaver_test_hostile_master:with_fake(Scripts, Work).

load(Config, Master) ->
    load(Config, Master, ?config(dump, Config)).

load(_Config, Master, Dump) ->
    Target =
        case Master of
            {fake, Fake} -> eslaver_test_fake_master:port(Fake);
            _ -> Master
        end,
    {Replica, _} = Both = eslaver_test_replica:start(Target, #{dbfilename => Dump}),
    ?assert(length(eslaver_test_replica:loaded(Both)) > 700),
    true = Dump =:= undefined orelse eslaver_test_wait:until(fun() -> is_dealt_with(Dump) end),
    ok = eslaver:stop(Replica).

%% The file gets its name, or a warning comes, when the disk has it: some time after the load.
is_dealt_with(Dump) ->
    case file:read_link_info(Dump) of
        {ok, #file_info{type = regular}} -> true;
        _ -> eslaver_test_log:matches("dump\\.rdb") =/= []
    end.

fake(Scripts) ->
    {fake, eslaver_test_fake_master:start(Scripts)}.

same(Bytes, File) ->
    {ok, Found} = file:read_file(File),
    ?assertEqual(byte_size(Bytes), byte_size(Found)),
    ?assertEqual(byte_size(Bytes), binary:longest_common_prefix([Bytes, Found])).

only_the_dump(Context) ->
    ?assertEqual({ok, ["dump.rdb"]}, file:list_dir(?config(dir, Context))).

warned() ->
    ?assertMatch([_ | _], eslaver_test_log:await("dump\\.rdb")).
