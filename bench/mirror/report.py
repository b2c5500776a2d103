"""The mirror's report: medians of what was measured, beside what must be reached."""
import os
import re

from candidates import ROOT
from mirror.reads import SPINNING
from tables import NO_CORE, NO_ROOM, OUT_OF_REACH, floor_table, listing, machine, versus

OURS, OTHER = "mirror", "replica"
FILE = os.path.join(ROOT, "bench", "mirror.md")

# Reads of one process of the mirror that kept its data in ETS, by those of `ets:lookup` in the same
# run; and how many times as fast a read has to be.
IN_ETS = {"get": 0.473, "hget": 0.276, "hgetall": 0.150, "zrange": 0.139}
TIMES = {"get": 1.52, "hget": 4.4, "hgetall": 5.4, "zrange": 8.2}

TYPES = {"intset": "set of integers", "zset": "sorted set", "string": "string of bytes"}
READS = {"hgetall": "hgetall of 10", "smembers": "smembers of 10", "lrange": "lrange of 10",
         "zscore": "zscore of 100,000", "zrange": "zrange of 10 of 100,000"}
SOURCES = {"memory": "from memory", "diskless": "from a diskless master"}
EVENTS = {"union": "ZUNIONSTORE and DEL of a million members", "flushall": "FLUSHALL"}


class Floors:
    """What must be reached, of what was measured."""

    def __init__(self, results):
        self.results = results

    def __iter__(self):
        yield from self.memory()
        yield from self.load()
        yield from self.applied()
        yield from self.behind()
        yield from self.reads()
        yield from self.stalls()
        yield from self.growth()

    def rows(self, first):
        return rows(self.results, first)

    def ratio(self, row, name, other=OTHER):
        ours, theirs = (self.results.median(row, who, name) for who in (OURS, other))
        return ours / theirs if ours is not None and theirs else None

    def memory(self):
        ratios = [(self.bytes_alone(row) > 0.95, self.ratio(row, "rss_each"), title(row))
                  for row in self.rows("memory")]
        for beyond in (False, True):
            found = sorted(((ratio, row) for bare, ratio, row in ratios if bare == beyond), reverse=True)
            for ratio, row in found[:1]:
                which = "the others" if beyond else f"{len(found)} kinds of keys"
                yield (f"memory of {which}, against a replica's: the most",
                       f"{ratio:.2f} ({row})", "≤ 0.95", ratio <= 0.95 or (NO_ROOM if beyond else False))

    def bytes_alone(self, row):
        """What the bytes of a string are of what a replica takes; 0 of other types."""
        _, kind, size = row.split()
        theirs = self.results.median(row, OTHER, "rss_each")
        return int(size) / theirs if kind == "string" and theirs else 0

    def load(self):
        for row in (row for name in ("w1", "w2", "w3") for row in self.rows(name)):
            for name, figure in (("wall", "wall"), ("CPU", "cpu")):
                if (ratio := self.ratio(row, figure, "replica, swapdb")) is not None:
                    yield (f"{title(row)}: {name}, against a replica with swapdb",
                           f"{ratio:.2f}", "≤ 1.00",
                           ratio <= 1 or self.beyond(row, figure))

    def beyond(self, row, figure):
        """Whether the bytes alone take longer than the replica."""
        alone, theirs = (self.results.median(row, who, figure)
                         for who in ("bytes alone", "replica, swapdb"))
        return OUT_OF_REACH if figure == "wall" and alone and alone > theirs else False

    def applied(self):
        for row in self.rows("applied"):
            ratio = self.ratio(row, "rate")
            yield (f"{title(row)} from memory: commands/s, against a replica", f"{ratio:.2f}",
                   "≥ 1.50", ratio >= 1.5)

    def behind(self):
        for row in self.rows("behind"):
            ours, theirs = (self.results.median(row, who, "behind") for who in (OURS, OTHER))
            yield (f"{title(row)} of a master at its full rate: behind, against a replica",
                   f"{ours:,.1f} kB / {theirs:,.1f} kB", "no more", ours <= theirs)

    def reads(self):
        unit = self.results.median("read get 1", "ETS", "read_rate")
        for read, times in TIMES.items():
            rate = self.results.median(f"read {read} 1", OURS, "read_rate")
            if rate and unit:
                before = IN_ETS[read] * unit
                yield (f"{name_of(read)}: reads/s of one process, against the mirror in ETS",
                       f"{rate / before:.2f}", f"≥ {times:.2f}", rate >= times * before)
        for row in self.rows("written"):
            if row.endswith(" 1"):
                found = self.results.median(row, OURS, "read_p999")
                yield f"{title(row)}: p99.9", f"{found:.1f} µs", "≤ 10 µs", found <= 10

    def stalls(self):
        for row in self.rows("stalls"):
            found, alone = (self.results.median(row, who, "delay") for who in (OURS, SPINNING))
            yield (f"{title(row)}: delay of other keys' reads at p99.9", f"{found:,.0f} µs",
                   "≤ 1,000 µs", found <= 1000 or (NO_CORE if (alone or 0) > 1000 else False))

    def growth(self):
        found = self.rows("scaling")
        for name, figure in (("wall", "wall_each"), ("CPU", "cpu_each")):
            each = [self.results.median(row, OURS, figure) for row in found]
            if len(each) > 1:
                ratio = each[-1] / each[1]
                yield (f"{name} for each key, of {keys(found[-1])} against {keys(found[1])}",
                       f"{ratio:.2f}", "≤ 1.25", ratio <= 1.25)


