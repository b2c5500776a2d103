//! What a mirror keeps of itself behind the RDB file, where servers do not look: they stop at its
//! checksum. The oldest versions of the format have no other place for it.
//!
//! | bytes | |
//! |---|---|
//! | 8 | offset in the master's stream |
//! | 4 | database that the stream is in |
//! | 8, and as many as these say | replication id, empty where the master has none |
//! | as for the id | scope |
//! | | for each unknown key: 4 of its database, 1 whether it exists, its name as the id |
//! | 8 | length of the RDB file |
//! | 8 | CRC-64 of all before |
//! | 8 | `ESLAVER`, and the version of this layout |
//!
//! Numbers are little-endian.

use crc_fast::{CrcAlgorithm, checksum};

use super::UnknownKey;

const NAME: &[u8] = b"ESLAVER";
const VERSION: u8 = 1;
/// The bytes behind the checksum, and those with it and the length.
const MAGIC: usize = NAME.len() + 1;
const FOOT: usize = 8 + 8 + MAGIC;

/// Where the data of a file stands, and what its RDB part cannot tell.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Trailer {
    /// The length of the RDB file.
    pub rdb_bytes: u64,
    /// The master's replication id, if it has one.
    pub replid: Option<String>,
    /// The offset in the master's stream.
    pub offset: u64,
    /// The database that the stream is in there.
    pub db: u32,
    /// What the data is a part of, in the writer's own words: another scope needs other data.
    pub scope: Vec<u8>,
    /// The keys whose values are not known.
    pub unknown: Vec<UnknownKey>,
}

/// Why a file has no trailer.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
pub enum TrailerError {
    /// There is none.
    #[error("it does not end as a file that a mirror has saved")]
    Missing,
    /// Its layout is another.
    #[error("another version of eslaver has written it")]
    OtherVersion,
    /// It is not as it was written.
    #[error("its end is damaged")]
    Damaged,
}

impl Trailer {
    /// The length of the part that [`Trailer::rdb_bytes`] reads.
    pub const FOOT: usize = FOOT;

    /// The bytes behind the RDB file.
    pub fn to_bytes(&self) -> Vec<u8> {
        let mut bytes = Vec::new();
        bytes.extend(self.offset.to_le_bytes());
        bytes.extend(self.db.to_le_bytes());
        put(self.replid.as_deref().unwrap_or_default().as_bytes(), &mut bytes);
        put(&self.scope, &mut bytes);
        for UnknownKey { db, key, exists } in &self.unknown {
            bytes.extend(db.to_le_bytes());
            bytes.push(u8::from(*exists));
            put(key, &mut bytes);
        }
        bytes.extend(self.rdb_bytes.to_le_bytes());
        bytes.extend(checksum(CrcAlgorithm::Crc64Redis, &bytes).to_le_bytes());
        bytes.extend_from_slice(NAME);
        bytes.push(VERSION);
        bytes
    }

    /// The length of the RDB file, by the last [`Trailer::FOOT`] bytes of the whole: the trailer is
    /// the rest.
    ///
    /// # Errors
    /// If these are not the end of a trailer.
    pub fn rdb_bytes(foot: &[u8]) -> Result<u64, TrailerError> {
        let (rest, magic) = foot.split_last_chunk::<MAGIC>().ok_or(TrailerError::Missing)?;
        match magic.split_last() {
            Some((&VERSION, NAME)) => {}
            Some((_, NAME)) => return Err(TrailerError::OtherVersion),
            _ => return Err(TrailerError::Missing),
        }
        let (rest, _checksum) = rest.split_last_chunk::<8>().ok_or(TrailerError::Damaged)?;
        let (_, length) = rest.split_last_chunk::<8>().ok_or(TrailerError::Damaged)?;
        Ok(u64::from_le_bytes(*length))
    }

    /// The trailer of these bytes.
    ///
    /// # Errors
    /// If they are none.
    pub fn from_bytes(bytes: &[u8]) -> Result<Self, TrailerError> {
        let rdb_bytes = Self::rdb_bytes(bytes)?;
        Self::parse(bytes, rdb_bytes).ok_or(TrailerError::Damaged)
    }

