//! What commands do to keys: which of their arguments are keys, and which of these they change.
//!
//! A key is named even if the command changes nothing in it: that depends on what the master has
//! there.
//!
//! | module | has |
//! |---|---|
//! | `arguments`, `effect` | a command's arguments, and what it changes |
//! | `table`, `lookup` | what real servers tell of their commands |
//! | `rule` | how keys are found by the table |
//! | `special` | the commands that no table can describe |
//! | `learned` | what one master told of other commands |
mod arguments;
mod effect;
mod learned;
mod lookup;
mod rule;
mod special;
mod table;

pub use arguments::Arguments;
pub use effect::{Effect, Key};
pub use learned::Learned;

use lookup::rule;
use rule::Rule;

/// Longer names are unknown.
const LONGEST_NAME: usize = 64;

/// Calls `each` with the keys that a command changes or reads, and returns what it changes. The
/// name may be in any case. A command that is missing in the table is looked up in `learned`.
pub fn keys<A: Arguments + ?Sized>(
    learned: &Learned,
    name: &[u8],
    args: &A,
    mut each: impl FnMut(Key),
) -> Effect {
    let mut lower = [0; LONGEST_NAME];
    let Some(lower) = lower.get_mut(..name.len()) else {
        return Effect::Unknown;
    };
    lower.copy_from_slice(name);
    lower.make_ascii_lowercase();
    match rule(lower).filter(|_| !learned.hides(lower)) {
        None => learned.keys(lower, args, &mut each),
        Some(Rule::NotAWrite) => Effect::NotAWrite,
        Some(Rule::Keys(specs)) => {
            specs.iter().for_each(|spec| spec.each(args, &mut each));
            Effect::Keys
        }
        Some(Rule::Special(special)) => special.keys(args, &mut each),
    }
}

/// The slots that a command of [`Effect::Slots`] empties, from the first to the last of each range.
pub fn slots<A: Arguments + ?Sized>(name: &[u8], args: &A) -> Option<Vec<(u16, u16)>> {
    special::slots(name, args)
}
