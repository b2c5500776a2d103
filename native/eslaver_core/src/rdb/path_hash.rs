//! Path hashes (Valkey 9.2): paths, each with fields and values.

use super::cursor::{Cursor, Read};
use super::element::add_pair;
use super::error::ErrorKind;
use super::seen::Seen;
use super::sink::{Sink, check_room};

/// What is read next.
#[derive(Clone, Copy)]
enum State {
    Count,
    Path { left: u64 },
    FieldCount { left: u64 },
    Field { paths: u64, left: u64 },
}

/// A path hash being read.
pub(crate) struct PathHash {
    state: State,
    paths: Seen,
}

impl PathHash {
    pub(crate) fn new() -> Self {
        Self { state: State::Count, paths: Seen::new() }
    }

    /// Reads one element. Returns whether it was the last. `seen` has the fields of the current
    /// path.
    pub(crate) fn step<S: Sink>(
        &mut self,
        cursor: &mut Cursor<'_>,
        seen: &mut Seen,
        sink: &mut S,
    ) -> Read<bool> {
        self.state = match self.state {
            State::Count => State::Path { left: cursor.length()? },
            State::Path { left } => {
                let path = cursor.string()?.decode()?;
                self.paths.add(path.item())?;
                sink.path(path.item());
                seen.clear();
                State::FieldCount { left: left - 1 }
            }
            State::FieldCount { left } => field_count(cursor, left)?,
            State::Field { paths, left } => {
                let (field, value) = (cursor.string()?, cursor.string()?);
                add_pair(&field, &value, seen, sink)?;
                after_field(paths, left)
            }
        };
        check_room(sink)?;
        Ok(self.is_behind())
    }

    /// Reads the next count. Returns the number of strings up to the count after it.
    pub(crate) fn strings(&mut self, cursor: &mut Cursor<'_>) -> Read<u64> {
        let (state, strings) = match self.state {
            State::Count => (State::Path { left: cursor.length()? }, 0),
            State::Path { left } => (State::FieldCount { left: left - 1 }, 1),
            State::FieldCount { left } => (field_count(cursor, left)?, 0),
            State::Field { paths, left } => (State::Path { left: paths }, left.saturating_mul(2)),
        };
        self.state = state;
        Ok(strings)
    }

    pub(crate) fn is_behind(&self) -> bool {
        matches!(self.state, State::Path { left: 0 })
    }
}

fn field_count(cursor: &mut Cursor<'_>, paths: u64) -> Read<State> {
    match cursor.length()? {
        0 => Err(ErrorKind::EmptyPath.into()),
        left => Ok(State::Field { paths, left }),
    }
}

fn after_field(paths: u64, left: u64) -> State {
    match left {
        1 => State::Path { left: paths },
        left => State::Field { paths, left: left - 1 },
    }
}
