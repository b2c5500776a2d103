%% What several suites need: waiting for a condition, and a replica with its collector.
-module(eslaver_test_lib).

-export([until/1, until/2, own_server/0, own_master/0, own_master/1, by_name/1]).
-export([spread/0, parallel/2, seed/0, info/2, is_long/0, replace_in_state/2]).
-export([replica/1, replica/2, target/1, loaded/1, mark/2, snapshot/1, io_capture/0, captured/1]).

-define(TIMEOUT, 30_000).
-define(STEP, 20).

%% Calls this until it gives something else than false, and gives that.
-spec until(fun(() -> false | Result)) -> Result.
until(Condition) ->
    until(Condition, ?TIMEOUT).

-spec until(fun(() -> false | Result), timeout()) -> Result.
until(Condition, Timeout) ->
    poll(Condition, erlang:monotonic_time(millisecond) + Timeout).

poll(Condition, Deadline) ->
    case Condition() of
        false ->
            case erlang:monotonic_time(millisecond) < Deadline of
                true ->
                    timer:sleep(?STEP),
                    poll(Condition, Deadline);
                false ->
                    error({condition_not_met, Condition})
            end;
        Result ->
            Result
    end.

%% Puts a record in the place of the one of its name in a server's state.
-spec replace_in_state(atom(), tuple()) -> ok.
replace_in_state(Server, New) ->
    Name = element(1, New),
    Replace = fun
        (Old) when element(1, Old) =:= Name -> New;
        (Other) -> Other
    end,
    State = sys:replace_state(Server, fun(State) ->
        list_to_tuple(lists:map(Replace, tuple_to_list(State)))
    end),
    true = lists:member(New, tuple_to_list(State)),
    ok.

