//! How much of a stream has arrived, and since when some of it waits to be handled.
//!
//! Under load there is always something that has just arrived. So what counts is not whether
//! everything has been handled, but since when not everything has that had arrived by then. While
//! the socket is not read to its end, the master may have more than is known here: no later moment
//! can be trusted then.

use std::collections::VecDeque;
use std::time::Duration;

/// The least time between two moments that are remembered.
const SPACING: Duration = Duration::from_millis(5);
/// A wait is known to this fraction of it.
const PRECISION: u32 = 64;

/// What has arrived of a stream. Times are those of any clock that never goes back.
#[derive(Debug)]
pub struct Arrivals {
    /// The offset behind all that has been read.
    end: u64,
    /// Whether there was no more to read when it was tried last.
    is_drained: bool,
    /// What had arrived by then has been handled.
    caught_up: Duration,
    /// What had arrived by a time, the earliest first: not all of it has been handled.
    marks: VecDeque<(u64, Duration)>,
}

impl Arrivals {
    /// The stream begins at this offset, which is as the master was at this time.
    pub fn new(offset: u64, at: Duration) -> Self {
        Self { end: offset, is_drained: false, caught_up: at, marks: VecDeque::new() }
    }

    /// Bytes have been read. `handled` is the offset up to which everything has been handled.
    pub fn read(&mut self, bytes: u64, handled: u64, now: Duration) {
        if std::mem::take(&mut self.is_drained) {
            self.mark(handled, now);
        }
        self.end += bytes;
    }

    /// All that had arrived before has been read.
    fn mark(&mut self, handled: u64, now: Duration) {
        self.pass(handled);
        if handled >= self.end {
            self.caught_up = now;
            return;
        }
        let oldest = self.marks.front().map_or(now, |(_, at)| *at);
        let spacing = SPACING.max(now.saturating_sub(oldest) / PRECISION);
        if self.marks.back().is_none_or(|(_, at)| now.saturating_sub(*at) >= spacing) {
            self.marks.push_back((self.end, now));
        }
    }

    fn pass(&mut self, handled: u64) {
        while let Some((_, at)) = self.marks.pop_front_if(|(offset, _)| *offset <= handled) {
            self.caught_up = at;
        }
    }

    /// There is nothing more to read for now.
    pub fn drained(&mut self) {
        self.is_drained = true;
    }

    /// The offset behind all that has been read.
    pub fn end(&self) -> u64 {
        self.end
    }

    /// Since when not everything has been handled that has arrived; `None` if everything has.
    pub fn behind_since(&mut self, handled: u64) -> Option<Duration> {
        self.pass(handled);
        (handled < self.end || !self.is_drained).then_some(self.caught_up)
    }

    /// How many moments are remembered.
    pub fn remembered(&self) -> usize {
        self.marks.len()
    }
}
