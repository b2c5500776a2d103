%% Commands that KeyDB wraps in RREPLAY are delivered as if they were not wrapped.
-module(eslaver_rreplay_SUITE).

-include_lib("stdlib/include/assert.hrl").

-import(eslaver_test_scripted_stream, [
    fake/0, target/1, replica/2, command/1, stream/1, names/1, await/2, notices/2
]).

-compile([export_all, nowarn_export_all]).

-define(M, mirror_of_rreplay).
-define(TIMEOUT, 10_000).
-define(OFFSET, 1000).

suite() ->
    [{timetrap, {minutes, 2}}, {ct_hooks, [eslaver_test_log_hook, {eslaver_test_mirror_hook, ?M}]}].

all() ->
    eslaver_test_groups:cases(?MODULE).

%% In the db that RREPLAY names, with the offsets of the stream.
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
    #{source := {fixed, Address}} = Options,
    {ok, {Pid, Link}} = eslaver_link:start_link(Address, undefined, Options),
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

mirror(Fake) ->
    {ok, _} = eslaver_mirror:start_link((target(Fake))#{name => ?M}),
    eslaver_mirror:await(?M, loaded, ?TIMEOUT).

values(Keys) -> [eslaver_mirror:get(?M, Key) || Key <- Keys].

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

keys_in_dbs(Ref, Last) ->
    receive
        {eslaver, Ref, {key, <<"set">>, Last, _}} -> [];
        {eslaver, Ref, {key, _, Key, #{db := Db}}} -> [{Key, Db} | keys_in_dbs(Ref, Last)]
    after ?TIMEOUT -> [no_more]
    end.
