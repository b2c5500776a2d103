%% The test of the tests: against every master at hand, eslaver_test_compare finds nothing wrong
%% with events made from the master's own answers, and reports every single mistake put in them.
%% No product code runs here.
-module(eslaver_test_compare_SUITE).

-include_lib("common_test/include/ct.hrl").
-include_lib("stdlib/include/assert.hrl").

-compile([export_all, nowarn_export_all]).

suite() ->
    [{timetrap, {minutes, 3}}].

all() ->
    [canonical, scores, masters_leave_nothing] ++ eslaver_test_groups:all(groups()).

groups() ->
    eslaver_test_groups:per_server(eslaver_test_servers:available(), [
        right_events, wrong_events, encodings
    ]).

init_per_group(Name, Config) ->
    Filled = eslaver_test_groups:filled_master(Name, eslaver_test_groups:server(Name, Config)),
    Client = eslaver_test_client:connect(?config(master, Filled)),
    Truth = eslaver_test_master_data:read(Client),
    Encodings = eslaver_test_dataset:encodings(Client),
    ok = eslaver_test_client:close(Client),
    %% Not in Config, which Common Test prints at length.
    persistent_term:put({?MODULE, truth}, Truth),
    [{encodings, Encodings} | Filled].

end_per_group(_Name, Config) ->
    _ = persistent_term:erase({?MODULE, truth}),
    eslaver_test_master:stop(?config(master, Config)).

right_events(_Config) ->
    Truth = persistent_term:get({?MODULE, truth}),
    ?assert(map_size(Truth) > 700),
    _ = [
        begin
            Events = eslaver_test_compare:events(Style, Truth),
            Differences = eslaver_test_compare:differences(Style, Truth, Events),
            ct:log("~s: ~s", [Style, eslaver_test_compare:format(Differences)]),
            ?assertEqual(0, length(Differences))
        end
     || Style <- [classic, full]
    ],
    ok.

