defmodule Eslaver.Broadway.ProducerTest do
  # The producer's functions, called by the test as GenStage would call them, and a real master.
  use ExUnit.Case, async: true

  alias Broadway.Message
  alias Eslaver.Broadway.Producer
  alias Eslaver.Test.Master

  # Keeps what it is given in the test's process.
  defmodule Store do
    @behaviour Eslaver.PositionStore

    @impl true
    def load(_where, nil), do: :none
    def load(_where, position), do: {:ok, position}

    @impl true
    def save(_where, position, _args) do
      send(self(), {:saved, position})
      :ok
    end
  end

  setup_all do
    %{master: Master.start()}
  end

  defp start(master, options) do
    defaults = [port: master.port, resume: {Store, nil}, save_interval: 0]
    broadway = [broadway: [name: __MODULE__, index: 0]]
    {:producer, state} = Producer.init(Keyword.merge(defaults, options) ++ broadway)
    demand(10_000, state)
  end

  # As if the processors, of which there are none, were watched.
  defp demand(demand, state) do
    {:noreply, [], state} = Producer.handle_demand(demand, %{state | monitors: MapSet.new()})
    state
  end

  # What has become a message, up to the first event for which `last?` is true.
  defp messages(state, last?, messages \\ []) do
    receive do
      # The messages of the test and the positions are not for the producer.
      message when elem(message, 0) not in [:saved] ->
        case Producer.handle_info(message, state) do
          {:noreply, [], state} ->
            messages(state, last?, messages)

          {:noreply, [message], state} ->
            messages = [message | messages]

            if last?.(message.data),
              do: {Enum.reverse(messages), state},
              else: messages(state, last?, messages)
        end
    after
      5000 -> flunk("no such event among #{length(messages)} messages")
    end
  end

  # The messages there are until the replica waits for more demand.
  defp until_paused(state, messages \\ []) do
    receive do
      message ->
        {:noreply, more, state} = Producer.handle_info(message, state)
        until_paused(state, messages ++ more)
    after
      0 ->
        %{paused: paused?} = Eslaver.info(state.replica)
        # The answer of its process comes after all that it has sent before.
        :ok = Eslaver.unsubscribe(state.replica, make_ref())
        {:message_queue_len, waiting} = Process.info(self(), :message_queue_len)
        if paused? and waiting == 0, do: {messages, state}, else: until_paused(state, messages)
    end
  end

  # Gives the producer what its mailbox has, until a position is saved.
  defp saved(state) do
    receive do
      {:saved, position} ->
        {position, state}

      message ->
        {:noreply, _, state} = Producer.handle_info(message, state)
        saved(state)
    after
      5000 -> flunk("no position has been saved")
    end
  end

  defp acknowledge(messages) do
    for %Message{acknowledger: {module, ref, _}} = message <- messages,
        do: :ok = module.ack(ref, [message], [])
  end

  defp loaded?(event), do: match?({:loading, :eof, _}, event)

  test "a snapshot and the writes after it become messages", %{master: master} do
    Master.command(master, ~w(HSET of:snapshot field value))
    state = start(master, [])
    {messages, state} = messages(state, &loaded?/1)
    key = {:loading, :hash, "of:snapshot", [{"field", "value"}], %{db: 0}}
    assert %{metadata: %{key: "of:snapshot"}} = message = Enum.find(messages, &(&1.data == key))
    assert is_integer(Producer.partition(message))

    Master.command(master, ~w(SET of:stream value))
    {messages, state} = messages(state, &match?({:stream, "set", _, _}, &1))
    assert %{metadata: %{key: "of:stream"}} = List.last(messages)
    # The snapshot voids what was stored.
    assert_received {:saved, :none}
    Producer.terminate(:normal, state)
    Eslaver.stop(state.replica)
  end

  test "a position is stored when all up to it are acknowledged", %{master: master} do
    state = start(master, [])
    {messages, state} = messages(state, &loaded?/1)
    assert_received {:saved, :none}
    {first, [last]} = Enum.split(messages, -1)

    acknowledge([last])
    state = Producer.terminate(:shutdown, state)
    refute_received {:saved, _}

    acknowledge(first)
    {position, state} = saved(state)
    assert %{replid: _, offset: _, db: 0} = position

    # The next producer goes on there.
    %{replica: replica} = state
    Eslaver.stop(replica)
    assert_receive {:EXIT, ^replica, :normal}
    Master.command(master, ~w(SET after:restart value))
    state = start(master, resume: {Store, position})
    {messages, state} = messages(state, &match?({:stream, "set", ["after:restart" | _], _}, &1))
    assert {:link, :up, %{resync: :partial}} = hd(messages).data

    # Moved by what has no message, too.
    acknowledge(messages)
    {%{offset: offset}, state} = saved(state)
    assert offset > position.offset
    Eslaver.stop(state.replica)
  end

  test "as many events come as are asked for", %{master: master} do
    Master.commands(master, for(n <- 1..20, do: ["SET", "demand:#{n}", n]))
    options = [port: master.port, broadway: [name: __MODULE__, index: 0]]
    {:producer, state} = Producer.init(options)
    {messages, state} = until_paused(demand(10, state))
    keys = Enum.count(messages, &match?({:loading, :string, _, _, _}, &1.data))
    assert keys in 5..10

    {_, state} = messages(demand(100, state), &loaded?/1)
    Eslaver.stop(state.replica)
  end

  test "failed messages count, or stop it", %{master: master} do
    state = start(master, on_failure: :stop)
    {[first, second | _], state} = messages(state, &loaded?/1)
    Producer.ack(self(), [first], [second])
    assert_receive {Producer, :acknowledge, [_, _], 1} = message
    assert {:stop, {:failed, 1}, _} = Producer.handle_info(message, state)

    assert {:noreply, [], _} = Producer.handle_info(message, %{state | on_failure: :acknowledge})
    Eslaver.stop(state.replica)
  end

  test "a processor that is killed stops it, one that is shut down does not", context do
    state = start(context.master, [])
    monitor = make_ref()
    down = &{:DOWN, monitor, :process, self(), &1}
    assert {:noreply, [], _} = Producer.handle_info(down.(:killed), state)

    state = %{state | monitors: MapSet.new([monitor])}
    assert {:noreply, [], _} = Producer.handle_info(down.(:shutdown), state)
    assert {:noreply, [], _} = Producer.handle_info(down.({:shutdown, :drained}), state)
    assert {:stop, {:processor_down, :killed}, _} = Producer.handle_info(down.(:killed), state)
    assert {:noreply, [], _} = Producer.handle_info(down.(:killed), %{state | monitors: nil})
    Eslaver.stop(state.replica)
  end

  test "it ends with its replica, and drains without it", %{master: master} do
    state = start(master, [])
    {_, state} = messages(state, &loaded?/1)
    exit = {:EXIT, state.replica, :broken}
    assert {:stop, :broken, _} = Producer.handle_info(exit, state)

    assert {:noreply, [], state} = Producer.prepare_for_draining(state)
    refute Process.alive?(state.replica)
    assert {:noreply, [], state} = Producer.handle_info(exit, state)
    assert {:noreply, [], _} = Producer.handle_demand(10, state)
  end

  test "options" do
    start = fn producer ->
      Producer.prepare_for_start(__MODULE__, producer: [module: {Producer, producer}])
    end

    assert {[], _} = start.([])
    assert_raise ArgumentError, ~r":callback", fn -> start.(callback: self()) end
    assert_raise ArgumentError, ~r":resume", fn -> start.(resume: "path") end
    assert_raise ArgumentError, ~r":on_failure", fn -> start.(on_failure: :retry) end
    assert_raise ArgumentError, ~r":save_interval", fn -> start.(save_interval: -1) end

    assert_raise ArgumentError, ~r"concurrency", fn ->
      Producer.prepare_for_start(__MODULE__, producer: [module: {Producer, []}, concurrency: 2])
    end

    assert_raise ArgumentError, ~r"master_port", fn -> Producer.init(port: "6379") end
  end
end
