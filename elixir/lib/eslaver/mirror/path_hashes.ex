defmodule Eslaver.Mirror.PathHashes do
  @moduledoc false
  # Reads of path hashes, a type of Valkey 9.2 and later, for `use` by `Eslaver.Mirror`.

  defmacro __using__(_options) do
    quote location: :keep do
      @doc """
      The number of paths of a path hash.

          iex> Eslaver.Mirror.phcard(:shop, "missing")
          0
      """
      @spec phcard(mirror(), key()) :: reply(non_neg_integer())
      defdelegate phcard(mirror, key), to: :eslaver_mirror

      @doc """
      Whether a path exists.

          iex> Eslaver.Mirror.phexists(:shop, "missing", "/a")
          false
      """
      @spec phexists(mirror(), key(), binary()) :: reply(boolean())
      defdelegate phexists(mirror, key, path), to: :eslaver_mirror

      @doc """
      The value of a field of a path.

          iex> Eslaver.Mirror.phget(:shop, "missing", "/a", "owner")
          nil
      """
      @spec phget(mirror(), key(), binary(), binary()) :: reply(binary() | nil)
      defdelegate phget(mirror, key, path, field), to: :eslaver_mirror

      @doc """
      The values of several fields of a path.

          iex> Eslaver.Mirror.phmget(:shop, "missing", "/a", ["owner", "size"])
          [nil, nil]
      """
      @spec phmget(mirror(), key(), binary(), [binary()]) :: reply([binary() | nil])
      defdelegate phmget(mirror, key, path, fields), to: :eslaver_mirror

      @doc """
      All fields of a path with their values.

          iex> Eslaver.Mirror.phgetall(:shop, "missing", "/a")
          %{}
      """
      @spec phgetall(mirror(), key(), binary()) :: reply(%{binary() => binary()})
      defdelegate phgetall(mirror, key, path), to: :eslaver_mirror

      @doc """
      The longest path that is a prefix of a text.

          iex> Eslaver.Mirror.phlongest(:shop, "missing", "/a/b/c")
          nil
      """
      @spec phlongest(mirror(), key(), binary()) :: reply(binary() | nil)
      defdelegate phlongest(mirror, key, query), to: :eslaver_mirror

      @doc """
      All paths that are prefixes of a text, the shortest first: only those of at most `:maxlen`
      bytes, and of these the `:count` longest.

          iex> Eslaver.Mirror.phprefixes(:shop, "missing", "/a/b/c", count: 2)
          []
      """
      @spec phprefixes(mirror(), key(), binary(), options()) :: reply([binary()])
      defdelegate phprefixes(mirror, key, query, options \\ []), to: :eslaver_mirror

      @doc """
      Some of the paths, in the order of their bytes, and the cursor for the next call. The first
      cursor is 0; the scan is complete when the next cursor is 0. Options:

        * `:prefix` - only paths that begin with it
        * `:count` - how many paths at most, by default 10

      Example:

          iex> Eslaver.Mirror.phscan(:shop, "missing", 0)
          {0, []}
      """
      @spec phscan(mirror(), key(), 0 | binary(), options()) ::
              reply({next :: 0 | binary(), [binary()]})
      defdelegate phscan(mirror, key, cursor, options \\ []), to: :eslaver_mirror
    end
  end
end
