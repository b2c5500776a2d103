"""How fast a mirror loads and follows, and how soon readers see what its master has."""
import contextlib
import json
import statistics
import subprocess
import threading
import time

import data
from candidates import FOLLOWING, TOOL, Bytes, Mirror, Replica, Server, tool
from parts import handled, percentiles, sync

SWAPDB = {"replica, swapdb": lambda: Replica("swapdb")}

KINDS = ("set", "incr", "hset", "lpush", "queue", "sadd", "zadd", "xadd")
COMMANDS = 1_000_000
FEWER = ("set", "hset", "zadd", "xadd")
# So that a master waits for no replica, and drops none.
PATIENT = ("--repl-backlog-size", "64mb", "--client-output-buffer-limit", "replica 0 0 0")
# Between two looks at how far a replica is, in seconds.
LOOK = 0.02
PROBES = 200
SHARES = (20, 50, 100)


def load(scale):
    for name in ("w1", "w2", "w3"):
        workload = name if scale == 1 else f"{name}:{scale}"
        yield from sync(workload, "memory", FOLLOWING | SWAPDB)
        # that of the largest takes half a minute, most of it the master
        if name != "w3":
            yield from sync(workload, "diskless",
                            {"mirror": Mirror} | SWAPDB | {"bytes alone": Bytes})


def applied(scale):
    """Commands from memory, as fast as they are taken."""
    for kind in KINDS:
        yield from handled(f"applied {kind}", "all", kind, COMMANDS // scale, FOLLOWING)


def behind(scale):
    """Commands of a master at its full rate: how many bytes a replica is behind, and how long it
    takes to catch up when the last has been answered."""
    for kind in FEWER:
        for who, candidate in ({"no replica": None} | FOLLOWING).items():
            with Server(*PATIENT, dataset=data.snapshot("all")) as master, \
                    contextlib.ExitStack() as stack:
                replica = candidate and stack.enter_context(candidate())
                yield {"row": f"behind {kind}", "who": who} | follow(
                    master, replica, kind, COMMANDS // scale)


def follow(master, replica, kind, count):
    if replica is None:
        return {"rate": count / json.loads(tool("write", master.port, kind, count))["seconds"]}
    replica.sync(master.port)
    distances, done = [], threading.Event()
    looker = threading.Thread(target=look, args=(master, replica, distances, done))
    looker.start()
    seconds = json.loads(tool("write", master.port, kind, count))["seconds"]
    answered = time.monotonic()
    done.set()
    looker.join()
    end = master.offset()
    while replica.offset() < end:
        pass
    return {"rate": count / seconds, "behind": statistics.median(distances) / 1e3,
            "behind_most": max(distances) / 1e3, "catch_up": (time.monotonic() - answered) * 1e3}


def look(master, replica, distances, done):
    """Where the master was when the replica had come as far as it tells: on the line between two
    looks at it. Neither takes the same time as the others, so halfway would not do."""
    distances.append(0)
    while not done.wait(LOOK):
        (from_, began), (there, when), (to, ended) = (
            one.position() for one in (master, replica, master))
        was = from_ + (to - from_) * (when - began) / (ended - began)
        distances.append(max(0, was - there))


def visible(scale):
    """From the reply to SET until a reader sees it, while others write at a share of the rate that
    the master is able to."""
    probes = PROBES // min(scale, 4)
    with Server(*PATIENT) as master:
        count = 500_000 // scale
        most = count / json.loads(tool("write", master.port, "set", count))["seconds"]
    for share in SHARES:
        for who, candidate in FOLLOWING.items():
            with Server(*PATIENT) as master, candidate() as replica:
                replica.sync(master.port)
                rate = () if share == 100 else (int(most * share / 100),)
                with writing(master, most * 10, *rate):
                    yield {"row": f"visible {share}", "who": who} | percentiles(
                        waits(master, replica, probes))


@contextlib.contextmanager
def writing(master, count, *rate):
    """Others write meanwhile."""
    start = master.offset()
    words = [TOOL, "write", master.port, "set", int(count), *rate]
    child = subprocess.Popen(list(map(str, words)), stdout=subprocess.DEVNULL)
    try:
        while master.offset() < start + 100_000:
            time.sleep(0.01)
        yield
        if child.poll() is not None:
            raise RuntimeError("those who were to write meanwhile have ended")
    finally:
        child.kill()
        child.wait()


def waits(master, replica, probes):
    """How long it took, in ns; none if it was seen before the reply came."""
    if isinstance(replica, Mirror):
        replica.write(f"{{mirror, {{watch, {probes}}}}}.")
        replied = json.loads(tool("alone", master.port, probes))
        seen = list(map(int, replica.read().split()))
    else:
        words = [TOOL, "watch", replica.path(), str(probes)]
        with subprocess.Popen(words, stdout=subprocess.PIPE) as watcher:
            replied = json.loads(tool("alone", master.port, probes))
            seen = json.load(watcher.stdout)
    return [max(0, at - before) for at, before in zip(seen, replied, strict=True)]
