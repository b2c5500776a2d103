//! What a command of a master's stream does, as far as its slots are concerned.

use eslaver_core::commands::{self, Arguments, Effect, Learned};

use crate::mark::{Mark, is};
use crate::slot;
use crate::slots::Range;

/// What a command does.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Deed {
    /// It deletes the keys that its arguments name: `DEL`, `UNLINK`.
    Deletes,
    /// It deletes all keys of some slots.
    Empties(Vec<Range>),
    /// It brings its first argument, a key, from another shard.
    Restores,
    /// It writes to keys: those at these places among its arguments, or the first one alone.
    Writes(Vec<usize>),
    /// It tells of slots.
    Marks(Mark),
    /// It replaces functions, as an import does.
    Functions,
    /// None of these.
    Other,
}

impl Deed {
    /// The keys that it writes to, of its arguments.
    pub(crate) fn written<'a, A: Arguments + ?Sized>(
        places: &'a [usize],
        args: &'a A,
    ) -> impl Iterator<Item = &'a [u8]> {
        let first = places.is_empty().then_some(0);
        first.into_iter().chain(places.iter().copied()).filter_map(|at| args.argument(at))
    }

    /// What a command does, and the slot of its first key. `learned` is what the master told of its
    /// commands.
    pub fn of<A: Arguments + ?Sized>(
        learned: &Learned,
        name: &[u8],
        args: &A,
    ) -> (Self, Option<u16>) {
        let first = || args.argument(0).map(slot::of_key);
        match name.len() {
            3 if is(name, "DEL") => return (Self::Deletes, first()),
            6 if is(name, "UNLINK") => return (Self::Deletes, first()),
            7 if is(name, "CLUSTER") => {
                if let Some(mark) = Mark::of(name, args) {
                    return (Self::Marks(mark), None);
                }
            }
            8 if is(name, "FUNCTION") => {
                let restores = args.argument(0).is_some_and(|sub| is(sub, "RESTORE"));
                return (if restores { Self::Functions } else { Self::Other }, None);
            }
            14 if is(name, "RESTORE-ASKING") => return (Self::Restores, first()),
            _ => {}
        }
        let (mut slot, mut changes, mut changed) = (None, false, Vec::new());
        let effect = commands::keys(learned, name, args, |key| {
            if key.changed && (changes || key.index > 0) {
                // the first one stands for itself as long as it is alone
                changed.extend((changed.is_empty() && changes).then_some(0));
                changed.push(key.index);
            }
            changes |= key.changed;
            if slot.is_none() {
                slot = args.argument(key.index).map(slot::of_key);
            }
        });
        match effect {
            Effect::Keys if changes => (Self::Writes(changed), slot),
            Effect::Slots => (Self::Empties(commands::slots(name, args).unwrap_or_default()), None),
            _ => (Self::Other, slot),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn deeds_of_commands() {
        let a = Some(slot::of_key(b"a"));
        for (line, deed, slot) in [
            ("del a b", Deed::Deletes, a),
            ("UNLINK a", Deed::Deletes, a),
            ("DEL", Deed::Deletes, None),
            ("RESTORE-ASKING a 0 x", Deed::Restores, a),
            ("RESTORE a 0 x", Deed::Writes(vec![]), a),
            ("SET a 1", Deed::Writes(vec![]), a),
            ("MSET {a}x 1 b 1", Deed::Writes(vec![0, 2]), a),
            ("XADD a * f v", Deed::Writes(vec![]), a),
            ("BITOP AND a b", Deed::Writes(vec![1]), a),
            ("RENAME b a", Deed::Writes(vec![0, 1]), Some(slot::of_key(b"b"))),
            ("TRIMSLOTS RANGES 2 0 99 200 299", Deed::Empties(vec![(0, 99), (200, 299)]), None),
            ("CLUSTER FLUSHSLOT 7 SYNC", Deed::Empties(vec![(7, 7)]), None),
            ("CLUSTER SETSLOT 7 NODE x", Deed::Marks(Mark::Changed), None),
            ("FUNCTION RESTORE x", Deed::Functions, None),
            ("FUNCTION FLUSH", Deed::Other, None),
            ("PING", Deed::Other, None),
            ("SELECT 0", Deed::Other, None),
            ("FLUSHALL", Deed::Other, None),
            ("PUBLISH a b", Deed::Other, None),
            ("GET a", Deed::Other, None),
        ] {
            let words: Vec<&[u8]> = line.split(' ').map(str::as_bytes).collect();
            let found = Deed::of(&Learned::default(), words[0], &words[1..]);
            assert_eq!(found, (deed, slot), "{line}");
        }
    }
}
