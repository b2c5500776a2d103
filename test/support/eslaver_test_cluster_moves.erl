%% Slots of a test cluster that move from master to master: key by key (classic), or all at once
%% (atomic). A move can be left half-done, and then be ended or taken back.
-module(eslaver_test_cluster_moves).

-export([move/5, move/6, begin_move/6, finish/1, cancel/1, cancel_too_late/5, known_to_all/1]).
-export_type([move/0, way/0, options/0]).

-type way() :: classic | atomic.
%% `pause`: at most this long, in ms, from step to step; the caller's random numbers say how long.
%% `part`: how much of the keys, in percent, a classic move that begins takes at once.
%% `slow`: microseconds for each key of an atomic move, so that it lasts.
%% `hold`: calls a function while nobody writes. A move that is taken back needs it: of a classic
%% one, the source takes keys back only when it does not send clients to the target any more; of
%% Valkey's atomic one, the source may write to slots that the target has just taken.
-type options() :: #{
    pause => non_neg_integer(),
    part => 0..100,
    slow => non_neg_integer(),
    hold => fun((fun(() -> Result)) -> Result)
}.
-opaque move() :: #{
    cluster := eslaver_test_cluster:cluster(),
    slots := [eslaver_test_cluster_nodes:range()],
    from := eslaver_test_cluster:node_(),
    to := eslaver_test_cluster:node_(),
    way := way(),
    options := options(),
    %% Of an atomic move, as its server names it.
    task => binary()
}.

%% Keys that one MIGRATE takes.
-define(KEYS, 5).
-define(TRIES, 10).
%% In ms.
-define(ARRIVES, 50).
-define(ANSWER, 5000).

