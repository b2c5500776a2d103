//! The thread that drops what is out of reach: a store may take seconds, and neither a reader nor a
//! link is to be the one who does it.

use std::sync::{Arc, LazyLock};
use std::time::Duration;

use crossbeam_channel::{Receiver, RecvTimeoutError, Sender};
use eslaver_store::{Store, Trash};

/// How long a reader may still look at what is to be dropped, until it is looked at again.
const PAUSE: Duration = Duration::from_millis(5);

enum Remains {
    Store(Arc<Store>),
    Trash(Trash),
}

static REAPER: LazyLock<Sender<Remains>> = LazyLock::new(|| {
    let (sender, receiver) = crossbeam_channel::unbounded();
    // without a thread everything is dropped where it is sent, as the channel is closed
    let _ = std::thread::Builder::new().name("eslaver_reaper".into()).spawn(move || run(&receiver));
    sender
});

/// Drops a store that nobody can find any more.
pub(crate) fn bury(store: Arc<Store>) {
    let _ = REAPER.send(Remains::Store(store));
}

/// Drops values and databases that nobody can find any more.
pub(crate) fn bury_trash(trash: Trash) {
    if !trash.is_empty() {
        let _ = REAPER.send(Remains::Trash(trash));
    }
}

fn run(remains: &Receiver<Remains>) {
    let mut waiting: Vec<Remains> = Vec::new();
    loop {
        let next = match waiting.is_empty() {
            true => remains.recv().map_err(|_| RecvTimeoutError::Disconnected),
            false => remains.recv_timeout(PAUSE),
        };
        match next {
            Ok(next) => waiting.extend(next.drop()),
            Err(RecvTimeoutError::Timeout) => {
                waiting = waiting.into_iter().filter_map(Remains::drop).collect();
            }
            Err(RecvTimeoutError::Disconnected) => return,
        }
    }
}

impl Remains {
    /// Drops it, except what a reader still looks at.
    fn drop(self) -> Option<Self> {
        match self {
            Remains::Store(store) => Arc::try_unwrap(store).err().map(Remains::Store),
            Remains::Trash(trash) => trash.sweep().map(Remains::Trash),
        }
    }
}
