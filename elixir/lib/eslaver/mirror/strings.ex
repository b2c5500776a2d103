defmodule Eslaver.Mirror.Strings do
  @moduledoc false
  # Reads of strings, for `use` by `Eslaver.Mirror`.

  defmacro __using__(_options) do
    quote location: :keep do
      @doc """
      The value of a string.

          iex> Eslaver.Mirror.get(:shop, "greeting")
          "Hello, world"

          iex> Eslaver.Mirror.get(:shop, "missing")
          nil

          iex> Eslaver.Mirror.get(:shop, "user:1")
          {:error, :wrongtype}
      """
      @spec get(mirror(), key()) :: reply(binary() | nil)
      defdelegate get(mirror, key), to: :eslaver_mirror

      @doc """
      The values of strings, `nil` for a key that is missing or of another type.

          iex> Eslaver.Mirror.mget(:shop, ["greeting", "missing", "visits"])
          ["Hello, world", nil, "41"]
      """
      @spec mget(mirror(), [key()]) :: reply([binary() | nil])
      defdelegate mget(mirror, keys), to: :eslaver_mirror

      @doc """
      The length of a string in bytes, 0 if the key is missing.

          iex> Eslaver.Mirror.strlen(:shop, "greeting")
          12
      """
      @spec strlen(mirror(), key()) :: reply(non_neg_integer())
      defdelegate strlen(mirror, key), to: :eslaver_mirror

      @doc """
      The bytes of a string from one index to another, inclusive; negative indexes count from the
      end.

          iex> Eslaver.Mirror.getrange(:shop, "greeting", -5, -1)
          "world"
      """
      @spec getrange(mirror(), key(), integer(), integer()) :: reply(binary())
      defdelegate getrange(mirror, key, first, last), to: :eslaver_mirror

      @doc """
      The old name of `getrange/4`.

          iex> Eslaver.Mirror.substr(:shop, "greeting", 0, 4)
          "Hello"
      """
      @spec substr(mirror(), key(), integer(), integer()) :: reply(binary())
      defdelegate substr(mirror, key, first, last), to: :eslaver_mirror

      @doc """
      The XXH3 hash of a string, 16 hexadecimal digits, as of `DIGEST` in Redis 8.4.

          iex> String.length(Eslaver.Mirror.digest(:shop, "greeting"))
          16
      """
      @spec digest(mirror(), key()) :: reply(binary() | nil)
      defdelegate digest(mirror, key), to: :eslaver_mirror

      @doc """
      The longest common subsequence of two strings. Options:

        * `:len` - `true` for its length only
        * `:idx` - `true` for where it is: a map with `:matches`, inclusive ranges in both strings,
          the last match first, and `:len`
        * `:min_match_len` - leaves out shorter matches
        * `:with_match_len` - `true` for the length of each match

      What would take more than 512 MB is `{:error, :too_large}`.

          iex> Eslaver.Mirror.lcs(:shop, "text:1", "text:2")
          "mytext"

          iex> Eslaver.Mirror.lcs(:shop, "text:1", "text:2", idx: true, min_match_len: 4)
          %{len: 6, matches: [{{4, 7}, {5, 8}}]}
      """
      @spec lcs(mirror(), key(), key(), options()) ::
              reply(binary() | non_neg_integer() | map() | {:error, :too_large})
      defdelegate lcs(mirror, one, other, options \\ []), to: :eslaver_mirror

      @doc """
      The bit at an offset, 0 past the string's end.

          iex> Eslaver.Mirror.getbit(:shop, "bits", 1)
          1
      """
      @spec getbit(mirror(), key(), non_neg_integer()) :: reply(0 | 1)
      defdelegate getbit(mirror, key, offset), to: :eslaver_mirror

      @doc """
      The number of bits set in a string.

          iex> Eslaver.Mirror.bitcount(:shop, "bits")
          26
      """
      @spec bitcount(mirror(), key()) :: reply(non_neg_integer())
      defdelegate bitcount(mirror, key), to: :eslaver_mirror

      @doc """
      The number of bits set from one index to another, inclusive: of bytes, or with `unit: :bit` of
      bits.

          iex> Eslaver.Mirror.bitcount(:shop, "bits", 5, 30, unit: :bit)
          17
      """
      @spec bitcount(mirror(), key(), integer(), integer(), options()) :: reply(non_neg_integer())
      defdelegate bitcount(mirror, key, first, last, options \\ []), to: :eslaver_mirror

      @doc """
      The position of the first bit that is set or clear, or -1.

          iex> Eslaver.Mirror.bitpos(:shop, "bits", 1)
          1
      """
      @spec bitpos(mirror(), key(), 0 | 1) :: reply(integer())
      defdelegate bitpos(mirror, key, bit), to: :eslaver_mirror

      @doc """
      As `bitpos/3`, from a byte index on.

          iex> Eslaver.Mirror.bitpos(:shop, "bits", 1, 2)
          17
      """
      @spec bitpos(mirror(), key(), 0 | 1, integer()) :: reply(integer())
      defdelegate bitpos(mirror, key, bit, first), to: :eslaver_mirror

      @doc """
      As `bitpos/3`, only between two indexes: of bytes, or with `unit: :bit` of bits.

          iex> Eslaver.Mirror.bitpos(:shop, "bits", 0, 1, 3, unit: :bit)
          3
      """
      @spec bitpos(mirror(), key(), 0 | 1, integer(), integer(), options()) :: reply(integer())
      defdelegate bitpos(mirror, key, bit, first, last, options \\ []), to: :eslaver_mirror

      @doc """
      Integers within a string: `{:u, 8, 16}` is an unsigned integer of 8 bits that begins at bit
      16.

          iex> Eslaver.Mirror.bitfield_ro(:shop, "bits", [{:u, 8, 0}, {:i, 5, 0}])
          [102, 12]
      """
      @spec bitfield_ro(mirror(), key(), [{:i | :u, bits :: 1..64, offset :: non_neg_integer()}]) ::
              reply([integer()])
      defdelegate bitfield_ro(mirror, key, fields), to: :eslaver_mirror

      @doc """
      The estimated number of different elements of a HyperLogLog, or of several together.

          iex> Eslaver.Mirror.pfcount(:shop, "visitors")
          3
      """
      @spec pfcount(mirror(), key() | [key()]) :: reply(non_neg_integer())
      defdelegate pfcount(mirror, keys), to: :eslaver_mirror

      @doc """
      The value that `GCRA` keeps of a rate limit: its theoretical arrival time as Unix time, in
      microseconds.

          iex> Eslaver.Mirror.gcra(:shop, "missing")
          nil
      """
      @spec gcra(mirror(), key()) :: reply(integer() | nil)
      defdelegate gcra(mirror, key), to: :eslaver_mirror
    end
  end
end
