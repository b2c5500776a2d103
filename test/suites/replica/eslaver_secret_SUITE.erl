%% The password, in a log, a report, a state or an error: nowhere, whatever goes wrong and whoever
%% looks.
-module(eslaver_secret_SUITE).

-include_lib("common_test/include/ct.hrl").
-include_lib("stdlib/include/assert.hrl").

-compile([export_all, nowarn_export_all]).

-define(PASSWORD, "s3cret/of:this@suite").

suite() ->
    [{timetrap, {minutes, 1}}, {ct_hooks, [eslaver_test_log_hook]}].

all() ->
    eslaver_test_groups:cases(?MODULE).

%% Both loggers write all there is: the one of today, and that of before OTP 21.
init_per_testcase(Case, Config) ->
    _ = process_flag(trap_exit, true),
    Old = filename:join(?config(priv_dir, Config), atom_to_list(Case) ++ ".log"),
    ok = error_logger:logfile({open, Old}),
    [{old_log, Old} | Config].

%% Whatever a case has done, it is looked for here.
end_per_testcase(_Case, Config) ->
    Texts = eslaver_test_log:texts(),
    ok = error_logger:logfile(close),
    {ok, Old} = file:read_file(?config(old_log, Config)),
    Shown = [string:slice(Text, 0, 300) || Text <- [binary_to_list(Old) | Texts], shows(Text)],
    case Shown of
        [] when Texts =/= [] -> ok;
        _ -> {fail, {shown, Shown, length(Texts)}}
    end.

