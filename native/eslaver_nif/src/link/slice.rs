//! A slice: what a link's process does on a dirty scheduler, up to a budget, and then returns.

use std::sync::Arc;
use std::sync::atomic::Ordering;
use std::time::{Duration, Instant};

use crossbeam_channel::Receiver;
use eslaver_core::commands::Learned;
use eslaver_core::filter::{Before, Filter, Gate};
use eslaver_core::position::{Position, Tracker};
use eslaver_core::rdb::{Decoder, Status};
use eslaver_core::replay::{self, Replay, Replayed};
use eslaver_core::resp::{self, Command, Commands};
use rustler::{Atom, Env, LocalPid};

use crate::atoms;
use crate::link::config::{Config, Limits, Start};
use crate::link::end::End;
use crate::link::shared::{Alive, Chunk, Shared};
use crate::terms::batch::Batch;
use crate::terms::event::Shape;
use crate::terms::message::{Built, Message};

/// Batches sent before a slice returns: returning and coming back costs up to 30 µs.
const BATCHES: u32 = 16;
/// Within one huge value nothing is sent; a slice returns after this all the same.
const TIME: Duration = Duration::from_millis(10);

/// Of a snapshot there is mostly more to come: to wait for it costs less than to return.
const PATIENCE: Duration = Duration::from_micros(300);

/// A name is a list of characters in classic events, at 16 bytes each.
const MAX_NAME: usize = 256;

/// What a slice came to.
pub(crate) enum Outcome {
    /// There is more to do.
    More,
    /// All bytes at hand are decoded. The link will be woken when there are more.
    Wait,
    /// The server has enough to do. The link will be woken when it has not.
    NoCredit,
    /// The link has ended.
    Closed(End),
}

/// Where in the replication the bytes are.
enum Phase {
    /// Before the answer to `PSYNC`.
    Start,
    Loading(Box<Load>),
    Streaming(Box<Stream>),
}

struct Load {
    decoder: Decoder,
    /// The offset that the snapshot stands for.
    offset: u64,
    /// Whether the master counts offsets, as all do that know `PSYNC`.
    offsets: bool,
}

struct Stream {
    commands: Commands,
    /// The offset of its first byte.
    begins: u64,
    tracker: Tracker,
    limits: resp::Limits,
    sieve: Sieve,
    /// What is left of the last command.
    wrapped: Option<Wrapped>,
}

/// Commands that another wraps.
struct Wrapped {
    replay: Replay,
    /// The bytes of the whole.
    length: u64,
    /// Where it begins, in the stream and as a position: whoever goes on from there gets all of it.
    at: u64,
    before: Position,
}

/// What of the stream's commands goes into the batch.
struct Sieve {
    /// What is wanted, and what of it has passed.
    filter: Option<(Arc<Filter>, Gate)>,
    learned: Arc<Learned>,
    /// The db that was told last, where each `SELECT` is.
    told: Option<u32>,
    selects: bool,
}

/// What decoding stopped at.
enum Decoded {
    /// The end of the bytes at hand.
    All,
    /// A batch that should go out now.
    Batch,
}

/// The decoding side of a link.
pub(crate) struct Slicer {
    chunks: Receiver<Chunk>,
    server: LocalPid,
    start: Option<Start>,
    limits: Limits,
    phase: Phase,
    batch: Batch,
    /// Taken from the channel, and to be looked at when the batch has gone out.
    held: Option<Chunk>,
    end: Option<End>,
    _alive: Arc<Alive>,
}

impl Slicer {
    pub(crate) fn new(chunks: Receiver<Chunk>, config: &Config, alive: Arc<Alive>) -> Self {
        let Config { server, start, shape, limits, .. } = *config;
        let batch = Batch::new(shape, config.filter.clone(), limits.value);
        Self {
            chunks,
            server,
            start,
            limits,
            phase: Phase::Start,
            batch,
            held: None,
            end: None,
            _alive: alive,
        }
    }

