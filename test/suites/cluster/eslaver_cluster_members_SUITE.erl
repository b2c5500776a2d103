%% Two Erlang nodes that share out the shards of a cluster: examples/cluster_members.erl.
-module(eslaver_cluster_members_SUITE).

-include_lib("common_test/include/ct.hrl").
-include_lib("stdlib/include/assert.hrl").

-compile([export_all, nowarn_export_all]).

-define(TIMEOUT, 30_000).

suite() -> [{timetrap, {minutes, 2}}].

all() -> eslaver_test_groups:cases(?MODULE).

%% A second member takes its share from the first, and leaves it when it is killed. Each write is
%% shown by the member whose shard it is.
shared_out(_Config) ->
    Cluster = eslaver_test_cluster:start(#{server => eslaver_test_servers:own()}),
    Example = example(),
    Shards = shards(Cluster),
    {First, Second} = names(Example, Shards),
    Owners = fun(Members) ->
        maps:from_list([{Shard, Example:owner(Shard, Members)} || Shard <- Shards])
    end,
    One = start(First, Cluster),
    _ = [ok = begins(One, Shard) || Shard <- Shards],
    ok = shown(#{node_of(First) => One}, Owners([node_of(First)]), Cluster),
    Two = start(Second, Cluster),
    Shared = Owners([node_of(First), node_of(Second)]),
    Moved = [Shard || {Shard, Owner} <- maps:to_list(Shared), Owner =:= node_of(Second)],
    _ = [{ok, ok} = {ends(One, Shard), begins(Two, Shard)} || Shard <- Moved],
    ok = shown(#{node_of(First) => One, node_of(Second) => Two}, Shared, Cluster),
    {os_pid, Pid} = erlang:port_info(Two, os_pid),
    _ = os:cmd("kill -9 " ++ integer_to_list(Pid)),
    _ = [ok = begins(One, Shard) || Shard <- Moved],
    ok = shown(#{node_of(First) => One}, Owners([node_of(First)]), Cluster),
    true = port_command(One, "\n"),
    receive
        {One, {exit_status, Status}} -> ?assertEqual(0, Status)
    after ?TIMEOUT -> error(does_not_end)
    end,
    _ = code:purge(Example),
    true = code:delete(Example),
    eslaver_test_cluster:stop(Cluster).

example() ->
    {ok, Module, Code} = compile:file(file(), [binary]),
    {module, Module} = code:load_binary(Module, "cluster_members.erl", Code),
    Module.

file() ->
    Root = os:cmd("cd -P '" ++ code:lib_dir(eslaver) ++ "/src/..' && pwd"),
    filename:join(string:trim(Root), "examples/cluster_members.erl").

%% Their ids.
shards(Cluster) ->
    [eslaver_test_cluster:shard(Cluster, Node) || Node <- eslaver_test_cluster:masters(Cluster)].

%% Two members that both get a share.
names(Example, Shards) ->
    [First, Second] = [
        lists:flatten(io_lib:format("~s-~b", [os:getpid(), erlang:unique_integer([positive])]))
     || _ <- [1, 2]
    ],
    Members = [node_of(First), node_of(Second)],
    case lists:usort([Example:owner(Shard, Members) || Shard <- Shards]) of
        [_, _] -> {First, Second};
        [_] -> names(Example, Shards)
    end.

node_of(Name) ->
    {ok, Host} = inet:gethostname(),
    list_to_atom("cluster_members_" ++ Name ++ "@" ++ Host).

start(Name, Cluster) ->
    [{_, Port} | _] = eslaver_test_cluster:seeds(Cluster),
    open_port({spawn_executable, os:find_executable("escript")}, [
        {args, [file(), Name, integer_to_list(Port)]},
        {env, [
            {"ERL_LIBS", filename:dirname(code:lib_dir(eslaver))},
            {"ERL_FLAGS", "-kernel logger_level warning"}
        ]},
        {line, 1000},
        exit_status
    ]).

begins(Member, Shard) -> line(Member, "shard " ++ binary_to_list(Shard) ++ ": begins").

ends(Member, Shard) -> line(Member, "shard " ++ binary_to_list(Shard) ++ ": ends").

line(Member, Line) ->
    receive
        {Member, {data, {eol, Line}}} -> ok
    after ?TIMEOUT -> error({no_line, Line})
    end.

%% A write to each shard is shown by its owner, once, and by nobody else.
shown(Members, Owners, Cluster) ->
    Lines = [
        {maps:get(maps:get(Shard, Owners), Members), written(Cluster, Node, Shard)}
     || Node <- eslaver_test_cluster:masters(Cluster),
        Shard <- [eslaver_test_cluster:shard(Cluster, Node)]
    ],
    _ = [ok = line(Member, Line) || {Member, Line} <- Lines],
    lists:foreach(
        fun({_, Line}) ->
            receive
                {_, {data, {eol, Line}}} -> error({twice, Line})
            after 200 -> ok
            end
        end,
        Lines
    ).

%% The line that a write makes.
written(Cluster, Node, Shard) ->
    Ranges = eslaver_test_cluster:slots(Cluster, Node),
    Key = eslaver_test_cluster_followers:key(<<"fruit:">>, Ranges),
    <<"OK">> = eslaver_test_cluster:ask(Node, ["SET", Key, "apple"]),
    lists:flatten(io_lib:format("shard ~s: ~s is apple", [Shard, Key])).
