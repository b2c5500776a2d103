%% @doc A Redis or Valkey replica inside an Erlang node.
%%
%% It takes the master's snapshot, then every later write, and gives each key and each command to a
%% callback. `start_link/1' and `child_spec/1' start any number of replicas, each with options of
%% its own; `start/2' starts the one that the application environment describes.
-module(eslaver).

-export([start/2, stop/1]).
-export([start_link/1, child_spec/1, format_error/1, info/1, health/1]).
-export([position/1, await/3, token/1]).
-export([call/2, call/3, continue/1, demand/2, refresh/1]).
-export([subscribe/2, unsubscribe/2]).
-export([attach_default_logger/0, attach_default_logger/1, detach_default_logger/0]).
-export_type([replica/0, options/0, keywords/0, callback/0, position/0, token/0, notice/0]).
-export_type([shard_meta/0, health/0]).
-export_type([event/0, classic_event/0, full_event/0, link_up/0, why/0]).

-type replica() :: eslaver_name:replica().
%% A replica: its pid, or the name it is registered under.

-type options() :: eslaver_input:replica().
%% See the README for the keys, their defaults and what they mean.

-type keywords() :: eslaver_input:keywords().
%% Options as a list of `{Key, Value}', as in Elixir.

-type callback() :: eslaver_callback:spec().
%% Who gets the events.

-type event() :: classic_event() | full_event().
%% What a callback gets: the `loading' events are the snapshot, and `stream' is all that follows.

-type classic_event() ::
    {loading, string, Key :: binary(), binary()}
    | {loading, list, Key :: binary(), [binary() | integer()]}
    | {loading, set, Key :: binary(), [binary()]}
    | {loading, zset, Key :: binary(), [{Member :: binary(), float() | inf | '-inf'}]}
    | {loading, hash, Key :: binary(), [FieldOrValue :: binary()]}
    | {loading, stream, Key :: binary(), map()}
    | {loading, module, Key :: binary(), {Name :: binary(), EncVer :: integer(), list()}}
    | {loading, array, Key :: binary(), [{Index :: non_neg_integer(), binary()}]}
    | {loading, gcra, Key :: binary(), Microseconds :: non_neg_integer()}
    | {loading, path_hash, Key :: binary(), [{Path :: binary(), [{binary(), binary()}]}]}
    | {loading, eof}
    | {stream, Command :: string(), Args :: [binary()]}.

