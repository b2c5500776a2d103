%% Answers of the mirror in which servers are not alike, or that are seldom asked for: each is that
%% of its master, for every master at hand that knows the command.
-module(eslaver_mirror_answers_SUITE).

-include_lib("stdlib/include/assert.hrl").

-compile([export_all, nowarn_export_all]).

%% What servers take for numbers, or not. The last ones come last: in old servers an error of range
%% makes the next conversions fail.
-define(NUMBERS, [
    <<>>,
    <<"1">>,
    <<" 1">>,
    <<"1 ">>,
    <<"\t1">>,
    <<"+1">>,
    <<"+-1">>,
    <<".5">>,
    <<"5.">>,
    <<".">>,
    <<"0x1F">>,
    <<"-0X1f">>,
    <<"0x">>,
    <<"0x.8p1">>,
    <<"1e5">>,
    <<"1e">>,
    <<"inf">>,
    <<"-INFINITY">>,
    <<"infinit">>,
    <<"nan">>,
    <<"1_0">>,
    <<"5", 0, "x">>,
    <<0>>,
    <<"1e400">>,
    <<"-1e400">>,
    <<"1e-400">>,
    <<"1e-310">>
]).

suite() ->
    [{timetrap, {minutes, 3}}].

all() ->
    eslaver_test_groups:cases(?MODULE).

counts_of_entries(_Config) ->
    each_server(fun counts_of_entries_of/2).

