%% A stream that a fake master sends line by line as the case says, and the events that a replica
%% makes of it.
-module(eslaver_test_scripted_stream).

-export([fake/0, target/1, replica/2, send/2, command/1]).
-export([stream/1, names/1, await/2, notices/2]).

-define(TIMEOUT, 10_000).

%% A fake master with an empty snapshot, whose stream begins at offset 1000.
-spec fake() -> pid().
fake() ->
    eslaver_test_fake_master:start([
        #{psync => eslaver_test_fake_master:full_resync(<<"REDIS0009", 255, 0:64>>)}
    ]).

-spec target(pid()) -> map().
target(Fake) ->
    eslaver_test_replica:target(eslaver_test_fake_master:port(Fake)).

%% A replica that has loaded, and the collector of its events.
-spec replica(pid(), map()) -> {pid(), pid()}.
replica(Fake, More) ->
    {Replica, Events} = eslaver_test_replica:start(eslaver_test_fake_master:port(Fake), More),
    ok = eslaver:await(Replica, loaded, ?TIMEOUT),
    true = unlink(Replica),
    {Replica, Events}.

%% Sends commands, each a line of words. Returns how many bytes they have.
-spec send(pid(), [string()]) -> non_neg_integer().
send(Fake, Lines) ->
    Bytes = [command(Line) || Line <- Lines],
    ok = eslaver_test_fake_master:send(Fake, Bytes),
    iolist_size(Bytes).

%% A command of words, or of a line of them.
-spec command(string() | [iodata(), ...]) -> binary().
command([First | _] = Words) when not is_integer(First) ->
    Bulks = [["$", integer_to_list(iolist_size(W)), "\r\n", W, "\r\n"] || W <- Words],
    iolist_to_binary(["*", integer_to_list(length(Words)), "\r\n", Bulks]);
command(Line) ->
    command(string:lexemes(Line, " ")).

-spec stream(pid()) -> [tuple()].
stream(Events) ->
    [Event || Event <- eslaver_test_collector:events(Events), element(1, Event) =:= stream].

%% The names of the commands that have come.
-spec names(pid()) -> [binary()].
names(Events) ->
    [element(2, Event) || Event <- stream(Events)].

%% Waits for the SET of this key.
-spec await(pid(), binary()) -> ok.
await(Events, Key) ->
    _ = eslaver_test_collector:await(Events, fun(Event) ->
        case Event of
            {stream, <<"set">>, [Key | _], _} -> true;
            _ -> false
        end
    end),
    ok.

%% What a subscriber is told before the SET of this key.
-spec notices(reference(), binary()) -> [tuple() | no_more].
notices(Ref, Last) ->
    receive
        {eslaver, Ref, {key, <<"set">>, Last, _}} -> [];
        {eslaver, Ref, {key, Name, Key, _}} -> [{Name, Key} | notices(Ref, Last)];
        {eslaver, Ref, {keys, Name, Which, _}} -> [{keys, Name, Which} | notices(Ref, Last)]
    after ?TIMEOUT -> [no_more]
    end.
