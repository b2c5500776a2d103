//! What to begin with: the snapshots of real servers that the core's tests have, and their values.

use std::path::{Path, PathBuf};

use eslaver_core::rdb::{
    Decoder, Item, Kind, LeftOut, Meta, ModuleField, Sink, Status, StreamId, StreamMeta,
};

use crate::{stream, support};

/// Seeds for a target, each as its bytes begin.
///
/// # Panics
/// When a file cannot be read.
pub fn seeds(target: &str) -> Vec<Vec<u8>> {
    let snapshots = snapshots();
    let values = || snapshots.iter().flat_map(|snapshot| values(snapshot));
    let typed = |types: &[u8]| {
        let found = values().filter(|value| types.contains(&value.value_type));
        found.map(|value| (value.value_type, value.bytes)).collect::<Vec<_>>()
    };
    let containers = |types: &[u8]| {
        let which = |found| types.iter().position(|&known| known == found).unwrap_or(0) as u8;
        let with_mode = |(found, bytes): (u8, Vec<u8>)| {
            plain(&bytes).map(|container| [&[which(found) << 2], container].concat())
        };
        typed(types).into_iter().filter_map(with_mode).collect()
    };
    match target {
        "rdb" => snapshots.iter().map(|bytes| [&[1], bytes.as_slice()].concat()).collect(),
        "ziplist" => containers(&[10, 12, 13]),
        "listpack" => containers(&[16, 17, 20]),
        "intset" => containers(&[11]),
        "zipmap" => vec![b"\0\x02\x01a\x02\0bc\x03ddd\x01\x01e?\xff".to_vec()],
        "lzf" => values().filter_map(|value| compressed(&value.bytes)).collect(),
        "stream" => {
            let mode = |value_type: u8| match value_type {
                27 => stream::NACK,
                _ => stream::TYPES.iter().position(|&known| known == value_type).unwrap() as u8,
            };
            let found = typed(&[15, 19, 21, 26, 27]).into_iter();
            found.map(|(kind, bytes)| [&[mode(kind)], bytes.as_slice()].concat()).collect()
        }
        "dump" => {
            let body = |value: Value| {
                [&[1, value.version, value.value_type], value.bytes.as_slice()].concat()
            };
            values().map(body).collect()
        }
        "resp" => STREAMS
            .iter()
            .flat_map(|stream| (0..4).map(|mode| [&[mode], *stream].concat()))
            .collect(),
        "filter" => {
            let with = |stream: &[u8]| {
                (0..8)
                    .map(|mode| [&[mode, 3], b"k*?".as_slice(), stream].concat())
                    .collect::<Vec<_>>()
            };
            STREAMS.iter().flat_map(|stream| with(stream)).collect()
        }
        "handshake" => {
            let with = |answers: &[u8]| [0, 3, 31].map(|mode| [&[mode], answers].concat());
            let asked = |answers: &[u8]| [&[128], answers].concat();
            let told = TOLD.iter().map(|answers| asked(answers));
            ANSWERS.iter().flat_map(|answers| with(answers)).chain(told).collect()
        }
        "keyspace" => scripts(24, 600),
        "commands" => scripts(24, 300),
        "transfer" => TRANSFERS.iter().map(|bytes| bytes.to_vec()).collect(),
        "glob" => GLOBS
            .iter()
            .map(|(pattern, key)| {
                [&[pattern.len() as u8], pattern.as_bytes(), key.as_bytes()].concat()
            })
            .collect(),
        _ => Vec::new(),
    }
}

/// Random choices.
fn scripts(count: u64, length: usize) -> Vec<Vec<u8>> {
    let script = |seed| {
        let mut random = support::random(seed);
        (0..length).map(|_| (random() >> 32) as u8).collect()
    };
    (0..count).map(script).collect()
}

