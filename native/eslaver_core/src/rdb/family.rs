//! The families of servers, and the RDB versions of each that are known.

use std::fmt;
use std::ops::RangeInclusive;

/// What is known, for messages to those whose server is newer.
pub(crate) const KNOWN: &str = "eslaver reads snapshots of Redis up to 8.12 (RDB version 17) and of \
                                Valkey up to 9.2 (RDB version 81)";
const REDIS: RangeInclusive<u32> = 1..=17;
const VALKEY: RangeInclusive<u32> = 80..=81;

/// A family of servers: each numbers its types and opcodes in its own way.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Family {
    /// Magic `REDIS`: Redis, and Valkey before 9.0.
    Redis,
    /// Magic `VALKEY`.
    Valkey,
}

impl Family {
    /// The family of a version that comes without a magic.
    pub(crate) fn of(version: u32) -> Self {
        if version >= *VALKEY.start() { Family::Valkey } else { Family::Redis }
    }

    /// Whether snapshots of this version can be read.
    pub(crate) fn knows(self, version: u32) -> bool {
        match self {
            Family::Redis => REDIS.contains(&version),
            Family::Valkey => VALKEY.contains(&version),
        }
    }
}

impl fmt::Display for Family {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Family::Redis => "Redis",
            Family::Valkey => "Valkey",
        })
    }
}
