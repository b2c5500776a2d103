#!/usr/bin/env python3
"""Makes the snapshots of native/eslaver_core/tests/data anew, from real servers.

    tools/goldens.py MASTERS [NAME-VERSION ...]

MASTERS is a folder with a NAME-VERSION/server for each server, such as redis-7.0.15/server; without
names, all of SERVERS below are used. Each is started on a free port with an empty folder, filled
with every type in every encoding it has, and told to SAVE. NAME-VERSION.rdb is that file as it
is; NAME-VERSION.json is what the server then answers when it is asked for each key: nothing in it
comes from reading the file, and no library is used. The tests (tests/rdb_goldens.rs) expect the one
to be decoded to the other.

The JSON: {"functions": [...], "keys": [...]}; each key with db, key, type, value, and expire_at
(ms), idle, freq where it has them. Strings are printable ASCII with every other byte, `"` and the
backslash as \\xNN; one of more than 256 bytes is `#md5 digest length`. zset: [member, the score's 8
bytes as hex]; hash: [field, value] or [field, value, expiry in ms]; stream: as XINFO STREAM FULL has
it, and null where the server does not tell; array: [index, element]; of a module's value what the
module says. Elements of a set, hash or zset are in any order.
"""

import hashlib
import json
import os
import shutil
import socket
import struct
import subprocess
import sys
import tempfile
import time

SERVERS = [
    "redis-2.8.17", "redis-3.0.5", "redis-3.2.6", "redis-5.0.6", "redis-6.0.16", "redis-6.2.14",
    "redis-7.0.15", "redis-8.0.6", "redis-8.6.2", "redis-8.10.2", "redis-stack-7.4.1",
    "valkey-8.1.1", "valkey-9.1.2",
]
DATA = os.path.join(os.path.dirname(__file__), "../native/eslaver_core/tests/data")
MODULES = ["rejson.so", "redisbloom.so", "redistimeseries.so", "redisearch.so"]
LATER = 4102444800123  # the year 2100
NEVER = (10 ** 9,)  # the version of Valkey that has what only Redis has

# The ends of what each integer encoding holds, of strings and of containers, and what only looks
# like an integer.
INTEGERS = [0, 12, 13, 127, 128, 4095, 4096, 32767, 32768, 2**23 - 1, 2**23, 2**31 - 1, 2**31,
            2**63 - 1]
EDGES = [str(n) for n in INTEGERS] + [str(-n - 1) for n in INTEGERS] + ["007", "-0", "+1", " 1"]
BINARY = bytes(range(256))
LENGTHS = [b"", b"a" * 63, b"b" * 64, b"c" * 4095, b"d" * 4096]
SCORES = ["-inf", "-1e300", "-1.5", "-1", "-0", "0", "5e-324", "0.1", "3", "4611686018427387904",
          "1e300", "inf"]


class Refused(Exception):
    """An error reply."""


class Client:
    """A connection that speaks the second version of the Redis protocol."""

    def __init__(self, port):
        self.socket = socket.create_connection(("127.0.0.1", port))
        self.file = self.socket.makefile("rb")

    def __call__(self, *arguments):
        parts = [a if isinstance(a, bytes) else str(a).encode() for a in arguments]
        request = b"*%d\r\n" % len(parts)
        self.socket.sendall(request + b"".join(b"$%d\r\n%s\r\n" % (len(p), p) for p in parts))
        reply = self.read()
        if isinstance(reply, Refused):
            raise Refused(f"{arguments[:3]}: {reply}")
        return reply

    def read(self):
        line = self.file.readline()[:-2]
        kind, rest = line[:1], line[1:]
        if kind == b"+":
            return rest
        if kind == b"-":
            return Refused(rest.decode())
        if kind == b":":
            return int(rest)
        if kind == b"$":
            return None if rest == b"-1" else self.file.read(int(rest) + 2)[:-2]
        if kind == b"*":
            return None if rest == b"-1" else [self.read() for _ in range(int(rest))]
        raise RuntimeError(f"not a reply: {line!r}")


