defmodule Eslaver.Broadway.MixProject do
  use Mix.Project

  # Where hex.pm cannot be reached, ESLAVER_STUBS=1 compiles against stubs of the behaviours.
  @stubs? System.get_env("ESLAVER_STUBS") == "1"

  def project do
    [
      app: :eslaver_broadway,
      version: "1.0.0",
      elixir: "~> 1.14",
      elixirc_paths: ["lib" | stubs()],
      deps: deps(),
      description: "A Broadway producer of a Redis or Valkey master's snapshot and writes",
      package: [
        licenses: ["BSD-3-Clause"],
        links: %{},
        files: ~w(lib mix.exs .formatter.exs README.md)
      ],
      docs: [main: "readme", extras: ["README.md"]]
    ]
  end

  def application, do: [extra_applications: [:logger]]

  defp stubs, do: if(@stubs?, do: ["test/stubs"], else: [])

  defp deps do
    [{:eslaver_elixir, path: "../elixir"}] ++ if @stubs?, do: [], else: [{:broadway, "~> 1.0"}]
  end
end
