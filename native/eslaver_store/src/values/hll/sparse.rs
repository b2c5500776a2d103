//! The sparse representation: run lengths of registers.
//!
//! | opcode | registers |
//! |---|---|
//! | `00llllll` | `l` + 1 of 0 |
//! | `01llllll llllllll` | `l` + 1 of 0 |
//! | `1vvvvvll` | `l` + 1 of `v` + 1 |

use super::{HEADER, REGISTERS, Registers};

/// The most bytes, the header included, that an insertion may lead to.
const LARGEST: usize = 3000;
const LONGEST_ZERO: usize = 64;
const LONGEST_VALUE: usize = 4;
const GREATEST_VALUE: u8 = 32;
/// The opcodes that are looked at after a change, for neighbours to join.
const JOINED: usize = 5;
/// All registers are 0.
pub(super) const EMPTY: [u8; 2] = [0x7f, 0xff];

/// What became of an insertion.
pub(super) enum Raised {
    /// It was done; whether the register was less.
    Done(bool),
    /// It does not fit: the dense representation must take it.
    TooLarge,
}

/// An opcode.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
struct Run {
    value: u8,
    len: usize,
    /// The bytes of the opcode.
    bytes: usize,
}

impl Run {
    fn read(opcodes: &[u8]) -> Option<Self> {
        let first = *opcodes.first()?;
        let low = usize::from(first & 0x3f);
        Some(match first >> 6 {
            0 => Self { value: 0, len: low + 1, bytes: 1 },
            1 => {
                let len = (low << 8 | usize::from(*opcodes.get(1)?)) + 1;
                Self { value: 0, len, bytes: 2 }
            }
            _ => {
                Self { value: ((first >> 2) & 0x1f) + 1, len: usize::from(first & 3) + 1, bytes: 1 }
            }
        })
    }
}

fn write(value: u8, len: usize, to: &mut Vec<u8>) {
    match (value, len) {
        (_, 0) => {}
        (0, 1..=LONGEST_ZERO) => to.push((len - 1) as u8),
        (0, _) => to.extend([0x40 | ((len - 1) >> 8) as u8, (len - 1) as u8]),
        _ => to.push(0x80 | ((value - 1) << 2) | (len - 1) as u8),
    }
}

/// Sets a register to what it has to be at least. `None` where the opcodes do not reach it.
pub(super) fn raise(hll: &mut Vec<u8>, index: usize, value: u8) -> Option<Raised> {
    if value > GREATEST_VALUE {
        return Some(Raised::TooLarge);
    }
    let (mut before, mut at, mut first) = (HEADER, HEADER, 0);
    let run = loop {
        let run = Run::read(hll.get(at..)?)?;
        if index < first + run.len {
            break run;
        }
        first += run.len;
        before = at;
        at += run.bytes;
    };
    if run.value >= value {
        return Some(Raised::Done(false));
    }
    let mut split = Vec::with_capacity(5);
    write(run.value, index - first, &mut split);
    write(value, 1, &mut split);
    write(run.value, first + run.len - index - 1, &mut split);
    if split.len() > run.bytes && hll.len() + split.len() - run.bytes > LARGEST {
        return Some(Raised::TooLarge);
    }
    hll.splice(at..at + run.bytes, split);
    join(hll, before)?;
    Some(Raised::Done(true))
}

/// Joins neighbours of one value, among the opcodes from `at` on.
fn join(hll: &mut Vec<u8>, mut at: usize) -> Option<()> {
    for _ in 0..JOINED {
        let Some(run) = hll.get(at..).and_then(Run::read) else {
            return Some(());
        };
        let next = hll.get(at + run.bytes..).and_then(Run::read);
        match next {
            Some(next)
                if run.value > 0
                    && next.value == run.value
                    && run.len + next.len <= LONGEST_VALUE =>
            {
                let mut joined = Vec::with_capacity(1);
                write(run.value, run.len + next.len, &mut joined);
                hll.splice(at..at + 2, joined);
            }
            _ => at += run.bytes,
        }
    }
    Some(())
}

/// Raises registers to those of the opcodes, which must have all of them.
pub(super) fn raise_all(registers: &mut Registers, mut opcodes: &[u8]) -> Option<()> {
    let mut at = 0;
    while !opcodes.is_empty() {
        let run = Run::read(opcodes)?;
        for register in registers.get_mut(at..at + run.len)? {
            *register = (*register).max(run.value);
        }
        at += run.len;
        opcodes = opcodes.get(run.bytes..)?;
    }
    (at == REGISTERS).then_some(())
}
