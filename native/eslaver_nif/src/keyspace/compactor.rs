//! Moves what stores hold together where their memory has come to be mostly free between blocks in use,
//! as after deletes and changes of size, and gives the rest to the system. The thread that drops what is
//! out of reach does this, some 200 µs at a time.

use std::sync::{Arc, Mutex, PoisonError, Weak};
use std::time::{Duration, Instant};

use eslaver_store::{Compaction, Step, Store};

use crate::allocator;

/// How often it is looked whether there is something to do; less often where the last time was in vain.
const OFTEN: Duration = Duration::from_secs(1);
const SELDOM: Duration = Duration::from_secs(300);
/// For how long blocks are moved at a time, and how long others have the processor then. Where there is
/// no free processor, a reader waits for as long as the first.
const SLICE: Duration = Duration::from_micros(200);
const PAUSE: Duration = Duration::from_micros(500);

/// The stores that readers may have.
static STORES: Mutex<Vec<Weak<Store>>> = Mutex::new(Vec::new());

/// Whose turn it is.
pub(crate) struct Compactor {
    due: Instant,
    interval: Duration,
    work: Option<Work>,
}

/// What is still to be seen to.
struct Work {
    stores: Vec<Weak<Store>>,
    at: Compaction,
}

/// This store is seen to from now on, until it is dropped.
pub(crate) fn watch(store: &Arc<Store>) {
    let mut stores = STORES.lock().unwrap_or_else(PoisonError::into_inner);
    stores.retain(|store| store.strong_count() > 0);
    stores.push(Arc::downgrade(store));
}

impl Compactor {
    pub(crate) fn new() -> Self {
        Self { due: Instant::now(), interval: OFTEN, work: None }
    }

    /// For how long there is nothing to do.
    pub(crate) fn wait(&self) -> Duration {
        self.due.saturating_duration_since(Instant::now())
    }

    /// Does what is due, for a slice at most.
    pub(crate) fn go_on(&mut self) {
        let now = Instant::now();
        if now < self.due {
            return;
        }
        let pause = match self.work.take().or_else(begin) {
            None => self.interval,
            Some(work) => match work.go_on(now + SLICE) {
                Some(work) => {
                    self.work = Some(work);
                    PAUSE
                }
                None => self.end(),
            },
        };
        self.due = Instant::now() + pause;
    }

    /// All has been seen to. Some blocks cannot be moved, as nobody finds them or readers have them.
    fn end(&mut self) -> Duration {
        allocator::clear_sparse();
        allocator::trim();
        self.interval = if allocator::is_loose() { (2 * self.interval).min(SELDOM) } else { OFTEN };
        self.interval
    }
}

fn begin() -> Option<Work> {
    if !allocator::is_loose() {
        return None;
    }
    // That may be all it takes.
    allocator::purge();
    if !allocator::is_loose() || !allocator::mark_sparse() {
        return None;
    }
    let stores = STORES.lock().unwrap_or_else(PoisonError::into_inner).clone();
    Some(Work { stores, at: Compaction::default() })
}

impl Work {
    /// `None` at the end.
    fn go_on(mut self, until: Instant) -> Option<Self> {
        while let Some(store) = self.stores.last().map(Weak::upgrade) {
            // Whoever wants to drop it must not wait for long, so it is held for one slice.
            let step = match &store {
                Some(store) => store.compact(&mut self.at, &allocator::is_sparse),
                None => Step::Done,
            };
            if step == Step::Done {
                self.stores.pop();
                self.at = Compaction::default();
            }
            if step == Step::Busy || Instant::now() >= until {
                return Some(self);
            }
        }
        None
    }
}
