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
}

/// Sets so many keys, one after the other, to their number, and waits after each second one until a
/// replica has it. Tells when each reply came (ns of the system's clock), and how long each `WAIT`
/// took (ns).
pub(crate) fn measure(port: u16, count: usize) -> Outcome<()> {
    let mut client = Client::connect(port)?;
    let (mut replied, mut waited) = (Vec::new(), Vec::new());
    for number in 0..count {
        std::thread::sleep(PAUSE);
        let reply = client.call(&[b"SET", b"latency", number.to_string().as_bytes()])?;
        if reply != "+OK\r\n" {
            return Err(format!("SET: {reply}").into());
        }
        let at = Instant::now();
        replied.push(SystemTime::now().duration_since(UNIX_EPOCH)?.as_nanos());
        if number % 2 == 1 {
            let reply = client.call(&[b"WAIT", b"1", b"1000"])?;
            waited.push(at.elapsed().as_nanos());
            if reply != ":1\r\n" {
                return Err(format!("WAIT: {reply}").into());
            }
        }
    }
    println!("{{\"replied\": {replied:?}, \"waited\": {waited:?}}}");
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
