defmodule Eslaver.Options do
  @moduledoc false
  # The options of a start, with short names, and defaults that suit Elixir.
  # The Erlang package checks them, so what is no list or map goes there as it is.

  @short %{
    host: :master_host,
    port: :master_port,
    url: :master_url,
    username: :master_user,
    password: :master_auth
  }

  @doc """
  The options of a replica for the Erlang package.
  """
  @spec replica(term()) :: term()
  def replica(options), do: complete(options, events: :full)

  @doc """
  The options of a mirror for the Erlang package.
  """
  @spec mirror(term()) :: term()
  def mirror(options) do
    case complete(options, name: Eslaver.Mirror, undefined: nil) do
      given when is_list(given) -> if given?(given, :callback), do: replica(given), else: given
      other -> other
    end
  end

  @doc """
  The child specification with an id that is no name of the Erlang package.
  """
  @spec identified(Supervisor.child_spec(), module()) :: Supervisor.child_spec()
  def identified(%{id: :eslaver} = spec, module), do: %{spec | id: module}
  def identified(spec, _module), do: spec

  defp complete(options, defaults) when is_map(options),
    do: options |> Map.to_list() |> complete(defaults)

  defp complete(options, defaults) when is_list(options) do
    given = Enum.map(options, &long/1)
    Enum.reject(defaults, fn {key, _} -> given?(given, key) end) ++ given
  end

  defp complete(options, _defaults), do: options

  defp long({key, value}), do: {Map.get(@short, key, key), value}
  defp long(key), do: Map.get(@short, key, key)

  defp given?(options, key), do: Enum.any?(options, &(&1 == key or match?({^key, _}, &1)))
end
