defmodule Eslaver.Mirror.Geo do
  @moduledoc false
  # Reads of geographical positions, for `use` by `Eslaver.Mirror`.

  defmacro __using__(_options) do
    quote location: :keep do
      @doc """
      The positions of members, `nil` for a missing one.

          iex> [{longitude, latitude}, nil] =
          ...>   Eslaver.Mirror.geopos(:shop, "places", ["Palermo", "Rome"])
          iex> {Float.round(longitude, 3), Float.round(latitude, 3)}
          {13.361, 38.116}
      """
      @spec geopos(mirror(), key(), [binary()]) ::
              reply([{longitude :: float(), latitude :: float()} | nil])
      defdelegate geopos(mirror, key, members), to: :eslaver_mirror

      @doc """
      The distance of two members in meters, or in another `:unit`: `:km`, `:ft` or `:mi`.

          iex> distance = Eslaver.Mirror.geodist(:shop, "places", "Palermo", "Catania", unit: :km)
          iex> Float.round(distance, 4)
          166.2742
      """
      @spec geodist(mirror(), key(), binary(), binary(), options()) :: reply(float() | nil)
      defdelegate geodist(mirror, key, one, other, options \\ []), to: :eslaver_mirror

      @doc """
      The standard geohashes of members, `nil` for a missing one.

          iex> Eslaver.Mirror.geohash(:shop, "places", ["Palermo", "Rome"])
          ["sqc8b49rny0", nil]
      """
      @spec geohash(mirror(), key(), [binary()]) :: reply([binary() | nil])
      defdelegate geohash(mirror, key, members), to: :eslaver_mirror

      @doc """
      The members near a place. Options:

        * `:from` - `{:lonlat, longitude, latitude}` or `{:member, member}`
        * `:by` - `{:radius, radius, unit}`, `{:box, width, height, unit}`, or
          `{:polygon, positions}`, which needs no `:from`
        * `:order` - `:asc` or `:desc`, by distance
        * `:count` - how many to return: the nearest, or with `any: true` the first ones found
        * `:with_dist`, `:with_coord`, `:with_hash` - `true` for `{member, map}`, with `:dist`,
          `:coord` and `:hash` in the map

      Example:

          iex> near = [from: {:lonlat, 15, 37}, by: {:radius, 200, :km}, order: :asc]
          iex> Eslaver.Mirror.geosearch(:shop, "places", near)
          ["Catania", "Palermo"]
      """
      @spec geosearch(mirror(), key(), options()) ::
              reply([binary()] | [{binary(), map()}] | {:error, :no_member})
      defdelegate geosearch(mirror, key, options), to: :eslaver_mirror

      @doc """
      As `geosearch/3` around a position, with its options except `:from` and `:by`.

          iex> Eslaver.Mirror.georadius_ro(:shop, "places", 15, 37, 100, :km)
          ["Catania"]
      """
      @spec georadius_ro(mirror(), key(), number(), number(), number(), unit(), options()) ::
              reply([binary()] | [{binary(), map()}])
      defdelegate georadius_ro(mirror, key, longitude, latitude, radius, unit, options \\ []),
        to: :eslaver_mirror

      @doc """
      As `geosearch/3` around a member, with its options except `:from` and `:by`.

          iex> Eslaver.Mirror.georadiusbymember_ro(:shop, "places", "Palermo", 10, :km)
          ["Palermo"]
      """
      @spec georadiusbymember_ro(mirror(), key(), binary(), number(), unit(), options()) ::
              reply([binary()] | [{binary(), map()}] | {:error, :no_member})
      defdelegate georadiusbymember_ro(mirror, key, member, radius, unit, options \\ []),
        to: :eslaver_mirror
    end
  end
end
