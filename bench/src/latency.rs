//! One command at a time, timed; and commands at an even pace.

use std::io::{BufRead, BufReader, Write};
use std::net::{Ipv4Addr, TcpStream};
use std::time::{Duration, Instant, SystemTime, UNIX_EPOCH};

use eslaver_core::resp::encode;

use crate::Outcome;
use crate::client::Pipeline;

/// Between two commands, as for one that comes alone.
const PAUSE: Duration = Duration::from_millis(10);

struct Client(BufReader<TcpStream>);

impl Client {
    fn connect(port: u16) -> Outcome<Self> {
        let socket = TcpStream::connect((Ipv4Addr::LOCALHOST, port))?;
        socket.set_nodelay(true)?;
        Ok(Self(BufReader::new(socket)))
    }

    fn call(&mut self, command: &[&[u8]]) -> Outcome<String> {
        self.0.get_mut().write_all(&encode(command))?;
        let mut line = String::new();
        self.0.read_line(&mut line)?;
        Ok(line)
    }

    fn set(&mut self, key: &[u8], number: usize) -> Outcome<()> {
        let reply = self.call(&[b"SET", key, number.to_string().as_bytes()])?;
        if reply == "+OK\r\n" { Ok(()) } else { Err(format!("SET: {reply}").into()) }
    }
}

/// Sets a key `count` times, and waits each time until a replica has it. Prints how long each
/// `WAIT` took, in ns.
pub(crate) fn wait(port: u16, count: usize) -> Outcome<()> {
    let mut client = Client::connect(port)?;
    let mut times = Vec::with_capacity(count);
    for number in 0..count {
        client.set(b"waited", number)?;
        let replied = Instant::now();
        let reply = client.call(&[b"WAIT", b"1", b"1000"])?;
        times.push(replied.elapsed().as_nanos());
        if reply != ":1\r\n" {
            return Err(format!("WAIT: {reply}").into());
        }
    }
    println!("{times:?}");
    Ok(())
}

/// Sets a key `count` times, with pauses. Prints when each reply came, in ns of the system's clock.
pub(crate) fn alone(port: u16, count: usize) -> Outcome<()> {
    let mut client = Client::connect(port)?;
    let mut times = Vec::with_capacity(count);
    for number in 0..count {
        std::thread::sleep(PAUSE);
        client.set(b"latency", number)?;
        times.push(SystemTime::now().duration_since(UNIX_EPOCH)?.as_nanos());
    }
    // for the last one to be handled
    std::thread::sleep(PAUSE);
    println!("{times:?}");
    Ok(())
}

/// Sends `rate` commands a second, evenly.
pub(crate) fn pace(port: u16, rate: u32, seconds: u32) -> Outcome<()> {
    let mut pipeline = Pipeline::connect(port)?;
    let command = encode(&[b"SET", b"pace", &[b'x'; 64]]);
    let began = Instant::now();
    for number in 0..rate * seconds {
        let due = began + Duration::from_secs(1) / rate * number;
        std::thread::sleep(due.saturating_duration_since(Instant::now()));
        pipeline.send_bytes(&command)?;
    }
    pipeline.finish()
}
