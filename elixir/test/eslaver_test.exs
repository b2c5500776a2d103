defmodule EslaverTest do
  use ExUnit.Case, async: true

  alias Eslaver.Test.Master

  doctest Eslaver
  doctest Eslaver.RDB
  doctest Eslaver.Checkpoint

  setup_all do
    %{master: Master.start()}
  end

  test "every call of the Erlang package is there" do
    # The application's own, and the name of the result.
    others = [module_info: 0, start: 2]
    erlang = MapSet.new(:eslaver.module_info(:exports) -- others)
    assert MapSet.difference(erlang, MapSet.new(Eslaver.module_info(:exports))) == MapSet.new()
  end

  test "a function gets full events", %{master: master} do
    test = self()
    Master.command(master, ~w(HSET of:function field value))
    callback = &send(test, {:event, &1})
    replica = start_supervised!({Eslaver, port: master.port, callback: callback})
    assert :ok = Eslaver.await(replica, :loaded)

    assert_receive {:event, {:loading, :hash, "of:function", [{"field", "value"}], %{db: 0}}}
    Master.command(master, ~w(DEL of:function))
    assert_receive {:event, {:stream, "del", ["of:function"], %{db: 0, offset: _}}}, 5000
    assert %{state: :streaming, last_error: nil} = Eslaver.info(replica)
    assert %{offset: offset, db: 0} = Eslaver.position(replica)
    assert is_integer(offset)
  end

  test "what is missing is nil" do
    replica = start_supervised!({Eslaver, name: Nowhere, port: 1, callback: self()})
    assert Eslaver.position(Nowhere) == nil
    assert %{replid: nil} = Eslaver.info(replica)
  end

  test "a process gets as much as it asks for", %{master: master} do
    Master.command(master, ~w(SET of:demand value))
    callback = {self(), %{demand: 1}}
    replica = start_supervised!({Eslaver, port: master.port, callback: callback})
    assert_receive {:eslaver_passive, ^replica}, 5000
    assert Eslaver.demand(replica, 1000) == :ok
    assert Eslaver.await(replica, :loaded) == :ok
  end

  test "short names of options, and errors that name them" do
    assert {:error, {:invalid_option, :master_port, "x"}} = Eslaver.start_link(port: "x")
    assert {:error, reason} = Eslaver.start_link(port: 1, master_port: 2)
    assert Eslaver.format_error(reason) =~ "master_port"
    assert {:error, {:invalid_option, :options, :not_a_map}} = Eslaver.start_link(:none)
  end

  test "each failure of a read has a sentence" do
    for reason <- [:not_running, :loading, :stale, :not_served, :wrongtype, :unknown] do
      assert Eslaver.format_error({:error, reason}) =~ " "
      error = assert_raise Eslaver.Error, fn -> Eslaver.unwrap!({:error, reason}) end
      assert error.reason == reason
    end
  end

  test "a replica that does not run" do
    not_running = {:error, :not_running}
    assert Eslaver.info(NoSuch) == not_running
    assert Eslaver.position(NoSuch) == not_running
    assert Eslaver.await(NoSuch, :loaded) == not_running
    assert Eslaver.demand(NoSuch, 1) == not_running
    assert Eslaver.continue(NoSuch) == not_running
    assert Eslaver.call(NoSuch, :request) == not_running
    assert Eslaver.subscribe(NoSuch) == not_running
    assert Eslaver.unsubscribe(NoSuch, make_ref()) == not_running
  end

  test "a password is in no child specification" do
    spec = Eslaver.child_spec(name: Hidden, password: "s3cret")
    assert spec.id == Hidden
    refute inspect(spec, limit: :infinity) =~ "s3cret"
  end
end
