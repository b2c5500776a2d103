//! Pieces of a snapshot, written by hand.
#![allow(dead_code, unreachable_pub, clippy::unwrap_used, clippy::panic)]

/// A length in its shortest form.
pub fn length(value: u64) -> Vec<u8> {
    match value {
        0..64 => vec![value as u8],
        64..16384 => (value as u16 | 0x4000).to_be_bytes().to_vec(),
        16384..0x1_0000_0000 => [&[0x80], (value as u32).to_be_bytes().as_slice()].concat(),
        _ => [&[0x81], value.to_be_bytes().as_slice()].concat(),
    }
}

/// A plain string.
pub fn string(bytes: impl AsRef<[u8]>) -> Vec<u8> {
    let bytes = bytes.as_ref();
    [length(bytes.len() as u64).as_slice(), bytes].concat()
}

/// A string that claims to be LZF.
pub fn lzf(compressed: &[u8], claimed: u64) -> Vec<u8> {
    let size = length(compressed.len() as u64);
    [&[0xc3], size.as_slice(), &length(claimed), compressed].concat()
}

/// The key `k` of this type and value.
pub fn key(value_type: u8, value: impl AsRef<[u8]>) -> Vec<u8> {
    [&[value_type, 1, b'k'], value.as_ref()].concat()
}

/// The key `k`, whose value is one string.
pub fn packed(value_type: u8, container: &[u8]) -> Vec<u8> {
    key(value_type, string(container))
}

/// A listpack of encoded entries, to which their lengths are added.
pub fn listpack(entries: &[Vec<u8>]) -> Vec<u8> {
    let mut body = Vec::new();
    for entry in entries {
        body.extend_from_slice(entry);
        body.extend(back_length(entry.len()));
    }
    let count = u16::try_from(entries.len()).unwrap_or(u16::MAX);
    let total = (body.len() + 7) as u32;
    [&total.to_le_bytes(), count.to_le_bytes().as_slice(), &body, &[0xff]].concat()
}

fn back_length(size: usize) -> Vec<u8> {
    let groups = match size {
        0..=127 => 1,
        128..16383 => 2,
        16383..2_097_151 => 3,
        _ => 4,
    };
    let mark = |group: usize| if group + 1 == groups { 0 } else { 0x80 };
    (0..groups).rev().map(|group| (size >> (7 * group) & 0x7f) as u8 | mark(group)).collect()
}

/// A listpack's entry for bytes, in its shortest form.
pub fn lp_text(bytes: &[u8]) -> Vec<u8> {
    let header = match bytes.len() {
        0..64 => vec![0x80 | bytes.len() as u8],
        64..4096 => (0xe000 | bytes.len() as u16).to_be_bytes().to_vec(),
        _ => [&[0xf0], (bytes.len() as u32).to_le_bytes().as_slice()].concat(),
    };
    [header.as_slice(), bytes].concat()
}

/// A listpack's entry for an integer, in its shortest form.
pub fn lp_int(value: i64) -> Vec<u8> {
    let bytes = value.to_le_bytes();
    match value {
        0..128 => vec![value as u8],
        -4096..4096 => ((value as u16 & 0x1fff) | 0xc000).to_be_bytes().to_vec(),
        -0x8000..0x8000 => [&[0xf1], &bytes[..2]].concat(),
        -0x80_0000..0x80_0000 => [&[0xf2], &bytes[..3]].concat(),
        -0x8000_0000..0x8000_0000 => [&[0xf3], &bytes[..4]].concat(),
        _ => [&[0xf4], bytes.as_slice()].concat(),
    }
}

/// A ziplist of encoded entries, to which the lengths of those before are added.
pub fn ziplist(entries: &[Vec<u8>]) -> Vec<u8> {
    let (mut body, mut last) = (Vec::new(), 0);
    for entry in entries {
        let before = body.len() - last;
        last = body.len();
        match before {
            0..254 => body.push(before as u8),
            _ => body.extend([&[254], (before as u32).to_le_bytes().as_slice()].concat()),
        }
        body.extend_from_slice(entry);
    }
    let count = u16::try_from(entries.len()).unwrap_or(u16::MAX);
    let (total, tail) = ((body.len() + 11) as u32, (last + 10) as u32);
    [&total.to_le_bytes(), tail.to_le_bytes().as_slice(), &count.to_le_bytes(), &body, &[0xff]]
        .concat()
}

/// A ziplist's entry for bytes, in its shortest form.
pub fn zl_text(bytes: &[u8]) -> Vec<u8> {
    let header = match bytes.len() {
        0..64 => vec![bytes.len() as u8],
        64..16384 => (0x4000 | bytes.len() as u16).to_be_bytes().to_vec(),
        _ => [&[0x80], (bytes.len() as u32).to_be_bytes().as_slice()].concat(),
    };
    [header.as_slice(), bytes].concat()
}

/// A ziplist's entry for an integer, in its shortest form.
pub fn zl_int(value: i64) -> Vec<u8> {
    let bytes = value.to_le_bytes();
    match value {
        0..=12 => vec![0xf1 + value as u8],
        -0x80..0x80 => vec![0xfe, bytes[0]],
        -0x8000..0x8000 => [&[0xc0], &bytes[..2]].concat(),
        -0x80_0000..0x80_0000 => [&[0xf0], &bytes[..3]].concat(),
        -0x8000_0000..0x8000_0000 => [&[0xd0], &bytes[..4]].concat(),
        _ => [&[0xe0], bytes.as_slice()].concat(),
    }
}

/// An intset of integers of this width in bytes.
pub fn intset(width: u32, values: &[i64]) -> Vec<u8> {
    let mut bytes = [width.to_le_bytes(), (values.len() as u32).to_le_bytes()].concat();
    for value in values {
        bytes.extend_from_slice(&value.to_le_bytes()[..width as usize]);
    }
    bytes
}

/// What a row of a table comes to: the keys, or the error as it is shown.
pub type Expected = Result<serde_json::Value, &'static str>;

/// Decodes a snapshot whole and byte by byte, and compares both with what is expected.
pub fn check(name: &str, snapshot: &[u8], expected: &Expected) {
    for size in [snapshot.len(), 1] {
        let (found, end) = super::decode(snapshot.chunks(size));
        match (expected, end) {
            (Ok(keys), end) => {
                assert_eq!(end, Ok(()), "{name} in pieces of {size}");
                assert_eq!(&serde_json::Value::Array(found.keys), keys, "{name}, by {size}");
            }
            (Err(expected), Ok(())) => panic!("{name}: no error, but not \"{expected}\""),
            (Err(expected), Err(error)) => {
                assert_eq!(&error.to_string(), expected, "{name}, by {size}")
            }
        }
    }
}
