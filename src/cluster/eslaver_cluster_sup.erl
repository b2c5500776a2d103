%% @doc The processes of a cluster, below {@link eslaver_cluster}.
%%
%% ```
%% eslaver_cluster                  name, routes, calls
%% └── eslaver_cluster_sup (rest_for_one)
%%     ├── eslaver_cluster_watcher  asks which nodes there are
%%     └── shards (one_for_one)
%%         └── eslaver_server, or eslaver_mirror_server, for each shard
%% '''
%% @private
-module(eslaver_cluster_sup).
-behaviour(supervisor).

-export([start_link/1, watcher/1, start_shard/3, stop_shard/3]).
-export([start_shards/0, started/3]).
-export([init/1]).

-type start() :: fun(() -> {ok, pid()} | {error, term()}).

%% @doc Starts the watcher, as a function of {@link eslaver_cluster_watcher:start_link/3}.
-spec start_link([term()]) -> supervisor:startlink_ret().
start_link(WatcherArgs) ->
    supervisor:start_link(?MODULE, {cluster, WatcherArgs}).

%% @private
-spec start_shards() -> supervisor:startlink_ret().
start_shards() ->
    supervisor:start_link(?MODULE, shards).

%% @doc The watcher, unless it is being restarted.
-spec watcher(pid()) -> {ok, pid()} | error.
watcher(Supervisor) -> child(watcher, Supervisor).

%% @doc Starts a shard's process by this fun, which is also called when it is restarted; the calling
%% process gets `{eslaver_cluster_sup, Name, Pid}' each time. It may take as long as the user's
%% callback takes to start.
-spec start_shard(eslaver_cluster_topology:name(), start(), pid()) -> ok.
start_shard(Name, Start, Supervisor) ->
    Cluster = self(),
    _ = proc_lib:spawn_link(fun() ->
        Spec = #{
            id => Name,
            start => {?MODULE, started, [Name, Start, Cluster]},
            shutdown => 5000
        },
        case child(shards, Supervisor) of
            {ok, Shards} -> told(supervisor:start_child(Shards, Spec), Name, Cluster);
            error -> told({error, no_supervisor}, Name, Cluster)
        end
    end),
    ok.

told({ok, _Pid}, _Name, _Cluster) -> ok;
told({error, {already_started, _}}, _Name, _Cluster) -> ok;
told({error, Reason}, Name, Cluster) -> Cluster ! {?MODULE, Name, {error, Reason}}.

%% @private
-spec started(eslaver_cluster_topology:name(), start(), pid()) -> {ok, pid()} | {error, term()}.
started(Name, Start, Cluster) ->
    case Start() of
        {ok, Pid} ->
            Cluster ! {?MODULE, Name, Pid},
            {ok, Pid};
        {error, _} = Error ->
            Error
    end.

%% @doc Ends a shard's process, if there is one, after this fun; the calling process gets
%% `{eslaver_cluster_sup, Name, stopped}' then. It may take as long as the user's callback is busy.
-spec stop_shard(eslaver_cluster_topology:name(), fun(() -> ok), pid()) -> ok.
stop_shard(Name, Before, Supervisor) ->
    Cluster = self(),
    _ = proc_lib:spawn_link(fun() ->
        ok = Before(),
        _ =
            case child(shards, Supervisor) of
                {ok, Shards} ->
                    _ = supervisor:terminate_child(Shards, Name),
                    supervisor:delete_child(Shards, Name);
                error ->
                    ok
            end,
        Cluster ! {?MODULE, Name, stopped}
    end),
    ok.

child(Id, Supervisor) ->
    case lists:keyfind(Id, 1, supervisor:which_children(Supervisor)) of
        {Id, Pid, _, _} when is_pid(Pid) -> {ok, Pid};
        _ -> error
    end.

%% @private
-spec init({cluster, [term()]} | shards) ->
    {ok, {supervisor:sup_flags(), [supervisor:child_spec()]}}.
init({cluster, WatcherArgs}) ->
    %% Shards that are started anew are none, as nobody here knows them: the cluster's process ends
    %% with this supervisor, and its own supervisor starts it anew.
    Flags = #{strategy => rest_for_one, intensity => 0, period => 1},
    Watcher = #{id => watcher, start => {eslaver_cluster_watcher, start_link, WatcherArgs}},
    Shards = #{id => shards, start => {?MODULE, start_shards, []}, type => supervisor},
    {ok, {Flags, [Watcher, Shards]}};
init(shards) ->
    {ok, {#{strategy => one_for_one, intensity => 20, period => 10}, []}}.
