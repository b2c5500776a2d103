%% Divides the shards of a Redis or Valkey cluster among Erlang nodes, and prints the writes to this
%% node's shards, until Enter is pressed. Start it several times on a machine, with different names;
%% Port is that of any node of the cluster.
%%
%%     ERL_LIBS=_build/default/lib escript examples/cluster_members.erl Name [Port]
%%
%% The nodes are the members of a `pg' group. Each works out by itself which shards are its own, and
%% again when members join or leave. Each shard has a handler of its own.
-module(cluster_members).
-mode(compile).
-behaviour(eslaver_handler).
-export([main/1, owner/2]).
-export([init/2, handle_event/2, terminate/2]).

-define(GROUP, eslaver_example).

main([Name]) ->
    main([Name, "6379"]);
main([Name, Port]) ->
    ok = connect(Name),
    {ok, _} = pg:start_link(?MODULE),
    ok = pg:join(?MODULE, ?GROUP, self()),
    {ok, _} = eslaver:start_link(#{
        name => {local, shards},
        cluster => [{"127.0.0.1", list_to_integer(Port)}],
        shards => fun(#{id := Shard}) -> owner(Shard, members()) =:= node() end,
        events => full,
        callback => {handler, ?MODULE, []}
    }),
    _ = spawn_link(fun watch/0),
    _ = io:get_line(""),
    eslaver:stop(shards).

%% Connects to the other nodes of this example on this machine, and through them to later ones.
connect(Name) ->
    _ = os:cmd("epmd -daemon"),
    Prefix = atom_to_list(?MODULE) ++ "_",
    {ok, _} = net_kernel:start(list_to_atom(Prefix ++ Name), #{name_domain => shortnames}),
    [_, Host] = string:split(atom_to_list(node()), "@"),
    {ok, Names} = net_adm:names(),
    lists:foreach(
        fun(Other) -> net_kernel:connect_node(list_to_atom(Other ++ "@" ++ Host)) end,
        [Other || {Other, _Port} <- Names, lists:prefix(Prefix, Other)]
    ).

members() ->
    lists:usort([node(Pid) || Pid <- pg:get_members(?MODULE, ?GROUP)]).

watch() ->
    {Monitor, _Members} = pg:monitor(?MODULE, ?GROUP),
    watch(Monitor).

watch(Monitor) ->
    ok = eslaver:refresh(shards),
    receive
        {Monitor, _JoinOrLeave, ?GROUP, _Pids} -> watch(Monitor)
    end.

%% Rendezvous hashing: the member with the greatest weight for this shard. All members that see the
%% same group agree, and one that comes or goes moves no shards but its own.
owner(Shard, Members) ->
    {_Weight, Owner} = lists:max([{erlang:phash2({Shard, Member}), Member} || Member <- Members]),
    Owner.

%% The handler of a shard.

init([], #{shard := #{id := Shard}}) ->
    {ok, Shard}.

handle_event({loading, eof, _}, Shard) ->
    io:format("shard ~s: begins~n", [Shard]),
    {ok, Shard};
handle_event({stream, <<"set">>, [Key, Value | _], _Meta}, Shard) ->
    io:format("shard ~s: ~s is ~s~n", [Shard, Key, Value]),
    {ok, Shard};
handle_event(_Event, Shard) ->
    {ok, Shard}.

terminate(_Reason, Shard) ->
    io:format("shard ~s: ends~n", [Shard]).
