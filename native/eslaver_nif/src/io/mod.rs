//! The I/O thread, one for each link: it connects, shakes hands, reads, and keeps the link alive.
//!
//! It never decodes a value and never waits for the BEAM: when the slices do not keep up, the
//! channel to them fills, the thread stops reading, and TCP holds the master back. Heartbeats go
//! on.
mod connect;
mod file;
mod gather;
mod greet;
pub(crate) mod open;
mod outlet;
mod plain;
mod pump;
mod rdb_file;
pub(crate) mod replace;
mod tls;
mod wire;

use greet::{Failed, Greeted};
pub(crate) use wire::WAKE;

use std::sync::Arc;

use crossbeam_channel::Sender;
use eslaver_core::handshake::Questions;
use mio::{Poll, Waker};

use crate::link::config::{Address, Config};
use crate::link::end::End;
use crate::link::shared::{Alive, Chunk, Shared};
use crate::panics;

/// Several times what the thread's stack needs.
const STACK: usize = 256 * 1024;

/// Starts the thread. At its end, it sets the end in `shared` and closes the channel. The thread
/// owns all descriptors of the link, and has closed them by then.
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
            let end = panics::catch(|| run(config, poll, &shared, &chunks));
            let end = end.unwrap_or_else(|panic| End::panicked(panic, false));
            drop((waker, alive));
            shared.flow.lose();
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
        Address::OwnFile(path) => file::replay(open::own(path), path, limits, shared, chunks),
        Address::Tcp { .. } | Address::Local(_) => replicate(&config, poll, shared, chunks),
    }
}

fn replicate(config: &Config, poll: Poll, shared: &Shared, chunks: &Sender<Chunk>) -> End {
    let pumped = accepted(config, poll, shared, chunks)
        .and_then(|(greeted, master)| pump::pump(greeted, config, master, shared, chunks));
    match pumped {
        Ok(never) => match never {},
        Err(end) => end,
    }
}

/// Connects and shakes hands: once more without a question at which the master, or a proxy before
/// it, ends the connection.
fn accepted(
    config: &Config,
    poll: Poll,
    shared: &Shared,
    chunks: &Sender<Chunk>,
) -> Result<(Greeted, String), End> {
    let (mut poll, mut questions) = (poll, Questions::ALL);
    loop {
        let (wire, master) = connect::connect(config, poll, shared)?;
        match greet::greet(wire, questions, config, shared, chunks) {
            Ok(greeted) => return Ok((greeted, master)),
            Err(Failed::End(end)) => return Err(end),
            Err(Failed::At(question, back)) => {
                poll = back;
                questions = question.left_out_of(questions);
            }
        }
    }
}
