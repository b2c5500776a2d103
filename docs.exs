# How ex_doc, 0.36 or later, builds the documentation: see `make docs`.

# The calls of a mirror, by the headings over their exports.
groups =
  Regex.scan(
    ~r/^%% ([^\n]+)\.\n((?:-export\(\[[^\]]*\]\)\.\n)+)/m,
    File.read!("src/eslaver_mirror.erl")
  )

by_group =
  for [_, title, exports] <- groups do
    calls = for [call] <- Regex.scan(~r/\w+\/\d+/, exports), do: call
    {String.to_atom(title), &("#{&1[:name]}/#{&1[:arity]}" in calls and &1[:module] == :eslaver_mirror)}
  end

[
  main: "readme",
  proglang: :erlang,
  extras: [
    "README.md",
    "guides/getting_started.md",
    "guides/mirror.md",
    "guides/cheatsheet.cheatmd",
    "guides/events_and_handlers.md",
    "guides/options.md",
    "guides/filters_and_notifications.md",
    "guides/high_availability.md",
    "guides/exactly_once.md",
    "guides/operations.md",
    "guides/limits.md",
    "guides/differences.md",
    {:"examples/README.md", [filename: "examples", title: "Examples"]},
    "ARCHITECTURE.md",
    "CONTRIBUTING.md",
    "SECURITY.md",
    "CHANGELOG.md",
    {:LICENSE, [title: "License"]}
  ],
  groups_for_extras: [
    Guides: ~r{^guides/},
    Examples: ~r{^examples/},
    Project: ~r{^[A-Z]+(\.md)?$}
  ],
  groups_for_modules: [
    Replicas: [:eslaver, :eslaver_server, :eslaver_rdb],
    Mirrors: [:eslaver_mirror],
    Behaviours: [:eslaver_handler, :eslaver_position_store, :eslaver_checkpoint]
  ],
  groups_for_docs: by_group
]
