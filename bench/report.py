"""The report: medians of what was measured, beside the floors that are to be reached."""
import os

from candidates import ROOT
from tables import FIGURES, OUT_OF_REACH, cell, floor_table, machine, row_table, table

OURS = "eslaver, counting"
# Of W3: the list, 1.5 million elements of 64 bytes.
LARGEST_VALUE = 96


def floors(results):
    """What is measured, what it came to, the floor, and whether that is reached."""
    def ratio(row, name, other, floor):
        ours, theirs = results.median(row, OURS, name), results.median(row, other, name)
        if ours is not None and theirs is not None:
            alone = results.median(row, "bytes alone", name) if name == "wall" else None
            least = f"; the bytes alone {alone / theirs:.2f}" if alone is not None else ""
            beyond = alone is not None and alone > floor * theirs
            yield (f"{title(row)}: {FIGURES[name][0]}, against {other}",
                   f"{ours:.2f} / {theirs:.2f} = {ours / theirs:.2f}{least}", f"≤ {floor:.2f}",
                   ours <= floor * theirs or (OUT_OF_REACH if beyond else False))

    def most(row, who, name, floor, unit="", scale=1):
        if (found := results.median(row, who, name)) is not None:
            yield (f"{title(row)}: {FIGURES[name][0]}", f"{found * scale:.3g}{unit}",
                   f"≤ {floor:g}{unit}", found * scale <= floor)

    for workload, floor in (("w1", 0.72), ("w2", 0.85), ("w3", 0.60)):
        for source in ("diskless", "disk"):
            yield from ratio(f"{workload} {source}", "wall", "replica", floor)
    for workload, floor in (("w1", 0.5), ("w2", 1.0), ("w3", 1.0)):
        yield from ratio(f"{workload} memory", "cpu", "replica, swapdb", floor)
    if rate := results.median("w4 memory", OURS, "rate"):
        yield "W4 from memory: commands/s", f"{rate:,.0f}", "≥ 1,500,000", rate >= 1_500_000
    yield from most("w4 memory", OURS, "cpu_each", 0.9)
    if rate := results.median("w4 master", OURS, "rate"):
        real = results.median("w4 master", "replica", "rate")
        yield ("W4 from a master: commands/s, with a real replica", f"{rate:,.0f}, {real:,.0f}",
               "≥ 0.95 × that", rate >= 0.95 * real)
    yield from most("w4 master", OURS, "backlog", 0.7, " MB")
    yield from most("wait", "eslaver", "p50", 120)
    yield from most("wait", "eslaver", "p99", 500)
    yield from most("w1 memory", OURS, "rss", 80)
    yield from most("w3 memory", OURS, "rss", 3 * LARGEST_VALUE + 100)
    for workload, floor in (("w1", 0.27), ("w2", 0.96), ("w3", 1.15)):
        yield from most(f"core {workload}", "core crate", "wall", floor)
    yield from most("idle", "eslaver, 100 links", "share", 2, " %", 100)
    yield from most("paced", OURS, "share", 25, " %", 100)
    few = results.median("filter", "eslaver, 1 % of the keys", "cpu")
    every = results.median("filter", "eslaver, all keys", "cpu")
    if few is not None and every is not None:
        yield ("a filter that keeps 1 % of W1: CPU, against all of it",
               f"{few:.2f} / {every:.2f} = {few / every:.2f}", "≤ 0.25", few <= 0.25 * every)


def title(row):
    names = {"memory": "from memory", "diskless": "from a diskless master",
             "disk": "from a master by way of its disk", "master": "from a master"}
    first, _, rest = row.partition(" ")
    if first == "core":
        return f"core crate alone, {rest.upper()}"
    known = {"idle": "100 idle links", "paced": "2,000 commands/s on a link",
             "wait": "SET's reply to WAIT 1", "callback": "SET's reply to the callback, alone",
             "filter": "W1 and a filter"}
    return known.get(row, f"{first.upper()} {names.get(rest, rest)}")


