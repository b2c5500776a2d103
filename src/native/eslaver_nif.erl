%% @doc The native half: stubs, and how it is loaded.
%%
%% A NIF library cannot be replaced in a running node, so this module changes only when the library
%% does; then `ABI' changes in both.
%% @private
-module(eslaver_nif).

-export([check/0]).
-export([open/1, slice/1, credit/3, durable/2, close/1, counters/1, links/0]).
-export([decode_dump/1, decode_functions/1, library_name/1]).
-export([commands/1, keys/3, glob/2]).
-export([interests_new/0, interests_add/3, interests_add_dirty/3]).
-export([interests_remove/2, interests_remove_dirty/2]).
-export([interests_of/5, interests_of_dirty/5]).
-export([cluster_add/2, cluster_remove/2, cluster_commit/3, cluster_clear/3]).
-export([cluster_await/3, cluster_info/1]).
-export([cluster_new/2, cluster_close/1, cluster_expect/2, cluster_slot/1, cluster_route/4]).
-export([cluster_keyspaces/1]).
-export([board_new/0, board_show/2, board_read/1]).
-export([backlog_new/0, backlog_info/1, backlog_count/2, backlog_know/3]).
-export([keyspace_new/4, keyspace_backlog/1, keyspace_close/1]).
-export([keyspace_detach/1, keyspace_forget/1]).
-export([keyspace_cut_off/2, keyspace_hold/1, keyspace_release/1]).
-export([keyspace_reached/1, keyspace_await/3, keyspace_has/3]).
-export([keyspace_notified/2, keyspace_info/1, keyspace_functions/1]).
-export([keyspace_read/3, keyspace_read_dirty/3, keyspace_status/1]).
-export([keyspace_fail_command/2, keyspace_fail_load/2]).
-export([keyspace_project/2, projections_changed/1, projections_settled/1]).
-export([projections_read/3, projections_read_dirty/3]).
-export([keyspace_save/3, keyspace_restore/3, keyspace_changes/1]).
-export([keyspace_load/2, keyspace_apply/4, keyspace_commands/0]).
-export([session_new/2, session_read/3, session_read_dirty/3, session_unchanged/1]).
-export([lock_file/1, unlock_file/1, read_position/1, write_position/2, remove_position/1]).
-export_type([lock/0, link/0, address/0, config/0, read_from/0, peer/0, resume/0, tls/0]).
-export_type([commands/0, keys/0, named_key/0]).
-export_type([interests/0, interest/0, interesting/0, notice/0]).
-export_type([cluster/0, shard/0, slot/0, ranges/0, of_shard/0, statement/0, moves/0]).
-export_type([board/0, backlog/0]).
-export_type([keyspace/0, policy/0, filled/0, session/0, ticket/0, place/0]).

-on_load(load/0).

-define(ABI, 13).
-define(ERROR, {?MODULE, load_error}).

-opaque link() :: reference().
%% One connection to a master: its socket, its thread, its decoder. These are freed when the link
%% ends, even if its handle is still in use.

-type address() ::
    {tcp, binary(), inet:port_number()}
    | {local, Path :: binary()}
    | {file, Path :: binary()}
    | {own_file, Path :: binary()}.
%% A master, an RDB file, or the RDB file of an earlier run, which is read only if it is a file of
%% our own.

-type config() :: #{
    address := address(),
    user := binary() | undefined,
    password := binary() | undefined,
    listening_port := inet:port_number(),
    announce_ip := binary() | undefined,
    client_name := binary() | undefined,
    psync_command := binary(),
    read_from := read_from(),
    confirm_empty := boolean(),
    rdb_compression := auto | boolean(),
    resume := resume() | undefined,
    dbfilename := binary() | undefined,
    tls := tls() | undefined,
    events := classic | full,
    filter := eslaver_filter:filter() | undefined,
    connect_timeout := pos_integer(),
    repl_timeout := pos_integer(),
    proto_max_bulk_len := pos_integer(),
    max_arguments := pos_integer(),
    max_value := pos_integer(),
    hidden_commands := [binary()],
    keyspace := filled() | undefined,
    shard := of_shard() | undefined,
    acknowledge := handled | received,
    backlog := backlog(),
    server := pid()
}.
%% The settings of a link. Times are in ms, sizes in bytes. With `confirm_empty' a master is refused
%% from which a full resync of no keys would come, for it does not know the history of the data
%% here. `acknowledge' is what the master is told: with `received' what has been decoded, which is
%% ahead of what has been handled by some megabytes at most. `hidden_commands' are for tests: their
%% keys are taken from the master instead of the table.

-type read_from() :: master | prefer_replica | replica.
%% Which nodes are followed. The others are refused before the sync.

-type peer() :: #{
    role := master | replica | unknown,
    %% The master of a replica, and the link to it.
    master := {Host :: binary(), inet:port_number()} | undefined,
    master_link := up | down | undefined,
    %% The history that it has, and where it has got to in it.
    replid := binary() | undefined,
    offset := non_neg_integer() | undefined,
    %% The history before that, and the first offset that is not of it any more.
    replid2 := binary() | undefined,
    second_offset := non_neg_integer() | undefined,
    %% The first byte that it can still send.
    backlog_first := non_neg_integer() | undefined,
    keys := non_neg_integer() | undefined,
    version := binary() | undefined
}.
%% What a node tells of itself by `ROLE' and `INFO': the server gets it as `{peer, peer()}' before
%% the sync is asked for. What it does not tell is `undefined'.

