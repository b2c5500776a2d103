//! The snapshot's envelope: where its bytes begin, and where they end.
//!
//! A master sends `$<len>` and `len` bytes. If it does not know the length beforehand, it sends
//! `$EOF:<mark>`, the bytes, and the mark again. Newlines before that keep the link alive.

use memchr::{memchr, memmem};

/// The length of an end mark, in bytes.
pub const MARK_LEN: usize = 40;

/// Bytes in the line before the snapshot, at most.
const MAX_HEADER: usize = 1024;

/// Bytes that an error shows of what was found.
const MAX_SHOWN: usize = 256;

/// How long the snapshot is.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Size {
    /// This number of bytes.
    Known(u64),
    /// Until the mark comes.
    Marked,
}

/// What the input held.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Found<'a> {
    /// Nothing yet: give the bytes that follow.
    NeedMore,
    /// The header: the snapshot follows.
    Start(Size),
    /// Bytes of the snapshot.
    Payload(&'a [u8]),
    /// The snapshot is complete. The bytes not consumed belong to the command stream.
    End,
}

/// Why there is no snapshot. The transfer is over then.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum TransferError {
    /// The master sent an error instead.
    #[error("the master aborted the transfer: {0}")]
    Aborted(String),
    /// An impossible length of a snapshot.
    #[error("expected the length of a snapshot, found '${0}'")]
    BadLength(String),
    /// An end mark of another length than 40 bytes.
    #[error("expected an end mark of 40 bytes, found '$EOF:{0}'")]
    BadMark(String),
    /// No snapshot.
    #[error("expected a snapshot, found '{0}'")]
    Unexpected(String),
    /// A header without an end.
    #[error("expected a newline within 1024 bytes of the snapshot's header")]
    HeaderTooLong,
}

/// Finds the snapshot in the bytes that follow `+FULLRESYNC`, and its end.
#[derive(Debug)]
pub struct Transfer {
    state: State,
}

#[derive(Debug)]
enum State {
    Header(Vec<u8>),
    Known { left: u64 },
    Marked(Box<Mark>),
}

#[derive(Debug)]
struct Mark {
    bytes: [u8; MARK_LEN],
    finder: memmem::Finder<'static>,
    /// For the first n bytes of the mark: the length of its longest beginning that they end with.
    borders: [usize; MARK_LEN],
    /// How many bytes of the mark the input so far ended with. They are held back. `bytes` has
    /// them.
    held: usize,
}

impl Transfer {
    /// Starts at the byte after the line that announced the snapshot.
    pub fn new() -> Self {
        Self { state: State::Header(Vec::new()) }
    }

    /// Takes the next bytes. Returns how many it consumed, and what they meant. Call it again with
    /// the rest until it needs more or the snapshot is complete.
    ///
    /// # Errors
    /// If the bytes are no snapshot, or the master says that there will be none.
    pub fn next<'a>(&'a mut self, input: &'a [u8]) -> Result<(usize, Found<'a>), TransferError> {
        if let State::Header(line) = &mut self.state {
            let (consumed, header) = read_header(line, input)?;
            return Ok((consumed, self.begin(header)));
        }
        Ok(match &mut self.state {
            State::Known { left } => known(left, input),
            State::Marked(mark) => mark.next(input),
            State::Header(_) => (0, Found::NeedMore),
        })
    }

    fn begin(&mut self, header: Option<Header>) -> Found<'static> {
        let (state, size) = match header {
            None => return Found::NeedMore,
            Some(Header::Len(len)) => (State::Known { left: len }, Size::Known(len)),
            Some(Header::Mark(mark)) => (State::Marked(Box::new(Mark::new(mark))), Size::Marked),
        };
        self.state = state;
        Found::Start(size)
    }
}

impl Default for Transfer {
    fn default() -> Self {
        Self::new()
    }
}

enum Header {
    Len(u64),
    Mark([u8; MARK_LEN]),
}

/// Collects the header's line in `line`.
fn read_header(line: &mut Vec<u8>, input: &[u8]) -> Result<(usize, Option<Header>), TransferError> {
    let mut consumed = 0;
    while let Some(end) = memchr(b'\n', &input[consumed..]) {
        append(line, &input[consumed..consumed + end])?;
        consumed += end + 1;
        let full = std::mem::take(line);
        let text = full.strip_suffix(b"\r").unwrap_or(&full);
        if !text.is_empty() {
            return Ok((consumed, Some(header(text)?)));
        }
    }
    append(line, &input[consumed..])?;
    Ok((input.len(), None))
}

