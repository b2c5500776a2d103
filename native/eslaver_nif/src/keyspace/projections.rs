//! What a mirror's projections have still to take in.
//!
//! A slice notes the keys that it changes. At its end the process that keeps the projections is
//! called, and none follows until that has settled: so it reads the keys as they were at one place in
//! the stream.

use std::mem;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};

use eslaver_store::{Changed, Interest};
use parking_lot::Mutex;
use rustler::{Env, LocalPid};

use crate::atoms;

pub(crate) struct Projections {
    /// The process that keeps them.
    keeper: LocalPid,
    /// The keys of each.
    interests: Arc<[Interest]>,
    /// What has changed of the keys of each since it was taken.
    changes: Mutex<Vec<Changed>>,
    /// Whether the keeper has been called, and has not settled yet.
    awaited: AtomicBool,
}

impl Projections {
    pub(crate) fn new(keeper: LocalPid, interests: Arc<[Interest]>) -> Self {
        let changes = vec![Changed::default(); interests.len()];
        Self { keeper, interests, changes: Mutex::new(changes), awaited: AtomicBool::new(false) }
    }

    pub(crate) fn interests(&self) -> Arc<[Interest]> {
        Arc::clone(&self.interests)
    }

    pub(crate) fn note(&self, changes: Vec<Changed>) {
        self.changes.lock().iter_mut().zip(changes).for_each(|(before, later)| before.merge(later));
    }

    /// There is another store.
    pub(crate) fn note_all(&self) {
        self.changes.lock().fill(Changed::All);
    }

    pub(crate) fn take(&self) -> Vec<Changed> {
        self.changes.lock().iter_mut().map(mem::take).collect()
    }

    fn has_changes(&self) -> bool {
        !self.changes.lock().iter().all(Changed::is_none)
    }

    pub(crate) fn is_awaited(&self) -> bool {
        self.awaited.load(Ordering::SeqCst)
    }

    /// Whether the projections have taken in all that had been noted when this was called. The keeper
    /// takes changes only while it is awaited, so these come first.
    pub(crate) fn is_settled(&self) -> bool {
        !self.has_changes() && !self.is_awaited()
    }

    /// Calls the keeper if there is something to take in. The link that has changed it may be ending
    /// and send nothing: then whoever calls next does.
    pub(crate) fn call(&self, env: Env<'_>) {
        if self.has_changes() && !self.awaited.swap(true, Ordering::SeqCst) && !self.send(env) {
            self.awaited.store(false, Ordering::SeqCst);
        }
    }

    /// What has been taken is in the projections. False: there is more.
    pub(crate) fn settle(&self, env: Env<'_>) -> bool {
        let is_settled = !(self.has_changes() && self.send(env));
        if is_settled {
            self.awaited.store(false, Ordering::SeqCst);
        }
        is_settled
    }

    fn send(&self, env: Env<'_>) -> bool {
        env.send(&self.keeper, (atoms::eslaver_nif(), atoms::changed())).is_ok()
    }
}
