%% Writers of a test cluster, until they are stopped: many keys over all slots, each of which is
%% written by one writer, and by numbers that go up. They note what was acknowledged.
%%
%% A key is named `Kind:Writer:Number`:
%%
%% c  a counter: `INCR`
%% l  a list: `RPUSH` of the next number
%% h  a hash: `HSET` of the field `n` to the next number
%% g  a string that is deleted now and then: `SET` to the next number, or `DEL`
%% x  a string that expires: `SET` to the next number, with `PX`
%% t  two lists with one hash tag: `RPUSH` of the next number to both, within `MULTI`
%% m  two strings with one hash tag: `MSET` to the next number
%% s  a string that is written at the start, and never again
-module(eslaver_test_cluster_writers).

-export([start/2, start/3, stop/1, hold/2, count/1, keys/2, lasting/1, parse/1]).
-export_type([writers/0, options/0, note/0, kind/0]).

-define(TIMEOUT, 60_000).
-define(KINDS, [c, l, h, g, x, t, m]).
%% How long what expires lives, in ms.
-define(LIFE, {50, 500}).

-type kind() :: c | l | h | g | x | t | m | s.
%% `writers`: how many. `keys`: of each kind for each writer. `pause`: after each write, in ms.
-type options() :: #{writers => pos_integer(), keys => pos_integer(), pause => non_neg_integer()}.
%% What a writer did to a key, in order: the number, or that it was deleted; and whether that was
%% acknowledged, or the connection was lost before.
-type note() :: {pos_integer() | deleted, acknowledged | unknown}.
-opaque writers() :: #{
    pids := [pid()], acknowledged := counters:counters_ref(), options := options()
}.

