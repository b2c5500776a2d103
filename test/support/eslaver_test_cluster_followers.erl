%% A replica and a mirror of a test cluster, behind a proxy for each of its nodes, and what must be
%% true of them at the end.
-module(eslaver_test_cluster_followers).

-include_lib("stdlib/include/assert.hrl").

-export([replica/3, mirror/3, options/2, stop/1]).
-export([proxies/1, log/1, marks/1, key/2, knows/2, caught_up/2]).
-export([check_log/4, check_mirror/4]).
-export_type([follower/0]).

-opaque follower() :: #{
    kind := replica | mirror,
    name := atom(),
    hooks := pid(),
    proxies := eslaver_test_cluster_proxies:proxies(),
    log => eslaver_test_cluster_log:log()
}.

%% In ms: how long a shard waits for another, and what takes longer than that.
-define(WAIT, 20_000).
-define(KNOWS, 60_000).
-define(TIMEOUT, 60_000).
%% Until a mirror is as the cluster, in ms.
-define(PATIENCE, 5000).
-define(SHOWN, 5).

%% A replica whose handlers keep what they are told (eslaver_test_cluster_log). It has loaded.
-spec replica(Name :: atom(), eslaver_test_cluster:cluster(), map()) -> follower().
replica(Name, Cluster, Options) ->
    Log = eslaver_test_cluster_log:new(),
    Follower = new(replica, Name, Log),
    {ok, _} = eslaver:start_link(
        maps:merge(
            (behind_proxies(Cluster, Follower))#{
                name => {local, Name},
                callback => eslaver_test_cluster_log:handler(Log),
                events => full
            },
            Options
        )
    ),
    ok = eslaver:await(Name, loaded, ?TIMEOUT),
    Follower.

%% A mirror. It has loaded.
-spec mirror(Name :: atom(), eslaver_test_cluster:cluster(), map()) -> follower().
mirror(Name, Cluster, Options) ->
    Follower = new(mirror, Name, eslaver_test_cluster_log:new()),
    Given = maps:merge((behind_proxies(Cluster, Follower))#{name => Name}, Options),
    {ok, _} = eslaver_mirror:start_link(Given),
    ok = eslaver_mirror:await(Name, loaded, ?TIMEOUT),
    Follower.

new(Kind, Name, Log) ->
    #{
        kind => Kind,
        name => Name,
        log => Log,
        hooks => eslaver_test_collector:start(),
        proxies => eslaver_test_cluster_proxies:start()
    }.

behind_proxies(Cluster, #{hooks := Hooks, proxies := Proxies}) ->
    (options(Cluster, eslaver_test_cluster_proxies:addresses(Proxies)))#{
        hooks => fun(Event, Measured, Meta) -> Hooks ! {Event, Measured, Meta} end
    }.

%% Options of a follower of a cluster. A shard waits for another as long as a failover may take, so
%% that nothing may be missing, not even for a moment.
-spec options(eslaver_test_cluster:cluster(), none | fun((Address) -> Address)) -> map().
options(Cluster, none) ->
    #{
        cluster => eslaver_test_cluster:seeds(Cluster),
        dbfilename => undefined,
        migration_wait => ?WAIT
    };
options(Cluster, Addresses) ->
    (options(Cluster, none))#{addresses => Addresses}.

