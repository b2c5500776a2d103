%% Readers of a mirror see moments of its master, and never go back in time: many of them look at
%% what transactions keep true (eslaver_test_invariants), while readers are killed, links are cut,
%% replicas are killed, and the mirror loads anew, is saved, and is restarted. What it saves is of
%% one moment, too. ESLAVER_SOAK says for how many seconds.
-module(eslaver_mirror_moments_SUITE).

-include_lib("common_test/include/ct.hrl").
-include_lib("stdlib/include/assert.hrl").

-compile([export_all, nowarn_export_all]).

-define(M, mirror_of_moments).
-define(OF_FILE, mirror_of_a_saved_moment).
-define(SECONDS, 5).
-define(READERS, 6).
-define(DBS, [0, 1, 2]).
%% Small enough to be outrun, large enough for a link that is cut only.
-define(BACKLOG, 1_000_000).

suite() ->
    [{timetrap, {hours, 12}}, {ct_hooks, [{eslaver_test_mirror_hook, ?M}]}].

all() ->
    eslaver_test_groups:cases(?MODULE).

loaded_beside(Config) ->
    seen(beside, Config).

%% There is no data while it loads.
loaded_in_place(Config) ->
    seen(in_place, Config).

seen(Way, Config) ->
    File = filename:join(?config(priv_dir, Config), atom_to_list(Way) ++ ".rdb"),
    Options = #{full_resync => Way, persist => #{file => File, interval => infinity}},
    _ = rand:seed(exsss, eslaver_test_env:seed()),
    Backlog = [{"repl-backlog-size", integer_to_list(?BACKLOG)}],
    OfMaster = #{server => eslaver_test_servers:own(), config => Backlog},
    #{client := Client} = Proxied = eslaver_test_proxied_mirror:start(?M, OfMaster, Options),
    Started = Proxied#{options => Options, file => File},
    Kept = eslaver_test_client:pipeline(Client, eslaver_test_invariants:setup(1)),
    ?assertEqual([], errors(Kept)),
    ok = eslaver_test_proxied_mirror:caught_up(?M, Client),
    Stop = atomics:new(1, []),
    Clock = atomics:new(1, []),
    Checks = eslaver_test_invariants:checks(),
    Counts = counters:new(length(Checks), []),
    Writers = [
        spawn_link(fun() -> write(Stop, Kinds, Started) end)
     || Kinds <- [[swap, start_over] | [[Kind] || Kind <- [transfer, rotate, move, replace]]]
    ],
    Readers = [reader(Stop, Clock, Counts) || _ <- lists:seq(1, ?READERS)],
    Deadline = erlang:monotonic_time(millisecond) + 1000 * seconds(),
    Troubles = troubled(Deadline, Readers, {Stop, Clock, Counts}, Started, #{}),
    ok = atomics:put(Stop, 1, 1),
    [ended(Writer) || Writer <- Writers],
    ok = eslaver_test_proxied_mirror:caught_up(?M, Client),
    Looks = maps:from_list([
        {Check, counters:get(Counts, Number)}
     || {Number, Check} <- lists:enumerate(Checks)
    ]),
    ct:pal("~0p: seen ~0p, ~0p", [Options, Looks, Troubles]),
    ?assertEqual([], [Check || {Check, 0} <- maps:to_list(Looks)]),
    ?assertEqual([], troubles() -- maps:keys(Troubles)),
    ?assertEqual([], [
        {Check, Seen}
     || Check <- Checks, Seen <- [eslaver_test_invariants:check(Check, ?M, Clock)], Seen =/= true
    ]),
    ?assertEqual([], differences(Client)).

seconds() ->
    list_to_integer(os:getenv("ESLAVER_SOAK", integer_to_list(?SECONDS))).

differences(Client) ->
    eslaver_test_content:differences(
        eslaver_test_content:of_server(Client), eslaver_test_content:of_mirror(?M, ?DBS)
    ).

errors(Replies) ->
    [Error || {error, _} = Error <- lists:flatten(Replies)].

ended(Pid) ->
    Monitor = monitor(process, Pid),
    receive
        {'DOWN', Monitor, process, Pid, Reason} -> ?assert(lists:member(Reason, [normal, noproc]))
    end.

write(Stop, Kinds, #{master := Master}) ->
    Client = eslaver_test_client:connect(Master),
    ok = write_while(Stop, Kinds, Client, 2),
    eslaver_test_client:close(Client).

write_while(Stop, Kinds, Client, Number) ->
    case atomics:get(Stop, 1) of
        1 ->
            ok;
        0 ->
            Kind = lists:nth(rand:uniform(length(Kinds)), Kinds),
            Transaction = eslaver_test_invariants:transaction(Kind, Number),
            [] = errors(eslaver_test_client:pipeline(Client, Transaction)),
            %% What makes all anew is more than the rest together.
            _ = lists:member(start_over, Kinds) andalso timer:sleep(rand:uniform(40)),
            write_while(Stop, Kinds, Client, Number + 1)
    end.

%% It ends by the first thing that never was.
reader(Stop, Clock, Counts) ->
    spawn_monitor(fun() -> look(Stop, Clock, Counts) end).

look(Stop, Clock, Counts) ->
    Checks = eslaver_test_invariants:checks(),
    Number = rand:uniform(length(Checks)),
    Check = lists:nth(Number, Checks),
    case eslaver_test_invariants:check(Check, ?M, Clock) of
        true -> counters:add(Counts, Number, 1);
        {error, Why} when Why =:= loading; Why =:= stale; Why =:= not_running -> timer:sleep(1);
        Other -> exit({never_was, Check, Other})
    end,
    case atomics:get(Stop, 1) of
        0 -> look(Stop, Clock, Counts);
        1 -> ok
    end.

%% One trouble after the other, each of them at least once; gives how often each.
troubled(Deadline, Readers, Of, Started, Counts) ->
    Left = troubles() -- maps:keys(Counts),
    case {erlang:monotonic_time(millisecond) < Deadline, Left} of
        {false, []} ->
            {Stop, _, _} = Of,
            ok = atomics:put(Stop, 1, 1),
            _ = [{normal, Reader} = {reason(Reader), Reader} || Reader <- Readers],
            Counts;
        {_, _} ->
            ok = timer:sleep(rand:uniform(150)),
            Trouble = one_of(
                case Left of
                    [] -> troubles();
                    _ -> Left
                end
            ),
            Others = trouble(Trouble, Readers, Of, Started),
            More = maps:update_with(Trouble, fun(Count) -> Count + 1 end, 1, Counts),
            troubled(Deadline, Others, Of, Started, More)
    end.

one_of(List) ->
    lists:nth(rand:uniform(length(List)), List).

troubles() ->
    [kill_readers, cut, cut_later, outrun, kill_replica, save, restart].

%% The readers that there are then.
trouble(kill_readers, Readers, {Stop, Clock, Counts}, _) ->
    {Killed, Others} = lists:split(?READERS div 2, shuffled(Readers)),
    _ = [exit(Pid, kill) || {Pid, _} <- Killed],
    _ = [{killed, Reader} = {reason(Reader), Reader} || Reader <- Killed],
    [reader(Stop, Clock, Counts) || _ <- Killed] ++ Others;
trouble(cut, Readers, _, #{proxy := Proxy}) ->
    ok = eslaver_test_proxy:cut(Proxy),
    Readers;
trouble(cut_later, Readers, _, #{proxy := Proxy}) ->
    ok = eslaver_test_proxy:cut_after(Proxy, down, rand:uniform(100_000), one_of([eof, reset])),
    Readers;
trouble(outrun, Readers, _, #{proxy := Proxy, client := Client, master := Master}) ->
    ok = eslaver_test_proxy:target(Proxy, none),
    ok = eslaver_test_proxy:cut(Proxy),
    Full = full_resyncs(Client),
    _ = eslaver_test_client:ok(Client, ["SELECT", lists:last(?DBS)]),
    _ = eslaver_test_client:ok(Client, ["SET", "outrun", binary:copy(<<"x">>, 2 * ?BACKLOG)]),
    ok = eslaver_test_proxy:target(Proxy, Master),
    true = eslaver_test_wait:until(fun() -> full_resyncs(Client) > Full end),
    Readers;
trouble(kill_replica, Readers, _, _) ->
    ok = eslaver_test_proxied_mirror:kill_replica(?M),
    Readers;
trouble(save, Readers, _, #{file := File}) ->
    Saved = File ++ ".moment",
    case eslaver_mirror:save(?M, Saved) of
        ok -> ok = saved_moment(Saved);
        {error, Why} -> ?assert(lists:member(Why, [loading, incomplete]))
    end,
    Readers;
%% What it saves at the end, if it has all data then, is where the next one begins. An older file
%% would take readers back in time.
trouble(restart, Readers, _, #{file := File, options := Options} = Started) ->
    _ = file:delete(File),
    ok = eslaver_mirror:stop(?M),
    ok = eslaver_test_proxied_mirror:attach(?M, Started, Options),
    Readers.

%% A mirror of that file, whose master is out of reach.
saved_moment(File) ->
    Target = eslaver_test_replica:target(1),
    {ok, _} = eslaver_mirror:start_link(Target#{
        name => ?OF_FILE, persist => #{file => File, interval => infinity}
    }),
    ok = eslaver_mirror:await(?OF_FILE, loaded, 30_000),
    Clock = atomics:new(1, []),
    ?assertEqual([], [
        {Check, Seen}
     || Check <- eslaver_test_invariants:checks(),
        _ <- lists:seq(1, 4),
        Seen <- [eslaver_test_invariants:check(Check, ?OF_FILE, Clock)],
        Seen =/= true
    ]),
    eslaver_mirror:stop(?OF_FILE).

full_resyncs(Client) ->
    binary_to_integer(eslaver_test_client:info(Client, "sync_full")).

shuffled(List) ->
    [Item || {_, Item} <- lists:sort([{rand:uniform(), Item} || Item <- List])].

reason({Pid, Monitor}) ->
    receive
        {'DOWN', Monitor, process, Pid, Reason} -> Reason
    end.
