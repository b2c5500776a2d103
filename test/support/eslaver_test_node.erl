%% Erlang nodes in operating-system processes of their own, without distribution: to be killed, and
%% to have their memory measured. What is called there is in this module, too.
-module(eslaver_test_node).

-export([start/0, start/1, start/2, stop/1, kill/1, call/4, replica/2, mirror/2]).
%% Called in the node.
-export([
    start_replica/1, start_mirror/1, keep/2, written/1, handled/1, count/3, counted/1, inventory/0
]).
%% What a node has more and more of.
-export([flat/2]).
-export_type([growth/0]).
%% Of operating-system processes.
-export([has_proc/0, os_pid/1, threads/1, descriptors/1, cpu_time/1]).
-export([memory/1, peak_memory/1, forget_peak/1]).

-define(TIMEOUT, 60_000).

%% It ends with the process that started it.
-spec start() -> pid().
start() ->
    start([]).

%% The same, started by a command that takes the node's command as its last arguments.
-spec start([string()]) -> pid().
start(Command) ->
    start(Command, [filename:dirname(code:which(eslaver))]).

%% The same, where eslaver has these paths.
-spec start([string()], [file:filename()]) -> pid().
start(Command, Own) ->
    Paths = lists:usort([filename:dirname(code:which(?MODULE)) | Own]),
    Options = #{connection => standard_io, args => ["-pa" | Paths], wait_boot => ?TIMEOUT},
    {ok, Node, _Name} = peer:start_link(maps:merge(Options, by_way_of(Command))),
    Node.

by_way_of([]) ->
    #{};
by_way_of([Name | Args]) ->
    #{exec => {os:find_executable(Name), Args ++ [os:find_executable("erl")]}}.

-spec stop(pid()) -> ok.
stop(Node) ->
    _ = unlink(Node),
    peer:stop(Node).

%% kill -9. It has ended when this returns.
-spec kill(pid()) -> ok.
kill(Node) ->
    Ref = erlang:monitor(process, Node),
    _ = unlink(Node),
    _ = os:cmd("kill -9 " ++ integer_to_list(os_pid(Node))),
    receive
        {'DOWN', Ref, process, Node, _} -> ok
    after ?TIMEOUT -> error(node_does_not_end)
    end.

-spec call(pid(), module(), atom(), [term()]) -> term().
call(Node, Module, Function, Args) ->
    peer:call(Node, Module, Function, Args, ?TIMEOUT).

%% Starts a replica there, which nobody is linked to.
-spec replica(pid(), map()) -> pid().
replica(Node, Options) ->
    call(Node, ?MODULE, start_replica, [Options]).

-spec start_replica(map()) -> pid().
start_replica(Options) ->
    {ok, Replica} = eslaver:start_link(Options),
    true = unlink(Replica),
    Replica.

%% Starts a mirror there, which nobody is linked to.
-spec mirror(pid(), map()) -> ok.
mirror(Node, Options) ->
    call(Node, ?MODULE, start_mirror, [Options]).

-spec start_mirror(map()) -> ok.
start_mirror(Options) ->
    {ok, Mirror} = eslaver_mirror:start_link(Options),
    true = unlink(Mirror),
    ok.

%% Callbacks

%% Has the event in a file before it returns.
-spec keep(file:filename(), term()) -> ok.
keep(File, Event) ->
    Bytes = term_to_binary({erlang:system_time(millisecond), Event}),
    file:write(opened(File), [<<(byte_size(Bytes)):32>>, Bytes]).

opened(File) ->
    case get({?MODULE, File}) of
        undefined ->
            {ok, Device} = file:open(File, [append, raw, binary]),
            undefined = put({?MODULE, File}, Device),
            Device;
        Device ->
            Device
    end.

%% The events in a file, except one that was cut short.
-spec written(file:filename()) -> [term()].
written(File) ->
    [Event || {_, Event} <- handled(File)].

%% The same, each with the time in ms.
-spec handled(file:filename()) -> [{integer(), term()}].
handled(File) ->
    case file:read_file(File) of
        {ok, Bytes} -> events(Bytes);
        {error, enoent} -> []
    end.

events(<<Size:32, Bytes:Size/binary, Rest/binary>>) -> [binary_to_term(Bytes) | events(Rest)];
events(_) -> [].

%% Counts keys and commands and the bytes in them, and sleeps once, for this time, at this count.
-spec count(pos_integer(), non_neg_integer(), term()) -> ok.
count(At, Sleep, Event) ->
    Counters =
        case persistent_term:get(?MODULE, none) of
            none ->
                New = counters:new(3, []),
                ok = persistent_term:put(?MODULE, New),
                New;
            Old ->
                Old
        end,
    case Event of
        {loading, string, _, Value} -> counted(Counters, byte_size(Value), At, Sleep);
        {stream, "set", [_, Value]} -> counted(Counters, byte_size(Value), At, Sleep);
        _ -> ok
    end.