class Server:
    """A server of its own, in a folder of its own, that ends with the `with`."""

    def __init__(self, masters, name):
        self.masters, self.name = masters, name
        self.version = tuple(int(part) for part in name.rsplit("-", 1)[1].split("."))
        self.valkey = name.startswith("valkey")

    def has(self, redis, valkey=(7, 2)):
        """Whether the server is of at least this version."""
        return self.version >= (valkey if self.valkey else redis)

    def __enter__(self):
        self.folder = tempfile.mkdtemp()
        with socket.socket() as free:
            free.bind(("127.0.0.1", 0))
            port = free.getsockname()[1]
        command = [os.path.join(self.masters, self.name, "server"), "--port", str(port),
                   "--bind", "127.0.0.1", "--dir", self.folder, "--save", ""]
        if self.has((7, 0)):
            command += ["--enable-debug-command", "yes"]
        if "stack" in self.name:
            for module in MODULES:
                command += ["--loadmodule", os.path.join(self.masters, self.name, "files", module)]
        self.process = subprocess.Popen(command, stdout=subprocess.DEVNULL)
        for _ in range(200):
            try:
                self.client = Client(port)
                self.client("PING")
                return self
            except (OSError, Refused):
                time.sleep(0.05)
        raise RuntimeError(f"{self.name} does not start")

    def __exit__(self, *_):
        self.process.kill()
        self.process.wait()
        shutil.rmtree(self.folder)


def fill(server):
    """Every type in every encoding that the server has."""
    r = server.client
    configure(server)
    strings(r)
    lists(server)
    sets(server)
    zsets(r)
    hashes(server)
    if server.has((5, 0)):
        streams(server)
        r("SET", "kept", "x")
        meta = ("FREQ", 77) if uses_lfu(server) else ("IDLETIME", 100000)
        r("RESTORE", "restored", 0, r("DUMP", "kept"), *meta)
    if server.has((7, 0)):
        call = "server" if server.valkey else "redis"
        r("FUNCTION", "LOAD", f"#!lua name=lib\n{call}.register_function('f', "
          "function(keys, args) return 'a \\\\ and \\0 and \u00e9' end)")
    if "stack" in server.name:
        modules(r)
    if server.has((8, 0), NEVER):
        r("VADD", "vectors", "VALUES", 3, "0.1", "1.2", "-0.5", "element")
    if server.has((8, 8), NEVER):
        arrays(r)
    if server.has((8, 10), NEVER):
        templates(r)
    r("SET", "expires", "x")
    r("PEXPIREAT", "expires", LATER)
    r("RPUSH", "expiring list", "x")
    r("PEXPIREAT", "expiring list", LATER + 1)
    for db in (3, 15):
        r("SELECT", db)
        r("SET", "db", db)
    r("SELECT", 0)


def configure(server):
    r = server.client
    r("CONFIG", "SET", "hash-max-ziplist-entries", len(EDGES) + len(LENGTHS))
    r("CONFIG", "SET", "hash-max-ziplist-value", 5000)
    r("CONFIG", "SET", "zset-max-ziplist-entries", len(SCORES))
    r("CONFIG", "SET", "set-max-intset-entries", 8)
    if not server.has((3, 2)):
        r("CONFIG", "SET", "list-max-ziplist-entries", 64)
        r("CONFIG", "SET", "list-max-ziplist-value", 5000)
    if server.has((5, 0)):
        r("CONFIG", "SET", "maxmemory-policy", "allkeys-lfu" if uses_lfu(server) else "allkeys-lru")
        r("CONFIG", "SET", "lfu-decay-time", 0)
        r("CONFIG", "SET", "stream-node-max-entries", 3)
    if server.has((7, 2)):
        r("CONFIG", "SET", "set-max-listpack-entries", len(EDGES) + len(LENGTHS))
        r("CONFIG", "SET", "set-max-listpack-value", 5000)


def uses_lfu(server):
    """Some servers keep access counters, the others times of last use."""
    return server.version[1] % 2 == 1 or server.version[0] == 8


def strings(r):
    for value in EDGES:
        r("SET", f"string {value}", value)
    r("SET", "", "the empty key")
    r("SET", "empty", "")
    r("SET", "12345", "a key that is an integer")
    r("SET", BINARY, BINARY)
    r("SET", "k" * 64, "14 bits of length")
    r("SET", "compressed", "abc" * 100)
    r("SET", "compressed far", BINARY + b"z" * 16000 + BINARY)
    r("SET", "compressed too little", "aaaaaaaaaaaaaaaaaaaaa")


def lists(server):
    r = server.client
    r("RPUSH", "list of edges", *EDGES, *LENGTHS, BINARY)
    r("RPUSH", "list of one", "")
    if server.has((3, 2)):
        r("CONFIG", "SET", "list-max-ziplist-size", 3)
        r("RPUSH", "list of nodes", *range(20))
    else:
        r("RPUSH", "list of many", *range(100))
    if server.has((7, 0)):
        r("DEBUG", "QUICKLIST-PACKED-THRESHOLD", "100b")
        r("RPUSH", "list of plain nodes", "a", b"p" * 120, b"\0" + b"q" * 300, "b", b"r" * 101)
        r("DEBUG", "QUICKLIST-PACKED-THRESHOLD", "0")


