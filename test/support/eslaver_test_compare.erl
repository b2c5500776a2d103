%% Compares the loading events a callback received with what the master says
%% (eslaver_test_master_data), value by value. Every difference is reported: a missing, additional
%% or repeated key, and every value, type or note about it that is not the master's.
%%
%% `style` is `classic`, {loading, Type, Key, Value}, or `full`, {loading, Type, Key, Value, Meta}.
-module(eslaver_test_compare).

-export([differences/2, differences/3, events/2, format/1, is_canonical/1]).

-export_type([difference/0, style/0]).

-type style() :: classic | full.
-type difference() :: {
    Key :: binary(), What :: atom() | tuple(), Expected :: term(), Got :: term()
}.

-define(TYPES, [string, list, set, zset, hash, stream, module, array]).
-define(STREAM_KEYS, [
    entries, last_id, first_id, max_deleted_id, entries_added, groups, idmp
]).
-define(GROUP_KEYS, [name, last_id, entries_read, pending, consumers, nack]).
-define(PENDING_KEYS, [id, consumer, delivered_at, deliveries]).
-define(CONSUMER_KEYS, [name, seen_at, active_at]).

-spec differences(eslaver_test_master_data:data(), [term()]) -> [difference()].
differences(Truth, Events) ->
    differences(classic, Truth, Events).

-spec differences(style(), eslaver_test_master_data:data(), [term()]) -> [difference()].
differences(Style, Truth, Events) ->
    Loaded = [loaded(Style, Event) || Event <- Events, is_value(Style, Event)],
    Got = maps:from_list([{Key, Seen} || {Key, Seen} <- Loaded]),
    Keys = lists:sort([Key || {Key, _} <- Loaded]),
    endings(Style, Events) ++
        [{Key, key, once, twice} || Key <- lists:usort(Keys -- lists:usort(Keys))] ++
        [
            {Key, key, Item, missing}
         || {Key, Item} <- maps:to_list(Truth), not is_map_key(Key, Got)
        ] ++
        [{Key, key, none, Seen} || {Key, Seen} <- maps:to_list(Got), not is_map_key(Key, Truth)] ++
        lists:append([
            [{Key, What, A, B} || {What, A, B} <- item(Style, Item, maps:get(Key, Got))]
         || {Key, Item} <- maps:to_list(Truth), is_map_key(Key, Got)
        ]).

