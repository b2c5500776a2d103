//! Containers that come as one string, in a snapshot that is right around them.
//!
//! A mode chooses the type, and how much of the container is made right: nothing, its header and
//! end, or all but its entries. The bytes give each entry as a length and its bytes.

use eslaver_core::rdb::ErrorKind;

use crate::snapshot;
use crate::support::build;

pub(crate) fn ziplist(bytes: &[u8]) {
    made(&[10, 12, 13], bytes, |how, bytes| match how {
        How::AsItIs => bytes.to_vec(),
        How::Header => {
            // how long the last entry is cannot be known without reading the others
            let (last, body) = crate::mode(bytes);
            let total = body.len() as u32 + 11;
            let tail = (total - 1).saturating_sub(last.into());
            [&total.to_le_bytes(), &tail.to_le_bytes(), [0xff; 2].as_slice(), body, &[0xff]]
                .concat()
        }
        How::Entries => build::ziplist(&entries(bytes)),
    });
}

pub(crate) fn listpack(bytes: &[u8]) {
    made(&[16, 17, 20, 25, 34], bytes, |how, bytes| match how {
        How::AsItIs => bytes.to_vec(),
        How::Header => {
            let total = (bytes.len() as u32 + 7).to_le_bytes();
            [total.as_slice(), &[0xff, 0xff], bytes, &[0xff]].concat()
        }
        How::Entries => build::listpack(&entries(bytes)),
    });
}

pub(crate) fn intset(bytes: &[u8]) {
    made(&[11], bytes, |how, bytes| {
        let (first, body) = crate::mode(bytes);
        let width = 2usize << (first % 3);
        let count = (body.len() / width) as u32;
        match how {
            How::AsItIs => bytes.to_vec(),
            How::Header => {
                [(width as u32).to_le_bytes().as_slice(), &count.to_le_bytes(), body].concat()
            }
            How::Entries => {
                let body = &body[..count as usize * width];
                [(width as u32).to_le_bytes().as_slice(), &count.to_le_bytes(), body].concat()
            }
        }
    });
}

pub(crate) fn zipmap(bytes: &[u8]) {
    made(&[9], bytes, |how, bytes| match how {
        How::AsItIs => bytes.to_vec(),
        How::Header => [&[254], bytes, &[0xff]].concat(),
        How::Entries => {
            let mut zipmap = vec![254];
            for (at, text) in entries(bytes).into_iter().enumerate() {
                match text.len() {
                    0..254 => zipmap.push(text.len() as u8),
                    size => {
                        zipmap.push(254);
                        zipmap.extend((size as u32).to_le_bytes());
                    }
                }
                if at % 2 == 1 {
                    zipmap.push(0);
                }
                zipmap.extend(text);
            }
            zipmap.push(0xff);
            zipmap
        }
    });
}

/// A string alone, compared with an obvious decompressor; or one that holds a container.
pub(crate) fn lzf(bytes: &[u8]) {
    let (mode, compressed) = crate::mode(bytes);
    let plain = decompressed(compressed);
    let exact = plain.as_ref().map_or(1, Vec::len) as u64;
    let claimed = match mode & 3 {
        0 | 1 => exact,
        2 => exact.wrapping_add(u64::from(mode >> 2)).wrapping_sub(32),
        _ => 1u64 << (mode >> 2),
    };
    let value_type =
        if mode & 1 == 0 { 0 } else { [0, 9, 10, 11, 13, 16, 17, 20][usize::from(mode >> 5)] };
    let body = build::lzf(compressed, claimed);
    let end = snapshot::holds(&snapshot::value(value_type, &body));
    // of one that claims nothing the data does not matter
    let right = claimed == 0 || plain.is_some() && claimed == exact;
    match end.map_err(|error| error.kind) {
        Ok(()) => assert!(right, "accepted, with {claimed} bytes claimed"),
        Err(ErrorKind::LzfCorrupt | ErrorKind::LzfClaim { .. }) => {
            assert!(!right, "refused, with {claimed} bytes claimed");
        }
        Err(error) => assert!(value_type != 0 && right, "{error}"),
    }
}

/// By the format's description: a byte below 32 begins that number of literal bytes and one more;
/// any other has three bits of length and five of distance, with more length behind it if those are
/// full, and eight more bits of distance.
fn decompressed(compressed: &[u8]) -> Option<Vec<u8>> {
    const ENOUGH: usize = 1 << 20;
    let (mut plain, mut at) = (Vec::new(), 0);
    let byte = |at: &mut usize| {
        *at += 1;
        compressed.get(*at - 1).copied().map(usize::from)
    };
    while at < compressed.len() && plain.len() < ENOUGH {
        let control = byte(&mut at)?;
        if control < 32 {
            plain.extend_from_slice(compressed.get(at..=at + control)?);
            at += control + 1;
        } else {
            let mut length = control >> 5;
            if length == 7 {
                length += byte(&mut at)?;
            }
            let distance = ((control & 31) << 8 | byte(&mut at)?) + 1;
            let from = plain.len().checked_sub(distance)?;
            for index in 0..length + 2 {
                plain.push(plain[from + index]);
            }
        }
    }
    Some(plain)
}

enum How {
    AsItIs,
    Header,
    Entries,
}

/// The mode's low bits are how it is made, those above which of the types it is a value of.
fn made(types: &[u8], bytes: &[u8], make: impl Fn(How, &[u8]) -> Vec<u8>) {
    let (mode, bytes) = crate::mode(bytes);
    let how = match mode & 3 {
        0 => How::AsItIs,
        1 => How::Header,
        _ => How::Entries,
    };
    let container = make(how, bytes);
    let which = usize::from(mode >> 2) % (types.len() + 1);
    let body = match types.get(which) {
        Some(&value_type @ (25 | 34)) => {
            (value_type, [[0; 8].as_slice(), &build::string(&container)].concat())
        }
        Some(&value_type) => (value_type, build::string(&container)),
        // some of a list's elements
        None if types[0] == 10 => (14, [vec![1], build::string(&container)].concat()),
        None if types[0] == 16 => (18, [vec![1, 2], build::string(&container)].concat()),
        None => (types[0], build::string(&container)),
    };
    let _ = snapshot::holds(&snapshot::value(body.0, &body.1));
}

/// Each is a byte of length, and its bytes as far as there are any.
pub(crate) fn entries(mut bytes: &[u8]) -> Vec<Vec<u8>> {
    let mut entries = Vec::new();
    while let Some((&size, rest)) = bytes.split_first() {
        let (entry, left) = rest.split_at(usize::from(size).min(rest.len()));
        if !entry.is_empty() {
            entries.push(entry.to_vec());
        }
        bytes = left;
    }
    entries
}
