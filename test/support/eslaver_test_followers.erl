%% A replica that records its events and a mirror, which follow the same master wherever it goes,
%% and what must be true of both then: nothing lost, nothing doubled, nothing of another master's.
%%
%% An era (era/2) is a number that is written to each new master. The mirror is looked at all the
%% time: as long as it is fresh, it must not go back to an earlier one.
-module(eslaver_test_followers).

-include_lib("stdlib/include/assert.hrl").

-export([start/2, stop/1, infos/1]).
-export([cut/2, write/3, era/2, await_era/2, next_era/1, changes/1, links/1, delays/1]).
-export([check/3, check/4]).

-export_type([followers/0, connect/0, link/0]).

-opaque followers() :: #{
    replica := pid(),
    mirror := atom(),
    collector := pid(),
    hooks := pid(),
    sampler := pid()
}.
-type connect() :: fun(() -> eslaver_test_client:client()).
-type link() :: {full | partial, Why :: atom()}.

-define(TIMEOUT, 60_000).
-define(ANSWER, 500).
-define(ERA, <<"0:era">>).
%% Those that the writers use.
-define(DBS, [0, 3, 9]).

%% Both with these options, once they have loaded.
-spec start(Mirror :: atom(), map()) -> followers().
start(Mirror, Options) ->
    Collector = eslaver_test_collector:start(),
    Hooks = eslaver_test_collector:start(),
    Hooked = fun(Who) -> Options#{hooks => fun(E, M, Meta) -> Hooks ! {Who, E, M, Meta} end} end,
    {ok, Replica} = eslaver:start_link((Hooked(replica))#{callback => Collector}),
    {ok, _} = eslaver_mirror:start_link((Hooked(mirror))#{name => Mirror}),
    ok = eslaver:await(Replica, loaded, ?TIMEOUT),
    ok = eslaver_mirror:await(Mirror, loaded, ?TIMEOUT),
    #{
        replica => Replica,
        mirror => Mirror,
        collector => Collector,
        hooks => Hooks,
        sampler => eslaver_test_sampler:start(Mirror, ?ERA)
    }.

-spec stop(followers()) -> ok.
stop(#{replica := Replica, mirror := Mirror, sampler := Sampler}) ->
    _ = eslaver_test_sampler:stop(Sampler),
    ok = eslaver:stop(Replica),
    eslaver_mirror:stop(Mirror).

%% What the replica and the mirror say of themselves.
-spec infos(followers()) -> [map()].
infos(#{replica := Replica, mirror := Mirror}) ->
    #{replica := OfMirror} = eslaver_mirror:info(Mirror),
    [eslaver:info(Replica), OfMirror].

%% Cuts the links of all replicas of a master, and waits until both are linked again.
-spec cut(followers(), connect()) -> ok.
cut(Followers, Connect) ->
    Before = links(Followers),
    Client = Connect(),
    Cut = eslaver_test_client:ok(Client, ["CLIENT", "KILL", "TYPE", "replica"]),
    ok = eslaver_test_client:close(Client),
    ?assert(Cut >= 2),
    true = eslaver_test_wait:until(
        fun() ->
            lists:all(
                fun({Had, Has}) -> length(Has) > length(Had) end,
                lists:zip(Before, links(Followers))
            )
        end,
        ?TIMEOUT
    ),
    ok.

%% Writes a key, and waits until both have it.
-spec write(followers(), connect(), Key :: string()) -> ok.
write(#{mirror := Mirror, collector := Collector}, Connect, Key) ->
    Client = Connect(),
    <<"OK">> = eslaver_test_client:ok(Client, ["SET", Key, "x"]),
    ok = eslaver_test_client:close(Client),
    Name = list_to_binary(Key),
    _ = await_event(Collector, Name, <<"x">>),
    true = eslaver_test_wait:until(fun() -> eslaver_mirror:get(Mirror, Name) =:= <<"x">> end),
    ok.

%% Writes the number of an era, as soon as the master takes writes that this connects to.
-spec era(connect(), pos_integer()) -> ok.
era(Connect, Number) ->
    true = eslaver_test_wait:until(
        fun() ->
            try
                Client = Connect(),
                Replies = eslaver_test_client:pipeline(Client, [["SET", ?ERA, Number]], ?ANSWER),
                ok = eslaver_test_client:close(Client),
                Replies =:= [<<"OK">>]
            catch
                error:_ -> false
            end
        end,
        ?TIMEOUT
    ),
    ok.

%% One that has not been seen.
-spec next_era(followers()) -> pos_integer().
next_era(#{mirror := Mirror} = Followers) ->
    Now = [binary_to_integer(Era) || Era <- [eslaver_mirror:get(Mirror, ?ERA)], is_binary(Era)],
    1 + lists:max([0 | Now ++ [Era || {_, _, Era} <- changes(Followers), is_integer(Era)]]).

%% Waits until both have it. When the mirror was fresh with it, in ms of the monotonic clock.
-spec await_era(followers(), pos_integer()) -> integer().
await_era(#{collector := Collector} = Followers, Number) ->
    _ = await_event(Collector, ?ERA, integer_to_binary(Number)),
    eslaver_test_wait:until(
        fun() ->
            case [At || {At, fresh, Seen} <- changes(Followers), Seen =:= Number] of
                [At | _] -> At;
                [] -> false
            end
        end,
        ?TIMEOUT
    ).

%% In the stream, or in a snapshot.
await_event(Collector, Key, Value) ->
    eslaver_test_collector:await(Collector, fun
        ({stream, "set", [K, V]}) -> {K, V} =:= {Key, Value};
        ({loading, string, K, V}) -> {K, V} =:= {Key, Value};
        (_) -> false
    end).

%% What was seen of the mirror so far.
-spec changes(followers()) -> [eslaver_test_sampler:change()].
changes(#{sampler := Sampler}) ->
    eslaver_test_sampler:changes(Sampler).

%% How each link began, of the replica and of the mirror.
-spec links(followers()) -> [[link()]].
links(Followers) ->
    Up = [{Who, Meta} || {Who, [eslaver, link, up], _, Meta} <- told(Followers)],
    each([{Who, {Resync, Why}} || {Who, #{resync := Resync, why := Why}} <- Up]).

%% The pauses before they tried again, in ms, and why they had to, of the replica and of the mirror.
-spec delays(followers()) -> [[{Ms :: non_neg_integer(), Reason :: atom()}]].
delays(Followers) ->
    each([
        {Who, {erlang:convert_time_unit(Delay, native, millisecond), Reason}}
     || {Who, [eslaver, reconnect], #{delay := Delay}, #{reason := Reason}} <- told(Followers)
    ]).

each(Told) ->
    [[News || {Who, News} <- Told, Who =:= Each] || Each <- [replica, mirror]].

told(#{hooks := Hooks}) ->
    eslaver_test_collector:events(Hooks).

-spec check(followers(), connect(), Writers :: non_neg_integer()) -> ok.
check(Followers, Connect, Writers) ->
    check(Followers, Connect, Writers, [diverged]).

%% What must be true of both now that these writers have stopped. The last master is the one that
%% this connects to. After the first full sync there was none, except for these reasons.
-spec check(followers(), connect(), Writers :: non_neg_integer(), [atom()]) -> ok.
check(#{mirror := Mirror, collector := Collector} = Followers, Connect, Writers, Reasons) ->
    Last = next_era(Followers),
    ok = era(Connect, Last),
    _ = await_era(Followers, Last),
    Client = Connect(),
    Events = [E || E <- eslaver_test_collector:events(Collector), not is_greeting(E)],
    ok = in_order(Writers, Events),
    Data = eslaver_test_event_replay:events(Events),
    Truth = eslaver_test_master_data:read(Client),
    ?assertEqual([], lists:sublist(eslaver_test_event_replay:differences(Truth, Data), 5)),
    ok = eslaver_test_proxied_mirror:caught_up(Mirror, Client),
    Differences = eslaver_test_content:differences(
        eslaver_test_content:of_server(Client), eslaver_test_content:of_mirror(Mirror, ?DBS)
    ),
    ?assertEqual([], lists:sublist(Differences, 5)),
    ok = eslaver_test_client:close(Client),
    ?assertEqual([], wrong(changes(Followers))),
    ?assertEqual([[], []], [full_syncs(Links) -- Reasons || Links <- links(Followers)]).

%% Sentinels greet each other in the stream of the master.
is_greeting({stream, "publish", [<<"__sentinel__:hello">> | _]}) -> true;
is_greeting(_Event) -> false.

%% What a writer counted up never goes back, nor is it told twice, from one snapshot to the next.
in_order(Writers, Events) ->
    lists:foreach(
        fun(Writer) ->
            lists:foreach(
                fun(Section) ->
                    Counts = eslaver_test_writers:counts(Writer, Section),
                    ?assertEqual(lists:usort(Counts), Counts)
                end,
                sections(Events)
            )
        end,
        lists:seq(1, Writers)
    ).

sections(Events) ->
    case lists:splitwith(fun(Event) -> Event =/= {loading, eof} end, Events) of
        {Section, []} -> [Section];
        {Section, [_ | Rest]} -> [Section | sections(Rest)]
    end.

%% Fresh with an earlier era than before, or with none.
wrong(Changes) ->
    {_, Wrong} = lists:foldl(
        fun
            ({_, fresh, Era}, {Last, Found}) when is_integer(Era), Era >= Last -> {Era, Found};
            ({_, fresh, none}, {0, Found}) -> {0, Found};
            ({_, fresh, Era}, {Last, Found}) -> {Last, [{Last, Era} | Found]};
            (_, Acc) -> Acc
        end,
        {0, []},
        Changes
    ),
    lists:reverse(Wrong).

%% Why there were any after the first.
full_syncs([{full, _First} | Links]) ->
    lists:usort([Why || {full, Why} <- Links]).
