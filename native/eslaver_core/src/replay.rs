//! KeyDB's `RREPLAY uuid commands [db [timestamp]]`: how an active replica passes on what was
//! written, by itself or by another, in which case one stands within the other.

use crate::resp::{Args, Command, Commands, Limits};

/// More than masters that pass on to each other nest.
const MAX_DEPTH: usize = 16;

/// A command that was wrapped.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Replayed {
    /// The db that is selected before it, which stays selected.
    pub db: Option<u32>,
    /// The command, as it would stand in a stream.
    pub bytes: Vec<u8>,
}

/// Whether a command wraps others.
#[inline]
pub fn is_replay(command: &Command<'_>) -> bool {
    command.name().eq_ignore_ascii_case(b"RREPLAY")
}

/// The commands that one wraps, in order, or `None` where a replica of KeyDB would not read them.
pub fn commands(replay: &Command<'_>, limits: Limits) -> Option<Vec<Replayed>> {
    let mut found = Vec::new();
    unwrap(&replay.args(), None, Limits { inline: false, ..limits }, 0, &mut found)?;
    Some(found)
}

fn unwrap(
    args: &Args<'_>,
    outer: Option<u32>,
    limits: Limits,
    depth: usize,
    found: &mut Vec<Replayed>,
) -> Option<()> {
    let body = args.get(1)?;
    let mut db = match args.get(2) {
        Some(own) => Some(number(own)?),
        None => outer,
    };
    if depth == MAX_DEPTH {
        return None;
    }
    let mut parser = Commands::new(limits);
    parser.feed(body);
    let mut start = 0;
    while let Some(command) = parser.next().ok()? {
        let end = start + usize::try_from(command.len()).ok()?;
        let select = db.take();
        if is_replay(&command) {
            unwrap(&command.args(), select, limits, depth + 1, found)?;
        } else {
            found.push(Replayed { db: select, bytes: body.get(start..end)?.to_vec() });
        }
        start = end;
    }
    (start == body.len() && start > 0).then_some(())
}

fn number(arg: &[u8]) -> Option<u32> {
    let number: i32 = std::str::from_utf8(arg).ok()?.parse().ok()?;
    u32::try_from(number).ok()
}
