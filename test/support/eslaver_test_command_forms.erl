%% The write commands of all servers, in all forms, and how often each is to be used. A word in
%% capitals or behind a quote is used as it is, any other is one of eslaver_test_command_words. For
%% choices see eslaver_test_command_grammar.
-module(eslaver_test_command_forms).

-export([writes/0, blocking/0, names/0, is_faithful/1, is_certain/2]).

%% The commands that workloads have, with those of which there is more than a form, and those left
%% out: of a cluster, to another server, and those that only servers and tests of them send.
-spec names() -> [string()].
names() ->
    LeftOut = ["CLUSTER", "MIGRATE", "PFDEBUG", "RESTORE-ASKING", "TRIMSLOTS", "XIDMPRECORD"],
    Wrapped = ["EVAL", "EVALSHA", "FCALL", "FLUSHALL", "FLUSHDB"],
    Texts =
        [Text || {_, Group} <- writes(), Text <- Group] ++ [Text || {_, Text, _, _} <- blocking()],
    LeftOut ++ Wrapped ++ lists:usort([hd(string:lexemes(Text, " ")) || Text <- Texts]).

%% Whether all that it changes on a master is told to replicas, by all versions. A consumer that
%% asked in vain, what BITFIELD with OVERFLOW FAIL made longer, how far a trim went by guess, and
%% another vector for an element that is there, are not.
-spec is_faithful(eslaver_test_command_grammar:form()) -> boolean().
is_faithful([Name | _] = Form) ->
    not lists:member(Name, ["BITFIELD", "XREADGROUP", "XCLAIM", "XAUTOCLAIM"]) andalso
        not lists:member("~", Form) andalso
        not (Name =:= "VADD" andalso lists:member("velem", Form)).

%% Whether a replica can know what it does. Servers before 3.2 do not tell their version, and what
%% they make of SORT with `BY nosort', and of the time of a key that is moved, depends on it. What
%% those before 6.0 make of negative integers of 64 bits in BITFIELD depends on who compiled them.
-spec is_certain(eslaver_test_command_grammar:form(), Version :: [integer()]) -> boolean().
is_certain(Form, Version) ->
    not (Version < [6, 0] andalso lists:member("bitop64", Form)) andalso
        not (Version < [3, 2] andalso (lists:member("'nosort", Form) orelse hd(Form) =:= "MOVE")).

%% `{Weight, [Form]}': the weight is that of all the forms of a command.
-spec writes() -> [{pos_integer(), [string()]}].
writes() ->
    strings() ++ bits() ++ keys() ++ lists() ++ sets() ++ zsets() ++ geo() ++ hashes() ++
        field_times() ++ streams() ++ groups() ++ arrays() ++ vectors() ++ server().

strings() ->
    Time = " ( EX secs | PX msecs | EXAT ats | PXAT atms ) ",
    [
        {60, ["SET str val"]},
        {30, [
            "SET str val" ++ Time ++ "[ NX | XX ] [ GET ]",
            "SET num numval",
            "SET str val KEEPTTL [ NX | XX ] [ GET ]",
            "SET str val ( NX | XX | GET )",
            "SET num numval ( IFEQ | IFNE ) int [ EX secs | KEEPTTL ] [ GET ]",
            "SET str val ( IFDEQ | IFDNE ) digest"
        ]},
        {5, ["SETEX str secs val"]},
        {5, ["PSETEX str msecs val"]},
        {5, ["SETNX str val"]},
        {5, ["GETSET str val"]},
        {5, ["GETDEL str"]},
        {8, ["GETEX str", "GETEX str" ++ Time, "GETEX str PERSIST"]},
        {15, ["APPEND str val"]},
        {8, ["SETRANGE str byteat val"]},
        {8, ["INCR num"]},
        {8, ["DECR num"]},
        {8, ["INCRBY num int"]},
        {8, ["DECRBY num int"]},
        {8, ["INCRBYFLOAT num float"]},
        {10, ["MSET ( str val )+"]},
        {3, ["MSETNX ( str val )+"]},
        {10, [
            "MSETEX values [ NX | XX ]",
            "MSETEX values [ NX | XX ]" ++ Time,
            "MSETEX values KEEPTTL"
        ]},
        {8, ["DELEX num", "DELEX num ( IFEQ | IFNE ) int", "DELEX str ( IFDEQ | IFDNE ) digest"]},
        {4, ["DELIFEQ num int"]},
        {8, [
            "INCREX num [ BYINT int | BYFLOAT float ]",
            "INCREX num BYINT int" ++ Time ++ "[ ENX ]",
            "INCREX num ( BYINT int | BYFLOAT float ) PERSIST",
            "INCREX num BYINT int ( LBOUND 0 | UBOUND 20 ) [ SATURATE ] [ EX secs ]"
        ]}
    ].

