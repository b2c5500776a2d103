"""What is compared: eslaver, a real replica, and the bytes alone."""
import os
import re
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
# Where a server listens, too, in its directory.
SOCKET = "socket"


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
                          "--unixsocket", SOCKET, "--repl-diskless-sync-delay", "0",
                          "--loglevel", "notice", *options])
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


    def info(self, name):
        """A number of INFO."""
        return self.infos(name)[0]

    def infos(self, *names):
        """Numbers of one INFO."""
        info = self.call("INFO")
        return [int(re.search(rf"^{name}:(\d+)", info, re.MULTILINE)[1]) for name in names]

    def position(self):
        """How far the stream of replication has come, and when, in µs of the system's clock."""
        return self.infos("master_repl_offset", "server_time_usec")

    def offset(self):
        return self.position()[0]

    def memory(self):
        """The bytes that it says it takes."""
        return self.info("used_memory")

    def keys(self):
        return int(self.call("DBSIZE")[1:])

    def path(self):
        """Its unix socket."""
        return os.path.join(self.dir, SOCKET)

    def socket(self):
        """How a node reads from it."""
        return f'{{socket, "{self.path()}"}}'

    @classmethod
    def started(cls, dataset):
        """What it costs to start one with a snapshot of its own."""
        began = time.monotonic()
        with cls(dataset=dataset) as server:
            return {"wall": time.monotonic() - began, "cpu": server.cpu(), "rss": server.peak()}


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

    def stop(self):
        self.call("REPLICAOF", "NO", "ONE")


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


class Mirror(Eslaver):
    """A mirror, in a node of its own."""

    def __init__(self, options="#{}"):
        super().__init__("mirror", options)
        self.positions = None

    def request(self, request):
        return self.ask(f"{{mirror, {request}}}")

    def begin(self, port):
        self.write(f"{{mirror, {{start, {self.target(port)}}}}}.")

    def sync(self, port):
        return timed(self, lambda: self.request(f"{{start, {self.target(port)}}}"))

    def stop(self):
        self.request("stop")

    def position(self):
        """As that of a server."""
        if not self.positions:
            path = os.path.join(self.dir, SOCKET)
            self.request(f'{{positions, "{path}"}}')
            with socket.socket(socket.AF_UNIX) as client:
                client.connect(path)
                self.positions = client.makefile("rwb", buffering=0)
        self.positions.write(b"?")
        return list(map(int, self.positions.readline().split()))

    def offset(self):
        return self.position()[0]

    def memory(self):
        return int(self.request("memory"))

    def keys(self):
        return int(self.request("keys"))

    def rate(self, read, processes, milliseconds, source="mirror"):
        """Reads per second."""
        return int(self.request(f"{{rate, {read}, {source}, {processes}, {milliseconds}}}"))

    def times(self, read, processes, milliseconds, source="mirror"):
        """How long each read takes, in µs: percentiles, the longest, and the delay at p99.9."""
        return self.taken(f"{{times, {read}, {source}, {processes}, {milliseconds}}}")

    def times_saving(self, file, read, milliseconds):
        """The same of one process, while the mirror is saved again and again."""
        return self.taken(
            f'{{while_saving, "{file}", {{times, {read}, mirror, 1, {milliseconds}}}}}')

    def taken(self, request):
        names = ("read_p50", "read_p99", "read_p999", "longest", "delay")
        ns = map(int, self.request(request).split())
        return {name: time / 1000 for name, time in zip(names, ns, strict=True)}


# Those that are compared where a replica may load as it does by default.
FOLLOWING = {"mirror": Mirror, "replica": lambda: Replica("disabled")}


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
    """Serves a snapshot, and perhaps a stream, from memory; `again` makes it one without an end."""

    def __init__(self, snapshot, *stream):
        super().__init__([TOOL, "serve", snapshot, *stream])
        self.port = int(self.await_line("port ").split()[1])
