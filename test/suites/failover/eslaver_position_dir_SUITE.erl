%% Positions of shards in a directory, against real servers: a shard that has failed over while
%% nobody here saw it goes on under another id; and a node that is killed while it looks for its
%% shards' positions leaves them to be found.
-module(eslaver_position_dir_SUITE).

-include_lib("common_test/include/ct.hrl").
-include_lib("stdlib/include/assert.hrl").

-compile([export_all, nowarn_export_all]).

-define(A, <<"aaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaa">>).
-define(B, <<"bbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbb">>).
-define(KILLS, 10).

suite() ->
    [{timetrap, {minutes, 3}}, {ct_hooks, [eslaver_test_log_hook]}].

all() ->
    eslaver_test_groups:cases(?MODULE).

init_per_testcase(Case, Config) ->
    Dir = filename:join(?config(priv_dir, Config), atom_to_list(Case)),
    ok = file:make_dir(Dir),
    [{dir, list_to_binary(Dir)} | Config].

goes_on_under_another_id(Config) ->
    Lines = [{redis, {4, 0}}, {redis, {7, 0}}, {redis, {8, 10}}, {valkey, {9, 1}}],
    Servers = [#{name => own, server => eslaver_test_servers:own()}] ++
        eslaver_test_servers:lines(Lines),
    _ = eslaver_test_parallel:map(fun(Server) -> goes_on(Server, Config) end, Servers),
    ok.

%% What was written before is handled once, in the first life; what came since, in the second.
goes_on(#{name := Name} = Server, Context) ->
    Dir = filename:join(?config(dir, Context), atom_to_binary(Name)),
    ok = file:make_dir(Dir),
    Pair = eslaver_test_pair:start(Server),
    {First, Second} = eslaver_test_pair:clients(Pair),
    {Replica, Collector} = Both = replica(?A, Dir, First, Pair),
    _ = eslaver_test_replica:loaded(Both),
    Before = eslaver_test_replica:mark(First, Collector),
    ok = eslaver:stop(Replica),
    Missed = write(First),
    ok = eslaver_test_pair:in_step(Pair),
    ok = eslaver_test_pair:promote(Pair),
    ok = eslaver_test_pair:lead(second, Pair),
    Since = write(Second),
    {Again, Next} = replica(?B, Dir, Second, Pair),
    Last = eslaver_test_replica:mark(Second, Next),
    Events = eslaver_test_collector:events(Next),
    ?assertEqual({Name, []}, {Name, [E || E <- Events, element(1, E) =:= loading]}),
    Written = [Key || {stream, "set", [Key | _]} <- Events],
    ?assertEqual({Name, [Missed, Since, Last]}, {Name, Written}),
    ?assertNot(lists:member(Before, Written)),
    ok = eslaver:stop(Again),
    ?assertEqual([<<?B/binary, ".position">>], positions(Dir)).

%% As a cluster starts it.
replica(Id, Dir, Client, Pair) ->
    Replids = [
        eslaver_test_client:info(Client, Field)
     || Field <- ["master_replid", "master_replid2"]
    ],
    {ok, Resume} = eslaver_position_dir:open(Dir, Id, Replids),
    eslaver_test_replica:start(eslaver_test_pair:port(Pair), #{resume => Resume}).

write(Client) ->
    Key = <<"written:", (integer_to_binary(erlang:unique_integer([positive])))/binary>>,
    <<"OK">> = eslaver_test_client:ok(Client, ["SET", Key, "x"]),
    Key.

positions(Dir) ->
    {ok, Names} = file:list_dir(Dir),
    [list_to_binary(Name) || Name <- Names, filename:extension(Name) =:= ".position"].

%% One node after the other gives two shards new ids, as fast as it can, until kill -9.
killed_at_any_moment(Config) ->
    _ = rand:seed(exsss, eslaver_test_env:seed()),
    Dir = ?config(dir, Config),
    _ = [write(Dir, Shard, 0) || Shard <- [1, 2]],
    lists:foreach(
        fun(Round) ->
            Node = eslaver_test_node:start(),
            Pid = eslaver_test_node:call(Node, erlang, spawn, [?MODULE, rename, [Dir, Round]]),
            true = is_pid(Pid),
            timer:sleep(rand:uniform(100)),
            ok = eslaver_test_node:kill(Node),
            Found = [found(Dir, Shard, Round) || Shard <- [1, 2]],
            ?assertEqual([{ok, position(1)}, {ok, position(2)}], Found),
            ?assertEqual(2, length(positions(Dir)))
        end,
        lists:seq(1, ?KILLS)
    ).

%% Called in the node.
rename(Dir, Round) ->
    rename(Dir, Round, 0).

rename(Dir, Round, N) ->
    _ = [
        {ok, _} = eslaver_position_dir:open(Dir, id(Shard, Round, N), [replid(Shard)])
     || Shard <- [1, 2]
    ],
    rename(Dir, Round, N + 1).

found(Dir, Shard, Round) ->
    {ok, {file, Path}} = eslaver_position_dir:open(Dir, id(Shard, Round, last), [replid(Shard)]),
    eslaver_position_file:read(Path).

write(Dir, Shard, Round) ->
    {ok, {file, Path}} = eslaver_position_dir:open(Dir, id(Shard, Round, last), []),
    {ok, Writer} = eslaver_position_writer:start_link({eslaver_position_file, Path}),
    ok = eslaver_position_writer:save(Writer, position(Shard)),
    eslaver_position_writer:stop(Writer).

position(Shard) ->
    #{replid => replid(Shard), offset => Shard * 100, db => 0}.

replid(Shard) ->
    list_to_binary(io_lib:format("~40.10.0b", [Shard])).

id(Shard, Round, last) -> id(Shard, Round, 1 bsl 32 - 1);
id(Shard, Round, N) ->
    list_to_binary(io_lib:format("~8.16.0b~8.16.0b~24.16.0b", [Shard, Round, N])).