/// Rejects at the first byte what cannot become a header: the rest of it may never arrive.
fn append(line: &mut Vec<u8>, bytes: &[u8]) -> Result<(), TransferError> {
    let room = MAX_HEADER - line.len();
    line.extend_from_slice(&bytes[..bytes.len().min(room)]);
    match line.first() {
        Some(b'-') if bytes.len() > room => Err(TransferError::Aborted(shown(&line[1..]))),
        Some(b'$') if bytes.len() > room => Err(TransferError::HeaderTooLong),
        None | Some(b'$' | b'-') => Ok(()),
        Some(b'\r') if line.len() == 1 => Ok(()),
        Some(_) => Err(TransferError::Unexpected(shown(line.trim_ascii_end()))),
    }
}

fn header(line: &[u8]) -> Result<Header, TransferError> {
    match line {
        [b'-', text @ ..] => Err(TransferError::Aborted(shown(text))),
        [b'$', b'E', b'O', b'F', b':', mark @ ..] => {
            mark.try_into().map(Header::Mark).map_err(|_| TransferError::BadMark(shown(mark)))
        }
        [b'$', len @ ..] => {
            length(len).map(Header::Len).ok_or_else(|| TransferError::BadLength(shown(len)))
        }
        _ => Err(TransferError::Unexpected(shown(line))),
    }
}

/// A snapshot has at least its magic, and a length fits the master's signed 64 bits.
fn length(text: &[u8]) -> Option<u64> {
    if !text.iter().all(u8::is_ascii_digit) {
        return None;
    }
    let len: i64 = std::str::from_utf8(text).ok()?.parse().ok()?;
    u64::try_from(len).ok().filter(|&len| len > 0)
}

fn shown(bytes: &[u8]) -> String {
    bytes[..bytes.len().min(MAX_SHOWN)].escape_ascii().to_string()
}

fn known<'a>(left: &mut u64, input: &'a [u8]) -> (usize, Found<'a>) {
    if *left == 0 {
        return (0, Found::End);
    }
    if input.is_empty() {
        return (0, Found::NeedMore);
    }
    let take = usize::try_from(*left).map_or(input.len(), |left| left.min(input.len()));
    *left -= take as u64;
    (take, Found::Payload(&input[..take]))
}

impl Mark {
    fn new(bytes: [u8; MARK_LEN]) -> Self {
        let finder = memmem::Finder::new(&bytes).into_owned();
        Self { bytes, finder, borders: borders(&bytes), held: 0 }
    }

    fn next<'a>(&'a mut self, input: &'a [u8]) -> (usize, Found<'a>) {
        match self.held {
            0 => self.search(input),
            MARK_LEN => (0, Found::End),
            _ => self.compare(input),
        }
    }

    /// Goes on with a mark that may have begun in an earlier input.
    fn compare<'a>(&'a mut self, input: &'a [u8]) -> (usize, Found<'a>) {
        for (at, byte) in input.iter().enumerate() {
            if *byte != self.bytes[self.held] {
                let free = self.held - self.borders[self.held - 1];
                self.held -= free;
                return (at, Found::Payload(&self.bytes[..free]));
            }
            self.held += 1;
            if self.held == MARK_LEN {
                return (at + 1, Found::End);
            }
        }
        (input.len(), Found::NeedMore)
    }

    fn search<'a>(&mut self, input: &'a [u8]) -> (usize, Found<'a>) {
        match self.finder.find(input) {
            Some(0) => {
                self.held = MARK_LEN;
                (MARK_LEN, Found::End)
            }
            Some(at) => (at, Found::Payload(&input[..at])),
            None => {
                self.held = begun(&self.bytes, input);
                match &input[..input.len() - self.held] {
                    [] => (input.len(), Found::NeedMore),
                    payload => (input.len(), Found::Payload(payload)),
                }
            }
        }
    }
}

/// How many bytes of the mark's beginning the input ends with.
fn begun(mark: &[u8; MARK_LEN], input: &[u8]) -> usize {
    let from = input.len().saturating_sub(MARK_LEN - 1);
    (from..input.len()).find(|&at| mark.starts_with(&input[at..])).map_or(0, |at| input.len() - at)
}

/// Knuth, Morris and Pratt's table.
fn borders(mark: &[u8; MARK_LEN]) -> [usize; MARK_LEN] {
    let mut table = [0; MARK_LEN];
    let mut len = 0;
    for at in 1..MARK_LEN {
        while len > 0 && mark[at] != mark[len] {
            len = table[len - 1];
        }
        len += usize::from(mark[at] == mark[len]);
        table[at] = len;
    }
    table
}
