defmodule Eslaver.Error do
  @moduledoc """
  What `Eslaver.unwrap!/1` raises for an `{:error, reason}`.
  """

  @enforce_keys [:reason]
  defexception [:reason]

  @type t() :: %__MODULE__{reason: term()}

  @impl true
  def exception(reason), do: %__MODULE__{reason: reason}

  @impl true
  def message(%__MODULE__{reason: reason}), do: Eslaver.format_error(reason)
end
