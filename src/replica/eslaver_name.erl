%% @doc The names of replicas: how they are registered, and how they are referred to.
%% @private
-module(eslaver_name).

-export([replica/1, target/1, pid/1]).
-export_type([name/0, replica/0]).

-type name() :: undefined | eslaver_types:name().
%% As in the option `name'.

-type replica() :: eslaver_types:replica().
%% A reference to a replica, for calls.

%% For an answer of another node, in ms.
-define(TIMEOUT, 5000).

%% @doc The reference to the calling process, a replica with this name.
-spec replica(name()) -> replica().
replica(undefined) -> self();
replica({local, Name}) -> Name;
replica(Name) -> Name.

%% @doc What to monitor: a process, or a name for which the monitor says at once that it is missing.
-spec target(replica()) -> pid() | atom().
target(Pid) when is_pid(Pid) -> Pid;
target(Name) when is_atom(Name) -> Name;
target({global, Name}) -> global:whereis_name(Name);
target({via, Module, Name}) -> Module:whereis_name(Name).

%% @doc The process of a name, if there is one.
-spec pid(replica()) -> pid() | undefined.
pid(Name) when is_atom(Name) -> whereis(Name);
pid({Name, Node}) when is_atom(Name), is_atom(Node), Name =/= global -> pid_at(Name, Node);
pid(Replica) -> target(Replica).

pid_at(Name, Node) when Node =:= node() -> whereis(Name);
pid_at(Name, Node) ->
    try
        erpc:call(Node, erlang, whereis, [Name], ?TIMEOUT)
    catch
        error:{erpc, _} -> undefined
    end.

