%% Readers of a mirror of a test cluster, all the while: keys that are always there are never
%% missing and never twice, and what is counted up never goes back.
-module(eslaver_test_cluster_readers).

-export([start/3, report/1, stop/1]).
-export_type([readers/0, report/0]).

-opaque readers() :: [pid()].
%% `losses`: a failover of this cluster may take something back, also keys that have just moved.
-type options() :: #{losses => eslaver_test_cluster:cluster(), readers => pos_integer()}.
-type report() :: #{reads := pos_integer(), wrong := [term()]}.

-define(TIMEOUT, 60_000).
%% After a few reads, in ms: the servers need the processors, too.
-define(PAUSE, 1).
%% Of each kind of what is wrong, this number is kept.
-define(KEPT, 5).

%% The mirror has loaded what the writers begin with. They end with the process that started them.
-spec start(Mirror :: atom(), eslaver_test_cluster_writers:writers(), options()) -> readers().
start(Mirror, Writers, Options) ->
    Owner = self(),
    Lasting = eslaver_test_cluster_writers:lasting(Writers),
    Passing = lists:append([eslaver_test_cluster_writers:keys(K, Writers) || K <- [g, x]]),
    [
        spawn(fun() ->
            loop(#{
                owner => erlang:monitor(process, Owner),
                mirror => Mirror,
                lasting => Lasting,
                keys => list_to_tuple(Lasting ++ Passing),
                client =>
                    case Options of
                        #{losses := Cluster} -> eslaver_test_cluster_client:new(Cluster);
                        #{} -> none
                    end,
                seen => #{},
                reads => 0,
                wrong => []
            })
        end)
     || _ <- lists:seq(1, maps:get(readers, Options, 2))
    ].

%% What they have seen.
-spec stop(readers()) -> report().
stop(Readers) -> reported(stop, Readers).

%% What they have seen so far.
-spec report(readers()) -> report().
report(Readers) -> reported(report, Readers).

