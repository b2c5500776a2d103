# Counts the commands of a master by name, and prints each count, until Enter is pressed.
#
#     ERL_LIBS=_build/default/lib elixir examples/replica.exs [Port]
defmodule Counter do
  @behaviour :eslaver_handler

  @impl true
  def init(counts), do: {:ok, counts}

  @impl true
  def handle_event({:loading, :eof, %{keys: keys}}, counts) do
    IO.puts("loaded #{keys} keys")
    {:ok, counts}
  end

  def handle_event({:stream, name, _args, %{db: db}}, counts) do
    counts = Map.update(counts, name, 1, &(&1 + 1))
    IO.puts("#{name} in db #{db}: #{counts[name]}")
    {:ok, counts}
  end

  def handle_event(_event, counts), do: {:ok, counts}
end

port =
  case System.argv() do
    [port] -> String.to_integer(port)
    [] -> 6379
  end

{:ok, replica} =
  :eslaver.start_link(%{
    master_host: "127.0.0.1",
    master_port: port,
    events: :full,
    callback: {:handler, Counter, %{}}
  })

IO.gets("")
:eslaver.stop(replica)
