%% @doc A mirror: a replica that keeps the whole dataset in memory. Any process reads it, with calls
%% named after Redis' commands, and without sending a message.
%%
%% All calls follow one convention:
%%
%% <ul>
%% <li>The mirror comes first: its name, or `{Name, Db}'. Then comes the key, or a list of keys,
%% then what the command needs, in Redis' order. `Start' and `End', and the `Count' of random
%% members, stay where Redis has them: `srandmember(M, Key, Count)'.</li>
%% <li>Everything else is optional, and comes last, as one map or keyword list:
%% `#{with_scores => true}', `[{count, 10}]', `[with_scores]'. Options are named as in Redis, in
%% snake case: `WITHSCORES' is `with_scores', `MINMATCHLEN' is `min_match_len'. Flags are booleans,
%% and choices are atoms: `unit => bit', `order => desc'. An option that is `undefined' or `nil'
%% counts as missing.</li>
%% <li>Keys, fields, members, elements and patterns are binaries. Numbers are integers or floats;
%% scores may also be `inf' and `'-inf''.</li>
%% <li>Missing keys, fields and members are `undefined', also within lists, or `nil' with the option
%% `undefined => nil' of {@link start_link/1}. Collections of a missing key are empty, and counts
%% are 0.</li>
%% <li>Answers to yes-or-no questions are booleans. Pairs, such as members with scores, are tuples
%% in a list; the fields of a whole hash are a map.</li>
%% <li>Times to live and expiry times of keys, fields and members are non-negative integers,
%% `infinity' if they do not expire, and `undefined' if they are missing.</li>
%% <li>A read that has no value returns an error: see {@link failure()}. Every call returns
%% `{error, not_running}' if there is no such mirror.</li>
%% <li>Invalid arguments raise `badarg', for example a misspelt option, or a string as a key.</li>
%% </ul>
-module(eslaver_mirror).

-export([start_link/1, child_spec/1, format_error/1, stop/1, await/3]).
-export([info/1, health/1, status/1, functions/1]).
-export([subscribe/2, unsubscribe/2, read/2, read/3, save/2]).
-export_type([options/0, mirror/0, failure/0, key/0, entry_bound/0, entry/0, pending_entry/0]).
-export_type([index/0, opts/1, path_scan/0, lifetime/0, unit/0, limit/0, entry_count/0]).
-export_type([position_options/0, fold_options/0, scan_options/0, projection/0, score/0]).
-export_type([range_bound/0, score_bound/0, lex_bound/0, zrange_options/0, zset_options/0]).
-export_type([zset_members/0, zscan_cursor/0]).

%% Sorting.
-export([sort_ro/2, sort_ro/3]).

%% Keys.
-export([exists/2, touch/2, type/2, ttl/2, pttl/2, expiretime/2, pexpiretime/2]).
-export([keys/2, scan/2, scan/3, fold/3, fold/4, fold_keys/3, fold_keys/4, dbsize/1, randomkey/1]).
-export([dump/2, object_encoding/2, memory_usage/2]).

%% Strings.
-export([get/2, mget/2, strlen/2, getrange/4, substr/4, digest/2, lcs/3, lcs/4]).
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
-export([georadius_ro/6, georadius_ro/7, georadiusbymember_ro/5, georadiusbymember_ro/6]).

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
-export([xlen/2, xrange/4, xrange/5, xrevrange/4, xrevrange/5, xread/2, xread/3]).
-export([xinfo_stream/2, xinfo_stream/3, xinfo_groups/2, xinfo_consumers/3]).
-export([xpending/3, xpending/6, xpending/7]).

-type options() :: eslaver_input:mirror().
%% The options of a mirror: see {@link start_link/1}.

-type mirror() :: eslaver_mirror_types:mirror().
%% The name of a mirror, for its db 0, or `{Name, Db}'.

-type failure() :: eslaver_mirror_types:failure().
%% Why a read has no value: see {@link eslaver_mirror_types:failure()}.

-type key() :: binary().
%% A key.

-type entry_bound() :: eslaver_mirror_types:entry_bound().
%% The id of a stream's entry, such as `<<"1526919030474-55">>'; the part from the dash on is
%% optional. The range includes it unless it is `{exclusive, Id}'. `-' and `+' are the lowest and
%% the highest id.

-type entry() :: eslaver_mirror_types:entry().
%% An entry of a stream.

-type pending_entry() :: {
    Id :: binary(), Consumer :: binary(), IdleMs :: integer(), Deliveries :: non_neg_integer()
}.
%% As in servers' replies, an entry that was given back with `XNACK' has an empty consumer and the
%% idle time -1.

-type index() :: non_neg_integer().
%% An index of an array: up to 2^64 - 2.

-type opts(Map) :: eslaver_mirror_types:options(Map).
%% A map of options, or a keyword list.

