defmodule Eslaver.MirrorTest do
  use ExUnit.Case, async: true

  alias Eslaver.Mirror
  alias Eslaver.Test.{Master, Shop}

  setup_all do
    %{master: Shop.start()}
  end

  doctest Eslaver.Mirror

  # Calls of the Erlang module, and the names that a face has of its own.
  defp calls(module), do: MapSet.new(module.module_info(:exports))

  test "every call of the Erlang package is there" do
    erlang = MapSet.delete(calls(:eslaver_mirror), {:module_info, 0})
    assert MapSet.difference(erlang, calls(Mirror)) == MapSet.new()
  end

  test "every call has a documentation and a spec, and every read an example" do
    {:docs_v1, _, :elixir, "text/markdown", %{"en" => _}, _, docs} = Code.fetch_docs(Mirror)
    {:ok, specs} = Code.Typespec.fetch_specs(Mirror)
    specs = MapSet.new(specs, fn {call, _} -> call end)
    functions = for {{:function, name, arity}, _, _, doc, _} <- docs, do: {name, arity, doc}
    assert length(functions) > 130

    for {name, arity, doc} <- functions do
      assert %{"en" => text} = doc, "#{name}/#{arity} has no documentation"
      assert {name, arity} in specs, "#{name}/#{arity} has no spec"
      own? = name in ~w(start_link format_error stop info subscribe unsubscribe save)a
      assert own? or text =~ "iex>", "#{name}/#{arity} has no example"
    end
  end

  test "h Eslaver.Mirror.zrange shows the documentation" do
    shown =
      ExUnit.CaptureIO.capture_io(fn ->
        require IEx.Helpers
        IEx.Helpers.h(Eslaver.Mirror.zrange())
      end)

    assert shown =~ "zrange(mirror, key, first, last, options \\\\ [])"
    assert shown =~ ":with_scores"
  end

  test "options are keyword lists or maps" do
    assert Mirror.zrange(:shop, "scores", 0, -1, %{rev: true}) == ["cyd", "bob", "ada"]
    assert Mirror.zrange(:shop, "scores", 0, -1, [:rev]) == ["cyd", "bob", "ada"]

    assert_raise ArgumentError, ~r"the option revv is unknown", fn ->
      Mirror.zrange(:shop, "scores", 0, -1, revv: true)
    end

    assert_raise ArgumentError, fn -> Mirror.get(:shop, :greeting) end
  end

  test "failures are errors, or raised" do
    assert Mirror.get(:no_such_mirror, "key") == {:error, :not_running}
    assert Mirror.info(:no_such_mirror) == {:error, :not_running}

    assert_raise Eslaver.Error, "there is no replica or mirror of this name", fn ->
      Eslaver.unwrap!(Mirror.get(:no_such_mirror, "key"))
    end
  end

  test "a mirror is a child of a supervisor, by its name", %{master: master} do
    start_supervised!({Mirror, name: :child, host: "127.0.0.1", port: master.port})
    :ok = Mirror.await(:child, :loaded)
    assert Mirror.get(:child, "visits") == "41"
    assert Mirror.get({:child, 3}, "visits") == nil
    assert %{status: :fresh, last_save: nil, replica: %{state: :streaming}} = Mirror.info(:child)
    assert :ok = stop_supervised(:child)
    assert Mirror.get(:child, "visits") == {:error, :not_running}
  end

  test "without a name it has that of the module", %{master: master} do
    start_supervised!({Mirror, port: master.port})
    :ok = Mirror.await(Mirror, :loaded)
    assert Mirror.get(Mirror, "visits") == "41"
  end

  test "a write is read once its token is awaited", %{master: master} do
    [_, info] = Master.commands(master, [~w(SET written yes), ~w(INFO replication)])
    assert Mirror.await(:shop, Eslaver.token(info)) == :ok
    assert Mirror.get(:shop, "written") == "yes"
  end

  test "subscribers are told of changes that can be read", %{master: master} do
    {:ok, ref} = Mirror.subscribe(:shop, keys: "told:*")
    Master.command(master, ~w(SET told:1 yes))
    assert_receive {:eslaver, ^ref, {:key, "set", "told:1", %{db: 0}}}, 5000
    assert Mirror.get(:shop, "told:1") == "yes"
    assert Mirror.unsubscribe(:shop, ref) == :ok
  end

  test "saves a file that can be read" do
    path = Master.temporary()
    on_exit(fn -> File.rm(path) end)
    assert Mirror.save(:shop, path) == :ok

    hashes = fn
      {:loading, :hash, key, fields, _meta}, found -> Map.put(found, key, Map.new(fields))
      _event, found -> found
    end

    assert Eslaver.RDB.fold(path, %{}, hashes) ==
             {:ok, %{"user:1" => %{"name" => "Ada", "city" => "London"}}}
  end
end
