//! The arguments of a command.

use crate::resp::Args;

/// The arguments of a command, after its name.
pub trait Arguments {
    /// Their number.
    fn count(&self) -> usize;
    /// The argument at `index`, the first being 0.
    fn argument(&self, index: usize) -> Option<&[u8]>;
}

impl Arguments for Args<'_> {
    fn count(&self) -> usize {
        self.len()
    }

    #[inline]
    fn argument(&self, index: usize) -> Option<&[u8]> {
        self.get(index)
    }
}

impl<T: AsRef<[u8]>> Arguments for [T] {
    fn count(&self) -> usize {
        self.len()
    }

    fn argument(&self, index: usize) -> Option<&[u8]> {
        self.get(index).map(T::as_ref)
    }
}

/// A number as clients write it. `+7` and ` 7` are none.
pub(super) fn number<T: std::str::FromStr>(arg: &[u8]) -> Option<T> {
    if !arg.first()?.is_ascii_digit() {
        return None;
    }
    std::str::from_utf8(arg).ok()?.parse().ok()
}
