%% A handler, one for each shard, that keeps full events as they are handled, of all shards in one
%% order: in a table, or in files, which outlive their node.
-module(eslaver_test_cluster_handler).
-behaviour(eslaver_handler).

-export([init/1, init/2, handle_event/2]).
-export([read/1]).
-export_type([args/0, entry/0]).

%% `table`: a public ordered_set. While it has the key `stuck`, events wait.
%% `dir`: of files.
-type args() :: #{table := ets:table()} | #{dir := file:filename()}.
%% In the order of time, over shards and over nodes.
-type entry() :: {{Nanoseconds :: integer(), Unique :: integer()}, eslaver:event()}.

-define(STEP, 20).

-spec init(args()) -> {ok, map()}.
init(#{table := _} = Args) ->
    {ok, Args};
init(#{dir := Dir}) ->
    Name = io_lib:format("~s-~b", [os:getpid(), erlang:unique_integer([positive])]),
    {ok, File} = file:open(filename:join(Dir, Name), [append, raw, binary]),
    {ok, #{file => File}}.

-spec init(args(), map()) -> {ok, map()}.
init(Args, _Context) ->
    init(Args).

-spec handle_event(eslaver:event(), map()) -> {ok, map()}.
handle_event(Event, #{table := Table} = State) ->
    ok = wait(Table),
    true = ets:insert(Table, {order(), Event}),
    {ok, State};
handle_event(Event, #{file := File} = State) ->
    Bytes = term_to_binary({order(), Event}),
    ok = file:write(File, [<<(byte_size(Bytes)):32>>, Bytes]),
    {ok, State}.

order() ->
    {erlang:system_time(nanosecond), erlang:unique_integer([monotonic])}.

wait(Table) ->
    case ets:member(Table, stuck) of
        true ->
            timer:sleep(?STEP),
            wait(Table);
        false ->
            ok
    end.

%% All that was kept, in order; of a file, except what was cut short.
-spec read(args()) -> [entry()].
read(#{table := Table}) ->
    [Entry || {{_, _}, _} = Entry <- ets:tab2list(Table)];
read(#{dir := Dir}) ->
    Files = filelib:wildcard(filename:join(Dir, "*-*")),
    lists:sort(lists:append([entries(File) || File <- Files])).

entries(File) ->
    {ok, Bytes} = file:read_file(File),
    split(Bytes).

split(<<Size:32, Bytes:Size/binary, Rest/binary>>) -> [binary_to_term(Bytes) | split(Rest)];
split(_) -> [].
