%% Real Redis and Valkey servers for the suites, each on a free loopback port with a directory
%% of its own.
%%
%% A server is the child of a small shell which kills it as soon as its standard input closes:
%% when this process ends, when the process that started it ends, or when the whole node dies.
%% Its directory goes with it.
-module(eslaver_test_master).

-behaviour(gen_server).

-include_lib("kernel/include/logger.hrl").

-export([
    start/1,
    start_own/0,
    start_own/1,
    stop/1,
    kill/1,
    pause/1,
    continue/1,
    restart/1,
    restart/2,
    restart_empty/1,
    port/1,
    dir/1,
    socket/1,
    os_pid/1,
    log/1,
    snapshot/1
]).
-export([init/1, handle_call/3, handle_cast/2, handle_info/2, terminate/2]).

-export_type([master/0, options/0]).

-type master() :: pid().
%% `config`: a value which is a list of strings becomes an argument each, and `free_port` a port
%% that is chosen anew for each try.
%% `wait`: `pong` (the default) until PING is answered with PONG or a demand for a password;
%% `answer` until it is answered at all, with -LOADING too.
%% `sentinel`: makes it a sentinel, with this configuration at its first start: then it keeps what
%% it has learned there.
%% `port`: this one; a free one by default.
%% `owner`: the process whose end stops the server; the caller by default, or `none`.
-type options() :: #{
    server := file:filename(),
    config => [{string(), string() | [string()] | free_port}],
    modules => [file:filename()],
    unix_socket => boolean(),
    wait => pong | answer,
    port => inet:port_number(),
    owner => pid() | none,
    files => [{string(), iodata()}],
    sentinel => iodata()
}.

-define(START_TIMEOUT, 20_000).
%% What servers and Sentinels log once they listen.
-define(READY, [
    <<"eady to accept connections">>, <<"Sentinel ID is">>, <<"Sentinel runid is">>
]).
-define(TRIES, 5).
%% Of a server's log, in bytes.
-define(LAST, 4000).

%% Reads nothing of use on its standard input: the end of it is the signal.
-define(WRAPPER,
    "dir=$1; shift; exec 3<&0 2>/dev/null\n"
    "\"$@\" 3<&- </dev/null >>\"$dir/server.log\" 2>&1 &\n"
    "pid=$!; echo \"pid $pid\"\n"
    "( while read -r _ <&3; do :; done; trap '' TERM\n"
    "  kill -9 $pid; rm -rf \"$dir\" ) >/dev/null 2>&1 &\n"
    "watcher=$!; wait $pid; echo \"exit $?\"; kill $watcher\n"
).