def rows(results, first):
    return [row for row in results.rows() if re.split("[ :]", row)[0] == first]


def keys(row):
    return f"{int(row.split(':')[1]):,}"


def name_of(read):
    return READS.get(read, read)


def title(row):
    match row.split():
        case ["memory", kind, size]:
            return f"{TYPES.get(kind, kind)}: {int(size):,}"
        case ["applied" | "behind", kind]:
            return {"queue": "RPUSH, LPOP"}.get(kind, kind.upper())
        case ["visible", share]:
            return f"at {share} % of the master's rate"
        case ["read", read, processes]:
            return f"{name_of(read)}, {processes} {'process' if processes == '1' else 'processes'}"
        case ["written", read, processes]:
            return f"{title(f'read {read} {processes}')}, beside a writer"
        case ["stalls", event]:
            return EVENTS[event]
        case ["save" | "saving" | "warm", *_]:
            *words, name = row.split()
            return f"{name.upper()}: {' '.join(words)}"
        case ["scaling", _]:
            return keys(row)
        case [workload, source]:
            return f"{workload.partition(':')[0].upper()} {SOURCES[source]}"


INTRODUCTION = """\
Made by `make bench`. Medians; the candidates took turns, and each ratio is of one run. *Replica* is
`redis-server --replicaof`. *From memory*: a stand-in for a master sends bytes as fast as they are
taken, so that waiting for a master hides nothing. W1, W2, W3: as in [report.md](report.md). Before each
load another process uses 2 GB and frees them: a host gives memory to a virtual machine when it is first
used, and whoever came first would pay for all.
"""

SECTIONS = (
    ("Memory", """\
How much the process grows per key, with a snapshot of keys of one kind. The number is
the bytes of a string or the elements of a collection.
""", ("memory",), ("rss_each", "own_each")),
    ("Load", "", ("w1", "w2", "w3"), None),
    ("Commands from memory", "A million of each.\n", ("applied",), ("rate", "cpu_each")),
    ("Commands of a master at its full rate", """\
How many bytes a replica is behind (the median and the maximum), and how long it takes to catch up once
the master has replied to the last command.
""", ("behind",), None),
    ("From the master's reply until readers see it", """\
The mirror's reader is told by `subscribe`; that of the replica asks it again and again.
""", ("visible",), ("p50", "p99")),
    ("Reads", """\
*Replica*: clients in the same node read from a local replica over its unix socket. *ETS*: `ets:lookup`
of the same strings in a plain table.
""", ("read",), None),
    ("Reads beside a writer", """\
The writer sends SET, HSET, ZADD, INCR, RPUSH and LPOP as fast as they are taken; each `zadd` changes
the sorted set that is read. *commands/s*: those of the writer meanwhile.
""", ("written",), None),
    ("Reads beside commands of a million elements", """\
`get` of other keys. *Delay*: how long a read that arrives at a random moment would wait, as a long read
delays all that arrive meanwhile. *A process that spins instead*: no commands at all, but a process that
has nothing to do with the mirror keeps a core busy.
""", ("stalls",), None),
    ("Save and warm start", """\
A warm start is the time from the start of a mirror, with the file of an earlier one and without a full
sync, until it can be read; for a replica, the start of the server. *Saving*: `get` while the mirror
saves itself.
""", ("save", "saving", "warm"), None),
    ("Growth", "Strings of 64 bytes, loaded from memory.\n", ("scaling",), None),
)

ALLOCATOR = """\
## Allocator

From `cargo run --release -p eslaver_bench --bin churn` instead (`SEED=1`; random sizes that change in ten
phases, deletes, expiries), once each on a loaded machine: resident memory afterwards, compared with a
fresh load of what is left.

| | 30 s | 150 s | 10 minutes |
|---|---|---|---|
| `native/eslaver_heap`, compacted | 1.11 | | 1.09 |
| glibc; after `malloc_trim` | 1.40; 1.23 | 1.95; 1.61 | 10.4; 3.4 |
| jemalloc; one arena, decay of 1 s | 1.31; 1.36 | 2.00; 1.74 | |
| mimalloc v3 | 1.46 | 2.31 | |

The keyspace itself allocates only 1.02 to 1.05 times as much as after a fresh load. The rest is memory
that an allocator cannot return, because small blocks in use lie everywhere. Therefore the keyspace has a
heap of its own, which knows how full its slabs are. If more than an eighth of its memory, and 8 MB, are
free between blocks, a thread moves blocks out of the slabs that are less than seven eighths full, 64 KB
at a time under one stripe's lock. Blocks have no header, and size classes are a sixteenth apart, so keys
take no more memory than with glibc.
"""


def write(results, file):
    figures = floor_table(Floors(results))
    sections = "\n".join(section(results, *each) for each in SECTIONS)
    with open(file, "w", encoding="utf-8") as out:
        out.write(f"# The mirror\n\n{machine()}.\n\n{INTRODUCTION}\n## Floors\n\n{figures}\n\n"
                  f"{sections}\n{ALLOCATOR}")
    print(figures)


def section(results, name, text, firsts, compared):
    found = [row for first in firsts for row in rows(results, first)]
    if not found:
        return ""
    runs = max(map(results.count, found))
    made = (versus(results, found, compared, OURS, OTHER, title) if compared
            else listing(results, found, title))
    return f"## {name} (runs: {runs})\n\n{text}{chr(10) if text else ''}{made}\n"
