//! Path hashes (Valkey 9.2): paths, each with fields and values.

use super::cursor::{Cursor, Read};
use super::element::add_pair;
use super::error::ErrorKind;
use super::seen::Seen;
use super::sink::{Sink, check_room};

/// What is read next.
#[derive(Clone, Copy)]
enum Place {
    Count,
    Path { left: u64 },
    FieldCount { left: u64 },
    Field { paths: u64, left: u64 },
}

/// A path hash being read.
pub(crate) struct PathHash {
    place: Place,
    paths: Seen,
}

impl PathHash {
    pub(crate) fn new() -> Self {
        Self { place: Place::Count, paths: Seen::new() }
    }

    /// Reads one element; true when it was the last. The fields of a path are `seen`.
    pub(crate) fn step<S: Sink>(
        &mut self,
        cursor: &mut Cursor<'_>,
        seen: &mut Seen,
        sink: &mut S,
    ) -> Read<bool> {
        self.place = match self.place {
            Place::Count => Place::Path { left: cursor.length()? },
            Place::Path { left } => {
                let path = cursor.string()?.decode()?;
                self.paths.add(path.item())?;
                sink.path(path.item());
                seen.clear();
                Place::FieldCount { left: left - 1 }
            }
            Place::FieldCount { left } => field_count(cursor, left)?,
            Place::Field { paths, left } => {
                let (field, value) = (cursor.string()?, cursor.string()?);
                add_pair(&field, &value, seen, sink)?;
                after_field(paths, left)
            }
        };
        check_room(sink)?;
        Ok(self.is_behind())
    }

    /// Reads what says how much follows, and gives how many strings come before the next of these.
    pub(crate) fn strings(&mut self, cursor: &mut Cursor<'_>) -> Read<u64> {
        let (place, strings) = match self.place {
            Place::Count => (Place::Path { left: cursor.length()? }, 0),
            Place::Path { left } => (Place::FieldCount { left: left - 1 }, 1),
            Place::FieldCount { left } => (field_count(cursor, left)?, 0),
            Place::Field { paths, left } => (Place::Path { left: paths }, left.saturating_mul(2)),
        };
        self.place = place;
        Ok(strings)
    }

    pub(crate) fn is_behind(&self) -> bool {
        matches!(self.place, Place::Path { left: 0 })
    }
}

fn field_count(cursor: &mut Cursor<'_>, paths: u64) -> Read<Place> {
    match cursor.length()? {
        0 => Err(ErrorKind::EmptyPath.into()),
        left => Ok(Place::Field { paths, left }),
    }
}

fn after_field(paths: u64, left: u64) -> Place {
    match left {
        1 => Place::Path { left: paths },
        left => Place::Field { paths, left: left - 1 },
    }
}