-type full_event() ::
    {link, up, link_up()}
    | {link, down, #{reason := atom(), text := binary()}}
    | {loading, start | eof, map()}
    | {slots, moved, map()}
    | {shard, up | gone, map()}
    | eslaver_rdb:event()
    | {stream, Command :: binary(), Args :: [binary()], #{
        db := non_neg_integer(), offset := non_neg_integer(), atom() => term()
    }}
    | eslaver_cluster_shard:moved()
    | {shard, up | gone, #{shard := binary(), atom() => term()}}.
%% With the option `events => full'.

-type link_up() :: #{
    resync := full | partial,
    why := why(),
    %% What the node says that it is.
    role := master | replica | unknown,
    %% The history that follows, and where in it: after a full resync where the snapshot ends.
    replid := binary() | undefined,
    offset := non_neg_integer(),
    %% The address of the node.
    master := binary()
}.
%% A link that is up.

-type why() :: eslaver_why:why().
%% Why a link begins as it does. The stream goes on:
%% <ul>
%% <li>`reconnect': where it was lost</li>
%% <li>`failover': the same, at another node, or at one whose history has a new id, as after a
%% failover or a restart with its data</li>
%% </ul>
%% A snapshot follows:
%% <ul>
%% <li>`first': there was none before</li>
%% <li>`no_position': there is no position to go on from, after a stream that cannot be read, a
%% mirror that asks for a snapshot, or the RDB file of an earlier run</li>
%% <li>`no_psync': the master does not know `PSYNC'</li>
%% <li>`backlog': the node has all that has been handled, but no longer all that came since</li>
%% <li>`diverged': the node lacks some of what has been handled, as a failover has lost it. Logged
%% as a warning</li>
%% <li>`restarted': the node has another history, at the same address. Masters also begin another
%% one when they have had no replicas for a time</li>
%% <li>`failover': the node has another history, at another address</li>
%% <li>`empty_master': the node has no keys, and another history: the data is lost, if there is no
%% copy. Logged as a warning</li>
%% <li>`unknown': the node does not tell its history, as the user may not call `INFO'</li>
%% </ul>

-type shard_meta() :: #{shard := binary(), slot => 0..16383, origin => user | migration, _ => _}.
%% What full events of a cluster have in their `Meta', besides what all have: the shard, the slot of
%% the first key, if there is one, and who has made the change. `migration' is what the cluster does
%% to move slots; a key of a snapshot has an origin only if it is of slots on their way.

-type notice() :: eslaver_subscriptions:notice().
%% What a subscriber gets, as `{eslaver, Ref, Notice}'.

-type position() :: eslaver_position:safe().
%% `#{replid, offset, db}': a position in a master's stream, between two transactions.

-type health() :: eslaver_health:why().
%% What is wrong with a replica or a mirror.

-type token() :: eslaver_token:token().
%% Names a write, and all before it: `{offset, Replid, Offset}' as `INFO replication' tells on the
%% connection that has written, or `{offset, Offset}' as `ROLE' does.

%% @doc Starts a supervised replica with this callback and the options of the application
%% environment, as the original does: under the supervisor of the application if that is started,
%% else under one that is linked to the caller. There is one such replica at most.
-spec start(application:start_type(), callback()) -> {ok, pid()} | {error, term()}.
start(_Type, Callback) ->
    case eslaver_environment:options(Callback) of
        {ok, Options} -> eslaver_sup:start(Options);
        {error, _} = Error -> Error
    end.

%% @doc Stops a replica. With `[]' it does nothing, as in the original.
-spec stop(replica() | []) -> ok.
stop([]) -> ok;
stop(Replica) -> gen_server:stop(Replica).

%% @doc Starts a replica, linked to the caller. It is not started with an option that is none
%% (`{invalid_option, Key, Value}'), or with a file for `resume' that another replica uses
%% (`{resume_locked, Path}', after some seconds).
-spec start_link(options() | keywords()) -> {ok, pid()} | {error, term()}.
start_link(Options) ->
    case eslaver_options:parse(Options) of
        {ok, Parsed} -> eslaver_start:replica(Parsed);
        {error, _} = Error -> Error
    end.

%% @doc A replica for a supervisor. Its id is the name it is registered under, or `eslaver'. The
%% password is wrapped, so that no report of the supervisor shows it.
-spec child_spec(options() | keywords()) -> supervisor:child_spec().
child_spec(Options) ->
    case eslaver_option_map:from(Options) of
        {ok, Map} -> child_spec(maps:get(name, Map, eslaver), eslaver_options:wrapped(Map));
        {twice, Key} -> child_spec(eslaver, [Key, Key]);
        error -> child_spec(eslaver, not_a_map)
    end.

child_spec(Id, Options) ->
    #{
        id => Id,
        start => {?MODULE, start_link, [Options]},
        restart => permanent,
        shutdown => shutdown(Options),
        type => worker
    }.

%% The replicas of a cluster's shards end one after the other.
shutdown(#{cluster := _}) -> 60000;
shutdown(_Options) -> 5000.

%% @doc A sentence that says what an error of a start is about, and what was expected: of
%% `{error, Reason}', or of the reason alone. Errors of {@link subscribe/2} are told, too.
-spec format_error(term()) -> binary().
format_error(Error) ->
    eslaver_format_error:text(Error, eslaver_filter:keys() ++ eslaver_options:keys()).

%% @doc What a replica is doing. It is answered at once, also while the callback hangs, as nothing
%% is asked of the replica's process:
%%
%% <ul>
%% <li>`state': `connecting', `waiting_for_snapshot' (which the master prepares), `loading',
%% `streaming', or `waiting' before the next try; `since': when that began, in ms since the
%% epoch</li>
%% <li>`source': the address that was asked last, `master': where that leads; `role', `master_link'
%% (of a replica) and `master_version' of the node that is followed</li>
%% <li>`replid', `offset' and `db': the position handled</li>
%% <li>`lag': the bytes that are not handled: decoded, read, and in the kernel's receive buffer,
%% where those of TLS are counted as they come, encrypted. What the master still has to send is
%% unknown, unless it has told its offset. `undefined' while there is no stream</li>
%% <li>`behind_for': for how many ms there has been something unhandled: of what had arrived before,
%% everything has been. It grows while there is no link</li>
%% <li>`lagging': whether the lag has been beyond the option `warn_lag' for a second or longer</li>
%% <li>`master_lag': the bytes between the master's offset and what is handled, with the option
%% `master_offset_every'; else `undefined'</li>
%% <li>`event': what the callback has in hand, `undefined' if nothing: its `type' (the command's
%% name, or what it is), its `db' if the event has it, and `for' how many ms</li>
%% <li>`events_per_second', in the last second or two; `commands': those decoded so far</li>
%% <li>`keys' and `bytes' of the snapshot, and the `progress' of a running load</li>
%% <li>`next_try_in': the ms until the next try, `undefined' when there is a link or a try</li>
%% <li>`last_error': why there is no link, or why an earlier process of this replica has failed, a
%% map with `reason', `text' and the time `at'; `undefined' once the stream goes on</li>
%% <li>`full_syncs' and `partial_syncs': how many there have been; `last_sync': the last of them,
%% with `resync', {@link why()} and the time `at'</li>
%% <li>`reconnects'; `restarts' (after failures of earlier processes of this replica); `skipped'
%% (events for which the callback has raised, with `on_error'); `paused' (the callback holds the
%% stream)</li>
%% <li>`version' of eslaver</li>
%% </ul>
%%
%% Of a cluster it has the `shards' by their ids, each with these keys, and of all of them the worst
%% `state', `lag' and `behind_for'.
-spec info(replica()) -> map().
info(Replica) ->
    eslaver_server:info(Replica).

%% @doc Whether a replica, or a cluster, is as it should be, for probes. It is `ok' when the link is
%% up, the snapshot has been handled and the stream goes on, unless the callback lags: there have
%% been more bytes unhandled than the option `warn_lag' allows, for a second or longer. Of a cluster
%% all shards have to be so.
%%
%% Otherwise there is what is wrong: the `state' of {@link info/1} or `lagging', since when, in ms
%% since the epoch, and a sentence for people. It asks no process, so that it answers at once.
-spec health(replica()) -> ok | {error, health()}.
health(Replica) ->
    try
        eslaver_health:check(info(Replica))
    catch
        exit:{noproc, _} -> {error, not_running()}
    end.

not_running() ->
    Text = format_error(not_running),
    #{state => not_running, since => erlang:system_time(millisecond), text => Text}.

%% @doc The last position whose events have all been handled; `undefined' before the first snapshot
%% has been loaded, and while a new one is.
-spec position(replica()) -> position() | undefined.
position(Replica) ->
    eslaver_server:position(Replica).

%% @doc With `loaded', returns when the first snapshot has been handled.
%%
%% With a {@link token()}, returns when the write that it names has been handled, and all before it:
%% for writes of a transaction, when its `exec' has been. It also does so after failovers, if the
%% write has survived them. `{error, diverged}' says that it has not: the history that is followed
%% now does not have the write, or the master has begun a new one without saying what is in it. A
%% token of a history that the replica does not know is waited for, as that may be the one of the
%% next master. A token without an id is one of the history that is followed now; in a cluster it
%% names no shard, which gives `{error, which_shard}'.
-spec await(replica(), loaded | token(), timeout()) ->
    ok | {error, timeout | diverged | which_shard}.
await(Replica, loaded, Timeout) ->
    eslaver_waiting:await(Replica, loaded, Timeout);
await(Replica, Token, Timeout) ->
    eslaver_waiting:await(Replica, eslaver_token:write(Token), Timeout).

%% @doc The token in the reply to `INFO replication', or to `INFO': it names the last write of the
%% server, so at least the last one of the connection.
-spec token(InfoReply :: iodata()) -> token().
token(InfoReply) ->
    eslaver_token:of_info(InfoReply).

%% @doc Lets a replica whose callback is `{Pid, #{demand => N}}' send `More' events more. When it
%% ran out it sent `{eslaver_passive, ReplicaPid}'.
-spec demand(replica(), pos_integer()) -> ok | {error, no_demand}.
demand(Replica, More) when is_integer(More), More > 0 ->
    eslaver_server:demand(Replica, More).

%% @doc Calls the handler of a replica, whose `handle_call/3' answers; also while it has paused the
%% stream. The limit is 5 seconds.
-spec call(replica() | {replica(), Shard :: binary()}, Request :: term()) -> Reply :: term().
call(Replica, Request) ->
    call(Replica, Request, 5000).

%% @doc The same with a limit in ms. As with {@link gen_server:call/3} the caller exits if there is
%% no answer within it. A callback that takes no calls is told as `{error, no_handle_call}'.
%%
%% In a cluster the handler of one shard is called, by `{Cluster, ShardId}' with an id that
%% {@link info/1} tells: one that is not followed is told as `{error, no_shard}', and a call to all
%% as `{error, which_shard}'. `Replica' may also be a mirror with a callback.
-spec call(replica() | {replica(), Shard :: binary()}, Request :: term(), timeout()) ->
    Reply :: term().
call({Cluster, Shard}, Request, Timeout) when is_binary(Shard), Cluster =/= global ->
    case gen_server:call(Cluster, {process, Shard}, Timeout) of
        {ok, Pid} -> call(Pid, Request, Timeout);
        {error, _} = Error -> Error
    end;
call(Replica, Request, Timeout) ->
    gen_server:call(Replica, {eslaver_call, Request}, Timeout).

%% @doc Ends the pause of a replica whose handler has returned `{pause, State}'.
-spec continue(replica()) -> ok.
continue(Replica) ->
    eslaver_server:continue(Replica).

%% @doc Looks at the nodes of a cluster at once, and asks the option `shards' anew which shards to
%% follow. `Cluster' is a replica or a mirror of one.
-spec refresh(replica()) -> ok.
refresh(Cluster) ->
    eslaver_cluster:refresh(Cluster).

%% @doc Has the calling process told of every key that a replicated command changes, as
%% `{eslaver, Ref, {key, Command, Key, #{db, offset}}}', once the callback has handled the command.
%% What changes keys without naming them is told as `{keys, Command, Which, #{db, offset}}'; see the
%% README. The filter may have `keys', `commands' and `dbs'.
%%
%% `Ref' monitors the replica, too: `{'DOWN', Ref, process, _, _}' tells that it has ended.
-spec subscribe(replica(), Filter :: eslaver_filter:input() | keywords()) ->
    {ok, reference()} | {error, {invalid_option, Key :: term(), Value :: term()}}.
subscribe(Replica, Filter) ->
    case eslaver_filter:parse([keys, commands, dbs], Filter) of
        {ok, Parsed} -> eslaver_subscriptions:subscribe(Replica, Parsed);
        {error, Key, Value} -> {error, {invalid_option, Key, Value}}
    end.

%% @doc Ends what `subscribe/2' began. Nothing comes of it any more, and what has come is taken out
%% of the mailbox.
-spec unsubscribe(replica(), reference()) -> ok.
unsubscribe(Replica, Ref) ->
    eslaver_subscriptions:unsubscribe(Replica, Ref).

%% @doc The same as `attach_default_logger(#{})'.
-spec attach_default_logger() -> ok | eslaver_default_logger:error().
attach_default_logger() ->
    attach_default_logger(#{}).

%% @doc Logs the events of all replicas, mirrors and clusters that report to the library telemetry
%% (see the option `telemetry'), a line for each. `level' is the level of what is neither wrong nor
%% frequent, by default `info'; calls of the callback are logged at `debug'. `events' is a list of
%% events, as `[eslaver, load, start]', or `all'; by default those that eslaver does not log by
%% itself. No line has keys or values. Without the library this is `{error, no_telemetry}'; what it
%% refuses, {@link format_error/1} tells.
-spec attach_default_logger(eslaver_default_logger:options() | keywords()) ->
    ok | eslaver_default_logger:error().
attach_default_logger(Options) ->
    case eslaver_option_map:from(Options) of
        {ok, Map} -> eslaver_default_logger:attach(Map);
        {twice, Key} -> eslaver_advice:error(Key, twice);
        error -> {error, {invalid_option, options, not_a_map}}
    end.

%% @doc Ends what `attach_default_logger/0,1' began.
-spec detach_default_logger() -> ok | {error, no_telemetry | not_found}.
detach_default_logger() ->
    eslaver_default_logger:detach().
