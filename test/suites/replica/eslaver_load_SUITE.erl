%% The snapshot of every master at hand, loaded and compared value by value with what the master
%% itself says: streamed without a disk and from a file, with and without compression and checksum.
-module(eslaver_load_SUITE).

-include_lib("common_test/include/ct.hrl").
-include_lib("stdlib/include/assert.hrl").

-compile([export_all, nowarn_export_all]).

suite() ->
    [{timetrap, {minutes, 3}}].

all() ->
    [unix_socket, empty_master, expired_keys, pieces, followed] ++
        eslaver_test_groups:all(groups()).

groups() ->
    eslaver_test_groups:per_server(eslaver_test_servers:available(), [
        diskless, disk_based, uncompressed, no_checksum, full_events
    ]).

init_per_group(Name, Config) ->
    eslaver_test_groups:filled_master(Name, Config).

end_per_group(_Name, Config) ->
    eslaver_test_master:stop(?config(master, Config)).

diskless(Config) ->
    load(Config, [{"repl-diskless-sync", "yes"}], #{}).

disk_based(Config) ->
    %% Redis 2.8.17 knows no other way, and not the option.
    case eslaver_test_client:command(client(Config), ["CONFIG", "GET", "repl-diskless-sync"]) of
        [_, _] -> load(Config, [{"repl-diskless-sync", "no"}], #{});
        _ -> load(Config, [], #{})
    end.

uncompressed(Config) ->
    load(Config, [{"rdbcompression", "no"}], #{}).

%% Only a server's start says whether snapshots carry a checksum.
no_checksum(Config) ->
    Master = ?config(master, Config),
    _ = eslaver_test_master:snapshot(Master),
    ok = eslaver_test_master:restart(Master, #{config => [{"rdbchecksum", "no"}]}),
    load(Config, [], #{}).

full_events(Config) ->
    load(Config, [], #{events => full}).

load(Config, Settings, Options) ->
    Client = client(Config),
    Unknown = [
        Name
     || {Name, Value} <- Settings,
        eslaver_test_client:command(Client, ["CONFIG", "SET", Name, Value]) =/= <<"OK">>
    ],
    case Unknown of
        [] ->
            Truth = eslaver_test_master_data:read(Client),
            Events = load_from(?config(master, Config), Options),
            _ = [
                eslaver_test_client:command(Client, ["CONFIG", "SET", Name, default(Name)])
             || {Name, _} <- Settings
            ],
            ok = eslaver_test_client:close(Client),
            check(maps:get(events, Options, classic), Truth, Events);
        _ ->
            {skip, {unknown_to_this_master, Unknown}}
    end.

default("rdbcompression") -> "yes";
default("repl-diskless-sync") -> "no".

client(Context) ->
    eslaver_test_client:connect(?config(master, Context)).

load_from(Master, Options) ->
    {Replica, _} = Both = eslaver_test_replica:start(Master, Options),
    Events = eslaver_test_replica:loaded(Both),
    ok = eslaver:stop(Replica),
    Events.

check(Style, Truth, Events) ->
    ?assert(map_size(Truth) > 0),
    Differences = eslaver_test_compare:differences(Style, Truth, Events),
    Report = unicode:characters_to_list(eslaver_test_compare:format(Differences)),
    ct:log("~b keys: ~ts", [map_size(Truth), Report]),
    case Differences of
        [] -> ok;
        _ -> ct:fail("~ts", [lists:sublist(Report, 2000)])
    end.

unix_socket(_Config) ->
    Master = eslaver_test_master:start(#{
        server => eslaver_test_servers:own(), unix_socket => true
    }),
    Client = eslaver_test_client:connect({local, eslaver_test_master:socket(Master)}),
    <<"OK">> = eslaver_test_client:ok(Client, ["SET", "0:k", "v"]),
    Truth = eslaver_test_master_data:read(Client),
    Events = load_from(Master, #{master_host => {local, eslaver_test_master:socket(Master)}}),
    check(classic, Truth, Events).

empty_master(_Config) ->
    ?assertEqual([{loading, eof}], load_from(eslaver_test_master:start_own(), #{})).

%% Only the master decides that a key is gone: one that expired between the last look of
%% the master and the snapshot is delivered.
expired_keys(_Config) ->
    Master = eslaver_test_master:start_own(),
    Client = eslaver_test_client:connect(Master),
    _ = eslaver_test_client:ok(Client, ["DEBUG", "SET-ACTIVE-EXPIRE", 0]),
    [_, _] = [eslaver_test_client:ok(Client, ["SET", K, "v", "PX", 1]) || K <- ["a", "b"]],
    %% Looking at one key, which the master then forgets, tells that the other's time has come.
    true = eslaver_test_wait:until(fun() ->
        eslaver_test_client:ok(Client, ["GET", "a"]) =:= null
    end),
    ?assertEqual(
        [{loading, string, <<"b">>, <<"v">>}, {loading, eof}],
        load_from(Master, #{})
    ).

%% A snapshot that comes in pieces of every small size, over a fake master.
pieces(_Config) ->
    Master = eslaver_test_master:start_own(),
    Client = eslaver_test_client:connect(Master),
    Small = [["SET", "0:s", "value"], ["RPUSH", "0:l", "a", 1], ["HSET", "0:h", "f", "v"]],
    _ = [eslaver_test_client:ok(Client, Command) || Command <- Small],
    Truth = eslaver_test_master_data:read(Client),
    Snapshot = eslaver_test_master:snapshot(Master),
    Answer = iolist_to_binary(eslaver_test_fake_master:full_resync(Snapshot)),
    lists:foreach(
        fun(Size) ->
            Fake = eslaver_test_fake_master:start([#{psync => <<>>}]),
            {Replica, _} = Both = eslaver_test_replica:start(eslaver_test_fake_master:port(Fake)),
            true = eslaver_test_wait:until(fun() ->
                [ok || {_, [<<"PSYNC">> | _]} <- eslaver_test_fake_master:commands(Fake)] =/= []
            end),
            _ = [ok = eslaver_test_fake_master:send(Fake, Piece) || Piece <- cut(Size, Answer)],
            ok = check(classic, Truth, eslaver_test_replica:loaded(Both)),
            ok = eslaver:stop(Replica),
            ok = eslaver_test_fake_master:stop(Fake)
        end,
        [1, 2, 3, 7, 64]
    ).

%% Servers do not look at what follows the end of a snapshot whose length the master says, and the
%% stream begins behind all of it. Where only a mark ends the snapshot, such bytes are refused.
followed(_Config) ->
    Command = fun(Word) -> ["*1\r\n$", integer_to_list(length(Word)), "\r\n", Word, "\r\n"] end,
    Snapshot = <<"REDIS0011", 0, 1, "k", 1, "v", 255, 0:64>>,
    Keys = [{loading, string, <<"k">>, <<"v">>, #{db => 0}}],
    Stream = Command("flushall"),
    Offset = 1000 + iolist_size(Stream),
    _ = [
        begin
            Psync = [eslaver_test_fake_master:full_resync([Snapshot, More]), Stream],
            #{ended := closed, events := Events} = eslaver_test_hostile_master:serve(stream, Psync),
            ?assertEqual(Keys, eslaver_test_hostile_master:keys(Events)),
            ?assertMatch(
                [{stream, <<"flushall">>, [], #{offset := Offset}}],
                [Event || Event <- Events, element(1, Event) =:= stream]
            ),
            Marked = eslaver_test_fake_master:full_resync_marked([Snapshot, More]),
            #{ended := bad_snapshot, text := Text} = eslaver_test_hostile_master:serve(
                load, Marked
            ),
            ?assertMatch({match, _}, re:run(Text, "bytes follow the snapshot's end at byte 23"))
        end
     || More <- ["x", Command("ping"), Snapshot, binary:copy(<<255>>, 1_000_000)]
    ],
    ok.

cut(Size, Bytes) when byte_size(Bytes) > Size ->
    <<Piece:Size/binary, Rest/binary>> = Bytes,
    [Piece | cut(Size, Rest)];
cut(_Size, Bytes) ->
    [Bytes].
