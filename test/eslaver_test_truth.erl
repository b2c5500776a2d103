%% What a master itself says its data is, asked command by command: the side of
%% eslaver_test_compare which is taken for true.
-module(eslaver_test_truth).

-export([read/1, score/1, databases/1]).

-export_type([truth/0, item/0]).

%% Values as the commands give them: list and set elements and hash pairs are binaries, scores
%% are doubles. A module's value is unknown, its type is not.
-type item() :: #{
    db := non_neg_integer(),
    type := string | list | set | zset | hash | stream | {module, binary()},
    value := term(),
    %% whether it has an expiry, and when, if the master can say so (Redis 7)
    expires := boolean(),
    expire_at => integer(),
    field_expire_at => [{binary(), integer()}]
}.
-type truth() :: #{binary() => item()}.

%% Every key of every database. Keys must be unique across databases.
-spec read(eslaver_test_client:client()) -> truth().
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

read_db(Client, Db) ->
    _ = eslaver_test_client:ok(Client, ["SELECT", Db]),
    Keys = eslaver_test_client:ok(Client, ["KEYS", "*"]),
    Types = eslaver_test_client:pipeline(Client, [["TYPE", Key] || Key <- Keys]),
    Ttls = eslaver_test_client:pipeline(Client, [["PTTL", Key] || Key <- Keys]),
    Whens = eslaver_test_client:pipeline(Client, [["PEXPIRETIME", Key] || Key <- Keys]),
    [
        {Key, item(Client, Db, Key, type(Type), Ttl, When)}
     || {Key, Type, {Ttl, When}} <- lists:zip3(Keys, Types, lists:zip(Ttls, Whens))
    ].

type(Name) ->
    case lists:member(Name, [<<"string">>, <<"list">>, <<"set">>, <<"zset">>, <<"hash">>]) of
        true -> binary_to_existing_atom(Name);
        false when Name =:= <<"stream">> -> stream;
        false -> {module, Name}
    end.

item(Client, Db, Key, Type, Ttl, When) ->
    Item = #{db => Db, type => Type, value => value(Type, Client, Key), expires => Ttl >= 0},
    maps:merge(
        Item,
        maps:from_list(
            [{expire_at, When} || is_integer(When), When > 0] ++
                [
                    {field_expire_at, Expiries}
                 || Type =:= hash,
                    [_ | _] = Expiries <- [field_expiries(Client, Key, maps:get(value, Item))]
                ]
        )
    ).

value(string, Client, Key) ->
    ok(Client, ["GET", Key]);
value(list, Client, Key) ->
    ok(Client, ["LRANGE", Key, 0, -1]);
value(set, Client, Key) ->
    ok(Client, ["SMEMBERS", Key]);
value(zset, Client, Key) ->
    [
        {Member, score(Score)}
     || {Member, Score} <- pairs(ok(Client, ["ZRANGE", Key, 0, -1, "WITHSCORES"]))
    ];
value(hash, Client, Key) ->
    pairs(ok(Client, ["HGETALL", Key]));
value(stream, Client, Key) ->
    stream(Client, Key);
value({module, _}, _Client, _Key) ->
    unknown.

field_expiries(Client, Key, Pairs) ->
    Fields = [Field || {Field, _} <- Pairs],
    Command = ["HPEXPIRETIME", Key, "FIELDS", length(Fields) | Fields],
    case eslaver_test_client:command(Client, Command) of
        {error, _} -> [];
        Whens -> [{Field, When} || {Field, When} <- lists:zip(Fields, Whens), When > 0]
    end.

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
    Entries = [
        {Id, pairs(Fields)}
     || [Id, Fields] <- ok(Client, ["XRANGE", Key, "-", "+"])
    ],
    Full = eslaver_test_client:command(Client, ["XINFO", "STREAM", Key, "FULL", "COUNT", 0]),
    About =
        case Full of
            {error, _} -> short_info(Client, Key);
            _ -> full_info(to_map(Full))
        end,
    About#{entries => Entries}.

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
        #{id => Id, consumer => Consumer, delivered_at => At, deliveries => Count}
     || [Id, Consumer, At, Count] <- first([<<"pel">>, <<"pending">>], Group)
    ],
    ConsumerNames = [
        {<<"name">>, name}, {<<"seen-time">>, seen_at}, {<<"active-time">>, active_at}
    ],
    Consumers = [pick(ConsumerNames, to_map(C)) || C <- maps:get(<<"consumers">>, Group)],
    (pick(Names, Group))#{pending => Pending, consumers => Consumers}.

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
