%% @doc Starts what checked options describe: a replica, or the replicas of a cluster.
%% @private
-module(eslaver_start).

-export([replica/1]).

%% @doc Starts it, linked to the caller.
-spec replica(eslaver_options:options()) -> {ok, pid()} | {error, term()}.
replica(#{source := {cluster, _}} = Options) ->
    case eslaver_cluster:start_link(eslaver_cluster_start:replica(Options)) of
        {ok, Pid} -> {ok, Pid};
        {error, _} = Error -> Error
    end;
replica(Options) ->
    eslaver_server:start_link(Options).
