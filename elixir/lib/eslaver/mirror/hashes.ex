defmodule Eslaver.Mirror.Hashes do
  @moduledoc false
  # Reads of hashes, for `use` by `Eslaver.Mirror`.

  defmacro __using__(_options) do
    quote location: :keep do
      @doc """
      The value of a field.

          iex> Eslaver.Mirror.hget(:shop, "user:1", "name")
          "Ada"

          iex> Eslaver.Mirror.hget(:shop, "user:1", "age")
          nil
      """
      @spec hget(mirror(), key(), binary()) :: reply(binary() | nil)
      defdelegate hget(mirror, key, field), to: :eslaver_mirror

      @doc """
      The values of several fields.

          iex> Eslaver.Mirror.hmget(:shop, "user:1", ["name", "age"])
          ["Ada", nil]
      """
      @spec hmget(mirror(), key(), [binary()]) :: reply([binary() | nil])
      defdelegate hmget(mirror, key, fields), to: :eslaver_mirror

      @doc """
      All fields with their values.

          iex> Eslaver.Mirror.hgetall(:shop, "user:1")
          %{"city" => "London", "name" => "Ada"}
      """
      @spec hgetall(mirror(), key()) :: reply(%{binary() => binary()})
      defdelegate hgetall(mirror, key), to: :eslaver_mirror

      @doc """
      The number of fields.

          iex> Eslaver.Mirror.hlen(:shop, "user:1")
          2
      """
      @spec hlen(mirror(), key()) :: reply(non_neg_integer())
      defdelegate hlen(mirror, key), to: :eslaver_mirror

      @doc """
      Whether a field exists.

          iex> Eslaver.Mirror.hexists(:shop, "user:1", "city")
          true
      """
      @spec hexists(mirror(), key(), binary()) :: reply(boolean())
      defdelegate hexists(mirror, key, field), to: :eslaver_mirror

      @doc """
      All fields, in no order.

          iex> Enum.sort(Eslaver.Mirror.hkeys(:shop, "user:1"))
          ["city", "name"]
      """
      @spec hkeys(mirror(), key()) :: reply([binary()])
      defdelegate hkeys(mirror, key), to: :eslaver_mirror

      @doc """
      All values, in no order.

          iex> Enum.sort(Eslaver.Mirror.hvals(:shop, "user:1"))
          ["Ada", "London"]
      """
      @spec hvals(mirror(), key()) :: reply([binary()])
      defdelegate hvals(mirror, key), to: :eslaver_mirror

      @doc """
      The length of a field's value in bytes, 0 if the field is missing.

          iex> Eslaver.Mirror.hstrlen(:shop, "user:1", "city")
          6
      """
      @spec hstrlen(mirror(), key(), binary()) :: reply(non_neg_integer())
      defdelegate hstrlen(mirror, key, field), to: :eslaver_mirror

      @doc """
      A random field.

          iex> Eslaver.Mirror.hrandfield(:shop, "missing")
          nil
      """
      @spec hrandfield(mirror(), key()) :: reply(binary() | nil)
      defdelegate hrandfield(mirror, key), to: :eslaver_mirror

      @doc """
      `count` random fields, all different; with a negative count, fields that may repeat. With
      `with_values: true` also their values.

          iex> Enum.sort(Eslaver.Mirror.hrandfield(:shop, "user:1", 5, with_values: true))
          [{"city", "London"}, {"name", "Ada"}]
      """
      @spec hrandfield(mirror(), key(), integer(), options()) ::
              reply([binary()] | [{binary(), binary()}])
      defdelegate hrandfield(mirror, key, count, options \\ []), to: :eslaver_mirror

      @doc """
      Some of the fields with their values, and the cursor for the next call. The first cursor is 0;
      the scan is complete when the next cursor is 0. Options:

        * `:match` - a pattern
        * `:count` - about how many fields to look at, by default 10

      Example:

          iex> Eslaver.Mirror.hscan(:shop, "user:1", 0, match: "n*")
          {0, [{"name", "Ada"}]}
      """
      @spec hscan(mirror(), key(), non_neg_integer(), options()) ::
              reply({next :: non_neg_integer(), [{binary(), binary()}]})
      defdelegate hscan(mirror, key, cursor, options \\ []), to: :eslaver_mirror

      @doc """
      The times to live of fields in seconds, rounded as the master does: up on Redis, to the
      nearest second on Valkey.

          iex> Eslaver.Mirror.httl(:shop, "user:1", ["name", "age"])
          [:infinity, nil]
      """
      @spec httl(mirror(), key(), [binary()]) :: reply([lifetime()])
      defdelegate httl(mirror, key, fields), to: :eslaver_mirror

      @doc """
      As `httl/3`, in milliseconds.

          iex> Eslaver.Mirror.hpttl(:shop, "user:1", ["name"])
          [:infinity]
      """
      @spec hpttl(mirror(), key(), [binary()]) :: reply([lifetime()])
      defdelegate hpttl(mirror, key, fields), to: :eslaver_mirror

      @doc """
      The expiry of fields as Unix time, in seconds.

          iex> Eslaver.Mirror.hexpiretime(:shop, "user:1", ["name"])
          [:infinity]
      """
      @spec hexpiretime(mirror(), key(), [binary()]) :: reply([lifetime()])
      defdelegate hexpiretime(mirror, key, fields), to: :eslaver_mirror

      @doc """
      As `hexpiretime/3`, in milliseconds.

          iex> Eslaver.Mirror.hpexpiretime(:shop, "user:1", ["age"])
          [nil]
      """
      @spec hpexpiretime(mirror(), key(), [binary()]) :: reply([lifetime()])
      defdelegate hpexpiretime(mirror, key, fields), to: :eslaver_mirror
    end
  end
end
