defmodule Eslaver.Broadway.Consumers do
  @moduledoc false
  # The processes of a pipeline that have messages: one that is killed does not acknowledge its own.

  @doc """
  Monitors those that Broadway itself has named. Returns `:wait` until all of them run.
  """
  @spec watch(Broadway.name()) :: {:ok, MapSet.t(reference())} | :wait
  def watch(pipeline) do
    pids = pipeline |> Broadway.topology() |> names() |> Enum.map(&Process.whereis/1)
    if nil in pids, do: :wait, else: {:ok, MapSet.new(pids, &Process.monitor/1)}
  catch
    # The pipeline itself is about to start.
    :exit, _not_running -> :wait
  end

  defp names(topology) do
    batchers = for %{batcher_name: name} when is_atom(name) <- topology[:batchers], do: name
    stages = topology[:processors] ++ topology[:batchers]
    batchers ++ Enum.flat_map(stages, &numbered/1)
  end

  defp numbered(%{name: name, concurrency: concurrency}) when is_atom(name),
    do: for(index <- 0..(concurrency - 1)//1, do: :"#{name}_#{index}")

  defp numbered(_via), do: []
end
