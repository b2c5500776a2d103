//! From the socket to the slices, until the link ends.

use std::convert::Infallible;
use std::time::{Duration, Instant};

use crossbeam_channel::Sender;
use eslaver_core::rdb::Piece;
use eslaver_core::resp::encode;
use eslaver_core::transfer::{Found, Size, Transfer};
use memchr::memmem;

use super::gather::Gathered;
use super::greet::{Greeted, Sync};
use super::outlet::Outlet;
use super::wire::{SOCKET, Wire, broken};
use crate::link::config::Config;
use crate::link::end::End;
use crate::link::loan::Open;
use crate::link::shared::{Chunk, Shared};

/// How often the master is told that the link is alive, and the offset handled.
const HEARTBEAT: Duration = Duration::from_secs(1);
/// The same after a transfer with an end mark: the master sends nothing until the replica has
/// acknowledged, and it ignores that until its child process has ended.
const EAGER_HEARTBEAT: Duration = Duration::from_millis(150);
/// The least time between two wake-ups of the link, except for urgent bytes: each makes a scheduler
/// spin, which at a few thousand commands a second costs far more than the work itself. A half full
/// channel, as during a snapshot, ends the wait.
const LINGER: Duration = Duration::from_millis(5);
/// How long a piece of a snapshot waits for more.
const PATIENCE: Duration = Duration::from_millis(1);
/// Pieces up to this length are searched for a request to acknowledge, as somebody waits for that.
const URGENT_LENGTH: usize = 4096;

/// What the bytes on the socket are.
enum Mode {
    Snapshot(Transfer),
    Stream,
}

impl Mode {
    fn is_snapshot(&self) -> bool {
        matches!(self, Mode::Snapshot(_))
    }
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
    outlet: Outlet<'a>,
    chunks: &'a Sender<Chunk>,
    master: String,
    /// The id and offset of the next snapshot, until it begins.
    sync: Option<(Option<String>, u64)>,
    mode: Mode,
    voice: Voice,
    heard: Instant,
    spoken: Instant,
    woken: Instant,
    wake_due: bool,
    /// Whether the socket can be lent to the slices.
    lends: bool,
    /// Whether it neither is lent nor offered.
    reads: bool,
}

/// Runs until the link ends.
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
        outlet: Outlet::new(chunks, shared, config),
        chunks,
        master,
        sync: None,
        mode: Mode::Snapshot(Transfer::new()),
        voice: Voice::Heartbeat,
        heard: now,
        spoken: now,
        woken: now.checked_sub(LINGER).unwrap_or(now),
        wake_due: false,
        lends: false,
        reads: true,
    };
    // it is dropped before the socket is closed
    let _watched = shared.flow.watch(pump.wire.descriptor());
    let lent = pump.lend();
    pump.begin(greeted.sync);
    pump.take(greeted.rest.into())?;
    let Err(end) = pump.run();
    drop(lent);
    let end = if pump.is_whole(&end) { pump.drain().err().unwrap_or(end) } else { end };
    pump.outlet.keep_file();
    Err(end)
}

impl<'a> Pump<'a> {
    fn begin(&mut self, sync: Sync) {
        match sync {
            Sync::Full { replid, offset } => {
                self.shared.forget_handled();
                self.granted(offset);
                self.sync = Some((Some(replid), offset));
            }
            Sync::Legacy => {
                self.shared.forget_handled();
                // an end mark would show that the master knows REPLCONF
                self.voice = Voice::Silent;
                self.granted(0);
                self.sync = Some((None, 0));
            }
            Sync::Continue { replid, told } => {
                self.mode = Mode::Stream;
                if let Some(start) = &self.config.start {
                    let history = replid.as_deref().unwrap_or(start.replid());
                    let known = told.filter(|(id, _)| id == history).map(|(_, offset)| offset);
                    let (handled, applied) = start.reached();
                    self.shared.flow.resume(start.resume().offset, handled, applied, known);
                }
                let master = std::mem::take(&mut self.master);
                self.outlet.push(Chunk::Continue { replid, master });
            }
        }
    }

