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
-export_type([shard/0]).

-type shard() :: {eslaver_cluster_topology:name(), integer()}.
%% A shard as long as it is followed. One that comes back is another, with a higher number.

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
%% process gets `{eslaver_cluster_sup, Shard, Pid}' each time. It may take as long as the user's
%% callback takes to start. A process that the shard had before has ended by then; if there is a
%% later one, none is started.
-spec start_shard(shard(), start(), pid()) -> ok.
start_shard(Shard, Start, Supervisor) ->
    Cluster = self(),
    _ = proc_lib:spawn_link(fun() ->
        Spec = #{
            id => Shard,
            start => {?MODULE, started, [Shard, Start, Cluster]},
            shutdown => 5000
        },
        case child(shards, Supervisor) of
            {ok, Shards} ->
                {Before, After} = others(Shard, supervisor:which_children(Shards)),
                ok = lists:foreach(fun(Id) -> ended(Id, Shards) end, Before),
                _ = [told(supervisor:start_child(Shards, Spec), Shard, Cluster) || After =:= []],
                ok;
            error ->
                told({error, no_supervisor}, Shard, Cluster)
        end
    end),
    ok.

others({Name, Number}, Children) ->
    Ids = [Id || {{Of, One} = Id, _, _, _} <- Children, Of =:= Name, One =/= Number],
    lists:partition(fun({_, One}) -> One < Number end, Ids).

told({ok, _Pid}, _Shard, _Cluster) -> ok;
told({error, Reason}, Shard, Cluster) -> Cluster ! {?MODULE, Shard, {error, Reason}}.

%% Errors are of no interest: another process may be ending it, too.
ended(Id, Shards) ->
    _ = supervisor:terminate_child(Shards, Id),
    _ = supervisor:delete_child(Shards, Id),
    ok.

%% @private
-spec started(shard(), start(), pid()) -> {ok, pid()} | {error, term()}.
started(Shard, Start, Cluster) ->
    case Start() of
        {ok, Pid} ->
            Cluster ! {?MODULE, Shard, Pid},
            {ok, Pid};
        {error, _} = Error ->
            Error
    end.

%% @doc Ends a shard's process, if there is one, after it was given to this fun; the calling process
%% gets `{eslaver_cluster_sup, Shard, stopped}' then. It may take as long as the user's callback is
%% busy.
-spec stop_shard(shard(), fun((pid()) -> ok), pid()) -> ok.
stop_shard(Shard, Before, Supervisor) ->
    Cluster = self(),
    _ = proc_lib:spawn_link(fun() ->
        ok =
            case child(shards, Supervisor) of
                {ok, Shards} -> ended(Shard, Before, Shards);
                error -> ok
            end,
        Cluster ! {?MODULE, Shard, stopped}
    end),
    ok.

ended(Shard, Before, Shards) ->
    case child(Shard, Shards) of
        {ok, Process} -> ok = Before(Process);
        error -> ok
    end,
    ended(Shard, Shards).

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
