defmodule Eslaver.Mirror.SortedSets do
  @moduledoc false
  # Reads of sorted sets, for `use` by `Eslaver.Mirror`.

  defmacro __using__(_options) do
    quote location: :keep do
      @doc """
      The number of members of a sorted set.

          iex> Eslaver.Mirror.zcard(:shop, "scores")
          3
      """
      @spec zcard(mirror(), key()) :: reply(non_neg_integer())
      defdelegate zcard(mirror, key), to: :eslaver_mirror

      @doc """
      The score of a member.

          iex> Eslaver.Mirror.zscore(:shop, "scores", "ada")
          10.0
      """
      @spec zscore(mirror(), key(), binary()) :: reply(score() | nil)
      defdelegate zscore(mirror, key, member), to: :eslaver_mirror

      @doc """
      The scores of several members.

          iex> Eslaver.Mirror.zmscore(:shop, "scores", ["ada", "zoe"])
          [10.0, nil]
      """
      @spec zmscore(mirror(), key(), [binary()]) :: reply([score() | nil])
      defdelegate zmscore(mirror, key, members), to: :eslaver_mirror

      @doc """
      The rank of a member; the lowest score has rank 0. With `with_score: true` also the score.

          iex> Eslaver.Mirror.zrank(:shop, "scores", "bob")
          1

          iex> Eslaver.Mirror.zrank(:shop, "scores", "bob", with_score: true)
          {1, 20.0}
      """
      @spec zrank(mirror(), key(), binary(), options()) ::
              reply(non_neg_integer() | {non_neg_integer(), score()} | nil)
      defdelegate zrank(mirror, key, member, options \\ []), to: :eslaver_mirror

      @doc """
      As `zrank/4`; the highest score has rank 0.

          iex> Eslaver.Mirror.zrevrank(:shop, "scores", "cyd")
          0
      """
      @spec zrevrank(mirror(), key(), binary(), options()) ::
              reply(non_neg_integer() | {non_neg_integer(), score()} | nil)
      defdelegate zrevrank(mirror, key, member, options \\ []), to: :eslaver_mirror

      @doc """
      The members between two indexes, scores or names. Options:

        * `:by` - `:index`, `:score` or `:lex`
        * `:rev` - `true` to begin with the highest; then, as in Redis, `first` is the higher score
          or name
        * `:limit` - `{offset, count}`, by score or name only
        * `:with_scores` - `true` for `{member, score}`

      Scores are numbers, `:inf`, `:"-inf"`, or `{:exclusive, number}`; names are
      `{:inclusive, name}`, `{:exclusive, name}`, `:-` or `:+`.

          iex> Eslaver.Mirror.zrange(:shop, "scores", 0, 1, rev: true)
          ["cyd", "bob"]

          iex> above = {:exclusive, 10}
          iex> Eslaver.Mirror.zrange(:shop, "scores", above, :inf, by: :score, with_scores: true)
          [{"bob", 20.0}, {"cyd", 30.0}]
      """
      @spec zrange(mirror(), key(), range_bound(), range_bound(), options()) :: reply(members())
      defdelegate zrange(mirror, key, first, last, options \\ []), to: :eslaver_mirror

      @doc """
      `zrange/5` by index, from the highest member on.

          iex> Eslaver.Mirror.zrevrange(:shop, "scores", 0, 0, with_scores: true)
          [{"cyd", 30.0}]
      """
      @spec zrevrange(mirror(), key(), range_bound(), range_bound(), options()) :: reply(members())
      defdelegate zrevrange(mirror, key, first, last, options \\ []), to: :eslaver_mirror

      @doc """
      `zrange/5` by score.

          iex> Eslaver.Mirror.zrangebyscore(:shop, "scores", 10, 20)
          ["ada", "bob"]
      """
      @spec zrangebyscore(mirror(), key(), range_bound(), range_bound(), options()) ::
              reply(members())
      defdelegate zrangebyscore(mirror, key, min, max, options \\ []), to: :eslaver_mirror

      @doc """
      `zrange/5` by score, from the highest member on.

          iex> Eslaver.Mirror.zrevrangebyscore(:shop, "scores", :inf, 0, limit: {0, 1})
          ["cyd"]
      """
      @spec zrevrangebyscore(mirror(), key(), range_bound(), range_bound(), options()) ::
              reply(members())
      defdelegate zrevrangebyscore(mirror, key, max, min, options \\ []), to: :eslaver_mirror

      @doc """
      `zrange/5` by name, for a sorted set whose scores are all equal.

          iex> Eslaver.Mirror.zrangebylex(:shop, "names", {:inclusive, "b"}, :+)
          ["bob", "cyd"]
      """
      @spec zrangebylex(mirror(), key(), range_bound(), range_bound(), options()) ::
              reply(members())
      defdelegate zrangebylex(mirror, key, min, max, options \\ []), to: :eslaver_mirror

      @doc """
      `zrange/5` by name, from the highest member on.

          iex> Eslaver.Mirror.zrevrangebylex(:shop, "names", :+, {:exclusive, "bob"})
          ["cyd"]
      """
      @spec zrevrangebylex(mirror(), key(), range_bound(), range_bound(), options()) ::
              reply(members())
      defdelegate zrevrangebylex(mirror, key, max, min, options \\ []), to: :eslaver_mirror

      @doc """
      The number of members with a score in a range.

          iex> Eslaver.Mirror.zcount(:shop, "scores", {:exclusive, 10}, 30)
          2
      """
      @spec zcount(mirror(), key(), range_bound(), range_bound()) :: reply(non_neg_integer())
      defdelegate zcount(mirror, key, min, max), to: :eslaver_mirror

      @doc """
      The number of members with a name in a range, for a sorted set whose scores are all equal.

          iex> Eslaver.Mirror.zlexcount(:shop, "names", :-, :+)
          3
      """
      @spec zlexcount(mirror(), key(), range_bound(), range_bound()) :: reply(non_neg_integer())
      defdelegate zlexcount(mirror, key, min, max), to: :eslaver_mirror

      @doc """
      A random member.

          iex> Eslaver.Mirror.zrandmember(:shop, "missing")
          nil
      """
      @spec zrandmember(mirror(), key()) :: reply(binary() | nil)
      defdelegate zrandmember(mirror, key), to: :eslaver_mirror

      @doc """
      `count` random members, all different; with a negative count, members that may repeat. With
      `with_scores: true` also their scores.

          iex> length(Eslaver.Mirror.zrandmember(:shop, "scores", 10))
          3
      """
      @spec zrandmember(mirror(), key(), integer(), options()) :: reply(members())
      defdelegate zrandmember(mirror, key, count, options \\ []), to: :eslaver_mirror

      @doc """
      Some of the members with their scores, in order, and the cursor for the next call. The first
      cursor is 0; the scan is complete when the next cursor is 0. Options:

        * `:match` - a pattern
        * `:count` - about how many members to look at, by default 10

      Example:

          iex> Eslaver.Mirror.zscan(:shop, "scores", 0, match: "a*")
          {0, [{"ada", 10.0}]}
      """
      @spec zscan(mirror(), key(), zscan_cursor(), options()) ::
              reply({next :: zscan_cursor(), [{binary(), score()}]})
      defdelegate zscan(mirror, key, cursor, options \\ []), to: :eslaver_mirror

      @doc """
      The members that any of these sorted sets or sets has, in the order of their combined scores.
      Options:

        * `:weights` - a number for each key
        * `:aggregate` - `:sum`, `:min`, `:max` or `:count`
        * `:with_scores` - `true` for `{member, score}`

      Example:

          iex> Eslaver.Mirror.zunion(:shop, ["scores", "bonus"], with_scores: true)
          [{"ada", 10.0}, {"bob", 25.0}, {"cyd", 31.0}]
      """
      @spec zunion(mirror(), [key(), ...], options()) :: reply(members())
      defdelegate zunion(mirror, keys, options \\ []), to: :eslaver_mirror

      @doc """
      The members that all of these sorted sets or sets have. It takes the options of `zunion/3`.

          iex> Eslaver.Mirror.zinter(:shop, ["scores", "bonus"], aggregate: :max, with_scores: true)
          [{"bob", 20.0}, {"cyd", 30.0}]
      """
      @spec zinter(mirror(), [key(), ...], options()) :: reply(members())
      defdelegate zinter(mirror, keys, options \\ []), to: :eslaver_mirror

      @doc """
      The number of members that all of these sorted sets or sets have, at most `:limit`.

          iex> Eslaver.Mirror.zintercard(:shop, ["scores", "bonus"], limit: 1)
          1
      """
      @spec zintercard(mirror(), [key(), ...], options()) :: reply(non_neg_integer())
      defdelegate zintercard(mirror, keys, options \\ []), to: :eslaver_mirror

      @doc """
      The members that the first of these sorted sets or sets has and no other. With
      `with_scores: true` also their scores.

          iex> Eslaver.Mirror.zdiff(:shop, ["scores", "bonus"])
          ["ada"]
      """
      @spec zdiff(mirror(), [key(), ...], options()) :: reply(members())
      defdelegate zdiff(mirror, keys, options \\ []), to: :eslaver_mirror
    end
  end
end
