%% A page that shows what runs on this node: its replicas, mirrors and clusters, with their state,
%% lag and rates. It is served by OTP's own httpd, to this machine only.
%%
%%     make dashboard
%%     ERL_LIBS=_build/default/lib escript examples/dashboard/dashboard.erl [Port [MasterPort]]
%%
%% Without the port of a master it brings one of its own, to which something is always written. In
%% a node of yours call `dashboard:start(8080, "examples/dashboard/page")'.
%%
%% | /              | the page                                  |
%% | /replicas.json | what it shows, and asks for every second  |
%% | /metrics       | the same, for Prometheus                  |
-module(dashboard).
-mode(compile).
-export([main/1, start/2, do/1]).

-include_lib("inets/include/httpd.hrl").

%% As on the command line.
main(Args) ->
    {Port, Master} =
        case Args of
            [] -> {8080, own_master()};
            [Own] -> {list_to_integer(Own), own_master()};
            [Own, MasterPort] -> {list_to_integer(Own), list_to_integer(MasterPort)}
        end,
    Target = #{master_host => "127.0.0.1", master_port => Master},
    {ok, _} = eslaver:start_link(Target#{
        name => {local, events}, callback => fun(_Event) -> ok end
    }),
    {ok, _} = eslaver_mirror:start_link(Target#{name => users}),
    Page = filename:join(filename:dirname(escript:script_name()), "page"),
    {ok, {_Server, At}} = start(Port, Page),
    io:format("http://127.0.0.1:~b/ until Enter is pressed~n", [At]),
    _ = io:get_line(""),
    ok.

%% Serves the page in this directory on a port, or on any that is free if it is 0.
start(Port, Page) ->
    {ok, _} = application:ensure_all_started(inets),
    Config = [
        {port, Port},
        {bind_address, {127, 0, 0, 1}},
        {server_name, "dashboard"},
        {server_root, Page},
        {document_root, Page},
        {directory_index, ["index.html"]},
        {mime_types, [{"html", "text/html; charset=utf-8"}]},
        {modules, [?MODULE, mod_alias, mod_get]}
    ],
    case inets:start(httpd, Config) of
        {ok, Server} -> {ok, {Server, proplists:get_value(port, httpd:info(Server))}};
        {error, _} = Error -> Error
    end.

%% httpd calls it for each request; what is not for it is a file.
do(#mod{method = "GET", request_uri = "/replicas.json"}) ->
    Rows = [json_row(Row) || Row <- eslaver_metrics:rows()],
    answer("application/json", json(#{at => erlang:system_time(millisecond), rows => Rows}));
do(#mod{method = "GET", request_uri = "/metrics"}) ->
    answer("text/plain; version=0.0.4; charset=utf-8", eslaver_metrics:prometheus());
do(#mod{data = Data}) ->
    {proceed, Data}.

answer(Type, Body) ->
    Head = [
        {code, 200},
        {content_type, Type},
        {content_length, integer_to_list(iolist_size(Body))},
        {cache_control, "no-store"}
    ],
    {break, [{response, {response, Head, [Body]}}]}.

%% What the page shows of one.
json_row(Row) ->
    Shown = maps:with(
        [
            kind,
            shard,
            up,
            state,
            status,
            since,
            lag,
            behind_for,
            lagging,
            commands,
            events_per_second,
            keys,
            memory,
            queue,
            full_syncs,
            partial_syncs,
            reconnects
        ],
        Row
    ),
    Error = [maps:with([reason, text], Last) || #{last_error := #{} = Last} <- [Row]],
    Shown#{name => eslaver_metrics:name(Row), last_error => hd(Error ++ [undefined])}.

%% JSON

json(undefined) -> "null";
json(Boolean) when is_boolean(Boolean) -> atom_to_list(Boolean);
json(Atom) when is_atom(Atom) -> json(atom_to_binary(Atom));
json(Integer) when is_integer(Integer) -> integer_to_list(Integer);
json(Float) when is_float(Float) -> float_to_binary(Float, [short]);
json(Text) when is_binary(Text) -> [$", [json_char(Char) || <<Char/utf8>> <= Text], $"];
json(List) when is_list(List) -> [$[, lists:join($,, [json(Element) || Element <- List]), $]];
json(#{} = Map) ->
    Members = [[json(atom_to_binary(Key)), $:, json(Value)] || {Key, Value} <- maps:to_list(Map)],
    [${, lists:join($,, Members), $}].

json_char($") -> "\\\"";
json_char($\\) -> "\\\\";
json_char(Char) when Char < $\s -> io_lib:format("\\u~4.16.0b", [Char]);
json_char(Char) -> <<Char/utf8>>.

%% A master to look at

own_master() ->
    Script = filename:join(filename:dirname(escript:script_name()), "../../tools/master.sh"),
    Master = open_port({spawn_executable, Script}, [{line, 80}, exit_status]),
    Port =
        receive
            {Master, {data, {eol, Line}}} -> list_to_integer(Line);
            {Master, {exit_status, _}} -> halt(1)
        end,
    {ok, Client} = gen_tcp:connect("127.0.0.1", Port, [binary, {active, false}]),
    _ = spawn_link(fun() -> written(Client, 1) end),
    Port.

%% A few writes at a time, and more now and then.
written(Client, Turn) ->
    Count = 5 + rand:uniform(10) * (1 + Turn rem 10),
    ok = gen_tcp:send(Client, [
        ["HSET user:", integer_to_list(rand:uniform(5000)), " turn ", integer_to_list(Turn), "\r\n"]
     || _ <- lists:seq(1, Count)
    ]),
    ok = answers(Client, Count),
    timer:sleep(100),
    written(Client, Turn + 1).

answers(_Client, 0) ->
    ok;
answers(Client, Count) ->
    {ok, Bytes} = gen_tcp:recv(Client, 0),
    answers(Client, Count - length(binary:matches(Bytes, <<"\r\n">>))).
