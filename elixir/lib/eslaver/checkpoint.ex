defmodule Eslaver.Checkpoint do
  @moduledoc """
  Which events can be stored together, and the position that is to be stored with them: then each
  event counts exactly once, whatever ends the node.

      def handle_batch(events, sink) do
        {whole, checkpoint} = Eslaver.Checkpoint.add(events, sink.checkpoint)
        :ok = store(whole, Eslaver.Checkpoint.position(checkpoint))
        {:ok, %{sink | checkpoint: checkpoint}}
      end

  It needs `events: :full`, and is pure:

      iex> set = {:stream, "set", ["key", "value"], %{db: 0, offset: 50}}
      iex> position = %{replid: "8371445ee67e7c7d", offset: 0, db: 0}
      iex> {[^set], checkpoint} = Eslaver.Checkpoint.add([set], Eslaver.Checkpoint.new(position))
      iex> Eslaver.Checkpoint.position(checkpoint)
      %{replid: "8371445ee67e7c7d", offset: 50, db: 0}
  """

  @type t() :: :eslaver_checkpoint.checkpoint()

  @doc """
  At the start, with the position that was stored last.
  """
  @spec new(Eslaver.position() | nil) :: t()
  def new(position \\ nil), do: :eslaver_checkpoint.new(position || :none)

  @doc """
  Adds the events that have come. Gives back those that can be stored now, in order: all up to the
  end of the last transaction. The others come with a later call.
  """
  @spec add([Eslaver.event()], t()) :: {[Eslaver.event()], t()}
  defdelegate add(events, checkpoint), to: :eslaver_checkpoint

  @doc """
  The position behind all events that `add/2` has given back; `nil` while a snapshot is loaded.
  """
  @spec position(t()) :: Eslaver.position() | nil
  def position(checkpoint) do
    case :eslaver_checkpoint.position(checkpoint) do
      :none -> nil
      position -> position
    end
  end
end