counted(Counters, Size, At, Sleep) ->
    ok = counters:add(Counters, 1, 1),
    ok = counters:add(Counters, 2, Size),
    case counters:get(Counters, 1) of
        At ->
            ok = counters:put(Counters, 3, 1),
            timer:sleep(Sleep),
            counters:put(Counters, 3, 0);
        _ ->
            ok
    end.

%% Events and bytes so far, and whether it sleeps.
-spec counted(pid()) -> {non_neg_integer(), non_neg_integer(), boolean()}.
counted(Node) ->
    case call(Node, persistent_term, get, [?MODULE, none]) of
        none ->
            {0, 0, false};
        Counters ->
            Get = fun(Index) -> call(Node, counters, get, [Counters, Index]) end,
            {Get(1), Get(2), Get(3) =:= 1}
    end.

%% What must not pile up

%% Counts before and after, and resident memory: before, after, and at the most.
-type growth() :: #{
    counts := {map(), map()}, memory := {pos_integer(), pos_integer(), pos_integer()}
}.

%% Calls the function, and fails if the node has more of anything then. The caller judges memory.
-spec flat(pid(), fun(() -> Result)) -> {Result, growth()}.
flat(Node, Work) ->
    OsPid = os_pid(Node),
    Before = call(Node, ?MODULE, inventory, []),
    Had = memory(OsPid),
    ok = forget_peak(OsPid),
    Result = Work(),
    Peak = peak_memory(OsPid),
    After = eslaver_test_wait:until(fun() ->
        Counts = call(Node, ?MODULE, inventory, []),
        case [What || What <- maps:keys(Before), map_get(What, Counts) > map_get(What, Before)] of
            [] -> Counts;
            More -> ct:log("more ~p: ~p, then ~p", [More, Before, Counts]) =/= ok
        end
    end),
    {Result, #{counts => {Before, After}, memory => {Had, memory(OsPid), Peak}}}.

-spec inventory() -> #{atom() => non_neg_integer()}.
inventory() ->
    _ = [erlang:garbage_collect(Pid) || Pid <- processes()],
    Self = os_pid(self),
    #{
        atoms => erlang:system_info(atom_count),
        processes => erlang:system_info(process_count),
        ports => erlang:system_info(port_count),
        tables => erlang:system_info(ets_count),
        links => eslaver_nif:links(),
        descriptors => descriptors(Self),
        threads => threads(Self)
    }.

%% What Linux says

-spec has_proc() -> boolean().
has_proc() ->
    filelib:is_dir("/proc/self/task").

%% Of a node, or of this one.
-spec os_pid(pid() | self) -> pos_integer().
os_pid(self) -> list_to_integer(os:getpid());
os_pid(Node) -> list_to_integer(call(Node, os, getpid, [])).

-spec threads(pos_integer()) -> non_neg_integer().
threads(OsPid) ->
    length(listed(OsPid, "task")).

-spec descriptors(pos_integer()) -> non_neg_integer().
descriptors(OsPid) ->
    length(listed(OsPid, "fd")).

listed(OsPid, What) ->
    {ok, Names} = file:list_dir(proc(OsPid, What)),
    Names.

%% The most memory it ever had, in bytes.
-spec peak_memory(pos_integer()) -> non_neg_integer().
peak_memory(OsPid) ->
    status(OsPid, "VmHWM").

%% The memory it has.
-spec memory(pos_integer()) -> non_neg_integer().
memory(OsPid) ->
    status(OsPid, "VmRSS").

%% What it has now becomes its peak.
-spec forget_peak(pos_integer()) -> ok.
forget_peak(OsPid) ->
    file:write_file(proc(OsPid, "clear_refs"), "5").

status(OsPid, Field) ->
    {match, [Kilobytes]} = re:run(
        read(OsPid, "status"), Field ++ ":\\s+([0-9]+) kB", [{capture, [1], list}]
    ),
    list_to_integer(Kilobytes) * 1024.

%% In hundredths of a second.
-spec cpu_time(pos_integer()) -> non_neg_integer().
cpu_time(OsPid) ->
    [_, Behind] = string:split(read(OsPid, "stat"), ") ", trailing),
    Fields = string:lexemes(Behind, " "),
    lists:sum([list_to_integer(lists:nth(N, Fields)) || N <- [12, 13]]).

read(OsPid, What) ->
    {ok, Text} = file:read_file(proc(OsPid, What)),
    binary_to_list(Text).

proc(OsPid, What) ->
    filename:join(["/proc", integer_to_list(OsPid), What]).
