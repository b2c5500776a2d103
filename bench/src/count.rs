//! Small inputs for the core crate, to have its instructions counted: `tools/instructions.sh`.

use std::path::Path;

use eslaver_core::rdb::{Decoder, Nothing, Status};
use eslaver_core::resp::{Commands, Limits, encode};

use crate::{Outcome, workload};

const PIECE: usize = 64 * 1024;
const STRINGS: u32 = 20_000;
const COMMANDS: u64 = 20_000;
/// How often the snapshots of the tests are decoded, as each is small.
const TIMES: usize = 100;

/// `strings`: a snapshot of nothing else; `types`: those of the tests, with all types in all
/// encodings; `stream`: commands of W4.
pub(crate) fn decode(what: &str) -> Outcome<()> {
    match what {
        "strings" => counted_snapshot(&strings()),
        "types" => {
            let data =
                Path::new(env!("CARGO_MANIFEST_DIR")).join("../native/eslaver_core/tests/data");
            for name in ["redis-3.2.6", "redis-5.0.6", "redis-7.0.15", "valkey-9.1.2"] {
                let bytes = std::fs::read(data.join(format!("{name}.rdb")))?;
                for _ in 0..TIMES {
                    counted_snapshot(&bytes)?;
                }
            }
            Ok(())
        }
        "stream" => {
            let mut bytes = Vec::new();
            workload::commands("w4", COMMANDS, &mut |command| {
                bytes.extend(encode(command));
                Ok(())
            })?;
            counted_stream(&bytes)
        }
        _ => Err(format!("nothing to decode: {what}").into()),
    }
}

// What is counted is what these two do, found by their names.

#[inline(never)]
fn counted_stream(bytes: &[u8]) -> Outcome<()> {
    let mut commands = Commands::new(Limits::default());
    for piece in bytes.chunks(PIECE) {
        commands.feed(piece);
        while commands.next()?.is_some() {}
    }
    Ok(())
}

#[inline(never)]
fn counted_snapshot(bytes: &[u8]) -> Outcome<()> {
    let mut decoder = Decoder::new();
    for piece in bytes.chunks(PIECE) {
        decoder.feed(piece);
        while decoder.next(&mut Nothing)? == Status::Event {}
    }
    Ok(decoder.finish()?)
}

/// A snapshot without a checksum: type, key and value, each string with its length in a byte or
/// two.
fn strings() -> Vec<u8> {
    let mut bytes = b"REDIS0011".to_vec();
    for number in 0..STRINGS {
        bytes.extend_from_slice(&[0, 10]);
        bytes.extend_from_slice(format!("key:{number:06}").as_bytes());
        bytes.extend_from_slice(&[0x40, 64]);
        bytes.extend_from_slice(&[b'v'; 64]);
    }
    bytes.push(0xff);
    bytes.extend_from_slice(&[0; 8]);
    bytes
}
