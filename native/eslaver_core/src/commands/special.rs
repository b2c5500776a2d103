//! Commands whose keys follow options, are in another db, or are not named at all.

use super::arguments::{Arguments, number};
use super::effect::{Effect, Key};

/// The slots of a cluster.
const SLOTS: u16 = 16384;

#[derive(Clone, Copy)]
pub(super) enum Special {
    /// `CLUSTER FLUSHSLOT slot`: all other subcommands leave the keys alone.
    Cluster,
    /// `COPY source destination [DB db] [REPLACE]`
    Copy,
    FlushAll,
    FlushDb,
    /// `GEORADIUS` and `GEORADIUSBYMEMBER`: a key, and from the argument `options` on `STORE key`.
    Geo {
        options: usize,
    },
    /// `MIGRATE host port key db timeout [COPY] … [KEYS key …]`
    Migrate,
    /// `MOVE key db`
    Move,
    /// `EVAL script count key … arg …`: one that was given no keys may change any.
    Script,
    /// `SORT key … [STORE key]`
    Sort,
    /// `XREADGROUP … STREAMS key … id …`
    Streams,
    SwapDb,
    /// `TRIMSLOTS RANGES count first last …`
    TrimSlots,
    Unnamed,
}

impl Special {
    pub(super) fn keys<A: Arguments + ?Sized>(
        self,
        args: &A,
        each: &mut impl FnMut(Key),
    ) -> Effect {
        let mut give = |index, db, changed| {
            if index < args.count() {
                each(Key { index, db, changed });
            }
        };
        let db = |index| args.argument(index).and_then(number::<u32>);
        match self {
            Special::Cluster => {
                return match args.argument(0) {
                    Some(sub) if is(sub, "FLUSHSLOT") => slots_or_unnamed(flushed(args)),
                    _ => Effect::NotAWrite,
                };
            }
            Special::TrimSlots => return slots_or_unnamed(trimmed(args)),
            Special::Script => {
                let count = args.argument(1).and_then(number::<usize>).unwrap_or(0);
                let end = count.saturating_add(2).min(args.count());
                if end <= 2 {
                    return Effect::Unnamed;
                }
                (2..end).for_each(|index| give(index, None, true));
            }
            Special::Copy => {
                let chosen = last_option(args, 2, &[("DB", 1)], "DB");
                give(0, None, false);
                give(1, chosen.and_then(db), true);
            }
            Special::FlushAll => return Effect::AllDbs,
            Special::FlushDb => return Effect::Db,
            Special::Geo { options } => {
                let known = &[("COUNT", 1), ("STORE", 1), ("STOREDIST", 1)];
                let store = last_option(args, options, known, "STORE");
                let distances = last_option(args, options, known, "STOREDIST");
                give(0, None, false);
                if let Some(index) = store.max(distances) {
                    give(index, None, true);
                }
            }
            Special::Migrate => migrate(args, &mut give),
            Special::Move => {
                give(0, None, true);
                if let Some(to) = db(1) {
                    give(0, Some(to), true);
                }
            }
            Special::Sort => {
                let known = &[("LIMIT", 2), ("STORE", 1), ("BY", 1), ("GET", 1)];
                give(0, None, false);
                if let Some(index) = last_option(args, 1, known, "STORE") {
                    give(index, None, true);
                }
            }
            Special::Streams => {
                let known = &[("GROUP", 2), ("COUNT", 1), ("BLOCK", 1), ("CLAIM", 1)];
                let first = first_option(args, 0, known, "STREAMS");
                let first = first.unwrap_or(args.count());
                let half = args.count().saturating_sub(first) / 2;
                (first..first + half).for_each(|index| give(index, None, true));
            }
            Special::SwapDb => {
                return match (db(0), db(1)) {
                    (Some(one), Some(other)) => Effect::Swap(one, other),
                    _ => Effect::Unnamed,
                };
            }
            Special::Unnamed => return Effect::Unnamed,
        }
        Effect::Keys
    }
}

/// The slots that `CLUSTER FLUSHSLOT` or `TRIMSLOTS` empties, from the first to the last of each.
pub(super) fn slots<A: Arguments + ?Sized>(name: &[u8], args: &A) -> Option<Vec<(u16, u16)>> {
    if is(name, "CLUSTER") { flushed(args) } else { trimmed(args) }
}

fn slots_or_unnamed(slots: Option<Vec<(u16, u16)>>) -> Effect {
    slots.map_or(Effect::Unnamed, |_| Effect::Slots)
}

fn flushed<A: Arguments + ?Sized>(args: &A) -> Option<Vec<(u16, u16)>> {
    let slot = slot(args, 1)?;
    Some(vec![(slot, slot)])
}

fn trimmed<A: Arguments + ?Sized>(args: &A) -> Option<Vec<(u16, u16)>> {
    let count = args.argument(1).and_then(number::<usize>)?;
    if count != args.count().checked_sub(2)? / 2 || !args.count().is_multiple_of(2) {
        return None;
    }
    (1..=count).map(|pair| Some((slot(args, 2 * pair)?, slot(args, 2 * pair + 1)?))).collect()
}

fn slot<A: Arguments + ?Sized>(args: &A, index: usize) -> Option<u16> {
    args.argument(index).and_then(number).filter(|&slot| slot < SLOTS)
}

/// With `COPY` the keys stay. The single key is empty if there is a list of keys.
fn migrate<A: Arguments + ?Sized>(args: &A, give: &mut impl FnMut(usize, Option<u32>, bool)) {
    let known = &[("AUTH", 1), ("AUTH2", 2)];
    let list = first_option(args, 5, known, "KEYS");
    let copy = first_option(args, 5, known, "COPY");
    let changed = copy.is_none_or(|copy| list.is_some_and(|list| copy > list));
    match list {
        Some(first) => (first..args.count()).for_each(|index| give(index, None, changed)),
        None => give(2, None, changed),
    }
}

/// An option's name, and the number of arguments it takes.
type Known = (&'static str, usize);

/// The index of the argument after the option `name`, among the options from `from` on.
fn first_option<A: Arguments + ?Sized>(
    args: &A,
    from: usize,
    known: &[Known],
    name: &str,
) -> Option<usize> {
    options(args, from, known).find(|&(_, found)| is(found, name)).map(|(index, _)| index + 1)
}

/// The same for the last of several: it is the one that counts.
fn last_option<A: Arguments + ?Sized>(
    args: &A,
    from: usize,
    known: &[Known],
    name: &str,
) -> Option<usize> {
    options(args, from, known)
        .filter(|&(_, found)| is(found, name))
        .last()
        .map(|(index, _)| index + 1)
}

/// The options, each with its index. An option's own arguments are none, whatever they look like.
fn options<'a, A: Arguments + ?Sized>(
    args: &'a A,
    from: usize,
    known: &'a [Known],
) -> impl Iterator<Item = (usize, &'a [u8])> {
    let mut next = from;
    std::iter::from_fn(move || {
        let (index, found) = (next, args.argument(next)?);
        let takes = known.iter().find(|(name, _)| is(found, name)).map_or(0, |&(_, takes)| takes);
        next += 1 + takes;
        Some((index, found))
    })
}

fn is(arg: &[u8], upper: &str) -> bool {
    arg.eq_ignore_ascii_case(upper.as_bytes())
}
