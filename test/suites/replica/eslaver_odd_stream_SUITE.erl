%% Streams that no test server sends: transactions that are dropped, commands that KeyDB wraps,
%% those by which a cluster moves slots, and those of which nobody knows what they did.
-module(eslaver_odd_stream_SUITE).

-include_lib("stdlib/include/assert.hrl").

-compile([export_all, nowarn_export_all]).

-define(M, mirror_of_odd_stream).
-define(TIMEOUT, 10_000).
-define(OFFSET, 1000).
-define(EMPTY, <<"REDIS0009", 255, 0:64>>).
%% The first pause between two resyncs, in ms, for cases that wait longer than that.
-define(PAUSE, 200).

suite() ->
    [{timetrap, {minutes, 2}}, {ct_hooks, [eslaver_test_log_hook, {eslaver_test_mirror_hook, ?M}]}].

all() ->
    eslaver_test_groups:cases(?MODULE).

%% What a dropped transaction would have changed is told to nobody, and the next command counts.
discard(_Config) ->
    Fake = fake(),
    ok = mirror(Fake),
    {ok, OfMirror} = eslaver_mirror:subscribe(?M, #{}),
    Lines = ["select 0", "set a 1", "multi", "set a 2", "discard", "set d 1"],
    Sent = send_all(Fake, Lines),
    ?assertEqual([{<<"set">>, <<"a">>}], notices(OfMirror, <<"d">>)),
    ?assertEqual([<<"1">>, <<"1">>], values([<<"a">>, <<"d">>])),
    ?assertMatch(#{offset := Sent}, eslaver_mirror:info(?M)),
    Other = fake(),
    {Plain, More} = replica(Other, #{events => full}),
    {ok, OfPlain} = eslaver:subscribe(Plain, #{}),
    _ = send(Other, Lines),
    ?assertEqual([{<<"set">>, <<"a">>}], notices(OfPlain, <<"d">>)),
    ?assertMatch(#{offset := Sent}, eslaver:position(Plain)),
    ?assertEqual(
        [<<"select">>, <<"set">>, <<"multi">>, <<"set">>, <<"discard">>, <<"set">>], names(More)
    ),
    eslaver:stop(Plain).

discard_behind_a_filter(_Config) ->
    Fake = fake(),
    {Replica, Events} = replica(Fake, #{events => full, filter => #{keys => [<<"a">>, <<"d">>]}}),
    Dropped = ["multi", "set b 1", "discard", "multi", "set a 1", "set b 1", "discard"],
    _ = send(Fake, Dropped ++ ["set d 1"]),
    await(Events, <<"d">>),
    ?assertEqual([<<"multi">>, <<"set">>, <<"discard">>, <<"set">>], names(Events)),
    eslaver:stop(Replica).

%% What is wrapped comes as if it were not, for the db it names; offsets are those of the stream.
replayed(_Config) ->
    Fake = fake(),
    {Replica, Events} = replica(Fake, #{events => full}),
    {ok, Ref} = eslaver:subscribe(Replica, #{}),
    Parts = [
        wrap(["set a 1"], 0),
        wrap(["set b 1", "pexpireat b 9999999999999"], 3),
        command(["rreplay", "uuid", wrap(["set c 1"], 5), "4"]),
        command(["rreplay", "uuid", command("set d 1")]),
        command(["RREPLAY", "uuid", command("select 7"), "0", "1"]),
        command("set e 1"),
        wrap(["set last 1"], 2)
    ],
    ok = eslaver_test_fake_master:send(Fake, Parts),
    await(Events, <<"last">>),
    [O1, O2, O3, O4, O5, O6, O7] = offsets(Parts),
    ?assertEqual(
        [
            {<<"set">>, <<"a">>, 0, O1},
            {<<"set">>, <<"b">>, 3, O1},
            {<<"pexpireat">>, <<"b">>, 3, O2},
            {<<"set">>, <<"c">>, 5, O3},
            {<<"set">>, <<"d">>, 5, O4},
            {<<"select">>, <<"7">>, 7, O5},
            {<<"set">>, <<"e">>, 7, O6},
            {<<"set">>, <<"last">>, 2, O7}
        ],
        [
            {Name, hd(Args), Db, Offset}
         || {stream, Name, Args, #{db := Db, offset := Offset}} <- stream(Events)
        ]
    ),
    ?assertEqual(
        [{<<"a">>, 0}, {<<"b">>, 3}, {<<"b">>, 3}, {<<"c">>, 5}, {<<"d">>, 5}, {<<"e">>, 7}],
        keys_in_dbs(Ref, <<"last">>)
    ),
    ?assertMatch(#{offset := O7, db := 2}, eslaver:position(Replica)),
    eslaver:stop(Replica),
    classic(Parts).

%% Classic events have a SELECT where the db is another.
classic(Parts) ->
    Fake = fake(),
    {Replica, Events} = replica(Fake, #{events => classic}),
    ok = eslaver_test_fake_master:send(Fake, Parts),
    _ = eslaver_test_collector:await(Events, fun(Event) ->
        Event =:= {stream, "set", [<<"last">>, <<"1">>]}
    end),
    ?assertEqual(
        [
            {"select", <<"0">>},
            {"set", <<"a">>},
            {"select", <<"3">>},
            {"set", <<"b">>},
            {"pexpireat", <<"b">>},
            {"select", <<"5">>},
            {"set", <<"c">>},
            {"set", <<"d">>},
            {"select", <<"0">>},
            {"select", <<"7">>},
            {"set", <<"e">>},
            {"select", <<"2">>},
            {"set", <<"last">>}
        ],
        [{Name, hd(Args)} || {stream, Name, Args} <- stream(Events)]
    ),
    eslaver:stop(Replica).

%% The position is that of the transaction's end, and keys are told of then.
replayed_transaction(_Config) ->
    Fake = fake(),
    {Replica, Events} = replica(Fake, #{events => full}),
    {ok, Ref} = eslaver:subscribe(Replica, #{}),
    Open = [wrap(["multi"], 0), wrap(["set a 1"], 0), wrap(["set b 1"], 0)],
    ok = eslaver_test_fake_master:send(Fake, Open),
    await(Events, <<"b">>),
    ?assertMatch(#{offset := ?OFFSET}, eslaver:position(Replica)),
    Rest = [wrap(["exec"], 0), wrap(["set last 1"], 0)],
    ok = eslaver_test_fake_master:send(Fake, Rest),
    ?assertEqual([{<<"a">>, 0}, {<<"b">>, 0}], keys_in_dbs(Ref, <<"last">>)),
    End = lists:last(offsets(Open ++ Rest)),
    ?assertMatch(#{offset := End}, eslaver:position(Replica)),
    eslaver:stop(Replica).

%% However many commands one wraps, a batch is as large as ever, and no more go out than there is
%% credit for. All but the last stand where the wrapping begins.
replayed_in_batches(_Config) ->
    Fake = fake(),
    {ok, Options} = eslaver_options:parse((target(Fake))#{events => full, dbfilename => undefined}),
    {ok, {Pid, Link}} = eslaver_link:start_link(maps:get(address, Options), undefined, Options),
    receive
        {eslaver_link, Pid, {loaded, _}} -> ok
    after ?TIMEOUT -> error(not_loaded)
    end,
    Value = binary:copy(<<"v">>, 1000),
    Commands = [["set", integer_to_list(N), Value] || N <- lists:seq(1, 100_000)],
    Parts = [command(["RREPLAY", "uuid", [command(C) || C <- Commands], "3"]), command("set z 1")],
    ok = eslaver_test_fake_master:send(Fake, Parts),
    [Wrapping, End] = offsets(Parts),
    timer:sleep(500),
    Sent = pending(Pid),
    ct:log("~b batches without credit", [length(Sent)]),
    ?assert(lists:sum([length(Events) || {_, Events, _} <- Sent]) < length(Commands)),
    Batches = Sent ++ rest(Pid, Link, Sent, End),
    Small = fun({Weight, Events, _}) -> length(Events) =< 1024 andalso Weight < 4_000_000 end,
    ?assert(lists:all(Small, Batches)),
    %% where to go on: before the whole, until all of it has come
    Ends = lists:usort([Place || {_, _, Place} <- Batches]),
    ?assertEqual([{?OFFSET, 0}, {End, 3}], Ends -- [{Wrapping, 3}]),
    Offsets = [Offset || {_, Events, _} <- Batches, {_, _, _, #{offset := Offset}} <- Events],
    Behind = lists:duplicate(length(Commands) - 1, ?OFFSET) ++ [Wrapping, End],
    ?assertEqual(Behind, Offsets),
    ?assertEqual(
        [iolist_to_binary(Key) || [_, Key, _] <- Commands] ++ [<<"z">>],
        [Key || {_, Events, _} <- Batches, {stream, <<"set">>, [Key | _], _} <- Events]
    ),
    eslaver_link:stop(Pid, Link).

%% The batches that have come.
pending(Pid) ->
    receive
        {eslaver_link, Pid, {batch, Weight, Events, _Positions, {Offset, Db, _, _, _}}} ->
            [{Weight, Events, {Offset, Db}} | pending(Pid)]
    after 0 -> []
    end.

rest(Pid, Link, Batches, End) ->
    case Batches =/= [] andalso lists:last(Batches) of
        {_, _, {End, _Db}} ->
            [];
        _ ->
            ok = eslaver_nif:credit(Link, lists:sum([W || {W, _, _} <- Batches]), undefined),
            More = [next(Pid) | pending(Pid)],
            More ++ rest(Pid, Link, More, End)
    end.

next(Pid) ->
    receive
        {eslaver_link, Pid, {batch, Weight, Events, _Positions, {Offset, Db, _, _, _}}} ->
            {Weight, Events, {Offset, Db}}
    after ?TIMEOUT -> error(no_batch)
    end.

replayed_to_a_mirror(_Config) ->
    Fake = fake(),
    ok = mirror(Fake),
    {ok, Ref} = eslaver_mirror:subscribe(?M, #{}),
    Plain = [command("select 0"), command("set b 2")],
    Parts = Plain ++ [wrap(["set b 22"], 0), wrap(["set last 1"], 1)],
    ok = eslaver_test_fake_master:send(Fake, Parts),
    _ = notices(Ref, <<"last">>),
    ?assertEqual([<<"22">>, undefined], values([<<"b">>, <<"last">>])),
    ?assertEqual(<<"1">>, eslaver_mirror:get({?M, 1}, <<"last">>)),
    ?assertEqual([<<"b">>], eslaver_mirror:keys(?M, <<"*">>)),
    End = lists:last(offsets(Parts)),
    ?assertMatch(#{offset := End, unapplied := None} when None =:= #{}, eslaver_mirror:info(?M)),
    ok.

replayed_behind_a_filter(_Config) ->
    Fake = fake(),
    {Replica, Events} = replica(Fake, #{
        events => classic, filter => #{keys => [<<"a">>], dbs => [3], commands => [set]}
    }),
    ok = eslaver_test_fake_master:send(Fake, [
        wrap(["set a 1"], 0),
        wrap(["set b 1"], 3),
        wrap(["del a"], 3),
        wrap(["multi"], 3),
        wrap(["set b 1"], 3),
        wrap(["set a 2"], 3),
        wrap(["exec"], 3)
    ]),
    _ = eslaver_test_collector:await(Events, fun(Event) -> Event =:= {stream, "exec", []} end),
    ?assertEqual(
        [
            {stream, "multi", []},
            {stream, "select", [<<"3">>]},
            {stream, "set", [<<"a">>, <<"2">>]},
            {stream, "exec", []}
        ],
        stream(Events)
    ),
    eslaver:stop(Replica).

%% What cannot be read is not taken apart: nobody knows what it has changed.
not_to_be_replayed(_Config) ->
    Deep = lists:foldl(
        fun(_, Inner) -> command(["rreplay", "uuid", Inner]) end,
        command("set a 1"),
        lists:seq(1, 40)
    ),
    Bad = [
        command(["rreplay"]),
        command(["rreplay", "uuid"]),
        command(["rreplay", "uuid", ""]),
        command(["rreplay", "uuid", "*1\r\n$4\r\nPI"]),
        command(["rreplay", "uuid", "set a 1\r\n", "0"]),
        command(["rreplay", "uuid", command("set a 1"), "-1"]),
        command(["rreplay", "uuid", command("set a 1"), "x"]),
        Deep
    ],
    Fake = fake(),
    {Replica, Events} = replica(Fake, #{events => full}),
    {ok, Ref} = eslaver:subscribe(Replica, #{}),
    ok = eslaver_test_fake_master:send(Fake, [Bad, command("set last 1")]),
    Unknown = {keys, <<"rreplay">>, unknown},
    ?assertEqual([Unknown || _ <- Bad], notices(Ref, <<"last">>)),
    ?assertEqual([<<"rreplay">> || _ <- Bad] ++ [<<"set">>], names(Events)),
    eslaver:stop(Replica).

%% A subscriber is told of slots where keys go, and of nothing else.
slots(_Config) ->
    Fake = fake(),
    {Replica, _} = replica(Fake, #{events => full}),
    {ok, Ref} = eslaver:subscribe(Replica, #{keys => <<"last">>, dbs => [0]}),
    {ok, Other} = eslaver:subscribe(Replica, #{keys => <<"last">>, commands => [set]}),
    _ = send(Fake, ["multi" | slot_commands()] ++ ["exec", "trimslots RANGES x", "set last 1"]),
    ?assertEqual(
        [
            {keys, <<"cluster">>, {slots, [{7, 7}]}},
            {keys, <<"trimslots">>, {slots, [{0, 6}, {8, 9}]}},
            {keys, <<"trimslots">>, unknown}
        ],
        notices(Ref, <<"last">>)
    ),
    ?assertEqual([], notices(Other, <<"last">>)),
    eslaver:stop(Replica).

slot_commands() ->
    [
        "cluster setslot 15495 migrating 4444444444444444444444444444444444444444",
        "cluster setslot 15495 node 4444444444444444444444444444444444444444",
        "CLUSTER SYNCSLOTS CONF ASM-TASK task:src:dst:migrate:completed:0-199",
        "cluster delslots 15495",
        "cluster flushslot 7",
        "trimslots RANGES 2 0 6 8 9"
    ].

%% 15495 is the slot of `a', 3300 that of `b'.
slots_of_a_mirror(_Config) ->
    Fake = fake(),
    ok = mirror(Fake),
    {ok, Ref} = eslaver_mirror:subscribe(?M, #{}),
    Keys = ["set a 1", "set b 1", "select 1", "set a 1", "set c 1", "select 0"],
    _ = send(Fake, Keys ++ slot_commands() ++ ["set last 1"]),
    Told = notices(Ref, <<"last">>),
    ?assertMatch([_, _, _, _, {keys, _, {slots, [{7, 7}]}}, {keys, _, _}], Told),
    ?assertEqual([<<"1">>, <<"1">>], values([<<"a">>, <<"b">>])),
    _ = send(Fake, ["cluster flushslot 15495", "set last 1"]),
    ?assertEqual([{keys, <<"cluster">>, {slots, [{15495, 15495}]}}], notices(Ref, <<"last">>)),
    ?assertEqual([undefined, <<"1">>], values([<<"a">>, <<"b">>])),
    InDb1 = [eslaver_mirror:get({?M, 1}, Key) || Key <- [<<"a">>, <<"c">>]],
    ?assertEqual([undefined, <<"1">>], InDb1),
    _ = send(Fake, ["trimslots RANGES 1 3300 3301", "set last 1"]),
    _ = notices(Ref, <<"last">>),
    ?assertEqual([undefined], values([<<"b">>])),
    ?assertEqual({1, fresh}, {syncs(Fake), eslaver_mirror:status(?M)}).

%% Names of indexes are no keys, and a document that is gone is gone, though nobody told of keys.
keys_of_modules(_Config) ->
    Fake = fake(),
    ok = mirror(Fake),
    {ok, Ref} = eslaver_mirror:subscribe(?M, #{}),
    _ = send(Fake, ["set a 1", "FT._CREATEIFNX idx ON HASH PREFIX 1 d: SCHEMA t TEXT"]),
    _ = send(Fake, ["ft.alter idx SCHEMA ADD u TEXT", "json.set a $ {}", "json.del j"]),
    _ = send(Fake, ["vadd v VALUES 2 1 2 q", "vrem v q", "set last 1"]),
    _ = notices(Ref, <<"last">>),
    ?assertEqual([<<"a">>, <<"last">>], lists:sort(eslaver_mirror:keys(?M, <<"*">>))),
    ?assertEqual(2, eslaver_mirror:dbsize(?M)),
    ?assertEqual([{error, unknown}, undefined, undefined], values([<<"a">>, <<"idx">>, <<"j">>])),
    ?assertEqual(1, syncs(Fake)).

%% Any argument of an unknown command may be a key: those that are there are marked, others are
%% neither counted nor listed.
unknown_keys(_Config) ->
    Fake = fake(),
    ok = mirror(Fake),
    {ok, Ref} = eslaver_mirror:subscribe(?M, #{}),
    _ = send(Fake, ["set a 1", "set b 1", "set c 1", "foo.move x b new 1", "set last 1"]),
    ?assertMatch([_, _, _, {keys, <<"foo.move">>, unknown}], notices(Ref, <<"last">>)),
    Unknown = {error, unknown},
    ?assertEqual(
        [<<"1">>, Unknown, <<"1">>, Unknown, Unknown],
        values([<<"a">>, <<"b">>, <<"c">>, <<"x">>, <<"new">>])
    ),
    ?assertEqual({error, unknown}, eslaver_mirror:exists(?M, <<"new">>)),
    Listed = [<<"a">>, <<"b">>, <<"c">>, <<"last">>],
    ?assertEqual(Listed, lists:sort(eslaver_mirror:keys(?M, <<"*">>))),
    ?assertEqual(4, eslaver_mirror:dbsize(?M)),
    ?assertMatch(#{keys := 4}, eslaver_mirror:info(?M)),
    ?assert(lists:member(eslaver_mirror:randomkey(?M), Listed)),
    ?assertEqual({1, fresh}, {syncs(Fake), eslaver_mirror:status(?M)}),
    _ = send(Fake, ["set new 2", "del b x", "pexpireat 1 99999999999999", "set last 1"]),
    _ = notices(Ref, <<"last">>),
    ?assertEqual([undefined, <<"2">>, Unknown], values([<<"b">>, <<"new">>, <<"1">>])),
    %% an expiry is only set on a key that is there
    ?assertEqual(5, eslaver_mirror:dbsize(?M)),
    _ = send(Fake, ["foo.move a what", "flushdb", "set last 1"]),
    _ = notices(Ref, <<"last">>),
    ?assertEqual([undefined, undefined], values([<<"what">>, <<"a">>])),
    ?assertEqual(1, eslaver_mirror:dbsize(?M)).

%% A command that succeeds for a key in doubt shows that there is one, here or where it goes.
unknown_keys_that_move(_Config) ->
    Fake = fake(),
    ok = mirror(Fake),
    {ok, Ref} = eslaver_mirror:subscribe(?M, #{}),
    _ = send(Fake, ["set a 1", "foo.move a x y z w", "rename x renamed", "move y 1"]),
    _ = send(Fake, ["copy z copied", "copy z there DB 1 REPLACE", "rename w w", "set last 1"]),
    _ = notices(Ref, <<"last">>),
    There = [<<"a">>, <<"copied">>, <<"last">>, <<"renamed">>, <<"w">>, <<"z">>],
    ?assertEqual(There, lists:sort(eslaver_mirror:keys(?M, <<"*">>))),
    ?assertEqual(length(There), eslaver_mirror:dbsize(?M)),
    ?assertEqual([undefined, undefined], values([<<"x">>, <<"y">>])),
    ?assertEqual([{error, unknown}, {error, unknown}], values([<<"renamed">>, <<"copied">>])),
    InDb1 = [<<"there">>, <<"y">>],
    ?assertEqual(InDb1, lists:sort(eslaver_mirror:keys({?M, 1}, <<"*">>))),
    ?assertEqual(2, eslaver_mirror:dbsize({?M, 1})),
    ?assertMatch(#{unapplied := #{<<"foo.move">> := 1}, keys := 8}, eslaver_mirror:info(?M)),
    ?assertEqual(1, map_size(maps:get(unapplied, eslaver_mirror:info(?M)))).

%% Of a script that was given no keys, as of an unknown command that names no key, nothing is known:
%% only a snapshot helps.
unknown_effects(_Config) ->
    [
        begin
            Fake = fake(),
            ok = mirror(Fake),
            {ok, Ref} = eslaver_mirror:subscribe(?M, #{}),
            _ = send(Fake, ["set a 1", Line]),
            ok = resynced(Ref),
            ?assertEqual([undefined], values([<<"a">>])),
            ?assertEqual({fresh, 2}, {eslaver_mirror:status(?M), syncs(Fake)}),
            ok = eslaver_mirror:stop(?M)
        end
     || Line <- ["eval script 0 x", "foo.reset", "foo.reset now", "ft.drop idx", "trimslots x"]
    ],
    ok.

%% However often that happens, snapshots are few; meanwhile the data counts as stale.
master_that_resyncs_for_ever(_Config) ->
    Full = #{psync => eslaver_test_fake_master:full_resync(?EMPTY)},
    Partial = #{psync => ["+CONTINUE\r\n", command("set behind 1")]},
    Fake = eslaver_test_fake_master:start([Full, Full, Partial]),
    ok = mirror(Fake),
    {ok, Ref} = eslaver_mirror:subscribe(?M, #{}),
    _ = send(Fake, ["eval x 0"]),
    ok = resynced(Ref),
    _ = send(Fake, lists:duplicate(100, "eval x 0") ++ ["set last 1"]),
    ?assertEqual(lists:duplicate(100, {keys, <<"eval">>, unknown}), notices(Ref, <<"last">>)),
    ?assertEqual({stale, [<<"1">>]}, {eslaver_mirror:status(?M), values([<<"last">>])}),
    ?assertMatch(#{incomplete := true, unapplied := #{<<"eval">> := 101}}, eslaver_mirror:info(?M)),
    %% a link that goes on where it was makes it no fresher
    ok = eslaver_test_fake_master:drop(Fake),
    true = eslaver_test_wait:until(fun() -> values([<<"behind">>]) =:= [<<"1">>] end),
    ?assertEqual(stale, eslaver_mirror:status(?M)),
    ?assertMatch(#{incomplete := true}, eslaver_mirror:info(?M)).

%% A resync that has been asked for is waited for, however long its snapshot takes.
snapshot_longer_than_the_pause(_Config) ->
    Full = #{psync => eslaver_test_fake_master:full_resync(?EMPTY)},
    Fake = eslaver_test_fake_master:start([Full, begun()]),
    ok = mirror(Fake),
    ok = with_short_pauses(),
    _ = send(Fake, ["eval x 0"]),
    ok = loading(Fake, 2),
    timer:sleep(5 * ?PAUSE),
    ok = eslaver_test_fake_master:send(Fake, ?EMPTY),
    true = eslaver_test_wait:until(fun() -> eslaver_mirror:status(?M) =:= fresh end),
    ?assertEqual(2, syncs(Fake)),
    ?assertMatch(#{incomplete := false, restarts := 1}, eslaver_mirror:info(?M)).

%% So is one that the replica began by itself before that which has to wait.
resync_of_its_own(_Config) ->
    Full = #{psync => eslaver_test_fake_master:full_resync(?EMPTY)},
    Fake = eslaver_test_fake_master:start([Full, Full, begun()]),
    ok = mirror(Fake),
    {ok, Ref} = eslaver_mirror:subscribe(?M, #{}),
    ok = with_short_pauses(),
    _ = send(Fake, ["eval x 0"]),
    ok = resynced(Ref),
    ok = eslaver_test_fake_master:send(Fake, command("eval x 0")),
    ok = eslaver_test_fake_master:drop(Fake),
    ok = loading(Fake, 3),
    timer:sleep(5 * ?PAUSE),
    ok = eslaver_test_fake_master:send(Fake, ?EMPTY),
    true = eslaver_test_wait:until(fun() -> eslaver_mirror:status(?M) =:= fresh end),
    ?assertEqual(3, syncs(Fake)),
    ?assertMatch(#{incomplete := false}, eslaver_mirror:info(?M)).

%% The answer to PSYNC without its snapshot, which the case sends later.
begun() ->
    Size = integer_to_list(byte_size(?EMPTY)),
    #{psync => ["+FULLRESYNC ", eslaver_test_fake_master:replid(), " 1000\r\n$", Size, "\r\n"]}.

%% The mirror's replica has begun the snapshot of this connection.
loading(Fake, Connection) ->
    true = eslaver_test_wait:until(fun() ->
        #{replica := Replica} = eslaver_mirror:info(?M),
        syncs(Fake) =:= Connection andalso maps:get(state, Replica, none) =:= loading
    end),
    ok.

with_short_pauses() ->
    eslaver_test_replica:replace_in_state(?M, eslaver_mirror_resync:new(?PAUSE)).

%% Helpers

fake() ->
    eslaver_test_fake_master:start([
        #{psync => eslaver_test_fake_master:full_resync(?EMPTY)}
    ]).

target(Fake) ->
    eslaver_test_replica:target(eslaver_test_fake_master:port(Fake)).

replica(Fake, More) ->
    {Replica, Events} = eslaver_test_replica:start(eslaver_test_fake_master:port(Fake), More),
    ok = eslaver:await(Replica, loaded, ?TIMEOUT),
    true = unlink(Replica),
    {Replica, Events}.

mirror(Fake) ->
    {ok, _} = eslaver_mirror:start_link((target(Fake))#{name => ?M}),
    eslaver_mirror:await(?M, loaded, ?TIMEOUT).

values(Keys) -> [eslaver_mirror:get(?M, Key) || Key <- Keys].

syncs(Fake) ->
    length([psync || {_, [<<"PSYNC">> | _]} <- eslaver_test_fake_master:commands(Fake)]).

send(Fake, Lines) ->
    Bytes = [command(Line) || Line <- Lines],
    ok = eslaver_test_fake_master:send(Fake, Bytes),
    iolist_size(Bytes).

send_all(Fake, Lines) -> ?OFFSET + send(Fake, Lines).

%% A command of words, or of a line of them.
command([First | _] = Words) when not is_integer(First) ->
    Bulks = [["$", integer_to_list(iolist_size(W)), "\r\n", W, "\r\n"] || W <- Words],
    iolist_to_binary(["*", integer_to_list(length(Words)), "\r\n", Bulks]);
command(Line) ->
    command(string:lexemes(Line, " ")).

wrap(Lines, Db) ->
    Uuid = "cd3f719c-ab7b-4401-8b52-af4cc214bbf5",
    Body = [command(Line) || Line <- Lines],
    command(["RREPLAY", Uuid, Body, integer_to_list(Db), "1883124263544684545"]).

%% The offset behind each.
offsets(Parts) ->
    {Offsets, _} = lists:mapfoldl(
        fun(Part, Before) -> {Before + iolist_size(Part), Before + iolist_size(Part)} end,
        ?OFFSET,
        Parts
    ),
    Offsets.

stream(Events) ->
    [Event || Event <- eslaver_test_collector:events(Events), element(1, Event) =:= stream].

names(Events) ->
    [element(2, Event) || Event <- stream(Events)].

await(Events, Key) ->
    _ = eslaver_test_collector:await(Events, fun(Event) ->
        case Event of
            {stream, <<"set">>, [Key | _], _} -> true;
            _ -> false
        end
    end),
    ok.

%% What is told up to the SET of this key.
notices(Ref, Last) ->
    receive
        {eslaver, Ref, {key, <<"set">>, Last, _}} -> [];
        {eslaver, Ref, {key, Name, Key, _}} -> [{Name, Key} | notices(Ref, Last)];
        {eslaver, Ref, {keys, Name, Which, _}} -> [{keys, Name, Which} | notices(Ref, Last)]
    after ?TIMEOUT -> [no_more]
    end.

keys_in_dbs(Ref, Last) ->
    receive
        {eslaver, Ref, {key, <<"set">>, Last, _}} -> [];
        {eslaver, Ref, {key, _, Key, #{db := Db}}} -> [{Key, Db} | keys_in_dbs(Ref, Last)]
    after ?TIMEOUT -> [no_more]
    end.

resynced(Ref) ->
    receive
        {eslaver, Ref, {keys, resync, all, _}} -> ok;
        {eslaver, Ref, _} -> resynced(Ref)
    after ?TIMEOUT -> error(no_resync)
    end.