def plot(results):
    """Bars of what eslaver needs, of what a real replica does, as SVG."""
    bars = []
    for row in results.rows():
        for name, other in (("wall", "replica"), ("cpu", "replica, swapdb")):
            ours, theirs = results.median(row, OURS, name), results.median(row, other, name)
            if row[:2] in ("w1", "w2", "w3") and ours and theirs:
                label = f"{title(row)}: {'wall' if name == 'wall' else 'CPU'} / {other}"
                bars.append((label, ours / theirs))
    left, width, height = 380, 360, 22
    scale = width / max([1.2, *(ratio for _, ratio in bars)])
    parts = []
    for index, (label, ratio) in enumerate(bars):
        y = 30 + index * height
        parts.append(f'<text x="{left - 8}" y="{y + 12}" text-anchor="end">{label}</text>'
                     f'<rect x="{left}" y="{y}" width="{ratio * scale:.1f}" height="15"'
                     f' fill="{"#2a7" if ratio <= 1 else "#c52"}"/>'
                     f'<text x="{left + ratio * scale + 5:.1f}" y="{y + 12}">{ratio:.2f}</text>')
    bottom = 34 + len(bars) * height
    return (f'<svg xmlns="http://www.w3.org/2000/svg" width="{left + width + 60}"'
            f' height="{bottom + 6}" font-family="sans-serif" font-size="12" fill="#444">'
            f'<rect width="100%" height="100%" fill="#fff"/>'
            f'<text x="8" y="17">eslaver with a counting fun, as a share of a real replica'
            f' (less is better)</text>{"".join(parts)}'
            f'<line x1="{left + scale:.1f}" y1="24" x2="{left + scale:.1f}" y2="{bottom}"'
            f' stroke="#444" stroke-dasharray="4"/></svg>\n')


INTRODUCTION = """\
Made by `make bench`. Medians, with the range of all runs in brackets; the candidates took turns. Wall
time begins with the order to replicate and ends when the snapshot has been handled. CPU is the time
that the kernel gave all threads of the process meanwhile. So starting the process does not count, except
for `redis-cli` (3 ms). The VM runs with its default flags, and the spinning of its idle schedulers
counts. *From memory*: a stand-in for a master serves the bytes of a snapshot. Before each load another
process uses and frees memory, as a host gives it to a virtual machine when it is first used.

W1: 2,000,000 strings of 64 bytes that do not compress. W2: 200,000 hashes of 10 fields, 100,000 each of
lists, sorted sets and integer sets of 20, and of streams of 5 entries, 200,000 strings of 400 bytes that
compress; one key in ten expires. W3: two hashes of a million fields and a list of 1.5 million elements,
of 64 bytes each, and 100 strings of 10 MB. W4: 3,000,000 SET, HSET, LPUSH, ZADD, INCR.
"""


def write(results):
    own = os.path.join(ROOT, "bench")
    with open(os.path.join(own, "report.svg"), "w", encoding="utf-8") as file:
        file.write(plot(results))
    sections = "\n\n".join(f"## {title(row)} (runs: {results.count(row)})\n\n{row_table(results, row)}"
                           for row in results.rows() if not row.startswith("scaling"))
    scaling = [row for row in results.rows() if row.startswith("scaling")]
    lines = [[row.removeprefix("scaling "),
              *(cell(results.runs[row, OURS, name], FIGURES[name][1])
                for name in ("wall_each", "cpu_each", "rss"))] for row in scaling]
    growth = table([["keys, or fields of each hash", "wall each, µs", "CPU each, µs",
                     "peak RSS, MB"], *lines])
    figures = floor_table(floors(results))
    with open(os.path.join(own, "report.md"), "w", encoding="utf-8") as file:
        file.write(f"# Benchmark\n\n{machine()}.\n\n{INTRODUCTION}\n## Floors\n\n{figures}\n\n"
                   f"![ratios](report.svg)\n\n{sections}\n\n## Growth\n\n{growth}\n")
    print(figures)
