defmodule Eslaver.Handler do
  @moduledoc """
  A callback that keeps state, named as `callback: {:handler, module, args}`.

      defmodule Users do
        use Eslaver.Handler

        @impl true
        def handle_event({:loading, :hash, "user:" <> id, fields, _meta}, table) do
          :ets.insert(table, {id, Map.new(fields)})
          {:ok, table}
        end

        def handle_event(_event, table), do: {:ok, table}
      end

      table = :ets.new(:users, [:public])
      Eslaver.start_link(url: "redis://localhost", callback: {:handler, Users, table})

  It runs in the replica's process, which is `self/0` in each function here. An event counts as
  handled when the call for it has returned, and only then is it acknowledged to the master.

  `use Eslaver.Handler` declares the behaviour and defines

    * `init/1`, which takes the argument as the state
    * `child_spec/1`, so that the handler itself is a child of a supervisor, with the options of
      `Eslaver.start_link/1`, and with `:args` for `init/1`:

          children = [{Users, url: "redis://localhost", args: table}]

  Both may be overridden. `use Eslaver.Handler, restart: :transient` and the other keys of
  `Supervisor.child_spec/2` change the child.
  """

  @typedoc """
  The result of a handler: go on; pause the stream until `Eslaver.continue/1` is called, or for
  some milliseconds; or stop the replica.
  """
  @type result() :: result(term())

  @type result(state) ::
          {:ok, state}
          | {:pause, state}
          | {:pause, milliseconds :: non_neg_integer(), state}
          | {:stop, reason :: term(), state}

  @typedoc "`%{}`, or `%{shard: shard}` in a cluster, where each shard has a handler of its own."
  @type context() :: :eslaver_handler.context()

  @doc """
  Called when the replica starts. With `{:stop, reason}` it does not start.
  """
  @callback init(args :: term()) :: {:ok, state :: term()} | {:stop, reason :: term()}

  @doc """
  Called instead of `c:init/1` where it is defined.
  """
  @callback init(args :: term(), context()) :: {:ok, state :: term()} | {:stop, reason :: term()}

  @doc """
  Called with each event.
  """
  @callback handle_event(Eslaver.event(), state :: term()) :: result()

  @doc """
  Called instead of `c:handle_event/2` where it is defined, with all events that are ready, up to
  1,024: for sinks that write in bulk.
  """
  @callback handle_batch([Eslaver.event(), ...], state :: term()) :: result()

  @doc """
  Called with a message that another process, or a timer, has sent to the replica's process.

  It comes between two events, also while the stream is paused; `{:continue, state}` ends the pause.
  """
  @callback handle_info(message :: term(), state :: term()) ::
              result() | {:continue, state :: term()}

  @doc """
  Called for `Eslaver.call/3`, at the same times. Without a reply among the results,
  `GenServer.reply/2` may give it later.
  """
  @callback handle_call(request :: term(), GenServer.from(), state :: term()) ::
              {:reply, reply :: term(), state :: term()}
              | {:stop, reason :: term(), reply :: term(), state :: term()}
              | result()
              | {:continue, state :: term()}

  @doc """
  Called when the replica stops in an orderly way.
  """
  @callback terminate(reason :: term(), state :: term()) :: term()

  @optional_callbacks init: 1,
                      init: 2,
                      handle_event: 2,
                      handle_batch: 2,
                      handle_info: 2,
                      handle_call: 3,
                      terminate: 2

  @doc false
  defmacro __using__(overrides) do
    quote location: :keep do
      @behaviour Eslaver.Handler
      @before_compile Eslaver.Handler

      @impl Eslaver.Handler
      def init(args), do: {:ok, args}

      @doc """
      A replica with this handler, for a supervisor.
      """
      @spec child_spec(Eslaver.options()) :: Supervisor.child_spec()
      def child_spec(options) do
        options
        |> Eslaver.Handler.child(__MODULE__)
        |> Supervisor.child_spec(unquote(Macro.escape(overrides)))
      end

      defoverridable init: 1, child_spec: 1
    end
  end

  @doc false
  defmacro __before_compile__(env) do
    unless Module.defines?(env.module, {:handle_event, 2}) or
             Module.defines?(env.module, {:handle_batch, 2}) do
      raise CompileError,
        file: env.file,
        line: env.line,
        description: "#{inspect(env.module)} needs handle_event/2 or handle_batch/2"
    end
  end

  @doc false
  @spec child(Eslaver.options(), module()) :: Supervisor.child_spec()
  def child(options, module) do
    {args, replica} = options |> Keyword.new() |> Keyword.pop(:args)
    spec = Eslaver.child_spec([callback: {:handler, module, args}] ++ replica)
    if spec.id == Eslaver, do: %{spec | id: module}, else: spec
  end
end
