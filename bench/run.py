#!/usr/bin/env python3
"""The benchmark: bench/run.py [--runs N] [--only PART,…] [--report]

Measures each part so many times, all candidates in turn, and adds what it finds to results.jsonl in
the build folder; then makes bench/report.md and bench/report.svg of all that is there. So it can be
done in pieces: --only names some parts, --report measures nothing. `make bench` calls it.
"""
import argparse
import json
import os
import sys

import report
from candidates import BUILD, TOOL
from parts import PARTS

RESULTS = os.path.join(BUILD, "bench", "results.jsonl")


def main():
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--runs", type=int, default=5)
    parser.add_argument("--only", default=",".join(PARTS), help="of " + ", ".join(PARTS))
    parser.add_argument("--report", action="store_true", help="measure nothing")
    options = parser.parse_args()
    names = [] if options.report else options.only.split(",")
    if unknown := [name for name in names if name not in PARTS]:
        sys.exit(f"no such part: {', '.join(unknown)}; there are {', '.join(PARTS)}")
    if names and not os.path.exists(TOOL):
        sys.exit(f"{TOOL} is missing: use make bench")
    os.makedirs(os.path.dirname(RESULTS), exist_ok=True)
    with open(RESULTS, "a", encoding="utf-8") as results:
        for name in names:
            for run in range(1 if name == "core" else options.runs):
                print(f"{name}, run {run + 1}", file=sys.stderr)
                for record in PARTS[name]():
                    results.write(json.dumps(record) + "\n")
                    results.flush()
    report.write(RESULTS)


if __name__ == "__main__":
    main()