bits() ->
    [
        {25, ["SETBIT bits bitat bit"]},
        {25, ["BITFIELD bits ( bitop )+", "BITFIELD bits bitop64", "BITFIELD bits bitfail"]},
        {10, [
            "BITOP ( AND | OR | XOR ) bits ( bits )+",
            "BITOP ( AND | OR | XOR ) bits str ( bits )+",
            "BITOP NOT bits bits",
            "BITOP ( DIFF | DIFF1 | ANDOR ) bits bits ( bits )+",
            "BITOP ONE bits ( bits )+"
        ]},
        {30, ["PFADD hll ( elem )+", "PFADD hll"]},
        {8, ["PFMERGE hll ( hll )+", "PFMERGE hll"]},
        {4, ["DEL hll", "RENAME hll hll", "COPY hll str REPLACE", "PEXPIRE hll msecs"]},
        {8, ["PFCOUNT hll", "PFCOUNT hll hll"]}
    ].

keys() ->
    [
        {8, ["DEL ( any )+"]},
        {6, ["UNLINK ( any )+"]},
        {12, ["COPY any any [ REPLACE ]", "COPY any any DB db [ REPLACE ]"]},
        {8, ["MOVE any db"]},
        {5, ["RENAME ( any any | list list | zset zset | hash hash | set set | stream stream )"]},
        {4, ["RENAMENX ( any any | str str | log log | bits bits )"]},
        {12, ["EXPIRE any secs [ NX | XX | GT | LT ]", "EXPIRE any -1"]},
        {12, ["PEXPIRE any msecs [ NX | XX | GT | LT ]"]},
        {6, ["EXPIREAT any ats [ NX | XX | GT | LT ]"]},
        {6, ["PEXPIREAT any atms [ NX | XX | GT | LT ]"]},
        {10, ["PERSIST any"]},
        {12, [
            "RESTORE any ttl dump [ REPLACE ]",
            "RESTORE any atms dump ABSTTL [ REPLACE ]",
            "RESTORE any 0 dump REPLACE ( IDLETIME some | FREQ few )"
        ]},
        {12, [
            "SORT sortable [ DESC ] ALPHA STORE list",
            "SORT list [ LIMIT lo some ] [ DESC ] ALPHA STORE ( list | any )",
            "SORT sortable BY 'nosort [ LIMIT lo some ] STORE list",
            "SORT zset BY 'nosort DESC STORE list",
            "SORT sortable BY 'w*->f1 GET # GET 'hash:*->f2 STORE list",
            "SORT set BY 'num:* GET 'str:* [ DESC ] STORE list",
            "SORT sortable STORE list"
        ]}
    ].

lists() ->
    [
        {40, ["LPUSH list ( elem )+"]},
        {40, ["RPUSH list ( elem )+"]},
        {10, ["LPUSHX list ( elem )+"]},
        {10, ["RPUSHX list ( elem )+"]},
        {10, ["LPOP list", "LPOP list few"]},
        {10, ["RPOP list", "RPOP list few"]},
        {25, ["LINSERT list ( BEFORE | AFTER ) elem elem"]},
        {25, ["LSET list index elem"]},
        {12, ["LREM list count elem"]},
        {4, ["LTRIM list lo hi"]},
        {8, ["RPOPLPUSH list list"]},
        {12, ["LMOVE list list ( LEFT | RIGHT ) ( LEFT | RIGHT )"]},
        {6, ["LMPOP lists ( LEFT | RIGHT ) [ COUNT few ]"]},
        {12, [
            "LMOVEM list list ( LEFT | RIGHT ) ( LEFT | RIGHT )",
            "LMOVEM list list ( LEFT | RIGHT ) ( LEFT | RIGHT ) "
            "( COUNT | EXACTLY ) few ( OBO | BULK )"
        ]}
    ].

