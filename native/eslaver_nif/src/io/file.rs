//! An RDB file instead of a master.

use std::fs::File;
use std::io::{self, Read, Seek};
use std::path::Path;
use std::time::Duration;

use crossbeam_channel::{SendTimeoutError, Sender};
use eslaver_core::rdb::{Decoder, Limits, Nothing, Status};

use crate::link::end::End;
use crate::link::shared::{Chunk, Shared};

const BUFFER: usize = 64 * 1024;
/// How soon a stop is noticed while the slices have no room.
const PAUSE: Duration = Duration::from_millis(100);

/// Hands a file to the slices, once the whole file has been checked.
pub(crate) fn replay(
    opened: io::Result<File>,
    path: &Path,
    limits: Limits,
    shared: &Shared,
    chunks: &Sender<Chunk>,
) -> End {
    let checked = opened.and_then(|mut file| {
        let bytes = check(&mut file, limits, shared)?;
        file.rewind()?;
        Ok((file, bytes))
    });
    let end = checked.and_then(|(mut file, bytes)| match bytes {
        Err(end) => Ok(end),
        Ok(bytes) => hand_over(&mut file, path, bytes, shared, chunks),
    });
    end.unwrap_or_else(|error| End::File { path: path.into(), error })
}

/// The size of the snapshot in the file, if it decodes.
fn check(file: &mut File, limits: Limits, shared: &Shared) -> io::Result<Result<u64, End>> {
    let mut buffer = vec![0; BUFFER];
    let mut decoder = Decoder::with_limits(limits);
    loop {
        if shared.is_stopped() {
            return Ok(Err(End::Stopped));
        }
        let count = file.read(&mut buffer)?;
        if count == 0 {
            return Ok(decoder.finish().map(|()| decoder.offset()).map_err(End::from));
        }
        decoder.feed(&buffer[..count]);
        loop {
            match decoder.next(&mut Nothing) {
                Ok(Status::Event) => {}
                Ok(Status::NeedMore | Status::Done) => break,
                Err(error) => return Ok(Err(End::Snapshot(error))),
            }
        }
    }
}

fn hand_over(
    file: &mut File,
    path: &Path,
    bytes: u64,
    shared: &Shared,
    chunks: &Sender<Chunk>,
) -> io::Result<End> {
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
        if !send(Chunk::Snapshot(buffer.into()), shared, chunks) {
            return Ok(End::Stopped);
        }
    }
    Ok(if send(Chunk::SnapshotEnd, shared, chunks) { End::Finished } else { End::Stopped })
}

/// False: the link has been stopped.
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
