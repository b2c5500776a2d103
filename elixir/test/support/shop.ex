defmodule Eslaver.Test.Shop do
  @moduledoc false
  # The data of the examples in the documentation, and the mirror `:shop` that has it.

  alias Eslaver.Test.Master

  @doc """
  Writes the data to a master.
  """
  def fill(master) do
    Master.commands(master, [
      ~w(SET visits 41),
      ["SET", "greeting", "Hello, world"],
      ~w(SET session token EXAT 4102444800),
      ~w(SET bits foobar),
      ~w(MSET text:1 ohmytext text:2 mynewtext),
      ~w(PFADD visitors ada bob cyd),
      ~w(RPUSH queue a b c b),
      ~w(SADD tags:1 elixir erlang redis),
      ~w(SADD tags:2 elixir rust),
      ~w(ZADD scores 10 ada 20 bob 30 cyd),
      ~w(ZADD bonus 5 bob 1 cyd),
      ~w(ZADD names 0 ada 0 bob 0 cyd),
      ~w(GEOADD places 13.361389 38.115556 Palermo 15.087269 37.502669 Catania),
      ~w(HSET user:1 name Ada city London),
      ~w(XADD events 1-0 type login),
      ~w(XADD events 2-0 type logout),
      ~w(XGROUP CREATE events workers 0),
      ~w(XREADGROUP GROUP workers ada COUNT 1 STREAMS events >)
    ])
  end

  @doc """
  Starts a master with the data, and the mirror of it.
  """
  def start do
    master = Master.start()
    fill(master)
    {:ok, _} = Eslaver.Mirror.start_link(name: :shop, port: master.port)
    :ok = Eslaver.Mirror.await(:shop, :loaded, 20_000)
    master
  end
end
