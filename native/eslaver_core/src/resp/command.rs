//! A command, and its arguments.

use std::ops::{Index, Range};

/// A command, borrowed from the parser until the next call.
#[derive(Debug, Clone, Copy)]
pub struct Command<'a> {
    bytes: &'a [u8],
    args: &'a [Range<usize>],
    len: u64,
}

impl<'a> Command<'a> {
    #[inline]
    pub(super) fn new(bytes: &'a [u8], args: &'a [Range<usize>], len: u64) -> Self {
        Self { bytes, args, len }
    }

    /// The command's name as it was sent, in whatever case.
    #[inline]
    pub fn name(&self) -> &'a [u8] {
        self.args.first().map_or(&[], |range| &self.bytes[range.clone()])
    }

    /// The arguments after the name.
    #[inline]
    pub fn args(&self) -> Args<'a> {
        Args { bytes: self.bytes, args: self.args.get(1..).unwrap_or_default() }
    }

    /// The range of an argument in the bytes of this command. Inline commands have none.
    pub(crate) fn argument_range(&self, index: usize) -> Option<Range<usize>> {
        let skipped = usize::try_from(self.len).ok()?.checked_sub(self.bytes.len())?;
        let range = self.args.get(index + 1)?;
        Some(skipped + range.start..skipped + range.end)
    }

    /// The bytes of this command in the stream, with those skipped before it: the replication
    /// offset moves by them.
    #[allow(clippy::len_without_is_empty, reason = "no command is empty")]
    #[inline]
    pub fn len(&self) -> u64 {
        self.len
    }
}

/// A command's arguments, without its name. Indexing panics out of bounds; [`Args::get`] does not.
#[derive(Debug, Clone, Copy)]
pub struct Args<'a> {
    bytes: &'a [u8],
    args: &'a [Range<usize>],
}

impl<'a> Args<'a> {
    /// How many there are.
    #[inline]
    pub fn len(&self) -> usize {
        self.args.len()
    }

    /// Whether there are none.
    pub fn is_empty(&self) -> bool {
        self.args.is_empty()
    }

    /// The argument at `index`, the first being 0.
    #[inline]
    pub fn get(&self, index: usize) -> Option<&'a [u8]> {
        self.args.get(index).map(|range| &self.bytes[range.clone()])
    }

    /// All of them in order.
    pub fn iter(&self) -> ArgsIter<'a> {
        ArgsIter { bytes: self.bytes, args: self.args.iter() }
    }
}

impl Index<usize> for Args<'_> {
    type Output = [u8];

    fn index(&self, index: usize) -> &[u8] {
        &self.bytes[self.args[index].clone()]
    }
}

impl<'a> IntoIterator for Args<'a> {
    type Item = &'a [u8];
    type IntoIter = ArgsIter<'a>;

    fn into_iter(self) -> ArgsIter<'a> {
        self.iter()
    }
}

/// The arguments of a command, one after the other.
#[derive(Debug, Clone)]
pub struct ArgsIter<'a> {
    bytes: &'a [u8],
    args: std::slice::Iter<'a, Range<usize>>,
}

impl<'a> Iterator for ArgsIter<'a> {
    type Item = &'a [u8];

    #[inline]
    fn next(&mut self) -> Option<&'a [u8]> {
        self.args.next().map(|range| &self.bytes[range.clone()])
    }

    fn size_hint(&self) -> (usize, Option<usize>) {
        self.args.size_hint()
    }
}

impl ExactSizeIterator for ArgsIter<'_> {}
