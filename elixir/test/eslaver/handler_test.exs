defmodule Eslaver.HandlerTest do
  use ExUnit.Case, async: true

  alias Eslaver.Test.Master

  defmodule Counter do
    use Eslaver.Handler

    @impl true
    def handle_event({:stream, name, _args, _meta}, counts),
      do: {:ok, Map.update(counts, name, 1, &(&1 + 1))}

    def handle_event(_event, counts), do: {:ok, counts}

    @impl true
    def handle_call(:counts, _from, counts), do: {:reply, counts, counts}
  end

  defmodule Batches do
    use Eslaver.Handler, restart: :temporary

    @impl true
    def init(test, %{}), do: {:ok, test}

    @impl true
    def handle_batch(events, test) do
      send(test, {:batch, events})
      {:ok, test}
    end

    @impl true
    def handle_info(message, test) do
      send(test, {:info, message})
      {:ok, test}
    end

    @impl true
    def terminate(reason, test), do: send(test, {:terminate, reason})
  end

  setup_all do
    %{master: Master.start()}
  end

  test "keeps state from the argument on", %{master: master} do
    start_supervised!(
      {Eslaver, name: Counts, port: master.port, callback: {:handler, Counter, %{"hset" => 40}}}
    )

    :ok = Eslaver.await(Counts, :loaded)
    [_, _, info] = Master.commands(master, [~w(HSET a b c), ~w(HSET a d e), ~w(INFO replication)])
    :ok = Eslaver.await(Counts, Eslaver.token(info))
    assert %{"hset" => 42} = Eslaver.call(Counts, :counts)
  end

  test "is a child of its own", %{master: master} do
    assert %{id: Batches, restart: :temporary} = Batches.child_spec([])
    assert %{id: Named} = Batches.child_spec(name: Named)

    Master.command(master, ~w(SET in:batch value))
    replica = start_supervised!({Batches, port: master.port, args: self()})
    assert Enum.any?(batches(replica), &match?({:loading, :string, "in:batch", "value", _}, &1))

    send(replica, :hello)
    assert_receive {:info, :hello}, 5000
    stop_supervised!(Batches)
    assert_received {:terminate, :shutdown}
  end

  test "the defaults can be overridden" do
    defmodule Overriding do
      use Eslaver.Handler

      @impl true
      def init(_args), do: {:stop, :never}

      @impl true
      def handle_event(_event, state), do: {:ok, state}

      def child_spec(_options), do: %{id: :overridden, start: {Function, :identity, [:ignore]}}
    end

    Process.flag(:trap_exit, true)
    assert {:error, :never} = Eslaver.start_link(port: 1, callback: {:handler, Overriding, nil})
    assert %{id: :overridden} = Overriding.child_spec([])
  end

  test "needs a function for events" do
    assert_raise CompileError, ~r"needs handle_event/2 or handle_batch/2", fn ->
      defmodule Nothing do
        use Eslaver.Handler
      end
    end
  end

  defmodule Positions do
    @behaviour Eslaver.PositionStore

    @impl true
    def load(_where, test) do
      send(test, :load)
      :none
    end

    @impl true
    def save(_where, position, test) do
      send(test, {:save, position})
      :ok
    end
  end

  test "positions are kept in a store", %{master: master} do
    start_supervised!(
      {Eslaver, port: master.port, callback: fn _ -> :ok end, resume: {Positions, self()}}
    )

    assert_receive :load, 5000
    assert_receive {:save, :none}, 5000
    assert_receive {:save, %{replid: _, offset: _, db: 0}}, 5000
  end

  # The events up to the end of the snapshot.
  defp batches(replica) do
    :ok = Eslaver.await(replica, :loaded)
    batches([], Process.info(self(), :message_queue_len))
  end

  defp batches(events, _length) do
    receive do
      {:batch, more} -> batches(events ++ more, nil)
    after
      0 -> events
    end
  end
end