%% The events a replica without a flaw would deliver for such data.
-spec events(style(), eslaver_test_master_data:data()) -> [term()].
events(classic, Truth) ->
    [
        {loading, event_type(Type), Key, classic_value(Type, Value)}
     || {Key, #{type := Type, value := Value}} <- maps:to_list(Truth)
    ] ++ [{loading, eof}];
events(full, Truth) ->
    [
        {loading, event_type(Type), Key, full_value(Type, Value), meta(Item)}
     || {Key, #{type := Type, value := Value} = Item} <- maps:to_list(Truth)
    ] ++ [{loading, eof, #{keys => map_size(Truth), bytes => 0}}].

-spec format([difference()]) -> iodata().
format([]) ->
    "no differences\n";
format(Differences) ->
    [
        io_lib:format("~b differences~n", [length(Differences)])
        | [
            io_lib:format("~s ~p~n  expected ~s~n  got      ~s~n", [
                shorten(Key), What, shorten(Expected), shorten(Got)
            ])
         || {Key, What, Expected, Got} <- lists:sublist(Differences, 50)
        ]
    ].

shorten(Term) ->
    Text = lists:flatten(io_lib:format("~0tP", [Term, 40])),
    case length(Text) > 300 of
        true -> [lists:sublist(Text, 200), " ... ", lists:nthtail(length(Text) - 90, Text)];
        false -> Text
    end.

%% What an event says, in the terms of the full style.

is_value(classic, {loading, Type, Key, _}) -> is_binary(Key) andalso lists:member(Type, ?TYPES);
is_value(full, {loading, Type, Key, _, _}) -> is_binary(Key) andalso lists:member(Type, ?TYPES);
is_value(_, _) -> false.

loaded(classic, {loading, Type, Key, Value}) ->
    {Key, #{type => Type, value => Value}};
loaded(full, {loading, Type, Key, Value, Meta}) ->
    {Key, #{type => Type, value => Value, meta => Meta}}.

%% Events that are none of the shapes of this style, and the one at the end.
endings(Style, Events) ->
    Loading = [Event || Event <- Events, element(1, Event) =:= loading],
    Strange = [Event || Event <- Loading, not is_value(Style, Event), not is_mark(Style, Event)],
    Ends = [Event || Event <- Loading, is_end(Style, Event)],
    [{<<>>, event, none, Event} || Event <- Strange] ++
        [{<<>>, eof, once, Ends} || length(Ends) =/= 1] ++
        [{<<>>, last_event, eof, hd(lists:reverse(Loading))} || not ends_last(Style, Loading)].

ends_last(_Style, []) -> true;
ends_last(Style, Loading) -> is_end(Style, lists:last(Loading)).

is_end(classic, Event) -> Event =:= {loading, eof};
is_end(full, {loading, eof, _}) -> true;
is_end(full, _) -> false.

is_mark(full, {loading, start, #{}}) -> true;
is_mark(full, {loading, What, _Name, _Value, #{}}) -> What =:= aux orelse What =:= function;
is_mark(Style, Event) -> is_end(Style, Event).

%% One key.

item(Style, #{type := Type, value := Value} = Item, #{type := GotType, value := GotValue} = Got) ->
    case event_type(Type) of
        GotType ->
            value(Style, Type, Value, GotValue) ++
                notes(Style, Item, maps:get(meta, Got, #{}));
        Other ->
            [{type, Other, GotType}]
    end.

event_type({module, _}) -> module;
event_type(Type) -> Type.

value(Style, {module, Name}, unknown, Got) ->
    case Got of
        {Name, EncVer, Fields} when is_integer(EncVer), is_list(Fields) ->
            [{module_field, Style, Field} || Field <- Fields, not is_module_field(Field)];
        _ ->
            [{module, Name, Got}]
    end;
value(_Style, stream, Expected, Got) when is_map(Got) ->
    stream(Expected, Got);
value(Style, Type, Expected, Got) ->
    Right = styled(Style, Type, Expected),
    try same(Type, normal(Style, Type, Right), normal(Style, Type, Got)) of
        true -> [];
        false -> [first_difference(Style, Type, Right, Got)]
    catch
        error:_ -> [{shape_of(Type), Right, Got}]
    end.

shape_of(Type) -> {shape, Type}.

is_module_field({string, Value}) ->
    is_binary(Value);
is_module_field({Kind, Value}) when Kind =:= uint; Kind =:= sint -> is_integer(Value);
is_module_field({Kind, Value}) when Kind =:= float; Kind =:= double ->
    is_float(Value) orelse lists:member(Value, [inf, '-inf', nan]);
is_module_field(_) ->
    false.

styled(classic, Type, Value) -> classic_value(Type, Value);
styled(full, Type, Value) -> full_value(Type, Value).

classic_value(list, Elements) -> [integer_or_binary(Element) || Element <- Elements];
classic_value(hash, Pairs) -> lists:append([[Field, Value] || {Field, Value} <- Pairs]);
classic_value(Type, Value) -> full_value(Type, Value).

full_value({module, Name}, unknown) ->
    {Name, 0, []};
full_value(stream, #{groups := Groups} = Stream) ->
    Known = fun(Key, Value) -> Key =/= entries_read orelse Value =/= null end,
    Stream#{groups := [maps:filter(Known, Group) || Group <- Groups]};
full_value(_Type, Value) ->
    Value.

%% Sets, hashes and sorted sets have no order of their own here. Terms are compared exactly, the
%% doubles as bits: 0.0 and -0.0 differ, 1 and 1.0 too.
normal(_, set, Members) -> lists:sort(Members);
normal(_, zset, Members) -> lists:sort([{Member, bits(Score)} || {Member, Score} <- Members]);
normal(classic, hash, Flat) -> lists:sort(pairs(Flat));
normal(full, hash, Pairs) -> lists:sort(Pairs);
normal(_, _, Value) -> Value.

same(_Type, A, B) -> A =:= B.

bits(Score) when is_float(Score) -> <<Score/float>>;
bits(inf) -> inf;
bits('-inf') -> '-inf'.

first_difference(Style, Type, Expected, Got) when is_list(Expected), is_list(Got) ->
    A = normal(Style, Type, Expected),
    B = normal(Style, Type, Got),
    case skip_equal(A, B, 0) of
        {At, [X | _], [Y | _]} -> {{element, At}, readable(X), readable(Y)};
        {At, [X | _], []} -> {{element, At}, readable(X), {missing, length(A) - length(B)}};
        {At, [], [Y | _]} -> {{element, At}, {none, length(B) - length(A)}, readable(Y)}
    end;
first_difference(_Style, _Type, Expected, Got) when is_binary(Expected), is_binary(Got) ->
    At = binary:longest_common_prefix([Expected, Got]),
    {{bytes, At, byte_size(Expected), byte_size(Got)}, from(At, Expected), from(At, Got)};
first_difference(_Style, _Type, Expected, Got) ->
    {value, Expected, Got}.

skip_equal([X | As], [Y | Bs], At) when X =:= Y -> skip_equal(As, Bs, At + 1);
skip_equal(As, Bs, At) -> {At, As, Bs}.

readable({Member, <<Score/float>>}) -> {Member, Score};
readable(Other) -> Other.

from(At, Binary) -> binary:part(Binary, At, min(40, byte_size(Binary) - At)).

pairs([]) -> [];
pairs([A, B | Rest]) -> [{A, B} | pairs(Rest)].

integer_or_binary(Element) ->
    case is_canonical(Element) of
        true -> binary_to_integer(Element);
        false -> Element
    end.

%% Whether these bytes are how a signed 64-bit integer is printed.
-spec is_canonical(binary()) -> boolean().
is_canonical(<<First, _/binary>> = Bytes) when
    byte_size(Bytes) =< 20, First =:= $- orelse (First >= $0 andalso First =< $9)
->
    try binary_to_integer(Bytes) of
        N -> integer_to_binary(N) =:= Bytes andalso N >= -(1 bsl 63) andalso N < 1 bsl 63
    catch
        error:badarg -> false
    end;
is_canonical(_) ->
    false.

%% Streams: what the master said must be there and equal; the event may say more (a master of an
%% old version cannot be asked everything), but nothing the contract does not know.

stream(Expected, Got) ->
    about(?STREAM_KEYS, maps:without([groups], Expected), Got) ++
        named(group, fun group/2, maps:get(groups, Expected), maps:get(groups, Got, [])).

group(Expected, Got) ->
    Simple = maps:without([pending, consumers], Expected),
    about(?GROUP_KEYS, Simple, Got) ++
        pending(maps:get(pending, Expected), maps:get(pending, Got, none)) ++
        named(
            consumer, fun consumer/2, maps:get(consumers, Expected), maps:get(consumers, Got, [])
        ).

consumer(Expected, Got) ->
    about(?CONSUMER_KEYS, Expected, Got).

pending(Expected, Got) when is_list(Got), length(Got) =:= length(Expected) ->
    ById = fun(Entries) -> lists:sort([{maps:get(id, Entry), Entry} || Entry <- Entries]) end,
    lists:append([
        about(?PENDING_KEYS, A, B)
     || {{_, A}, {_, B}} <- lists:zip(ById(Expected), ById(Got))
    ]);
pending(Expected, Got) ->
    [{pending, Expected, Got}].

named(What, Compare, Expected, Got) ->
    Names = fun(Items) -> lists:sort([maps:get(name, Item) || Item <- Items]) end,
    ByName = fun(Items) -> lists:sort([{maps:get(name, Item), Item} || Item <- Items]) end,
    case {Names(Expected), Names(Got)} of
        {Same, Same} ->
            [
                {{What, Name, Where}, X, Y}
             || {{Name, A}, {_, B}} <- lists:zip(ByName(Expected), ByName(Got)),
                {Where, X, Y} <- Compare(A, B)
            ];
        {A, B} ->
            [{What, A, B}]
    end.

about(Known, Expected, Got) ->
    [
        {Key, Value, maps:get(Key, Got, absent)}
     || {Key, Value} <- maps:to_list(Expected), not said(Key, Value, Got)
    ] ++
        [{unknown_key, Known, Key} || Key <- maps:keys(Got), not lists:member(Key, Known)].

%% A group which lost count of what it has read says so by null, in the snapshot by -1; a consumer
%% that was never active has -1 in both.
said(entries_read, null, Got) -> maps:get(entries_read, Got, absent) =:= absent;
said(active_at, -1, Got) -> lists:member(maps:get(active_at, Got, absent), [-1, absent]);
said(nack, Ids, Got) -> lists:sort(maps:get(nack, Got, [absent])) =:= lists:sort(Ids);
said(Key, Value, Got) -> maps:get(Key, Got, absent) =:= Value.

%% The notes about a value, which only the full style has.

notes(classic, _Item, _Meta) ->
    [];
notes(full, #{db := Db, expires := Expires} = Item, Meta) ->
    [{db, Db, maps:get(db, Meta, absent)} || maps:get(db, Meta, absent) =/= Db] ++
        [{expires, Expires, Meta} || is_map_key(expire_at, Meta) =/= Expires] ++
        [
            {expire_at, At, Other}
         || #{expire_at := At} <- [Item],
            #{expire_at := Other} <- [Meta],
            Other =/= At
        ] ++
        [
            {next_index, maps:get(next_index, Item, none), maps:get(next_index, Meta, none)}
         || maps:get(next_index, Item, none) =/= maps:get(next_index, Meta, none)
        ] ++
        field_notes(maps:get(field_expire_at, Item, []), maps:get(field_expire_at, Meta, [])).

field_notes(Expected, Got) ->
    case lists:sort(Expected) =:= lists:sort(Got) of
        true -> [];
        false -> [{field_expire_at, lists:sort(Expected), lists:sort(Got)}]
    end.

meta(#{db := Db} = Item) ->
    Times = maps:with([expire_at, field_expire_at, next_index], Item),
    case Item of
        #{expires := true, expire_at := _} -> Times#{db => Db};
        #{expires := true} -> Times#{db => Db, expire_at => 1};
        #{} -> Times#{db => Db}
    end.
