%% Looks at a group of Sentinels every few milliseconds: what each of them says, and when the first
%% of them named another master. It shares no code with the product.
-module(eslaver_test_sentinel_watch).

-export([start/1, stop/1, add/3, remove/2]).
-export([views/1, elected/1, elections/1]).

-export_type([watch/0, view/0, election/0, connect/0]).

-opaque watch() :: #{process := pid(), table := ets:table()}.
-type view() :: {Epoch :: non_neg_integer(), inet:port_number()} | none.
%% `At` in ms of the monotonic clock.
-type election() :: {Epoch :: non_neg_integer(), inet:port_number(), At :: integer()}.
-type connect() :: fun(() -> eslaver_test_client:client()).

-define(TIMEOUT, 10_000).
-define(ANSWER, 500).
-define(PERIOD, 20).

%% It ends with the process that started it.
-spec start(Group :: string()) -> watch().
start(Group) ->
    Owner = self(),
    Process = spawn(fun() -> init(Owner, Group) end),
    receive
        {Process, Table} -> #{process => Process, table => Table}
    after ?TIMEOUT -> error(watch_does_not_start)
    end.

-spec stop(watch()) -> ok.
stop(#{process := Process}) ->
    Ref = erlang:monitor(process, Process),
    Process ! stop,
    receive
        {'DOWN', Ref, process, Process, _} -> ok
    after ?TIMEOUT -> error(watch_does_not_stop)
    end.

-spec add(watch(), Sentinel :: term(), connect()) -> ok.
add(#{process := Process}, Sentinel, Connect) ->
    Process ! {add, Sentinel, Connect},
    ok.

-spec remove(watch(), Sentinel :: term()) -> ok.
remove(#{process := Process}, Sentinel) ->
    Process ! {remove, Sentinel},
    ok.

%% What each Sentinel said last; `none`: it does not answer.
-spec views(watch()) -> #{Sentinel :: term() => view()}.
views(#{table := Table}) ->
    Views = ets:match(Table, {{view, '$1'}, '$2'}),
    maps:from_list([{Sentinel, View} || [Sentinel, View] <- Views]).

%% The master of the highest epoch that any of them has named.
-spec elected(watch()) -> election() | none.
elected(Watch) ->
    case elections(Watch) of
        [] -> none;
        Elections -> lists:last(Elections)
    end.

%% All of them, in order.
-spec elections(watch()) -> [election()].
elections(#{table := Table}) ->
    lists:sort([
        {Epoch, Port, At}
     || [Epoch, Port, At] <- ets:match(Table, {{election, '$1'}, '$2', '$3'})
    ]).

%% A process that owns the table, and one for each Sentinel.

init(Owner, Group) ->
    Ref = erlang:monitor(process, Owner),
    Table = ets:new(?MODULE, [public, ordered_set, {read_concurrency, true}]),
    Owner ! {self(), Table},
    loop(#{owner => Ref, group => Group, table => Table, askers => #{}}).

loop(#{owner := Owner, group := Group, table := Table, askers := Askers} = State) ->
    receive
        {add, Sentinel, Connect} ->
            Asker = spawn_link(fun() -> ask(lost, Sentinel, Connect, Group, Table) end),
            loop(State#{askers := Askers#{Sentinel => Asker}});
        {remove, Sentinel} ->
            {Asker, Others} = maps:take(Sentinel, Askers),
            unlink(Asker),
            exit(Asker, kill),
            true = ets:delete(Table, {view, Sentinel}),
            loop(State#{askers := Others});
        stop ->
            exit(shutdown);
        {'DOWN', Owner, process, _, _} ->
            exit(shutdown)
    end.

ask(Client, Sentinel, Connect, Group, Table) ->
    {View, Next} = look(Client, Connect, Group),
    _ = is_tuple(View) andalso note(View, Table),
    true = ets:insert(Table, {{view, Sentinel}, View}),
    timer:sleep(?PERIOD),
    ask(Next, Sentinel, Connect, Group, Table).

note({Epoch, Port}, Table) ->
    ets:insert_new(Table, {{election, Epoch}, Port, erlang:monotonic_time(millisecond)}).

look(lost, Connect, Group) ->
    try Connect() of
        Client -> look(Client, Connect, Group)
    catch
        error:_ -> {none, lost}
    end;
look(Client, _Connect, Group) ->
    %% `SENTINEL MASTER` goes on naming the old one while the new one is already given to clients.
    Asked = [["SENTINEL", "GET-MASTER-ADDR-BY-NAME", Group], ["SENTINEL", "MASTER", Group]],
    try eslaver_test_client:pipeline(Client, Asked, ?ANSWER) of
        [[_, Port], [_ | _] = Facts] -> {{epoch(Facts), binary_to_integer(Port)}, Client};
        [_, _] -> {none, Client}
    catch
        error:_ ->
            ok = eslaver_test_client:close(Client),
            {none, lost}
    end.

epoch([<<"config-epoch">>, Epoch | _]) -> binary_to_integer(Epoch);
epoch([_, _ | Facts]) -> epoch(Facts).
