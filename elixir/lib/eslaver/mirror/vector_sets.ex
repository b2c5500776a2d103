defmodule Eslaver.Mirror.VectorSets do
  @moduledoc false
  # Reads of vector sets, a type of Redis 8 and later, for `use` by `Eslaver.Mirror`.

  defmacro __using__(_options) do
    quote location: :keep do
      @doc """
      The number of elements of a vector set. Similarity search (`VSIM`) is not supported.

          iex> Eslaver.Mirror.vcard(:shop, "missing")
          0
      """
      @spec vcard(mirror(), key()) :: reply(non_neg_integer())
      defdelegate vcard(mirror, key), to: :eslaver_mirror

      @doc """
      The dimension of a vector set's vectors.

          iex> Eslaver.Mirror.vdim(:shop, "missing")
          nil
      """
      @spec vdim(mirror(), key()) :: reply(pos_integer() | nil)
      defdelegate vdim(mirror, key), to: :eslaver_mirror

      @doc """
      The reply of `VINFO`, except what concerns the server's graph.

          iex> Eslaver.Mirror.vinfo(:shop, "missing")
          nil
      """
      @spec vinfo(mirror(), key()) :: reply(map() | nil)
      defdelegate vinfo(mirror, key), to: :eslaver_mirror

      @doc """
      Whether an element exists.

          iex> Eslaver.Mirror.vismember(:shop, "missing", "apple")
          false
      """
      @spec vismember(mirror(), key(), binary()) :: reply(boolean())
      defdelegate vismember(mirror, key, element), to: :eslaver_mirror

      @doc """
      The JSON attribute of an element.

          iex> Eslaver.Mirror.vgetattr(:shop, "missing", "apple")
          nil
      """
      @spec vgetattr(mirror(), key(), binary()) :: reply(binary() | nil)
      defdelegate vgetattr(mirror, key, element), to: :eslaver_mirror

      @doc """
      The vector of an element, as exact as a server keeps it; with `raw: true` as a server keeps
      it.

          iex> Eslaver.Mirror.vemb(:shop, "missing", "apple")
          nil
      """
      @spec vemb(mirror(), key(), binary(), options()) ::
              reply(
                [float()]
                | {:f32 | :int8 | :bin, binary(), l2 :: float(), range :: float()}
                | nil
              )
      defdelegate vemb(mirror, key, element, options \\ []), to: :eslaver_mirror

      @doc """
      The elements between two names in the order of their bytes, at most `:count`.

          iex> Eslaver.Mirror.vrange(:shop, "missing", :-, :+, count: 10)
          []
      """
      @spec vrange(mirror(), key(), lex_bound(), lex_bound(), options()) :: reply([binary()])
      defdelegate vrange(mirror, key, low, high, options \\ []), to: :eslaver_mirror

      @doc """
      A random element.

          iex> Eslaver.Mirror.vrandmember(:shop, "missing")
          nil
      """
      @spec vrandmember(mirror(), key()) :: reply(binary() | nil)
      defdelegate vrandmember(mirror, key), to: :eslaver_mirror

      @doc """
      `count` random elements, all different; with a negative count, elements that may repeat.

          iex> Eslaver.Mirror.vrandmember(:shop, "missing", 5)
          []
      """
      @spec vrandmember(mirror(), key(), integer()) :: reply([binary()])
      defdelegate vrandmember(mirror, key, count), to: :eslaver_mirror
    end
  end
end
