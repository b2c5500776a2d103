//! Command streams.

use std::hash::{DefaultHasher, Hash, Hasher};

use eslaver_core::replay::{self, Replay};
use eslaver_core::resp::{self, Command, Commands, Error, Limits};

use crate::pieces;

/// An argument takes six bytes of a stream, and a range of 16 in a vector that doubles; the bytes
/// are in a vector that does, too.
const MEMORY: u64 = 16;

/// The mode decides whether inline commands are taken, and whether the limits are low ones.
pub(crate) fn check(bytes: &[u8]) {
    let (mode, stream) = crate::mode(bytes);
    let mut limits = Limits { inline: mode & 1 != 0, ..Limits::default() };
    if mode & 2 != 0 {
        limits = Limits { proto_max_bulk_len: 100, max_arguments: 5, max_inline: 50, ..limits };
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
    replays(limits, stream);
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

/// What a command of KeyDB's wraps are commands of their own, none of which wraps others.
fn replays(limits: Limits, stream: &[u8]) {
    let mut commands = Commands::new(limits);
    commands.feed(stream);
    while let Ok(Some(command)) = commands.next() {
        if replay::is_replay(&command) {
            let length = command.len() as usize;
            pieces::bounded("what is wrapped", length, MEMORY, || unwrap(&command, limits));
        }
    }
}

fn unwrap(command: &Command<'_>, limits: Limits) {
    let Some(mut replay) = Replay::read(command, limits) else { return };
    let mut ended = false;
    while let Some(replayed) = replay.take() {
        assert!(!ended);
        ended = replayed.is_last;
        let mut parser = Commands::new(limits);
        parser.feed(replayed.bytes);
        let found = parser.next().expect("it was read").expect("all of it");
        assert!(!replay::is_replay(&found));
        assert_eq!(found.len(), replayed.bytes.len() as u64);
    }
    assert!(ended);
}

#[cfg(test)]
mod tests {
    use super::*;

    /// As deep as it may be nested, a command takes the memory of a flat one.
    #[test]
    fn nesting_takes_no_memory() {
        let wrap = |body: &[u8]| resp::encode(&[b"RREPLAY", b"uuid", body]);
        let set = resp::encode(&[b"SET", b"k", &vec![b'v'; 4 << 20]]);
        let nested = (0..16).fold(set, |inner, _| wrap(&inner));
        let mut commands = Commands::new(Limits::default());
        commands.feed(&nested);
        let command = commands.next().expect("it is one").expect("all of it");
        assert!(Replay::read(&command, Limits::default()).is_some());
        pieces::bounded("what is nested", nested.len(), 4, || unwrap(&command, Limits::default()));
    }
}
