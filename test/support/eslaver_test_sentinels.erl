%% A group that Sentinels watch: a master, its replicas and the Sentinels, on free loopback ports,
%% which fail over within a second or two.
%%
%% Servers and Sentinels are those of eslaver_test_master, which kills, pauses and restarts them. A
%% server that is restarted knows nothing of its former role. Each Sentinel has a user of its own at
%% the servers and at the other Sentinels, which partition/2 turns off.
-module(eslaver_test_sentinels).

-export([start/1, stop/1, target/1]).
-export([servers/1, sentinels/1, server/2, port/2, connect/2, ask/3, field/3]).
-export([elected/1, elections/1, views/1, master/1, replicas/1, await_election/2, settled/1]).
-export([await/1]).
-export([fail_over/1, hand_over/2, follow/3]).
-export([partition/2, heal/2, add_sentinel/1, add_sentinel/2, restart_sentinel/2]).
-export([remove_sentinel/2]).

-export_type([lab/0, options/0]).

-opaque lab() :: #{
    options := map(),
    servers := [{inet:port_number(), eslaver_test_master:master()}],
    watch := eslaver_test_sentinel_watch:watch(),
    table := ets:table()
}.
%% `server`: of the servers, and of the Sentinels if `sentinel_server` is missing.
%% `config`, `sentinel_config`: more of it, of a server as for eslaver_test_master, of a Sentinel as
%% text. A server's may also depend on its number, which for the first master is 1.
%% `password`, `sentinel_password`: of the user `default`.
%% `tls`: what a server and a Sentinel need for it. They then speak TLS among each other, and tell
%% clients the ports of that. The cases speak to the other ports.
%% `periods`: `SENTINEL DEBUG` from 7.0 on; an empty one leaves those that Sentinels have.
-type options() :: #{
    server := file:filename(),
    sentinel_server => file:filename(),
    replicas => non_neg_integer(),
    sentinels => pos_integer(),
    config => [{string(), term()}] | fun((pos_integer()) -> [{string(), term()}]),
    sentinel_config => iodata(),
    password => string(),
    sentinel_password => string(),
    tls => #{cert := file:filename(), key := file:filename(), ca := file:filename()},
    down_after => pos_integer(),
    failover_timeout => pos_integer(),
    periods => #{string() => pos_integer()}
}.

-define(GROUP, "it").
-define(TIMEOUT, 60_000).
-define(SECRET, "of-the-sentinels").
%% How many Sentinels there may be, with those that are added.
-define(MOST, 9).

%% Ends with the process that starts it. When it returns, all know each other.
-spec start(options()) -> lab().
start(#{server := Server} = Given) ->
    Defaults = #{
        sentinel_server => Server,
        replicas => 2,
        sentinels => 3,
        config => [],
        sentinel_config => [],
        %% Less is too little where machines are busy.
        down_after => 1500,
        failover_timeout => 4000,
        periods => #{"info-period" => 1000, "publish-period" => 500, "tilt-period" => 2000}
    },
    #{replicas := Replicas, sentinels := Sentinels} = Options = maps:merge(Defaults, Given),
    Lab = #{
        options => Options,
        servers => [started(Number, Options) || Number <- lists:seq(1, 1 + Replicas)],
        watch => eslaver_test_sentinel_watch:start(?GROUP),
        table => ets:new(?MODULE, [public, ordered_set])
    },
    [Master | Others] = servers(Lab),
    [ok = follow(Lab, Other, Master) || Other <- Others],
    true = await(fun() -> lists:all(fun(Other) -> is_linked(Lab, Other) end, Others) end),
    _ = [join(Lab, Master) || _ <- lists:seq(1, Sentinels)],
    ok = settled(Lab),
    Lab.

