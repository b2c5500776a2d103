%% What the cases of the cluster suites have in common: a cluster, its writers and a follower, until
%% all has been checked.
-module(eslaver_test_cluster_cases).

-include_lib("common_test/include/ct.hrl").

-export([groups/2, server/1, start/4, finish/2, happen/3, too_late/4, tokens/1]).
-export_type([setting/0]).

%% In ms.
-define(SOON, 1000).
-define(TIMEOUT, 30_000).
-type setting() :: #{
    server := file:filename(),
    cluster := eslaver_test_cluster:cluster(),
    ways := [eslaver_test_cluster_moves:way()],
    writers := eslaver_test_cluster_writers:writers(),
    follower := eslaver_test_cluster_followers:follower(),
    %% Of a mirror.
    readers := none | eslaver_test_cluster_readers:readers(),
    news := none | pid(),
    options := map()
}.

%% A group for each version: all cases with those that are chosen (eslaver_test_cluster:chosen/0),
%% some with the others.
-spec groups(All :: [atom()], Some :: [atom()]) -> [ct_suite:ct_group_def()].
groups(All, Some) ->
    Chosen = eslaver_test_cluster:chosen(),
    [
        {Name, [parallel],
            case lists:member(Server, Chosen) of
                true -> All;
                false -> Some
            end}
     || #{name := Name} = Server <- eslaver_test_cluster:versions()
    ].

-spec server(list()) -> file:filename().
server(Context) ->
    maps:get(server, ?config(server, Context)).

%% A follower with this name, which has loaded what the writers began with. The options are its
%% own; `losses`, `again` and `reasons` for eslaver_test_cluster_followers; and `failovers` for the
%% cluster, by default as `losses`.
-spec start(replica | mirror, Name :: atom(), list(), map()) -> setting().
start(Kind, Name, Context, Given) ->
    Seed = eslaver_test_env:seed(),
    _ = rand:seed(exsss, Seed),
    Judging = [losses, again, reasons],
    Own = maps:without([failovers | Judging], Given),
    Server = server(Context),
    Losses = maps:get(losses, Given, false),
    Cluster = eslaver_test_cluster:start(#{
        server => Server, failovers => maps:get(failovers, Given, Losses)
    }),
    Writers = eslaver_test_cluster_writers:start(Cluster, Seed),
    %% replicas have what the writers have begun with soon after
    _ = [ok = timer:sleep(?SOON) || maps:get(read_from, Given, master) =/= master],
    Follower = eslaver_test_cluster_followers:Kind(Name, Cluster, Own),
    Judged = maps:with(Judging, Given),
    Setting = #{
        server => Server,
        cluster => Cluster,
        ways => eslaver_test_cluster:ways(Server),
        writers => Writers,
        follower => Follower,
        readers => none,
        news => none,
        options => Judged
    },
    case Kind of
        replica ->
            Setting;
        mirror ->
            Setting#{
                readers :=
                    eslaver_test_cluster_readers:start(Name, Writers, of_readers(Cluster, Judged)),
                news := eslaver_test_cluster_news:start(Name)
            }
    end.

of_readers(Cluster, #{losses := true}) -> #{losses => Cluster};
of_readers(_Cluster, #{}) -> #{}.

%% All is as it must be. What the subscriber was told.
-spec finish(setting(), Report :: term()) -> [term()].
finish(#{cluster := Cluster, writers := Writers, follower := Follower} = Setting, Report) ->
    #{options := Options, readers := Readers, news := News} = Setting,
    Notes = eslaver_test_cluster_writers:stop(Writers),
    Written = lists:sum([length(Done) || Done <- maps:values(Notes)]),
    Notices =
        case Readers of
            none ->
                ok = eslaver_test_cluster_followers:check_log(Follower, Cluster, Notes, Options),
                ct:pal("~p~n~b writes", [Report, Written]),
                [];
            _ ->
                ok = eslaver_test_cluster_followers:check_mirror(Follower, Cluster, Notes, Options),
                #{reads := Reads, wrong := Wrong} = eslaver_test_cluster_readers:stop(Readers),
                Told = eslaver_test_cluster_news:stop(News),
                ct:pal("~p~n~b writes, ~b reads, ~b notices", [
                    Report, Written, Reads, length(Told)
                ]),
                [] = Wrong,
                [] = lists:sublist(eslaver_test_cluster_news:wrong(Told, Notes), 5),
                true = Reads > 1000,
                Told
        end,
    true = Written > 1000,
    ok = eslaver_test_cluster_followers:stop(Follower),
    ok = eslaver_test_cluster:stop(Cluster),
    Notices.

%% These events at random (eslaver_test_cluster_chance) for some time, in ms.
-spec happen([eslaver_test_cluster_chance:event()], pos_integer(), setting()) ->
    eslaver_test_cluster_chance:report().
happen(Events, Time, #{follower := Follower} = Setting) ->
    Context = maps:with([cluster, ways, writers], Setting),
    eslaver_test_cluster_chance:run(
        Context#{
            proxies => eslaver_test_cluster_followers:proxies(Follower),
            follower => Follower,
            events => Events
        },
        erlang:monotonic_time(millisecond) + Time,
        #{}
    ).

%% A move is taken back too late (eslaver_test_cluster_moves:cancel_too_late/5): the target's value
%% is left. Only Valkey's atomic moves are canceled at their source.
-spec too_late(replica | mirror, Name :: atom(), list(), map()) -> [term()] | {skip, string()}.
too_late(Kind, Name, Context, Options) ->
    Server = server(Context),
    case {eslaver_test_servers:family(Server), eslaver_test_cluster:ways(Server)} of
        {valkey, [classic, atomic]} ->
            Setting = start(Kind, Name, Context, Options#{failovers => false}),
            ok = cancel_too_late(Setting),
            finish(Setting, too_late);
        _ ->
            {skip, "no move is canceled at its source"}
    end.

cancel_too_late(#{cluster := Cluster}) ->
    [One, Other | _] = eslaver_test_cluster:masters(Cluster),
    {First, _} = hd(eslaver_test_cluster:slots(Cluster, One)),
    Slots = [{First, First + 9}],
    Key = eslaver_test_cluster_followers:key(<<"key:">>, Slots),
    <<"OK">> = eslaver_test_cluster:ask(One, ["SET", Key, "kept"]),
    ok = eslaver_test_cluster_moves:cancel_too_late(Cluster, Slots, One, Other, Key),
    <<"kept">> = eslaver_test_cluster:ask(Other, ["GET", Key]),
    ok.

%% What each master has now is waited for, by its id.
-spec tokens(setting()) -> ok.
tokens(#{cluster := Cluster, follower := #{kind := Kind, name := Name}}) ->
    Module = maps:get(Kind, #{replica => eslaver, mirror => eslaver_mirror}),
    lists:foreach(
        fun(Master) ->
            Info = eslaver_test_cluster:ask(Master, ["INFO", "replication"]),
            {offset, _, Offset} = Token = eslaver:token(Info),
            ok = Module:await(Name, Token, ?TIMEOUT),
            {error, which_shard} = Module:await(Name, {offset, Offset}, ?TIMEOUT)
        end,
        eslaver_test_cluster:masters(Cluster)
    ).
