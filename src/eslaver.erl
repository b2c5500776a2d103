%% @doc Replicas of Redis and Valkey masters, with a callback.
%%
%% A replica receives the master's snapshot, then every later write, and passes each key and each
%% command to its callback. {@link start_link/1} and {@link child_spec/1} start any number of
%% replicas, each with its own options; {@link start/2} starts the one that the application
%% environment describes. {@link eslaver_mirror} keeps the data instead.
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

-type replica() :: eslaver_types:replica().
%% A running replica: its pid, or the name it is registered under.

-type options() :: eslaver_input:replica().
%% The options of a replica. The guide Options describes them.

-type keywords() :: eslaver_types:keywords().
%% Options as a list of `{Key, Value}', as in Elixir.

-type callback() :: eslaver_types:callback().
%% Who receives the events.

-type event() :: classic_event() | full_event().
%% What a callback receives: the `loading' events are the snapshot, the `stream' events what
%% follows.

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
%% With `events => classic', the default.

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
    | eslaver_types:moved()
    | {shard, up | gone, #{shard := binary(), atom() => term()}}.
%% With `events => full'.

-type link_up() :: #{
    resync := full | partial,
    why := why(),
    %% What the node says it is.
    role := master | replica | unknown,
    %% The history that follows, and the place in it: after a full resync, where the snapshot ends.
    replid := binary() | undefined,
    offset := non_neg_integer(),
    %% The address of the node.
    master := binary()
}.
%% A link that is up.

-type why() :: eslaver_types:why().
%% Why a link begins as it does: {@link eslaver_types:continued()} or
%% {@link eslaver_types:snapshot()}.

-type shard_meta() :: #{shard := binary(), slot => 0..16383, origin => user | migration, _ => _}.
%% What the `Meta' of full events of a cluster has in addition: the shard, the slot of the first
%% key, and who made the change. `migration' is what the cluster itself does to move slots. A key of
%% a snapshot has an origin only if its slot is on its way.

-type notice() :: eslaver_types:notice().
%% What a subscriber receives, as `{eslaver, Ref, Notice}'.

-type position() :: eslaver_types:position().
%% `#{replid, offset, db}': a place in a master's stream, between two transactions.

-type health() :: eslaver_health:why().
%% What is wrong with a replica or a mirror.

-type token() :: eslaver_types:token().
%% Names a write, and all before it: `{offset, Replid, Offset}' from `INFO replication', or
%% `{offset, Offset}' from `ROLE'.

%% @doc Starts a supervised replica with this callback and the options of the application
%% environment, as the original does: under the supervisor of the application if it runs, otherwise
%% under one that is linked to the caller. A node can have one such replica.
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

%% @doc Starts a replica, linked to the caller. It succeeds even if the master cannot be reached. It
%% fails if an option is invalid (`{invalid_option, Key, Value}'), if another replica uses the file
%% of `resume' (`{resume_locked, Path}', after some seconds), or if the native library cannot be
%% loaded (`{nif_not_loaded, Text}').
-spec start_link(options() | keywords()) -> {ok, pid()} | {error, term()}.
start_link(Options) ->
    case eslaver_options:parse(Options) of
        {ok, Parsed} -> eslaver_start:replica(Parsed);
        {error, _} = Error -> Error
    end.

%% @doc The child specification of a replica. Its id is the replica's name, without `local', or
%% `eslaver'. Passwords are wrapped, so that no report of the supervisor shows them.
-spec child_spec(options() | keywords()) -> supervisor:child_spec().
child_spec(Options) ->
    case eslaver_option_map:from(Options) of
        {ok, Map} -> child_spec(id(Map), eslaver_options:wrapped(Map));
        {twice, Key} -> child_spec(eslaver, [Key, Key]);
        error -> child_spec(eslaver, not_a_map)
    end.

id(#{name := {local, Name}}) -> Name;
id(#{name := Name}) when Name =/= undefined, Name =/= nil -> Name;
id(_Unnamed) -> ?MODULE.

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

%% @doc Explains an error of {@link start_link/1} or {@link subscribe/2} in a sentence: what is
%% wrong, and what was expected. Takes `{error, Reason}' or the reason alone.
-spec format_error(term()) -> binary().
format_error(Error) ->
    eslaver_format_error:text(Error, eslaver_filter:keys() ++ eslaver_options:keys()).

%% @doc What a replica is doing, as a map, whose keys the guide Operations describes. It is answered
%% at once, also while the callback hangs: nothing is asked of the replica's process.
-spec info(replica()) -> map() | {error, not_running}.
info(Replica) ->
    eslaver_running:ask(fun eslaver_server:info/1, [Replica]).

%% @doc Whether a replica, or a cluster, is as it should be, for probes. It is `ok' when the link is
%% up, the snapshot has been handled and the stream goes on, unless the callback lags: there have
%% been more bytes unhandled than the option `warn_lag' allows, for a second or longer. Of a cluster
%% all shards have to be so.
%%
%% Otherwise there is what is wrong: the `state' of {@link info/1} or `lagging', since when, in ms
%% since the epoch, and a sentence for people. It asks no process, so that it answers at once.
-spec health(replica()) -> ok | {error, health()}.
health(Replica) ->
    case eslaver_server:look(Replica) of
        {ok, Info} -> eslaver_health:check(Info);
        starting -> {error, unhealthy(starting, <<"it is being started">>)};
        none -> {error, unhealthy(not_running, format_error(not_running))}
    end.

unhealthy(State, Text) ->
    #{state => State, since => erlang:system_time(millisecond), text => Text}.

%% @doc The last position whose events have all been handled, or `undefined' until the first
%% snapshot has been loaded and while another one is being loaded.
-spec position(replica()) -> position() | undefined | {error, not_running}.
position(Replica) ->
    eslaver_running:ask(fun eslaver_server:position/1, [Replica]).

%% @doc Waits. With `loaded' it returns once the first snapshot has been handled. With a {@link
%% token()} it returns once that write and all before it have been handled; the writes of a
%% transaction are handled with its `exec'.
%%
%% Tokens survive failovers, if the write does. `{error, diverged}' means that it did not: the
%% history that is followed now lacks the write, or the master began a new one without saying what
%% is in it. If the replica does not know the token's history it waits, as that may be the history
%% of the next master. A token without an id refers to the history that is followed at the time of
%% the call; in a cluster it names no shard: `{error, which_shard}'.
-spec await(replica(), loaded | token(), timeout()) ->
    ok | {error, timeout | diverged | which_shard | not_running}.
await(Replica, loaded, Timeout) ->
    eslaver_running:ask(fun eslaver_waiting:await/3, [Replica, loaded, Timeout]);
await(Replica, Token, Timeout) ->
    Write = eslaver_token:write(Token),
    eslaver_running:ask(fun eslaver_waiting:await/3, [Replica, Write, Timeout]).

%% @doc The token in the reply to `INFO replication' or `INFO'. It names the last write of the
%% server, and so includes all that the connection wrote before.
-spec token(InfoReply :: iodata()) -> token().
token(InfoReply) ->
    eslaver_token:of_info(InfoReply).

