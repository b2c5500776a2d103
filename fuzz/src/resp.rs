//! Command streams.

use std::hash::{DefaultHasher, Hash, Hasher};

use eslaver_core::resp::{self, Commands, Error, Limits};

use crate::pieces;

/// An argument takes six bytes of a stream, and a range of 16 in a vector that doubles; the bytes are
/// in a vector that does, too.
const MEMORY: u64 = 16;

/// The mode decides whether inline commands are taken, and whether the limits are low ones.
pub(crate) fn check(bytes: &[u8]) {
    let (mode, stream) = crate::mode(bytes);
    let mut limits = Limits { inline: mode & 1 != 0, ..Limits::default() };
    if mode & 2 != 0 {
        limits = Limits { max_bulk: 100, max_args: 5, max_inline: 50, ..limits };
    }
    let whole = read(limits, [stream]);
    for pieces in pieces::ways(stream) {
        assert_eq!(whole, read(limits, pieces));
    }
    let taken: u64 = whole.0.iter().map(|(_, len)| len).sum();
    assert!(taken <= stream.len() as u64);
    if let Some(error) = &whole.1 {
        assert!(error.offset >= taken && error.offset <= stream.len() as u64, "{error}");
    }
    again(limits, stream);
    pieces::bounded("a command stream", stream.len(), MEMORY, || {
        let mut commands = Commands::new(limits);
        for piece in stream.chunks(64) {
            commands.feed(piece);
            while let Ok(Some(_)) = commands.next() {}
        }
    });
}

type Taken = (Vec<(u64, u64)>, Option<Error>);

/// A digest of each command, and its length.
fn read<'a>(limits: Limits, pieces: impl IntoIterator<Item = &'a [u8]>) -> Taken {
    let mut commands = Commands::new(limits);
    let mut taken = Vec::new();
    for piece in pieces {
        commands.feed(piece);
        loop {
            match commands.next() {
                Ok(Some(command)) => {
                    let mut hasher = DefaultHasher::new();
                    let args: Vec<&[u8]> = command.args().iter().collect();
                    (command.name(), args).hash(&mut hasher);
                    taken.push((hasher.finish(), command.len()));
                }
                Ok(None) => break,
                Err(error) => {
                    assert_eq!(commands.next().err().as_ref(), Some(&error), "it is forgotten");
                    return (taken, Some(error));
                }
            }
        }
    }
    (taken, None)
}

/// What was read, when it is encoded, reads the same.
fn again(limits: Limits, stream: &[u8]) {
    let mut commands = Commands::new(limits);
    commands.feed(stream);
    while let Ok(Some(command)) = commands.next() {
        let mut words = vec![command.name()];
        words.extend(command.args());
        let encoded = resp::encode(&words);
        let mut second = Commands::new(Limits::default());
        second.feed(&encoded);
        let found = second.next().expect("it was encoded").expect("all of it");
        assert_eq!(found.len(), encoded.len() as u64);
        assert_eq!(found.name(), words[0]);
        assert!(found.args().iter().eq(words[1..].iter().copied()));
    }
}
