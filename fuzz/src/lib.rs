//! What must hold of `eslaver_core` and `eslaver_store` for any bytes at all.
//!
//! Each target is a function of bytes that panics where something does not hold. cargo-fuzz runs it
//! under libFuzzer; the same binaries, built without that, are fuzzers of a simpler kind for a
//! stable toolchain ([`runner`]); and `cargo test` goes through the corpus once more, with a fixed
//! number of mutations.
//!
//! | target | its bytes are | what must hold, besides that nothing panics |
//! |---|---|---|
//! | `rdb` | a mode, a snapshot | the same in any pieces; keys that are not wanted change nothing of the others; bounded memory |
//! | `ziplist`, `listpack`, `intset`, `zipmap` | a mode, a container or the entries of one | the same, in a snapshot that is right around it |
//! | `lzf` | a mode, a compressed string | the same, and what an obvious decompressor says |
//! | `stream` | a mode, a stream or the parts of one | as for `rdb` |
//! | `dump` | a mode, a version, a payload's body | what the snapshot of the same value says; as a payload of functions, bounded memory |
//! | `resp` | a mode, a command stream | the same in any pieces; every byte is counted once; what is encoded again reads the same; what is wrapped are commands; bounded memory |
//! | `handshake` | a configuration, a master's bytes up to its stream | the same in any pieces; the password is in no message; what is learned of a command names its arguments only |
//! | `transfer` | the header, then a snapshot | the same in any pieces, and not one byte more or less |
//! | `glob` | a pattern, a key | what an obvious matcher says |
//! | `filter` | a filter, a command stream | what passes is a stream still: transactions and dbs are as on the master |
//! | `keyspace` | when to save and load, choices of commands | all reads are those of a naive model, of what was loaded, too |
//! | `commands` | a version, choices of commands and queries of any kind | what is saved is loaded as it was |

mod container;
mod dump;
mod filter;
mod glob;
mod handshake;
mod keyspace;
#[path = "../../native/eslaver_store/tests/model/mod.rs"]
mod model;
mod pieces;
mod resp;
pub mod runner;
pub mod seeds;
mod snapshot;
mod stream;
#[path = "../../native/eslaver_core/tests/support/mod.rs"]
mod support;
mod told;
mod transfer;

/// Panics where something does not hold for these bytes.
pub type Check = fn(&[u8]);

/// The targets, by name.
pub const TARGETS: &[(&str, Check)] = &[
    ("rdb", snapshot::check),
    ("ziplist", container::ziplist),
    ("listpack", container::listpack),
    ("intset", container::intset),
    ("zipmap", container::zipmap),
    ("lzf", container::lzf),
    ("stream", stream::check),
    ("resp", resp::check),
    ("handshake", handshake::check),
    ("transfer", transfer::check),
    ("dump", dump::check),
    ("glob", glob::check),
    ("filter", filter::check),
    ("keyspace", keyspace::check),
    ("commands", keyspace::any),
];

/// The target of this name.
///
/// # Panics
/// When there is none.
pub fn target(name: &str) -> Check {
    let found = TARGETS.iter().find(|(known, _)| *known == name);
    found.unwrap_or_else(|| panic!("there is no target {name}")).1
}

/// The whole of a target's program.
#[macro_export]
macro_rules! target {
    ($name:literal) => {
        #[cfg(fuzzing)]
        libfuzzer_sys::fuzz_target!(|bytes: &[u8]| eslaver_fuzz::target($name)(bytes));

        #[cfg(not(fuzzing))]
        fn main() {
            eslaver_fuzz::runner::main($name);
        }
    };
}

/// Takes the mode off the bytes. A target with several ways to read its bytes chooses by it.
fn mode(bytes: &[u8]) -> (u8, &[u8]) {
    bytes.split_first().map_or((0, bytes), |(&mode, rest)| (mode, rest))
}
