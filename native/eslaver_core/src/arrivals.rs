//! How much of a stream has arrived and is not handled yet, and since when.
//!
//! Under load there is always something that has just arrived. So what counts is not whether
//! everything has been handled, but since when not everything has that had arrived by then. While
//! the socket is not read to its end, the master may have more than is known here: no later moment
//! can be trusted then.
//!
//! Times are those of any clock that never goes back.

use std::collections::VecDeque;
use std::time::Duration;

/// The least time between two moments that are remembered.
const SPACING: Duration = Duration::from_millis(5);
/// A wait is known to this fraction of it.
const PRECISION: u32 = 64;
/// The time over which events are counted.
const WINDOW: Duration = Duration::from_secs(1);

/// What has arrived of a stream, and what of it has been handled. It outlives the links that bring
/// the stream.
#[derive(Debug)]
pub struct Arrivals {
    /// Whether a link brings the stream.
    is_followed: bool,
    /// The offset behind all that has been read.
    end: u64,
    /// The offset that the master is known to have reached.
    known: u64,
    /// The offset behind all that has been handled. `None`: a snapshot is to be handled first.
    handled: Option<u64>,
    /// Whether there was no more to read when it was tried last.
    is_drained: bool,
    /// What had arrived by then has been handled.
    caught_up: Duration,
    /// What had arrived by a time, the earliest first: not all of it has been handled.
    marks: VecDeque<(u64, Duration)>,
}

impl Arrivals {
    /// Nothing is known yet.
    pub fn new(now: Duration) -> Self {
        Self {
            is_followed: false,
            end: 0,
            known: 0,
            handled: None,
            is_drained: false,
            caught_up: now,
            marks: VecDeque::new(),
        }
    }

    /// A snapshot follows that is as the master is now, and then the stream from this offset on.
    pub fn renew(&mut self, offset: u64, now: Duration) {
        self.begin(offset, None);
        self.marks.push_back((offset, now));
    }

    /// The stream goes on from this offset.
    pub fn resume(&mut self, offset: u64, handled: u64) {
        self.begin(offset, Some(handled));
    }

    fn begin(&mut self, offset: u64, handled: Option<u64>) {
        self.is_followed = true;
        self.is_drained = false;
        (self.end, self.known, self.handled) = (offset, offset, handled);
        self.marks.clear();
    }

    /// There is no link any more: the master may have more, and nobody tells.
    pub fn lose(&mut self, now: Duration) {
        if self.behind_since().is_none() {
            self.caught_up = now;
        }
        self.is_followed = false;
    }

    /// Bytes have been read.
    pub fn read(&mut self, bytes: u64, now: Duration) {
        if std::mem::take(&mut self.is_drained) {
            self.mark(self.known, now);
        }
        self.end += bytes;
        self.known = self.known.max(self.end);
    }

    /// What has been read now was all that there was. There may be more before anybody looks again.
    pub fn read_all(&mut self, now: Duration) {
        if self.end >= self.known {
            self.mark(self.end, now);
        }
    }

    /// There is nothing more to read for now.
    pub fn drain(&mut self, now: Duration) {
        self.is_drained = true;
        if self.is_handled(self.known) {
            self.caught_up = now;
        }
    }

    /// The master says that it has reached this offset.
    pub fn know(&mut self, offset: u64, now: Duration) {
        self.known = self.known.max(offset);
        self.mark(offset, now);
    }

    /// Everything up to this offset has been handled. A stream may begin before what has been.
    pub fn handle(&mut self, offset: u64) {
        let offset = self.handled.map_or(offset, |before| before.max(offset));
        self.handled = Some(offset);
        while let Some((mark, at)) = self.marks.front().copied()
            && mark <= offset
        {
            self.marks.pop_front();
            self.caught_up = self.caught_up.max(at);
        }
    }

    /// Now there is nothing behind this offset.
    fn mark(&mut self, offset: u64, now: Duration) {
        if self.is_handled(offset) {
            self.caught_up = now;
            return;
        }
        let oldest = self.marks.front().map_or(now, |(_, at)| *at);
        let spacing = SPACING.max(now.saturating_sub(oldest) / PRECISION);
        let is_apart =
            |(last, at): &(u64, Duration)| *last <= offset && now.saturating_sub(*at) >= spacing;
        if self.marks.back().is_none_or(is_apart) {
            self.marks.push_back((offset, now));
        }
    }

    fn is_handled(&self, offset: u64) -> bool {
        self.handled.is_some_and(|handled| handled >= offset)
    }

    /// The bytes that have not been handled, beside this number that has not been read. `None`: a
    /// snapshot is to be handled first.
    pub fn unhandled(&self, unread: u64) -> Option<u64> {
        let known = self.known.max(self.end.saturating_add(unread));
        self.handled.map(|handled| known.saturating_sub(handled))
    }

    /// The offset behind all that has been handled.
    pub fn handled(&self) -> Option<u64> {
        self.handled
    }

    /// Since when not everything has been handled that there is; `None` if everything has.
    pub fn behind_since(&self) -> Option<Duration> {
        let is_complete = self.is_followed && self.is_drained && self.is_handled(self.known);
        (!is_complete).then_some(self.caught_up)
    }

    /// How many moments are remembered.
    pub fn remembered(&self) -> usize {
        self.marks.len()
    }
}

/// How many events there are in a second: in the last one, or in the one before that.
#[derive(Debug, Default)]
pub struct Rate {
    began: Duration,
    count: u64,
    before: u64,
}

impl Rate {
    /// Counts this many more.
    pub fn add(&mut self, count: u64, now: Duration) {
        if now.saturating_sub(self.began) >= WINDOW {
            self.before = self.per_second(now);
            (self.began, self.count) = (now, 0);
        }
        self.count += count;
    }

    /// How many there are in a second.
    pub fn per_second(&self, now: Duration) -> u64 {
        let elapsed = now.saturating_sub(self.began);
        match () {
            () if elapsed < WINDOW => self.before,
            () if elapsed >= 2 * WINDOW => 0,
            () => (self.count as f64 / elapsed.as_secs_f64()).round() as u64,
        }
    }
}
