//! How the keys of the commands in the table are found.

use super::arguments::{Arguments, number};
use super::effect::Key;
use super::special::Special;

/// How the keys of a command are found.
pub(super) enum Rule {
    NotAWrite,
    Keys(&'static [Spec]),
    Special(Special),
}

/// Where keys are among the arguments. The first after the command's name has the index 0.
pub(super) enum Spec {
    /// From `first` to `last`, which counts from the end if it is negative.
    Range { first: usize, last: isize, step: usize, changed: bool },
    /// The number of them is the argument at `at`. They begin at `first`.
    Count { at: usize, first: usize, step: usize, changed: bool },
}

pub(super) const fn range(first: usize, last: isize, step: usize, changed: bool) -> Spec {
    Spec::Range { first, last, step, changed }
}

pub(super) const fn count(at: usize, first: usize, step: usize, changed: bool) -> Spec {
    Spec::Count { at, first, step, changed }
}

impl Spec {
    /// Calls `each` with every key.
    #[inline]
    pub(super) fn each<A: Arguments + ?Sized>(&self, args: &A, each: &mut impl FnMut(Key)) {
        let (first, end, step, changed) = match *self {
            Spec::Range { first, last, step, changed } => {
                let end = match last {
                    0.. => last.unsigned_abs() + 1,
                    _ => (args.count() + 1).saturating_sub(last.unsigned_abs()),
                };
                (first, end, step, changed)
            }
            Spec::Count { at, first, step, changed } => {
                let count = args.argument(at).and_then(number::<usize>).unwrap_or(0);
                (first, count.saturating_mul(step).saturating_add(first), step, changed)
            }
        };
        for index in (first..end.min(args.count())).step_by(step) {
            each(Key { index, db: None, changed });
        }
    }
}