-spec stop(lab()) -> ok.
stop(#{watch := Watch} = Lab) ->
    ok = eslaver_test_sentinel_watch:stop(Watch),
    _ = [ok = eslaver_test_master:stop(Each) || Each <- sentinels(Lab) ++ servers(Lab)],
    ok.

%% Options of a replica that follows the group.
-spec target(lab()) -> map().
target(#{options := Options} = Lab) ->
    Secrets = [{master_auth, password}, {sentinel_auth, sentinel_password}],
    Auth = [{Key, maps:get(Of, Options)} || {Key, Of} <- Secrets, is_map_key(Of, Options)],
    Tls = [
        {Key, #{cacertfile => Ca}}
     || #{tls := #{ca := Ca}} <- [Options], Key <- [tls, sentinel_tls]
    ],
    (maps:from_list(Auth ++ Tls))#{
        sentinels => [{"127.0.0.1", port(Lab, Sentinel)} || Sentinel <- sentinels(Lab)],
        master_name => ?GROUP,
        dbfilename => undefined
    }.

%% In the order in which they were started. The first was the first master.
-spec servers(lab()) -> [eslaver_test_master:master()].
servers(#{servers := Servers}) ->
    [Server || {_, Server} <- Servers].

-spec sentinels(lab()) -> [eslaver_test_master:master()].
sentinels(#{table := Table}) ->
    [Sentinel || {_, Sentinel, _} <- ets:tab2list(Table)].

%% The server that clients find at this port.
-spec server(lab(), inet:port_number()) -> eslaver_test_master:master().
server(#{servers := Servers}, Port) ->
    {Port, Server} = lists:keyfind(Port, 1, Servers),
    Server.

%% Where clients find a server or a Sentinel.
-spec port(lab(), eslaver_test_master:master()) -> inet:port_number().
port(#{servers := Servers, table := Table}, Of) ->
    case {lists:keyfind(Of, 2, Servers), ets:match(Table, {'_', Of, '$1'})} of
        {{Port, Of}, []} -> Port;
        {false, [[Port]]} -> Port
    end.

%% As the user `default`.
-spec connect(lab(), eslaver_test_master:master()) -> eslaver_test_client:client().
connect(#{options := Options, servers := Servers}, To) ->
    Secret =
        case lists:keymember(To, 2, Servers) of
            true -> password;
            false -> sentinel_password
        end,
    Client = eslaver_test_client:connect(To),
    case Options of
        #{Secret := Password} -> <<"OK">> = eslaver_test_client:ok(Client, ["AUTH", Password]);
        #{} -> ok
    end,
    Client.

%% A command that must not fail, by a connection of its own.
-spec ask(lab(), eslaver_test_master:master(), [term()]) -> eslaver_test_client:reply().
ask(Lab, Of, Command) ->
    with(Lab, Of, fun(Client) -> eslaver_test_client:ok(Client, Command) end).

%% A field of its INFO. Who asks while a Sentinel makes it a replica is cut off, and asks again.
-spec field(lab(), eslaver_test_master:master(), string()) -> binary() | none.
field(Lab, Of, Field) ->
    try
        with(Lab, Of, fun(Client) -> eslaver_test_client:info(Client, Field) end)
    catch
        error:{master_does_not_answer, closed} -> field(Lab, Of, Field)
    end.

%% What the Sentinels say, of which the highest epoch counts.

-spec elected(lab()) -> eslaver_test_sentinel_watch:election().
elected(#{watch := Watch}) ->
    {_, _, _} = eslaver_test_sentinel_watch:elected(Watch).

-spec elections(lab()) -> [eslaver_test_sentinel_watch:election()].
elections(#{watch := Watch}) ->
    eslaver_test_sentinel_watch:elections(Watch).

-spec views(lab()) ->
    #{eslaver_test_master:master() => eslaver_test_sentinel_watch:view()}.
views(#{watch := Watch}) ->
    eslaver_test_sentinel_watch:views(Watch).

-spec master(lab()) -> eslaver_test_master:master().
master(Lab) ->
    {_, Port, _} = elected(Lab),
    server(Lab, Port).

-spec replicas(lab()) -> [eslaver_test_master:master()].
replicas(Lab) ->
    servers(Lab) -- [master(Lab)].

%% The first one after this one.
-spec await_election(lab(), eslaver_test_sentinel_watch:election()) ->
    eslaver_test_sentinel_watch:election().
await_election(Lab, {Before, _, _}) ->
    await(fun() ->
        case elected(Lab) of
            {Epoch, _, _} = Election when Epoch > Before -> Election;
            _ -> false
        end
    end).

%% Waits until all Sentinels agree, and all other servers follow the master, also as they see it.
-spec settled(lab()) -> ok.
settled(Lab) ->
    true = await(fun() ->
        Agreed = lists:usort(maps:values(views(Lab))),
        Count = length(sentinels(Lab)),
        case {map_size(views(Lab)), Agreed} of
            {Count, [{_, Port}]} -> follow_all(Lab, server(Lab, Port)) andalso is_known(Lab);
            _ -> false
        end
    end),
    ok.

follow_all(#{servers := Servers} = Lab, Master) ->
    Role = field(Lab, Master, "role"),
    [_, _, Replicas] = ask(Lab, Master, ["ROLE"]),
    Online = lists:sort([binary_to_integer(Port) || [_, Port, _] <- Replicas]),
    Others = lists:sort([Port || {Port, Server} <- Servers, Server =/= Master]),
    Role =:= <<"master">> andalso Others -- Online =:= [] andalso
        lists:all(fun(Other) -> is_linked(Lab, Other) end, servers(Lab) -- [Master]).

is_known(Lab) ->
    lists:all(fun(Sentinel) -> knows_all(Lab, Sentinel) end, sentinels(Lab)).

knows_all(Lab, Sentinel) ->
    {Master, Replicas} = with(Lab, Sentinel, fun(Client) ->
        {
            facts(eslaver_test_client:ok(Client, ["SENTINEL", "MASTER", ?GROUP])),
            [facts(Of) || Of <- eslaver_test_client:ok(Client, ["SENTINEL", "REPLICAS", ?GROUP])]
        }
    end),
    Up = [
        binary_to_integer(Port)
     || #{
            <<"port">> := Port, <<"flags">> := <<"slave">>, <<"master-link-status">> := <<"ok">>
        } <- Replicas
    ],
    #{<<"flags">> := Flags, <<"num-other-sentinels">> := Peers} = Master,
    Flags =:= <<"master">> andalso
        binary_to_integer(Peers) =:= length(sentinels(Lab)) - 1 andalso
        lists:sort(Up) =:= lists:sort([port(Lab, Replica) || Replica <- replicas(Lab)]).

facts([]) -> #{};
facts([Key, Value | Rest]) -> (facts(Rest))#{Key => Value}.

is_linked(Lab, Replica) ->
    field(Lab, Replica, "master_link_status") =:= <<"up">>.

%% How a master is followed by another.

%% `SENTINEL FAILOVER`, once a Sentinel is ready for it.
-spec fail_over(lab()) -> ok.
fail_over(Lab) ->
    [Sentinel | _] = [Sentinel || {Sentinel, {_, _}} <- maps:to_list(views(Lab))],
    accepted(Lab, Sentinel, ["SENTINEL", "FAILOVER", ?GROUP]).

%% `FAILOVER TO`, which no Sentinel is told of.
-spec hand_over(lab(), To :: eslaver_test_master:master()) -> ok.
hand_over(Lab, To) ->
    accepted(Lab, master(Lab), ["FAILOVER", "TO", "127.0.0.1", port(Lab, To)]).

accepted(Lab, By, Command) ->
    true = await(fun() ->
        with(Lab, By, fun(Client) -> eslaver_test_client:command(Client, Command) =:= <<"OK">> end)
    end),
    ok.

%% `REPLICAOF`.
-spec follow(lab(), eslaver_test_master:master(), Master :: eslaver_test_master:master()) -> ok.
follow(Lab, Replica, Master) ->
    Command = ["SLAVEOF", "127.0.0.1", port(Lab, Master)],
    <<"OK">> = ask(Lab, Replica, Command),
    ok.

with(Lab, To, Fun) ->
    Client = connect(Lab, To),
    try
        Fun(Client)
    after
        eslaver_test_client:close(Client)
    end.

%% Sentinels that come and go, or cannot reach anybody.

%% Nobody reaches this Sentinel, nor does it reach anybody, except clients: it keeps its view. All
%% servers must run, and `default` have passwords, as otherwise it goes on as that.
-spec partition(lab(), eslaver_test_master:master()) -> ok.
partition(#{options := #{password := _, sentinel_password := _}} = Lab, Sentinel) ->
    lists:foreach(
        fun({Where, User}) ->
            ok = set_user(Lab, Where, User, "off"),
            with(Lab, Where, fun(Client) ->
                _ = eslaver_test_client:ok(Client, ["CLIENT", "KILL", "USER", User])
            end)
        end,
        doors(Lab, Sentinel)
    ).

-spec heal(lab(), eslaver_test_master:master()) -> ok.
heal(Lab, Sentinel) ->
    lists:foreach(
        fun({Where, User}) -> ok = set_user(Lab, Where, User, "on") end, doors(Lab, Sentinel)
    ).

%% Its user everywhere, and those of the others at itself.
doors(#{table := Table, servers := Servers}, Sentinel) ->
    All = ets:tab2list(Table),
    {Number, _, _} = lists:keyfind(Sentinel, 2, All),
    Others = lists:keydelete(Sentinel, 2, All),
    [{Server, user(Number)} || {_, Server} <- Servers] ++
        [{Other, user(Number)} || {_, Other, _} <- Others] ++
        [{Sentinel, user(Other)} || {Other, _, _} <- Others].

%% A server has it in a file, so that it holds after a restart.
set_user(#{servers := Servers} = Lab, Where, User, State) ->
    _ = with(Lab, Where, fun(Client) ->
        <<"OK">> = eslaver_test_client:ok(Client, ["ACL", "SETUSER", User, State]),
        case lists:keymember(Where, 2, Servers) of
            true -> eslaver_test_client:ok(Client, ["ACL", "SAVE"]);
            false -> ok
        end
    end),
    ok.

user(Number) ->
    "sentinel-" ++ integer_to_list(Number).

%% Another one, which begins with the master that is elected now.
-spec add_sentinel(lab()) -> eslaver_test_master:master().
add_sentinel(Lab) ->
    add_sentinel(Lab, master(Lab)).

%% The same with a master of old.
-spec add_sentinel(lab(), eslaver_test_master:master()) -> eslaver_test_master:master().
add_sentinel(Lab, Master) ->
    join(Lab, Master).

join(#{options := Options, watch := Watch, table := Table} = Lab, Master) ->
    Numbers = [Number || {Number, _, _} <- ets:tab2list(Table)],
    [Number | _] = numbers() -- Numbers,
    #{sentinel_server := Server} = Options,
    {Config, Shown} = secure(Options),
    Sentinel = eslaver_test_master:start(#{
        server => Server, config => Config, sentinel => sentinel_text(Lab, Number, Master)
    }),
    true = ets:insert(Table, {Number, Sentinel, shown(Sentinel, Shown)}),
    ok = eslaver_test_sentinel_watch:add(Watch, Sentinel, fun() -> connect(Lab, Sentinel) end),
    ok = hurry(Lab, Sentinel),
    Sentinel.

hurry(#{options := #{periods := Periods, sentinel_server := Server}} = Lab, Sentinel) ->
    Pairs = lists:append([[Name, Value] || {Name, Value} <- maps:to_list(Periods)]),
    case Pairs =/= [] andalso eslaver_test_servers:version(Server) >= {7, 0, 0} of
        true -> accepted(Lab, Sentinel, ["SENTINEL", "DEBUG" | Pairs]);
        false -> ok
    end.

%% With what it knew.
-spec restart_sentinel(lab(), eslaver_test_master:master()) -> ok.
restart_sentinel(Lab, Sentinel) ->
    ok = eslaver_test_master:restart(Sentinel),
    hurry(Lab, Sentinel).

%% It is stopped, and then the others forget it, one after the other.
-spec remove_sentinel(lab(), eslaver_test_master:master()) -> ok.
remove_sentinel(#{watch := Watch, table := Table} = Lab, Sentinel) ->
    ok = eslaver_test_sentinel_watch:remove(Watch, Sentinel),
    true = ets:match_delete(Table, {'_', Sentinel, '_'}),
    ok = eslaver_test_master:stop(Sentinel),
    lists:foreach(
        fun(Other) ->
            1 = ask(Lab, Other, ["SENTINEL", "RESET", ?GROUP]),
            true = await(fun() -> knows_all(Lab, Other) end)
        end,
        sentinels(Lab)
    ).

%% Configuration.

started(Number, #{server := Server} = Options) ->
    {Secure, Shown} = secure(Options),
    Given =
        case Options of
            #{config := Config} when is_function(Config) -> Config(Number);
            #{config := Config} -> Config
        end,
    {Access, Files} = access(Options),
    Quick = [
        {"repl-diskless-sync", "yes"},
        {"repl-ping-replica-period", "1"},
        {"repl-timeout", "10"},
        {"repl-backlog-size", "64mb"}
    ],
    Master = eslaver_test_master:start(#{
        server => Server, config => Quick ++ Access ++ Secure ++ Given, files => Files
    }),
    {shown(Master, Shown), Master}.

access(#{server := Server} = Options) ->
    Given = [Password || #{password := Password} <- [Options]],
    case has_users(Server) of
        true ->
            Default = [[">", Password] || Password <- Given] ++ ["nopass" || Given =:= []],
            Users = [{"default", Default} | [{user(N), [">", ?SECRET]} || N <- numbers()]],
            {
                [{"aclfile", "users.acl"}, {"masterauth", hd(Given ++ [""])}],
                [{"users.acl", [user_line(User, How) || {User, How} <- Users]}]
            };
        false ->
            {[{Key, Password} || Password <- Given, Key <- ["requirepass", "masterauth"]], []}
    end.

user_line(User, How) ->
    ["user ", User, " on ", How, " ~* &* +@all\n"].

numbers() ->
    lists:seq(1, ?MOST).

sentinel_text(#{options := Options} = Lab, Number, Master) ->
    #{
        sentinels := Sentinels,
        sentinel_server := Server,
        down_after := DownAfter,
        failover_timeout := FailoverTimeout,
        sentinel_config := More
    } = Options,
    Set = fun(Key, Value) -> io_lib:format("sentinel ~s ~s ~p~n", [Key, ?GROUP, Value]) end,
    Line = fun(Words) -> [lists:join(" ", Words), "\n"] end,
    Access =
        case has_users(Server) of
            true ->
                [
                    Line(["sentinel auth-user", ?GROUP, user(Number)]),
                    Line(["sentinel auth-pass", ?GROUP, ?SECRET]),
                    Line(["sentinel sentinel-user", user(Number)]),
                    Line(["sentinel sentinel-pass", ?SECRET]),
                    [user_line(user(Other), [">", ?SECRET]) || Other <- numbers() -- [Number]]
                ];
            false ->
                [
                    Line(["sentinel auth-pass", ?GROUP, Password])
                 || #{password := Password} <- [Options]
                ]
        end,
    Monitored = integer_to_list(port(Lab, Master)),
    [
        Line(["sentinel monitor", ?GROUP, "127.0.0.1", Monitored, quorum(Sentinels)]),
        Set("down-after-milliseconds", DownAfter),
        Set("failover-timeout", FailoverTimeout),
        Set("parallel-syncs", 9),
        Access,
        [Line(["requirepass", Password]) || #{sentinel_password := Password} <- [Options]],
        More
    ].

quorum(Sentinels) ->
    integer_to_list(Sentinels div 2 + 1).

%% Users with passwords, also at Sentinels.
has_users(Server) ->
    eslaver_test_servers:version(Server) >= {6, 2, 0}.

%% The port for TLS, too, if there is one.
secure(#{tls := #{cert := Cert, key := Key, ca := Ca}}) ->
    Port = free_port(),
    Config = [
        {"tls-port", integer_to_list(Port)},
        {"tls-cert-file", Cert},
        {"tls-key-file", Key},
        {"tls-ca-cert-file", Ca},
        {"tls-auth-clients", "no"},
        {"tls-replication", "yes"}
    ],
    {Config, Port};
secure(#{}) ->
    {[], same}.

shown(Process, same) -> eslaver_test_master:port(Process);
shown(_Process, Port) -> Port.

free_port() ->
    {ok, Socket} = gen_tcp:listen(0, [{ip, {127, 0, 0, 1}}]),
    {ok, Port} = inet:port(Socket),
    ok = gen_tcp:close(Socket),
    Port.

%% As eslaver_test_wait:until/1, where servers may be down, close connections, or take too long.
-spec await(fun(() -> false | Result)) -> Result.
await(Condition) ->
    eslaver_test_wait:until(
        fun() ->
            try
                Condition()
            catch
                error:_ -> false
            end
        end,
        ?TIMEOUT
    ).
