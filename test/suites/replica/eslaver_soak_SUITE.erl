%% Everything at once, at random, for as long as ESLAVER_SOAK says (in seconds): `make soak`.
%% Without it no case runs. ESLAVER_SEED repeats the random choices.
%%
%% Two real servers, one the replica of the other, and eslaver behind a bad network. Writers never
%% stop; links are cut, stalled and slowed down, the callback dawdles, the servers swap roles,
%% and eslaver is killed and started again from the position on disk.
-module(eslaver_soak_SUITE).

-include_lib("common_test/include/ct.hrl").
-include_lib("stdlib/include/assert.hrl").

-compile([export_all, nowarn_export_all]).

suite() ->
    [{timetrap, {seconds, seconds() + 300}}, {ct_hooks, [eslaver_test_log_hook]}].

all() ->
    [soak || seconds() > 0].

seconds() ->
    list_to_integer(os:getenv("ESLAVER_SOAK", "0")).

soak(Config) ->
    Seed = eslaver_test_env:seed(),
    Results = eslaver_test_parallel:map(
        fun({Number, Server}) -> soak(Server, Seed + Number, ?config(priv_dir, Config)) end,
        lists:enumerate(eslaver_test_servers:spread())
    ),
    ct:pal("~p", [Results]).

soak(#{server := Server, name := Name}, Seed, Dir) ->
    process_flag(trap_exit, true),
    _ = rand:seed(exsss, Seed),
    Backlog = [{"repl-backlog-size", "512mb"}],
    First = eslaver_test_master:start(#{server => Server, config => Backlog}),
    Of = ["127.0.0.1", integer_to_list(eslaver_test_master:port(First))],
    Second = eslaver_test_master:start(#{
        server => Server, config => [{"replicaof", Of} | Backlog]
    }),
    SecondClient = eslaver_test_client:connect(Second),
    true = eslaver_test_wait:until(fun() ->
        eslaver_test_client:info(SecondClient, "master_link_status") =:= <<"up">>
    end),
    Ports = {eslaver_test_master:port(First), eslaver_test_master:port(Second)},
    Where = atomics:new(2, []),
    ok = atomics:put(Where, 1, 1),
    Proxy = eslaver_test_proxy:start(First),
    Collector = eslaver_test_collector:start(),
    Options = (eslaver_test_replica:target(eslaver_test_proxy:port(Proxy)))#{
        dbfilename => filename:join(Dir, [Name, ".rdb"]),
        resume => {file, filename:join(Dir, [Name, ".position"])},
        callback => fun(Event) ->
            Collector ! Event,
            dawdle(atomics:get(Where, 2))
        end
    },
    {ok, Replica} = eslaver:start_link(Options),
    ok = eslaver:await(Replica, loaded, 60_000),
    Writers = eslaver_test_writers:start(
        fun() -> element(atomics:get(Where, 1), Ports) end, Seed, #{writers => 2, pause => 5}
    ),
    State = #{
        proxy => Proxy,
        ports => Ports,
        where => Where,
        options => Options,
        replica => Replica,
        done => #{}
    },
    Deadline = erlang:monotonic_time(millisecond) + seconds() * 1000,
    #{replica := Last, done := Done} = torment(Deadline, State),
    ok = atomics:put(Where, 2, 0),
    ok = eslaver_test_proxy:flow(Proxy),
    Counts = eslaver_test_writers:stop(Writers),
    Client = eslaver_test_client:connect(element(atomics:get(Where, 1), Ports)),
    _ = eslaver_test_replica:mark(Client, Collector),
    Events = eslaver_test_collector:events(Collector),
    %% Everything that each writer counted comes in order, except what no server took during a
    %% failover. After a kill the last of it comes again.
    _ = [
        begin
            Got = eslaver_test_writers:counts(Writer, Events),
            Missing = length(lists:seq(1, N) -- lists:usort(Got)),
            ?assert(Missing =< 50 * maps:get(failover, Done, 0)),
            ?assert(steps_back(Got) =< maps:get(kill, Done, 0))
        end
     || {Writer, N} <- lists:enumerate(Counts)
    ],
    %% The last word on every key is the master's: lists may have had their last elements twice.
    Truth = strings(eslaver_test_master_data:read(Client)),
    ?assertEqual([], lists:sublist([{Key, V, G} || {Key, V, G} <- last_values(Truth, Events)], 5)),
    ok = eslaver:stop(Last),
    {Name, Counts, length(Events), eslaver_test_proxy:cuts(Proxy), Done}.

