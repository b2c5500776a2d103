//! From the socket to the slices, until the link ends.

use std::collections::VecDeque;
use std::convert::Infallible;
use std::time::{Duration, Instant};

use crossbeam_channel::{Sender, TrySendError};
use eslaver_core::transfer::{Found, Size, Transfer};
use memchr::memmem;

use super::dump::Dump;
use super::greet::{Greeted, Sync};
use super::wire::Wire;
use crate::config::Config;
use crate::end::End;
use crate::shared::{Chunk, Shared};

const BUFFER: usize = 64 * 1024;
/// How often the master is told that the link lives, and how far it has been handled.
const HEARTBEAT: Duration = Duration::from_secs(1);
/// The same after a transfer with a mark: the master sends nothing until it has heard of the replica
/// once more, and it does not listen until it has ended its child.
const EAGER_HEARTBEAT: Duration = Duration::from_millis(150);
/// A link that was woken so short a time ago is not woken again before that, but for what cannot
/// wait: each wake-up costs a scheduler's spinning, and at a few thousand commands a second that is
/// far more than the work itself.
const LINGER: Duration = Duration::from_millis(5);
/// In so few bytes a request for an acknowledgement is looked for, as somebody waits for it.
const URGENT_LENGTH: usize = 4096;

/// What the bytes on the socket are.
enum Mode {
    Snapshot(Transfer),
    Stream,
}

/// What may be written to the master.
#[derive(Clone, Copy, PartialEq, Eq)]
enum Voice {
    Silent,
    Heartbeat,
    /// Until the first bytes of the stream come.
    Eager,
}

struct Pump<'a> {
    wire: Wire,
    config: &'a Config,
    shared: &'a Shared,
    chunks: &'a Sender<Chunk>,
    master: String,
    /// What the snapshot will be called, until its size is known.
    sync: Option<(Option<String>, u64)>,
    mode: Mode,
    voice: Voice,
    /// To be sent to the slices, in order.
    queue: VecDeque<Chunk>,
    dump: Option<Dump>,
    /// To be queued when the dump has been read back.
    behind_dump: VecDeque<Chunk>,
    /// The dump is complete, and waits for the slices' word that the snapshot is good.
    dump_done: bool,
    heard: Instant,
    spoken: Instant,
    woken: Instant,
    wake_due: bool,
}

/// Runs until the link ends, for whatever reason.
pub(crate) fn pump(
    greeted: Greeted,
    config: &Config,
    master: String,
    shared: &Shared,
    chunks: &Sender<Chunk>,
) -> Result<Infallible, End> {
    let now = Instant::now();
    let mut pump = Pump {
        wire: greeted.wire,
        config,
        shared,
        chunks,
        master,
        sync: None,
        mode: Mode::Snapshot(Transfer::new()),
        voice: Voice::Heartbeat,
        queue: VecDeque::new(),
        dump: None,
        behind_dump: VecDeque::new(),
        dump_done: false,
        heard: now,
        spoken: now,
        woken: now.checked_sub(LINGER).unwrap_or(now),
        wake_due: false,
    };
    pump.begin(greeted.sync);
    pump.take(&greeted.rest)?;
    pump.run()
}

