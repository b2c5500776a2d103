"""What keys take, of each type and size: in a mirror and in a real replica, of the same snapshot."""
import time
from concurrent.futures import ThreadPoolExecutor

import data
from candidates import FOLLOWING, Mirror, StandIn
from parts import per_unit

# The type, how many elements (or bytes) each key has, and how many keys: where both take nearly the
# same, enough that the megabyte or two which a process takes once do not count.
KEYS = (
    ("string", 20, 500_000), ("string", 100, 300_000), ("string", 1000, 200_000),
    ("string", 10_000, 20_000), ("string", 100_000, 4000),
    ("hash", 1, 400_000), ("hash", 10, 120_000), ("hash", 100, 12_000), ("hash", 1000, 600),
    ("hash", 10_000, 60), ("hash", 100_000, 6),
    ("list", 1, 400_000), ("list", 10, 200_000), ("list", 100, 35_000), ("list", 1000, 10_000),
    ("list", 100_000, 100),
    ("set", 1, 200_000), ("set", 10, 80_000), ("set", 100, 8000), ("set", 1000, 800),
    ("set", 100_000, 8),
    ("intset", 10, 300_000), ("intset", 100, 80_000), ("intset", 1000, 800), ("intset", 100_000, 8),
    ("zset", 1, 400_000), ("zset", 10, 300_000), ("zset", 100, 50_000), ("zset", 1000, 450),
    ("zset", 10_000, 45), ("zset", 100_000, 5),
    ("stream", 10, 60_000), ("stream", 100, 40_000), ("stream", 10_000, 150),
)
# For what a node or a server drops in the background after a load: a node returns unused memory once a
# second.
SETTLED = 3


def memory(scale):
    """Both at once, as no time is measured."""
    with ThreadPoolExecutor() as pool, StandIn(data.snapshot("empty")) as empty:
        for kind, size, count in KEYS:
            count = max(1, count // scale)
            with StandIn(data.snapshot(f"values:{kind}:{size}:{count}")) as full:
                taken = pool.map(lambda start: grown(start, empty.port, full.port),
                                 FOLLOWING.values())
                for who, figures in zip(FOLLOWING, taken, strict=True):
                    yield {"row": f"memory {kind} {size}", "who": who} | {
                        name: bytes / count for name, bytes in figures.items()}


def grown(start, empty, full):
    """What one has more of with a snapshot than with an empty one."""
    with start() as process:
        process.sync(empty)
        before = taken(process)
        process.stop()
        process.sync(full)
        after = taken(process)
    return {name: after[name] - before[name] for name in after}


def taken(process):
    time.sleep(SETTLED)
    return {"rss_each": process.rss(), "own_each": process.memory()}


def growth(scale):
    """What each key costs, of more and more of them."""
    for count in (10_000, 100_000, 1_000_000, 10_000_000):
        yield from per_unit(f"keys:{count // scale}", count // scale, "mirror", Mirror)
