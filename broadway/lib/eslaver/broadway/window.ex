defmodule Eslaver.Broadway.Window do
  @moduledoc false
  # Which of the messages that are out have been acknowledged, and up to which position all have.
  # Pure; the producer keeps one.

  alias Eslaver.Checkpoint

  # Events of an open transaction are in the checkpoint, and not for logs.
  @derive {Inspect, only: [:next, :oldest, :position]}
  @enforce_keys [:checkpoint]
  defstruct [
    # Knows the position behind each event.
    :checkpoint,
    # The number of the next message.
    next: 0,
    # The oldest message that is not acknowledged.
    oldest: 0,
    # Positions of messages from a history before this number are void.
    valid_from: 0,
    # By number: the position behind the message, and whether it is acknowledged.
    out: %{},
    # Behind all that is acknowledged.
    position: nil
  ]

  @type t() :: %__MODULE__{}

  @doc """
  At the start, with the position that was stored.
  """
  @spec new(Eslaver.position() | nil) :: t()
  def new(position), do: %__MODULE__{checkpoint: Checkpoint.new(position), position: position}

  @doc """
  An event that becomes a message, whose number is the first result.
  """
  @spec add(t(), Eslaver.event()) :: {non_neg_integer(), t()}
  def add(window, event), do: {window.next, put(window, event, :open)}

  @doc """
  An event that becomes none, and so needs no acknowledgement.
  """
  @spec pass(t(), Eslaver.event()) :: t()
  def pass(window, event), do: window |> put(event, :acknowledged) |> advance()

  @doc """
  The messages of these numbers are acknowledged.
  """
  @spec acknowledge(t(), [non_neg_integer()]) :: t()
  def acknowledge(window, numbers) do
    out = Enum.reduce(numbers, window.out, &acknowledged/2)
    advance(%{window | out: out})
  end

  @doc """
  A snapshot takes the place of all before: what is out has no position any more.
  """
  @spec void(t()) :: t()
  def void(window), do: %{window | valid_from: window.next, position: nil}

  @doc """
  The position up to which all messages are acknowledged; `nil` while a snapshot is not.
  """
  @spec position(t()) :: Eslaver.position() | nil
  def position(window), do: window.position

  defp put(window, event, state) do
    {_whole, checkpoint} = Checkpoint.add([event], window.checkpoint)
    out = Map.put(window.out, window.next, {Checkpoint.position(checkpoint), state})
    %{window | checkpoint: checkpoint, out: out, next: window.next + 1}
  end

  defp acknowledged(number, out) do
    case out do
      %{^number => {position, _}} -> %{out | number => {position, :acknowledged}}
      %{} -> out
    end
  end

  defp advance(%{oldest: oldest} = window) do
    case window.out do
      %{^oldest => {position, :acknowledged}} ->
        position = if oldest < window.valid_from, do: window.position, else: position
        out = Map.delete(window.out, oldest)
        advance(%{window | out: out, oldest: oldest + 1, position: position})

      %{} ->
        window
    end
  end
end