const STREAMS: &[&[u8]] = &[
    b"*1\r\n$4\r\nPING\r\n*2\r\n$6\r\nSELECT\r\n$1\r\n0\r\n*3\r\n$3\r\nset\r\n$2\r\nk1\r\n$0\r\n\r\n",
    b"*4\r\n$7\r\nRREPLAY\r\n$1\r\nu\r\n$35\r\n*1\r\n$5\r\nMULTI\r\n*2\r\n$3\r\ndel\r\n$1\r\nk\r\n\r\n$1\r\n3\r\n",
    b"*3\r\n$7\r\nrreplay\r\n$1\r\nu\r\n$65\r\n*5\r\n$7\r\nRREPLAY\r\n$1\r\nv\r\n$20\r\n*2\r\n$3\r\ndel\r\n$1\r\nk\r\n\r\n$1\r\n5\r\n$1\r\n7\r\n\r\n",
    b"\n\r\n*0\r\n*-1\r\nset k1 \"a\\x00\\n\" 'b\\''\r\n*1\r\n$4\r\nEXEC\r\n",
    b"*2\r\n$6\r\nSELECT\r\n$1\r\n3\r\n*1\r\n$5\r\nMULTI\r\n*3\r\n$4\r\nMSET\r\n$2\r\nk1\r\n$1\r\n1\r\n*2\r\n$3\r\nDEL\r\n$2\r\nk2\r\n*1\r\n$4\r\nEXEC\r\n",
    b"*4\r\n$4\r\nCOPY\r\n$2\r\nk1\r\n$1\r\nb\r\n$2\r\nDB\r\n$1\r\n2\r\n*3\r\n$4\r\nMOVE\r\n$1\r\nk\r\n$1\r\n3\r\n",
    b"*5\r\n$11\r\nZUNIONSTORE\r\n$1\r\nd\r\n$1\r\n2\r\n$1\r\na\r\n$2\r\nk1\r\n*3\r\n$6\r\nSWAPDB\r\n$1\r\n0\r\n$1\r\n1\r\n*1\r\n$8\r\nFLUSHALL\r\n",
];

const ANSWERS: &[&[u8]] = &[
    b"+PONG\r\n+OK\r\n+OK\r\n+OK\r\n+FULLRESYNC 0123456789012345678901234567890123456789 17\r\n",
    b"-NOAUTH Authentication required.\r\n+OK\r\n+OK\r\n+OK\r\n+OK\r\n+CONTINUE 0123456789012345678901234567890123456789\r\n",
    b"+PONG\r\n+OK\r\n+OK\r\n+OK\r\n-ERR unknown command 'hunter2!', with args beginning with: 'hunter2!'\r\n",
    b"-NOPERM this user has no permissions to run the 'ping' command\r\n-WRONGPASS invalid username-password pair hunter2!\r\n",
    b"+PONG\r\n+OK\r\n\n\n+OK\r\n+OK\r\n+OK\r\n-NOMASTERLINK Can't SYNC while not connected with my master\r\n",
    b"-DENIED Redis is running in protected mode\r\n",
    b"HTTP/1.1 400 Bad Request\r\n",
];

