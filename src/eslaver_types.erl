%% @doc The types that several modules share. {@link eslaver} and the behaviours have names of their
%% own for most of them.
-module(eslaver_types).

-export_type([replica/0, name/0, callback/0, telemetry/0, on_error/0, keywords/0]).
-export_type([filter/0, value_type/0]).
-export_type([notice/0, keys/0, change/0, moved/0, slots/0]).
-export_type([position/0, token/0, context/0, where/0, why/0, continued/0, snapshot/0]).

-type replica() :: pid() | atom() | {global, term()} | {via, module(), term()}.
%% A running replica: its pid, or the name it is registered under.

-type keywords() :: [{Key :: atom(), Value :: term()} | (Key :: atom())].
%% A list instead of a map of options, as in Elixir. A key alone stands for `{Key, true}'.

-type name() :: {local, atom()} | {global, term()} | {via, module(), term()}.
%% A name to register a replica under.

-type callback() ::
    fun((Event :: term()) -> term())
    | {module(), Function :: atom()}
    | {module(), Function :: atom(), Args :: [term()]}
    | {handler, module(), Args :: term()}
    | {pid(), #{demand := non_neg_integer()}}
    | pid()
    | atom()
    | [].
%% Who receives the events: a fun; a function, with the event as its only or last argument; a
%% {@link eslaver_handler}; a process that asks for events; a process; a registered name; or `[]',
%% which prints them.

-type telemetry() ::
    boolean()
    | undefined
    | module()
    | {module(), Function :: atom()}
    | fun((Event :: [atom()], Measurements :: map(), Metadata :: map()) -> term()).
%% Where events go: `true' for the library telemetry, if the node has it; a module that exports
%% `execute/3'; or a function that is called as `telemetry:execute/3' is.

-type on_error() ::
    stop
    | {skip,
        Log ::
            boolean()
            | fun(
                (Event :: term(), {Class :: atom(), Reason :: term(), Stacktrace :: list()}) ->
                    term()
            )}.
%% What to do when the callback raises: stop, or skip the event. With `true' skipped events are
%% logged. A fun is called with each event instead, or with the list of events of a batch, for
%% example to keep them elsewhere.

-type filter() :: #{
    keys => Glob :: iodata() | [Glob :: iodata()],
    commands => [atom() | string() | binary()],
    types => [value_type()],
    dbs => [non_neg_integer()],
    origin => user
}.
%% What to deliver. A missing part lets everything pass.

-type value_type() ::
    string | list | set | zset | hash | stream | module | array | gcra | path_hash.
%% The type of a key's value. Arrays exist in Redis since 8.8, rate limiters (`gcra') in Redis that
%% was built with them, path hashes in Valkey since 9.2.

-type notice() ::
    {key, Command :: binary(), Key :: binary(), change()}
    | {keys, Command :: binary() | resync, keys(), change()}
    | moved().
%% What a subscriber receives, as `{eslaver, Ref, Notice}'.

-type keys() ::
    all
    | {db, Db :: non_neg_integer()}
    | {swap, Db1 :: non_neg_integer(), Db2 :: non_neg_integer()}
    | {slots, slots()}
    | unknown.
%% The keys that a command changed without naming them.

-type change() :: #{db := non_neg_integer(), offset := non_neg_integer()}.
%% The database, and the position after the command.

-type moved() ::
    {slots, moved, #{ranges := slots(), from := binary() | undefined, to := binary()}}.
%% Slots of a cluster that are now read from another shard. `from' is `undefined' if that shard is
%% no longer followed.

-type slots() :: [{First :: 0..16383, Last :: 0..16383}].
%% Ranges of a cluster's slots.

-type position() :: #{replid := binary(), offset := non_neg_integer(), db := non_neg_integer()}.
%% A place in a master's stream between two transactions, where a replica can resume.

-type token() ::
    {offset, Replid :: binary(), Offset :: non_neg_integer()}
    | {offset, Offset :: non_neg_integer()}.
%% A write and all before it: an offset in a history, as `INFO replication' tells it, or in the
%% history that is followed, as `ROLE' does.

-type context() :: #{shard => #{id := binary(), atom() => term()}}.
%% For a handler: the shard whose events it receives. Empty for a single master.

-type where() :: #{shard => binary(), replids => [binary()]}.
%% For a store: whose position it is. Empty for a single master.

-type why() :: continued() | snapshot().
%% Why a link begins as it does.

-type continued() :: reconnect | failover.
%% The stream continues:
%% <ul>
%% <li>`reconnect': where it was lost</li>
%% <li>`failover': at another node, or at one whose history has a new id, as after a failover or a
%% restart with its data</li>
%% </ul>

-type snapshot() ::
    first
    | no_position
    | no_psync
    | backlog
    | diverged
    | restarted
    | failover
    | empty_master
    | unknown.
%% A snapshot follows:
%% <ul>
%% <li>`first': there was none before</li>
%% <li>`no_position': there is no position to continue from: the stream could not be read, the
%% mirror needs a snapshot, or the data came from the RDB file of an earlier run</li>
%% <li>`no_psync': the master does not know `PSYNC'</li>
%% <li>`backlog': the master no longer has the writes since the position</li>
%% <li>`diverged': the master lacks events that were already handled: a failover lost them. Logged
%% as a warning</li>
%% <li>`restarted': the node at the same address has another history. A master without replicas also
%% begins a new one after a time</li>
%% <li>`failover': the node at another address has another history</li>
%% <li>`empty_master': the master has lost its data. Logged as a warning</li>
%% <li>`unknown': the node does not tell its history, as the user may not call `INFO'</li>
%% </ul>
