//! Payloads of `DUMP`, next to a snapshot of the same value, and of `FUNCTION DUMP`.

use eslaver_core::rdb::{Limits, Nothing, decode_dump, decode_functions, library_name};

use crate::pieces;
use crate::support;
use crate::told::Told;

const KEY_METADATA: u8 = 243;
const VALKEY: u16 = 80;

/// With an even mode the bytes are the payload; else a version, and a body which becomes one.
pub(crate) fn check(bytes: &[u8]) {
    let (mode, bytes) = crate::mode(bytes);
    if mode % 2 == 0 {
        holds(bytes);
        functions_hold(bytes);
        return;
    }
    let (version, body) = crate::mode(bytes);
    let version = u16::from(version);
    let mut payload = [body, version.to_le_bytes().as_slice()].concat();
    let sum = crc_fast::checksum(crc_fast::CrcAlgorithm::Crc64Redis, &payload);
    payload.extend(sum.to_le_bytes());
    functions_hold(&payload);
    if holds(&payload)
        && let Some((&value_type, value)) = body.split_first()
        && value_type != KEY_METADATA
    {
        as_in_a_snapshot(version, &payload, value_type, value);
    }
}

fn holds(payload: &[u8]) -> bool {
    let mut told = Told::default();
    let end = decode_dump(payload, Limits::NONE, &mut told);
    match &end {
        Ok(()) => assert_eq!((told.events.len(), told.discarded.len()), (1, 0)),
        Err(error) => {
            assert!(error.offset <= payload.len(), "{error} of {}", payload.len());
            assert_eq!(told.events, []);
        }
    }
    pieces::bounded("a payload", payload.len(), 100, || {
        drop(decode_dump(payload, Limits::NONE, &mut Nothing))
    });
    end.is_ok()
}

fn functions_hold(payload: &[u8]) {
    let mut codes = Vec::new();
    match decode_functions(payload, Limits::NONE, |code| codes.push(code.to_vec())) {
        Ok(()) => {
            assert!(codes.iter().all(|code| library_name(code).is_none_or(|name| !name.is_empty())))
        }
        Err(error) => assert!(error.offset <= payload.len(), "{error} of {}", payload.len()),
    }
    pieces::bounded("a payload of functions", payload.len(), 100, || {
        drop(decode_functions(payload, Limits::NONE, |_| {}))
    });
}

fn as_in_a_snapshot(version: u16, payload: &[u8], value_type: u8, value: &[u8]) {
    let family = if version >= VALKEY { "VALKEY" } else { "REDIS" };
    let magic = format!("{family}{version:0width$}", width = 9 - family.len());
    let snapshot = support::snapshot(&magic, &[&[value_type, 0], value].concat());
    // before version 5 there is no checksum
    let snapshot = if version < 5 { &snapshot[..snapshot.len() - 8] } else { &snapshot };
    // what stands behind the value is of no account in a payload alone
    let (told, _) = support::decode_to(Told::default(), [snapshot]);
    let mut alone = Told::default();
    decode_dump(payload, Limits::NONE, &mut alone).expect("it was decoded before");
    assert_eq!(told.events.first(), alone.events.first());
}