%% @doc Allows a callback `{Pid, #{demand => N}}' `More' further events. The replica sends
%% `{eslaver_passive, ReplicaPid}' when none are left.
-spec demand(replica(), pos_integer()) -> ok | {error, no_demand | not_running}.
demand(Replica, More) when is_integer(More), More > 0 ->
    eslaver_running:ask(fun eslaver_server:demand/2, [Replica, More]).

%% @doc Calls `handle_call/3' of the handler of a replica, also while the stream is paused. Exits
%% with `timeout' after 5 seconds.
-spec call(replica() | {replica(), Shard :: binary()}, Request :: term()) -> Reply :: term().
call(Replica, Request) ->
    call(Replica, Request, 5000).

%% @doc The same with another time, in ms. As with {@link gen_server:call/3} the caller exits if
%% there is no reply by then. The result is `{error, no_handle_call}' if the callback takes no
%% calls, and `{error, not_running}' if there is no such replica.
%%
%% In a cluster name the shard: `{Cluster, ShardId}', with an id from {@link info/1}. The result is
%% `{error, no_shard}' if that shard is not followed, and `{error, which_shard}' without an id.
%% `Replica' may also be a mirror with a callback.
-spec call(replica() | {replica(), Shard :: binary()}, Request :: term(), timeout()) ->
    Reply :: term().
call({Cluster, Shard}, Request, Timeout) when is_binary(Shard), Cluster =/= global ->
    case eslaver_running:call(Cluster, {process, Shard}, Timeout) of
        {ok, Pid} -> call(Pid, Request, Timeout);
        {error, _} = Error -> Error
    end;
call(Replica, Request, Timeout) ->
    eslaver_running:call(Replica, {eslaver_call, Request}, Timeout).

%% @doc Ends the pause of a replica whose handler returned `{pause, State}'.
-spec continue(replica()) -> ok | {error, not_running}.
continue(Replica) ->
    eslaver_running:ask(fun eslaver_server:continue/1, [Replica]).

%% @doc Looks at the topology of a cluster again, at once, and calls the fun of the option `shards'
%% again. `Cluster' is a replica or a mirror of a cluster.
-spec refresh(replica()) -> ok | {error, not_running | no_cluster}.
refresh(Cluster) ->
    eslaver_running:ask(fun eslaver_cluster:refresh/1, [Cluster]).

%% @doc Subscribes the calling process to key notifications. For every key that a replicated command
%% changes it receives `{eslaver, Ref, {key, Command, Key, #{db, offset}}}', once the callback has
%% handled the command. Commands that change keys without naming them are reported as
%% `{keys, Command, Which, #{db, offset}}'. See {@link notice()}.
%%
%% The filter may have `keys', `commands' and `dbs'. `Ref' also monitors the replica: the caller
%% receives `{'DOWN', Ref, process, _, _}' when it ends.
-spec subscribe(replica(), Filter :: eslaver_types:filter() | keywords()) ->
    {ok, reference()}
    | {error, not_running | {invalid_option, Key :: term(), Value :: term()}}.
subscribe(Replica, Filter) ->
    case eslaver_filter:parse([keys, commands, dbs], Filter) of
        {ok, Parsed} ->
            eslaver_running:ask(fun eslaver_subscriptions:subscribe/2, [Replica, Parsed]);
        {error, Key, Value} -> {error, {invalid_option, Key, Value}}
    end.

%% @doc Ends a subscription. Its messages that are already in the caller's mailbox are removed.
-spec unsubscribe(replica(), reference()) -> ok | {error, not_running}.
unsubscribe(Replica, Ref) ->
    eslaver_running:ask(fun eslaver_subscriptions:unsubscribe/2, [Replica, Ref]).

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
