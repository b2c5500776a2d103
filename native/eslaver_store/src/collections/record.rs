//! A record of a collection: an element, the tail that its type has, and a time before them where the
//! element expires on its own.
//!
//! | bytes | what |
//! |---|---|
//! | `e0`, then 8 | when it expires, in ms since the epoch, little-endian: only where it does |
//! | an element | a member, or a field's name |
//! | a tail | [`Members`]: none; [`Fields`]: the value, an element; [`Scores`]: see [`super::score`] |

use std::fmt::Debug;

use super::element::{Element, Parts};
use super::score;

/// Begins a record that expires on its own. No element begins with it.
pub(super) const MARK: u8 = 0xe0;
/// What a record's time takes.
pub(super) const MARK_LEN: usize = 9;

/// What the records of a collection hold behind their elements.
pub trait Kind: Clone + Copy + Debug + Default + PartialEq {
    /// What stands behind an element.
    type Tail<'a>: Copy + Debug + PartialEq;

    /// How it is packed. `None` for strings of more than `u32::MAX` bytes.
    fn pack<'a>(tail: Self::Tail<'a>) -> Option<Parts<'a>>;

    /// Reads what [`Kind::pack`] made, and says how many bytes it takes.
    fn read(packed: &[u8]) -> Option<(Self::Tail<'_>, usize)>;
}

/// Members of a set, or elements of a list: no tail.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub struct Members;

/// Fields of a hash: the tail is the value.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub struct Fields;

/// Members of a sorted set: the tail is the score.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub struct Scores;

impl Kind for Members {
    type Tail<'a> = ();

    #[inline]
    fn pack<'a>((): ()) -> Option<Parts<'a>> {
        Some(Parts::NONE)
    }

    #[inline]
    fn read(_packed: &[u8]) -> Option<((), usize)> {
        Some(((), 0))
    }
}

impl Kind for Fields {
    type Tail<'a> = Element<'a>;

    #[inline]
    fn pack<'a>(tail: Self::Tail<'a>) -> Option<Parts<'a>> {
        Parts::of_element(tail)
    }

    #[inline]
    fn read(packed: &[u8]) -> Option<(Element<'_>, usize)> {
        Element::read(packed)
    }
}

impl Kind for Scores {
    type Tail<'a> = f64;

    #[inline]
    fn pack<'a>(tail: f64) -> Option<Parts<'a>> {
        Some(score::pack(tail))
    }

    #[inline]
    fn read(packed: &[u8]) -> Option<(f64, usize)> {
        score::read(packed)
    }
}

/// A record, read.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct Record<'a, K: Kind> {
    /// When it expires, in ms since the epoch, where it does on its own.
    pub expire_at: Option<i64>,
    /// The member, or the field's name.
    pub element: Element<'a>,
    /// What its type holds behind it.
    pub tail: K::Tail<'a>,
}

impl<'a, K: Kind> Record<'a, K> {
    /// Reads the record at the start of `packed`, and says how many bytes it takes.
    #[inline]
    pub fn read(packed: &'a [u8]) -> Option<(Self, usize)> {
        let (expire_at, start) = read_mark(packed);
        let (element, element_len) = Element::read(packed.get(start..)?)?;
        let tail_at = start + element_len;
        let (tail, tail_len) = K::read(packed.get(tail_at..)?)?;
        Some((Record { expire_at, element, tail }, tail_at + tail_len))
    }

    /// Whether it has expired at `now`, in ms since the epoch.
    #[inline]
    pub fn is_expired(&self, now: i64) -> bool {
        self.expire_at.is_some_and(|at| at <= now)
    }
}

/// A record's time, and what it takes.
#[inline]
pub(super) fn read_mark(packed: &[u8]) -> (Option<i64>, usize) {
    match packed.split_first() {
        Some((&MARK, rest)) => match rest.first_chunk() {
            Some(at) => (Some(i64::from_le_bytes(*at)), MARK_LEN),
            None => (None, 0),
        },
        _ => (None, 0),
    }
}

/// How a record's time is packed.
#[inline]
pub(super) fn pack_mark(expire_at: Option<i64>) -> Parts<'static> {
    match expire_at {
        Some(at) => {
            let [a, b, c, d, e, f, g, h] = at.to_le_bytes();
            Parts::raw([MARK, a, b, c, d, e, f, g, h], 9)
        }
        None => Parts::NONE,
    }
}

/// What becomes of a record's time when it is written.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Expiry {
    /// It lives as long as its key.
    Never,
    /// As before. A new one lives as long as its key.
    Keep,
    /// It expires then, in ms since the epoch.
    At(i64),
}

impl Expiry {
    /// The new time, where there was `old`.
    #[inline]
    pub(super) fn over(self, old: Option<i64>) -> Option<i64> {
        match self {
            Expiry::Never => None,
            Expiry::Keep => old,
            Expiry::At(at) => Some(at),
        }
    }
}

/// Why something could not be put into a collection, which is then as it was.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
pub enum Refused {
    /// A string of more than `u32::MAX` bytes.
    #[error("a string is longer than 4 GiB")]
    TooLong,
    /// The collection has as many records as it can have.
    #[error("the collection is full")]
    Full,
    /// Elements that do not come in the order that their collection has.
    #[error("elements do not come in order")]
    Disorder,
}
