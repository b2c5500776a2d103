//! Passes over unwanted values without decoding them. The exception is a hash with a template of
//! its own whose field names are packed and whose values are not: the names are counted, since only
//! they tell how many values follow.
//!
//! Only the snapshot's checksum checks these bytes. A string's header is enough to pass over it, so
//! that even the largest value takes no memory. Only those packed names, and the strings of modules
//! and streams, have to arrive as a whole.

use super::array;
use super::cursor::{Cursor, Read, Stop};
use super::element::{Element, NODE_PACKED, NODE_PLAIN};
use super::error::ErrorKind;
use super::module;
use super::sink::Nothing;
use super::string;
use super::template::{Hash, Templates};
use super::value::{Expiring, State, Value};

/// A piece of an element.
#[derive(Clone, Copy)]
enum Part {
    String,
    Length,
    ScoreText,
    /// This number of bytes.
    Bytes(u64),
    /// The kind of a quicklist's node.
    NodeKind,
    /// An array's element, without its index.
    ArrayElement,
}

impl Element {
    fn parts(self) -> &'static [Part] {
        match self {
            Element::Item | Element::Member | Element::ZiplistNode => STRING,
            Element::Pair => &[Part::String, Part::String],
            Element::ScoreText => &[Part::String, Part::ScoreText],
            Element::ScoreBinary => &[Part::String, Part::Bytes(8)],
            Element::ExpiryPair { .. } => &[Part::Length, Part::String, Part::String],
            Element::ExpiryMember { .. } => &[Part::Length, Part::String],
            Element::Indexed => &[Part::Length, Part::ArrayElement],
            Element::PairExpiry => &[Part::String, Part::String, Part::Bytes(8)],
            Element::Quicklist2Node => &[Part::NodeKind, Part::String],
        }
    }
}

const STRING: &[Part] = &[Part::String];
/// Nothing but the current pieces is left.
const BEHIND: State = State::Elements { left: 0, element: Element::Item };
/// KeyDB's format of a scheduled script: the script and two times, then two lists of strings.
const CRON_HEAD: &[Part] = &[Part::String, Part::Bytes(8), Part::Bytes(8)];
const CRON_LISTS: u8 = 2;

/// A value being passed over.
pub(crate) struct Skip {
    state: State,
    /// The pieces left of the current element.
    parts: &'static [Part],
    /// Bytes left of the current piece.
    left: u64,
    /// Strings left before what `state` says.
    strings: u64,
    /// Counted lists of strings after that.
    lists: u8,
}

impl Skip {
    pub(crate) fn new(value: Value) -> Self {
        let mut state = value.state;
        if let State::Stream(stream) = &mut state {
            stream.skip_entries();
        }
        Self { state, parts: &[], left: 0, strings: 0, lists: 0 }
    }

    /// A scheduled script of KeyDB.
    pub(crate) fn cron() -> Self {
        Self { state: BEHIND, parts: CRON_HEAD, left: 0, strings: 0, lists: CRON_LISTS }
    }

    /// Passes over a value if it is one string and complete. Returns whether it did.
    #[inline]
    pub(crate) fn at_once(value: &Value, cursor: &mut Cursor<'_>) -> bool {
        let one_string = match &value.state {
            State::String | State::Packed(_) => true,
            State::Template(hash) => matches!(**hash, Hash::PackedById),
            _ => false,
        };
        if !one_string {
            return false;
        }
        if cursor.short(u64::MAX).is_some() {
            return true;
        }
        let mut after = *cursor;
        let passed = string::header(&mut after).is_ok_and(|length| after.pass(length) == length);
        if passed {
            *cursor = after;
        }
        passed
    }

    /// Passes over one piece, as far as it has arrived. Returns whether the value has ended.
    pub(crate) fn step(&mut self, cursor: &mut Cursor<'_>, templates: &Templates) -> Read<bool> {
        if self.left > 0 {
            match cursor.pass(self.left) {
                0 => return Err(Stop::NeedMore),
                passed => self.left -= passed,
            }
        } else if let [part, rest @ ..] = self.parts {
            let length = part.read(cursor)?;
            self.left = length - cursor.pass(length);
            self.parts = rest;
        } else if self.strings > 0 {
            self.strings -= 1;
            self.parts = STRING;
        } else if self.next(cursor, templates)? {
            return Ok(true);
        }
        Ok(self.is_behind())
    }

    /// Finds out which pieces come next. Returns whether the value ends without any.
    fn next(&mut self, cursor: &mut Cursor<'_>, templates: &Templates) -> Read<bool> {
        self.state = match &mut self.state {
            State::Elements { left: 0, .. } if self.lists > 0 => {
                self.strings = cursor.length()?;
                self.lists -= 1;
                return Ok(false);
            }
            State::Elements { left, element } => {
                self.parts = element.parts();
                State::Elements { left: *left - 1, element: *element }
            }
            State::Count(element) => State::Elements { left: cursor.length()?, element: *element },
            State::String | State::Packed(_) => {
                self.strings = 1;
                BEHIND
            }
            State::MinimumExpiry(what) => {
                cursor.array::<8>()?;
                match what {
                    Expiring::Pairs => State::Count(Element::ExpiryPair { base: 0 }),
                    Expiring::Members => State::Count(Element::ExpiryMember { base: 0 }),
                    Expiring::PackedPairs | Expiring::PackedMembers => {
                        self.strings = 1;
                        BEHIND
                    }
                }
            }
            State::Template(hash) => match hash.strings(cursor, templates)? {
                Some(strings) => {
                    self.strings = strings;
                    BEHIND
                }
                None => return Ok(false),
            },
            State::Array => {
                let (left, _) = array::head(cursor)?;
                State::Elements { left, element: Element::Indexed }
            }
            // this occurs only in a string that is decoded
            State::Part { left } => {
                self.left = *left;
                BEHIND
            }
            State::Gcra => {
                cursor.length()?;
                BEHIND
            }
            State::PathHash(paths) => {
                self.strings = paths.strings(cursor)?;
                return Ok(false);
            }
            State::Stream(stream) => return stream.step(cursor, &mut Nothing),
            State::ModuleId => {
                cursor.length()?;
                State::ModuleFields
            }
            State::ModuleFields => return Ok(module::field(cursor)?.is_none()),
        };
        Ok(false)
    }

    fn is_behind(&self) -> bool {
        let nothing_open = self.left == 0 && self.parts.is_empty() && self.strings == 0;
        nothing_open
            && match &self.state {
                State::Elements { left, .. } => *left == 0 && self.lists == 0,
                State::PathHash(paths) => paths.is_behind(),
                _ => false,
            }
    }
}

impl Part {
    /// Reads the header of the piece. Returns the number of bytes that follow.
    fn read(self, cursor: &mut Cursor<'_>) -> Read<u64> {
        match self {
            Part::String => string::header(cursor),
            Part::Length => cursor.length().map(|_| 0),
            Part::ScoreText => match cursor.byte()? {
                253.. => Ok(0),
                length => Ok(u64::from(length)),
            },
            Part::Bytes(count) => Ok(count),
            Part::ArrayElement => array::element_header(cursor),
            Part::NodeKind => match cursor.length()? {
                NODE_PLAIN | NODE_PACKED => Ok(0),
                other => Err(ErrorKind::BadQuicklistNode(other).into()),
            },
        }
    }
}
