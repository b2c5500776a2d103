//! Marks: what masters tell their replicas of the slots that move.
//!
//! | server | command | where | tells |
//! |---|---|---|---|
//! | Redis 8.4 | `CLUSTER SYNCSLOTS CONF ASM-TASK task:source:target:import:state:ranges` | at the target | an import has begun, or ended |
//! | | `… :migrate:completed:ranges` | at the source | the slots are not its own any more |
//! | Valkey 9 | `CLUSTER SYNCSLOTS ESTABLISH SOURCE id NAME name SLOTSRANGE first last …` | at the target | an import has begun |
//! | | `CLUSTER SYNCSLOTS FINISH STATE SUCCESS\|FAILED NAME name …` | at the target | it has ended |
//! | Valkey 8 | `CLUSTER SETSLOT …` | at both | a slot moves key by key |
//!
//! A snapshot that begins within an import tells of it, too: Redis by the auxiliary field
//! `cluster-asm-task`, Valkey by an entry of its own.

use eslaver_core::commands::Arguments;

use crate::slot::SLOTS;
use crate::slots::Range;

/// Slots on their way to a shard, all at once.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Import {
    /// What the servers call it.
    pub name: Box<[u8]>,
    /// The id of the node that they come from, if that is known.
    pub source: Option<Box<[u8]>>,
    /// The slots.
    pub ranges: Vec<Range>,
    /// Whether the source empties the slots once they have left, all at once, rather than delete key by
    /// key: then only users delete keys there.
    pub empties: bool,
}

impl Import {
    /// Whether this slot is one of them.
    pub fn has(&self, slot: u16) -> bool {
        self.ranges.iter().any(|&(first, last)| first <= slot && slot <= last)
    }
}

/// What a command of the stream tells of slots.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Mark {
    /// An import has begun, or goes on.
    Begun(Import),
    /// An import has ended, and the shard owns its slots.
    Completed {
        /// What the servers call it.
        name: Box<[u8]>,
        /// The import, where the mark repeats it.
        import: Option<Import>,
    },
    /// An import has ended, and left nothing.
    Failed {
        /// What the servers call it.
        name: Box<[u8]>,
    },
    /// These slots have left the shard.
    Left(Vec<Range>),
    /// Something has changed about slots.
    Changed,
    /// A message between the two nodes, which changes nothing.
    Passing,
}

impl Mark {
    /// What a command tells, if it is a mark.
    pub fn of<A: Arguments + ?Sized>(name: &[u8], args: &A) -> Option<Self> {
        if !is(name, "CLUSTER") {
            return None;
        }
        match args.argument(0)? {
            sub if is(sub, "SETSLOT") => Some(Self::Changed),
            sub if is(sub, "SYNCSLOTS") => Some(syncslots(args).unwrap_or(Self::Passing)),
            _ => None,
        }
    }
}

/// The import that a field of a snapshot tells of, if it does.
pub fn of_field(name: &[u8], value: &[u8]) -> Option<Import> {
    if !is(name, "cluster-asm-task") {
        return None;
    }
    match task(value)? {
        Mark::Begun(import) => Some(import),
        _ => None,
    }
}

fn syncslots<A: Arguments + ?Sized>(args: &A) -> Option<Mark> {
    match args.argument(1)? {
        sub if is(sub, "CONF") => pair(args, "ASM-TASK").and_then(task),
        sub if is(sub, "ESTABLISH") => {
            let name = pair(args, "NAME")?.into();
            let source = pair(args, "SOURCE").map(Box::from);
            let ranges = ranges_behind(args, "SLOTSRANGE")?;
            Some(Mark::Begun(Import { name, source, ranges, empties: false }))
        }
        sub if is(sub, "FINISH") => {
            let name = pair(args, "NAME")?.into();
            match pair(args, "STATE")? {
                state if is(state, "SUCCESS") => Some(Mark::Completed { name, import: None }),
                _ => Some(Mark::Failed { name }),
            }
        }
        _ => None,
    }
}

/// `task:source:target:operation:state:ranges`, and perhaps more behind it.
fn task(text: &[u8]) -> Option<Mark> {
    let mut parts = text.split(|&byte| byte == b':');
    let (name, source, _target) = (parts.next()?, parts.next()?, parts.next()?);
    let (operation, state, ranges) = (parts.next()?, parts.next()?, ranges(parts.next()?)?);
    let (name, source): (Box<[u8]>, Box<[u8]>) = (name.into(), source.into());
    Some(match state {
        _ if !is(operation, "import") => {
            if is(state, "completed") {
                Mark::Left(ranges)
            } else {
                Mark::Changed
            }
        }
        b"completed" => {
            let import = Import { name: name.clone(), source: Some(source), ranges, empties: true };
            Mark::Completed { name, import: Some(import) }
        }
        b"failed" | b"canceled" => Mark::Failed { name },
        _ => Mark::Begun(Import { name, source: Some(source), ranges, empties: true }),
    })
}

