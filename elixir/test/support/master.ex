defmodule Eslaver.Test.Master do
  @moduledoc false
  # A master of the test's own, on a free port of the loopback, and a client of it.

  @enforce_keys [:port, :program, :directory]
  defstruct @enforce_keys

  # Ports are taken by others meanwhile.
  @tries 5

  @doc """
  Starts a master that ends with the calling process.
  """
  def start(tries \\ @tries) do
    executable =
      System.find_executable("redis-server") || System.find_executable("valkey-server") ||
        raise "neither redis-server nor valkey-server is installed"

    directory = temporary()
    File.mkdir!(directory)
    port = free_port()
    args = ~w(--port #{port} --bind 127.0.0.1 --repl-diskless-sync-delay 0 --save) ++ [""]
    # It ends when its standard input does, so also if this node is killed.
    shell = ~s("$0" "$@" >server.log 2>&1 & cat >/dev/null; kill $!; wait; rm -r "$PWD")

    program =
      Port.open({:spawn_executable, "/bin/sh"}, [
        :exit_status,
        args: ["-c", shell, executable | args],
        cd: directory
      ])

    master = %__MODULE__{port: port, program: program, directory: directory}

    cond do
      answers?(master, 100) -> master
      tries > 1 -> stop(master) && start(tries - 1)
      true -> raise File.read!(Path.join(directory, "server.log"))
    end
  end

  @doc """
  Ends a master.
  """
  def stop(master), do: Port.close(master.program)

  @doc """
  A path that no other test has.
  """
  def temporary do
    name = "eslaver-mix-#{System.pid()}-#{System.unique_integer([:positive])}"
    Path.join(System.tmp_dir!(), name)
  end

  @doc """
  The reply to a command: a string, an integer, a list or `nil`.
  """
  def command(master, args) do
    {:ok, socket} = connect(master)
    reply = ask(socket, args)
    :gen_tcp.close(socket)
    reply
  end

  @doc """
  The replies to commands of one connection.
  """
  def commands(master, commands) do
    {:ok, socket} = connect(master)
    replies = Enum.map(commands, &ask(socket, &1))
    :gen_tcp.close(socket)
    replies
  end

  defp free_port do
    {:ok, listener} = :gen_tcp.listen(0, ip: {127, 0, 0, 1})
    {:ok, port} = :inet.port(listener)
    :gen_tcp.close(listener)
    port
  end

  defp answers?(_master, 0), do: false

  defp answers?(master, tries) do
    case connect(master) do
      {:ok, socket} ->
        ["dir", directory] = ask(socket, ~w(CONFIG GET dir))
        :gen_tcp.close(socket)
        # Another server may have got the port.
        Path.basename(directory) == Path.basename(master.directory)

      {:error, _reason} ->
        Process.sleep(50)
        answers?(master, tries - 1)
    end
  end

  defp connect(master),
    do: :gen_tcp.connect({127, 0, 0, 1}, master.port, [:binary, packet: :line, active: false])

  defp ask(socket, args) do
    words = Enum.map(args, &to_string/1)
    bulks = for word <- words, do: ["$#{byte_size(word)}\r\n", word, "\r\n"]
    :ok = :gen_tcp.send(socket, ["*#{length(words)}\r\n", bulks])
    reply(socket)
  end

  defp reply(socket) do
    {:ok, line} = :gen_tcp.recv(socket, 0, 5000)

    case String.trim_trailing(line, "\r\n") do
      "+" <> text -> text
      "-" <> error -> raise error
      ":" <> number -> String.to_integer(number)
      "$-1" -> nil
      "$" <> length -> bulk(socket, String.to_integer(length))
      "*" <> count -> for _ <- 1..String.to_integer(count)//1, do: reply(socket)
    end
  end

  defp bulk(socket, length) do
    :ok = :inet.setopts(socket, packet: :raw)
    {:ok, <<text::binary-size(length), "\r\n">>} = :gen_tcp.recv(socket, length + 2, 5000)
    :ok = :inet.setopts(socket, packet: :line)
    text
  end
end
