%% The options: a table of what is taken and what is not, and where it is taken from.
-module(eslaver_options_tests).

-include_lib("eunit/include/eunit.hrl").

%% This module is a store, too.
-behaviour(eslaver_position_store).
-export([load/2, save/3]).

load(_Where, _Args) -> none.
save(_Where, _Position, _Args) -> ok.

position() ->
    #{
        replid => <<"0123456789012345678901234567890123456789">>, offset => 1, db => 0
    }.

taken_test_() ->
    Table = [
        {#{}, source, {fixed, {tcp, <<"127.0.0.1">>, 6379}}},
        {#{}, dbfilename, undefined},
        {#{dbfilename => "/tmp/dump.rdb"}, dbfilename, <<"/tmp/dump.rdb">>},
        {#{}, callback, []},
        {#{master_host => "redis.local"}, source, {fixed, {tcp, <<"redis.local">>, 6379}}},
        {#{master_host => <<"::1">>, master_port => 1}, source, {fixed, {tcp, <<"::1">>, 1}}},
        {#{master_host => {10, 0, 0, 1}}, source, {fixed, {tcp, <<"10.0.0.1">>, 6379}}},
        {#{master_host => {0, 0, 0, 0, 0, 0, 0, 1}}, source, {fixed, {tcp, <<"::1">>, 6379}}},
        {#{master_host => {local, "/tmp/s"}}, source, {fixed, {local, <<"/tmp/s">>}}},
        {#{master_host => "[::1]"}, source, {fixed, {tcp, <<"::1">>, 6379}}},
        {#{master_host => "fe80::1%lo"}, source, {fixed, {tcp, <<"fe80::1%lo">>, 6379}}},
        {#{master_host => "[fe80::1%lo]"}, source, {fixed, {tcp, <<"fe80::1%lo">>, 6379}}},
        {#{master_host => "my_redis.local."}, source, {fixed, {tcp, <<"my_redis.local.">>, 6379}}},
        {#{master_host => "b\x{fc}cher"}, source, {fixed, {tcp, <<"b\x{fc}cher"/utf8>>, 6379}}},
        {#{master_host => {local, <<"/tmp/", 255>>}}, source, {fixed, {local, <<"/tmp/", 255>>}}},
        {#{dbfilename => <<"/tmp/", 255>>}, dbfilename, <<"/tmp/", 255>>},
        {#{resume => {file, <<"/tmp/", 255>>}}, resume, {file, <<"/tmp/", 255>>}},
        {#{master_port => 65535}, source, {fixed, {tcp, <<"127.0.0.1">>, 65535}}},
        {#{master_user => "replica"}, user, <<"replica">>},
        {#{dbfilename => undefined}, dbfilename, undefined},
        {#{announce_ip => "1.2.3.4", announce_port => 7}, announce_port, 7},
        {#{announce_ip => "replica-1.local"}, announce_ip, <<"replica-1.local">>},
        {#{announce_ip => {10, 0, 0, 1}}, announce_ip, <<"10.0.0.1">>},
        {#{announce_ip => "[fe80::1%lo]"}, announce_ip, <<"fe80::1%lo">>},
        {#{announce_ip => undef}, announce_ip, undefined},
        {#{}, client_name, <<"eslaver">>},
        {#{name => {local, users}}, client_name, <<"eslaver:users">>},
        {#{name => {local, 'a b\nü'}}, client_name, <<"eslaver:a_b__">>},
        {#{name => {global, {any, term}}}, client_name, <<"eslaver:{any,term}">>},
        {
            #{name => {via, global, "long" ++ lists:duplicate(200, $x)}},
            client_name,
            <<"eslaver:\"long", (binary:copy(<<"x">>, 95))/binary>>
        },
        {#{client_name => "mine", name => {local, users}}, client_name, <<"mine">>},
        {#{client_name => undefined, name => {local, users}}, client_name, undefined},
        {#{}, psync_command, <<"PSYNC">>},
        {#{psync_command => "secret-psync"}, psync_command, <<"secret-psync">>},
        {#{}, read_from, master},
        {#{read_from => prefer_replica}, read_from, prefer_replica},
        {#{read_from => replica}, read_from, replica},
        {#{}, empty_master_delay, 10000},
        {#{empty_master_delay => 0}, empty_master_delay, 0},
        {#{}, rdb_compression, auto},
        {#{rdb_compression => auto}, rdb_compression, auto},
        {#{rdb_compression => false}, rdb_compression, false},
        {#{tls => false}, tls, undefined},
        {#{tls => true}, tls, tls(#{})},
        {#{tls => #{verify => chain}}, tls, tls(#{verify => chain})},
        {#{tls => #{server_name => "a.b"}}, tls, tls(#{server_name => <<"a.b">>})},
        {#{tls => #{server_name => {1, 2, 3, 4}}}, tls, tls(#{server_name => <<"1.2.3.4">>})},
        {#{master_url => "rediss://h", tls => true}, tls, tls(#{})},
        {#{master_url => "redis://h", tls => true}, tls, tls(#{})},
        {#{master_url => "redis://h", tls => false}, tls, undefined},
        {#{master_url => "unix:///tmp/s", tls => false}, tls, undefined},
        {
            #{tls => #{cacertfile => "/ca", verify => false}},
            tls,
            tls(#{cacertfile => <<"/ca">>, verify => false})
        },
        {#{master_url => "redis://h:1"}, source, {fixed, {tcp, <<"h">>, 1}}},
        {#{master_url => "redis://h/0"}, source, {fixed, {tcp, <<"h">>, 6379}}},
        {#{master_url => "rediss://:pw@h:7/0"}, source, {fixed, {tcp, <<"h">>, 7}}},
        {#{master_url => nil, master_port => 7}, source, {fixed, {tcp, <<"127.0.0.1">>, 7}}},
        {#{master_url => "redis://h", master_port => nil}, source, {fixed, {tcp, <<"h">>, 6379}}},
        {#{master_url => "redis://h/"}, source, {fixed, {tcp, <<"h">>, 6379}}},
        {#{master_url => "redis://[::1]:7"}, source, {fixed, {tcp, <<"::1">>, 7}}},
        {#{master_url => "redis://[::1]"}, source, {fixed, {tcp, <<"::1">>, 6379}}},
        {#{master_url => "REDIS://h:"}, source, {fixed, {tcp, <<"h">>, 6379}}},
        {#{master_url => "redis://ex%61mple"}, source, {fixed, {tcp, <<"example">>, 6379}}},
        {#{master_url => "unix://us:pw@/tmp/s"}, user, <<"us">>},
        {#{master_url => "unix:/tmp/%FF"}, source, {fixed, {local, <<"/tmp/", 255>>}}},
        {#{master_url => "rediss://h"}, tls, tls(#{})},
        {#{master_url => "redis://us%40er:p%3Aw@h"}, user, <<"us@er">>},
        {#{master_url => "redis://:pw@h"}, user, undefined},
        {#{master_url => <<"unix:///tmp/a%20socket">>}, source,
            {fixed, {local, <<"/tmp/a socket">>}}},
        {#{master_url => "rediss://h", tls => #{verify => false}}, tls, tls(#{verify => false})},
        {#{callback => {erlang, display}}, callback, {erlang, display}},
        {#{callback => {io, format, [a]}}, callback, {io, format, [a]}},
        {#{callback => self()}, callback, self()},
        {#{callback => {self(), #{demand => 0}}}, callback, {self(), #{demand => 0}}},
        {#{mailbox_limit => infinity}, mailbox_limit, infinity},
        {#{}, proto_max_bulk_len, 536870912},
        {#{proto_max_bulk_len => 1}, proto_max_bulk_len, 1},
        {#{proto_max_bulk_len => 1 bsl 63 - 1}, proto_max_bulk_len, 1 bsl 63 - 1},
        {#{}, max_arguments, 2147483647},
        {#{max_arguments => 1048576}, max_arguments, 1048576},
        {#{}, max_value, 1 bsl 63 - 1},
        {#{max_value => infinity}, max_value, 1 bsl 63 - 1},
        {#{max_value => 1}, max_value, 1},
        {#{callback => a_name}, callback, a_name},
        {#{name => {local, n}}, name, {local, n}},
        {#{name => n}, name, {local, n}},
        {#{name => nil}, name, undefined},
        {#{name => users}, client_name, <<"eslaver:users">>},
        {#{name => {global, {any, term}}}, name, {global, {any, term}}},
        {#{name => {via, global, n}}, name, {via, global, n}},
        {#{resume => {file, "/tmp/p"}}, resume, {file, <<"/tmp/p">>}},
        {#{resume => position()}, resume, position()},
        {#{resume => {?MODULE, args}}, resume, {store, ?MODULE, args}},
        {#{}, acknowledge, handled},
        {#{acknowledge => handled}, acknowledge, handled},
        {#{acknowledge => received}, acknowledge, received},
        {#{}, log_data, false},
        {#{log_data => true}, log_data, true},
        {#{}, warn_lag, 1048576},
        {#{warn_lag => 1}, warn_lag, 1},
        {#{warn_lag => infinity}, warn_lag, infinity},
        {#{}, master_offset_every, undefined},
        {#{master_offset_every => 1000}, master_offset_every, 1000},
        {#{events => classic}, events, classic},
        {#{events => full}, events, full},
        {#{}, read_from, master},
        {#{read_from => prefer_replica}, read_from, prefer_replica},
        {#{read_from => replica}, read_from, replica},
        {#{}, empty_master_delay, 10000},
        {#{empty_master_delay => 0}, empty_master_delay, 0},
        {#{}, filter, undefined},
        {#{filter => undefined}, filter, undefined},
        {#{filter => #{dbs => [1]}}, filter, filter(#{dbs => [1]})},
        {#{filter => #{origin => user}}, filter, filter(#{origin => user})},
        {#{filter => #{keys => "a*"}}, filter, filter(#{keys => [<<"a*">>]})}
    ],
    [
        ?_assertMatch({Input, {ok, #{Key := Value}}}, {Input, eslaver_options:parse(Input)})
     || {Input, Key, Value} <- Table
    ].

filter(Given) ->
    Nothing = maps:from_keys([keys, commands, types, dbs, origin], undefined),
    maps:merge(Nothing, Given).

tls(Given) ->
    maps:merge(
        #{
            cacertfile => undefined,
            certfile => undefined,
            keyfile => undefined,
            server_name => undefined,
            verify => true
        },
        Given
    ).

%% The Sentinels of a group, by options or a URL.
sentinels_test_() ->
    Name = #{master_name => "it"},
    A = {tcp, <<"a">>, 26379},
    Table = [
        {Name#{sentinels => ["a"]}, [A]},
        {Name#{sentinels => [{"a", 1}, <<"::1">>, {{10, 0, 0, 1}, 2}]}, [
            {tcp, <<"10.0.0.1">>, 2}, {tcp, <<"::1">>, 26379}, {tcp, <<"a">>, 1}
        ]},
        {Name#{sentinels => ["a", {<<"a">>, 26379}, "a"]}, [A]},
        {Name#{sentinels => ["a:1", <<"[::1]:2">>, "a:65535"]}, [
            {tcp, <<"::1">>, 2}, {tcp, <<"a">>, 1}, {tcp, <<"a">>, 65535}
        ]},
        {Name#{sentinels => ["::1:2", "10.0.0.1:3"]}, [
            {tcp, <<"10.0.0.1">>, 3}, {tcp, <<"::1:2">>, 26379}
        ]},
        {Name#{sentinels => fun() -> ["a"] end}, [A]},
        {#{master_url => "redis+sentinel://a/it"}, [A]},
        {#{master_url => <<"REDIS+Sentinel://u:p@a/it">>}, [A]},
        {#{master_url => "rediss+sentinel://a:1,[::1]:2,[::2]/it"}, [
            {tcp, <<"::1">>, 2}, {tcp, <<"::2">>, 26379}, {tcp, <<"a">>, 1}
        ]},
        {#{master_url => "redis+sentinel://%61:/i%74", sentinel_auth => "s"}, [A]}
    ],
    [
        ?_test(begin
            {ok, #{source := {sentinel, Group}}} = eslaver_options:parse(Input),
            ?assertMatch({_, #{name := <<"it">>, sentinels := Sentinels}}, {Input, Group})
        end)
     || {Input, Sentinels} <- Table
    ].

rights_of_sentinels_test_() ->
    Given = #{sentinels => ["a"], master_name => "it"},
    Url = #{master_url => "rediss+sentinel://u:p%40w@a/it"},
    Table = [
        {Given, {undefined, undefined, undefined}, {undefined, undefined, undefined}},
        {Given#{sentinel_auth => "s"}, {undefined, <<"s">>, undefined}, {
            undefined, undefined, undefined
        }},
        {Given#{sentinel_user => "v"}, {<<"v">>, <<>>, undefined}, {
            undefined, undefined, undefined
        }},
        {Given#{sentinel_tls => true, master_auth => fun() -> "m" end},
            {undefined, undefined, tls(#{})}, {undefined, <<"m">>, undefined}},
        {Url, {undefined, undefined, undefined}, {<<"u">>, <<"p@w">>, tls(#{})}},
        {Url#{sentinel_auth => fun() -> "s" end}, {undefined, <<"s">>, undefined}, {
            <<"u">>, <<"p@w">>, tls(#{})
        }}
    ],
    [
        ?_test(begin
            {ok, #{source := {sentinel, Group}} = Options} = eslaver_options:parse(Input),
            Rights = fun(#{user := User, password := Password, tls := Tls}) ->
                {User, Password(), Tls}
            end,
            ?assertEqual({Input, Sentinels, Masters}, {Input, Rights(Group), Rights(Options)})
        end)
     || {Input, Sentinels, Masters} <- Table
    ].

%% Options that need or exclude each other, and what to do about it.
sentinels_and_other_options_test_() ->
    Given = #{sentinels => ["a"], master_name => "it"},
    Table = [
        {Given#{master_host => "h"}, master_host, "leave it out"},
        {Given#{master_port => 1}, master_port, "leave it out"},
        {Given#{master_url => "redis://h"}, master_url, "leave it out"},
        {#{sentinels => ["a"]}, sentinels, "set master_name"},
        {#{master_name => "it"}, master_name, "set sentinels"},
        {#{master_host => "h", master_name => "it"}, master_name, "set sentinels"},
        {#{sentinel_auth => "s"}, sentinel_auth, "set sentinels"},
        {#{sentinel_user => "u"}, sentinel_user, "set sentinels"},
        {#{sentinel_tls => true}, sentinel_tls, "set sentinels"},
        {#{master_url => "redis://h", sentinel_tls => true}, sentinel_tls, "set sentinels"}
    ],
    [
        ?_test(begin
            {error, {invalid_option, Named, Text}} = eslaver_options:parse(Input),
            ?assertEqual({Input, Key}, {Input, Named}),
            ?assertMatch({match, _}, re:run(Text, Advice))
        end)
     || {Input, Key, Advice} <- Table
    ].

refused_url_test_() ->
    Error = {error, {invalid_option, master_url, hidden}},
    Refused = [
        #{master_url => Url}
     || Url <- [
            "",
            atom,
            "h:1",
            "http://h",
            "redis://",
            "redis:///0",
            "redis://h/0/",
            "redis://h/00a",
            "redis://h?db=0",
            "redis://h?",
            "redis://h#0",
            "redis://h/#",
            "redis://u:50%off@h",
            "redis://u:%@h",
            "redis://u:%f@h",
            "redis://u:%+f@h",
            "redis://u%zz:p@h",
            "redis://h%zz",
            "redis://:p\x{e4}ss@h",
            <<"redis://", 255>>,
            "unix://h/p",
            "unix://:7/p",
            "unix:p",
            "unix:///p?db=3",
            "unix:///p#0",
            "unix:///p%zz",
            "redis+sentinel://h",
            "redis+sentinel://h/",
            "redis+sentinel:///it",
            "redis+sentinel://h,/it",
            "redis+sentinel://,h/it",
            "redis+sentinel://h/it/0",
            "redis+sentinel://h/it?db=0",
            "redis+sentinel://h/it#0",
            "redis+sentinel://h/i%zz",
            "redis+sentinel://h:1:2/it",
            "redis+sentinel://h:x/it",
            "redis+sentinel://u:p@h@i/it",
            "redis+sentinel://h?db=0,i/it",
            "redis+sentinel://::1/it",
            "redis+sentinel://u:50%off@h/it"
        ]
    ],
    [?_assertEqual(Error, eslaver_options:parse(Input)) || Input <- Refused].

%% What a URL says must not be said again, and a database means nothing to a replica, unless it is
%% 0.
advice_about_urls_test_() ->
    Table =
        [
            {#{master_url => Url, Key => Value}, "leave out master_host, master_port"}
         || Url <- ["redis://h", "redis://h:1", "redis+sentinel://h/it"],
            {Key, Value} <- [{master_host, "h"}, {master_port, 1}, {master_user, "u"}]
        ] ++
        [
            {#{master_url => Url}, "leave the database out"}
         || Url <- ["redis://h/1", "rediss://h/16"]
        ],
    [
        ?_test(begin
            {error, {invalid_option, master_url, Text}} = eslaver_options:parse(Input),
            ?assertMatch({match, _}, re:run(Text, Advice))
        end)
     || {Input, Advice} <- Table
    ].

%% Whatever an option is, it is taken or refused.
nothing_raises_test() ->
    {ok, Options} = eslaver_options:parse(#{}),
    Keys = [
        master_url, master_host, master_port, master_user, master_auth, dbfilename, unknown,
        sentinels, master_name, sentinel_user, sentinel_auth, sentinel_tls
    ],
    Raised = [
        {Given, Why}
     || Key <- Keys ++ maps:keys(Options),
        Value <- odd_values(),
        Given <- [#{Key => Value}],
        {raised, Why} <- [parse(Given)]
    ],
    ?assertEqual([], Raised).

parse(Given) ->
    try eslaver_options:parse(Given) of
        {ok, #{}} -> ok;
        {error, {invalid_option, _, _}} -> ok
    catch
        Class:Reason:Stack -> {raised, {Class, Reason, Stack}}
    end.

odd_values() ->
    Simple = [
        undefined, true, 0, -1, 1 bsl 64, 1.5, "", "text", [a | b], [$a | $b], [$a, -1], [[1] | 2],
        <<>>, <<255>>, <<1:1>>, [<<255>>], [<<"a">> | <<"b">>], self(), make_ref(), fun() -> ok end,
        fun() -> error(no) end, fun(_) -> ok end, fun m:f/1, fun m:f/3, #{}, {}, {local, <<255>>}
    ],
    Wrapped = [
        Wrap(Value)
     || Value <- Simple,
        Wrap <- [
            fun(V) -> {V} end,
            fun(V) -> {V, V} end,
            fun(V) -> {local, V} end,
            fun(V) -> {file, V} end,
            fun(V) -> {via, V, V} end,
            fun(V) -> {handler, V, V} end,
            fun(V) -> {V, f, [a | V]} end,
            fun(V) -> {0, 0, 0, V} end,
            fun(V) -> {self(), #{demand => V}} end,
            fun(V) -> #{keys => V, commands => V} end,
            fun(V) -> #{dbs => V, types => V} end,
            fun(V) -> #{verify => V} end,
            fun(V) -> #{server_name => V, cacertfile => V} end,
            fun(V) -> #{replid => V, offset => V, db => V} end,
            fun(V) -> #{V => V} end
        ]
    ],
    Simple ++ Wrapped.

%% Whatever a URL is, it is an option or refused, and a password in it is not shown.
any_url_test() ->
    _ = rand:seed(exsss, 12),
    _ = [
        any_url(iolist_to_binary([piece() || _ <- lists:seq(0, N rem 9)]))
     || N <- lists:seq(1, 20_000)
    ],
    ok.

piece() ->
    Pieces = {
        "redis://", "unix://", "redis+sentinel://", "u:", ":", ",", "hunter2", "@", "h", "/",
        "%", "%4", "[", "::1", "]",
        "?", "#", [255], "0"
    },
    element(rand:uniform(tuple_size(Pieces)), Pieces).

any_url(Url) ->
    Result = eslaver_options:parse(#{master_url => Url}),
    case Result of
        {ok, _} -> ok;
        {error, {invalid_option, Key, hidden}} when Key =/= master_host -> ok;
        {error, {invalid_option, master_url, <<"leave the database out", _/binary>>}} -> ok;
        {error, {invalid_option, master_port, Port}} -> ?assert(is_integer(Port))
    end.

password_of_any_bytes_test() ->
    {ok, #{password := Secret}} = eslaver_options:parse(#{master_url => "redis://u:%00%ff%2B@h"}),
    ?assertEqual(<<0, 255, "+">>, Secret()).

%% The master lets such a user in, or says that it does not; it is not passed over.
user_without_password_test_() ->
    [
        ?_assertMatch({ok, #{user := <<"u">>}}, eslaver_options:parse(Input))
     || Input <- [
            #{master_user => "u"},
            #{master_url => "redis://u@h"},
            #{master_url => "redis://u:@h"}
        ]
    ] ++ [
        ?_assertEqual(<<>>, password(#{master_user => "u"})),
        ?_assertEqual(<<>>, password(#{master_url => "redis://u:@h"})),
        ?_assertEqual(undefined, password(#{master_url => "redis://:@h"}))
    ].

refused_together_test_() ->
    Table = [
        {load_dump, true, #{}},
        {load_dump, true, #{dbfilename => undefined}},
        {resume, {file, <<"/tmp/a">>}, #{dbfilename => "/tmp/a"}},
        {resume, {file, <<"/tmp/a">>}, #{dbfilename => "/tmp/a.lock"}},
        {resume, {file, <<255>>}, #{dbfilename => <<255>>}},
        {resume, {file, <<"a">>}, #{dbfilename => filename:absname("a")}}
    ],
    [
        ?_assertEqual(
            {error, {invalid_option, Key, Value}}, eslaver_options:parse(Others#{Key => Value})
        )
     || {Key, Value, Others} <- Table
    ].

refused_test_() ->
    Table = [
        {master_host, "h:6379"},
        {master_host, "127.0.0.1:6379"},
        {master_host, "[h]"},
        {master_host, "[127.0.0.1]"},
        {master_host, "[::1]:6379"},
        {master_host, "[::1"},
        {master_host, "::1%"},
        {master_host, "a b"},
        {master_host, "a\nb"},
        {master_host, <<"a", 0, "b">>},
        {master_host, <<"a", 255>>},
        {master_host, "a..b"},
        {master_host, ".a"},
        {master_host, "."},
        {master_host, "a.."},
        {master_host, lists:duplicate(64, $a)},
        {master_host, lists:append(lists:duplicate(64, "abc."))},
        {master_host, {local, <<"/tmp/", 0>>}},
        {master_host, {local, "/" ++ lists:duplicate(108, $a)}},
        {dbfilename, <<"/tmp/a", 0, "b">>},
        {dbfilename, [$a | $b]},
        {resume, {file, "a\0b"}},
        {tls, #{cacertfile => <<"/ca", 0>>}},
        {announce_ip, ""},
        {announce_ip, "1.2.3.4,port=1"},
        {announce_ip, "1.2.3.4\r\n"},
        {announce_ip, {1, 2, 3}},
        {callback, {no_such_module, f}},
        {callback, {lists, no_such_function}},
        {callback, {lists, append, [a | b]}},
        {callback, {lists, append, [a, b, c]}},
        {callback, fun no_such_module:f/1},
        {callback, {handler, no_such_module, []}},
        {callback, {handler, "module", []}},
        {callback, eslaver_test_batch_handler},
        {on_error, skip},
        {log_data, keys},
        {warn_lag, 0},
        {warn_lag, undefined_lag},
        {master_offset_every, 0},
        {master_offset_every, infinity},
        {on_error, {skip, fun(_) -> ok end}},
        {hooks, {no_such_module, f}},
        {hooks, fun no_such_module:f/3},
        {hooks, fun(_) -> ok end},
        {name, {local, undefined}},
        {name, {via, no_such_module, n}},
        {resume, (position())#{replid := binary:copy(<<" ">>, 40)}},
        {resume, (position())#{replid := binary:copy(<<255>>, 40)}},
        {resume, (position())#{offset := 1 bsl 63 - 1}},
        {master_host, ""},
        {master_host, <<>>},
        {master_host, atom},
        {master_host, {1, 2, 3}},
        {master_host, {local, ""}},
        {master_host, [$a, -1]},
        {master_port, 0},
        {master_port, 65536},
        {master_port, "6379"},
        {master_user, 1},
        {dbfilename, 1},
        {callback, fun() -> ok end},
        {callback, {m, "f"}},
        {callback, {m, f, a}},
        {callback, "callback"},
        {callback, undefined},
        {callback, 1},
        {callback, {self(), #{demand => -1}}},
        {callback, {self(), #{demand => 1, more => 1}}},
        {callback, {name, #{demand => 1}}},
        {mailbox_limit, 0},
        {proto_max_bulk_len, 0},
        {proto_max_bulk_len, 1 bsl 63},
        {proto_max_bulk_len, "512mb"},
        {proto_max_bulk_len, infinity},
        {max_arguments, 0},
        {max_arguments, 1 bsl 31},
        {max_arguments, infinity},
        {max_value, 0},
        {max_value, 1.0e9},
        {max_value, 1 bsl 63},
        {name, "name"},
        {name, {local, "n"}},
        {announce_port, -1},
        {announce_port, 65536},
        {client_name, ""},
        {client_name, "two words"},
        {client_name, <<"line\n">>},
        {client_name, "ü"},
        {client_name, default},
        {psync_command, ""},
        {psync_command, undefined},
        {psync_command, "PSYNC ? -1"},
        {psync_command, <<"\r\n">>},
        {read_from, slave},
        {read_from, "replica"},
        {read_from, undefined},
        {empty_master_delay, -1},
        {empty_master_delay, 1 bsl 31},
        {empty_master_delay, 1.5},
        {empty_master_delay, infinity},
        {rdb_compression, yes},
        {tls, yes},
        {tls, #{verify => verify_peer}},
        {tls, #{certfile => "/c"}},
        {tls, #{verify => 1}},
        {tls, #{server_name => "not a name!"}},
        {tls, #{server_name => ""}},
        {resume, "/tmp/p"},
        {resume, {file, ""}},
        {resume, #{replid => <<"short">>, offset => 0, db => 0}},
        {resume, (position())#{offset := -1}},
        {resume, (position())#{more => 1}},
        {connect_timeout, 0},
        {connect_timeout, 1 bsl 31},
        {resume, (position())#{offset := 1 bsl 63}},
        {resume, (position())#{db := 1 bsl 31}},
        {repl_timeout, infinity},
        {events, none},
        {sentinels, []},
        {sentinels, "host"},
        {sentinels, <<"host">>},
        {sentinels, {"host", 1}},
        {sentinels, ["host:"]},
        {sentinels, [":1"]},
        {sentinels, ["host:0"]},
        {sentinels, ["host:01"]},
        {sentinels, ["host:65536"]},
        {sentinels, ["host:1:2"]},
        {sentinels, ["fe80::1:12345"]},
        {sentinels, [{"host", 0}]},
        {sentinels, [{"host", 1, 2}]},
        {sentinels, ["host" | "host"]},
        {master_name, ""},
        {master_name, "two words"},
        {master_name, 1},
        {sentinel_user, 1},
        {sentinel_tls, yes},
        {sentinel_tls, #{certfile => "/c"}},
        {read_from, slave},
        {read_from, undefined},
        {empty_master_delay, -1},
        {empty_master_delay, infinity}
    ],
    [
        ?_assertEqual(
            {error, {invalid_option, Key, Value}}, eslaver_options:parse(#{Key => Value})
        )
     || {Key, Value} <- Table
    ].

%% TLS is asked for and not, or cannot be.
contradictions_about_tls_test_() ->
    Refused = fun(Value) -> {error, {invalid_option, tls, Value}} end,
    Local = {local, "/tmp/s"},
    Table = [
        {#{master_url => "rediss://:pw@h", tls => false}, false},
        {#{master_url => "unix:///tmp/s", tls => true}, tls(#{})},
        {#{master_url => fun() -> "unix:///tmp/s" end, tls => #{}}, tls(#{})},
        {#{master_host => Local, tls => true}, tls(#{})},
        {#{master_host => Local, tls => #{verify => chain}}, tls(#{verify => chain})}
    ],
    [?_assertEqual(Refused(Value), eslaver_options:parse(Input)) || {Input, Value} <- Table].

%% The names of masters come from Sentinels; those of Sentinels are given.
names_of_sentinels_for_tls_test_() ->
    Given = #{sentinels => ["fe80::1%eth0"], master_name => "it"},
    Named = fun(Name) -> #{server_name => Name} end,
    [
        ?_assertMatch({ok, _}, eslaver_options:parse(Given#{tls => true})),
        ?_assertMatch(
            {error, {invalid_option, tls, _}}, eslaver_options:parse(Given#{tls => Named("a-.b")})
        ),
        ?_assertMatch(
            {error, {invalid_option, sentinel_tls, _}},
            eslaver_options:parse(Given#{sentinel_tls => true})
        ),
        ?_assertMatch({ok, _}, eslaver_options:parse(Given#{sentinel_tls => Named("a")}))
    ].

%% What TLS cannot ask for would fail for ever; without TLS, and with a name beside it, it may do.
names_for_tls_test_() ->
    Named = fun(Host) -> #{tls => #{server_name => Host, verify => chain}} end,
    Bad = ["münchen.example", "fe80::1%eth0", "a-.b", "-a", "1.2.3", "a.0x1", "a.7.", "a!b"],
    Good = ["h", "a.b-c_d.e3", "_x.", "0x.y", "1.2.3.4", "fe80::1", "::ffff:1.2.3.4", {1, 2, 3, 4}],
    Parse = fun(Input) -> element(1, eslaver_options:parse(Input)) end,
    [
        [
            ?_assertMatch(
                {_, {error, {invalid_option, tls, #{verify := _}}}},
                {Input, eslaver_options:parse(Input)}
            )
         || Host <- Bad, Input <- [#{master_host => Host, tls => true}, Named(Host)]
        ],
        [
            ?_assertEqual({Input, ok}, {Input, Parse(Input)})
         || Host <- Bad,
            Input <- [#{master_host => Host}, (Named("h"))#{master_host => Host}]
        ],
        [
            ?_assertEqual({Input, ok}, {Input, Parse(Input)})
         || Host <- Good, Input <- [#{master_host => Host, tls => true}, Named(Host)]
        ]
    ].

options_are_a_map_test() ->
    Error = {error, {invalid_option, options, not_a_map}},
    [
        ?assertEqual(Error, eslaver_options:parse(Input))
     || Input <- [[{master_auth, "secret"}, 1], [{a, 1} | b], "text", 1, undefined]
    ].

password_test_() ->
    Taken = [
        {"secret", <<"secret">>}, {<<"s">>, <<"s">>}, {undef, undefined}, {undefined, undefined}
    ],
    [
        ?_assertEqual(Password, password(#{master_auth => Given}))
     || {Given, Password} <- Taken ++ [{fun() -> "wrapped" end, <<"wrapped">>}]
    ].

password(Input) ->
    {ok, #{password := Secret} = Options} = eslaver_options:parse(Input),
    ?assertEqual(nomatch, string:find(io_lib:format("~p", [Options]), "secret")),
    Secret().

password_of_a_url_test() ->
    {ok, #{password := Secret}} = eslaver_options:parse(#{master_url => "redis://:p%3Aw@h"}),
    ?assertEqual(<<"p:w">>, Secret()).

%% What is not known may be anything, and people put passwords where they do not belong.
misplaced_password_is_not_repeated_test_() ->
    Table = [
        {no_such_option, "secret"},
        {"master_host", "secret"},
        {master_pw, <<"secret">>},
        {<<"key">>, "secret"},
        {master_host, "redis://:secret@h"},
        {master_host, "user:secret@h"},
        {master_host, <<"h/secret">>},
        {master_host, {"h", [{password, "secret"}]}},
        {master_port, "6379@secret"},
        {master_user, {"user", "secret"}},
        {announce_ip, {password, "secret"}},
        {sentinel_user, {"user", "secret"}},
        {sentinel_auth, {"secret", 1}},
        {tls, "secret"},
        {tls, #{"secret" => true}},
        {tls, [{key, "secret"}, {key, "secret"}]},
        {sentinels, ["redis://:secret@h"]}
    ],
    [
        ?_assertEqual(
            {error, {invalid_option, Key, hidden}}, eslaver_options:parse(#{Key => Value})
        )
     || {Key, Value} <- Table
    ].

%% Of TLS the keys are shown, and the values of those that are known.
misplaced_password_of_tls_test_() ->
    Table = [
        {#{password => "secret"}, #{password => hidden}},
        {
            [{cacertfile, "/ca"}, {passphrase, "secret"}],
            #{cacertfile => "/ca", passphrase => hidden}
        },
        {#{unknown => 1}, #{unknown => hidden}}
    ],
    [
        ?_assertEqual({error, {invalid_option, Key, Shown}}, eslaver_options:parse(#{Key => Tls}))
     || Key <- [tls, sentinel_tls], {Tls, Shown} <- Table
    ].

%% As in Elixir.
keywords_test_() ->
    Given = [
        {master_host, <<"h">>},
        {master_port, 7},
        {master_user, nil},
        {dbfilename, nil},
        {tls, [{server_name, <<"n">>}, {cacertfile, nil}]},
        {filter, [{dbs, [0]}, {keys, nil}]}
    ],
    Map = #{
        master_host => <<"h">>,
        master_port => 7,
        tls => #{server_name => <<"n">>},
        filter => #{dbs => [0]}
    },
    Told = fun(Input) ->
        {ok, Options} = eslaver_options:parse(Input),
        maps:remove(password, Options)
    end,
    [
        ?_assertEqual(Told(Map), Told(Given)),
        ?_assertEqual(Told(#{}), Told([])),
        ?_assertMatch({ok, #{tls := #{}}}, eslaver_options:parse([tls])),
        ?_assertMatch(
            {error, {invalid_option, master_port, <<"it is given twice", _/binary>>}},
            eslaver_options:parse([{master_port, 1}, {master_port, 1}])
        ),
        %% Where there must be a value there must be one.
        ?_assertEqual(
            {error, {invalid_option, master_host, undefined}},
            eslaver_options:parse([{master_host, nil}])
        ),
        ?_assertMatch(#{id := h, start := {_, _, [#{}]}}, eslaver:child_spec([{name, h}])),
        ?_assertMatch(#{id := h}, eslaver:child_spec(#{name => {local, h}})),
        ?_assertMatch(#{id := {global, h}}, eslaver:child_spec(#{name => {global, h}})),
        ?_assertMatch(#{id := eslaver}, eslaver:child_spec([{name, nil}])),
        ?_assertMatch(#{id := eslaver}, eslaver:child_spec(#{}))
    ].

%% The types that dialyzer looks at have these very keys.
types_have_all_keys_test() ->
    {ok, {_, [{abstract_code, {_, Forms}}]}} =
        beam_lib:chunks(code:which(eslaver_input), [abstract_code]),
    Keys = fun(Name) ->
        [Fields] = [
            Fields
         || {attribute, _, type, {Type, {type, _, map, Fields}, []}} <- Forms, Type =:= Name
        ],
        lists:sort([Key || {type, _, map_field_assoc, [{atom, _, Key}, _]} <- Fields])
    end,
    Replicas = eslaver_options:keys(),
    Mirrors = lists:usort(eslaver_mirror_options:keys() ++ Replicas) -- [load_dump],
    ?assertEqual(lists:sort(Replicas), Keys(replica)),
    ?assertEqual(Mirrors, Keys(mirror)).

%% What only looks like one is taken all the same.
child_spec_keeps_what_it_hides_test() ->
    Given = #{
        dbfilename => "/tmp/passwords.rdb",
        master_auth => "secret",
        resume => {file, "/p@"},
        sentinels => ["h"],
        master_name => "it",
        sentinel_auth => "secret"
    },
    #{start := {eslaver, start_link, [Wrapped]}} = eslaver:child_spec(Given),
    ?assertEqual(nomatch, string:find(io_lib:format("~p", [Wrapped]), "secret")),
    {ok, Parsed} = eslaver_options:parse(Wrapped),
    #{dbfilename := File, resume := Resume, password := Password, source := Source} = Parsed,
    {sentinel, #{password := OfSentinels}} = Source,
    ?assertEqual(<<"secret">>, OfSentinels()),
    ?assertEqual({<<"/tmp/passwords.rdb">>, {file, <<"/p@">>}}, {File, Resume}),
    ?assertEqual(<<"secret">>, Password()).

child_spec_of_what_is_no_map_test() ->
    #{start := {Module, Function, Args}} = Spec = eslaver:child_spec([{master_auth, "secret"}, 1]),
    ?assertEqual(nomatch, string:find(io_lib:format("~p", [Spec]), "secret")),
    Error = {error, {invalid_option, options, not_a_map}},
    ?assertEqual(Error, apply(Module, Function, Args)).

bad_password_is_not_repeated_test() ->
    Result = eslaver_options:parse(#{master_auth => {"secret", 1}}),
    ?assertEqual({error, {invalid_option, master_auth, hidden}}, Result),
    Meant = eslaver_options:parse(#{master_password => "secret"}),
    ?assertEqual({error, {invalid_option, master_password, hidden}}, Meant),
    Raising = eslaver_options:parse(#{master_auth => fun() -> error(secret) end}),
    ?assertEqual({error, {invalid_option, master_auth, hidden}}, Raising).
