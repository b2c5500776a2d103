//! Which function applies which command.

use hashbrown::HashMap;

use crate::write::apply::Apply;
use crate::write::{
    array, bit, gcra, geo, hash, hll, json, key, list, path_hash, set, sort, stream, stream_claim,
    stream_group, string, vectorset, zset,
};

/// How many names are remembered. A stream has few.
const RECENT: usize = 64;
/// How many places a name can have: others may have the first as well.
const PLACES: usize = 4;

/// A command that can be applied.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Known {
    /// In lower case.
    pub(crate) name: &'static [u8],
    pub(crate) apply: Apply,
}

/// All commands that can be applied.
#[derive(Debug)]
pub(crate) struct Commands {
    /// By their names in lower case.
    all: HashMap<&'static [u8], Apply, foldhash::fast::RandomState>,
    /// Those that were found last, each in the place that its name has: to make a name lower case and look
    /// it up is a tenth of what a short command costs.
    recent: [Option<(Name, Known)>; RECENT],
}

/// A name of up to 16 bytes, in two halves that may overlap.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
struct Name {
    len: usize,
    first: u64,
    last: u64,
}

impl Name {
    #[inline]
    fn of(name: &[u8]) -> Option<Self> {
        let len = name.len();
        let (first, last) = match len {
            8..=16 => {
                (u64::from_le_bytes(*name.first_chunk()?), u64::from_le_bytes(*name.last_chunk()?))
            }
            4..=7 => (
                u32::from_le_bytes(*name.first_chunk()?).into(),
                u32::from_le_bytes(*name.last_chunk()?).into(),
            ),
            2..=3 => (
                u16::from_le_bytes(*name.first_chunk()?).into(),
                u16::from_le_bytes(*name.last_chunk()?).into(),
            ),
            _ => return None,
        };
        Some(Self { len, first, last })
    }

    /// Its places, the first of which is the one to look at first.
    #[inline]
    fn places(self) -> impl Iterator<Item = usize> {
        let mixed = (self.first ^ self.last.rotate_left(21)).wrapping_mul(0x9e37_79b9_7f4a_7c15);
        let first = (mixed >> (u64::BITS - RECENT.ilog2())) as usize;
        (first..first + PLACES).map(|place| place % RECENT)
    }
}

const FAMILIES: &[&[(&str, Apply)]] = &[
    array::COMMANDS,
    bit::COMMANDS,
    gcra::COMMANDS,
    geo::COMMANDS,
    hash::COMMANDS,
    hll::COMMANDS,
    json::COMMANDS,
    key::COMMANDS,
    list::COMMANDS,
    path_hash::COMMANDS,
    set::COMMANDS,
    sort::COMMANDS,
    stream::COMMANDS,
    stream_claim::COMMANDS,
    stream_group::COMMANDS,
    string::COMMANDS,
    vectorset::COMMANDS,
    zset::COMMANDS,
];

impl Commands {
    pub(crate) fn new() -> Self {
        let all = FAMILIES.iter().copied().flatten();
        Self {
            all: all.map(|&(name, apply)| (name.as_bytes(), apply)).collect(),
            recent: [None; RECENT],
        }
    }

    /// The command of a name in lower case.
    #[inline]
    pub(crate) fn get(&self, lower: &[u8]) -> Option<Known> {
        self.all.get_key_value(lower).map(|(&name, &apply)| Known { name, apply })
    }

    /// The command of a name, in the same case as when it was remembered, if it still is.
    #[inline]
    pub(crate) fn recent(&self, name: &[u8]) -> Option<Known> {
        let name = Name::of(name)?;
        let at = |place: usize| self.recent[place].filter(|(other, _)| *other == name);
        name.places().find_map(at).map(|(_, known)| known)
    }

    /// Remembers the command of a name, if it is one.
    pub(crate) fn remember(&mut self, name: &[u8], lower: &[u8]) {
        if let (Some(name), Some(known)) = (Name::of(name), self.get(lower)) {
            let is_free = |place: &usize| self.recent[*place].is_none();
            let place = name.places().find(is_free).or(name.places().next());
            place.into_iter().for_each(|place| self.recent[place] = Some((name, known)));
        }
    }

    /// Has another function apply a command, if it is one.
    pub(crate) fn replace(&mut self, lower: &[u8], apply: Apply) {
        self.all.get_mut(lower).into_iter().for_each(|old| *old = apply);
        self.recent = [None; RECENT];
    }

    /// All names, in lower case.
    pub(crate) fn names(&self) -> impl Iterator<Item = &'static [u8]> {
        self.all.keys().copied()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn no_two_names_are_one() {
        let commands = Commands::new();
        let names: Vec<_> =
            commands.names().filter_map(|name| Some((name, Name::of(name)?))).collect();
        assert!(names.len() > 100);
        for (one, first) in &names {
            let equal = names.iter().filter(|(_, other)| other == first);
            assert_eq!(equal.count(), 1, "{}", one.escape_ascii());
        }
    }

    #[test]
    fn halves_tell_all_bytes() {
        for len in 2..=16 {
            let name = vec![b'a'; len];
            for at in 0..len {
                let mut other = name.clone();
                other[at] = b'b';
                assert_ne!(Name::of(&name), Name::of(&other), "byte {at} of {len}");
            }
            assert_ne!(Name::of(&name), Name::of(&name[1..]));
        }
        assert_eq!(Name::of(b""), None);
        assert_eq!(Name::of(&[b'a'; 17]), None);
    }

    #[test]
    fn names_of_a_stream_are_all_remembered() {
        let mut commands = Commands::new();
        let names =
            ["SET", "DEL", "UNLINK", "EXPIRE", "LPUSH", "SETNX", "INCRBY", "PEXPIRE", "SADD"];
        for name in names {
            commands.remember(name.as_bytes(), name.to_ascii_lowercase().as_bytes());
        }
        for name in names {
            assert!(commands.recent(name.as_bytes()).is_some(), "{name}");
        }
        // Where there are too many, some are forgotten, and none is taken for another.
        let all: Vec<_> = commands.names().collect();
        all.iter().for_each(|name| commands.remember(name, name));
        for name in all {
            let found = commands.recent(name).map(|known| known.name);
            assert!(found.is_none_or(|found| found == name));
        }
    }

    #[test]
    fn names_are_remembered_as_they_came() {
        let mut commands = Commands::new();
        for name in [b"SET".as_slice(), b"SADD", b"INCRBYFLOAT", b"GeoRadiusByMember", b"NOTHING"] {
            let lower = name.to_ascii_lowercase();
            assert!(commands.recent(name).is_none());
            commands.remember(name, &lower);
            let found = commands.recent(name).map(|known| known.name);
            let is_short = name.len() <= 16;
            assert_eq!(found, commands.get(&lower).map(|known| known.name).filter(|_| is_short));
            assert!(commands.recent(&lower).is_none());
        }
        assert!(commands.recent(b"SET").is_some());
        commands.replace(b"set", commands.get(b"del").unwrap().apply);
        assert!(commands.recent(b"SET").is_none());
    }
}
