defmodule Eslaver.Mirror.Lists do
  @moduledoc false
  # Reads of lists, for `use` by `Eslaver.Mirror`.

  defmacro __using__(_options) do
    quote location: :keep do
      @doc """
      The number of elements of a list.

          iex> Eslaver.Mirror.llen(:shop, "queue")
          4
      """
      @spec llen(mirror(), key()) :: reply(non_neg_integer())
      defdelegate llen(mirror, key), to: :eslaver_mirror

      @doc """
      The elements from one index to another, inclusive; negative indexes count from the end.

          iex> Eslaver.Mirror.lrange(:shop, "queue", 0, -1)
          ["a", "b", "c", "b"]
      """
      @spec lrange(mirror(), key(), integer(), integer()) :: reply([binary()])
      defdelegate lrange(mirror, key, first, last), to: :eslaver_mirror

      @doc """
      The element at an index.

          iex> Eslaver.Mirror.lindex(:shop, "queue", -1)
          "b"
      """
      @spec lindex(mirror(), key(), integer()) :: reply(binary() | nil)
      defdelegate lindex(mirror, key, index), to: :eslaver_mirror

      @doc """
      The index of an equal element. Options:

        * `:rank` - 2 for the second one and so on, from the end if it is negative
        * `:count` - gives a list of at most this many indexes, or of all if it is 0
        * `:maxlen` - how many elements to look at, 0 for all

      Example:

          iex> Eslaver.Mirror.lpos(:shop, "queue", "b")
          1

          iex> Eslaver.Mirror.lpos(:shop, "queue", "b", count: 0)
          [1, 3]
      """
      @spec lpos(mirror(), key(), binary(), options()) ::
              reply(non_neg_integer() | nil | [non_neg_integer()])
      defdelegate lpos(mirror, key, element, options \\ []), to: :eslaver_mirror
    end
  end
end