dawdle(0) -> ok;
dawdle(Milliseconds) -> timer:sleep(Milliseconds).

%% How many times the count goes back.
steps_back(Counts) ->
    length([B || {A, B} <- lists:zip(lists:droplast(Counts), tl(Counts)), B =< A]).

%% The keys that were SET only, by the last SET.
strings(Truth) ->
    maps:filtermap(
        fun
            (Key, #{type := string, value := Value}) ->
                binary:match(Key, <<":s:">>) =/= nomatch andalso {true, Value};
            (_, _) ->
                false
        end,
        Truth
    ).

last_values(Truth, Events) ->
    Last = lists:foldl(
        fun
            ({stream, "set", [Key, Value]}, Map) -> Map#{Key => Value};
            (_, Map) -> Map
        end,
        #{},
        Events
    ),
    [
        {Key, Value, maps:get(Key, Last, none)}
     || {Key, Value} <- maps:to_list(Truth), maps:get(Key, Last, none) =/= Value
    ].

torment(Deadline, #{done := Done} = State) ->
    case erlang:monotonic_time(millisecond) < Deadline of
        false ->
            State;
        true ->
            What = any(
                lists:duplicate(12, cut) ++
                    [stall, trickle, slow, slow, quick, kill, stop, failover]
            ),
            Next = (do(What, State))#{
                done := maps:update_with(What, fun(N) -> N + 1 end, 1, Done)
            },
            torment(Deadline, Next)
    end.

do(cut, #{proxy := Proxy} = State) ->
    ok = eslaver_test_proxy:cut_after(Proxy, down, rand:uniform(50_000), any([eof, reset])),
    timer:sleep(rand:uniform(200)),
    State;
do(stall, #{proxy := Proxy} = State) ->
    ok = eslaver_test_proxy:stall(Proxy),
    timer:sleep(rand:uniform(2000)),
    ok = eslaver_test_proxy:flow(Proxy),
    State;
do(trickle, #{proxy := Proxy} = State) ->
    ok = eslaver_test_proxy:trickle(Proxy, rand:uniform(100)),
    timer:sleep(rand:uniform(1000)),
    ok = eslaver_test_proxy:flow(Proxy),
    State;
do(slow, #{where := Where} = State) ->
    ok = atomics:put(Where, 2, rand:uniform(20)),
    timer:sleep(rand:uniform(1000)),
    ok = atomics:put(Where, 2, 0),
    State;
do(quick, State) ->
    timer:sleep(rand:uniform(2000)),
    State;
do(kill, State) ->
    again(kill, State);
do(stop, State) ->
    again(shutdown, State);
do(failover, #{proxy := Proxy, ports := Ports, where := Where} = State) ->
    Old = atomics:get(Where, 1),
    New = 3 - Old,
    OldClient = eslaver_test_client:connect(element(Old, Ports)),
    NewClient = eslaver_test_client:connect(element(New, Ports)),
    To = ["FAILOVER", "TO", "127.0.0.1", element(New, Ports)],
    true = eslaver_test_wait:until(
        fun() -> eslaver_test_client:command(OldClient, To) =:= <<"OK">> end, 60_000
    ),
    true = eslaver_test_wait:until(
        fun() -> eslaver_test_client:info(NewClient, "role") =:= <<"master">> end, 60_000
    ),
    ok = atomics:put(Where, 1, New),
    ok = eslaver_test_proxy:target(Proxy, element(New, Ports)),
    ok = eslaver_test_proxy:cut(Proxy),
    true = eslaver_test_wait:until(
        fun() -> eslaver_test_client:info(OldClient, "master_link_status") =:= <<"up">> end, 60_000
    ),
    ok = eslaver_test_client:close(OldClient),
    ok = eslaver_test_client:close(NewClient),
    State.

%% Ended in this way, and started again.
again(Reason, #{replica := Replica, options := Options} = State) ->
    exit(Replica, Reason),
    receive
        {'EXIT', Replica, _} -> ok
    after 30_000 -> error(does_not_end)
    end,
    {ok, Again} = eslaver:start_link(Options),
    State#{replica := Again}.

any(List) ->
    lists:nth(rand:uniform(length(List)), List).
