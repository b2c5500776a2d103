//! The I/O thread, one for each link: it connects, shakes hands, reads, and keeps the link alive.
//!
//! It never decodes a value and never waits for the BEAM: when the slices do not keep up, the channel
//! to them is full, it stops reading, and TCP holds the master back. Heartbeats go on meanwhile.
mod connect;
mod dump;
mod file;
mod gather;
mod greet;
pub(crate) mod open;
mod outlet;
mod plain;
mod pump;
pub(crate) mod replace;
mod tls;
mod wire;

pub(crate) use wire::WAKE;

use std::panic::{AssertUnwindSafe, catch_unwind};
use std::sync::Arc;

use crossbeam_channel::Sender;
use mio::{Poll, Waker};

use crate::config::{Address, Config};
use crate::end::End;
use crate::shared::{Alive, Chunk, Shared};

/// What the thread's stack needs, several times over.
const STACK: usize = 256 * 1024;

/// Starts the thread. Its end is told by closing the channel, and by what `shared` has for an end. All
/// descriptors of the link are the thread's, and closed by then.
pub(crate) fn spawn(
    config: Config,
    poll: Poll,
    waker: Arc<Waker>,
    alive: Arc<Alive>,
    shared: Arc<Shared>,
    chunks: Sender<Chunk>,
) -> std::io::Result<()> {
    let thread = std::thread::Builder::new().name("eslaver_io".into()).stack_size(STACK);
    thread
        .spawn(move || {
            let run = AssertUnwindSafe(|| run(config, poll, &shared, &chunks));
            let end = catch_unwind(run).unwrap_or_else(|panic| End::panicked(&*panic));
            drop((waker, alive));
            shared.set_end(end);
            drop(chunks);
            shared.wake_link_at_end();
        })
        .map(drop)
}

fn run(config: Config, poll: Poll, shared: &Shared, chunks: &Sender<Chunk>) -> End {
    let limits = config.limits.of_snapshot();
    match &config.address {
        Address::File(path) => file::replay(open::regular(path), path, limits, shared, chunks),
        Address::Dump(path) => file::replay(open::own(path), path, limits, shared, chunks),
        Address::Tcp { .. } | Address::Local(_) => replicate(&config, poll, shared, chunks),
    }
}

fn replicate(config: &Config, poll: Poll, shared: &Shared, chunks: &Sender<Chunk>) -> End {
    let (wire, master) = match connect::connect(config, poll, shared) {
        Ok(connected) => connected,
        Err(end) => return end,
    };
    let greeted = greet::greet(wire, config, shared);
    match greeted.and_then(|greeted| pump::pump(greeted, config, master, shared, chunks)) {
        Ok(never) => match never {},
        Err(end) => end,
    }
}
