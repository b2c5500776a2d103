%% @doc How a cluster's process starts those of its shards: replicas, or mirrors.
%% @private
-module(eslaver_cluster_start).

-export([replica/1, mirror/1]).

%% @doc The configuration of a cluster whose shards' events go to callbacks.
-spec replica(eslaver_options:options()) -> eslaver_cluster:config().
replica(#{name := Name} = Options) ->
    config(Name, {undefined, undefined}, Options, fun(Context) ->
        case of_shard(name(Name, Context), Context, Options) of
            {ok, Own} -> eslaver_server:start_link(Own);
            {error, _} = Error -> Error
        end
    end).

%% @doc That of a cluster whose shards are mirrored.
-spec mirror(eslaver_mirror_options:options()) -> eslaver_cluster:config().
mirror(#{name := Name, missing := Missing, start := Start, replica := Replica} = Options) ->
    config({local, Name}, {Name, Missing}, Replica, fun(Context) ->
        #{subscriptions := Who, id := Id} = Context,
        #{membership := #{cluster := Cluster}, cluster := Native, number := Number} = Context,
        eslaver_mirror_server:start_link(Options#{
            label => {Name, Id},
            where => {Native, Number},
            interests => eslaver_subscriptions:interests(Who),
            listener => Cluster,
            start := fun(Callback, Observer, _Unchanged) ->
                Start(Callback, Observer, fun(Parsed) -> of_shard(Name, Context, Parsed) end)
            end
        })
    end).

config(Name, {Mirror, Missing}, #{source := {cluster, Source}} = Options, Start) ->
    Source#{
        name => Name,
        mirror => Mirror,
        missing => Missing,
        access => maps:with([user, password, tls], Options),
        telemetry => maps:with([telemetry, telemetry_every], Options),
        start => Start
    }.

name(undefined, #{membership := #{cluster := Cluster}}) -> Cluster;
name(Name, _Context) -> eslaver_name:replica(Name).

%% The options of a replica of one shard of the cluster that is called this.
of_shard(Name, Context, #{resume := Resume} = Options) ->
    #{id := Id, membership := Membership, cluster := Native, number := Number} = Context,
    case resume(Resume, Context) of
        {ok, Own} ->
            {ok, Options#{
                source := {shard, Membership},
                name := undefined,
                label => {Name, Id},
                resume := Own,
                shard => maps:with([id, slots, master, replids], Context),
                native_shard => #{cluster => Native, shard => Number, id => Id}
            }};
        {error, _} = Error ->
            Error
    end.

resume({file, Dir}, #{id := Id, replids := Replids}) ->
    eslaver_position_dir:open(Dir, Id, Replids);
resume(Other, _Context) ->
    {ok, Other}.