/// Of masters that are asked about themselves, old and new, and of a Sentinel.
const TOLD: &[&[u8]] = &[
    b"+PONG\r\n+OK\r\n+OK\r\n+OK\r\n+OK\r\n+OK\r\n*3\r\n$6\r\nmaster\r\n:50\r\n*0\r\n$278\r\n# Server\r\nredis_version:7.0.15\r\nrun_id:bb\r\n\r\n# Replication\r\nrole:master\r\nmaster_replid:aaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaa\r\nmaster_repl_offset:50\r\nsecond_repl_offset:-1\r\nrepl_backlog_active:1\r\nrepl_backlog_first_byte_offset:1\r\n\r\n# Keyspace\r\ndb0:keys=1,expires=0,avg_ttl=0\r\n\r\n*2\r\n*6\r\n$1\r\na\r\n:-2\r\n*1\r\n+write\r\n:1\r\n:-1\r\n:2\r\n*6\r\n$1\r\nb\r\n:1\r\n*1\r\n+write\r\n:0\r\n:0\r\n:0\r\n+FULLRESYNC 0123456789012345678901234567890123456789 17\r\n",
    b"+PONG\r\n+OK\r\n+OK\r\n+OK\r\n+OK\r\n+OK\r\n*5\r\n$5\r\nslave\r\n$9\r\n127.0.0.1\r\n:6379\r\n$9\r\nconnected\r\n:50\r\n$233\r\n# Replication\r\nrole:slave\r\nmaster_host:::1\r\nmaster_port:6379\r\nmaster_link_status:up\r\nmaster_replid:bbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbb\r\nmaster_replid2:aaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaa\r\nsecond_repl_offset:51\r\n# Keyspace\r\n\r\n*1\r\n*10\r\n$1\r\na\r\n:-2\r\n*2\r\n+write\r\n+movablekeys\r\n:0\r\n:0\r\n:0\r\n*0\r\n*0\r\n*2\r\n*6\r\n$5\r\nflags\r\n*1\r\n+RW\r\n$12\r\nbegin_search\r\n*4\r\n$4\r\ntype\r\n$7\r\nkeyword\r\n$4\r\nspec\r\n*4\r\n$7\r\nkeyword\r\n$4\r\nkeys\r\n$9\r\nstartfrom\r\n:-2\r\n$9\r\nfind_keys\r\n*4\r\n$4\r\ntype\r\n$5\r\nrange\r\n$4\r\nspec\r\n*6\r\n$7\r\nlastkey\r\n:-1\r\n$7\r\nkeystep\r\n:1\r\n$5\r\nlimit\r\n:2\r\n*6\r\n$5\r\nflags\r\n*1\r\n+RO\r\n$12\r\nbegin_search\r\n*4\r\n$4\r\ntype\r\n$5\r\nindex\r\n$4\r\nspec\r\n*2\r\n$5\r\nindex\r\n:2\r\n$9\r\nfind_keys\r\n*4\r\n$4\r\ntype\r\n$6\r\nkeynum\r\n$4\r\nspec\r\n*6\r\n$9\r\nkeynumidx\r\n:0\r\n$8\r\nfirstkey\r\n:1\r\n$7\r\nkeystep\r\n:1\r\n*0\r\n+CONTINUE\r\n",
    b"+PONG\r\n+OK\r\n+OK\r\n+OK\r\n+OK\r\n+OK\r\n-NOPERM no\r\n-ERR unknown command\r\n*1\r\n*10\r\n$1\r\na\r\n:-2\r\n*0\r\n:0\r\n:0\r\n:0\r\n*0\r\n*0\r\n*0\r\n*1\r\n*6\r\n$5\r\na|put\r\n:2\r\n*1\r\n+write\r\n:2\r\n:2\r\n:1\r\n",
    b"+PONG\r\n+OK\r\n+OK\r\n+OK\r\n+OK\r\n+OK\r\n*2\r\n$8\r\nsentinel\r\n*1\r\n$2\r\nit\r\n",
];

const TRANSFERS: &[&[u8]] = &[
    b"$5\r\nREDIS*1\r\n",
    b"\n\n$EOF:aaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaab\r\nREDISaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaab*1\r\n",
    b"$EOF:0123456789012345678901234567890123456789\r\n01230123456789012345678901234567890123456789+",
    b"-ERR no\r\n",
];

const GLOBS: &[(&str, &str)] = &[
    ("h*llo[a-c^]?\\*", "heeelloa!*"),
    ("*a*b*[^x]", "aaabbb"),
    ("[z-a\\]-]*[", "m["),
    ("user:*:{x}", "user:1:{x}"),
];