    /// Decodes what is there and sends it.
    pub(crate) fn run(&mut self, env: Env<'_>, shared: &Shared) -> Outcome {
        let began = Instant::now();
        let mut sent = 0;
        if self.batch.is_full() && !self.flush(env, shared) {
            return no_credit(shared);
        }
        loop {
            if shared.is_stopped() {
                return Outcome::Closed(End::Stopped);
            }
            if self.end.is_none() {
                match self.decode(shared) {
                    Ok(Decoded::All) if !self.has_room(shared) => return no_credit(shared),
                    Ok(Decoded::All) => {}
                    Ok(Decoded::Batch) if !self.flush(env, shared) => return no_credit(shared),
                    Ok(Decoded::Batch) => {
                        sent += 1;
                        if sent == BATCHES {
                            return Outcome::More;
                        }
                        continue;
                    }
                    Err(end) => self.fail(end),
                }
            }
            match self.next_chunk(shared) {
                None if !self.flush(env, shared) => return no_credit(shared),
                None => match self.end.take() {
                    Some(end) => return Outcome::Closed(end),
                    None if self.is_idle(shared) => return Outcome::Wait,
                    None => {}
                },
                Some(chunk) if chunk.is_boundary() && !self.flush(env, shared) => {
                    self.held = Some(chunk);
                    return no_credit(shared);
                }
                Some(chunk) => {
                    if let Err(end) = self.take(chunk, env, shared) {
                        self.fail(end);
                    }
                }
            }
            if began.elapsed() > TIME {
                return Outcome::More;
            }
        }
    }

    /// Whether more may be decoded: a large value does not grow beside another that the server has
    /// not handled yet.
    fn has_room(&self, shared: &Shared) -> bool {
        !(self.batch.is_within_key() && self.batch.is_full()) || shared.may_send()
    }

    /// What was complete before goes out still; the value in hand does not.
    fn fail(&mut self, end: End) {
        self.batch.abandon_key();
        self.end = Some(end);
    }

    /// The next bytes or news, unless there are none or the link has ended.
    fn next_chunk(&mut self, shared: &Shared) -> Option<Chunk> {
        if self.end.is_some() {
            return None;
        }
        if self.held.is_some() {
            return self.held.take();
        }
        if self.chunks.len() <= self.chunks.capacity().unwrap_or_default() / 2 {
            shared.room();
        }
        let chunk = match self.phase {
            Phase::Loading(_) => {
                self.chunks.recv_timeout(PATIENCE).map_err(|error| error.is_disconnected())
            }
            _ => self.chunks.try_recv().map_err(|error| error.is_disconnected()),
        };
        match chunk {
            Ok(chunk) => Some(chunk),
            Err(false) => None,
            Err(true) => {
                self.fail(shared.take_end().unwrap_or(End::Stopped));
                None
            }
        }
    }

    /// Whether there is nothing to do until the I/O thread wakes the link.
    fn is_idle(&self, shared: &Shared) -> bool {
        shared.link_waits.store(true, Ordering::SeqCst);
        if self.chunks.is_empty() && !shared.has_ended() {
            return true;
        }
        !shared.link_waits.swap(false, Ordering::SeqCst)
    }

    /// Decodes into the batch until it is full or the bytes end.
    fn decode(&mut self, shared: &Shared) -> Result<Decoded, End> {
        match &mut self.phase {
            Phase::Start => Ok(Decoded::All),
            Phase::Loading(load) => loop {
                match load.decoder.next(&mut self.batch)? {
                    Status::NeedMore | Status::Done => {
                        shared.counters.keys.store(self.batch.keys(), Ordering::Relaxed);
                        return Ok(Decoded::All);
                    }
                    Status::Event if self.batch.is_full() => return Ok(Decoded::Batch),
                    Status::Event => {}
                }
            },
            Phase::Streaming(stream) => {
                let decoded = stream.decode(&mut self.batch, shared);
                shared.counters.offset.store(stream.tracker.position().offset, Ordering::Relaxed);
                decoded
            }
        }
    }

