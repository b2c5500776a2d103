defmodule Eslaver.Mirror.Arrays do
  @moduledoc false
  # Reads of arrays, a type of Redis 8.8 and later, for `use` by `Eslaver.Mirror`.

  defmacro __using__(_options) do
    quote location: :keep do
      @doc """
      The element of an array at an index; `nil` at a gap.

          iex> Eslaver.Mirror.arget(:shop, "missing", 0)
          nil
      """
      @spec arget(mirror(), key(), index()) :: reply(binary() | nil)
      defdelegate arget(mirror, key, index), to: :eslaver_mirror

      @doc """
      The elements at several indexes.

          iex> Eslaver.Mirror.armget(:shop, "missing", [0, 7])
          [nil, nil]
      """
      @spec armget(mirror(), key(), [index()]) :: reply([binary() | nil])
      defdelegate armget(mirror, key, indexes), to: :eslaver_mirror

      @doc """
      The elements from one index to another, gaps included; in reverse order if `from` is greater.
      More than 1,000,000 indexes are `{:error, :range_too_large}`.

          iex> Eslaver.Mirror.argetrange(:shop, "missing", 0, 1_000_000)
          {:error, :range_too_large}
      """
      @spec argetrange(mirror(), key(), index(), index()) ::
              reply([binary() | nil] | {:error, :range_too_large})
      defdelegate argetrange(mirror, key, from, to), to: :eslaver_mirror

      @doc """
      The greatest index that has an element, plus one.

          iex> Eslaver.Mirror.arlen(:shop, "missing")
          0
      """
      @spec arlen(mirror(), key()) :: reply(non_neg_integer())
      defdelegate arlen(mirror, key), to: :eslaver_mirror

      @doc """
      The number of elements of an array.

          iex> Eslaver.Mirror.arcount(:shop, "missing")
          0
      """
      @spec arcount(mirror(), key()) :: reply(non_neg_integer())
      defdelegate arcount(mirror, key), to: :eslaver_mirror

      @doc """
      The index at which `ARINSERT` puts the next element; `nil` if no index is left.

          iex> Eslaver.Mirror.arnext(:shop, "missing")
          0
      """
      @spec arnext(mirror(), key()) :: reply(index() | nil)
      defdelegate arnext(mirror, key), to: :eslaver_mirror

      @doc """
      The reply of `ARINFO`, except how a server stores the array.

          iex> Eslaver.Mirror.arinfo(:shop, "missing")
          nil
      """
      @spec arinfo(mirror(), key()) :: reply(map() | nil)
      defdelegate arinfo(mirror, key), to: :eslaver_mirror

      @doc """
      The elements from one index to another without gaps, at most `:limit`; in reverse order if
      `from` is greater.

          iex> Eslaver.Mirror.arscan(:shop, "missing", 0, 100, limit: 10)
          []
      """
      @spec arscan(mirror(), key(), index(), index(), options()) :: reply([{index(), binary()}])
      defdelegate arscan(mirror, key, from, to, options \\ []), to: :eslaver_mirror

      @doc """
      At most `count` positions up to the element inserted last, gaps included; with `rev: true` the
      newest first.

          iex> Eslaver.Mirror.arlastitems(:shop, "missing", 3)
          []
      """
      @spec arlastitems(mirror(), key(), integer(), options()) ::
              reply([binary() | nil] | {:error, :range_too_large})
      defdelegate arlastitems(mirror, key, count, options \\ []), to: :eslaver_mirror

      @doc """
      The indexes of elements that match. Options:

        * `:exact`, `:match`, `:glob` - lists of texts that an element equals, contains, or matches
        * `:combine` - `:or`, the default: one of all these; or `:and`: every one
        * `:nocase` - `true` to ignore the case of ASCII letters
        * `:limit` - how many at most
        * `:with_values` - `true` for `{index, element}`

      Regular expressions are not supported.

          iex> Eslaver.Mirror.argrep(:shop, "missing", :-, :+, glob: ["user:*"])
          []
      """
      @spec argrep(mirror(), key(), :- | :+ | index(), :- | :+ | index(), options()) ::
              reply([index()] | [{index(), binary()}])
      defdelegate argrep(mirror, key, from, to, options), to: :eslaver_mirror

      @doc """
      Aggregates the elements from one index to another: those that are numbers, the number of
      elements (`:used`), or the number of those equal to a text. Without numbers it is `nil`.

          iex> Eslaver.Mirror.arop(:shop, "missing", 0, 100, :used)
          0
      """
      @spec arop(
              mirror(),
              key(),
              index(),
              index(),
              :sum | :min | :max | :and | :or | :xor | :used | {:match, binary()}
            ) :: reply(integer() | score() | nil)
      defdelegate arop(mirror, key, from, to, operation), to: :eslaver_mirror
    end
  end
end
