%% examples/dashboard: what it serves, and what a browser shows of it.
-module(eslaver_dashboard_SUITE).

-include_lib("common_test/include/ct.hrl").
-include_lib("stdlib/include/assert.hrl").

-compile([export_all, nowarn_export_all]).

-define(TIMEOUT, 30_000).
%% In it is all that JSON and HTML have a meaning for.
-define(ODD, 'odd "name" \\ <b>é</b>\n').

-define(BROWSERS, ["chromium", "chromium-headless-shell"]).

suite() -> [{timetrap, {minutes, 2}}].

all() -> eslaver_test_groups:cases(?MODULE).

init_per_suite(Config) ->
    {ok, Started} = application:ensure_all_started(inets),
    [{started, Started} | Config].

end_per_suite(Config) ->
    _ = [ok = application:stop(App) || App <- lists:reverse(?config(started, Config))],
    ok.

%% As `make dashboard' runs it, with its own master, and with one that is there.
as_a_program(_Config) ->
    Master = eslaver_test_master:port(eslaver_test_master:start_own()),
    _ = [as_a_program_with(Args) || Args <- [[], [integer_to_list(Master)]]],
    ok.

as_a_program_with(Args) ->
    Example = run(["0" | Args]),
    Url = url(Example),
    true = eslaver_test_wait:until(
        fun() ->
            [{Name, State} || #{<<"name">> := Name, <<"state">> := State} <- rows(Url)] =:=
                [{<<"users">>, <<"streaming">>}, {<<"events">>, <<"streaming">>}]
        end,
        ?TIMEOUT
    ),
    true = port_command(Example, "\n"),
    receive
        {Example, {exit_status, Status}} -> ?assertEqual(0, Status)
    after ?TIMEOUT -> error(does_not_end)
    end.

%% From a running node, with all kinds, whatever they are called.
resources(_Config) ->
    {Server, Url} = served(),
    Error = #{reason => closed, text => <<"\"é\\"/utf8>>, at => 5},
    Shards = #{<<"ab">> => #{state => waiting, last_error => Error}},
    ok = shown([
        {mirror, ?ODD, #{status => stale, keys => 3, memory => 25, replica => undefined}},
        {replica, odd, #{state => streaming, events_per_second => 2.5}},
        {cluster, whole, #{state => waiting, lag => 5, shards => Shards}}
    ]),
    ?assertMatch(
        [
            #{<<"kind">> := <<"cluster">>, <<"name">> := <<"whole">>, <<"lag">> := 5},
            #{<<"kind">> := <<"shard">>, <<"shard">> := <<"ab">>, <<"state">> := <<"waiting">>},
            #{<<"kind">> := <<"mirror">>, <<"status">> := <<"stale">>, <<"memory">> := 25},
            #{<<"kind">> := <<"replica">>, <<"up">> := true, <<"events_per_second">> := 2.5}
        ],
        rows(Url)
    ),
    [_, Shard, Mirror, _] = rows(Url),
    ?assertEqual(
        #{<<"reason">> => <<"closed">>, <<"text">> => <<"\"é\\"/utf8>>},
        maps:get(<<"last_error">>, Shard)
    ),
    ?assertEqual(atom_to_binary(?ODD), maps:get(<<"name">>, Mirror)),
    ?assertEqual(eslaver_metrics:prometheus(), body(Url ++ "metrics")),
    ?assertEqual({ok, body(Url)}, file:read_file(file("page/index.html"))),
    _ = [
        ?assertMatch({ok, {{_, 404, _}, _, _}}, httpc:request(Url ++ Path))
     || Path <- ["dashboard.erl", "../dashboard.erl", "replicas"]
    ],
    unserved(Server).

%% What a real one shows.
browser(Config) ->
    case [Path || Name <- ?BROWSERS, Path <- [os:find_executable(Name)], is_list(Path)] of
        [] -> {skip, "no chromium in the PATH"};
        [Browser | _] -> browser(Browser, Config)
    end.

browser(Browser, Config) ->
    {Server, Url} = served(),
    Empty = dom(Browser, Url, Config),
    ?assertNotEqual(nomatch, string:find(Empty, "<p id=\"none\">Nothing runs on this node")),
    ok = shown([
        {mirror, ?ODD, #{status => stale, keys => 1234567, memory => 2500000}},
        {replica, events, #{state => streaming, lag => 0, last_error => undefined}},
        {replica, late, #{state => streaming, lag => 2000000, lagging => true}},
        {replica, other, #{
            state => waiting, last_error => #{reason => closed, text => <<"<i>text</i>">>}
        }}
    ]),
    Dom = dom(Browser, Url, Config),
    lists:foreach(
        fun(Shown) -> ?assertNotEqual(nomatch, string:find(Dom, Shown), Shown) end,
        [
            "events<span class=\"kind\">replica</span>",
            "<span class=\"state good\">streaming</span>",
            "odd \"name\" \\ &lt;b&gt;é&lt;/b&gt;",
            "<span class=\"state bad\">stale</span>",
            "1,234,567",
            "2.5 MB",
            "<span class=\"state busy\">streaming, lagging</span>",
            "closed: &lt;i&gt;text&lt;/i&gt;",
            "<p id=\"none\" hidden=\"\">"
        ]
    ),
    unserved(Server).

%% The page after some seconds, which need not pass.
dom(Browser, Url, Config) ->
    Profile = filename:join(?config(priv_dir, Config), "profile"),
    Command = [
        "timeout 60 '", Browser, "' --headless --no-sandbox --disable-gpu --dump-dom",
        " --virtual-time-budget=3000 '--user-data-dir=", Profile, "' '", Url, "' 2>/dev/null >'",
        Profile, ".html'"
    ],
    _ = os:cmd(lists:flatten(Command)),
    {ok, Dom} = file:read_file(Profile ++ ".html"),
    unicode:characters_to_list(Dom).

%% The example in this node.
served() ->
    Source = file("dashboard.erl"),
    {ok, Module, Code} = compile:file(Source, [binary]),
    {module, Module} = code:load_binary(Module, Source, Code),
    {ok, {Server, Port}} = Module:start(0, file("page")),
    {Server, "http://127.0.0.1:" ++ integer_to_list(Port) ++ "/"}.

unserved(Server) ->
    ok = inets:stop(httpd, Server),
    true = code:delete(dashboard),
    _ = code:purge(dashboard),
    ok.

%% Processes that are known as such, with this `info'. They end with the test case.
shown(All) ->
    Options = #{telemetry => false, telemetry_every => infinity},
    _ = [
        eslaver_test_board:start(Info, fun() -> eslaver_registry:add(Kind, Name, Options) end)
     || {Kind, Name, Info} <- All
    ],
    ok.

rows(Url) ->
    #{<<"at">> := At, <<"rows">> := Rows} =
        eslaver_test_json:decode(body(Url ++ "replicas.json")),
    ?assert(is_integer(At)),
    Rows.

body(Url) ->
    {ok, {{_, 200, _}, _, Body}} = httpc:request(get, {Url, []}, [], [{body_format, binary}]),
    Body.

run(Args) ->
    open_port({spawn_executable, os:find_executable("escript")}, [
        {args, [file("dashboard.erl") | Args]},
        {env, [
            {"ERL_LIBS", filename:dirname(code:lib_dir(eslaver))},
            {"ERL_FLAGS", "-kernel logger_level warning"}
        ]},
        {line, 1000},
        exit_status
    ]).

url(Example) ->
    receive
        {Example, {data, {eol, "http" ++ _ = Line}}} -> hd(string:lexemes(Line, " "));
        {Example, {exit_status, Status}} -> error({ended, Status})
    after ?TIMEOUT -> error(no_line)
    end.

%% rebar3 links the sources into its build directory.
file(Name) ->
    Root = os:cmd("cd -P '" ++ code:lib_dir(eslaver) ++ "/src/..' && pwd"),
    filename:join([string:trim(Root), "examples/dashboard", Name]).