-spec stop(follower()) -> ok.
stop(#{kind := replica, name := Name}) -> eslaver:stop(Name);
stop(#{kind := mirror, name := Name}) -> eslaver_mirror:stop(Name).

-spec proxies(follower()) -> eslaver_test_cluster_proxies:proxies().
proxies(#{proxies := Proxies}) -> Proxies.

-spec log(follower()) -> eslaver_test_cluster_log:log().
log(#{log := Log}) -> Log.

%% How each link of a shard began, in order of time.
links(#{hooks := Hooks}) ->
    [
        {Resync, Why}
     || {[eslaver, link, up], _, #{resync := Resync, why := Why}} <-
            eslaver_test_collector:events(Hooks)
    ].

%% Why there were full syncs other than the first of a shard.
full_syncs(Follower) ->
    [Why || {full, Why} <- links(Follower), Why =/= first].

%% Keys that are written to each master that owns slots: who has them has all before.
-spec marks(eslaver_test_cluster:cluster()) -> [binary()].
marks(Cluster) ->
    Owners = [Owner || {_, _, [_ | _]} = Owner <- eslaver_test_cluster:owners(Cluster)],
    Client = eslaver_test_cluster_client:new(Cluster),
    {Marks, Used} = lists:mapfoldl(
        fun({_, _, Ranges}, Acc) -> mark(key(<<"mark:">>, Ranges), Acc) end,
        Client,
        Owners
    ),
    ok = eslaver_test_cluster_client:close(Used),
    Marks.

%% To set it twice does no harm, so it is set until that is known.
mark(Mark, Client) ->
    case eslaver_test_cluster_client:command(Client, Mark, ["SET", Mark, 1]) of
        {{ok, <<"OK">>}, Next} -> {Mark, Next};
        {unknown, Next} -> mark(Mark, Next)
    end.

%% A new key in one of these slots.
-spec key(Prefix :: binary(), [eslaver_test_cluster_nodes:range()]) -> binary().
key(Prefix, Ranges) ->
    Number = integer_to_binary(erlang:unique_integer([positive])),
    Key = <<Prefix/binary, Number/binary>>,
    case eslaver_test_cluster_nodes:in(eslaver_test_cluster:slot(Key), Ranges) of
        true -> Key;
        false -> key(Prefix, Ranges)
    end.

%% Waits until it knows where all slots are: of a slot that moves again before that, it cannot be
%% told who deletes its keys. And until its links are up: a master's history knows only the one
%% before.
-spec knows(follower(), eslaver_test_cluster:cluster()) -> ok.
knows(Follower, Cluster) ->
    eslaver_test_wait:equal(
        fun() ->
            #{moving := Moving, shards := Shards} = Info = info(Follower),
            State = maps:with([state, status], Info),
            Known = [Slots || #{slots := [_ | _] = Slots} <- maps:values(Shards)],
            Owned = [Slots || {_, _, [_ | _] = Slots} <- eslaver_test_cluster:owners(Cluster)],
            {
                {State, Moving, lists:sort(Known), Shards},
                {knowing(Follower), 0, lists:sort(Owned), Shards}
            }
        end,
        ?KNOWS
    ).

knowing(#{kind := mirror}) -> #{status => fresh};
knowing(#{kind := replica}) -> #{state => streaming}.

info(#{kind := mirror, name := Name}) -> eslaver_mirror:info(Name);
info(#{kind := replica, name := Name}) -> eslaver:info(Name).

%% Waits until it has all that the cluster has.
-spec caught_up(follower(), eslaver_test_cluster:cluster()) -> ok.
caught_up(Follower, Cluster) ->
    lists:foreach(
        fun(Mark) ->
            ok = eslaver_test_wait:equal(
                fun() ->
                    Where = {eslaver_test_cluster:slot(Mark), info(Follower)},
                    {{value(Follower, Mark), Where}, {<<"1">>, Where}}
                end,
                ?TIMEOUT
            )
        end,
        marks(Cluster)
    ).

value(#{kind := mirror, name := Name}, Mark) ->
    eslaver_mirror:get(Name, Mark);
value(#{kind := replica, log := Log}, Mark) ->
    case eslaver_test_cluster_log:has(Log, Mark) of
        true -> <<"1">>;
        false -> undefined
    end.

%% `losses`, `again`: as of eslaver_test_cluster_log. `reasons`: of full syncs but the first.
-type judging() :: #{losses => boolean(), again => boolean(), reasons => [atom()]}.

%% Each write was told once and in order. The writers have stopped.
-spec check_log(
    follower(), eslaver_test_cluster:cluster(), eslaver_test_cluster_notes:notes(), judging()
) -> ok.
check_log(#{log := Log} = Follower, Cluster, Notes, Options) ->
    ok = eslaver_test_cluster:settled(Cluster),
    ok = caught_up(Follower, Cluster),
    Contents = eslaver_test_cluster:contents(Cluster),
    ok = noted(Notes, Contents, Options),
    Judging = maps:with([losses, again], Options),
    Wrong = eslaver_test_cluster_log:wrong(Log, Notes, Contents, Judging),
    _ = [
        ct:pal("~ts~n~ts", [Key, eslaver_test_cluster_log:story(Log, Key)])
     || {Key, _} <- lists:sublist(Wrong, ?SHOWN)
    ],
    ?assertEqual({0, []}, {length(Wrong), lists:sublist(Wrong, ?SHOWN)}),
    ?assertEqual([], needless(full_syncs(Follower), Options)).

needless(Reasons, Options) ->
    [Why || Why <- Reasons, not lists:member(Why, maps:get(reasons, Options, []))].

noted(Notes, Contents, Options) ->
    Strictness =
        case Options of
            #{losses := true} -> losses;
            #{} -> exact
        end,
    Wrong = eslaver_test_cluster_notes:wrong(Notes, Contents, Strictness),
    ?assertEqual([], lists:sublist(Wrong, ?SHOWN)).

%% The mirror is as the cluster, key by key. The writers have stopped.
-spec check_mirror(
    follower(), eslaver_test_cluster:cluster(), eslaver_test_cluster_notes:notes(), judging()
) -> ok.
check_mirror(#{name := Name} = Follower, Cluster, Notes, Options) ->
    ok = eslaver_test_cluster:settled(Cluster),
    ok = caught_up(Follower, Cluster),
    ok = noted(Notes, eslaver_test_cluster:contents(Cluster), Options),
    Differences = eslaver_test_convergence:remaining(
        fun() ->
            eslaver_test_content:differences(
                eslaver_test_cluster:contents(Cluster), eslaver_test_content:of_mirror(Name, [0])
            )
        end,
        ?PATIENCE
    ),
    ?assertEqual({0, []}, {length(Differences), lists:sublist(Differences, ?SHOWN)}),
    ?assertEqual([], needless(full_syncs(Follower), Options)).
