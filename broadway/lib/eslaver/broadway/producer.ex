defmodule Eslaver.Broadway.Producer do
  @moduledoc """
  A Broadway producer of a Redis or Valkey master's snapshot, and of every write after it.

      defmodule Users do
        use Broadway

        def start_link(_options) do
          Broadway.start_link(__MODULE__,
            name: __MODULE__,
            producer: [
              module:
                {Eslaver.Broadway.Producer,
                 url: "redis://localhost", resume: {:file, "/var/lib/users/position"}}
            ],
            processors: [
              default: [concurrency: 8, partition_by: &Eslaver.Broadway.Producer.partition/1]
            ]
          )
        end

        @impl true
        def handle_message(_processor, message, _context) do
          case message.data do
            {:loading, :hash, "user:" <> id, fields, _meta} -> Search.index(id, Map.new(fields))
            {:stream, "del", keys, _meta} -> Search.delete(keys)
            _other -> :ok
          end

          message
        end
      end

  ## Messages

  The `data` of a message is an event, as of `Eslaver`. `metadata` has the `:key` that it is about,
  or `nil`. What a pipeline has no use for, as a `ping`, is no message. `{:loading, :start, _}` says
  that a snapshot begins, which takes the place of all before.

  Processors work side by side, so events come out of order, unless there is one processor or they
  are partitioned by key, with `partition/1`. Events without a key, as the start of a snapshot, are
  not in step with those of other partitions.

  ## Acknowledgements

  A position is stored once all messages up to it are acknowledged, in whichever order. After a
  crash the stream goes on there: every event comes at least once. Messages that have failed count
  as acknowledged, as Broadway's `handle_failed` has had them, unless `on_failure: :stop` is given.

  If a processor is killed with its messages, the producer starts again from the stored position.

  As many events are asked for as the processors demand; meanwhile the master's data waits.
  `WAIT` on the master counts what has become a message, not what is acknowledged.

  ## Options

  Those of `Eslaver.start_link/1`, except `:callback`, `:events` and `:cluster`, and

    * `:resume` - where positions are stored: `{:file, path}`, or `{module, args}` for an
      `Eslaver.PositionStore`, which is called in the producer's process. Without it each start
      begins with a snapshot. A file must not be shared by two pipelines
    * `:save_interval` - the milliseconds between two positions that are stored, by default 100
    * `:on_failure` - `:acknowledge`, or `:stop` to start again from the stored position

  The producer's `:concurrency` must be 1, its default: the stream has one order.
  """

  use GenStage

  alias Broadway.Message
  alias Eslaver.Broadway.{Consumers, Store, Window}

  require Logger

  @behaviour Broadway.Producer
  @behaviour Broadway.Acknowledger

  # Commands that only move the position.
  @silent ["ping", "replconf", "select"]
  # How often to look for processors that have not been started yet, in ms.
  @look_interval 20

  @enforce_keys [:replica, :store, :window, :pipeline, :on_failure, :interval]
  defstruct [
    # The process that sends events.
    :replica,
    # Where positions are stored, and the one that was stored last.
    :store,
    :saved,
    # The messages that are out.
    :window,
    # The pipeline, the monitors of its processors once they run, and their demand until then.
    :pipeline,
    :monitors,
    # What a failed message does.
    :on_failure,
    # The ms between two positions that are stored, and whether a timer runs.
    :interval,
    wanted: 0,
    saving?: false,
    # No more messages are wanted.
    draining?: false
  ]

  @doc """
  The partition of a message, by its key.

      partition_by: &Eslaver.Broadway.Producer.partition/1
  """
  @spec partition(Message.t()) :: non_neg_integer()
  def partition(%Message{metadata: metadata}), do: :erlang.phash2(metadata[:key])

  @impl Broadway.Producer
  def prepare_for_start(_module, options) do
    producer = options[:producer]
    {_producer, own} = producer[:module]

    unless (producer[:concurrency] || 1) == 1,
      do: raise(ArgumentError, "#{inspect(__MODULE__)} needs the concurrency 1")

    for key <- [:callback, :events, :cluster], Keyword.has_key?(own, key) do
      raise ArgumentError, "#{inspect(__MODULE__)} does not take the option #{inspect(key)}"
    end

    for {key, value} <- own, not valid?(key, value) do
      raise ArgumentError, "the option #{inspect(key)} has a wrong value"
    end

    {[], options}
  end

  defp valid?(:resume, store), do: Store.valid?(store)
  defp valid?(:save_interval, interval), do: is_integer(interval) and interval >= 0
  defp valid?(:on_failure, what), do: what in [:acknowledge, :stop]
  # Of the replica, which checks it.
  defp valid?(_key, _value), do: true

  @impl GenStage
  def init(options) do
    Process.flag(:trap_exit, true)
    {own, options} = Keyword.split(options, [:resume, :save_interval, :on_failure, :broadway])
    position = Store.load(own[:resume])
    replica = [resume: position, callback: {self(), %{demand: 0}}, events: :full]

    case Eslaver.start_link(replica ++ options) do
      {:ok, replica} ->
        look()

        {:producer,
         %__MODULE__{
           replica: replica,
           store: own[:resume],
           saved: position,
           window: Window.new(position),
           pipeline: own[:broadway][:name],
           on_failure: Keyword.get(own, :on_failure, :acknowledge),
           interval: Keyword.get(own, :save_interval, 100)
         }}

      {:error, reason} ->
        raise ArgumentError, Eslaver.format_error(reason)
    end
  end

  @impl GenStage
  def handle_demand(_demand, %{draining?: true} = state), do: {:noreply, [], state}

  # No message is out before the processors are watched.
  def handle_demand(demand, %{monitors: nil} = state),
    do: {:noreply, [], %{state | wanted: state.wanted + demand}}

  def handle_demand(demand, state) do
    more(demand, state)
    {:noreply, [], state}
  end

  @impl GenStage
  def handle_info({__MODULE__, :acknowledge, numbers, failed}, state) do
    if failed > 0 and state.on_failure == :stop do
      {:stop, {:failed, failed}, state}
    else
      {:noreply, [], save_soon(%{state | window: Window.acknowledge(state.window, numbers)})}
    end
  end

  def handle_info({__MODULE__, :save}, state),
    do: {:noreply, [], save(%{state | saving?: false})}

  def handle_info({__MODULE__, :look}, state) do
    case Consumers.watch(state.pipeline) do
      {:ok, monitors} ->
        handle_wanted(%{state | monitors: monitors})

      :wait ->
        look()
        {:noreply, [], state}
    end
  end

  # The demand is used up: processors will ask for more.
  def handle_info({:eslaver_passive, _replica}, state), do: {:noreply, [], state}

  def handle_info({:EXIT, pid, reason}, %{replica: pid} = state),
    do: if(state.draining?, do: {:noreply, [], state}, else: {:stop, reason, state})

  # Of what a store has started.
  def handle_info({:EXIT, _pid, :normal}, state), do: {:noreply, [], state}
  def handle_info({:EXIT, _pid, reason}, state), do: {:stop, reason, state}

  def handle_info({:DOWN, monitor, :process, _pid, reason}, %{monitors: %MapSet{}} = state) do
    if MapSet.member?(state.monitors, monitor) and not orderly?(reason),
      do: {:stop, {:processor_down, reason}, state},
      else: {:noreply, [], state}
  end

  def handle_info(event, %{draining?: false} = state)
      when is_tuple(event) and elem(event, 0) in [:link, :loading, :stream],
      do: event(event, begun(event, state))

  def handle_info(_message, state), do: {:noreply, [], state}

  @impl Broadway.Producer
  def prepare_for_draining(state) do
    stop(state.replica)
    {:noreply, [], %{state | draining?: true}}
  end

  @impl GenStage
  def terminate(_reason, state), do: save(state)

  @impl Broadway.Acknowledger
  def ack(producer, successful, failed) do
    numbers = for %{acknowledger: {_, _, number}} <- successful ++ failed, do: number
    send(producer, {__MODULE__, :acknowledge, numbers, length(failed)})
    :ok
  end

  # A snapshot begins only once it is stored that what was stored before is void.
  defp begun({:link, :up, %{resync: :full}}, state) do
    case Store.save(state.store, :none) do
      :ok -> %{state | window: Window.void(state.window), saved: nil}
      {:error, reason} -> exit({:position_not_stored, reason})
    end
  end

  defp begun(_event, state), do: state

  defp event({:stream, name, _, _} = event, state) when name in @silent, do: pass(event, state)
  defp event({:loading, :aux, _, _, _} = event, state), do: pass(event, state)

  defp event(event, state) do
    {number, window} = Window.add(state.window, event)

    message = %Message{
      data: event,
      metadata: %{key: key(event)},
      acknowledger: {__MODULE__, self(), number}
    }

    {:noreply, [message], %{state | window: window}}
  end

  # A replica that has ended says so by its exit.
  defp more(demand, state), do: Eslaver.demand(state.replica, demand)

  defp stop(replica) do
    Eslaver.stop(replica)
  catch
    :exit, _ended -> :ok
  end

  defp handle_wanted(%{wanted: 0} = state), do: {:noreply, [], state}
  defp handle_wanted(state), do: handle_demand(state.wanted, %{state | wanted: 0})

  # It has used up the demand for a message.
  defp pass(event, state) do
    more(1, state)
    {:noreply, [], save_soon(%{state | window: Window.pass(state.window, event)})}
  end

  defp key({:loading, :function, _name, _code, _meta}), do: nil
  defp key({:loading, _type, key, _value, _meta}), do: key
  defp key({:stream, _name, [key | _args], _meta}), do: key
  defp key(_event), do: nil

  defp save_soon(%{saving?: false} = state) do
    if Window.position(state.window) == state.saved do
      state
    else
      Process.send_after(self(), {__MODULE__, :save}, state.interval)
      %{state | saving?: true}
    end
  end

  defp save_soon(state), do: state

  # What cannot be stored now is tried again.
  defp save(state) do
    position = Window.position(state.window)

    cond do
      position == nil or position == state.saved ->
        state

      saved?(state.store, position) ->
        %{state | saved: position}

      true ->
        save_soon(state)
    end
  end

  defp saved?(store, position) do
    case Store.save(store, position) do
      :ok ->
        true

      {:error, reason} ->
        Logger.error("eslaver_broadway: the position cannot be stored: #{inspect(reason)}")
        false
    end
  end

  # For the processors, which start later.
  defp look, do: Process.send_after(self(), {__MODULE__, :look}, @look_interval)

  defp orderly?(reason), do: reason in [:normal, :shutdown] or match?({:shutdown, _}, reason)
end
