%% Streams that no test server sends: transactions that are dropped, commands by which a cluster
%% moves slots, and commands whose effects are unknown.
-module(eslaver_odd_stream_SUITE).

-include_lib("stdlib/include/assert.hrl").

-import(eslaver_test_scripted_stream, [
    fake/0, target/1, replica/2, send/2, command/1, names/1, await/2, notices/2
]).

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

mirror(Fake) ->
    {ok, _} = eslaver_mirror:start_link((target(Fake))#{name => ?M}),
    eslaver_mirror:await(?M, loaded, ?TIMEOUT).

values(Keys) -> [eslaver_mirror:get(?M, Key) || Key <- Keys].

syncs(Fake) ->
    length([psync || {_, [<<"PSYNC">> | _]} <- eslaver_test_fake_master:commands(Fake)]).

send_all(Fake, Lines) -> ?OFFSET + send(Fake, Lines).

resynced(Ref) ->
    receive
        {eslaver, Ref, {keys, resync, all, _}} -> ok;
        {eslaver, Ref, _} -> resynced(Ref)
    after ?TIMEOUT -> error(no_resync)
    end.
