%% Values and files that are damaged in every way we could think of: which of them real servers
%% accept, and which we do. Every difference is listed here, with its reason.
-module(eslaver_leniency_SUITE).

-include_lib("stdlib/include/assert.hrl").

-compile([export_all, nowarn_export_all]).

%% How many servers there must be for every difference to be seen.
-define(MANY, 10).

-define(SANITIZE, "sanitize-dump-payload").

-define(COUNTS, "Valkey 9.1 alone looks at these numbers without being told to; none goes by them").

-define(GIVEN_BACK, "Redis checks it only if told to: its replicas take what we take").

-define(CONTAINER, "Servers die of it, or answer wrongly, once they use the value.").
-define(TWICE, "Servers tell it twice, and die of it once the value grows.").
-define(TIME, "The field would never expire, or at once.").
-define(SCORE, "A sorted set has no order with it; no server writes a hexadecimal number.").
-define(ORDER, "Servers write a stream in order, and its entries are delivered as they come.").
-define(PENDING, "Servers die of the one; of the other it is not known whose it is.").
-define(PRODUCER, "Which of the two a server remembers is not known.").

suite() ->
    [{timetrap, {minutes, 5}}].

all() ->
    eslaver_test_groups:cases(?MODULE).

%% What we accept, and some server rejects.
laxer() ->
    #{
        module_unknown => "a module's value can be read without the module",
        file_module_aux_unknown => "and so can what it keeps beside the keys",
        file_function_bad => "a library's code is delivered, and run by nobody",
        file_db_16 => "how many dbs there are is a server's setting",
        file_key_twice => "to remember every key of a snapshot would take memory without bound",
        set_duplicate_far => "of a value, as many members as its caches hold are remembered",
        hash_duplicate_far => "the same",
        zset_duplicate_far => "the same",
        stream_empty_with_length => ?COUNTS,
        stream_length_wrong => ?COUNTS,
        stream_entries_missing => ?COUNTS,
        stream_entries_left => ?COUNTS,
        stream_count_negative => ?COUNTS,
        stream_deleted_count_wrong => ?COUNTS,
        stream_master_not_ended => ?COUNTS,
        stream_entry_count_wrong => ?COUNTS,
        given_back_not_all => ?GIVEN_BACK,
        given_back_none => ?GIVEN_BACK,
        given_back_twice => ?GIVEN_BACK
    }.

%% What we reject, and some server accepts by default: a replica of that server would have wrong
%% data. guides/limits.md has the reasons in its table of rejected data.
stricter() ->
    #{
        set_listpack_duplicate => ?TWICE,
        set_listpack_duplicate_integer => ?TWICE,
        intset_duplicate => ?TWICE,
        zset_ziplist_duplicate => ?TWICE,
        zset_listpack_duplicate => ?TWICE,
        hash_duplicate => ?TWICE,
        hash_ziplist_duplicate => ?TWICE,
        hash_ziplist_duplicate_integer => ?TWICE,
        hash_listpack_duplicate => ?TWICE,
        hash_ttl_duplicate => ?TWICE,
        hash_ttl_listpack_duplicate => ?TWICE,
        intset_unsorted => ?CONTAINER,
        zset_ziplist_odd => ?CONTAINER,
        zset_listpack_odd => ?CONTAINER,
        hash_ziplist_odd => ?CONTAINER,
        hash_listpack_odd => ?CONTAINER,
        hash_ttl_listpack_odd => ?CONTAINER,
        listpack_count_too_great => ?CONTAINER,
        listpack_count_too_small => ?CONTAINER,
        listpack_end_early => ?CONTAINER,
        listpack_entry_beyond_end => ?CONTAINER,
        listpack_entry_unknown => ?CONTAINER,
        listpack_back_length_wrong => ?CONTAINER,
        listpack_back_length_long => ?CONTAINER,
        listpack_string_huge => ?CONTAINER,
        ziplist_tail_wrong => ?CONTAINER,
        ziplist_count_too_great => ?CONTAINER,
        ziplist_count_too_small => ?CONTAINER,
        stream_count_no_number => ?CONTAINER,
        stream_master_fields_missing => ?CONTAINER,
        stream_entry_fields_missing => ?CONTAINER,
        stream_entry_fields_negative => ?CONTAINER,
        stream_entry_id_no_number => ?CONTAINER,
        hash_ttl_listpack_negative => ?TIME,
        hash_ttl_listpack_too_far => ?TIME,
        zset_text_hexadecimal => ?SCORE,
        zset_ziplist_nan => ?SCORE,
        zset_listpack_nan => ?SCORE,
        stream_nodes_unsorted => ?ORDER,
        group_pending_of_nobody => ?PENDING,
        group_pending_of_two => ?PENDING,
        producer_twice => ?PRODUCER
    }.

