%% The option `telemetry': the events of replicas and mirrors with what they measure, to whom they
%% go, and the lines that the default logger makes of them.
-module(eslaver_telemetry_SUITE).

-include_lib("common_test/include/ct.hrl").
-include_lib("stdlib/include/assert.hrl").

-compile([export_all, nowarn_export_all]).

-define(TIMEOUT, 30_000).

suite() ->
    [{timetrap, {minutes, 1}}, {ct_hooks, [eslaver_test_log_hook]}].

all() ->
    eslaver_test_groups:cases(?MODULE).

init_per_testcase(_Case, Config) ->
    process_flag(trap_exit, true),
    Master = eslaver_test_master:start_own(),
    [{master, Master}, {client, eslaver_test_client:connect(Master)} | Config].

end_per_testcase(_Case, _Config) ->
    eslaver_test_telemetry:unload().

%% The documented set, with its measurements and metadata.
events(Config) ->
    write(Config, ["SET", "k", "v"]),
    {ok, Replica} = start(Config, #{name => {local, told}, telemetry => to_me()}),
    ok = eslaver:await(told, loaded, ?TIMEOUT),
    {Up, #{resync := full, replica := told, master := <<_, _/binary>>, replid := _}} =
        told([link, up]),
    ?assertEqual([monotonic_time, system_time], lists:sort(maps:keys(Up))),
    {LoadStart, #{source := master, replica := told, telemetry_span_context := Load}} =
        told([load, start]),
    {CallStart, #{replica := told, telemetry_span_context := Call}} = told([callback, start]),
    {#{events := 1} = CallStop, #{telemetry_span_context := Call}} = told([callback, stop]),
    ?assert(is_span(CallStart, CallStop)),
    {#{keys := 1, bytes := Bytes} = LoadStop, #{telemetry_span_context := Load}} =
        told([load, stop]),
    ?assert(Bytes > 10),
    ?assert(is_span(LoadStart, LoadStop)),
    ?assert(erlang:system_time() >= maps:get(system_time, LoadStart)),
    ok = eslaver_test_master:kill(?config(master, Config)),
    {Down, #{reason := closed, text := <<_, _/binary>>}} = told([link, down]),
    ?assert(is_span(Up, Down)),
    {#{delay := Delay, tries := 1}, #{reason := closed}} = told([reconnect]),
    ?assert(erlang:convert_time_unit(Delay, native, millisecond) >= 50),
    {#{tries := 2}, #{reason := cannot_connect}} = told([reconnect]),
    ok = eslaver:stop(Replica),
    none = told_already([load, exception]),
    %% All that is logged is of this replica.
    true = eslaver_test_wait:until(fun() -> eslaver_test_log:contains("replica => told") end).

%% A span takes the time between its ends, or less where others had turns between.
is_span(#{monotonic_time := Start}, #{monotonic_time := Stop, duration := Took}) ->
    is_integer(Took) andalso Took >= 0 andalso Took =< Stop - Start.

%% A load that does not end well has an exception instead of a stop.
interrupted_load(_Config) ->
    Header = <<"REDIS0009", 16#FE, 0, 0, 1, "k", 1, "v">>,
    Psync = ["+FULLRESYNC ", lists:duplicate(40, $a), " 0\r\n$1000\r\n", Header],
    Fake = eslaver_test_fake_master:start([#{psync => Psync, then => close}]),
    {ok, Replica} = eslaver:start_link(
        (eslaver_test_replica:target(eslaver_test_fake_master:port(Fake)))#{
            callback => fun(_) -> ok end, telemetry => to_me()
        }
    ),
    {LoadStart, #{telemetry_span_context := Load}} = told([load, start]),
    {LoadEnd, #{telemetry_span_context := Load} = About} = told([load, exception]),
    ?assert(is_span(LoadStart, LoadEnd)),
    ?assertMatch(#{kind := exit, reason := _, stacktrace := [], replica := Replica}, About),
    none = told_already([load, stop]),
    ok = eslaver:stop(Replica),
    eslaver_test_fake_master:stop(Fake).

%% The callback has raised while it loaded: both spans end with it.
callback_that_raises(Config) ->
    write(Config, ["SET", "k", "v"]),
    {ok, Failing} = start(Config, #{
        callback => fun(_) -> error(no) end, telemetry => to_me()
    }),
    {CallStart, #{telemetry_span_context := Call}} = told([callback, start]),
    {CallEnd, #{telemetry_span_context := Call} = About} = told([callback, exception]),
    ?assert(is_span(CallStart, CallEnd)),
    ?assertMatch(#{kind := error, reason := no, event := <<_, _/binary>>}, About),
    ?assertMatch(#{stacktrace := [_ | _]}, About),
    ?assertMatch({_, #{kind := error, reason := no}}, told([load, exception])),
    receive
        {'EXIT', Failing, {callback_failed, _}} -> ok
    end,
    none = told_already([callback, stop]).

%% It does no harm, and is logged once. No event is lost to others by it.
function_that_raises(Config) ->
    write(Config, ["SET", "secret-key", "secret-value"]),
    {ok, Replica} = start(Config, #{telemetry => {erlang, error}}),
    ok = eslaver:await(Replica, loaded, ?TIMEOUT),
    write(Config, ["SET", "secret-key", "secret-other"]),
    ?assertEqual(1, eslaver_test_client:ok(?config(client, Config), ["WAIT", 1, 5000])),
    ?assertMatch([_], eslaver_test_log:await("telemetry function raised error:")),
    ?assertNot(eslaver_test_log:contains("secret")),
    ok = eslaver:stop(Replica).

%% The former name of the option.
hooks(Config) ->
    {ok, Replica} = start(Config, #{hooks => to_me()}),
    _ = told([link, up]),
    ok = eslaver:stop(Replica),
    {error, {invalid_option, hooks, _}} = Both =
        start(Config, #{hooks => to_me(), telemetry => to_me()}),
    ?assertMatch(<<_/binary>>, eslaver:format_error(Both)),
    _ = [
        ?assertEqual({error, {invalid_option, Key, Bad}}, start(Config, #{Key => Bad}))
     || Key <- [telemetry, hooks], Bad <- [fun(_) -> ok end, f, {m, "f"}]
    ].

%% By default all goes to the library, if the node has it, once it is started; or to a module that
%% exports the same.
library(Config) ->
    {ok, Without} = start(Config, #{}),
    ok = eslaver:await(Without, loaded, ?TIMEOUT),
    ok = eslaver:stop(Without),
    ok = eslaver_test_telemetry:load(),
    {ok, Early} = start(Config, #{}),
    ok = eslaver:await(Early, loaded, ?TIMEOUT),
    ?assertEqual([], eslaver_test_telemetry:executed()),
    Library = eslaver_test_telemetry:start(),
    write(Config, ["SET", "k", "v"]),
    ok = handled(Early, 1, Config),
    [{[eslaver, callback, start], _, #{replica := Early}} | _] = eslaver_test_telemetry:executed(),
    ok = eslaver:stop(Early),
    ok = eslaver_test_telemetry:stop(Library),
    {ok, Off} = start(Config, #{telemetry => false}),
    {ok, Module} = start(Config, #{telemetry => telemetry}),
    ok = handled(Module, 2, Config),
    Replicas = [Replica || {_, _, #{replica := Replica}} <- eslaver_test_telemetry:executed()],
    ?assertEqual([Module], lists:usort(Replicas) -- [Early]),
    ok = eslaver:stop(Off),
    ok = eslaver:stop(Module).

%% All that was written has been handled.
handled(Replica, Replicas, Config) ->
    ok = eslaver:await(Replica, loaded, ?TIMEOUT),
    write(Config, ["SET", "last", "v"]),
    Replicas = eslaver_test_client:ok(?config(client, Config), ["WAIT", Replicas, 5000]),
    ok.

gauge_of_a_replica(Config) ->
    {ok, Replica} = start(Config, #{telemetry => to_me(), telemetry_every => 10}),
    ok = eslaver:await(Replica, loaded, ?TIMEOUT),
    About = gauge_in([streaming]),
    ?assertMatch(#{kind := replica, replica := Replica}, About),
    ok = eslaver_test_master:kill(?config(master, Config)),
    _ = gauge_in([connecting, waiting]),
    ok = eslaver:stop(Replica),
    %% one may have been on its way
    ok = registry_knows([]),
    {ok, Never} = start(Config, #{telemetry => to_me(), telemetry_every => infinity}),
    ok = eslaver:stop(Never),
    none = told_already([replica, gauge], Never).

gauge_in(States) ->
    {#{queue := Queue, monotonic_time := _}, #{state := State} = About} = told([replica, gauge]),
    ?assert(is_integer(Queue)),
    case lists:member(State, States) of
        true -> About;
        false -> gauge_in(States)
    end.

gauge_of_a_mirror(Config) ->
    write(Config, ["SET", "k", "v"]),
    {ok, _} = eslaver_mirror:start_link(
        maps:merge(
            maps:remove(dbfilename, eslaver_test_replica:target(?config(master, Config))),
            #{name => ?FUNCTION_NAME, telemetry => to_me(), telemetry_every => 10}
        )
    ),
    ok = eslaver_mirror:await(?FUNCTION_NAME, loaded, ?TIMEOUT),
    %% what its replica reports has its name, too
    ?assertMatch({_, #{replica := ?FUNCTION_NAME, resync := full}}, told([link, up])),
    gauge_of_a_mirror(?FUNCTION_NAME, told([replica, gauge])),
    %% it has no callback
    none = told_already([callback, start]),
    ok = eslaver_mirror:stop(?FUNCTION_NAME).

%% There is a lag once its replica streams.
gauge_of_a_mirror(Name, {#{lag := 0} = Measured, #{kind := mirror, status := fresh} = About}) ->
    ?assertMatch(#{replica := Name}, About),
    ?assertMatch(#{keys := 1, queue := _}, Measured),
    ?assert(maps:get(memory, Measured) > 0);
gauge_of_a_mirror(Name, {_, #{kind := mirror}}) ->
    gauge_of_a_mirror(Name, told([replica, gauge])).

%% What a user sees of a replica's life, with nothing else set than the library.
default_logger(Config) ->
    ?assertEqual({error, no_telemetry}, eslaver:attach_default_logger()),
    ?assertMatch(<<"this node", _/binary>>, eslaver:format_error({error, no_telemetry})),
    ?assertEqual({error, no_telemetry}, eslaver:detach_default_logger()),
    ok = eslaver_test_telemetry:load(),
    Library = eslaver_test_telemetry:start(),
    ok = eslaver:attach_default_logger(#{events => all, level => notice}),
    ?assertEqual({error, already_exists}, eslaver:attach_default_logger()),
    write(Config, ["SET", "secret-key", "secret-value"]),
    Fails = fun
        ({stream, "set", [Key, Value]}) -> error({no, Key, Value});
        (_) -> ok
    end,
    {ok, Replica} = start(Config, #{
        name => {local, shown}, callback => Fails, telemetry_every => 10
    }),
    ok = eslaver:await(Replica, loaded, ?TIMEOUT),
    ok = logged("shown: replica is streaming, lag 0 bytes, .*queue [0-9]+"),
    write(Config, ["SET", "secret-key", "secret-other"]),
    receive
        {'EXIT', Replica, _} -> ok
    end,
    lists:foreach(fun logged/1, [
        "shown: link to 127.0.0.1:[0-9]+ is up, full sync \\(first\\)",
        "shown: snapshot begins, from the master",
        "debug.*shown: callback begins",
        "debug.*shown: callback has handled 1 events in [0-9.]+ ms",
        "notice.*shown: snapshot loaded, 1 keys, [0-9]+ bytes in [0-9.]+ ms",
        "error.*shown: callback raised error:no in "
    ]),
    Ours = [Text || Text <- eslaver_test_log:texts(), string:find(Text, "shown: ") =/= nomatch],
    ?assertNotEqual([], Ours),
    ?assertEqual([], [Text || Text <- Ours, string:find(Text, "secret") =/= nomatch]),
    ok = eslaver:detach_default_logger(),
    ?assertEqual({error, not_found}, eslaver:detach_default_logger()),
    ok = eslaver_test_telemetry:stop(Library).

%% Lines for what a replica in trouble does, each by itself, as the table of the guide has them.
lines_of_the_default_logger(_Config) ->
    Native = erlang:convert_time_unit(2, second, native),
    lists:foreach(
        fun({Event, Measured, About, Line}) ->
            ok = eslaver_test_log:clear(),
            ok = eslaver_default_logger:handle_event(
                [eslaver | Event], Measured, About#{replica => r}, #{level => info}
            ),
            ok = logged(Line)
        end,
        [
            {[link, down], #{duration => Native}, #{reason => closed, text => <<"t">>},
                "warning.*r: link is down after 2000.000 ms \\(closed\\): t"},
            {[link, down], #{}, #{reason => closed, text => <<"t">>},
                "r: link is down \\(closed\\): t"},
            {[reconnect], #{delay => Native, tries => 3}, #{reason => closed},
                "info.*r: connecting again in 2000 ms, try 3 since the start \\(closed\\)"},
            {[load, exception], #{duration => Native}, #{reason => {no, <<"secret">>}},
                "warning.*r: snapshot interrupted after 2000.000 ms \\(no\\)"},
            {[callback, skipped], #{events => 4}, #{kind => error, reason => no},
                "warning.*r: callback raised error:no, 4 events skipped"},
            {[replica, gauge],
                #{
                    lag => 1,
                    master_lag => 2,
                    behind_for => Native,
                    keys => 3,
                    memory => 4,
                    events_per_second => 1.25
                },
                #{kind => shard, shard => <<"a">>, state => streaming, status => fresh},
                "r, shard a: shard is streaming, fresh, lag 1 bytes, behind the master by 2 bytes, "
                "behind for 2000 ms, keys 3, memory 4 bytes, events per second 1.[23]"}
        ]
    ),
    ?assertNot(eslaver_test_log:contains("secret")).

options_of_the_default_logger(_Config) ->
    ok = eslaver_test_telemetry:load(),
    Library = eslaver_test_telemetry:start(),
    _ = [
        begin
            Error = eslaver:attach_default_logger(#{Key => Bad}),
            ?assertEqual({error, {invalid_option, {default_logger, Key}, Shown}}, Error),
            ?assertEqual(
                <<"for the default logger, ", Text/binary>>, eslaver:format_error(Error)
            )
        end
     || {Key, Bad, Shown, Text} <- [
            {level, loud, loud, <<"level is loud: expected a level of logger">>},
            {events, [[eslaver, no]], [eslaver, no],
                <<"events is [eslaver,no]: expected all, or a list of events as ",
                    "[eslaver, load, stop]">>},
            {events, none, none,
                <<"events is none: expected all, or a list of events as [eslaver, load, stop]">>},
            {colour, red, red,
                <<"colour is red: expected no such option, only level and events">>}
        ]
    ],
    ok = eslaver:attach_default_logger([{events, [[eslaver, load, stop]]}]),
    ?assertMatch(
        [{_, [[eslaver, load, stop]], _, _}], eslaver_test_telemetry:attached()
    ),
    ok = eslaver:detach_default_logger(),
    ok = eslaver_test_telemetry:stop(Library).

to_me() ->
    Self = self(),
    fun(Event, Measured, About) -> Self ! {told, Event, Measured, About} end.

told(Event) ->
    Full = [eslaver | Event],
    receive
        {told, Full, Measured, About} -> {Measured, About}
    after ?TIMEOUT -> error({not_told, Full})
    end.

told_already(Event) ->
    Full = [eslaver | Event],
    receive
        {told, Full, Measured, About} -> {Measured, About}
    after 0 -> none
    end.

told_already(Event, Replica) ->
    Full = [eslaver | Event],
    receive
        {told, Full, _, #{replica := Replica} = About} -> About
    after 0 -> none
    end.

logged(Line) ->
    _ = eslaver_test_log:await(Line),
    ok.

registry_knows(Entries) ->
    true = eslaver_test_wait:until(fun() -> eslaver_registry:all() =:= Entries end, ?TIMEOUT),
    ok.

start(Config, Options) ->
    Target = eslaver_test_replica:target(?config(master, Config)),
    eslaver:start_link(maps:merge(Target#{callback => fun(_) -> ok end}, Options)).

write(Config, Command) ->
    _ = eslaver_test_client:ok(?config(client, Config), Command),
    ok.
