//! The thread that drops what is out of reach: a store may take seconds, and neither a reader nor a
//! link is to be the one who does it. It also compacts what is left.

use std::sync::atomic::{AtomicUsize, Ordering};
use std::sync::{Arc, LazyLock};
use std::time::Duration;

use crossbeam_channel::{Receiver, RecvTimeoutError, Sender};
use eslaver_store::{Store, Trash, heap};

use crate::allocator;
use crate::keyspace::compactor::Compactor;

/// How long a reader may still look at what is to be dropped, until it is looked at again.
const PAUSE: Duration = Duration::from_millis(5);

/// What of a keyspace is not dropped yet.
#[derive(Clone, Default)]
pub(crate) struct Graves(Arc<AtomicUsize>);

enum Remains {
    Store(Arc<Store>),
    Trash(Trash),
}

/// Counted until it is dropped.
struct Grave {
    remains: Option<Remains>,
    graves: Graves,
}

static REAPER: LazyLock<Sender<Grave>> = LazyLock::new(|| {
    let (sender, receiver) = crossbeam_channel::unbounded();
    // without a thread everything is dropped where it is sent, as the channel is closed
    let _ = std::thread::Builder::new().name("eslaver_reaper".into()).spawn(move || run(&receiver));
    sender
});

/// Has the thread begin, before there is anything to drop: it compacts, too.
pub(crate) fn start() {
    LazyLock::force(&REAPER);
}

impl Graves {
    /// Whether there is nothing that is still to be dropped.
    pub(crate) fn is_empty(&self) -> bool {
        self.0.load(Ordering::Acquire) == 0
    }

    /// Drops a store that nobody can find any more.
    pub(crate) fn bury(&self, store: Arc<Store>) {
        self.add(Remains::Store(store));
    }

    /// Drops values and databases that nobody can find any more.
    pub(crate) fn bury_trash(&self, trash: Trash) {
        if !trash.is_empty() {
            self.add(Remains::Trash(trash));
        }
    }

    fn add(&self, remains: Remains) {
        self.0.fetch_add(1, Ordering::AcqRel);
        let _ = REAPER.send(Grave { remains: Some(remains), graves: self.clone() });
    }
}

impl Drop for Grave {
    fn drop(&mut self) {
        drop(self.remains.take());
        self.graves.0.fetch_sub(1, Ordering::AcqRel);
    }
}

fn run(graves: &Receiver<Grave>) {
    let mut waiting: Vec<Grave> = Vec::new();
    let mut compactor = Compactor::new();
    loop {
        let pause = if waiting.is_empty() { compactor.wait() } else { PAUSE };
        let next = graves.recv_timeout(pause);
        let due = match next {
            Ok(next) => vec![next],
            Err(RecvTimeoutError::Timeout) => std::mem::take(&mut waiting),
            Err(RecvTimeoutError::Disconnected) => return,
        };
        let is_large = due.iter().any(Grave::is_large);
        heap::gently(|| waiting.extend(due.into_iter().filter_map(Grave::sweep)));
        if is_large && waiting.is_empty() {
            allocator::trim();
        }
        compactor.go_on();
    }
}

impl Grave {
    /// Whether it may have been most of what there was.
    fn is_large(&self) -> bool {
        match &self.remains {
            Some(Remains::Store(_)) => true,
            Some(Remains::Trash(trash)) => trash.has_dbs(),
            None => false,
        }
    }

    /// Drops it, except what a reader still looks at.
    fn sweep(mut self) -> Option<Self> {
        self.remains = match self.remains.take()? {
            Remains::Store(store) => Arc::try_unwrap(store).err().map(Remains::Store),
            Remains::Trash(trash) => trash.sweep().map(Remains::Trash),
        };
        self.remains.is_some().then_some(self)
    }
}
