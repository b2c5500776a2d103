%% What a master itself says its data is, asked command by command: the side of
%% eslaver_test_compare which is taken for true.
-module(eslaver_test_master_data).

-export([read/1, read_db/2, score/1, databases/1]).

-export_type([data/0, item/0]).

%% Values as the commands give them: list and set elements and hash pairs are binaries, scores
%% are doubles. A module's value is unknown, its type is not.
-type item() :: #{
    db := non_neg_integer(),
    type := string | list | set | zset | hash | stream | array | {module, binary()},
    value := term(),
    %% whether it has an expiry, how many ms are left, and when it ends, if the master can say so
    %% (Redis 7)
    expires := boolean(),
    ttl := integer(),
    expire_at => integer(),
    field_expire_at => [{binary(), integer()}],
    %% of an array that has an insert cursor
    next_index => pos_integer()
}.
-type data() :: #{binary() => item()}.

%% Every key of every database. Keys must be unique across databases.
-spec read(eslaver_test_client:client()) -> data().
read(Client) ->
    Items = lists:append([read_db(Client, Db) || Db <- databases(Client)]),
    Truth = maps:from_list(Items),
    case map_size(Truth) =:= length(Items) of
        true -> Truth;
        false -> error({keys_not_unique_across_databases, Items -- maps:to_list(Truth)})
    end.

%% The databases that hold keys.
-spec databases(eslaver_test_client:client()) -> [non_neg_integer()].
databases(Client) ->
    Info = eslaver_test_client:ok(Client, ["INFO", "keyspace"]),
    {match, Numbers} = re:run(
        <<Info/binary, "db0:">>, "^db([0-9]+):", [global, multiline, {capture, [1], list}]
    ),
    lists:usort([list_to_integer(Number) || [Number] <- Numbers]).

%% Every key of a database.
-spec read_db(eslaver_test_client:client(), non_neg_integer()) -> [{Key :: binary(), item()}].
read_db(Client, Db) ->
    _ = eslaver_test_client:ok(Client, ["SELECT", Db]),
    Keys = eslaver_test_client:ok(Client, ["KEYS", "*"]),
    Ask = fun(Command) -> eslaver_test_client:pipeline(Client, [[Command, Key] || Key <- Keys]) end,
    Types = [type(Type) || Type <- Ask("TYPE")],
    Values = values(Client, lists:zip(Keys, Types)),
    Times = lists:zip3(Ask("PTTL"), Ask("PEXPIRETIME"), field_times(Client, Keys, Types, Values)),
    [
        {Key, maps:merge(item(Db, Type, Value, Time), cursor(Client, Type, Key))}
     || {{Key, Type}, Value, Time} <- lists:zip3(lists:zip(Keys, Types), Values, Times)
    ].

cursor(Client, array, Key) ->
    case ok(Client, ["ARNEXT", Key]) of
        0 -> #{};
        null -> #{next_index => 1 bsl 64 - 1};
        Next -> #{next_index => number(Next)}
    end;
cursor(_Client, _Type, _Key) ->
    #{}.

%% Integers beyond 63 bits come as text.
number(Number) when is_integer(Number) -> Number;
number(Text) -> binary_to_integer(Text).

type(Name) ->
    case lists:member(Name, [<<"string">>, <<"list">>, <<"set">>, <<"zset">>, <<"hash">>]) of
        true -> binary_to_existing_atom(Name);
        false when Name =:= <<"stream">> -> stream;
        false when Name =:= <<"array">> -> array;
        false -> {module, Name}
    end.

item(Db, Type, Value, {Ttl, When, FieldTimes}) ->
    Item = #{db => Db, type => Type, value => Value, expires => Ttl >= 0, ttl => Ttl},
    maps:merge(
        Item,
        maps:from_list(
            [{expire_at, When} || is_integer(When), When > 0] ++
                [{field_expire_at, FieldTimes} || FieldTimes =/= []]
        )
    ).

%% Most are asked for at once.
values(Client, Keys) ->
    Replies = eslaver_test_client:pipeline(Client, [value_command(T, Key) || {Key, T} <- Keys]),
    [value(Type, Reply, Key, Client) || {{Key, Type}, Reply} <- lists:zip(Keys, Replies)].

value_command(string, Key) -> ["GET", Key];
value_command(list, Key) -> ["LRANGE", Key, 0, -1];
value_command(set, Key) -> ["SMEMBERS", Key];
value_command(zset, Key) -> ["ZRANGE", Key, 0, -1, "WITHSCORES"];
value_command(hash, Key) -> ["HGETALL", Key];
value_command(stream, Key) -> ["XRANGE", Key, "-", "+"];
value_command(array, Key) -> ["ARSCAN", Key, 0, (1 bsl 64) - 2];
value_command({module, _}, Key) -> ["EXISTS", Key].

value(_Type, {error, Reason}, Key, _Client) ->
    error({command_failed, Key, Reason});
value(zset, Flat, _Key, _Client) ->
    [{Member, score(Score)} || {Member, Score} <- pairs(Flat)];
value(hash, Flat, _Key, _Client) ->
    pairs(Flat);
value(stream, Entries, Key, Client) ->
    (stream(Client, Key))#{entries => [{Id, pairs(Fields)} || [Id, Fields] <- Entries]};
value(array, Elements, _Key, _Client) ->
    [{number(Index), Element} || [Index, Element] <- Elements];