def sets(server):
    r = server.client
    r("SADD", "intset of 16 bits", -32768, -1, 0, 1, 32767)
    r("SADD", "intset of 32 bits", -(2**31), -32769, 0, 32768, 2**31 - 1)
    r("SADD", "intset of 64 bits", -(2**63), -(2**31) - 1, 0, 2**31, 2**63 - 1)
    r("SADD", "set of integers", *range(-10, 10))
    r("SADD", "set of edges", *EDGES, *LENGTHS, BINARY)
    r("SADD", "set of many", *(f"m{n}" for n in range(50)))


def zsets(r):
    few = [part for score in SCORES for part in (score, f"m{score}")]
    r("ZADD", "zset", *few)
    r("ZADD", "zset of many", *few, 1, BINARY, "1.1", "", "2.5", "12")


def hashes(server):
    r = server.client
    edges = [part for value in EDGES + LENGTHS for part in (value, value)]
    r("HMSET", "hash", *edges)
    r("HMSET", "hash of many", *edges, BINARY, BINARY)
    if server.has((7, 4), (9, 0)):
        r("HMSET", "expiring hash", "never", 1, "soon", 2, "later", "three", "at once", 4)
        r("HMSET", "expiring hash of many", *edges, BINARY, BINARY)
        for hash_, fields in (("expiring hash", ["later", "soon", "at once"]),
                              ("expiring hash of many", [BINARY, "127", ""])):
            for index, field in enumerate(fields):
                r("HPEXPIREAT", hash_, LATER + 100000 - 50000 * index, "FIELDS", 1, field)


def streams(server):
    r = server.client
    for n in range(1, 11):
        r("XADD", "stream", f"{n * 1000}-{n}", "a", n, "b", "x" * 40)
    r("XADD", "stream", "11000-0", "other", "fields", "", BINARY)
    r("XADD", "stream", f"{2**63}-{2**64 - 1}", *(part for n in EDGES for part in (n, n)))
    r("XDEL", "stream", "2000-2", "5000-5", "11000-0")
    r("XGROUP", "CREATE", "stream", "idle", "$")
    r("XGROUP", "CREATE", "stream", "busy", 0)
    r("XREADGROUP", "GROUP", "busy", "one", "COUNT", 3, "STREAMS", "stream", ">")
    r("XREADGROUP", "GROUP", "busy", "two", "COUNT", 2, "STREAMS", "stream", ">")
    r("XREADGROUP", "GROUP", "busy", BINARY, "COUNT", 1, "STREAMS", "stream", ">")
    r("XDEL", "stream", "3000-3")
    for pending, deliveries in (("1000-1", 1), ("4000-4", 70000)):
        r("XCLAIM", "stream", "busy", "two", 0, pending, "TIME", 1700000000000,
          "RETRYCOUNT", deliveries, "JUSTID")
    r("XGROUP", "CREATE", "empty stream", "g", "$", "MKSTREAM")
    r("XADD", "emptied stream", "1-1", "a", "b")
    r("XDEL", "emptied stream", "1-1")
    if server.has((8, 6)) and not server.valkey:
        r("XGROUP", "CREATE", "idempotent", "g", 0, "MKSTREAM")
        r("XCFGSET", "idempotent", "IDMP-DURATION", 86400, "IDMP-MAXSIZE", 10)
        for producer, iid in IDEMPOTENT:
            r("XADD", "idempotent", "IDMP", producer, iid, "*", "a", "b")


    if server.has((8, 8), NEVER):
        # given back to the front, to the back, and those of nobody from the start
        r("XNACK", "stream", "busy", "FAIL", "IDS", 2, "6000-6", "1000-1")
        r("XNACK", "stream", "busy", "SILENT", "IDS", 1, "4000-4")


IDEMPOTENT = [(b"p1", b"i1"), (b"p1", b"12"), (b"p2", b"i1"), (b"p1", b"i1"), (BINARY, BINARY)]


def arrays(r):
    r("ARSET", "array", 0, *EDGES, *LENGTHS, BINARY)
    r("ARSET", "array of numbers", 7, *FLOATS)
    r("ARSET", "array of one", 2**64 - 2, "last")
    for n in range(0, 100000, 999):
        r("ARSET", "array with gaps", n * n, f"e{n}", n)
    r("ARINSERT", "array that grows", "a", "b", "c" * 8, "d" * 7)
    r("ARINSERT", "array that was sought", "a")
    r("ARSEEK", "array that was sought", 2**40)


