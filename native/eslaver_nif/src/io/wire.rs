//! The socket, and waiting for it or for a wake-up.

use std::io::{self, ErrorKind, Read, Write};
use std::net::SocketAddr;
use std::os::fd::{AsRawFd, RawFd};
use std::time::{Duration, Instant};

use mio::net::{TcpStream, UnixStream};
use mio::{Events, Interest, Poll, Registry, Token};

use super::tls::{self, Session};
use crate::link::config::Tls;
use crate::link::end::End;
use crate::link::shared::Shared;

/// The token of the waker that others wake the thread with.
pub(crate) const WAKE: Token = Token(0);
pub(super) const SOCKET: Token = Token(1);
/// The most that a lost wake-up costs.
const LONGEST_WAIT: Duration = Duration::from_secs(1);

/// A connection to a master, not blocking.
pub(crate) enum Socket {
    Tcp(TcpStream),
    Unix(UnixStream),
    Tls(Box<Session>),
}

/// The socket and what is still to be written to it.
pub(crate) struct Wire {
    poll: Poll,
    events: Events,
    socket: Socket,
    out: Vec<u8>,
    /// Whether the socket has not said since the last event that it would block. Meanwhile it may have
    /// been lent.
    readable: bool,
    writable: bool,
    /// The other side takes nothing more. What it sent before can still be read, and may say why.
    deaf: bool,
}

impl Wire {
    pub(crate) fn new(poll: Poll, mut socket: Socket) -> io::Result<Self> {
        let interest = Interest::READABLE | Interest::WRITABLE;
        poll.registry().register(socket.source(), SOCKET, interest)?;
        Ok(Self {
            poll,
            events: Events::with_capacity(4),
            socket,
            out: Vec::new(),
            readable: false,
            writable: false,
            deaf: false,
        })
    }

    /// Gives the poll back, for another try.
    pub(crate) fn into_poll(mut self) -> Poll {
        // closing the socket takes it out anyway
        let _ = self.poll.registry().deregister(self.socket.source());
        self.poll
    }

    /// Goes on in TLS, with a master that was connected to as `host`.
    pub(crate) fn secure(self, host: &str, options: &Tls) -> Result<Self, End> {
        let socket = match self.socket {
            Socket::Tcp(stream) => Socket::Tls(Box::new(Session::new(stream, host, options)?)),
            other => other,
        };
        Ok(Self { socket, ..self })
    }

    pub(crate) fn socket(&self) -> &Socket {
        &self.socket
    }

    /// The descriptor of the socket.
    pub(crate) fn descriptor(&self) -> RawFd {
        match &self.socket {
            Socket::Tcp(stream) => stream.as_raw_fd(),
            Socket::Unix(stream) => stream.as_raw_fd(),
            Socket::Tls(session) => session.stream().as_raw_fd(),
        }
    }

    /// The descriptor of a socket that others may read from, and what watches it.
    pub(crate) fn lendable(&self) -> Option<(RawFd, Registry)> {
        match &self.socket {
            Socket::Tls(_) => None,
            _ => Some((self.descriptor(), self.poll.registry().try_clone().ok()?)),
        }
    }

    /// The master's address, unless it is a unix socket.
    fn peer(&self) -> Option<SocketAddr> {
        let stream = match &self.socket {
            Socket::Unix(_) => return None,
            Socket::Tcp(stream) => stream,
            Socket::Tls(session) => session.stream(),
        };
        stream.peer_addr().ok()
    }

    /// Whether the master was connected to by a loopback address or a unix socket.
    pub(crate) fn is_local(&self) -> bool {
        match (&self.socket, self.peer()) {
            (Socket::Unix(_), _) => true,
            (_, peer) => peer.is_some_and(|peer| peer.ip().to_canonical().is_loopback()),
        }
    }

    /// The master's address, while TLS is being established.
    pub(crate) fn securing(&self) -> Option<SocketAddr> {
        match &self.socket {
            Socket::Tls(session) if session.is_handshaking() => self.peer(),
            _ => None,
        }
    }

    pub(crate) fn is_readable(&self) -> bool {
        self.readable
    }

    /// There may be something to read again.
    pub(crate) fn try_again(&mut self) {
        self.readable = true;
    }

    pub(crate) fn is_writable(&self) -> bool {
        self.writable
    }