-spec move(
    eslaver_test_cluster:cluster(),
    [eslaver_test_cluster_nodes:range()],
    From :: eslaver_test_cluster:node_(),
    To :: eslaver_test_cluster:node_(),
    way()
) -> ok.
move(Cluster, Slots, From, To, Way) ->
    move(Cluster, Slots, From, To, Way, #{}).

%% When it returns, both masters say that the slots have moved.
-spec move(
    eslaver_test_cluster:cluster(),
    [eslaver_test_cluster_nodes:range()],
    From :: eslaver_test_cluster:node_(),
    To :: eslaver_test_cluster:node_(),
    way(),
    options()
) -> ok.
move(Cluster, Slots, From, To, classic, Options) ->
    [First | Rest] = [{Slot, Slot} || Slot <- eslaver_test_cluster_nodes:numbers(Slots)],
    Move = begin_move(Cluster, [First], From, To, classic, Options#{part => 0}),
    completed = finish_classic(Move),
    lists:foreach(
        fun(Slot) -> completed = finish_classic(begin_classic(Move#{slots := [Slot]})) end, Rest
    );
move(Cluster, Slots, From, To, atomic, Options) ->
    atomic(Cluster, Slots, From, To, Options, ?TRIES).

%% Servers give a move up when they are too slow.
atomic(Cluster, Slots, From, To, Options, Tries) ->
    case finish(begin_move(Cluster, Slots, From, To, atomic, Options)) of
        completed ->
            ok;
        Failed when Tries > 1 ->
            ct:log("a move ~p: ~p", [Slots, Failed]),
            atomic(Cluster, Slots, From, To, Options, Tries - 1)
    end.

-spec begin_move(
    eslaver_test_cluster:cluster(),
    [eslaver_test_cluster_nodes:range()],
    From :: eslaver_test_cluster:node_(),
    To :: eslaver_test_cluster:node_(),
    way(),
    options()
) -> move().
begin_move(Cluster, Slots, From, To, Way, Options) ->
    Move = #{
        cluster => Cluster,
        slots => Slots,
        from => From,
        to => To,
        way => Way,
        options => Options
    },
    ok = known_to_all(Cluster),
    case Way of
        classic -> begin_classic(Move);
        atomic -> begin_atomic(Move)
    end.

%% All nodes must have heard of earlier moves. A target that does not know the highest epoch takes
%% none of its own, and a replica that remembers an earlier owner, and learns of its new epoch,
%% takes the slots from the present one.
-spec known_to_all(eslaver_test_cluster:cluster()) -> ok.
known_to_all(Cluster) ->
    true = eslaver_test_cluster:await(fun() ->
        Texts = [
            eslaver_test_cluster:try_ask(Node, ["CLUSTER", "NODES"])
         || Node <- eslaver_test_cluster:alive(Cluster)
        ],
        Views = [claims(eslaver_test_cluster_nodes:parse(Text)) || Text <- Texts, is_binary(Text)],
        length(lists:usort(Views)) =:= 1
    end),
    ok.

claims(View) ->
    lists:sort([
        {Id, Epoch, Slots}
     || #{id := Id, epoch := Epoch, slots := [_ | _] = Slots} <- View
    ]).

%% What has become of it.
-spec finish(move()) -> completed | failed | canceled.
finish(#{way := classic} = Move) -> finish_classic(Move);
finish(#{way := atomic} = Move) -> awaited(Move).

%% An atomic move may be over before it is canceled.
-spec cancel(move()) -> completed | failed | canceled.
cancel(#{way := classic} = Move) -> cancel_classic(Move);
cancel(#{way := atomic} = Move) -> cancel_atomic(Move).

%% Key by key

begin_classic(#{from := From, to := To, slots := Slots, options := Options} = Move) ->
    with(From, To, fun(Source, Target) ->
        lists:foreach(
            fun(Slot) ->
                ok = set_slot(Target, Slot, ["IMPORTING", id(from, Move)]),
                ok = pause(Options),
                ok = set_slot(Source, Slot, ["MIGRATING", id(to, Move)]),
                ok = pause(Options),
                Count = eslaver_test_client:ok(Source, ["CLUSTER", "COUNTKEYSINSLOT", Slot]),
                Part = Count * maps:get(part, Options, 50) div 100,
                ok = migrate(Source, port(to, Move), Slot, Part, Options)
            end,
            eslaver_test_cluster_nodes:numbers(Slots)
        )
    end),
    Move.

%% First the target is told, so that the slot has an owner all the time.
finish_classic(#{cluster := Cluster, from := From, to := To} = Move) ->
    #{slots := Slots, options := Options} = Move,
    Others = eslaver_test_cluster:masters(Cluster) -- [From, To],
    with(From, To, fun(Source, Target) ->
        lists:foreach(
            fun(Slot) ->
                ok = migrate(Source, port(to, Move), Slot, all, Options),
                Node = ["NODE", id(to, Move)],
                ok = set_slot(Target, Slot, Node),
                ok = pause(Options),
                ok = give_away(Source, Slot, Node),
                %% The others would hear of it a little later.
                _ = [
                    eslaver_test_cluster:try_ask(Other, ["CLUSTER", "SETSLOT", Slot | Node])
                 || Other <- Others
                ]
            end,
            eslaver_test_cluster_nodes:numbers(Slots)
        )
    end),
    completed.

%% With its last slot gone, the source is no master any more, maybe before it is told.
give_away(Source, Slot, Node) ->
    case eslaver_test_client:command(Source, ["CLUSTER", "SETSLOT", Slot | Node]) of
        <<"OK">> -> ok;
        {error, <<"ERR Please use SETSLOT only with masters", _/binary>>} -> ok;
        {error, <<"UNBLOCKED", _/binary>>} -> ok;
        {error, <<"NOREPLICAS", _/binary>>} -> give_away(Source, Slot, Node)
    end.

cancel_classic(#{from := From, to := To, slots := Slots, options := Options} = Move) ->
    with(From, To, fun(Source, Target) ->
        lists:foreach(
            fun(Slot) ->
                ok = held(Options, fun() ->
                    ok = set_slot(Source, Slot, ["STABLE"]),
                    migrate(Target, port(from, Move), Slot, all, Options)
                end),
                ok = set_slot(Target, Slot, ["STABLE"])
            end,
            eslaver_test_cluster_nodes:numbers(Slots)
        )
    end),
    canceled.

held(#{hold := Hold}, Fun) -> Hold(Fun);
held(_Options, Fun) -> Fun().

%% This number of keys, or all that there are.
migrate(_Source, _Port, _Slot, Count, _Options) when is_integer(Count), Count =< 0 ->
    ok;
migrate(Source, Port, Slot, Count, Options) ->
    Some =
        case Count of
            all -> ?KEYS;
            _ -> min(?KEYS, Count)
        end,
    case eslaver_test_client:ok(Source, ["CLUSTER", "GETKEYSINSLOT", Slot, Some]) of
        [] ->
            ok;
        Keys ->
            Command = ["MIGRATE", "127.0.0.1", Port, "", 0, 5000, "KEYS" | Keys],
            %% Those that are gone meanwhile are no keys any more.
            Reply = eslaver_test_client:ok(Source, Command),
            true = lists:member(Reply, [<<"OK">>, <<"NOKEY">>]),
            ok = pause(Options),
            migrate(Source, Port, Slot, less(Count, length(Keys)), Options)
    end.

less(all, _) -> all;
less(Count, Done) -> Count - Done.

%% Newer servers wait for their replicas, and a key may come as the last one goes.
set_slot(Client, Slot, What) ->
    set_slot(Client, Slot, What, ?TRIES).

set_slot(Client, Slot, What, Tries) ->
    case eslaver_test_client:command(Client, ["CLUSTER", "SETSLOT", Slot | What]) of
        <<"OK">> ->
            ok;
        {error, <<"NOREPLICAS", _/binary>>} when Tries > 1 ->
            set_slot(Client, Slot, What, Tries - 1);
        {error, Why} ->
            error({set_slot, Slot, What, Why})
    end.

%% All at once

begin_atomic(#{from := From, to := To, slots := Slots, options := Options} = Move) ->
    _ = [
        eslaver_test_cluster:ask(From, ["CONFIG", "SET", "rdb-key-save-delay", Slow])
     || #{slow := Slow} <- [Options]
    ],
    Ranges = lists:append([[First, Last] || {First, Last} <- Slots]),
    case family(Move) of
        redis ->
            Task = started(To, ["CLUSTER", "MIGRATION", "IMPORT" | Ranges]),
            Move#{task => Task};
        valkey ->
            Before = names(From),
            <<"OK">> = started(
                From,
                ["CLUSTER", "MIGRATESLOTS", "SLOTSRANGE"] ++ Ranges ++ ["NODE", id(to, Move)]
            ),
            [Task] = names(From) -- Before,
            Move#{task => Task}
    end.

%% A server may not have cleaned up after an earlier move.
started(Node, Command) ->
    eslaver_test_wait:until(fun() ->
        case eslaver_test_cluster:try_ask(Node, Command) of
            {error, Why} -> ct:log("~p: ~p", [Command, Why]) =/= ok;
            Reply -> Reply
        end
    end).

names(Node) ->
    [Name || #{<<"name">> := Name} <- jobs(Node)].

jobs(Node) ->
    [facts(Job) || Job <- eslaver_test_cluster:ask(Node, ["CLUSTER", "GETSLOTMIGRATIONS"])].

facts([Key, Value | Rest]) -> (facts(Rest))#{Key => Value};
facts([]) -> #{}.

%% The servers that run say what became of it.
awaited(Move) ->
    Outcome = eslaver_test_cluster:await(fun() ->
        case state(Move) of
            unknown -> taken(Move);
            State -> outcome(family(Move), State)
        end
    end),
    ended(Outcome, Move).

%% A source that has lost its last slot may be a replica by now, which knows nothing of the move.
taken(#{to := To, slots := Slots} = Move) ->
    case owns(To, id(to, Move), Slots) of
        true -> completed;
        false -> false
    end.

ended(Outcome, #{from := From, to := To, slots := Slots, options := Options} = Move) ->
    _ = [
        eslaver_test_cluster:try_ask(From, ["CONFIG", "SET", "rdb-key-save-delay", 0])
     || #{slow := _} <- [Options]
    ],
    _ = [
        true = eslaver_test_cluster:await(fun() ->
            lists:all(fun(Node) -> owns(Node, id(to, Move), Slots) end, [From, To])
        end)
     || Outcome =:= completed
    ],
    Outcome.

state(#{task := Task, from := From, to := To} = Move) ->
    case family(Move) of
        redis ->
            Command = ["CLUSTER", "MIGRATION", "STATUS", "ID", Task],
            [Status] = eslaver_test_cluster:ask(To, Command),
            maps:get(<<"state">>, facts(Status));
        valkey ->
            state(Move, From)
    end.

%% As one of both says that has heard of it.
state(#{task := Task}, Node) ->
    case [State || #{<<"name">> := Name, <<"state">> := State} <- jobs(Node), Name =:= Task] of
        [State] -> State;
        [] -> unknown
    end.

outcome(_, <<"completed">>) -> completed;
outcome(_, <<"success">>) -> completed;
outcome(_, <<"canceled">>) -> canceled;
outcome(_, <<"cancelled">>) -> canceled;
%% Redis tries again by itself.
outcome(valkey, <<"failed">>) -> failed;
outcome(_, _) -> false.

owns(Node, Id, Slots) ->
    View = eslaver_test_cluster:view(Node),
    [Owned] = [Ranges || #{id := Of, slots := Ranges} <- View, Of =:= Id],
    lists:all(
        fun(Slot) -> eslaver_test_cluster_nodes:in(Slot, Owned) end,
        eslaver_test_cluster_nodes:numbers(Slots)
    ).

cancel_atomic(#{to := To, task := Task, options := Options} = Move) ->
    case family(Move) of
        redis ->
            _ = eslaver_test_cluster:ask(To, ["CLUSTER", "MIGRATION", "CANCEL", "ID", Task]),
            awaited(Move);
        valkey ->
            held(Options, fun() -> cancel_at_source(Move) end)
    end.

%% The source cancels a move also if it has let the target take the slots: whether it took them, the
%% target says.
cancel_at_source(#{from := From, to := To} = Move) ->
    _ = eslaver_test_cluster:try_ask(From, ["CLUSTER", "CANCELSLOTMIGRATIONS"]),
    Canceled = eslaver_test_cluster:await(fun() -> outcome(valkey, state(Move)) end),
    Took = eslaver_test_cluster:await(fun() ->
        case state(Move, To) of
            unknown -> failed;
            State -> outcome(valkey, State)
        end
    end),
    case Took of
        completed -> ended(completed, Move);
        _ -> ended(Canceled, Move)
    end.

%% An atomic move of Valkey that its source cancels after it has let the target take the slots, and
%% before it hears that the target has: what it writes between, to this key, is lost.
-spec cancel_too_late(
    eslaver_test_cluster:cluster(),
    [eslaver_test_cluster_nodes:range()],
    From :: eslaver_test_cluster:node_(),
    To :: eslaver_test_cluster:node_(),
    Key :: binary()
) -> ok.
cancel_too_late(Cluster, Slots, From, To, Key) ->
    Prevent = ["DEBUG", "SLOTMIGRATION", "PREVENT-FAILOVER"],
    <<"OK">> = eslaver_test_cluster:ask(To, Prevent ++ [1]),
    Move = begin_move(Cluster, Slots, From, To, atomic, #{}),
    true = eslaver_test_cluster:await(fun() -> state(Move) =:= <<"failover-granted">> end),
    Clients = [Cancels, Writes] = [accepted(From) || _ <- [1, 2]],
    ok = eslaver_test_master:pause(From),
    ok = eslaver_test_client:send(Cancels, ["CLUSTER", "CANCELSLOTMIGRATIONS"]),
    ok = timer:sleep(?ARRIVES),
    ok = eslaver_test_client:send(Writes, ["SET", Key, "lost"]),
    ok = timer:sleep(?ARRIVES),
    <<"OK">> = eslaver_test_cluster:ask(To, Prevent ++ [0]),
    true = eslaver_test_cluster:await(fun() -> owns(To, id(to, Move), Slots) end),
    ok = eslaver_test_master:continue(From),
    Replies = [eslaver_test_client:reply(Client, ?ANSWER) || Client <- Clients],
    _ = [ok = eslaver_test_client:close(Client) || Client <- Clients],
    completed = ended(completed, Move),
    case Replies of
        [<<"OK">>, <<"OK">>] ->
            ok;
        [_, {error, <<"MOVED", _/binary>>}] ->
            %% it read what came last first
            ok = move(Cluster, Slots, To, From, atomic),
            cancel_too_late(Cluster, Slots, From, To, Key)
    end.

%% A client whose commands the server reads as they come.
accepted(Node) ->
    Client = eslaver_test_client:connect(Node),
    <<"PONG">> = eslaver_test_client:ok(Client, ["PING"]),
    Client.

family(#{cluster := Cluster}) ->
    #{server := Server} = eslaver_test_cluster:options(Cluster),
    eslaver_test_servers:family(Server).

id(Which, #{cluster := Cluster} = Move) ->
    eslaver_test_cluster:id(Cluster, maps:get(Which, Move)).

port(Which, #{cluster := Cluster} = Move) ->
    eslaver_test_cluster:port(Cluster, maps:get(Which, Move)).

with(From, To, Fun) ->
    Source = eslaver_test_client:connect(From),
    Target = eslaver_test_client:connect(To),
    ok = Fun(Source, Target),
    _ = [ok = eslaver_test_client:close(Client) || Client <- [Source, Target]],
    ok.

pause(#{pause := Most}) when Most > 0 ->
    timer:sleep(rand:uniform(Most + 1) - 1);
pause(_Options) ->
    ok.