-spec start(options()) -> master().
start(Options) ->
    Owned = maps:merge(#{owner => self()}, Options),
    {ok, Master} = gen_server:start(?MODULE, Owned, [{timeout, ?START_TIMEOUT * 2}]),
    Master.

%% A master of the distribution's own server.
-spec start_own() -> master().
start_own() ->
    start_own([]).

-spec start_own([{string(), string() | [string()] | free_port}]) -> master().
start_own(Config) ->
    start(#{server => eslaver_test_servers:own(), config => Config}).

-spec stop(master()) -> ok.
stop(Master) ->
    try
        gen_server:stop(Master, normal, ?START_TIMEOUT)
    catch
        exit:noproc -> ok
    end.

%% The server is gone at once (kill -9); the port and the directory stay ours for restart/1.
-spec kill(master()) -> ok.
kill(Master) ->
    call(Master, kill).

-spec pause(master()) -> ok.
pause(Master) ->
    call(Master, {signal, "STOP"}).

-spec continue(master()) -> ok.
continue(Master) ->
    call(Master, {signal, "CONT"}).

%% On the same port and in the same directory.
-spec restart(master()) -> ok.
restart(Master) ->
    restart(Master, #{}).

%% The same with some options changed.
-spec restart(master(), map()) -> ok.
restart(Master, Changes) ->
    call(Master, {restart, Changes}).

%% Without the snapshot that it has on disk, from a SAVE or from a sync of its own.
-spec restart_empty(master()) -> ok.
restart_empty(Master) ->
    ok = kill(Master),
    _ = file:delete(filename:join(dir(Master), "dump.rdb")),
    restart(Master).

-spec port(master()) -> inet:port_number().
port(Master) ->
    call(Master, {get, port}).

-spec dir(master()) -> file:filename().
dir(Master) ->
    call(Master, {get, dir}).

%% The path of its unix socket.
-spec socket(master()) -> file:filename().
socket(Master) ->
    filename:join(dir(Master), "s.sock").

-spec os_pid(master()) -> pos_integer() | undefined.
os_pid(Master) ->
    call(Master, {get, os_pid}).

%% What the server has logged.
-spec log(master()) -> binary().
log(Master) ->
    {ok, Text} = file:read_file(filename:join(dir(Master), "server.log")),
    Text.

call(Master, Request) ->
    gen_server:call(Master, Request, ?START_TIMEOUT * 2).

%% A snapshot as this master writes it to disk, once it is done with those for replicas.
-spec snapshot(master()) -> binary().
snapshot(Master) ->
    Client = eslaver_test_client:connect(Master),
    true = eslaver_test_wait:until(fun() ->
        eslaver_test_client:command(Client, ["SAVE"]) =:= <<"OK">>
    end),
    ok = eslaver_test_client:close(Client),
    {ok, Snapshot} = file:read_file(filename:join(dir(Master), "dump.rdb")),
    Snapshot.

%% gen_server. State: options; the server's dir and port; wrapper (Erlang port) and os_pid while
%% it runs, else undefined.

init(Options) ->
    process_flag(trap_exit, true),
    case Options of
        #{owner := Owner} when is_pid(Owner) -> erlang:monitor(process, Owner);
        _ -> ok
    end,
    Dir = temp_dir(),
    ok = file:make_dir(Dir),
    _ = [
        ok = file:write_file(filename:join(Dir, Name), Data)
     || {Name, Data} <- maps:get(files, Options, [])
    ],
    State = #{
        options => Options,
        dir => Dir,
        port => 0,
        wrapper => undefined,
        os_pid => undefined,
        logged => 0
    },
    launch_on_free_port(State, ?TRIES).

handle_call({get, What}, _From, State) ->
    {reply, maps:get(What, State), State};
handle_call(kill, _From, State) ->
    {reply, ok, end_server(State)};
handle_call({signal, Signal}, _From, #{os_pid := OsPid} = State) when is_integer(OsPid) ->
    signal(Signal, OsPid),
    {reply, ok, State};
handle_call({restart, Changes}, _From, State) ->
    #{options := Options} = Halted = end_server(State),
    Changed = Halted#{options := maps:merge(Options, Changes)},
    {ok, Running} = launch_on_same_port(Changed, ?TRIES),
    {reply, ok, Running}.

handle_cast(_Message, State) ->
    {noreply, State}.

handle_info({'DOWN', _Ref, process, _Owner, _Reason}, State) ->
    {stop, normal, State};
handle_info({Wrapper, {data, {eol, "exit " ++ Status}}}, #{wrapper := Wrapper} = State) ->
    _ = [told_end(Status, State) || Status =/= "0"],
    {noreply, State#{wrapper := undefined, os_pid := undefined}};
handle_info(_Message, State) ->
    {noreply, State}.

terminate(_Reason, State) ->
    #{dir := Dir} = end_server(State),
    _ = file:del_dir_r(Dir),
    ok.

%% Nobody ended it: whatever fails now may be its fault.
told_end(Status, #{port := Port} = State) ->
    {ok, Log} = file:read_file(log_file(State)),
    Last = binary:part(Log, byte_size(Log), -min(byte_size(Log), ?LAST)),
    ?LOG_ERROR("the server at port ~b has ended, exit ~ts:~n~ts", [Port, Status, Last]).

launch_on_free_port(#{options := Options} = State, Tries) ->
    Port = maps:get(port, Options, undefined),
    case launch(State#{port := port_or_free(Port)}) of
        {ok, Running} ->
            {ok, Running};
        {error, _Reason, Halted} when Tries > 1, Port =:= undefined ->
            launch_on_free_port(Halted, Tries - 1);
        {error, Reason, #{dir := Dir}} ->
            {ok, Log} = file:read_file(filename:join(Dir, "server.log")),
            _ = file:del_dir_r(Dir),
            {stop, {master_does_not_start, Reason, Log}}
    end.

port_or_free(undefined) -> free_port();
port_or_free(Port) -> Port.

free_port() ->
    {ok, Socket} = gen_tcp:listen(0, [{ip, {127, 0, 0, 1}}]),
    {ok, Port} = inet:port(Socket),
    ok = gen_tcp:close(Socket),
    Port.

launch_on_same_port(State, Tries) ->
    case launch(State) of
        {ok, Running} -> {ok, Running};
        {error, _Reason, Halted} when Tries > 1 -> launch_on_same_port(Halted, Tries - 1);
        {error, Reason, _Halted} -> {error, Reason}
    end.

launch(#{options := #{server := Server} = Options, dir := Dir} = State) ->
    First =
        case Options of
            #{sentinel := Text} ->
                File = filename:join(Dir, "sentinel.conf"),
                filelib:is_file(File) orelse (ok = file:write_file(File, Text)),
                [File, "--sentinel"];
            #{} ->
                []
        end,
    Args = ["-c", ?WRAPPER, "master", Dir, Server] ++ First ++ arguments(Options, State),
    Logged = filelib:file_size(log_file(State)),
    Wrapper = open_port({spawn_executable, "/bin/sh"}, [{args, Args}, {line, 200}, hide]),
    receive
        {Wrapper, {data, {eol, "pid " ++ OsPid}}} ->
            Running = State#{
                wrapper := Wrapper, os_pid := list_to_integer(OsPid), logged := Logged
            },
            Deadline = erlang:monotonic_time(millisecond) + ?START_TIMEOUT,
            wait_ready(Running, Deadline)
    end.

wait_ready(#{wrapper := Wrapper, port := Port, options := Options} = State, Deadline) ->
    receive
        {Wrapper, {data, {eol, "exit " ++ Status}}} ->
            {error, {exit, Status}, State#{wrapper := undefined, os_pid := undefined}}
    after 0 ->
        Wait = maps:get(wait, Options, pong),
        case is_ready(ping(Port), Wait) andalso (Wait =:= answer orelse says_ready(State)) of
            true ->
                {ok, State};
            false ->
                case erlang:monotonic_time(millisecond) < Deadline of
                    true ->
                        timer:sleep(20),
                        wait_ready(State, Deadline);
                    false ->
                        {error, timeout, end_server(State)}
                end
        end
    end.

ping(Port) ->
    case gen_tcp:connect({127, 0, 0, 1}, Port, [binary, {active, false}], 1000) of
        {ok, Socket} ->
            _ = gen_tcp:send(Socket, <<"PING\r\n">>),
            Reply = gen_tcp:recv(Socket, 0, 2000),
            ok = gen_tcp:close(Socket),
            Reply;
        {error, _} = Error ->
            Error
    end.

is_ready({ok, _}, answer) -> true;
is_ready({ok, <<"+PONG", _/binary>>}, pong) -> true;
is_ready({ok, <<"-NOAUTH", _/binary>>}, pong) -> true;
is_ready({ok, <<"-ERR operation not permitted", _/binary>>}, pong) -> true;
is_ready(_, _) -> false.

%% Another server answers where this one could not take the port, and is about to end.
says_ready(#{logged := Logged} = State) ->
    {ok, <<_:Logged/binary, Log/binary>>} = file:read_file(log_file(State)),
    binary:match(Log, ?READY) =/= nomatch.

log_file(#{dir := Dir}) ->
    filename:join(Dir, "server.log").

%% kill -9, and wait until the operating system has let go of it. Until the wrapper says "exit"
%% the process id cannot be anyone else's.
end_server(#{wrapper := undefined} = State) ->
    State;
end_server(#{wrapper := Wrapper, os_pid := OsPid} = State) ->
    signal("KILL", OsPid),
    receive
        {Wrapper, {data, {eol, "exit " ++ _}}} -> ok
    after ?START_TIMEOUT ->
        try
            true = port_close(Wrapper)
        catch
            error:badarg -> true
        end
    end,
    State#{wrapper := undefined, os_pid := undefined}.

signal(Signal, OsPid) ->
    _ = os:cmd("kill -" ++ Signal ++ " " ++ integer_to_list(OsPid)),
    ok.

arguments(#{server := Server} = Options, #{dir := Dir, port := Port}) ->
    Version = eslaver_test_servers:version(Server),
    Given = maps:get(config, Options, []),
    Defaults =
        [
            {"port", integer_to_list(Port)},
            {"bind", "127.0.0.1"},
            {"dir", Dir},
            {"daemonize", "no"},
            {"save", ""}
        ] ++
            [{"repl-diskless-sync-delay", "0"} || Version >= {2, 8, 18}] ++
            [{"enable-debug-command", "local"} || Version >= {7, 0, 0}] ++
            [
                {"unixsocket", filename:join(Dir, "s.sock")}
             || maps:get(unix_socket, Options, false)
            ] ++
            [{"loadmodule", Module} || Module <- maps:get(modules, Options, [])],
    Kept = [Default || {Key, _} = Default <- Defaults, not lists:keymember(Key, 1, Given)],
    lists:append([["--" ++ Key | words(Value)] || {Key, Value} <- Kept ++ Given]).

words([[_ | _] | _] = Words) -> Words;
words(free_port) -> [integer_to_list(free_port())];
words(Word) -> [Word].

temp_dir() ->
    Name = io_lib:format("eslaver-~s-~b", [os:getpid(), erlang:unique_integer([positive])]),
    filename:join(os:getenv("TMPDIR", "/tmp"), lists:flatten(Name)).