    /// A snapshot will come, which the master may still have to make.
    fn granted(&mut self, offset: u64) {
        self.shared.flow.renew(offset);
        self.outlet.push(Chunk::Granted);
    }

    /// Slices read by themselves where nothing but a keyspace waits for what they apply.
    fn lend(&mut self) -> Option<Open<'a>> {
        self.config.mirror.as_ref().filter(|mirror| !mirror.events)?;
        let (socket, registry) = self.wire.lendable()?;
        self.lends = true;
        Some(self.shared.loan.open(socket, registry, SOCKET))
    }

    fn run(&mut self) -> Result<Infallible, End> {
        let mut gathered = Gathered::new();
        loop {
            self.wire.flush()?;
            self.hand_over()?;
            if self.may_read() && self.wire.is_readable() {
                match self.wire.read(gathered.room(self.mode.is_snapshot())) {
                    Ok(0) => {}
                    Ok(count) => {
                        self.heard = Instant::now();
                        gathered.add(count, self.heard);
                    }
                    Err(end) => {
                        // the last bytes may say why
                        self.take(gathered.take(self.shared, false))?;
                        return Err(self.shared.loan.failure().map_or(end, broken));
                    }
                }
            }
            let now = Instant::now();
            let patience = if self.mode.is_snapshot() { PATIENCE } else { Duration::ZERO };
            match gathered.due(patience) {
                Some(due) if due > now => {
                    std::thread::sleep(due - now);
                    self.wire.try_again();
                    continue;
                }
                Some(_) => {
                    self.take(gathered.take(self.shared, self.mode.is_snapshot()))?;
                    self.hand_over()?;
                }
                None => {}
            }
            let next = self.on_time(now)?;
            if !(self.may_read() && self.wire.is_readable()) {
                if self.may_read() && !self.mode.is_snapshot() {
                    self.shared.flow.drain();
                }
                self.offer();
                let waited = self.wire.wait(next, self.shared);
                self.reads = self.shared.loan.reclaim();
                if self.shared.loan.was_taken() {
                    self.heard = Instant::now();
                    // a slice may have left something
                    self.wire.try_again();
                }
                waited?;
            } else if self.shared.is_stopped() {
                return Err(End::Stopped);
            }
        }
    }

    /// Lends the socket while this thread waits, if nothing that it has read is left.
    fn offer(&mut self) {
        let is_drained = matches!(self.mode, Mode::Stream) && !self.wire.is_readable();
        if self.lends && self.may_read() && is_drained {
            self.reads = false;
            self.shared.loan.offer();
        }
    }

    /// Whether the connection is lost, but not in the snapshot. A real replica, too, would load the
    /// whole snapshot before it asked the master to go on from there.
    fn is_whole(&self, end: &End) -> bool {
        matches!(self.mode, Mode::Stream) && end.leaves_bytes()
    }

    /// Hands over the bytes read, and waits until the slices have judged the snapshot.
    fn drain(&mut self) -> Result<(), End> {
        loop {
            self.hand_over()?;
            if self.outlet.is_empty() && !self.outlet.awaits_verdict() {
                return Ok(());
            }
            let now = Instant::now();
            let wake = self.wake_on_time(now).unwrap_or(now + HEARTBEAT);
            self.wire.wait(wake, self.shared)?;
        }
    }

    fn may_read(&self) -> bool {
        self.reads && self.has_room()
    }

    fn has_room(&self) -> bool {
        match self.mode {
            Mode::Snapshot(_) => self.outlet.takes_snapshot(),
            Mode::Stream => self.outlet.is_empty(),
        }
    }

    fn hand_over(&mut self) -> Result<(), End> {
        self.wake_due |= self.outlet.hand_over()?;
        Ok(())
    }

    /// Splits bytes into those of the snapshot and those of the stream. A piece of one kind is not
    /// copied.
    fn take(&mut self, mut read: Piece) -> Result<(), End> {
        let mut start = 0;
        while let Mode::Snapshot(transfer) = &mut self.mode {
            let (consumed, found) = transfer.next(&read[start..])?;
            start += consumed;
            match found {
                Found::NeedMore => return Ok(()),
                Found::Start(size) => self.snapshot_begins(size),
                Found::Payload(payload) if std::ptr::eq(payload, &*read) => {
                    start = 0;
                    self.outlet.snapshot_bytes(std::mem::take(&mut read));
                }
                Found::Payload(payload) => self.outlet.snapshot_bytes(payload.to_vec().into()),
                Found::End => {
                    self.mode = Mode::Stream;
                    self.outlet.snapshot_ends();
                }
            }
        }
        if start < read.len() {
            self.stream_bytes(read.into_rest(start));
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
            self.outlet.snapshot_begins(Chunk::Full { replid, offset, bytes, master });
        }
    }

    fn stream_bytes(&mut self, bytes: Vec<u8>) {
        if self.voice == Voice::Eager {
            self.voice = Voice::Heartbeat;
        }
        if bytes.len() <= URGENT_LENGTH && memmem::find(&bytes, b"GETACK").is_some() {
            self.woken = self.woken.checked_sub(LINGER).unwrap_or(self.woken);
        }
        self.shared.flow.read(bytes.len());
        self.outlet.push(Chunk::Stream(bytes));
    }

    /// Does what is due, and gives the time at which something is due next.
    fn on_time(&mut self, now: Instant) -> Result<Instant, End> {
        let wake = self.wake_on_time(now);
        let speak = self.speak_on_time(now)?;
        if !self.may_read() || self.awaits_us() {
            self.heard = now;
        }
        let silent = self.heard + self.config.repl_timeout;
        if now >= silent {
            return Err(End::Silent { seconds: self.config.repl_timeout.as_secs() });
        }
        Ok(silent.min(speak).min(wake.unwrap_or(silent)))
    }

    /// Whether the master is silent because it waits for the snapshot to be acknowledged.
    fn awaits_us(&self) -> bool {
        self.voice == Voice::Eager
            && matches!(self.mode, Mode::Stream)
            && self.shared.acknowledged().is_none()
    }

    fn wake_on_time(&mut self, now: Instant) -> Option<Instant> {
        if !self.wake_due {
            return None;
        }
        let full = self.chunks.len() * 2 > self.chunks.capacity().unwrap_or_default();
        let due = self.woken + LINGER;
        if now < due && !full {
            return Some(due);
        }
        self.wake_due = false;
        self.woken = now;
        self.shared.wake_link();
        None
    }

    /// Sends a newline while a snapshot is being handled, and then the offset handled.
    fn speak_on_time(&mut self, now: Instant) -> Result<Instant, End> {
        let handled = self.shared.acknowledged();
        let pause = match (self.voice, handled) {
            (Voice::Silent, _) => return Ok(now + HEARTBEAT),
            (Voice::Eager, Some(_)) => EAGER_HEARTBEAT,
            _ => HEARTBEAT,
        };
        if !self.wire.is_flushed() {
            return Ok(now + pause);
        }
        if self.shared.take_acknowledge() || now >= self.spoken + pause {
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

/// `WAITAOF` counts `FACK`, from Redis 7.2 on; older masters ignore everything behind `ACK`.
fn acknowledgement(handled: u64, durable: Option<u64>) -> Vec<u8> {
    let handled = handled.to_string();
    let durable = durable.map(|offset| offset.to_string());
    let mut words = vec![b"REPLCONF".as_slice(), b"ACK", handled.as_bytes()];
    if let Some(durable) = &durable {
        words.extend([b"FACK".as_slice(), durable.as_bytes()]);
    }
    encode(&words)
}