reported(Request, Readers) ->
    Reports = [call(Request, Reader) || Reader <- Readers],
    #{
        reads => lists:sum([Reads || #{reads := Reads} <- Reports]),
        wrong => lists:append([Wrong || #{wrong := Wrong} <- Reports])
    }.

call(Request, Reader) ->
    Ref = erlang:monitor(process, Reader),
    Reader ! {Request, self(), Ref},
    receive
        {Ref, Report} ->
            erlang:demonitor(Ref, [flush]),
            Report;
        {'DOWN', Ref, process, Reader, Reason} ->
            error({reader_is_gone, Reason})
    after ?TIMEOUT -> error(reader_does_not_answer)
    end.

loop(#{owner := Owner, reads := Reads, wrong := Wrong} = State) ->
    Report = #{reads => Reads, wrong => lists:reverse(Wrong)},
    receive
        {report, From, Ref} ->
            From ! {Ref, Report},
            loop(State);
        {stop, From, Ref} ->
            From ! {Ref, Report};
        {'DOWN', Owner, process, _, _} ->
            ok
    after ?PAUSE -> loop(look(rand:uniform(100), State))
    end.

%% Most look at some keys, a few at all.
look(1, State) -> all(keys, State);
look(2, State) -> all(scan, State);
look(3, State) -> count(State);
look(_, State) -> lists:foldl(fun(_, Acc) -> one(Acc) end, State, lists:seq(1, 10)).

one(#{keys := Keys, mirror := Mirror} = State) ->
    Key = element(rand:uniform(tuple_size(Keys)), Keys),
    Kind = eslaver_test_cluster_writers:parse(Key),
    judged(Kind, Key, read(Kind, Mirror, Key), State#{reads := maps:get(reads, State) + 1}).

read(Kind, Mirror, Key) when Kind =:= l; Kind =:= t ->
    eslaver_mirror:lrange(Mirror, Key, 0, -1);
read(h, Mirror, Key) ->
    eslaver_mirror:hgetall(Mirror, Key);
read(m, Mirror, Key) ->
    eslaver_mirror:mget(Mirror, [Key, pair(Key)]);
read(s, Mirror, Key) ->
    {eslaver_mirror:exists(Mirror, Key), eslaver_mirror:get(Mirror, Key)};
read(_, Mirror, Key) ->
    eslaver_mirror:get(Mirror, Key).

pair(Key) ->
    Size = byte_size(Key) - 1,
    case Key of
        <<Stem:Size/binary, "a">> -> <<Stem/binary, "b">>;
        <<Stem:Size/binary, "b">> -> <<Stem/binary, "a">>
    end.

judged(Kind, Key, [_ | _] = Values, State) when Kind =:= l; Kind =:= t ->
    Numbers = [binary_to_integer(Value) || Value <- Values],
    case lists:usort(Numbers) of
        Numbers -> forward(Key, {length(Numbers), lists:last(Numbers)}, State);
        _ -> wrong({no_order, Key, Numbers}, State)
    end;
judged(h, Key, #{<<"n">> := Value} = Fields, State) when map_size(Fields) =:= 1 ->
    forward(Key, binary_to_integer(Value), State);
judged(m, Key, [Value, Value], State) when is_binary(Value) ->
    forward(Key, binary_to_integer(Value), State);
judged(s, Key, {true, Value}, #{seen := Seen} = State) when is_binary(Value) ->
    case Seen of
        #{Key := Other} when Other =/= Value -> wrong({changed, Key, Other, Value}, State);
        #{} -> State#{seen := Seen#{Key => Value}}
    end;
judged(c, Key, Value, State) when is_binary(Value) ->
    forward(Key, binary_to_integer(Value), State);
judged(Kind, Key, Value, State) when Kind =:= g orelse Kind =:= x, is_binary(Value) ->
    forward(Key, binary_to_integer(Value), State);
judged(Kind, _Key, undefined, State) when Kind =:= g; Kind =:= x ->
    State;
judged(m, Key, Other, State) ->
    missing([Key, pair(Key)], {missing, m, Key, Other}, State);
judged(Kind, Key, Other, State) ->
    missing([Key], {missing, Kind, Key, Other}, State).

forward(Key, Now, #{seen := Seen, client := Client} = State) ->
    case Seen of
        #{Key := Before} when Before > Now, Client =:= none ->
            wrong({back, Key, Before, Now}, State);
        #{} ->
            State#{seen := Seen#{Key => Now}}
    end.

%% Wrong, if the cluster still has all of these keys.
missing(Keys, What, State) ->
    case kept(Keys, State) of
        {Keys, Next} -> wrong(What, Next);
        {_, Next} -> Next
    end.

%% Those keys that no failover has lost.
kept(Keys, #{client := none} = State) ->
    {Keys, State};
kept(Keys, State) ->
    lists:foldr(
        fun(Key, {Kept, #{client := Client} = Acc}) ->
            Exists = ["EXISTS", Key],
            case eslaver_test_cluster_client:command(Client, Key, Exists) of
                {{ok, 0}, Next} -> {Kept, Acc#{client := Next}};
                {_, Next} -> {[Key | Kept], Acc#{client := Next}}
            end
        end,
        {[], State},
        Keys
    ).

all(How, #{mirror := Mirror, lasting := Lasting, reads := Reads} = State) ->
    Found =
        case How of
            keys -> eslaver_mirror:keys(Mirror, <<"*">>);
            scan -> eslaver_mirror:fold_keys(Mirror, fun(Key, Acc) -> [Key | Acc] end, [])
        end,
    Looked = State#{reads := Reads + 1},
    case Found of
        Keys when is_list(Keys) ->
            Once = lists:usort(Keys),
            {Missing, Next} = kept(ordsets:subtract(lists:usort(Lasting), Once), Looked),
            case {Keys -- Once, Missing} of
                {[], []} -> Next;
                {Twice, _} -> wrong({How, {twice, some(Twice)}, {missing, some(Missing)}}, Next)
            end;
        Failure ->
            wrong({How, Failure}, Looked)
    end.

some(Keys) ->
    {length(Keys), lists:sublist(Keys, 3)}.

%% Not less than what is always there, nor more than there ever was.
count(#{mirror := Mirror, lasting := Lasting, keys := Keys, reads := Reads} = State) ->
    Looked = State#{reads := Reads + 1},
    case eslaver_mirror:dbsize(Mirror) of
        Size when is_integer(Size), Size >= length(Lasting), Size =< tuple_size(Keys) + 1000 ->
            Looked;
        Other ->
            wrong({dbsize, Other, length(Lasting), tuple_size(Keys)}, Looked)
    end.

wrong(What, #{wrong := Wrong} = State) ->
    Alike = [Other || Other <- Wrong, element(1, Other) =:= element(1, What)],
    case length(Alike) < ?KEPT of
        true -> State#{wrong := [What | Wrong]};
        false -> State
    end.
