%% Everything that a master or its replica holds, in a form in which both can be compared value by
%% value, and as a digest.
-module(eslaver_test_content).

-export([of_server/1, of_mirror/2, differences/2, digest/1, alike/2]).
-export_type([content/0, item/0, difference/0, place/0]).

-type place() :: {Db :: non_neg_integer(), Key :: binary()}.
-type content() :: #{place() => item()}.
-type item() :: #{
    type := atom() | {module, binary()},
    value := term(),
    lives_to := infinity | time(),
    field_times := [{binary(), integer()}]
}.
%% `about`: a server before 7.0 cannot say more exactly.
-type time() :: integer() | {about, integer(), Tolerance :: pos_integer()}.
-type difference() :: {place(), Expected :: item() | none, Got :: item() | none}.

%% Times that were sent as a span count from when they came; the machine may be busy.
-define(SPAN_TOLERANCE, 5000).
%% Between two reads of a clock.
-define(CLOCK_TOLERANCE, 300).
-define(TRIES, 20).
%% What a master does not send to its replicas, or which follows from the rest.
-define(OWN, [seen_at, active_at, first_id]).

%% What a server says.
-spec of_server(eslaver_test_client:client()) -> content().
of_server(Client) ->
    of_server(Client, ?TRIES).

%% Keys and streams may go while they are asked for.
of_server(Client, Tries) ->
    try
        maps:from_list([
            {{Db, Key}, newer(Client, Key, truth(Item))}
         || Db <- eslaver_test_master_data:databases(Client),
            {Key, Item} <- eslaver_test_master_data:read_db(Client, Db),
            is_there(Item)
        ])
    catch
        error:_ when Tries > 1 -> of_server(Client, Tries - 1)
    end.

