//! A client that sends without waiting for replies, and sees that none of them is an error.

use std::io::{Read, Write};
use std::net::{Ipv4Addr, TcpStream};
use std::thread::JoinHandle;

use eslaver_core::resp::encode;
use memchr::memmem;

use crate::Outcome;

const BUFFER: usize = 1 << 20;
/// What the last reply is.
const END: &[u8] = b"the end of the replies";

pub(crate) struct Pipeline {
    socket: TcpStream,
    buffer: Vec<u8>,
    reader: JoinHandle<Result<(), String>>,
}

impl Pipeline {
    pub(crate) fn connect(port: u16) -> Outcome<Self> {
        let socket = TcpStream::connect((Ipv4Addr::LOCALHOST, port))?;
        let replies = socket.try_clone()?;
        let reader = std::thread::spawn(move || read(replies));
        Ok(Self { socket, buffer: Vec::with_capacity(2 * BUFFER), reader })
    }

    pub(crate) fn send(&mut self, command: &[&[u8]]) -> Outcome<()> {
        self.buffer.extend(encode(command));
        if self.buffer.len() >= BUFFER {
            self.socket.write_all(&self.buffer)?;
            self.buffer.clear();
        }
        Ok(())
    }

    /// Sends commands that are encoded already.
    pub(crate) fn send_bytes(&mut self, commands: &[u8]) -> Outcome<()> {
        Ok(self.socket.write_all(commands)?)
    }

    /// Waits until all has been answered.
    pub(crate) fn finish(mut self) -> Outcome<()> {
        self.send(&[b"ECHO", END])?;
        self.socket.write_all(&self.buffer)?;
        self.reader.join().map_err(|_| "the reader of replies panicked")??;
        Ok(())
    }
}

fn read(mut replies: TcpStream) -> Result<(), String> {
    let mut seen = vec![0; BUFFER];
    let mut kept = 0;
    loop {
        let count = replies.read(&mut seen[kept..]).map_err(|error| error.to_string())?;
        if count == 0 {
            return Err("the master closed the connection".into());
        }
        let all = &seen[..kept + count];
        if let Some(at) = memmem::find(all, b"\n-") {
            return Err(format!("a reply: {}", all[at + 1..].escape_ascii()));
        }
        if memmem::find(all, END).is_some() {
            return Ok(());
        }
        // what may be the beginning of what is looked for
        let tail = all.len().min(END.len());
        let end = all.len();
        seen.copy_within(end - tail..end, 0);
        kept = tail;
    }
}
