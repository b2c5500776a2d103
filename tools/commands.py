#!/usr/bin/env python3
"""Makes native/eslaver_core/src/commands/table.rs anew, from what real servers say of their commands.

    tools/commands.py MASTERS [NAME-VERSION ...]

MASTERS is a folder with a NAME-VERSION/server for each server, such as redis-7.0.15/server; without
names, all of SERVERS below are used. Each is asked for COMMAND. Of a command that several know, the
last one in SERVERS to describe its keys is believed: from Redis 7.0 on a server tells which of
them a command changes and which it only reads. What it cannot tell is in BY_HAND.

Commands of modules are left out: a link learns them from its master. The vector sets of Redis 8 are
its own, and what RediSearch and RedisJSON do not declare rightly is in OF_MODULES. What no server at
hand tells is in NOT_TOLD.
"""

import os
import shutil
import socket
import subprocess
import sys
import tempfile
import time

SERVERS = [
    "redis-2.8.17", "redis-3.0.5", "redis-3.2.6", "redis-5.0.6", "redis-6.0.16", "redis-6.2.14",
    "redis-7.0.15", "valkey-8.0.1", "valkey-8.1.1", "valkey-9.1.2", "redis-stack-7.4.1",
    "redis-8.0.2", "redis-8.0.6", "redis-8.6.2", "redis-8.10.2",
]
TABLE = os.path.join(os.path.dirname(__file__), "../native/eslaver_core/src/commands/table.rs")

# Modules that are part of a server.
OWN_MODULES = {"vadd", "vrem", "vsetattr"}

# Commands whose keys stand behind options, are in another db, or are not named at all.
BY_HAND = {
    "cluster": "Special(Cluster)",
    "copy": "Special(Copy)",
    "eval": "Special(Script)",
    "evalsha": "Special(Script)",
    "fcall": "Special(Script)",
    "flushall": "Special(FlushAll)",
    "flushdb": "Special(FlushDb)",
    "georadius": "Special(Geo { options: 5 })",
    "georadiusbymember": "Special(Geo { options: 4 })",
    "migrate": "Special(Migrate)",
    "move": "Special(Move)",
    "sort": "Special(Sort)",
    "swapdb": "Special(SwapDb)",
    "rreplay": "Special(Unnamed)",
    "trimslots": "Special(TrimSlots)",
    "xreadgroup": "Special(Streams)",
}

FIRST = "Keys(&[range(0, 0, 1, true)])"
FIRST_TWO = "Keys(&[range(0, 0, 1, true), range(1, 1, 1, true)])"

# Write commands that no server at hand tells of, from the sources of those that will, by hand: drop
# a line here when a server in SERVERS knows the command.
NOT_TOLD = {
    # Redis 8.10 and 8.12; HSETC is internal: HIMPORT SET is replicated as it.
    "bzmove": FIRST_TWO,
    "gcra": FIRST,
    "gcrasetvalue": FIRST,
    "hsetc": FIRST,
    "saddex": FIRST,
    "sexpire": FIRST,
    "sexpireat": FIRST,
    "spersist": FIRST,
    "spexpire": FIRST,
    "spexpireat": FIRST,
    "zmove": FIRST_TWO,
    "zmovemember": FIRST_TWO,
    # Valkey 9.2.
    "phdel": FIRST,
    "phdelprefix": FIRST,
    "phmset": FIRST,
    "phset": FIRST,
    # KeyDB.
    "expdel": "Keys(&[range(0, -1, 1, true)])",
    "expiremember": FIRST,
    "expirememberat": FIRST,
    "keydb.cron": FIRST,
    "keydb.hrename": FIRST,
    "keydb.nhset": FIRST,
    "pexpirememberat": FIRST,
}

# Commands of modules whose declared keys are none, or are not all. RediSearch declares an index's
# name as a key: other names that begin with "ft." have no keys. What it deletes with an index it
# replicates by DEL, but for FT.DROP, of versions before 2.0.
OF_MODULES = {
    "ft.add": "Keys(&[range(1, 1, 1, true)])",
    "ft.addhash": "Keys(&[range(1, 1, 1, true)])",
    "ft.del": "Keys(&[range(1, 1, 1, true)])",
    "ft.drop": "Special(Unnamed)",
    "ft.safeadd": "Keys(&[range(1, 1, 1, true)])",
    "ft.sugadd": FIRST,
    "ft.sugdel": FIRST,
    "json.del": FIRST,
    "json.forget": FIRST,
    "ts.createrule": FIRST_TWO,
    "ts.deleterule": FIRST_TWO,
}

# Commands that can be in a stream although they are no writes: a script is sent as it is by servers
# before Redis 7.0, and PFCOUNT when it has renewed the count kept in the key.
ALSO_WRITES = {"eval", "evalsha", "fcall", "pfcount"}


class Refused(Exception):
    """An error reply."""