impl Pump<'_> {
    fn begin(&mut self, sync: Sync) {
        match sync {
            Sync::Full { replid, offset } => {
                self.shared.forget_handled();
                self.sync = Some((Some(replid), offset));
            }
            Sync::Legacy => {
                self.shared.forget_handled();
                // unless a mark shows that the master knows REPLCONF after all
                self.voice = Voice::Silent;
                self.sync = Some((None, 0));
            }
            Sync::Continue { replid } => {
                self.mode = Mode::Stream;
                let master = std::mem::take(&mut self.master);
                self.queue.push_back(Chunk::Continue { replid, master });
            }
        }
    }

    fn run(&mut self) -> Result<Infallible, End> {
        let mut buffer = vec![0; BUFFER];
        loop {
            self.wire.flush()?;
            self.keep_dump();
            self.hand_over()?;
            let read = if self.may_read() && self.wire.is_readable() {
                self.wire.read(&mut buffer)?
            } else {
                0
            };
            if read > 0 {
                self.heard = Instant::now();
                self.take(&buffer[..read])?;
                self.hand_over()?;
            }
            let now = Instant::now();
            let next = self.on_time(now)?;
            if !(self.may_read() && self.wire.is_readable()) {
                self.wire.wait(next, self.shared)?;
            } else if self.shared.is_stopped() {
                return Err(End::Stopped);
            }
        }
    }

    /// While slices have no room, reading goes on only where the bytes have a place on disk.
    fn may_read(&self) -> bool {
        if !self.behind_dump.is_empty() {
            return false;
        }
        match self.mode {
            Mode::Snapshot(_) if self.dump.is_some() => true,
            _ => self.queue.is_empty(),
        }
    }

    /// Sorts what was read.
    fn take(&mut self, mut bytes: &[u8]) -> Result<(), End> {
        while let Mode::Snapshot(transfer) = &mut self.mode {
            let (consumed, found) = transfer.next(bytes)?;
            bytes = &bytes[consumed..];
            match found {
                Found::NeedMore => return Ok(()),
                Found::Start(size) => self.snapshot_begins(size),
                Found::Payload(payload) => {
                    let payload = payload.to_vec();
                    self.snapshot_bytes(payload);
                }
                Found::End => self.snapshot_ends(),
            }
        }
        if !bytes.is_empty() {
            if self.voice == Voice::Eager {
                self.voice = Voice::Heartbeat;
            }
            let urgent = bytes.len() <= URGENT_LENGTH && memmem::find(bytes, b"GETACK").is_some();
            if urgent {
                self.woken = self.woken.checked_sub(LINGER).unwrap_or(self.woken);
            }
            self.push(Chunk::Stream(bytes.to_vec()));
        }
        Ok(())
    }

    fn snapshot_begins(&mut self, size: Size) {
        let bytes = match size {
            Size::Known(bytes) => Some(bytes),
            Size::Marked => None,
        };
        if size == Size::Marked {
            self.voice = Voice::Eager;
        }
        if let Some((replid, offset)) = self.sync.take() {
            let master = std::mem::take(&mut self.master);
            self.queue.push_back(Chunk::Full { replid, offset, bytes, master });
        }
        if let Some(path) = &self.config.dump {
            match Dump::create(path) {
                Ok(dump) => self.dump = Some(dump),
                Err(error) => self.dump_failed(&error),
            }
        }
    }

    fn snapshot_bytes(&mut self, payload: Vec<u8>) {
        let Some(dump) = &mut self.dump else {
            return self.push(Chunk::Snapshot(payload));
        };
        let direct = self.queue.is_empty() && !dump.is_ahead();
        match dump.write(&payload) {
            Ok(()) if direct => {
                dump.skip(payload.len());
                self.queue.push_back(Chunk::Snapshot(payload));
            }
            Ok(()) => {}
            Err(error) => {
                self.behind_dump.push_back(Chunk::Snapshot(payload));
                self.dump_failed(&error);
            }
        }
    }

    fn snapshot_ends(&mut self) {
        self.mode = Mode::Stream;
        self.push(Chunk::SnapshotEnd);
        self.dump_done = self.dump.is_some();
    }

    /// Queues what comes after all that is in the dump.
    fn push(&mut self, chunk: Chunk) {
        let behind = self.dump.as_ref().is_some_and(Dump::is_ahead);
        if behind || !self.behind_dump.is_empty() {
            self.behind_dump.push_back(chunk);
        } else {
            self.queue.push_back(chunk);
        }
    }

    fn dump_failed(&mut self, error: &std::io::Error) {
        let path = self.config.dump.as_deref().unwrap_or(std::path::Path::new(""));
        let text = format!("cannot keep the snapshot in {}: {error}", path.display());
        self.push(Chunk::DumpFailed(text));
        if !self.dump.as_ref().is_some_and(Dump::is_ahead) {
            self.dump = None;
        }
    }

    fn keep_dump(&mut self) {
        if !self.shared.take_snapshot_good() || !self.dump_done {
            return;
        }
        if let Some(dump) = self.dump.take()
            && let Err(error) = dump.keep()
        {
            self.dump_failed(&error);
        }
    }

    /// Gives the slices as much as they have room for.
    fn hand_over(&mut self) -> Result<(), End> {
        loop {
            if self.queue.is_empty() {
                self.refill()?;
            }
            let Some(chunk) = self.queue.pop_front() else {
                return Ok(());
            };
            match self.chunks.try_send(chunk) {
                Ok(()) => self.wake_due = true,
                Err(TrySendError::Disconnected(_)) => return Err(End::Stopped),
                Err(TrySendError::Full(chunk)) => {
                    self.queue.push_front(chunk);
                    let waits = &self.shared.io_waits;
                    if waits.swap(true, std::sync::atomic::Ordering::SeqCst)
                        || self.chunks.is_full()
                    {
                        return Ok(());
                    }
                }
            }
        }
    }

    fn refill(&mut self) -> Result<(), End> {
        match &mut self.dump {
            Some(dump) if dump.is_ahead() => {
                let bytes = dump.read_back(BUFFER)?;
                self.queue.push_back(Chunk::Snapshot(bytes));
            }
            _ => {
                self.queue.append(&mut self.behind_dump);
                if !self.dump_done && matches!(self.mode, Mode::Stream) {
                    self.dump = None;
                }
            }
        }
        Ok(())
    }

    /// Does what is due, and tells when something is due next.
    fn on_time(&mut self, now: Instant) -> Result<Instant, End> {
        let wake = self.wake_on_time(now);
        let speak = self.speak_on_time(now)?;
        if !self.may_read() {
            self.heard = now;
        }
        let silent = self.heard + self.config.repl_timeout;
        if now >= silent {
            return Err(End::Silent { seconds: self.config.repl_timeout.as_secs() });
        }
        Ok(silent.min(speak).min(wake.unwrap_or(silent)))
    }

    fn wake_on_time(&mut self, now: Instant) -> Option<Instant> {
        if !self.wake_due {
            return None;
        }
        let full = self.chunks.len() * 2 > self.chunks.capacity().unwrap_or_default();
        let due = self.woken + LINGER;
        if now < due && !full && matches!(self.mode, Mode::Stream) {
            return Some(due);
        }
        self.wake_due = false;
        self.woken = now;
        self.shared.wake_link();
        None
    }

    /// A newline while a snapshot is handled, then the offset that has been.
    fn speak_on_time(&mut self, now: Instant) -> Result<Instant, End> {
        let handled = self.shared.handled();
        let pause = match (self.voice, handled) {
            (Voice::Silent, _) => return Ok(now + HEARTBEAT),
            (Voice::Eager, Some(_)) => EAGER_HEARTBEAT,
            _ => HEARTBEAT,
        };
        let asked = self.shared.take_acknowledge();
        if (asked || now >= self.spoken + pause) && self.wire.is_flushed() {
            self.spoken = now;
            match handled {
                None => self.wire.write(b"\n")?,
                Some(offset) => {
                    let durable = self.shared.durable();
                    self.wire.write(&acknowledgement(offset, durable))?;
                }
            }
        }
        Ok(self.spoken + pause)
    }
}

/// `FACK` is what `WAITAOF` counts, since Redis 7.2; masters before that read no further than `ACK`.
fn acknowledgement(handled: u64, durable: Option<u64>) -> Vec<u8> {
    let mut words = vec!["REPLCONF".to_owned(), "ACK".to_owned(), handled.to_string()];
    if let Some(durable) = durable {
        words.extend(["FACK".to_owned(), durable.to_string()]);
    }
    let arguments = words.iter().map(|word| format!("${}\r\n{word}\r\n", word.len()));
    let command = format!("*{}\r\n{}", words.len(), arguments.collect::<String>());
    command.into_bytes()
}
