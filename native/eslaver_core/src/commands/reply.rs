//! The reply to `COMMAND`, read as its bytes come, one described command at a time.

use super::Learned;

/// Bytes that a reply may have. That of Redis 8.10 has a tenth of a million, one with many modules
/// three times that.
const MAX_BYTES: usize = 8 << 20;
/// Values that a reply may have, arrays included. That of Redis 8.10 has some 15,000.
const MAX_VALUES: usize = 500_000;
/// Values that the description of one command may have.
const MAX_OF_ONE: usize = 20_000;
/// How deep arrays may be nested. Servers need 7.
const MAX_DEPTH: usize = 16;
/// Digits of a length or an integer.
const MAX_LINE: usize = 4096;

/// Bytes that are no reply to `COMMAND`, or too large a one. What follows cannot be told from it.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
pub enum BadReply {
    /// This is no value of the second version of the protocol.
    #[error("expected a value in the reply to COMMAND at byte {at}")]
    NoValue {
        /// Where in the reply.
        at: usize,
    },
    /// There is more of it than a server would say.
    #[error("expected no more than {limit} {what} in the reply to COMMAND")]
    TooLarge {
        /// Of what.
        what: &'static str,
        /// How many there may be.
        limit: usize,
    },
}

/// A part of the reply.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) enum Value {
    /// Null, or an error: it tells nothing.
    Nothing,
    Integer(i64),
    Bytes(Box<[u8]>),
    Array(Vec<Value>),
}

impl Value {
    pub(super) fn array(&self) -> Option<&[Value]> {
        match self {
            Value::Array(values) => Some(values),
            _ => None,
        }
    }

    pub(super) fn integer(&self) -> Option<i64> {
        match self {
            Value::Integer(integer) => Some(*integer),
            _ => None,
        }
    }

    pub(super) fn index(&self) -> Option<usize> {
        self.integer().and_then(|integer| usize::try_from(integer).ok())
    }

    pub(super) fn is(&self, word: &[u8]) -> bool {
        matches!(self, Value::Bytes(bytes) if bytes.eq_ignore_ascii_case(word))
    }

    /// What stands behind this name in a map that is an array of names and values.
    pub(super) fn field(&self, name: &[u8]) -> Option<&Value> {
        let pairs = self.array()?.chunks_exact(2);
        pairs
            .filter_map(|pair| pair.first().zip(pair.get(1)))
            .find(|(n, _)| n.is(name))
            .map(|p| p.1)
    }
}

/// An array that has not ended: how many values it lacks, and those it has.
#[derive(Debug)]
struct Open {
    lacks: usize,
    has: Vec<Value>,
}

/// Reads a reply. Feed it pieces of any size until it has ended.
#[derive(Debug)]
pub struct Reader {
    learned: Learned,
    /// The value that has begun.
    begun: Vec<u8>,
    /// The bytes that `begun` needs at least to have come, for a string.
    needs: usize,
    bytes: usize,
    values: usize,
    of_one: usize,
    /// The arrays that are open, the outermost first.
    open: Vec<Open>,
}

impl Reader {
    /// At the start of a reply. `learned` is what is known before it.
    pub fn new(learned: Learned) -> Self {
        let (begun, open) = (Vec::new(), Vec::new());
        Self { learned, begun, needs: 0, bytes: 0, values: 0, of_one: 0, open }
    }

    /// Takes the next bytes. When the reply ends among them: what was learned, and how many of these
    /// bytes are of the reply.
    ///
    /// # Errors
    /// When this is no such reply.
    pub fn feed(&mut self, bytes: &[u8]) -> Result<Option<(Learned, usize)>, BadReply> {
        let mut rest = bytes;
        while !rest.is_empty() {
            let missing = self.needs.saturating_sub(self.begun.len());
            let taken = match missing {
                0 => memchr::memchr(b'\n', rest).map_or(rest.len(), |at| at + 1),
                _ => missing.min(rest.len()),
            };
            let (head, tail) = rest.split_at_checked(taken).unwrap_or((rest, &[]));
            rest = tail;
            self.bytes += head.len();
            if self.bytes > MAX_BYTES {
                return Err(BadReply::TooLarge { what: "bytes", limit: MAX_BYTES });
            }
            self.begun.extend_from_slice(head);
            if self.take()? {
                return Ok(Some((std::mem::take(&mut self.learned), bytes.len() - rest.len())));
            }
        }
        Ok(None)
    }

