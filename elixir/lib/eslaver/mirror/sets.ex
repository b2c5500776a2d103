defmodule Eslaver.Mirror.Sets do
  @moduledoc false
  # Reads of sets, for `use` by `Eslaver.Mirror`.

  defmacro __using__(_options) do
    quote location: :keep do
      @doc """
      The number of members of a set.

          iex> Eslaver.Mirror.scard(:shop, "tags:1")
          3
      """
      @spec scard(mirror(), key()) :: reply(non_neg_integer())
      defdelegate scard(mirror, key), to: :eslaver_mirror

      @doc """
      Whether it is a member.

          iex> Eslaver.Mirror.sismember(:shop, "tags:1", "erlang")
          true
      """
      @spec sismember(mirror(), key(), binary()) :: reply(boolean())
      defdelegate sismember(mirror, key, member), to: :eslaver_mirror

      @doc """
      Whether each is a member.

          iex> Eslaver.Mirror.smismember(:shop, "tags:1", ["erlang", "rust"])
          [true, false]
      """
      @spec smismember(mirror(), key(), [binary()]) :: reply([boolean()])
      defdelegate smismember(mirror, key, members), to: :eslaver_mirror

      @doc """
      All members, in no order.

          iex> Enum.sort(Eslaver.Mirror.smembers(:shop, "tags:1"))
          ["elixir", "erlang", "redis"]
      """
      @spec smembers(mirror(), key()) :: reply([binary()])
      defdelegate smembers(mirror, key), to: :eslaver_mirror

      @doc """
      A random member.

          iex> Eslaver.Mirror.srandmember(:shop, "missing")
          nil
      """
      @spec srandmember(mirror(), key()) :: reply(binary() | nil)
      defdelegate srandmember(mirror, key), to: :eslaver_mirror

      @doc """
      `count` random members, all different; with a negative count, members that may repeat.

          iex> length(Eslaver.Mirror.srandmember(:shop, "tags:1", -10))
          10
      """
      @spec srandmember(mirror(), key(), integer()) :: reply([binary()])
      defdelegate srandmember(mirror, key, count), to: :eslaver_mirror

      @doc """
      Some of the members, and the cursor for the next call. The first cursor is 0; the scan is
      complete when the next cursor is 0. It finds every member that the set has all the while.
      Options:

        * `:match` - a pattern
        * `:count` - about how many members to look at, by default 10

      Example:

          iex> Eslaver.Mirror.sscan(:shop, "tags:1", 0, match: "red*")
          {0, ["redis"]}
      """
      @spec sscan(mirror(), key(), non_neg_integer(), options()) ::
              reply({next :: non_neg_integer(), [binary()]})
      defdelegate sscan(mirror, key, cursor, options \\ []), to: :eslaver_mirror

      @doc """
      The members that all of these sets have.

          iex> Eslaver.Mirror.sinter(:shop, ["tags:1", "tags:2"])
          ["elixir"]
      """
      @spec sinter(mirror(), [key(), ...]) :: reply([binary()])
      defdelegate sinter(mirror, keys), to: :eslaver_mirror

      @doc """
      The members that any of these sets has.

          iex> Enum.sort(Eslaver.Mirror.sunion(:shop, ["tags:1", "tags:2"]))
          ["elixir", "erlang", "redis", "rust"]
      """
      @spec sunion(mirror(), [key(), ...]) :: reply([binary()])
      defdelegate sunion(mirror, keys), to: :eslaver_mirror

      @doc """
      The members that the first of these sets has and no other.

          iex> Eslaver.Mirror.sdiff(:shop, ["tags:2", "tags:1"])
          ["rust"]
      """
      @spec sdiff(mirror(), [key(), ...]) :: reply([binary()])
      defdelegate sdiff(mirror, keys), to: :eslaver_mirror

      @doc """
      The number of members that all of these sets have, at most `:limit`.

          iex> Eslaver.Mirror.sintercard(:shop, ["tags:1", "tags:2"])
          1
      """
      @spec sintercard(mirror(), [key(), ...], options()) :: reply(non_neg_integer())
      defdelegate sintercard(mirror, keys, options \\ []), to: :eslaver_mirror

      @doc """
      The number of members that any of these sets has, at most `:limit`.

          iex> Eslaver.Mirror.sunioncard(:shop, ["tags:1", "tags:2"], limit: 3)
          3
      """
      @spec sunioncard(mirror(), [key(), ...], options()) :: reply(non_neg_integer())
      defdelegate sunioncard(mirror, keys, options \\ []), to: :eslaver_mirror

      @doc """
      The number of members that the first of these sets has and no other, at most `:limit`.

          iex> Eslaver.Mirror.sdiffcard(:shop, ["tags:1", "tags:2"])
          2
      """
      @spec sdiffcard(mirror(), [key(), ...], options()) :: reply(non_neg_integer())
      defdelegate sdiffcard(mirror, keys, options \\ []), to: :eslaver_mirror

      @doc """
      The times to live of members in seconds, rounded as by `httl/3`.

          iex> Eslaver.Mirror.sttl(:shop, "tags:1", ["erlang", "rust"])
          [:infinity, nil]
      """
      @spec sttl(mirror(), key(), [binary()]) :: reply([lifetime()])
      defdelegate sttl(mirror, key, members), to: :eslaver_mirror

      @doc """
      As `sttl/3`, in milliseconds.

          iex> Eslaver.Mirror.spttl(:shop, "tags:1", ["erlang"])
          [:infinity]
      """
      @spec spttl(mirror(), key(), [binary()]) :: reply([lifetime()])
      defdelegate spttl(mirror, key, members), to: :eslaver_mirror

      @doc """
      The expiry of members as Unix time, in seconds.

          iex> Eslaver.Mirror.sexpiretime(:shop, "tags:1", ["erlang"])
          [:infinity]
      """
      @spec sexpiretime(mirror(), key(), [binary()]) :: reply([lifetime()])
      defdelegate sexpiretime(mirror, key, members), to: :eslaver_mirror

      @doc """
      As `sexpiretime/3`, in milliseconds.

          iex> Eslaver.Mirror.spexpiretime(:shop, "tags:1", ["rust"])
          [nil]
      """
      @spec spexpiretime(mirror(), key(), [binary()]) :: reply([lifetime()])
      defdelegate spexpiretime(mirror, key, members), to: :eslaver_mirror
    end
  end
end
