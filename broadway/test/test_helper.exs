# The masters of tests.
Code.require_file("../../elixir/test/support/master.ex", __DIR__)

ExUnit.start(capture_log: true)