counts_of_entries_of(Mirror, Client) ->
    _ = [ask(Client, ["XADD", "s", [N, "-1"], "f", "v"]) || N <- ["1", "2", "3"]],
    _ = ask(Client, ["XGROUP", "CREATE", "s", "g", "0"]),
    _ = ask(Client, ["XREADGROUP", "GROUP", "g", "c", "STREAMS", "s", ">"]),
    ok = eslaver_test_proxied_mirror:caught_up(Mirror, Client),
    Ids = fun
        (null) -> [];
        (Entries) -> [Id || [Id | _] <- Entries]
    end,
    Own = fun(Entries) -> [element(1, Entry) || Entry <- Entries] end,
    [
        ?assertEqual({Count, Command, Ids(Answer)}, {Count, Command, Own(Read)})
     || Count <- [-3, -1, 0, 1, 2, 9],
        {Command, Answer, Read} <- [
            {
                xrange,
                ask(Client, ["XRANGE", "s", "-", "+", "COUNT", Count]),
                eslaver_mirror:xrange(Mirror, <<"s">>, '-', '+', #{count => Count})
            },
            {
                xrevrange,
                ask(Client, ["XREVRANGE", "s", "+", "-", "COUNT", Count]),
                eslaver_mirror:xrevrange(Mirror, <<"s">>, '+', '-', #{count => Count})
            },
            {
                xread,
                read(ask(Client, ["XREAD", "COUNT", Count, "STREAMS", "s", "1-1"])),
                read(eslaver_mirror:xread(Mirror, [{<<"s">>, <<"1-1">>}], [{count, Count}]))
            },
            {
                xpending,
                ask(Client, ["XPENDING", "s", "g", "-", "+", Count]),
                eslaver_mirror:xpending(Mirror, <<"s">>, <<"g">>, '-', '+', Count)
            }
        ],
        not is_error(Answer)
    ].

read([[_Key, Entries]]) -> Entries;
read([{_Key, Entries}]) -> Entries;
read(Other) -> Other.

sorted_numbers(_Config) ->
    each_server(fun sorted_numbers_of/2).

sorted_numbers_of(Mirror, Client) ->
    _ = ask(Client, ["RPUSH", "one", "1"]),
    [
        begin
            _ = ask(Client, ["DEL", "l"]),
            _ = ask(Client, ["RPUSH", "l", Text]),
            _ = ask(Client, ["SET", "w_1", Text]),
            _ = ask(Client, ["HSET", "h_1", "f", Text]),
            ok = eslaver_test_proxied_mirror:caught_up(Mirror, Client),
            ?assertEqual(
                {Text, sorted(ask(Client, ["SORT", "l"]))},
                {Text, eslaver_mirror:sort_ro(Mirror, <<"l">>)}
            ),
            [
                ?assertEqual(
                    {Text, Pattern, sorted(ask(Client, ["SORT", "one", "BY", Pattern]))},
                    {Text, Pattern, eslaver_mirror:sort_ro(Mirror, <<"one">>, #{by => Pattern})}
                )
             || Pattern <- [<<"w_*">>, <<"h_*->f">>, <<"h_*->">>]
            ]
        end
     || Text <- ?NUMBERS
    ].

sorted({error, <<"ERR One or more scores can't be converted", _/binary>>}) ->
    {error, not_a_number};
sorted(Elements) ->
    Elements.

%% Just more than a server computes with default settings, and less.
large_subsequences(_Config) ->
    each_server(fun large_subsequences_of/2, eslaver_test_servers:spread()).

large_subsequences_of(Mirror, Client) ->
    [
        begin
            _ = ask(Client, ["SET", "a", binary:copy(<<"a">>, A)]),
            _ = ask(Client, ["SET", "b", binary:copy(<<"a">>, B)]),
            ok = eslaver_test_proxied_mirror:caught_up(Mirror, Client),
            [
                ?assertEqual(
                    {A, B, subsequence(ask(Client, ["LCS", "a", "b" | Len]))},
                    {A, B, Read(Mirror, <<"a">>, <<"b">>)}
                )
             || {Len, Read} <- [
                    {[], fun eslaver_mirror:lcs/3},
                    {["LEN"], fun(M, K, L) -> eslaver_mirror:lcs(M, K, L, #{len => true}) end}
                ],
                eslaver_test_mirrored_servers:is_known(Client, "LCS")
            ]
        end
     || {A, B} <- [{2_000, 2_000}, {11_585, 11_585}, {15, 8_388_608}]
    ].

subsequence({error, <<"ERR Insufficient memory", _/binary>>}) -> {error, too_large};
subsequence(Found) -> Found.

%% Redis rounds the seconds of fields up, Valkey to the nearest.
field_times(_Config) ->
    each_server(fun(Mirror, Client) ->
        case eslaver_test_mirrored_servers:is_known(Client, "HEXPIRETIME") of
            true -> field_times_of(Mirror, Client);
            false -> ct:log("~p has no HEXPIRETIME", [Mirror])
        end
    end).

field_times_of(Mirror, Client) ->
    Far = 4_000_000_000_000,
    Times = [Far + Ms || Ms <- [0, 1, 499, 500, 501, 999]],
    Fields = [<<"lasting">>, <<"missing">> | [integer_to_binary(Time) || Time <- Times]],
    lists:foreach(
        fun(Time) ->
            _ = ask(Client, ["HSET", "h", Time, "v"]),
            _ = ask(Client, ["HPEXPIREAT", "h", Time, "FIELDS", "1", Time])
        end,
        Times
    ),
    _ = ask(Client, ["HSET", "h", "lasting", "v"]),
    ok = eslaver_test_proxied_mirror:caught_up(Mirror, Client),
    Asked = ["h", "FIELDS", length(Fields) | Fields],
    ?assertEqual(
        lifetimes(ask(Client, ["HEXPIRETIME" | Asked])),
        eslaver_mirror:hexpiretime(Mirror, <<"h">>, Fields)
    ),
    ?assertEqual(
        lifetimes(ask(Client, ["HPEXPIRETIME" | Asked])),
        eslaver_mirror:hpexpiretime(Mirror, <<"h">>, Fields)
    ),
    lists:foreach(
        fun(_) ->
            same_meanwhile(
                fun() -> lifetimes(ask(Client, ["HTTL" | Asked])) end,
                fun() -> eslaver_mirror:httl(Mirror, <<"h">>, Fields) end
            )
        end,
        lists:seq(1, 50)
    ).

lifetimes(Times) ->
    [
        case Time of
            -1 -> infinity;
            -2 -> undefined;
            _ -> Time
        end
     || Time <- Times
    ].

%% The server's answer must be the same before and after the mirror's.
same_meanwhile(Ask, Read) ->
    Before = Ask(),
    Got = Read(),
    case Ask() of
        Before -> ?assertEqual(Before, Got);
        _ -> same_meanwhile(Ask, Read)
    end.

%% A vector set ends with its last element, or as any key does: it is neither counted nor listed.
removed_vector_sets(_Config) ->
    each_server(fun(Mirror, Client) ->
        case eslaver_test_mirrored_servers:is_known(Client, "VADD") of
            true -> removed_vector_sets_of(Mirror, Client);
            false -> ct:log("~p has no VADD", [Mirror])
        end
    end).

removed_vector_sets_of(Mirror, Client) ->
    [
        _ = eslaver_test_client:ok(Client, ["VADD", Key, "VALUES", "2", "1", Number, Element])
     || Key <- ["emptied", "deleted", "unlinked", "overwritten", "renamed", "kept"],
        {Number, Element} <- [{"1", "a"}, {"2", "b"}]
    ],
    _ = eslaver_test_client:ok(Client, ["SET", "string", "value"]),
    lists:foreach(
        fun(Removal) ->
            _ = eslaver_test_client:ok(Client, Removal),
            ok = eslaver_test_proxied_mirror:caught_up(Mirror, Client),
            Keys = eslaver_test_client:ok(Client, ["KEYS", "*"]),
            Count = eslaver_test_client:ok(Client, ["DBSIZE"]),
            ?assertEqual(
                {Removal, lists:sort(Keys), Count},
                {
                    Removal,
                    lists:sort(eslaver_mirror:keys(Mirror, <<"*">>)),
                    eslaver_mirror:dbsize(Mirror)
                }
            )
        end,
        [
            ["VREM", "emptied", "a"],
            ["VREM", "emptied", "b"],
            ["DEL", "deleted"],
            ["UNLINK", "unlinked"],
            ["SET", "overwritten", "a string now"],
            ["RENAME", "renamed", "string"]
        ]
    ),
    ?assertNot(eslaver_mirror:exists(Mirror, <<"emptied">>)),
    ?assertEqual(none, eslaver_mirror:type(Mirror, <<"emptied">>)).

each_server(Compare) ->
    eslaver_test_mirrored_servers:each(answers, Compare).

each_server(Compare, Servers) ->
    eslaver_test_mirrored_servers:each(answers, Compare, Servers).

ask(Client, Command) ->
    eslaver_test_client:command(Client, Command).

is_error({error, _}) -> true;
is_error(_) -> false.
