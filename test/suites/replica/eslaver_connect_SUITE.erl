%% The ways to a master: unix sockets, IPv6, URLs, and users with few rights. TLS has a suite of its
%% own.
-module(eslaver_connect_SUITE).

-import(eslaver_test_connection, [works/2, works/3, fails/3]).

-compile([export_all, nowarn_export_all]).

-define(PASSWORD, "p@ss:w/rd %").

suite() ->
    [{timetrap, {minutes, 2}}].

all() ->
    eslaver_test_groups:cases(?MODULE).

acl_user(_Config) ->
    Master = eslaver_test_master:start_own(),
    Client = eslaver_test_client:connect(Master),
    <<"OK">> = eslaver_test_client:ok(Client, [
        "ACL", "SETUSER", "reader", "on", ">" ++ ?PASSWORD, "+psync", "+replconf", "+ping"
    ]),
    <<"OK">> = eslaver_test_client:ok(Client, ["ACL", "SETUSER", "few", "on", ">x", "+ping"]),
    Target = eslaver_test_replica:target(Master),
    ok = works(Master, Target#{master_user => "reader", master_auth => ?PASSWORD}),
    ok = works(Master, Target#{
        master_user => <<"reader">>, master_auth => fun() -> <<?PASSWORD>> end
    }),
    <<"OK">> = eslaver_test_client:ok(Client, [
        "ACL", "SETUSER", "open", "on", "nopass", "+psync", "+replconf", "+ping"
    ]),
    ok = works(Master, Target#{master_user => "open"}),
    ok = fails(Target#{master_user => "reader"}, wrong_password, "WRONGPASS|password"),
    ok = fails(Target#{master_user => "few", master_auth => "x"}, no_permission, "psync"),
    fails(
        Target#{master_user => "reader", master_auth => "wrong"},
        wrong_password,
        "WRONGPASS|password"
    ).

unix_socket(_Config) ->
    Master = eslaver_test_master:start(#{
        server => eslaver_test_servers:own(), unix_socket => true
    }),
    Socket = eslaver_test_master:socket(Master),
    ok = works(Master, #{master_host => {local, Socket}}),
    ok = works(Master, #{master_url => "unix://" ++ Socket}),
    fails(#{master_host => {local, Socket ++ ".no"}}, cannot_connect, "no such file").

ipv6(_Config) ->
    case gen_tcp:listen(0, [inet6, {ip, {0, 0, 0, 0, 0, 0, 0, 1}}]) of
        {ok, Socket} ->
            ok = gen_tcp:close(Socket),
            Master = eslaver_test_master:start_own([{"bind", ["127.0.0.1", "::1"]}]),
            Target = eslaver_test_replica:target(Master),
            ok = works(Master, Target#{master_host => "::1"}),
            ok = works(Master, Target#{master_host => "[::1]"}),
            ok = works(Master, Target#{master_host => {0, 0, 0, 0, 0, 0, 0, 1}}),
            Port = integer_to_list(eslaver_test_master:port(Master)),
            works(Master, #{master_url => "redis://[::1]:" ++ Port});
        {error, Reason} ->
            {skip, {no_ipv6, Reason}}
    end.

urls(_Config) ->
    Master = eslaver_test_master:start_own([{"requirepass", ?PASSWORD}]),
    Port = integer_to_list(eslaver_test_master:port(Master)),
    Client = eslaver_test_client:connect(Master),
    <<"OK">> = eslaver_test_client:ok(Client, ["AUTH", ?PASSWORD]),
    <<"OK">> = eslaver_test_client:ok(Client, [
        "ACL", "SETUSER", "us%er", "on", ">" ++ ?PASSWORD, "+psync", "+replconf", "+ping"
    ]),
    Quoted = uri_string:quote(?PASSWORD),
    Urls = [
        ["redis://:", Quoted, "@127.0.0.1:", Port],
        ["redis://:", Quoted, "@127.0.0.1:", Port, "/"],
        ["redis://default:", Quoted, "@localhost:", Port],
        ["redis://us%25er:", Quoted, "@127.0.0.1:", Port]
    ],
    _ = [
        begin
            ok = works(Master, Client, #{master_url => lists:flatten(Url)}),
            ok = works(Master, Client, #{master_url => iolist_to_binary(Url)})
        end
     || Url <- Urls
    ],
    fails(
        #{master_url => "redis://127.0.0.1:" ++ Port}, password_needed, "NOAUTH|password|authent"
    ).
