defmodule Eslaver.Broadway.Store do
  @moduledoc false
  # Where the producer keeps its position: nowhere, in a file, or in an `Eslaver.PositionStore`.

  require Logger

  @type t() :: nil | {:file, Path.t()} | {module(), term()}

  @doc """
  Whether it can be a store.
  """
  @spec valid?(term()) :: boolean()
  def valid?(nil), do: true
  def valid?({:file, path}), do: is_binary(path)
  def valid?({module, _args}), do: is_atom(module)
  def valid?(_other), do: false

  @doc """
  The position that was saved last.
  """
  @spec load(t()) :: Eslaver.position() | nil
  def load(nil), do: nil

  def load({:file, path}) do
    with {:ok, binary} <- File.read(path),
         {:ok, position} <- decode(binary) do
      position
    else
      {:error, :enoent} -> nil
      {:error, reason} -> without("cannot be read: #{inspect(reason)}")
    end
  end

  def load({module, args}) do
    case module.load(%{}, args) do
      {:ok, position} -> position
      :none -> nil
      {:error, reason} -> without("cannot be loaded: #{inspect(reason)}")
    end
  end

  @doc """
  Saves a position, or that there is none.
  """
  @spec save(t(), Eslaver.position() | :none) :: :ok | {:error, term()}
  def save(nil, _position), do: :ok

  def save({:file, path}, :none) do
    case File.rm(path) do
      {:error, :enoent} -> :ok
      result -> result
    end
  end

  # A crash leaves the old file or the new one.
  def save({:file, path}, position) do
    new = path <> ".new"

    with {:ok, file} <- File.open(new, [:write, :binary]),
         :ok <- written(file, :erlang.term_to_binary(position)),
         do: File.rename(new, path)
  end

  def save({module, args}, position), do: module.save(%{}, position, args)

  defp written(file, binary) do
    with :ok <- :file.write(file, binary), do: :file.datasync(file)
  after
    File.close(file)
  end

  defp decode(binary) do
    case :erlang.binary_to_term(binary, [:safe]) do
      %{replid: _, offset: _, db: _} = position -> {:ok, position}
      _other -> {:error, :no_position}
    end
  rescue
    ArgumentError -> {:error, :no_position}
  end

  defp without(why) do
    Logger.warning("eslaver_broadway: the position #{why}; a full sync follows")
    nil
  end
end