%% supervisor callback
-spec init([supervisor:child_spec()]) -> {ok, tuple()}.
init(Children) ->
    {ok, {#{intensity => 3, period => 60}, Children}}.

by_option(_Config) ->
    Master = master(),
    runs_and_crashes(Master, (eslaver_test_replica:target(Master))#{master_auth => ?PASSWORD}).

by_url(_Config) ->
    Master = master(),
    Port = integer_to_list(eslaver_test_master:port(Master)),
    Url = "redis://:" ++ uri_string:quote(?PASSWORD) ++ "@127.0.0.1:" ++ Port,
    runs_and_crashes(Master, #{master_url => Url, dbfilename => undefined}).

runs_and_crashes(Master, Options) ->
    Child = eslaver:child_spec(Options#{callback => fun callback/1}),
    {ok, Top} = supervisor:start_link(?MODULE, [Child]),
    nothing_in([{child_spec, Child}]),
    ok = runs_and_crashes(Master, Top, eslaver),
    stop(Top).

%% The application's own tree, with keys that are strings.
by_environment(_Config) ->
    Master = master(),
    _ = application:load(eslaver),
    Given = [
        {"master_port", eslaver_test_master:port(Master)},
        {"master_auth", ?PASSWORD},
        {dbfilename, undefined},
        {callback, fun callback/1}
    ],
    _ = [ok = application:set_env(eslaver, Key, Value) || {Key, Value} <- Given],
    try
        ok = application:start(eslaver),
        ok = runs_and_crashes(Master, whereis(eslaver_sup), eslaver_server),
        ok = application:stop(eslaver),
        ok = application:set_env(eslaver, master_pw, ?PASSWORD),
        {error, Reason} = application:start(eslaver),
        nothing_in([{reason, Reason}])
    after
        _ = application:stop(eslaver),
        _ = [application:unset_env(eslaver, Key) || Key <- [master_pw | proplists:get_keys(Given)]]
    end,
    ok.

callback({stream, "set", [<<"bad">> | _]}) -> error(too_much);
callback(_) -> ok.

%% All that there is to look at while it runs; then its ends: the callback raises, and the link and
%% the server are killed.
runs_and_crashes(Master, Top, Id) ->
    Replica = child(Top),
    ok = eslaver:await(Replica, loaded, 30_000),
    Processes = [Replica | links(Replica, Top)],
    {ok, Spec} = supervisor:get_childspec(Top, Id),
    Keys = [dictionary, messages, backtrace, current_stacktrace, initial_call, registered_name],
    nothing_in(
        [
            {info, eslaver:info(Replica)},
            {position, eslaver:position(Replica)},
            {status, sys:get_status(Replica)},
            {state, sys:get_state(Replica)},
            {supervisor, sys:get_status(Top)},
            {supervisor_state, sys:get_state(Top)},
            {supervisor_spec, Spec},
            {unknown, gen_server:call(Replica, unknown)}
        ] ++
            [{process, process_info(Pid, Keys)} || Pid <- Processes] ++
            [{proc_lib, proc_lib:translate_initial_call(Pid)} || Pid <- Processes]
    ),
    nothing_in([{raised, ends(Replica, fun() -> set(Master, "bad") end)}]),
    Second = again(Top),
    _ = [exit(Pid, kill) || Pid <- links(Second, Top)],
    #{} = eslaver_test_wait:until(fun() ->
        case eslaver:info(Second) of
            #{reconnects := 1, state := streaming} = Info -> Info;
            #{} -> false
        end
    end),
    nothing_in([{info, eslaver:info(Second)}]),
    killed = ends(Second, fun() -> exit(Second, kill) end),
    _ = again(Top),
    [_ | _] = eslaver_test_log:await("callback_failed"),
    [_ | _] = eslaver_test_log:await("supervisor"),
    [_ | _] = eslaver_test_log:await("started: "),
    ok.

ends(Replica, Do) ->
    Ref = erlang:monitor(process, Replica),
    _ = Do(),
    receive
        {'DOWN', Ref, process, Replica, Reason} -> Reason
    after 30_000 -> error(it_lives)
    end.

set(Master, Key) ->
    Client = eslaver_test_client:connect(Master),
    <<"OK">> = eslaver_test_client:ok(Client, ["AUTH", ?PASSWORD]),
    <<"OK">> = eslaver_test_client:ok(Client, ["SET", Key, "x"]),
    eslaver_test_client:close(Client).

links(Replica, Top) ->
    {links, Links} = process_info(Replica, links),
    [Pid || Pid <- Links, is_pid(Pid), Pid =/= Top].

%% The child, once it has loaded.
again(Top) ->
    eslaver_test_wait:until(fun() ->
        try
            Child = child(Top),
            ok = eslaver:await(Child, loaded, 30_000),
            Child
        catch
            %% it may be the one that is about to end
            exit:_ -> false
        end
    end).

child(Top) ->
    eslaver_test_wait:until(fun() ->
        case supervisor:which_children(Top) of
            [{_, Child, _, _}] when is_pid(Child) -> Child;
            _ -> false
        end
    end).

supervisor_gives_up(_Config) ->
    Target = eslaver_test_replica:target(master()),
    Child = eslaver:child_spec(Target#{
        master_auth => ?PASSWORD, callback => fun(_) -> error(always) end
    }),
    {ok, Top} = supervisor:start_link(?MODULE, [Child]),
    receive
        {'EXIT', Top, Reason} -> nothing_in([{reason, Reason}])
    after 30_000 -> error(does_not_give_up)
    end,
    [_ | _] = eslaver_test_log:await("reached_max_restart_intensity"),
    ok.

%% By real servers: it is wrong, or not wanted, or there is no such user, or no such command.
refused(_Config) ->
    Wrong = eslaver_test_master:start_own([{"requirepass", "another"}]),
    None = eslaver_test_master:start_own(),
    Renamed = eslaver_test_master:start_own([{"rename-command", ["AUTH", "\"\""]}]),
    _ = [
        is_down(maps:merge(eslaver_test_replica:target(Master), Options))
     || Master <- [Wrong, None, Renamed],
        Options <- [#{master_auth => ?PASSWORD}, #{master_auth => ?PASSWORD, master_user => "u"}]
    ],
    ok.

%% Whatever it answers, and to whichever command.
repeated_by_the_master(_Config) ->
    Errors = ["-ERR ", "-WRONGPASS ", "-NOPERM ", "+", ":", "-ERR unknown command, with args "],
    Scripts =
        [
            #{replies => #{Command => [Error, ?PASSWORD, " ", ?PASSWORD, "\r\n"]}, then => close}
         || Command <- [<<"PING">>, <<"AUTH">>, <<"REPLCONF">>], Error <- Errors
        ] ++ [#{psync => [Error, ?PASSWORD, "\r\n"], then => close} || Error <- Errors],
    _ = eslaver_test_parallel:map(
        fun(Script) ->
            eslaver_test_hostile_master:with_fake(Script, fun(Target) ->
                is_down(Target#{master_auth => ?PASSWORD})
            end)
        end,
        Scripts
    ),
    ok.

tls_failures(Config) ->
    Target = eslaver_test_replica:target(master()),
    Junk = filename:join(?config(priv_dir, Config), "junk.crt"),
    ok = file:write_file(Junk, "no certificate"),
    _ = [
        is_down(Target#{master_auth => ?PASSWORD, tls => Tls, repl_timeout => 500})
     || Tls <- [true, #{verify => false}, #{cacertfile => "/no/such"}, #{cacertfile => Junk}]
    ],
    ok.

%% It has said why in the log; nothing is seen then either.
is_down(Options) ->
    {ok, Replica} = eslaver:start_link(Options#{callback => {erlang, is_tuple}}),
    Error = eslaver_test_wait:until(fun() ->
        case eslaver:info(Replica) of
            #{last_error := undefined} -> false;
            #{last_error := Found} -> Found
        end
    end),
    nothing_in([{error, Error}, {info, eslaver:info(Replica)}, {status, sys:get_status(Replica)}]),
    eslaver:stop(Replica).

%% Refused before anything is started, or by a supervisor, which says so.
bad_options(_Config) ->
    Quoted = uri_string:quote(?PASSWORD),
    Bad = [
        #{master_auth => {?PASSWORD}},
        #{master_auth => fun() -> error(?PASSWORD) end},
        #{master_password => ?PASSWORD},
        #{pw => ?PASSWORD},
        #{"master_auth" => ?PASSWORD},
        #{master_url => "redis://:" ++ Quoted ++ "@h/1"},
        #{master_url => "http://:" ++ Quoted ++ "@h"},
        #{master_host => "redis://:" ++ Quoted ++ "@h"},
        #{master_user => [{"user", ?PASSWORD}]},
        #{tls => #{keypassword => ?PASSWORD}},
        #{master_auth => ?PASSWORD, callback => 17},
        #{master_auth => ?PASSWORD, callback => {handler, ?MODULE, []}},
        [{master_auth, ?PASSWORD}, {master_port, 0}],
        [{master_auth, ?PASSWORD}, {master_auth, ?PASSWORD}],
        [{master_auth, ?PASSWORD} | improper],
        {master_auth, ?PASSWORD}
    ],
    _ = [
        begin
            {error, Reason} = eslaver:start_link(Options),
            {error, Shutdown} = supervisor:start_link(?MODULE, [eslaver:child_spec(Options)]),
            Text = eslaver:format_error(Reason),
            nothing_in([{reason, Reason}, {text, Text}, {shutdown, Shutdown}])
        end
     || Options <- Bad
    ],
    ok.

master() ->
    eslaver_test_master:start_own([{"requirepass", ?PASSWORD}]).

stop(Top) ->
    Ref = erlang:monitor(process, Top),
    exit(Top, shutdown),
    receive
        {'DOWN', Ref, process, Top, _} -> ok
    after 30_000 -> error(supervisor_does_not_end)
    end.

nothing_in(Terms) ->
    Printed = [
        {What, lists:flatten(io_lib:format(Format, [Term]))}
     || {What, Term} <- Terms, Format <- ["~p", "~w", "~tp"]
    ],
    ?assertEqual([], lists:usort([What || {What, Text} <- Printed, shows(Text)])).

%% As it is, quoted as in a URL, and as a list of numbers.
shows(Text) ->
    Quoted = uri_string:quote(?PASSWORD),
    Forms = [?PASSWORD, Quoted, numbers(?PASSWORD), numbers(Quoted)],
    lists:any(fun(Form) -> string:find(Text, Form) =/= nomatch end, Forms).

numbers(Text) ->
    lists:flatten(lists:join(",", [integer_to_list(C) || C <- Text])).
