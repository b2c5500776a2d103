//! A master's answers, up to where its stream begins.

use eslaver_core::commands::{self, Learned};
use eslaver_core::handshake::{
    Config, Handshake, Peer, Questions, ReadFrom, Refusal, Reply, Resume, Role,
};
use eslaver_core::lines::Lines;
use eslaver_core::reply::Value;

use crate::pieces;

const PASSWORD: &str = "hunter2!";

/// Bytes of memory for each byte read: an integer of four bytes takes a place in a vector that
/// doubles, and an array of one takes the four places that a vector begins with.
const MEMORY: u64 = 40;

/// What learned commands are looked up with.
const ARGUMENTS: &[&str] = &["put", "2", "a", "keys", "b", "-1", "c"];

/// The mode is the configuration: what is set of it.
pub(crate) fn check(bytes: &[u8]) {
    let (mode, bytes) = crate::mode(bytes);
    let is_set = |bit: u8| mode >> bit & 1 == 1;
    let config = Config {
        user: is_set(0).then(|| b"alice".to_vec()),
        password: is_set(1).then(|| PASSWORD.into()),
        listening_port: if is_set(2) { 6380 } else { 0 },
        announce_ip: is_set(3).then(|| b"10.1.2.3".to_vec()),
        version: "8.6.2",
        client_name: is_set(5).then(|| b"eslaver".to_vec()),
        lib_version: "1.0.0",
        no_compress: is_set(5),
        questions: if is_set(7) { Questions::ALL } else { Questions::default() },
        read_from: match mode & 3 {
            0 => ReadFrom::PreferReplica,
            1 => ReadFrom::Replica,
            _ => ReadFrom::Master,
        },
        confirm_empty: is_set(2),
        node: is_set(3).then(|| b"0123456789abcdef".to_vec()),
        psync_command: is_set(6).then(|| b"secret".to_vec()),
        resume: is_set(4).then(|| Resume { replid: "a".repeat(40), offset: u64::from(mode) << 40 }),
    };
    let whole = read(&config, [bytes]);
    if let (Some(refusal), true) = (&whole.refusal, is_set(1)) {
        assert!(!refusal.to_string().contains(PASSWORD), "{refusal}");
        assert!(!format!("{refusal:?}").contains(PASSWORD));
    }
    for pieces in pieces::ways(bytes) {
        let found = read(&config, pieces);
        assert_eq!((whole.sent, whole.waits), (found.sent, found.waits));
        assert_eq!(whole.end, found.end);
        assert_eq!((&whole.commands, &whole.peer), (&found.commands, &found.peer));
        // what is shown of something that is not Redis depends on how much of it had come
        let tag = |refusal: &Refusal| refusal.tag();
        assert_eq!(whole.refusal.as_ref().map(tag), found.refusal.as_ref().map(tag));
    }
    if let Some(reply) = &whole.commands {
        learn(reply);
    }
    if let Some(peer) = &whole.peer {
        judge(peer, &config, whole.refusal.as_ref());
    }
    let times = if config.questions == Questions::default() { 8 } else { MEMORY };
    pieces::bounded("a handshake", bytes.len(), times, || drop(read(&config, bytes.chunks(64))));
}

/// Whatever is learned of a command, its keys are among its arguments, and none comes for ever.
fn learn(reply: &Value) {
    let mut learned = Learned::hiding([b"set".to_vec()]);
    learned.take(reply);
    let Value::Array(told) = reply else { return };
    for command in told {
        let Value::Array(parts) = command else { continue };
        let Some(Value::Bulk(name) | Value::Status(name)) = parts.first() else { continue };
        for count in 0..=ARGUMENTS.len() {
            let arguments = &ARGUMENTS[..count];
            commands::keys(&learned, name, arguments, |key| assert!(key.index < count));
        }
    }
}

/// No node is followed that is not wanted, nor one from which a full sync of nothing would come.
fn judge(peer: &Peer, config: &Config, refusal: Option<&Refusal>) {
    let refused = refusal.is_some_and(Refusal::is_ours);
    match (config.read_from, peer.role) {
        (ReadFrom::Master, Some(Role::Replica)) | (ReadFrom::Replica, Some(Role::Master)) => {
            assert!(refused, "{peer:?}");
        }
        _ if matches!(refusal, Some(Refusal::Behind { .. })) => {
            let has = config.resume.as_ref().is_some_and(|position| peer.has(position));
            assert!(peer.role == Some(Role::Replica) && !has, "{peer:?}");
        }
        _ if !config.confirm_empty || peer.keys != Some(0) => assert!(!refused, "{peer:?}"),
        _ => {
            let has = config.resume.as_ref().is_some_and(|position| peer.has(position));
            assert!(!(refused && has), "{peer:?}");
        }
    }
    assert!(peer.master.is_none() || peer.role == Some(Role::Replica), "{peer:?}");
}

#[derive(Default)]
struct Read {
    sent: usize,
    waits: usize,
    end: Option<Reply>,
    refusal: Option<Refusal>,
    commands: Option<Value>,
    peer: Option<Peer>,
}

fn read<'a>(config: &Config, pieces: impl IntoIterator<Item = &'a [u8]>) -> Read {
    let mut handshake = Handshake::new(config.clone());
    handshake.start();
    let mut read = Read::default();
    read.go(&mut handshake, pieces);
    read.commands = handshake.commands();
    read.peer = handshake.peer();
    read
}

impl Read {
    fn go<'a>(&mut self, handshake: &mut Handshake, pieces: impl IntoIterator<Item = &'a [u8]>) {
        let mut lines = Lines::with_limit(1024);
        for piece in pieces {
            lines.feed(piece);
            loop {
                match handshake.next(&mut lines) {
                    Ok(None) => break,
                    Ok(Some(Reply::Send(command))) => {
                        assert!(!command.is_empty());
                        self.sent += 1;
                    }
                    Ok(Some(Reply::Wait)) => self.waits += 1,
                    Ok(reply) => {
                        self.end = reply;
                        return;
                    }
                    Err(refusal) => {
                        self.refusal = Some(refusal);
                        return;
                    }
                }
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use eslaver_core::reply::{Limits, Replies, ReplyError};

    use super::*;

    /// The limit of an answer's memory is one of memory, whatever the answer is made of.
    #[test]
    fn answers_within_their_memory() {
        const MEMORY: usize = 4 << 20;
        for element in [":1\r\n", "*0\r\n", "*1\r\n:1\r\n", "*2\r\n+a\r\n$1\r\nb\r\n", "$-1\r\n"] {
            let mut replies = Replies::new(Limits { memory: MEMORY, depth: 16 });
            let mut lines = Lines::new();
            lines.feed(b"*2000000\r\n");
            let peak = allocation_counter::measure(|| {
                let refused = loop {
                    match replies.next(&mut lines) {
                        Ok(None) => lines.feed(element.as_bytes()),
                        Ok(Some(_)) => panic!("{element:?} fills nothing"),
                        Err(error) => break error,
                    }
                };
                assert_eq!(refused, ReplyError::TooLarge(MEMORY));
            });
            // the outermost vector is there twice while it grows
            assert!(peak.bytes_max <= MEMORY as u64 * 3 / 2, "{element:?}: {peak:?}");
        }
    }
}
