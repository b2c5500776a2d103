%% @doc What the mirror's benchmark does in a node: reads of a mirror, and the same of a server over
%% a unix socket. `eslaver_bench' calls it.
-module(eslaver_bench_mirror).

-export([answer/1]).

-define(MIRROR, bench_mirror).
%% How many keys of each kind there are, and elements of each: as `bench/src/mirror.rs' writes them.
-define(STRINGS, 100_000).
-define(OTHERS, 10_000).
-define(ELEMENTS, 10).
-define(MEMBERS, 100_000).

%% Times are counted by ns up to 16 µs, by µs up to 17 ms and by ms up to 17 s.
-define(UNITS, 16_384).

-spec answer(tuple() | atom()) -> iodata().
%% Starts a mirror, and answers when its data can be read.
answer({start, Options}) ->
    {ok, _} = eslaver_mirror:start_link(Options#{name => ?MIRROR}),
    ok = eslaver_mirror:await(?MIRROR, loaded, infinity),
    "loaded";
answer(stop) ->
    ok = eslaver_mirror:stop(?MIRROR),
    "stopped";
%% Has a unix socket tell how far the stream has been applied, for each byte that it gets. A request
%% of this module takes the time of some hundred commands, in which others wait for the processor.
answer({positions, Path}) ->
    {ok, Listener} = gen_tcp:listen(0, [{ifaddr, {local, Path}}, binary, {active, false}]),
    _ = spawn_link(fun() ->
        {ok, Socket} = gen_tcp:accept(Listener),
        tell_positions(Socket)
    end),
    "listening";
answer(keys) ->
    integer_to_list(eslaver_mirror:dbsize(?MIRROR));
%% The bytes that it says it takes.
answer(memory) ->
    integer_to_list(maps:get(memory, eslaver_mirror:info(?MIRROR)));
answer({save, File}) ->
    ok = eslaver_mirror:save(?MIRROR, File),
    "saved";
%% The answer to another request, while the mirror is saved again and again.
answer({while_saving, File, Request}) ->
    {Saver, Monitor} = spawn_monitor(fun() -> save_until_told(File) end),
    Answer = answer(Request),
    Saver ! enough,
    receive
        {'DOWN', Monitor, process, Saver, normal} -> Answer
    end;
%% Reads per second of `Number' processes together.
answer({rate, Kind, Source, Number, Ms}) ->
    Read = read(Kind, Source),
    Rates = in_parallel(Number, Source, fun(Connection) -> rate(Read, Connection, Ms) end),
    io_lib:format("~b", [round(lists:sum(Rates))]);
%% How long each read takes, in ns: the percentiles 50, 99 and 99.9, and the longest; and the
%% percentile 99.9 of how long those would wait that came at any moment, as a long read delays all
%% that come meanwhile.
answer({times, Kind, Source, Number, Ms}) ->
    Read = read(Kind, Source),
    Times = counters:new(3 * ?UNITS, []),
    in_parallel(Number, Source, fun(Connection) -> times(Read, Connection, Times, Ms) end),
    Counts = counts(Times),
    Figures = percentiles(Counts, [0.5, 0.99, 0.999, 1]) ++ [delay(Counts, 0.001)],
    lists:join($\s, [integer_to_list(Time) || Time <- Figures]);
%% When a reader that is told of changes had each of `Count' numbers, in ns of the system's clock.
answer({watch, Count}) ->
    lists:join($\s, [integer_to_list(Time) || Time <- watch(Count)]).

%% Each with the time at which it was so, in µs of the system's clock.
tell_positions(Socket) ->
    case gen_tcp:recv(Socket, 1) of
        {ok, _} ->
            Before = os:system_time(microsecond),
            #{offset := Offset} = eslaver_mirror:info(?MIRROR),
            After = os:system_time(microsecond),
            ok = gen_tcp:send(Socket, io_lib:format("~b ~b~n", [Offset, (Before + After) div 2])),
            tell_positions(Socket);
        {error, closed} ->
            ok
    end.

save_until_told(File) ->
    ok = eslaver_mirror:save(?MIRROR, File),
    receive
        enough -> ok
    after 0 -> save_until_told(File)
    end.

%% One read of a random key, given what it is read from and a random number.

read(Kind, mirror) ->
    Read = mirror_read(Kind, keys(Kind)),
    fun(_, Random) -> Read(Random) end;
read(ets, ets) ->
    Keys = keys(get),
    fun(Table, Random) -> ets:lookup(Table, key(Keys, Random)) end;
read(Kind, {socket, _}) ->
    Command = command(Kind, keys(Kind)),
    fun(Socket, Random) -> eslaver_bench_client:ask(Socket, Command(Random)) end.

mirror_read(get, Keys) ->
    fun(Random) -> eslaver_mirror:get(?MIRROR, key(Keys, Random)) end;
mirror_read(hget, Keys) ->
    Fields = names("f", ?ELEMENTS),
    fun(Random) -> eslaver_mirror:hget(?MIRROR, key(Keys, Random), key(Fields, Random)) end;
mirror_read(hgetall, Keys) ->
    fun(Random) -> eslaver_mirror:hgetall(?MIRROR, key(Keys, Random)) end;
mirror_read(smembers, Keys) ->
    fun(Random) -> eslaver_mirror:smembers(?MIRROR, key(Keys, Random)) end;
mirror_read(lrange, Keys) ->
    fun(Random) -> eslaver_mirror:lrange(?MIRROR, key(Keys, Random), 0, -1) end;
mirror_read(zscore, Members) ->
    fun(Random) -> eslaver_mirror:zscore(?MIRROR, <<"z">>, key(Members, Random)) end;
mirror_read(zrange, _) ->
    fun(Random) ->
        From = Random rem (?MEMBERS - ?ELEMENTS),
        eslaver_mirror:zrange(?MIRROR, <<"z">>, From, From + ?ELEMENTS - 1)
    end.

command(get, Keys) ->
    fun(Random) -> [<<"GET">>, key(Keys, Random)] end;
command(hget, Keys) ->
    Fields = names("f", ?ELEMENTS),
    fun(Random) -> [<<"HGET">>, key(Keys, Random), key(Fields, Random)] end;
command(hgetall, Keys) ->
    fun(Random) -> [<<"HGETALL">>, key(Keys, Random)] end;
command(smembers, Keys) ->
    fun(Random) -> [<<"SMEMBERS">>, key(Keys, Random)] end;
command(lrange, Keys) ->
    fun(Random) -> [<<"LRANGE">>, key(Keys, Random), <<"0">>, <<"-1">>] end;
command(zscore, Members) ->
    fun(Random) -> [<<"ZSCORE">>, <<"z">>, key(Members, Random)] end;
command(zrange, _) ->
    fun(Random) ->
        From = Random rem (?MEMBERS - ?ELEMENTS),
        Range = [integer_to_binary(At) || At <- [From, From + ?ELEMENTS - 1]],
        [<<"ZRANGE">>, <<"z">> | Range]
    end.

keys(get) -> names("s", ?STRINGS);
keys(Kind) when Kind =:= hget; Kind =:= hgetall -> names("h", ?OTHERS);
keys(smembers) -> names("t", ?OTHERS);
keys(lrange) -> names("l", ?OTHERS);
keys(Kind) when Kind =:= zscore; Kind =:= zrange -> names("m", ?MEMBERS).

%% Names that cost a reader nothing but to pick one: they lie in no process's heap.
names(Prefix, Count) ->
    case persistent_term:get({?MODULE, Prefix, Count}, undefined) of
        undefined ->
            Names = [
                iolist_to_binary([Prefix, $:, integer_to_list(N)])
             || N <- lists:seq(1, Count)
            ],
            ok = persistent_term:put({?MODULE, Prefix, Count}, list_to_tuple(Names)),
            names(Prefix, Count);
        Names ->
            Names
    end.

key(Names, Random) -> element(1 + Random rem tuple_size(Names), Names).

%% The next of a row of random numbers, for much less than what a read costs.
random(Last) -> (Last * 1_103_515_245 + 12_345) band 16#7fffffff.

%% The results of `Number' processes that call `Fun' at once, each with what it reads from.
in_parallel(Number, Source, Fun) ->
    Self = self(),
    Readers = [
        spawn_link(fun() ->
            From = open(Source),
            Self ! {self(), ready},
            receive
                go -> Self ! {self(), Fun(From)}
            end
        end)
     || _ <- lists:seq(1, Number)
    ],
    _ = [of_reader(Reader) || Reader <- Readers],
    _ = [Reader ! go || Reader <- Readers],
    [of_reader(Reader) || Reader <- Readers].

of_reader(Reader) ->
    receive
        {Reader, Result} -> Result
    end.

open(mirror) ->
    mirror;
%% Of a plain table, for comparison: the strings of the mirror.
open(ets) ->
    Table = ets:new(strings, [public, {read_concurrency, true}]),
    _ = [
        ets:insert(Table, {Key, eslaver_mirror:get(?MIRROR, Key)})
     || Key <- tuple_to_list(keys(get))
    ],
    Table;
open({socket, Path}) ->
    eslaver_bench_client:connect(Path).

rate(Read, From, Ms) ->
    Start = erlang:monotonic_time(microsecond),
    Count = rate(Read, From, erlang:phash2(self()), Start + 1000 * Ms, 0),
    Count / (erlang:monotonic_time(microsecond) - Start) * 1.0e6.

rate(Read, From, Random, End, Count) ->
    Next = calls(Read, From, Random, 20),
    case erlang:monotonic_time(microsecond) < End of
        true -> rate(Read, From, Next, End, Count + 20);
        false -> Count + 20
    end.

calls(_Read, _From, Random, 0) ->
    Random;
calls(Read, From, Random, Left) ->
    _ = Read(From, Random bsr 8),
    calls(Read, From, random(Random), Left - 1).

times(Read, From, Times, Ms) ->
    End = erlang:monotonic_time() + erlang:convert_time_unit(Ms, millisecond, native),
    times_until(End, Read, From, Times, erlang:phash2(self())).

times_until(End, Read, From, Times, Random) ->
    Before = erlang:monotonic_time(),
    _ = Read(From, Random bsr 8),
    After = erlang:monotonic_time(),
    Took = erlang:convert_time_unit(After - Before, native, nanosecond),
    ok = counters:add(Times, 1 + place(Took), 1),
    case After < End of
        true -> times_until(End, Read, From, Times, random(Random));
        false -> ok
    end.

place(Ns) when Ns < ?UNITS -> Ns;
place(Ns) when Ns < ?UNITS bsl 10 -> ?UNITS + (Ns bsr 10);
place(Ns) -> 2 * ?UNITS + min(Ns bsr 20, ?UNITS - 1).

time(Place) when Place < ?UNITS -> Place;
time(Place) when Place < 2 * ?UNITS -> (Place - ?UNITS) bsl 10;
time(Place) -> (Place - 2 * ?UNITS) bsl 20.

%% How often each time was taken, the shortest first.
counts(Times) ->
    [
        {time(Place), Count}
     || Place <- lists:seq(0, 3 * ?UNITS - 1),
        (Count = counters:get(Times, Place + 1)) > 0
    ].

percentiles(Counts, Shares) ->
    All = lists:sum([Count || {_, Count} <- Counts]),
    [percentile(Counts, Share * All) || Share <- Shares].

percentile([{Time, Count} | _], Left) when Left =< Count -> Time;
percentile([{Time, _}], _Left) -> Time;
percentile([{_, Count} | Counts], Left) -> percentile(Counts, Left - Count).

%% The wait that this share of all moments has more of: of a read of time T, T - W.
delay(Counts, Share) ->
    Whole = lists:sum([Time * Count || {Time, Count} <- Counts]),
    delay(lists:reverse(Counts), Share * Whole, 0, 0).

delay([{Time, Count} | Shorter], Wanted, Longer, Sum) ->
    {Reads, Total} = {Longer + Count, Sum + Time * Count},
    Wait = (Total - Wanted) / Reads,
    case Shorter of
        [{Next, _} | _] when Wait < Next -> delay(Shorter, Wanted, Reads, Total);
        _ -> round(Wait)
    end.

%% A reader that asks without pause would take the processor from those who have something to do.
watch(Count) ->
    {ok, Ref} = eslaver_mirror:subscribe(?MIRROR, #{keys => <<"latency">>}),
    watch(Ref, 0, Count).

watch(Ref, Count, Count) ->
    ok = eslaver_mirror:unsubscribe(?MIRROR, Ref),
    [];
watch(Ref, Seen, Count) ->
    case eslaver_mirror:get(?MIRROR, <<"latency">>) of
        undefined ->
            told(Ref, Seen, Count);
        Value ->
            Now = os:system_time(nanosecond),
            Latest = binary_to_integer(Value) + 1,
            lists:duplicate(Latest - Seen, Now) ++ told(Ref, Latest, Count)
    end.

told(Ref, Count, Count) ->
    watch(Ref, Count, Count);
told(Ref, Seen, Count) ->
    receive
        Told when element(1, Told) =:= eslaver, element(2, Told) =:= Ref ->
            watch(Ref, Seen, Count)
    end.