    /// Takes the value in hand if it has all come. True: the reply has ended.
    fn take(&mut self) -> Result<bool, BadReply> {
        if self.begun.len() < self.needs {
            return Ok(false);
        }
        let Some(end) = memchr::memchr(b'\n', &self.begun) else {
            return if self.begun.len() > MAX_LINE { Err(self.no_value()) } else { Ok(false) };
        };
        let line = self.begun.get(..end).unwrap_or_default();
        let line = line.strip_suffix(b"\r").unwrap_or(line);
        let Some((&kind, text)) = line.split_first() else { return Err(self.no_value()) };
        let value = match kind {
            b'+' => Value::Bytes(text.into()),
            b'-' => Value::Nothing,
            b':' => Value::Integer(integer(text).ok_or_else(|| self.no_value())?),
            b'*' | b'$' => match integer(text).ok_or_else(|| self.no_value())? {
                -1 => Value::Nothing,
                length => {
                    let length = usize::try_from(length).map_err(|_| self.no_value())?;
                    if kind == b'*' {
                        return self.opens(length);
                    }
                    match self.string(end + 1, length)? {
                        Some(value) => value,
                        None => return Ok(false),
                    }
                }
            },
            _ => return Err(self.no_value()),
        };
        self.count()?;
        self.next_value();
        Ok(self.closes(value))
    }

    /// The string behind the line, if all of it has come.
    fn string(&mut self, start: usize, length: usize) -> Result<Option<Value>, BadReply> {
        let end = start.saturating_add(length).saturating_add(2);
        if end > MAX_BYTES {
            return Err(BadReply::TooLarge { what: "bytes", limit: MAX_BYTES });
        }
        self.needs = end;
        let Some(whole) = self.begun.get(start..end) else { return Ok(None) };
        match whole.strip_suffix(b"\r\n") {
            Some(string) => Ok(Some(Value::Bytes(string.into()))),
            None => Err(self.no_value()),
        }
    }

    fn opens(&mut self, lacks: usize) -> Result<bool, BadReply> {
        self.count()?;
        if self.open.len() >= MAX_DEPTH {
            return Err(BadReply::TooLarge { what: "nested arrays", limit: MAX_DEPTH });
        }
        self.next_value();
        if lacks == 0 {
            return Ok(self.closes(Value::Array(Vec::new())));
        }
        self.open.push(Open { lacks, has: Vec::new() });
        Ok(false)
    }

    fn next_value(&mut self) {
        self.begun.clear();
        self.needs = 0;
    }

    /// Puts a value where it belongs, and the arrays that end with it. True: so does the reply.
    fn closes(&mut self, mut value: Value) -> bool {
        loop {
            let outermost = self.open.len() == 1;
            let Some(open) = self.open.last_mut() else { return true };
            open.lacks -= 1;
            if outermost {
                self.learned.add(&value);
                self.of_one = 0;
            } else {
                open.has.push(value);
            }
            if open.lacks > 0 {
                return false;
            }
            value = Value::Array(std::mem::take(&mut open.has));
            self.open.pop();
        }
    }

    fn count(&mut self) -> Result<(), BadReply> {
        self.values += 1;
        self.of_one += 1;
        if self.values > MAX_VALUES {
            return Err(BadReply::TooLarge { what: "values", limit: MAX_VALUES });
        }
        if self.of_one > MAX_OF_ONE {
            return Err(BadReply::TooLarge { what: "values of one command", limit: MAX_OF_ONE });
        }
        Ok(())
    }

    fn no_value(&self) -> BadReply {
        BadReply::NoValue { at: self.bytes.saturating_sub(self.begun.len()) }
    }
}

fn integer(text: &[u8]) -> Option<i64> {
    std::str::from_utf8(text).ok()?.parse().ok()
}
