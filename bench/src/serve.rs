//! A stand-in for a master: it serves the bytes of files from memory, so that what a replica costs
//! is not hidden behind what its master does.
//!
//! It says `port PORT` when it listens; and, if it has a stream, `sent` when a replica gets the
//! first byte of it and `handled SECONDS` when that replica has acknowledged the last.

use std::io::{ErrorKind, Read, Write};
use std::net::{Ipv4Addr, TcpListener, TcpStream};
use std::sync::Arc;
use std::time::Instant;

use eslaver_core::resp::{Command, Commands, Limits, encode};

use crate::Outcome;

const REPLID: &str = "0123456789012345678901234567890123456789";

struct Bytes {
    snapshot: Vec<u8>,
    stream: Option<Vec<u8>>,
    /// Whether the stream has no end.
    again: bool,
}

/// Serves all who connect, until it is killed.
pub(crate) fn serve(snapshot: &str, stream: Option<&str>, again: bool) -> Outcome<()> {
    let stream = match stream {
        Some(path) => {
            let mut bytes = std::fs::read(path)?;
            bytes.extend(encode(&[b"REPLCONF", b"GETACK", b"*"]));
            Some(bytes)
        }
        None => None,
    };
    let bytes = Arc::new(Bytes { snapshot: std::fs::read(snapshot)?, stream, again });
    let listener = TcpListener::bind((Ipv4Addr::LOCALHOST, 0))?;
    println!("port {}", listener.local_addr()?.port());
    for socket in listener.incoming() {
        let (socket, bytes) = (socket?, Arc::clone(&bytes));
        std::thread::spawn(move || {
            if let Err(error) = replicate(socket, &bytes) {
                eprintln!("a replica: {error}");
            }
        });
    }
    Ok(())
}

/// What a command of a replica asks for.
enum Asked {
    Line(String),
    Snapshot { header: String },
    Acknowledges(u64),
    Nothing,
}

fn replicate(mut socket: TcpStream, bytes: &Bytes) -> Outcome<()> {
    let mut commands = Commands::new(Limits::default());
    let mut buffer = vec![0; 64 * 1024];
    let mut began = None;
    loop {
        let count = match socket.read(&mut buffer) {
            Ok(0) => return Ok(()),
            Ok(count) => count,
            // it has what it wanted
            Err(error) if error.kind() == ErrorKind::ConnectionReset => return Ok(()),
            Err(error) => return Err(error.into()),
        };
        commands.feed(&buffer[..count]);
        while let Some(command) = commands.next()? {
            match asked(&command) {
                Asked::Line(line) => socket.write_all(line.as_bytes())?,
                Asked::Snapshot { header } => {
                    socket.write_all(header.as_bytes())?;
                    socket.write_all(format!("${}\r\n", bytes.snapshot.len()).as_bytes())?;
                    socket.write_all(&bytes.snapshot)?;
                }
                Asked::Acknowledges(offset) => {
                    let Some(stream) = &bytes.stream else { continue };
                    let Some(start) = began else {
                        println!("sent");
                        began = Some(Instant::now());
                        loop {
                            socket.write_all(stream)?;
                            if !bytes.again {
                                break;
                            }
                        }
                        continue;
                    };
                    // the offset is the one before the last request
                    let end = stream.len() - encode(&[b"REPLCONF", b"GETACK", b"*"]).len();
                    if offset >= end as u64 {
                        println!("handled {}", start.elapsed().as_secs_f64());
                    }
                }
                Asked::Nothing => {}
            }
        }
    }
}

fn asked(command: &Command<'_>) -> Asked {
    let words = command.args();
    let first = words.get(0).unwrap_or_default().to_ascii_uppercase();
    match (command.name().to_ascii_uppercase().as_slice(), first.as_slice()) {
        (b"PING", _) => Asked::Line("+PONG\r\n".into()),
        (b"PSYNC", _) => Asked::Snapshot { header: format!("+FULLRESYNC {REPLID} 0\r\n") },
        (b"SYNC", _) => Asked::Snapshot { header: String::new() },
        (b"REPLCONF", b"ACK") => {
            let offset = words.get(1).and_then(|word| std::str::from_utf8(word).ok());
            offset.and_then(|text| text.parse().ok()).map_or(Asked::Nothing, Asked::Acknowledges)
        }
        _ => Asked::Line("+OK\r\n".into()),
    }
}