    fn take(&mut self, chunk: Chunk, env: Env<'_>, shared: &Shared) -> Result<(), End> {
        match (chunk, &mut self.phase) {
            (Chunk::Stream(bytes), Phase::Streaming(stream)) => {
                stream.commands.feed(&bytes);
                shared.keep_spare(bytes);
            }
            (Chunk::Snapshot(bytes), Phase::Loading(load)) => {
                shared.counters.bytes.fetch_add(bytes.len() as u64, Ordering::Relaxed);
                shared.keep_spare(load.decoder.feed_piece(bytes));
            }
            (Chunk::Full { replid, offset, bytes, master }, Phase::Start) => {
                let decoder = Decoder::with_limits(self.limits.of_snapshot());
                // one of unknown length goes on until a mark comes, which may be missing
                let decoder = if bytes.is_none() { decoder.exact() } else { decoder };
                let offsets = replid.is_some();
                self.phase = Phase::Loading(Box::new(Load { decoder, offset, offsets }));
                self.tell(env, atoms::full(), |message| {
                    vec![
                        (atoms::replid(), optional_text(replid.as_deref(), message)),
                        (atoms::offset(), message.uint(offset)),
                        (
                            atoms::bytes(),
                            bytes.map_or(atoms::undefined().into(), |n| message.uint(n)),
                        ),
                        (atoms::master(), message.binary(master.as_bytes())),
                    ]
                });
            }
            (Chunk::SnapshotEnd, Phase::Loading(load)) => {
                load.decoder.finish()?;
                shared.set_snapshot_good();
                shared.drop_spares();
                let (offset, bytes) = (load.offset, load.decoder.offset());
                let (keys, db) = (self.batch.keys(), self.batch.stream_db());
                let tracker = Tracker::new(offset, db);
                let limits = self.limits.of_stream(!load.offsets);
                let sieve = Sieve::new(&self.batch, shared.learned(), false);
                self.phase = Phase::streaming(tracker, limits, sieve);
                if let Some(what) = self.batch.left_out.take() {
                    let text = what.to_string();
                    self.tell(env, atoms::left_out(), |message| {
                        vec![(atoms::text(), message.binary(text.as_bytes()))]
                    });
                }
                self.tell(env, atoms::loaded(), |message| {
                    vec![
                        (atoms::keys(), message.uint(keys)),
                        (atoms::bytes(), message.uint(bytes)),
                        (atoms::offset(), message.uint(offset)),
                        (atoms::db(), message.uint(db.into())),
                    ]
                });
            }
            (Chunk::Continue { replid, master }, Phase::Start) => {
                let start = self.start.ok_or(End::Confused)?;
                let limits = self.limits.of_stream(false);
                let sieve = Sieve::new(&self.batch, shared.learned(), start.is_open());
                self.phase = Phase::streaming(start.tracker(), limits, sieve);
                self.tell(env, atoms::partial(), |message| {
                    vec![
                        (atoms::replid(), optional_text(replid.as_deref(), message)),
                        (atoms::offset(), message.uint(start.offset)),
                        (atoms::master(), message.binary(master.as_bytes())),
                    ]
                });
            }
            _ => return Err(End::Confused),
        }
        Ok(())
    }

    /// Sends the batch, if it holds anything that can go out. False: there is no room for it.
    fn flush(&mut self, env: Env<'_>, shared: &Shared) -> bool {
        if self.batch.is_empty() || self.batch.is_within_key() {
            return true;
        }
        if !shared.may_send() {
            return false;
        }
        let phase = &self.phase;
        let weight = self.batch.weight();
        shared.sent(weight);
        if !self.batch.send(env, self.server, |message| phase.position(message)) {
            self.batch.clear();
            self.fail(End::Terms);
        }
        true
    }

    /// Sends `{eslaver_link, LinkPid, {Tag, Map}}`.
    fn tell(
        &self,
        env: Env<'_>,
        tag: Atom,
        pairs: impl FnOnce(&mut Message) -> Vec<(Atom, Built)>,
    ) {
        let mut message = Message::new();
        let pairs = pairs(&mut message);
        let map = message.map(&pairs);
        let news = message.tuple(&[tag.into(), map]);
        message.send_from_link(env, self.server, news);
    }
}

/// A server that has stopped gives no more credit, and the thread that would wake the link at its end
/// may have ended before the link was known to wait.
fn no_credit(shared: &Shared) -> Outcome {
    if shared.is_stopped() { Outcome::Closed(End::Stopped) } else { Outcome::NoCredit }
}

impl Phase {
    fn streaming(tracker: Tracker, limits: resp::Limits, sieve: Sieve) -> Self {
        let commands = Commands::new(limits);
        let begins = tracker.position().offset;
        let wrapped = None;
        Phase::Streaming(Box::new(Stream { commands, begins, tracker, limits, sieve, wrapped }))
    }

    /// The position behind what has been decoded: `{Offset, Db, InTransaction, SafeOffset, SafeDb}`.
    fn position(&self, message: &mut Message) -> Built {
        let Phase::Streaming(stream) = self else {
            return atoms::undefined().into();
        };
        let safe = stream.tracker.safe();
        let now = match &stream.wrapped {
            _ if stream.is_unopened() => safe,
            Some(wrapped) => wrapped.before,
            None => stream.tracker.position(),
        };
        let in_transaction = if now.in_transaction { atoms::r#true() } else { atoms::r#false() };
        let position = [
            message.uint(now.offset),
            message.uint(now.db.into()),
            in_transaction.into(),
            message.uint(safe.offset),
            message.uint(safe.db.into()),
        ];
        message.tuple(&position)
    }
}

impl Stream {
    /// Whether this is within a transaction of which nothing has passed. Whoever goes on from here
    /// has to see its `MULTI` again, as it may pass yet.
    fn is_unopened(&self) -> bool {
        let within = self.tracker.position().in_transaction;
        within && self.sieve.filter.as_ref().is_some_and(|(_, gate)| !gate.is_open())
    }

