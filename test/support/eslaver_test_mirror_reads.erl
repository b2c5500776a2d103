%% Random reads, made of a mirror and of its master: each answer must be the master's, or, where the
%% master's own replica comes out otherwise (see eslaver_test_convergence), that replica's.
-module(eslaver_test_mirror_reads).

-export([differences/3, commands/0]).
-export_type([difference/0]).

-type difference() :: {
    Db :: non_neg_integer(), Command :: [binary()], Expected :: [term()], Got :: term()
}.
%% How an answer of a server reads.
-type kind() ::
    value
    | boolean
    | booleans
    | unordered
    | pairs
    | unordered_pairs
    | score
    | scores
    | scored
    | ranked
    | entries
    | indexed
    | indexes
    | number
    | floats
    | positions
    | distance
    | times
    | matches
    | streams
    | full.

-define(DBS, [0, 0, 0, 1, 3]).
%% Something may be expiring.
-define(TRIES, 40).
-define(PAUSE, 50).

%% Makes `Count` random reads: which answers differ from those of all servers, which commands the
%% first server knows, and which of them it answered.
-spec differences(atom(), [eslaver_test_client:client(), ...], pos_integer()) ->
    {[difference()], Known :: [string()], Answered :: [string()]}.
differences(Mirror, Clients, Count) ->
    Known = [list_to_binary(Name) || Name <- eslaver_test_workload_runner:commands(hd(Clients))],
    Reads = [
        {eslaver_test_command_words:any(?DBS), Command, Kind, Read}
     || _ <- lists:seq(1, Count),
        {Form, Kind, Read} <- [eslaver_test_command_words:any(reads())],
        Command <- [command(Form)],
        lists:member(hd(Command), Known)
    ],
    Results = [{Read, difference(Mirror, Clients, Read, ?TRIES)} || Read <- Reads],
    Answered = [
        binary_to_list(Name)
     || {{_, [Name | _], _, _}, Result} <- Results, Result =/= none
    ],
    Asked = [Name || Name <- commands(), lists:member(list_to_binary(Name), Known)],
    {[Difference || {_, [Difference]} <- Results], Asked, lists:usort(Answered)}.

command(Text) ->
    Form = eslaver_test_command_words:any(eslaver_test_command_grammar:forms(Text)),
    eslaver_test_command_grammar:fill(Form, fun eslaver_test_command_words:make/1).

%% The names of all that is read.
-spec commands() -> [string()].
commands() ->
    lists:usort([hd(string:lexemes(Form, " ")) || {Form, _, _} <- reads()]).

difference(Mirror, Clients, {Db, [_ | Args] = Command, Kind, Read} = Which, Tries) ->
    Got = mirrored(Kind, Read({Mirror, Db}, Args)),
    Expected = [answer(Kind, asked(Client, Db, Command)) || Client <- Clients],
    case lists:member(Got, Expected) of
        true ->
            [];
        false when hd(Expected) =:= not_known ->
            none;
        false when Tries > 1 ->
            timer:sleep(?PAUSE),
            difference(Mirror, Clients, Which, Tries - 1);
        false ->
            [{Db, Command, Expected, Got}]
    end.

asked(Client, Db, Command) ->
    [_, Reply] = eslaver_test_client:pipeline(Client, [["SELECT", Db], Command]),
    Reply.

%% A server's answers, as those of a mirror.

answer(_Kind, {error, <<"WRONGTYPE", _/binary>>}) ->
    {error, wrongtype};
answer(_Kind, {error, <<"ERR The specified keys must contain string values">>}) ->
    {error, wrongtype};
answer(_Kind, {error, <<"NOGROUP", _/binary>>}) ->
    undefined;
answer(_Kind, {error, _ThisServerHasNoSuchForm}) ->
    not_known;
answer(Kind, null) when Kind =:= entries; Kind =:= streams ->
    [];
answer(full, {error, <<"ERR no such key">>}) ->
    undefined;
answer(_Kind, null) ->
    undefined;
answer(Kind, Reply) ->
    plain(Kind, Reply).

plain(value, Values) when is_list(Values) -> [nil(Value) || Value <- Values];
plain(value, Value) ->
    Value;
plain(boolean, Number) ->
    Number =:= 1;
plain(booleans, Numbers) ->
    [Number =:= 1 || Number <- Numbers];
plain(unordered, Values) ->
    lists:sort(Values);
