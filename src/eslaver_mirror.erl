%% @doc A whole Redis dataset in the node: a replica whose data every process can read, with the
%% names of Redis' own commands and without sending a message.
%%
%% A missing key reads as in Redis: as `undefined', 0 or an empty list. Invalid arguments raise
%% `badarg'.
-module(eslaver_mirror).

-export([start_link/1, child_spec/1, format_error/1, stop/1, await/3]).
-export([info/1, health/1, status/1, functions/1]).
-export([subscribe/2, unsubscribe/2, read/2, read/3, save/2]).
-export_type([options/0, mirror/0, failure/0, scan_options/0, projection/0]).

%% Sorting.
-export([sort_ro/2, sort_ro/3]).

%% Keys.
-export([exists/2, type/2, ttl/2, pttl/2, expiretime/2, pexpiretime/2]).
-export([keys/2, scan/4, fold/4, dbsize/1, randomkey/1]).

%% Strings.
-export([get/2, mget/2, strlen/2, getrange/4, substr/4, lcs/3, lcs_len/3]).
-export([getbit/3, bitcount/2, bitcount/4, bitcount/5]).
-export([bitpos/3, bitpos/4, bitpos/5, bitpos/6, bitfield_ro/3]).
-export([pfcount/2]).

%% Lists.
-export([llen/2, lrange/4, lindex/3, lpos/3, lpos/4]).

%% Sets.
-export([scard/2, sismember/3, smismember/3, smembers/2, srandmember/2, srandmember/3]).
-export([sscan/3, sscan/4, sinter/2, sunion/2, sdiff/2, sintercard/2, sintercard/3]).
-export([sunioncard/2, sunioncard/3, sdiffcard/2, sdiffcard/3]).
-export([sttl/3, spttl/3, sexpiretime/3, spexpiretime/3]).

%% Sorted sets.
-export([zcard/2, zscore/3, zmscore/3, zrank/3, zrank/4, zrevrank/3, zrevrank/4]).
-export([zrange/4, zrange/5, zrevrange/4, zrevrange/5]).
-export([zrangebyscore/4, zrangebyscore/5, zrevrangebyscore/4, zrevrangebyscore/5]).
-export([zrangebylex/4, zrangebylex/5, zrevrangebylex/4, zrevrangebylex/5]).
-export([zcount/4, zlexcount/4, zrandmember/2, zrandmember/3, zrandmember/4, zscan/3, zscan/4]).
-export([zunion/2, zunion/3, zinter/2, zinter/3, zintercard/2, zintercard/3, zdiff/2, zdiff/3]).

%% Geo.
-export([geopos/3, geodist/4, geodist/5, geohash/3, geosearch/3]).

%% Hashes.
-export([hget/3, hmget/3, hgetall/2, hlen/2, hexists/3, hkeys/2, hvals/2, hstrlen/3]).
-export([hrandfield/2, hrandfield/3, hrandfield/4, hscan/3, hscan/4]).
-export([httl/3, hpttl/3, hexpiretime/3, hpexpiretime/3]).

%% Arrays.
-export([arget/3, armget/3, argetrange/4, arlen/2, arcount/2, arnext/2, arinfo/2]).
-export([arscan/4, arscan/5, arlastitems/3, arlastitems/4, argrep/5, arop/5]).

%% Vector sets.
-export([vcard/2, vdim/2, vinfo/2, vismember/3, vgetattr/3, vemb/3, vemb/4]).
-export([vrange/4, vrange/5, vrandmember/2, vrandmember/3]).

%% Path hashes.
-export([phcard/2, phexists/3, phget/4, phmget/4, phgetall/3]).
-export([phlongest/3, phprefixes/3, phprefixes/4, phscan/3, phscan/4]).

%% Rate limits.
-export([gcra/2]).

%% Streams.
-export([xlen/2, xrange/4, xrange/5, xrevrange/4, xrevrange/5, xread/3, xread/4]).
-export([xinfo_stream/2, xinfo_groups/2, xinfo_consumers/3, xpending/3, xpending/6, xpending/7]).

-type options() :: eslaver_input:mirror().
%% The options of a mirror: see {@link start_link/1}.

