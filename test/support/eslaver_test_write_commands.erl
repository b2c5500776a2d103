%% A command of each kind that writes, what has to be there before, and the keys that it changes:
%% `{Before, Command, Changed}'. A command is its words; `<dump:k>' is what DUMP answers for k. A
%% changed key in another db than 0 is `{Db, Key}'.
-module(eslaver_test_write_commands).

-export([all/0, is_newer_form/1, not_run/0, name/1, words/1, of_server/1]).
-export_type([write/0]).

-type command() :: string() | [string()].
-type write() :: {[command()], command(), [string() | {non_neg_integer(), string()}]}.

-spec words(command()) -> [string()].
words([First | _] = Words) when is_list(First) -> Words;
words(Text) -> string:lexemes(Text, " ").

-spec name(command()) -> binary().
name(Command) -> list_to_binary(string:lowercase(hd(words(Command)))).

%% Write commands for which there is no such thing: those without keys, those of a cluster, those
%% that only another server or a test of the server itself sends, HIMPORT, which needs what the same
%% client has sent before, and PFCOUNT, which writes only at times and is no write to most servers.
-spec not_run() -> [binary()].
not_run() ->
    [
        <<"cluster">>,
        <<"flushall">>,
        <<"flushdb">>,
        <<"function">>,
        <<"himport">>,
        <<"migrate">>,
        <<"pfcount">>,
        <<"pfdebug">>,
        <<"swapdb">>,
        <<"trimslots">>,
        <<"xidmprecord">>
    ].

%% Whether servers may refuse it that know the command: its first versions did not have this form.
-spec is_newer_form(command()) -> boolean().
is_newer_form(Command) ->
    lists:member(Command, ["SPOP a 2", "ZUNIONSTORE d 2 a b AGGREGATE COUNT"]).

-spec all() -> [write()].
all() ->
    strings() ++ keys() ++ lists() ++ sets() ++ zsets() ++ hashes() ++ others() ++ streams().

strings() ->
    K = ["SET k 5"],
    AB = ["SET a x", "SET b y"],
    [
        {[], "SET k v", ["k"]},
        {K, "SET k v EX 1000", ["k"]},
        {K, "APPEND k v", ["k"]},
        {K, "BITFIELD k SET u8 0 1", ["k"]},
        {AB, "BITOP AND d a b", ["d"]},
        {K, "DECR k", ["k"]},
        {K, "DECRBY k 2", ["k"]},
        {K, "DELEX k", ["k"]},
        {K, "DELIFEQ k 5", ["k"]},
        {K, "GETDEL k", ["k"]},
        {K, "GETEX k EX 1000", ["k"]},
        {K, "GETSET k v", ["k"]},
        {K, "INCR k", ["k"]},
        {K, "INCRBY k 2", ["k"]},
        {K, "INCRBYFLOAT k 2.5", ["k"]},
        {K, "INCREX k BYINT 2 EX 1000", ["k"]},
        {[], "MSET a 1 b 2 c 3", ["a", "b", "c"]},
        {[], "MSETEX 2 a 1 b 2 EX 1000", ["a", "b"]},
        {[], "MSETNX a 1 b 2", ["a", "b"]},
        {[], "PSETEX k 1000000 v", ["k"]},
        {[], "SETBIT k 7 1", ["k"]},
        {[], "SETEX k 1000 v", ["k"]},
        {[], "SETNX k v", ["k"]},
        {K, "SETRANGE k 2 x", ["k"]},
        {[], "PFADD a x y", ["a"]},
        {["PFADD a x", "PFADD b y"], "PFMERGE d a b", ["d"]},
        {[], ["EVAL", "return redis.call('set', KEYS[1], 'x')", "1", "k"], ["k"]}
    ].

keys() ->
    K = ["SET k 5"],
    [
        {["SET a 1", "SET b 2"], "DEL a b", ["a", "b"]},
        {["SET a 1", "SET b 2"], "UNLINK a b", ["a", "b"]},
        {K, "COPY k d", ["d"]},
        {K, "COPY k d DB 3", [{3, "d"}]},
        {K, "MOVE k 3", ["k", {3, "k"}]},
        {K, "EXPIRE k 1000", ["k"]},
        {K, "EXPIREAT k 4102444800", ["k"]},
        {K, "PEXPIRE k 1000000", ["k"]},
        {K, "PEXPIREAT k 4102444800000", ["k"]},
        {["SETEX k 1000 v"], "PERSIST k", ["k"]},
        {K, "EXPIRE k -1", ["k"]},
        {K, "RENAME k d", ["k", "d"]},
        {K, "RENAMENX k d", ["k", "d"]},
        {K, "RESTORE d 0 <dump:k>", ["d"]},
        {K, "RESTORE-ASKING d 0 <dump:k>", ["d"]},
        {["RPUSH l 3 1 2"], "SORT l STORE d", ["d"]}
    ].

lists() ->
    L = ["RPUSH l 1 2 3"],
    [
        {L, "BLMOVE l m LEFT RIGHT 1", ["l", "m"]},
        {L, "BLMOVEM l m LEFT RIGHT 1 COUNT 2 BULK", ["l", "m"]},
        {L, "BLMPOP 1 2 m l LEFT", ["l"]},
        {L, "BLPOP m l 1", ["l"]},
        {L, "BRPOP m l 1", ["l"]},
        {L, "BRPOPLPUSH l m 1", ["l", "m"]},
        {L, "LINSERT l BEFORE 1 0", ["l"]},
        {L, "LMOVE l m LEFT RIGHT", ["l", "m"]},
        {L, "LMOVEM l m LEFT LEFT EXACTLY 2 OBO", ["l", "m"]},
        {L, "LMPOP 2 m l LEFT", ["l"]},
        {L, "LPOP l", ["l"]},
        {[], "LPUSH l 1", ["l"]},
        {L, "LPUSHX l 1", ["l"]},
        {L, "LREM l 0 1", ["l"]},
        {L, "LSET l 0 x", ["l"]},
        {L, "LTRIM l 1 1", ["l"]},
        {L, "RPOP l", ["l"]},
        {L, "RPOPLPUSH l m", ["l", "m"]},
        {[], "RPUSH l 1", ["l"]},
        {L, "RPUSHX l 1", ["l"]}
    ].

sets() ->
    AB = ["SADD a 1 2 3", "SADD b 1 2"],
    [
        {[], "SADD s 1", ["s"]},
        {AB, "SREM a 1", ["a"]},
        {AB, "SPOP a", ["a"]},
        {AB, "SPOP a 2", ["a"]},
        {AB, "SMOVE a b 3", ["a", "b"]},
        {AB, "SDIFFSTORE d a b", ["d"]},
        {AB, "SINTERSTORE d a b", ["d"]},
        {AB, "SUNIONSTORE d a b", ["d"]}
    ].

zsets() ->
    AB = ["ZADD a 1 x 2 y 3 z", "ZADD b 1 x 2 y"],
    Geo = ["GEOADD g 13.3 38.1 p 15.0 37.5 q"],
    [
        {[], "ZADD z 1 x", ["z"]},
        {AB, "ZINCRBY a 2 x", ["a"]},
        {AB, "ZREM a x", ["a"]},
        {AB, "ZPOPMAX a", ["a"]},
        {AB, "ZPOPMIN a", ["a"]},
        {AB, "BZPOPMAX c a 1", ["a"]},
        {AB, "BZPOPMIN c a 1", ["a"]},
        {AB, "ZMPOP 2 c a MIN", ["a"]},
        {AB, "BZMPOP 1 2 c a MIN", ["a"]},
        {AB, "ZREMRANGEBYLEX a [x [x", ["a"]},
        {AB, "ZREMRANGEBYRANK a 0 0", ["a"]},
        {AB, "ZREMRANGEBYSCORE a 1 2", ["a"]},
        {AB, "ZDIFFSTORE d 2 a b", ["d"]},
        {AB, "ZINTERSTORE d 2 a b", ["d"]},
        {AB, "ZUNIONSTORE d 2 a b WEIGHTS 1 2", ["d"]},
        {AB, "ZUNIONSTORE d 2 a b AGGREGATE COUNT", ["d"]},
        {AB, "ZRANGESTORE d a 0 -1", ["d"]},
        {[], hd(Geo), ["g"]},
        {Geo, "GEORADIUS g 14 38 400 km STORE d", ["d"]},
        {Geo, "GEORADIUSBYMEMBER g p 400 km COUNT 1 STOREDIST d", ["d"]},
        {Geo, "GEOSEARCHSTORE d g FROMMEMBER p BYRADIUS 400 km", ["d"]}
    ].

hashes() ->
    H = ["HMSET h f 1 g 2"],
    [
        {[], "HSET h f 1", ["h"]},
        {[], "HMSET h f 1", ["h"]},
        {[], "HSETNX h f 1", ["h"]},
        {H, "HDEL h f", ["h"]},
        {H, "HINCRBY h f 2", ["h"]},
        {H, "HINCRBYFLOAT h f 2.5", ["h"]},
        {H, "HEXPIRE h 1000 FIELDS 1 f", ["h"]},
        {H, "HEXPIREAT h 4102444800 FIELDS 1 f", ["h"]},
        {H, "HPEXPIRE h 1000000 FIELDS 1 f", ["h"]},
        {H, "HPEXPIREAT h 4102444800000 FIELDS 1 f", ["h"]},
        {H ++ ["HEXPIRE h 1000 FIELDS 1 f"], "HPERSIST h FIELDS 1 f", ["h"]},
        {H, "HGETDEL h FIELDS 1 f", ["h"]},
        {H, "HGETEX h EX 1000 FIELDS 1 f", ["h"]},
        {H, "HSETEX h EX 1000 FIELDS 1 f v", ["h"]}
    ].

others() ->
    A = ["ARSET a 1 x y z"],
    V = ["VADD v VALUES 2 1 1 e", "VADD v VALUES 2 1 2 f"],
    [
        {[], hd(V), ["v"]},
        {V, "VREM v e", ["v"]},
        {V, ["VSETATTR", "v", "e", "{\"a\": 1}"], ["v"]},
        {[], hd(A), ["a"]},
        {A, "ARMSET a 7 x 100000 y", ["a"]},
        {A, "ARINSERT a x", ["a"]},
        {A, "ARRING a 2 u v w", ["a"]},
        {A, "ARDEL a 2", ["a"]},
        {A, "ARDELRANGE a 0 1", ["a"]},
        {A, "ARSEEK a 9", ["a"]}
    ].

streams() ->
    S = ["XADD s 1-1 f v", "XADD s 2-1 f v"],
    G = S ++ ["XGROUP CREATE s g 0"],
    R = G ++ ["XREADGROUP GROUP g c STREAMS s >"],
    [
        {[], "XADD s 1-1 f v", ["s"]},
        {S, "XADD s MAXLEN 1 3-1 f v", ["s"]},
        {S, "XDEL s 1-1", ["s"]},
        {S, "XDELEX s IDS 1 1-1", ["s"]},
        {S, "XTRIM s MAXLEN 1", ["s"]},
        {S, "XSETID s 5-0", ["s"]},
        {S, "XCFGSET s IDMP-DURATION 200", ["s"]},
        {S, "XGROUP CREATE s g 0", ["s"]},
        {G, "XGROUP SETID s g 1-1", ["s"]},
        {G, "XGROUP DESTROY s g", ["s"]},
        {R, "XGROUP DELCONSUMER s g c", ["s"]},
        {G, "XREADGROUP GROUP g c STREAMS s >", ["s"]},
        {R, "XACK s g 1-1", ["s"]},
        {R, "XACKDEL s g IDS 1 1-1", ["s"]},
        {R, "XNACK s g FAIL IDS 1 1-1", ["s"]},
        {R, "XCLAIM s g d 0 1-1", ["s"]},
        {R, "XAUTOCLAIM s g d 0 0", ["s"]}
    ].

%% The write commands that a server says it has, in lower case, and EVAL; those of modules, too.
-spec of_server(eslaver_test_client:client()) -> [{Name :: binary(), own | module}].
of_server(Client) ->
    [
        {Name, whose(Name, Flags)}
     || [Given, _Arity, Flags | _] = Command <- eslaver_test_client:ok(Client, ["COMMAND"]),
        Name <- [string:lowercase(Given)],
        Name =:= <<"eval">> orelse is_write(Flags, Command)
    ].

%% Vector sets are a module's that is part of the server.
whose(<<"v", _/binary>>, _Flags) ->
    own;
whose(_Name, Flags) ->
    case lists:member(<<"module">>, Flags) of
        true -> module;
        false -> own
    end.

%% Some are only so in their subcommands.
is_write(Flags, Command) ->
    lists:member(<<"write">>, Flags) orelse
        (length(Command) > 9 andalso
            lists:any(
                fun([_, _, F | _]) -> lists:member(<<"write">>, F) end, lists:nth(10, Command)
            )).
