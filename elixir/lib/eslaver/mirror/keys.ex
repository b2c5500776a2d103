defmodule Eslaver.Mirror.Keys do
  @moduledoc false
  # Reads of keys of any type, for `use` by `Eslaver.Mirror`.

  defmacro __using__(_options) do
    quote location: :keep do
      @doc """
      Whether a key exists; of a list of keys, how many do. A key named twice counts twice.

          iex> Eslaver.Mirror.exists(:shop, "user:1")
          true

          iex> Eslaver.Mirror.exists(:shop, ["user:1", "user:2", "scores"])
          2
      """
      @spec exists(mirror(), key() | [key()]) :: reply(boolean() | non_neg_integer())
      defdelegate exists(mirror, key), to: :eslaver_mirror

      @doc """
      As `exists/2`: a mirror does not keep when keys were used.

          iex> Eslaver.Mirror.touch(:shop, ["user:1", "user:2"])
          1
      """
      @spec touch(mirror(), key() | [key()]) :: reply(boolean() | non_neg_integer())
      defdelegate touch(mirror, key), to: :eslaver_mirror

      @doc """
      The type of a key's value. That of a module has a name, as in `{:module, "ReJSON-RL"}`.

          iex> Eslaver.Mirror.type(:shop, "user:1")
          :hash

          iex> Eslaver.Mirror.type(:shop, "missing")
          :none
      """
      @spec type(mirror(), key()) :: reply(type() | :none)
      defdelegate type(mirror, key), to: :eslaver_mirror

      @doc """
      Time to live in seconds, rounded: `:infinity` if the key does not expire, `nil` if it is
      missing.

          iex> Eslaver.Mirror.ttl(:shop, "user:1")
          :infinity

          iex> Eslaver.Mirror.ttl(:shop, "missing")
          nil
      """
      @spec ttl(mirror(), key()) :: reply(lifetime())
      defdelegate ttl(mirror, key), to: :eslaver_mirror

      @doc """
      Time to live in milliseconds, as `ttl/2`.

          iex> Eslaver.Mirror.pttl(:shop, "session") > 1000
          true
      """
      @spec pttl(mirror(), key()) :: reply(lifetime())
      defdelegate pttl(mirror, key), to: :eslaver_mirror

      @doc """
      Expiry as Unix time, in seconds.

          iex> Eslaver.Mirror.expiretime(:shop, "session")
          4102444800
      """
      @spec expiretime(mirror(), key()) :: reply(lifetime())
      defdelegate expiretime(mirror, key), to: :eslaver_mirror

      @doc """
      Expiry as Unix time, in milliseconds.

          iex> Eslaver.Mirror.pexpiretime(:shop, "session")
          4102444800000
      """
      @spec pexpiretime(mirror(), key()) :: reply(lifetime())
      defdelegate pexpiretime(mirror, key), to: :eslaver_mirror

      @doc """
      The keys that match a pattern, in no order. Not atomic: keys may change meanwhile.

          iex> Eslaver.Mirror.keys(:shop, "user:*")
          ["user:1"]
      """
      @spec keys(mirror(), binary()) :: reply([key()])
      defdelegate keys(mirror, glob), to: :eslaver_mirror

      @doc """
      Some of the keys, and the cursor for the next call. The first cursor is 0; the scan is
      complete when the next cursor is 0. See `stream/2` for all of them.

      A key that exists all the while is found, across writes and full resyncs. Options:

        * `:match` - a pattern
        * `:type` - a type
        * `:count` - about how many keys to look at, by default 10

      Example:

          iex> Eslaver.Mirror.scan(:shop, 0, match: "user:*", count: 1000)
          {0, ["user:1"]}
      """
      @spec scan(mirror(), non_neg_integer(), options()) ::
              reply({next :: non_neg_integer(), [key()]})
      defdelegate scan(mirror, cursor, options \\ []), to: :eslaver_mirror

      @doc """
      Folds over the keys. Keys that exist all the time are visited once; keys added or removed
      meanwhile may be. If the data is replaced meanwhile, the result is `{:error, :replaced}`.
      Options:

        * `:match` - a pattern
        * `:type` - a type

      Example:

          iex> Eslaver.Mirror.fold_keys(:shop, fn _key, count -> count + 1 end, 0, type: :hash)
          1
      """
      @spec fold_keys(mirror(), (key(), acc -> acc), acc, options()) ::
              reply(acc | {:error, :replaced})
            when acc: term()
      defdelegate fold_keys(mirror, fun, acc, options \\ []), to: :eslaver_mirror

      @doc """
      As `fold_keys/4`, with values: the function gets the key, `{type, value}` and the accumulator.

      A value is what the read of all of its elements gives, as `hgetall/2`. That of a module is
      `nil`; a key that cannot be read is `{:unknown, nil}`. Within `read/3` all values are of one
      moment.

          iex> users = fn "user:" <> id, {:hash, user}, acc -> Map.put(acc, id, user["name"]) end
          iex> Eslaver.Mirror.fold(:shop, users, %{}, match: "user:*")
          %{"1" => "Ada"}
      """
      @spec fold(
              mirror(),
              (key(), {type() | :unknown, value :: term()}, acc -> acc),
              acc,
              options()
            ) :: reply(acc | {:error, :replaced})
            when acc: term()
      defdelegate fold(mirror, fun, acc, options \\ []), to: :eslaver_mirror

      @doc """
      The number of keys. Expired keys count until the master removes them.

          iex> Eslaver.Mirror.dbsize({:shop, 9})
          0
      """
      @spec dbsize(mirror()) :: reply(non_neg_integer())
      defdelegate dbsize(mirror), to: :eslaver_mirror

      @doc """
      A random key.

          iex> Eslaver.Mirror.randomkey({:shop, 9})
          nil
      """
      @spec randomkey(mirror()) :: reply(key() | nil)
      defdelegate randomkey(mirror), to: :eslaver_mirror

      @doc """
      The value in the form of `DUMP`, for `RESTORE` of a server of the master's version or later,
      or for `Eslaver.RDB.decode_dump/1`. The time to live is not part of it.

          iex> Eslaver.RDB.decode_dump(Eslaver.Mirror.dump(:shop, "greeting"))
          {:ok, {:string, "Hello, world", %{}}}
      """
      @spec dump(mirror(), key()) :: reply(binary() | nil)
      defdelegate dump(mirror, key), to: :eslaver_mirror

      @doc """
      How the mirror keeps a value, which says nothing of the master.

          iex> Eslaver.Mirror.object_encoding(:shop, "queue")
          :packed
      """
      @spec object_encoding(mirror(), key()) ::
              reply(:packed | :ints | :chunks | :table | :tree | :module | nil)
      defdelegate object_encoding(mirror, key), to: :eslaver_mirror

      @doc """
      The bytes that a key with its value takes in the mirror, not at the master.

          iex> Eslaver.Mirror.memory_usage(:shop, "user:1") > 0
          true
      """
      @spec memory_usage(mirror(), key()) :: reply(pos_integer() | nil)
      defdelegate memory_usage(mirror, key), to: :eslaver_mirror

      @doc """
      The elements of a list, a set or a sorted set, sorted as numbers. Options:

        * `:by` - a pattern whose values to sort by, as `"weight_*"` or `"item_*->price"`, or
          `:nosort`
        * `:get` - patterns whose values the answer has for each element, `nil` for missing ones
        * `:limit` - `{start, count}`
        * `:order` - `:asc` or `:desc`
        * `:alpha` - `true` to sort as texts

      Example:

          iex> Eslaver.Mirror.sort_ro(:shop, "queue", alpha: true, order: :desc, limit: {0, 2})
          ["c", "b"]
      """
      @spec sort_ro(mirror(), key(), options()) :: reply([binary() | nil] | {:error, :not_a_number})
      defdelegate sort_ro(mirror, key, options \\ []), to: :eslaver_mirror
    end
  end
end
