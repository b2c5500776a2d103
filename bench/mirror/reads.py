"""Reads of a mirror, alone and beside a writer, and the same by a client of a local replica."""
import contextlib
import subprocess
import sys
import time

import data
from candidates import Mirror, Replica, StandIn

READS = ("get", "hget", "hgetall", "smembers", "lrange", "zscore", "zrange")
PROCESSES = (1, 4)
# How long one measurement lasts, in ms.
SPAN = 400
# Commands of a stream without an end, until they come again.
COMMANDS = 200_000
# Who makes readers wait instead of a command.
SPINNING = "mirror, and a process that spins instead"
# Of a million members each: a union, and its removal, this often; and how long readers read.
UNIONS = 3
STALLED = 3000


@contextlib.contextmanager
def readers(snapshot, *stream):
    """A mirror, in whose node all reads run, and a replica that is asked over its unix socket."""
    with StandIn(snapshot, *stream) as one, StandIn(snapshot, *stream) as other, \
            Mirror() as mirror, Replica("disabled") as replica:
        yield {"mirror": (mirror, one), "replica": (replica, other)}


def source(who, replica):
    return "mirror" if who == "mirror" else replica.socket()


def alone(scale):
    span = SPAN // min(scale, 4)
    with readers(data.snapshot("all")) as (candidates):
        node = candidates["mirror"][0]
        for who, (replica, master) in candidates.items():
            replica.sync(master.port)
            for read, processes in ((read, count) for read in READS for count in PROCESSES):
                yield {"row": f"read {read} {processes}", "who": who} | figures(
                    node, read, processes, span, source(who, replica))
        for processes in PROCESSES:
            yield {"row": f"read get {processes}", "who": "ETS",
                   "read_rate": node.rate("ets", processes, span, "ets")}


def figures(node, read, processes, span, asked):
    return ({"read_rate": node.rate(read, processes, span, asked)}
            | node.times(read, processes, span, asked))


def beside_a_writer(scale):
    """The writer's commands come from memory, as fast as they are taken."""
    span, stream = SPAN // min(scale, 4), data.stream("mixed", COMMANDS)
    with open(stream, "rb") as file:
        length = len(file.read()) / COMMANDS
    for who in ("mirror", "replica"):
        with readers(data.snapshot("all"), stream, "again") as candidates:
            node, (replica, master) = candidates["mirror"][0], candidates[who]
            replica.sync(master.port)
            while replica.offset() == 0:
                time.sleep(0.1)
            for read, processes in ((read, count) for read in READS for count in PROCESSES):
                start, began = replica.offset(), time.monotonic()
                found = figures(node, read, processes, span, source(who, replica))
                written = (replica.offset() - start) / length
                yield {"row": f"written {read} {processes}", "who": who,
                       "rate": written / (time.monotonic() - began)} | found


def stalls(scale):
    """Reads of other keys, while a sorted set of a million members is copied and deleted, and while all
    keys are. The same while a process has a core that has nothing to do with the mirror: what the
    system alone makes readers wait."""
    span = STALLED // min(scale, 3)
    unions = max(1, UNIONS // scale)
    for kind, commands in (("union", 2 * unions), ("flushall", 1)):
        for who in ("mirror", "replica"):
            stream = data.stream(kind, commands)
            with readers(data.snapshot("all-and-huge"), stream) as candidates:
                node, (replica, master) = candidates["mirror"][0], candidates[who]
                replica.sync(master.port)
                master.await_line("sent")
                found = node.times("get", 1, span, source(who, replica))
                master.await_line("handled")
                yield {"row": f"stalls {kind}", "who": who} | found
                if (kind, who) == ("union", "mirror"):
                    with spinning():
                        found = node.times("get", 1, span)
                    yield {"row": f"stalls {kind}", "who": SPINNING} | found


@contextlib.contextmanager
def spinning():
    with subprocess.Popen([sys.executable, "-c", "while True: pass"]) as child:
        try:
            yield
        finally:
            child.kill()
