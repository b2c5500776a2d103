//! Which server's keys a store holds, as the snapshot's auxiliary fields tell: the same command does
//! not always do the same, nor the same data give the same answer.

use eslaver_core::rdb::Family;
use eslaver_core::rdb::write::{self, Dialect};

/// The oldest server that replicas can follow here. It does not tell its version.
const OLDEST: (u32, u32) = (2, 6);

/// Major and minor version. `UNKNOWN` is less than all others: servers before 3.2 do not tell theirs.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, PartialOrd, Ord)]
pub struct Version(Option<(u32, u32)>);

/// A server.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Server {
    /// Whose it is.
    pub family: Family,
    /// Its own version.
    pub version: Version,
    /// The version of Redis whose commands it has.
    pub redis: Version,
}

impl Version {
    /// A version that is not known.
    pub const UNKNOWN: Self = Self(None);
    /// Later than all: servers built from their development branch call themselves so.
    pub const NEWEST: Self = Self::new(255, 255);

    /// This version.
    pub const fn new(major: u32, minor: u32) -> Self {
        Self(Some((major, minor)))
    }

    /// Major and minor, if they are known.
    pub fn numbers(self) -> Option<(u32, u32)> {
        self.0
    }

    /// What a text leaves open counts as the newest.
    fn parse(text: &[u8]) -> Self {
        let text = text.trim_ascii_end();
        let mut parts = text.split(|byte| *byte == b'.').map(number);
        match (parts.next().flatten(), parts.next()) {
            (None, _) | (Some(_), Some(None)) => Self::NEWEST,
            (Some(major), None) => Self::new(major, 255),
            (Some(major), Some(Some(minor))) => Self::new(major, minor),
        }
    }
}

impl Default for Server {
    fn default() -> Self {
        Self { family: Family::Redis, version: Version::UNKNOWN, redis: Version::UNKNOWN }
    }
}

impl Server {
    /// The version of the RDB format that it writes itself, or the newest known one before it.
    pub fn dialect(self) -> Option<Dialect> {
        let (major, minor) = self.version.numbers().unwrap_or(OLDEST);
        let server = match self.family {
            Family::Redis => write::Server::Redis,
            Family::Valkey => write::Server::Valkey,
        };
        Dialect::of_server(server, major, minor)
    }

    /// The server that an auxiliary field tells of, if it tells of one.
    pub fn from_aux(name: &[u8], value: &[u8]) -> Option<Self> {
        let version = Version::parse(value);
        match name {
            b"redis-ver" => Some(Self { family: Family::Redis, version, redis: version }),
            // Valkey's commands do what those of this version of Redis did.
            b"valkey-ver" => {
                Some(Self { family: Family::Valkey, version, redis: Version::new(7, 2) })
            }
            _ => None,
        }
    }
}

fn number(digits: &[u8]) -> Option<u32> {
    let is_number = (1..=4).contains(&digits.len()) && digits.iter().all(u8::is_ascii_digit);
    if is_number { std::str::from_utf8(digits).ok()?.parse().ok() } else { None }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn versions_are_read_and_compared() {
        for (text, version) in [
            ("7.4.2", Version::new(7, 4)),
            ("255.255.255", Version::NEWEST),
            ("7", Version::new(7, 255)),
            ("7.x", Version::NEWEST),
            ("", Version::NEWEST),
            ("unstable", Version::NEWEST),
            ("12345.1", Version::NEWEST),
        ] {
            let server = Server::from_aux(b"redis-ver", text.as_bytes()).unwrap();
            assert_eq!((server.version, server.redis), (version, version), "{text}");
        }
        let valkey = Server::from_aux(b"valkey-ver", b"9.1.0").unwrap();
        assert_eq!((valkey.version, valkey.redis), (Version::new(9, 1), Version::new(7, 2)));
        assert_eq!(Server::from_aux(b"redis-bits", b"64"), None);
        let dialect = |server: Server| server.dialect().unwrap().to_string();
        assert_eq!(dialect(valkey), "RDB version 80 of Valkey");
        assert_eq!(dialect(Server::default()), "RDB version 6 of Redis");
        assert!(Version::UNKNOWN < Version::new(2, 8));
        assert!(Version::new(2, 8) < Version::new(3, 0));
    }
}