%% One mistake at a time, in the first key of its kind that it can be made in.
wrong_events(Config) ->
    %% The big values only cost time here.
    Truth = maps:filter(
        fun(_Key, #{value := Value}) -> erts_debug:flat_size(Value) < 2_000 end,
        persistent_term:get({?MODULE, truth})
    ),
    Right = [
        {Style, eslaver_test_compare:events(Style, Truth)}
     || Style <- [classic, full]
    ],
    Made = [
        begin
            Differences = eslaver_test_compare:differences(Style, Truth, Wrong),
            ct:log("~p: ~s", [Name, eslaver_test_compare:format(Differences)]),
            ?assertNotEqual({Name, 0}, {Name, length(Differences)}),
            Name
        end
     || {Name, Mistake} <- mistakes(),
        {Style, Events} <- Right,
        {ok, Wrong} <- [somewhere(Mistake, Events)]
    ],
    Types = types(?config(server, Config)),
    Needed = [Name || {Name, _} <- mistakes(), is_needed(atom_to_list(Name), Types)],
    ?assertEqual([], Needed -- Made),
    ok.

%% The dataset has what it is made for, as far as the server says so.
encodings(Config) ->
    Found = maps:keys(?config(encodings, Config)),
    ct:log("~p", [Found]),
    #{family := Family, version := Version} = ?config(server, Config),
    Strings = [{<<"string">>, <<"embstr">>} || Version >= {3, 0, 0}],
    Always = [
        {<<"string">>, <<"int">>},
        {<<"string">>, <<"raw">>},
        {<<"set">>, <<"intset">>},
        {<<"set">>, <<"hashtable">>},
        {<<"hash">>, <<"hashtable">>},
        {<<"zset">>, <<"skiplist">>}
    ],
    Small =
        if
            Version >= {7, 0, 0} -> [{T, <<"listpack">>} || T <- [<<"hash">>, <<"zset">>]];
            true -> [{T, <<"ziplist">>} || T <- [<<"hash">>, <<"zset">>]]
        end,
    Newest = [
        Encoding
     || Family =:= redis,
        Version >= {8, 10, 0},
        Encoding <- [
            {<<"hash">>, <<"template-listpack">>},
            {<<"hash">>, <<"template-array">>},
            {<<"array">>, <<"sliced-array">>}
        ]
    ],
    ?assertEqual([], (Always ++ Strings ++ Small ++ Newest) -- Found).

canonical(_Config) ->
    Yes = ["0", "7", "-1", "10", "9223372036854775807", "-9223372036854775808"],
    No = [
        "",
        "-",
        "-0",
        "00",
        "01",
        "-01",
        "+1",
        " 1",
        "1 ",
        "1.0",
        "1e3",
        "16#ff",
        "9223372036854775808",
        "-9223372036854775809",
        "1_000",
        "99999999999999999999999"
    ],
    ?assertEqual(Yes, [T || T <- Yes ++ No, eslaver_test_compare:is_canonical(list_to_binary(T))]),
    ok.

scores(_Config) ->
    _ = [
        ?assertEqual(
            {Text, <<Score/float>>}, {Text, <<(eslaver_test_master_data:score(Text))/float>>}
        )
     || {Text, Score} <- [
            {<<"1">>, 1.0},
            {<<"-0">>, -0.0},
            {<<"0.10000000000000001">>, 0.1},
            {<<"1e+308">>, 1.0e308},
            {<<"4.9406564584124654e-324">>, 5.0e-324},
            {<<"5e-324">>, 5.0e-324},
            {<<"9007199254740992">>, 9007199254740992.0}
        ]
    ],
    [inf, '-inf'] = [eslaver_test_master_data:score(Text) || Text <- [<<"inf">>, <<"-inf">>]],
    ok.

%% A server does not outlive the process that started it, nor does its directory.
masters_leave_nothing(_Config) ->
    Self = self(),
    {Starter, Ref} = spawn_monitor(fun() ->
        Master = eslaver_test_master:start_own(),
        Dir = eslaver_test_master:dir(Master),
        Self ! {started, eslaver_test_master:os_pid(Master), Dir},
        exit(the_case_fails)
    end),
    {OsPid, Dir} =
        receive
            {started, P, D} -> {P, D}
        end,
    receive
        {'DOWN', Ref, process, Starter, _} -> ok
    end,
    true = eslaver_test_wait:until(fun() ->
        os:cmd("kill -0 " ++ integer_to_list(OsPid) ++ " 2>&1") =/= "" andalso
            not filelib:is_dir(Dir)
    end),
    ok.

%% What a server of this version has in its keys, beyond what all have.
types(#{family := Family, version := Version}) ->
    [streams || Version >= {5, 0, 0}] ++
        [newest || Family =:= redis, Version >= {8, 8, 0}].

is_needed("stream_given_back" ++ _, Types) -> lists:member(newest, Types);
is_needed("stream" ++ _, Types) -> lists:member(streams, Types);
is_needed("array" ++ _, Types) -> lists:member(newest, Types);
is_needed(_, _Types) -> true.

%% Mistakes: from an event to the events in its place, or no clause where it cannot be made.
mistakes() ->
    [
        {missing_key, fun({loading, string, _, _}) -> [] end},
        {key_twice, fun({loading, set, _, _} = E) -> [E, E] end},
        {key_too_many, fun({loading, hash, _, V} = E) -> [E, {loading, hash, <<"other">>, V}] end},
        {wrong_key, fun({loading, list, K, V}) -> [{loading, list, <<K/binary, "x">>, V}] end},
        {wrong_type, fun({loading, set, K, V}) -> [{loading, list, K, V}] end},
        {string_cut, fun({loading, string, K, <<_, V/binary>>}) -> [{loading, string, K, V}] end},
        {string_as_number, fun({loading, string, K, <<"7">>}) -> [{loading, string, K, 7}] end},
        {string_as_text, fun({loading, string, K, V}) when byte_size(V) > 9 ->
            [{loading, string, K, binary_to_list(V)}]
        end},
        {list_short, fun({loading, list, K, [_ | V]}) -> [{loading, list, K, V}] end},
        {list_longer, fun({loading, list, K, V}) -> [{loading, list, K, V ++ [<<>>]}] end},
        {list_swapped, fun({loading, list, K, [A, B | V]}) when A =/= B ->
            [{loading, list, K, [B, A | V]}]
        end},
        {list_number_as_binary, fun({loading, list, K, [A | V]}) when is_integer(A) ->
            [{loading, list, K, [integer_to_binary(A) | V]}]
        end},
        {list_not_a_number, fun({loading, list, K, V}) ->
            true = lists:member(<<"-0">>, V),
            [{loading, list, K, [zero(E) || E <- V]}]
        end},
        {set_member_twice, fun({loading, set, K, [A | V]}) -> [{loading, set, K, [A, A | V]}] end},
        {set_numbers, fun({loading, set, K, V}) ->
            true = lists:member(<<"1">>, V),
            [{loading, set, K, [1 | V -- [<<"1">>]]}]
        end},
        {zset_sign_of_zero, fun({loading, zset, K, V}) ->
            [_ | _] = [M || {M, S} <- V, is_float(S), <<S/float>> =:= <<-0.0/float>>],
            [{loading, zset, K, [{M, positive(S)} || {M, S} <- V]}]
        end},
        {zset_near, fun({loading, zset, K, V}) ->
            [_ | _] = [M || {M, 0.1} <- V],
            [{loading, zset, K, [{M, near(S)} || {M, S} <- V]}]
        end},
        {zset_integer, fun({loading, zset, K, [{M, _} | V]}) ->
            [{loading, zset, K, [{M, 1} | V]}]
        end},
        {hash_as_pairs, fun({loading, hash, K, [F, V]}) -> [{loading, hash, K, [{F, V}]}] end},
        {hash_value, fun({loading, hash, K, [F, V | R]}) ->
            [{loading, hash, K, [F, <<V/binary, 0>> | R]}]
        end},
        {hash_odd, fun({loading, hash, K, [_ | R]}) -> [{loading, hash, K, R}] end},
        {no_eof, fun({loading, eof}) -> [] end},
        {eof_twice, fun({loading, eof} = E) -> [E, E] end},
        {strange_event, fun({loading, eof} = E) -> [{loading, what, 1, 2, 3}, E] end},
        {value_after_eof, fun({loading, eof} = E) -> [E, {loading, string, <<>>, <<>>}] end},
        {stream_entry, fun({loading, stream, K, #{entries := [_ | E]} = S}) ->
            [{loading, stream, K, S#{entries := E}}]
        end},
        {stream_last_id, fun({loading, stream, K, #{last_id := _} = S}) ->
            [{loading, stream, K, S#{last_id := <<"1-2">>}}]
        end},
        {stream_not_a_key, fun({loading, stream, K, S}) ->
            [{loading, stream, K, S#{surprise => 1}}]
        end},
        {stream_group, fun({loading, stream, K, #{groups := [_ | G]} = S}) ->
            [{loading, stream, K, S#{groups := G}}]
        end},
        {stream_pending, fun(
            {loading, stream, K, #{groups := [#{pending := [_ | P]} = G | R]} = S}
        ) ->
            [{loading, stream, K, S#{groups := [G#{pending := P} | R]}}]
        end},
        {stream_deliveries, fun({loading, stream, K, S}) ->
            #{groups := [#{pending := [#{deliveries := N} = P | Ps]} = G | R]} = S,
            Wrong = G#{pending := [P#{deliveries := N + 1} | Ps]},
            [{loading, stream, K, S#{groups := [Wrong | R]}}]
        end},
        {stream_consumer, fun({loading, stream, K, S}) ->
            #{groups := [#{consumers := [#{name := _} | Cs]} = G | R]} = S,
            [{loading, stream, K, S#{groups := [G#{consumers := Cs} | R]}}]
        end},
        {stream_given_back, fun({loading, stream, K, S}) ->
            #{groups := [#{nack := [_ | Ids]} = G | R]} = S,
            [{loading, stream, K, S#{groups := [G#{nack := Ids} | R]}}]
        end},
        {stream_given_back_unsaid, fun({loading, stream, K, S}) ->
            #{groups := [#{nack := [_ | _]} = G | R]} = S,
            [{loading, stream, K, S#{groups := [maps:remove(nack, G) | R]}}]
        end},
        {array_element, fun({loading, array, K, [_ | V]}) -> [{loading, array, K, V}] end},
        {array_index, fun({loading, array, K, [{I, E} | V]}) ->
            [{loading, array, K, [{I + 1, E} | V]}]
        end},
        {array_swapped, fun({loading, array, K, [{I, A}, {J, B} | V]}) when A =/= B ->
            [{loading, array, K, [{I, B}, {J, A} | V]}]
        end},
        {array_as_list, fun({loading, array, K, V}) ->
            [{loading, array, K, [E || {_, E} <- V]}]
        end},
        {array_next_index, fun({loading, array, K, V, #{next_index := N} = M}) ->
            [{loading, array, K, V, M#{next_index := N + 1}}]
        end},
        {array_next_index_unsaid, fun({loading, array, K, V, #{next_index := _} = M}) ->
            [{loading, array, K, V, maps:remove(next_index, M)}]
        end}
    ].

somewhere(_Mistake, []) ->
    nowhere;
somewhere(Mistake, [Event | Events]) ->
    try Mistake(Event) of
        Instead -> {ok, Instead ++ Events}
    catch
        error:_ ->
            case somewhere(Mistake, Events) of
                {ok, Wrong} -> {ok, [Event | Wrong]};
                nowhere -> nowhere
            end
    end.

zero(<<"-0">>) -> 0;
zero(Element) -> Element.

positive(Score) when Score == 0 -> 0.0;
positive(Score) -> Score.

near(0.1) -> 0.10000000000000002;
near(Score) -> Score.
