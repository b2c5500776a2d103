defmodule Eslaver.Mirror.Streams do
  @moduledoc false
  # Reads of streams, for `use` by `Eslaver.Mirror`.

  defmacro __using__(_options) do
    quote location: :keep do
      @doc """
      The number of entries of a stream.

          iex> Eslaver.Mirror.xlen(:shop, "events")
          2
      """
      @spec xlen(mirror(), key()) :: reply(non_neg_integer())
      defdelegate xlen(mirror, key), to: :eslaver_mirror

      @doc """
      The entries from one id to another, at most `:count`.

          iex> Eslaver.Mirror.xrange(:shop, "events", :-, :+, count: 1)
          [{"1-0", [{"type", "login"}]}]
      """
      @spec xrange(mirror(), key(), entry_bound(), entry_bound(), options()) :: reply([entry()])
      defdelegate xrange(mirror, key, first, last, options \\ []), to: :eslaver_mirror

      @doc """
      As `xrange/5`, from the greatest id to the least.

          iex> Eslaver.Mirror.xrevrange(:shop, "events", :+, {:exclusive, "1-0"})
          [{"2-0", [{"type", "logout"}]}]
      """
      @spec xrevrange(mirror(), key(), entry_bound(), entry_bound(), options()) :: reply([entry()])
      defdelegate xrevrange(mirror, key, last, first, options \\ []), to: :eslaver_mirror

      @doc """
      The entries after an id of each stream, of one moment; at most `:count` of each. Streams
      without such entries are left out. It never blocks; `subscribe/2` tells when to read again.

          iex> Eslaver.Mirror.xread(:shop, [{"events", "1-0"}])
          [{"events", [{"2-0", [{"type", "logout"}]}]}]
      """
      @spec xread(mirror(), %{key() => binary()} | [{key(), binary()}], options()) ::
              reply([{key(), [entry(), ...]}])
      defdelegate xread(mirror, streams, options \\ []), to: :eslaver_mirror

      @doc """
      The reply of `XINFO STREAM`, except how a server stores the stream. With `full: true` it has
      the entries and groups, at most `:count` entries of each, by default 10, or all with 0.

          iex> Eslaver.Mirror.xinfo_stream(:shop, "events").last_generated_id
          "2-0"

          iex> Eslaver.Mirror.xinfo_stream(:shop, "events", full: true, count: 1).entries
          [{"1-0", [{"type", "login"}]}]
      """
      @spec xinfo_stream(mirror(), key(), options()) :: reply(map() | nil)
      defdelegate xinfo_stream(mirror, key, options \\ []), to: :eslaver_mirror

      @doc """
      The consumer groups of a stream, by name. `:lag` and `:entries_read` are `nil` if the master
      does not know them.

          iex> [group] = Eslaver.Mirror.xinfo_groups(:shop, "events")
          iex> {group.name, group.pending, group.lag}
          {"workers", 1, 1}
      """
      @spec xinfo_groups(mirror(), key()) :: reply([map()] | nil)
      defdelegate xinfo_groups(mirror, key), to: :eslaver_mirror

      @doc """
      The consumers of a group, by name. Those that have only made reads that returned nothing may
      be missing, and `:idle` may be too long: masters do not replicate such reads.

          iex> [consumer] = Eslaver.Mirror.xinfo_consumers(:shop, "events", "workers")
          iex> consumer.name
          "ada"
      """
      @spec xinfo_consumers(mirror(), key(), binary()) :: reply([map()] | nil)
      defdelegate xinfo_consumers(mirror, key, group), to: :eslaver_mirror

      @doc """
      The number of entries pending in a group, the first and the last of them, and the number for
      each consumer.

          iex> Eslaver.Mirror.xpending(:shop, "events", "workers")
          {1, "1-0", "1-0", [{"ada", 1}]}
      """
      @spec xpending(mirror(), key(), binary()) ::
              reply(
                {non_neg_integer(), binary() | nil, binary() | nil, [{binary(), pos_integer()}]}
                | nil
              )
      defdelegate xpending(mirror, key, group), to: :eslaver_mirror

      @doc """
      The entries pending in a group, at most `count`: only those of one `:consumer`, or that have
      been idle for `:idle` milliseconds.

          iex> options = [consumer: "ada", idle: 0]
          iex> [pending] = Eslaver.Mirror.xpending(:shop, "events", "workers", :-, :+, 10, options)
          iex> {"1-0", "ada", idle, 1} = pending
          iex> is_integer(idle)
          true
      """
      @spec xpending(
              mirror(),
              key(),
              binary(),
              entry_bound(),
              entry_bound(),
              integer() | :infinity,
              options()
            ) :: reply([pending_entry()] | nil)
      defdelegate xpending(mirror, key, group, first, last, count, options \\ []),
        to: :eslaver_mirror
    end
  end
end
