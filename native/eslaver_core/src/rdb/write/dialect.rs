//! Which server is to load the file, and its version of the format.

use std::fmt;

use super::super::family::Family;

/// The oldest version that can be written: that of Redis 2.6 to 3.0.
const OLDEST: u32 = 6;

/// A server's major and minor version, and what holds from it on.
type Since<T> = ((u32, u32), T);

/// The RDB version that servers write from a version of theirs on, newest first.
const REDIS: &[Since<u32>] = &[
    ((8, 12), 17),
    ((8, 10), 15),
    ((8, 8), 14),
    ((8, 6), 13),
    ((7, 4), 12),
    ((7, 2), 11),
    ((7, 0), 10),
    ((5, 0), 9),
    ((4, 0), 8),
    ((3, 2), 7),
    ((2, 6), OLDEST),
];
const VALKEY: &[Since<(Family, u32)>] = &[
    ((9, 2), (Family::Valkey, 81)),
    ((9, 0), (Family::Valkey, 80)),
    ((7, 2), (Family::Redis, 11)),
];

/// The kind of a server.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Server {
    /// Redis, or a server that calls itself Redis.
    Redis,
    /// Valkey.
    Valkey,
}

/// A version of the RDB format. A server loads the version that it writes, and those before it.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Dialect {
    family: Family,
    version: u32,
}

impl Dialect {
    /// The version with this magic and number. `None` if it is unknown, or older than Redis 2.6.
    pub fn new(family: Family, version: u32) -> Option<Self> {
        (family.knows(version) && version >= OLDEST).then_some(Self { family, version })
    }

    /// The version that a server writes itself. For a server newer than all known ones, the version of
    /// the newest of these. `None` for Redis before 2.6.
    pub fn of_server(server: Server, major: u32, minor: u32) -> Option<Self> {
        let (family, version) = match server {
            Server::Redis => (Family::Redis, since(REDIS, (major, minor))?),
            Server::Valkey => since(VALKEY, (major, minor))?,
        };
        Self::new(family, version)
    }

    /// The family that the magic names.
    pub fn family(self) -> Family {
        self.family
    }

    /// The number in the magic.
    pub fn version(self) -> u32 {
        self.version
    }

    pub(super) fn magic(self) -> String {
        match self.family {
            Family::Redis => format!("REDIS{:04}", self.version),
            Family::Valkey => format!("VALKEY{:03}", self.version),
        }
    }
}

impl fmt::Display for Dialect {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "RDB version {} of {}", self.version, self.family)
    }
}

fn since<T: Copy>(table: &[Since<T>], server: (u32, u32)) -> Option<T> {
    table.iter().find(|(first, _)| server >= *first).map(|(_, found)| *found)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn of_servers() {
        use Server::{Redis, Valkey};
        let table = [
            (Redis, 2, 4, None),
            (Redis, 2, 8, Some("RDB version 6 of Redis")),
            (Redis, 3, 0, Some("RDB version 6 of Redis")),
            (Redis, 3, 2, Some("RDB version 7 of Redis")),
            (Redis, 4, 0, Some("RDB version 8 of Redis")),
            (Redis, 6, 2, Some("RDB version 9 of Redis")),
            (Redis, 7, 0, Some("RDB version 10 of Redis")),
            (Redis, 7, 3, Some("RDB version 11 of Redis")),
            (Redis, 8, 0, Some("RDB version 12 of Redis")),
            (Redis, 8, 6, Some("RDB version 13 of Redis")),
            (Redis, 8, 8, Some("RDB version 14 of Redis")),
            (Redis, 8, 10, Some("RDB version 15 of Redis")),
            (Redis, 8, 12, Some("RDB version 17 of Redis")),
            (Redis, 9, 0, Some("RDB version 17 of Redis")),
            (Valkey, 7, 2, Some("RDB version 11 of Redis")),
            (Valkey, 8, 1, Some("RDB version 11 of Redis")),
            (Valkey, 9, 1, Some("RDB version 80 of Valkey")),
            (Valkey, 9, 2, Some("RDB version 81 of Valkey")),
            (Valkey, 10, 0, Some("RDB version 81 of Valkey")),
        ];
        for (server, major, minor, expected) in table {
            let found = Dialect::of_server(server, major, minor).map(|found| found.to_string());
            assert_eq!(found.as_deref(), expected, "{server:?} {major}.{minor}");
        }
    }

    #[test]
    fn of_numbers() {
        let known = |family, version| Dialect::new(family, version).map(Dialect::magic);
        assert_eq!(known(Family::Redis, 5), None);
        assert_eq!(known(Family::Redis, 6).as_deref(), Some("REDIS0006"));
        assert_eq!(known(Family::Redis, 17).as_deref(), Some("REDIS0017"));
        assert_eq!(known(Family::Redis, 18), None);
        assert_eq!(known(Family::Redis, 80), None);
        assert_eq!(known(Family::Valkey, 79), None);
        assert_eq!(known(Family::Valkey, 80).as_deref(), Some("VALKEY080"));
        assert_eq!(known(Family::Valkey, 82), None);
    }
}
