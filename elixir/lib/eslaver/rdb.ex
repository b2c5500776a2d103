defmodule Eslaver.RDB do
  @moduledoc """
  RDB files and `DUMP` payloads, without a master.
  """

  @type event() :: :eslaver_rdb.event()

  @doc """
  Folds over the content of an RDB file. A damaged file is an error, and nothing of it is given to
  the function.

      Eslaver.RDB.fold("dump.rdb", 0, fn
        {:loading, :hash, _key, _fields, _meta}, count -> count + 1
        _event, count -> count
      end)

      iex> {:error, error} = Eslaver.RDB.fold("no such file", 0, fn _event, acc -> acc end)
      iex> error.reason
      :bad_file
  """
  @spec fold(Path.t(), acc, (event(), acc -> acc)) ::
          {:ok, acc} | {:error, %{reason: atom(), text: String.t()}}
        when acc: term()
  def fold(path, acc, fun), do: :eslaver_rdb.fold(path, fun, acc)

  @doc """
  Decodes the payload of `DUMP` and `RESTORE`: the type, the value as in an event, and its metadata.

      iex> Eslaver.RDB.decode_dump(<<0, 5, "hello", 9, 0, 0, 0, 0, 0, 0, 0, 0, 0>>)
      {:ok, {:string, "hello", %{}}}
  """
  @spec decode_dump(binary()) ::
          {:ok, {:eslaver_rdb.type(), value :: term(), meta :: map()}} | {:error, String.t()}
  defdelegate decode_dump(payload), to: :eslaver_rdb
end
