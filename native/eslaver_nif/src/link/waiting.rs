//! How long slices wait for more bytes. To wait on the scheduler is quicker than to return and be
//! called again, and wakes no schedulers that spin afterwards; but it keeps the scheduler from others.

use std::sync::LazyLock;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::thread::available_parallelism;
use std::time::Duration;

use crossbeam_channel::{Receiver, RecvTimeoutError, TryRecvError};

use crate::link::loan::Got;
use crate::link::shared::{BUFFER, Chunk, Shared};

const LONG: Duration = Duration::from_millis(2);
const SHORT: Duration = Duration::from_micros(300);

/// The slices that may wait for long at a time. A node has as many dirty schedulers as cores, unless it
/// was started with `+SDcpu`: at least one is left to others.
static MOST: LazyLock<usize> = LazyLock::new(|| {
    let schedulers = available_parallelism().map_or(1, usize::from);
    schedulers - 1
});
/// The slices that do.
static WAITING: AtomicUsize = AtomicUsize::new(0);

/// How long to wait, where that is possible.
#[derive(Clone, Copy)]
pub(crate) enum Wait {
    No,
    Short,
    /// Else not at all.
    Long,
    /// Else a short time.
    LongOrShort,
}

/// The next chunk, perhaps after a wait.
pub(crate) fn receive(
    chunks: &Receiver<Chunk>,
    wait: Wait,
    shared: &Shared,
) -> Result<Chunk, RecvTimeoutError> {
    let (place, patience) = match wait {
        Wait::No => (None, Duration::ZERO),
        Wait::Short => (None, SHORT),
        Wait::Long => Place::take_or(Duration::ZERO),
        Wait::LongOrShort => Place::take_or(SHORT),
    };
    let chunk = match wait {
        Wait::Long if place.is_some() => read_or_receive(chunks, patience, shared),
        _ => chunks.recv_timeout(patience),
    };
    drop(place);
    chunk
}

/// The next bytes of a stream, from the socket if nothing is left in the channel.
fn read_or_receive(
    chunks: &Receiver<Chunk>,
    patience: Duration,
    shared: &Shared,
) -> Result<Chunk, RecvTimeoutError> {
    let loan = &shared.loan;
    if let Ok(chunk) = chunks.try_recv() {
        return Ok(chunk);
    }
    if !loan.take() {
        return chunks.recv_timeout(patience);
    }
    // the I/O thread may have added to the channel before it offered the socket
    match chunks.try_recv() {
        Ok(chunk) => {
            loan.give_back();
            return Ok(chunk);
        }
        Err(TryRecvError::Disconnected) => return Err(RecvTimeoutError::Disconnected),
        Err(TryRecvError::Empty) => {}
    }
    let mut bytes = shared.spare();
    bytes.clear();
    bytes.reserve(BUFFER);
    match loan.read(&mut bytes, patience, || shared.flow.drain()) {
        Got::Bytes { count, all } => {
            shared.flow.read(count);
            if all {
                shared.flow.read_all();
            }
            if loan.is_flooded(all) {
                loan.give_back();
            }
            Ok(Chunk::Stream(bytes))
        }
        Got::Nothing | Got::Lost => {
            loan.give_back();
            shared.keep_spare(bytes);
            Err(RecvTimeoutError::Timeout)
        }
    }
}

/// One of the slices that wait for long.
struct Place;

impl Place {
    /// How long to wait with a place, or else.
    fn take_or(other: Duration) -> (Option<Self>, Duration) {
        let next = |waiting| (waiting < *MOST).then_some(waiting + 1);
        match WAITING.fetch_update(Ordering::Relaxed, Ordering::Relaxed, next) {
            Ok(_) => (Some(Self), LONG),
            Err(_) => (None, other),
        }
    }
}

impl Drop for Place {
    fn drop(&mut self) {
        WAITING.fetch_sub(1, Ordering::Relaxed);
    }
}