-type path_scan() :: opts(#{prefix => binary(), count => pos_integer()}).
%% `prefix': only paths that begin with it. `count': the maximum number of paths, by default 10.

-type lifetime() :: non_neg_integer() | infinity | undefined.
%% `infinity': it does not expire; `undefined': it is missing.

-type unit() :: byte | bit.
%% What indexes count.

-type limit() :: opts(#{limit => non_neg_integer()}).
%% Where to stop counting; 0, the default, means no limit.

-type entry_count() :: opts(#{count => integer() | infinity}).
%% The maximum number of entries.

-type position_options() :: opts(#{
    rank => integer(), count => non_neg_integer(), maxlen => non_neg_integer()
}).
%% `rank': which of the equal elements. `count': how many indexes; 0 means all. `maxlen': how many
%% elements to look at; 0 means all.

-type fold_options() :: opts(#{match => binary(), type => eslaver_mirror_types:value_type()}).
%% Only keys that match a pattern, and are of a type.

-type scan_options() :: eslaver_mirror_types:scan_options().
%% `match': a glob as of `KEYS'; `count': about how many elements to look at, 10 by default.

-type projection() :: eslaver_mirror_types:projection().
%% Keys that the mirror keeps as rows of an ETS table, in step with the stream. `map' is called with
%% each key of this `type' that matches `keys', and with its value as in {@link fold/4}. It returns
%% a row, a list of rows, or `skip'. `db' is 0 by default.
%%
%% `table' is an unused name, under which the mirror creates a protected `set' that lives as long as
%% itself, or your own public `set' or `ordered_set'. It must contain nothing but the rows of this
%% projection, and rows of different keys must have different table keys.
%%
%% The table always shows the keys at one place in the stream, between two transactions. All new
%% rows of a change, which may consist of several transactions, appear at the same moment. Obsolete
%% rows are deleted after that, one by one: a reader may still see a row that is about to go, but
%% never misses one that stays. A full resync is one such change. The first snapshot is not, but
%% {@link await/3} waits for all its rows. Key notifications and the reply to `WAIT' on the master
%% come after the rows.
%%
%% Expired keys and fields stay in the rows until the master removes them. While the link is down,
%% the rows stay as they are. If `map' fails, its key has no rows: the first failure is logged, and
%% {@link info/1} counts all. The stream waits while `map' runs, as for a slow callback.

-type score() :: float() | inf | '-inf'.
%% The score of a member.

-type range_bound() :: integer() | score_bound() | lex_bound().
%% An index, a score or a name, depending on `by'.

-type score_bound() :: number() | inf | '-inf' | {exclusive, number() | inf | '-inf'}.
%% A bound of a range of scores.

-type lex_bound() :: {inclusive | exclusive, binary()} | '-' | '+'.
%% A bound of a range of members.

-type zrange_options() :: opts(#{
    by => index | score | lex,
    rev => boolean(),
    limit => {Offset :: integer(), Count :: integer()},
    with_scores => boolean()
}).
%% Those of `ZRANGE'.

-type zset_options() :: opts(#{
    weights => [number() | inf | '-inf'],
    aggregate => sum | min | max | count,
    with_scores => boolean()
}).
%% Those of `ZUNION' and `ZINTER'.

-type zset_members() :: [binary()] | [{Member :: binary(), score()}].
%% Members, with scores if `with_scores' is `true'.

-type zscan_cursor() :: 0 | {score(), binary()}.
%% 0, or where the previous call stopped.

%% @doc Starts a mirror, linked to the caller. It takes the options of {@link eslaver:start_link/1}
%% except `load_dump'; `events', `resume', `mailbox_limit' and `on_error' need a `callback'. A
%% filter may have `keys' and `dbs', and with a callback `origin'. A mirror's own options are:
%%
%% <ul>
%% <li>`name': an atom under which the mirror is registered, by default `eslaver_mirror'</li>
%% <li>`full_resync': `beside' (the default) loads a new snapshot beside the old data, which stays
%% readable; `in_place' drops the old data first, which takes half the memory</li>
%% <li>`max_memory': the maximum memory of the data in bytes, counted as `memory' of {@link info/1};
%% `undefined' (the default): no limit. If a snapshot or the stream needs more, the link ends with
%% the reason `max_memory', in the log, in telemetry and in `last_error' of `replica' in
%% {@link info/1}. Old data stays readable, but is `stale'. A full resync is tried after pauses that
%% grow to ten minutes. The limit is for one dataset: while another is loaded `beside', there may be
%% twice as much</li>
%% <li>`serve_stale_data': whether reads are answered while the data is stale, by default
%% `true'</li>
%% <li>`fresh_within': for how many ms something that has arrived may be unapplied while the data
%% still counts as `fresh'; `infinity' (the default) for no limit. With `master_offset_every' this
%% also counts what the master has not sent yet</li>
%% <li>`undefined': what reads answer for what is missing: `undefined' (the default) or `nil', which
%% suits Elixir. {@link info/1} is no read</li>
%% <li>`project': a list of {@link projection()}s: keys that are kept as rows of ETS tables</li>
%% <li>`persist': a file, or `#{file => File, interval => Ms | infinity}'. The mirror saves itself
%% there as {@link save/2} does, every `interval' (by default 5 minutes) if its data has changed,
%% and when it is stopped. When it starts, it loads that file. The data is `stale' until the link is
%% up, which continues from where the file was saved. A file that is damaged, was made with another
%% filter, or does not come from a mirror is logged and ignored; that of another master causes a
%% full sync</li>
%% </ul>
%%
%% With a `callback', in any form that {@link eslaver:start_link/1} takes, the same replication also
%% delivers events, as a replica without a mirror does:
%%
%% <ul>
%% <li>When the callback receives an event of the stream, the mirror already shows its effect (that
%% of a transaction from its `exec' on), and may be further ahead.</li>
%% <li>While it receives the events of a snapshot, the mirror still shows the old data: none at
%% first, or with `in_place'. It shows the new data once the callback has handled the whole
%% snapshot, from `{loading, eof}' on.</li>
%% <li>The master is told what the callback has handled. A slow or pausing callback holds the mirror
%% back, which is at most some megabytes of events ahead. A lost link is replaced once the callback
%% has handled what had arrived; until then the mirror is stale.</li>
%% <li>After a lost link neither receives anything twice or misses anything. If only one of them can
%% continue, both start again with a full resync.</li>
%% <li>{@link eslaver:call/3} calls a handler by the mirror's name.</li>
%% <li>If the callback raises, the mirror keeps its data and restarts the callback, with growing
%% pauses, unless `on_error' skips the event. The events continue where `resume' says; without
%% `resume' both get a new snapshot. A handler that stops is restarted as well. If a process that
%% receives the events ends, the mirror logs that and continues without it.</li>
%% <li>With `resume' but without `persist', a mirror that is itself restarted begins with a full
%% resync, whatever the callback had handled: its data is gone.</li>
%% <li>The callback runs in the replica's process: `self()' is the argument for
%% {@link eslaver:continue/1} and {@link eslaver:demand/2}. It may read the mirror, but must not
%% stop it.</li>
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

%% @doc The child specification of a mirror. Its id is the mirror's name. With `persist' the mirror
%% has a minute for its last save at shutdown.
-spec child_spec(options() | eslaver:keywords()) -> supervisor:child_spec().
child_spec(Options) ->
    #{id := Name, start := {eslaver, start_link, Wrapped}} = Spec = eslaver:child_spec(Options),
    Id =
        case Name of
            eslaver -> ?MODULE;
            _ -> Name
        end,
    Spec#{id := Id, start := {?MODULE, start_link, Wrapped}, shutdown := shutdown(Options)}.

%% How long the last save may take, in ms.
shutdown(Options) ->
    case eslaver_option_map:from(Options) of
        {ok, #{persist := None}} when None =:= undefined; None =:= nil -> 5000;
        {ok, #{persist := _}} -> 60000;
        _ -> 5000
    end.

%% @doc Explains an error of {@link start_link/1}, as {@link eslaver:format_error/1} does.
-spec format_error(term()) -> binary().
format_error(Error) ->
    Keys = eslaver_mirror_options:keys() ++ eslaver_options:keys(),
    eslaver_format_error:text(Error, Keys -- [load_dump]).

%% @doc Stops a mirror, and frees its data.
-spec stop(atom()) -> ok | {error, not_running}.
stop(Name) ->
    eslaver_running:ask(fun gen_server:stop/1, [Name]).

%% @doc Waits. With `loaded' it returns once the first snapshot can be read.
%%
%% With a token (see {@link eslaver:await/3}) it returns once that write and all before it can be
%% read, also in the rows of projections. It does not wait for a callback. If the write can already
%% be read, it sends no message.
-spec await(atom(), loaded | eslaver:token(), timeout()) ->
    ok | {error, timeout | diverged | which_shard | not_running}.
await(Name, loaded, Timeout) ->
    eslaver_running:ask(fun eslaver_waiting:await/3, [Name, loaded, Timeout]);
await(Name, Token, Timeout) ->
    {Replid, Offset} = Write = eslaver_token:write(Token),
    case eslaver_nif:keyspace_has(Name, Replid, Offset) of
        true -> ok;
        false -> eslaver_running:ask(fun eslaver_waiting:await/3, [Name, Write, Timeout])
    end.

%% @doc Whether the data is `fresh', `stale' or `loading' (there is none yet). It is stale while the
%% link to the master is down, a full resync is due, or a replica that is followed has lost its own
%% master; and if something has been unapplied for longer than `fresh_within'. Sends no message.
-spec status(mirror()) -> eslaver_mirror_types:status() | {error, not_running}.
status(Mirror) ->
    eslaver_mirror_read:status(Mirror).

%% @doc The state of a mirror, at once, whatever the mirror and its callback do:
%%
%% <ul>
%% <li>`status' as of {@link status/1}, and `stale_for' in ms</li>
%% <li>`keys': the number of keys, including expired ones that the master has not removed yet</li>
%% <li>`memory': the memory of all data in bytes, as the mirror's allocator counts it: keys, values,
%% tables of keys, a snapshot being loaded, and what is about to be freed. The operating system
%% shows more, by what the allocator holds in reserve. `erlang:memory/0' does not include it</li>
%% <li>`types': for each type the number of `keys' and the `bytes' of its keys and values, counted
%% in the same way, without the tables of keys</li>
%% <li>`replid', `offset' and `db': the position applied to the data; `replica' has the one that the
%% callback has handled</li>
%% <li>`functions': the number of libraries; see {@link functions/1}</li>
%% <li>`restarts' of the replica, and `start_error': why it cannot start, or `undefined'</li>
%% <li>`unapplied': for each command that could not be mirrored, how often that left its keys
%% unknown</li>
%% <li>`incomplete': whether the mirror waits for a full resync because a command may have changed
%% any key</li>
%% <li>`projections': for each table the number of `rows', and of `failures' of its `map'</li>
%% <li>`saving': whether a save is running, and `last_save': `undefined', or a map with `file',
%% `time' (its end, in ms since the epoch), and either `error', or `keys', `bytes', `duration' in
%% ms, and `unknown', the number of unknown keys, which were left out</li>
%% <li>`restored': `undefined', or what the file loaded at the start gave: a map with `error', or
%% with `keys', `bytes' and `duration' in ms</li>
%% <li>`replica': the result of {@link eslaver:info/1}; empty if there is no replica</li>
%% <li>`lag', `behind_for' and `events_per_second' (keys and commands): as in {@link
%% eslaver:info/1}, but of what is applied, where `replica' has what the callback handles</li>
%% </ul>
-spec info(atom()) -> map() | {error, not_running}.
info(Name) ->
    eslaver_running:ask(fun eslaver_server:info/1, [Name]).

%% @doc As {@link eslaver:health/1}: it is `ok' when {@link status/1} is `fresh', in a cluster that
%% of every shard. Otherwise the `state' is the status.
-spec health(atom()) -> ok | {error, eslaver:health()}.
health(Name) ->
    eslaver:health(Name).

%% @doc The master's libraries of functions. The mirror does not run them.
-spec functions(atom()) -> #{Library :: binary() => Code :: binary()} | {error, not_running}.
functions(Name) ->
    eslaver_running:ask(fun eslaver_mirror_server:functions/1, [Name]).

%% @doc Subscribes the calling process to key notifications, as {@link eslaver:subscribe/2} does.
%% They arrive once the change can be read.
-spec subscribe(atom(), Filter :: eslaver_types:filter() | eslaver:keywords()) ->
    {ok, reference()}
    | {error, not_running | {invalid_option, Key :: term(), Value :: term()}}.
subscribe(Name, Filter) ->
    eslaver:subscribe(Name, Filter).

%% @doc Ends a subscription made by {@link subscribe/2}.
-spec unsubscribe(atom(), reference()) -> ok | {error, not_running}.
unsubscribe(Name, Ref) ->
    eslaver:unsubscribe(Name, Ref).

%% @doc Saves the data as an RDB file that a server of the master's version can load. It shows one
%% moment after the call, between two transactions; reads and the stream continue. Once it is
%% complete and on the disk, it replaces a file of the same name.
%%
%% Unknown keys are left out, and counted in {@link info/1}; a mirror that loads the file knows that
%% they are unknown. Errors are `loading' (there is no data yet), `incomplete' (a full resync is due
%% because a command may have changed any key), or a text that says what is wrong with the file.
-spec save(atom(), file:name_all()) ->
    ok | {error, not_running | loading | incomplete | (Why :: binary())}.
save(Name, File) ->
    case eslaver_text:path(File) of
        {ok, Path} -> eslaver_running:ask(fun eslaver_mirror_server:save/2, [Name, Path]);
        error -> error(badarg)
    end.

%% @doc Runs a fun whose reads of this mirror all see the same moment, between two transactions of
%% the master. The fun may run more than once, so it should have no side effects.
%%
%% In a cluster, all reads must be of one slot. A key of another slot raises `crossslot', and so
%% does a read of all keys: see {@link read/3}.
-spec read(mirror(), fun(() -> Result)) -> Result.
read(Mirror, Fun) ->
    eslaver_mirror_read:transaction(Mirror, one, Fun).

%% @doc As {@link read/2}. With `slots => any' it may read any slots of a cluster, and sees what the
%% mirror had at one moment. But the shards' streams are not in step: of two changes at different
%% shards, the later one may be seen without the earlier.
-spec read(mirror(), fun(() -> Result), opts(#{slots => one | any})) -> Result.
read(Mirror, Fun, Options) ->
    Check = fun(Slots) -> lists:member(Slots, [one, any]) end,
    Given = eslaver_mirror_arguments:options(#{slots => Check}, Options),
    eslaver_mirror_read:transaction(Mirror, maps:get(slots, Given, one), Fun).

%% Answers.
ask(Mirror, Query) ->
    eslaver_mirror_read:ask(Mirror, Query).

%% Keys.
%% ------------------------------------------------------------------------------------------------

%% @doc Whether a key exists; for a list of keys, how many exist. A key named twice counts twice.
-spec exists
    (mirror(), key()) -> boolean() | failure();
    (mirror(), [key()]) -> non_neg_integer() | failure().
exists(Mirror, Keys) when is_list(Keys) ->
    ask(Mirror, {exists_count, Keys});
exists(Mirror, Key) ->
    ask(Mirror, {exists, Key}).

%% @doc The same as {@link exists/2}: the mirror does not record when keys were used.
-spec touch
    (mirror(), key()) -> boolean() | failure();
    (mirror(), [key()]) -> non_neg_integer() | failure().
touch(Mirror, Keys) ->
    exists(Mirror, Keys).

%% @doc The type of a key. The type of a module's value has the name that `TYPE' returns, as in
%% `{module, <<"ReJSON-RL">>}'.
-spec type(mirror(), key()) -> eslaver_mirror_types:value_type() | none | failure().
type(Mirror, Key) ->
    ask(Mirror, {type, Key}).

%% @doc Time to live in seconds, rounded; `infinity' if the key does not expire.
-spec ttl(mirror(), key()) -> lifetime() | failure().
ttl(Mirror, Key) ->
    ask(Mirror, {ttl, Key}).

%% @doc Time to live in milliseconds; `infinity' if the key does not expire.
-spec pttl(mirror(), key()) -> lifetime() | failure().
pttl(Mirror, Key) ->
    ask(Mirror, {pttl, Key}).

%% @doc Expiry as Unix time, in seconds.
-spec expiretime(mirror(), key()) -> lifetime() | failure().
expiretime(Mirror, Key) ->
    ask(Mirror, {expiretime, Key}).

%% @doc Expiry as Unix time, in milliseconds.
-spec pexpiretime(mirror(), key()) -> lifetime() | failure().
pexpiretime(Mirror, Key) ->
    ask(Mirror, {pexpiretime, Key}).

%% @doc The keys that match a pattern, in no order. Not atomic: keys may change meanwhile.
-spec keys(mirror(), Glob :: binary()) -> [key()] | failure().
keys(Mirror, Glob) ->
    ask(Mirror, {keys, Glob}).

%% @equiv scan(Mirror, Cursor, #{})
-spec scan(mirror(), Cursor :: non_neg_integer()) ->
    {Next :: non_neg_integer(), [key()]} | failure().
scan(Mirror, Cursor) ->
    scan(Mirror, Cursor, #{}).

%% @doc Some of the keys, and the cursor for the next call. The first cursor is 0; the scan is
%% complete when the next cursor is 0. As with `SCAN', a key that exists all the time is found, in
%% spite of writes and full resyncs; keys that are added or removed meanwhile may be found. `match'
%% is a pattern, `type' a type, and `count' about how many keys to look at, by default 10. Keys are
%% looked at in groups, so there may be many more. A cursor is only valid in this node.
-spec scan(mirror(), Cursor :: non_neg_integer(), Options) ->
    {Next :: non_neg_integer(), [key()]} | failure()
when
    Options :: opts(#{
        match => binary(), count => pos_integer(), type => eslaver_mirror_types:value_type()
    }).
scan(Mirror, Cursor, Options) ->
    ok = eslaver_mirror_arguments:natural(Cursor),
    {Glob, Type, Count} = eslaver_mirror_scan:keys(Options),
    ask(Mirror, {scan, Cursor, Glob, Type, Count}).

%% @equiv fold_keys(Mirror, Fun, Acc, #{})
-spec fold_keys(mirror(), fun((key(), Acc) -> Acc), Acc) -> Acc | failure() | {error, replaced}.
fold_keys(Mirror, Fun, Acc) ->
    fold_keys(Mirror, Fun, Acc, #{}).

%% @doc Folds over the keys: keys that exist all the time are visited once; keys added or removed
%% meanwhile may be. If a full resync, or a `FLUSHDB', `FLUSHALL' or `SWAPDB' of this db, replaces
%% the keys meanwhile, the result is `{error, replaced}'.
-spec fold_keys(mirror(), fun((key(), Acc) -> Acc), Acc, fold_options()) ->
    Acc | failure() | {error, replaced}.
fold_keys(Mirror, Fun, Acc, Options) ->
    eslaver_mirror_scan:fold(Mirror, Fun, Acc, Options).

%% @equiv fold(Mirror, Fun, Acc, #{})
-spec fold(mirror(), fun((key(), {Type, Value :: term()}, Acc) -> Acc), Acc) ->
    Acc | failure() | {error, replaced}
when
    Type :: eslaver_mirror_types:value_type() | unknown.
fold(Mirror, Fun, Acc) ->
    fold(Mirror, Fun, Acc, #{}).

%% @doc As {@link fold_keys/4}, with values: the fun gets the key, `{Type, Value}' and the
%% accumulator. A value is what the read of all of its elements gives: that of {@link get/2}, {@link
%% lrange/4}, {@link smembers/2}, {@link zrange/5} with scores, {@link hgetall/2}, {@link xrange/4},
%% {@link gcra/2}, {@link vrange/4}, {@link arscan/4}; for a path hash it is a list of `{Path,
%% Fields}', with fields as of {@link phgetall/3}.
%%
%% The type is as of {@link type/2}. The value of a module is `undefined'; a key that cannot be read
%% is `{unknown, undefined}', unless a type is given. Each value is read by itself, and may be newer
%% than those before; within {@link read/2} all are of one moment.
-spec fold(mirror(), fun((key(), {Type, Value :: term()}, Acc) -> Acc), Acc, fold_options()) ->
    Acc | failure() | {error, replaced}
when
    Type :: eslaver_mirror_types:value_type() | unknown.
fold(Mirror, Fun, Acc, Options) ->
    eslaver_mirror_fold:fold(Mirror, Fun, Acc, Options).

%% @doc The number of keys. Expired keys count until the master removes them.
-spec dbsize(mirror()) -> non_neg_integer() | failure().
dbsize(Mirror) ->
    ask(Mirror, {dbsize}).

%% @doc A random key.
-spec randomkey(mirror()) -> key() | undefined | failure().
randomkey(Mirror) ->
    ask(Mirror, {randomkey}).

%% @doc The value as `DUMP' returns it, for `RESTORE' on a server of the master's version or later.
%% The bytes may differ from the master's for the same value. The time to live is not included.
-spec dump(mirror(), key()) -> binary() | undefined | failure().
dump(Mirror, Key) ->
    ask(Mirror, {dump, Key}).

%% @doc How the mirror (not the master) stores a value: `packed' in one block with its key, a set of
%% a few integers as `ints', and larger values in a structure of their own: a long string in
%% `chunks', hashes and sets in a `table', other collections in a `tree'.
-spec object_encoding(mirror(), key()) ->
    packed | ints | chunks | table | tree | module | undefined | failure().
object_encoding(Mirror, Key) ->
    ask(Mirror, {object_encoding, Key}).

%% @doc The memory of a key and its value in the mirror (not the master) in bytes, without what the
%% allocator adds, which `types' of {@link info/1} includes.
-spec memory_usage(mirror(), key()) -> pos_integer() | undefined | failure().
memory_usage(Mirror, Key) ->
    ask(Mirror, {memory_usage, Key}).

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
getrange(Mirror, Key, Start, End) ->
    ok = eslaver_mirror_arguments:integer(Start),
    ok = eslaver_mirror_arguments:integer(End),
    ask(Mirror, {getrange, Key, Start, End}).

%% @doc The old name of {@link getrange/4}.
-spec substr(mirror(), key(), integer(), integer()) -> binary() | failure().
substr(Mirror, Key, Start, End) ->
    getrange(Mirror, Key, Start, End).

%% @doc The XXH3 hash of a string, 16 hexadecimal digits, as of `DIGEST' in Redis 8.4.
-spec digest(mirror(), key()) -> binary() | undefined | failure().
digest(Mirror, Key) ->
    ask(Mirror, {digest, Key}).

%% @equiv lcs(Mirror, One, Other, #{})
-spec lcs(mirror(), key(), key()) -> binary() | {error, too_large} | failure().
lcs(Mirror, One, Other) ->
    ask(Mirror, {lcs, One, Other}).

%% @doc The longest common subsequence of two strings; with `len' only its length; with `idx' where
%% it is: `matches' are inclusive ranges of indexes in both strings, the last match first, and `len'
%% is the length of all. Matches shorter than `min_match_len' are left out, and with
%% `with_match_len' each comes with its length.
%%
%% Time and memory grow with the product of the lengths; `len' takes far less memory. As on the
%% server, the result is `{error, too_large}' if it would take more than 512 MB.
-spec lcs(mirror(), key(), key(), eslaver_mirror_types:lcs_options()) ->
    binary()
    | non_neg_integer()
    | eslaver_mirror_types:lcs_matches()
    | {error, too_large}
    | failure().
lcs(Mirror, One, Other, Options) ->
    case eslaver_mirror_string_arguments:lcs(Options) of
        text -> lcs(Mirror, One, Other);
        len -> ask(Mirror, {lcs_len, One, Other});
        {idx, Least, WithLength} -> ask(Mirror, {lcs_idx, One, Other, Least, WithLength})
    end.

%% @doc The bit at an offset, 0 past the string's end.
-spec getbit(mirror(), key(), non_neg_integer()) -> 0 | 1 | failure().
getbit(Mirror, Key, Offset) ->
    ok = eslaver_mirror_arguments:natural(Offset),
    ask(Mirror, {getbit, Key, Offset}).

%% @doc The number of bits set in a string.
-spec bitcount(mirror(), key()) -> non_neg_integer() | failure().
bitcount(Mirror, Key) ->
    ask(Mirror, {bitcount, Key, all}).

%% @equiv bitcount(Mirror, Key, Start, End, #{})
-spec bitcount(mirror(), key(), integer(), integer()) -> non_neg_integer() | failure().
bitcount(Mirror, Key, Start, End) ->
    bitcount(Mirror, Key, Start, End, #{}).

%% @doc The number of bits set from `Start' to `End', inclusive; negative indexes count from the
%% end. They are indexes of bytes, or with `unit => bit' of bits.
-spec bitcount(mirror(), key(), integer(), integer(), opts(#{unit => unit()})) ->
    non_neg_integer() | failure().
bitcount(Mirror, Key, Start, End, Options) ->
    ok = eslaver_mirror_arguments:integer(Start),
    ok = eslaver_mirror_arguments:integer(End),
    Unit = eslaver_mirror_string_arguments:unit(Options),
    ask(Mirror, {bitcount, Key, {Start, End, Unit}}).

%% @doc The position of the first bit that is set or clear, or -1. The bit after a string's last one
%% counts as clear.
-spec bitpos(mirror(), key(), 0 | 1) -> integer() | failure().
bitpos(Mirror, Key, Bit) ->
    ok = eslaver_mirror_arguments:bit(Bit),
    ask(Mirror, {bitpos, Key, Bit, all}).

%% @doc As {@link bitpos/3}, from a byte index on.
-spec bitpos(mirror(), key(), 0 | 1, integer()) -> integer() | failure().
bitpos(Mirror, Key, Bit, Start) ->
    ok = eslaver_mirror_arguments:bit(Bit),
    ok = eslaver_mirror_arguments:integer(Start),
    ask(Mirror, {bitpos, Key, Bit, {Start, open}}).

%% @equiv bitpos(Mirror, Key, Bit, Start, End, #{})
-spec bitpos(mirror(), key(), 0 | 1, integer(), integer()) -> integer() | failure().
bitpos(Mirror, Key, Bit, Start, End) ->
    bitpos(Mirror, Key, Bit, Start, End, #{}).

%% @doc As {@link bitpos/3}, only from `Start' to `End', inclusive: indexes of bytes, or with
%% `unit => bit' of bits.
-spec bitpos(mirror(), key(), 0 | 1, integer(), integer(), opts(#{unit => unit()})) ->
    integer() | failure().
bitpos(Mirror, Key, Bit, Start, End, Options) ->
    ok = eslaver_mirror_arguments:bit(Bit),
    ok = eslaver_mirror_arguments:integer(Start),
    ok = eslaver_mirror_arguments:integer(End),
    Unit = eslaver_mirror_string_arguments:unit(Options),
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
pfcount(Mirror, Keys) ->
    ask(Mirror, {pfcount, eslaver_mirror_arguments:keys(Keys)}).

%% Lists.
%% ------------------------------------------------------------------------------------------------

%% @doc The number of elements of a list.
-spec llen(mirror(), key()) -> non_neg_integer() | failure().
llen(Mirror, Key) ->
    ask(Mirror, {llen, Key}).

%% @doc The elements from `Start' to `Stop', inclusive; negative indexes count from the end.
-spec lrange(mirror(), key(), Start :: integer(), Stop :: integer()) -> [binary()] | failure().
lrange(Mirror, Key, Start, Stop) ->
    ok = eslaver_mirror_arguments:integer(Start),
    ok = eslaver_mirror_arguments:integer(Stop),
    ask(Mirror, {lrange, Key, Start, Stop}).

%% @doc The element at an index.
-spec lindex(mirror(), key(), integer()) -> binary() | undefined | failure().
lindex(Mirror, Key, Index) ->
    ok = eslaver_mirror_arguments:integer(Index),
    ask(Mirror, {lindex, Key, Index}).

%% @doc The index of the first equal element.
-spec lpos(mirror(), key(), binary()) -> non_neg_integer() | undefined | failure().
lpos(Mirror, Key, Element) ->
    ask(Mirror, {lpos, Key, Element, 1, undefined, 0}).

%% @doc The index of an equal element: the first, or with `rank' the second and so on, from the end
%% if the rank is negative. With `count' it is a list of up to `count' indexes; 0 means all.
%% `maxlen' is how many elements to look at; 0 means all.
-spec lpos(mirror(), key(), binary(), position_options()) ->
    non_neg_integer() | undefined | [non_neg_integer()] | failure().
lpos(Mirror, Key, Element, Options) ->
    Number = fun(Value) -> is_integer(Value) andalso Value >= 0 end,
    Given = eslaver_mirror_arguments:options(
        #{
            rank => fun(Rank) -> is_integer(Rank) andalso Rank =/= 0 end,
            count => Number,
            maxlen => Number
        },
        Options
    ),
    Rank = maps:get(rank, Given, 1),
    Count = maps:get(count, Given, undefined),
    ask(Mirror, {lpos, Key, Element, Rank, Count, maps:get(maxlen, Given, 0)}).

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
srandmember(Mirror, Key, Count) ->
    ok = eslaver_mirror_arguments:integer(Count),
    ask(Mirror, {srandmember_count, Key, Count}).

%% @equiv sscan(Mirror, Key, Cursor, #{})
-spec sscan(mirror(), key(), Cursor :: non_neg_integer()) ->
    {Next :: non_neg_integer(), [binary()]} | failure().
sscan(Mirror, Key, Cursor) ->
    sscan(Mirror, Key, Cursor, #{}).

%% @doc Some of the members, and the cursor for the next call. The first cursor is 0; the scan is
%% complete when the next cursor is 0. It finds every member that is in the set all the time.
-spec sscan(mirror(), key(), Cursor :: non_neg_integer(), scan_options()) ->
    {Next :: non_neg_integer(), [binary()]} | failure().
sscan(Mirror, Key, Cursor, Options) ->
    ok = eslaver_mirror_arguments:natural(Cursor),
    {Glob, Count} = eslaver_mirror_scan:options(Options),
    ask(Mirror, {sscan, Key, Cursor, Glob, Count}).

%% @doc The members that all of these sets have.
-spec sinter(mirror(), [key(), ...]) -> [binary()] | failure().
sinter(Mirror, Keys) ->
    ok = eslaver_mirror_arguments:some(Keys),
    ask(Mirror, {sinter, Keys}).

%% @doc The members that any of these sets has.
-spec sunion(mirror(), [key(), ...]) -> [binary()] | failure().
sunion(Mirror, Keys) ->
    ok = eslaver_mirror_arguments:some(Keys),
    ask(Mirror, {sunion, Keys}).

%% @doc The members that the first of these sets has and no other.
-spec sdiff(mirror(), [key(), ...]) -> [binary()] | failure().
sdiff(Mirror, Keys) ->
    ok = eslaver_mirror_arguments:some(Keys),
    ask(Mirror, {sdiff, Keys}).

%% @equiv sintercard(Mirror, Keys, #{})
-spec sintercard(mirror(), [key(), ...]) -> non_neg_integer() | failure().
sintercard(Mirror, Keys) ->
    sintercard(Mirror, Keys, #{}).

%% @doc The number of members that all of these sets have, at most `limit'.
-spec sintercard(mirror(), [key(), ...], limit()) -> non_neg_integer() | failure().
sintercard(Mirror, Keys, Options) ->
    ok = eslaver_mirror_arguments:some(Keys),
    ask(Mirror, {sintercard, Keys, eslaver_mirror_zset_arguments:limit(Options)}).

%% @equiv sunioncard(Mirror, Keys, #{})
-spec sunioncard(mirror(), [key(), ...]) -> non_neg_integer() | failure().
sunioncard(Mirror, Keys) ->
    sunioncard(Mirror, Keys, #{}).

%% @doc The number of members that any of these sets has, at most `limit'.
-spec sunioncard(mirror(), [key(), ...], limit()) -> non_neg_integer() | failure().
sunioncard(Mirror, Keys, Options) ->
    ok = eslaver_mirror_arguments:some(Keys),
    ask(Mirror, {sunioncard, Keys, eslaver_mirror_zset_arguments:limit(Options)}).

%% @equiv sdiffcard(Mirror, Keys, #{})
-spec sdiffcard(mirror(), [key(), ...]) -> non_neg_integer() | failure().
sdiffcard(Mirror, Keys) ->
    sdiffcard(Mirror, Keys, #{}).

%% @doc The number of members that the first of these sets has and no other, at most
%% `limit'.
-spec sdiffcard(mirror(), [key(), ...], limit()) -> non_neg_integer() | failure().
sdiffcard(Mirror, Keys, Options) ->
    ok = eslaver_mirror_arguments:some(Keys),
    ask(Mirror, {sdiffcard, Keys, eslaver_mirror_zset_arguments:limit(Options)}).

%% @doc The times to live of members in seconds, rounded as by {@link httl/3}.
-spec sttl(mirror(), key(), [Member :: binary()]) -> [lifetime()] | failure().
sttl(Mirror, Key, Members) ->
    ask(Mirror, {sttl, Key, Members}).

%% @doc As {@link sttl/3}, in milliseconds.
-spec spttl(mirror(), key(), [Member :: binary()]) -> [lifetime()] | failure().
spttl(Mirror, Key, Members) ->
    ask(Mirror, {spttl, Key, Members}).

%% @doc The expiry of members as Unix time, in seconds.
-spec sexpiretime(mirror(), key(), [Member :: binary()]) -> [lifetime()] | failure().
sexpiretime(Mirror, Key, Members) ->
    ask(Mirror, {sexpiretime, Key, Members}).

%% @doc As {@link sexpiretime/3}, in milliseconds.
-spec spexpiretime(mirror(), key(), [Member :: binary()]) -> [lifetime()] | failure().
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

%% @doc As {@link zrank/3}; with `with_score' also the score.
-spec zrank(mirror(), key(), Member :: binary(), opts(#{with_score => boolean()})) ->
    non_neg_integer() | {non_neg_integer(), score()} | undefined | failure().
zrank(Mirror, Key, Member, Options) ->
    case eslaver_mirror_zset_arguments:flag(with_score, Options) of
        true -> ask(Mirror, {zrank_withscore, Key, Member});
        false -> zrank(Mirror, Key, Member)
    end.

%% @doc The rank of a member; the highest score has rank 0.
-spec zrevrank(mirror(), key(), Member :: binary()) -> non_neg_integer() | undefined | failure().
zrevrank(Mirror, Key, Member) ->
    ask(Mirror, {zrevrank, Key, Member}).

%% @doc As {@link zrevrank/3}; with `with_score' also the score.
-spec zrevrank(mirror(), key(), Member :: binary(), opts(#{with_score => boolean()})) ->
    non_neg_integer() | {non_neg_integer(), score()} | undefined | failure().
zrevrank(Mirror, Key, Member, Options) ->
    case eslaver_mirror_zset_arguments:flag(with_score, Options) of
        true -> ask(Mirror, {zrevrank_withscore, Key, Member});
        false -> zrevrank(Mirror, Key, Member)
    end.

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

with(Fixed, Options) ->
    eslaver_mirror_arguments:with(Fixed, Options).

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
-spec zrandmember(mirror(), key(), Count :: integer(), opts(#{with_scores => boolean()})) ->
    zset_members() | failure().
zrandmember(Mirror, Key, Count, Options) ->
    ok = eslaver_mirror_arguments:integer(Count),
    case eslaver_mirror_zset_arguments:flag(with_scores, Options) of
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
%% same score all the time; a member whose score changes may be found twice, or not at all.
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
zunion(Mirror, Keys, Options) ->
    ok = eslaver_mirror_arguments:some(Keys),
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
zinter(Mirror, Keys, Options) ->
    ok = eslaver_mirror_arguments:some(Keys),
    {Weights, Aggregate, WithScores} =
        eslaver_mirror_zset_arguments:combination(length(Keys), Options),
    ask(Mirror, {zinter, Keys, Weights, Aggregate, WithScores}).

%% @equiv zdiff(Mirror, Keys, #{})
-spec zdiff(mirror(), [key(), ...]) -> zset_members() | failure().
zdiff(Mirror, Keys) ->
    zdiff(Mirror, Keys, #{}).

%% @doc The members that the first of these sorted sets or sets has and no other.
-spec zdiff(mirror(), [key(), ...], opts(#{with_scores => boolean()})) ->
    zset_members() | failure().
zdiff(Mirror, Keys, Options) ->
    ok = eslaver_mirror_arguments:some(Keys),
    ask(Mirror, {zdiff, Keys, eslaver_mirror_zset_arguments:flag(with_scores, Options)}).

%% @equiv zintercard(Mirror, Keys, #{})
-spec zintercard(mirror(), [key(), ...]) -> non_neg_integer() | failure().
zintercard(Mirror, Keys) ->
    zintercard(Mirror, Keys, #{}).

%% @doc The number of members that all of these sorted sets or sets have, at most
%% `limit'.
-spec zintercard(mirror(), [key(), ...], limit()) -> non_neg_integer() | failure().
zintercard(Mirror, Keys, Options) ->
    ok = eslaver_mirror_arguments:some(Keys),
    ask(Mirror, {zintercard, Keys, eslaver_mirror_zset_arguments:limit(Options)}).

%% Geo.
%% ------------------------------------------------------------------------------------------------

%% @doc The positions of members, `undefined' for a missing one.
-spec geopos(mirror(), key(), [binary()]) ->
    [{Longitude :: float(), Latitude :: float()} | undefined] | failure().
geopos(Mirror, Key, Members) ->
    ask(Mirror, {geopos, Key, Members}).

%% @equiv geodist(Mirror, Key, One, Other, #{})
-spec geodist(mirror(), key(), binary(), binary()) -> float() | undefined | failure().
geodist(Mirror, Key, One, Other) ->
    geodist(Mirror, Key, One, Other, #{}).

%% @doc The distance of two members in meters, or in another `unit'. Servers round it to 4 decimals.
-spec geodist(mirror(), key(), binary(), binary(), Options) -> float() | undefined | failure() when
    Options :: opts(#{unit => eslaver_mirror_types:distance_unit()}).
geodist(Mirror, Key, One, Other, Options) ->
    ask(Mirror, {geodist, Key, One, Other, eslaver_mirror_geo_arguments:unit(Options)}).

%% @doc The standard geohashes of members, `undefined' for a missing one.
-spec geohash(mirror(), key(), [binary()]) -> [binary() | undefined] | failure().
geohash(Mirror, Key, Members) ->
    ask(Mirror, {geohash, Key, Members}).

%% @doc The members near a place, as in
%% `geosearch(M, Key, #{from => {lonlat, 15.0, 37.0}, by => {radius, 200, km}, order => asc})'.
%%
%% The search starts from a position or a `{member, Member}' and has a shape: a `radius', a `box' or
%% a `polygon'. Members come in order of distance if an `order' is given. With a `count' the nearest
%% come, with `any' the first ones found. With any of `with_dist', `with_coord' and `with_hash' each
%% member comes with a map of its distance in the unit of the shape (`dist'), its position (`coord')
%% and its score (`hash'). If the member to search from is missing, the result is
%% `{error, no_member}'.
-spec geosearch(mirror(), key(), eslaver_mirror_types:geosearch_options()) ->
    eslaver_mirror_types:geo_answer() | {error, no_member} | failure().
geosearch(Mirror, Key, Options) ->
    {From, By, Order, Count, With} = eslaver_mirror_geo_arguments:search(Options),
    ask(Mirror, {geosearch, Key, From, By, Order, Count, With}).

%% @equiv georadius_ro(Mirror, Key, Longitude, Latitude, Radius, Unit, #{})
-spec georadius_ro(mirror(), key(), number(), number(), number(), Unit) ->
    eslaver_mirror_types:geo_answer() | failure()
when
    Unit :: eslaver_mirror_types:distance_unit().
georadius_ro(Mirror, Key, Longitude, Latitude, Radius, Unit) ->
    georadius_ro(Mirror, Key, Longitude, Latitude, Radius, Unit, #{}).

%% @doc As {@link geosearch/3} around a position, with its options except `from' and `by'.
-spec georadius_ro(mirror(), key(), number(), number(), number(), Unit, Options) ->
    eslaver_mirror_types:geo_answer() | failure()
when
    Unit :: eslaver_mirror_types:distance_unit(),
    Options :: eslaver_mirror_types:georadius_options().
georadius_ro(Mirror, Key, Longitude, Latitude, Radius, Unit, Options) ->
    Around = #{from => {lonlat, Longitude, Latitude}, by => {radius, Radius, Unit}},
    geosearch(Mirror, Key, with(Around, Options)).

%% @equiv georadiusbymember_ro(Mirror, Key, Member, Radius, Unit, #{})
-spec georadiusbymember_ro(mirror(), key(), Member :: binary(), number(), Unit) ->
    eslaver_mirror_types:geo_answer() | {error, no_member} | failure()
when
    Unit :: eslaver_mirror_types:distance_unit().
georadiusbymember_ro(Mirror, Key, Member, Radius, Unit) ->
    georadiusbymember_ro(Mirror, Key, Member, Radius, Unit, #{}).

%% @doc As {@link geosearch/3} around a member, with its options except `from' and `by'.
-spec georadiusbymember_ro(mirror(), key(), Member :: binary(), number(), Unit, Options) ->
    eslaver_mirror_types:geo_answer() | {error, no_member} | failure()
when
    Unit :: eslaver_mirror_types:distance_unit(),
    Options :: eslaver_mirror_types:georadius_options().
georadiusbymember_ro(Mirror, Key, Member, Radius, Unit, Options) ->
    Around = #{from => {member, Member}, by => {radius, Radius, Unit}},
    geosearch(Mirror, Key, with(Around, Options)).

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

%% @doc All fields with their values.
-spec hgetall(mirror(), key()) -> #{Field :: binary() => Value :: binary()} | failure().
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

%% @equiv hrandfield(Mirror, Key, Count, #{})
-spec hrandfield(mirror(), key(), Count :: integer()) -> [Field :: binary()] | failure().
hrandfield(Mirror, Key, Count) ->
    ok = eslaver_mirror_arguments:integer(Count),
    ask(Mirror, {hrandfield_count, Key, Count}).

%% @doc `Count' random fields, all different; with a negative count, `-Count' fields that may
%% repeat; with `with_values' also their values. Every field is equally likely.
-spec hrandfield(mirror(), key(), Count :: integer(), opts(#{with_values => boolean()})) ->
    [Field :: binary()] | [{Field :: binary(), Value :: binary()}] | failure().
hrandfield(Mirror, Key, Count, Options) ->
    ok = eslaver_mirror_arguments:integer(Count),
    case eslaver_mirror_zset_arguments:flag(with_values, Options) of
        true -> ask(Mirror, {hrandfield_withvalues, Key, Count});
        false -> hrandfield(Mirror, Key, Count)
    end.

%% @equiv hscan(Mirror, Key, Cursor, #{})
-spec hscan(mirror(), key(), Cursor :: non_neg_integer()) ->
    {Next :: non_neg_integer(), [{Field :: binary(), Value :: binary()}]} | failure().
hscan(Mirror, Key, Cursor) ->
    hscan(Mirror, Key, Cursor, #{}).

%% @doc Some of the fields with their values; cursors as in {@link sscan/4}.
-spec hscan(mirror(), key(), Cursor :: non_neg_integer(), scan_options()) ->
    {Next :: non_neg_integer(), [{Field :: binary(), Value :: binary()}]} | failure().
hscan(Mirror, Key, Cursor, Options) ->
    ok = eslaver_mirror_arguments:natural(Cursor),
    {Glob, Count} = eslaver_mirror_scan:options(Options),
    ask(Mirror, {hscan, Key, Cursor, Glob, Count}).

%% @doc The times to live of fields in seconds, as on the server rounded up on Redis, and to the
%% nearest second on Valkey.
-spec httl(mirror(), key(), [Field :: binary()]) -> [lifetime()] | failure().
httl(Mirror, Key, Fields) ->
    ask(Mirror, {httl, Key, Fields}).

%% @doc As {@link httl/3}, in milliseconds.
-spec hpttl(mirror(), key(), [Field :: binary()]) -> [lifetime()] | failure().
hpttl(Mirror, Key, Fields) ->
    ask(Mirror, {hpttl, Key, Fields}).

%% @doc The expiry of fields as Unix time, in seconds.
-spec hexpiretime(mirror(), key(), [Field :: binary()]) -> [lifetime()] | failure().
hexpiretime(Mirror, Key, Fields) ->
    ask(Mirror, {hexpiretime, Key, Fields}).

%% @doc As {@link hexpiretime/3}, in milliseconds.
-spec hpexpiretime(mirror(), key(), [Field :: binary()]) -> [lifetime()] | failure().
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
%% greater. For more than 1,000,000 indexes the result is `{error, range_too_large}'.
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
-spec arinfo(mirror(), key()) -> eslaver_mirror_types:array_info() | undefined | failure().
arinfo(Mirror, Key) ->
    ask(Mirror, {arinfo, Key}).

%% @equiv arscan(Mirror, Key, From, To, #{})
-spec arscan(mirror(), key(), From :: index(), To :: index()) ->
    [{index(), binary()}] | failure().
arscan(Mirror, Key, From, To) ->
    arscan(Mirror, Key, From, To, #{}).

%% @doc The elements from one index to another without gaps, at most `limit'; in reverse order if
%% `From' is greater.
-spec arscan(mirror(), key(), From :: index(), To :: index(), opts(#{limit => pos_integer()})) ->
    [{index(), binary()}] | failure().
arscan(Mirror, Key, From, To, Options) ->
    ok = eslaver_mirror_array_arguments:index(From),
    ok = eslaver_mirror_array_arguments:index(To),
    Check = fun eslaver_mirror_arguments:is_count/1,
    Given = eslaver_mirror_arguments:options(#{limit => Check}, Options),
    ask(Mirror, {arscan, Key, From, To, maps:get(limit, Given, infinity)}).

%% @equiv arlastitems(Mirror, Key, Count, #{})
-spec arlastitems(mirror(), key(), Count :: integer()) ->
    [binary() | undefined] | {error, range_too_large} | failure().
arlastitems(Mirror, Key, Count) ->
    arlastitems(Mirror, Key, Count, #{}).

%% @doc At most `Count' positions up to the element inserted last, gaps included; with `rev' the
%% newest first.
-spec arlastitems(mirror(), key(), Count :: integer(), opts(#{rev => boolean()})) ->
    [binary() | undefined] | {error, range_too_large} | failure().
arlastitems(Mirror, Key, Count, Options) ->
    ok = eslaver_mirror_arguments:integer(Count),
    Rev = eslaver_mirror_zset_arguments:flag(rev, Options),
    ask(Mirror, {arlastitems, Key, Count, Rev}).

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
    From :: eslaver_mirror_types:array_bound(),
    To :: eslaver_mirror_types:array_bound(),
    eslaver_mirror_types:argrep_options()
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
    mirror(), key(), From :: index(), To :: index(), eslaver_mirror_types:arop()
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
-spec vinfo(mirror(), key()) -> eslaver_mirror_types:vector_info() | undefined | failure().
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

%% @doc As {@link vemb/3}; with `raw' the vector as a server keeps it.
-spec vemb(mirror(), key(), Element :: binary(), opts(#{raw => boolean()})) ->
    [float()] | eslaver_mirror_types:raw_vector() | undefined | failure().
vemb(Mirror, Key, Element, Options) ->
    case eslaver_mirror_zset_arguments:flag(raw, Options) of
        true -> ask(Mirror, {vemb_raw, Key, Element});
        false -> vemb(Mirror, Key, Element)
    end.

%% @equiv vrange(Mirror, Key, Low, High, #{})
-spec vrange(mirror(), key(), Low :: lex_bound(), High :: lex_bound()) -> [binary()] | failure().
vrange(Mirror, Key, Low, High) ->
    vrange(Mirror, Key, Low, High, #{}).

%% @doc The elements from `Low' to `High' in the order of their bytes, at most `count'.
-spec vrange(mirror(), key(), Low :: lex_bound(), High :: lex_bound(), Options) ->
    [binary()] | failure()
when
    Options :: opts(#{count => non_neg_integer()}).
vrange(Mirror, Key, Low, High, Options) ->
    ok = eslaver_mirror_zset_arguments:bounds(lex, Low, High),
    Check = fun(Count) -> is_integer(Count) andalso Count >= 0 end,
    Given = eslaver_mirror_arguments:options(#{count => Check}, Options),
    ask(Mirror, {vrange, Key, Low, High, maps:get(count, Given, infinity)}).

%% @doc A random element.
-spec vrandmember(mirror(), key()) -> binary() | undefined | failure().
vrandmember(Mirror, Key) ->
    ask(Mirror, {vrandmember, Key}).

%% @doc `Count' random elements, all different; with a negative count, `-Count' elements that may
%% repeat.
-spec vrandmember(mirror(), key(), Count :: integer()) -> [binary()] | failure().
vrandmember(Mirror, Key, Count) ->
    ok = eslaver_mirror_arguments:integer(Count),
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

%% @doc All fields of a path with their values.
-spec phgetall(mirror(), key(), Path :: binary()) ->
    #{Field :: binary() => Value :: binary()} | failure().
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
-spec phprefixes(mirror(), key(), Query :: binary(), Options) -> [Path :: binary()] | failure() when
    Options :: opts(#{count => pos_integer(), maxlen => non_neg_integer()}).
phprefixes(Mirror, Key, Query, Options) ->
    Given = eslaver_mirror_arguments:options(
        #{
            count => fun eslaver_mirror_arguments:is_count/1,
            maxlen => fun(Length) -> is_integer(Length) andalso Length >= 0 end
        },
        Options
    ),
    Longest = maps:get(maxlen, Given, infinity),
    ask(Mirror, {phprefixes, Key, Query, Longest, maps:get(count, Given, infinity)}).

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
    Given = eslaver_mirror_arguments:options(
        #{prefix => fun is_binary/1, count => fun eslaver_mirror_arguments:is_count/1}, Options
    ),
    Prefix = maps:get(prefix, Given, <<>>),
    ask(Mirror, {phscan, Key, Cursor, Prefix, maps:get(count, Given, 10)}).

%% Rate limits.
%% ------------------------------------------------------------------------------------------------

%% @doc The value of a rate limiter (`GCRA'): its theoretical arrival time as Unix time, in
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

%% @equiv xrange(Mirror, Key, Start, End, #{})
-spec xrange(mirror(), key(), Start :: entry_bound(), End :: entry_bound()) ->
    [entry()] | failure().
xrange(Mirror, Key, Start, End) ->
    xrange(Mirror, Key, Start, End, #{}).

%% @doc The entries from `Start' to `End', at most `count'.
-spec xrange(mirror(), key(), Start :: entry_bound(), End :: entry_bound(), entry_count()) ->
    [entry()] | failure().
xrange(Mirror, Key, Start, End, Options) ->
    ok = eslaver_mirror_stream_arguments:bound(Start),
    ok = eslaver_mirror_stream_arguments:bound(End),
    Count = eslaver_mirror_stream_arguments:count(Options),
    ask(Mirror, {xrange, Key, Start, End, Count}).

%% @equiv xrevrange(Mirror, Key, End, Start, #{})
-spec xrevrange(mirror(), key(), End :: entry_bound(), Start :: entry_bound()) ->
    [entry()] | failure().
xrevrange(Mirror, Key, End, Start) ->
    xrevrange(Mirror, Key, End, Start, #{}).

%% @doc As {@link xrange/5}, from the highest id to the lowest.
-spec xrevrange(mirror(), key(), End :: entry_bound(), Start :: entry_bound(), entry_count()) ->
    [entry()] | failure().
xrevrange(Mirror, Key, End, Start, Options) ->
    ok = eslaver_mirror_stream_arguments:bound(Start),
    ok = eslaver_mirror_stream_arguments:bound(End),
    Count = eslaver_mirror_stream_arguments:count(Options),
    ask(Mirror, {xrevrange, Key, End, Start, Count}).

%% @equiv xread(Mirror, Streams, #{})
-spec xread(mirror(), eslaver_mirror_types:after_ids()) ->
    [{key(), [entry(), ...]}] | failure().
xread(Mirror, Streams) ->
    xread(Mirror, Streams, #{}).

%% @doc The entries after an id of each stream, as in `xread(M, [{<<"stream">>, <<"0">>}])', of one
%% moment; at most `count' of each, all if that is 0 or less. Streams without such entries are left
%% out. It never blocks: use {@link subscribe/2} to learn when to read again.
-spec xread(mirror(), eslaver_mirror_types:after_ids(), entry_count()) ->
    [{key(), [entry(), ...]}] | failure().
xread(Mirror, Streams, Options) ->
    {Keys, Ids} = eslaver_mirror_stream_arguments:streams(Streams),
    ask(Mirror, {xread, Keys, Ids, eslaver_mirror_stream_arguments:count(Options)}).

%% @doc The reply of `XINFO STREAM', except how a server stores the stream. Values that the master's
%% version does not have (`entries_added' before Redis 7.0, `idmp' before 8.6) are what a newer one
%% would have.
-spec xinfo_stream(mirror(), key()) ->
    eslaver_mirror_types:stream_info() | undefined | failure().
xinfo_stream(Mirror, Key) ->
    ask(Mirror, {xinfo_stream, Key}).

%% @doc As {@link xinfo_stream/2}. With `full' the result has the entries, and the groups with their
%% pending entries and consumers, instead of the first and the last entry. `count' limits entries
%% and pending entries, by default to 10; 0 means all.
-spec xinfo_stream(mirror(), key(), opts(#{full => boolean(), count => non_neg_integer()})) ->
    eslaver_mirror_types:stream_info()
    | eslaver_mirror_types:full_stream_info()
    | undefined
    | failure().
xinfo_stream(Mirror, Key, Options) ->
    case eslaver_mirror_stream_arguments:info(Options) of
        {full, Count} -> ask(Mirror, {xinfo_stream_full, Key, Count});
        short -> xinfo_stream(Mirror, Key)
    end.

%% @doc The consumer groups of a stream, by name. `lag' and `entries_read' are `undefined' if the
%% master does not know them.
-spec xinfo_groups(mirror(), key()) ->
    [eslaver_mirror_types:group_info()] | undefined | failure().
xinfo_groups(Mirror, Key) ->
    ask(Mirror, {xinfo_groups, Key}).

%% @doc The consumers of a group, by name. Masters do not replicate reads that return nothing, so a
%% consumer that has made only such reads may be missing, and `idle' may be too long.
-spec xinfo_consumers(mirror(), key(), Group :: binary()) ->
    [eslaver_mirror_types:consumer_info()] | undefined | failure().
xinfo_consumers(Mirror, Key, Group) ->
    ask(Mirror, {xinfo_consumers, Key, Group}).

%% @doc The number of entries pending in a group, the first and the last of them, and the number for
%% each consumer.
-spec xpending(mirror(), key(), Group :: binary()) ->
    eslaver_mirror_types:pending_summary() | undefined | failure().
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
%% `consumer', only those that have been idle for `idle' ms, or all.
-spec xpending(
    mirror(),
    key(),
    Group :: binary(),
    Start :: entry_bound(),
    End :: entry_bound(),
    Count :: integer() | infinity,
    eslaver_mirror_types:xpending_options()
) -> [pending_entry()] | undefined | failure().
xpending(Mirror, Key, Group, Start, End, Count, Options) ->
    ok = eslaver_mirror_stream_arguments:bound(Start),
    ok = eslaver_mirror_stream_arguments:bound(End),
    _ = eslaver_mirror_stream_arguments:is_count(Count) orelse error(badarg),
    Filter = eslaver_mirror_stream_arguments:filter(Options),
    ask(Mirror, {xpending, Key, Group, Start, End, Count, Filter}).

%% Sorting.
%% ------------------------------------------------------------------------------------------------

%% @doc The elements of a list, a set or a sorted set, sorted as numbers.
-spec sort_ro(mirror(), key()) -> [binary()] | {error, not_a_number} | failure().
sort_ro(Mirror, Key) ->
    sort_ro(Mirror, Key, #{}).

%% @doc The elements, sorted `by' the values of a pattern (`<<"weight_*">>', `<<"item_*->price">>')
%% or not at all (`nosort'), in an `order', as texts (`alpha'), with a `limit'. With `get' the
%% result has the values of these patterns for each element, `undefined' for missing ones.
-spec sort_ro(mirror(), key(), eslaver_mirror_types:sort_options()) ->
    [binary() | undefined] | {error, not_a_number} | failure().
sort_ro(Mirror, Key, Options) ->
    {By, Get, Limit, Order, Alpha} = eslaver_mirror_sort_arguments:options(Options),
    ask(Mirror, {sort_ro, Key, By, Get, Limit, Order, Alpha}).
