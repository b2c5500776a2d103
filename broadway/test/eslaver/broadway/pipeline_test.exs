# With the real Broadway only: the stubs have none of its processes.
if Code.ensure_loaded?(Broadway.Topology) do
  defmodule Eslaver.Broadway.PipelineTest do
    use ExUnit.Case, async: true

    alias Eslaver.Broadway.{Producer, Store}
    alias Eslaver.Test.Master

    defmodule Pipeline do
      use Broadway

      def start_link(options) do
        {name, options} = Keyword.pop(options, :name, __MODULE__)
        {test, options} = Keyword.pop(options, :test)

        Broadway.start_link(__MODULE__,
          name: name,
          context: test,
          producer: [module: {Producer, options}],
          processors: [
            default: [concurrency: 4, max_demand: 20, partition_by: &Producer.partition/1]
          ],
          batchers: [default: [concurrency: 2, batch_size: 50, batch_timeout: 20]]
        )
      end

      @impl true
      def handle_message(_processor, message, test) do
        case message.data do
          {:stream, "set", ["kill" | _], _} ->
            send(test, {:killing, self()})

            receive do
              :go_on -> message
            end

          {:stream, "set", ["fail" | _], _} ->
            raise "failed"

          _event ->
            message
        end
      end

      @impl true
      def handle_batch(_batcher, messages, _info, test) do
        send(test, {:batch, Enum.map(messages, & &1.data)})
        messages
      end

      @impl true
      def handle_failed(messages, _context), do: messages
    end

    setup do
      path = Master.temporary()
      on_exit(fn -> File.rm(path) end)
      %{master: Master.start(), path: path}
    end

    # All events that come, until they are enough.
    defp until(enough?, events \\ []) do
      if enough?.(events) do
        events
      else
        assert_receive {:batch, more}, 10_000
        until(enough?, events ++ more)
      end
    end

    # All events until one is there.
    defp events(last?), do: until(&Enum.any?(&1, last?))

    defp loaded(events),
      do: Enum.count(for {:loading, :string, key, _, _} <- events, uniq: true, do: key)

    # How many keys there are, written or in a snapshot that came instead.
    defp written(events, prefix) do
      events
      |> Enum.map(fn
        {:stream, "set", [key | _], _} -> key
        {:loading, :string, key, _, _} -> key
        _event -> ""
      end)
      |> Enum.filter(&String.starts_with?(&1, prefix))
      |> Enum.uniq()
      |> length()
    end

    defp is_set(key), do: &match?({:stream, "set", [^key | _], _}, &1)

    test "goes through a snapshot and the stream, and on after a restart", context do
      %{master: master, path: path} = context
      Master.commands(master, for(n <- 1..500, do: ["SET", "key:#{n}", n]))
      options = [port: master.port, resume: {:file, path}, test: self()]
      start_supervised!({Pipeline, options})

      until(&(loaded(&1) == 500))
      Master.commands(master, for(n <- 1..200, do: ["SET", "more:#{n}", n]))
      until(&(written(&1, "more:") == 200))

      stop_supervised!(Pipeline)
      assert %{offset: _} = Store.load({:file, path})
      Master.command(master, ~w(SET after:restart 1))
      start_supervised!({Pipeline, options})
      events = events(is_set("after:restart"))
      refute Enum.any?(events, &match?({:loading, _, _, _, _}, &1))
    end

    test "nothing is lost with a processor that is killed", %{master: master, path: path} do
      start_supervised!({Pipeline, port: master.port, resume: {:file, path}, test: self()})
      events(&match?({:loading, :eof, _}, &1))
      Master.commands(master, [~w(SET before 1), ~w(SET kill 1), ~w(SET behind 1)])
      assert_receive {:killing, processor}, 5000
      # It is killed before its successor gets the message again.
      Process.exit(processor, :kill)
      assert_receive {:killing, again}, 10_000
      assert again != processor
      send(again, :go_on)
      events(is_set("kill"))
    end

    test "nothing is lost with a producer that is killed", %{master: master, path: path} do
      start_supervised!({Pipeline, port: master.port, resume: {:file, path}, test: self()})
      events(&match?({:loading, :eof, _}, &1))

      for round <- 1..4 do
        Master.commands(master, for(n <- 1..100, do: ["SET", "round:#{round}:#{n}", n]))
        producer = Process.whereis(Pipeline.Broadway.Producer_0)
        Process.exit(producer, :kill)
        until(&(written(&1, "round:#{round}:") == 100))
      end
    end

    test "a failed message is acknowledged", %{master: master, path: path} do
      start_supervised!({Pipeline, port: master.port, resume: {:file, path}, test: self()})
      events(&match?({:loading, :eof, _}, &1))
      [_, _, info] = Master.commands(master, [~w(SET fail 1), ~w(SET good 1), ~w(INFO replication)])
      {:offset, _, offset} = Eslaver.token(info)
      events(is_set("good"))
      stop_supervised!(Pipeline)
      assert Store.load({:file, path}).offset >= offset
    end
  end
end
