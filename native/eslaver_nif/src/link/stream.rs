//! The command stream, decoded into the batch.

use std::sync::atomic::Ordering;

use eslaver_core::position::{Position, Tracker};
use eslaver_core::replay::{self, Replay, Replayed};
use eslaver_core::resp::{self, AHEAD, Command, Commands};
use smallvec::SmallVec;

use crate::link::end::End;
use crate::link::part::Judged;
use crate::link::shared::Shared;
use crate::link::sieve::{Sieve, Target};
use crate::link::start::Place;

/// A name is a list of characters in classic events, at 16 bytes each.
const MAX_NAME: usize = 256;

/// The commands that are applied before the position moves on. Each time costs as much as some commands.
const PART: u64 = 128;

/// Why decoding paused.
pub(crate) enum Decoded {
    /// The bytes at hand are used up.
    All,
    /// Others are to see what has been applied; there is more.
    Part,
    /// The batch should go out now.
    Batch,
    /// The keyspace has no room now.
    Full,
    /// What comes next must wait for another shard's stream.
    Held,
}

pub(crate) struct Stream {
    commands: Commands,
    /// The offset of its first byte.
    begins: u64,
    tracker: Tracker,
    limits: resp::Limits,
    sieve: Sieve,
    /// What the server had before ends here; the stream may have begun before.
    handled: Option<Place>,
    /// What is left of the last command.
    wrapped: Option<Wrapped>,
}

impl Stream {
    pub(crate) fn new(
        tracker: Tracker,
        limits: resp::Limits,
        sieve: Sieve,
        handled: Option<Place>,
    ) -> Self {
        let begins = tracker.position().offset;
        let commands = Commands::new(limits);
        Self { commands, begins, tracker, limits, sieve, handled, wrapped: None }
    }

    pub(crate) fn feed(&mut self, bytes: &[u8]) {
        self.commands.feed(bytes);
    }

    /// The offset behind what has been decoded.
    pub(crate) fn offset(&self) -> u64 {
        self.tracker.position().offset
    }

    /// The last position outside a transaction.
    pub(crate) fn safe_position(&self) -> Position {
        self.tracker.safe()
    }

    /// The position behind the events so far, and the last one outside a transaction.
    pub(crate) fn handled(&self) -> (Position, Position) {
        match &self.handled {
            Some(before) if self.offset() < before.now.offset => (before.now, before.safe),
            _ => (self.position(), self.safe_position()),
        }
    }

    /// The position to go on from behind what has been decoded. Behind a `MULTI` that was not
    /// delivered, or within a command that wraps others, it is the one before: whoever goes on from
    /// there has to see that again.
    fn position(&self) -> Position {
        let now = self.tracker.position();
        match &self.wrapped {
            _ if now.in_transaction && !self.sieve.is_open() => self.safe_position(),
            Some(wrapped) => wrapped.before,
            None => now,
        }
    }

    /// Decodes until the batch should go out or the bytes end.
    pub(crate) fn decode(&mut self, to: &mut Target<'_>, shared: &Shared) -> Result<Decoded, End> {
        let Self { commands, begins, tracker, limits, sieve, wrapped, .. } = self;
        let mut count = 0;
        let decoded = loop {
            if let Some(mut rest) = wrapped.take() {
                rest.decode(*limits, tracker, sieve, to)?;
                *wrapped = Some(rest).filter(|rest| !rest.replay.is_empty());
                if to.batch.is_full() {
                    break Decoded::Batch;
                }
            }
            if let Some(applier) = &mut to.applier {
                let mut keys = SmallVec::<[&[u8]; AHEAD]>::new();
                commands.read_ahead(|key| keys.push(key));
                applier.warm(tracker.position().db, &keys);
            }
            let Some(command) = commands.next()? else {
                break Decoded::All;
            };
            let before = tracker.position();
            let at = before.offset.wrapping_sub(*begins);
            check_name(&command, at)?;
            let Some(judged) = to.judge(sieve.learned(), &command, before, tracker.safe()) else {
                commands.give_back();
                break Decoded::Held;
            };
            let replay = replay::is_replay(&command).then(|| Replay::read(&command, *limits));
            match replay.flatten() {
                None => {
                    tracker.apply(&command).map_err(|error| End::Select { at, error })?;
                    sieve.take(&command, before, tracker.position(), judged, to);
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
            if asked || to.batch.is_full() {
                break Decoded::Batch;
            }
            if let Some(applier) = &to.applier {
                if applier.is_over() {
                    break Decoded::Full;
                }
                if count == PART {
                    break Decoded::Part;
                }
            }
        };
        shared.counters.commands.fetch_add(count, Ordering::Relaxed);
        Ok(decoded)
    }
}

/// Commands that another wraps.
struct Wrapped {
    replay: Replay,
    /// The bytes of the whole.
    length: u64,
    /// Where it begins: as bytes of the stream, and as a position.
    at: u64,
    before: Position,
}

impl Wrapped {
    /// Decodes until the batch is full or nothing is left.
    fn decode(
        &mut self,
        limits: resp::Limits,
        tracker: &mut Tracker,
        sieve: &mut Sieve,
        to: &mut Target<'_>,
    ) -> Result<(), End> {
        let at = self.at;
        while let Some(Replayed { db, bytes, is_last }) = self.replay.take() {
            let mut parser = Commands::new(limits);
            parser.feed(bytes);
            let Some(command) = parser.next()? else { continue };
            check_name(&command, at)?;
            if let Some(db) = db {
                tracker.select(db);
                sieve.tell_db(tracker.position(), to.batch);
            }
            let before = tracker.position();
            tracker.follow(&command).map_err(|error| End::Select { at, error })?;
            if is_last {
                tracker.advance(self.length);
            }
            sieve.take(&command, before, tracker.position(), Judged::default(), to);
            // what is applied is applied whole, as a position within it cannot be resumed from
            if to.batch.is_full() && to.applier.is_none() {
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

fn is_getack(command: &Command<'_>) -> bool {
    command.name().eq_ignore_ascii_case(b"REPLCONF")
        && command.args().get(0).is_some_and(|arg| arg.eq_ignore_ascii_case(b"GETACK"))
}
