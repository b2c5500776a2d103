defmodule Eslaver.Absent do
  @moduledoc false
  # `nil` for the `undefined` of the Erlang package.

  @doc """
  The term with `nil` for each `:undefined`, in maps, lists and tuples, too.
  """
  @spec to_nil(term()) :: term()
  def to_nil(:undefined), do: nil
  def to_nil(%_{} = struct), do: struct
  def to_nil(%{} = map), do: Map.new(map, fn {key, value} -> {key, to_nil(value)} end)
  def to_nil([head | tail]), do: [to_nil(head) | to_nil(tail)]

  def to_nil(tuple) when is_tuple(tuple),
    do: tuple |> Tuple.to_list() |> to_nil() |> List.to_tuple()

  def to_nil(term), do: term
end
