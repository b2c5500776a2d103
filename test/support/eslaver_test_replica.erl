%% A replica under test, with the collector of its events.
-module(eslaver_test_replica).

-export([start/1, start/2, target/1, loaded/1, mark/2, replace_in_state/2]).

-define(TIMEOUT, 30_000).

%% Options that lead to a master, real or fake (a port).
-spec target(pid() | inet:port_number()) -> map().
target(Master) when is_pid(Master) ->
    target(eslaver_test_master:port(Master));
target(Port) ->
    #{master_host => "127.0.0.1", master_port => Port, dbfilename => undefined}.

%% A replica of this master and the collector of its events.
-spec start(pid() | inet:port_number()) -> {pid(), pid()}.
start(Master) ->
    start(Master, #{}).

-spec start(pid() | inet:port_number(), map()) -> {pid(), pid()}.
start(Master, Options) ->
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

%% Puts a record in the place of the one of its name in a server's state.
-spec replace_in_state(pid() | atom(), tuple()) -> ok.
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
