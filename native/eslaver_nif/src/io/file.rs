//! A snapshot's file instead of a master.

use std::fs::File;
use std::io::{self, Read};
use std::path::Path;
use std::time::Duration;

use crossbeam_channel::{SendTimeoutError, Sender};
use eslaver_core::rdb::{self, Decoder, Nothing, Status};

use crate::end::End;
use crate::shared::{Chunk, Shared};

const BUFFER: usize = 64 * 1024;
/// How soon a stop is noticed while the slices have no room.
const PAUSE: Duration = Duration::from_millis(100);

/// Hands a file to the slices, once it is known to be sound as a whole.
pub(crate) fn replay(path: &Path, shared: &Shared, chunks: &Sender<Chunk>) -> End {
    let unreadable = |error| End::File { path: path.into(), error };
    match check(path, shared) {
        Err(error) => unreadable(error),
        Ok(Err(error)) => End::Snapshot(error),
        Ok(Ok(bytes)) => match hand_over(path, bytes, shared, chunks) {
            Err(error) => unreadable(error),
            Ok(end) => end,
        },
    }
}

/// The size of a file that decodes to its end.
fn check(path: &Path, shared: &Shared) -> io::Result<Result<u64, rdb::Error>> {
    let mut file = File::open(path)?;
    let mut buffer = vec![0; BUFFER];
    let mut decoder = Decoder::new();
    loop {
        let count = file.read(&mut buffer)?;
        if count == 0 || shared.is_stopped() {
            return Ok(decoder.finish().map(|()| decoder.offset()));
        }
        decoder.feed(&buffer[..count]);
        loop {
            match decoder.next(&mut Nothing) {
                Ok(Status::Event) => {}
                Ok(Status::NeedMore | Status::Done) => break,
                Err(error) => return Ok(Err(error)),
            }
        }
    }
}

fn hand_over(path: &Path, bytes: u64, shared: &Shared, chunks: &Sender<Chunk>) -> io::Result<End> {
    let mut file = File::open(path)?;
    let master = path.display().to_string();
    let start = Chunk::Full { replid: None, offset: 0, bytes: Some(bytes), master };
    if !send(start, shared, chunks) {
        return Ok(End::Stopped);
    }
    let mut left = bytes;
    while left > 0 {
        let mut buffer = vec![0; BUFFER.min(usize::try_from(left).unwrap_or(BUFFER))];
        file.read_exact(&mut buffer)?;
        left -= buffer.len() as u64;
        if !send(Chunk::Snapshot(buffer), shared, chunks) {
            return Ok(End::Stopped);
        }
    }
    Ok(if send(Chunk::SnapshotEnd, shared, chunks) { End::Finished } else { End::Stopped })
}

/// False: nobody wants it any more.
fn send(mut chunk: Chunk, shared: &Shared, chunks: &Sender<Chunk>) -> bool {
    loop {
        match chunks.send_timeout(chunk, PAUSE) {
            Ok(()) => {
                shared.wake_link();
                return true;
            }
            Err(SendTimeoutError::Timeout(back)) if !shared.is_stopped() => chunk = back,
            Err(_) => return false,
        }
    }
}
