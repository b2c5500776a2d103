//! A slice: one run on a dirty scheduler, which decodes bytes and sends batches up to a budget.

use std::sync::Arc;
use std::sync::atomic::Ordering;
use std::time::{Duration, Instant};

use crossbeam_channel::{Receiver, RecvTimeoutError};
use eslaver_core::position::Tracker;
use eslaver_core::rdb::Decoder;
use eslaver_core::resp;
use rustler::{Env, LocalPid};

use crate::clock;
use crate::keyspace::Entry;
use crate::link::applier::{self, Applier};
use crate::link::config::{Config, Limits, Mirror};
use crate::link::end::End;
use crate::link::intake::Intake;
use crate::link::load::{Load, Loaded};
use crate::link::part::Part;
use crate::link::phase::Phase;
use crate::link::shared::{Alive, Chunk, Shared};
use crate::link::sieve::{Sieve, Target};
use crate::link::start::Start;
use crate::link::stream::{Decoded, Stream};
use crate::link::waiting::{self, Wait};
use crate::panics;
use crate::terms::batch::Batch;
use crate::terms::news::News;

/// Batches sent before a slice returns: returning and coming back costs up to 30 µs.
const BATCHES: u32 = 16;
/// The longest that a slice runs: within one huge value it sends no batches.
const TIME: Duration = Duration::from_millis(10);
/// The same while a snapshot goes to the keyspace alone. Whenever a slice returns, schedulers wake and
/// spin: at 10 ms that would be a twentieth of what a load costs.
const LOADING: Duration = Duration::from_millis(25);

/// How long to wait for memory that is about to be free.
const CLEARING: Duration = Duration::from_millis(1);
/// A stream that brings this many bytes to a slice is brisk.
const BRISK: usize = 2 << 10;

/// Why a slice has returned.
pub(crate) enum Outcome {
    /// There is more to do.
    More,
    /// All bytes at hand are decoded. The link will be woken when there are more.
    Wait,
    /// There is no credit for another batch. The link will be woken when there is.
    NoCredit,
    /// The link has ended.
    Closed(End),
}

/// The decoding side of a link.
pub(crate) struct Slicer {
    chunks: Receiver<Chunk>,
    server: LocalPid,
    start: Option<Start>,
    limits: Limits,
    phase: Phase,
    batch: Batch,
    /// Puts everything into a keyspace, if there is one.
    applier: Option<Box<Applier>>,
    /// Its part in a cluster, if the master is in one.
    part: Option<Box<Part>>,
    /// Whether the server gets the events.
    events: bool,
    /// Taken from the channel, and used when the batch has been sent.
    held: Option<Chunk>,
    /// The bytes of the stream that this slice has taken.
    streamed: usize,
    /// Whether the slice before ended within a brisk stream.
    is_brisk: bool,
    /// The snapshot that has been loaded, until the server is told.
    loaded: Option<Loaded>,
    end: Option<End>,
    _alive: Arc<Alive>,
}

impl Slicer {
    pub(crate) fn new(chunks: Receiver<Chunk>, config: &Config, alive: Arc<Alive>) -> Self {
        let Config { server, shape, limits, .. } = *config;
        let events = config.mirror.as_ref().is_none_or(|mirror| mirror.events);
        let applier = config.mirror.clone().map(|Mirror { keyspace, ticket, .. }| {
            let in_cluster = config.seat.is_some();
            Box::new(Applier::new(keyspace, ticket, config.filter.clone(), in_cluster))
        });
        let batch = Batch::new(shape, config.filter.clone(), limits.max_value);
        let batch = batch.of_shard(config.seat.clone(), config.of_users);
        Self {
            chunks,
            server,
            start: config.start.clone(),
            limits,
            phase: Phase::Start,
            batch,
            applier,
            part: config.seat.clone().map(|seat| Box::new(Part::new(seat))),
            events,
            held: None,
            streamed: 0,
            is_brisk: false,
            loaded: None,
            end: None,
            _alive: alive,
        }
    }

    /// Decodes the bytes at hand, and applies or sends what they hold.
    pub(crate) fn run(&mut self, env: Env<'_>, shared: &Shared) -> Outcome {
        let Some(applier) = &self.applier else {
            return self.guarded(env, shared);
        };
        let (keyspace, ticket) = (applier.keyspace().clone(), applier.ticket());
        match keyspace.enter(ticket, shared.link) {
            Entry::Granted(_turn) => {
                let outcome = self.guarded(env, shared);
                keyspace.projections().into_iter().for_each(|projections| projections.call(env));
                if matches!(outcome, Outcome::Closed(_)) {
                    keyspace.set_followed(false);
                }
                outcome
            }
            Entry::Over => Outcome::Closed(End::Stopped),
            Entry::Held => {
                shared.starve();
                no_credit(shared)
            }
        }
    }