    /// Whether everything queued has been written.
    pub(crate) fn is_flushed(&self) -> bool {
        self.out.is_empty() && self.socket.is_flushed()
    }

    /// Queues bytes, and writes what can be written.
    pub(crate) fn write(&mut self, bytes: &[u8]) -> Result<(), End> {
        if self.deaf {
            return Ok(());
        }
        self.out.extend_from_slice(bytes);
        self.writable = true;
        self.flush()
    }

    /// Writes as much of the queue as the socket takes.
    pub(crate) fn flush(&mut self) -> Result<(), End> {
        while self.writable && !self.deaf && !self.is_flushed() {
            let written = match self.out.is_empty() {
                true => self.socket.flush().map(|()| 0),
                false => self.socket.write(&self.out),
            };
            match written {
                Ok(0) if !self.out.is_empty() => self.deaf = true,
                Ok(count) => drop(self.out.drain(..count)),
                Err(error) if error.kind() == ErrorKind::WouldBlock => self.writable = false,
                Err(error) if error.kind() == ErrorKind::Interrupted => {}
                Err(error) => match broken(error) {
                    End::Closed => self.deaf = true,
                    end => return Err(end),
                },
            }
        }
        Ok(())
    }

    /// Reads into `buffer`. 0: there is nothing to read.
    pub(crate) fn read(&mut self, buffer: &mut [u8]) -> Result<usize, End> {
        if let Socket::Tls(_) = self.socket {
            // writing may have waited for bytes from the other side
            self.writable = true;
        }
        loop {
            match self.socket.read(buffer) {
                Ok(0) => return Err(End::Closed),
                Ok(count) => return Ok(count),
                Err(error) if error.kind() == ErrorKind::WouldBlock => {
                    self.readable = false;
                    return Ok(0);
                }
                Err(error) if error.kind() == ErrorKind::Interrupted => {}
                Err(error) => return Err(broken(error)),
            }
        }
    }

    /// Waits until the socket is ready, until the time `until`, or until somebody wakes the thread.
    pub(crate) fn wait(&mut self, until: Instant, shared: &Shared) -> Result<(), End> {
        let timeout = until.saturating_duration_since(Instant::now()).min(LONGEST_WAIT);
        match self.poll.poll(&mut self.events, Some(timeout)) {
            Err(error) if error.kind() != ErrorKind::Interrupted => return Err(End::Io(error)),
            _ => {}
        }
        for event in self.events.iter().filter(|event| event.token() == SOCKET) {
            self.readable |= event.is_readable() || event.is_read_closed() || event.is_error();
            self.writable |= event.is_writable() || event.is_write_closed() || event.is_error();
            // in TLS, reading may have waited for room to write
            self.readable |= event.is_writable() && matches!(self.socket, Socket::Tls(_));
        }
        if shared.is_stopped() { Err(End::Stopped) } else { Ok(()) }
    }
}

/// A connection that the other side reset counts as closed.
pub(super) fn broken(error: io::Error) -> End {
    match error.kind() {
        ErrorKind::ConnectionReset | ErrorKind::BrokenPipe => End::Closed,
        ErrorKind::InvalidData => End::Tls(tls::explain(&error)),
        _ => End::Io(error),
    }
}

impl Socket {
    fn source(&mut self) -> &mut dyn mio::event::Source {
        match self {
            Socket::Tcp(stream) => stream,
            Socket::Unix(stream) => stream,
            Socket::Tls(session) => session.stream_mut(),
        }
    }

    fn is_flushed(&self) -> bool {
        match self {
            Socket::Tcp(_) | Socket::Unix(_) => true,
            Socket::Tls(session) => session.is_flushed(),
        }
    }
}

impl Read for Socket {
    fn read(&mut self, buffer: &mut [u8]) -> io::Result<usize> {
        match self {
            Socket::Tcp(stream) => stream.read(buffer),
            Socket::Unix(stream) => stream.read(buffer),
            Socket::Tls(session) => session.read(buffer),
        }
    }
}

impl Write for Socket {
    fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
        match self {
            Socket::Tcp(stream) => stream.write(bytes),
            Socket::Unix(stream) => stream.write(bytes),
            Socket::Tls(session) => session.write(bytes),
        }
    }

    fn flush(&mut self) -> io::Result<()> {
        match self {
            Socket::Tcp(_) | Socket::Unix(_) => Ok(()),
            Socket::Tls(session) => session.flush(),
        }
    }
}
