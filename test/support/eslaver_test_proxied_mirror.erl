%% A mirror of a master behind a proxy (eslaver_test_proxy), and the replica that feeds it.
-module(eslaver_test_proxied_mirror).

-export([start/2, start/3, of_master/2, unmirrored/1, lab/1, attach/2, attach/3, caught_up/2]).
-export([replica/1, kill_replica/1]).

-export_type([proxied/0]).

-type proxied() :: #{
    master := eslaver_test_master:master(),
    proxy := eslaver_test_proxy:proxy(),
    client := eslaver_test_client:client()
}.

-define(TIMEOUT, 30_000).

%% A mirror with these options, of a master of the distribution's own server.
-spec start(Mirror :: atom(), map()) -> proxied().
start(Mirror, Options) ->
    start(Mirror, #{server => eslaver_test_servers:own()}, Options).

%% The same of a master with these options. Its backlog is small.
-spec start(Mirror :: atom(), eslaver_test_master:options(), map()) -> proxied().
start(Mirror, OfMaster, Options) ->
    Config = [{"repl-backlog-size", "16384"} | maps:get(config, OfMaster, [])],
    behind_proxy(Mirror, eslaver_test_master:start(OfMaster#{config => Config}), Options).

%% A mirror of a master that runs.
-spec of_master(Mirror :: atom(), eslaver_test_master:master()) -> proxied().
of_master(Mirror, Master) ->
    behind_proxy(Mirror, Master, #{}).

behind_proxy(Mirror, Master, Options) ->
    Proxied = proxied(Master),
    ok = attach(Mirror, Proxied, Options),
    Proxied.

%% A master with these options behind a proxy, for a mirror that is to come.
-spec unmirrored(eslaver_test_master:options()) -> proxied().
unmirrored(OfMaster) ->
    proxied(eslaver_test_master:start(OfMaster)).

%% The same with a backlog that keeps everything, unless the options say how much, and by the
%% distribution's own server, unless they name another.
-spec lab(#{backlog => string(), server => file:filename()}) -> proxied().
lab(Options) ->
    Config = [{"repl-backlog-size", maps:get(backlog, Options, "256mb")}],
    Server = maps:get(server, Options, eslaver_test_servers:own()),
    unmirrored(#{server => Server, config => Config}).

proxied(Master) ->
    Proxy = eslaver_test_proxy:start(Master),
    #{master => Master, proxy => Proxy, client => eslaver_test_client:connect(Master)}.

%% A mirror, perhaps another one, of what this proxy or this port leads to. It has loaded.
-spec attach(Mirror :: atom(), proxied() | inet:port_number()) -> ok.
attach(Mirror, Source) ->
    attach(Mirror, Source, #{}).

%% The same with these options.
-spec attach(Mirror :: atom(), proxied() | inet:port_number(), map()) -> ok.
attach(Mirror, #{proxy := Proxy}, Options) ->
    attach(Mirror, eslaver_test_proxy:port(Proxy), Options);
attach(Mirror, Port, Options) ->
    Target = eslaver_test_replica:target(Port),
    {ok, _} = eslaver_mirror:start_link(maps:merge(Target#{name => Mirror}, Options)),
    eslaver_mirror:await(Mirror, loaded, ?TIMEOUT).

%% Waits until the mirror is fresh and has handled everything that the master has sent.
-spec caught_up(Mirror :: atom(), eslaver_test_client:client()) -> ok.
caught_up(Mirror, Client) ->
    Sent = binary_to_integer(eslaver_test_client:info(Client, "master_repl_offset")),
    true = eslaver_test_wait:until(fun() ->
        #{status := Status, offset := Offset} = eslaver_mirror:info(Mirror),
        Status =:= fresh andalso Offset >= Sent
    end),
    ok.

-spec replica(Mirror :: atom()) -> pid().
replica(Mirror) ->
    [Replica] = replicas(Mirror),
    Replica.

%% Kills the mirror's replica, if it has one now.
-spec kill_replica(Mirror :: atom()) -> ok.
kill_replica(Mirror) ->
    lists:foreach(fun(Pid) -> exit(Pid, kill) end, replicas(Mirror)).

replicas(Mirror) ->
    {links, Links} = process_info(whereis(Mirror), links),
    [Pid || Pid <- Links, is_pid(Pid), is_replica(Pid)].

is_replica(Pid) ->
    case process_info(Pid, dictionary) of
        {dictionary, Dictionary} ->
            lists:member({'$initial_call', {eslaver_server, init, 1}}, Dictionary);
        undefined ->
            false
    end.