plain(pairs, Flat) ->
    pairs(Flat);
plain(unordered_pairs, Flat) ->
    lists:sort(pairs(Flat));
plain(score, Text) ->
    eslaver_test_master_data:score(Text);
plain(scores, Texts) ->
    [score(Text) || Text <- Texts];
plain(scored, Flat) ->
    [{Member, score(Text)} || {Member, Text} <- pairs(Flat)];
plain(ranked, [Rank, Text]) ->
    {Rank, score(Text)};
plain(entries, Entries) ->
    [{Id, pairs(Fields)} || [Id, Fields] <- Entries];
plain(streams, Streams) ->
    [{Key, plain(entries, Entries)} || [Key, Entries] <- Streams];
plain(full, Flat) ->
    full(Flat);
plain(times, Times) ->
    [lifetime(Time) || Time <- Times];
plain(matches, [<<"matches">>, Matches, <<"len">>, Length]) ->
    #{
        matches => [{list_to_tuple(A), list_to_tuple(B), Len} || [A, B, Len] <- Matches],
        len => Length
    };
plain(indexed, Pairs) ->
    [{eslaver_test_newest_types:index(Index), Element} || [Index, Element] <- Pairs];
plain(indexes, Indexes) when is_list(Indexes) ->
    [eslaver_test_newest_types:index(Index) || Index <- Indexes];
plain(indexes, Index) ->
    eslaver_test_newest_types:index(Index);
plain(number, Number) when is_integer(Number) -> about(Number);
plain(number, Text) ->
    about(number(Text));
plain(floats, Texts) ->
    [score(Text) || Text <- Texts];
plain(positions, Positions) ->
    [position(Position) || Position <- Positions];
plain(distance, Text) ->
    rounded(score(Text)).

nil(null) -> undefined;
nil(Value) -> Value.

lifetime(-1) -> infinity;
lifetime(-2) -> undefined;
lifetime(Time) -> Time.

%% What all versions tell of a stream. Masters do not replicate reads that give nothing, and only
%% about when the others were.
full(Flat) ->
    #{<<"groups">> := Groups} = Stream = maps:from_list(pairs(Flat)),
    #{
        length => maps:get(<<"length">>, Stream),
        last_generated_id => maps:get(<<"last-generated-id">>, Stream),
        entries => plain(entries, maps:get(<<"entries">>, Stream)),
        groups => [full_group(maps:from_list(pairs(Group))) || Group <- Groups]
    }.

full_group(#{<<"consumers">> := Consumers, <<"pending">> := Pending} = Group) ->
    #{
        name => maps:get(<<"name">>, Group),
        last_delivered_id => maps:get(<<"last-delivered-id">>, Group),
        pel_count => maps:get(<<"pel-count">>, Group),
        pending => [{Id, Consumer, Count} || [Id, Consumer, _, Count] <- Pending],
        consumers => [
            #{name => Name, pel_count => Owned, pending => [{Id, Count} || [Id, _, Count] <- Own]}
         || #{<<"name">> := Name, <<"pel-count">> := Owned, <<"pending">> := Own} <- [
                maps:from_list(pairs(Consumer))
             || Consumer <- Consumers
            ],
            Owned > 0
        ]
    }.

full_of_mirror(#{groups := Groups} = Stream) ->
    (maps:with([length, last_generated_id, entries], Stream))#{
        groups => [
            (maps:with([name, last_delivered_id, pel_count], Group))#{
                pending => [{Id, Consumer, Count} || {Id, Consumer, _, Count} <- Pending],
                consumers => [
                    #{
                        name => Name,
                        pel_count => Owned,
                        pending => [{Id, Count} || {Id, _, Count} <- Own]
                    }
                 || #{name := Name, pel_count := Owned, pending := Own} <- Consumers,
                    Owned > 0
                ]
            }
         || #{pending := Pending, consumers := Consumers} = Group <- Groups
        ]
    }.

score(null) -> undefined;
score(Text) -> eslaver_test_master_data:score(Text).

position(null) -> undefined;
position([Longitude, Latitude]) -> {digits(score(Longitude)), digits(score(Latitude))}.

%% What servers print of positions differs by version behind that.
%% Servers add with more digits, and print them. Large integers are floats to them.
about(Number) when is_atom(Number) -> Number;
about(Number) -> float_to_binary(float(Number), [{scientific, 12}]).

digits(Float) -> round(Float * 1.0e9).