FLOATS = ["0.1", "-0.25", "1.5", "3.14159265358979", "1e300", "-1e-300", "5e-324", "1e21", "123456.5",
          "0.000001", "0.0000001", "1e7", "1.0", "-0.0", "2.5e10", "1.7976931348623157e308", "inf",
          "9007199254740993.0", "0.30000000000000004", "100.0", "1e-5", "12345678901234567890.0"]


def templates(r):
    r("HIMPORT", "PREPARE", "few", "name", "b", "", "12")
    r("HIMPORT", "SET", "template hash", "few", "n", "1", "empty", "twelve")
    r("HIMPORT", "SET", "template hash of edges", "few", "", -(2**63), BINARY, "-0")
    r("HIMPORT", "SET", "template hash with long values", "few", "v" * 6000, BINARY * 30, "x", "12")
    fields = [f"field {n}" for n in range(600)]
    r("HIMPORT", "PREPARE", "many", *fields, BINARY)
    r("HIMPORT", "SET", "template hash of many", "many", *range(601))


def modules(r):
    r("JSON.SET", "json", "$", '{"a":[1,-2.5,null,true,"\u00e9"],"b":{}}')
    r("BF.RESERVE", "bloom", "0.01", 20)
    r("BF.MADD", "bloom", *range(20))
    r("TS.CREATE", "series", "LABELS", "room", 1)
    for n in range(5):
        r("TS.ADD", "series", 1700000000000 + n, f"{n}.5")
    r("FT.CREATE", "index", "PREFIX", 1, "none:", "SCHEMA", "t", "TEXT")  # is kept as module aux


def dump(server):
    """All that the server holds, as it tells it."""
    r = server.client
    functions = []
    if server.has((7, 0)):
        functions = [entry["library_code"]
                     for entry in map(pairs, r("FUNCTION", "LIST", "WITHCODE"))]
    keys = []
    for db in range(16):
        r("SELECT", db)
        for key in r("KEYS", "*"):
            keys.append(dump_key(server, db, key))
    keys.sort(key=lambda key: (key["db"], key["key"]))
    return {"functions": [text(code) for code in functions], "keys": keys}


def dump_key(server, db, key):
    r = server.client
    entry = {"db": db, "key": text(key)}
    if server.has((5, 0)):  # first, for reading the key changes it
        policy = ("freq", "FREQ") if uses_lfu(server) else ("idle", "IDLETIME")
        entry[policy[0]] = r("OBJECT", policy[1], key)
    kind = r("TYPE", key).decode()
    ttl = r("PTTL", key)
    if ttl >= 0:  # all times of expiry end in 123 or 124 ms: this tells which
        at = int(time.time() * 1000) + ttl
        entry["expire_at"] = min((LATER, LATER + 1), key=lambda known: abs(known - at))
        if server.has((7, 0)):
            entry["expire_at"] = r("PEXPIRETIME", key)
    readers = {"string": read_string, "list": read_list, "set": read_set, "zset": read_zset,
               "hash": read_hash, "stream": read_stream, "array": read_array}
    entry["type"] = kind if kind in readers else "module"
    if kind == "array" and int(r("ARNEXT", key)) > 0:
        entry["next_index"] = int(r("ARNEXT", key))
    if kind in readers:
        entry["value"] = readers[kind](server, key)
    else:
        entry["value"] = {"name": kind}
        if key == b"json":
            entry["value"]["fields"] = [["string", text(r("JSON.GET", key))]]
    return entry


def read_string(server, key):
    return text(server.client("GET", key))


def read_list(server, key):
    return [text(element) for element in server.client("LRANGE", key, 0, -1)]


def read_set(server, key):
    return sorted(text(member) for member in server.client("SMEMBERS", key))


def read_zset(server, key):
    flat = server.client("ZRANGE", key, 0, -1, "WITHSCORES")
    return [[text(member), struct.pack(">d", float(score)).hex()]
            for member, score in zip(flat[::2], flat[1::2])]


def read_hash(server, key):
    flat = server.client("HGETALL", key)
    fields = [[text(field), text(value)] for field, value in zip(flat[::2], flat[1::2])]
    if server.has((7, 4), (9, 0)):
        times = server.client("HPEXPIRETIME", key, "FIELDS", len(fields), *flat[::2])
        for field, at in zip(fields, times):
            field += [at] if at >= 0 else []
    return fields


def read_array(server, key):
    found = server.client("ARSCAN", key, 0, 2**64 - 2)
    return [[int(index), text(element)] for index, element in found]


