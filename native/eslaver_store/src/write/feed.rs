//! Makes units of a stream's commands: one alone, or those of a transaction together.

use std::ops::Range;

use crate::heap::{self, ForStore, Meter};
use crate::keyspace::account::Account;
use crate::write::command::Command;
use crate::write::refusal::Refusal;
use crate::write::writer::Writer;

/// Longer names are of no known command; they are handed on as they are.
const LONGEST_NAME: usize = 64;

/// Applies the commands of a stream.
#[derive(Debug)]
pub struct Feed {
    writer: Writer,
    transaction: Option<Transaction>,
}

/// The commands since `MULTI`.
#[derive(Debug, Default)]
struct Transaction {
    bytes: Vec<u8>,
    commands: Vec<Stored>,
}

#[derive(Debug)]
struct Stored {
    db: u32,
    /// The name and the arguments.
    words: Vec<Range<usize>>,
}

impl Feed {
    /// Applies commands with this writer.
    pub fn new(writer: Writer) -> Self {
        Self { writer, transaction: None }
    }

    /// The writer.
    pub fn writer(&mut self) -> &mut Writer {
        &mut self.writer
    }

    /// Drops the commands since `MULTI`: the stream goes on before it.
    pub fn restart(&mut self) {
        // This is no writer's work: another may write meanwhile.
        self.writer.store().account().apart(|| self.transaction = None);
    }

    /// What its store takes.
    pub fn account(&self) -> &Account {
        self.writer.store().account()
    }

    /// Takes a command, whose name may be in any case. `now` is in ms since the epoch. What cannot be
    /// applied is handed to `refused`; commands that belong together are handed to `applied`, once
    /// readers see what they have changed.
    #[inline]
    pub fn command(
        &mut self,
        db: u32,
        name: &[u8],
        args: &[&[u8]],
        now: i64,
        refused: impl FnMut(&Command<'_>, Refusal),
        applied: impl FnOnce(&[Command<'_>]),
    ) {
        let _for_store = ForStore::begin();
        let mut meter = Meter::start();
        self.take(db, name, args, now, refused, |unit| {
            heap::aside(|| applied(unit));
        });
        self.account().charge(meter.lap());
    }

    #[inline]
    fn take(
        &mut self,
        db: u32,
        name: &[u8],
        args: &[&[u8]],
        now: i64,
        refused: impl FnMut(&Command<'_>, Refusal),
        applied: impl FnOnce(&[Command<'_>]),
    ) {
        if self.transaction.is_none()
            && let Some(known) = self.writer.recent(name)
        {
            let command = Command { db, name: known.name, args };
            self.writer.apply_known(&command, known, now, refused);
            return applied(&[command]);
        }
        let mut buffer = [0; LONGEST_NAME];
        let lower = match buffer.get_mut(..name.len()) {
            Some(lower) => {
                lower.copy_from_slice(name);
                lower.make_ascii_lowercase();
                lower
            }
            None => name,
        };
        match lower {
            // Redis 3.2 writes a script within a transaction as one of its own. The first EXEC ends both.
            b"multi" => {
                self.transaction.get_or_insert_default();
            }
            b"exec" => self.exec(now, refused, applied),
            // No master sends one; a replica drops the transaction.
            b"discard" => self.transaction = None,
            _ => match &mut self.transaction {
                Some(transaction) => transaction.store(db, lower, args),
                None => {
                    let unit = [Command { db, name: lower, args }];
                    self.writer.apply(&unit, now, refused);
                    applied(&unit);
                    self.writer.remember(name, lower);
                }
            },
        }
    }

    /// There may be no transaction: see above. Redis 3.2 also leaves `MULTI` out where all that a
    /// transaction changed was by `PFCOUNT`.
    fn exec(
        &mut self,
        now: i64,
        refused: impl FnMut(&Command<'_>, Refusal),
        applied: impl FnOnce(&[Command<'_>]),
    ) {
        let Some(transaction) = self.transaction.take() else {
            return;
        };
        let words: Vec<Vec<&[u8]>> = transaction
            .commands
            .iter()
            .map(|stored| {
                let word =
                    |range: &Range<usize>| transaction.bytes.get(range.clone()).unwrap_or_default();
                stored.words.iter().map(word).collect()
            })
            .collect();
        let unit: Vec<Command<'_>> = transaction
            .commands
            .iter()
            .zip(&words)
            .filter_map(|(stored, words)| {
                let (name, args) = words.split_first()?;
                Some(Command { db: stored.db, name, args })
            })
            .collect();
        self.writer.apply(&unit, now, refused);
        applied(&unit);
    }
}

impl Drop for Feed {
    fn drop(&mut self) {
        self.restart();
    }
}

impl Transaction {
    fn store(&mut self, db: u32, name: &[u8], args: &[&[u8]]) {
        let words = std::iter::once(name).chain(args.iter().copied());
        let words = words.map(|word| {
            let start = self.bytes.len();
            self.bytes.extend_from_slice(word);
            start..self.bytes.len()
        });
        self.commands.push(Stored { db, words: words.collect() });
    }
}