    fn parse(bytes: &[u8], rdb_bytes: u64) -> Option<Self> {
        let (checked, foot) = bytes.split_at_checked(bytes.len().checked_sub(8 + MAGIC)?)?;
        let (wanted, _magic) = foot.split_first_chunk::<8>()?;
        if checksum(CrcAlgorithm::Crc64Redis, checked) != u64::from_le_bytes(*wanted) {
            return None;
        }
        let (mut rest, _length) = checked.split_last_chunk::<8>()?;
        let rest = &mut rest;
        let offset = u64::from_le_bytes(chunk(rest)?);
        let db = u32::from_le_bytes(chunk(rest)?);
        let replid = String::from_utf8(text(rest)?.to_vec()).ok()?;
        let scope = text(rest)?.to_vec();
        let mut unknown = Vec::new();
        while !rest.is_empty() {
            let db = u32::from_le_bytes(chunk(rest)?);
            let [exists] = chunk(rest)?;
            unknown.push(UnknownKey { db, key: text(rest)?.into(), exists: exists != 0 });
        }
        let replid = (!replid.is_empty()).then_some(replid);
        Some(Self { rdb_bytes, replid, offset, db, scope, unknown })
    }
}

fn put(text: &[u8], to: &mut Vec<u8>) {
    to.extend((text.len() as u64).to_le_bytes());
    to.extend_from_slice(text);
}

fn chunk<const N: usize>(rest: &mut &[u8]) -> Option<[u8; N]> {
    let (chunk, after) = rest.split_first_chunk::<N>()?;
    *rest = after;
    Some(*chunk)
}

fn text<'a>(rest: &mut &'a [u8]) -> Option<&'a [u8]> {
    let length = u64::from_le_bytes(chunk(rest)?);
    let (text, after) = rest.split_at_checked(usize::try_from(length).ok()?)?;
    *rest = after;
    Some(text)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn trailers() -> [Trailer; 3] {
        let unknown = |db, key: &[u8], exists| UnknownKey { db, key: key.into(), exists };
        [
            Trailer::default(),
            Trailer {
                rdb_bytes: u64::MAX,
                replid: Some("a".repeat(40)),
                offset: 1 << 40,
                db: 15,
                scope: b"\0user:*".to_vec(),
                unknown: Vec::new(),
            },
            Trailer {
                offset: 7,
                unknown: vec![unknown(0, b"", true), unknown(9, &[0xff; 300], false)],
                ..Trailer::default()
            },
        ]
    }

    #[test]
    fn trailers_come_back() {
        for trailer in trailers() {
            let bytes = trailer.to_bytes();
            assert_eq!(Trailer::from_bytes(&bytes).as_ref(), Ok(&trailer));
            let foot = &bytes[bytes.len() - Trailer::FOOT..];
            assert_eq!(Trailer::rdb_bytes(foot), Ok(trailer.rdb_bytes));
        }
    }

    #[test]
    fn damaged_ones_do_not() {
        for trailer in trailers() {
            let bytes = trailer.to_bytes();
            for at in 0..bytes.len() {
                assert!(Trailer::from_bytes(&bytes[at + 1..]).is_err(), "without {at}");
                let torn = Trailer::from_bytes(&bytes[..at]);
                assert_eq!(torn, Err(TrailerError::Missing), "up to {at}");
                for bit in 0..8 {
                    let mut other = bytes.clone();
                    other[at] ^= 1 << bit;
                    assert!(Trailer::from_bytes(&other).is_err(), "bit {bit} of {at}");
                }
            }
        }
    }

    #[test]
    fn versions_differ() {
        let mut bytes = Trailer::default().to_bytes();
        *bytes.last_mut().unwrap() = VERSION + 1;
        assert_eq!(Trailer::from_bytes(&bytes), Err(TrailerError::OtherVersion));
        assert_eq!(Trailer::from_bytes(b"REDIS0011\xff"), Err(TrailerError::Missing));
    }
}