    fn decode(&mut self, batch: &mut Batch, shared: &Shared) -> Result<Decoded, End> {
        let Self { commands, begins, tracker, limits, sieve, wrapped } = self;
        let mut count = 0;
        let decoded = loop {
            if let Some(mut rest) = wrapped.take() {
                rest.decode(*limits, tracker, sieve, batch)?;
                *wrapped = Some(rest).filter(|rest| !rest.replay.is_empty());
                if batch.is_full() {
                    break Decoded::Batch;
                }
            }
            let Some(command) = commands.next()? else {
                break Decoded::All;
            };
            let before = tracker.position();
            let at = before.offset.wrapping_sub(*begins);
            check_name(&command, at)?;
            let replay = replay::is_replay(&command).then(|| Replay::read(&command, *limits));
            match replay.flatten() {
                None => {
                    tracker.apply(&command).map_err(|error| End::Select { at, error })?;
                    sieve.take(&command, before, tracker.position(), batch);
                }
                Some(replay) => {
                    *wrapped = Some(Wrapped { replay, length: command.len(), at, before });
                }
            }
            count += 1;
            let asked = is_getack(&command);
            if asked {
                shared.ask(before.offset);
            }
            if asked || batch.is_full() {
                break Decoded::Batch;
            }
        };
        shared.counters.commands.fetch_add(count, Ordering::Relaxed);
        Ok(decoded)
    }
}

impl Wrapped {
    /// Decodes until the batch is full or nothing is left.
    fn decode(
        &mut self,
        limits: resp::Limits,
        tracker: &mut Tracker,
        sieve: &mut Sieve,
        batch: &mut Batch,
    ) -> Result<(), End> {
        let at = self.at;
        while let Some(Replayed { db, bytes, is_last }) = self.replay.take() {
            let mut parser = Commands::new(limits);
            parser.feed(bytes);
            let Some(command) = parser.next()? else { continue };
            check_name(&command, at)?;
            if let Some(db) = db {
                tracker.select(db);
                sieve.tell_db(tracker.position(), batch);
            }
            let before = tracker.position();
            tracker.follow(&command).map_err(|error| End::Select { at, error })?;
            if is_last {
                tracker.advance(self.length);
            }
            sieve.take(&command, before, tracker.position(), batch);
            if batch.is_full() {
                break;
            }
        }
        Ok(())
    }
}

fn check_name(command: &Command<'_>, at: u64) -> Result<(), End> {
    let length = command.name().len();
    if length > MAX_NAME { Err(End::Name { at, length }) } else { Ok(()) }
}

impl Sieve {
    /// `open` is whether the stream goes on within a transaction. Full events need no `SELECT`.
    fn new(batch: &Batch, learned: Arc<Learned>, open: bool) -> Self {
        let selects = batch.shape == Shape::Classic;
        let filter = batch.filter.clone().map(|filter| (filter, Gate::new(selects, open)));
        Self { filter, learned, told: None, selects }
    }

    /// Adds a command to the batch, if it is wanted.
    #[inline]
    fn take(
        &mut self,
        command: &Command<'_>,
        before: Position,
        after: Position,
        batch: &mut Batch,
    ) {
        let passes = match &mut self.filter {
            None => Some(Before::default()),
            Some((filter, gate)) => gate.pass(filter, &self.learned, command, before),
        };
        self.told = self.told.filter(|_| before.db == after.db);
        match passes {
            Some(frame) => {
                batch.before(frame, before);
                batch.command(command, after);
            }
            None => batch.pass_over(command.len()),
        }
    }

    /// A db has been selected without a `SELECT`. Behind a filter the gate tells of it.
    fn tell_db(&mut self, now: Position, batch: &mut Batch) {
        if self.selects && self.filter.is_none() && self.told != Some(now.db) {
            self.told = Some(now.db);
            batch.before(Before { multi: false, select: Some(now.db) }, now);
        }
    }
}

fn is_getack(command: &Command<'_>) -> bool {
    command.name().eq_ignore_ascii_case(b"REPLCONF")
        && command.args().get(0).is_some_and(|arg| arg.eq_ignore_ascii_case(b"GETACK"))
}

fn optional_text(text: Option<&str>, message: &mut Message) -> Built {
    text.map_or(atoms::undefined().into(), |text| message.binary(text.as_bytes()))
}
