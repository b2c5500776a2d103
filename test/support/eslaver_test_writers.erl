%% Writers, each with a connection and a count of its own, until they are stopped: SET and RPUSH of
%% the count, INCR, and transactions over several databases.
%%
%% A key begins with its database's number, as those of eslaver_test_dataset do.
-module(eslaver_test_writers).

-export([start/2, start/3, stop/1, count/1, counts/2]).

-export_type([options/0]).

-define(TIMEOUT, 30_000).

%% `writers`: how many. `pause`: after each few commands, in ms. `deletes`: whether keys go, too.
%% `dbs`: the databases that are written to. `kinds`: which steps, by the clauses of body/5.
%% `timeout`: of a master that does not answer, in ms; then a connection is made anew.
-type options() :: #{
    writers => pos_integer(),
    pause => non_neg_integer(),
    deletes => boolean(),
    dbs => [non_neg_integer()],
    kinds => [1..10],
    timeout => timeout()
}.

-spec start(pid() | inet:port_number() | fun(() -> inet:port_number()), integer()) -> [pid()].
start(Master, Seed) ->
    start(Master, Seed, #{}).

%% A fun is asked for the port whenever a connection is made, as that may be another one later. They
%% end with the process that started them.
-spec start(pid() | inet:port_number() | fun(() -> inet:port_number()), integer(), options()) ->
    [pid()].
start(Master, Seed, Options) when is_pid(Master) ->
    start(eslaver_test_master:port(Master), Seed, Options);
start(Port, Seed, Options) when is_integer(Port) ->
    start(fun() -> Port end, Seed, Options);
start(Where, Seed, Given) ->
    Owner = self(),
    Defaults = #{
        writers => 3,
        pause => 2,
        deletes => true,
        dbs => [0, 3, 9],
        kinds => lists:seq(1, 10),
        timeout => ?TIMEOUT
    },
    Options = maps:merge(Defaults, Given),
    [
        spawn(fun() ->
            _ = rand:seed(exsss, {Seed, Writer, 7}),
            Ref = erlang:monitor(process, Owner),
            run(connect(Where), Writer, 0, Options#{where => Where, owner => Ref})
        end)
     || Writer <- lists:seq(1, maps:get(writers, Options))
    ].

%% When this returns, all that was written has been answered. How many steps each took.
-spec stop([pid()]) -> [non_neg_integer()].
stop(Writers) ->
    [call(Writer, stop) || Writer <- Writers].

%% How many steps all took so far.
-spec count([pid()]) -> non_neg_integer().
count(Writers) ->
    lists:sum([call(Writer, count) || Writer <- Writers]).

%% What this writer counted up in these events, in order: the values of all its SETs.
-spec counts(pos_integer(), [term()]) -> [integer()].
counts(Writer, Events) ->
    Mark = <<":s:", (integer_to_binary(Writer))/binary, ":">>,
    [
        binary_to_integer(Value)
     || {stream, "set", [Key, Value]} <- Events, binary:match(Key, Mark) =/= nomatch
    ].

call(Writer, Request) ->
    Ref = erlang:monitor(process, Writer),
    Writer ! {Request, self(), Ref},
    receive
        {Ref, Reply} ->
            erlang:demonitor(Ref, [flush]),
            Reply;
        {'DOWN', Ref, process, Writer, Reason} ->
            error({writer_is_gone, Reason})
    after ?TIMEOUT -> error(writer_does_not_answer)
    end.

run(Client, Writer, Count, #{owner := Owner, pause := Pause} = Options) ->
    receive
        {count, From, Ref} ->
            From ! {Ref, Count},
            run(Client, Writer, Count, Options);
        {stop, From, Ref} ->
            From ! {Ref, Count};
        {'DOWN', Owner, process, _, _} ->
            ok
    after Pause ->
        Next = Count + 1,
        case write(Client, commands(Writer, Next, Options), Options) of
            ok -> run(Client, Writer, Next, Options);
            lost -> run(reconnect(Client, Options), Writer, Next, Options)
        end
    end.

write(lost, _Commands, _Options) ->
    lost;
write(Client, Commands, #{timeout := Timeout}) ->
    try eslaver_test_client:pipeline(Client, Commands, Timeout) of
        Replies ->
            case [Error || {error, Error} <- Replies] of
                [] -> ok;
                _ -> lost
            end
    catch
        error:_ -> lost
    end.

reconnect(Client, #{where := Where}) ->
    _ = is_port(Client) andalso eslaver_test_client:close(Client),
    timer:sleep(20),
    connect(Where).

connect(Where) ->
    try
        eslaver_test_client:connect(Where())
    catch
        error:_ -> lost
    end.

commands(Writer, Count, #{dbs := Dbs, kinds := Kinds} = Options) ->
    Db = any(Dbs),
    [["SELECT", Db] | body(any(Kinds), Db, Writer, Count, Options)].

%% Every step has a SET of the count, so that none can be missed.
body(1, Db, Writer, Count, #{dbs := Dbs}) ->
    Other = any(Dbs),
    [
        ["MULTI"],
        set(Db, Writer, Count),
        ["INCR", key(Db, "c", Writer)],
        ["SELECT", Other],
        ["RPUSH", key(Other, "l", Writer), Count, "in a transaction"],
        ["INCR", key(Other, "c", Writer)],
        ["EXEC"]
    ];
body(2, Db, Writer, Count, _Options) ->
    Many = [["INCR", key(Db, "c", Writer)] || _ <- lists:seq(1, 30)],
    [["MULTI"], set(Db, Writer, Count)] ++ Many ++ [["EXEC"]];
body(3, Db, Writer, Count, _Options) ->
    [set(Db, Writer, Count), ["SET", key(Db, "big", Writer), long(Count)]];
body(4, Db, Writer, Count, #{deletes := true}) ->
    [set(Db, Writer, Count), ["DEL", key(Db, "l", Writer)]];
body(_, Db, Writer, Count, _Options) ->
    [
        set(Db, Writer, Count),
        ["INCR", key(Db, "c", Writer)],
        ["RPUSH", key(Db, "l", Writer), Count]
    ].

set(Db, Writer, Count) ->
    ["SET", [key(Db, "s", Writer), $:, integer_to_list(Count rem 20)], Count].

key(Db, Kind, Writer) ->
    [integer_to_list(Db), $:, Kind, $:, integer_to_list(Writer)].

long(Count) ->
    binary:copy(<<Count:32, "0123456789">>, rand:uniform(500)).

any(List) ->
    lists:nth(rand:uniform(length(List)), List).