sets() ->
    [
        {80, ["SADD set ( member )+"]},
        {25, ["SREM set ( member )+"]},
        {12, ["SPOP set", "SPOP set few", "SPOP set some"]},
        {10, ["SMOVE set set member"]},
        {6, ["SDIFFSTORE set ( set )+"]},
        {6, ["SINTERSTORE set ( set )+"]},
        {8, ["SUNIONSTORE set ( set )+"]}
    ].

zsets() ->
    Aggregate = "[ AGGREGATE SUM | AGGREGATE MIN | AGGREGATE MAX | AGGREGATE COUNT ]",
    [
        {80, [
            "ZADD zset ( score zmember )+",
            "ZADD zset ( NX | XX | GT | LT | XX GT | XX LT ) [ CH ] ( score zmember )+",
            "ZADD zset CH ( score zmember )+",
            "ZADD zset [ NX | XX | GT | LT ] INCR score zmember"
        ]},
        {15, ["ZINCRBY zset score zmember"]},
        {15, ["ZREM zset ( zmember )+"]},
        {5, ["ZPOPMIN zset", "ZPOPMIN zset few"]},
        {5, ["ZPOPMAX zset", "ZPOPMAX zset few"]},
        {5, ["ZMPOP zsets ( MIN | MAX ) [ COUNT few ]"]},
        {3, ["ZREMRANGEBYRANK zset index index"]},
        {3, ["ZREMRANGEBYSCORE zset bound bound"]},
        {15, ["ZADD names ( 7 zmember )+"]},
        {8, ["ZREMRANGEBYLEX names lex lex"]},
        {8, ["ZUNIONSTORE zset scoreds " ++ Aggregate, "ZUNIONSTORE zset weighted " ++ Aggregate]},
        {8, ["ZINTERSTORE zset scoreds " ++ Aggregate, "ZINTERSTORE zset weighted " ++ Aggregate]},
        {6, ["ZDIFFSTORE zset scoreds"]},
        {8, [
            "ZRANGESTORE zset zset lo hi [ REV ]",
            "ZRANGESTORE zset zset bound bound BYSCORE [ REV ] [ LIMIT few some ]",
            "ZRANGESTORE zset names lex lex BYLEX [ REV ] [ LIMIT few some ]"
        ]}
    ].

geo() ->
    Radius = " radius unit [ COUNT few | COUNT few ANY ] [ ASC | DESC ] ( STORE | STOREDIST ) zset",
    [
        {25, ["GEOADD geo ( lon lat place )+", "GEOADD geo ( NX | XX | CH ) ( lon lat place )+"]},
        {5, ["GEORADIUS geo lon lat" ++ Radius]},
        {5, ["GEORADIUSBYMEMBER geo place" ++ Radius]},
        {10, [
            "GEOSEARCHSTORE zset geo ( FROMMEMBER place | FROMLONLAT lon lat ) "
            "( BYRADIUS radius unit | BYBOX radius radius unit ) "
            "[ ASC | DESC ] [ COUNT few | COUNT few ANY ] [ STOREDIST ]",
            "GEOSEARCHSTORE geo geo FROMLONLAT lon lat BYRADIUS radius unit"
        ]}
    ].

hashes() ->
    [
        {60, ["HSET hash ( field val )+", "HSET ttlhash ( field val )+"]},
        {20, ["HMSET hash ( field val )+"]},
        {10, ["HSETNX hash field val"]},
        {20, ["HDEL hash ( field )+", "HDEL ttlhash ( field )+"]},
        {20, ["HINCRBY hash field int", "HINCRBY ttlhash field int"]},
        {20, ["HINCRBYFLOAT hash field float"]},
        {4, ["HIMPORT PREPARE 'template 'f1 'f2 'f3", "HIMPORT PREPARE 'template 'f3 'f9 'f1"]},
        {12, ["HIMPORT SET ( hash | ttlhash ) 'template val val val"]}
    ].