%% All keys that last have been written once when it returns.
-spec start(eslaver_test_cluster:cluster(), integer()) -> writers().
start(Cluster, Seed) ->
    start(Cluster, Seed, #{}).

%% They end with the process that started them.
-spec start(eslaver_test_cluster:cluster(), integer(), options()) -> writers().
start(Cluster, Seed, Given) ->
    Options = maps:merge(#{writers => 3, keys => 40, pause => 1}, Given),
    Acknowledged = counters:new(1, []),
    Owner = self(),
    Pids = [
        spawn(fun() ->
            _ = rand:seed(exsss, {Seed, Writer, 16}),
            Client = eslaver_test_cluster_client:new(Cluster),
            State = #{
                client => Client,
                acknowledged => Acknowledged,
                notes => [],
                number => Writer,
                next => 1,
                options => Options,
                owner => erlang:monitor(process, Owner)
            },
            Filled = fill(State),
            Owner ! {self(), filled},
            loop(Filled)
        end)
     || Writer <- lists:seq(1, maps:get(writers, Options))
    ],
    _ = [
        receive
            {Pid, filled} -> ok
        after ?TIMEOUT -> error(writer_does_not_start)
        end
     || Pid <- Pids
    ],
    #{pids => Pids, acknowledged => Acknowledged, options => Options}.

%% When this returns, all that was written has been answered. What was done to each key.
-spec stop(writers()) -> #{Key :: binary() => [note()]}.
stop(#{pids := Pids}) ->
    %% The last first.
    Notes = lists:append([call(Pid, stop) || Pid <- Pids]),
    lists:foldl(
        fun({Key, Note}, Grouped) ->
            maps:update_with(Key, fun(More) -> [Note | More] end, [Note], Grouped)
        end,
        #{},
        Notes
    ).

%% Calls a function while nobody writes.
-spec hold(writers(), fun(() -> Result)) -> Result.
hold(#{pids := Pids}, Fun) ->
    Held = [{Pid, call(Pid, hold)} || Pid <- Pids],
    try
        Fun()
    after
        [Pid ! {go_on, Mark} || {Pid, Mark} <- Held]
    end.

%% How many writes were acknowledged so far.
-spec count(writers()) -> non_neg_integer().
count(#{acknowledged := Acknowledged}) ->
    counters:get(Acknowledged, 1).

%% Keys that are written all the time and are always there; those of `s` are never written again.
-spec lasting(writers()) -> [binary()].
lasting(#{options := Options}) ->
    lists:append([keys(Kind, Options) || Kind <- [c, l, h, t, m, s]]).

%% All of a kind.
-spec keys(kind(), writers() | options()) -> [binary()].
keys(Kind, #{options := Options}) ->
    keys(Kind, Options);
keys(Kind, #{writers := Writers, keys := Count}) ->
    [
        Key
     || Writer <- lists:seq(1, Writers),
        Number <- lists:seq(1, Count),
        Key <- names(Kind, Writer, Number)
    ].

names(Kind, Writer, Number) when Kind =:= t; Kind =:= m ->
    Tag = iolist_to_binary(io_lib:format("~s:~b:{~b-~b}", [Kind, Writer, Writer, Number])),
    [<<Tag/binary, ":a">>, <<Tag/binary, ":b">>];
names(Kind, Writer, Number) ->
    [iolist_to_binary(io_lib:format("~s:~b:~b", [Kind, Writer, Number]))].

%% The kind of a key, if it is one of the writers'.
-spec parse(binary()) -> kind() | other.
parse(<<Kind, ":", _/binary>>) when
    Kind =:= $c; Kind =:= $l; Kind =:= $h; Kind =:= $g; Kind =:= $x; Kind =:= $t; Kind =:= $m
->
    binary_to_existing_atom(<<Kind>>);
parse(<<"s:", _/binary>>) ->
    s;
parse(_) ->
    other.

call(Pid, Request) ->
    Ref = erlang:monitor(process, Pid),
    Pid ! {Request, self(), Ref},
    receive
        {Ref, Reply} ->
            erlang:demonitor(Ref, [flush]),
            Reply;
        {'DOWN', Ref, process, Pid, Reason} ->
            error({writer_is_gone, Reason})
    after ?TIMEOUT -> error(writer_does_not_answer)
    end.

loop(#{owner := Owner, options := Options, client := Client, notes := Notes} = State) ->
    #{pause := Pause, keys := Keys} = Options,
    receive
        {stop, From, Ref} ->
            ok = eslaver_test_cluster_client:close(Client),
            From ! {Ref, Notes};
        {hold, From, Ref} ->
            From ! {Ref, Ref},
            receive
                {go_on, Ref} -> loop(State);
                {'DOWN', Owner, process, _, _} -> ok
            end;
        {'DOWN', Owner, process, _, _} ->
            ok
    after Pause -> loop(write(any(?KINDS), rand:uniform(Keys), State))
    end.

fill(#{options := #{keys := Keys}} = State) ->
    lists:foldl(
        fun({Kind, Number}, Acc) -> write(Kind, Number, Acc) end,
        State,
        [{Kind, Number} || Kind <- [s | ?KINDS -- [x]], Number <- lists:seq(1, Keys)]
    ).

%% A number is not used again, even if nothing was written.
write(Kind, Number, #{client := Client, next := Next, number := Writer} = State) ->
    Keys = names(Kind, Writer, Number),
    What = what(Kind),
    {Result, Then} = done(Kind, What, Keys, Next, Client),
    Noted = note(Result, What, Keys, Next, State),
    Noted#{client := Then, next := Next + 1}.

what(g) ->
    case rand:uniform(4) of
        1 -> deleted;
        _ -> number
    end;
what(_) ->
    number.

done(c, _, [Key], _Next, Client) ->
    eslaver_test_cluster_client:command(Client, Key, ["INCR", Key]);
done(l, _, [Key], Next, Client) ->
    eslaver_test_cluster_client:command(Client, Key, ["RPUSH", Key, Next]);
done(h, _, [Key], Next, Client) ->
    eslaver_test_cluster_client:command(Client, Key, ["HSET", Key, "n", Next]);
done(g, deleted, [Key], _Next, Client) ->
    eslaver_test_cluster_client:command(Client, Key, ["DEL", Key]);
done(x, _, [Key], Next, Client) ->
    {Least, Most} = ?LIFE,
    Life = Least + rand:uniform(Most - Least),
    eslaver_test_cluster_client:command(Client, Key, ["SET", Key, Next, "PX", Life]);
done(t, _, [One, Other], Next, Client) ->
    Commands = [["RPUSH", One, Next], ["RPUSH", Other, Next]],
    eslaver_test_cluster_client:transaction(Client, One, Commands);
done(m, _, [One, Other], Next, Client) ->
    eslaver_test_cluster_client:command(Client, One, ["MSET", One, Next, Other, Next]);
done(_, _, [Key], Next, Client) ->
    eslaver_test_cluster_client:command(Client, Key, ["SET", Key, Next]).

note(refused, _What, _Keys, _Next, State) ->
    State;
%% There was nothing to delete.
note({ok, 0}, deleted, _Keys, _Next, State) ->
    State;
note({ok, {error, Why}}, What, Keys, _Next, _State) ->
    error({refused, What, Keys, Why});
note(Result, What, Keys, Next, #{notes := Notes, acknowledged := Acknowledged} = State) ->
    Was =
        case Result of
            {ok, _} -> acknowledged;
            unknown -> unknown
        end,
    Wrote =
        case What of
            deleted -> deleted;
            number -> Next
        end,
    _ = [ok = counters:add(Acknowledged, 1, 1) || Was =:= acknowledged],
    State#{notes := [{Key, {Wrote, Was}} || Key <- Keys] ++ Notes}.

any(List) ->
    lists:nth(rand:uniform(length(List)), List).