def read_stream(server, key):
    r = server.client
    stream = {
        "entries": [[text(id_), [[text(f), text(v)] for f, v in zip(flat[::2], flat[1::2])]]
                    for id_, flat in r("XRANGE", key, "-", "+")],
    }
    if not server.has((6, 0)):
        info = pairs(r("XINFO", "STREAM", key))
        stream["groups"] = [old_group(r, key, pairs(group)) for group in r("XINFO", "GROUPS", key)]
    else:
        info = pairs(r("XINFO", "STREAM", key, "FULL", "COUNT", 0))
        stream["groups"] = [group_of(r, key, pairs(group)) for group in info["groups"]]
    stream["last_id"] = text(info["last-generated-id"])
    if "entries-added" in info:
        stream["first_id"] = text(info["recorded-first-entry-id"])
        stream["max_deleted_id"] = text(info["max-deleted-entry-id"])
        stream["entries_added"] = info["entries-added"]
    if "idmp-duration" in info:
        stream["idempotency"] = {
            "duration": info["idmp-duration"], "max_size": info["idmp-maxsize"],
            "producers": producers(r, key) if info["pids-tracked"] else [],
            "added": info["iids-added"], "duplicates": info["iids-duplicates"],
        }
    return stream


def group_of(r, key, group):
    found = {
        "name": text(group["name"]), "last_id": text(group["last-delivered-id"]),
        "pending": [[text(id_), text(consumer) or None, at, count]
                    for id_, consumer, at, count in group["pending"]],
        "consumers": [],
    }
    if group.get("entries-read") is not None:
        found["entries_read"] = group["entries-read"]
    for consumer in map(pairs, group["consumers"]):
        times = [consumer[name] for name in ("seen-time", "active-time") if name in consumer]
        found["consumers"].append([text(consumer["name"]), *times])
    if "nacked-count" in group:
        found["nack"] = given_back(r, key, group) if group["nacked-count"] else []
    return found


def given_back(r, key, group):
    """They are delivered first, and in their order."""
    delivered = r("XREADGROUP", "GROUP", group["name"], "reader", "COUNT", group["nacked-count"],
                  "CLAIM", 0, "STREAMS", key, ">")
    return [text(entry[0]) for entry in delivered[0][1]]


def old_group(r, key, group):
    """Redis 5 says how long ago, not when: only the time that was set is known for certain."""
    name = group["name"]
    pending = []
    for id_, consumer, idle, count in r("XPENDING", key, name, "-", "+", 100):
        at = round(time.time() - idle / 1000) * 1000
        pending.append([text(id_), text(consumer), at if at == 1700000000000 else None, count])
    return {
        "name": text(name), "last_id": text(group["last-delivered-id"]), "pending": pending,
        "consumers": [[text(pairs(c)["name"]), None] for c in r("XINFO", "CONSUMERS", key, name)],
    }


def producers(r, key):
    """A duplicate is answered with the id of the entry that it duplicates. By producers' names."""
    found = {}
    for producer, iid in dict.fromkeys(sorted(IDEMPOTENT, key=lambda pair: pair[0])):
        id_ = r("XADD", key, "IDMP", producer, iid, "*", "a", "b")
        found.setdefault(text(producer), []).append([text(iid), text(id_)])
    return [[producer, entries] for producer, entries in found.items()]


def pairs(flat):
    return {name.decode(): value for name, value in zip(flat[::2], flat[1::2])}


def text(value):
    """The text that stands for bytes: see above."""
    value = value.encode() if isinstance(value, str) else value
    if len(value) > 256:
        return f"#md5 {hashlib.md5(value).hexdigest()} {len(value)}"
    return "".join(chr(b) if 32 <= b < 127 and b not in b'"\\' else f"\\x{b:02x}" for b in value)


def make(masters, name):
    with Server(masters, name) as server:
        fill(server)
        if server.has((5, 0)) and not uses_lfu(server):
            time.sleep(1.05 - time.time() % 1)  # idle times are whole seconds
        server.client("SAVE")
        expected = dump(server)
        shutil.copyfile(os.path.join(server.folder, "dump.rdb"), os.path.join(DATA, f"{name}.rdb"))
    with open(os.path.join(DATA, f"{name}.json"), "w", encoding="ascii") as file:
        keys = ",\n".join(json.dumps(key) for key in expected["keys"])
        file.write(f'{{"functions": {json.dumps(expected["functions"])}, "keys": [\n{keys}\n]}}\n')
    print(f"{name}: {os.path.getsize(os.path.join(DATA, name + '.rdb'))} bytes, "
          f"{len(expected['keys'])} keys")


if __name__ == "__main__":
    if len(sys.argv) < 2:
        sys.exit(__doc__)
    for server_name in sys.argv[2:] or SERVERS:
        make(sys.argv[1], server_name)
