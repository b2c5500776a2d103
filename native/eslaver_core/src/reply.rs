//! Answers that are more than a line: RESP2 values, each given once it is whole.

use crate::lines::Lines;

/// Memory of a value besides its bytes: its slot in a vector that doubles. While a vector grows,
/// the smaller one exists beside the larger.
const COST: usize = 2 * size_of::<Value>();
/// Memory of an array besides: the slots that its vector begins with, and its slot among open ones.
const ARRAY_COST: usize = 4 * size_of::<Value>() + 2 * size_of::<(usize, Vec<Value>)>();

/// An answer.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Value {
    /// `+…`
    Status(Vec<u8>),
    /// `-…`
    Error(Vec<u8>),
    /// `:…`
    Integer(i64),
    /// `$…`
    Bulk(Vec<u8>),
    /// `$-1` and `*-1`
    Nil,
    /// `*…`
    Array(Vec<Value>),
}

impl Value {
    pub(crate) fn array(&self) -> Option<&[Value]> {
        match self {
            Value::Array(values) => Some(values),
            _ => None,
        }
    }

    pub(crate) fn integer(&self) -> Option<i64> {
        match self {
            Value::Integer(integer) => Some(*integer),
            _ => None,
        }
    }

    /// A status or a string.
    pub(crate) fn text(&self) -> Option<&[u8]> {
        match self {
            Value::Status(text) | Value::Bulk(text) => Some(text),
            _ => None,
        }
    }

    /// The value of a name in a map, which is an array of names and values.
    pub(crate) fn field(&self, name: &[u8]) -> Option<&Value> {
        self.array()?.chunks_exact(2).find_map(|pair| match pair {
            [key, value] if key.text() == Some(name) => Some(value),
            _ => None,
        })
    }
}

/// What an answer may be at most.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Limits {
    /// Bytes of memory, estimated from the values.
    pub memory: usize,
    /// Arrays within arrays.
    pub depth: usize,
}

impl Default for Limits {
    fn default() -> Self {
        Self { memory: 64 << 20, depth: 16 }
    }
}

/// Why an answer cannot be read. What follows it is lost, too.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum ReplyError {
    /// A line that begins no value.
    #[error("expected a RESP2 value")]
    NoValue,
    /// More than [`Limits::memory`].
    #[error("expected an answer of at most {0} bytes of memory")]
    TooLarge(usize),
    /// More than [`Limits::depth`].
    #[error("expected at most {0} arrays within arrays")]
    TooDeep(usize),
}

/// Reads one value after the other. No memory is reserved because a length says so.
#[derive(Debug)]
pub struct Replies {
    limits: Limits,
    memory: usize,
    /// The arrays that have begun, from the outermost, each with the number of elements it lacks.
    open: Vec<(usize, Vec<Value>)>,
    /// The length of the bulk string that has begun.
    bulk: Option<usize>,
}

/// What a line is.
enum Begun {
    Whole(Value),
    Array(usize),
    Bulk(usize),
}

impl Replies {
    /// Takes answers within these limits.
    pub fn new(limits: Limits) -> Self {
        Self { limits, memory: 0, open: Vec::new(), bulk: None }
    }

    /// The next value, or `None` if it is incomplete. Empty lines between values are skipped.
    ///
    /// # Errors
    /// If the bytes are no value, or exceed the limits. What follows is lost.
    pub fn next(&mut self, lines: &mut Lines) -> Result<Option<Value>, ReplyError> {
        loop {
            let value = match self.bulk {
                Some(length) => match lines.take_bytes(length + b"\r\n".len()) {
                    Some([bytes @ .., b'\r', b'\n']) => Value::Bulk(bytes.to_vec()),
                    Some(_) => return Err(ReplyError::NoValue),
                    None => return Ok(None),
                },
                None => match lines.take().map_err(|_| ReplyError::NoValue)? {
                    None => return Ok(None),
                    Some([]) if self.open.is_empty() => continue,
                    Some(line) => match self.begin(line)? {
                        Some(value) => value,
                        None => continue,
                    },
                },
            };
            self.bulk = None;
            if let Some(whole) = self.put(value) {
                self.memory = 0;
                return Ok(Some(whole));
            }
        }
    }

    /// The value of a line, or `None` if there is more to it.
    fn begin(&mut self, line: &[u8]) -> Result<Option<Value>, ReplyError> {
        let begun = begun(line).ok_or(ReplyError::NoValue)?;
        let bytes = match &begun {
            Begun::Bulk(length) => *length,
            Begun::Whole(_) | Begun::Array(0) => line.len(),
            Begun::Array(_) => ARRAY_COST,
        };
        self.memory = self.memory.saturating_add(bytes).saturating_add(COST);
        if self.memory > self.limits.memory {
            return Err(ReplyError::TooLarge(self.limits.memory));
        }
        match begun {
            Begun::Whole(value) => return Ok(Some(value)),
            Begun::Array(0) => return Ok(Some(Value::Array(Vec::new()))),
            Begun::Bulk(length) => self.bulk = Some(length),
            Begun::Array(_) if self.open.len() == self.limits.depth => {
                return Err(ReplyError::TooDeep(self.limits.depth));
            }
            Begun::Array(count) => self.open.push((count, Vec::new())),
        }
        Ok(None)
    }

    /// Adds a value to the open array. Returns the answer if that completes it.
    fn put(&mut self, mut value: Value) -> Option<Value> {
        while let Some((lacking, mut elements)) = self.open.pop() {
            elements.push(value);
            if lacking > 1 {
                self.open.push((lacking - 1, elements));
                return None;
            }
            value = Value::Array(elements);
        }
        Some(value)
    }
}

impl Default for Replies {
    fn default() -> Self {
        Self::new(Limits::default())
    }
}

fn begun(line: &[u8]) -> Option<Begun> {
    let (kind, text) = line.split_first()?;
    Some(match (kind, text) {
        (b'+', _) => Begun::Whole(Value::Status(text.to_vec())),
        (b'-', _) => Begun::Whole(Value::Error(text.to_vec())),
        (b':', _) => Begun::Whole(Value::Integer(number(text)?)),
        (b'$' | b'*', b"-1") => Begun::Whole(Value::Nil),
        (b'$', _) => Begun::Bulk(length(text)?),
        (b'*', _) => Begun::Array(length(text)?),
        _ => return None,
    })
}

fn number(text: &[u8]) -> Option<i64> {
    std::str::from_utf8(text).ok()?.parse().ok()
}

/// No more than a signed 32-bit number, as in the servers themselves.
fn length(text: &[u8]) -> Option<usize> {
    let length: i32 = std::str::from_utf8(text).ok()?.parse().ok()?;
    usize::try_from(length).ok()
}