newer(Client, Key, #{type := Type} = Item) ->
    case eslaver_test_newest_types:of_server(Client, Key, type_name(Type)) of
        {Newer, Value} -> Item#{type := Newer, value := Value};
        other -> Item
    end.

type_name({module, Name}) -> Name;
type_name(Type) -> atom_to_binary(Type).

is_there(#{type := {module, <<"none">>}}) -> false;
is_there(#{value := null}) -> false;
is_there(#{type := stream}) -> true;
is_there(#{value := []}) -> false;
is_there(_) -> true.

truth(#{type := Type, value := Value} = Item) ->
    #{
        type => Type,
        value => ordered(Type, Value),
        lives_to => lives_to(Item),
        field_times => lists:sort(maps:get(field_expire_at, Item, []))
    }.

lives_to(#{expire_at := At}) ->
    At;
lives_to(#{expires := true, ttl := Ttl}) ->
    {about, erlang:system_time(millisecond) + Ttl, ?SPAN_TOLERANCE};
lives_to(_) ->
    infinity.

ordered(Type, Value) when Type =:= set; Type =:= hash -> lists:sort(Value);
ordered(stream, Value) -> without_own(Value);
ordered(_, Value) -> Value.

without_own(#{groups := Groups} = Stream) ->
    (maps:without(?OWN, Stream))#{
        groups => sorted([name], [
            (counted(with_nacked(Group)))#{
                pending => sorted([id, consumer], [with_consumer(Entry) || Entry <- Pending]),
                consumers => lists:sort([maps:without(?OWN, Consumer) || Consumer <- Consumers])
            }
         || #{pending := Pending, consumers := Consumers} = Group <- Groups
        ])
    }.

%% A server does not say in which order they were given back.
with_nacked(#{nacked := _} = Group) ->
    Group;
with_nacked(Group) ->
    (maps:remove(nack, Group))#{nacked => length(maps:get(nack, Group, []))}.

with_consumer(Entry) ->
    maps:merge(#{consumer => <<>>}, Entry).

counted(#{entries_read := null} = Group) -> Group#{entries_read := undefined};
counted(Group) -> Group.

sorted(By, Maps) ->
    Keyed = [{[maps:get(Key, Map) || Key <- By], Map} || Map <- Maps],
    [Map || {_, Map} <- lists:keysort(1, Keyed)].

%% What can be read of a mirror, of these dbs.
-spec of_mirror(atom(), [non_neg_integer()]) -> content().
of_mirror(Name, Dbs) ->
    maps:from_list([
        {{Db, Key}, Item}
     || Db <- Dbs,
        Key <- keys({Name, Db}),
        Item <- [mirrored({Name, Db}, Key)],
        is_there(Item)
    ]).

keys(Mirror) ->
    case eslaver_mirror:keys(Mirror, <<"*">>) of
        Keys when is_list(Keys) -> Keys
    end.

%% One key may go between the reads of it, and come again as another.
mirrored(Mirror, Key) ->
    eslaver_mirror:read(Mirror, fun() ->
        Type = eslaver_mirror:type(Mirror, Key),
        Value = mirrored_value(Type, Mirror, Key),
        #{
            type => mirrored_type(Type),
            value => ordered(Type, Value),
            lives_to => eslaver_mirror:pexpiretime(Mirror, Key),
            field_times => mirrored_times(Type, Value, Mirror, Key)
        }
    end).

mirrored_type(none) -> {module, <<"none">>};
mirrored_type(Type) -> Type.

mirrored_value(string, Mirror, Key) ->
    eslaver_mirror:get(Mirror, Key);
mirrored_value(list, Mirror, Key) ->
    eslaver_mirror:lrange(Mirror, Key, 0, -1);
mirrored_value(set, Mirror, Key) ->
    eslaver_mirror:smembers(Mirror, Key);
mirrored_value(zset, Mirror, Key) ->
    eslaver_mirror:zrange(Mirror, Key, 0, -1, #{with_scores => true});
mirrored_value(hash, Mirror, Key) ->
    maps:to_list(eslaver_mirror:hgetall(Mirror, Key));
mirrored_value(stream, Mirror, Key) ->
    mirrored_stream(Mirror, Key);
mirrored_value(Type, Mirror, Key) when Type =:= array; Type =:= vectorset ->
    eslaver_test_newest_types:of_mirror(Type, Mirror, Key);
mirrored_value(Other, _Mirror, _Key) ->
    Other.

mirrored_stream(Mirror, Key) ->
    #{
        last_generated_id := Last,
        max_deleted_entry_id := Deleted,
        entries_added := Added
    } = eslaver_mirror:xinfo_stream(Mirror, Key),
    #{
        entries => eslaver_mirror:xrange(Mirror, Key, '-', '+'),
        last_id => Last,
        max_deleted_id => Deleted,
        entries_added => Added,
        groups => [
            #{
                name => Name,
                last_id => Delivered,
                entries_read => Read,
                nacked => Nacked,
                pending => mirrored_pending(Mirror, Key, Name),
                consumers => [
                    #{name => Consumer}
                 || #{name := Consumer} <- eslaver_mirror:xinfo_consumers(Mirror, Key, Name)
                ]
            }
         || #{
                name := Name, last_delivered_id := Delivered, entries_read := Read, nacked := Nacked
            } <- eslaver_mirror:xinfo_groups(Mirror, Key)
        ]
    }.

mirrored_pending(Mirror, Key, Group) ->
    [
        #{
            id => Id,
            consumer => Consumer,
            delivered_at => delivered_at(Idle),
            deliveries => Count
        }
     || {Id, Consumer, Idle, Count} <- eslaver_mirror:xpending(
            Mirror, Key, Group, '-', '+', infinity
        )
    ].

%% What was given back has no such time.
delivered_at(-1) -> 0;
delivered_at(Idle) -> {about, erlang:system_time(millisecond) - Idle, ?CLOCK_TOLERANCE}.

mirrored_times(hash, Pairs, Mirror, Key) ->
    Fields = [Field || {Field, _} <- Pairs],
    Times = eslaver_mirror:hpexpiretime(Mirror, Key, Fields),
    lists:sort([{Field, At} || {Field, At} <- lists:zip(Fields, Times), is_integer(At)]);
mirrored_times(_, _, _, _) ->
    [].

%% What is not as it should be.
-spec differences(Expected :: content(), Got :: content()) -> [difference()].
differences(Expected, Got) ->
    [
        {Place, One, Other}
     || Place <- lists:usort(maps:keys(Expected) ++ maps:keys(Got)),
        {One, Other} <- [{maps:get(Place, Expected, none), maps:get(Place, Got, none)}],
        not is_same(One, Other)
    ].

is_same(One, Other) when is_map(One), is_map(Other) -> like(One, Other) =:= One;
is_same(_, _) -> false.

%% The second content without what the first does not tell of, and with its times where those of the
%% second are about the same.
-spec alike(Like :: content(), content()) -> content().
alike(Like, Content) ->
    maps:map(fun(Place, Item) -> like(maps:get(Place, Like, Item), Item) end, Content).

like({about, A, Tolerance} = Like, B) ->
    Time =
        case B of
            {about, At, _} -> At;
            _ -> B
        end,
    case is_integer(Time) andalso abs(A - Time) < Tolerance of
        true -> Like;
        false -> B
    end;
like(A, {about, B, Tolerance}) when is_integer(A), abs(A - B) < Tolerance ->
    A;
like(#{} = Like, #{} = Term) ->
    maps:map(
        fun(Key, Value) -> like(maps:get(Key, Like), Value) end,
        maps:with(maps:keys(Like), Term)
    );
like([Like | Likes], [Item | Items]) ->
    [like(Like, Item) | like(Likes, Items)];
like(_, Term) ->
    Term.

%% One number for all of it. Floats that are equal, but are not the same, are made so.
-spec digest(content()) -> binary().
digest(Content) ->
    Plain = [
        {Place, plain(maps:to_list(Item))}
     || {Place, Item} <- lists:sort(maps:to_list(Content))
    ],
    crypto:hash(sha256, term_to_binary(Plain)).

plain(Zero) when is_float(Zero), Zero == 0 -> 0.0;
plain(List) when is_list(List) -> [plain(Item) || Item <- List];
plain(Tuple) when is_tuple(Tuple) -> list_to_tuple(plain(tuple_to_list(Tuple)));
plain(Map) when is_map(Map) -> lists:sort(plain(maps:to_list(Map)));
plain(Term) -> Term.