value({module, _}, _Exists, _Key, _Client) ->
    unknown;
value(_Type, Value, _Key, _Client) ->
    Value.

field_times(Client, Keys, Types, Values) ->
    Asked = [
        case Type of
            hash when Value =/= [] ->
                Fields = [Field || {Field, _} <- Value],
                {Fields, ["HPEXPIRETIME", Key, "FIELDS", length(Fields) | Fields]};
            _ ->
                {[], ["PING"]}
        end
     || {Key, Type, Value} <- lists:zip3(Keys, Types, Values)
    ],
    Replies = eslaver_test_client:pipeline(Client, [Command || {_, Command} <- Asked]),
    [with_times(Fields, Reply) || {{Fields, _}, Reply} <- lists:zip(Asked, Replies)].

%% Servers before 7.4 have none; the key may be gone by now.
with_times([_ | _] = Fields, [_ | _] = Whens) ->
    [{Field, When} || {Field, When} <- lists:zip(Fields, Whens), When > 0];
with_times(_, _) ->
    [].

%% A score as the master prints it. Erlang wants a point in every float.
-spec score(binary()) -> float() | inf | '-inf'.
score(<<"inf">>) ->
    inf;
score(<<"-inf">>) ->
    '-inf';
score(Text) ->
    {Mantissa, Exponent} =
        case binary:split(Text, <<"e">>) of
            [M, E] -> {M, <<"e", E/binary>>};
            [M] -> {M, <<>>}
        end,
    case binary:match(Mantissa, <<".">>) of
        nomatch -> binary_to_float(<<Mantissa/binary, ".0", Exponent/binary>>);
        _ -> binary_to_float(Text)
    end.

%% Streams. Only what this version of the master can say is in the map.

stream(Client, Key) ->
    Full = eslaver_test_client:command(Client, ["XINFO", "STREAM", Key, "FULL", "COUNT", 0]),
    case Full of
        {error, _} -> short_info(Client, Key);
        _ -> full_info(to_map(Full))
    end.

full_info(Info) ->
    Groups = [full_group(to_map(Group)) || Group <- maps:get(<<"groups">>, Info)],
    Names = [
        {<<"last-generated-id">>, last_id},
        {<<"recorded-first-entry-id">>, first_id},
        {<<"max-deleted-entry-id">>, max_deleted_id},
        {<<"entries-added">>, entries_added}
    ],
    (pick(Names, Info))#{groups => Groups}.

full_group(Group) ->
    Names = [
        {<<"name">>, name},
        {<<"last-delivered-id">>, last_id},
        {<<"entries-read">>, entries_read}
    ],
    Pending = [
        pending(Entry, maps:get(<<"nacked-count">>, Group, 0))
     || Entry <- first([<<"pel">>, <<"pending">>], Group)
    ],
    ConsumerNames = [
        {<<"name">>, name}, {<<"seen-time">>, seen_at}, {<<"active-time">>, active_at}
    ],
    Consumers = [pick(ConsumerNames, to_map(C)) || C <- maps:get(<<"consumers">>, Group)],
    maps:merge(
        (pick(Names, Group))#{pending => Pending, consumers => Consumers},
        %% in which order they were given back it does not say
        maps:from_list([
            {nack, [Id || #{id := Id} = Entry <- Pending, not is_map_key(consumer, Entry)]}
         || is_map_key(<<"nacked-count">>, Group)
        ])
    ).

%% One that was given back has no consumer, whose name reads as empty.
pending([Id, <<>>, At, Count], GivenBack) when GivenBack > 0, At =< 0 ->
    #{id => Id, delivered_at => At, deliveries => Count};
pending([Id, Consumer, At, Count], _GivenBack) ->
    #{id => Id, consumer => Consumer, delivered_at => At, deliveries => Count}.

%% Redis 5: no FULL.
short_info(Client, Key) ->
    #{<<"last-generated-id">> := LastId} = to_map(ok(Client, ["XINFO", "STREAM", Key])),
    Groups = [
        short_group(Client, Key, to_map(Group))
     || Group <- ok(Client, ["XINFO", "GROUPS", Key])
    ],
    #{last_id => LastId, groups => Groups}.

short_group(Client, Key, #{<<"name">> := Name, <<"last-delivered-id">> := LastId}) ->
    Pending = [
        #{id => Id, consumer => Consumer, deliveries => Count}
     || [Id, Consumer, _Idle, Count] <- ok(Client, ["XPENDING", Key, Name, "-", "+", 1_000_000])
    ],
    Consumers = [
        pick([{<<"name">>, name}], to_map(Consumer))
     || Consumer <- ok(Client, ["XINFO", "CONSUMERS", Key, Name])
    ],
    #{name => Name, last_id => LastId, pending => Pending, consumers => Consumers}.

first(Names, Map) ->
    hd([maps:get(Name, Map) || Name <- Names, is_list(maps:get(Name, Map, none))]).

pick(Names, Map) ->
    maps:from_list([{To, maps:get(From, Map)} || {From, To} <- Names, is_map_key(From, Map)]).

to_map(Flat) ->
    maps:from_list(pairs(Flat)).

pairs([]) -> [];
pairs([A, B | Rest]) -> [{A, B} | pairs(Rest)].

ok(Client, Args) ->
    eslaver_test_client:ok(Client, Args).