/// `first-last first-last …`; a range of one slot may be that slot alone.
fn ranges(text: &[u8]) -> Option<Vec<Range>> {
    let words = text.split(|&byte| byte == b' ').filter(|word| !word.is_empty());
    words
        .map(|word| {
            let mut ends = word.splitn(2, |&byte| byte == b'-');
            let first = slot(ends.next()?)?;
            let last = ends.next().map_or(Some(first), slot)?;
            Some((first, last))
        })
        .collect()
}

/// The pairs of numbers that follow an option.
fn ranges_behind<A: Arguments + ?Sized>(args: &A, option: &str) -> Option<Vec<Range>> {
    let at = (2..args.count()).find(|&at| args.argument(at).is_some_and(|arg| is(arg, option)))?;
    let mut numbers = (at + 1..args.count()).map_while(|at| args.argument(at).and_then(slot));
    let mut ranges = Vec::new();
    while let Some(first) = numbers.next() {
        ranges.push((first, numbers.next()?));
    }
    Some(ranges)
}

/// The argument that follows an option.
fn pair<'a, A: Arguments + ?Sized>(args: &'a A, option: &str) -> Option<&'a [u8]> {
    let at = (2..args.count()).find(|&at| args.argument(at).is_some_and(|arg| is(arg, option)))?;
    args.argument(at + 1)
}

fn slot(digits: &[u8]) -> Option<u16> {
    if !digits.iter().all(u8::is_ascii_digit) {
        return None;
    }
    let number: u16 = std::str::from_utf8(digits).ok()?.parse().ok()?;
    Some(number).filter(|&slot| slot < SLOTS)
}

pub(crate) fn is(word: &[u8], upper: &str) -> bool {
    word.eq_ignore_ascii_case(upper.as_bytes())
}

#[cfg(test)]
mod tests {
    use super::*;

    const ONE: &str = "b635a2a95e6f4800a71ab628e04ec4587ff6a861";
    const OTHER: &str = "2a342689a20a21807d69ebe264ff4651b98fdf5f";
    const NAME: &str = "08746415435c498867e926ac387905132a102564";

    fn mark(line: &str) -> Option<Mark> {
        let words: Vec<&[u8]> = line.split('|').map(str::as_bytes).collect();
        Mark::of(words[0], &words[1..])
    }

    /// One of Redis, or of Valkey.
    fn import(source: &str, ranges: &[Range], empties: bool) -> Import {
        let source = Some(source).filter(|source| !source.is_empty());
        Import {
            name: NAME.as_bytes().into(),
            source: source.map(|source| source.as_bytes().into()),
            ranges: ranges.to_vec(),
            empties,
        }
    }

    fn of_task(operation: &str, state: &str, ranges: &str) -> Option<Mark> {
        let task = format!("{NAME}:{ONE}:{OTHER}:{operation}:{state}:{ranges}");
        mark(&format!("CLUSTER|SYNCSLOTS|CONF|ASM-TASK|{task}"))
    }

    fn completed(import: Option<Import>) -> Option<Mark> {
        Some(Mark::Completed { name: NAME.as_bytes().into(), import })
    }

    fn failed() -> Option<Mark> {
        Some(Mark::Failed { name: NAME.as_bytes().into() })
    }