/// Of real servers: those of the core's tests, and more where `ESLAVER_CORPUS` says.
fn snapshots() -> Vec<Vec<u8>> {
    let own = Path::new(env!("CARGO_MANIFEST_DIR")).join("../native/eslaver_core/tests/data");
    let more = std::env::var_os("ESLAVER_CORPUS").map(PathBuf::from);
    let folders = [Some(own), more].into_iter().flatten();
    let files = folders.flat_map(|folder| std::fs::read_dir(&folder).unwrap());
    let mut paths: Vec<PathBuf> = files.map(|file| file.unwrap().path()).collect();
    paths.retain(|path| path.extension().is_some_and(|extension| extension == "rdb"));
    paths.sort();
    paths.iter().map(|path| std::fs::read(path).unwrap()).collect()
}

/// A value as it stands in a snapshot.
struct Value {
    version: u8,
    value_type: u8,
    bytes: Vec<u8>,
}

/// The values of a snapshot, as far as it can be read.
fn values(snapshot: &[u8]) -> Vec<Value> {
    let Some(version) =
        snapshot.get(..9).map(|magic| magic.iter().filter(|byte| byte.is_ascii_digit()))
    else {
        return Vec::new();
    };
    let version =
        version.fold(0u8, |value, digit| value.wrapping_mul(10).wrapping_add(digit - b'0'));
    let (mut decoder, mut sink, mut from) = (Decoder::new(), Keys::default(), 0);
    let mut values = Vec::new();
    decoder.feed(snapshot);
    while let Ok(Status::Event) = decoder.next(&mut sink) {
        let bytes = &snapshot[from..decoder.offset() as usize];
        from = decoder.offset() as usize;
        let Some(key) = sink.0.take().filter(|key| (1..64).contains(&key.len())) else { continue };
        let key = [&[key.len() as u8], key.as_slice()].concat();
        let found = bytes.windows(key.len()).position(|window| window == key);
        if let Some(at @ 1..) = found {
            let (value_type, bytes) = (bytes[at - 1], bytes[at + key.len()..].to_vec());
            values.push(Value { version, value_type, bytes });
        }
    }
    values
}

/// What a plain string holds.
fn plain(string: &[u8]) -> Option<&[u8]> {
    match *string.first()? {
        0..64 => string.get(1..),
        64..128 => string.get(2..),
        _ => None,
    }
}

/// A compressed string as the target takes it.
fn compressed(string: &[u8]) -> Option<Vec<u8>> {
    let length = |at: &mut usize| {
        let first = *string.get(*at)?;
        *at += 1;
        match first {
            0..64 => Some(usize::from(first)),
            64..128 => {
                *at += 1;
                Some(usize::from(first & 63) << 8 | usize::from(*string.get(*at - 1)?))
            }
            _ => None,
        }
    };
    let mut at = 1;
    if string.first() != Some(&0xc3) {
        return None;
    }
    let size = length(&mut at)?;
    length(&mut at)?;
    Some([&[0], string.get(at..at + size)?].concat())
}

/// The name of the last key.
#[derive(Default)]
struct Keys(Option<Vec<u8>>);

impl Sink for Keys {
    fn aux(&mut self, _: &[u8], _: &[u8]) {}
    fn function(&mut self, _: &[u8]) {}
    fn begin(&mut self, key: &[u8], _: Kind, _: &Meta) -> bool {
        self.0 = Some(key.to_vec());
        false
    }
    fn item(&mut self, _: Item<'_>) {}
    fn score(&mut self, _: f64) {}
    fn expiry(&mut self, _: u64) {}
    fn next_index(&mut self, _: u64) {}
    fn index(&mut self, _: u64) {}
    fn path(&mut self, _: Item<'_>) {}
    fn entry(&mut self, _: StreamId) {}
    fn stream(&mut self, _: StreamMeta) {}
    fn module(&mut self, _: &[u8; 9], _: u16) {}
    fn module_field(&mut self, _: ModuleField<'_>) {}
    fn end(&mut self) {}
    fn discard(&mut self) {}
    fn left_out(&mut self, _: LeftOut) {}
}
