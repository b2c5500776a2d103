//! Lines of a byte stream, and the bytes after them.

use memchr::memchr;

/// Bytes in a line, at most, by default.
pub const DEFAULT_LIMIT: usize = 64 * 1024;

/// A line that exceeds its limit.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
#[error("expected a newline within {limit} bytes")]
pub struct LineTooLong {
    /// The bytes a line may have before its newline.
    pub limit: usize,
}

/// Collects bytes and gives them out line by line. A line ends with LF; a CR before it is dropped.
#[derive(Debug)]
pub struct Lines {
    buf: Vec<u8>,
    /// Where the next line begins.
    start: usize,
    /// Up to here there is no newline.
    scanned: usize,
    limit: usize,
}

impl Lines {
    /// Takes lines of up to [`DEFAULT_LIMIT`] bytes.
    pub fn new() -> Self {
        Self::with_limit(DEFAULT_LIMIT)
    }

    /// Takes lines of up to `limit` bytes before the LF.
    pub fn with_limit(limit: usize) -> Self {
        Self { buf: Vec::new(), start: 0, scanned: 0, limit }
    }

    /// Adds bytes.
    pub fn feed(&mut self, bytes: &[u8]) {
        self.buf.drain(..self.start);
        self.scanned -= self.start;
        self.start = 0;
        self.buf.extend_from_slice(bytes);
    }

    /// The next line without its end, or `None` if it is incomplete.
    ///
    /// # Errors
    /// If there is no newline within the limit. Later calls give the same error.
    pub fn take(&mut self) -> Result<Option<&[u8]>, LineTooLong> {
        let end = memchr(b'\n', &self.buf[self.scanned..]).map(|at| self.scanned + at);
        if end.unwrap_or(self.buf.len()) - self.start > self.limit {
            return Err(LineTooLong { limit: self.limit });
        }
        let Some(end) = end else {
            self.scanned = self.buf.len();
            return Ok(None);
        };
        let line = &self.buf[self.start..end];
        self.start = end + 1;
        self.scanned = self.start;
        Ok(Some(line.strip_suffix(b"\r").unwrap_or(line)))
    }

    /// The next `count` bytes, which may contain newlines, or `None` if there are fewer.
    pub fn take_bytes(&mut self, count: usize) -> Option<&[u8]> {
        let bytes = self.buf.get(self.start..)?.get(..count)?;
        self.start += count;
        self.scanned = self.scanned.max(self.start);
        Some(bytes)
    }

    /// The bytes after the last line taken: an incomplete line, or what follows the lines.
    pub fn rest(&self) -> &[u8] {
        &self.buf[self.start..]
    }

    /// Ends with the bytes after the last line taken.
    pub fn into_rest(mut self) -> Vec<u8> {
        self.buf.drain(..self.start);
        self.buf
    }
}

impl Default for Lines {
    fn default() -> Self {
        Self::new()
    }
}
