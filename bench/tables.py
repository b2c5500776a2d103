"""What both reports are made of: tables of medians, and of the floors that are to be reached."""
import datetime
import os
import re
import statistics
import subprocess

from candidates import SERVER

FIGURES = {
    "wall": ("wall, s", "{:.2f}"), "cpu": ("CPU, s", "{:.2f}"), "rss": ("peak RSS, MB", "{:.0f}"),
    "rate": ("commands/s", "{:,.0f}"), "cpu_each": ("CPU each, µs", "{:.2f}"),
    "wall_each": ("wall each, µs", "{:.2f}"), "backlog": ("backlog, MB", "{:.2f}"),
    "p50": ("p50, µs", "{:.0f}"), "p99": ("p99, µs", "{:.0f}"), "share": ("of a core", "{:.1%}"),
    "rss_each": ("bytes a key, of RSS", "{:,.0f}"), "own_each": ("by its own count", "{:,.0f}"),
    "read_rate": ("reads/s", "{:,.0f}"), "read_p50": ("p50, µs", "{:.1f}"),
    "read_p99": ("p99, µs", "{:.1f}"), "read_p999": ("p99.9, µs", "{:.1f}"),
    "longest": ("longest, µs", "{:,.0f}"), "delay": ("delay at p99.9, µs", "{:,.0f}"),
    "behind": ("behind, kB", "{:,.1f}"), "behind_most": ("at most, kB", "{:,.0f}"),
    "catch_up": ("to catch up, ms", "{:.1f}"),
}
# Where a master takes longer to send a snapshot than a floor allows for all that is done with it.
OUT_OF_REACH = "nor could any client: the bytes alone take longer"
# Where the system makes readers wait for longer than that beside any other process.
NO_CORE = "nor beside any process that is busy"
NO_ROOM = "nor could any keyspace: the bytes alone take more"


def machine():
    def first_line(*command):
        return subprocess.run(command, check=True, stdout=subprocess.PIPE,
                              text=True).stdout.splitlines()[0]
    with open("/proc/meminfo", encoding="ascii") as file:
        memory = int(re.search(r"MemTotal:\s+(\d+)", file.read())[1]) / 2**20
    with open("/proc/cpuinfo", encoding="utf-8") as file:
        model = re.search(r"model name\s*:\s*(.*)", file.read())
    otp = first_line("erl", "-noshell", "-eval",
                     "io:put_chars([erlang:system_info(otp_release), $\\n]), halt().")
    server = re.search(r"v=(\S+)", first_line(SERVER, "--version"))[1]
    return (f"{datetime.date.today():%d %B %Y}, {os.cpu_count()} cores"
            f" ({model[1] if model else 'unknown'}), {memory:.0f} GB; OTP {otp},"
            f" {os.path.basename(SERVER)} {server},"
            f" {' '.join(first_line('rustc', '--version').split()[:2])}")


def table(lines):
    head, *rest = [list(map(str, line)) for line in lines]
    return "\n".join("| " + " | ".join(line) + " |" for line in [head, ["---"] * len(head), *rest])


def floor_table(floors):
    words = {True: "yes", False: "**no**", OUT_OF_REACH: f"**no**, {OUT_OF_REACH}",
             NO_ROOM: f"**no**, {NO_ROOM}", NO_CORE: f"**no**, {NO_CORE}"}
    lines = [(what, came, floor, words[reached])
             for what, came, floor, reached in floors]
    return table([("", "measured", "floor", "reached"), *lines])


def versus(results, rows, names, ours, other, title):
    """Two candidates side by side, and the ratio of their medians."""
    heads = [head for name in names
             for head in (f"{FIGURES[name][0]}: {ours}", other, "ratio")]
    lines = [[title(row), *(text for name in names
                            for text in pair(results, row, name, ours, other))] for row in rows]
    return table([["", *heads], *lines])


def pair(results, row, name, ours, other):
    one, two = results.median(row, ours, name), results.median(row, other, name)
    texts = ["" if found is None else FIGURES[name][1].format(found) for found in (one, two)]
    return [*texts, f"{one / two:.2f}" if one is not None and two else ""]


def listing(results, rows, title):
    """All figures of all candidates, row by row."""
    every = [(row, who) for row in rows for who in results.candidates(row)]
    names = [name for name in FIGURES if any((*each, name) in results.runs for each in every)]
    lines = [[title(row), who, *(cell(results.runs.get((row, who, name)), FIGURES[name][1])
                                 for name in names)] for row, who in every]
    return table([["", "", *(FIGURES[name][0] for name in names)], *lines])


def row_table(results, row):
    candidates = results.candidates(row)
    names = [name for name in FIGURES if any((row, who, name) in results.runs for who in candidates)]
    lines = [[who, *(cell(results.runs.get((row, who, name)), FIGURES[name][1]) for name in names)]
             for who in candidates]
    return table([["", *(FIGURES[name][0] for name in names)], *lines])


def cell(values, form):
    if not values:
        return ""
    low, middle, high = (form.format(f(values)) for f in (min, statistics.median, max))
    return middle if len(values) == 1 else f"{middle} ({low} – {high})"