values(_Config) ->
    Cases = eslaver_test_corrupt_values:values(),
    Ours = [{Name, ours(eslaver_test_rdb_encoder:payload(Body))} || {Name, Body} <- Cases],
    Servers = servers(),
    compare(
        Ours,
        Servers,
        eslaver_test_parallel:map(fun(Server) -> restored(Server, Cases) end, Servers)
    ).

files(Config) ->
    Cases = eslaver_test_corrupt_files:files(),
    Path = filename:join(proplists:get_value(priv_dir, Config), "corrupt.rdb"),
    Ours = [{Name, our_file(Path, Bytes)} || {Name, Bytes} <- Cases],
    Servers = servers(),
    check_rdb(Path, Cases, Ours),
    compare(
        Ours,
        Servers,
        eslaver_test_parallel:map(fun(Server) -> reloaded(Server, Cases) end, Servers)
    ).

%% Redis before 6.2 does not check the data, and crashes.
servers() ->
    [
        Server
     || #{family := Family, version := Version} = Server <- eslaver_test_servers:available(),
        Family =:= valkey orelse Version >= {6, 2, 0}
    ].

ours(Payload) ->
    case eslaver_rdb:decode_dump(Payload) of
        {ok, _} -> takes;
        {error, _} -> refuses
    end.

