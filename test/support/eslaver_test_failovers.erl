%% A model of servers that fail over, for tests without any: what each has, and what it says of its
%% history, as servers since Redis 4 do. A server replicates from another, is promoted, restarts
%% from a file or empty, and loses what only it had.
-module(eslaver_test_failovers).

-export([new/1, names/1, step/2, has/2, said/2, psync/3, longest/2]).
-export_type([servers/0, name/0, write/0]).

-type name() :: pos_integer().
-type write() :: pos_integer().
%% Each write of any server is another one.

-record(server, {
    master = none :: none | name(),
    log = [] :: [write()],
    replid :: binary(),
    replid2 = undefined :: undefined | binary(),
    second_offset = undefined :: undefined | pos_integer(),
    %% What a restart loads, and the id that goes with it.
    saved = empty :: empty | {binary(), [write()]}
}).

-opaque servers() :: #{name() => #server{}}.

%% This number of servers, all replicas of the first.
-spec new(pos_integer()) -> servers().
new(Count) ->
    First = #server{replid = id()},
    Others = maps:from_list([
        {Name, follow(1, #server{replid = id()})}
     || Name <- lists:seq(2, Count)
    ]),
    Others#{1 => First}.

-spec names(servers()) -> [name()].
names(Servers) -> lists:sort(maps:keys(Servers)).

%% Something happens to this server.
-spec step(name(), servers()) -> servers().
step(Name, Servers) ->
    #{Name := #server{master = Master} = Server} = Servers,
    Can =
        case Master of
            none -> [write, write, write, save, restart, {follow, any(names(Servers) -- [Name])}];
            _ -> [replicate, replicate, replicate, save, promote, {follow, any(names(Servers))}]
        end,
    Servers#{Name := changed(any(Can), Server, Servers)}.

changed(write, #server{log = Log} = Server, _Servers) ->
    Server#server{log = Log ++ [erlang:unique_integer([positive])]};
changed(save, #server{replid = Replid, log = Log} = Server, _Servers) ->
    Server#server{saved = {Replid, Log}};
changed(restart, #server{saved = empty}, _Servers) ->
    #server{replid = id()};
changed(restart, #server{saved = {Replid, Log} = Saved}, _Servers) ->
    begun(Log, Replid, #server{replid = id(), saved = Saved});
changed(promote, #server{replid = Replid, log = Log} = Server, _Servers) ->
    begun(Log, Replid, Server#server{replid = id(), master = none});
changed({follow, Name}, Server, _Servers) ->
    follow(Name, Server);
changed(replicate, #server{master = Name} = Server, Servers) ->
    #{Name := #server{replid = Replid}} = Servers,
    replicated(psync(place(Server), Name, Servers), Replid, Server).

begun(Log, From, Server) ->
    Server#server{log = Log, replid2 = From, second_offset = length(Log) + 1}.

follow(Name, Server) -> Server#server{master = Name}.

place(#server{replid = Replid, log = Log}) -> {Replid, length(Log)}.

replicated({full, Log}, Replid, Server) ->
    Server#server{log = Log, replid = Replid, replid2 = undefined, second_offset = undefined};
replicated({partial, More}, Replid, #server{replid = Replid, log = Log} = Server) ->
    Server#server{log = Log ++ some(More)};
replicated({partial, More}, Replid, #server{replid = Old, log = Log} = Server) ->
    (begun(Log, Old, Server))#server{replid = Replid, log = Log ++ some(More)}.

some(List) -> lists:sublist(List, rand:uniform(length(List) + 1) - 1).

any(List) -> lists:nth(rand:uniform(length(List)), List).

%% What a replica at a place gets.
-spec psync({binary(), non_neg_integer()}, name(), servers()) ->
    {full, [write()]} | {partial, [write()]}.
psync({Replid, Offset}, Name, Servers) ->
    #{Name := #server{log = Log, replid2 = Second, second_offset = At} = Server} = Servers,
    Knows =
        case Server of
            #server{replid = Replid} -> Offset =< length(Log);
            #server{} when Second =:= Replid -> Offset < At;
            #server{} -> false
        end,
    case Knows of
        true -> {partial, lists:nthtail(Offset, Log)};
        false -> {full, Log}
    end.

%% The id of the server's history, and the writes that it has.
-spec has(name(), servers()) -> {binary(), [write()]}.
has(Name, Servers) ->
    #{Name := #server{replid = Replid, log = Log}} = Servers,
    {Replid, Log}.

%% What a server tells of itself.
-spec said(name(), servers()) -> eslaver_source:peer().
said(Name, Servers) ->
    #{Name := #server{master = Master, replid = Replid, replid2 = Second} = Server} = Servers,
    #{
        role =>
            case Master of
                none -> master;
                _ -> replica
            end,
        replid => Replid,
        replid2 => Second,
        offset => length(Server#server.log),
        second_offset => Server#server.second_offset
    }.

%% The most that any server has of a history.
-spec longest(binary(), servers()) -> [write()].
longest(Replid, Servers) ->
    Logs = [
        {length(Log), Log}
     || #server{replid = R, log = Log} <- maps:values(Servers), R =:= Replid
    ],
    {_, Log} = lists:max([{0, []} | Logs]),
    Log.

id() ->
    iolist_to_binary(io_lib:format("~40.16.0b", [erlang:unique_integer([positive])])).
