//! Handshakes, and what a line of the master leads to.
#![allow(dead_code, unreachable_pub)]

use eslaver_core::handshake::{Config, Handshake, Questions, Refusal, Reply, Resume, Step};
use eslaver_core::lines::Lines;

/// A replication id.
pub const ID: &str = "e8ed51b7170b32fbd6d84e30c5af89f5544fa41e";

/// Every step but the questions, and that after `PSYNC`.
pub const STEPS: [Step; 11] = [
    Step::Ping,
    Step::Auth,
    Step::ClientName,
    Step::LibName,
    Step::LibVersion,
    Step::ListeningPort,
    Step::IpAddress,
    Step::Capabilities,
    Step::NoCompress,
    Step::Version,
    Step::Psync,
];

/// With everything configured whose answer is a line, so that no such step is left out.
pub fn full_config() -> Config {
    Config {
        user: Some(b"repl".to_vec()),
        password: Some(b"sesame".to_vec()),
        listening_port: 7777,
        announce_ip: Some(b"10.1.2.3".to_vec()),
        version: "9.1.0",
        client_name: Some(b"eslaver:users".to_vec()),
        lib_version: "1.2.3",
        no_compress: true,
        psync_command: None,
        resume: Some(Resume { replid: ID.to_owned(), offset: 41 }),
        ..Config::default()
    }
}

/// The same, and every question is asked.
pub fn asking_config() -> Config {
    Config { questions: Questions::ALL, ..full_config() }
}

/// With nothing configured.
pub fn bare_config() -> Config {
    Config { version: "9.1.0", lib_version: "1.2.3", ..Config::default() }
}

/// A handshake that awaits the answer of `step`.
pub fn at(step: Step, config: Config) -> Handshake {
    let mut handshake = Handshake::new(config);
    handshake.start();
    while handshake.step() != step {
        let reply = hear(&mut handshake, b"+OK");
        assert!(matches!(reply, Ok(Reply::Send(_) | Reply::Wait)), "{step:?} is never reached");
    }
    handshake
}

/// What a line leads to, whose end has not come: every byte is a piece of its own.
pub fn begun(handshake: &mut Handshake, bytes: &[u8]) -> Result<Option<Reply>, Refusal> {
    let mut lines = Lines::new();
    for byte in bytes {
        lines.feed(&[*byte]);
        match handshake.next(&mut lines)? {
            None => {}
            reply => return Ok(reply),
        }
    }
    Ok(None)
}

/// What a line leads to, whole or in pieces.
pub fn hear(handshake: &mut Handshake, line: &[u8]) -> Result<Reply, Refusal> {
    let bytes = [line, b"\r\n"].concat();
    match begun(handshake, &bytes)? {
        Some(reply) => Ok(reply),
        None => unreachable!("a line is an answer"),
    }
}

/// A word for what an answer leads to.
pub fn outcome(result: &Result<Reply, Refusal>) -> &'static str {
    match result {
        Ok(Reply::Send(bytes)) if bytes == b"SYNC\r\n" => "sync",
        Ok(Reply::Send(_) | Reply::Wait) => "go",
        Ok(Reply::FullSync { .. }) => "full",
        Ok(Reply::Continue { .. }) => "continue",
        Ok(Reply::LegacySync) => "legacy",
        Err(refusal) => refusal.tag(),
    }
}