our_file(Path, Bytes) ->
    ok = file:write_file(Path, Bytes),
    case eslaver_rdb:fold(Path, fun(_, Count) -> Count + 1 end, 0) of
        {ok, _} -> takes;
        {error, #{reason := Reason}} when Reason =:= bad_snapshot; Reason =:= unsupported -> refuses
    end.

%% `Verdicts' are of each server: of each case those in each mode, the most thorough last.
compare(Ours, Servers, Verdicts) ->
    log(Ours, Servers, Verdicts),
    Theirs = fun(Name) -> [maps:get(Name, OfServer) || OfServer <- Verdicts] end,
    Laxer = [Name || {Name, takes} <- Ours, lists:member(refuses, lists:append(Theirs(Name)))],
    Stricter = [
        Name
     || {Name, refuses} <- Ours,
        lists:any(fun([Default | _]) -> Default =:= takes end, Theirs(Name))
    ],
    check(laxer, Laxer, named(laxer(), Ours), Servers),
    check(stricter, Stricter, named(stricter(), Ours), Servers).

named(Differences, Ours) ->
    [Name || {Name, _} <- Ours, is_map_key(Name, Differences)].

check(What, Found, Named, Servers) when length(Servers) >= ?MANY ->
    ?assertEqual({What, Named}, {What, Found});
check(What, Found, Named, _Servers) ->
    ?assertEqual({What, []}, {What, Found -- Named}).

log(Ours, Servers, Verdicts) ->
    Row = fun(Name, Our, Cells) -> io_lib:format("~-31s ~-7s ~s~n", [Name, Our, Cells]) end,
    Cell = fun(Text) -> io_lib:format(" ~-17s", [Text]) end,
    Modes = fun(List) -> lists:join("/", [atom_to_list(Verdict) || Verdict <- List]) end,
    Rows = [
        Row(Name, Our, [Cell(Modes(maps:get(Name, OfServer))) || OfServer <- Verdicts])
     || {Name, Our} <- Ours
    ],
    ct:log("~ts", [[Row("", "ours", [Cell(Name) || #{name := Name} <- Servers]), Rows]]).

%% Values, by RESTORE.

restored(#{server := Server}, Cases) ->
    Master = start(Server),
    Modes = modes(Master),
    Unknown = [Type || {Type, _} = Good <- good(), restore(Master, hd(Modes), Good) =/= takes],
    Verdicts = maps:from_list([
        {Name, [verdict(Master, Mode, Body, Unknown) || Mode <- Modes]}
     || {Name, Body} <- Cases
    ]),
    ok = eslaver_test_master:stop(Master),
    Verdicts.

good() ->
    eslaver_test_corrupt_values:good().

verdict(Master, Mode, {Type, _} = Body, Unknown) ->
    case lists:member(Type, Unknown) of
        true -> unknown;
        false -> restore(Master, Mode, Body)
    end.

%% Valkey since 9.1 always checks thoroughly.
modes(Master) ->
    Client = eslaver_test_client:connect(Master),
    Modes =
        case eslaver_test_client:command(Client, ["CONFIG", "SET", ?SANITIZE, "no"]) of
            <<"OK">> -> [[?SANITIZE, "no"], [?SANITIZE, "yes"]];
            {error, _} -> [["maxmemory", "0"]]
        end,
    ok = eslaver_test_client:close(Client),
    Modes.

restore(Master, Mode, Body) ->
    on(Master, [
        ["CONFIG", "SET" | Mode],
        ["RESTORE", "k", 0, eslaver_test_rdb_encoder:payload(Body)]
    ]).

%% Files, by DEBUG RELOAD.

reloaded(#{server := Server}, Cases) ->
    Master = start(Server),
    File = filename:join(eslaver_test_master:dir(Master), "dump.rdb"),
    Verdicts = maps:from_list([{Name, [reload(Master, File, Bytes)]} || {Name, Bytes} <- Cases]),
    ok = eslaver_test_master:stop(Master),
    Verdicts.

reload(Master, File, Bytes) ->
    ok = file:write_file(File, Bytes),
    on(Master, [["DEBUG", "RELOAD", "NOSAVE"]]).

%% What redis-check-rdb finds damaged, we find damaged, too, except what servers leave out.
check_rdb(Path, Cases, Ours) ->
    Refuses = fun(Bytes) ->
        ok = file:write_file(Path, Bytes),
        Tool = "redis-check-rdb '" ++ Path ++ "' > /dev/null 2>&1; echo $?",
        os:cmd(Tool) =/= "0\n"
    end,
    case os:find_executable("redis-check-rdb") of
        false ->
            ct:log("there is no redis-check-rdb here");
        _ ->
            Damaged = [Name || {Name, Bytes} <- Cases, Refuses(Bytes)],
            ?assertNotEqual([], Damaged),
            Empty = [
                file_set_empty,
                file_hash_ziplist_empty,
                file_zset_ziplist_empty,
                file_quicklist_of_empty
            ],
            ?assertEqual(
                [],
                [Name || {Name, takes} <- Ours, lists:member(Name, Damaged)] --
                    [file_function_bad | Empty]
            )
    end.

%% One that makes no long report of its death.
start(Server) ->
    Config = [{"crash-log-enabled", "no"}, {"crash-memcheck-enabled", "no"}],
    eslaver_test_master:start(#{server => Server, config => Config}).

%% Whether a server takes what the last command gives it; one that dies does not. Whatever it has
%% taken is removed again, and that it may die of that is another matter.
on(Master, Commands) ->
    Client = connect(Master),
    Replies = [reply(Client, Command) || Command <- Commands ++ [["FLUSHALL"]]],
    ok = eslaver_test_client:close(Client),
    lists:last(Replies) =:= <<"OK">> orelse revive(Master),
    case lists:nth(length(Commands), Replies) of
        <<"OK">> -> takes;
        _ -> refuses
    end.

reply(Client, Command) ->
    try
        eslaver_test_client:command(Client, Command, 5000)
    catch
        error:{badmatch, {error, _}} -> dead;
        error:{master_does_not_answer, _} -> dead
    end.

%% It may have died of the case before after the last reply.
connect(Master) ->
    try
        eslaver_test_client:connect(Master)
    catch
        error:{badmatch, {error, _}} ->
            ok = revive(Master),
            eslaver_test_client:connect(Master)
    end.

revive(Master) ->
    _ = file:delete(filename:join(eslaver_test_master:dir(Master), "dump.rdb")),
    ok = eslaver_test_master:restart(Master).
