//! Who wants to know of which changes, as a server of subscriptions holds it.

use std::panic::{RefUnwindSafe, UnwindSafe};
use std::sync::atomic::{AtomicBool, Ordering};

use eslaver_core::commands::Learned;
use eslaver_core::interests::{self, Change};
use parking_lot::{Mutex, MutexGuard};
use rustler::types::erlang_option::ErlOption;
use rustler::{Atom, Binary, Encoder, Env, NifResult, Resource, ResourceArc, Term};

use crate::atoms;
use crate::filter::RawFilter;
use crate::keys::Told;

/// Commands with more arguments are looked at on a dirty scheduler …
const MANY: usize = 1000;
/// … and those that could take more steps than this.
const STEPS: usize = 1_000_000;

/// The interests of subscribers, by their ids.
pub(crate) struct Interests {
    all: Mutex<interests::Interests<u64>>,
    is_empty: AtomicBool,
}

impl UnwindSafe for Interests {}
impl RefUnwindSafe for Interests {}

#[rustler::resource_impl]
impl Resource for Interests {}

impl Interests {
    fn new() -> Self {
        Self { all: Mutex::new(interests::Interests::new()), is_empty: AtomicBool::new(true) }
    }

    /// All interests, if there are any.
    #[inline]
    pub(crate) fn any(&self) -> Option<MutexGuard<'_, interests::Interests<u64>>> {
        (!self.is_empty.load(Ordering::Acquire)).then(|| self.all.lock())
    }

    /// Changes them, unless a slice is looking up a command.
    fn try_change(&self, change: impl FnOnce(&mut interests::Interests<u64>)) -> Atom {
        match self.all.try_lock() {
            Some(all) => self.change_locked(all, change),
            None => atoms::busy(),
        }
    }

    fn change(&self, change: impl FnOnce(&mut interests::Interests<u64>)) -> Atom {
        self.change_locked(self.all.lock(), change)
    }

    fn change_locked(
        &self,
        mut all: MutexGuard<'_, interests::Interests<u64>>,
        change: impl FnOnce(&mut interests::Interests<u64>),
    ) -> Atom {
        change(&mut all);
        self.is_empty.store(all.is_empty(), Ordering::Release);
        atoms::ok()
    }
}

#[rustler::nif]
fn interests_new() -> ResourceArc<Interests> {
    ResourceArc::new(Interests::new())
}

#[rustler::nif(name = "interests_add")]
fn add_short(interests: ResourceArc<Interests>, id: u64, filter: RawFilter<'_>) -> Atom {
    interests.try_change(|all| all.add(id, filter.read()))
}

#[rustler::nif(name = "interests_add_dirty", schedule = "DirtyIo")]
fn add_long(interests: ResourceArc<Interests>, id: u64, filter: RawFilter<'_>) -> Atom {
    interests.change(|all| all.add(id, filter.read()))
}

#[rustler::nif(name = "interests_remove")]
fn remove_short(interests: ResourceArc<Interests>, id: u64) -> Atom {
    interests.try_change(|all| {
        all.remove(id);
    })
}

#[rustler::nif(name = "interests_remove_dirty", schedule = "DirtyIo")]
fn remove_long(interests: ResourceArc<Interests>, id: u64) -> Atom {
    interests.change(|all| {
        all.remove(id);
    })
}

type RawTold = ErlOption<ResourceArc<Told>>;

/// What a command changes, and who wants to know of it: `{Ids, key, Key, Db}` or `{Ids, keys, Which,
/// Db}` for each change that anybody does.
fn of_command<'a>(
    env: Env<'a>,
    interests: &Interests,
    (name, args, db): (Binary<'_>, Vec<Term<'a>>, u32),
    told: RawTold,
    is_short: bool,
) -> NifResult<Term<'a>> {
    let Some(all) = interests.any() else {
        return Ok(Vec::<Term<'a>>::new().encode(env));
    };
    let bytes = args.iter().map(|arg| arg.decode()).collect::<Result<Vec<Binary<'_>>, _>>()?;
    let bytes: Vec<&[u8]> = bytes.iter().map(Binary::as_slice).collect();
    if is_short && takes_long(&all, &bytes) {
        return Ok(atoms::takes_long().encode(env));
    }
    let nothing = Learned::default();
    let told = Option::from(told);
    let learned = told.as_ref().map_or(&nothing, |told: &ResourceArc<Told>| &told.0);
    let mut found = Vec::new();
    all.each(learned, &name, bytes.as_slice(), db, |change, ids| {
        let (tag, what, db) = match &change {
            Change::Key { index, db, .. } => (atoms::key(), args.get(*index).copied(), *db),
            Change::All => (atoms::keys(), Some(atoms::all().encode(env)), db),
            Change::Db => (atoms::keys(), Some((atoms::db(), db).encode(env)), db),
            Change::Swap(one, other) => {
                (atoms::keys(), Some((atoms::swap(), one, other).encode(env)), db)
            }
            Change::Slots(ranges) => {
                (atoms::keys(), Some((atoms::slots(), ranges).encode(env)), db)
            }
            Change::Unnamed => (atoms::keys(), Some(atoms::unknown().encode(env)), db),
        };
        found.extend(what.map(|what| (ids, tag, what, db).encode(env)));
    });
    Ok(found.encode(env))
}

fn takes_long(all: &interests::Interests<u64>, args: &[&[u8]]) -> bool {
    let bytes = || args.iter().map(|arg| arg.len()).sum::<usize>();
    args.len() > MANY || (all.steps() > 0 && all.steps().saturating_mul(bytes()) > STEPS)
}

// the macro has a name `args` of its own
#[rustler::nif(name = "interests_of")]
fn of_command_short<'a>(
    env: Env<'a>,
    interests: ResourceArc<Interests>,
    name: Binary<'_>,
    words: Vec<Term<'a>>,
    db: u32,
    told: RawTold,
) -> NifResult<Term<'a>> {
    of_command(env, &interests, (name, words, db), told, true)
}

#[rustler::nif(name = "interests_of_dirty", schedule = "DirtyCpu")]
fn of_command_long<'a>(
    env: Env<'a>,
    interests: ResourceArc<Interests>,
    name: Binary<'_>,
    words: Vec<Term<'a>>,
    db: u32,
    told: RawTold,
) -> NifResult<Term<'a>> {
    of_command(env, &interests, (name, words, db), told, false)
}