-type filled() :: #{keyspace := keyspace(), ticket := ticket(), events := boolean()}.
%% The keyspace that what the link brings is put into, and whether events are sent, too. The link
%% goes on from the position to resume from or from that of the keyspace, whichever is the earlier,
%% and neither gets twice what it has.

-type of_shard() :: #{
    cluster := cluster(),
    shard := shard(),
    id := binary(),
    node := binary() | undefined
}.
%% The shard of a cluster that the link is of, its id for events, and the id of the node that is to
%% be at the other end, if it is known: another one is refused.

-type tls() :: #{
    cacertfile := binary() | undefined,
    certfile := binary() | undefined,
    keyfile := binary() | undefined,
    server_name := binary() | undefined,
    verify := boolean() | chain
}.
%% The certificates to trust (without `cacertfile' those that the system trusts), and our own.

-type resume() :: #{
    replid := binary(),
    offset := non_neg_integer(),
    db := non_neg_integer(),
    in_transaction := boolean(),
    safe_offset := non_neg_integer(),
    safe_db := non_neg_integer()
}.
%% The position to resume from.

%% @doc Opens a link for the calling process, which has to run {@link slice/1}. The link ends with
%% the process. After that {@link counters/1} still works; the other calls do nothing.
-spec open(config()) -> {ok, link()} | {error, binary() | invalid_config}.
open(_Config) -> erlang:nif_error(reason()).

%% @doc Decodes the bytes at hand, and sends what they hold to the server as `{eslaver_link, Pid,
%% Message}'. After `wait' and `no_credit' the process gets `{eslaver_nif, wake}' when there is more
%% to do. If the RDB file cannot be kept, the server gets `{eslaver_rdb_file, Text}', even after the
%% link's end.
-spec slice(link()) ->
    more | wait | no_credit | {closed, Tag :: atom(), Text :: binary(), Heals :: boolean()}.
slice(_Link) -> erlang:nif_error(reason()).

%% @doc Gives credit back for batches of this weight. Everything up to the offset has been handled.
-spec credit(link(), non_neg_integer(), non_neg_integer() | undefined) -> ok.
credit(_Link, _Weight, _Offset) -> erlang:nif_error(reason()).

%% @doc The position with this offset is on the disk.
-spec durable(link(), non_neg_integer()) -> ok.
durable(_Link, _Offset) -> erlang:nif_error(reason()).

%% @doc Closes the link.
-spec close(link()) -> ok.
close(_Link) -> erlang:nif_error(reason()).

%% @doc The bytes of the snapshot, the keys and the commands decoded, and the offset reached.
-spec counters(link()) ->
    {non_neg_integer(), non_neg_integer(), non_neg_integer(), non_neg_integer()}.
counters(_Link) -> erlang:nif_error(reason()).

-opaque board() :: reference().
%% What a process shows of itself, for as long as it lives.

%% @doc An empty board of the calling process.
-spec board_new() -> board().
board_new() -> erlang:nif_error(reason()).

%% @doc Shows a term in the place of the one before.
-spec board_show(board(), term()) -> ok.
board_show(_Board, _Term) -> erlang:nif_error(reason()).

%% @doc What a process of this node shows.
-spec board_read(pid()) -> {ok, term()} | none.
board_read(_Pid) -> erlang:nif_error(reason()).

-opaque backlog() :: reference().
%% How far what has been handled is behind what has arrived, over any number of links.

%% @doc One of a process that has handled nothing.
-spec backlog_new() -> backlog().
backlog_new() -> erlang:nif_error(reason()).

%% @doc Which link has the say; the bytes that have not been handled, `undefined' before the first
%% snapshot has been; for how many ms there has been something unhandled; how many events are
%% handled in a second; how many bytes are not handled of what the master has told.
-spec backlog_info(backlog()) ->
    {
        Ticket :: pos_integer(),
        Lag :: non_neg_integer() | undefined,
        BehindFor :: non_neg_integer(),
        EventsPerSecond :: non_neg_integer(),
        MasterLag :: non_neg_integer() | undefined
    }.
backlog_info(_Backlog) -> erlang:nif_error(reason()).

%% @doc Counts events that have been handled.
-spec backlog_count(backlog(), non_neg_integer()) -> ok.
backlog_count(_Backlog, _Events) -> erlang:nif_error(reason()).

%% @doc The master of the link with this ticket has reached this offset.
-spec backlog_know(backlog(), Ticket :: non_neg_integer(), non_neg_integer()) -> ok.
backlog_know(_Backlog, _Ticket, _Offset) -> erlang:nif_error(reason()).

%% @doc The number of links in this node that still own more than their handle, for tests of leaks.
-spec links() -> non_neg_integer().
links() -> erlang:nif_error(reason()).

-type named_key() :: Key :: binary() | {Db :: non_neg_integer(), Key :: binary()}.

-type keys() ::
    {Changed :: [named_key()], Read :: [named_key()]}
    | flushdb
    | flushall
    | {swapdb, non_neg_integer(), non_neg_integer()}
    | {slots, [{First :: 0..16383, Last :: 0..16383}]}
    | unnamed
    | not_a_write
    | unknown.

-opaque commands() :: reference().
%% What a master told of commands that are missing in the table.

%% @doc What the link's master told of its commands, if anything. It does not change after the sync
%% has begun.
-spec commands(link()) -> commands() | undefined.
commands(_Link) -> erlang:nif_error(reason()).

%% @doc The keys that a command changes and those that it only reads, with the db if it is not the
%% selected one; or what the command does instead. `unnamed': it changes keys that it does not name.
%% `unknown': neither the table nor the master knows the command. For tests.
-spec keys(binary(), [binary()], commands() | undefined) -> keys().
keys(_Name, _Args, _Commands) -> erlang:nif_error(reason()).

%% @doc Whether a key matches a pattern, by the rules of `KEYS'. For tests.
-spec glob(binary(), binary()) -> boolean().
glob(_Pattern, _Key) -> erlang:nif_error(reason()).

-opaque interests() :: reference().
%% Who wants which changes. It may be shared with a keyspace.

-type interest() :: pos_integer().
%% The id of one who wants some.

-type interesting() :: {
    [interest(), ...],
    key | keys,
    Key :: binary() | which(),
    Db :: non_neg_integer()
}.
%% A change, and those who want it.

-type which() :: eslaver_types:keys().
%% Keys that are not named.

-type notice() ::
    {key, Command :: binary(), Key :: binary(), eslaver_types:change()}
    | {keys, Command :: binary() | resync, which(), eslaver_types:change()}.
%% What a subscriber is told.

%% @doc Nobody wants anything.
-spec interests_new() -> interests().
interests_new() -> erlang:nif_error(reason()).

%% @doc From now on somebody wants what passes the filter, whose types do not count. `busy': a link
%% is looking up who wants a change.
-spec interests_add(interests(), interest(), eslaver_filter:filter()) -> ok | busy.
interests_add(_Interests, _Id, _Filter) -> erlang:nif_error(reason()).

%% @doc As {@link interests_add/3}, for as long as it takes.
-spec interests_add_dirty(interests(), interest(), eslaver_filter:filter()) -> ok.
interests_add_dirty(_Interests, _Id, _Filter) -> erlang:nif_error(reason()).

%% @doc From now on it wants nothing. `busy' as above.
-spec interests_remove(interests(), interest()) -> ok | busy.
interests_remove(_Interests, _Id) -> erlang:nif_error(reason()).

%% @doc As {@link interests_remove/2}, for as long as it takes.
-spec interests_remove_dirty(interests(), interest()) -> ok.
interests_remove_dirty(_Interests, _Id) -> erlang:nif_error(reason()).

%% @doc What a command changes that anybody wants, in its order. `takes_long': only
%% {@link interests_of_dirty/5} tells.
-spec interests_of(interests(), Name, Args, Db, commands() | undefined) ->
    [interesting()] | takes_long
when
    Name :: binary(), Args :: [binary()], Db :: non_neg_integer().
interests_of(_Interests, _Name, _Args, _Db, _Commands) -> erlang:nif_error(reason()).

%% @doc As {@link interests_of/5}, for as long as it takes.
-spec interests_of_dirty(interests(), Name, Args, Db, commands() | undefined) ->
    [interesting()]
when
    Name :: binary(), Args :: [binary()], Db :: non_neg_integer().
interests_of_dirty(_Interests, _Name, _Args, _Db, _Commands) -> erlang:nif_error(reason()).

%% @doc Decodes the payload of `DUMP' into a full event. Its key is empty, its db 0.
-spec decode_dump(binary()) -> {ok, {loading, atom(), binary(), term(), map()}} | {error, binary()}.
decode_dump(_Payload) -> erlang:nif_error(reason()).

%% @doc The libraries of a `FUNCTION DUMP', in its order.
-spec decode_functions(binary()) ->
    {ok, [{Name :: binary(), Code :: binary()}]} | {error, binary()}.
decode_functions(_Payload) -> erlang:nif_error(reason()).

%% @doc The name in the first line of a library's code.
-spec library_name(binary()) -> binary() | undefined.
library_name(_Code) -> erlang:nif_error(reason()).

-opaque cluster() :: reference().
%% A cluster: where the keys of each slot are.

-type shard() :: non_neg_integer().
%% The number of a shard, in one cluster here.

-type slot() :: 0..16383.

-type ranges() :: [{First :: slot(), Last :: slot()}].

%% @doc A cluster without shards, until its process, the calling one, ends. Readers find the
%% keyspaces of its shards by the name. `Missing' is what they get for what is missing.
-spec cluster_new(Name :: atom(), Missing :: atom()) -> cluster().
cluster_new(_Name, _Missing) -> erlang:nif_error(reason()).

%% @doc Readers do not find it any more.
-spec cluster_close(cluster()) -> ok.
cluster_close(_Cluster) -> erlang:nif_error(reason()).

%% @doc Only these slots are to be served, for {@link keyspace_status/1}. Without this all are.
-spec cluster_expect(cluster(), ranges()) -> ok.
cluster_expect(_Cluster, _Slots) -> erlang:nif_error(reason()).

%% @doc Gives slots a route, for tests.
-spec cluster_route(cluster(), {First :: slot(), Last :: slot()}, Owner, Other) -> ok when
    Owner :: shard() | undefined, Other :: shard() | undefined.
cluster_route(_Cluster, _Slots, _Owner, _Other) -> erlang:nif_error(reason()).

%% @doc The slot of a key: of its hash tag, if it has one.
-spec cluster_slot(Key :: binary()) -> slot().
cluster_slot(_Key) -> erlang:nif_error(reason()).

-type statement() :: #{
    %% The id of the node, by which imports name the shard that slots come from.
    node => binary() | undefined,
    %% The epoch of its configuration.
    epoch := non_neg_integer(),
    %% The slots that it serves, and those whose keys are moved to it one by one.
    owned := ranges(),
    importing := ranges(),
    %% The offsets of its stream before and behind the answer.
    from := non_neg_integer(),
    to := non_neg_integer()
}.
%% What a shard's master says of itself.

-type moves() :: [{ranges(), From :: shard() | undefined, To :: shard() | undefined}].
%% Slots that have another owner now.

%% @doc Adds a shard under a free number.
%%
%% The cluster's process gets `{eslaver_cluster, held, shard()}' when the stream of a shard must
%% wait for that of another; `{eslaver_cluster, marked, shard()}' when a stream tells of slots that
%% move, and the masters should be asked; `{eslaver_cluster, moved, moves()}' when slots have moved
%% at a place of a stream; and `{eslaver_cluster, reached, shard()}', see {@link cluster_await/3}.
-spec cluster_add(cluster(), Id :: binary()) -> shard().
cluster_add(_Cluster, _Id) -> erlang:nif_error(reason()).

%% @doc Removes a shard. Its slots lose their owner, and its keyspace is not read any more.
-spec cluster_remove(cluster(), shard()) -> ok.
cluster_remove(_Cluster, _Shard) -> erlang:nif_error(reason()).

%% @doc Takes what a shard's master says of itself, once everything has been handled up to `to'. For
%% a shard that is held it may be called before: then it counts for slots whose import ends where
%% the stream waits, and else for nothing.
-spec cluster_commit(cluster(), shard(), statement()) -> moves().
cluster_commit(_Cluster, _Shard, _Statement) -> erlang:nif_error(reason()).

%% @doc What a shard's stream holds may be handled, up to this offset. What the other shards say
%% that were asked for it has to be committed before. Slots whose route changes later are held anew.
-spec cluster_clear(cluster(), shard(), Offset :: non_neg_integer()) -> ok.
cluster_clear(_Cluster, _Shard, _Offset) -> erlang:nif_error(reason()).

%% @doc Whether everything of a shard has been handled up to this offset. If not, the cluster's
%% process is told when it has. Of several offsets of a shard the lowest counts.
-spec cluster_await(cluster(), shard(), Offset :: non_neg_integer()) -> reached | waiting.
cluster_await(_Cluster, _Shard, _Offset) -> erlang:nif_error(reason()).

%% @doc How many slots have an owner, and what each shard has. A shard whose stream is held waits
%% for that of another, as far as the streams tell: for nothing else, if it is to keep an order; for
%% what its master says, too, if it is a deletion or a snapshot, which may not have keys any more.
%% Meanwhile it is handled up to `held_behind', which is before a transaction that it is held in.
-spec cluster_info(cluster()) ->
    #{
        covered := non_neg_integer(),
        shards := #{
            shard() => #{
                slots := ranges(),
                importing := ranges(),
                clearance := non_neg_integer(),
                handled := non_neg_integer() | undefined,
                held := false | deletion | snapshot | order | import,
                held_at := non_neg_integer() | undefined,
                held_behind := non_neg_integer() | undefined,
                waits_for := shard() | undefined
            }
        }
    }.
cluster_info(_Cluster) -> erlang:nif_error(reason()).

%% @doc The keyspaces of all shards.
-spec cluster_keyspaces(cluster()) -> [keyspace()].
cluster_keyspaces(_Cluster) -> erlang:nif_error(reason()).

-opaque keyspace() :: reference().
%% The keyspace of a mirror, which one link at a time writes and any process reads.

-type policy() :: #{
    serves_stale := boolean(),
    missing := atom(),
    in_place := boolean(),
    max_memory := pos_integer() | undefined,
    fresh_within := pos_integer() | undefined
}.
%% What is to be done with a keyspace: see the options of a mirror. `missing' is what readers get
%% for what is missing.

-opaque session() :: reference().
%% Reads of one moment.

-opaque ticket() :: pos_integer().
%% Allows a link to write, until another has been given.

-type place() :: eslaver_types:position().
%% A place in the stream between two transactions.

-type failure() :: {error, not_running | loading | stale | not_served | wrongtype | unknown}.

%% @doc A keyspace without data, which readers find by a name, or as that of a cluster's shard,
%% until its process, the calling one, ends. The listener is told of changes that are of interest,
%% as `{eslaver_keyspace, Weight, [{[interest()] | all, notice()}], keyspace()}', once they can be
%% read; see also {@link keyspace_await/3}.
-spec keyspace_new(Where, interests(), Listener, policy()) -> keyspace() when
    Where :: Name :: atom() | {cluster(), shard()},
    Listener :: pid().
keyspace_new(_Where, _Interests, _Listener, _Policy) -> erlang:nif_error(reason()).

%% @doc How far what has been applied to it is behind.
-spec keyspace_backlog(keyspace()) -> backlog().
keyspace_backlog(_Keyspace) -> erlang:nif_error(reason()).

%% @doc Readers do not find it any more.
-spec keyspace_close(keyspace()) -> ok.
keyspace_close(_Keyspace) -> erlang:nif_error(reason()).

%% @doc Ends the turn of the link that writes, and waits for its slice. Tells a ticket for another
%% link, the position to go on from, if there is one, and whether there are keys.
-spec keyspace_detach(keyspace()) -> {ticket(), place() | undefined, HasKeys :: boolean()}.
keyspace_detach(_Keyspace) -> erlang:nif_error(reason()).

%% @doc The next link has to begin with a full resync.
-spec keyspace_forget(keyspace()) -> ok.
keyspace_forget(_Keyspace) -> erlang:nif_error(reason()).

%% @doc The place up to which all can be read, and projections have it: at least. `undefined'
%% without data, while that is incomplete, and if its master has no history.
-spec keyspace_reached(keyspace()) -> place() | undefined.
keyspace_reached(_Keyspace) -> erlang:nif_error(reason()).

%% @doc Whether all up to this offset of the history can be read, and projections have it: then the
%% offset up to which they do. Else the mirror gets `{eslaver_keyspace, reached}' when they do,
%% unless it awaits another place by then.
-spec keyspace_await(keyspace(), Replid :: binary(), Offset :: non_neg_integer()) ->
    waiting | (Reached :: non_neg_integer()).
keyspace_await(_Keyspace, _Replid, _Offset) -> erlang:nif_error(reason()).

%% @doc Whether all up to this offset, of this history or of any, can be read of the mirror with
%% this name, and its projections have it.
-spec keyspace_has(Name :: atom(), Replid :: binary() | any, Offset :: non_neg_integer()) ->
    boolean().
keyspace_has(_Name, _Replid, _Offset) -> erlang:nif_error(reason()).

%% @doc The replica that the link goes to has lost its own master, or has it again. Meanwhile the
%% data is stale.
-spec keyspace_cut_off(keyspace(), CutOff :: boolean()) -> ok.
keyspace_cut_off(_Keyspace, _CutOff) -> erlang:nif_error(reason()).

%% @doc Nothing is written from now on. Waits for a slice that runs.
-spec keyspace_hold(keyspace()) -> ok.
keyspace_hold(_Keyspace) -> erlang:nif_error(reason()).

%% @doc Writing goes on.
-spec keyspace_release(keyspace()) -> ok.
keyspace_release(_Keyspace) -> erlang:nif_error(reason()).

%% @doc Notices of this weight have been told. The link waits while there are many.
-spec keyspace_notified(keyspace(), Weight :: non_neg_integer()) -> ok.
keyspace_notified(_Keyspace, _Weight) -> erlang:nif_error(reason()).

%% @doc What the keyspace has, for `eslaver_mirror:info/1'.
-spec keyspace_info(keyspace()) -> map().
keyspace_info(_Keyspace) -> erlang:nif_error(reason()).

%% @doc The libraries of functions.
-spec keyspace_functions(keyspace()) -> #{Library :: binary() => Code :: binary()}.
keyspace_functions(_Keyspace) -> erlang:nif_error(reason()).

%% @doc Answers a query. `busy': the writer has the keys, try again; `takes_long': only
%% {@link keyspace_read_dirty/3} answers it.
-spec keyspace_read(atom(), Db :: non_neg_integer(), Query :: tuple()) ->
    busy | takes_long | failure() | (Answer :: term()).
keyspace_read(_Name, _Db, _Query) -> erlang:nif_error(reason()).

%% @doc As {@link keyspace_read/3}, for as long as it takes.
-spec keyspace_read_dirty(atom(), Db :: non_neg_integer(), tuple()) ->
    busy | failure() | (Answer :: term()).
keyspace_read_dirty(_Name, _Db, _Query) -> erlang:nif_error(reason()).

%% @doc The calling process keeps projections of these keys, which it does only once. After a slice
%% that has changed any of them, or when there is another snapshot, it gets `{eslaver_nif,
%% changed}', and nothing is written until {@link projections_settled/1}.
-spec keyspace_project(keyspace(), [{Db :: non_neg_integer(), Globs :: [binary()]}]) -> ok.
keyspace_project(_Keyspace, _Projections) -> erlang:nif_error(reason()).

%% @doc What has changed of the keys of each projection, since it was called last.
-spec projections_changed(keyspace()) -> [all | [Key :: binary()]].
projections_changed(_Keyspace) -> erlang:nif_error(reason()).

%% @doc The projections have the changes: writing goes on.
-spec projections_settled(keyspace()) -> ok.
projections_settled(_Keyspace) -> erlang:nif_error(reason()).

%% @doc As {@link keyspace_read/3}, also of data that is stale. Nothing has expired for it: rows
%% change with the stream, and not between.
-spec projections_read(keyspace(), Db :: non_neg_integer(), Query :: tuple()) ->
    busy | takes_long | failure() | (Answer :: term()).
projections_read(_Keyspace, _Db, _Query) -> erlang:nif_error(reason()).

%% @doc As {@link projections_read/3}, for as long as it takes.
-spec projections_read_dirty(keyspace(), Db :: non_neg_integer(), tuple()) ->
    busy | failure() | (Answer :: term()).
projections_read_dirty(_Keyspace, _Db, _Query) -> erlang:nif_error(reason()).

%% @doc The status of the data of a mirror. That of a cluster is the worst of its shards', and
%% `loading' while slots are not served that are to be.
-spec keyspace_status(Name :: atom()) -> loading | fresh | stale | not_running.
keyspace_status(_Name) -> erlang:nif_error(reason()).

%% @doc Begins to save the data as it is now, in an RDB file that replaces what has its name. The
%% caller gets `{eslaver_nif, saved, {ok, #{keys, bytes, unknown, changes, duration}} | {error,
%% Reason}}': `unknown' is how many keys are left out as their values are not known, and `duration'
%% is in ms. There is one save at a time.
-spec keyspace_save(keyspace(), Path :: binary(), Scope :: binary()) -> ok | {error, binary()}.
keyspace_save(_Keyspace, _Path, _Scope) -> erlang:nif_error(reason()).

%% @doc Begins to fill an empty keyspace from a file of {@link keyspace_save/3}, unless it was saved
%% with another scope. The caller gets `{eslaver_nif, restored, {ok, #{keys, bytes, offset, db,
%% changes, duration}} | none | {error, Reason}}': `none' without a file.
-spec keyspace_restore(keyspace(), Path :: binary(), Scope :: binary()) -> ok | {error, binary()}.
keyspace_restore(_Keyspace, _Path, _Scope) -> erlang:nif_error(reason()).

%% @doc How often the data has changed.
-spec keyspace_changes(keyspace()) -> non_neg_integer().
keyspace_changes(_Keyspace) -> erlang:nif_error(reason()).

%% @doc Loads a snapshot, for tests.
-spec keyspace_load(keyspace(), Snapshot :: binary()) -> ok | {error, binary()}.
keyspace_load(_Keyspace, _Snapshot) -> erlang:nif_error(reason()).

%% @doc Applies commands, for tests. Tells which could not be applied, and why.
-spec keyspace_apply(keyspace(), Db :: non_neg_integer(), [[binary(), ...]], NowMs :: integer()) ->
    [{Command :: binary(), Reason :: binary()}].
keyspace_apply(_Keyspace, _Db, _Commands, _NowMs) -> erlang:nif_error(reason()).

%% @doc The names of all commands that change keys in a keyspace, for tests.
-spec keyspace_commands() -> [binary()].
keyspace_commands() -> erlang:nif_error(reason()).

%% @doc The next link of the mirror with this name that applies commands panics half-way through
%% this one, in lower case. It is for tests.
-spec keyspace_fail_command(Name :: atom(), Command :: binary()) -> ok | not_running.
keyspace_fail_command(_Name, _Command) -> erlang:nif_error(reason()).

%% @doc The next link of the mirror with this name that loads a snapshot panics at its key of this
%% number, the first of which is 1. It is for tests.
-spec keyspace_fail_load(Name :: atom(), Key :: pos_integer()) -> ok | not_running.
keyspace_fail_load(_Name, _Key) -> erlang:nif_error(reason()).

%% @doc A session of reads of the mirror with this name. Unless it may be of any slot, one of a
%% cluster is of the slot of the key that is read first.
-spec session_new(Name :: atom(), AnySlot :: boolean()) -> session().
session_new(_Name, _AnySlot) -> erlang:nif_error(reason()).

%% @doc As {@link keyspace_read/3}; `changed' if it is no longer the moment of the other reads, and
%% `crossslot' if it is not of the session's slot.
-spec session_read(session(), Db :: non_neg_integer(), Query :: tuple()) ->
    busy | takes_long | changed | crossslot | failure() | (Answer :: term()).
session_read(_Session, _Db, _Query) -> erlang:nif_error(reason()).

%% @doc As {@link session_read/3}, for as long as it takes.
-spec session_read_dirty(session(), Db :: non_neg_integer(), tuple()) ->
    busy | changed | crossslot | failure() | (Answer :: term()).
session_read_dirty(_Session, _Db, _Query) -> erlang:nif_error(reason()).

%% @doc Whether everything that was read is still as it was. `busy': the writer is changing dbs, try
%% again.
-spec session_unchanged(session()) -> boolean() | busy.
session_unchanged(_Session) -> erlang:nif_error(reason()).

-opaque lock() :: reference().
%% A locked file.

%% @doc Locks a file, which is created if it is missing, until it is unlocked or the calling process
%% ends. The lock excludes every other process, also of other nodes.
-spec lock_file(binary()) -> {ok, lock()} | {error, locked | binary()}.
lock_file(_Path) -> erlang:nif_error(reason()).

%% @doc Unlocks the file.
-spec unlock_file(lock()) -> ok.
unlock_file(_Lock) -> erlang:nif_error(reason()).

%% @doc The content of a position file, at most 4096 bytes.
-spec read_position(binary()) -> {ok, binary()} | none | {error, binary()}.
read_position(_Path) -> erlang:nif_error(reason()).

%% @doc Replaces a file atomically. It is on the disk when this returns.
-spec write_position(binary(), binary()) -> ok | {error, binary()}.
write_position(_Path, _Bytes) -> erlang:nif_error(reason()).

%% @doc Removes a file, if it exists. It is gone from the disk when this returns.
-spec remove_position(binary()) -> ok | {error, binary()}.
remove_position(_Path) -> erlang:nif_error(reason()).

-spec load() -> ok | {error, term()}.
load() ->
    File = filename:join(priv_dir(), "eslaver_nif"),
    case loaded(File) of
        ok ->
            _ = persistent_term:erase(?ERROR),
            ok;
        {error, {Reason, _}} = Error when Reason =:= reload; Reason =:= upgrade ->
            Error;
        {error, {Reason, Text}} ->
            Sentence = unicode:characters_to_binary(sentence(Reason, File ++ ".so", Text)),
            persistent_term:put(?ERROR, Sentence)
    end.

loaded(File) ->
    case eslaver_nif_file:is_cut_off(File ++ ".so") of
        true -> {error, {cut_off, ""}};
        false -> erlang:load_nif(File, ?ABI)
    end.

priv_dir() ->
    case code:priv_dir(eslaver) of
        {error, bad_name} ->
            Ebin = filename:dirname(code:which(?MODULE)),
            filename:join(filename:dirname(Ebin), "priv");
        Dir ->
            Dir
    end.

sentence(load, File, _Text) ->
    [
        File,
        " belongs to another version of eslaver than this Erlang code: compile eslaver again "
        "(rebar3 compile, or mix deps.compile eslaver --force)."
    ];
sentence(cut_off, File, _Text) ->
    ["the end of the native library ", File, " is missing. Copy it, or compile eslaver, again."];
sentence(_Reason, File, Text) ->
    Problem = eslaver_nif_file:problem(File, Text),
    ["the native library ", Problem, ". Compile eslaver on a system like this one; it needs Rust."].

%% @doc Whether the native library is there. To start without it would fail later.
-spec check() -> ok | {error, {nif_not_loaded, Why :: binary()}}.
check() ->
    case persistent_term:get(?ERROR, none) of
        none -> ok;
        _ -> {error, reason()}
    end.

reason() ->
    {nif_not_loaded, persistent_term:get(?ERROR, <<"eslaver_nif is not loaded">>)}.
