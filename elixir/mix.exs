defmodule Eslaver.MixProject do
  use Mix.Project

  @version "1.0.0"

  def project do
    [
      app: :eslaver_elixir,
      version: @version,
      elixir: "~> 1.14",
      elixirc_paths: elixirc_paths(Mix.env()),
      deps: deps(),
      description: "The Elixir face of eslaver, a Redis and Valkey replica",
      package: [
        licenses: ["BSD-3-Clause"],
        links: %{},
        files: ~w(lib mix.exs .formatter.exs README.md)
      ],
      docs: [main: "readme", extras: ["README.md"], groups_for_functions: groups()]
    ]
  end

  def application, do: [extra_applications: [:logger]]

  defp elixirc_paths(:test), do: ["lib", "test/support"]
  defp elixirc_paths(_env), do: ["lib"]

  # The Erlang package, which lies around this one. A project that takes both from git names both,
  # the Erlang one with `override: true`: see README.md.
  defp deps, do: [{:eslaver, path: "..", manager: :rebar3}]

  # The sections of `Eslaver.Mirror` in ExDoc.
  defp groups do
    for group <- [
          "Mirrors",
          "Keys",
          "Strings",
          "Lists",
          "Sets",
          "Sorted sets",
          "Geo",
          "Hashes",
          "Streams",
          "Arrays",
          "Vector sets",
          "Path hashes",
          "Sorting"
        ],
        do: {group, &(&1[:group] == group)}
  end
end
