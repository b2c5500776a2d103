"""What is compared: eslaver, a real replica, and the bytes alone."""
import os
import socket
import subprocess
import time

from process import Process, timed

ROOT = os.path.dirname(os.path.dirname(os.path.abspath(__file__)))
BUILD = os.path.abspath(os.environ.get("REBAR_BASE_DIR", os.path.join(ROOT, "_build")))
TOOL = os.path.join(os.path.abspath(os.environ.get("CARGO_TARGET_DIR",
                                                   os.path.join(ROOT, "target"))),
                    "release", "eslaver_bench")
SERVER = os.environ.get("BENCH_SERVER", "redis-server")


def free_port():
    with socket.socket() as listener:
        listener.bind(("127.0.0.1", 0))
        return listener.getsockname()[1]


def tool(*args):
    """A call of the bench crate's program that ends; gives what it says."""
    return subprocess.run([TOOL, *map(str, args)], check=True, stdout=subprocess.PIPE,
                          text=True).stdout


class Server(Process):
    """A real server: a master, or a replica."""

    def __init__(self, *options, dataset=None):
        self.port = free_port()
        super().__init__(["sh", "-c", 'read -r _; exec "$@"', "sh", SERVER,
                          "--port", str(self.port), "--bind", "127.0.0.1", "--save", "",
                          "--repl-diskless-sync-delay", "0", "--loglevel", "notice", *options])
        if dataset:
            os.symlink(dataset, os.path.join(self.dir, "dump.rdb"))
        self.write("")
        self.await_line("Ready to accept connections")

    def call(self, *words):
        """Sends one command; gives the first line of the reply, or all of a bulk."""
        with socket.create_connection(("127.0.0.1", self.port)) as client:
            client.sendall(" ".join(words).encode() + b"\r\n")
            with client.makefile("rb") as replies:
                line = replies.readline().decode().strip()
                if line.startswith("-"):
                    raise RuntimeError(f"{words}: {line}")
                return replies.read(int(line[1:])).decode() if line.startswith("$") else line


class Replica(Server):
    """redis-server --replicaof, as it loads by default or into a second db."""

    def __init__(self, load):
        super().__init__("--repl-diskless-load", load)

    def begin(self, port):
        self.call("REPLICAOF", "127.0.0.1", str(port))

    def sync(self, port):
        def act():
            self.begin(port)
            self.await_line("Finished with success")
        return timed(self, act)


class Eslaver(Process):
    """eslaver in a node of its own, with a callback of this kind."""

    def __init__(self, kind, options="#{}"):
        super().__init__(["erl", "-noshell", "-pa", os.path.join(BUILD, "default/lib/eslaver/ebin"),
                          os.path.join(BUILD, "bench"), "-run", "eslaver_bench"])
        self.kind = kind
        self.options = options
        self.await_line("ready")

    def ask(self, request):
        self.write(request + ".")
        return self.read()

    def begin(self, port):
        """Starts to replicate; the snapshot is handled when the answer comes."""
        self.write(f"{{sync, {self.kind}, {self.target(port)}}}.")

    def sync(self, port):
        def act():
            said = self.ask(f"{{sync, {self.kind}, {self.target(port)}}}")
            self.events = int(said.removeprefix("loaded "))
        return timed(self, act)

    def target(self, port):
        """The options of a replica of this master."""
        own = self.options.removeprefix("#{").removesuffix("}")
        return f"#{{master_port => {port}{', ' if own else ''}{own}}}"


class Bytes:
    """redis-cli --rdb: the snapshot's bytes, and nothing done with them."""

    def __enter__(self):
        return self

    def __exit__(self, *_):
        pass

    def sync(self, port):
        began = time.monotonic()
        child = subprocess.Popen(["redis-cli", "-p", str(port), "--rdb", "-"],
                                 stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)
        _, status, usage = os.wait4(child.pid, 0)
        child.returncode = os.waitstatus_to_exitcode(status)
        if child.returncode != 0:
            raise RuntimeError("redis-cli --rdb has failed")
        return {"wall": time.monotonic() - began, "cpu": usage.ru_utime + usage.ru_stime,
                "rss": usage.ru_maxrss / 1024}


class StandIn(Process):
    """Serves a snapshot, and perhaps a stream, from memory."""

    def __init__(self, snapshot, *stream):
        super().__init__([TOOL, "serve", snapshot, *stream])
        self.port = int(self.await_line("port ").split()[1])
