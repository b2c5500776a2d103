//! Times of elements, as commands for fields of hashes and for members of sets give them.

use crate::collections::record::Expiry;
use crate::write::arguments::{is, to_int};
use crate::write::context::Context;
use crate::write::refusal::Refusal;

/// When an element may get a new time.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub(crate) enum Condition {
    #[default]
    Always,
    /// If it has none.
    Nx,
    /// If it has one.
    Xx,
    /// If the new one is later.
    Gt,
    /// If the new one is earlier.
    Lt,
}

impl Condition {
    /// Whether it is met. No time is later than any.
    pub(crate) fn is_met(self, old: Option<i64>, new: Option<i64>) -> bool {
        let order = |at: Option<i64>| (at.is_none(), at);
        match self {
            Self::Always => true,
            Self::Nx => old.is_none(),
            Self::Xx => old.is_some(),
            Self::Gt => order(new) > order(old),
            Self::Lt => order(new) < order(old),
        }
    }
}

/// What options say.
#[derive(Debug, Clone, Copy, Default)]
pub(crate) struct Options {
    pub(crate) expiry: Option<Expiry>,
    pub(crate) condition: Condition,
}

/// The unit of a time in ms, and whether it counts from now on.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Unit {
    ms: i64,
    from_now: bool,
}

pub(crate) const EX: Unit = Unit { ms: 1000, from_now: true };
pub(crate) const PX: Unit = Unit { ms: 1, from_now: true };
pub(crate) const EXAT: Unit = Unit { ms: 1000, from_now: false };
pub(crate) const PXAT: Unit = Unit { ms: 1, from_now: false };

/// A time, in ms since the epoch.
pub(crate) fn at(context: &Context<'_, '_>, time: &[u8], unit: Unit) -> Result<i64, Refusal> {
    let base = if unit.from_now { context.now() } else { 0 };
    let ms = to_int(time)?.checked_mul(unit.ms);
    ms.and_then(|ms| ms.checked_add(base)).ok_or(Refusal::Range)
}

impl Options {
    /// Reads the option `name`, whose value, if it has one, is the next of `args`.
    pub(crate) fn read<'a: 'i, 'i>(
        &mut self,
        context: &Context<'_, '_>,
        name: &[u8],
        args: &mut impl Iterator<Item = &'i &'a [u8]>,
    ) -> Result<(), Refusal> {
        const UNITS: [(&str, Unit); 4] = [("EX", EX), ("PX", PX), ("EXAT", EXAT), ("PXAT", PXAT)];
        const CONDITIONS: [(&str, Condition); 4] = [
            ("NX", Condition::Nx),
            ("XX", Condition::Xx),
            ("GT", Condition::Gt),
            ("LT", Condition::Lt),
        ];
        if is(name, "KEEPTTL") {
            self.expiry = Some(Expiry::Keep);
        } else if is(name, "PERSIST") {
            self.expiry = Some(Expiry::Never);
        } else if let Some((_, unit)) = UNITS.into_iter().find(|(word, _)| is(name, word)) {
            let time = args.next().ok_or(Refusal::Syntax)?;
            self.expiry = Some(Expiry::At(at(context, time, unit)?));
        } else if let Some((_, met)) = CONDITIONS.into_iter().find(|(word, _)| is(name, word)) {
            self.condition = met;
        } else {
            return Err(Refusal::Syntax);
        }
        Ok(())
    }
}
