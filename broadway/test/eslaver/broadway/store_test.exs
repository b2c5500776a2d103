defmodule Eslaver.Broadway.StoreTest do
  use ExUnit.Case, async: true

  alias Eslaver.Broadway.Store

  @position %{replid: String.duplicate("a", 40), offset: 7, db: 1}

  setup do
    directory = Eslaver.Test.Master.temporary()
    File.mkdir_p!(directory)
    on_exit(fn -> File.rm_rf!(directory) end)
    %{path: Path.join(directory, "position")}
  end

  test "a file has the position that was saved last", %{path: path} do
    assert Store.load({:file, path}) == nil
    assert Store.save({:file, path}, @position) == :ok
    assert Store.save({:file, path}, %{@position | offset: 8}) == :ok
    assert Store.load({:file, path}) == %{@position | offset: 8}
    assert File.ls!(Path.dirname(path)) == ["position"]

    assert Store.save({:file, path}, :none) == :ok
    assert Store.load({:file, path}) == nil
    assert Store.save({:file, path}, :none) == :ok
  end

  test "a file without a position is none", %{path: path} do
    for binary <- ["", "no term", :erlang.term_to_binary(:position)] do
      File.write!(path, binary)
      assert Store.load({:file, path}) == nil
    end

    assert {:error, :enoent} = Store.save({:file, path <> ".no/such/directory"}, @position)
  end

  test "which stores there are" do
    assert Enum.all?([nil, {:file, "path"}, {__MODULE__, :args}], &Store.valid?/1)
    refute Enum.any?([:file, "path", {:file, 1}, @position], &Store.valid?/1)
  end
end
