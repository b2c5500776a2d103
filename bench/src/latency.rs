//! One command at a time, timed; and commands at an even pace.

use std::io::{BufRead, BufReader, Read, Write};
use std::net::{Ipv4Addr, TcpStream};
use std::os::unix::net::UnixStream;
use std::time::{Duration, Instant, SystemTime, UNIX_EPOCH};

use eslaver_core::resp::encode;

use crate::Outcome;
use crate::client::Pipeline;

/// Between two commands, as for one that comes alone.
const PAUSE: Duration = Duration::from_millis(10);

struct Client<S>(BufReader<S>);

impl Client<TcpStream> {
    fn connect(port: u16) -> Outcome<Self> {
        let socket = TcpStream::connect((Ipv4Addr::LOCALHOST, port))?;
        socket.set_nodelay(true)?;
        Ok(Self(BufReader::new(socket)))
    }
}

impl<S: Read + Write> Client<S> {
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
        times.push(since_epoch()?);
    }
    // for the last one to be handled
    std::thread::sleep(PAUSE);
    println!("{times:?}");
    Ok(())
}

/// Asks a server for that key until it has shown each of `count` numbers, or a later one. Prints when
/// it did, in ns of the system's clock.
pub(crate) fn watch(socket: &str, count: usize) -> Outcome<()> {
    let mut client = Client(BufReader::new(UnixStream::connect(socket)?));
    let mut times = Vec::with_capacity(count);
    while times.len() < count {
        if client.call(&[b"GET", b"latency"])?.starts_with("$-1") {
            continue;
        }
        let mut number = String::new();
        client.0.read_line(&mut number)?;
        let seen = number.trim_end().parse::<usize>()? + 1;
        let now = since_epoch()?;
        times.resize(seen.max(times.len()), now);
    }
    println!("{times:?}");
    Ok(())
}

fn since_epoch() -> Outcome<u128> {
    Ok(SystemTime::now().duration_since(UNIX_EPOCH)?.as_nanos())
}

/// Sends `rate` of these commands a second, which end at `ends`: each millisecond what is due.
pub(crate) fn evenly(
    pipeline: &mut Pipeline,
    commands: &[u8],
    ends: &[usize],
    rate: u64,
) -> Outcome<()> {
    let (began, mut sent) = (Instant::now(), 0);
    while sent + 1 < ends.len() {
        std::thread::sleep(Duration::from_millis(1));
        let due = (began.elapsed().as_secs_f64() * rate as f64) as usize;
        let due = due.clamp(sent, ends.len() - 1);
        pipeline.send_bytes(&commands[ends[sent]..ends[due]])?;
        sent = due;
    }
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
