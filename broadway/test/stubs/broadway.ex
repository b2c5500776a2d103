# What the producer needs of GenStage and Broadway, for machines that cannot get them from hex.pm:
# behaviours and a struct, and nothing that runs.

defmodule GenStage do
  @callback init(args :: term()) :: {:producer, state :: term()} | {:stop, reason :: term()}
  @callback handle_demand(demand :: pos_integer(), state :: term()) ::
              {:noreply, [event :: term()], state :: term()}
  @callback handle_info(message :: term(), state :: term()) ::
              {:noreply, [event :: term()], state :: term()}
              | {:stop, reason :: term(), state :: term()}
  @callback terminate(reason :: term(), state :: term()) :: term()
  @optional_callbacks terminate: 2

  defmacro __using__(_options) do
    quote do
      @behaviour GenStage
    end
  end
end

defmodule Broadway.Message do
  @enforce_keys [:data, :acknowledger]
  defstruct [
    :data,
    :acknowledger,
    metadata: %{},
    batcher: :default,
    batch_key: :default,
    batch_mode: :bulk,
    status: :ok
  ]

  @type t() :: %__MODULE__{data: term(), acknowledger: {module(), term(), term()}}
end

defmodule Broadway.Acknowledger do
  @callback ack(
              ack_ref :: term(),
              successful :: [Broadway.Message.t()],
              failed :: [
                Broadway.Message.t()
              ]
            ) :: :ok
end

defmodule Broadway.Producer do
  @callback prepare_for_start(module(), keyword()) :: {[Supervisor.child_spec()], keyword()}
  @callback prepare_for_draining(state :: term()) :: {:noreply, [term()], state :: term()}
  @optional_callbacks prepare_for_start: 2, prepare_for_draining: 1
end

defmodule Broadway do
  # Without processors.
  def topology(_name), do: [producers: [], processors: [], batchers: []]
end