%% The distribution's own server, for cases that need only one; without it the newest Redis.
-spec own_server() -> file:filename().
own_server() ->
    case eslaver_test_master:available() of
        [] ->
            error(no_redis_server_in_path);
        Available ->
            Ranked = [{rank(Server), Path} || #{server := Path} = Server <- Available],
            {_, Best} = lists:max(Ranked),
            Best
    end.

rank(#{name := Name, family := Family, version := Version}) ->
    {lists:prefix("path_", atom_to_list(Name)), Family =:= redis, Version}.

-spec own_master() -> eslaver_test_master:master().
own_master() ->
    own_master([]).

-spec own_master([{string(), string() | [string()] | free_port}]) -> eslaver_test_master:master().
own_master(Config) ->
    eslaver_test_master:start(#{server => own_server(), config => Config}).

-spec by_name(atom()) -> eslaver_test_master:server().
by_name(Name) ->
    [Found] = [Server || #{name := N} = Server <- eslaver_test_master:available(), N =:= Name],
    Found.

%% Servers that are unlike: the distribution's own, and the newest of each later family at hand.
-spec spread() -> [eslaver_test_master:server()].
spread() ->
    [Own | Others] = eslaver_test_master:available(),
    Lines = [
        [
            Server
         || #{family := F, version := {M, _, _}} = Server <- Others, F =:= Family, M =:= Major
        ]
     || {Family, Major} <- [{redis, 8}, {valkey, 8}, {valkey, 9}]
    ],
    [Own | [newest(Line) || [_ | _] = Line <- Lines]].

newest(Servers) ->
    {_, Newest} = lists:max([{Version, Server} || #{version := Version} = Server <- Servers]),
    Newest.

%% Calls this for each, all at once, each in a process of its own. Gives the results in order.
-spec parallel(fun((Item) -> Result), [Item]) -> [Result].
parallel(Fun, Items) ->
    Self = self(),
    Running = [
        spawn_monitor(fun() ->
            Result = Fun(Item),
            Self ! {self(), Result}
        end)
     || Item <- Items
    ],
    [
        receive
            {Pid, Result} ->
                true = erlang:demonitor(Ref, [flush]),
                Result;
            {'DOWN', Ref, process, Pid, Reason} ->
                error({one_of_several, Reason})
        end
     || {Pid, Ref} <- Running
    ].

%% What chance begins with: $ESLAVER_SEED repeats a run.
-spec seed() -> integer().
seed() ->
    Seed =
        case os:getenv("ESLAVER_SEED") of
            false -> erlang:system_time(millisecond) rem 1_000_000_000;
            Given -> list_to_integer(Given)
        end,
    ct:pal("ESLAVER_SEED=~b", [Seed]),
    Seed.

%% Whether there is time for what takes long ($ESLAVER_LONG).
-spec is_long() -> boolean().
is_long() ->
    os:getenv("ESLAVER_LONG", "") =/= "".

%% A field of the INFO of a server.
-spec info(eslaver_test_client:client(), string()) -> binary() | none.
info(Client, Field) ->
    Text = eslaver_test_client:ok(Client, ["INFO"]),
    Regex = ["^", Field, ":(.*?)\\r?$"],
    case re:run(Text, Regex, [multiline, {capture, [1], binary}]) of
        {match, [Value]} -> Value;
        nomatch -> none
    end.

%% Options that lead to a master, real or fake (a port).
-spec target(pid() | inet:port_number()) -> map().
target(Master) when is_pid(Master) ->
    target(eslaver_test_master:port(Master));
target(Port) ->
    #{master_host => "127.0.0.1", master_port => Port, dbfilename => undefined}.

%% A replica of this master and the collector of its events.
-spec replica(pid() | inet:port_number()) -> {pid(), pid()}.
replica(Master) ->
    replica(Master, #{}).

-spec replica(pid() | inet:port_number(), map()) -> {pid(), pid()}.
replica(Master, Options) ->
    Collector = eslaver_test_collector:start(),
    Target = target(Master),
    {ok, Replica} = eslaver:start_link(
        maps:merge(Target#{callback => Collector}, Options)
    ),
    {Replica, Collector}.

%% The events of the load, once it is done.
-spec loaded({pid(), pid()}) -> [term()].
loaded({Replica, Collector}) ->
    ok = eslaver:await(Replica, loaded, ?TIMEOUT),
    _ = eslaver_test_collector:await(Collector, fun(Event) ->
        element(1, Event) =:= loading andalso element(2, Event) =:= eof
    end),
    eslaver_test_collector:events(Collector).

%% Writes a key nobody else writes, and waits until its event has come: so have all before it.
-spec mark(eslaver_test_client:client(), pid()) -> binary().
mark(Client, Collector) ->
    Key = <<"mark:", (integer_to_binary(erlang:unique_integer([positive])))/binary>>,
    _ = eslaver_test_client:ok(Client, ["SET", Key, "x"]),
    _ = eslaver_test_collector:await(Collector, fun(Event) ->
        case Event of
            {stream, "set", [Key | _]} -> true;
            {stream, <<"set">>, [Key | _], _} -> true;
            _ -> false
        end
    end),
    Key.

%% A snapshot as this master writes it to disk.
-spec snapshot(eslaver_test_master:master()) -> binary().
snapshot(Master) ->
    Client = eslaver_test_client:connect(Master),
    <<"OK">> = eslaver_test_client:ok(Client, ["SAVE"]),
    ok = eslaver_test_client:close(Client),
    {ok, Snapshot} = file:read_file(filename:join(eslaver_test_master:dir(Master), "dump.rdb")),
    Snapshot.

%% A group leader which keeps what is written to it.
-spec io_capture() -> pid().
io_capture() ->
    Owner = self(),
    spawn(fun() ->
        Ref = erlang:monitor(process, Owner),
        capture(Ref, [])
    end).

-spec captured(pid()) -> string().
captured(Capture) ->
    Capture ! {captured, self()},
    receive
        {Capture, Text} -> Text
    after ?TIMEOUT -> error(io_capture_is_gone)
    end.

capture(Owner, Text) ->
    receive
        {'DOWN', Owner, process, _, _} ->
            ok;
        {captured, From} ->
            From ! {self(), unicode:characters_to_list(lists:reverse(Text))},
            capture(Owner, Text);
        {io_request, From, As, Request} ->
            {Reply, Written} = io_request(Request),
            From ! {io_reply, As, Reply},
            capture(Owner, [Written | Text]);
        _ ->
            capture(Owner, Text)
    end.

io_request({put_chars, Encoding, Characters}) ->
    {ok, unicode:characters_to_binary(Characters, Encoding)};
io_request({put_chars, Encoding, Module, Function, Args}) ->
    io_request({put_chars, Encoding, apply(Module, Function, Args)});
io_request({requests, Requests}) ->
    {ok, [Written || Request <- Requests, {_, Written} <- [io_request(Request)]]};
io_request(_) ->
    {{error, enotsup}, []}.
