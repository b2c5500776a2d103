//! Positions in the command stream: offset, selected db, transaction.

use crate::resp::Command;

/// A position in the command stream, between two commands.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub struct Position {
    /// The replication offset, in bytes, as the master counts it.
    pub offset: u64,
    /// The db that the next command is for.
    pub db: u32,
    /// Whether the position lies within `MULTI … EXEC`.
    pub in_transaction: bool,
}

/// A `SELECT` without a valid db.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("expected the number of a db after SELECT, found {}", shown(found.as_deref()))]
pub struct BadSelect {
    /// The argument's first 64 bytes; `None` if it is missing.
    pub found: Option<Vec<u8>>,
}

fn shown(found: Option<&[u8]>) -> String {
    found.map_or_else(|| "nothing".to_owned(), |found| format!("'{}'", found.escape_ascii()))
}

/// Follows the stream, command by command.
#[derive(Debug, Clone)]
pub struct Tracker {
    now: Position,
    safe: Position,
}

impl Tracker {
    /// Starts outside a transaction: at the offset of `+FULLRESYNC` and the snapshot's last db, or
    /// at the offset and db to resume from.
    pub fn new(offset: u64, db: u32) -> Self {
        let now = Position { offset, db, in_transaction: false };
        Self { now, safe: now }
    }

    /// Goes on at `now`, which may lie within a transaction; `safe` is before that.
    pub fn resume(now: Position, safe: Position) -> Self {
        Self { now, safe }
    }

    /// Moves behind `command`.
    ///
    /// # Errors
    /// When it is a `SELECT` with a bad argument. Nothing has moved then.
    #[inline]
    pub fn apply(&mut self, command: &Command<'_>) -> Result<(), BadSelect> {
        self.follow(command)?;
        self.advance(command.len());
        Ok(())
    }

    /// Takes the db and the transaction from `command`, which has no bytes of its own in the
    /// stream.
    ///
    /// # Errors
    /// When it is a `SELECT` with a bad argument. Nothing has changed then.
    #[inline]
    pub fn follow(&mut self, command: &Command<'_>) -> Result<(), BadSelect> {
        let name = command.name();
        match name.len() {
            4 | 7 if is(name, b"EXEC") || is(name, b"DISCARD") => self.now.in_transaction = false,
            5 if is(name, b"MULTI") => self.now.in_transaction = true,
            6 if is(name, b"SELECT") => self.now.db = selected(command.args().get(0))?,
            _ => {}
        }
        Ok(())
    }

    /// Selects a db.
    pub fn select(&mut self, db: u32) {
        self.now.db = db;
    }

    /// Moves behind `length` bytes.
    #[inline]
    pub fn advance(&mut self, length: u64) {
        self.now.offset += length;
        if !self.now.in_transaction {
            self.safe = self.now;
        }
    }

    /// Behind the last command.
    pub fn position(&self) -> Position {
        self.now
    }

    /// The last position outside a transaction: one to resume from.
    pub fn safe(&self) -> Position {
        self.safe
    }
}

#[cold]
fn selected(arg: Option<&[u8]>) -> Result<u32, BadSelect> {
    let bad = || BadSelect { found: arg.map(|arg| arg[..arg.len().min(64)].to_vec()) };
    arg.and_then(db).ok_or_else(bad)
}

fn is(name: &[u8], upper: &[u8]) -> bool {
    name.eq_ignore_ascii_case(upper)
}

/// A db number as a master writes it: decimal digits, within its 31 bits.
fn db(arg: &[u8]) -> Option<u32> {
    if !arg.iter().all(u8::is_ascii_digit) {
        return None;
    }
    let number: i32 = std::str::from_utf8(arg).ok()?.parse().ok()?;
    u32::try_from(number).ok()
}
