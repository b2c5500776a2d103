%% What is no key, field or option is a `badarg' in every read, whether or not the key is there:
%% nothing is answered as if it were missing.
-module(eslaver_mirror_arguments_tests).

-include_lib("eunit/include/eunit.hrl").

-define(M, ?MODULE).

%% Calls that read no keys.
-define(NO_READS, [
    start_link,
    child_spec,
    format_error,
    stop,
    await,
    info,
    health,
    status,
    functions,
    subscribe,
    unsubscribe,
    read,
    save
]).

%% What may stand in place of a binary, and of a list of them.
-define(NO_BINARIES, ["k", k, 1, undefined, <<1:1>>]).
-define(NO_LISTS, ["k", ["k"], [<<"k">>, k], [<<"k">> | <<"k">>]]).
-define(NO_OPTIONS, [
    #{no_such => 1},
    #{"match" => <<"*">>},
    [{no_such, 1}],
    [no_such],
    [{no_such, nil}],
    [<<"match">>],
    [{count, 1} | 1],
    undefined,
    nil,
    1
]).

-define(KEYS, [
    <<"missing">>,
    <<"string">>,
    <<"list">>,
    <<"set">>,
    <<"zset">>,
    <<"hash">>,
    <<"stream">>,
    <<"array">>,
    <<"vectors">>,
    <<"paths">>
]).

%% Each read, with `b' for a binary, `bs' for a list of them, and `o' for options.
reads() ->
    [
        {get, [b]},
        {mget, [bs]},
        {exists, [b]},
        {exists, [bs]},
        {touch, [b]},
        {touch, [bs]},
        {dump, [b]},
        {object_encoding, [b]},
        {memory_usage, [b]},
        {digest, [b]},
        {type, [b]},
        {ttl, [b]},
        {pttl, [b]},
        {expiretime, [b]},
        {pexpiretime, [b]},
        {keys, [b]},
        {scan, [cursor]},
        {scan, [cursor, o]},
        {fold_keys, [fun(_, Acc) -> Acc end, none]},
        {fold_keys, [fun(_, Acc) -> Acc end, none, o]},
        {fold, [fun(_, _, Acc) -> Acc end, none]},
        {fold, [fun(_, _, Acc) -> Acc end, none, o]},
        {dbsize, []},
        {randomkey, []},
        {strlen, [b]},
        {getrange, [b, 0, -1]},
        {substr, [b, 0, -1]},
        {lcs, [b, b]},
        {lcs, [b, b, o]},
        {getbit, [b, 0]},
        {bitcount, [b]},
        {bitcount, [b, 0, -1]},
        {bitcount, [b, 0, -1, o]},
        {bitpos, [b, 1]},
        {bitpos, [b, 1, 0]},
        {bitpos, [b, 1, 0, -1]},
        {bitpos, [b, 1, 0, -1, o]},
        {bitfield_ro, [b, [{u, 8, 0}]]},
        {pfcount, [b]},
        {pfcount, [[b]]},
        {llen, [b]},
        {lrange, [b, 0, -1]},
        {lindex, [b, 0]},
        {lpos, [b, b]},
        {lpos, [b, b, o]},
        {scard, [b]},
        {sismember, [b, b]},
        {smismember, [b, bs]},
        {smembers, [b]},
        {srandmember, [b]},
        {srandmember, [b, 1]},
        {sscan, [b, 0]},
        {sscan, [b, 0, o]},
        {sinter, [bs]},
        {sunion, [bs]},
        {sdiff, [bs]},
        {sintercard, [bs]},
        {sintercard, [bs, o]},
        {sunioncard, [bs]},
        {sunioncard, [bs, o]},
        {sdiffcard, [bs]},
        {sdiffcard, [bs, o]},
        {sttl, [b, bs]},
        {spttl, [b, bs]},
        {sexpiretime, [b, bs]},
        {spexpiretime, [b, bs]},
        {zcard, [b]},
        {zscore, [b, b]},
        {zmscore, [b, bs]},
        {zrank, [b, b]},
        {zrank, [b, b, o]},
        {zrevrank, [b, b]},
        {zrevrank, [b, b, o]},
        {zrange, [b, 0, -1]},
        {zrange, [b, 0, -1, o]},
        {zrevrange, [b, 0, -1]},
        {zrevrange, [b, 0, -1, o]},
        {zrangebyscore, [b, 0, 1]},
        {zrangebyscore, [b, 0, 1, o]},
        {zrevrangebyscore, [b, 1, 0]},
        {zrevrangebyscore, [b, 1, 0, o]},
        {zrangebylex, [b, {inclusive, b}, '+']},
        {zrangebylex, [b, '-', {exclusive, b}, o]},
        {zrevrangebylex, [b, '+', '-']},
        {zrevrangebylex, [b, '+', '-', o]},
        {zcount, [b, 0, 1]},
        {zlexcount, [b, '-', '+']},
        {zrandmember, [b]},
        {zrandmember, [b, 1]},
        {zrandmember, [b, 1, o]},
        {zscan, [b, 0]},
        {zscan, [b, {1.0, b}, o]},
        {zunion, [bs]},
        {zunion, [bs, o]},
        {zinter, [bs]},
        {zinter, [bs, o]},
        {zintercard, [bs]},
        {zintercard, [bs, o]},
        {zdiff, [bs]},
        {zdiff, [bs, o]},
        {geopos, [b, bs]},
        {geodist, [b, b, b]},
        {geodist, [b, b, b, o]},
        {geohash, [b, bs]},
        {geosearch, [b, #{from => {member, b}, by => {radius, 1, km}}]},
        {geosearch, [b, o]},
        {georadius_ro, [b, 15, 37, 10, km]},
        {georadius_ro, [b, 15, 37, 10, km, o]},
        {georadiusbymember_ro, [b, b, 10, km]},
        {georadiusbymember_ro, [b, b, 10, km, o]},
        {hget, [b, b]},
        {hmget, [b, bs]},
        {hgetall, [b]},
        {hlen, [b]},
        {hexists, [b, b]},
        {hkeys, [b]},
        {hvals, [b]},
        {hstrlen, [b, b]},
        {hrandfield, [b]},
        {hrandfield, [b, 1]},
        {hrandfield, [b, 1, o]},
        {hscan, [b, 0]},
        {hscan, [b, 0, o]},
        {httl, [b, bs]},
        {hpttl, [b, bs]},
        {hexpiretime, [b, bs]},
        {hpexpiretime, [b, bs]},
        {arget, [b, index]},
        {armget, [b, [index]]},
        {argetrange, [b, index, 1]},
        {arlen, [b]},
        {arcount, [b]},
        {arnext, [b]},
        {arinfo, [b]},
        {arscan, [b, 0, index]},
        {arscan, [b, index, 1, o]},
        {arlastitems, [b, 1]},
        {arlastitems, [b, 1, o]},
        {argrep, [b, '-', index, #{exact => bs}]},
        {argrep, [b, index, '+', #{glob => bs}]},
        {arop, [b, index, 1, {match, b}]},
        {arop, [b, 0, index, sum]},
        {vcard, [b]},
        {vdim, [b]},
        {vinfo, [b]},
        {vismember, [b, b]},
        {vgetattr, [b, b]},
        {vemb, [b, b]},
        {vemb, [b, b, o]},
        {vrange, [b, {inclusive, b}, '+']},
        {vrange, [b, '-', {exclusive, b}, o]},
        {vrandmember, [b]},
        {vrandmember, [b, 1]},
        {phcard, [b]},
        {phexists, [b, b]},
        {phget, [b, b, b]},
        {phmget, [b, b, bs]},
        {phgetall, [b, b]},
        {phlongest, [b, b]},
        {phprefixes, [b, b]},
        {phprefixes, [b, b, o]},
        {phscan, [b, first]},
        {phscan, [b, b, o]},
        {gcra, [b]},
        {xlen, [b]},
        {xrange, [b, id, '+']},
        {xrange, [b, '-', {exclusive, id}, o]},
        {xrevrange, [b, '+', id]},
        {xrevrange, [b, id, '-', o]},
        {xread, [streams]},
        {xread, [streams, o]},
        {xinfo_stream, [b]},
        {xinfo_stream, [b, o]},
        {xinfo_groups, [b]},
        {xinfo_consumers, [b, b]},
        {xpending, [b, b]},
        {xpending, [b, b, id, '+', 1]},
        {xpending, [b, b, '-', id, 1, o]},
        {sort_ro, [b]},
        {sort_ro, [b, o]},
        {sort_ro, [b, #{by => b}]},
        {sort_ro, [b, #{get => bs}]}
    ].

arguments_test_() ->
    {setup, fun filled/0, fun eslaver_test_keyspace:close/1, [
        fun every_read_is_here/0,
        fun good_ones_are_answered/0,
        fun bad_ones_are_refused/0,
        fun known_options_with_other_values/0,
        fun the_option_is_named/0
    ]}.

filled() ->
    Mirror = eslaver_test_keyspace:new(?M),
    eslaver_test_keyspace:run_all(Mirror, [
        ["set", "string", 1],
        ["rpush", "list", 1],
        ["sadd", "set", "a"],
        ["zadd", "zset", 1, "a"],
        ["hset", "hash", "f", "v"],
        ["xadd", "stream", "1-1", "f", "v"],
        ["arset", "array", 1, "a"],
        ["vadd", "vectors", "values", 1, 1, "a"],
        ["phset", "paths", "p", "fields", 1, "f", "v"]
    ]).

every_read_is_here() ->
    Reads = [
        {Name, Arity}
     || {Name, Arity} <- eslaver_mirror:module_info(exports),
        Name =/= module_info,
        not lists:member(Name, ?NO_READS)
    ],
    ?assertEqual([], lists:usort(Reads) -- [{Name, 1 + length(Args)} || {Name, Args} <- reads()]).

good_ones_are_answered() ->
    lists:foreach(
        fun({Name, Args}) ->
            _ = apply(eslaver_mirror, Name, [?M | [good(Arg) || Arg <- Args]]),
            _ = apply(eslaver_mirror, Name, [?M | [as_list(good(Arg)) || Arg <- Args]]),
            ?assertEqual(
                {error, not_running},
                apply(eslaver_mirror, Name, [no_such_mirror | [good(Arg) || Arg <- Args]])
            )
        end,
        [Read || {Name, _} = Read <- reads(), Name =/= geosearch]
    ).

bad_ones_are_refused() ->
    Answered = [
        {Name, tl(Args), Raised}
     || {Name, Form} <- reads(),
        Key <- ?KEYS,
        Args <- spoilt([?M | with_key(Key, Form)]),
        Raised <- [raised(fun() -> apply(eslaver_mirror, Name, Args) end)],
        Raised =/= badarg
    ],
    ?assertEqual([], Answered).

%% What a known option may not be.
known_options_with_other_values() ->
    Reads = [
        fun() -> eslaver_mirror:fold_keys(?M, fun(_, Acc) -> Acc end, 0, #{match => "*"}) end,
        fun() -> eslaver_mirror:fold_keys(?M, fun(_, Acc) -> Acc end, 0, #{count => 1}) end,
        fun() -> eslaver_mirror:scan(?M, 0, #{type => strign}) end,
        fun() -> eslaver_mirror:scan(?M, 0, #{type => {module, a}}) end,
        fun() -> eslaver_mirror:scan(?M, 0, [{count, 0}]) end,
        fun() -> eslaver_mirror:scan(?M, 0, [{count, 1}, {count, 2}]) end,
        fun() -> eslaver_mirror:bitcount(?M, <<"missing">>, 0, 1, #{unit => bits}) end,
        fun() -> eslaver_mirror:bitpos(?M, <<"missing">>, 1, 0, 1, bit) end,
        fun() -> eslaver_mirror:lcs(?M, <<"a">>, <<"b">>, [len, idx]) end,
        fun() -> eslaver_mirror:lcs(?M, <<"a">>, <<"b">>, [{min_match_len, a}]) end,
        fun() -> eslaver_mirror:sintercard(?M, [<<"missing">>], #{limit => -1}) end,
        fun() -> eslaver_mirror:zrank(?M, <<"missing">>, <<"a">>, #{with_score => 1}) end,
        fun() -> eslaver_mirror:zrange(?M, <<"missing">>, 0, 1, #{limit => {0, 1}}) end,
        fun() -> eslaver_mirror:zrangebyscore(?M, <<"missing">>, 0, 1, [by, by]) end,
        fun() -> eslaver_mirror:hrandfield(?M, <<"missing">>, 1, #{with_values => yes}) end,
        fun() -> eslaver_mirror:geodist(?M, <<"k">>, <<"a">>, <<"b">>, #{unit => miles}) end,
        fun() -> eslaver_mirror:geosearch(?M, <<"k">>, #{by => {radius, 1, km}}) end,
        fun() -> eslaver_mirror:georadius_ro(?M, <<"k">>, 200, 37, 1, km) end,
        fun() -> eslaver_mirror:georadius_ro(?M, <<"k">>, 15, 37, 1, km, #{any => true}) end,
        fun() ->
            eslaver_mirror:georadiusbymember_ro(?M, <<"k">>, <<"a">>, 1, km, [{from, <<"b">>}])
        end,
        fun() -> eslaver_mirror:arscan(?M, <<"array">>, 0, 1, #{limit => 0}) end,
        fun() -> eslaver_mirror:vrange(?M, <<"vectors">>, '-', '+', #{count => -1}) end,
        fun() -> eslaver_mirror:xrange(?M, <<"stream">>, '-', '+', #{count => all}) end,
        fun() -> eslaver_mirror:xinfo_stream(?M, <<"stream">>, #{count => 1}) end,
        fun() -> eslaver_mirror:xinfo_stream(?M, <<"stream">>, [full, {count, -1}]) end,
        fun() -> eslaver_mirror:sscan(?M, <<"missing">>, 0, #{match => "*"}) end,
        fun() -> eslaver_mirror:hscan(?M, <<"missing">>, 0, #{count => 0}) end,
        fun() -> eslaver_mirror:zscan(?M, <<"missing">>, 0, #{count => a}) end,
        fun() -> eslaver_mirror:lpos(?M, <<"missing">>, <<"a">>, #{rank => 0}) end,
        fun() -> eslaver_mirror:zdiff(?M, [<<"missing">>], #{weights => [1]}) end,
        fun() ->
            eslaver_mirror:xpending(?M, <<"missing">>, <<"g">>, '-', '+', 1, #{consumer => c})
        end,
        fun() -> eslaver_mirror:arlastitems(?M, <<"missing">>, 1, #{rev => 1}) end,
        fun() ->
            eslaver_mirror:argrep(?M, <<"array">>, 0, 1, #{exact => [<<"a">>], limit => 0})
        end,
        fun() -> eslaver_mirror:arop(?M, <<"array">>, 0, 1, mean) end,
        fun() -> eslaver_mirror:phprefixes(?M, <<"paths">>, <<"p">>, #{count => 0}) end,
        fun() -> eslaver_mirror:phscan(?M, <<"paths">>, 0, #{prefix => "p"}) end,
        fun() -> eslaver_mirror:get({?M, a}, <<"missing">>) end,
        fun() -> eslaver_mirror:get("mirror", <<"missing">>) end
    ],
    Numbered = lists:zip(lists:seq(1, length(Reads)), Reads),
    ?assertEqual([], [Number || {Number, Read} <- Numbered, raised(Read) =/= badarg]).

%% A shell shows which option is wrong, and not its value.
the_option_is_named() ->
    lists:foreach(
        fun({Options, Name}) ->
            try eslaver_mirror:zrange(?M, <<"zset">>, 0, -1, Options) of
                Answer -> error({answered, Answer})
            catch
                error:badarg:Stack ->
                    Text = iolist_to_binary(erl_error:format_exception(error, badarg, Stack)),
                    ?assertMatch({_, _}, binary:match(Text, Name))
            end
        end,
        [
            {#{withscores => true}, <<"the option withscores is unknown">>},
            {#{rev => 1}, <<"the option rev ">>},
            {[rev, {rev, true}], <<"the option rev ">>},
            {[<<"rev">>], <<"options are a map or a keyword list">>}
        ]
    ).

raised(Read) ->
    try Read() of
        _ -> none
    catch
        error:Reason -> Reason
    end.

%% Options may be a list.
as_list(Options) when Options =:= #{} -> [];
as_list(Other) -> Other.

%% The first binary is the key.
with_key(Key, [b | Args]) -> [Key | Args];
with_key(Key, [[b]]) -> [[Key]];
with_key(_Key, Args) -> Args.

%% The same with one argument that is none, in each way.
spoilt([]) ->
    [];
spoilt([Arg | Args]) ->
    [[Bad | [good(Other) || Other <- Args]] || Bad <- bad(Arg)] ++
        [[good(Arg) | Rest] || Rest <- spoilt(Args)].

good(b) -> <<"1">>;
good(bs) -> [<<"1">>, <<"2">>];
good(id) -> <<"1-1">>;
good(o) -> #{};
good(index) -> 1;
good(cursor) -> 0;
good(first) -> 0;
good(streams) -> #{<<"1">> => <<"0">>, <<"2">> => <<"1-1">>};
good([b]) -> [good(b)];
good([index]) -> [0, good(index)];
good({Kind, b}) -> {Kind, good(b)};
good({Kind, id}) -> {Kind, good(id)};
good(#{from := _} = Options) -> Options#{from := {member, good(b)}};
good(#{by := b} = Options) -> Options#{by := good(b)};
good(#{get := bs} = Options) -> Options#{get := good(bs)};
good(#{exact := bs} = Options) -> Options#{exact := good(bs)};
good(#{glob := bs} = Options) -> Options#{glob := good(bs)};
good(Other) -> Other.

bad(cursor) ->
    [-1, <<"0">>, none];
bad(first) ->
    [1, "1", first];
bad(streams) ->
    [#{}, [], [<<"1">>], [{<<"1">>, 0}], [{a, <<"0">>}], [{<<"1">>, <<"x">>}], {<<"1">>, <<"0">>}];
bad(b) ->
    ?NO_BINARIES;
bad(bs) ->
    ?NO_LISTS;
bad(id) ->
    ["1-1", 1, <<"no id">>];
bad(o) ->
    ?NO_OPTIONS;
bad(index) ->
    [-1, 1 bsl 64, <<"1">>, last, 1.0];
bad([b]) ->
    [[Bad] || Bad <- bad(b)];
bad([index]) ->
    [[0, Bad] || Bad <- bad(index)] ++ [<<"1">>, 1, [0 | 1]];
bad({Kind, b}) ->
    [{Kind, Bad} || Bad <- bad(b)];
bad({Kind, id}) ->
    [{Kind, Bad} || Bad <- bad(id)];
bad(#{from := _} = Options) ->
    [Options#{from := {member, Bad}} || Bad <- bad(b)];
bad(#{by := b} = Options) ->
    [Options#{by := Bad} || Bad <- bad(b), Bad =/= undefined];
bad(#{get := bs} = Options) ->
    [Options#{get := Bad} || Bad <- bad(bs)];
bad(#{exact := bs} = Options) ->
    [#{}, Options#{no_such => 1}] ++ [Options#{exact := Bad} || Bad <- bad(bs)];
bad(#{glob := bs} = Options) ->
    [#{glob => []} | [Options#{glob := Bad} || Bad <- bad(bs)]];
bad(Key) when is_binary(Key) -> bad(b);
bad([Key]) when is_binary(Key) -> bad([b]);
bad(Number) when is_integer(Number) -> [<<"1">>, "1", none, #{}];
bad(_Other) ->
    [].
