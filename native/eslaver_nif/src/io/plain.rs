//! Whether a port that TLS is spoken to in vain speaks plainly.
//!
//! A server takes the beginning of TLS for the beginning of a line, and waits for its end in silence.

use std::io::{self, Read, Write};
use std::net::{SocketAddr, TcpStream};
use std::time::Duration;

/// How long a port may be silent before it is asked plainly.
pub(super) const SILENCE: Duration = Duration::from_secs(1);
/// How long each step of that may take.
const PATIENCE: Duration = Duration::from_millis(500);

/// Whether it answers a line, on a connection of its own, as a Redis server does.
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
