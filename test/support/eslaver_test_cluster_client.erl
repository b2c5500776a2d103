%% A client of a cluster, which follows its slots and its failovers. A value, used by one process.
-module(eslaver_test_cluster_client).

-export([new/1, close/1, command/3, transaction/3]).
-export_type([client/0, result/0]).

-opaque client() :: #{
    %% Where to ask first.
    seeds := fun(() -> [inet:port_number()]),
    sockets := #{inet:port_number() => eslaver_test_client:client()},
    owners := #{0..16383 => inet:port_number()}
}.
%% `refused`: nothing was done in time. `unknown`: the connection was lost before an answer came.
-type result() :: {ok, eslaver_test_client:reply()} | refused | unknown.

%% Of a node, which may be paused; and of the cluster, which may be failing over.
-define(ANSWER, 3000).
-define(PATIENCE, 10_000).

-spec new(eslaver_test_cluster:cluster()) -> client().
new(Cluster) ->
    Seeds = fun() -> [Port || {_, Port} <- eslaver_test_cluster:seeds(Cluster)] end,
    #{seeds => Seeds, sockets => #{}, owners => #{}}.

-spec close(client()) -> ok.
close(#{sockets := Sockets}) ->
    _ = [ok = eslaver_test_client:close(Socket) || Socket <- maps:values(Sockets)],
    ok.

%% A command for the slot of this key.
-spec command(client(), Key :: binary(), [term()]) -> {result(), client()}.
command(Client, Key, Command) ->
    follow(Client, eslaver_test_cluster:slot(Key), {one, Command}, deadline()).

%% All of them within `MULTI` and `EXEC`; the reply is that of `EXEC`.
-spec transaction(client(), Key :: binary(), [[term()]]) -> {result(), client()}.
transaction(Client, Key, Commands) ->
    Slot = eslaver_test_cluster:slot(Key),
    follow(Client, Slot, {all, [["MULTI"]] ++ Commands ++ [["EXEC"]]}, deadline()).

deadline() ->
    now_ms() + ?PATIENCE.

now_ms() ->
    erlang:monotonic_time(millisecond).

follow(#{seeds := Seeds, owners := Owners} = Client, Slot, Work, Deadline) ->
    case now_ms() < Deadline of
        true ->
            Port =
                case Owners of
                    #{Slot := Owner} -> Owner;
                    #{} -> any(Seeds())
                end,
            asked(ask(Client, Port, commands(Work)), Port, Slot, Work, Deadline);
        false ->
            {refused, Client}
    end.

commands({one, Command}) -> [Command];
commands({all, Commands}) -> Commands.

asked({{replies, Replies}, Client}, Port, Slot, Work, Deadline) ->
    case redirection(Replies) of
        none ->
            {{ok, lists:last(Replies)}, known(Client, Slot, Port)};
        {moved, Owner} ->
            follow(known(Client, Slot, Owner), Slot, Work, Deadline);
        {ask, Other} ->
            at_other(Client, Other, Slot, Work, Deadline);
        later ->
            later(Client, Slot, Work, Deadline);
        elsewhere ->
            later(forget(Client, Port), Slot, Work, Deadline)
    end;
asked({down, Client}, Port, Slot, Work, Deadline) ->
    later(forget(Client, Port), Slot, Work, Deadline);
asked({lost, Client}, Port, _Slot, _Work, _Deadline) ->
    {unknown, forget(Client, Port)}.

%% A transaction cannot be asked for: it waits until the slot has moved.
at_other(Client, _Other, Slot, {all, _} = Work, Deadline) ->
    later(Client, Slot, Work, Deadline);
at_other(Client, Other, Slot, {one, Command} = Work, Deadline) ->
    case ask(Client, Other, [["ASKING"], Command]) of
        {{replies, [<<"OK">>, Reply]}, Next} ->
            case redirection([Reply]) of
                none -> {{ok, Reply}, Next};
                _ -> later(Next, Slot, Work, Deadline)
            end;
        {{replies, _}, Next} ->
            later(forget(Next, Other), Slot, Work, Deadline);
        {down, Next} ->
            later(forget(Next, Other), Slot, Work, Deadline);
        {lost, Next} ->
            {unknown, forget(Next, Other)}
    end.

later(Client, Slot, Work, Deadline) ->
    timer:sleep(5),
    follow(Client, Slot, Work, Deadline).

%% What any of them says about another place; then nothing was done.
redirection(Replies) ->
    case [Ways || {error, Text} <- Replies, Ways <- [way(Text)], Ways =/= none] of
        [] -> none;
        [First | _] -> First
    end.

way(<<"MOVED ", Rest/binary>>) -> {moved, place(Rest)};
way(<<"ASK ", Rest/binary>>) -> {ask, place(Rest)};
way(<<"TRYAGAIN", _/binary>>) -> later;
way(<<"LOADING", _/binary>>) -> elsewhere;
way(<<"CLUSTERDOWN", _/binary>>) -> elsewhere;
way(<<"MASTERDOWN", _/binary>>) -> elsewhere;
way(<<"READONLY", _/binary>>) -> elsewhere;
way(_) -> none.

place(Text) ->
    [_Slot, Address] = binary:split(Text, <<" ">>),
    binary_to_integer(lists:last(binary:split(Address, <<":">>, [global]))).

known(#{owners := Owners} = Client, Slot, Port) ->
    Client#{owners := Owners#{Slot => Port}}.

%% Its connection, and what it owned.
forget(#{sockets := Sockets, owners := Owners} = Client, Port) ->
    case Sockets of
        #{Port := Socket} -> eslaver_test_client:close(Socket);
        #{} -> ok
    end,
    Client#{
        sockets := maps:remove(Port, Sockets),
        owners := maps:filter(fun(_, Owner) -> Owner =/= Port end, Owners)
    }.

%% `down`: nothing was sent. `lost`: something may have been done.
ask(Client, Port, Commands) ->
    case connected(Client, Port) of
        {ok, Socket, Next} ->
            try eslaver_test_client:pipeline(Socket, Commands, ?ANSWER) of
                Replies -> {{replies, Replies}, Next}
            catch
                error:_ -> {lost, Next}
            end;
        down ->
            {down, Client}
    end.

connected(#{sockets := Sockets} = Client, Port) ->
    case Sockets of
        #{Port := Socket} ->
            {ok, Socket, Client};
        #{} ->
            try eslaver_test_client:connect(Port) of
                Socket -> {ok, Socket, Client#{sockets := Sockets#{Port => Socket}}}
            catch
                error:_ -> down
            end
    end.

any(List) ->
    lists:nth(rand:uniform(length(List)), List).