field_times() ->
    Time = " ( EX secs | PX msecs | EXAT ats | PXAT atms ) ",
    [
        {12, ["HEXPIRE ttlhash secs [ NX | XX | GT | LT ] FIELDS fields"]},
        {12, ["HPEXPIRE ttlhash msecs [ NX | XX | GT | LT ] FIELDS fields"]},
        {8, ["HEXPIREAT ttlhash ats [ NX | XX | GT | LT ] FIELDS fields"]},
        {8, ["HPEXPIREAT ttlhash atms [ NX | XX | GT | LT ] FIELDS fields"]},
        {10, ["HPERSIST ttlhash FIELDS fields"]},
        {5, ["HGETDEL ttlhash FIELDS fields"]},
        {12, [
            "HGETEX ttlhash FIELDS fields",
            "HGETEX ttlhash" ++ Time ++ "FIELDS fields",
            "HGETEX ttlhash PERSIST FIELDS fields"
        ]},
        {25, [
            "HSETEX ttlhash [ FNX | FXX ] FIELDS pairs",
            "HSETEX ttlhash [ FNX | FXX ]" ++ Time ++ "FIELDS pairs",
            "HSETEX ttlhash [ FNX | FXX ] KEEPTTL FIELDS pairs",
            "HSETEX ttlhash ( NX | XX ) EX secs FIELDS pairs"
        ]}
    ].

streams() ->
    Refs = " [ KEEPREF | DELREF | ACKED ] ",
    Trim = " ( MAXLEN [ = ] many | MAXLEN ~ some [ LIMIT some ] | MINID oldid | MINID ~ oldid ) ",
    [
        {90, [
            "XADD stream newid ( field val )+",
            "XADD log * ( field val )+",
            "XADD stream newms ( field val )+",
            "XADD stream [ NOMKSTREAM ] [ KEEPREF | DELREF | ACKED ]" ++ Trim ++
                "newid ( field val )+",
            "XADD log" ++ Trim ++ "* ( field val )+",
            "XADD log IDMP producer int * field val",
            "XADD log IDMPAUTO producer * field val"
        ]},
        {10, ["XDEL stream ( oldid )+"]},
        {10, ["XDELEX stream" ++ Refs ++ "IDS oldids"]},
        {6, [
            "XTRIM stream ( MAXLEN [ = | ~ ] many | MINID [ = | ~ ] oldid )" ++ Refs,
            "XTRIM log MAXLEN ~ some LIMIT few",
            "XTRIM log MAXLEN some"
        ]},
        {5, [
            "XSETID stream newid",
            "XSETID stream newid ENTRIESADDED many MAXDELETEDID oldid",
            "XSETID stream newid ENTRIESADDED many MAXDELETEDID 0-0"
        ]},
        {3, ["XCFGSET log IDMP-DURATION many", "XCFGSET log IDMP-MAXSIZE some"]}
    ].

groups() ->
    Refs = " [ KEEPREF | DELREF | ACKED ] ",
    [
        {30, ["XGROUP CREATE ( stream | log ) group ( $ | 0 )"]},
        {12, [
            "XGROUP CREATE stream group ( $ | 0 | oldid ) [ MKSTREAM ]",
            "XGROUP CREATE log group ( $ | 0 ) MKSTREAM",
            "XGROUP CREATE stream group oldid ENTRIESREAD few",
            "XGROUP SETID stream group ( $ | 0 | oldid ) [ ENTRIESREAD few ]",
            "XGROUP CREATECONSUMER stream group consumer",
            "XGROUP DELCONSUMER ( stream | log ) group consumer"
        ]},
        {1, ["XGROUP DESTROY ( stream | log ) group"]},
        {40, [
            "XREADGROUP GROUP group consumer [ COUNT few ] [ NOACK ] STREAMS stream >",
            "XREADGROUP GROUP group consumer [ COUNT few ] [ NOACK ] STREAMS log >",
            "XREADGROUP GROUP group consumer COUNT few STREAMS stream log > >",
            "XREADGROUP GROUP group consumer STREAMS stream 0",
            "XREADGROUP GROUP group consumer CLAIM zero STREAMS stream >"
        ]},
        {15, ["XACK stream group ( oldid )+"]},
        {10, ["XACKDEL stream group" ++ Refs ++ "IDS oldids"]},
        {20, [
            "XCLAIM stream group consumer zero ( oldid )+",
            "XCLAIM stream group consumer zero ( oldid )+ ( JUSTID | FORCE | FORCE JUSTID )",
            "XCLAIM stream group consumer zero ( oldid )+ IDLE many RETRYCOUNT few [ FORCE ]",
            "XCLAIM stream group consumer zero ( oldid )+ TIME many [ LASTID oldid ]"
        ]},
        {15, [
            "XNACK stream group ( SILENT | FAIL | FATAL ) IDS oldids",
            "XNACK stream group ( SILENT | FAIL | FATAL ) IDS oldids RETRYCOUNT few [ FORCE ]",
            "XNACK stream group ( SILENT | FAIL | FATAL ) FORCE IDS oldids"
        ]},
        {12, ["XAUTOCLAIM ( stream | log ) group consumer zero 0 [ COUNT few ] [ JUSTID ]"]}
    ].

