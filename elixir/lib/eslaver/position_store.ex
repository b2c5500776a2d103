defmodule Eslaver.PositionStore do
  @moduledoc """
  Where positions are kept, other than in files: `resume: {module, args}`.

      defmodule Positions do
        @behaviour Eslaver.PositionStore

        @impl true
        def load(_where, table) do
          case :ets.lookup(table, :position) do
            [{:position, position}] when position != :none -> {:ok, position}
            _ -> :none
          end
        end

        @impl true
        def save(_where, position, table) do
          :ets.insert(table, {:position, position})
          :ok
        end
      end

  Both are called in a process of their own: a store that is slow or fails does not stop the stream.
  """

  @typedoc """
  Whose position it is: `%{}` for one master, `%{shard: id, replids: ids}` in a cluster.
  """
  @type where() :: :eslaver_position_store.where()

  @doc """
  Called at each start of the replica: the position that was saved last. Without one, or after a
  failure, the next sync is full.
  """
  @callback load(where(), args :: term()) ::
              {:ok, Eslaver.position()} | :none | {:error, term()}

  @doc """
  All events up to this position have been handled. With `:none` a snapshot begins, and what was
  stored before is void.

  It is called with the newest position, not more often than every 100 ms.
  """
  @callback save(where(), Eslaver.position() | :none, args :: term()) :: :ok | {:error, term()}
end
