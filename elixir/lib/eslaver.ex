defmodule Eslaver do
  @moduledoc """
  A Redis and Valkey replica: your code gets every key of the master's snapshot, then every write,
  in the master's order.

  This is the Elixir face of the Erlang package `eslaver`, whose guides say more about each option
  and event. To keep the whole dataset in the node and read it, see `Eslaver.Mirror`.

      defmodule Counter do
        use Eslaver.Handler

        @impl true
        def handle_event({:stream, name, _args, _meta}, counts),
          do: {:ok, Map.update(counts, name, 1, &(&1 + 1))}

        def handle_event(_event, counts), do: {:ok, counts}
      end

      children = [
        {Eslaver, name: Commands, host: "redis.example.net", callback: {:handler, Counter, %{}}}
      ]

      Supervisor.start_link(children, strategy: :one_for_one)

  ## Options

  Options are a keyword list or a map, with the keys of the Erlang package and these short ones:

    * `:host` - for `:master_host`, by default `"127.0.0.1"`; `{:local, path}` is a unix socket
    * `:port` - for `:master_port`, by default `6379`
    * `:url` - for `:master_url`, as in `"rediss://user:password@redis.example.net:6380"`
    * `:username` - for `:master_user`
    * `:password` - for `:master_auth`, also a function that returns it

  Among the others are:

    * `:callback` - who gets the events: a function of one argument, `{:handler, module, args}` for
      an `Eslaver.Handler`, `{module, function}`, `{module, function, args}`, a pid, or
      `{pid, %{demand: count}}`
    * `:name` - an atom, `{:global, term}` or `{:via, module, term}`
    * `:events` - `:full` or `:classic`; here `:full` is the default
    * `:filter` - only some keys, commands, types or databases: `[keys: "user:*"]`
    * `:resume` - where to go on after a restart: `{:file, path}`, `{module, args}` for an
      `Eslaver.PositionStore`, or a position
    * `:tls` - `true`, or a keyword list with `:cacertfile`, `:certfile`, `:keyfile`,
      `:server_name` and `:verify`
    * `:sentinels`, `:master_name` - Sentinels that know the master
    * `:cluster` - nodes of a cluster
    * `:telemetry` - `false`, or where events go instead of the library telemetry
    * `:warn_lag` - the lag in bytes from which a warning is logged, or `:infinity`
    * `:log_data` - `true` shows keys and values in logs
    * `:master_offset_every` - asks the master this often, in ms, how far ahead it is

  ## Events

  With `events: :full` a callback gets

    * `{:link, :up | :down, info}`
    * `{:loading, :start | :eof, info}` - a snapshot begins, and ends
    * `{:loading, type, key, value, meta}` - a key of it; `meta` has its `:db`, and `:expire_at`
      if it expires
    * `{:stream, command, args, meta}` - a write; `command` is a lower-case string, and `meta` has
      `:db` and `:offset`

  Values are strings, lists, and for hashes and sorted sets lists of pairs. What the master does not
  say within `info` is `:undefined` there: events are the Erlang package's own terms.
  """

  alias Eslaver.{Absent, Options}

  @typedoc "A replica: its pid, or the name it is registered under."
  @type replica() :: :eslaver.replica()

  @typedoc "Options, as in the module's documentation."
  @type options() :: keyword() | map()

  @typedoc "A position in a master's stream, between two transactions."
  @type position() :: :eslaver.position()

  @typedoc "Names a write of the master, and all before it: see `token/1`."
  @type token() :: :eslaver.token()

  @typedoc "There is no such replica."
  @type not_running() :: {:error, :not_running}

  @typedoc "What a callback gets."
  @type event() :: :eslaver.event()

  @typedoc "What a subscriber gets, as `{:eslaver, ref, notice}`."
  @type notice() :: :eslaver.notice()

  @doc """
  Starts a replica, linked to the caller.

  A master that is out of reach is no error: the replica keeps trying.

      iex> {:error, reason} = Eslaver.start_link(master_prot: 6380)
      iex> Eslaver.format_error(reason)
      "there is no option master_prot: did you mean master_port?"
  """
  @spec start_link(options()) :: {:ok, pid()} | {:error, term()}
  def start_link(options \\ []), do: options |> Options.replica() |> :eslaver.start_link()

  @doc """
  A replica for a supervisor, so that `{Eslaver, options}` is a child.

  Its id is the option `:name`, or `Eslaver`. No report of the supervisor shows the password.

      iex> Eslaver.child_spec(name: Commands, password: "secret").id
      Commands
  """
  @spec child_spec(options()) :: Supervisor.child_spec()
  def child_spec(options),
    do: options |> Options.replica() |> :eslaver.child_spec() |> Options.identified(__MODULE__)

  @doc """
  Stops a replica. A supervisor starts it anew.
  """
  @spec stop(replica()) :: :ok
  defdelegate stop(replica), to: :eslaver

  @doc """
  What a replica is doing: a map with `:state` (`:connecting`, `:waiting_for_snapshot`,
  `:loading`, `:streaming` or `:waiting`), `:master`, `:replid`, `:offset`, `:lag`, `:keys` and `:bytes` of the snapshot,
  `:commands`, `:reconnects`, `:last_error`, `:paused` and more.
  """
  @spec info(replica()) :: map() | not_running()
  def info(replica), do: replica |> :eslaver.info() |> Absent.to_nil()

  @doc """
  Whether a replica or a cluster is as it should be, for probes: `:ok`, or what is wrong, since when,
  and a sentence for people. It asks no process, so that it answers at once.

      iex> {:error, health} = Eslaver.health(NoSuchReplica)
      iex> is_map(health)
      true
  """
  @spec health(replica()) :: :ok | {:error, :eslaver.health()}
  defdelegate health(replica), to: :eslaver

  @doc """
  The last position whose events have all been handled, or `nil` while there is none: before the
  first snapshot has been loaded, and while a new one is.
  """
  @spec position(replica()) :: position() | nil | not_running()
  def position(replica), do: replica |> :eslaver.position() |> Absent.to_nil()

  @doc """
  Waits until the first snapshot (`:loaded`), or the write that a token names, has been handled.

  `{:error, :diverged}` says that the write never will be, as a failover has lost it. In a cluster a
  token has to have the id of a history, or it is `{:error, :which_shard}`.
  """
  @spec await(replica(), :loaded | token(), timeout()) ::
          :ok | {:error, :timeout | :diverged | :which_shard | :not_running}
  def await(replica, what, timeout \\ 5000), do: :eslaver.await(replica, what, timeout)

  @doc """
  The token in the reply to `INFO replication`, on the connection that has written: it names that
  write.

      iex> Eslaver.token(\"""
      ...> role:master
      ...> master_replid:8371445ee67e7c7d8d0e0a1e5d9e5ab5a0f4e0a3
      ...> master_repl_offset:1024
      ...> \""")
      {:offset, "8371445ee67e7c7d8d0e0a1e5d9e5ab5a0f4e0a3", 1024}
  """
  @spec token(iodata()) :: token()
  defdelegate token(info_reply), to: :eslaver

  @doc """
  Lets a replica whose callback is `{pid, %{demand: count}}` send `more` events more.

  When it ran out it sent `{:eslaver_passive, replica_pid}`.
  """
  @spec demand(replica(), pos_integer()) :: :ok | {:error, :no_demand | :not_running}
  defdelegate demand(replica, more), to: :eslaver

  @doc """
  Calls the handler of a replica, whose `c:Eslaver.Handler.handle_call/3` answers, also while it has
  paused the stream.

  In a cluster each shard has a handler: name it as `{replica, shard_id}`. A replica that does not
  run is `{:error, :not_running}`. The caller exits if there is no answer within the timeout, as
  with `GenServer.call/3`.
  """
  @spec call(replica() | {replica(), shard :: String.t()}, term(), timeout()) :: term()
  def call(replica, request, timeout \\ 5000), do: :eslaver.call(replica, request, timeout)

  @doc """
  Ends the pause of a replica whose handler has returned `{:pause, state}`.
  """
  @spec continue(replica()) :: :ok | not_running()
  defdelegate continue(replica), to: :eslaver

  @doc """
  Has a replica or mirror of a cluster look at the cluster's nodes at once, and ask the option
  `:shards` anew.
  """
  @spec refresh(replica()) :: :ok | {:error, :no_cluster} | not_running()
  defdelegate refresh(cluster), to: :eslaver

  @doc """
  Has the calling process told of every key that a command changes, once the callback has handled
  the command.

  A message is `{:eslaver, ref, {:key, command, key, %{db: db, offset: offset}}}`. What changes keys
  without naming them comes as `{:keys, command, which, meta}`. The filter may have `:keys`,
  `:commands` and `:dbs`:

      {:ok, ref} = Eslaver.subscribe(Commands, keys: "user:*")

  `ref` monitors the replica, too.
  """
  @spec subscribe(replica(), keyword() | map()) :: {:ok, reference()} | {:error, term()}
  def subscribe(replica, filter \\ []), do: :eslaver.subscribe(replica, filter)

  @doc """
  Ends a subscription. Nothing more comes of it, and what has come is taken out of the mailbox.
  """
  @spec unsubscribe(replica(), reference()) :: :ok | not_running()
  defdelegate unsubscribe(replica, ref), to: :eslaver

  @doc """
  Logs the telemetry events of all replicas and mirrors, a line for each. Options:

    * `:level` - of what is neither wrong nor frequent, by default `:info`
    * `:events` - a list of events, as `[:eslaver, :load, :start]`, or `:all`

  Without the library telemetry this is `{:error, :no_telemetry}`.
  """
  @spec attach_default_logger(keyword() | map()) :: :ok | {:error, term()}
  defdelegate attach_default_logger(options \\ []), to: :eslaver

  @doc """
  Ends what `attach_default_logger/1` began.
  """
  @spec detach_default_logger() :: :ok | {:error, :no_telemetry | :not_found}
  defdelegate detach_default_logger(), to: :eslaver

  @doc """
  A sentence that says what an error is about, and what was expected: of `{:error, reason}` or of
  the reason alone.

      iex> Eslaver.format_error({:invalid_option, :acknowledge, :sent})
      "the option acknowledge is sent: expected handled or received"

      iex> Eslaver.format_error({:error, :not_running})
      "there is no replica or mirror of this name"
  """
  @spec format_error(term()) :: String.t()
  defdelegate format_error(error), to: :eslaver

  @doc """
  The result, or for an `{:error, reason}` an `Eslaver.Error`.

  It works for each call that may fail, as the reads of a mirror:

      iex> Eslaver.unwrap!({:ok, :result})
      :result

      iex> Eslaver.unwrap!("a value")
      "a value"

      iex> Eslaver.unwrap!({:error, :not_running})
      ** (Eslaver.Error) there is no replica or mirror of this name
  """
  @spec unwrap!(result | {:ok, result} | {:error, term()}) :: result when result: term()
  def unwrap!({:ok, result}), do: result
  def unwrap!({:error, reason}), do: raise(Eslaver.Error, reason)
  def unwrap!(result), do: result
end