arrays() ->
    [
        {40, ["ARSET array aindex ( aelem )+", "ARSET ring aindex aelem"]},
        {20, ["ARMSET array ( aindex aelem )+"]},
        {30, ["ARINSERT ( array | ring ) ( aelem )+"]},
        {40, ["ARRING ring ringsize ( aelem )+", "ARRING array ringsize aelem"]},
        {20, ["ARDEL array ( aindex )+", "ARDEL ring aindex"]},
        {6, ["ARDELRANGE array aindex aindex [ aindex aindex ]", "ARDELRANGE ring aindex aindex"]},
        {10, ["ARSEEK ( array | ring ) aindex", "ARSEEK ( array | ring ) 0"]}
    ].

vectors() ->
    [
        {30, [
            "VADD vec vector3 velem [ CAS ] [ SETATTR json ]",
            "VADD vecfull vector3 velem NOQUANT [ CAS ] [ SETATTR json ]",
            "VADD vecbin vector3 velem BIN [ CAS ] [ SETATTR json ]",
            "VADD vecred REDUCE 4 vector6 velem [ SETATTR json ]"
        ]},
        {20, [
            "VADD vec vector3 newelem [ SETATTR json ]",
            "VADD vecfull vector3 newelem EF few NOQUANT",
            "VADD vecbin vector3 newelem BIN"
        ]},
        {20, ["VREM ( vec | vecfull | vecbin | vecred ) velem"]},
        {15, ["VSETATTR ( vec | vecfull | vecbin | vecred ) velem attr"]}
    ].

server() ->
    [
        {2, ["SWAPDB db db"]},
        {2, ["FUNCTION LOAD REPLACE library", "FUNCTION DELETE 'other"]}
    ].

%% What waits until another client has written: how often, the command, which of its words is the
%% key that is then written to, and by what.
-spec blocking() -> [{pos_integer(), string(), pos_integer(), string()}].
blocking() ->
    Push = "( LPUSH | RPUSH ) list ( elem )+",
    Add = "ZADD zset ( score zmember )+",
    Many = " [ COUNT few ( OBO | BULK ) ]",
    [
        {5, "BLPOP list list 0", 2, Push},
        {5, "BRPOP list list 0", 3, Push},
        {4, "BRPOPLPUSH list list 0", 2, Push},
        {6, "BLMOVEM list list ( LEFT | RIGHT ) ( LEFT | RIGHT ) 0" ++ Many, 2, Push},
        {6, "BLMOVE list list ( LEFT | RIGHT ) ( LEFT | RIGHT ) 0", 2, Push},
        {4, "BLMPOP 0 lists ( LEFT | RIGHT ) [ COUNT few ]", 4, Push},
        {4, "BZPOPMIN zset zset 0", 2, Add},
        {4, "BZPOPMAX zset 0", 2, Add},
        {4, "BZMPOP 0 zsets ( MIN | MAX ) [ COUNT few ]", 4, Add},
        {6, "XREADGROUP GROUP group consumer BLOCK 0 STREAMS log >", 8, "XADD log * ( field val )+"}
    ].
