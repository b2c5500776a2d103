//! Reads an RDB file and writes all that is in it anew, for a server of a given version.
//!
//! ```sh
//! cargo run --example rewrite -- dump.rdb written.rdb redis-7.0
//! ```
//!
//! Without a version it is that of the file itself. What the version cannot hold is left out, and
//! named on standard error.

use std::error::Error;
use std::fs::File;
use std::io::{self, BufWriter, Read, Write};

use eslaver_core::rdb::write::{Dialect, Output, Server, Writer};
use eslaver_core::rdb::{Decoder, Sink, Status};

#[path = "../tests/support/rewrite.rs"]
mod rewrite;

use rewrite::Rewriter;

const PIECE: usize = 64 << 10;

/// A file, and the first error of writing to it.
struct Target {
    file: BufWriter<File>,
    error: Option<io::Error>,
}

impl Output for Target {
    fn write(&mut self, bytes: &[u8]) {
        if self.error.is_none() {
            self.error = self.file.write_all(bytes).err();
        }
    }
}

fn main() -> Result<(), Box<dyn Error>> {
    let arguments: Vec<String> = std::env::args().skip(1).collect();
    let (input, output, server) = match arguments.as_slice() {
        [input, output] => (input, output, None),
        [input, output, server] => (input, output, Some(server.as_str())),
        _ => return Err("rewrite IN OUT [redis-MAJOR.MINOR | valkey-MAJOR.MINOR]".into()),
    };
    let mut source = Source { file: File::open(input)?, decoder: Decoder::new() };
    let dialect = match server {
        Some(server) => named(server).ok_or("an unknown server")?,
        None => source.dialect()?,
    };
    let target = Target { file: BufWriter::new(File::create(output)?), error: None };
    let mut rewriter = Rewriter::new(Writer::new(dialect, target));
    source.decode(&mut rewriter)?;
    for (key, why) in &rewriter.lacking {
        eprintln!("\"{}\" left out: {why}", key.escape_ascii());
    }
    let mut target = rewriter.finish()?;
    target.file.flush()?;
    target.error.map_or(Ok(()), |error| Err(error.into()))
}

fn named(server: &str) -> Option<Dialect> {
    let (name, version) = server.split_once('-')?;
    let server = match name {
        "redis" => Server::Redis,
        "valkey" => Server::Valkey,
        _ => return None,
    };
    let mut numbers = version.split('.').map_while(|number| number.parse().ok());
    Dialect::of_server(server, numbers.next()?, numbers.next()?)
}

struct Source {
    file: File,
    decoder: Decoder,
}

impl Source {
    /// What the header says, which is read with what stands behind it.
    fn dialect(&mut self) -> Result<Dialect, Box<dyn Error>> {
        let mut header = [0; 9];
        self.file.read_exact(&mut header)?;
        self.decoder.feed(&header);
        self.decoder.next(&mut eslaver_core::rdb::Nothing)?;
        self.decoder.dialect().ok_or_else(|| "a version that cannot be written".into())
    }

    fn decode(&mut self, sink: &mut impl Sink) -> Result<(), Box<dyn Error>> {
        let mut piece = vec![0; PIECE];
        loop {
            match self.decoder.next(sink)? {
                Status::Event => continue,
                Status::Done => return Ok(()),
                Status::NeedMore => {}
            }
            match self.file.read(&mut piece)? {
                0 => return Ok(self.decoder.finish()?),
                size => self.decoder.feed(&piece[..size]),
            }
        }
    }
}
