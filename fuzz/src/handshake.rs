//! A master's answers, up to where its stream begins.

use eslaver_core::handshake::{Config, Handshake, Refusal, Reply, Resume};
use eslaver_core::lines::Lines;

use crate::pieces;

const PASSWORD: &str = "hunter2!";

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
        ask_commands: is_set(7),
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
        // what is shown of something that is not Redis depends on how much of it had come
        let tag = |refusal: &Refusal| refusal.tag();
        assert_eq!(whole.refusal.as_ref().map(tag), found.refusal.as_ref().map(tag));
    }
    pieces::bounded("a handshake", bytes.len(), 8, || drop(read(&config, bytes.chunks(64))));
}

#[derive(Default)]
struct Read {
    sent: usize,
    waits: usize,
    end: Option<Reply>,
    refusal: Option<Refusal>,
}

fn read<'a>(config: &Config, pieces: impl IntoIterator<Item = &'a [u8]>) -> Read {
    let mut handshake = Handshake::new(config.clone());
    let mut lines = Lines::with_limit(1024);
    let mut read = Read::default();
    handshake.start();
    for piece in pieces {
        lines.feed(piece);
        loop {
            match handshake.next(&mut lines) {
                Ok(None) => break,
                Ok(Some(Reply::Send(command))) => {
                    assert!(!command.is_empty());
                    read.sent += 1;
                }
                Ok(Some(Reply::Wait)) => read.waits += 1,
                Ok(reply) => {
                    read.end = reply;
                    return read;
                }
                Err(refusal) => {
                    read.refusal = Some(refusal);
                    return read;
                }
            }
        }
    }
    read
}
