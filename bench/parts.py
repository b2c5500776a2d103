"""What is measured. Each part gives records of one run: a row, who, and figures."""
import contextlib
import json
import os
import subprocess
import threading
import time

import data
from candidates import ROOT, TOOL, Bytes, Eslaver, Replica, Server, StandIn, tool
from process import timed, touch_memory

COMMANDS = 3_000_000
COMPARED = {
    "eslaver, counting": lambda: Eslaver("count"),
    "eslaver, to a pid": lambda: Eslaver("pid"),
    "eslaver, into ETS": lambda: Eslaver("ets"),
    "replica": lambda: Replica("disabled"),
    "replica, swapdb": lambda: Replica("swapdb"),
    "bytes alone": Bytes,
}


def sync(workload, source, compared):
    """All candidates in turn, each with a snapshot of this workload."""
    with masters(workload, source) as port:
        for name, candidate in compared.items():
            with candidate() as process:
                touch_memory()
                yield {"row": f"{workload} {source}", "who": name} | process.sync(port)


@contextlib.contextmanager
def masters(workload, source):
    dataset = data.snapshot(workload)
    if source == "memory":
        with StandIn(dataset) as stand_in:
            yield stand_in.port
    else:
        diskless = {"diskless": "yes", "disk": "no"}[source]
        with Server("--repl-diskless-sync", diskless, dataset=dataset) as master:
            yield master.port


def stream():
    names = ("eslaver, counting", "eslaver, to a pid", "replica")
    compared = {name: COMPARED[name] for name in names}
    yield from handled("w4 memory", "empty", "w4", COMMANDS, compared)


def handled(row, snapshot, kind, count, compared):
    """Commands from memory: as many as there are, as fast as they are taken."""
    with StandIn(data.snapshot(snapshot), data.stream(kind, count)) as master:
        for name, candidate in compared.items():
            with candidate() as process:
                touch_memory()
                process.begin(master.port)
                master.await_line("sent")
                before = process.cpu()
                seconds = float(master.await_line("handled ").split()[1])
                cpu = process.cpu() - before
                yield {"row": row, "who": name, "wall": seconds, "rss": process.peak(), "cpu": cpu,
                       "rate": count / seconds, "cpu_each": cpu / count * 1e6}


def backlog():
    """W4 written to a real master: its own rate, and what waits in it for its replica."""
    for name in (None, "eslaver, counting", "replica"):
        with Server("--repl-backlog-size", "64mb") as master, contextlib.ExitStack() as stack:
            if name:
                stack.enter_context(COMPARED[name]()).sync(master.port)
            waits, done = [], threading.Event()
            sampler = threading.Thread(target=watch, args=(master, waits, done))
            sampler.start()
            seconds = json.loads(tool("write", master.port, "w4", COMMANDS))["seconds"]
            done.set()
            sampler.join()
            yield {"row": "w4 master", "who": name or "no replica", "rate": COMMANDS / seconds,
                   "backlog": max(waits, default=0) / 1e6}


def watch(master, waits, done):
    """Bytes that the master holds for its replica, ten times a second."""
    while not done.wait(0.1):
        for line in master.call("CLIENT", "LIST", "TYPE", "replica").splitlines():
            fields = dict(field.split("=", 1) for field in line.split() if "=" in field)
            waits.append(int(fields["omem"]))


def latency():
    """From the reply to SET on the master to WAIT 1, one after the other; and to the callback, for
    one command in 10 ms."""
    for name, kind in (("eslaver", "times"), ("replica", None)):
        with Server() as master, (Eslaver(kind) if kind else Replica("disabled")) as process:
            process.sync(master.port)
            time.sleep(2)
            waited = json.loads(tool("wait", master.port, 5000))
            yield {"row": "wait", "who": name} | percentiles(waited)
            replied = json.loads(tool("alone", master.port, 500))
            if kind:
                handled = map(int, process.ask("times").split())
                took = [at - before for at, before in zip(handled, replied, strict=True)]
                yield {"row": "callback", "who": name} | percentiles(took)


