defmodule Eslaver.Broadway.WindowTest do
  use ExUnit.Case, async: true

  alias Eslaver.Broadway.Window

  @replid String.duplicate("a", 40)

  defp at(offset), do: %{replid: @replid, offset: offset, db: 0}
  defp set(offset), do: command("set", ["key", "value"], offset)
  defp command(name, args, offset), do: {:stream, name, args, %{db: 0, offset: offset}}

  defp add(window, events) do
    Enum.map_reduce(events, window, fn event, window -> Window.add(window, event) end)
  end

  test "the position is behind what all before is acknowledged, too" do
    {[a, b, c], window} = add(Window.new(at(0)), [set(10), set(20), set(30)])

    window = Window.acknowledge(window, [b])
    assert Window.position(window) == at(0)
    window = Window.acknowledge(window, [a])
    assert Window.position(window) == at(20)
    window = Window.acknowledge(window, [c])
    assert Window.position(window) == at(30)
    assert window.out == %{}
  end

  test "in whichever order messages are acknowledged, it is the least that is open" do
    offsets = Enum.to_list(1..60)
    {numbers, window} = add(Window.new(at(0)), Enum.map(offsets, &set/1))

    numbers
    |> Enum.zip(offsets)
    |> Enum.shuffle()
    |> Enum.reduce({window, MapSet.new(offsets)}, fn {number, offset}, {window, open} ->
      window = Window.acknowledge(window, [number])
      open = MapSet.delete(open, offset)
      assert Window.position(window) == at(Enum.min(open, fn -> 61 end) - 1)
      {window, open}
    end)
  end

  test "a message that is acknowledged twice, or unknown, changes nothing" do
    {[a, _b], window} = add(Window.new(at(0)), [set(10), set(20)])
    window = window |> Window.acknowledge([a]) |> Window.acknowledge([a, 99])
    assert Window.position(window) == at(10)
    assert map_size(window.out) == 1
  end

  test "a transaction moves it with its exec only" do
    events = [command("multi", [], 10), set(20), command("exec", [], 30)]
    {[multi, set, exec], window} = add(Window.new(at(0)), events)

    window = Window.acknowledge(window, [multi, set])
    assert Window.position(window) == at(0)
    assert Window.position(Window.acknowledge(window, [exec])) == at(30)
  end

  test "what is no message moves it once all before is acknowledged" do
    {a, window} = Window.add(Window.new(at(0)), set(10))
    window = Window.pass(window, command("ping", [], 20))
    assert Window.position(window) == at(0)
    assert Window.position(Window.acknowledge(window, [a])) == at(20)
    assert Window.position(Window.pass(Window.new(at(0)), command("ping", [], 5))) == at(5)
  end

  test "a snapshot has the position of its end, and what was out before has none" do
    {[before], window} = add(Window.new(at(5)), [set(10)])
    window = Window.void(window)

    events = [
      {:link, :up, %{resync: :full, replid: @replid}},
      {:loading, :start, %{source: :master, replid: @replid, offset: 100}},
      {:loading, :string, "key", "value", %{db: 0}},
      {:loading, :eof, %{db: 0, keys: 1, bytes: 9}}
    ]

    {numbers, window} = add(window, events)
    assert Window.position(window) == nil
    window = Window.acknowledge(window, [before])
    assert Window.position(window) == nil
    window = Window.acknowledge(window, Enum.drop(numbers, -1))
    assert Window.position(window) == nil
    window = Window.acknowledge(window, Enum.take(numbers, -1))
    assert Window.position(window) == at(100)
  end

  test "it is shown without keys and values" do
    {_, window} = add(Window.new(nil), [command("multi", [], 10), set(20)])
    refute inspect(window) =~ "value"
  end
end
