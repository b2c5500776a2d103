defmodule Eslaver.Mirror do
  @moduledoc """
  A whole Redis dataset in the node: a replica whose data every process can read, with the names of
  Redis' own commands, at memory speed and without sending a message.

      children = [{Eslaver.Mirror, name: :shop, host: "redis.example.net"}]
      Supervisor.start_link(children, strategy: :one_for_one)

      :ok = Eslaver.Mirror.await(:shop, :loaded)
      Eslaver.Mirror.hget(:shop, "user:1", "name")

  One convention holds for all reads:

    * The mirror comes first: its name, or `{name, db}`. Then comes the key, or a list of keys, then
      what the command needs, in Redis' order.
    * Everything else is optional, and comes last as a keyword list or a map. Options have the words
      of Redis in snake case: `WITHSCORES` is `with_scores: true`.
    * Keys, fields, members and values are binaries; numbers are integers or floats, and scores may
      also be `:inf` and `:"-inf"`.
    * What is missing is `nil`. Collections of a missing key are empty, and counts are 0.
    * Times to live are integers, `:infinity` for what does not expire, and `nil` for what is
      missing.
    * A read that has no answer is `{:error, reason}`: see `t:failure/0`. `Eslaver.unwrap!/1` raises
      it instead.
    * Arguments that are none raise an `ArgumentError`, as does a misspelt option.

  ## Options

  Those of `Eslaver`, and

    * `:name` - an atom, by default `Eslaver.Mirror`
    * `:full_resync` - `:beside` keeps the old data readable while a new snapshot is loaded, and
      `:in_place` drops it first
    * `:serve_stale_data` - whether reads are answered while the data is stale, by default `true`
    * `:fresh_within` - for how many ms there may be something unhandled before the data counts as
      stale, by default `:infinity`
    * `:max_memory` - the most bytes that the data may take
    * `:persist` - a file, or `[file: path, interval: milliseconds]`: the mirror saves itself there,
      and restores itself from it when it starts
    * `:project` - keys that are kept as rows of ETS tables
    * `:undefined` - what reads answer for what is missing, here by default `nil`. A mirror that is
      started by the Erlang package, without this option, answers `:undefined`
    * `:callback` - the same replication also gives its events to a callback, as of `Eslaver`
  """

  alias Eslaver.{Absent, Options}

  @typedoc "The name of a mirror, for its db 0, or `{name, db}`."
  @type mirror() :: atom() | {atom(), db :: non_neg_integer()}

  @type key() :: binary()

  @typedoc "Options of a read."
  @type options() :: keyword() | map()

  @typedoc """
  Why a read has no answer: there is no such mirror, it has no data yet, its data is too old (only
  with `serve_stale_data: false`), no shard of the cluster has the key's slot, the key has another
  type, or a command that could not be mirrored wrote it.
  """
  @type failure() ::
          {:error, :not_running | :loading | :stale | :not_served | :wrongtype | :unknown}

  @type reply(answer) :: answer | failure()

  @type type() :: :eslaver_mirror_types.value_type()

  @typedoc "`:infinity`: it does not expire; `nil`: it is missing."
  @type lifetime() :: non_neg_integer() | :infinity | nil

  @type score() :: float() | :inf | :"-inf"

  @typedoc "Of a sorted set, by index, score or name."
  @type range_bound() :: integer() | score_bound() | lex_bound()

  @type score_bound() :: number() | :inf | :"-inf" | {:exclusive, number() | :inf | :"-inf"}

  @type lex_bound() :: {:inclusive | :exclusive, binary()} | :- | :+

  @typedoc "With scores if `:with_scores` is `true`."
  @type members() :: [binary()] | [{member :: binary(), score()}]

  @type zscan_cursor() :: 0 | {score(), binary()}

  @type unit() :: :m | :km | :ft | :mi

  @typedoc """
  The id of a stream's entry, as `"1526919030474-55"`; `:-` and `:+` are the least and the greatest.
  """
  @type entry_bound() :: binary() | {:exclusive, binary()} | :- | :+

  @type entry() :: {id :: binary(), [{field :: binary(), value :: binary()}]}

  @type pending_entry() ::
          {id :: binary(), consumer :: binary(), idle_ms :: integer(),
           deliveries :: non_neg_integer()}

  @typedoc "Of an array."
  @type index() :: non_neg_integer()

  use Eslaver.Mirror.Keys
  use Eslaver.Mirror.Strings
  use Eslaver.Mirror.Lists
  use Eslaver.Mirror.Sets
  use Eslaver.Mirror.SortedSets
  use Eslaver.Mirror.Geo
  use Eslaver.Mirror.Hashes
  use Eslaver.Mirror.Streams
  use Eslaver.Mirror.Arrays
  use Eslaver.Mirror.VectorSets
  use Eslaver.Mirror.PathHashes

  @doc """
  Starts a mirror, linked to the caller.

  A master that is out of reach is no error: the mirror keeps trying, and its reads are
  `{:error, :loading}` until there is data.
  """
  @spec start_link(Eslaver.options()) :: GenServer.on_start()
  def start_link(options \\ []), do: options |> Options.mirror() |> :eslaver_mirror.start_link()

  @doc """
  A mirror for a supervisor, so that `{Eslaver.Mirror, options}` is a child. Its id is its name.

      iex> Eslaver.Mirror.child_spec(name: :users, url: "redis://:secret@localhost").id
      :users
  """
  @spec child_spec(Eslaver.options()) :: Supervisor.child_spec()
  def child_spec(options), do: options |> Options.mirror() |> :eslaver_mirror.child_spec()

  @doc """
  As `Eslaver.format_error/1`.
  """
  @spec format_error(term()) :: String.t()
  defdelegate format_error(error), to: :eslaver_mirror

  @doc """
  Stops a mirror. Its data is freed, and a supervisor starts it anew.
  """
  @spec stop(atom()) :: :ok | {:error, :not_running}
  defdelegate stop(name), to: :eslaver_mirror

  @doc """
  Waits until the first snapshot (`:loaded`), or the write that an `t:Eslaver.token/0` names, can be
  read.

      iex> Eslaver.Mirror.await(:shop, :loaded)
      :ok
  """
  @spec await(atom(), :loaded | Eslaver.token(), timeout()) ::
          :ok | {:error, :timeout | :diverged | :which_shard | :not_running}
  def await(name, what, timeout \\ 5000), do: :eslaver_mirror.await(name, what, timeout)

  @doc """
  Whether the data is `:fresh`, `:stale` (the link to the master is down, or the mirror is behind)
  or `:loading` (there is none yet). It sends no message.

      iex> Eslaver.Mirror.status(:shop)
      :fresh
  """
  @spec status(mirror()) :: :fresh | :stale | :loading | {:error, :not_running}
  defdelegate status(mirror), to: :eslaver_mirror

  @doc """
  The state of a mirror: a map with `:status`, `:keys`, `:memory` and `:types`, `:offset`, `:lag`,
  `:projections`, `:last_save`, and with `:replica` as of `Eslaver.info/1`.
  """
  @spec info(atom()) :: map() | {:error, :not_running}
  def info(name), do: name |> :eslaver_mirror.info() |> Absent.to_nil()

  @doc """
  As `Eslaver.health/1`: it is `:ok` when `status/1` is `:fresh`.

      iex> Eslaver.Mirror.health(:shop)
      :ok
  """
  @spec health(atom()) :: :ok | {:error, :eslaver.health()}
  defdelegate health(name), to: :eslaver_mirror

  @doc """
  The libraries of functions that the master has. The mirror runs none of them.

      iex> Eslaver.Mirror.functions(:shop)
      %{}
  """
  @spec functions(atom()) :: %{(library :: binary()) => code :: binary()} | {:error, :not_running}
  defdelegate functions(name), to: :eslaver_mirror

  @doc """
  As `Eslaver.subscribe/2`. A notification comes when the change can be read.

      {:ok, ref} = Eslaver.Mirror.subscribe(:shop, keys: "user:*")
  """
  @spec subscribe(atom(), keyword() | map()) :: {:ok, reference()} | {:error, term()}
  def subscribe(name, filter \\ []), do: :eslaver_mirror.subscribe(name, filter)

  @doc """
  Ends a subscription.
  """
  @spec unsubscribe(atom(), reference()) :: :ok | {:error, :not_running}
  defdelegate unsubscribe(name, ref), to: :eslaver_mirror

  @doc """
  Runs a function whose reads of this mirror all see one moment: between two commands, and between
  two transactions, of the master. It may run more than once, so it should only read.

  Of a cluster the reads are all of one slot, unless `slots: :any` is given: then what the streams
  of different shards have changed may be of different moments.

      iex> Eslaver.Mirror.read(:shop, fn ->
      ...>   for member <- Eslaver.Mirror.zrange(:shop, "scores", 0, 0),
      ...>       do: {member, Eslaver.Mirror.zscore(:shop, "bonus", member)}
      ...> end)
      [{"ada", nil}]
  """
  @spec read(mirror(), (() -> result), options()) :: result when result: term()
  defdelegate read(mirror, fun, options \\ []), to: :eslaver_mirror

  @doc """
  Saves the data in an RDB file that a server of the master's version loads.
  """
  @spec save(atom(), Path.t()) ::
          :ok | {:error, :not_running | :loading | :incomplete | (why :: String.t())}
  defdelegate save(name, path), to: :eslaver_mirror

  @doc """
  A stream of the keys, read with `scan/3`, whose options it takes. A failure is raised as an
  `Eslaver.Error`.

      iex> :shop |> Eslaver.Mirror.stream(match: "tags:*", count: 100) |> Enum.sort()
      ["tags:1", "tags:2"]
  """
  @spec stream(mirror(), options()) :: Enumerable.t()
  def stream(mirror, options \\ []) do
    Stream.unfold(0, fn
      nil ->
        nil

      cursor ->
        {next, keys} = Eslaver.unwrap!(scan(mirror, cursor, options))
        {keys, if(next != 0, do: next)}
    end)
    |> Stream.concat()
  end
end
