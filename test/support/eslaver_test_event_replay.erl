%% A dataset made from the events that a callback received, as a user would make it, and how it
%% differs from the master's. It knows the commands of eslaver_test_writers, and no others.
-module(eslaver_test_event_replay).

-export([events/1, commands/1, differences/2]).

-type dataset() :: #{Key :: binary() => {Db :: integer(), string | list, binary() | [binary()]}}.

%% The commands of the stream in the form of eslaver_test_stream_recorder.
-spec commands([term()]) -> [eslaver_test_stream_recorder:command()].
commands(Events) ->
    [[list_to_binary(Name) | Args] || {stream, Name, Args} <- Events].

%% Raises where a key is written in another database than its own.
-spec events([term()]) -> dataset().
events(Events) ->
    #{data := Data} = lists:foldl(fun event/2, #{data => #{}, db => any, loading => false}, Events),
    Data.

event({loading, eof}, State) ->
    State#{loading := false};
event({loading, _, _, _} = Event, #{loading := false} = State) ->
    event(Event, State#{loading := true, data := #{}});
event({loading, string, Key, Value}, #{data := Data} = State) ->
    State#{data := Data#{Key => {db(Key), string, Value}}};
event({loading, list, Key, Values}, #{data := Data} = State) ->
    State#{data := Data#{Key => {db(Key), list, [element_text(Value) || Value <- Values]}}};
event({stream, "select", [Db]}, State) ->
    State#{db := binary_to_integer(Db)};
event({stream, Name, _}, State) when
    Name =:= "ping"; Name =:= "replconf"; Name =:= "multi"; Name =:= "exec"
->
    State;
event({stream, Name, [Key | Args]}, #{data := Data, db := Db} = State) ->
    Own = db(Key),
    Db =:= any orelse Db =:= Own orelse error({in_database, Db, Name, Key}),
    State#{data := write(Name, Key, Args, Own, Data)}.

write("set", Key, [Value], Db, Data) ->
    Data#{Key => {Db, string, Value}};
write("incr", Key, [], Db, Data) ->
    {_, string, Old} = maps:get(Key, Data, {Db, string, <<"0">>}),
    Data#{Key => {Db, string, integer_to_binary(binary_to_integer(Old) + 1)}};
write("rpush", Key, Values, Db, Data) ->
    {_, list, Old} = maps:get(Key, Data, {Db, list, []}),
    Data#{Key => {Db, list, Old ++ Values}};
write("del", Key, [], _Db, Data) ->
    maps:remove(Key, Data).

element_text(Value) when is_integer(Value) -> integer_to_binary(Value);
element_text(Value) -> Value.

db(Key) ->
    [Db, _] = binary:split(Key, <<":">>),
    binary_to_integer(Db).

%% Value by value.
-spec differences(eslaver_test_master_data:data(), dataset()) ->
    [{binary(), Expected :: term(), Got :: term()}].
differences(Truth, Data) ->
    Expected = maps:map(
        fun(_, #{db := Db, type := Type, value := Value}) -> {Db, Type, Value} end, Truth
    ),
    [
        {Key, maps:get(Key, Expected, none), maps:get(Key, Data, none)}
     || Key <- lists:usort(maps:keys(Expected) ++ maps:keys(Data)),
        maps:get(Key, Expected, none) =/= maps:get(Key, Data, none)
    ].
