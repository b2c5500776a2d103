# How ex_doc, 0.36 or later, builds the documentation: see `make docs`.

# Pages have one directory, and links follow the names of files, so two pages cannot have one name.
# Hence the pages are copies, with links changed to these names; what is no page becomes an asset.
guides =
  ~w(getting_started elixir mirror cheatsheet events_and_handlers options filters_and_notifications
     high_availability exactly_once operations monitoring native_library limits differences)

guides = Enum.filter(guides, &File.exists?("guides/#{&1}.md"))

others = [
  {"examples/README.md", "examples.md", "Examples"},
  {"bench/report.md", "figures_callback.md", "Figures of the callback"},
  {"bench/mirror.md", "figures_mirror.md", "Figures of the mirror"},
  {"elixir/README.md", "elixir_package.md", "The Elixir package"},
  {"broadway/README.md", "broadway_package.md", "The Broadway package"}
]

others = Enum.filter(others, fn {file, _, _} -> File.exists?(file) end)
project = ~w(ARCHITECTURE.md CONTRIBUTING.md SECURITY.md RELEASING.md CHANGELOG.md)

page_of_guide = fn
  "cheatsheet" -> "cheatsheet.cheatmd"
  guide -> guide <> ".md"
end

pages =
  [{"README.md", "readme.md"}, {"LICENSE", "LICENSE"}] ++
    Enum.map(guides, &{"guides/#{&1}.md", page_of_guide.(&1)}) ++
    Enum.map(others, fn {file, page, _} -> {file, page} end) ++
    Enum.map(project, &{&1, String.downcase(&1)})

copies = "_build/docs"
File.mkdir_p!(Path.join(copies, "bench"))
File.cp!("bench/report.svg", Path.join(copies, "bench/report.svg"))

# A link as it is written in a file, from the root of the repository.
from_root = fn link, file ->
  link |> Path.expand(Path.join("/", Path.dirname(file))) |> Path.relative_to("/")
end

for {file, page} <- pages do
  text =
    Regex.replace(~r/\]\(([^)#:]+)(#[^)]*)?\)/, File.read!(file), fn _, link, anchor ->
      target = from_root.(link, file)
      "](" <> Map.get(Map.new(pages), target, target) <> anchor <> ")"
    end)

  File.write!(Path.join(copies, page), text)
end

copy = fn page -> Path.join(copies, page) end

# The calls of a mirror are grouped by the headings over their exports; those without one come first.
headings =
  for [_, title, exports] <-
        Regex.scan(
          ~r/^%% ([^\n]+)\.\n((?:-export\(\[[^\]]*\]\)\.\n)+)/m,
          File.read!("src/eslaver_mirror.erl")
        ) do
    {String.to_atom(title), Regex.scan(~r/\w+\/\d+/, exports) |> List.flatten()}
  end

heading = fn doc ->
  if doc[:module] == :eslaver_mirror and doc[:kind] == :function do
    Enum.find_value(headings, :"The mirror", fn {title, calls} ->
      if "#{doc[:name]}/#{doc[:arity]}" in calls, do: title
    end)
  end
end

groups = for title <- [:"The mirror" | Keyword.keys(headings)], do: {title, &(heading.(&1) == title)}

[
  main: "readme",
  proglang: :erlang,
  formatters: ["html"],
  extras:
    [copy.("readme.md")] ++
      Enum.map(guides, &copy.(page_of_guide.(&1))) ++
      Enum.map(others, fn {_, page, title} -> {String.to_atom(copy.(page)), [title: title]} end) ++
      Enum.map(project, &copy.(String.downcase(&1))) ++
      [{String.to_atom(copy.("LICENSE")), [title: "License"]}],
  groups_for_extras: [
    Guides: Enum.map(guides, &copy.(page_of_guide.(&1))),
    "Examples and figures": Enum.map(others, fn {_, page, _} -> copy.(page) end),
    Project: ~r{(architecture|contributing|security|changelog)\.md$|LICENSE$}
  ],
  groups_for_modules: [
    Mirrors: [:eslaver_mirror],
    Replicas: [:eslaver, :eslaver_rdb, :eslaver_server],
    Monitoring: ~r/_(metrics|telemetry)$/,
    Handlers: [:eslaver_handler, :eslaver_checkpoint, :eslaver_position_store],
    Types: ~r/_(types|input)$/
  ],
  groups_for_docs: groups,
  assets: %{"examples" => "examples", Path.join(copies, "bench") => "bench"}
]