    /// A panic ends the link. The turn is kept until the applier has seen to the store.
    fn guarded(&mut self, env: Env<'_>, shared: &Shared) -> Outcome {
        let outcome = panics::catch(|| self.work(env, shared));
        shared.loan.give_back();
        outcome.unwrap_or_else(|panic| {
            let heals = self.applier.as_mut().is_some_and(|applier| applier.give_up());
            Outcome::Closed(End::panicked(panic, heals))
        })
    }

    fn work(&mut self, env: Env<'_>, shared: &Shared) -> Outcome {
        let began = Instant::now();
        let mut sent = 0;
        self.is_brisk = self.streamed >= BRISK;
        self.streamed = 0;
        if self.batch.is_full() && !self.flush(env, shared) {
            return no_credit(shared);
        }
        loop {
            if shared.is_stopped() {
                return Outcome::Closed(End::Stopped);
            }
            if self.end.is_none() {
                let decoded = self.decode_within_memory(shared);
                self.tell(env);
                match decoded {
                    Ok(Decoded::Full) => {
                        std::thread::sleep(CLEARING);
                        return Outcome::More;
                    }
                    Ok(Decoded::Part) => continue,
                    Ok(Decoded::All) if !self.has_room(shared) => return no_credit(shared),
                    Ok(Decoded::All) => {}
                    Ok(Decoded::Held) => {
                        self.flush(env, shared);
                        shared.starve();
                        return no_credit(shared);
                    }
                    Ok(Decoded::Batch) if !self.may_go_on(env, shared) => return no_credit(shared),
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
                None if !self.flush(env, shared) => {
                    if !shared.receives() || self.batch.is_full() || self.is_idle(shared) {
                        return no_credit(shared);
                    }
                }
                None => match self.end.take() {
                    Some(end) => return Outcome::Closed(end),
                    None if self.is_idle(shared) => {
                        self.streamed = 0;
                        return Outcome::Wait;
                    }
                    None => {}
                },
                Some(chunk) if !self.is_ready(&chunk, env, shared) => {
                    self.held = Some(chunk);
                    return no_credit(shared);
                }
                Some(chunk) => {
                    if let Err(end) = self.take(chunk, env, shared) {
                        self.fail(end);
                    }
                    if self.loaded.is_some() && !self.flush(env, shared) {
                        return no_credit(shared);
                    }
                }
            }
            if began.elapsed() > self.longest() {
                return Outcome::More;
            }
        }
    }

    /// Sends the batch, or waits with it while there is room for more.
    fn may_go_on(&mut self, env: Env<'_>, shared: &Shared) -> bool {
        self.flush(env, shared) || (shared.receives() && !self.batch.is_full())
    }

    /// Whether more may be decoded: a large value must not grow beside another that the server has
    /// not handled yet.
    fn has_room(&self, shared: &Shared) -> bool {
        !(self.batch.is_within_key() && self.batch.is_full()) || shared.may_send()
    }

    /// Whether the server has got, or handled, what it must have before this.
    fn is_ready(&mut self, chunk: &Chunk, env: Env<'_>, shared: &Shared) -> bool {
        match chunk {
            Chunk::Snapshot(_) | Chunk::Stream(_) => true,
            // readers get the snapshot when all of its events have been handled
            Chunk::SnapshotEnd if self.applier.is_some() => {
                self.flush(env, shared) && shared.is_all_handled() && self.may_publish(env, shared)
            }
            _ => self.flush(env, shared),
        }
    }

    /// Whether readers may get the snapshot instead of what they have, if they have anything.
    fn may_publish(&mut self, env: Env<'_>, shared: &Shared) -> bool {
        let (Some(part), Phase::Loading(load)) = (&mut self.part, &self.phase) else { return true };
        let has_readers = self.applier.as_ref().is_some_and(|applier| applier.has_readers());
        let may = !has_readers || part.admits_snapshot(load.offset);
        if !may {
            shared.starve();
        }
        part.tell(env);
        may
    }

    /// Ends the link when the complete events have been sent, without the key that has begun.
    fn fail(&mut self, end: End) {
        self.batch.abandon_key();
        self.end = Some(end);
    }

    /// The next chunk, unless there is none or the link has ended.
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
        match waiting::receive(&self.chunks, self.wait(), shared) {
            Ok(chunk) => Some(chunk),
            Err(RecvTimeoutError::Timeout) => None,
            Err(RecvTimeoutError::Disconnected) => {
                self.fail(shared.take_end().unwrap_or(End::Stopped));
                None
            }
        }
    }