-type mirror() :: eslaver_mirror_read:mirror().
%% The name of a mirror, for its db 0, or `{Name, Db}'.

-type failure() :: eslaver_mirror_read:failure().
%% Why a read has no answer: there is no such mirror, it has no data yet (`loading'), its data is
%% too old (`stale', only with `serve_stale_data => false'), no shard of the cluster has the key's
%% slot (`not_served'), the key has another type, or a command that could not be mirrored wrote the
%% key (`unknown').

-type key() :: binary().

-type entry_bound() :: eslaver_mirror_stream_arguments:bound().
%% The id of a stream's entry, as `<<"1526919030474-55">>'; the part from the dash on may be left
%% out. The range includes it unless it is `{exclusive, Id}'. `-' and `+' are the least and the
%% greatest id.

-type entry() :: {Id :: binary(), [{Field :: binary(), Value :: binary()}]}.

-type pending_entry() :: {
    Id :: binary(), Consumer :: binary(), IdleMs :: integer(), Deliveries :: non_neg_integer()
}.
%% As in servers' replies, an entry that `XNACK' gave back has an empty consumer and the time -1.

-type index() :: non_neg_integer().
%% Of an array: up to 2^64 - 2.

-type path_scan() :: #{prefix => binary(), count => pos_integer()}.
%% `prefix': only paths that begin with it; `count': how many paths at most, 10 by default.

-type position_options() :: #{
    rank => integer(), count => non_neg_integer(), maxlen => non_neg_integer()
}.

-type scan_options() :: eslaver_mirror_scan:options().
%% `match': a glob as of `KEYS'; `count': about how many elements to look at, 10 by default.

-type projection() :: eslaver_mirror_projection:declared().
%% Keys that the mirror keeps as rows of an ETS table, in step with the stream. `map' makes of each
%% key that matches `keys' and is of the `type' a row, several rows, or none (`skip'). It gets the
%% value as {@link fold/4} does. `db' is 0 by default.
%%
%% `table' is a name that is free, for a protected `set' that lives as long as the mirror, or a
%% public `set' or `ordered_set' of yours. It holds these rows and nothing else, and no other
%% projection's; rows of different keys must have different table keys.
%%
%% Between two changes the table is as the keys were at one place in the stream, between two
%% transactions. All new rows of a change, which may be that of several transactions, appear at the
%% same moment; rows that are gone are deleted after that, one by one. So a reader may still see a
%% row that has just gone, but never misses one that stays. A full resync is one such change; the
%% first snapshot is not, but {@link await/3} waits for all of its rows. Key notifications and the
%% answer to the master's `WAIT' come after the rows.
%%
%% A key or a field that has expired stays in the rows until the master removes it. While the link
%% is down, the rows stay as they were. A key whose `map' fails has no rows: `info/1' counts this,
%% and the first time is logged. The master's data waits while `map' runs, as for a slow callback.

-type score() :: float() | inf | '-inf'.

-type range_bound() :: integer() | score_bound() | lex_bound().
%% An index, a score or a name, depending on `by'.

-type score_bound() :: number() | inf | '-inf' | {exclusive, number() | inf | '-inf'}.

-type lex_bound() :: {inclusive | exclusive, binary()} | '-' | '+'.

-type zrange_options() :: #{
    by => index | score | lex,
    rev => boolean(),
    limit => {Offset :: integer(), Count :: integer()},
    with_scores => boolean()
}.

-type zset_options() :: #{
    weights => [number() | inf | '-inf'],
    aggregate => sum | min | max | count,
    with_scores => boolean()
}.

-type zset_members() :: [binary()] | [{Member :: binary(), score()}].
%% With scores if `with_scores' is `true'.

-type zscan_cursor() :: 0 | {score(), binary()}.

%% @doc Starts a mirror, linked to the caller. It takes the options of {@link eslaver:start_link/1}
%% except `load_dump'; `events', `resume', `mailbox_limit' and `on_error' are about a callback. A
%% filter may have `keys' and `dbs'. There are also:
%%
%% <ul>
%% <li>`name': an atom under which the mirror is registered, by default `eslaver_mirror'</li>
%% <li>`full_resync': `beside' (the default) loads a new snapshot beside the old data, which stays
%% readable; `in_place' drops the old data first, which takes half the memory</li>
%% <li>`max_memory': the most bytes that the data may take, counted as `memory' of {@link info/1};
%% `undefined' (the default) for no limit. If a snapshot or the stream needs more, the link ends
%% with the reason `max_memory', in the log, in the telemetry event and in `last_error' of `replica'
%% in {@link info/1}. Old data stays readable, but is `stale'. A full resync is tried after pauses
%% that grow up to ten minutes. The limit is for one data set: while another is loaded `beside',
%% there may be twice as much</li>
%% <li>`serve_stale_data': whether reads are answered while the data is `stale', by default
%% `true'</li>
%% <li>`fresh_within': the time in ms for which something that has arrived may be unapplied while
%% the data still counts as `fresh'; `infinity' (the default) for no limit. It is about what has
%% arrived here: with `master_offset_every' also about what the master has and has not sent</li>
%% <li>`project': a list of {@link projection()}s: keys that are kept as rows of ETS tables</li>
%% <li>`persist': a file, or `#{file => File, interval => Ms | infinity}'. The mirror saves itself
%% there, as {@link save/2} does, every `interval' (5 minutes by default) if its data has changed,
%% and when it is stopped. At its start it restores the data of the file, which is `stale' until the
%% link is up, and goes on from there: the master need not send a full sync. A file that is damaged,
%% of another filter, or not from a mirror is logged and ignored; one of another master leads to a
%% full sync</li>
%% </ul>
%%
%% With a `callback', in any form that {@link eslaver:start_link/1} takes, the same replication also
%% gives events, as a replica without a mirror would:
%%
%% <ul>
%% <li>When the callback gets an event of the stream, it can already read what that has changed, of
%% a transaction from its `exec' on. The mirror may be further.</li>
%% <li>While it gets those of a snapshot, the mirror still has what was there before: nothing at
%% first, or with `in_place'. It has the new snapshot once the callback has handled all of it, from
%% `{loading, eof}' on, and then perhaps what follows.</li>
%% <li>The master is told what the callback has handled. The mirror is ahead of that by some
%% megabytes of events at most: a callback that is slow, or pauses, holds it back. A lost link is
%% made again once the callback has handled what had come; until then the mirror is stale.</li>
%% <li>Links that are lost make neither get anything twice or miss anything. Where only one of both
%% can go on, both begin anew, with a full resync.</li>
%% <li>A handler is called by {@link eslaver:call/3} with the mirror's name.</li>
%% <li>If the callback raises, the mirror keeps its data, and starts the callback anew, with pauses
%% that grow, unless `on_error' has the event skipped. The events go on where `resume' says, else
%% with a new snapshot, for the mirror too. A handler that stops is started anew as well. If the
%% process ends that gets the events, the mirror goes on without it, and logs that.</li>
%% <li>With `resume' alone a mirror that is started anew begins with a full resync, as its data is
%% gone, whatever the callback had handled.</li>
%% <li>The callback runs in the replica's process, which is {@link erlang:self/0} for it, for
%% {@link eslaver:continue/1} and {@link eslaver:demand/2}. It may read the mirror, but not stop
%% it.</li>
%% </ul>
-spec start_link(options() | eslaver:keywords()) ->
    gen_server:start_ret() | {error, {invalid_option, term(), term()}}.
start_link(Options) ->
    case eslaver_mirror_options:parse(Options) of
        {ok, #{replica := #{source := {cluster, _}}} = Parsed} ->
            eslaver_cluster:start_link(eslaver_cluster_start:mirror(Parsed));
        {ok, Parsed} ->
            eslaver_mirror_server:start_link(Parsed);
        {error, _} = Error -> Error
    end.

%% @doc The child specification of a mirror. The child's id is the mirror's name. With `persist' the
%% mirror has a minute for its last save when it is shut down.
-spec child_spec(options() | eslaver:keywords()) -> supervisor:child_spec().
child_spec(Options) ->
    #{start := {eslaver, start_link, Wrapped}} = Spec = eslaver:child_spec(Options),
    Id =
        case Spec of
            #{id := eslaver} -> ?MODULE;
            #{id := {local, Name}} -> Name;
            #{id := Given} -> Given
        end,
    Spec#{id := Id, start := {?MODULE, start_link, Wrapped}, shutdown := shutdown(Options)}.

%% How long the last save may take, in ms.
shutdown(Options) ->
    case eslaver_option_map:from(Options) of
        {ok, #{persist := None}} when None =:= undefined; None =:= nil -> 5000;
        {ok, #{persist := _}} -> 60000;
        _ -> 5000
    end.

%% @doc As {@link eslaver:format_error/1}, with the options of mirrors.
-spec format_error(term()) -> binary().
format_error(Error) ->
    Keys = eslaver_mirror_options:keys() ++ eslaver_options:keys(),
    eslaver_format_error:text(Error, Keys -- [load_dump]).

%% @doc Stops a mirror. Its data is freed.
-spec stop(atom()) -> ok | {error, not_running}.
stop(Name) ->
    running(fun gen_server:stop/1, [Name]).

%% @doc Waits, with `loaded', until the first snapshot can be read.
%%
%% With a token as of {@link eslaver:await/3}, waits until the write that it names can be read, and
%% all before it, also in the rows of projections. What a callback has handled does not count. If it
%% can be read already, this sends no message.
-spec await(atom(), loaded | eslaver:token(), timeout()) ->
    ok | {error, timeout | diverged | which_shard | not_running}.
await(Name, loaded, Timeout) ->
    running(fun eslaver_waiting:await/3, [Name, loaded, Timeout]);
await(Name, Token, Timeout) ->
    {Replid, Offset} = Write = eslaver_token:write(Token),
    case eslaver_nif:keyspace_has(Name, Replid, Offset) of
        true -> ok;
        false -> running(fun eslaver_waiting:await/3, [Name, Write, Timeout])
    end.

%% @doc Whether the data is `fresh', `stale' or `loading' (there is no data yet). It is stale while
%% the link to the master is down, and after a reconnect until the stream goes on; while something
%% may be missing that only a full resync tells; while a replica that is followed has lost its own
%% master; and, with `fresh_within', when there has been something unapplied for longer than that.
%% It sends no message.
-spec status(mirror()) -> eslaver_mirror_read:status() | not_running.
status(Mirror) ->
    eslaver_mirror_read:status(Mirror).

%% @doc The state of a mirror. It is answered at once, whatever the mirror and its callback do:
%%
%% <ul>
%% <li>`status' as of {@link status/1}, and `stale_for' in ms</li>
%% <li>`keys': how many keys there are, including expired ones that the master has not removed
%% yet</li>
%% <li>`memory': the bytes that all data of the mirror takes, as its allocator counts them: keys,
%% values, their tables, what is being loaded, and what is about to be freed. The process takes more
%% by what the allocator holds in reserve. It is none of the memory that `erlang:memory/0' tells
%% of</li>
%% <li>`types': for each type that there is the number of `keys' and the `bytes' of keys and values,
%% counted in the same way. `memory' has the tables of keys besides</li>
%% <li>`replid', `offset' and `db': the position applied; that in `replica' is the one handled by
%% the callback</li>
%% <li>`functions': the number of libraries; see {@link functions/1}</li>
%% <li>`restarts' of the replica, and `start_error': why it cannot be started, or `undefined'</li>
%% <li>`unapplied': how often each command could not be mirrored, which left its keys unknown</li>
%% <li>`incomplete': whether the mirror waits for a full resync because a command may have changed
%% any key</li>
%% <li>`projections': by table, the number of `rows', and how often `map' has failed
%% (`failures')</li>
%% <li>`saving': whether it is being saved, and `last_save': `undefined' or a map with `file',
%% `time' (its end, in ms since the epoch), and either `error', or `keys', `bytes', `duration' in ms
%% and `unknown': how many keys are left out as they are unknown</li>
%% <li>`restored': `undefined', or a map of the file that the mirror began with: `error', or `keys',
%% `bytes' and `duration' in ms</li>
%% <li>`replica': as of {@link eslaver:info/1}; empty while there is no replica</li>
%% <li>`lag' and `behind_for' as of {@link eslaver:info/1}, and `events_per_second' (keys and
%% commands): of what is applied. Those in `replica' are of what the callback has handled, if there
%% is one</li>
%% </ul>
-spec info(atom()) -> map() | {error, not_running}.
info(Name) ->
    running(fun eslaver_server:info/1, [Name]).

%% @doc As {@link eslaver:health/1}: it is `ok' when {@link status/1} is `fresh', in a cluster that
%% of every shard. The `state' is the status otherwise.
-spec health(atom()) -> ok | {error, eslaver:health()}.
health(Name) ->
    eslaver:health(Name).

%% @doc The libraries of functions that the master has. The mirror runs none of them.
-spec functions(atom()) -> #{Library :: binary() => Code :: binary()} | {error, not_running}.
functions(Name) ->
    running(fun eslaver_mirror_server:functions/1, [Name]).

%% @doc As {@link eslaver:subscribe/2}. A notification comes when the change can be read.
-spec subscribe(atom(), Filter :: eslaver_filter:input() | eslaver:keywords()) ->
    {ok, reference()}
    | {error, not_running | {invalid_option, Key :: term(), Value :: term()}}.
subscribe(Name, Filter) ->
    running(fun eslaver:subscribe/2, [Name, Filter]).

%% @doc Ends a subscription made by {@link subscribe/2}.
-spec unsubscribe(atom(), reference()) -> ok | {error, not_running}.
unsubscribe(Name, Ref) ->
    running(fun eslaver:unsubscribe/2, [Name, Ref]).

%% @doc Saves the data in an RDB file that a server of the master's version loads. It is the data of
%% one moment, between two commands and between two transactions, not before this call; readers and
%% the stream go on meanwhile. The file replaces what has its name once it is whole and on the disk.
%%
%% Unknown keys are left out, and counted in {@link info/1}; a mirror restores them as unknown.
%% Errors are `loading' (there is no data yet), `incomplete' (only a full sync tells what the master
%% has), or what is wrong with the file.
-spec save(atom(), file:name_all()) ->
    ok | {error, not_running | loading | incomplete | (Why :: binary())}.
save(Name, File) ->
    case eslaver_text:path(File) of
        {ok, Path} -> running(fun eslaver_mirror_server:save/2, [Name, Path]);
        error -> error(badarg)
    end.

%% The result of a call, unless there is no such mirror or it ends meanwhile.
running(Call, Args) ->
    try
        apply(Call, Args)
    catch
        exit:{Reason, {gen_server, _, _}} when Reason =/= timeout -> {error, not_running};
        exit:noproc -> {error, not_running};
        exit:{noproc, _} -> {error, not_running}
    end.

%% @doc Runs a fun whose reads of this mirror all see one moment: between two commands, and between
%% two transactions, of the master. The fun may run more than once, so it should only read.
%%
%% Of a cluster they are all of one slot. A key of another slot than the first raises `crossslot',
%% as does a read of all keys; see {@link read/3}.
-spec read(mirror(), fun(() -> Result)) -> Result.
read(Mirror, Fun) ->
    eslaver_mirror_read:transaction(Mirror, one, Fun).

%% @doc As {@link read/2}. With `slots => any' it reads any slots of a cluster. What it sees is what
%% the mirror had at one moment. But the streams of the shards are not in step: of two changes at
%% different shards the later one may be seen, and not yet the earlier.
-spec read(mirror(), fun(() -> Result), #{slots => one | any}) -> Result.
read(Mirror, Fun, Options) ->
    Check = fun(Slots) -> lists:member(Slots, [one, any]) end,
    ok = eslaver_mirror_arguments:options(#{slots => Check}, Options),
    eslaver_mirror_read:transaction(Mirror, maps:get(slots, Options, one), Fun).

%% Answers.
ask(Mirror, Query) ->
    eslaver_mirror_read:ask(Mirror, Query).

%% Keys.
%% ------------------------------------------------------------------------------------------------

%% @doc Whether a key exists.
-spec exists(mirror(), key()) -> boolean() | failure().
exists(Mirror, Key) ->
    ask(Mirror, {exists, Key}).

%% @doc The type of a key's value.
-spec type(mirror(), key()) -> eslaver_mirror_read:type() | none | failure().
type(Mirror, Key) ->
    ask(Mirror, {type, Key}).

%% @doc Time to live in seconds, rounded; `infinity' if the key does not expire.
-spec ttl(mirror(), key()) -> non_neg_integer() | infinity | undefined | failure().
ttl(Mirror, Key) ->
    ask(Mirror, {ttl, Key}).

%% @doc Time to live in milliseconds; `infinity' if the key does not expire.
-spec pttl(mirror(), key()) -> non_neg_integer() | infinity | undefined | failure().
pttl(Mirror, Key) ->
    ask(Mirror, {pttl, Key}).

%% @doc Expiry as Unix time, in seconds.
-spec expiretime(mirror(), key()) -> integer() | infinity | undefined | failure().
expiretime(Mirror, Key) ->
    ask(Mirror, {expiretime, Key}).

%% @doc Expiry as Unix time, in milliseconds.
-spec pexpiretime(mirror(), key()) -> integer() | infinity | undefined | failure().
pexpiretime(Mirror, Key) ->
    ask(Mirror, {pexpiretime, Key}).

%% @doc The keys that match a pattern, in no order. Not atomic: keys may change meanwhile.
-spec keys(mirror(), Glob :: binary()) -> [key()] | failure().
keys(Mirror, Glob) ->
    ask(Mirror, {keys, Glob}).

%% @doc Folds over the keys, as `SCAN' does: keys that exist all the time are visited once; keys
%% added or removed meanwhile may be. `match' is a pattern, `type' a type. If a full resync, or a
%% `FLUSHDB', `FLUSHALL' or `SWAPDB' of this db, replaces the keys meanwhile, the result is
%% `{error, replaced}'.
-spec scan(mirror(), Options, fun((key(), Acc) -> Acc), Acc) ->
    Acc | failure() | {error, replaced}
when
    Options :: #{match => binary(), type => eslaver_mirror_read:type()}.
scan(Mirror, Options, Fun, Acc) ->
    eslaver_mirror_scan:fold(Mirror, Options, Fun, Acc).

%% @doc As {@link scan/4}, with values: the fun gets the key, `{Type, Value}' and the accumulator. A
%% value is what the read of all of its elements gives: that of {@link get/2}, {@link lrange/4},
%% {@link smembers/2}, {@link zrange/5} with scores, {@link hgetall/2}, {@link xrange/4}, {@link
%% gcra/2}, {@link vrange/4}, {@link arscan/4}; for a path hash it is a list of `{Path, Fields}',
%% with fields as of {@link phgetall/3}.
%%
%% The value of a module is `undefined'; a key that cannot be read is `{unknown, undefined}', unless
%% a type is given. Each value is read by itself, and may be newer than those before; within {@link
%% read/2} all are of one moment.
-spec fold(mirror(), Options, fun((key(), {Type, Value :: term()}, Acc) -> Acc), Acc) ->
    Acc | failure() | {error, replaced}
when
    Options :: #{match => binary(), type => eslaver_mirror_read:type()},
    Type :: eslaver_mirror_read:type() | unknown.
fold(Mirror, Options, Fun, Acc) ->
    eslaver_mirror_fold:fold(Mirror, Options, Fun, Acc).

%% @doc The number of keys. Expired keys count until the master removes them.
-spec dbsize(mirror()) -> non_neg_integer() | failure().
dbsize(Mirror) ->
    ask(Mirror, {dbsize}).

%% @doc A random key.
-spec randomkey(mirror()) -> key() | undefined | failure().
randomkey(Mirror) ->
    ask(Mirror, {randomkey}).

%% Strings.
%% ------------------------------------------------------------------------------------------------

%% @doc The value of a string.
-spec get(mirror(), key()) -> binary() | undefined | failure().
get(Mirror, Key) ->
    ask(Mirror, {get, Key}).

%% @doc The values of strings, `undefined' for a key that is missing or of another type.
-spec mget(mirror(), [key()]) -> [binary() | undefined] | failure().
mget(Mirror, Keys) ->
    ask(Mirror, {mget, Keys}).

%% @doc The length of a string in bytes, 0 if the key is missing.
-spec strlen(mirror(), key()) -> non_neg_integer() | failure().
strlen(Mirror, Key) ->
    ask(Mirror, {strlen, Key}).

%% @doc The bytes of a string from `Start' to `End', inclusive; negative indexes count from the end.
-spec getrange(mirror(), key(), integer(), integer()) -> binary() | failure().
getrange(Mirror, Key, Start, End) when is_integer(Start), is_integer(End) ->
    ask(Mirror, {getrange, Key, Start, End}).

%% @doc The old name of {@link getrange/4}.
-spec substr(mirror(), key(), integer(), integer()) -> binary() | failure().
substr(Mirror, Key, Start, End) ->
    getrange(Mirror, Key, Start, End).

%% @doc The longest common subsequence of two strings. Time and memory grow with the product of
%% their lengths. As on the server, what would take more than 512 MB is `{error, too_large}'.
-spec lcs(mirror(), key(), key()) -> binary() | {error, too_large} | failure().
lcs(Mirror, One, Other) ->
    ask(Mirror, {lcs, One, Other}).

%% @doc The length of the longest common subsequence. It takes far less memory than {@link lcs/3},
%% but has the same limit.
-spec lcs_len(mirror(), key(), key()) -> non_neg_integer() | {error, too_large} | failure().
lcs_len(Mirror, One, Other) ->
    ask(Mirror, {lcs_len, One, Other}).

%% @doc The bit at an offset, 0 past the string's end.
-spec getbit(mirror(), key(), non_neg_integer()) -> 0 | 1 | failure().
getbit(Mirror, Key, Offset) when is_integer(Offset), Offset >= 0 ->
    ask(Mirror, {getbit, Key, Offset}).

%% @doc The number of bits set in a string.
-spec bitcount(mirror(), key()) -> non_neg_integer() | failure().
bitcount(Mirror, Key) ->
    ask(Mirror, {bitcount, Key, all}).

%% @doc The number of bits set in the bytes from `Start' to `End', inclusive; negative indexes count
%% from the end.
-spec bitcount(mirror(), key(), integer(), integer()) -> non_neg_integer() | failure().
bitcount(Mirror, Key, Start, End) ->
    bitcount(Mirror, Key, Start, End, byte).

%% @doc As {@link bitcount/4}, with indexes of bytes or of bits.
-spec bitcount(mirror(), key(), integer(), integer(), byte | bit) ->
    non_neg_integer() | failure().
bitcount(Mirror, Key, Start, End, Unit) when
    is_integer(Start), is_integer(End), Unit =:= byte orelse Unit =:= bit
->
    ask(Mirror, {bitcount, Key, {Start, End, Unit}}).

%% @doc The position of the first bit that is set or clear, or -1. The bit after a string's last one
%% counts as clear.
-spec bitpos(mirror(), key(), 0 | 1) -> integer() | failure().
bitpos(Mirror, Key, Bit) when Bit =:= 0; Bit =:= 1 ->
    ask(Mirror, {bitpos, Key, Bit, all}).

%% @doc As {@link bitpos/3}, from a byte index on.
-spec bitpos(mirror(), key(), 0 | 1, integer()) -> integer() | failure().
bitpos(Mirror, Key, Bit, Start) when is_integer(Start), Bit =:= 0 orelse Bit =:= 1 ->
    ask(Mirror, {bitpos, Key, Bit, {Start, open}}).

%% @doc As {@link bitpos/3}, only within the bytes from `Start' to `End', inclusive.
-spec bitpos(mirror(), key(), 0 | 1, integer(), integer()) -> integer() | failure().
bitpos(Mirror, Key, Bit, Start, End) ->
    bitpos(Mirror, Key, Bit, Start, End, byte).

%% @doc As {@link bitpos/5}, with indexes of bytes or of bits.
-spec bitpos(mirror(), key(), 0 | 1, integer(), integer(), byte | bit) -> integer() | failure().
bitpos(Mirror, Key, Bit, Start, End, Unit) when
    is_integer(Start),
    is_integer(End),
    Unit =:= byte orelse Unit =:= bit,
    Bit =:= 0 orelse Bit =:= 1
->
    ask(Mirror, {bitpos, Key, Bit, {Start, End, Unit}}).

%% @doc Integers within a string: `{u, 8, 16}' is an unsigned integer of 8 bits that begins at bit
%% 16, `{i, 5, 0}' a signed one of 5 bits at the beginning.
-spec bitfield_ro(mirror(), key(), [{i | u, Bits :: 1..64, Offset :: non_neg_integer()}]) ->
    [integer()] | failure().
bitfield_ro(Mirror, Key, Fields) ->
    ok = lists:foreach(fun field/1, Fields),
    ask(Mirror, {bitfield_ro, Key, Fields}).

%% Unsigned fields have up to 63 bits.
field({i, Bits, Offset}) when Bits >= 1, Bits =< 64, is_integer(Offset), Offset >= 0 -> ok;
field({u, Bits, Offset}) when Bits >= 1, Bits =< 63, is_integer(Offset), Offset >= 0 -> ok;
field(_) -> error(badarg).

%% @doc The estimated number of different elements added to a HyperLogLog, or to several together.
%% Missing keys are empty.
-spec pfcount(mirror(), key() | [key()]) -> non_neg_integer() | failure().
pfcount(Mirror, Key) when is_binary(Key) ->
    pfcount(Mirror, [Key]);
pfcount(Mirror, Keys) ->
    ask(Mirror, {pfcount, Keys}).

%% Lists.
%% ------------------------------------------------------------------------------------------------

%% @doc The number of elements of a list.
-spec llen(mirror(), key()) -> non_neg_integer() | failure().
llen(Mirror, Key) ->
    ask(Mirror, {llen, Key}).

%% @doc The elements from `Start' to `Stop', inclusive; negative indexes count from the end.
-spec lrange(mirror(), key(), Start :: integer(), Stop :: integer()) -> [binary()] | failure().
lrange(Mirror, Key, Start, Stop) when is_integer(Start), is_integer(Stop) ->
    ask(Mirror, {lrange, Key, Start, Stop}).

%% @doc The element at an index.
-spec lindex(mirror(), key(), integer()) -> binary() | undefined | failure().
lindex(Mirror, Key, Index) when is_integer(Index) ->
    ask(Mirror, {lindex, Key, Index}).

%% @doc The index of the first equal element.
-spec lpos(mirror(), key(), binary()) -> non_neg_integer() | undefined | failure().
lpos(Mirror, Key, Element) ->
    ask(Mirror, {lpos, Key, Element, 1, undefined, 0}).

%% @doc The index of an equal element: the first, or with a `rank' the second and so on, from the
%% end if it is negative. With `count' it is a list of up to `count' indexes, of all if `count' is
%% 0. `maxlen' is how many elements to look at, 0 for all.
-spec lpos(mirror(), key(), binary(), position_options()) ->
    non_neg_integer() | undefined | [non_neg_integer()] | failure().
lpos(Mirror, Key, Element, Options) ->
    Number = fun(Value) -> is_integer(Value) andalso Value >= 0 end,
    ok = eslaver_mirror_arguments:options(
        #{
            rank => fun(Rank) -> is_integer(Rank) andalso Rank =/= 0 end,
            count => Number,
            maxlen => Number
        },
        Options
    ),
    Rank = maps:get(rank, Options, 1),
    Count = maps:get(count, Options, undefined),
    ask(Mirror, {lpos, Key, Element, Rank, Count, maps:get(maxlen, Options, 0)}).

%% Sets.
%% ------------------------------------------------------------------------------------------------

%% @doc The number of members of a set.
-spec scard(mirror(), key()) -> non_neg_integer() | failure().
scard(Mirror, Key) ->
    ask(Mirror, {scard, Key}).

%% @doc Whether `Member' is a member.
-spec sismember(mirror(), key(), Member :: binary()) -> boolean() | failure().
sismember(Mirror, Key, Member) ->
    ask(Mirror, {sismember, Key, Member}).

%% @doc Whether each of `Members' is a member.
-spec smismember(mirror(), key(), [Member :: binary()]) -> [boolean()] | failure().
smismember(Mirror, Key, Members) ->
    ask(Mirror, {smismember, Key, Members}).

%% @doc All members, in no order.
-spec smembers(mirror(), key()) -> [binary()] | failure().
smembers(Mirror, Key) ->
    ask(Mirror, {smembers, Key}).

%% @doc A random member.
-spec srandmember(mirror(), key()) -> binary() | undefined | failure().
srandmember(Mirror, Key) ->
    ask(Mirror, {srandmember, Key}).

%% @doc `Count' random members, all different; with a negative count, `-Count' members that may
%% repeat. Every member is equally likely.
-spec srandmember(mirror(), key(), Count :: integer()) -> [binary()] | failure().
srandmember(Mirror, Key, Count) when is_integer(Count) ->
    ask(Mirror, {srandmember_count, Key, Count}).

%% @equiv sscan(Mirror, Key, Cursor, #{})
-spec sscan(mirror(), key(), Cursor :: non_neg_integer()) ->
    {Next :: non_neg_integer(), [binary()]} | failure().
sscan(Mirror, Key, Cursor) ->
    sscan(Mirror, Key, Cursor, #{}).

%% @doc Some of the members, and the cursor for the next call. The first cursor is 0; the scan is
%% complete when the next cursor is 0. It finds every member that the set has all the while.
-spec sscan(mirror(), key(), Cursor :: non_neg_integer(), scan_options()) ->
    {Next :: non_neg_integer(), [binary()]} | failure().
sscan(Mirror, Key, Cursor, Options) when is_integer(Cursor), Cursor >= 0 ->
    {Glob, Count} = eslaver_mirror_scan:options(Options),
    ask(Mirror, {sscan, Key, Cursor, Glob, Count}).

%% @doc The members that all of these sets have.
-spec sinter(mirror(), [key(), ...]) -> [binary()] | failure().
sinter(Mirror, [_ | _] = Keys) ->
    ask(Mirror, {sinter, Keys}).

%% @doc The members that any of these sets has.
-spec sunion(mirror(), [key(), ...]) -> [binary()] | failure().
sunion(Mirror, [_ | _] = Keys) ->
    ask(Mirror, {sunion, Keys}).

%% @doc The members that the first of these sets has and no other.
-spec sdiff(mirror(), [key(), ...]) -> [binary()] | failure().
sdiff(Mirror, [_ | _] = Keys) ->
    ask(Mirror, {sdiff, Keys}).

%% @equiv sintercard(Mirror, Keys, 0)
-spec sintercard(mirror(), [key(), ...]) -> non_neg_integer() | failure().
sintercard(Mirror, Keys) ->
    sintercard(Mirror, Keys, 0).

%% @doc The number of members that all of these sets have, at most `Limit' unless that is 0.
-spec sintercard(mirror(), [key(), ...], Limit :: non_neg_integer()) ->
    non_neg_integer() | failure().
sintercard(Mirror, [_ | _] = Keys, Limit) when is_integer(Limit), Limit >= 0 ->
    ask(Mirror, {sintercard, Keys, Limit}).

%% @equiv sunioncard(Mirror, Keys, 0)
-spec sunioncard(mirror(), [key(), ...]) -> non_neg_integer() | failure().
sunioncard(Mirror, Keys) ->
    sunioncard(Mirror, Keys, 0).

%% @doc The number of members that any of these sets has, at most `Limit' unless that is 0.
-spec sunioncard(mirror(), [key(), ...], Limit :: non_neg_integer()) ->
    non_neg_integer() | failure().
sunioncard(Mirror, [_ | _] = Keys, Limit) when is_integer(Limit), Limit >= 0 ->
    ask(Mirror, {sunioncard, Keys, Limit}).

%% @equiv sdiffcard(Mirror, Keys, 0)
-spec sdiffcard(mirror(), [key(), ...]) -> non_neg_integer() | failure().
sdiffcard(Mirror, Keys) ->
    sdiffcard(Mirror, Keys, 0).

%% @doc The number of members that the first of these sets has and no other, at most `Limit' unless
%% that is 0.
-spec sdiffcard(mirror(), [key(), ...], Limit :: non_neg_integer()) ->
    non_neg_integer() | failure().
sdiffcard(Mirror, [_ | _] = Keys, Limit) when is_integer(Limit), Limit >= 0 ->
    ask(Mirror, {sdiffcard, Keys, Limit}).

%% @doc The time to live of members in seconds, rounded as by {@link httl/3}: -1 if the member does
%% not expire, -2 if it is missing or has expired.
-spec sttl(mirror(), key(), [Member :: binary()]) -> [integer()] | failure().
sttl(Mirror, Key, Members) ->
    ask(Mirror, {sttl, Key, Members}).

%% @doc As {@link sttl/3}, in milliseconds.
-spec spttl(mirror(), key(), [Member :: binary()]) -> [integer()] | failure().
spttl(Mirror, Key, Members) ->
    ask(Mirror, {spttl, Key, Members}).

%% @doc The expiry of members as Unix time, in seconds; -1 and -2 as in {@link sttl/3}.
-spec sexpiretime(mirror(), key(), [Member :: binary()]) -> [integer()] | failure().
sexpiretime(Mirror, Key, Members) ->
    ask(Mirror, {sexpiretime, Key, Members}).

%% @doc As {@link sexpiretime/3}, in milliseconds.
-spec spexpiretime(mirror(), key(), [Member :: binary()]) -> [integer()] | failure().
spexpiretime(Mirror, Key, Members) ->
    ask(Mirror, {spexpiretime, Key, Members}).

%% Sorted sets.
%% ------------------------------------------------------------------------------------------------

%% @doc The number of members of a sorted set.
-spec zcard(mirror(), key()) -> non_neg_integer() | failure().
zcard(Mirror, Key) ->
    ask(Mirror, {zcard, Key}).

%% @doc The score of a member.
-spec zscore(mirror(), key(), Member :: binary()) -> score() | undefined | failure().
zscore(Mirror, Key, Member) ->
    ask(Mirror, {zscore, Key, Member}).

%% @doc The scores of several members.
-spec zmscore(mirror(), key(), [Member :: binary()]) -> [score() | undefined] | failure().
zmscore(Mirror, Key, Members) ->
    ask(Mirror, {zmscore, Key, Members}).

%% @doc The rank of a member; the lowest score has rank 0.
-spec zrank(mirror(), key(), Member :: binary()) -> non_neg_integer() | undefined | failure().
zrank(Mirror, Key, Member) ->
    ask(Mirror, {zrank, Key, Member}).

%% @doc As {@link zrank/3}, with the score.
-spec zrank(mirror(), key(), Member :: binary(), with_score) ->
    {non_neg_integer(), score()} | undefined | failure().
zrank(Mirror, Key, Member, with_score) ->
    ask(Mirror, {zrank_withscore, Key, Member}).

%% @doc The rank of a member; the highest score has rank 0.
-spec zrevrank(mirror(), key(), Member :: binary()) -> non_neg_integer() | undefined | failure().
zrevrank(Mirror, Key, Member) ->
    ask(Mirror, {zrevrank, Key, Member}).

%% @doc As {@link zrevrank/3}, with the score.
-spec zrevrank(mirror(), key(), Member :: binary(), with_score) ->
    {non_neg_integer(), score()} | undefined | failure().
zrevrank(Mirror, Key, Member, with_score) ->
    ask(Mirror, {zrevrank_withscore, Key, Member}).

%% @equiv zrange(Mirror, Key, Start, Stop, #{})
-spec zrange(mirror(), key(), range_bound(), range_bound()) -> zset_members() | failure().
zrange(Mirror, Key, Start, Stop) ->
    zrange(Mirror, Key, Start, Stop, #{}).

%% @doc The members between two indexes, or `by' score or name. With `rev' they come from the
%% highest on; then, as in Redis, the higher score or name comes first.
-spec zrange(mirror(), key(), range_bound(), range_bound(), zrange_options()) ->
    zset_members() | failure().
zrange(Mirror, Key, Start, Stop, Options) ->
    {By, Rev, Limit, WithScores} = eslaver_mirror_zset_arguments:range(Start, Stop, Options),
    ask(Mirror, {zrange, Key, Start, Stop, By, Rev, Limit, WithScores}).

%% @equiv zrevrange(Mirror, Key, Start, Stop, #{})
-spec zrevrange(mirror(), key(), range_bound(), range_bound()) -> zset_members() | failure().
zrevrange(Mirror, Key, Start, Stop) ->
    zrevrange(Mirror, Key, Start, Stop, #{}).

%% @doc {@link zrange/5} by index, from the highest member on.
-spec zrevrange(mirror(), key(), range_bound(), range_bound(), zrange_options()) ->
    zset_members() | failure().
zrevrange(Mirror, Key, Start, Stop, Options) ->
    zrange(Mirror, Key, Start, Stop, with(#{rev => true}, Options)).

%% @equiv zrangebyscore(Mirror, Key, Min, Max, #{})
-spec zrangebyscore(mirror(), key(), range_bound(), range_bound()) -> zset_members() | failure().
zrangebyscore(Mirror, Key, Min, Max) ->
    zrangebyscore(Mirror, Key, Min, Max, #{}).

%% @doc {@link zrange/5} by score.
-spec zrangebyscore(mirror(), key(), range_bound(), range_bound(), zrange_options()) ->
    zset_members() | failure().
zrangebyscore(Mirror, Key, Min, Max, Options) ->
    zrange(Mirror, Key, Min, Max, with(#{by => score}, Options)).

%% @equiv zrevrangebyscore(Mirror, Key, Max, Min, #{})
-spec zrevrangebyscore(mirror(), key(), range_bound(), range_bound()) -> zset_members() | failure().
zrevrangebyscore(Mirror, Key, Max, Min) ->
    zrevrangebyscore(Mirror, Key, Max, Min, #{}).

%% @doc {@link zrange/5} by score, from the highest member on.
-spec zrevrangebyscore(mirror(), key(), range_bound(), range_bound(), zrange_options()) ->
    zset_members() | failure().
zrevrangebyscore(Mirror, Key, Max, Min, Options) ->
    zrange(Mirror, Key, Max, Min, with(#{by => score, rev => true}, Options)).

%% @equiv zrangebylex(Mirror, Key, Min, Max, #{})
-spec zrangebylex(mirror(), key(), range_bound(), range_bound()) -> zset_members() | failure().
zrangebylex(Mirror, Key, Min, Max) ->
    zrangebylex(Mirror, Key, Min, Max, #{}).

%% @doc {@link zrange/5} by name, for a sorted set whose scores are all equal.
-spec zrangebylex(mirror(), key(), range_bound(), range_bound(), zrange_options()) ->
    zset_members() | failure().
zrangebylex(Mirror, Key, Min, Max, Options) ->
    zrange(Mirror, Key, Min, Max, with(#{by => lex}, Options)).

%% @equiv zrevrangebylex(Mirror, Key, Max, Min, #{})
-spec zrevrangebylex(mirror(), key(), range_bound(), range_bound()) -> zset_members() | failure().
zrevrangebylex(Mirror, Key, Max, Min) ->
    zrevrangebylex(Mirror, Key, Max, Min, #{}).

%% @doc {@link zrange/5} by name, from the highest member on.
-spec zrevrangebylex(mirror(), key(), range_bound(), range_bound(), zrange_options()) ->
    zset_members() | failure().
zrevrangebylex(Mirror, Key, Max, Min, Options) ->
    zrange(Mirror, Key, Max, Min, with(#{by => lex, rev => true}, Options)).

with(More, Options) when is_map(Options) -> maps:merge(Options, More);
with(_More, _NoMap) -> error(badarg).

%% @doc The number of members with a score in a range.
-spec zcount(mirror(), key(), range_bound(), range_bound()) -> non_neg_integer() | failure().
zcount(Mirror, Key, Min, Max) ->
    ok = eslaver_mirror_zset_arguments:bounds(score, Min, Max),
    ask(Mirror, {zcount, Key, Min, Max}).

%% @doc The number of members with a name in a range, for a sorted set whose scores are all equal.
-spec zlexcount(mirror(), key(), range_bound(), range_bound()) -> non_neg_integer() | failure().
zlexcount(Mirror, Key, Min, Max) ->
    ok = eslaver_mirror_zset_arguments:bounds(lex, Min, Max),
    ask(Mirror, {zlexcount, Key, Min, Max}).

%% @doc A random member.
-spec zrandmember(mirror(), key()) -> binary() | undefined | failure().
zrandmember(Mirror, Key) ->
    ask(Mirror, {zrandmember, Key}).

%% @equiv zrandmember(Mirror, Key, Count, #{})
-spec zrandmember(mirror(), key(), Count :: integer()) -> zset_members() | failure().
zrandmember(Mirror, Key, Count) ->
    zrandmember(Mirror, Key, Count, #{}).

%% @doc `Count' random members, all different; with a negative count, `-Count' members that may
%% repeat. Every member is equally likely.
-spec zrandmember(mirror(), key(), Count :: integer(), #{with_scores => boolean()}) ->
    zset_members() | failure().
zrandmember(Mirror, Key, Count, Options) when is_integer(Count) ->
    case eslaver_mirror_zset_arguments:with_scores(Options) of
        true -> ask(Mirror, {zrandmember_withscores, Key, Count});
        false -> ask(Mirror, {zrandmember_count, Key, Count})
    end.

%% @equiv zscan(Mirror, Key, Cursor, #{})
-spec zscan(mirror(), key(), zscan_cursor()) ->
    {Next :: zscan_cursor(), [{Member :: binary(), score()}]} | failure().
zscan(Mirror, Key, Cursor) ->
    zscan(Mirror, Key, Cursor, #{}).

%% @doc Some of the members with their scores, in order, and the cursor for the next call. The first
%% cursor is 0; the scan is complete when the next cursor is 0. It finds every member that has the
%% same score all the while; a member whose score changes may be found twice, or not at all.
-spec zscan(mirror(), key(), zscan_cursor(), scan_options()) ->
    {Next :: zscan_cursor(), [{Member :: binary(), score()}]} | failure().
zscan(Mirror, Key, Cursor, Options) ->
    ok = eslaver_mirror_zset_arguments:cursor(Cursor),
    {Glob, Count} = eslaver_mirror_scan:options(Options),
    ask(Mirror, {zscan, Key, Cursor, Glob, Count}).

%% @equiv zunion(Mirror, Keys, #{})
-spec zunion(mirror(), [key(), ...]) -> zset_members() | failure().
zunion(Mirror, Keys) ->
    zunion(Mirror, Keys, #{}).

%% @doc The members that any of these sorted sets or sets has, in the order of their combined
%% scores.
-spec zunion(mirror(), [key(), ...], zset_options()) -> zset_members() | failure().
zunion(Mirror, [_ | _] = Keys, Options) ->
    {Weights, Aggregate, WithScores} =
        eslaver_mirror_zset_arguments:combination(length(Keys), Options),
    ask(Mirror, {zunion, Keys, Weights, Aggregate, WithScores}).

%% @equiv zinter(Mirror, Keys, #{})
-spec zinter(mirror(), [key(), ...]) -> zset_members() | failure().
zinter(Mirror, Keys) ->
    zinter(Mirror, Keys, #{}).

%% @doc The members that all of these sorted sets or sets have, in the order of their combined
%% scores.
-spec zinter(mirror(), [key(), ...], zset_options()) -> zset_members() | failure().
zinter(Mirror, [_ | _] = Keys, Options) ->
    {Weights, Aggregate, WithScores} =
        eslaver_mirror_zset_arguments:combination(length(Keys), Options),
    ask(Mirror, {zinter, Keys, Weights, Aggregate, WithScores}).

%% @equiv zdiff(Mirror, Keys, #{})
-spec zdiff(mirror(), [key(), ...]) -> zset_members() | failure().
zdiff(Mirror, Keys) ->
    zdiff(Mirror, Keys, #{}).

%% @doc The members that the first of these sorted sets or sets has and no other.
-spec zdiff(mirror(), [key(), ...], #{with_scores => boolean()}) -> zset_members() | failure().
zdiff(Mirror, [_ | _] = Keys, Options) ->
    ask(Mirror, {zdiff, Keys, eslaver_mirror_zset_arguments:with_scores(Options)}).

%% @equiv zintercard(Mirror, Keys, 0)
-spec zintercard(mirror(), [key(), ...]) -> non_neg_integer() | failure().
zintercard(Mirror, Keys) ->
    zintercard(Mirror, Keys, 0).

%% @doc The number of members that all of these sorted sets or sets have, at most `Limit' unless
%% that is 0.
-spec zintercard(mirror(), [key(), ...], Limit :: non_neg_integer()) ->
    non_neg_integer() | failure().
zintercard(Mirror, [_ | _] = Keys, Limit) when is_integer(Limit), Limit >= 0 ->
    ask(Mirror, {zintercard, Keys, Limit}).

%% Geo.
%% ------------------------------------------------------------------------------------------------

%% @doc The positions of members, `undefined' for a missing one.
-spec geopos(mirror(), key(), [binary()]) ->
    [{Longitude :: float(), Latitude :: float()} | undefined] | failure().
geopos(Mirror, Key, Members) ->
    ask(Mirror, {geopos, Key, Members}).

%% @doc The distance of two members in meters. A server rounds it to 4 decimals.
-spec geodist(mirror(), key(), binary(), binary()) -> float() | undefined | failure().
geodist(Mirror, Key, One, Other) ->
    geodist(Mirror, Key, One, Other, m).

%% @doc The distance of two members in another unit.
-spec geodist(mirror(), key(), binary(), binary(), eslaver_mirror_geo_arguments:unit()) ->
    float() | undefined | failure().
geodist(Mirror, Key, One, Other, Unit) ->
    ok = eslaver_mirror_geo_arguments:unit(Unit),
    ask(Mirror, {geodist, Key, One, Other, Unit}).

%% @doc The standard geohashes of members, `undefined' for a missing one.
-spec geohash(mirror(), key(), [binary()]) -> [binary() | undefined] | failure().
geohash(Mirror, Key, Members) ->
    ask(Mirror, {geohash, Key, Members}).

%% @doc The members near a place, as in
%% `geosearch(M, Key, #{from => {lonlat, 15.0, 37.0}, by => {radius, 200, km}, order => asc})'.
%%
%% The search starts from a position or a `{member, Member}' and has a shape: a `radius', a `box' or
%% a `polygon'. Members come in order of distance if an `order' is given. With a `count' the nearest
%% come, with `{Count, any}' the first ones found. With `with => [dist, coord, hash]' each member
%% comes with its distance in the unit of the shape, its position and its score. If the member to
%% search from is missing, the result is `{error, no_member}'.
-spec geosearch(mirror(), key(), eslaver_mirror_geo_arguments:options()) ->
    eslaver_mirror_geo_arguments:answer() | {error, no_member} | failure().
geosearch(Mirror, Key, Options) ->
    {From, By, Order, Count, With} = eslaver_mirror_geo_arguments:search(Options),
    ask(Mirror, {geosearch, Key, From, By, Order, Count, With}).

%% Hashes.
%% ------------------------------------------------------------------------------------------------

%% Expired fields are left out, and not counted by `hlen'.

%% @doc The value of a field.
-spec hget(mirror(), key(), Field :: binary()) -> binary() | undefined | failure().
hget(Mirror, Key, Field) ->
    ask(Mirror, {hget, Key, Field}).

%% @doc The values of several fields.
-spec hmget(mirror(), key(), [Field :: binary()]) -> [binary() | undefined] | failure().
hmget(Mirror, Key, Fields) ->
    ask(Mirror, {hmget, Key, Fields}).

%% @doc All fields with their values, in no order.
-spec hgetall(mirror(), key()) -> [{Field :: binary(), Value :: binary()}] | failure().
hgetall(Mirror, Key) ->
    ask(Mirror, {hgetall, Key}).

%% @doc The number of fields.
-spec hlen(mirror(), key()) -> non_neg_integer() | failure().
hlen(Mirror, Key) ->
    ask(Mirror, {hlen, Key}).

%% @doc Whether a field exists.
-spec hexists(mirror(), key(), Field :: binary()) -> boolean() | failure().
hexists(Mirror, Key, Field) ->
    ask(Mirror, {hexists, Key, Field}).

%% @doc All fields, in no order.
-spec hkeys(mirror(), key()) -> [Field :: binary()] | failure().
hkeys(Mirror, Key) ->
    ask(Mirror, {hkeys, Key}).

%% @doc All values, in no order.
-spec hvals(mirror(), key()) -> [Value :: binary()] | failure().
hvals(Mirror, Key) ->
    ask(Mirror, {hvals, Key}).

%% @doc The length of a field's value in bytes, 0 if the field is missing.
-spec hstrlen(mirror(), key(), Field :: binary()) -> non_neg_integer() | failure().
hstrlen(Mirror, Key, Field) ->
    ask(Mirror, {hstrlen, Key, Field}).

%% @doc A random field.
-spec hrandfield(mirror(), key()) -> Field :: binary() | undefined | failure().
hrandfield(Mirror, Key) ->
    ask(Mirror, {hrandfield, Key}).

%% @doc `Count' random fields, all different; with a negative count, `-Count' fields that may
%% repeat. Every field is equally likely.
-spec hrandfield(mirror(), key(), Count :: integer()) -> [Field :: binary()] | failure().
hrandfield(Mirror, Key, Count) when is_integer(Count) ->
    ask(Mirror, {hrandfield_count, Key, Count}).

%% @doc As {@link hrandfield/3}, with the values.
-spec hrandfield(mirror(), key(), Count :: integer(), withvalues) ->
    [{Field :: binary(), Value :: binary()}] | failure().
hrandfield(Mirror, Key, Count, withvalues) when is_integer(Count) ->
    ask(Mirror, {hrandfield_withvalues, Key, Count}).

%% @equiv hscan(Mirror, Key, Cursor, #{})
-spec hscan(mirror(), key(), Cursor :: non_neg_integer()) ->
    {Next :: non_neg_integer(), [{Field :: binary(), Value :: binary()}]} | failure().
hscan(Mirror, Key, Cursor) ->
    hscan(Mirror, Key, Cursor, #{}).

%% @doc Some of the fields with their values; cursors as in {@link sscan/4}.
-spec hscan(mirror(), key(), Cursor :: non_neg_integer(), scan_options()) ->
    {Next :: non_neg_integer(), [{Field :: binary(), Value :: binary()}]} | failure().
hscan(Mirror, Key, Cursor, Options) when is_integer(Cursor), Cursor >= 0 ->
    {Glob, Count} = eslaver_mirror_scan:options(Options),
    ask(Mirror, {hscan, Key, Cursor, Glob, Count}).

%% @doc The time to live of fields in seconds: -1 if the field does not expire, -2 if it is missing.
%% As on the server, it is rounded up on Redis and to the nearest second on Valkey.
-spec httl(mirror(), key(), [Field :: binary()]) -> [integer()] | failure().
httl(Mirror, Key, Fields) ->
    ask(Mirror, {httl, Key, Fields}).

%% @doc As {@link httl/3}, in milliseconds.
-spec hpttl(mirror(), key(), [Field :: binary()]) -> [integer()] | failure().
hpttl(Mirror, Key, Fields) ->
    ask(Mirror, {hpttl, Key, Fields}).

%% @doc The expiry of fields as Unix time, in seconds; -1 and -2 as in {@link httl/3}.
-spec hexpiretime(mirror(), key(), [Field :: binary()]) -> [integer()] | failure().
hexpiretime(Mirror, Key, Fields) ->
    ask(Mirror, {hexpiretime, Key, Fields}).

%% @doc As {@link hexpiretime/3}, in milliseconds.
-spec hpexpiretime(mirror(), key(), [Field :: binary()]) -> [integer()] | failure().
hpexpiretime(Mirror, Key, Fields) ->
    ask(Mirror, {hpexpiretime, Key, Fields}).

%% Arrays.
%% ------------------------------------------------------------------------------------------------

%% @doc The element at an index; `undefined' at a gap.
-spec arget(mirror(), key(), index()) -> binary() | undefined | failure().
arget(Mirror, Key, Index) ->
    ok = eslaver_mirror_array_arguments:index(Index),
    ask(Mirror, {arget, Key, Index}).

%% @doc The elements at several indexes.
-spec armget(mirror(), key(), [index()]) -> [binary() | undefined] | failure().
armget(Mirror, Key, Indexes) ->
    ok = eslaver_mirror_array_arguments:indexes(Indexes),
    ask(Mirror, {armget, Key, Indexes}).

%% @doc The elements from one index to another, gaps included; in reverse order if `From' is
%% greater. More than 1,000,000 indexes are `{error, range_too_large}'.
-spec argetrange(mirror(), key(), From :: index(), To :: index()) ->
    [binary() | undefined] | {error, range_too_large} | failure().
argetrange(Mirror, Key, From, To) ->
    ok = eslaver_mirror_array_arguments:index(From),
    ok = eslaver_mirror_array_arguments:index(To),
    ask(Mirror, {argetrange, Key, From, To}).

%% @doc The greatest index that has an element, plus one.
-spec arlen(mirror(), key()) -> non_neg_integer() | failure().
arlen(Mirror, Key) ->
    ask(Mirror, {arlen, Key}).

%% @doc The number of elements of an array.
-spec arcount(mirror(), key()) -> non_neg_integer() | failure().
arcount(Mirror, Key) ->
    ask(Mirror, {arcount, Key}).

%% @doc The index at which `ARINSERT' puts the next element; `undefined' if no index is left.
-spec arnext(mirror(), key()) -> index() | undefined | failure().
arnext(Mirror, Key) ->
    ask(Mirror, {arnext, Key}).

%% @doc The reply of `ARINFO', except how a server stores the array.
-spec arinfo(mirror(), key()) -> eslaver_mirror_array_arguments:info() | undefined | failure().
arinfo(Mirror, Key) ->
    ask(Mirror, {arinfo, Key}).

%% @equiv arscan(Mirror, Key, From, To, infinity)
-spec arscan(mirror(), key(), From :: index(), To :: index()) ->
    [{index(), binary()}] | failure().
arscan(Mirror, Key, From, To) ->
    arscan(Mirror, Key, From, To, infinity).

%% @doc The elements from one index to another without gaps, at most `Limit'; in reverse order if
%% `From' is greater.
-spec arscan(mirror(), key(), From :: index(), To :: index(), Limit :: pos_integer() | infinity) ->
    [{index(), binary()}] | failure().
arscan(Mirror, Key, From, To, Limit) when
    Limit =:= infinity; is_integer(Limit) andalso Limit > 0
->
    ok = eslaver_mirror_array_arguments:index(From),
    ok = eslaver_mirror_array_arguments:index(To),
    ask(Mirror, {arscan, Key, From, To, Limit}).

%% @equiv arlastitems(Mirror, Key, Count, #{})
-spec arlastitems(mirror(), key(), Count :: integer()) ->
    [binary() | undefined] | {error, range_too_large} | failure().
arlastitems(Mirror, Key, Count) ->
    arlastitems(Mirror, Key, Count, #{}).

%% @doc At most `Count' positions up to the element inserted last, gaps included; with `rev' the
%% newest first.
-spec arlastitems(mirror(), key(), Count :: integer(), #{rev => boolean()}) ->
    [binary() | undefined] | {error, range_too_large} | failure().
arlastitems(Mirror, Key, Count, Options) when is_integer(Count) ->
    ok = eslaver_mirror_arguments:options(#{rev => fun is_boolean/1}, Options),
    ask(Mirror, {arlastitems, Key, Count, maps:get(rev, Options, false)}).

%% @doc The indexes of elements that match, as in
%% ``argrep(M, Key, '-', '+', #{glob => [<<"user:*">>], limit => 10})''.
%%
%% `exact', `match' (contains the text) and `glob' are lists of texts. An element has to match one
%% of all these, or with <code>combine =&gt; 'and'</code> every one; `nocase' ignores the case of
%% ASCII letters. With `with_values' each index comes with its element. Regular expressions (`RE')
%% are not supported.
-spec argrep(
    mirror(),
    key(),
    From :: eslaver_mirror_array_arguments:bound(),
    To :: eslaver_mirror_array_arguments:bound(),
    eslaver_mirror_array_arguments:grep_options()
) -> [index()] | [{index(), binary()}] | failure().
argrep(Mirror, Key, From, To, Options) ->
    ok = eslaver_mirror_array_arguments:bound(From),
    ok = eslaver_mirror_array_arguments:bound(To),
    {Texts, Combine, NoCase, Limit, WithValues} = eslaver_mirror_array_arguments:grep(Options),
    ask(Mirror, {argrep, Key, From, To, Texts, Combine, NoCase, Limit, WithValues}).

%% @doc Aggregates the elements from one index to another: `sum', `min', `max', <code>'and'</code>,
%% <code>'or'</code> or <code>'xor'</code> of those that are numbers, the number of elements
%% (`used'), or the number of elements equal to a text (`{match, Text}'). Without numbers it is
%% `undefined'. A sum of floats may differ from a server's in the last digits, since servers add
%% with 80-bit floats.
-spec arop(
    mirror(), key(), From :: index(), To :: index(), eslaver_mirror_array_arguments:operation()
) -> integer() | score() | undefined | failure().
arop(Mirror, Key, From, To, Operation) ->
    ok = eslaver_mirror_array_arguments:index(From),
    ok = eslaver_mirror_array_arguments:index(To),
    ok = eslaver_mirror_array_arguments:operation(Operation),
    ask(Mirror, {arop, Key, From, To, Operation}).

%% Vector sets.
%% ------------------------------------------------------------------------------------------------

%% Similarity search (`VSIM') is not supported.

%% @doc The number of elements of a vector set.
-spec vcard(mirror(), key()) -> non_neg_integer() | failure().
vcard(Mirror, Key) ->
    ask(Mirror, {vcard, Key}).

%% @doc The dimension of a vector set's vectors.
-spec vdim(mirror(), key()) -> pos_integer() | undefined | failure().
vdim(Mirror, Key) ->
    ask(Mirror, {vdim, Key}).

%% @doc The reply of `VINFO', except what concerns the server's graph.
-spec vinfo(mirror(), key()) -> eslaver_mirror_vector_arguments:info() | undefined | failure().
vinfo(Mirror, Key) ->
    ask(Mirror, {vinfo, Key}).

%% @doc Whether an element exists.
-spec vismember(mirror(), key(), Element :: binary()) -> boolean() | failure().
vismember(Mirror, Key, Element) ->
    ask(Mirror, {vismember, Key, Element}).

%% @doc The JSON attribute of an element.
-spec vgetattr(mirror(), key(), Element :: binary()) -> binary() | undefined | failure().
vgetattr(Mirror, Key, Element) ->
    ask(Mirror, {vgetattr, Key, Element}).

%% @doc The vector of an element, as exact as a server keeps it. The numbers are those of servers on
%% x86, to the last digit; servers on other platforms may round the last digit differently.
-spec vemb(mirror(), key(), Element :: binary()) -> [float()] | undefined | failure().
vemb(Mirror, Key, Element) ->
    ask(Mirror, {vemb, Key, Element}).

%% @doc The vector as a server keeps it.
-spec vemb(mirror(), key(), Element :: binary(), raw) ->
    eslaver_mirror_vector_arguments:raw() | undefined | failure().
vemb(Mirror, Key, Element, raw) ->
    ask(Mirror, {vemb_raw, Key, Element}).

%% @equiv vrange(Mirror, Key, Low, High, infinity)
-spec vrange(mirror(), key(), Low :: lex_bound(), High :: lex_bound()) -> [binary()] | failure().
vrange(Mirror, Key, Low, High) ->
    vrange(Mirror, Key, Low, High, infinity).

%% @doc The elements from `Low' to `High' in the order of their bytes, at most `Count'.
-spec vrange(
    mirror(),
    key(),
    Low :: lex_bound(),
    High :: lex_bound(),
    Count :: non_neg_integer() | infinity
) -> [binary()] | failure().
vrange(Mirror, Key, Low, High, Count) when
    Count =:= infinity; is_integer(Count) andalso Count >= 0
->
    ok = eslaver_mirror_zset_arguments:bounds(lex, Low, High),
    ask(Mirror, {vrange, Key, Low, High, Count}).

%% @doc A random element.
-spec vrandmember(mirror(), key()) -> binary() | undefined | failure().
vrandmember(Mirror, Key) ->
    ask(Mirror, {vrandmember, Key}).

%% @doc `Count' random elements, all different; with a negative count, `-Count' elements that may
%% repeat.
-spec vrandmember(mirror(), key(), Count :: integer()) -> [binary()] | failure().
vrandmember(Mirror, Key, Count) when is_integer(Count) ->
    ask(Mirror, {vrandmember_count, Key, Count}).

%% Path hashes.
%% ------------------------------------------------------------------------------------------------

%% @doc The number of paths of a path hash.
-spec phcard(mirror(), key()) -> non_neg_integer() | failure().
phcard(Mirror, Key) ->
    ask(Mirror, {phcard, Key}).

%% @doc Whether a path exists.
-spec phexists(mirror(), key(), Path :: binary()) -> boolean() | failure().
phexists(Mirror, Key, Path) ->
    ask(Mirror, {phexists, Key, Path}).

%% @doc The value of a field of a path.
-spec phget(mirror(), key(), Path :: binary(), Field :: binary()) ->
    binary() | undefined | failure().
phget(Mirror, Key, Path, Field) ->
    ask(Mirror, {phget, Key, Path, Field}).

%% @doc The values of several fields of a path.
-spec phmget(mirror(), key(), Path :: binary(), [Field :: binary()]) ->
    [binary() | undefined] | failure().
phmget(Mirror, Key, Path, Fields) ->
    ask(Mirror, {phmget, Key, Path, Fields}).

%% @doc All fields of a path with their values, in no order.
-spec phgetall(mirror(), key(), Path :: binary()) ->
    [{Field :: binary(), Value :: binary()}] | failure().
phgetall(Mirror, Key, Path) ->
    ask(Mirror, {phgetall, Key, Path}).

%% @doc The longest path that is a prefix of a text.
-spec phlongest(mirror(), key(), Query :: binary()) -> binary() | undefined | failure().
phlongest(Mirror, Key, Query) ->
    ask(Mirror, {phlongest, Key, Query}).

%% @equiv phprefixes(Mirror, Key, Query, #{})
-spec phprefixes(mirror(), key(), Query :: binary()) -> [Path :: binary()] | failure().
phprefixes(Mirror, Key, Query) ->
    phprefixes(Mirror, Key, Query, #{}).

%% @doc All paths that are prefixes of a text, the shortest first: only those of at most `maxlen'
%% bytes, and of these the `count' longest.
-spec phprefixes(mirror(), key(), Query :: binary(), #{
    count => pos_integer(), maxlen => non_neg_integer()
}) -> [Path :: binary()] | failure().
phprefixes(Mirror, Key, Query, Options) ->
    ok = eslaver_mirror_arguments:options(
        #{
            count => fun(Count) -> is_integer(Count) andalso Count > 0 end,
            maxlen => fun(Length) -> is_integer(Length) andalso Length >= 0 end
        },
        Options
    ),
    Longest = maps:get(maxlen, Options, infinity),
    ask(Mirror, {phprefixes, Key, Query, Longest, maps:get(count, Options, infinity)}).

%% @equiv phscan(Mirror, Key, Cursor, #{})
-spec phscan(mirror(), key(), Cursor :: 0 | binary()) ->
    {Next :: 0 | binary(), [Path :: binary()]} | failure().
phscan(Mirror, Key, Cursor) ->
    phscan(Mirror, Key, Cursor, #{}).

%% @doc Some of the paths, in the order of their bytes, and the cursor for the next call. The first
%% cursor is 0; the scan is complete when the next cursor is 0. Any other cursor is the last path of
%% the answer.
-spec phscan(mirror(), key(), Cursor :: 0 | binary(), path_scan()) ->
    {Next :: 0 | binary(), [Path :: binary()]} | failure().
phscan(Mirror, Key, Cursor, Options) ->
    _ = Cursor =:= 0 orelse eslaver_mirror_arguments:binary(Cursor),
    ok = eslaver_mirror_arguments:options(
        #{
            prefix => fun is_binary/1,
            count => fun(Count) -> is_integer(Count) andalso Count > 0 end
        },
        Options
    ),
    Prefix = maps:get(prefix, Options, <<>>),
    ask(Mirror, {phscan, Key, Cursor, Prefix, maps:get(count, Options, 10)}).

%% Rate limits.
%% ------------------------------------------------------------------------------------------------

%% @doc The value that `GCRA' keeps of a rate limit: its theoretical arrival time as Unix time, in
%% microseconds.
-spec gcra(mirror(), key()) -> integer() | undefined | failure().
gcra(Mirror, Key) ->
    ask(Mirror, {gcra, Key}).

%% Streams.
%% ------------------------------------------------------------------------------------------------

%% @doc The number of entries of a stream.
-spec xlen(mirror(), key()) -> non_neg_integer() | failure().
xlen(Mirror, Key) ->
    ask(Mirror, {xlen, Key}).

%% @equiv xrange(Mirror, Key, Start, End, infinity)
-spec xrange(mirror(), key(), Start :: entry_bound(), End :: entry_bound()) ->
    [entry()] | failure().
xrange(Mirror, Key, Start, End) ->
    xrange(Mirror, Key, Start, End, infinity).

%% @doc The entries from `Start' to `End', at most `Count'.
-spec xrange(
    mirror(), key(), Start :: entry_bound(), End :: entry_bound(), Count :: integer() | infinity
) -> [entry()] | failure().
xrange(Mirror, Key, Start, End, Count) ->
    ok = eslaver_mirror_stream_arguments:bound(Start),
    ok = eslaver_mirror_stream_arguments:bound(End),
    ok = eslaver_mirror_stream_arguments:count(Count),
    ask(Mirror, {xrange, Key, Start, End, Count}).

%% @equiv xrevrange(Mirror, Key, End, Start, infinity)
-spec xrevrange(mirror(), key(), End :: entry_bound(), Start :: entry_bound()) ->
    [entry()] | failure().
xrevrange(Mirror, Key, End, Start) ->
    xrevrange(Mirror, Key, End, Start, infinity).

%% @doc As {@link xrange/5}, from the greatest id to the least.
-spec xrevrange(
    mirror(), key(), End :: entry_bound(), Start :: entry_bound(), Count :: integer() | infinity
) -> [entry()] | failure().
xrevrange(Mirror, Key, End, Start, Count) ->
    ok = eslaver_mirror_stream_arguments:bound(Start),
    ok = eslaver_mirror_stream_arguments:bound(End),
    ok = eslaver_mirror_stream_arguments:count(Count),
    ask(Mirror, {xrevrange, Key, End, Start, Count}).

%% @equiv xread(Mirror, Key, After, infinity)
-spec xread(mirror(), key(), After :: binary()) -> [entry()] | failure().
xread(Mirror, Key, After) ->
    xread(Mirror, Key, After, infinity).

%% @doc The entries after an id, at most `Count'; all if `Count' is 0 or less. It never blocks.
-spec xread(mirror(), key(), After :: binary(), Count :: integer() | infinity) ->
    [entry()] | failure().
xread(Mirror, Key, After, Count) ->
    ok = eslaver_mirror_stream_arguments:bound(After),
    ok = eslaver_mirror_stream_arguments:count(Count),
    ask(Mirror, {xread, Key, After, Count}).

%% @doc The reply of `XINFO STREAM', except how a server stores the stream. Values that the master's
%% version does not have (`entries_added' before Redis 7.0, `idmp' before 8.6) are what a newer one
%% would have.
-spec xinfo_stream(mirror(), key()) ->
    eslaver_mirror_stream_arguments:stream() | undefined | failure().
xinfo_stream(Mirror, Key) ->
    ask(Mirror, {xinfo_stream, Key}).

%% @doc The consumer groups of a stream, by name. `lag' and `entries_read' are `undefined' if the
%% master does not know them.
-spec xinfo_groups(mirror(), key()) ->
    [eslaver_mirror_stream_arguments:group()] | undefined | failure().
xinfo_groups(Mirror, Key) ->
    ask(Mirror, {xinfo_groups, Key}).

%% @doc The consumers of a group, by name. Masters do not replicate reads that return nothing, so a
%% consumer that has made only such reads may be missing, and `idle' may be too long.
-spec xinfo_consumers(mirror(), key(), Group :: binary()) ->
    [eslaver_mirror_stream_arguments:consumer()] | undefined | failure().
xinfo_consumers(Mirror, Key, Group) ->
    ask(Mirror, {xinfo_consumers, Key, Group}).

%% @doc The number of entries pending in a group, the first and the last of them, and the number for
%% each consumer.
-spec xpending(mirror(), key(), Group :: binary()) ->
    eslaver_mirror_stream_arguments:summary() | undefined | failure().
xpending(Mirror, Key, Group) ->
    ask(Mirror, {xpending, Key, Group}).

%% @equiv xpending(Mirror, Key, Group, Start, End, Count, #{})
-spec xpending(
    mirror(),
    key(),
    Group :: binary(),
    Start :: entry_bound(),
    End :: entry_bound(),
    Count :: integer() | infinity
) -> [pending_entry()] | undefined | failure().
xpending(Mirror, Key, Group, Start, End, Count) ->
    xpending(Mirror, Key, Group, Start, End, Count, #{}).

%% @doc The entries pending in a group from `Start' to `End', at most `Count': only those of one
%% `consumer', only those that have been idle for `min_idle' ms, or all.
-spec xpending(
    mirror(),
    key(),
    Group :: binary(),
    Start :: entry_bound(),
    End :: entry_bound(),
    Count :: integer() | infinity,
    eslaver_mirror_stream_arguments:filter()
) -> [pending_entry()] | undefined | failure().
xpending(Mirror, Key, Group, Start, End, Count, Filter) ->
    ok = eslaver_mirror_stream_arguments:bound(Start),
    ok = eslaver_mirror_stream_arguments:bound(End),
    ok = eslaver_mirror_stream_arguments:count(Count),
    Options = eslaver_mirror_stream_arguments:filter(Filter),
    ask(Mirror, {xpending, Key, Group, Start, End, Count, Options}).

%% Sorting.
%% ------------------------------------------------------------------------------------------------

%% @doc The elements of a list, a set or a sorted set, sorted as numbers.
-spec sort_ro(mirror(), key()) -> [binary()] | {error, not_a_number} | failure().
sort_ro(Mirror, Key) ->
    sort_ro(Mirror, Key, #{}).

%% @doc The elements sorted `by' the values of a pattern (`<<"weight_*">>', `<<"item_*->price">>')
%% or not at all (`nosort'), in an `order', as texts (`alpha'), with a `limit'. With `get' the
%% answer has the values of its patterns for each element, `undefined' for missing ones.
-spec sort_ro(mirror(), key(), eslaver_mirror_sort_arguments:options()) ->
    [binary() | undefined] | {error, not_a_number} | failure().
sort_ro(Mirror, Key, Options) ->
    {By, Get, Limit, Order, Alpha} = eslaver_mirror_sort_arguments:options(Options),
    ask(Mirror, {sort_ro, Key, By, Get, Limit, Order, Alpha}).
