#!/usr/bin/env python3
"""The benchmark: bench/run.py [--runs N] [--only PART,…] [--report] [--short]

Measures each part several times, all candidates in turn, and then makes bench/report.md, bench/report.svg
and bench/mirror.md of all that was ever measured. So it can be done in pieces: --only names some parts,
which replace what was measured of them before; --report measures nothing. --short tries the parts out:
once, with a tenth of the mirror's data, and its report goes to the build folder. `make bench` calls it.
"""
import argparse
import os
import sys
import time

import mirror
import mirror.report
import report
from candidates import BUILD, TOOL
from parts import PARTS
from results import Results, record

FOLDER = os.path.join(BUILD, "bench")
ALL = PARTS | mirror.PARTS
# Those whose program makes medians itself.
ONCE = ("core",)


def main():
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--runs", type=int, default=5)
    parser.add_argument("--only", help="of " + ", ".join(ALL))
    parser.add_argument("--report", action="store_true", help="measure nothing")
    parser.add_argument("--short", action="store_true", help="try the parts of the mirror out")
    options = parser.parse_args()
    names = (options.only.split(",") if options.only else
             list(mirror.PARTS if options.short else ALL))
    if unknown := [name for name in names if name not in ALL]:
        sys.exit(f"no such part: {', '.join(unknown)}; there are {', '.join(ALL)}")
    if not os.path.exists(TOOL):
        sys.exit(f"{TOOL} is missing: use make bench")
    folder = os.path.join(FOLDER, "short" if options.short else "results")
    for name in [] if options.report else names:
        runs = 1 if options.short or name in ONCE else options.runs
        record(folder, name, measured(name, runs, 10 if options.short else 1))
    if (results := Results(folder, PARTS)).rows() and not options.short:
        report.write(results)
    if (results := Results(folder, mirror.PARTS)).rows():
        file = os.path.join(folder, "mirror.md") if options.short else mirror.report.FILE
        mirror.report.write(results, file)


def measured(name, runs, scale):
    for run in range(runs):
        began = time.monotonic()
        yield from PARTS[name]() if name in PARTS else mirror.PARTS[name](scale)
        print(f"{name}, run {run + 1}: {time.monotonic() - began:.0f} s", file=sys.stderr)


if __name__ == "__main__":
    main()
