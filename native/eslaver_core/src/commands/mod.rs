//! What commands do to keys: which of their arguments are keys, and which of these they change.
//!
//! `table` is what real servers tell of their commands, and `special` has those that no table can
//! describe. [`Learned`] is what a master told of others. A key is named whether or not there was
//! anything to change in it: that depends on what the master had there.

mod learned;
mod special;
mod table;

pub use learned::Learned;

use crate::resp::Args;
use special::Special;

/// Longer names are unknown.
const LONGEST_NAME: usize = 64;
/// RediSearch's commands have the names of indexes where others have their keys.
const OF_INDEXES: &[u8] = b"ft.";

/// The arguments of a command, after its name.
pub trait Arguments {
    /// How many there are.
    fn count(&self) -> usize;
    /// The argument at `index`, the first being 0.
    fn argument(&self, index: usize) -> Option<&[u8]>;
}

impl Arguments for Args<'_> {
    fn count(&self) -> usize {
        self.len()
    }

    #[inline]
    fn argument(&self, index: usize) -> Option<&[u8]> {
        self.get(index)
    }
}

impl<T: AsRef<[u8]>> Arguments for [T] {
    fn count(&self) -> usize {
        self.len()
    }

    fn argument(&self, index: usize) -> Option<&[u8]> {
        self.get(index).map(T::as_ref)
    }
}

/// A key of a command.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Key {
    /// Which argument it is, the first after the command's name being 0.
    pub index: usize,
    /// The db it is in, where that is another than the one the command is for.
    pub db: Option<u32>,
    /// Whether the command changes it, or only reads it.
    pub changed: bool,
}

/// What a command changes.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Effect {
    /// Its keys, of which it may have none.
    Keys,
    /// All keys of the db it is for: `FLUSHDB`.
    Db,
    /// All keys of all dbs: `FLUSHALL`.
    AllDbs,
    /// All keys of these two dbs: `SWAPDB`.
    Swap(u32, u32),
    /// All keys of some of a cluster's slots, of all dbs: see [`slots`].
    Slots,
    /// Some keys, which it does not name.
    Unnamed,
    /// Nothing. `PING`, `SELECT`, `MULTI` and `PUBLISH`, for example.
    NotAWrite,
    /// That is not known: it is of a module, or of a server newer than the table.
    Unknown,
}

/// Gives the keys of a command, changed and read, and says what it changes. The name may be in any
/// case. A command that the table does not have is looked up in `learned`.
pub fn keys<A: Arguments + ?Sized>(
    learned: &Learned,
    name: &[u8],
    args: &A,
    mut each: impl FnMut(Key),
) -> Effect {
    let mut lower = [0; LONGEST_NAME];
    let Some(lower) = lower.get_mut(..name.len()) else {
        return Effect::Unknown;
    };
    lower.copy_from_slice(name);
    lower.make_ascii_lowercase();
    match rule(lower).filter(|_| !learned.hides(lower)) {
        None => learned.keys(lower, args, &mut each),
        Some(Rule::NotAWrite) => Effect::NotAWrite,
        Some(Rule::Keys(specs)) => {
            specs.iter().for_each(|spec| spec.each(args, &mut each));
            Effect::Keys
        }
        Some(Rule::Special(special)) => special.keys(args, &mut each),
    }
}

/// The slots that a command of [`Effect::Slots`] empties, from the first to the last of each range.
pub fn slots<A: Arguments + ?Sized>(name: &[u8], args: &A) -> Option<Vec<(u16, u16)>> {
    special::slots(name, args)
}

/// How the keys of a command are found.
enum Rule {
    NotAWrite,
    Keys(&'static [Spec]),
    Special(Special),
}

fn rule(lower: &[u8]) -> Option<&'static Rule> {
    match table::COMMANDS.binary_search_by(|(known, _)| known.as_bytes().cmp(lower)) {
        Ok(found) => table::COMMANDS.get(found).map(|(_, rule)| rule),
        Err(_) => lower.starts_with(OF_INDEXES).then_some(&Rule::Keys(&[])),
    }
}

/// Where keys are among the arguments, the first after the name being 0.
enum Spec {
    /// From `first` to `last`, which counts from the end where it is negative.
    Range { first: usize, last: isize, step: usize, changed: bool },
    /// As many as the argument `at` says, from `first` on.
    Count { at: usize, first: usize, step: usize, changed: bool },
}

const fn range(first: usize, last: isize, step: usize, changed: bool) -> Spec {
    Spec::Range { first, last, step, changed }
}

const fn count(at: usize, first: usize, step: usize, changed: bool) -> Spec {
    Spec::Count { at, first, step, changed }
}

impl Spec {
    #[inline]
    fn each<A: Arguments + ?Sized>(&self, args: &A, each: &mut impl FnMut(Key)) {
        let (first, end, step, changed) = match *self {
            Spec::Range { first, last, step, changed } => {
                let end = match last {
                    0.. => last.unsigned_abs() + 1,
                    _ => (args.count() + 1).saturating_sub(last.unsigned_abs()),
                };
                (first, end, step, changed)
            }
            Spec::Count { at, first, step, changed } => {
                let count = args.argument(at).and_then(number::<usize>).unwrap_or(0);
                (first, count.saturating_mul(step).saturating_add(first), step, changed)
            }
        };
        for index in (first..end.min(args.count())).step_by(step) {
            each(Key { index, db: None, changed });
        }
    }
}

/// A number as clients write them, `+7` and ` 7` being none.
fn number<T: std::str::FromStr>(arg: &[u8]) -> Option<T> {
    if !arg.first()?.is_ascii_digit() {
        return None;
    }
    std::str::from_utf8(arg).ok()?.parse().ok()
}
