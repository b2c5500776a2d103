"""Saving a mirror, and starting one from what was saved, beside what a real server takes for it."""
import os

import data
from candidates import Mirror, Replica, Server
from mirror.writes import PATIENT
from process import timed

# How long readers read while it is saved, in ms.
SPAN = 1000


def save(scale):
    for name in ("w1", "w2"):
        workload = name if scale == 1 else f"{name}:{scale}"
        with Server(*PATIENT, dataset=data.snapshot(workload)) as master:
            yield from of_mirror(name, master)
            yield from of_replica(name, master)


def of_mirror(name, master):
    file = os.path.join(master.dir, "mirror.rdb")
    options = f'#{{persist => "{file}"}}'
    with Mirror(options) as mirror:
        mirror.sync(master.port)
        other = os.path.join(mirror.dir, "saved.rdb")
        yield {"row": f"save {name}", "who": "mirror"} | timed(
            mirror, lambda: mirror.request(f'{{save, "{other}"}}'))
        yield {"row": f"saving {name}", "who": "mirror"} | mirror.times_saving(other, "get", SPAN)
        with Server(dataset=other) as server:
            same(server.keys(), master.keys(), "keys that a real server finds in the file")
        mirror.stop()
    syncs = master.info("sync_full")
    with Mirror(options) as mirror:
        yield {"row": f"warm start {name}", "who": "mirror"} | mirror.sync(master.port)
        same(mirror.keys(), master.keys(), "keys of a mirror that was started from its file")
    same(master.info("sync_full"), syncs, "full syncs: a warm start needs none")


def of_replica(name, master):
    with Replica("disabled") as replica:
        replica.sync(master.port)
        yield {"row": f"save {name}", "who": "replica"} | timed(
            replica, lambda: replica.call("SAVE"))
        saved = os.path.join(replica.dir, "dump.rdb")
        yield {"row": f"warm start {name}", "who": "replica"} | Server.started(saved)


def same(one, other, what):
    if one != other:
        raise RuntimeError(f"{what}: {one}, not {other}")