    /// As Redis 8.6.2 and 8.10.2 have sent them.
    #[test]
    fn tasks_of_redis() {
        let both = [(0, 99), (200, 299)];
        let begun = || Some(Mark::Begun(import(ONE, &both, true)));
        for (operation, state, ranges, found) in [
            ("import", "connecting", "0-99 200-299", begun()),
            ("import", "wait-stream-eof", "0-99 200-299", begun()),
            ("import", "completed", "0-99 200-299", completed(Some(import(ONE, &both, true)))),
            ("import", "failed", "0-99", failed()),
            ("import", "canceled", "0-99", failed()),
            ("migrate", "wait-rdbchannel", "0-99", Some(Mark::Changed)),
            ("migrate", "completed", "0-99 200-299", Some(Mark::Left(both.to_vec()))),
            ("migrate", "failed", "0-99", Some(Mark::Changed)),
            // of one slot
            ("import", "connecting", "7", Some(Mark::Begun(import(ONE, &[(7, 7)], true)))),
            ("import", "connecting", "7-7", Some(Mark::Begun(import(ONE, &[(7, 7)], true)))),
            // none that could be read
            ("import", "completed", "0-16384", Some(Mark::Passing)),
            ("import", "completed", "a", Some(Mark::Passing)),
        ] {
            assert_eq!(of_task(operation, state, ranges), found, "{operation} {state} {ranges}");
        }
        // what a newer server adds is passed over
        let newer = format!("CLUSTER|SYNCSLOTS|CONF|ASM-TASK|{NAME}:{ONE}:{OTHER}:import:x:7:new");
        assert_eq!(mark(&newer), Some(Mark::Begun(import(ONE, &[(7, 7)], true))));
        for line in [
            "CLUSTER|SYNCSLOTS|CONF|SLOT-INFO|89,1,0",
            "CLUSTER|SYNCSLOTS|CONF|ASM-TASK",
            "CLUSTER|SYNCSLOTS|CONF|ASM-TASK|a:b:c",
            "CLUSTER|SYNCSLOTS|CONF",
            "CLUSTER|SYNCSLOTS",
        ] {
            assert_eq!(mark(line), Some(Mark::Passing), "{line}");
        }
    }

    /// As Valkey 9.1.2 has sent them.
    #[test]
    fn jobs_of_valkey() {
        let begun = |source| Some(Mark::Begun(import(source, &[(0, 99), (200, 299)], false)));
        for (line, found) in [
            (
                format!(
                    "CLUSTER|SYNCSLOTS|ESTABLISH|SOURCE|{ONE}|NAME|{NAME}|SLOTSRANGE|0|99|200|299"
                ),
                begun(ONE),
            ),
            // in any order
            (
                format!(
                    "cluster|syncslots|establish|slotsrange|0|99|200|299|name|{NAME}|source|{ONE}"
                ),
                begun(ONE),
            ),
            (format!("CLUSTER|SYNCSLOTS|ESTABLISH|NAME|{NAME}|SLOTSRANGE|0|99|200|299"), begun("")),
            (
                format!("CLUSTER|SYNCSLOTS|FINISH|STATE|SUCCESS|NAME|{NAME}|MESSAGE|"),
                completed(None),
            ),
            (
                format!(
                    "CLUSTER|SYNCSLOTS|FINISH|STATE|FAILED|NAME|{NAME}|MESSAGE|Connection lost"
                ),
                failed(),
            ),
            ("CLUSTER|SYNCSLOTS|ACK".to_owned(), Some(Mark::Passing)),
            ("CLUSTER|SYNCSLOTS|SNAPSHOT-EOF".to_owned(), Some(Mark::Passing)),
            ("CLUSTER|SYNCSLOTS|PAUSED".to_owned(), Some(Mark::Passing)),
            ("CLUSTER|SYNCSLOTS|FAILOVER-GRANTED".to_owned(), Some(Mark::Passing)),
            ("CLUSTER|SYNCSLOTS|ESTABLISH|NAME|x|SLOTSRANGE|0".to_owned(), Some(Mark::Passing)),
            (format!("CLUSTER|SETSLOT|7|NODE|{ONE}"), Some(Mark::Changed)),
            (format!("CLUSTER|SETSLOT|7|IMPORTING|{ONE}"), Some(Mark::Changed)),
        ] {
            assert_eq!(mark(&line), found, "{line}");
        }
    }

    #[test]
    fn other_commands_are_no_marks() {
        for line in ["CLUSTER|FLUSHSLOT|7", "CLUSTER", "SYNCSLOTS|CONF", "SET|SYNCSLOTS|ACK"] {
            assert_eq!(mark(line), None, "{line}");
        }
    }

    #[test]
    fn fields_of_snapshots() {
        let task = |operation: &str, state: &str| {
            let task = format!("{NAME}:{ONE}:{OTHER}:{operation}:{state}:0-99");
            of_field(b"cluster-asm-task", task.as_bytes())
        };
        assert_eq!(task("import", "accumulate-buffer"), Some(import(ONE, &[(0, 99)], true)));
        // the source has one, too, as Redis 8.10.2 has sent it
        assert_eq!(task("migrate", "send-stream"), None);
        assert_eq!(task("import", "failed"), None);
        assert_eq!(of_field(b"redis-ver", b"8.6.2"), None);
    }
}