def percentiles(times):
    ordered = sorted(times)
    return {f"p{percent}": ordered[len(ordered) * percent // 100] / 1000 for percent in (50, 99)}


def idle():
    """CPU of 100 links to which nothing comes, and of one with 2,000 commands a second."""
    seconds = 10
    with Server() as master, Eslaver("count") as process:
        process.ask(f"{{links, 100, {process.target(master.port)}}}")
        time.sleep(2)
        spent = timed(process, lambda: time.sleep(seconds))
        yield {"row": "idle", "who": "eslaver, 100 links", "share": spent["cpu"] / spent["wall"],
               "rss": process.peak()}
    for name in ("eslaver, counting", "replica"):
        with Server() as master, COMPARED[name]() as process:
            process.sync(master.port)
            time.sleep(1)
            spent = timed(process, lambda: tool("pace", master.port, 2000, seconds))
            yield {"row": "paced", "who": name, "share": spent["cpu"] / spent["wall"]}


def scaling():
    """Cost per key and per field, of more and more of them."""
    who, candidate = "eslaver, counting", COMPARED["eslaver, counting"]
    for count in (10_000, 100_000, 1_000_000, 10_000_000):
        yield from per_unit(f"keys:{count}", count, who, candidate)
    for fields in (1, 10, 100, 1000, 10_000, 100_000):
        yield from per_unit(f"fields:{fields}", 1_000_000, who, candidate)


def per_unit(workload, units, who, candidate):
    """Short ones are repeated."""
    times = max(1, 1_000_000 // units)
    spent = []
    with StandIn(data.snapshot(workload)) as master:
        for _ in range(min(times, 10)):
            with candidate() as process:
                touch_memory()
                spent.append(process.sync(master.port))
    mean = {name: sum(run[name] for run in spent) / len(spent) for name in ("wall", "cpu", "rss")}
    yield {"row": f"scaling {workload}", "who": who, "rss": mean["rss"],
           "wall_each": mean["wall"] / units * 1e6, "cpu_each": mean["cpu"] / units * 1e6}


def filtered():
    """W1, of which a filter keeps one key in a hundred."""
    keys = "#{filter => #{keys => [<<\"key:000*\">>, <<\"key:001*\">>]}}"
    with StandIn(data.snapshot("w1")) as master:
        for name, options in (("all keys", "#{}"), ("1 % of the keys", keys)):
            with Eslaver("count", options) as process:
                figures = process.sync(master.port)
                yield {"row": "filter", "who": f"eslaver, {name}", "events": process.events} | figures


def core():
    """The core crate alone, with a sink that counts: criterion's medians."""
    for workload in ("w1", "w2", "w3"):
        data.snapshot(workload)
    data.stream("w4", COMMANDS)
    target = os.path.dirname(os.path.dirname(TOOL))
    subprocess.run(["cargo", "bench", "-q", "--locked", "-p", "eslaver_bench", "--bench", "decode"],
                   check=True, stdout=subprocess.DEVNULL, cwd=ROOT,
                   env=os.environ | {"ESLAVER_BENCH_DATA": data.FOLDER})
    for workload in ("w1", "w2", "w3", "w4"):
        path = os.path.join(target, "criterion", "core", workload, "new", "estimates.json")
        with open(path, encoding="utf-8") as file:
            median = json.load(file)["median"]["point_estimate"] / 1e9
        yield {"row": f"core {workload}", "who": "core crate", "wall": median}


PARTS = {
    **{f"{workload}-{source}": (lambda w=workload, s=source: sync(w, s, COMPARED))
       for workload in ("w1", "w2", "w3") for source in ("memory", "diskless", "disk")},
    "w4-memory": stream, "w4-master": backlog, "latency": latency, "idle": idle,
    "filter": filtered, "scaling": scaling, "core": core,
}