class Client:
    """A connection that speaks the second version of the Redis protocol."""

    def __init__(self, port):
        self.socket = socket.create_connection(("127.0.0.1", port))
        self.file = self.socket.makefile("rb")

    def __call__(self, *arguments):
        parts = [argument.encode() for argument in arguments]
        request = b"*%d\r\n" % len(parts)
        self.socket.sendall(request + b"".join(b"$%d\r\n%s\r\n" % (len(p), p) for p in parts))
        reply = self.read()
        if isinstance(reply, Refused):
            raise reply
        return reply

    def read(self):
        line = self.file.readline()[:-2]
        kind, rest = line[:1], line[1:].decode()
        if kind == b"+":
            return rest
        if kind == b"-":
            return Refused(rest)
        if kind == b":":
            return int(rest)
        if kind == b"$":
            return None if rest == "-1" else self.file.read(int(rest) + 2)[:-2].decode()
        if kind == b"*":
            return None if rest == "-1" else [self.read() for _ in range(int(rest))]
        raise RuntimeError(f"not a reply: {line!r}")


def described(masters, name):
    """What a server of its own says of its commands."""
    folder = tempfile.mkdtemp()
    with socket.socket() as free:
        free.bind(("127.0.0.1", 0))
        port = free.getsockname()[1]
    process = subprocess.Popen(
        [os.path.join(masters, name, "server"), "--port", str(port), "--bind", "127.0.0.1",
         "--dir", folder, "--save", ""], stdout=subprocess.DEVNULL)
    try:
        for _ in range(200):
            try:
                return Client(port)("COMMAND")
            except (OSError, Refused):
                time.sleep(0.05)
        raise RuntimeError(f"{name} does not start")
    finally:
        process.kill()
        process.wait()
        shutil.rmtree(folder)


def fields(reply):
    """A reply that is a map, or a map by alternating keys and values."""
    return dict(zip(reply[::2], reply[1::2]))


def spec(found):
    """A key specification of a server as one of ours, or None where it cannot be one. Ours count
    from the argument after the name."""
    found = fields(found)
    begin, find = fields(found["begin_search"]), fields(found["find_keys"])
    changed = "true" if {"RW", "OW", "RM"} & set(found["flags"]) else "false"
    if begin["type"] != "index":
        return None
    first = fields(begin["spec"])["index"] - 1
    where = fields(find["spec"])
    if find["type"] == "range" and where["limit"] == 0:
        last = where["lastkey"] if where["lastkey"] < 0 else first + where["lastkey"]
        return f"range({first}, {last}, {where['keystep']}, {changed})"
    if find["type"] == "keynum":
        at = first + where["keynumidx"]
        return f"count({at}, {first + where['firstkey']}, {where['keystep']}, {changed})"
    return None


def legacy(command):
    """The keys of a command as servers before 7.0 tell them; whether they change is not known."""
    _, _, flags, first, last, step = command[:6]
    if "movablekeys" in flags:
        return None
    if first == 0:
        return ""
    return f"range({first - 1}, {last if last < 0 else last - 1}, {step}, true)"


def rule(command):
    """How to find the keys of a write command, and how much that is worth: 2 where the server tells
    which ones change, 1 where it does not; None where it cannot be told."""
    subcommands = command[9] if len(command) > 9 else []
    if subcommands:
        rules = {rule(sub) for sub in subcommands if "write" in sub[2]}
        return rules.pop() if len(rules) == 1 else None
    if len(command) < 9:
        specs, worth = legacy(command), 1
    else:
        specs, worth = [spec(found) for found in command[8]], 2
        specs = None if None in specs else ", ".join(specs)
    return None if specs is None else (worth, f"Keys(&[{specs}])")


def is_write(command):
    name, flags = command[0].lower(), command[2]
    subcommands = command[9] if len(command) > 9 else []
    return "write" in flags or name in ALSO_WRITES or any(is_write(sub) for sub in subcommands)


def table(masters, servers):
    by_hand = NOT_TOLD | OF_MODULES | BY_HAND
    rules, others = {name: (3, text) for name, text in by_hand.items()}, set()
    for server in servers:
        for command in described(masters, server):
            name = command[0].lower()
            if "module" in command[2] and name not in OWN_MODULES:
                continue
            if not is_write(command):
                others.add(name)
                continue
            found = rule(command)
            known = rules.setdefault(name, found)
            if found and (not known or found[0] >= known[0]):
                rules[name] = found
    missing = [name for name, found in rules.items() if found is None]
    if missing:
        sys.exit(f"to be added to BY_HAND: {', '.join(missing)}")
    others = {name for name in others if name not in rules and ":" not in name}
    return {name: text for name, (_, text) in rules.items()} | dict.fromkeys(others, "NotAWrite")


def main():
    masters, *servers = sys.argv[1:]
    servers = servers or SERVERS
    rows = sorted(table(masters, servers).items())
    text = "//! Every command of the servers below. Made by `tools/commands.py`: do not edit.\n//!\n"
    text += "".join(f"//! - {server}\n" for server in servers)
    text += "//!\n//! And by hand, as no server of these tells of them or tells rightly:\n//!\n"
    for name in sorted(NOT_TOLD | OF_MODULES):
        text += f"//! - {name}\n"
    text += "\nuse super::rule::Rule::{self, Keys, NotAWrite, Special};\n"
    text += "use super::rule::{count, range};\nuse super::special::Special::*;\n\n"
    text += "/// Names in lower case, in order.\n#[rustfmt::skip]\n"
    text += "pub(super) static COMMANDS: &[(&str, Rule)] = &[\n"
    text += "".join(f'    ("{name}", {found}),\n' for name, found in rows) + "];\n"
    with open(TABLE, "w", encoding="utf-8") as file:
        file.write(text)


if __name__ == "__main__":
    main()