rounded(Float) -> round(Float * 1000) div 10.

pairs([A, B | Rest]) -> [{A, B} | pairs(Rest)];
pairs([]) -> [].

%% The answers of a mirror which have no order of their own, or digits that servers do not print.
mirrored(Kind, List) when is_list(List), Kind =:= unordered orelse Kind =:= unordered_pairs ->
    lists:sort(List);
mirrored(unordered_pairs, Map) when is_map(Map) ->
    lists:sort(maps:to_list(Map));
mirrored(full, Stream) when is_map(Stream) ->
    full_of_mirror(Stream);
mirrored(positions, List) when is_list(List) ->
    [
        case Position of
            undefined -> undefined;
            {Longitude, Latitude} -> {digits(Longitude), digits(Latitude)}
        end
     || Position <- List
    ];
mirrored(distance, Float) when is_float(Float) ->
    rounded(Float);
mirrored(number, Number) when is_number(Number) ->
    about(Number);
mirrored(_Kind, Answer) ->
    Answer.

%% `{Form, Kind of answer, the same read of a mirror}'.
-spec reads() -> [{string(), kind(), fun((eslaver_mirror:mirror(), [binary()]) -> term())}].
reads() ->
    strings() ++ lists() ++ sets() ++ zsets() ++ ranges() ++ geo() ++ hashes() ++ streams() ++
        arrays() ++ vectors().

strings() ->
    [
        {"GET str", value, fun(M, [K]) -> eslaver_mirror:get(M, K) end},
        {"MGET ( any )+", value, fun eslaver_mirror:mget/2},
        {"EXISTS ( any )+", value, fun eslaver_mirror:exists/2},
        {"TOUCH ( any )+", value, fun eslaver_mirror:touch/2},
        {"EXISTS any", boolean, fun(M, [K]) -> eslaver_mirror:exists(M, K) end},
        {"TYPE any", value, fun(M, [K]) -> type(eslaver_mirror:type(M, K)) end},
        {"DIGEST str", value, fun(M, [K]) -> eslaver_mirror:digest(M, K) end},
        {"STRLEN str", value, fun(M, [K]) -> eslaver_mirror:strlen(M, K) end},
        {"GETRANGE str lo hi", value, fun(M, [K, From, To]) ->
            eslaver_mirror:getrange(M, K, int(From), int(To))
        end},
        {"LCS num num", value, fun(M, [A, B]) -> eslaver_mirror:lcs(M, A, B) end},
        {"LCS num num LEN", value, fun(M, [A, B, _]) -> eslaver_mirror:lcs(M, A, B, [len]) end},
        {"LCS num num IDX MINMATCHLEN bit WITHMATCHLEN", matches, fun(M, [A, B, _, _, Least, _]) ->
            Options = #{idx => true, min_match_len => int(Least), with_match_len => true},
            eslaver_mirror:lcs(M, A, B, Options)
        end},
        {"GETBIT bits bitat", value, fun(M, [K, At]) -> eslaver_mirror:getbit(M, K, int(At)) end},
        {"BITCOUNT bits", value, fun(M, [K]) -> eslaver_mirror:bitcount(M, K) end},
        {"BITCOUNT bits lo hi [ BIT | BYTE ]", value, fun(M, [K, From, To | Unit]) ->
            eslaver_mirror:bitcount(M, K, int(From), int(To), unit(Unit))
        end},
        {"BITPOS bits bit", value, fun(M, [K, Bit]) -> eslaver_mirror:bitpos(M, K, int(Bit)) end},
        {"BITPOS bits bit lo", value, fun(M, [K, Bit, From]) ->
            eslaver_mirror:bitpos(M, K, int(Bit), int(From))
        end},
        {"BITPOS bits bit lo hi [ BIT | BYTE ]", value, fun(M, [K, Bit, From, To | Unit]) ->
            eslaver_mirror:bitpos(M, K, int(Bit), int(From), int(To), unit(Unit))
        end},
        {"BITFIELD_RO bits GET 'u7 some GET 'i13 many", value, fun(M, [K, _, _, A, _, _, B]) ->
            eslaver_mirror:bitfield_ro(M, K, [{u, 7, int(A)}, {i, 13, int(B)}])
        end},
        {"PFCOUNT ( hll )+", value, fun eslaver_mirror:pfcount/2}
    ].

lists() ->
    [
        {"LLEN list", value, fun(M, [K]) -> eslaver_mirror:llen(M, K) end},
        {"LRANGE list lo hi", value, fun(M, [K, From, To]) ->
            eslaver_mirror:lrange(M, K, int(From), int(To))
        end},
        {"LINDEX list index", value, fun(M, [K, At]) -> eslaver_mirror:lindex(M, K, int(At)) end},
        {"LPOS list elem", value, fun(M, [K, E]) -> eslaver_mirror:lpos(M, K, E) end},
        {"LPOS list elem RANK few COUNT few MAXLEN some", value, fun(M, [K, E, _, R, _, C, _, L]) ->
            eslaver_mirror:lpos(M, K, E, #{rank => int(R), count => int(C), maxlen => int(L)})
        end},
        {"LPOS list elem RANK -1 COUNT 0", value, fun(M, [K, E | _]) ->
            eslaver_mirror:lpos(M, K, E, #{rank => -1, count => 0})
        end},
        {"SORT_RO sortable ALPHA LIMIT lo some", value, fun(M, [K, _, _, From, Count]) ->
            eslaver_mirror:sort_ro(M, K, #{alpha => true, limit => {int(From), int(Count)}})
        end}
    ].

sets() ->
    [
        {"SCARD set", value, fun(M, [K]) -> eslaver_mirror:scard(M, K) end},
        {"SISMEMBER set member", boolean, fun(M, [K, E]) -> eslaver_mirror:sismember(M, K, E) end},
        {"SMISMEMBER set ( member )+", booleans, fun(M, [K | Es]) ->
            eslaver_mirror:smismember(M, K, Es)
        end},
        {"SMEMBERS set", unordered, fun(M, [K]) -> eslaver_mirror:smembers(M, K) end},
        {"SINTER ( set )+", unordered, fun eslaver_mirror:sinter/2},
        {"SUNION ( set )+", unordered, fun eslaver_mirror:sunion/2},
        {"SDIFF ( set )+", unordered, fun eslaver_mirror:sdiff/2},
        {"SINTERCARD sets LIMIT few", value, fun(M, Args) ->
            eslaver_mirror:sintercard(M, keys(Args), [{limit, int(lists:last(Args))}])
        end},
        {"SUNIONCARD sets LIMIT few", value, fun(M, Args) ->
            eslaver_mirror:sunioncard(M, keys(Args), [{limit, int(lists:last(Args))}])
        end},
        {"SUNIONCARD sets", value, fun(M, Args) -> eslaver_mirror:sunioncard(M, keys(Args)) end},
        {"SDIFFCARD sets LIMIT few", value, fun(M, Args) ->
            eslaver_mirror:sdiffcard(M, keys(Args), [{limit, int(lists:last(Args))}])
        end},
        {"SDIFFCARD sets", value, fun(M, Args) -> eslaver_mirror:sdiffcard(M, keys(Args)) end}
    ].

zsets() ->
    [
        {"ZCARD zset", value, fun(M, [K]) -> eslaver_mirror:zcard(M, K) end},
        {"ZSCORE zset zmember", score, fun(M, [K, E]) -> eslaver_mirror:zscore(M, K, E) end},
        {"ZMSCORE zset ( zmember )+", scores, fun(M, [K | Es]) ->
            eslaver_mirror:zmscore(M, K, Es)
        end},
        {"ZRANK zset zmember", value, fun(M, [K, E]) -> eslaver_mirror:zrank(M, K, E) end},
        {"ZREVRANK zset zmember", value, fun(M, [K, E]) -> eslaver_mirror:zrevrank(M, K, E) end},
        {"ZRANK zset zmember WITHSCORE", ranked, fun(M, [K, E, _]) ->
            eslaver_mirror:zrank(M, K, E, [with_score])
        end},
        {"ZCOUNT zset bound bound", value, fun(M, [K, From, To]) ->
            eslaver_mirror:zcount(M, K, bound(From), bound(To))
        end},
        {"ZLEXCOUNT names lex lex", value, fun(M, [K, From, To]) ->
            eslaver_mirror:zlexcount(M, K, lex(From), lex(To))
        end},
        {"ZUNION scoreds WITHSCORES", scored, fun(M, Args) ->
            eslaver_mirror:zunion(M, keys(Args), #{with_scores => true})
        end},
        {"ZINTER scoreds AGGREGATE MAX WITHSCORES", scored, fun(M, Args) ->
            eslaver_mirror:zinter(M, keys(Args), #{aggregate => max, with_scores => true})
        end},
        {"ZUNION weighted AGGREGATE COUNT WITHSCORES", scored, fun(M, Args) ->
            eslaver_mirror:zunion(M, keys(Args), #{
                aggregate => count, weights => weights(Args), with_scores => true
            })
        end},
        {"ZINTER scoreds AGGREGATE COUNT WITHSCORES", scored, fun(M, Args) ->
            eslaver_mirror:zinter(M, keys(Args), #{aggregate => count, with_scores => true})
        end},
        {"ZDIFF scoreds WITHSCORES", scored, fun(M, Args) ->
            eslaver_mirror:zdiff(M, keys(Args), #{with_scores => true})
        end},
        {"ZINTERCARD zsets LIMIT few", value, fun(M, Args) ->
            eslaver_mirror:zintercard(M, keys(Args), [{limit, int(lists:last(Args))}])
        end}
    ].

ranges() ->
    Scores = #{with_scores => true},
    [
        {"ZRANGE zset lo hi WITHSCORES", scored, fun(M, [K, From, To | _]) ->
            eslaver_mirror:zrange(M, K, int(From), int(To), Scores)
        end},
        {"ZRANGE zset lo hi REV", value, fun(M, [K, From, To | _]) ->
            eslaver_mirror:zrange(M, K, int(From), int(To), #{rev => true})
        end},
        {"ZREVRANGE zset lo hi WITHSCORES", scored, fun(M, [K, From, To | _]) ->
            eslaver_mirror:zrevrange(M, K, int(From), int(To), Scores)
        end},
        {"ZRANGEBYSCORE zset bound bound WITHSCORES", scored, fun(M, [K, From, To | _]) ->
            eslaver_mirror:zrangebyscore(M, K, bound(From), bound(To), Scores)
        end},
        {"ZREVRANGEBYSCORE zset bound bound LIMIT few some", value, fun(M, Args) ->
            [K, From, To, _, Offset, Count] = Args,
            eslaver_mirror:zrevrangebyscore(M, K, bound(From), bound(To), limit(Offset, Count))
        end},
        %% what a server makes of a negative offset depends on how it stores the set
        {"ZRANGE zset bound bound BYSCORE LIMIT bit some", value, fun(M, Args) ->
            [K, From, To, _, _, Offset, Count] = Args,
            Options = (limit(Offset, Count))#{by => score},
            eslaver_mirror:zrange(M, K, bound(From), bound(To), Options)
        end},
        {"ZRANGEBYLEX names lex lex", value, fun(M, [K, From, To]) ->
            eslaver_mirror:zrangebylex(M, K, lex(From), lex(To))
        end},
        {"ZREVRANGEBYLEX names lex lex LIMIT few some", value, fun(M, Args) ->
            [K, From, To, _, Offset, Count] = Args,
            eslaver_mirror:zrevrangebylex(M, K, lex(From), lex(To), limit(Offset, Count))
        end}
    ].

geo() ->
    [
        {"GEOPOS geo ( place )+", positions, fun(M, [K | Es]) ->
            eslaver_mirror:geopos(M, K, Es)
        end},
        {"GEOHASH geo ( place )+", value, fun(M, [K | Es]) -> eslaver_mirror:geohash(M, K, Es) end},
        {"GEODIST geo place place KM", distance, fun(M, [K, A, B, _]) ->
            eslaver_mirror:geodist(M, K, A, B, #{unit => km})
        end},
        {"GEOSEARCH geo FROMLONLAT 14.5 37.5 BYRADIUS radius KM", unordered, fun(M, Args) ->
            [K, _, _, _, _, Radius, _] = Args,
            eslaver_mirror:geosearch(M, K, #{
                from => {lonlat, 14.5, 37.5}, by => {radius, int(Radius), km}
            })
        end},
        {"GEOSEARCH geo FROMLONLAT 14.5 37.5 BYBOX radius radius KM ASC COUNT few", value, fun(
            M, Args
        ) ->
            [K, _, _, _, _, Width, Height, _, _, _, Count] = Args,
            eslaver_mirror:geosearch(M, K, #{
                from => {lonlat, 14.5, 37.5},
                by => {box, int(Width), int(Height), km},
                order => asc,
                count => int(Count)
            })
        end},
        {"GEORADIUS_RO geo 14.5 37.5 radius KM ASC COUNT few", value, fun(M, Args) ->
            [K, _, _, Radius, _, _, _, Count] = Args,
            Options = #{order => asc, count => int(Count)},
            eslaver_mirror:georadius_ro(M, K, 14.5, 37.5, int(Radius), km, Options)
        end},
        {"GEORADIUSBYMEMBER_RO geo place radius KM", unordered, fun(M, [K, Place, Radius, _]) ->
            eslaver_mirror:georadiusbymember_ro(M, K, Place, int(Radius), km)
        end}
    ].

hashes() ->
    [
        {"HGET hash field", value, fun(M, [K, F]) -> eslaver_mirror:hget(M, K, F) end},
        {"HMGET hash ( field )+", value, fun(M, [K | Fs]) -> eslaver_mirror:hmget(M, K, Fs) end},
        {"HGETALL ( hash | ttlhash )", unordered_pairs, fun(M, [K]) ->
            eslaver_mirror:hgetall(M, K)
        end},
        {"HLEN hash", value, fun(M, [K]) -> eslaver_mirror:hlen(M, K) end},
        {"HEXISTS ttlhash field", boolean, fun(M, [K, F]) -> eslaver_mirror:hexists(M, K, F) end},
        {"HKEYS hash", unordered, fun(M, [K]) -> eslaver_mirror:hkeys(M, K) end},
        {"HVALS hash", unordered, fun(M, [K]) -> eslaver_mirror:hvals(M, K) end},
        {"HSTRLEN hash field", value, fun(M, [K, F]) -> eslaver_mirror:hstrlen(M, K, F) end},
        {"HEXPIRETIME ttlhash FIELDS fields", times, fun(M, [K, _, _ | Fs]) ->
            eslaver_mirror:hexpiretime(M, K, Fs)
        end},
        {"HPEXPIRETIME ttlhash FIELDS fields", times, fun(M, [K, _, _ | Fs]) ->
            eslaver_mirror:hpexpiretime(M, K, Fs)
        end}
    ].

streams() ->
    [
        {"XLEN stream", value, fun(M, [K]) -> eslaver_mirror:xlen(M, K) end},
        {"XRANGE stream oldid oldid", entries, fun(M, [K, From, To]) ->
            eslaver_mirror:xrange(M, K, From, To)
        end},
        {"XRANGE stream oldid + COUNT few", entries, fun(M, [K, From, _, _, Count]) ->
            eslaver_mirror:xrange(M, K, From, '+', #{count => int(Count)})
        end},
        {"XRANGE stream - + COUNT lo", entries, fun(M, [K, _, _, _, Count]) ->
            eslaver_mirror:xrange(M, K, '-', '+', [{count, int(Count)}])
        end},
        {"XREAD COUNT few STREAMS stream stream oldid oldid", streams, fun(M, Args) ->
            [_, Count, _, A, B, AfterA, AfterB] = Args,
            eslaver_mirror:xread(M, [{A, AfterA}, {B, AfterB}], #{count => int(Count)})
        end},
        {"XINFO STREAM stream FULL COUNT few", full, fun(M, [_, K, _, _, Count]) ->
            eslaver_mirror:xinfo_stream(M, K, #{full => true, count => int(Count)})
        end},
        {"XREVRANGE stream + oldid COUNT few", entries, fun(M, [K, _, To, _, Count]) ->
            eslaver_mirror:xrevrange(M, K, '+', To, #{count => int(Count)})
        end}
    ].

arrays() ->
    Operations = "( SUM | MIN | MAX | AND | OR | XOR | USED )",
    [
        {"ARGET array aindex", value, fun(M, [K, I]) -> eslaver_mirror:arget(M, K, int(I)) end},
        {"ARMGET array ( aindex )+", value, fun(M, [K | Is]) ->
            eslaver_mirror:armget(M, K, ints(Is))
        end},
        {"ARGETRANGE ( array | ring ) spot spot", value, fun(M, [K, From, To]) ->
            eslaver_mirror:argetrange(M, K, int(From), int(To))
        end},
        {"ARLEN ( array | ring )", indexes, fun(M, [K]) -> eslaver_mirror:arlen(M, K) end},
        {"ARCOUNT ( array | ring )", value, fun(M, [K]) -> eslaver_mirror:arcount(M, K) end},
        {"ARNEXT ( array | ring )", indexes, fun(M, [K]) -> eslaver_mirror:arnext(M, K) end},
        {"ARSCAN array aindex aindex", indexed, fun(M, [K, From, To]) ->
            eslaver_mirror:arscan(M, K, int(From), int(To))
        end},
        {"ARSCAN array aindex aindex LIMIT few", indexed, fun(M, [K, From, To, _, Limit]) ->
            eslaver_mirror:arscan(M, K, int(From), int(To), #{limit => int(Limit)})
        end},
        {"ARLASTITEMS ring some", value, fun(M, [K, Count]) ->
            eslaver_mirror:arlastitems(M, K, int(Count))
        end},
        {"ARLASTITEMS ( ring | array ) few REV", value, fun(M, [K, Count, _]) ->
            eslaver_mirror:arlastitems(M, K, int(Count), #{rev => true})
        end},
        {"ARGREP array - + EXACT aelem GLOB '*1* OR", indexes, fun(M, Args) ->
            [K, _, _, _, Text, _, Glob, _] = Args,
            eslaver_mirror:argrep(M, K, '-', '+', #{exact => [Text], glob => [Glob]})
        end},
        {"ARGREP array + aindex MATCH V LIMIT few WITHVALUES NOCASE", indexed, fun(M, Args) ->
            [K, _, To, _, Text, _, Limit | _] = Args,
            eslaver_mirror:argrep(M, K, '+', int(To), #{
                match => [Text], limit => int(Limit), with_values => true, nocase => true
            })
        end},
        {"ARGREP array - + MATCH 'e GLOB 'e1* AND", indexes, fun(M, [K, _, _, _, E, _, Glob, _]) ->
            eslaver_mirror:argrep(M, K, '-', '+', #{match => [E], glob => [Glob], combine => 'and'})
        end},
        {"AROP array aindex aindex " ++ Operations, number, fun(M, Args) ->
            [K, From, To, Name] = Args,
            Operation = binary_to_existing_atom(string:lowercase(Name)),
            eslaver_mirror:arop(M, K, int(From), int(To), Operation)
        end},
        {"AROP array aindex aindex MATCH aelem", value, fun(M, [K, From, To, _, Text]) ->
            eslaver_mirror:arop(M, K, int(From), int(To), {match, Text})
        end}
    ].

vectors() ->
    Set = "( vec | vecfull | vecbin | vecred )",
    [
        {"VCARD " ++ Set, value, fun(M, [K]) -> eslaver_mirror:vcard(M, K) end},
        {"VISMEMBER " ++ Set ++ " velem", boolean, fun(M, [K, E]) ->
            eslaver_mirror:vismember(M, K, E)
        end},
        {"VGETATTR " ++ Set ++ " velem", value, fun(M, [K, E]) ->
            eslaver_mirror:vgetattr(M, K, E)
        end},
        {"VEMB " ++ Set ++ " velem", floats, fun(M, [K, E]) -> eslaver_mirror:vemb(M, K, E) end},
        {"VRANGE " ++ Set ++ " lex lex", value, fun(M, [K, From, To]) ->
            eslaver_mirror:vrange(M, K, lex(From), lex(To))
        end},
        {"VRANGE " ++ Set ++ " - lex few", value, fun(M, [K, _, To, Count]) ->
            eslaver_mirror:vrange(M, K, '-', lex(To), #{count => int(Count)})
        end}
    ].

type(Type) when is_atom(Type) -> atom_to_binary(Type);
type({module, Name}) -> Name;
type(Error) -> Error.

int(Text) -> binary_to_integer(Text).

ints(Texts) -> [int(Text) || Text <- Texts].

unit([]) -> #{};
unit([<<"BYTE">>]) -> #{unit => byte};
unit([<<"BIT">>]) -> #{unit => bit}.

keys([Count | Args]) -> lists:sublist(Args, int(Count)).

weights([Count | Args]) ->
    [number(Weight) || Weight <- lists:sublist(Args, int(Count) + 2, int(Count))].

limit(Offset, Count) -> #{limit => {int(Offset), int(Count)}}.

bound(<<"(", Score/binary>>) -> {exclusive, number(Score)};
bound(Score) -> number(Score).

number(<<"+inf">>) -> inf;
number(Text) -> eslaver_test_master_data:score(Text).

lex(<<"[", Text/binary>>) -> {inclusive, Text};
lex(<<"(", Text/binary>>) -> {exclusive, Text};
lex(<<"-">>) -> '-';
lex(<<"+">>) -> '+'.
