%% Masters that claim more than they send, or send data that expands: the memory of the node's
%% process stays within the bound in guides/limits.md, which depends on the bytes received.
-module(eslaver_exhaustion_SUITE).

-include_lib("common_test/include/ct.hrl").
-include_lib("stdlib/include/assert.hrl").

-compile([export_all, nowarn_export_all]).

-define(MB, 1_000_000).
%% What a link takes besides the value in hand, at most.
-define(LINK, 32 * ?MB).
%% What a byte of a value takes at most, once decompressed, while it becomes a term.
-define(FACTOR, 150).

suite() ->
    [{timetrap, {minutes, 5}}].

all() ->
    [
        Case
     || eslaver_test_node:has_proc(),
        Case <- [claims, longer_than_a_term, floods, values, bombs, limits, no_hammering]
    ].

init_per_testcase(Case, Config) ->
    case lists:member(Case, [claims, longer_than_a_term, floods]) of
        true -> [{node, node_of_ours()} | Config];
        false -> Config
    end.

end_per_testcase(_Case, Config) ->
    _ = [eslaver_test_node:stop(Node) || {node, Node} <- Config],
    ok.

%% Wherever a length or a count stands, it claims up to 2^64 of something that never comes.
claims(Config) ->
    Sizes = [1 bsl 31, 1 bsl 32 - 1, 1 bsl 63, 1 bsl 64 - 1],
    Scripts =
        [
            {{Name, Size}, snapshot([Before, huge(Size), <<"xy">>])}
         || {Name, Before} <- lengths(), Size <- Sizes
        ] ++
            [
                {{transfer, Size}, [
                    "+FULLRESYNC ", id(), " 1000\r\n$", integer_to_list(Size), "\r\nREDIS"
                ]}
             || Size <- Sizes
            ] ++
            [
                {{Name, Size}, [snapshot([]), Text, integer_to_list(Size), "\r\nabc"]}
             || Size <- Sizes, {Name, Text} <- [{array, "*"}, {bulk, "*1\r\n$"}]
            ],
    Grown = grown(#{}, Scripts, Config),
    ?assertEqual([], [Claim || {_, Bytes, _} = Claim <- Grown, Bytes >= ?LINK]),
    Silent = [Claim || {_, _, Reason} = Claim <- Grown, no_byte_in(Reason)],
    ?assertEqual([], [
        Claim
     || {{Name, _}, _, _} = Claim <- Silent, not lists:member(Name, [transfer, resizedb])
    ]).

no_byte_in(Reason) ->
    re:run(Reason, "byte [0-9]+ of the (snapshot|command stream)") =:= nomatch.

%% No option lets an element or an argument be longer than a term of the VM may be: one that claims
%% to be is refused by its length alone, and up to there it is waited for.
longer_than_a_term(Config) ->
    Most = 1 bsl 32 - 1,
    Element = fun(Size) -> fr(1 bsl 34, [<<1, 1, "k", 1>>, huge(Size), "some of it"]) end,
    Argument = fun(Size) ->
        [snapshot([]), "*2\r\n$3\r\nset\r\n$", integer_to_list(Size), "\r\nsome of it"]
    end,
    Scripts = [
        {Name, Of(Size)}
     || {Name, Of, Size} <- [
            {element, Element, Most + 1},
            {argument, Argument, Most + 1},
            {element_fits, Element, Most},
            {argument_fits, Argument, Most}
        ]
    ],
    Grown = grown(#{proto_max_bulk_len => 1 bsl 40}, Scripts, Config),
    ?assertEqual([], [Claim || {_, Bytes, _} = Claim <- Grown, Bytes >= ?LINK]),
    _ = [
        ?assertMatch({_, {match, _}}, {Reason, re:run(Reason, Regex)})
     || {{_, _, Reason}, Regex} <- lists:zip(Grown, [
            "element, field or name of 4294967296 bytes.* at byte 13 of the snapshot",
            "byte 13 of the command stream: .* at most 4294967295 bytes .*found one of 4294967296$",
            "closed the connection",
            "closed the connection"
        ])
    ],
    ok.

%% The bytes before each length in the snapshot's format, and in the containers in it.
lengths() ->
    Stream = [<<15, 1, "k", 0, 0, 0, 0>>],
    Group = [Stream, <<1, 1, "g", 0, 0>>],
    [
        {string, <<0, 1, "k">>},
        {key, <<0>>},
        {list, <<1, 1, "k">>},
        {element, <<1, 1, "k", 1>>},
        {set, <<2, 1, "k">>},
        {zset, <<3, 1, "k">>},
        {hash, <<4, 1, "k">>},
        {zset_2, <<5, 1, "k">>},
        {module, <<7, 1, "k", 0, 5>>},
        {zipmap, <<9, 1, "k">>},
        {ziplist, <<10, 1, "k">>},
        {intset, <<11, 1, "k">>},
        {quicklist, <<14, 1, "k">>},
        {quicklist_node, <<14, 1, "k", 1>>},
        {quicklist_2, <<18, 1, "k">>},
        {quicklist_2_node, <<18, 1, "k", 1, 2>>},
        {hash_with_expiries, <<24, 1, "k", 0:64>>},
        {listpack_with_expiries, <<25, 1, "k", 0:64>>},
        {stream_nodes, <<15, 1, "k">>},
        {stream_node, <<15, 1, "k", 1, 16, 0:128>>},
        {stream_length, <<15, 1, "k", 0>>},
        {stream_groups, Stream},
        {group_name, [Stream, 1]},
        {pending, Group},
        {consumers, [Group, 0]},
        {consumer_name, [Group, 0, 1]},
        {owned, [Group, 0, <<1, 1, "c", 0:64>>]},
        {given_back, <<27, 1, "k", 0:72, 1, 1, "g", 0:40>>},
        {array, <<28, 1, "k">>},
        {array_cursor, <<28, 1, "k", 1, 1>>},
        {array_index, <<28, 1, "k", 1, 0>>},
        {array_element, <<28, 1, "k", 1, 0, 0, 0>>},
        {template_number, <<242>>},
        {template_names, <<242, 1>>},
        {template_name, <<242, 1, 1>>},
        {template_of_hash, <<32, 1, "k">>},
        {packed_by_template, <<30, 1, "k">>},
        {own_packed_names, <<29, 1, "k", 0>>},
        {own_names, <<29, 1, "k", 1>>},
        {own_name, <<31, 1, "k", 1, 1>>},
        {values_of_own_names, <<29, 1, "k", 1, 1, 1, "f">>},
        {value_of_own_name, <<31, 1, "k", 1, 1, 1, "f">>},
        {members_with_expiries, <<35, 1, "k", 0:64>>},
        {member_expiry, <<35, 1, "k", 0:64, 1>>},
        {member_with_expiry, <<35, 1, "k", 0:64, 1, 0>>},
        {packed_members_with_expiries, <<34, 1, "k", 0:64>>},
        {producers, <<26, 1, "k", 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0>>},
        {lzf_compressed, <<0, 1, "k", 195>>},
        {lzf_expanded, <<0, 1, "k", 195, 64, 200>>},
        {aux_name, <<250>>},
        {aux_value, <<250, 1, "n">>},
        {function, <<245>>},
        {module_aux, <<247>>},
        {module_aux_string, <<247, 1, 2, 0, 5>>},
        {key_meta, <<243>>},
        {resizedb, <<251>>},
        {slots, <<244>>},
        {db, <<254>>},
        {idle, <<248>>},
        {ziplist_previous, packed(10, ziplist(<<254, -1:32, 1, "x">>))},
        {ziplist_entry, packed(10, ziplist(<<0, 128, -1:32, "x">>))},
        {listpack_entry, packed(20, listpack(<<240, -1:32, "x", 6>>))}
    ].

%% Endless lines, commands, keys and fields.
floods(Config) ->
    Many = fun(Bytes, Size) -> binary:copy(Bytes, Size div byte_size(Bytes)) end,
    Good = snapshot([]),
    Name = fun(N) ->
        ["*1\r\n$200\r\n", string:pad(integer_to_list(N), 200, leading, $x), "\r\n"]
    end,
    Floods = [
        {huge_string, fr(20 * ?MB, [<<0, 1, "k">>, huge(1 bsl 64 - 1), Many(<<"x">>, 20 * ?MB)])},
        {keys, snapshot([Many(<<0, 0, 0>>, 6 * ?MB)])},
        {aux_fields, snapshot([Many(<<250, 1, "n", 1, "v">>, 6 * ?MB)])},
        {dbs, snapshot([Many(<<254, 1>>, 6 * ?MB)])},
        {module_aux, snapshot([<<247, 1, 2, 0>>, Many(<<1, 1>>, 6 * ?MB)])},
        {behind_the_end, fr(6 * ?MB, [<<255, 0:64>>, Many(<<"x">>, 6 * ?MB)])},
        {no_mark, [
            "+FULLRESYNC ",
            id(),
            " 1\r\n$EOF:",
            mark(),
            "\r\nREDIS0009",
            255,
            <<0:64>>,
            Many(<<"x">>, 20 * ?MB)
        ]},
        {half_marks, [
            "+FULLRESYNC ",
            id(),
            " 1\r\n$EOF:",
            mark(),
            "\r\nREDIS0009",
            Many(<<250, 7, "0123456", 2, "01">>, 6 * ?MB)
        ]},
        {newlines, ["+FULLRESYNC ", id(), " 1\r\n", Many(<<"\n">>, 6 * ?MB)]},
        {header, ["+FULLRESYNC ", id(), " 1\r\n$", Many(<<"1">>, 20 * ?MB)]},
        {commands, [Good, Many(<<"*1\r\n$1\r\nx\r\n">>, 11 * ?MB)]},
        {names, [Good, [Name(N) || N <- lists:seq(1, 30_000)]]},
        {nothing, [Good, Many(<<"\r\n">>, 6 * ?MB)]},
        {empty_commands, [Good, Many(<<"*0\r\n">>, 6 * ?MB)]},
        {nested_arrays, [Good, Many(<<"*1\r\n">>, 6 * ?MB)]},
        {digits, [Good, "*", Many(<<"1">>, 6 * ?MB)]},
        {line, Many(<<"x">>, 20 * ?MB)}
    ],
    _ = [
        begin
            Grown = grown(#{events => Events}, Floods, Config),
            ?assertEqual([], [Flood || {_, Bytes, _} = Flood <- Grown, Bytes >= ?LINK])
        end
     || Events <- [classic, full]
    ],
    ok.

%% Large complete values: a bounded amount of memory for each byte received.
values(_Config) ->
    Size = 2 * ?MB,
    Many = fun(Bytes) -> binary:copy(Bytes, Size div byte_size(Bytes)) end,
    Count = fun(Bytes) -> huge(Size div byte_size(Bytes)) end,
    Of = fun(Type, Bytes) -> [<<Type, 1, "k">>, Count(Bytes), Many(Bytes)] end,
    Values = [
        {string, snapshot([<<0, 1, "k">>, string(Many(<<"x">>))])},
        {string_cut_off, fr(Size * 40, [<<0, 1, "k">>, huge(40 * Size), Many(<<"x">>)])},
        {list_of_nothing, snapshot([Of(1, <<0>>)])},
        {set_of_nothing, snapshot([Of(2, <<0>>)])},
        {set_cut_off, fr(Size * 2, [<<2, 1, "k">>, huge(1 bsl 64 - 1), Many(<<0>>)])},
        {zset, snapshot([Of(3, <<0, 255>>)])},
        {hash_of_nothing, snapshot([Of(4, <<0, 0>>)])},
        {quicklist_of_words, snapshot([Of(18, <<1, 1, "x">>)])},
        {listpack, snapshot([packed(18, [1, 2], listpack(Many(<<1, 1>>)))])},
        {pending,
            snapshot([
                <<15, 1, "k", 0, 0, 0, 0, 1, 1, "g", 0, 0>>,
                huge(200_000),
                [<<0:64, N:64, 0:64, 1>> || N <- lists:seq(1, 200_000)],
                0
            ])},
        {arguments, [
            snapshot([]), "*", integer_to_list(Size div 6), "\r\n", Many(<<"$0\r\n\r\n">>)
        ]},
        {argument, [snapshot([]), "*1\r\n$", integer_to_list(40 * Size), "\r\n", Many(<<"x">>)]},
        {a_thousand_million, [snapshot([]), "*1000000000\r\n", Many(<<"$0\r\n\r\n">>)]}
    ],
    Grown = grown_anew(#{events => full}, Values),
    ?assertEqual([], [Value || {_, Bytes, _} = Value <- Grown, Bytes >= ?LINK + ?FACTOR * Size]).

%% Compression makes up to 88 bytes of one, and a term of every second of those. What cannot be is
%% refused at once, and what is too much when it gets there.
bombs(_Config) ->
    Count = 16_000,
    Expanded = 264 * Count,
    Bombs = [
        {string, snapshot([<<0, 1, "k">>, lzf(<<"x">>, Count)])},
        {list,
            snapshot([<<18, 1, "k", 1, 2>>, lzf(<<(Expanded + 9):32/little, -1:16, 1>>, Count)])},
        {claim, snapshot([<<0, 1, "k", 195>>, huge(Count), huge(89 * Count), <<0:(Count * 8)>>])}
    ],
    Most = 8 * ?MB,
    [{string, String, _}, {list, List, _}, {claim, Claim, Refused}] = grown_anew(#{}, Bombs),
    [{string, _, _}, {list, Limited, Reason}, _] = grown_anew(#{max_value => Most}, Bombs),
    ?assert(String < ?LINK + 4 * Expanded),
    ?assert(List < ?LINK + ?FACTOR * Expanded),
    ?assert(Claim < ?LINK),
    ?assertMatch({match, _}, re:run(Refused, "cannot hold .* byte [0-9]+ of the snapshot")),
    ?assert(Limited < ?LINK + Expanded + 6 * Most),
    ?assert(Limited < List),
    %% what is taken is within the bound, too
    Fits = snapshot([<<1, 1, "k">>, huge(?MB), <<0:(8 * ?MB)>>]),
    [{fits, Taken, End}] = grown_anew(#{max_value => 26 * ?MB, events => full}, [{fits, Fits}]),
    ?assertMatch({match, _}, re:run(End, "closed the connection")),
    ?assert(Taken < ?LINK + 6 * 26 * ?MB),
    ?assertMatch({match, _}, re:run(Reason, "option max_value .* byte [0-9]+ of the snapshot")),
    template_bomb(Count, Expanded).

%% A template has its names once, and every hash that uses it delivers them.
template_bomb(Count, Expanded) ->
    Hashes = binary:copy(<<32, 1, "k", 7, 1, "v">>, 100),
    Bomb = [{template, snapshot([<<242, 7, 1>>, lzf(<<"x">>, Count), Hashes])}],
    [{template, Taken, End}] = grown_anew(#{events => full}, Bomb),
    ?assertMatch({match, _}, re:run(End, "closed the connection")),
    ?assert(Taken < ?LINK + 4 * Expanded),
    [{template, Refused, Reason}] = grown_anew(#{max_value => Expanded div 2}, Bomb),
    ?assertMatch(
        {match, _},
        re:run(Reason, "hash templates of more .* option max_value .* byte [0-9]+ of the snapshot")
    ),
    ?assert(Refused < ?LINK + 2 * Expanded).

%% The given bytes, then a byte 1, 264 times as many more bytes 1, and 255.
lzf(Head, Count) ->
    Size = byte_size(Head),
    Compressed = [Size, Head, 1, binary:copy(<<224, 255, 0>>, Count), 0, 255],
    [195, huge(iolist_size(Compressed)), huge(Size + 2 + 264 * Count), Compressed].

%% As many as fit are taken; each further option says how many.
limits(_Config) ->
    Options = #{proto_max_bulk_len => 1000, max_arguments => 3, max_value => 5000},
    Serve = fun(Until, Psync) ->
        #{ended := Ended, text := Text, events := Events} =
            eslaver_test_hostile_master:serve(Until, Psync, Options),
        Commands = [Name || {stream, Name, _, _} <- Events],
        {Ended, Text, length(eslaver_test_hostile_master:keys(Events) ++ Commands)}
    end,
    String = fun(Size) -> snapshot([<<0, 1, "k">>, string(<<0:(Size * 8)>>)]) end,
    List = fun(Count) ->
        snapshot([<<1, 1, "k">>, huge(Count), [[1, $x] || _ <- lists:seq(1, Count)]])
    end,
    Command = fun(Words) -> [snapshot([]), command([<<"set">> | Words])] end,
    Taken = [
        {load, String(1000)},
        {load, List(150)},
        {stream, Command([<<"k">>, <<0:8000>>])}
    ],
    Refused = [
        {load, String(1001), "a string of 1001 bytes.*option proto_max_bulk_len"},
        {load, List(250), "a value of more than the 5000 bytes.*option max_value"},
        {stream, Command([<<"k">>, <<0:8008>>]), "option proto_max_bulk_len.*one of 1001"},
        {stream, Command([<<"k">>, <<"v">>, <<"v">>]), "option max_arguments.*array of 4"},
        {stream, [snapshot([]), "*2147483648\r\n"], "at most 3 arguments"}
    ],
    _ = [?assertMatch({_, 1}, {Way, element(3, Serve(Way, Psync))}) || {Way, Psync} <- Taken],
    _ = [
        begin
            {Ended, Text, Count} = Serve(Way, Psync),
            ct:log("~ts", [Text]),
            ?assertMatch({_, 0}, {Text, Count}),
            ?assertMatch({match, _}, re:run(Text, Regex)),
            ?assertNot(no_byte_in(Text)),
            ?assertNotEqual(loaded, Ended)
        end
     || {Way, Psync, Regex} <- Refused
    ],
    ok.

command(Words) ->
    ["*", integer_to_list(length(Words)), "\r\n" | [bulk(Word) || Word <- Words]].

bulk(Word) ->
    ["$", integer_to_list(byte_size(Word)), "\r\n", Word, "\r\n"].

%% A failure that will come again is not retried at once.
no_hammering(_Config) ->
    Scripts = [
        snapshot([<<0, 1, "k">>, huge(1 bsl 40)]),
        snapshot([200]),
        [snapshot([]), "*1\r\n$999999999999\r\n"],
        [snapshot([]), "nonsense\r\n"]
    ],
    Fakes = [eslaver_test_fake_master:start([#{psync => Psync}]) || Psync <- Scripts],
    Replicas = [eslaver_test_replica:start(eslaver_test_fake_master:port(Fake)) || Fake <- Fakes],
    Down = fun({Replica, _}) -> maps:get(state, eslaver:info(Replica)) =:= waiting end,
    true = eslaver_test_wait:until(fun() -> lists:all(Down, Replicas) end),
    timer:sleep(4000),
    ?assertEqual([1, 1, 1, 1], [eslaver_test_fake_master:connections(Fake) || Fake <- Fakes]),
    _ = [ok = eslaver:stop(Replica) || {Replica, _} <- Replicas],
    ok.

%% Serves each of these to a replica in the node until it is rid of it: how much memory the process
%% had at the most, more than before all of them, and for what reason it gave up.
grown(Options, Scripts, Config) ->
    Node = ?config(node, Config),
    OsPid = eslaver_test_node:os_pid(Node),
    Before = eslaver_test_node:memory(OsPid),
    told([{What, grown(Node, OsPid, Before, Options, Script)} || {What, Script} <- Scripts]).

%% The same, each in a node of its own: what large values have left is used again.
grown_anew(Options, Scripts) ->
    told([
        begin
            Node = node_of_ours(),
            OsPid = eslaver_test_node:os_pid(Node),
            Before = eslaver_test_node:memory(OsPid),
            Grown = grown(Node, OsPid, Before, Options, Script),
            ok = eslaver_test_node:stop(Node),
            {What, Grown}
        end
     || {What, Script} <- Scripts
    ]).

told(Grown) ->
    Flat = [{What, Bytes, Reason} || {What, {Bytes, Reason}} <- Grown],
    Lines = [
        io_lib:format("~p ~.1f MB ~ts~n", [W, B / ?MB, string:slice(R, 0, 150)])
     || {W, B, R} <- Flat
    ],
    ct:log("~ts", [Lines]),
    {Most, Which} = lists:max([{Bytes, What} || {What, Bytes, _} <- Flat]),
    ct:pal("~b tries, at most ~.1f MB more (~p)", [length(Flat), Most / ?MB, Which]),
    Flat.

grown(Node, OsPid, Before, Options, Psync) ->
    _ = eslaver_test_node:call(Node, eslaver_test_node, inventory, []),
    ok = eslaver_test_node:forget_peak(OsPid),
    Reason = eslaver_test_hostile_master:with_fake(#{psync => Psync, then => close}, fun(Target) ->
        Given = maps:merge(Target#{callback => {erlang, is_tuple}}, Options),
        Replica = eslaver_test_node:replica(Node, Given),
        Error = eslaver_test_wait:until(fun() ->
            case eslaver_test_node:call(Node, eslaver, info, [Replica]) of
                #{last_error := #{text := Text}} -> Text;
                #{} -> false
            end
        end),
        ok = eslaver_test_node:call(Node, eslaver, stop, [Replica]),
        Error
    end),
    {eslaver_test_node:peak_memory(OsPid) - Before, Reason}.

%% It has run once what the cases run.
node_of_ours() ->
    Node = eslaver_test_node:start(),
    ok = eslaver_test_node:call(Node, logger, set_primary_config, [level, none]),
    Snapshot = snapshot([<<0, 1, "k">>, string(<<0:8000>>)]),
    _ = grown(Node, eslaver_test_node:os_pid(Node), 0, #{}, Snapshot),
    Node.

%% Pieces of snapshots

snapshot(Body) ->
    eslaver_test_fake_master:full_resync(["REDIS0013", Body, 255, <<0:64>>]).

%% The same, with this length claimed.
fr(Size, Body) ->
    eslaver_test_fake_master:full_resync(Size, ["REDIS0013", Body]).

id() ->
    eslaver_test_fake_master:replid().

mark() ->
    binary:copy(<<"0123456789">>, 4).

huge(Size) when Size < 1 bsl 32 -> <<128, Size:32>>;
huge(Size) -> <<129, Size:64>>.

string(Bytes) ->
    [huge(iolist_size(Bytes)), Bytes].

packed(Type, Container) ->
    packed(Type, [], Container).

packed(Type, Head, Container) ->
    [<<Type, 1, "k">>, Head, string(Container)].

listpack(Entries) ->
    <<(byte_size(Entries) + 7):32/little, -1:16, Entries/binary, 255>>.

ziplist(Entries) ->
    <<(byte_size(Entries) + 11):32/little, 10:32/little, -1:16, Entries/binary, 255>>.
