//! Reads that are to see one moment.

use std::cell::RefCell;
use std::panic::{RefUnwindSafe, UnwindSafe};

use eslaver_store::{Patience, Witness};
use parking_lot::Mutex;
use rustler::{Atom, Env, NifResult, Resource, ResourceArc, Term};

use crate::atoms;
use crate::cluster::Cluster;
use crate::keyspace::reads::{Found, Question, Readable, with_readable};

/// Reads that are to see one moment. It belongs to one process.
pub(crate) struct Session {
    name: Atom,
    /// Whether they may be of more than one slot of a cluster.
    any_slot: bool,
    seen: Mutex<Seen>,
}

impl UnwindSafe for Session {}
impl RefUnwindSafe for Session {}

#[rustler::resource_impl]
impl Resource for Session {}

/// What the reads of a session have found so far.
enum Seen {
    Nothing,
    /// There was no answer, for this reason.
    Failure(Atom),
    /// Which store they were of, and what in it.
    Store(u64, RefCell<Witness>),
    /// Which cluster they were of, and what in it.
    Cluster(ResourceArc<Cluster>, RefCell<Witness>),
}

impl Seen {
    fn first(found: &Result<Readable<'_>, Atom>, any_slot: bool) -> Self {
        match found {
            Ok(Readable::Store(current, _)) => Self::Store(current.edition, RefCell::default()),
            Ok(Readable::Cluster(cluster, _)) => {
                let witness = if any_slot { Witness::default() } else { Witness::of_one_slot() };
                Self::Cluster(ResourceArc::clone(cluster), RefCell::new(witness))
            }
            Err(why) => Self::Failure(*why),
        }
    }

    /// What has been found there before, if it is where the first read has found something.
    fn witness(&self, found: &Readable<'_>) -> Option<&RefCell<Witness>> {
        match (self, found) {
            (Self::Store(edition, witness), Readable::Store(current, _)) => {
                (current.edition == *edition).then_some(witness)
            }
            (Self::Cluster(before, witness), Readable::Cluster(cluster, _)) => {
                std::ptr::eq(&**before, &***cluster).then_some(witness)
            }
            _ => None,
        }
    }
}

/// Reads of the mirror with this name that are to see one moment.
#[rustler::nif]
fn session_new(name: Atom, any_slot: bool) -> ResourceArc<Session> {
    ResourceArc::new(Session { name, any_slot, seen: Mutex::new(Seen::Nothing) })
}

fn read<'a>(env: Env<'a>, session: &Session, question: Question<'a>) -> NifResult<Term<'a>> {
    let mut seen = session.seen.lock();
    let found = with_readable(session.name, |found| {
        if let Seen::Nothing = *seen {
            *seen = Seen::first(&found, session.any_slot);
        }
        match (found, &*seen) {
            (Err(why), Seen::Failure(before)) if why == *before => Ok(Found::Failure(why)),
            (Ok(readable), seen) => match seen.witness(&readable) {
                // what is noted stays noted, should this panic
                Some(witness) => witnessed(env, question, &readable, witness),
                None => Ok(Found::Changed),
            },
            _ => Ok(Found::Changed),
        }
    })?;
    Ok(found.encode(env))
}

fn witnessed<'a>(
    env: Env<'a>,
    question: Question<'a>,
    readable: &Readable<'_>,
    witness: &RefCell<Witness>,
) -> NifResult<Found<'a>> {
    let found = question.ask(env, readable, Some(witness));
    if witness.borrow().has_changed() { found.map(|_| Found::Changed) } else { found }
}

#[rustler::nif(name = "session_read")]
fn read_short<'a>(
    env: Env<'a>,
    session: ResourceArc<Session>,
    db: Term<'a>,
    query: Term<'a>,
) -> NifResult<Term<'a>> {
    read(env, &session, Question::new(db, query, Patience::Short))
}

#[rustler::nif(name = "session_read_dirty", schedule = "DirtyCpu")]
fn read_long<'a>(
    env: Env<'a>,
    session: ResourceArc<Session>,
    db: Term<'a>,
    query: Term<'a>,
) -> NifResult<Term<'a>> {
    read(env, &session, Question::new(db, query, Patience::Long))
}

/// Whether everything that was read is still so, or `busy`.
#[rustler::nif]
fn session_unchanged(session: ResourceArc<Session>) -> Atom {
    let seen = session.seen.lock();
    let unchanged = with_readable(session.name, |found| match (&*seen, found) {
        (Seen::Nothing, _) => Some(true),
        (Seen::Failure(before), Err(why)) => Some(why == *before),
        // that it has become stale meanwhile does not change it
        (Seen::Store(..), Err(why)) if why == atoms::stale() => Some(true),
        (seen, Ok(readable)) => match seen.witness(&readable) {
            Some(witness) => readable.is_as_seen(&witness.borrow()),
            None => Some(false),
        },
        _ => Some(false),
    });
    match unchanged {
        Some(true) => atoms::r#true(),
        Some(false) => atoms::r#false(),
        None => atoms::busy(),
    }
}
