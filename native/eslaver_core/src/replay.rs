//! KeyDB's `RREPLAY uuid commands [db [timestamp]]`: an active replica wraps each write in one.
//! Writes that it passes on for another are wrapped once more.

use std::collections::VecDeque;
use std::ops::Range;

use crate::resp::{Args, Command, Commands, Limits};

/// Masters that pass on to each other nest fewer.
const MAX_DEPTH: usize = 16;

/// Whether a command wraps others.
#[inline]
pub fn is_replay(command: &Command<'_>) -> bool {
    command.name().eq_ignore_ascii_case(b"RREPLAY")
}

/// The commands that one wraps, to be taken in order. Nested or not, their bytes are held once.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Replay {
    bytes: Vec<u8>,
    parts: VecDeque<Part>,
}

/// A command that was wrapped.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Replayed<'a> {
    /// The db that is selected before it, which stays selected.
    pub db: Option<u32>,
    /// The command, as it would stand in a stream.
    pub bytes: &'a [u8],
    /// Whether it is the last one.
    pub is_last: bool,
}

/// A range of the bytes.
#[derive(Debug, Clone, PartialEq, Eq)]
struct Part {
    range: Range<usize>,
    db: Option<u32>,
    /// Whether it is the body of an `RREPLAY`, not a command.
    is_body: bool,
}

impl Replay {
    /// The commands that `replay` wraps, or `None` if a replica of KeyDB would reject it.
    pub fn read(replay: &Command<'_>, limits: Limits) -> Option<Self> {
        let args = replay.args();
        let bytes = args.get(1)?.to_vec();
        let body = Part { range: 0..bytes.len(), db: own_db(&args, None)?, is_body: true };
        let mut found = Self { bytes, parts: VecDeque::from([body]) };
        let limits = Limits { inline: false, ..limits };
        let mut depth = 0;
        while found.parts.iter().any(|part| part.is_body) {
            if depth == MAX_DEPTH {
                return None;
            }
            found.unwrap_once(limits)?;
            depth += 1;
        }
        Some(found)
    }

    /// Whether all have been taken.
    pub fn is_empty(&self) -> bool {
        self.parts.is_empty()
    }

    /// The next command.
    pub fn take(&mut self) -> Option<Replayed<'_>> {
        let Part { range, db, .. } = self.parts.pop_front()?;
        let bytes = self.bytes.get(range)?;
        Some(Replayed { db, bytes, is_last: self.parts.is_empty() })
    }

    /// Replaces each body by its commands. Bodies among these wait for the next call: only one body
    /// at a time is copied to a parser.
    fn unwrap_once(&mut self, limits: Limits) -> Option<()> {
        let mut found = VecDeque::new();
        for part in std::mem::take(&mut self.parts) {
            match part.is_body {
                true => self.unwrap(&part, limits, &mut found)?,
                false => found.push_back(part),
            }
        }
        self.parts = found;
        Some(())
    }

    fn unwrap(&self, body: &Part, limits: Limits, found: &mut VecDeque<Part>) -> Option<()> {
        let mut parser = Commands::new(limits);
        parser.feed(self.bytes.get(body.range.clone())?);
        let mut start = body.range.start;
        let mut db = body.db;
        while let Some(command) = parser.next().ok()? {
            let end = start + usize::try_from(command.len()).ok()?;
            let select = db.take();
            found.push_back(match is_replay(&command) {
                true => {
                    let body = command.argument_range(1)?;
                    let range = start + body.start..start + body.end;
                    Part { range, db: own_db(&command.args(), select)?, is_body: true }
                }
                false => Part { range: start..end, db: select, is_body: false },
            });
            start = end;
        }
        (start == body.range.end && start > body.range.start).then_some(())
    }
}

/// The db that an `RREPLAY` names, or else `outer`.
fn own_db(args: &Args<'_>, outer: Option<u32>) -> Option<Option<u32>> {
    match args.get(2) {
        Some(own) => number(own).map(Some),
        None => Some(outer),
    }
}

fn number(arg: &[u8]) -> Option<u32> {
    let number: i32 = std::str::from_utf8(arg).ok()?.parse().ok()?;
    u32::try_from(number).ok()
}
