//! Values that nobody wants: passed over, and neither decompressed nor looked into.
//!
//! What is not read is not checked, but for the snapshot's checksum. Of a
//! string only the header has to be at hand, so that even the largest value takes no memory; the
//! strings of modules and streams are waited for.

use super::cursor::{Cursor, Read, Stop};
use super::error::ErrorKind;
use super::module;
use super::sink::Nothing;
use super::string;
use super::value::{NODE_PACKED, NODE_PLAIN, State, Unit, Value};

/// A piece of an element.
#[derive(Clone, Copy)]
enum Part {
    String,
    Length,
    ScoreText,
    /// So many bytes.
    Bytes(u64),
    /// Which of the two kinds a quicklist's node is.
    NodeKind,
}

impl Unit {
    fn parts(self) -> &'static [Part] {
        match self {
            Unit::Element | Unit::Member | Unit::ZiplistNode => &[Part::String],
            Unit::Pair => &[Part::String, Part::String],
            Unit::ScoreText => &[Part::String, Part::ScoreText],
            Unit::ScoreBinary => &[Part::String, Part::Bytes(8)],
            Unit::ExpiryPair { .. } => &[Part::Length, Part::String, Part::String],
            Unit::PairExpiry => &[Part::String, Part::String, Part::Bytes(8)],
            Unit::Quicklist2Node => &[Part::NodeKind, Part::String],
        }
    }
}

/// A value being passed over.
pub(crate) struct Skip {
    state: State,
    /// Of the element in hand.
    parts: &'static [Part],
    /// Bytes of the piece in hand that are still to be passed.
    left: u64,
}

impl Skip {
    pub(crate) fn new(value: Value) -> Self {
        let (mut state, mut parts) = (value.state, [].as_slice());
        match &mut state {
            State::Stream(stream) => stream.skip_entries(),
            State::String | State::Packed(_) => {
                parts = Unit::Element.parts();
                state = State::Units { left: 0, unit: Unit::Element };
            }
            _ => {}
        }
        Self { state, parts, left: 0 }
    }

    /// Passes over a value that is one string and has come as a whole. False: nothing has changed.
    #[inline]
    pub(crate) fn at_once(value: &Value, cursor: &mut Cursor<'_>) -> bool {
        if !matches!(value.state, State::String | State::Packed(_)) {
            return false;
        }
        if cursor.short().is_some() {
            return true;
        }
        let mut after = *cursor;
        let passed = string::header(&mut after).is_ok_and(|length| after.pass(length) == length);
        if passed {
            *cursor = after;
        }
        passed
    }

    /// Passes over one piece, as far as it has come; true when the value is behind us.
    pub(crate) fn step(&mut self, cursor: &mut Cursor<'_>) -> Read<bool> {
        if self.left > 0 {
            match cursor.pass(self.left) {
                0 => return Err(Stop::NeedMore),
                passed => self.left -= passed,
            }
        } else if let [part, rest @ ..] = self.parts {
            let length = part.read(cursor)?;
            self.left = length - cursor.pass(length);
            self.parts = rest;
        } else {
            match &mut self.state {
                State::Units { left: 0, .. } | State::String | State::Packed(_) => {}
                State::Units { left, unit } => {
                    *left -= 1;
                    self.parts = unit.parts();
                }
                State::Count(unit) => {
                    self.state = State::Units { left: cursor.length()?, unit: *unit };
                }
                State::MinimumExpiry { packed } => {
                    let unit = if *packed { Unit::Element } else { Unit::ExpiryPair { base: 0 } };
                    cursor.array::<8>()?;
                    self.state =
                        if *packed { State::Units { left: 1, unit } } else { State::Count(unit) };
                }
                State::Stream(stream) => return stream.step(cursor, &mut Nothing),
                State::ModuleId => {
                    cursor.length()?;
                    self.state = State::ModuleFields;
                }
                State::ModuleFields => return Ok(module::field(cursor)?.is_none()),
            }
        }
        Ok(self.is_behind())
    }

    fn is_behind(&self) -> bool {
        self.left == 0
            && self.parts.is_empty()
            && matches!(self.state, State::Units { left: 0, .. })
    }
}

impl Part {
    /// Reads what says how long the piece is, and gives how many bytes follow.
    fn read(self, cursor: &mut Cursor<'_>) -> Read<u64> {
        match self {
            Part::String => string::header(cursor),
            Part::Length => cursor.length().map(|_| 0),
            Part::ScoreText => match cursor.byte()? {
                253.. => Ok(0),
                length => Ok(u64::from(length)),
            },
            Part::Bytes(count) => Ok(count),
            Part::NodeKind => match cursor.length()? {
                NODE_PLAIN | NODE_PACKED => Ok(0),
                other => Err(ErrorKind::BadQuicklistNode(other).into()),
            },
        }
    }
}