    fn longest(&self) -> Duration {
        match (&self.phase, &self.applier) {
            (Phase::Loading(_), Some(_)) if !self.events => LOADING,
            _ => TIME,
        }
    }

    /// Whether to wait for more before this slice returns. Mostly more is coming, of a snapshot and of a
    /// brisk stream, but events and projections must not wait for it.
    fn wait(&self) -> Wait {
        match (&self.phase, &self.applier) {
            (Phase::Start, _) => Wait::No,
            (Phase::Loading(_), Some(_)) if !self.events => Wait::LongOrShort,
            (Phase::Loading(_), _) => Wait::Short,
            (Phase::Streaming(_), Some(applier)) if !self.events && applier.may_wait() => {
                let is_brisk = self.is_brisk || self.streamed >= BRISK;
                if is_brisk { Wait::Long } else { Wait::No }
            }
            (Phase::Streaming(_), _) => Wait::No,
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

    /// Decodes, unless the keyspace takes as much as it may.
    fn decode_within_memory(&mut self, shared: &Shared) -> Result<Decoded, End> {
        if !self.has_memory(false)? {
            return Ok(Decoded::Full);
        }
        let decoded = self.decode(shared)?;
        let is_decoded = matches!(decoded, Decoded::All);
        Ok(if self.has_memory(is_decoded)? { decoded } else { Decoded::Full })
    }

    /// `is_decoded` is whether all bytes at hand are, except those of a string that is not whole.
    fn has_memory(&self, is_decoded: bool) -> Result<bool, End> {
        match (&self.applier, &self.phase) {
            (None, _) | (_, Phase::Start) => Ok(true),
            (Some(applier), Phase::Loading(load)) => {
                applier.has_room(Some(&load.progress(is_decoded)))
            }
            (Some(applier), Phase::Streaming(_)) => applier.has_room(None),
        }
    }

    /// Decodes into the batch until it is full or the bytes end.
    fn decode(&mut self, shared: &Shared) -> Result<Decoded, End> {
        match &mut self.phase {
            Phase::Start => Ok(Decoded::All),
            Phase::Loading(load) => {
                let intake = self.applier.as_mut().and_then(|applier| applier.intake());
                let (decoded, keys) = load.decode(intake, &mut self.batch, self.events)?;
                shared.counters.keys.store(keys, Ordering::Relaxed);
                Ok(decoded)
            }
            Phase::Streaming(stream) => {
                let (batch, applier) = (&mut self.batch, self.applier.as_deref_mut());
                let part = self.part.as_deref_mut();
                let (events, now) = (self.events, clock::now());
                let mut to = Target { batch, applier, part, events, now };
                let before = shared.counters.commands.load(Ordering::Relaxed);
                let decoded = stream.decode(&mut to, shared);
                shared.counters.offset.store(stream.offset(), Ordering::Relaxed);
                shared.receive(stream.safe_position().offset);
                if let Some(applier) = to.applier {
                    let safe = stream.safe_position();
                    applier.applied(safe.offset, safe.db, decoded.as_ref().err());
                    let after = shared.counters.commands.load(Ordering::Relaxed);
                    note_applied(shared, safe.offset, after - before);
                }
                decoded
            }
        }
    }

    /// What others are to know of the stream and of the keyspace.
    fn tell(&mut self, env: Env<'_>) {
        self.tell_cluster(env);
        let Some(applier) = &mut self.applier else { return };
        applier.notify(env);
        for news in applier.take_news() {
            match &news {
                applier::News::Refused { command, reason } => {
                    News::Refused { command, reason }.send(env, self.server);
                }
                applier::News::Lost => News::Lost.send(env, self.server),
            }
        }
    }

    fn tell_cluster(&mut self, env: Env<'_>) {
        let Some(part) = &mut self.part else { return };
        part.tell(env);
        if let (false, Phase::Streaming(stream)) = (self.events, &self.phase) {
            part.seat.handled(env, stream.safe_position().offset);
        }
    }

    fn take(&mut self, chunk: Chunk, env: Env<'_>, shared: &Shared) -> Result<(), End> {
        match (chunk, &mut self.phase) {
            (Chunk::Stream(bytes), Phase::Streaming(stream)) => {
                stream.feed(&bytes);
                self.streamed += bytes.len();
                shared.keep_spare(bytes);
            }
            (Chunk::Snapshot(bytes), Phase::Loading(load)) => {
                shared.counters.bytes.fetch_add(bytes.len() as u64, Ordering::Relaxed);
                shared.keep_spare(load.decoder.feed_piece(bytes));
            }
            (Chunk::Peer(peer), Phase::Start) => News::Peer(&peer).send(env, self.server),
            (Chunk::Granted, Phase::Start) => News::Granted.send(env, self.server),
            (Chunk::Full { replid, offset, bytes, master }, Phase::Start) => {
                let decoder = Decoder::with_limits(self.limits.of_snapshot());
                // one of unknown length goes on until a mark comes, which may be missing
                let decoder = if bytes.is_none() { decoder.exact() } else { decoder };
                let (id, master) = (replid.as_deref(), master.as_str());
                News::Full { replid: id, offset, bytes, master }.send(env, self.server);
                if let Some(seat) = self.part.as_ref().map(|part| &part.seat) {
                    seat.restart(offset);
                }
                if let Some(applier) = &mut self.applier {
                    let seat = self.part.as_ref().map(|part| part.seat.clone());
                    applier.begin(self.limits.max_value, seat.filter(|_| !self.events));
                }
                self.phase = Phase::Loading(Box::new(Load::new(decoder, offset, replid, bytes)));
            }
            (Chunk::SnapshotEnd, Phase::Loading(load)) => {
                load.decoder.finish()?;
                shared.set_snapshot_good();
                shared.drop_spares();
                let (offset, bytes) = (load.offset, load.decoder.offset());
                let limits = self.limits.of_stream(load.replid.is_none());
                let (keys, db, left_out) = match &mut self.applier {
                    None => {
                        let batch = &mut self.batch;
                        (batch.keys(), batch.stream_db(), batch.left_out.take())
                    }
                    Some(applier) => {
                        let left_out = applier.intake().and_then(Intake::take_left_out);
                        let replid = load.replid.as_deref();
                        let (keys, db) = applier.loaded(replid, offset, shared.learned())?;
                        applier.notify(env);
                        (keys, db, left_out)
                    }
                };
                shared.receive(offset);
                // Keys that came over minutes would count as if they had come now.
                note_applied(shared, offset, 0);
                self.stream(Tracker::new(offset, db), limits, None, shared);
                self.loaded = Some(Loaded { keys, bytes, offset, db, left_out });
            }
            (Chunk::Continue { replid, master }, Phase::Start) => {
                let start = self.start.take().ok_or(End::Confused)?;
                let (replid, master) = (replid.as_deref(), master.as_str());
                if let Some(applier) = &mut self.applier {
                    let goes_on_as = replid.unwrap_or(start.replid());
                    if !start.is_of(goes_on_as) {
                        applier.keyspace().forget_position();
                        return Err(End::Parted);
                    }
                    applier.resume(goes_on_as, shared.learned())?;
                }
                let (limits, offset) = (self.limits.of_stream(false), start.handled.now.offset);
                if let Some(part) = &self.part {
                    part.seat.resume(env, start.handled.safe.offset, replid.is_some());
                }
                shared.receive(start.handled.safe.offset);
                self.stream(start.tracker(), limits, Some(start), shared);
                News::Partial { replid, offset, master }.send(env, self.server);
            }
            _ => return Err(End::Confused),
        }
        Ok(())
    }

    /// The stream begins, behind the snapshot or where it goes on.
    fn stream(
        &mut self,
        tracker: Tracker,
        limits: resp::Limits,
        start: Option<Start>,
        shared: &Shared,
    ) {
        let open = start.as_ref().is_some_and(Start::is_open);
        let handled = start.map(|start| start.handled);
        let until = handled.as_ref().map(|handled| handled.now.offset);
        let sieve = Sieve::new(&self.batch, shared.learned(), open, until);
        self.phase = Phase::Streaming(Box::new(Stream::new(tracker, limits, sieve, handled)));
    }

    /// Sends the batch, if it holds anything that can be sent. False: there is no credit for it, or the
    /// projections have not taken in what is applied.
    fn flush(&mut self, env: Env<'_>, shared: &Shared) -> bool {
        if !self.applier.as_ref().is_none_or(|applier| applier.is_settled()) {
            shared.starve();
            return false;
        }
        self.loaded.take().into_iter().for_each(|loaded| loaded.send(env, self.server));
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
}

/// A server that has stopped gives no more credit, and the I/O thread, which would wake the link,
/// may have ended before.
fn no_credit(shared: &Shared) -> Outcome {
    if shared.is_stopped() { Outcome::Closed(End::Stopped) } else { Outcome::NoCredit }
}

/// Everything up to this offset has been applied, `count` commands more than before.
fn note_applied(shared: &Shared, offset: u64, count: u64) {
    if let Some(feed) = &shared.flow.keyspace {
        feed.count(count);
        feed.handle(offset);
    }
}
