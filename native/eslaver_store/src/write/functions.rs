//! The libraries of a master's functions, as `FUNCTION` changes them. None is run here: their effects
//! come as commands.

use std::collections::BTreeMap;

use eslaver_core::rdb::{Limits, decode_functions, library_name};

use crate::write::arguments::{Args, is};
use crate::write::refusal::Refusal;

/// The code of each library, by its name.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Functions(BTreeMap<Box<[u8]>, Box<[u8]>>);

impl Functions {
    /// Adds a library, in the place of what had its name. `false` where the code has no name.
    pub fn load(&mut self, code: &[u8]) -> bool {
        let Some(name) = library_name(code) else {
            return false;
        };
        self.0.insert(name.into(), code.into());
        true
    }

    /// The names of the libraries and their code, by name.
    pub fn iter(&self) -> impl ExactSizeIterator<Item = (&[u8], &[u8])> {
        self.0.iter().map(|(name, code)| (&**name, &**code))
    }

    /// The number of libraries.
    pub fn len(&self) -> usize {
        self.0.len()
    }

    /// Whether there are none.
    pub fn is_empty(&self) -> bool {
        self.0.is_empty()
    }

    /// Applies `FUNCTION` with these arguments.
    pub(crate) fn change(&mut self, args: &Args<'_>) -> Result<(), Refusal> {
        match args {
            [word, .., code] if is(word, "LOAD") => match self.load(code) {
                true => Ok(()),
                false => Err(Refusal::Value),
            },
            [word, name] if is(word, "DELETE") => {
                self.0.remove(*name);
                Ok(())
            }
            [word, ..] if is(word, "FLUSH") => {
                self.0.clear();
                Ok(())
            }
            [word, payload, policy @ ..] if is(word, "RESTORE") => self.restore(payload, policy),
            _ => Err(Refusal::Syntax),
        }
    }

    fn restore(&mut self, payload: &[u8], policy: &Args<'_>) -> Result<(), Refusal> {
        let mut restored = match policy {
            [word] if is(word, "FLUSH") => Self::default(),
            _ => self.clone(),
        };
        let mut named = true;
        decode_functions(payload, Limits::NONE, |code| named &= restored.load(code))
            .map_err(|_| Refusal::Value)?;
        if !named {
            return Err(Refusal::Value);
        }
        *self = restored;
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::testing::Mirror;

    const ONE: &[u8] = b"#!lua name=one\nreturn 1";
    const TWO: &[u8] = b"#!js engine=x name=two";

    /// The opcode of a function, its code, version and no checksum.
    fn dump(codes: &[&[u8]]) -> Vec<u8> {
        let mut dump = Vec::new();
        for code in codes {
            dump.extend([245, code.len() as u8]);
            dump.extend_from_slice(code);
        }
        dump.extend([11, 0, 0, 0, 0, 0, 0, 0, 0, 0]);
        dump
    }

    fn functions(codes: &[&[u8]]) -> Functions {
        let mut functions = Functions::default();
        codes.iter().for_each(|code| assert!(functions.load(code)));
        functions
    }

    #[test]
    fn libraries_change() {
        let payload = dump(&[ONE]);
        let old: &[u8] = b"#!lua name=one\n";
        for (args, before, after) in [
            (vec![b"LOAD", ONE], vec![], vec![ONE]),
            (vec![b"load", b"REPLACE", ONE], vec![old], vec![ONE]),
            (vec![b"LOAD", TWO], vec![ONE], vec![ONE, TWO]),
            (vec![b"DELETE", b"one"], vec![ONE], vec![]),
            (vec![b"FLUSH"], vec![ONE], vec![]),
            (vec![b"flush", b"ASYNC"], vec![ONE], vec![]),
            (vec![b"RESTORE", &payload], vec![TWO], vec![ONE, TWO]),
            (vec![b"RESTORE", &payload, b"REPLACE"], vec![old], vec![ONE]),
            (vec![b"RESTORE", &payload, b"FLUSH"], vec![TWO], vec![ONE]),
        ] as [(Vec<&[u8]>, Vec<&[u8]>, Vec<&[u8]>); 9]
        {
            let mut found = functions(&before);
            assert_eq!(found.change(&args), Ok(()));
            assert_eq!(found, functions(&after), "{args:?}");
        }
    }

    /// What there is of libraries after a failure, only a snapshot tells.
    #[test]
    fn what_fails_needs_a_resync() {
        let mut damaged = dump(&[ONE]);
        damaged[4] ^= 1;
        damaged[30] = 7;
        let nameless = dump(&[ONE, b"return 1"]);
        for (args, refusal) in [
            (vec![b"LOAD", b"return 1"], Refusal::Value),
            (vec![b"RESTORE", &damaged, b"FLUSH"], Refusal::Value),
            (vec![b"RESTORE", &nameless, b"FLUSH"], Refusal::Value),
            (vec![b"DELETE"], Refusal::Syntax),
            (vec![], Refusal::Syntax),
        ] as [(Vec<&[u8]>, Refusal); 5]
        {
            let mut mirror = Mirror::redis("8.0.0");
            mirror.writer.set_functions(functions(&[TWO]));
            assert_eq!(mirror.try_run(&[b"function", b"load", ONE]), Ok(()));
            assert!(!mirror.writer.needs_resync());
            let command: Vec<&[u8]> = [&b"function"[..]].into_iter().chain(args).collect();
            assert_eq!(mirror.try_run(&command), Err(refusal), "{command:?}");
            assert!(mirror.writer.needs_resync());
            assert_eq!(mirror.writer.functions(), &functions(&[ONE, TWO]));
        }
    }
}
