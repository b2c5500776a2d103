//! From an address to a socket.

use std::io::{self, ErrorKind};
use std::net::{SocketAddr, ToSocketAddrs};
use std::path::Path;
use std::time::{Duration, Instant};

use mio::Poll;
use mio::net::{TcpStream, UnixStream};
use socket2::{SockRef, TcpKeepalive};

use super::wire::{Socket, Wire};
use crate::link::config::{Address, Config};
use crate::link::end::End;
use crate::link::shared::Shared;

/// When an idle connection is first probed, and the interval from then on.
const KEEPALIVE: Duration = Duration::from_secs(60);
const KEEPALIVE_INTERVAL: Duration = Duration::from_secs(20);

/// Connects. Gives the connection and the address it goes to. A name is resolved anew each time,
/// and all its addresses are tried.
pub(crate) fn connect(config: &Config, poll: Poll, shared: &Shared) -> Result<(Wire, String), End> {
    match &config.address {
        Address::Local(path) | Address::File(path) | Address::OwnFile(path) => {
            let wire = UnixStream::connect(path)
                .and_then(|socket| Wire::new(poll, Socket::Unix(socket)))
                .map_err(|error| End::Connect { address: config.address.clone(), error })?;
            Ok((wire, shown(path)))
        }
        Address::Tcp { host, port } => {
            let addresses = (host.as_str(), *port)
                .to_socket_addrs()
                .map_err(|error| End::Resolve { address: config.address.clone(), error })?;
            let (wire, address) = try_all(addresses, config, poll, shared)?;
            match &config.tls {
                Some(tls) => Ok((wire.secure(host, tls)?, address)),
                None => Ok((wire, address)),
            }
        }
    }
}

fn shown(path: &Path) -> String {
    path.display().to_string()
}

fn try_all(
    addresses: impl Iterator<Item = SocketAddr>,
    config: &Config,
    mut poll: Poll,
    shared: &Shared,
) -> Result<(Wire, String), End> {
    let mut failure = io::Error::new(ErrorKind::NotFound, "the name resolves to no address");
    for address in addresses {
        let stream = match TcpStream::connect(address) {
            Ok(stream) => stream,
            Err(error) => {
                failure = error;
                continue;
            }
        };
        let mut wire = Wire::new(poll, Socket::Tcp(stream))?;
        match established(&mut wire, config.connect_timeout, shared) {
            Ok(()) => return Ok((wire, address.to_string())),
            Err(End::Io(error)) => failure = error,
            Err(end) => return Err(end),
        }
        poll = wire.into_poll();
    }
    Err(End::Connect { address: config.address.clone(), error: failure })
}

/// Waits until a connection is established or has failed.
fn established(wire: &mut Wire, timeout: Duration, shared: &Shared) -> Result<(), End> {
    let deadline = Instant::now() + timeout;
    loop {
        wire.wait(deadline, shared)?;
        if let (true, Socket::Tcp(stream)) = (wire.is_writable(), wire.socket()) {
            if let Some(error) = stream.take_error()? {
                return Err(End::Io(error));
            }
            match stream.peer_addr() {
                Ok(_) => return Ok(set_options(stream)?),
                Err(error) if error.kind() == ErrorKind::NotConnected => {}
                Err(error) => return Err(End::Io(error)),
            }
        }
        if Instant::now() >= deadline {
            return Err(End::Io(ErrorKind::TimedOut.into()));
        }
    }
}

fn set_options(stream: &TcpStream) -> io::Result<()> {
    stream.set_nodelay(true)?;
    let keepalive = TcpKeepalive::new().with_time(KEEPALIVE).with_interval(KEEPALIVE_INTERVAL);
    SockRef::from(stream).set_tcp_keepalive(&keepalive)
}
