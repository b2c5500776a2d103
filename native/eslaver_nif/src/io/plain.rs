//! Whether a port that does not answer to TLS takes plain connections.
//!
//! Such a server takes the first bytes of TLS for a line, and silently waits for the line's end.

use std::io::{self, Read, Write};
use std::net::{SocketAddr, TcpStream};
use std::time::Duration;

/// How long to wait for TLS before a plain connection is tried.
pub(super) const SILENCE: Duration = Duration::from_secs(1);
/// The timeout of each step.
const PATIENCE: Duration = Duration::from_millis(500);

/// Whether it answers a line, on a new connection, as a Redis server does.
pub(super) fn is_spoken_at(address: SocketAddr) -> bool {
    matches!(first_byte(address), Ok(b'+' | b'-'))
}

fn first_byte(address: SocketAddr) -> io::Result<u8> {
    let mut stream = TcpStream::connect_timeout(&address, PATIENCE)?;
    stream.set_read_timeout(Some(PATIENCE))?;
    stream.set_write_timeout(Some(PATIENCE))?;
    stream.write_all(b"PING\r\n")?;
    let mut first = [0];
    stream.read_exact(&mut first)?;
    Ok(first[0])
}
